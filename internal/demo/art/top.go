package art

import "fmt"

func tops() []cut {
	return []cut{
		{"tee", tee}, {"boat", boatTop}, {"cami", camisole}, {"tank", tank}, {"bardot", bardot}, {"wrap", wrapTop}, {"peplum", peplum},
	}
}

// bust sets the frame for garments of the upper body.
func (p *pen) bust(scale, dy float64) {
	p.scale, p.dy = scale, dy
}

// sleeveFolds shades a right and a left sleeve that run from the shoulder to a cuff around (x, y).
func (p *pen) sleeveFolds(r, l string, x, y float64) {
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.tuck(s*82, 176, s*(x-6), y*0.72+60, 14, false)
			p.tuck(s*84, 190, s*(x+2), y*0.9+10, 12, false)
			p.tuck(s*100, 126, s*(x+6), y*0.92, 12, true)
			p.tuck(s*(x-16), y-74, s*(x+12), y-50, 10, false)
		})
	}
}

// bodyFolds shades a torso that ends at hem.
func (p *pen) bodyFolds(c string, hem float64) {
	p.within(c, func() {
		p.tuck(80, 184, 26, 250, 18, false)
		p.tuck(-80, 184, -26, 250, 18, false)
		p.tuck(76, 206, 40, hem*0.6+110, 16, false)
		p.tuck(-76, 206, -40, hem*0.6+110, 16, false)
		p.fold(44, hem-110, 56, hem+14, 20)
		p.fold(-30, hem-96, -40, hem+14, 22)
		p.gleam(-52, hem-130, -66, hem+14, 20)
		p.gleam(16, hem-90, 16, hem+14, 18)
		p.tuck(-56, 130, -46, 230, 18, true)
	})
}

func tee(p *pen, _ Design) {
	p.bust(1.78, 0)
	p.sym("M0 99 C18 99 30 96 40 90 L46 112 L0 132", p.back())
	p.label(102)
	r, l := p.pair("M90 109 C116 120 136 156 152 202 C142 212 126 218 110 219 C100 204 90 194 81 186 C78 156 82 132 90 109Z", look{fill: p.main, turn: -20})
	p.sleeveFolds(r, l, 126, 210)
	p.seams("M148 193 C138 202 124 208 106 210", 1.1, "3 3")
	c := p.sym("M0 122 C22 122 36 108 42 90 L90 109 C82 132 78 156 81 184 C78 230 79 290 82 334 Q40 341 0 341", p.cloth())
	p.bodyFolds(c, 336)
	p.sym("M0 122 C22 122 36 108 42 90 L49 93 C43 116 26 131 0 131", look{fill: p.main.mix(ink, 0.04)})
	p.seam("M-82 326 Q0 334 82 326", 1.1, "3 3")
}

func boatTop(p *pen, _ Design) {
	p.bust(1.62, 12)
	p.sym("M0 100 Q34 99 58 92 L58 106 L0 112", p.back())
	r, l := p.pair("M94 112 C114 124 124 158 130 208 C136 262 144 306 152 350 C144 357 132 360 121 359 C112 308 100 256 84 204 C80 164 84 134 94 112Z", look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 134, 340)
	p.pair("M149 338 L152 351 C144 358 132 360 121 359 L119 346 C130 347 141 345 149 338Z", look{fill: p.main})
	c := p.sym("M0 110 Q36 108 60 92 L94 112 C84 134 80 166 84 200 C82 250 84 300 87 338 Q40 345 0 345", p.cloth())
	p.bodyFolds(c, 340)
	p.seams("M62 98 Q36 114 0 116", 1.1, "3 3")
	p.seam("M-87 330 Q0 338 87 330", 1.1, "3 3")
}

func camisole(p *pen, _ Design) {
	p.bust(1.86, -20)
	p.cords("M48 146 C52 122 48 98 38 82", p.main, 6)
	p.sym("M0 162 C24 158 38 150 48 142 L62 190 L0 210", p.back())
	p.label(164)
	c := p.sym("M0 192 C22 182 38 164 48 140 C58 158 68 170 78 186 C74 220 74 266 86 334"+wave(86, 334, 0, 342, 3, 6), p.cloth())
	p.drape(c, 50, 226, 84, 340, 5)
	p.within(c, func() {
		p.tuck(74, 190, -6, 262, 18, false)
		p.tuck(-74, 190, 6, 280, 18, false)
		p.tuck(-56, 206, -42, 330, 26, true)
		p.tuck(30, 200, 44, 300, 16, true)
	})
	p.seams("M46 148 C38 182 20 204 0 212 M50 156 C42 198 24 222 0 231 M56 166 C48 210 28 240 0 250", 1.4, "")
	p.mark(parse("M-85 326 Q0 340 85 326"), seamFor(p.main), 1, "")
}

func tank(p *pen, _ Design) {
	p.bust(1.86, -14)
	p.sym("M0 150 C26 146 42 124 46 92 L58 92 L62 150 L0 200", p.back())
	c := p.sym("M0 168 C30 164 42 132 44 90 L62 90 C62 132 66 162 80 186 C76 214 66 240 66 262 C68 292 74 316 78 336 Q40 342 0 342", p.cloth())
	p.within(c, func() {
		p.tuck(76, 192, 22, 246, 16, false)
		p.tuck(-76, 192, -22, 246, 16, false)
		p.tuck(66, 258, 24, 286, 12, false)
		p.tuck(-66, 258, -24, 286, 12, false)
		p.tuck(-46, 170, -36, 330, 30, true)
	})
	p.sym("M0 168 C30 164 42 132 44 90 L50 90 C49 138 34 172 0 176", look{fill: p.main.mix(ink, 0.06), plain: true})
	p.pair("M62 90 C62 132 66 162 80 186 L77 192 C62 170 56 138 56 90Z", look{fill: p.main.mix(ink, 0.06), plain: true})
	p.seam("M-77 328 Q0 335 77 328", 1.1, "3 3")
}

