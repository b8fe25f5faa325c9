package support

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// What support asks of the packages below it.
type (
	// People is satisfied by customer.Service.
	People interface {
		Get(tx *db.Tx, id string) (customer.Customer, error)
		IDs(tx *db.Tx, id string) ([]string, error)
	}
	// Orders is satisfied by order.Service.
	Orders interface {
		Get(tx *db.Tx, id order.ID) (order.Order, error)
	}
	// Markets is satisfied by market.Service.
	Markets interface {
		ByCode(market.Code) (market.Market, bool)
	}
	// Messages is satisfied by messaging.Service.
	Messages interface {
		Send(tx *db.Tx, m messaging.Message) (messaging.Record, error)
		Plan(tx *db.Tx, m messaging.Message) (messaging.Record, error)
		ByKey(tx *db.Tx, key string) (messaging.Record, error)
		Turns(tx *db.Tx, addresses []string, before time.Time, limit int) ([]messaging.Turn, error)
		About(tx *db.Tx, about messaging.Record, lang string) (map[string]string, error)
	}
	announcer interface {
		Publish(tx *db.Tx, e events.Event) error
	}
)

// Parts are what support is built on.
type Parts struct {
	People   People
	Orders   Orders
	Markets  Markets
	Messages Messages
}

// Service keeps conversations and tickets.
type Service struct {
	Parts
	bus announcer
}

// New returns a service that hears through bus what people write.
func New(bus *events.Bus, p Parts) *Service {
	s := &Service{p, bus}
	events.On(bus, "support.hear", s.hear)
	return s
}

const (
	// reopens is how long after it was solved a ticket is opened again by what the person writes; later it is a new
	// matter.
	reopens  = 7 * 24 * time.Hour
	snippet  = 160 // characters of what was said last, for lists
	badStars = 2   // ratings up to this ask for a person
)

// hear puts what a person wrote into their conversation, and opens a ticket for what asks for a person. Listens to
// messaging.received.
func (s *Service) hear(tx *db.Tx, e messaging.ReceivedEvent) error {
	talk, err := s.talkFrom(tx, e)
	if err != nil {
		return err
	}
	if talk, err = takeTalk(tx, talk.ID); err != nil {
		return err
	}
	err = tx.Send(`insert into talk_addresses (address, channel, talk, at) values ($1, $2, $3, $4)
		on conflict (address) do update set at = excluded.at where talk_addresses.at < excluded.at`, e.From, string(e.Channel), talk.ID, e.At)
	if err != nil {
		return err
	}
	talk.Market, talk.Country = cmp.Or(e.Market, talk.Market), cmp.Or(e.Country, talk.Country)
	talk.Lang, talk.Order, talk.Cart = cmp.Or(e.Lang, talk.Lang), cmp.Or(e.Order, talk.Order), cmp.Or(e.Cart, talk.Cart)
	talk.Channel, talk.Address = e.Channel, e.From
	talk.Version++
	if !talk.LastAt.After(e.At) {
		talk.LastAt, talk.LastText, talk.LastOurs = e.At, begin(e.Text), false
	}
	asks := s.asks(e)
	if asks {
		talk.Unread++
		if talk.WaitsAt.IsZero() {
			talk.WaitsAt = e.At
		}
	}
	if err := saveTalk(tx, talk); err != nil {
		return err
	}
	if err := index(tx, talk.ID, e.Text, e.From); err != nil {
		return err
	}
	if err := s.indexWho(tx, talk, e.Order); err != nil {
		return err
	}
	if !asks {
		return nil
	}
	return s.matter(tx, talk, e)
}

// asks reports whether what was written asks for a person.
func (*Service) asks(e messaging.ReceivedEvent) bool {
	return e.Asks || e.Intent == messaging.IntentRating && e.Rating <= badStars
}

