// Package demo is the sample merchant: Miana, fast fashion from Guangzhou, sold to five countries. It fills an
// empty shop with what such a merchant would have entered by hand, and nothing in the shop knows that it did.
package demo

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
	"portolan/internal/storefront"
)

//go:embed data/*.json
var data embed.FS

type words map[string]string

type product struct {
	Slug        string   `json:"slug"`
	Number      string   `json:"number"`
	Kind        string   `json:"kind"`
	Cut         string   `json:"cut"`
	Pattern     string   `json:"pattern"`
	Detail      string   `json:"detail"`
	Category    string   `json:"category"`
	Collections []string `json:"collections"`
	TaxCategory string   `json:"tax_category"`
	Origin      string   `json:"origin"`
	HS          string   `json:"hs"`
	HSUS        string   `json:"hs_us"`
	Customs     string   `json:"customs_description"`
	Materials   []struct {
		Fibre   string `json:"fibre"`
		Percent int    `json:"percent"`
	} `json:"materials"`
	Wearer      string       `json:"wearer"`
	Make        string       `json:"make"`
	Traits      []string     `json:"traits"`
	Evidence    []string     `json:"evidence"`
	WeightGrams int64        `json:"weight_g"`
	Base        money.Amount `json:"base_price"`
	Featured    bool         `json:"featured"`
	New         bool         `json:"new"`
	CreatedOn   string       `json:"created_on"`
	SizeChart   string       `json:"size_chart"`
	Options     struct {
		Sizes   []string `json:"sizes"`
		Colours []struct {
			Code   string `json:"code"`
			Hex    string `json:"hex"`
			Accent string `json:"accent"`
			Names  words  `json:"names"`
		} `json:"colours"`
	} `json:"options"`
	Variants []struct {
		SKU    string           `json:"sku"`
		Colour string           `json:"colour"`
		Size   string           `json:"size"`
		Stock  map[string]int64 `json:"stock"`
	} `json:"variants"`
	Texts map[string]struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Care        string `json:"care"`
		Fit         string `json:"fit"`
		Alt         string `json:"alt"`
	} `json:"texts"`
}

type category struct {
	Slug  string `json:"slug"`
	Kind  string `json:"kind"`
	Cut   string `json:"cut"`
	Title words  `json:"title"`
	Intro words  `json:"intro"`
}

func read[T any](name string) (v T, err error) {
	b, err := data.ReadFile("data/" + name + ".json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		err = fmt.Errorf("demo data %s: %w", name, err)
	}
	return v, err
}

func products() ([]product, error) {
	f, err := read[struct{ Products []product }]("products")
	return f.Products, err
}

func categories() ([]category, error) {
	f, err := read[struct{ Categories []category }]("categories")
	return f.Categories, err
}

// Person is a fictional shopper of the demo, with a number that rings nowhere.
type Person struct {
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Country   string `json:"country"`
	Locale    string `json:"locale"`
	Phone     string `json:"phone"`
	Email     string `json:"email"`
	Marketing bool   `json:"marketing_consent"`
	Address   struct {
		Line1    string `json:"line1"`
		Line2    string `json:"line2"`
		City     string `json:"city"`
		Region   string `json:"region"`
		Postcode string `json:"postcode"`
		Country  string `json:"country"`
	} `json:"address"`
}

// People are the demo's shoppers.
func People() ([]Person, error) {
	f, err := read[struct{ People []Person }]("people")
	return f.People, err
}

