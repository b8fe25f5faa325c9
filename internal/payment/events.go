package payment

import (
	"time"

	"portolan/internal/market"
	"portolan/internal/money"
)

// CapturedEvent is announced when a provider says that money was authorised or taken.
type CapturedEvent struct {
	Intent   string       `json:"intent"`
	Checkout string       `json:"checkout"` // the cart
	Attempt  string       `json:"attempt"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Method   string       `json:"method"`
	Amount   money.Amount `json:"amount"`
	FactAt   time.Time    `json:"fact_at"`
}

// Topic implements events.Event.
func (CapturedEvent) Topic() string { return "payment.captured" }

// Subjects names what the event is about, for timelines; the order is the one that the intent makes, if it makes one.
func (e CapturedEvent) Subjects() []string { return named(OrderID(e.Intent), e.Checkout, e.Customer) }

// FailedEvent is announced when an attempt ended without money.
type FailedEvent struct {
	Intent   string       `json:"intent"`
	Checkout string       `json:"checkout"`
	Attempt  string       `json:"attempt"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Method   string       `json:"method"`
	Reason   string       `json:"reason"`
	Amount   money.Amount `json:"amount"`
	FactAt   time.Time    `json:"fact_at"`
}

// Topic implements events.Event.
func (FailedEvent) Topic() string { return "payment.failed" }

// Subjects names what the event is about, for timelines.
func (e FailedEvent) Subjects() []string { return named(OrderID(e.Intent), e.Checkout, e.Customer) }

// ReviewedEvent is announced when money arrived that a person has to look at.
type ReviewedEvent struct {
	Review   string       `json:"review"`
	Intent   string       `json:"intent"`
	Checkout string       `json:"checkout"`
	Order    string       `json:"order,omitempty"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Reason   string       `json:"reason"`
	Amount   money.Amount `json:"amount"`
	At       time.Time    `json:"at"`
}

// Topic implements events.Event.
func (ReviewedEvent) Topic() string { return "payment.review_opened" }

// Subjects names what the event is about, for timelines.
func (e ReviewedEvent) Subjects() []string {
	return named(OrderID(e.Intent), e.Checkout, e.Customer)
}

// ReturnedEvent is announced when a provider says that money went back to the shopper: an authorisation let go
// or a refund made.
type ReturnedEvent struct {
	Intent   string       `json:"intent"`
	Checkout string       `json:"checkout"`
	Order    string       `json:"order,omitempty"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Reason   string       `json:"reason"`
	Amount   money.Amount `json:"amount"`
	At       time.Time    `json:"at"`
	Ref      string       `json:"ref,omitempty"` // provider:its name for the refund
}

// Topic implements events.Event.
func (ReturnedEvent) Topic() string { return "payment.returned" }

// Subjects names what the event is about, for timelines.
func (e ReturnedEvent) Subjects() []string {
	return named(OrderID(e.Intent), e.Checkout, e.Customer)
}

// RefundRefusedEvent is announced when a provider won't give money back.
type RefundRefusedEvent struct {
	Intent   string       `json:"intent"`
	Order    string       `json:"order,omitempty"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Reason   string       `json:"reason"` // the provider's, as a code
	Amount   money.Amount `json:"amount"`
	At       time.Time    `json:"at"`
}

// Topic implements events.Event.
func (RefundRefusedEvent) Topic() string { return "payment.refund_refused" }

// Subjects names what the event is about, for timelines.
func (e RefundRefusedEvent) Subjects() []string { return named(OrderID(e.Intent), e.Customer) }

func named(ids ...string) (known []string) {
	for _, i := range ids {
		if i != "" {
			known = append(known, i)
		}
	}
	return known
}
