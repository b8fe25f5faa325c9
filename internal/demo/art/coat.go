package art

import "fmt"

func coats() []cut {
	return []cut{
		{"trench", trench}, {"puffer", puffer}, {"blazer", blazer}, {"long", longCoat}, {"bomber", bomber}, {"denim", denimJacket}, {"quilted", quiltedJacket},
	}
}

const coatSleeve = "M94 112 C118 124 132 164 140 220 C148 280 154 330 160 384 C148 393 134 397 121 395 C114 330 102 266 84 202 C78 164 82 134 94 112Z"

func trench(p *pen, _ Design) {
	p.scale, p.dy = 1.04, -4
	p.sym("M0 90 Q24 90 38 82 L46 130 L0 180", p.back())
	p.label(96)
	r, l := p.pair(coatSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 140, 370)
	p.pair("M153 346 L157 366 C146 374 132 378 119 376 L117 356 C130 358 143 354 153 346Z", look{fill: p.main.mix(white, 0.06), flat: true})
	c := p.sym("M0 172 C12 140 28 112 38 84 L94 112 C86 138 82 168 86 202 C82 236 74 262 72 292 C88 360 112 520 124 640"+wave(124, 640, 0, 652, 3, 5), p.cloth())
	p.drape(c, 60, 310, 118, 650, 6)
	p.within(c, func() { p.fold(78, 210, 40, 290, 14); p.fold(-78, 210, -40, 290, 14) })
	over := p.one("M36 90 L36 172 L36 290 C40 400 50 540 58 650 Q-20 660 -60 652 C-50 540 -36 400 -34 290 L-34 172 C-20 150 20 120 36 90Z", look{fill: p.main, noLine: true, flat: true, aloft: true, opacity: 0.35})
	p.within(over, func() { p.fold(-20, 320, -40, 660, 20); p.fold(20, 320, 36, 660, 22) })
	p.mark(parse("M34 176 L34 290 C40 400 48 540 54 652"), lineFor(p.main), 1.6, "")
	p.one("M94 112 C88 130 85 146 84 166 C60 176 36 178 20 170 C28 140 34 110 40 86Z", p.cloth())
	p.mark(parse("M88 162 C62 171 40 172 26 166"), seamFor(p.main), 1, "3 3")
	p.pair("M58 92 L64 94 L88 108 L86 116 L56 102Z", look{fill: p.main.mix(white, 0.08), flat: true})
	p.pair("M2 182 C8 150 20 122 34 98 C56 110 64 120 72 134 L48 150 L54 162 C36 168 14 176 2 182Z", look{fill: p.main.mix(white, 0.08), turn: 24})
	p.pair("M2 128 C12 110 24 92 30 74 C44 80 56 92 64 108 L42 136 C28 128 14 124 2 128Z", look{fill: p.main.mix(white, 0.12), flat: true})
	p.seams("M58 108 L40 130 C28 123 16 120 7 122 M66 134 L43 147 L48 159", 1, "3 3")
	for _, y := range []float64{200, 244, 340, 392} {
		for _, x := range []float64{-26, 24} {
			p.button(x, y, 5.4, hex("#6b4a33"))
		}
	}
	p.pair("M60 372 L86 352 L92 364 L66 386Z", look{fill: p.main.mix(white, 0.06), flat: true, aloft: true})
	p.one("M-74 278 Q0 290 74 278 L76 304 Q0 317 -76 304Z", look{fill: p.main.mix(ink, 0.07)})
	p.mark(parse("M-74 283 Q0 295 74 283 M-76 299 Q0 312 76 299"), seamFor(p.main), 1, "3 3")
	p.one("M-18 280 L10 281 L10 316 L-18 315Z", p.trim(hex("#7a5236")))
	p.one("M-11 287 L3 287.500 L3 309 L-11 308.500Z", look{fill: p.main.mix(ink, 0.07), flat: true})
	p.one("M10 292 C30 300 40 330 36 366 L22 370 C24 336 18 312 6 308Z", look{fill: p.main.mix(ink, 0.05)})
}

