package pricing

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Why a row was made.
const (
	becausePublished = "published"
	becauseOverride  = "override"
	becauseReduced   = "reduced"
	becauseEnded     = "reduction_ended"
)

// moved is the per cent by which a target has to move before a price is made anew: prices don't flicker with
// the rate.
const moved = 3

// maxPrice is the highest price in minor units.
const maxPrice = 1_000_000_000_000_000

// Publish makes the rows of a market anew from base prices, the latest rate and the market's rules:
//
//	base · rate · factor · (1 + tax, where prices are shown with it), rounded to the market's endings
//
// The factor is the market's, or one of the variant's own (SetFactor).
// A price whose target moved by no more than 3 % stays, unless the market's currency, tax form or endings have
// changed; so do prices set by hand and running reductions. Nothing changes where there is no rate for the day
// (ErrNoRate, ErrStaleRate); days of rates are UTC's here.
func (s *Service) Publish(tx *db.Tx, code market.Code) (Run, error) {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return Run{}, err
	}
	run := Run{ID: id.New("prc"), Market: code, Day: tx.Now().Format(time.DateOnly), At: tx.Now(), Rate: money.One}
	if err := hold(tx, code, run.ID); err != nil {
		return run, err
	}
	offers, err := s.products.Offers(tx)
	if err != nil {
		return run, err
	}
	known, err := loadRates(tx, market.AddDays(run.Day, -fxMemory))
	if err != nil {
		return run, err
	}
	now, err := current(tx, code)
	if err != nil {
		return run, err
	}
	byHand, err := overrides(tx, code)
	if err != nil {
		return run, err
	}
	own, err := factors(tx, code)
	if err != nil {
		return run, err
	}
	maker := maker{m, s.taxes, known, run.Day, map[money.Currency]Quotation{}, own}
	var fresh []freshRow
	for _, o := range offers {
		if byHand[o.SKU] {
			run.Kept++
			continue
		}
		target, skip, err := maker.price(o)
		if err != nil {
			return run, fmt.Errorf("publish %s: %w", code, err)
		}
		if skip != "" {
			run.Skipped = append(run.Skipped, Skip{o.SKU, skip})
			continue
		}
		if r, ok := now[o.SKU]; ok && r.stays(m, target) {
			run.Kept++
			continue
		}
		fresh = append(fresh, freshRow{sku: o.SKU, minor: target})
	}
	if len(offers) > 0 {
		q := maker.quotes[offers[0].Base.Currency]
		run.Rate, run.Day = q.Rate, q.Day
	}
	run.Published = len(fresh)
	if len(fresh) == 0 {
		return run, nil
	}
	return run, s.put(tx, m, run, becausePublished, fresh)
}

// maker makes prices for one market on one day.
type maker struct {
	m      market.Market
	taxes  TaxRates
	known  *rates
	day    string
	quotes map[money.Currency]Quotation
	own    map[string]money.Rate // factors of variants' own
}

// price makes a price in minor units of the market's currency, or says why it can't be made.
func (k maker) price(o catalog.Offer) (minor int64, skip string, err error) {
	q, ok := k.quotes[o.Base.Currency]
	if !ok {
		if q, err = k.known.find(o.Base.Currency, k.m.Currency, k.day); err != nil {
			return 0, "", err
		}
		k.quotes[o.Base.Currency] = q
	}
	tax := money.One
	if k.m.TaxInclusive {
		rate, ok := k.taxes.TaxRate(k.m.Country(), "", o.TaxCategory, k.day)
		if !ok {
			return 0, "pricing.tax_unknown", nil
		}
		tax = tax.Add(rate)
	}
	factor := k.m.Factor
	if own, ok := k.own[o.SKU]; ok {
		factor = own
	}
	p := o.Base.Convert(k.m.Currency, q.Rate, factor, tax)
	minor = Charm(p.Minor, k.m.Rounding)
	if minor > maxPrice {
		return 0, "pricing.price_range", nil
	}
	return minor, "", nil
}

