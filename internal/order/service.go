package order

import (
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Bus is satisfied by events.Bus.
type Bus interface {
	Publish(tx *db.Tx, e events.Event) error
	Enter(tx *db.Tx, at time.Time, e events.Event) error
}

// Numbering is how the shop counts its orders: Prefix-day-count, where the day begins at midnight in Zone.
type Numbering struct {
	Prefix string
	Zone   *time.Location
}

// Service is the order book.
type Service struct {
	bus     Bus
	numbers Numbering
}

// New returns an order book that announces on bus. Without a prefix or zone, numbers begin with F and days in UTC.
func New(bus Bus, n Numbering) *Service {
	if n.Prefix == "" {
		n.Prefix = "F"
	}
	if n.Zone == nil {
		n.Zone = time.UTC
	}
	return &Service{bus, n}
}

// Place enters o into the book and announces it; an o with PaidAt is placed and paid. The ID is given here where
// o has none. The number is given as the last thing before commit, so the order returned has none yet: use
// Service.Numbered for the number, or read the order again.
//
// A cart, a payment and another shop's reference make one order each. Where there is one already, Place returns
// it, changes nothing and reports false.
func (s *Service) Place(tx *db.Tx, o Order) (placed Order, fresh bool, err error) {
	if o.ID == "" {
		o.ID = ID(id.New("ord"))
	}
	if o.Source == "" {
		o.Source = Shop
	}
	if err := o.check(); err != nil {
		return o, false, fmt.Errorf("place order: %w", err)
	}
	o.Number, o.State, o.CancelledAt = "", Placed, time.Time{}
	if o.PlacedAt.IsZero() {
		o.PlacedAt = tx.Now()
	}
	if !o.PaidAt.IsZero() {
		o.State = Paid
	}
	fresh, err = insert(tx, o)
	if err != nil {
		return o, false, fmt.Errorf("place order: %w", err)
	}
	if !fresh {
		placed, err := twin(tx, o)
		return placed, false, err
	}
	tx.Last(func(tx *db.Tx) error { return s.announce(tx, o) })
	return o, true, nil
}

// announce gives o its number and tells of it. It runs last, because everybody who places an order that day
// waits for the counter.
func (s *Service) announce(tx *db.Tx, o Order) (err error) {
	if o.Number, err = s.number(tx, o.ID); err != nil {
		return err
	}
	err = s.bus.Publish(tx, o.placed(o.State == Paid))
	if err != nil || o.State != Paid {
		return err
	}
	return s.bus.Publish(tx, o.paid())
}

func (o *Order) placed(paid bool) PlacedEvent {
	return PlacedEvent{Order: o.ID, Number: o.Number, Source: o.Source, Cart: o.Cart, Customer: o.Customer,
		Market: o.Market, Country: o.Country, Lang: o.Lang, Total: o.Total, Paid: paid, At: o.PlacedAt}
}

func (s *Service) number(tx *db.Tx, o ID) (string, error) {
	day := tx.Now().In(s.numbers.Zone).Format("20060102")
	n, err := count(tx, day)
	if err != nil {
		return "", err
	}
	number := fmt.Sprintf("%s-%s-%04d", s.numbers.Prefix, day, n)
	return number, setNumber(tx, o, number)
}

func (o *Order) paid() PaidEvent {
	return PaidEvent{Order: o.ID, Number: o.Number, Source: o.Source, Customer: o.Customer, Market: o.Market,
		Country: o.Country, Lang: o.Lang, Total: o.Total, FactAt: o.PaidAt}
}

// Import places an order that another shop sent. The same reference with the same contents returns the order
// that is there; if it wasn't paid and now is, it is marked paid. With other contents it is ErrReused.
func (s *Service) Import(tx *db.Tx, o Order) (placed Order, fresh bool, err error) {
	if o.Source == Shop || o.Source == "" {
		return o, false, ErrInvalid.With(map[string]string{"source": "reserved"})
	}
	placed, fresh, err = s.Place(tx, o)
	if fresh || err != nil {
		return placed, fresh, err
	}
	if placed.Total != o.Total || !sameLines(placed.Lines, o.Lines) {
		return placed, false, fmt.Errorf("%s %s: %w", o.Source, o.ExternalRef, ErrReused)
	}
	if !o.PaidAt.IsZero() && placed.PaidAt.IsZero() {
		placed, err = s.MarkPaid(tx, placed.ID, o.PaidAt, o.Total)
	}
	return placed, false, err
}

func sameLines(a, b []Line) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].SKU != b[i].SKU || a[i].Quantity != b[i].Quantity || a[i].UnitPrice != b[i].UnitPrice {
			return false
		}
	}
	return true
}

