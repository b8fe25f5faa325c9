package art_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/demo/art"
)

func TestEveryProductHasItsPictures(t *testing.T) {
	for n, p := range readProducts(t) {
		require.Contains(t, art.Kinds(), p.Kind, p.Slug)
		require.Contains(t, art.Cuts(p.Kind), p.Cut, p.Slug)
		for _, c := range p.Options.Colours {
			d := art.Design{Kind: p.Kind, Cut: p.Cut, Pattern: p.Pattern, Detail: p.Detail, Main: c.Hex, Accent: c.Accent, Seed: uint64(n)}
			name := p.Slug + " in " + c.Code
			checkPicture(t, name, art.Product(d), 17_000)
			checkPicture(t, name+", close up", art.Detail(d), 19_000)
			require.Equal(t, art.Product(d), art.Product(d), "%s is drawn differently the second time", name)
		}
	}
}

func TestPicturesAroundTheProducts(t *testing.T) {
	for _, k := range append(art.Kinds(), "spaceship") {
		checkPicture(t, "tile of "+k, art.Category(k), 24_000)
	}
	for seed := range uint64(3) {
		checkPicture(t, fmt.Sprintf("banner %d", seed), art.Hero(seed, []string{"#f3e4d6", "#e9c3b9"}), 90_000)
	}
	checkPicture(t, "logo", art.Logo("#222f3a"), 4_000)
	checkPicture(t, "favicon", art.Favicon(), 3_000)
}

func TestEveryCutTakesEveryFabricAndBadColours(t *testing.T) {
	fabrics := []string{"plain", "satin", "stripe", "breton", "dot", "gingham", "check", "argyle", "rib", "fineknit", "cable", "denim", "melange", "slub", "grain", "straw", "quilt", "floral", "no such cloth"}
	for _, k := range art.Kinds() {
		for i, c := range art.Cuts(k) {
			d := art.Design{Kind: k, Cut: c, Pattern: fabrics[i%len(fabrics)], Main: `"><script>`, Accent: "red"}
			checkPicture(t, k+" "+c, art.Product(d), 24_000)
		}
	}
	checkPicture(t, "unknown kind", art.Product(art.Design{Kind: "spaceship"}), 5_000)
}

func TestSameSlugSameSeed(t *testing.T) {
	require.Equal(t, art.Seed("meridian-wrap-dress"), art.Seed("meridian-wrap-dress"))
	require.NotEqual(t, art.Seed("meridian-wrap-dress"), art.Seed("moonpier-slip-dress"))
}

var outside = regexp.MustCompile(`(?i)https?:|data:|javascript:|url\([^#]|href="[^#]|<(script|text|image|foreignObject|style)|\son[a-z]+=`)

// checkPicture says what every picture must be: well-formed, self-contained, small, with ids that occur once.
func checkPicture(t *testing.T, name string, svg []byte, limit int) {
	t.Helper()
	require.Less(t, len(svg), limit, "%s is too large", name)
	require.True(t, bytes.HasPrefix(svg, []byte("<svg ")), name)
	body := bytes.Replace(svg, []byte(`xmlns="http://www.w3.org/2000/svg"`), nil, 1)
	require.Empty(t, outside.FindAllString(string(body), 3), "%s reaches outside itself", name)
	require.NotContains(t, string(svg), "NaN", name)
	dec, ids := xml.NewDecoder(bytes.NewReader(svg)), map[string]bool{}
	var uses []string
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err, name)
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range el.Attr {
			switch {
			case a.Name.Local == "id":
				require.False(t, ids[a.Value], "%s: id %s twice", name, a.Value)
				ids[a.Value] = true
			case a.Name.Local == "href":
				uses = append(uses, strings.TrimPrefix(a.Value, "#"))
			case strings.HasPrefix(a.Value, "url(#"):
				uses = append(uses, strings.TrimSuffix(strings.TrimPrefix(a.Value, "url(#"), ")"))
			}
		}
	}
	for _, u := range uses {
		require.True(t, ids[u], "%s: %s is used but not drawn", name, u)
	}
}

type words map[string]string

