package admin

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
)

// Journeys keeps what is said to whom and when. Satisfied by journeys.Service.
type Journeys interface {
	Journeys(tx *db.Tx) ([]journeys.Journey, error)
	Overview(tx *db.Tx) ([]journeys.Journey, map[string]journeys.Draft, error)
	Known(tx *db.Tx, journey string) (journeys.Journey, error)
	Said(tx *db.Tx, journey, which string) (journeys.Definition, error)
	Cast(tx *db.Tx, story *journeys.Story, name, which string, together bool) error
	Version(tx *db.Tx, journey string, n int64) (journeys.Version, error)
	Versions(tx *db.Tx, journey string) ([]journeys.Version, error)
	Traffic(tx *db.Tx, journey string, version int64, since time.Time) (journeys.Traffic, error)
	Draft(tx *db.Tx, journey string) (journeys.Draft, bool, error)
	BeginDraft(tx *db.Tx, journey, by string) (journeys.Draft, error)
	NewDraft(tx *db.Tx, d journeys.Definition, by string) (journeys.Draft, error)
	KeepDraft(tx *db.Tx, d journeys.Definition, rev int64, what, by string) (journeys.Draft, error)
	Undo(tx *db.Tx, journey string, rev int64, by string) (journeys.Draft, error)
	Redo(tx *db.Tx, journey string, rev int64, by string) (journeys.Draft, error)
	DropDraft(tx *db.Tx, journey string) error
	Import(tx *db.Tx, body []byte, by string) (journeys.Draft, error)
	Lint(tx *db.Tx, d journeys.Definition) ([]journeys.Finding, error)
	Publish(tx *db.Tx, d journeys.Definition, over int64, by, note, trial string) (journeys.Version, error)
	SetState(tx *db.Tx, journey, state string) error
	TextUsers(tx *db.Tx, id messaging.TextID) ([]journeys.TextUser, error)
	PlanMove(tx *db.Tx, m journeys.Move) ([]journeys.MoveRow, error)
	Move(tx *db.Tx, m journeys.Move) (int64, error)
	Effect(tx *db.Tx, journey string, q journeys.EffectQuery) (journeys.Effect, error)
	SetEnd(tx *db.Tx, journey, day, by string) error
	Tell(ctx context.Context, s journeys.Story) ([]journeys.Scene, error)
	Recent(tx *db.Tx, journey string, version int64, limit int) ([]*journeys.Run, error)
	RunOf(tx *db.Tx, run string) (journeys.Run, []journeys.Step, error)
	StopRun(tx *db.Tx, run, by string) error
	Ratings(tx *db.Tx, f journeys.RatingFilter) ([]journeys.Rating, error)
	RatingsOf(tx *db.Tx, order string) ([]journeys.Rating, error)
	RatingsBy(tx *db.Tx, customer string, limit int) ([]journeys.Rating, error)
	WriteRatings(tx *db.Tx, w io.Writer, f journeys.RatingFilter) error
	Scores(tx *db.Tx, f journeys.RatingFilter) ([]journeys.Score, error)
	Trend(tx *db.Tx, f journeys.RatingFilter, weeks int) ([]journeys.Week, error)
	BeginTrial(tx *db.Tx, d journeys.Definition, days int64, by string) (journeys.TrialRun, error)
	TrialOf(tx *db.Tx, d journeys.Definition) (journeys.TrialRun, error)
}

// journeyRoutes are the pages of journeys: the list, one with its diagram and forms, publishing, versions.
func (c *console) journeyRoutes(mux *http.ServeMux) {
	if c.Journeys == nil {
		return
	}
	mux.Handle("GET /console/journeys", c.page("journeys", c.journeyList))
	mux.Handle("POST /console/journeys", c.filled(auth.Operator, "journeys", c.journeyList, c.newJourney))
	mux.Handle("GET /console/journeys/{name}", c.page("journey", c.journey))
	mux.Handle("POST /console/journeys/{name}", c.filled(auth.Operator, "journey", c.journey, c.changeJourney))
	mux.Handle("GET /console/journeys/{name}/file", c.known(c.journeyFile))
	mux.Handle("GET /console/journeys/{name}/publish", c.page("journey_publish", c.journeyPublish))
	mux.Handle("POST /console/journeys/{name}/publish", c.filled(auth.Operator, "journey_publish", c.journeyPublish, c.publishJourney))
	mux.Handle("GET /console/journeys/{name}/versions", c.page("journey_versions", c.journeyVersions))
	mux.Handle("POST /console/journeys/{name}/versions", c.filled(auth.Operator, "journey_versions", c.journeyVersions, c.actOnJourney))
	mux.Handle("GET /console/journeys/{name}/move", c.page("journey_move", c.journeyMove))
	mux.Handle("GET /console/journeys/{name}/effect", c.page("journey_effect", c.journeyEffect))
	mux.Handle("POST /console/journeys/{name}/effect", c.filled(auth.Operator, "journey_effect", c.journeyEffect, c.endMeasurement))
	mux.Handle("GET /console/journeys/{name}/effect.csv", c.known(c.effectCSV))
	mux.Handle("GET /console/journeys/{name}/what-if", c.known(c.journeyStory))
	mux.Handle("GET /console/what-if", c.known(c.whatIf))
	c.runRoutes(mux)
	mux.Handle("POST /console/journeys/{name}/move", c.filled(auth.Operator, "journey_move", c.journeyMove, c.moveRuns))
}

