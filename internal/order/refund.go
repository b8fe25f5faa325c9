package order

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

// The faults of giving money back.
var (
	// ErrRefund is the fault of a refund that can't be: no reason, more than is left, pieces that weren't bought.
	ErrRefund = fault.New(fault.Invalid, "order.refund_invalid")
	// ErrNotPaid is the fault of giving back what never came.
	ErrNotPaid = fault.New(fault.Conflict, "order.not_paid")
)

// RefundState is how far a refund has come:
//
//	asked -> made
//	   '---> refused
type RefundState string

// The states of refunds.
const (
	RefundAsked   RefundState = "asked"
	RefundMade    RefundState = "made"    // the money went back
	RefundRefused RefundState = "refused" // the payment provider won't
)

// Refund is money of an order that goes back to the buyer, tax included.
type Refund struct {
	ID       string
	Order    ID
	Amount   money.Amount
	Reason   string
	Pieces   []Piece // what it is for, if not simply an amount
	Delivery bool    // delivery too
	By       string  // who asked; empty: it was made elsewhere, such as at the payment provider
	AskedAt  time.Time
	State    RefundState
	Ref      string // what made it calls it; the same names the same refund
	MadeAt   time.Time
}

// Piece is a quantity of one line of an order, by its place.
type Piece struct {
	Line     int   `json:"line"`
	Quantity int64 `json:"quantity"`
}

