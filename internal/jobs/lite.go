package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"portolan/internal/db"
)

// lite is the engine on SQLite.
//
// A SQLite file has one process and one writer, and both make things simple. One process: what is in hand is
// known in memory, no lease is written, and after a crash every row is simply there to be taken again. One
// writer: a single clerk does all database work, several jobs to a commit, because a second one would only
// wait for the first. Jobs that call other systems wait in one lane per kind, each with slots of its own, and
// hand their outcome to the clerk, who notes it with whatever he commits next.
//
// Should a second process work the same file after all, database work still happens once, since its row ends
// in the same commit; outside work may then be repeated.
type lite struct {
	q     *Queue
	clerk *alarm
	lanes map[string]*lane
	knows bool // workMany has looked at every lane

	mu       sync.Mutex
	outcomes []outcome
}

// lane is the line of one kind of outside jobs.
type lane struct {
	kind  *kind
	alarm *alarm

	mu      sync.Mutex
	inHand  map[int64]bool // begun, and perhaps ended without its end being committed
	settled []int64        // ended and committed since the lane last looked
	busy    int            // slots in use
	waiting bool           // jobs may be due that were not begun: the next end of one is news
}

// outcome is how an outside job ended.
type outcome struct {
	hand
	lane *lane
	err  error
}

func newLite(q *Queue) *lite { return &lite{q: q, clerk: q.alarm, lanes: map[string]*lane{}} }

func (e *lite) know(k *kind) {
	if k.outside != nil {
		e.lanes[k.name] = &lane{kind: k, alarm: newAlarm(), inHand: map[int64]bool{}}
	}
}

func (e *lite) laneOf(kind string) string {
	if e.lanes[kind] != nil {
		return kind
	}
	return ""
}

func (e *lite) add(tx *db.Tx, jobs []entry) error {
	for _, j := range jobs {
		lane := e.laneOf(j.kind)
		err := tx.Send(`insert into jobs (kind, args, lane, priority, key, subject, run_at, created_at)
			values ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), $7, $8) on conflict do nothing`,
			j.kind, string(j.args), lane, j.Priority.rank(), j.Key, j.Subject, j.At, tx.Now())
		if err != nil {
			return err
		}
		tx.After(func() { e.wake(lane).expect(j.At) })
	}
	return nil
}

func (e *lite) wake(name string) *alarm {
	if l := e.lanes[name]; l != nil {
		return l.alarm
	}
	return e.clerk
}

// The limit is a sum because SQLite prepares a statement with a bare parameter there anew each time.
const rankedDue = `select id, kind, args, tries from (select * from jobs where lane = $1 and priority = 1 and run_at <= $2 and not given_up order by run_at, id limit 0 + $3)
	union all select id, kind, args, tries from (select * from jobs where lane = $1 and priority = 2 and run_at <= $2 and not given_up order by run_at, id limit 0 + $3)
	union all select id, kind, args, tries from (select * from jobs where lane = $1 and priority = 3 and run_at <= $2 and not given_up order by run_at, id limit 0 + $3)`

const nextDue = `select min(at) from (
	select min(run_at) as at from jobs where lane = $1 and priority = 1 and run_at > $2 and not given_up
	union all select min(run_at) from jobs where lane = $1 and priority = 2 and run_at > $2 and not given_up
	union all select min(run_at) from jobs where lane = $1 and priority = 3 and run_at > $2 and not given_up) nexts`

// due lists the first jobs of a lane that should be done now. Each priority is read through its own stretch
// of the index, so that what waits for next week costs nothing.
func (e *lite) due(tx *db.Tx, lane string, limit int) ([]hand, error) {
	all, err := db.All(tx, scanHand, rankedDue, lane, tx.Now(), limit)
	return all[:min(limit, len(all))], err
}

func scanHand(r db.Row) (h hand, err error) {
	err = r.Scan(&h.id, &h.kind, &h.args, &h.try)
	h.try++
	return
}

// sleepUntil tells a sleeper's alarm when the next job of its lane is due.
func (e *lite) sleepUntil(tx *db.Tx, lane string, a *alarm) (time.Time, error) {
	a.next.Store(never)
	var at time.Time
	_, err := db.One(tx, func(r db.Row) (struct{}, error) { return struct{}{}, r.Scan(db.Moment(&at)) }, nextDue, lane, tx.Now())
	if at.IsZero() {
		at = tx.Now().Add(time.Hour)
	}
	return at, err
}

