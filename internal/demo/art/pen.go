package art

import (
	"fmt"
	"strings"
)

// pen draws one sheet. Coordinates given to it are relative to the frame; x = 0 is the garment's centre line.
type pen struct {
	frame
	id      string
	count   int
	main    colour
	accent  colour
	inside  colour
	fabric  string
	seed    uint64
	defs    strings.Builder
	shadow  strings.Builder
	body    strings.Builder
	hasTurn map[string]bool
}

// look is how one part is filled. A zero turn keeps the fabric straight.
type look struct {
	fill    colour
	plain   bool    // no fabric pattern
	turn    float64 // degrees the fabric is turned, as on a sleeve
	flat    bool    // no volume shading
	noLine  bool
	aloft   bool // casts no shadow on the backdrop
	opacity float64
}

func (p *pen) cloth() look { return look{fill: p.main} }
func (p *pen) trim(c colour) look {
	return look{fill: c, plain: true}
}
func (p *pen) back() look {
	return look{fill: p.inside, plain: true, flat: true}
}

func lineFor(c colour) colour {
	if c.light() < 0.3 {
		return c.mix(ink, 0.45)
	}
	return c.mix(ink, 0.5)
}

// seamFor is a colour for seams that shows on c without shouting.
func seamFor(c colour) colour {
	if c.light() < 0.34 {
		return c.mix(white, 0.26)
	}
	return c.mix(ink, 0.34)
}

func (p *pen) next(prefix string) string {
	p.count++
	return fmt.Sprintf("%s%s%d", p.id, prefix, p.count)
}

// draw puts one filled shape on the sheet and returns the id of its clip path.
func (p *pen) draw(cs []curve, k look) string {
	id := p.next("s")
	clip := id + "c"
	fmt.Fprintf(&p.defs, `<path id="%s" d="%s"/><clipPath id="%s"><use href="#%s"/></clipPath>`, id, p.data(cs), clip, id)
	if !k.aloft {
		fmt.Fprintf(&p.shadow, `<use href="#%s"/>`, id)
	}
	if k.opacity > 0 {
		fmt.Fprintf(&p.body, `<g opacity="%.2f">`, k.opacity)
	}
	fmt.Fprintf(&p.body, `<use href="#%s" fill="%s"/>`, id, k.fill)
	if !k.plain && p.fabric != "" {
		fmt.Fprintf(&p.body, `<use href="#%s" fill="url(#%s)"/>`, id, p.turned(k.turn))
	}
	if !k.flat {
		fmt.Fprintf(&p.body, `<use href="#%s" fill="url(#%svol)"/>`, id, p.id)
	}
	if !k.noLine {
		fmt.Fprintf(&p.body, `<use href="#%s" fill="none" stroke="%s" stroke-width="2"/>`, id, lineFor(k.fill))
	}
	if k.opacity > 0 {
		p.body.WriteString(`</g>`)
	}
	return clip
}

// turned names the fabric turned by degrees, defining it once.
func (p *pen) turned(deg float64) string {
	if deg == 0 {
		return p.id + "fab"
	}
	name := fmt.Sprintf("%sfab%d", p.id, int(deg)+360)
	if !p.hasTurn[name] {
		p.hasTurn[name] = true
		fmt.Fprintf(&p.defs, `<pattern id="%s" href="#%sfab" patternTransform="rotate(%s 300 375)"/>`, name, p.id, num(deg))
	}
	return name
}

// sym draws a symmetric shape from its right half, top of the centre line to its bottom.
func (p *pen) sym(half string, k look) string { return p.draw(whole(half), k) }

// one draws a closed shape as it stands.
func (p *pen) one(d string, k look) string { return p.draw(parse(d), k) }

// pair draws a closed shape on the right and its mirror image on the left, and returns both clips.
func (p *pen) pair(d string, k look) (right, left string) {
	cs := parse(d)
	right = p.draw(cs, k)
	k.turn = -k.turn
	return right, p.draw(mirror(cs), k)
}

func (p *pen) within(clip string, f func()) {
	fmt.Fprintf(&p.body, `<g clip-path="url(#%s)">`, clip)
	f()
	p.body.WriteString(`</g>`)
}

