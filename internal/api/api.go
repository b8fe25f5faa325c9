// Package api is the REST interface for programs: other shops, headless storefronts, load generators. The
// document openapi.yaml describes it and is its source: requests are checked against it before they get here.
//
// It decides nothing about prices, stock, duty or payment; it asks the packages that do and writes their answer
// in the document's words.
package api

import (
	"net/http"

	"portolan/internal/auth"
	"portolan/internal/beside"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/snapshot"
)

// Parts are what the interface is built on.
type Parts struct {
	DB        *db.DB
	Auth      *auth.Service
	Markets   *market.Service
	Catalog   *catalog.Service
	Prices    *pricing.Service
	Stock     *fulfilment.Service
	Rules     *landed.Pack
	Checkout  *checkout.Service
	Orders    *order.Service
	Customers *customer.Service
	Messages  *messaging.Service
	Bus       *events.Bus
	Beside    *beside.Service
	Versions  snapshot.Versions
	PublicURL string // scheme and host under which programs reach us, without a slash at the end
	Proxy     bool   // trust X-Forwarded-For

	Registrations []string // the merchant's, in the words of package landed: IOSS, GB_VAT …
}

// New returns the interface, to be mounted at /v1/.
func New(p Parts) (http.Handler, error) {
	return http.NotFoundHandler(), nil
}
