package pricing

import (
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrShortHistory is the fault of a reduction of something that hasn't had a price for 30 days.
	ErrShortHistory = fault.New(fault.Conflict, "pricing.history_short")
	// ErrNoReduction is the fault of a reduced price that isn't below the prior one: it may not be announced.
	ErrNoReduction = fault.New(fault.Conflict, "pricing.no_reduction")
)

// priorDays is how far back a prior price is looked for (Directive 98/6/EC Art. 6a).
const priorDays = 30

// Off is by how many per cent the price is below the one it is crossed out with, rounded down; 0 without one.
func (p Price) Off() int {
	if p.Was.Minor <= 0 || p.Amount.Minor >= p.Was.Minor {
		return 0
	}
	return int((p.Was.Minor - p.Amount.Minor) * 100 / p.Was.Minor)
}

// Prior is the lowest price applied to a variant in a market in the 30 days of the market before a moment,
// however briefly. ErrShortHistory says that it had no price on the first of them.
func (s *Service) Prior(tx *db.Tx, code market.Code, sku string, start time.Time) (money.Amount, error) {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return money.Amount{}, err
	}
	local := start.In(m.Location())
	since := time.Date(local.Year(), local.Month(), local.Day()-priorDays, 0, 0, 0, 0, m.Location())
	first, err := db.One(tx, func(r db.Row) (at time.Time, err error) { return at, r.Scan(db.Moment(&at)) },
		`select min(from_at) from price_rows where market = $1 and sku = $2`, code, sku)
	if err != nil {
		return money.Amount{}, err
	}
	if first.IsZero() || first.In(m.Location()).Format(time.DateOnly) > since.Format(time.DateOnly) {
		return money.Amount{}, fmt.Errorf("%s in %s before %s: %w", sku, code, local.Format(time.DateOnly), ErrShortHistory)
	}
	rows, err := db.All(tx, func(r db.Row) (a money.Amount, err error) { return a, r.Scan(&a.Minor, &a.Currency) },
		`select w.minor, r.currency from price_rows w join price_runs r on r.id = w.run
		where w.market = $1 and w.sku = $2 and r.currency = $3 and w.from_at < $4 and (w.to_at is null or w.to_at > $5) and (w.to_at is null or w.to_at > w.from_at)
		order by w.minor limit 1`, code, sku, m.Currency, start, since)
	if err != nil {
		return money.Amount{}, err
	}
	if len(rows) == 0 {
		return money.Amount{}, fmt.Errorf("%s in %s: %w", sku, code, ErrShortHistory)
	}
	return rows[0], nil
}

// Reduce announces a lower price from now on, crossed out against the prior one. Publish leaves it alone until
// EndReduction.
func (s *Service) Reduce(tx *db.Tx, code market.Code, sku string, price money.Amount) (Price, error) {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return Price{}, err
	}
	var c fault.Check
	c.That(price.Minor > 0, "price", "pricing.price_range")
	c.That(price.Currency == m.Currency, "price", "pricing.currency_differs")
	if err := c.Err("pricing.reduction_invalid"); err != nil {
		return Price{}, err
	}
	run := Run{ID: id.New("prc"), Market: code, Day: m.Day(tx.Now()), At: tx.Now(), Rate: money.One}
	if err := hold(tx, code, run.ID); err != nil {
		return Price{}, err
	}
	prior, err := s.Prior(tx, code, sku, tx.Now())
	if err != nil {
		return Price{}, err
	}
	if price.Minor >= prior.Minor {
		return Price{}, fmt.Errorf("%s is not below the prior price %s: %w", price, prior, ErrNoReduction)
	}
	fresh := freshRow{sku: sku, minor: price.Minor, was: prior.Minor, lowest: prior.Minor}
	return Price{Amount: price, TaxInclusive: m.TaxInclusive, Was: prior, Lowest30: prior, Rate: run.Rate, Day: run.Day, RowID: run.ID + "/" + sku},
		s.put(tx, m, run, becauseReduced, []freshRow{fresh})
}

// EndReduction goes back to the last price that wasn't reduced; without a running reduction it does nothing.
func (s *Service) EndReduction(tx *db.Tx, code market.Code, sku string) error {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return err
	}
	run := Run{ID: id.New("prc"), Market: code, Day: m.Day(tx.Now()), At: tx.Now(), Rate: money.One}
	if err := hold(tx, code, run.ID); err != nil {
		return err
	}
	rows, err := s.History(tx, code, sku, 1000)
	if err != nil || len(rows) == 0 || rows[0].Was.IsZero() {
		return err
	}
	for _, r := range rows {
		if r.Was.IsZero() && r.Amount.Currency == m.Currency {
			return s.put(tx, m, run, becauseEnded, []freshRow{{sku: sku, minor: r.Amount.Minor}})
		}
	}
	return nil
}