// MarkPaid records that a, the whole total, was received; at is when the fact that says so arrived.
func (s *Service) MarkPaid(tx *db.Tx, id ID, at time.Time, a money.Amount) (Order, error) {
	o, err := change(tx, id, func(o *Order) error { return o.pay(a, at) })
	if err != nil {
		return o, fmt.Errorf("mark %s paid: %w", id, err)
	}
	return o, s.bus.Publish(tx, o.paid())
}

// Cancel takes back an order of which nothing has left yet. Cancelling again changes nothing. Money and stock
// are given back by those who listen.
func (s *Service) Cancel(tx *db.Tx, id ID, reason string) (Order, error) {
	already := errors.New("already cancelled")
	o, err := change(tx, id, func(o *Order) error {
		if o.State == Cancelled {
			return already
		}
		return o.cancel(tx.Now())
	})
	if errors.Is(err, already) {
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("cancel %s: %w", id, err)
	}
	return o, s.bus.Publish(tx, CancelledEvent{Order: o.ID, Number: o.Number, Customer: o.Customer, Market: o.Market,
		Lang: o.Lang, Total: o.Total, Paid: !o.PaidAt.IsZero(), Reason: reason, At: o.CancelledAt})
}

// Fulfil notes that all of an order has left, or part of it. ErrCancelled.
func (s *Service) Fulfil(tx *db.Tx, id ID, whole bool) (Order, error) {
	o, err := change(tx, id, func(o *Order) error { return o.fulfil(whole) })
	if err != nil {
		return o, fmt.Errorf("fulfil %s: %w", id, err)
	}
	return o, nil
}

// Unfulfil takes Fulfil back. ErrNotFulfilled where the order has moved on, or nothing of it has left.
func (s *Service) Unfulfil(tx *db.Tx, id ID) (Order, error) {
	o, err := change(tx, id, (*Order).unfulfil)
	if err != nil {
		return o, fmt.Errorf("unfulfil %s: %w", id, err)
	}
	return o, nil
}

// Complete notes that all of an order has come. ErrNotFulfilled where not all of it has left.
func (s *Service) Complete(tx *db.Tx, id ID) (Order, error) {
	o, err := change(tx, id, (*Order).complete)
	if err != nil {
		return o, fmt.Errorf("complete %s: %w", id, err)
	}
	return o, nil
}

// Reopen takes Complete back; an order that isn't completed stays as it is.
func (s *Service) Reopen(tx *db.Tx, id ID) (Order, error) {
	o, err := change(tx, id, (*Order).reopen)
	if err != nil {
		return o, fmt.Errorf("reopen %s: %w", id, err)
	}
	return o, nil
}

// Get returns an order, or ErrUnknown.
func (s *Service) Get(tx *db.Tx, id ID) (Order, error) { return find(tx, "id", string(id)) }

// Paid reports whether the money for an order has come; ErrUnknown.
func (s *Service) Paid(tx *db.Tx, id ID) (bool, error) { return paid(tx, id) }

// ByNumber returns the order with the number a customer was told.
func (s *Service) ByNumber(tx *db.Tx, number string) (Order, error) {
	return find(tx, "number", number)
}

// ByPayment returns the order made from a payment intent.
func (s *Service) ByPayment(tx *db.Tx, intent string) (Order, error) {
	return find(tx, "payment", intent)
}

// ByCart returns the order made from a cart.
func (s *Service) ByCart(tx *db.Tx, cart string) (Order, error) { return find(tx, "cart", cart) }

