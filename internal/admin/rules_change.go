package admin

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/rulebook"
	"portolan/internal/web"
)

// ruleField is a column of a rule as a field of a form.
type ruleField struct {
	Name, Kind, Value string
	Choices           []choice
	Wrong             string
}

type changeView struct {
	Do                        string // end, replace, add
	Table, End                string
	Fields                    []ruleField
	Effective, Source, Reason string
	Wrong                     map[string]string // by effective, source, reason; "" is about the whole
	Looked                    bool
	Difference                []landed.Difference
	Effects                   []effectRow
	Same                      int // standard carts that cost what they did
	Hidden                    []pairOf
}

type effectRow struct {
	rulebook.Effect
	Sums []sumRow
}

type sumRow struct {
	Name          string
	Before, After money.Amount
}

// columnKinds are how a person writes what a column holds; what isn't here is a word.
var columnKinds = map[string]string{
	"country": "country", "importer": "country", "state": "word", "ship_from": "countries", "origin": "countries", "origins": "countries",
	"rate_pct": "percent", "rate2_pct": "percent", "ad_valorem_pct": "percent", "low_pct": "percent", "high_pct": "percent", "china_pct": "percent",
	"currency": "currency", "price_currency": "currency", "limit_currency": "currency",
	"duty_limit": "amount", "tax_limit": "amount", "cap": "amount", "amount": "amount", "price_limit": "amount", "clothing_limit": "amount", "specific": "amount",
	"specific_min": "amount", "specific_max": "amount", "min": "amount", "max": "amount", "over": "amount", "up_to": "amount", "limit": "amount",
	"hs": "codes", "hts8": "codes", "excluded_hs": "codes", "except_hs": "codes", "groups_hs": "codes",
	"covers_tax": "yes", "usmca_exempt": "yes", "forced_labor_exempt": "yes", "freight_in_base": "yes", "duty_free": "yes", "deemed_supplier": "yes",
	"mandatory": "yes", "channels": "channels", "seller": "registration", "registration": "registration", "mode": "mode", "measure": "measure", "cmp": "cmp",
	"confidence": "confidence", "valid_to": "day",
}

// notAsked are the columns that a form doesn't ask for: the form's own fields stand for them.
var notAsked = []string{"id", "valid_from", "source"}

func (c *console) readRule(p *page, q url.Values) changeView {
	v := changeView{Do: q.Get("do"), Table: q.Get("table"), End: q.Get("end"), Effective: cut(q.Get("effective"), 20), Source: cut(q.Get("source"), 200),
		Reason: cut(q.Get("reason"), 500), Wrong: map[string]string{}}
	if v.Do != "end" && v.Do != "add" {
		v.Do = "replace"
	}
	row := map[string]string{}
	if e, ok := c.Rules.Pack().Entry(v.End); ok && v.End != "" {
		v.Table = e.Table
		for _, cell := range e.Cells {
			row[cell.Column] = cell.Value
		}
		row["valid_to"], row["confidence"] = e.ValidTo, e.Confidence
	} else {
		row["confidence"] = "medium"
	}
	asked := q.Has("reason")
	if !asked && v.Effective == "" {
		v.Effective = p.Now.In(c.Zone).AddDate(0, 0, 1).Format(time.DateOnly)
	}
	if v.Do == "end" {
		return v
	}
	for _, name := range landed.ColumnsOf(v.Table) {
		if slices.Contains(notAsked, name) {
			continue
		}
		f := ruleField{Name: name, Kind: columnKinds[name], Value: row[name]}
		if f.Kind == "" {
			f.Kind = "word"
		}
		if asked {
			f.Value = strings.TrimSpace(cut(q.Get("c."+name), 400))
		}
		f.Choices = p.columnChoices(f)
		v.Fields = append(v.Fields, f)
	}
	return v
}

// columnChoices are the values of a column that has few.
func (p *page) columnChoices(f ruleField) []choice {
	var values []string
	switch f.Kind {
	case "mode":
		values = landed.Modes()
	case "measure":
		values = landed.Measures()
	case "cmp":
		values = []string{"", "<=", "<"}
	case "yes":
		values = []string{"", "yes", "no"}
	case "confidence":
		values = []string{"high", "medium", "low"}
	default:
		return nil
	}
	if !slices.Contains(values, f.Value) {
		values = append(values, f.Value)
	}
	var all []choice
	for _, value := range values {
		name := "–"
		if value != "" {
			name = p.Word("rv", value)
		}
		all = append(all, choice{value, name, value == f.Value})
	}
	return all
}

