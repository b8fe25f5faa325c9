package journeys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/support"
)

var (
	// ErrBadDefinition is the fault of a journey that can't run; Fields say what is wrong where: "nodes.offer.when".
	ErrBadDefinition = fault.New(fault.Invalid, "journeys.bad_definition")
	// ErrUnknownJourney is the fault of a name or version that isn't there.
	ErrUnknownJourney = fault.New(fault.NotFound, "journeys.unknown")
	// ErrUnknownRun is the fault of a run that isn't there.
	ErrUnknownRun = fault.New(fault.NotFound, "journeys.unknown_run")
)

// Definition is a journey as somebody drew it. Once published it never changes; what becomes of a run is decided by
// the definition that it began with.
type Definition struct {
	Journey  string  `json:"journey"`           // its name, such as "cart"; lower-case letters, digits and _
	About    Subject `json:"about"`             // what a run is about, which is its key: one run per order, cart, parcel or person
	Priority int64   `json:"priority"`          // of two that wait for the same person the higher one goes first
	Trigger  Trigger `json:"trigger"`           // what begins a run
	Exits    []Exit  `json:"exits,omitempty"`   // what ends it at any step
	Window   Span    `json:"window,omitempty"`  // from the beginning; a run that is older ends with "too_late"
	Convert  Span    `json:"convert,omitempty"` // how long after a message an order counts as its success
	Nodes    []Node  `json:"nodes"`             // the first one is where runs begin
}

// Subject is what a run is about.
type Subject string

// The subjects.
const (
	AboutOrder  Subject = "order"
	AboutCart   Subject = "cart"
	AboutParcel Subject = "parcel"
	AboutPerson Subject = "person"
)

// Trigger begins a run. When is a rule over the facts of the event's subject; empty is always. Again is after how long
// the same person may enter once more; zero: as often as there are subjects.
type Trigger struct {
	Events []string `json:"events"`
	When   string   `json:"when,omitempty"`
	Again  Span     `json:"again,omitempty"`
}

// Exit ends a run when an event with one of its subjects comes (On), if a rule then holds where there is one (When); or,
// without event, when the rule has come true, which is asked before each message, when it is written and just before it
// leaves. Reason is a stable code.
type Exit struct {
	On     string `json:"on,omitempty"`
	When   string `json:"when,omitempty"`
	Reason string `json:"reason"`
}

// Kind is what a node does.
type Kind string

// The kinds.
const (
	DoWait    Kind = "wait"     // until a time has passed and a local hour has come
	DoWaitFor Kind = "wait_for" // until an event about the same subject comes
	DoIf      Kind = "if"       // goes one of two ways
	DoSwitch  Kind = "switch"   // goes the first of several ways whose rule holds
	DoSplit   Kind = "split"    // goes one of several ways by lot, or holds a share of people out
	DoReward  Kind = "reward"   // the code that the next message carries
	DoSend    Kind = "send"     // one message
	DoTicket  Kind = "ticket"   // work for a person
	DoTag     Kind = "tag"      // a word that the customer carries from then on
	DoCall    Kind = "webhook"  // tells another system
	DoExit    Kind = "exit"     // the end
)

// Node is one step. Which fields count depends on Do.
type Node struct {
	ID   string `json:"id"`
	Do   Kind   `json:"do"`
	Next string `json:"next,omitempty"` // empty: the end
	Else string `json:"else,omitempty"` // if: no; wait_for: nothing came; wait: too late; send: not sent. Empty is the end, for send it is Next

	For    Span   `json:"for,omitempty"`     // wait, wait_for: how long, from when the run came here
	Since  string `json:"since,omitempty"`   // wait: "start" counts from the fact that began the run instead
	Until  string `json:"until,omitempty"`   // wait: a rule that gives a moment instead of For; the zero moment doesn't wait
	Hours  *Hours `json:"hours,omitempty"`   // wait, send: goes on only within these local hours
	Late   Span   `json:"late,omitempty"`    // wait: later than this after the fact that began the run is too late
	Event  string `json:"event,omitempty"`   // wait_for
	When   string `json:"when,omitempty"`    // if; wait_for: which of these events
	Ways   []Way  `json:"ways,omitempty"`    // split: shares of 100 in all
	Out    int64  `json:"holdout,omitempty"` // split: this share of 100 gets nothing, to measure the effect
	Reason string `json:"reason,omitempty"`  // exit; if, for the way that ends there

	Template string              `json:"template,omitempty"` // send
	Class    messaging.Class     `json:"class,omitempty"`    // send: must be the template's
	Channels []messaging.Channel `json:"channels,omitempty"` // send: in order; empty: as the market prefers
	Only     bool                `json:"only,omitempty"`     // send: no other channel instead of the first that reaches the person
	Link     string              `json:"link,omitempty"`     // send: bag, order, review, rate …; see Pages
	Within   Span                `json:"within,omitempty"`   // send: from the fact that began the run, else dropped

	Reward *Reward `json:"reward,omitempty"`
	Queue  string  `json:"queue,omitempty"`  // ticket
	Urgent bool    `json:"urgent,omitempty"` // ticket
	Title  string  `json:"title,omitempty"`  // ticket, in the words of the team; empty: the reason says it
	Tag    string  `json:"tag,omitempty"`
	URL    string  `json:"url,omitempty"`  // webhook
	Note   string  `json:"note,omitempty"` // for people who read the diagram
}

