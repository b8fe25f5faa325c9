// Package app puts the parts together. It is the one package that knows them all.
package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"portolan/internal/admin"
	"portolan/internal/api"
	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/classify"
	"portolan/internal/connect"
	"portolan/internal/customer"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/events"
	"portolan/internal/evidence"
	"portolan/internal/fulfilment"
	"portolan/internal/fulfilment/fakecarrier"
	"portolan/internal/geo"
	"portolan/internal/idempotency"
	"portolan/internal/inbox"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/mailin"
	"portolan/internal/messaging/mailsink"
	"portolan/internal/messaging/operator"
	"portolan/internal/messaging/smsc"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/papers"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/pricing"
	"portolan/internal/pricing/ecb"
	"portolan/internal/rulebook"
	"portolan/internal/settings"
	"portolan/internal/storefront"
	"portolan/internal/support"
	"portolan/internal/tax"
	"portolan/internal/vault"
	"portolan/internal/web"
)

// Schemas lists every package that owns tables, in the order they are made.
var Schemas = []db.Schema{
	jobs.Schema, events.Schema, settings.Schema, auth.Schema, market.Schema, customer.Schema, rulebook.Schema, catalog.Schema, pricing.Schema,
	order.Schema, classify.Schema, fulfilment.Schema, payment.Schema, fakepsp.Schema, tax.Schema, papers.Schema, checkout.Schema, messaging.Schema, support.Schema, journeys.Schema, evidence.Schema,
	idempotency.Schema, inbox.Schema,
}

// Config is what differs from one installation to the next.
type Config struct {
	PublicURL string // scheme and host under which people reach the shop, no slash at the end
	Proxy     bool   // a proxy that is trusted adds X-Forwarded-For
	TestPSP   bool   // take payments by the built-in test provider; never beside a real one

	// Hook takes the test provider's webhooks where there is no server to take them: it returns the status; nil: by HTTP.
	Hook  func(ctx context.Context, header http.Header, body []byte) (int, error)
	Media fs.FS // the shop's pictures; nil: the demo's where the shop is the demo's

	SMPP     string // host:port of the message centre; empty: no SMS leaves
	Spare    string // host:port of a second one, with the same credentials, for what the first doesn't take
	SystemID string
	Password string
	TLS      bool   // to the message centre
	Binds    int    // connections to the message centre; 0 is 1
	Long     string // how texts of several parts travel: header, header16, sar or payload; "" is header
	SMTP     string // host:port of the mail server; empty: no mail leaves
	MailFrom string

	BounceDomain  string        // of the return paths of mails; empty: they come back to the sender
	MailIn        string        // address to listen on for mail that comes in; empty: none
	ReceiptWithin time.Duration // after which what must arrive and has no receipt goes by the next channel; 0: two minutes

	Vault *vault.Vault // locks up credentials of message providers; without a key none can be kept

	Handsets *smsc.Server   // the simulator, where it runs in this process
	Mails    *mailsink.Sink // the mail sink, where it runs in this process
	Email    string         // the demo's credentials, shown on the log-in page
	Secret   string
}

// App is a running Portolan.
type App struct {
	DB        *db.DB
	Queue     *jobs.Queue
	Bus       *events.Bus
	Watch     *settings.Watcher
	Auth      *auth.Service
	Markets   *market.Service
	Catalog   *catalog.Service
	Rules     *rulebook.Service
	Prices    *pricing.Service
	Stock     *fulfilment.Service
	Customers *customer.Service
	Orders    *order.Service
	Payments  *payment.Service
	TestPSP   *fakepsp.PSP
	Tax       *tax.Service
	Borders   *customs.Screen
	Codes     *classify.Service
	Shipments *fulfilment.Shipments
	Papers    *papers.Service
	Checkout  *checkout.Service
	Messages  *messaging.Service
	Support   *support.Service
	Journeys  *journeys.Service
	Evidence  *evidence.Service
	SMPP      *operator.Line
	Spare     *operator.Line
	HTTP      http.Handler

	cfg    Config
	mailIn *mailin.Server
	hangUp func() // closes idle lines to the mail server
	hooks  *connect.Hooks
	brings *fakecarrier.Carrier // the demo's
}

