package art

import (
	"fmt"
	"math"
	"strings"
)

// Hero draws a wide banner, 1600 × 700: a clothes rail, the river with a ship of parcels, or a parcel being packed, by
// seed. palette is up to four #rrggbb: backdrop, its companion, a strong colour and a dark one; missing ones are the
// house's. The left third stays calm, for words laid over it.
func Hero(seed uint64, palette []string) []byte {
	tones := []colour{hex("#f3e4d6"), hex("#e9c3b9"), hex("#c8432f"), hex("#222f3a")}
	for i := range min(len(palette), len(tones)) {
		tones[i] = hex(palette[i])
	}
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1600 700" width="1600" height="700">`)
	switch seed % 3 {
	case 0:
		railBanner(&b, tones)
	case 1:
		riverBanner(&b, tones)
	default:
		parcelBanner(&b, tones)
	}
	b.WriteString(`</svg>`)
	return []byte(b.String())
}

func railBanner(b *strings.Builder, t []colour) {
	wall, soft, strong := t[0], t[1], t[2]
	fmt.Fprintf(b, `<defs><linearGradient id="hrw" x2="0" y2="1"><stop stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient><linearGradient id="hrs" x2="0" y2="1"><stop stop-color="#f7d9b8"/><stop offset="1" stop-color="#f3b9a2"/></linearGradient><clipPath id="hrc"><path d="M700 600V290a230 230 0 0 1 460 0V600Z"/></clipPath></defs>`, wall.mix(white, 0.35), wall)
	fmt.Fprintf(b, `<path d="M0 0H1600V700H0Z" fill="url(#hrw)"/><path d="M0 600H1600V700H0Z" fill="%s"/><path d="M0 600H1600V604H0Z" fill="%s"/>`, wall.mix(ink, 0.12), wall.mix(ink, 0.2))
	fmt.Fprintf(b, `<path d="M684 600V290a246 246 0 0 1 492 0V600Z" fill="%s"/>`, white.mix(wall, 0.3))
	b.WriteString(`<g clip-path="url(#hrc)"><path d="M700 60H1160V600H700Z" fill="url(#hrs)"/><circle cx="990" cy="330" r="74" fill="#fff1dc" opacity=".9"/>`)
	skyline(b, 690, 470, 480, "#d99c92", 3)
	skyline(b, 700, 490, 470, "#b97d80", 9)
	b.WriteString(`<path d="M700 486H1160V600H700Z" fill="#e8a898"/><path d="M700 486H1160V600H700Z" fill="#a9788a" opacity=".35"/><path d="M930 500h110M900 520h170M940 542h90M880 564h190" stroke="#fff1dc" stroke-width="4" opacity=".6" stroke-linecap="round"/></g>`)
	fmt.Fprintf(b, `<ellipse cx="1110" cy="648" rx="440" ry="20" fill="%s" opacity=".28"/>`, ink)
	pole := hex("#b98b5b")
	for _, x := range []int{700, 1530} {
		fmt.Fprintf(b, `<path d="M%d 84V640M%d 644L%d 626L%d 644" stroke="%s" stroke-width="11" fill="none" stroke-linecap="round" stroke-linejoin="round"/>`, x, x-46, x, x+46, pole.mix(ink, 0.2))
	}
	fmt.Fprintf(b, `<path d="M686 92H1544" stroke="%s" stroke-width="13" stroke-linecap="round"/><path d="M690 89H1540" stroke="%s" stroke-width="4" stroke-linecap="round"/>`, pole.mix(ink, 0.15), pole.mix(white, 0.5))
	for _, g := range []struct {
		d        Design
		x, scale float64
		neck     float64
	}{
		{Design{Kind: "coat", Cut: "trench", Main: "#d2b994", Seed: 4}, 790, 0.66, 88},
		{Design{Kind: "dress", Cut: "wrap", Pattern: "floral", Main: strong.String(), Accent: soft.String(), Seed: 1}, 946, 0.6, 90},
		{Design{Kind: "shirt", Cut: "oversized", Pattern: "stripe", Detail: "pocket", Main: "#f8f6f1", Accent: "#3158a6", Seed: 2}, 1122, 0.56, 140},
		{Design{Kind: "dress", Cut: "slip", Pattern: "satin", Main: "#a4b28d", Seed: 7}, 1276, 0.64, 74},
		{Design{Kind: "knit", Cut: "cropcardi", Detail: "buttons", Main: "#f1dc97", Seed: 5}, 1430, 0.54, 172},
	} {
		y := 142 - g.neck*g.scale
		fmt.Fprintf(b, `<path d="M%s 104C%s 78 %s 78 %s 96C%s 110 %s 112 %s 130" fill="none" stroke="#6f6a70" stroke-width="4.500" stroke-linecap="round"/>`,
			num(g.x-10), num(g.x-10), num(g.x+12), num(g.x+11), num(g.x+9), num(g.x), num(g.x))
		span := 84.0 * g.scale * 1.1
		if g.d.Kind == "shirt" || g.d.Kind == "knit" {
			span *= 1.45
		}
		fmt.Fprintf(b, `<path d="M%s %sQ%s %s %s 128Q%s %s %s %sZ" fill="%s" stroke="%s" stroke-width="1.5" stroke-linejoin="round"/>`,
			num(g.x-span), num(154.0), num(g.x-span*0.4), num(136.0), num(g.x), num(g.x+span*0.4), num(136.0), num(g.x+span), num(154.0), pole, pole.mix(ink, 0.4))
		b.WriteString(placed(g.d, g.x-300*g.scale, y, g.scale, 0))
	}
	b.WriteString(placed(Design{Kind: "bag", Cut: "tote", Pattern: "grain", Main: "#a2592f", Seed: 2}, 1330, 446, 0.33, 0))
	b.WriteString(placed(Design{Kind: "shoes", Cut: "boot", Main: "#5a3a2f", Seed: 2}, 1090, 468, 0.29, 0))
}

