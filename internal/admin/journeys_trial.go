package admin

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/journeys"
)

// trialView is what past events say of a draft.
type trialView struct {
	Run     *journeys.TrialRun // nil: none was begun for what the draft is now
	Rows    []trialRow
	Markets []string // that something happened in, as the columns of Why
	Why     []trialReasons
	Kinds   []trialKind
	Hours   template.HTML
	Old     bool // there is a version in force to compare with
	Days    []choice
}

// trialReasons are why something would have happened, the most frequent first.
type trialReasons struct {
	Title string
	Rows  []trialReason
}

type trialReason struct {
	Reason    string
	Each      []int64 // by market
	All, Live int64
}

// trialKind is what would have been sent of one text on one channel.
type trialKind struct {
	Template, Channel string
	Now, Live         journeys.Sending
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
	now, was := r.Tried.All(), journeys.MarketReport{}
	var live *journeys.MarketReport
	if r.Live != nil {
		was = r.Live.All()
		live, v.Old = &was, true
	}
	total := row(p.T("console.jr_trial_all"), now, live)
	total.All = true
	var each []journeys.MarketReport
	for _, m := range c.selling() {
		one := r.Tried.In(m.Code)
		if r.Live != nil {
			was := r.Live.In(m.Code)
			live = &was
		}
		if one.Entered+one.Refused > 0 || live != nil && live.Entered > 0 {
			name := p.CountryName(string(m.Country()))
			v.Rows, v.Markets, each = append(v.Rows, row(name, one, live)), append(v.Markets, name), append(each, one)
		}
	}
	v.Rows = append(v.Rows, total)
	for _, kind := range []struct {
		title string
		of    func(journeys.MarketReport) map[string]int64
	}{
		{"console.jr_trial_waits", func(m journeys.MarketReport) map[string]int64 { return m.Held }},
		{"console.jr_trial_nots", func(m journeys.MarketReport) map[string]int64 { return m.Blocked }},
		{"console.jr_trial_left", leftOtherwise},
	} {
		if rows := whys(now, was, each, kind.of); len(rows) > 0 {
			v.Why = append(v.Why, trialReasons{p.T(kind.title), rows})
		}
	}
	v.Kinds = kindsOf(now, was)
	v.Hours = p.trialHours(now, was, v.Old)
	return v, nil
}

// Columns is how many the table of reasons has.
func (v trialView) Columns() int {
	if v.Old {
		return len(v.Markets) + 3
	}
	return len(v.Markets) + 2
}

// leftOtherwise are the reasons why runs ended early, without those that ended because their message wasn't sent.
func leftOtherwise(m journeys.MarketReport) map[string]int64 {
	all := map[string]int64{}
	for reason, n := range m.Left {
		if n -= m.Blocked[reason]; n > 0 {
			all[reason] = n
		}
	}
	return all
}

// whys are the reasons of a draft and of what is live, with how often each market had them.
func whys(now, was journeys.MarketReport, each []journeys.MarketReport, of func(journeys.MarketReport) map[string]int64) (all []trialReason) {
	reasons := maps.Clone(of(now))
	if reasons == nil {
		reasons = map[string]int64{}
	}
	for reason := range of(was) {
		reasons[reason] += 0
	}
	for reason, n := range reasons {
		x := trialReason{Reason: reason, All: n, Live: of(was)[reason]}
		for _, m := range each {
			x.Each = append(x.Each, of(m)[reason])
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b trialReason) int {
		return cmp.Or(cmp.Compare(b.All, a.All), cmp.Compare(b.Live, a.Live), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// kindsOf are the texts by channel, over all senders, those sent most first.
func kindsOf(now, was journeys.MarketReport) (all []trialKind) {
	at := map[[2]string]int{}
	count := func(sent []journeys.Sending, side func(*trialKind) *journeys.Sending) {
		for _, s := range sent {
			key := [2]string{s.Template, string(s.Channel)}
			i, known := at[key]
			if !known {
				i, at[key] = len(all), len(all)
				all = append(all, trialKind{Template: s.Template, Channel: string(s.Channel)})
			}
			sum := side(&all[i])
			sum.Messages, sum.Parts, sum.Unpriced = sum.Messages+s.Messages, sum.Parts+s.Parts, sum.Unpriced+s.Unpriced
			sum.Cost.Micros, sum.Cost.Currency = sum.Cost.Micros+s.Cost.Micros, cmp.Or(sum.Cost.Currency, s.Cost.Currency)
		}
	}
	count(now.Messages, func(k *trialKind) *journeys.Sending { return &k.Now })
	count(was.Messages, func(k *trialKind) *journeys.Sending { return &k.Live })
	slices.SortStableFunc(all, func(a, b trialKind) int { return cmp.Compare(b.Now.Messages, a.Now.Messages) })
	return all
}

// trialHours draws in which hour of their market messages would have left: a bar an hour for the draft, an outline for what
// is live. Nothing where none left.
func (p *page) trialHours(now, was journeys.MarketReport, compare bool) template.HTML {
	most := max(slices.Max(now.Hours[:]), slices.Max(was.Hours[:]))
	if most == 0 {
		return ""
	}
	const wide, high, foot, head = 26, 120, 20, 16
	var bars, said strings.Builder
	for h := range 24 {
		n, old := now.Hours[h], was.Hours[h]
		text := fmt.Sprintf("%02d:00: %s", h, p.Number(n))
		if compare {
			text += ", " + p.T("console.jr_trial_live") + ": " + p.Number(old)
		}
		if n+old > 0 {
			said.WriteString("; " + text)
		}
		tall, before := float64(high)*float64(n)/float64(most), float64(high)*float64(old)/float64(most)
		fmt.Fprintf(&bars, `<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" fill="transparent"/>`, template.HTMLEscapeString(text), h*wide, head, wide, high)
		if n > 0 {
			fmt.Fprintf(&bars, `<rect x="%d" y="%.1f" width="%d" height="%.1f" rx="2" fill="#1d4e5f"/>`, h*wide+5, head+high-max(1, tall), wide-10, max(1, tall))
		}
		if old > 0 {
			fmt.Fprintf(&bars, `<rect x="%.1f" y="%.1f" width="%d" height="%.1f" rx="3" fill="none" stroke="#b45309" stroke-width="1.5"/>`, float64(h*wide)+2.5, head+high-max(1, before), wide-5, max(1, before))
		}
		bars.WriteString(`</g>`)
		if h%3 == 0 {
			fmt.Fprintf(&bars, `<text x="%d" y="%d" text-anchor="middle">%02d</text>`, h*wide+wide/2, head+high+14, h)
		}
	}
	return template.HTML(fmt.Sprintf(`<svg role="img" aria-label="%s" width="%d" height="%d" viewBox="0 0 %d %d" font-size="11" fill="#565d66"><g direction="ltr"><path d="M0 %dH%d" stroke="#dde2e6"/><text x="4" y="11">%s</text>%s</g></svg>`,
		template.HTMLEscapeString(p.T("console.jr_trial_when")+said.String()), 24*wide, head+high+foot, 24*wide, head+high+foot, head+high, 24*wide, p.Number(most), bars.String()))
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
