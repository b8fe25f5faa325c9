package support

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
)

const (
	longestKey   = 200
	longestTitle = 200
	longestNote  = 4000
)

// Open opens a ticket, once for each Key: asking again returns the first as it is now. Reason, Source and Key are
// needed; what else is left out follows from the rest: a ticket with a Customer belongs to their conversation, and has
// its market and language.
func (s *Service) Open(tx *db.Tx, t Ticket) (Ticket, error) {
	var check fault.Check
	check.That(t.Key != "" && len(t.Key) <= longestKey, "key", "required")
	check.That(t.Reason != "", "reason", "required")
	check.That(t.Source != "", "source", "required")
	check.That(len([]rune(t.Title)) <= longestTitle, "title", "too_long")
	check.That(t.Priority >= 0 && t.Priority <= Low, "priority", "unknown")
	check.That(t.Queue == "" || slices.Contains(Queues, t.Queue), "queue", "unknown")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return Ticket{}, err
	}
	if old, err := oneTicket(tx, `key = $1`, t.Key); !errors.Is(err, ErrUnknown) {
		return old, err
	}
	if t.Talk == "" && t.Customer != "" {
		talk, err := s.talkWith(tx, t.Customer, t.Market, t.Order)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return Ticket{}, err
		}
		t.Talk = talk.ID
	}
	if t.Reason == ReasonRating && t.Order != "" && t.Talk != "" { // whoever notices a bad rating first
		all, err := ticketsOf(tx, `talk = $1 and order_id = $2 and reason = $3 and state <> 'solved' order by id limit 1`, t.Talk, t.Order, t.Reason)
		if err != nil || len(all) > 0 {
			return firstOf(all), err
		}
	}
	talk := Talk{}
	if t.Talk != "" {
		var err error
		if talk, err = takeTalk(tx, t.Talk); err != nil {
			return Ticket{}, err
		}
	}
	t.Customer, t.Market, t.Lang = cmp.Or(t.Customer, talk.Customer), cmp.Or(t.Market, talk.Market), cmp.Or(t.Lang, talk.Lang)
	t.Assignee = cmp.Or(t.Assignee, talk.Assignee)
	t.Priority, t.Queue = cmp.Or(t.Priority, Normal), cmp.Or(t.Queue, Queues[0])
	t.ID, t.State, t.OpenedAt, t.ChangedAt, t.Version = id.New("tkt"), Open, tx.Now(), tx.Now(), 1
	for try := 0; ; try++ {
		t.Number = number(4 + try/4)
		n, err := insertTicket(tx, t)
		if err != nil {
			return Ticket{}, err
		}
		if n == 1 {
			break
		}
		if old, err := oneTicket(tx, `key = $1`, t.Key); !errors.Is(err, ErrUnknown) {
			return old, err
		}
		if try == 30 {
			return Ticket{}, errors.New("support: no number left for a ticket")
		}
	}
	if talk.ID != "" {
		talk.Tickets++
		talk.Order, talk.Cart = cmp.Or(t.Order, talk.Order), cmp.Or(t.Cart, talk.Cart)
		if err := saveTalk(tx, talk); err != nil {
			return Ticket{}, err
		}
		if err := index(tx, talk.ID, t.Number, t.Title); err != nil {
			return Ticket{}, err
		}
	}
	if err := mark(tx, t.Talk, t.ID, t.OpenedBy, "opened", t.Reason); err != nil {
		return Ticket{}, err
	}
	return t, s.bus.Publish(tx, TicketOpenedEvent{t.ID, t.Number, t.Customer, t.Order, t.Cart, t.Parcel, t.Market, t.Lang, t.Reason, t.Source,
		t.Priority.String(), t.Queue, tx.Now()})
}

// legible are letters and digits that nobody mistakes for another, on paper or on the telephone.
const legible = "23456789ACDEFGHJKMNPQRTUVWXY"

func number(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = legible[int(b[i])%len(legible)]
	}
	return "T-" + string(b)
}