// skyline draws a row of towers standing on y, from x over w.
func skyline(b *strings.Builder, x, y, w float64, fill string, seed int) {
	fmt.Fprintf(b, `<path d="M%s %s`, num(x), num(y))
	at := x
	for i := 0; at < x+w; i++ {
		width := 24 + float64((i*seed*37)%29)
		height := 40 + float64((i*i*seed*53+i*17)%110)
		if (i+seed)%4 == 3 {
			fmt.Fprintf(b, `V%sL%s %sL%s %s`, num(y-height), num(at+width/2), num(y-height-26), num(at+width), num(y-height))
		} else {
			fmt.Fprintf(b, `V%sH%s`, num(y-height), num(at+width))
		}
		at += width
		fmt.Fprintf(b, `V%sH%s`, num(y-18), num(at+6))
		at += 6
	}
	fmt.Fprintf(b, `V%sZ" fill="%s"/>`, num(y), fill)
}

func riverBanner(b *strings.Builder, t []colour) {
	sky, blush, strong, night := t[0], t[1], t[2], t[3]
	fmt.Fprintf(b, `<defs><linearGradient id="hvs" x2="0" y2="1"><stop stop-color="%s"/><stop offset=".7" stop-color="%s"/><stop offset="1" stop-color="#f4b690"/></linearGradient><linearGradient id="hvr" x2="0" y2="1"><stop stop-color="#e9a98f"/><stop offset=".35" stop-color="#8fa3ae"/><stop offset="1" stop-color="%s"/></linearGradient></defs>`,
		sky.mix(white, 0.2), blush, night.mix(hex("#5d7f8f"), 0.6))
	b.WriteString(`<path d="M0 0H1600V460H0Z" fill="url(#hvs)"/><circle cx="1090" cy="330" r="128" fill="#fff1dc" opacity=".85"/><circle cx="1090" cy="330" r="172" fill="#fff1dc" opacity=".25"/>`)
	b.WriteString(`<path d="M0 420C240 330 420 380 640 350C900 300 1180 390 1600 310V470H0Z" fill="#d8a5a0" opacity=".6"/>`)
	skyline(b, -10, 462, 1620, "#c38f92", 5)
	skyline(b, 40, 464, 480, "#9c727f", 7)
	skyline(b, 1230, 464, 400, "#9c727f", 11)
	b.WriteString(`<path d="M1178 462C1192 380 1194 330 1188 270C1186 232 1188 210 1192 196L1195 130L1198 196C1202 210 1204 232 1202 270C1196 330 1198 380 1212 462Z" fill="#9c727f"/><path d="M1180 440L1210 400M1210 440L1184 390M1186 360L1204 320M1202 360L1188 320" stroke="#d8a5a0" stroke-width="2.500"/>`)
	b.WriteString(`<path d="M0 460H1600V700H0Z" fill="url(#hvr)"/><g stroke="#fff1dc" stroke-linecap="round" opacity=".55"><path d="M1020 478h150M990 496h210M1040 514h110M970 536h250M1030 560h140" stroke-width="5"/><path d="M120 520h120M300 556h180M60 610h200M430 640h150M640 520h80M1380 540h130M1440 590h110" stroke-width="3" opacity=".6"/></g>`)
	ship(b, strong, night)
	fmt.Fprintf(b, `<path d="M0 700V660C200 640 380 690 620 664C900 636 1240 690 1600 650V700Z" fill="%s" opacity=".55"/>`, night)
	b.WriteString(`<path d="M1600 40C1520 60 1440 50 1350 96C1300 122 1260 116 1214 140M1480 58C1450 100 1420 118 1400 164M1352 96C1330 90 1312 70 1280 66" fill="none" stroke="#5a3f3a" stroke-width="9" stroke-linecap="round"/>`)
	for i, q := range []point{{1214, 140}, {1280, 66}, {1350, 100}, {1400, 168}, {1452, 62}, {1530, 52}, {1470, 118}, {1568, 110}} {
		b.WriteString(blossom(q.x, q.y, 30+float64(i*7%13), float64(i*41), strong.mix(blush, 0.12*float64(i%3)), hex("#e9b44c")))
	}
	for i, q := range []point{{1120, 214}, {980, 150}, {1310, 246}} {
		b.WriteString(blossom(q.x, q.y, 13, float64(i*50), strong.mix(blush, 0.3), hex("#e9b44c")))
	}
	b.WriteString(`<path d="M520 150q14 -14 28 0q14 -14 28 0M610 190q10 -10 20 0q10 -10 20 0M460 206q9 -9 18 0q9 -9 18 0" fill="none" stroke="#7d5d68" stroke-width="4" stroke-linecap="round"/>`)
}

