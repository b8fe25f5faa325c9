package admin

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/experiment"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/money"
)

// effectView is what a journey is good for, against those who were held out.
type effectView struct {
	journeys.Effect
	Name, Title string
	Spans       []choice
	Versions    []choice
	Within      string
	Head        effectHead
	Picture     template.HTML
	Rows        []liftRow
	ByVersion   []liftRow
	Ways        []liftRow
	Figures     []effectFigure
	Money       []moneyRow
	Empty       bool // nobody counts yet
	Margin      string
	CSV         string
	Tomorrow    string
	Holds       bool // somebody is held out
	Hidden      bool
}

type effectHead struct{ Text, More, Tone string }

type effectFigure struct{ Label, Value, More string }

// moneyRow is what the messages of a group cost, and what its people bought afterwards.
type moneyRow struct {
	Title                                 string
	Messages                              int64
	Cost, Each, Revenue, Earned, Discount string
	All                                   bool
}

type liftRow struct {
	journeys.Comparison
	Title      string
	Lift, Gain string // with their bounds
	Bought     string // of those who got something, and of the others
	Control    string
	All        bool
}

var effectSpans = []string{"30", "90", "365"}

// journeyEffect says whether a journey earns more than it costs, as honestly as the people counted so far allow.
func (c *console) journeyEffect(tx *db.Tx, r *http.Request, p *page) error {
	name := r.PathValue("name")
	if _, err := c.Journeys.Known(tx, name); err != nil {
		return err
	}
	v := effectView{Name: name, Title: p.JourneyName(name)}
	p.Title = p.T("console.ef_title", "journey", v.Title)
	e, err := c.effectOf(tx, p, name)
	if err != nil {
		return err
	}
	v.Effect, v.Within = e, p.Lasts(journeys.Span(e.Within))
	span := p.Q("days")
	if span == "" {
		span = "90"
	}
	for _, s := range effectSpans {
		n, _ := strconv.ParseInt(s, 10, 64)
		v.Spans = append(v.Spans, choice{s, p.N("common.days", n), s == span})
	}
	all, err := c.Journeys.Versions(tx, name)
	if err != nil {
		return err
	}
	v.Versions = []choice{{"", p.T("console.ef_every_version"), p.Q("version") == ""}}
	for _, x := range all {
		n := strconv.FormatInt(x.N, 10)
		v.Versions = append(v.Versions, choice{n, p.T("console.jr_version", "n", x.N), p.Q("version") == n})
	}
	v.Margin, v.CSV = strconv.FormatInt(e.Margin, 10), strings.Replace(p.With("done", ""), "/effect", "/effect.csv", 1)
	v.Tomorrow = p.Now.AddDate(0, 0, 1).Format(time.DateOnly)
	v.Head, v.Hidden, v.Holds = p.effectHead(e), e.All.Verdict == journeys.Unequal, e.All.B.People.N > 0
	v.Empty = e.All.A.People.N+e.All.B.People.N == 0
	if v.Figures = p.effectFigures(e); !v.Hidden && !v.Empty {
		v.Money = c.moneyRows(p, e)
	}
	if !v.Hidden && v.Holds {
		total := p.liftRow(e.All, e)
		total.Title, total.All = p.T("console.ef_pooled"), true
		for _, m := range e.Markets {
			row := p.liftRow(m, e)
			row.Title = c.marketName(p, market.Code(m.Name))
			v.Rows = append(v.Rows, row)
		}
		v.Rows = append(v.Rows, total)
		v.Picture = p.forest(v.Rows, p.T("console.ef_lift"))
		for _, x := range e.Versions {
			row := p.liftRow(x, e)
			row.Title = p.T("console.jr_version", "n", x.Name)
			v.ByVersion = append(v.ByVersion, row)
		}
		for _, x := range e.Ways {
			row := p.liftRow(x, e)
			row.Title = x.Name
			v.Ways = append(v.Ways, row)
		}
	}
	p.Data = &v
	return nil
}