// matter finds the ticket that a text belongs to: one that isn't solved about the same thing, one solved lately, or a
// new one.
func (s *Service) matter(tx *db.Tx, talk Talk, e messaging.ReceivedEvent) error {
	t := Ticket{Key: "text:" + e.Inbound, Talk: talk.ID, Customer: talk.Customer, Order: e.Order, Cart: e.Cart, Market: talk.Market, Lang: talk.Lang,
		Reason: ReasonUnclear, Source: FromText, Priority: Normal}
	switch e.Intent {
	case messaging.IntentRating:
		if e.Rating <= badStars { // else it is about the words beside the number
			t.Reason, t.Source, t.Priority = ReasonRating, FromRating, High
		}
	case messaging.IntentReschedule:
		t.Reason, t.Source, t.Priority, t.Queue = ReasonReschedule, FromKeyword, High, "delivery"
	case messaging.IntentAgent:
		t.Reason, t.Source = ReasonAgent, FromKeyword
	case messaging.IntentStop:
		t.Reason, t.Source = ReasonStopAndSo, FromKeyword
	}
	all, err := ticketsOf(tx, `talk = $1 and (state <> 'solved' or solved_at > $2) order by id desc limit 100`, talk.ID, e.At.Add(-reopens))
	if err != nil {
		return err
	}
	for _, solved := range []bool{false, true} {
		for _, old := range all {
			same := e.Order == "" || old.Order == "" || old.Order == e.Order
			if (old.State == Solved) != solved || !same || t.Source != FromText && old.Reason != t.Reason {
				continue
			}
			if old.State == Open {
				return nil
			}
			next := old
			next.State, next.SolvedAt, next.SolvedBy = Open, time.Time{}, ""
			what := "state"
			if solved {
				what = "reopened"
			}
			return s.changed(tx, old, next, talk, "", [][2]string{{what, string(Open)}})
		}
	}
	_, err = s.Open(tx, t)
	return err
}

// talkFrom finds the conversation that a text belongs to, or begins one. Two conversations that turn out to be with one
// person become one.
func (s *Service) talkFrom(tx *db.Tx, e messaging.ReceivedEvent) (Talk, error) {
	here, err := byAddress(tx, e.From)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return Talk{}, err
	}
	theirs := Talk{}
	if e.Customer != "" {
		if theirs, err = oneTalk(tx, `customer = $1 and customer <> ''`, e.Customer); err != nil && !errors.Is(err, ErrUnknown) {
			return Talk{}, err
		}
	}
	switch {
	case here.ID == "" && theirs.ID == "":
		return s.begin(tx, Talk{Customer: e.Customer, Market: e.Market, Country: e.Country, Lang: e.Lang, Channel: e.Channel, Address: e.From, LastAt: e.At})
	case here.ID == "":
		return theirs, nil
	case theirs.ID == "" && here.Customer == "" && e.Customer != "":
		here.Customer = e.Customer
		return here, tx.Send(`update talks set customer = $2 where id = $1`, here.ID, e.Customer)
	case theirs.ID != "" && theirs.ID != here.ID && here.Customer == "":
		return theirs, merge(tx, here, theirs)
	}
	return here, nil
}

func byAddress(tx *db.Tx, address string) (Talk, error) {
	return oneTalk(tx, `id = (select talk from talk_addresses where address = $1)`, address)
}

// begin keeps a new conversation, or finds the one that somebody else began at the same time.
func (s *Service) begin(tx *db.Tx, t Talk) (Talk, error) {
	t.ID = id.New("tlk")
	n, err := insertTalk(tx, t)
	if err != nil {
		return t, err
	}
	if n == 0 {
		return oneTalk(tx, `customer = $1 and customer <> ''`, t.Customer)
	}
	if t.Address == "" {
		return t, nil
	}
	n, err = tx.Exec(`insert into talk_addresses (address, channel, talk, at) values ($1, $2, $3, $4) on conflict do nothing`,
		t.Address, string(t.Channel), t.ID, t.LastAt)
	if err != nil || n == 1 {
		return t, err
	}
	if err := tx.Send(`delete from talks where id = $1`, t.ID); err != nil {
		return t, err
	}
	return byAddress(tx, t.Address)
}

// merge puts a conversation with an address into that with its owner.
func merge(tx *db.Tx, from, to Talk) error {
	for _, sql := range []string{`update talk_addresses set talk = $2 where talk = $1`, `update tickets set talk = $2 where talk = $1`,
		`update talk_marks set talk = $2 where talk = $1`,
		`insert into talk_words (word, talk) select word, $2 from talk_words where talk = $1 on conflict do nothing`} {
		if err := tx.Send(sql, from.ID, to.ID); err != nil {
			return err
		}
	}
	for _, sql := range []string{`delete from talk_words where talk = $1`, `delete from talk_readers where talk = $1`, `delete from talks where id = $1`} {
		if err := tx.Send(sql, from.ID); err != nil {
			return err
		}
	}
	t, err := takeTalk(tx, to.ID)
	if err != nil {
		return err
	}
	if t.Unread, t.Tickets = t.Unread+from.Unread, t.Tickets+from.Tickets; t.WaitsAt.IsZero() || !from.WaitsAt.IsZero() && from.WaitsAt.Before(t.WaitsAt) {
		t.WaitsAt = from.WaitsAt
	}
	return saveTalk(tx, t)
}

