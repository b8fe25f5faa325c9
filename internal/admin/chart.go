package admin

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// The measures of a chart, in its own units.
const (
	chartWidth, chartHeight = 420.0, 190.0
	chartLeft, chartRight   = 66.0, 10.0
	chartTop, chartBottom   = 12.0, 26.0
)

// short is a rate with six significant digits, to be read rather than reckoned with.
func short(r money.Rate) money.Rate {
	v, err := strconv.ParseFloat(r.String(), 64)
	if err != nil || v == 0 {
		return r
	}
	places := max(0, min(12, 5-int(math.Floor(math.Log10(math.Abs(v))))))
	out, err := money.ParseRate(strconv.FormatFloat(v, 'f', places, 64))
	if err != nil {
		return r
	}
	for out.Scale > 2 && out.Coef%10 == 0 {
		out.Coef, out.Scale = out.Coef/10, out.Scale-1
	}
	return out
}

// Rate writes an exchange rate to be read.
func (p *page) Rate(r money.Rate) string { return p.Decimal(short(r)) }

// curve draws a rate over time as a line; nothing where there are fewer than two days. The table beside it says the
// same in figures.
func (p *page) curve(latestFirst []pricing.Quotation, title string) template.HTML {
	if len(latestFirst) < 2 {
		return ""
	}
	all := slices.Clone(latestFirst)
	slices.Reverse(all)
	value := func(q pricing.Quotation) float64 { v, _ := strconv.ParseFloat(q.Rate.String(), 64); return v }
	first, last := dayOf(all[0].Day), dayOf(all[len(all)-1].Day)
	lo, hi := value(all[0]), value(all[0])
	for _, q := range all {
		lo, hi = min(lo, value(q)), max(hi, value(q))
	}
	if hi == lo {
		lo, hi = lo*.99, hi*1.01
	}
	x := func(day string) float64 {
		return chartLeft + (chartWidth-chartLeft-chartRight)*dayOf(day).Sub(first).Hours()/max(1, last.Sub(first).Hours())
	}
	y := func(v float64) float64 { return chartTop + (chartHeight-chartTop-chartBottom)*(hi-v)/(hi-lo) }
	var b strings.Builder
	opening(&b, title+": "+p.Date(first, cldr.Medium)+" – "+p.Date(last, cldr.Medium)+", "+p.Decimal(rateOf(lo))+" – "+p.Decimal(rateOf(hi)))
	for _, v := range []float64{lo, (lo + hi) / 2, hi} {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="#dde2e6"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`, chartLeft, y(v), chartWidth-chartRight,
			chartLeft-6, y(v)+4, template.HTMLEscapeString(p.Decimal(rateOf(v))))
	}
	var line strings.Builder
	for i, q := range all {
		fmt.Fprintf(&line, "%c%.1f %.1f", "ML"[min(i, 1)], x(q.Day), y(value(q)))
	}
	fmt.Fprintf(&b, `<path d="%sL%.1f %.1fL%.1f %.1fZ" fill="#1d4e5f" opacity=".08"/>`, line.String(), x(all[len(all)-1].Day), y(lo), chartLeft, y(lo))
	fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="#1d4e5f" stroke-width="2" stroke-linejoin="round"/>`, line.String())
	fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.500" fill="#1d4e5f"/>`, x(all[len(all)-1].Day), y(value(all[len(all)-1])))
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%s</text><text x="%.1f" y="%.1f" text-anchor="end">%s</text></g></svg>`, chartLeft, chartHeight-6,
		template.HTMLEscapeString(p.Date(first, cldr.Medium)), chartWidth-chartRight, chartHeight-6, template.HTMLEscapeString(p.Date(last, cldr.Medium)))
	return template.HTML(b.String())
}

func opening(b *strings.Builder, title string) {
	fmt.Fprintf(b, `<svg viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s"><g direction="ltr" font-size="12" fill="#565d66" font-family="inherit">`,
		chartWidth, chartHeight, 1.6*chartWidth, 1.6*chartHeight, template.HTMLEscapeString(title))
}

func dayOf(day string) time.Time {
	t, _ := time.Parse(time.DateOnly, day)
	return t
}

func rateOf(v float64) money.Rate {
	r, err := money.ParseRate(strconv.FormatFloat(v, 'f', 12, 64)[:min(18, len(strconv.FormatFloat(v, 'f', 12, 64)))])
	if err != nil {
		r, _ = money.ParseRate(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return short(r)
}

// months draws what each month won or lost between lock and settlement, over all currencies, the oldest on the
// left; nothing without one.
func (p *page) months(latestFirst []pricing.Monthly, title string) template.HTML {
	type bar struct {
		month string
		gain  money.Amount
	}
	var all []bar
	most := 1.0
	for _, m := range slices.Backward(latestFirst) {
		if n := len(all); n > 0 && all[n-1].month == m.Month {
			all[n-1].gain = all[n-1].gain.Add(m.Gain)
		} else {
			all = append(all, bar{m.Month, m.Gain})
		}
	}
	if len(all) == 0 {
		return ""
	}
	var said []string
	for _, m := range all {
		most = max(most, math.Abs(float64(m.gain.Minor)))
		said = append(said, m.month+": "+p.Money(m.gain))
	}
	var b strings.Builder
	opening(&b, title+": "+strings.Join(said, ", "))
	middle, room := chartTop+(chartHeight-chartTop-chartBottom)/2, (chartHeight-chartTop-chartBottom)/2-16
	step := (chartWidth - 2*chartRight) / float64(len(all))
	wide := min(46, step*.6)
	for i, m := range all {
		at := chartRight + step*(float64(i)+.5)
		height := room * math.Abs(float64(m.gain.Minor)) / most
		top, words, fill := middle-height, middle-height-5, "#22613c"
		if m.gain.Minor < 0 {
			top, words, fill = middle, middle+height+14, "#9b1c1c"
		}
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="%s"/>`, at-wide/2, top, wide, max(1, height), fill)
		if len(all) <= 6 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="11">%s</text>`, at, words, template.HTMLEscapeString(p.Money(m.gain)))
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, at, chartHeight-6, label(m.month, len(all)))
	}
	fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="#7d8790"/></g></svg>`, chartRight, middle, chartWidth-chartRight)
	return template.HTML(b.String())
}

// label is a month under its bar: its number where there are many.
func label(month string, bars int) string {
	if bars > 6 && len(month) == 7 {
		return month[5:]
	}
	return month
}
