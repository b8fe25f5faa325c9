// Package admin is the console of the people who run the shop: what happened today, what needs a person, orders
// with everything that ever happened to them, messages, phones, jobs and keys. Its pages work without script;
// script refreshes what moves.
//
// It decides nothing about orders, money or messages: it asks the packages that do and draws what they answer.
package admin

import (
	"embed"
	"net/http"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/smsc"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/pricing"
	"portolan/internal/web"
	"portolan/internal/web/ui"
)

//go:embed templates/*.html
var files embed.FS

// What the console asks of packages that have more to say than it wants to know.
type (
	// Prices is satisfied by pricing.Service.
	Prices interface {
		PriceMaker
		Rates
		Price(m market.Code, sku string) (pricing.Price, error)
		From(m market.Code, p *catalog.Product) (from pricing.Price, differ, ok bool)
	}
	// Stock is satisfied by fulfilment.Service.
	Stock interface {
		InStock(m market.Code, sku string) bool
		Stocks(tx *db.Tx, sku string) ([]fulfilment.Stock, error)
		Locations() []fulfilment.Location
	}
	// Decisions says what journeys decided about an order with its cart and parcels, or about a customer, oldest first.
	// Satisfied by journeys.Service.
	Decisions interface {
		Around(tx *db.Tx, o order.Order) ([]journeys.Decision, error)
		DecisionsOf(tx *db.Tx, customer string) ([]journeys.Decision, error)
	}
	// Carts counts the bags that were filled and not bought since a moment, and those of them that were left.
	Carts interface {
		Unfinished(tx *db.Tx, since time.Time) (open, left int64, err error)
	}
	// Handsets are the phones of the demo's network. Satisfied by smsc.Server.
	Handsets interface {
		Phones() []smsc.Phone
		Messages(phone string) []smsc.Text
		Reply(from, to, text string) (smsc.Text, error)
	}
	// Mails are the e-mails that the demo kept instead of sending them, newest first.
	Mails interface {
		List() []Mail
		Get(id string) (Mail, bool)
	}
)

// Mail is an e-mail as it left the shop. HTML is shown in a frame of its own, where it can do nothing.
type Mail struct {
	ID, From, To, Subject string
	Text, HTML            string
	At                    time.Time
}

// Sender is how the shop appears on phones of a country, and what is asked of it there.
type Sender struct {
	Name  string // what the phone shows: "MIANA", "+4915…"
	Kind  messaging.Kind
	Quiet string // hours without offers, in the person's zone: "20:00-09:00"; empty: none
	Links messaging.Links
}

// Demo makes the console say how to get in, and lets time pass.
type Demo struct{ Email, Password string }

// Parts are what the console is built on. Taxes, Refunds, Decisions, Carts, Handsets, Mails, Senders and Demo may be nil.
type Parts struct {
	DB         *db.DB
	Auth       *auth.Service
	Markets    *market.Service
	Catalog    *catalog.Service
	Prices     Prices
	Stock      Stock
	Rules      RuleBook
	Codes      Codes   // nil: there is no page about codes
	Borders    Borders // nil: nobody asks
	Customers  *customer.Service
	Orders     *order.Service
	Payments   *payment.Service
	Registered Registered    // the merchant's registrations; nil: none
	Sales      pricing.Sales // what was sold; nil: nothing is known of it
	Refs       pricing.Refs  // finds the orders that reports of payouts name; nil: by id alone
	Messages   *messaging.Service
	Support    Desk
	Evidence   Evidence
	Queue      *jobs.Queue
	Bus        *events.Bus
	Taxes      Taxes
	Refunds    Refunds
	Papers     Papers    // nil: nothing is sent from here
	Shipments  Shipments // with Papers
	Decisions  Decisions
	Journeys   Journeys // nil: there are no pages about them
	Carts      Carts
	Handsets   Handsets
	Mails      Mails
	Senders    func(market.Country) (Sender, bool)
	Demo       *Demo
	Brand      string
	Zone       *time.Location // the merchant's; UTC if nil
	PublicURL  string         // scheme and host of the shop
	Media      string         // where product pictures are served; "/media/" if empty
}

type console struct {
	Parts
	assets *web.Assets
	pages  *web.Templates
	secure bool
}

