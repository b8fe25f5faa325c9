package app

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/settings"
	"portolan/internal/tax"
)

// past is how the sample merchant sold on one lane in the last months.
type past struct {
	source   string // order.Shop, or another shop of theirs
	market   market.Code
	country  string
	region   string
	currency money.Currency
	location string // where it left from
	orders   int
	price    int64 // of another shop's article, in minor units; 0: as the catalogue has it
}

// The sample history: a hundred days in which the shop and a second one, which ships without duty paid, sold to
// several countries. British Columbia's threshold of CAD 10,000 is about to be reached; so is, by the number of
// sales, New Jersey's.
var pastLanes = []past{
	{order.Shop, "de", "DE", "", "EUR", "can", 84, 0},
	{order.Shop, "gb", "GB", "", "GBP", "can", 52, 0},
	{order.Shop, "my", "MY", "", "MYR", "can", 40, 0},
	{order.Shop, "id", "ID", "", "IDR", "can", 24, 0},
	{order.Shop, "us", "US", "NJ", "USD", "can", 96, 0},
	{order.Shop, "us", "US", "CA", "USD", "can", 28, 0},
	{order.Shop, "us", "US", "NY", "USD", "can", 22, 0},
	{"second-shop", "de", "SE", "", "SEK", "can", 20, 349_00},
	{"second-shop", "de", "PL", "", "PLN", "can", 22, 149_00},
	{"second-shop", "us", "CA", "BC", "CAD", "can", 36, 118_00},
}

const (
	historyKey  = "demo_history"
	historyDays = 100
)

// SeedHistory gives the sample shop a past, once: orders and refunds of a hundred days in the tax books, the rates of
// those days, and the returns that were due by now filed. Nobody is told of any of it.
func (a *App) SeedHistory(ctx context.Context) error {
	people, err := demo.People()
	if err != nil {
		return err
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		var since string
		if found, err := settings.Get(tx, historyKey, &since); err != nil || found {
			return err
		}
		h := history{App: a, tx: tx, r: rand.New(rand.NewPCG(11, 22)), lots: rand.New(rand.NewPCG(33, 44)), goods: rand.New(rand.NewPCG(55, 66)), people: people}
		for _, step := range []func() error{h.rates, h.sell, h.giveBack, h.underWay, h.afterwards, h.file, h.wrote, h.said, h.twin} {
			if err := step(); err != nil {
				return fmt.Errorf("history of the demo: %w", err)
			}
		}
		if _, err := a.Tax.Watch(tx); err != nil {
			return err
		}
		return settings.Set(tx, historyKey, tx.Now().AddDate(0, 0, -historyDays).Format(time.DateOnly))
	})
}

// history writes the sample shop's past.
type history struct {
	*App
	tx     *db.Tx
	r      *rand.Rand
	people []demo.Person
	sold   []order.Order
	left   []leftBag
	bags   map[market.Code]int // so many were left
	lots   *rand.Rand          // of what is told of journeys
	goods  *rand.Rand          // of what is in bags
	sent   int64               // parcels under way
	tries  int
}

// perEuro are sample rates near those of November 2026.
var perEuro = map[money.Currency]string{"SEK": "11.02", "PLN": "4.25", "CAD": "1.62", "CHF": "0.934", "NOK": "11.78", "AUD": "1.78", "NZD": "2.01", "SGD": "1.51",
	"USD": "1.1636", "GBP": "0.8784", "CNY": "8.2386", "MYR": "4.801", "IDR": "19100"}

// ofEuro is how much of a currency one euro is.
func ofEuro(c money.Currency) money.Rate {
	if c == "EUR" {
		return money.One
	}
	return money.MustRate(perEuro[c])
}

