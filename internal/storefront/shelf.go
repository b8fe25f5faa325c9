package storefront

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"portolan/internal/catalog"
	"portolan/internal/market"
	"portolan/internal/money"
)

// card is a product on a shelf.
type card struct {
	URL, Title, Image, Alt, Price, Was, Tag string
	Colours                                 template.HTML // a dot each
	Later                                   bool          // the picture is likely below what is seen first
}

func (s *shop) card(at place, p *catalog.Product) card {
	c := card{URL: at.prefix + "/p/" + p.Slug, Title: p.Text(at.lang).Title}
	if img, i, ok := p.Image(""); ok {
		c.Image, c.Alt = s.media.Path(img.File), p.Alt(i, at.lang)
	}
	price, differ, ok := s.Prices.From(at.market.Code, p)
	if ok {
		c.Price = at.say.Money(price.Amount)
		if differ {
			c.Price = at.say.T("shop.from", "price", price.Amount)
		}
		if !price.Was.IsZero() {
			c.Was = at.say.Money(price.Was)
		}
	}
	var colours []string
	for _, o := range p.Options {
		for _, v := range o.Values {
			if v.Hex != "" {
				colours = append(colours, v.Hex)
			}
		}
	}
	c.Colours = dots(colours)
	free, low := false, true
	for _, v := range p.Variants {
		l := s.Stock.Level(at.market.Code, v.SKU)
		free, low = free || l.Free > 0, low && (l.Low || l.Free == 0)
	}
	barred, _ := s.barred(at, p)
	switch {
	case barred != "":
		c.Tag = at.say.T("shop.not_sold", "country", at.say.CountryName(string(at.market.Country())))
	case !free:
		c.Tag = at.say.T("shop.sold_out_tag")
	case p.New:
		c.Tag = at.say.T("shop.new_tag")
	case low:
		c.Tag = at.say.T("shop.last_tag")
	}
	return c
}

