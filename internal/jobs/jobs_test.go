package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
)

// marks is what database jobs leave behind.
var marks = db.Schema{Owner: "marks", Files: fstest.MapFS{"schema/001_marks.sql": {Data: []byte(`-- +goose Up
create table marks (id bigint primary key, name text not null, count bigint not null);
create table mark_order (place bigint not null, name text not null);
`)}}}

var schemas = []db.Schema{jobs.Schema, marks}

// Mark leaves a mark.
type Mark struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

func (Mark) Job() string { return "test.mark" }

// Call calls somebody else.
type Call struct{ Number int }

func (Call) Job() string { return "test.call" }

var places atomic.Int64

// leave counts how often a mark was left, so that doing it twice shows.
func leave(tx *db.Tx, m Mark) error {
	_, err := tx.Exec(`insert into marks (id, name, count) values ($1, $2, 1) on conflict (id) do update set count = marks.count + 1`, m.ID, m.Name)
	if err == nil {
		_, err = tx.Exec(`insert into mark_order (place, name) values ($1, $2)`, places.Add(1), m.Name)
	}
	return err
}

func queue(d *db.DB) *jobs.Queue {
	q := jobs.New(d)
	jobs.Handle(q, leave)
	return q
}

func add(t *testing.T, d *db.DB, q *jobs.Queue, a jobs.Args, w jobs.When) {
	t.Helper()
	dbtest.Write(t, d, func(tx *db.Tx) error { return q.Add(tx, a, w) })
}

func count(t *testing.T, d *db.DB) (n int64) {
	t.Helper()
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], `select cast(coalesce(sum(count), 0) as bigint) from marks`)
		return err
	})
	return n
}

func order(t *testing.T, d *db.DB) (names []string) {
	t.Helper()
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		names, err = db.All(tx, db.Scalar[string], `select name from mark_order order by place`)
		return err
	})
	return names
}

// start runs the queue until the test ends or stop is called, which waits.
func start(t *testing.T, q *jobs.Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := q.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

func idle(t *testing.T, q *jobs.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, q.Idle(ctx))
}

// until waits for the world to bring something about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("waited in vain: " + what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// both does a test with the queue running in the background, with the test draining it, and with it rushing.
func both(t *testing.T, f func(t *testing.T, d *db.DB, q *jobs.Queue, settle func())) {
	for _, mode := range []string{"run", "drain", "rush"} {
		t.Run(mode, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				q := queue(d)
				begun := false
				f(t, d, q, func() {
					t.Helper()
					switch mode {
					case "drain":
						require.NoError(t, q.Drain(t.Context()))
						return
					case "rush":
						require.NoError(t, q.Rush(t.Context()))
						return
					}
					if !begun {
						begun = true
						start(t, q)
					}
					idle(t, q)
				})
			})
		})
	}
}

func TestAJobExistsIfItsCauseDoes(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		wrong := errors.New("wrong")
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			return errors.Join(q.Add(tx, Mark{1, "undone"}, jobs.When{}), wrong)
		}), wrong)
		settle()
		require.Empty(t, order(t, d))
		add(t, d, q, Mark{2, "done"}, jobs.When{})
		settle()
		require.Equal(t, []string{"done"}, order(t, d))
		settle()
		require.EqualValues(t, 1, count(t, d))
	})
}

func TestDueTimeFollowsTheClock(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		now := d.Clock().Now()
		add(t, d, q, Mark{1, "week"}, jobs.When{At: now.Add(7 * 24 * time.Hour)})
		add(t, d, q, Mark{2, "hours"}, jobs.When{At: now.Add(2 * time.Hour)})
		add(t, d, q, Mark{3, "past"}, jobs.When{At: now.Add(-time.Hour)})
		settle()
		require.Equal(t, []string{"past"}, order(t, d))
		d.Clock().Advance(2*time.Hour - time.Microsecond)
		settle()
		require.Equal(t, []string{"past"}, order(t, d))
		d.Clock().Advance(time.Microsecond)
		settle()
		require.Equal(t, []string{"past", "hours"}, order(t, d))
		d.Clock().Advance(30 * 24 * time.Hour)
		settle()
		require.Equal(t, []string{"past", "hours", "week"}, order(t, d))
	})
}