// seam draws a fine line; dash is an SVG dash array or empty.
func (p *pen) seam(d string, width float64, dash string) {
	p.mark(parse(d), seamFor(p.main), width, dash)
}

// seams draws a fine line and its mirror image.
func (p *pen) seams(d string, width float64, dash string) {
	cs := parse(d)
	p.mark(append(cs, mirror(cs)...), seamFor(p.main), width, dash)
}

func (p *pen) mark(cs []curve, c colour, width float64, dash string) {
	if dash != "" {
		dash = ` stroke-dasharray="` + dash + `"`
	}
	fmt.Fprintf(&p.body, `<path d="%s" fill="none" stroke="%s" stroke-width="%s"%s/>`, p.data(cs), c, num(width), dash)
}

// cord draws a round string or strap: a dark edge under a lighter core.
func (p *pen) cord(d string, c colour, width float64) {
	cs := parse(d)
	data := p.data(cs)
	fmt.Fprintf(&p.shadow, `<path d="%s" fill="none" stroke="#000" stroke-width="%s"/>`, data, num(width))
	fmt.Fprintf(&p.body, `<path d="%s" fill="none" stroke="%s" stroke-width="%s"/><path d="%s" fill="none" stroke="%s" stroke-width="%s"/>`,
		data, lineFor(c), num(width), data, c, num(width-3))
}

func (p *pen) cords(d string, c colour, width float64) {
	p.cord(d, c, width)
	p.cord(p.plain(mirror(parse(d))), c, width)
}

// plain prints curves back as unframed data.
func (p *pen) plain(cs []curve) string { return frame{scale: 1}.data(cs) }

// fill paints a flat shape without outline, in any CSS paint.
func (p *pen) fill(d, paint string, opacity float64) {
	p.fillCurves(parse(d), paint, opacity)
}

func (p *pen) fillCurves(cs []curve, paint string, opacity float64) {
	o := ""
	if opacity < 1 {
		o = fmt.Sprintf(` opacity="%.2f"`, opacity)
	}
	fmt.Fprintf(&p.body, `<path d="%s" fill="%s"%s/>`, p.data(cs), paint, o)
}

// fold is a soft crease that opens from (x0, y0) to a mouth w wide at (x1, y1).
func (p *pen) fold(x0, y0, x1, y1, w float64) {
	bend := (x1 - x0) * 0.35
	d := fmt.Sprintf("M%s %s Q%s %s %s %s L%s %s Q%s %s %s %sZ",
		num(x0), num(y0), num(x0+bend), num((y0+y1)/2), num(x1-w/2), num(y1),
		num(x1+w/2), num(y1), num(x0+bend+w*0.3), num((y0+y1)/2), num(x0), num(y0))
	p.fill(d, "url(#"+p.id+"fd)", 1)
}

// gleam is the light side of a crease.
func (p *pen) gleam(x0, y0, x1, y1, w float64) {
	bend := (x1 - x0) * 0.35
	d := fmt.Sprintf("M%s %s Q%s %s %s %s L%s %s Q%s %s %s %sZ",
		num(x0), num(y0), num(x0+bend), num((y0+y1)/2), num(x1-w/2), num(y1),
		num(x1+w/2), num(y1), num(x0+bend+w*0.3), num((y0+y1)/2), num(x0), num(y0))
	p.fill(d, "url(#"+p.id+"fl)", 1)
}

// tuck is a short crease, pointed at both ends.
func (p *pen) tuck(x0, y0, x1, y1, w float64, lit bool) {
	paint := "url(#" + p.id + "fd)"
	if lit {
		paint = "url(#" + p.id + "fl)"
	}
	mx, my := (x0+x1)/2, (y0+y1)/2
	p.fill(fmt.Sprintf("M%s %s Q%s %s %s %s Q%s %s %s %sZ", num(x0), num(y0), num(mx-w/2), num(my), num(x1), num(y1), num(mx+w/2), num(my+w*0.3), num(x0), num(y0)), paint, 1)
}

