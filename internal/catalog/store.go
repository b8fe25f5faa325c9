package catalog

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"portolan/internal/db"
)

// labels are the short words of a product in one language.
type labels struct {
	Alts   []string          // by image
	Values map[string]string // "color/navy" -> "Marineblau"
}

// storedOption and storedImage are options and images without words.
type storedOption struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
	Hex    []string `json:"hex,omitempty"`
}

type storedImage struct {
	File  string `json:"file"`
	Color string `json:"color,omitempty"`
}

type stamp struct {
	id, digest       string
	createdAt        time.Time
	wearer, make     string
	traits, evidence string
	codes            Codes
}

// findStamp returns what is known of a product by its slug; nothing if there is none.
func findStamp(tx *db.Tx, slug string) (s stamp, err error) {
	s, err = db.One(tx, func(r db.Row) (s stamp, err error) {
		return s, r.Scan(&s.id, &s.digest, db.Moment(&s.createdAt), &s.wearer, &s.make, &s.traits, &s.evidence, &s.codes.HS, &s.codes.HSUS)
	}, `select id, digest, created_at, wearer, make, traits, evidence, hs, hs_us from products where slug = $1`+tx.ForUpdate(), slug)
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return s, err
}

// fill gives a product what its import left unsaid and the shop knows.
func (s stamp) fill(p *Product) (err1 error) {
	p.Wearer, p.Make = cmp.Or(p.Wearer, s.wearer), cmp.Or(p.Make, s.make)
	var err2 error
	if p.Traits == nil {
		err1 = read(s.traits, &p.Traits)
	}
	if p.Evidence == nil {
		err2 = read(s.evidence, &p.Evidence)
	}
	return errors.Join(err1, err2)
}

const productColumns = `id, slug, kind, category, collections, tax_category, origin, hs, hs_us, customs_description, materials,
	size_chart, facts, weight_grams, base_minor, currency, options, images, hidden, is_new, featured, position, created_at,
	wearer, make, traits, evidence`

func write(tx *db.Tx, p Product, print string) error {
	var options []storedOption
	for _, o := range p.Options {
		so := storedOption{Name: o.Name}
		for _, v := range o.Values {
			so.Values = append(so.Values, v.Code)
			so.Hex = append(so.Hex, v.Hex)
		}
		if !slices.ContainsFunc(so.Hex, func(h string) bool { return h != "" }) {
			so.Hex = nil
		}
		options = append(options, so)
	}
	var images []storedImage
	for _, im := range p.Images {
		images = append(images, storedImage{im.File, im.Color})
	}
	n, err := tx.Exec(`insert into products (`+productColumns+`, digest, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)
		on conflict (id) do update set kind = excluded.kind, category = excluded.category, collections = excluded.collections,
			tax_category = excluded.tax_category, origin = excluded.origin, hs = excluded.hs, hs_us = excluded.hs_us,
			customs_description = excluded.customs_description, materials = excluded.materials,
			size_chart = excluded.size_chart, facts = excluded.facts, weight_grams = excluded.weight_grams,
			base_minor = excluded.base_minor, currency = excluded.currency, options = excluded.options, images = excluded.images,
			hidden = excluded.hidden, is_new = excluded.is_new, featured = excluded.featured, position = excluded.position,
			created_at = excluded.created_at, wearer = excluded.wearer, make = excluded.make, traits = excluded.traits, evidence = excluded.evidence,
			digest = excluded.digest, changed_at = excluded.changed_at`,
		p.ID, p.Slug, p.Kind, p.Category, array(p.Collections), p.TaxCategory, p.Origin, p.HS, p.HSUS, p.CustomsDescription, array(p.Materials),
		p.SizeChart, object(p.Facts), p.WeightGrams, p.Base.Minor, p.Base.Currency, array(options), array(images), p.Hidden, p.New, p.Featured, p.Position, p.CreatedAt,
		p.Wearer, p.Make, array(p.Traits), array(p.Evidence), print, tx.Now())
	if err != nil || n == 0 {
		return err
	}
	if err := writeVariants(tx, p); err != nil {
		return err
	}
	return writeTexts(tx, p)
}

