package pricing

import (
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

const (
	staleDays = 7  // a rate older than this isn't used
	fxMemory  = 60 // days of rates kept in memory
)

// maxJump is how far a rate may be from the last one before a person has to vouch for it.
var maxJump = big.NewRat(10, 100)

// SetRate keeps an exchange rate. Zero, negative and future ones are refused, and so is one more than 10 % away
// from the last unless somebody vouches for it (FX.By). The same rate twice changes nothing; a rate is never
// altered, a later one for the same day counts instead.
func (s *Service) SetRate(tx *db.Tx, r FX) error {
	var c fault.Check
	c.That(r.Base.Valid(), "base", "pricing.currency_form")
	c.That(r.Quote.Valid() && r.Quote != r.Base, "quote", "pricing.currency_form")
	c.That(r.Rate.Coef > 0, "rate", "pricing.rate_positive")
	_, err := time.Parse(time.DateOnly, r.Day)
	c.That(err == nil, "day", "pricing.day_form")
	c.That(err != nil || r.Day <= tx.Now().Add(aheadOfUTC).Format(time.DateOnly), "day", "pricing.day_future")
	c.That(r.Source != "" && len(r.Source) <= 80, "source", "pricing.needs_source")
	c.That(len(r.Reason) <= 300, "reason", "pricing.needs_reason")
	if err := c.Err("pricing.rate_invalid"); err != nil {
		return err
	}
	last, err := db.All(tx, scanRate, `select base, quote, rate, day, source from fx_rates where base = $1 and quote = $2 and day <= $3
		and undone_at is null order by day desc, received_at desc, id desc limit 1`, r.Base, r.Quote, r.Day)
	if err != nil {
		return err
	}
	if len(last) == 1 && r.By == "" && jumps(last[0].Rate, r.Rate) {
		return fmt.Errorf("%s to %s: %s on %s after %s on %s: %w", r.Base, r.Quote, r.Rate, r.Day, last[0].Rate, last[0].Day, ErrRateJump)
	}
	n, err := tx.Exec(`insert into fx_rates (id, base, quote, rate, day, source, vouched_by, received_at, set_by, reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (base, quote, day, source, rate) do update set undone_at = null, undone_by = '', vouched_by = excluded.vouched_by, received_at = excluded.received_at,
			set_by = excluded.set_by, reason = excluded.reason where fx_rates.undone_at is not null`,
		id.New("fx"), r.Base, r.Quote, r.Rate.String(), r.Day, r.Source, r.By, tx.Now(), r.SetBy, r.Reason)
	if err != nil || n == 0 {
		return err
	}
	return s.bump(tx, FXVersion)
}

// aheadOfUTC is how far the first civil day on earth is ahead.
const aheadOfUTC = 14 * time.Hour

func jumps(before, now money.Rate) bool {
	change := new(big.Rat).Quo(rat(now), rat(before))
	change.Sub(change, big.NewRat(1, 1)).Abs(change)
	return change.Cmp(maxJump) > 0
}

// Rate is the latest rate on or before a civil day, direct, turned round or through other currencies.
func (s *Service) Rate(tx *db.Tx, from, to money.Currency, day string) (Quotation, error) {
	known, err := loadRates(tx, market.AddDays(day, -fxMemory))
	if err != nil {
		return Quotation{}, err
	}
	return known.find(from, to, day)
}

// RateNow is Rate from memory, for pages and quotes.
func (s *Service) RateNow(from, to money.Currency, day string) (Quotation, error) {
	r, ask := s.rates.Get(), question{pair{from, to}, day}
	if known, ok := r.asked.Load(ask); ok {
		return known.(Quotation), nil
	}
	q, err := r.find(from, to, day)
	if err == nil {
		r.asked.Store(ask, q)
	}
	return q, err
}

// rates are exchange rates by pair, the latest day first and the latest received of a day first.
type rates struct {
	pairs map[pair][]FX
	bases []money.Currency // EUR first
	home  money.Currency   // the merchant's own
	asked sync.Map         // what RateNow answered, Quotation by question: a few pairs on a few days
}

type question struct {
	pair
	day string
}

type pair struct{ base, quote money.Currency }

func loadRates(tx *db.Tx, since string) (*rates, error) {
	all, err := db.All(tx, scanRate, `select base, quote, rate, day, source from fx_rates where day >= $1 and undone_at is null order by day desc, received_at desc, id desc`, since)
	if err != nil {
		return nil, err
	}
	r := &rates{pairs: map[pair][]FX{}}
	for _, fx := range all {
		p := pair{fx.Base, fx.Quote}
		r.pairs[p] = append(r.pairs[p], fx)
		if !slices.Contains(r.bases, fx.Base) {
			r.bases = append(r.bases, fx.Base)
		}
	}
	slices.Sort(r.bases)
	if i := slices.Index(r.bases, "EUR"); i > 0 {
		r.bases = append([]money.Currency{"EUR"}, slices.Delete(r.bases, i, i+1)...)
	}
	return r, nil
}

func scanRate(r db.Row) (fx FX, err error) {
	var text string
	if err = r.Scan(&fx.Base, &fx.Quote, &text, &fx.Day, &fx.Source); err != nil {
		return fx, err
	}
	fx.Rate, err = money.ParseRate(text)
	return fx, err
}

// path is a way from one currency to another.
type path struct {
	rate   *big.Rat
	day    string // of its oldest rate
	source string
}

// leg is one step, direct or turned round, by the later of the two.
func (r *rates) leg(from, to money.Currency, day string) (p path, ok bool) {
	if fx, found := r.latest(from, to, day); found {
		p, ok = path{rat(fx.Rate), fx.Day, fx.Source}, true
	}
	if fx, found := r.latest(to, from, day); found && (!ok || fx.Day > p.day) {
		p, ok = path{new(big.Rat).Inv(rat(fx.Rate)), fx.Day, fx.Source}, true
	}
	return p, ok
}

func (r *rates) latest(base, quote money.Currency, day string) (FX, bool) {
	for _, fx := range r.pairs[pair{base, quote}] {
		if fx.Day <= day {
			return fx, true
		}
	}
	return FX{}, false
}

func (p path) then(q path) path {
	source := p.source
	if q.source != source {
		source += "+" + q.source
	}
	return path{new(big.Rat).Mul(p.rate, q.rate), min(p.day, q.day), source}
}

// paths yields ways from one currency to another, shorter ones first, through EUR before others.
func (r *rates) paths(from, to money.Currency, day string, yield func(path) bool) {
	if p, ok := r.leg(from, to, day); ok && !yield(p) {
		return
	}
	for _, hub := range r.bases {
		a, ok1 := r.leg(from, hub, day)
		b, ok2 := r.leg(hub, to, day)
		if ok1 && ok2 && !yield(a.then(b)) {
			return
		}
	}
	for _, hub := range r.bases {
		for _, next := range r.bases {
			a, ok1 := r.leg(from, hub, day)
			b, ok2 := r.leg(hub, next, day)
			c, ok3 := r.leg(next, to, day)
			if ok1 && ok2 && ok3 && !yield(a.then(b).then(c)) {
				return
			}
		}
	}
}

func (r *rates) find(from, to money.Currency, day string) (Quotation, error) {
	if from == to {
		return Quotation{money.One, day, "same"}, nil
	}
	oldest := market.AddDays(day, -staleDays)
	var stale, fresh *path
	r.paths(from, to, day, func(p path) bool {
		if p.day >= oldest {
			fresh = &p
			return false
		}
		if stale == nil || p.day > stale.day {
			stale = &p
		}
		return true
	})
	switch {
	case fresh != nil:
		return Quotation{decimal(fresh.rate), fresh.day, fresh.source}, nil
	case stale != nil:
		return Quotation{}, fmt.Errorf("%s to %s on %s: the latest rate is of %s: %w", from, to, day, stale.day, ErrStaleRate)
	}
	return Quotation{}, fmt.Errorf("%s to %s on %s: %w", from, to, day, ErrNoRate)
}

func rat(r money.Rate) *big.Rat {
	v, _ := new(big.Rat).SetString(r.String())
	return v
}

// decimal writes a positive quotient with 12 significant digits, rounded half up.
func decimal(v *big.Rat) money.Rate {
	if r, err := money.ParseRate(v.FloatString(0)); err == nil && v.IsInt() {
		return r
	}
	scale, ten := 12, big.NewRat(10, 1)
	w := new(big.Rat).Set(v)
	for ; w.Cmp(big.NewRat(1, 1)) >= 0 && scale > 0; scale-- {
		w.Quo(w, ten)
	}
	for ; w.Cmp(big.NewRat(1, 10)) < 0 && scale < 17; scale++ {
		w.Mul(w, ten)
	}
	r, err := money.ParseRate(v.FloatString(scale))
	if err != nil {
		return money.Rate{}
	}
	return r
}