const weekBack = 7 * 24 * time.Hour

type journeysView struct {
	Rows []journeyRow
	Old  []choice // to copy from
}

type journeyRow struct {
	Name, Title string
	State       string
	Version     int64
	Begins      string
	UnderWay    int64
	Older       int64 // of them on older versions
	Sent        int64
	Entered     int64
	Draft       *journeys.Draft
	Small       flow
	Caption     string
}

func (c *console) journeyList(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_journeys")
	all, drafts, err := c.Journeys.Overview(tx)
	if err != nil {
		return err
	}
	v := journeysView{}
	order := map[string]int64{}
	add := func(row journeyRow, d journeys.Definition) error {
		t, err := c.Journeys.Traffic(tx, row.Name, 0, p.Now.Add(-weekBack))
		if err != nil {
			return err
		}
		row.Title, row.Begins = p.JourneyName(row.Name), p.AllHappen(d.Trigger.Events)
		row.UnderWay, row.Sent, row.Entered = t.UnderWay, t.Sent, t.Entered
		row.Older = t.UnderWay - t.Versions[row.Version]
		row.Small = p.flowOf("small", &d, d.Draw(smallMeasure, smallest), func(b journeys.Box) flowBox { return flowBox{Box: b, Kind: kindOf(&d, b)} })
		row.Caption = p.N("console.jr_steps", int64(len(d.Nodes)))
		order[row.Name] = d.Priority
		v.Rows = append(v.Rows, row)
		v.Old = append(v.Old, choice{row.Name, row.Title, false})
		return nil
	}
	for _, j := range all {
		row := journeyRow{Name: j.Name, State: j.State, Version: j.Version}
		if d, ok := drafts[j.Name]; ok {
			row.Draft = &d
		}
		d, err := c.Journeys.Said(tx, j.Name, "")
		if err == nil {
			err = add(row, d)
		}
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(v.Rows, func(a, b journeyRow) int { return int(order[b.Name] - order[a.Name]) })
	p.Data = &v
	return nil
}

// kindOf is the kind of what stands in a box, for its sign and colour.
func kindOf(d *journeys.Definition, b journeys.Box) string {
	if b.Start {
		return "trigger"
	}
	n, ok := d.Node(b.Node)
	if !ok {
		return "end"
	}
	return string(n.Do)
}

// newJourney takes a file in, or begins a journey as a copy of another.
func (c *console) newJourney(r *http.Request, p *page) (string, error) {
	var draft journeys.Draft
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		if r.PostForm.Get("do") == "import" {
			body, err := uploaded(r, "file")
			if err != nil {
				return err
			}
			draft, err = c.Journeys.Import(tx, body, p.User.Email)
			return err
		}
		d, err := c.Journeys.Said(tx, r.PostForm.Get("from"), "")
		if err != nil {
			return err
		}
		d = d.Clone()
		d.Journey = strings.ToLower(strings.TrimSpace(r.PostForm.Get("journey")))
		draft, err = c.Journeys.NewDraft(tx, d, p.User.Email)
		return err
	})
	return "/console/journeys/" + url.PathEscape(draft.Definition.Journey) + "?draft=1", err
}

const mostFile = 1 << 20

// uploaded reads a small file of a form.
func uploaded(r *http.Request, name string) ([]byte, error) {
	f, _, err := r.FormFile(name)
	if err != nil {
		return nil, journeys.ErrBadDefinition.With(map[string]string{name: "required"})
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	if err != nil {
		return nil, err
	}
	if len(body) > mostFile {
		return nil, journeys.ErrBadDefinition.With(map[string]string{name: "too_large"})
	}
	return body, nil
}

// journeyFile hands a definition out as a file.
func (c *console) journeyFile(w http.ResponseWriter, r *http.Request, _ *page) error {
	var d journeys.Definition
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		d, err = c.Journeys.Said(tx, r.PathValue("name"), r.FormValue("v"))
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+d.Journey+`.json"`)
	_, err = w.Write(d.JSON())
	return err
}