// Open makes every service on a migrated database, lowest first, and loads what they keep in memory. Faces are
// made by Serve, once the shop has its data.
func Open(ctx context.Context, d *db.DB, cfg Config) (*App, error) {
	if err := d.Migrate(ctx, Schemas...); err != nil {
		return nil, err
	}
	a := &App{DB: d, cfg: cfg, hangUp: func() {}, Watch: settings.Watch(d), Queue: jobs.New(d), Auth: auth.New(d)}
	a.Bus = events.New(a.Queue)
	a.Rules = rulebook.New(d, a.Watch, settings.Bump)
	a.Rules.Work(a.Queue)

	a.Markets = market.New(d, a.Watch, settings.Bump)
	a.Catalog = catalog.New(d, a.Watch, settings.Bump)
	a.Prices = pricing.New(d, a.Watch, settings.Bump, a.Markets, a.Catalog, taxRates{a.Rules})
	a.Stock = fulfilment.New(d, a.Watch, settings.Bump, a.Markets)
	a.Catalog.With(a.Prices, a.Stock)
	a.Borders = customs.NewScreen(a.Catalog)
	a.Stock.Work(a.Queue)
	a.Prices.Work(a.Queue)
	a.Prices.Fetching(a.Queue, ecb.Get)
	a.Customers = customer.New(a.Bus)
	a.Orders = order.New(a.Bus, order.Numbering{})
	a.Codes = classify.New(a.Catalog, a.Orders, a.Rules, func() string { return a.Rules.Pack().Version() }, a.destinations)
	a.Catalog.Guard(a.Codes)

	shop, err := a.shop(ctx)
	if err != nil {
		return nil, err
	}
	var psps []payment.PSP
	if cfg.TestPSP {
		a.TestPSP = fakepsp.New(d, a.Queue, fakepsp.Options{Secret: shop.HookSecret, HookURL: cfg.PublicURL + "/in/fakepsp", Post: cfg.Hook})
		psps = append(psps, a.TestPSP)
	}
	a.Payments = payment.New(d, a.Queue, a.Bus, psps...)
	a.Tax = tax.New(tax.Parts{DB: d, Bus: a.Bus, Orders: a.Orders, Rates: a.Prices, Places: a.Stock, Home: shop.Home, Versions: a.Watch, Bump: settings.Bump})
	a.Tax.Listen(a.Bus, a.Queue)
	a.Shipments = fulfilment.NewShipments(a.Stock, a.Bus, a.Orders)
	a.Shipments.Listen(a.Bus)
	a.Shipments.Work(a.Queue)
	a.Papers = papers.New(papers.Parts{Orders: a.Orders, Shipments: a.Shipments, Places: a.Stock, Products: a.Catalog, Rates: a.Prices,
		Registrations: a.Tax, Zone: market.TimeZone(shop.Zone), Codes: customs.Imported(a.Rules)})
	a.Papers.Listen(a.Bus)
	a.Checkout = checkout.New(d, a.Queue, checkout.Parts{
		Bus: a.Bus, Markets: a.Markets, Shelf: checkout.NewShelf(a.Catalog, a.Prices), Rates: a.Prices, Locks: a.Prices, Codes: a.Prices, Stock: a.Stock,
		Landed: a.Rules, Borders: a.Borders, Customers: a.Customers, Orders: a.Orders, Payments: a.Payments, Taxes: a.Tax,
	})
	if err := a.messages(shop); err != nil {
		return nil, err
	}
	idempotency.Work(a.Queue)
	a.Customers.Work(a.Queue)
	a.Messages.Retention()
	a.Evidence = evidence.New(a.Queue, a.Customers, a.Messages)
	if err := errors.Join(d.Write(ctx, a.Customers.Prepare), d.Read(ctx, a.Customers.Remember), d.Write(ctx, a.Journeys.Prepare)); err != nil {
		return nil, err
	}
	for _, load := range []func(context.Context) error{a.Rules.Load, a.Markets.Load, a.Catalog.Load, a.Prices.Load, a.Stock.Load, a.Tax.Load} {
		if err := load(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Shop is what the merchant has said about the shop itself; kept as the setting "shop".
type Shop struct {
	Brand      storefront.Brand       `json:"brand"`
	Charts     []storefront.SizeChart `json:"charts"`
	HookSecret string                 `json:"hook_secret"` // what the test provider signs webhooks with
	Zone       string                 `json:"zone"`        // the merchant's own: "Asia/Shanghai"
	Links      Links                  `json:"links"`
	Home       market.Country         `json:"home"` // where the merchant is established: "CN"
}

// Links says where links in messages may lead besides the shop's own pages, and where those of a market begin.
type Links struct {
	Hosts   []string               `json:"hosts,omitempty"`   // "help.miana.example"
	Domains map[market.Code]string `json:"domains,omitempty"` // "de": "https://miana.de"; it must reach this shop
}

const shopKey = "shop"

// shop reads the shop's settings, or begins with a shop without a name.
func (a *App) shop(ctx context.Context) (shop Shop, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		found, err := settings.Get(tx, shopKey, &shop)
		if err != nil || found && shop.HookSecret != "" {
			return err
		}
		if !found {
			shop.Brand = storefront.Brand{Name: "Portolan"}
		}
		b := make([]byte, 32)
		rand.Read(b)
		shop.HookSecret = "whsec_" + base64.StdEncoding.EncodeToString(b)
		return settings.Set(tx, shopKey, shop)
	})
	return shop, err
}

// Serve makes the faces.
func (a *App) Serve(ctx context.Context) error {
	shop, err := a.shop(ctx)
	if err != nil {
		return err
	}
	media := a.cfg.Media
	if media == nil && shop.Brand.Demo {
		media = demo.Media()
	}
	if media == nil {
		media = fstest.MapFS{}
	}
	store, err := storefront.New(storefront.Parts{
		DB: a.DB, Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock, Rules: a.Rules, Checkout: a.Checkout, Borders: a.Borders,
		Orders: a.Orders, Parcels: a.Shipments, Payments: a.Payments, Replies: a.Messages, Ratings: a.Journeys, News: a.Messages, Consents: a.Customers, Versions: a.Watch, Brand: shop.Brand, Media: media,
		PublicURL: a.cfg.PublicURL, Proxy: a.cfg.Proxy, Country: country, Charts: shop.Charts,
	})
	if err != nil {
		return err
	}
	console, err := admin.New(a.console(shop))
	if err != nil {
		return err
	}
	forPrograms, forHooks := a.programs(shop)
	rest := web.Soon(func() (http.Handler, error) { return api.New(forPrograms) })
	mux := http.NewServeMux()
	mux.Handle("/", store)
	mux.Handle("/console", console)
	mux.Handle("/console/", console)
	mux.Handle("/v1/", rest)
	a.hooks = connect.New(forHooks)
	mux.Handle("/in/", a.hooks)
	if a.TestPSP != nil {
		mux.Handle("/fakepsp/", a.TestPSP.Handler())
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.Handle("GET /readyz", web.Handler(a.ready))
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics(), promhttp.HandlerOpts{}))
	a.HTTP = web.Guard(mux)
	return nil
}

