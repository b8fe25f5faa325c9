// Package api is the REST interface for programs: other shops, headless storefronts, load generators. The
// document openapi.yaml describes it and is its source: requests are checked against it before they get here.
//
// It decides nothing about prices, stock, duty or payment; it asks the packages that do and writes their answer
// in the document's words.
package api

import (
	"context"
	_ "embed"
	"net/http"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	nethttpmiddleware "github.com/oapi-codegen/nethttp-middleware"

	"portolan/internal/auth"
	"portolan/internal/beside"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/snapshot"
	"portolan/internal/support"
	"portolan/internal/web"
)

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config generate.yaml openapi.yaml

//go:embed openapi.yaml
var document []byte

// Rules are the rules of duty and tax in force. Satisfied by rulebook.Service and by landed.Pack.
type Rules interface {
	Quote(r *landed.Request) (landed.Quote, error)
	ConsumptionTax(country, region, category string, on time.Time) (rate money.Rate, rule string, ok bool)
}

// Parts are what the interface is built on.
type Parts struct {
	DB        *db.DB
	Auth      *auth.Service
	Markets   *market.Service
	Catalog   *catalog.Service
	Prices    *pricing.Service
	Stock     *fulfilment.Service
	Rules     Rules
	Book      RuleBook
	Checkout  *checkout.Service
	Borders   Borders // nil: everything may go everywhere
	Orders    *order.Service
	Customers *customer.Service
	Messages  *messaging.Service
	Support   *support.Service
	Evidence  Evidence
	Bus       *events.Bus
	Beside    *beside.Service
	Versions  snapshot.Versions
	PublicURL string // scheme and host under which programs reach us, without a slash at the end
	Proxy     bool   // trust X-Forwarded-For

	Codes     Codes
	Taxes     Registrations
	TaxBooks  TaxBooks
	Shipments Shipments
	Papers    Papers
	Journeys  Journeys
}

// Registrations are the merchant's on a civil day, in the words of package landed. Satisfied by tax.Service.
type Registrations interface {
	Registered(day string) []string
}

type api struct {
	Parts
	cache *web.Cache
	shelf checkout.Shelf
}

var _ StrictServerInterface = (*api)(nil)

// listCache is how much of the memory finished lists of products may take, in bytes.
const listCache = 16 << 20

// New returns the interface, to be mounted at /v1/. The routes are those of openapi.yaml; what answers without
// being asked much, or with something else than JSON, stands here.
func New(p Parts) (http.Handler, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	a := &api{Parts: p, cache: web.NewCache(listCache), shelf: checkout.NewShelf(p.Catalog, p.Prices)}
	pages, err := newManual(doc)
	if err != nil {
		return nil, err
	}
	strict := NewStrictHandlerWithOptions(a, nil, StrictHTTPServerOptions{RequestErrorHandlerFunc: fail, ResponseErrorHandlerFunc: fail})
	check := nethttpmiddleware.OapiRequestValidatorWithOptions(doc, &nethttpmiddleware.Options{
		Options:               openapi3filter.Options{MultiError: true, AuthenticationFunc: a.authenticate},
		ErrorHandlerWithOpts:  refuse,
		DoNotValidateServers:  true,
		DiscardValidatedValue: true,
	})
	mux := http.NewServeMux()
	mux.Handle("GET /v1/products", handler(a.listProducts))
	mux.Handle("GET /v1/products/{slug}", handler(a.getProduct))
	mux.Handle("GET /v1/markets", handler(a.listMarkets))
	mux.Handle("POST /v1/rules/imports", handler(a.importRules))
	mux.Handle("GET /v1/evidence", handler(a.getEvidence))
	mux.Handle("POST /v1/payouts", handler(a.uploadPayouts))
	mux.Handle("GET /v1/openapi.yaml", pages.file("openapi.yaml"))
	mux.Handle("GET /v1/openapi.json", pages.file("openapi.json"))
	mux.Handle("GET /v1/docs", pages.file("docs.html"))
	mux.Handle("GET /v1/docs.css", pages.file("docs.css"))
	all := a.read(check(HandlerWithOptions(strict, StdHTTPServerOptions{ErrorHandlerFunc: fail})))
	message := doc.Components.Schemas["NewMessage"]
	if message == nil {
		return nil, errNoSchema
	}
	mux.Handle("POST /v1/messages", a.sendMessage(all))
	mux.Handle("POST /v1/messages/batch", a.sendMessages(message.Value))
	mux.Handle("/v1/", all)
	return openly(mux), nil
}

// openly lets pages of other shops call what needs no key from the browser. Nothing here reads cookies.
func openly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, public := range []string{"/v1/products", "/v1/markets", "/v1/carts", "/v1/openapi."} {
			if !strings.HasPrefix(r.URL.Path, public) || strings.HasSuffix(r.URL.Path, "/prices") {
				continue
			}
			w.Header().Set("Access-Control-Allow-Origin", "*")
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
				w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
				w.Header().Set("Access-Control-Max-Age", "86400")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// caller is who asks, for handlers that know no HTTP.
type caller struct {
	key    auth.Key
	ip     string
	lang   string
	accept string
}

// say is the language that the caller asks for.
func (c *caller) say() *i18n.Printer { return i18n.For(c.lang) }

type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	if c == nil {
		c = &caller{}
	}
	return c
}

// authenticate finds the key of a request and asks whether it may do the operation.
func (a *api) authenticate(ctx context.Context, in *openapi3filter.AuthenticationInput) error {
	r := in.RequestValidationInput.Request
	key, err := a.Auth.ByKey(ctx, r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	scope, _ := in.RequestValidationInput.Route.Operation.Extensions["x-scope"].(string)
	if !key.May(scope) {
		return web.Explain(auth.ErrScope, "the key needs the scope "+scope)
	}
	callerOf(ctx).key = key
	return nil
}
