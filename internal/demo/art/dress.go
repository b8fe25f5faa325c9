package art

import "fmt"

func dresses() []cut {
	return []cut{
		{"wrap", wrapDress}, {"slip", slipDress}, {"shirt", shirtDress}, {"tiered", tieredDress}, {"puff", puffDress},
		{"knit", knitDress}, {"tea", teaDress}, {"halter", halterDress}, {"smock", smockDress}, {"column", columnDress},
	}
}

const (
	longSleeve  = "M88 111 C108 120 118 152 124 204 C130 262 138 312 145 364 C136 370 126 372 117 371 C108 312 94 250 79 188 C75 158 78 130 88 111Z"
	shortSleeve = "M90 111 C112 121 130 154 143 196 C134 206 120 212 106 214 C98 202 89 192 81 184 C78 156 82 134 90 111Z"
	puffSleeve  = "M58 99 C78 74 122 80 142 114 C158 144 156 172 142 192 C126 203 104 202 84 190 C76 168 72 128 58 99Z"
)

func wrapDress(p *pen, _ Design) {
	p.scale, p.dy = 1.12, -22
	p.sym("M0 98 Q22 98 36 90 L46 120 L0 226", p.back())
	p.label(104)
	under := p.sym("M0 262 L57 262 C76 310 104 460 130 604"+wave(130, 604, 0, 622, 4, 9), look{fill: p.main.mix(ink, 0.1)})
	p.drape(under, 50, 280, 124, 620, 5)
	r, l := p.pair("M86 110 C120 112 146 148 156 200 C146 214 136 204 126 214 C116 222 108 208 98 214 C90 210 84 200 79 186 C74 158 76 130 86 110Z", look{fill: p.main, turn: 16})
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*92, 120, s*112, 226, 16)
			p.fold(s*98, 122, s*136, 220, 14)
			p.gleam(s*90, 126, s*100, 224, 12)
		})
	}
	leftPanel := p.one("M-36 90 L-88 110 C-79 130 -75 152 -79 178 C-74 208 -60 236 -57 266 L34 266 C24 214 -8 140 -36 90Z", p.cloth())
	p.within(leftPanel, func() { p.fold(-70, 180, -20, 262, 18); p.fold(-50, 150, 6, 262, 14) })
	over := p.one("M-48 262 L57 262 C76 310 104 460 130 604"+wave(130, 604, 12, 626, 4, 10)+" C-26 520 -56 400 -48 262Z", p.cloth())
	p.within(over, func() {
		p.fold(-42, 276, 30, 640, 26)
		p.fold(-36, 272, 78, 640, 30)
		p.fold(-20, 272, 112, 610, 22)
		p.gleam(-40, 280, 4, 640, 20)
		p.gleam(-26, 276, 56, 640, 22)
		p.gleam(30, 290, 100, 620, 18)
	})
	p.one("M-48 264 C-58 400 -28 520 10 627 C-2 634 -14 622 -24 610 C-34 596 -28 574 -42 560 C-52 546 -44 520 -56 504 C-64 486 -54 462 -62 444 C-68 424 -58 404 -64 384 C-68 362 -58 344 -62 322 C-64 300 -58 282 -48 264Z", p.cloth())
	rightPanel := p.one("M36 90 L88 110 C79 130 75 152 79 178 C74 208 60 236 57 266 L-44 266 C-30 212 6 140 36 90Z", p.cloth())
	p.within(rightPanel, func() { p.fold(70, 180, -20, 268, 20); p.fold(60, 150, -34, 262, 12); p.gleam(66, 200, 10, 268, 14) })
	p.one("M-58 256 Q0 264 58 256 L59 276 Q0 285 -59 276Z", p.cloth())
	bow(p, -50, 268, 1)
}

