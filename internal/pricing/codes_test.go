package pricing_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func day(s string) time.Time {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return at.Add(12 * time.Hour)
}

func issue(t *testing.T, d *db.DB, s shop, r pricing.CodeRule) pricing.Code {
	t.Helper()
	var c pricing.Code
	dbtest.Write(t, d, func(tx *db.Tx) (err error) {
		c, err = s.prices.Issue(tx, r)
		return err
	})
	return c
}

func TestCodes(t *testing.T) {
	eur := func(n int64) money.Amount { return money.Of(n, "EUR") }
	use := pricing.CodeUse{Market: "de", Cart: "cart_1", Customer: "cus_1", Subtotal: eur(74_97)}
	five := pricing.CodeRule{Kind: pricing.PercentOff, Percent: money.Percent(5)}
	with := func(f func(*pricing.CodeRule)) pricing.CodeRule { r := five; f(&r); return r }
	fixed := pricing.CodeRule{Kind: pricing.AmountOff, Amounts: map[market.Code]money.Amount{"de": eur(10_00), "us": money.Of(12_00, "USD")}}
	tests := []struct {
		name string
		rule pricing.CodeRule
		use  func(*pricing.CodeUse)
		off  money.Amount
		err  error
	}{
		{"5 % of 74.97", five, nil, eur(3_75), nil},
		{"fixed", fixed, nil, eur(10_00), nil},
		{"never more than the goods", fixed, func(u *pricing.CodeUse) { u.Subtotal = eur(7_00) }, eur(7_00), nil},
		{"fixed, no amount for the market", fixed, func(u *pricing.CodeUse) { u.Market = "gb"; u.Subtotal = money.Of(50_00, "GBP") }, eur(0), pricing.ErrCodeUnknown},
		{"fixed, other currency", fixed, func(u *pricing.CodeUse) { u.Subtotal = money.Of(50_00, "USD") }, eur(0), pricing.ErrCodeUnknown},
		{"own market", with(func(r *pricing.CodeRule) { r.Market = "de" }), nil, eur(3_75), nil},
		{"foreign market", with(func(r *pricing.CodeRule) { r.Market = "us" }), nil, eur(0), pricing.ErrCodeUnknown},
		{"own person", with(func(r *pricing.CodeRule) { r.Customer = "cus_1" }), nil, eur(3_75), nil},
		{"foreign person", with(func(r *pricing.CodeRule) { r.Customer = "cus_2" }), nil, eur(0), pricing.ErrCodeUnknown},
		{"foreign cart", with(func(r *pricing.CodeRule) { r.Cart = "cart_2" }), nil, eur(0), pricing.ErrCodeUnknown},
		{"to come", with(func(r *pricing.CodeRule) { r.ValidFrom = dbtest.Start.Add(time.Second) }), nil, eur(0), pricing.ErrCodeEarly},
		{"over", with(func(r *pricing.CodeRule) {
			r.ValidFrom, r.ValidTo = dbtest.Start.Add(-time.Hour), dbtest.Start
		}), nil, eur(0), pricing.ErrCodeExpired},
		{"a second left", with(func(r *pricing.CodeRule) { r.ValidTo = dbtest.Start.Add(time.Second) }), nil, eur(3_75), nil},
		{"minimum met", with(func(r *pricing.CodeRule) { r.Minimums = map[market.Code]money.Amount{"de": eur(74_97)} }), nil, eur(3_75), nil},
		{"below the minimum", with(func(r *pricing.CodeRule) { r.Minimums = map[market.Code]money.Amount{"de": eur(74_98)} }), nil, eur(0), pricing.ErrCodeMinimum},
		{"foreign and over", with(func(r *pricing.CodeRule) {
			r.Customer, r.ValidFrom, r.ValidTo = "cus_2", dbtest.Start.Add(-time.Hour), dbtest.Start
		}), nil, eur(0), pricing.ErrCodeUnknown},
	}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		check := func(code string, u pricing.CodeUse) (off money.Amount, err error) {
			err = d.Read(t.Context(), func(tx *db.Tx) (err error) {
				off, err = s.prices.Check(tx, code, u)
				return err
			})
			return off, err
		}
		for _, tt := range tests {
			u := use
			if tt.use != nil {
				tt.use(&u)
			}
			code := issue(t, d, s, tt.rule)
			off, err := check(code.Code, u)
			require.ErrorIs(t, err, tt.err, tt.name)
			if tt.err == nil {
				require.Equal(t, tt.off, off, tt.name)
			}
			if tt.err == pricing.ErrCodeMinimum {
				require.Equal(t, "74.98", fault.Of(err).Fields["minimum"])
			}
			if tt.err == pricing.ErrCodeUnknown {
				_, none := check("NEVERWAS", u)
				require.Equal(t, fault.Of(none), fault.Of(err), "a guesser can't tell a foreign code from none")
			}
		}
		for _, nonsense := range []string{"", "x", "' or 1=1 --", "\x00\x00\x00\x00", "ÄÖÜßÄÖ", string(make([]byte, 1<<20)), "../../etc"} {
			_, err := check(nonsense, use)
			require.ErrorIs(t, err, pricing.ErrCodeUnknown)
		}

		back := issue(t, d, s, with(func(r *pricing.CodeRule) { r.Prefix = "back" }))
		require.Regexp(t, `^BACK[2-9A-HJKMNP-TV-Z]{10}$`, back.Code)
		off, err := check(" back-"+back.Code[4:8]+"-"+back.Code[8:]+" ", use)
		require.NoError(t, err)
		require.Equal(t, eur(3_75), off)

		issue(t, d, s, with(func(r *pricing.CodeRule) { r.Code = "welcome5" }))
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := s.prices.Issue(tx, with(func(r *pricing.CodeRule) { r.Code = "WELCOME5" }))
			return err
		}), pricing.ErrCodeTaken)
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.prices.Void(tx, "WELCOME5") })
		_, err = check("WELCOME5", use)
		require.ErrorIs(t, err, pricing.ErrCodeExpired)
	})
}

