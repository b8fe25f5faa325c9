package money

import (
	"math"
	"testing"
)

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		name    string
		total   int64
		weights []int64
		want    []int64
	}{
		{"even", 900, []int64{1, 1, 1}, []int64{300, 300, 300}},
		{"odd cents go last", 1000, []int64{1, 1, 1}, []int64{333, 333, 334}},
		{"refund", -1000, []int64{1, 1, 1}, []int64{-333, -333, -334}},
		{"free gift takes none", 100, []int64{0, 2, 1}, []int64{0, 66, 34}},
		{"no weight", 100, []int64{0, 0}, []int64{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, got := range Of(tt.total, "EUR").Share(tt.weights...) {
				if got.Minor != tt.want[i] {
					t.Errorf("part %d = %d, want %d", i, got.Minor, tt.want[i])
				}
			}
		})
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct{ gross, percent, want int64 }{
		{119_00, 19_00, 19_00},
		{10_00, 7_00, 65},
		{-119_00, 19_00, -19_00},
		{1, 19_00, 0},
	} {
		if got := Of(tt.gross, "EUR").Within(Rate{tt.percent, 4}); got.Minor != tt.want {
			t.Errorf("%d at %d = %d, want %d", tt.gross, tt.percent, got.Minor, tt.want)
		}
	}
}

// Whatever the weights, no cent is lost and none is made.
func FuzzShare(f *testing.F) {
	f.Add(int64(1000), int64(1), int64(1), int64(1))
	f.Add(int64(-7), int64(3), int64(0), int64(5))
	f.Fuzz(func(t *testing.T, total, a, b, c int64) {
		for _, w := range []int64{a, b, c} {
			if w < 0 || w > math.MaxInt32 {
				t.Skip("weights are quantities or prices")
			}
		}
		if a+b+c == 0 || total == math.MinInt64 {
			t.Skip()
		}
		var sum Amount
		for _, p := range Of(total, "EUR").Share(a, b, c) {
			sum = sum.Add(p)
		}
		if sum.Minor != total {
			t.Errorf("parts add up to %d, not %d", sum.Minor, total)
		}
	})
}
