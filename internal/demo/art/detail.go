package art

import (
	"fmt"
	"strings"
)

// spot is a place on a product sheet and how much larger the lens shows it.
type spot struct{ x, y, zoom float64 }

// focus is the spot worth a closer look.
func focus(d Design) spot {
	cuts := map[string]spot{
		"dress column": {350, 470, 1.6}, "dress slip": {300, 230, 1.9}, "dress tiered": {300, 230, 1.7}, "dress wrap": {280, 240, 1.7}, "dress puff": {330, 250, 1.5},
		"top cami": {300, 300, 1.5}, "top tank": {300, 270, 1.5}, "top bardot": {330, 330, 1.4}, "top wrap": {280, 380, 1.5}, "top peplum": {320, 330, 1.4},
		"knit rollneck": {300, 220, 1.7}, "knit cardigan": {330, 520, 1.6}, "knit crew": {320, 300, 1.5},
		"shirt puff": {400, 330, 1.4}, "shirt ruffle": {330, 320, 1.6}, "shirt oversized": {340, 240, 1.6},
		"coat long": {300, 250, 1.7}, "coat puffer": {330, 260, 1.5}, "coat blazer": {300, 330, 1.5}, "coat bomber": {330, 240, 1.6},
		"bag crossbody": {420, 400, 1.6}, "bag bucket": {300, 360, 1.5}, "bag tote": {250, 330, 1.6},
		"hat beret": {320, 290, 1.6}, "scarf long": {300, 270, 1.4}, "scarf square": {300, 375, 1.35},
		"jewellery hoops": {300, 370, 1.4}, "jewellery drops": {410, 310, 1.9}, "jewellery pendant": {300, 530, 1.9}, "jewellery rings": {306, 250, 1.9},
		"shoes sneaker": {330, 480, 1.5}, "shoes heel": {360, 490, 1.5}, "shoes boot": {290, 420, 1.3},
		"shoes ballet": {396, 270, 1.6}, "shoes loafer": {396, 290, 1.6}, "shoes sandal": {390, 320, 1.5},
		"accessory belt": {210, 490, 1.6}, "accessory socks": {250, 250, 1.4},
	}
	if s, ok := cuts[d.Kind+" "+d.Cut]; ok {
		return s
	}
	switch d.Kind {
	case "skirt", "trousers":
		return spot{320, 200, 1.8}
	case "bag", "hat":
		return spot{300, 410, 1.5}
	}
	return spot{300, 235, 1.75}
}

// Detail draws the second picture of a product: its fabric close up, and a round lens on a detail, on a 600 × 750 sheet.
func Detail(d Design) []byte {
	p := newPen(d)
	p.frame = frame{scale: 1, dx: 300}
	silhouette(d)(p, d)
	ground := p.main
	if d.Kind == "jewellery" {
		ground = hex("#6d4a55")
		if p.main.light() < 0.5 {
			ground = hex("#d8c3b4")
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<path d="M0 0H600V750H0Z" fill="%s"/>`, ground)
	switch {
	case p.fabric != "" && d.Kind != "jewellery":
		fmt.Fprintf(&b, `<defs><pattern id="%sbig" href="#%sfab" patternTransform="rotate(-14) scale(2.3)"/></defs><path d="M0 0H600V750H0Z" fill="url(#%sbig)"/>`, p.id, p.id, p.id)
	case d.Pattern == "plain" || d.Kind == "jewellery":
		fmt.Fprintf(&b, `<defs><pattern id="%sbig" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-14)"><path d="M0 1.5H3.5M3.5 5H7" stroke="#fff" stroke-width="1.2" opacity=".14"/><path d="M1.5 3.5V7M5 0V3.5" stroke="#1d1026" stroke-width="1.2" opacity=".12"/></pattern></defs><path d="M0 0H600V750H0Z" fill="url(#%sbig)"/>`, p.id, p.id)
	}
	fmt.Fprintf(&b, `<filter id="%sblur" x="-.1" y="-.1" width="1.2" height="1.2"><feGaussianBlur stdDeviation="15"/></filter><clipPath id="%ssheet"><path d="M0 0H600V750H0Z"/></clipPath><g clip-path="url(#%ssheet)"><g filter="url(#%sblur)">`, p.id, p.id, p.id, p.id)
	shade := colour{ground.r * 0.34, ground.g * 0.28, ground.b * 0.32}
	for i := range 5 {
		x := -150 + float64(i)*170 + p.wobble(i+50)*110
		w := 46 + p.wobble(i+60)*30
		dark, bright := 0.34-0.16*ground.light(), 0.10+0.22*(1-ground.light())
		if d.Pattern == "satin" || d.Pattern == "gloss" {
			bright += 0.25
		}
		bend := func(x float64) string {
			return fmt.Sprintf("%s -40C%s 220 %s 420 %s 800", num(x), num(x+130+p.wobble(70)*80), num(x-50+p.wobble(71)*90), num(x+110))
		}
		fmt.Fprintf(&b, `<path d="M%s" fill="none" stroke="%s" stroke-width="%s" opacity="%.2f"/><path d="M%s" fill="none" stroke="#fff" stroke-width="%s" opacity="%.2f"/>`, bend(x), shade, num(w), dark, bend(x+w*1.5), num(w*0.7), bright)
	}
	b.WriteString(`</g></g>`)
	at := focus(d)
	tint := backdrop(p.main, d.Seed)
	fmt.Fprintf(&b, `<defs><clipPath id="%slens"><circle cx="350" cy="468" r="204"/></clipPath></defs>`, p.id)
	fmt.Fprintf(&b, `<circle cx="358" cy="482" r="216" fill="#1d1026" opacity=".16"/><circle cx="350" cy="468" r="216" fill="#fffaf3"/><g clip-path="url(#%slens)"><path d="M140 250H560V690H140Z" fill="%s"/><g transform="translate(%s %s) scale(%s)" stroke-linecap="round" stroke-linejoin="round"><use href="#%ssh" transform="translate(7 10)" fill="#2a1620" opacity=".12"/>%s</g></g>`,
		p.id, tint, num(350-at.x*at.zoom), num(468-at.y*at.zoom), num(at.zoom), p.id, p.body.String())
	defs := p.defs.String() + fmt.Sprintf(`<g id="%ssh">%s</g>`, p.id, p.shadow.String())
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 750" width="600" height="750"><defs>` + defs + `</defs>` + b.String() + `</svg>`)
}

