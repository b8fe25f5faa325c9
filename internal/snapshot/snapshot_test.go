package snapshot_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/snapshot"
)

func TestSnapshot(t *testing.T) {
	dbtest.Each(t, nil, func(t *testing.T, d *db.DB) {
		var version, made atomic.Int64
		var fails atomic.Bool
		s := snapshot.New(d, version.Load, func(_ *db.Tx, before *int64) (*int64, error) {
			if fails.Load() {
				return nil, errors.New("the disk is gone")
			}
			n := made.Add(1)
			if before != nil && *before >= n {
				t.Errorf("%d came after %d", n, *before)
			}
			return &n, nil
		})
		fails.Store(true)
		require.Error(t, s.Load(t.Context()))
		require.Zero(t, *s.Get(), "an empty value rather than none")
		fails.Store(false)
		require.NoError(t, s.Load(t.Context()))
		require.NoError(t, s.Load(t.Context()))
		require.EqualValues(t, 1, *s.Get())
		require.EqualValues(t, 1, made.Load(), "made once per version")
		version.Add(1)
		fails.Store(true)
		require.EqualValues(t, 1, *s.Get(), "the value before rather than none")
		fails.Store(false)
		require.EqualValues(t, 2, *s.Get())
		err := d.Write(t.Context(), func(*db.Tx) error {
			version.Add(1)
			require.EqualValues(t, 3, *s.Get(), "also in the middle of a unit of work")
			return nil
		})
		require.NoError(t, err)
	})
}

func TestManyReadersSeeValuesInOrder(t *testing.T) {
	dbtest.Each(t, nil, func(t *testing.T, d *db.DB) {
		var version, made atomic.Int64
		s := snapshot.New(d, version.Load, func(*db.Tx, *int64) (*int64, error) {
			n := made.Add(1)
			return &n, nil
		})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				last := int64(0)
				for i := range 200 {
					if i%20 == 0 {
						version.Add(1)
					}
					n := *s.Get()
					if n < last || n == 0 {
						t.Errorf("%d after %d", n, last)
					}
					last = n
				}
			})
		}
		all.Wait()
	})
}