// rates notes the rates of every Friday and of every month's last day, a little different each time.
func (h *history) rates() error {
	today := h.tx.Now().UTC()
	for back := historyDays + 10; back >= 2; back-- {
		at := today.AddDate(0, 0, -back)
		if at.Weekday() != time.Friday && at.AddDate(0, 0, 1).Day() != 1 {
			continue
		}
		for _, cur := range slices.Sorted(maps.Keys(perEuro)) {
			rate := ofEuro(cur)
			rate = money.Rate{Coef: rate.Coef*10_000 + rate.Coef*h.r.Int64N(140) - rate.Coef*70, Scale: rate.Scale + 4}
			err := h.Prices.SetRate(h.tx, pricing.FX{Base: "EUR", Quote: cur, Rate: rate, Day: at.Format(time.DateOnly), Source: "sample rates"})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *history) sell() error {
	now := h.tx.Now().UTC()
	for _, l := range pastLanes {
		for i := range l.orders {
			// evenly over the days, a little more of late, at an hour of its own
			back := float64(historyDays) * (1 - (float64(i)+h.r.Float64())/float64(l.orders))
			at := now.Add(-26*time.Hour - time.Duration(back*back/historyDays*24*float64(time.Hour)))
			o, err := h.purchase(l, i, at)
			if err != nil {
				return err
			}
			bagged := h.bag(&o)
			if o, _, err = h.Orders.Enter(h.tx, o); err != nil {
				return err
			}
			if bagged {
				h.left[len(h.left)-1].order = o
			}
			if _, err := h.Tax.RecordSale(h.tx, o); err != nil {
				return err
			}
			h.sold = append(h.sold, o)
		}
	}
	return nil
}

// purchase is an order as the checkout would have made it that day.
func (h *history) purchase(l past, n int, at time.Time) (o order.Order, err error) {
	m, _ := h.Markets.ByCode(l.market)
	who := h.people[(n*7+len(l.country))%len(h.people)]
	for _, p := range h.people {
		if p.Country == l.country && h.r.IntN(3) == 0 {
			who = p
		}
	}
	r := landed.Request{Date: at.In(m.Location()), ShipFrom: "CN", Destination: landed.Place{Country: l.country, Region: l.region}, Currency: l.currency,
		Registrations: h.Tax.Registered(at.Format(time.DateOnly)), PricesIncludeTax: m.TaxInclusive && l.source == order.Shop, Incoterm: landed.DDP}
	var none money.Amount
	o = order.Order{Source: l.source, Market: l.market, Country: market.Country(l.country), Lang: m.Languages[0], Currency: l.currency, Location: l.location, Incoterm: string(landed.DDP),
		Email: who.Email, Address: address.Address{GivenName: who.FirstName, FamilyName: who.LastName, Line1: "Sample Street 1", City: "Sample Town", Region: l.region, Country: l.country},
		State: order.Completed, PlacedAt: at, PaidAt: at, TaxIncluded: r.PricesIncludeTax, Method: "card", Discount: none, Service: "standard_ddp"}
	if l.source != order.Shop {
		o.ExternalRef = fmt.Sprintf("%s-%s-%03d", l.country, l.region, n)
	}
	if l.country == who.Country {
		o.Address.Line1, o.Address.City, o.Address.Postcode = who.Address.Line1, who.Address.City, who.Address.Postcode
	}
	goods := h.Catalog.Snapshot().Products()
	for range 1 + h.r.IntN(2) {
		p := goods[h.r.IntN(len(goods))]
		v := p.Variants[h.r.IntN(len(p.Variants))]
		price, err := h.Prices.Price(l.market, v.SKU)
		if err != nil {
			continue
		}
		h.add(&r, &o, p, &v, l, price.Amount)
	}
	if len(r.Lines) == 0 {
		return o, fmt.Errorf("nothing to sell in %s", l.market)
	}
	if l.country == "CA" {
		r.Incoterm, o.Incoterm = landed.DAP, string(landed.DAP)
	}
	r.Shipping = money.Of(r.Lines[0].UnitPrice.Minor/5, l.currency)
	for _, hub := range []money.Currency{"EUR", "USD", "GBP", "CNY", "IDR", "MYR", "CAD"} {
		if hub != l.currency {
			r.FX = append(r.FX, landed.FX{From: hub, To: l.currency, Rate: money.Cross(ofEuro(l.currency), ofEuro(hub))})
		}
	}
	q, err := h.Rules.Quote(&r)
	if err != nil {
		return o, err
	}
	fillOrder(&o, &q)
	return o, nil
}

// add puts an article into the request and the order.
func (h *history) add(r *landed.Request, o *order.Order, p *catalog.Product, v *catalog.Variant, l past, price money.Amount) {
	if l.price != 0 {
		price = money.Of(l.price, l.currency)
	}
	r.Lines = append(r.Lines, landed.Line{Key: v.SKU, Description: p.CustomsDescription, HS: p.HS, Origin: string(p.Origin), Quantity: 1, UnitPrice: price, Category: p.TaxCategory, WeightGrams: p.WeightGrams})
	picture := ""
	if im, _, ok := p.Image(v.Options["color"]); ok {
		picture = im.File
	}
	o.Lines = append(o.Lines, order.Line{Image: picture, SKU: v.SKU, Title: p.Text(o.Lang).Title, Slug: p.Slug, Options: v.Options, Quantity: 1, UnitPrice: price, Total: price, HS: p.HS, Origin: string(p.Origin),
		Weight: p.WeightGrams})
}

// fillOrder takes the figures of a quote.
func fillOrder(o *order.Order, q *landed.Quote) {
	of := func() money.Amount { return money.Of(0, o.Currency) }
	o.Discount, o.Duty, o.Tax, o.Fees, o.Goods, o.Shipping, o.Charges, o.RulePack, o.OnDelivery = of(), of(), of(), of(), q.Goods, q.Shipping, q.Charges, q.Pack, q.AtBorder
	for _, c := range q.Charges {
		switch {
		case c.When != landed.AtCheckout:
		case c.Kind == landed.Duty:
			o.Duty = o.Duty.Add(c.Amount)
		case c.Kind == landed.Tax:
			o.Tax = o.Tax.Add(c.Amount)
		default:
			o.Fees = o.Fees.Add(c.Amount)
		}
	}
	o.Total = o.Goods.Add(o.Shipping).Add(o.Duty).Add(o.Tax).Add(o.Fees)
}

// giveBack refunds one order in twelve, some whole, most in part, one to three weeks after it was paid.
func (h *history) giveBack() error {
	reasons := []string{"too small", "arrived damaged", "changed their mind", "wrong colour"}
	for i, o := range h.sold {
		at := o.PaidAt.Add(time.Duration(7+h.r.IntN(15)) * 24 * time.Hour)
		if i%12 != 5 || at.After(h.tx.Now()) {
			continue
		}
		amount := o.Total
		if i%3 == 0 {
			amount = o.Worth([]order.Piece{{Line: 0, Quantity: 1}}, false)
		}
		reason := reasons[h.r.IntN(len(reasons))]
		asked, _, err := h.Orders.EnterRefund(h.tx, order.Refund{Order: o.ID, Amount: amount, Reason: reason, By: "Mei", AskedAt: at, MadeAt: at, Ref: "sample:" + string(o.ID)})
		if err != nil {
			return err
		}
		if _, err := h.Tax.RecordRefund(h.tx, tax.Reversal{Ref: asked.ID, Order: o.ID, Amount: amount, At: at, Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

// file notes the returns as filed whose deadline has passed; the others wait for Mei.
func (h *history) file() error {
	all, err := h.Tax.Standings(h.tx, "", 6)
	if err != nil {
		return err
	}
	today := h.tx.Now().UTC().Format(time.DateOnly)
	for i := len(all) - 1; i >= 0; i-- {
		v := all[i]
		if v.State != tax.Ready || v.Left >= 0 || v.Number == "" && v.Scheme.Code != "IOSS" {
			continue
		}
		on := min(market.AddDays(v.Deadline.Day, -4), today)
		if _, err := h.Tax.File(h.tx, v.Scheme.Code, v.Period, on, fmt.Sprintf("SAMPLE-%s-%s", v.Scheme.Code, v.Period), "Mei"); err != nil {
			return err
		}
	}
	return nil
}
