package landed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/landed"
	"portolan/internal/money"
)

// Every tax that a seller takes at sale says what it is accounted for under; what the border asks for doesn't.
func TestSchemeOfCharges(t *testing.T) {
	registered := []string{"IOSS", "GB_VAT", "VOEC", "US_CA", "MY_LVG"}
	for _, tt := range []struct {
		name, from, to, region string
		cur                    money.Currency
		price                  int64
		marketplace            bool
		want                   string
	}{
		{"low value into the Union", "CN", "DE", "", "EUR", 150_00, false, "IOSS"},
		{"above it", "CN", "DE", "", "EUR", 150_01, false, ""},
		{"Canary Islands", "CN", "ES", "IC", "EUR", 50_00, false, ""},
		{"Gran Canaria", "CN", "ES", "ES-GC", "EUR", 50_00, false, ""},
		{"between members", "NL", "DE", "", "EUR", 900_00, false, landed.UnionSale},
		{"to Northern Ireland", "NL", "GB", "NIR", "GBP", 90_00, false, landed.UnionSale},
		{"inside a member", "DE", "DE", "", "EUR", 900_00, false, landed.Domestic},
		{"Monaco is France", "MC", "FR", "", "EUR", 900_00, false, landed.Domestic},
		{"into Britain", "CN", "GB", "", "GBP", 100_00, false, "GB_VAT"},
		{"inside Britain", "GB", "GB", "", "GBP", 900_00, false, landed.Domestic},
		{"Norway", "CN", "NO", "", "NOK", 900_00, false, "NO_VOEC"},
		{"Malaysia", "CN", "MY", "", "MYR", 90_00, false, "MY_LVG"},
		{"a state with nexus", "CN", "US", "CA", "USD", 90_00, false, "US_CA"},
		{"on a marketplace", "CN", "DE", "", "EUR", 90_00, true, landed.ByMarketplace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, err := landed.Default().Quote(&landed.Request{
				Date: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), ShipFrom: tt.from, Destination: landed.Place{Country: tt.to, Region: tt.region},
				Currency: tt.cur, Registrations: registered, Marketplace: tt.marketplace,
				Lines: []landed.Line{{HS: "6109100010", Origin: "CN", Quantity: 1, UnitPrice: money.Of(tt.price, tt.cur)}},
				FX: []landed.FX{{From: "EUR", To: "GBP", Rate: money.MustRate("0.87")}, {From: "EUR", To: "NOK", Rate: money.MustRate("11.8")},
					{From: "EUR", To: "MYR", Rate: money.MustRate("4.8")}, {From: "EUR", To: "USD", Rate: money.MustRate("1.16")}},
			})
			require.NoError(t, err)
			taxes := 0
			for _, c := range q.Charges {
				if c.Kind == landed.Tax {
					taxes++
					require.Equal(t, tt.want, c.Scheme, "%+v", c)
				} else {
					require.Empty(t, c.Scheme)
				}
			}
			require.NotZero(t, taxes+len(q.Reviews))
		})
	}
}

// What the region says is read however it is written, and what can't be read is said.
func TestRegionsAsPeopleWriteThem(t *testing.T) {
	quote := func(country, region, postcode string, registered ...string) landed.Quote {
		cur := map[string]money.Currency{"CA": "CAD", "BR": "BRL", "GB": "GBP"}[country]
		if cur == "" {
			cur = "EUR"
		}
		q, err := landed.Default().Quote(&landed.Request{Date: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), ShipFrom: "CN",
			Destination: landed.Place{Country: country, Region: region, Postcode: postcode}, Currency: cur, Registrations: registered,
			Lines: []landed.Line{{HS: "6109100010", Origin: "CN", Quantity: 1, UnitPrice: money.Of(100_00, cur)}},
			FX:    []landed.FX{{From: "USD", To: "BRL", Rate: money.MustRate("5.4")}, {From: "EUR", To: "GBP", Rate: money.MustRate("0.87")}}})
		require.NoError(t, err, "%s %s", country, region)
		return q
	}
	says := func(q landed.Quote, code string) bool {
		for _, r := range q.Reviews {
			if r.Code == code {
				return true
			}
		}
		return false
	}
	require.Equal(t, quote("CA", "ON", "").Tax, quote("CA", "on", "").Tax)
	require.Equal(t, quote("CA", "ON", "").Tax, quote("CA", "ca-on", "").Tax)
	require.Equal(t, quote("CA", "ON", "").Tax, quote("CA", "M5H 2N2", "").Tax, "a postcode in the wrong place")
	for _, unknown := range []string{"XX", "Ontario?", "ZZ"} {
		require.True(t, says(quote("CA", unknown, ""), "region_unresolved"), unknown)
		require.True(t, says(quote("BR", unknown, ""), "region_unresolved"), unknown)
	}
	require.False(t, says(quote("BR", "sp", ""), "region_unresolved"))
	reunion, inPlace := quote("FR", "97400", "", "IOSS"), quote("FR", "", "97400", "IOSS")
	require.Equal(t, inPlace.Tax, reunion.Tax)
	require.True(t, says(reunion, "local_sales_tax_not_included"))
	require.Equal(t, "IOSS", quote("FR", "IDF", "75001", "IOSS").Charges[1].Scheme)
	require.Equal(t, quote("GB", "NIR", "").Duty, quote("GB", "BT1 1AA", "").Duty)
}
