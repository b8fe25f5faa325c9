package art

func shirts() []cut {
	return []cut{
		{"classic", classicShirt}, {"oversized", oversizedShirt}, {"bow", bowBlouse}, {"puff", puffBlouse}, {"ruffle", ruffleBlouse}, {"mandarin", mandarinShirt},
	}
}

// cuffs closes long sleeves with a buttoned cuff.
func (p *pen) cuffs() {
	p.pair("M145 360 L149 388 C138 396 126 398 117 396 L115 366 C126 370 136 368 145 360Z", look{fill: p.main.mix(white, 0.08), turn: -12})
	p.button(126, 384, 3, buttonColour(p.main))
	p.button(-126, 384, 3, buttonColour(p.main))
}

// shirtBody is a torso with a curved shirt tail.
func (p *pen) shirtBody() {
	c := p.sym("M0 130 L30 88 L90 111 C80 134 78 158 81 188 C78 230 80 280 84 318 C84 334 76 344 60 350 C40 362 20 366 0 366", p.cloth())
	p.bodyFolds(c, 356)
}

// placket runs a button band down the front from y0 to y1.
func (p *pen) placket(y0, y1 float64, n int) {
	p.fill("M-8 "+num(y0)+" L8 "+num(y0)+" L8 "+num(y1)+" L-8 "+num(y1)+"Z", p.main.mix(white, 0.3).String(), 0.4)
	p.seams("M8 "+num(y0)+" L8 "+num(y1), 1.2, "")
	if n > 0 {
		p.buttons(0, y0+22, 0, y1-34, n, 3.2, buttonColour(p.main))
	}
}

func classicShirt(p *pen, _ Design) {
	p.bust(1.56, 22)
	p.sym("M0 92 Q20 92 32 84 L34 110 L0 140", p.back())
	p.label(96)
	r, l := p.pair(longSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 128, 350)
	p.cuffs()
	p.shirtBody()
	p.placket(134, 366, 7)
	p.seams("M88 116 C60 124 50 122 44 120", 1, "")
	collar(p, 0)
}

func oversizedShirt(p *pen, d Design) {
	p.bust(1.48, 16)
	p.sym("M0 92 Q20 92 32 84 L34 110 L0 140", p.back())
	p.label(96)
	r, l := p.pair("M104 116 C130 132 142 180 150 230 C156 276 160 312 166 350 C154 360 138 364 124 362 C114 310 106 264 92 222 C86 180 92 142 104 116Z", look{fill: p.main, turn: -14})
	p.sleeveFolds(r, l, 144, 340)
	p.pair("M165 346 L169 378 C156 388 140 391 125 388 L123 358 C138 362 153 358 165 346Z", look{fill: p.main.mix(white, 0.12), turn: 76})
	c := p.sym("M0 130 L30 88 L104 116 C94 142 90 180 93 216 C94 270 98 320 102 352 C102 372 92 384 74 390 C50 402 24 406 0 406", p.cloth())
	p.bodyFolds(c, 396)
	p.placket(134, 406, 7)
	if d.Detail == "pocket" {
		p.one("M28 170 L72 168 L72 206 L50 218 L29 208Z", look{fill: p.main.mix(white, 0.1), aloft: true})
		p.seam("M28 178 L72 176", 1, "3 3")
	}
	p.seam("M-98 132 C-60 140 -50 134 -40 122 M98 132 C60 140 50 134 40 122", 1, "")
	collar(p, 0)
}

func bowBlouse(p *pen, _ Design) {
	p.bust(1.6, 22)
	p.sym("M0 90 Q18 90 30 82 L34 110 L0 126", p.back())
	r, l := p.pair("M88 110 C116 120 134 180 146 250 C152 292 154 320 150 346 C138 354 126 356 116 352 C108 300 96 246 80 190 C76 158 80 130 88 110Z", look{fill: p.main, turn: -14})
	p.sleeveFolds(r, l, 130, 340)
	p.gatherPair(118, 350, 148, 344, -22, 8)
	p.pair("M149 344 C138 354 126 356 116 351 L118 374 C128 380 140 378 148 372Z", p.cloth())
	p.shirtBody()
	p.seam("M0 150 L0 366", 1.3, "")
	p.buttons(0, 190, 0, 340, 6, 3, buttonColour(p.main))
	tie := p.trim(p.accent)
	p.sym("M0 82 Q20 82 30 76 C34 86 38 92 42 98 Q22 118 0 118", tie)
	keep := p.frame
	p.frame = frame{scale: keep.scale * 1.12, dx: keep.dx, dy: keep.dy - 10}
	p.one("M-4 122 C-14 160 -34 206 -40 262 L-8 268 C-8 220 0 164 6 124Z", tie)
	p.one("M2 122 C14 158 30 196 42 244 L12 256 C6 210 -2 168 -6 124Z", tie)
	a := p.one("M0 116 C-16 84 -62 82 -74 104 C-80 128 -58 142 -34 138 C-16 134 -6 126 0 116Z", tie)
	b := p.one("M0 116 C18 86 62 86 72 106 C78 130 56 142 32 138 C16 134 6 126 0 116Z", tie)
	p.within(a, func() {
		p.tuck(-2, 116, -60, 100, 10, false)
		p.tuck(-2, 118, -52, 128, 12, false)
		p.tuck(-8, 112, -66, 112, 8, true)
	})
	p.within(b, func() {
		p.tuck(2, 116, 60, 102, 10, false)
		p.tuck(2, 118, 52, 128, 12, false)
		p.tuck(8, 112, 66, 114, 8, true)
	})
	p.one("M-11 104 Q0 98 12 105 Q16 118 11 130 Q0 136 -12 129 Q-16 117 -11 104Z", tie)
	p.frame = keep
}

