package landed_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portolan/internal/landed"
	"portolan/internal/money"

	"pgregory.net/rapid"
)

type lane struct {
	country, region string
	cur             money.Currency
	seller          string
}

var lanes = []lane{
	{"DE", "", "EUR", "IOSS"}, {"FR", "", "EUR", "IOSS"}, {"SE", "", "SEK", "IOSS"}, {"ES", "IC", "EUR", "IOSS"}, {"GB", "", "GBP", "GB_VAT"},
	{"GB", "NIR", "GBP", "IOSS"}, {"US", "CA", "USD", "US_CA"}, {"US", "NY", "USD", "US_NY"}, {"CA", "ON", "CAD", ""}, {"CA", "QC", "CAD", ""}, {"AU", "", "AUD", "AU_GST"},
	{"NZ", "", "NZD", "NZ_GST"}, {"SG", "", "SGD", "SG_OVR"}, {"MY", "", "MYR", "MY_LVG"}, {"ID", "", "IDR", ""}, {"TH", "", "THB", ""},
	{"VN", "", "VND", ""}, {"PH", "", "PHP", ""}, {"JP", "", "JPY", ""}, {"KR", "", "KRW", ""}, {"TW", "", "TWD", ""}, {"HK", "", "HKD", ""},
	{"CN", "", "CNY", ""}, {"IN", "", "INR", ""}, {"AE", "", "AED", ""}, {"SA", "", "SAR", ""}, {"BR", "SP", "BRL", "REMESSA_CONFORME"},
	{"BR", "MG", "BRL", ""}, {"MX", "", "MXN", ""}, {"ZA", "", "ZAR", ""}, {"TR", "", "TRY", ""}, {"IL", "", "ILS", ""}, {"CL", "", "CLP", "CL_VAT"},
	{"NO", "", "NOK", "NO_VOEC"}, {"CH", "", "CHF", "CH_VAT"},
}

// perEuro are rates of no particular day, for tests.
var perEuro = map[money.Currency]string{
	"USD": "1.1612", "GBP": "0.8711", "SEK": "11.02", "CAD": "1.62", "AUD": "1.78", "NZD": "2.01", "SGD": "1.51", "MYR": "4.82", "IDR": "19140",
	"THB": "37.9", "VND": "30550", "PHP": "67.9", "JPY": "178.3", "KRW": "1655", "TWD": "35.6", "HKD": "9.04", "CNY": "8.27", "INR": "102.4",
	"AED": "4.264", "SAR": "4.354", "BRL": "6.31", "MXN": "21.5", "ZAR": "20.3", "TRY": "48.9", "ILS": "3.82", "CLP": "1102", "NOK": "11.78",
	"CHF": "0.934", "RON": "5.09",
}

func rates() []landed.FX {
	var all []landed.FX
	for _, cur := range slices.Sorted(maps.Keys(perEuro)) {
		all = append(all, landed.FX{From: "EUR", To: cur, Rate: money.MustRate(perEuro[cur])})
	}
	return all
}

var moreCodes = append([]string{"610910", "6109", "91021110", "910212", "620240", "33030010", "220421", "4901990000", "950300", "7323930000", "850760", "999999"}, codes...)

