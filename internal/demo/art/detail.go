package art

import (
	"fmt"
	"strings"
)

// focus is the point of a kind's product sheet worth a closer look.
func focus(d Design) (x, y, zoom float64) {
	switch d.Kind {
	case "skirt", "trousers":
		return 320, 190, 1.9
	case "bag":
		return 300, 400, 1.5
	case "shoes":
		return 360, 400, 1.5
	case "hat", "scarf":
		return 330, 400, 1.5
	case "jewellery":
		return 330, 440, 1.7
	case "accessory":
		return 250, 480, 1.5
	case "coat":
		return 300, 230, 1.75
	}
	return 300, 215, 1.9
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
	for i := range 6 {
		x := -160 + float64(i)*150 + p.wobble(i+50)*50
		w := 70 + p.wobble(i+60)*40
		fmt.Fprintf(&b, `<path d="M%s -20C%s 220 %s 420 %s 780L%s 780C%s 430 %s 230 %s -20Z" fill="url(#%sfd)"/>`,
			num(x), num(x+120), num(x-30), num(x+110), num(x+110+w*1.6), num(x-20+w*1.4), num(x+130+w), num(x+w*0.7), p.id)
		fmt.Fprintf(&b, `<path d="M%s -20C%s 220 %s 420 %s 780L%s 780C%s 420 %s 220 %s -20Z" fill="url(#%sfl)"/>`,
			num(x-w), num(x+120-w), num(x-30-w), num(x+110-w), num(x+110), num(x-30), num(x+120), num(x), p.id)
	}
	x, y, z := focus(d)
	tint := backdrop(p.main, d.Seed)
	fmt.Fprintf(&b, `<defs><clipPath id="%slens"><circle cx="350" cy="468" r="204"/></clipPath></defs>`, p.id)
	fmt.Fprintf(&b, `<circle cx="358" cy="482" r="216" fill="#1d1026" opacity=".16"/><circle cx="350" cy="468" r="216" fill="#fffaf3"/><g clip-path="url(#%slens)"><path d="M140 250H560V690H140Z" fill="%s"/><g transform="translate(%s %s) scale(%s)" stroke-linecap="round" stroke-linejoin="round"><use href="#%ssh" transform="translate(7 10)" fill="#2a1620" opacity=".12"/>%s</g></g>`,
		p.id, tint, num(350-x*z), num(468-y*z), num(z), p.id, p.body.String())
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
