package checkout_test

import (
	"context"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/pricing"
	"portolan/internal/settings"
)

// The warehouse of these tests: what pricing and fulfilment would keep.
var warehouse = db.Schema{Owner: "warehouse", Files: fstest.MapFS{"schema/001_warehouse.sql": {Data: []byte(`-- +goose Up
create table shelf_stock (sku text primary key, free bigint not null);
create table shelf_held (ref text not null, sku text not null, n bigint not null, kept boolean not null, primary key (ref, sku));
create table shelf_codes (code text primary key, used_by text not null);
`)}}}

var schemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, customer.Schema, order.Schema, payment.Schema, fakepsp.Schema, checkout.Schema, pricing.Schema, warehouse}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func eur(n int64) money.Amount { return money.Of(n, "EUR") }

// rig is a whole shop without its faces. Prices can be changed while it is open.
type rig struct {
	t      *testing.T
	d      *db.DB
	queue  *jobs.Queue
	bus    *events.Bus
	shop   *checkout.Service
	pay    *payment.Service
	psp    *fakepsp.PSP
	orders *order.Service
	fx     *pricing.Service // rates into the merchant's own currency; none until a test sets one
	price  map[string]int64
	ship   int64
	level  map[string]int64
}

func newRig(t *testing.T, d *db.DB) *rig {
	r := &rig{t: t, d: d, queue: jobs.New(d), price: map[string]int64{"dress": 59_90, "scarf": 12_50, "rare": 20_00}, ship: 9_90, level: map[string]int64{}}
	r.bus = events.New(r.queue)
	r.psp = fakepsp.New(d, r.queue, fakepsp.Options{Secret: secret, Post: func(ctx context.Context, h http.Header, body []byte) (int, error) {
		if err := r.pay.Webhook(ctx, "fakepsp", h, body); err != nil {
			return http.StatusUnauthorized, nil
		}
		return http.StatusOK, nil
	}})
	r.pay = payment.New(d, r.queue, r.bus, r.psp)
	r.orders = order.New(r.bus, order.Numbering{})
	r.fx = pricing.New(d, settings.Watch(d), settings.Bump, nil, nil, nil)
	require.NoError(t, r.fx.Load(context.Background()))
	r.shop = checkout.New(d, r.queue, checkout.Parts{Bus: r.bus, Markets: r, Shelf: r, Rates: r, Locks: r.fx, Codes: r, Stock: r, Landed: landed.Default(),
		Customers: customer.New(r.bus), Orders: r.orders, Payments: r.pay, Taxes: registered{"IOSS", "GB_VAT", "MY_LVG"}})
	return r
}

func (r *rig) ByCode(code market.Code) (market.Market, bool) {
	m, ok := map[market.Code]market.Market{
		"de": {Code: "de", State: market.Open, Countries: []market.Country{"DE", "AT"}, Currency: "EUR", Languages: []string{"de", "en", "ar"}, Zone: "Europe/Berlin",
			TaxInclusive: true, Incoterm: "DDP", ShipFrom: []string{"can"}, Methods: []string{"paypal", "card", "bank_transfer"}, DoubleOptIn: true},
		"us": {Code: "us", State: market.Open, Countries: []market.Country{"US"}, Currency: "USD", Languages: []string{"en"}, Zone: "America/New_York",
			Incoterm: "DDP", ShipFrom: []string{"can"}, Methods: []string{"card"}},
		"fr": {Code: "fr", State: market.Closed, Countries: []market.Country{"FR"}, Currency: "EUR", Languages: []string{"fr"}, Zone: "Europe/Paris"},
	}[code]
	return m, ok
}

func (r *rig) Article(m market.Market, _ market.Country, lang, sku string) (checkout.Article, error) {
	p, ok := r.price[sku]
	if !ok {
		return checkout.Article{}, pricing.ErrNoPrice
	}
	return checkout.Article{SKU: sku, Slug: sku, Title: "<b>" + sku + "</b> " + lang, HS: "62044200", Origin: "CN", Customs: "women's dress", TaxCategory: "clothing",
		Weight: 300, Price: pricing.Price{Amount: money.Of(p, m.Currency), TaxInclusive: m.TaxInclusive}}, nil
}

