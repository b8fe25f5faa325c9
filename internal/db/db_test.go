package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
)

var things = db.Schema{Owner: "things", Files: fstest.MapFS{"schema/001_things.sql": {Data: []byte(`-- +goose Up
create table things (id text primary key, n bigint not null, ok boolean not null, at timestamp, body jsonb not null default '{}');
`)}}}

type thing struct {
	id, body string
	n        int64
	ok       bool
	at       time.Time
}

func scan(r db.Row) (t thing, err error) {
	err = r.Scan(&t.id, &t.n, &t.ok, db.Null(&t.at), &t.body)
	return
}

func TestRoundTrip(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		at := dbtest.Start.Add(123456 * time.Microsecond)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for _, in := range []thing{{"a", `{"k": "v"}`, 1 << 40, true, at}, {"b", `{}`, -1, false, time.Time{}}} {
				if _, err := tx.Exec(`insert into things (n, id, ok, at, body) values ($2, $1, $3, $4, $5)`, in.id, in.n, in.ok, in.at, in.body); err != nil {
					return err
				}
			}
			return nil
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := db.All(tx, scan, `select id, n, ok, at, body from things order by id`)
			require.NoError(t, err)
			require.Equal(t, thing{"a", `{"k": "v"}`, 1 << 40, true, at}, all[0])
			require.True(t, all[1].at.IsZero())
			var latest time.Time
			_, err = db.One(tx, func(r db.Row) (int, error) { return 0, r.Scan(db.Moment(&latest)) }, `select max(at) from things where at <= $1`, at)
			require.NoError(t, err)
			require.Equal(t, at, latest)
			k, err := db.One(tx, db.Scalar[string], `select body->>'k' from things where id = 'a'`)
			require.NoError(t, err)
			require.Equal(t, "v", k)
			_, err = db.One(tx, scan, `select id, n, ok, at, body from things where id = 'z'`)
			require.ErrorIs(t, err, db.ErrNone)
			return nil
		})
	})
}

func TestAllOrNothing(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		insert := func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into things (id, n, ok) values ('x', 1, true)`)
			return err
		}
		wrong := errors.New("wrong")
		after := 0
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			tx.After(func() { after++ })
			return errors.Join(insert(tx), wrong)
		}), wrong)
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			tx.After(func() { after++ })
			tx.Last(func(*db.Tx) error { return wrong })
			return insert(tx)
		}), wrong)
		require.Panics(t, func() {
			d.Write(t.Context(), func(tx *db.Tx) error { insert(tx); panic("bug") })
		})
		require.Zero(t, after)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			n, err := db.One(tx, db.Scalar[int64], `select count(*) from things`)
			require.Zero(t, n)
			return err
		})
		require.Error(t, d.Read(t.Context(), insert), "a reader can't write")
		require.NoError(t, d.Write(t.Context(), insert))
	})
}

func TestNoWorkInsideWork(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		require.Panics(t, func() {
			d.Write(t.Context(), func(tx *db.Tx) error {
				return d.Read(tx.Context(), func(*db.Tx) error { return nil })
			})
		})
	})
}

func TestManyWritersAreServedInTurn(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into things (id, n, ok) values ('x', 0, true)`)
			return err
		})
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				for range 10 {
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						n, err := db.One(tx, db.Scalar[int64], `select n from things where id = 'x'`+tx.ForUpdate())
						if err != nil {
							return err
						}
						_, err = tx.Exec(`update things set n = $1 where id = 'x'`, n+1)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		dbtest.Read(t, d, func(tx *db.Tx) error {
			n, err := db.One(tx, db.Scalar[int64], `select n from things where id = 'x'`)
			require.EqualValues(t, 320, n)
			return err
		})
	})
}

func TestMigrateFromSeveralNodesAtOnce(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					d, err := db.Open(context.Background(), at, nil)
					if err != nil {
						t.Error(err)
						return
					}
					defer d.Close()
					if err := d.Migrate(context.Background(), things); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		})
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte("these are notes and no database, however long they may be going on"), 0o600))
	for _, url := range []string{text, dir, filepath.Join(dir, "missing", "shop.db"), "postgres://nobody@127.0.0.1:1/none"} {
		_, err := db.Open(t.Context(), url, nil)
		require.ErrorIs(t, err, db.ErrUnusable, url)
		require.Equal(t, fault.Unavailable, fault.Of(err).Kind)
	}
	body, err := os.ReadFile(text)
	require.NoError(t, err)
	require.Contains(t, string(body), "these are notes", "the file is left as it was")
}

func TestClock(t *testing.T) {
	c := db.Manual(dbtest.Start)
	done := make(chan bool)
	go func() { done <- c.Wait(nil, dbtest.Start.Add(time.Hour)) }()
	for range 4 {
		c.Advance(15 * time.Minute)
	}
	require.True(t, <-done)
	require.Equal(t, dbtest.Start.Add(time.Hour), c.Now())
	fast := db.Fast(dbtest.Start, 3600)
	require.InDelta(t, float64(2*time.Second), float64(fast.Until(dbtest.Start.Add(2*time.Hour))), float64(time.Second))
}