// look is how often a sleeper looks at the table even if nobody woke it: another process may have added a job.
const look = 2 * time.Second

// run works all lanes until ctx ends.
func (e *lite) run(ctx context.Context) error {
	if err := e.straighten(ctx); err != nil {
		return err
	}
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	var lanes, clerk sync.WaitGroup
	for _, l := range e.lanes {
		lanes.Go(func() { e.runLane(ctx, l) })
	}
	clerk.Go(func() { e.runClerk(ctx, writing) })
	<-ctx.Done()
	lanes.Wait()
	stopWriting()
	clerk.Wait()
	return nil
}

// straighten moves jobs whose kind has changed sides since they were added back into the clerk's line, from
// where he sends them on.
func (e *lite) straighten(ctx context.Context) error {
	return e.q.db.Write(ctx, func(tx *db.Tx) error {
		lanes, err := db.All(tx, db.Scalar[string], `select distinct lane from jobs where not given_up`)
		for _, l := range lanes {
			if err == nil && l != "" && e.lanes[l] == nil {
				err = tx.Send(`update jobs set lane = '' where lane = $1 and not given_up`, l)
			}
		}
		return err
	})
}

// runLane keeps the slots of a lane filled until ctx ends, and returns when they are empty.
func (e *lite) runLane(ctx context.Context, l *lane) {
	var slots sync.WaitGroup
	defer slots.Wait()
	for {
		changed := e.q.db.Clock().Changed()
		next, err := e.fill(ctx, l, &slots)
		wait := min(look, e.q.db.Clock().Until(next))
		if err != nil {
			if ctx.Err() == nil {
				slog.Error("can't take jobs", "kind", l.kind.name, "err", err)
			}
			wait = time.Second
		}
		if !pause(ctx, wait, changed, l.alarm.wake) {
			return
		}
	}
}

// fill begins due jobs while there are slots and returns when to look again.
func (e *lite) fill(ctx context.Context, l *lane, slots *sync.WaitGroup) (next time.Time, err error) {
	l.mu.Lock()
	for _, id := range l.settled { // committed before the view that is read below
		delete(l.inHand, id)
	}
	l.settled = l.settled[:0]
	free, unsettled := l.kind.slots-l.busy, len(l.inHand)
	l.waiting = true // so that whoever ends while the table is read wakes the lane again
	l.mu.Unlock()
	if free <= 0 || unsettled > 8*l.kind.slots {
		return e.q.db.Clock().Now().Add(time.Hour), nil
	}
	var jobs []hand
	err = e.q.db.Read(ctx, func(tx *db.Tx) (err error) {
		l.alarm.next.Store(never)
		if jobs, err = e.due(tx, l.kind.name, free+unsettled); err == nil {
			next, err = e.sleepUntil(tx, l.kind.name, l.alarm)
		}
		return err
	})
	if err != nil {
		return next, err
	}
	l.alarm.next.Store(next.UnixMicro())
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range jobs {
		if l.busy == l.kind.slots {
			break
		}
		if l.inHand[h.id] {
			continue
		}
		l.inHand[h.id] = true
		l.busy++
		slots.Go(func() { e.finish(outcome{h, l, l.kind.callOutside(context.WithoutCancel(ctx), h)}) })
	}
	l.waiting = len(jobs) == free+unsettled || l.busy == l.kind.slots
	return next, nil
}

// finish frees the slot and hands the outcome to the clerk.
func (e *lite) finish(o outcome) {
	e.mu.Lock()
	e.outcomes = append(e.outcomes, o)
	e.mu.Unlock()
	e.clerk.nudge()
	o.lane.mu.Lock()
	o.lane.busy--
	waiting := o.lane.waiting
	o.lane.mu.Unlock()
	if waiting {
		o.lane.alarm.nudge()
	}
}

// The clerk commits at most so many jobs together, and begins no further one after a while, because
// everybody else who wants to write waits meanwhile.
const (
	largestBatch = 32
	longestBatch = 4 * time.Millisecond
)

// runClerk does database jobs until ctx ends, and notes outcomes until writing ends.
func (e *lite) runClerk(ctx, writing context.Context) {
	limit := largestBatch
	for {
		changed := e.q.db.Clock().Changed()
		taking := ctx.Err() == nil
		next, more, err := e.batch(limit, taking)
		wait := look
		switch {
		case err == nil && taking:
			wait, limit = min(look, e.q.db.Clock().Until(next)), min(2*limit, largestBatch)
		case err == nil:
		case limit > 1:
			limit, more = 1, true // whoever failed is found by going one at a time
		default:
			slog.Error("can't do database jobs", "err", err)
			wait, more = time.Second, false
		}
		if more && taking {
			continue
		}
		done := ctx
		if !taking {
			done = writing
		}
		if !pause(done, wait, changed, e.clerk.wake) && !taking {
			e.batch(largestBatch, false)
			return
		}
	}
}

