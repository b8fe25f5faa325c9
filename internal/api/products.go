package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/pricing"
)

// place is a market in one of its languages, on one day.
type spot struct {
	market market.Market
	lang   string
	say    *i18n.Printer
	now    time.Time
}

// ask is what a caller may say about products. Parameters are read here and not by the document's checker, which
// costs more than all the rest: what is asked for often is answered from finished bytes.
type ask struct {
	market, lang, query, category string
	page, limit                   int
}

func readAsk(r *http.Request, list bool) (a ask, err error) {
	a.page, a.limit = 1, 24
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a, ErrInvalid.With(map[string]string{"query": "malformed"})
	}
	var c fault.Check
	for name, all := range values {
		at, v := "query."+name, all[0]
		switch {
		case name == "market":
			a.market = v
		case name == "lang":
			a.lang = v
		case name == "q" && list:
			a.query = v
			c.That(len([]rune(v)) <= 200, at, "at_most_200_characters")
		case name == "category" && list:
			a.category = v
		case name == "page" && list:
			a.page = count(&c, at, v, 10_000)
		case name == "limit" && list:
			a.limit = count(&c, at, v, 100)
		default:
			if len(at) > 70 {
				at = "query"
			}
			c.That(false, at, "unknown_parameter")
		}
	}
	c.That(a.market != "", "query.market", "required")
	return a, c.Err(ErrInvalid.Code)
}

func count(c *fault.Check, at, v string, most int) int {
	n, err := strconv.Atoi(v)
	c.That(err == nil, at, "must_be_integer")
	c.That(err != nil || n >= 1, at, "at_least_1")
	c.That(n <= most, at, "at_most_"+strconv.Itoa(most))
	return n
}

// key names everything a list of products depends on. Duty depends on the day, prices and stock on their own.
func (a *api) key(q ask, slug string) string {
	b := make([]byte, 0, 128)
	for _, s := range []string{slug, q.market, q.lang, q.query, q.category} {
		b = append(append(b, s...), 0)
	}
	for _, n := range []int64{int64(q.page), int64(q.limit), a.Versions.Version(market.Version), a.Versions.Version(catalog.Version),
		a.Prices.Epoch(), a.Stock.Epoch(), a.DB.Clock().Now().Unix() / 3600} {
		b = append(strconv.AppendInt(b, n, 36), '.')
	}
	return string(b)
}

