package landed_test

import (
	"testing"
	"time"

	"portolan/internal/landed"
	"portolan/internal/money"
)

func one(country, region, hs, origin string, price money.Amount, change ...func(*landed.Request)) *landed.Request {
	r := &landed.Request{
		Date: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), ShipFrom: "CN", Destination: landed.Place{Country: country, Region: region}, Currency: price.Currency,
		Lines: []landed.Line{{HS: hs, Origin: origin, Description: "goods", Quantity: 1, UnitPrice: price}}, FX: rates(),
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func on(day string) func(*landed.Request) {
	return func(r *landed.Request) { r.Date, _ = time.Parse(time.DateOnly, day) }
}
func from(c string) func(*landed.Request) { return func(r *landed.Request) { r.ShipFrom = c } }
func by(c landed.Channel) func(*landed.Request) {
	return func(r *landed.Request) { r.Channel = c }
}
func registered(s ...string) func(*landed.Request) {
	return func(r *landed.Request) { r.Registrations = s }
}
func shipping(minor int64) func(*landed.Request) {
	return func(r *landed.Request) { r.Shipping = money.Of(minor, r.Lines[0].UnitPrice.Currency) }
}
func inUSD(r *landed.Request) { r.Currency = "USD" }

// At a threshold the whole value falls under the other rule, one unit below it none of it does.
func TestCliffs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		r     *landed.Request
		price int64    // the threshold, in minor units
		duty  [3]int64 // one unit below, at, one unit above
		tax   [3]int64
	}{
		{"EU relief until June 2026", one("DE", "", "610910", "CN", money.Of(0, "EUR"), on("2026-06-30"), registered("IOSS")), 150_00, [3]int64{0, 0, 18_00}, [3]int64{28_50, 28_50, 31_92}},
		{"EU flat duty", one("DE", "", "610910", "CN", money.Of(0, "EUR"), registered("IOSS")), 150_00, [3]int64{3_00, 3_00, 18_00}, [3]int64{29_07, 29_07, 31_92}},
		{"EU postal flat duty", one("DE", "", "610910", "CN", money.Of(0, "EUR"), by(landed.Postal)), 150_00, [3]int64{3_00, 3_00, 18_00}, [3]int64{29_07, 29_07, 31_92}},
		{"GB", one("GB", "", "610910", "CN", money.Of(0, "GBP"), registered("GB_VAT")), 135_00, [3]int64{0, 0, 16_20}, [3]int64{27_00, 27_00, 30_24}},
		{"US until August 2025", one("US", "", "610910", "GB", money.Of(0, "USD"), on("2025-05-01")), 800_00, [3]int64{0, 0, 0}, [3]int64{}},
		{"CA duty by courier from the US", one("CA", "ON", "610910", "CN", money.Of(0, "CAD"), from("US")), 150_00, [3]int64{0, 0, 27_00}, [3]int64{19_50, 19_50, 23_01}},
		{"CA tax by courier from the US", one("CA", "ON", "610910", "CN", money.Of(0, "CAD"), from("US")), 40_00, [3]int64{}, [3]int64{0, 0, 5_20}},
		{"CA from elsewhere", one("CA", "ON", "610910", "CN", money.Of(0, "CAD")), 20_00, [3]int64{0, 0, 3_60}, [3]int64{0, 0, 3_07}},
		{"AU", one("AU", "", "610910", "CN", money.Of(0, "AUD")), 1000_00, [3]int64{0, 0, 50_00}, [3]int64{0, 0, 105_00}},
		{"AU registered", one("AU", "", "610910", "CN", money.Of(0, "AUD"), registered("AU_GST")), 1000_00, [3]int64{0, 0, 50_00}, [3]int64{100_00, 100_00, 105_00}},
		{"NZ", one("NZ", "", "610910", "CN", money.Of(0, "NZD")), 1000_00, [3]int64{0, 0, 100_00}, [3]int64{0, 0, 165_00}},
		{"SG, cost with freight", one("SG", "", "610910", "CN", money.Of(0, "SGD"), shipping(20_00)), 380_00, [3]int64{}, [3]int64{0, 0, 36_00}},
		{"SG registered, the item's price", one("SG", "", "610910", "CN", money.Of(0, "SGD"), registered("SG_OVR"), shipping(20_00)), 400_00, [3]int64{}, [3]int64{37_80, 37_80, 37_80}},
		{"MY, cost with freight", one("MY", "", "610910", "CN", money.Of(0, "MYR"), shipping(20_00)), 480_00, [3]int64{0, 0, 100_00}, [3]int64{0, 0, 60_00}},
		{"MY registered, tax without freight", one("MY", "", "610910", "CN", money.Of(0, "MYR"), registered("MY_LVG")), 500_00, [3]int64{0, 0, 100_00}, [3]int64{50_00, 50_00, 60_00}},
		{"JP, 60 % of the price", one("JP", "", "620442", "CN", money.Of(0, "JPY")), 16666, [3]int64{0, 0, 1000}, [3]int64{0, 0, 1000}},
		{"KR from elsewhere", one("KR", "", "610910", "CN", money.Of(0, "USD")), 150_00, [3]int64{0, 0, 19_50}, [3]int64{0, 0, 16_94}},
		{"KR from the US", one("KR", "", "610910", "CN", money.Of(0, "USD"), from("US")), 200_00, [3]int64{0, 0, 26_00}, [3]int64{0, 0, 22_60}},
		{"TW", one("TW", "", "610910", "CN", money.Of(0, "TWD")), 2000_00, [3]int64{0, 0, 240_00}, [3]int64{0, 0, 112_00}},
		{"NO, an item below 3000", one("NO", "", "610910", "CN", money.Of(0, "NOK"), registered("VOEC")), 3000_00, [3]int64{0, 321_00, 321_00}, [3]int64{750_00, 830_25, 830_25}},
		{"IL tax", one("IL", "", "610910", "CN", money.Of(0, "USD")), 130_00, [3]int64{}, [3]int64{0, 0, 23_40}},
		{"CH small tax", one("CH", "", "610910", "CN", money.Of(0, "CHF")), 61_73, [3]int64{}, [3]int64{0, 0, 5_00}},
		{"MX nothing", one("MX", "", "950300", "CN", money.Of(0, "USD"), from("US")), 50_00, [3]int64{0, 0, 8_50}, [3]int64{}},
		{"MX two rates", one("MX", "", "950300", "CN", money.Of(0, "USD"), from("US")), 117_00, [3]int64{19_89, 19_89, 22_23}, [3]int64{}},
		{"ID", one("ID", "", "610910", "CN", money.Of(0, "USD"), inUSD), 3_00, [3]int64{0, 0, 79}, [3]int64{36, 36, 42 + 24}},
		{"ZA", one("ZA", "", "610910", "CN", money.Of(0, "ZAR")), 500_00, [3]int64{100_00, 100_00, 225_00}, [3]int64{90_00, 90_00, 108_75}},
		{"CL registered", one("CL", "", "610910", "CN", money.Of(0, "USD"), registered("CL_VAT")), 500_00, [3]int64{0, 0, 30_00}, [3]int64{95_00, 95_00, 100_70}},
		{"PH", one("PH", "", "610910", "CN", money.Of(0, "PHP")), 10000_00, [3]int64{0, 0, 1500_00}, [3]int64{0, 0, 1380_00}},
		{"BR doesn't jump", one("BR", "SP", "610910", "CN", money.Of(0, "USD"), registered("REMESSA_CONFORME")), 50_00, [3]int64{0, 0, 1}, [3]int64{10_24, 10_24, 10_25}},
		{"BR did not jump before", one("BR", "SP", "610910", "CN", money.Of(0, "USD"), registered("REMESSA_CONFORME"), on("2025-07-24")), 50_00, [3]int64{10_00, 10_00, 10_01}, [3]int64{12_29, 12_29, 12_29}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, d := range []int64{-1, 0, 1} {
				tt.r.Lines[0].UnitPrice.Minor = tt.price + d
				q, err := landed.Default().Quote(tt.r)
				if err != nil {
					t.Fatal(err)
				}
				if q.Duty.Minor != tt.duty[i] || q.Tax.Minor != tt.tax[i] {
					t.Errorf("%+d: duty %d tax %d, want %d and %d (%+v)", d, q.Duty.Minor, q.Tax.Minor, tt.duty[i], tt.tax[i], q.Reviews)
				}
			}
		})
	}
}

