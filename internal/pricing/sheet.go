package pricing

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
)

// UnitCost is what the merchant pays for a piece of a variant.
type UnitCost struct {
	SKU    string
	Amount money.Amount
	Source string // "invoice 2211", "estimate"
	By     string
	At     time.Time
}

// Terms are what selling in a market costs and should leave. Amounts are in the market's currency; shares of
// nought are none.
type Terms struct {
	Delivery  money.Amount `json:"delivery"` // per piece, as far as the merchant bears it
	Fixed     money.Amount `json:"fixed"`    // per payment
	Returns   money.Amount `json:"returns"`  // per piece sold
	Fee       money.Rate   `json:"fee"`      // of the gross charge
	Least     money.Rate   `json:"least"`    // margin below which somebody is warned
	Target    money.Rate   `json:"target"`   // margin that cost-plus suggestions aim at
	BearsDuty bool         `json:"bears_duty"`
}

// SetUnitCost keeps what a piece of a variant costs the merchant.
func (s *Service) SetUnitCost(tx *db.Tx, u UnitCost) error {
	var c fault.Check
	c.That(u.SKU != "" && len(u.SKU) <= 40, "sku", "catalog.sku_form")
	c.That(u.Amount.Minor > 0 && u.Amount.Minor <= maxPrice, "cost", "pricing.price_range")
	c.That(u.Amount.Currency.Valid(), "cost", "pricing.currency_form")
	c.That(u.Source != "" && len(u.Source) <= 80, "source", "pricing.needs_source")
	if err := c.Err("pricing.cost_invalid"); err != nil {
		return err
	}
	return tx.Send(`insert into unit_costs (sku, minor, currency, source, set_by, set_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (sku) do update set minor = excluded.minor, currency = excluded.currency, source = excluded.source, set_by = excluded.set_by, set_at = excluded.set_at`,
		u.SKU, u.Amount.Minor, u.Amount.Currency, u.Source, u.By, tx.Now())
}

// UnitCost is what a piece of a variant costs the merchant; false where nobody has said.
func (s *Service) UnitCost(tx *db.Tx, sku string) (UnitCost, bool, error) {
	u, err := db.One(tx, func(r db.Row) (u UnitCost, err error) {
		return u, r.Scan(&u.SKU, &u.Amount.Minor, &u.Amount.Currency, &u.Source, &u.By, db.Moment(&u.At))
	}, `select sku, minor, currency, source, set_by, set_at from unit_costs where sku = $1`, sku)
	if errors.Is(err, db.ErrNone) {
		return UnitCost{}, false, nil
	}
	return u, err == nil, err
}

// SetTerms keeps what selling in a market costs and should leave.
func (s *Service) SetTerms(tx *db.Tx, code market.Code, t Terms, by string) error {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return err
	}
	var c fault.Check
	for name, a := range map[string]*money.Amount{"delivery": &t.Delivery, "fixed": &t.Fixed, "returns": &t.Returns} {
		if *a == (money.Amount{}) {
			a.Currency = m.Currency
		}
		c.That(a.Minor >= 0 && a.Minor <= maxPrice, name, "pricing.price_range")
		c.That(a.Currency == m.Currency, name, "pricing.currency_differs")
	}
	for name, r := range map[string]money.Rate{"fee": t.Fee, "least": t.Least, "target": t.Target} {
		c.That(r.Coef >= 0 && rat(r).Cmp(rat(money.One)) < 0, name, "pricing.percent_range")
	}
	if err := c.Err("pricing.terms_invalid"); err != nil {
		return err
	}
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return tx.Send(`insert into price_terms (market, body, set_by, set_at) values ($1, $2, $3, $4)
		on conflict (market) do update set body = excluded.body, set_by = excluded.set_by, set_at = excluded.set_at`, code, string(body), by, tx.Now())
}

// Terms are what selling in a market costs and should leave; false where nobody has said.
func (s *Service) Terms(tx *db.Tx, code market.Code) (t Terms, ok bool, err error) {
	body, err := db.One(tx, db.Scalar[string], `select body from price_terms where market = $1`, code)
	if errors.Is(err, db.ErrNone) {
		return t, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(body), &t)
	}
	return t, err == nil, err
}

// SetFactor gives a variant a factor of its own in a market, from the next Publish on; a zero one takes it back.
func (s *Service) SetFactor(tx *db.Tx, code market.Code, sku string, factor money.Rate) error {
	var c fault.Check
	c.That(sku != "" && len(sku) <= 40, "sku", "catalog.sku_form")
	c.That(factor.Coef >= 0 && rat(factor).Cmp(rat(money.MustRate("1000"))) <= 0, "factor", "market.factor_positive")
	if err := c.Err("pricing.override_invalid"); err != nil {
		return err
	}
	if factor.IsZero() {
		return tx.Send(`delete from price_factors where market = $1 and sku = $2`, code, sku)
	}
	return tx.Send(`insert into price_factors (market, sku, factor, set_at) values ($1, $2, $3, $4)
		on conflict (market, sku) do update set factor = excluded.factor, set_at = excluded.set_at`, code, sku, factor.String(), tx.Now())
}

// factors are the factors of variants' own in a market.
func factors(tx *db.Tx, code market.Code) (map[string]money.Rate, error) {
	all := map[string]money.Rate{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var sku, factor string
		if err = r.Scan(&sku, &factor); err != nil {
			return
		}
		all[sku], err = money.ParseRate(factor)
		return
	}, `select sku, factor from price_factors where market = $1`, code)
	return all, err
}

