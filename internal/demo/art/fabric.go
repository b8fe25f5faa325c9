package art

import (
	"fmt"
	"math"
	"strings"
)

// fabricTile returns the repeat of a fabric: its width, height, turn in degrees and drawing; "" for plain cloth.
// main is the ground already painted below it.
func fabricTile(name string, main, accent colour) (w, h, turn float64, art string) {
	soft := main.mix(ink, 0.28)
	if main.light() < 0.32 {
		soft = main.mix(white, 0.2)
	}
	rect := func(x, y, w, h float64, c colour, o float64) string {
		return fmt.Sprintf(`<path d="M%s %sh%sv%sh-%sz" fill="%s" opacity="%.2f"/>`, num(x), num(y), num(w), num(h), num(w), c, o)
	}
	switch name {
	case "stripe":
		return 18, 18, 0, rect(0, 0, 6, 18, accent, 0.9)
	case "breton":
		return 40, 26, 0, rect(0, 0, 40, 10, accent, 1)
	case "dot":
		return 34, 34, 0, fmt.Sprintf(`<circle cx="9" cy="9" r="4.2" fill="%s"/><circle cx="26" cy="26" r="4.2" fill="%s"/>`, accent, accent)
	case "gingham":
		return 32, 32, 0, rect(0, 0, 16, 32, accent, 0.5) + rect(0, 0, 32, 16, accent, 0.5)
	case "check":
		return 84, 84, 0, rect(0, 0, 30, 84, accent, 0.34) + rect(0, 0, 84, 30, accent, 0.34) +
			rect(52, 0, 4, 84, white, 0.55) + rect(0, 52, 84, 4, white, 0.55) + rect(68, 0, 3, 84, accent, 0.5) + rect(0, 68, 84, 3, accent, 0.5)
	case "argyle":
		return 76, 104, 0, fmt.Sprintf(`<path d="M38 0L76 52L38 104L0 52Z" fill="%s" opacity=".85"/><path d="M0 0L76 104M76 0L0 104" stroke="%s" stroke-width="1.6" stroke-dasharray="5 4" fill="none"/>`,
			accent, main.mix(white, 0.55))
	case "rib":
		return 9, 20, 0, rect(0, 0, 2.2, 20, soft, 0.55) + rect(4.2, 0, 2.6, 20, white, 0.13)
	case "fineknit":
		return 7, 6, 0, fmt.Sprintf(`<path d="M.5 1L3.5 4.4L6.5 1" fill="none" stroke="%s" stroke-width="1" opacity=".5"/>`, soft)
	case "cable":
		return 64, 44, 0, rect(0, 0, 2, 44, soft, 0.5) + rect(62, 0, 2, 44, soft, 0.5) +
			fmt.Sprintf(`<path d="M14 0C14 18 46 22 46 44M46 0C46 18 14 22 14 44M22 0C22 16 38 20 50 26M10 18C20 24 38 28 38 44" fill="none" stroke="%s" stroke-width="2.4" opacity=".6"/><path d="M18 2C20 16 40 22 44 38" fill="none" stroke="#fff" stroke-width="3" opacity=".22"/>`, soft)
	case "denim":
		return 5, 5, 0, fmt.Sprintf(`<path d="M-1 6L6 -1M-1 1L1 -1M4 6L6 4" stroke="%s" stroke-width=".9" opacity=".32"/>`, main.mix(white, 0.6))
	case "melange":
		var b strings.Builder
		for i := range 16 {
			x, y := float64(i*37%41), float64(i*53%43)
			c := white
			if i%2 == 0 {
				c = ink
			}
			fmt.Fprintf(&b, `<path d="M%s %sl3 1.2" stroke="%s" stroke-width="1" opacity=".2"/>`, num(x), num(y), c)
		}
		return 41, 43, 0, b.String()
	case "slub":
		return 60, 17, 0, fmt.Sprintf(`<path d="M2 3h20M34 8h22M10 13h17M46 15h10" stroke="%s" stroke-width="1" opacity=".34"/><path d="M6 6h12M40 11h9" stroke="#fff" stroke-width="1" opacity=".4"/>`, soft)
	case "grain":
		return 12, 12, 0, fmt.Sprintf(`<g fill="%s" opacity=".22"><circle cx="2" cy="3" r=".9"/><circle cx="7" cy="1.6" r=".8"/><circle cx="10" cy="6" r=".9"/><circle cx="4.5" cy="8" r=".9"/><circle cx="9" cy="10.6" r=".8"/></g>`, soft)
	case "straw":
		return 14, 10, 0, fmt.Sprintf(`<path d="M0 2.5h7M7 7.5h7" stroke="%s" stroke-width="2" opacity=".42"/><path d="M0 5h14M0 0h14" stroke="%s" stroke-width=".8" opacity=".35"/><path d="M7 2.5h7M0 7.5h7" stroke="#fff" stroke-width="2" opacity=".2"/>`, soft, soft)
	case "quilt":
		return 44, 52, 0, fmt.Sprintf(`<path d="M22 0L44 26L22 52L0 26Z" fill="none" stroke="%s" stroke-width="1.6" opacity=".75"/><path d="M22 8L36 25" stroke="#fff" stroke-width="3" opacity=".16"/>`, soft)
	case "floral":
		leaf := hex("#5d7f5a").mix(accent, 0.18)
		if main.light() < 0.45 {
			leaf = hex("#9db58b")
		}
		heart := hex("#e9b44c")
		if accent.apart(heart) < 40 {
			heart = hex("#b5482f")
		}
		art = blossom(26, 28, 17, 10, accent, heart) + blossom(84, 74, 20, 40, accent, heart) + blossom(34, 98, 11, 70, accent.mix(white, 0.35), heart) +
			blossom(92, 18, 9, 20, accent.mix(white, 0.35), heart) +
			fmt.Sprintf(`<g fill="%s"><path d="M44 40q14 -2 18 12q-15 1 -18 -12zM62 88q-14 4 -22 -6q14 -6 22 6zM100 50q8 -12 2 -20q-10 8 -2 20zM8 58q12 2 12 16q-13 -3 -12 -16zM72 108q2 -10 12 -12q1 11 -12 12z"/><circle cx="60" cy="14" r="3"/><circle cx="14" cy="112" r="2.6"/></g>`, leaf)
		return 116, 120, 12, art
	}
	return 0, 0, 0, ""
}

// blossom is a five-petalled kapok flower of radius r around (x, y).
func blossom(x, y, r, turn float64, petal, heart colour) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<g transform="translate(%s %s) rotate(%s)"><g fill="%s">`, num(x), num(y), num(turn), petal)
	for i := range 5 {
		a := float64(i) * 2 * math.Pi / 5
		sin, cos := math.Sincos(a)
		sl, cl := math.Sincos(a - 0.62)
		sr, cr := math.Sincos(a + 0.62)
		fmt.Fprintf(&b, `<path d="M0 0C%s %s %s %s %s %sC%s %s %s %s 0 0Z"/>`,
			num(r*0.9*cl), num(r*0.9*sl), num(r*1.15*cl), num(r*1.15*sl), num(r*cos), num(r*sin),
			num(r*1.15*cr), num(r*1.15*sr), num(r*0.9*cr), num(r*0.9*sr))
	}
	fmt.Fprintf(&b, `</g><circle r="%s" fill="%s"/></g>`, num(r*0.24), heart)
	return b.String()
}