// fade bleaches a soft ellipse into denim.
func (p *pen) fade(x, y, rx, ry float64) {
	if !p.hasTurn["fade"] {
		p.hasTurn["fade"] = true
		fmt.Fprintf(&p.defs, `<radialGradient id="%sfade"><stop stop-color="#fff" stop-opacity=".26"/><stop offset=".5" stop-color="#fff" stop-opacity=".14"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient>`, p.id)
	}
	q := p.at(point{x, y})
	fmt.Fprintf(&p.body, `<ellipse cx="%s" cy="%s" rx="%s" ry="%s" fill="url(#%sfade)"/>`, num(q.x), num(q.y), num(rx*p.scale), num(ry*p.scale), p.id)
}

// drape lets n creases fall from a line of half-width top at y0 to half-width hem at y1.
func (p *pen) drape(clip string, top, y0, hem, y1 float64, n int) {
	p.within(clip, func() {
		for i := range n {
			t := (float64(i)+0.5)/float64(n)*2 - 1
			jitter := p.wobble(i) * 0.10
			start := y0 + (0.5+p.wobble(i+7))*(y1-y0)*0.16
			w := hem / float64(n) * (1.15 + p.wobble(i+3))
			p.fold(t*top, start, (t+jitter)*hem, y1+16, w)
			p.gleam((t-0.06)*top, start, (t+jitter-1.0/float64(n))*hem, y1+16, w*0.8)
		}
	})
}

// gather draws short creases away from a seam from (x0, y0) to (x1, y1); dy is their length.
func (p *pen) gather(x0, y0, x1, y1, dy float64, n int) {
	var b strings.Builder
	for i := range n {
		t := (float64(i) + 0.5) / float64(n)
		x, y := x0+(x1-x0)*t, y0+(y1-y0)*t
		l := dy * (0.7 + 0.6*p.wobble(i+11))
		fmt.Fprintf(&b, "M%s %sQ%s %s %s %s", num(x), num(y), num(x+1.5), num(y+l*0.5), num(x+(t-0.5)*8), num(y+l))
	}
	p.seam(b.String(), 1.3, "")
}

// wobble is a steady pseudo-random number in [-0.5, 0.5] for the i-th choice of this sheet.
func (p *pen) wobble(i int) float64 {
	h := (p.seed + uint64(i)*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	h ^= h >> 29
	h *= 0x94d049bb133111eb
	return float64(h>>40)/float64(1<<24) - 0.5
}

// button is a small disc with a rim, radius r.
func (p *pen) button(x, y, r float64, c colour) {
	q := p.at(point{x, y})
	r *= p.scale
	fmt.Fprintf(&p.body, `<g transform="translate(%s %s)"><circle r="%s" fill="%s" stroke="%s" stroke-width="1.2"/><circle cx="%s" cy="%s" r="%s" fill="#fff" opacity=".35"/></g>`,
		num(q.x), num(q.y), num(r), c, lineFor(c), num(-r*0.28), num(-r*0.3), num(r*0.32))
}

// buttons sets n buttons evenly on a line.
func (p *pen) buttons(x0, y0, x1, y1 float64, n int, r float64, c colour) {
	for i := range n {
		t := 0.0
		if n > 1 {
			t = float64(i) / float64(n-1)
		}
		p.button(x0+(x1-x0)*t, y0+(y1-y0)*t, r, c)
	}
}

// label is the maker's woven tab inside a neck.
func (p *pen) label(y float64) {
	p.fill(fmt.Sprintf("M-9 %s L9 %s L9 %s L-9 %sZ", num(y), num(y), num(y+8), num(y+8)), "#fffaf2", 0.9)
	p.fill(fmt.Sprintf("M-5 %s L5 %s L5 %s L-5 %sZ", num(y+3), num(y+3), num(y+5), num(y+5)), "#c8432f", 0.9)
}

// buttonColour suits cloth of colour c.
func buttonColour(c colour) colour {
	if c.light() > 0.62 {
		return c.mix(hex("#7a5a3c"), 0.45)
	}
	return c.mix(white, 0.62)
}
