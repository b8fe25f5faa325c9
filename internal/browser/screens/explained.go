package main

import (
	"context"
	"fmt"

	"portolan/internal/browser"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// brazil opens a sixth market, whose tax is reckoned inside itself.
func brazil(ctx context.Context, s *browser.Shop) error {
	a := s.App
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		of, ok := a.Markets.ByCode("us")
		if !ok {
			return market.ErrUnknown
		}
		m := market.Market{Code: "br", Name: "Brazil", State: market.Open, Position: 6, Countries: []market.Country{"BR"}, Currency: "BRL", Languages: []string{"en"},
			Zone: "America/Sao_Paulo", Incoterm: "DDP", Factor: money.MustRate("1.4"), Rounding: market.Rounding{Step: 100, Ending: 90, Direction: market.Nearest},
			ShipFrom: []string{"can"}, Methods: []string{"card"}, ConsentChannels: []string{"email"}, Merchant: of.Merchant, Contact: of.Contact}
		if err := a.Markets.Save(tx, m); err != nil {
			return err
		}
		day := m.Day(tx.Now())
		if err := a.Prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: "BRL", Rate: money.MustRate("0.7604"), Day: day, Source: "sample rates"}); err != nil {
			return err
		}
		return a.Stock.SaveService(tx, fulfilment.DeliveryService{Market: "br", Service: "standard", Carrier: "Harbour Post", Channel: fulfilment.Postal, Location: "can",
			Incoterm: "DDP", Base: money.Of(39_90, "BRL"), PerKilo: money.Of(20_00, "BRL"), Handling: 1, MinDays: 10, MaxDays: 18, Position: 1})
	})
	if err != nil {
		return err
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := a.Prices.Publish(tx, "br")
		return err
	})
}

// explained takes how duty and tax come about, line by line, where they do so differently.
func (c camera) explained() error {
	for _, w := range []struct{ place, slug, region, city, postcode string }{
		{"de-de", "kapok-square-scarf", "", "", ""}, {"en-us", "meridian-wrap-dress", "", "", ""}, {"id-id", "meridian-wrap-dress", "", "", ""},
		{"en-br", "meridian-wrap-dress", "SP", "São Paulo", "01310-100"},
	} {
		t, err := c.Tab(c.url, desktop)
		if err != nil {
			return err
		}
		country := w.place[3:]
		fields := map[string]string{"email": "joana@miana.example", "phone": "+55 11 91234 5678", "address-given_name": "Joana", "address-family_name": "Sample",
			"address-line1": "Avenida de Exemplo 100", "address-city": w.city, "address-region": w.region, "address-postcode": w.postcode}
		if w.region == "" {
			if fields, err = details(map[string]string{"de": "DE", "us": "US", "id": "ID"}[country], ""); err != nil {
				return err
			}
		}
		for _, step := range []func() error{
			func() error { return t.Open("/" + w.place + "/p/" + w.slug) },
			func() error { return t.Click(`.choice:has(input[name=sku]:not([disabled]))`) },
			func() error { return t.Follow(`.buy form button`) },
			func() error { return t.Follow(`.summary a.button`) },
			func() error { return fill(t, fields) },
			func() error { return t.Follow(`main form button.wide`) },
			func() error {
				return t.Eval(`document.querySelectorAll("details.more").forEach(d => d.open = true)`, nil)
			},
			func() error { return c.take(t, "checkout-explained-"+w.place, true) },
			func() error { return t.Size(phone.Width, phone.Height, true) },
			func() error { return c.take(t, "checkout-explained-"+w.place+"-phone", true) },
		} {
			if err := step(); err != nil {
				t.Close()
				return fmt.Errorf("explain at %s: %w", w.place, err)
			}
		}
		t.Close()
	}
	return nil
}