func TestDueTimeOnAFastClock(t *testing.T) {
	fast := func() *db.Clock { return db.Fast(dbtest.Start, 36_000) } // 2 hours in 200 ms
	dbtest.EachClock(t, schemas, fast, func(t *testing.T, d *db.DB) {
		q := jobs.New(d)
		late := make(chan time.Duration, 1)
		at := d.Clock().Now().Add(2 * time.Hour)
		jobs.Handle(q, func(tx *db.Tx, m Mark) error { late <- tx.Now().Sub(at); return nil })
		add(t, d, q, Mark{}, jobs.When{At: at})
		start(t, q)
		select {
		case by := <-late:
			require.GreaterOrEqual(t, by, time.Duration(0))
			require.Less(t, by, 36_000*5*time.Second)
		case <-time.After(20 * time.Second):
			t.Fatal("never done")
		}
	})
}

func TestOneJobPerKey(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		at := d.Clock().Now().Add(time.Hour)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for i := range 3 {
				if err := q.Add(tx, Mark{int64(i), "same unit"}, jobs.When{Key: "k", At: at}); err != nil {
					return err
				}
			}
			return nil
		})
		add(t, d, q, Mark{3, "later unit"}, jobs.When{Key: "k"})
		add(t, d, q, Mark{4, "other key"}, jobs.When{Key: "l"})
		settle()
		d.Clock().Advance(time.Hour)
		settle()
		require.Equal(t, []string{"other key", "same unit"}, order(t, d))
		add(t, d, q, Mark{5, "again"}, jobs.When{Key: "k"})
		settle()
		require.Equal(t, []string{"other key", "same unit", "again"}, order(t, d), "the key is free once its job is done")
	})
}

// Again adds itself until it has run down.
type Again struct{ Left int64 }

func (Again) Job() string { return "test.again" }

func TestAJobMayAddAnotherWithItsOwnKey(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		jobs.Handle(q, func(tx *db.Tx, a Again) error {
			if a.Left > 0 {
				if err := q.Add(tx, Again{a.Left - 1}, jobs.When{Key: "again"}); err != nil {
					return err
				}
			}
			return leave(tx, Mark{a.Left, strconv.FormatInt(a.Left, 10)})
		})
		add(t, d, q, Again{3}, jobs.When{Key: "again"})
		settle()
		require.Equal(t, []string{"3", "2", "1", "0"}, order(t, d))
	})
}

func TestCancelBySubject(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		soon := d.Clock().Now().Add(time.Hour)
		add(t, d, q, Mark{1, "a"}, jobs.When{Subject: "ord_a", At: soon})
		add(t, d, q, Mark{2, "a too"}, jobs.When{Subject: "ord_a", At: soon.Add(time.Hour)})
		add(t, d, q, Mark{3, "b"}, jobs.When{Subject: "ord_b", At: soon})
		add(t, d, q, Mark{4, "nobody's"}, jobs.When{At: soon.Add(time.Minute)})
		settle()
		wrong := errors.New("wrong")
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := q.Cancel(tx, "ord_b")
			return errors.Join(err, wrong)
		}), wrong)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			n, err := q.Cancel(tx, "ord_a")
			require.EqualValues(t, 2, n)
			if err == nil {
				n, err = q.Cancel(tx, "")
				require.Zero(t, n)
			}
			return err
		})
		d.Clock().Advance(24 * time.Hour)
		settle()
		require.ElementsMatch(t, []string{"b", "nobody's"}, order(t, d))
	})
}

