package tax_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
)

// 400 random orders over 25 countries are placed in the order book and part of each is given back there: the books
// hear of it by events alone, once, and agree with the order book to the minor unit, per currency.
func TestOrdersAndRefundsReachTheBooksByEvents(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, book, q := books(d)
		d.Clock().Advance(60 * 24 * time.Hour)
		dice := rand.New(rand.NewPCG(25, 400))
		var placed []order.Order
		countries := map[string]bool{}
		write(t, d, func(tx *db.Tx) error {
			for i := range 400 {
				r, at := random(dice, i)
				o, fresh, err := book.Place(tx, sold(t, fmt.Sprintf("ord_%03d", i), r, at))
				require.NoError(t, err)
				require.True(t, fresh)
				countries[string(o.Country)] = true
				placed = append(placed, o)
			}
			return nil
		})
		require.Len(t, countries, 25)
		require.NoError(t, q.Drain(t.Context()))
		var refunds []order.Refund
		write(t, d, func(tx *db.Tx) error {
			for i, o := range placed {
				r := order.Refund{ID: fmt.Sprint("ref_", i), Order: o.ID, Reason: "part", By: "Mei", Amount: money.Of(1+dice.Int64N(max(1, o.Total.Minor-1)), o.Currency)}
				asked, fresh, err := book.AskRefund(tx, r)
				require.NoError(t, err)
				require.True(t, fresh)
				_, fresh, err = book.AskRefund(tx, r)
				require.NoError(t, err)
				require.False(t, fresh)
				refunds = append(refunds, asked)
			}
			return nil
		})
		write(t, d, func(tx *db.Tx) error {
			for range 2 { // a provider says everything twice
				for i, r := range refunds {
					_, _, err := book.RefundMade(tx, r.Order, fmt.Sprint("psp:", i), r.Amount, "", tx.Now())
					require.NoError(t, err)
				}
			}
			return nil
		})
		require.NoError(t, q.Drain(t.Context()))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			sales, back, booked := map[money.Currency]int64{}, map[money.Currency]int64{}, map[money.Currency]int64{}
			for i, o := range placed {
				sales[o.Currency] += o.Tax.Minor
				all, err := tax.OfOrder(tx, o.ID)
				require.NoError(t, err)
				require.Len(t, all, 2, o.ID)
				require.Equal(t, o.Tax, all[0].Tax)
				back[o.Currency] += consistent(t, o, all, o.Number, refunds[i].Amount.Minor)
			}
			schemes, err := s.Filed(tx, "2026-01-01", "2027-12-31")
			require.NoError(t, err)
			for _, scheme := range schemes {
				for p, last := tax.Period("2025-12"), tax.Period("2027-03"); p <= last; {
					kind := tax.Month
					for _, c := range tax.Schemes() {
						if c.Code == scheme {
							kind = c.Periods[0]
						}
					}
					first, end, err := p.Days()
					require.NoError(t, err)
					if k := tax.PeriodOf(kind, first); kind == tax.Month || first[5:7] == "01" || first[5:7] == "04" || first[5:7] == "07" || first[5:7] == "10" {
						r, err := s.Return(tx, scheme, k)
						require.NoError(t, err)
						for _, sum := range r.Totals {
							booked[sum.Tax.Currency] += sum.Tax.Minor
						}
					}
					at, _ := time.Parse(time.DateOnly, end)
					p = tax.PeriodOf(tax.Month, at.AddDate(0, 0, 1).Format(time.DateOnly))
				}
			}
			for cur, n := range sales {
				require.Equal(t, n+back[cur], booked[cur], cur)
			}
			return nil
		})
	})
}

// An order that is cancelled is taken back whole: a refund that is told of later takes nothing back again.
func TestRefundAfterCancellation(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, book, q := books(d)
		o := sold(t, "ord_1", basket(lane{"DE", "", "EUR"}, "CN", 50_00, 2, "IOSS"), dbtest.Start)
		write(t, d, func(tx *db.Tx) error {
			_, _, err := book.Place(tx, o)
			require.NoError(t, err)
			_, _, err = book.RefundMade(tx, o.ID, "psp:1", money.Of(10_00, "EUR"), "", tx.Now())
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			e, err := s.Refunding(tx, o.ID, money.Of(20_00, "EUR"))
			require.NoError(t, err)
			require.EqualValues(t, -20_00, e.Net.Minor+e.Duty.Minor+e.Tax.Minor+e.Fees.Minor)
			_, err = s.Refunding(tx, o.ID, o.Total)
			require.ErrorIs(t, err, tax.ErrRefund)
			_, err = s.Refunding(tx, "ord_none", o.Total)
			require.ErrorIs(t, err, tax.ErrNoSale)
			return nil
		})
		write(t, d, func(tx *db.Tx) error {
			_, err := book.Cancel(tx, o.ID, "shopper")
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		write(t, d, func(tx *db.Tx) error {
			_, _, err := book.RefundMade(tx, o.ID, "psp:2", o.Total.Sub(money.Of(10_00, "EUR")), "", tx.Now())
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := tax.OfOrder(tx, o.ID)
			require.Len(t, all, 3)
			var left int64
			for _, e := range all {
				left += e.Net.Minor + e.Duty.Minor + e.Tax.Minor + e.Fees.Minor
			}
			require.Zero(t, left)
			return err
		})
	})
}
