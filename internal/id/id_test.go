package id_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/id"
)

// A script gives the same identifiers each time, each once, sorted by age even where the clock stands.
func TestScript(t *testing.T) {
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	play := func(seed uint64) (all []string) {
		defer id.Script(seed, func() time.Time { return at })()
		for range 500 {
			all = append(all, id.New("x"))
		}
		return all
	}
	first := play(1)
	require.True(t, slices.IsSorted(first))
	require.Len(t, slices.Compact(slices.Clone(first)), 500)
	require.Equal(t, first, play(1))
	require.NotEqual(t, first, play(2))
	require.NotEqual(t, id.New("x"), id.New("x"))
}
