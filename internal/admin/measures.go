package admin

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// Measures tells how messages do. Satisfied by messaging.Service.
type Measures interface {
	Measures(tx *db.Tx, f messaging.MeasureFilter) (messaging.Measures, error)
	Healths() []messaging.Health
}

func (c *console) measureRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/messages/measures", c.page("measures", c.measures))
	mux.Handle("GET /console/messages/measures.csv", c.known(c.measuresCSV))
}

// fewMessages is how many it takes before a share is said in per cent.
const fewMessages = 30

var spans = []string{"today", "24h", "7d", "30d"}

type measuresView struct {
	messaging.Measures
	Since                                         time.Time
	Spans, Markets, Templates, Providers, Classes []choice
	Asked, Few, Table                             bool
	Any                                           bool // anything at all was written in that time
	CSV                                           string
	Chart                                         template.HTML
	Bars                                          []bar
	Routes                                        []routeView
	Return                                        string // earned for each unit spent, empty where it can't be said
	Left                                          string // what is left of the revenue after the cost of messages
	Lists                                         []measureList
}

// measureList is a table of groups under one heading.
type measureList struct {
	ID, Title, Column string
	Groups            []measureGroup
}

type measureGroup struct {
	Name   string
	Return string // as measuresView's
	messaging.Sum
}

// bar is one hour or day of the chart.
type bar struct {
	At                              time.Time
	Delivered, Way, Failed, Dropped int64
}

// routeView is what is known of a route: from receipts in the time asked for, and as this process sees it now.
type routeView struct {
	Name   string
	Health *messaging.Health
	messaging.Sum
	Chart template.HTML
}

// spanOf is the beginning of the time that a page was asked for.
func (c *console) spanOf(p *page) (string, time.Time) {
	switch s := p.Q("span"); s {
	case "24h":
		return s, p.Now.Add(-23 * time.Hour)
	case "7d":
		return s, midnight(p.Now, c.Zone).AddDate(0, 0, -6)
	case "30d":
		return s, midnight(p.Now, c.Zone).AddDate(0, 0, -29)
	}
	return "today", midnight(p.Now, c.Zone)
}

func measureFilter(p *page, since time.Time) messaging.MeasureFilter {
	return messaging.MeasureFilter{Market: market.Code(p.Q("market")), Template: p.Q("template"), Provider: p.Q("provider"), Class: messaging.Class(p.Q("class")), Since: since}
}

// measures is how messages do: what was sent, what arrived, what it cost and what came of it.
func (c *console) measures(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title, p.Live.Every = p.T("console.ms_title"), "3s"
	span, since := c.spanOf(p)
	f := measureFilter(p, since)
	v := measuresView{Since: since, Table: p.Q("table") == "1"}
	if v.Measures, err = c.Messages.Measures(tx, f); err != nil {
		return err
	}
	for _, s := range spans {
		v.Spans = append(v.Spans, choice{s, p.T("console.ms_span_" + s), s == span})
	}
	v.Markets, v.Classes = c.marketChoices(p), p.Choices("class", "class", classes)
	v.Templates, v.Providers = p.Choices("template", "template", v.Keys), p.Choices("provider", "provider", v.Measures.Providers)
	v.Asked = f != messaging.MeasureFilter{Since: since}
	v.Any = len(v.Rows) > 0
	v.Few = v.Total.Sent > 0 && v.Total.Sent < fewMessages
	v.CSV = strings.Replace(p.With("table", ""), "/measures", "/measures.csv", 1)
	v.Bars = c.bars(v.Hours, since, p.Now, span)
	v.Chart = p.barChart(v.Bars, span, p.T("console.ms_by_time"))
	healths := c.Messages.Healths()
	for _, g := range v.Measures.Routes { // accounts have routes of their own
		if !slices.ContainsFunc(healths, func(h messaging.Health) bool { return h.Route == g.Name }) {
			healths = append(healths, messaging.Health{Route: g.Name})
		}
	}
	for _, h := range healths {
		r := routeView{Name: h.Route, Health: &h}
		if i := slices.IndexFunc(v.Measures.Routes, func(g messaging.Group) bool { return g.Name == h.Route }); i >= 0 {
			r.Sum = v.Measures.Routes[i].Sum
		}
		r.Chart = p.timesChart(r.Times, h.Route)
		if r.Sent > 0 || !v.Asked {
			v.Routes = append(v.Routes, r)
		}
	}
	name := func(all []messaging.Group, say func(string) string) (out []measureGroup) {
		for _, g := range all {
			out = append(out, measureGroup{Name: say(g.Name), Sum: g.Sum})
		}
		return out
	}
	v.Lists = []measureList{
		{"by-market", p.T("console.ms_by_market"), p.T("console.market"), name(v.Measures.Markets, func(s string) string {
			if m, ok := c.Markets.ByCode(market.Code(s)); ok {
				return p.CountryName(string(m.Country()))
			}
			return cmp.Or(s, "–")
		})},
		{"by-template", p.T("console.ms_by_template"), p.T("console.ms_template"), name(v.Measures.Templates, func(s string) string { return p.Word("template", s) })},
		{"by-provider", p.T("console.ms_by_provider"), p.T("console.ms_provider"), name(v.Measures.Carriers, func(s string) string { return s })},
		{"by-class", p.T("console.ms_by_class"), p.T("console.class"), name(v.Measures.Classes, func(s string) string { return p.Word("class", s) })},
	}
	if err := c.gain(tx, p, &v); err != nil {
		return err
	}
	p.Data = v
	return nil
}

