package art

import "fmt"

func hats() []cut { return []cut{{"beret", beret}, {"brim", brimHat}, {"bucket", bucketHat}} }

func scarves() []cut { return []cut{{"square", squareScarf}, {"long", longScarf}} }

func beret(p *pen, _ Design) {
	p.dy = 20
	p.cord("M10 190 C6 176 12 166 22 160", p.main, 14)
	c := p.one("M-150 420 C-230 400 -244 320 -190 262 C-130 198 -10 176 90 196 C196 218 256 300 236 366 C222 408 170 426 130 432 C40 450 -70 448 -150 420Z", p.cloth())
	p.within(c, func() {
		for i := range 9 {
			t := float64(i)/8*2 - 1
			p.tuck(12+t*10, 194, t*228, 420-60*t*t, 22, i%2 == 0)
		}
		p.tuck(-220, 340, 60, 420, 34, false)
		p.tuck(220, 330, 20, 430, 40, false)
	})
	band := p.one("M-152 418 C-70 446 40 448 130 430 L126 462 C40 482 -70 480 -146 452Z", look{fill: p.main.mix(ink, 0.08), plain: true})
	p.ribs(band, -156, 136, 410, 486)
}

func brimHat(p *pen, _ Design) {
	p.dy = 20
	back := p.one("M-262 400 C-262 340 -140 300 0 300 C140 300 262 340 262 400 C262 440 140 430 0 430 C-140 430 -262 440 -262 400Z", look{fill: p.main.mix(ink, 0.12)})
	p.within(back, func() { p.tuck(-220, 380, 220, 380, 50, false) })
	crown := p.sym("M0 214 C28 202 60 196 88 208 C112 220 122 290 130 392 Q70 420 0 420", p.cloth())
	p.within(crown, func() {
		p.tuck(0, 210, -6, 330, 60, false)
		p.tuck(-80, 220, -100, 400, 40, true)
		p.fold(70, 220, 100, 420, 40)
	})
	ribbon := p.trim(p.accent)
	if p.accent.apart(p.main) < 40 {
		ribbon = p.trim(ink)
	}
	p.one("M-124 342 Q0 376 124 342 L130 392 Q0 430 -130 392Z", ribbon)
	brim := p.one("M-262 398 C-240 366 -180 362 -130 386 C-60 416 60 416 130 386 C180 362 240 366 262 398 C270 446 150 492 0 492 C-150 492 -270 446 -262 398Z", p.cloth())
	p.within(brim, func() {
		p.tuck(-250, 402, -40, 480, 40, false)
		p.tuck(250, 402, 60, 482, 44, false)
		p.tuck(-200, 390, -20, 440, 26, true)
		p.tuck(60, 436, 210, 396, 22, true)
	})
	p.seams("M0 480 C140 480 250 440 254 404 M0 468 C130 468 232 434 240 402", 1.2, "5 3")
	keep := p.frame
	p.frame = frame{scale: keep.scale * 0.62, dx: keep.dx + 118*keep.scale, dy: keep.dy + 374*keep.scale}
	a := ribbon
	p.one("M0 0 C14 -22 46 -24 50 -4 C54 16 30 22 14 14Z", a)
	p.one("M0 0 C10 20 22 44 40 60 L22 68 C8 44 -2 22 -6 4Z", a)
	p.one("M-9 -10 L9 -10 L9 10 L-9 10Z", a)
	p.frame = keep
}

func bucketHat(p *pen, _ Design) {
	p.dy = 26
	p.one("M-214 460 C-150 420 150 420 214 460 C160 486 -160 486 -214 460Z", p.back())
	crown := p.sym("M0 190 C60 186 112 196 124 214 C134 268 144 320 152 372 Q80 396 0 396", p.cloth())
	p.within(crown, func() {
		p.tuck(-80, 214, -100, 390, 44, true)
		p.fold(80, 220, 112, 400, 36)
		p.tuck(-140, 330, 10, 380, 20, false)
	})
	p.seam("M-122 216 C-80 236 80 236 122 216", 1.6, "")
	p.seam("M-122 222 C-80 242 80 242 122 222", 1.2, "5 3")
	p.seams("M78 232 C86 280 92 330 96 380", 1.4, "")
	for _, x := range []float64{-52, -20} {
		p.ring(x, 300, 6, 4, steel)
	}
	brim := p.one("M-150 368 C-70 398 70 398 150 368 C172 396 200 430 220 462 C140 506 -140 506 -220 462 C-200 430 -172 396 -150 368Z", p.cloth())
	p.within(brim, func() {
		p.tuck(-200, 440, -50, 490, 26, false)
		p.tuck(-150, 380, -180, 480, 20, true)
		p.fold(120, 390, 160, 500, 30)
	})
	for i := range 4 {
		k := float64(i)
		p.seam(fmt.Sprintf("M%s %s C-80 %s 80 %s %s %s", num(-160-k*14), num(386+k*20), num(418+k*20), num(418+k*20), num(160+k*14), num(386+k*20)), 1.2, "5 3")
	}
}