func writeVariants(tx *db.Tx, p Product) error {
	if err := tx.Send(`delete from variants where product = $1`, p.ID); err != nil {
		return err
	}
	for i, v := range p.Variants {
		n, err := tx.Exec(`insert into variants (sku, product, position, choices, weight_grams, base_minor, gtin)
			values ($1, $2, $3, $4, $5, $6, $7) on conflict (sku) do nothing`,
			v.SKU, p.ID, i, p.choices(&v), v.WeightGrams, v.Base.Minor, v.GTIN)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("variant %s: %w", v.SKU, ErrSKUTaken)
		}
	}
	return nil
}

const textColumns = `product, lang, title, description, care, fit, material, alts, value_names`

func writeTexts(tx *db.Tx, p Product) error {
	if err := tx.Send(`delete from product_texts where product = $1`, p.ID); err != nil {
		return err
	}
	for _, lang := range slices.Sorted(maps.Keys(p.Texts)) {
		t := p.Texts[lang]
		words := labels{Values: map[string]string{}}
		for _, im := range p.Images {
			words.Alts = append(words.Alts, im.Alt[lang])
		}
		for _, o := range p.Options {
			for _, v := range o.Values {
				if name := v.Names[lang]; name != "" {
					words.Values[o.Name+"/"+v.Code] = name
				}
			}
		}
		if err := tx.Send(`insert into product_texts (`+textColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			p.ID, lang, t.Title, t.Description, t.Care, t.Fit, t.Material, array(words.Alts), object(words.Values)); err != nil {
			return err
		}
	}
	return nil
}

func writeCategory(tx *db.Tx, c Category) error {
	err := tx.Send(`insert into categories (slug, parent, position, names, intros) values ($1, $2, $3, $4, $5)
		on conflict (slug) do update set parent = excluded.parent, position = excluded.position, names = excluded.names, intros = excluded.intros`,
		c.Slug, c.Parent, c.Position, object(c.Names), object(c.Intros))
	return err
}

// scanner reads productColumns. It remembers what many products share.
type scanner struct {
	collections map[string][]string
	materials   map[string][]Material
	facts       map[string]map[string]string
	options     map[string][]Option
	marks       map[string][]string // traits and evidence
}

func newScanner() *scanner {
	return &scanner{map[string][]string{}, map[string][]Material{}, map[string]map[string]string{}, map[string][]Option{}, map[string][]string{}}
}

func (s *scanner) product(r db.Row) (*Product, error) {
	p := &Product{}
	var collections, materials, facts, options, images, traits, evidence string
	err := r.Scan(&p.ID, &p.Slug, &p.Kind, &p.Category, &collections, &p.TaxCategory, &p.Origin, &p.HS, &p.HSUS, &p.CustomsDescription, &materials,
		&p.SizeChart, &facts, &p.WeightGrams, &p.Base.Minor, &p.Base.Currency, &options, &images, &p.Hidden, &p.New, &p.Featured, &p.Position, db.Moment(&p.CreatedAt),
		&p.Wearer, &p.Make, &traits, &evidence)
	if err != nil {
		return nil, err
	}
	var si []storedImage
	var err1, err2, err3, err4, err5, err6 error
	p.Collections, err1 = remember(s.collections, collections)
	p.Materials, err2 = remember(s.materials, materials)
	p.Options, err3 = s.optionsOf(options)
	p.Facts, err4 = remember(s.facts, facts)
	p.Traits, err5 = remember(s.marks, traits)
	p.Evidence, err6 = remember(s.marks, evidence)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, read(images, &si)); err != nil {
		return nil, fmt.Errorf("product %s: %w", p.Slug, err)
	}
	for _, im := range si {
		p.Images = append(p.Images, Image{File: im.File, Color: im.Color})
	}
	return p, nil
}

