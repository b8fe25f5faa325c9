package tax_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
)

var words = []string{"IOSS", "GB_VAT", "VOEC", "CH_VAT", "AU_GST", "NZ_GST", "SG_OVR", "MY_LVG", "US_CA"}

// Under which scheme an order's tax was collected.
func TestScheme(t *testing.T) {
	for _, tt := range []struct {
		name  string
		to    lane
		from  string
		price int64
		pcs   int64
		words []string
		want  string
	}{
		{"IOSS up to 150", lane{"DE", "", "EUR"}, "CN", 150_00, 1, words, "IOSS"},
		{"a cent above", lane{"DE", "", "EUR"}, "CN", 150_01, 1, words, tax.Import},
		{"without a number", lane{"DE", "", "EUR"}, "CN", 50_00, 1, nil, tax.Import},
		{"between members", lane{"DE", "", "EUR"}, "NL", 250_00, 1, nil, "OSS"},
		{"inside one member", lane{"DE", "", "EUR"}, "DE", 250_00, 1, nil, "DE_VAT"},
		{"Britain up to 135", lane{"GB", "", "GBP"}, "CN", 135_00, 1, words, "GB_VAT"},
		{"Britain above", lane{"GB", "", "GBP"}, "CN", 135_01, 1, words, tax.Import},
		{"inside Britain", lane{"GB", "", "GBP"}, "GB", 900_00, 1, words, "GB_VAT"},
		{"Northern Ireland", lane{"GB", "NIR", "GBP"}, "CN", 100_00, 1, words, "IOSS"},
		{"Norway below 3000 a piece", lane{"NO", "", "NOK"}, "CN", 2999_99, 2, words, "VOEC"},
		{"Norway at 3000", lane{"NO", "", "NOK"}, "CN", 3000_00, 1, words, tax.Import},
		{"Switzerland, registered", lane{"CH", "", "CHF"}, "CN", 400_00, 1, words, "CH_VAT"},
		{"Australia", lane{"AU", "", "AUD"}, "CN", 1000_00, 1, words, "AU_GST"},
		{"Australia above", lane{"AU", "", "AUD"}, "CN", 1000_01, 1, words, tax.Import},
		{"New Zealand by piece", lane{"NZ", "", "NZD"}, "CN", 1000_00, 2, words, "NZ_GST"},
		{"Singapore", lane{"SG", "", "SGD"}, "CN", 300_00, 2, words, "SG_GST"},
		{"Malaysia", lane{"MY", "", "MYR"}, "CN", 500_00, 2, words, "MY_LVG"},
		{"California", lane{"US", "CA", "USD"}, "CN", 90_00, 2, words, "US_CA"},
		{"Texas without nexus", lane{"US", "TX", "USD"}, "CN", 90_00, 2, words, tax.Untaxed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dbtest.Open(t, t.TempDir()+"/x.db", db.Manual(dbtest.Start), schemas)
			s, _, _ := books(d)
			write(t, d, func(tx *db.Tx) error {
				o := sold(t, "ord_1", basket(tt.to, tt.from, tt.price, tt.pcs, tt.words...), dbtest.Start)
				_, err := s.RecordSale(tx, o)
				require.NoError(t, err)
				all, err := tax.OfOrder(tx, o.ID)
				require.Len(t, all, 1)
				require.Equal(t, tt.want, all[0].Parts[0].Scheme, "%+v", o.Charges)
				require.Empty(t, all[0].Doubt)
				require.Equal(t, o.Tax, all[0].Tax)
				return err
			})
		})
	}
}