// bow ties a soft bow at (x, y) with falling ends; size 1 spans about 80.
func bow(p *pen, x, y, size float64) {
	keep := p.frame
	o := p.at(point{x, y})
	p.frame = frame{scale: p.scale * size, dx: o.x, dy: o.y}
	p.one("M-2 2 C-8 40 -26 80 -30 118 L-14 122 C-6 84 2 44 4 4Z", p.cloth())
	p.one("M0 2 C8 40 16 66 30 96 L15 104 C4 72 -4 40 -6 4Z", p.cloth())
	p.one("M0 0 C-10 -22 -38 -24 -44 -8 C-48 8 -34 18 -20 14 C-10 11 -4 6 0 0Z", p.cloth())
	p.one("M0 0 C12 -20 38 -20 42 -5 C45 10 32 18 18 13 C10 10 4 6 0 0Z", p.cloth())
	p.seam("M-4 -1 Q-20 -6 -32 -4 M-5 3 Q-16 4 -24 9 M5 -1 Q18 -6 30 -3 M6 3 Q16 4 22 8", 1.2, "")
	p.one("M-7 -7 Q0 -10 8 -6 Q10 2 7 8 Q0 11 -7 8 Q-10 0 -7 -7Z", p.cloth())
	p.frame = keep
}

func slipDress(p *pen, _ Design) {
	p.scale, p.dy = 1.02, -14
	p.cords("M46 140 C50 118 46 96 38 82", p.main, 5)
	p.sym("M0 150 C20 148 36 142 46 136 L60 180 L0 210", p.back())
	c := p.sym("M0 186 C22 176 38 156 46 134 C56 152 66 164 76 180 C70 214 60 240 61 272 C80 330 94 440 116 676"+wave(116, 676, 0, 690, 3, 7), p.cloth())
	p.drape(c, 40, 300, 108, 690, 5)
	p.within(c, func() {
		p.tuck(70, 186, -20, 268, 18, false)
		p.tuck(-70, 186, 24, 292, 18, false)
		p.tuck(-56, 210, -26, 480, 34, true)
		p.gleam(-30, 280, -44, 720, 34)
	})
	p.seams("M44 142 C36 176 18 198 0 206 M48 150 C40 192 22 216 0 224 M54 160 C46 204 24 232 0 242", 1.3, "")
	p.seams("M61 272 Q40 279 22 280", 1, "")
	p.mark(parse("M-116 670 Q0 690 116 670"), seamFor(p.main), 1, "")
}

func shirtDress(p *pen, d Design) {
	p.scale, p.dy = 1.06, -14
	p.sym("M0 92 Q20 92 32 84 L34 110 L0 140", p.back())
	p.label(96)
	r, l := p.pair("M90 111 C114 120 132 166 146 240 C134 248 116 252 102 250 C98 222 90 200 79 184 C76 152 80 130 90 111Z", look{fill: p.main, turn: -14})
	p.within(r, func() { p.fold(84, 180, 120, 250, 14); p.fold(100, 130, 132, 250, 12) })
	p.within(l, func() { p.fold(-84, 180, -120, 250, 14); p.gleam(-100, 130, -126, 250, 12) })
	p.pair("M146 238 L150 258 C136 268 116 272 100 270 L101 249 C116 252 134 248 146 238Z", look{fill: p.main.mix(white, 0.16), turn: -14})
	c := p.sym("M0 132 L32 88 L90 111 C80 132 76 154 80 180 C76 212 66 242 64 268 C80 322 102 470 114 590 C110 618 96 622 84 636 C56 650 30 652 0 652", p.cloth())
	p.drape(c, 50, 288, 110, 650, 6)
	p.within(c, func() { p.fold(70, 190, 30, 266, 12); p.fold(-70, 190, -34, 266, 12) })
	p.fill("M-9 134 L9 134 L9 652 L-9 652Z", p.main.mix(white, 0.25).String(), 0.35)
	p.seams("M9 134 L9 651", 1.2, "")
	p.buttons(0, 156, 0, 622, 10, 3.6, buttonColour(p.main))
	collar(p, 0)
	p.seams("M90 400 L72 470 M96 402 L78 472", 1, "")
	if d.Detail == "belt" {
		belt := p.trim(p.accent)
		if p.accent.light() > 0.85 {
			belt = p.trim(hex("#b98b5b"))
		}
		p.one("M-66 258 Q0 268 66 258 L68 280 Q0 291 -68 280Z", belt)
		p.one("M-17 261 L17 261 L17 290 L-17 290Z", p.trim(gold))
		p.one("M-10 267 L10 267 L10 284 L-10 284Z", belt)
		p.fill("M-2 264 L18 273 L18 278 L-2 278Z", gold.String(), 1)
	}
}

