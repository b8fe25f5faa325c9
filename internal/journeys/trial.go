package journeys

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/support"
)

// ErrTrialSpan is the fault of a trial over no days or over more than MostTrialDays.
var ErrTrialSpan = fault.New(fault.Invalid, "journeys.trial_days").With(map[string]string{"days": "journeys.trial_days"})

// MostTrialDays is how far back a trial goes at most.
const MostTrialDays = 366

const (
	trialBatch   = 500                 // events of one unit of work
	ticketsSince = 60 * 24 * time.Hour // how long before the first day tickets are looked up
)

// topicOf says which topic an event of journeys is read from.
func topicOf(event string) string {
	switch event {
	case "order.placed":
		return order.PlacedEvent{}.Topic()
	case "order.paid":
		return order.PaidEvent{}.Topic()
	case "order.cancelled":
		return order.CancelledEvent{}.Topic()
	case "order.refunded":
		return order.RefundedEvent{}.Topic()
	case "order.delivered":
		return fulfilment.AllDeliveredEvent{}.Topic()
	case "checkout.left":
		return checkout.LeftEvent{}.Topic()
	case "checkout.recovered":
		return checkout.RecoveredEvent{}.Topic()
	case "parcel.delayed":
		return fulfilment.DelayEvent{}.Topic()
	case "replied":
		return messaging.ReceivedEvent{}.Topic()
	case "rated":
		return RatedEvent{}.Topic()
	case "person.stopped", "person.agreed":
		return customer.ConsentEvent{}.Topic()
	case "ticket.opened":
		return support.TicketOpenedEvent{}.Topic()
	case "ticket.solved":
		return support.TicketSolvedEvent{}.Topic()
	}
	if strings.HasPrefix(event, "parcel.") {
		return fulfilment.ParcelEvent{}.Topic()
	}
	return ""
}

