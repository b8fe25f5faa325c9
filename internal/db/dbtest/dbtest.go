// Package dbtest runs a test once on SQLite and, if PORTOLAN_TEST_PG names a server, once on PostgreSQL.
package dbtest

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portolan/internal/db"
	"portolan/internal/id"
)

// Start is where the clock of a test stands: a Tuesday noon in UTC.
var Start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Each runs f on an empty, migrated database of each kind, on a clock that stands at Start until moved.
func Each(t *testing.T, schemas []db.Schema, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	EachClock(t, schemas, func() *db.Clock { return db.Manual(Start) }, f)
}

// EachClock is Each with a clock of the test's choice.
func EachClock(t *testing.T, schemas []db.Schema, clock func() *db.Clock, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	for name, url := range URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, Open(t, url(t), clock(), schemas))
		})
	}
}

// URLs names an empty database of each kind that can be had here; each call of a function makes another.
func URLs(t testing.TB) map[string]func(t testing.TB) string {
	t.Helper()
	all := map[string]func(t testing.TB) string{
		"sqlite": func(t testing.TB) string { return filepath.Join(t.TempDir(), "test.db") },
	}
	if server := os.Getenv("PORTOLAN_TEST_PG"); server != "" {
		all["postgres"] = func(t testing.TB) string { return fresh(t, server) }
	} else if os.Getenv("CI") != "" {
		t.Fatal("PORTOLAN_TEST_PG is not set: in CI every store test runs on PostgreSQL too")
	}
	return all
}

// Write is Write that ends the test on error.
func Write(t *testing.T, d *db.DB, f func(*db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// Read is Read that ends the test on error.
func Read(t *testing.T, d *db.DB, f func(*db.Tx) error) {
	t.Helper()
	if err := d.Read(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// Open opens and migrates a database that is closed with the test.
func Open(t testing.TB, url string, clock *db.Clock, schemas []db.Schema) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(t.Context(), schemas...); err != nil {
		t.Fatal(err)
	}
	return d
}

func fresh(t testing.TB, server string) string {
	t.Helper()
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	name := id.New("test")
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin, err := pgx.Connect(ctx, server)
		if err != nil {
			t.Error(err)
			return
		}
		defer admin.Close(ctx)
		if _, err := admin.Exec(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	q := u.Query()
	q.Set("pool_max_conns", "8")
	u.RawQuery = q.Encode()
	return u.String()
}
