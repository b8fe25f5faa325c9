// Package journeys decides what a person hears from the shop, and when. Each file is one journey.
//
// How it is said, and whether it may be, is package messaging's business. What was decided, and why something
// was not sent, is kept for timelines.
package journeys

import (
	"time"

	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// What journeys asks of the packages below it.
type (
	// Orders is satisfied by order.Service.
	Orders interface {
		Get(tx *db.Tx, id order.ID) (order.Order, error)
		ByCart(tx *db.Tx, cart string) (order.Order, error)
		List(tx *db.Tx, f order.Filter, p order.Page) ([]order.Order, string, error)
	}
	// Carts is satisfied by checkout.Service.
	Carts interface {
		ByID(tx *db.Tx, id string) (checkout.Cart, error)
		Link(tx *db.Tx, cart string) (string, error)
	}
	// Codes is satisfied by pricing.Service.
	Codes interface {
		Issue(tx *db.Tx, r pricing.CodeRule) (pricing.Code, error)
		Void(tx *db.Tx, code string) error
	}
	// Stock is satisfied by fulfilment.Service.
	Stock interface {
		Available(tx *db.Tx, skus, locations []string) (map[string]int64, error)
	}
	// Articles is satisfied by catalog.Service.
	Articles interface {
		Variant(sku string) (*catalog.Product, *catalog.Variant, error)
	}
	// Customers is satisfied by customer.Service.
	Customers interface {
		Get(tx *db.Tx, id string) (customer.Customer, error)
	}
	// Markets is satisfied by market.Service.
	Markets interface {
		ByCode(market.Code) (market.Market, bool)
	}
	// Messages is satisfied by messaging.Service.
	Messages interface {
		Send(tx *db.Tx, m messaging.Message) (messaging.Record, error)
		Plan(tx *db.Tx, m messaging.Message) (messaging.Record, error)
		Guard(name string, g messaging.Guard)
		Info(f messaging.OrderInfo)
		Bought(tx *db.Tx, p messaging.Purchase) error
	}
)

// Pages says where links lead. All return whole addresses.
type Pages struct {
	Bag     func(m market.Market, lang, link string) string  // opens the cart that a signed link names
	Order   func(o order.Order, lang string) string          // an order's own page; nil leaves the link out
	Confirm func(m market.Market, lang, token string) string // second step of a double opt-in
}

// Needs is everything the journeys ask for.
type Needs struct {
	Orders    Orders
	Carts     Carts
	Codes     Codes
	Stock     Stock
	Articles  Articles
	Customers Customers
	Markets   Markets
	Messages  Messages
	Pages     Pages
}

// Service runs the journeys.
type Service struct {
	Needs
	queue *jobs.Queue
}

// New starts every journey on bus.
func New(bus *events.Bus, q *jobs.Queue, n Needs) *Service {
	s := &Service{n, q}
	events.On(bus, "journeys.confirm", s.confirm)
	events.On(bus, "journeys.recover", s.left)
	events.On(bus, "journeys.recover_ended", s.ended)
	events.On(bus, "journeys.optin", s.optin)
	events.On(bus, "journeys.won", s.won)
	jobs.Handle(q, s.recover)
	n.Messages.Guard(recoverGuard, s.guard)
	n.Messages.Info(s.info)
	return s
}

// Outcome is what came of a journey's step.
type Outcome string

const (
	Sent    Outcome = "sent"
	Waits   Outcome = "waits"
	NotSent Outcome = "not_sent"
)

// Decision is what a journey decided about one person and key, and why. Reason is a stable code, empty when
// something was sent: paid_meanwhile, payment_pending, ordered_item, cart_empty, sold_out, no_consent,
// suppressed, quiet_hours, recently_asked, once_per_cart, came_back, too_late, no_channel, cancelled …
type Decision struct {
	ID       string
	Journey  string // "confirm", "recover", "optin"
	Key      string // order or cart
	Customer string
	Market   market.Code
	Outcome  Outcome
	Reason   string
	Detail   string
	Message  string
	Code     string // discount code issued
	At       time.Time
}

// Decisions returns what was decided about an order or a cart, oldest first.
func (s *Service) Decisions(tx *db.Tx, key string) ([]Decision, error) {
	return decisions(tx, `key = $1`, key)
}

// DecisionsOf returns what was decided about a customer, oldest first.
func (s *Service) DecisionsOf(tx *db.Tx, customer string) ([]Decision, error) {
	return decisions(tx, `customer = $1 and customer <> ''`, customer)
}