// topics are what a trial of the definitions has to read, sorted.
func topics(all ...*Definition) []string {
	set := map[string]bool{}
	hear := func(event string) {
		if t := topicOf(event); t != "" {
			set[t] = true
		}
	}
	for _, d := range all {
		for _, e := range d.Trigger.Events {
			hear(e)
		}
		for _, e := range d.Exits {
			hear(e.On)
		}
		for i := range d.Nodes {
			hear(d.Nodes[i].Event)
		}
		text := string(d.JSON())
		if strings.Contains(text, "order.ticket_open") {
			hear("ticket.opened")
			hear("ticket.solved")
		}
		if d.About == AboutParcel || strings.Contains(text, "parcel.") {
			hear("parcel.moved")
			hear("parcel.delayed")
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// trial is a definition, and what is in force, played over the past.
type trial struct {
	s        *Service // with the packages below as of then
	meanings map[string]meaning
	parcels  pastParcels
	tickets  pastTickets
	casts    []*cast
	same     int64 // the version in force, if it says what is tried; then it isn't played
	people   map[string][]string
	base     money.Currency
}

// cast is one version's side of a trial.
type cast struct {
	stage
	version int64
	d       *Definition
	memory  *memory
	tally   *tally
}

// Trial runs the events of the last days through a definition and through the version in force, by the same engine and
// the same gate as of each moment, and says what would have happened. Nothing is written: no run, message, code or
// ticket. progress is told the share that is done, now and then; it may be nil. What stood in stock, and carts that
// were changed since, are as they are now; a limit of money knows only what the trial itself would have spent.
func (s *Service) Trial(ctx context.Context, d Definition, days int64, progress func(share float64)) (Report, error) {
	if days < 1 || days > MostTrialDays {
		return Report{}, ErrTrialSpan
	}
	until := s.db.Clock().Now().UTC()
	r := Report{Journey: d.Journey, From: until.AddDate(0, 0, -int(days)), Until: until, Days: days, Base: s.base()}
	t, err := s.newTrial(ctx, d, r)
	if err != nil {
		return r, err
	}
	var all []*Definition
	for _, c := range t.casts {
		all = append(all, c.d)
	}
	span := events.Span{Topics: topics(all...), From: r.From, Until: until}
	if err := t.opening(ctx, span); err != nil {
		return r, err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) { r.Events, err = s.bus.Count(tx, span); return err })
	if err != nil {
		return r, err
	}
	replay, done := s.bus.Replay(span), int64(0)
	for more := true; more; {
		err := s.db.Read(ctx, func(tx *db.Tx) error {
			entries, err := replay.Read(tx, trialBatch)
			if err != nil {
				return err
			}
			if more = len(entries) == trialBatch; more {
				return t.play(tx, entries, time.Time{})
			}
			return t.play(tx, entries, until)
		})
		if err != nil {
			return r, err
		}
		if done += trialBatch; progress != nil && more {
			progress(min(1, float64(done)/float64(max(1, r.Events))))
		}
	}
	for _, c := range t.casts {
		f := c.close()
		if c.version == 0 {
			r.Tried = f
		} else {
			r.Live = &f
		}
	}
	if t.same > 0 {
		f := r.Tried
		f.Version, r.Live = t.same, &f
	}
	return r, nil
}

// base is the currency of the merchant's books.
func (s *Service) base() money.Currency {
	if s.Base == nil {
		return "EUR"
	}
	return s.Base()
}

func (s *Service) newTrial(ctx context.Context, d Definition, r Report) (*trial, error) {
	most := cmp.Or(s.keep, mostKept)
	t := &trial{base: r.Base, people: map[string][]string{}, parcels: pastParcels{s.Parcels, &recent[fulfilment.ParcelID, fulfilment.ParcelState]{most: 2 * most}, map[fulfilment.ParcelID]sighting{}, map[string]string{}}, tickets: pastTickets{s.Tickets, map[string]int{}}}
	needs := s.Needs
	needs.Orders, needs.Carts = pastOrders{s.Orders, &recent[order.ID, order.Order]{most: most}}, pastCarts{s.Carts, &recent[string, checkout.Cart]{most: most}}
	if s.Parcels != nil {
		needs.Parcels = t.parcels
	}
	if s.Tickets != nil {
		needs.Tickets = t.tickets
	}
	t.s = &Service{Needs: needs, db: s.db, bus: s.bus, keep: s.keep}
	t.meanings = t.s.meanings()
	t.casts = []*cast{t.cast(liveJourney{0, &d, nil}, r.From)}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		all, err := s.Journeys(tx)
		if err != nil {
			return err
		}
		for _, j := range all {
			if j.Name != d.Journey || j.Version == 0 {
				continue
			}
			now, err := s.edition(tx, j.Name, j.Version)
			if err != nil {
				return err
			}
			same, err := s.saysNow(tx, now, &d)
			if err != nil {
				return err
			}
			if same {
				t.same = j.Version
				continue
			}
			t.casts = append(t.casts, t.cast(liveJourney{j.Version, now.d, now.words}, r.From))
		}
		return nil
	})
	return t, err
}

// saysNow reports whether an edition is the definition with the words of now, so that both would do the same.
func (s *Service) saysNow(tx *db.Tx, e edition, d *Definition) (bool, error) {
	if !bytes.Equal(e.d.JSON(), d.JSON()) {
		return false, nil
	}
	for _, template := range d.Templates() {
		pins, ok := e.words[template]
		if !ok || pins == nil {
			continue
		}
		uses, err := s.Messages.Uses(tx, []string{template}, pins)
		if err != nil || slices.ContainsFunc(uses, func(u messaging.TextUse) bool { return u.Sent != u.Newest }) {
			return false, err
		}
	}
	return true, nil
}

func (t *trial) cast(j liveJourney, from time.Time) *cast {
	d := j.d
	c := &cast{version: j.version, d: d, memory: newMemory(t.s, []liveJourney{j}, from),
		tally: &tally{base: t.base, convert: t.s.inBase, now: t.s.db.Clock().Now(), markets: map[market.Code]*MarketReport{}}}
	c.memory.people = t.people
	c.memory.took, c.memory.over = func(r *Run, p Step) { c.tally.took(d, r, p) }, c.tally.ended
	hands := &silent{gate: t.s.Messages.Rehearse(messaging.Script{Own: d.Templates()}), memory: c.memory,
		sent:   func(v *view, r messaging.Record) { c.tally.message(r, v.now, v.zone()) },
		opened: func(v *view, _ *Node) { c.tally.in(v.run.Market).Tickets++ },
		issued: func(v *view) { c.tally.in(v.run.Market).Codes++ },
	}
	c.stage = stage{s: t.s, hands: hands, books: c.memory}
	return c
}

