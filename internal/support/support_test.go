package support_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/events/eventstest"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/support"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, customer.Schema, order.Schema, messaging.Schema, support.Schema}

const (
	anna = "+4915112345678"
	kate = "+447400123456"
)

// shops is a table of markets without a database.
type shops map[market.Code]market.Market

func (s shops) All() []market.Market { return slices.Collect(maps.Values(s)) }

func (s shops) ByCode(c market.Code) (market.Market, bool) { m, ok := s[c]; return m, ok }

func (s shops) ByCountry(c market.Country) (market.Market, bool) {
	for _, m := range s {
		if m.Serves(c) {
			return m, true
		}
	}
	return market.Market{}, false
}

// orders knows one order of each id.
type orders map[order.ID]order.Order

func (o orders) Get(_ *db.Tx, id order.ID) (order.Order, error) {
	if one, ok := o[id]; ok {
		return one, nil
	}
	return order.Order{}, order.ErrUnknown
}

// network is a carrier that keeps what it was given.
type network struct {
	mu   sync.Mutex
	took []messaging.Parcel
}

func (n *network) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.took = append(n.took, p)
	return messaging.Taken{IDs: []string{fmt.Sprintf("%08X", len(n.took))}}, nil
}

func (n *network) texts() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.took {
		all = append(all, p.Text)
	}
	return all
}

type world struct {
	t        *testing.T
	d        *db.DB
	queue    *jobs.Queue
	people   *customer.Service
	messages *messaging.Service
	desk     *support.Service
	net      *network
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := benchWorld(d)
	w.t = t
	return w
}

func benchWorld(d *db.DB) *world {
	q := jobs.New(d)
	bus := events.New(q)
	people := customer.New(bus)
	net := &network{}
	one := func(code market.Code, c market.Country, zone string, langs ...string) market.Market {
		return market.Market{Code: code, Countries: []market.Country{c}, Languages: langs, Zone: zone, Contact: market.Contact{Email: "help@shop.example"}}
	}
	table := shops{"de": one("de", "DE", "Europe/Berlin", "de", "en"), "gb": one("gb", "GB", "Europe/London", "en")}
	m := messaging.New(d, q, bus, people, table, messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example", Routes: []messaging.Route{
		{Name: "de", Provider: "sim", Channel: messaging.SMS, Countries: []market.Country{"DE"}, Kind: messaging.LongNumber, Sender: "+4915799900001", Carrier: net},
		{Name: "gb", Provider: "sim", Channel: messaging.SMS, Countries: []market.Country{"GB"}, Kind: messaging.LongNumber, Sender: "+447700900001", Carrier: net},
		{Name: "mail", Provider: "smtp", Channel: messaging.Email, Kind: messaging.Mailbox, Sender: "shop@lotus.example", Carrier: net},
	}})
	m.Info(func(_ *db.Tx, about messaging.Record, _ string) (map[string]string, error) {
		return map[string]string{"order": "F-20261124-0001", "state": "bezahlt", "from": "2. Dez.", "to": "5. Dez.", "link": "https://lotus.example/o/1"}, nil
	})
	desk := support.New(bus, support.Parts{People: people, Orders: orders{"ord_1": {ID: "ord_1", Number: "F-20261124-0001"}}, Markets: table, Messages: m})
	return &world{nil, d, q, people, m, desk, net}
}

func (w *world) drain() {
	w.t.Helper()
	require.NoError(w.t, w.queue.Drain(w.t.Context()))
}

func (w *world) person(phone, mail, given string, c market.Country, lang string) customer.Customer {
	w.t.Helper()
	var who customer.Customer
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		who, err = w.people.Upsert(tx, customer.Customer{GivenName: given, FamilyName: "Müller", Phone: phone, Email: mail, Country: c, Lang: lang})
		return err
	})
	return who
}

// confirmed sends the message about order ord_1, so that replies are about it.
func (w *world) confirmed(to string, m market.Code, lang string, who customer.Customer) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		_, err := w.messages.Send(tx, messaging.Message{Key: "confirm:" + to, Customer: who.ID, To: to, Channel: messaging.SMS, Market: m, Lang: lang, Template: "confirm",
			Vars: map[string]string{"name": who.GivenName, "order": "F-1", "items": "x", "from": "1", "to": "2", "total": "9"}, Order: "ord_1"})
		return err
	})
	w.drain()
}

