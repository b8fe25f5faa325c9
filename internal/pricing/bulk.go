package pricing

import (
	"encoding/json"
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

// ErrNothingMoves is the fault of a change of a market's rules by which no price would change.
var ErrNothingMoves = fault.New(fault.Conflict, "pricing.nothing_moves")

// Overview are the sheets of the first variant of each product in a market, in their order: what Sheet says of
// them, but for the history a sale would need. What stands in the database is read once for all of them.
func (s *Service) Overview(tx *db.Tx, t Trade, code market.Code, all []*catalog.Product) ([]Sheet, error) {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return nil, err
	}
	return s.overview(tx, t, m, all)
}

func (s *Service) overview(tx *db.Tx, t Trade, m market.Market, all []*catalog.Product) (sheets []Sheet, err error) {
	day := tx.Now().Format(time.DateOnly)
	known, err := loadRates(tx, market.AddDays(day, -fxMemory))
	if err != nil {
		return nil, err
	}
	now, err := current(tx, m.Code)
	if err != nil {
		return nil, err
	}
	byHand, err := handPrices(tx, m)
	if err != nil {
		return nil, err
	}
	own, err := factors(tx, m.Code)
	if err != nil {
		return nil, err
	}
	costs, err := unitCosts(tx, "")
	if err != nil {
		return nil, err
	}
	terms, _, err := s.Terms(tx, m.Code)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if len(p.Variants) == 0 {
			continue
		}
		a, err := s.frame(tx.Now(), t, m, p, p.Variants[0].SKU, known, day)
		if err != nil {
			return nil, err
		}
		sku := a.Goods.SKU
		if row, ok := now[sku]; ok && row.currency == m.Currency {
			a.Published = Price{Amount: money.Of(row.minor, m.Currency), TaxInclusive: row.taxInclusive}
			if row.was > 0 {
				a.Published.Was = money.Of(row.was, m.Currency)
			}
		}
		a.Override = byHand[sku]
		if f, ok := own[sku]; ok {
			a.Factor, a.OwnFactor = f, true
		}
		cost, ok := costs[sku]
		if err := a.bear(terms, cost, ok, known, day); err != nil {
			return nil, err
		}
		a.Prior = a.Published.Amount // the history of each isn't read: no warning about it
		sheets = append(sheets, Explain(t.Rules, a))
	}
	return sheets, nil
}

func handPrices(tx *db.Tx, m market.Market) (map[string]money.Amount, error) {
	all := map[string]money.Amount{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var sku string
		var minor int64
		err = r.Scan(&sku, &minor)
		all[sku] = money.Of(minor, m.Currency)
		return
	}, `select sku, minor from price_overrides where market = $1`, m.Code)
	return all, err
}

// unitCosts are what pieces cost, by SKU, of those that where leaves.
func unitCosts(tx *db.Tx, where string, args ...any) (map[string]UnitCost, error) {
	all := map[string]UnitCost{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var u UnitCost
		err = r.Scan(&u.SKU, &u.Amount.Minor, &u.Amount.Currency)
		all[u.SKU] = u
		return
	}, `select sku, minor, currency from unit_costs`+where, args...)
	return all, err
}

// Rule is a change of how a market's prices are made, for all of them at once.
type Rule struct {
	Market   market.Code
	Factor   money.Rate
	Rounding market.Rounding
	Reason   string
	By       string
}

// Outlook is what a change of a market's rules would do.
type Outlook struct {
	Rule
	Before  market.Market
	Prices  int // variants that have a price
	Up      int // of them dearer afterwards
	Down    int
	Fixed   int        // set by hand or in a running sale: they stay
	Below   int        // of the products, sold below the floor afterwards
	Rows    []Movement // of the first variant of each product whose price changes
	Skipped []Skip
}

// Movement is one price before and after.
type Movement struct {
	Before, After Sheet
}

func (r Rule) check() error {
	var c fault.Check
	c.That(strings.TrimSpace(r.Reason) != "" && len(r.Reason) <= 300, "reason", "pricing.needs_reason")
	c.That(r.Factor.Coef > 0 && rat(r.Factor).Cmp(rat(money.MustRate("1000"))) <= 0, "factor", "market.factor_positive")
	c.That(r.Rounding.Step > 0 && r.Rounding.Step <= maxPrice, "step", "market.step_positive")
	c.That(r.Rounding.Ending >= 0 && (r.Rounding.Step <= 0 || r.Rounding.Ending < r.Rounding.Step), "ending", "market.ending_within_step")
	c.That(r.Rounding.Direction == market.Up || r.Rounding.Direction == market.Down || r.Rounding.Direction == market.Nearest, "direction", "market.direction_unknown")
	return c.Err("pricing.override_invalid")
}

