package sms_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/messaging/sms"
)

func TestCount(t *testing.T) {
	offer := strings.Repeat("x", 156)
	for _, c := range []struct {
		text     string
		encoding sms.Encoding
		units    int
		parts    int
		left     int
		costly   string
	}{
		{"", sms.GSM7, 0, 1, 160, ""},
		{strings.Repeat("a", 160), sms.GSM7, 160, 1, 0, ""},
		{strings.Repeat("a", 161), sms.GSM7, 161, 2, 145, ""},
		{strings.Repeat("a", 306), sms.GSM7, 306, 2, 0, ""},
		{strings.Repeat("a", 307), sms.GSM7, 307, 3, 152, ""},
		{strings.Repeat("€", 80), sms.GSM7, 160, 1, 0, "€"},
		{strings.Repeat("€", 81), sms.GSM7, 162, 2, 143, "€"},
		{strings.Repeat("€", 153), sms.GSM7, 306, 3, 151, "€"},
		{strings.Repeat("б", 70), sms.UCS2, 70, 1, 0, "б"},
		{strings.Repeat("б", 71), sms.UCS2, 71, 2, 63, "б"},
		{strings.Repeat("б", 134), sms.UCS2, 134, 2, 0, "б"},
		{strings.Repeat("б", 135), sms.UCS2, 135, 3, 66, "б"},
		{strings.Repeat("😀", 35), sms.UCS2, 70, 1, 0, "😀"},
		{strings.Repeat("😀", 36), sms.UCS2, 72, 2, 61, "😀"},
		{strings.Repeat("😀", 67), sms.UCS2, 134, 3, 65, "😀"},
		{offer, sms.GSM7, 156, 1, 4, ""},
		{offer + "it’s!", sms.UCS2, 161, 3, 40, "’"},
		{"^{}[]~\\|€\f", sms.GSM7, 20, 1, 140, "^{}[]~\\|€\f"},
		{"éèàùòìñäöüßÇ£¿¡", sms.GSM7, 15, 1, 145, ""},
		{"çêôáíóú°", sms.UCS2, 8, 1, 62, "çêôáíóú°"},
		{"19,99\u00A0€ {x}", sms.UCS2, 11, 1, 59, "\u00A0"},
		{"\xff", sms.UCS2, 1, 1, 69, "\uFFFD"},
	} {
		got := sms.Count(c.text)
		want := sms.Info{Encoding: c.encoding, Units: c.units, Parts: c.parts, Left: c.left, Costly: []rune(c.costly)}
		if c.costly == "" {
			want.Costly = nil
		}
		require.Equal(t, want, got, "%.20q…", c.text)
	}
}

func TestSplit(t *testing.T) {
	parts, err := sms.Split(strings.Repeat("a", 152)+"€"+"b", 7)
	require.NoError(t, err)
	require.Len(t, parts, 1, "155 septets are one message")

	parts, err = sms.Split(strings.Repeat("a", 152)+"€"+strings.Repeat("b", 10), 0xC7)
	require.NoError(t, err)
	require.Len(t, parts, 2)
	require.Equal(t, []byte{5, 0, 3, 0xC7, 2, 1}, parts[0].Header)
	require.Equal(t, []byte{5, 0, 3, 0xC7, 2, 2}, parts[1].Header)
	require.Len(t, parts[0].Body, 152, "the escape moves to the next part with its character")
	require.Equal(t, []byte{0x1B, 0x65}, parts[1].Body[:2])
	require.Zero(t, parts[0].DCS)
	require.Equal(t, append([]byte{5, 0, 3, 0xC7, 2, 2}, parts[1].Body...), parts[1].Payload())

	parts, err = sms.Split(strings.Repeat("я", 66)+"😀"+strings.Repeat("я", 5), 1)
	require.NoError(t, err)
	require.Len(t, parts, 2)
	require.Len(t, parts[0].Body, 132, "the surrogate pair isn't cut")
	require.Equal(t, []byte{0xD8, 0x3D, 0xDE, 0x00}, parts[1].Body[:4])
	require.Equal(t, byte(8), parts[1].DCS)

	_, err = sms.Split(strings.Repeat("a", 153*255), 1)
	require.NoError(t, err)
	_, err = sms.Split(strings.Repeat("a", 153*255+1), 1)
	require.ErrorIs(t, err, sms.ErrTooLong)
}