func (r *rig) RateNow(from, to money.Currency, day string) (pricing.Quotation, error) {
	usd := map[money.Currency]string{"EUR": "1.08", "USD": "1", "GBP": "1.27", "CNY": "0.14", "IDR": "0.000062", "MYR": "0.21"}
	return pricing.Quotation{Rate: money.Cross(money.MustRate(usd[from]), money.MustRate(usd[to])), Day: day}, nil
}

// Codes: FIVE takes five per cent off, once.
func (r *rig) Check(tx *db.Tx, code string, use pricing.CodeUse) (money.Amount, error) {
	if code != "FIVE" {
		return money.Amount{}, pricing.ErrCodeUnknown
	}
	by, err := db.One(tx, db.Scalar[string], `select used_by from shelf_codes where code = $1`, code)
	if err == nil && by != "" {
		return money.Amount{}, pricing.ErrCodeUsed
	}
	return use.Subtotal.Times(money.Percent(5)), nil
}

func (r *rig) Redeem(tx *db.Tx, code string, use pricing.CodeUse, by string) (money.Amount, error) {
	n, err := tx.Exec(`insert into shelf_codes (code, used_by) values ($1, $2) on conflict (code) do update set used_by = excluded.used_by
		where shelf_codes.used_by in ('', excluded.used_by)`, code, by)
	if err == nil && n == 0 {
		err = pricing.ErrCodeUsed
	}
	return use.Subtotal.Times(money.Percent(5)), err
}

func (r *rig) Restore(tx *db.Tx, code, by string) error {
	_, err := tx.Exec(`update shelf_codes set used_by = '' where code = $1 and used_by = $2`, code, by)
	return err
}

// Level is what a page may say: it is never brought up to date here, so that Reserve has to be right.
func (r *rig) Level(_ market.Code, sku string) fulfilment.Level {
	if n, ok := r.level[sku]; ok {
		return fulfilment.Level{Free: n}
	}
	return fulfilment.Level{Free: 1000}
}

func (r *rig) Together(m market.Code, lines []fulfilment.OptionLine) (free []int64) {
	for _, l := range lines {
		free = append(free, r.Level(m, l.SKU).Free)
	}
	return free
}

func (r *rig) Options(q fulfilment.OptionsRequest) ([]fulfilment.Option, error) {
	m, _ := r.ByCode(q.Market)
	o := fulfilment.Option{Service: "express_ddp", Carrier: "Swift", Location: "can", From: "CN", Channel: fulfilment.Courier, Price: money.Of(r.ship, m.Currency),
		TaxInclusive: m.TaxInclusive, Incoterm: "DDP", FromDay: "2026-12-01", ToDay: "2026-12-04"}
	dap := o
	dap.Service, dap.Incoterm, dap.Price = "post_dap", "DAP", money.Of(r.ship/2, m.Currency)
	return []fulfilment.Option{o, dap}, nil
}

