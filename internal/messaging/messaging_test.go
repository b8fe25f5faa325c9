package messaging_test

import (
	"context"
	"errors"
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
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, customer.Schema, messaging.Schema}

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

func five() shops {
	one := func(code market.Code, c market.Country, double bool, langs ...string) market.Market {
		return market.Market{Code: code, Countries: []market.Country{c}, Languages: langs, DoubleOptIn: double,
			Contact: market.Contact{Email: "help@shop.example"}}
	}
	zones := map[market.Code]string{"de": "Europe/Berlin", "gb": "Europe/London"}
	all := shops{
		"us": one("us", "US", false, "en"), "de": one("de", "DE", true, "de", "en"), "gb": one("gb", "GB", false, "en"),
		"id": one("id", "ID", false, "id", "en"), "my": one("my", "MY", false, "ms", "en"),
	}
	for code, m := range all {
		m.Zone = zones[code]
		all[code] = m
	}
	return all
}

// network is a carrier that keeps what it was given and answers as told.
type network struct {
	mu     sync.Mutex
	took   []messaging.Parcel
	answer func(n int, p messaging.Parcel) error
	after  chan struct{}    // answers come when it is closed; nil: at once
	taken  *messaging.Taken // the answer; nil: an id and no more
}

func (n *network) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	took, err := n.take(p)
	if n.after != nil {
		<-n.after
	}
	if err != nil {
		return messaging.Taken{}, err
	}
	if n.taken != nil {
		return *n.taken, nil
	}
	return messaging.Taken{IDs: []string{fmt.Sprintf("%08X", 0xabc0+took)}}, nil
}

func (n *network) take(p messaging.Parcel) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.took = append(n.took, p)
	if n.answer != nil {
		return len(n.took), n.answer(len(n.took), p)
	}
	return len(n.took), nil
}

func (n *network) parcels() []messaging.Parcel {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]messaging.Parcel(nil), n.took...)
}

// world is everything messaging needs, with one fake network.
type world struct {
	t        *testing.T
	d        *db.DB
	queue    *jobs.Queue
	bus      *events.Bus
	people   *customer.Service
	messages *messaging.Service
	net      *network
	mail     *network
}

func newWorld(t *testing.T, d *db.DB) *world {
	q := jobs.New(d)
	bus := events.New(q)
	people := customer.New(bus)
	net, mail := &network{}, &network{}
	price, err := messaging.ReadCost("0.0731", "EUR")
	require.NoError(t, err)
	route := func(name string, c market.Country, kind messaging.Kind, sender string) messaging.Route {
		return messaging.Route{Name: name, Provider: "sim", Channel: messaging.SMS, Countries: []market.Country{c}, Kind: kind, Sender: sender, Carrier: net}
	}
	de := route("de", "DE", messaging.LongNumber, "+4915799900001")
	de.Price = price
	m := messaging.New(d, q, bus, people, five(), messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example", Routes: []messaging.Route{
		route("us", "US", messaging.TenDLC, "+12025550100"), de, route("gb", "GB", messaging.LongNumber, "+447700900001"),
		route("id", "ID", messaging.Alpha, "LOTUS"), route("my", "MY", messaging.Overwritten, "63001"),
		{Name: "mail", Provider: "smtp", Channel: messaging.Email, Kind: messaging.Mailbox, Sender: "shop@lotus.example", Carrier: mail},
	}})
	return &world{t, d, q, bus, people, m, net, mail}
}

func (w *world) send(m messaging.Message) messaging.Record {
	w.t.Helper()
	var r messaging.Record
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) { r, err = w.messages.Send(tx, m); return err })
	return r
}

func (w *world) drain() {
	w.t.Helper()
	require.NoError(w.t, w.queue.Drain(w.t.Context()))
}

func (w *world) get(id string) (d messaging.Detail) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { d, err = w.messages.Inspect(tx, id); return err })
	return d
}

func (w *world) agree(address string, ch customer.Channel, double bool) customer.Consent {
	w.t.Helper()
	var c customer.Consent
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		c, err = w.people.Record(tx, customer.Consent{Address: address, Channel: ch, Class: customer.Promotional, Action: customer.Grant,
			Text: "Offers by message", Wording: "test/1", Source: "checkout", DoubleOptIn: double})
		return err
	})
	return c
}

func (w *world) hear(from, text string) (r messaging.Reaction) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		r, err = w.messages.Receive(tx, messaging.Inbound{Provider: "sim", Channel: messaging.SMS, From: from, To: "+4915799900001", Text: text})
		return err
	})
	return r
}

