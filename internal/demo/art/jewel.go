package art

import (
	"fmt"
	"math"
)

func jewels() []cut {
	return []cut{{"hoops", hoops}, {"drops", drops}, {"pendant", pendant}, {"rings", ringSet}}
}

// bead is a polished ball of radius r.
func (p *pen) bead(x, y, r float64, c colour) {
	name := p.id + "b" + c.String()[1:]
	if !p.hasTurn[name] {
		p.hasTurn[name] = true
		fmt.Fprintf(&p.defs, `<radialGradient id="%s" cx=".36" cy=".3" r=".8"><stop stop-color="%s"/><stop offset=".35" stop-color="%s"/><stop offset="1" stop-color="%s"/></radialGradient>`,
			name, c.mix(white, 0.85), c, c.mix(ink, 0.42))
	}
	q := p.at(point{x, y})
	r *= p.scale
	fmt.Fprintf(&p.shadow, `<circle cx="%s" cy="%s" r="%s"/>`, num(q.x), num(q.y), num(r))
	fmt.Fprintf(&p.body, `<circle cx="%s" cy="%s" r="%s" fill="url(#%s)" stroke="%s" stroke-width="1.2"/><ellipse cx="%s" cy="%s" rx="%s" ry="%s" fill="#fff" opacity=".7"/>`,
		num(q.x), num(q.y), num(r), name, c.mix(ink, 0.5), num(q.x-r*0.34), num(q.y-r*0.4), num(r*0.22), num(r*0.15))
}

// tube bends a metal tube of the given width along d.
func (p *pen) tube(cs []curve, width float64, c colour) {
	data := p.data(cs)
	fmt.Fprintf(&p.shadow, `<path d="%s" fill="none" stroke="#2a1620" stroke-width="%s"/>`, data, num(width))
	p.mark(cs, c.mix(ink, 0.55), width, "")
	p.mark(cs, c.mix(ink, 0.16), width-2.4, "")
	p.mark(cs, c, width*0.62, "")
	keep := p.frame
	p.dx -= width * 0.12
	p.dy -= width * 0.14
	p.mark(cs, c.mix(white, 0.72), width*0.2, "")
	p.frame = keep
}

func hoops(p *pen, _ Design) {
	for _, h := range []struct{ x, y, r float64 }{{-112, 400, 118}, {112, 350, 118}} {
		p.tube(parse(fmt.Sprintf("M%s %s C%s %s %s %s %s %s", num(h.x-12), num(h.y-h.r+4), num(h.x-14), num(h.y-h.r-34), num(h.x+12), num(h.y-h.r-40), num(h.x+16), num(h.y-h.r-6))), 5, p.main)
		p.tube(circle(h.x, h.y, h.r), 26, p.main)
	}
}

func drops(p *pen, _ Design) {
	metal := gold
	for _, x := range []float64{-104, 104} {
		y := 30.0
		if x > 0 {
			y = -16
		}
		p.tube(parse(fmt.Sprintf("M%s %s C%s %s %s %s %s %s L%s %s", num(x-26), num(y+214), num(x-40), num(y+130), num(x+20), num(y+120), num(x), num(y+190), num(x), num(y+236))), 5, metal)
		p.bead(x, y+240, 11, metal)
		p.tube(parse(fmt.Sprintf("M%s %s L%s %s", num(x), num(y+250), num(x), num(y+300))), 4, metal)
		leaf := p.one(fmt.Sprintf("M%s %s C%s %s %s %s %s %s C%s %s %s %s %s %sZ", num(x), num(y+296), num(x+20), num(y+262), num(x+58), num(y+268), num(x+72), num(y+300),
			num(x+50), num(y+322), num(x+18), num(y+318), num(x), num(y+296)), p.trim(hex("#5f9470")))
		p.within(leaf, func() { p.tuck(x, y+296, x+72, y+300, 10, true) })
		p.mark(parse(fmt.Sprintf("M%s %s Q%s %s %s %s", num(x+2), num(y+296), num(x+34), num(y+288), num(x+66), num(y+299))), hex("#3c6249"), 1.4, "")
		p.bead(x, y+356, 60, p.main)
		for i := range 14 {
			a := float64(i) * 2.4
			r := 46 * math.Sqrt((float64(i)+0.5)/14)
			p.fillCurves(circle(x+r*math.Cos(a), y+358+r*math.Sin(a), 3), "#fff", 0.22)
		}
		p.bead(x, y+426, 9, metal)
	}
}

func pendant(p *pen, _ Design) {
	p.tube(parse("M-150 168 C-96 124 96 124 150 168"), 4, gold)
	p.ring(-150, 170, 8, 5, gold)
	p.ring(150, 170, 8, 5, gold)
	for _, q := range strung(point{150, 192}, point{168, 400}, point{96, 478}, point{0, 482}) {
		p.bead(q.x, q.y, q.r, p.main)
		if q.x > 1 {
			p.bead(-q.x, q.y, q.r, p.main)
		}
	}
	p.ring(0, 500, 10, 6, gold)
	p.bead(0, 556, 48, gold)
	p.mark(circle(0, 556, 38), gold.mix(ink, 0.35), 1.4, "")
	p.body.WriteString(blossom(300, 556, 26, -18, gold.mix(ink, 0.38), gold.mix(white, 0.5)))
}

// strungBead is a bead's place and radius.
type strungBead struct{ x, y, r float64 }

// strung sets beads of growing size side by side along a cubic curve, the last on its end.
func strung(a, b, c, d point) []strungBead {
	at := func(t float64) point {
		u := 1 - t
		return point{u*u*u*a.x + 3*u*u*t*b.x + 3*u*t*t*c.x + t*t*t*d.x, u*u*u*a.y + 3*u*u*t*b.y + 3*u*t*t*c.y + t*t*t*d.y}
	}
	beads := []strungBead{{d.x, d.y, 15}}
	last, r := d, 15.0
	for t := 1.0; t >= 0; t -= 0.0005 {
		q := at(t)
		next := 9.5 + 5.5*t
		if math.Hypot(q.x-last.x, q.y-last.y) >= r+next {
			beads = append(beads, strungBead{q.x, q.y, next})
			last, r = q, next
		}
	}
	return beads
}

func ringSet(p *pen, d Design) {
	stone := hex("#c8432f")
	if p.main.b > p.main.r {
		stone = hex("#469078")
	}
	p.tube(oval(-92, 450, 112, 100), 22, p.main)
	p.tube(oval(98, 470, 104, 92), 12, p.main)
	twist := oval(98, 470, 104, 92)
	p.mark(twist, p.main.mix(ink, 0.3), 6, "2 8")
	p.tube(oval(6, 300, 108, 96), 14, p.main)
	p.one("M-26 204 L-14 186 L26 186 L38 204 L6 236Z", p.trim(stone))
	p.fill("M-26 204 L-14 186 L4 204 L6 236Z", "#fff", 0.35)
	p.fill("M26 186 L38 204 L14 204Z", "#fff", 0.2)
	p.mark(parse("M-26 204 L38 204 M-14 186 L-4 204 L6 236 L16 204 L26 186"), stone.mix(ink, 0.4), 1.2, "")
}