// gain compares the revenue with the cost, in the merchant's own currency at the rates in force.
func (c *console) gain(tx *db.Tx, p *page, v *measuresView) error {
	if len(v.Total.Revenue) == 0 || len(v.Total.Cost) == 0 {
		return nil
	}
	desk, err := c.Prices.Desk(tx)
	if err != nil {
		return err
	}
	home := desk.Home
	if home == "" {
		home = v.Total.Cost[0].Currency
	}
	rates, err := c.Prices.LatestRates(tx)
	if err != nil {
		return err
	}
	value := func(from money.Currency) float64 {
		if from == home {
			return 1
		}
		for _, r := range rates {
			n, err := strconv.ParseFloat(r.Rate.String(), 64)
			switch {
			case err != nil || n == 0:
			case r.Base == home && r.Quote == from:
				return 1 / n
			case r.Base == from && r.Quote == home:
				return n
			}
		}
		return math.NaN()
	}
	times := func(won, spent float64) string {
		return p.Decimal(money.Rate{Coef: int64(math.Round(10 * won / spent)), Scale: 1})
	}
	won, spent, ok := worth(&v.Total, value)
	if !ok {
		return nil
	}
	v.Return = times(won, spent)
	v.Left = p.Money(money.Of(int64(math.Round((won-spent)*math.Pow10(home.Digits()))), home))
	for i := range v.Lists {
		for k := range v.Lists[i].Groups {
			g := &v.Lists[i].Groups[k]
			if won, spent, ok := worth(&g.Sum, value); ok && won > 0 {
				g.Return = times(won, spent)
			}
		}
	}
	return nil
}

// worth is what messages earned and cost, in one currency by the value of each; false where that can't be said.
func worth(s *messaging.Sum, value func(money.Currency) float64) (won, spent float64, ok bool) {
	for _, a := range s.Revenue {
		won += float64(a.Minor) / math.Pow10(a.Currency.Digits()) * value(a.Currency)
	}
	for _, k := range s.Cost {
		if k.Micros != 0 {
			spent += float64(k.Micros) / 1e6 * value(k.Currency)
		}
	}
	return won, spent, !math.IsNaN(won) && !math.IsNaN(spent) && spent > 0
}

// Of is a part of a whole: in per cent, or in plain numbers where the whole is so small that per cent would say more than
// is known. Empty for no whole.
func (p *page) Of(part, whole int64) string {
	switch {
	case whole <= 0:
		return ""
	case whole < fewMessages:
		return p.T("console.ms_of", "part", p.Number(part), "whole", p.Number(whole))
	}
	return p.Share(part, whole)
}

// bars are the hours, or the days where there are many, from since until now.
func (c *console) bars(hours []messaging.HourSum, since, now time.Time, span string) (all []bar) {
	next := func(t time.Time) time.Time { return t.Add(time.Hour) }
	at := since.Truncate(time.Hour)
	if span == "7d" || span == "30d" {
		at, next = since, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	}
	i := 0
	for ; !at.After(now); at = next(at) {
		b := bar{At: at}
		for ; i < len(hours) && hours[i].At.Before(next(at)); i++ {
			h := hours[i]
			b.Delivered, b.Failed, b.Dropped = b.Delivered+h.Delivered, b.Failed+h.Failed, b.Dropped+h.Dropped
			b.Way += max(0, h.Sent-h.Delivered-h.Failed)
		}
		all = append(all, b)
	}
	return all
}

// Hour is the name of a bar.
func (p *page) Hour(at time.Time, days bool) string {
	if days {
		return p.Date(at.In(p.zone), cldr.Medium)
	}
	return p.Time(at.In(p.zone))
}

// The colours of what became of messages, from the bottom of a bar to its top.
var fates = [...]string{"#22613c", "#7fa7b5", "#9b1c1c", "#c9a227"}

