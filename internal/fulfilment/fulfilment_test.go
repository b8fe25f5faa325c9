package fulfilment_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/settings"
)

var schemas = []db.Schema{settings.Schema, jobs.Schema, market.Schema, fulfilment.Schema}

func open(t testing.TB, d *db.DB) *fulfilment.Service {
	t.Helper()
	w := settings.Watch(d)
	markets := market.New(d, w, settings.Bump)
	s := fulfilment.New(d, w, settings.Bump, markets)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		for _, m := range []market.Market{
			{Code: "de", Countries: []market.Country{"DE"}, Currency: "EUR", TaxInclusive: true, Zone: "Europe/Berlin", ShipFrom: []string{"ams", "can"}},
			{Code: "gb", Countries: []market.Country{"GB"}, Currency: "GBP", TaxInclusive: true, Zone: "Europe/London", ShipFrom: []string{"can"}},
			{Code: "us", Countries: []market.Country{"US"}, Currency: "USD", Zone: "America/New_York", ShipFrom: []string{"can"}},
			{Code: "id", Countries: []market.Country{"ID"}, Currency: "IDR", TaxInclusive: true, Zone: "Asia/Jakarta", ShipFrom: []string{"can"}},
			{Code: "my", Countries: []market.Country{"MY"}, Currency: "MYR", TaxInclusive: true, Zone: "Asia/Kuala_Lumpur", ShipFrom: []string{"can"}},
		} {
			m.Name, m.State, m.Languages, m.Incoterm, m.Factor = string(m.Code), market.Open, []string{"en"}, "DDP", money.One
			m.Rounding = market.Rounding{Step: 1, Direction: market.Nearest}
			if err := markets.Save(tx, m); err != nil {
				return err
			}
		}
		if err := s.Seed(tx); err != nil {
			return err
		}
		return s.SetStock(tx, []fulfilment.Stock{
			{SKU: "tee", Location: "can", OnHand: 12, Safety: 2},
			{SKU: "tee", Location: "ams", OnHand: 3},
			{SKU: "hat", Location: "can", OnHand: 1},
		})
	})
	require.NoError(t, err)
	return s
}

func stock(t testing.TB, d *db.DB, s *fulfilment.Service, sku, location string) fulfilment.Stock {
	t.Helper()
	var out fulfilment.Stock
	require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
		all, err := s.Stocks(tx, sku)
		for _, st := range all {
			if st.Location == location {
				out = st
			}
		}
		return err
	}))
	return out
}