func puffer(p *pen, _ Design) {
	p.bust(1.46, 10)
	sr, sl := p.pair("M96 112 C132 122 148 176 158 236 C166 290 168 320 166 346 C152 360 134 362 118 356 C112 310 102 256 84 206 C80 168 82 136 96 112Z", p.cloth())
	for i, c := range []string{sr, sl} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			for y := 160.0; y < 360; y += 40 {
				p.channel(s*70, y+14, s*176, y-10, 40)
			}
		})
	}
	p.pair("M164 342 C152 356 134 358 118 352 L120 370 C134 376 152 374 164 362Z", look{fill: p.main.mix(ink, 0.12)})
	d := "M0 92 L44 88 L96 112 C86 136 82 160 86 188"
	for y := 188.0; y < 340; y += 40 {
		d += fmt.Sprintf(" C%s %s %s %s %s %s", "104", num(y+8), "104", num(y+32), "92", num(y+40))
	}
	c := p.sym(d+" L92 352 Q40 362 0 362", p.cloth())
	p.within(c, func() {
		for y := 148.0; y < 350; y += 40 {
			p.channel(-120, y, 120, y, 40)
		}
	})
	p.sym("M0 352 Q50 352 92 344 L88 372 Q44 380 0 380", look{fill: p.main.mix(ink, 0.12)})
	collar := p.sym("M0 50 Q26 50 44 42 C50 60 54 78 56 94 Q30 112 0 112", p.cloth())
	p.within(collar, func() { p.channel(-70, 82, 70, 82, 34) })
	p.sym("M0 50 Q26 50 44 42 C40 60 20 66 0 66", p.back())
	p.seams("M50 270 L72 312", 2.4, "")
	zipper(p, 60, 378)
}

// channel is one stuffed row of a puffer, h high above a stitched line that sags between its ends.
func (p *pen) channel(x0, y0, x1, y1, h float64) {
	if !p.hasTurn["row"] {
		p.hasTurn["row"] = true
		fmt.Fprintf(&p.defs, `<linearGradient id="%srow" x2="0" y2="1"><stop stop-color="#1d1026" stop-opacity=".16"/><stop offset=".22" stop-color="#fff" stop-opacity=".05"/><stop offset=".42" stop-color="#fff" stop-opacity=".34"/><stop offset=".62" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#1d1026" stop-opacity=".3"/></linearGradient>`, p.id)
	}
	mx, my := (x0+x1)/2, (y0+y1)/2+7
	line := fmt.Sprintf("M%s %sQ%s %s %s %s", num(x0), num(y0), num(mx), num(my), num(x1), num(y1))
	p.fill(line+fmt.Sprintf(" L%s %s Q%s %s %s %sZ", num(x1), num(y1-h), num(mx), num(my-h), num(x0), num(y0-h)), "url(#"+p.id+"row)", 1)
	p.seam(line, 2, "")
	g := ""
	for i := range 6 {
		t := (float64(i) + 0.5 + p.wobble(i)*0.6) / 6
		x, y := x0+(x1-x0)*t, y0+(y1-y0)*t+14*t*(1-t)
		g += fmt.Sprintf("M%s %sL%s %sM%s %sL%s %s", num(x), num(y+1), num(x+2), num(y+8), num(x+4), num(y-1), num(x+5), num(y-7))
	}
	p.seam(g, 1, "")
}

// zipper runs a metal zip down the front.
func zipper(p *pen, y0, y1 float64) {
	p.mark(parse(fmt.Sprintf("M0 %s L0 %s", num(y0), num(y1))), p.main.mix(ink, 0.45), 9, "")
	p.mark(parse(fmt.Sprintf("M0 %s L0 %s", num(y0), num(y1))), steel, 5, "2.6 2.6")
	p.one(fmt.Sprintf("M-4 %s L4 %s L5 %s L-5 %sZ", num(y0+6), num(y0+6), num(y0+18), num(y0+18)), p.trim(steel))
	p.one(fmt.Sprintf("M-2.500 %s L2.500 %s L3 %s L-3 %sZ", num(y0+18), num(y0+18), num(y0+38), num(y0+38)), p.trim(steel))
}

func lapels(p *pen, y float64, wide float64) {
	p.pair(fmt.Sprintf("M0 %s C6 %s 18 120 34 88 C50 98 %s 116 %s 140 L%s 158 L%s 172 C36 %s 14 %s 0 %sZ",
		num(y), num(y-50), num(wide-6), num(wide), num(wide-24), num(wide-14), num(y-44), num(y-16), num(y)), look{fill: p.main.mix(white, 0.07), turn: 24})
	p.pair(fmt.Sprintf("M16 130 C22 112 26 96 28 80 C46 84 58 96 %s 116 L%s 142 L%s 150 C34 140 26 134 16 130Z", num(wide-6), num(wide), num(wide-20)), look{fill: p.main.mix(white, 0.11), flat: true})
}