func draw(t *rapid.T) *landed.Request {
	l := rapid.SampledFrom(lanes).Draw(t, "lane")
	r := &landed.Request{
		Date:     time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 820).Draw(t, "day")),
		ShipFrom: rapid.SampledFrom([]string{"CN", "CN", "US", "GB", "NL", "TR"}).Draw(t, "from"), Destination: landed.Place{Country: l.country, Region: l.region},
		Currency: l.cur, FX: rates(), Channel: rapid.SampledFrom([]landed.Channel{landed.Courier, landed.Postal, landed.Freight}).Draw(t, "channel"),
		Incoterm: rapid.SampledFrom([]landed.Incoterm{landed.DDP, landed.DAP}).Draw(t, "incoterm"), PricesIncludeTax: rapid.Bool().Draw(t, "inclusive"),
		Marketplace: rapid.Bool().Draw(t, "marketplace"),
	}
	price := rapid.SampledFrom([]money.Currency{l.cur, "EUR"}).Draw(t, "price currency")
	if l.seller != "" && rapid.Bool().Draw(t, "registered") {
		r.Registrations = []string{l.seller}
	}
	scale := int64(1)
	if one, err := money.Parse("1", price); err == nil && price != "EUR" {
		rate, _ := money.ParseRate(perEuro[price])
		scale = max(one.Times(rate).Minor/100, 1)
	}
	for range rapid.IntRange(1, 6).Draw(t, "lines") {
		r.Lines = append(r.Lines, landed.Line{
			Description: rapid.SampledFrom([]string{"cotton T-shirt", "Blue dress", "shoes"}).Draw(t, "description"),
			HS:          rapid.SampledFrom(moreCodes).Draw(t, "hs"), Origin: rapid.SampledFrom([]string{"CN", "BD", "GB", "DE", "US", "HK", "JP"}).Draw(t, "origin"),
			Quantity: rapid.Int64Range(1, 9).Draw(t, "quantity"), UnitPrice: money.Of(scale*rapid.Int64Range(0, 30000).Draw(t, "price"), price),
			Category:    rapid.SampledFrom([]string{"general", "clothing", "childrens_clothing", "books", "food"}).Draw(t, "category"),
			WeightGrams: rapid.Int64Range(0, 3000).Draw(t, "grams"), PreferenceProof: rapid.SampledFrom([]string{"", "EU-UK TCA", "CUSMA"}).Draw(t, "proof"),
		})
	}
	r.Shipping = money.Of(scale*rapid.Int64Range(0, 4000).Draw(t, "shipping"), price)
	r.Insurance = money.Of(scale*rapid.Int64Range(0, 100).Draw(t, "insurance"), price)
	return r
}

func quote(t *rapid.T, r *landed.Request) landed.Quote {
	t.Helper()
	q, err := landed.Default().Quote(r)
	if errors.Is(err, landed.ErrBeforeRules) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// No unit is lost and none is made: the total is its parts, and so is each part.
func TestSumsAreExact(t *testing.T) {
	labels := landed.Default().Labels()
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		q := quote(t, r)
		if q.Total.Minor != q.Goods.Minor+q.Shipping.Minor+q.Duty.Minor+q.Tax.Minor+q.Fees.Minor {
			t.Fatalf("total %v of %+v", q.Total, q)
		}
		if q.AtCheckout.Minor+q.AtBorder.Minor != q.Duty.Minor+q.Tax.Minor+q.Fees.Minor {
			t.Fatalf("at checkout %v, at border %v", q.AtCheckout, q.AtBorder)
		}
		var goods, freight, duty, tax int64
		for _, l := range q.Lines {
			goods, freight, duty, tax = goods+l.Goods.Minor, freight+l.Freight.Minor, duty+l.Duty.Minor, tax+l.Tax.Minor
			if l.Goods.Minor < 0 || l.Freight.Minor < 0 || l.Duty.Minor < 0 || l.Tax.Minor < 0 || l.CustomsValue.Minor < 0 {
				t.Fatalf("line below nothing: %+v", l)
			}
		}
		if goods != q.Goods.Minor || freight != q.Shipping.Minor || duty != q.Duty.Minor || tax != q.Tax.Minor {
			t.Fatalf("lines add up to %d %d %d %d, not %v %v %v %v", goods, freight, duty, tax, q.Goods, q.Shipping, q.Duty, q.Tax)
		}
		for _, v := range q.Reviews {
			if !slices.Contains(landed.Doubts(), v.Code) {
				t.Fatalf("doubt %q isn't among Doubts", v.Code)
			}
		}
		for _, a := range q.Assumptions {
			if !slices.Contains(landed.Assumptions(), a) {
				t.Fatalf("assumption %q isn't among Assumptions", a)
			}
		}
		for _, h := range q.Charges {
			if !slices.Contains(labels, h.Label) {
				t.Fatalf("label %q isn't among Labels", h.Label)
			}
		}
		if q.Confidence == landed.Low && !q.NeedsReview() || q.NeedsReview() && q.Final() {
			t.Fatalf("low confidence and no review, or final with one: %+v", q)
		}
	})
}