// talkWith is the conversation with a customer, begun if there is none, with every address we know of them.
func (s *Service) talkWith(tx *db.Tx, person string, m market.Code, about string) (Talk, error) {
	t, err := oneTalk(tx, `customer = $1 and customer <> ''`, person)
	if !errors.Is(err, ErrUnknown) {
		return t, err
	}
	ids, err := s.People.IDs(tx, person)
	if err != nil {
		return t, err
	}
	for _, id := range ids { // one with another profile of the same person
		if t, err := oneTalk(tx, `customer = $1 and customer <> ''`, id); !errors.Is(err, ErrUnknown) {
			return t, err
		}
	}
	who, err := s.People.Get(tx, person)
	if errors.Is(err, customer.ErrUnknown) {
		return Talk{}, ErrUnknown
	}
	if err != nil {
		return t, err
	}
	reach := messaging.Reach{Channel: messaging.SMS, To: who.Phone}
	if who.Phone == "" {
		reach = messaging.Reach{Channel: messaging.Email, To: who.Email}
	}
	if here, err := byAddress(tx, reach.To); err == nil && here.Customer == "" {
		here.Customer = person
		return here, tx.Send(`update talks set customer = $2 where id = $1`, here.ID, person)
	}
	t = Talk{Customer: person, Market: cmp.Or(m, who.Market), Country: who.Country, Lang: who.Lang, Channel: reach.Channel, Address: reach.To, LastAt: tx.Now()}
	if shop, ok := s.Markets.ByCode(t.Market); ok && t.Lang == "" {
		t.Lang = shop.Language()
	}
	if t, err = s.begin(tx, t); err != nil {
		return t, err
	}
	return t, s.indexWho(tx, t, about)
}

// TalkWith is the conversation with a customer; one is begun if there is none.
func (s *Service) TalkWith(tx *db.Tx, person string) (Talk, error) {
	return s.talkWith(tx, person, "", "")
}

// indexWho makes a conversation be found by the name and addresses of its person and by the number of an order.
func (s *Service) indexWho(tx *db.Tx, t Talk, about string) error {
	var words []string
	if t.Customer != "" {
		who, err := s.People.Get(tx, t.Customer)
		if err != nil && !errors.Is(err, customer.ErrUnknown) {
			return err
		}
		words = append(words, who.Name(), who.Email, who.Phone)
	}
	if about != "" {
		o, err := s.Orders.Get(tx, order.ID(about))
		if err != nil && !errors.Is(err, order.ErrUnknown) {
			return err
		}
		words = append(words, o.Number, o.ExternalRef)
	}
	return index(tx, t.ID, words...)
}

func begin(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > snippet {
		return string(r[:snippet]) + "…"
	}
	return text
}

// Talk returns a conversation or ErrUnknown.
func (s *Service) Talk(tx *db.Tx, talk string) (Talk, error) { return oneTalk(tx, `id = $1`, talk) }

// Addresses are the ways to reach the person of a conversation that they have used, the latest first.
func (s *Service) Addresses(tx *db.Tx, talk string) ([]Address, error) { return addressesOf(tx, talk) }

// Marks returns what was done about a conversation, oldest first.
func (s *Service) Marks(tx *db.Tx, talk string) ([]Mark, error) {
	all, err := db.All(tx, scanMark, `select `+markColumns+` from talk_marks where talk = $1 and talk <> '' order by at desc, id desc limit 200`, talk)
	slices.Reverse(all)
	return all, err
}

// Seen says that somebody has read a conversation.
func (s *Service) Seen(tx *db.Tx, talk string) error {
	return tx.Send(`update talks set unread = 0 where id = $1`, talk)
}

