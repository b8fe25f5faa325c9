// Package catalog keeps what the shop sells: products, their variants, words and pictures, and finds them for
// shoppers from a copy in memory.
//
// It knows no market prices, no stock and no duty: prices and stock reach its lists through two small
// interfaces, and packages pricing, fulfilment and customs know the rest.
package catalog

import (
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrUnknownProduct is the fault of a slug or id that names no product.
	ErrUnknownProduct = fault.New(fault.NotFound, "catalog.unknown_product")
	// ErrUnknownSKU is the fault of a SKU that names no variant.
	ErrUnknownSKU = fault.New(fault.NotFound, "catalog.unknown_sku")
	// ErrUnknownCategory is the fault of a slug that names no category.
	ErrUnknownCategory = fault.New(fault.NotFound, "catalog.unknown_category")
	// ErrSKUTaken is the fault of a SKU that belongs to a variant of another product.
	ErrSKUTaken = fault.New(fault.Conflict, "catalog.sku_taken")
)

// Product is one article with all its variants. A product from a Snapshot is shared: leave it as it is.
type Product struct {
	ID                 string
	Slug               string // a-z, 0-9 and hyphens; the same in every language
	Kind               string // what a merchant calls the sort of thing: "dress"
	Category           string // slug
	Collections        []string
	TaxCategory        string // as in the VAT table: "standard", "clothing", …
	Origin             market.Country
	HS                 string // at least 6 digits, no dots; empty where nobody has said
	HSUS               string // the 8 or 10 digits of the US schedule
	CustomsDescription string // plain English, for declarations
	Materials          []Material
	Wearer             string            // who it is made for: women, men, girls, boys, babies, unisex; empty where nobody wears it or nobody said
	Make               string            // how its fabric is made: knitted, woven, felt; empty where that makes no difference or nobody said
	Traits             []string          // what else matters at a border: "battery", "perfume", "cites"; in the words of package customs
	Evidence           []string          // marks and documents held for it: "CE", "CITES"; in the words of package customs
	SizeChart          string            // names the chart that fits, empty for none
	Facts              map[string]string // the merchant's own short facts: "cut" -> "wrap"
	WeightGrams        int64
	Base               money.Amount // the merchant's own price without tax, in the shop's base currency
	Options            []Option     // in the order they are chosen; their values in the order they are shown
	Images             []Image
	Variants           []Variant
	Hidden             bool // kept, not shown
	New, Featured      bool
	Position           int64 // order in the shop; equal positions by newest, then slug
	CreatedAt          time.Time

	// Texts by language; nil in a Snapshot, which reads them when first asked: use Text.
	Texts map[string]Text

	words *library
	index int // in the snapshot
}

// Text is what a product says about itself in one language, as given: escape it where it's shown.
type Text struct {
	Lang        string // the language it is in, which may be a fallback for the one asked for
	Title       string
	Description string // paragraphs separated by an empty line
	Care        string
	Fit         string
	Material    string
}

// Material is a part of what a product is made of.
type Material struct {
	Fibre   string `json:"fibre"` // in English, lower case: "cotton"
	Percent int    `json:"percent"`
}

// Option is something to choose: a colour, a size.
type Option struct {
	Name   string // "color", "size"
	Values []Value
}

// Value is one choice of an option.
type Value struct {
	Code  string            // "navy", "M"; letters, digits, hyphens and dots
	Hex   string            // "#001f5b" for colours, else empty
	Names map[string]string // by language; nil in a Snapshot: use Product.ValueName
}

// Image is a picture of a product.
type Image struct {
	File  string            // a name in the shop's media, no folders
	Color string            // the colour it shows, empty for all
	Alt   map[string]string // by language; nil in a Snapshot: use Product.Alt
}

// Variant is what is sold and stocked.
type Variant struct {
	SKU         string
	Options     map[string]string // option name -> value code; shared, leave it as it is
	WeightGrams int64             // never 0 in a Snapshot: the product's where the variant has none
	Base        money.Amount      // never zero in a Snapshot: the product's where the variant has none
	GTIN        string
}

// Category is a shelf of the shop.
type Category struct {
	Slug     string
	Parent   string // slug, empty on the first level
	Names    map[string]string
	Intros   map[string]string // a sentence by language
	Position int64
}

// Name is the category's name in lang, or in English, or its slug.
func (c Category) Name(lang string) string {
	if n := c.Names[lang]; n != "" {
		return n
	}
	if n := c.Names["en"]; n != "" {
		return n
	}
	return c.Slug
}

// Intro is the category's sentence in lang, or none.
func (c Category) Intro(lang string) string { return c.Intros[lang] }

// Sort orders a list.
type Sort string

const (
	Shop      Sort = "shop"  // the shop's own order; best match where words are searched
	Newest    Sort = "new"   // newest first
	PriceUp   Sort = "price" // cheapest first
	PriceDown Sort = "price-down"
)

// Filter says which products a shopper wants to see. Empty fields ask for nothing.
type Filter struct {
	Market     market.Code // with Prices wired, only what has a price there is listed
	Lang       string
	Category   string // slug; products of categories below it count too
	Collection string
	Query      string
	Color      []string // any of these
	Size       []string
	MinPrice   int64 // minor units of the market's currency
	MaxPrice   int64
	InStock    bool
	Sort       Sort
}

// Page is a window on a list: Number counts from 1; Size is 24 where it is 0, and at most 100.
type Page struct{ Number, Size int }

// Listing is one page of a list.
type Listing struct {
	Products  []*Product
	Total     int
	Page      int // the page shown; the last one where a later one was asked for
	Pages     int
	Facets    []Facet
	Query     string // as asked
	Corrected string // what was searched instead, empty where nothing was corrected
	Popular   bool   // nothing was found: these are other products of the market
}

// Facet is a filter with what can be chosen and how much each choice leaves, given the other filters.
type Facet struct {
	Name    string // "category", "color", "size"
	Choices []Choice
}

// Choice is one value of a facet.
type Choice struct {
	Code   string
	Hex    string
	Name   string // in the filter's language
	Count  int
	Chosen bool
}

// Prices tells what products cost. Satisfied by pricing.Service.
type Prices interface {
	// Epoch grows when any price changes.
	Epoch() int64
	// Lowest is the lowest price of the product's variants in a market, in minor units.
	Lowest(m market.Code, p *Product) (minor int64, ok bool)
}

// Stock tells what can be had. Satisfied by fulfilment.Service.
type Stock interface {
	// Epoch grows when something sells out or comes back.
	Epoch() int64
	// InStock reports whether one piece of a variant can be sent to a market.
	InStock(m market.Code, sku string) bool
}
