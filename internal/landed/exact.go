package landed

import "math/bits"

// million is the scale of every rate in the pack: 12.5 % is 125,000 millionths.
const million = 1_000_000

// largest is the most minor units that one line, or the whole order, may come to. With it every product
// below fits into 128 bits.
const largest = 1_000_000_000_000_000

// way is how a quotient becomes a whole number.
type way uint8

const (
	half way = iota // half up
	down
	up
)

// wide is an unsigned whole number of 128 bits.
type wide struct{ hi, lo uint64 }

func times(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return wide{hi, lo}
}

func (w wide) plus(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	return wide{w.hi + v.hi + carry, lo}
}

func (w wide) less(v wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

// over divides by a positive d. It is false when the quotient is no reasonable amount.
func (w wide) over(d int64, how way) (int64, bool) {
	add := uint64(0)
	switch how {
	case half:
		add = uint64(d) / 2
		if d%2 != 0 { // 2w + d over 2d keeps an odd divisor's half exact
			if w.hi >= 1<<62 || uint64(d) >= 1<<62 {
				return 0, false
			}
			w, d = w.plus(w), 2*d
			add = uint64(d) / 2
		}
	case up:
		add = uint64(d) - 1
	}
	w = w.plus(wide{0, add})
	if w.hi >= uint64(d) {
		return 0, false
	}
	q, _ := bits.Div64(w.hi, w.lo, uint64(d))
	return int64(q), q <= 100*largest
}

// steps rounds w / d to a multiple of step.
func (w wide) steps(d, step int64, how way) (int64, bool) {
	if step <= 1 {
		return w.over(d, how)
	}
	if d > (1<<62)/step {
		return 0, false
	}
	n, ok := w.over(d*step, how)
	return n * step, ok && n <= 100*largest/step
}

// share splits total over weights, each part rounded half up and the last taking what is left, so that the
// parts add up to total exactly (rule data: landed cost, section 5). Where that would leave the last part
// below nothing, the parts are differences of the rounded running sum instead. Without weight the last
// part takes all.
func share(total int64, n int, weight func(int) int64, give func(int, int64)) {
	var sum, given int64
	for i := range n {
		sum += weight(i)
	}
	if sum == 0 {
		for i := range n - 1 {
			give(i, 0)
		}
		if n > 0 {
			give(n-1, total)
		}
		return
	}
	if total == 0 {
		for i := range n {
			give(i, 0)
		}
		return
	}
	last := n - 1
	for last > 0 && weight(last) == 0 {
		last--
	}
	for i := range last {
		part, _ := times(total, weight(i)).over(sum, half)
		given += part
	}
	if given <= total {
		for i := range n {
			switch {
			case i == last:
				give(i, total-given)
			default:
				part, _ := times(total, weight(i)).over(sum, half)
				give(i, part)
			}
		}
		return
	}
	var run, before int64
	for i := range n {
		run += weight(i)
		at, _ := times(total, run).over(sum, half)
		give(i, at-before)
		before = at
	}
}

// fraction is an exact exchange rate between minor units: num of the one for den of the other.
type fraction struct{ num, den int64 }

func (f fraction) of(minor int64) (int64, bool) { return times(minor, f.num).over(f.den, half) }

func (f fraction) inverse() fraction { return fraction{f.den, f.num} }

func (f fraction) times(g fraction) (fraction, bool) {
	a := gcd(f.num, g.den)
	b := gcd(g.num, f.den)
	n, m := times(f.num/a, g.num/b), times(f.den/b, g.den/a)
	if n.hi != 0 || m.hi != 0 || n.lo > 1<<62 || m.lo > 1<<62 {
		return fraction{}, false
	}
	return fraction{int64(n.lo), int64(m.lo)}, true
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
