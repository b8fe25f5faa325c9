package tax_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/settings"
	"portolan/internal/tax"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

// An IOSS return: the day ends at the authority's midnight, the rate is that of the last day or the next one
// published (31 October was a Saturday), a refund in the same month lowers the row, a later one corrects the
// month it was sold in at that month's rate.
func TestIOSSReturn(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		d.Clock().Advance(30 * 24 * time.Hour)
		rates := bank{closed: map[string]bool{"2026-10-31": true, "2026-11-01": true}, sek: map[string]string{"2026-10-30": "10.00", "2026-11-02": "10.50", "2026-11-30": "11.50"}}
		s := tax.New(tax.Parts{DB: d, Bus: events.New(jobs.New(d)), Rates: rates, Places: stores{}, Versions: settings.Watch(d), Bump: settings.Bump})
		sell := func(tx *db.Tx, id string, l lane, price int64, at string) order.Order {
			o := sold(t, id, basket(l, "CN", price, 1, "IOSS"), moment(at))
			_, err := s.RecordSale(tx, o)
			require.NoError(t, err)
			return o
		}
		write(t, d, func(tx *db.Tx) error {
			_, err := s.Register(tx, tax.Registration{Word: "ioss", Number: "IM 276 000 0001", ValidFrom: "2026-01-01"})
			require.NoError(t, err)
			de, se := lane{"DE", "", "EUR"}, lane{"SE", "", "SEK"}
			sell(tx, "ord_1", de, 100_00, "2026-10-05T09:00:00Z")
			sell(tx, "ord_2", de, 50_00, "2026-10-31T22:59:59Z") // 23:59:59 in Brussels
			sell(tx, "ord_3", de, 70_00, "2026-10-31T23:00:00Z") // midnight: November
			a := sell(tx, "ord_4", se, 1000_00, "2026-10-10T09:00:00Z")
			b := sell(tx, "ord_5", se, 400_00, "2026-10-11T09:00:00Z")
			test := sold(t, "ord_6", basket(de, "CN", 10_00, 1, "IOSS"), moment("2026-10-12T00:00:00Z"))
			test.Test = true
			_, err = s.RecordSale(tx, test)
			require.NoError(t, err)
			for _, r := range []tax.Reversal{
				{Ref: "r1", Order: a.ID, Amount: money.Of(100_00, "SEK"), At: moment("2026-10-20T00:00:00Z")},
				{Ref: "r2", Order: b.ID, Amount: b.Total, At: moment("2026-11-20T00:00:00Z")},
			} {
				_, err := s.RecordRefund(tx, r)
				require.NoError(t, err)
			}
			return nil
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			var text strings.Builder
			for _, p := range []tax.Period{"2026-10", "2026-11"} {
				r, err := s.Return(tx, "IOSS", p)
				require.NoError(t, err)
				require.NoError(t, tax.WriteCSV(&text, r))
				require.False(t, r.Provisional)
				require.Empty(t, r.Problems)
				require.Equal(t, "IM2760000001", r.Number)
				for _, c := range r.Corrections {
					require.Equal(t, tax.Period("2026-10"), c.Period)
				}
				for _, used := range r.Rates {
					text.WriteString("# " + string(used.From) + " " + used.Day + " of " + used.Of + " " + used.Rate.String() + "\n")
				}
			}
			golden(t, "testdata/ioss.csv", text.String())

			entries, next, err := s.Entries(tx, "IOSS", "2026-10", tax.Cell{Country: "SE", Limit: 2})
			require.NoError(t, err)
			require.Len(t, entries, 2)
			more, end, err := s.Entries(tx, "IOSS", "2026-10", tax.Cell{Country: "SE", Limit: 2, After: next})
			require.NoError(t, err)
			require.Len(t, more, 1)
			require.Empty(t, end)
			corrections, _, err := s.Entries(tx, "IOSS", "2026-11", tax.Cell{Corrections: true})
			require.NoError(t, err)
			require.Len(t, corrections, 1)
			require.Equal(t, order.ID("ord_5"), corrections[0].Order)
			require.Len(t, corrections[0].Parts, 1)
			return nil
		})
	})
}

// A currency without a rate is said, never counted as nothing; a running period is provisional.
func TestReturnWithoutRate(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		o := sold(t, "ord_1", basket(lane{"GB", "", "GBP"}, "CN", 20_00, 1, "GB_VAT"), dbtest.Start)
		o.Currency = "XTS"
		for _, a := range []*money.Amount{&o.Goods, &o.Discount, &o.Shipping, &o.Duty, &o.Tax, &o.Fees, &o.Total} {
			a.Currency = "XTS"
		}
		write(t, d, func(tx *db.Tx) error {
			_, err := s.RecordSale(tx, o)
			return err
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			r, err := s.Return(tx, "GB_VAT", "2026-Q4")
			require.NoError(t, err)
			require.True(t, r.Provisional)
			require.Equal(t, []string{"no_rate:XTS:2026-11-24", "doubt:1", "unregistered"}, r.Problems)
			require.Equal(t, o.Tax, r.Totals[0].Tax)
			return nil
		})
	})
}

