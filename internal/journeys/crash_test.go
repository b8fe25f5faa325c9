package journeys_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/id"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/support"
)

// books of the packages below that are kept with the unit of work, as the real ones are; nothing in them is made once
// only, so that what is done twice is seen.
var ledgers = db.Schema{Owner: "ledgers", Files: fstest.MapFS{"schema/001_ledgers.sql": {Data: []byte(`-- +goose Up
create table ledger_codes (code text primary key, owner text not null, void boolean not null);
create table ledger_tickets (number text primary key, key text not null, order_id text not null);
`)}}}

type (
	keptCodes   struct{}
	keptTickets struct{}
	someGoods   struct{ titles }
	calls       struct{ ids []string }
)

func (keptCodes) Issue(tx *db.Tx, r pricing.CodeRule) (pricing.Code, error) {
	r.Code = strings.ToUpper(id.New("C")[10:20])
	return pricing.Code{CodeRule: r}, tx.Send(`insert into ledger_codes (code, owner, void) values ($1, $2, false)`, r.Code, r.Cart+r.Customer)
}

func (keptCodes) Room(*db.Tx, pricing.CodeRule, pricing.CodeUse) error { return nil }

func (keptCodes) Bearing(_ *db.Tx, _ pricing.CodeRule, _ market.Code, shelf []*catalog.Product) ([]*catalog.Product, error) {
	return shelf, nil
}

func (keptCodes) Reach(*db.Tx, pricing.CodeRule, market.Code, []*catalog.Product) (pricing.Reach, error) {
	return pricing.Reach{}, nil
}

func (keptCodes) Void(tx *db.Tx, code string) error {
	return tx.Send(`update ledger_codes set void = true where code = $1`, code)
}

func (keptTickets) Open(tx *db.Tx, t support.Ticket) (support.Ticket, error) {
	t.Number = strings.ToUpper(id.New("T")[10:20])
	return t, tx.Send(`insert into ledger_tickets (number, key, order_id) values ($1, $2, $3)`, t.Number, t.Key, t.Order)
}

func (keptTickets) OpenOn(*db.Tx, string) (bool, error) { return false, nil }

func (someGoods) List(catalog.Filter, catalog.Page) catalog.Listing {
	return catalog.Listing{Products: []*catalog.Product{{Slug: "linen-shirt", Category: "shirts", Texts: map[string]catalog.Text{"en": {Title: "Linen shirt"}}}}}
}

func (someGoods) Variant(string) (*catalog.Product, *catalog.Variant, error) {
	return &catalog.Product{Slug: "linen-dress", Category: "shirts", Texts: map[string]catalog.Text{"en": {Title: "Linen dress"}}}, nil, nil
}

func (c *calls) call(_ context.Context, _, id string, _ []byte) error {
	c.ids = append(c.ids, id)
	return nil
}

// tooling does everything that a journey can do besides writing.
const tooling = `{"journey": "tooling", "about": "order", "priority": 10, "trigger": {"events": ["order.cancelled"]}, "nodes": [
	{"id": "pause", "do": "wait", "for": "1h", "next": "tag"}, {"id": "tag", "do": "tag", "tag": "left", "next": "call"},
	{"id": "call", "do": "webhook", "url": "https://other.example/in", "next": "ticket"}, {"id": "ticket", "do": "ticket", "queue": "care", "title": "Ask why", "next": "again"},
	{"id": "again", "do": "wait", "for": "1h", "next": "call2"}, {"id": "call2", "do": "webhook", "url": "https://other.example/in", "next": "over"},
	{"id": "over", "do": "exit", "reason": "told"}]}`

// act is one thing that happens from outside: an event, or time that passes.
type act struct {
	e    events.Event
	pass time.Duration
}

// effects are what a way through a journey brings about.
type effects struct{ texts, mails, codes, tickets, tags, calls int }

// way is one customer's way through a journey.
type way struct {
	name string
	acts func(o order.Order, at time.Time) []act
	want effects
}

func parcelFacts(o order.Order, at time.Time) fulfilment.ParcelFacts {
	return fulfilment.ParcelFacts{Parcel: fulfilment.ParcelID("par_" + o.ID), Shipment: fulfilment.ShipmentID("shp_" + o.ID), Order: o.ID, Number: o.Number, Customer: o.Customer,
		Market: o.Market, Country: o.Country, Lang: o.Lang, N: 1, Of: 1, Occurred: at, At: at}
}