// A consignment with excise goods can't go under IOSS: a courier declares all of it at the tariff, the post at
// the flat duty for what isn't excise goods.
func TestExciseGoodsTakeTheConsignmentOutOfIOSS(t *testing.T) {
	for _, tt := range []struct {
		name    string
		channel landed.Channel
		shirt   int64 // duty on it
	}{{"courier", landed.Courier, 4_80}, {"post", landed.Postal, 3_00}} {
		r := one("DE", "", "610910", "CN", money.Of(40_00, "EUR"), registered("IOSS"), by(tt.channel))
		r.Incoterm = landed.DAP
		r.Lines = append(r.Lines, landed.Line{HS: "220421", Origin: "CN", Description: "wine", Quantity: 1, UnitPrice: money.Of(20_00, "EUR")})
		q, err := landed.Default().Quote(r)
		if err != nil || q.Lines[0].Duty.Minor != tt.shirt || !q.AtCheckout.IsZero() {
			t.Errorf("%s: duty %v, at checkout %v (%v), want %d and nothing", tt.name, q.Lines[0].Duty, q.AtCheckout, err, tt.shirt)
		}
	}
}

// Australia's scheme leaves out excise goods alone: what goes with them is taxed at sale.
func TestExciseGoodsInAustralia(t *testing.T) {
	r := one("AU", "", "610910", "CN", money.Of(40_00, "AUD"), registered("AU_GST"))
	r.Incoterm = landed.DAP
	r.Lines = append(r.Lines, landed.Line{HS: "220421", Origin: "CN", Description: "wine", Quantity: 1, UnitPrice: money.Of(20_00, "AUD")})
	q, err := landed.Default().Quote(r)
	if err != nil || q.AtCheckout.Minor != 4_00 || q.Lines[0].Duty.Minor != 0 || q.Lines[1].Tax.Minor == 0 {
		t.Errorf("%+v (%v)", q, err)
	}
}