func bardot(p *pen, _ Design) {
	p.bust(1.74, 0)
	p.sym("M0 142 C40 140 80 136 108 142 L100 170 L0 176", p.back())
	r, l := p.pair("M104 156 C132 170 154 214 162 262 C164 284 158 300 148 308 C134 312 122 308 114 302 C108 260 98 226 82 198 C84 176 92 160 104 156Z", look{fill: p.main})
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*98, 170, s*124, 312, 18)
			p.fold(s*108, 170, s*146, 312, 18)
			p.gleam(s*104, 170, s*136, 312, 14)
		})
	}
	p.pair("M150 306 C136 313 122 309 112 301 L108 314 C122 324 142 326 156 318Z", p.cloth())
	c := p.sym("M0 170 L86 168 C82 200 68 236 66 262 C72 292 80 312 84 330"+wave(84, 330, 0, 338, 4, 5), p.cloth())
	p.drape(c, 56, 250, 82, 336, 6)
	p.seams("M66 262 Q30 268 0 268", 1.2, "3 3")
	p.gather(-62, 266, 62, 266, 16, 22)
	p.gather(-62, 262, 62, 262, -14, 22)
	frill := p.sym("M0 150 C36 150 76 140 112 148 C124 164 130 184 132 204"+wave(132, 204, 0, 216, 6, 10), p.cloth())
	p.drape(frill, 104, 150, 126, 214, 10)
	p.seam("M-113 156 C-76 148 -36 158 0 158 C36 158 76 148 113 156", 1.2, "3 3")
	p.gather(-104, 156, 104, 156, 18, 30)
}

func wrapTop(p *pen, _ Design) {
	p.bust(1.74, 8)
	p.sym("M0 98 Q22 98 36 90 L46 120 L0 200", p.back())
	p.label(102)
	r, l := p.pair(longSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 128, 340)
	left := p.one("M-36 90 L-88 111 C-79 132 -75 154 -79 182 C-74 208 -64 232 -62 254 C-64 268 -68 280 -70 292 L24 292 L30 250 C18 196 -10 140 -36 90Z", p.cloth())
	p.within(left, func() {
		p.fold(-78, 180, 6, 262, 18)
		p.fold(-70, 230, 20, 270, 14)
		p.tuck(-60, 130, -30, 230, 16, true)
	})
	right := p.one("M36 90 L88 111 C79 132 75 154 79 182 C74 208 64 232 62 254 C64 268 68 280 70 292 L-10 292 L-40 258 C-22 204 8 140 36 90Z", p.cloth())
	p.within(right, func() {
		p.fold(80, 182, -36, 258, 24)
		p.fold(76, 214, -36, 264, 18)
		p.fold(66, 262, -34, 272, 12)
		p.gleam(60, 150, -30, 258, 18)
		p.gleam(72, 236, -30, 268, 12)
	})
	p.seam("M36 90 C8 140 -22 204 -40 258", 1.6, "")
	knot := p.one("M-52 252 C-40 242 -24 246 -20 258 C-16 272 -26 284 -40 284 C-54 282 -60 264 -52 252Z", p.cloth())
	p.within(knot, func() { p.fold(-50, 254, -26, 284, 10); p.gleam(-46, 250, -20, 276, 9) })
	p.one("M-44 282 C-54 304 -62 326 -60 348 L-44 350 C-42 326 -36 302 -30 284Z", p.cloth())
	p.one("M-34 284 C-34 306 -26 326 -14 342 L-2 334 C-14 316 -20 300 -24 280Z", p.cloth())
}

func peplum(p *pen, _ Design) {
	p.bust(1.78, 0)
	p.sym("M0 130 L40 128 L46 92 L64 94 L70 150 L0 156", p.back())
	flare := p.sym("M0 252 L58 250 C74 276 100 304 118 330"+wave(118, 330, 0, 346, 6, 10), p.cloth())
	p.drape(flare, 54, 252, 112, 342, 10)
	p.gather(-54, 256, 54, 256, 14, 20)
	c := p.sym("M0 150 L44 148 L48 90 L70 92 C68 130 70 162 80 186 C72 212 60 234 58 254 L0 258", p.cloth())
	p.within(c, func() {
		p.tuck(76, 190, 22, 240, 14, false)
		p.tuck(-76, 190, -22, 240, 14, false)
		p.tuck(-50, 160, -34, 250, 18, true)
	})
	p.seams("M34 150 C26 186 28 222 30 256 M52 96 L49 152 L0 154", 1.2, "")
	p.seam("M-58 255 Q0 261 58 255", 1.8, "")
}

// hemRib draws a ribbed band from half-width x0 at y0 to x1 at y1.
func (p *pen) hemRib(x0, y0, x1, y1 float64) {
	c := p.sym(fmt.Sprintf("M0 %s Q%s %s %s %s L%s %s Q%s %s 0 %s", num(y0+6), num(x0/2), num(y0+6), num(x0), num(y0), num(x1), num(y1), num(x1/2), num(y1+7), num(y1+7)), look{fill: p.main.mix(ink, 0.05), plain: p.fabric != "breton" && p.fabric != "rib"})
	p.ribs(c, -x0, x0, y0-4, y1+12)
}

// ribs rules a clip with rib lines.
func (p *pen) ribs(clip string, x0, x1, y0, y1 float64) {
	p.within(clip, func() {
		d := ""
		for x := x0; x <= x1; x += 5.2 {
			d += fmt.Sprintf("M%s %sL%s %s", num(x), num(y0), num(x), num(y1))
		}
		p.seam(d, 1, "")
	})
}
