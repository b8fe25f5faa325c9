package messaging

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are part of the rules; the machine may have none

	"portolan/internal/market"
)

// Window is a span of the local day, in minutes from midnight, that crosses midnight when From is after To.
// From equal to To is no window.
type Window struct{ From, To int }

func (w Window) String() string { return clock(w.From) + "-" + clock(w.To) }

func clock(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

func readClock(s string) (int, error) {
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err
}

func readWindow(from, to string) (w Window, err error) {
	if w.From, err = readClock(from); err != nil {
		return w, err
	}
	w.To, err = readClock(to)
	return w, err
}

// readDay reads "sat 10:00;sun 12:00".
func readDay(s string) (map[string]int, error) {
	if s == "" {
		return nil, nil
	}
	all := map[string]int{}
	for one := range strings.SplitSeq(s, ";") {
		day, at, _ := strings.Cut(one, " ")
		m, err := readClock(at)
		if err != nil || !has([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, day) {
			return nil, fmt.Errorf("day %q: %w", one, ErrBadRuleTable)
		}
		all[day] = m
	}
	return all, nil
}

// end returns when the quiet time that holds at t ends, if one does.
func (w Window) end(t time.Time) (time.Time, bool) {
	m := t.Hour()*60 + t.Minute()
	switch {
	case w.From == w.To:
	case w.From < w.To && m >= w.From && m < w.To, w.From > w.To && m < w.To:
		return at(t, 0, w.To), true
	case w.From > w.To && m >= w.From:
		return at(t, 1, w.To), true
	}
	return t, false
}

// at is a minute of the day, days after t's, in t's zone.
func at(t time.Time, days, minute int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+days, minute/60, minute%60, 0, 0, t.Location())
}

// holidays tells public holidays; nil knows none.
type holidays func(c market.Country, day string) bool

// quiet returns when the quiet time that p asks for at t ends, and why it is quiet. t is in the zone asked about.
func (p Policy) quiet(t time.Time, off holidays) (end time.Time, why string) {
	day := strings.ToLower(t.Weekday().String()[:3])
	m := t.Hour()*60 + t.Minute()
	if end, ok := p.Quiet.end(t); ok {
		return end, p.Quiet.String()
	}
	if slices.Contains(p.BlockedDays, day) {
		return at(t, 1, 0), day
	}
	if slices.Contains(p.BlockedDays, "holidays") && off != nil && off(p.Country, t.Format(time.DateOnly)) {
		return at(t, 1, 0), "holiday"
	}
	if late, ok := p.Late[day]; ok && m < late {
		return at(t, 0, late), day + " until " + clock(late)
	}
	if early, ok := p.Early[day]; ok && m >= early {
		return at(t, 1, 0), day + " from " + clock(early)
	}
	return t, ""
}

// quietUntil returns the first moment from now on that is quiet under none of the policies in none of the
// zones, and what made now quiet; an empty why means that now will do. Within ten days there is such a moment
// or none at all: then it returns the end of the ten days.
func quietUntil(policies []Policy, zones []*time.Location, off holidays, now time.Time) (until time.Time, why string) {
	until = now
	for until.Sub(now) < 10*24*time.Hour {
		next, reason := until, ""
		for _, p := range policies {
			for _, z := range zones {
				end, w := p.quiet(until.In(z), off)
				if w == "" {
					continue
				}
				if !end.After(until) { // a clock change swallowed or doubled the hour
					end = until.Add(15 * time.Minute)
				}
				if end.After(next) {
					next, reason = end, strings.TrimSuffix(string(p.Country)+"-"+p.Region, "-")+" "+w+" "+z.String()
				}
			}
		}
		if reason == "" {
			return until.UTC(), why
		}
		if why == "" {
			why = reason
		}
		until = next
	}
	return until.UTC(), why
}

// known keeps zones once they were read.
var known sync.Map

func zoneOf(name string) *time.Location {
	if z, ok := known.Load(name); ok {
		return z.(*time.Location)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	known.Store(name, z)
	return z
}

// zonesOf loads the zones by name. A name that nobody knows counts as UTC; no names at all do too.
func zonesOf(names []string) (zones []*time.Location) {
	for _, n := range names {
		zones = append(zones, zoneOf(n))
	}
	if zones == nil {
		zones = []*time.Location{time.UTC}
	}
	return zones
}
