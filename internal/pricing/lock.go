package pricing

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/money"
)

var (
	// ErrLocked is the fault of a quote or order whose rate was locked before with other figures.
	ErrLocked = fault.New(fault.Conflict, "pricing.rate_locked")
	// ErrNoLock is the fault of a quote or order without a locked rate.
	ErrNoLock = fault.New(fault.NotFound, "pricing.no_lock")
	// ErrOverSettled is the fault of a payout of more than was promised, or of a refund of more than came.
	ErrOverSettled = fault.New(fault.Conflict, "pricing.over_settled")
	// ErrSettledOtherwise is the fault of an entry of a payout that was noted before with other figures.
	ErrSettledOtherwise = fault.New(fault.Conflict, "pricing.settled_otherwise")
)

// LockedRate is the rate that a quote and its order are promised at: 1 unit of the buyer's currency is Rate of
// the merchant's own.
type LockedRate struct {
	Home   money.Currency `json:"home"`
	Rate   money.Rate     `json:"rate"`
	Day    string         `json:"day"` // of the rate
	Source string         `json:"source"`
}

// Worth is an amount at the locked rate; nothing where no rate was locked.
func (l LockedRate) Worth(a money.Amount) money.Amount { return a.Convert(l.Home, l.Rate) }

// Offer is the rate at which a quote in a currency is locked on a civil day, from memory; false where the shop
// has no currency of its own or there is no fresh rate, which keeps nobody from buying.
func (s *Service) Offer(in money.Currency, day string) (LockedRate, bool) {
	home := s.Home()
	if home == "" {
		return LockedRate{}, false
	}
	q, err := s.RateNow(in, home, day)
	return LockedRate{home, q.Rate, q.Day, q.Source}, err == nil
}

// Lock is the rate that was promised with a quote or an order: what its amount was worth in the merchant's own
// currency then. Amount is what is open, what payouts brought and what was let go, to the minor unit.
type Lock struct {
	Ref      string       // quote or order
	Amount   money.Amount // promised, in the buyer's currency
	Settled  money.Amount // of it, what payouts brought and didn't take back
	Released money.Amount // and what will never come: cancelled or given back
	Home     money.Currency
	Rate     money.Rate // Home per unit of Amount's currency
	Day      string     // of the rate
	Source   string
	Open     bool // something is still to come
	At       time.Time
}

// Worth is the amount at the locked rate.
func (l Lock) Worth() money.Amount { return l.worth(l.Amount.Minor) }

// Rest is what is still to come.
func (l Lock) Rest() money.Amount { return l.Amount.Sub(l.Settled).Sub(l.Released) }

func (l Lock) worth(minor int64) money.Amount {
	return money.Of(minor, l.Amount.Currency).Convert(l.Home, l.Rate)
}

// Lock keeps the latest rate of today for a quote or an order. The same again changes nothing and returns what
// was locked then; another amount under the same name is ErrLocked. ErrNoRate and ErrStaleRate say that there is
// no rate to lock.
func (s *Service) Lock(tx *db.Tx, ref string, amount money.Amount, home money.Currency) (Lock, error) {
	var c fault.Check
	c.That(ref != "" && len(ref) <= 80, "ref", "pricing.needs_source")
	c.That(amount.Minor > 0 && amount.Minor <= maxPrice, "amount", "pricing.price_range")
	c.That(amount.Currency.Valid() && home.Valid(), "currency", "pricing.currency_form")
	if err := c.Err("pricing.rate_invalid"); err != nil {
		return Lock{}, err
	}
	q, err := s.Rate(tx, amount.Currency, home, tx.Now().Format(time.DateOnly))
	if err != nil {
		return Lock{}, err
	}
	n, err := tx.Exec(insertLock, ref, amount.Minor, amount.Currency, home, q.Rate.String(), q.Day, q.Source, tx.Now())
	if err != nil {
		return Lock{}, err
	}
	l, err := findLock(tx, ref, "")
	if err == nil && n == 0 && (l.Amount != amount || l.Home != home) {
		err = fmt.Errorf("%s: %s was locked, not %s: %w", ref, l.Amount, amount, ErrLocked)
	}
	return l, err
}

