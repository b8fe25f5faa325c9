package inbox_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/inbox"
	"portolan/internal/jobs"
)

var schemas = []db.Schema{jobs.Schema, inbox.Schema, {Owner: "shelf", Files: shelf}}

type rig struct {
	t      *testing.T
	d      *db.DB
	q      *jobs.Queue
	box    *inbox.Inbox
	answer error
}

func newRig(t *testing.T, d *db.DB) *rig {
	r := &rig{t: t, d: d, q: jobs.New(d)}
	r.box = inbox.New(d, r.q)
	r.box.Handle("generic", func(tx *db.Tx, in inbox.Delivery) error {
		if _, err := tx.Exec(`insert into shelf (event) values ($1)`, in.Event); err != nil {
			return err
		}
		return r.answer
	})
	return r
}

func (r *rig) take(event string) (fresh bool) {
	dbtest.Write(r.t, r.d, func(tx *db.Tx) (err error) {
		fresh, err = r.box.Take(tx, inbox.Delivery{Source: "generic", Account: "atelier", Event: event, Topic: "order.paid", Body: []byte("{\x00\xff}")})
		return err
	})
	return fresh
}

func (r *rig) only() (d inbox.Delivery, effects int64) {
	dbtest.Read(r.t, r.d, func(tx *db.Tx) error {
		all, err := r.box.List(tx, inbox.Filter{})
		require.Len(r.t, all, 1)
		d = all[0]
		effects, _ = db.One(tx, db.Scalar[int64], `select count(*) from shelf`)
		return err
	})
	return d, effects
}

func TestAnEventIsDealtWithOnce(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		require.True(t, r.take("evt_1"))
		require.False(t, r.take("evt_1"))
		require.NoError(t, r.q.Drain(t.Context()))
		require.False(t, r.take("evt_1"))
		require.NoError(t, r.q.Drain(t.Context()))
		got, effects := r.only()
		require.Equal(t, inbox.Done, got.State)
		require.EqualValues(t, 1, effects)
		require.Equal(t, "{\uFFFD\uFFFD}", string(got.Body))
	})
}

func TestWhatBecomesOfFailures(t *testing.T) {
	unknown := fault.New(fault.NotFound, "test.unknown")
	for _, tt := range []struct {
		name   string
		answer error
		state  inbox.State
	}{
		{"nothing to do", inbox.ErrIgnored, inbox.Ignored},
		{"not here yet", unknown, inbox.Parked},
		{"ours", errors.New("disk"), inbox.Parked},
		{"never", fault.New(fault.Invalid, "test.invalid"), inbox.Dead},
		{"contradiction", fault.New(fault.Conflict, "test.conflict"), inbox.Dead},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				r := newRig(t, d)
				r.answer = tt.answer
				r.take("evt_1")
				require.NoError(t, r.q.Drain(t.Context()))
				got, effects := r.only()
				require.Equal(t, tt.state, got.State)
				if tt.state != inbox.Ignored {
					require.Zero(t, effects, "a try that failed leaves nothing behind")
					require.Contains(t, got.Failure, tt.answer.Error())
				}
			})
		})
	}
}

func TestParkedThenDeadThenReplayed(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.answer = fault.New(fault.NotFound, "test.unknown")
		r.take("evt_1")
		require.NoError(t, r.q.Drain(t.Context()))
		for range 7 {
			got, _ := r.only()
			require.Equal(t, inbox.Parked, got.State)
			d.Clock().Advance(got.DueAt.Sub(d.Clock().Now()))
			require.NoError(t, r.q.Drain(t.Context()))
		}
		got, _ := r.only()
		require.Equal(t, inbox.Dead, got.State)
		require.Greater(t, d.Clock().Now().Sub(dbtest.Start), 31*time.Hour)

		r.answer = nil
		dbtest.Write(t, d, func(tx *db.Tx) error { return r.box.Replay(tx, got.ID) })
		require.NoError(t, r.q.Drain(t.Context()))
		got, effects := r.only()
		require.Equal(t, inbox.Done, got.State)
		require.EqualValues(t, 1, effects)
		err := d.Write(t.Context(), func(tx *db.Tx) error { return r.box.Replay(tx, got.ID) })
		require.ErrorIs(t, err, inbox.ErrNotDead)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			n, err := r.box.Counts(tx)
			require.EqualValues(t, 1, n[inbox.Done])
			return err
		})
		dbtest.Write(t, d, func(tx *db.Tx) error {
			n, err := r.box.Prune(tx, tx.Now().Add(time.Second))
			require.EqualValues(t, 1, n)
			return err
		})
	})
}
