package app

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/mailin"
	"portolan/internal/messaging/operator"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smtp"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/settings"
	"portolan/internal/support"
)

// senders are what phones show per country, and so whether they can be answered: the sample merchant's numbers.
var senders = []struct {
	country market.Country
	sender  string
	kind    messaging.Kind
}{
	{"US", "+12125550100", messaging.TenDLC},
	{"DE", "+4915112345600", messaging.LongNumber},
	{"GB", "+447700900100", messaging.LongNumber},
	{"ID", "MIANA", messaging.Alpha},
	{"MY", "MIANA", messaging.Overwritten},
}

// messages makes the engine of messages, the lines it sends by, and the journeys.
func (a *App) messages(shop Shop) error {
	a.Messages = messaging.New(a.DB, a.Queue, a.Bus, a.Customers, a.Markets, messaging.Config{
		Brand: shop.Brand.Name, BaseURL: a.cfg.PublicURL, Mailbox: a.cfg.MailFrom, Hosts: shop.Links.Hosts, Domains: shop.Links.Domains,
		BounceDomain: a.cfg.BounceDomain, ReceiptWithin: a.cfg.ReceiptWithin,
	})
	if a.cfg.MailIn != "" {
		a.mailIn = mailin.New(a.Messages, cmp.Or(a.cfg.BounceDomain, "localhost"))
		if err := a.mailIn.Listen(a.cfg.MailIn); err != nil {
			return fmt.Errorf("can't listen for mail on %s: %w; choose another with --mail-in", a.cfg.MailIn, err)
		}
	}
	a.Messages.Accounts(a.Watch, settings.Bump, a.cfg.Vault, providers...)
	a.Messages.Templates(a.Watch, settings.Bump)
	a.Messages.Govern(a.Watch, settings.Bump, func(from, to money.Currency, day string) (money.Rate, bool) {
		q, err := a.Prices.RateNow(from, to, day)
		return q.Rate, err == nil
	})
	a.Messages.Holidays(func(c market.Country, day string) bool {
		_, off := market.Holiday(c, day)
		return off
	})
	if a.cfg.SMPP != "" {
		a.SMPP = a.centre("smpp", a.cfg.SMPP)
	}
	if a.cfg.Spare != "" {
		a.Spare = a.centre("smpp-spare", a.cfg.Spare)
	}
	if a.cfg.SMTP != "" {
		host, text, err := net.SplitHostPort(a.cfg.SMTP)
		port, err2 := strconv.Atoi(text)
		if err != nil || err2 != nil {
			return fmt.Errorf("mail server %q: write host:port", a.cfg.SMTP)
		}
		carrier, err := smtp.New(smtp.Config{Host: host, Port: port, Now: a.DB.Clock().Now})
		if err != nil {
			return err
		}
		a.hangUp = carrier.Close
		a.Messages.Route(messaging.Route{Name: "smtp", Provider: "smtp", Channel: messaging.Email, Sender: a.cfg.MailFrom, Kind: messaging.Mailbox, Carrier: carrier})
	}
	a.Support = support.New(a.Bus, support.Parts{People: a.Customers, Orders: a.Orders, Markets: a.Markets, Messages: a.Messages})
	call, err := a.calls(shop.HookSecret)
	if err != nil {
		return err
	}
	a.Journeys = journeys.New(a.DB, a.Bus, a.Queue, journeys.Needs{
		Orders: a.Orders, Carts: a.Checkout, Codes: a.Prices, Stock: a.Stock, Articles: a.Catalog, Customers: a.Customers, Markets: a.Markets,
		Messages: a.Messages, Versions: a.Watch, Bump: settings.Bump, Parcels: a.Shipments, Tickets: a.Support, Call: call, Base: a.base,
		Pages: journeys.Pages{
			Bag: func(_ market.Market, _, link string) string { return a.cfg.PublicURL + "/back/" + link },
			Confirm: func(m market.Market, lang, token string) string {
				return a.cfg.PublicURL + m.Prefix(lang) + "/confirm/" + token
			},
			Order: a.orderPage,
			Review: func(o order.Order, lang string) string {
				if page := a.orderPage(o, lang); page != "" {
					return page + "/review"
				}
				return ""
			},
			Shop: func(m market.Market, lang string) string {
				if !m.Speaks(lang) {
					lang = m.Language()
				}
				return a.cfg.PublicURL + m.Prefix(lang) + "/"
			},
		},
	})
	return nil
}

// orderPage is where an order's buyer sees it; empty for another shop's.
func (a *App) orderPage(o order.Order, lang string) string {
	m, ok := a.Markets.ByCode(o.Market)
	if !ok || o.Source != order.Shop {
		return ""
	}
	if !m.Speaks(lang) {
		lang = m.Language()
	}
	return a.cfg.PublicURL + m.Prefix(lang) + "/orders/" + string(o.ID)
}

// base is the currency in which the merchant's own prices are.
func (a *App) base() money.Currency {
	for _, p := range a.Catalog.Snapshot().Products() {
		if p.Base.Currency != "" {
			return p.Base.Currency
		}
	}
	return "EUR"
}

// centre is a line to a message centre, by which each country is reached under a sender of its own.
func (a *App) centre(name, addr string) *operator.Line {
	var secure *tls.Config
	if a.cfg.TLS {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	line := operator.New(a.DB, name, smpp.Config{Name: name, Addr: addr, SystemID: a.cfg.SystemID, Password: a.cfg.Password,
		Transceivers: a.cfg.Binds, Long: smpp.Long(a.cfg.Long), TLS: secure}, a.Messages)
	for _, s := range senders {
		a.Messages.Route(messaging.Route{Name: name + "-" + string(s.country), Provider: name, Channel: messaging.SMS, Countries: []market.Country{s.country},
			Sender: s.sender, Kind: s.kind, Carrier: line})
	}
	return line
}