func (s *scanner) optionsOf(text string) ([]Option, error) {
	if all, ok := s.options[text]; ok {
		return all, nil
	}
	var stored []storedOption
	if err := read(text, &stored); err != nil {
		return nil, err
	}
	var all []Option
	for _, o := range stored {
		values := make([]Value, len(o.Values))
		for i, code := range o.Values {
			values[i].Code = code
			if i < len(o.Hex) {
				values[i].Hex = o.Hex[i]
			}
		}
		all = append(all, Option{o.Name, values})
	}
	s.options[text] = all
	return all, nil
}

// remember decodes a JSON text, once for each text.
func remember[T any](known map[string]T, text string) (v T, err error) {
	if v, ok := known[text]; ok {
		return v, nil
	}
	if err = read(text, &v); err == nil {
		known[text] = v
	}
	return v, err
}

type storedVariant struct {
	product, choices string
	Variant
}

const variantColumns = `sku, product, choices, weight_grams, base_minor, gtin`

func scanVariant(r db.Row) (v storedVariant, err error) {
	err = r.Scan(&v.SKU, &v.product, &v.choices, &v.WeightGrams, &v.Base.Minor, &v.GTIN)
	return v, err
}

func find(tx *db.Tx, slug string) (Product, error) {
	p, err := db.One(tx, newScanner().product, `select `+productColumns+` from products where slug = $1`, slug)
	if errors.Is(err, db.ErrNone) {
		return Product{}, fmt.Errorf("product %.80q: %w", slug, ErrUnknownProduct)
	}
	if err != nil {
		return Product{}, err
	}
	variants, err := db.All(tx, scanVariant, `select `+variantColumns+` from variants where product = $1 order by position`, p.ID)
	if err != nil {
		return Product{}, err
	}
	known := chosen{}
	for _, v := range variants {
		v.Options = known.of(p, v.choices)
		if v.Base.Minor > 0 {
			v.Base.Currency = p.Base.Currency
		}
		p.Variants = append(p.Variants, v.Variant)
	}
	all, err := db.All(tx, texts{}.scan, `select `+textColumns+` from product_texts where product = $1 order by lang`, p.ID)
	if err != nil {
		return Product{}, err
	}
	p.Texts = map[string]Text{}
	for _, t := range all {
		p.Texts[t.Lang] = t.Text
		for i, alt := range t.Alts {
			if alt != "" && i < len(p.Images) {
				name(&p.Images[i].Alt, t.Lang, alt)
			}
		}
		for i, o := range p.Options {
			for j, v := range o.Values {
				if n := t.Values[o.Name+"/"+v.Code]; n != "" {
					name(&p.Options[i].Values[j].Names, t.Lang, n)
				}
			}
		}
	}
	return *p, nil
}

func name(names *map[string]string, lang, s string) {
	if *names == nil {
		*names = map[string]string{}
	}
	(*names)[lang] = s
}

type storedText struct {
	product string
	Text
	labels
}

// texts remembers the names of values it has read: many products share theirs.
type texts map[string]map[string]string

func (known texts) scan(r db.Row) (t storedText, err error) {
	var alts, names string
	if err = r.Scan(&t.product, &t.Lang, &t.Title, &t.Description, &t.Care, &t.Fit, &t.Material, &alts, &names); err != nil {
		return t, err
	}
	t.Values, err = remember(known, names)
	return t, errors.Join(err, read(alts, &t.Alts))
}

func scanCategory(r db.Row) (c Category, err error) {
	var names, intros string
	if err = r.Scan(&c.Slug, &c.Parent, &c.Position, &names, &intros); err != nil {
		return c, err
	}
	return c, errors.Join(read(names, &c.Names), read(intros, &c.Intros))
}

func read[T any](s string, into *T) error {
	if s == "[]" || s == "{}" {
		return nil
	}
	return json.Unmarshal([]byte(s), into)
}

// array writes a list as JSON; no list is an empty one.
func array[T any](all []T) string {
	if len(all) == 0 {
		return "[]"
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // a slice of strings and numbers
	}
	return string(b)
}

// object writes names as JSON; none are an empty object.
func object(names map[string]string) string {
	if len(names) == 0 {
		return "{}"
	}
	b, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings
	}
	return string(b)
}
