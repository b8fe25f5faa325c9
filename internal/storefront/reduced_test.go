package storefront_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/i18n"
	"portolan/internal/money"
)

// A price that is raised before a sale: what is crossed out, on the product's page and in the list, is the lowest
// price of the 30 days before (Directive 98/6/EC Art. 6a), and it says so. The bag asks the reduced price.
func TestReducedPriceInGermany(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		const slug, sku = "riverside-wrap-skirt", "MI1036-NVY-M"
		before, err := s.Prices.Price("de", sku)
		require.NoError(t, err)
		raised, reduced := before.Amount.Add(money.Of(30_07, "EUR")), before.Amount.Sub(money.Of(10_03, "EUR"))
		s.Write(func(tx *db.Tx) error {
			_, err := s.Prices.Reduce(tx, "de", sku, reduced)
			require.Error(t, err, "the price hasn't stood for 30 days")
			return nil
		})
		s.Write(func(tx *db.Tx) error {
			if _, err := tx.Exec(`update price_rows set from_at = $1 where market = 'de' and sku = $2`, tx.Now().AddDate(0, 0, -40), sku); err != nil {
				return err
			}
			return s.Prices.SetOverride(tx, "de", sku, raised)
		})
		s.Until("the raised price is published", func() bool {
			p, err := s.Prices.Price("de", sku)
			return err == nil && p.Amount == raised
		})
		s.DB.Clock().Advance(time.Hour)
		s.Write(func(tx *db.Tx) error {
			_, err := s.Prices.Reduce(tx, "de", sku, reduced)
			return err
		})
		s.Until("the reduced price is published", func() bool {
			p, err := s.Prices.Price("de", sku)
			return err == nil && p.Amount == reduced && p.Was == before.Amount && p.Lowest30 == before.Amount
		})
		v := s.Visitor()
		say := i18n.For("de").Money
		page := v.Get("/de-de/p/" + slug + "?sku=" + sku)
		answers(t, page, http.StatusOK, "de")
		require.Contains(t, page.Text(), say(reduced))
		require.Contains(t, page.Text(), "Niedrigster Preis der letzten 30 Tage: "+say(before.Amount))
		require.NotContains(t, page.Text(), say(raised))
		list := v.Get("/de-de/c/skirts")
		answers(t, list, http.StatusOK, "de")
		require.Contains(t, list.Text(), say(reduced)+" "+say(before.Amount))
		require.NotContains(t, list.Text(), say(raised))
		v.Add("de-de", sku, "1")
		bag := v.Get("/de-de/cart")
		answers(t, bag, http.StatusOK, "de")
		require.Contains(t, bag.Text(), say(reduced))
		require.NotContains(t, bag.Text(), say(raised))
	})
}