// Override is the price of a variant in a market set by hand; false without one.
func (s *Service) Override(tx *db.Tx, m market.Market, sku string) (money.Amount, bool, error) {
	minor, err := db.One(tx, db.Scalar[int64], `select minor from price_overrides where market = $1 and sku = $2`, m.Code, sku)
	if errors.Is(err, db.ErrNone) {
		return money.Amount{}, false, nil
	}
	return money.Of(minor, m.Currency), err == nil, err
}

// Trade is what a sheet needs to know of how the merchant sends and sells.
type Trade struct {
	Rules         Landed
	ShipFrom      market.Country
	Registrations []string
	Sales         Sales // nil: nothing is known of what was sold
}

// hubs are currencies in which thresholds of duty and tax are written.
var hubs = []money.Currency{"EUR", "USD", "GBP", "CNY", "IDR", "MYR"}

// Sheet is the price of a variant in a market with everything that makes it, as of now. ErrNoRate and
// ErrStaleRate say that it can't be made; ErrNoPrice that the product has no such variant.
func (s *Service) Sheet(tx *db.Tx, t Trade, code market.Code, p *catalog.Product, sku string) (Sheet, error) {
	a, err := s.ask(tx, t, code, p, sku)
	if err != nil {
		return Sheet{}, err
	}
	return Explain(t.Rules, a), nil
}

func (s *Service) ask(tx *db.Tx, t Trade, code market.Code, p *catalog.Product, sku string) (a Ask, err error) {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return a, err
	}
	day := tx.Now().Format(time.DateOnly)
	known, err := loadRates(tx, market.AddDays(day, -fxMemory))
	if err != nil {
		return a, err
	}
	if a, err = s.frame(tx.Now(), t, m, p, sku, known, day); err != nil {
		return a, err
	}
	return a, errors.Join(s.standing(tx, &a), s.costs(tx, &a, known, day))
}

// frame is what a price is made from as far as it stands with the product, the market and the rates.
func (s *Service) frame(now time.Time, t Trade, m market.Market, p *catalog.Product, sku string, known *rates, day string) (a Ask, err error) {
	a = Ask{Market: m, Base: p.Base, Factor: m.Factor, At: now, ShipFrom: string(t.ShipFrom), Registrations: t.Registrations,
		Goods: Goods{sku, p.CustomsDescription, p.HS, string(p.Origin), p.TaxCategory, p.WeightGrams}}
	found := false
	for i := range p.Variants {
		if v := &p.Variants[i]; v.SKU == sku {
			found = true
			if v.Base.Minor > 0 {
				a.Base = v.Base
			}
			if v.WeightGrams > 0 {
				a.Goods.WeightGrams = v.WeightGrams
			}
		}
	}
	if !found {
		return a, fmt.Errorf("%.40q of %.40q: %w", sku, p.Slug, ErrNoPrice)
	}
	if a.Rate, err = known.find(a.Base.Currency, m.Currency, day); err != nil {
		return a, err
	}
	for _, hub := range hubs {
		if fx, err := known.find(hub, m.Currency, day); err == nil && hub != m.Currency {
			a.FX = append(a.FX, landed.FX{From: hub, To: m.Currency, Rate: fx.Rate})
		}
	}
	if s.taxes != nil {
		a.Tax, a.TaxKnown = s.taxes.TaxRate(m.Country(), "", p.TaxCategory, day)
	}
	return a, nil
}

// standing fills in what holds: the published price, one set by hand, a factor of its own, the prior price.
func (s *Service) standing(tx *db.Tx, a *Ask) error {
	m, sku := a.Market, a.Goods.SKU
	rows, err := s.History(tx, m.Code, sku, 1)
	if err != nil {
		return err
	}
	if len(rows) == 1 && rows[0].To.IsZero() && rows[0].Amount.Currency == m.Currency {
		a.Published = Price{Amount: rows[0].Amount, TaxInclusive: m.TaxInclusive, Was: rows[0].Was, RowID: rows[0].ID}
	}
	if a.Override, _, err = s.Override(tx, m, sku); err != nil {
		return err
	}
	own, err := factors(tx, m.Code)
	if err != nil {
		return err
	}
	if f, ok := own[sku]; ok {
		a.Factor, a.OwnFactor = f, true
	}
	if a.Prior, err = s.Prior(tx, m.Code, sku, tx.Now()); errors.Is(err, ErrShortHistory) {
		err = nil
	}
	return err
}

// costs fills in what a piece costs, in the market's currency.
func (s *Service) costs(tx *db.Tx, a *Ask, known *rates, day string) error {
	t, _, err := s.Terms(tx, a.Market.Code)
	if err != nil {
		return err
	}
	u, ok, err := s.UnitCost(tx, a.Goods.SKU)
	if err != nil {
		return err
	}
	return a.bear(t, u, ok, known, day)
}

// bear fills in what terms and the cost of a piece, where it is known, come to in the market's currency.
func (a *Ask) bear(t Terms, u UnitCost, known bool, fx *rates, day string) error {
	in := a.Market.Currency
	a.BearsDuty = t.BearsDuty
	a.Cost = Cost{Goods: money.Of(0, in), Delivery: money.Of(0, in), Fixed: money.Of(0, in), Returns: money.Of(0, in), Duty: money.Of(0, in),
		Fee: t.Fee, Least: t.Least}
	if t.Delivery.Currency == in {
		a.Cost.Delivery, a.Cost.Fixed, a.Cost.Returns = t.Delivery, t.Fixed, t.Returns
	}
	if !known {
		return nil
	}
	q, err := fx.find(u.Amount.Currency, in, day)
	if err != nil {
		return fmt.Errorf("cost of %s: %w", u.SKU, err)
	}
	a.Cost.Goods, a.CostKnown = u.Amount.Convert(in, q.Rate), true
	return nil
}