func (v *changeView) draft(who string) rulebook.Draft {
	change := landed.Change{Table: v.Table, End: v.End, Effective: v.Effective}
	if v.Do == "add" {
		change.End = ""
	}
	if v.Do != "end" {
		change.Add = map[string]string{}
		for _, f := range v.Fields {
			if f.Value != "" || change.End != "" {
				change.Add[f.Name] = f.Value
			}
		}
	}
	return rulebook.Draft{Who: who, Source: v.Source, Reason: v.Reason, Changes: []landed.Change{change}}
}

// blame puts what is wrong with a draft at its fields.
func (v *changeView) blame(p *page, err error) {
	text, fields := p.Fault(err)
	v.Wrong[""] = text
	for name, said := range fields {
		name = strings.TrimPrefix(name, "changes.0.")
		column, mine := strings.CutPrefix(name, "add.")
		i := slices.IndexFunc(v.Fields, func(f ruleField) bool { return f.Name == column })
		switch {
		case mine && i >= 0:
			v.Fields[i].Wrong = said
		case name == "effective" || name == "add.valid_from" || name == "end.valid_to" || name == "end":
			v.Wrong["effective"] = said
		case name == "source" || name == "reason":
			v.Wrong[name] = said
		default:
			v.Wrong[""] = text + " " + said
		}
	}
}

// changeRule is the form for one change, and what it would do once somebody looks.
func (c *console) changeRule(_ *db.Tx, _ *http.Request, p *page) error {
	v := c.readRule(p, p.query)
	if err := c.tryRule(p, &v, p.query.Get("look") != ""); err != nil {
		return err
	}
	p.Title = p.T("console.rl_do_" + v.Do)
	p.Data = &v
	return nil
}

// tryRule tries a change and shows what it would do.
func (c *console) tryRule(p *page, v *changeView, asked bool) error {
	if !landed.Dated(v.Table) {
		return errNoPage
	}
	if v.Do != "add" {
		if _, ok := c.Rules.Pack().Entry(v.End); !ok {
			return errNoPage
		}
	}
	if !asked {
		return nil
	}
	draft := v.draft(p.User.Email)
	before, after, err := c.Rules.Preview(draft)
	if err != nil {
		if fault.Of(err).Kind == fault.Internal {
			return err
		}
		v.blame(p, err)
		return nil
	}
	v.Looked, v.Difference = true, succession(before, after, &draft.Changes[0])
	on, err := time.Parse(time.DateOnly, v.Effective)
	if err != nil {
		return err
	}
	for _, e := range rulebook.Effects(before, after, draft.Changes, on) {
		if !e.Changed() {
			v.Same++
			continue
		}
		row := effectRow{Effect: e}
		for _, s := range []sumRow{{"duty", e.Before.Duty, e.After.Duty}, {"tax", e.Before.Tax, e.After.Tax}, {"fees", e.Before.Fees, e.After.Fees}, {"total", e.Before.Total, e.After.Total}} {
			if s.Before != s.After || s.Name == "total" {
				row.Sums = append(row.Sums, s)
			}
		}
		v.Effects = append(v.Effects, row)
	}
	v.Hidden = append(v.Hidden, pairOf{"do", v.Do}, pairOf{"table", v.Table}, pairOf{"end", v.End}, pairOf{"effective", v.Effective}, pairOf{"source", v.Source}, pairOf{"reason", v.Reason})
	for _, f := range v.Fields {
		v.Hidden = append(v.Hidden, pairOf{"c." + f.Name, f.Value})
	}
	return nil
}

// succession tells a row that ends and the one that follows it as one row that says otherwise.
func succession(before, after *landed.Pack, change *landed.Change) []landed.Difference {
	all := landed.Diff(before, after)
	added := slices.IndexFunc(all, func(d landed.Difference) bool { return d.Kind == "added" })
	if change.End == "" || added < 0 {
		return all
	}
	is := map[string]string{}
	for _, c := range all[added].Columns {
		is[c.Column] = c.After
	}
	was := map[string]string{}
	e, _ := before.Entry(change.End)
	for _, c := range e.Cells {
		was[c.Column] = c.Value
	}
	was["valid_from"], was["valid_to"], was["source"], was["confidence"] = e.ValidFrom, e.ValidTo, strings.Join(e.Sources, "|"), e.Confidence
	d := landed.Difference{Table: e.Table, Row: e.ID, Kind: "changed"}
	for _, name := range landed.ColumnsOf(e.Table) {
		if name != "id" && was[name] != is[name] {
			d.Columns = append(d.Columns, landed.Column{Column: name, Before: was[name], After: is[name]})
		}
	}
	return []landed.Difference{d}
}