func TestBadReturns(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for _, tt := range []struct {
				scheme string
				period tax.Period
				want   error
			}{
				{"IOSS", "2026-Q4", tax.ErrPeriod}, {"IOSS", "2026", tax.ErrPeriod}, {"IOSS", "", tax.ErrPeriod}, {"IOSS", "2026-13", tax.ErrPeriod},
				{"OSS", "2026-11", tax.ErrPeriod}, {"", "2026-11", tax.ErrUnknownScheme}, {"LOTTERY", "2026-11", tax.ErrUnknownScheme},
			} {
				_, err := s.Return(tx, tt.scheme, tt.period)
				require.ErrorIs(t, err, tt.want, "%s %s", tt.scheme, tt.period)
			}
			return nil
		})
	})
}

// An order of another shop that doesn't say what its tax was for is kept apart for a person.
func TestUnstated(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		eur := func(n int64) money.Amount { return money.Of(n, "EUR") }
		o := order.Order{ID: "ord_1", Country: "DE", Currency: "EUR", Location: "CN", Goods: eur(100_00), Tax: eur(19_00), Total: eur(119_00), PaidAt: dbtest.Start}
		write(t, d, func(tx *db.Tx) error {
			_, err := s.RecordSale(tx, o)
			return err
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := tax.OfOrder(tx, o.ID)
			require.NoError(t, err)
			require.Equal(t, "charges_missing", all[0].Doubt)
			r, err := s.Return(tx, tax.Unstated, "2026-11")
			require.NoError(t, err)
			require.Equal(t, eur(19_00), r.Totals[0].Tax)
			require.Empty(t, r.Currency)
			return tax.WriteCSV(&strings.Builder{}, r)
		})
	})
}

func TestRegistrations(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		write(t, d, func(tx *db.Tx) error {
			for _, r := range []tax.Registration{
				{Word: "IOSS", Number: "IM2760000001", ValidFrom: "2026-01-01", ValidTo: "2026-06-30"},
				{Word: "IOSS", Number: "IM2760000002", ValidFrom: "2026-07-01"},
				{Word: "no-voec", Number: "2021234", ValidFrom: "2026-01-01"},
				{Word: "US_CA", Number: "102-345678", ValidFrom: "2026-02-01"},
			} {
				_, err := s.Register(tx, r)
				require.NoError(t, err, "%+v", r)
			}
			for _, bad := range []struct {
				r     tax.Registration
				field string
			}{
				{tax.Registration{Word: "", Number: "1", ValidFrom: "2026-01-01"}, "word"},
				{tax.Registration{Word: "US_ZZ", Number: "1", ValidFrom: "2026-01-01"}, "word"},
				{tax.Registration{Word: "GB_VAT", Number: "", ValidFrom: "2026-01-01"}, "number"},
				{tax.Registration{Word: "IOSS", Number: "IM27600", ValidFrom: "2020-01-01", ValidTo: "2020-02-01"}, "number"},
				{tax.Registration{Word: "GB_VAT", Number: "GB123456789", ValidFrom: "1.1.2026"}, "valid_from"},
				{tax.Registration{Word: "GB_VAT", Number: "GB123456789", ValidFrom: "2026-01-01", ValidTo: "2025-12-31"}, "valid_to"},
				{tax.Registration{Word: "IOSS", Number: "IM2760000003", ValidFrom: "2026-06-30", ValidTo: "2026-06-30"}, "valid_from"},
			} {
				_, err := s.Register(tx, bad.r)
				require.ErrorIs(t, err, tax.ErrRegistration)
				require.ErrorContains(t, err, bad.field+":")
			}
			all, err := s.Registrations(tx)
			require.NoError(t, err)
			require.Len(t, all, 4)
			words, err := s.Active(tx, "2026-06-30")
			require.NoError(t, err)
			require.Equal(t, []string{"IOSS", "US_CA", "VOEC"}, words)
			require.NoError(t, s.End(tx, all[2].ID, "2026-06-29"))
			require.ErrorIs(t, s.End(tx, all[2].ID, "2026-07-29"), tax.ErrRegistration)
			require.ErrorIs(t, s.End(tx, "reg_none", "2026-07-29"), tax.ErrUnknownRegistration)
			words, err = s.Active(tx, "2026-06-30")
			require.Equal(t, []string{"IOSS", "VOEC"}, words)
			q, err2 := landed.Default().Quote(&landed.Request{Date: dbtest.Start, ShipFrom: "CN", Destination: landed.Place{Country: "DE"}, Currency: "EUR",
				Registrations: words, Lines: []landed.Line{{Quantity: 1, UnitPrice: money.Of(10_00, "EUR"), HS: "610910"}}})
			require.NoError(t, err2)
			require.Equal(t, "eu:ioss:2026-07-01", q.Regime)
			return err
		})
		require.Equal(t, []string{"IOSS", "VOEC"}, s.Registered("2026-11-24"), "what the checkout charges by")
		require.Empty(t, s.Registered("2025-12-31"))
	})
}

// What others listen to is a promise: fields are only added.
func TestTopics(t *testing.T) {
	e := tax.LevelEvent{Rule: "threshold:MY:low_value_goods:2024-01-01", Jurisdiction: "MY", Level: 70, Period: "2026", Counted: money.Of(360_000_00, "MYR"),
		Limit: money.Of(500_000_00, "MYR"), Do: "register", At: dbtest.Start}
	golden(t, "testdata/topics.txt", topic(t, e))
}
