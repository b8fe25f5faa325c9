package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
)

// Taxes are the books for tax authorities. Satisfied by tax.Service.
type Taxes interface {
	Thresholds(tx *db.Tx, at time.Time) ([]tax.Status, error)
	Course(tx *db.Tx, rule string, at time.Time) (tax.Course, error)
	Counted(tx *db.Tx, v tax.Status, after string, limit int) ([]tax.Entry, string, error)
	Alerts(tx *db.Tx) ([]tax.Alert, error)
	Seen(tx *db.Tx, rule, by string) error
	Waiting(tx *db.Tx) (int64, error)
	Registrations(tx *db.Tx) ([]tax.Registration, error)
	Register(tx *db.Tx, r tax.Registration) (tax.Registration, error)
	End(tx *db.Tx, registration, lastDay string) error
	Forget(tx *db.Tx, registration string) error
	Standings(tx *db.Tx, scheme string, periods int) ([]tax.Standing, error)
	Standing(tx *db.Tx, scheme string, p tax.Period) (tax.Standing, error)
	Entries(tx *db.Tx, scheme string, p tax.Period, c tax.Cell) ([]tax.Entry, string, error)
	Filings(tx *db.Tx, scheme string, p tax.Period) ([]tax.Filing, error)
	File(tx *db.Tx, scheme string, p tax.Period, filedOn, reference, by string) (tax.Report, error)
	Unfile(tx *db.Tx, filing, by, why string) error
	Refunding(tx *db.Tx, o order.ID, amount money.Amount) (tax.Entry, error)
}

// taxRoutes are the pages of the tax books.
func (c *console) taxRoutes(mux *http.ServeMux) {
	if c.Taxes == nil {
		return
	}
	mux.Handle("GET /console/taxes", c.page("taxes", c.taxes))
	mux.Handle("GET /console/taxes/thresholds/{id}", c.page("tax-threshold", c.threshold))
	mux.Handle("POST /console/taxes/thresholds/{id}", c.act(auth.Operator, c.thresholdSeen))
	mux.Handle("GET /console/taxes/registrations", c.page("tax-registrations", c.registrations))
	mux.Handle("POST /console/taxes/registrations", c.known(c.changeRegistrations))
	mux.Handle("GET /console/taxes/returns", c.page("tax-returns", c.taxReturns))
	mux.Handle("GET /console/taxes/returns/{scheme}/{period}", c.page("tax-return", c.taxReturn))
	mux.Handle("POST /console/taxes/returns/{scheme}/{period}", c.known(c.fileReturn))
	mux.Handle("GET /console/taxes/returns/{scheme}/{period}/orders", c.page("tax-orders", c.taxOrders))
	mux.Handle("GET /console/taxes/returns/{scheme}/{period}/return.csv", c.known(c.returnCSV))
	mux.Handle("GET /console/taxes/returns/{scheme}/{period}/orders.csv", c.known(c.ordersCSV))
}

type taxesView struct {
	Next   []tax.Standing
	Late   int
	Areas  []choice
	Near   []nearness
	Quiet  []nearness // nothing was sold there
	Others []nearness // nothing is counted
}

// nearness is how near a threshold is, for a row.
type nearness struct {
	tax.Status
	Alert bool // its level wasn't looked at
}

// URL is the threshold's own page.
func (n nearness) URL() string { return "/console/taxes/thresholds/" + url.PathEscape(n.ID) }

// taxes is how things stand with tax authorities.
func (c *console) taxes(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_taxes")
	v := taxesView{}
	all, err := c.Taxes.Standings(tx, "", 5)
	if err != nil {
		return err
	}
	for _, s := range tax.Agenda(all) {
		if s.Late() {
			v.Late++
		}
		if len(v.Next) < 4 || s.Late() && len(v.Next) < 12 {
			v.Next = append(v.Next, s)
		}
	}
	alerts, err := c.Taxes.Alerts(tx)
	if err != nil {
		return err
	}
	near, err := c.Taxes.Thresholds(tx, tx.Now())
	if err != nil {
		return err
	}
	area := p.Q("area")
	for _, a := range []string{"", "EU", "US", "CA", "other"} {
		v.Areas = append(v.Areas, choice{a, p.Word("tx_areas", cmp.Or(a, "all")), a == area})
	}
	for _, s := range near {
		if area != "" && area != areaOf(s.Jurisdiction) {
			continue
		}
		n := nearness{s, slices.ContainsFunc(alerts, func(a tax.Alert) bool { return a.Rule.ID == s.ID })}
		switch {
		case !s.Watched:
			v.Others = append(v.Others, n)
		case s.Share == 0 && s.Sales == 0 && s.Counted.Minor <= 0:
			v.Quiet = append(v.Quiet, n)
		default:
			v.Near = append(v.Near, n)
		}
	}
	slices.SortStableFunc(v.Near, func(a, b nearness) int {
		return cmp.Or(cmp.Compare(registered(a), registered(b)), cmp.Compare(b.Share, a.Share))
	})
	p.Data = v
	return nil
}

// registered sorts what needs nothing any more behind the rest.
func registered(n nearness) int {
	if n.Registered {
		return 1
	}
	return 0
}

