package journeys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// twins is a world with two profiles that turn out to be one person, each with an order.
type twins struct {
	*crashes
	one, two order.Order
}

const hello = `{"journey": "hello", "about": "person", "priority": 20, "trigger": {"events": ["person.agreed"]}, "exits": [{"on": "person.stopped", "reason": "opted_out"}],
	"nodes": [{"id": "pause", "do": "wait", "for": "1h", "next": "mark"}, {"id": "mark", "do": "tag", "tag": "greeted", "next": "more"},
	{"id": "more", "do": "wait", "for": "5h", "next": "over"}, {"id": "over", "do": "exit", "reason": "told"}]}`

// offer is an offer two hours after a rating.
func offer(trigger, exits string, holdout int) string {
	next, share := "gift", ""
	if holdout > 0 {
		next, share = "share", fmt.Sprintf(`{"id": "share", "do": "split", "holdout": %d, "next": "gift"},`, holdout)
	}
	return fmt.Sprintf(`{"journey": "news", "about": "order", "priority": 20, "trigger": {"events": ["rated"]%s}, "exits": [{"on": "person.stopped", "reason": "opted_out"}%s],
		"nodes": [{"id": "pause", "do": "wait", "for": "2h", "next": "%s"}, %s {"id": "gift", "do": "reward", "reward": {"percent": 5, "life": "24h"}, "next": "write"},
		{"id": "write", "do": "send", "template": "cart", "class": "promotional", "link": "shop"}]}`, trigger, exits, next, share)
}

func newTwins(t *testing.T, d *db.DB, definitions ...string) *twins {
	c := &crashes{world: newWorld(t, d), calls: &calls{}}
	c.reborn()
	dbtest.Write(t, d, func(tx *db.Tx) error {
		if err := c.journeys.Prepare(tx); err != nil {
			return err
		}
		for _, text := range definitions {
			def, err := journeys.ReadDefinition([]byte(text))
			require.NoError(t, err)
			_, err = c.journeys.Publish(tx, def, 0, "test", "", "")
			require.NoError(t, err)
		}
		return nil
	})
	w := &twins{crashes: c}
	for _, o := range []*order.Order{&w.one, &w.two} {
		*o = c.customer()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			p, err := c.people.Upsert(tx, customer.Customer{GivenName: "Kate", Email: o.Email, Phone: o.Phone, Country: "GB", Lang: "en", Market: "gb"})
			o.Customer = p.ID
			return err
		})
	}
	c.orders[w.one.ID], c.orders[w.two.ID] = w.one, w.two
	return w
}

func (w *twins) merge() (m customer.Merge) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		m, err = w.people.Merge(tx, w.one.Customer, w.two.Customer, "test", "she said so")
		return err
	})
	w.drain()
	return m
}

func (w *twins) rated(o order.Order) {
	w.t.Helper()
	w.publish(journeys.RatedEvent{Order: string(o.ID), Customer: o.Customer, Market: o.Market, Lang: o.Lang, Rating: 5, At: w.d.Clock().Now()})
}

func (w *twins) greeted(o order.Order) {
	w.t.Helper()
	w.publish(customer.ConsentEvent{Consent: "con_" + string(o.ID), Customer: o.Customer, Address: o.Phone, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Grant,
		Lang: "en", Market: "gb", At: w.d.Clock().Now()})
}

func (w *twins) pass(d time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= time.Hour {
		w.d.Clock().Advance(min(d, time.Hour))
		w.drain()
	}
}

// runs are the states of a journey's runs, "one waiting" or "two exited merged".
func (w *twins) runs(journey string) (all []string) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) {
		all, err = db.All(tx, func(r db.Row) (string, error) {
			var who, state, reason string
			err := r.Scan(&who, &state, &reason)
			if who == w.one.Customer {
				who = "one"
			} else {
				who = "two"
			}
			if reason != "" {
				reason = " " + reason
			}
			return who + " " + state + reason, err
		}, `select customer, state, reason from journey_runs where journey = $1 order by started_at, id`, journey)
		return err
	})
	return all
}

func (w *twins) reached() (to []string) {
	for _, p := range append(w.net.took, w.mail.took...) {
		to = append(to, p.To)
	}
	return to
}

