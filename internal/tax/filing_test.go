package tax_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/money"
	"portolan/internal/tax"
)

// What was filed stays as it was, and all returns together, filed or not, are the ledger: nothing that comes late
// is lost or declared twice, whatever is filed and taken back in between.
func TestFiledReturnsNeverChangeAndNothingIsLost(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		r := rand.New(rand.NewPCG(3, 9))
		filed := map[string]string{} // what was filed, by scheme and period
		var orders []string
		paid := map[string]tax.Reversal{}
		step := func(tx *db.Tx, n int) {
			now := tx.Now()
			switch k := r.IntN(10); {
			case k < 5 || len(orders) == 0:
				l := []lane{{"DE", "", "EUR"}, {"SE", "", "SEK"}, {"GB", "", "GBP"}}[r.IntN(3)]
				id := fmt.Sprint("ord_", n)
				o := sold(t, id, basket(l, "CN", 10_00+r.Int64N(40_00), 1, "IOSS", "GB_VAT"), now.Add(-time.Duration(r.IntN(200*24))*time.Hour))
				_, err := s.RecordSale(tx, o)
				require.NoError(t, err)
				orders = append(orders, id)
				paid[id] = tax.Reversal{Order: o.ID, Amount: o.Total, At: o.PaidAt}
			case k < 8:
				id := orders[r.IntN(len(orders))]
				v := paid[id]
				if v.Amount.Minor < 2 {
					return
				}
				back := v
				back.Ref, back.Amount = fmt.Sprint("r", n), money.Of(1+r.Int64N(v.Amount.Minor/2), v.Amount.Currency)
				back.At = v.At.Add(time.Duration(r.Int64N(int64(now.Sub(v.At) + 1))))
				_, err := s.RecordRefund(tx, back)
				require.NoError(t, err)
				v.Amount = v.Amount.Sub(back.Amount)
				paid[id] = v
			default:
				scheme, p := "IOSS", tax.PeriodOf(tax.Month, now.AddDate(0, -1-r.IntN(7), 0).Format(time.DateOnly))
				if r.IntN(2) == 0 {
					scheme, p = "GB_VAT", tax.PeriodOf(tax.Quarter, now.AddDate(0, -3-r.IntN(7), 0).Format(time.DateOnly))
				}
				key := scheme + " " + string(p)
				got, err := s.Return(tx, scheme, p)
				require.NoError(t, err)
				if got.Filing != nil && r.IntN(3) == 0 {
					require.NoError(t, s.Unfile(tx, got.Filing.ID, "Mei", "a mistake"))
					delete(filed, key)
					return
				}
				if got.Filing != nil {
					_, err := s.File(tx, scheme, p, now.Format(time.DateOnly), "again", "Mei")
					require.ErrorIs(t, err, tax.ErrFiled)
					return
				}
				made, err := s.File(tx, scheme, p, now.Format(time.DateOnly), "ref "+key, "Mei")
				require.NoError(t, err)
				got.Filing = made.Filing
				require.Equal(t, got, made, "filed is what was shown")
				filed[key] = text(t, made)
			}
		}
		for n := range 160 {
			write(t, d, func(tx *db.Tx) error { step(tx, n); return nil })
			d.Clock().Advance(6 * time.Hour)
		}
		require.Greater(t, len(filed), 5)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for _, scheme := range []tax.Scheme{schemeOf("IOSS"), schemeOf("GB_VAT")} {
				returns, ledger := map[money.Currency]tax.Sum{}, map[money.Currency]tax.Sum{}
				for p := tax.PeriodOf(scheme.Periods[0], "2025-10-01"); p <= tax.PeriodOf(scheme.Periods[0], "2027-02-01"); p = next(p, scheme) {
					got, err := s.Return(tx, scheme.Code, p)
					require.NoError(t, err)
					if want := filed[scheme.Code+" "+string(p)]; want != "" {
						require.Equal(t, want, text(t, got), "%s %s changed after it was filed", scheme.Code, p)
					}
					var rows int64
					for _, v := range got.Totals {
						returns[v.Tax.Currency] = plus(returns[v.Tax.Currency], v)
					}
					for cell, after := (tax.Cell{Limit: 7}), "x"; after != ""; cell.After = after {
						entries, next, err := s.Entries(tx, scheme.Code, p, cell)
						require.NoError(t, err)
						after, rows = next, rows+int64(len(entries))
					}
					var counted int64
					for _, w := range got.Rows {
						counted += w.Orders
					}
					for _, w := range got.Corrections {
						counted += w.Refunds + w.Sales
					}
					require.LessOrEqual(t, counted, rows)
				}
				for _, id := range orders {
					all, err := tax.OfOrder(tx, paid[id].Order)
					require.NoError(t, err)
					for _, e := range all {
						for _, part := range e.Parts {
							if part.Scheme == scheme.Code {
								ledger[e.Currency] = plus(ledger[e.Currency], tax.Sum{Net: part.Base, Tax: part.Tax})
							}
						}
					}
				}
				require.Equal(t, ledger, returns, scheme.Code)
			}
			return nil
		})
	})
}

