package catalog

import (
	"context"
	"embed"

	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/snapshot"
)

//go:embed schema
var files embed.FS

// Schema holds products, their words and the categories.
var Schema = db.Schema{Owner: "catalog", Files: files}

// Version is the name under which changes of the catalogue are counted.
const Version = "catalog"

// Service is the catalogue with a copy in memory.
type Service struct {
	d      *db.DB
	bump   snapshot.Bump
	held   *snapshot.Of[Snapshot]
	prices Prices
	stock  Stock
}

// New returns the catalogue kept in d. Its lists know no prices and no stock until With.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump) *Service {
	panic("soon")
}

// With tells the lists about prices and stock; called once, before anybody lists.
func (s *Service) With(p Prices, st Stock) { s.prices, s.stock = p, st }

// Load brings the catalogue into memory.
func (s *Service) Load(ctx context.Context) error { return s.held.Load(ctx) }

// Snapshot is the catalogue as it stands.
func (s *Service) Snapshot() *Snapshot { return s.held.Get() }

// Get returns a shown product by slug, or ErrUnknownProduct; from memory.
func (s *Service) Get(slug string) (*Product, error) { panic("soon") }

// Variant returns a shown product and its variant by SKU, or ErrUnknownSKU; from memory.
func (s *Service) Variant(sku string) (*Product, *Variant, error) { panic("soon") }

// List returns one page of the products that pass f, with facets; from memory.
func (s *Service) List(f Filter, page Page) Listing { panic("soon") }

// Import keeps new products and changes those whose slug is known; the same products twice change nothing.
// Variants and languages that aren't named any more are dropped. Nothing is kept if anything is wrong.
func (s *Service) Import(tx *db.Tx, products []Product) (Imported, error) { panic("soon") }

// Imported counts what an import did.
type Imported struct{ Added, Changed, Unchanged int }

// ImportCategories keeps new categories and changes known ones.
func (s *Service) ImportCategories(tx *db.Tx, categories []Category) error { panic("soon") }

// Find returns a product as it was imported, with all its words, by slug, or ErrUnknownProduct.
func (s *Service) Find(tx *db.Tx, slug string) (Product, error) { panic("soon") }

// Offer is what pricing needs to know of a variant.
type Offer struct {
	SKU         string
	Product     string // id
	TaxCategory string
	Base        money.Amount
}

// Offers returns every variant that is shown, by SKU.
func (s *Service) Offers(tx *db.Tx) ([]Offer, error) { panic("soon") }