// MarkUnread puts a conversation back among the unread ones.
func (s *Service) MarkUnread(tx *db.Tx, talk string) error {
	return tx.Send(`update talks set unread = 1 where id = $1 and unread = 0`, talk)
}

// Assign gives a conversation and its open tickets to a user, or to nobody.
func (s *Service) Assign(tx *db.Tx, talk, user, by string) error {
	t, err := takeTalk(tx, talk)
	if err != nil || t.Assignee == user {
		return err
	}
	t.Assignee = user
	if err := saveTalk(tx, t); err != nil {
		return err
	}
	err = tx.Send(`update tickets set assignee = $2, changed_at = $3, version = version + 1 where talk = $1 and state <> 'solved'`, talk, user, tx.Now())
	if err != nil {
		return err
	}
	return mark(tx, talk, "", by, "assigned", user)
}

// Note keeps words about a conversation that the person never sees.
func (s *Service) Note(tx *db.Tx, talk, text, by string) error {
	text = strings.TrimSpace(text)
	if n := len([]rune(text)); n == 0 || n > longestNote {
		return ErrBadInput.With(map[string]string{"note": "required"})
	}
	if _, err := takeTalk(tx, talk); err != nil {
		return err
	}
	if err := index(tx, talk, text); err != nil {
		return err
	}
	return mark(tx, talk, "", by, "note", text)
}

// Solve solves every ticket of a conversation; nobody waits any longer. It returns their ids, for Reopen to undo it.
func (s *Service) Solve(tx *db.Tx, talk, by string) (tickets []string, err error) {
	t, err := takeTalk(tx, talk)
	if err != nil {
		return nil, err
	}
	all, err := ticketsOf(tx, `talk = $1 and state <> 'solved' order by id`, talk)
	if err != nil {
		return nil, err
	}
	t.Tickets, t.WaitsAt, t.Unread = 0, time.Time{}, 0
	if err := saveTalk(tx, t); err != nil {
		return nil, err
	}
	for _, old := range all {
		next := old
		next.State, next.SolvedAt, next.SolvedBy = Solved, tx.Now(), by
		if err := s.changed(tx, old, next, Talk{}, by, [][2]string{{"solved", ""}}); err != nil {
			return nil, err
		}
		tickets = append(tickets, old.ID)
	}
	return tickets, nil
}

// Reopen opens tickets of a conversation again; without any, the one that was solved last.
func (s *Service) Reopen(tx *db.Tx, talk string, tickets []string, by string) error {
	t, err := takeTalk(tx, talk)
	if err != nil {
		return err
	}
	all, err := ticketsOf(tx, `talk = $1 and state = 'solved' order by solved_at desc, id desc limit 200`, talk)
	if err != nil || len(all) == 0 {
		return err
	}
	if len(tickets) == 0 {
		tickets = []string{all[0].ID}
	}
	for _, old := range all {
		if !slices.Contains(tickets, old.ID) {
			continue
		}
		next := old
		next.State, next.SolvedAt, next.SolvedBy = Open, time.Time{}, ""
		t.Tickets++
		if err := s.changed(tx, old, next, Talk{}, by, [][2]string{{"reopened", ""}}); err != nil {
			return err
		}
	}
	return saveTalk(tx, t)
}

// TalkAt is the conversation with an address or ErrUnknown.
func (s *Service) TalkAt(tx *db.Tx, address string) (Talk, error) { return byAddress(tx, address) }

// Forget takes away what is kept of people who are to be forgotten: their conversations with notes and words. Tickets
// stay, as those of nobody.
func (s *Service) Forget(tx *db.Tx, person string, addresses []string) error {
	talks, err := db.All(tx, db.Scalar[string], `select id from talks where customer = $1 and customer <> '' order by id`, person)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if t, err := byAddress(tx, a); err == nil && !slices.Contains(talks, t.ID) && (t.Customer == "" || t.Customer == person) {
			talks = append(talks, t.ID)
		}
	}
	for _, t := range talks {
		for _, sql := range []string{`delete from talk_words where talk = $1`, `delete from talk_readers where talk = $1`, `delete from talk_addresses where talk = $1`,
			`update talk_marks set talk = '', detail = '' where talk = $1`, `update tickets set talk = '', customer = '', title = '' where talk = $1`,
			`delete from talks where id = $1`} {
			if err := tx.Send(sql, t); err != nil {
				return err
			}
		}
	}
	return nil
}