// Markets are the five the merchant sells to.
func Markets() []market.Market {
	rate := money.MustRate
	merchant := market.Merchant{Name: "Guangzhou Miana Clothing Co., Ltd. (fictional)", Address: "Warehouse 3, No. 88 Sample Harbour Road, Guangzhou 510700, China"}
	return []market.Market{
		{Code: "us", Name: "United States", State: market.Open, Position: 1, Countries: []market.Country{"US"}, Currency: "USD", Languages: []string{"en", "ar"},
			Zone: "America/New_York", Incoterm: "DDP", Factor: rate("1.9"), Rounding: market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest},
			ShipFrom: []string{"can"}, Methods: []string{"card", "paypal", "apple_pay"}, ConsentChannels: []string{"sms", "email"}, Merchant: merchant,
			Contact: market.Contact{Email: "hello@miana.example", Phone: "+1 212 555 0199", Hours: "9:00-17:00"}},
		{Code: "de", Name: "Germany", State: market.Open, Position: 2, Countries: []market.Country{"DE"}, Currency: "EUR", Languages: []string{"de", "en", "ar"},
			Zone: "Europe/Berlin", TaxInclusive: true, Incoterm: "DDP", Factor: rate("1.85"), Rounding: market.Rounding{Step: 100, Ending: 95, Direction: market.Nearest},
			ShipFrom: []string{"ams", "can"}, Methods: []string{"paypal", "card", "klarna", "bank_transfer"}, DoubleOptIn: true, ConsentChannels: []string{"sms", "email"}, Merchant: merchant,
			Contact: market.Contact{Email: "hallo@miana.example", Phone: "+49 30 23125 001", Hours: "9:00-17:00"}},
		{Code: "gb", Name: "United Kingdom", State: market.Open, Position: 3, Countries: []market.Country{"GB"}, Currency: "GBP", Languages: []string{"en", "ar"},
			Zone: "Europe/London", TaxInclusive: true, Incoterm: "DDP", Factor: rate("1.85"), Rounding: market.Rounding{Step: 100, Ending: 0, Direction: market.Nearest},
			ShipFrom: []string{"can"}, Methods: []string{"card", "paypal", "apple_pay"}, ConsentChannels: []string{"sms", "email"}, Merchant: merchant,
			Contact: market.Contact{Email: "hello@miana.example", Phone: "+44 20 7946 0958", Hours: "9:00-17:00"}},
		{Code: "id", Name: "Indonesia", State: market.Open, Position: 4, Countries: []market.Country{"ID"}, Currency: "IDR", Languages: []string{"id", "en", "ar"},
			Zone: "Asia/Jakarta", TaxInclusive: true, Incoterm: "DDP", Factor: rate("1.2"), Rounding: market.Rounding{Step: 1_000_000, Ending: 900_000, Direction: market.Nearest},
			ShipFrom: []string{"can"}, Methods: []string{"gopay", "ovo", "bank_transfer", "card"}, ConsentChannels: []string{"email"}, Merchant: merchant,
			Contact: market.Contact{Email: "halo@miana.example", Phone: "+62 21 5550 0199", Hours: "9:00-17:00"}},
		{Code: "my", Name: "Malaysia", State: market.Open, Position: 5, Countries: []market.Country{"MY"}, Currency: "MYR", Languages: []string{"ms", "en", "ar"},
			Zone: "Asia/Kuala_Lumpur", TaxInclusive: true, Incoterm: "DDP", Factor: rate("1.3"), Rounding: market.Rounding{Step: 100, Ending: 90, Direction: market.Nearest},
			ShipFrom: []string{"can"}, Methods: []string{"fpx", "touchngo", "card"}, ConsentChannels: []string{"email"}, Merchant: merchant,
			Contact: market.Contact{Email: "helo@miana.example", Phone: "+60 3-5550 0199", Hours: "9:00-17:00"}},
	}
}

// Shop is what seeding writes through.
type Shop struct {
	Markets *market.Service
	Catalog *catalog.Service
	Prices  *pricing.Service
	Stock   *fulfilment.Service
}

// Seed fills an empty shop: markets, exchange rates, categories, products, stock, delivery services. Prices are
// published by Publish once this is committed and loaded.
func Seed(tx *db.Tx, s Shop) error {
	for _, m := range Markets() {
		if err := s.Markets.Save(tx, m); err != nil {
			return fmt.Errorf("market %s: %w", m.Code, err)
		}
	}
	f, err := sampleRates()
	if err != nil {
		return err
	}
	if err := seedHistory(tx, s.Prices, f.Base, f.Rates); err != nil {
		return fmt.Errorf("history of rates: %w", err)
	}
	if err := seedRates(tx, s.Prices); err != nil {
		return err
	}
	if err := seedPayouts(tx, s.Prices, f.Base, f.Rates); err != nil {
		return fmt.Errorf("payouts: %w", err)
	}
	if err := s.Prices.SetDesk(tx, pricing.Desk{Home: "CNY", Bears: money.Of(50_00, "CNY"), Days: 10}, "Mei"); err != nil {
		return err
	}
	cats, err := categories()
	if err != nil {
		return err
	}
	var shelves []catalog.Category
	for i, c := range cats {
		shelves = append(shelves, catalog.Category{Slug: c.Slug, Names: c.Title, Intros: c.Intro, Position: int64(i + 1)})
	}
	if err := s.Catalog.ImportCategories(tx, shelves); err != nil {
		return err
	}
	all, err := products()
	if err != nil {
		return err
	}
	goods, stock, err := convert(all)
	if err != nil {
		return err
	}
	if _, err := s.Catalog.Import(tx, goods); err != nil {
		return err
	}
	if err := s.Stock.Seed(tx); err != nil {
		return err
	}
	if err := seedCosts(tx, s); err != nil {
		return err
	}
	return s.Stock.SetStock(tx, stock)
}

