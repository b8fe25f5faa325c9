package jobs_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
)

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