// The same news again changes nothing, whatever the order it comes in; a cancelled order leaves nothing.
func TestEvents(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, orders, q := books(d)
		o := sold(t, "ord_1", basket(lane{"DE", "", "EUR"}, "CN", 40_00, 2, words...), dbtest.Start)
		write(t, d, func(tx *db.Tx) error {
			_, _, err := orders.Place(tx, o)
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		write(t, d, func(tx *db.Tx) error {
			fresh, err := s.RecordSale(tx, o)
			require.False(t, fresh)
			require.NoError(t, err)
			_, err = orders.Cancel(tx, o.ID, "changed_mind")
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		write(t, d, func(tx *db.Tx) error {
			all, err := tax.OfOrder(tx, o.ID)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, tax.Cancellation, all[1].Kind)
			require.Equal(t, all[0].Tax.Neg(), all[1].Tax)
			require.Equal(t, all[0].Parts[0].Base.Neg(), all[1].Parts[0].Base)
			r, err := s.Return(tx, "IOSS", "2026-11")
			require.NoError(t, err)
			require.Equal(t, money.Of(0, "EUR"), r.Due)
			_, err = s.RecordRefund(tx, tax.Reversal{Ref: "r1", Order: o.ID, Amount: money.Of(1, "EUR")})
			require.ErrorIs(t, err, tax.ErrRefund)
			_, err = s.RecordRefund(tx, tax.Reversal{Ref: "r1", Order: "ord_none", Amount: money.Of(1, "EUR")})
			require.ErrorIs(t, err, tax.ErrNoSale)
			return nil
		})
	})
}

func TestRefundReference(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		o := sold(t, "ord_1", basket(lane{"DE", "", "EUR"}, "CN", 40_00, 2, words...), dbtest.Start)
		write(t, d, func(tx *db.Tx) error {
			_, err := s.RecordSale(tx, o)
			require.NoError(t, err)
			r := tax.Reversal{Ref: "r1", Order: o.ID, Amount: money.Of(10_00, "EUR")}
			fresh, err := s.RecordRefund(tx, r)
			require.True(t, fresh)
			require.NoError(t, err)
			fresh, err = s.RecordRefund(tx, r)
			require.False(t, fresh)
			require.NoError(t, err)
			r.Amount.Minor++
			_, err = s.RecordRefund(tx, r)
			require.ErrorIs(t, err, tax.ErrReused)
			for _, bad := range []tax.Reversal{
				{Ref: "", Order: o.ID, Amount: money.Of(1, "EUR")}, {Ref: "r2", Order: o.ID, Amount: money.Of(0, "EUR")},
				{Ref: "r2", Order: o.ID, Amount: money.Of(-1, "EUR")}, {Ref: "r2", Order: o.ID, Amount: money.Of(1, "USD")},
				{Ref: "r2", Order: o.ID, Amount: o.Total}, {Ref: "r2", Order: o.ID, Amount: money.Of(1, "EUR"), At: dbtest.Start.Add(-time.Second)},
				{Ref: "r2", Order: o.ID, Amount: money.Of(1, "EUR"), At: dbtest.Start.Add(time.Hour)},
			} {
				_, err = s.RecordRefund(tx, bad)
				require.ErrorIs(t, err, tax.ErrRefund, "%+v", bad)
			}
			return nil
		})
	})
}

var destinations = []lane{
	{"DE", "", "EUR"}, {"FR", "", "EUR"}, {"IT", "", "EUR"}, {"ES", "", "EUR"}, {"NL", "", "EUR"}, {"BE", "", "EUR"}, {"AT", "", "EUR"}, {"PL", "", "PLN"},
	{"SE", "", "SEK"}, {"DK", "", "DKK"}, {"CZ", "", "CZK"}, {"IE", "", "EUR"}, {"PT", "", "EUR"}, {"GR", "", "EUR"}, {"GB", "", "GBP"}, {"NO", "", "NOK"},
	{"CH", "", "CHF"}, {"AU", "", "AUD"}, {"NZ", "", "NZD"}, {"SG", "", "SGD"}, {"MY", "", "MYR"}, {"US", "CA", "USD"}, {"CA", "QC", "CAD"}, {"BR", "SP", "BRL"},
	{"JP", "", "JPY"},
}

