package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/settings"
)

var schemas = []db.Schema{settings.Schema, catalog.Schema}

func open(t *testing.T, d *db.DB) *catalog.Service {
	t.Helper()
	c := catalog.New(d, settings.Watch(d), settings.Bump)
	dbtest.Write(t, d, func(tx *db.Tx) error {
		return c.ImportCategories(tx, []catalog.Category{
			{Slug: "clothing", Names: map[string]string{"en": "Clothing", "de": "Kleidung"}, Intros: map[string]string{"en": "To wear."}},
			{Slug: "dresses", Parent: "clothing", Position: 1, Names: map[string]string{"en": "Dresses", "de": "Kleider", "id": "Gaun"}},
			{Slug: "shirts", Parent: "clothing", Position: 2, Names: map[string]string{"en": "Shirts", "de": "Hemden"}},
			{Slug: "bags", Position: 3, Names: map[string]string{"en": "Bags"}},
		})
	})
	return c
}

func keep(t *testing.T, d *db.DB, c *catalog.Service, products ...catalog.Product) catalog.Imported {
	t.Helper()
	var done catalog.Imported
	dbtest.Write(t, d, func(tx *db.Tx) (err error) {
		done, err = c.Import(tx, products)
		return err
	})
	return done
}

func dress(slug string) catalog.Product {
	sku := strings.ToUpper(slug)
	return catalog.Product{
		Slug: slug, Kind: "dress", Category: "dresses", Collections: []string{"summer"}, TaxCategory: "standard", Origin: "CN",
		HS: "620442", HSUS: "6204423010", CustomsDescription: "Women's woven cotton dress", Materials: []catalog.Material{{Fibre: "cotton", Percent: 100}},
		SizeChart: "clothing", Facts: map[string]string{"cut": "wrap"}, WeightGrams: 320, Base: money.Of(128_00, "CNY"),
		Options: []catalog.Option{
			{Name: "color", Values: []catalog.Value{
				{Code: "navy", Hex: "#001f5b", Names: map[string]string{"en": "Navy", "de": "Marineblau"}},
				{Code: "red", Hex: "#cc0000", Names: map[string]string{"en": "Red", "de": "Rot"}},
			}},
			{Name: "size", Values: []catalog.Value{{Code: "s"}, {Code: "m"}}},
		},
		Images: []catalog.Image{
			{File: slug + "-navy.svg", Color: "navy", Alt: map[string]string{"en": "Navy dress", "de": "Marineblaues Kleid"}},
			{File: slug + "-red.svg", Color: "red", Alt: map[string]string{"en": "Red dress"}},
		},
		Texts: map[string]catalog.Text{
			"en": {Title: "Breeze dress", Description: "A light dress for running barefoot.\n\nWith pockets.", Care: "Wash cold.", Fit: "True to size.", Material: "Cotton"},
			"de": {Title: "Kleid Brise", Description: "Ein leichtes Sommerkleid mit Taschen.", Care: "Kalt waschen."},
		},
		Variants: []catalog.Variant{
			{SKU: sku + "-NS", Options: map[string]string{"color": "navy", "size": "s"}},
			{SKU: sku + "-NM", Options: map[string]string{"color": "navy", "size": "m"}, WeightGrams: 340, Base: money.Of(138_00, "CNY"), GTIN: "4006381333931"},
			{SKU: sku + "-RS", Options: map[string]string{"color": "red", "size": "s"}},
		},
	}
}

