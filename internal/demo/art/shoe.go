package art

import "fmt"

func shoes() []cut {
	return []cut{{"sneaker", sneaker}, {"ballet", ballet}, {"heel", heel}, {"boot", boot}, {"loafer", loafer}, {"sandal", sandal}}
}

// twice draws a shoe seen from the side: one behind, one in front.
func (p *pen) twice(scale, x, y, dx, dy float64, draw func()) {
	p.frame = frame{scale: scale * 0.94, turn: -4, dx: 300 + x + dx, dy: y + dy}
	draw()
	p.frame = frame{scale: scale, dx: 300 + x, dy: y}
	draw()
}

func sneaker(p *pen, _ Design) {
	sole := hex("#f7f3ea")
	p.twice(1.14, -20, 545, 42, -215, func() {
		p.one("M-72 -132 C-70 -168 -56 -190 -36 -188 C-20 -184 -18 -166 -32 -140Z", look{fill: p.main.mix(white, 0.1), plain: true})
		c := p.one("M-192 -34 C-202 -80 -198 -126 -188 -154 C-178 -164 -150 -162 -140 -150 C-128 -134 -112 -128 -96 -132 C-82 -156 -60 -164 -42 -156 C-4 -118 40 -96 92 -84 C144 -76 194 -70 202 -34Z", p.cloth())
		p.within(c, func() {
			p.tuck(60, -92, 96, -36, 16, false)
			p.tuck(84, -86, 116, -36, 12, false)
			p.tuck(-180, -140, -150, -40, 40, true)
			p.tuck(-40, -100, 120, -60, 24, true)
		})
		p.one("M-192 -36 C-200 -80 -198 -126 -188 -154 L-166 -158 C-166 -120 -158 -80 -146 -36Z", p.trim(p.accent))
		p.one("M-98 -130 C-84 -152 -62 -160 -44 -154 C-8 -120 36 -98 82 -86 C70 -70 40 -66 20 -76 C-24 -96 -60 -112 -98 -130Z", look{fill: p.main.mix(ink, 0.05), flat: true})
		p.one("M128 -34 C122 -54 130 -70 146 -78 C180 -74 200 -60 204 -34Z", p.trim(sole))
		p.seam("M-60 -36 C-50 -70 -36 -84 -10 -92 M16 -36 C20 -58 30 -66 40 -70", 1.4, "4 3")
		for i := range 6 {
			t := float64(i) / 5
			x, y := -72+t*138, -138+t*58
			p.cord(fmt.Sprintf("M%s %s L%s %s", num(x-10), num(y+12-4*t), num(x+24), num(y-16+10*t)), white, 9)
		}
		p.cord("M-54 -158 C-90 -190 -110 -160 -70 -148 M-50 -158 C-30 -196 -6 -184 -40 -152", white, 7)
		p.one("M-198 -36 L204 -36 C212 -16 206 0 176 0 L-172 0 C-196 0 -202 -12 -198 -36Z", p.trim(sole))
		p.mark(parse("M-196 -24 L206 -24"), p.accent.mix(ink, 0.1), 3, "")
		p.mark(parse("M-190 -8 L196 -8"), sole.mix(ink, 0.25), 1, "3 4")
	})
}

func heel(p *pen, _ Design) {
	p.twice(1.16, -14, 545, 30, -225, func() {
		p.one("M-178 -120 C-120 -110 -84 -84 -40 -50 C-10 -60 20 -84 50 -86 C20 -100 -20 -90 -44 -78 C-90 -112 -130 -128 -178 -132Z", look{fill: hex("#e6cfb6"), plain: true})
		p.one("M-182 -128 C-160 -122 -140 -116 -122 -104 C-134 -70 -142 -30 -146 0 L-160 0 C-160 -40 -172 -86 -182 -128Z", look{fill: p.main.mix(ink, 0.08)})
		p.one("M-182 -130 C-120 -120 -76 -84 -40 -52 C-10 -26 20 -14 60 -13 L216 -10 C218 -3 212 0 200 0 L60 0 C10 0 -16 -14 -44 -36 C-84 -70 -130 -108 -182 -120Z", p.trim(hex("#b07d54")))
		c := p.one("M-44 -54 C-24 -74 12 -90 50 -88 C100 -76 166 -42 218 -10 C170 -8 110 -10 62 -12 C20 -14 -14 -30 -44 -54Z", p.cloth())
		p.within(c, func() { p.tuck(-20, -60, 150, -30, 22, true); p.tuck(20, -20, 140, -16, 14, false) })
		p.one("M150 -50 C176 -36 200 -22 218 -10 C190 -8 160 -9 138 -10 C136 -24 140 -40 150 -50Z", look{fill: p.main.mix(ink, 0.16), aloft: true})
		p.cord("M20 -84 C-40 -124 -110 -168 -166 -176 C-190 -176 -192 -150 -186 -124", p.main, 11)
		p.ring(-52, -128, 7, 5, gold)
	})
}