func TestUrgentGoesFirst(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		q.Workers = 1
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for i, w := range []jobs.When{{Priority: jobs.Low}, {}, {Priority: jobs.Urgent}, {}, {Priority: jobs.Low}, {Priority: jobs.Urgent}} {
				if err := q.Add(tx, Mark{int64(i), fmt.Sprint(w.Priority, " ", i)}, w); err != nil {
					return err
				}
			}
			return nil
		})
		settle()
		require.Equal(t, []string{"-1 2", "-1 5", "0 1", "0 3", "1 0", "1 4"}, order(t, d))
	})
}

// Fail fails as often as it is told.
type Fail struct{ Name string }

func (Fail) Job() string { return "test.fail" }

var errBroken = errors.New("broken")

func waiting(t *testing.T, d *db.DB, q *jobs.Queue) (all []jobs.Job) {
	t.Helper()
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		all, err = q.Waiting(tx, jobs.Page{})
		return err
	})
	return all
}

func shelf(t *testing.T, d *db.DB, q *jobs.Queue, p jobs.Page) (all []jobs.Job) {
	t.Helper()
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		all, err = q.Shelf(tx, p)
		return err
	})
	return all
}

func TestAFailureIsTriedAgainEverLater(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		q.Backoff = func(tries int) time.Duration { return time.Minute << (tries - 1) }
		var broken atomic.Bool
		broken.Store(true)
		jobs.Handle(q, func(tx *db.Tx, f Fail) error {
			if err := leave(tx, Mark{1, f.Name}); err != nil {
				return err
			}
			if broken.Load() {
				return errBroken
			}
			return nil
		})
		add(t, d, q, Fail{"once"}, jobs.When{Subject: "ord_1", Key: "k"})
		due := d.Clock().Now()
		for try := 1; try <= 3; try++ {
			settle()
			all := waiting(t, d, q)
			require.Len(t, all, 1)
			due = due.Add(time.Minute << (try - 1))
			want := jobs.Job{ID: all[0].ID, Kind: "test.fail", Args: all[0].Args, Key: "k", Subject: "ord_1", Tries: try, Failure: "broken",
				CreatedAt: dbtest.Start, LastAt: d.Clock().Now(), DueAt: due, State: jobs.Waiting}
			require.Equal(t, want, all[0])
			require.JSONEq(t, `{"Name": "once"}`, string(all[0].Args))
			d.Clock().Advance(due.Sub(d.Clock().Now()) - time.Second)
			settle()
			require.Equal(t, try, waiting(t, d, q)[0].Tries, "not before its time")
			broken.Store(try < 3)
			d.Clock().Advance(time.Second)
		}
		settle()
		require.Equal(t, []string{"once"}, order(t, d), "what failed tries did is undone")
		require.Empty(t, waiting(t, d, q))
	})
}

