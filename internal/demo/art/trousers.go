package art

func trousers() []cut {
	return []cut{
		{"wide", wideTrousers}, {"jeans", jeans}, {"slim", slimTrousers}, {"culotte", culottes}, {"jogger", joggers}, {"shorts", shorts},
	}
}

// legs draws two mirrored legs from the hip down; outer and inner are path pieces of the right leg: the outer
// runs from the waist to the hem's outer corner, the inner from the hem's inner corner up to the crotch.
func (p *pen) legs(outer, inner string) (right, left string) {
	return p.pair("M0 116 L72 108 "+outer+" "+inner+" L0 116Z", p.cloth())
}

func (p *pen) crease(d string) {
	p.seams(d, 1.2, "")
	cs := parse(d)
	for i := range cs {
		cs[i].start.x += 2
		for _, s := range cs[i].strokes {
			for j := range s.pts {
				s.pts[j].x += 2
			}
		}
	}
	p.mark(append(cs, mirror(cs)...), p.main.mix(white, 0.35), 1, "")
}

func wideTrousers(p *pen, _ Design) {
	p.scale, p.dy = 1.06, -14
	p.waistHole(70, 88)
	r, l := p.legs("C96 170 112 240 122 330 C132 450 140 560 146 660 Q96 674 46 668", "C34 540 16 400 2 268")
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*38, 116, s*70, 690, 40)
			p.fold(s*60, 130, s*124, 690, 34)
			p.gleam(s*44, 140, s*100, 690, 28)
			p.tuck(s*4, 268, s*70, 240, 16, false)
			p.fold(s*16, 300, s*50, 690, 22)
		})
	}
	p.crease("M40 118 C60 260 84 480 96 670")
	p.seams("M30 120 L34 160 M46 118 L50 158", 1.3, "")
	p.seams("M62 112 C70 140 84 166 100 184", 1.4, "")
	p.seam("M0 118 L0 268", 1.4, "")
	p.waistband(70, 88, 110)
	p.button(0, 106, 4.4, buttonColour(p.main))
}

func jeans(p *pen, _ Design) {
	p.scale, p.dy = 1.06, -14
	thread := hex("#d9a45b")
	p.waistHole(72, 98)
	r, l := p.legs("C92 160 106 220 110 300 C114 430 112 560 110 664 Q84 672 56 668", "C46 540 22 400 2 270")
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fade(s*64, 330, 34, 170)
			p.fade(s*80, 560, 24, 90)
			p.tuck(s*6, 262, s*72, 226, 14, false)
			p.tuck(s*10, 284, s*84, 256, 12, false)
			p.tuck(s*44, 436, s*104, 420, 14, false)
			p.tuck(s*46, 460, s*98, 452, 12, false)
			p.tuck(s*40, 446, s*96, 436, 8, true)
			p.tuck(s*56, 630, s*108, 622, 10, false)
			p.fold(s*24, 330, s*66, 690, 22)
		})
	}
	top := func(d string) { p.mark(append(parse(d), mirror(parse(d))...), thread, 1.4, "4 2.5") }
	p.seams("M32 122 C34 146 56 160 88 156", 1.6, "")
	top("M28 122 C30 151 54 165 89 161 M107 240 C111 330 110 520 106 650 M58 654 Q84 660 110 652")
	p.seam("M0 124 L0 270", 1.6, "")
	p.mark(parse("M5 124 L5 256 M24 122 L24 190 C22 212 14 222 4 226"), thread, 1.4, "4 2.5")
	p.seams("M58 658 Q84 664 110 656", 1.2, "")
	p.waistband(72, 98, 116)
	p.loops(thread)
}

func slimTrousers(p *pen, _ Design) {
	p.scale, p.dy = 1.1, -14
	p.waistHole(68, 88)
	r, l := p.legs("C90 160 104 216 106 290 C108 410 98 520 90 622 Q70 629 48 626", "C44 520 24 390 2 264")
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.tuck(s*4, 262, s*76, 232, 14, false)
			p.fold(s*20, 320, s*56, 640, 24)
			p.fold(s*60, 200, s*84, 640, 20)
			p.tuck(s*50, 400, s*98, 384, 12, false)
			p.tuck(s*50, 560, s*92, 548, 10, false)
			p.tuck(s*60, 200, s*72, 560, 24, true)
		})
	}
	p.crease("M38 130 C58 260 68 460 70 624")
	p.seams("M60 112 C66 136 78 158 94 172", 1.4, "")
	p.seam("M0 118 L0 264", 1.4, "")
	p.seams("M48 614 Q70 618 91 611", 1, "3 3")
	p.waistband(68, 88, 110)
	p.button(4, 106, 4, buttonColour(p.main))
}