// gatherPair gathers on both sides.
func (p *pen) gatherPair(x0, y0, x1, y1, dy float64, n int) {
	p.gather(x0, y0, x1, y1, dy, n)
	p.gather(-x1, y1, -x0, y0, dy, n)
}

func puffBlouse(p *pen, _ Design) {
	p.bust(1.66, 14)
	p.sym("M0 98 C18 98 32 95 40 88 L46 112 L0 134", p.back())
	p.label(100)
	r, l := p.pair("M72 98 C104 74 146 108 164 176 C174 224 168 262 150 284 C136 290 124 286 114 278 C106 244 94 214 80 190 C74 158 70 124 72 98Z", look{fill: p.main})
	for i, c := range []string{r, l} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			p.fold(s*82, 100, s*118, 292, 20)
			p.fold(s*90, 94, s*140, 292, 22)
			p.fold(s*100, 96, s*160, 280, 16)
			p.gleam(s*86, 96, s*128, 292, 18)
			p.gleam(s*96, 92, s*150, 288, 14)
		})
	}
	p.gatherPair(114, 279, 148, 284, -24, 9)
	p.gatherPair(78, 100, 104, 92, 26, 8)
	p.pair("M151 283 C137 290 124 287 113 278 L112 300 C124 309 140 309 152 303Z", p.cloth())
	c := p.sym("M0 128 C22 126 36 110 42 89 L80 102 C74 130 74 158 80 188 C74 220 66 240 68 264 C74 300 82 322 86 338"+wave(86, 338, 0, 346, 3, 4), p.cloth())
	p.bodyFolds(c, 340)
	p.placket(131, 344, 9)
	p.sym("M0 122 C20 122 34 106 38 87 L45 90 C41 114 24 131 0 131", look{fill: p.main})
}

func ruffleBlouse(p *pen, _ Design) {
	p.bust(1.56, 22)
	p.sym("M0 98 Q22 98 36 90 L44 120 L0 170", p.back())
	p.label(102)
	r, l := p.pair(longSleeve, look{fill: p.main.mix(white, 0.12), turn: -12})
	p.sleeveFolds(r, l, 128, 350)
	p.pair("M144 360 C152 372 160 388 164 402 C148 414 128 416 110 408 C112 394 114 380 116 368 C126 371 136 369 144 360Z", p.cloth())
	p.gatherPair(117, 370, 144, 364, 24, 7)
	c := p.sym("M0 168 C10 146 26 116 36 90 L88 111 C79 132 76 154 80 186 C76 230 80 290 86 344"+wave(86, 344, 0, 354, 3, 5), p.cloth())
	p.bodyFolds(c, 346)
	p.seam("M0 168 L0 352", 1.3, "")
	p.buttons(0, 186, 0, 320, 5, 3, buttonColour(p.main))
	ruffle := "M38 91 C30 124 16 156 12 190 C10 240 12 290 12 350 C24 352 36 350 42 340 C34 326 50 312 40 296 C34 280 54 266 42 250 C34 234 56 218 44 202 C38 188 60 172 52 156 C48 140 66 124 56 96Z"
	rr, rl := p.pair(ruffle, look{fill: p.main.mix(white, 0.1)})
	for i, c := range []string{rr, rl} {
		s := 1 - 2*float64(i)
		p.within(c, func() {
			for y := 110.0; y < 340; y += 46 {
				p.tuck(s*(16), y+16, s*58, y+2, 12, false)
				p.tuck(s*(18), y+36, s*52, y+30, 10, true)
			}
		})
	}
}

func mandarinShirt(p *pen, d Design) {
	p.bust(1.62, 10)
	p.sym("M0 92 Q18 92 30 84 L34 104 L0 116", p.back())
	r, l := p.pair("M90 110 C116 122 134 172 146 240 C148 262 150 280 152 296 C140 304 124 308 110 306 C102 262 92 222 80 190 C76 156 80 132 90 110Z", look{fill: p.main, turn: -14})
	p.sleeveFolds(r, l, 128, 296)
	p.pair("M150 284 L153 300 C140 309 124 312 110 310 L108 296 C122 298 138 294 150 284Z", look{fill: p.main.mix(ink, 0.08), turn: -14})
	c := p.sym("M0 112 C14 110 26 102 32 88 L90 110 C80 134 78 158 81 188 C80 240 84 300 88 346 L0 352", p.cloth())
	p.bodyFolds(c, 346)
	p.seam("M0 112 L0 352", 1.4, "")
	p.seams("M88 318 L80 318 L80 346", 1.3, "")
	p.pair("M0 118 C14 114 26 106 34 90 L30 76 C22 88 10 96 2 98Z", look{fill: p.main.mix(ink, 0.06), flat: true})
	if d.Detail == "frogs" {
		for i := range 5 {
			p.frog(0, 132+float64(i)*40, p.main.mix(ink, 0.32))
		}
	}
}

// frog is a knotted closure: a loop on each side and a ball in the middle.
func (p *pen) frog(x, y float64, c colour) {
	d := "M" + num(x-22) + " " + num(y) + " L" + num(x+22) + " " + num(y)
	p.mark(parse(d), c, 4, "")
	for _, s := range []float64{-1, 1} {
		p.mark(parse("M"+num(x+s*16)+" "+num(y)+" C"+num(x+s*24)+" "+num(y-9)+" "+num(x+s*34)+" "+num(y-6)+" "+num(x+s*32)+" "+num(y)+" C"+num(x+s*34)+" "+num(y+6)+" "+num(x+s*24)+" "+num(y+9)+" "+num(x+s*16)+" "+num(y)), c, 2.6, "")
	}
	p.button(x, y, 4.6, c)
}