var ways = []way{
	{"confirm", func(o order.Order, at time.Time) []act { return []act{{e: event(o, at)}} }, effects{texts: 1, mails: 1}},
	{"cart", func(o order.Order, at time.Time) []act {
		return []act{{e: checkout.LeftEvent{Cart: o.Cart, Customer: o.Customer, Market: o.Market, Country: o.Country, Lang: o.Lang, Email: o.Email, Phone: o.Phone, At: at}},
			{pass: 121 * time.Minute}}
	}, effects{texts: 1, codes: 1}},
	{"parcel", func(o order.Order, at time.Time) (all []act) {
		for i, kind := range []fulfilment.News{fulfilment.NewsShipped, fulfilment.NewsCustoms, fulfilment.NewsOut} {
			f := parcelFacts(o, at.Add(time.Duration(i)*time.Hour))
			all = append(all, act{e: fulfilment.ParcelEvent{ParcelFacts: f, Kind: kind}}, act{pass: time.Hour})
		}
		return all
	}, effects{texts: 3}},
	{"delay", func(o order.Order, at time.Time) []act {
		return []act{{e: fulfilment.DelayEvent{ParcelFacts: parcelFacts(o, at), Cause: fulfilment.LateRisk, Times: 1}}, {pass: 5 * time.Hour},
			{e: fulfilment.DelayEvent{ParcelFacts: parcelFacts(o, at.Add(5*time.Hour)), Cause: fulfilment.LateRisk, Times: 2}}}
	}, effects{texts: 2}},
	{"survey, low", func(o order.Order, at time.Time) []act { return surveyed(o, at, 2) }, effects{texts: 2, tickets: 1}},
	{"survey, thanks", func(o order.Order, at time.Time) []act { return surveyed(o, at, 3)[:3] }, effects{texts: 2}},
	{"again", func(o order.Order, at time.Time) []act {
		return []act{{e: journeys.RatedEvent{Order: string(o.ID), Customer: o.Customer, Market: o.Market, Lang: o.Lang, Rating: 5, At: at}}, {pass: 7*24*time.Hour + time.Minute}}
	}, effects{texts: 1, codes: 1}},
	{"review", func(o order.Order, at time.Time) []act {
		return append(surveyed(o, at, 1), act{pass: 6 * 24 * time.Hour})
	}, effects{texts: 3, tickets: 1}},
	{"tooling", func(o order.Order, at time.Time) []act {
		return []act{{e: order.CancelledEvent{Order: o.ID, Customer: o.Customer, Market: o.Market, Lang: o.Lang, At: at}}, {pass: 61 * time.Minute}, {pass: 61 * time.Minute}}
	}, effects{tickets: 1, tags: 1, calls: 2}},
}

func surveyed(o order.Order, at time.Time, rating int64) []act {
	return []act{{e: fulfilment.AllDeliveredEvent{Order: o.ID, Number: o.Number, Customer: o.Customer, Market: o.Market, Country: o.Country, Lang: o.Lang, Parcels: 1, Occurred: at, At: at}},
		{pass: 24*time.Hour + time.Minute}, {e: journeys.RatedEvent{Order: string(o.ID), Customer: o.Customer, Market: o.Market, Lang: o.Lang, Rating: rating, At: at.Add(24 * time.Hour)}}}
}

var errKilled = errors.New("killed")

// killer ends the program at its n-th commit, and lets nothing be kept afterwards.
type killer struct {
	n     int
	after bool // the commit is the last thing that is done
	seen  int
	dead  bool
}

func (k *killer) breaks(kept bool) error {
	if k.dead {
		return errKilled
	}
	if !kept {
		k.seen++
	}
	if k.dead = k.seen == k.n && kept == k.after; k.dead {
		return errKilled
	}
	return nil
}

// crashes is a world whose process dies and comes back.
type crashes struct {
	*world
	calls *calls
	buyer int
}

