// Package storefront is the shop as shoppers see it: pages in every market and language that work without
// script. It decides nothing about prices, stock, duty or payment; it asks the packages that do and draws what
// they answer.
package storefront

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/pricing"
	"portolan/internal/snapshot"
	"portolan/internal/web"
	"portolan/internal/web/ui"
)

//go:embed templates/*.html
var files embed.FS

// Brand is how the merchant presents itself. Paths are relative to the shop's media.
type Brand struct {
	Name      string            `json:"name"`
	Taglines  map[string]string `json:"taglines"`
	Stories   map[string]string `json:"stories"`
	Address   string            `json:"address"`
	Email     string            `json:"email"`
	LogoFile  string            `json:"logo"`
	LogoWidth int               `json:"logo_width"`
	IconFile  string            `json:"icon"`
	HeroFile  string            `json:"hero"`
	Tiles     map[string]string `json:"tiles"` // category slug -> picture
	Demo      bool              `json:"demo"`

	Logo, Icon string // where they are served
}

// Tagline is the brand's sentence in lang, or in English.
func (b Brand) Tagline(lang string) string { return first(b.Taglines[lang], b.Taglines["en"]) }

// Rules are the rules of duty and tax in force. Satisfied by rulebook.Service.
type Rules interface {
	ConsumptionTax(country, region, category string, on time.Time) (rate money.Rate, rule string, ok bool)
}

// Parts are what the shop is built on.
type Parts struct {
	DB        *db.DB
	Markets   *market.Service
	Catalog   *catalog.Service
	Prices    *pricing.Service
	Stock     *fulfilment.Service
	Rules     Rules
	Checkout  *checkout.Service
	Borders   Borders // nil: everything may go everywhere
	Orders    *order.Service
	Parcels   Parcels // nil: nobody knows where they are
	Payments  *payment.Service
	Replies   Replies
	Ratings   Ratings
	News      News // nil: by phone and mail only
	Consents  Consents
	Versions  snapshot.Versions
	Brand     Brand
	Media     fs.FS
	PublicURL string // scheme and host under which shoppers reach the shop, for links that leave the page
	Proxy     bool   // trust X-Forwarded-For
	Country   func(ip string) (string, bool)
	Charts    []SizeChart
}

// SizeChart is a table of body measures by size, in centimetres, for the products that name its code.
type SizeChart struct {
	Code string              `json:"code"`
	Head map[string][]string `json:"head"` // by language
	Rows [][]string          `json:"rows"`
}

type shop struct {
	Parts
	assets  *web.Assets
	media   *web.Files
	pages   *web.Templates
	cache   *web.Cache
	guesses guesses
	kept    sync.Map // parts of the layout by name and place
	secure  bool
}

// pageCache is how much of the memory rendered pages may take, in bytes.
const pageCache = 12 << 20

// mediaKept is how much of the memory pictures may take, in bytes.
const mediaKept = 8 << 20

// New returns the whole shop. Every route is on this page.
func New(p Parts) (http.Handler, error) {
	s := &shop{Parts: p, cache: web.NewCache(pageCache), secure: strings.HasPrefix(p.PublicURL, "https://")}
	var err error
	if s.assets, err = web.NewAssets("/assets/", ui.Files()); err != nil {
		return nil, err
	}
	s.media = web.NewFiles("/media/", strconv.FormatInt(p.Versions.Version(catalog.Version), 36), p.Media, mediaKept)
	s.Brand.Logo, s.Brand.Icon = s.media.Path(p.Brand.LogoFile), s.media.Path(p.Brand.IconFile)
	if s.pages, err = web.ParseTemplates(files, template.FuncMap{"asset": s.assets.Path, "pair": pair}); err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET /assets/", s.assets)
	mux.Handle("GET /media/", s.media)
	notices, err := worker()
	if err != nil {
		return nil, err
	}
	mux.Handle("GET /notices.js", notices)
	mux.Handle("GET /robots.txt", s.plain(s.robots))
	mux.Handle("GET /sitemap.xml", s.plain(s.sitemapIndex))
	mux.Handle("GET /sitemap/{place}", s.plain(s.sitemap))
	mux.Handle("GET /visitor.json", s.plain(s.visitor))
	mux.Handle("GET /{$}", s.plain(s.choose))
	mux.Handle("POST /choose", s.plain(s.chosen))
	mux.Handle("GET /l/{token}", s.plain(s.wary(s.linked)))
	mux.Handle("GET /r/{token}", s.plain(s.wary(s.replyPage)))
	mux.Handle("POST /r/{token}", s.plain(s.wary(s.reply)))
	mux.Handle("GET /u/{token}", s.plain(s.wary(s.unsubscribePage)))
	mux.Handle("POST /u/{token}", s.plain(s.wary(s.unsubscribe)))
	mux.Handle("GET /back/{token}", s.plain(s.restore))

	// What belongs to a market stands apart, because /{place}/ would meet the fixed names above.
	places := http.NewServeMux()
	places.Handle("GET /{place}", s.page(s.slash))
	places.Handle("GET /{place}/{$}", s.page(asked(s.home)))
	places.Handle("GET /{place}/c/{slug}", s.page(asked(s.category)))
	places.Handle("GET /{place}/search", s.page(asked(s.search)))
	places.Handle("GET /{place}/p/{slug}", s.page(asked(s.product)))
	places.Handle("GET /{place}/info/{name}", s.page(asked(s.info)))
	places.Handle("GET /{place}/cart", s.page(s.cart))
	places.Handle("POST /{place}/cart/lines", s.page(s.addLine))
	places.Handle("POST /{place}/cart/lines/{sku}", s.page(s.setLine))
	places.Handle("POST /{place}/cart/code", s.page(s.applyCode))
	places.Handle("GET /{place}/checkout/details", s.page(s.details))
	places.Handle("POST /{place}/checkout/details", s.page(s.saveDetails))
	places.Handle("GET /{place}/checkout/delivery", s.page(s.delivery))
	places.Handle("POST /{place}/checkout/delivery", s.page(s.saveDelivery))
	places.Handle("GET /{place}/checkout/payment", s.page(s.payment))
	places.Handle("POST /{place}/checkout/payment", s.page(s.pay))
	places.Handle("GET /{place}/checkout/return", s.page(s.returned))
	places.Handle("GET /{place}/checkout/waiting", s.page(s.waiting))
	places.Handle("GET /{place}/orders/{id}", s.page(s.order))
	places.Handle("GET /{place}/orders/{id}/review", s.page(s.reviewPage))
	places.Handle("POST /{place}/orders/{id}/review", s.page(s.saveReview))
	places.Handle("POST /{place}/orders/{id}/news", s.page(s.keepNews))
	places.Handle("GET /{place}/confirm/{token}", s.page(s.confirmPage))
	places.Handle("POST /{place}/confirm/{token}", s.page(s.confirm))
	places.Handle("GET /{place}/{rest...}", s.page(s.noPage))
	mux.Handle("/", places)
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(s.foreign))
	return protection.Handler(mux), nil
}

