package journeys

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// ErrBadStory is the fault of a story that can't be told; Fields say why.
var ErrBadStory = fault.New(fault.Invalid, "journeys.bad_story")

// Story is one invented buyer with what happens to them, told on a clock of its own: for scripts that travel in time,
// and for asking what a journey would do.
type Story struct {
	Definitions []Definition              // that are open; none: those in force
	Texts       map[string]messaging.Pins // by journey, versions of texts that were taken in; who isn't named sends the newest
	Market      market.Code
	Country     market.Country // empty: the market's first
	Region      string
	Lang        string // empty: the market's first
	Name        string
	Phone       string // empty: none
	Email       string
	Orders      int64 // paid before, to somebody who isn't new
	Agreed      []messaging.Channel
	Unconfirmed bool // agreed, but did not take the second step
	HeldOut     bool // the lot fell on the control group wherever a share is held out
	Start       time.Time
	Days        int64 // 0: 30
	Events      []StoryEvent
}

// Reach gives an invented buyer of a market a telephone and an address, where they have neither.
func (s *Story) Reach(m market.Market) {
	if s.Phone == "" && s.Email == "" {
		s.Phone, s.Email = address.Example(string(cmp.Or(s.Country, m.Country()))), "sample@example.org"
	}
}

// StoryEvent is something that happens to the buyer, so long after the start. Event is one of StoryEvents.
type StoryEvent struct {
	After  time.Duration
	Event  string
	Rating int64  // rated
	Text   string // replied
	Reason string
	Times  int64 // parcel.delayed: how often it was said; 0 is 1
}

// StoryEvents lists what may happen in a story, in the order in which it usually does.
func StoryEvents() []string {
	return []string{"checkout.left", "checkout.back", "order.placed", "order.paid", "order.cancelled", "order.refunded", "parcel.shipped", "parcel.customs", "parcel.customs_held",
		"parcel.customs_action", "parcel.customs_cleared", "parcel.delayed", "parcel.out_for_delivery", "parcel.attempt_failed", "parcel.available_for_pickup", "parcel.delivered",
		"parcel.exception", "parcel.returning", "parcel.returned", "order.delivered", "rated", "replied", "person.stopped", "person.agreed", "ticket.opened", "ticket.solved"}
}

// Scene is one thing that a story tells: what happened, or a step of a run.
type Scene struct {
	At      time.Time
	Zone    *time.Location // of the buyer
	Event   string         // what happened to the buyer; empty: a step
	Step    Step
	Message *messaging.Record // what was sent, with its words, sender, parts and cost
}

// Local is the buyer's clock.
func (s Scene) Local() time.Time { return s.At.In(s.Zone) }

const mostStoryDays = 400

// Tell plays a story by the same engine and gate as real runs. Nothing is written.
func (s *Service) Tell(ctx context.Context, story Story) (scenes []Scene, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		scenes, err = s.tell(tx, story)
		return err
	})
	return scenes, err
}

func (s *Service) tell(tx *db.Tx, story Story) ([]Scene, error) {
	shop, err := s.checkStory(&story)
	if err != nil {
		return nil, err
	}
	var open []liveJourney
	if len(story.Definitions) == 0 {
		for _, j := range s.live() {
			story.Definitions = append(story.Definitions, *j.d)
			open = append(open, liveJourney{1, j.d, j.words})
		}
	} else {
		for i := range story.Definitions {
			d, w := &story.Definitions[i], words(nil)
			if pins, ok := story.Texts[d.Journey]; ok {
				w = d.words(pins)
			}
			open = append(open, liveJourney{1, d, w})
		}
	}
	slices.SortStableFunc(open, func(a, b liveJourney) int { return int(b.d.Priority - a.d.Priority) })
	w := s.imagine(&story, shop)
	needs := s.Needs
	needs.Orders, needs.Carts, needs.Customers, needs.Stock = w, imaginedCarts{w}, imaginedPeople{w}, w
	needs.Parcels, needs.Tickets = imaginedParcels{w}, imaginedTickets{w}
	quiet := &Service{Needs: needs, db: s.db, bus: s.bus}
	t := &telling{story: story, world: w, memory: newMemory(quiet, open, time.Time{}), sent: map[string]*messaging.Record{}}
	t.memory.tx = tx
	t.memory.took = t.took
	gate := s.Messages.Rehearse(messaging.Script{Invented: true, Consent: t.consent, Silent: t.silent})
	hands := &silent{gate: gate, memory: t.memory, sent: func(_ *view, r messaging.Record) { t.sent[r.ID] = &r }, opened: func(*view, *Node) { w.tickets++ }}
	t.stage = stage{s: quiet, tx: tx, hands: hands, books: t.memory}
	err = t.play()
	return t.scenes, err
}

