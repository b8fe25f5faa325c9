package pricing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func usd(minor int64) money.Amount { return money.Of(minor, "USD") }

// locked is a shop with a lock of 200 dollars at 0.8 euros.
func locked(t *testing.T, d *db.DB, ref string) shop {
	s := open(t, d)
	dbtest.Write(t, d, func(tx *db.Tx) error {
		return s.prices.Keep(tx, ref, usd(200_00), pricing.LockedRate{Home: "EUR", Rate: money.MustRate("0.8"), Day: today, Source: "ecb"})
	})
	return s
}

func getLock(t *testing.T, d *db.DB, s shop, ref string) (l pricing.Lock) {
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		l, err = s.prices.GetLock(tx, ref)
		return err
	})
	return l
}

func TestOffer(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		_, ok := s.prices.Offer("USD", today)
		require.False(t, ok, "nobody has said what the merchant's currency is")
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.prices.SetDesk(tx, pricing.Desk{Home: "EUR", Days: 10}, "Mei") })
		require.NoError(t, s.prices.Load(t.Context()))
		_, ok = s.prices.Offer("USD", today)
		require.False(t, ok, "there is no rate")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "USD", Rate: money.MustRate("1.25"), Day: today, Source: "ecb"})
		})
		require.NoError(t, s.prices.Load(t.Context()))
		l, ok := s.prices.Offer("USD", today)
		require.True(t, ok)
		require.Equal(t, "0.8 EUR "+today+" ecb", fmt.Sprint(l.Rate, " ", l.Home, " ", l.Day, " ", l.Source))
		require.Equal(t, eur(80_00), l.Worth(usd(100_00)))
		same, ok := s.prices.Offer("EUR", today)
		require.True(t, ok)
		require.Equal(t, eur(7), same.Worth(eur(7)))
		_, ok = s.prices.Offer("USD", "2027-01-01")
		require.False(t, ok, "the rate is stale")
	})
}

func TestDeskRefuses(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		for field, desk := range map[string]pricing.Desk{
			"home":  {Home: "euro"},
			"bears": {Home: "EUR", Bears: usd(1)},
			"days":  {Home: "EUR", Days: -1},
			"url":   {Home: "EUR", URL: "file:///etc/passwd"},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { return s.prices.SetDesk(tx, desk, "Mei") })
			require.Contains(t, fault.Of(err).Fields, field, "%v", err)
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error { return s.prices.SetDesk(tx, pricing.Desk{Home: "EUR", Daily: true}, "Mei") })
		require.Equal(t, "pricing.needs_url", fault.Of(err).Fields["url"])
	})
}

func TestWaysOfALock(t *testing.T) {
	type step struct {
		do    string // pay, cancel, back
		minor int64
	}
	for _, tt := range []struct {
		name                    string
		steps                   []step
		open, settled, released int64
		fault                   *fault.Fault
	}{
		{"nothing happens", nil, 200_00, 0, 0, nil},
		{"paid out whole", []step{{"pay", 200_00}}, 0, 200_00, 0, nil},
		{"paid out in part", []step{{"pay", 150_00}}, 50_00, 150_00, 0, nil},
		{"cancelled", []step{{"cancel", 0}}, 0, 0, 200_00, nil},
		{"cancelled after a part", []step{{"pay", 150_00}, {"cancel", 0}}, 0, 150_00, 50_00, nil},
		{"cancelled, and the provider pays and takes back", []step{{"cancel", 0}, {"pay", 200_00}, {"pay", -200_00}}, 0, 0, 200_00, nil},
		{"refunded in part before the payout", []step{{"back", 30_00}, {"pay", 200_00}, {"pay", -30_00}}, 0, 170_00, 30_00, nil},
		{"refunded in part, paid out net", []step{{"back", 30_00}, {"pay", 170_00}}, 0, 170_00, 30_00, nil},
		{"refunded in part after the payout", []step{{"pay", 200_00}, {"back", 30_00}, {"pay", -30_00}}, 0, 170_00, 30_00, nil},
		{"taken back while more is to come", []step{{"pay", 100_00}, {"pay", -20_00}}, 100_00, 80_00, 20_00, nil},
		{"too much", []step{{"pay", 200_01}}, 200_00, 0, 0, pricing.ErrOverSettled},
		{"more taken back than came", []step{{"pay", 10_00}, {"pay", -10_01}}, 190_00, 10_00, 0, pricing.ErrOverSettled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				s := locked(t, d, "ord_1")
				var err error
				for i, step := range tt.steps {
					err = d.Write(t.Context(), func(tx *db.Tx) error {
						switch step.do {
						case "cancel":
							return s.prices.Release(tx, "ord_1")
						case "back":
							return s.prices.ReleasePart(tx, "ord_1", usd(step.minor))
						}
						_, err := s.prices.Settle(tx, pricing.Settled{Payout: fmt.Sprint("po_", i), Ref: "ord_1", Amount: usd(step.minor), Home: eur(step.minor * 4 / 5), Day: today})
						return err
					})
				}
				if tt.fault != nil {
					require.ErrorIs(t, err, tt.fault)
				} else {
					require.NoError(t, err)
				}
				l := getLock(t, d, s, "ord_1")
				require.Equal(t, []int64{tt.open, tt.settled, tt.released}, []int64{l.Rest().Minor, l.Settled.Minor, l.Released.Minor})
				require.Equal(t, tt.open > 0, l.Open)
			})
		})
	}
}

