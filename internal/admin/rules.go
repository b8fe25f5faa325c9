package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/rulebook"
)

// RuleBook keeps the rules of duty and tax. Satisfied by rulebook.Service.
type RuleBook interface {
	pricing.Landed
	Pack() *landed.Pack
	Aside() []rulebook.Aside
	At(tx *db.Tx, version string) (*landed.Pack, error)
	Editions(tx *db.Tx) ([]rulebook.Edition, error)
	Amendments(tx *db.Tx) ([]rulebook.Amendment, error)
	Preview(d rulebook.Draft) (before, after *landed.Pack, err error)
	Publish(tx *db.Tx, d rulebook.Draft) (rulebook.Amendment, error)
	Undo(tx *db.Tx, amendment, who, reason string) (rulebook.Amendment, error)
	Receive(tx *db.Tx, u rulebook.Upload) (rulebook.Import, error)
	Imports(tx *db.Tx) ([]rulebook.Import, error)
	FindImport(tx *db.Tx, id string) (rulebook.Import, error)
	EndImport(tx *db.Tx, id, who string) (rulebook.Import, error)
}

const (
	rulesPerPage   = 60
	endingSoon     = 60  // days
	ordersForRules = 400 // the latest orders that are asked which rows they used
	lately         = 30  // days
)

type rulesView struct {
	Version, Day string
	Rows         int64
	Official     []rulebook.Import
	Amended      int
	Aside        []asideRow
	Doubtful     []ruleRow // of low confidence, and used lately
	MoreDoubtful []ruleRow // those that are used less
	Ending       []ruleRow
	Tables       []ruleTab
	Table, About string
	Found        []ruleRow
	Total        int64
	Changeable   bool
	Older, Newer string
	All          bool
	Asked        bool
}

type ruleTab struct {
	Name, URL string
	Rows      int64
	Chosen    bool
}

// ruleRow is a row as lists show it.
type ruleRow struct {
	landed.Entry
	URL     string
	State   string // holds, later, ended
	Sources []landed.Source
	Used    int64
}

type asideRow struct {
	rulebook.Amendment
	Why string
}

// rules is what the pack in force is, what to look after, and its tables.
func (c *console) rules(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_rules")
	pack := c.Rules.Pack()
	v := rulesView{Version: pack.Version(), Table: p.Q("table"), All: p.Q("all") == "1", Asked: p.Q("q") != ""}
	v.Day, _, _ = strings.Cut(v.Version, "+")
	used, err := c.rulesUsed(tx)
	if err != nil {
		return err
	}
	today := p.Now.In(c.Zone).Format(time.DateOnly)
	soon := p.Now.In(c.Zone).AddDate(0, 0, endingSoon).Format(time.DateOnly)
	if v.Table == "" && !v.Asked {
		v.Table = "regimes"
	}
	for _, t := range pack.Tables() {
		v.Rows += int64(t.Rows)
		v.Tables = append(v.Tables, ruleTab{t.Name, "/console/rules?table=" + t.Name, int64(t.Rows), t.Name == v.Table})
		all, _ := pack.Entries(t.Name)
		for i := range all {
			e := &all[i]
			row := c.ruleRow(e, today, used)
			if row.Used > 0 && (e.Confidence == "low" || !e.Verified) {
				v.Doubtful = append(v.Doubtful, row)
			}
			if row.State == "holds" && e.ValidTo != "" && e.ValidTo <= soon {
				v.Ending = append(v.Ending, row)
			}
			if (t.Name == v.Table || v.Table == "") && (v.All || row.State != "ended") && p.matches(pack, e, p.Q("q")) {
				v.Found = append(v.Found, row)
			}
		}
	}
	slices.SortStableFunc(v.Ending, func(a, b ruleRow) int { return cmp.Compare(a.ValidTo, b.ValidTo) })
	slices.SortStableFunc(v.Doubtful, func(a, b ruleRow) int { return cmp.Compare(b.Used, a.Used) })
	if most := 6; len(v.Doubtful) > most {
		v.Doubtful, v.MoreDoubtful = v.Doubtful[:most], v.Doubtful[most:]
	}
	v.Changeable = landed.Dated(v.Table)
	v.Total = int64(len(v.Found))
	v.turn(p)
	if err := c.rulesKept(tx, p, &v); err != nil {
		return err
	}
	p.Data = &v
	return nil
}

// turn leaves one page of the rows that were found.
func (v *rulesView) turn(p *page) {
	n, _ := strconv.Atoi(p.Q("page"))
	n = min(max(n, 1), 1+(len(v.Found)-1)/rulesPerPage)
	if n > 1 {
		v.Newer = p.With("page", strconv.Itoa(n-1))
	}
	if n*rulesPerPage < len(v.Found) {
		v.Older = p.With("page", strconv.Itoa(n+1))
	}
	v.Found = v.Found[max(n-1, 0)*rulesPerPage : min(max(n, 1)*rulesPerPage, len(v.Found))]
}

// rulesKept is what the shop itself says about the rules.
func (c *console) rulesKept(tx *db.Tx, p *page, v *rulesView) error {
	imports, err := c.Rules.Imports(tx)
	if err != nil {
		return err
	}
	for _, m := range imports {
		if m.State == rulebook.InForce && !m.Replaced {
			v.Official = append(v.Official, m)
		}
	}
	amendments, err := c.Rules.Amendments(tx)
	for _, a := range amendments {
		if a.Undone == "" && a.Undoes == "" {
			v.Amended++
		}
	}
	for _, a := range c.Rules.Aside() {
		why, fields := p.Fault(a.Why)
		for _, text := range fields {
			why += " " + text
			break
		}
		v.Aside = append(v.Aside, asideRow{a.Amendment, why})
	}
	return err
}