func TestAlphabetVectors(t *testing.T) {
	for text, want := range map[string]string{
		"@£$¥": "\x00\x01\x02\x03", "ÄÖÑÜ§": "\x5b\x5c\x5d\x5e\x5f", "äöñüà": "\x7b\x7c\x7d\x7e\x7f",
		"¿¡_ΔΞ": "\x60\x40\x11\x10\x1a", "ÆæßÉ¤": "\x1c\x1d\x1e\x1f\x24", "ÅåØøÇ": "\x0e\x0f\x0b\x0c\x09",
		"€[]": "\x1b\x65\x1b\x3c\x1b\x3e", "\f\n\r": "\x1b\x0a\x0a\x0d", "ab": "ab",
	} {
		require.Equal(t, []byte(want), sms.Encode(text, sms.GSM7), text)
		require.Equal(t, text, sms.Decode(0, []byte(want)))
	}
	require.Equal(t, []byte{0x04, 0x31, 0xD8, 0x3D, 0xDE, 0x00}, sms.Encode("б😀", sms.UCS2))
	require.Equal(t, []byte("?a"), sms.Encode("бa", sms.GSM7), "only what the alphabet has")
}

func TestDecodeWhatOthersSend(t *testing.T) {
	for _, c := range []struct {
		dcs  byte
		body string
		want string
	}{
		{0, "\x1b", ""},           // cut escape
		{0, "\x1bAb", "Ab"},       // unknown extension
		{0, "a\x1b\x1bb", "a b"},  // reserved
		{0, "\xe9t\xe9", "été"},   // Latin-1 from a sloppy centre
		{1, "a_b@", "a_b@"},       // ASCII
		{3, "\xfcber", "über"},    // Latin-1
		{8, "\x04\x31\x00", "б"},  // odd length
		{8, "\xd8\x3d", "\uFFFD"}, // half a pair
		{0x11, "\x00", "@"},       // GSM-7 with class 1
		{0x18, "\x04\x31", "б"},   // UCS-2 with class 0
		{0xF1, "\x00", "@"},       // message class
		{0xE0, "\x04\x31", "б"},   // waiting indication
		{0xF5, "\xff", "ÿ"}, {4, "\xff", "ÿ"},
	} {
		require.Equal(t, c.want, sms.Decode(c.dcs, []byte(c.body)), "%x %x", c.dcs, c.body)
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		payload string
		want    sms.Concat
		body    string
	}{
		{"\x05\x00\x03\x09\x02\x01hi", sms.Concat{Ref: 9, Total: 2, Part: 1}, "hi"},
		{"\x06\x08\x04\x12\x34\x03\x03hi", sms.Concat{Ref: 0x1234, Total: 3, Part: 3}, "hi"},
		{"\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x09\x02\x02x", sms.Concat{Ref: 9, Total: 2, Part: 2}, "x"}, // ports first
		{"\x05\x00\x03\x09\x02\x03hi", sms.Concat{}, "hi"},                                                // part 3 of 2
		{"\x05\x00\x03\x09\x02\x00hi", sms.Concat{}, "hi"},
		{"\x03\x24\x01\x01hi", sms.Concat{}, "hi"},
		{"\x02\x00\x09hi", sms.Concat{}, "hi"}, // element longer than the header
		{"\x40hi", sms.Concat{}, "\x40hi"},     // header longer than the payload
		{"", sms.Concat{}, ""},
	} {
		got, body := sms.Header([]byte(c.payload))
		require.Equal(t, c.want, got, "%x", c.payload)
		require.Equal(t, c.body, string(body))
	}
}

func pieces(t require.TestingT, text string, ref byte) []sms.Piece {
	parts, err := sms.Split(text, ref)
	require.NoError(t, err)
	out := make([]sms.Piece, len(parts))
	for i, p := range parts {
		out[i] = sms.Piece{DCS: p.DCS, Body: p.Body}
		if p.Header != nil {
			out[i].Concat, out[i].Body = sms.Header(p.Payload())
		}
	}
	return out
}

