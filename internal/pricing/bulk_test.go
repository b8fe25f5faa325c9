package pricing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestRulesOfAMarket(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		write := func(f func(tx *db.Tx) error) error {
			defer d.Clock().Advance(time.Second)
			return d.Write(t.Context(), f)
		}
		require.NoError(t, write(func(tx *db.Tx) error {
			if err := s.prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: "EUR", Rate: money.MustRate("0.125"), Day: today, Source: "ecb"}); err != nil {
				return err
			}
			if err := s.prices.SetUnitCost(tx, pricing.UnitCost{SKU: "tee-s", Amount: money.Of(100_00, "CNY"), Source: "invoice"}); err != nil {
				return err
			}
			return s.prices.SetTerms(tx, "de", pricing.Terms{Least: money.Percent(10)}, "Mei")
		}))
		require.NoError(t, write(func(tx *db.Tx) error { _, err := s.prices.Publish(tx, "de"); return err }))
		require.NoError(t, write(func(tx *db.Tx) error { return s.prices.SetOverride(tx, "de", "book-m", eur(7_77)) }))
		prices := func() (all map[string]string) {
			all = map[string]string{}
			dbtest.Read(t, d, func(tx *db.Tx) error {
				for _, sku := range []string{"tee-s", "tee-m", "book-m"} {
					rows, err := s.prices.History(tx, "de", sku, 1)
					if err != nil {
						return err
					}
					all[sku] = rows[0].Amount.Decimal()
				}
				return nil
			})
			return all
		}
		before := prices()
		require.Equal(t, map[string]string{"tee-s": "18.99", "tee-m": "21.99", "book-m": "7.77"}, before)

		round := market.Rounding{Step: 100, Ending: 0, Direction: market.Up}
		rule := pricing.Rule{Market: "de", Factor: money.MustRate("0.8"), Rounding: round, Reason: "stock must go", By: "Mei"}
		var tee, book catalog.Product
		var look pricing.Outlook
		dbtest.Read(t, d, func(tx *db.Tx) (err error) {
			if tee, err = s.goods.Find(tx, "tee"); err != nil {
				return err
			}
			if book, err = s.goods.Find(tx, "book"); err != nil {
				return err
			}
			look, err = s.prices.Foresee(tx, pricing.Trade{}, rule, []*catalog.Product{&tee, &book})
			return err
		})
		require.Equal(t, []int{3, 0, 2, 1, 1}, []int{look.Prices, look.Up, look.Down, look.Fixed, look.Below})
		require.Equal(t, []pricing.Skip{{SKU: "book-s", Reason: "pricing.tax_unknown"}}, look.Skipped)
		require.Equal(t, "16.00", look.Rows[0].After.Price.Decimal())
		require.True(t, look.Rows[0].After.Warned(pricing.WarnBelowFloor) || look.Rows[0].After.Warned(pricing.WarnBelowCost))
		require.Equal(t, before, prices(), "looking publishes nothing")

		var done pricing.Bulk
		require.NoError(t, write(func(tx *db.Tx) (err error) { done, err = s.prices.ApplyRule(tx, rule); return err }))
		require.EqualValues(t, 2, done.Changed)
		require.Equal(t, map[string]string{"tee-s": "16.00", "tee-m": "18.00", "book-m": "7.77"}, prices())
		again := rule
		require.ErrorIs(t, write(func(tx *db.Tx) error { _, err := s.prices.ApplyRule(tx, again); return err }), pricing.ErrNothingMoves)

		// One price is changed by hand meanwhile: undoing leaves it alone.
		require.NoError(t, write(func(tx *db.Tx) error { return s.prices.SetOverride(tx, "de", "tee-m", eur(30_00)) }))
		undo := func() error {
			return write(func(tx *db.Tx) error { _, err := s.prices.UndoRule(tx, done.ID, "Li"); return err })
		}
		require.NoError(t, undo())
		require.Equal(t, map[string]string{"tee-s": "18.99", "tee-m": "30.00", "book-m": "7.77"}, prices())
		require.ErrorIs(t, undo(), pricing.ErrMovedOn)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			m, err := s.markets.Get(tx, "de")
			require.Equal(t, market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest}, m.Rounding)
			require.True(t, m.Factor.Equal(money.One))
			all, err2 := s.prices.Bulks(tx, 5)
			require.Len(t, all, 1)
			require.True(t, all[0].Undone)
			sheets, err3 := s.prices.Overview(tx, pricing.Trade{}, "de", []*catalog.Product{&tee, &book})
			require.Len(t, sheets, 2)
			one, err4 := s.prices.Sheet(tx, pricing.Trade{}, "de", &tee, "tee-s")
			require.Equal(t, one.Price, sheets[0].Price)
			require.Equal(t, one.Margin, sheets[0].Margin)
			require.Equal(t, one.Floor, sheets[0].Floor)
			for _, e := range []error{err2, err3, err4} {
				require.NoError(t, e)
			}
			return err
		})
		for field, bad := range map[string]pricing.Rule{
			"factor":    {Market: "de", Rounding: round, Reason: "x"},
			"step":      {Market: "de", Factor: money.One, Rounding: market.Rounding{Direction: market.Up}, Reason: "x"},
			"ending":    {Market: "de", Factor: money.One, Rounding: market.Rounding{Step: 100, Ending: 100, Direction: market.Up}, Reason: "x"},
			"direction": {Market: "de", Factor: money.One, Rounding: market.Rounding{Step: 100, Direction: "sideways"}, Reason: "x"},
			"reason":    {Market: "de", Factor: money.One, Rounding: round, Reason: "  "},
		} {
			err := write(func(tx *db.Tx) error { _, err := s.prices.ApplyRule(tx, bad); return err })
			require.Contains(t, fault.Of(err).Fields, field, "%v", err)
		}
	})
}

func TestWeeks(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	got := pricing.Weeks([]pricing.Sold{{At: at(8), Price: eur(20_00), Count: 2}, {At: at(1), Price: eur(20_00), Count: 1}, {At: at(6), Price: eur(20_00), Count: 3}, {At: at(2), Price: eur(15_00), Count: 4}}, now)
	require.Equal(t, []pricing.Week{
		{Day: "2026-11-11", Price: eur(20_00), Sold: 2, Orders: 1},
		{Day: "2026-11-18", Price: eur(15_00), Sold: 4, Orders: 1},
		{Day: "2026-11-18", Price: eur(20_00), Sold: 4, Orders: 2},
	}, got)
}