func text(t *testing.T, r tax.Report) string {
	b, err := json.Marshal(r)
	require.NoError(t, err)
	return string(b)
}

func plus(a, b tax.Sum) tax.Sum { return tax.Sum{Net: a.Net.Add(b.Net), Tax: a.Tax.Add(b.Tax)} }

func schemeOf(code string) tax.Scheme {
	for _, s := range tax.Schemes() {
		if s.Code == code {
			return s
		}
	}
	panic(code)
}

func next(p tax.Period, s tax.Scheme) tax.Period {
	_, last, err := p.Days()
	if err != nil {
		panic(err)
	}
	at, _ := time.Parse(time.DateOnly, last)
	return tax.PeriodOf(s.Periods[0], at.AddDate(0, 0, 1).Format(time.DateOnly))
}

// A late sale and a late refund of a filed month stand as corrections in the return that follows, and are shown
// as what has changed since; a filing that was taken back lets them go home.
func TestLateEntriesCorrectTheNextReturn(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		de := lane{"DE", "", "EUR"}
		write(t, d, func(tx *db.Tx) error {
			a := sold(t, "ord_a", basket(de, "CN", 50_00, 1, "IOSS"), moment("2026-10-05T00:00:00Z"))
			late := sold(t, "ord_b", basket(de, "CN", 20_00, 1, "IOSS"), moment("2026-10-30T00:00:00Z"))
			_, err := s.RecordSale(tx, a)
			require.NoError(t, err)
			_, err = s.File(tx, "IOSS", "2026-10", "2026-11-20", "", "Mei")
			require.ErrorIs(t, err, tax.ErrFiling)
			_, err = s.File(tx, "IOSS", "2026-10", "2026-10-31", "EE-1", "Mei")
			require.ErrorContains(t, err, "filed_on: tax.filed_on_range")
			_, err = s.File(tx, "IOSS", "2026-11", "2026-11-20", "EE-1", "Mei")
			require.ErrorContains(t, err, "period: tax.period_running")
			_, err = s.File(tx, tax.Import, "2026-10", "2026-11-20", "EE-1", "Mei")
			require.ErrorIs(t, err, tax.ErrUnknownScheme)
			made, err := s.File(tx, "IOSS", "2026-10", "2026-11-20", "EE-1", "Mei")
			require.NoError(t, err)
			require.Equal(t, a.Tax, made.Due)
			_, err = s.RecordSale(tx, late)
			require.NoError(t, err)
			_, err = s.RecordRefund(tx, tax.Reversal{Ref: "r", Order: a.ID, Amount: a.Total, At: moment("2026-10-20T00:00:00Z")})
			require.NoError(t, err)

			v, err := s.Standing(tx, "IOSS", "2026-10")
			require.NoError(t, err)
			require.Equal(t, tax.Corrected, v.State)
			require.Equal(t, a.Tax, v.Report.Due)
			require.EqualValues(t, 2, v.Since.Entries)
			require.Equal(t, late.Tax.Sub(a.Tax), v.Since.Totals[0].Tax)
			since, _, err := s.Entries(tx, "IOSS", "2026-10", tax.Cell{Since: true})
			require.NoError(t, err)
			require.Len(t, since, 2)
			follows, err := s.Return(tx, "IOSS", "2026-11")
			require.NoError(t, err)
			require.Equal(t, late.Tax.Sub(a.Tax), follows.Due)
			require.Zero(t, follows.Orders)
			require.Len(t, follows.Corrections, 1)
			require.EqualValues(t, []int64{1, 1}, []int64{follows.Corrections[0].Refunds, follows.Corrections[0].Sales})
			require.Equal(t, tax.Period("2026-10"), follows.Corrections[0].Period)

			require.ErrorIs(t, s.Unfile(tx, made.Filing.ID, "Mei", " "), tax.ErrFiling)
			require.NoError(t, s.Unfile(tx, made.Filing.ID, "Mei", "wrong month"))
			require.ErrorIs(t, s.Unfile(tx, made.Filing.ID, "Mei", "again"), tax.ErrNotFiled)
			open, err := s.Return(tx, "IOSS", "2026-10")
			require.NoError(t, err)
			require.Equal(t, late.Tax, open.Due)
			history, err := s.Filings(tx, "IOSS", "2026-10")
			require.Equal(t, "wrong month", history[0].UndoneWhy)
			return err
		})
	})
}