func TestImportAndFind(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		in := dress("breeze")
		require.Equal(t, catalog.Imported{Added: 1}, keep(t, d, c, in))
		version := c.Snapshot().Version()
		require.Equal(t, catalog.Imported{Unchanged: 1}, keep(t, d, c, in))
		require.Equal(t, version, c.Snapshot().Version(), "the same products twice change nothing")

		var out catalog.Product
		dbtest.Read(t, d, func(tx *db.Tx) (err error) {
			out, err = c.Find(tx, "breeze")
			return err
		})
		require.Regexp(t, `^prd_`, out.ID)
		require.Equal(t, dbtest.Start, out.CreatedAt)
		in.ID, in.CreatedAt = out.ID, out.CreatedAt
		for lang, text := range in.Texts {
			text.Lang = lang
			in.Texts[lang] = text
		}
		require.Equal(t, in, out, "what was imported comes back as it was")

		p, err := c.Get("breeze")
		require.NoError(t, err)
		require.Equal(t, "Kleid Brise", p.Text("de").Title)
		require.Equal(t, "Breeze dress", p.Text("ms").Title)
		require.Equal(t, "en", p.Text("ms").Lang)
		require.Equal(t, "Marineblau", p.ValueName("color", "navy", "de"))
		require.Equal(t, "m", p.ValueName("size", "m", "de"))
		require.Equal(t, "Marineblaues Kleid", p.Alt(0, "de"))
		require.Equal(t, "Kleid Brise", p.Alt(1, "de"), "an image nobody described is called as the product")
		im, at, ok := p.Image("red")
		require.True(t, ok && at == 1 && im.File == "breeze-red.svg")
		v, ok := p.Pick(map[string]string{"color": "navy", "size": "m"})
		require.True(t, ok)
		require.Equal(t, "Marineblau, m", p.VariantName(v, "de"))

		_, v, err = c.Variant("BREEZE-NS")
		require.NoError(t, err)
		require.EqualValues(t, 320, v.WeightGrams, "the product's weight where the variant has none")
		require.Equal(t, money.Of(128_00, "CNY"), v.Base)
		_, _, err = c.Variant("nope")
		require.ErrorIs(t, err, catalog.ErrUnknownSKU)
		_, err = c.Get("../../etc/passwd")
		require.ErrorIs(t, err, catalog.ErrUnknownProduct)

		dbtest.Read(t, d, func(tx *db.Tx) error {
			offers, err := c.Offers(tx)
			require.Equal(t, []int64{138_00, 128_00, 128_00}, []int64{offers[0].Base.Minor, offers[1].Base.Minor, offers[2].Base.Minor})
			return err
		})

		in.Texts = map[string]catalog.Text{"en": {Title: "Gale dress"}}
		in.Variants = in.Variants[:2]
		require.Equal(t, catalog.Imported{Changed: 1}, keep(t, d, c, in))
		p, err = c.Get("breeze")
		require.NoError(t, err)
		require.Equal(t, "Gale dress", p.Text("de").Title)
		require.Len(t, p.Variants, 2)
		require.Equal(t, out.ID, p.ID)

		dbtest.Write(t, d, func(tx *db.Tx) error { return c.Hide(tx, "breeze", true) })
		_, err = c.Get("breeze")
		require.ErrorIs(t, err, catalog.ErrUnknownProduct)
	})
}

func TestTextsAreKeptAsGiven(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		p := dress("breeze")
		nasty := `<script>alert("1")</script> & 'ünï' \u0000 {{.}} العربية ` + "\u202e"
		p.Texts["en"] = catalog.Text{Title: nasty, Description: nasty, Care: nasty}
		p.Options[0].Values[0].Names["en"] = nasty
		keep(t, d, c, p)
		got, err := c.Get("breeze")
		require.NoError(t, err)
		require.Equal(t, nasty, got.Text("en").Title)
		require.Equal(t, nasty, got.Text("en").Description)
		require.Equal(t, nasty, got.ValueName("color", "navy", "en"))
	})
}