func (w *world) hear(ch messaging.Channel, from, text string) messaging.Inbound {
	w.t.Helper()
	var got messaging.Reaction
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		got, err = w.messages.Receive(tx, messaging.Inbound{Provider: "sim", Channel: ch, From: from, Text: text})
		return err
	})
	w.drain()
	return got.Inbound
}

func (w *world) talks(f support.Filter) (all []support.Talk) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { all, err = w.desk.Talks(tx, f, support.Page{}); return err })
	return all
}

func (w *world) tickets(f support.TicketFilter) (all []support.Ticket) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { all, err = w.desk.Tickets(tx, f, support.Page{}); return err })
	return all
}

func TestEventsKeepTheirForm(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	eventstest.Golden(t, support.TicketOpenedEvent{Ticket: "tkt_1", Number: "T-7K4Q", Customer: "cus_1", Order: "ord_1", Cart: "crt_1", Parcel: "shp_1", Market: "de", Lang: "de",
		Reason: "rating", Source: support.FromRating, Priority: "high", Queue: "care", At: at})
	eventstest.Golden(t, support.TicketSolvedEvent{Ticket: "tkt_1", Number: "T-7K4Q", Customer: "cus_1", Order: "ord_1", Cart: "crt_1", Market: "de", Reason: "rating", By: "Mei", At: at})
}

// What a person writes from two addresses is one conversation; what a program answers asks for nobody.
func TestOneConversationOverChannels(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		who := w.person(anna, "anna@example.org", "Anna", "DE", "de")
		w.confirmed(anna, "de", "de", who)
		w.hear(messaging.SMS, anna, "INFO")
		all := w.talks(support.Filter{})
		require.Len(t, all, 1)
		require.Equal(t, who.ID, all[0].Customer)
		require.Zero(t, all[0].Unread, "answered without a person")
		require.Empty(t, w.tickets(support.TicketFilter{}))

		d.Clock().Advance(time.Minute)
		w.hear(messaging.SMS, anna, "Kann ich das Kleid in Blau haben?")
		d.Clock().Advance(time.Minute)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.messages.Receive(tx, messaging.Inbound{Provider: "mail", Ref: "1", Channel: messaging.Email, From: "anna@example.org", Text: "Noch etwas dazu"})
			return err
		})
		w.drain()
		all = w.talks(support.Filter{Show: support.ShowWaiting})
		require.Len(t, all, 1, "e-mail and SMS of one customer")
		require.EqualValues(t, 2, all[0].Unread)
		require.Equal(t, messaging.Email, all[0].Channel)
		require.Equal(t, "Noch etwas dazu", all[0].LastText)
		tickets := w.tickets(support.TicketFilter{})
		require.Len(t, tickets, 1, "one matter")
		require.Equal(t, support.ReasonUnclear, tickets[0].Reason)
		require.Equal(t, "ord_1", tickets[0].Order)
		require.Regexp(t, `^T-[2-9A-Y]{4}$`, tickets[0].Number)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			turns, err := w.desk.Turns(tx, all[0], time.Time{}, 100)
			require.NoError(t, err)
			in, out := 0, 0
			for _, x := range turns {
				if x.In != nil {
					in++
				}
				if x.Out != nil {
					out++
				}
			}
			require.Equal(t, 3, in)
			require.GreaterOrEqual(t, out, 3)
			ways, err := w.desk.Ways(tx, all[0])
			require.Equal(t, "wrote_here_last", ways[0].Why)
			require.Equal(t, "anna@example.org", ways[0].To)
			require.Equal(t, anna, ways[1].To)
			return err
		})
	})
}