const insertLock = `insert into fx_locks (ref, minor, currency, home, rate, rate_day, source, state, locked_at) values ($1, $2, $3, $4, $5, $6, $7, 'open', $8)
	on conflict (ref) do nothing`

// Keep writes down the rate an order was promised at. It asks nothing back, so that it costs a checkout no trip
// to the database. What has a lock already keeps it; an order of nothing needs none.
func (s *Service) Keep(tx *db.Tx, ref string, amount money.Amount, at LockedRate) error {
	if amount.Minor <= 0 || at.Home == "" {
		return nil
	}
	return tx.Send(insertLock, ref, amount.Minor, amount.Currency, at.Home, at.Rate.String(), at.Day, at.Source, tx.Now())
}

// GetLock is the rate locked for a quote or an order, or ErrNoLock.
func (s *Service) GetLock(tx *db.Tx, ref string) (Lock, error) { return findLock(tx, ref, "") }

// OpenLockList are the locks that something is still to come of, the oldest first.
func (s *Service) OpenLockList(tx *db.Tx, limit int) ([]Lock, error) {
	return db.All(tx, scanLock, `select `+lockColumns+` from fx_locks where state = 'open' order by locked_at, ref limit $1`, limit)
}

// Release lets go what is still to come of a lock: the order was cancelled, or a quote ran out. Without a lock it
// does nothing.
func (s *Service) Release(tx *db.Tx, ref string) error {
	return tx.Send(`update fx_locks set released_minor = minor - settled_minor, state = case when settled_minor = 0 then 'released' else 'settled' end
		where ref = $1 and state = 'open'`, ref)
}

// ReleasePart lets go a part of what is still to come, as far as there is something: it was given back to the
// buyer before the provider paid it out.
func (s *Service) ReleasePart(tx *db.Tx, ref string, part money.Amount) error {
	l, err := findLock(tx, ref, tx.ForUpdate())
	if errors.Is(err, ErrNoLock) || err == nil && (!l.Open || part.Currency != l.Amount.Currency || part.Minor <= 0) {
		return nil
	}
	if err != nil {
		return err
	}
	l.Released.Minor += min(part.Minor, l.Rest().Minor)
	return l.save(tx)
}

// save keeps how far a lock has come.
func (l Lock) save(tx *db.Tx) error {
	state := "open"
	switch {
	case l.Rest().Minor > 0:
	case l.Settled.Minor > 0:
		state = "settled"
	default:
		state = "released"
	}
	return tx.Send(`update fx_locks set settled_minor = $2, released_minor = $3, state = $4 where ref = $1`, l.Ref, l.Settled.Minor, l.Released.Minor, state)
}

const lockColumns = `ref, minor, currency, home, rate, rate_day, source, state, settled_minor, released_minor, locked_at`

func findLock(tx *db.Tx, ref, lock string) (Lock, error) {
	l, err := db.One(tx, scanLock, `select `+lockColumns+` from fx_locks where ref = $1`+lock, ref)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("%.40q: %w", ref, ErrNoLock)
	}
	return l, err
}

func scanLock(r db.Row) (l Lock, err error) {
	var rate, state string
	if err = r.Scan(&l.Ref, &l.Amount.Minor, &l.Amount.Currency, &l.Home, &rate, &l.Day, &l.Source, &state, &l.Settled.Minor, &l.Released.Minor, db.Moment(&l.At)); err != nil {
		return l, err
	}
	l.Open, l.Settled.Currency, l.Released.Currency = state == "open", l.Amount.Currency, l.Amount.Currency
	l.Rate, err = money.ParseRate(rate)
	return l, err
}

// The entries of a payout that nobody gave a name.
const (
	entryCharge = "charge"
	entryRefund = "refund"
)

