package journeys_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, customer.Schema, messaging.Schema, journeys.Schema}

// The packages below, as small as journeys sees them.
type (
	book    map[order.ID]order.Order
	shelf   map[string]checkout.Cart
	stock   map[string]int64
	codes   struct{ issued, void []pricing.Code }
	titles  struct{}
	shops   map[market.Code]market.Market
	network struct{ took []messaging.Parcel }
)

func (b book) Get(_ *db.Tx, id order.ID) (order.Order, error) {
	o, ok := b[id]
	if !ok {
		return o, order.ErrUnknown
	}
	return o, nil
}

func (b book) ByCart(_ *db.Tx, cart string) (order.Order, error) {
	for _, o := range b {
		if o.Cart == cart {
			return o, nil
		}
	}
	return order.Order{}, order.ErrUnknown
}

func (b book) List(_ *db.Tx, f order.Filter, _ order.Page) (out []order.Order, next string, err error) {
	for _, o := range b {
		if (len(f.Customers) == 0 || slices.Contains(f.Customers, o.Customer)) && (f.Email == "" || o.Email == f.Email) && (f.Phone == "" || o.Phone == f.Phone) && !o.PlacedAt.Before(f.Since) {
			out = append(out, o)
		}
	}
	return out, "", nil
}

func (b book) Purchases(_ *db.Tx, customers, carts []string, since time.Time) (all []order.Purchase, err error) {
	for _, o := range b {
		known := slices.Contains(customers, o.Customer) && o.Customer != "" || slices.Contains(carts, o.Cart) && o.Cart != ""
		if known && !o.PaidAt.IsZero() && !o.PaidAt.Before(since) && o.State != order.Cancelled {
			all = append(all, order.Purchase{Order: o.ID, Customer: o.Customer, Cart: o.Cart, Market: o.Market, PaidAt: o.PaidAt, Goods: o.Goods, Total: o.Total})
		}
	}
	return all, nil
}

func (b book) Refunds(*db.Tx, order.ID) ([]order.Refund, error) { return nil, nil }

func (s shelf) ByID(_ *db.Tx, id string) (checkout.Cart, error) {
	c, ok := s[id]
	if !ok {
		return c, checkout.ErrUnknown
	}
	return c, nil
}

func (s shelf) Link(_ *db.Tx, cart string) (string, error) { return cart + ".signed", nil }

func (s stock) Available(*db.Tx, []string, []string) (map[string]int64, error) { return s, nil }

func (c *codes) Issue(_ *db.Tx, r pricing.CodeRule) (pricing.Code, error) {
	r.Code = "AB12CD34" + string(rune('A'+len(c.issued)))
	c.issued = append(c.issued, pricing.Code{CodeRule: r})
	return c.issued[len(c.issued)-1], nil
}

func (c *codes) Room(*db.Tx, pricing.CodeRule, pricing.CodeUse) error { return nil }

func (c *codes) Bearing(_ *db.Tx, _ pricing.CodeRule, _ market.Code, shelf []*catalog.Product) ([]*catalog.Product, error) {
	return shelf, nil
}

func (c *codes) Reach(*db.Tx, pricing.CodeRule, market.Code, []*catalog.Product) (pricing.Reach, error) {
	return pricing.Reach{}, nil
}

func (c *codes) Void(_ *db.Tx, code string) error {
	c.void = append(c.void, pricing.Code{CodeRule: pricing.CodeRule{Code: code}})
	return nil
}

func (titles) Variant(sku string) (*catalog.Product, *catalog.Variant, error) {
	return &catalog.Product{Texts: map[string]catalog.Text{"de": {Title: "Leinenkleid"}, "en": {Title: "Linen dress"}}}, nil, nil
}

func (titles) List(catalog.Filter, catalog.Page) catalog.Listing { return catalog.Listing{} }

func (titles) Snapshot() *catalog.Snapshot { return &catalog.Snapshot{} }

func (s shops) ByCode(c market.Code) (market.Market, bool) { m, ok := s[c]; return m, ok }

func (s shops) ByCountry(c market.Country) (market.Market, bool) {
	for _, m := range s {
		if m.Serves(c) {
			return m, true
		}
	}
	return market.Market{}, false
}

func (s shops) All() (all []market.Market) {
	for _, m := range s {
		all = append(all, m)
	}
	return all
}