// Whatever happens to a lock, what is open, settled and released is what was locked, and what the parts were
// worth at the locked rate adds up to the worth of what is settled, to the minor unit.
func TestLockLaw(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, n := open(t, d), 0
		rapid.Check(t, func(r *rapid.T) {
			n++
			ref := fmt.Sprint("ord_", n)
			amount := usd(rapid.Int64Range(1, 1_000_000).Draw(r, "amount"))
			rate := money.Rate{Coef: rapid.Int64Range(1, 99_999_999).Draw(r, "rate"), Scale: 7}
			var locked, gain, home int64
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				if err := s.prices.Keep(tx, ref, amount, pricing.LockedRate{Home: "EUR", Rate: rate, Day: today, Source: "ecb"}); err != nil {
					return err
				}
				for i := range rapid.IntRange(0, 8).Draw(r, "steps") {
					part := rapid.Int64Range(-amount.Minor, amount.Minor).Draw(r, "part")
					var err error
					switch rapid.IntRange(0, 5).Draw(r, "step") {
					case 0:
						err = s.prices.Release(tx, ref)
					case 1:
						err = s.prices.ReleasePart(tx, ref, usd(part))
					default:
						if part == 0 {
							continue
						}
						got := rapid.Int64Range(0, 2_000_000).Draw(r, "home")
						if part < 0 {
							got = -got
						}
						var res pricing.Result
						if res, err = s.prices.Settle(tx, pricing.Settled{Payout: fmt.Sprint("po_", i), Ref: ref, Amount: usd(part), Home: eur(got), Day: today}); err == nil {
							locked, gain, home = locked+res.Locked.Minor, gain+res.Gain.Minor, home+got
						}
						if fault.Of(err).Code == pricing.ErrOverSettled.Code {
							err = nil
						}
					}
					if err != nil {
						return err
					}
				}
				l, err := s.prices.GetLock(tx, ref)
				if err != nil {
					return err
				}
				if l.Rest().Minor < 0 || l.Settled.Minor < 0 || l.Released.Minor < 0 || l.Rest().Add(l.Settled).Add(l.Released) != amount || l.Open != (l.Rest().Minor > 0) {
					r.Fatalf("%+v", l)
				}
				if want := l.Settled.Convert("EUR", rate); want.Minor != locked || gain != home-locked {
					r.Fatalf("parts were worth %d, the whole is %s; gain %d of %d", locked, want, gain, home)
				}
				return nil
			})
			if err != nil {
				r.Fatal(err)
			}
		})
	})
}

const payoutHead = "payout,ref,amount,currency,home_amount,home_currency,fee,day\n"

// names knows orders by number.
type names map[string]string

func (n names) OrderOf(_ *db.Tx, ref string) (string, error) { return n[ref], nil }

