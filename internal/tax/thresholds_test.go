package tax_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
)

func topic(t *testing.T, e events.Event) string {
	body, err := json.MarshalIndent(e, "", "  ")
	require.NoError(t, err)
	return e.Topic() + " " + strings.Join(e.(events.About).Subjects(), " ") + "\n" + string(body) + "\n"
}

// plain is a paid order of so much net, without any tax.
func plain(id string, l lane, from string, net int64, day string) order.Order {
	at, _ := time.Parse(time.DateOnly, day)
	return order.Order{ID: order.ID(id), Country: market.Country(l.country), Currency: l.cur, Location: from, Goods: money.Of(net, l.cur), Total: money.Of(net, l.cur),
		PaidAt: at.Add(12 * time.Hour), Address: sample(l),
		Lines: []order.Line{{SKU: "S", Quantity: max(1, net/100_00), UnitPrice: money.Of(100_00, l.cur), Total: money.Of(net, l.cur)}}}
}

type sale struct {
	to   lane
	from string
	net  int64
	day  string
}

func statuses(t *testing.T, s *tax.Service, tx *db.Tx, at time.Time) map[string]tax.Status {
	t.Helper()
	all, err := s.Thresholds(tx, at)
	require.NoError(t, err)
	by := map[string]tax.Status{}
	for _, v := range all {
		by[v.Jurisdiction+" "+v.Label] = v
	}
	return by
}

// Each rule by its own way of counting; the day is 24 November 2026.
func TestThresholds(t *testing.T) {
	my, de, ca, tx1, ny := lane{"MY", "", "MYR"}, lane{"DE", "", "EUR"}, lane{"US", "CA", "USD"}, lane{"US", "TX", "USD"}, lane{"US", "NY", "USD"}
	for _, tt := range []struct {
		name  string
		sales []sale
		rule  string
		share int64
		level int
	}{
		{"nothing sold", nil, "MY low_value_goods", 0, 0},
		{"a sen below seventy per cent", []sale{{my, "CN", 349_999_99, "2026-11-01"}}, "MY low_value_goods", 69, 0},
		{"seventy per cent", []sale{{my, "CN", 350_000_00, "2026-11-01"}}, "MY low_value_goods", 70, 70},
		{"ninety per cent", []sale{{my, "CN", 450_000_00, "2026-11-01"}}, "MY low_value_goods", 90, 90},
		{"a sen below", []sale{{my, "CN", 499_999_99, "2026-11-01"}}, "MY low_value_goods", 99, 90},
		{"at the limit", []sale{{my, "CN", 500_000_00, "2026-11-01"}}, "MY low_value_goods", 100, 100},
		{"the first day of twelve months", []sale{{my, "CN", 500_000_00, "2025-11-25"}}, "MY low_value_goods", 100, 100},
		{"the day before", []sale{{my, "CN", 500_000_00, "2025-11-24"}}, "MY low_value_goods", 0, 0},
		{"between members", []sale{{de, "NL", 10_000_00, "2026-02-01"}}, "EU union_distance_sales", 100, 100},
		{"in the year before", []sale{{de, "NL", 9_000_00, "2025-02-01"}}, "EU union_distance_sales", 90, 90},
		{"two years before", []sale{{de, "NL", 9_000_00, "2024-12-31"}}, "EU union_distance_sales", 0, 0},
		{"inside a member", []sale{{de, "DE", 10_000_00, "2026-02-01"}}, "EU union_distance_sales", 0, 0},
		{"from outside", []sale{{de, "CN", 10_000_00, "2026-02-01"}}, "EU union_distance_sales", 0, 0},
		{"first parcel to Britain", []sale{{lane{"GB", "", "GBP"}, "CN", 20_00, "2026-11-23"}}, "GB from_abroad", 100, 100},
		{"by state", []sale{{tx1, "CN", 450_000_00, "2026-01-01"}}, "US-TX nexus", 90, 90},
		{"not another state's", []sale{{tx1, "CN", 450_000_00, "2026-01-01"}}, "US-CA nexus", 0, 0},
		{"this year or last, not both", []sale{{ca, "CN", 300_000_00, "2025-06-01"}, {ca, "CN", 250_000_00, "2026-06-01"}}, "US-CA nexus", 60, 0},
		{"amount without sales", []sale{{ny, "CN", 600_000_00, "2026-06-01"}}, "US-NY nexus", 1, 0},
		{"both tests", []sale{{lane{"SG", "", "SGD"}, "CN", 200_000_00, "2026-06-01"}}, "SG supplies_to_consumers", 200, 0},
		{"services aren't goods", []sale{{lane{"TH", "", "EUR"}, "CN", 900_000_00, "2026-06-01"}}, "TH electronic_services", 0, 0},
		{"in another currency", []sale{{lane{"MY", "", "EUR"}, "CN", 75_000_00, "2026-11-01"}}, "MY low_value_goods", 72, 70},
		{"the world over", []sale{{lane{"CH", "", "CHF"}, "CN", 100_00, "2026-11-01"}, {de, "CN", 107_066_00, "2026-11-01"}}, "CH worldwide", 100, 100},
		{"the world without Switzerland", []sale{{de, "CN", 207_066_00, "2026-11-01"}}, "CH worldwide", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dbtest.Open(t, t.TempDir()+"/x.db", db.Manual(dbtest.Start), schemas)
			s, _, _ := books(d)
			write(t, d, func(tx *db.Tx) error {
				for i, v := range tt.sales {
					_, err := s.RecordSale(tx, plain(fmt.Sprint("ord_", i), v.to, v.from, v.net, v.day))
					require.NoError(t, err)
				}
				v := statuses(t, s, tx, tx.Now())[tt.rule]
				require.NotEmpty(t, v.ID)
				require.Equal(t, tt.share, v.Share, "%+v", v)
				require.Equal(t, tt.level, v.Level, "%+v", v)
				return nil
			})
		})
	}
}