func (c *console) effectOf(tx *db.Tx, p *page, name string) (journeys.Effect, error) {
	days, _ := strconv.Atoi(p.Q("days"))
	if days < 1 || days > 3660 {
		days = 90
	}
	version, _ := strconv.ParseInt(p.Q("version"), 10, 64)
	margin, _ := strconv.ParseInt(p.Q("margin"), 10, 64)
	if margin < 1 || margin > 100 {
		margin = 0
	}
	return c.Journeys.Effect(tx, name, journeys.EffectQuery{Version: version, Since: p.Now.AddDate(0, 0, -days), Margin: margin})
}

// endMeasurement says when the measurement of a journey ends.
func (c *console) endMeasurement(r *http.Request, p *page) (string, error) {
	name := r.PathValue("name")
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		return c.Journeys.SetEnd(tx, name, strings.TrimSpace(r.PostForm.Get("ends")), p.User.Email)
	})
	return "/console/journeys/" + name + "/effect?done=journey_end", err
}

// effectHead is the answer in one sentence.
func (p *page) effectHead(e journeys.Effect) effectHead {
	a := e.All
	switch a.Verdict {
	case journeys.Better:
		return effectHead{p.T("console.ef_better", "lift", strings.TrimPrefix(p.points(a.Conversion.Value), "+")), p.T("console.ef_between", "low", p.points(a.Conversion.Low), "high", p.points(a.Conversion.High)), "good"}
	case journeys.Worse:
		return effectHead{p.T("console.ef_worse", "lift", strings.TrimPrefix(p.points(-a.Conversion.Value), "+")), p.T("console.ef_between", "low", p.points(a.Conversion.Low), "high", p.points(a.Conversion.High)), "bad"}
	case journeys.Unequal:
		return effectHead{p.T("console.ef_unequal"), p.T("console.ef_unequal_hint", "a", p.Number(a.A.People.N), "b", p.Number(a.B.People.N)), "bad"}
	case journeys.NoControl:
		return effectHead{p.T("console.ef_nocontrol"), p.T("console.ef_nocontrol_hint"), ""}
	}
	text := p.T("console.ef_none")
	if a.Verdict == journeys.TooFew {
		text = p.T("console.ef_few")
	}
	more := p.T("console.ef_wait")
	if a.Missing > 0 && a.Days > 0 {
		more = p.N("console.ef_more_days", a.Days)
	}
	return effectHead{text, more, "warn"}
}

func (p *page) effectFigures(e journeys.Effect) []effectFigure {
	base := func(x float64) string { return p.Money(amountOf(x, e.Base)) }
	per := func(x float64, n int64) string {
		if n == 0 {
			return "–"
		}
		return base(x / float64(n))
	}
	a, b := e.All.A, e.All.B
	return []effectFigure{
		{p.T("console.ef_got"), p.Number(a.People.N), p.boughtOf(a.People)},
		{p.T("console.ef_held"), p.Number(b.People.N), p.boughtOf(b.People)},
		{p.T("console.ef_messages"), p.Number(a.Messages), p.T("console.ef_cost_each", "amount", perCost(p, a, e.Base))},
		{p.T("console.ef_revenue_each"), per(a.Revenue, a.Messages), p.T("console.ef_discount", "amount", base(a.Discount))},
	}
}

// moneyRows are the sums of each market, of all, and of each version where there are several.
func (c *console) moneyRows(p *page, e journeys.Effect) (all []moneyRow) {
	base := func(x float64) string { return p.Money(amountOf(x, e.Base)) }
	row := func(title string, g journeys.Group) moneyRow {
		r := moneyRow{Title: title, Messages: g.Messages, Cost: base(g.Cost), Each: perCost(p, g, e.Base), Revenue: base(g.Revenue), Earned: "–", Discount: base(g.Discount)}
		if g.Messages > 0 {
			r.Earned = base(g.Revenue / float64(g.Messages))
		}
		return r
	}
	for _, m := range e.Markets {
		all = append(all, row(c.marketName(p, market.Code(m.Name)), m.A))
	}
	for _, x := range e.Versions {
		all = append(all, row(p.T("console.jr_version", "n", x.Name), x.A))
	}
	total := row(p.T("console.ef_pooled"), e.All.A)
	total.All = true
	return append(all, total)
}

