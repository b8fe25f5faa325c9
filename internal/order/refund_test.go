package order_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/money"
	"portolan/internal/order"
)

// All pieces with delivery are worth the total, and pieces never more than that, however an order is made up.
func TestWorth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eur := func(n int64) money.Amount { return money.Of(n, "EUR") }
		amount := func(name string, most int64) int64 { return rapid.Int64Range(0, most).Draw(t, name) }
		o := order.Order{Currency: "EUR", Shipping: eur(amount("shipping", 3000)), Duty: eur(amount("duty", 3000)), Tax: eur(amount("tax", 9000)), Fees: eur(amount("fees", 500))}
		var all []order.Piece
		for i := range rapid.IntRange(1, 5).Draw(t, "lines") {
			n, price := rapid.Int64Range(1, 9).Draw(t, "pieces"), rapid.Int64Range(1, 20000).Draw(t, "price")
			o.Lines = append(o.Lines, order.Line{Quantity: n, UnitPrice: eur(price), Total: eur(n * price)})
			o.Goods.Minor += n * price
			all = append(all, order.Piece{Line: i, Quantity: n})
		}
		o.Goods.Currency = "EUR"
		o.Discount = eur(amount("discount", o.Goods.Minor))
		o.Total = o.Goods.Sub(o.Discount).Add(o.Shipping).Add(o.Duty).Add(o.Tax).Add(o.Fees)
		if worth := o.Worth(all, true); worth != o.Total && o.Goods.Minor > o.Discount.Minor {
			t.Fatalf("everything is worth %s, not %s", worth, o.Total)
		}
		sum := eur(0)
		for _, p := range all {
			one := o.Worth([]order.Piece{{Line: p.Line, Quantity: 1}}, false)
			whole := o.Worth([]order.Piece{p}, false)
			require.LessOrEqual(t, one.Minor, whole.Minor)
			sum = sum.Add(whole)
		}
		require.LessOrEqual(t, sum.Minor, o.Total.Minor)
		require.Equal(t, o.Worth(all, false), sum)
		require.Zero(t, o.Worth([]order.Piece{{Line: 99, Quantity: 1}, {Line: -1, Quantity: 1}, {Line: 0, Quantity: -1}}, false).Minor)
	})
}
