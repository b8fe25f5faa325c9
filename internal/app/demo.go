package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/smsc"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/settings"
	"portolan/internal/tax"
)

// registrations of the sample merchant; the numbers are made up.
var registrations = []tax.Registration{
	{Word: "IOSS", Number: "IM2760004711", Note: "Sample number. Germany, through an intermediary", ValidFrom: "2024-03-01"},
	{Word: "GB_VAT", Number: "GB385204711", Note: "Sample number", ValidFrom: "2024-05-01"},
	{Word: "MY_LVG", Number: "LVG-26004711", Note: "Sample number", ValidFrom: "2025-01-01"},
}

// SeedDemo fills an empty, migrated database with the sample merchant's shop. Where it is there already it is
// left as it is, but for exchange rates, which would be stale by now.
func SeedDemo(ctx context.Context, d *db.DB) error {
	a, err := Open(ctx, d, Config{})
	if err != nil {
		return err
	}
	shop, err := a.shop(ctx)
	if err != nil {
		return err
	}
	parts := demo.Shop{Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock}
	if shop.Brand.Demo {
		return d.Write(ctx, func(tx *db.Tx) error { return errors.Join(demo.Refresh(tx, parts), a.sampleSenders(tx)) })
	}
	if err := d.Write(ctx, func(tx *db.Tx) error { return demo.Seed(tx, parts) }); err != nil {
		return err
	}
	if err := d.Write(ctx, func(tx *db.Tx) error {
		if err := demo.Publish(tx, parts); err != nil {
			return err
		}
		if err := demo.Supplier(tx, parts); err != nil {
			return err
		}
		if shop.Brand, err = demo.Brand(); err != nil {
			return err
		}
		if shop.Charts, err = demo.Charts(); err != nil {
			return err
		}
		for _, r := range registrations {
			if _, err := a.Tax.Register(tx, r); err != nil {
				return err
			}
		}
		if err := a.sampleSenders(tx); err != nil {
			return err
		}
		shop.Zone, shop.Home = "Asia/Shanghai", "CN"
		return settings.Set(tx, shopKey, shop)
	}); err != nil {
		return err
	}
	if err := a.seedCanned(ctx); err != nil {
		return err
	}
	if err := a.seedConsents(ctx); err != nil {
		return err
	}
	return a.seedPapers(ctx)
}

type ratesJob struct{}

// Job implements jobs.Args.
func (ratesJob) Job() string { return "demo.rates" }

// KeepDemo keeps the sample shop in order while it runs: its exchange rates are dated anew every day of the shop's
// clock, which may be a second; its desk packs, and a carrier brings the parcels. It goes on where the clock of an earlier run stopped, so that time never runs
// backwards. Call it before Run.
func (a *App) KeepDemo(ctx context.Context) error {
	jobs.Handle(a.Queue, func(tx *db.Tx, _ ratesJob) error {
		return demo.Refresh(tx, demo.Shop{Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock})
	})
	a.Queue.Every("demo.rates", 24*time.Hour, ratesJob{})
	a.carry()
	if err := a.DB.Write(ctx, a.sampleAccounts); err != nil {
		return err
	}
	return a.DB.Read(ctx, func(tx *db.Tx) error {
		last, err := a.Bus.Journal(tx, events.Filter{Limit: 1})
		if err == nil && len(last) > 0 && last[0].At.After(tx.Now()) {
			a.DB.Clock().Advance(last[0].At.Sub(tx.Now()))
		}
		return err
	})
}

// sampleAccounts shows what accounts with message providers look like. Their credentials are made up, and they are
// switched off.
func (a *App) sampleAccounts(tx *db.Tx) error {
	have, err := a.Messages.ListAccounts(tx)
	if err != nil || len(have) > 0 || !a.cfg.Vault.Ready() {
		return err
	}
	for _, x := range []messaging.ProviderAccount{
		{ID: "twilio-us", Provider: "twilio", Channel: messaging.SMS, Sender: "+12125550100", Kind: messaging.TenDLC, Countries: []market.Country{"US"}, Rank: 10,
			Values: map[string]string{"account_sid": "AC00000000000000000000000000000000", "auth_token": "sample"}},
		{ID: "whatsapp-id", Provider: "whatsapp", Channel: messaging.WhatsApp, Sender: "+6281100000000", Kind: messaging.LongNumber, Countries: []market.Country{"ID"}, Rank: 10,
			Values: map[string]string{"phone_id": "100000000000000", "access_token": "sample", "app_secret": "sample"}},
	} {
		if err := a.Messages.AddAccount(tx, x); err != nil {
			return err
		}
	}
	return nil
}