func (r *rig) Reserve(tx *db.Tx, ref string, wants []fulfilment.Want, _ time.Time) error {
	if err := r.Release(tx, ref); err != nil {
		return err
	}
	for _, w := range wants {
		if _, err := tx.Exec(`insert into shelf_stock (sku, free) values ($1, 1000) on conflict do nothing`, w.SKU); err != nil {
			return err
		}
		n, err := tx.Exec(`update shelf_stock set free = free - $2 where sku = $1 and free >= $2`, w.SKU, w.Quantity)
		if err != nil {
			return err
		}
		if n == 0 {
			return fulfilment.ErrSoldOut.With(map[string]string{w.SKU: "0"})
		}
		if _, err := tx.Exec(`insert into shelf_held (ref, sku, n, kept) values ($1, $2, $3, false)`, ref, w.SKU, w.Quantity); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) Allocate(tx *db.Tx, ref string) error {
	n, err := tx.Exec(`update shelf_held set kept = true where ref = $1`, ref)
	if err == nil && n == 0 {
		err = fulfilment.ErrUnknownReservation
	}
	return err
}

func (r *rig) Release(tx *db.Tx, ref string) error {
	if _, err := tx.Exec(`update shelf_stock set free = free + (select n from shelf_held where ref = $1 and shelf_held.sku = shelf_stock.sku)
		where sku in (select sku from shelf_held where ref = $1)`, ref); err != nil {
		return err
	}
	_, err := tx.Exec(`delete from shelf_held where ref = $1`, ref)
	return err
}

func (r *rig) stock(sku string, n int64) {
	r.level[sku] = n
	dbtest.Write(r.t, r.d, func(tx *db.Tx) error {
		_, err := tx.Exec(`insert into shelf_stock (sku, free) values ($1, $2) on conflict (sku) do update set free = excluded.free`, sku, n)
		return err
	})
}

var anna = address.Address{GivenName: "Anna", FamilyName: "Ünal", Line1: "Hauptstraße 1", City: "Berlin", Postcode: "10115", Country: "DE"}

// ready is a cart that only has to be paid.
func (r *rig) ready(changes ...checkout.Change) checkout.Cart {
	r.t.Helper()
	c, err := r.shop.Begin(r.t.Context(), checkout.Start{Market: "de", Lang: "de"}, append(changes, checkout.SetContact(checkout.Contact{Email: "anna@example.de", Phone: "0151 23456789"}),
		checkout.SetAddress(anna), checkout.Choose("express_ddp"))...)
	require.NoError(r.t, err)
	return c
}

func (r *rig) payBy(c checkout.Cart, method string, s fakepsp.Scenario) (checkout.Outcome, error) {
	number := ""
	for _, k := range fakepsp.Cards() {
		if k.Scenario == s {
			number = k.Number
		}
	}
	return r.shop.Pay(r.t.Context(), checkout.PayRequest{Token: c.Token, Method: method, Instrument: number, BaseURL: "http://shop", ReturnURL: "http://shop/de-de/checkout/return"})
}

func (r *rig) mustPay(c checkout.Cart, method string, s fakepsp.Scenario) checkout.Outcome {
	r.t.Helper()
	o, err := r.payBy(c, method, s)
	require.NoError(r.t, err)
	return o
}

func (r *rig) outcome(c checkout.Cart) checkout.Outcome {
	r.t.Helper()
	o, err := r.shop.Outcome(r.t.Context(), c.Token)
	require.NoError(r.t, err)
	return o
}

func (r *rig) later(d time.Duration) {
	r.t.Helper()
	r.d.Clock().Advance(d)
	require.NoError(r.t, r.queue.Drain(r.t.Context()))
}

func (r *rig) count(query string, args ...any) (n int64) {
	r.t.Helper()
	dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], query, args...)
		return err
	})
	return n
}

func (r *rig) announced(topic string) int64 {
	return r.count(`select count(*) from events where topic = $1`, topic)
}

func (r *rig) held(sku string) int64 {
	return r.count(`select cast(coalesce(sum(n), 0) as bigint) from shelf_held where sku = $1`, sku)
}

func (r *rig) order(o checkout.Outcome) (got order.Order) {
	r.t.Helper()
	dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) {
		got, err = r.orders.Get(tx, o.OrderID)
		return err
	})
	return got
}

func (r *rig) reviews() (reasons []string) {
	dbtest.Read(r.t, r.d, func(tx *db.Tx) error {
		all, err := r.pay.Reviews(tx, false)
		for _, v := range all {
			reasons = append(reasons, v.Reason)
		}
		return err
	})
	return reasons
}

// registered are the merchant's registrations on every day.
type registered []string

func (r registered) Registered(string) []string { return r }
