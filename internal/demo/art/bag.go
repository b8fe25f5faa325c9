package art

func bags() []cut {
	return []cut{
		{"tote", tote}, {"crossbody", crossbody}, {"bucket", bucketBag}, {"baguette", baguette}, {"backpack", backpack},
	}
}

// strap is a flat leather band with two lines of stitching.
func (p *pen) strap(d string, width float64) {
	cs := parse(d)
	data := p.data(cs)
	p.shadow.WriteString(`<path d="` + data + `" fill="none" stroke="#2a1620" stroke-width="` + num(width) + `"/>`)
	p.mark(cs, lineFor(p.main), width, "")
	p.mark(cs, p.main.mix(ink, 0.06), width-3, "")
	p.mark(cs, seamFor(p.main), width*0.62, "5 3")
	p.mark(cs, p.main.mix(white, 0.05), width*0.62-2.4, "")
}

// ring is a metal ring of radius r.
func (p *pen) ring(x, y, r, width float64, c colour) {
	d := circle(x, y, r)
	p.mark(d, lineFor(c), width, "")
	p.mark(d, c, width-2, "")
	p.mark(parse("M"+num(x-r*0.7)+" "+num(y-r*0.7)+" Q"+num(x)+" "+num(y-r*1.3)+" "+num(x+r*0.7)+" "+num(y-r*0.7)), c.mix(white, 0.7), width*0.3, "")
}

func circle(x, y, r float64) []curve { return oval(x, y, r, r) }

func oval(x, y, rx, ry float64) []curve {
	const k = 0.5523
	return []curve{{start: point{x + rx, y}, closed: true, strokes: []stroke{
		{[]point{{x + rx, y + ry*k}, {x + rx*k, y + ry}, {x, y + ry}}},
		{[]point{{x - rx*k, y + ry}, {x - rx, y + ry*k}, {x - rx, y}}},
		{[]point{{x - rx, y - ry*k}, {x - rx*k, y - ry}, {x, y - ry}}},
		{[]point{{x + rx*k, y - ry}, {x + rx, y - ry*k}, {x + rx, y}}},
	}}}
}

func tote(p *pen, _ Design) {
	p.dy = 10
	p.strap("M-76 300 C-76 120 -50 84 0 84 C50 84 76 120 76 300", 20)
	p.sym("M0 262 L176 262 L170 282 L0 286", p.back())
	p.strap("M-88 320 C-90 150 -60 108 0 108 C60 108 90 150 88 320", 22)
	c := p.sym("M0 282 Q110 280 178 262 C186 380 194 480 200 580 C200 604 190 616 168 618 Q80 624 0 624", p.cloth())
	p.within(c, func() {
		p.gleam(-120, 270, -134, 640, 60)
		p.fold(110, 300, 150, 640, 50)
		p.tuck(-190, 520, -60, 600, 20, false)
		p.tuck(190, 520, 70, 596, 20, false)
		p.tuck(-60, 300, 40, 420, 30, false)
	})
	p.seam("M-176 276 Q-110 294 0 296 Q110 294 176 276", 1.4, "5 3")
	p.seams("M168 286 C176 400 182 500 188 590 Q184 604 166 606 Q80 612 0 612", 1.4, "5 3")
	for _, x := range []float64{-88, 88} {
		p.one("M"+num(x-14)+" 300 L"+num(x+14)+" 300 L"+num(x+14)+" 352 L"+num(x)+" 364 L"+num(x-14)+" 352Z", look{fill: p.main.mix(ink, 0.07), flat: true, aloft: true})
		p.button(x, 318, 5, gold)
		p.button(x, 342, 5, gold)
	}
	p.body.WriteString(blossom(300, 508, 17, -18, seamFor(p.main), p.main))
}

func crossbody(p *pen, _ Design) {
	p.dy = 20
	p.strap("M-186 352 C-210 60 -30 40 40 60 C150 92 200 200 186 352", 15)
	c := p.sym("M0 332 L196 332 C214 332 222 346 220 362 C210 500 120 580 0 580", p.cloth())
	p.within(c, func() {
		p.gleam(-120, 340, -70, 600, 70)
		p.tuck(-196, 370, -60, 560, 40, false)
		p.tuck(200, 370, 80, 560, 50, false)
	})
	p.seams("M0 566 C112 566 196 492 206 366", 1.4, "5 3")
	p.seam("M-206 366 L206 366", 1.4, "")
	p.one("M-190 344 L190 344 L190 354 L-190 354Z", look{fill: p.main.mix(ink, 0.4), plain: true, flat: true, aloft: true})
	p.mark(parse("M-186 349 L186 349"), gold, 5, "3 2.6")
	p.one("M148 340 L166 340 L166 358 L148 358Z", p.trim(gold))
	p.one("M166 346 L192 352 L208 384 L198 390 L180 362 L166 354Z", look{fill: p.main.mix(ink, 0.1), flat: true})
	p.ring(-192, 340, 13, 7, gold)
	p.ring(192, 340, 13, 7, gold)
	p.body.WriteString(blossom(300, 500, 15, -18, gold, p.main))
}

