package tax

import (
	"math"
	"time"

	"portolan/internal/market"
)

// windows are the spans that a rule of a period looks at on a day, the running one first.
func windows(period, today string) []Window {
	at, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return nil
	}
	text := func(t time.Time) string { return t.Format(time.DateOnly) }
	day := func(year int, m time.Month, d int) time.Time { return time.Date(year, m, d, 0, 0, 0, 0, time.UTC) }
	year := at.Year()
	current := Window{First: text(day(year, 1, 1)), Last: today, Running: true}
	previous := Window{First: text(day(year-1, 1, 1)), Last: text(day(year-1, 12, 31))}
	rolling := Window{First: text(at.AddDate(-1, 0, 1)), Last: today, Running: true}
	switch period {
	case "year":
		return []Window{current}
	case "previous_year", "year_or_previous":
		return []Window{current, previous}
	case "two_years_before":
		return []Window{current, previous, {First: text(day(year-2, 1, 1)), Last: text(day(year-2, 12, 31))}}
	case "four_quarters":
		end := day(year, (at.Month()-1)/3*3+1, 1)
		return []Window{rolling, {First: text(end.AddDate(-1, 0, 0)), Last: text(end.AddDate(0, 0, -1))}}
	case "four_ny_quarters":
		end := day(year, at.Month()/3*3, 1)
		return []Window{rolling, {First: text(end.AddDate(-1, 0, 0)), Last: text(end.AddDate(0, 0, -1))}}
	case "year_to_september":
		end := day(year, 10, 1)
		if at.Before(end) {
			end = end.AddDate(-1, 0, 0)
		}
		return []Window{{First: text(end), Last: today, Running: true}, {First: text(end.AddDate(-1, 0, 0)), Last: text(end.AddDate(0, 0, -1))}}
	case "rolling_12":
		return []Window{rolling}
	}
	return nil
}

// Projection is when a threshold will be crossed if sales go on as in the last weeks: an estimate. Low and High
// are the earliest and the latest day of a range in which the average week lies in four cases of five.
type Projection struct {
	Day       string // empty: not within a year, or Why
	Low, High string // empty High: perhaps not within a year
	Why       string // too_little_data, not_within_a_year; empty with a Day
}

const (
	pastWeeks  = 13
	leastWeeks = 6
	leastSales = 10
	horizon    = 366
)

// project carries the average week of the last thirteen (fewer for a young shop) forward day by day, lets what
// was sold earlier leave the window as the rule has it, and looks when the limit is met. The range is that of
// the mean: 1.28 standard errors each way. Season and growth aren't in it.
func (t *Threshold) project(days *series, today string) Projection {
	if t.Logic == "first_sale" {
		return Projection{Why: "too_little_data"}
	}
	amounts, counts := weeks(days, today)
	sold := 0.0
	for _, n := range counts {
		sold += n
	}
	if len(counts) < leastWeeks || sold < leastSales {
		return Projection{Why: "too_little_data"}
	}
	p := Projection{}
	for i, z := range []float64{0, 1.28, -1.28} {
		day := t.crosses(days, today, weekly(amounts, z), weekly(counts, z))
		*[]*string{&p.Day, &p.Low, &p.High}[i] = day
	}
	if p.Day == "" {
		p.Why = "not_within_a_year"
	}
	return p
}

// weeks are the sums of the last whole weeks, latest first, as far back as anything was sold.
func weeks(days *series, today string) (amounts, sales []float64) {
	if len(days.days) == 0 {
		return nil, nil
	}
	first := days.days[0]
	for i := range pastWeeks {
		from := market.AddDays(today, -7*i-6)
		if from < first {
			break
		}
		minor, n := days.sum(from, market.AddDays(today, -7*i))
		amounts, sales = append(amounts, float64(minor)), append(sales, float64(n))
	}
	return amounts, sales
}

// weekly is the average, z standard errors away, not below nothing.
func weekly(all []float64, z float64) float64 {
	n := float64(len(all))
	mean, squares := 0.0, 0.0
	for _, v := range all {
		mean += v / n
	}
	for _, v := range all {
		squares += (v - mean) * (v - mean)
	}
	return max(0, mean+z*math.Sqrt(squares/(n-1)/n))
}

// crosses is the first day on which the running window meets the limit at so much a week.
func (t *Threshold) crosses(days *series, today string, minor, sales float64) string {
	for k := 1; k <= horizon; k++ {
		day := market.AddDays(today, k)
		if len(windows(t.Period, day)) == 0 {
			return ""
		}
		if t.share(t.expected(days, today, k, minor, sales)) >= 100 {
			return day
		}
	}
	return ""
}