// failed says which job spoilt a batch.
type failed struct {
	hand
	error
}

// batch notes outcomes and does up to limit jobs in one commit. It returns when the next job is due and
// whether more are due now. If a job fails, nothing of the batch is kept: a lone one is judged, others are
// left to be done again.
func (e *lite) batch(limit int, taking bool) (next time.Time, more bool, err error) {
	e.mu.Lock()
	outcomes := e.outcomes
	e.outcomes = nil
	e.mu.Unlock()
	if len(outcomes) > 0 {
		if err := e.settle(outcomes); err != nil {
			e.mu.Lock()
			e.outcomes = append(outcomes, e.outcomes...)
			e.mu.Unlock()
			return next, false, err
		}
	}
	if !taking {
		return next, false, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var jobs []hand
	var moved map[string]bool
	done := 0
	err = e.write(ctx, func(tx *db.Tx) error {
		e.clerk.next.Store(never)
		moved, done, more = map[string]bool{}, 0, false
		if jobs, err = e.due(tx, "", limit); err != nil {
			return err
		}
		began := e.q.world.Now()
		for _, h := range jobs {
			k := e.q.kinds[h.kind]
			if k != nil && k.outside != nil {
				moved[h.kind] = true
				if err := tx.Send(`update jobs set lane = kind where id = $1`, h.id); err != nil {
					return err
				}
				continue
			}
			if err := e.do(tx, cancel, k, h); err != nil {
				return failed{h, err}
			}
			if done++; e.q.world.Now().Sub(began) > longestBatch {
				more = true
				break
			}
		}
		more = more || len(jobs) == limit
		if !more {
			next, err = e.sleepUntil(tx, "", e.clerk)
		}
		return err
	})
	if f, ok := errors.AsType[failed](err); ok {
		return next, true, e.blame(f, done == 0)
	}
	if err != nil && done == 1 && limit == 1 { // one of its last statements, or the commit
		return next, true, e.blame(failed{jobs[0], err}, true)
	}
	if err != nil {
		return next, false, err
	}
	e.q.worked.Add(int64(done))
	e.clerk.next.Store(next.UnixMicro())
	for name := range moved {
		e.wake(name).nudge()
	}
	return next, more, nil
}

// write survives what panics among a job's last statements or after its commit.
func (e *lite) write(ctx context.Context, f func(*db.Tx) error) error {
	return guard(func() error { return e.q.db.Write(ctx, f) })
}

// do ends a job and does its work, in this order: so that it may add another with the same key.
func (e *lite) do(tx *db.Tx, cancel context.CancelFunc, k *kind, h hand) error {
	if k == nil {
		return fmt.Errorf("%s: %w", h.kind, errNoHandler)
	}
	if err := tx.Send(`delete from jobs where id = $1`, h.id); err != nil {
		return err
	}
	timer := time.AfterFunc(k.timeout, cancel)
	defer timer.Stop()
	return guard(func() error { return k.inside(tx, h.args) })
}

// blame deals with the job that spoilt a batch: alone in it, it is judged; otherwise it gets a try of its own.
func (e *lite) blame(f failed, alone bool) error {
	if !alone {
		if err := e.doAlone(f.hand); err != nil {
			if f, ok := errors.AsType[failed](err); ok {
				return e.blame(f, true)
			}
			return err
		}
		return nil
	}
	most := defaultTries
	if k := e.q.kinds[f.kind]; k != nil {
		most = k.tries
	}
	v := e.q.judge(f.hand, most, f.error)
	return e.q.db.Write(context.Background(), func(tx *db.Tx) error { return e.putBack(tx, f.hand, v) })
}

// doAlone does one database job in a unit of work of its own.
func (e *lite) doAlone(h hand) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := e.write(ctx, func(tx *db.Tx) error {
		if there, err := db.One(tx, db.Scalar[int64], `select count(*) from jobs where id = $1 and not given_up`, h.id); err != nil || there == 0 {
			return err
		}
		if err := e.do(tx, cancel, e.q.kinds[h.kind], h); err != nil {
			return failed{h, err}
		}
		return nil
	})
	if err == nil {
		e.q.worked.Add(1)
		return nil
	}
	if _, ok := errors.AsType[failed](err); ok {
		return err
	}
	return failed{h, err} // one of its last statements, or the commit
}