func (n *network) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	n.took = append(n.took, p)
	return messaging.Taken{IDs: []string{p.Attempt}}, nil
}

type world struct {
	t        *testing.T
	d        *db.DB
	bus      *events.Bus
	queue    *jobs.Queue
	people   *customer.Service
	messages *messaging.Service
	journeys *journeys.Service
	orders   book
	carts    shelf
	stock    stock
	codes    *codes
	net      *network
	mail     *network
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, d: d, orders: book{}, carts: shelf{}, stock: stock{"D1": 5}, codes: &codes{}, net: &network{}, mail: &network{}}
	w.start(func(*journeys.Needs) {})
	return w
}

// start begins a process on the world's database; what was before is forgotten, as after a kill.
func (w *world) start(change func(*journeys.Needs)) {
	d := w.d
	w.queue = jobs.New(d)
	w.bus = events.New(w.queue)
	w.people = customer.New(w.bus)
	versions := &counter{}
	markets := shops{
		"de": {Code: "de", Countries: []market.Country{"DE"}, Languages: []string{"de", "en"}, DoubleOptIn: true, ConsentChannels: []string{"sms", "email"}},
		"gb": {Code: "gb", State: market.Open, Currency: "GBP", Countries: []market.Country{"GB"}, Languages: []string{"en"}},
		"my": {Code: "my", Countries: []market.Country{"MY"}, Languages: []string{"ms", "en"}},
	}
	w.messages = messaging.New(d, w.queue, w.bus, w.people, markets, messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example", Routes: []messaging.Route{
		{Name: "sim", Provider: "sim", Channel: messaging.SMS, Kind: messaging.LongNumber, Sender: "+4915799900001", Carrier: w.net},
		{Name: "mail", Provider: "smtp", Channel: messaging.Email, Kind: messaging.Mailbox, Sender: "shop@lotus.example", Carrier: w.mail},
	}})
	needs := journeys.Needs{Orders: w.orders, Carts: w.carts, Codes: w.codes, Stock: w.stock, Articles: titles{},
		Customers: w.people, Markets: markets, Messages: w.messages, Versions: versions, Bump: versions.bump, Pages: journeys.Pages{
			Bag: func(m market.Market, lang, link string) string {
				return "https://lotus.example" + m.Prefix(lang) + "/bag/" + link
			},
			Order:   func(o order.Order, lang string) string { return "https://lotus.example/o/" + string(o.ID) },
			Confirm: func(_ market.Market, _, token string) string { return "https://lotus.example/c/" + token },
		}}
	change(&needs)
	w.journeys = journeys.New(d, w.bus, w.queue, needs)
}

func (w *world) publish(e events.Event) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error { return w.bus.Publish(tx, e) })
	w.drain()
}

func (w *world) drain() {
	w.t.Helper()
	require.NoError(w.t, w.queue.Drain(w.t.Context()))
}

func (w *world) decided(key string) (all []journeys.Decision) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { all, err = w.journeys.Decisions(tx, key); return err })
	return all
}

const (
	kate = "+447400123456"
	anna = "+4915112345678"
	mail = "kate@example.org"
)

func (w *world) agree(to string, ch customer.Channel) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		_, err := w.people.Record(tx, customer.Consent{Address: to, Channel: ch, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Wording: "1"})
		return err
	})
}

// leave puts a cart on the shelf that was last touched now, and lets its shopper leave ten minutes later.
func (w *world) leave(id string) checkout.LeftEvent {
	at := w.d.Clock().Now()
	w.carts[id] = checkout.Cart{ID: id, Market: "gb", Country: "GB", Lang: "en", State: checkout.Open, Customer: "cus_1", Lines: []checkout.Line{{SKU: "D1", Quantity: 2}},
		Contact: checkout.Contact{GivenName: "Kate", Email: mail, Phone: kate}, CreatedAt: at.Add(-time.Hour), Activity: at}
	e := checkout.LeftEvent{Cart: id, Customer: "cus_1", Market: "gb", Country: "GB", Lang: "en", Email: mail, Phone: kate, At: at}
	w.d.Clock().Advance(10 * time.Minute)
	w.publish(e)
	return e
}