func TestReservation(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		reserve := func(ref string, wants ...fulfilment.Want) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return s.Reserve(tx, ref, wants, tx.Now().Add(15*time.Minute)) })
		}
		tee := func(n int64) fulfilment.Want { return fulfilment.Want{SKU: "tee", Location: "can", Quantity: n} }
		hat := func(n int64) fulfilment.Want { return fulfilment.Want{SKU: "hat", Location: "can", Quantity: n} }
		do := func(f func(*db.Tx, string) error, ref string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return f(tx, ref) })
		}

		require.NoError(t, reserve("a", tee(4)))
		require.NoError(t, reserve("a", tee(2), tee(1), hat(1)), "replaces the first; equal lines add up")
		require.NoError(t, reserve("a", tee(2), tee(1), hat(1)), "and again")
		require.EqualValues(t, 3, stock(t, d, s, "tee", "can").Reserved)
		require.EqualValues(t, 1, stock(t, d, s, "hat", "can").Reserved)

		err := reserve("b", tee(8), hat(1))
		require.ErrorIs(t, err, fulfilment.ErrSoldOut)
		require.Equal(t, map[string]string{"tee": "7", "hat": "0"}, fault.Of(err).Fields, "ten may be promised, three are held")
		require.EqualValues(t, 3, stock(t, d, s, "tee", "can").Reserved)

		// A caller that goes on after the fault keeps nothing half done.
		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
			require.ErrorIs(t, s.Reserve(tx, "b", []fulfilment.Want{tee(2), hat(1)}, tx.Now()), fulfilment.ErrSoldOut)
			require.ErrorIs(t, s.Reserve(tx, "a", []fulfilment.Want{tee(1), hat(2)}, tx.Now()), fulfilment.ErrSoldOut)
			return nil
		}))
		require.EqualValues(t, 3, stock(t, d, s, "tee", "can").Reserved)
		require.ErrorIs(t, do(s.Allocate, "b"), fulfilment.ErrUnknownReservation)

		for range 2 {
			require.NoError(t, do(s.Allocate, "a"))
		}
		require.Equal(t, fulfilment.Stock{SKU: "tee", Location: "can", OnHand: 12, Safety: 2, Allocated: 3}, stock(t, d, s, "tee", "can"))
		require.ErrorIs(t, reserve("a", tee(1)), fulfilment.ErrAllocated)
		for range 2 {
			require.NoError(t, do(s.Ship, "a"))
		}
		require.Equal(t, fulfilment.Stock{SKU: "tee", Location: "can", OnHand: 9, Safety: 2}, stock(t, d, s, "tee", "can"))
		require.NoError(t, do(s.Release, "a"), "what has left isn't given back")
		require.EqualValues(t, 9, stock(t, d, s, "tee", "can").OnHand)

		require.NoError(t, reserve("c", tee(5)))
		for range 2 {
			require.NoError(t, do(s.Release, "c"))
		}
		require.Zero(t, stock(t, d, s, "tee", "can").Reserved)
		require.NoError(t, do(s.Release, "never was"))
		require.ErrorIs(t, do(s.Allocate, "never was"), fulfilment.ErrUnknownReservation)
		require.ErrorIs(t, do(s.Ship, "c"), fulfilment.ErrNotAllocated)
		require.NoError(t, do(s.Allocate, "c"), "paid after all")
		require.EqualValues(t, 5, stock(t, d, s, "tee", "can").Allocated)
		require.NoError(t, do(s.Release, "c"), "cancelled")
		require.Zero(t, stock(t, d, s, "tee", "can").Allocated)

		for _, w := range []fulfilment.Want{tee(0), tee(-1), tee(1_000_000_000), {SKU: "tee", Quantity: 1}, {Location: "can", Quantity: 1}} {
			require.Equal(t, fault.Invalid, fault.Of(reserve("d", w)).Kind, "%+v", w)
		}
		require.Equal(t, fault.Invalid, fault.Of(reserve("d")).Kind)
		require.ErrorIs(t, reserve("d", fulfilment.Want{SKU: "nope", Location: "can", Quantity: 1}), fulfilment.ErrSoldOut)
		require.ErrorIs(t, reserve("d", fulfilment.Want{SKU: "hat", Location: "mars", Quantity: 1}), fulfilment.ErrSoldOut)
	})
}

func TestReservationsExpire(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		at := func(n int64) []fulfilment.Want { return []fulfilment.Want{{SKU: "tee", Location: "can", Quantity: n}} }
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return errors.Join(s.Reserve(tx, "a", at(4), tx.Now().Add(15*time.Minute)), s.Reserve(tx, "b", at(3), tx.Now().Add(15*time.Minute)),
				s.Reserve(tx, "c", at(2), tx.Now().Add(time.Hour)))
		})
		gone := 0
		sweep := func(limit int) {
			dbtest.Write(t, d, func(tx *db.Tx) (err error) {
				gone, err = s.Expire(tx, limit)
				return err
			})
		}
		sweep(10)
		require.Zero(t, gone)
		d.Clock().Advance(15 * time.Minute)
		sweep(1)
		require.Equal(t, 1, gone)
		sweep(10)
		require.Equal(t, 1, gone)
		require.EqualValues(t, 2, stock(t, d, s, "tee", "can").Reserved)

		dbtest.Write(t, d, func(tx *db.Tx) error { return s.Allocate(tx, "a") }) // the stock is still there
		require.EqualValues(t, 4, stock(t, d, s, "tee", "can").Allocated)
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.Reserve(tx, "d", at(4), tx.Now().Add(time.Hour)) })
		err := d.Write(t.Context(), func(tx *db.Tx) error { return s.Allocate(tx, "b") })
		require.ErrorIs(t, err, fulfilment.ErrSoldOut)
		require.Equal(t, map[string]string{"tee": "0"}, fault.Of(err).Fields)
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.Reserve(tx, "c", at(1), tx.Now().Add(time.Hour)) })
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.Reserve(tx, "b", at(1), tx.Now().Add(time.Hour)) })
		st := stock(t, d, s, "tee", "can")
		require.Equal(t, []int64{6, 4, 0}, []int64{st.Reserved, st.Allocated, st.Free()})
	})
}

