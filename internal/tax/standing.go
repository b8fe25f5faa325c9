package tax

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
)

// State is how far a return has come:
//
//	open -> provisional -> ready -> filed -> corrected
type State string

// The states.
const (
	Open        State = "open"        // its period runs
	Provisional State = "provisional" // the period is over, a figure isn't final: an exchange rate is missing
	Ready       State = "ready"       // it can be filed
	FiledState  State = "filed"
	Corrected   State = "corrected" // filed, and its period has changed since
)

// Standing is one return of a scheme and how far it has come.
type Standing struct {
	Report
	State    State
	Deadline Deadline // no day: no rule is known
	Left     int      // days until then; below nothing when it is over
	Since    Later    // of filed ones
}

// Late reports whether the return should have been filed.
func (v *Standing) Late() bool {
	return v.Deadline.Day != "" && v.Left < 0 && v.State != FiledState && v.State != Corrected
}

// presence is since when a scheme concerns the merchant.
type presence struct {
	scheme, first string
}

// Standings are the returns that the merchant has to make or has made, by scheme and then latest first, at most
// periods of each. Periods without a sale in which a registration held are among them, from the one on in which it
// was noted here: most authorities want a return of nothing too. With a scheme, only its.
func (s *Service) Standings(tx *db.Tx, only string, periods int) ([]Standing, error) {
	concerns, err := s.concerns(tx)
	if err != nil {
		return nil, err
	}
	registered, err := s.Registrations(tx)
	if err != nil {
		return nil, err
	}
	var all []Standing
	for _, c := range s.facts.schemes {
		first, ok := concerns[c.Code]
		if only != "" && c.Code != only || !ok {
			continue
		}
		filed, err := s.filings(tx, c.Code)
		if err != nil {
			return nil, err
		}
		kind := c.Periods[0]
		for p := range filed {
			kind, _, _, _ = p.parse()
		}
		today := tx.Now().In(c.Zone).Format(time.DateOnly)
		p := PeriodOf(kind, today)
		for range periods {
			begin, end, err := p.Days()
			if err != nil || end < first {
				break
			}
			v, err := s.standing(tx, c, p, today, filed)
			if err != nil {
				return nil, err
			}
			if _, noted := holds(registered, c, begin, end); noted || v.Orders > 0 || len(v.Totals) > 0 || v.Filing != nil {
				all = append(all, v)
			}
			p = PeriodOf(kind, market.AddDays(begin, -1))
		}
	}
	return all, nil
}

// holds reports whether a registration for a scheme held on some day, and whether one of those was noted by the last.
func holds(all []Registration, c Scheme, first, last string) (held, noted bool) {
	for _, r := range all {
		if sameWord(r.Word, c.Registration) && r.ValidFrom <= last && (r.ValidTo == "" || first <= r.ValidTo) {
			held = true
			noted = noted || r.NotedAt.In(c.Zone).Format(time.DateOnly) <= last
		}
	}
	return held, noted
}

// concerns is the first day with an entry or a registration, by scheme.
func (s *Service) concerns(tx *db.Tx) (map[string]string, error) {
	all, err := db.All(tx, func(r db.Row) (v presence, err error) {
		err = r.Scan(&v.scheme, &v.first)
		return
	}, `select p.scheme, min(e.day) from tax_parts p join tax_entries e on e.id = p.entry where not e.test group by p.scheme order by p.scheme`)
	if err != nil {
		return nil, err
	}
	first := map[string]string{}
	for _, v := range all {
		first[v.scheme] = v.first
	}
	registered, err := s.Registrations(tx)
	for _, r := range registered {
		for _, c := range s.facts.schemes {
			if day, ok := first[c.Code]; sameWord(r.Word, c.Registration) && (!ok || r.ValidFrom < day) {
				first[c.Code] = r.ValidFrom
			}
		}
	}
	return first, err
}

func (s *Service) standing(tx *db.Tx, c Scheme, p Period, today string, filed map[Period]Filing) (v Standing, err error) {
	if f, ok := filed[p]; ok {
		if v.Report, err = s.frozen(tx, c, f); err != nil {
			return v, err
		}
		if v.Since, err = since(tx, f); err != nil {
			return v, err
		}
	} else {
		if v.Report, _, err = s.blank(c.Code, p); err != nil {
			return v, err
		}
		if err = s.make(tx, &v.Report, open(c.Code, v.Report, filed)); err != nil {
			return v, err
		}
	}
	v.place(today)
	return v, nil
}

// place works out the state and how long there is left.
func (v *Standing) place(today string) {
	v.Deadline, _ = v.Scheme.Due(v.Period)
	if v.Deadline.Day != "" {
		v.Left = market.DaysBetween(today, v.Deadline.Day)
	}
	switch {
	case v.Filing != nil && v.Since.Entries > 0:
		v.State = Corrected
	case v.Filing != nil:
		v.State = FiledState
	case today <= v.Last:
		v.State = Open
	case v.Provisional || lacksRate(v.Problems):
		v.State = Provisional
	default:
		v.State = Ready
	}
}