type journeyView struct {
	journeys.Journey
	Title    string
	Shown    string // live, draft, version
	N        int64  // the version shown
	At       time.Time
	By, Note string
	Editing  bool
	Draft    *journeys.Draft
	Rev      int64
	Def      journeys.Definition
	Begins   string
	Ends     []exitRow
	Flows    []flow
	Steps    []stepRow
	Traffic  journeys.Traffic
	Older    []pairOf   // versions with people under way on them
	Runs     []underWay // of the version shown, those that have waited longest
	Panel    panel
	Findings []lintRow
	Refusals int
	Changes  int
	Texts    messaging.Pins // that the version shown took in; nil for a draft
	Waiting  []wordsRow     // of which newer words wait
	Base     string         // the page's address, with what is shown
}

type exitRow struct{ Words, Reason string }

type stepRow struct {
	N            int
	ID, URL      string
	Kind, Words  string
	Note         string
	Edges        []stepEdge
	Here, Passed int64
	Bad          bool
	Chosen       bool
}

type stepEdge struct {
	Label, To string // To says which step, or that it ends
	URL       string
}

type lintRow struct {
	journeys.Finding
	Title, Field, URL string
}

// journey is the page of one journey: its diagram, the same as a list, and the form of what was chosen beside it.
func (c *console) journey(tx *db.Tx, r *http.Request, p *page) error {
	name := r.PathValue("name")
	j, err := c.Journeys.Known(tx, name)
	if err != nil {
		return err
	}
	v := journeyView{Journey: j, Title: p.JourneyName(name), Shown: "live", N: j.Version}
	p.Title = v.Title
	draft, there, err := c.Journeys.Draft(tx, name)
	if err != nil {
		return err
	}
	if there {
		v.Draft = &draft
	}
	switch {
	case there && (p.Q("draft") != "" || j.Version == 0):
		v.Shown, v.Editing, v.Def, v.Rev = "draft", p.Can("operator"), draft.Definition, draft.Rev
		v.Base = "/console/journeys/" + name + "?draft=1"
	default:
		n := j.Version
		if asked, err := strconv.ParseInt(p.Q("v"), 10, 64); err == nil && asked != n {
			v.Shown, n = "version", asked
		}
		ver, err := c.Journeys.Version(tx, name, n)
		if err != nil {
			return err
		}
		v.N, v.Def, v.At, v.By, v.Note, v.Texts = n, ver.Definition, ver.At, ver.By, ver.Note, ver.Texts
		v.Base = "/console/journeys/" + name + "?v=" + strconv.FormatInt(n, 10)
	}
	counted := v.N
	if v.Shown != "version" {
		counted = 0
	}
	if v.Traffic, err = c.Journeys.Traffic(tx, name, counted, p.Now.Add(-weekBack)); err != nil {
		return err
	}
	for n, count := range v.Traffic.Versions {
		if n != j.Version && count > 0 {
			v.Older = append(v.Older, pairOf{n, count})
		}
	}
	slices.SortFunc(v.Older, func(a, b pairOf) int { return int(b.A.(int64) - a.A.(int64)) })
	names, err := c.textNames(tx, p)
	if err != nil {
		return err
	}
	if v.Shown == "draft" {
		if err := c.draftState(tx, p, &v); err != nil {
			return err
		}
	}
	c.drawJourney(p, &v, names, nil)
	if v.Shown == "live" {
		if v.Waiting, err = c.waitingWords(tx, p, wording{&v.Def, v.Texts}, names); err != nil {
			return err
		}
	}
	if v.Shown != "draft" {
		if v.Runs, err = c.underWay(tx, p, &v, names); err != nil {
			return err
		}
	}
	if v.Panel, err = c.panelOf(tx, p, &v, names); err != nil {
		return err
	}
	p.Data = &v
	return nil
}

// draftState fills in what is wrong with the draft and how much of it is new.
func (c *console) draftState(tx *db.Tx, p *page, v *journeyView) error {
	all, err := c.Journeys.Lint(tx, v.Def)
	if err != nil {
		return err
	}
	v.Findings = p.findings(v.Base, all)
	for _, f := range all {
		if f.Severity == journeys.Refused {
			v.Refusals++
		}
	}
	if v.Draft.Over > 0 {
		old, err := c.Journeys.Version(tx, v.Name, v.Draft.Over)
		if err != nil {
			return err
		}
		v.Changes = len(journeys.Diff(old.Definition, v.Def))
	}
	return nil
}