func TestExpiryJob(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		q := jobs.New(d)
		s.Work(q)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return s.Reserve(tx, "a", []fulfilment.Want{{SKU: "hat", Location: "can", Quantity: 1}}, tx.Now().Add(-time.Second))
		})
		require.NoError(t, q.Drain(t.Context()))
		require.Zero(t, stock(t, d, s, "hat", "can").Reserved)
	})
}

// 64 shoppers want one of ten pieces at once; then the pieces go back and forth.
func TestNeverOversold(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				ref := fmt.Sprintf("chk_%d", i)
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					return s.Reserve(tx, ref, []fulfilment.Want{{SKU: "tee", Location: "can", Quantity: 1}}, tx.Now().Add(time.Minute))
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, fulfilment.ErrSoldOut):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10, won.Load())
		require.EqualValues(t, 54, lost.Load())
		require.Zero(t, stock(t, d, s, "tee", "can").Free())
	})
}

// Whatever many works do in whatever order, the columns agree with the reservations and nothing is negative.
func TestStockAgreesAfterAStorm(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		var all sync.WaitGroup
		for w := range 16 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(w), 7))
				for range 12 {
					ref := fmt.Sprintf("chk_%d", r.IntN(24))
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						switch r.IntN(5) {
						case 0:
							return s.Allocate(tx, ref)
						case 1:
							return s.Release(tx, ref)
						case 2:
							_, err := s.Expire(tx, 3)
							return err
						}
						var wants []fulfilment.Want
						for _, sku := range []string{"tee", "hat"} {
							wants = append(wants, fulfilment.Want{SKU: sku, Location: "can", Quantity: 1 + r.Int64N(3)})
						}
						return s.Reserve(tx, ref, wants[:1+r.IntN(2)], tx.Now().Add(time.Duration(r.IntN(3)-1)*time.Minute))
					})
					if err != nil && fault.Of(err).Kind == fault.Internal {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for _, column := range []string{"reserved held", "allocated allocated"} {
				var name, state string
				fmt.Sscan(column, &name, &state)
				wrong, err := db.One(tx, db.Scalar[int64], `select count(*) from stock_levels s where `+name+` <> coalesce((select sum(quantity) from reservation_lines l
					join reservations r on r.ref = l.ref where l.sku = s.sku and l.location = s.location and r.state = $1), 0)`, state)
				require.NoError(t, err)
				require.Zero(t, wrong, column)
			}
			over, err := db.One(tx, db.Scalar[int64], `select count(*) from stock_levels where on_hand - safety - reserved - allocated < 0`)
			require.Zero(t, over)
			return err
		})
	})
}

