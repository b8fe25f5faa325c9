package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/auth"
	"portolan/internal/beside"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/classify"
	"portolan/internal/connect"
	"portolan/internal/customer"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/demo"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/idempotency"
	"portolan/internal/inbox"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
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

var schemas = []db.Schema{
	jobs.Schema, events.Schema, settings.Schema, idempotency.Schema, inbox.Schema, auth.Schema, market.Schema, customer.Schema, catalog.Schema, classify.Schema, pricing.Schema,
	order.Schema, fulfilment.Schema, payment.Schema, fakepsp.Schema, tax.Schema, papers.Schema, checkout.Schema, messaging.Schema, support.Schema, journeys.Schema, rulebook.Schema,
}

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// rig is a small shop on real services: two dresses, five markets, no network.
type rig struct {
	t     testing.TB
	d     *db.DB
	queue *jobs.Queue
	keys  *auth.Service
	boxes *inbox.Inbox
	psp   *fakepsp.PSP
	hooks *connect.Hooks
	http  http.Handler

	goods     *catalog.Service
	customers *customer.Service
	orders    *order.Service
	messages  *messaging.Service
	support   *support.Service
	prices    *pricing.Service
	stock     *fulfilment.Service
	rules     *rulebook.Service
	taxes     *tax.Service
	ships     *fulfilment.Shipments
	papers    *papers.Service
	journeys  *journeys.Service
}

// sink takes every text that goes out.
type sink struct{}

func (sink) Send(context.Context, messaging.Parcel) (messaging.Taken, error) {
	return messaging.Taken{IDs: []string{"1"}, Parts: 1}, nil
}

