package storefront

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who opens many links that there aren't is told to wait; others are served meanwhile.
func TestGuessesAreLimited(t *testing.T) {
	var g guesses
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range mostMisses {
		require.False(t, g.over(one, now))
		g.missed(one, now)
	}
	require.True(t, g.over(one, now))
	require.False(t, g.over(other, now))
	require.False(t, g.over(one, now.Add(missesIn)))
	for i := range mostKept + 5 {
		g.missed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	require.LessOrEqual(t, len(g.all), mostKept)
}