func TestGivenUpJobsLieOnTheShelf(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		q.Backoff = func(int) time.Duration { return 0 }
		var inside, outside, cured atomic.Int64
		jobs.Handle(q, func(tx *db.Tx, f Fail) error {
			if inside.Add(1); cured.Load() == 1 {
				return leave(tx, Mark{1, f.Name})
			}
			return errBroken
		}, jobs.Tries(3))
		jobs.HandleOutside(q, func(ctx context.Context, c Call) error {
			outside.Add(1)
			panic(fmt.Sprint("number ", c.Number))
		}, jobs.Tries(2))
		add(t, d, q, Fail{"a"}, jobs.When{Key: "k", Subject: "ord_1"})
		add(t, d, q, Call{110}, jobs.When{})
		settle()
		require.EqualValues(t, 3, inside.Load())
		require.EqualValues(t, 2, outside.Load())
		require.Empty(t, waiting(t, d, q))
		all := shelf(t, d, q, jobs.Page{})
		require.Len(t, all, 2)
		require.Equal(t, "panic: number 110", all[0].Failure)
		require.Equal(t, 2, all[0].Tries)
		require.Equal(t, jobs.GivenUp, all[1].State)
		require.Equal(t, "broken", all[1].Failure)
		require.Equal(t, d.Clock().Now(), all[1].LastAt)
		require.Len(t, shelf(t, d, q, jobs.Page{Limit: 1}), 1)
		require.Equal(t, all[1:], shelf(t, d, q, jobs.Page{Before: all[0].ID}))
		require.Equal(t, all[:1], shelf(t, d, q, jobs.Page{Kind: "test.call"}))
		require.Equal(t, all[1:], shelf(t, d, q, jobs.Page{Subject: "ord_1"}))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			s, err := q.Stats(tx)
			require.Equal(t, jobs.Stats{GivenUp: 2, Failed: 5, Shelf: map[string]int64{"test.call": 1, "test.fail": 1}}, s)
			return err
		})

		failing := all[1].ID
		add(t, d, q, Fail{"b"}, jobs.When{Key: "k", At: d.Clock().Now().Add(time.Hour)})
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error { return q.Retry(tx, failing) }), jobs.ErrKeyTaken)
		d.Clock().Advance(time.Hour)
		cured.Store(1)
		settle()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			require.ErrorIs(t, q.Retry(tx, 1<<40), jobs.ErrUnknown)
			require.ErrorIs(t, q.Discard(tx, 1<<40), jobs.ErrUnknown)
			return q.Retry(tx, failing)
		})
		settle()
		require.Equal(t, []string{"b", "a"}, order(t, d))
		dbtest.Write(t, d, func(tx *db.Tx) error { return q.Discard(tx, all[0].ID) })
		require.Empty(t, shelf(t, d, q, jobs.Page{}))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			_, err := q.Get(tx, failing)
			require.ErrorIs(t, err, jobs.ErrUnknown)
			return nil
		})
	})
}

func TestWhatCannotBeCuredIsGivenUpAtOnce(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		var tries atomic.Int64
		jobs.Handle(q, func(tx *db.Tx, f Fail) error {
			tries.Add(1)
			return fmt.Errorf("send: %w", jobs.Permanent(errBroken))
		})
		add(t, d, q, Fail{}, jobs.When{})
		dbtest.Write(t, d, func(tx *db.Tx) error { return q.AddKind(tx, "test.mark", []int{1, 2}, jobs.When{}) })
		settle()
		require.EqualValues(t, 1, tries.Load())
		all := shelf(t, d, q, jobs.Page{})
		require.Len(t, all, 2)
		require.Contains(t, all[0].Failure, "arguments: json: cannot unmarshal")
		require.Equal(t, "send: broken", all[1].Failure)
		require.Equal(t, []int{1, 1}, []int{all[0].Tries, all[1].Tries})
		d.Clock().Advance(time.Hour)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			n, err := q.Prune(tx, tx.Now())
			require.EqualValues(t, 2, n)
			return err
		})
	})
}

func TestAKindThatNobodyHandlesWaits(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		dbtest.Write(t, d, func(tx *db.Tx) error { return q.AddKind(tx, "test.tomorrow", 1, jobs.When{}) })
		add(t, d, q, Mark{1, "a"}, jobs.When{})
		settle()
		require.Equal(t, []string{"a"}, order(t, d))
		all := waiting(t, d, q)
		require.Len(t, all, 1)
		require.Contains(t, all[0].Failure, "nobody here handles")
	})
}

