package catalog

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
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
	bump   snapshot.Bump
	held   *snapshot.Of[Snapshot]
	prices Prices
	stock  Stock
	codes  Codekeeper
}

// New returns the catalogue kept in d. Its lists know no prices and no stock until With.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump) *Service {
	version := func() int64 { return versions.Version(Version) }
	return &Service{bump: bump, held: snapshot.New(d, version, func(tx *db.Tx, _ *Snapshot) (*Snapshot, error) {
		return load(tx, d, version())
	})}
}

// With tells the lists about prices and stock; called once, before anybody lists.
func (s *Service) With(p Prices, st Stock) { s.prices, s.stock = p, st }

// Load brings the catalogue into memory.
func (s *Service) Load(ctx context.Context) error { return s.held.Load(ctx) }

// Snapshot is the catalogue as it stands.
func (s *Service) Snapshot() *Snapshot { return s.held.Get() }

// Get returns a shown product by slug, or ErrUnknownProduct; from memory.
func (s *Service) Get(slug string) (*Product, error) {
	p, ok := s.Snapshot().BySlug(slug)
	if !ok {
		return nil, fmt.Errorf("product %.80q: %w", slug, ErrUnknownProduct)
	}
	return p, nil
}

// Variant returns a shown product and its variant by SKU, or ErrUnknownSKU; from memory.
func (s *Service) Variant(sku string) (*Product, *Variant, error) {
	p, v, ok := s.Snapshot().BySKU(sku)
	if !ok {
		return nil, nil, fmt.Errorf("variant %.80q: %w", sku, ErrUnknownSKU)
	}
	return p, v, nil
}

// Imported counts what an import did.
type Imported struct{ Added, Changed, Unchanged int }

// Import keeps new products and changes those whose slug is known; the same products twice change nothing.
// Variants and languages that aren't named any more are dropped. The ID is made here; a zero CreatedAt is now
// for a new product and as it was for a known one; so are Wearer, Make, Traits and Evidence where they aren't said
// (nil; an empty list says that there are none). Nothing is kept if anything is wrong: an Invalid fault names
// each field as "<slug>.<field>".
func (s *Service) Import(tx *db.Tx, products []Product) (Imported, error) {
	var done Imported
	if err := checkAll(tx, products); err != nil {
		return done, err
	}
	for i := range products {
		p := &products[i]
		kept, err := s.keep(tx, *p)
		if err != nil {
			return done, fmt.Errorf("import %s: %w", p.Slug, err)
		}
		switch kept {
		case added:
			done.Added++
		case changed:
			done.Changed++
		default:
			done.Unchanged++
		}
	}
	if done.Added+done.Changed == 0 {
		return done, nil
	}
	return done, s.bump(tx, Version)
}

func checkAll(tx *db.Tx, products []Product) error {
	known, err := db.All(tx, db.Scalar[string], `select slug from categories order by slug`)
	if err != nil {
		return err
	}
	var c fault.Check
	slugs, skus := map[string]bool{}, map[string]bool{}
	for i := range products {
		p := &products[i]
		p.check(&c, i)
		c.That(!slugs[p.Slug], p.Slug+".slug", "catalog.slug_twice")
		slugs[p.Slug] = true
		if ValidSlug(p.Category) {
			c.That(slices.Contains(known, p.Category), p.Slug+".category", "catalog.category_unknown")
		}
		for _, v := range p.Variants {
			c.That(!skus[v.SKU], p.Slug+".variants."+v.SKU, "catalog.sku_twice")
			skus[v.SKU] = true
		}
	}
	return c.Err("catalog.invalid")
}

type kept int

const (
	unchanged kept = iota
	added
	changed
)

func (s *Service) keep(tx *db.Tx, p Product) (kept, error) {
	p.ID, p.words = "", nil
	print, err := digest(p)
	if err != nil {
		return unchanged, err
	}
	old, err := findStamp(tx, p.Slug)
	if err != nil {
		return unchanged, err
	}
	if old.digest == print {
		return unchanged, nil
	}
	how := changed
	p.ID = old.id
	if old.id == "" {
		p.ID, how = id.New("prd"), added
		old.createdAt = tx.Now()
	} else if err := old.fill(&p); err != nil {
		return unchanged, err
	}
	if has, brought := old.codes, (Codes{p.HS, p.HSUS}); s.codes != nil && old.id != "" && has != brought {
		keep, err := s.codes.KeepCodes(tx, old.id, p.Slug, has, brought)
		if err != nil {
			return unchanged, err
		}
		if keep {
			p.HS, p.HSUS = has.HS, has.HSUS
		}
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = old.createdAt
	}
	return how, write(tx, p, print)
}