func TestImportRefuses(t *testing.T) {
	tests := []struct {
		name, field, code string
		spoil             func(*catalog.Product)
	}{
		{"path in slug", "products[0].slug", "catalog.slug_form", func(p *catalog.Product) { p.Slug = "../etc/passwd" }},
		{"encoded path in slug", "products[0].slug", "catalog.slug_form", func(p *catalog.Product) { p.Slug = "%2e%2e" }},
		{"capital in slug", "products[0].slug", "catalog.slug_form", func(p *catalog.Product) { p.Slug = "Breeze" }},
		{"unknown category", "breeze.category", "catalog.category_unknown", func(p *catalog.Product) { p.Category = "hats" }},
		{"short HS", "breeze.hs", "catalog.hs_form", func(p *catalog.Product) { p.HS = "6204" }},
		{"dotted HS", "breeze.hs", "catalog.hs_form", func(p *catalog.Product) { p.HS = "6204.42" }},
		{"no price", "breeze.base_price", "catalog.price_range", func(p *catalog.Product) { p.Base.Minor = 0 }},
		{"negative price", "breeze.variants.BREEZE-NS", "catalog.price_range", func(p *catalog.Product) { p.Variants[0].Base.Minor = -1 }},
		{"no weight anywhere", "breeze.variants.BREEZE-NS", "catalog.needs_weight", func(p *catalog.Product) { p.WeightGrams = 0 }},
		{"folder in image", "breeze.images", "catalog.file_form", func(p *catalog.Product) { p.Images[0].File = "../../secret.svg" }},
		{"script as image", "breeze.images", "catalog.file_form", func(p *catalog.Product) { p.Images[0].File = "a.html" }},
		{"unknown colour", "breeze.variants.BREEZE-NS", "catalog.value_unknown", func(p *catalog.Product) { p.Variants[0].Options["color"] = "mauve" }},
		{"two variants alike", "breeze.variants.BREEZE-RS", "catalog.variant_twice", func(p *catalog.Product) { p.Variants[2].Options = p.Variants[0].Options }},
		{"SKU with a space", "breeze.variants", "catalog.sku_form", func(p *catalog.Product) { p.Variants[0].SKU = "A B" }},
		{"same SKU twice", "breeze.variants.BREEZE-NS", "catalog.sku_twice", func(p *catalog.Product) { p.Variants[1].SKU = "BREEZE-NS" }},
		{"no text", "breeze.texts", "catalog.needs_text", func(p *catalog.Product) { p.Texts = nil }},
		{"null character", "breeze.title.en", "catalog.text_form", func(p *catalog.Product) { p.Texts["en"] = catalog.Text{Title: "a\x00b"} }},
		{"no title", "breeze.title.en", "catalog.text_form", func(p *catalog.Product) { p.Texts["en"] = catalog.Text{} }},
		{"300 kB of words", "breeze.description.en", "catalog.text_form", func(p *catalog.Product) {
			p.Texts["en"] = catalog.Text{Title: "a", Description: strings.Repeat("a", 300_000)}
		}},
		{"more than all of it cotton", "breeze.materials", "catalog.material_sum", func(p *catalog.Product) { p.Materials[0].Percent = 101 }},
	}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for _, tt := range tests {
			p := dress("breeze")
			tt.spoil(&p)
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := c.Import(tx, []catalog.Product{p, dress("gale")})
				return err
			})
			require.Equal(t, fault.Invalid, fault.Of(err).Kind, tt.name)
			require.Equal(t, tt.code, fault.Of(err).Fields[tt.field], "%s: %v", tt.name, err)
		}
		require.Empty(t, c.Snapshot().Products(), "nothing is kept if anything is wrong")

		keep(t, d, c, dress("breeze"))
		thief := dress("gale")
		thief.Variants[0].SKU = "BREEZE-NS"
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := c.Import(tx, []catalog.Product{thief})
			return err
		}), catalog.ErrSKUTaken)
	})
}

// shelf is what prices and stock the lists are told of.
type shelf struct {
	prices map[string]int64
	gone   map[string]bool
	epoch  int64
}

func (s *shelf) Epoch() int64 { return s.epoch }

func (s *shelf) Lowest(_ market.Code, p *catalog.Product) (int64, bool) {
	n, ok := s.prices[p.Slug]
	return n, ok
}

func (s *shelf) InStock(_ market.Code, sku string) bool { return !s.gone[sku] }

