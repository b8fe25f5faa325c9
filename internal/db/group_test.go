package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// Works that share a commit don't share a fate: those that fail, panic or are given up by their callers leave
// nothing, and everybody else's work is kept, whatever the turn in which they came.
func TestWorksOfAGroupStandAlone(t *testing.T) {
	undo := errors.New("undo")
	d := dbtest.Open(t, filepath.Join(t.TempDir(), "test.db"), nil, []db.Schema{things})
	var mu sync.Mutex
	kept := map[string]bool{}
	var all sync.WaitGroup
	for w := range 24 {
		all.Go(func() {
			for i := range 60 {
				name, kind := fmt.Sprintf("%d-%d", w, i), (w+i)%6
				ctx, cancel := context.WithCancel(t.Context())
				if kind == 3 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*20*time.Microsecond)
				}
				err := func() (err error) {
					defer func() {
						if recover() != nil {
							err = undo
						}
					}()
					return d.Write(ctx, func(tx *db.Tx) error {
						if _, err := tx.Exec(`insert into things (id, n, ok) values ($1, 1, true)`, name); err != nil {
							return err
						}
						switch kind {
						case 0:
							return undo
						case 1:
							panic("bug")
						case 2:
							cancel() // in the middle of the work
						}
						_, err := tx.Exec(`update things set n = 2 where id = $1`, name)
						return err
					})
				}()
				cancel()
				mu.Lock()
				kept[name] = err == nil
				mu.Unlock()
				if kind > 3 && err != nil {
					t.Error(err)
				}
				if kind < 3 && err == nil {
					t.Errorf("work %s of kind %d was kept", name, kind)
				}
			}
		})
	}
	all.Wait()
	dbtest.Read(t, d, func(tx *db.Tx) error {
		rows, err := db.All(tx, db.Scalar[string], `select id from things where n = 2`)
		require.NoError(t, err)
		there := map[string]bool{}
		for _, name := range rows {
			there[name] = true
		}
		for name, ok := range kept {
			require.Equal(t, ok, there[name], name)
		}
		n, err := db.One(tx, db.Scalar[int64], `select count(*) from things where n = 1`)
		require.Zero(t, n)
		return err
	})
	dbtest.Write(t, d, func(tx *db.Tx) error {
		_, err := tx.Exec(`insert into things (id, n, ok) values ('last', 1, true)`)
		return err
	})
}
