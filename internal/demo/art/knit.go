package art

func knits() []cut {
	return []cut{
		{"crew", crewJumper}, {"rollneck", rollneck}, {"cardigan", cardigan}, {"cropcardi", croppedCardigan}, {"vest", knitVest}, {"polo", knitPolo},
	}
}

const (
	knitSleeve = "M96 114 C120 126 132 166 138 214 C144 262 150 296 156 330 C144 338 130 342 117 341 C108 300 98 256 85 212 C80 170 84 138 96 114Z"
	knitBody   = "L96 114 C86 138 82 168 85 204 C84 250 88 290 90 318 Q40 326 0 326"
)

func (p *pen) knitSleeves(turn float64) {
	r, l := p.pair(knitSleeve, look{fill: p.main, turn: turn})
	p.sleeveFolds(r, l, 136, 330)
	r, l = p.pair("M155 326 L160 352 C148 361 132 364 118 362 L116 338 C130 340 144 336 155 326Z", look{fill: p.main.mix(ink, 0.05), plain: true})
	p.ribs(r, 112, 166, 320, 366)
	p.ribs(l, -166, -112, 320, 366)
}

func crewJumper(p *pen, _ Design) {
	p.bust(1.6, 14)
	p.sym("M0 97 C18 97 32 94 40 88 L46 112 L0 134", p.back())
	p.label(100)
	p.knitSleeves(-13)
	c := p.sym("M0 126 C24 126 38 110 44 90"+knitBody, p.cloth())
	p.bodyFolds(c, 316)
	p.hemRib(90, 316, 86, 342)
	collar := p.sym("M0 122 C20 122 34 106 40 88 L52 93 C46 120 26 136 0 136", look{fill: p.main.mix(ink, 0.05), plain: true})
	p.ribs(collar, -54, 54, 84, 140)
}

func rollneck(p *pen, _ Design) {
	p.bust(1.56, 40)
	p.knitSleeves(-13)
	c := p.sym("M0 96 L46 92"+knitBody, p.cloth())
	p.bodyFolds(c, 316)
	p.hemRib(90, 316, 86, 342)
	p.sym("M0 60 Q22 60 36 54 C38 64 40 70 40 80 L0 84", p.back())
	lower := p.sym("M0 66 Q24 66 38 58 C42 74 46 88 52 100 Q28 118 0 118", look{fill: p.main.mix(white, 0.03)})
	p.within(lower, func() { p.fold(-40, 70, -30, 120, 16); p.fold(30, 70, 40, 120, 16) })
	p.seams("M44 84 Q24 98 0 98", 1.6, "")
}

func cardigan(p *pen, d Design) {
	p.bust(1.42, 16)
	p.sym("M0 97 Q22 97 36 90 L46 130 L0 220", p.back())
	p.label(102)
	r, l := p.pair(longSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 128, 350)
	r, l = p.pair("M141 340 L146 368 C136 375 126 377 117 376 L113 347 C122 348 132 346 141 340Z", look{fill: p.main.mix(ink, 0.05), plain: true})
	p.ribs(r, 108, 150, 336, 380)
	p.ribs(l, -150, -108, 336, 380)
	c := p.sym("M0 216 C10 180 24 130 36 90 L88 111 C80 134 77 158 81 186 C80 250 86 340 90 430 Q40 438 0 438", p.cloth())
	p.bodyFolds(c, 430)
	p.hemRib(90, 418, 88, 446)
	p.sym("M0 236 L-1 218 C10 180 24 130 36 90 L47 94 C36 136 22 190 10 226 L10 450 L0 450", look{fill: p.main.mix(ink, 0.07), plain: true})
	p.seam("M0 236 L0 450", 1.4, "")
	p.pair("M28 340 L72 338 L74 398 L29 401Z", look{fill: p.main, aloft: true})
	p.seams("M28 352 L72 350", 1.2, "")
	if d.Detail == "buttons" {
		p.buttons(4, 240, 4, 428, 6, 5, hex("#8a5a35").mix(p.main, 0.2))
	}
}

func croppedCardigan(p *pen, _ Design) {
	p.bust(1.74, 18)
	p.sym("M0 97 C18 97 32 94 40 88 L46 112 L0 134", p.back())
	p.label(100)
	r, l := p.pair(longSleeve, look{fill: p.main, turn: -12})
	p.sleeveFolds(r, l, 128, 340)
	r, l = p.pair("M141 338 L146 366 C136 373 126 375 117 374 L113 345 C122 346 132 344 141 338Z", look{fill: p.main.mix(ink, 0.05), plain: true})
	p.ribs(r, 108, 150, 334, 380)
	p.ribs(l, -150, -108, 334, 380)
	c := p.sym("M0 126 C24 126 36 110 42 89 L88 111 C80 134 77 158 81 186 C78 220 76 250 78 274 Q40 280 0 280", p.cloth())
	p.bodyFolds(c, 274)
	p.hemRib(78, 272, 72, 296)
	collar := p.sym("M0 123 C20 123 33 107 38 88 L48 92 C43 118 26 134 0 134", look{fill: p.main.mix(ink, 0.05), plain: true})
	p.ribs(collar, -54, 54, 84, 140)
	p.fill("M-8 130 L8 130 L8 303 L-8 303Z", p.main.mix(ink, 0.08).String(), 1)
	p.seams("M8 130 L8 303", 1.2, "")
	p.buttons(0, 142, 0, 292, 7, 4.4, p.main.mix(white, 0.75))
}

func knitVest(p *pen, _ Design) {
	p.bust(1.78, 6)
	p.sym("M0 97 Q22 97 36 90 L46 130 L0 176", p.back())
	p.label(100)
	c := p.sym("M0 178 C10 152 26 120 36 90 L78 104 C66 134 66 168 84 200 C82 240 84 284 86 306 Q40 313 0 313", p.cloth())
	p.bodyFolds(c, 306)
	p.hemRib(86, 304, 80, 332)
	trim := look{fill: p.accent.mix(p.main, 0.25), plain: true}
	p.pair("M0 178 C10 152 26 120 36 90 L44 93 C34 126 16 164 0 192Z", trim)
	p.pair("M78 104 C66 134 66 168 84 200 L80 210 C58 176 56 134 68 101Z", trim)
}

func knitPolo(p *pen, _ Design) {
	p.bust(1.78, 4)
	p.sym("M0 94 Q20 94 32 86 L38 120 L0 170", p.back())
	p.label(98)
	r, l := p.pair("M90 111 C112 122 128 152 140 190 C130 200 116 206 102 207 C96 198 88 190 80 184 C77 154 82 132 90 111Z", look{fill: p.main, turn: -18})
	p.sleeveFolds(r, l, 118, 200)
	p.pair("M138 184 L142 194 C132 204 116 210 101 210 L98 200 C114 200 128 195 138 184Z", p.trim(p.accent))
	c := p.sym("M0 172 C8 150 20 116 30 88 L90 111 C80 132 77 156 80 184 C76 220 72 262 74 312 Q40 318 0 318", p.cloth())
	p.bodyFolds(c, 312)
	p.hemRib(74, 310, 72, 332)
	p.pair("M0 174 C8 150 20 112 28 82 C40 86 48 92 54 100 L46 150 C30 140 18 136 12 150Z", look{fill: p.main.mix(white, 0.06)})
	p.mark(append(parse("M54 101 L46 149 C34 141 24 138 17 142"), mirror(parse("M54 101 L46 149 C34 141 24 138 17 142"))...), p.accent, 5, "")
	p.seam("M-74 306 Q0 314 74 306", 1.2, "")
}