func (s *Service) checkStory(story *Story) (market.Market, error) {
	var check fault.Check
	shop, ok := s.Markets.ByCode(story.Market)
	check.That(ok, "market", "unknown")
	if story.Days == 0 {
		story.Days = 30
	}
	check.That(story.Days >= 1 && story.Days <= mostStoryDays, "days", "journeys.story_days")
	check.That(!story.Start.IsZero(), "start", "required")
	check.That(len(story.Events) <= 100, "events", "too_long")
	for i, e := range story.Events {
		check.That(slices.Contains(StoryEvents(), e.Event), fmt.Sprintf("events.%d.event", i), "unknown")
		check.That(e.After >= 0 && e.After <= time.Duration(story.Days)*24*time.Hour, fmt.Sprintf("events.%d.after", i), "journeys.story_after")
		check.That(e.Event != "rated" || e.Rating >= 1 && e.Rating <= 5, fmt.Sprintf("events.%d.rating", i), "journeys.story_rating")
	}
	if err := check.Err(ErrBadStory.Code); err != nil {
		return shop, err
	}
	if story.Country == "" || !shop.Serves(story.Country) {
		story.Country = shop.Country()
	}
	story.Lang = cmp.Or(story.Lang, shop.Language())
	slices.SortStableFunc(story.Events, func(a, b StoryEvent) int { return cmp.Compare(a.After, b.After) })
	return shop, nil
}

// telling is a story while it is told.
type telling struct {
	stage
	story   Story
	world   *imagined
	memory  *memory
	scenes  []Scene
	sent    map[string]*messaging.Record
	stopped time.Time
	agreed  time.Time
}

func (t *telling) play() error {
	end := t.story.Start.AddDate(0, 0, int(t.story.Days))
	for _, e := range t.story.Events {
		at := t.story.Start.Add(e.After)
		if err := t.reach(at); err != nil {
			return err
		}
		t.now, t.world.now = at, at
		if err := t.happen(e); err != nil {
			return err
		}
	}
	return t.reach(end)
}

func (t *telling) reach(at time.Time) error {
	for {
		r := t.memory.next(at)
		if r == nil {
			return nil
		}
		t.now, t.world.now = r.Due, r.Due
		if err := t.resume(r); err != nil {
			return err
		}
	}
}

func (t *telling) happen(e StoryEvent) error {
	h := t.world.happen(e, t.now)
	switch e.Event {
	case "person.stopped":
		t.stopped = t.now
	case "person.agreed":
		t.agreed, t.stopped = t.now, time.Time{}
		if len(t.story.Agreed) == 0 {
			t.story.Agreed = []messaging.Channel{messaging.SMS, messaging.Email}
		}
	}
	t.scenes = append(t.scenes, Scene{At: t.now, Zone: t.world.zone(), Event: e.Event, Step: Step{Reason: e.Reason, Detail: strings.TrimSpace(e.Text + " " + stars(e.Rating))}})
	if h.Event == "" {
		return nil
	}
	return t.happened(h)
}

func stars(n int64) string {
	if n == 0 {
		return ""
	}
	return itoa(n)
}

func itoa(n int64) string { return fmt.Sprint(n) }

func (t *telling) took(_ *Run, p Step) {
	scene := Scene{At: p.At, Zone: t.world.zone(), Step: p}
	if p.Outcome == Sent && p.Message != "" {
		scene.Message = t.sent[p.Message]
	}
	t.scenes = append(t.scenes, scene)
}

// consent is what the invented buyer had agreed to.
func (t *telling) consent(_ string, ch customer.Channel, cl customer.Class, at time.Time) (s customer.State) {
	if cl != customer.Promotional {
		return s
	}
	switch {
	case !t.stopped.IsZero() && !t.stopped.After(at):
		return customer.State{Revoked: true, Since: t.stopped}
	case slices.Contains(t.story.Agreed, messaging.Channel(ch)):
		sure := !t.story.Unconfirmed || !t.agreed.IsZero()
		return customer.State{Granted: true, Confirmed: sure, Pending: !sure, Since: t.story.Start.AddDate(0, -1, 0), Wording: "sample"}
	}
	return s
}

func (t *telling) silent(_ string, at time.Time) string {
	if !t.stopped.IsZero() && !t.stopped.After(at) {
		return customer.ReasonStop
	}
	return ""
}
