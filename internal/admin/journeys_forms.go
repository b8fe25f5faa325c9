package admin

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/support"
)

// panel is what stands beside the diagram: the form of a node, of what begins or ends the journey, or what to do next.
type panel struct {
	Part     string // node, trigger, exits, settings, or nothing
	Node     journeys.Node
	Words    string
	N        int // its number in the list
	Fields   []formField
	Ways     []wayField
	Edges    []edgeField
	Add      []choice // kinds
	AddAt    []choice // where a new step goes: before, or into one of the ways
	Rules    bool     // the form has rules, so the help is there
	Facts    []factHelp
	Findings []lintRow
	Look     *sendLook
	Here     int64
	Passed   int64
	Last     bool // the only step
}

type formField struct {
	Name, Label, Kind string
	Value, Hint       string
	Wrong, Detail     string
	Choices           []choice
}

type wayField struct {
	I                       int
	Name, Share, When, Next string
	Targets                 []choice
	Wrong                   string
}

type edgeField struct {
	Way, Label string
	Targets    []choice
}

type factHelp struct {
	Name, Type, Meaning string
}

// panelOf is what stands beside the diagram.
func (c *console) panelOf(tx *db.Tx, p *page, v *journeyView, names map[string]string) (panel, error) {
	f := panel{Part: p.Q("part")}
	d := &v.Def
	if id := p.Q("node"); id != "" {
		n, ok := d.Node(id)
		if !ok {
			return f, nil
		}
		f.Part, f.Node, f.Words = "node", n, p.nodeWords(&n, names)
		f.Here, f.Passed, f.Last = v.Traffic.Here[id], v.Traffic.Passed[id], len(d.Nodes) == 1
		for _, s := range v.Steps {
			if s.ID == id {
				f.N = s.N
			}
		}
		c.nodeFields(p, v, &f, names)
		if n.Do == journeys.DoSend {
			look, err := c.lookAtSend(tx, p, v, &n)
			if err != nil {
				return f, err
			}
			f.Look = look
		}
	}
	switch f.Part {
	case "trigger":
		c.triggerFields(p, v, &f)
	case "exits":
		c.exitFields(p, v, &f)
	case "settings":
		settingFields(p, v, &f)
	}
	for _, x := range v.Findings {
		at, _, _ := strings.Cut(x.Where, ".")
		if f.Part == "node" && x.Node == f.Node.ID || x.Node == "" && at == f.Part {
			f.Findings = append(f.Findings, x)
		}
	}
	f.blame(p)
	if f.Rules {
		for _, x := range journeys.Facts() {
			f.Facts = append(f.Facts, factHelp{x.Name, string(x.Type), p.FactName(x.Name)})
		}
	}
	return f, nil
}

// blame puts what is wrong at the field that it is about.
func (f *panel) blame(p *page) {
	for i := range f.Fields {
		x := &f.Fields[i]
		if w := p.Wrong("save", x.Name); w != "" {
			x.Wrong = w
			continue
		}
		for _, find := range f.Findings {
			if field := find.Where[strings.LastIndexByte(find.Where, '.')+1:]; find.Severity != journeys.Noted &&
				(field == x.Name || strings.HasSuffix(find.Where, "."+x.Name) || field == "hours" && x.Name == "from" || field == "reward" && x.Name == "percent") {
				x.Wrong, x.Detail = p.say(find.Code), find.Detail
			}
		}
	}
}

// typed is what was typed into a field of a form that was refused, else what it holds.
func (p *page) typed(name, before string) string {
	if p.Refused.Do != "save" || !p.Refused.values.Has(name) {
		return before
	}
	return p.Refused.values.Get(name)
}

func (f *panel) field(p *page, kind, name, value string, choices ...choice) {
	x := formField{Name: name, Label: p.Word("jp", name), Kind: kind, Value: p.typed(name, value), Choices: choices}
	if key := "console.jh_" + name; p.Has(key) {
		x.Hint = p.T(key)
	}
	for i := range x.Choices {
		x.Choices[i].Chosen = x.Choices[i].Value == x.Value
	}
	if kind == "rule" || kind == "moment" {
		f.Rules = true
	}
	f.Fields = append(f.Fields, x)
}