// Works that hold every connection can wait for one of them that fills the memory they share.
func TestAsideWaitsForNobody(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		const works = 40 // more than there are connections
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var begun, all sync.WaitGroup
		var filling sync.Mutex
		fill := func() error {
			filling.Lock()
			defer filling.Unlock()
			return d.Aside(ctx, func(tx *db.Tx) error {
				_, err := db.One(tx, db.Scalar[int64], `select count(*) from things`)
				return err
			})
		}
		failures := make(chan error, works)
		begun.Add(works)
		for range works {
			all.Go(func() {
				begun.Done()
				begun.Wait()
				failures <- d.Read(ctx, func(*db.Tx) error { return fill() })
			})
		}
		all.Wait()
		for range works {
			require.NoError(t, <-failures)
		}
		err := d.Aside(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into things (id, n, ok) values ('a', 1, true)`)
			return err
		})
		require.Error(t, err, "what is read aside can't change anything")
	})
}

// One query needs no transaction, and nothing else can be done with it.
func TestPeek(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into things (id, n, ok) values ('a', 7, true)`)
			return err
		})
		count := func(tx *db.Tx) (err error) {
			n, err := db.One(tx, db.Scalar[int64], `select sum(n) from things where id = $1`, "a")
			require.Equal(t, int64(7), n)
			return err
		}
		for range 40 { // more often than there are connections
			require.NoError(t, d.Peek(t.Context(), count))
			require.Error(t, d.Peek(t.Context(), func(tx *db.Tx) error {
				_, err := db.One(tx, db.Scalar[int64], `select nothing from nowhere`)
				return err
			}))
		}
		require.Panics(t, func() { d.Peek(t.Context(), func(tx *db.Tx) error { return errors.Join(count(tx), count(tx)) }) })
		require.Panics(t, func() {
			d.Peek(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(`delete from things`); return err })
		})
		require.NoError(t, d.Peek(t.Context(), count))
	})
}

// A work that fails at its first statement, or does nothing, leaves the connection as it was.
func TestFirstStatement(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		for range 40 {
			require.Error(t, d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(`insert into nowhere values (1)`)
				return err
			}))
			require.Error(t, d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.One(tx, db.Scalar[int64], `select nothing from nowhere`)
				return err
			}))
			dbtest.Write(t, d, func(*db.Tx) error { return nil })
			dbtest.Read(t, d, func(*db.Tx) error { return nil })
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			tx.Exec(`insert into nowhere values (1)`)
			return nil
		})
		if d.Postgres() {
			require.Error(t, err, "what failed isn't kept, even where nobody looked")
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Exec(`insert into things (id, n, ok) values ('b', 1, true)`); err != nil {
				return err
			}
			return errors.New("undo")
		})
		require.EqualError(t, err, "undo")
		require.Error(t, d.Read(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into things (id, n, ok) values ('c', 1, true)`)
			return err
		}), "a reader can't change anything")
	})
}

// What is sent ahead is kept, undone and refused like everything else.
func TestSend(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		put := func(tx *db.Tx, id string, n int64) error {
			return tx.Send(`insert into things (id, n, ok) values ($1, $2, true)`, id, n)
		}
		sum := func(tx *db.Tx) int64 {
			n, err := db.One(tx, db.Scalar[int64], `select cast(coalesce(sum(n), 0) as bigint) from things`)
			require.NoError(t, err)
			return n
		}
		for range 40 { // more often than there are connections
			dbtest.Write(t, d, func(tx *db.Tx) error { return put(tx, "a", 1) })
			dbtest.Write(t, d, func(tx *db.Tx) error {
				require.NoError(t, put(tx, "b", 2))
				require.EqualValues(t, 3, sum(tx), "seen by the next query")
				require.NoError(t, put(tx, "c", 4))
				n, err := tx.Exec(`update things set n = n + 1 where id in ('a', 'c')`)
				require.EqualValues(t, 2, n)
				tx.Last(func(tx *db.Tx) error { return put(tx, "d", 8) })
				return err
			})
			require.EqualError(t, d.Write(t.Context(), func(tx *db.Tx) error {
				require.NoError(t, put(tx, "e", 16))
				return errors.New("undo")
			}), "undo")
			require.Error(t, d.Write(t.Context(), func(tx *db.Tx) error {
				require.NoError(t, put(tx, "f", 32))
				return put(tx, "a", 64)
			}), "a key that is there, told at the commit at the latest")
			require.Error(t, d.Write(t.Context(), func(tx *db.Tx) error {
				if err := put(tx, "a", 64); err != nil {
					return err
				}
				_, err := tx.Exec(`insert into things (id, n, ok) values ('g', 128, true)`)
				require.Error(t, err, "told with the next statement")
				_, err = tx.Exec(`insert into things (id, n, ok) values ('h', 128, true)`)
				require.Error(t, err, "and nothing more is done")
				return nil
			}))
			dbtest.Read(t, d, func(tx *db.Tx) error { require.EqualValues(t, 17, sum(tx)); return nil })
			dbtest.Write(t, d, func(tx *db.Tx) error {
				for n := range int64(200) { // more than are kept back
					if err := put(tx, strconv.FormatInt(n, 10), n); err != nil {
						return err
					}
				}
				return tx.Send(`delete from things`)
			})
		}
		require.Panics(t, func() { d.Peek(t.Context(), func(tx *db.Tx) error { return tx.Send(`delete from things`) }) })
	})
}
