package messaging

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
)

var (
	// ErrUnknownSender is the fault of a sender that nobody wrote down.
	ErrUnknownSender = fault.New(fault.NotFound, "messaging.unknown_sender")
	// ErrSenderForm is the fault of a sender that can't be kept as it is given, with its fields.
	ErrSenderForm = fault.New(fault.Invalid, "messaging.sender_form")
	// ErrSenderTaken is the fault of a sender that stands in the book of its country already.
	ErrSenderTaken = fault.New(fault.Conflict, "messaging.sender_taken")
)

// Registration is how far a sender has come with a country's register.
type Registration string

const (
	NotNeeded Registration = "not_needed"
	Missing   Registration = "missing" // nobody has asked yet
	Submitted Registration = "submitted"
	Approved  Registration = "approved"
	Rejected  Registration = "rejected"
	Lapsed    Registration = "expired"
	Removed   Registration = "removed" // taken off the register, such as for too few messages
)

// Registrations are all states, in the order in which a sender goes through them.
var Registrations = []Registration{NotNeeded, Missing, Submitted, Approved, Rejected, Lapsed, Removed}

// ShopLink stands for the shop's own address in a sender's registered links.
const ShopLink = "{shop}"

// volumeSpan is the time in which networks count what a sender sends.
const volumeSpan = 90 * 24 * time.Hour

// SenderRecord is what phones in a country show as sender, and the papers that let it.
type SenderRecord struct {
	ID        string         `json:"id"`
	Country   market.Country `json:"country"`
	Kind      Kind           `json:"kind"`
	Value     string         `json:"value"` // exact case
	Provider  string         `json:"provider,omitempty"`
	State     Registration   `json:"state"`
	Papers    string         `json:"papers,omitempty"`     // what was handed in, and what came back
	ValidFrom string         `json:"valid_from,omitempty"` // days; empty: no end
	ValidTo   string         `json:"valid_to,omitempty"`
	TwoWay    bool           `json:"two_way"`              // people can answer it
	Receipts  bool           `json:"receipts"`             // networks say what became of its messages
	Here      bool           `json:"here"`                 // a company established in the country sends
	MinVolume int64          `json:"min_volume,omitempty"` // messages in 90 days below which it is taken away; 0: none
	Volume    int64          `json:"-"`                    // messages in the last 90 days, counted once a day
	CountedAt time.Time      `json:"-"`
	Links     []string       `json:"links,omitempty"`  // how registered links begin; ShopLink is the shop's own address
	Phones    []string       `json:"phones,omitempty"` // registered telephone numbers, E.164
	Who       string         `json:"-"`
	ChangedAt time.Time      `json:"-"`
}

// Standing is the registration as it holds on a day: one outside its dates is submitted or expired.
func (r SenderRecord) Standing(day string) Registration {
	if r.State != Approved && r.State != NotNeeded {
		return r.State
	}
	switch {
	case r.ValidTo != "" && day > r.ValidTo:
		return Lapsed
	case r.ValidFrom != "" && day < r.ValidFrom:
		return Submitted
	}
	return r.State
}

func (r SenderRecord) inForce(day string) bool {
	s := r.Standing(day)
	return s == Approved || s == NotNeeded
}

// needsRegister reports whether a country's row asks for a registration of this kind of sender.
func (p Policy) needsRegister(k Kind) bool {
	return p.Registration == "required" || k == Alpha && p.Sender == "registered"
}

// senderFault says why a sender may not send to a place, or nothing. rec is what the book says of it, nil if it says
// nothing; without a book (booked is false) registrations aren't asked for. Of a sender that nobody wrote down, what
// belongs to a purchase goes: known only says that it went unproved.
func (r *rules) senderFault(p Policy, k Kind, sender string, rec *SenderRecord, booked bool, cl Class, day string) (code, detail string, unproved bool) {
	where := string(p.Country) + " " + sender
	if k == Alpha {
		registered := rec != nil && rec.inForce(day)
		switch {
		case p.Sender == "no", p.Sender == "overwritten" && !(registered && rec.State == Approved), p.Sender == "domestic" && booked && !(registered && rec.Here):
			return "sender_not_allowed", string(p.Country) + " " + string(k), false
		case !alphaForm(p.SenderForm, sender):
			return "sender_characters", where, false
		case !p.Generic && r.generic[strings.ToUpper(strings.Trim(sender, " 0123456789-_."))]:
			return "generic_sender", where, false
		}
	}
	if !booked || !p.needsRegister(k) {
		return "", "", false
	}
	switch {
	case rec == nil && !cl.asks():
		return "", where, true
	case rec == nil:
		return "sender_unregistered", where + " " + string(Missing), false
	case !rec.inForce(day):
		return "sender_unregistered", where + " " + string(rec.Standing(day)), false
	}
	return "", "", false
}