func spanText(s journeys.Span) string {
	if s == 0 {
		return ""
	}
	return s.String()
}

func intText(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func flagText(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// nodeFields are the fields of a node's form, by its kind.
func (c *console) nodeFields(p *page, v *journeyView, f *panel, names map[string]string) {
	n := &f.Node
	switch n.Do {
	case journeys.DoWait:
		f.field(p, "span", "for", spanText(n.For))
		f.field(p, "select", "since", n.Since, choice{"", p.T("console.jc_since_here"), false}, choice{"start", p.T("console.jc_since_start"), false})
		f.field(p, "moment", "until", n.Until)
		f.hours(p, n.Hours)
		f.field(p, "span", "late", spanText(n.Late))
	case journeys.DoWaitFor:
		f.field(p, "select", "event", n.Event, p.eventChoices(v.Def.About, n.Event)...)
		f.field(p, "span", "for", spanText(n.For))
		f.field(p, "rule", "when", n.When)
	case journeys.DoIf:
		f.field(p, "rule", "when", n.When)
		f.field(p, "code", "reason", n.Reason)
	case journeys.DoSplit:
		f.field(p, "number", "holdout", intText(n.Out))
		f.wayFields(p, v)
	case journeys.DoSwitch:
		f.wayFields(p, v)
		f.Rules = true
	case journeys.DoReward:
		c.rewardFields(p, f)
	case journeys.DoSend:
		f.field(p, "select", "template", n.Template, c.templateChoices(p, names, n)...)
		f.field(p, "select", "channels", channelValue(n), channelChoices(p, channelValue(n))...)
		f.field(p, "select", "link", n.Link, linkChoices(p)...)
		f.field(p, "span", "within", spanText(n.Within))
		f.hours(p, n.Hours)
	case journeys.DoTicket:
		f.field(p, "select", "queue", n.Queue, queueChoices(p, n.Queue)...)
		f.field(p, "check", "urgent", flagText(n.Urgent))
		f.field(p, "text", "title", n.Title)
	case journeys.DoTag:
		f.field(p, "code", "tag", n.Tag)
	case journeys.DoCall:
		f.field(p, "url", "url", n.URL)
	case journeys.DoExit:
		f.field(p, "code", "reason", n.Reason)
	}
	f.field(p, "text", "note", n.Note)
	for _, e := range asked(&v.Def, n.ID, n.Edges()) {
		if strings.HasPrefix(e.Way, "ways.") {
			continue
		}
		label := p.edgeWords([]journeys.Edge{e})
		f.Edges = append(f.Edges, edgeField{e.Way, cmp.Or(label, p.T("console.jr_next")), p.targets(v, p.typed("to."+e.Way, e.To), n.ID)})
	}
	if n.Do == journeys.DoSend && n.Else == "" || n.Do == journeys.DoWait && n.Late == 0 {
		says := map[journeys.Kind]string{journeys.DoSend: "not_sent", journeys.DoWait: "too_late"}[n.Do]
		f.Edges = append(f.Edges, edgeField{"else", p.Word("jx", says), p.targets(v, p.typed("to.else", n.Else), n.ID)})
	}
	for _, k := range journeys.Kinds() {
		f.Add = append(f.Add, choice{string(k), p.Word("jk", k), false})
	}
	for _, e := range asked(&v.Def, n.ID, n.Edges()) {
		name := p.T("console.jr_add_after")
		if label := p.edgeWords([]journeys.Edge{e}); label != "" {
			name = p.T("console.jr_add_way", "way", label)
		}
		f.AddAt = append(f.AddAt, choice{e.Way, name, false})
	}
	f.AddAt = append(f.AddAt, choice{"before", p.T("console.jr_add_before"), false})
}

func (f *panel) hours(p *page, h *journeys.Hours) {
	if h == nil {
		h = &journeys.Hours{}
	}
	f.field(p, "clock", "from", h.From)
	f.field(p, "clock", "to", h.To)
	x := formField{Name: "days", Label: p.Word("jp", "days"), Kind: "days", Hint: p.T("console.jh_days")}
	for _, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		x.Choices = append(x.Choices, choice{d, p.Word("jd", d), slices.Contains(h.Days, d)})
	}
	f.Fields = append(f.Fields, x)
}

const blankWays = 2

func (f *panel) wayFields(p *page, v *journeyView) {
	n := &f.Node
	for i := range len(n.Ways) + blankWays {
		w := journeys.Way{}
		if i < len(n.Ways) {
			w = n.Ways[i]
		}
		at := strconv.Itoa(i)
		x := wayField{I: i, Name: p.typed("way.name."+at, w.Name), Share: p.typed("way.share."+at, intText(w.Share)), When: p.typed("way.when."+at, w.When)}
		x.Targets = p.targets(v, p.typed("way.to."+at, w.Next), n.ID)
		x.Wrong = p.Wrong("save", "way.share."+at)
		if x.Wrong == "" && w.When != "" {
			x.Wrong = journeys.RuleFault(w.When)
		}
		f.Ways = append(f.Ways, x)
	}
}

// targets are where a way may lead.
func (p *page) targets(v *journeyView, now, but string) []choice {
	all := []choice{{"", p.T("console.jr_the_end"), now == ""}}
	for _, s := range v.Steps {
		if s.ID != but {
			all = append(all, choice{s.ID, p.T("console.jr_step_named", "n", s.N, "words", cut(s.Words, 60)), s.ID == now})
		}
	}
	return all
}

func (p *page) eventChoices(about journeys.Subject, now string) []choice {
	all := []choice{{"", p.T("console.jc_choose"), now == ""}}
	for _, e := range journeys.Events() {
		if about == journeys.AboutPerson || e.About(about) {
			all = append(all, choice{e.Name, p.Happens(e.Name), e.Name == now})
		}
	}
	return all
}

func (c *console) templateChoices(p *page, names map[string]string, n *journeys.Node) []choice {
	all := []choice{{"", p.T("console.jc_choose"), false}}
	for key, name := range names {
		class, ok := c.Messages.ClassOf(key)
		if ok && (class != messaging.Reply || key == "thanks" || key == "low" || key == n.Template) {
			all = append(all, choice{key, name + " · " + p.Word("class", class), false})
		}
	}
	slices.SortFunc(all[1:], func(a, b choice) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// channelValue is the channels of a node as one word: "sms,email", "email!" for that one only.
func channelValue(n *journeys.Node) string {
	var all []string
	for _, ch := range n.Channels {
		all = append(all, string(ch))
	}
	s := strings.Join(all, ",")
	if n.Only {
		s += "!"
	}
	return s
}

func channelChoices(p *page, now string) (all []choice) {
	values := []string{"", "sms,email", "email,sms", "sms!", "email!"}
	if !slices.Contains(values, now) {
		values = append(values, now)
	}
	for _, v := range values {
		n := journeys.Node{}
		readChannels(&n, v)
		all = append(all, choice{v, p.channelWords(n.Channels, n.Only), false})
	}
	return all
}

func readChannels(n *journeys.Node, value string) {
	list, only := strings.CutSuffix(value, "!")
	n.Channels, n.Only = nil, only && list != ""
	for _, ch := range strings.Split(list, ",") {
		if ch != "" {
			n.Channels = append(n.Channels, messaging.Channel(ch))
		}
	}
}

func linkChoices(p *page) (all []choice) {
	for _, l := range []string{"", "bag", "order", "rate", "review", "shop"} {
		all = append(all, choice{l, p.Word("jl", cmp.Or(l, "none")), false})
	}
	return all
}

func queueChoices(p *page, now string) (all []choice) {
	queues := slices.Clone(support.Queues)
	if now != "" && !slices.Contains(queues, now) {
		queues = append(queues, now)
	}
	for _, q := range queues {
		all = append(all, choice{q, p.Word("tk_queue", q), false})
	}
	return all
}

func (c *console) rewardFields(p *page, f *panel) {
	r := f.Node.Reward
	if r == nil {
		r = &journeys.Reward{}
	}
	f.field(p, "number", "percent", intText(r.Percent))
	for _, m := range c.selling() {
		for _, kind := range []struct {
			name string
			of   map[market.Code]money.Amount
		}{{"amounts", r.Amounts}, {"minimums", r.Minimums}} {
			value := ""
			if a, ok := kind.of[m.Code]; ok {
				value = p.Typed(a)
			}
			name := kind.name + "." + string(m.Code)
			f.Fields = append(f.Fields, formField{Name: name, Kind: "money", Value: p.typed(name, value), Choices: []choice{{string(m.Currency), "", false}},
				Label: p.T("console.jr_in_market", "what", p.Word("jp", kind.name), "market", p.CountryName(string(m.Country())))})
		}
	}
	f.field(p, "span", "life", spanText(r.Life))
	f.field(p, "code", "campaign", r.Campaign)
}

func (c *console) triggerFields(p *page, v *journeyView, f *panel) {
	t := v.Def.Trigger
	f.field(p, "select", "about", string(v.Def.About), choice{"order", p.Word("ja", "order"), false}, choice{"cart", p.Word("ja", "cart"), false},
		choice{"parcel", p.Word("ja", "parcel"), false}, choice{"person", p.Word("ja", "person"), false})
	x := formField{Name: "events", Label: p.Word("jp", "events"), Kind: "checks", Hint: p.T("console.jh_events")}
	for _, e := range p.eventChoices(v.Def.About, "")[1:] {
		e.Chosen = slices.Contains(t.Events, e.Value)
		x.Choices = append(x.Choices, e)
	}
	f.Fields = append(f.Fields, x)
	f.field(p, "rule", "when", t.When)
	f.field(p, "span", "again", spanText(t.Again))
	f.AddAt = []choice{{"first", p.T("console.jr_add_first"), true}}
	for _, k := range journeys.Kinds() {
		f.Add = append(f.Add, choice{string(k), p.Word("jk", k), false})
	}
}

func (c *console) exitFields(p *page, v *journeyView, f *panel) {
	f.Rules = true
	for i := range len(v.Def.Exits) + blankWays {
		e := journeys.Exit{}
		if i < len(v.Def.Exits) {
			e = v.Def.Exits[i]
		}
		at := strconv.Itoa(i)
		f.Ways = append(f.Ways, wayField{I: i, Name: p.typed("exit.reason."+at, e.Reason), When: p.typed("exit.when."+at, e.When),
			Targets: p.anyEvent(p.typed("exit.on."+at, e.On)), Wrong: cmp.Or(p.Wrong("save", "exit.reason."+at), journeys.RuleFault(e.When))})
	}
}

func (p *page) anyEvent(now string) []choice {
	all := []choice{{"", p.T("console.jc_no_event"), now == ""}}
	for _, e := range journeys.Events() {
		all = append(all, choice{e.Name, p.Happens(e.Name), e.Name == now})
	}
	return all
}

func settingFields(p *page, v *journeyView, f *panel) {
	f.field(p, "number", "priority", strconv.FormatInt(v.Def.Priority, 10))
	f.field(p, "span", "window", spanText(v.Def.Window))
	f.field(p, "span", "convert", spanText(v.Def.Convert))
}

// reader reads a form into a definition and remembers what can't be read.
type reader struct {
	q   url.Values
	bad map[string]string
}

func (r *reader) text(name string) string { return strings.TrimSpace(r.q.Get(name)) }

func (r *reader) span(name string) journeys.Span {
	s, err := journeys.ParseSpan(r.text(name))
	if err != nil {
		r.bad[name] = "journeys.span_form"
	}
	return s
}

func (r *reader) int(name string) int64 {
	s := r.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		r.bad[name] = "journeys.number_form"
	}
	return n
}

func (r *reader) hours() *journeys.Hours {
	h := journeys.Hours{From: r.text("from"), To: r.text("to"), Days: r.q["days"]}
	if h.From == "" && h.To == "" && len(h.Days) == 0 {
		return nil
	}
	if h.From == "" {
		h.From = "00:00"
	}
	if h.To == "" {
		h.To = "24:00"
	}
	return &h
}

// node reads the form of a node.
func (c *console) readNode(r *reader, n *journeys.Node) {
	switch n.Do {
	case journeys.DoWait:
		n.For, n.Since, n.Until, n.Hours, n.Late = r.span("for"), r.text("since"), r.text("until"), r.hours(), r.span("late")
	case journeys.DoWaitFor:
		n.Event, n.For, n.When = r.text("event"), r.span("for"), r.text("when")
	case journeys.DoIf:
		n.When, n.Reason = r.text("when"), r.text("reason")
	case journeys.DoSplit:
		n.Out = r.int("holdout")
		n.Ways = r.ways()
	case journeys.DoSwitch:
		n.Ways = r.ways()
	case journeys.DoReward:
		n.Reward = c.readReward(r)
	case journeys.DoSend:
		n.Template, n.Link, n.Within, n.Hours = r.text("template"), r.text("link"), r.span("within"), r.hours()
		n.Class, _ = c.Messages.ClassOf(n.Template)
		readChannels(n, r.text("channels"))
	case journeys.DoTicket:
		n.Queue, n.Urgent, n.Title = r.text("queue"), r.text("urgent") != "", r.text("title")
	case journeys.DoTag:
		n.Tag = r.text("tag")
	case journeys.DoCall:
		n.URL = r.text("url")
	case journeys.DoExit:
		n.Reason = r.text("reason")
	}
	n.Note = r.text("note")
	if r.q.Has("to.next") && len(n.Ways) == 0 {
		n.Next = r.text("to.next")
	}
	if r.q.Has("to.else") {
		n.Else = r.text("to.else")
	}
}

// ways reads the ways of a split or a switch; one without a name is gone.
func (r *reader) ways() (all []journeys.Way) {
	for i := 0; r.q.Has(fmt.Sprint("way.name.", i)); i++ {
		at := strconv.Itoa(i)
		if name := r.text("way.name." + at); name != "" {
			all = append(all, journeys.Way{Name: strings.ToLower(strings.ReplaceAll(name, " ", "_")), Share: r.int("way.share." + at), When: r.text("way.when." + at), Next: r.text("way.to." + at)})
		}
	}
	return all
}

func (c *console) readReward(r *reader) *journeys.Reward {
	w := &journeys.Reward{Percent: r.int("percent"), Life: r.span("life"), Campaign: r.text("campaign")}
	for _, m := range c.selling() {
		read := func(name string, into *map[market.Code]money.Amount) {
			s := r.text(name + "." + string(m.Code))
			if s == "" {
				return
			}
			a, err := money.Parse(s, m.Currency)
			if err != nil {
				r.bad[name+"."+string(m.Code)] = "journeys.amount_form"
				return
			}
			if *into == nil {
				*into = map[market.Code]money.Amount{}
			}
			(*into)[m.Code] = a
		}
		read("amounts", &w.Amounts)
		read("minimums", &w.Minimums)
	}
	return w
}

func (r *reader) exits() (all []journeys.Exit) {
	for i := 0; r.q.Has(fmt.Sprint("exit.reason.", i)); i++ {
		at := strconv.Itoa(i)
		e := journeys.Exit{On: r.text("exit.on." + at), When: r.text("exit.when." + at), Reason: r.text("exit.reason." + at)}
		if e.On == "" && e.When == "" {
			continue
		}
		if e.Reason == "" {
			r.bad["exit.reason."+at] = "required"
		}
		all = append(all, e)
	}
	return all
}