func TestLevels(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		require.Equal(t, fulfilment.Level{Free: 10}, s.Level("de", "tee"), "the location that has most")
		require.Equal(t, fulfilment.Level{Free: 1, Low: true}, s.Level("us", "hat"))
		require.False(t, s.InStock("us", "nope"))
		require.False(t, s.InStock("nope", "hat"))
		epoch := s.Epoch()
		reserve := func(sku string, n int64) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				return s.Reserve(tx, "r"+sku, []fulfilment.Want{{SKU: sku, Location: "can", Quantity: n}}, tx.Now().Add(time.Minute))
			})
		}
		reserve("tee", 4)
		require.EqualValues(t, 6, s.Level("de", "tee").Free)
		require.Equal(t, epoch, s.Epoch(), "nothing has sold out")
		reserve("hat", 1)
		require.False(t, s.InStock("us", "hat"))
		require.Greater(t, s.Epoch(), epoch)
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.Release(tx, "rhat") })
		require.True(t, s.InStock("us", "hat"))
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return s.SetStock(tx, []fulfilment.Stock{{SKU: "new", Location: "ams", OnHand: 7}})
		})
		require.EqualValues(t, 7, s.Level("de", "new").Free)
		require.EqualValues(t, 0, s.Level("us", "new").Free)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := s.Available(tx, []string{"tee", "hat", "nope"}, []string{"ams", "can"})
			require.Equal(t, map[string]int64{"tee": 6, "hat": 1, "nope": 0}, all)
			return err
		})
		for _, st := range []fulfilment.Stock{{SKU: "x", Location: "mars"}, {SKU: "x", Location: "can", OnHand: -1}, {Location: "can"}} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { return s.SetStock(tx, []fulfilment.Stock{st}) })
			require.Equal(t, fault.Invalid, fault.Of(err).Kind)
		}
	})
}

// Another node sold the last one a moment ago: whoever finds out knows it from then on.
func TestLevelsLearnFromBeingMisled(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		w := settings.Watch(d)
		other := fulfilment.New(d, w, settings.Bump, market.New(d, w, settings.Bump))
		require.True(t, s.InStock("us", "hat"))
		hat := func(s *fulfilment.Service, ref string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				return s.Reserve(tx, ref, []fulfilment.Want{{SKU: "hat", Location: "can", Quantity: 1}}, tx.Now().Add(time.Minute))
			})
		}
		require.NoError(t, hat(other, "theirs"))
		require.True(t, s.InStock("us", "hat"), "not known yet")
		require.ErrorIs(t, hat(s, "ours"), fulfilment.ErrSoldOut)
		require.False(t, s.InStock("us", "hat"))
	})
}

