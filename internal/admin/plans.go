package admin

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// Plans are offers to many people: what the gate says of each, and the sending. Satisfied by messaging.Service.
type Plans interface {
	Keys(tx *db.Tx) ([]messaging.TemplateKey, error)
	ReadList(tx *db.Tx, m market.Code, lines []string) (*messaging.People, error)
	StartPlan(tx *db.Tx, c messaging.Campaign, by string) (messaging.Campaign, error)
	CampaignOf(tx *db.Tx, id string) (messaging.Campaign, error)
	Unlisted(tx *db.Tx, plan string) ([]messaging.Unlisted, error)
	Campaigns(tx *db.Tx) ([]messaging.Campaign, error)
	SendPlan(tx *db.Tx, id string, reached int64, by string) (messaging.Campaign, error)
	CancelPlan(tx *db.Tx, id string) (messaging.Campaign, error)
	InBase(r messaging.PlanRow, to money.Currency, now time.Time) (money.Amount, bool)
}

func (c *console) planned() Plans { return c.Messages }

func (c *console) planRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/plans", c.page("plans", c.plans))
	mux.Handle("POST /console/plans", c.filled(auth.Operator, "plans", c.plans, c.startPlan))
	mux.Handle("GET /console/plans/{id}", c.page("plan", c.plan))
	mux.Handle("POST /console/plans/{id}", c.filled(auth.Owner, "plan", c.plan, c.actOnPlan))
	mux.Handle("GET /console/plans/{id}/plan.csv", c.known(c.planCSV))
}

type plansView struct {
	Runs      []messaging.Campaign
	Templates []choice
	Markets   []choice
	Vars      []messaging.Variable
	Link      bool
	Shop      string
	People    string // a list as it was typed
}

// plans lists what was planned and sent, and asks for the next.
func (c *console) plans(tx *db.Tx, r *http.Request, p *page) error {
	p.Title = p.T("console.menu_plans")
	runs, err := c.planned().Campaigns(tx)
	if err != nil {
		return err
	}
	keys, err := c.planned().Keys(tx)
	if err != nil {
		return err
	}
	v := plansView{Runs: runs, Shop: c.PublicURL + "/"}
	if p.Refused.Do == "plan" {
		v.People = p.Refused.values.Get("people")
	}
	asked := p.Kept("plan", "template", p.Q("template"))
	for _, k := range keys {
		if k.Class != messaging.Promotional && k.Class != messaging.Survey {
			continue
		}
		if asked == "" {
			asked = k.Key
		}
		v.Templates = append(v.Templates, choice{k.Key, p.keyName(k), k.Key == asked})
		if k.Key == asked {
			for _, x := range k.Vars {
				if x.Name == "link" {
					v.Link = true
				} else if x.Name != "name" && x.Name != "lines" {
					v.Vars = append(v.Vars, x)
				}
			}
		}
	}
	chosen := p.Kept("plan", "market", p.Q("market"))
	v.Markets = []choice{{"", p.T("console.pn_every_market"), chosen == ""}}
	for _, m := range c.selling() {
		v.Markets = append(v.Markets, choice{string(m.Code), p.CountryName(string(m.Country())), string(m.Code) == chosen})
	}
	p.Data = v
	return nil
}

func (c *console) startPlan(r *http.Request, p *page) (to string, err error) {
	f := r.PostForm
	days, _ := strconv.ParseInt(f.Get("days"), 10, 32)
	plan := messaging.Campaign{Name: f.Get("name"), Template: f.Get("template"), Market: market.Code(f.Get("market")), Link: strings.TrimSpace(f.Get("link")), Days: days, Vars: map[string]string{}}
	for name, v := range f {
		if field, ok := strings.CutPrefix(name, "vars."); ok && strings.TrimSpace(v[0]) != "" {
			plan.Vars[field] = cut(strings.TrimSpace(v[0]), 1000)
		}
	}
	list, err := listed(r)
	if err == nil && list != nil {
		err = c.DB.Read(r.Context(), func(tx *db.Tx) error {
			plan.People, err = c.planned().ReadList(tx, plan.Market, list)
			return err
		})
	}
	if err != nil {
		return "", err
	}
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error {
		plan, err = c.planned().StartPlan(tx, plan, p.User.Email)
		return err
	})
	return "/console/plans/" + plan.ID, err
}