func paid(lang string) order.Order {
	gbp := func(n int64) money.Amount { return money.Of(n, "EUR") }
	return order.Order{ID: "ord_1", Number: "F-20261124-0001", Source: "shop", Market: "de", Country: "DE", Lang: lang, Email: "Anna@example.org", Phone: anna,
		Customer: "cus_2", Address: address.Address{GivenName: "Anna", FamilyName: "Lang", Line1: "Hauptstr. 1", Postcode: "10115", City: "Berlin", Country: "DE"},
		Lines: []order.Line{{SKU: "D1", Title: "Leinenkleid", Options: map[string]string{"size": "M", "color": "teal"}, Quantity: 2, UnitPrice: gbp(20_00), Total: gbp(40_00)}},
		Goods: gbp(33_61), Shipping: gbp(4_99), Duty: gbp(3_00), Tax: gbp(7_00), Total: gbp(48_60), DeliverFrom: "2026-12-02", DeliverTo: "2026-12-05", State: order.Paid}
}

func event(o order.Order, at time.Time) order.PaidEvent {
	return order.PaidEvent{Order: o.ID, Market: o.Market, Country: o.Country, Lang: o.Lang, Customer: o.Customer, FactAt: at}
}

func TestConfirm(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   func(*order.Order)
		after    time.Duration
		sms      int
		mails    int
		outcomes string
	}{
		{"both", func(*order.Order) {}, 0, 1, 1, "sent sent"},
		{"from another shop", func(o *order.Order) { o.Source = "woo"; o.DeliverFrom, o.DeliverTo = "", "" }, 0, 1, 1, "sent sent"},
		{"no e-mail", func(o *order.Order) { o.Email = "" }, 0, 1, 0, "sent not_sent:no_channel"},
		{"landline", func(o *order.Order) { o.Phone = "+493012345678" }, 0, 0, 1, "not_sent:no_mobile sent"},
		{"a day late", func(*order.Order) {}, 25 * time.Hour, 0, 1, "not_sent:too_late sent"},
		{"cancelled", func(o *order.Order) { o.State = order.Cancelled }, 0, 0, 0, "not_sent:cancelled"},
		{"nowhere to write", func(o *order.Order) { o.Email, o.Phone = "", "" }, 0, 0, 0, "not_sent:no_channel not_sent:no_channel"},
		{"malformed phone from another shop", func(o *order.Order) { o.Phone = "0151" }, 0, 0, 1, "not_sent:no_mobile sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				o := paid("de")
				tt.change(&o)
				w.orders[o.ID] = o
				for range 3 {
					w.publish(event(o, d.Clock().Now().Add(-tt.after)))
				}
				require.Len(t, w.net.took, tt.sms)
				require.Len(t, w.mail.took, tt.mails)
				var got []string
				for _, x := range w.decided("ord_1") {
					s := string(x.Outcome)
					if x.Reason != "" {
						s += ":" + x.Reason
					}
					got = append(got, s)
				}
				require.Equal(t, strings.Fields(tt.outcomes), got, "once, however often the payment is told")
			})
		})
	}
}

func TestConfirmSaysWhatWasBought(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		o := paid("de")
		w.orders[o.ID] = o
		w.publish(event(o, d.Clock().Now()))
		require.Equal(t, "Lotus: danke Anna, Bestellung F-20261124-0001 ist bezahlt: 2 x Leinenkleid. Lieferung 2. Dez.-5. Dez. Fragen? Antwort INFO.", w.net.took[0].Text)
		m := w.mail.took[0]
		require.Equal(t, "anna@example.org", m.To)
		require.Equal(t, "Lotus: Ihre Bestellung F-20261124-0001 ist bezahlt", m.Subject)
		for _, want := range []string{"2 x Leinenkleid (M, teal): ", "Zoll: ", "Steuer: ", "Gesamt: ", "Hauptstr. 1", "https://lotus.example/"} {
			require.Contains(t, m.Text, want)
		}
		require.Contains(t, m.HTML, "<table")
		require.Empty(t, m.Leave, "an order's mail has nothing to unsubscribe from")

		dbtest.Write(t, d, func(tx *db.Tx) error {
			got, err := w.messages.Receive(tx, messaging.Inbound{Provider: "sim", Channel: messaging.SMS, From: anna, To: "+4915799900001", Text: "info"})
			require.Contains(t, got.Answer, "Bestellung F-20261124-0001: bezahlt")
			return err
		})
	})
}

