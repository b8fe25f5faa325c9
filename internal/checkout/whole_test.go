package checkout_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
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

var wholeSchemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, market.Schema, customer.Schema, catalog.Schema, pricing.Schema, order.Schema,
	fulfilment.Schema, payment.Schema, fakepsp.Schema, checkout.Schema}

type taxes struct{}

func (taxes) TaxRate(c market.Country, region, category, day string) (money.Rate, bool) {
	at, _ := time.Parse(time.DateOnly, day)
	rate, _, ok := landed.Default().ConsumptionTax(string(c), region, category, at)
	return rate, ok
}

// newWhole is a rig with the catalogue, the prices, the codes and the stock of the real packages.
func newWhole(t *testing.T, d *db.DB) (*rig, *fulfilment.Service, *pricing.Service) {
	r := &rig{t: t, d: d, queue: jobs.New(d)}
	r.bus = events.New(r.queue)
	w := settings.Watch(d)
	markets := market.New(d, w, settings.Bump)
	goods := catalog.New(d, w, settings.Bump)
	prices := pricing.New(d, w, settings.Bump, markets, goods, taxes{})
	stock := fulfilment.New(d, w, settings.Bump, markets)
	stock.Work(r.queue)
	goods.With(prices, stock)
	r.psp = fakepsp.New(d, r.queue, fakepsp.Options{Secret: secret, HookURL: "http://127.0.0.1:1/in/fakepsp"})
	r.psp.Set(fakepsp.Knobs{Lost: 1})
	r.pay = payment.New(d, r.queue, r.bus, r.psp)
	r.orders = order.New(r.bus, order.Numbering{})
	r.shop = checkout.New(d, r.queue, checkout.Parts{Bus: r.bus, Markets: markets, Shelf: checkout.NewShelf(goods, prices), Rates: prices, Codes: prices,
		Stock: stock, Landed: landed.Default(), Customers: customer.New(r.bus), Orders: r.orders, Payments: r.pay, Taxes: registered{"IOSS"}})
	dbtest.Write(t, d, func(tx *db.Tx) error {
		m := market.Market{Code: "de", Name: "Germany", State: market.Open, Countries: []market.Country{"DE"}, Currency: "EUR", Languages: []string{"de"},
			Zone: "Europe/Berlin", TaxInclusive: true, Incoterm: "DDP", Factor: money.One, Rounding: market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest},
			ShipFrom: []string{"can"}, Methods: []string{"card", "bank_transfer"}}
		if err := markets.Save(tx, m); err != nil {
			return err
		}
		if err := goods.ImportCategories(tx, []catalog.Category{{Slug: "tops", Names: map[string]string{"en": "Tops"}}}); err != nil {
			return err
		}
		if _, err := goods.Import(tx, []catalog.Product{{Slug: "tee", Kind: "top", Category: "tops", TaxCategory: "standard", Origin: "CN", HS: "610910",
			CustomsDescription: "T-shirt", WeightGrams: 200, Base: money.Of(128_00, "CNY"), Texts: map[string]catalog.Text{"en": {Title: "Tee"}, "de": {Title: "Hemd"}},
			Options:  []catalog.Option{{Name: "size", Values: []catalog.Value{{Code: "s"}, {Code: "m"}}}},
			Variants: []catalog.Variant{{SKU: "tee-s", Options: map[string]string{"size": "s"}}, {SKU: "tee-m", Options: map[string]string{"size": "m"}}}}}); err != nil {
			return err
		}
		if err := stock.Seed(tx); err != nil {
			return err
		}
		if err := stock.SetStock(tx, []fulfilment.Stock{{SKU: "tee-s", Location: "can", OnHand: 10}, {SKU: "tee-m", Location: "can", OnHand: 500}}); err != nil {
			return err
		}
		return prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "CNY", Rate: money.MustRate("7.8"), Day: "2026-11-24", Source: "test"})
	})
	dbtest.Write(t, d, func(tx *db.Tx) error { _, err := prices.Publish(tx, "de"); return err })
	return r, stock, prices
}

// bag is a cart that only has to be paid, sent by the first service there is.
func (r *rig) bag(changes ...checkout.Change) checkout.Cart {
	r.t.Helper()
	c, err := r.shop.Begin(r.t.Context(), checkout.Start{Market: "de", Lang: "de"}, append(changes,
		checkout.SetContact(checkout.Contact{Email: "anna@example.de", Phone: "0151 23456789"}), checkout.SetAddress(anna))...)
	require.NoError(r.t, err)
	var all []checkout.Quote
	dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) { all, err = r.shop.Options(tx, c); return err })
	c, err = r.shop.Change(r.t.Context(), c.Token, c.Version, checkout.Choose(all[0].Option.Service))
	require.NoError(r.t, err)
	return c
}

func TestWholeShop(t *testing.T) {
	dbtest.Each(t, wholeSchemas, func(t *testing.T, d *db.DB) {
		r, stock, prices := newWhole(t, d)
		var code pricing.Code
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			code, err = prices.Issue(tx, pricing.CodeRule{Kind: pricing.PercentOff, Percent: money.Percent(5), MaxUses: 1, ValidTo: tx.Now().Add(24 * time.Hour)})
			return err
		})
		c := r.bag(checkout.Add("tee-m", 2), checkout.Code(code.Code))
		require.Equal(t, "Hemd", c.Quote.Lines[0].Title)
		require.NotZero(t, c.Quote.Off.Minor)
		require.Equal(t, checkout.DeclinedOutcome, r.mustPay(c, "card", fakepsp.Generic).State)
		o := r.mustPay(c, "card", fakepsp.Success)
		require.Equal(t, checkout.PaidOutcome, o.State)
		require.Equal(t, c.Quote.Total, r.order(o).Total)
		level := func(sku string) (l fulfilment.Stock) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				all, err := stock.Stocks(tx, sku)
				l = all[0]
				return err
			})
			return l
		}
		require.EqualValues(t, 2, level("tee-m").Allocated)
		require.Zero(t, level("tee-m").Reserved)
		dbtest.Write(t, d, func(tx *db.Tx) error { return stock.Ship(tx, string(o.OrderID)) })

		// a challenge that is walked away from gives the stock back
		c = r.bag(checkout.Add("tee-m", 3))
		r.mustPay(c, "card", fakepsp.Challenge)
		require.EqualValues(t, 3, level("tee-m").Reserved)
		r.later(16 * time.Minute)
		require.Zero(t, level("tee-m").Reserved)

		// more shoppers than pieces, some of them with answers that get lost
		var carts []checkout.Cart
		for range 30 {
			carts = append(carts, r.bag(checkout.Add("tee-s", 1)))
		}
		var all sync.WaitGroup
		for i, c := range carts {
			all.Go(func() {
				s := []fakepsp.Scenario{fakepsp.Success, fakepsp.HiddenSuccess, fakepsp.Generic}[i%3]
				if _, err := r.payBy(c, "card", s); err != nil && !errors.Is(err, checkout.ErrSoldOut) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for range 5 {
			r.later(3 * time.Second)
		}
		l := level("tee-s")
		require.LessOrEqual(t, l.Allocated, int64(10))
		require.Zero(t, l.Reserved)
		require.EqualValues(t, l.Allocated+1, r.count(`select count(*) from orders`))
		require.EqualValues(t, l.Allocated+1, r.count(`select count(*) from fakepsp_payments where state = 'captured'`))
	})
}