func TestList(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		breeze, gale, calm := dress("breeze"), dress("gale"), dress("calm")
		breeze.Position, gale.Position, calm.Position = 1, 2, 3
		gale.CreatedAt, breeze.CreatedAt, calm.CreatedAt = dbtest.Start, dbtest.Start.Add(-time.Hour), dbtest.Start.Add(-2*time.Hour)
		gale.Variants = gale.Variants[2:] // red, s
		calm.Category, calm.Kind, calm.Collections, calm.Featured = "bags", "bag", nil, true
		calm.Texts = map[string]catalog.Text{"en": {Title: "Calm shoulder bag"}}
		keep(t, d, c, breeze, gale, calm)
		s := &shelf{prices: map[string]int64{"breeze": 2499, "gale": 1999, "calm": 3999}, gone: map[string]bool{}}
		c.With(s, s)

		slugs := func(f catalog.Filter) string {
			f.Market, f.Lang = "de", "en"
			var all []string
			for _, p := range c.List(f, catalog.Page{}).Products {
				all = append(all, p.Slug)
			}
			return strings.Join(all, " ")
		}
		for _, tt := range []struct {
			name string
			f    catalog.Filter
			want string
		}{
			{"everything in the shop's order", catalog.Filter{}, "breeze gale calm"},
			{"category below", catalog.Filter{Category: "clothing"}, "breeze gale"},
			{"collection", catalog.Filter{Collection: "summer"}, "breeze gale"},
			{"colour", catalog.Filter{Color: []string{"navy"}}, "breeze calm"},
			{"colour and size of one variant", catalog.Filter{Color: []string{"red"}, Size: []string{"m"}}, ""},
			{"any of two sizes", catalog.Filter{Color: []string{"red"}, Size: []string{"m", "s"}}, "breeze gale calm"},
			{"price from", catalog.Filter{MinPrice: 2000}, "breeze calm"},
			{"price to", catalog.Filter{MaxPrice: 2000}, "gale"},
			{"cheapest first", catalog.Filter{Sort: catalog.PriceUp}, "gale breeze calm"},
			{"dearest first", catalog.Filter{Sort: catalog.PriceDown}, "calm breeze gale"},
			{"newest first", catalog.Filter{Sort: catalog.Newest}, "gale breeze calm"},
			{"nonsense as order", catalog.Filter{Sort: "; drop table products"}, "breeze gale calm"},
			{"nothing there", catalog.Filter{Category: "hats"}, ""},
		} {
			require.Equal(t, tt.want, slugs(tt.f), tt.name)
			require.Equal(t, tt.want, slugs(tt.f), "%s, again", tt.name)
		}

		l := c.List(catalog.Filter{Market: "de", Lang: "de", Color: []string{"navy"}}, catalog.Page{})
		require.Equal(t, []catalog.Facet{
			{Name: "category", Choices: []catalog.Choice{
				{Code: "clothing", Name: "Kleidung", Count: 1}, {Code: "dresses", Name: "Kleider", Count: 1}, {Code: "bags", Name: "Bags", Count: 1}}},
			{Name: "color", Choices: []catalog.Choice{
				{Code: "red", Hex: "#cc0000", Name: "Rot", Count: 3}, {Code: "navy", Hex: "#001f5b", Name: "Marineblau", Count: 2, Chosen: true}}},
			{Name: "size", Choices: []catalog.Choice{{Code: "s", Name: "s", Count: 2}, {Code: "m", Name: "m", Count: 2}}},
		}, l.Facets)

		page := c.List(catalog.Filter{Market: "de"}, catalog.Page{Number: 99, Size: 2})
		require.Equal(t, []int{3, 2, 2, 1}, []int{page.Total, page.Pages, page.Page, len(page.Products)})
		require.Equal(t, 1, c.List(catalog.Filter{}, catalog.Page{Number: -1, Size: -5}).Page)

		delete(s.prices, "breeze")
		s.gone["GALE-RS"] = true
		s.epoch++
		require.Equal(t, "gale calm", slugs(catalog.Filter{}), "what has no price in the market isn't listed")
		require.Equal(t, "calm", slugs(catalog.Filter{InStock: true}))
	})
}

