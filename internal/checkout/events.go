package checkout

import (
	"time"

	"portolan/internal/market"
	"portolan/internal/order"
)

// LeftEvent is announced once per cart when a shopper who gave a contact and saw the quote hasn't paid and
// hasn't been seen for ten minutes.
type LeftEvent struct {
	Cart     string         `json:"cart"`
	Token    string         `json:"token"` // signed, for a link: see Service.Restore
	Customer string         `json:"customer"`
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country"`
	Lang     string         `json:"lang"`
	Email    string         `json:"email,omitempty"`
	Phone    string         `json:"phone,omitempty"`
	At       time.Time      `json:"at"` // when the shopper was last seen
}

// Topic implements events.Event.
func (LeftEvent) Topic() string { return "checkout.left" }

// Subjects names what the event is about, for timelines.
func (e LeftEvent) Subjects() []string { return []string{e.Cart, e.Customer} }

// RecoveredEvent is announced when a cart that was left has become an order after all.
type RecoveredEvent struct {
	Cart     string      `json:"cart"`
	Order    order.ID    `json:"order"`
	Customer string      `json:"customer"`
	Market   market.Code `json:"market"`
	LeftAt   time.Time   `json:"left_at"`
	At       time.Time   `json:"at"`
}

// Topic implements events.Event.
func (RecoveredEvent) Topic() string { return "checkout.recovered" }

// Subjects names what the event is about, for timelines.
func (e RecoveredEvent) Subjects() []string { return []string{e.Cart, string(e.Order), e.Customer} }