// The order in which lines are written down is nobody's business.
func TestOrderOfLinesIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		a := quote(t, r)
		r.Lines = rapid.Permutation(r.Lines).Draw(t, "order")
		b := quote(t, r)
		if a.Total != b.Total || a.Duty != b.Duty || a.Tax != b.Tax || a.Fees != b.Fees || a.AtBorder != b.AtBorder {
			t.Fatalf("%v %v %v became %v %v %v", a.Duty, a.Tax, a.Total, b.Duty, b.Tax, b.Total)
		}
	})
}

// Writing one line as two of the same goods changes nothing.
func TestSplittingALineChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		i := rapid.IntRange(0, len(r.Lines)-1).Draw(t, "line")
		l := &r.Lines[i]
		l.Quantity = max(l.Quantity, 2)
		a := quote(t, r)
		part := *l
		part.Quantity = rapid.Int64Range(1, l.Quantity-1).Draw(t, "part")
		part.WeightGrams = l.WeightGrams * part.Quantity / l.Quantity
		l.Quantity -= part.Quantity
		l.WeightGrams -= part.WeightGrams
		if (part.WeightGrams == 0) != (l.WeightGrams == 0) {
			t.Skip("a part without weight")
		}
		r.Lines = append(r.Lines, part)
		b := quote(t, r)
		if a.Duty != b.Duty || a.Tax != b.Tax || a.Fees != b.Fees || a.Total != b.Total {
			t.Fatalf("%v %v %v became %v %v %v", a.Duty, a.Tax, a.Total, b.Duty, b.Tax, b.Total)
		}
	})
}

// A quote of a day never uses a row that doesn't hold on it.
func TestRowsHoldOnTheDay(t *testing.T) {
	p := landed.Default()
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		q := quote(t, r)
		on := r.Date.Format(time.DateOnly)
		holds := func(id string) {
			row, ok := p.Rule(id)
			if !ok {
				t.Fatalf("no row %q", id)
			}
			if on < row.ValidFrom || row.ValidTo != "" && on > row.ValidTo {
				t.Fatalf("%s holds from %s to %s, used on %s", id, row.ValidFrom, row.ValidTo, on)
			}
		}
		for _, h := range q.Charges {
			holds(h.Rule)
		}
		for _, v := range q.Reviews {
			if v.Rule != "" {
				holds(v.Rule)
			}
		}
		if q.Regime != "" {
			holds(q.Regime)
		}
	})
}

// Prices with the tax inside and prices without it lead to the same quote where the net is a whole number. Freight is
// shared among the lines before the tax is reckoned: its shares may then differ by a unit a line.
func TestPricesWithAndWithoutTaxAgree(t *testing.T) {
	p := landed.Default()
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		r.PricesIncludeTax = false
		if r.Destination.Country == "US" || r.Destination.Country == "BR" {
			r.Destination, r.Currency = landed.Place{Country: "DE"}, "EUR"
		}
		for i := range r.Lines {
			r.Lines[i].Category = "general"
			r.Lines[i].UnitPrice.Minor *= 1000
			r.Lines[i].UnitPrice.Minor /= 10 // 100 x a whole number
		}
		r.Shipping.Minor -= r.Shipping.Minor % 1000
		r.Insurance.Minor -= r.Insurance.Minor % 1000
		rate, _, ok := p.ConsumptionTax(r.Destination.Country, r.Destination.Region, "general", r.Date)
		if !ok || rate.Scale != 6 || rate.Coef%10_000 != 0 || r.Destination.Country == "IN" || r.Destination.Country == "VN" || r.Destination.Country == "CN" {
			t.Skip("no whole percentage")
		}
		if r.Destination.Country == "MY" && r.ShipFrom == "MY" {
			t.Skip("no tax on domestic sales")
		}
		a := quote(t, r)
		with := func(m *money.Amount) { m.Minor += m.Minor / 100 * (rate.Coef / 10_000) }
		for i := range r.Lines {
			with(&r.Lines[i].UnitPrice)
		}
		if r.Destination.Country != "MY" { // whose tax leaves freight out
			with(&r.Shipping)
			with(&r.Insurance)
		}
		r.PricesIncludeTax = true
		b := quote(t, r)
		far := func(x, y money.Amount) bool {
			d := x.Minor - y.Minor
			return d > 1 || d < -1
		}
		if r.Lines[0].UnitPrice.Currency == r.Currency {
			far = func(x, y money.Amount) bool { return x != y }
		}
		if far(a.Goods, b.Goods) || far(a.Shipping, b.Shipping) {
			t.Fatalf("net %v %v became %v %v", a.Goods, a.Shipping, b.Goods, b.Shipping)
		}
		freight := int64(0)
		if !a.Shipping.IsZero() || !r.Insurance.IsZero() {
			freight = int64(len(r.Lines))
		}
		far = func(x, y money.Amount) bool { return max(x.Minor-y.Minor, y.Minor-x.Minor) > freight }
		if r.Lines[0].UnitPrice.Currency == r.Currency && (a.Duty != b.Duty || a.Fees != b.Fees || far(a.Tax, b.Tax)) {
			t.Fatalf("%v %v %v became %v %v %v", a.Duty, a.Tax, a.Fees, b.Duty, b.Tax, b.Fees)
		}
	})
}