// What asks for a person, who asks, and what is made of it.
func TestWhatOpensTickets(t *testing.T) {
	cases := map[string]support.Ticket{
		"RESCHEDULE":                     {Reason: support.ReasonReschedule, Source: support.FromKeyword, Priority: support.High, Queue: "delivery"},
		"AGENT":                          {Reason: support.ReasonAgent, Source: support.FromKeyword, Priority: support.Normal, Queue: "care"},
		"1":                              {Reason: support.ReasonRating, Source: support.FromRating, Priority: support.High, Queue: "care"},
		"2":                              {Reason: support.ReasonRating, Source: support.FromRating, Priority: support.High, Queue: "care"},
		"5 and where is my other parcel": {Reason: support.ReasonUnclear, Source: support.FromText, Priority: support.Normal, Queue: "care"},
		"where is it":                    {Reason: support.ReasonUnclear, Source: support.FromText, Priority: support.Normal, Queue: "care"},
		"please don't stop the delivery": {Reason: support.ReasonUnclear, Source: support.FromText, Priority: support.Normal, Queue: "care"},
		"my parcel is late again, nobody answers, and by the way stop texting me": {Reason: support.ReasonStopAndSo, Source: support.FromKeyword, Priority: support.Normal, Queue: "care"},
		"5": {}, "3": {}, "STOP": {}, "HELP": {}, "INFO": {}, "START": {}, "TRACK": {},
	}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := 0
		for text, want := range cases {
			n++
			phone := fmt.Sprintf("+44740012%04d", n)
			who := w.person(phone, "", "Kate", "GB", "en")
			w.confirmed(phone, "gb", "en", who)
			w.hear(messaging.SMS, phone, text)
			all := w.tickets(support.TicketFilter{Customer: who.ID})
			if want.Reason == "" {
				require.Empty(t, all, text)
				continue
			}
			require.Len(t, all, 1, text)
			got := all[0]
			require.Equal(t, want, support.Ticket{Reason: got.Reason, Source: got.Source, Priority: got.Priority, Queue: got.Queue}, text)
			require.Equal(t, "ord_1", got.Order)
			require.Equal(t, "en", got.Lang)
			require.Less(t, d.Clock().Now().Sub(got.OpenedAt), 5*time.Second)
		}
	})
}

func TestTicketsAreOpenedOnce(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		who := w.person(anna, "", "Anna", "DE", "de")
		one := support.Ticket{Key: "delay:ord_1", Customer: who.ID, Order: "ord_1", Market: "de", Lang: "de", Reason: "delay", Source: support.FromJourney,
			Priority: support.High, Queue: "delivery", OpenedBy: "delay"}
		var first support.Ticket
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			open, err := w.desk.OpenOn(tx, "ord_1")
			require.NoError(t, err)
			require.False(t, open)
			first, err = w.desk.Open(tx, one)
			require.NoError(t, err)
			again, err := w.desk.Open(tx, one)
			require.Equal(t, first.Number, again.Number)
			return err
		})
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				err := d.Write(context.Background(), func(tx *db.Tx) error {
					x := one
					x.Key = fmt.Sprint("many ", n/4)
					_, err := w.desk.Open(tx, x)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Len(t, w.tickets(support.TicketFilter{Order: "ord_1"}), 3)
		talks := w.talks(support.Filter{})
		require.Len(t, talks, 1, "a ticket of somebody who never wrote has a conversation")
		require.EqualValues(t, 3, talks[0].Tickets)
		require.Equal(t, anna, talks[0].Address)

		solved := support.Solved
		dbtest.Write(t, d, func(tx *db.Tx) error {
			open, err := w.desk.OpenOn(tx, "ord_1")
			require.NoError(t, err)
			require.True(t, open)
			_, err = w.desk.Open(tx, support.Ticket{Key: "x", Queue: "nowhere"})
			require.ErrorIs(t, err, support.ErrBadInput)
			for _, x := range []string{first.Number, "many 0", "many 1"} {
				if x != first.Number {
					got, err := w.desk.Tickets(tx, support.TicketFilter{State: support.Open}, support.Page{Limit: 1})
					require.NoError(t, err)
					x = got[0].ID
				}
				_, err := w.desk.Change(tx, x, support.Change{State: &solved, By: "Rosa"})
				require.NoError(t, err)
			}
			_, err = w.desk.Change(tx, first.Number, support.Change{State: &solved, Version: 1, By: "Mei"})
			require.ErrorIs(t, err, support.ErrChanged)
			open, err = w.desk.OpenOn(tx, "ord_1")
			require.NoError(t, err)
			require.False(t, open)
			marks, err := w.desk.History(tx, first.ID)
			require.Len(t, marks, 2)
			require.Equal(t, "Rosa", marks[1].Who)
			return err
		})
		require.Zero(t, w.talks(support.Filter{})[0].Tickets)
	})
}

