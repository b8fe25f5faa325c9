package checkout

import (
	"time"

	"portolan/internal/customer"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/pricing"
)

// What checkout asks of the packages below it.
type (
	// Markets is satisfied by market.Service.
	Markets interface {
		ByCode(code market.Code) (market.Market, bool)
	}
	// Shelf is satisfied by what NewShelf makes of catalog.Service and pricing.Service.
	Shelf interface {
		Article(m market.Market, to market.Country, lang, sku string) (Article, error)
	}
	// Rates is satisfied by pricing.Service.
	Rates interface {
		RateNow(from, to money.Currency, day string) (pricing.Quotation, error)
	}
	// Codes is satisfied by pricing.Service.
	Codes interface {
		Check(tx *db.Tx, code string, use pricing.CodeUse) (money.Amount, error)
		Redeem(tx *db.Tx, code string, use pricing.CodeUse, order string) (money.Amount, error)
		Restore(tx *db.Tx, code, order string) error
	}
	// Stock is satisfied by fulfilment.Service.
	Stock interface {
		Options(r fulfilment.OptionsRequest) ([]fulfilment.Option, error)
		Level(m market.Code, sku string) fulfilment.Level
		Together(m market.Code, lines []fulfilment.OptionLine) []int64
		Reserve(tx *db.Tx, ref string, wants []fulfilment.Want, until time.Time) error
		Allocate(tx *db.Tx, ref string) error
		Release(tx *db.Tx, ref string) error
	}
	// Locks keep the rate into the merchant's own currency that an order was promised at. Satisfied by
	// pricing.Service.
	Locks interface {
		Offer(in money.Currency, day string) (pricing.LockedRate, bool)
		Keep(tx *db.Tx, ref string, amount money.Amount, at pricing.LockedRate) error
		Release(tx *db.Tx, ref string) error
		ReleasePart(tx *db.Tx, ref string, part money.Amount) error
	}
	// Borders says what somebody who buys an article has to know about its way into a country: what forbids it
	// first. It answers from memory. Satisfied by customs.Screen.
	Borders interface {
		Article(sku, country, day string, pieces int64) []customs.Verdict
	}
	// Landed is satisfied by landed.Pack.
	Landed interface {
		Quote(r *landed.Request) (landed.Quote, error)
	}
	// Registrations are the merchant's on a civil day, in the words of package landed: IOSS, GB_VAT, MY_LVG …
	// Satisfied by tax.Service.
	Registrations interface {
		Registered(day string) []string
	}
	// Customers is satisfied by customer.Service.
	Customers interface {
		Upsert(tx *db.Tx, c customer.Customer) (customer.Customer, error)
		IDs(tx *db.Tx, id string) ([]string, error)
		Record(tx *db.Tx, c customer.Consent) (customer.Consent, error)
	}
	// Orders is satisfied by order.Service.
	Orders interface {
		Place(tx *db.Tx, o order.Order) (order.Order, bool, error)
		Get(tx *db.Tx, id order.ID) (order.Order, error)
		ByNumber(tx *db.Tx, number string) (order.Order, error)
		Paid(tx *db.Tx, id order.ID) (bool, error)
		MarkPaid(tx *db.Tx, id order.ID, at time.Time, a money.Amount) (order.Order, error)
		Cancel(tx *db.Tx, id order.ID, reason string) (order.Order, error)
		AskRefund(tx *db.Tx, r order.Refund) (order.Refund, bool, error)
		RefundMade(tx *db.Tx, id order.ID, ref string, amount money.Amount, reason string, at time.Time) (order.Refund, bool, error)
		RefundRefused(tx *db.Tx, id order.ID, amount money.Amount) error
		Refunds(tx *db.Tx, id order.ID) ([]order.Refund, error)
	}
)

// Parts are everything a checkout asks.
type Parts struct {
	Bus       *events.Bus
	Markets   Markets
	Shelf     Shelf
	Rates     Rates
	Locks     Locks // nil: no rate is locked
	Codes     Codes
	Stock     Stock
	Landed    Landed
	Borders   Borders // nil: everything may go everywhere
	Customers Customers
	Orders    Orders
	Payments  *payment.Service
	Taxes     Registrations
	Flags     landed.Flags
}

// Service keeps carts and completes them.
type Service struct {
	Parts
	db    *db.DB
	queue *jobs.Queue
}

// New returns a checkout, registers its rounds with q and its listeners with the bus, and makes itself the one who
// acts on payment facts.
func New(d *db.DB, q *jobs.Queue, p Parts) *Service {
	s := &Service{p, d, q}
	p.Payments.OnFacts(s.complete)
	events.On(p.Bus, "checkout.give_back", s.cancelled)
	events.On(p.Bus, "checkout.refunded", s.refunded)
	events.On(p.Bus, "checkout.refund_refused", s.refused)
	if p.Locks != nil {
		events.On(p.Bus, "checkout.let_go", s.returned)
	}
	jobs.Handle(q, s.watch)
	q.Every("checkout.left", max(watchEvery, d.Clock().Grain()), watchJob{})
	return s
}