// alphaForm reports whether a name is one that networks show: at most eleven characters, a letter among them, and
// what the country asks besides.
func alphaForm(form, sender string) bool {
	n := len([]rune(sender))
	if n > 11 || !strings.ContainsFunc(sender, unicode.IsLetter) {
		return false
	}
	switch form {
	case "letters_digits":
		return !strings.ContainsFunc(sender, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	case "3-11":
		return n >= 3
	case "upper":
		return sender == strings.ToUpper(sender)
	}
	return true
}

// answerable reports whether people can answer a sender. A sender in the book says so itself; of others a country's
// row is believed.
func answerable(p *Policy, k Kind, rec *SenderRecord) bool {
	switch {
	case !k.TwoWay():
		return false
	case rec != nil:
		return rec.TwoWay
	case p == nil:
		return true
	case p.TwoWay == "short_code":
		return k == ShortCode
	}
	return p.TwoWay != "no"
}

// fit says how a text has to look for the sender that was chosen.
func (a application) fit(f *form) {
	f.twoWay, f.links = answerable(f.policy, a.kind, a.record), true
	p := f.policy
	if p == nil {
		return
	}
	f.links = p.Links == AnyLink || a.rules.linkFault(*p, a.record, a.booked, a.base+"/l/", a.base) == ""
	if f.room = p.MaxUnits; !p.PartsAdvised && (p.PartsFor == "" || p.PartsFor == a.kind) {
		f.most = p.MaxParts
	}
}

// linkFault says why a web address may not stand in an SMS, or nothing.
func (r *rules) linkFault(p Policy, rec *SenderRecord, booked bool, link, base string) string {
	host := hostOf(link)
	own := hostOf(base)
	ours := host == own || strings.HasSuffix(host, "."+own)
	kind := r.hosts[host]
	switch p.Links {
	case NoLink:
		return "link_not_allowed"
	case LocalLink:
		if rec == nil || !rec.Here {
			return "link_not_allowed"
		}
	case NoShorteners:
		if kind == "chat" {
			return "link_not_allowed"
		}
	case OwnDomain:
		if kind == "" && !ours {
			return "link_foreign"
		}
	case ListedLink:
		if kind == "" && (booked || !ours) && !rec.lists(link, base) {
			return "link_unlisted"
		}
	}
	if kind == "shortener" && p.Links != AnyLink || kind == "chat" && (p.Links == OwnDomain || p.Links == ListedLink) {
		return "link_shortener"
	}
	return ""
}

// lists reports whether a link was registered with the sender.
func (r *SenderRecord) lists(link, base string) bool {
	return r != nil && slices.ContainsFunc(r.Links, func(l string) bool {
		l = strings.TrimRight(strings.ReplaceAll(l, ShopLink, base), "/")
		rest, ok := strings.CutPrefix(bare(link), bare(l))
		return ok && l != "" && (rest == "" || rest[0] == '/' || rest[0] == '?' || rest[0] == '#')
	})
}

func bare(link string) string {
	_, after, ok := strings.Cut(link, "://")
	if !ok {
		after = link
	}
	host, path, cut := strings.Cut(after, "/")
	if cut {
		return strings.ToLower(host) + "/" + path
	}
	return strings.ToLower(host)
}

func hostOf(link string) string {
	if !strings.Contains(link, "://") {
		link = "https://" + link
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// linksIn lists the web addresses in a text.
func linksIn(s string) (all []string) {
	for word := range strings.FieldsSeq(s) {
		word = strings.Trim(word, ".,;:!?()\"'“”„«»、。，（）】【")
		if looksLikeLink(word) {
			if at := strings.Index(word, "://"); at > 0 { // something stuck to its front, as in scripts without spaces
				start := strings.LastIndexFunc(word[:at], func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) })
				word = word[start+1:]
			}
			all = append(all, word)
		}
	}
	return all
}

// Senders lists the book, by country and value.
func (s *Service) Senders(tx *db.Tx) ([]SenderRecord, error) { return readSenders(tx) }

// Sender returns one sender or ErrUnknownSender.
func (s *Service) Sender(tx *db.Tx, id string) (SenderRecord, error) {
	r, err := db.One(tx, scanSender, `select `+senderColumns+` from message_senders where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownSender
	}
	return r, err
}

// SenderChange is how a sender was written down at a moment.
type SenderChange struct {
	SenderRecord
	At  time.Time
	Who string
}

// SenderHistory is how a sender was written down, the latest first.
func (s *Service) SenderHistory(tx *db.Tx, id string) ([]SenderChange, error) {
	return db.All(tx, func(r db.Row) (c SenderChange, err error) {
		var body string
		if err = r.Scan(&c.At, &c.Who, &body); err == nil {
			err = json.Unmarshal([]byte(body), &c.SenderRecord)
		}
		c.At = c.At.UTC()
		return
	}, `select at, who, body from message_sender_changes where sender = $1 order by id desc limit 100`, id)
}

// Unrecorded lists the senders of phone messages in use that nobody wrote down, with the countries they send to.
func (s *Service) Unrecorded(tx *db.Tx) (all []SenderRecord, err error) {
	have, err := readSenders(tx)
	if err != nil {
		return nil, err
	}
	for _, r := range s.routes("") {
		if r.Channel != SMS {
			continue
		}
		for _, c := range r.Countries {
			if !slices.ContainsFunc(have, func(h SenderRecord) bool { return h.Country == c && h.Value == senderName(r) }) {
				all = append(all, SenderRecord{Country: c, Kind: r.Kind, Value: senderName(r), Provider: r.Provider, State: Missing, TwoWay: r.Kind.TwoWay(), Receipts: true})
				have = append(have, all[len(all)-1])
			}
		}
	}
	return all, nil
}

// senderName is a route's sender as the book has it; a pool of numbers goes by its route.
func senderName(r Route) string { return cmp.Or(r.Sender, r.Name) }

// KeepSender writes a sender down, a new one where r has no ID, and makes it count from now on. What is wrong is
// ErrSenderForm with its fields; two of one name in a country are ErrSenderTaken.
func (s *Service) KeepSender(tx *db.Tx, r SenderRecord, by string) (SenderRecord, error) {
	if err := r.tidy(); err != nil {
		return r, err
	}
	fresh := r.ID == ""
	if fresh {
		r.ID = newID("snd")
	}
	r.Who, r.ChangedAt = by, tx.Now()
	taken := ErrSenderTaken.With(map[string]string{"value": "messaging.sender_taken"})
	args := []any{r.ID, string(r.Country), string(r.Kind), r.Value, r.Provider, string(r.State), r.Papers, r.ValidFrom, r.ValidTo, r.TwoWay, r.Receipts, r.Here,
		r.MinVolume, encode(r.Links), encode(r.Phones), r.Who, r.ChangedAt}
	statement := `insert into message_senders (id, country, kind, value, provider, state, papers, valid_from, valid_to, two_way, receipts, here, min_volume, links, phones,
		who, changed_at, volume) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0) on conflict do nothing`
	if !fresh {
		n, err := db.One(tx, db.Scalar[int64], `select count(*) from message_senders where country = $1 and value = $2 and id <> $3`, string(r.Country), r.Value, r.ID)
		if err != nil {
			return r, err
		}
		if n > 0 {
			return r, taken
		}
		statement = `update message_senders set country = $2, kind = $3, value = $4, provider = $5, state = $6, papers = $7, valid_from = $8, valid_to = $9, two_way = $10,
			receipts = $11, here = $12, min_volume = $13, links = $14, phones = $15, who = $16, changed_at = $17 where id = $1`
	}
	n, err := tx.Exec(statement, args...)
	switch {
	case err != nil:
		return r, err
	case n == 0 && fresh:
		return r, taken
	case n == 0:
		return r, ErrUnknownSender
	}
	if err := tx.Send(`insert into message_sender_changes (id, sender, at, who, body) values ($1, $2, $3, $4, $5)`, newID("chg"), r.ID, tx.Now(), by, encode(r)); err != nil {
		return r, err
	}
	return r, s.bump(tx, bookKey)
}

// tidy puts a sender in order, or says what is wrong with it.
func (r *SenderRecord) tidy() error {
	var check fault.Check
	r.Value, r.Provider, r.Papers = strings.TrimSpace(r.Value), strings.TrimSpace(r.Provider), strings.TrimSpace(r.Papers)
	check.That(len(r.Country) == 2 && strings.Trim(string(r.Country), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "", "country", "messaging.country_form")
	check.That(has([]Kind{TenDLC, LongNumber, ShortCode, Alpha, Overwritten}, r.Kind), "kind", "unknown")
	check.That(r.Value != "", "value", "required")
	check.That(len(r.Value) <= 40, "value", "too_long")
	check.That(r.Kind != Alpha || alphaForm("", r.Value), "value", "messaging.sender_alpha")
	check.That(slices.Contains(Registrations, r.State), "state", "unknown")
	check.That(len(r.Provider) <= 80, "provider", "too_long")
	check.That(len(r.Papers) <= 4000, "papers", "too_long")
	check.That(r.MinVolume >= 0 && r.MinVolume <= 1_000_000_000, "min_volume", "messaging.sender_volume")
	for field, day := range map[string]string{"valid_from": r.ValidFrom, "valid_to": r.ValidTo} {
		_, err := time.Parse(time.DateOnly, day)
		check.That(day == "" || err == nil, field, "messaging.day_form")
	}
	check.That(r.ValidFrom == "" || r.ValidTo == "" || r.ValidFrom <= r.ValidTo, "valid_to", "messaging.days_turned")
	check.That(len(r.Links) <= 100, "links", "too_long")
	for i, l := range r.Links {
		r.Links[i] = strings.TrimSpace(l)
		u, err := url.Parse(strings.Replace(r.Links[i], ShopLink, "https://shop.example", 1))
		check.That(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(l) <= 300, "links", "messaging.link_form")
	}
	check.That(len(r.Phones) <= 20, "phones", "too_long")
	for i, p := range r.Phones {
		e164, err := address.Phone(p, string(r.Country))
		check.That(err == nil, "phones", "messaging.sender_phone")
		r.Phones[i] = e164
	}
	return check.Err(ErrSenderForm.Code)
}

const senderColumns = `id, country, kind, value, provider, state, papers, valid_from, valid_to, two_way, receipts, here, min_volume, volume, counted_at, links, phones, who, changed_at`

func scanSender(row db.Row) (r SenderRecord, err error) {
	var links, phones string
	err = row.Scan(&r.ID, (*string)(&r.Country), (*string)(&r.Kind), &r.Value, &r.Provider, (*string)(&r.State), &r.Papers, &r.ValidFrom, &r.ValidTo, &r.TwoWay,
		&r.Receipts, &r.Here, &r.MinVolume, &r.Volume, db.Null(&r.CountedAt), &links, &phones, &r.Who, &r.ChangedAt)
	if err != nil {
		return r, err
	}
	if err = errors.Join(json.Unmarshal([]byte(links), &r.Links), json.Unmarshal([]byte(phones), &r.Phones)); err != nil {
		err = fmt.Errorf("sender %s: %w", r.ID, err)
	}
	r.ChangedAt, r.CountedAt = r.ChangedAt.UTC(), r.CountedAt.UTC()
	return r, err
}

func readSenders(tx *db.Tx) ([]SenderRecord, error) {
	return db.All(tx, scanSender, `select `+senderColumns+` from message_senders order by country, value`)
}

// countVolumes counts what each sender sent in the last 90 days, once a day.
type countVolumes struct{}

// Job implements jobs.Args.
func (countVolumes) Job() string { return "messaging.volumes" }

func (s *Service) countVolumes(tx *db.Tx, _ countVolumes) error {
	all, err := readSenders(tx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r SenderRecord) bool { return r.MinVolume == 0 })
	if len(all) == 0 {
		return nil
	}
	type sender struct{ country, value string }
	sent := map[sender]int64{}
	_, err = db.All(tx, func(r db.Row) (from sender, err error) {
		var n int64
		err = r.Scan(&from.country, &from.value, &n)
		sent[from] = n
		return
	}, `select country, sender, count(*) from messages where created_at >= $1 and channel = 'sms' and sent_at is not null group by country, sender`, tx.Now().Add(-volumeSpan))
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := tx.Send(`update message_senders set volume = $2, counted_at = $3 where id = $1`, r.ID, sent[sender{string(r.Country), r.Value}], tx.Now()); err != nil {
			return err
		}
	}
	return s.bump(tx, bookKey)
}
