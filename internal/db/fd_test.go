package db_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
)

// A database that is closed leaves no file open.
func TestClosedFiles(t *testing.T) {
	const open = "/proc/self/fd"
	if _, err := os.Stat(open); err != nil {
		t.Skip("optional: only Linux lists a process's open files in " + open)
	}
	path := filepath.Join(t.TempDir(), "closed.db")
	files := func() (n int) {
		all, err := os.ReadDir(open)
		require.NoError(t, err)
		for _, f := range all {
			if to, err := os.Readlink(filepath.Join(open, f.Name())); err == nil && strings.HasPrefix(to, path) {
				n++
			}
		}
		return n
	}
	for range 2 {
		d, err := db.Open(t.Context(), path, nil)
		require.NoError(t, err)
		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error { return tx.Send(`create table if not exists t (a text)`) }))
		for _, read := range []func(func(*db.Tx) error) error{
			func(f func(*db.Tx) error) error { return d.Read(t.Context(), f) },
			func(f func(*db.Tx) error) error { return d.Aside(t.Context(), f) },
		} {
			require.NoError(t, read(func(tx *db.Tx) error { _, err := db.All(tx, db.Scalar[string], `select a from t`); return err }))
		}
		require.Positive(t, files())
		require.NoError(t, d.Close())
		require.Zero(t, files())
	}
}
