package admin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/admin"
	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/evidence"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/smsc"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/papers"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/pricing"
	"portolan/internal/rulebook"
	"portolan/internal/settings"
	"portolan/internal/support"
	"portolan/internal/tax"
	"portolan/internal/web"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, auth.Schema, market.Schema, customer.Schema, rulebook.Schema, catalog.Schema, pricing.Schema,
	order.Schema, fulfilment.Schema, payment.Schema, fakepsp.Schema, tax.Schema, papers.Schema, messaging.Schema, support.Schema, journeys.Schema, evidence.Schema}

const password = "a long enough one"

// rig is a small shop with a console.
type rig struct {
	t         *testing.T
	d         *db.DB
	auth      *auth.Service
	queue     *jobs.Queue
	bus       *events.Bus
	markets   *market.Service
	catalog   *catalog.Service
	prices    *pricing.Service
	stock     *fulfilment.Service
	people    *customer.Service
	orders    *order.Service
	payments  *payment.Service
	messages  *messaging.Service
	support   *support.Service
	taxes     *tax.Service
	carrier   *carrier
	handsets  *handsets
	rules     *rulebook.Service
	decisions decided
	parts     admin.Parts
	server    *httptest.Server
}

// carrier takes every message and, asked to, refuses.
type carrier struct{ took []messaging.Parcel }

func (c *carrier) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	c.took = append(c.took, p)
	return messaging.Taken{IDs: []string{fmt.Sprint("sm-", len(c.took))}, Parts: 1}, nil
}

// handsets is a network of one phone.
type handsets struct {
	texts   []smsc.Text
	replies []string
}

func (h *handsets) Phones() []smsc.Phone {
	return []smsc.Phone{{Number: "4915123456789", Name: "Anna <b>Beer</b>", Country: "DE", Count: len(h.texts)}}
}
func (h *handsets) Messages(string) []smsc.Text { return h.texts }
func (h *handsets) Reply(from, to, text string) (smsc.Text, error) {
	h.replies = append(h.replies, from+" "+to+" "+text)
	return smsc.Text{}, nil
}

type mails []admin.Mail

func (m mails) List() []admin.Mail { return m }
func (m mails) Get(id string) (admin.Mail, bool) {
	for _, x := range m {
		if x.ID == id {
			return x, true
		}
	}
	return admin.Mail{}, false
}

type decided map[string][]journeys.Decision

func (d decided) Around(_ *db.Tx, o order.Order) ([]journeys.Decision, error) {
	return append(slices.Clone(d[string(o.ID)]), d[o.Cart]...), nil
}
func (d decided) DecisionsOf(_ *db.Tx, customer string) ([]journeys.Decision, error) {
	return d[customer], nil
}

type noTaxes struct{}

func (noTaxes) TaxRate(market.Country, string, string, string) (money.Rate, bool) {
	return money.Rate{}, true
}

