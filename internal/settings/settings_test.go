package settings_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/settings"
)

var schemas = []db.Schema{settings.Schema}

type quietHours struct {
	From, To string
	Days     []int
}

func TestSettings(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		get := func(value any) (known bool) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				known, err = settings.Get(tx, "messaging.quiet", value)
				return err
			})
			return known
		}
		hours := quietHours{From: "21:00"}
		require.False(t, get(&hours))
		require.Equal(t, "21:00", hours.From, "the default stays")
		for _, want := range []quietHours{{"22:00", "08:00", []int{6, 7}}, {"23:00", "ü \"x\"", nil}} {
			dbtest.Write(t, d, func(tx *db.Tx) error { return settings.Set(tx, "messaging.quiet", want) })
			got := quietHours{}
			require.True(t, get(&got))
			require.Equal(t, want, got)
		}
		require.ErrorContains(t, d.Read(t.Context(), func(tx *db.Tx) error {
			_, err := settings.Get(tx, "messaging.quiet", new(int))
			return err
		}), "setting messaging.quiet: ")
		require.Error(t, d.Write(t.Context(), func(tx *db.Tx) error { return settings.Set(tx, "f", func() {}) }))
		dbtest.Write(t, d, func(tx *db.Tx) error { return settings.Unset(tx, "messaging.quiet") })
		require.False(t, get(&hours))
	})
}

func TestABumpIsSeenRightAfterItsCommit(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := settings.Watch(d)
		require.Zero(t, w.Version("catalog"))
		wrong := errors.New("wrong")
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error { return errors.Join(settings.Bump(tx, "catalog"), wrong) }), wrong)
		require.Zero(t, w.Version("catalog"))
		for want := int64(1); want <= 3; want++ {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				defer func() { require.Equal(t, want-1, w.Version("catalog"), "not before") }()
				return settings.Bump(tx, "catalog")
			})
			require.Equal(t, want, w.Version("catalog"))
		}
		dbtest.Write(t, d, func(tx *db.Tx) error { return settings.Set(tx, "shop", "x") })
		require.EqualValues(t, 1, w.Version("shop"), "a setting is a version too")
		require.EqualValues(t, 3, settings.Watch(d).Version("catalog"), "a process that starts knows what was")
	})
}

func TestOtherNodesLearnOfABump(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			here, there := dbtest.Open(t, at, nil, schemas), dbtest.Open(t, at, nil, schemas)
			w, unmoved := settings.Watch(there), settings.Watch(there)
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { w.Run(ctx) })
			defer running.Wait()
			defer cancel()
			dbtest.Write(t, here, func(tx *db.Tx) error { return settings.Bump(tx, "prices") })
			deadline := time.After(5 * time.Second)
			for w.Version("prices") != 1 {
				select {
				case <-deadline:
					t.Fatal("never learnt")
				case <-time.After(5 * time.Millisecond):
				}
			}
			require.Zero(t, unmoved.Version("prices"), "another database's bump is no news of itself")
		})
	}
}

func TestManyBumpsAtOnceAreAllCounted(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := settings.Watch(d)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 10 {
					if err := d.Write(context.Background(), func(tx *db.Tx) error { return settings.Bump(tx, "stock") }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 80, w.Version("stock"))
	})
}
