package customs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/settings"
)

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		hs   string
		want []string
	}{
		{"610910", []string{"clothing", "textiles"}}, {"621430", []string{"accessories", "clothing", "textiles"}}, {"420221", []string{"accessories"}},
		{"640399", []string{"footwear"}}, {"711719", []string{"accessories", "jewellery"}}, {"330300", []string{"cosmetics", "perfume"}},
		{"850760", []string{"battery", "electronics"}}, {"950300", []string{"toys"}}, {"170410", []string{"chewing_gum", "food"}}, {"", nil}, {"970110", nil},
	} {
		require.Equal(t, c.want, customs.Kinds(c.hs), c.hs)
	}
	told := customs.Traits()
	require.Contains(t, told, "batik")
	require.Contains(t, told, "cites")
	require.Contains(t, told, "battery", "a bag may hold one")
	require.NotContains(t, told, "textiles", "its code tells that")
	require.Contains(t, customs.Marks(), "CITES")
	require.NotContains(t, customs.Marks(), "PCCC", "that number is the buyer's")
}

func TestBorder(t *testing.T) {
	require.Equal(t, "XI", customs.Border("GB", "bt1 5gs"))
	require.Equal(t, "GB", customs.Border("GB", "E8 3PN"))
	require.Equal(t, "DE", customs.Border("DE", "BT1"))
}

// A screen answers for the catalogue as it stands: what the merchant says of a product counts from then on.
func TestScreen(t *testing.T) {
	dbtest.Each(t, []db.Schema{settings.Schema, catalog.Schema}, func(t *testing.T, d *db.DB) {
		watch := settings.Watch(d)
		goods := catalog.New(d, watch, settings.Bump)
		product := func(slug, hs string) catalog.Product {
			return catalog.Product{Slug: slug, Kind: "thing", Category: "things", TaxCategory: "general", Origin: market.Country("CN"), HS: hs, CustomsDescription: slug,
				WeightGrams: 100, Base: money.Of(100, "CNY"), Variants: []catalog.Variant{{SKU: slug}}, Texts: map[string]catalog.Text{"en": {Title: slug}}}
		}
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := goods.ImportCategories(tx, []catalog.Category{{Slug: "things", Names: map[string]string{"en": "Things"}}}); err != nil {
				return err
			}
			_, err := goods.Import(tx, []catalog.Product{product("skirt", "620453"), product("cream", "330499"), product("gum", "170410")})
			return err
		})
		require.NoError(t, goods.Load(t.Context()))
		s := customs.NewScreen(goods)
		const day = "2026-11-24"
		rules := func(sku, country string, n int64) (all []string) {
			for _, v := range s.Article(sku, country, day, n) {
				all = append(all, v.Rule)
			}
			return all
		}
		for range 2 { // the second time from memory
			require.Empty(t, rules("skirt", "ID", 1), "labels and marks are the merchant's to see to")
			require.Equal(t, []string{"prohibition"}, rules("gum", "SG", 1))
			require.Empty(t, rules("gum", "MY", 1))
			require.Empty(t, rules("cream", "JP", 24))
			require.Equal(t, []string{"quantity"}, rules("cream", "JP", 25))
			require.Empty(t, rules("nobody", "JP", 1))
		}
		change := func(g catalog.Goods) {
			dbtest.Write(t, d, func(tx *db.Tx) error { return goods.SetGoods(tx, "skirt", g) })
			require.NoError(t, goods.Load(t.Context()))
		}
		change(catalog.Goods{Wearer: "women", Make: "woven", Traits: []string{"batik"}})
		require.Equal(t, []string{"licence"}, rules("skirt", "ID", 1))
		require.Empty(t, rules("skirt", "DE", 1))
		change(catalog.Goods{Traits: []string{"batik"}, Evidence: []string{"ID_BATIK_APPROVAL"}})
		require.Empty(t, rules("skirt", "ID", 1))
		skirt, _ := goods.Snapshot().BySlug("skirt")
		var needs []string
		for _, v := range s.Product(skirt, "DE", day) {
			needs = append(needs, v.Needs)
		}
		require.Contains(t, needs, "FIBRE_LABEL", "its merchant sees what is missing")
	})
}
