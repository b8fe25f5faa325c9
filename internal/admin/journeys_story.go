package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// storyView is one customer, invented or real, on the way through a journey.
type storyView struct {
	Name, Title              string
	Base                     string
	Who                      string // a real customer's name
	Customer                 string
	Which                    []choice // the version in force, or the draft
	Markets, Languages       []choice
	SMS, Email, Out, Pending bool
	Together                 bool // with all other journeys that are live
	Start                    string
	Zone                     string // country whose clock it is
	Events                   []storyEvent
	Examples                 []exampleLink
	Days                     []storyDay
	Texts, Mails, Unsent     int64
	Wrong                    map[string]string
	Text                     string
}

type storyEvent struct {
	I     int
	Kinds []choice
	After string
	Units []choice
	Wrong string
}

type exampleLink struct {
	Text, URL string
	Chosen    bool
}

// storyDay is what happened on one day of the buyer's calendar.
type storyDay struct {
	Title, Date string
	Scenes      []sceneRow
}

// sceneRow is one thing of a story. Kind is event, text, mail, unsent, waits, withheld, ticket or went.
type sceneRow struct {
	journeys.Scene
	Kind    string
	Clock   string
	Words   string
	Why     string
	Detail  string
	Journey string
	Lang    string
}

const (
	leastRows = 4  // events that the form has room for
	mostRows  = 16 // that are read
)

// happensAt is an event of an example.
func happensAt(after time.Duration, event string) journeys.StoryEvent {
	e := journeys.StoryEvent{After: after, Event: event}
	if name, stars, ok := strings.Cut(event, ":"); ok {
		e.Event = name
		e.Rating, _ = strconv.ParseInt(stars, 10, 64)
	}
	return e
}

// example is a story worth asking: what happens, and what is special about the buyer.
type example struct {
	key    string // console.wi_x_…
	events []journeys.StoryEvent
	none   bool // agreed to nothing
	out    bool // held out
}

const aDay = 24 * time.Hour

// paidThen is a paid order of which something becomes later.
func paidThen(more ...journeys.StoryEvent) []journeys.StoryEvent {
	return append([]journeys.StoryEvent{happensAt(0, "order.paid")}, more...)
}

// arrivedThen is an order that came after a week and what became of that.
func arrivedThen(more ...journeys.StoryEvent) []journeys.StoryEvent {
	return append([]journeys.StoryEvent{happensAt(0, "order.paid"), happensAt(7*aDay, "order.delivered")}, more...)
}

