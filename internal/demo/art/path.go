package art

import (
	"math"
	"strconv"
	"strings"
)

type point struct{ x, y float64 }

// stroke is one piece of a path: its end, with no control points (a straight line), one (quadratic) or two (cubic).
type stroke struct{ pts []point }

func (s stroke) end() point { return s.pts[len(s.pts)-1] }

// curve is a run of strokes from start. Drawings use absolute SVG path commands M, L, Q, C and Z.
type curve struct {
	start   point
	strokes []stroke
	closed  bool
}

// parse reads path data written in this package; data it cannot read is a mistake here and panics.
func parse(d string) []curve {
	var curves []curve
	var cmd byte
	var nums []float64
	take := func() {
		n := map[byte]int{'M': 2, 'L': 2, 'Q': 4, 'C': 6}[cmd]
		if n == 0 || len(nums) < n {
			return
		}
		pts := make([]point, 0, n/2)
		for i := 0; i < n; i += 2 {
			pts = append(pts, point{nums[i], nums[i+1]})
		}
		nums = nums[:0]
		if cmd == 'M' {
			curves = append(curves, curve{start: pts[0]})
			cmd = 'L'
			return
		}
		last := &curves[len(curves)-1]
		last.strokes = append(last.strokes, stroke{pts})
	}
	for i := 0; i < len(d); {
		switch c := d[i]; {
		case c == ' ' || c == ',' || c == '\n' || c == '\t':
			i++
		case c == 'Z':
			curves[len(curves)-1].closed = true
			i++
		case c >= 'A' && c <= 'Y':
			cmd = c
			i++
		default:
			j := i + 1
			for j < len(d) && (d[j] == '.' || d[j] >= '0' && d[j] <= '9') {
				j++
			}
			v, err := strconv.ParseFloat(d[i:j], 64)
			if err != nil {
				panic("art: unreadable path data " + d)
			}
			nums = append(nums, v)
			i = j
			take()
		}
	}
	return curves
}

// mirrored flips a curve about the centre line x = 0.
func (c curve) mirrored() curve {
	m := curve{start: point{-c.start.x, c.start.y}, closed: c.closed}
	for _, s := range c.strokes {
		pts := make([]point, len(s.pts))
		for i, p := range s.pts {
			pts[i] = point{-p.x, p.y}
		}
		m.strokes = append(m.strokes, stroke{pts})
	}
	return m
}

// reversed runs a curve from its end to its start.
func (c curve) reversed() curve {
	starts := []point{c.start}
	for _, s := range c.strokes {
		starts = append(starts, s.end())
	}
	r := curve{start: starts[len(starts)-1]}
	for i := len(c.strokes) - 1; i >= 0; i-- {
		ctl := c.strokes[i].pts[:len(c.strokes[i].pts)-1]
		var pts []point
		for j := len(ctl) - 1; j >= 0; j-- {
			pts = append(pts, ctl[j])
		}
		r.strokes = append(r.strokes, stroke{append(pts, starts[i])})
	}
	return r
}

// whole closes a right half, drawn from the top of the centre line to its bottom, with its mirror image.
func whole(half string) []curve {
	right := parse(half)[0]
	left := right.mirrored().reversed()
	right.strokes = append(right.strokes, left.strokes...)
	right.closed = true
	return []curve{right}
}

func mirror(cs []curve) []curve {
	out := make([]curve, len(cs))
	for i, c := range cs {
		out[i] = c.mirrored()
	}
	return out
}

// frame places a drawing on the sheet: scaled, turned by degrees about its origin, then moved.
type frame struct {
	scale, turn, dx, dy float64
}

func (f frame) at(p point) point {
	sin, cos := math.Sincos(f.turn * math.Pi / 180)
	return point{f.scale*(p.x*cos-p.y*sin) + f.dx, f.scale*(p.x*sin+p.y*cos) + f.dy}
}

func (f frame) data(cs []curve) string {
	var b strings.Builder
	put := func(cmd byte, pts []point) {
		b.WriteByte(cmd)
		for i, p := range pts {
			p = f.at(p)
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(num(p.x))
			b.WriteByte(' ')
			b.WriteString(num(p.y))
		}
	}
	for _, c := range cs {
		put('M', []point{c.start})
		for _, s := range c.strokes {
			put([]byte{'L', 'Q', 'C'}[len(s.pts)-1], s.pts)
		}
		if c.closed {
			b.WriteByte('Z')
		}
	}
	return b.String()
}

// num prints a coordinate with one decimal at most.
func num(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// wave continues a path from (x0, y0) to (x1, y1) in n soft scallops, amp deep.
func wave(x0, y0, x1, y1 float64, n int, amp float64) string {
	var b strings.Builder
	for i := range n {
		t0, t1 := float64(i)/float64(n), float64(i+1)/float64(n)
		sag := amp
		if i%2 == 1 {
			sag = -amp * 0.6
		}
		tm := (t0 + t1) / 2
		b.WriteString(" Q" + num(x0+(x1-x0)*tm) + " " + num(y0+(y1-y0)*tm+sag) + " " + num(x0+(x1-x0)*t1) + " " + num(y0+(y1-y0)*t1))
	}
	return b.String()
}
