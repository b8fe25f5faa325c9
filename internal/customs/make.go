package customs

import (
	"fmt"

	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
)

// onDelivery is the payment method whose orders leave before they are paid.
const onDelivery = "cod"

// FromOrder makes the consignment of an order: its lines at what the buyer paid for them, net of destination
// tax and after discounts, its freight, and the duty and tax it was quoted. base brings what the order doesn't
// know: shipment, way, sender, parcels, scheme, signer; about tells the customs facts of an article, and may
// leave out what the order's line has (HS, origin, weight).
//
// With the quote the order was made from (nil otherwise), goods are valued as the quote allocated them; without
// it in proportion to the lines' totals, the last line taking the remainder. Either way they add up to the
// order's goods less its discount; a quote that doesn't is ErrUnbalanced. A cancelled or unpaid order is
// ErrNotSendable.
func FromOrder(o order.Order, q *landed.Quote, base Consignment, about func(sku string) Line) (Consignment, error) {
	if o.State == order.Cancelled || o.PaidAt.IsZero() && o.Method != onDelivery {
		return Consignment{}, fmt.Errorf("papers of order %s, which is %s: %w", o.Number, o.State, ErrNotSendable)
	}
	c := base
	c.Order, c.Currency, c.Incoterm, c.RuleSet = o.Number, o.Currency, landed.Incoterm(o.Incoterm), o.RulePack
	if c.Purpose == "" {
		c.Purpose = Sale
	}
	c.Addressee = Party{Address: o.Address, Email: o.Email, IDs: base.Addressee.IDs}
	if c.Addressee.Address.Phone == "" {
		c.Addressee.Address.Phone = o.Phone
	}
	if c.Place == "" {
		c.Place = o.Address.City
	}
	nought := money.Of(0, o.Currency)
	c.Freight, c.Discount = nought.Add(o.Shipping), nought.Add(o.Discount)
	c.Duty, c.Tax, c.Fees = nought.Add(o.Duty), nought.Add(o.Tax), nought.Add(o.Fees)
	if c.Insurance.Currency == "" {
		c.Insurance = nought
	}
	paid := nought.Add(o.Goods).Sub(c.Discount)
	values, err := valued(o, q, paid)
	if err != nil {
		return Consignment{}, err
	}
	duty, tax := charged(o, values)
	c.Lines = make([]Line, len(o.Lines))
	for i, l := range o.Lines {
		g := about(l.SKU)
		g.SKU, g.Title, g.Quantity = l.SKU, l.Title, l.Quantity
		if g.HS == "" {
			g.HS = l.HS
		}
		if g.Origin == "" {
			g.Origin = l.Origin
		}
		if g.NetGrams == 0 {
			g.NetGrams = l.Weight * l.Quantity
		}
		g.Value, g.Duty, g.Tax = values[i], duty[i], tax[i]
		c.Lines[i] = g
	}
	c.Ledger = paid.Add(c.Freight)
	c.Total = c.Goods().Add(c.Freight).Add(c.Insurance)
	return c, nil
}

func valued(o order.Order, q *landed.Quote, paid money.Amount) ([]money.Amount, error) {
	values := make([]money.Amount, len(o.Lines))
	if q != nil {
		sum := money.Of(0, o.Currency)
		if len(q.Lines) != len(o.Lines) {
			return nil, fmt.Errorf("order %s has %d lines, its quote %d: %w", o.Number, len(o.Lines), len(q.Lines), ErrUnbalanced)
		}
		for i, l := range q.Lines {
			values[i] = money.Of(l.Goods.Minor, l.Goods.Currency)
			if l.Goods.Currency != o.Currency {
				return nil, fmt.Errorf("order %s is in %s, its quote in %s: %w", o.Number, o.Currency, l.Goods.Currency, ErrUnbalanced)
			}
			sum = sum.Add(l.Goods)
		}
		if sum != paid {
			return nil, fmt.Errorf("order %s has goods of %s, its quote of %s: %w", o.Number, paid, sum, ErrUnbalanced)
		}
		return values, nil
	}
	return spread(paid, weights(o.Lines)), nil
}

func weights(lines []order.Line) []int64 {
	w := make([]int64, len(lines))
	for i, l := range lines {
		w[i] = l.Total.Minor
	}
	return w
}

// spread shares an amount; where nothing has a weight, the last line takes it.
func spread(a money.Amount, by []int64) []money.Amount {
	parts := a.Share(by...)
	sum := int64(0)
	for i := range parts {
		parts[i].Currency = a.Currency
		sum += parts[i].Minor
	}
	if len(parts) > 0 {
		parts[len(parts)-1].Minor += a.Minor - sum
	}
	return parts
}

// charged gives each line the duty and tax of its own charges, and its share by value of the rest.
func charged(o order.Order, values []money.Amount) (duty, tax []money.Amount) {
	by := make([]int64, len(values))
	for i, v := range values {
		by[i] = v.Minor
	}
	of := func(kind landed.Kind, total money.Amount) []money.Amount {
		own := make([]int64, len(values))
		rest := total.Minor
		for _, ch := range o.Charges {
			if ch.Kind == kind && ch.When == landed.AtCheckout && ch.Line >= 0 && ch.Line < len(own) {
				own[ch.Line] += ch.Amount.Minor
				rest -= ch.Amount.Minor
			}
		}
		if rest < 0 {
			clear(own)
			rest = total.Minor
		}
		parts := spread(money.Of(rest, o.Currency), by)
		for i := range parts {
			parts[i].Minor += own[i]
		}
		return parts
	}
	return of(landed.Duty, o.Duty), of(landed.Tax, o.Tax)
}
