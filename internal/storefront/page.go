package storefront

import (
	"cmp"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/catalog"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/web"
)

var errClosed = fault.New(fault.Gone, "storefront.market_closed")

// page is what every template gets; what is particular to one stands in Data.
type page struct {
	*i18n.Printer
	Brand       Brand
	Market      market.Market
	Prefix      string // "/de-de", empty outside every market
	Path        string // the rest of the address: "/p/meridian-dress"
	Title       string
	Description string
	Canonical   string
	Alternates  []alternate
	Languages   []language
	Menu        []link
	Marks       []string
	JSONLD      []template.JS
	Query       string
	Refresh     string
	CartCount   int64
	NoIndex     bool
	Focused     bool // no menu: a checkout step
	Data        any

	shop *shop
}

type (
	alternate struct{ Lang, URL string }
	language  struct {
		Lang, URL, Name string
		Current         bool
	}
	link struct {
		Title, URL string
		Current    bool
	}
)

// MarketCountry is the code of the country the page sells to.
func (p *page) MarketCountry() string { return string(p.Market.Country()) }

// T says a sentence; it is here so that templates find it before the embedded one on a nil Printer.
func (p *page) T(key string, args ...any) string { return p.Printer.T(key, args...) }

// Kept is a part of the layout that is the same on every page of a place. It is drawn once.
func (p *page) Kept(part string) (template.HTML, error) {
	key, version := part+p.Prefix, p.shop.Versions.Version(market.Version)
	if k, ok := p.shop.kept.Load(key); ok && k.(kept).version == version {
		return k.(kept).html, nil
	}
	body, err := p.shop.pages.Execute("message", part, p)
	if err != nil {
		return "", err
	}
	p.shop.kept.Store(key, kept{template.HTML(body), version})
	return template.HTML(body), nil
}

type kept struct {
	html    template.HTML
	version int64
}

func (s *shop) newPage(at place, path, title string) *page {
	p := &page{shop: s, Printer: at.say, Brand: s.Brand, Market: at.market, Prefix: at.prefix, Path: path, Title: title}
	if at.prefix == "" {
		return p
	}
	for _, l := range at.market.Languages {
		p.Languages = append(p.Languages, language{l, at.market.Prefix(l) + path, i18n.For(at.market.Locale(l)).SelfName(), l == at.lang})
	}
	for _, c := range s.Catalog.Snapshot().Categories() {
		if c.Parent == "" {
			url := at.prefix + "/c/" + c.Slug
			p.Menu = append(p.Menu, link{c.Name(at.lang), url, at.prefix+path == url})
		}
	}
	for _, m := range at.market.Methods {
		p.Marks = append(p.Marks, at.say.T("pay."+m))
	}
	return p
}

// public makes the page one that search engines may keep: its own canonical address and the same page in every
// market and language where exists says it is there, each linking to all.
func (s *shop) public(p *page, exists func(market.Market) bool) *page {
	p.Canonical = s.absolute(p.Prefix + p.Path)
	if p.Market.State != market.Open {
		p.NoIndex = true
		return p
	}
	p.Alternates = s.alternates(p.Path, exists)
	return p
}

// alternates is the cluster of a page: a line per language and country, the bare language for the first market
// that speaks it, and x-default for the chooser of the country.
func (s *shop) alternates(path string, exists func(market.Market) bool) []alternate {
	var all []alternate
	bare := map[string]bool{}
	for _, m := range s.Markets.All() {
		if m.State != market.Open || exists != nil && !exists(m) {
			continue
		}
		for _, l := range m.Languages {
			url := s.absolute(m.Prefix(l) + path)
			for _, c := range m.Countries {
				all = append(all, alternate{l + "-" + string(c), url})
			}
			if !bare[l] && l == m.Language() {
				bare[l] = true
				all = append(all, alternate{l, url})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b alternate) int { return cmp.Compare(a.Lang, b.Lang) })
	if len(all) > 1 {
		def := s.absolute("/")
		if path != "/" {
			def = all[0].URL
			for _, a := range all {
				if a.Lang == "en" {
					def = a.URL
				}
			}
		}
		all = append(all, alternate{"x-default", def})
	}
	return all
}

func jsonLD(v any) template.JS {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return template.JS(b) // json.Marshal escapes <, > and &: no value can end the script element
}

// cached answers with a page that is the same for everybody. What it shows depends on the versions of catalogue,
// prices, markets, services and stock, on the day and on the path; fill draws it.
func (s *shop) cached(w http.ResponseWriter, r *http.Request, at place, name string, fill func() (*page, error)) error {
	return s.cache.Serve(w, r, "text/html; charset=utf-8", s.key(at, r.URL.RequestURI()), func() ([]byte, error) {
		p, err := fill()
		if err != nil {
			return nil, err
		}
		return s.pages.Execute(name, "layout", p)
	})
}

func (s *shop) key(at place, uri string) string {
	b := make([]byte, 0, 96)
	b = append(b, at.prefix...)
	for _, name := range []string{catalog.Version, market.Version, fulfilment.Version} {
		b = append(strconv.AppendInt(b, s.Versions.Version(name), 36), '.')
	}
	b = append(strconv.AppendInt(b, s.Prices.Epoch(), 36), '.')
	b = append(strconv.AppendInt(b, s.Stock.Epoch(), 36), '.')
	b = s.DB.Clock().Now().In(at.market.Location()).AppendFormat(b, "0102")
	return string(append(b, uri...))
}

// show answers with a page that is for one visitor.
func (s *shop) show(w http.ResponseWriter, r *http.Request, status int, name string, p *page) error {
	p.NoIndex = true
	body, err := s.pages.Execute(name, "layout", p)
	if err != nil {
		return err
	}
	return web.HTML(w, r, status, body)
}

type messageView struct {
	Title, Text, Back string
	Quote, QuoteLang  string // somebody's words, and their language
	Good              bool
	Form              *formView
	Places            []link
}

type formView struct {
	Action, Label, Button string
	Area                  bool
}

// fail draws what went wrong as a page, or as a problem document for a program.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, at place, err error) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") && !strings.Contains(r.Header.Get("Accept"), "text/html") {
		web.Fail(w, r, err)
		return
	}
	status := web.Status(err)
	web.Log(r, status, err)
	key := "failed"
	switch {
	case status == http.StatusNotFound:
		key = "not_found"
	case status == http.StatusGone:
		key = "gone"
	case status == http.StatusTooManyRequests:
		key = "busy"
	case status < 500:
		key = ""
	}
	view := messageView{Back: at.prefix + "/"}
	if key != "" {
		view.Title, view.Text = at.say.T("shop."+key), at.say.T("shop."+key+"_text")
	} else {
		view.Title, _ = at.say.Fault(err)
	}
	if at.prefix == "" || status == http.StatusGone {
		for _, m := range s.Markets.All() {
			if m.State == market.Open {
				lang := m.Language()
				view.Places = append(view.Places, link{Title: i18n.For(m.Locale(lang)).CountryName(string(m.Country())), URL: m.Prefix(lang) + "/"})
			}
		}
	}
	p := s.newPage(at, "/", view.Title)
	p.Data = view
	if e := s.show(w, r, status, "message", p); e != nil {
		web.Fail(w, r, e)
	}
}

func (s *shop) noPage(http.ResponseWriter, *http.Request, place) error { return web.ErrNoPage }

// slash sends /de-de to /de-de/.
func (s *shop) slash(w http.ResponseWriter, r *http.Request, at place) error {
	http.Redirect(w, r, at.prefix+"/", http.StatusMovedPermanently)
	return nil
}
