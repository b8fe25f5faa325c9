package order

import (
	"time"

	"portolan/internal/market"
	"portolan/internal/money"
)

// PlacedEvent is announced when an order enters the book.
type PlacedEvent struct {
	Order    ID             `json:"order"`
	Number   string         `json:"number"`
	Source   string         `json:"source"`
	Cart     string         `json:"cart,omitempty"`
	Customer string         `json:"customer"`
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country"`
	Lang     string         `json:"lang"`
	Total    money.Amount   `json:"total"`
	Paid     bool           `json:"paid"` // order.paid follows in the same unit of work
	At       time.Time      `json:"at"`
}

// Topic implements events.Event.
func (PlacedEvent) Topic() string { return "order.placed" }

// Subjects names what the event is about, for timelines.
func (e PlacedEvent) Subjects() []string { return subjects(e.Order, e.Customer) }

// PaidEvent is announced when an order is paid in full.
type PaidEvent struct {
	Order    ID             `json:"order"`
	Number   string         `json:"number"`
	Source   string         `json:"source"`
	Customer string         `json:"customer"`
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country"`
	Lang     string         `json:"lang"`
	Total    money.Amount   `json:"total"`
	FactAt   time.Time      `json:"fact_at"` // when the first authenticated payment fact was received
}

// Topic implements events.Event.
func (PaidEvent) Topic() string { return "order.paid" }

// Subjects names what the event is about, for timelines.
func (e PaidEvent) Subjects() []string { return subjects(e.Order, e.Customer) }

// CancelledEvent is announced when an order is cancelled.
type CancelledEvent struct {
	Order    ID           `json:"order"`
	Number   string       `json:"number"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Lang     string       `json:"lang"`
	Total    money.Amount `json:"total"`
	Paid     bool         `json:"paid"` // money was received and has to go back
	Reason   string       `json:"reason"`
	At       time.Time    `json:"at"`
}

// Topic implements events.Event.
func (CancelledEvent) Topic() string { return "order.cancelled" }

// Subjects names what the event is about, for timelines.
func (e CancelledEvent) Subjects() []string { return subjects(e.Order, e.Customer) }

func subjects(o ID, customer string) []string {
	if customer == "" {
		return []string{string(o)}
	}
	return []string{string(o), customer}
}