// The returns of all schemes and periods say what 400 random orders said, to the minor unit; what is given back
// of each is taken off exactly, and once everything is given back nothing is left.
func TestReturnsTieToOrders(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		d.Clock().Advance(100 * 24 * time.Hour)
		s, _, _ := books(d)
		dice := rand.New(rand.NewPCG(3, 2026))
		var orders []order.Order
		var atSale []money.Amount
		for i := range 400 {
			r, at := random(dice, i)
			orders = append(orders, sold(t, fmt.Sprintf("ord_%03d", i), r, at))
			r.Incoterm = landed.DAP // then the checkout collects nothing for the border
			atSale = append(atSale, sold(t, "", r, at).Tax)
		}
		want := map[money.Currency]int64{}
		write(t, d, func(tx *db.Tx) error {
			for i, o := range orders {
				fresh, err := s.RecordSale(tx, o)
				require.NoError(t, err)
				require.True(t, fresh)
				want[o.Currency] += o.Tax.Minor
				all, err := tax.OfOrder(tx, o.ID)
				require.NoError(t, err)
				filed := money.Of(0, o.Currency)
				for _, p := range all[0].Parts {
					if p.Scheme != tax.Import {
						filed = filed.Add(p.Tax)
					}
				}
				require.Empty(t, all[0].Doubt)
				require.Equal(t, atSale[i], filed, "%s: tax at sale of %+v", o.ID, all[0])
			}
			return nil
		})
		check := func(of string) {
			t.Helper()
			got, bases := filed(t, d, s)
			for cur, minor := range want {
				require.Equal(t, minor, got[cur], "%s: tax in %s", of, cur)
			}
			if of == "all given back" {
				for cur, minor := range bases {
					require.Zero(t, minor, "base in %s", cur)
				}
			}
		}
		check("sales")
		back := func(name string, amount func(o order.Order) int64) {
			write(t, d, func(tx *db.Tx) error {
				for i, o := range orders {
					n := amount(o)
					if n == 0 {
						continue
					}
					at := o.PaidAt.Add(time.Duration(dice.IntN(60*24)) * time.Hour)
					_, err := s.RecordRefund(tx, tax.Reversal{Ref: fmt.Sprint(name, i), Order: o.ID, Amount: money.Of(n, o.Currency), At: at})
					require.NoError(t, err)
					all, err := tax.OfOrder(tx, o.ID)
					require.NoError(t, err)
					want[o.Currency] += consistent(t, o, all, name+fmt.Sprint(i), n)
				}
				return nil
			})
		}
		given := map[order.ID]int64{}
		back("part", func(o order.Order) int64 {
			given[o.ID] = 1 + dice.Int64N(max(1, o.Total.Minor-1))
			return given[o.ID]
		})
		check("part given back")
		back("rest", func(o order.Order) int64 { return o.Total.Minor - given[o.ID] })
		check("all given back")
		for cur, minor := range want {
			require.Zero(t, minor, "tax left in %s", cur)
		}
	})
}

// consistent checks the latest refund against its order and returns its tax.
func consistent(t *testing.T, o order.Order, all []tax.Entry, ref string, amount int64) int64 {
	t.Helper()
	var e tax.Entry
	for _, v := range all[1:] {
		if -(v.Net.Minor + v.Duty.Minor + v.Tax.Minor + v.Fees.Minor) == amount {
			e = v
		}
	}
	require.NotEmpty(t, e.ID, ref)
	var left, parts int64
	for _, v := range all {
		left += v.Tax.Minor
	}
	for _, p := range e.Parts {
		require.LessOrEqual(t, p.Tax.Minor, int64(0), ref)
		parts += p.Tax.Minor
	}
	require.Equal(t, e.Tax.Minor, parts, ref)
	require.GreaterOrEqual(t, left, int64(0), ref)
	return e.Tax.Minor
}

