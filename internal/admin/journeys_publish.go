package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
)

type publishView struct {
	Name, Title string
	Draft       journeys.Draft
	Findings    []lintRow
	Refusals    int
	Changes     []changeRow
	Texts       []wordsRow // that are taken in
	Words       []wordsRow // of them those that change
	Flow        []flow
	First       bool // there is no version yet
	Next        int64
	Over        int64
	UnderWay    int64
	Moved       bool // somebody published meanwhile
	Trial       trialView
}

type changeRow struct {
	journeys.Change
	Title  string
	Fields []changeField
}

type changeField struct{ Label, Before, After string }

// changeRows says a comparison in words.
func (p *page) changeRows(all []journeys.Change) (rows []changeRow) {
	for _, ch := range all {
		row := changeRow{Change: ch, Title: ch.Node}
		for _, f := range ch.Fields {
			row.Fields = append(row.Fields, changeField{p.fieldLabel(f.Field), f.Before, f.After})
		}
		rows = append(rows, row)
	}
	return rows
}

func (p *page) fieldLabel(field string) string {
	last := field[strings.LastIndexByte(field, '.')+1:]
	if head, code, ok := strings.Cut(strings.TrimPrefix(field, "reward."), "."); ok && (head == "amounts" || head == "minimums") {
		return p.Word("jp", head) + " " + strings.ToUpper(code)
	}
	return p.Word("jp", last)
}

// tonesOf are the colours of a comparison in a diagram; ":" is what begins the journey.
func tonesOf(all []journeys.Change) map[string]string {
	tones := map[string]string{}
	for _, ch := range all {
		if ch.Node == "" {
			if slices.ContainsFunc(ch.Fields, func(f journeys.FieldChange) bool { return strings.HasPrefix(f.Field, "trigger") || f.Field == "about" }) {
				tones[":"] = ch.Kind
			}
			continue
		}
		tones[ch.Node] = ch.Kind
	}
	return tones
}

// journeyPublish shows what would change before anybody is asked to confirm it.
func (c *console) journeyPublish(tx *db.Tx, r *http.Request, p *page) error {
	name := r.PathValue("name")
	j, err := c.Journeys.Known(tx, name)
	if err != nil {
		return err
	}
	d, ok, err := c.Journeys.Draft(tx, name)
	if err != nil {
		return err
	}
	if !ok {
		return journeys.ErrNoDraft
	}
	v := publishView{Name: name, Title: p.JourneyName(name), Draft: d, First: j.Version == 0, Over: j.Version, Moved: j.Version != d.Over}
	p.Title = p.T("console.jr_publish_title", "journey", v.Title)
	all, err := c.Journeys.Lint(tx, d.Definition)
	if err != nil {
		return err
	}
	v.Findings = p.findings("/console/journeys/"+name+"?draft=1", all)
	for _, f := range all {
		if f.Severity == journeys.Refused {
			v.Refusals++
		}
	}
	old, pins := journeys.Definition{Journey: name, About: d.Definition.About}, messaging.Pins{}
	if !v.First {
		ver, err := c.Journeys.Version(tx, name, j.Version)
		if err != nil {
			return err
		}
		old, pins = ver.Definition, ver.Texts
	}
	changes := journeys.Diff(old, d.Definition)
	if v.First {
		changes = nil
	}
	v.Changes = p.changeRows(changes)
	t, err := c.Journeys.Traffic(tx, name, 0, p.Now.Add(-weekBack))
	if err != nil {
		return err
	}
	v.UnderWay = t.UnderWay
	names, err := c.textNames(tx, p)
	if err != nil {
		return err
	}
	if v.Texts, err = c.takenIn(tx, p, wording{&d.Definition, nil}, names); err != nil {
		return err
	}
	if v.Words, err = c.changedWords(tx, p, wording{&old, pins}, wording{&d.Definition, nil}, names); err != nil {
		return err
	}
	if v.Trial, err = c.trialOf(tx, p, d.Definition); err != nil {
		return err
	}
	drawn := journeyView{Journey: j, Def: d.Definition, Base: "/console/journeys/" + name + "?draft=1", Findings: v.Findings}
	c.drawJourney(p, &drawn, names, tonesOf(changes))
	v.Flow = drawn.Flows
	p.Data = &v
	return nil
}