// dots draws colours beside each other, most of them where there are many. They are SVG attributes because the
// shop's pages allow no inline styles; what is the same for all dots stands in the style sheet.
func dots(colours []string) template.HTML {
	if len(colours) == 0 {
		return ""
	}
	const most, step = 5, 22
	var b strings.Builder
	colours = colours[:min(most, len(colours))]
	fmt.Fprintf(&b, `<svg class="dots" width="%d" aria-hidden="true">`, len(colours)*step)
	for i, hex := range colours {
		if _, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32); err != nil || len(hex) != 7 {
			hex = "#cccccc"
		}
		fmt.Fprintf(&b, `<circle cx="%d" fill="%s"/>`, i*step+step/2, hex)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (s *shop) cards(at place, all []*catalog.Product, most int) []card {
	var out []card
	for i, p := range all[:min(most, len(all))] {
		c := s.card(at, p)
		c.Later = i >= 4
		out = append(out, c)
	}
	return out
}

type homeView struct {
	Hero, First, Delivery, Returns string
	New, Featured                  []card
	Categories                     []tile
}

type tile struct{ Title, URL, Image string }

func (s *shop) home(w http.ResponseWriter, r *http.Request, at place) error {
	return s.cached(w, r, at, "home", func() (*page, error) {
		v := homeView{Hero: s.media.Path(s.Brand.HeroFile), Returns: s.returns(at)}
		m := at.market.Code
		v.New = s.cards(at, s.Catalog.List(catalog.Filter{Market: m, Lang: at.lang, Sort: catalog.Newest, InStock: true}, catalog.Page{Size: 8}).Products, 8)
		var featured []*catalog.Product
		for _, p := range s.Catalog.Snapshot().Products() {
			if _, ok := s.Prices.Lowest(m, p); ok && p.Featured {
				featured = append(featured, p)
			}
		}
		v.Featured = s.cards(at, featured, 8)
		for _, c := range s.Catalog.Snapshot().Categories() {
			if c.Parent != "" {
				continue
			}
			if v.First == "" {
				v.First = c.Slug
			}
			v.Categories = append(v.Categories, tile{c.Name(at.lang), at.prefix + "/c/" + c.Slug, s.media.Path(s.Brand.Tiles[c.Slug])})
		}
		if o, ok := s.promise(at, nil); ok {
			v.Delivery = at.say.T("shop.promise_delivery_text", "days", days(at, o.FromDay, o.ToDay))
		}
		p := s.newPage(at, "/", "")
		p.Description = s.Brand.Tagline(at.lang)
		p.Data = v
		p.JSONLD = append(p.JSONLD, s.storeData(at))
		return s.public(p, nil), nil
	})
}

type listView struct {
	Heading, Intro, Corrected, Query, Sort, Action string
	Previous, Next, PageText                       string
	Total                                          int64
	InStock                                        bool
	Crumbs, Chips                                  []link
	Sorts                                          []choice
	Facets                                         []facet
	Cards, Popular                                 []card
}

type choice struct{ Value, Label string }

type facet struct {
	Name, Title string
	Open        bool
	Options     []facetOption
}

type facetOption struct {
	Value, Label string
	Count        int64
	Chosen       bool
}

// filter reads what a shopper asked for. What isn't understood asks for nothing.
func (s *shop) filter(r *http.Request, at place) (catalog.Filter, int) {
	q := r.URL.Query()
	f := catalog.Filter{Market: at.market.Code, Lang: at.lang, Color: q["color"], Size: q["size"], InStock: q.Get("stock") == "1",
		Sort: catalog.Sort(q.Get("sort")), Category: q.Get("category")}
	if len(q.Get("q")) <= 200 {
		f.Query = q.Get("q")
	}
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil || n < 1 || n > 10_000 {
		n = 1
	}
	return f, n
}

func (s *shop) category(w http.ResponseWriter, r *http.Request, at place) error {
	c, ok := s.Catalog.Snapshot().Category(r.PathValue("slug"))
	if !ok {
		return catalog.ErrUnknownCategory
	}
	return s.cached(w, r, at, "list", func() (*page, error) {
		f, n := s.filter(r, at)
		f.Category = c.Slug
		path := "/c/" + c.Slug
		v := s.list(r, at, f, n, path)
		v.Heading, v.Intro = c.Name(at.lang), c.Intro(at.lang)
		v.Crumbs = []link{{Title: s.Brand.Name, URL: at.prefix + "/"}, {Title: v.Heading}}
		p := s.newPage(at, path, v.Heading)
		p.Description = at.say.T("shop.category_description", "category", v.Heading, "country", at.say.CountryName(string(at.market.Country())))
		p.Data = v
		p.JSONLD = append(p.JSONLD, crumbData(s, v.Crumbs))
		s.public(p, nil)
		p.NoIndex = p.NoIndex || r.URL.RawQuery != ""
		return p, nil
	})
}

func (s *shop) search(w http.ResponseWriter, r *http.Request, at place) error {
	return s.cached(w, r, at, "list", func() (*page, error) {
		f, n := s.filter(r, at)
		v := s.list(r, at, f, n, "/search")
		v.Heading = at.say.T("shop.all_products")
		if f.Query != "" {
			v.Heading = at.say.T("shop.search_results", "query", f.Query)
		}
		p := s.newPage(at, "/search", v.Heading)
		p.Query, p.NoIndex, p.Data = f.Query, true, v
		return p, nil
	})
}

func (s *shop) list(r *http.Request, at place, f catalog.Filter, n int, path string) listView {
	l := s.Catalog.List(f, catalog.Page{Number: n, Size: 24})
	v := listView{Query: f.Query, Sort: string(f.Sort), Action: at.prefix + path, Corrected: l.Corrected, InStock: f.InStock}
	for _, o := range []struct {
		sort catalog.Sort
		key  string
	}{{"", "sort_best"}, {catalog.Newest, "sort_new"}, {catalog.PriceUp, "sort_price_up"}, {catalog.PriceDown, "sort_price_down"}} {
		if o.sort == "" && f.Query != "" {
			o.key = "sort_relevance"
		}
		v.Sorts = append(v.Sorts, choice{string(o.sort), at.say.T("shop." + o.key)})
	}
	if l.Popular {
		v.Popular = s.cards(at, l.Products, 8)
	} else {
		v.Cards, v.Total = s.cards(at, l.Products, 24), int64(l.Total)
	}
	q := r.URL.Query()
	without := func(name, value string) string {
		next := url.Values{}
		for k, all := range q {
			for _, one := range all {
				if (k != name || one != value) && k != "page" && one != "" {
					next.Add(k, one)
				}
			}
		}
		return withQuery(at.prefix+path, next)
	}
	titles := map[string]string{"category": "shop.category", "color": "shop.colour", "size": "shop.size"}
	for _, fc := range l.Facets {
		if fc.Name == "category" && path != "/search" || len(fc.Choices) < 2 {
			continue
		}
		out := facet{Name: fc.Name, Title: at.say.T(titles[fc.Name]), Open: fc.Name == "size"}
		for _, c := range fc.Choices {
			out.Options = append(out.Options, facetOption{c.Code, c.Name, int64(c.Count), c.Chosen})
			if c.Chosen {
				out.Open = true
				v.Chips = append(v.Chips, link{Title: c.Name, URL: without(fc.Name, c.Code)})
			}
		}
		v.Facets = append(v.Facets, out)
	}
	turn := func(to int) string {
		next := url.Values{}
		for k, all := range q {
			if k != "page" {
				next[k] = all
			}
		}
		if to > 1 {
			next.Set("page", strconv.Itoa(to))
		}
		return withQuery(at.prefix+path, next)
	}
	if l.Page > 1 {
		v.Previous = turn(l.Page - 1)
	}
	if l.Page < l.Pages {
		v.Next = turn(l.Page + 1)
	}
	if l.Pages > 1 {
		v.PageText = at.say.T("shop.page_of", "page", int64(l.Page), "pages", int64(l.Pages))
	}
	return v
}

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// sold reports whether a market has a price for the product, so that its page exists there.
func (s *shop) sold(p *catalog.Product) func(market.Market) bool {
	return func(m market.Market) bool {
		_, ok := s.Prices.Lowest(m.Code, p)
		return ok
	}
}

// decimal is an amount as machines read it.
func decimal(a money.Amount) string { return a.Decimal() }