func (c *crashes) reborn() {
	c.t.Helper()
	c.d.Break(nil)
	if c.d.Postgres() { // what a dead node had in hand is handed out again, see package jobs
		dbtest.Write(c.t, c.d, func(tx *db.Tx) error {
			return tx.Send(`update river_job set state = 'available' where state = 'running'`)
		})
	}
	c.start(func(n *journeys.Needs) {
		n.Codes, n.Tickets, n.Articles, n.Call = keptCodes{}, keptTickets{}, someGoods{}, c.calls.call
		n.Pages.Shop = func(market.Market, string) string { return "https://lotus.example/" }
	})
}

// customer makes somebody new with a bag and an order, at noon of another day.
func (c *crashes) customer() order.Order {
	c.t.Helper()
	held := func() bool {
		return slices.ContainsFunc([]string{"cart", "again", "survey", "review"}, func(j string) bool {
			return journeys.Lot(j+"/share/holdout", fmt.Sprintf("cus_%05d", c.buyer)) < 1000
		})
	}
	for c.buyer++; held(); c.buyer++ {
	}
	now := c.d.Clock().Now()
	c.d.Clock().Advance(time.Date(now.Year(), now.Month(), now.Day()+1, 12, 0, 0, 0, time.UTC).Sub(now))
	n := c.buyer
	gbp := money.Of(4000, "GBP")
	o := order.Order{ID: order.ID(fmt.Sprintf("ord_%05d", n)), Number: fmt.Sprintf("F-%05d", n), Source: "shop", Cart: fmt.Sprintf("crt_%05d", n), Market: "gb", Country: "GB", Lang: "en",
		Customer: fmt.Sprintf("cus_%05d", n), Email: fmt.Sprintf("c%05d@example.org", n), Phone: fmt.Sprintf("+4474001%05d", n),
		Lines: []order.Line{{SKU: "D1", Title: "Linen dress", Quantity: 1, UnitPrice: gbp, Total: gbp}}, Total: gbp, Goods: gbp, State: order.Paid}
	clear(c.orders)
	clear(c.carts)
	c.carts[o.Cart] = checkout.Cart{ID: o.Cart, Market: "gb", Country: "GB", Lang: "en", State: checkout.Open, Customer: o.Customer, Lines: []checkout.Line{{SKU: "D1", Quantity: 1}},
		Contact: checkout.Contact{GivenName: "Kate", Email: o.Email, Phone: o.Phone}, CreatedAt: c.d.Clock().Now().Add(-time.Hour), Activity: c.d.Clock().Now()}
	c.orders[o.ID] = o
	c.agree(o.Phone, customer.SMS)
	c.drain()
	c.net.took, c.mail.took, c.calls.ids = nil, nil, nil
	return o
}

// goes lets somebody go a way with the program dying once, and returns whether it did.
func (c *crashes) goes(w way, k *killer) order.Order {
	c.t.Helper()
	o := c.customer()
	if w.name == "cart" {
		clear(c.orders)
	}
	if w.name != "confirm" { // no receipts come here, and what isn't received would go by mail too
		o.Email = ""
		cart := c.carts[o.Cart]
		cart.Contact.Email = ""
		c.carts[o.Cart] = cart
		if _, ok := c.orders[o.ID]; ok {
			c.orders[o.ID] = o
		}
	}
	c.d.Break(k.breaks)
	again := false
	for _, a := range w.acts(o, c.d.Clock().Now()) {
		c.d.Clock().Advance(a.pass)
		for try := 0; ; try++ {
			err := error(nil)
			if a.e != nil && (try == 0 || again) {
				err = c.d.Write(c.t.Context(), func(tx *db.Tx) error { return c.bus.Publish(tx, a.e) })
				again = err != nil
			}
			if err == nil {
				err = c.queue.Drain(c.t.Context())
			}
			if !k.dead {
				require.NoError(c.t, err)
				break
			}
			if try > 0 && err == nil {
				break
			}
			c.reborn()
			c.d.Clock().Advance(3 * time.Minute) // what was in hand is looked at again, and what failed tried again
		}
	}
	c.d.Break(nil)
	for range 3 {
		c.d.Clock().Advance(2 * time.Minute)
		c.drain()
	}
	return o
}

// asks reports whether a message wants something of its reader, and so must not come twice.
func asks(c messaging.Class) bool { return c == messaging.Promotional || c == messaging.Survey }

