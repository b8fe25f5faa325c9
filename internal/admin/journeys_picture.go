package admin

import (
	"fmt"
	"strings"

	"portolan/internal/journeys"
)

// The sizes of diagrams, in CSS pixels: beside a form on a desk, on a phone, and in a list without words.
var (
	wideMeasure   = journeys.Measure{W: 226, H: 74, EndW: 150, EndH: 34, GapX: 24, GapY: 46, Track: 14}
	narrowMeasure = journeys.Measure{W: 300, H: 70, EndW: 190, EndH: 32, GapX: 16, GapY: 30, Track: 14}
	smallMeasure  = journeys.Measure{W: 16, H: 10, EndW: 6, EndH: 6, GapX: 7, GapY: 7, Track: 3}
)

const (
	widest   = 500 // a diagram that would be wider is drawn as a ladder
	phone    = 314 // within a card at 390 px
	smallest = 120
)

// flow is a journey's diagram.
type flow struct {
	W, H  int
	Boxes []flowBox
	Lines []flowLine
	Kind  string // broad, narrow, small
}

type flowBox struct {
	journeys.Box
	URL, Kind, Words, Note string
	Here, Passed           int64
	Chosen                 bool
	Tone                   string // added, removed, changed; bad: something is wrong
}

type flowLine struct {
	D     string // path
	Label string
	X, Y  int
	End   bool // the label ends at X
	Back  bool
}

// flowOf makes a diagram ready to be drawn; box says the words and numbers of a node.
func (p *page) flowOf(kind string, d *journeys.Definition, pic journeys.Picture, box func(b journeys.Box) flowBox) flow {
	if p.Dir() == "rtl" {
		pic = pic.Mirrored()
	}
	f := flow{W: pic.W + 8, H: pic.H + 8, Kind: kind}
	for _, b := range pic.Boxes {
		b.X, b.Y = b.X+4, b.Y+4
		f.Boxes = append(f.Boxes, box(b))
	}
	for _, l := range pic.Lines {
		one := flowLine{D: track(l.Points), X: l.Label.X + 4, Y: l.Label.Y + 4, Back: l.Back, End: p.Dir() == "rtl"}
		if kind != "small" {
			one.Label = p.edgeWords(asked(d, l.From, l.Edges))
		}
		f.Lines = append(f.Lines, one)
	}
	return f
}

// track draws a right-angled line with round corners.
func track(all []journeys.Point) string {
	var b strings.Builder
	const round = 8
	for i, pt := range all {
		x, y := pt.X+4, pt.Y+4
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%d %d", x, y)
		case i == len(all)-1:
			fmt.Fprintf(&b, "L%d %d", x, y)
		default:
			before, after := all[i-1], all[i+1]
			in, out := near(pt, before, round), near(pt, after, round)
			fmt.Fprintf(&b, "L%d %dQ%d %d %d %d", in.X+4, in.Y+4, x, y, out.X+4, out.Y+4)
		}
	}
	return b.String()
}

// near is the point at most r away from a on the way to b.
func near(a, b journeys.Point, r int) journeys.Point {
	step := func(from, to int) int {
		switch d := to - from; {
		case d > 0:
			return from + min(d/2, r)
		case d < 0:
			return from + max(d/2, -r)
		}
		return from
	}
	return journeys.Point{X: step(a.X, b.X), Y: step(a.Y, b.Y)}
}