func boot(p *pen, _ Design) {
	sole := p.main.mix(ink, 0.55)
	if p.main.light() < 0.25 {
		sole = hex("#3a2f2c")
	}
	p.twice(1.14, -34, 610, 90, -120, func() {
		p.cord("M-112 -322 C-124 -364 -84 -364 -88 -324", p.main.mix(ink, 0.2), 11)
		p.one("M-120 -332 Q-50 -346 12 -336 Q-40 -322 -120 -332Z", p.back())
		c := p.one("M-120 -330 Q-50 -322 12 -336 C14 -280 6 -224 28 -188 C60 -156 130 -140 176 -112 C206 -92 216 -50 214 -16 L60 -16 C20 -16 0 -44 -40 -48 L-134 -50 C-142 -120 -112 -220 -120 -330Z", p.cloth())
		p.within(c, func() {
			p.tuck(20, -190, -60, -130, 20, false)
			p.tuck(40, -170, -20, -110, 16, false)
			p.tuck(90, -144, 110, -40, 22, false)
			p.tuck(-100, -300, -112, -80, 30, true)
			p.tuck(70, -130, 180, -70, 26, true)
		})
		g := p.one("M-76 -328 C-72 -270 -66 -226 -52 -186 C-38 -174 -18 -176 -8 -190 C-12 -240 -16 -290 -18 -331 Q-46 -326 -76 -328Z", look{fill: p.main.mix(ink, 0.5), plain: true, aloft: true})
		p.ribs(g, -80, 0, -340, -170)
		p.seam("M-84 -326 C-80 -266 -74 -222 -58 -180 C-40 -164 -14 -166 -2 -184 C-6 -240 -8 -290 -10 -330", 1.2, "4 3")
		p.seam("M-52 -176 C-60 -130 -70 -90 -74 -52", 1.4, "")
		p.one("M-136 -46 L-42 -44 C-40 -26 -44 -10 -46 0 L-128 0 C-132 -14 -136 -30 -136 -46Z", p.trim(sole))
		p.one("M-136 -52 L-40 -50 C0 -46 20 -18 60 -18 L215 -18 C217 -6 212 0 202 0 L56 0 C16 0 -4 -32 -44 -38 L-136 -40Z", p.trim(sole.mix(white, 0.08)))
	})
}

// soles draws both shoes from above: shape, then what draw adds to the right one, then the mirror image by m.
func (p *pen) above(y, gap, scale float64, draw func(m func([]curve) []curve)) {
	for _, s := range []float64{1, -1} {
		p.frame = frame{scale: scale, turn: s * 5, dx: 300 + s*gap, dy: y}
		draw(func(cs []curve) []curve {
			if s < 0 {
				return mirror(cs)
			}
			return cs
		})
	}
}

const soleShape = "M4 -196 C46 -196 76 -152 76 -92 C76 -34 58 10 54 62 C52 112 54 152 40 182 C28 202 -22 204 -36 184 C-50 156 -52 104 -56 52 C-60 0 -72 -48 -68 -102 C-62 -166 -36 -196 4 -196Z"

func ballet(p *pen, _ Design) {
	p.above(380, 96, 1.22, func(m func([]curve) []curve) {
		c := p.draw(m(parse(soleShape)), p.cloth())
		p.within(c, func() { p.tuck(-20, -186, -50, -90, 24, true); p.tuck(40, -180, 60, -80, 20, false) })
		in := p.draw(m(parse("M4 -106 C36 -104 48 -62 46 -16 C42 44 42 102 34 152 C28 176 -20 178 -28 154 C-38 108 -40 40 -44 -14 C-48 -64 -30 -106 4 -106Z")), look{fill: hex("#ead9c4"), plain: true, aloft: true})
		p.within(in, func() {
			p.fillCurves(m(parse("M4 -110 C40 -108 54 -62 50 -16 L36 -10 C38 -60 26 -88 4 -90 C-20 -88 -34 -62 -34 -10 L-50 -14 C-54 -64 -32 -110 4 -110Z")), "#1d1026", 0.22)
		})
		p.mark(m(parse("M4 -112 C42 -110 55 -62 52 -14 C48 46 48 104 40 156 C32 184 -24 186 -34 158 C-44 110 -46 40 -50 -12 C-54 -66 -34 -112 4 -112Z")), seamFor(p.main), 1.2, "4 3")
		p.fillCurves(m(parse("M-10 120 L14 120 L14 136 L-10 136Z")), "#c8432f", 0.75)
		bowAt := p.frame
		o := p.at(m(parse("M4 -108 L4 -108"))[0].start)
		p.frame = frame{scale: 0.62, dx: o.x, dy: o.y}
		for _, d := range []string{"M0 0 C-14 -20 -46 -22 -50 -2 C-52 16 -26 20 0 4Z", "M0 0 C14 -20 46 -22 50 -2 C52 16 26 20 0 4Z", "M-2 4 C-8 22 -18 36 -28 46 L-12 50 C-4 36 2 20 4 4Z", "M2 4 C8 22 18 36 28 46 L12 50 C4 36 -2 20 -4 4Z", "M-8 -8 L8 -8 L8 8 L-8 8Z"} {
			p.one(d, look{fill: p.main.mix(ink, 0.12), flat: true})
		}
		p.frame = bowAt
	})
}

