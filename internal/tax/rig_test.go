package tax_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/settings"
	"portolan/internal/tax"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, order.Schema, tax.Schema}

// perEuro are rates of no particular day, for tests.
var perEuro = map[money.Currency]string{
	"USD": "1.1612", "GBP": "0.8711", "SEK": "11.02", "DKK": "7.46", "CZK": "24.3", "PLN": "4.25", "CAD": "1.62", "AUD": "1.78", "NZD": "2.01",
	"SGD": "1.51", "MYR": "4.82", "JPY": "178.3", "BRL": "6.31", "NOK": "11.78", "CHF": "0.934", "CNY": "8.27", "IDR": "19140", "KRW": "1655",
	"INR": "102.4", "AED": "4.264", "SAR": "4.354", "ZAR": "20.3",
}

func exchange() (all []landed.FX) {
	for _, cur := range slices.Sorted(maps.Keys(perEuro)) {
		all = append(all, landed.FX{From: "EUR", To: cur, Rate: money.MustRate(perEuro[cur])})
	}
	return all
}

// bank knows the same rates on every day but those without, and those of some days.
type bank struct {
	closed map[string]bool
	sek    map[string]string
}

func (b bank) Rate(_ *db.Tx, from, to money.Currency, day string) (pricing.Quotation, error) {
	for b.closed[day] {
		day = market.AddDays(day, -1)
	}
	of := func(c money.Currency) (money.Rate, bool) {
		if c == "EUR" {
			return money.One, true
		}
		text := perEuro[c]
		if other := b.sek[day]; c == "SEK" && other != "" {
			text = other
		}
		r, err := money.ParseRate(text)
		return r, err == nil
	}
	a, ok1 := of(from)
	b2, ok2 := of(to)
	if !ok1 || !ok2 {
		return pricing.Quotation{}, fmt.Errorf("%s to %s: %w", from, to, pricing.ErrNoRate)
	}
	return pricing.Quotation{Rate: money.Cross(b2, a), Day: day, Source: "ecb"}, nil
}

type stores struct{}

func (stores) Location(code string) (fulfilment.Location, error) {
	return fulfilment.Location{Code: code, Country: market.Country(code)}, nil
}

func books(d *db.DB) (*tax.Service, *order.Service, *jobs.Queue) {
	q := jobs.New(d)
	bus := events.New(q)
	orders := order.New(bus, order.Numbering{})
	s := tax.New(tax.Parts{DB: d, Bus: bus, Orders: orders, Rates: bank{}, Places: stores{}, Versions: settings.Watch(d), Bump: settings.Bump})
	s.Listen(bus, q)
	return s, orders, q
}

func sample(l lane) address.Address { return address.Address{Country: l.country, Region: l.region} }

// lane is a way for goods to a destination.
type lane struct {
	country, region string
	cur             money.Currency
}

// sold is a paid order as checkout makes it from a quote.
func sold(t *testing.T, id string, r landed.Request, at time.Time) order.Order {
	t.Helper()
	r.Date = at
	q, err := landed.Default().Quote(&r)
	require.NoError(t, err)
	none := money.Of(0, r.Currency)
	o := order.Order{ID: order.ID(id), Source: order.Shop, Cart: "crt_" + id, Payment: "pay_" + id, Market: "m", Country: market.Country(r.Destination.Country),
		Lang: "en", Currency: r.Currency, Address: address.Address{Country: r.Destination.Country, Region: r.Destination.Region},
		Discount: none, Duty: none, Tax: none, Fees: none, Shipping: q.Shipping, Charges: q.Charges, Incoterm: string(q.Incoterm), Location: r.ShipFrom, PaidAt: at}
	for _, l := range q.Lines {
		o.Discount = o.Discount.Add(l.Discount)
	}
	for _, c := range q.Charges {
		if c.When != landed.AtCheckout {
			continue
		}
		switch c.Kind {
		case landed.Duty:
			o.Duty = o.Duty.Add(c.Amount)
		case landed.Tax:
			o.Tax = o.Tax.Add(c.Amount)
		default:
			o.Fees = o.Fees.Add(c.Amount)
		}
	}
	o.Goods = q.Goods.Add(o.Discount)
	for i, l := range r.Lines {
		o.Lines = append(o.Lines, order.Line{SKU: fmt.Sprint("S", i), Quantity: l.Quantity, UnitPrice: l.UnitPrice, Total: l.UnitPrice.Mul(l.Quantity)})
	}
	o.Total = o.Goods.Sub(o.Discount).Add(o.Shipping).Add(o.Duty).Add(o.Tax).Add(o.Fees)
	return o
}

// basket is a request for pieces of one thing.
func basket(l lane, from string, price, quantity int64, words ...string) landed.Request {
	return landed.Request{ShipFrom: from, Destination: landed.Place{Country: l.country, Region: l.region}, Currency: l.cur, FX: exchange(), Registrations: words,
		Lines:    []landed.Line{{Description: "cotton T-shirt", HS: "6109100010", Origin: "CN", Quantity: quantity, UnitPrice: money.Of(price, l.cur), Category: "clothing"}},
		Shipping: money.Of(500, l.cur)}
}

func write(t *testing.T, d *db.DB, f func(*db.Tx) error) { t.Helper(); dbtest.Write(t, d, f) }
