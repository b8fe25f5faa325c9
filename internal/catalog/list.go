package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

const (
	pageSize    = 24
	maxPageSize = 100
	maxChoices  = 20        // colours or sizes in one filter
	shelfRoom   = 1_000_000 // products in kept lists, about 4 MB
)

// shelf keeps lists that were made of a snapshot while prices and stock stay as they are.
type shelf struct {
	mu     sync.Mutex
	prices int64
	stock  int64
	lists  map[string]*list
	used   int
}

// list is all pages of a list.
type list struct {
	products  []int32
	facets    []Facet
	corrected string
	popular   bool
}

// List returns one page of the products that pass f, with facets; from memory. A facet counts what each of its
// choices would leave with the other filters as they are.
func (s *Service) List(f Filter, page Page) Listing {
	snap := s.Snapshot()
	f = f.tidy()
	l := snap.list(f, s.prices, s.stock)
	size := page.Size
	if size <= 0 {
		size = pageSize
	}
	size = min(size, maxPageSize)
	pages := max(1, (len(l.products)+size-1)/size)
	number := min(max(page.Number, 1), pages)
	out := Listing{Total: len(l.products), Page: number, Pages: pages, Facets: l.facets, Query: f.Query, Corrected: l.corrected, Popular: l.popular}
	window := l.products[(number-1)*size : min(number*size, len(l.products))]
	out.Products = make([]*Product, len(window))
	for i, at := range window {
		out.Products[i] = snap.products[at]
	}
	return out
}

// tidy bounds what a stranger may ask for.
func (f Filter) tidy() Filter {
	f.Query = strings.TrimSpace(f.Query)
	if r := []rune(f.Query); len(r) > maxQuery {
		f.Query = string(r[:maxQuery])
	}
	f.Color, f.Size = some(f.Color), some(f.Size)
	if !slices.Contains([]Sort{Newest, PriceUp, PriceDown}, f.Sort) {
		f.Sort = Shop
	}
	return f
}

func some(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all[:min(len(all), maxChoices)])
	slices.Sort(all)
	return slices.Compact(all)
}

func (f Filter) key() string {
	if f.Query == "" && f.Category == "" && f.Collection == "" && f.Color == nil && f.Size == nil && f.MinPrice == 0 && f.MaxPrice == 0 {
		return string(f.Market) + "|" + f.Lang + "|" + string(f.Sort) + map[bool]string{true: "|s"}[f.InStock]
	}
	return fmt.Sprintf("%q", [...]any{f.Market, f.Lang, f.Sort, f.Category, f.Collection, f.Query, f.Color, f.Size, f.MinPrice, f.MaxPrice, f.InStock})
}

func (s *Snapshot) list(f Filter, prices Prices, stock Stock) *list {
	var priced, stocked int64
	if prices != nil {
		priced = prices.Epoch()
	}
	if stock != nil {
		stocked = stock.Epoch()
	}
	key := f.key()
	s.lists.mu.Lock()
	if s.lists.prices != priced || s.lists.stock != stocked || s.lists.used > shelfRoom {
		s.lists.prices, s.lists.stock, s.lists.lists, s.lists.used = priced, stocked, nil, 0
	}
	kept := s.lists.lists[key]
	s.lists.mu.Unlock()
	if kept != nil {
		return kept
	}
	made := s.make(f, prices, stock)
	s.lists.mu.Lock()
	defer s.lists.mu.Unlock()
	if s.lists.lists == nil {
		s.lists.lists = map[string]*list{}
	}
	if s.lists.prices == priced && s.lists.stock == stocked {
		s.lists.lists[key] = made
		s.lists.used += len(made.products) + 50
	}
	return made
}

// candidate is a product on its way into a list.
type candidate struct {
	at    int32
	price int64
	score float64
}

func (s *Snapshot) make(f Filter, prices Prices, stock Stock) *list {
	found, corrected := s.match(f, stock)
	l := s.pick(f, found, prices, stock)
	if f.Query == "" {
		return l
	}
	l.corrected = corrected
	if len(l.products) == 0 {
		l = s.pick(Filter{Market: f.Market, Lang: f.Lang, Sort: Shop}, nil, prices, stock)
		l.popular = true
		slices.SortStableFunc(l.products, func(a, b int32) int {
			return -cmp.Compare(popularity(s.products[a]), popularity(s.products[b]))
		})
	}
	return l
}

func popularity(p *Product) int {
	n := 0
	if p.Featured {
		n += 2
	}
	if p.New {
		n++
	}
	return n
}

// match returns the score of each product that answers the query, nil where nothing is asked.
func (s *Snapshot) match(f Filter, stock Stock) (map[int32]float64, string) {
	if f.Query == "" {
		return nil, ""
	}
	if hit, ok := s.exact(f.Query); ok {
		return map[int32]float64{int32(hit.index): 1}, ""
	}
	found, corrected := s.search(f.Lang, f.Query)
	if stock == nil {
		return found, corrected
	}
	for at := range found {
		if !slices.ContainsFunc(s.products[at].Variants, func(v Variant) bool { return stock.InStock(f.Market, v.SKU) }) {
			found[at] *= soldOutRank
		}
	}
	return found, corrected
}

// soldOutRank moves what can't be had behind most of what can.
const soldOutRank = 0.3

