package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/admin"
	"portolan/internal/experiment"
	"portolan/internal/journeys"
)

// The file says no more than the page: what can't be told yet is empty, with the reason.
func TestTheFileOfAnEffectSaysWhatThePageSays(t *testing.T) {
	in := func(low, high float64) experiment.Interval {
		return experiment.Interval{Value: (low + high) / 2, Low: low, High: high}
	}
	group := func(n, hits int64) journeys.Group { return journeys.Group{People: experiment.Share{N: n, Hits: hits}} }
	of := func(v journeys.Verdict, profit experiment.Interval) journeys.Comparison {
		return journeys.Comparison{Name: string(v), A: group(900, 90), B: group(100, 5), Conversion: in(-0.01, 0.11), Profit: profit, Verdict: v, Missing: 12, Days: 3}
	}
	table := admin.EffectTable(journeys.Effect{Base: "EUR", All: of(journeys.Better, in(1, 3)), Markets: []journeys.Comparison{
		of(journeys.Worse, in(1, 3)), of(journeys.NoEffect, in(-2e9, 2e9)), of(journeys.TooFew, in(1, 3)), of(journeys.Unequal, in(1, 3)), of(journeys.NoControl, in(1, 3)),
	}})
	require.Len(t, table, 7)
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	for i, tt := range []struct{ verdict, lift, profit, bought, why, days string }{
		{"better", "-0.010000", "1.000000", "90", "", "3"},
		{"worse", "-0.010000", "1.000000", "90", "", "3"},
		{"none", "-0.010000", "", "90", "profit_without_bounds_yet", "3"},
		{"few", "", "", "90", "not_enough_yet", "3"},
		{"unequal", "", "", "", "groups_not_as_large_as_the_lot_makes_them", ""},
		{"nocontrol", "", "", "90", "nobody_held_out", "3"},
	} {
		row := table[i+1]
		require.Len(t, row, len(table[0]), tt.verdict)
		cell := func(name string) string { return row[column[name]] }
		require.Equal(t, tt.verdict, cell("verdict"))
		for _, name := range []string{"lift", "lift_low", "lift_high"} {
			require.Equal(t, tt.lift == "", cell(name) == "", "%s %s", tt.verdict, name)
		}
		for _, name := range []string{"profit_per_person", "profit_low", "profit_high"} {
			require.Equal(t, tt.profit == "", cell(name) == "", "%s %s", tt.verdict, name)
		}
		require.Equal(t, tt.lift, cell("lift_low"), tt.verdict)
		require.Equal(t, tt.profit, cell("profit_low"), tt.verdict)
		require.Equal(t, tt.bought, cell("treated_bought"), tt.verdict)
		require.Equal(t, "900", cell("treated"), tt.verdict)
		require.Equal(t, tt.why, cell("why_empty"), tt.verdict)
		require.Equal(t, tt.days, cell("missing_days"), tt.verdict)
	}
}