func squareScarf(p *pen, _ Design) {
	p.frame = frame{scale: 1, turn: -9, dx: 300, dy: 375}
	edge := look{fill: p.accent, plain: true}
	c := p.one("M-206 -206 Q0 -198 206 -210 Q214 0 204 204 L96 208 Q-60 202 -208 208 Q-198 0 -206 -206Z", edge)
	_ = c
	field := p.one("M-176 -176 Q0 -170 176 -180 Q182 0 174 174 L96 178 Q-40 172 -178 178 Q-170 0 -176 -176Z", look{fill: p.main, aloft: true})
	p.mark(parse("M-190 -190 Q0 -184 190 -194 Q198 0 188 188 L96 192 Q-50 188 -192 192 Q-184 0 -190 -190Z"), p.main, 2.4, "")
	q := p.at(point{-10, -10})
	p.within(field, func() {
		p.body.WriteString(`<circle cx="` + num(q.x) + `" cy="` + num(q.y) + `" r="104" fill="` + p.main.String() + `"/>`)
		p.mark(circle(-10, -10, 104), p.accent, 2, "")
		p.mark(circle(-10, -10, 96), p.accent, 1, "3 4")
	})
	p.body.WriteString(blossom(q.x, q.y, 82, -20, p.accent, hex("#e9b44c")))
	p.body.WriteString(blossom(q.x, q.y, 44, 16, p.accent.mix(white, 0.28), hex("#e9b44c")))
	p.within(c, func() {
		p.fold(-206, -206, 120, 230, 60)
		p.fold(-60, -210, 210, 120, 50)
		p.gleam(-206, -120, 40, 230, 60)
		p.gleam(60, -210, 214, -20, 40)
	})
	p.one("M96 208 C120 160 160 116 204 96 C216 132 176 196 96 208Z", look{fill: p.accent.mix(p.main, 0.25), plain: true})
}

func longScarf(p *pen, _ Design) {
	p.dy = 10
	fringe := func(x0, x1, y, slant float64) {
		d := ""
		for i := range 13 {
			x := x0 + (x1-x0)*float64(i)/12
			d += fmt.Sprintf("M%s %s Q%s %s %s %s", num(x), num(y-3), num(x+3), num(y+22), num(x+slant+p.wobble(i)*8), num(y+44+p.wobble(i+30)*8))
		}
		p.mark(parse(d), lineFor(p.main), 5, "")
		p.mark(parse(d), p.main.mix(p.accent, 0.2), 3, "")
	}
	p.sym("M0 92 C70 92 128 116 140 168 C134 200 90 226 40 236 L0 240", look{fill: p.main.mix(ink, 0.16), turn: 40})
	fringe(26, 132, 606, 6)
	r := p.one("M40 206 L118 190 C128 320 134 460 136 608 L24 612 C30 470 34 330 40 206Z", look{fill: p.main, turn: -3})
	p.within(r, func() { p.fold(76, 200, 60, 620, 30); p.gleam(60, 210, 40, 620, 24); p.fold(110, 200, 118, 620, 24) })
	fringe(-126, -14, 560, -6)
	l := p.one("M-110 180 L-20 214 C-16 320 -12 440 -10 560 L-130 566 C-124 440 -118 310 -110 180Z", look{fill: p.main, turn: 4})
	p.within(l, func() {
		p.fold(-70, 190, -94, 576, 34)
		p.gleam(-84, 190, -116, 576, 22)
		p.fold(-36, 214, -32, 576, 22)
	})
	loop := p.one("M-142 166 C-130 214 -70 244 0 248 C70 244 130 214 142 166 C154 200 150 250 120 282 C80 316 40 322 0 322 C-50 322 -90 310 -122 280 C-150 250 -154 200 -142 166Z", look{fill: p.main, turn: 20})
	p.within(loop, func() {
		p.tuck(-140, 200, 60, 300, 40, false)
		p.tuck(140, 200, -20, 310, 44, false)
		p.tuck(-120, 230, 40, 280, 26, true)
		p.tuck(40, 290, 130, 220, 24, true)
	})
}
