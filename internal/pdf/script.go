package pdf

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"unicode"
)

// foreign are the fonts that are too large to be carried along: where each may be installed, and the package of
// Debian that brings it. A letter is looked for in them in this order.
var foreign = []struct {
	family, deb string
	paths       []string
	covers      func(rune) bool
}{
	{"east", "fonts-droid-fallback", []string{
		"/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", "/usr/share/fonts/google-droid-sans-fonts/DroidSansFallbackFull.ttf", "/usr/share/fonts/droid/DroidSansFallbackFull.ttf",
	}, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo) || r >= 0x3000 && r <= 0x30FF || r >= 0xFF00 && r <= 0xFFEF
	}},
	{"korea", "fonts-nanum", []string{
		"/usr/share/fonts/truetype/nanum/NanumGothic.ttf", "/usr/share/fonts/nanum/NanumGothic.ttf", "/usr/share/fonts/naver-nanum/NanumGothic.ttf",
	}, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }},
}

type typeface struct {
	data []byte
	has  map[rune]bool
}

var latin = sync.OnceValue(func() typeface {
	b := read("NotoSans-Regular.ttf")
	return typeface{b, letters(b)}
})

// installed are the machine's fonts for foreign; one that isn't there has no letters.
var installed = sync.OnceValue(func() []typeface {
	faces := make([]typeface, len(foreign))
	for i, f := range foreign {
		for _, path := range f.paths {
			if b, err := os.ReadFile(path); err == nil {
				if has := letters(b); len(has) > 0 {
					faces[i] = typeface{b, has}
					break
				}
			}
		}
	}
	return faces
})

// family is the font a letter is drawn with. Where none has it, family is empty, and deb the package whose font
// would, if there is one. A script whose letters change with their neighbours is drawn only where shape.go knows it:
// letters side by side would be misread.
func family(r rune) (name, deb string) {
	if r <= 0x24FF && unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Common) && latin().has[r] {
		return "sans", ""
	}
	for i, f := range foreign {
		if !f.covers(r) || r > 0xFFFF {
			continue
		}
		if installed()[i].has[r] {
			return f.family, ""
		}
		if len(installed()[i].has) == 0 {
			deb = f.deb
		}
	}
	return "", deb
}

type run struct{ family, text string }

// runs splits a text by font, and notes the first letter that none has.
func (d *Doc) runs(field, s string) []run {
	var out []run
	for _, r := range s {
		f, deb := family(r)
		switch {
		case deb != "":
			d.fail(ErrNoFont, field, fmt.Sprintf("%q (U+%04X): install %s", r, r, deb))
			return nil
		case f == "":
			d.fail(ErrNoGlyph, field, fmt.Sprintf("%q (U+%04X)", r, r))
			return nil
		case f != "sans" && !d.loaded[f]:
			d.load(f)
		}
		if n := len(out); n > 0 && out[n-1].family == f {
			out[n-1].text += string(r)
			continue
		}
		out = append(out, run{f, string(r)})
	}
	return out
}

// load puts one of the machine's fonts among the document's.
func (d *Doc) load(family string) {
	for i, f := range foreign {
		if f.family == family {
			d.f.AddUTF8FontFromBytes(family, "", installed()[i].data)
			d.loaded[family] = true
		}
	}
}

// letters lists the characters a TrueType font has glyphs for, from its cmap (formats 4 and 12); nil where the
// font can't be read.
func letters(b []byte) (has map[rune]bool) {
	defer func() {
		if recover() != nil {
			has = nil
		}
	}()
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	has = map[rune]bool{}
	for i := range u16(4) {
		if entry := 12 + 16*i; string(b[entry:entry+4]) == "cmap" {
			cmap := u32(entry + 8)
			for j := range u16(cmap + 2) {
				at := cmap + u32(cmap+4+8*j+4)
				switch u16(at) {
				case 4:
					segments := u16(at+6) / 2
					for k := range segments {
						last, first := u16(at+14+2*k), u16(at+16+2*segments+2*k)
						delta, offsetAt := u16(at+16+4*segments+2*k), at+16+6*segments+2*k
						for r := first; r <= last && r != 0xFFFF; r++ {
							glyph := r + delta
							if offset := u16(offsetAt); offset != 0 {
								if glyph = u16(offsetAt + offset + 2*(r-first)); glyph != 0 {
									glyph += delta
								}
							}
							if glyph&0xFFFF != 0 {
								has[rune(r)] = true
							}
						}
					}
				case 12:
					for k := range u32(at + 12) {
						group := at + 16 + 12*k
						for r := u32(group); r <= u32(group+4); r++ {
							has[rune(r)] = true
						}
					}
				}
			}
		}
	}
	return has
}

// Missing finds the first letter of a text that can't be drawn, and the package of Debian whose font would have it,
// where there is one.
func Missing(s string) (letter rune, deb string, missing bool) {
	shaping := needsShaping(s)
	for _, r := range s {
		if _, known := shapedLetter(r); known {
			continue
		}
		name, deb := family(r)
		if name == "" || shaping && name != "sans" {
			return r, deb, true
		}
	}
	return 0, "", false
}