// publishRule makes a change part of the rules in force. One that is refused is shown again with the reasons.
func (c *console) publishRule(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	v := c.readRule(p, r.PostForm)
	var a rulebook.Amendment
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		a, err = c.Rules.Publish(tx, v.draft(p.User.Email))
		return err
	})
	if err == nil {
		http.Redirect(w, r, "/console/rules/history?done=rule_published#"+a.ID, http.StatusSeeOther)
		return nil
	}
	if fault.Of(err).Kind == fault.Internal {
		return err
	}
	v.blame(p, err)
	p.Title, p.Data = p.T("console.rl_do_"+v.Do), &v
	if err := c.DB.Read(r.Context(), func(tx *db.Tx) error { return c.furnish(tx, p) }); err != nil {
		return err
	}
	return c.show(w, r, web.Status(err), "rule_change", p)
}

type rulesHistory struct {
	Amendments []amendmentRow
	Editions   []rulebook.Edition
	A, B       []choice
	Compared   bool
	Difference []landed.Difference
}

type amendmentRow struct {
	rulebook.Amendment
	Rows  []pairOf // what each change does, and to which row
	Aside bool
	Kept  bool // the pack it made can be compared
}

// rulesHistory is who changed what and why, and what two versions say otherwise.
func (c *console) rulesHistory(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.rl_history")
	var v rulesHistory
	all, err := c.Rules.Amendments(tx)
	if err != nil {
		return err
	}
	aside := map[string]bool{}
	for _, a := range c.Rules.Aside() {
		aside[a.ID] = true
	}
	for _, a := range all {
		row := amendmentRow{Amendment: a, Aside: aside[a.ID]}
		for _, change := range a.Changes {
			row.Rows = append(row.Rows, pairOf{doOf(&change), aboutChange(p, &change)})
		}
		v.Amendments = append(v.Amendments, row)
	}
	if v.Editions, err = c.Rules.Editions(tx); err != nil {
		return err
	}
	now := c.Rules.Pack().Version()
	if !slices.ContainsFunc(v.Editions, func(e rulebook.Edition) bool { return e.Version == now }) {
		v.Editions = slices.Insert(v.Editions, 0, rulebook.Edition{Version: now, Since: p.Now})
	}
	a, b := p.Q("a"), p.Q("b")
	if a == "" {
		a = v.Editions[min(1, len(v.Editions)-1)].Version
	}
	if b == "" {
		b = now
	}
	for _, e := range v.Editions {
		name := e.Version + " · " + p.CivilDay(e.Since.In(c.Zone).Format(time.DateOnly))
		v.A, v.B = append(v.A, choice{e.Version, name, e.Version == a}), append(v.B, choice{e.Version, name, e.Version == b})
	}
	if p.Q("a") != "" {
		if v.Difference, err = c.difference(tx, a, b); err != nil {
			return err
		}
		v.Compared = true
	}
	p.Data = &v
	return nil
}

func (c *console) difference(tx *db.Tx, a, b string) ([]landed.Difference, error) {
	before, err := c.Rules.At(tx, a)
	after, err2 := c.Rules.At(tx, b)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return landed.Diff(before, after), nil
}

func doOf(change *landed.Change) string {
	switch {
	case len(change.Add) == 0:
		return "end"
	case change.End == "":
		return "add"
	}
	return "replace"
}

// aboutChange is which row a change is about, in a few words.
func aboutChange(p *page, change *landed.Change) string {
	if change.End != "" {
		return change.End
	}
	var words []string
	for _, column := range slices.Sorted(maps.Keys(change.Add)) {
		if value := change.Add[column]; value != "" && column != "confidence" && column != "id" {
			words = append(words, p.Column(column)+" "+p.Cell(column, value))
		}
	}
	return p.Word("rt", change.Table) + ": " + strings.Join(words[:min(len(words), 4)], ", ")
}

func (c *console) undoRule(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	reason := strings.TrimSpace(cut(r.PostForm.Get("reason"), 500))
	return "/console/rules/history?done=rule_undone", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := c.Rules.Undo(tx, r.PathValue("id"), p.User.Email, reason)
		return err
	})
}