// examples are the first questions about each shipped journey. The first one is told when nobody has asked yet.
var examples = map[string][]example{
	"confirm": {{key: "pays", events: paidThen()}, {key: "cancels", events: []journeys.StoryEvent{happensAt(0, "order.placed"), happensAt(time.Hour, "order.cancelled")}}},
	"cart": {{key: "leaves", events: []journeys.StoryEvent{happensAt(0, "checkout.left")}},
		{key: "pays_soon", events: []journeys.StoryEvent{happensAt(0, "checkout.left"), happensAt(20*time.Minute, "order.paid")}},
		{key: "stops", events: []journeys.StoryEvent{happensAt(0, "checkout.left"), happensAt(time.Hour, "person.stopped")}},
		{key: "never_agreed", events: []journeys.StoryEvent{happensAt(0, "checkout.left")}, none: true},
		{key: "held_out", events: []journeys.StoryEvent{happensAt(0, "checkout.left")}, out: true}},
	"parcel": {{key: "arrives", events: paidThen(happensAt(26*time.Hour, "parcel.shipped"), happensAt(72*time.Hour, "parcel.customs"), happensAt(165*time.Hour, "parcel.out_for_delivery"), happensAt(170*time.Hour, "parcel.delivered"))},
		{key: "two_at_once", events: paidThen(happensAt(26*time.Hour, "parcel.shipped"), happensAt(26*time.Hour+time.Minute, "parcel.customs"))}},
	"delay": {{key: "late", events: paidThen(happensAt(9*aDay+20*time.Minute, "parcel.delayed"))},
		{key: "late_at_night", events: paidThen(happensAt(9*aDay+10*time.Hour, "parcel.delayed"))},
		{key: "late_then_there", events: paidThen(happensAt(9*aDay+10*time.Hour, "parcel.delayed"), happensAt(9*aDay+15*time.Hour, "parcel.delivered"))}},
	"survey": {{key: "rates_5", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:5"))}, {key: "rates_1", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:1"))},
		{key: "silent", events: arrivedThen()}, {key: "ticket", events: arrivedThen(happensAt(7*aDay+time.Hour, "ticket.opened"))}, {key: "never_agreed", events: arrivedThen(), none: true}},
	"again": {{key: "rates_5", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:5"))}, {key: "rates_1", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:1"))},
		{key: "never_agreed", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:5")), none: true}, {key: "held_out", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:5")), out: true}},
	"review": {{key: "rates_5", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:5"))}, {key: "rates_1", events: arrivedThen(happensAt(8*aDay+14*time.Hour, "rated:1"))}, {key: "silent", events: arrivedThen()}},
}

// examplesOf are those of a journey; of one's own it is its trigger.
func examplesOf(d *journeys.Definition) []example {
	if all := examples[d.Journey]; all != nil {
		return all
	}
	e := example{key: "begins"}
	for _, event := range d.Trigger.Events {
		if slices.Contains(journeys.StoryEvents(), event) {
			if event == "rated" {
				event = "rated:5"
			}
			e.events = []journeys.StoryEvent{happensAt(0, event)}
			break
		}
	}
	return []example{e}
}

// whatIf leads from a customer to the story of a journey with them.
func (c *console) whatIf(w http.ResponseWriter, r *http.Request, p *page) error {
	http.Redirect(w, r, "/console/journeys/"+url.PathEscape(p.Q("journey"))+"/what-if?customer="+url.QueryEscape(p.Q("customer")), http.StatusSeeOther)
	return nil
}

// journeyStory plays one customer through a journey on a clock of its own, by the engine and the gate that real ones meet.
// Nothing is sent or kept.
func (c *console) journeyStory(w http.ResponseWriter, r *http.Request, p *page) error {
	name := r.PathValue("name")
	v := storyView{Name: name, Title: p.JourneyName(name), Base: "/console/journeys/" + name + "/what-if", Wrong: map[string]string{}, Customer: p.Q("customer")}
	p.Title = p.T("console.wi_title", "journey", v.Title)
	var d journeys.Definition
	var story journeys.Story
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		if err = c.furnish(tx, p); err != nil {
			return err
		}
		which, err := c.storyOf(tx, p, &v)
		if err != nil {
			return err
		}
		if d, err = c.Journeys.Said(tx, name, which); err != nil {
			return err
		}
		if story, err = c.readStory(tx, p, &v, &d); err != nil {
			return err
		}
		return c.Journeys.Cast(tx, &story, name, which, v.Together)
	})
	if err != nil {
		return err
	}
	c.offerStory(p, &v, story, &d)
	scenes, err := c.Journeys.Tell(r.Context(), story)
	if f := fault.Of(err); err != nil && f.Kind == fault.Invalid {
		c.badStory(p, &v, f)
	} else if err != nil {
		return err
	}
	known := map[string]*journeys.Definition{}
	for i := range story.Definitions {
		known[story.Definitions[i].Journey] = &story.Definitions[i]
	}
	for _, s := range scenes {
		p.scene(&v, s, known[s.Step.Journey], story)
	}
	p.Data = &v
	return c.show(w, r, http.StatusOK, "journey_story", p)
}

