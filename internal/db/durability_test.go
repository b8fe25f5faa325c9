package db_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
)

// FULL is 2, NORMAL 1 and OFF 0. Source: sqlite.org, pragma synchronous.
func TestHowCarefulCommitsAre(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		url  string
		file string
		want int64
	}{
		{"plain.db", "plain.db", 2}, {"full.db?synchronous=full", "full.db", 2}, {"normal.db?synchronous=normal", "normal.db", 1},
		{"off.db?synchronous=off&readers=1", "off.db", 0}, {"odd.db?synchronous=none", "odd.db?synchronous=none", 2}, {"why?.db", "why?.db", 2},
		{"alone.db?readers=0", "alone.db", 2},
	} {
		d, err := db.Open(t.Context(), filepath.Join(dir, c.url), nil)
		require.NoError(t, err)
		var level int64
		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) (err error) {
			level, err = db.One(tx, db.Scalar[int64], `pragma synchronous`)
			return err
		}))
		require.Equal(t, c.want, level, c.url)
		for _, look := range []func(context.Context, func(*db.Tx) error) error{d.Read, d.Peek} {
			require.NoError(t, look(t.Context(), func(tx *db.Tx) (err error) {
				level, err = db.One(tx, db.Scalar[int64], `select count(*) from sqlite_master`)
				return err
			}), c.url)
			require.Zero(t, level)
		}
		require.NoError(t, d.Close())
		_, err = os.Stat(filepath.Join(dir, c.file))
		require.NoError(t, err)
	}
}

// Parameters may stand in any order, several times, and beside quoted signs that look like them.
func TestParameters(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"), nil)
	require.NoError(t, err)
	defer d.Close()
	for query, want := range map[string]string{
		`select $1 || $2 || $3`:                "abc",
		`select $3 || $1 || $2`:                "cab",
		`select $1 || $2 || $3 || $1`:          "abca",
		`select '$1?' || $1 || $2 || $3`:       "$1?abc",
		`select 'it''s $2 ' || $1 || $2 || $3`: "it's $2 abc",
		`select $1 || '?' || $2 || '$9' || $3`: "a?b$9c",
	} {
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			got, err := db.One(tx, db.Scalar[string], query, "a", "b", "c")
			require.Equal(t, want, got, query)
			return err
		}))
	}
}