var errForeign = fault.New(fault.Denied, "storefront.cross_origin")

// foreign answers what another site made a visitor's browser send. Nothing of it is read.
func (s *shop) foreign(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	at, ok := s.place(name)
	if !ok {
		at = s.nowhere(r)
	}
	s.fail(w, r, at, errForeign)
}

// form reads a posted form, so that handlers find its fields. What is too large or no form is refused before
// anything is done with it.
func form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, web.MaxBody)
	if r.Method != http.MethodPost {
		return nil
	}
	var err error
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
	case "multipart/form-data":
		err = r.ParseMultipartForm(web.MaxBody)
	default:
		if r.ContentLength != 0 {
			return web.ErrContentType
		}
	}
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return web.ErrTooLarge
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, web.ErrBody)
	}
	return nil
}

// place is where a request stands: a market in one of its languages.
type place struct {
	market market.Market
	lang   string
	say    *i18n.Printer
	prefix string
}

type pageHandler func(w http.ResponseWriter, r *http.Request, at place) error

// page finds the place in the URL and shows failures as pages of that place.
func (s *shop) page(h pageHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, ok := s.place(r.PathValue("place"))
		if !ok {
			s.fail(w, r, s.nowhere(r), web.ErrNoPage)
			return
		}
		if at.market.State == market.Closed && !strings.Contains(r.URL.Path, "/orders/") {
			s.fail(w, r, s.nowhere(r), errClosed)
			return
		}
		err := form(w, r)
		if err == nil {
			err = h(w, r, at)
		}
		if err != nil {
			s.fail(w, r, at, err)
		}
	})
}

// understood are the arguments of the pages that everybody sees alike; they tell one kept page from another.
var understood = []string{"q", "category", "color", "size", "sort", "stock", "page", "problem"}

// asked keeps of the address what the page understands, in one order, so that made-up arguments neither fill the
// cache of pages nor make a page another one.
func asked(h pageHandler) pageHandler {
	return func(w http.ResponseWriter, r *http.Request, at place) error {
		if r.URL.RawQuery == "" {
			return h(w, r, at)
		}
		all, kept := r.URL.Query(), url.Values{}
		for _, name := range understood {
			if v := all[name]; len(v) > 0 {
				kept[name] = v[:min(len(v), 30)]
			}
		}
		u := *r.URL
		u.RawQuery = kept.Encode()
		tidy := *r
		tidy.URL = &u
		return h(w, &tidy, at)
	}
}

// plain is page for what belongs to no market.
func (s *shop) plain(h web.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := form(w, r)
		if err == nil {
			err = h(w, r)
		}
		if err != nil {
			s.fail(w, r, s.nowhere(r), err)
		}
	})
}

// place reads "de-de": a language and a market.
func (s *shop) place(name string) (place, bool) {
	lang, code, ok := strings.Cut(name, "-")
	m, known := s.Markets.ByCode(market.Code(code))
	if !ok || !known || !m.Speaks(lang) || m.State == market.Draft {
		return place{}, false
	}
	return s.at(m, lang), true
}

func (s *shop) at(m market.Market, lang string) place {
	return place{m, lang, i18n.For(m.Locale(lang)), m.Prefix(lang)}
}

// nowhere is a request outside every market, answered in the visitor's language.
func (s *shop) nowhere(r *http.Request) place {
	lang := i18n.Match(r.Header.Get("Accept-Language"), i18n.Languages())
	return place{say: i18n.For(lang), lang: lang}
}

// day is today in the market.
func (s *shop) day(m market.Market) time.Time {
	d, _ := time.Parse(time.DateOnly, m.Day(s.DB.Clock().Now()))
	return d
}

// absolute is a path under the shop's public address.
func (s *shop) absolute(path string) string { return s.PublicURL + path }

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// local keeps a redirect inside the shop.
func local(path, otherwise string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return otherwise
	}
	return path
}

type pairOf struct{ Page, Data any }

func pair(page, data any) pairOf { return pairOf{page, data} }
