package admin

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

func (c *console) runRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/runs/{id}", c.page("run", c.run))
	mux.Handle("POST /console/runs/{id}/stop", c.act(auth.Operator, c.stopRun))
	mux.Handle("GET /console/ratings", c.page("ratings", c.ratings))
	mux.Handle("GET /console/ratings.csv", c.known(c.ratingsCSV))
}

// runView is what one run of a journey did and what it waits for.
type runView struct {
	journeys.Run
	Title    string
	Over     bool
	Live     int64 // the version in force, if another
	Place    string
	Number   string // of the order it is about
	Name     string // of the customer
	Language string
	Begins   string
	Began    template.HTML
	EndClock template.HTML
	Waits    string
	Why      string // it ended
	Steps    []runStep
	Flows    []flow
}

// runStep is a step with the clock of the market.
type runStep struct {
	moment
	Clock template.HTML
	Words string // what the node is for
	Links []pairOf
}

func (c *console) run(tx *db.Tx, r *http.Request, p *page) error {
	run, steps, err := c.Journeys.RunOf(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	version, err := c.Journeys.Version(tx, run.Journey, run.Version)
	if err != nil {
		return err
	}
	d := &version.Definition
	v := runView{Run: run, Title: p.JourneyName(run.Journey), Over: run.State.Over(), Why: p.Word("reason", run.Reason)}
	if run.Lang != "" {
		v.Language = p.LanguageName(run.Lang)
	}
	p.Title = p.T("console.run_title", "journey", v.Title)
	if !v.Over {
		p.Live.Every = "5s"
	}
	all, err := c.Journeys.Journeys(tx)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, func(j journeys.Journey) bool { return j.Name == run.Journey && j.Version != run.Version }); i >= 0 {
		v.Live = all[i].Version
	}
	zone := time.UTC
	if m, ok := c.Markets.ByCode(run.Market); ok {
		zone, v.Place = m.Location(), p.CountryName(string(m.Country()))
	}
	if err := c.whose(tx, &v); err != nil {
		return err
	}
	v.Begins, v.Began = p.happened(run.Event.Event), p.clockAt(run.At, zone)
	v.EndClock = p.clockAt(run.Ended, zone)
	if first := d.Trigger.Events; len(first) > 0 && !slices.Contains(first, run.Event.Event) {
		v.Begins = p.AllHappen(first)
	}
	names, err := c.textNames(tx, p)
	if err != nil {
		return err
	}
	for _, s := range steps {
		row, err := c.runStep(tx, p, d, s, zone, names)
		if err != nil {
			return err
		}
		v.Steps = append(v.Steps, row)
	}
	if n, ok := d.Node(run.Node); ok && !v.Over {
		v.Waits = p.waiting(&n, run, zone)
	}
	v.Flows = p.wayTaken(d, run, steps, names)
	p.Data = &v
	return nil
}

// whose finds the names of what a run is about.
func (c *console) whose(tx *db.Tx, v *runView) error {
	if v.Order != "" {
		o, err := c.Orders.Get(tx, order.ID(v.Order))
		if err != nil && !errors.Is(err, order.ErrUnknown) {
			return err
		}
		v.Number = o.Number
	}
	if v.Customer != "" {
		who, err := c.Customers.Get(tx, v.Customer)
		if err != nil {
			return err
		}
		v.Name = who.Name()
	}
	return nil
}

func (c *console) runStep(tx *db.Tx, p *page, d *journeys.Definition, s journeys.Step, zone *time.Location, names map[string]string) (runStep, error) {
	row := runStep{moment: p.decided(s, d, "", zone), Clock: p.clockAt(s.At, zone)}
	row.Text = p.Word("step", s.Outcome)
	if n, ok := d.Node(s.Node); ok {
		row.Words = p.nodeWords(&n, names)
	}
	if s.Message != "" {
		row.Links = append(row.Links, pairOf{"/console/messages/" + s.Message, p.T("console.run_message")})
		m, err := c.Messages.Get(tx, s.Message)
		if err != nil && !errors.Is(err, messaging.ErrUnknown) {
			return row, err
		}
		if used := p.WordsUsed(m); used != "" {
			row.Links = append(row.Links, pairOf{p.WordsURL(m), p.T("console.tw_used", "words", used)})
		}
	}
	if s.Ticket != "" {
		row.Links = append(row.Links, pairOf{"/console/tickets/" + s.Ticket, p.T("console.run_ticket", "number", s.Ticket)})
	}
	return row, nil
}

// waiting says what a run waits for and until when, by the market's clock.
func (p *page) waiting(n *journeys.Node, run journeys.Run, zone *time.Location) string {
	until := p.localClock(run.Due.In(zone))
	switch {
	case run.Due.IsZero():
		return ""
	case run.State == journeys.Holding:
		return p.T("console.run_held", "until", until, "reason", p.Word("reason", run.Reason))
	case n.Do == journeys.DoWaitFor:
		return p.T("console.run_waits_for", "event", p.Happens(n.Event), "until", until)
	}
	return p.T("console.run_waits", "until", until)
}