// tileDesign is the piece that stands for a kind on its category tile, and the tile's tint.
func tileDesign(kind string) (d Design, ground string) {
	tiles := map[string]struct {
		d      Design
		ground string
	}{
		"dress":     {Design{Cut: "wrap", Pattern: "floral", Main: "#c8432f", Accent: "#e9c3b9"}, "#e9d8cb"},
		"top":       {Design{Cut: "boat", Pattern: "breton", Main: "#f2e9d8", Accent: "#222f4b"}, "#c9d8e0"},
		"knit":      {Design{Cut: "crew", Pattern: "cable", Main: "#dfd0b8"}, "#a9bfb4"},
		"shirt":     {Design{Cut: "bow", Pattern: "dot", Main: "#f2e9d8", Accent: "#232227"}, "#dba99a"},
		"skirt":     {Design{Cut: "pleated", Main: "#efb48c"}, "#d5e2dc"},
		"trousers":  {Design{Cut: "wide", Main: "#2f4d3e"}, "#ecdfc2"},
		"coat":      {Design{Cut: "trench", Main: "#d2b994"}, "#bfd0da"},
		"bag":       {Design{Cut: "bucket", Pattern: "grain", Main: "#c8432f"}, "#e6dcef"},
		"hat":       {Design{Cut: "brim", Pattern: "straw", Main: "#d2b994", Accent: "#232227"}, "#c5d7d0"},
		"scarf":     {Design{Cut: "square", Pattern: "floral", Main: "#f2e9d8", Accent: "#c8432f"}, "#b4c9d8"},
		"jewellery": {Design{Cut: "drops", Pattern: "metal", Main: "#de7f8c"}, "#ebe0d0"},
		"shoes":     {Design{Cut: "ballet", Main: "#c8432f"}, "#f0dfc0"},
		"accessory": {Design{Cut: "socks", Pattern: "stripe", Main: "#3158a6", Accent: "#f1dc97"}, "#e8d3cc"},
	}
	t, ok := tiles[kind]
	if !ok {
		t.d, t.ground = Design{Main: "#c8432f"}, "#ecdfd0"
	}
	t.d.Kind, t.d.Seed = kind, 3
	return t.d, t.ground
}

// Category draws the tile of a kind on a 750 × 750 sheet.
func Category(kind string) []byte {
	d, ground := tileDesign(kind)
	tint := hex(ground)
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 750 750" width="750" height="750">`)
	fmt.Fprintf(&b, `<path d="M0 0H750V750H0Z" fill="%s"/><circle cx="375" cy="375" r="292" fill="%s" opacity=".55"/>`, tint, tint.mix(white, 0.55))
	b.WriteString(placed(d, 75, 0, 1, 0))
	b.WriteString(`</svg>`)
	return []byte(b.String())
}

// placed draws a product without backdrop inside a larger picture: its sheet scaled, turned about its middle and moved.
func placed(d Design, x, y, scale, turn float64) string {
	q := newPenAs(d, fmt.Sprintf("%sp%d", sheetID(d), int(x*7+y)))
	q.frame = frame{scale: 1, dx: 300}
	silhouette(d)(q, d)
	return fmt.Sprintf(`<g transform="translate(%s %s) scale(%s) rotate(%s 300 375)" stroke-linecap="round" stroke-linejoin="round"><defs>%s<g id="%ssh">%s</g></defs><use href="#%ssh" transform="translate(6 9)" fill="#2a1620" opacity=".09"/><use href="#%ssh" transform="translate(14 20)" fill="#2a1620" opacity=".07"/>%s</g>`,
		num(x), num(y), fmt.Sprintf("%.3f", scale), num(turn), q.defs.String(), q.id, q.shadow.String(), q.id, q.id, q.body.String())
}