// storyOf finds out what is told: the draft, or what is in force.
func (c *console) storyOf(tx *db.Tx, p *page, v *storyView) (which string, err error) {
	j, err := c.Journeys.Known(tx, v.Name)
	if err != nil {
		return "", err
	}
	_, drafted, err := c.Journeys.Draft(tx, v.Name)
	if err != nil {
		return "", err
	}
	which, v.Together = p.Q("which"), p.Q("all") != ""
	if j.Version > 0 {
		v.Which = append(v.Which, choice{"", p.T("console.jr_version", "n", j.Version), which != "draft"})
	}
	if drafted {
		v.Which = append(v.Which, choice{"draft", p.T("console.jr_draft"), which == "draft" || j.Version == 0})
	} else {
		which = ""
	}
	return which, nil
}

// readStory reads the form. What isn't given is the first example, of an invented buyer or of a customer as they are.
func (c *console) readStory(tx *db.Tx, p *page, v *storyView, d *journeys.Definition) (journeys.Story, error) {
	s := journeys.Story{Market: market.Code(p.Q("market")), Lang: p.Q("lang"), HeldOut: p.Q("out") != "", Unconfirmed: p.Q("pending") != ""}
	asked := s.Market != ""
	for _, ch := range []messaging.Channel{messaging.SMS, messaging.Email} {
		if !asked || p.Q(string(ch)) != "" {
			s.Agreed = append(s.Agreed, ch)
		}
	}
	if v.Customer != "" {
		if err := c.asCustomer(tx, v, &s, asked); err != nil {
			return s, err
		}
	}
	m, ok := c.Markets.ByCode(s.Market)
	if !ok {
		if all := c.selling(); len(all) > 0 {
			m = all[0]
			s.Market = m.Code
		}
	}
	if v.Customer == "" {
		s.Reach(m)
	}
	if s.Lang == "" {
		s.Lang = m.Language()
	}
	zone := m.Location()
	var err error
	if s.Start, err = time.ParseInLocation("2006-01-02T15:04", p.Q("start"), zone); err != nil {
		y, mo, day := p.Now.In(zone).Date()
		s.Start = time.Date(y, mo, day, 11, 0, 0, 0, zone)
	}
	s.Start = s.Start.UTC()
	if !asked {
		s.Events = slices.Clone(examplesOf(d)[0].events)
		return s, nil
	}
	for i := range mostRows {
		n := strconv.Itoa(i)
		kind := p.Q("e" + n)
		if kind == "" {
			continue
		}
		after, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(cmp.Or(p.Q("a"+n), "0")), ",", ".", 1), 64)
		if err != nil || after < 0 || after > 1_000_000 {
			v.Wrong["after"+n] = p.T("console.wi_number")
			after = 0
		}
		s.Events = append(s.Events, happensAt(time.Duration(after*float64(unitOf[p.Q("u"+n)])), kind))
	}
	slices.SortStableFunc(s.Events, func(a, b journeys.StoryEvent) int { return cmp.Compare(a.After, b.After) })
	return s, nil
}

// unitOf are the units of the form; none is minutes.
var unitOf = map[string]time.Duration{"": time.Minute, "m": time.Minute, "h": time.Hour, "d": aDay}

// asCustomer tells the story of a customer as they are: where they live, how they are reached and what they agreed to.
func (c *console) asCustomer(tx *db.Tx, v *storyView, s *journeys.Story, asked bool) error {
	who, err := c.Customers.Get(tx, v.Customer)
	if err != nil {
		return err
	}
	v.Who = cmp.Or(who.Name(), who.Email, who.Phone)
	s.Name, s.Phone, s.Email, s.Region = who.GivenName, who.Phone, who.Email, who.Region
	ids, err := c.Customers.IDs(tx, who.ID)
	if err != nil {
		return err
	}
	paid, _, err := c.Orders.List(tx, order.Filter{Customers: ids}, order.Page{Limit: 50})
	if err != nil {
		return err
	}
	s.Orders = int64(len(paid))
	if m, ok := c.Markets.ByCode(who.Market); ok && m.Serves(who.Country) && (s.Market == "" || s.Market == who.Market) {
		s.Country = who.Country
	}
	if asked {
		return nil
	}
	s.Market, s.Lang, s.Agreed = who.Market, who.Lang, nil
	for _, reach := range []struct {
		by messaging.Channel
		ch customer.Channel
		to string
	}{{messaging.SMS, customer.SMS, who.Phone}, {messaging.Email, customer.Mail, who.Email}} {
		if reach.to == "" {
			continue
		}
		state, err := c.Customers.Allowed(tx, reach.to, reach.ch, customer.Promotional)
		if err != nil && !errors.Is(err, customer.ErrUnknown) {
			return err
		}
		if state.Granted || state.Pending {
			s.Agreed = append(s.Agreed, reach.by)
			s.Unconfirmed = s.Unconfirmed || state.Pending
		}
	}
	return nil
}