// beside is how wide a diagram may be beside a run's steps.
const beside = 460

// wayTaken draws the journey with the way that a run took through it.
func (p *page) wayTaken(d *journeys.Definition, run journeys.Run, steps []journeys.Step, names map[string]string) (all []flow) {
	last := map[string]journeys.Step{}
	for _, s := range steps {
		last[s.Node] = s
	}
	box := func(b journeys.Box) flowBox {
		out := flowBox{Box: b, Kind: kindOf(d, b)}
		n, ok := d.Node(b.Node)
		base := "/console/journeys/" + d.Journey + "?v=" + strconv.FormatInt(run.Version, 10)
		switch {
		case b.Start:
			out.URL, out.Words, out.Tone = base+"&part=trigger#panel", p.T("console.jn_trigger", "event", p.AllHappen(d.Trigger.Events)), "been"
		case !ok && b.Reason != "":
			out.Words = p.T("console.jr_ends_because", "reason", p.Word("reason", b.Reason))
		case !ok:
			out.Words = p.T("console.jr_ends")
		default:
			out.URL, out.Words, out.Chosen = base+"&node="+n.ID+"#panel", p.nodeWords(&n, names), n.ID == run.Node && !run.State.Over()
			if run.Visits[n.ID] > 0 {
				out.Tone = "been"
			}
			if s, told := last[n.ID]; told {
				out.Note = p.Word("step", s.Outcome)
				if s.Outcome == journeys.NotSent {
					out.Tone = "bad"
				}
			}
		}
		return out
	}
	return []flow{
		p.flowOf("broad", d, d.Draw(wideMeasure, beside), box),
		p.flowOf("narrow", d, d.Ladder(narrowMeasure, phone), box),
	}
}

func (c *console) stopRun(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	return "/console/runs/" + r.PathValue("id") + "?done=run_stopped", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		return c.Journeys.StopRun(tx, r.PathValue("id"), p.User.Email)
	})
}

// happened is an event that has come, in words: "the order was paid".
func (p *page) happened(event string) string {
	if key := "console.jh_" + strings.ReplaceAll(event, ".", "_"); p.Has(key) {
		return p.T(key)
	}
	return p.Happens(event)
}

// decided puts a step of a journey into words, with the reason: what it was sent or not sent for, what it waits for. d is
// the version that decided, nil where it isn't known.
func (p *page) decided(s journeys.Step, d *journeys.Definition, channel string, zone *time.Location) moment {
	at := moment{At: s.At, Kind: "journey", Text: p.T("console.journey_"+outcome(string(s.Outcome)), "journey", p.JourneyName(s.Journey)), Detail: channel}
	reason := p.Word("reason", s.Reason)
	because := func(text string) { at.Detail = join(p.T("console.because", "cause", text), at.Detail) }
	switch s.Outcome {
	case journeys.Sent:
		if cause := p.cause(d, s.Node); cause != "" {
			because(cause)
		}
		at.Detail = join(at.Detail, reason)
	case journeys.NotSent:
		at.Tone = "warn"
		if reason != "" {
			at.Detail = join(p.T("console.not_because", "reason", reason), at.Detail)
		}
	case journeys.Withheld:
		at.Detail = ""
	case journeys.Waits:
		at.Detail = join(p.waitsFor(s, zone), reason)
	case journeys.Opened:
		if cause := p.cause(d, s.Node); cause != "" {
			because(cause)
		}
		if s.Ticket != "" {
			at.Detail = join(s.Ticket, at.Detail)
		}
		at.Detail = join(at.Detail, reason)
	case journeys.Passed:
		at.Detail = p.wentOn(s, d, reason)
	default:
		at.Detail = join(at.Detail, reason)
	}
	if s.Code != "" {
		at.Detail = join(at.Detail, p.T("console.code_issued", "code", s.Code))
	}
	if s.Run != "" {
		at.URL = "/console/runs/" + s.Run
	}
	return at
}

// waitsFor says until when a step waits, or for what.
func (p *page) waitsFor(s journeys.Step, zone *time.Location) string {
	text, ok := strings.CutPrefix(s.Detail, "until ")
	if !ok {
		if s.Detail == "" {
			return ""
		}
		return p.T("console.waits_for", "event", p.Happens(s.Detail))
	}
	until, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return ""
	}
	return p.T("console.waits_until", "until", p.localClock(until.In(zone)))
}

// wentOn says why a run went on from a node.
func (p *page) wentOn(s journeys.Step, d *journeys.Definition, reason string) string {
	var n journeys.Node
	if d != nil {
		n, _ = d.Node(s.Node)
	}
	switch {
	case s.Reason == "came":
		return capital(p.happened(s.Detail))
	case s.Reason == "moved":
		return join(reason, s.Detail)
	case n.Do == journeys.DoSplit:
		return p.T("console.by_lot", "way", s.Detail)
	case n.Do == journeys.DoTag:
		return p.T("console.jn_tag", "tag", s.Detail)
	case n.Do == journeys.DoCall:
		return p.nodeWords(&n, nil)
	}
	return reason
}

