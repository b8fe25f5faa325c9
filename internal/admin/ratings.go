package admin

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/support"
)

// ratingsView is what buyers answered.
type ratingsView struct {
	Markets, Stars []choice
	Asked          bool
	Reviews, Words bool
	All            scoreRow
	Rows           []scoreRow
	Trend          template.HTML
	Weeks          []journeys.Week
	List           []ratingRow
	Newest, Older  string
	CSV            string
}

// scoreRow is how often each number from 5 to 1 was given.
type scoreRow struct {
	Market  market.Code
	Name    string
	N       int64
	Average money.Rate
	Bars    []scoreBar
	sum     int64
}

type scoreBar struct {
	Score, Times, Part int64 // Part is the share in per cent
}

type ratingRow struct {
	journeys.Rating
	Number string // the order's
	SKU    string // the article's, of a review
	Place  string
	Ticket support.Ticket
}

// trendWeeks is how far back the picture goes.
const trendWeeks = 12

func ratingFilter(p *page) journeys.RatingFilter {
	stars, _ := strconv.ParseInt(p.Q("stars"), 10, 64)
	return journeys.RatingFilter{Market: market.Code(p.Q("market")), Reviews: p.Q("of") == "articles", Score: max(0, min(5, stars)), Words: p.Q("words") != ""}
}

// ratings is what buyers say: how many stars, where, whether it gets better, and their words.
func (c *console) ratings(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.rt_title")
	f := ratingFilter(p)
	v := ratingsView{Markets: c.marketChoices(p), Reviews: f.Reviews, Words: f.Words, Asked: f.Market != "" || f.Score > 0 || f.Words, CSV: strings.Replace(p.With("after", ""), "/ratings", "/ratings.csv", 1)}
	v.Stars = []choice{{"", p.T("console.rt_any_stars"), f.Score == 0}}
	for n := int64(5); n >= 1; n-- {
		v.Stars = append(v.Stars, choice{strconv.FormatInt(n, 10), p.N("console.rt_stars_n", n), f.Score == n})
	}
	scores, err := c.Journeys.Scores(tx, f)
	if err != nil {
		return err
	}
	p.countStars(&v, c, scores)
	if v.Weeks, err = c.Journeys.Trend(tx, f, trendWeeks); err != nil {
		return err
	}
	v.Trend = p.trend(v.Weeks, p.T("console.rt_trend"))
	f.Before, f.Limit = p.Q("after"), listLong
	all, err := c.Journeys.Ratings(tx, f)
	if err != nil {
		return err
	}
	for _, x := range all {
		row, err := c.ratingRow(tx, p, x)
		if err != nil {
			return err
		}
		v.List = append(v.List, row)
	}
	if len(all) == listLong {
		v.Older = p.With("after", all[listLong-1].ID)
	}
	if f.Before != "" {
		v.Newest = p.With("after", "")
	}
	p.Data = &v
	return nil
}

func (c *console) ratingRow(tx *db.Tx, p *page, x journeys.Rating) (ratingRow, error) {
	row := ratingRow{Rating: x, Number: x.Order, SKU: strings.TrimPrefix(x.Question, journeys.ReviewOf), Place: c.marketName(p, x.Market)}
	o, err := c.Orders.Get(tx, order.ID(x.Order))
	if err == nil {
		row.Number = o.Number
	} else if !errors.Is(err, order.ErrUnknown) {
		return row, err
	}
	if x.Score < 1 || x.Score > 2 {
		return row, nil
	}
	tickets, err := c.Support.Tickets(tx, support.TicketFilter{Order: x.Order}, support.Page{Limit: 1})
	if len(tickets) > 0 {
		row.Ticket = tickets[0]
	}
	return row, err
}

func (c *console) marketName(p *page, code market.Code) string {
	if m, ok := c.Markets.ByCode(code); ok {
		return p.CountryName(string(m.Country()))
	}
	return string(code)
}

