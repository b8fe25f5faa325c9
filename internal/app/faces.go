package app

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"portolan/internal/admin"
	"portolan/internal/api"
	"portolan/internal/beside"
	"portolan/internal/connect"
	"portolan/internal/db"
	"portolan/internal/inbox"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/mailsink"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// console is what the operators' face is built on.
func (a *App) console(shop Shop) admin.Parts {
	p := admin.Parts{
		DB: a.DB, Auth: a.Auth, Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock, Rules: a.Rules, Customers: a.Customers, Orders: a.Orders,
		Codes: a.Codes, Borders: a.Borders,
		Payments: a.Payments, Refs: a.Checkout, Registered: a.Tax, Sales: sales{a.Orders}, Taxes: a.Tax, Refunds: a.Checkout, Messages: a.Messages, Support: a.Support, Evidence: a.Evidence, Queue: a.Queue, Bus: a.Bus, Papers: a.Papers, Shipments: a.Shipments, Decisions: a.Journeys, Journeys: a.Journeys, Carts: a.Checkout, Senders: a.sender, Brand: shop.Brand.Name,
		Zone: market.TimeZone(shop.Zone), PublicURL: a.cfg.PublicURL,
	}
	if a.cfg.Handsets != nil {
		p.Handsets = a.cfg.Handsets
	}
	if a.cfg.Mails != nil {
		p.Mails = mails{a.cfg.Mails}
	}
	if a.cfg.Email != "" {
		p.Demo = &admin.Demo{Email: a.cfg.Email, Password: a.cfg.Secret}
	}
	return p
}

// sender is how the shop appears on phones of a country, and what is asked of it there.
func (a *App) sender(c market.Country) (admin.Sender, bool) {
	for _, s := range senders {
		if s.country != c {
			continue
		}
		out := admin.Sender{Name: s.sender, Kind: s.kind}
		if p, ok := a.Messages.Policy(c); ok {
			out.Links = p.Links
			if p.Quiet != (messaging.Window{}) {
				out.Quiet = p.Quiet.String()
			}
		}
		return out, true
	}
	return admin.Sender{}, false
}

// mails shows the demo's mail sink to the console.
type mails struct{ sink *mailsink.Sink }

// List implements admin.Mails.
func (m mails) List() []admin.Mail {
	var all []admin.Mail
	for _, one := range m.sink.List("") {
		all = append(all, shown(one))
	}
	return all
}

// Get implements admin.Mails.
func (m mails) Get(id string) (admin.Mail, bool) {
	one, err := m.sink.Get(id)
	return shown(one), err == nil
}

func shown(m mailsink.Mail) admin.Mail {
	return admin.Mail{ID: m.ID, From: m.From, To: strings.Join(m.To, ", "), Subject: m.Subject, Text: m.Text, HTML: m.HTML, At: m.At}
}

// programs is what the REST interface and the hooks are built on.
func (a *App) programs(shop Shop) (api.Parts, connect.Parts) {
	other := beside.New(a.DB, a.Queue, beside.Parts{Bus: a.Bus, Markets: a.Markets, Articles: a.Catalog, Customers: a.Customers, Orders: a.Orders, Carts: a.Checkout})
	return api.Parts{
			DB: a.DB, Auth: a.Auth, Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock, Rules: a.Rules, Book: a.Rules, Checkout: a.Checkout, Borders: a.Borders,
			Orders: a.Orders, Customers: a.Customers, Messages: a.Messages, Support: a.Support, Evidence: a.Evidence, Bus: a.Bus, Beside: other, Versions: a.Watch,
			PublicURL: a.cfg.PublicURL, Proxy: a.cfg.Proxy, Taxes: a.Tax, Codes: a.Codes, TaxBooks: a.Tax, Shipments: a.Shipments, Papers: a.Papers, Journeys: a.Journeys,
		}, connect.Parts{
			DB: a.DB, Payments: a.Payments, Inbox: inbox.New(a.DB, a.Queue), Beside: other, Versions: a.Watch, Lines: a.Messages, Mails: a.Messages,
		}
}

// metrics are what /metrics tells: the process, the line to the message centre.
func (a *App) metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	count := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "portolan", Name: name, Help: help}, f))
	}
	r.MustRegister(hookCounts{a.hooks, prometheus.NewDesc("portolan_hooks_total", "Deliveries to our hooks by what was answered.", []string{"source", "answer"}, nil)})
	if a.SMPP != nil {
		line := a.SMPP.Client()
		count("smpp_submitted_total", "SMS parts written to the message centre.", func() float64 { return float64(line.Stats().Submitted) })
		count("smpp_accepted_total", "SMS parts the message centre accepted.", func() float64 { return float64(line.Stats().Accepted) })
		count("smpp_throttled_total", "SMS parts the message centre wanted later.", func() float64 { return float64(line.Stats().Throttled) })
		count("smpp_unknown_total", "SMS parts without an answer.", func() float64 { return float64(line.Stats().Unknown) })
		count("smpp_receipts_total", "Delivery receipts.", func() float64 { return float64(line.Stats().Receipts) })
		count("smpp_inbound_total", "Texts from phones.", func() float64 { return float64(line.Stats().Inbound) })
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "portolan", Name: "smpp_lines", Help: "Connections bound to the message centre."},
			func() float64 { return float64(line.Stats().Lines) }))
	}
	return r
}

// hookCounts tells what came to the hooks and what was answered.
type hookCounts struct {
	hooks *connect.Hooks
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (h hookCounts) Describe(to chan<- *prometheus.Desc) { to <- h.desc }

// Collect implements prometheus.Collector.
func (h hookCounts) Collect(to chan<- prometheus.Metric) {
	for c, n := range h.hooks.Counts() {
		to <- prometheus.MustNewConstMetric(h.desc, prometheus.CounterValue, float64(n), c.Source, c.Answer)
	}
}

// sales tells pricing what was sold.
type sales struct{ orders *order.Service }

// Sold implements pricing.Sales.
func (s sales) Sold(tx *db.Tx, m market.Code, sku string, since time.Time) ([]pricing.Sold, error) {
	lines, err := s.orders.Sold(tx, m, sku, since)
	all := make([]pricing.Sold, len(lines))
	for i, l := range lines {
		all[i] = pricing.Sold{At: l.At, Price: l.Line.UnitPrice, Count: l.Line.Quantity}
	}
	return all, err
}