func bucketBag(p *pen, _ Design) {
	p.dy = 16
	p.strap("M-128 290 C-150 90 -50 50 0 50 C50 50 150 90 128 290", 18)
	p.sym("M0 244 C60 244 110 252 136 268 L120 300 L0 300", p.back())
	c := p.sym("M0 282 C50 282 100 276 136 262 C128 300 132 330 142 372 C158 440 164 520 158 590 C120 612 60 618 0 618", p.cloth())
	p.drape(c, 116, 296, 60, 500, 8)
	p.within(c, func() { p.gleam(-90, 380, -96, 620, 50); p.fold(104, 380, 116, 620, 40) })
	p.sym("M0 560 C70 560 130 552 163 540 L158 592 C120 612 60 618 0 618", look{fill: p.main.mix(ink, 0.1)})
	p.seam("M-160 550 C-120 564 -60 572 0 572 C60 572 120 564 160 550", 1.4, "5 3")
	for i := range 7 {
		x := -108 + float64(i)*36
		p.ring(x, 318-x*x/2200, 7, 5, gold)
	}
	p.cord("M-108 313 Q-90 322 -72 316 M-36 318 Q-18 326 0 318 M36 318 Q54 324 72 316", p.main.mix(ink, 0.3), 8)
	p.cord("M0 318 C-14 370 -30 400 -34 446", p.main.mix(ink, 0.3), 8)
	p.cord("M0 318 C10 366 24 390 26 428", p.main.mix(ink, 0.3), 8)
	p.one("M-42 440 L-26 440 L-22 486 C-30 492 -42 492 -48 486Z", p.trim(p.main.mix(ink, 0.22)))
	p.one("M18 424 L34 424 L40 470 C32 476 20 476 14 470Z", p.trim(p.main.mix(ink, 0.22)))
	p.ring(-128, 288, 14, 7, gold)
	p.ring(128, 288, 14, 7, gold)
}

func baguette(p *pen, _ Design) {
	p.dy = 10
	p.strap("M-176 360 C-176 160 -110 120 0 120 C110 120 176 160 176 360", 24)
	c := p.sym("M0 350 C80 350 150 340 204 330 C224 350 232 400 224 450 C214 510 170 540 120 546 Q60 552 0 552", p.cloth())
	p.within(c, func() { p.tuck(-206, 420, -60, 540, 40, false); p.tuck(206, 420, 60, 540, 44, false) })
	flap := p.sym("M0 340 C80 340 150 332 206 322 C222 338 228 366 220 398 C200 440 110 462 0 462", look{fill: p.main.mix(white, 0.04)})
	p.within(flap, func() {
		p.tuck(-190, 350, 20, 370, 34, true)
		p.tuck(40, 376, 190, 352, 22, true)
		p.gleam(-120, 330, -150, 470, 40)
	})
	p.seams("M210 336 C220 352 222 372 212 394 C190 428 104 450 0 450", 1.4, "5 3")
	p.one("M-26 440 C-26 426 26 426 26 440 L26 470 C26 486 -26 486 -26 470Z", p.trim(gold))
	p.one("M-14 450 L14 450 L14 466 L-14 466Z", look{fill: gold.mix(ink, 0.25), plain: true, flat: true, aloft: true})
	p.ring(-176, 344, 15, 8, gold)
	p.ring(176, 344, 15, 8, gold)
}

func backpack(p *pen, _ Design) {
	p.dy = 14
	p.strap("M-30 96 C-30 54 30 54 30 96", 16)
	p.strap("M-120 150 C-178 220 -190 420 -164 560", 24)
	p.strap("M120 150 C178 220 190 420 164 560", 24)
	c := p.sym("M0 90 C70 90 124 104 140 160 C152 300 154 440 148 590 C146 618 130 630 104 632 Q50 636 0 636", p.cloth())
	p.within(c, func() {
		p.gleam(-90, 100, -104, 640, 50)
		p.fold(90, 200, 116, 640, 44)
		p.tuck(-150, 330, -60, 380, 16, false)
		p.tuck(150, 320, 70, 372, 16, false)
	})
	pocket := p.sym("M0 410 L112 404 C118 470 118 540 112 590 C108 606 96 610 80 612 Q40 614 0 614", look{fill: p.main.mix(white, 0.05)})
	p.within(pocket, func() { p.tuck(-90, 430, -40, 600, 30, true); p.fold(60, 420, 76, 620, 24) })
	p.seams("M0 434 L113 428", 1.4, "")
	p.mark(parse("M-110 424 L110 424"), steel, 4, "3 2.6")
	flap := p.sym("M0 86 C72 86 128 98 146 152 C152 210 152 260 146 300 C130 336 70 352 0 352", look{fill: p.main.mix(white, 0.03)})
	p.within(flap, func() { p.tuck(-110, 110, -90, 330, 50, true) })
	p.seams("M0 340 C66 340 122 324 135 296 C140 250 140 210 135 160", 1.4, "5 3")
	for _, x := range []float64{-62, 62} {
		p.one("M"+num(x-13)+" 268 L"+num(x+13)+" 268 L"+num(x+13)+" 400 L"+num(x)+" 416 L"+num(x-13)+" 400Z", p.trim(hex("#a2592f")))
		p.one("M"+num(x-18)+" 356 L"+num(x+18)+" 356 L"+num(x+18)+" 382 L"+num(x-18)+" 382Z", p.trim(gold))
		p.one("M"+num(x-11)+" 362 L"+num(x+11)+" 362 L"+num(x+11)+" 376 L"+num(x-11)+" 376Z", p.trim(hex("#a2592f")))
	}
	p.body.WriteString(blossom(300, 200, 15, -18, p.main.mix(white, 0.55), p.main))
}
