package messaging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
)

const (
	laneBatch   = 128                  // messages of one unit of work
	laneRoom    = 20_000               // messages kept in memory; the rest waits in the database
	laneInHand  = 2_000                // messages being handed over at once
	laneAhead   = 256                  // of which so many at most may have been noted when they were accepted
	laneLease   = time.Minute          // for how long a message in hand is nobody else's
	laneGrace   = 10 * time.Second     // how long a message waits for the process that queued it
	laneTimeout = 25 * time.Second     // how long a provider may take to answer
	laneGather  = 2 * time.Millisecond // how long answers wait for others, to be noted together
	laneSweep   = time.Second          // how often the database is asked for what waits there, in the world's time
	foldEvery   = 5                    // sweeps
	routeRoom   = 64                   // messages on one route at once, unless its carrier says otherwise
	mostTries   = 24                   // attempts before a message that every route asks to come later is given up
)

// Roomy is a carrier that says how many messages it takes at once.
type Roomy interface{ Room() int }

// lane brings queued messages to their providers, many in one unit of work: it notes the attempts, hands them over side
// by side, and notes the answers. What it holds in memory is in the database too; a message whose process ended is
// taken up by the next one, or by another node once its lease has run out.
type lane struct {
	s *Service

	mu      sync.Mutex
	queues  [2][]*waiting // what must be quick, and the rest
	held    map[string]bool
	wake    chan struct{}
	answers chan *waiting
	rooms   map[string]chan struct{} // by route
	inHand  chan struct{}
	holds   time.Duration // gateHolds, except in tests
	swept   bool
	running context.Context // while Run runs
	sending sync.WaitGroup  // handing over
}

// waiting is a message that is to be handed over.
type waiting struct {
	r     Record
	fresh bool            // as it was queued by this process: nothing was tried yet
	left  bool            // a process that is gone may have had it in hand
	spent map[string]bool // routes that refused it just now
	later bool            // one of them asked to come later
	after time.Duration   // how much later

	over  bool // it doesn't wait any more
	st    *step
	wire  time.Time // just before it was handed over
	taken Taken
	err   error
}

func newLane(s *Service) *lane {
	return &lane{s: s, held: map[string]bool{}, wake: make(chan struct{}, 1), answers: make(chan *waiting, laneInHand), rooms: map[string]chan struct{}{},
		inHand: make(chan struct{}, laneInHand), holds: gateHolds}
}

// push takes a message in that was queued and committed, unless memory is full.
func (l *lane) push(w *waiting) {
	l.mu.Lock()
	if len(l.held) < laneRoom && !l.held[w.r.ID] {
		l.held[w.r.ID] = true
		l.line(w)
	}
	l.mu.Unlock()
	l.call()
}

// line puts a message that is held into its queue.
func (l *lane) line(w *waiting) {
	i := 0
	if w.r.Class.asks() {
		i = 1
	}
	l.queues[i] = append(l.queues[i], w)
}

func (l *lane) call() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// back puts a message that stays held into its queue again.
func (l *lane) back(w *waiting) {
	l.mu.Lock()
	l.line(w)
	l.mu.Unlock()
	l.call()
}

func (l *lane) forget(id string) {
	l.mu.Lock()
	delete(l.held, id)
	l.mu.Unlock()
}

// take gives out up to n waiting messages, urgent ones first.
func (l *lane) take(n int) (batch []*waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.queues {
		k := min(n-len(batch), len(l.queues[i]))
		batch = append(batch, l.queues[i][:k]...)
		if l.queues[i] = l.queues[i][k:]; len(l.queues[i]) == 0 {
			l.queues[i] = nil
		}
	}
	return batch
}

func (l *lane) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held) == 0
}