// listed is the list of people of a form: a file, else what was pasted; nil for everybody.
func listed(r *http.Request) ([]string, error) {
	text := r.PostForm.Get("people")
	if f, _, err := r.FormFile("file"); err == nil {
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(b, 0) >= 0 {
			return nil, messaging.ErrPlanForm.With(map[string]string{"people": "messaging.list_no_text"})
		}
		text = string(b)
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	return messaging.List(text), nil
}

type planView struct {
	messaging.Campaign
	Text    string
	Sum     messaging.PlanRow
	Rows    []planRow
	Base    string
	Home    money.Currency
	Stale   bool
	Picture template.HTML
	Missing []messaging.Unlisted // of its list
	Where   string               // country of its market
}

type planRow struct {
	messaging.PlanRow
	Title   string
	Zone    string
	Cost    string
	Reasons []reasonCount
	Ways    []reasonCount
	First   string
	Last    string
}

type reasonCount struct {
	Code string
	N    int64
}

func ranked[K ~string](all map[K]int64) (out []reasonCount) {
	for k, n := range all {
		out = append(out, reasonCount{string(k), n})
	}
	slices.SortFunc(out, func(a, b reasonCount) int {
		if a.N != b.N {
			return int(b.N - a.N)
		}
		return strings.Compare(a.Code, b.Code)
	})
	return out
}

// plan is what the gate says of everybody of an audience, country by country.
func (c *console) plan(tx *db.Tx, r *http.Request, p *page) error {
	one, err := c.planned().CampaignOf(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	p.Title = one.Name
	var missing []messaging.Unlisted
	if one.Refused > 0 {
		if missing, err = c.planned().Unlisted(tx, one.ID); err != nil {
			return err
		}
	}
	if one.State == messaging.Planning || one.State == messaging.Sending {
		p.Live.Every = "2s"
	}
	v := planView{Campaign: one, Sum: one.Sum(), Missing: missing}
	if m, ok := c.Markets.ByCode(one.Market); ok {
		v.Where = p.CountryName(string(m.Country()))
	}
	v.Text = p.Word("tp_key", one.Template)
	if keys, err := c.planned().Keys(tx); err == nil {
		for _, k := range keys {
			if k.Key == one.Template {
				v.Text = p.keyName(k)
			}
		}
	}
	desk, err := c.Prices.Desk(tx)
	if err != nil {
		return err
	}
	v.Home = desk.Home
	if v.Home == "" {
		v.Home = "EUR"
	}
	v.Base = c.planCost(p, v.Sum, v.Home)
	for _, row := range one.Rows {
		x := planRow{PlanRow: row, Title: p.CountryName(string(row.Country)), Zone: c.zoneFor(row.Country), Cost: c.planCost(p, row, v.Home), Reasons: ranked(row.Reasons), Ways: ranked(row.Channels)}
		if row.Country == "" {
			x.Title = "–"
		}
		if row.Held > 0 {
			x.First, x.Last = p.localHour(row.First, x.Zone), p.localHour(row.Last, x.Zone)
		}
		v.Rows = append(v.Rows, x)
	}
	v.Stale = one.State == messaging.Planned && p.Now.Sub(one.PlannedAt) > 24*time.Hour
	v.Picture = p.hours(v)
	p.Data = v
	return nil
}

func (c *console) planCost(p *page, r messaging.PlanRow, home money.Currency) string {
	if a, ok := c.planned().InBase(r, home, p.Now); ok {
		return p.Money(a)
	}
	var all []string
	for _, x := range r.Cost() {
		all = append(all, p.Money(x.Amount()))
	}
	return strings.Join(all, " + ")
}

// zoneFor is the clock by which a country's hours are shown: its market's, else the merchant's.
func (c *console) zoneFor(country market.Country) string {
	if m, ok := c.Markets.ByCountry(country); ok && m.Zone != "" {
		return m.Zone
	}
	return c.Zone.String()
}

func (p *page) localHour(t time.Time, zone string) string {
	at := t.In(market.TimeZone(zone))
	return p.CivilDay(at.Format(time.DateOnly)) + " " + p.Time(at)
}

const planHours = 48

// hours draws when people are written to: a row a country, a cell an hour, from when the plan was made. The figure is
// in each cell's title; the table says the same.
func (p *page) hours(v planView) template.HTML {
	if v.Sum.Reached() == 0 {
		return ""
	}
	start := v.PlannedAt
	if start.IsZero() {
		start = v.CreatedAt
	}
	start = start.Truncate(time.Hour)
	const cell, left, high = 14, 150, 26
	most := int64(1)
	for _, r := range v.Rows {
		for h, n := range r.Hours {
			if h < planHours {
				most = max(most, n)
			}
		}
	}
	rows := slices.DeleteFunc(slices.Clone(v.Rows), func(r planRow) bool { return r.Reached() == 0 })
	rows = rows[:min(len(rows), 12)]
	var b strings.Builder
	fmt.Fprintf(&b, `<svg role="img" aria-label="%s" width="%d" height="%d" viewBox="0 0 %d %d" font-size="11" fill="currentColor">`, template.HTMLEscapeString(p.T("console.pn_hours")),
		left+planHours*cell+50, len(rows)*high+20, left+planHours*cell+50, len(rows)*high+20)
	for i, r := range rows {
		y, zone := i*high, market.TimeZone(r.Zone)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-8, y+16, template.HTMLEscapeString(cut(r.Title, 26)))
		later := int64(0)
		for h, n := range r.Hours {
			if h >= planHours {
				later += n
			}
		}
		for h := range planHours {
			at := start.Add(time.Duration(h) * time.Hour).In(zone)
			n := r.Hours[int64(h)]
			shade, fill := 0.08, "currentColor"
			if n > 0 {
				shade, fill = 0.35+0.65*float64(n)/float64(most), "#22613c"
			}
			title := ""
			if n > 0 {
				title = "<title>" + template.HTMLEscapeString(p.localHour(at, r.Zone)+": "+p.Number(n)) + "</title>"
			}
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="18" rx="2" fill="%s" fill-opacity="%.2f">%s</rect>`, left+h*cell, y+4, cell-2, fill, shade, title)
			if at.Hour() == 0 {
				fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="currentColor" stroke-opacity=".5"/>`, left+h*cell-1, left+h*cell-1, y+2, y+24)
			}
		}
		if later > 0 {
			fmt.Fprintf(&b, `<text x="%d" y="%d">+%s</text>`, left+planHours*cell+4, y+17, p.Number(later))
		}
	}
	for h := 0; h < planHours; h += 6 {
		fmt.Fprintf(&b, `<text x="%d" y="%d" opacity=".7">+%d h</text>`, left+h*cell, len(rows)*high+14, h)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// actOnPlan sends what was planned, or stops it.
func (c *console) actOnPlan(r *http.Request, p *page) (string, error) {
	id := r.PathValue("id")
	done := "pn_sending"
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		if r.PostForm.Get("do") == "cancel" {
			done = "pn_cancelled"
			_, err = c.planned().CancelPlan(tx, id)
			return err
		}
		n, _ := strconv.ParseInt(r.PostForm.Get("reached"), 10, 64)
		_, err = c.planned().SendPlan(tx, id, n, p.User.Email)
		return err
	})
	return "/console/plans/" + id + "?done=" + done, err
}