// RefundAskedEvent is announced when somebody decides to give money back.
type RefundAskedEvent struct {
	Refund   string       `json:"refund"`
	Order    ID           `json:"order"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Amount   money.Amount `json:"amount"`
	Reason   string       `json:"reason"`
	By       string       `json:"by"`
	At       time.Time    `json:"at"`
}

// Topic implements events.Event.
func (RefundAskedEvent) Topic() string { return "order.refund_asked" }

// Subjects names what the event is about, for timelines.
func (e RefundAskedEvent) Subjects() []string { return subjects(e.Order, e.Customer) }

// RefundedEvent is announced once for each refund when its money went back.
type RefundedEvent struct {
	Refund   string       `json:"refund"`
	Order    ID           `json:"order"`
	Customer string       `json:"customer"`
	Market   market.Code  `json:"market"`
	Amount   money.Amount `json:"amount"`
	Reason   string       `json:"reason"`
	At       time.Time    `json:"at"`
}

// Topic implements events.Event.
func (RefundedEvent) Topic() string { return "order.refunded" }

// Subjects names what the event is about, for timelines.
func (e RefundedEvent) Subjects() []string { return subjects(e.Order, e.Customer) }

// Worth is what the buyer paid for pieces of an order, and for its delivery, with their share of discount, duty,
// tax and fees. All pieces with delivery are worth the total.
func (o *Order) Worth(pieces []Piece, delivery bool) money.Amount {
	weights := make([]int64, 0, len(o.Lines)+1)
	goods := make([]int64, len(o.Lines))
	for i, l := range o.Lines {
		goods[i] = l.Total.Minor
	}
	for _, net := range money.Of(o.Goods.Minor-o.Discount.Minor, o.Currency).Share(goods...) {
		weights = append(weights, net.Minor)
	}
	shares := o.Total.Share(append(weights, o.Shipping.Minor)...)
	sum := money.Of(0, o.Currency)
	for _, p := range pieces {
		if p.Line < 0 || p.Line >= len(o.Lines) || p.Quantity < 1 {
			continue
		}
		n := min(p.Quantity, o.Lines[p.Line].Quantity)
		sum = sum.Add(shares[p.Line].Share(n, o.Lines[p.Line].Quantity-n)[0])
	}
	if delivery {
		sum = sum.Add(shares[len(shares)-1])
	}
	return sum
}

// Left is what of an order's total nobody has asked back.
func (o *Order) Left(all []Refund) money.Amount {
	left := o.Total
	for _, r := range all {
		if r.State != RefundRefused {
			left = left.Sub(r.Amount)
		}
	}
	return left
}

// LeftOf are the pieces of each line that nobody has asked money back for.
func (o *Order) LeftOf(all []Refund) []int64 {
	left := make([]int64, len(o.Lines))
	for i, l := range o.Lines {
		left[i] = l.Quantity
	}
	for _, r := range all {
		for _, p := range r.Pieces {
			if r.State != RefundRefused && p.Line >= 0 && p.Line < len(left) {
				left[p.Line] -= p.Quantity
			}
		}
	}
	return left
}

// AskRefund notes that money of an order is to go back and announces it. The ID is given here where r has none;
// the same ID again changes nothing and reports false. Who gives the money back tells by RefundMade or
// RefundRefused. ErrRefund, ErrNotPaid, ErrCancelled, ErrUnknown.
func (s *Service) AskRefund(tx *db.Tx, r Refund) (asked Refund, fresh bool, err error) {
	o, err := one(tx, `select `+columns+` from orders where id = $1`+tx.ForUpdate(), string(r.Order))
	if err != nil {
		return r, false, err
	}
	all, err := s.Refunds(tx, o.ID)
	if err != nil {
		return r, false, err
	}
	for _, known := range all {
		if known.ID == r.ID {
			return known, false, nil
		}
	}
	r.Reason = strings.TrimSpace(r.Reason)
	if err := o.mayRefund(r, all); err != nil {
		return r, false, fmt.Errorf("refund of %s: %w", o.ID, err)
	}
	if r.ID == "" {
		r.ID = id.New("ref")
	}
	r.State, r.AskedAt, r.Ref, r.MadeAt = RefundAsked, tx.Now(), "", time.Time{}
	if err := insertRefund(tx, r); err != nil {
		return r, false, err
	}
	return r, true, s.bus.Publish(tx, RefundAskedEvent{Refund: r.ID, Order: o.ID, Customer: o.Customer, Market: o.Market, Amount: r.Amount, Reason: r.Reason, By: r.By, At: r.AskedAt})
}

// mayRefund says what is wrong with a refund that is asked for.
func (o *Order) mayRefund(r Refund, all []Refund) error {
	switch {
	case o.State == Cancelled:
		return ErrCancelled
	case o.PaidAt.IsZero():
		return ErrNotPaid
	}
	var c fault.Check
	c.That(r.Reason != "", "reason", "required")
	c.That(len(r.Reason) <= maxText, "reason", "too_long")
	c.That(r.Amount.Currency == o.Currency, "amount", "other_currency")
	c.That(r.Amount.Minor > 0, "amount", "must_be_positive")
	c.That(r.Amount.Minor <= o.Left(all).Minor, "amount", "order.more_than_left")
	left := o.LeftOf(all)
	for _, p := range r.Pieces {
		c.That(p.Line >= 0 && p.Line < len(left) && p.Quantity > 0 && p.Quantity <= left[max(0, min(p.Line, len(left)-1))], "pieces", "order.pieces_left")
	}
	return c.Err(ErrRefund.Code)
}

// RefundMade notes that money of an order went back, under the name that whoever made it gives it, and announces
// it. It settles the oldest refund of that amount that was asked for; without one it was made elsewhere. The same
// name again changes nothing and reports false. ErrUnknown.
func (s *Service) RefundMade(tx *db.Tx, order ID, ref string, amount money.Amount, reason string, at time.Time) (made Refund, fresh bool, err error) {
	o, err := one(tx, `select `+columns+` from orders where id = $1`+tx.ForUpdate(), string(order))
	if err != nil {
		return made, false, err
	}
	all, err := s.Refunds(tx, order)
	if err != nil {
		return made, false, err
	}
	made = Refund{ID: id.New("ref"), Order: order, Amount: amount, Reason: reason, AskedAt: at}
	asked := false
	for _, r := range all {
		if r.Ref == ref {
			return r, false, nil
		}
		if r.State == RefundAsked && r.Amount == amount && !asked {
			made, asked = r, true
		}
	}
	made.State, made.Ref, made.MadeAt = RefundMade, ref, at
	if asked {
		err = tx.Send(`update order_refunds set state = 'made', ref = $2, made_at = $3 where id = $1`, made.ID, ref, at)
	} else {
		err = insertRefund(tx, made)
	}
	if err != nil {
		return made, false, err
	}
	return made, true, s.bus.Publish(tx, refunded(o, made))
}

// RefundRefused notes that the oldest refund of that amount that was asked for won't be made; none is fine.
func (s *Service) RefundRefused(tx *db.Tx, order ID, amount money.Amount) error {
	all, err := s.Refunds(tx, order)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.State == RefundAsked && r.Amount == amount {
			return tx.Send(`update order_refunds set state = 'refused' where id = $1 and state = 'asked'`, r.ID)
		}
	}
	return nil
}

// Refunds are those of an order, in the order in which they were asked for.
func (s *Service) Refunds(tx *db.Tx, order ID) ([]Refund, error) {
	return db.All(tx, scanRefund, `select `+refundColumns+` from order_refunds where order_id = $1 order by asked_at, id`, string(order))
}

const refundColumns = `id, order_id, amount, currency, reason, lines, delivery, asked_by, asked_at, state, ref, made_at`

func insertRefund(tx *db.Tx, r Refund) error {
	pieces, err := json.Marshal(r.Pieces)
	if err != nil {
		return err
	}
	return tx.Send(`insert into order_refunds (`+refundColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.ID, string(r.Order), r.Amount.Minor, string(r.Amount.Currency), r.Reason, string(pieces), r.Delivery, r.By, r.AskedAt, string(r.State), orNull(r.Ref), r.MadeAt)
}

func scanRefund(r db.Row) (v Refund, err error) {
	var pieces string
	err = r.Scan(&v.ID, (*string)(&v.Order), &v.Amount.Minor, (*string)(&v.Amount.Currency), &v.Reason, &pieces, &v.Delivery, &v.By, &v.AskedAt, (*string)(&v.State),
		db.Null(&v.Ref), db.Null(&v.MadeAt))
	if err != nil {
		return v, err
	}
	v.AskedAt = v.AskedAt.UTC()
	if !v.MadeAt.IsZero() {
		v.MadeAt = v.MadeAt.UTC()
	}
	return v, json.Unmarshal([]byte(pieces), &v.Pieces)
}

// EnterRefund puts a refund of the past that was made into the book and the journal and tells nobody. The same Ref again
// changes nothing and reports false.
func (s *Service) EnterRefund(tx *db.Tx, r Refund) (Refund, bool, error) {
	all, err := s.Refunds(tx, r.Order)
	if err != nil {
		return r, false, err
	}
	for _, known := range all {
		if known.Ref == r.Ref {
			return known, false, nil
		}
	}
	o, err := s.Get(tx, r.Order)
	if err != nil {
		return r, false, err
	}
	r.ID, r.State = id.New("ref"), RefundMade
	if err := insertRefund(tx, r); err != nil {
		return r, true, err
	}
	return r, true, s.bus.Enter(tx, r.MadeAt, refunded(o, r))
}

func refunded(o Order, r Refund) RefundedEvent {
	return RefundedEvent{Refund: r.ID, Order: o.ID, Customer: o.Customer, Market: o.Market, Amount: r.Amount, Reason: r.Reason, At: r.MadeAt}
}