const (
	anna = "+4915112345678"
	budi = "+6281234567890"
	siti = "+60123456789"
	jane = "+12125551234"
	kate = "+447400123456"
)

func confirm(to string, m market.Code, lang string) messaging.Message {
	return messaging.Message{Key: "confirm:" + to + lang, To: to, Channel: messaging.SMS, Market: m, Lang: lang, Template: "confirm", Order: "ord_1",
		Vars: map[string]string{"name": "Anna", "order": "F-20261124-0001", "items": "Leinenkleid, Schal", "from": "2. Dez.", "to": "5. Dez."}}
}

func cart(to string, m market.Code, lang string) messaging.Message {
	return messaging.Message{Key: "cart:" + to, To: to, Channel: messaging.SMS, Market: m, Lang: lang, Template: "cart", Cart: "crt_" + to,
		Link: "https://lotus.example/de-de/cart/restore?t=abc", Vars: map[string]string{"name": "Anna", "code": "AB12CD34E", "pct": "5"}}
}

func TestConfirmArrives(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := confirm(anna, "de", "de")
		m.FactAt = dbtest.Start.Add(-20 * time.Millisecond)
		r := w.send(m)
		require.Equal(t, messaging.Queued, r.State)
		require.Equal(t, r.ID, w.send(m).ID, "the same key is one message")
		w.drain()
		got := w.net.parcels()
		require.Len(t, got, 1)
		require.Equal(t, "Lotus: danke Anna, Bestellung F-20261124-0001 ist bezahlt: Leinenkleid, Schal. Lieferung 2. Dez.-5. Dez. Fragen? Antwort INFO.", got[0].Text)
		require.Equal(t, "+4915799900001", got[0].Sender)
		one := w.get(r.ID)
		require.Equal(t, messaging.Sent, one.State)
		require.Equal(t, int64(73_100), one.Cost.Micros)
		require.Equal(t, "EUR 0.07", one.Cost.Amount().String())
		require.Equal(t, 20*time.Millisecond, one.Latency())
		require.Len(t, one.Attempts, 1)
		require.Equal(t, []string{"0000ABC1"}, one.Attempts[0].Refs)

		report := func(ref string, s messaging.State, code string) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				return w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: ref, State: s, Code: code, Phone: anna[1:], Raw: "id:..."})
			})
		}
		report("abc1", messaging.Delivered, "000")
		report("abc1", messaging.Delivered, "000")
		require.Equal(t, messaging.Delivered, w.get(r.ID).State)
		require.Len(t, w.get(r.ID).Receipts, 1)
		report("ABC1", messaging.Failed, "017")
		one = w.get(r.ID)
		require.Equal(t, messaging.Delivered, one.State, "only forward")
		require.Equal(t, "failed 017", one.LateFailure)

		dbtest.Read(t, d, func(tx *db.Tx) error {
			stats, err := w.messages.Stats(tx, dbtest.Start)
			require.NoError(t, err)
			require.Equal(t, []messaging.Totals{{Market: "de", Channel: "sms", Sent: 1, Delivered: 1, Parts: 1, Cost: messaging.Cost{Micros: 73_100, Currency: "EUR"}}}, stats)
			list, err := w.messages.List(tx, messaging.Filter{Market: "de", State: messaging.Delivered, Order: "ord_1"}, messaging.Page{})
			require.NoError(t, err)
			require.Len(t, list, 1)
			return nil
		})
	})
}

func TestReceiptBeforeItsAnswer(t *testing.T) {
	for name, ref := range map[string]string{"same": "0000ABC1", "trimmed and lower case": "abc1", "decimal": "43969"} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				r := w.send(confirm(anna, "de", "de"))
				dbtest.Write(t, d, func(tx *db.Tx) error {
					return w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: ref, State: messaging.Delivered, Phone: anna[1:]})
				})
				require.Equal(t, messaging.Queued, w.get(r.ID).State)
				w.drain()
				require.Equal(t, messaging.Delivered, w.get(r.ID).State)
			})
		})
	}
}

