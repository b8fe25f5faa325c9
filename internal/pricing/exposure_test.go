package pricing_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// Specification of prices, section 7: 100,000 at half a per cent a day for ten days.
func TestAdvise(t *testing.T) {
	for _, tt := range []struct {
		exposure int64
		daily    float64
		days     int
		bears    int64
		loss     int64
		share    string
		reason   string
	}{
		{100_000_00, 0.005, 10, 1_000_00, 2_600_97, "0.62", pricing.AdviceLock},
		{100_000_00, 0.005, 10, 5_000_00, 2_600_97, "0", pricing.AdviceTolerable},
		{100_000_00, 0.005, 10, 0, 2_600_97, "1", pricing.AdviceLock},
		{-100_000_00, 0.005, 10, 1_000_00, 2_600_97, "0.62", pricing.AdviceLock},
		{100_000_00, 0.005, 0, 0, 0, "0", pricing.AdviceTolerable},
		{100_000_00, 0, 10, 0, 0, "0", pricing.AdviceFewRates},
	} {
		a := pricing.Advise(eur(tt.exposure), tt.daily, 61, tt.days, eur(tt.bears))
		require.Equal(t, eur(tt.loss), a.Loss)
		require.True(t, a.Share.Equal(money.MustRate(tt.share)), "%s", a.Share)
		require.Equal(t, tt.reason, a.Reason)
	}
}

func TestVolatility(t *testing.T) {
	var rates []money.Rate
	for i := range 61 { // up and down one per cent in turn
		rates = append(rates, money.MustRate([]string{"1.01", "1"}[i%2]))
	}
	daily, n := pricing.Volatility(rates)
	require.Equal(t, 61, n)
	require.InDelta(t, math.Log(1.01)*math.Sqrt(60.0/59), daily, 1e-9)
	daily, n = pricing.Volatility(rates[:19])
	require.Zero(t, daily)
	require.Equal(t, 19, n)
}

func TestExposed(t *testing.T) {
	usd := func(minor int64) money.Amount { return money.Of(minor, "USD") }
	got := pricing.Exposed([]pricing.Promise{
		{Ref: "q", Amount: usd(100_00), Chance: money.Percent(10), Due: "2026-12-04"},
		{Ref: "o", Amount: usd(30_00), Due: "2026-11-29"},
		{Ref: "p", Amount: usd(50_00), Locked: true},
		{Ref: "r", Amount: usd(-5_00)},
		{Ref: "h", Amount: eur(99)},
		{Ref: "g", Amount: money.Of(7, "GBP"), Due: "2026-11-01"},
	}, "EUR", today)
	require.Equal(t, []pricing.Exposure{{Currency: "GBP", Amount: money.Of(7, "GBP"), Locked: money.Of(0, "GBP"), Count: 1},
		{Currency: "USD", Amount: usd(35_00), Locked: usd(50_00), Days: 7, Count: 4}}, got)
}