// collar lays a shirt collar around a neck that opens at (±32, 88); drop lowers the whole.
func collar(p *pen, drop float64) {
	d := num
	p.pair(fmt.Sprintf("M1 %s C12 %s 24 %s 30 %s C40 %s 48 %s 53 %s L40 %s C24 %s 12 %s 1 %sZ",
		d(134+drop), d(116+drop), d(98+drop), d(82+drop), d(86+drop), d(94+drop), d(102+drop), d(158+drop), d(154+drop), d(146+drop), d(134+drop)), look{fill: p.main.mix(white, 0.10), flat: true, turn: 24})
	p.seams(fmt.Sprintf("M47 %s L37 %s C24 %s 14 %s 6 %s", d(106+drop), d(152+drop), d(148+drop), d(142+drop), d(135+drop)), 1, "4 3")
}

func tieredDress(p *pen, _ Design) {
	p.dy = -6
	p.sym("M0 160 L50 158 L60 178 L0 190", p.back())
	p.pair("M46 156 L50 84 L64 84 L66 156Z", p.cloth())
	for _, t := range []struct{ y0, x0, y1, x1 float64 }{{520, 122, 684, 160}, {384, 98, 528, 126}, {244, 60, 392, 102}} {
		c := p.sym(fmt.Sprintf("M0 %s L%s %s C%s %s %s %s %s %s", num(t.y0), num(t.x0), num(t.y0), num(t.x0+(t.x1-t.x0)*0.4), num(t.y0+30), num(t.x1-4), num(t.y1-60), num(t.x1), num(t.y1))+
			wave(t.x1, t.y1, 0, t.y1+6, 5, 8), p.cloth())
		p.drape(c, t.x0*0.95, t.y0, t.x1, t.y1, 8)
		p.gather(-t.x0+3, t.y0+2, t.x0-3, t.y0+2, 22, 26)
		p.mark(parse(fmt.Sprintf("M%s %s Q0 %s %s %s", num(-t.x1+3), num(t.y1-8), num(t.y1+2), num(t.x1-3), num(t.y1-8))), seamFor(p.main), 1, "3 3")
	}
	c := p.sym("M0 156 L46 154 L66 152 C70 164 74 172 78 182 C72 206 62 226 60 248 L0 250", p.cloth())
	p.within(c, func() { p.fold(60, 170, 30, 250, 14); p.fold(-56, 170, -30, 250, 14); p.gleam(-40, 160, -20, 250, 14) })
	p.seams("M30 156 C28 190 32 220 34 248", 1.2, "")
	p.seam("M-64 162 Q0 167 64 162", 1, "3 3")
	p.seam("M-60 248 L60 248", 1.6, "")
}

func puffDress(p *pen, _ Design) {
	p.scale, p.dy = 1.3, 10
	p.sym("M0 104 Q30 102 50 94 L56 140 L0 170", p.back())
	skirt := p.sym("M0 260 L56 260 C92 296 122 372 140 452"+wave(140, 452, 0, 466, 5, 9), p.cloth())
	p.drape(skirt, 50, 262, 136, 462, 8)
	p.gather(-54, 263, 54, 263, 20, 22)
	r, l := p.pair(puffSleeve, look{fill: p.main, turn: 14})
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*70, 100, s*100, 206, 18)
			p.fold(s*78, 96, s*126, 200, 16)
			p.gleam(s*76, 98, s*112, 204, 14)
		})
	}
	p.seams("M68 96 Q76 104 78 116 M80 90 Q88 100 92 112 M94 88 Q100 98 106 112 M96 196 Q98 186 96 176 M112 200 Q114 188 112 178 M128 196 Q128 186 124 176", 1.2, "")
	p.pair("M142 190 C126 203 104 202 84 189 L82 199 C104 214 128 214 146 200Z", p.cloth())
	c := p.sym("M0 148 C14 136 34 138 46 148 L50 96 L80 104 C76 130 74 156 79 182 C72 212 58 238 56 264 L0 266", p.cloth())
	p.within(c, func() { p.fold(66, 180, 22, 266, 14); p.fold(-66, 180, -22, 266, 14) })
	p.seams("M34 141 C26 180 30 226 30 264", 1.2, "")
	p.seam("M-56 264 Q0 268 56 264", 1.8, "")
	p.buttons(0, 166, 0, 246, 5, 3, buttonColour(p.main))
}

