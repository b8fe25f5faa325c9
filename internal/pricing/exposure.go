package pricing

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrLocked is the fault of a quote or order whose rate was locked before with other figures.
	ErrLocked = fault.New(fault.Conflict, "pricing.rate_locked")
	// ErrNoLock is the fault of a quote or order without a locked rate.
	ErrNoLock = fault.New(fault.NotFound, "pricing.no_lock")
	// ErrOverSettled is the fault of a payout of more than is still owed on a lock.
	ErrOverSettled = fault.New(fault.Conflict, "pricing.over_settled")
)

// Lock is the rate that was promised with a quote or an order: what its amount was worth in the merchant's own
// currency then.
type Lock struct {
	Ref    string       // quote or order
	Amount money.Amount // promised, in the buyer's currency
	Home   money.Currency
	Rate   money.Rate // Home per unit of Amount's currency
	Day    string     // of the rate
	Source string
	Open   bool // not yet settled or let go
	At     time.Time
}

// Worth is the amount at the locked rate.
func (l Lock) Worth() money.Amount { return l.Amount.Convert(l.Home, l.Rate) }

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
	n, err := tx.Exec(`insert into fx_locks (ref, minor, currency, home, rate, rate_day, source, state, locked_at) values ($1, $2, $3, $4, $5, $6, $7, 'open', $8)
		on conflict (ref) do nothing`, ref, amount.Minor, amount.Currency, home, q.Rate.String(), q.Day, q.Source, tx.Now())
	if err != nil {
		return Lock{}, err
	}
	l, err := findLock(tx, ref, "")
	if err == nil && n == 0 && (l.Amount != amount || l.Home != home) {
		err = fmt.Errorf("%s: %s was locked, not %s: %w", ref, l.Amount, amount, ErrLocked)
	}
	return l, err
}

// GetLock is the rate locked for a quote or an order, or ErrNoLock.
func (s *Service) GetLock(tx *db.Tx, ref string) (Lock, error) { return findLock(tx, ref, "") }

// Release lets a lock go that came to nothing: a quote that ran out, an order that was cancelled.
func (s *Service) Release(tx *db.Tx, ref string) error {
	return tx.Send(`update fx_locks set state = 'released' where ref = $1 and state = 'open'`, ref)
}

func findLock(tx *db.Tx, ref, lock string) (Lock, error) {
	l, err := db.One(tx, scanLock, `select ref, minor, currency, home, rate, rate_day, source, state, locked_at from fx_locks where ref = $1`+lock, ref)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("%.40q: %w", ref, ErrNoLock)
	}
	return l, err
}

func scanLock(r db.Row) (l Lock, err error) {
	var rate, state string
	if err = r.Scan(&l.Ref, &l.Amount.Minor, &l.Amount.Currency, &l.Home, &rate, &l.Day, &l.Source, &state, db.Moment(&l.At)); err != nil {
		return l, err
	}
	l.Open = state == "open"
	l.Rate, err = money.ParseRate(rate)
	return l, err
}

// Settled is what a provider paid out for a quote or an order.
type Settled struct {
	Payout string
	Ref    string
	Amount money.Amount // of the lock's, what this payout is for
	Home   money.Amount // what arrived, in the merchant's currency, with Fee still in it
	Fee    money.Amount // what the provider kept for itself, told apart
	Day    string
}

// Result is what came of a lock.
type Result struct {
	Settled
	Locked money.Amount // what Amount was worth at the locked rate
	Gain   money.Amount // Home less Locked: a loss is negative, the fee isn't in it
	Rate   money.Rate   // that it was settled at, 12 digits
}