// Run implements jobs.Companion.
func (l *lane) Run(ctx context.Context) {
	var beside sync.WaitGroup
	over := make(chan struct{})
	l.mu.Lock()
	l.running = ctx
	l.mu.Unlock()
	beside.Go(func() { l.noteAnswers(ctx, over) })
	beside.Go(func() { l.sweeps(ctx) })
	for ctx.Err() == nil {
		batch := l.take(min(laneBatch, cap(l.inHand)-len(l.inHand)))
		if len(batch) > 0 {
			l.handOver(ctx, batch)
			continue
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		}
	}
	l.mu.Lock()
	l.running = nil
	l.mu.Unlock()
	l.sending.Wait()
	close(over)
	beside.Wait()
	l.mu.Lock()
	l.queues, l.held, l.swept = [2][]*waiting{}, map[string]bool{}, false
	l.mu.Unlock()
}

// sweeps looks into the database again and again.
func (l *lane) sweeps(ctx context.Context) {
	n := 0
	for ctx.Err() == nil {
		changed := l.s.db.Clock().Changed()
		if err := l.sweep(ctx); err != nil && ctx.Err() == nil {
			slog.Error("can't look for messages that wait", "err", err)
		}
		if n++; n%foldEvery == 0 {
			if err := l.s.Fold(ctx); err != nil && ctx.Err() == nil {
				slog.Error("can't add up what became of messages", "err", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(laneSweep):
		}
	}
}

// handOver notes the attempts of a batch and lets each go. What can't be noted waits for the sweep.
func (l *lane) handOver(ctx context.Context, batch []*waiting) {
	for _, w := range batch {
		w.st = nil
	}
	quick := slices.DeleteFunc(slices.Clone(batch), func(w *waiting) bool { return !l.s.quick(w) })
	if len(quick) > 0 {
		err := l.s.noteAll(ctx, quick)
		if err != nil && ctx.Err() == nil {
			slog.Error("can't note attempts", "messages", len(quick), "err", err)
		}
		if err != nil { // what isn't on record isn't done
			for _, w := range quick {
				w.st, w.over = nil, false
			}
		}
	}
	for _, w := range batch {
		if w.st == nil && !w.over {
			err := l.s.db.Write(ctx, func(tx *db.Tx) (err error) {
				w.st, err = l.s.note(tx, w)
				return err
			})
			if err != nil && ctx.Err() == nil {
				slog.Error("can't note an attempt", "message", w.r.ID, "err", err)
			}
			if err != nil {
				w.st = nil
			}
		}
		if w.st == nil {
			l.forget(w.r.ID)
			continue
		}
		l.inHand <- struct{}{}
		l.sending.Add(1)
		l.start(ctx, w)
	}
}

// start lets a message go whose attempt is noted; who calls it has counted it as in hand and sending.
func (l *lane) start(ctx context.Context, w *waiting) {
	room := l.room(w.st.route)
	var old <-chan time.Time
	if w.r.Class.asks() {
		old = time.After(l.holds)
	}
	go func() {
		defer l.sending.Done()
		if l.enter(ctx, room, old, w) {
			w.wire = l.s.db.Clock().Now()
			w.taken, w.err = send(ctx, w.st)
			l.s.health.answered(w.st.route.Name, w.err, l.s.db.Clock().Now())
			<-room
		}
		l.answers <- w
	}()
}

// gateHolds is how long the gate's yes to an offer holds, in the world's time: one that waited longer for room on its route
// is asked about again, for the night may have begun and the person may have said STOP.
const gateHolds = 2 * time.Second

// enter waits for room on a route. An offer whose yes is old by then, and that the gate doesn't want any more, goes back, as
// if the route had asked to come later.
func (l *lane) enter(ctx context.Context, room chan struct{}, old <-chan time.Time, w *waiting) bool {
	room <- struct{}{}
	select {
	case <-old:
	default:
		return true
	}
	if l.s.stands(ctx, w.r) {
		return true
	}
	<-room
	w.taken, w.err = Taken{}, &Refusal{Trouble: Again, Code: "waited", Err: errWaited}
	return false
}

var errWaited = errors.New("messaging: the gate's answer is too old, and no longer yes")

// stands reports whether the gate would still let a message go as it is.
func (s *Service) stands(ctx context.Context, r Record) bool {
	err := s.db.Read(ctx, func(tx *db.Tx) error { _, err := s.weigh(tx, &r); return err })
	return err == nil && r.Gate.Verdict == Go
}

// reserve counts up to n messages as in hand before they are kept, as many as can go at once.
// Each is then started or given back.
func (l *lane) reserve(n int) (context.Context, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running == nil {
		return nil, 0
	}
	n = max(0, min(n, laneAhead-len(l.inHand)))
	for range n {
		l.inHand <- struct{}{}
	}
	l.sending.Add(n)
	return l.running, n
}

func (l *lane) giveBack(n int) {
	for range n {
		<-l.inHand
		l.sending.Done()
	}
	l.call() // who found every place taken waits for one
}

// depart lets a message go that was reserved for and kept with its attempt.
func (l *lane) depart(ctx context.Context, w *waiting) {
	l.mu.Lock()
	l.held[w.r.ID] = true
	l.mu.Unlock()
	l.start(ctx, w)
}

// send lets a carrier take a message even where the process is about to end. One that panics has perhaps sent it.
func send(ctx context.Context, st *step) (taken Taken, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), laneTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a carrier panicked", "route", st.route.Name, "panic", p)
			err = fmt.Errorf("the carrier of route %s panicked: %v", st.route.Name, p)
		}
	}()
	return st.route.Carrier.Send(ctx, st.parcel)
}

