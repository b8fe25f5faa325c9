// Package jobs does things later, elsewhere or again until they work.
//
// A job is added inside the caller's unit of work, so it exists exactly if what caused it does. There are two
// ways to do one: Handle for work that only touches the database and is committed together with the job's end,
// so that its effect happens exactly once, and HandleOutside for work that calls other systems, happens at
// least once and must therefore tolerate being repeated. A job that fails is tried again, ever later, until it
// is given up and lies on a shelf where a person can look at it, retry or discard it.
//
// There is one face and two engines: a table of our own on SQLite, for one process, and River on PostgreSQL,
// where many nodes share the work. What a job means, and whom it concerns, is left to those who add it.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"portolan/internal/db"
)

// Args are a job's arguments. Job names the kind of work and never changes once released.
type Args interface{ Job() string }

// Priority decides who goes first among jobs that are due.
type Priority int8

// Normal is what a job has when nothing is said.
const (
	Urgent Priority = iota - 1
	Normal
	Low
)

// rank is the priority as both engines store it: the smaller the sooner.
func (p Priority) rank() int { return 2 + int(min(max(p, Urgent), Low)) }

func ranked(rank int) Priority { return Priority(rank - 2) }

// When says when a job is done and what tells it from others. The zero When is as soon as possible.
type When struct {
	At       time.Time // on the queue's clock; zero: as soon as the caller's work is committed
	Key      string    // if set, nothing is added while another job with this key waits or is in hand
	Subject  string    // what the job is about, such as an order's id: for Cancel and for looking it up
	Priority Priority
}

// Queue holds jobs and the functions that do them. Set its fields and register every kind before Run.
type Queue struct {
	Workers int                           // database jobs at once on PostgreSQL, fewer if the pool is small; SQLite has one writer
	Backoff func(tries int) time.Duration // how long to wait after that many failures, the first being 1
	Keep    time.Duration                 // how long a job stays on the shelf

	db     *db.DB
	world  *db.Clock // for what is measured in the world's time whatever the shop's clock does
	kinds  map[string]*kind
	rounds []round
	soon   time.Time // when the next of them is due, as far as Rush knows
	engine engine
	alarm  *alarm
	beside []Companion

	running        atomic.Bool
	worked, failed atomic.Int64
}

// engine is what the two databases do differently.
type engine interface {
	know(k *kind)
	add(tx *db.Tx, jobs []entry) error
	cancel(tx *db.Tx, subject string) (int64, error)
	list(tx *db.Tx, p Page, givenUp bool) ([]Job, error)
	get(tx *db.Tx, id int64) (Job, error)
	retry(tx *db.Tx, id int64) (bool, error)
	discard(tx *db.Tx, id int64) (int64, error)
	prune(tx *db.Tx, before time.Time) (int64, error)
	stats(tx *db.Tx) (Stats, error)
	run(ctx context.Context) error
	workOne(ctx context.Context) (bool, error)
	workMany(ctx context.Context) (bool, error)
	quiet(tx *db.Tx) (bool, error)
}

// entry is a job on its way into the queue.
type entry struct {
	kind string
	args []byte
	When
}

// kind is what this process knows about one kind of job. Exactly one of inside and outside is set.
type kind struct {
	name    string
	inside  func(tx *db.Tx, args []byte) error
	outside func(ctx context.Context, args []byte) error
	tries   int
	timeout time.Duration
	slots   int
}

// New returns a queue on d that knows no kind of job yet. Without Run it only takes jobs in.
func New(d *db.DB) *Queue {
	q := &Queue{Workers: 8, Backoff: Backoff, Keep: 90 * 24 * time.Hour, db: d, world: db.Real(), kinds: map[string]*kind{}, alarm: newAlarm()}
	if d.Postgres() {
		q.engine = newRiver(q)
	} else {
		q.engine = newLite(q)
	}
	return q
}

// Backoff is what a queue waits before trying again: a second, two, four … at most an hour, give or take a
// fifth, so that what failed together does not come back together.
func Backoff(tries int) time.Duration {
	d := time.Hour
	if tries < 13 {
		d = min(d, time.Second<<max(0, tries-1))
	}
	return min(time.Hour, time.Duration(float64(d)*(0.8+0.4*rand.Float64())))
}

// Option changes how one kind of job is treated.
type Option func(*kind)

// Tries is how often a job is tried before it is given up; 12 unless told.
func Tries(n int) Option { return func(k *kind) { k.tries = max(1, n) } }

// Timeout is after how much of the world's time a job's context ends; 25 seconds unless told.
func Timeout(d time.Duration) Option { return func(k *kind) { k.timeout = d } }

// Slots is how many outside jobs of a kind one node does at once; 8 unless told. Every outside kind has slots
// of its own, so a slow provider holds up nobody else.
func Slots(n int) Option { return func(k *kind) { k.slots = max(1, n) } }

