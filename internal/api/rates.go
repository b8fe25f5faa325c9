package api

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// ListRates lists the rates in force, or what was kept of one pair.
func (a *api) ListRates(ctx context.Context, r ListRatesRequestObject) (ListRatesResponseObject, error) {
	base, quote, limit := money.Currency(r.Params.Base), money.Currency(r.Params.Quote), cmp.Or(r.Params.Limit, 200)
	if (base == "") != (quote == "") {
		return nil, ErrInvalid.With(map[string]string{"query.quote": "name_both_currencies_or_none"})
	}
	var all []pricing.KeptRate
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		if base != "" {
			all, err = a.Prices.RateHistory(tx, base, quote, limit)
		} else {
			all, err = a.Prices.LatestRates(tx)
		}
		return err
	})
	out := RateList{Data: []Rate{}}
	for _, k := range all[:min(len(all), limit)] {
		out.Data = append(out.Data, Rate{Base: string(k.Base), Quote: string(k.Quote), Rate: k.Rate.String(), Day: k.Day, Source: k.Source, SetBy: k.SetBy, Reason: k.Reason,
			UndoneBy: k.UndoneBy, AgeDays: k.Age, Stale: k.Stale})
	}
	return ListRates200JSONResponse(out), err
}

// SetRates keeps rates, all of them or none.
func (a *api) SetRates(ctx context.Context, r SetRatesRequestObject) (SetRatesResponseObject, error) {
	wrong, all := map[string]string{}, make([]pricing.FileRate, len(r.Body.Rates))
	for i, one := range r.Body.Rates {
		rate, err := money.ParseRate(one.Rate)
		if err != nil || rate.Coef <= 0 {
			wrong[fmt.Sprintf("/rates/%d/rate", i)] = "pricing.rate_positive"
		}
		if _, err := time.Parse(time.DateOnly, one.Day); err != nil {
			wrong[fmt.Sprintf("/rates/%d/day", i)] = "pricing.day_form"
		}
		if one.Base == one.Quote {
			wrong[fmt.Sprintf("/rates/%d/quote", i)] = "pricing.currency_form"
		}
		all[i] = pricing.FileRate{Line: i, FX: pricing.FX{Base: money.Currency(one.Base), Quote: money.Currency(one.Quote), Rate: rate, Day: one.Day, Source: cmp.Or(r.Body.Source, "api")}}
	}
	if len(wrong) > 0 {
		return nil, pricing.ErrRateFile.With(wrong)
	}
	var sum pricing.ImportedRates
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		sum, err = a.Prices.ImportRates(tx, all, r.Body.VouchedBy)
		return err
	})
	if bad := pricing.RateFaults(err); len(bad) > 0 {
		for _, f := range bad {
			wrong[fmt.Sprintf("/rates/%d/%s", f.Line, f.Column)] = f.Code
		}
		return nil, pricing.ErrRateFile.With(wrong)
	}
	return SetRates200JSONResponse{Read: sum.Read, Kept: sum.Kept}, err
}

// ListExposures says what is still to come in other currencies.
func (a *api) ListExposures(ctx context.Context, _ ListExposuresRequestObject) (ListExposuresResponseObject, error) {
	var all []pricing.Position
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = a.Prices.Positions(tx)
		return err
	})
	out := ExposureList{Data: []Exposure{}}
	for _, p := range all {
		e := Exposure{Currency: string(p.Currency), Orders: p.Count, Amount: p.Amount, WorthLocked: p.AtLock, Problem: p.Fault}
		if p.Fault == "" {
			e.WorthNow, e.Gain, e.ShareToLock, e.Advice = p.Now, p.Gain, p.Advice.Share.String(), ExposureAdvice(p.Advice.Reason)
		}
		out.Data = append(out.Data, e)
	}
	return ListExposures200JSONResponse(out), err
}
