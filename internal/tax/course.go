package tax

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

// ErrUnknownThreshold is the fault of a threshold that there isn't.
var ErrUnknownThreshold = fault.New(fault.NotFound, "tax.unknown_threshold")

// Course is how the running sum of a threshold came about and where it goes, for a picture.
type Course struct {
	Status
	Past  []Point // by week up to today
	Ahead []Guess // by week from today, empty without a projection; an estimate
}

// Point is what the running window held at the end of a day.
type Point struct {
	Day     string
	Counted money.Amount
	Sales   int64
}

// Guess is what the window will hold if sales go on: in the middle, and the ends of a range for four cases of five.
type Guess struct {
	Day            string
	Mid, Low, High money.Amount
	Sales          int64 // in the middle
}

// Course tells how a threshold got where it is. ErrUnknownThreshold.
func (s *Service) Course(tx *db.Tx, rule string, at time.Time) (c Course, err error) {
	i := slices.IndexFunc(s.facts.thresholds, func(t Threshold) bool { return t.ID == rule })
	if i < 0 {
		return c, fmt.Errorf("%.80q: %w", rule, ErrUnknownThreshold)
	}
	t := s.facts.thresholds[i]
	today := at.In(s.facts.zone(t.place())).Format(time.DateOnly)
	all, err := s.Thresholds(tx, at)
	if err != nil {
		return c, err
	}
	c.Status = Status{Threshold: t, Counted: money.Of(0, t.Currency), Why: "ended"}
	for _, v := range all {
		if v.ID == rule {
			c.Status = v
		}
	}
	if !c.Watched || len(c.Windows) == 0 {
		return c, nil
	}
	buckets, err := s.buckets(tx, market.AddDays(today, -2*366))
	if err != nil {
		return c, err
	}
	count := counter{s: s, tx: tx, all: buckets, rates: map[question]money.Rate{}}
	days, err := count.series(&c.Status, market.AddDays(today, -2*366), today)
	if err != nil {
		return c, err
	}
	c.past(&days, today)
	c.ahead(&days, today)
	return c, nil
}

func (c *Course) past(days *series, today string) {
	first := market.AddDays(today, -364)
	for _, w := range c.Windows {
		if w.Running && c.Period != "rolling_12" {
			first = max(first, w.First)
		}
	}
	if len(days.days) > 0 {
		first = max(first, market.AddDays(days.days[0], -7))
	}
	for back := market.DaysBetween(first, today); back > -7; back -= 7 {
		day := market.AddDays(today, -max(back, 0))
		w := windows(c.Period, day)[0]
		minor, sales := days.sum(w.First, day)
		c.Past = append(c.Past, Point{day, money.Of(minor, c.Currency), sales})
		if back <= 0 {
			break
		}
	}
}

// ahead goes on for the longer of eight weeks and four weeks after the crossing, half a year at most.
func (c *Course) ahead(days *series, today string) {
	amounts, sales := weeks(days, today)
	if len(amounts) < leastWeeks || c.Logic == "first_sale" || c.Crossing.Why == "too_little_data" {
		return
	}
	most := 8
	if c.Crossing.Day != "" {
		most = min(max(most, market.DaysBetween(today, c.Crossing.Day)/7+4), 52)
	} else if c.Share < 100 {
		most = 26
	}
	for k := 0; k <= most; k++ {
		g := Guess{Day: market.AddDays(today, 7*k)}
		for i, z := range []float64{0, -1.28, 1.28} {
			minor, n := c.expected(days, today, 7*k, weekly(amounts, z), weekly(sales, z))
			*[]*money.Amount{&g.Mid, &g.Low, &g.High}[i] = money.Of(minor, c.Currency)
			if i == 0 {
				g.Sales = n
			}
		}
		c.Ahead = append(c.Ahead, g)
	}
}

// expected is what the running window holds so many days from today at so much a week.
func (t *Threshold) expected(days *series, today string, later int, minor, sales float64) (int64, int64) {
	day := market.AddDays(today, later)
	w := windows(t.Period, day)
	if len(w) == 0 {
		return 0, 0
	}
	known, count := days.sum(w[0].First, today)
	ahead := float64(later)
	if w[0].First > today {
		ahead = float64(market.DaysBetween(w[0].First, day) + 1)
	}
	return known + int64(minor*ahead/7), count + int64(sales*ahead/7)
}

// Counted lists the orders and refunds that count towards a threshold in the window that decides, latest first,
// and where the next page begins.
func (s *Service) Counted(tx *db.Tx, v Status, after string, limit int) (entries []Entry, next string, err error) {
	if !v.Watched || len(v.Windows) == 0 {
		return nil, "", nil
	}
	w := v.Windows[0]
	for _, o := range v.Windows {
		if o.Share > w.Share {
			w = o
		}
	}
	country, region := v.place()
	there := `e.country = $3 and ($4 = '' or e.region = $4)`
	from, to := within("e.ship_from"), within("e.country")
	where := map[string]string{
		"to": there, "gross": there + ` and e.kind <> 'refund'`, "retail": there, "taxable": there, "low": there + ` and e.low`,
		"domestic": there + ` and e.ship_from = $3`, "union_distance": from + ` and ` + to + ` and e.ship_from <> e.country and $3 = $3 and $4 = $4`,
		"union": from + ` and ` + to + ` and $3 = $3 and $4 = $4`, "worldwide": `$3 = $3 and $4 = $4`, "worldwide_if_any": `$3 = $3 and $4 = $4`,
	}[v.Counts]
	if where == "" {
		return nil, "", nil
	}
	if limit < 1 || limit > 200 {
		limit = 50
	}
	day, id, _ := strings.Cut(after, "/")
	entries, err = db.All(tx, scan, `select `+columns+` from tax_entries e where e.day >= $1 and e.day <= $2 and not e.test and ($5 = '' or (e.day, e.id) < ($5, $6))
		and `+where+` order by e.day desc, e.id desc limit $7`, w.First, w.Last, country, region, day, id, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(entries) > limit {
		entries = entries[:limit]
		next = entries[limit-1].Day + "/" + entries[limit-1].ID
	}
	return entries, next, fill(tx, entries)
}

// within is the condition that a column holds a member of the Union.
func within(column string) string {
	return column + ` in ('` + strings.Join(strings.Fields(members), `', '`) + `')`
}
