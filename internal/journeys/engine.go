package journeys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/messaging"
)

// Happened tells the engine what happened, as part of tx: runs that wait for it go on, runs that it ends are over, and
// journeys that it triggers begin.
func (s *Service) Happened(tx *db.Tx, h Happening) error { return s.stage(tx).happened(h) }

// stage is where runs go on: at a moment, with hands, over books. The real one is the database as it is; simulations
// have a clock, hands and books of their own.
type stage struct {
	s     *Service
	tx    *db.Tx
	now   time.Time
	hands hands
	books books
	only  []string // journeys that are told; nil: all
}

// tells reports whether a journey is told of what happens.
func (g stage) tells(journey string) bool { return g.only == nil || slices.Contains(g.only, journey) }

// stage is the real one.
func (s *Service) stage(tx *db.Tx) stage {
	return stage{s: s, tx: tx, now: tx.Now(), hands: live{s}, books: stored{s: s, tx: tx, people: map[string][]string{}}}
}

// view is what a run looks at now.
func (g stage) view(r *Run) *view { return &view{s: g.s, tx: g.tx, now: g.now, run: r, books: g.books} }

func (g stage) happened(h Happening) error {
	h.At = h.at(g.now)
	var err error
	if h.person, err = g.books.person(h.Customer); err != nil {
		return err
	}
	concerned, err := g.books.concerned(h)
	if err != nil {
		return err
	}
	for _, r := range concerned {
		if !g.tells(r.Journey) {
			continue
		}
		if err := g.tell(r, h); err != nil {
			return err
		}
	}
	for _, j := range g.books.live() {
		if g.tells(j.d.Journey) && slices.Contains(j.d.Trigger.Events, h.Event) {
			if err := g.enter(j, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell lets a run that isn't over know what happened.
func (g stage) tell(r *Run, h Happening) error {
	d, err := g.books.definition(r.Journey, r.Version)
	if err != nil {
		return err
	}
	if !r.shares(d, h) {
		return nil
	}
	v := g.view(r)
	n, _ := d.node(r.Node)
	for _, e := range d.Exits {
		if e.On != h.Event || h.At.Before(r.At) {
			continue
		}
		if e.When != "" {
			asked := *v
			as := *r
			as.Event, asked.run = h, &as
			yes, err := asked.holds(e.When)
			if err != nil && !errors.Is(err, ErrBadRule) {
				return err
			}
			if err != nil || !yes {
				continue
			}
		}
		if n != nil {
			v.note(n, NotSent, e.Reason, "")
		}
		v.end(Exited, e.Reason)
		return g.books.save(r)
	}
	if n == nil || n.Do != DoWaitFor || n.Event != h.Event || !h.speaksOf(r, d.About) {
		return nil
	}
	before := r.Event
	r.Event = h
	yes, err := v.holds(n.When)
	if err != nil && !errors.Is(err, ErrBadRule) {
		return err
	}
	if err != nil || !yes {
		r.Event = before
		return nil
	}
	v.note(n, Passed, "came", h.Event)
	r.Node = n.Next
	if err := v.advance(d, g.hands, true); err != nil {
		return err
	}
	return g.books.save(r)
}

// shares reports whether what happened concerns the run: the closest kind of subject that the event speaks of decides,
// so that another order of the same person doesn't end what is about this one.
func (r *Run) shares(d *Definition, h Happening) bool {
	for _, about := range []Subject{d.About, AboutParcel, AboutOrder, AboutCart, AboutPerson} {
		if r.subject(about) != "" && h.subject(about) != "" {
			return h.speaksOf(r, about)
		}
	}
	return false
}

func (r *Run) subject(s Subject) string {
	return Happening{Order: r.Order, Cart: r.Cart, Parcel: r.Parcel, Customer: r.Customer}.subject(s)
}

// key tells the runs of a journey apart.
func (h Happening) key(about Subject) string {
	key := h.subject(about)
	if about == AboutParcel && key != "" {
		key += ":" + h.Event
		if h.Sub != "" {
			key += ":" + h.Sub
		}
	}
	return key
}

// enter begins a run of j, if nothing speaks against it. A subject has one run: again only if the one before ended
// without a word; one that has said nothing yet begins anew with a later fact of the same kind.
func (g stage) enter(j liveJourney, h Happening) error {
	key := h.key(j.d.About)
	if key == "" {
		return nil
	}
	old, err := g.before(j, h, key)
	if err != nil {
		return err
	}
	r := &Run{ID: id.New("run"), Journey: j.d.Journey, Version: j.version, Key: key, Priority: j.d.Priority, Customer: h.Customer, Market: h.Market, Lang: h.Lang,
		Order: h.Order, Cart: h.Cart, Parcel: h.Parcel, Phone: h.Phone, Email: h.Email, Node: j.d.Nodes[0].ID, State: Waiting, At: h.At, Started: g.now, Event: h,
		Visits: map[string]int64{}, Vars: map[string]string{}, fresh: true}
	v := g.view(r)
	if old != nil {
		if !h.At.After(old.At) {
			return nil
		}
		if old.Sent > 0 {
			return g.books.say(Step{Journey: r.Journey, Version: r.Version, Key: key, Customer: h.Customer, Market: h.Market, Outcome: NotSent, Reason: "once_per_" + string(j.d.About)})
		}
		if !old.State.Over() {
			return g.again(old, h)
		}
	}
	yes, err := v.holds(j.d.Trigger.When)
	if err != nil && !errors.Is(err, ErrBadRule) {
		return err
	}
	if err != nil || !yes {
		return nil
	}
	if pause := j.d.Trigger.Again.D(); pause > 0 && h.Customer != "" {
		before, err := g.books.enteredSince(j.d.Journey, h.Customer, g.now.Add(-pause))
		if err != nil || before {
			return err
		}
	}
	if err := v.advance(j.d, g.hands, true); err != nil {
		return err
	}
	return g.books.save(r)
}

// before is the subject's last run of a journey; that of a person may be kept under another of their profiles.
func (g stage) before(j liveJourney, h Happening, key string) (last *Run, err error) {
	keys := []string{key}
	if j.d.About == AboutPerson {
		keys = h.person
	}
	for _, key := range keys {
		r, err := g.books.latest(j.d.Journey, key)
		if err != nil {
			return nil, err
		}
		if r != nil && (last == nil || r.Started.After(last.Started)) {
			last = r
		}
	}
	return last, nil
}

// again begins a run anew that has said nothing yet.
func (g stage) again(r *Run, h Happening) error {
	d, err := g.books.definition(r.Journey, r.Version)
	if n, ok := d.node(r.Node); err != nil || ok && n.Do == DoWaitFor {
		return err
	}
	r.Node, r.At, r.Event, r.Market, r.Lang, r.Phone, r.Email = d.Nodes[0].ID, h.At, h, h.Market, h.Lang, h.Phone, h.Email
	v := g.view(r)
	if err := v.advance(d, g.hands, true); err != nil {
		return err
	}
	return g.books.save(r)
}

// resume takes a run on whose time has come.
func (g stage) resume(r *Run) error {
	d, err := g.books.definition(r.Journey, r.Version)
	if err != nil {
		return err
	}
	v := g.view(r)
	if n, ok := d.node(r.Node); ok && n.Do != DoWaitFor {
		over, err := v.exits(d, n)
		if err != nil {
			return err
		}
		if over {
			return g.books.save(r)
		}
	}
	if err := v.advance(d, g.hands, false); err != nil {
		return err
	}
	return g.books.save(r)
}

// guard is asked by the gate just before a message leaves that needs consent.
func (s *Service) guard(tx *db.Tx, m messaging.Record) (string, error) {
	r, err := s.runOfMessage(tx, m)
	if err != nil || r == nil {
		return "", err
	}
	if r.State == Exited {
		return r.Reason, nil
	}
	d, err := s.definition(tx, r.Journey, r.Version)
	if err != nil {
		return "", err
	}
	asked := *r
	v := s.stage(tx).view(&asked)
	return v.unwanted(d)
}

// onEnded takes back what a message promised that reached nobody.
func (s *Service) onEnded(tx *db.Tx, e messaging.EndedEvent) error {
	step, err := stepOf(tx, e.Message)
	if err != nil || step.ID == "" || e.State == messaging.Unknown {
		return err
	}
	if step.Code != "" {
		if err := s.Codes.Void(tx, step.Code); err != nil {
			return err
		}
	}
	r, err := s.take(tx, step.Run)
	if err != nil || r == nil {
		return err
	}
	if e.Next == "" {
		r.Sent = max(0, r.Sent-1)
	}
	d, err := s.definition(tx, r.Journey, r.Version)
	if err != nil {
		return err
	}
	if n, ok := d.node(step.Node); ok {
		v := s.stage(tx).view(r)
		said := v.note(n, NotSent, e.Reason, string(e.State))
		said.Message, said.Code = step.Message, step.Code
		if e.Next != "" {
			instead, err := s.Messages.Get(tx, e.Next)
			if err != nil {
				return err
			}
			v.note(n, outcome(instead), instead.Gate.Why, string(instead.Channel)).Message = e.Next
		}
	}
	return s.save(tx, r)
}

// The clock of the engine.

const (
	dueBatch   = 256             // runs of one unit of work
	dueSweep   = time.Second     // how often the database is asked at least, in the world's time
	dueAgain   = 2 * time.Minute // before a run is tried again whose step failed
	dueAtOnce  = 4               // batches before others get their turn
	mostFaults = 10
)

// timer takes runs on whose time has come. It implements jobs.Companion.
type timer struct {
	s    *Service
	wake chan struct{}
}

func (t *timer) call() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Run implements jobs.Companion.
func (t *timer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := t.s.db.Clock().Changed()
		did, err := t.Work(ctx)
		if err != nil && ctx.Err() == nil {
			slog.Error("journeys that are due can't go on", "err", err)
		}
		if did && err == nil {
			continue
		}
		pause := dueSweep
		if next := t.next(ctx); !next.IsZero() {
			pause = min(pause, max(time.Millisecond, t.s.db.Clock().Until(next)))
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-t.wake:
		case <-time.After(pause):
		}
	}
}

// next is when the next run is due; zero for none.
func (t *timer) next(ctx context.Context) (at time.Time) {
	t.s.db.Peek(ctx, func(tx *db.Tx) error {
		var err error
		at, err = db.One(tx, func(r db.Row) (at time.Time, err error) { return at, r.Scan(db.Moment(&at)) }, `select min(due_at) from journey_runs where due_at is not null`)
		return err
	})
	return at.UTC()
}

// Work implements jobs.Companion.
func (t *timer) Work(ctx context.Context) (did bool, err error) {
	for range dueAtOnce {
		var due []string
		if err := t.s.db.Peek(ctx, func(tx *db.Tx) (err error) { due, err = dueRuns(tx, dueBatch); return err }); err != nil || len(due) == 0 {
			return did, err
		}
		did = true
		if t.s.db.Write(ctx, func(tx *db.Tx) error { return t.s.resumeAll(tx, due) }) == nil {
			continue
		}
		for _, one := range due { // one of them fails: the others shall not wait for it
			err := t.s.db.Write(ctx, func(tx *db.Tx) error { return t.s.resumeAll(tx, []string{one}) })
			if err == nil {
				continue
			}
			slog.Error("a journey's step failed", "run", one, "err", err)
			if err := t.s.db.Write(ctx, func(tx *db.Tx) error { return t.s.failed(tx, one, err) }); err != nil {
				return did, err
			}
		}
	}
	return did, nil
}

// Quiet implements jobs.Companion.
func (t *timer) Quiet(tx *db.Tx) (bool, error) {
	due, err := dueRuns(tx, 1)
	return len(due) == 0, err
}

func (s *Service) resumeAll(tx *db.Tx, ids []string) error {
	runs, err := s.takeAll(tx, ids)
	if err != nil {
		return err
	}
	books := stored{s, tx, map[string][]string{}, &pile{people: map[string]bool{}}}
	if err := books.meet(runs); err != nil {
		return err
	}
	g := s.stage(tx)
	g.books = books
	for _, id := range ids {
		r := runs[id]
		if r == nil || r.State.Over() || r.Due.IsZero() || r.Due.After(tx.Now()) {
			continue
		}
		if err := books.before(r); err != nil {
			return err
		}
		if err := g.resume(r); err != nil {
			return fmt.Errorf("run %s of %s at %s: %w", r.ID, r.Journey, r.Node, err)
		}
	}
	return books.put()
}

// failed puts off a run whose step failed; after many tries it waits for a person.
func (s *Service) failed(tx *db.Tx, id string, cause error) error {
	r, err := s.take(tx, id)
	if err != nil || r == nil || r.State.Over() {
		return err
	}
	r.Faults++
	v := s.stage(tx).view(r)
	r.Due = tx.Now().Add(dueAgain * time.Duration(r.Faults))
	if r.Faults >= mostFaults {
		v.note(&Node{ID: r.Node}, NotSent, "step_failed", cause.Error())
		v.end(Broken, "step_failed")
	}
	return s.save(tx, r)
}

func when(subject string) jobs.When { return jobs.When{Subject: subject} }

// recoverJob waited for a cart in versions before there were runs; what still waits becomes a run.
type recoverJob struct {
	Cart   string    `json:"cart"`
	LeftAt time.Time `json:"left_at"`
}

// Job implements jobs.Args.
func (recoverJob) Job() string { return "journeys.recover" }

func (s *Service) recover(tx *db.Tx, a recoverJob) error {
	c, err := s.Carts.ByID(tx, a.Cart)
	if err != nil {
		if gone(err) {
			return nil
		}
		return err
	}
	return s.Happened(tx, Happening{Event: "checkout.left", At: a.LeftAt, Customer: c.Customer, Market: c.Market, Lang: c.Lang, Cart: c.ID,
		Phone: c.Contact.Phone, Email: c.Contact.Email})
}
