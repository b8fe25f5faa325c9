// Package experiment says what a comparison of two groups of people shows: differences of shares and of means with
// intervals, whether the groups were split as they should have been, and how many people are still missing.
//
// It is arithmetic and knows nothing of journeys or shops. Formulas and their sources are in docs/measurement.md.
package experiment

import "math"

// Level is the confidence of every interval.
const Level = 0.95

const alpha = 1 - Level

// Enough is how many people each group needs before anything is said: with fewer, sequential intervals, which hold for
// large numbers, would be too narrow.
const Enough = 50

// Interval is an estimate with its bounds.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Sign is 1 or -1 where the whole interval lies above or below nought, else 0.
func (i Interval) Sign() int {
	switch {
	case i.Low > 0:
		return 1
	case i.High < 0:
		return -1
	}
	return 0
}

// Half is half of the interval's width.
func (i Interval) Half() float64 { return (i.High - i.Low) / 2 }

// Share is how many of N did it.
type Share struct {
	N    int64 `json:"n"`
	Hits int64 `json:"hits"`
}

// P is the share; 0 of nobody.
func (s Share) P() float64 {
	if s.N == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.N)
}

// variance is that of one person's outcome, with two imagined people added so that it is never 0.
func (s Share) variance() float64 {
	p := (float64(s.Hits) + 1) / (float64(s.N) + 2)
	return p * (1 - p)
}

// Wilson is the score interval of a share.
func (s Share) Wilson() Interval {
	if s.N == 0 {
		return Interval{0, 0, 1}
	}
	n, p, z := float64(s.N), s.P(), Normal(1-alpha/2)
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Interval{p, max(0, mid-half), min(1, mid+half)}
}

// Newcombe is the difference a - b with the hybrid score interval.
func Newcombe(a, b Share) Interval {
	d, x, y := a.P()-b.P(), a.Wilson(), b.Wilson()
	return Interval{d, d - math.Hypot(x.Value-x.Low, y.High-y.Value), d + math.Hypot(x.High-x.Value, y.Value-y.Low)}
}

// Sample is N numbers by their sum and the sum of their squares.
type Sample struct {
	N       int64   `json:"n"`
	Sum     float64 `json:"sum"`
	Squares float64 `json:"squares"`
}

// Add takes a number in.
func (s *Sample) Add(x float64) {
	s.N++
	s.Sum += x
	s.Squares += x * x
}

// Mean is 0 of nothing.
func (s Sample) Mean() float64 {
	if s.N == 0 {
		return 0
	}
	return s.Sum / float64(s.N)
}

// Variance is the unbiased one; 0 of less than two.
func (s Sample) Variance() float64 {
	if s.N < 2 {
		return 0
	}
	n := float64(s.N)
	return max(0, (s.Squares-s.Sum*s.Sum/n)/(n-1))
}

// Welch is the difference of means a - b with Welch's interval; without bounds where a side has less than two.
func Welch(a, b Sample) Interval {
	d := a.Mean() - b.Mean()
	if a.N < 2 || b.N < 2 {
		return Interval{d, math.Inf(-1), math.Inf(1)}
	}
	x, y := a.Variance()/float64(a.N), b.Variance()/float64(b.N)
	if x+y == 0 {
		return Interval{d, d, d}
	}
	freedom := (x + y) * (x + y) / (x*x/float64(a.N-1) + y*y/float64(b.N-1))
	half := Student(1-alpha/2, freedom) * math.Sqrt(x+y)
	return Interval{d, d - half, d + half}
}

// Stratum is a part of the people with its difference: a market.
type Stratum struct {
	Interval
	N        int64   // of both groups
	Variance float64 // of the difference, for sequential intervals
}

// Pool is the mean of differences weighted by how many people they are of, with bounds combined in the same way as
// Newcombe's: each side from the distances of the parts on that side. Parts of nobody don't count.
func Pool(parts []Stratum) Interval {
	var n, low, high float64
	for _, s := range parts {
		n += float64(s.N)
	}
	if n == 0 {
		return Interval{0, math.Inf(-1), math.Inf(1)}
	}
	var d float64
	for _, s := range parts {
		if s.N == 0 {
			continue
		}
		w := float64(s.N) / n
		d += w * s.Value
		low += w * w * (s.Value - s.Low) * (s.Value - s.Low)
		high += w * w * (s.High - s.Value) * (s.High - s.Value)
	}
	return Interval{d, d - math.Sqrt(low), d + math.Sqrt(high)}
}

// PoolSequential is Pool for looking at any time.
func PoolSequential(parts []Stratum) Interval {
	var all int64
	for _, s := range parts {
		all += s.N
	}
	if all == 0 {
		return Interval{0, math.Inf(-1), math.Inf(1)}
	}
	var d, v float64
	for _, s := range parts {
		w := float64(s.N) / float64(all)
		d += w * s.Value
		v += w * w * s.Variance
	}
	return Sequential(d, v, all)
}

// tuned is the number of people at which sequential intervals are narrowest, compared with one look: chosen once, since
// it must not depend on what is seen.
const tuned = 2000

// Sequential is an interval that holds at all times at once: it may be looked at every day, and the experiment ended
// because of what it shows. d is the difference so far, v its variance, n all people so far.
func Sequential(d, v float64, n int64) Interval {
	if n == 0 {
		return Interval{d, math.Inf(-1), math.Inf(1)}
	}
	half := math.Sqrt(v) * stretch(float64(n))
	return Interval{d, d - half, d + half}
}

// stretch is how many standard deviations of the estimate a sequential interval reaches to each side.
func stretch(n float64) float64 {
	rho := (-2*math.Log(alpha) + math.Log(-2*math.Log(alpha)) + 1) / tuned // the square of the paper's parameter
	return math.Sqrt(2 * (n*rho + 1) / (n * rho) * math.Log(math.Sqrt(n*rho+1)/alpha))
}

// SharesVariance is the variance of a difference of shares.
func SharesVariance(a, b Share) float64 {
	if a.N == 0 || b.N == 0 {
		return math.Inf(1)
	}
	return a.variance()/float64(a.N) + b.variance()/float64(b.N)
}

// MeansVariance is the variance of a difference of means.
func MeansVariance(a, b Sample) float64 {
	if a.N < 2 || b.N < 2 {
		return math.Inf(1)
	}
	return a.Variance()/float64(a.N) + b.Variance()/float64(b.N)
}

// Split is the p-value of the chi-square test that the second of two groups is as large as it should be.
func Split(first, second int64, shouldBe float64) float64 {
	n := float64(first + second)
	if n == 0 || shouldBe <= 0 || shouldBe >= n {
		return 1
	}
	off := float64(second) - shouldBe
	x := off*off/shouldBe + off*off/(n-shouldBe)
	return math.Erfc(math.Sqrt(x / 2))
}

// Missing is about how many people are still missing, in both groups, until an interval is no wider to each side than
// half, if things go on as they did; sequential says which interval. 0: none.
func Missing(v float64, n int64, half float64, sequential bool) int64 {
	if n == 0 || half <= 0 || math.IsInf(v, 0) {
		return 0
	}
	reach := func(m float64) float64 {
		z := Normal(1 - alpha/2)
		if sequential {
			z = stretch(m)
		}
		return z * math.Sqrt(v*float64(n)/m)
	}
	low, high := float64(n), float64(n)
	for reach(high) > half && high < 1e12 {
		high *= 2
	}
	for range 60 {
		if mid := (low + high) / 2; reach(mid) > half {
			low = mid
		} else {
			high = mid
		}
	}
	if reach(float64(n)) <= half {
		return 0
	}
	return int64(math.Ceil(high)) - n
}
