package tax

import (
	"strconv"
	"sync"
	"time"
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
		state := d.scheme == "US" && inState(s.Area)
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
