// Package order keeps the order book: what was bought, by whom, for how much, and how far it has come.
//
// It doesn't price, charge, ship or refund. Packages that do ask it to place an order or to move one on, and
// it announces that the order moved. How much was paid and where the parcels are is derived elsewhere, from
// payment facts and parcel events; here stands only what the shop has acknowledged.
package order

import (
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// The faults of the order book.
var (
	ErrUnknown     = fault.New(fault.NotFound, "order.unknown")
	ErrInvalid     = fault.New(fault.Invalid, "order.invalid")
	ErrAlreadyPaid = fault.New(fault.Conflict, "order.already_paid")
	ErrCancelled   = fault.New(fault.Conflict, "order.cancelled")
	ErrWrongAmount = fault.New(fault.Conflict, "order.wrong_amount")
	ErrTooLate     = fault.New(fault.Conflict, "order.too_late_to_cancel")
	// ErrNotFulfilled says that nothing of the order has left, or that it has been completed since.
	ErrNotFulfilled = fault.New(fault.Conflict, "order.not_fulfilled")
	// ErrReused says that another shop sent one of its references again with other contents.
	ErrReused = fault.New(fault.Conflict, "order.external_ref_reused")
)

// ID names an order inside Portolan; Number is what the customer sees.
type ID string

// Shop is the source of orders placed in our own storefront.
const Shop = "shop"

// State is how far an order has come:
//
//	placed -> paid -> partly_fulfilled -> fulfilled -> completed
//	   '--------'---> cancelled
type State string

// The states. Orders paid on delivery may be fulfilled before they are paid.
const (
	Placed          State = "placed"
	Paid            State = "paid"
	PartlyFulfilled State = "partly_fulfilled"
	Fulfilled       State = "fulfilled"
	Completed       State = "completed"
	Cancelled       State = "cancelled"
)

// Order is one purchase in one market. All amounts are in its currency, and
// Goods - Discount + Shipping + Duty + Tax + Fees = Total, where Goods and Shipping are without the tax that
// Tax holds. What the buyer pays on delivery isn't part of it.
type Order struct {
	ID          ID
	Number      string // F-20261124-0001; empty until the work that placed it is committed
	Source      string // Shop, or the name of the shop it came from
	ExternalRef string // that shop's own reference; unique per source
	Cart        string // the cart it was made from, if any; unique
	Payment     string // the payment intent, if any; unique
	Market      market.Code
	Country     market.Country
	Lang        string
	Currency    money.Currency
	Customer    string // customer.Customer.ID
	Email       string
	Phone       string // E.164
	Address     address.Address
	Lines       []Line
	Goods       money.Amount
	Discount    money.Amount
	Shipping    money.Amount
	Duty        money.Amount
	Tax         money.Amount
	Fees        money.Amount
	Total       money.Amount
	OnDelivery  money.Amount       // what the buyer was told to expect to pay at the door (DAP); not in Total
	Charges     []landed.Charge    // duty, tax and fees as the buyer was shown them
	RulePack    string             // version of the rules they come from
	Incoterm    string             // DDP or DAP
	TaxIncluded bool               // unit prices contain the consumption tax
	Locked      pricing.LockedRate // into the merchant's own currency, promised with the quote; zero: none
	Code        string             // discount code redeemed
	Method      string             // payment method
	Service     string             // delivery service, such as express_ddp
	Location    string             // stock location it ships from
	DeliverFrom string             // first and last promised civil day in the market's zone: 2026-11-30
	DeliverTo   string
	State       State
	Test        bool // paid with the test provider
	PlacedAt    time.Time
	PaidAt      time.Time // when the fact that paid it was received
	CancelledAt time.Time
}

// Line is a quantity of one article as the buyer saw it.
type Line struct {
	SKU       string            `json:"sku"`
	Title     string            `json:"title"`
	Slug      string            `json:"slug,omitempty"`
	Options   map[string]string `json:"options,omitempty"` // size: M, color: teal
	Quantity  int64             `json:"quantity"`
	UnitPrice money.Amount      `json:"unit_price"`
	Total     money.Amount      `json:"total"` // Quantity x UnitPrice, before discount
	HS        string            `json:"hs,omitempty"`
	Origin    string            `json:"origin,omitempty"`
	Image     string            `json:"image,omitempty"`
	Weight    int64             `json:"weight_grams,omitempty"` // of one piece
}

const maxText = 300

// check says what is wrong with an order that is to be placed.
func (o *Order) check() error {
	var c fault.Check
	c.That(o.Source != "" && len(o.Source) <= 64, "source", "required")
	c.That(len(o.ExternalRef) <= 128, "external_ref", "too_long")
	c.That(o.Source == Shop || o.ExternalRef != "", "external_ref", "required")
	c.That(o.Currency.Valid(), "currency", "unknown_currency")
	c.That(len(o.Country) == 2, "country", "unknown_country")
	c.That(o.Market != "", "market", "required")
	c.That(o.Total.Currency == o.Currency, "total", "other_currency")
	c.That(o.Total.Minor >= 0, "total", "negative")
	c.That(len(o.Lines) > 0, "lines", "empty")
	for _, l := range o.Lines {
		c.That(l.SKU != "" && len(l.SKU) <= 64, "lines.sku", "required")
		c.That(l.Quantity >= 1 && l.Quantity <= 1_000_000, "lines.quantity", "out_of_range")
		c.That(len(l.Title) <= maxText, "lines.title", "too_long")
		c.That(l.UnitPrice.Currency == o.Currency, "lines.unit_price", "other_currency")
	}
	c.That(len(o.Email) <= 254 && !strings.ContainsAny(o.Email, "\r\n"), "email", "malformed")
	return c.Err(ErrInvalid.Code)
}

// pay moves the order to Paid. What may happen to an order is decided here and in its siblings, without a
// database in sight.
func (o *Order) pay(a money.Amount, at time.Time) error {
	switch {
	case o.State == Cancelled:
		return ErrCancelled
	case !o.PaidAt.IsZero():
		return ErrAlreadyPaid
	case a != o.Total:
		return ErrWrongAmount
	}
	if o.State == Placed {
		o.State = Paid
	}
	o.PaidAt = at
	return nil
}

func (o *Order) cancel(at time.Time) error {
	switch o.State {
	case Cancelled:
		return nil
	case Placed, Paid:
		o.State, o.CancelledAt = Cancelled, at
		return nil
	}
	return ErrTooLate
}

func (o *Order) fulfil(whole bool) error {
	switch {
	case o.State == Cancelled:
		return ErrCancelled
	case o.State == Completed:
		return nil
	case whole:
		o.State = Fulfilled
	default:
		o.State = PartlyFulfilled
	}
	return nil
}

func (o *Order) unfulfil() error {
	switch {
	case o.State != Fulfilled && o.State != PartlyFulfilled:
		return ErrNotFulfilled
	case o.PaidAt.IsZero():
		o.State = Placed
	default:
		o.State = Paid
	}
	return nil
}

func (o *Order) complete() error {
	switch o.State {
	case Fulfilled, Completed:
		o.State = Completed
		return nil
	case Cancelled:
		return ErrCancelled
	}
	return ErrNotFulfilled
}

func (o *Order) reopen() error {
	if o.State == Completed {
		o.State = Fulfilled
	}
	return nil
}