func TestMarketsForms(t *testing.T) {
	for _, tt := range []struct {
		to   string
		m    market.Code
		lang string
		want string
	}{
		{budi, "id", "id", "Lotus: terima kasih Anna, pesanan F-20261124-0001 sudah dibayar: Leinenkleid, Schal. Tiba 2. Dez.-5. Dez. Tanya? https://lotus.example/r/"},
		{siti, "my", "ms", "RM0 [Lotus] terima kasih Anna, pesanan F-20261124-0001 telah dibayar: Leinenkleid, Schal. Tiba 2. Dez.-5. Dez."},
		{jane, "us", "en", "Lotus: thank you Anna, order F-20261124-0001 is paid: Leinenkleid, Schal. Arrives 2. Dez.-5. Dez. Questions? Reply INFO."},
		{kate, "gb", "xx", "Lotus: thank you Anna, order"},
		{anna, "de", "ar", "Lotus: شكرًا Anna"},
	} {
		t.Run(string(tt.m)+tt.lang, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				r := w.send(confirm(tt.to, tt.m, tt.lang))
				require.Equal(t, messaging.Queued, r.State, "%+v", r.Gate)
				require.Contains(t, r.Body, tt.want)
				if tt.m == "my" {
					require.Equal(t, tt.want, r.Body)
				}
				if tt.lang != "ar" {
					require.Equal(t, int64(1), r.Parts)
				}
			})
		})
	}
}

func TestBadVariables(t *testing.T) {
	huge := make([]byte, 300_000)
	for i := range huge {
		huge[i] = 'x'
	}
	for name, tt := range map[string]struct {
		change func(*messaging.Message)
		field  string
	}{
		"300 kB":           {func(m *messaging.Message) { m.Vars["items"] = string(huge) }, "vars.items"},
		"unknown variable": {func(m *messaging.Message) { m.Vars["nonsense"] = "x" }, "vars.nonsense"},
		"no phone":         {func(m *messaging.Message) { m.To = "12" }, "to"},
		"no key":           {func(m *messaging.Message) { m.Key = "" }, "key"},
		"no template":      {func(m *messaging.Message) { m.Template = "../keys" }, "template"},
		"other class":      {func(m *messaging.Message) { m.Class = messaging.Promotional }, "class"},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				m := confirm(anna, "de", "de")
				tt.change(&m)
				err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.messages.Send(tx, m); return err })
				require.ErrorIs(t, err, messaging.ErrBadMessage)
				require.ErrorContains(t, err, tt.field)
			})
		})
	}
}

func TestTransactionalAlwaysFindsWords(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := confirm(anna, "de", "de")
		delete(m.Vars, "order")
		r := w.send(m)
		require.Equal(t, messaging.Queued, r.State)
		require.Equal(t, "Lotus: Ihre Bestellung ist bezahlt. Wir machen sie fertig. Fragen? Antwort INFO.", r.Body)
		require.True(t, r.Gate.Says("plain_text"))

		w.agree(anna, customer.SMS, false)
		c := cart(anna, "gb", "de")
		delete(c.Vars, "code")
		r = w.send(c)
		require.Equal(t, messaging.Dropped, r.State)
		require.Equal(t, "open_variable", r.Reason)
	})
}

func TestSmuggledMarkup(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := confirm(anna, "de", "de")
		m.Vars["name"] = "{order} www.evil.example"
		m.Vars["items"] = "<b>Kleid</b> ’n’ {code}\r\nX"
		r := w.send(m)
		require.Contains(t, r.Body, "Lotus: danke, Bestellung F-20261124-0001 ist bezahlt: <b>Kleid</b> 'n' (code) X.")
		require.NotContains(t, r.Body, "evil")

		mail := confirm("anna@example.org", "de", "de")
		mail.Channel, mail.Key = messaging.Email, "mail"
		mail.Vars["name"] = `<script>alert(1)</script>`
		mail.Vars["lines"] = "Kleid <img src=x onerror=1>\tEUR 20"
		r = w.send(mail)
		require.Equal(t, messaging.Queued, r.State)
		require.NotContains(t, r.HTML, "<script")
		require.NotContains(t, r.HTML, "<img")
		require.Contains(t, r.HTML, "&lt;script&gt;")
		require.Contains(t, r.HTML, `white-space:nowrap"><bdi>EUR 20</bdi></td>`)
		require.Equal(t, "Lotus: Ihre Bestellung F-20261124-0001 ist bezahlt", r.Subject)
		require.Contains(t, r.Body, "Kleid <img src=x onerror=1>\tEUR 20")
	})
}