// random is what somebody buys, and when.
func random(dice *rand.Rand, i int) (landed.Request, time.Time) {
	l := destinations[i%len(destinations)]
	scale := int64(1)
	if l.cur == "JPY" || l.cur == "NOK" || l.cur == "CZK" || l.cur == "SEK" {
		scale = 10
	}
	r := landed.Request{ShipFrom: []string{"CN", "CN", "NL", "GB"}[dice.IntN(4)], Destination: landed.Place{Country: l.country, Region: l.region}, Currency: l.cur,
		FX: exchange(), Registrations: words, PricesIncludeTax: dice.IntN(2) == 0 && l.country != "US",
		Incoterm: []landed.Incoterm{landed.DDP, landed.DAP}[dice.IntN(2)], Channel: []landed.Channel{landed.Courier, landed.Postal}[dice.IntN(2)],
		Shipping: money.Of(scale*dice.Int64N(30_00), l.cur)}
	for range 1 + dice.IntN(5) {
		price := scale * (1 + dice.Int64N(120_00))
		if dice.IntN(6) == 0 {
			price *= 10
		}
		r.Lines = append(r.Lines, landed.Line{Description: "goods", HS: []string{"610910", "620442", "640411", "490199", "330499"}[dice.IntN(5)], Origin: "CN",
			Quantity: 1 + dice.Int64N(3), UnitPrice: money.Of(price, l.cur),
			Category: []string{"general", "clothing", "childrens_clothing", "books"}[dice.IntN(4)]})
	}
	if dice.IntN(3) == 0 {
		r.Discount = money.Of(r.Lines[0].UnitPrice.Minor/3, l.cur)
	}
	return r, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(dice.IntN(91*24*60)) * time.Minute)
}

// filed adds up the returns of every scheme and period, and checks each one's own sums.
func filed(t *testing.T, d *db.DB, s *tax.Service) (taxes, bases map[money.Currency]int64) {
	t.Helper()
	taxes, bases = map[money.Currency]int64{}, map[money.Currency]int64{}
	dbtest.Read(t, d, func(tx *db.Tx) error {
		schemes, err := s.Filed(tx, "2026-01-01", "2027-12-31")
		require.NoError(t, err)
		require.NotContains(t, schemes, tax.Unstated)
		require.Subset(t, schemes, []string{"IOSS", "OSS", "GB_VAT", "VOEC", "CH_VAT", "AU_GST", "NZ_GST", "SG_GST", "MY_LVG", "US_CA", tax.Import, tax.Untaxed})
		for _, scheme := range schemes {
			kind := tax.Month
			for _, c := range tax.Schemes() {
				if c.Code == scheme {
					kind = c.Periods[0]
				}
			}
			seen := map[tax.Period]bool{}
			for day := time.Date(2026, 9, 30, 0, 0, 0, 0, time.UTC); day.Year() < 2028; day = day.AddDate(0, 0, 20) {
				p := tax.PeriodOf(kind, day.Format(time.DateOnly))
				if seen[p] {
					continue
				}
				seen[p] = true
				r, err := s.Return(tx, scheme, p)
				require.NoError(t, err)
				own := map[money.Currency]int64{}
				due := money.Of(0, r.Currency)
				for _, w := range r.Rows {
					own[w.Original.Tax.Currency] += w.Original.Tax.Minor
					due = due.Add(w.Tax)
				}
				for _, c := range r.Corrections {
					own[c.Original.Tax.Currency] += c.Original.Tax.Minor
					due = due.Add(c.Tax)
					require.Less(t, c.Period, p)
				}
				require.Equal(t, due, r.Due)
				for _, sum := range r.Totals {
					require.Equal(t, own[sum.Tax.Currency], sum.Tax.Minor)
					taxes[sum.Tax.Currency] += sum.Tax.Minor
					bases[sum.Net.Currency] += sum.Net.Minor
				}
			}
		}
		return nil
	})
	return taxes, bases
}