func (p *page) findings(base string, all []journeys.Finding) (out []lintRow) {
	for _, f := range all {
		row := lintRow{Finding: f, Field: p.whereWords(f.Where), URL: base}
		switch {
		case f.Node != "":
			row.Title, row.URL = f.Node, base+"&node="+url.QueryEscape(f.Node)+"#panel"
		case strings.HasPrefix(f.Where, "trigger"), strings.HasPrefix(f.Where, "exits"), f.Where == "priority", f.Where == "window", f.Where == "convert":
			part := "settings"
			if strings.HasPrefix(f.Where, "trigger") {
				part = "trigger"
			} else if strings.HasPrefix(f.Where, "exits") {
				part = "exits"
			}
			row.URL = base + "&part=" + part + "#panel"
		}
		out = append(out, row)
	}
	return out
}

// textNames are the names of the texts in the reader's language.
func (c *console) textNames(tx *db.Tx, p *page) (map[string]string, error) {
	keys, err := c.texts().Keys(tx)
	names := map[string]string{}
	for _, k := range keys {
		names[k.Key] = p.keyName(k)
	}
	return names, err
}

// drawJourney makes the diagrams and the list of steps. tones colours nodes, in comparisons.
func (c *console) drawJourney(p *page, v *journeyView, names map[string]string, tones map[string]string) {
	d := &v.Def
	v.Begins = p.AllHappen(d.Trigger.Events)
	if d.Trigger.When != "" {
		v.Begins = p.T("console.jr_begins_if", "event", v.Begins, "rule", p.Rule(d.Trigger.When))
	}
	for _, e := range d.Exits {
		words := p.Happens(e.On)
		switch {
		case e.On == "":
			words = p.Rule(e.When)
		case e.When != "":
			words = p.T("console.jr_begins_if", "event", words, "rule", p.Rule(e.When))
		}
		v.Ends = append(v.Ends, exitRow{words, e.Reason})
	}
	bad := map[string]bool{}
	for _, f := range v.Findings {
		if f.Severity == journeys.Refused {
			bad[f.Node] = true
		}
	}
	box := func(b journeys.Box) flowBox {
		f := flowBox{Box: b, Kind: kindOf(d, b), Tone: tones[b.Node]}
		switch n, ok := d.Node(b.Node); {
		case b.Start:
			f.URL, f.Words, f.Passed = v.Base+"&part=trigger#panel", p.T("console.jn_trigger", "event", v.Begins), v.Traffic.Entered
			f.Chosen, f.Tone = p.Q("part") == "trigger", tones[":"]
		case ok:
			f.URL, f.Words, f.Note = v.Base+"&node="+url.QueryEscape(n.ID)+"#panel", p.nodeWords(&n, names), n.Note
			f.Here, f.Passed, f.Chosen = v.Traffic.Here[n.ID], v.Traffic.Passed[n.ID], p.Q("node") == n.ID
			if bad[n.ID] {
				f.Tone = "bad"
			}
		default:
			f.Words = p.T("console.jr_ends")
			if b.Reason != "" {
				f.Words = p.T("console.jr_ends_because", "reason", p.Word("reason", b.Reason))
			}
		}
		return f
	}
	ladder := d.Ladder(narrowMeasure, phone)
	v.Flows = []flow{p.flowOf("broad", d, d.Draw(wideMeasure, widest), box), p.flowOf("narrow", d, ladder, box)}
	number := map[string]int{}
	for _, b := range ladder.Boxes {
		if b.Node != "" {
			number[b.Node] = len(number) + 1
		}
	}
	for _, b := range ladder.Boxes {
		n, ok := d.Node(b.Node)
		if !ok {
			continue
		}
		f := box(b)
		s := stepRow{N: number[n.ID], ID: n.ID, URL: f.URL, Kind: f.Kind, Words: f.Words, Note: n.Note, Here: f.Here, Passed: f.Passed, Bad: f.Tone == "bad", Chosen: f.Chosen}
		for _, e := range asked(d, n.ID, n.Edges()) {
			s.Edges = append(s.Edges, p.stepEdge(v.Base, e, number))
		}
		v.Steps = append(v.Steps, s)
	}
}

func (p *page) stepEdge(base string, e journeys.Edge, number map[string]int) stepEdge {
	out := stepEdge{Label: p.edgeWords([]journeys.Edge{e})}
	switch {
	case e.To != "" && number[e.To] > 0:
		out.To, out.URL = p.T("console.jr_to_step", "n", number[e.To]), base+"&node="+url.QueryEscape(e.To)+"#panel"
	case e.Reason != "":
		out.To = p.T("console.jr_ends_because", "reason", p.Word("reason", e.Reason))
	default:
		out.To = p.T("console.jr_ends")
	}
	return out
}