// Supplier imports the list of a supplier who calls some products by other codes, so that somebody has to look.
func Supplier(tx *db.Tx, s Shop) error {
	says := map[string]string{"monday-backpack": "4202221000", "corner-cafe-polo": "6106100000", "rain-check-trench": "6210300000"}
	all, err := products()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(p product) bool { return says[p.Slug] == "" })
	goods, _, err := convert(all)
	if err != nil {
		return err
	}
	for i := range goods {
		kept, err := s.Catalog.Find(tx, goods[i].Slug)
		if err != nil {
			return err
		}
		goods[i].HS, goods[i].HSUS, goods[i].Position = says[goods[i].Slug], "", kept.Position
	}
	_, err = s.Catalog.Import(tx, goods)
	return err
}

// Refresh dates the sample rates again, in a shop that was seeded on another day.
func Refresh(tx *db.Tx, s Shop) error { return seedRates(tx, s.Prices) }

// Publish makes the prices of all markets.
func Publish(tx *db.Tx, s Shop) error {
	for _, m := range Markets() {
		run, err := s.Prices.Publish(tx, m.Code)
		if err != nil {
			return fmt.Errorf("prices of %s: %w", m.Code, err)
		}
		if len(run.Skipped) > 0 {
			return fmt.Errorf("prices of %s: %d variants have none, the first %s: %s", m.Code, len(run.Skipped), run.Skipped[0].SKU, run.Skipped[0].Reason)
		}
	}
	return seedRivals(tx, s)
}

type sample struct {
	Base   money.Currency                `json:"base"`
	Date   string                        `json:"date"`
	Source string                        `json:"source"`
	Rates  map[money.Currency]money.Rate `json:"rates"`
}

func sampleRates() (sample, error) { return read[sample]("fx") }

// seedRates keeps the sample rates under yesterday's date, so that they are neither stale nor of the future
// however long ago this was written.
func seedRates(tx *db.Tx, prices *pricing.Service) error {
	f, err := sampleRates()
	if err != nil {
		return err
	}
	day := tx.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	for c, r := range f.Rates {
		if err := prices.SetRate(tx, pricing.FX{Base: f.Base, Quote: c, Rate: r, Day: day, Source: f.Source + " " + f.Date}); err != nil {
			return fmt.Errorf("rate of %s: %w", c, err)
		}
	}
	return nil
}

func convert(all []product) (goods []catalog.Product, stock []fulfilment.Stock, err error) {
	fibres, err := read[struct{ Fibres map[string]words }]("fibres")
	if err != nil {
		return nil, nil, err
	}
	for i, p := range all {
		created, err := time.Parse(time.DateOnly, p.CreatedOn)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.Slug, err)
		}
		g := catalog.Product{
			Slug: p.Slug, Kind: p.Kind, Category: p.Category, Collections: p.Collections, TaxCategory: p.TaxCategory,
			Origin: market.Country(p.Origin), HS: p.HS, HSUS: p.HSUS, CustomsDescription: p.Customs, SizeChart: p.SizeChart, WeightGrams: p.WeightGrams,
			Wearer: p.Wearer, Make: p.Make, Traits: p.Traits, Evidence: p.Evidence,
			Base: p.Base, New: p.New, Featured: p.Featured, Position: int64(i + 1), CreatedAt: created, Texts: map[string]catalog.Text{},
		}
		for _, m := range p.Materials {
			g.Materials = append(g.Materials, catalog.Material{Fibre: m.Fibre, Percent: m.Percent})
		}
		for lang, t := range p.Texts {
			g.Texts[lang] = catalog.Text{Lang: lang, Title: t.Title, Description: t.Description, Care: t.Care, Fit: t.Fit, Material: composition(p, fibres.Fibres, lang)}
		}
		colours, sizes := catalog.Option{Name: "color"}, catalog.Option{Name: "size"}
		for _, c := range p.Options.Colours {
			colours.Values = append(colours.Values, catalog.Value{Code: c.Code, Hex: c.Hex, Names: c.Names})
			alt := map[string]string{}
			for lang, t := range p.Texts {
				alt[lang] = t.Alt + ", " + c.Names[lang]
			}
			g.Images = append(g.Images,
				catalog.Image{File: imageFile(p.Slug, c.Code, ""), Color: c.Code, Alt: alt},
				catalog.Image{File: imageFile(p.Slug, c.Code, "detail"), Color: c.Code, Alt: alt})
		}
		for _, size := range p.Options.Sizes {
			sizes.Values = append(sizes.Values, catalog.Value{Code: sizeCode(size), Names: sizeNames(size)})
		}
		g.Options = []catalog.Option{colours, sizes}
		for _, v := range p.Variants {
			g.Variants = append(g.Variants, catalog.Variant{SKU: v.SKU, Options: map[string]string{"color": v.Colour, "size": sizeCode(v.Size)}})
			for at, n := range v.Stock {
				stock = append(stock, fulfilment.Stock{SKU: v.SKU, Location: at, OnHand: n})
			}
		}
		goods = append(goods, g)
	}
	slices.SortFunc(stock, func(a, b fulfilment.Stock) int {
		return cmp.Or(cmp.Compare(a.SKU, b.SKU), cmp.Compare(a.Location, b.Location))
	})
	return goods, stock, nil
}