type product struct {
	Slug, Number, Kind, Cut, Pattern, Detail, Category, Origin, HS string
	HSUS                                                           string `json:"hs_us"`
	TaxCategory                                                    string `json:"tax_category"`
	CustomsDescription                                             string `json:"customs_description"`
	SizeChart                                                      string `json:"size_chart"`
	CreatedOn                                                      string `json:"created_on"`
	WeightG                                                        int    `json:"weight_g"`
	BasePrice                                                      struct {
		Minor    int64
		Currency string
	} `json:"base_price"`
	Collections []string
	Materials   []struct {
		Fibre   string
		Percent int
	}
	Options struct {
		Sizes   []string
		Colours []struct {
			Code, Hex, Accent string
			Names             words
		}
	}
	Variants []struct {
		SKU, Colour, Size string
		Stock             map[string]int
	}
	Texts map[string]struct{ Title, Description, Care, Fit, Alt string }
}

var languages = []string{"en", "de", "id", "ms", "ar"}

func readData(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "data", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into), name)
}

func readProducts(t *testing.T) []product {
	var file struct{ Products []product }
	readData(t, "products.json", &file)
	return file.Products
}

func requireWords(t *testing.T, what string, w words) {
	t.Helper()
	for _, l := range languages {
		require.NotEmpty(t, strings.TrimSpace(w[l]), "%s in %s", what, l)
	}
}

func TestCatalogueIsComplete(t *testing.T) {
	var cats struct {
		Categories []struct {
			Slug, Kind   string
			Title, Intro words
		}
		Collections []struct {
			Slug         string
			Title, Intro words
		}
	}
	readData(t, "categories.json", &cats)
	var fibres struct{ Fibres map[string]words }
	readData(t, "fibres.json", &fibres)
	var charts struct {
		Charts []struct {
			Code    string
			Columns []string
			Names   map[string]words
			Rows    []map[string]string
		}
	}
	readData(t, "size_charts.json", &charts)
	categories, collections, sizes := map[string]bool{}, map[string]bool{}, map[string][]string{}
	for _, c := range cats.Categories {
		categories[c.Slug] = true
		require.Contains(t, art.Kinds(), c.Kind)
		requireWords(t, c.Slug, c.Title)
		requireWords(t, c.Slug, c.Intro)
	}
	for _, c := range cats.Collections {
		collections[c.Slug] = true
		requireWords(t, c.Slug, c.Title)
		requireWords(t, c.Slug, c.Intro)
	}
	for _, c := range charts.Charts {
		for _, r := range c.Rows {
			sizes[c.Code] = append(sizes[c.Code], r["size"])
			for _, col := range c.Columns {
				require.NotEmpty(t, r[col], "%s %s %s", c.Code, r["size"], col)
				requireWords(t, col, c.Names[col])
			}
		}
	}
	for f, w := range fibres.Fibres {
		requireWords(t, f, w)
	}

	products := readProducts(t)
	require.GreaterOrEqual(t, len(products), 64)
	slug, hs, hsUS, colour, day := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`), regexp.MustCompile(`^\d{10}$`), regexp.MustCompile(`^\d{8}(\d\d)?$`), regexp.MustCompile(`^#[0-9a-fA-F]{6}$`), regexp.MustCompile(`^2026-\d\d-\d\d$`)
	slugs, skus, looks, used := map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, p := range products {
		require.Regexp(t, slug, p.Slug)
		require.False(t, slugs[p.Slug], "%s twice", p.Slug)
		slugs[p.Slug], used[p.Category] = true, true
		require.Regexp(t, hs, p.HS, p.Slug)
		require.Regexp(t, hsUS, p.HSUS, p.Slug)
		require.Equal(t, p.HS[:6], p.HSUS[:6], "%s: the first six digits are the same everywhere", p.Slug)
		require.Contains(t, []string{"CN", "VN", "TR", "BD", "IT"}, p.Origin, p.Slug)
		require.Equal(t, "general", p.TaxCategory)
		require.Greater(t, len(p.CustomsDescription), 20, p.Slug)
		require.Regexp(t, day, p.CreatedOn, p.Slug)
		require.Positive(t, p.WeightG, p.Slug)
		require.Equal(t, "CNY", p.BasePrice.Currency)
		require.True(t, p.BasePrice.Minor >= 12_000 && p.BasePrice.Minor <= 120_000, "%s costs %d", p.Slug, p.BasePrice.Minor)
		require.True(t, categories[p.Category], "%s: no category %s", p.Slug, p.Category)
		for _, c := range p.Collections {
			require.True(t, collections[c], "%s: no collection %s", p.Slug, c)
		}
		if p.SizeChart != "" {
			for _, s := range p.Options.Sizes {
				require.Contains(t, sizes[p.SizeChart], s, p.Slug)
			}
		}
		total := 0
		for _, m := range p.Materials {
			total += m.Percent
			require.Contains(t, fibres.Fibres, m.Fibre, p.Slug)
		}
		require.Equal(t, 100, total, p.Slug)
		var codes []string
		for _, c := range p.Options.Colours {
			require.Regexp(t, colour, c.Hex, p.Slug)
			if c.Accent != "" {
				require.Regexp(t, colour, c.Accent, p.Slug)
			}
			requireWords(t, p.Slug+" "+c.Code, c.Names)
			codes = append(codes, c.Code)
			look := strings.Join([]string{p.Kind, p.Cut, p.Pattern, p.Detail, c.Hex, c.Accent}, "|")
			require.Empty(t, looks[look], "%s looks like %s", p.Slug, looks[look])
			looks[look] = p.Slug
		}
		require.Len(t, p.Variants, len(codes)*len(p.Options.Sizes), p.Slug)
		for _, v := range p.Variants {
			require.False(t, skus[v.SKU], "%s twice", v.SKU)
			skus[v.SKU] = true
			require.True(t, strings.HasPrefix(v.SKU, p.Number+"-"), v.SKU)
			require.True(t, slices.Contains(codes, v.Colour) && slices.Contains(p.Options.Sizes, v.Size), v.SKU)
			require.Len(t, v.Stock, 2, v.SKU)
			require.GreaterOrEqual(t, min(v.Stock["can"], v.Stock["ams"]), 0, v.SKU)
		}
		seen := map[string]string{}
		for _, l := range languages {
			x := p.Texts[l]
			for _, s := range []string{x.Title, x.Description, x.Care, x.Fit, x.Alt} {
				require.NotEmpty(t, strings.TrimSpace(s), "%s in %s", p.Slug, l)
			}
			require.Empty(t, seen[x.Description], "%s: %s repeats %s", p.Slug, l, seen[x.Description])
			seen[x.Description] = l
		}
	}
	require.Len(t, used, len(categories), "a category without products")
}