// ship is a river boat loaded with parcels.
func ship(b *strings.Builder, strong, night colour) {
	b.WriteString(`<g transform="translate(610 300)"><ellipse cx="270" cy="306" rx="330" ry="16" fill="#222f3a" opacity=".25"/>`)
	box := func(x, y, w, h float64, c colour, tape bool) {
		fmt.Fprintf(b, `<path d="M%s %sh%sv%sh-%sz" fill="%s" stroke="%s" stroke-width="2.500" stroke-linejoin="round"/><path d="M%s %sh%sv%sh-%sz" fill="#1d1026" opacity=".10"/>`,
			num(x), num(y), num(w), num(h), num(w), c, c.mix(ink, 0.45), num(x+w*0.66), num(y), num(w*0.34), num(h), num(w*0.34))
		if tape {
			fmt.Fprintf(b, `<path d="M%s %sh14v%sh-14z" fill="#fff" opacity=".5"/>`, num(x+w/2-7), num(y), num(h*0.42))
		} else {
			b.WriteString(blossom(x+w*0.36, y+h*0.55, math.Min(w, h)*0.22, -18, strong, hex("#e9b44c")))
		}
	}
	kraft, pale := hex("#cfa373"), hex("#e8cfa9")
	box(66, 120, 92, 90, kraft, false)
	box(160, 134, 76, 76, pale, true)
	box(238, 110, 104, 100, hex("#d98c7a"), true)
	box(88, 56, 74, 64, pale, true)
	box(164, 70, 66, 64, kraft, true)
	box(252, 42, 80, 68, kraft, false)
	box(180, 18, 50, 52, hex("#8fb0a2"), true)
	fmt.Fprintf(b, `<path d="M380 60h110v150h-110z" fill="#fbf3e6" stroke="%s" stroke-width="2.500"/><path d="M366 44h140v20h-140z" fill="%s"/><path d="M396 84h34v34h-34zM444 84h34v34h-34z" fill="#9fc0d0" stroke="%s" stroke-width="2.500"/><path d="M412 -8h40v52h-40z" fill="%s"/><path d="M412 4h40v12h-40z" fill="#fbf3e6"/>`,
		night, strong, night, night.mix(white, 0.15))
	b.WriteString(`<path d="M432 -14C452 -50 420 -66 452 -98C470 -116 500 -110 516 -126" fill="none" stroke="#fff" stroke-width="16" stroke-linecap="round" opacity=".5"/>`)
	fmt.Fprintf(b, `<path d="M0 196H560C552 250 520 296 470 306H92C50 298 16 250 0 196Z" fill="%s" stroke="%s" stroke-width="3" stroke-linejoin="round"/><path d="M6 214H556L550 234H14Z" fill="#fbf3e6"/><path d="M34 270H528C514 292 494 302 470 306H92C68 302 48 288 34 270Z" fill="%s"/>`, night, night.mix(ink, 0.5), strong)
	for i := range 5 {
		fmt.Fprintf(b, `<circle cx="%d" cy="252" r="9" fill="#9fc0d0" stroke="#fbf3e6" stroke-width="3"/>`, 130+i*74)
	}
	b.WriteString(blossom(70, 252, 17, -18, hex("#fbf3e6"), strong))
	b.WriteString(`<path d="M-30 306C60 296 120 318 200 306S360 318 440 306S540 300 600 308" fill="none" stroke="#fff" stroke-width="6" stroke-linecap="round" opacity=".7"/></g>`)
}

