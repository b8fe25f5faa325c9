package sms

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// escape announces a character of the extension table; such a character takes two septets.
const escape = 0x1B

// basic is the default alphabet of 3GPP TS 23.038, septet 0 first. At the place of the escape stands
// U+FFFD, which no text can ask for because it is never looked up.
const basic = "@£$¥èéùìòÇ\nØø\rÅå" +
	"Δ_ΦΓΛΩΠΨΣΘΞ\uFFFDÆæßÉ" +
	" !\"#¤%&'()*+,-./" +
	"0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNO" +
	"PQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmno" +
	"pqrstuvwxyzäöñüà"

// extended lists the extension table of 3GPP TS 23.038.
var extended = map[rune]byte{
	'\f': 0x0A, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2F,
	'[': 0x3C, '~': 0x3D, ']': 0x3E, '|': 0x40, '€': 0x65,
}

var (
	runeOf  = []rune(basic)
	septets = invert()
	near    = table() // septets of the characters below 256, where nearly all texts stay
	second  = invertExtended()
)

// septet is where a character stands: the code, and how many septets it takes.
type septet struct{ code, width byte }

func invert() map[rune]septet {
	m := make(map[rune]septet, 2*len(runeOf))
	for i, r := range runeOf {
		if i != escape {
			m[r] = septet{byte(i), 1}
		}
	}
	for r, b := range extended {
		m[r] = septet{b, 2}
	}
	return m
}

func table() (t [256]septet) {
	for r, s := range septets {
		if r < 256 {
			t[r] = s
		}
	}
	return t
}

// septetOf is where a character stands; the width is 0 if it isn't in the alphabet.
func septetOf(r rune) septet {
	if r >= 0 && r < 256 {
		return near[r]
	}
	return septets[r]
}

func invertExtended() map[byte]rune {
	m := make(map[byte]rune, len(extended))
	for r, b := range extended {
		m[b] = r
	}
	return m
}

// Encode writes text in an encoding: GSM7 with one septet per octet, Latin1, or UCS2 with the high octet first.
// In the first two, characters outside the alphabet become question marks; ask Count first.
func Encode(text string, e Encoding) []byte {
	switch e {
	case UCS2:
		b := make([]byte, 0, 2*len(text))
		for _, u := range utf16.Encode([]rune(text)) {
			b = append(b, byte(u>>8), byte(u))
		}
		return b
	case Latin1:
		b := make([]byte, 0, len(text))
		for _, r := range text {
			if width(r, Latin1) == 0 {
				r = '?'
			}
			b = append(b, byte(r))
		}
		return b
	}
	b := make([]byte, 0, len(text)+8)
	for _, r := range text {
		switch s := septetOf(r); s.width {
		case 0:
			b = append(b, '?')
		case 1:
			b = append(b, s.code)
		case 2:
			b = append(b, escape, s.code)
		}
	}
	return b
}

// Decode reads a body by its data coding octet: GSM-7 with one septet per octet, Latin-1, or UTF-16 with
// the high octet first. It never fails, because a text that came must be shown: half a character becomes
// U+FFFD, an unknown escape the plain character (as 3GPP TS 23.038 asks of phones), and an octet above 127
// in GSM-7, which some message centres send, is read as Latin-1.
func Decode(dcs byte, body []byte) string {
	switch EncodingOf(dcs) {
	case UCS2:
		units := make([]uint16, 0, len(body)/2)
		for i := 0; i+1 < len(body); i += 2 {
			units = append(units, uint16(body[i])<<8|uint16(body[i+1]))
		}
		return string(utf16.Decode(units))
	case Latin1, ASCII, Octets:
		return latin1(body)
	}
	var t strings.Builder
	t.Grow(len(body) + 8)
	for i := 0; i < len(body); i++ {
		b := body[i]
		switch {
		case b > 0x7F:
			t.WriteRune(rune(b))
		case b != escape:
			t.WriteRune(runeOf[b])
		case i+1 < len(body):
			i++
			t.WriteRune(afterEscape(body[i]))
		}
	}
	return t.String()
}

func afterEscape(b byte) rune {
	if r, ok := second[b]; ok {
		return r
	}
	if b > 0x7F {
		return rune(b)
	}
	if b == escape {
		return ' ' // reserved for a further table; a phone without it shows a space
	}
	return runeOf[b]
}

func latin1(b []byte) string {
	var t strings.Builder
	t.Grow(len(b))
	for _, c := range b {
		t.WriteRune(rune(c))
	}
	return t.String()
}

// typographic are characters that writers and number formats bring in unseen and whose plain form says
// the same. Accents are taken off by decomposition instead.
var typographic = map[rune]string{
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '`': "'", '´': "'",
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '″': `"`, '«': `"`, '»': `"`, '‹': "'", '›': "'",
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-",
	'…': "...", '•': "-", '·': ".", '×': "x", '°': "o", '©': "(c)", '®': "(R)", '™': "TM", '№': "No",
	'\u00A0': " ", '\u2002': " ", '\u2003': " ", '\u2007': " ", '\u2009': " ", '\u200A': " ", '\u202F': " ",
	'\t': " ", '\u2028': "\n", '\u2029': "\n",
	'\u00AD': "", '\u200B': "", '\u200C': "", '\u200E': "", '\u200F': "", '\u2060': "", '\uFEFF': "",
	'Ł': "L", 'ł': "l", 'Đ': "D", 'đ': "d", 'Ð': "D", 'ð': "d", 'Þ': "Th", 'þ': "th", 'ı': "i", 'Œ': "OE", 'œ': "oe",
}

// Plain returns what may stand for a character that GSM-7 lacks: "’" is "'", "ê" is "e", a narrow space is
// a space. It reports false for characters of other scripts and for pictures, which have no plain form.
func Plain(r rune) (string, bool) {
	if septetOf(r).width > 0 {
		return string(r), true
	}
	if s, ok := typographic[r]; ok {
		return s, true
	}
	var t strings.Builder
	for _, d := range norm.NFKD.String(string(r)) {
		if unicode.Is(unicode.Mn, d) {
			continue
		}
		if septetOf(d).width == 0 {
			return "", false
		}
		t.WriteRune(d)
	}
	return t.String(), t.Len() > 0
}

// Transliterate gives text its plain form where every character has one, so that it fits GSM-7. Where one
// hasn't, the text would be sent in UCS-2 anyway and comes back unchanged.
func Transliterate(text string) string {
	var t strings.Builder
	for _, r := range norm.NFC.String(text) {
		s, ok := Plain(r)
		if !ok {
			if unicode.Is(unicode.Mn, r) && t.Len() > 0 && lastIsLatin(t.String()) {
				continue
			}
			return text
		}
		t.WriteString(s)
	}
	return t.String()
}

func lastIsLatin(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.Latin, r)
}
