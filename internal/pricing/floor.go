package pricing

import (
	"slices"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
)

// floors knows how low the goods of a market may be sold.
type floors struct {
	market market.Market
	terms  Terms
	costs  map[string]UnitCost
	rates  *rates
	taxes  TaxRates
	day    string
}

// floors reads what it takes; false where the market isn't known.
func (s *Service) floors(tx *db.Tx, code market.Code, costs map[string]UnitCost) (floors, bool, error) {
	m, ok := s.markets.ByCode(code)
	if !ok {
		return floors{}, false, nil
	}
	terms, _, err := s.Terms(tx, code)
	return floors{m, terms, costs, s.rates.Get(), s.taxes, tx.Now().Format(time.DateOnly)}, true, err
}

// under sums what goods are sold for and what they have to be sold for at least: what their pieces cost, with delivery,
// returns, fees and tax as the market's terms have them, and what should be left (specification of prices, section 2).
// Those whose cost nobody has said are left out, and so is duty that the merchant bears. It is false where nothing can be
// said: no cost is known, or a rate is missing.
func (f floors) under(goods []Piece) (total, floor int64, ok bool) {
	a, terms := Ask{Market: f.market}, f.terms
	for _, g := range goods {
		cost, ok := f.costs[g.SKU]
		if !ok || g.Quantity < 1 {
			continue
		}
		if err := a.bear(terms, UnitCost{SKU: g.SKU, Amount: cost.Amount}, true, f.rates, f.day); err != nil {
			return 0, 0, false
		}
		if a.Cost.Tax = (money.Rate{}); f.market.TaxInclusive && f.taxes != nil {
			a.Cost.Tax, _ = f.taxes.TaxRate(f.market.Country(), "", g.TaxCategory, f.day)
		}
		least, ok := a.Cost.Floor()
		if !ok {
			return 0, 0, false
		}
		total += g.Total.Minor
		floor += least.Minor * g.Quantity
		terms.Fixed.Minor = 0 // once per payment
	}
	return total, floor, total > 0
}

// bears reports whether goods keep their least margin with a discount, which they share by their totals.
func (f floors) bears(use CodeUse, off money.Amount) bool {
	if off.IsZero() || use.Subtotal.Minor <= 0 {
		return true
	}
	total, floor, ok := f.under(use.Goods)
	if !ok {
		return true
	}
	share := off.Times(money.Rate{Coef: total * 10_000 / use.Subtotal.Minor, Scale: 4})
	return total-share.Minor >= floor
}

// aboveFloor refuses a discount with which goods would be sold below the least margin of their market.
func (s *Service) aboveFloor(tx *db.Tx, use CodeUse, off money.Amount) error {
	if off.IsZero() || len(use.Goods) == 0 {
		return nil
	}
	skus := make([]string, len(use.Goods))
	for i, g := range use.Goods {
		skus[i] = g.SKU
	}
	costs, err := unitCosts(tx, ` where sku in `+db.In(1, len(skus)), db.Fill(skus)...)
	if err != nil || len(costs) == 0 {
		return err
	}
	f, ok, err := s.floors(tx, use.Market, costs)
	if err != nil || !ok {
		return err
	}
	if !f.bears(use, off) {
		return ErrCodeFloor
	}
	return nil
}

// Reach is with how many articles of a market a code could be used.
type Reach struct {
	Takes int64 // articles that leave the least margin with it
	Of    int64 // articles with a price there whose cost is known
}

// mostPieces is how many pieces of one article are tried.
const mostPieces = 99

// Reach tries a code that isn't made yet on each article of a shelf by itself, its first variant in as many pieces as the
// code's minimum asks for, and refuses what the checkout would refuse.
func (s *Service) Reach(tx *db.Tx, r CodeRule, code market.Code, shelf []*catalog.Product) (out Reach, err error) {
	err = s.try(tx, r, code, shelf, func(_ *catalog.Product, takes bool) {
		out.Of++
		if takes {
			out.Takes++
		}
	})
	return out, err
}

// Bearing are the articles of a shelf, in its order, for which the checkout would take a code that isn't made yet, each tried
// as by Reach. Those whose cost nobody has said are among them.
func (s *Service) Bearing(tx *db.Tx, r CodeRule, code market.Code, shelf []*catalog.Product) ([]*catalog.Product, error) {
	refused := map[*catalog.Product]bool{}
	err := s.try(tx, r, code, shelf, func(p *catalog.Product, takes bool) { refused[p] = !takes })
	return slices.DeleteFunc(slices.Clone(shelf), func(p *catalog.Product) bool { return refused[p] }), err
}

// mostNamed is for how many articles costs are looked up by name.
const mostNamed = 100

// try tells of each article of a shelf with a price and a known cost whether a code would be taken for it.
func (s *Service) try(tx *db.Tx, r CodeRule, code market.Code, shelf []*catalog.Product, tell func(p *catalog.Product, takes bool)) error {
	where, names := "", []any(nil)
	if len(shelf) <= mostNamed {
		var skus []string
		for _, p := range shelf {
			if len(p.Variants) > 0 {
				skus = append(skus, p.Variants[0].SKU)
			}
		}
		if len(skus) == 0 {
			return nil
		}
		where, names = ` where sku in `+db.In(1, len(skus)), db.Fill(skus)
	}
	costs, err := unitCosts(tx, where, names...)
	if err != nil || len(costs) == 0 {
		return err
	}
	f, ok, err := s.floors(tx, code, costs)
	if err != nil || !ok {
		return err
	}
	c := unmade(r)
	for _, p := range shelf {
		if len(p.Variants) == 0 {
			continue
		}
		sku := p.Variants[0].SKU
		price, err := s.Price(code, sku)
		if _, known := costs[sku]; err != nil || !known || price.Amount.Minor <= 0 {
			continue
		}
		pieces := int64(1)
		if least := r.Minimums[code]; least.Minor > 0 {
			pieces = min(mostPieces, (least.Minor+price.Amount.Minor-1)/price.Amount.Minor)
		}
		all := money.Of(price.Amount.Minor*pieces, price.Amount.Currency)
		use := CodeUse{Market: code, Cart: r.Cart, Customer: r.Customer, Subtotal: all, Goods: []Piece{{SKU: sku, TaxCategory: p.TaxCategory, Quantity: pieces, Total: all}}}
		off, err := c.off(use, tx.Now())
		tell(p, err == nil && f.bears(use, off))
	}
	return nil
}