// Settle notes a payout and tells what was won or lost between lock and settlement. A payout may be for a part;
// the same payout for the same order twice changes nothing.
func (s *Service) Settle(tx *db.Tx, p Settled) (Result, error) {
	l, err := findLock(tx, p.Ref, tx.ForUpdate())
	if err != nil {
		return Result{}, err
	}
	if p.Fee == (money.Amount{}) {
		p.Fee.Currency = l.Home
	}
	var c fault.Check
	c.That(p.Payout != "" && len(p.Payout) <= 80, "payout", "pricing.needs_source")
	c.That(p.Amount.Minor > 0 && p.Amount.Currency == l.Amount.Currency, "amount", "pricing.amount_positive")
	c.That(p.Home.Minor >= 0 && p.Home.Currency == l.Home, "home", "pricing.amount_positive")
	c.That(p.Fee.Minor >= 0 && p.Fee.Currency == l.Home, "fee", "pricing.amount_positive")
	_, err = time.Parse(time.DateOnly, p.Day)
	c.That(err == nil, "day", "pricing.day_form")
	if err := c.Err("pricing.settlement_invalid"); err != nil {
		return Result{}, err
	}
	before, err := db.All(tx, scanResult, `select `+resultColumns+` from fx_results where ref = $1 order by settled_on, payout`, p.Ref)
	if err != nil {
		return Result{}, err
	}
	paid := money.Of(0, l.Amount.Currency)
	for _, r := range before {
		if r.Payout == p.Payout {
			return r, nil
		}
		paid = paid.Add(r.Amount)
	}
	if paid.Add(p.Amount).Minor > l.Amount.Minor {
		return Result{}, fmt.Errorf("%s: %s of %s are settled, %s more: %w", p.Ref, paid, l.Amount, p.Amount, ErrOverSettled)
	}
	r := Result{Settled: p, Locked: p.Amount.Convert(l.Home, l.Rate), Rate: achieved(p)}
	r.Gain = p.Home.Sub(r.Locked)
	if err := tx.Send(`insert into fx_results (payout, ref, minor, currency, home, locked_minor, settled_minor, fee_minor, rate, settled_on)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, p.Payout, p.Ref, p.Amount.Minor, p.Amount.Currency, l.Home, r.Locked.Minor, p.Home.Minor, p.Fee.Minor,
		r.Rate.String(), p.Day); err != nil {
		return Result{}, err
	}
	if paid.Add(p.Amount) == l.Amount {
		err = tx.Send(`update fx_locks set state = 'settled' where ref = $1`, p.Ref)
	}
	return r, err
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

const resultColumns = `payout, ref, minor, currency, home, locked_minor, settled_minor, fee_minor, rate, settled_on`

func scanResult(r db.Row) (out Result, err error) {
	var home money.Currency
	var rate string
	if err = r.Scan(&out.Payout, &out.Ref, &out.Amount.Minor, &out.Amount.Currency, &home, &out.Locked.Minor, &out.Home.Minor, &out.Fee.Minor, &rate, &out.Day); err != nil {
		return out, err
	}
	out.Locked.Currency, out.Home.Currency, out.Fee.Currency = home, home, home
	out.Gain = out.Home.Sub(out.Locked)
	out.Rate, err = money.ParseRate(rate)
	return out, err
}

// Results are the payouts settled from a civil day to another, both included, by day.
func (s *Service) Results(tx *db.Tx, from, to string) ([]Result, error) {
	return db.All(tx, scanResult, `select `+resultColumns+` from fx_results where settled_on between $1 and $2 order by settled_on, payout, ref`, from, to)
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

// Promise is an amount in another currency that is still to come: an open quote, an unpaid order, a payment
// captured and not paid out. A refund expected is negative.
type Promise struct {
	Ref    string
	Amount money.Amount
	Chance money.Rate // that it comes, as for open quotes; zero is one
	Due    string     // civil day of settlement expected; empty: unknown
	Locked bool       // the provider or a bank has fixed its rate
}

// Promises tells what is still to come. Satisfied by whoever knows orders and payouts.
type Promises interface {
	Promises(tx *db.Tx) ([]Promise, error)
}

// OpenLocks are the promises known here: locks that are neither settled nor let go, without what payouts have
// brought of them already.
type OpenLocks struct{ Days int } // until settlement, from the day of the lock

// Promises implements the interface of this name.
func (o OpenLocks) Promises(tx *db.Tx) ([]Promise, error) {
	return db.All(tx, func(r db.Row) (p Promise, err error) {
		var at time.Time
		err = r.Scan(&p.Ref, &p.Amount.Minor, &p.Amount.Currency, db.Moment(&at))
		p.Due = at.AddDate(0, 0, o.Days).Format(time.DateOnly)
		return p, err
	}, `select l.ref, l.minor - coalesce((select sum(r.minor) from fx_results r where r.ref = l.ref), 0), l.currency, l.locked_at
		from fx_locks l where l.state = 'open' and l.currency <> l.home order by l.ref`)
}

// Exposure is what the merchant stands to receive in one currency.
type Exposure struct {
	Currency money.Currency
	Amount   money.Amount // unlocked, weighed by chance
	Locked   money.Amount
	Home     money.Amount // Amount at the latest rate
	Rate     Quotation
	Days     int // until settlement, weighed by amount
	Count    int
	Advice   Advice
}

// Advice says what share of an exposure to lock, and why. It is never acted upon.
type Advice struct {
	Daily  float64      // standard deviation of the rate's daily change: 0.005 is half a per cent
	Rates  int          // how many rates it was measured on
	Days   int          // until settlement
	Loss   money.Amount // 19 times in 20 the loss is smaller: 1.645 · Daily · √Days · exposure
	Bears  money.Amount // what the merchant is ready to lose
	Share  money.Rate   // to lock: 1 - Bears/Loss, between 0 and 1, in whole per cents
	Reason string       // few_rates, tolerable, lock
}

// Why a share is advised.
const (
	AdviceFewRates  = "few_rates" // no advice: fewer than 20 rates
	AdviceTolerable = "tolerable"
	AdviceLock      = "lock"
)

const (
	volatilityRates = 61 // for 60 daily changes
	leastChanges    = 19
	oneIn20         = 1.645 // of a normal distribution
)

// Volatility is the standard deviation of the daily change of rates in a row, the latest first, and how many
// rates it was measured on; 0 where there are fewer than 20. A weekend counts as one day.
func Volatility(latestFirst []money.Rate) (daily float64, rates int) {
	all := latestFirst[:min(len(latestFirst), volatilityRates)]
	var changes []float64
	for i := 0; i+1 < len(all); i++ {
		now, _ := rat(all[i]).Float64()
		before, _ := rat(all[i+1]).Float64()
		changes = append(changes, math.Log(now/before))
	}
	if len(changes) < leastChanges {
		return 0, len(all)
	}
	var mean, sum float64
	for _, c := range changes {
		mean += c / float64(len(changes))
	}
	for _, c := range changes {
		sum += (c - mean) * (c - mean)
	}
	return math.Sqrt(sum / float64(len(changes)-1)), len(all)
}

// Advise works out what share of an exposure to lock (specification of prices, section 7). The model takes daily
// changes as normal and independent: it knows nothing of crises.
func Advise(exposure money.Amount, daily float64, rates, days int, bears money.Amount) Advice {
	a := Advice{Daily: daily, Rates: rates, Days: days, Bears: bears, Loss: money.Of(0, exposure.Currency)}
	if daily <= 0 {
		a.Reason = AdviceFewRates
		return a
	}
	loss := oneIn20 * daily * math.Sqrt(float64(max(days, 0))) * math.Abs(float64(exposure.Minor))
	a.Loss.Minor = int64(math.Round(min(loss, maxPrice)))
	share := 0.0
	if loss > 0 {
		share = min(1, max(0, 1-float64(bears.Minor)/loss))
	}
	a.Share = money.Percent(int64(math.Round(share * 100)))
	if a.Reason = AdviceTolerable; a.Share.Coef > 0 {
		a.Reason = AdviceLock
	}
	return a
}

// Exposures are what is still to come in currencies other than the merchant's, with advice, by currency. bears
// is what the merchant is ready to lose on each currency between now and settlement. A currency without a rate
// is told with the fault.
func (s *Service) Exposures(tx *db.Tx, home money.Currency, from Promises, bears money.Amount) ([]Exposure, error) {
	if bears.Currency != home || bears.Minor < 0 {
		return nil, fault.New(fault.Invalid, "pricing.exposure_invalid").With(map[string]string{"bears": "pricing.currency_differs"})
	}
	all, err := from.Promises(tx)
	if err != nil {
		return nil, err
	}
	today := tx.Now().Format(time.DateOnly)
	out := Exposed(all, home, today)
	for i := range out {
		e := &out[i]
		if e.Rate, err = s.Rate(tx, e.Currency, home, today); err != nil {
			return nil, err
		}
		e.Home = e.Amount.Convert(home, e.Rate.Rate)
		daily, n, err := s.volatility(tx, e.Currency, home, today)
		if err != nil {
			return nil, err
		}
		e.Advice = Advise(e.Home, daily, n, e.Days, bears)
	}
	return out, nil
}

// Exposed sums promises up by currency; those in the merchant's own are none.
func Exposed(all []Promise, home money.Currency, today string) (out []Exposure) {
	weight := map[money.Currency]*[2]float64{}
	for _, p := range all {
		c := p.Amount.Currency
		if c == home {
			continue
		}
		at := slices.IndexFunc(out, func(e Exposure) bool { return e.Currency == c })
		if at < 0 {
			out = append(out, Exposure{Currency: c, Amount: money.Of(0, c), Locked: money.Of(0, c)})
			at, weight[c] = len(out)-1, &[2]float64{}
		}
		e := &out[at]
		e.Count++
		if p.Locked {
			e.Locked = e.Locked.Add(p.Amount)
			continue
		}
		amount := p.Amount
		if !p.Chance.IsZero() {
			amount = amount.Times(p.Chance)
		}
		e.Amount = e.Amount.Add(amount)
		if p.Due != "" {
			size := math.Abs(float64(amount.Minor))
			weight[c][0] += size * float64(max(0, market.DaysBetween(today, p.Due)))
			weight[c][1] += size
		}
	}
	for i := range out {
		if w := weight[out[i].Currency]; w[1] > 0 {
			out[i].Days = int(math.Ceil(w[0] / w[1]))
		}
	}
	slices.SortFunc(out, func(a, b Exposure) int { return compareText(a.Currency, b.Currency) })
	return out
}

func compareText(a, b money.Currency) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// volatility is measured on the days that have a rate of their own.
func (s *Service) volatility(tx *db.Tx, from, to money.Currency, today string) (float64, int, error) {
	const span = 100 // days that hold 61 working days
	known, err := loadRates(tx, market.AddDays(today, -span))
	if err != nil {
		return 0, 0, err
	}
	var all []money.Rate
	last := ""
	for n := range span {
		day := market.AddDays(today, -n)
		q, err := known.find(from, to, day)
		if err != nil {
			break
		}
		if q.Day != last {
			all, last = append(all, q.Rate), q.Day
		}
	}
	daily, n := Volatility(all)
	return daily, n, nil
}