// Handle registers work that happens inside the database. What f does is kept together with the end of the
// job or not at all. f may be run again when it fails or when two writers met. Keep f short: on SQLite everybody
// else who wants to write waits for it.
func Handle[A Args](q *Queue, f func(tx *db.Tx, a A) error, options ...Option) {
	var zero A
	q.Register(zero.Job(), func(tx *db.Tx, args []byte) error {
		var a A
		if err := decode(args, &a); err != nil {
			return err
		}
		return f(tx, a)
	}, options...)
}

// HandleOutside registers work that calls other systems. It is done at least once: again after a failure, and
// again if the process dies before the end is noted. f begins its own units of work.
func HandleOutside[A Args](q *Queue, f func(ctx context.Context, a A) error, options ...Option) {
	var zero A
	q.RegisterOutside(zero.Job(), func(ctx context.Context, args []byte) error {
		var a A
		if err := decode(args, &a); err != nil {
			return err
		}
		return f(ctx, a)
	}, options...)
}

func decode(args []byte, a any) error {
	if err := json.Unmarshal(args, a); err != nil {
		return Permanent(fmt.Errorf("arguments: %w", err))
	}
	return nil
}

// Register is Handle for a kind that is known only at run time.
func (q *Queue) Register(name string, f func(tx *db.Tx, args []byte) error, options ...Option) {
	q.set(&kind{name: name, inside: f}, options)
}

// RegisterOutside is HandleOutside for a kind that is known only at run time.
func (q *Queue) RegisterOutside(name string, f func(ctx context.Context, args []byte) error, options ...Option) {
	q.set(&kind{name: name, outside: f}, options)
}

func (q *Queue) set(k *kind, options []Option) {
	if q.kinds[k.name] != nil {
		panic("jobs: two handlers for " + k.name)
	}
	k.tries, k.timeout, k.slots = defaultTries, defaultTimeout, 8
	for _, o := range options {
		o(k)
	}
	q.kinds[k.name] = k
	q.engine.know(k)
}

const (
	defaultTries   = 12
	defaultTimeout = 25 * time.Second
)

// Add queues a job as part of tx.
func (q *Queue) Add(tx *db.Tx, a Args, w When) error { return q.AddKind(tx, a.Job(), a, w) }

// AddKind is Add for a kind that is known only at run time.
func (q *Queue) AddKind(tx *db.Tx, kind string, args any, w When) error {
	return q.AddEach(tx, []string{kind}, args, w)
}

// AddEach adds one job of every kind, all with the same arguments. A key, which only one of them could have,
// is refused.
func (q *Queue) AddEach(tx *db.Tx, kinds []string, args any, w When) error {
	if len(kinds) == 0 {
		return nil
	}
	if len(kinds) > 1 && w.Key != "" {
		return fmt.Errorf("add jobs %v: one key for several", kinds)
	}
	body, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("arguments of job %s: %w", kinds[0], err)
	}
	if w.At.Before(tx.Now()) {
		w.At = tx.Now()
	}
	all := make([]entry, len(kinds))
	for i, k := range kinds {
		all[i] = entry{k, body, w}
	}
	if err := q.engine.add(tx, all); err != nil {
		return fmt.Errorf("add job %s: %w", kinds[0], err)
	}
	return nil
}

// Cancel takes back the jobs about subject that wait, and returns how many there were. A job that has begun is
// left to end, but is not tried again. Jobs on the shelf stay there.
func (q *Queue) Cancel(tx *db.Tx, subject string) (n int64, err error) {
	if subject == "" {
		return 0, nil
	}
	return q.engine.cancel(tx, subject)
}

// Permanent wraps an error that trying again won't cure: the job goes to the shelf at once.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Try tells an outside job which try this is, beginning with 1, and the id that stays the same over all
// tries; both are 0 outside a job.
func Try(ctx context.Context) (id int64, try int) {
	h, _ := ctx.Value(handKey{}).(hand)
	return h.id, h.try
}

type handKey struct{}

// hand is a job being worked on.
type hand struct {
	id   int64
	kind string
	args []byte
	try  int
}

var errNoHandler = errors.New("nobody here handles this kind of job")

// guard runs f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a job panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

// callOutside does an outside job.
func (k *kind) callOutside(ctx context.Context, h hand) error {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, handKey{}, h), k.timeout)
	defer cancel()
	return guard(func() error { return k.outside(ctx, h.args) })
}

// verdict is what becomes of a job that failed.
type verdict struct {
	giveUp  bool
	due     time.Time
	failure string
}

const longestFailure = 2000

// legible makes an error's text one that every database takes.
func legible(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(longestFailure, len(s))], "\x00", ""), "")
}

// judge notes a failure and decides when to try again.
func (q *Queue) judge(h hand, most int, err error) verdict {
	q.failed.Add(1)
	_, hopeless := errors.AsType[permanent](err)
	v := verdict{giveUp: hopeless || h.try >= most, failure: legible(err.Error())}
	v.due = q.db.Clock().Now().Add(q.Backoff(h.try))
	slog.Warn("job failed", "kind", h.kind, "id", h.id, "try", h.try, "given_up", v.giveUp, "err", err)
	return v
}
