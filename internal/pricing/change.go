package pricing

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrReduced is the fault of a change to the price of something whose sale is running: end the sale first.
	ErrReduced = fault.New(fault.Conflict, "pricing.reduction_runs")
	// ErrMovedOn is the fault of taking back a change after which the price was made again.
	ErrMovedOn = fault.New(fault.Conflict, "pricing.moved_on")
)

// ChangeKind is what somebody does to the price of one variant in one market.
type ChangeKind string

const (
	ChangeFixed   ChangeKind = "fixed"    // a price by hand
	ChangeFactor  ChangeKind = "factor"   // a factor of the variant's own; a price by hand ends
	ChangeRules   ChangeKind = "rules"    // back to what the market's rules make
	ChangeSale    ChangeKind = "sale"     // an announced reduction
	ChangeEndSale ChangeKind = "end_sale" // and its end
)

// Change is a change to the price of a variant in a market. Price is for fixed prices and sales, Factor for
// factors.
type Change struct {
	Market market.Code
	SKU    string
	Kind   ChangeKind
	Price  money.Amount
	Factor money.Rate
	Reason string // for those who ask later
	By     string
}

// Changed is a change that was made.
type Changed struct {
	Change
	ID            string
	At            time.Time
	Before, After money.Amount // what was and what is asked for a piece; Before is zero where nothing was published
	Undone        bool

	was      int64
	override int64
	factor   string
	run      string
}

const becauseUndone = "undone"

func (c Change) check(m market.Market) error {
	var f fault.Check
	f.That(strings.TrimSpace(c.Reason) != "" && len(c.Reason) <= 300, "reason", "pricing.needs_reason")
	switch c.Kind {
	case ChangeFixed, ChangeSale:
		f.That(c.Price.Minor > 0 && c.Price.Minor <= maxPrice, "price", "pricing.price_range")
		f.That(c.Price.Currency == m.Currency, "price", "pricing.currency_differs")
	case ChangeFactor:
		f.That(c.Factor.Coef > 0 && rat(c.Factor).Cmp(rat(money.MustRate("1000"))) <= 0, "factor", "market.factor_positive")
	case ChangeRules, ChangeEndSale:
	default:
		f.That(false, "kind", "pricing.kind_unknown")
	}
	return f.Err("pricing.override_invalid")
}

// Preview is the sheet as it would be after a change, and the sheet before it. Nothing is kept. What Apply would
// refuse, Preview refuses.
func (s *Service) Preview(tx *db.Tx, t Trade, p *catalog.Product, c Change) (before, after Sheet, err error) {
	m, err := s.markets.Get(tx, c.Market)
	if err != nil {
		return before, after, err
	}
	if err := c.check(m); err != nil {
		return before, after, err
	}
	a, err := s.ask(tx, t, c.Market, p, c.SKU)
	if err != nil {
		return before, after, err
	}
	before = Explain(t.Rules, a)
	reduced := !a.Published.Was.IsZero()
	if reduced != (c.Kind == ChangeEndSale) && (reduced || c.Kind == ChangeEndSale) {
		return before, after, fmt.Errorf("%s in %s: %w", c.SKU, c.Market, ErrReduced)
	}
	switch c.Kind {
	case ChangeFixed:
		a.Override = c.Price
		a.Published = Price{Amount: c.Price, TaxInclusive: m.TaxInclusive}
	case ChangeFactor, ChangeRules:
		a.Factor, a.OwnFactor, a.Override = m.Factor, false, money.Amount{}
		if c.Kind == ChangeFactor {
			a.Factor, a.OwnFactor = c.Factor, true
		}
		made := Explain(nil, a).Target
		if made.Minor <= 0 || made.Minor > maxPrice {
			return before, after, fault.New(fault.Invalid, "pricing.override_invalid").With(map[string]string{"factor": "pricing.price_range"})
		}
		a.Published = Price{Amount: made, TaxInclusive: m.TaxInclusive}
	case ChangeSale:
		if a.Prior, err = s.Prior(tx, c.Market, c.SKU, tx.Now()); err != nil {
			return before, after, err
		}
		if c.Price.Minor >= a.Prior.Minor {
			return before, after, fmt.Errorf("%s is not below the prior price %s: %w", c.Price, a.Prior, ErrNoReduction)
		}
		a.Published = Price{Amount: c.Price, TaxInclusive: m.TaxInclusive, Was: a.Prior, Lowest30: a.Prior}
	case ChangeEndSale:
		last, err := s.unreduced(tx, m, c.SKU)
		if err != nil {
			return before, after, err
		}
		a.Published = Price{Amount: last, TaxInclusive: m.TaxInclusive}
	}
	return before, Explain(t.Rules, a), nil
}

// unreduced is the last price before a sale.
func (s *Service) unreduced(tx *db.Tx, m market.Market, sku string) (money.Amount, error) {
	rows, err := s.History(tx, m.Code, sku, 1000)
	for _, r := range rows {
		if r.Was.IsZero() && r.Amount.Currency == m.Currency {
			return r.Amount, nil
		}
	}
	return money.Amount{}, errors.Join(err, ErrNoPrice)
}