// Refunds lower what counts net, never what counts gross; a cancelled order never was a sale. A level is told
// once in a year, and not to who is registered.
func TestWatch(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		my, co, ks := lane{"MY", "", "MYR"}, lane{"US", "CO", "USD"}, lane{"US", "KS", "USD"}
		write(t, d, func(tx *db.Tx) error {
			for i, v := range []sale{{my, "CN", 460_000_00, "2026-11-01"}, {co, "CN", 95_000_00, "2026-11-01"}, {ks, "CN", 95_000_00, "2026-11-01"}} {
				o := plain(fmt.Sprint("ord_", i), v.to, v.from, v.net, v.day)
				_, err := s.RecordSale(tx, o)
				require.NoError(t, err)
				if i > 0 {
					_, err = s.RecordRefund(tx, tax.Reversal{Ref: "r" + o.Address.Region, Order: o.ID, Amount: money.Of(20_000_00, "USD")})
					require.NoError(t, err)
				}
			}
			by := statuses(t, s, tx, tx.Now())
			require.Equal(t, int64(75), by["US-CO nexus"].Share)
			require.Equal(t, int64(95), by["US-KS nexus"].Share)
			told, err := s.Watch(tx)
			require.NoError(t, err)
			got := ""
			for _, e := range told {
				got += fmt.Sprint(e.Jurisdiction, " ", e.Level, " ", e.Counted, "; ")
			}
			require.Equal(t, "MY 90 MYR 460000.00; US-CO 70 USD 75000.00; US-KS 90 USD 95000.00; ", got)
			again, err := s.Watch(tx)
			require.Empty(t, again)
			require.NoError(t, err)
			_, err = s.RecordSale(tx, plain("ord_9", my, "CN", 40_000_00, "2026-11-20"))
			require.NoError(t, err)
			_, err = s.RecordSale(tx, plain("ord_8", lane{"GB", "", "GBP"}, "CN", 20_00, "2026-11-20"))
			require.NoError(t, err)
			_, err = s.Register(tx, tax.Registration{Word: "GB_VAT", Number: "GB123456789", ValidFrom: "2026-11-20"})
			require.NoError(t, err)
			told, err = s.Watch(tx)
			require.Len(t, told, 1)
			require.Equal(t, 100, told[0].Level)
			return err
		})
	})
}