func (c *console) publishJourney(r *http.Request, p *page) (string, error) {
	name, q := r.PathValue("name"), r.PostForm
	over, _ := strconv.ParseInt(q.Get("over"), 10, 64)
	rev, _ := strconv.ParseInt(q.Get("rev"), 10, 64)
	to := "/console/journeys/" + name + "?done=journey_published"
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		d, ok, err := c.Journeys.Draft(tx, name)
		if err == nil && !ok {
			err = journeys.ErrNoDraft
		}
		if err == nil && d.Rev != rev {
			err = journeys.ErrDraftMoved
		}
		if err != nil {
			return err
		}
		if q.Get("do") == "try" {
			days, _ := strconv.ParseInt(q.Get("days"), 10, 64)
			to = "/console/journeys/" + name + "/publish#trial"
			_, err = c.Journeys.BeginTrial(tx, d.Definition, days, p.User.Email)
			return err
		}
		trial := ""
		if t, err := c.Journeys.TrialOf(tx, d.Definition); err == nil && t.Report != nil {
			trial = t.Report.JSON()
		} else if err != nil && !errors.Is(err, journeys.ErrUnknownTrial) {
			return err
		}
		_, err = c.Journeys.Publish(tx, d.Definition, over, p.User.Email, cut(q.Get("note"), 500), trial)
		return err
	})
	return to, err
}

type versionsView struct {
	journeys.Journey
	Title    string
	Versions []versionRow
	A, B     []choice
	Asked    bool
	Changes  []changeRow
	Words    []wordsRow // that differ
	Flow     []flow
	Draft    bool
	UnderWay int64
}

type versionRow struct {
	journeys.Version
	Here    int64
	InForce bool
}

// journeyVersions lists the versions with who is still under way on which, compares any two, and changes how far the
// journey is open.
func (c *console) journeyVersions(tx *db.Tx, r *http.Request, p *page) error {
	name := r.PathValue("name")
	j, err := c.Journeys.Known(tx, name)
	if err != nil {
		return err
	}
	v := versionsView{Journey: j, Title: p.JourneyName(name)}
	p.Title = p.T("console.jr_versions_title", "journey", v.Title)
	all, err := c.Journeys.Versions(tx, name)
	if err != nil {
		return err
	}
	t, err := c.Journeys.Traffic(tx, name, 0, p.Now.Add(-weekBack))
	if err != nil {
		return err
	}
	v.UnderWay = t.UnderWay
	for _, x := range all {
		v.Versions = append(v.Versions, versionRow{x, t.Versions[x.N], x.N == j.Version})
	}
	_, v.Draft, err = c.Journeys.Draft(tx, name)
	if err != nil {
		return err
	}
	a, b := p.Q("a"), p.Q("b")
	if v.Asked = a != "" && b != ""; !v.Asked {
		a, b = strconv.FormatInt(j.Version-1, 10), strconv.FormatInt(j.Version, 10)
		if v.Draft {
			a, b = b, "draft"
		}
	}
	option := func(value, name string) {
		v.A, v.B = append(v.A, choice{value, name, value == a}), append(v.B, choice{value, name, value == b})
	}
	if v.Draft {
		option("draft", p.T("console.jr_draft"))
	}
	for _, x := range all {
		option(strconv.FormatInt(x.N, 10), p.T("console.jr_version", "n", x.N))
	}
	if v.Asked {
		if err := c.compareJourneys(tx, p, &v, a, b); err != nil {
			return err
		}
	}
	p.Data = &v
	return nil
}

func (c *console) compareJourneys(tx *db.Tx, p *page, v *versionsView, a, b string) error {
	before, err := c.wordingOf(tx, v.Name, a)
	if err != nil {
		return err
	}
	after, err := c.wordingOf(tx, v.Name, b)
	if err != nil {
		return err
	}
	changes := journeys.Diff(*before.d, *after.d)
	v.Changes = p.changeRows(changes)
	names, err := c.textNames(tx, p)
	if err != nil {
		return err
	}
	if v.Words, err = c.changedWords(tx, p, before, after, names); err != nil {
		return err
	}
	base := "/console/journeys/" + v.Name + "?v=" + url.QueryEscape(b)
	if b == "draft" {
		base = "/console/journeys/" + v.Name + "?draft=1"
	}
	drawn := journeyView{Journey: v.Journey, Def: *after.d, Base: base}
	c.drawJourney(p, &drawn, names, tonesOf(changes))
	v.Flow = drawn.Flows
	return nil
}

// actOnJourney opens, closes or stops a journey, or publishes an old version anew.
func (c *console) actOnJourney(r *http.Request, p *page) (string, error) {
	name, q := r.PathValue("name"), r.PostForm
	to := "/console/journeys/" + name + "/versions?done=journey_"
	switch do := q.Get("do"); do {
	case journeys.Live, journeys.Closed, journeys.Stopped:
		return to + do, c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Journeys.SetState(tx, name, do) })
	}
	n, _ := strconv.ParseInt(q.Get("n"), 10, 64)
	over, _ := strconv.ParseInt(q.Get("over"), 10, 64)
	return to + "back", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		v, err := c.Journeys.Version(tx, name, n)
		if err != nil {
			return err
		}
		note := p.T("console.jr_back_note", "n", n)
		_, err = c.Journeys.Publish(tx, v.Definition, over, p.User.Email, note, v.Trial)
		return err
	})
}