func (l *lane) room(r Route) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rooms[r.Name] == nil {
		n := routeRoom
		if c, ok := r.Carrier.(Roomy); ok {
			n = c.Room()
		}
		l.rooms[r.Name] = make(chan struct{}, n)
	}
	return l.rooms[r.Name]
}

// sweep takes in what waits in the database: what other processes left behind, and what was to be tried again now.
func (l *lane) sweep(ctx context.Context) error {
	l.mu.Lock()
	full := len(l.queues[0])+len(l.queues[1]) > laneRoom/2
	l.mu.Unlock()
	if full {
		return nil
	}
	var due, overdue []string
	err := l.s.db.Peek(ctx, func(tx *db.Tx) error {
		now := tx.Now()
		if !l.swept && !l.s.db.Postgres() {
			now = now.Add(laneLease) // there is no other process: what an earlier one had in hand is ours
		}
		_, err := db.All(tx, func(r db.Row) (x struct{}, err error) {
			var id string
			var sent bool
			if err = r.Scan(&id, &sent); sent {
				overdue = append(overdue, id)
			} else {
				due = append(due, id)
			}
			return
		}, `select id, sent from (select * from (select id, due_at, false as sent from messages where state = 'queued' and due_at <= $1 order by due_at limit 1000) q
			union all select * from (select id, due_at, true as sent from messages where state = 'sent' and due_at <= $2 order by due_at limit 100) s) waiting order by due_at`, now, tx.Now())
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range overdue {
		if err := l.s.db.Write(ctx, func(tx *db.Tx) error { return l.s.overdue(tx, id) }); err != nil {
			return err
		}
	}
	first := !l.swept
	l.swept = true
	for _, id := range due {
		l.mu.Lock()
		ours := l.held[id]
		l.mu.Unlock()
		if ours {
			continue
		}
		r, err := l.load(ctx, id)
		if err != nil {
			return err
		}
		l.push(&waiting{r: r, left: first && !l.s.db.Postgres()})
	}
	return nil
}

func (l *lane) load(ctx context.Context, id string) (r Record, err error) {
	err = l.s.db.Read(ctx, func(tx *db.Tx) error {
		r, err = one(tx, `id = $1`, id)
		return err
	})
	return r, err
}

// Work implements jobs.Companion.
func (l *lane) Work(ctx context.Context) (did bool, err error) {
	for {
		if err := l.sweep(ctx); err != nil {
			return did, err
		}
		batch := l.take(laneBatch)
		if len(batch) == 0 {
			return did, nil
		}
		did = true
		l.handOver(ctx, batch)
		l.sending.Wait()
		for len(l.answers) > 0 {
			l.answered(ctx, l.more(<-l.answers))
		}
	}
}

// Quiet implements jobs.Companion.
func (l *lane) Quiet(tx *db.Tx) (bool, error) {
	if !l.empty() {
		return false, nil
	}
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from messages where state = 'queued' and due_at <= $1`, tx.Now())
	return n == 0, err
}

var _ jobs.Companion = (*lane)(nil)
