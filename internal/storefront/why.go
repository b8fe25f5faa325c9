package storefront

import (
	"strings"

	"portolan/internal/checkout"
	"portolan/internal/cldr"
	"portolan/internal/landed"
	"portolan/internal/money"
)

// whyRow says how one charge comes about: what it is, what it is reckoned on, who asks for it and since when.
type whyRow struct{ What, For, Sum, Amount, Means, Collected, Rule string }

// why explains every charge of a quote.
func (s *shop) why(at place, q *checkout.Quote) []whyRow {
	var out []whyRow
	for i := range q.Charges {
		c := &q.Charges[i]
		row := whyRow{What: at.say.T(c.Label), Amount: at.say.Money(c.Amount), Sum: reckoned(at, q, c), Rule: c.Rule}
		if c.Line >= 0 && c.Line < len(q.Lines) {
			row.For = q.Lines[c.Line].Title
		}
		if key := "why." + strings.ReplaceAll(c.Label, ".", "_"); at.say.Has(key) {
			row.Means = at.say.T(key)
		} else if c.Kind == landed.Tax {
			row.Means = at.say.T("why.tax")
		}
		if c.Kind == landed.Tax && !c.Amount.IsZero() {
			row.Collected = collected(at, c)
		}
		if c.ValidFrom != "" {
			row.Rule = at.say.T("checkout.rule_from", "rule", c.Rule, "day", written(at, c.ValidFrom, cldr.Medium))
		}
		out = append(out, row)
	}
	return out
}

// reckoned is a charge as a sum: 19 % of EUR 38.17 (goods, delivery and duty).
func reckoned(at place, q *checkout.Quote, c *landed.Charge) string {
	base := c.Base
	of := ""
	switch {
	case c.Amount.IsZero():
		return at.say.T("why.nothing")
	case c.Rate.IsZero():
		return at.say.T("why.fixed")
	case c.Code == "ICMS":
		base, of = base.Add(c.Amount), "base_with_itself"
	case c.Line < 0:
		of = baseOf(q, base)
	}
	sum := at.say.T("why.rate_of", "rate", at.say.Percent(c.Rate), "base", base)
	if of != "" {
		sum += " (" + at.say.T("why."+of) + ")"
	}
	return sum
}

// baseOf says what a base consists of, where that can be told from the quote's figures.
func baseOf(q *checkout.Quote, base money.Amount) string {
	goods := q.Goods.Sub(q.Discount)
	duty := money.Of(0, goods.Currency) // all of it, whoever collects it
	for _, c := range q.Charges {
		if c.Kind == landed.Duty {
			duty = duty.Add(c.Amount)
		}
	}
	for _, known := range []struct {
		sum  money.Amount
		name string
	}{
		{goods, "base_goods"}, {goods.Add(q.Shipping), "base_goods_delivery"}, {goods.Add(duty), "base_goods_duty"},
		{goods.Add(q.Shipping).Add(duty), "base_goods_delivery_duty"},
	} {
		if known.sum == base {
			return known.name
		}
	}
	return "base_value"
}

// collected says who takes a tax and where it goes.
func collected(at place, c *landed.Charge) string {
	switch {
	case c.When == landed.AtBorder:
		return at.say.T("why.border_due")
	case c.Scheme == "":
		return at.say.T("why.border_paid")
	case c.Scheme == landed.Domestic:
		return at.say.T("why.domestic")
	case c.Scheme == landed.UnionSale:
		return at.say.T("why.union")
	case c.Scheme == landed.ByMarketplace:
		return at.say.T("why.marketplace")
	}
	return at.say.T("why.at_sale", "scheme", strings.ReplaceAll(c.Scheme, "_", " "))
}
