package pricing

import (
	"time"

	"portolan/internal/db"
	"portolan/internal/money"
)

// aboveFloor refuses a discount with which goods would be sold below the least margin of their market: below what their
// pieces cost, with delivery, returns, fees and tax as the market's terms have them, and what should be left (specification
// of prices, section 2). Goods are looked at together, the discount shared by their totals; those whose cost nobody has
// said are left out, and so is duty that the merchant bears. A rate that is missing refuses nothing.
func (s *Service) aboveFloor(tx *db.Tx, use CodeUse, off money.Amount) error {
	if off.IsZero() || len(use.Goods) == 0 {
		return nil
	}
	skus := make([]string, len(use.Goods))
	for i, g := range use.Goods {
		skus[i] = g.SKU
	}
	costs := map[string]money.Amount{}
	_, err := db.All(tx, func(r db.Row) (x struct{}, err error) {
		var sku string
		var a money.Amount
		err = r.Scan(&sku, &a.Minor, &a.Currency)
		costs[sku] = a
		return
	}, `select sku, minor, currency from unit_costs where sku in `+db.In(1, len(skus)), db.Fill(skus)...)
	if err != nil || len(costs) == 0 {
		return err
	}
	m, ok := s.markets.ByCode(use.Market)
	if !ok {
		return nil
	}
	terms, _, err := s.Terms(tx, use.Market)
	if err != nil {
		return err
	}
	day, known := tx.Now().Format(time.DateOnly), s.rates.Get()
	a := Ask{Market: m}
	total, floor := int64(0), int64(0)
	for _, g := range use.Goods {
		cost, ok := costs[g.SKU]
		if !ok || g.Quantity < 1 {
			continue
		}
		if err := a.bear(terms, UnitCost{SKU: g.SKU, Amount: cost}, true, known, day); err != nil {
			return nil
		}
		if a.Cost.Tax = (money.Rate{}); m.TaxInclusive && s.taxes != nil {
			a.Cost.Tax, _ = s.taxes.TaxRate(m.Country(), "", g.TaxCategory, day)
		}
		least, ok := a.Cost.Floor()
		if !ok {
			return nil
		}
		total += g.Total.Minor
		floor += least.Minor * g.Quantity
		terms.Fixed.Minor = 0 // once per payment
	}
	if use.Subtotal.Minor <= 0 || total == 0 {
		return nil
	}
	share := off.Times(money.Rate{Coef: total * 10_000 / use.Subtotal.Minor, Scale: 4})
	if total-share.Minor < floor {
		return ErrCodeFloor
	}
	return nil
}
