package idempotency_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/idempotency"
	"portolan/internal/jobs"
)

var schemas = []db.Schema{jobs.Schema, idempotency.Schema}

func ask(t *testing.T, d *db.DB, scope, key, print string, answer error) (a idempotency.Answer, again bool, err error) {
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		if a, again, err = idempotency.Begin(tx, scope, key, print); err != nil || again {
			return err
		}
		if answer != nil {
			return answer
		}
		a = idempotency.Answer{Status: 201, Body: []byte("answer to " + print)}
		return idempotency.Keep(tx, scope, key, a)
	})
	return a, again, err
}

func TestSameKeySameAnswer(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		_, _, err := ask(t, d, "key_1", "a", "p", errors.New("refused"))
		require.ErrorContains(t, err, "refused")
		first, again, err := ask(t, d, "key_1", "a", "p", nil)
		require.NoError(t, err)
		require.False(t, again, "a request that failed leaves the key free")
		second, again, err := ask(t, d, "key_1", "a", "p", nil)
		require.NoError(t, err)
		require.True(t, again)
		require.Equal(t, first, second)
		_, _, err = ask(t, d, "key_1", "a", "other", nil)
		require.ErrorIs(t, err, idempotency.ErrReused)
		_, again, err = ask(t, d, "key_2", "a", "other", nil)
		require.NoError(t, err)
		require.False(t, again, "another caller's keys are others")

		d.Clock().Advance(idempotency.Life + time.Second)
		_, again, err = ask(t, d, "key_1", "a", "other", nil)
		require.NoError(t, err)
		require.False(t, again, "after a day the key is free")
	})
}

func TestKeysOfBadForm(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		for _, key := range []string{"", "a b", "ä", strings.Repeat("x", 129), "a\n"} {
			_, _, err := ask(t, d, "key_1", key, "p", nil)
			require.ErrorIs(t, err, idempotency.ErrKey, "%q", key)
		}
	})
}

func TestManyAtOnceDoItOnce(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		var did atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				a, again, err := ask(t, d, "key_1", "a", "p", nil)
				if err != nil || string(a.Body) != "answer to p" {
					t.Error(a, err)
				}
				if !again {
					did.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, did.Load())
	})
}

func TestForgetting(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := jobs.New(d)
		idempotency.Work(q)
		_, _, err := ask(t, d, "key_1", "a", "p", nil)
		require.NoError(t, err)
		count := func() (n int64) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				n, err = db.One(tx, db.Scalar[int64], `select count(*) from idempotency_keys`)
				return err
			})
			return n
		}
		require.NoError(t, q.Drain(t.Context()))
		require.EqualValues(t, 1, count())
		d.Clock().Advance(25 * time.Hour)
		require.NoError(t, q.Drain(t.Context()))
		require.Zero(t, count())
	})
}