// Within one regime a dearer cart never costs less at the door.
func TestDearerGoodsNeverCostLess(t *testing.T) {
	for _, band := range []struct {
		r         *landed.Request
		low, high int64
	}{
		{one("DE", "", "610910", "CN", money.Of(0, "EUR"), registered("IOSS"), shipping(4_90)), 0, 150_00},
		{one("DE", "", "610910", "CN", money.Of(0, "EUR"), shipping(4_90)), 150_01, 900_00},
		{one("GB", "", "610910", "CN", money.Of(0, "GBP"), registered("GB_VAT")), 135_01, 900_00},
		{one("US", "", "6109100012", "CN", money.Of(0, "USD"), shipping(4_90)), 0, 900_00},
		{one("ID", "", "610910", "CN", money.Of(0, "IDR")), 60_000_00, 20_000_000_00},
		{one("JP", "", "620442", "CN", money.Of(0, "JPY")), 16_667, 300_000},
		{one("BR", "SP", "610910", "CN", money.Of(0, "USD"), registered("REMESSA_CONFORME")), 0, 3000_00},
	} {
		rapid.Check(t, func(t *rapid.T) {
			a := rapid.Int64Range(band.low, band.high).Draw(t, "price")
			b := rapid.Int64Range(a, band.high).Draw(t, "dearer price")
			band.r.Lines[0].UnitPrice.Minor = a
			less := quote(t, band.r)
			band.r.Lines[0].UnitPrice.Minor = b
			if more := quote(t, band.r); more.Total.Minor < less.Total.Minor || more.Duty.Minor < less.Duty.Minor || more.Tax.Minor < less.Tax.Minor {
				t.Fatalf("%d: %v, %d: %v", a, less.Total, b, more.Total)
			}
		})
	}
}

// So it is everywhere: a dearer piece under the same regime, charged for the same things, never costs less.
func TestDearerGoodsNeverCostLessAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		r.Lines = r.Lines[:1]
		a := quote(t, r)
		r.Lines[0].UnitPrice.Minor += rapid.Int64Range(1, 1+r.Lines[0].UnitPrice.Minor/4).Draw(t, "dearer by")
		b := quote(t, r)
		if a.Regime != b.Regime || charged(&a) != charged(&b) {
			t.Skip("over a threshold")
		}
		slack := int64(0)
		if r.PricesIncludeTax && r.Lines[0].UnitPrice.Currency != r.Currency {
			slack = 1 // the tax is the converted price less the converted net
		}
		if b.Total.Minor < a.Total.Minor || b.Duty.Minor < a.Duty.Minor || b.Tax.Minor+slack < a.Tax.Minor || b.Goods.Minor < a.Goods.Minor {
			t.Fatalf("%v %v %v became %v %v %v", a.Duty, a.Tax, a.Total, b.Duty, b.Tax, b.Total)
		}
	})
}