func (r Rule) to(m market.Market) market.Market {
	m.Factor, m.Rounding = r.Factor, r.Rounding
	return m
}

// Foresee says what a change of a market's rules would do to the products given and to all prices. Nothing is kept.
func (s *Service) Foresee(tx *db.Tx, t Trade, r Rule, all []*catalog.Product) (Outlook, error) {
	o := Outlook{Rule: r}
	m, err := s.markets.Get(tx, r.Market)
	if err != nil {
		return o, err
	}
	o.Before = m
	if err := r.check(); err != nil {
		return o, err
	}
	fresh, err := s.remake(tx, r.to(m), &o)
	if err != nil {
		return o, err
	}
	after := map[string]int64{}
	for _, f := range fresh {
		after[f.sku] = f.minor
	}
	sheets, err := s.overview(tx, t, m, all)
	if err != nil {
		return o, err
	}
	for _, before := range sheets {
		minor, moves := after[before.Goods.SKU]
		now := before
		if moves {
			now = before.At(t.Rules, money.Of(minor, m.Currency))
			o.Rows = append(o.Rows, Movement{before, now})
		}
		if now.Warned(WarnBelowFloor) || now.Warned(WarnBelowCost) {
			o.Below++
		}
	}
	return o, nil
}

// remake makes all prices of a market by its rules, those apart that were set by hand or are in a sale, and counts
// what moves.
func (s *Service) remake(tx *db.Tx, m market.Market, o *Outlook) (fresh []freshRow, err error) {
	day := tx.Now().Format(time.DateOnly)
	offers, err := s.products.Offers(tx)
	if err != nil {
		return nil, err
	}
	known, err := loadRates(tx, market.AddDays(day, -fxMemory))
	if err != nil {
		return nil, err
	}
	now, err := current(tx, m.Code)
	if err != nil {
		return nil, err
	}
	byHand, err := overrides(tx, m.Code)
	if err != nil {
		return nil, err
	}
	own, err := factors(tx, m.Code)
	if err != nil {
		return nil, err
	}
	k := maker{m, s.taxes, known, day, map[money.Currency]Quotation{}, own}
	for _, offer := range offers {
		before, there := now[offer.SKU]
		if there {
			o.Prices++
		}
		if byHand[offer.SKU] || before.was > 0 {
			o.Fixed++
			continue
		}
		minor, skip, err := k.price(offer)
		switch {
		case err != nil:
			return nil, err
		case skip != "":
			o.Skipped = append(o.Skipped, Skip{offer.SKU, skip})
			continue
		case there && before.minor == minor && before.currency == m.Currency:
			continue
		case there && minor < before.minor:
			o.Down++
		default:
			o.Up++
		}
		fresh = append(fresh, freshRow{sku: offer.SKU, minor: minor})
	}
	return fresh, nil
}

// Bulk is a change of a market's rules that was made.
type Bulk struct {
	Rule
	ID             string
	At             time.Time
	BeforeFactor   money.Rate
	BeforeRounding market.Rounding
	Changed        int64 // prices
	Undone         bool

	run string
}