func TestIssueRefuses(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		for field, r := range map[string]pricing.CodeRule{
			"kind":     {},
			"percent":  {Kind: pricing.PercentOff, Percent: money.MustRate("1.01")},
			"amounts":  {Kind: pricing.AmountOff},
			"code":     {Kind: pricing.PercentOff, Percent: money.Percent(5), Code: "A B!"},
			"valid_to": {Kind: pricing.PercentOff, Percent: money.Percent(5), ValidTo: dbtest.Start},
			"max_uses": {Kind: pricing.PercentOff, Percent: money.Percent(5), MaxUses: -1},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.prices.Issue(tx, r); return err })
			require.Contains(t, fault.Of(err).Fields, field)
		}
	})
}

func TestRedeem(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		use := pricing.CodeUse{Market: "de", Subtotal: money.Of(100_00, "EUR")}
		code := issue(t, d, s, pricing.CodeRule{Kind: pricing.PercentOff, Percent: money.Percent(5)}).Code
		redeem := func(order string, u pricing.CodeUse) (off money.Amount, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) (err error) {
				off, err = s.prices.Redeem(tx, code, u, order)
				return err
			})
			return off, err
		}
		for range 2 {
			off, err := redeem("ord_1", use)
			require.NoError(t, err)
			require.Equal(t, money.Of(5_00, "EUR"), off)
		}
		other := use
		other.Subtotal.Minor = 200_00
		off, err := redeem("ord_1", other)
		require.NoError(t, err)
		require.Equal(t, money.Of(5_00, "EUR"), off, "what was taken off stays")
		_, err = redeem("ord_2", use)
		require.ErrorIs(t, err, pricing.ErrCodeUsed)
		for range 2 {
			dbtest.Write(t, d, func(tx *db.Tx) error { return s.prices.Restore(tx, code, "ord_1") })
		}
		_, err = redeem("ord_2", use)
		require.NoError(t, err)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			c, err := s.prices.GetCode(tx, code)
			require.EqualValues(t, 1, c.Uses)
			return err
		})
	})
}

func TestRedeemedByManyAtOnce(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		use := pricing.CodeUse{Market: "de", Subtotal: money.Of(100_00, "EUR")}
		code := issue(t, d, s, pricing.CodeRule{Kind: pricing.PercentOff, Percent: money.Percent(5), MaxUses: 3}).Code
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := s.prices.Redeem(tx, code, use, fmt.Sprintf("ord_%d", i/2)) // each order twice
					return err
				})
				switch {
				case err == nil:
					won.Add(1)
				case fault.Of(err).Code == pricing.ErrCodeUsed.Code:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 6, won.Load(), "three orders, each told twice")
		require.EqualValues(t, 26, lost.Load())
	})
}