func newRig(t *testing.T, d *db.DB) *rig {
	t.Helper()
	r := &rig{t: t, d: d, auth: auth.New(d), queue: jobs.New(d), carrier: &carrier{}, handsets: &handsets{}, decisions: decided{}}
	w := settings.Watch(d)
	r.bus = events.New(r.queue)
	r.markets = market.New(d, w, settings.Bump)
	r.catalog = catalog.New(d, w, settings.Bump)
	r.prices = pricing.New(d, w, settings.Bump, r.markets, r.catalog, noTaxes{})
	r.stock = fulfilment.New(d, w, settings.Bump, r.markets)
	r.rules = rulebook.New(d, w, settings.Bump)
	r.rules.Work(r.queue)
	r.people, r.orders = customer.New(r.bus), order.New(r.bus, order.Numbering{})
	r.people.Work(r.queue)
	r.payments = payment.New(d, r.queue, r.bus, fakepsp.New(d, r.queue, fakepsp.Options{Secret: "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}))
	r.payments.OnFacts(func(*db.Tx, payment.Case) error { return nil })
	r.taxes = tax.New(tax.Parts{DB: d, Bus: r.bus, Orders: r.orders, Rates: r.prices, Places: r.stock, Versions: w, Bump: settings.Bump})
	r.taxes.Listen(r.bus, r.queue)
	r.messages = messaging.New(d, r.queue, r.bus, r.people, r.markets, messaging.Config{Brand: "Miana", BaseURL: "https://miana.example", Routes: []messaging.Route{
		{Name: "sim", Provider: "sim", Channel: messaging.SMS, Kind: messaging.LongNumber, Sender: "+4915112345600", Carrier: r.carrier}}})
	r.support = support.New(r.bus, support.Parts{People: r.people, Orders: r.orders, Markets: r.markets, Messages: r.messages})
	r.parts = admin.Parts{DB: d, Auth: r.auth, Markets: r.markets, Catalog: r.catalog, Prices: r.prices, Stock: r.stock, Rules: r.rules, Customers: r.people,
		Orders: r.orders, Payments: r.payments, Taxes: r.taxes, Evidence: evidence.New(r.queue, r.people, r.messages), Messages: r.messages, Support: r.support, Queue: r.queue, Bus: r.bus, Decisions: r.decisions, Handsets: r.handsets,
		Mails: mails{}, Brand: "Miana", PublicURL: "http://shop.example"}
	dbtest.Write(t, d, func(tx *db.Tx) error {
		return r.markets.Save(tx, market.Market{Code: "de", Name: "Germany", State: market.Open, Countries: []market.Country{"DE"}, Currency: "EUR",
			Languages: []string{"de", "en"}, Zone: "Europe/Berlin", TaxInclusive: true, Incoterm: "DDP", Factor: money.MustRate("1"),
			Rounding: market.Rounding{Step: 100, Ending: 95, Direction: market.Nearest}, ShipFrom: []string{"can"}, Methods: []string{"card"}})
	})
	require.NoError(t, r.markets.Load(t.Context()))
	require.NoError(t, r.catalog.Load(t.Context()))
	return r
}

// open serves the console. What the parts are is settled then.
func (r *rig) open() {
	h, err := admin.New(r.parts)
	require.NoError(r.t, err)
	r.server = httptest.NewServer(web.Guard(h))
	r.t.Cleanup(r.server.Close)
}

func (r *rig) user(role auth.Role) {
	_, err := r.auth.AddUser(r.t.Context(), string(role)+"@shop.example", "Mei", password, role)
	require.NoError(r.t, err)
}

// browser is somebody at the console.
type browser struct {
	r *rig
	c *http.Client
}

func (r *rig) visit() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(r.t, err)
	return &browser{r, &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// as logs in with a role that has a user.
func (r *rig) as(role auth.Role) *browser {
	b := r.visit()
	status, _ := b.post("/console/login", "email", string(role)+"@shop.example", "password", password)
	require.Equal(r.t, http.StatusOK, status)
	return b
}

func (b *browser) get(path string) (int, string) {
	res, err := b.c.Get(b.r.server.URL + path)
	require.NoError(b.r.t, err)
	return b.read(res)
}

func (b *browser) post(path string, fields ...string) (int, string) {
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	res, err := b.c.PostForm(b.r.server.URL+path, v)
	require.NoError(b.r.t, err)
	return b.read(res)
}

func (b *browser) read(res *http.Response) (int, string) {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(b.r.t, err)
	return res.StatusCode, strings.ReplaceAll(string(body), "&#43;", "+")
}

// page is get of a page that must be there.
func (b *browser) page(path string) string {
	status, body := b.get(path)
	require.Equal(b.r.t, http.StatusOK, status, path+"\n"+body)
	for key := range i18n.Missing() {
		require.NotContains(b.r.t, key, " console.", path+" lacks a sentence")
	}
	return body
}

const evil = `<script>alert(1)</script>`

// sample is a paid order by somebody whose name is markup, with payment, message and decision.
func (r *rig) sample() order.Order {
	eur := func(minor int64) money.Amount { return money.Of(minor, "EUR") }
	var o order.Order
	dbtest.Write(r.t, r.d, func(tx *db.Tx) error {
		who, err := r.people.Upsert(tx, customer.Customer{GivenName: "Anna" + evil, FamilyName: "Beer", Email: "anna@example.org", Phone: "+4915123456789", Country: "DE", Market: "de", Lang: "de", Zone: "Europe/Berlin"})
		if err != nil {
			return err
		}
		if _, err := r.people.Record(tx, customer.Consent{Customer: who.ID, Address: who.Phone, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Grant,
			Text: "Offers by SMS " + evil, Wording: "checkout.sms/1", Lang: "de", Market: "de", Source: "checkout"}); err != nil {
			return err
		}
		a, err := r.payments.Begin(tx, payment.Begin{Cart: "crt_1", Customer: who.ID, Market: "de", Amount: eur(8795), Quote: "q", Method: payment.Method{ID: "card", PSP: "fakepsp"}})
		if err != nil {
			return err
		}
		o, _, err = r.orders.Place(tx, order.Order{ID: order.ID(payment.OrderID(a.Intent)), Cart: "crt_1", Payment: a.Intent, Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Customer: who.ID,
			Email: who.Email, Phone: who.Phone, Address: address.Address{GivenName: "Anna" + evil, FamilyName: "Beer", Line1: "Sonnenweg 1", City: "Berlin", Postcode: "10115", Country: "DE"},
			Lines: []order.Line{{SKU: "D-1", Title: "Dress" + evil, Quantity: 1, UnitPrice: eur(7995), Total: eur(7995)}}, Goods: eur(6719), Shipping: eur(672), Duty: eur(0), Tax: eur(1404), Fees: eur(0),
			Total: eur(8795), Method: "card", Service: "express_ddp", Incoterm: "DDP", TaxIncluded: true, RulePack: "2026-11", Test: true,
			Charges: []landed.Charge{{Line: -1, Kind: landed.Tax, Code: "VAT", Rate: money.MustRate("0.19"), Base: eur(7391), Amount: eur(1404), Rule: "DE-VAT-STD", Source: "law", ValidFrom: "2021-01-01", When: landed.AtCheckout}},
			PaidAt:  tx.Now()})
		if err != nil {
			return err
		}
		if err := r.payments.Completed(tx, a.Intent, string(o.ID)); err != nil {
			return err
		}
		fact := payment.Fact{PSP: "fakepsp", Account: "demo", Event: "e1", Reference: a.ID, Object: payment.OfAttempt, Ref: "p_1", Kind: payment.Captured, Amount: eur(8795), OccurredAt: tx.Now(), ReceivedAt: tx.Now()}
		if err := r.payments.Record(tx, payment.FromWebhook, fact); err != nil {
			return err
		}
		_, err = r.messages.Send(tx, messaging.Message{Key: "confirm:1", Customer: who.ID, To: who.Phone, Channel: messaging.SMS, Market: "de", Country: "DE", Lang: "de",
			Template: "confirm", Order: string(o.ID), FactAt: tx.Now(), Vars: map[string]string{"name": "Anna", "order": "F-1", "total": "87,95 EUR", "items": "1", "from": "1.", "to": "2."}})
		return err
	})
	r.drain()
	dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) { o, err = r.orders.Get(tx, o.ID); return err })
	return o
}

func (r *rig) drain() {
	r.t.Helper()
	require.NoError(r.t, r.queue.Drain(r.t.Context()))
}

// inbound is a text from the sample's phone that nothing understands.
func (r *rig) inbound(text string) {
	dbtest.Write(r.t, r.d, func(tx *db.Tx) error {
		_, err := r.messages.Receive(tx, messaging.Inbound{Provider: "sim", Ref: text, Channel: messaging.SMS, From: "+4915123456789", To: "+4915112345600", Text: text})
		return err
	})
	r.drain()
}

func has(t *testing.T, body string, all ...string) {
	t.Helper()
	for _, s := range all {
		if !strings.Contains(body, s) {
			t.Errorf("%q isn't on the page", s)
		}
	}
}
