package tax

import (
	"errors"
	"fmt"

	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/order"
)

// refunded enters a refund of an order. Of one that was cancelled everything is taken back already. The news of
// the order's payment may come later; then its sale is entered here first.
func (s *Service) refunded(tx *db.Tx, e order.RefundedEvent) error {
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return err
	}
	if _, err := s.RecordSale(tx, o); err != nil {
		return err
	}
	if _, err := byKey(tx, "cancel:"+string(o.ID)); !errors.Is(err, db.ErrNone) {
		return err
	}
	at := e.At
	if at.Before(o.PaidAt) {
		at = o.PaidAt
	}
	_, err = s.RecordRefund(tx, Reversal{Ref: e.Refund, Order: o.ID, Amount: e.Amount, At: at, Reason: e.Reason})
	return err
}

// Refunding is what a refund of an order would take back, without entering it: amounts are below nothing. ErrNoSale,
// ErrRefund for more than is left.
func (s *Service) Refunding(tx *db.Tx, o order.ID, amount money.Amount) (Entry, error) {
	all, err := OfOrder(tx, o)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range all {
		if e.Kind != Sale {
			continue
		}
		left, err := s.left(tx, e)
		if err != nil {
			return e, err
		}
		if amount.Currency != e.Currency || amount.Minor <= 0 || amount.Minor > left.paid() {
			return e, fmt.Errorf("refund of %s: %w", o, ErrRefund.With(map[string]string{"amount": "tax.more_than_left"}))
		}
		return left.share(amount.Minor), nil
	}
	return Entry{}, fmt.Errorf("%s: %w", o, ErrNoSale)
}