func TestOptions(t *testing.T) {
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return when
	}
	tests := []struct {
		name    string
		m       market.Code
		tees    int64
		grams   int64
		goods   int64
		at      string
		service string
		price   int64
		from    string
		to      string
	}{
		// Amsterdam, 24 November 2026 is a Tuesday; the cut-off is 15:00.
		{"from the hub, before the cut-off", "de", 1, 300, 0, "2026-11-24T13:59:00Z", "standard", 490, "2026-11-26", "2026-11-27"},
		{"from the hub, at the cut-off", "de", 1, 300, 0, "2026-11-24T14:00:00Z", "standard", 490, "2026-11-27", "2026-11-30"},
		{"the next day", "de", 1, 300, 0, "2026-11-24T10:00:00Z", "express", 990, "2026-11-25", "2026-11-25"},
		{"over Christmas", "de", 1, 300, 0, "2026-12-23T16:00:00Z", "standard", 490, "2026-12-29", "2026-12-30"},
		{"more than the hub has", "de", 4, 300, 0, "2026-11-24T01:00:00Z", "standard_ddp", 990, "2026-12-03", "2026-12-08"},
		{"two kilograms begun", "us", 4, 300, 0, "2026-11-24T01:00:00Z", "standard_ddp", 795 + 350, "2026-12-04", "2026-12-10"},
		{"one kilogram exactly", "us", 2, 500, 0, "2026-11-24T01:00:00Z", "standard_ddp", 795, "2026-12-04", "2026-12-10"},
		{"free from 99 dollars", "us", 4, 300, 99_00, "2026-11-24T01:00:00Z", "standard_ddp", 0, "2026-12-04", "2026-12-10"},
		{"Guangzhou is closed for the Spring Festival", "gb", 1, 300, 0, "2027-02-05T01:00:00Z", "express_ddp", 14_99, "2027-02-19", "2027-02-23"},
		{"after the cut-off in Guangzhou it is still morning in London", "gb", 1, 300, 0, "2026-11-24T09:30:00Z", "express_ddp", 14_99, "2026-12-01", "2026-12-03"},
		{"Eid in Indonesia", "id", 1, 300, 0, "2026-03-16T01:00:00Z", "express_ddp", 165_000_00, "2026-03-26", "2026-03-30"},
	}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		for _, tt := range tests {
			mk := map[market.Code]money.Currency{"de": "EUR", "us": "USD", "gb": "GBP", "id": "IDR"}[tt.m]
			all, err := s.Options(fulfilment.OptionsRequest{Market: tt.m, At: at(tt.at), Subtotal: money.Of(tt.goods, mk),
				Lines: []fulfilment.OptionLine{{SKU: "tee", Quantity: tt.tees, WeightGrams: tt.grams}}})
			require.NoError(t, err, tt.name)
			found := false
			for _, o := range all {
				if o.Service == tt.service {
					found = true
					require.Equal(t, money.Of(tt.price, mk), o.Price, tt.name)
					require.Equal(t, []string{tt.from, tt.to}, []string{o.FromDay, o.ToDay}, tt.name)
					require.LessOrEqual(t, o.MinDays, o.MaxDays)
					require.Equal(t, tt.tees*tt.grams, o.WeightGrams)
				}
			}
			require.True(t, found, "%s: %+v", tt.name, all)
		}
		lines := []fulfilment.OptionLine{{SKU: "tee", Quantity: 1, WeightGrams: 300}}
		require.Equal(t, "ams", s.Locate("de", lines))
		require.Equal(t, "can", s.Locate("de", []fulfilment.OptionLine{{SKU: "tee", Quantity: 2}, {SKU: "tee", Quantity: 2}}))
		require.Equal(t, "ams", s.Locate("de", []fulfilment.OptionLine{{SKU: "tee", Quantity: 3}}), "the market's first choice that has them")
		require.Equal(t, "can", s.Locate("de", []fulfilment.OptionLine{{SKU: "tee", Quantity: 3}, {SKU: "hat", Quantity: 1}}))
		require.Equal(t, []int64{10, 1}, s.Together("de", []fulfilment.OptionLine{{SKU: "tee", Quantity: 3}, {SKU: "hat", Quantity: 1}}))
		require.Equal(t, []int64{10, 1}, s.Together("de", []fulfilment.OptionLine{{SKU: "tee", Quantity: 11}, {SKU: "hat", Quantity: 1}}), "where most of it is")
		require.Equal(t, []int64{0}, s.Together("nope", []fulfilment.OptionLine{{SKU: "tee", Quantity: 1}}))
		_, err := s.Options(fulfilment.OptionsRequest{Market: "de", Country: "FR", At: at("2026-11-24T01:00:00Z"), Lines: lines})
		require.ErrorIs(t, err, fulfilment.ErrNoService)
		_, err = s.Options(fulfilment.OptionsRequest{Market: "de", At: at("2026-11-24T01:00:00Z"), Lines: []fulfilment.OptionLine{{SKU: "tee", Quantity: 1, WeightGrams: 25_000}}})
		require.ErrorIs(t, err, fulfilment.ErrNoService)
		_, err = s.Options(fulfilment.OptionsRequest{Market: "xx", Lines: lines})
		require.ErrorIs(t, err, market.ErrUnknown)
		_, err = s.Options(fulfilment.OptionsRequest{Market: "de", Lines: []fulfilment.OptionLine{{SKU: "tee", Quantity: 1_000_000_000}}})
		require.Equal(t, fault.Invalid, fault.Of(err).Kind)
		_, err = s.Options(fulfilment.OptionsRequest{Market: "de"})
		require.Equal(t, fault.Invalid, fault.Of(err).Kind)
	})
}
