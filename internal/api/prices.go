package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
	"portolan/internal/web"
)

// ListProductPrices shows how the price of a variant comes about in every market.
func (a *api) ListProductPrices(ctx context.Context, r ListProductPricesRequestObject) (ListProductPricesResponseObject, error) {
	out := PriceSheetList{Sku: r.Params.Sku, Data: []PriceSheet{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		p, err := a.Catalog.Find(tx, r.Slug)
		if err != nil {
			return err
		}
		if out.Sku == "" && len(p.Variants) > 0 {
			out.Sku = p.Variants[0].SKU
		}
		for _, m := range a.Markets.All() {
			if m.State == market.Draft {
				continue
			}
			sheet, err := a.sheet(tx, &p, m, out.Sku)
			if err != nil {
				return err
			}
			out.Data = append(out.Data, sheet)
		}
		return nil
	})
	return ListProductPrices200JSONResponse(out), err
}

func (a *api) sheet(tx *db.Tx, p *catalog.Product, m market.Market, sku string) (PriceSheet, error) {
	s, err := a.Prices.Sheet(tx, a.trade(tx, m), m.Code, p, sku)
	if errors.Is(err, pricing.ErrNoPrice) || err != nil && fault.Of(err).Kind == fault.Internal {
		return PriceSheet{}, err
	}
	if err != nil {
		return PriceSheet{Market: string(m.Code), Country: string(m.Country()), Currency: string(m.Currency), TaxIncluded: m.TaxInclusive, Steps: []PriceStep{}, Warnings: []string{},
			Problem: fault.Of(err).Code}, nil
	}
	out := showSheet(&s)
	changes, err := a.Prices.Changes(tx, m.Code, sku, 5)
	for _, c := range changes {
		out.Changes = append(out.Changes, showPriceChange(c))
	}
	return out, err
}

// trade is how the shop sends to a market: from its first location, under the registrations of today.
func (a *api) trade(tx *db.Tx, m market.Market) pricing.Trade {
	t := pricing.Trade{Rules: a.Rules, Registrations: a.Taxes.Registered(m.Day(tx.Now()))}
	for _, l := range a.Stock.Locations() {
		if t.ShipFrom == "" || len(m.ShipFrom) > 0 && l.Code == m.ShipFrom[0] {
			t.ShipFrom = l.Country
		}
	}
	return t
}

func showSheet(s *pricing.Sheet) PriceSheet {
	m := s.Market
	out := PriceSheet{Market: string(m.Code), Country: string(m.Country()), Currency: string(m.Currency), TaxIncluded: m.TaxInclusive, Price: s.Price, Was: s.Published.Was,
		Target: s.Target, Net: s.Net, Steps: []PriceStep{}, Warnings: append([]string{}, s.Warnings...)}
	for _, step := range s.Steps {
		one := PriceStep{Key: step.Key, Amount: step.Amount, Day: step.Day, Source: step.Source}
		if !step.By.IsZero() {
			one.By = step.By.String()
		}
		out.Steps = append(out.Steps, one)
	}
	if s.Known {
		out.Margin, out.Landed, out.Floor = s.Margin.String(), s.Landed, s.Floor
	}
	if s.DoorKnown {
		out.AtDoor = s.Door.Total
	}
	return out
}

func showPriceChange(c pricing.Changed) PriceChange {
	return PriceChange{ID: c.ID, Market: string(c.Market), Sku: c.SKU, Kind: PriceChangeKind(c.Kind), Reason: c.Reason, By: c.By, At: utc(c.At), Before: c.Before, After: c.After, Undone: c.Undone}
}

// ChangePrice changes the price of a variant in a market, or shows what that would do.
func (a *api) ChangePrice(ctx context.Context, r ChangePriceRequestObject) (ChangePriceResponseObject, error) {
	b := r.Body
	c := pricing.Change{Market: market.Code(b.Market), SKU: b.Sku, Kind: pricing.ChangeKind(b.Kind), Price: b.Price, Reason: b.Reason, By: keyName(callerOf(ctx).key)}
	if b.Factor != "" {
		var err error
		if c.Factor, err = money.ParseRate(b.Factor); err != nil {
			return nil, ErrInvalid.With(map[string]string{"factor": "market.factor_positive"})
		}
	}
	work := a.DB.Write
	if b.DryRun {
		work = a.DB.Read
	}
	var out PriceChangeResult
	err := work(ctx, func(tx *db.Tx) error {
		p, err := a.Catalog.Find(tx, r.Slug)
		if err != nil {
			return err
		}
		m, err := a.Markets.Get(tx, c.Market)
		if err != nil {
			return err
		}
		t := a.trade(tx, m)
		before, after, err := a.Prices.Preview(tx, t, &p, c)
		if err != nil {
			return err
		}
		out.Before, out.After = showSheet(&before), showSheet(&after)
		if b.DryRun {
			return nil
		}
		done, err := a.Prices.Apply(tx, t, &p, c)
		out.Change = done.ID
		return err
	})
	return ChangePrice200JSONResponse(out), err
}

// UndoPriceChange takes a change back.
func (a *api) UndoPriceChange(ctx context.Context, r UndoPriceChangeRequestObject) (UndoPriceChangeResponseObject, error) {
	var c pricing.Changed
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		c, err = a.Prices.Undo(tx, r.ID, keyName(callerOf(ctx).key))
		return err
	})
	return UndoPriceChange200JSONResponse(showPriceChange(c)), err
}

// uploadPayouts takes a provider's report, which is larger than the bodies of other operations and no JSON.
func (a *api) uploadPayouts(w http.ResponseWriter, r *http.Request) error {
	key, err := a.Auth.ByKey(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if !key.May("prices:write") {
		return web.Explain(auth.ErrScope, "the key needs the scope prices:write")
	}
	name := r.URL.Query().Get("file")
	if name == "" || len(name) > 100 {
		return ErrInvalid.With(map[string]string{"query.file": "required"})
	}
	lines, err := pricing.ReadPayouts(r.Body)
	if err != nil {
		return byLine(err)
	}
	var f pricing.PayoutFile
	err = a.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		f, err = a.Prices.TakePayouts(tx, name, lines, a.Checkout, keyName(key))
		return err
	})
	if err != nil {
		return byLine(err)
	}
	body, err := encode(PayoutReport{ID: f.ID, Name: f.Name, Lines: f.Lines})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, err = w.Write(body)
	return err
}

// byLine names what is wrong with a report by line and column.
func byLine(err error) error {
	bad := pricing.FileFaults(err)
	if len(bad) == 0 {
		return err
	}
	fields := map[string]string{}
	for _, f := range bad[:min(len(bad), 100)] {
		fields[fmt.Sprintf("/%d/%s", f.Line, f.Column)] = f.Code
	}
	return pricing.ErrPayoutFile.With(fields)
}