// perCost is what a message costs, with the fractions of a cent that it costs.
func perCost(p *page, g journeys.Group, c money.Currency) string {
	if g.Messages == 0 {
		return "–"
	}
	return p.T("console.cost", "amount", p.Decimal(money.Rate{Coef: int64(math.Round(g.Cost / float64(g.Messages) * 1e4)), Scale: 4}), "currency", string(c))
}

func (p *page) boughtOf(s experiment.Share) string {
	if s.N == 0 {
		return ""
	}
	return p.T("console.ef_bought", "share", p.tenths(s.P()))
}

// tenths is a share in per cent with one decimal.
func (p *page) tenths(x float64) string {
	return p.Percent(money.Rate{Coef: int64(math.Round(x * 1000)), Scale: 3})
}

// points is a difference of shares in percentage points with one decimal, with its sign.
func (p *page) points(x float64) string {
	n := int64(math.Round(x * 1000))
	text := p.Decimal(money.Rate{Coef: max(n, -n), Scale: 1})
	switch {
	case n > 0:
		return "+" + text
	case n < 0:
		return "−" + text
	}
	return text
}

func amountOf(x float64, c money.Currency) money.Amount {
	return money.Of(int64(math.Round(x*math.Pow10(c.Digits()))), c)
}

// signed is an amount with its sign.
func (p *page) signed(x float64, c money.Currency) string {
	text := p.Money(amountOf(math.Abs(x), c))
	switch {
	case x >= 0.005:
		return "+" + text
	case x <= -0.005:
		return "−" + text
	}
	return text
}

func (p *page) liftRow(c journeys.Comparison, e journeys.Effect) liftRow {
	row := liftRow{Comparison: c, Bought: p.tenths(c.A.People.P()), Control: p.tenths(c.B.People.P())}
	if c.B.People.N == 0 {
		row.Control = "–"
	}
	if !c.Told() {
		return row
	}
	row.Lift = fmt.Sprintf("%s (%s … %s)", p.points(c.Conversion.Value), p.points(c.Conversion.Low), p.points(c.Conversion.High))
	if c.Worthwhile() {
		row.Gain = fmt.Sprintf("%s (%s … %s)", p.signed(c.Profit.Value, e.Base), p.signed(c.Profit.Low, e.Base), p.signed(c.Profit.High, e.Base))
	}
	return row
}

