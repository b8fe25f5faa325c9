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
