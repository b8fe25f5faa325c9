package art

func skirts() []cut {
	return []cut{
		{"pleated", pleatedSkirt}, {"pencil", pencilSkirt}, {"aline", aLineSkirt}, {"denim", denimSkirt}, {"slip", slipSkirt}, {"wrap", wrapSkirt},
	}
}

// waistband closes the top of a skirt or trousers of half-width x between y0 and y1.
func (p *pen) waistband(x, y0, y1 float64) {
	p.sym("M0 "+num(y0+7)+" Q"+num(x*0.55)+" "+num(y0+7)+" "+num(x)+" "+num(y0)+" L"+num(x+3)+" "+num(y1)+" Q"+num(x*0.55)+" "+num(y1+8)+" 0 "+num(y1+8), look{fill: p.main})
}

// waistHole shows the inside of the back of a waistband.
func (p *pen) waistHole(x, y float64) {
	p.sym("M0 "+num(y-7)+" Q"+num(x*0.55)+" "+num(y-6)+" "+num(x)+" "+num(y)+" Q"+num(x*0.55)+" "+num(y+10)+" 0 "+num(y+10), p.back())
}

func pleatedSkirt(p *pen, _ Design) {
	p.dy = 10
	p.waistHole(76, 96)
	hem := ""
	const n = 9
	x1 := 196.0
	for i := n; i > 0; i-- {
		xa, xb := x1*float64(i)/n, x1*(float64(i)-1)/n
		ya, yb := 612+16*(1-(xa/x1)*(xa/x1)), 612+16*(1-(xb/x1)*(xb/x1))
		hem += " L" + num(xa-(xa-xb)*0.28) + " " + num(ya+8) + " L" + num(xb) + " " + num(yb)
	}
	c := p.sym("M0 130 L78 122 C108 200 170 470 196 612"+hem, p.cloth())
	p.within(c, func() {
		for i := -n; i < n; i++ {
			t0, t1 := float64(i)/n, (float64(i)+1)/n
			p.fill("M"+num(t0*78)+" 120 C"+num(t0*110)+" 220 "+num(t0*170)+" 470 "+num(t0*196)+" 640 L"+num((t0+(t1-t0)*0.55)*196)+" 640 C"+num((t0+(t1-t0)*0.5)*170)+" 470 "+num((t0+(t1-t0)*0.5)*110)+" 220 "+num((t0+(t1-t0)*0.4)*78)+" 120Z", "url(#"+p.id+"fd)", 1)
			p.fill("M"+num(t1*78)+" 120 C"+num(t1*110)+" 220 "+num(t1*170)+" 470 "+num(t1*196)+" 640 L"+num((t0+(t1-t0)*0.66)*196)+" 640 C"+num((t0+(t1-t0)*0.66)*170)+" 470 "+num((t0+(t1-t0)*0.7)*110)+" 220 "+num((t0+(t1-t0)*0.7)*78)+" 120Z", "url(#"+p.id+"fl)", 1)
			p.seam("M"+num(t0*78)+" 126 C"+num(t0*110)+" 220 "+num(t0*170)+" 470 "+num(t0*196)+" 636", 1, "")
		}
	})
	p.waistband(76, 96, 122)
}

func pencilSkirt(p *pen, _ Design) {
	p.scale, p.dy = 1.12, -6
	p.waistHole(66, 92)
	c := p.sym("M0 116 L68 110 C92 156 112 206 114 260 C114 360 100 470 88 586 Q44 594 0 594", p.cloth())
	p.within(c, func() {
		p.fold(30, 120, 34, 600, 18)
		p.tuck(106, 230, 20, 262, 14, false)
		p.tuck(-106, 230, -20, 262, 14, false)
		p.tuck(-60, 150, -58, 560, 44, true)
		p.fold(84, 330, 78, 600, 26)
		p.tuck(-80, 420, -20, 470, 16, false)
	})
	p.seams("M40 118 C46 140 48 160 47 180", 1.3, "")
	p.mark(parse("M-88 574 Q0 590 88 574"), seamFor(p.main), 1, "3 3")
	p.within(c, func() {
		p.fill("M58 486 L56 596 L44 596Z", p.inside.String(), 0.7)
		p.mark(parse("M58 486 L56 592"), lineFor(p.main), 1.6, "")
	})
	p.waistband(66, 92, 112)
}

func aLineSkirt(p *pen, _ Design) {
	p.scale, p.dy = 1.12, 2
	p.waistHole(66, 92)
	c := p.sym("M0 116 L68 110 C96 200 134 370 164 540"+wave(164, 540, 0, 560, 4, 12), p.cloth())
	p.drape(c, 60, 120, 156, 556, 7)
	p.waistband(66, 92, 112)
	p.buttons(-10, 108, 10, 108, 2, 4, buttonColour(p.main))
	p.seams("M60 140 C70 170 86 196 100 206", 1.4, "")
}

