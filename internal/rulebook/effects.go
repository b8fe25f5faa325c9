package rulebook

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"portolan/internal/landed"
	"portolan/internal/money"
)

// Effect is what a standard cart costs by two packs.
type Effect struct {
	Country    string
	Cart       string // small, large: a parcel of some 40 and of some 400 euros
	Registered bool   // the seller has every registration there is for tax at sale
	Before     landed.Quote
	After      landed.Quote
}

// Changed reports whether a shopper or a merchant would notice: a sum, or what needs review.
func (e *Effect) Changed() bool {
	a, b := &e.Before, &e.After
	return a.Duty != b.Duty || a.Tax != b.Tax || a.Fees != b.Fees || a.Total != b.Total || a.AtCheckout != b.AtCheckout ||
		a.Confidence != b.Confidence || len(a.Reviews) != len(b.Reviews)
}

// place is a destination with the currency that its carts are reckoned in.
type place struct {
	country, region string
	currency        money.Currency
}

var standardPlaces = []place{
	{"DE", "", "EUR"}, {"FR", "", "EUR"}, {"GB", "", "GBP"}, {"US", "CA", "USD"}, {"CA", "ON", "CAD"}, {"BR", "MG", "USD"}, {"MX", "", "USD"}, {"ID", "", "IDR"},
	{"MY", "", "MYR"}, {"SG", "", "SGD"}, {"JP", "", "JPY"}, {"AU", "", "AUD"}, {"AE", "", "AED"}, {"CH", "", "CHF"}, {"NO", "", "NOK"},
}

// standardRates are round exchange rates, the same before and after, so that only the rules differ.
var standardRates = func() []landed.FX {
	var all []landed.FX
	for _, r := range []struct {
		to   money.Currency
		rate string
	}{{"USD", "1.16"}, {"GBP", "0.87"}, {"CAD", "1.62"}, {"BRL", "6.20"}, {"MXN", "21.40"}, {"IDR", "19140"}, {"MYR", "4.82"}, {"SGD", "1.50"}, {"JPY", "178"},
		{"AUD", "1.78"}, {"AED", "4.26"}, {"CHF", "0.93"}, {"NOK", "11.70"}, {"SEK", "11"}, {"DKK", "7.46"}, {"PLN", "4.25"}, {"CZK", "24.30"}, {"HUF", "385"},
		{"RON", "5.08"}, {"CNY", "8.26"}, {"KRW", "1690"}, {"TWD", "36"}, {"THB", "37.60"}, {"VND", "30500"}, {"PHP", "68"}, {"INR", "103"}, {"NZD", "2.04"},
		{"ZAR", "20"}, {"ILS", "3.80"}, {"TRY", "49"}, {"CLP", "1090"}, {"SAR", "4.35"}, {"HKD", "9.03"}} {
		all = append(all, landed.FX{From: "EUR", To: r.to, Rate: money.MustRate(r.rate)})
	}
	return all
}()

// Effects prices standard carts by two packs as of a day: what a change of the rules would do to shoppers. Besides
// the standard places and goods it takes those that the changes name.
func Effects(before, after *landed.Pack, changes []landed.Change, on time.Time) []Effect {
	lines := []landed.Line{
		{Key: "shirt", Description: "cotton T-shirt", HS: "6109100010", Category: "clothing"},
		{Key: "bag", Description: "leather bag", HS: "4202210090"},
		{Key: "headphones", Description: "headphones", HS: "8518300000"},
		{Key: "book", Description: "book", HS: "4901990000", Category: "books"},
	}
	places := slices.Clone(standardPlaces)
	for i := range changes {
		country, code, category := about(before, &changes[i])
		if code != "" && !slices.ContainsFunc(lines, func(l landed.Line) bool { return strings.HasPrefix(l.HS, code) }) {
			lines = append(lines, landed.Line{Key: code, Description: cmp.Or(before.Goods(code), "goods of "+code), HS: code})
		}
		if category != "" && !slices.ContainsFunc(lines, func(l landed.Line) bool { return l.Category == category }) {
			lines = append(lines, landed.Line{Key: category, Description: category, HS: "6109100010", Category: category})
		}
		if country != "" && country != "EU" && !slices.ContainsFunc(places, func(p place) bool { return p.country == country }) {
			places = append(places, place{country, "", "EUR"})
		}
	}
	var all []Effect
	for _, to := range places {
		for _, size := range []struct {
			name  string
			minor int64
		}{{"small", 10_00}, {"large", 100_00}} {
			for _, registered := range []bool{true, false} {
				r := landed.Request{Date: on, ShipFrom: "CN", Destination: landed.Place{Country: to.country, Region: to.region}, Currency: to.currency,
					Shipping: money.Of(5_00, "EUR"), FX: standardRates}
				if registered {
					r.Registrations = landed.RegistrationNames()
				}
				for _, l := range lines {
					l.Origin, l.Quantity, l.UnitPrice, l.WeightGrams = "CN", 1, money.Of(size.minor, "EUR"), 400
					r.Lines = append(r.Lines, l)
				}
				a, err := before.Quote(&r)
				if err != nil {
					continue // a day before the first rule of that place: no shopper would see a price
				}
				b, err := after.Quote(&r)
				if err != nil {
					continue
				}
				all = append(all, Effect{to.country, size.name, registered, a, b})
			}
		}
	}
	return all
}

// about is which country, code and category of goods a change is about.
func about(p *landed.Pack, c *landed.Change) (country, code, category string) {
	cells := map[string]string{}
	if e, ok := p.Entry(c.End); c.End != "" && ok {
		for _, cell := range e.Cells {
			cells[cell.Column] = cell.Value
		}
	}
	for column, value := range c.Add {
		cells[column] = value
	}
	country = cmp.Or(cells["country"], cells["importer"])
	for _, column := range []string{"hs", "hts8"} {
		if v := cells[column]; code == "" && len(v) >= 4 && strings.Trim(v, "0123456789") == "" {
			code = v
		}
	}
	return country, code, cells["category"]
}