// cause says why a node of a run was come to: the event that it began with or waited for last, and what was asked of that.
func (p *page) cause(d *journeys.Definition, node string) string {
	if d == nil || node == "" {
		return ""
	}
	if _, ok := d.Node(node); !ok {
		return ""
	}
	var asked []string
	said := func(event string) string {
		if len(asked) == 0 {
			return event
		}
		return p.T("console.because_and", "event", event, "asked", strings.Join(asked, p.T("console.jr_and")))
	}
	for range d.Nodes {
		from, way, ok := before(d, node)
		if !ok {
			break
		}
		switch from.Do {
		case journeys.DoWaitFor:
			if way == "else" {
				return said(p.T("console.because_silent", "event", p.Happens(from.Event)))
			}
			return said(p.happened(from.Event))
		case journeys.DoSwitch:
			if m := compareRule.FindStringSubmatch(way); m != nil && m[1] == "event.name" && m[2] == "==" {
				return said(p.happened(strings.Trim(m[3], `'"`)))
			}
		case journeys.DoIf:
			if strings.Contains(from.When, "event.") {
				if words, ok := p.InWords(answered(from.When, way)); ok {
					asked = append(asked, words)
				}
			}
		}
		node = from.ID
	}
	var events []string
	for _, e := range d.Trigger.Events {
		events = append(events, p.happened(e))
	}
	return said(strings.Join(events, p.T("console.jr_or")))
}

// before is the one node that leads to another and by which way: "next", "else" or the rule of a switch's way; false where
// there is none or more than one.
func before(d *journeys.Definition, to string) (from journeys.Node, way string, ok bool) {
	found := 0
	add := func(n journeys.Node, by string) { from, way, found = n, by, found+1 }
	for _, n := range d.Nodes {
		if n.Next == to {
			add(n, "next")
		}
		if n.Else == to {
			add(n, "else")
		}
		for _, w := range n.Ways {
			if w.Next == to {
				add(n, w.When)
			}
		}
	}
	return from, way, found == 1
}

var opposite = map[string]string{"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

// answered is a question's rule if the answer was yes, else its opposite where that can be said.
func answered(rule, way string) string {
	rule = strings.TrimSpace(rule)
	if way != "else" {
		return rule
	}
	if m := compareRule.FindStringSubmatch(rule); m != nil {
		return m[1] + " " + opposite[m[2]] + " " + m[3]
	}
	if rest, ok := strings.CutPrefix(rule, "!"); ok {
		return rest
	}
	return "!" + rule
}

// clockAt is a moment by the clock of a zone.
func (p *page) clockAt(t time.Time, zone *time.Location) template.HTML {
	return stamp(t, p.localClock(t.In(zone)))
}

// localClock is a moment by a buyer's clock.
func (p *page) localClock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return p.DateTime(t, cldr.Weekday)
}

// decisions puts steps of journeys into words. channel says by which way their messages left.
func (c *console) decisions(tx *db.Tx, p *page, steps []journeys.Step, channel map[string]string) (all []moment, err error) {
	type version struct {
		journey string
		n       int64
	}
	known := map[version]*journeys.Definition{}
	for _, s := range steps {
		k := version{s.Journey, s.Version}
		if _, asked := known[k]; !asked && c.Journeys != nil && s.Version > 0 {
			v, err := c.Journeys.Version(tx, s.Journey, s.Version)
			if err != nil && !errors.Is(err, journeys.ErrUnknownJourney) {
				return nil, err
			}
			known[k] = &v.Definition
		}
		zone := p.zone
		if m, ok := c.Markets.ByCode(s.Market); ok {
			zone = m.Location()
		}
		all = append(all, p.decided(s, known[k], channel[s.Message], zone))
	}
	return all, nil
}

// underWay is a run that isn't over, in a list.
type underWay struct {
	*journeys.Run
	Words, Waits, Place string
}

// mostUnderWay is how many runs the page of a journey lists.
const mostUnderWay = 12

// underWay lists the runs of the version shown that have been under way for longest, with what they wait for.
func (c *console) underWay(tx *db.Tx, p *page, v *journeyView, names map[string]string) (all []underWay, err error) {
	runs, err := c.Journeys.Recent(tx, v.Name, v.N, mostUnderWay)
	for _, r := range runs {
		row := underWay{Run: r, Words: r.Node, Place: c.marketName(p, r.Market)}
		zone := p.zone
		if m, ok := c.Markets.ByCode(r.Market); ok {
			zone = m.Location()
		}
		if n, ok := v.Def.Node(r.Node); ok {
			row.Words, row.Waits = p.nodeWords(&n, names), p.waiting(&n, *r, zone)
		}
		all = append(all, row)
	}
	return all, err
}
