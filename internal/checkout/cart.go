// Package checkout leads a shopper from the first thing in the bag to a paid order: the cart, the quote with
// everything it will cost at the door, the payment, and the one door through which an order is made.
//
// It makes no prices, computes no duty, keeps no stock and calls no provider: it asks pricing, landed,
// fulfilment and payment, holds what they said together, and sees to it that a cart becomes at most one order
// and that money which can't become one goes back.
package checkout

import (
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

// The faults of a checkout. Those of kind Invalid carry Fields.
var (
	ErrUnknown = fault.New(fault.NotFound, "checkout.unknown_cart")
	// ErrInvalid says which fields of an input can't be taken.
	ErrInvalid = fault.New(fault.Invalid, "checkout.invalid")
	// ErrCartChanged says that the cart isn't what the shopper saw, because another tab changed it.
	ErrCartChanged = fault.New(fault.Conflict, "checkout.cart_changed")
	// ErrPaying says that a payment is under way: wait for it, or cancel it with StopPaying.
	ErrPaying  = fault.New(fault.Conflict, "checkout.payment_under_way")
	ErrOrdered = fault.New(fault.Conflict, "checkout.already_ordered")
	// ErrIncomplete names the steps that are missing: lines, contact, address, service.
	ErrIncomplete = fault.New(fault.Invalid, "checkout.incomplete")
	// ErrQuoteChanged says that the figures aren't those the shopper saw; Fields says which, with the new
	// figure. The new quote is in the cart.
	ErrQuoteChanged = fault.New(fault.Conflict, "checkout.quote_changed")
	// ErrSoldOut names each line with how many are left.
	ErrSoldOut = fault.New(fault.Conflict, "checkout.sold_out")
	// ErrRestricted names each line that may not go to the country, with the rule: prohibition, licence, sanctions …
	ErrRestricted = fault.New(fault.Conflict, "checkout.restricted")
	// ErrServiceGone says that the chosen delivery is no longer offered, because the goods leave from elsewhere
	// now or the merchant changed the services: choose another one.
	ErrServiceGone = fault.New(fault.Conflict, "checkout.service_gone")
	// ErrTooManyTries says that codes were tried too often for an hour.
	ErrTooManyTries = fault.New(fault.Limited, "checkout.too_many_codes")
	ErrBadLink      = fault.New(fault.NotFound, "checkout.bad_link")
	ErrClosed       = fault.New(fault.Conflict, "checkout.market_closed")
)

// The limits of a cart.
const (
	MaxLines    = 100
	MaxQuantity = 99
	quoteLife   = 30 * time.Minute
	maxTries    = 10 // codes an hour
)

// State is how far a cart has come:
//
//	open <-> paying -> ordered
//	           '-> held (money that a person has to look at)
type State string

// The states.
const (
	Open    State = "open"
	Paying  State = "paying"
	Held    State = "held"
	Ordered State = "ordered"
)

// Cart is what a shopper means to buy.
type Cart struct {
	ID        string
	Token     string // the cookie's value: whoever has it has the cart
	Market    market.Code
	Country   market.Country // where it is to be delivered
	Lang      string
	Currency  money.Currency
	State     State
	Version   int64 // one more with each change
	Customer  string
	Lines     []Line
	Code      string // discount code, as it is kept
	Contact   Contact
	Address   address.Address
	Service   string // delivery service chosen
	Consents  []Consent
	Quote     *Quote // what was offered last; nil before the delivery step
	Attempt   string // the payment attempt that is under way, or was last
	Decline   string // why the last attempt came to nothing, until the next
	Order     order.ID
	CreatedAt time.Time
	Activity  time.Time // when the shopper was last seen
	LeftAt    time.Time // when it was announced that the shopper had left

	tries []time.Time // codes entered in the last hour
}

// Line is a quantity of one article.
type Line struct {
	SKU      string       `json:"sku"`
	Quantity int64        `json:"quantity"`
	Seen     money.Amount `json:"seen"` // unit price when the shopper last changed or was shown the line
}

// Contact is how to reach the shopper. Phone is E.164; it or Email may be empty, not both.
type Contact struct {
	GivenName  string `json:"given_name,omitempty"`
	FamilyName string `json:"family_name,omitempty"`
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
}

// Consent is the answer to one box: whether it was ticked, and the words beside it. Boxes are never ticked
// before the shopper does it.
type Consent struct {
	Channel customer.Channel `json:"channel"`
	Class   customer.Class   `json:"class"`
	Granted bool             `json:"granted"`
	Text    string           `json:"text"`
	Wording string           `json:"wording"` // version of Text
}

// Count is how many pieces are in the cart.
func (c *Cart) Count() (n int64) {
	for _, l := range c.Lines {
		n += l.Quantity
	}
	return n
}

// line returns the place of a SKU, or -1.
func (c *Cart) line(sku string) int {
	for i, l := range c.Lines {
		if l.SKU == sku {
			return i
		}
	}
	return -1
}

// Step is how far a shopper has come on the way to paying.
type Step string

// The steps, in order.
const (
	StepCart    Step = "cart"
	StepContact Step = "contact"
	StepAddress Step = "address"
	StepDeliver Step = "delivery"
	StepPay     Step = "payment"
	StepWait    Step = "processing"
	StepDone    Step = "done"
)

// Next is the first step that is still to be taken.
func (c *Cart) Next() Step {
	switch {
	case c.State == Ordered:
		return StepDone
	case c.State != Open:
		return StepWait
	case len(c.Lines) == 0:
		return StepCart
	case c.Contact.Email == "" && c.Contact.Phone == "":
		return StepContact
	case c.Address.Line1 == "" || address.Check(c.Address) != nil:
		return StepAddress
	case c.Service == "" || !c.Quoted():
		return StepDeliver
	}
	return StepPay
}
