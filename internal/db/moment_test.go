package db

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Moments are written as the driver of SQLite writes them, which is how they are compared in queries.
func TestMomentText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-62_000_000_000_000_000, 260_000_000_000_000_000).Draw(t, "microseconds")).UTC()
		if rapid.Bool().Draw(t, "whole") {
			at = at.Truncate(time.Duration(rapid.SampledFrom([]int{1000, 1_000_000, 1_000_000_000, 60_000_000_000}).Draw(t, "unit")))
		}
		if got, want := momentText(at), at.Format("2006-01-02 15:04:05.999999999-07:00"); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	})
}