// sampleSenders writes down what phones show as the sample merchant, with papers that are made up, and what it spends at
// most.
func (a *App) sampleSenders(tx *db.Tx) error {
	have, err := a.Messages.Senders(tx)
	if err != nil || len(have) > 0 {
		return err
	}
	const by = "sample"
	for _, s := range senders {
		r := messaging.SenderRecord{Country: s.country, Kind: s.kind, Value: s.sender, Provider: "smpp", State: messaging.NotNeeded, TwoWay: s.kind.TwoWay(), Receipts: true}
		switch s.country {
		case "US":
			r.State, r.ValidFrom, r.Papers = messaging.Approved, "2026-02-01", "Sample: brand B1A2C3D, campaign C4E5F6G (marketing and notices)"
		case "GB":
			r.State, r.ValidFrom, r.ValidTo, r.Links = messaging.Approved, "2026-01-15", "2027-01-14", []string{messaging.ShopLink}
			r.Papers = "Sample: letter of authorisation of 2026-01-12"
		case "ID":
			r.State, r.ValidFrom, r.MinVolume, r.Papers = messaging.Approved, "2026-03-01", 1000, "Sample: registered through an aggregator, four weeks"
		}
		if _, err := a.Messages.KeepSender(tx, r, by); err != nil {
			return err
		}
	}
	for _, r := range []messaging.SenderRecord{
		{Country: "AU", Kind: messaging.Alpha, Value: "MIANA", State: messaging.Submitted, Papers: "Sample: asked for on 2026-11-02 through a participating provider", Receipts: true},
		{Country: "SG", Kind: messaging.Alpha, Value: "MIANA", State: messaging.Missing, Receipts: true},
	} {
		if _, err := a.Messages.KeepSender(tx, r, by); err != nil {
			return err
		}
	}
	for _, l := range []messaging.Limits{{Market: "de", Currency: "EUR", Day: 25_00, Month: 400_00}, {Market: "id", Currency: "USD", Month: 900_00}} {
		if err := a.Messages.SetLimits(tx, l, by); err != nil {
			return err
		}
	}
	return nil
}

// AddPhones puts the demo's shoppers into the network, so that their handsets are there from the start.
func AddPhones(network *smsc.Server) error {
	people, err := demo.People()
	if err != nil {
		return err
	}
	for _, p := range people {
		if err := network.AddPhone(smsc.Phone{Number: p.Phone, Name: p.FirstName + " " + p.LastName, Country: p.Country}); err != nil {
			return err
		}
	}
	return nil
}

