package art

func smalls() []cut { return []cut{{"belt", belt}, {"socks", socks}} }

func belt(p *pen, _ Design) {
	p.dy = 360
	lay := func(d string) {
		cs := parse(d)
		data := p.data(cs)
		p.shadow.WriteString(`<path d="` + data + `" fill="none" stroke="#2a1620" stroke-width="40"/>`)
		p.mark(cs, lineFor(p.main), 40, "")
		p.mark(cs, p.main, 37, "")
		p.mark(cs, seamFor(p.main), 30, "6 4")
		p.mark(cs, p.main, 27.6, "")
		p.mark(cs, p.main.mix(white, 0.07), 12, "")
	}
	lay("M-150 92 C-250 20 -200 -170 -20 -176 C170 -180 240 -30 170 60 C120 124 20 140 -60 128")
	lay("M-64 186 C40 206 150 190 214 128")
	lay("M-176 70 C-150 110 -110 122 -60 128")
	for i := range 5 {
		t := float64(i) / 4
		p.fillCurves(oval(40+t*130, 192-t*t*34-t*8, 5, 5), lineFor(p.main).mix(ink, 0.5).String(), 1)
	}
	lay("M-190 44 C-176 76 -166 90 -146 104")
	p.ring(-116, 128, 56, 15, gold)
	p.tube(parse("M-150 100 L-72 152"), 9, gold)
	p.one("M-30 106 L6 110 L2 160 L-34 156Z", look{fill: p.main.mix(ink, 0.1), flat: true})
}

const sock = "M-78 -230 L46 -230 C48 -150 46 -70 56 -6 C66 36 128 66 178 88 C214 106 220 146 192 164 C160 182 60 168 -14 136 C-76 108 -88 60 -84 0 C-80 -80 -80 -150 -78 -230Z"

func socks(p *pen, _ Design) {
	tip := p.accent
	if p.fabric == "rib" {
		tip = p.main.mix(ink, 0.12)
	}
	for _, f := range []frame{{scale: 1.08, turn: -7, dx: 330, dy: 360}, {scale: 1.08, turn: 3, dx: 236, dy: 400}} {
		p.frame = f
		look0 := p.cloth()
		if p.fabric == "stripe" {
			look0.turn = 90
		}
		c := p.one(sock, look0)
		p.within(c, func() {
			p.fill("M-96 20 C-30 30 0 70 -6 150 L-100 150Z", tip.String(), 1)
			p.fill("M142 60 C128 96 132 140 146 190 L240 190 L240 60Z", tip.String(), 1)
			p.seam("M-96 20 C-30 30 0 70 -6 150 M142 60 C128 96 132 140 146 190", 1.6, "")
			p.fill(sock, "url(#"+p.id+"vol)", 0.8)
			p.tuck(56, -10, -40, 40, 22, false)
			p.tuck(58, 4, 10, 60, 16, false)
			p.tuck(-60, -180, -66, 20, 26, true)
			p.tuck(20, 120, 130, 150, 20, true)
		})
		cuff := p.one("M-80 -250 Q-16 -260 46 -250 L48 -196 Q-16 -204 -80 -196Z", p.trim(tip))
		p.ribs(cuff, -84, 50, -264, -190)
		p.mark(parse(sock), lineFor(p.main), 2, "")
	}
}
