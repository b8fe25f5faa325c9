package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"portolan/internal/db"
	"portolan/internal/id"
)

// riverEngine is the engine on PostgreSQL.
//
// River hands jobs to workers, one queue for database work and one per outside kind. Jobs are put into its
// table inside the caller's unit of work, and taken out of it in the unit of work that does them. What River
// doesn't know stands in a job's metadata: its due time on our clock, which may run faster than River's or
// jump; the promoter makes jobs available when our clock says so. Each node says regularly that it is alive,
// and what a dead one had in hand is handed out again.
type riverEngine struct {
	q       *Queue
	node    string
	retries sync.Map // id -> when River should try again, in the world's time

	mu      sync.Mutex
	told    map[string]bool // queues about which the nodes are to be told
	telling bool
}

func newRiver(q *Queue) *riverEngine {
	return &riverEngine{q: q, node: id.New("node"), told: map[string]bool{}}
}

func (e *riverEngine) know(*kind) {}

// work is what River knows as the arguments of every job of ours.
type work struct {
	Job  string `json:"job"`
	Args string `json:"args"` // JSON as text: jsonb would take offence at some characters
}

// Kind is River's name for all our jobs: they are told apart by us.
func (work) Kind() string { return "portolan" }

// meta is what we keep with a job. Moments are microseconds of our clock.
type meta struct {
	Due     int64  `json:"due"`
	Created int64  `json:"created"`
	Last    int64  `json:"last,omitempty"`
	Failure string `json:"failure,omitempty"`
	Key     string `json:"key,omitempty"`
	Subject string `json:"subject,omitempty"`
}

const databaseQueue = "database"

// queueOf is the River queue of a kind, in the letters that River allows.
func (e *riverEngine) queueOf(kind string) string {
	if k := e.q.kinds[kind]; k == nil || k.outside == nil {
		return databaseQueue
	}
	words := strings.FieldsFunc(strings.ToLower(kind), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return "outside-" + strings.Join(words, "-")
}

// Keys are unique among jobs in these states; the mask spells them for River, whose bits count from the left.
const (
	alive     = `('available', 'pending', 'retryable', 'running', 'scheduled')`
	aliveMask = `B'11110001'`
)

const riverAdd = `insert into river_job (kind, args, metadata, max_attempts, queue, priority, state, scheduled_at, unique_key, unique_states)
	select $1, jsonb_build_object('job', j.kind, 'args', cast($2 as text)), cast($3 as jsonb), j.tries, j.queue, $4,
		cast($5 as river_job_state), coalesce($6, now()), $7, case when cast($7 as bytea) is null then null else ` + aliveMask + ` end
	from unnest(cast($8 as text[]), cast($9 as text[]), cast($10 as integer[])) as j(kind, queue, tries)
	on conflict (unique_key) where unique_key is not null and unique_states is not null and river_job_state_in_bitmask(unique_states, state)
	do nothing`

func (e *riverEngine) add(tx *db.Tx, jobs []entry) error {
	w := jobs[0].When
	about, err := json.Marshal(meta{Due: w.At.UnixMicro(), Created: tx.Now().UnixMicro(), Key: w.Key, Subject: w.Subject})
	if err != nil {
		return err
	}
	var key []byte
	if w.Key != "" {
		sum := sha256.Sum256([]byte(w.Key))
		key = sum[:]
	}
	kinds, queues, tries := make([]string, len(jobs)), make([]string, len(jobs)), make([]int32, len(jobs))
	for i, j := range jobs {
		kinds[i], queues[i], tries[i] = j.kind, e.queueOf(j.kind), defaultTries
		if k := e.q.kinds[j.kind]; k != nil {
			tries[i] = int32(k.tries)
		}
	}
	state, at := "available", time.Time{}
	if w.At.After(tx.Now()) {
		state, at = "scheduled", e.world(w.At)
		tx.After(func() { e.q.alarm.expect(w.At) })
	} else {
		tx.After(func() { e.tell(queues...) })
	}
	err = tx.Send(riverAdd, work{}.Kind(), string(jobs[0].args), string(about), w.Priority.rank(), state, at, key, kinds, queues, tries)
	return err
}

// world is when River should think that a moment of our clock has come. It is never sooner than River's own
// scheduler, which would cut short moments close by; the promoter is exact.
func (e *riverEngine) world(at time.Time) time.Time {
	const notBefore, notAfter = 10 * time.Second, 100 * 365 * 24 * time.Hour
	return e.q.world.Now().Add(min(notAfter, max(notBefore, e.q.db.Clock().Until(at))))
}

// tell wakes the nodes that work these queues, soon after the commit rather than in it: a commit that carries
// a notification waits for all others that do.
func (e *riverEngine) tell(queues ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range queues {
		e.told[name] = true
	}
	if !e.telling {
		e.telling = true
		go e.tellAll()
	}
}

// breath is how long tellAll waits for more to tell.
const breath = 1 * time.Millisecond

func (e *riverEngine) tellAll() {
	for {
		e.mu.Lock()
		if len(e.told) == 0 {
			e.telling = false
			e.mu.Unlock()
			return
		}
		var news []string
		for name := range e.told {
			news = append(news, `{"queue": "`+name+`"}`)
		}
		clear(e.told)
		e.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := e.q.db.Pool().Exec(ctx, `select pg_notify(concat(current_schema(), '.river_insert'), news) from unnest(cast($1 as text[])) news`, news)
		cancel()
		if err != nil {
			slog.Debug("can't tell of new jobs; they will be found anyway", "err", err)
		}
		time.Sleep(breath)
	}
}

func (e *riverEngine) run(ctx context.Context) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	lasting := context.WithoutCancel(ctx)
	if err := errors.Join(e.sayAlive(ctx), e.straighten(ctx)); err != nil {
		return fmt.Errorf("begin to work jobs: %w", err)
	}
	failures, done := client.Subscribe(river.EventKindJobFailed, river.EventKindJobCancelled)
	defer done()
	if err := client.Start(lasting); err != nil {
		return fmt.Errorf("begin to work jobs: %w", err)
	}
	caring, stop := context.WithCancel(lasting)
	var all sync.WaitGroup
	all.Go(func() { e.promoteAll(ctx) })
	all.Go(func() { e.careForNodes(caring) })
	all.Go(func() {
		for {
			select {
			case <-failures: // its next try may be the next thing that is due
				e.q.alarm.nudge()
			case <-ctx.Done():
				return
			}
		}
	})
	<-ctx.Done()
	err = client.Stop(lasting)
	stop()
	all.Wait()
	return errors.Join(err, e.leave(lasting))
}