// What a merge ends: of two runs of a journey about persons, or that a person enters once in a time, the one that is
// further behind; nothing else.
func TestWhatAMergeEnds(t *testing.T) {
	once := offer(`, "again": "30d"`, "", 0)
	each := offer("", "", 0)
	for _, tt := range []struct {
		name, journey, file string
		begin               func(w *twins, o order.Order)
		first, second       string // whose run begins, and whose half an hour later
		pause               time.Duration
		want                []string
	}{
		{"about persons, the older run is ahead", "hello", hello, (*twins).greeted, "one", "two", 30 * time.Minute, []string{"one waiting", "two exited merged"}},
		{"about persons, the other's is ahead", "hello", hello, (*twins).greeted, "two", "one", 90 * time.Minute, []string{"two waiting", "one exited merged"}},
		{"once in a time", "news", once, (*twins).rated, "one", "two", 30 * time.Minute, []string{"one waiting", "two exited merged"}},
		{"once in a time, the other's first", "news", once, (*twins).rated, "two", "one", 30 * time.Minute, []string{"two waiting", "one exited merged"}},
		{"about orders", "news", each, (*twins).rated, "one", "two", 30 * time.Minute, []string{"one waiting", "two waiting"}},
		{"only one is under way", "hello", hello, (*twins).greeted, "two", "", 30 * time.Minute, []string{"two waiting"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
				w := newTwins(t, d, tt.file)
				of := map[string]order.Order{"one": w.one, "two": w.two}
				tt.begin(w, of[tt.first])
				w.pass(tt.pause)
				if tt.second != "" {
					tt.begin(w, of[tt.second])
				}
				w.merge()
				require.Equal(t, tt.want, w.runs(tt.journey))
				for _, o := range []order.Order{w.one, w.two} { // a person who is under way, or was, doesn't begin again
					if tt.journey == "hello" {
						tt.begin(w, o)
					}
				}
				require.Equal(t, tt.want, w.runs(tt.journey))
			})
		})
	}
}

// While a run waits, a merge brings it everything that is known of the other profile: a STOP from there ends it, an order
// of theirs counts, and what was written to them counts for how often a person is written to. It keeps its arm.
func TestMergedWhileARunWaits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		exits  string
		before func(w *twins)
		after  func(w *twins)
		undo   bool
		want   string // of the run of one
		sent   int    // texts to one
	}{
		{name: "nothing else", want: "one done", sent: 1},
		{name: "the other says stop", after: func(w *twins) { w.says(w.two.Phone, "STOP") }, want: "one exited opted_out"},
		{name: "the other said stop before", before: func(w *twins) { w.says(w.two.Phone, "STOP") }, want: "one done", sent: 1},
		{name: "the other says stop, after it was undone", undo: true, after: func(w *twins) { w.says(w.two.Phone, "STOP") }, want: "one done", sent: 1},
		{name: "they say stop", after: func(w *twins) { w.says(w.one.Phone, "STOP") }, want: "one exited opted_out"},
		{name: "the other has bought", exits: `, {"when": "person.ordered_since", "reason": "ordered_since"}`, after: (*twins).bought, want: "one exited ordered_since"},
		{name: "somebody else has bought", exits: `, {"when": "person.ordered_since", "reason": "ordered_since"}`, undo: true, after: (*twins).bought, want: "one done", sent: 1},
		{name: "the other was told an hour ago", after: (*twins).told, want: "one held cap"},
		{name: "somebody else was told an hour ago", undo: true, after: (*twins).told, want: "one done", sent: 1},
		{name: "the other was asked lately", exits: `, {"when": "run.asked_days < 14", "reason": "recently_asked"}`, before: func(w *twins) {
			w.rated(w.two)
			w.pass(3 * time.Hour)
			w.pass(48 * time.Hour)
		}, want: "one exited recently_asked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
				w := newTwins(t, d, offer("", tt.exits, 0))
				if tt.before != nil {
					tt.before(w)
				}
				w.rated(w.one)
				w.pass(30 * time.Minute)
				m := w.merge()
				if tt.undo {
					dbtest.Write(t, d, func(tx *db.Tx) error { return w.people.Unmerge(tx, m.ID, "test") })
				}
				if tt.after != nil {
					tt.after(w)
				}
				w.pass(3 * time.Hour)
				all := w.runs("news")
				require.Equal(t, tt.want, all[len(all)-1])
				sent := 0
				for _, to := range w.reached() {
					if to == w.one.Phone {
						sent++
					}
				}
				require.Equal(t, tt.sent, sent, w.why(w.one))
			})
		})
	}
}