// charged is what a quote charges for: measures, rows and rates.
func charged(q *landed.Quote) string {
	var b strings.Builder
	for _, h := range q.Charges {
		fmt.Fprint(&b, h.Line, h.Code, h.Rule, h.Rate, h.When, " ")
	}
	return b.String()
}

// Declaring one kind of goods as two never lowers what is owed for the consignment, but for the half unit by
// which each further measure is rounded: goods alike are counted once by the EU, and two kinds twice.
func TestDeclaringMoreKindsOfGoodsSavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		switch r.Destination.Country {
		case "JP", "ID", "CH", "KR", "TW":
			t.Skip("rounds to steps larger than the unit")
		}
		r.PricesIncludeTax, r.Flags.FreightByWeight, r.Lines = false, false, r.Lines[:1]
		l := &r.Lines[0]
		l.Quantity = max(l.Quantity, 2)
		a := quote(t, r)
		part := *l
		part.Quantity = rapid.Int64Range(1, l.Quantity-1).Draw(t, "part")
		part.WeightGrams = l.WeightGrams * part.Quantity / l.Quantity
		l.Quantity -= part.Quantity
		l.WeightGrams -= part.WeightGrams
		if (part.WeightGrams == 0) != (l.WeightGrams == 0) {
			t.Skip("a part without weight")
		}
		part.Description = "other goods"
		r.Lines = append(r.Lines, part)
		b := quote(t, r)
		if owed, before := b.Duty.Minor+b.Tax.Minor+b.Fees.Minor, a.Duty.Minor+a.Tax.Minor+a.Fees.Minor; owed < before-int64(len(b.Charges)+2) {
			t.Fatalf("%v %v %v became %v %v %v", a.Duty, a.Tax, a.Fees, b.Duty, b.Tax, b.Fees)
		}
	})
}

// One consignment is one request: what two parcels of it would owe as two consignments is no way to owe less
// where the whole stays under every threshold, since no threshold is left to slip under.
func TestSplittingBelowThresholdsSavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom([]lane{{"DE", "", "EUR", "IOSS"}, {"FR", "", "EUR", "IOSS"}, {"GB", "", "GBP", "GB_VAT"}, {"AU", "", "AUD", "AU_GST"}, {"US", "CA", "USD", "US_CA"}}).Draw(t, "lane")
		parcel := func(pieces int64) landed.Quote {
			r := one(l.country, l.region, "6109100010", "CN", money.Of(7_50, l.cur), registered(l.seller))
			r.Lines[0].Quantity, r.Shipping = pieces, money.Of(50*pieces, l.cur)
			return quote(t, r)
		}
		a, b := rapid.Int64Range(1, 9).Draw(t, "in one"), rapid.Int64Range(1, 9).Draw(t, "in the other")
		whole, one, other := parcel(a+b), parcel(a), parcel(b)
		if sum := one.Total.Minor + other.Total.Minor; sum < whole.Total.Minor-int64(len(whole.Charges)+1) {
			t.Fatalf("%v whole, %v and %v in two", whole.Total, one.Total, other.Total)
		}
	})
}

// Quotes asked for at the same time don't disturb each other.
func TestQuotesAtTheSameTime(t *testing.T) {
	var wait sync.WaitGroup
	for _, m := range []struct {
		country string
		cur     money.Currency
	}{{"DE", "EUR"}, {"US", "USD"}, {"GB", "GBP"}, {"ID", "IDR"}, {"MY", "MYR"}} {
		alone, err := landed.Default().Quote(cart(m.country, m.cur))
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			wait.Go(func() {
				r := cart(m.country, m.cur)
				for range 50 {
					if q, err := landed.Default().Quote(r); err != nil || q.Total != alone.Total || len(q.Charges) != len(alone.Charges) {
						t.Errorf("%s: %v (%v), alone %v", m.country, q.Total, err, alone.Total)
						return
					}
				}
			})
		}
	}
	wait.Wait()
}
