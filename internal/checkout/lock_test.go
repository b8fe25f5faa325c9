package checkout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/pricing"
)

// home makes the merchant's own currency CNY, at a rate to the euro from now on.
func (r *rig) home(t testing.TB, rate string) {
	t.Helper()
	require.NoError(t, r.d.Write(t.Context(), func(tx *db.Tx) error {
		if err := r.fx.SetDesk(tx, pricing.Desk{Home: "CNY", Days: 10}, "Mei"); err != nil {
			return err
		}
		return r.fx.SetRate(tx, pricing.FX{Base: "EUR", Quote: "CNY", Rate: money.MustRate(rate), Day: market.AddDays(tx.Now().Format(time.DateOnly), -1), Source: "ecb", By: "Mei"})
	}))
	require.NoError(t, r.fx.Load(t.Context()))
}

func (r *rig) lockOf(ref string) (l pricing.Lock, err error) {
	err = r.d.Read(r.t.Context(), func(tx *db.Tx) (err error) {
		l, err = r.fx.GetLock(tx, ref)
		return err
	})
	return l, err
}

func TestQuoteLocksItsRate(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.home(t, "8.2")
		c := r.ready(checkout.Add("dress", 1))
		require.Equal(t, "8.2", c.Quote.Locked.Rate.String())
		require.Equal(t, "CNY", string(c.Quote.Locked.Home))
		require.Equal(t, "ecb", c.Quote.Locked.Source)
		require.Zero(t, r.count(`select count(*) from fx_locks`), "a quote alone writes nothing")

		r.home(t, "8.4")
		o := r.order(r.mustPay(c, "card", fakepsp.Success))
		require.Equal(t, "8.2", o.Locked.Rate.String(), "the order keeps the rate of the quote that was seen")
		l, err := r.lockOf(string(o.ID))
		require.NoError(t, err)
		require.Equal(t, o.Total, l.Amount)
		require.Equal(t, o.Locked.Worth(o.Total), l.Worth())
		require.True(t, l.Open)

		// A quote that ran out gets the rate of the day.
		c = r.ready(checkout.Add("scarf", 1))
		r.home(t, "8.6")
		r.later(time.Hour)
		c, diff, err := r.shop.Requote(t.Context(), c.Token)
		require.NoError(t, err)
		require.Empty(t, diff)
		require.Equal(t, "8.6", c.Quote.Locked.Rate.String())

		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := r.orders.Cancel(tx, o.ID, "asked")
			return err
		}))
		require.NoError(t, r.queue.Drain(t.Context()))
		l, err = r.lockOf(string(o.ID))
		require.NoError(t, err)
		require.False(t, l.Open)
		require.Equal(t, o.Total, l.Released)

		for _, name := range []string{o.Number, o.Payment + "_1"} {
			require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
				id, err := r.shop.OrderOf(tx, name)
				require.Equal(t, string(o.ID), id, name)
				return err
			}))
		}
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			id, err := r.shop.OrderOf(tx, "nobody's")
			require.Empty(t, id)
			return err
		}))
	})
}

// A transfer that never comes lets the rate go with the order; without a rate a shopper can buy all the same.
func TestLockEndsUnpaid(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		require.Zero(t, c.Quote.Locked)
		o := r.order(r.mustPay(c, "card", fakepsp.Success))
		_, err := r.lockOf(string(o.ID))
		require.ErrorIs(t, err, pricing.ErrNoLock)

		r.home(t, "8.2")
		o = r.order(r.mustPay(r.ready(checkout.Add("dress", 1)), "bank_transfer", fakepsp.Success))
		require.True(t, o.PaidAt.IsZero())
		l, err := r.lockOf(string(o.ID))
		require.NoError(t, err)
		require.True(t, l.Open)
		require.NoError(t, r.shop.Payments.Cancel(t.Context(), o.Payment+"_1"))
		require.NoError(t, r.queue.Drain(t.Context()))
		r.later(30 * 24 * time.Hour)
		l, err = r.lockOf(string(o.ID))
		require.NoError(t, err)
		require.Equal(t, o.Total, l.Released)
	})
}