func (e *lite) putBack(tx *db.Tx, h hand, v verdict) error {
	err := tx.Send(`update jobs set tries = $2, failure = $3, run_at = $4, given_up = $5, last_at = $6 where id = $1 and not given_up`,
		h.id, h.try, v.failure, v.due, v.giveUp, tx.Now())
	return err
}

// settle commits how outside jobs ended and lets their lanes go on.
func (e *lite) settle(outcomes []outcome) error {
	verdicts := make([]verdict, len(outcomes))
	for i, o := range outcomes {
		if o.err != nil {
			verdicts[i] = e.q.judge(o.hand, e.q.kinds[o.kind].tries, o.err)
		}
	}
	err := e.q.db.Write(context.Background(), func(tx *db.Tx) error {
		for i, o := range outcomes {
			var err error
			if o.err == nil {
				err = tx.Send(`delete from jobs where id = $1`, o.id)
			} else {
				err = e.putBack(tx, o.hand, verdicts[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o.err == nil {
			e.q.worked.Add(1)
		}
		if o.lane != nil {
			o.lane.mu.Lock()
			o.lane.settled = append(o.lane.settled, o.id)
			waiting := o.lane.waiting
			o.lane.mu.Unlock()
			if waiting {
				o.lane.alarm.nudge()
			} else if o.err != nil && !verdicts[i].giveUp {
				o.lane.alarm.expect(verdicts[i].due)
			}
		}
	}
	return nil
}

// workMany does what is due, as run does it but on the caller's goroutine, and reports whether there was anything.
func (e *lite) workMany(ctx context.Context) (did bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(e.lanes)) {
		l := e.lanes[name]
		if !e.awake(l.alarm) {
			continue
		}
		var jobs []hand
		var next time.Time
		err := e.q.db.Read(ctx, func(tx *db.Tx) (err error) {
			if jobs, err = e.due(tx, name, largestBatch); err == nil && len(jobs) < largestBatch {
				next, err = e.sleepUntil(tx, name, l.alarm)
			}
			return err
		})
		if err != nil {
			return did, err
		}
		l.alarm.next.Store(next.UnixMicro())
		if len(jobs) == 0 {
			continue
		}
		did = true
		outcomes := make([]outcome, len(jobs))
		for i, h := range jobs {
			outcomes[i] = outcome{h, nil, l.kind.callOutside(ctx, h)}
			if outcomes[i].err != nil {
				l.alarm.nudge()
			}
		}
		if err := e.settle(outcomes); err != nil {
			return did, err
		}
	}
	look := e.awake(e.clerk)
	e.knows = true
	if !look {
		return did, nil
	}
	limit := largestBatch
	for more := true; more; {
		before := e.q.worked.Load() + e.q.failed.Load()
		var next time.Time
		next, more, err = e.batch(limit, true)
		switch {
		case err == nil:
			limit = min(2*limit, largestBatch)
			e.clerk.next.Store(next.UnixMicro())
		case limit > 1:
			limit, more = 1, true
		default:
			return did, err
		}
		did = did || e.q.worked.Load()+e.q.failed.Load() > before
	}
	return did, nil
}

// awake reports whether a sleeper has a reason to look.
func (e *lite) awake(a *alarm) bool {
	select {
	case <-a.wake:
		return true
	default:
		return !e.knows || a.next.Load() <= e.q.db.Clock().Now().UnixMicro()
	}
}

// workOne does the first job that is due, whatever its lane, and reports whether there was one.
func (e *lite) workOne(ctx context.Context) (bool, error) {
	var h hand
	err := e.q.db.Read(ctx, func(tx *db.Tx) (err error) {
		h, err = db.One(tx, scanHand, `select id, kind, args, tries from jobs where run_at <= $1 and not given_up order by priority, run_at, id limit 1`, tx.Now())
		return err
	})
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if k := e.q.kinds[h.kind]; k != nil && k.outside != nil {
		return true, e.settle([]outcome{{h, nil, k.callOutside(ctx, h)}})
	}
	err = e.doAlone(h)
	if f, ok := errors.AsType[failed](err); ok {
		return true, e.blame(f, true)
	}
	return true, err
}