// Apply publishes a change at once and keeps who made it and why, so that Undo can take it back.
func (s *Service) Apply(tx *db.Tx, t Trade, p *catalog.Product, c Change) (Changed, error) {
	if err := hold(tx, c.Market, id.New("prc")); err != nil {
		return Changed{}, err
	}
	before, after, err := s.Preview(tx, t, p, c)
	if err != nil {
		return Changed{}, err
	}
	m := before.Market
	run := Run{ID: id.New("prc"), Market: c.Market, Day: after.Rate.Day, At: tx.Now(), Rate: after.Rate.Rate}
	done := Changed{Change: c, ID: id.New("chg"), At: tx.Now(), Before: before.Published.Amount, After: after.Price, was: before.Published.Was.Minor,
		override: before.Override.Minor, run: run.ID}
	if before.OwnFactor {
		done.factor = before.Factor.String()
	}
	reason, fresh := becauseOverride, freshRow{sku: c.SKU, minor: after.Price.Minor}
	switch c.Kind {
	case ChangeFactor, ChangeRules:
		reason = becausePublished
		factor := c.Factor
		if c.Kind == ChangeRules {
			factor = money.Rate{}
		}
		err = s.settle(tx, m, c.SKU, 0, factor)
	case ChangeFixed:
		err = s.settle(tx, m, c.SKU, c.Price.Minor, before.ownFactor())
	case ChangeSale:
		reason, fresh.was, fresh.lowest = becauseReduced, after.Prior.Minor, after.Prior.Minor
	case ChangeEndSale:
		reason = becauseEnded
	}
	if err != nil {
		return Changed{}, err
	}
	if err := s.put(tx, m, run, reason, []freshRow{fresh}); err != nil {
		return Changed{}, err
	}
	return done, tx.Send(`insert into price_changes (id, market, sku, kind, reason, made_by, made_at, currency, before_minor, before_was, before_override,
		before_factor, after_minor, run) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, done.ID, c.Market, c.SKU, c.Kind, c.Reason, c.By,
		done.At, m.Currency, done.Before.Minor, done.was, done.override, done.factor, done.After.Minor, done.run)
}

func (s *Sheet) ownFactor() money.Rate {
	if s.OwnFactor {
		return s.Factor
	}
	return money.Rate{}
}

// settle keeps a price by hand and a factor, or neither where they are nought.
func (s *Service) settle(tx *db.Tx, m market.Market, sku string, minor int64, factor money.Rate) error {
	if err := s.SetFactor(tx, m.Code, sku, factor); err != nil {
		return err
	}
	if minor == 0 {
		return s.ClearOverride(tx, m.Code, sku)
	}
	return tx.Send(`insert into price_overrides (market, sku, minor, set_at) values ($1, $2, $3, $4)
		on conflict (market, sku) do update set minor = excluded.minor, set_at = excluded.set_at`, m.Code, sku, minor, tx.Now())
}

// Undo takes a change back: the price before it is published again, and the price by hand and the factor are as
// they were. The history keeps both. ErrMovedOn says that the price was made again since, or the change was
// undone already.
func (s *Service) Undo(tx *db.Tx, change, by string) (Changed, error) {
	c, err := db.One(tx, scanChanged, `select `+changeColumns+` from price_changes where id = $1`+tx.ForUpdate(), change)
	if errors.Is(err, db.ErrNone) {
		return c, fmt.Errorf("change %.40q: %w", change, ErrNoPrice)
	}
	if err != nil {
		return c, err
	}
	m, err := s.markets.Get(tx, c.Market)
	if err != nil {
		return c, err
	}
	run := Run{ID: id.New("prc"), Market: c.Market, Day: m.Day(tx.Now()), At: tx.Now(), Rate: money.One}
	if err := hold(tx, c.Market, run.ID); err != nil {
		return c, err
	}
	rows, err := s.History(tx, c.Market, c.SKU, 1)
	if err != nil {
		return c, err
	}
	if c.Undone || c.Before.Minor <= 0 || m.Currency != c.Before.Currency || len(rows) == 0 || rows[0].ID != c.run+"/"+c.SKU {
		return c, fmt.Errorf("change %s of %s in %s: %w", c.ID, c.SKU, c.Market, ErrMovedOn)
	}
	var factor money.Rate
	if c.factor != "" {
		if factor, err = money.ParseRate(c.factor); err != nil {
			return c, err
		}
	}
	if err := s.settle(tx, m, c.SKU, c.override, factor); err != nil {
		return c, err
	}
	if err := s.put(tx, m, run, becauseUndone, []freshRow{{sku: c.SKU, minor: c.Before.Minor, was: c.was, lowest: c.was}}); err != nil {
		return c, err
	}
	c.Undone = true
	return c, tx.Send(`update price_changes set undone_by = $2, undone_at = $3 where id = $1`, c.ID, by, tx.Now())
}

// Changes are what people did to the price of a variant in a market, the latest first.
func (s *Service) Changes(tx *db.Tx, code market.Code, sku string, limit int) ([]Changed, error) {
	return db.All(tx, scanChanged, `select `+changeColumns+` from price_changes where market = $1 and sku = $2 order by made_at desc, id desc limit $3`, code, sku, limit)
}

const changeColumns = `id, market, sku, kind, reason, made_by, made_at, currency, before_minor, before_was, before_override, before_factor, after_minor, run, undone_at`

func scanChanged(r db.Row) (c Changed, err error) {
	var undone time.Time
	err = r.Scan(&c.ID, &c.Market, &c.SKU, &c.Kind, &c.Reason, &c.By, db.Moment(&c.At), &c.Before.Currency, &c.Before.Minor, &c.was, &c.override, &c.factor,
		&c.After.Minor, &c.run, db.Moment(&undone))
	c.After.Currency, c.Undone = c.Before.Currency, !undone.IsZero()
	return c, err
}
