package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
)

// TaxBooks are the books for tax authorities. Satisfied by tax.Service.
type TaxBooks interface {
	Thresholds(tx *db.Tx, at time.Time) ([]tax.Status, error)
	Registrations(tx *db.Tx) ([]tax.Registration, error)
	Register(tx *db.Tx, r tax.Registration) (tax.Registration, error)
	End(tx *db.Tx, registration, lastDay string) error
	Standings(tx *db.Tx, scheme string, periods int) ([]tax.Standing, error)
	Standing(tx *db.Tx, scheme string, p tax.Period) (tax.Standing, error)
	Entries(tx *db.Tx, scheme string, p tax.Period, c tax.Cell) ([]tax.Entry, string, error)
	File(tx *db.Tx, scheme string, p tax.Period, filedOn, reference, by string) (tax.Report, error)
}

// ListTaxRegistrations lists the merchant's registrations.
func (a *api) ListTaxRegistrations(ctx context.Context, _ ListTaxRegistrationsRequestObject) (ListTaxRegistrationsResponseObject, error) {
	out := TaxRegistrationList{Data: []TaxRegistration{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.TaxBooks.Registrations(tx)
		for _, r := range all {
			out.Data = append(out.Data, showRegistration(r))
		}
		return err
	})
	return ListTaxRegistrations200JSONResponse(out), err
}

func showRegistration(r tax.Registration) TaxRegistration {
	return TaxRegistration{ID: r.ID, Word: r.Word, Number: tax.Mask(r.Number), Note: r.Note, ValidFrom: r.ValidFrom, ValidTo: r.ValidTo, NotedAt: r.NotedAt}
}

// AddTaxRegistration notes a registration.
func (a *api) AddTaxRegistration(ctx context.Context, r AddTaxRegistrationRequestObject) (AddTaxRegistrationResponseObject, error) {
	var made tax.Registration
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		made, err = a.TaxBooks.Register(tx, taxRegistration(*r.Body))
		return err
	})
	return AddTaxRegistration201JSONResponse(showRegistration(made)), err
}

func taxRegistration(b NewTaxRegistration) tax.Registration {
	return tax.Registration{Word: b.Word, Number: b.Number, Note: b.Note, ValidFrom: b.ValidFrom, ValidTo: b.ValidTo}
}

// EndTaxRegistration lets a registration end.
func (a *api) EndTaxRegistration(ctx context.Context, r EndTaxRegistrationRequestObject) (EndTaxRegistrationResponseObject, error) {
	var ended tax.Registration
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := a.TaxBooks.End(tx, r.ID, r.Body.LastDay); err != nil {
			return err
		}
		all, err := a.TaxBooks.Registrations(tx)
		if i := slices.IndexFunc(all, func(v tax.Registration) bool { return v.ID == r.ID }); i >= 0 {
			ended = all[i]
		}
		return err
	})
	return EndTaxRegistration200JSONResponse(showRegistration(ended)), err
}

// ListTaxThresholds tells how near each threshold is.
func (a *api) ListTaxThresholds(ctx context.Context, _ ListTaxThresholdsRequestObject) (ListTaxThresholdsResponseObject, error) {
	out := TaxThresholdList{Data: []TaxThreshold{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.TaxBooks.Thresholds(tx, tx.Now())
		for _, v := range all {
			t := TaxThreshold{ID: v.ID, Jurisdiction: v.Jurisdiction, Label: v.Label, Logic: v.Logic, Period: v.Threshold.Period, Counts: v.Counts, Watched: v.Watched, Why: v.Why,
				Registered: v.Registered, LimitSales: v.Transactions, Counted: v.Counted, Sales: v.Sales, SharePct: v.Share, Level: v.Level, Do: v.Do, Registration: v.Registration,
				CrossesOn: v.Crossing.Day, CrossesFrom: v.Crossing.Low, CrossesTo: v.Crossing.High, NoProjection: v.Crossing.Why, Source: v.Source, Confidence: v.Confidence}
			if v.Limit.Minor > 0 {
				t.Limit = v.Limit
			}
			out.Data = append(out.Data, t)
		}
		return err
	})
	return ListTaxThresholds200JSONResponse(out), err
}

// ListTaxReturns lists the returns that were made and have to be.
func (a *api) ListTaxReturns(ctx context.Context, r ListTaxReturnsRequestObject) (ListTaxReturnsResponseObject, error) {
	out := TaxReturnList{Data: []TaxReturn{}}
	periods := r.Params.Periods
	if periods < 1 {
		periods = 6
	}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.TaxBooks.Standings(tx, r.Params.Scheme, periods)
		for _, v := range all {
			out.Data = append(out.Data, showReturn(v))
		}
		return err
	})
	return ListTaxReturns200JSONResponse(out), err
}

func showReturn(v tax.Standing) TaxReturn {
	out := TaxReturn{Scheme: v.Scheme.Code, Period: string(v.Period), First: v.First, Last: v.Last, State: TaxReturnState(v.State), Deadline: v.Deadline.Day, DeadlineSource: v.Deadline.Source,
		Late: v.Late(), Currency: string(v.Currency), Net: v.Net, Tax: v.Report.Tax, Corrected: v.Corrected, Due: v.Report.Due, Orders: v.Orders, Rows: []tax.Row{},
		Corrections: []tax.Correction{}, Totals: []tax.Sum{}, Rates: []tax.RateUsed{}, Problems: []string{}, SinceFiled: v.Since.Totals}
	out.Rows, out.Corrections = append(out.Rows, v.Rows...), append(out.Corrections, v.Corrections...)
	out.Totals, out.Rates, out.Problems = append(out.Totals, v.Totals...), append(out.Rates, v.Rates...), append(out.Problems, v.Problems...)
	if v.Filing != nil {
		out.FiledOn, out.Reference = v.Filing.FiledOn, v.Filing.Reference
	}
	return out
}