func TestBrandRatesAndShoppers(t *testing.T) {
	var brand struct {
		Name           string
		Tagline, Story words
		Palette        map[string]string
		Locations      []struct {
			Code string
			Name words
		}
	}
	readData(t, "brand.json", &brand)
	require.NotEmpty(t, brand.Name)
	requireWords(t, "tagline", brand.Tagline)
	requireWords(t, "story", brand.Story)
	require.Len(t, brand.Locations, 2)
	for n, c := range brand.Palette {
		require.Regexp(t, `^#[0-9A-Fa-f]{6}$`, c, n)
	}
	var fx struct {
		Base, Date, Source string
		Rates              map[string]string
	}
	readData(t, "fx.json", &fx)
	require.Equal(t, []string{"CNY", "2026-11-20", "sample rates"}, []string{fx.Base, fx.Date, fx.Source})
	for _, c := range []string{"USD", "EUR", "GBP", "IDR", "MYR"} {
		require.Regexp(t, `^\d+\.\d+$`, fx.Rates[c], c)
	}
	var crowd struct {
		People []struct {
			Code, Country, Locale, Phone, Email string
			FirstName                           string `json:"first_name"`
			LastName                            string `json:"last_name"`
			Address                             struct{ Line1, City, Postcode, Country string }
		}
	}
	readData(t, "people.json", &crowd)
	require.GreaterOrEqual(t, len(crowd.People), 24)
	phones, countries := map[string]bool{}, map[string]int{}
	for _, p := range crowd.People {
		require.Regexp(t, `^\+[1-9]\d{8,13}$`, p.Phone)
		require.False(t, phones[p.Phone], p.Phone)
		phones[p.Phone] = true
		countries[p.Country]++
		require.True(t, strings.HasSuffix(p.Email, "@example.com"), p.Email)
		require.Equal(t, p.Country, p.Address.Country)
		for _, s := range []string{p.FirstName, p.LastName, p.Locale, p.Address.Line1, p.Address.City, p.Address.Postcode} {
			require.NotEmpty(t, s, p.Code)
		}
	}
	for _, c := range []string{"US", "DE", "GB", "ID", "MY"} {
		require.GreaterOrEqual(t, countries[c], 4, c)
	}
}