func areaOf(jurisdiction string) string {
	country, _, _ := strings.Cut(jurisdiction, "-")
	switch country {
	case "EU", "US", "CA":
		return country
	}
	return "other"
}

// Area is the name of a jurisdiction: EU, a country, US-TX.
func (p *page) Area(code string) string {
	country, region, _ := strings.Cut(code, "-")
	switch {
	case code == "EU":
		return p.T("console.tx_areas_eu")
	case code == "XI":
		return p.T("console.tx_xi")
	case len(country) != 2:
		return code
	case region == "":
		return p.CountryName(country)
	}
	for _, r := range address.Regions(country) {
		if r.Code == region || r.Code == code {
			return r.Name + ", " + p.CountryName(country)
		}
	}
	return region + ", " + p.CountryName(country)
}

// SchemeName is a scheme in words: "IOSS", "United Kingdom: VAT".
func (p *page) SchemeName(code string) string {
	if key := "console.tx_scheme_" + strings.ToLower(code); p.Has(key) {
		return p.T(key)
	}
	country, rest, _ := strings.Cut(code, "_")
	switch {
	case country == "US" && len(rest) == 2:
		return p.T("console.tx_scheme_state", "state", p.Area("US-"+rest))
	case rest == "VAT" || rest == "DOMESTIC":
		return p.T("console.tx_scheme_inside", "country", p.Area(country))
	case rest == "GST":
		return p.Area(country) + ": GST"
	}
	return code
}

// Span is a range of days with their years.
func (p *page) Span(first, last string) string { return p.CivilDay(first) + " – " + p.CivilDay(last) }

// WordName is a registration in words.
func (p *page) WordName(word, area string) string {
	if key := "console.tx_word_" + strings.ToLower(word); p.Has(key) {
		return p.T(key)
	}
	if area == "" {
		return word
	}
	return p.T("console.tx_scheme_state", "state", p.Area(area))
}

// Confidence says how sure a rule is.
func (p *page) Confidence(c string) string {
	return p.Word("tx_sure", strings.ReplaceAll(strings.TrimPrefix(c, "unverified-"), "-", "_"))
}

// Problem says what stands in the way of a return.
func (p *page) Problem(code string) string {
	what, rest, _ := strings.Cut(code, ":")
	switch what {
	case "no_rate":
		currency, day, _ := strings.Cut(rest, ":")
		if day == "" {
			return p.T("console.tx_problem_no_rate_some", "currency", currency)
		}
		return p.T("console.tx_problem_no_rate", "currency", currency, "day", p.CivilDay(day))
	case "doubt":
		n := int64(0)
		for _, d := range rest {
			n = n*10 + int64(d-'0')
		}
		return p.N("console.tx_problem_doubt", n)
	}
	return p.Word("tx_problem", what)
}

// Tone colours how near a threshold is.
func (n nearness) Tone() string {
	switch {
	case n.Registered:
		return "done"
	case n.Level >= 100:
		return "bad"
	case n.Level >= 70:
		return "warn"
	}
	return "good"
}

// Filled is the length of a bar of 100.
func (n nearness) Filled() int64 { return min(max(n.Share, 0), 100) }

type thresholdView struct {
	nearness
	Course  tax.Course
	Picture *picture
	Orders  []entryRow
	Older   string
	Newest  string
	Choice  *tax.Choice
}

// entryRow is an entry of the ledger with the order's number.
type entryRow struct {
	tax.Entry
	Number string
}

func (c *console) threshold(tx *db.Tx, r *http.Request, p *page) error {
	course, err := c.Taxes.Course(tx, r.PathValue("id"), tx.Now())
	if err != nil {
		return err
	}
	alerts, err := c.Taxes.Alerts(tx)
	if err != nil {
		return err
	}
	v := thresholdView{nearness: nearness{course.Status, slices.ContainsFunc(alerts, func(a tax.Alert) bool { return a.Rule.ID == course.ID })}, Course: course}
	p.Title = p.Area(course.Jurisdiction) + ": " + p.Word("tx_label", course.Label)
	if len(course.Past) > 1 && course.Limit.Minor > 0 {
		v.Picture = p.draw(course)
	}
	entries, next, err := c.Taxes.Counted(tx, course.Status, p.Q("after"), 25)
	if err != nil {
		return err
	}
	if v.Orders, err = c.numbered(tx, entries); err != nil {
		return err
	}
	if next != "" {
		v.Older = p.With("after", next)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	}
	for _, ch := range tax.Choices() {
		if ch.Word == course.Registration {
			v.Choice = &ch
		}
	}
	p.Data = v
	return nil
}

// numbered gives entries the numbers of their orders.
func (c *console) numbered(tx *db.Tx, entries []tax.Entry) (all []entryRow, err error) {
	ids := make([]order.ID, len(entries))
	for i, e := range entries {
		ids[i] = e.Order
	}
	orders, err := c.Orders.ByIDs(tx, ids)
	for _, e := range entries {
		all = append(all, entryRow{e, cmp.Or(orders[e.Order].Number, string(e.Order))})
	}
	return all, err
}

func (c *console) thresholdSeen(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	id := r.PathValue("id")
	return "/console/taxes?done=tx_seen", c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Taxes.Seen(tx, id, p.User.Name) })
}