func loafer(p *pen, _ Design) {
	p.above(380, 98, 1.22, func(m func([]curve) []curve) {
		p.draw(m(parse("M4 -204 C52 -204 84 -156 84 -94 C84 -34 64 10 60 62 C58 114 60 156 46 188 C32 210 -28 212 -42 190 C-56 160 -58 106 -62 52 C-66 0 -80 -48 -76 -104 C-70 -172 -42 -204 4 -204Z")), p.trim(hex("#2b2426")))
		c := p.draw(m(parse(soleShape)), p.cloth())
		p.within(c, func() { p.tuck(-36, -170, -56, -60, 26, true); p.tuck(50, -160, 66, -50, 20, false) })
		in := p.draw(m(parse("M2 -34 C34 -34 48 -6 46 24 C44 64 44 110 36 152 C28 176 -20 178 -28 154 C-38 110 -40 66 -44 24 C-46 -8 -32 -34 2 -34Z")), look{fill: hex("#caa37c"), plain: true, aloft: true})
		p.within(in, func() {
			p.fillCurves(m(parse("M2 -40 C40 -38 54 -8 50 30 L36 30 C36 0 26 -16 2 -16 C-22 -16 -34 0 -34 30 L-50 30 C-52 -10 -36 -40 2 -40Z")), "#1d1026", 0.28)
		})
		p.mark(m(parse("M-52 -20 C-56 -80 -46 -150 2 -156 C50 -152 62 -84 58 -22")), lineFor(p.main), 3, "")
		p.mark(m(parse("M-46 -20 C-50 -78 -40 -142 2 -148 C44 -144 56 -84 52 -22")), seamFor(p.main), 1.3, "3 3")
		p.draw(m(parse("M-72 -72 C-40 -92 44 -92 76 -70 L72 -28 C44 -52 -40 -54 -66 -30Z")), look{fill: p.main.mix(white, 0.06)})
		p.draw(m(parse("M-22 -68 L26 -68 L30 -58 L26 -50 L-22 -50 L-18 -58Z")), look{fill: p.main.mix(ink, 0.6), plain: true, flat: true, aloft: true})
		p.draw(m(parse("M-34 -44 C-16 -62 20 -62 38 -44 L34 -26 C20 -40 -16 -40 -30 -26Z")), look{fill: p.main.mix(ink, 0.05), flat: true})
		p.fillCurves(m(parse("M-10 122 L12 122 L12 138 L-10 138Z")), "#c8432f", 0.75)
	})
}

func sandal(p *pen, _ Design) {
	bed := hex("#d9b78f")
	p.above(380, 98, 1.24, func(m func([]curve) []curve) {
		p.draw(m(parse("M4 -202 C50 -202 80 -156 80 -94 C80 -34 62 10 58 62 C56 112 58 154 44 186 C30 208 -26 210 -40 188 C-54 158 -56 106 -60 52 C-64 0 -76 -48 -72 -104 C-66 -170 -40 -202 4 -202Z")), p.trim(hex("#7a5a40")))
		c := p.draw(m(parse(soleShape)), p.trim(bed))
		p.within(c, func() {
			p.fillCurves(m(oval(4, -108, 50, 66)), bed.mix(ink, 0.2).String(), 0.35)
			p.fillCurves(m(oval(2, 138, 34, 42)), bed.mix(ink, 0.2).String(), 0.35)
		})
		p.mark(m(parse("M4 -186 C40 -186 66 -146 66 -92 C66 -34 48 10 44 62 C42 112 44 148 32 172 C22 190 -18 192 -28 174 C-40 150 -42 104 -46 52 C-50 0 -62 -48 -58 -102 C-54 -156 -30 -186 4 -186Z")), bed.mix(ink, 0.35), 1.2, "4 3")
		p.draw(m(parse("M-86 -96 C-60 -124 -30 -110 10 -70 C40 -40 62 -14 74 14 L56 62 C36 30 10 -6 -20 -34 C-44 -56 -66 -56 -80 -38Z")), p.cloth())
		p.draw(m(parse("M90 -90 C62 -120 32 -106 -8 -66 C-36 -38 -56 -8 -68 20 L-56 66 C-36 34 -8 -4 22 -32 C46 -54 68 -54 84 -36Z")), look{fill: p.main.mix(white, 0.05)})
		p.mark(m(parse("M84 -84 C60 -108 34 -96 -4 -58 C-32 -30 -50 -4 -62 22 M80 -44 C66 -60 46 -58 24 -38 C-4 -10 -32 26 -52 58")), seamFor(p.main), 1.2, "4 3")
		q := p.at(m(parse("M62 -72 L62 -72"))[0].start)
		o := p.frame
		p.frame = frame{scale: 1, dx: q.x, dy: q.y}
		p.ring(0, 0, 9, 6, gold)
		p.frame = o
	})
}