func newRig(t testing.TB, d *db.DB) *rig {
	r := &rig{t: t, d: d, queue: jobs.New(d), keys: auth.New(d)}
	watch, bus := settings.Watch(d), events.New(r.queue)
	rules := rulebook.New(d, watch, settings.Bump)
	rules.Work(r.queue)
	r.rules = rules
	markets := market.New(d, watch, settings.Bump)
	goods := catalog.New(d, watch, settings.Bump)
	prices := pricing.New(d, watch, settings.Bump, markets, goods, taxes{rules})
	stock := fulfilment.New(d, watch, settings.Bump, markets)
	goods.With(prices, stock)
	r.prices, r.stock = prices, stock
	r.goods = goods
	borders := customs.NewScreen(goods)
	customers := customer.New(bus)
	r.customers = customers
	r.orders = order.New(bus, order.Numbering{})
	r.psp = fakepsp.New(d, r.queue, fakepsp.Options{Secret: hookSecret, Post: func(_ context.Context, h http.Header, body []byte) (int, error) {
		req := httptest.NewRequest("POST", "/in/fakepsp", strings.NewReader(string(body)))
		req.Header = h
		rec := httptest.NewRecorder()
		r.http.ServeHTTP(rec, req)
		return rec.Code, nil
	}})
	r.taxes = tax.New(tax.Parts{DB: d, Bus: bus, Orders: r.orders, Rates: prices, Places: stock, Versions: watch, Bump: settings.Bump})
	r.taxes.Listen(bus, r.queue)
	r.ships = fulfilment.NewShipments(stock, bus, r.orders)
	r.ships.Listen(bus)
	r.papers = papers.New(papers.Parts{Orders: r.orders, Shipments: r.ships, Places: stock, Products: goods, Rates: prices, Registrations: r.taxes})
	r.papers.Listen(bus)
	pay := payment.New(d, r.queue, bus, r.psp)
	carts := checkout.New(d, r.queue, checkout.Parts{Bus: bus, Markets: markets, Shelf: checkout.NewShelf(goods, prices), Rates: prices, Codes: prices,
		Stock: stock, Landed: rules, Borders: borders, Customers: customers, Orders: r.orders, Payments: pay, Taxes: registered{"IOSS", "GB_VAT", "MY_LVG"}})
	r.messages = messaging.New(d, r.queue, bus, customers, markets, messaging.Config{Brand: "Miana", BaseURL: "http://shop", Routes: []messaging.Route{
		{Name: "sms", Provider: "sink", Channel: messaging.SMS, Sender: "+4915112345600", Kind: messaging.LongNumber, Carrier: sink{}},
		{Name: "mail", Provider: "sink", Channel: messaging.Email, Sender: "shop@miana.example", Kind: messaging.Mailbox, Carrier: sink{}}}})
	r.messages.Templates(watch, settings.Bump)
	r.messages.Govern(watch, settings.Bump, func(_, _ money.Currency, _ string) (money.Rate, bool) { return money.Rate{}, false })
	r.support = support.New(bus, support.Parts{People: customers, Orders: r.orders, Markets: markets, Messages: r.messages})
	r.journeys = journeys.New(d, bus, r.queue, journeys.Needs{Orders: r.orders, Carts: carts, Codes: prices, Stock: stock, Articles: goods, Customers: customers, Markets: markets,
		Messages: r.messages, Pages: journeys.Pages{Bag: func(_ market.Market, _, link string) string { return "http://shop/back/" + link }}})
	r.boxes = inbox.New(d, r.queue)
	idempotency.Work(r.queue)
	other := beside.New(d, r.queue, beside.Parts{Bus: bus, Markets: markets, Articles: goods, Customers: customers, Orders: r.orders, Carts: carts})

	shop := demo.Shop{Markets: markets, Catalog: goods, Prices: prices, Stock: stock}
	write(t, d, func(tx *db.Tx) error {
		for _, m := range demo.Markets() {
			if err := markets.Save(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	write(t, d, func(tx *db.Tx) error {
		day := tx.Now().AddDate(0, 0, -1).Format(time.DateOnly)
		for c, rate := range map[money.Currency]string{"EUR": "0.13", "USD": "0.14", "GBP": "0.11", "IDR": "2280", "MYR": "0.62"} {
			if err := prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: c, Rate: money.MustRate(rate), Day: day, Source: "test"}); err != nil {
				return err
			}
		}
		if err := goods.ImportCategories(tx, []catalog.Category{{Slug: "dresses", Names: map[string]string{"en": "Dresses", "de": "Kleider"}, Position: 1}}); err != nil {
			return err
		}
		if _, err := goods.Import(tx, dresses); err != nil {
			return err
		}
		if err := stock.Seed(tx); err != nil {
			return err
		}
		return stock.SetStock(tx, []fulfilment.Stock{{SKU: "LWD-NAV-M", Location: "can", OnHand: 50}, {SKU: "LWD-NAV-L", Location: "can", OnHand: 1},
			{SKU: "TEA-RED-M", Location: "can", OnHand: 0}})
	})
	write(t, d, func(tx *db.Tx) error { return demo.Publish(tx, shop) })
	write(t, d, r.journeys.Prepare)
	for _, load := range []func(context.Context) error{markets.Load, goods.Load, prices.Load, stock.Load} {
		require.NoError(t, load(t.Context()))
	}
	codes := classify.New(goods, r.orders, rules, func() string { return rules.Pack().Version() }, func() []string { return []string{"DE", "US", "GB"} })
	rest, err := api.New(api.Parts{Codes: codes, DB: d, Auth: r.keys, Markets: markets, Catalog: goods, Prices: prices, Stock: stock, Rules: rules, Book: rules, Checkout: carts, Borders: borders,
		Orders: r.orders, Customers: customers, Messages: r.messages, Support: r.support, Bus: bus, Beside: other, Versions: watch, PublicURL: "http://shop",
		Taxes: registered{"IOSS", "GB_VAT", "MY_LVG"}, TaxBooks: r.taxes, Shipments: r.ships, Papers: r.papers, Journeys: r.journeys})
	require.NoError(t, err)
	r.hooks = connect.New(connect.Parts{DB: d, Payments: pay, Inbox: r.boxes, Beside: other, Versions: watch})
	mux := http.NewServeMux()
	mux.Handle("/v1/", rest)
	mux.Handle("/in/", r.hooks)
	r.http = web.Guard(mux)
	return r
}

var dresses = []catalog.Product{
	{Slug: "linen-wrap-dress", Kind: "dress", Category: "dresses", TaxCategory: "clothing", Origin: "CN", HS: "62044990", HSUS: "6204495060",
		CustomsDescription: "women's woven linen dress", WeightGrams: 320, Base: money.Of(198_00, "CNY"), Position: 1, New: true,
		Texts: map[string]catalog.Text{"en": {Lang: "en", Title: "Linen wrap dress", Description: "Light & <airy>."}, "de": {Lang: "de", Title: "Wickelkleid aus Leinen", Description: "Leicht."}},
		Options: []catalog.Option{{Name: "color", Values: []catalog.Value{{Code: "navy", Hex: "#001f5b", Names: map[string]string{"en": "Navy", "de": "Marineblau"}}}},
			{Name: "size", Values: []catalog.Value{{Code: "m", Names: map[string]string{"en": "M"}}, {Code: "l", Names: map[string]string{"en": "L"}}}}},
		Images:   []catalog.Image{{File: "p-linen-navy.svg", Color: "navy", Alt: map[string]string{"en": "A navy dress"}}},
		Variants: []catalog.Variant{{SKU: "LWD-NAV-M", Options: map[string]string{"color": "navy", "size": "m"}}, {SKU: "LWD-NAV-L", Options: map[string]string{"color": "navy", "size": "l"}}}},
	{Slug: "tea-dress", Kind: "dress", Category: "dresses", TaxCategory: "clothing", Origin: "CN", HS: "62044300", HSUS: "6204431000",
		CustomsDescription: "women's woven polyester dress", WeightGrams: 280, Base: money.Of(148_00, "CNY"), Position: 2,
		Texts:    map[string]catalog.Text{"en": {Lang: "en", Title: "Tea dress", Description: "For the afternoon."}},
		Options:  []catalog.Option{{Name: "color", Values: []catalog.Value{{Code: "red", Hex: "#aa1122", Names: map[string]string{"en": "Red"}}}}},
		Variants: []catalog.Variant{{SKU: "TEA-RED-M", Options: map[string]string{"color": "red"}}}},
}

type taxes struct{ rules *rulebook.Service }

func (t taxes) TaxRate(c market.Country, region, category, day string) (money.Rate, bool) {
	on, _ := time.Parse(time.DateOnly, day)
	rate, _, ok := t.rules.ConsumptionTax(string(c), region, category, on)
	return rate, ok
}

func write(t testing.TB, d *db.DB, f func(tx *db.Tx) error) {
	t.Helper()
	require.NoError(t, d.Write(t.Context(), f))
}

// key makes an API key.
func (r *rig) key(scopes ...string) (text string, k auth.Key) {
	write(r.t, r.d, func(tx *db.Tx) (err error) {
		k, text, err = r.keys.AddKey(tx, "test", "usr_1", scopes)
		return err
	})
	return text, k
}

func (r *rig) drain() { require.NoError(r.t, r.queue.Drain(r.t.Context())) }

type header map[string]string

// call sends a request; a body that begins with a brace is JSON unless the header says otherwise.
func (r *rig) call(method, path string, h header, body string) *httptest.ResponseRecorder {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, in)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range h {
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	r.http.ServeHTTP(rec, req)
	return rec
}

// get decodes what an answer says.
func decode[T any](t testing.TB, rec *httptest.ResponseRecorder) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &v), "%s", rec.Body)
	return v
}

func (r *rig) count(query string, args ...any) (n int64) {
	require.NoError(r.t, r.d.Read(r.t.Context(), func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], query, args...)
		return err
	}))
	return n
}

// wrote lets the owner of a phone write to the shop, and returns the conversation.
func (r *rig) wrote(phone, text string) (talk string) {
	write(r.t, r.d, func(tx *db.Tx) error {
		_, err := r.messages.Receive(tx, messaging.Inbound{Provider: "sink", Channel: messaging.SMS, From: phone, Text: text})
		return err
	})
	r.drain()
	require.NoError(r.t, r.d.Read(r.t.Context(), func(tx *db.Tx) error {
		t, err := r.support.TalkAt(tx, phone)
		talk = t.ID
		return err
	}))
	return talk
}

// each runs f on a fresh shop on each database.
func each(t *testing.T, f func(t *testing.T, r *rig)) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) { f(t, newRig(t, d)) })
}

// registered are the merchant's registrations on every day.
type registered []string

func (r registered) Registered(string) []string { return r }
