package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
)

// reviewed are the reasons for which money came and goes back.
var reviewed = map[string]bool{payment.ReasonSoldOut: true, payment.ReasonCodeUsed: true, payment.ReasonOutdated: true}

// Complete looks at an attempt again and makes the order if it can be made: for staff and for repair. Browser,
// webhook and resolver come through the same door, complete, by way of payment's ledger.
func (s *Service) Complete(ctx context.Context, attempt string) error {
	return s.Payments.Reopen(ctx, attempt)
}

// complete is the one door. It acts on new payment facts, in the unit of work that stores them and with the
// intent locked: the first that promises money turns the cart into an order. Whoever comes later finds it done.
func (s *Service) complete(tx *db.Tx, k payment.Case) error {
	if k.Intent.Order != "" {
		return s.afterwards(tx, k)
	}
	c, err := byID(tx, k.Intent.Cart)
	if err != nil {
		return fmt.Errorf("complete %s: %w", k.Intent.ID, err)
	}
	switch {
	case k.Progress.Paid():
		return s.paid(tx, &c, k)
	case k.Progress.Dead():
		return s.declined(tx, &c, k)
	case k.Attempt.Delayed && c.State == Paying && (k.Attempt.Outcome == payment.OK || k.Progress.Kind != ""):
		return s.place(tx, &c, k, false)
	}
	return nil
}

func (s *Service) paid(tx *db.Tx, c *Cart, k payment.Case) error {
	switch {
	case !freshMoney(k) && c.State == Held:
		return nil
	case k.Progress.Money != k.Attempt.Amount:
		return s.hold(tx, c, k, payment.ReasonWrongAmount)
	case c.Quote == nil || c.Quote.ID != k.Attempt.Quote || c.Quote.Total != k.Attempt.Amount || c.State == Open && !c.Quoted():
		return s.refuse(tx, c, k, payment.ReasonOutdated)
	}
	return s.place(tx, c, k, true)
}

// place turns the cart into an order.
func (s *Service) place(tx *db.Tx, c *Cart, k payment.Case, paid bool) error {
	err := s.allocate(tx, c, k)
	if errors.Is(err, fulfilment.ErrSoldOut) {
		return s.refuse(tx, c, k, payment.ReasonSoldOut)
	}
	if err != nil {
		return err
	}
	o := c.order(k)
	if c.Code != "" {
		use, err := s.use(tx, c, c.Quote.Shown)
		if err != nil {
			return err
		}
		_, err = s.Codes.Redeem(tx, c.Code, use, string(o.ID))
		if err != nil && fault.Of(err).Kind != fault.Internal {
			if err := s.Stock.Release(tx, payment.OrderID(k.Intent.ID)); err != nil {
				return err
			}
			return s.refuse(tx, c, k, payment.ReasonCodeUsed)
		}
		if err != nil {
			return err
		}
	}
	if paid {
		o.PaidAt = k.Status.MoneyAt
	}
	before := c.Version
	c.State, c.Attempt, c.Decline, c.Order = Ordered, k.Attempt.ID, "", o.ID
	if err := save(tx, c, before); err != nil {
		return err
	}
	if err := s.Payments.Completed(tx, k.Intent.ID, string(o.ID)); err != nil {
		return err
	}
	if _, _, err := s.Orders.Place(tx, o); err != nil {
		return fmt.Errorf("complete %s: %w", c.ID, err)
	}
	if s.Locks != nil {
		if err := s.Locks.Keep(tx, string(o.ID), o.Total, o.Locked); err != nil {
			return err
		}
	}
	if c.LeftAt.IsZero() {
		return nil
	}
	return s.Bus.Publish(tx, RecoveredEvent{Cart: c.ID, Order: o.ID, Customer: c.Customer, Market: c.Market, LeftAt: c.LeftAt, At: tx.Now()})
}

// allocate keeps what is held under the order's id, or takes it anew where a late payment found it released.
func (s *Service) allocate(tx *db.Tx, c *Cart, k payment.Case) error {
	ref := payment.OrderID(k.Intent.ID)
	err := s.Stock.Allocate(tx, ref)
	if !errors.Is(err, fulfilment.ErrUnknownReservation) {
		return err
	}
	if err := s.Stock.Reserve(tx, ref, c.wants(), tx.Now().Add(time.Minute)); err != nil {
		return err
	}
	return s.Stock.Allocate(tx, ref)
}

// order is the order that the cart's quote makes.
func (c *Cart) order(k payment.Case) order.Order {
	q := c.Quote
	phone := c.Contact.Phone
	if phone == "" {
		phone = c.Address.Phone
	}
	return order.Order{ID: order.ID(payment.OrderID(k.Intent.ID)), Source: order.Shop, Cart: c.ID, Payment: k.Intent.ID, Market: c.Market,
		Country: c.Country, Lang: c.Lang, Currency: c.Currency, Customer: c.Customer, Email: c.Contact.Email, Phone: phone,
		Address: c.Address, Lines: q.Lines, Goods: q.Goods, Discount: q.Discount, Shipping: q.Shipping, Duty: q.Duty, Tax: q.Tax,
		Fees: q.Fees, Total: q.Total, OnDelivery: q.AtDoor, Charges: q.Charges, RulePack: q.Pack, Incoterm: q.Incoterm,
		TaxIncluded: q.Included, Locked: q.Locked, Code: q.Code, Method: k.Attempt.Method, Service: q.Option.Service, Location: q.Option.Location,
		DeliverFrom: q.Option.FromDay, DeliverTo: q.Option.ToDay, Test: k.Intent.Test}
}