func parcelBanner(b *strings.Builder, t []colour) {
	table, soft, strong := t[0].mix(t[1], 0.4), t[1], t[2]
	fmt.Fprintf(b, `<defs><radialGradient id="hpg" cx=".62" cy=".4" r=".8"><stop stop-color="%s"/><stop offset="1" stop-color="%s"/></radialGradient></defs><path d="M0 0H1600V700H0Z" fill="url(#hpg)"/>`, table.mix(white, 0.4), table)
	fmt.Fprintf(b, `<path d="M560 -20C760 120 640 330 820 420C1000 520 900 640 980 720H1600V-20Z" fill="%s" opacity=".35"/>`, soft)
	b.WriteString(`<g transform="translate(1060 352) rotate(-7)"><path d="M-206 -170H222V206H-206Z" fill="#2a1620" opacity=".14"/><path d="M-220 -186H210V190H-220Z" fill="#c99a68" stroke="#7a5636" stroke-width="3"/><path d="M-196 -162H186V166H-196Z" fill="#a97c4f"/><path d="M-220 -186L-300 -250H270L210 -186Z" fill="#ddb687" stroke="#7a5636" stroke-width="3" stroke-linejoin="round"/><path d="M-220 190L-292 262H262L210 190Z" fill="#d6ad7c" stroke="#7a5636" stroke-width="3" stroke-linejoin="round"/>`)
	fmt.Fprintf(b, `<path d="M-196 -162H186V166H-196Z" fill="#fbf3e6"/><path d="M-196 -162L-90 -60L-196 60ZM186 -162L60 -40L186 90ZM-196 166L-60 70L80 166Z" fill="%s" opacity=".5"/></g>`, soft)
	b.WriteString(placed(Design{Kind: "knit", Cut: "crew", Pattern: "cable", Main: "#dfd0b8", Seed: 4}, 876, 130, 0.6, -7))
	b.WriteString(placed(Design{Kind: "scarf", Cut: "square", Pattern: "floral", Main: "#f2e9d8", Accent: strong.String(), Seed: 6}, 1226, 20, 0.5, 12))
	b.WriteString(placed(Design{Kind: "shoes", Cut: "ballet", Main: strong.String(), Seed: 2}, 1260, 330, 0.46, 10))
	b.WriteString(placed(Design{Kind: "bag", Cut: "crossbody", Pattern: "grain", Main: "#469078", Seed: 2}, 600, 330, 0.46, -12))
	b.WriteString(placed(Design{Kind: "hat", Cut: "brim", Pattern: "straw", Main: "#d2b994", Accent: "#232227", Seed: 2}, 600, -40, 0.52, -8))
	b.WriteString(placed(Design{Kind: "jewellery", Cut: "drops", Pattern: "metal", Main: "#de7f8c", Seed: 2}, 1130, 440, 0.3, 8))
	for i, q := range []point{{560, 330}, {900, 650}, {1180, 60}, {1540, 330}, {872, 70}, {1500, 620}} {
		b.WriteString(blossom(q.x, q.y, 20+float64(i*7%16), float64(i*37), strong.mix(soft, 0.15*float64(i%3)), hex("#e9b44c")))
	}
}