// Way is one of the ways of a split, with its share of 100, or of a switch, with its rule.
type Way struct {
	Name  string `json:"name"`
	Share int64  `json:"share,omitempty"`
	When  string `json:"when,omitempty"`
	Next  string `json:"next"`
}

// Hours are local hours of a day, "10:00" to "20:00", on weekdays ("mon" …; none: all).
type Hours struct {
	From string   `json:"from"`
	To   string   `json:"to"`
	Days []string `json:"days,omitempty"`
}

// Reward is the rule of a discount code: a percentage, or an amount and a least subtotal per market. The code is made
// together with the message that carries it, works once, for its person, and lives from then on.
type Reward struct {
	Percent  int64                        `json:"percent,omitempty"` // of the goods
	Amounts  map[market.Code]money.Amount `json:"amounts,omitempty"`
	Minimums map[market.Code]money.Amount `json:"minimums,omitempty"`
	Life     Span                         `json:"life"`
	Campaign string                       `json:"campaign,omitempty"` // empty: the journey's name
}

// Span is a length of time, written 90m, 2h, 5d or 2w.
type Span time.Duration

// D is the span as a duration.
func (s Span) D() time.Duration { return time.Duration(s) }

// String writes the largest unit that leaves nothing over.
func (s Span) String() string {
	d := time.Duration(s)
	for _, u := range spanUnits {
		if d >= u.of && d%u.of == 0 {
			return strconv.FormatInt(int64(d/u.of), 10) + u.letter
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

var spanUnits = []struct {
	letter string
	of     time.Duration
}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// longestSpan is two years: more is a slip of the pen.
const longestSpan = 2 * 366 * 24 * time.Hour

// ParseSpan reads what String writes, with several units too: "1d12h". Nothing is 0.
func ParseSpan(s string) (Span, error) {
	var all time.Duration
	rest := strings.ReplaceAll(strings.ToLower(s), " ", "")
	for rest != "" {
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if i <= 0 || i > 6 {
			return 0, fmt.Errorf("%q is no length of time; write 90m, 2h or 5d", s)
		}
		n, _ := strconv.ParseInt(rest[:i], 10, 64)
		at := slices.IndexFunc(spanUnits, func(u struct {
			letter string
			of     time.Duration
		}) bool {
			return u.letter == rest[i:i+1]
		})
		if at < 0 {
			return 0, fmt.Errorf("%q is no length of time; write 90m, 2h or 5d", s)
		}
		all += time.Duration(n) * spanUnits[at].of
		if rest = rest[i+1:]; all > longestSpan {
			return 0, fmt.Errorf("%q is longer than two years", s)
		}
	}
	return Span(all), nil
}

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) {
	if s == 0 {
		return nil, nil
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSpan(string(b))
	return err
}

// ReadDefinition reads a definition from JSON. What isn't known to a definition, or in the wrong form, is
// ErrBadDefinition with its line and path.
func ReadDefinition(body []byte) (d Definition, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		place, code := misread(body, err)
		return d, fmt.Errorf("%s: %w: %w", place, err, ErrBadDefinition.With(map[string]string{place: code}))
	}
	return d, nil
}

// JSON writes a definition as ReadDefinition reads it.
func (d Definition) JSON() []byte {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(b, '\n')
}

// node returns a node by its name.
func (d *Definition) node(id string) (*Node, bool) {
	for i := range d.Nodes {
		if d.Nodes[i].ID == id {
			return &d.Nodes[i], true
		}
	}
	return nil, false
}

// ways lists where a node may lead.
func (n Node) ways() (all []string) {
	if n.Do == DoExit {
		return nil
	}
	if len(n.Ways) == 0 {
		all = append(all, n.Next)
	}
	for _, w := range n.Ways {
		all = append(all, w.Next)
	}
	if n.Else != "" {
		all = append(all, n.Else)
	}
	return all
}

// waits reports whether time passes at the node before it leads on.
func (n Node) waits() bool {
	return n.Do == DoWait && (n.For > 0 || n.Until != "") || n.Do == DoWaitFor
}

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	hourForm = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$|^24:00$`)
)

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const mostNodes = 200

// Vetting is what lint knows of the world beside the definition.
type vetting struct {
	class   func(template string) (messaging.Class, bool)
	markets []market.Market // open ones
}

// check says everything that keeps a definition from running.
func (d *Definition) check(v vetting) error {
	c := fault.Check{}
	c.That(nameForm.MatchString(d.Journey), "journey", "journeys.name_form")
	c.That(slices.Contains([]Subject{AboutOrder, AboutCart, AboutParcel, AboutPerson}, d.About), "about", "journeys.about_unknown")
	c.That(d.Priority >= 0 && d.Priority <= 100, "priority", "journeys.priority_range")
	c.That(len(d.Trigger.Events) > 0, "trigger.events", "required")
	for _, name := range d.Trigger.Events {
		c.That(d.carries(name), "trigger.events", "journeys.event_without_subject")
	}
	c.That(rule(d.Trigger.When, wantBool) == nil, "trigger.when", "journeys.rule_unreadable")
	for i, e := range d.Exits {
		at := fmt.Sprintf("exits.%d", i)
		c.That(e.On != "" || e.When != "", at, "journeys.exit_on_or_when")
		c.That(e.On == "" || known(e.On), at+".on", "journeys.event_unknown")
		c.That(rule(e.When, wantBool) == nil, at+".when", "journeys.rule_unreadable")
		c.That(nameForm.MatchString(e.Reason), at+".reason", "journeys.name_form")
	}
	c.That(len(d.Nodes) > 0, "nodes", "required")
	c.That(len(d.Nodes) <= mostNodes, "nodes", "journeys.too_many_nodes")
	seen := map[string]bool{}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		c.That(nameForm.MatchString(n.ID), fmt.Sprintf("nodes.%d.id", i), "journeys.name_form")
		c.That(!seen[n.ID], "nodes."+n.ID, "journeys.twice")
		seen[n.ID] = true
		d.checkNode(&c, n, v)
	}
	if err := c.Err(ErrBadDefinition.Code); err != nil {
		return err
	}
	d.checkShape(&c)
	return c.Err(ErrBadDefinition.Code)
}

func (d *Definition) checkNode(c *fault.Check, n *Node, v vetting) {
	at := "nodes." + n.ID
	for _, next := range n.ways() {
		_, ok := d.node(next)
		c.That(next == "" || ok, at+".next", "journeys.node_unknown")
	}
	if n.Hours != nil {
		c.That(hourForm.MatchString(n.Hours.From) && hourForm.MatchString(n.Hours.To) && n.Hours.From < n.Hours.To, at+".hours", "journeys.hours_form")
		for _, day := range n.Hours.Days {
			c.That(slices.Contains(weekdays, day), at+".hours", "journeys.hours_form")
		}
	}
	switch n.Do {
	case DoWait:
		c.That(n.For > 0 || n.Until != "" || n.Hours != nil, at+".for", "required")
		c.That(n.For == 0 || n.Until == "", at+".until", "journeys.for_or_until")
		c.That(n.Since == "" || n.Since == "start", at+".since", "journeys.since_form")
		c.That(rule(n.Until, wantTime) == nil, at+".until", "journeys.rule_unreadable")
	case DoWaitFor:
		c.That(n.For > 0, at+".for", "required")
		c.That(d.carries(n.Event), at+".event", "journeys.event_without_subject")
		c.That(rule(n.When, wantBool) == nil, at+".when", "journeys.rule_unreadable")
	case DoIf:
		c.That(n.When != "", at+".when", "required")
		c.That(rule(n.When, wantBool) == nil, at+".when", "journeys.rule_unreadable")
	case DoSwitch:
		c.That(len(n.Ways) > 0, at+".ways", "required")
		for _, w := range n.Ways {
			c.That(nameForm.MatchString(w.Name), at+".ways", "journeys.name_form")
			c.That(w.When != "" && rule(w.When, wantBool) == nil, at+".ways", "journeys.rule_unreadable")
		}
	case DoSplit:
		d.checkSplit(c, n)
	case DoReward:
		checkReward(c, n, v)
	case DoSend:
		class, ok := v.class(n.Template)
		c.That(ok, at+".template", "journeys.template_unknown")
		c.That(!ok || n.Class == class, at+".class", "journeys.class_of_template")
	case DoTicket:
		c.That(slices.Contains(support.Queues, n.Queue), at+".queue", "journeys.queue_unknown")
	case DoTag:
		c.That(nameForm.MatchString(n.Tag), at+".tag", "journeys.name_form")
	case DoCall:
		c.That(strings.HasPrefix(n.URL, "https://") || strings.HasPrefix(n.URL, "http://127.0.0.1"), at+".url", "journeys.url_form")
	case DoExit:
	default:
		c.That(false, at+".do", "journeys.kind_unknown")
	}
}

func (d *Definition) checkSplit(c *fault.Check, n *Node) {
	at := "nodes." + n.ID
	c.That(len(n.Ways) > 0 || n.Out > 0, at+".ways", "required")
	c.That(n.Out >= 0 && n.Out <= 50, at+".holdout", "journeys.holdout_range")
	sum := int64(0)
	for _, w := range n.Ways {
		c.That(w.Share > 0, at+".ways", "journeys.shares")
		c.That(nameForm.MatchString(w.Name), at+".ways", "journeys.name_form")
		sum += w.Share
	}
	c.That(len(n.Ways) == 0 || sum == 100, at+".ways", "journeys.shares")
	if n.Out == 0 {
		return
	}
	for i := range d.Nodes {
		c.That(d.Nodes[i].Do != DoSend || d.Nodes[i].Class != messaging.Transactional, at+".holdout", "journeys.holdout_transactional")
	}
}

func checkReward(c *fault.Check, n *Node, v vetting) {
	at := "nodes." + n.ID + ".reward"
	if n.Reward == nil {
		c.That(false, at, "required")
		return
	}
	r := n.Reward
	c.That((r.Percent > 0) != (len(r.Amounts) > 0), at, "journeys.percent_or_amounts")
	c.That(r.Percent >= 0 && r.Percent <= 90, at+".percent", "journeys.percent_range")
	c.That(r.Life > 0, at+".life", "required")
	for _, m := range v.markets {
		if a, ok := r.Amounts[m.Code]; len(r.Amounts) > 0 {
			c.That(ok && a.Minor > 0 && a.Currency == m.Currency, at+".amounts."+string(m.Code), "journeys.amount_missing")
		}
		if a, ok := r.Minimums[m.Code]; ok {
			c.That(a.Minor >= 0 && a.Currency == m.Currency, at+".minimums."+string(m.Code), "journeys.amount_missing")
		}
	}
}

// checkShape finds nodes that nothing leads to, circles in which no time passes, and rewards without message.
func (d *Definition) checkShape(c *fault.Check) {
	reached, stack := map[string]bool{}, []string{d.Nodes[0].ID}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n, ok := d.node(id); ok && !reached[id] {
			reached[id] = true
			stack = append(stack, n.ways()...)
		}
	}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		c.That(reached[n.ID], "nodes."+n.ID, "journeys.out_of_reach")
		c.That(!d.circles(n), "nodes."+n.ID, "journeys.circle_without_wait")
	}
}

// circles reports whether a run could come back to n without time passing.
func (d *Definition) circles(from *Node) bool {
	seen, stack := map[string]bool{}, from.ways()
	if from.waits() {
		return false
	}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if id == from.ID {
			return true
		}
		if n, ok := d.node(id); ok && !seen[id] && !n.waits() {
			seen[id] = true
			stack = append(stack, n.ways()...)
		}
	}
	return false
}

// carries reports whether an event names what the journey's runs are about.
func (d *Definition) carries(event string) bool {
	k, ok := kinds[event]
	return ok && (slices.Contains(k.carries, d.About) || d.About == AboutPerson)
}

func known(event string) bool { _, ok := kinds[event]; return ok }

func asks(c messaging.Class) bool { return c == messaging.Promotional || c == messaging.Survey }
