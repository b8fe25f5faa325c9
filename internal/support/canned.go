package support

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// Canned is an answer written in advance, in one language. Words may hold variables: {name}, {order} …
type Canned struct {
	ID    string
	Lang  string
	Title string
	Words string
	Who   string // who wrote it
	At    time.Time
}

// Variables are what answers written in advance may hold: the person's given name, the number of the order and of the
// ticket, what the order's state is called, the first and last promised day, the order's page, how to reach us.
var Variables = []string{"name", "order", "ticket", "state", "from", "to", "link", "contact"}

const longestCanned = 900

var variable = regexp.MustCompile(`\{([^{}]*)\}`)

// SaveCanned keeps an answer written in advance; without ID it is a new one. Braces must hold one of Variables.
func (s *Service) SaveCanned(tx *db.Tx, c Canned) (Canned, error) {
	c.Title, c.Words = strings.TrimSpace(c.Title), strings.TrimSpace(strings.ReplaceAll(c.Words, "\r\n", "\n"))
	var check fault.Check
	check.That(c.Title != "" && len([]rune(c.Title)) <= 80, "title", "required")
	check.That(c.Words != "", "words", "required")
	check.That(len([]rune(c.Words)) <= longestCanned, "words", "too_long")
	check.That(c.Lang != "", "lang", "required")
	rest := variable.ReplaceAllStringFunc(c.Words, func(v string) string {
		if slices.Contains(Variables, strings.Trim(v, "{}")) {
			return ""
		}
		return v
	})
	check.That(!strings.ContainsAny(rest, "{}"), "words", "support.unknown_variable")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return c, err
	}
	c.ID, c.At = cmp.Or(c.ID, id.New("can")), tx.Now()
	return c, tx.Send(`insert into canned_answers (id, lang, title, words, who, at) values ($1, $2, $3, $4, $5, $6)
		on conflict (id, lang) do update set title = excluded.title, words = excluded.words, who = excluded.who, at = excluded.at`,
		c.ID, c.Lang, c.Title, c.Words, c.Who, c.At)
}

// RemoveCanned removes an answer in one language; with lang empty, in all.
func (s *Service) RemoveCanned(tx *db.Tx, name, lang string) error {
	return tx.Send(`delete from canned_answers where id = $1 and ($2 = '' or lang = $2)`, name, lang)
}

// CannedAnswers returns all answers written in advance, by title; the languages of one stand together.
func (s *Service) CannedAnswers(tx *db.Tx) ([]Canned, error) {
	return db.All(tx, func(r db.Row) (c Canned, err error) {
		err = r.Scan(&c.ID, &c.Lang, &c.Title, &c.Words, &c.Who, &c.At)
		return
	}, `select id, lang, title, words, who, at from canned_answers order by id, lang`)
}

// Offer is an answer written in advance as it would read in a conversation. Missing are its variables that have no
// value there.
type Offer struct {
	Canned
	Text    string
	Missing []string
}

// Offers are the answers written in advance, in the language of a conversation, else in its market's or in English.
func (s *Service) Offers(tx *db.Tx, t Talk) ([]Offer, error) {
	all, err := s.CannedAnswers(tx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	langs := []string{t.Lang}
	if m, ok := s.Markets.ByCode(t.Market); ok {
		langs = append(langs, m.Language())
	}
	langs = append(langs, "en")
	rank := func(c Canned) int {
		if i := slices.Index(langs, c.Lang); i >= 0 {
			return i
		}
		return len(langs)
	}
	best := map[string]Canned{}
	for _, c := range all {
		if old, ok := best[c.ID]; !ok || rank(c) < rank(old) {
			best[c.ID] = c
		}
	}
	values := map[string]map[string]string{}
	var offers []Offer
	for _, key := range slices.Sorted(maps.Keys(best)) {
		c := best[key]
		if values[c.Lang] == nil {
			if values[c.Lang], err = s.values(tx, t, c.Lang); err != nil {
				return nil, err
			}
		}
		o := Offer{Canned: c}
		o.Text = variable.ReplaceAllStringFunc(c.Words, func(v string) string {
			name := strings.Trim(v, "{}")
			if values[c.Lang][name] == "" && !slices.Contains(o.Missing, name) {
				o.Missing = append(o.Missing, name)
			}
			return values[c.Lang][name]
		})
		offers = append(offers, o)
	}
	slices.SortStableFunc(offers, func(a, b Offer) int { return strings.Compare(a.Title, b.Title) })
	return offers, nil
}

// values are what variables stand for in a conversation.
func (s *Service) values(tx *db.Tx, t Talk, lang string) (map[string]string, error) {
	v := map[string]string{}
	if t.Customer != "" {
		who, err := s.People.Get(tx, t.Customer)
		if err != nil && !errors.Is(err, customer.ErrUnknown) {
			return nil, err
		}
		v["name"] = who.GivenName
	}
	if t.Order != "" {
		o, err := s.Orders.Get(tx, order.ID(t.Order))
		if err != nil && !errors.Is(err, order.ErrUnknown) {
			return nil, err
		}
		v["order"] = o.Number
		about := messaging.Record{}
		about.Order, about.Cart = t.Order, t.Cart
		more, err := s.Messages.About(tx, about, lang)
		if err != nil {
			return nil, err
		}
		maps.Copy(v, more)
	}
	tickets, err := ticketsOf(tx, `talk = $1 and state <> 'solved' order by id desc limit 1`, t.ID)
	if err != nil {
		return nil, err
	}
	if len(tickets) > 0 {
		v["ticket"] = tickets[0].Number
	}
	if m, ok := s.Markets.ByCode(t.Market); ok {
		v["contact"] = cmp.Or(m.Contact.Email, m.Contact.Phone)
	}
	return v, nil
}