func (c *crashes) effects(o order.Order) (e effects, repeats int) {
	c.t.Helper()
	seen := map[string]bool{}
	for _, p := range append(c.net.took, c.mail.took...) {
		if seen[p.Message] {
			repeats++
			require.False(c.t, asks(p.Class), "%s twice: %s", p.Template, p.Text)
			require.True(c.t, p.Repeat, "not marked")
			continue
		}
		seen[p.Message] = true
	}
	dbtest.Read(c.t, c.d, func(tx *db.Tx) error {
		for _, x := range []struct {
			n     *int
			query string
			arg   string
		}{
			{&e.codes, `select count(*) from ledger_codes where owner = $1 and not void`, o.Cart},
			{&e.codes, `select count(*) from ledger_codes where owner = $1 and not void`, o.Customer},
			{&e.tickets, `select count(*) from ledger_tickets where order_id = $1`, string(o.ID)},
			{&e.tags, `select count(*) from journey_tags where customer = $1`, o.Customer},
		} {
			n, err := db.One(tx, db.Scalar[int64], x.query, x.arg)
			if err != nil {
				return err
			}
			*x.n += int(n)
		}
		all, err := c.messages.List(tx, messaging.Filter{Customer: o.Customer}, messaging.Page{Limit: 200})
		for _, m := range all {
			if m.Channel == messaging.Email {
				e.mails++
			} else {
				e.texts++
			}
			// What an order needs came; what must not come twice is left alone where nobody knows whether it came.
			require.True(c.t, m.State == messaging.Sent && seen[m.ID] || m.State == messaging.Unknown && asks(m.Class), "%s is %s: %s", m.Template, m.State, m.Reason)
		}
		return err
	})
	once := map[string]bool{}
	for _, id := range c.calls.ids {
		once[id] = true
	}
	e.calls = len(once)
	return e, repeats
}

// why is what was decided about somebody.
func (c *crashes) why(o order.Order) (all []string) {
	c.t.Helper()
	dbtest.Read(c.t, c.d, func(tx *db.Tx) error {
		steps, err := c.journeys.DecisionsOf(tx, o.Customer)
		for _, p := range steps {
			all = append(all, fmt.Sprint(p.Journey, " ", p.Node, " ", p.Outcome, " ", p.Reason, " ", p.Detail))
		}
		return err
	})
	return all
}

// Wherever the program dies on the way through a journey, just before a commit or just after it, each effect is there
// exactly once when it has come back: messages, codes, tickets, tags, and calls to other systems by their ids. What may come
// twice to a phone is an order's news or an answer of which nobody knows whether it came, and that is marked.
func TestDyingAtEveryCommit(t *testing.T) {
	dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
		c := &crashes{world: newWorld(t, d), calls: &calls{}}
		c.reborn()
		def, err := journeys.ReadDefinition(json.RawMessage(tooling))
		require.NoError(t, err)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := c.journeys.Prepare(tx); err != nil {
				return err
			}
			again := shipped(t, "again") // with the words of another offer: the catalogue here has no names of categories
			again.Nodes = slices.Clone(again.Nodes)
			for i := range again.Nodes {
				switch n := &again.Nodes[i]; n.Do {
				case journeys.DoReward:
					n.Reward = &journeys.Reward{Percent: 5, Life: n.Reward.Life}
				case journeys.DoSend:
					n.Template = "cart"
				}
			}
			if _, err := c.journeys.Publish(tx, again, 1, "test", "", ""); err != nil {
				return err
			}
			_, err := c.journeys.Publish(tx, def, 0, "test", "", "")
			return err
		})
		deaths, repeats := 0, 0
		for _, w := range ways {
			o := c.goes(w, &killer{})
			got, _ := c.effects(o)
			require.Equal(t, w.want, got, "%s, without a crash: %v", w.name, c.why(o))
			for n := 1; ; n++ {
				died := false
				for _, after := range []bool{false, true} {
					k := &killer{n: n, after: after}
					o := c.goes(w, k)
					got, twice := c.effects(o)
					require.Equal(t, w.want, got, "%s, died at commit %d (after it: %t)", w.name, n, after)
					if k.dead {
						died = true
						deaths++
						repeats += twice
					}
				}
				if !died {
					break
				}
			}
		}
		t.Logf("died %d times, %d messages came twice, all marked", deaths, repeats)
		require.Greater(t, deaths, 100)
	})
}