// Settled is what a provider paid out for a quote or an order, or took back: then Amount and Home are below
// nothing.
type Settled struct {
	Payout string
	Ref    string
	Entry  string       // tells entries of one payout about one order apart; empty: charge or refund, by the sign
	Amount money.Amount // of the lock's, what this payout is for
	Home   money.Amount // what arrived, in the merchant's currency, with Fee still in it
	Fee    money.Amount // what the provider kept for itself, told apart
	Day    string
}

// Result is what came of a lock.
type Result struct {
	Settled
	Locked money.Amount // what Amount was worth at the locked rate; the parts of an order add up to its worth
	Gain   money.Amount // Home less Locked: a loss is negative, the fee isn't in it
	Rate   money.Rate   // that it was settled at, 12 digits
}

// same reports whether an entry says what was noted before.
func (r Result) same(p Settled) bool {
	return r.Amount == p.Amount && r.Home == p.Home && r.Fee == p.Fee && r.Day == p.Day
}

// Settle notes a payout and tells what was won or lost between lock and settlement. A payout may be for a part;
// the same entry of a payout again changes nothing, with other figures it is ErrSettledOtherwise.
func (s *Service) Settle(tx *db.Tx, p Settled) (Result, error) {
	r, _, err := s.settlePayout(tx, p)
	return r, err
}