func (a *api) standing(ctx context.Context, scheme, period string) (v tax.Standing, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		v, err = a.TaxBooks.Standing(tx, scheme, tax.Period(period))
		return err
	})
	return v, err
}

// GetTaxReturn returns one return.
func (a *api) GetTaxReturn(ctx context.Context, r GetTaxReturnRequestObject) (GetTaxReturnResponseObject, error) {
	v, err := a.standing(ctx, r.Scheme, r.Period)
	if err != nil {
		return nil, err
	}
	return GetTaxReturn200JSONResponse(showReturn(v)), nil
}

// GetTaxReturnCsv returns one return as a table.
func (a *api) GetTaxReturnCsv(ctx context.Context, r GetTaxReturnCsvRequestObject) (GetTaxReturnCsvResponseObject, error) {
	v, err := a.standing(ctx, r.Scheme, r.Period)
	if err != nil {
		return nil, err
	}
	var table bytes.Buffer
	if err := tax.WriteCSV(&table, v.Report); err != nil {
		return nil, err
	}
	return GetTaxReturnCsv200TextCsvResponse{Body: &table, ContentLength: int64(table.Len())}, nil
}

// ListTaxReturnOrders lists the orders and refunds behind a return.
func (a *api) ListTaxReturnOrders(ctx context.Context, r ListTaxReturnOrdersRequestObject) (ListTaxReturnOrdersResponseObject, error) {
	out := TaxEntryList{Data: []TaxEntry{}}
	cell := tax.Cell{Country: r.Params.Country, After: r.Params.After, Limit: limitOf(r.Params.Limit), Supplies: r.Params.Only == "supplies", Corrections: r.Params.Only == "corrections",
		Since: r.Params.Only == "since"}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, next, err := a.TaxBooks.Entries(tx, r.Scheme, tax.Period(r.Period), cell)
		out.Next = next
		for _, e := range all {
			out.Data = append(out.Data, TaxEntry{ID: e.ID, Kind: TaxEntryKind(e.Kind), Order: string(e.Order), Day: e.Day, SoldOn: e.Original, Country: e.Country, Region: e.Region,
				Net: e.Net, Duty: e.Duty, Tax: e.Tax, Fees: e.Fees, Doubt: e.Doubt})
		}
		return err
	})
	return ListTaxReturnOrders200JSONResponse(out), err
}

func limitOf(n int) int {
	if n < 1 {
		return 50
	}
	return n
}

// FileTaxReturn notes that a return was filed.
func (a *api) FileTaxReturn(ctx context.Context, r FileTaxReturnRequestObject) (FileTaxReturnResponseObject, error) {
	var v tax.Standing
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if _, err = a.TaxBooks.File(tx, r.Scheme, tax.Period(r.Period), r.Body.FiledOn, r.Body.Reference, "API: "+callerOf(ctx).key.Name); err != nil {
			return err
		}
		v, err = a.TaxBooks.Standing(tx, r.Scheme, tax.Period(r.Period))
		return err
	})
	if err != nil {
		return nil, err
	}
	return FileTaxReturn200JSONResponse(showReturn(v)), nil
}

// ListRefunds lists the refunds of an order.
func (a *api) ListRefunds(ctx context.Context, r ListRefundsRequestObject) (ListRefundsResponseObject, error) {
	out := RefundList{Data: []Refund{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		if _, err := a.Orders.Get(tx, order.ID(r.ID)); err != nil {
			return err
		}
		all, err := a.Orders.Refunds(tx, order.ID(r.ID))
		for _, v := range all {
			out.Data = append(out.Data, showRefund(v))
		}
		return err
	})
	return ListRefunds200JSONResponse(out), err
}

func showRefund(r order.Refund) Refund {
	return Refund{ID: r.ID, Order: string(r.Order), Amount: r.Amount, Reason: r.Reason, Pieces: r.Pieces, Delivery: r.Delivery, By: r.By, State: RefundState(r.State),
		AskedAt: r.AskedAt, MadeAt: r.MadeAt}
}

// CreateRefund gives money of an order back, once per key.
func (a *api) CreateRefund(ctx context.Context, r CreateRefundRequestObject) (CreateRefundResponseObject, error) {
	who := callerOf(ctx).key
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s", who.ID, r.ID, r.Params.IdempotencyKey))
	asked := order.Refund{ID: "ref_" + hex.EncodeToString(sum[:13]), Order: order.ID(r.ID), Pieces: r.Body.Pieces, Delivery: r.Body.Delivery, Amount: r.Body.Amount, Reason: r.Body.Reason, By: "API: " + who.Name}
	var made order.Refund
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := a.Orders.Get(tx, asked.Order)
		if err != nil {
			return err
		}
		if asked.Amount == (money.Amount{}) {
			asked.Amount = o.Worth(asked.Pieces, asked.Delivery)
		}
		made, err = a.Checkout.Refund(tx, asked)
		return err
	})
	return CreateRefund201JSONResponse(showRefund(made)), err
}
