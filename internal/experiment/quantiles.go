package experiment

import "math"

// Normal is the quantile of the standard normal distribution.
func Normal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// Student is the quantile of Student's distribution, found by halving: p from 0.5 to 1, freedom 1 or more.
func Student(p, freedom float64) float64 {
	if p <= 0.5 {
		return 0
	}
	low, high := 0.0, 1.0
	for below(high, freedom) < p && high < 1e9 {
		high *= 2
	}
	for range 100 {
		if mid := (low + high) / 2; below(mid, freedom) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// below is the probability that Student's t is less than x, which is not negative.
func below(x, freedom float64) float64 { return 1 - beta(freedom/(freedom+x*x), freedom/2, 0.5)/2 }

// beta is the regularised incomplete beta function, by its continued fraction.
func beta(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - beta(1-x, b, a)
	}
	lg := func(v float64) float64 { r, _ := math.Lgamma(v); return r }
	front := math.Exp(lg(a+b)-lg(a)-lg(b)+a*math.Log(x)+b*math.Log(1-x)) / a
	const tiny = 1e-300
	whole := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	f, c, d := 1.0, 1.0, 0.0
	for i := range 500 {
		m := float64(i / 2)
		var n float64
		switch {
		case i == 0:
			n = 1
		case i%2 == 0:
			n = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			n = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		d = 1 / whole(1+n*d)
		c = whole(1 + n/c)
		f *= c * d
		if math.Abs(1-c*d) < 1e-14 {
			break
		}
	}
	return front * (f - 1)
}