// ApplyRule changes a market's rules and publishes every price they move, by however little. ErrNothingMoves.
func (s *Service) ApplyRule(tx *db.Tx, r Rule) (Bulk, error) {
	m, err := s.markets.Get(tx, r.Market)
	if err != nil {
		return Bulk{}, err
	}
	if err := r.check(); err != nil {
		return Bulk{}, err
	}
	run := Run{ID: id.New("prc"), Market: r.Market, Day: tx.Now().Format(time.DateOnly), At: tx.Now(), Rate: money.One}
	if err := hold(tx, r.Market, run.ID); err != nil {
		return Bulk{}, err
	}
	var o Outlook
	after := r.to(m)
	fresh, err := s.remake(tx, after, &o)
	if err != nil {
		return Bulk{}, err
	}
	if len(fresh) == 0 {
		return Bulk{}, fmt.Errorf("rules of %s: %w", r.Market, ErrNothingMoves)
	}
	if offers, err := s.products.Offers(tx); err == nil && len(offers) > 0 {
		if q, err := s.Rate(tx, offers[0].Base.Currency, m.Currency, run.Day); err == nil {
			run.Rate, run.Day = q.Rate, q.Day
		}
	}
	if err := s.markets.Save(tx, after); err != nil {
		return Bulk{}, err
	}
	if err := s.put(tx, after, run, becausePublished, fresh); err != nil {
		return Bulk{}, err
	}
	b := Bulk{Rule: r, ID: id.New("blk"), At: tx.Now(), BeforeFactor: m.Factor, BeforeRounding: m.Rounding, Changed: int64(len(fresh)), run: run.ID}
	before, err1 := json.Marshal(b.BeforeRounding)
	now, err2 := json.Marshal(r.Rounding)
	if err := errors.Join(err1, err2); err != nil {
		return b, err
	}
	return b, tx.Send(`insert into price_bulks (id, market, reason, made_by, made_at, before_factor, before_round, after_factor, after_round, changed, run)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, b.ID, r.Market, r.Reason, r.By, b.At, m.Factor.String(), string(before), r.Factor.String(), string(now), b.Changed, b.run)
}

// UndoRule takes a change of a market's rules back: the factor and the rounding are as they were, and every price
// that it made and that still holds is the one before it. ErrMovedOn says that the rules were changed again since,
// or that this was undone already.
func (s *Service) UndoRule(tx *db.Tx, bulk, by string) (Bulk, error) {
	b, err := db.One(tx, scanBulk, `select `+bulkColumns+` from price_bulks where id = $1`+tx.ForUpdate(), bulk)
	if errors.Is(err, db.ErrNone) {
		return b, fmt.Errorf("change %.40q: %w", bulk, ErrNoPrice)
	}
	if err != nil {
		return b, err
	}
	m, err := s.markets.Get(tx, b.Market)
	if err != nil {
		return b, err
	}
	if b.Undone || !m.Factor.Equal(b.Factor) || m.Rounding != b.Rounding {
		return b, fmt.Errorf("change %s of %s: %w", b.ID, b.Market, ErrMovedOn)
	}
	run := Run{ID: id.New("prc"), Market: b.Market, Day: m.Day(tx.Now()), At: tx.Now(), Rate: money.One}
	if err := hold(tx, b.Market, run.ID); err != nil {
		return b, err
	}
	fresh, err := db.All(tx, func(r db.Row) (f freshRow, err error) { return f, r.Scan(&f.sku, &f.minor, &f.was, &f.lowest) },
		`select w.sku, p.minor, p.was_minor, p.lowest_minor from price_rows w join price_rows p on p.market = w.market and p.sku = w.sku and p.to_at = w.from_at
		where w.run = $1 and w.to_at is null order by w.sku`, b.run)
	if err != nil {
		return b, err
	}
	m.Factor, m.Rounding = b.BeforeFactor, b.BeforeRounding
	if err := s.markets.Save(tx, m); err != nil {
		return b, err
	}
	if len(fresh) > 0 {
		if err := s.put(tx, m, run, becauseUndone, fresh); err != nil {
			return b, err
		}
	}
	b.Undone = true
	return b, tx.Send(`update price_bulks set undone_by = $2, undone_at = $3 where id = $1`, b.ID, by, tx.Now())
}

// Bulks are the changes of markets' rules, the latest first.
func (s *Service) Bulks(tx *db.Tx, limit int) ([]Bulk, error) {
	return db.All(tx, scanBulk, `select `+bulkColumns+` from price_bulks order by made_at desc, id desc limit $1`, limit)
}

const bulkColumns = `id, market, reason, made_by, made_at, before_factor, before_round, after_factor, after_round, changed, run, undone_at`

func scanBulk(r db.Row) (b Bulk, err error) {
	var undone time.Time
	var factor, factor2, round, round2 string
	if err = r.Scan(&b.ID, &b.Market, &b.Reason, &b.By, db.Moment(&b.At), &factor, &round, &factor2, &round2, &b.Changed, &b.run, db.Moment(&undone)); err != nil {
		return b, err
	}
	b.Undone = !undone.IsZero()
	var errs [4]error
	b.BeforeFactor, errs[0] = money.ParseRate(factor)
	b.Factor, errs[1] = money.ParseRate(factor2)
	errs[2] = json.Unmarshal([]byte(round), &b.BeforeRounding)
	errs[3] = json.Unmarshal([]byte(round2), &b.Rounding)
	return b, errors.Join(errs[:]...)
}
