package tax

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"portolan/internal/money"
)

// Deadline is the last day on which a return can be made in time. Weekends and holidays don't move it here; some
// authorities let them.
type Deadline struct {
	Day        string
	Source     string
	Confidence string
}

// Sure reports whether the rule of the deadline was checked: high or unverified-high.
func (d Deadline) Sure() bool { return d.Confidence == "high" || d.Confidence == "unverified-high" }

// deadline is a row of deadlines.csv.
type deadline struct {
	scheme, kind, ends string
	months, days       int
	source, confidence string
}

var deadlines = sync.OnceValue(func() (all []deadline) {
	for _, r := range rows("deadlines.csv") {
		all = append(all, deadline{r["scheme"], r["kind"], r["ends"], must(strconv.Atoi(r["months"])), must(strconv.Atoi(r["days"])), r["source"], r["confidence"]})
	}
	return all
})

// Due is until when the scheme's return for a period has to be made; false where no rule is known.
func (s Scheme) Due(p Period) (Deadline, bool) {
	kind, _, last, err := p.parse()
	if err != nil {
		return Deadline{}, false
	}
	ends := last.Format("01")
	best, points := deadline{}, -1
	for _, d := range deadlines() {
		state := d.scheme == "US" && len(s.Area) == 5 && s.Area[:3] == "US-"
		if d.scheme != s.Code && !state || d.kind != "" && d.kind != string(kind) || d.ends != "" && d.ends != ends {
			continue
		}
		if n := len(d.kind) + len(d.ends); n > points {
			best, points = d, n
		}
	}
	if points < 0 {
		return Deadline{}, false
	}
	// the last day of the month so many months later, and so many days after it
	end := time.Date(last.Year(), last.Month()+time.Month(best.months)+1, 0, 0, 0, 0, 0, time.UTC)
	return Deadline{end.AddDate(0, 0, best.days).Format(time.DateOnly), best.source, best.confidence}, true
}

// examples are numbers as authorities write them, by word; "US" stands for the states.
var examples = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, r := range rows("numbers.csv") {
		all[r["word"]] = r["example"]
	}
	return all
})

// Effect is what a registration changes at the checkout.
type Effect string

// The effects. AtSale: tax of orders up to a limit is collected at the checkout instead of at the border; InState:
// sales tax of a state is; Programme: orders pay by the terms of a programme; BooksOnly: nothing changes there.
const (
	AtSale    Effect = "at_sale"
	InState   Effect = "in_state"
	Programme Effect = "programme"
	BooksOnly Effect = "books_only"
)

// Choice is a registration that can be noted.
type Choice struct {
	Word    string
	Area    string // EU, a country, or US-CA
	Example string // a number of the authority's form; empty: free
	Effect  Effect
	Scheme  Scheme // the return it leads to; zero: none here
}

// Choices are all registrations that can be noted, countries first.
func Choices() (all []Choice) {
	for _, w := range Words() {
		c := Choice{Word: w, Effect: BooksOnly, Example: examples()[w]}
		i := slices.IndexFunc(known().schemes, func(s Scheme) bool { return s.Registration == w })
		if i >= 0 {
			c.Scheme = known().schemes[i]
			c.Area = c.Scheme.Area
		}
		for _, t := range known().thresholds {
			if c.Area == "" && t.Registration == w {
				c.Area = t.Jurisdiction
			}
		}
		state := len(c.Area) == 5 && c.Area[:3] == "US-"
		switch {
		case state:
			c.Effect, c.Example = InState, examples()["US"]
		case w == "REMESSA_CONFORME":
			c.Effect = Programme
		case c.Scheme.limit.Minor > 0:
			c.Effect = AtSale
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b Choice) int { return len(a.Area) - len(b.Area) })
	return all
}

// LowValue is the limit up to which tax is collected at sale, whether it is of one item rather than of the whole
// consignment, and whether the limit itself is beyond it. No currency: none.
func (s Scheme) LowValue() (limit money.Amount, item, below bool) { return s.limit, s.item, s.below }
