package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The directory of a play is made if it isn't there; where that can't be, the flag and a remedy are named.
func TestTheDirectoryOfAPlay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plays", "first")
	status, _, errs := try(t, "sim", "--behaviour", write(t, "behaviour.json", "no JSON"), "--dir", dir)
	require.NotZero(t, status, "it ends before it plays")
	info, err := os.Stat(dir)
	require.NoError(t, err, "status %d: %s", status, errs)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	file := write(t, "file", "x")
	for _, tt := range []struct {
		name, says string
		args       []string
	}{
		{"a file is in the way", "name one that", []string{"--dir", file}},
		{"below a file", "name one that", []string{"--dir", filepath.Join(file, "plays")}},
		{"nothing to run again", "name the directory", []string{"--replay", "--dir", filepath.Join(t.TempDir(), "none")}},
		{"run again without a place", "needs --dir", []string{"--replay"}},
		{"kills on files of their own", "leave --dir out", []string{"--kills", "2", "--dir", dir}},
	} {
		status, _, errs := try(t, append([]string{"sim", "--days", "1"}, tt.args...)...)
		require.Equal(t, 2, status, "%s: %s", tt.name, errs)
		require.Contains(t, errs, "--dir", tt.name)
		require.Contains(t, errs, tt.says, tt.name)
	}
	status, _, errs = try(t, "sim", "--days", "0")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "--days 0")
}