func (s *Service) settlePayout(tx *db.Tx, p Settled) (r Result, fresh bool, err error) {
	l, err := findLock(tx, p.Ref, tx.ForUpdate())
	if err != nil {
		return r, false, err
	}
	if p, err = p.check(l); err != nil {
		return r, false, err
	}
	before, err := db.All(tx, scanResult, `select `+resultColumns+` from fx_settlements where payout = $1 and ref = $2 and entry = $3`, p.Payout, p.Ref, p.Entry)
	if err != nil {
		return r, false, err
	}
	if len(before) == 1 {
		if !before[0].same(p) {
			err = fmt.Errorf("%s, %s %s: %w", p.Payout, p.Ref, p.Entry, ErrSettledOtherwise)
		}
		return before[0], false, err
	}
	if r, err = l.settle(p); err != nil {
		return r, false, err
	}
	if err := tx.Send(`insert into fx_settlements (payout, ref, entry, minor, currency, home, locked_minor, settled_minor, fee_minor, rate, settled_on)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, p.Payout, p.Ref, p.Entry, p.Amount.Minor, p.Amount.Currency, l.Home, r.Locked.Minor, p.Home.Minor,
		p.Fee.Minor, r.Rate.String(), p.Day); err != nil {
		return r, false, err
	}
	return r, true, l.save(tx)
}

// check looks at an entry beside its lock and fills in what may be left out.
func (p Settled) check(l Lock) (Settled, error) {
	if p.Fee == (money.Amount{}) {
		p.Fee.Currency = l.Home
	}
	if p.Entry == "" {
		if p.Entry = entryCharge; p.Amount.Minor < 0 {
			p.Entry = entryRefund
		}
	}
	var c fault.Check
	c.That(p.Payout != "" && len(p.Payout) <= 80, "payout", "pricing.needs_source")
	c.That(len(p.Entry) <= 80, "entry", "pricing.needs_source")
	c.That(p.Amount.Minor != 0 && max(p.Amount.Minor, -p.Amount.Minor) <= maxPrice, "amount", "pricing.amount_positive")
	c.That(p.Amount.Currency == l.Amount.Currency, "amount", "pricing.currency_differs")
	c.That(p.Home.Currency == l.Home, "home", "pricing.currency_differs")
	c.That(max(p.Home.Minor, -p.Home.Minor) <= maxPrice && (p.Home.Minor == 0 || p.Home.Minor > 0 == (p.Amount.Minor > 0)), "home", "pricing.sign_differs")
	c.That(p.Fee.Currency == l.Home, "fee", "pricing.currency_differs")
	c.That(max(p.Fee.Minor, -p.Fee.Minor) <= maxPrice, "fee", "pricing.price_range")
	_, err := time.Parse(time.DateOnly, p.Day)
	c.That(err == nil, "day", "pricing.day_form")
	return p, c.Err("pricing.settlement_invalid")
}

// settle brings an entry into the lock: what had been let go and comes after all isn't let go any more; what is
// taken back won't come again.
func (l *Lock) settle(p Settled) (Result, error) {
	before := l.Settled.Minor
	after := before + p.Amount.Minor
	if after < 0 || after > l.Amount.Minor {
		return Result{}, fmt.Errorf("%s: %s of %s are settled, %s more: %w", p.Ref, l.Settled, l.Amount, p.Amount, ErrOverSettled)
	}
	l.Settled.Minor = after
	if p.Amount.Minor < 0 {
		l.Released.Minor -= p.Amount.Minor
	}
	l.Released.Minor = min(l.Released.Minor, l.Amount.Minor-after)
	r := Result{Settled: p, Locked: l.worth(after).Sub(l.worth(before)), Rate: achieved(p)}
	r.Gain = p.Home.Sub(r.Locked)
	return r, nil
}

// achieved is the rate a payout was settled at, between whole units of both currencies.
func achieved(p Settled) money.Rate {
	major := func(a money.Amount) *big.Rat {
		return new(big.Rat).SetFrac(big.NewInt(a.Minor), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.Currency.Digits())), nil))
	}
	if p.Home.Minor == 0 {
		return money.Rate{}
	}
	return decimal(new(big.Rat).Quo(major(p.Home), major(p.Amount)))
}

const resultColumns = `payout, ref, entry, minor, currency, home, locked_minor, settled_minor, fee_minor, rate, settled_on`

func scanResult(r db.Row) (out Result, err error) {
	var home money.Currency
	var rate string
	if err = r.Scan(&out.Payout, &out.Ref, &out.Entry, &out.Amount.Minor, &out.Amount.Currency, &home, &out.Locked.Minor, &out.Home.Minor, &out.Fee.Minor, &rate, &out.Day); err != nil {
		return out, err
	}
	out.Locked.Currency, out.Home.Currency, out.Fee.Currency = home, home, home
	out.Gain = out.Home.Sub(out.Locked)
	out.Rate, err = money.ParseRate(rate)
	return out, err
}

// Results are the payouts settled from a civil day to another, both included, by day.
func (s *Service) Results(tx *db.Tx, from, to string) ([]Result, error) {
	return db.All(tx, scanResult, `select `+resultColumns+` from fx_settlements where settled_on between $1 and $2 order by settled_on, payout, ref, entry`, from, to)
}

// Monthly is what a month's payouts in one currency came to.
type Monthly struct {
	Month    string // 2026-11
	Currency money.Currency
	Payouts  int64
	Amount   money.Amount // in that currency
	Locked   money.Amount // in the merchant's, at the locked rates
	Settled  money.Amount
	Fees     money.Amount
	Gain     money.Amount
}

// ByMonth sums up results by month, currency and the merchant's currency.
func ByMonth(all []Result) (out []Monthly) {
	for _, r := range all {
		month := r.Day[:min(7, len(r.Day))]
		at := slices.IndexFunc(out, func(m Monthly) bool {
			return m.Month == month && m.Currency == r.Amount.Currency && m.Settled.Currency == r.Home.Currency
		})
		if at < 0 {
			out = append(out, Monthly{Month: month, Currency: r.Amount.Currency})
			at = len(out) - 1
		}
		m := &out[at]
		m.Payouts++
		m.Amount, m.Locked, m.Settled = m.Amount.Add(r.Amount), m.Locked.Add(r.Locked), m.Settled.Add(r.Home)
		m.Fees, m.Gain = m.Fees.Add(r.Fee), m.Gain.Add(r.Gain)
	}
	return out
}