func knitDress(p *pen, _ Design) {
	p.scale, p.dy = 1.08, -4
	r, l := p.pair(longSleeve, look{fill: p.main, turn: -12})
	p.within(r, func() { p.fold(90, 180, 128, 300, 12); p.gleam(104, 130, 128, 360, 10) })
	p.within(l, func() { p.fold(-90, 180, -122, 300, 12); p.gleam(-104, 130, -134, 360, 10) })
	p.pair("M141 338 L145 366 C136 371 126 373 117 372 L113 345 C122 346 132 344 141 338Z", look{fill: p.main.mix(ink, 0.08), turn: -12})
	c := p.sym("M0 96 L36 94 L88 111 C79 132 75 154 79 182 C72 222 60 242 60 268 C66 308 88 338 92 384 C95 460 88 560 82 644 Q40 650 0 650", p.cloth())
	p.within(c, func() {
		p.fold(74, 190, 34, 276, 14)
		p.fold(-74, 190, -34, 276, 14)
		p.fold(62, 276, 20, 320, 12)
		p.fold(-62, 276, -20, 320, 12)
		p.gleam(-40, 330, -34, 650, 40)
		p.fold(40, 400, 52, 660, 40)
	})
	p.seam("M-84 630 Q0 637 84 630", 1.2, "")
	p.sym("M0 66 Q18 66 31 61 C33 76 36 88 42 97 Q22 112 0 112", look{fill: p.main.mix(white, 0.04)})
	p.seams("M33 72 Q18 78 0 78", 1.2, "")
}

func teaDress(p *pen, d Design) {
	p.scale, p.dy = 1.12, -16
	p.sym("M0 98 Q22 98 36 90 L44 120 L0 190", p.back())
	p.label(104)
	r, l := p.pair(shortSleeve, look{fill: p.main, turn: 16})
	p.within(r, func() { p.fold(88, 130, 124, 214, 14); p.gleam(96, 126, 112, 214, 10) })
	p.within(l, func() { p.fold(-88, 130, -124, 214, 14); p.gleam(-96, 126, -112, 214, 10) })
	skirt := p.sym("M0 262 L57 262 C78 300 104 440 136 598"+wave(136, 598, 0, 614, 5, 10), p.cloth())
	p.drape(skirt, 46, 266, 128, 612, 7)
	c := p.sym("M0 186 C10 160 26 122 36 90 L90 111 C80 132 76 154 80 180 C74 210 60 238 57 266 L0 270", p.cloth())
	p.within(c, func() { p.fold(72, 184, 24, 268, 16); p.fold(-72, 184, -24, 268, 16); p.gleam(-64, 190, -26, 268, 10) })
	p.gather(-40, 262, -16, 264, -26, 6)
	p.gather(16, 264, 40, 262, -26, 6)
	p.seams("M40 93 C30 124 14 162 4 188", 1.2, "3 3")
	p.seam("M-57 265 Q0 272 57 265", 1.8, "")
	p.seam("M0 188 L0 612", 1.2, "")
	if d.Detail == "buttons" {
		p.buttons(0, 200, 0, 580, 11, 3.8, buttonColour(p.accent))
	}
}

func halterDress(p *pen, _ Design) {
	p.scale, p.dy = 1.08, -12
	p.sym("M0 196 L40 190 L60 200 L0 220", p.back())
	skirt := p.sym("M0 262 L56 260 C104 312 136 470 158 612"+wave(158, 612, 0, 632, 6, 12), p.cloth())
	p.drape(skirt, 48, 264, 152, 626, 9)
	c := p.sym("M0 188 C8 156 16 116 19 82 L35 79 C42 124 58 164 77 192 C71 218 58 240 56 264 L0 268", p.cloth())
	p.within(c, func() { p.fold(26, 90, 34, 266, 26); p.fold(-26, 90, -34, 266, 26); p.gleam(-30, 100, -12, 266, 16) })
	p.one("M-36 80 C-26 60 26 60 36 80 L19 84 C12 74 -12 74 -19 84Z", p.cloth())
	p.gather(-34, 262, 34, 262, -22, 12)
	p.one("M-57 256 Q0 262 57 256 L58 274 Q0 281 -58 274Z", p.cloth())
	p.seams("M35 86 C43 128 58 166 74 192", 1.1, "3 3")
}