func blazer(p *pen, _ Design) {
	p.bust(1.36, 8)
	p.sym("M0 90 Q22 90 34 82 L46 130 L0 236", look{fill: hex("#e9ddcd"), plain: true, flat: true})
	p.label(98)
	r, l := p.pair(coatSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 140, 372)
	for i := range 3 {
		p.button(132, 384-float64(i)*9, 2.6, buttonColour(p.main))
		p.button(-132, 384-float64(i)*9, 2.6, buttonColour(p.main))
	}
	c := p.sym("M0 240 C8 190 20 130 34 86 L94 112 C86 138 82 168 86 202 C78 236 70 262 70 292 C76 330 88 360 94 404 C70 416 30 424 0 424", p.cloth())
	p.within(c, func() {
		p.tuck(84, 200, 30, 280, 18, false)
		p.tuck(-84, 200, -30, 280, 18, false)
		p.tuck(-66, 180, -50, 390, 30, true)
		p.fold(60, 300, 74, 420, 18)
	})
	p.mark(parse("M-8 240 L34 286 L36 408 C34 418 28 422 18 424"), lineFor(p.main), 1.8, "")
	p.seams("M56 176 C50 220 48 290 54 340", 1.2, "")
	p.pair("M36 336 L72 331 L74 347 L37 352Z", look{fill: p.main.mix(white, 0.05), flat: true, aloft: true})
	p.seam("M-66 194 L-40 190 L-40 200 L-66 204", 1.4, "")
	lapels(p, 244, 78)
	for _, q := range []point{{-24, 262}, {28, 262}, {-24, 312}, {28, 312}} {
		p.button(q.x, q.y, 5.6, buttonColour(p.main))
	}
}

func longCoat(p *pen, _ Design) {
	p.scale, p.dy = 1.04, -6
	p.sym("M0 90 Q22 90 34 82 L46 130 L0 246", look{fill: p.main.mix(ink, 0.4), plain: true, flat: true})
	p.label(98)
	r, l := p.pair(coatSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 140, 372)
	c := p.sym("M0 250 C8 190 20 130 34 86 L94 112 C86 138 82 168 86 202 C86 240 86 270 88 300 C94 420 102 540 108 664 Q54 672 0 672", p.cloth())
	p.within(c, func() {
		p.tuck(86, 204, 40, 290, 16, false)
		p.tuck(-86, 204, -40, 290, 16, false)
		p.fold(50, 340, 62, 690, 30)
		p.fold(80, 300, 98, 690, 24)
		p.fold(-44, 330, -52, 690, 30)
		p.gleam(-60, 300, -84, 690, 30)
		p.gleam(20, 340, 30, 690, 24)
	})
	p.mark(parse("M-4 252 L24 284 L30 668"), lineFor(p.main), 1.8, "")
	p.pair("M48 372 L92 364 L94 382 L49 390Z", look{fill: p.main.mix(white, 0.05), flat: true, aloft: true})
	lapels(p, 258, 84)
	p.button(14, 300, 8, buttonColour(p.main))
}

func bomber(p *pen, _ Design) {
	p.bust(1.5, 22)
	p.sym("M0 86 Q22 86 40 80 L46 100 L0 120", look{fill: hex("#d9793a"), plain: true, flat: true})
	p.label(90)
	r, l := p.pair("M94 112 C124 124 142 176 152 240 C158 280 160 304 158 326 C144 338 130 340 116 336 C110 296 100 250 84 206 C80 168 82 136 94 112Z", p.cloth())
	p.sleeveFolds(r, l, 138, 320)
	rr, rl := p.pair("M156 322 C144 334 130 336 117 331 L120 360 C132 364 146 362 156 354Z", look{fill: p.main.mix(ink, 0.3), plain: true})
	p.ribs(rr, 112, 162, 318, 366)
	p.ribs(rl, -162, -112, 318, 366)
	c := p.sym("M0 118 C22 114 36 100 42 88 L94 112 C86 138 82 168 86 202 C84 240 88 280 92 308 Q46 316 0 316", p.cloth())
	p.within(c, func() {
		p.tuck(86, 204, 20, 268, 26, false)
		p.tuck(-86, 204, -20, 268, 26, false)
		p.fold(30, 250, 36, 330, 22)
		p.fold(62, 240, 76, 330, 20)
		p.fold(-46, 250, -56, 330, 22)
		p.gleam(-20, 240, -24, 330, 24)
		p.tuck(-64, 140, -50, 250, 26, true)
		p.tuck(40, 150, 56, 260, 20, true)
	})
	p.seams("M40 226 L62 286", 2.6, "")
	rib := p.sym("M0 312 Q46 312 92 304 L86 336 Q44 343 0 343", look{fill: p.main.mix(ink, 0.3), plain: true})
	p.ribs(rib, -92, 92, 300, 350)
	collar := p.sym("M0 102 C20 100 32 90 38 76 C46 80 50 88 52 96 C42 112 24 124 0 126", look{fill: p.main.mix(ink, 0.3), plain: true})
	p.ribs(collar, -54, 54, 74, 130)
	zipper(p, 106, 340)
}

