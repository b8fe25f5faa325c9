package tax

import (
	"fmt"
	"time"
)

// PeriodKind is how often a return is made.
type PeriodKind string

// The kinds of periods.
const (
	Month   PeriodKind = "M"
	Quarter PeriodKind = "Q"
	Year    PeriodKind = "Y"
)

// Period is what one return covers: 2026-11, 2026-Q4 or 2026.
type Period string

// parse reads the kind, the first and the last civil day of a period.
func (p Period) parse() (kind PeriodKind, first, last time.Time, err error) {
	s := string(p)
	var quarter int
	switch {
	case len(s) == 7 && s[5] == 'Q':
		kind, quarter = Quarter, int(s[6]-'0')
		if quarter < 1 || quarter > 4 {
			return "", first, last, p.wrong()
		}
		first, err = time.Parse("2006-01", fmt.Sprintf("%.4s-%02d", s, 3*quarter-2))
		last = first.AddDate(0, 3, -1)
	case len(s) == 7:
		kind = Month
		first, err = time.Parse("2006-01", s)
		last = first.AddDate(0, 1, -1)
	case len(s) == 4:
		kind = Year
		first, err = time.Parse("2006", s)
		last = first.AddDate(1, 0, -1)
	default:
		err = p.wrong()
	}
	if err != nil {
		return "", first, last, p.wrong()
	}
	return kind, first, last, nil
}

func (p Period) wrong() error {
	return fmt.Errorf("%.20q: %w", string(p), ErrPeriod.With(map[string]string{"period": "tax.period_form"}))
}

// Days are the first and the last civil day of the period; ErrPeriod.
func (p Period) Days() (first, last string, err error) {
	_, a, b, err := p.parse()
	return a.Format(time.DateOnly), b.Format(time.DateOnly), err
}

// PeriodOf is the period of a kind that a civil day falls into; empty where day isn't one.
func PeriodOf(kind PeriodKind, day string) Period {
	at, err := time.Parse(time.DateOnly, day)
	switch {
	case err != nil:
		return ""
	case kind == Year:
		return Period(at.Format("2006"))
	case kind == Quarter:
		return Period(fmt.Sprintf("%d-Q%d", at.Year(), (int(at.Month())+2)/3))
	}
	return Period(at.Format("2006-01"))
}