func TestDeadlines(t *testing.T) {
	for _, tt := range []struct {
		scheme, want string
		period       tax.Period
	}{
		{"IOSS", "2026-11-30", "2026-10"}, {"IOSS", "2027-01-31", "2026-12"}, {"IOSS", "2028-02-29", "2028-01"}, {"OSS", "2026-07-31", "2026-Q2"},
		{"GB_VAT", "2027-02-07", "2026-Q4"}, {"GB_VAT", "2026-08-07", "2026-Q2"}, {"GB_VAT", "2026-12-07", "2026-10"}, {"VOEC", "2027-01-20", "2026-Q4"},
		{"AU_GST", "2026-10-28", "2026-Q3"}, {"AU_GST", "2027-02-28", "2026-Q4"}, {"NZ_GST", "2026-05-07", "2026-Q1"}, {"NZ_GST", "2026-07-28", "2026-Q2"},
		{"CH_VAT", "2026-05-30", "2026-Q1"}, {"MY_LVG", "2026-04-30", "2026-Q1"}, {"CA_GST", "2027-03-31", "2026"}, {"US_CA", "2026-11-20", "2026-10"},
	} {
		got, ok := schemeOf(tt.scheme).Due(tt.period)
		require.True(t, ok)
		require.Equal(t, tt.want, got.Day, "%s %s", tt.scheme, tt.period)
		require.NotEmpty(t, got.Source)
	}
	for _, s := range tax.Schemes() {
		_, ok := s.Due(tax.PeriodOf(s.Periods[0], "2026-11-24"))
		require.True(t, ok, s.Code)
	}
}

// Each number that stands as an example is one that the authority's form takes.
func TestExamplesAreTaken(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		write(t, d, func(tx *db.Tx) error {
			all := tax.Choices()
			require.Len(t, all, len(tax.Words()))
			for _, c := range all {
				require.NotEmpty(t, c.Area, c.Word)
				number := c.Example
				if number == "" {
					number = "12345678"
				}
				r, err := s.Register(tx, tax.Registration{Word: c.Word, Number: number, ValidFrom: "2026-01-01"})
				require.NoError(t, err, c.Word)
				require.NoError(t, s.Forget(tx, r.ID))
				require.ErrorIs(t, s.Forget(tx, r.ID), tax.ErrUnknownRegistration)
			}
			return nil
		})
		var old tax.Registration
		write(t, d, func(tx *db.Tx) (err error) {
			old, err = s.Register(tx, tax.Registration{Word: "IOSS", Number: "IM2760000001", ValidFrom: "2026-01-01"})
			return err
		})
		d.Clock().Advance(25 * time.Hour)
		write(t, d, func(tx *db.Tx) error {
			require.ErrorIs(t, s.Forget(tx, old.ID), tax.ErrTooLate)
			waiting, err := s.Waiting(tx)
			require.NoError(t, err)
			require.Zero(t, waiting, "what ended before the registration was noted isn't asked for")
			_, err = s.RecordSale(tx, sold(t, "ord_1", basket(lane{"DE", "", "EUR"}, "CN", 20_00, 1, "IOSS"), moment("2026-08-20T00:00:00Z")))
			return err
		})
		d.Clock().Advance(30 * 24 * time.Hour)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			waiting, err := s.Waiting(tx)
			require.EqualValues(t, 2, waiting, "August has a sale, November was noted in time and is due")
			return err
		})
	})
}

// Every rule has a course and orders behind it, and the course ends at what the rule counts.
func TestCourses(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _, _ := books(d)
		write(t, d, func(tx *db.Tx) error {
			for i := range 60 {
				for _, l := range []lane{{"MY", "", "MYR"}, {"US", "NY", "USD"}, {"DE", "", "EUR"}} {
					from := "CN"
					if l.country == "DE" {
						from = "NL"
					}
					o := sold(t, fmt.Sprint("ord_", l.country, i), basket(l, from, 40_00+int64(i%7)*5_00, 3, "MY_LVG"), dbtest.Start.AddDate(0, 0, -i))
					_, err := s.RecordSale(tx, o)
					require.NoError(t, err)
				}
			}
			return nil
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			seen := 0
			for _, rule := range tax.Rules() {
				c, err := s.Course(tx, rule.ID, dbtest.Start)
				require.NoError(t, err)
				entries, next, err := s.Counted(tx, c.Status, "", 20)
				require.NoError(t, err, rule.ID)
				if c.Sales > 20 {
					require.Len(t, entries, 20)
					more, _, err := s.Counted(tx, c.Status, next, 200)
					require.NoError(t, err)
					require.EqualValues(t, c.Sales, 20+len(more), rule.ID)
					seen++
				}
				if len(c.Past) == 0 {
					continue
				}
				require.Equal(t, c.Windows[0].Counted, c.Past[len(c.Past)-1].Counted, rule.ID)
				for i, g := range c.Ahead {
					require.LessOrEqual(t, g.Low.Minor, g.Mid.Minor)
					require.LessOrEqual(t, g.Mid.Minor, g.High.Minor)
					require.True(t, i > 0 || g.Mid == c.Windows[0].Counted)
				}
			}
			require.GreaterOrEqual(t, seen, 4)
			_, err := s.Course(tx, "threshold:XX", dbtest.Start)
			require.ErrorIs(t, err, tax.ErrUnknownThreshold)
			return nil
		})
	})
}
