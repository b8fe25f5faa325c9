package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/idempotency"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// answered is an answer as it was or is kept under an idempotency key.
type answered struct {
	idempotency.Answer
	again bool
}

// VisitCreateOrderResponse implements CreateOrderResponseObject.
func (a answered) VisitCreateOrderResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	if a.again {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	w.WriteHeader(a.Status)
	_, err := w.Write(a.Body)
	return err
}

// CreateOrder enters an order of another shop, once per key.
func (a *api) CreateOrder(ctx context.Context, r CreateOrderRequestObject) (CreateOrderResponseObject, error) {
	if r.Body.Source == order.Shop {
		return nil, ErrInvalid.With(map[string]string{"source": "reserved"})
	}
	asked, err := json.Marshal(r.Body)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(asked)
	print, scope, key := base64.RawURLEncoding.EncodeToString(sum[:]), "orders "+callerOf(ctx).key.ID, r.Params.IdempotencyKey
	var out answered
	err = a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if out.Answer, out.again, err = idempotency.Begin(tx, scope, key, print); err != nil || out.again {
			return err
		}
		o, _, err := a.Beside.Place(tx, *r.Body)
		if err != nil {
			return err
		}
		// The order's number is given at the end of the work, so the answer is written after that.
		tx.Last(func(tx *db.Tx) error {
			placed, err := a.Orders.Get(tx, o.ID)
			if err != nil {
				return err
			}
			body, err := encode(showOrder(placed))
			if err != nil {
				return err
			}
			out.Answer = idempotency.Answer{Status: http.StatusCreated, Body: body}
			return idempotency.Keep(tx, scope, key, out.Answer)
		})
		return nil
	})
	if err != nil {
		if fault.Of(err).Code == idempotency.ErrKey.Code {
			err = idempotency.ErrKey.With(map[string]string{"header.Idempotency-Key": "1_to_128_visible_characters"})
		}
		return nil, err
	}
	return out, nil
}

// ListOrders lists orders, newest first.
func (a *api) ListOrders(ctx context.Context, r ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	p := r.Params
	out := OrderList{Data: []Order{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		var who []string
		if p.Customer != "" {
			var err error
			if who, err = a.Customers.IDs(tx, p.Customer); err != nil {
				return err
			}
		}
		all, next, err := a.Orders.List(tx, order.Filter{State: order.State(p.State), Market: market.Code(p.Market), Customers: who,
			Source: p.Source, Search: p.Search, Since: p.Since.UTC()}, order.Page{After: p.After, Limit: p.Limit})
		for _, o := range all {
			out.Data = append(out.Data, showOrder(o))
		}
		out.Next = next
		return err
	})
	if fault.Of(err).Fields["after"] != "" {
		err = ErrInvalid.With(map[string]string{"query.after": "malformed"})
	}
	return ListOrders200JSONResponse(out), err
}

// GetOrder returns one order.
func (a *api) GetOrder(ctx context.Context, r GetOrderRequestObject) (GetOrderResponseObject, error) {
	o, err := a.order(ctx, r.ID)
	return GetOrder200JSONResponse(showOrder(o)), err
}

func (a *api) order(ctx context.Context, id string) (o order.Order, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		o, err = a.Orders.Get(tx, order.ID(id))
		return err
	})
	return o, err
}

// AddOrderPayment marks an order as paid.
func (a *api) AddOrderPayment(ctx context.Context, r AddOrderPaymentRequestObject) (AddOrderPaymentResponseObject, error) {
	var o order.Order
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		at := tx.Now()
		if p := r.Body.PaidAt; !p.IsZero() {
			if p.After(at.Add(5 * time.Minute)) {
				return ErrInvalid.With(map[string]string{"paid_at": "in_the_future"})
			}
			if at.Sub(p) > 24*time.Hour {
				at = p.UTC().Truncate(time.Microsecond)
			}
		}
		o, err = a.Orders.MarkPaid(tx, order.ID(r.ID), at, r.Body.Amount)
		return err
	})
	return AddOrderPayment200JSONResponse(showOrder(o)), err
}

// GetOrderTimeline lists what happened around an order and the cart it came from.
func (a *api) GetOrderTimeline(ctx context.Context, r GetOrderTimelineRequestObject) (GetOrderTimelineResponseObject, error) {
	out := Timeline{Data: []TimelineEntry{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		o, err := a.Orders.Get(tx, order.ID(r.ID))
		if err != nil {
			return err
		}
		var all []events.Entry
		for _, subject := range []string{string(o.ID), o.Cart} {
			if subject == "" {
				continue
			}
			some, err := a.Bus.Journal(tx, events.Filter{Subject: subject, Oldest: true, Limit: 500})
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		all = slices.DeleteFunc(all, func(e events.Entry) bool { return e.Topic == "messaging.sent" || e.Topic == "messaging.delivered" })
		for _, f := range []messaging.Filter{{Order: string(o.ID)}, {Cart: o.Cart}} {
			if f == (messaging.Filter{}) {
				continue
			}
			news, err := a.Messages.News(tx, f)
			if err != nil {
				return err
			}
			for _, e := range news {
				all = append(all, told(e))
			}
		}
		slices.SortStableFunc(all, func(x, y events.Entry) int { return x.At.Compare(y.At) })
		seen := map[string]bool{}
		for _, e := range all {
			if !seen[e.ID] {
				out.Data = append(out.Data, TimelineEntry{ID: e.ID, Topic: e.Topic, At: e.At.UTC(), Data: e.Body})
			}
			seen[e.ID] = true
		}
		return nil
	})
	return GetOrderTimeline200JSONResponse(out), err
}

// told is news of a message as an entry of the journal.
func told(e events.Event) events.Entry {
	body, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	out := events.Entry{Topic: e.Topic(), Body: body}
	switch e := e.(type) {
	case messaging.SentEvent:
		out.ID, out.At = e.Message+".sent", e.At
	case messaging.DeliveredEvent:
		out.ID, out.At = e.Message+".delivered", e.At
	}
	return out
}

func showOrder(o order.Order) Order {
	v := Order{ID: string(o.ID), Number: o.Number, Source: o.Source, ExternalRef: o.ExternalRef, State: OrderState(o.State), Market: string(o.Market),
		Country: string(o.Country), Lang: o.Lang, Currency: string(o.Currency), Customer: o.Customer,
		Contact: checkout.Contact{GivenName: o.Address.GivenName, FamilyName: o.Address.FamilyName, Email: o.Email, Phone: o.Phone},
		Lines:   []OrderLine{}, Goods: o.Goods, Discount: o.Discount, Shipping: o.Shipping, Duty: o.Duty, Tax: o.Tax, Fees: o.Fees, Total: o.Total,
		Charges: o.Charges, Method: o.Method, Service: o.Service, Incoterm: o.Incoterm, DeliverFrom: o.DeliverFrom, DeliverTo: o.DeliverTo, Test: o.Test,
		PlacedAt: o.PlacedAt.UTC(), PaidAt: utc(o.PaidAt), CancelledAt: utc(o.CancelledAt)}
	if o.Address.Line1 != "" {
		v.Address = o.Address
	}
	for _, l := range o.Lines {
		v.Lines = append(v.Lines, OrderLine{Sku: l.SKU, Title: l.Title, Options: l.Options, Quantity: l.Quantity, UnitPrice: l.UnitPrice, Total: l.Total,
			Hs: l.HS, Origin: l.Origin})
	}
	return v
}

// utc keeps the zero moment zero, so that it is left out.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