var words = rapid.OneOf(
	rapid.StringOfN(rapid.RuneFrom([]rune("aZ9 @£Ç\n\f^{}[]~\\|€àß")), 0, 700, -1),
	rapid.StringOfN(rapid.RuneFrom([]rune("aé€’бжç漢😀👩‍🚀ة")), 0, 700, -1),
	rapid.String(),
)

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := words.Draw(t, "text")
		in := sms.Count(text)
		parts, err := sms.Split(text, rapid.Byte().Draw(t, "ref"))
		require.NoError(t, err)
		require.Len(t, parts, in.Parts, "what is counted is what is sent")
		octets := 0
		for _, p := range parts {
			size := len(p.Body)
			octets += size
			switch {
			case p.DCS == sms.CodingUCS2:
				require.LessOrEqual(t, len(p.Header)+size, 140)
			case p.Header != nil:
				require.LessOrEqual(t, size, 153)
			default:
				require.LessOrEqual(t, size, 160)
			}
			require.True(t, utf8.ValidString(sms.Decode(p.DCS, p.Body)))
			if p.DCS == sms.CodingUCS2 && !strings.Contains(text, "\uFFFD") {
				require.NotContains(t, sms.Decode(p.DCS, p.Body), "\uFFFD")
			}
		}
		if in.Encoding == sms.UCS2 {
			octets /= 2
		}
		require.Equal(t, in.Units, octets)

		got := pieces(t, text, 3)
		for range len(got) / 2 {
			got = append(got, got[rand.IntN(len(got))])
		}
		rand.Shuffle(len(got), func(i, k int) { got[i], got[k] = got[k], got[i] })
		joined, complete := sms.Join(got)
		require.True(t, complete)
		require.Equal(t, text, joined, "parts in any order, doubled, give the text back")
	})
}

func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := words.Draw(t, "text")
		e := sms.Count(text).Encoding
		require.Equal(t, text, sms.Decode(e.Coding(), sms.Encode(text, e)))
	})
}

func TestTransliterate(t *testing.T) {
	for in, want := range map[string]string{
		"It’s “here” – 5 % off…":       `It's "here" - 5 % off...`,
		"19,99\u00A0€":                 "19,99 €",
		"1\u202F234,50 €":              "1 234,50 €",
		"ça déjà là-bas, forêt, Œuvre": "ca déjà là-bas, foret, OEuvre",
		"grüße":                        "grüße", // already in the alphabet
		"gru\u0308ße":                  "grüße",
		"Łódź":                         "Lodz",
		"привет ’":                     "привет ’", // UCS-2 anyway
		"ok 😀":                         "ok 😀",
		"":                             "",
	} {
		require.Equal(t, want, sms.Transliterate(in))
	}
	rapid.Check(t, func(t *rapid.T) {
		text := words.Draw(t, "text")
		got := sms.Transliterate(text)
		if got != text {
			require.Equal(t, sms.GSM7, sms.Count(got).Encoding)
		}
		require.Equal(t, got, sms.Transliterate(got))
	})
}

func TestPlain(t *testing.T) {
	for r, want := range map[rune]string{'’': "'", 'ê': "e", 'a': "a", '€': "€", 'ﬁ': "fi", '①': "1"} {
		got, ok := sms.Plain(r)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, r := range "б漢😀\u0301" {
		_, ok := sms.Plain(r)
		require.False(t, ok, "%q", r)
	}
}

func TestJoiner(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	text := strings.Repeat("ж", 100)
	p := pieces(t, text, 5)
	j := sms.NewJoiner(3)

	got, ok := j.Add("49", "1", sms.Piece{Body: []byte("hi")}, at)
	require.True(t, ok)
	require.Equal(t, "hi", got)

	_, ok = j.Add("49", "1", p[1], at)
	require.False(t, ok)
	_, ok = j.Add("49", "1", p[1], at)
	require.False(t, ok, "the same part twice isn't two parts")
	_, ok = j.Add("44", "1", p[0], at)
	require.False(t, ok, "another phone's part doesn't complete it")
	got, ok = j.Add("49", "1", p[0], at.Add(sms.Patience))
	require.True(t, ok)
	require.Equal(t, text, got)

	_, ok = j.Add("44", "1", p[1], at.Add(sms.Patience+time.Second))
	require.False(t, ok, "ten minutes are over")
	require.Equal(t, 1, j.Open())
	for _, from := range []string{"a", "b", "c", "d", "e"} {
		j.Add(from, "1", p[0], at.Add(sms.Patience+time.Second))
	}
	require.Equal(t, 3, j.Open(), "unfinished texts are bounded")
}

func TestJoinKeepsWhatAPhoneCut(t *testing.T) {
	halves := []sms.Piece{
		{Concat: sms.Concat{Ref: 1, Total: 2, Part: 1}, DCS: 8, Body: []byte{0x04, 0x31, 0xD8, 0x3D}},
		{Concat: sms.Concat{Ref: 1, Total: 2, Part: 2}, DCS: 8, Body: []byte{0xDE, 0x00}},
	}
	got, ok := sms.Join(halves)
	require.True(t, ok)
	require.Equal(t, "б😀", got)

	halves[1] = sms.Piece{Concat: halves[1].Concat, DCS: 0, Body: []byte("ok")}
	halves[0].Body = halves[0].Body[:2]
	got, _ = sms.Join(halves)
	require.Equal(t, "бok", got, "parts in different alphabets")
	_, ok = sms.Join(nil)
	require.False(t, ok)
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(0), []byte("\x05\x00\x03\x09\x02\x01hi\x1b"))
	f.Add(byte(8), []byte("\x04\x31\xd8"))
	f.Fuzz(func(t *testing.T, dcs byte, payload []byte) {
		c, body := sms.Header(payload)
		if len(body) > len(payload) || c.Part > c.Total || (c.Total > 0) != (c.Part > 0) {
			t.Fatal(c, body)
		}
		if !utf8.ValidString(sms.Decode(dcs, body)) {
			t.Fatal("not UTF-8")
		}
	})
}