// badStory says at the fields what keeps a story from being told.
func (c *console) badStory(p *page, v *storyView, f *fault.Fault) {
	v.Text = p.Say(f.Code)
	for field, code := range f.Fields {
		v.Wrong[field] = p.say(code)
	}
	for i := range v.Events {
		for _, part := range []string{"event", "after", "rating"} {
			if why := v.Wrong["events."+strconv.Itoa(i)+"."+part]; why != "" {
				v.Events[i].Wrong = why
			}
		}
	}
}

// offerStory fills the form and the links to other stories.
func (c *console) offerStory(p *page, v *storyView, s journeys.Story, d *journeys.Definition) {
	m, _ := c.Markets.ByCode(s.Market)
	for _, one := range c.selling() {
		v.Markets = append(v.Markets, choice{string(one.Code), p.CountryName(string(one.Country())), one.Code == s.Market})
	}
	langs := slices.Clone(m.Languages)
	for _, l := range []string{"en", "de", "fr", "es", "id", "ms", "zh", "ar"} {
		if !slices.Contains(langs, l) {
			langs = append(langs, l)
		}
	}
	for _, l := range langs {
		v.Languages = append(v.Languages, choice{l, p.LanguageName(l), l == s.Lang})
	}
	v.SMS, v.Email = slices.Contains(s.Agreed, messaging.SMS), slices.Contains(s.Agreed, messaging.Email)
	v.Out, v.Pending, v.Start, v.Zone = s.HeldOut, s.Unconfirmed, s.Start.In(m.Location()).Format("2006-01-02T15:04"), p.CountryName(string(m.Country()))
	for i := range min(mostRows, max(leastRows, len(s.Events)+2)) {
		e := journeys.StoryEvent{}
		if i < len(s.Events) {
			e = s.Events[i]
		}
		v.Events = append(v.Events, p.storyRow(v, i, e))
	}
	now := storyQuery(p, s, s.Events)
	for _, x := range examplesOf(d) {
		told := s
		if told.HeldOut, told.Unconfirmed = x.out, false; x.none {
			told.Agreed = nil
		} else {
			told.Agreed = []messaging.Channel{messaging.SMS, messaging.Email}
		}
		q := storyQuery(p, told, x.events)
		v.Examples = append(v.Examples, exampleLink{p.T("console.wi_x_" + x.key), v.Base + "?" + q, q == now})
	}
}

func (p *page) storyRow(v *storyView, i int, e journeys.StoryEvent) storyEvent {
	row := storyEvent{I: i, Kinds: []choice{{"", "–", e.Event == ""}}, Wrong: v.Wrong["after"+strconv.Itoa(i)]}
	after, unit := inUnit(e.After)
	if e.Event != "" {
		row.After = strconv.FormatInt(after, 10)
	}
	for _, u := range []string{"m", "h", "d"} {
		row.Units = append(row.Units, choice{u, p.T("console.wi_unit_" + u), u == unit})
	}
	for _, kind := range journeys.StoryEvents() {
		if kind != "rated" {
			row.Kinds = append(row.Kinds, choice{kind, p.Happens(kind), kind == e.Event})
			continue
		}
		for n := int64(5); n >= 1; n-- {
			row.Kinds = append(row.Kinds, choice{"rated:" + strconv.FormatInt(n, 10), p.T("console.wi_rates", "n", n), e.Event == kind && e.Rating == n})
		}
	}
	return row
}