func TestLockAndSettle(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		write := func(f func(tx *db.Tx) error) error { return d.Write(t.Context(), f) }
		lock := func(ref string, minor int64) (l pricing.Lock, err error) {
			err = write(func(tx *db.Tx) error { l, err = s.prices.Lock(tx, ref, money.Of(minor, "USD"), "EUR"); return err })
			return l, err
		}
		settle := func(payout, ref string, usd, home, fee int64) (r pricing.Result, err error) {
			err = write(func(tx *db.Tx) error {
				r, err = s.prices.Settle(tx, pricing.Settled{Payout: payout, Ref: ref, Amount: money.Of(usd, "USD"), Home: eur(home), Fee: eur(fee), Day: today})
				return err
			})
			return r, err
		}
		_, err := lock("ord_1", 200_00)
		require.ErrorIs(t, err, pricing.ErrNoRate)
		require.NoError(t, write(func(tx *db.Tx) error {
			for n := range 30 {
				rate := []string{"1.25", "1.26"}[n%2]
				if err := s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "USD", Rate: money.MustRate(rate), Day: market.AddDays(today, -n), Source: "ecb"}); err != nil {
					return err
				}
			}
			return nil
		}))
		l, err := lock("ord_1", 200_00)
		require.NoError(t, err)
		require.Equal(t, eur(160_00), l.Worth())
		again, err := lock("ord_1", 200_00)
		require.NoError(t, err)
		require.Equal(t, l, again)
		_, err = lock("ord_1", 201_00)
		require.ErrorIs(t, err, pricing.ErrLocked)
		_, err = lock("", 0)
		require.Error(t, err)
		_, err = lock("quo_2", 50_00)
		require.NoError(t, err)
		_, err = lock("quo_3", 70_00)
		require.NoError(t, err)
		require.NoError(t, write(func(tx *db.Tx) error { return s.prices.Release(tx, "quo_3") }))

		r, err := settle("po_1", "ord_1", 150_00, 118_00, 1_20)
		require.NoError(t, err)
		require.Equal(t, []money.Amount{eur(120_00), eur(-2_00)}, []money.Amount{r.Locked, r.Gain})
		require.Equal(t, "0.786666666667", r.Rate.String())
		same, err := settle("po_1", "ord_1", 150_00, 118_00, 1_20)
		require.NoError(t, err)
		require.Equal(t, r, same)
		_, err = settle("po_2", "ord_1", 50_01, 40_00, 0)
		require.ErrorIs(t, err, pricing.ErrOverSettled)
		_, err = settle("po_2", "ord_9", 1, 1, 0)
		require.ErrorIs(t, err, pricing.ErrNoLock)

		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			all, err := s.prices.Exposures(tx, "EUR", pricing.OpenLocks{Days: 10}, eur(10))
			require.NoError(t, err)
			require.Len(t, all, 1)
			e := all[0]
			require.Equal(t, money.Of(100_00, "USD"), e.Amount, "50 of the order and 50 of the quote")
			require.Equal(t, eur(80_00), e.Home)
			require.Equal(t, 10, e.Days)
			require.Equal(t, 30, e.Advice.Rates)
			require.Equal(t, pricing.AdviceLock, e.Advice.Reason)
			_, err = s.prices.Exposures(tx, "EUR", pricing.OpenLocks{}, money.Of(1, "USD"))
			require.Error(t, err)
			return nil
		}))

		_, err = settle("po_3", "ord_1", 50_00, 41_00, 0)
		require.NoError(t, err)
		l, err = lock("ord_1", 200_00)
		require.NoError(t, err)
		require.False(t, l.Open)
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			all, err := s.prices.Results(tx, "2026-11-01", "2026-11-30")
			require.NoError(t, err)
			require.Equal(t, []pricing.Monthly{{Month: "2026-11", Currency: "USD", Payouts: 2, Amount: money.Of(200_00, "USD"), Locked: eur(160_00), Settled: eur(159_00),
				Fees: eur(1_20), Gain: eur(-1_00)}}, pricing.ByMonth(all))
			return nil
		}))
	})
}

// However a lock is paid out in parts, the gains add up to what arrived less what was locked, part by part.
func TestGainsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []pricing.Result
		gain := int64(0)
		for range rapid.IntRange(1, 10).Draw(t, "parts") {
			home, locked := rapid.Int64Range(0, 1_000_000).Draw(t, "home"), rapid.Int64Range(0, 1_000_000).Draw(t, "locked")
			all = append(all, pricing.Result{Settled: pricing.Settled{Amount: money.Of(1, "USD"), Home: eur(home), Fee: eur(0), Day: today}, Locked: eur(locked), Gain: eur(home - locked)})
			gain += home - locked
		}
		m := pricing.ByMonth(all)
		if len(m) != 1 || m[0].Gain != eur(gain) || m[0].Settled.Sub(m[0].Locked) != m[0].Gain {
			t.Fatalf("%+v", m)
		}
	})
}