func denimSkirt(p *pen, _ Design) {
	p.scale, p.dy = 1.5, -6
	gold := hex("#d9a45b")
	p.waistHole(72, 98)
	c := p.sym("M0 122 L74 114 C92 160 108 220 118 372 Q60 384 0 384", p.cloth())
	p.within(c, func() {
		p.fade(-56, 270, 44, 100)
		p.fade(58, 260, 40, 90)
		p.tuck(14, 190, 80, 176, 10, false)
		p.tuck(-14, 196, -80, 180, 10, false)
	})
	top := func(d string) { p.mark(append(parse(d), mirror(parse(d))...), gold, 1.4, "4 2.5") }
	p.seams("M30 124 C32 146 52 162 84 160", 1.6, "")
	top("M26 124 C28 150 50 167 86 165 M24 126")
	top("M106 240 C110 280 113 330 115 368")
	p.seam("M0 126 L0 384", 1.6, "")
	p.mark(parse("M5 126 L5 384"), gold, 1.4, "4 2.5")
	p.mark(parse("M22 124 L22 176 C20 194 12 202 2 206"), gold, 1.4, "4 2.5")
	p.fill("M-118 372 Q0 396 118 372 L119 378 Q0 402 -119 378Z", p.main.mix(white, 0.5).String(), 0.7)
	d := ""
	for x := -114.0; x < 116; x += 7 {
		d += "M" + num(x) + " " + num(384-(x*x)/1500) + " L" + num(x+p.wobble(int(x))*5) + " " + num(392-(x*x)/1500+p.wobble(int(x)+400)*6)
	}
	p.mark(parse(d), p.main.mix(white, 0.6), 1.2, "")
	p.waistband(72, 98, 116)
	p.loops(gold)
}

// loops adds belt loops and the fly button of jeans to a waistband around y 98 to 116.
func (p *pen) loops(thread colour) {
	for _, x := range []float64{-50, 50} {
		p.one("M"+num(x-4)+" 98 L"+num(x+4)+" 98 L"+num(x+4.5)+" 124 L"+num(x-3.5)+" 124Z", look{fill: p.main, flat: true})
	}
	p.mark(parse("M-68 104 Q0 111 68 104 M-70 113 Q0 121 70 113"), thread, 1.2, "4 2.5")
	p.button(0, 114, 5, hex("#c58a4f"))
}

func slipSkirt(p *pen, _ Design) {
	p.scale, p.dy = 1.1, 0
	p.waistHole(66, 92)
	c := p.sym("M0 110 L68 102 C92 160 112 210 118 280 C124 380 134 480 142 574"+wave(142, 574, 0, 592, 3, 9), p.cloth())
	p.within(c, func() {
		p.tuck(60, 120, -60, 470, 40, false)
		p.tuck(-60, 130, 10, 420, 34, true)
		p.fold(-20, 200, -70, 610, 40)
		p.gleam(-40, 220, -104, 610, 30)
		p.fold(50, 240, 40, 610, 44)
		p.gleam(30, 240, -2, 610, 40)
		p.fold(96, 260, 112, 610, 30)
		p.gleam(84, 260, 82, 610, 26)
		p.tuck(104, 210, 24, 250, 16, false)
		p.tuck(-104, 214, -24, 244, 16, false)
	})
	p.sym("M0 99 Q36 99 66 92 L68 104 Q36 112 0 112", p.cloth())
	p.mark(parse("M-141 566 Q0 592 141 566"), seamFor(p.main), 1, "")
}

func wrapSkirt(p *pen, _ Design) {
	p.scale, p.dy = 1.12, -2
	p.waistHole(66, 92)
	under := p.sym("M0 114 L68 108 C100 190 130 350 148 520"+wave(148, 520, 0, 548, 4, 10), look{fill: p.main.mix(ink, 0.12)})
	p.drape(under, 60, 130, 140, 540, 5)
	over := p.one("M-68 108 L68 108 C100 190 130 350 148 520"+wave(148, 520, 40, 552, 3, 10)+" C0 500 -20 470 -30 440 C-60 330 -66 210 -40 110Z", p.cloth())
	p.drape(over, 50, 120, 140, 546, 6)
	p.one("M-40 112 C-70 230 -62 330 -26 440 C-14 476 8 516 42 554 C34 568 18 564 8 552 C-6 552 -14 540 -18 528 C-32 520 -36 504 -38 490 C-54 478 -56 460 -56 446 C-70 432 -70 412 -68 398 C-80 382 -78 362 -74 346 C-84 328 -80 306 -74 292 C-82 272 -78 252 -70 238 C-76 216 -72 196 -62 184 C-66 160 -60 128 -40 112Z", p.cloth())
	p.gather(-52, 190, -66, 330, 10, 8)
	p.one("M-66 92 Q0 106 66 92 L69 112 Q0 126 -69 112Z", p.cloth())
	bow(p, -46, 108, 1.05)
}
