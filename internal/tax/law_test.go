package tax

import (
	"testing"

	"pgregory.net/rapid"
)

// No unit is lost, none is made, and no part gives back more than it has.
func TestAllot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000_000_000), 1, 8).Draw(t, "room")
		var total int64
		for _, r := range room {
			total += r
		}
		amount := rapid.Int64Range(0, total).Draw(t, "amount")
		var sum int64
		for i, p := range allot(amount, room) {
			if p < 0 || p > room[i] {
				t.Fatalf("part %d of %d", p, room[i])
			}
			sum += p
		}
		if sum != amount {
			t.Fatalf("parts add up to %d, not %d", sum, amount)
		}
	})
}

func TestWindows(t *testing.T) {
	for _, tt := range []struct{ period, today, want string }{
		{"rolling_12", "2026-11-24", "2025-11-25..2026-11-24+"},
		{"year", "2026-11-24", "2026-01-01..2026-11-24+"},
		{"previous_year", "2026-01-01", "2026-01-01..2026-01-01+ 2025-01-01..2025-12-31"},
		{"two_years_before", "2026-11-24", "2026-01-01..2026-11-24+ 2025-01-01..2025-12-31 2024-01-01..2024-12-31"},
		{"four_quarters", "2026-11-24", "2025-11-25..2026-11-24+ 2025-10-01..2026-09-30"},
		{"four_ny_quarters", "2026-11-24", "2025-11-25..2026-11-24+ 2025-09-01..2026-08-31"},
		{"four_ny_quarters", "2026-12-01", "2025-12-02..2026-12-01+ 2025-12-01..2026-11-30"},
		{"four_ny_quarters", "2026-02-10", "2025-02-11..2026-02-10+ 2024-12-01..2025-11-30"},
		{"year_to_september", "2026-11-24", "2026-10-01..2026-11-24+ 2025-10-01..2026-09-30"},
		{"year_to_september", "2026-09-30", "2025-10-01..2026-09-30+ 2024-10-01..2025-09-30"},
		{"none", "2026-09-30", ""},
	} {
		got := ""
		for i, w := range windows(tt.period, tt.today) {
			if i > 0 {
				got += " "
			}
			got += w.First + ".." + w.Last
			if w.Running {
				got += "+"
			}
		}
		if got != tt.want {
			t.Errorf("%s on %s: %s, want %s", tt.period, tt.today, got, tt.want)
		}
	}
}

func TestPeriods(t *testing.T) {
	for in, want := range map[Period]string{"2026-11": "2026-11-01 2026-11-30", "2026-Q4": "2026-10-01 2026-12-31", "2024-02": "2024-02-01 2024-02-29", "2026": "2026-01-01 2026-12-31"} {
		first, last, err := in.Days()
		if err != nil || first+" "+last != want {
			t.Errorf("%s: %s %s %v", in, first, last, err)
		}
	}
	for _, bad := range []Period{"", "2026-13", "2026-Q5", "2026-Q0", "26", "2026-1", "abcd", "2026-11-01", "abcd-Q1", "2026-é"} {
		if _, _, err := bad.Days(); err == nil {
			t.Errorf("%q is a period", bad)
		}
	}
}
