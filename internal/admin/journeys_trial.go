package admin

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/journeys"
)

// trialView is what past events say of a draft.
type trialView struct {
	Run  *journeys.TrialRun // nil: none was begun for what the draft is now
	Rows []trialRow
	Why  []pairOf // why messages would not have been sent, the most frequent first
	Days []choice
}

type trialRow struct {
	Name      string
	All       bool
	Now, Live trialFigures
	Old       bool // there is a version in force to compare with
}

type trialFigures struct {
	Entered, Sent, Parts, Held, Blocked, Withheld int64
	Cost                                          string
}

// trialOf reads the trial of exactly what the draft is now.
func (c *console) trialOf(tx *db.Tx, p *page, d journeys.Definition) (v trialView, err error) {
	for _, n := range []int64{7, 30, 90} {
		v.Days = append(v.Days, choice{strconv.FormatInt(n, 10), p.N("common.days", n), n == 30})
	}
	t, err := c.Journeys.TrialOf(tx, d)
	if errors.Is(err, journeys.ErrUnknownTrial) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if v.Run = &t; t.Report == nil {
		return v, nil
	}
	r := t.Report
	row := func(name string, m journeys.MarketReport, live *journeys.MarketReport) trialRow {
		x := trialRow{Name: name, Now: p.figures(m)}
		if live != nil {
			x.Old, x.Live = true, p.figures(*live)
		}
		return x
	}
	var live *journeys.MarketReport
	if r.Live != nil {
		all := r.Live.All()
		live = &all
	}
	all := r.Tried.All()
	total := row(p.T("console.jr_trial_all"), all, live)
	total.All = true
	for _, m := range c.selling() {
		now := r.Tried.In(m.Code)
		if r.Live != nil {
			was := r.Live.In(m.Code)
			live = &was
		}
		if now.Entered+now.Refused > 0 || live != nil && live.Entered > 0 {
			v.Rows = append(v.Rows, row(p.CountryName(string(m.Country())), now, live))
		}
	}
	v.Rows = append(v.Rows, total)
	for _, why := range slices.SortedFunc(maps.Keys(all.Blocked), func(a, b string) int {
		if all.Blocked[a] == all.Blocked[b] {
			return strings.Compare(a, b)
		}
		return int(all.Blocked[b] - all.Blocked[a])
	}) {
		v.Why = append(v.Why, pairOf{why, all.Blocked[why]})
	}
	return v, nil
}

func (p *page) figures(m journeys.MarketReport) trialFigures {
	sum := func(all map[string]int64) (n int64) {
		for _, x := range all {
			n += x
		}
		return n
	}
	s := m.Sent()
	return trialFigures{Entered: m.Entered, Sent: s.Messages, Parts: s.Parts, Held: sum(m.Held), Blocked: sum(m.Blocked), Withheld: m.Withheld, Cost: p.Cost(s.Cost)}
}

// Share64 is a share of 1 in whole per cent.
func (p *page) Share64(share float64) string { return p.Share(int64(share*1000), 1000) }