func (w *twins) says(from, text string) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error { _, _, err := w.people.StopAll(tx, from, "reply "+text); return err })
	w.drain()
}

func (w *twins) bought() {
	o := w.two
	o.ID, o.PlacedAt, o.PaidAt = "ord_other", w.d.Clock().Now(), w.d.Clock().Now()
	w.orders[o.ID] = o
}

// told sends the other profile an offer by somebody else's hand.
func (w *twins) told() {
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		r, err := w.messages.Send(tx, messaging.Message{Key: "by-hand", Customer: w.two.Customer, To: w.two.Phone, Channel: messaging.SMS, Market: "gb", Country: "GB", Lang: "en",
			Template: "cart", Cart: "cart_x", Vars: map[string]string{"code": "X", "pct": "5 %", "link": "https://lotus.example/x"}})
		require.NoError(w.t, err)
		require.Equal(w.t, messaging.Go, r.Gate.Verdict, "%+v", r.Gate)
		return nil
	})
	w.drain()
}

// A run that was drawn keeps its arm; the lot of a later one falls on the person, whichever profile it comes by.
func TestMergedLots(t *testing.T) {
	dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
		w := newTwins(t, d, offer("", "", 50))
		arms := func() (all []string) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				all, err = db.All(tx, db.Scalar[string], `select arm from journey_runs where journey = 'news' order by started_at, id`)
				return err
			})
			return all
		}
		var own [2]string
		for i, o := range []order.Order{w.one, w.two} {
			w.rated(o)
			w.pass(3 * time.Hour)
			own[i] = arms()[i]
		}
		w.merge()
		require.Equal(t, own[:], arms())
		o := w.two
		o.ID = "ord_later"
		w.orders[o.ID] = o
		w.rated(o)
		w.pass(3 * time.Hour)
		require.Equal(t, own[0], arms()[2], "as the survivor's")
	})
}

// Whoever forgets one of two joined profiles forgets the runs of both.
func TestMergedThenErased(t *testing.T) {
	dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
		w := newTwins(t, d, offer("", "", 0))
		for _, o := range []order.Order{w.one, w.two} {
			w.rated(o)
		}
		w.merge()
		dbtest.Write(t, d, func(tx *db.Tx) error { _, err := w.people.Erase(tx, w.two.Customer, "test"); return err })
		w.drain()
		require.Equal(t, []string{"one exited erased", "two exited erased"}, w.runs("news"))
		w.pass(48 * time.Hour)
		require.Empty(t, w.reached())
		dbtest.Read(t, d, func(tx *db.Tx) error {
			bodies, err := db.All(tx, db.Scalar[string], `select body from journey_runs`)
			for _, text := range bodies {
				for _, o := range []order.Order{w.one, w.two} {
					require.NotContains(t, text, o.Phone)
					require.NotContains(t, text, o.Email)
				}
			}
			return err
		})
	})
}

// What was decided before is read with the person while they are one, and by itself again afterwards.
func TestMergedHistory(t *testing.T) {
	dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
		w := newTwins(t, d, offer("", "", 0))
		for _, o := range []order.Order{w.one, w.two} {
			w.rated(o)
			w.pass(4 * time.Hour)
		}
		one, two := w.why(w.one), w.why(w.two)
		require.NotEmpty(t, one)
		require.NotEmpty(t, two)
		var m customer.Merge
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			m, err = w.people.Merge(tx, w.one.Customer, w.two.Customer, "test", "she said so")
			return err
		})
		require.ElementsMatch(t, append(append([]string{}, one...), two...), w.why(w.one))
		require.Equal(t, w.why(w.one), w.why(w.two))
		var shop market.Code = "gb"
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := w.messages.List(tx, messaging.Filter{Customer: w.two.Customer, Market: shop}, messaging.Page{})
			require.Len(t, all, 2)
			return err
		})
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.people.Unmerge(tx, m.ID, "test") })
		w.drain() // by now there is nothing to end
		require.Equal(t, one, w.why(w.one))
		require.Equal(t, two, w.why(w.two))
	})
}
