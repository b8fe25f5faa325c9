package storefront_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/catalog"
	"portolan/internal/db"
)

// A skirt with a batik print goes to Germany, and not to Indonesia: list, product and bag say so with the reason, and
// no way leads to paying for it.
func TestGoodsThatMayNotGoThere(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		const slug, sku = "riverside-wrap-skirt", "MI1036-NVY-M"
		skirt := apptest.Anna
		skirt.SKU = sku
		german := s.Visitor()
		page := german.Get("/de-de/p/" + slug)
		answers(t, page, http.StatusOK, "de")
		require.NotContains(t, page.Text(), "liefern wir nicht")
		german.Buy(skirt)

		v := s.Visitor()
		list := v.Get("/id-id/c/skirts")
		answers(t, list, http.StatusOK, "id")
		require.Contains(t, list.Text(), "Tidak dijual ke")
		page = v.Get("/id-id/p/" + slug)
		answers(t, page, http.StatusOK, "id")
		require.Contains(t, page.Text(), "izin impor", "the reason")
		require.Contains(t, page.Text(), "Silakan hapus atau pilih yang lain", "the alternative")
		require.NotContains(t, page.Body, "data-busy", "there is no button to buy it")
		require.Contains(t, page.Body, "schema.org/OutOfStock")

		v.Add("id-id", sku, "1") // by hand, or from another market's bag
		v.Add("id-id", apptest.Ayu.SKU, "1")
		bag := v.Get("/id-id/cart")
		answers(t, bag, http.StatusOK, "id")
		require.Contains(t, bag.Text(), "izin impor")
		require.NotContains(t, bag.Body, `href="/id-id/checkout/details"`)
		require.Equal(t, http.StatusSeeOther, v.Post("/id-id/checkout/details", apptest.Ayu.Form()).Status)
		require.Equal(t, "/id-id/cart", v.Get("/id-id/checkout/delivery").To())
		require.NotContains(t, v.Pay("id-id", "card", apptest.Card).To(), "/orders/")
		require.Equal(t, http.StatusSeeOther, v.Post("/id-id/cart/lines/"+sku, url.Values{"quantity": {"0"}, "version": {bag.Version()}}).Status)
		v.ToPayment("id-id")
		require.Contains(t, v.Pay("id-id", "card", apptest.Card).To(), "/id-id/orders/")

		s.Write(func(tx *db.Tx) error {
			return s.Catalog.SetGoods(tx, slug, catalog.Goods{Wearer: "women", Make: "woven", Traits: []string{"batik"}, Evidence: []string{"ID_BATIK_APPROVAL"}})
		})
		s.Until("the skirt is sold to Indonesia, with the licence", func() bool {
			p, ok := s.Catalog.Snapshot().BySlug(slug)
			return ok && len(p.Evidence) == 1
		})
		require.NotContains(t, v.Get("/id-id/p/"+slug).Text(), "izin impor")
	})
}