// standing is a row in force as Publish sees it.
type standing struct {
	minor, was   int64
	currency     money.Currency
	taxInclusive bool
}

func (r standing) stays(m market.Market, target int64) bool {
	if r.currency != m.Currency || r.taxInclusive != m.TaxInclusive {
		return false
	}
	if r.was > 0 || r.minor == target {
		return true
	}
	far := max(target-r.minor, r.minor-target)
	return Charm(r.minor, m.Rounding) == r.minor && far*100 <= r.minor*moved
}

func (s *Service) override(tx *db.Tx, code market.Code, sku string, price money.Amount) error {
	m, err := s.markets.Get(tx, code)
	if err != nil {
		return err
	}
	var c fault.Check
	c.That(price.Minor > 0 && price.Minor <= maxPrice, "price", "pricing.price_range")
	c.That(price.Currency == m.Currency, "price", "pricing.currency_differs")
	c.That(sku != "" && len(sku) <= 40, "sku", "catalog.sku_form")
	if err := c.Err("pricing.override_invalid"); err != nil {
		return err
	}
	run := Run{ID: id.New("prc"), Market: code, Day: m.Day(tx.Now()), At: tx.Now(), Rate: money.One}
	if err := hold(tx, code, run.ID); err != nil {
		return err
	}
	if err := tx.Send(`insert into price_overrides (market, sku, minor, set_at) values ($1, $2, $3, $4)
		on conflict (market, sku) do update set minor = excluded.minor, set_at = excluded.set_at`, code, sku, price.Minor, tx.Now()); err != nil {
		return err
	}
	return s.put(tx, m, run, becauseOverride, []freshRow{{sku: sku, minor: price.Minor}})
}

// hold lets one work at a time make prices of a market.
func hold(tx *db.Tx, code market.Code, run string) error {
	err := tx.Send(`insert into price_heads (market, run) values ($1, $2) on conflict (market) do update set run = excluded.run`, code, run)
	return err
}

func current(tx *db.Tx, code market.Code) (map[string]standing, error) {
	all := map[string]standing{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var sku string
		var row standing
		err = r.Scan(&sku, &row.minor, &row.was, &row.currency, &row.taxInclusive)
		all[sku] = row
		return
	}, `select w.sku, w.minor, w.was_minor, r.currency, r.tax_inclusive from price_rows w join price_runs r on r.id = w.run
		where w.market = $1 and w.to_at is null`, code)
	return all, err
}

func overrides(tx *db.Tx, code market.Code) (map[string]bool, error) {
	skus, err := db.All(tx, db.Scalar[string], `select sku from price_overrides where market = $1 order by sku`, code)
	all := map[string]bool{}
	for _, sku := range skus {
		all[sku] = true
	}
	return all, err
}

type freshRow struct {
	sku                string
	minor, was, lowest int64
}

// rowsAtOnce bounds how many rows one statement takes.
const rowsAtOnce = 100