// TestOneBadJobSpoilsNoOther has many jobs done together, some of which fail in every way there is.
func TestOneBadJobSpoilsNoOther(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		q.Backoff = func(int) time.Duration { return time.Hour }
		jobs.Handle(q, func(tx *db.Tx, f Fail) error {
			switch f.Name {
			case "panics":
				panic("bug")
			case "panics late":
				tx.Last(func(*db.Tx) error { panic("bug") })
			case "late":
				tx.Last(func(*db.Tx) error { return errBroken })
			case "sql":
				_, err := tx.Exec(`insert into nowhere values (1)`)
				return err
			default:
				return errBroken
			}
			return nil
		})
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for i := range 100 {
				if err := q.Add(tx, Mark{int64(i), "ok"}, jobs.When{}); err != nil {
					return err
				}
				if i%10 == 0 {
					if err := q.Add(tx, Fail{[]string{"panics", "late", "sql", "fails", "panics late"}[i/10%5]}, jobs.When{}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		settle()
		require.Len(t, order(t, d), 100)
		require.EqualValues(t, 100, count(t, d))
		all := waiting(t, d, q)
		require.Len(t, all, 10)
		for _, j := range all {
			require.Equal(t, 1, j.Tries)
		}
	})
}

func TestRoundsComeBackOncePerCluster(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		q.Every("hourly", time.Hour, Mark{1, "hourly"})
		q.Every("daily", 24*time.Hour, Mark{2, "daily"})
		settle()
		require.ElementsMatch(t, []string{"hourly", "daily"}, order(t, d))
		other := queue(d)
		other.Every("hourly", time.Hour, Mark{1, "hourly"})
		require.NoError(t, other.Drain(t.Context()))
		require.Len(t, order(t, d), 2)
		for range 3 {
			d.Clock().Advance(time.Hour)
			settle()
		}
		require.Len(t, order(t, d), 5)
		d.Clock().Advance(10*time.Hour + 30*time.Minute)
		settle()
		require.Len(t, order(t, d), 6, "missed rounds are made up for once")
		d.Clock().Advance(30 * time.Minute)
		settle()
		require.Len(t, order(t, d), 7, "and the beat is kept")
	})
}

func TestOutsideJobs(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		q.Backoff = func(int) time.Duration { return 0 }
		var mu sync.Mutex
		calls, ids := map[int][]int{}, map[int]map[int64]bool{}
		jobs.HandleOutside(q, func(ctx context.Context, c Call) error {
			id, try := jobs.Try(ctx)
			mu.Lock()
			defer mu.Unlock()
			calls[c.Number] = append(calls[c.Number], try)
			if ids[c.Number] == nil {
				ids[c.Number] = map[int64]bool{}
			}
			ids[c.Number][id] = true
			if c.Number%5 == 0 && try < 3 {
				return errBroken
			}
			return d.Write(ctx, func(tx *db.Tx) error { return leave(tx, Mark{int64(c.Number), "called"}) })
		})
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for i := range 50 {
				if err := q.Add(tx, Call{i}, jobs.When{}); err != nil {
					return err
				}
			}
			return nil
		})
		settle()
		require.Len(t, calls, 50)
		for n, tries := range calls {
			want := []int{1}
			if n%5 == 0 {
				want = []int{1, 2, 3}
			}
			require.Equal(t, want, tries)
			require.Len(t, ids[n], 1, "the id stays the same over all tries")
		}
		require.EqualValues(t, 50, count(t, d))
		require.Empty(t, waiting(t, d, q))
	})
}

func TestSlowCallsHoldUpNobodyElse(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := queue(d)
		release := make(chan struct{})
		var slow, quick atomic.Int64
		jobs.HandleOutside(q, func(ctx context.Context, c Call) error {
			slow.Add(1)
			<-release
			return nil
		}, jobs.Slots(2))
		q.RegisterOutside("test.quick", func(context.Context, []byte) error { quick.Add(1); return nil })
		start(t, q)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for i := range 20 {
				err := errors.Join(q.Add(tx, Call{i}, jobs.When{Priority: jobs.Urgent}), q.AddKind(tx, "test.quick", i, jobs.When{}),
					q.Add(tx, Mark{int64(i), "mark"}, jobs.When{}))
				if err != nil {
					return err
				}
			}
			return nil
		})
		until(t, "the others", func() bool { return quick.Load() == 20 && count(t, d) == 20 && slow.Load() >= 2 })
		require.EqualValues(t, 2, slow.Load())
		close(release)
		idle(t, q)
		require.EqualValues(t, 20, slow.Load())
	})
}