// Of two people who answer at the same time one is told; a button pressed twice says it once.
func TestNobodyAnswersTwice(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.hear(messaging.SMS, kate, "is it linen?")
		talk := w.talks(support.Filter{})[0]
		before := len(w.net.texts())
		results := make(chan error, 2)
		var both sync.WaitGroup
		for n := range 2 {
			both.Go(func() {
				results <- d.Write(context.Background(), func(tx *db.Tx) error {
					_, err := w.desk.Answer(tx, support.Answer{Talk: talk.ID, Version: talk.Version, Key: fmt.Sprint("answer:", n), Text: fmt.Sprint("yes ", n), By: "Rosa"})
					return err
				})
			})
		}
		both.Wait()
		a, b := <-results, <-results
		if a == nil {
			a, b = b, a
		}
		require.ErrorIs(t, a, support.ErrMoved)
		require.NoError(t, b)
		w.drain()
		require.Len(t, w.net.texts(), before+1)

		talk = w.talks(support.Filter{})[0]
		require.True(t, talk.LastOurs)
		require.True(t, talk.WaitsAt.IsZero())
		require.Equal(t, support.Pending, w.tickets(support.TicketFilter{})[0].State)
		for range 2 {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				_, err := w.desk.Answer(tx, support.Answer{Talk: talk.ID, Version: talk.Version, Key: "answer:same", Text: "and washable", By: "Rosa"})
				return err
			})
		}
		w.drain()
		require.Len(t, w.net.texts(), before+2)

		d.Clock().Advance(time.Hour)
		w.hear(messaging.SMS, kate, "great, in red?")
		require.Equal(t, support.Open, w.tickets(support.TicketFilter{})[0].State)
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := w.desk.Answer(tx, support.Answer{Talk: talk.ID, Version: talk.Version + 1, Text: "…", By: "Rosa"})
			return err
		}), support.ErrMoved, "she has written meanwhile")
	})
}

func TestSolveAndReopen(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.hear(messaging.SMS, kate, "is it linen?")
		talk := w.talks(support.Filter{})[0]
		solve := func() (ids []string) {
			dbtest.Write(t, d, func(tx *db.Tx) (err error) { ids, err = w.desk.Solve(tx, talk.ID, "Rosa"); return err })
			return ids
		}
		ids := solve()
		require.Len(t, ids, 1)
		require.Empty(t, w.talks(support.Filter{Show: support.ShowOpen}))
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.desk.Reopen(tx, talk.ID, ids, "Rosa") })
		require.Len(t, w.talks(support.Filter{Show: support.ShowOpen}), 1)
		solve()
		d.Clock().Advance(6 * 24 * time.Hour)
		w.hear(messaging.SMS, kate, "and is it warm?")
		require.Len(t, w.tickets(support.TicketFilter{}), 1, "within a week it is the same matter")
		require.Equal(t, support.Open, w.tickets(support.TicketFilter{})[0].State)
		solve()
		d.Clock().Advance(8 * 24 * time.Hour)
		w.hear(messaging.SMS, kate, "hello again")
		require.Len(t, w.tickets(support.TicketFilter{}), 2)

		dbtest.Write(t, d, func(tx *db.Tx) error {
			require.NoError(t, w.desk.Seen(tx, talk.ID))
			require.NoError(t, w.desk.Assign(tx, talk.ID, "usr_1", "Rosa"))
			require.NoError(t, w.desk.Note(tx, talk.ID, "she is nice", "Rosa"))
			require.NoError(t, w.desk.Here(tx, talk.ID, "usr_2", "Mei", true))
			require.ErrorIs(t, w.desk.Note(tx, talk.ID, " ", "Rosa"), support.ErrBadInput)
			return w.desk.MarkUnread(tx, talk.ID)
		})
		require.Len(t, w.talks(support.Filter{Show: support.ShowMine, User: "usr_1"}), 1)
		require.Empty(t, w.talks(support.Filter{Show: support.ShowMine, User: "usr_2"}))
		require.Empty(t, w.talks(support.Filter{Show: support.ShowUnassigned}))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			c, err := w.desk.Counts(tx, "usr_1")
			require.NoError(t, err)
			require.Equal(t, support.Counts{Open: 1, Waiting: 1, Mine: 1}, c)
			n, err := w.desk.Unread(tx)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			readers, err := w.desk.Readers(tx, talk.ID, "usr_1")
			require.Equal(t, []support.Reader{{Who: "usr_2", Name: "Mei", Writes: true}}, readers)
			return err
		})
	})
}