// put ends the rows in force of the given variants and writes theirs anew.
func (s *Service) put(tx *db.Tx, m market.Market, run Run, reason string, fresh []freshRow) error {
	if err := tx.Send(`insert into price_runs (id, market, currency, tax_inclusive, rate, rate_day, factor, reason, made_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		run.ID, m.Code, m.Currency, m.TaxInclusive, run.Rate.String(), run.Day, m.Factor.String(), reason, run.At); err != nil {
		return err
	}
	for part := range slices.Chunk(fresh, rowsAtOnce) {
		if err := replace(tx, m.Code, run, part); err != nil {
			return err
		}
	}
	return s.bump(tx, Version)
}

func replace(tx *db.Tx, code market.Code, run Run, part []freshRow) error {
	ended, made := []any{code, run.At}, []any{run.ID, code, run.At}
	var skus, rows strings.Builder
	for i, r := range part {
		ended = append(ended, r.sku)
		made = append(made, r.sku, r.minor, r.was, r.lowest)
		if i > 0 {
			skus.WriteString(", ")
			rows.WriteString(", ")
		}
		fmt.Fprintf(&skus, "$%d", 3+i)
		fmt.Fprintf(&rows, "($1, $2, $3, $%d, $%d, $%d, $%d)", 4+4*i, 5+4*i, 6+4*i, 7+4*i)
	}
	if err := tx.Send(`update price_rows set to_at = $2 where market = $1 and to_at is null and sku in (`+skus.String()+`)`, ended...); err != nil {
		return err
	}
	err := tx.Send(`insert into price_rows (run, market, from_at, sku, minor, was_minor, lowest_minor) values `+rows.String(), made...)
	return err
}

// Row is a price as it was or is in force.
type Row struct {
	ID       string
	SKU      string
	Amount   money.Amount
	Was      money.Amount // zero where it was no reduction
	From, To time.Time    // To is zero while it is in force
	Reason   string
}

// History returns the prices of a variant in a market, the latest first.
func (s *Service) History(tx *db.Tx, code market.Code, sku string, limit int) ([]Row, error) {
	return db.All(tx, scanRow, `select w.run, w.sku, w.minor, r.currency, w.was_minor, w.from_at, w.to_at, r.reason
		from price_rows w join price_runs r on r.id = w.run where w.market = $1 and w.sku = $2 order by w.from_at desc, w.run desc limit $3`, code, sku, limit)
}

func scanRow(r db.Row) (row Row, err error) {
	err = r.Scan(&row.ID, &row.SKU, &row.Amount.Minor, &row.Amount.Currency, &row.Was.Minor, db.Moment(&row.From), db.Moment(&row.To), &row.Reason)
	row.ID += "/" + row.SKU
	if row.Was.Minor > 0 {
		row.Was.Currency = row.Amount.Currency
	}
	return row, err
}

// loadBoard reads every price in force: the rows of a run in a market as one text, because reading a row costs
// more than reading its figures.
func loadBoard(tx *db.Tx, version int64) (*board, error) {
	b := &board{version: version, markets: map[market.Code]map[string]row{}}
	skus := map[string]string{}
	_, err := db.All(tx, func(r db.Row) (struct{}, error) {
		var run Run
		var f form
		var rate, text string
		if err := r.Scan(&run.ID, &run.Market, &f.currency, &f.taxInclusive, &rate, &run.Day, &text); err != nil {
			return struct{}{}, err
		}
		var err1 error
		run.Rate, err1 = money.ParseRate(rate)
		b.runs, b.forms = append(b.runs, run), append(b.forms, f)
		if b.markets[run.Market] == nil {
			b.markets[run.Market] = make(map[string]row, strings.Count(text, ",")+1)
		}
		return struct{}{}, errors.Join(err1, b.read(run.Market, int32(len(b.runs)-1), text, skus))
	}, `select r.id, r.market, r.currency, r.tax_inclusive, r.rate, r.rate_day, w.body from price_runs r join
		(select run, string_agg(sku || ' ' || minor || ' ' || was_minor || ' ' || lowest_minor, ',') as body
			from price_rows where to_at is null group by run) w on w.run = r.id order by r.made_at, r.id`)
	return b, err
}

// read takes "SKU minor was lowest,…" apart. skus makes markets share the names.
func (b *board) read(code market.Code, run int32, text string, skus map[string]string) error {
	for one := range strings.SplitSeq(text, ",") {
		sku, figures, _ := strings.Cut(one, " ")
		minor, rest, _ := strings.Cut(figures, " ")
		was, lowest, _ := strings.Cut(rest, " ")
		r := row{run: run}
		var err1, err2, err3 error
		r.minor, err1 = strconv.ParseInt(minor, 10, 64)
		r.was, err2 = strconv.ParseInt(was, 10, 64)
		r.lowest, err3 = strconv.ParseInt(lowest, 10, 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return fmt.Errorf("price row %.60q: %w", one, err)
		}
		if shared, ok := skus[sku]; ok {
			r.sku = shared
		} else {
			r.sku = strings.Clone(sku)
			skus[r.sku] = r.sku
		}
		b.markets[code][r.sku] = r
	}
	return nil
}