// The thresholds are looked at without anybody asking.
func TestWatchJob(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, q := books(d)
		write(t, d, func(tx *db.Tx) error {
			_, err := s.RecordSale(tx, plain("ord_1", lane{"MY", "", "MYR"}, "CN", 460_000_00, "2026-11-01"))
			return err
		})
		d.Clock().Advance(7 * time.Hour)
		require.NoError(t, q.Drain(t.Context()))
		write(t, d, func(tx *db.Tx) error {
			require.Equal(t, 90, statuses(t, s, tx, tx.Now())["MY low_value_goods"].Level)
			told, err := s.Watch(tx)
			require.Empty(t, told)
			return err
		})
	})
}

func TestProjection(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/x.db", db.Manual(dbtest.Start), schemas)
	s, _, _ := books(d)
	write(t, d, func(tx *db.Tx) error {
		first := dbtest.Start.AddDate(0, 0, -7*13+1)
		for i := range 91 {
			day := first.AddDate(0, 0, i).Format(time.DateOnly)
			_, err := s.RecordSale(tx, plain(fmt.Sprint("my_", i), lane{"MY", "", "MYR"}, "CN", 4_000_00, day))
			require.NoError(t, err)
			net := int64(3_000_00)
			if i%14 < 7 {
				net = 5_000_00
			}
			_, err = s.RecordSale(tx, plain(fmt.Sprint("tx_", i), lane{"US", "TX", "USD"}, "CN", net, day))
			require.NoError(t, err)
			if i%13 == 0 {
				_, err = s.RecordSale(tx, plain(fmt.Sprint("no_", i), lane{"NO", "", "NOK"}, "CN", 1_000_00, day))
				require.NoError(t, err)
			}
		}
		by := statuses(t, s, tx, tx.Now())
		// 91 days of 4,000 are 364,000; 136,000 are missing: 34 days.
		require.Equal(t, "2026-12-28", by["MY low_value_goods"].Crossing.Day)
		require.Equal(t, by["MY low_value_goods"].Crossing.Day, by["MY low_value_goods"].Crossing.Low)
		uneven := by["US-TX nexus"].Crossing
		require.Less(t, uneven.Low, uneven.Day)
		require.Less(t, uneven.Day, uneven.High)
		require.Equal(t, "too_little_data", by["NO voec"].Crossing.Why)
		require.Equal(t, "too_little_data", by["AU gst"].Crossing.Why)
		return nil
	})
}

// The facts are those of the rule data: every row is there with its figures.
func TestThresholdsAgreeWithRuleData(t *testing.T) {
	read := func(name string) (all []map[string]string) {
		f, err := os.Open("../../../shared/rules/" + name)
		if err != nil {
			t.Skip("needs ../shared/rules: ", err)
		}
		defer f.Close()
		lines, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		for _, l := range lines[1:] {
			r := map[string]string{}
			for i, c := range lines[0] {
				r[c] = l[i]
			}
			all = append(all, r)
		}
		return all
	}
	left := map[string]int{}
	note := func(n int, place, limit, cur, from, to, source, confidence string) {
		left[strings.Join([]string{place, limit, cur, from, to, strings.ReplaceAll(source, ";", "|"), confidence}, " ")] += n
	}
	for _, r := range read("registration_thresholds.csv") {
		amount := r["amount"]
		if r["jurisdiction"] == "US" {
			continue
		}
		if amount == "" {
			amount = "0"
		}
		note(1, r["jurisdiction"], amount, r["currency"], r["valid_from"], r["valid_to"], r["source"], r["confidence"])
	}
	for _, r := range read("us_sales_tax.csv") {
		amount := r["nexus_amount_usd"]
		if amount == "" {
			amount = "0"
		}
		note(1, "US-"+r["state"], amount, "USD", r["valid_from"], r["valid_to"], r["source"], r["confidence"])
	}
	for _, r := range tax.Rules() {
		note(-1, r.Jurisdiction, fmt.Sprint(r.Limit.Minor/unit(r.Currency)), string(r.Currency), r.ValidFrom, r.ValidTo, r.Source, r.Confidence)
	}
	for row, n := range left {
		require.Zero(t, n, row)
	}
}

func unit(c money.Currency) int64 {
	n := int64(1)
	for range c.Digits() {
		n *= 10
	}
	return n
}
