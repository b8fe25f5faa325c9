package checkout

import (
	"fmt"

	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
)

// Refund gives money of an order back: it notes why, and asks the payment provider for it. An order that was paid
// elsewhere, in another shop, only gets the note that its money went back there. The same ID again changes nothing.
// order.ErrRefund, order.ErrNotPaid, order.ErrCancelled, payment.ErrNotRefundable.
func (s *Service) Refund(tx *db.Tx, r order.Refund) (order.Refund, error) {
	asked, fresh, err := s.Orders.AskRefund(tx, r)
	if err != nil || !fresh {
		return asked, err
	}
	o, err := s.Orders.Get(tx, r.Order)
	if err != nil {
		return asked, err
	}
	if o.Payment == "" {
		made, _, err := s.Orders.RefundMade(tx, o.ID, "elsewhere:"+asked.ID, asked.Amount, asked.Reason, tx.Now())
		return made, err
	}
	return asked, s.Payments.Refund(tx, o.Payment, asked.Amount, asked.Reason)
}

// refunded notes money that went back to a shopper with the order it was paid for. What the provider gave back of
// money that came twice or too much isn't part of the order: only what is missing of its total is.
func (s *Service) refunded(tx *db.Tx, e payment.ReturnedEvent) error {
	if e.Order == "" || e.Ref == "" {
		return nil
	}
	o, err := s.Orders.Get(tx, order.ID(e.Order))
	if err != nil || o.State == order.Cancelled || o.PaidAt.IsZero() {
		return err
	}
	account, err := s.Payments.OfOrder(tx, e.Order)
	if err != nil {
		return err
	}
	kept := account.Status.Captured.Minor - account.Status.Refunded.Minor
	missing := o.Total.Minor - max(kept, 0)
	all, err := s.Orders.Refunds(tx, o.ID)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.State == order.RefundMade {
			missing -= r.Amount.Minor
		}
	}
	amount := min(missing, e.Amount.Minor)
	if amount <= 0 {
		return nil
	}
	if _, _, err = s.Orders.RefundMade(tx, o.ID, e.Ref, money.Of(amount, o.Currency), e.Reason, e.At); err != nil {
		return fmt.Errorf("refund %s: %w", e.Ref, err)
	}
	return nil
}

// refused notes a refund that the provider won't make.
func (s *Service) refused(tx *db.Tx, e payment.RefundRefusedEvent) error {
	if e.Order == "" {
		return nil
	}
	return s.Orders.RefundRefused(tx, order.ID(e.Order), e.Amount)
}
