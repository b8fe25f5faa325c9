package api

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"portolan/internal/address"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
)

// hubs are currencies in which thresholds of duty and tax are written.
var hubs = []string{"EUR", "USD", "GBP", "CNY", "IDR", "MYR"}

// CreateQuote works out what goods cost at the door.
func (a *api) CreateQuote(_ context.Context, r CreateQuoteRequestObject) (CreateQuoteResponseObject, error) {
	req, err := a.quoteRequest(r.Body)
	if err != nil {
		return nil, err
	}
	q, err := a.Rules.Quote(&req)
	if err != nil {
		return nil, err
	}
	if q.Charges == nil {
		q.Charges = []landed.Charge{}
	}
	if q.Assumptions == nil {
		q.Assumptions = []string{}
	}
	if q.Reviews == nil {
		q.Reviews = []landed.Review{}
	}
	return CreateQuote200JSONResponse{Quote: q, Restrictions: a.barredQuote(r.Body, &req)}, nil
}

func (a *api) quoteRequest(b *CreateQuoteJSONRequestBody) (landed.Request, error) {
	d := b.Destination
	if !address.Known(string(d.Country)) {
		return landed.Request{}, ErrInvalid.With(map[string]string{"destination.country": "unknown"})
	}
	m, served := a.Markets.ByCountry(market.Country(d.Country))
	now := a.DB.Clock().Now()
	r := landed.Request{Date: now, ShipFrom: b.ShipFrom, Destination: landed.Place{Country: d.Country, Region: d.Region, Postcode: d.Postcode},
		Shipping: b.Shipping, Discount: b.Discount, Channel: landed.Channel(b.Channel), Incoterm: landed.Incoterm(b.Incoterm),
		PricesIncludeTax: b.PricesIncludeTax}
	if r.ShipFrom == "" {
		r.ShipFrom = "CN"
	}
	if b.Date != "" {
		day, err := time.Parse(time.DateOnly, b.Date)
		if err != nil {
			return r, ErrInvalid.With(map[string]string{"date": "no_day"})
		}
		r.Date = day
	}
	for i, word := range b.Registrations {
		if !landed.KnowsRegistration(word) {
			return r, ErrInvalid.With(map[string]string{"registrations." + strconv.Itoa(i): "tax.unknown_word"})
		}
	}
	if r.Registrations = b.Registrations; r.Registrations == nil {
		r.Registrations = a.Taxes.Registered(r.Date.Format(time.DateOnly))
	}
	for i, l := range b.Lines {
		line, err := a.quoteLine(l, m, served)
		if err != nil {
			f := fault.Of(err)
			return r, f.With(map[string]string{"lines." + strconv.Itoa(i) + "." + first(f.Fields): f.Fields[first(f.Fields)]})
		}
		r.Lines = append(r.Lines, line)
		r.PricesIncludeTax = r.PricesIncludeTax || l.UnitPrice.Currency == "" && m.TaxInclusive
	}
	r.Currency = r.Lines[0].UnitPrice.Currency
	if b.Currency != "" {
		r.Currency = money.Currency(b.Currency)
	}
	a.rates(&r, now.Format(time.DateOnly))
	return r, nil
}

// quoteLine is what customs has to know of a line: what the caller says, and for the rest our catalogue.
func (a *api) quoteLine(l QuoteLine, m market.Market, served bool) (landed.Line, error) {
	out := landed.Line{Key: l.Sku, Description: l.Description, HS: l.Hs, Origin: l.Origin, Quantity: l.Quantity, UnitPrice: l.UnitPrice,
		Category: l.Category, WeightGrams: l.WeightGrams * l.Quantity}
	known := l.Sku != ""
	if known {
		p, v, err := a.Catalog.Variant(l.Sku)
		known = err == nil
		if err == nil {
			out.Description, out.HS = cmp.Or(out.Description, p.CustomsDescription), cmp.Or(out.HS, p.HS)
			out.Origin, out.Category = cmp.Or(out.Origin, string(p.Origin)), cmp.Or(out.Category, p.TaxCategory)
			if out.WeightGrams == 0 {
				out.WeightGrams = v.WeightGrams * l.Quantity
			}
		}
	}
	if l.UnitPrice.Currency != "" {
		return out, nil
	}
	switch {
	case l.Sku == "":
		return out, ErrInvalid.With(map[string]string{"unit_price": "required"})
	case !known:
		return out, ErrInvalid.With(map[string]string{"sku": "unknown"})
	case !served:
		return out, ErrInvalid.With(map[string]string{"unit_price": "required_outside_markets"})
	}
	price, err := a.Prices.Price(m.Code, l.Sku)
	if err != nil {
		return out, ErrInvalid.With(map[string]string{"sku": "no_price"})
	}
	out.UnitPrice = price.Amount
	return out, nil
}

// rates gives the request the exchange rates it may need; landed says which one is missing, if one is.
func (a *api) rates(r *landed.Request, day string) {
	want := map[string]bool{string(r.Currency): true, string(r.Lines[0].UnitPrice.Currency): true}
	for _, to := range []string{string(r.Currency), string(r.Lines[0].UnitPrice.Currency)} {
		for _, hub := range append(hubs, string(r.Currency)) {
			if hub == to || want[hub+to] {
				continue
			}
			want[hub+to] = true
			if fx, err := a.Prices.RateNow(money.Currency(hub), money.Currency(to), day); err == nil {
				r.FX = append(r.FX, landed.FX{From: money.Currency(hub), To: money.Currency(to), Rate: fx.Rate})
			}
		}
	}
}

func first(m map[string]string) string {
	for k := range m {
		return k
	}
	return ""
}