func TestSearch(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.confirmed(anna, "de", "de", w.person(anna, "anna@example.org", "Änna", "DE", "de"))
		w.hear(messaging.SMS, anna, "Das Kleid ist zu groß, 请退款")
		w.hear(messaging.SMS, kate, "is the dress linen?")
		ticket := w.tickets(support.TicketFilter{Lang: "de"})[0].Number
		for search, want := range map[string]int{
			"kleid": 1, "KLEI": 1, "anna muller": 1, "Änna": 1, "anna@example.org": 1, "F-20261124-0001": 1, "0151 12345678": 1, "+49 151 1234 5678": 1,
			"退款": 1, "gross": 1, "dress linen": 1, "dress kleid": 0, "nothing": 0, ticket: 1, "?": 0, "": 2, "12345678": 1, "123456": 1,
		} {
			require.Len(t, w.talks(support.Filter{Search: search}), want, "%q", search)
		}
		require.Len(t, w.talks(support.Filter{Market: "gb"}), 1)
		require.Len(t, w.talks(support.Filter{Lang: "de"}), 1)
		first := w.talks(support.Filter{})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			rest, err := w.desk.Talks(tx, support.Filter{}, support.Page{After: first[0].ID})
			require.Equal(t, first[1:], rest)
			return err
		})
	})
}

func TestCannedAnswers(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.confirmed(anna, "de", "de", w.person(anna, "", "Anna", "DE", "de"))
		w.hear(messaging.SMS, anna, "Wo ist es?")
		w.hear(messaging.SMS, kate, "where is it?")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			de, err := w.desk.SaveCanned(tx, support.Canned{Lang: "de", Title: "Wo ist es", Words: "Hallo {name}, {order} kommt {from}-{to}. {link}", Who: "Mei"})
			require.NoError(t, err)
			_, err = w.desk.SaveCanned(tx, support.Canned{ID: de.ID, Lang: "en", Title: "Where is it", Words: "Hello {name}, {order} comes {from}-{to}.", Who: "Mei"})
			require.NoError(t, err)
			_, err = w.desk.SaveCanned(tx, support.Canned{Lang: "en", Title: "x", Words: "{nme}"})
			require.ErrorIs(t, err, support.ErrBadInput)
			_, err = w.desk.SaveCanned(tx, support.Canned{Lang: "en", Title: "x", Words: "{name"})
			require.ErrorIs(t, err, support.ErrBadInput)
			return nil
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			offers, err := w.desk.Offers(tx, w.talks(support.Filter{Market: "de"})[0])
			require.NoError(t, err)
			require.Len(t, offers, 1)
			require.Equal(t, "Hallo Anna, F-20261124-0001 kommt 2. Dez.-5. Dez.. https://lotus.example/o/1", offers[0].Text)
			require.Empty(t, offers[0].Missing)
			offers, err = w.desk.Offers(tx, w.talks(support.Filter{Market: "gb"})[0])
			require.Equal(t, "en", offers[0].Lang)
			require.Equal(t, []string{"name", "order", "from", "to"}, offers[0].Missing)
			return err
		})
		dbtest.Write(t, d, func(tx *db.Tx) error {
			all, err := w.desk.CannedAnswers(tx)
			require.Len(t, all, 2)
			require.NoError(t, w.desk.RemoveCanned(tx, all[0].ID, ""))
			return err
		})
	})
}
