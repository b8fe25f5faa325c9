package pricing

import (
	"math/big"

	"portolan/internal/market"
	"portolan/internal/money"
)

// Cost is what one piece costs until it is at a buyer's door, in the market's currency. An amount of nought is
// no cost of that kind.
type Cost struct {
	Goods    money.Amount // what the merchant pays for the piece
	Delivery money.Amount // of it, what the merchant bears
	Fixed    money.Amount // the fixed part of the payment fee
	Returns  money.Amount // what returns cost per piece sold
	Duty     money.Amount // duty and border fees the merchant bears, as an amount
	AdDuty   money.Rate   // and as a share of the net price
	Fee      money.Rate   // payment fee, a share of the gross price
	Tax      money.Rate   // consumption tax inside the gross price; nought where prices are net
	Least    money.Rate   // the margin a price should have at least, a share of the net price
}

// PerPiece is the sum of the amounts: what is paid whatever the price is.
func (c Cost) PerPiece() money.Amount {
	return c.Goods.Add(c.Delivery).Add(c.Fixed).Add(c.Returns).Add(c.Duty)
}

// PriceFor is the price with exactly the margin m, net and gross, rounded half up (specification of prices,
// section 5):
//
//	net = amounts / (1 - m - fee·(1 + tax) - adduty), gross = net·(1 + tax)
//
// It is false where shares and margin leave nothing.
func (c Cost) PriceFor(m money.Rate) (net, gross money.Amount, ok bool) {
	one := big.NewRat(1, 1)
	withTax := new(big.Rat).Add(one, rat(c.Tax))
	rest := new(big.Rat).Sub(one, rat(m))
	rest.Sub(rest, new(big.Rat).Mul(rat(c.Fee), withTax)).Sub(rest, rat(c.AdDuty))
	if rest.Sign() <= 0 {
		return net, gross, false
	}
	sum := c.PerPiece()
	exact := new(big.Rat).Quo(new(big.Rat).SetInt64(sum.Minor), rest)
	n, ok1 := halfUp(exact)
	g, ok2 := halfUp(new(big.Rat).Mul(exact, withTax))
	return money.Of(n, sum.Currency), money.Of(g, sum.Currency), ok1 && ok2
}

// Floor is the price below which the least margin isn't reached, gross. A price for sale is the next above it
// with the market's ending: Proposal.
func (c Cost) Floor() (gross money.Amount, ok bool) {
	_, gross, ok = c.PriceFor(c.Least)
	return gross, ok
}

// Proposal is the lowest price with the market's ending that has at least the margin m.
func (c Cost) Proposal(m money.Rate, r market.Rounding) (money.Amount, bool) {
	_, gross, ok := c.PriceFor(m)
	if !ok || gross.Minor <= 0 || gross.Minor > maxPrice {
		return gross, false
	}
	r.Direction = market.Up
	gross.Minor = Charm(gross.Minor, r)
	if got, ok := c.Margin(gross); ok && rat(got).Cmp(rat(m)) < 0 && !c.has(gross, m) {
		gross.Minor = Charm(gross.Minor+1, r)
	}
	return gross, true
}

// Margin is what remains of a gross price, as a share of the net one, cut to four decimals: 0.2954 is 29.54 %.
// It is false for a price of nought or less.
func (c Cost) Margin(gross money.Amount) (money.Rate, bool) {
	exact := c.margin(gross)
	if exact == nil {
		return money.Rate{}, false
	}
	exact.Mul(exact, big.NewRat(10_000, 1))
	whole := new(big.Int).Div(exact.Num(), exact.Denom()) // towards minus infinity
	if !whole.IsInt64() {
		return money.Rate{}, false
	}
	return money.Rate{Coef: whole.Int64(), Scale: 4}, true
}

// has reports whether a gross price has at least the margin m.
func (c Cost) has(gross money.Amount, m money.Rate) bool {
	exact := c.margin(gross)
	return exact != nil && exact.Cmp(rat(m)) >= 0
}

func (c Cost) margin(gross money.Amount) *big.Rat {
	if gross.Minor <= 0 {
		return nil
	}
	g := new(big.Rat).SetInt64(gross.Minor)
	net := new(big.Rat).Quo(g, new(big.Rat).Add(big.NewRat(1, 1), rat(c.Tax)))
	left := new(big.Rat).Sub(net, new(big.Rat).SetInt64(c.PerPiece().Minor))
	left.Sub(left, new(big.Rat).Mul(net, rat(c.AdDuty))).Sub(left, new(big.Rat).Mul(g, rat(c.Fee)))
	return left.Quo(left, net)
}

func halfUp(v *big.Rat) (int64, bool) {
	w := new(big.Rat).Add(v, big.NewRat(1, 2))
	whole := new(big.Int).Div(w.Num(), w.Denom())
	return whole.Int64(), whole.IsInt64()
}
