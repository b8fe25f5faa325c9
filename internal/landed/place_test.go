package landed_test

import (
	"testing"

	"portolan/internal/landed"
	"portolan/internal/money"
)

// Special territories are known by code, region or postcode; each lies inside or outside two borders.
func TestTerritories(t *testing.T) {
	for _, tt := range []struct {
		name      string
		from      string
		to        landed.Place
		duty, tax int64
	}{
		{"Union to Germany", "NL", landed.Place{Country: "DE"}, 0, 19_00},
		{"Union to Monaco", "ES", landed.Place{Country: "MC"}, 0, 20_00},
		{"Union to Madeira", "ES", landed.Place{Country: "PT", Postcode: "9000-123"}, 0, 22_00},
		{"Union to the Canary Islands: no duty, tax at the border", "ES", landed.Place{Country: "ES", Postcode: "35001"}, 0, 7_00},
		{"China to the Canary Islands", "CN", landed.Place{Country: "ES", Region: "IC"}, 12_00, 7_84},
		{"China to Madeira under IOSS", "CN", landed.Place{Country: "PT", Postcode: "9000"}, 3_00, 22_66},
		{"China to Reunion: no IOSS", "CN", landed.Place{Country: "RE"}, 12_00, 9_52},
		{"China to Northern Ireland", "CN", landed.Place{Country: "GB", Postcode: "BT1 1AA"}, 3_00, 20_60},
		{"Britain to Northern Ireland", "GB", landed.Place{Country: "GB", Region: "NIR"}, 0, 20_00},
		{"Switzerland to Liechtenstein", "CH", landed.Place{Country: "LI"}, 0, 8_10},
		{"Germany to Canada by postcode", "DE", landed.Place{Country: "CA", Postcode: "K1A 0B1"}, 18_00, 15_34},
	} {
		r := one(tt.to.Country, "", "610910", "CN", money.Of(100_00, "EUR"), from(tt.from), registered("IOSS"))
		r.Destination = tt.to
		q, err := landed.Default().Quote(r)
		if err != nil || q.Duty.Minor != tt.duty || q.Tax.Minor != tt.tax {
			t.Errorf("%s: duty %v tax %v (%v), want %d and %d; %+v", tt.name, q.Duty, q.Tax, err, tt.duty, tt.tax, q.Charges)
		}
	}
}

// Sales tax is charged with nexus only, on shipping where the state taxes it, and not on cheap clothes in New York.
func TestSalesTax(t *testing.T) {
	for _, tt := range []struct {
		name, state, category string
		price                 int64
		inclusive             bool
		seller                []string
		goods, tax            int64
	}{
		{"no nexus", "TX", "general", 100_00, false, nil, 100_00, 0},
		{"nexus elsewhere", "TX", "general", 100_00, false, []string{"US_CA"}, 100_00, 0},
		{"shipping taxed", "TX", "general", 100_00, false, []string{"US_TX"}, 100_00, 6_88},
		{"shipping exempt", "CA", "general", 100_00, false, []string{"US-CA"}, 100_00, 7_25},
		{"shipping exempt, prices with tax", "CA", "general", 107_25, true, []string{"US_CA"}, 100_00, 7_25},
		{"cheap clothes", "NY", "clothing", 109_99, false, []string{"US_NY"}, 109_99, 0},
		{"dear clothes", "NY", "clothing", 110_00, false, []string{"US_NY"}, 110_00, 4_80},
		{"Oregon", "OR", "general", 100_00, false, []string{"US_OR"}, 100_00, 0},
	} {
		r := one("US", tt.state, "490199", "US", money.Of(tt.price, "USD"), from("US"), shipping(10_00), registered(tt.seller...))
		r.Lines[0].Category, r.PricesIncludeTax = tt.category, tt.inclusive
		q, err := landed.Default().Quote(r)
		if err != nil || q.Goods.Minor != tt.goods || q.Tax.Minor != tt.tax || q.Shipping.Minor != 10_00 || q.Duty.Minor != 0 {
			t.Errorf("%s: goods %v shipping %v tax %v (%v), want %d and %d", tt.name, q.Goods, q.Shipping, q.Tax, err, tt.goods, tt.tax)
		}
	}
}