func TestPayouts(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := locked(t, d, "ord_1")
		q := jobs.New(d)
		s.prices.Work(q)
		var text strings.Builder
		text.WriteString(payoutHead)
		for i := range 250 {
			fmt.Fprintf(&text, "po_%d,F-1,0.10,USD,0.07,EUR,0.01,%s\n", i, today)
		}
		take := func(text string) (f pricing.PayoutFile, err error) {
			lines, err := pricing.ReadPayouts(strings.NewReader(text))
			if err != nil {
				return f, err
			}
			err = d.Write(t.Context(), func(tx *db.Tx) error {
				f, err = s.prices.TakePayouts(tx, "november.csv", lines, names{"F-1": "ord_1"}, "Mei")
				return err
			})
			return f, err
		}
		f, err := take(text.String())
		require.NoError(t, err)
		require.EqualValues(t, 250, f.Lines)
		require.Equal(t, usd(200_00), getLock(t, d, s, "ord_1").Rest(), "a job settles it, not the upload")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			left, err := s.prices.WorkPayouts(tx, f.ID)
			require.EqualValues(t, 150, left)
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		get := func(id string) (f pricing.PayoutFile) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { f, err = s.prices.PayoutFile(tx, id); return err })
			return f
		}
		done := get(f.ID)
		require.Equal(t, []int64{250, 250, 0, 0}, []int64{done.Done, done.Fresh, done.Known(), done.Refused})
		require.False(t, done.EndedAt.IsZero())
		l := getLock(t, d, s, "ord_1")
		require.Equal(t, usd(25_00), l.Settled)

		again, err := take(text.String())
		require.NoError(t, err)
		require.NoError(t, q.Drain(t.Context()))
		require.EqualValues(t, 250, get(again.ID).Known(), "the same report again changes nothing")
		require.Equal(t, l, getLock(t, d, s, "ord_1"))

		_, err = take(payoutHead + "po_0,F-1,0.11,USD,0.07,EUR,,2026-11-01\npo_x,F-2,1,USD,1,EUR,,2026-11-01\npo_y,ord_1,175.01,USD,1,EUR,,2026-11-01\npo_z,ord_1,1,GBP,1,EUR,,2199-01-01\n")
		require.ErrorIs(t, err, pricing.ErrPayoutFile)
		require.Equal(t, []pricing.LineFault{{Line: 2, Column: "entry", Value: "charge", Code: "pricing.settled_otherwise"}, {Line: 3, Column: "ref", Value: "F-2", Code: "pricing.no_lock"},
			{Line: 4, Column: "amount", Value: "175.01", Code: "pricing.over_settled"}, {Line: 5, Column: "day", Value: "2199-01-01", Code: "pricing.day_future"},
			{Line: 5, Column: "amount", Code: "pricing.currency_differs"}}, pricing.FileFaults(err))
		require.Equal(t, l, getLock(t, d, s, "ord_1"))

		// Another payout comes between taking and settling.
		f, err = take(payoutHead + "po_a,ord_1,175.00,USD,140,EUR,,2026-11-02\n")
		require.NoError(t, err)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := s.prices.Settle(tx, pricing.Settled{Payout: "po_b", Ref: "ord_1", Amount: usd(100_00), Home: eur(80_00), Day: today})
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		require.EqualValues(t, 1, get(f.ID).Refused)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			lines, err := s.prices.RefusedLines(tx, f.ID)
			require.Len(t, lines, 1)
			require.Equal(t, "pricing.over_settled", lines[0].Fault)
			_, none := s.prices.PayoutFile(tx, "pof_9")
			require.ErrorIs(t, none, pricing.ErrNoPayoutFile)
			return err
		})
	})
}

func TestReadPayoutsRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, column, code string }{
		{"nothing", " \n", "file", "pricing.file_empty"},
		{"only a head", payoutHead, "file", "pricing.file_empty"},
		{"another head", "order,amount\n1,2\n", "file", "pricing.file_head"},
		{"Latin-1", payoutHead + "po_1,\xfc,1,USD,1,EUR,,2026-11-01\n", "file", "pricing.file_not_utf8"},
		{"a column is missing", payoutHead + "po_1,ord_1,1,USD\n", "file", "pricing.columns_differ"},
		{"a quote never ends", payoutHead + "po_1,\"ord_1,1\n", "file", "pricing.file_unreadable"},
		{"no payout", payoutHead + ",ord_1,1,USD,1,EUR,,2026-11-01\n", "payout", "pricing.needs_source"},
		{"no order", payoutHead + "po_1,,1,USD,1,EUR,,2026-11-01\n", "ref", "pricing.needs_source"},
		{"no number", payoutHead + "po_1,ord_1,one,USD,1,EUR,,2026-11-01\n", "amount", "pricing.amount_form"},
		{"too fine", payoutHead + "po_1,ord_1,1.001,USD,1,EUR,,2026-11-01\n", "amount", "pricing.amount_form"},
		{"no currency", payoutHead + "po_1,ord_1,1,,1,EUR,,2026-11-01\n", "currency", "pricing.currency_form"},
		{"no home currency", payoutHead + "po_1,ord_1,1,USD,1,€,,2026-11-01\n", "home_currency", "pricing.currency_form"},
		{"no fee", payoutHead + "po_1,ord_1,1,USD,1,EUR,x,2026-11-01\n", "fee", "pricing.amount_form"},
		{"no day", payoutHead + "po_1,ord_1,1,USD,1,EUR,,1.11.2026\n", "day", "pricing.day_form"},
		{"twice", payoutHead + "po_1,ord_1,1,USD,1,EUR,,2026-11-01\npo_1,ord_1,2,USD,1,EUR,,2026-11-01\n", "entry", "pricing.entry_twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pricing.ReadPayouts(strings.NewReader(tt.text))
			require.ErrorIs(t, err, pricing.ErrPayoutFile)
			got := pricing.FileFaults(err)
			require.NotEmpty(t, got)
			require.Equal(t, tt.column+" "+tt.code, got[len(got)-1].Column+" "+got[len(got)-1].Code)
		})
	}
	lines, err := pricing.ReadPayouts(strings.NewReader("\ufeff" + strings.TrimSuffix(payoutHead, "\n") + ",entry\r\npo_1, F-1 ,-1.50,USD,-1.20,EUR,0.10,2026-11-01,txn_9\r\n"))
	require.NoError(t, err)
	require.Equal(t, []pricing.PayoutLine{{Line: 2, Settled: pricing.Settled{Payout: "po_1", Ref: "F-1", Entry: "txn_9", Amount: usd(-1_50), Home: eur(-1_20), Fee: eur(10), Day: "2026-11-01"}}}, lines)
}