// destinations are the countries that are sold to.
func (a *App) destinations() (all []string) {
	for _, m := range a.Markets.All() {
		for _, c := range m.Countries {
			all = append(all, string(c))
		}
	}
	return all
}

// ready answers when the database does.
func (a *App) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		_, err := db.One(tx, db.Scalar[int64], `select 1`)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, db.ErrUnusable)
	}
	_, err = w.Write([]byte("ready\n"))
	return err
}

// Run works until ctx ends: jobs, versions, the line to the message centre. It returns when what was begun is done.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := []func(context.Context) error{a.Watch.Run, a.Queue.Run, a.Rules.Run}
	if a.SMPP != nil {
		parts = append(parts, a.SMPP.Run)
	}
	if a.Spare != nil {
		parts = append(parts, a.Spare.Run)
	}
	if a.mailIn != nil {
		parts = append(parts, a.mailIn.Run)
	}
	failures := make(chan error, len(parts))
	var all sync.WaitGroup
	for _, run := range parts {
		all.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				slog.Error("part ended", "err", err)
				failures <- err
			}
			cancel()
		})
	}
	all.Wait()
	a.hangUp()
	close(failures)
	var err error
	for f := range failures {
		err = errors.Join(err, f)
	}
	return err
}

// taxRates tells pricing the rate of the tax inside shown prices.
type taxRates struct{ rules *rulebook.Service }

// TaxRate implements pricing.TaxRates.
func (t taxRates) TaxRate(c market.Country, region, category, day string) (money.Rate, bool) {
	on, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return money.Rate{}, false
	}
	rate, _, ok := t.rules.ConsumptionTax(string(c), region, category, on)
	return rate, ok
}

func country(ip string) (string, bool) {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "", false
	}
	return geo.Country(a)
}