func (a *api) spot(q ask) (spot, error) {
	m, ok := a.Markets.ByCode(market.Code(q.market))
	if !ok || m.State == market.Draft {
		return spot{}, ErrInvalid.With(map[string]string{"query.market": "unknown"})
	}
	if q.lang == "" {
		q.lang = m.Language()
	}
	if !m.Speaks(q.lang) {
		return spot{}, ErrInvalid.With(map[string]string{"query.lang": "not_spoken_there"})
	}
	return spot{m, q.lang, i18n.For(m.Locale(q.lang)), a.DB.Clock().Now()}, nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

func (a *api) listProducts(w http.ResponseWriter, r *http.Request) error {
	q, err := readAsk(r, true)
	if err != nil {
		return err
	}
	return a.cache.Serve(w, r, "application/json", a.key(q, ""), func() ([]byte, error) {
		at, err := a.spot(q)
		if err != nil {
			return nil, err
		}
		if _, ok := a.Catalog.Snapshot().Category(q.category); q.category != "" && !ok {
			return nil, ErrInvalid.With(map[string]string{"query.category": "unknown"})
		}
		l := a.Catalog.List(catalog.Filter{Market: at.market.Code, Lang: at.lang, Query: q.query, Category: q.category}, catalog.Page{Number: q.page, Size: q.limit})
		out := ProductList{Data: []ProductSummary{}, Page: l.Page, Pages: l.Pages, Total: l.Total, Market: q.market, Lang: at.lang,
			Corrected: l.Corrected, Popular: l.Popular}
		for _, p := range l.Products {
			if s, ok := a.summary(at, p); ok {
				out.Data = append(out.Data, s)
			}
		}
		return encode(out)
	})
}

func (a *api) summary(at spot, p *catalog.Product) (ProductSummary, bool) {
	from, several, ok := a.Prices.From(at.market.Code, p)
	if !ok {
		return ProductSummary{}, false
	}
	s := ProductSummary{Slug: p.Slug, Title: p.Text(at.lang).Title, Category: p.Category, From: a.price(at, p, from), SeveralPrices: several,
		New: p.New, URL: a.PublicURL + at.market.Prefix(at.lang) + "/p/" + p.Slug, Duty: a.duty(at, p)}
	if image, _, ok := p.Image(""); ok {
		s.Image = a.media(image.File)
	}
	s.Restrictions = a.barred(at, p)
	for _, v := range p.Variants {
		s.InStock = s.InStock || a.Stock.InStock(at.market.Code, v.SKU)
	}
	return s, true
}

func (a *api) media(file string) string { return a.PublicURL + "/media/" + url.PathEscape(file) }

func (a *api) price(at spot, p *catalog.Product, v pricing.Price) Price {
	out := Price{Amount: v.Amount, TaxIncluded: v.TaxInclusive, Tax: a.taxWords(at, p)}
	if !v.Was.IsZero() {
		out.Was, out.Lowest30Days = v.Was, v.Lowest30
	}
	return out
}

// taxWords says whether the shown price contains the market's tax, and how much of it.
func (a *api) taxWords(at spot, p *catalog.Product) string {
	if !at.market.TaxInclusive {
		return at.say.T("shop.tax_excluded")
	}
	rate, _, ok := a.Rules.ConsumptionTax(string(at.market.Country()), "", p.TaxCategory, at.now.In(at.market.Location()))
	if !ok {
		return at.say.T("shop.tax_included_plain")
	}
	return at.say.T("shop.tax_included", "rate", rate)
}

// duty tells what becomes of duty for one piece, or nothing where that can't be told.
func (a *api) duty(at spot, p *catalog.Product) Duty {
	if len(p.Variants) == 0 {
		return Duty{}
	}
	q, err := a.Checkout.Preview(at.market, at.lang, p.Variants[0].SKU, at.now)
	if err != nil {
		return Duty{}
	}
	d := Duty{Due: None, Final: q.Final}
	switch {
	case q.AtDoor.Minor > 0:
		d.Due = OnDelivery
	case q.Duty.Minor > 0:
		d.Due = AtCheckout
	}
	return d
}

func (a *api) getProduct(w http.ResponseWriter, r *http.Request) error {
	q, err := readAsk(r, false)
	if err != nil {
		return err
	}
	slug := r.PathValue("slug")
	p, ok := a.Catalog.Snapshot().BySlug(slug)
	if !ok {
		return catalog.ErrUnknownProduct
	}
	return a.cache.Serve(w, r, "application/json", a.key(q, slug), func() ([]byte, error) {
		at, err := a.spot(q)
		if err != nil {
			return nil, err
		}
		t := p.Text(at.lang)
		out := Product{Slug: p.Slug, Title: t.Title, Description: t.Description, Care: t.Care, Fit: t.Fit, Material: t.Material, Lang: t.Lang,
			Category: p.Category, Origin: string(p.Origin), Hs: p.HS, Duty: a.duty(at, p), URL: a.PublicURL + at.market.Prefix(at.lang) + "/p/" + p.Slug,
			Images: []Image{}, Variants: []Variant{}, Restrictions: a.barred(at, p)}
		for i, image := range p.Images {
			out.Images = append(out.Images, Image{URL: a.media(image.File), Alt: p.Alt(i, at.lang), Color: image.Color})
		}
		for i := range p.Variants {
			v := &p.Variants[i]
			price, err := a.Prices.Price(at.market.Code, v.SKU)
			if err != nil {
				continue
			}
			level := a.Stock.Level(at.market.Code, v.SKU)
			out.Variants = append(out.Variants, Variant{Sku: v.SKU, Options: v.Options, Price: a.price(at, p, price), InStock: level.Free > 0,
				LowStock: level.Low && level.Free > 0, WeightGrams: v.WeightGrams})
		}
		if len(out.Variants) == 0 {
			return nil, catalog.ErrUnknownProduct
		}
		return encode(out)
	})
}

func (a *api) listMarkets(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return ErrInvalid.With(map[string]string{"query": "unknown_parameter"})
	}
	return a.cache.Serve(w, r, "application/json", "markets."+strconv.FormatInt(a.Versions.Version(market.Version), 36), func() ([]byte, error) {
		out := MarketList{Data: []Market{}}
		for _, m := range a.Markets.All() {
			if m.State != market.Open {
				continue
			}
			v := Market{Code: string(m.Code), Name: m.Name, Currency: string(m.Currency), Languages: m.Languages, TaxIncluded: m.TaxInclusive,
				Incoterm: MarketIncoterm(m.Incoterm), PaymentMethods: m.Methods}
			for _, c := range m.Countries {
				v.Countries = append(v.Countries, string(c))
			}
			out.Data = append(out.Data, v)
		}
		return encode(out)
	})
}