// How many parts the same text takes where a network wants it cut in another way.
func TestWays(t *testing.T) {
	for _, c := range []struct {
		way      sms.Way
		text     string
		encoding sms.Encoding
		parts    int
		first    int // octets of the first body
	}{
		{sms.Way{}, strings.Repeat("a", 306), sms.GSM7, 2, 153},
		{sms.Way{Wide: true}, strings.Repeat("a", 306), sms.GSM7, 3, 152},
		{sms.Way{Wide: true}, strings.Repeat("б", 134), sms.UCS2, 3, 132},
		{sms.Way{Bare: true}, strings.Repeat("a", 306), sms.GSM7, 2, 153},
		{sms.Way{Latin1: true}, strings.Repeat("ê", 140), sms.Latin1, 1, 140},
		{sms.Way{Latin1: true}, strings.Repeat("ê", 141), sms.Latin1, 2, 134},
		{sms.Way{Latin1: true, Wide: true}, strings.Repeat("{", 268), sms.Latin1, 3, 133},
		{sms.Way{Latin1: true}, "5 €", sms.UCS2, 1, 6},
	} {
		in := c.way.Count(c.text)
		require.Equal(t, c.encoding, in.Encoding)
		parts, err := c.way.Split(c.text, 0x1207)
		require.NoError(t, err)
		require.Len(t, parts, c.parts)
		require.Equal(t, c.parts, in.Parts)
		require.Len(t, parts[0].Body, c.first)
		require.Equal(t, in.Encoding.Coding(), parts[0].DCS)
		text := ""
		for i, p := range parts {
			require.Equal(t, c.parts > 1 && !c.way.Bare, p.Header != nil)
			if c.parts == 1 {
				require.Zero(t, p.Concat)
			} else {
				want := sms.Concat{Ref: 0x07, Total: c.parts, Part: i + 1}
				if c.way.Wide || c.way.Bare {
					want.Ref = 0x1207
				}
				require.Equal(t, want, p.Concat)
				if p.Header != nil {
					at, _ := sms.Header(p.Payload())
					require.Equal(t, want, at)
				}
			}
			text += sms.Decode(p.DCS, p.Body)
		}
		require.Equal(t, c.text, text)
	}
}

// What a reader takes for one character is never in two parts, unless it is longer than a part.
func TestCharactersStayWhole(t *testing.T) {
	for _, whole := range []string{"👨‍👩‍👧‍👦", "🇩🇪", "นี้", "e\u0301", "👍🏽", "한", "1️⃣"} {
		for lead := 55; lead <= 70; lead++ {
			parts, err := sms.Split(strings.Repeat("я", lead)+whole+strings.Repeat("я", 30), 1)
			require.NoError(t, err)
			require.Equal(t, 1, len(parts)-1)
			one, two := sms.Decode(parts[0].DCS, parts[0].Body), sms.Decode(parts[1].DCS, parts[1].Body)
			require.True(t, strings.Contains(one, whole) != strings.Contains(two, whole), "%d %s", lead, whole)
		}
	}
	parts, err := sms.Split("я"+strings.Repeat("\u0301", 200), 1)
	require.NoError(t, err)
	require.Len(t, parts, 3, "201 units in three parts of 67")
}