// Templates are those of a definition's messages.
func (d *Definition) Templates() (all []string) {
	for i := range d.Nodes {
		if t := d.Nodes[i].Template; t != "" && !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}

// opening learns which tickets were open when the first day began.
func (t *trial) opening(ctx context.Context, span events.Span) error {
	before := events.Span{From: span.From.Add(-ticketsSince), Until: span.From}
	for _, e := range []string{"ticket.opened", "ticket.solved"} {
		if topic := topicOf(e); slices.Contains(span.Topics, topic) {
			before.Topics = append(before.Topics, topic)
		}
	}
	replay := t.s.bus.Replay(before)
	for more := true; more; {
		err := t.s.db.Read(ctx, func(tx *db.Tx) error {
			entries, err := replay.Read(tx, trialBatch)
			more = len(entries) == trialBatch
			for _, e := range entries {
				h, err := t.meanings[e.Topic](tx, e)
				if err != nil {
					return err
				}
				t.tickets.heard(h)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// play lets a batch of events happen, and then what is due until a moment.
func (t *trial) play(tx *db.Tx, entries []events.Entry, until time.Time) error {
	for _, c := range t.casts {
		c.tx, c.memory.tx = tx, tx
	}
	scenes, err := t.read(tx, entries)
	if err != nil {
		return err
	}
	for _, h := range scenes {
		for _, c := range t.casts {
			if err := c.reach(h.noted); err != nil {
				return err
			}
		}
		t.note(h)
		t.tickets.heard(h.Happening)
		for _, c := range t.casts {
			c.now = h.noted
			if err := c.happened(h.Happening); err != nil {
				return err
			}
		}
	}
	if until.IsZero() {
		return nil
	}
	for _, c := range t.casts {
		if err := c.reach(until); err != nil {
			return err
		}
	}
	return nil
}

// past is an entry of the journal as it is played.
type past struct {
	Happening
	noted time.Time
	moved *fulfilment.ParcelEvent
	late  *fulfilment.DelayEvent
}

// read says what entries mean, and looks up at once who the people in them are. Those that mean nothing are left out.
func (t *trial) read(tx *db.Tx, entries []events.Entry) (all []past, err error) {
	who := make([]string, 0, len(entries))
	for _, e := range entries {
		p, err := t.meant(tx, e)
		if gone(err) || err == nil && p.Event == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		p.noted = e.At
		all, who = append(all, p), append(who, p.Customer)
	}
	return all, t.casts[0].memory.meet(who)
}

func (t *trial) meant(tx *db.Tx, e events.Entry) (p past, err error) {
	switch e.Topic {
	case fulfilment.ParcelEvent{}.Topic():
		moved, err := events.Decode[fulfilment.ParcelEvent](e)
		if err != nil {
			return p, err
		}
		p.moved = &moved
		p.Happening, err = t.s.moved(tx, moved)
		return p, err
	case fulfilment.DelayEvent{}.Topic():
		late, err := events.Decode[fulfilment.DelayEvent](e)
		if err != nil {
			return p, err
		}
		p.late = &late
		p.Happening, err = t.s.delayed(tx, late)
		return p, err
	}
	p.Happening, err = t.meanings[e.Topic](tx, e)
	return p, err
}

// note keeps what an event says of a parcel.
func (t *trial) note(p past) {
	switch {
	case t.s.Parcels == nil:
	case p.moved != nil:
		t.parcels.note(p.moved.ParcelFacts, p.moved.WindowStart, p.moved.WindowEnd)
	case p.late != nil:
		at := t.parcels.seen[p.late.Parcel]
		t.parcels.note(p.late.ParcelFacts, at.opens, at.shuts)
	}
}

// reach lets everything happen that is due until a moment.
func (c *cast) reach(at time.Time) error {
	for {
		r := c.memory.next(at)
		if r == nil {
			return nil
		}
		c.now = r.Due
		if err := c.resume(r); err != nil {
			return err
		}
	}
}

func (c *cast) close() Forecast {
	for _, r := range c.memory.underWay() {
		c.tally.ended(r)
	}
	return c.tally.forecast(c.version)
}
