package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
)

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

func TestBackoff(t *testing.T) {
	for tries, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 12: 2048 * time.Second, 40: time.Hour} {
		for range 100 {
			got := jobs.Backoff(tries)
			require.InDelta(t, float64(want), float64(got), 0.2*float64(want)+1)
			require.LessOrEqual(t, got, time.Hour)
		}
	}
}