// pick filters, counts and sorts. found, where there is one, says what to look at.
func (s *Snapshot) pick(f Filter, found map[int32]float64, prices Prices, stock Stock) *list {
	var all []candidate
	counts := counter{colors: map[string]int{}, sizes: map[string]int{}, categories: map[string]int{}}
	for i, p := range s.products {
		c := candidate{at: int32(i)}
		if found != nil || f.Query != "" {
			score, ok := found[c.at]
			if !ok {
				continue
			}
			c.score = score
		}
		if f.Collection != "" && !slices.Contains(p.Collections, f.Collection) {
			continue
		}
		if prices != nil && f.Market != "" {
			minor, ok := prices.Lowest(f.Market, p)
			if !ok || minor < f.MinPrice || f.MaxPrice > 0 && minor > f.MaxPrice {
				continue
			}
			c.price = minor
		}
		if counts.pass(p, f, stock, f.Category == "" || s.within(p.Category, f.Category)) {
			all = append(all, c)
		}
	}
	s.sort(all, f.Sort, found != nil)
	l := &list{products: make([]int32, len(all)), facets: s.facets(f, counts)}
	for i, c := range all {
		l.products[i] = c.at
	}
	return l
}

// sort keeps the shop's order among equals.
func (s *Snapshot) sort(all []candidate, by Sort, searched bool) {
	switch {
	case by == PriceUp:
		slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.price, b.price) })
	case by == PriceDown:
		slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.price, a.price) })
	case by == Newest:
		slices.SortStableFunc(all, func(a, b candidate) int {
			return s.products[b.at].CreatedAt.Compare(s.products[a.at].CreatedAt)
		})
	case searched:
		slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	}
}

// counter counts what each choice leaves.
type counter struct{ colors, sizes, categories map[string]int }

// pass reports whether a variant of p fits, and counts p under every choice that fits if that choice's own
// filter were lifted.
func (c counter) pass(p *Product, f Filter, stock Stock, inCategory bool) bool {
	fits := false
	var colors, sizes [16]string
	nc, ns := 0, 0
	for i := range p.Variants {
		v := &p.Variants[i]
		if f.InStock && stock != nil && !stock.InStock(f.Market, v.SKU) {
			continue
		}
		color, size := v.Options["color"], v.Options["size"]
		okColor := f.Color == nil || slices.Contains(f.Color, color)
		okSize := f.Size == nil || slices.Contains(f.Size, size)
		fits = fits || okColor && okSize
		if !inCategory {
			continue
		}
		if okSize && color != "" && nc < len(colors) && !slices.Contains(colors[:nc], color) {
			colors[nc] = color
			nc++
			c.colors[color]++
		}
		if okColor && size != "" && ns < len(sizes) && !slices.Contains(sizes[:ns], size) {
			sizes[ns] = size
			ns++
			c.sizes[size]++
		}
	}
	if fits {
		c.categories[p.Category]++
	}
	return fits && inCategory
}

func (s *Snapshot) facets(f Filter, c counter) []Facet {
	var all []Facet
	category := Facet{Name: "category"}
	for _, cat := range s.categories {
		n := 0
		for slug, count := range c.categories {
			if s.within(slug, cat.Slug) {
				n += count
			}
		}
		if n > 0 || cat.Slug == f.Category {
			category.Choices = append(category.Choices, Choice{Code: cat.Slug, Name: cat.Name(f.Lang), Count: n, Chosen: cat.Slug == f.Category})
		}
	}
	if len(category.Choices) > 0 {
		all = append(all, category)
	}
	if color := s.choices("color", c.colors, f.Color, f.Lang); len(color.Choices) > 0 {
		slices.SortFunc(color.Choices, func(a, b Choice) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
		})
		all = append(all, color)
	}
	if size := s.choices("size", c.sizes, f.Size, f.Lang); len(size.Choices) > 0 {
		slices.SortFunc(size.Choices, func(a, b Choice) int {
			return cmp.Or(cmp.Compare(sizeRank(a.Code), sizeRank(b.Code)), cmp.Compare(a.Code, b.Code))
		})
		all = append(all, size)
	}
	return all
}

func (s *Snapshot) choices(name string, counts map[string]int, chosen []string, lang string) Facet {
	f := Facet{Name: name}
	for _, code := range chosen {
		if _, ok := counts[code]; !ok {
			counts[code] = 0
		}
	}
	for code, n := range counts {
		p, v := s.example(name, code)
		if p == nil {
			continue
		}
		f.Choices = append(f.Choices, Choice{code, v.Hex, p.ValueName(name, code, lang), n, slices.Contains(chosen, code)})
	}
	return f
}

// example finds a product that has a value, to learn its name and colour.
func (s *Snapshot) example(option, code string) (*Product, Value) {
	for _, p := range s.products {
		for _, o := range p.Options {
			if o.Name != option {
				continue
			}
			for _, v := range o.Values {
				if v.Code == code {
					return p, v
				}
			}
		}
	}
	return nil, Value{}
}

var letterSizes = []string{"xxxs", "xxs", "xs", "s", "m", "l", "xl", "xxl", "2xl", "xxxl", "3xl", "4xl", "5xl"}

// sizeRank sorts numbers by value, then letters from small to large, then anything else.
func sizeRank(code string) int {
	code = strings.ToLower(code)
	n := 0
	for _, r := range code {
		if r == '-' && n > 0 {
			break // 35-38 goes by its first number
		}
		if r < '0' || r > '9' || n > 10_000 {
			n = -1
			break
		}
		n = n*10 + int(r-'0')
	}
	if n >= 0 && code != "" {
		return n
	}
	if i := slices.Index(letterSizes, code); i >= 0 {
		return 100_000 + i
	}
	return 200_000
}
