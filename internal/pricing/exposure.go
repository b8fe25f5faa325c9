package pricing

import (
	"math"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

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
	}, `select ref, minor - settled_minor - released_minor, currency, locked_at from fx_locks where state = 'open' and currency <> home order by ref`)
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
	known, err := loadRates(tx, market.AddDays(today, -fxMemory-40))
	if err != nil {
		return nil, err
	}
	for i := range out {
		e := &out[i]
		if e.Rate, err = s.Rate(tx, e.Currency, home, today); err != nil {
			return nil, err
		}
		e.Home = e.Amount.Convert(home, e.Rate.Rate)
		daily, n := known.volatility(e.Currency, home, today)
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

// Series are the rates from one currency to another on the days that have a rate of their own, the latest first,
// at most days back.
func (s *Service) Series(tx *db.Tx, from, to money.Currency, days int) ([]Quotation, error) {
	today := tx.Now().Format(time.DateOnly)
	known, err := loadRates(tx, market.AddDays(today, -days))
	if err != nil {
		return nil, err
	}
	return known.series(from, to, today, days), nil
}

func (r *rates) series(from, to money.Currency, today string, days int) (all []Quotation) {
	for n := range days {
		q, err := r.find(from, to, market.AddDays(today, -n))
		if err == nil && (len(all) == 0 || q.Day != all[len(all)-1].Day) {
			all = append(all, q)
		}
	}
	return all
}

// volatility is measured on the days that have a rate of their own.
func (r *rates) volatility(from, to money.Currency, today string) (float64, int) {
	const span = 100 // days that hold 61 working days
	var all []money.Rate
	for _, q := range r.series(from, to, today, span) {
		all = append(all, q.Rate)
	}
	return Volatility(all)
}

// Position is how the merchant stands in one currency: what open locks promise, at the rates they were locked at
// and at today's.
type Position struct {
	Currency money.Currency
	Count    int          // open locks
	Oldest   time.Time    // of them
	Amount   money.Amount // still to come
	AtLock   money.Amount // in the merchant's currency
	Now      money.Amount // at the latest rate; with Gain only where Fault is empty
	Gain     money.Amount // Now less AtLock, so far: nothing of it is settled
	Rate     Quotation
	Fault    string // why there is no rate, as a code
	Advice   Advice
}

// Positions are the open locks by currency, with advice; those in the merchant's own currency are none.
func (s *Service) Positions(tx *db.Tx) ([]Position, error) {
	desk, err := loadDesk(tx)
	if err != nil || desk.Home == "" {
		return nil, err
	}
	locks, err := db.All(tx, scanLock, `select `+lockColumns+` from fx_locks where state = 'open' and currency <> home and home = $1 order by currency, locked_at, ref`, desk.Home)
	if err != nil {
		return nil, err
	}
	today := tx.Now().Format(time.DateOnly)
	known, err := loadRates(tx, market.AddDays(today, -fxMemory-40))
	if err != nil {
		return nil, err
	}
	due := 0
	var all []Position
	for i, l := range locks {
		if i == 0 || locks[i-1].Amount.Currency != l.Amount.Currency {
			all, due = append(all, Position{Currency: l.Amount.Currency, Oldest: l.At, Amount: money.Of(0, l.Amount.Currency), AtLock: money.Of(0, desk.Home)}), 0
		}
		p := &all[len(all)-1]
		p.Count++
		p.Amount = p.Amount.Add(l.Rest())
		p.AtLock = p.AtLock.Add(l.worth(l.Settled.Minor + l.Rest().Minor)).Sub(l.worth(l.Settled.Minor))
		due += max(0, desk.Days-market.DaysBetween(l.At.Format(time.DateOnly), today))
		if i+1 == len(locks) || locks[i+1].Amount.Currency != l.Amount.Currency {
			p.judge(known, desk, today, (due+p.Count-1)/p.Count)
		}
	}
	return all, nil
}

// judge values a position at the latest rate and says what to do about it.
func (p *Position) judge(known *rates, desk Desk, today string, days int) {
	var err error
	if p.Rate, err = known.find(p.Currency, desk.Home, today); err != nil {
		p.Fault = fault.Of(err).Code
		return
	}
	p.Now = p.Amount.Convert(desk.Home, p.Rate.Rate)
	p.Gain = p.Now.Sub(p.AtLock)
	daily, n := known.volatility(p.Currency, desk.Home, today)
	p.Advice = Advise(p.Now, daily, n, days, desk.Bears)
}