// barChart draws the bars; the table says the same in figures.
func (p *page) barChart(all []bar, span, title string) template.HTML {
	var most, total int64
	for _, x := range all {
		most = max(most, x.Delivered+x.Way+x.Failed+x.Dropped)
		total += x.Delivered + x.Way + x.Failed + x.Dropped
	}
	if most == 0 {
		return ""
	}
	days := span == "7d" || span == "30d"
	const width, height, left, right, top, bottom = 720.0, 230.0, 44.0, 26.0, 12.0, 26.0
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="wide" viewBox="0 0 %.0f %.0f" width="100%%" role="img" aria-label="%s"><g direction="ltr" font-size="12" fill="#565d66" font-family="inherit">`, width, height,
		template.HTMLEscapeString(title+": "+p.N("console.ms_messages", total)))
	ceiling := niceTop(most)
	y := func(n int64) float64 { return top + (height-top-bottom)*(1-float64(n)/float64(ceiling)) }
	for _, n := range []int64{0, ceiling / 2, ceiling} {
		if n == 0 || n != ceiling/2 || ceiling%2 == 0 {
			fmt.Fprintf(&b, `<path d="M%.0f %.1fH%.0f" stroke="#dde2e6"/><text x="%.0f" y="%.1f" text-anchor="end">%s</text>`, left, y(n), width-right, left-6, y(n)+4, template.HTMLEscapeString(p.Number(n)))
		}
	}
	step := (width - left - right) / float64(len(all))
	wide := min(46, step*.7)
	each := max(1, int(math.Ceil(70/step)))
	for i, x := range all {
		at := left + step*(float64(i)+.5)
		var sum int64
		for k, n := range []int64{x.Delivered, x.Way, x.Failed, x.Dropped} {
			if n == 0 {
				continue
			}
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, at-wide/2, y(sum+n), wide, max(1, y(sum)-y(sum+n)), fates[k])
			sum += n
		}
		if i%each == 0 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.0f" text-anchor="middle" direction="%s">%s</text>`, at, height-6, p.Dir(), template.HTMLEscapeString(p.Hour(x.At, days)))
		}
	}
	b.WriteString(`</g></svg>`)
	return template.HTML(b.String())
}

// niceTop is a round number not below n.
func niceTop(n int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, k := range []int64{2, 4, 6, 10} {
			if k*unit >= n {
				return k * unit
			}
		}
	}
}

// timesShown are the times to receipt that a route's picture tells apart; what took longer stands in the last bar.
var timesShown = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}

// timesChart draws how long receipts took; nothing without any.
func (p *page) timesChart(t messaging.Times, title string) template.HTML {
	if t.Seen == 0 {
		return ""
	}
	sums := make([]int64, len(timesShown)+1)
	for i, n := range t.Classes {
		k := 0
		for k < len(timesShown) && (messaging.TimeClass(i) > timesShown[k] || i == len(t.Classes)-1) {
			k++
		}
		sums[k] += n
	}
	most := int64(1)
	var said []string
	names := make([]string, len(sums))
	for i, n := range sums {
		if names[i] = p.T("console.ms_longer"); i < len(timesShown) {
			names[i] = "≤ " + p.Brief(timesShown[i])
		}
		most = max(most, n)
		said = append(said, names[i]+": "+p.Number(n))
	}
	const width, height = 420.0, 96.0
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" width="100%%" role="img" aria-label="%s"><g direction="ltr" font-size="11" fill="#565d66" font-family="inherit">`, width, height,
		template.HTMLEscapeString(title+": "+strings.Join(said, ", ")))
	step := width / float64(len(sums))
	for i, n := range sums {
		at, tall := step*(float64(i)+.5), 54*float64(n)/float64(most)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="#1d4e5f"/>`, at-step*.36, 74-max(1, tall), step*.72, max(1, tall))
		if n > 0 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, at, 70-tall, template.HTMLEscapeString(p.Number(n)))
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="90" text-anchor="middle" direction="%s">%s</text>`, at, p.Dir(), template.HTMLEscapeString(names[i]))
	}
	b.WriteString(`</g></svg>`)
	return template.HTML(b.String())
}

// Brief is a time as short as it can be said.
func (p *page) Brief(d time.Duration) string {
	switch {
	case d < time.Minute:
		return p.T("console.seconds", "n", p.Decimal(money.Rate{Coef: d.Milliseconds() / 100, Scale: 1}))
	case d < time.Hour:
		return p.T("console.ms_minutes", "n", p.Number(int64(d/time.Minute)))
	}
	return p.T("console.ms_hours", "n", p.Number(int64(d/time.Hour)))
}

// measuresCSV hands over what the page shows, one line for each market, template, class, channel and route.
func (c *console) measuresCSV(w http.ResponseWriter, r *http.Request, p *page) error {
	_, since := c.spanOf(p)
	var m messaging.Measures
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		m, err = c.Messages.Measures(tx, measureFilter(p, since))
		return err
	})
	if err != nil {
		return err
	}
	asTable(w, "messages-"+since.In(c.Zone).Format(time.DateOnly)+".csv")
	return messaging.WriteMeasures(w, m)
}

var _ Measures = (*messaging.Service)(nil)