func TestRecover(t *testing.T) {
	sms := func(w *world) { w.agree(kate, customer.SMS) }
	for _, tt := range []struct {
		name   string
		before func(w *world) // before the two hours are over
		reason string         // empty: sent
	}{
		{"sent", sms, ""},
		{"by e-mail where that was agreed", func(w *world) { w.agree(mail, customer.Mail) }, ""},
		{"no consent", func(*world) {}, "no_consent"},
		{"paid meanwhile", func(w *world) {
			sms(w)
			c := w.carts["crt_1"]
			c.State = checkout.Ordered
			w.carts["crt_1"] = c
		}, "paid_meanwhile"},
		{"payment pending", func(w *world) {
			sms(w)
			c := w.carts["crt_1"]
			c.State = checkout.Paying
			w.carts["crt_1"] = c
		}, "payment_pending"},
		{"came back", func(w *world) {
			sms(w)
			c := w.carts["crt_1"]
			c.Activity = w.d.Clock().Now()
			w.carts["crt_1"] = c
		}, "came_back"},
		{"cart emptied", func(w *world) {
			sms(w)
			c := w.carts["crt_1"]
			c.Lines = nil
			w.carts["crt_1"] = c
		}, "cart_empty"},
		{"sold out", func(w *world) { sms(w); w.stock["D1"] = 0 }, "sold_out"},
		{"bought the item elsewhere", func(w *world) {
			sms(w)
			w.orders["ord_9"] = order.Order{ID: "ord_9", Phone: kate, Lines: []order.Line{{SKU: "D1"}}, PlacedAt: w.d.Clock().Now(), State: order.Placed}
		}, "ordered_item"},
		{"bought something else", func(w *world) {
			sms(w)
			w.orders["ord_9"] = order.Order{ID: "ord_9", Phone: kate, Lines: []order.Line{{SKU: "D2"}}, PlacedAt: w.d.Clock().Now(), State: order.Placed}
		}, ""},
		{"said STOP", func(w *world) {
			sms(w)
			dbtest.Write(w.t, w.d, func(tx *db.Tx) error { _, _, err := w.people.StopAll(tx, kate, "test"); return err })
		}, "suppressed"},
		{"left no address", func(w *world) {
			sms(w)
			dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
				_, err := tx.Exec(`update journey_runs set body = '{}'`)
				return err
			})
		}, "no_channel"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.leave("crt_1")
				tt.before(w)
				d.Clock().Advance(time.Hour + 49*time.Minute)
				w.drain()
				require.Empty(t, w.net.took, "not before two hours")
				d.Clock().Advance(2 * time.Minute)
				w.drain()
				all := w.decided("crt_1")
				last := all[len(all)-1]
				require.Equal(t, journeys.Waits, all[0].Outcome)
				require.Equal(t, tt.reason, last.Reason, last.Detail)
				if tt.reason != "" {
					require.Equal(t, journeys.NotSent, last.Outcome)
					require.Empty(t, append(w.net.took, w.mail.took...))
					require.Empty(t, w.codes.issued, "no message, no code")
					return
				}
				require.Equal(t, journeys.Sent, last.Outcome)
				got := append(w.net.took, w.mail.took...)
				require.Len(t, got, 1)
				require.Contains(t, got[0].Text, "AB12CD34A")
				require.Contains(t, got[0].Text, "https://lotus.example/l/")
				code := w.codes.issued[0]
				require.Equal(t, "crt_1", code.Cart)
				require.Equal(t, int64(1), code.MaxUses)
				require.Equal(t, "5", code.Percent.PercentString())
				require.Equal(t, d.Clock().Now().Add(24*time.Hour), code.ValidTo)
				require.Empty(t, w.codes.void)
			})
		})
	}
}

func TestRecoverOncePerCart(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(kate, customer.SMS)
		e := w.leave("crt_1")
		w.publish(e)
		d.Clock().Advance(2 * time.Hour)
		w.drain()
		require.Len(t, w.net.took, 1)
		d.Clock().Advance(26 * time.Hour)
		w.leave("crt_1")
		d.Clock().Advance(3 * time.Hour)
		w.drain()
		all := w.decided("crt_1")
		require.Equal(t, "once_per_cart", all[len(all)-1].Reason)
		w.leave("crt_2")
		d.Clock().Advance(3 * time.Hour)
		w.drain()
		all = w.decided("crt_2")
		require.Equal(t, "recently_asked", all[len(all)-1].Reason)
		d.Clock().Advance(15 * 24 * time.Hour)
		d.Clock().Advance(9*time.Hour - time.Duration(d.Clock().Now().Hour())*time.Hour)
		w.leave("crt_3")
		d.Clock().Advance(3 * time.Hour)
		w.drain()
		require.Len(t, w.net.took, 2)
		require.Len(t, w.codes.issued, 2)
	})
}