func composition(p product, fibres map[string]words, lang string) string {
	var parts []string
	for _, m := range p.Materials {
		name := fibres[m.Fibre][lang]
		if name == "" {
			name = strings.ReplaceAll(m.Fibre, "_", " ")
		}
		parts = append(parts, fmt.Sprintf("%d %% %s", m.Percent, name))
	}
	return strings.Join(parts, ", ")
}

func sizeCode(size string) string {
	if size == "" {
		return "one"
	}
	return strings.ReplaceAll(strings.ToLower(size), " ", "-")
}

func sizeNames(size string) map[string]string {
	if sizeCode(size) == "one" || sizeCode(size) == "one-size" {
		return map[string]string{"en": "One size", "de": "Einheitsgröße", "id": "Satu ukuran", "ms": "Satu saiz", "ar": "مقاس واحد"}
	}
	return map[string]string{"en": size}
}

func imageFile(slug, colour, part string) string {
	if part != "" {
		part = "-" + part
	}
	return "p-" + slug + "-" + colour + part + ".svg"
}

// Brand is how Miana presents itself.
func Brand() (storefront.Brand, error) {
	f, err := read[struct {
		Name    string `json:"name"`
		Legal   string `json:"legal_name"`
		Tagline words  `json:"tagline"`
		Story   words  `json:"story"`
		Contact struct {
			Email string `json:"email"`
		} `json:"contact"`
	}]("brand")
	if err != nil {
		return storefront.Brand{}, err
	}
	cats, err := categories()
	if err != nil {
		return storefront.Brand{}, err
	}
	b := storefront.Brand{Name: f.Name, Taglines: f.Tagline, Stories: f.Story, Address: f.Legal, Email: f.Contact.Email,
		LogoFile: "logo.svg", LogoWidth: 100, IconFile: "icon.svg", HeroFile: "hero-1.svg", Demo: true, Tiles: map[string]string{}}
	for _, c := range cats {
		b.Tiles[c.Slug] = "c-" + c.Slug + ".svg"
	}
	return b, nil
}

// Charts are the merchant's size charts.
func Charts() ([]storefront.SizeChart, error) {
	f, err := read[struct {
		Charts []struct {
			Code    string              `json:"code"`
			Columns []string            `json:"columns"`
			Names   map[string]words    `json:"names"`
			Rows    []map[string]string `json:"rows"`
		}
	}]("size_charts")
	if err != nil {
		return nil, err
	}
	var out []storefront.SizeChart
	for _, c := range f.Charts {
		chart := storefront.SizeChart{Code: c.Code, Head: map[string][]string{}}
		for _, lang := range []string{"en", "de", "id", "ms", "ar"} {
			for _, col := range c.Columns {
				chart.Head[lang] = append(chart.Head[lang], c.Names[col][lang])
			}
		}
		for _, row := range c.Rows {
			var cells []string
			for _, col := range c.Columns {
				cells = append(cells, row[col])
			}
			chart.Rows = append(chart.Rows, cells)
		}
		out = append(out, chart)
	}
	return out, nil
}
