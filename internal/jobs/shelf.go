package jobs

import (
	"encoding/json"
	"errors"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
)

var (
	// ErrUnknown says that there is no such job, or not where it was looked for.
	ErrUnknown = fault.New(fault.NotFound, "jobs.unknown")
	// ErrKeyTaken says that a job can't be retried because another one with its key waits.
	ErrKeyTaken = fault.New(fault.Conflict, "jobs.key_taken")
)

// State is how far a job has come. One that worked is no longer there.
type State string

// The states of a job. On SQLite a job in hand still reads as waiting.
const (
	Waiting State = "waiting"
	Running State = "running"
	GivenUp State = "given_up"
)

// Job is a job as the console shows it.
type Job struct {
	ID        int64
	Kind      string
	Args      json.RawMessage
	Key       string
	Subject   string
	Priority  Priority
	Tries     int       // how often it was tried so far
	Failure   string    // what the last try said
	CreatedAt time.Time // all moments on the queue's clock
	LastAt    time.Time // when it failed last; zero if it never did
	DueAt     time.Time // when it is tried next, or would have been
	State     State
}

// Page selects jobs, newest first.
type Page struct {
	Before  int64  // only ids below it; 0: from the newest
	Limit   int    // 50 if 0
	Kind    string // only of this kind if set
	Subject string // only about this subject if set
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return p.Limit
}

// Shelf lists jobs that were given up.
func (q *Queue) Shelf(tx *db.Tx, p Page) ([]Job, error) { return q.engine.list(tx, p, true) }

// Waiting lists jobs that are due or will be, and those in hand.
func (q *Queue) Waiting(tx *db.Tx, p Page) ([]Job, error) { return q.engine.list(tx, p, false) }

// Get returns a job, or ErrUnknown: most likely because it worked.
func (q *Queue) Get(tx *db.Tx, id int64) (Job, error) {
	j, err := q.engine.get(tx, id)
	if errors.Is(err, db.ErrNone) {
		return j, ErrUnknown
	}
	return j, err
}

// Retry takes a job from the shelf and tries it at once, with all its tries before it again.
func (q *Queue) Retry(tx *db.Tx, id int64) error {
	done, err := q.engine.retry(tx, id)
	if err != nil || done {
		return err
	}
	if j, err := q.Get(tx, id); err != nil {
		return err
	} else if j.State != GivenUp {
		return ErrUnknown
	}
	return ErrKeyTaken
}

// Discard takes a job from the shelf for good.
func (q *Queue) Discard(tx *db.Tx, id int64) error {
	n, err := q.engine.discard(tx, id)
	if err == nil && n == 0 {
		return ErrUnknown
	}
	return err
}

// Prune clears the shelf of jobs that failed before a moment and returns how many there were. Run does it with
// Keep every now and then.
func (q *Queue) Prune(tx *db.Tx, before time.Time) (int64, error) { return q.engine.prune(tx, before) }

// Stats is the queue at a glance.
type Stats struct {
	Due     int64            // should be worked on now, those in hand included
	Later   int64            // wait for their time or for their next try
	GivenUp int64            // lie on the shelf
	Oldest  time.Time        // since when the oldest of the due waits; zero if none is
	Worked  int64            // by this process since it started
	Failed  int64            // tries that failed, by this process since it started
	Shelf   map[string]int64 // given up, by kind
}

// Stats counts.
func (q *Queue) Stats(tx *db.Tx) (Stats, error) {
	s, err := q.engine.stats(tx)
	s.Worked, s.Failed = q.worked.Load(), q.failed.Load()
	return s, err
}
