// Package art draws the demo merchant's pictures as SVG: garments and accessories in their colours, close-ups, banners,
// category tiles and the wordmark. Every picture is a function of its arguments, self-contained, without text, scripts or
// links. It leaves to others which products exist and where pictures are kept.
package art

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// Design says what a picture shows.
type Design struct {
	Kind    string // "dress", "top", … see Kinds
	Cut     string // a cut of that kind, see Cuts; an unknown one is drawn as the kind's first
	Pattern string // fabric: plain, satin, stripe, floral, rib, denim …; an unknown one is plain
	Detail  string // an extra such as "belt", "buttons", "frogs", "pocket", "slit"; may be empty
	Main    string // #rrggbb of the cloth
	Accent  string // #rrggbb of pattern and trimmings; empty takes one that suits Main
	Seed    uint64 // varies backdrop and creases; the same seed draws the same picture
}

// cut draws one silhouette with a pen.
type cut struct {
	name string
	draw func(p *pen, d Design)
}

func kinds() map[string][]cut {
	return map[string][]cut{
		"dress": dresses(), "top": tops(), "knit": knits(), "shirt": shirts(), "skirt": skirts(), "trousers": trousers(),
		"coat": coats(), "bag": bags(), "hat": hats(), "scarf": scarves(), "jewellery": jewels(), "shoes": shoes(), "accessory": smalls(),
	}
}