// refuse gives money back that can't become an order, tells a person, and opens the cart again.
func (s *Service) refuse(tx *db.Tx, c *Cart, k payment.Case, reason string) error {
	if err := s.Payments.Review(tx, k.Intent, reason, k.Progress.Money, "given back to the shopper"); err != nil {
		return err
	}
	if err := s.Payments.GiveBack(tx, k, reason); err != nil {
		return err
	}
	if c.State != Paying || c.Attempt != k.Attempt.ID {
		return nil
	}
	return s.reopen(tx, c, k, reason)
}

// hold keeps a cart closed whose money a person has to look at.
func (s *Service) hold(tx *db.Tx, c *Cart, k payment.Case, reason string) error {
	if err := s.Payments.Review(tx, k.Intent, reason, k.Progress.Money, "asked for "+k.Attempt.Amount.String()); err != nil {
		return err
	}
	if c.State != Paying || c.Attempt != k.Attempt.ID {
		return nil
	}
	before := c.Version
	c.State, c.Decline = Held, reason
	return save(tx, c, before)
}

func (s *Service) declined(tx *db.Tx, c *Cart, k payment.Case) error {
	if c.State != Paying || c.Attempt != k.Attempt.ID {
		return nil
	}
	reason := k.Progress.Reason
	if reason == "" {
		reason = string(k.Progress.Kind)
	}
	return s.reopen(tx, c, k, reason)
}

// reopen lets the shopper try again, and gives back what was held for the attempt.
func (s *Service) reopen(tx *db.Tx, c *Cart, k payment.Case, reason string) error {
	before := c.Version
	c.State, c.Decline = Open, reason
	if err := save(tx, c, before); err != nil {
		return err
	}
	if c.Code != "" {
		if err := s.Codes.Restore(tx, c.Code, payment.OrderID(k.Intent.ID)); err != nil {
			return err
		}
	}
	return s.Stock.Release(tx, payment.OrderID(k.Intent.ID))
}

// afterwards acts on facts about a cart that has become an order: the transfer that was waited for, one that
// never comes, money that came twice.
func (s *Service) afterwards(tx *db.Tx, k payment.Case) error {
	if len(k.Fresh) == 0 {
		return nil
	}
	o, err := s.Orders.Get(tx, order.ID(k.Intent.Order))
	if err != nil {
		return err
	}
	waiting := o.PaidAt.IsZero() && o.State != order.Cancelled
	total := money.Of(k.Status.Captured.Minor, k.Status.Captured.Currency)
	switch {
	case !freshMoney(k) && k.Progress.Dead() && waiting && k.Attempt.Delayed:
		_, err := s.Orders.Cancel(tx, o.ID, "payment_"+string(k.Progress.Kind))
		return err
	case !freshMoney(k):
		return nil
	case waiting && !k.Status.Foreign && total == o.Total:
		_, err := s.Orders.MarkPaid(tx, o.ID, tx.Now(), o.Total)
		return err
	case waiting:
		return s.Payments.Review(tx, k.Intent, payment.ReasonWrongAmount, k.Progress.Money, "asked for "+o.Total.String())
	case k.Attempt.Delayed && k.Progress.Money != k.Attempt.Amount:
		return s.Payments.Review(tx, k.Intent, payment.ReasonWrongAmount, k.Progress.Money, "asked for "+o.Total.String())
	case k.Status.Captured.Minor > o.Total.Minor || o.State == order.Cancelled:
		reason := payment.ReasonTwice
		if o.State == order.Cancelled {
			reason = payment.ReasonCancelled
		}
		if err := s.Payments.Review(tx, k.Intent, reason, k.Progress.Money, "given back to the shopper"); err != nil {
			return err
		}
		return s.Payments.GiveBack(tx, k, reason)
	}
	return nil
}

// cancelled gives back what an order of ours had: its stock, its code and its money.
func (s *Service) cancelled(tx *db.Tx, e order.CancelledEvent) error {
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil || o.Payment == "" {
		return err
	}
	if err := s.Payments.RefundRest(tx, o.Payment, "order_cancelled"); err != nil {
		return err
	}
	if s.Locks != nil {
		if err := s.Locks.Release(tx, string(o.ID)); err != nil {
			return err
		}
	}
	if o.Code != "" {
		if err := s.Codes.Restore(tx, o.Code, string(o.ID)); err != nil {
			return err
		}
	}
	return s.Stock.Release(tx, string(o.ID))
}

// returned lets go of the rate promised for money that went back to the shopper. What came twice was never
// promised.
func (s *Service) returned(tx *db.Tx, e payment.ReturnedEvent) error {
	if e.Order == "" || e.Reason == payment.ReasonTwice {
		return nil
	}
	return s.Locks.ReleasePart(tx, e.Order, e.Amount)
}

// freshMoney says whether one of the new facts is that money was promised or taken.
func freshMoney(k payment.Case) bool {
	for _, f := range k.Fresh {
		if f.Money() {
			return true
		}
	}
	return false
}

// OrderOf is the id of the order that a report of payouts names: by its number, or by our name or the provider's
// for its payment; "" where nobody knows it.
func (s *Service) OrderOf(tx *db.Tx, ref string) (string, error) {
	o, err := s.Orders.ByNumber(tx, ref)
	if err == nil {
		return string(o.ID), nil
	}
	if !errors.Is(err, order.ErrUnknown) {
		return "", err
	}
	return s.Payments.OrderOf(tx, ref)
}