// OpenOn reports whether there is a ticket about an order that isn't solved.
func (s *Service) OpenOn(tx *db.Tx, order string) (bool, error) {
	if order == "" {
		return false, nil
	}
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from tickets where order_id = $1 and order_id <> '' and state <> 'solved'`, order)
	return n > 0, err
}

// Ticket returns a ticket by its id or its number, or ErrUnknown.
func (s *Service) Ticket(tx *db.Tx, name string) (Ticket, error) {
	if strings.HasPrefix(name, "tkt_") {
		return oneTicket(tx, `id = $1`, name)
	}
	return oneTicket(tx, `number = $1`, strings.ToUpper(strings.TrimSpace(name)))
}

// TicketFilter narrows the list of tickets; zero fields do not.
type TicketFilter struct {
	State    State // "unsolved": open and pending
	Queue    string
	Priority Priority
	Assignee string // "-": nobody's
	Market   market.Code
	Lang     string
	Order    string
	Talk     string
	Customer string // with all profiles of the person
	Source   Source
}

// Unsolved is the TicketFilter.State of all tickets that aren't solved.
const Unsolved State = "unsolved"

// Page is a part of a list: After is the name of the last row of the page before, Limit is 1 to 200, 50 if zero.
type Page struct {
	After string
	Limit int
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, 200)
}

// Tickets returns tickets, the newest first. The name of a row is its ID.
func (s *Service) Tickets(tx *db.Tx, f TicketFilter, p Page) ([]Ticket, error) {
	who, err := s.People.IDs(tx, f.Customer)
	if err != nil {
		return nil, err
	}
	return ticketsOf(tx, `($1 = '' or state = $1 or $1 = 'unsolved' and state <> 'solved') and ($2 = '' or queue = $2) and ($3 = 0 or priority = $3)
		and ($4 = '' or assignee = $4 or $4 = '-' and assignee = '') and ($5 = '' or market = $5) and ($6 = '' or lang = $6)
		and ($7 = '' or order_id = $7) and ($8 = '' or talk = $8) and ($9 = '' or customer in `+db.In(13, len(who))+`) and ($10 = '' or source = $10)
		and ($11 = '' or id < $11) order by id desc limit $12`,
		append([]any{string(f.State), f.Queue, int64(f.Priority), f.Assignee, string(f.Market), f.Lang, f.Order, f.Talk, f.Customer, string(f.Source), p.After, p.limit()},
			db.Fill(who)...)...)
}

// TicketCounts counts the tickets by state.
func (s *Service) TicketCounts(tx *db.Tx) (map[State]int64, error) {
	type count struct {
		state State
		n     int64
	}
	all, err := db.All(tx, func(r db.Row) (c count, err error) {
		err = r.Scan((*string)(&c.state), &c.n)
		return
	}, `select state, count(*) from tickets group by state order by state`)
	out := map[State]int64{}
	for _, c := range all {
		out[c.state] = c.n
	}
	return out, err
}

// History returns what was done about a ticket, oldest first.
func (s *Service) History(tx *db.Tx, ticket string) ([]Mark, error) {
	return db.All(tx, scanMark, `select `+markColumns+` from talk_marks where ticket = $1 and ticket <> '' order by at, id`, ticket)
}

// Change is what is to become of a ticket; nil leaves a field as it is. Version is that of the ticket as who changes it
// saw it; 0 takes it as it is.
type Change struct {
	State    *State
	Priority *Priority
	Queue    *string
	Assignee *string
	Title    *string
	Note     string
	Version  int64
	By       string
}

// Change changes a ticket. One that was changed since Version is ErrChanged.
func (s *Service) Change(tx *db.Tx, name string, c Change) (Ticket, error) {
	t, err := s.Ticket(tx, name)
	if err != nil {
		return t, err
	}
	if c.Version != 0 && c.Version != t.Version {
		return t, fmt.Errorf("ticket %s: %w", t.Number, ErrChanged)
	}
	var check fault.Check
	check.That(c.State == nil || slices.Contains(States, *c.State), "state", "unknown")
	check.That(c.Priority == nil || slices.Contains(Priorities, *c.Priority), "priority", "unknown")
	check.That(c.Queue == nil || slices.Contains(Queues, *c.Queue), "queue", "unknown")
	check.That(c.Title == nil || len([]rune(*c.Title)) <= longestTitle, "title", "too_long")
	check.That(len([]rune(c.Note)) <= longestNote, "note", "too_long")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return t, err
	}
	var talk Talk
	if t.Talk != "" {
		if talk, err = takeTalk(tx, t.Talk); err != nil {
			return t, err
		}
	}
	before := t
	var marks [][2]string
	if c.Priority != nil && *c.Priority != t.Priority {
		t.Priority = *c.Priority
		marks = append(marks, [2]string{"priority", t.Priority.String()})
	}
	if c.Queue != nil && *c.Queue != t.Queue {
		t.Queue = *c.Queue
		marks = append(marks, [2]string{"queue", t.Queue})
	}
	if c.Assignee != nil && *c.Assignee != t.Assignee {
		t.Assignee = *c.Assignee
		marks = append(marks, [2]string{"assigned", t.Assignee})
	}
	if c.Title != nil && *c.Title != t.Title {
		t.Title = *c.Title
		marks = append(marks, [2]string{"title", t.Title})
	}
	if c.State != nil && *c.State != t.State {
		what := "state"
		t.State, t.SolvedAt, t.SolvedBy = *c.State, time.Time{}, ""
		if t.State == Solved {
			what, t.SolvedAt, t.SolvedBy = "solved", tx.Now(), c.By
		}
		marks = append(marks, [2]string{what, string(t.State)})
	}
	if note := strings.TrimSpace(c.Note); note != "" {
		marks = append(marks, [2]string{"note", note})
	}
	if len(marks) == 0 {
		return t, nil
	}
	err = s.changed(tx, before, t, talk, c.By, marks)
	t.Version++
	t.ChangedAt = tx.Now()
	return t, err
}

// changed keeps a changed ticket, counts it in its conversation and says what was done.
func (s *Service) changed(tx *db.Tx, before, t Ticket, talk Talk, by string, marks [][2]string) error {
	if err := saveTicket(tx, t); err != nil {
		return err
	}
	if err := markAll(tx, t.Talk, t.ID, by, marks); err != nil {
		return err
	}
	if talk.ID != "" && (before.State == Solved) != (t.State == Solved) {
		if t.State == Solved {
			if talk.Tickets--; talk.Tickets <= 0 {
				talk.Tickets, talk.WaitsAt = 0, time.Time{}
			}
		} else {
			talk.Tickets++
		}
		if err := saveTalk(tx, talk); err != nil {
			return err
		}
	}
	if before.State == Solved || t.State != Solved {
		return nil
	}
	return s.bus.Publish(tx, TicketSolvedEvent{t.ID, t.Number, t.Customer, t.Order, t.Cart, t.Market, t.Reason, by, tx.Now()})
}

func firstOf(all []Ticket) (t Ticket) {
	if len(all) > 0 {
		t = all[0]
	}
	return t
}