// Kinds lists what can be drawn, in alphabetical order.
func Kinds() []string {
	var names []string
	for k := range kinds() {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// Cuts lists the silhouettes of a kind; none for an unknown kind.
func Cuts(kind string) []string {
	var names []string
	for _, c := range kinds()[kind] {
		names = append(names, c.name)
	}
	return names
}

func silhouette(d Design) func(p *pen, d Design) {
	set := kinds()[d.Kind]
	for _, c := range set {
		if c.name == d.Cut {
			return c.draw
		}
	}
	if len(set) > 0 {
		return set[0].draw
	}
	return emblem
}

// emblem stands in for a kind nobody can draw: the house flower.
func emblem(p *pen, _ Design) {
	p.body.WriteString(blossom(300, 375, 130, -18, p.main, gold))
}

// Product draws a product on a 600 × 750 sheet.
func Product(d Design) []byte {
	p := newPen(d)
	p.frame = frame{scale: 1, dx: 300}
	silhouette(d)(p, d)
	return p.sheet(600, 750, scene(p.id, backdrop(p.main, d.Seed), d.Seed))
}

// sheetID is the prefix of every id in a picture, so that two pictures may stand in one page.
func sheetID(d Design) string {
	h := fnv.New64a()
	fmt.Fprint(h, d)
	return fmt.Sprintf("a%06x", h.Sum64()&0xffffff)
}

func newPen(d Design) *pen { return newPenAs(d, sheetID(d)) }

func newPenAs(d Design, id string) *pen {
	p := &pen{id: id, main: hex(d.Main), seed: d.Seed, hasTurn: map[string]bool{}}
	p.accent = hex(d.Accent)
	if d.Accent == "" {
		p.accent = p.main.mix(white, 0.7)
		if p.main.light() > 0.6 {
			p.accent = p.main.mix(ink, 0.6)
		}
	}
	p.inside = p.main.mix(ink, 0.36)
	light := p.main.light()
	dark, bright := 0.10+0.09*light, 0.10+0.11*(1-light)
	if d.Pattern == "satin" || d.Pattern == "gloss" {
		bright += 0.22
		dark += 0.06
	}
	fmt.Fprintf(&p.defs, `<linearGradient id="%svol"><stop stop-color="#1d1026" stop-opacity="%.2f"/><stop offset=".2" stop-color="#1d1026" stop-opacity="0"/><stop offset=".36" stop-color="#fff" stop-opacity="%.2f"/><stop offset=".55" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#1d1026" stop-opacity="%.2f"/></linearGradient>`,
		p.id, dark*0.9, bright*0.8, dark*1.35)
	fmt.Fprintf(&p.defs, `<linearGradient id="%sfd"><stop stop-color="#1d1026" stop-opacity="%.2f"/><stop offset="1" stop-color="#1d1026" stop-opacity="0"/></linearGradient>`, p.id, dark*1.25)
	fmt.Fprintf(&p.defs, `<linearGradient id="%sfl"><stop stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#fff" stop-opacity="%.2f"/></linearGradient>`, p.id, bright*1.2)
	if w, h, turn, tile := fabricTile(d.Pattern, p.main, p.accent); tile != "" {
		p.fabric = d.Pattern
		fmt.Fprintf(&p.defs, `<pattern id="%sfab" width="%s" height="%s" patternUnits="userSpaceOnUse" patternTransform="translate(300 0) rotate(%s)">%s</pattern>`,
			p.id, num(w), num(h), num(turn), tile)
	}
	return p
}

// sheet closes the picture: backdrop, soft shadow, drawing.
func (p *pen) sheet(w, h int, scene string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d"><defs>%s`, w, h, w, h, p.defs.String())
	if p.shadow.Len() > 0 {
		fmt.Fprintf(&b, `<g id="%ssh">%s</g>`, p.id, p.shadow.String())
	}
	b.WriteString(`</defs>`)
	b.WriteString(scene)
	if p.shadow.Len() > 0 {
		for _, s := range []struct {
			dx, dy int
			o      string
		}{{4, 6, ".07"}, {9, 13, ".06"}, {16, 22, ".05"}} {
			fmt.Fprintf(&b, `<use href="#%ssh" transform="translate(%d %d)" fill="#2a1620" opacity="%s"/>`, p.id, s.dx, s.dy, s.o)
		}
	}
	fmt.Fprintf(&b, `<g stroke-linecap="round" stroke-linejoin="round">%s</g></svg>`, p.body.String())
	return []byte(b.String())
}

// scene paints the backdrop: a tint, light from above and one quiet shape.
func scene(id string, tint colour, seed uint64) string {
	deep, pale := tint.mix(ink, 0.09), tint.mix(white, 0.5)
	var b strings.Builder
	fmt.Fprintf(&b, `<defs><radialGradient id="%sbg" cx=".42" cy=".3" r=".95"><stop stop-color="%s"/><stop offset="1" stop-color="%s"/></radialGradient></defs><path d="M0 0H600V750H0Z" fill="url(#%sbg)"/>`,
		id, tint.mix(white, 0.3), tint, id)
	switch seed % 5 {
	case 0:
		fmt.Fprintf(&b, `<circle cx="300" cy="360" r="252" fill="%s" opacity=".55"/>`, pale)
	case 1:
		fmt.Fprintf(&b, `<path d="M84 750V316a216 216 0 0 1 432 0V750Z" fill="%s" opacity=".6"/>`, pale)
	case 2:
		fmt.Fprintf(&b, `<path d="M0 520C140 440 300 560 600 430V750H0Z" fill="%s" opacity=".5"/><path d="M0 620C180 560 380 680 600 560V750H0Z" fill="%s" opacity=".7"/>`, deep, deep)
	case 3:
		fmt.Fprintf(&b, `<path d="M0 750V640H600V750Z" fill="%s" opacity=".6"/><circle cx="452" cy="196" r="120" fill="%s" opacity=".6"/>`, deep, pale)
	default:
		fmt.Fprintf(&b, `<path d="M112 168C214 62 420 70 496 210C574 356 520 590 372 652C226 712 84 610 68 446C58 334 52 232 112 168Z" fill="%s" opacity=".6"/>`, pale)
	}
	return b.String()
}

// Seed is the customary seed of a product, from its slug.
func Seed(slug string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(slug))
	return h.Sum64()
}