func culottes(p *pen, _ Design) {
	p.scale, p.dy = 1.18, -8
	p.waistHole(66, 90)
	r, l := p.legs("C100 180 132 330 160 506 Q100 528 34 522", "C24 430 12 350 2 270")
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*26, 120, s*60, 540, 32)
			p.fold(s*44, 118, s*104, 540, 36)
			p.fold(s*60, 118, s*150, 530, 30)
			p.gleam(s*32, 120, s*84, 540, 28)
			p.gleam(s*54, 120, s*132, 530, 24)
		})
	}
	p.seams("M34 508 Q100 514 158 494", 1, "3 3")
	p.seam("M0 118 L0 270", 1.4, "")
	p.gather(-62, 114, 62, 114, 22, 22)
	p.sym("M0 96 Q36 96 66 90 L69 114 Q36 121 0 121", p.cloth())
	p.gather(-60, 100, 60, 100, 14, 20)
	bow(p, 0, 114, 0.74)
}

func joggers(p *pen, _ Design) {
	p.scale, p.dy = 1.08, -10
	p.waistHole(70, 88)
	r, l := p.legs("C98 170 114 240 114 320 C112 440 98 540 88 606 Q70 612 52 608", "C46 520 24 400 2 280")
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.tuck(s*4, 276, s*80, 236, 18, false)
			p.tuck(s*8, 300, s*94, 280, 16, false)
			p.tuck(s*46, 440, s*104, 420, 18, false)
			p.tuck(s*48, 470, s*96, 470, 14, false)
			p.fold(s*60, 520, s*64, 620, 16)
			p.fold(s*76, 540, s*80, 620, 12)
			p.tuck(s*50, 180, s*84, 540, 36, true)
		})
	}
	p.pair("M52 604 Q70 610 88 602 L86 650 Q70 656 56 652Z", look{fill: p.main.mix(ink, 0.06), plain: true})
	p.seams("M60 607 L61 652 M66 608 L67 653 M72 608 L72 653 M78 607 L77 652", 1, "")
	p.seams("M64 118 C70 150 84 174 97 184", 1.6, "")
	p.seam("M0 122 L0 280", 1.4, "")
	p.sym("M0 95 Q36 95 70 88 L73 118 Q36 126 0 126", look{fill: p.main.mix(ink, 0.06), plain: true})
	p.gather(-66, 94, 66, 94, 24, 30)
	p.cord("M-8 110 C-20 140 -18 170 -24 196", p.main.mix(white, 0.8), 6)
	p.cord("M8 110 C16 144 14 160 18 184", p.main.mix(white, 0.8), 6)
	p.button(-8, 110, 3.2, steel)
	p.button(8, 110, 3.2, steel)
}

func shorts(p *pen, _ Design) {
	p.scale, p.dy = 1.5, 2
	p.waistHole(68, 88)
	r, l := p.legs("C90 160 108 230 122 340 Q70 356 18 350", "C14 320 8 292 2 258")
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*36, 116, s*60, 360, 30)
			p.fold(s*50, 116, s*100, 360, 24)
			p.gleam(s*40, 130, s*84, 360, 22)
			p.tuck(s*4, 256, s*70, 224, 14, false)
		})
	}
	p.pair("M122 322 L126 344 Q70 361 17 355 L16 332 Q70 338 122 322Z", look{fill: p.main.mix(white, 0.07)})
	p.crease("M38 124 C52 200 62 270 70 338")
	p.seams("M28 120 L32 160 M44 118 L48 156", 1.3, "")
	p.seams("M60 112 C68 138 80 160 96 172", 1.4, "")
	p.seam("M0 118 L0 258", 1.4, "")
	p.waistband(68, 88, 110)
	for _, x := range []float64{-46, 46} {
		p.one("M"+num(x-3.5)+" 88 L"+num(x+3.5)+" 88 L"+num(x+4)+" 118 L"+num(x-3)+" 118Z", look{fill: p.main, flat: true})
	}
	p.button(0, 106, 4, buttonColour(p.main))
}