func TestRoutes(t *testing.T) {
	refuse := func(tr messaging.Trouble) error {
		return &messaging.Refusal{Trouble: tr, Code: "0x0B", Err: errors.New("no")}
	}
	for _, tt := range []struct {
		name  string
		err   error
		state messaging.State
		tries int
	}{
		{"second route", refuse(messaging.OtherRoute), messaging.Sent, 2},
		{"setup is no reason to give up", refuse(messaging.Setup), messaging.Sent, 2},
		{"bad number", refuse(messaging.BadNumber), messaging.Failed, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.messages.Route(messaging.Route{Name: "de2", Provider: "other", Channel: messaging.SMS, Countries: []market.Country{"DE"},
					Kind: messaging.LongNumber, Sender: "+4915799900002", Carrier: w.net})
				w.net.answer = func(n int, _ messaging.Parcel) error {
					if n == 1 {
						return tt.err
					}
					return nil
				}
				r := w.send(confirm(anna, "de", "de"))
				w.drain()
				one := w.get(r.ID)
				require.Equal(t, tt.state, one.State)
				require.Len(t, one.Attempts, tt.tries)
			})
		})
	}
}

// A process that dies between the note of an attempt and its answer leaves the outcome unknown: what must arrive goes
// again, marked, and what must not come twice doesn't.
func TestCrashBetweenNoteAndAnswer(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		dead := newWorld(t, d)
		dead.agree(anna, customer.SMS, false)
		gone := make(chan struct{})
		inHand := make(chan struct{}, 2)
		dead.net.answer = func(int, messaging.Parcel) error {
			inHand <- struct{}{}
			return nil
		}
		dead.net.after = gone
		var process sync.WaitGroup
		ctx, kill := context.WithCancel(t.Context())
		process.Go(func() { dead.queue.Run(ctx) })
		defer process.Wait()
		defer close(gone)
		defer kill()
		order := dead.send(confirm(anna, "de", "de"))
		offer := dead.send(cart(anna, "gb", "en"))
		require.Equal(t, messaging.Queued, offer.State, "%+v", offer.Gate)
		<-inHand
		<-inHand

		w := newWorld(t, d)
		d.Clock().Advance(2 * time.Minute)
		w.drain()
		require.Len(t, w.get(order.ID).Attempts, 1, "a receipt may come yet")
		d.Clock().Advance(31 * time.Second)
		w.drain()
		one := w.get(order.ID)
		require.Equal(t, messaging.Sent, one.State)
		require.Equal(t, int64(1), one.Repeats)
		require.Len(t, one.Attempts, 2)
		require.Equal(t, "unknown", one.Attempts[0].Outcome)
		require.True(t, one.Attempts[1].Repeat)
		two := w.get(offer.ID)
		require.Equal(t, messaging.Unknown, two.State)
		require.Len(t, two.Attempts, 1)
		require.Len(t, w.net.parcels(), 1)
		require.True(t, w.net.parcels()[0].Repeat)
		require.Equal(t, messaging.Transactional, w.net.parcels()[0].Class)
	})
}

// An adapter that panics has perhaps sent the message; nobody else is held up.
func TestCarrierThatPanics(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.net.answer = func(n int, _ messaging.Parcel) error {
			if n == 1 {
				panic("an adapter with a fault")
			}
			return nil
		}
		r := w.send(confirm(anna, "de", "de"))
		w.drain()
		require.Equal(t, "unknown", w.get(r.ID).Attempts[0].Outcome)
		d.Clock().Advance(31 * time.Second)
		w.drain()
		require.Equal(t, messaging.Sent, w.get(r.ID).State)
		require.True(t, w.net.parcels()[1].Repeat)
	})
}

func TestAnswerThatNeverCame(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.net.answer = func(n int, _ messaging.Parcel) error {
			if n == 1 {
				return context.DeadlineExceeded
			}
			return nil
		}
		r := w.send(confirm(anna, "de", "de"))
		w.drain()
		require.Equal(t, messaging.Queued, w.get(r.ID).State)
		require.Len(t, w.net.parcels(), 1, "the answer may still come")
		d.Clock().Advance(31 * time.Second)
		w.drain()
		require.Equal(t, messaging.Sent, w.get(r.ID).State)
		require.Len(t, w.net.parcels(), 2)

		w.net.answer = func(int, messaging.Parcel) error { return context.DeadlineExceeded }
		m := confirm(kate, "gb", "en")
		r = w.send(m)
		w.drain()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return w.messages.Late(tx, w.net.parcels()[len(w.net.parcels())-1].Attempt, 1, "77")
		})
		require.Equal(t, messaging.Sent, w.get(r.ID).State)
		d.Clock().Advance(31 * time.Second)
		w.drain()
		require.Len(t, w.net.parcels(), 3, "it was taken after all")
	})
}