// New returns the whole console, to be served under /console. Every route is on this page.
func New(p Parts) (http.Handler, error) {
	c := &console{Parts: p, secure: strings.HasPrefix(p.PublicURL, "https://")}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Media == "" {
		c.Media = "/media/"
	}
	var err error
	if c.assets, err = web.NewAssets("/console/assets/", ui.Files()); err != nil {
		return nil, err
	}
	if c.pages, err = web.ParseTemplates(files, funcs(c.assets)); err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET /console/assets/", c.assets)
	mux.Handle("GET /console", http.RedirectHandler("/console/", http.StatusMovedPermanently))
	mux.Handle("GET /console/login", c.open(c.loginPage))
	mux.Handle("POST /console/login", c.open(c.logIn))
	mux.Handle("GET /console/first", c.open(c.firstPage))
	mux.Handle("POST /console/first", c.open(c.first))
	mux.Handle("POST /console/logout", c.act(auth.Viewer, c.logOut))
	mux.Handle("POST /console/language", c.act(auth.Viewer, c.setLanguage))
	mux.Handle("GET /console/clock", c.known(c.clock))
	mux.Handle("POST /console/clock", c.act(auth.Operator, c.advance))

	mux.Handle("GET /console/{$}", c.page("today", c.today))
	mux.Handle("GET /console/orders", c.page("orders", c.orders))
	mux.Handle("GET /console/orders/{id}", c.page("order", c.order))
	c.paperRoutes(mux)
	mux.Handle("GET /console/payments", c.page("payments", c.reviews))
	mux.Handle("POST /console/payments/{id}/close", c.act(auth.Operator, c.closeReview))
	mux.Handle("GET /console/customers", c.page("customers", c.customers))
	mux.Handle("GET /console/customers/{id}", c.page("customer", c.customer))
	c.personRoutes(mux)
	mux.Handle("GET /console/products", c.page("products", c.products))
	mux.Handle("GET /console/products/{slug}", c.page("product", c.product))
	mux.Handle("POST /console/products/{slug}/hidden", c.act(auth.Operator, c.hideProduct))
	mux.Handle("GET /console/products/{slug}/prices", c.page("price", c.productPrices))
	mux.Handle("POST /console/products/{slug}/prices", c.act(auth.Operator, c.changePrice))
	mux.Handle("GET /console/markets", c.page("markets", c.markets))

	c.taxRoutes(mux)
	c.consentRoutes(mux)
	c.refundRoutes(mux)
	c.rateRoutes(mux)
	c.priceRoutes(mux)
	c.goodsRoutes(mux)

	mux.Handle("GET /console/messages", c.page("messages", c.messages))
	c.measureRoutes(mux)
	mux.Handle("GET /console/messages/{id}", c.page("message", c.message))
	mux.Handle("GET /console/messages/{id}/html", c.known(c.messageHTML))
	c.inboxRoutes(mux)
	mux.Handle("GET /console/handsets", c.page("handsets", c.handsets))
	mux.Handle("POST /console/handsets/{number}", c.act(auth.Operator, c.replyAs))
	mux.Handle("GET /console/mails", c.page("mails", c.mails))
	mux.Handle("GET /console/mails/{id}", c.page("mail", c.mail))
	mux.Handle("GET /console/mails/{id}/html", c.known(c.mailHTML))

	c.textRoutes(mux)
	c.planRoutes(mux)
	c.senderRoutes(mux)
	c.journeyRoutes(mux)
	c.ruleRoutes(mux)

	mux.Handle("GET /console/jobs", c.page("jobs", c.jobs))
	mux.Handle("POST /console/jobs/{id}/retry", c.act(auth.Operator, c.retryJob))
	mux.Handle("POST /console/jobs/{id}/discard", c.act(auth.Operator, c.discardJob))
	c.channelRoutes(mux)
	mux.Handle("GET /console/keys", c.page("keys", c.keys))
	mux.Handle("POST /console/keys", c.known(c.addKey))
	mux.Handle("POST /console/keys/{id}/revoke", c.act(auth.Owner, c.revokeKey))
	mux.Handle("GET /console/", c.page("wrong", c.noPage))
	return http.NewCrossOriginProtection().Handler(mux), nil
}
