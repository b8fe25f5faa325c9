package catalog

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"portolan/internal/db"
)

// Snapshot is the catalogue as it stood at one version. Everything in it is shared: leave it as it is.
type Snapshot struct {
	version    int64
	products   []*Product // in the shop's order
	bySlug     map[string]*Product
	byID       map[string]*Product
	bySKU      map[string]ref
	categories []Category
	byCategory map[string]int
	words      *library
	lists      shelf
}

type ref struct {
	product *Product
	variant int
}

func load(tx *db.Tx, d *db.DB, version int64) (*Snapshot, error) {
	s := &Snapshot{version: version}
	categories, err := db.All(tx, scanCategory, `select slug, parent, position, names, intros from categories order by position, slug`)
	if err != nil {
		return nil, err
	}
	s.shelve(categories)
	all, err := db.All(tx, newScanner().product, `select `+productColumns+` from products where not hidden order by position, created_at desc, slug`)
	if err != nil {
		return nil, err
	}
	langs, err := db.All(tx, db.Scalar[string], `select distinct lang from product_texts order by lang`)
	if err != nil {
		return nil, err
	}
	s.products, s.bySlug, s.byID = all, make(map[string]*Product, len(all)), make(map[string]*Product, len(all))
	s.words = &library{d: d, langs: langs, at: make(map[string]int, len(all))}
	for i, p := range all {
		p.index, p.words = i, s.words
		s.bySlug[p.Slug], s.byID[p.ID], s.words.at[p.ID] = p, p, i
	}
	variants, err := db.All(tx, scanVariant, `select `+variantColumns+` from variants order by product, position`)
	if err != nil {
		return nil, err
	}
	s.bySKU = make(map[string]ref, len(variants))
	known := chosen{}
	for _, v := range variants {
		p := s.byID[v.product]
		if p == nil {
			continue
		}
		v.Options = known.of(p, v.choices)
		if v.WeightGrams == 0 {
			v.WeightGrams = p.WeightGrams
		}
		if v.Base.Minor == 0 {
			v.Base.Minor = p.Base.Minor
		}
		v.Base.Currency = p.Base.Currency
		s.bySKU[v.SKU] = ref{p, len(p.Variants)}
		p.Variants = append(p.Variants, v.Variant)
	}
	return s, nil
}

// shelve keeps categories so that parents stand before their children.
func (s *Snapshot) shelve(all []Category) {
	s.byCategory = map[string]int{}
	var below func(parent string)
	below = func(parent string) {
		for _, c := range all {
			if _, done := s.byCategory[c.Slug]; !done && c.Parent == parent {
				s.byCategory[c.Slug] = len(s.categories)
				s.categories = append(s.categories, c)
				below(c.Slug)
			}
		}
	}
	below("")
}

// chosen shares the maps of variants that chose alike.
type chosen map[string]map[string]string

func (c chosen) of(p *Product, choices string) map[string]string {
	key := choices
	for _, o := range p.Options {
		key += "|" + o.Name
	}
	if m, ok := c[key]; ok {
		return m
	}
	m := make(map[string]string, len(p.Options))
	for i, v := range strings.Split(choices, "/") {
		if i < len(p.Options) {
			m[p.Options[i].Name] = v
		}
	}
	c[key] = m
	return m
}

// Products returns the shown products in the shop's order.
func (s *Snapshot) Products() []*Product { return s.products }

// BySlug finds a shown product.
func (s *Snapshot) BySlug(slug string) (*Product, bool) { p, ok := s.bySlug[slug]; return p, ok }

// ByID finds a shown product.
func (s *Snapshot) ByID(id string) (*Product, bool) { p, ok := s.byID[id]; return p, ok }

// BySKU finds a variant of a shown product.
func (s *Snapshot) BySKU(sku string) (*Product, *Variant, bool) {
	r, ok := s.bySKU[sku]
	if !ok {
		return nil, nil, false
	}
	return r.product, &r.product.Variants[r.variant], true
}

// Categories returns the categories in the shop's order, each parent before its children.
func (s *Snapshot) Categories() []Category { return s.categories }

// Category finds a category.
func (s *Snapshot) Category(slug string) (Category, bool) {
	i, ok := s.byCategory[slug]
	if !ok {
		return Category{}, false
	}
	return s.categories[i], true
}

// within reports whether category is under, or below it.
func (s *Snapshot) within(category, under string) bool {
	for range 10 {
		if category == under {
			return true
		}
		c, ok := s.Category(category)
		if !ok || c.Parent == "" {
			return false
		}
		category = c.Parent
	}
	return false
}

// Version counts the changes of the catalogue.
func (s *Snapshot) Version() int64 { return s.version }

// Languages are those that any product has words in.
func (s *Snapshot) Languages() []string {
	if s.words == nil {
		return nil
	}
	return s.words.langs
}

