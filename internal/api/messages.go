package api

import (
	"context"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// ListMessages lists messages, newest first.
func (a *api) ListMessages(ctx context.Context, r ListMessagesRequestObject) (ListMessagesResponseObject, error) {
	p := r.Params
	limit := p.Limit
	if limit == 0 {
		limit = 50
	}
	out := MessageList{Data: []Message{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Messages.List(tx, messaging.Filter{Market: market.Code(p.Market), State: messaging.State(p.State), Channel: messaging.Channel(p.Channel),
			Template: p.Template, Customer: p.Customer, Order: p.Order, To: p.To, Since: p.Since.UTC()}, messaging.Page{After: p.After, Limit: limit + 1})
		if len(all) > limit {
			all = all[:limit]
			out.Next = all[limit-1].ID
		}
		for i := range all {
			out.Data = append(out.Data, showMessage(&all[i]))
		}
		return err
	})
	return ListMessages200JSONResponse(out), err
}

// GetMessage returns a message with everything that happened to it.
func (a *api) GetMessage(ctx context.Context, r GetMessageRequestObject) (GetMessageResponseObject, error) {
	var d messaging.Detail
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		d, err = a.Messages.Inspect(tx, r.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := MessageDetail{Message: showMessage(&d.Record), Verdict: string(d.Gate.Verdict), Reasons: []GateReason{}, Attempts: []Attempt{}, Receipts: []Receipt{}}
	for _, r := range d.Gate.Reasons {
		out.Reasons = append(out.Reasons, GateReason{Code: r.Code, Detail: r.Detail})
	}
	for _, t := range d.Attempts {
		out.Attempts = append(out.Attempts, Attempt{N: t.N, Provider: t.Provider, Route: t.Route, Outcome: t.Outcome, Code: t.Code, Repeat: t.Repeat, StartedAt: utc(t.StartedAt)})
	}
	for _, t := range d.Receipts {
		out.Receipts = append(out.Receipts, Receipt{State: string(t.State), Code: t.Code, At: utc(t.At), SeenAt: utc(t.SeenAt)})
	}
	return GetMessage200JSONResponse(out), nil
}

func showMessage(m *messaging.Record) Message {
	v := Message{ID: m.ID, Channel: string(m.Channel), Class: string(m.Class), To: m.To, Sender: m.Sender, Template: m.Template, Market: string(m.Market),
		Lang: m.Lang, Customer: m.Customer, Order: m.Order, State: MessageState(m.State), Reason: m.Reason, Subject: m.Subject, Body: m.Body, Parts: m.Parts,
		CreatedAt: utc(m.CreatedAt), HeldUntil: utc(m.HeldUntil), SentAt: utc(m.SentAt), DeliveredAt: utc(m.DeliveredAt)}
	if m.Cost.Currency != "" {
		v.Cost = Cost{Micros: m.Cost.Micros, Currency: string(m.Cost.Currency)}
	}
	return v
}