func smockDress(p *pen, _ Design) {
	p.scale, p.dy = 1.2, -4
	p.sym("M0 96 C18 96 32 93 40 88 L44 110 L0 130", p.back())
	p.label(100)
	r, l := p.pair("M86 108 C128 122 160 190 172 262 C178 300 172 322 160 334 C142 340 126 336 116 330 C104 280 92 240 80 196 C74 160 76 130 86 108Z", look{fill: p.main, turn: -16})
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*92, 116, s*130, 340, 22)
			p.fold(s*100, 116, s*156, 340, 20)
			p.gleam(s*96, 116, s*142, 340, 18)
		})
	}
	p.pair("M160 332 C144 340 126 337 116 329 L118 346 C130 352 146 352 158 347Z", p.cloth())
	c := p.sym("M0 170 L80 166 C90 240 116 400 132 540"+wave(132, 540, 0, 552, 6, 8), p.cloth())
	p.drape(c, 70, 172, 128, 550, 9)
	p.gather(-76, 172, 76, 172, 26, 30)
	yoke := p.sym("M0 122 C20 120 36 106 42 88 L88 108 C79 128 76 148 79 172 Q40 178 0 178", p.cloth())
	p.within(yoke, func() { p.gleam(-60, 100, -50, 180, 20) })
	p.seam("M-79 172 Q0 180 79 172", 1.8, "")
	p.sym("M0 122 C20 120 36 106 42 88 L49 91 C43 114 24 132 0 132", p.cloth())
	p.seam("M0 132 L0 176", 1.2, "")
	p.buttons(0, 142, 0, 166, 2, 3.4, buttonColour(p.main))
	p.seams("M92 330 L84 386 M98 330 L90 388", 1.1, "")
}

func columnDress(p *pen, d Design) {
	p.dy = -4
	p.sym("M0 98 Q30 97 56 92 L58 104 L0 112", p.back())
	r, l := p.pair(longSleeve, look{fill: p.main, turn: -12})
	p.within(r, func() { p.fold(90, 180, 128, 300, 12); p.fold(110, 220, 130, 372, 10); p.gleam(104, 130, 124, 372, 12) })
	p.within(l, func() { p.fold(-90, 180, -122, 300, 12); p.gleam(-104, 130, -134, 372, 12) })
	if d.Detail == "slit" {
		p.one("M30 470 C40 540 60 640 70 690 L10 690Z", p.back())
	}
	c := p.one("M0 112 Q34 110 56 92 L88 111 C79 132 75 154 79 182 C72 220 60 240 60 268 C68 310 84 350 88 420 C92 520 98 610 104 690 L62 694 C54 620 44 540 34 470 C30 540 26 620 20 696 Q-40 698 -104 690 C-98 610 -92 520 -88 420 C-84 350 -68 310 -60 268 C-60 240 -72 220 -79 182 C-75 154 -79 132 -88 111 L-56 92 Q-34 110 0 112Z", p.cloth())
	p.within(c, func() {
		p.fold(72, 188, 20, 280, 16)
		p.fold(-72, 188, -20, 280, 16)
		p.fold(60, 280, -10, 360, 14)
		p.fold(-40, 300, -60, 700, 34)
		p.fold(0, 330, -12, 700, 26)
		p.gleam(-30, 300, -36, 700, 30)
		p.gleam(40, 330, 30, 470, 18)
		p.fold(70, 380, 84, 700, 16)
	})
	p.mark(parse("M34 470 C44 540 54 620 62 694 M34 470 C30 540 26 620 20 696"), lineFor(p.main), 1.6, "")
	p.seams("M58 97 Q34 117 0 119", 1.1, "")
	p.seams("M40 186 C30 220 34 250 34 290", 1.1, "")
}