// rulesUsed is how many of the latest orders used which row.
func (c *console) rulesUsed(tx *db.Tx) (map[string]int64, error) {
	used := map[string]int64{}
	page := order.Page{Limit: 200}
	for read := 0; read < ordersForRules; read += 200 {
		orders, next, err := c.Orders.List(tx, order.Filter{Since: tx.Now().AddDate(0, 0, -lately)}, page)
		if err != nil {
			return nil, err
		}
		for i := range orders {
			seen := map[string]bool{}
			for _, charge := range orders[i].Charges {
				if !seen[charge.Rule] {
					seen[charge.Rule] = true
					used[charge.Rule]++
				}
			}
		}
		if next == "" {
			break
		}
		page.After = next
	}
	return used, nil
}

func (c *console) ruleRow(e *landed.Entry, today string, used map[string]int64) ruleRow {
	row := ruleRow{Entry: *e, URL: "/console/rules/row?id=" + url.QueryEscape(e.ID), State: "holds", Used: used[e.ID]}
	switch {
	case e.ValidTo != "" && e.ValidTo < today:
		row.State = "ended"
	case e.ValidFrom > today:
		row.State = "later"
	}
	for _, key := range e.Sources {
		if key != "unverified" && key != "" {
			row.Sources = append(row.Sources, landed.SourceOf(key))
		}
	}
	return row
}

// matches reports whether a row is about what somebody looks for: a country by its code or name, the beginning of
// an HS code, or a word.
func (p *page) matches(pack *landed.Pack, e *landed.Entry, q string) bool {
	q = strings.ToLower(strings.TrimSpace(cut(q, 100)))
	if q == "" {
		return true
	}
	digits := strings.NewReplacer(".", "", " ", "").Replace(q)
	code := len(digits) >= 2 && strings.Trim(digits, "0123456789") == ""
	for _, cell := range e.Cells {
		value := strings.ToLower(cell.Value)
		switch cell.Column {
		case "country", "importer":
			if value == q || len(q) > 2 && strings.Contains(strings.ToLower(p.CountryName(cell.Value)), q) {
				return true
			}
			continue
		case "hs", "hts8", "hs6":
			if code && (strings.HasPrefix(value, digits) || strings.HasPrefix(digits, value)) {
				return true
			}
			if len(q) > 2 && strings.Contains(strings.ToLower(pack.Goods(cell.Value)), q) {
				return true
			}
		}
		if value == q || len(q) > 2 && strings.Contains(value, q) {
			return true
		}
	}
	return len(q) > 2 && strings.Contains(strings.ToLower(e.ID), q)
}

type ruleView struct {
	ruleRow
	Goods       string
	Kin         []ruleRow
	Changeable  bool
	Old         bool   // looked up in a version that isn't in force
	InVersion   string // that version
	Differences []landed.Difference
}

// rule is one row, with what held before it and what will after it. With a version in its address it is the row
// as that version had it, which is how a charge of an old order is explained.
func (c *console) rule(tx *db.Tx, _ *http.Request, p *page) error {
	pack, v := c.Rules.Pack(), ruleView{InVersion: p.Q("at")}
	if v.InVersion != "" && v.InVersion != pack.Version() {
		old, err := c.Rules.At(tx, v.InVersion)
		if err != nil {
			return err
		}
		pack, v.Old = old, true
	}
	e, ok := pack.Entry(p.Q("id"))
	if !ok {
		return errNoPage
	}
	used, err := c.rulesUsed(tx)
	if err != nil {
		return err
	}
	today := p.Now.In(c.Zone).Format(time.DateOnly)
	v.ruleRow = c.ruleRow(&e, today, used)
	for _, cell := range e.Cells {
		if cell.Column == "hs" || cell.Column == "hts8" || cell.Column == "code" && e.Table == "tariff" {
			v.Goods = cmp.Or(pack.Goods(cell.Value), pack.Tariff().Title(cell.Value[:min(len(cell.Value), 6)]))
		}
	}
	for _, k := range pack.Kin(e.ID) {
		v.Kin = append(v.Kin, c.ruleRow(&k, today, used))
	}
	v.Changeable = !v.Old && landed.Dated(e.Table) && v.State != "ended"
	p.Title = e.ID
	p.Data = &v
	return nil
}

// exportRules is a table of the pack in force as a CSV file.
func (c *console) exportRules(w http.ResponseWriter, r *http.Request, _ *page) error {
	name := r.URL.Query().Get("table")
	text, ok := c.Rules.Pack().Texts()[name+".csv"]
	if !ok {
		return errNoPage
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	_, err := w.Write([]byte(text))
	return err
}

// Column is what a column of the rules is called.
func (p *page) Column(name string) string { return p.Word("rc", name) }

// Cell is the value of a column in the reader's words, where there are any.
func (p *page) Cell(column, value string) string {
	switch {
	case value == "":
		return "–"
	case strings.HasSuffix(column, "_pct"):
		return value + " %"
	case (column == "country" || column == "importer") && value != "EU" && value != "XI":
		if name := p.CountryName(value); name != "" {
			return name + " (" + value + ")"
		}
	case column == "mode":
		return p.Word("rv", value)
	}
	return strings.ReplaceAll(value, "|", ", ")
}