// ByExternal returns the order that another shop sent under its reference.
func (s *Service) ByExternal(tx *db.Tx, source, ref string) (Order, error) {
	return findExternal(tx, source, ref)
}

// ByIDs returns those of the orders that exist, for pages that mix owners.
func (s *Service) ByIDs(tx *db.Tx, ids []ID) (map[ID]Order, error) { return findAll(tx, ids) }

// Filter narrows a list; empty fields don't.
type Filter struct {
	State     State
	Market    market.Code
	Customers []string // profiles of one person; empty ones are nobody
	Source    string
	Email     string // in lower case
	Phone     string // E.164
	Search    string // a whole number, e-mail address or phone number, or what another shop calls it
	Since     time.Time
}

// Page is a place in a list, newest first. The zero Page is its beginning, 50 long.
type Page struct {
	After string // Next of the page before
	Limit int    // at most 200
}

// List returns orders, newest first, and where the next page begins; "" at the end.
func (s *Service) List(tx *db.Tx, f Filter, p Page) (orders []Order, next string, err error) {
	return list(tx, f, p)
}

// Pieces counts the pieces of each SKU in the orders placed since a moment, of at most 50,000 orders, the latest;
// cancelled ones aren't counted.
func (s *Service) Pieces(tx *db.Tx, since time.Time) (map[string]int64, error) {
	return pieces(tx, since)
}

// Takings is what one market sold in a time.
type Takings struct {
	Market market.Code
	Placed int64        // orders placed
	Paid   int64        // and those of them that are paid
	Total  money.Amount // of the paid ones
}

// Takings adds up the orders placed since a moment, by market; cancelled ones aren't counted.
func (s *Service) Takings(tx *db.Tx, since time.Time) ([]Takings, error) { return takings(tx, since) }

// Purchase is a paid order as measurements see it.
type Purchase struct {
	Order    ID
	Customer string
	Cart     string
	Market   market.Code
	PaidAt   time.Time
	Goods    money.Amount // after discount
	Discount money.Amount
	Total    money.Amount // with delivery, duty and tax
}

// Purchases lists the paid orders of customers and carts since a moment, in no order; cancelled ones and tests aren't
// among them. Ask for some hundred at a time.
func (s *Service) Purchases(tx *db.Tx, customers, carts []string, since time.Time) ([]Purchase, error) {
	return purchases(tx, customers, carts, since)
}

// Enter puts an order of the past into the book, and into the journal when it was placed and paid, and tells nobody: for
// a history that is brought along. Its number is of the day it was placed. Where the order is in the book already
// nothing changes, and it reports false.
func (s *Service) Enter(tx *db.Tx, o Order) (Order, bool, error) {
	if o.ID == "" {
		o.ID = ID(id.New("ord"))
	}
	if err := o.check(); err != nil {
		return o, false, fmt.Errorf("enter order: %w", err)
	}
	fresh, err := insert(tx, o)
	if err != nil || !fresh {
		return o, false, err
	}
	day := o.PlacedAt.In(s.numbers.Zone).Format("20060102")
	n, err := count(tx, day)
	if err != nil {
		return o, false, err
	}
	o.Number = fmt.Sprintf("%s-%s-%04d", s.numbers.Prefix, day, n)
	if err := setNumber(tx, o.ID, o.Number); err != nil {
		return o, true, err
	}
	if err := s.bus.Enter(tx, o.PlacedAt, o.placed(o.PaidAt.Equal(o.PlacedAt))); err != nil || o.PaidAt.IsZero() {
		return o, true, err
	}
	return o, true, s.bus.Enter(tx, o.PaidAt, o.paid())
}

// Sold is a line of an order that wasn't cancelled.
type Sold struct {
	At   time.Time
	Line Line
}

// Sold lists the lines with a SKU in a market since a moment, oldest first.
func (s *Service) Sold(tx *db.Tx, m market.Code, sku string, since time.Time) ([]Sold, error) {
	return sold(tx, m, sku, since)
}