// Shoppers lets the demo's shoppers buy until ctx ends: a few at once, so that there is something to see, then one
// every few minutes of the shop's clock. They go the way of everybody: bag, details, quote, payment. Some leave
// without paying. Offers that reach them are followed by some, of whom some buy.
func Shoppers(ctx context.Context, a *App) {
	people, err := demo.People()
	if err != nil {
		slog.Error("demo shoppers", "err", err)
		return
	}
	if a.SMPP != nil {
		wait, cancel := context.WithTimeout(ctx, 5*time.Second)
		a.SMPP.Client().WaitBound(wait)
		cancel()
	}
	r := rand.New(rand.NewPCG(7, 92))
	busy := append(inPart(people, isOffered), inPart(people, leavesBag)...) // they do nothing else at first
	offers := newTakers(a, people, rand.New(rand.NewPCG(8, 92)))
	for i := 0; ctx.Err() == nil; i++ {
		p, leave, early := people[i%len(people)], i%5 == 4, i < 2*len(people)
		if leave && early {
			p = awake(a, people, i)
		}
		if early && !leave && slices.Contains(busy, p) {
			continue
		}
		if err := shopOnce(ctx, a, p, r, leave); err != nil && ctx.Err() == nil {
			slog.Warn("demo shopper", "name", p.FirstName, "err", err)
		}
		if err := secondThoughts(ctx, a, people[r.IntN(i%len(people)+1)], r, early); err != nil && ctx.Err() == nil && !errors.Is(err, customer.ErrUnknown) {
			slog.Warn("demo shopper", "name", p.FirstName, "err", err)
		}
		if err := opinions(ctx, a, r); err != nil && ctx.Err() == nil {
			slog.Warn("demo opinions", "err", err)
		}
		if err := offers.read(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("demo offers", "err", err)
		}
		if i == 12 {
			a.DB.Clock().Wait(ctx.Done(), a.DB.Clock().Now().Add(2*time.Second))
			if err := atTheDesk(ctx, a); err != nil && ctx.Err() == nil {
				slog.Warn("demo desk", "err", err)
			}
			idle := slices.DeleteFunc(slices.Clone(people), func(p demo.Person) bool { return slices.Contains(busy, p) })
			if err := sampleCampaigns(ctx, a, idle); err != nil && ctx.Err() == nil {
				slog.Warn("demo campaign", "err", err)
			}
		}
		pause := 200 * time.Millisecond
		if i >= 12 {
			pause = time.Duration(4+r.IntN(9)) * time.Minute
			if !a.DB.Clock().Wait(ctx.Done(), a.DB.Clock().Now().Add(pause)) {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// awake is somebody who leaves a bag behind and lives where it will be day in three hours, so that a reminder isn't held
// until morning.
func awake(a *App, people []demo.Person, i int) demo.Person {
	all := slices.DeleteFunc(inPart(people, leavesBag), func(p demo.Person) bool {
		m, ok := a.Markets.ByCountry(market.Country(p.Country))
		if !ok {
			return true
		}
		hour := a.DB.Clock().Now().Add(3 * time.Hour).In(m.Location()).Hour()
		return hour < 9 || hour > 18
	})
	if len(all) == 0 {
		return people[i%len(people)]
	}
	return all[i/5%len(all)]
}

func shopOnce(ctx context.Context, a *App, p demo.Person, r *rand.Rand, leave bool) error {
	m, ok := a.Markets.ByCountry(market.Country(p.Country))
	if !ok {
		return market.ErrUnknown
	}
	lang, _, _ := strings.Cut(p.Locale, "-")
	var changes []checkout.Change
	goods := a.Catalog.List(catalog.Filter{Market: m.Code, Lang: lang, InStock: true}, catalog.Page{Number: 1 + r.IntN(3), Size: 24}).Products
	for range 1 + r.IntN(3) {
		v := goods[r.IntN(len(goods))].Variants
		if sku := v[r.IntN(len(v))].SKU; a.Stock.InStock(m.Code, sku) {
			changes = append(changes, checkout.Add(sku, 1))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	to := address.Address{GivenName: p.FirstName, FamilyName: p.LastName, Line1: p.Address.Line1, Line2: p.Address.Line2, City: p.Address.City,
		Region: p.Address.Region, Postcode: p.Address.Postcode, Country: p.Address.Country, Phone: p.Phone}
	changes = append(changes, checkout.SetContact(checkout.Contact{GivenName: p.FirstName, FamilyName: p.LastName, Email: p.Email, Phone: p.Phone}), checkout.SetAddress(to))
	changes = append(changes, checkout.SetConsents(boxes(m, lang, p), m.Prefix(lang)+"/checkout/details", ""))
	c, err := a.Checkout.Begin(ctx, checkout.Start{Market: m.Code, Lang: lang}, changes...)
	if err != nil {
		return fmt.Errorf("fill the bag: %w", err)
	}
	return payBag(ctx, a, c, r, leave)
}

// payBag chooses a way to deliver and pays, or leaves before.
func payBag(ctx context.Context, a *App, c checkout.Cart, r *rand.Rand, leave bool) error {
	var options []checkout.Quote
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		options, err = a.Checkout.Options(tx, c)
		return err
	})
	if errors.Is(err, checkout.ErrSoldOut) || errors.Is(err, checkout.ErrRestricted) {
		return nil // what was picked can't go together, may not go there, or is gone: shoppers leave then
	}
	if err != nil {
		return fmt.Errorf("ways to deliver: %w", err)
	}
	if c, err = a.Checkout.Change(ctx, c.Token, 0, checkout.Choose(options[r.IntN(len(options))].Option.Service)); err != nil || leave {
		return err
	}
	m, ok := a.Markets.ByCode(c.Market)
	if !ok {
		return market.ErrUnknown
	}
	_, err = a.Checkout.Pay(ctx, checkout.PayRequest{Token: c.Token, Method: "card", Instrument: fakepsp.Cards()[0].Number,
		ReturnURL: a.cfg.PublicURL + m.Prefix(c.Lang) + "/checkout/return", BaseURL: a.cfg.PublicURL})
	return err
}