// forest draws differences with their intervals under each other; the table beside it says the same in figures.
func (p *page) forest(rows []liftRow, title string) template.HTML {
	const width, left, right, line = 640.0, 150.0, 24.0, 34.0
	reach := 0.01
	n := 0
	shown := false
	for _, r := range rows {
		n++
		if r.Lift == "" {
			continue
		}
		shown = true
		reach = max(reach, math.Abs(r.Conversion.Low), math.Abs(r.Conversion.High))
	}
	if !shown {
		return ""
	}
	reach = min(1, math.Ceil(reach*20)/20)
	x := func(v float64) float64 { return left + (width-left-right)*(v+reach)/(2*reach) }
	height := float64(n)*line + 34
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s" font-size="13" direction="ltr">`, width, height, width, height, template.HTMLEscapeString(title))
	for _, v := range []float64{-reach, 0, reach} {
		colour := "#dde2e6"
		if v == 0 {
			colour = "#7d8790"
		}
		fmt.Fprintf(&b, `<path d="M%.1f 6V%.1f" stroke="%s"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#4b535b">%s</text>`, x(v), height-24, colour, x(v), height-8,
			template.HTMLEscapeString(p.points(v)))
	}
	at := 4.0 + line/2
	for _, r := range rows {
		if r.Lift == "" {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#101418">%s</text><text x="%.1f" y="%.1f" text-anchor="middle" fill="#565d66" paint-order="stroke" stroke="#fff" stroke-width="6">%s</text>`,
				left-12, at+4, template.HTMLEscapeString(r.Title), x(0), at+4, template.HTMLEscapeString(p.Word("everdict", r.Verdict)))
			at += line
			continue
		}
		colour, thick := "#7d8790", 2.0
		switch r.Verdict {
		case journeys.Better:
			colour = "#22613c"
		case journeys.Worse:
			colour = "#9b1c1c"
		}
		if r.All {
			thick = 4
		}
		weight := map[bool]string{true: ` font-weight="700"`}[r.All]
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#101418"%s>%s</text>`, left-12, at+4, weight, template.HTMLEscapeString(r.Title))
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="%s" stroke-width="%.0f" stroke-linecap="round"/>`, x(max(-reach, r.Conversion.Low)), at, x(min(reach, r.Conversion.High)), colour, thick)
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`, x(r.Conversion.Value), at, 4+thick/2, colour)
		at += line
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// effectCSV hands the figures out as a file. Those of groups that aren't as large as they should be stay hidden.
func (c *console) effectCSV(w http.ResponseWriter, r *http.Request, p *page) error {
	name := r.PathValue("name")
	var e journeys.Effect
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		if _, err = c.Journeys.Known(tx, name); err == nil {
			e, err = c.effectOf(tx, p, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(effectTable(e)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="effect-`+e.Journey+`.csv"`)
	_, err = w.Write(b.Bytes())
	return err
}

// effectTable are the figures as rows under a head. As on the page, an interval of groups that are too small is left empty,
// and of groups that aren't as large as they should be only the sizes are told; why_empty says which it was.
func effectTable(e journeys.Effect) [][]string {
	rows := [][]string{{"of", "name", "treated", "treated_bought", "control", "control_bought", "lift", "lift_low", "lift_high", "profit_per_person", "profit_low", "profit_high", "currency",
		"messages", "message_cost", "revenue", "discount", "verdict", "split_p", "why_empty", "missing_people", "missing_days"}}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', 6, 64) }
	known := func(n int64) string {
		if n == 0 {
			return ""
		}
		return count(n)
	}
	interval := func(told bool, i experiment.Interval) []string {
		if !told {
			return make([]string, 3)
		}
		return []string{number(i.Value), number(i.Low), number(i.High)}
	}
	line := func(of string, x journeys.Comparison) {
		split := number(x.Split)
		if x.Verdict == journeys.Unequal {
			rows = append(rows, slices.Concat([]string{of, x.Name, count(x.A.People.N), "", count(x.B.People.N), ""}, make([]string, 6), []string{string(e.Base), "", "", "", "", string(x.Verdict), split, whyEmpty(x), "", ""}))
			return
		}
		rows = append(rows, slices.Concat([]string{of, x.Name, count(x.A.People.N), count(x.A.People.Hits), count(x.B.People.N), count(x.B.People.Hits)},
			interval(x.Told(), x.Conversion), interval(x.Worthwhile(), x.Profit),
			[]string{string(e.Base), count(x.A.Messages), number(x.A.Cost), number(x.A.Revenue), number(x.A.Discount), string(x.Verdict), split, whyEmpty(x), known(x.Missing), known(x.Days)}))
	}
	line("all", e.All)
	for _, group := range []struct {
		of  string
		all []journeys.Comparison
	}{{"market", e.Markets}, {"version", e.Versions}, {"way", e.Ways}} {
		for _, x := range group.all {
			line(group.of, x)
		}
	}
	return rows
}

// whyEmpty says why intervals of a row of the table are left out; empty where none is.
func whyEmpty(x journeys.Comparison) string {
	switch {
	case x.Verdict == journeys.Unequal:
		return "groups_not_as_large_as_the_lot_makes_them"
	case x.Verdict == journeys.NoControl:
		return "nobody_held_out"
	case !x.Told():
		return "not_enough_yet"
	case !x.Worthwhile():
		return "profit_without_bounds_yet"
	}
	return ""
}