// inUnit writes a length of time in the largest unit that leaves nothing over.
func inUnit(d time.Duration) (n int64, unit string) {
	switch {
	case d >= aDay && d%aDay == 0:
		return int64(d / aDay), "d"
	case d >= time.Hour && d%time.Hour == 0:
		return int64(d / time.Hour), "h"
	}
	return int64(d / time.Minute), "m"
}

// storyQuery is the address of a story.
func storyQuery(p *page, s journeys.Story, events []journeys.StoryEvent) string {
	q := url.Values{"market": {string(s.Market)}, "lang": {s.Lang}}
	for _, name := range []string{"which", "all", "customer", "start"} {
		if value := p.Q(name); value != "" {
			q.Set(name, value)
		}
	}
	for _, ch := range s.Agreed {
		q.Set(string(ch), "1")
	}
	if s.HeldOut {
		q.Set("out", "1")
	}
	if s.Unconfirmed {
		q.Set("pending", "1")
	}
	for i, e := range events {
		n := strconv.Itoa(i)
		after, unit := inUnit(e.After)
		kind := e.Event
		if e.Rating > 0 {
			kind += ":" + strconv.FormatInt(e.Rating, 10)
		}
		q.Set("e"+n, kind)
		q.Set("a"+n, strconv.FormatInt(after, 10))
		q.Set("u"+n, unit)
	}
	return q.Encode()
}

// scene puts a scene into the picture, under its day. d is the journey that a step belongs to.
func (p *page) scene(v *storyView, s journeys.Scene, d *journeys.Definition, story journeys.Story) {
	local := s.Local()
	row := sceneRow{Scene: s, Clock: p.Time(local), Lang: story.Lang}
	if v.Together && s.Event == "" {
		row.Journey = p.JourneyName(s.Step.Journey)
	}
	switch {
	case s.Event == "rated":
		row.Kind, row.Words = "event", p.T("console.wi_rated", "n", s.Step.Detail)
	case s.Event != "":
		row.Kind, row.Words = "event", capital(p.happened(s.Event))
	case s.Message != nil:
		p.toldScene(v, &row, d)
	default:
		told := p.decided(s.Step, d, "", s.Zone)
		row.Words, row.Why, row.Kind = p.Word("step", s.Step.Outcome), told.Detail, kindOfScene[s.Step.Outcome]
		if s.Step.Outcome == journeys.NotSent {
			v.Unsent++
		}
		if s.Step.Outcome == journeys.Passed && s.Step.Reason == "came" {
			return // the event itself stands above
		}
	}
	date := local.Format(time.DateOnly)
	if n := len(v.Days); n == 0 || v.Days[n-1].Date != date {
		v.Days = append(v.Days, storyDay{Date: date, Title: p.Date(local, cldr.Weekday)})
	}
	day := &v.Days[len(v.Days)-1]
	day.Scenes = append(day.Scenes, row)
}

var kindOfScene = map[journeys.Outcome]string{journeys.NotSent: "unsent", journeys.Waits: "waits", journeys.Withheld: "withheld", journeys.Opened: "ticket", journeys.Passed: "went",
	journeys.Ended: "went", journeys.Sent: "went"}

// toldScene is a message as it would stand on the handset, and why it would.
func (p *page) toldScene(v *storyView, row *sceneRow, d *journeys.Definition) {
	m := row.Message
	if row.Kind = "mail"; m.Channel == messaging.SMS {
		row.Kind = "text"
		v.Texts++
	} else {
		v.Mails++
	}
	if cause := p.cause(d, row.Step.Node); cause != "" {
		row.Why = p.T("console.wi_sent_because", "cause", cause)
	}
	for _, tried := range m.Tried {
		row.Detail = join(row.Detail, p.T("console.wi_instead", "channel", p.Word("channel", tried.Channel), "reason", p.Word("reason", tried.Why)))
	}
}