func TestACancelledCallIsNotTriedAgain(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := queue(d)
		q.Backoff = func(int) time.Duration { return 0 }
		begun, release := make(chan struct{}), make(chan struct{})
		var calls atomic.Int64
		jobs.HandleOutside(q, func(ctx context.Context, c Call) error {
			calls.Add(1)
			close(begun)
			<-release
			return errBroken
		})
		start(t, q)
		add(t, d, q, Call{1}, jobs.When{Subject: "ord_1"})
		<-begun
		dbtest.Write(t, d, func(tx *db.Tx) error { _, err := q.Cancel(tx, "ord_1"); return err })
		close(release)
		add(t, d, q, Mark{1, "after"}, jobs.When{})
		idle(t, q)
		require.EqualValues(t, 1, calls.Load())
		require.Empty(t, shelf(t, d, q, jobs.Page{}))
	})
}

func TestRunLetsTheJobsInHandFinish(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := queue(d)
		begun, release := make(chan struct{}), make(chan struct{})
		jobs.HandleOutside(q, func(ctx context.Context, c Call) error {
			close(begun)
			<-release
			return ctx.Err()
		})
		add(t, d, q, Call{1}, jobs.When{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- q.Run(ctx) }()
		<-begun
		require.ErrorIs(t, q.Run(ctx), jobs.ErrRunning)
		cancel()
		select {
		case <-ended:
			t.Fatal("ended with a job in hand")
		case <-time.After(50 * time.Millisecond):
		}
		close(release)
		require.NoError(t, <-ended)
		require.Empty(t, waiting(t, d, q))
		require.Empty(t, shelf(t, d, q, jobs.Page{}))
	})
}

func TestAKindMayChangeSides(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		before := jobs.New(d)
		jobs.HandleOutside(before, func(context.Context, Mark) error { return nil })
		add(t, d, before, Mark{1, "was outside"}, jobs.When{})
		add(t, d, jobs.New(d), Call{1}, jobs.When{})
		q := queue(d)
		var calls atomic.Int64
		jobs.HandleOutside(q, func(context.Context, Call) error { calls.Add(1); return nil })
		start(t, q)
		idle(t, q)
		require.EqualValues(t, 1, calls.Load())
		require.Equal(t, []string{"was outside"}, order(t, d))
	})
}

func TestAnyTextSurvives(t *testing.T) {
	both(t, func(t *testing.T, d *db.DB, q *jobs.Queue, settle func()) {
		text := "nul \x00 quote \" back \\u0000 \\ é 谢谢 \U0001F457 \u2028"
		var got []string
		jobs.Handle(q, func(tx *db.Tx, f Fail) error {
			got = append(got, f.Name)
			return jobs.Permanent(errors.New(strings.Repeat("é", 1500) + "\xff\x00"))
		})
		add(t, d, q, Fail{text}, jobs.When{Subject: "o'brien \" é"})
		settle()
		require.Equal(t, []string{text}, got)
		all := shelf(t, d, q, jobs.Page{Subject: "o'brien \" é"})
		require.Len(t, all, 1)
		require.Equal(t, strings.Repeat("é", 1000), all[0].Failure)
		want, err := json.Marshal(Fail{text})
		require.NoError(t, err)
		require.Equal(t, string(want), string(all[0].Args))
	})
}

func TestBackoff(t *testing.T) {
	for tries, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 12: 2048 * time.Second, 40: time.Hour} {
		for range 100 {
			got := jobs.Backoff(tries)
			require.InDelta(t, float64(want), float64(got), 0.2*float64(want)+1)
			require.LessOrEqual(t, got, time.Hour)
		}
	}
}