// digest tells whether a product is as it was imported last.
func digest(p Product) (string, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// ImportCategories keeps new categories and changes known ones. A parent is named before its children or is
// known already.
func (s *Service) ImportCategories(tx *db.Tx, categories []Category) error {
	known, err := db.All(tx, db.Scalar[string], `select slug from categories order by slug`)
	if err != nil {
		return err
	}
	var c fault.Check
	for i, cat := range categories {
		at := fmt.Sprintf("categories[%d].", i)
		c.That(ValidSlug(cat.Slug), at+"slug", "catalog.slug_form")
		c.That(cat.Parent == "" || cat.Parent != cat.Slug && slices.Contains(known, cat.Parent), at+"parent", "catalog.category_unknown")
		c.That(len(cat.Names) > 0, at+"names", "catalog.needs_text")
		for lang, intro := range cat.Intros {
			c.That(langForm.MatchString(lang) && plain(intro, maxText), at+"intros", "catalog.text_form")
		}
		for lang, name := range cat.Names {
			c.That(langForm.MatchString(lang), at+"names", "catalog.language_form")
			c.That(strings.TrimSpace(name) != "" && plain(name, maxTitle), at+"names", "catalog.text_form")
		}
		known = append(known, cat.Slug)
	}
	if err := c.Err("catalog.invalid"); err != nil {
		return err
	}
	for _, cat := range categories {
		if err := writeCategory(tx, cat); err != nil {
			return fmt.Errorf("import category %s: %w", cat.Slug, err)
		}
	}
	return s.bump(tx, Version)
}

// Find returns a product as it was imported, shown or hidden, with all its words, by slug, or ErrUnknownProduct.
func (s *Service) Find(tx *db.Tx, slug string) (Product, error) { return find(tx, slug) }

// Hide shows a product no longer, or again.
func (s *Service) Hide(tx *db.Tx, slug string, hidden bool) error {
	n, err := tx.Exec(`update products set hidden = $2, digest = '', changed_at = $3 where slug = $1`, slug, hidden, tx.Now())
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("product %.80q: %w", slug, ErrUnknownProduct)
	}
	return s.bump(tx, Version)
}

// Codes are what a product is called by customs.
type Codes struct {
	HS   string // 6 to 10 digits; empty where nobody has said
	HSUS string // 8 or 10 digits of the US schedule, or empty
}

// Codekeeper says whether a product keeps its codes when an import brings others. Satisfied by classify.Service.
type Codekeeper interface {
	KeepCodes(tx *db.Tx, product, slug string, has, brought Codes) (keep bool, err error)
}

// Guard has every import that changes a known product's codes asked about; called once, before anybody imports.
func (s *Service) Guard(k Codekeeper) { s.codes = k }

// SetCodes gives a product the codes a person decided on, or ErrUnknownProduct.
func (s *Service) SetCodes(tx *db.Tx, slug string, c Codes) error {
	n, err := tx.Exec(`update products set hs = $2, hs_us = $3, changed_at = $4 where slug = $1`, slug, c.HS, c.HSUS, tx.Now())
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("product %.80q: %w", slug, ErrUnknownProduct)
	}
	return s.bump(tx, Version)
}

// Goods are the facts of a product that borders ask for.
type Goods struct {
	Wearer, Make     string
	Traits, Evidence []string
}

// SetGoods says what borders ask of a product, or ErrUnknownProduct; an Invalid fault names the fields.
func (s *Service) SetGoods(tx *db.Tx, slug string, g Goods) error {
	var c fault.Check
	p := Product{Wearer: g.Wearer, Make: g.Make, Traits: g.Traits, Evidence: g.Evidence}
	p.checkGoods(&c, func(field string) string { return field })
	if err := c.Err("catalog.invalid"); err != nil {
		return err
	}
	n, err := tx.Exec(`update products set wearer = $2, make = $3, traits = $4, evidence = $5, digest = '', changed_at = $6 where slug = $1`,
		slug, g.Wearer, g.Make, array(g.Traits), array(g.Evidence), tx.Now())
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("product %.80q: %w", slug, ErrUnknownProduct)
	}
	return s.bump(tx, Version)
}

// Offer is what pricing needs to know of a variant.
type Offer struct {
	SKU         string
	Product     string // id
	TaxCategory string
	Base        money.Amount
}

// Offers returns every variant that is shown, by SKU.
func (s *Service) Offers(tx *db.Tx) ([]Offer, error) {
	return db.All(tx, func(r db.Row) (o Offer, err error) {
		return o, r.Scan(&o.SKU, &o.Product, &o.TaxCategory, &o.Base.Minor, &o.Base.Currency)
	}, `select v.sku, p.id, p.tax_category, case when v.base_minor > 0 then v.base_minor else p.base_minor end, p.currency
		from variants v join products p on p.id = v.product where not p.hidden order by v.sku`)
}