type moveView struct {
	Name, Title string
	From, To    int64
	Froms, Tos  []choice
	Rows        []moveRow
	Looked      bool
	Moving      int64
	Staying     int64
}

type moveRow struct {
	journeys.MoveRow
	Words, ToWords string
	Targets        []choice
}

// journeyMove is where people under way on an old version are taken to another: first how many would go where.
func (c *console) journeyMove(tx *db.Tx, r *http.Request, p *page) error {
	name := r.PathValue("name")
	j, err := c.Journeys.Known(tx, name)
	if err != nil {
		return err
	}
	v := moveView{Name: name, Title: p.JourneyName(name)}
	p.Title = p.T("console.jr_move_title", "journey", v.Title)
	all, err := c.Journeys.Versions(tx, name)
	if err != nil {
		return err
	}
	t, err := c.Journeys.Traffic(tx, name, 0, p.Now)
	if err != nil {
		return err
	}
	v.From, _ = strconv.ParseInt(r.FormValue("from"), 10, 64)
	if v.To, _ = strconv.ParseInt(r.FormValue("to"), 10, 64); v.To == 0 {
		v.To = j.Version
	}
	for _, x := range all {
		if v.From == 0 && t.Versions[x.N] > 0 && x.N != v.To {
			v.From = x.N
		}
	}
	for _, x := range all {
		label := p.T("console.jr_version", "n", x.N)
		v.Froms = append(v.Froms, choice{strconv.FormatInt(x.N, 10), label + " · " + p.N("console.jr_under_way", t.Versions[x.N]), x.N == v.From})
		v.Tos = append(v.Tos, choice{strconv.FormatInt(x.N, 10), label, x.N == v.To})
	}
	if v.From != 0 && v.From != v.To {
		if err := c.planMove(tx, r, p, &v); err != nil {
			return err
		}
	}
	p.Data = &v
	return nil
}

func (c *console) planMove(tx *db.Tx, r *http.Request, p *page, v *moveView) error {
	from, err := c.Journeys.Version(tx, v.Name, v.From)
	if err != nil {
		return err
	}
	to, err := c.Journeys.Version(tx, v.Name, v.To)
	if err != nil {
		return err
	}
	m := journeys.Move{Journey: v.Name, From: v.From, To: v.To, Nodes: mapped(r, from.Definition, to.Definition)}
	rows, err := c.Journeys.PlanMove(tx, m)
	if err != nil {
		return err
	}
	names, err := c.textNames(tx, p)
	if err != nil {
		return err
	}
	v.Looked = true
	for _, row := range rows {
		x := moveRow{MoveRow: row, Targets: []choice{{"", p.T("console.jr_stay"), row.To == ""}}}
		if n, ok := from.Definition.Node(row.Node); ok {
			x.Words = p.nodeWords(&n, names)
		}
		for _, n := range to.Definition.Nodes {
			x.Targets = append(x.Targets, choice{n.ID, cut(p.nodeWords(&n, names), 60), n.ID == row.To})
		}
		if row.To == "" {
			v.Staying += row.Runs
		} else {
			v.Moving += row.Runs
		}
		v.Rows = append(v.Rows, x)
	}
	return nil
}

// mapped is the map of nodes that was asked for, by default those of one name and kind.
func mapped(r *http.Request, from, to journeys.Definition) map[string]string {
	nodes := journeys.SameNodes(from, to)
	for _, n := range from.Nodes {
		if r.Form.Has("map." + n.ID) {
			nodes[n.ID] = r.Form.Get("map." + n.ID)
		}
	}
	return nodes
}

func (c *console) moveRuns(r *http.Request, _ *page) (string, error) {
	name, q := r.PathValue("name"), r.PostForm
	from, _ := strconv.ParseInt(q.Get("from"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("to"), 10, 64)
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		a, err := c.Journeys.Version(tx, name, from)
		if err != nil {
			return err
		}
		b, err := c.Journeys.Version(tx, name, to)
		if err != nil {
			return err
		}
		_, err = c.Journeys.Move(tx, journeys.Move{Journey: name, From: from, To: to, Nodes: mapped(r, a.Definition, b.Definition)})
		return err
	})
	return "/console/journeys/" + name + "/versions?done=journey_moved", err
}