func TestRecoverWaitsForTheMorning(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(kate, customer.SMS)
		d.Clock().Advance(7 * time.Hour) // 19:00 in London
		w.leave("crt_1")
		d.Clock().Advance(2 * time.Hour)
		w.drain()
		all := w.decided("crt_1")
		require.Equal(t, "quiet_hours", all[len(all)-1].Reason)
		require.Equal(t, journeys.Waits, all[len(all)-1].Outcome)
		require.Empty(t, w.codes.issued, "the 24 hours of a code begin when it is sent")
		d.Clock().Advance(12 * time.Hour)
		w.drain()
		require.Len(t, w.net.took, 1)
		require.Equal(t, d.Clock().Now().Add(24*time.Hour), w.codes.issued[0].ValidTo)
	})
}

// The shopper pays between the decision and the wire: the gate, asked once more, says no, and the code is void.
func TestCodeIsVoidWhenTheMessageDoesNotLeave(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.messages.Guard("journey", func(tx *db.Tx, r messaging.Record) (string, error) {
			written, err := w.messages.List(tx, messaging.Filter{Cart: r.Cart}, messaging.Page{})
			if len(written) > 0 {
				return "paid_meanwhile", err
			}
			return "", err
		})
		w.agree(kate, customer.SMS)
		w.leave("crt_1")
		d.Clock().Advance(2 * time.Hour)
		w.drain()
		require.Empty(t, w.net.took)
		require.Len(t, w.codes.issued, 1)
		require.Len(t, w.codes.void, 1)
		all := w.decided("crt_1")
		require.Equal(t, journeys.NotSent, all[len(all)-1].Outcome)
		require.Equal(t, "guard", all[len(all)-1].Reason)
	})
}

func TestDoubleOptIn(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			for _, ch := range []customer.Channel{customer.SMS, customer.WhatsApp} {
				_, err = w.people.Record(tx, customer.Consent{Address: anna, Channel: ch, Class: customer.Promotional, Action: customer.Grant, Text: "Angebote",
					Lang: "de", Market: "de", DoubleOptIn: true})
			}
			return err
		})
		w.drain()
		require.Len(t, w.net.took, 1)
		require.Contains(t, w.net.took[0].Text, "Lotus: bitte bestätigen Sie, dass wir Ihnen schreiben dürfen: https://lotus.example/c/con_")
		require.Equal(t, journeys.Sent, w.decided(anna)[0].Outcome)
	})
}

// What the network couldn't deliver says the same by the next channel, and the run knows.
func TestTheOtherChannelIsKnown(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := prepared(t, d)
		def := w.shipped("confirm")
		require.NoError(t, def.Remove("mail"))
		for i := range def.Nodes {
			if def.Nodes[i].ID == "text" {
				def.Nodes[i].Only, def.Nodes[i].Channels = false, []messaging.Channel{messaging.SMS, messaging.Email}
			}
		}
		w.publishOver(def, 1)
		o := paid("de")
		w.orders[o.ID] = o
		w.publish(event(o, d.Clock().Now()))
		require.Len(t, w.net.took, 1)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: w.net.took[0].Attempt, State: messaging.Failed})
		})
		w.drain()
		require.Len(t, w.mail.took, 1)
		all := w.decided("ord_1")
		require.Len(t, all, 3)
		require.Equal(t, journeys.Sent, all[0].Outcome)
		require.Equal(t, []any{journeys.NotSent, "network"}, []any{all[1].Outcome, all[1].Reason})
		require.Equal(t, []any{journeys.Sent, "email", w.mail.took[0].Message}, []any{all[2].Outcome, all[2].Detail, all[2].Message})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			sent, err := db.One(tx, db.Scalar[int64], `select sent from journey_runs`)
			require.EqualValues(t, 1, sent)
			return err
		})
	})
}