// Standing is one return and how far it has come. ErrUnknownScheme, ErrPeriod.
func (s *Service) Standing(tx *db.Tx, scheme string, p Period) (v Standing, err error) {
	r, _, err := s.blank(scheme, p)
	if err != nil {
		return v, err
	}
	filed, err := s.filings(tx, scheme)
	if err != nil {
		return v, err
	}
	return s.standing(tx, r.Scheme, p, tx.Now().In(r.Scheme.Zone).Format(time.DateOnly), filed)
}

// Agenda sorts what still has to be filed, the most urgent first.
func Agenda(all []Standing) []Standing {
	todo := slices.DeleteFunc(slices.Clone(all), func(v Standing) bool { return v.Filing != nil || v.Deadline.Day == "" })
	slices.SortStableFunc(todo, func(a, b Standing) int { return cmp.Compare(a.Deadline.Day, b.Deadline.Day) })
	return todo
}

// soon is how many days before its end a deadline is spoken of.
const soon = 10

// Alert is a level of a threshold that was told and that nobody has looked at yet.
type Alert struct {
	Rule  Threshold
	Level int
	At    time.Time
}

// Alerts are the highest levels of this year that nobody has looked at, of rules that the merchant isn't
// registered for.
func (s *Service) Alerts(tx *db.Tx) (all []Alert, err error) {
	type told struct {
		rule  string
		level int
		at    time.Time
	}
	levels, err := db.All(tx, func(r db.Row) (v told, err error) {
		err = r.Scan(&v.rule, &v.level, db.Moment(&v.at))
		return
	}, `select rule, max(level), max(at) from tax_levels where period = $1 and seen_at is null group by rule order by rule`, tx.Now().UTC().Format("2006"))
	if err != nil || len(levels) == 0 {
		return nil, err
	}
	words, err := s.Active(tx, tx.Now().UTC().Format(time.DateOnly))
	for _, l := range levels {
		i := slices.IndexFunc(s.facts.thresholds, func(t Threshold) bool { return t.ID == l.rule })
		if i < 0 {
			continue
		}
		t := s.facts.thresholds[i]
		if !slices.ContainsFunc(words, func(w string) bool { return t.Registration != "" && sameWord(w, t.Registration) }) {
			all = append(all, Alert{t, l.level, l.at})
		}
	}
	return all, err
}

// Seen notes that a person has looked at a threshold's levels.
func (s *Service) Seen(tx *db.Tx, rule, by string) error {
	return tx.Send(`update tax_levels set seen_at = $2, seen_by = $3 where rule = $1 and seen_at is null`, rule, tx.Now(), by)
}

// Waiting counts what a person should look at: levels of thresholds, and returns that are late or due within ten
// days of schemes that the merchant is registered for.
func (s *Service) Waiting(tx *db.Tx) (n int64, err error) {
	alerts, err := s.Alerts(tx)
	if err != nil {
		return 0, err
	}
	registered, err := s.Registrations(tx)
	if err != nil {
		return 0, err
	}
	filed, err := db.All(tx, scanFiling, `select `+filingColumns+` from tax_filings where undone_at is null and last >= $1 order by first`,
		tx.Now().UTC().AddDate(-1, 0, 0).Format(time.DateOnly))
	if err != nil {
		return 0, err
	}
	for _, c := range s.facts.schemes {
		more, err := c.pressing(tx, registered, filed)
		if err != nil {
			return 0, err
		}
		n += more
	}
	return n + int64(len(alerts)), nil
}

// pressing counts the scheme's returns of the last year that should be filed by now or soon.
func (s Scheme) pressing(tx *db.Tx, registered []Registration, filed []Filing) (n int64, err error) {
	today := tx.Now().In(s.Zone).Format(time.DateOnly)
	kind := s.Periods[0]
	for _, f := range filed {
		if f.Scheme == s.Code {
			kind, _, _, _ = f.Period.parse()
		}
	}
	first, _, _ := PeriodOf(kind, today).Days()
	for first > market.AddDays(today, -366) {
		p := PeriodOf(kind, market.AddDays(first, -1))
		begin, end, err := p.Days()
		held, noted := holds(registered, s, begin, end)
		if err != nil || !held {
			return n, err
		}
		d, ok := s.Due(p)
		done := slices.ContainsFunc(filed, func(f Filing) bool { return f.Scheme == s.Code && f.First <= begin && end <= f.Last })
		if ok && !done && market.DaysBetween(today, d.Day) <= soon {
			if !noted {
				if noted, err = s.anything(tx, begin, end); err != nil {
					return n, err
				}
			}
			n += flag(noted)
		}
		first = begin
	}
	return n, nil
}

// anything reports whether there is an entry under the scheme between two days.
func (s Scheme) anything(tx *db.Tx, first, last string) (bool, error) {
	_, err := db.One(tx, db.Scalar[int64], `select 1 from tax_entries e join tax_parts p on p.entry = e.id
		where e.day >= $1 and e.day <= $2 and p.scheme = $3 and not e.test limit 1`, first, last, s.Code)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil, err
}
