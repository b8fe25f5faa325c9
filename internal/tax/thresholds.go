package tax

import (
	"fmt"
	"sort"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Status is how near one threshold is. Amounts are in the threshold's currency.
type Status struct {
	Threshold
	Windows      []Window // the spans that the rule looks at; the fullest decides
	Counted      money.Amount
	Sales        int64 // sales less cancellations
	Share        int64 // of the limit in per cent, rounded down, at most 9999
	Level        int   // 0, 70, 90 or 100
	Watched      bool  // false: nothing can be counted (services, no threshold, not for this merchant)
	Why          string
	Registered   bool       // on the day asked for
	Crossing     Projection // of the window that is still running
	Approximated bool       // a rate of another day was used for part of it
	Problem      string     // no_rate:KRW: part of the sales isn't counted; empty otherwise
}

// Window is what was counted from one civil day to another.
type Window struct {
	First, Last string
	Running     bool // it isn't over
	Counted     money.Amount
	Sales       int64
	Share       int64
}

// bucket is what was sold on one day on one lane.
type bucket struct {
	day, country, region, from string
	low                        bool
	currency                   money.Currency
	kind                       Kind
	net, count                 int64
}

// Thresholds tells how near every rule of the day is to being crossed, in the order of the table.
func (s *Service) Thresholds(tx *db.Tx, at time.Time) ([]Status, error) {
	today := at.UTC().Format(time.DateOnly)
	all, err := s.buckets(tx, fmt.Sprintf("%04d-01-01", at.UTC().Year()-2))
	if err != nil {
		return nil, err
	}
	words, err := s.Active(tx, today)
	if err != nil {
		return nil, err
	}
	c := counter{s: s, tx: tx, all: all, rates: map[question]money.Rate{}}
	var out []Status
	for _, t := range s.facts.thresholds {
		zone := s.facts.zone(t.place())
		day := at.In(zone).Format(time.DateOnly)
		if !t.on(day) {
			continue
		}
		v := Status{Threshold: t, Counted: money.Of(0, t.Currency)}
		for _, w := range words {
			v.Registered = v.Registered || t.Registration != "" && sameWord(w, t.Registration)
		}
		if v.Why = s.unwatched(&t); v.Why == "" {
			v.Watched = true
			if err := c.count(&v, day); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	together(out)
	return out, nil
}

// unwatched is why nothing is counted towards a rule.
func (s *Service) unwatched(t *Threshold) string {
	country, _ := t.place()
	at := string(s.Home) == country
	switch {
	case t.Counts == "none":
		return "no_threshold"
	case t.Counts == "services":
		return "services_only"
	case t.Seller == "resident" && !at, t.Seller == "foreign" && at:
		return "other_sellers"
	}
	return ""
}

// together lets rules of one place that must both be met share the lesser level.
func together(all []Status) {
	for i := range all {
		for j := range i {
			a, b := &all[i], &all[j]
			if a.Logic != "and" || b.Logic != "and" || a.Jurisdiction != b.Jurisdiction || a.Transactions > 0 || b.Transactions > 0 {
				continue
			}
			level := min(a.Level, b.Level)
			a.Level, b.Level = level, level
		}
	}
}

func (s *Service) buckets(tx *db.Tx, since string) ([]bucket, error) {
	return db.All(tx, func(r db.Row) (b bucket, err error) {
		err = r.Scan(&b.day, &b.country, &b.region, &b.from, &b.low, (*string)(&b.currency), (*string)(&b.kind), &b.net, &b.count)
		return
	}, `select day, country, region, ship_from, low, currency, kind, cast(sum(net) as bigint), count(*) from tax_entries
		where day >= $1 and not test group by day, country, region, ship_from, low, currency, kind
		order by day, country, region, ship_from, low, currency, kind`, since)
}

// counter counts towards rules.
type counter struct {
	s     *Service
	tx    *db.Tx
	all   []bucket
	rates map[question]money.Rate
}

// counts reports whether what was sold on a lane counts towards a rule.
func (t *Threshold) counts(b *bucket) bool {
	country, region := t.place()
	there := b.country == country && (region == "" || b.region == region)
	switch t.Counts {
	case "to", "gross", "retail", "taxable":
		return there
	case "low":
		return there && b.low
	case "domestic":
		return there && b.from == country
	case "union_distance":
		return member(b.from) && member(b.country) && b.from != b.country
	case "union":
		return member(b.from) && member(b.country)
	case "worldwide", "worldwide_if_any":
		return true
	}
	return false
}

// series is what counts towards a rule: running sums by civil day, in order.
type series struct {
	days         []string
	minor, sales []int64
}

// add appends a day; days come in order.
func (s *series) add(day string, minor, sales int64) {
	if n := len(s.days); n > 0 {
		minor, sales = minor+s.minor[n-1], sales+s.sales[n-1]
		if s.days[n-1] == day {
			s.minor[n-1], s.sales[n-1] = minor, sales
			return
		}
	}
	s.days, s.minor, s.sales = append(s.days, day), append(s.minor, minor), append(s.sales, sales)
}

// sum adds up from one day to another, both included.
func (s *series) sum(first, last string) (minor, sales int64) {
	from := sort.SearchStrings(s.days, first)
	to := sort.Search(len(s.days), func(i int) bool { return s.days[i] > last })
	if to <= from {
		return 0, 0
	}
	minor, sales = s.minor[to-1], s.sales[to-1]
	if from > 0 {
		minor, sales = minor-s.minor[from-1], sales-s.sales[from-1]
	}
	return minor, sales
}

func (c *counter) count(v *Status, today string) error {
	spans := windows(v.Period, today)
	since := market.AddDays(today, -7*pastWeeks)
	for _, w := range spans {
		since = min(since, w.First)
	}
	days, err := c.series(v, since, today)
	if err != nil {
		return err
	}
	for _, w := range spans {
		minor, sales := days.sum(w.First, w.Last)
		w.Counted, w.Sales = money.Of(minor, v.Currency), sales
		w.Share = v.share(minor, sales)
		v.Windows = append(v.Windows, w)
		if len(v.Windows) == 1 || w.Share > v.Share {
			v.Share, v.Counted, v.Sales = w.Share, w.Counted, w.Sales
		}
	}
	for _, level := range levels {
		if v.Share >= int64(level) {
			v.Level = level
		}
	}
	if v.Share < 100 {
		v.Crossing = v.project(&days, today)
	}
	return nil
}

// series is what counts towards a rule from one day to another.
func (c *counter) series(v *Status, since, today string) (days series, err error) {
	there := v.Counts != "worldwide_if_any"
	for i := range c.all {
		b := &c.all[i]
		country, _ := v.place()
		if b.day < since || b.day > today {
			continue
		}
		there = there || b.country == country
		if !v.counts(b) || v.Counts == "gross" && b.kind == Refund {
			continue
		}
		minor, ok, err := c.convert(v, b, today)
		if err != nil {
			return days, err
		}
		if !ok {
			continue
		}
		sales := map[Kind]int64{Sale: b.count, Cancellation: -b.count}[b.kind]
		days.add(b.day, minor, sales)
	}
	if !there {
		return series{}, nil
	}
	return days, nil
}

// levels are the shares of a limit at which the merchant is told.
var levels = []int{70, 90, 100}

const mostShare = 9999

// share is how much of the limit is reached, in per cent.
func (t *Threshold) share(minor, sales int64) int64 {
	of := func(n, limit int64) int64 {
		if limit <= 0 {
			return mostShare
		}
		return min(portion(max(n, 0), 100, limit), mostShare)
	}
	switch {
	case t.Logic == "first_sale" && sales > 0:
		return 100
	case t.Logic == "first_sale":
		return 0
	case t.Transactions > 0 && t.Logic == "or":
		return max(of(minor, t.Limit.Minor), of(sales, t.Transactions))
	case t.Transactions > 0:
		return min(of(minor, t.Limit.Minor), of(sales, t.Transactions))
	}
	return of(minor, t.Limit.Minor)
}

// convert gives a day's sales in the rule's currency, at the rate of the last day of its month; where that isn't
// known, at today's.
func (c *counter) convert(v *Status, b *bucket, today string) (minor int64, ok bool, err error) {
	if b.currency == v.Currency {
		return b.net, true, nil
	}
	_, last, _ := PeriodOf(Month, b.day).Days()
	for _, day := range []string{min(last, today), today} {
		rate, err := c.rate(question{b.currency, v.Currency, day}, today)
		if err != nil {
			return 0, false, err
		}
		if rate.Coef > 0 {
			return money.Of(b.net, b.currency).Convert(v.Currency, rate).Minor, true, nil
		}
		v.Approximated = true
	}
	v.Problem = "no_rate:" + string(b.currency)
	return 0, false, nil
}

type question struct {
	from, to money.Currency
	day      string
}

// rate is that of a day, zero where none is known. Those of days long gone are remembered while the program runs.
func (c *counter) rate(ask question, today string) (money.Rate, error) {
	if r, ok := c.rates[ask]; ok {
		return r, nil
	}
	if r, ok := c.s.past.Load(ask); ok {
		return r.(money.Rate), nil
	}
	q, err := c.s.Rates.Rate(c.tx, ask.from, ask.to, ask.day)
	if err != nil && !noRate(err) {
		return money.Rate{}, err
	}
	c.rates[ask] = q.Rate
	if err == nil && market.AddDays(ask.day, longGone) < today {
		c.s.past.Store(ask, q.Rate)
	}
	return q.Rate, nil
}

// longGone is after how many days no other rate for a day is expected.
const longGone = 14

// Watch announces each level that is reached the first time in a calendar year, the highest where one order
// passes several, for rules whose registration the merchant doesn't have yet. It returns what it announced.
func (s *Service) Watch(tx *db.Tx) ([]LevelEvent, error) {
	all, err := s.Thresholds(tx, tx.Now())
	if err != nil {
		return nil, err
	}
	return s.tell(tx, all)
}

// tell announces the levels that weren't told yet.
func (s *Service) tell(tx *db.Tx, all []Status) ([]LevelEvent, error) {
	var told []LevelEvent
	period := tx.Now().UTC().Format("2006")
	for _, v := range all {
		fresh := 0
		for _, level := range levels {
			if v.Level < level || v.Registered {
				continue
			}
			n, err := tx.Exec(`insert into tax_levels (rule, period, level, at) values ($1, $2, $3, $4) on conflict do nothing`,
				v.ID, period, level, tx.Now())
			if err != nil {
				return nil, err
			}
			if n == 1 {
				fresh = level
			}
		}
		if fresh == 0 {
			continue
		}
		e := LevelEvent{Rule: v.ID, Jurisdiction: v.Jurisdiction, Level: fresh, Period: period, Counted: v.Counted, Limit: money.Of(v.Limit.Minor, v.Currency),
			Do: v.Do, At: tx.Now()}
		if err := s.Bus.Publish(tx, e); err != nil {
			return nil, err
		}
		told = append(told, e)
	}
	return told, nil
}
