package art

import (
	"fmt"
	"strings"
)

// Logo draws the wordmark, 470 × 150, in colour (#rrggbb): monoline letters whose i carries the house flower.
func Logo(ink string) []byte {
	c := hex(ink)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 470 150" width="470" height="150"><g fill="none" stroke="%s" stroke-width="8.5" stroke-linecap="round" stroke-linejoin="round">`, c)
	b.WriteString(`<path d="M18 122V60M18 84C18 66 29 58 41 58S62 67 62 84V122M62 84C62 66 73 58 85 58S106 67 106 84V122"/>`)
	b.WriteString(`<path d="M142 60V122"/>`)
	for _, x := range []int{178, 366} {
		fmt.Fprintf(&b, `<path d="M%d 91A33 33 0 1 1 %d 91A33 33 0 1 1 %d 91M%d 60V122"/>`, x, x+66, x, x+67)
	}
	b.WriteString(`<path d="M282 122V60M282 88C282 68 294 58 308 58S332 68 332 88V122"/></g>`)
	b.WriteString(blossom(142, 28, 20, -18, hex("#c8432f"), hex("#e9b44c")))
	b.WriteString(`</svg>`)
	return []byte(b.String())
}

// Favicon draws the house flower on a rounded square, 64 × 64.
func Favicon() []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64"><rect width="64" height="64" rx="15" fill="#f5ede2"/>` +
		blossom(32, 32, 24, -18, hex("#c8432f"), hex("#e9b44c")) + `</svg>`)
}
