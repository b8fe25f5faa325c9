package app_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/tax"
)

// Money that somebody gives back at the console goes back by the payment provider and is corrected in the tax books;
// so is money that was given back at the provider's own desk. The same form sent twice is one refund.
func TestARefundReachesTheTaxBooks(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		id := order.ID(s.Visitor().Buy(apptest.Anna))
		s.Idle()
		o := orderOf(t, s, string(id))
		piece := order.Refund{ID: "ref_form1", Order: id, Amount: o.Worth([]order.Piece{{Line: 0, Quantity: 1}}, false), Reason: "seam came undone", By: "Mei", Pieces: []order.Piece{{Line: 0, Quantity: 1}}}
		for range 2 {
			s.Write(func(tx *db.Tx) error { _, err := s.Checkout.Refund(tx, piece); return err })
		}
		s.Idle()
		var account payment.Account
		s.Read(func(tx *db.Tx) (err error) { account, err = s.Payments.OfOrder(tx, string(id)); return err })
		if piece.Amount != o.Total {
			require.Equal(t, "partly_refunded", account.Status.State)
		}
		require.Equal(t, piece.Amount, account.Status.Refunded)
		refunds := refundsOf(t, s, id)
		require.Len(t, refunds, 1)
		require.Equal(t, order.RefundMade, refunds[0].State)
		require.Equal(t, "seam came undone", refunds[0].Reason)
		books := booksOf(t, s, id)
		require.Len(t, books, 2)
		require.Equal(t, -piece.Amount.Minor, sum(books[1]))
		require.Equal(t, "seam came undone", books[1].Reason)
		require.Subset(t, topics(t, s, string(id)), []string{"order.refund_asked", "payment.returned", "order.refunded"})

		if piece.Amount.Minor+100 <= o.Total.Minor { // at the provider's desk
			_, err := s.TestPSP.Refund(t.Context(), account.Attempts[0], money.Of(100, o.Currency), "desk")
			require.NoError(t, err)
			s.Until("the refund made elsewhere is in the books", func() bool { return len(booksOf(t, s, id)) == 3 })
			s.Idle()
			refunds = refundsOf(t, s, id)
			require.Len(t, refunds, 2)
			require.Empty(t, refunds[1].By)
			require.EqualValues(t, -100, sum(booksOf(t, s, id)[2]))
		}
		s.Write(func(tx *db.Tx) error {
			too := piece
			too.ID, too.Amount = "ref_form2", o.Total
			_, err := s.Checkout.Refund(tx, too)
			require.ErrorIs(t, err, order.ErrRefund)
			return nil
		})
		s.Write(func(tx *db.Tx) error { _, err := s.Orders.Cancel(tx, id, "shopper"); return err })
		s.Idle()
		s.Until("all went back", func() bool {
			s.Read(func(tx *db.Tx) (err error) { account, err = s.Payments.OfOrder(tx, string(id)); return err })
			return account.Status.Refunded == o.Total
		})
		s.Idle()
		var left int64
		for _, e := range booksOf(t, s, id) {
			left += sum(e)
		}
		require.Zero(t, left)
	})
}

func sum(e tax.Entry) int64 { return e.Net.Minor + e.Duty.Minor + e.Tax.Minor + e.Fees.Minor }

func booksOf(t *testing.T, s *apptest.Shop, id order.ID) (all []tax.Entry) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) { all, err = tax.OfOrder(tx, id); return err })
	return slices.Clip(all)
}

func refundsOf(t *testing.T, s *apptest.Shop, id order.ID) (all []order.Refund) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) { all, err = s.Orders.Refunds(tx, id); return err })
	return all
}
