package tax

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
)

// Registration is a number that an authority gave the merchant. Days are civil days of the authority, both ends
// included.
type Registration struct {
	ID        string
	Word      string // in the words of package landed: IOSS, GB_VAT, MY_LVG, US_CA …; OSS and CA_QST it leaves alone
	Number    string // as the authority writes it; never printed on a parcel
	Note      string // the intermediary, the state that gave it
	ValidFrom string
	ValidTo   string // last day; empty while it holds
	NotedAt   time.Time
}

// On reports whether the registration holds on a day.
func (r Registration) On(day string) bool {
	return r.ValidFrom <= day && (r.ValidTo == "" || day <= r.ValidTo)
}

// Words are all registrations that can be noted, sorted.
func Words() []string {
	all := []string{"REMESSA_CONFORME"}
	for _, s := range known().schemes {
		all = append(all, s.Registration)
	}
	for _, t := range known().thresholds {
		if t.Registration != "" {
			all = append(all, t.Registration)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Register notes a registration. One word has one number on one day. ErrRegistration.
func (s *Service) Register(tx *db.Tx, r Registration) (Registration, error) {
	r.Word = strings.ToUpper(strings.TrimSpace(r.Word))
	r.Number = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(r.Number), " ", ""))
	var c fault.Check
	words := Words()
	at := slices.IndexFunc(words, func(w string) bool { return sameWord(w, r.Word) })
	c.That(at >= 0, "word", "tax.unknown_word")
	if at >= 0 {
		r.Word = words[at]
	}
	c.That(r.Number != "" && len(r.Number) <= 40, "number", "required")
	for _, scheme := range s.facts.schemes {
		if scheme.Registration == r.Word {
			c.That(scheme.number.MatchString(r.Number), "number", "tax.number_form")
		}
	}
	c.That(len(r.Note) <= 300, "note", "too_long")
	c.That(isDay(r.ValidFrom), "valid_from", "pricing.day_form")
	c.That(r.ValidTo == "" || isDay(r.ValidTo), "valid_to", "pricing.day_form")
	c.That(r.ValidTo == "" || r.ValidFrom <= r.ValidTo, "valid_to", "pricing.dates_order")
	if err := c.Err(ErrRegistration.Code); err != nil {
		return r, err
	}
	all, err := s.Registrations(tx)
	if err != nil {
		return r, err
	}
	for _, o := range all {
		if o.Word == r.Word && (r.ValidTo == "" || o.ValidFrom <= r.ValidTo) && (o.ValidTo == "" || r.ValidFrom <= o.ValidTo) {
			return r, ErrRegistration.With(map[string]string{"valid_from": "tax.registered_already"})
		}
	}
	r.ID, r.NotedAt = id.New("reg"), tx.Now()
	err = tx.Send(`insert into tax_registrations (id, word, number, note, valid_from, valid_to, noted_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.Word, r.Number, r.Note, r.ValidFrom, r.ValidTo, r.NotedAt)
	if err != nil {
		return r, err
	}
	return r, s.Bump(tx, Version)
}

// End lets a registration end with a day. ErrUnknownRegistration, ErrRegistration.
func (s *Service) End(tx *db.Tx, registration, lastDay string) error {
	r, err := db.One(tx, scanRegistration, `select `+registrationColumns+` from tax_registrations where id = $1`+tx.ForUpdate(), registration)
	if errors.Is(err, db.ErrNone) {
		return fmt.Errorf("%.60q: %w", registration, ErrUnknownRegistration)
	}
	if err != nil {
		return err
	}
	var c fault.Check
	c.That(isDay(lastDay), "valid_to", "pricing.day_form")
	c.That(!isDay(lastDay) || r.ValidFrom <= lastDay, "valid_to", "pricing.dates_order")
	c.That(r.ValidTo == "" || lastDay <= r.ValidTo, "valid_to", "tax.ended_already")
	if err := c.Err(ErrRegistration.Code); err != nil {
		return err
	}
	if err := tx.Send(`update tax_registrations set valid_to = $2 where id = $1`, registration, lastDay); err != nil {
		return err
	}
	return s.Bump(tx, Version)
}

const registrationColumns = `id, word, number, note, valid_from, valid_to, noted_at`

func scanRegistration(r db.Row) (v Registration, err error) {
	err = r.Scan(&v.ID, &v.Word, &v.Number, &v.Note, &v.ValidFrom, &v.ValidTo, &v.NotedAt)
	v.NotedAt = v.NotedAt.UTC()
	return
}

// Registrations lists all that were noted, by word and day.
func (s *Service) Registrations(tx *db.Tx) ([]Registration, error) {
	return db.All(tx, scanRegistration, `select `+registrationColumns+` from tax_registrations order by word, valid_from, id`)
}

// Version is the name under which changes of the registrations are counted.
const Version = "tax.registrations"

// roll is the copy of the registrations in memory.
type roll struct{ all []Registration }

func loadRoll(tx *db.Tx, _ *roll) (*roll, error) {
	all, err := db.All(tx, scanRegistration, `select `+registrationColumns+` from tax_registrations order by word, valid_from, id`)
	return &roll{all}, err
}

// Registered are the registrations that hold on a civil day, in the words of package landed, from memory: what the
// checkout charges by.
func (s *Service) Registered(day string) []string { return onDay(s.roll.Get().all, day) }

// Active is Registered as the unit of work sees it.
func (s *Service) Active(tx *db.Tx, day string) ([]string, error) {
	all, err := s.Registrations(tx)
	return onDay(all, day), err
}

func onDay(all []Registration, day string) []string {
	var words []string
	for _, r := range all {
		if r.On(day) {
			words = append(words, r.Word)
		}
	}
	return slices.Compact(words)
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