// planCSV is the plan as a file, a line a country.
func (c *console) planCSV(w http.ResponseWriter, r *http.Request, p *page) error {
	var one messaging.Campaign
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		one, err = c.planned().CampaignOf(tx, r.PathValue("id"))
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="plan-`+one.ID+`.csv"`)
	out := csv.NewWriter(w)
	out.Write([]string{"country", "people", "now", "held", "blocked", "switched", "parts", "cost", "senders", "channels", "reasons", "first", "last"})
	list := func(all []reasonCount) string {
		var s []string
		for _, x := range all {
			s = append(s, fmt.Sprintf("%s:%d", x.Code, x.N))
		}
		return strings.Join(s, " ")
	}
	for _, row := range one.Rows {
		var costs []string
		for _, k := range slices.Sorted(maps.Keys(row.Costs)) {
			if row.Costs[k] > 0 {
				costs = append(costs, fmt.Sprintf("%s %s", k, money.Rate{Coef: row.Costs[k], Scale: 6}))
			}
		}
		n := func(v int64) string { return strconv.FormatInt(v, 10) }
		at := func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.Format(time.RFC3339)
		}
		out.Write([]string{string(row.Country), n(row.People), n(row.Now), n(row.Held), n(row.Blocked), n(row.Switched), n(row.Parts), strings.Join(costs, " "),
			list(ranked(row.Senders)), list(ranked(row.Channels)), list(ranked(row.Reasons)), at(row.First), at(row.Last)})
	}
	out.Flush()
	return out.Error()
}