// library reads the words of a language when they are first asked for.
type library struct {
	d       *db.DB
	langs   []string       // what there is
	at      map[string]int // product id -> index
	reading sync.Mutex
	read    atomic.Pointer[map[string]*words]
	indexes sync.Map // language -> func() *index
}

// words are all products' words in one language, by the product's index.
type words struct {
	texts  []Text // without Title where the product has none
	labels []labels
}

var silence = &words{}

func (l *library) in(lang string) *words {
	if read := l.read.Load(); read != nil {
		if w := (*read)[lang]; w != nil {
			return w
		}
	}
	if !slices.Contains(l.langs, lang) {
		return silence
	}
	l.reading.Lock()
	defer l.reading.Unlock()
	all := map[string]*words{}
	if read := l.read.Load(); read != nil {
		if w := (*read)[lang]; w != nil {
			return w
		}
		maps.Copy(all, *read)
	}
	w, err := l.open(lang)
	if err != nil {
		slog.Error("the words of a language could not be read", "lang", lang, "error", err)
		return silence
	}
	all[lang] = w
	l.read.Store(&all)
	return w
}

func (l *library) open(lang string) (*words, error) {
	w := &words{texts: make([]Text, len(l.at)), labels: make([]labels, len(l.at))}
	known := texts{}
	err := l.d.Aside(context.Background(), func(tx *db.Tx) error {
		_, err := db.All(tx, func(r db.Row) (struct{}, error) {
			t, err := known.scan(r)
			if i, ok := l.at[t.product]; ok && err == nil {
				t.Lang = lang
				w.texts[i], w.labels[i] = t.Text, t.labels
			}
			return struct{}{}, err
		}, `select `+textColumns+` from product_texts where lang = $1`, lang)
		return err
	})
	return w, err
}

// chain is the order in which languages are asked: the one wanted, its language without script, English, others.
func (l *library) chain(lang string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		plain, _, cut := strings.Cut(lang, "-")
		if !yield(lang) || cut && !yield(plain) || !yield("en") {
			return
		}
		for _, other := range l.langs {
			if !yield(other) {
				return
			}
		}
	}
}

// Text is what the product says in lang, or in English, or in any language it has; Text.Lang tells which.
func (p *Product) Text(lang string) Text {
	if p.words == nil {
		for _, l := range append([]string{lang, "en"}, slices.Sorted(maps.Keys(p.Texts))...) {
			if t, ok := p.Texts[l]; ok {
				t.Lang = l
				return t
			}
		}
		return Text{Title: p.Slug}
	}
	for l := range p.words.chain(lang) {
		if w := p.words.in(l); p.index < len(w.texts) && w.texts[p.index].Title != "" {
			return w.texts[p.index]
		}
	}
	return Text{Title: p.Slug}
}

// Alt describes the i-th image for those who don't see it; the title where nobody has described it.
func (p *Product) Alt(i int, lang string) string {
	if p.words == nil {
		if i < len(p.Images) {
			return cmp.Or(p.Images[i].Alt[lang], p.Images[i].Alt["en"], p.Text(lang).Title)
		}
		return p.Text(lang).Title
	}
	if w := p.words.in(lang); p.index < len(w.labels) && i < len(w.labels[p.index].Alts) && w.labels[p.index].Alts[i] != "" {
		return w.labels[p.index].Alts[i]
	}
	return p.Text(lang).Title
}

// ValueName is what a choice is called in lang, or in English: "Marineblau" for color, navy; else its code.
func (p *Product) ValueName(option, code, lang string) string {
	if p.words == nil {
		for _, o := range p.Options {
			for _, v := range o.Values {
				if o.Name == option && v.Code == code {
					return cmp.Or(v.Names[lang], v.Names["en"], code)
				}
			}
		}
		return code
	}
	for _, l := range [2]string{lang, "en"} {
		if w := p.words.in(l); p.index < len(w.labels) {
			if n := w.labels[p.index].Values[option+"/"+code]; n != "" {
				return n
			}
		}
	}
	return code
}

// VariantName joins the names of a variant's choices in the order of the product's options: "Marineblau, M".
func (p *Product) VariantName(v *Variant, lang string) string {
	var names []string
	for _, o := range p.Options {
		names = append(names, p.ValueName(o.Name, v.Options[o.Name], lang))
	}
	return strings.Join(names, ", ")
}

// Pick finds the variant with exactly these choices (option name -> value code).
func (p *Product) Pick(choices map[string]string) (*Variant, bool) {
	for i := range p.Variants {
		if maps.Equal(p.Variants[i].Options, choices) {
			return &p.Variants[i], true
		}
	}
	return nil, false
}

// Image is the picture to show for a colour and its place in Images: the first of that colour, else the first.
func (p *Product) Image(color string) (Image, int, bool) {
	if len(p.Images) == 0 {
		return Image{}, 0, false
	}
	i := max(0, slices.IndexFunc(p.Images, func(im Image) bool { return color != "" && im.Color == color }))
	return p.Images[i], i, true
}