func denimJacket(p *pen, _ Design) {
	p.bust(1.46, 14)
	thread := hex("#d9a45b")
	top := func(d string) { p.mark(append(parse(d), mirror(parse(d))...), thread, 1.4, "4 2.5") }
	p.sym("M0 92 Q20 92 32 84 L34 110 L0 140", p.back())
	p.label(96)
	r, l := p.pair("M94 112 C118 124 132 164 140 220 C148 270 152 310 156 348 C144 357 132 360 119 358 C112 306 102 256 84 202 C78 164 82 134 94 112Z", look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 138, 340)
	p.pair("M154 344 L158 370 C146 379 132 382 120 380 L118 354 C130 357 143 353 154 344Z", look{fill: p.main.mix(ink, 0.05)})
	c := p.sym("M0 132 L30 88 L94 112 C86 138 82 168 86 202 C82 250 80 300 82 344 Q40 350 0 350", p.cloth())
	p.within(c, func() {
		p.fade(-28, 262, 26, 90)
		p.fade(28, 256, 24, 90)
		p.tuck(84, 210, 50, 280, 16, false)
		p.tuck(-84, 210, -50, 280, 16, false)
	})
	p.seams("M86 170 Q44 178 10 176", 1.8, "")
	top("M86 175 Q44 183 10 181")
	p.seams("M30 182 C34 240 30 300 26 346 M66 180 C60 240 52 300 48 346", 1.6, "")
	top("M34 182 C38 240 34 300 30 346 M62 180 C56 240 48 300 44 346")
	p.pair("M30 160 L70 158 L70 180 L50 192 L30 182Z", look{fill: p.main.mix(white, 0.06), aloft: true})
	top("M33 164 L67 162 M33 178 L50 187 L67 177")
	p.button(50, 182, 3.6, hex("#c58a4f"))
	p.button(-50, 182, 3.6, hex("#c58a4f"))
	p.fill("M-9 134 L9 134 L9 350 L-9 350Z", "#fff", 0.10)
	p.seams("M9 134 L9 350", 1.4, "")
	top("M5.500 138 L5.500 350")
	p.sym("M0 346 Q42 346 82 338 L84 364 Q42 372 0 372", look{fill: p.main.mix(ink, 0.05)})
	top("M82 342 Q42 350 0 350 M83 360 Q42 368 0 368")
	p.buttons(0, 160, 0, 358, 6, 4.6, hex("#c58a4f"))
	collar(p, 0)
	top("M47 106 L37 150 C24 147 14 141 6 134")
}

func quiltedJacket(p *pen, d Design) {
	p.bust(1.48, 12)
	p.sym("M0 92 Q18 92 30 84 L34 104 L0 116", look{fill: p.accent.mix(hex("#e9c3b9"), 0.6), plain: true, flat: true})
	r, l := p.pair("M94 112 C120 124 136 170 146 230 C150 260 154 284 156 306 C144 316 130 320 116 318 C108 280 98 240 84 202 C78 164 82 134 94 112Z", look{fill: p.main, turn: -14})
	p.sleeveFolds(r, l, 136, 310)
	bind := p.main.mix(ink, 0.3)
	p.mark(append(parse("M155 303 C144 313 130 317 116 315"), mirror(parse("M155 303 C144 313 130 317 116 315"))...), bind, 6, "")
	c := p.sym("M0 112 C14 110 26 102 32 88 L94 112 C86 138 82 168 86 202 C86 260 92 320 98 362 L0 370", p.cloth())
	p.within(c, func() {
		p.tuck(86, 204, 40, 270, 16, false)
		p.tuck(-86, 204, -40, 270, 16, false)
		p.mark(parse("M-98 360 Q0 372 98 360"), bind, 8, "")
	})
	p.mark(parse("M0 114 L0 368"), bind, 3, "")
	p.pair("M34 300 L78 296 L80 350 L36 355Z", look{fill: p.main, aloft: true, flat: true})
	p.mark(append(parse("M34 302 L78 298"), mirror(parse("M34 302 L78 298"))...), bind, 5, "")
	p.pair("M0 118 C14 114 26 106 34 90 L30 74 C22 86 10 94 2 96Z", look{fill: bind, plain: true, flat: true})
	if d.Detail == "frogs" {
		for i := range 5 {
			p.frog(0, 138+float64(i)*46, bind.mix(ink, 0.25))
		}
	}
}
