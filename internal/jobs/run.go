package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/db"
)

// ErrRunning is returned by Run when it already runs.
var ErrRunning = errors.New("jobs: the queue is already being worked")

// Run works until ctx ends, then lets the jobs in hand finish.
func (q *Queue) Run(ctx context.Context) error {
	if !q.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer q.running.Store(false)
	var all sync.WaitGroup
	defer all.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	all.Go(func() { q.keepRounds(ctx) })
	for _, c := range q.beside {
		all.Go(func() { c.Run(ctx) })
	}
	return q.engine.run(ctx)
}

// Companion works through something of its own beside the jobs, with the life of the queue: work of which there is
// so much that a job each would cost more than the work.
type Companion interface {
	// Run works until ctx ends, then lets what is in hand finish.
	Run(ctx context.Context)
	// Work does everything that is due now on the caller's goroutine, and reports whether there was anything.
	Work(ctx context.Context) (bool, error)
	// Quiet reports whether nothing is due and nothing in hand.
	Quiet(tx *db.Tx) (bool, error)
}

// Beside adds a companion. Call it before Run.
func (q *Queue) Beside(c Companion) { q.beside = append(q.beside, c) }

// accompany lets every companion do what is due.
func (q *Queue) accompany(ctx context.Context) (any bool, err error) {
	for _, c := range q.beside {
		did, err := c.Work(ctx)
		if any = any || did; err != nil {
			return any, err
		}
	}
	return any, nil
}

// Drain works everything that is due now, one job after the other, and returns. What becomes due later stays:
// move the clock and drain again. While Run works, Drain waits as Idle does. It is meant for tests.
func (q *Queue) Drain(ctx context.Context) error {
	return q.drain(ctx, q.turn, q.engine.workOne)
}

// Rush is Drain with as many jobs to a commit as Run has: for simulations. What is added by another process while it
// works may stay until it is called on a queue that was made anew.
func (q *Queue) Rush(ctx context.Context) error {
	return q.drain(ctx, func(ctx context.Context) (next time.Time, err error) {
		if q.soon.After(q.db.Clock().Now()) {
			return q.soon, nil
		}
		q.soon, err = q.turn(ctx)
		return q.soon, err
	}, q.engine.workMany)
}

func (q *Queue) drain(ctx context.Context, turn func(context.Context) (time.Time, error), work func(context.Context) (bool, error)) error {
	if !q.running.CompareAndSwap(false, true) {
		return q.Idle(ctx)
	}
	defer q.running.Store(false)
	for {
		if _, err := turn(ctx); err != nil {
			return err
		}
		did, err := work(ctx)
		if err == nil && !did {
			did, err = q.accompany(ctx)
		}
		if err != nil || !did {
			return err
		}
	}
}