// outsidePoll is how often a queue of work outside the database looks by itself. Each job is told of, so that it only finds
// those whose news was lost; there are many such queues, and looking is most of what an idle program does.
const outsidePoll = 5 * time.Second

func (e *riverEngine) client() (*river.Client[pgx.Tx], error) {
	pool := e.q.db.Pool()
	queues := map[string]river.QueueConfig{
		databaseQueue: {MaxWorkers: max(1, min(e.q.Workers, int(pool.Config().MaxConns)-2))},
	}
	for name, k := range e.q.kinds {
		if k.outside != nil {
			c := queues[e.queueOf(name)]
			c.MaxWorkers += k.slots
			c.FetchPollInterval = outsidePoll
			queues[e.queueOf(name)] = c
		}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{e: e})
	return river.NewClient(riverpgxv5.New(pool), &river.Config{
		ID: e.node, Queues: queues, Workers: workers, Logger: slog.New(quiet{slog.Default().Handler()}),
		FetchCooldown: 2 * time.Millisecond, JobTimeout: defaultTimeout, RescueStuckJobsAfter: 30 * time.Second,
		MaxAttempts: defaultTries, CancelledJobRetentionPeriod: -1, DiscardedJobRetentionPeriod: -1,
		RetryPolicy: soon{e},
	})
}

// quiet leaves River's chatter out of the log.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
func (h quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{h.Handler.WithAttrs(a)} }
func (h quiet) WithGroup(name string) slog.Handler   { return quiet{h.Handler.WithGroup(name)} }

// soon is when River tries what it gave back on its own account, such as a job that overran its time.
type soon struct{ e *riverEngine }

func (s soon) NextRetry(*rivertype.JobRow) time.Time { return s.e.world(time.Time{}) }

// worker does all our jobs for River.
type worker struct {
	river.WorkerDefaults[work]
	e *riverEngine
}

// Timeout is the one of the job's kind.
func (w *worker) Timeout(j *river.Job[work]) time.Duration {
	if k := w.e.q.kinds[j.Args.Job]; k != nil {
		return k.timeout
	}
	return defaultTimeout
}

// NextRetry is what Work decided.
func (w *worker) NextRetry(j *river.Job[work]) time.Time {
	at, ok := w.e.retries.LoadAndDelete(j.ID)
	if !ok {
		return time.Time{}
	}
	return at.(time.Time)
}

// Work does one job.
func (w *worker) Work(ctx context.Context, j *river.Job[work]) error {
	h := hand{id: j.ID, kind: j.Args.Job, args: []byte(j.Args.Args), try: j.Attempt}
	err := w.e.do(ctx, h)
	if err == nil {
		w.e.q.worked.Add(1)
		return nil
	}
	if errors.Is(err, errTaken) {
		return river.JobSnooze(time.Second) // of effect only if another node has it now, which then yields too
	}
	v := w.e.q.judge(h, j.MaxAttempts, err)
	for name, value := range map[string]any{"due": v.due.UnixMicro(), "last": w.e.q.db.Clock().Now().UnixMicro(), "failure": v.failure} {
		if err := river.MetadataSet(ctx, name, value); err != nil {
			return err
		}
	}
	if v.giveUp {
		return river.JobCancel(errors.New(v.failure))
	}
	w.e.retries.Store(j.ID, w.e.world(v.due))
	return errors.New(v.failure)
}

// errTaken says that a job is no longer ours to do.
var errTaken = errors.New("the job was cancelled or handed to another node")

// do does a job and ends it.
func (e *riverEngine) do(ctx context.Context, h hand) error {
	k := e.q.kinds[h.kind]
	if k == nil {
		return fmt.Errorf("%s: %w", h.kind, errNoHandler)
	}
	if k.outside != nil {
		if err := k.callOutside(ctx, h); err != nil {
			return err
		}
		return e.q.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
			err := tx.Send(`delete from river_job where id = $1`, h.id)
			return err
		})
	}
	return guard(func() error {
		return e.q.db.Write(ctx, func(tx *db.Tx) error {
			n, err := tx.Exec(`delete from river_job where id = $1 and attempt = $2 and state = 'running'`, h.id, h.try)
			if err != nil {
				return err
			}
			if n == 0 {
				return errTaken
			}
			return k.inside(tx, h.args)
		})
	})
}
