package pricing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestChangeAndUndo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		p := top("tee", 128_00)
		trade := pricing.Trade{Rules: landed.Default(), ShipFrom: "CN"}
		rate := func(day string) {
			require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
				return s.prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: "EUR", Rate: money.MustRate("0.125"), Day: day, Source: "manual"})
			}))
		}
		rate(today)
		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.prices.Publish(tx, "de"); return err }))
		apply := func(c pricing.Change) (done pricing.Changed, err error) {
			c.Market, c.SKU, c.By = "de", "tee-s", "Mei"
			if c.Reason == "" {
				c.Reason = "autumn"
			}
			err = d.Write(t.Context(), func(tx *db.Tx) error { done, err = s.prices.Apply(tx, trade, &p, c); return err })
			return done, err
		}
		undo := func(id string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.prices.Undo(tx, id, "Mei"); return err })
		}
		now := func() (out pricing.Sheet) {
			require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) (err error) { out, err = s.prices.Sheet(tx, trade, "de", &p, "tee-s"); return err }))
			return out
		}
		first := now()
		require.Equal(t, eur(1899), first.Price)
		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
			if err := s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "USD", Rate: money.MustRate("1.16"), Day: today, Source: "manual"}); err != nil {
				return err
			}
			_, err := s.prices.Publish(tx, "us")
			if err != nil {
				return err
			}
			all, err := s.prices.Suggestions(tx, trade, first)
			value := find(all, pricing.ValueBased)
			require.Equal(t, "US", reason(value, "reference").Source)
			require.Equal(t, "0.9462", reason(value, "value_factor").Rate.String(), "(62800 / 75500)^.3")
			require.Positive(t, value.Price.Minor)
			return err
		}))

		fixed, err := apply(pricing.Change{Kind: pricing.ChangeFixed, Price: eur(2500)})
		require.NoError(t, err)
		require.Equal(t, []money.Amount{eur(1899), eur(2500)}, []money.Amount{fixed.Before, fixed.After})
		require.Equal(t, eur(2500), now().Price)
		d.Clock().Advance(time.Minute)
		own, err := apply(pricing.Change{Kind: pricing.ChangeFactor, Factor: money.MustRate("1.5")})
		require.NoError(t, err)
		require.Equal(t, eur(2899), now().Price)
		require.True(t, now().OwnFactor)
		require.True(t, now().Override.IsZero())
		require.ErrorIs(t, undo(fixed.ID), pricing.ErrMovedOn)
		d.Clock().Advance(time.Minute)
		require.NoError(t, undo(own.ID))
		require.Equal(t, []money.Amount{eur(2500), eur(2500)}, []money.Amount{now().Price, now().Override})
		require.False(t, now().OwnFactor)
		require.ErrorIs(t, undo(own.ID), pricing.ErrMovedOn)
		d.Clock().Advance(time.Minute)
		_, err = apply(pricing.Change{Kind: pricing.ChangeRules})
		require.NoError(t, err)
		require.Equal(t, first.Price, now().Price)

		_, err = apply(pricing.Change{Kind: pricing.ChangeSale, Price: eur(1500)})
		require.ErrorIs(t, err, pricing.ErrShortHistory)
		d.Clock().Advance(32 * 24 * time.Hour)
		rate(market.AddDays(today, 32))
		_, err = apply(pricing.Change{Kind: pricing.ChangeSale, Price: eur(1899)})
		require.ErrorIs(t, err, pricing.ErrNoReduction)
		sale, err := apply(pricing.Change{Kind: pricing.ChangeSale, Price: eur(1500)})
		require.NoError(t, err)
		require.Equal(t, eur(1899), now().Published.Was)
		_, err = apply(pricing.Change{Kind: pricing.ChangeFixed, Price: eur(2500)})
		require.ErrorIs(t, err, pricing.ErrReduced)
		d.Clock().Advance(time.Minute)
		ended, err := apply(pricing.Change{Kind: pricing.ChangeEndSale})
		require.NoError(t, err)
		require.Equal(t, eur(1899), ended.After)
		d.Clock().Advance(time.Minute)
		require.NoError(t, undo(ended.ID))
		require.Equal(t, []money.Amount{eur(1500), eur(1899)}, []money.Amount{now().Price, now().Published.Was}, "the sale goes on")
		require.ErrorIs(t, undo(sale.ID), pricing.ErrMovedOn)
		require.ErrorIs(t, undo("chg_none"), pricing.ErrNoPrice)

		for field, c := range map[string]pricing.Change{
			"price":  {Kind: pricing.ChangeFixed, Price: money.Of(1, "USD")},
			"factor": {Kind: pricing.ChangeFactor},
			"reason": {Kind: pricing.ChangeRules, Reason: " "},
			"kind":   {Kind: "gift"},
		} {
			_, err := apply(c)
			require.Contains(t, fault.Of(err).Fields, field)
		}
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			all, err := s.prices.Changes(tx, "de", "tee-s", 10)
			require.Len(t, all, 5)
			require.True(t, all[0].Undone)
			require.Equal(t, []string{"autumn", "Mei"}, []string{all[0].Reason, all[0].By})
			return err
		}))
	})
}