// Idle returns when nothing is due and nothing is in hand on any node, or when ctx ends. Somebody has to Run.
func (q *Queue) Idle(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		quiet := false
		err := q.db.Read(ctx, func(tx *db.Tx) (err error) {
			if due, _, err := q.dueRounds(tx); err != nil || len(due) > 0 {
				return err
			}
			quiet, err = q.engine.quiet(tx)
			for _, c := range q.beside {
				if err == nil && quiet {
					quiet, err = c.Quiet(tx)
				}
			}
			return err
		})
		if err != nil || quiet {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// round is work that comes back.
type round struct {
	name  string
	every time.Duration
	args  Args
}

// Every adds the job a again and again, once per interval of the queue's clock for all nodes together, at
// first when the queue first runs. A round that was missed while nobody ran is made up for once, and none is
// added while the one before it still waits. The name never changes once released.
func (q *Queue) Every(name string, every time.Duration, a Args) {
	q.rounds, q.soon = append(q.rounds, round{name, every, a}), time.Time{}
}

// keepRounds starts rounds when they are due and clears the shelf.
func (q *Queue) keepRounds(ctx context.Context) {
	for {
		changed := q.db.Clock().Changed()
		next, err := q.turn(ctx)
		if err == nil {
			err = q.db.Write(ctx, func(tx *db.Tx) error {
				_, err := q.Prune(tx, tx.Now().Add(-q.Keep))
				return err
			})
		}
		wait := min(time.Hour, q.db.Clock().Until(next))
		if err != nil {
			if ctx.Err() == nil {
				slog.Error("can't start what is due regularly", "err", err)
			}
			wait = time.Second
		}
		if !pause(ctx, wait, changed, nil) {
			return
		}
	}
}

// turn adds the jobs of the rounds that are due and returns when the next one is.
func (q *Queue) turn(ctx context.Context) (next time.Time, err error) {
	if len(q.rounds) == 0 {
		return q.db.Clock().Now().Add(time.Hour), nil
	}
	var due []dueRound
	err = q.db.Read(ctx, func(tx *db.Tx) (err error) {
		due, next, err = q.dueRounds(tx)
		return err
	})
	if err != nil || len(due) == 0 {
		return next, err
	}
	err = q.db.Write(ctx, func(tx *db.Tx) error {
		for _, r := range due {
			if err := q.startRound(tx, r); err != nil {
				return err
			}
		}
		_, next, err = q.dueRounds(tx)
		return err
	})
	return next, err
}

// dueRound is a round that is due, and since when; zero if it was never started.
type dueRound struct {
	round
	since time.Time
}

// dueRounds lists the rounds that are due, and when the next one is: at once if one was never started, or is due later
// than it can be.
func (q *Queue) dueRounds(tx *db.Tx) (due []dueRound, next time.Time, err error) {
	known := make(map[string]time.Time, len(q.rounds))
	if _, err = db.All(tx, func(r db.Row) (x struct{}, err error) {
		var name string
		var at time.Time
		if err = r.Scan(&name, db.Moment(&at)); err == nil {
			known[name] = at
		}
		return
	}, `select name, due_at from job_rounds`); err != nil {
		return nil, next, err
	}
	next = tx.Now().Add(time.Hour)
	for _, r := range q.rounds {
		at, started := known[r.name]
		if !started || at.After(tx.Now().Add(r.every)) || !at.After(tx.Now()) {
			due, at = append(due, dueRound{r, at}), tx.Now()
		}
		if at.Before(next) {
			next = at
		}
	}
	return due, next, nil
}

// startRound adds the job of a round that is due, unless another node has just done so.
func (q *Queue) startRound(tx *db.Tx, r dueRound) error {
	now := tx.Now()
	soon := now.Add(r.every)
	if late := now.Sub(r.since); !r.since.IsZero() && late >= 0 {
		soon = r.since.Add(r.every * (late/r.every + 1))
	}
	first, err := tx.Exec(`insert into job_rounds (name, due_at) values ($1, $2)
		on conflict (name) do update set due_at = excluded.due_at where job_rounds.due_at = $3`, r.name, soon, r.since)
	if err != nil || first == 0 {
		return err
	}
	return q.Add(tx, r.args, When{Key: "every " + r.name})
}

// pause waits for the first of: the end of ctx (false), a while, or one of two wake-ups (true).
func pause(ctx context.Context, d time.Duration, changed <-chan struct{}, wake <-chan struct{}) bool {
	timer := time.NewTimer(max(0, d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-changed:
	case <-wake:
	}
	return ctx.Err() == nil
}

// alarm wakes one sleeper, who says until when it means to sleep.
type alarm struct {
	wake chan struct{}
	next atomic.Int64 // the sleeper's next moment, in microseconds; anything sooner wakes it
}

func newAlarm() *alarm {
	a := &alarm{wake: make(chan struct{}, 1)}
	a.next.Store(never)
	return a
}

const never = 1<<63 - 1

func (a *alarm) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// expect wakes the sleeper if it would oversleep at.
func (a *alarm) expect(at time.Time) {
	if at.UnixMicro() < a.next.Load() {
		a.nudge()
	}
}
