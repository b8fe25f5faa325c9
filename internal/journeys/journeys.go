// Package journeys decides what a person hears from the shop, and when.
//
// A journey is a definition: what begins it, what ends it, and nodes that wait, ask, draw lots, write, reward or open
// a ticket. Definitions are published as versions that never change; a run is one customer's way through one version.
// How a thing is said, and whether it may be, is package messaging's business. What was decided, and why something was
// not sent, is kept for timelines.
package journeys

import (
	"sync"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/snapshot"
	"portolan/internal/support"
)

// What journeys asks of the packages below it.
type (
	// Orders is satisfied by order.Service.
	Orders interface {
		Get(tx *db.Tx, id order.ID) (order.Order, error)
		ByCart(tx *db.Tx, cart string) (order.Order, error)
		List(tx *db.Tx, f order.Filter, p order.Page) ([]order.Order, string, error)
		Refunds(tx *db.Tx, order order.ID) ([]order.Refund, error)
		Purchases(tx *db.Tx, customers, carts []string, since time.Time) ([]order.Purchase, error)
	}
	// Carts is satisfied by checkout.Service.
	Carts interface {
		ByID(tx *db.Tx, id string) (checkout.Cart, error)
		Link(tx *db.Tx, cart string) (string, error)
	}
	// Codes is satisfied by pricing.Service.
	Codes interface {
		Issue(tx *db.Tx, r pricing.CodeRule) (pricing.Code, error)
		Room(tx *db.Tx, r pricing.CodeRule, use pricing.CodeUse) error
		Reach(tx *db.Tx, r pricing.CodeRule, code market.Code, shelf []*catalog.Product) (pricing.Reach, error)
		Bearing(tx *db.Tx, r pricing.CodeRule, code market.Code, shelf []*catalog.Product) ([]*catalog.Product, error)
		Void(tx *db.Tx, code string) error
	}
	// Stock is satisfied by fulfilment.Service.
	Stock interface {
		Available(tx *db.Tx, skus, locations []string) (map[string]int64, error)
	}
	// Articles is satisfied by catalog.Service.
	Articles interface {
		Variant(sku string) (*catalog.Product, *catalog.Variant, error)
		List(f catalog.Filter, page catalog.Page) catalog.Listing
		Snapshot() *catalog.Snapshot
	}
	// Customers is satisfied by customer.Service.
	Customers interface {
		Get(tx *db.Tx, id string) (customer.Customer, error)
		Persons(tx *db.Tx, ids []string) (map[string][]string, error)
	}
	// Markets is satisfied by market.Service.
	Markets interface {
		ByCode(market.Code) (market.Market, bool)
		All() []market.Market
	}
	// Messages is satisfied by messaging.Service.
	Messages interface {
		Send(tx *db.Tx, m messaging.Message) (messaging.Record, error)
		Plan(tx *db.Tx, m messaging.Message) (messaging.Record, error)
		Guard(name string, g messaging.Guard)
		Info(f messaging.OrderInfo)
		Asks(f messaging.Pending)
		Moves(f messaging.Mover)
		Bought(tx *db.Tx, p messaging.Purchase) error
		ClassOf(template string) (messaging.Class, bool)
		Vars(template string, ch messaging.Channel) []string
		Texts(tx *db.Tx, langs []string) (map[messaging.TextID]messaging.TextState, error)
		History(tx *db.Tx, id messaging.TextID) ([]messaging.TextVersion, error)
		Pins(tx *db.Tx, templates []string) (messaging.Pins, error)
		Uses(tx *db.Tx, templates []string, pins messaging.Pins) ([]messaging.TextUse, error)
		Rehearse(script messaging.Script) *messaging.Rehearsal
		Costs(tx *db.Tx, messages []string) (map[string]messaging.Cost, error)
		InCurrency(c messaging.Cost, to money.Currency, day string) (messaging.Cost, bool)
		Near(tx *db.Tx, customer, phone string) ([]messaging.Reach, error)
		Get(tx *db.Tx, id string) (messaging.Record, error)
	}
	// Parcels is satisfied by fulfilment.Shipments.
	Parcels interface {
		Parcel(tx *db.Tx, id fulfilment.ParcelID) (fulfilment.ParcelState, error)
		ParcelsOf(tx *db.Tx, id order.ID) ([]fulfilment.ParcelState, error)
	}
	// Tickets is satisfied by support.Service.
	Tickets interface {
		Open(tx *db.Tx, t support.Ticket) (support.Ticket, error)
		OpenOn(tx *db.Tx, order string) (bool, error)
	}
)

// Pages says where links lead. All return whole addresses.
type Pages struct {
	Bag     func(m market.Market, lang, link string) string  // opens the cart that a signed link names
	Order   func(o order.Order, lang string) string          // an order's own page; nil leaves the link out
	Confirm func(m market.Market, lang, token string) string // second step of a double opt-in
	Rate    func(o order.Order, lang string) string          // where an order is rated
	Review  func(o order.Order, lang string) string          // where what was bought is reviewed
	Shop    func(m market.Market, lang string) string        // the front page
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

	Tickets  Tickets               // nil: no tickets are opened
	Parcels  Parcels               // nil: nothing is known of parcels
	Base     func() money.Currency // of the merchant's books; nil: EUR
	Call     Call                  // nil: other systems are told nothing
	Versions snapshot.Versions     // nil: definitions don't change while the process runs
	Bump     snapshot.Bump
}

// Service runs the journeys.
type Service struct {
	Needs
	db       *db.DB
	bus      *events.Bus
	queue    *jobs.Queue
	timer    *timer
	inForce  *snapshot.Of[[]liveJourney]
	editions sync.Map // of edition, by journey and version
	keep     int      // what trials keep instead of mostKept; 0: that
}

// New starts the journeys on bus.
func New(d *db.DB, bus *events.Bus, q *jobs.Queue, n Needs) *Service {
	s := &Service{Needs: n, db: d, bus: bus, queue: q}
	version := func() int64 { return 1 }
	if n.Versions != nil {
		version = func() int64 { return n.Versions.Version(journeysKey) }
	}
	s.inForce = snapshot.New(d, version, s.readInForce)
	s.timer = &timer{s: s, wake: make(chan struct{}, 1)}
	s.listen(bus)
	events.On(bus, "journeys.optin", s.optin)
	jobs.Handle(q, s.recover)
	jobs.HandleOutside(q, s.callOut)
	jobs.HandleOutside(q, s.tryOut, jobs.Timeout(trialPatience), jobs.Slots(1), jobs.Tries(3))
	q.Beside(s.timer)
	n.Messages.Guard(guardName, s.guard)
	n.Messages.Info(s.info)
	n.Messages.Asks(s.pending)
	n.Messages.Moves(s.move)
	return s
}

// open lists the markets that are open.
func (s *Service) open() (all []market.Market) {
	for _, m := range s.Markets.All() {
		if m.Sells() {
			all = append(all, m)
		}
	}
	return all
}