// countStars makes the bars of each market and of all.
func (p *page) countStars(v *ratingsView, c *console, scores []journeys.Score) {
	five := func() []scoreBar { return []scoreBar{{Score: 5}, {Score: 4}, {Score: 3}, {Score: 2}, {Score: 1}} }
	v.All = scoreRow{Bars: five()}
	for _, s := range scores {
		if s.Score < 1 || s.Score > 5 {
			continue
		}
		i := slices.IndexFunc(v.Rows, func(r scoreRow) bool { return r.Market == s.Market })
		if i < 0 {
			i = len(v.Rows)
			v.Rows = append(v.Rows, scoreRow{Market: s.Market, Name: c.marketName(p, s.Market), Bars: five()})
		}
		for _, row := range []*scoreRow{&v.All, &v.Rows[i]} {
			row.Bars[5-s.Score].Times += s.Times
			row.N, row.sum = row.N+s.Times, row.sum+s.Times*s.Score
		}
	}
	finish := func(r *scoreRow) {
		for j := range r.Bars {
			r.Bars[j].Part = (r.Bars[j].Times*100 + r.N/2) / max(1, r.N)
		}
		r.Average = money.Rate{Coef: (r.sum*10 + r.N/2) / max(1, r.N), Scale: 1}
	}
	finish(&v.All)
	for i := range v.Rows {
		finish(&v.Rows[i])
	}
	slices.SortStableFunc(v.Rows, func(a, b scoreRow) int { return int(b.N - a.N) })
}

// Stars draws a number of stars; a screen reader hears the number.
func (p *page) Stars(n int64) template.HTML {
	if n < 1 || n > 5 {
		return ""
	}
	return template.HTML(`<span class="rated r` + strconv.FormatInt(n, 10) + `" role="img" aria-label="` + template.HTMLEscapeString(p.N("console.rt_stars_n", n)) + `">` +
		strings.Repeat("★", int(n)) + `<span class="none">` + strings.Repeat("★", int(5-n)) + `</span></span>`)
}

// trend draws the average of each week as a line and how many answered as bars; nothing where fewer than two weeks have
// answers.
func (p *page) trend(weeks []journeys.Week, title string) template.HTML {
	const width, height, left, right, top, bottom = 560.0, 170.0, 34.0, 12.0, 12.0, 24.0
	most, said, told := int64(1), []string{}, 0
	for _, w := range weeks {
		most = max(most, w.Times)
		if w.Times > 0 {
			told++
			said = append(said, p.Date(w.Since.In(p.zone), cldr.Day)+": "+p.Decimal(rateOf(w.Average()))+" ("+p.N("console.rt_count", w.Times)+")")
		}
	}
	if told < 2 {
		return ""
	}
	var b, line strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s"><g direction="ltr" font-size="12" fill="#565d66" font-family="inherit">`, width, height, width, height,
		template.HTMLEscapeString(title+": "+strings.Join(said, "; ")))
	step, plot := (width-left-right)/float64(len(weeks)), height-top-bottom
	y := func(v float64) float64 { return top + plot*(5-v)/4 }
	for _, n := range []int64{1, 3, 5} {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="#dde2e6"/><text x="%.1f" y="%.1f" text-anchor="end">%s ★</text>`, left, y(float64(n)), width-right, left-5, y(float64(n))+4, template.HTMLEscapeString(p.Number(n)))
	}
	for i, w := range weeks {
		x := left + step*(float64(i)+.5)
		if w.Times > 0 {
			tall := plot * .5 * float64(w.Times) / float64(most)
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="#d5e2e6"/>`, x-step*.3, top+plot-tall, step*.6, max(1, tall))
			fmt.Fprintf(&line, "%c%.1f %.1f", "ML"[min(line.Len(), 1)], x, y(w.Average()))
		}
		if i%3 == 2 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" direction="%s">%s</text>`, x, height-7, p.Dir(), template.HTMLEscapeString(p.Date(w.Since.In(p.zone), cldr.Day)))
		}
	}
	fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="#1d4e5f" stroke-width="2.500" stroke-linejoin="round"/>`, line.String())
	for i, w := range weeks {
		if w.Times > 0 {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="#1d4e5f"/>`, left+step*(float64(i)+.5), y(w.Average()))
		}
	}
	b.WriteString(`</g></svg>`)
	return template.HTML(b.String())
}

// ratingsCSV hands over what the page lists, all of it.
func (c *console) ratingsCSV(w http.ResponseWriter, r *http.Request, p *page) error {
	asTable(w, "ratings-"+p.Now.In(c.Zone).Format(time.DateOnly)+".csv")
	return c.DB.Read(r.Context(), func(tx *db.Tx) error { return c.Journeys.WriteRatings(tx, w, ratingFilter(p)) })
}