func TestSearch(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		var all []catalog.Product
		for i, texts := range []map[string]string{
			{"en": "Linen running shirt", "de": "Leinenhemd", "id": "Kemeja linen", "ar": "قميص كتان"},
			{"en": "Flowing maxi dress", "de": "Fließendes Maxikleid", "id": "Gaun panjang melambai", "ar": "فستان طويل"},
			{"en": "Ruffled mini dress", "de": "Rüschenkleid", "id": "Gaun mini berkerut", "ar": "فستان قصير"},
			{"en": "Pleated midi dress", "de": "Plisseekleid", "id": "Gaun lipit", "ar": "فستان متوسط", "zh": "百褶连衣裙"},
		} {
			p := dress(fmt.Sprintf("p%d", i))
			p.Position = int64(i)
			if i == 0 {
				p.Category, p.Kind = "shirts", "shirt"
			}
			p.Texts = map[string]catalog.Text{}
			for lang, title := range texts {
				p.Texts[lang] = catalog.Text{Title: title}
			}
			p.Variants = p.Variants[:1]
			all = append(all, p)
		}
		keep(t, d, c, all...)
		find := func(lang, q string) (string, catalog.Listing) {
			l := c.List(catalog.Filter{Lang: lang, Query: q}, catalog.Page{})
			var slugs []string
			for _, p := range l.Products {
				slugs = append(slugs, p.Slug)
			}
			return strings.Join(slugs, " "), l
		}
		for _, tt := range []struct{ lang, query, want, corrected string }{
			{"en", "dresses", "p1 p2 p3", ""},
			{"en", "DRESS  flow", "p1", ""},
			{"en", "ｄｒｅｓｓ", "p1 p2 p3", ""},
			{"en", "P2-NS", "p2", ""},
			{"en", "p2-ns", "p2", ""},
			{"en", "plaeted", "p3", "pleated"},
			{"en", "ruffeld dres", "p2", "ruffled dress"},
			{"en", "linen shrit", "p0", "linen shirt"},
			{"en", "linen spaceship", "p0", ""},
			{"de", "fliessend", "p1", ""},
			{"de", "ruschenkleid", "p2", ""},
			{"de", "Kleider", "p1 p2 p3", ""},
			{"de", "marineblaue Hemden", "p0", ""},
			{"id", "gaun", "p1 p2 p3", ""},
			{"id", "kerutan", "p2", ""},
			{"ar", "الفستان", "p1 p2 p3", ""},
			{"zh", "连衣裙", "p3", ""},
		} {
			got, l := find(tt.lang, tt.query)
			got = strings.Join(slices.Sorted(slices.Values(strings.Fields(got))), " ")
			require.Equal(t, tt.want, got, "%s: %s", tt.lang, tt.query)
			require.Equal(t, tt.corrected, l.Corrected, "%s: %s", tt.lang, tt.query)
			require.False(t, l.Popular)
		}
		for _, q := range []string{"xyzzy", "'; drop table products; --", "%", "\x00", strings.Repeat("dress ", 1000) + "q", strings.Repeat("a", 1<<20)} {
			got, l := find("en", q)
			require.NotEmpty(t, got, "never an empty page")
			require.LessOrEqual(t, len(l.Query), 200)
		}
		_, l := find("en", "xyzzy")
		require.True(t, l.Popular)
	})
}

func TestSnapshotFollowsChangesElsewhere(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		require.Empty(t, c.Snapshot().Products())
		keep(t, d, c, dress("breeze"))
		before := c.Snapshot()
		require.Len(t, before.Products(), 1)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := c.Import(tx, []catalog.Product{dress("gale")}); err != nil {
				return err
			}
			require.Len(t, c.Snapshot().Products(), 1, "what isn't committed isn't shown")
			return nil
		})
		require.NoError(t, err)
		require.Len(t, before.Products(), 1, "a snapshot never changes")
		require.Len(t, c.Snapshot().Products(), 2)
		require.Equal(t, []string{"bags", "clothing", "dresses", "shirts"},
			slices.Sorted(maps.Keys(categories(c.Snapshot()))))
	})
}

func categories(s *catalog.Snapshot) map[string]bool {
	all := map[string]bool{}
	for _, c := range s.Categories() {
		all[c.Slug] = true
	}
	return all
}
