// Package sms knows how a text becomes short messages: which alphabet it needs, how many parts it fills and
// therefore costs, how it is cut, and how the pieces of an incoming text are put together again.
//
// It knows no network and no provider; packages smpp and smsc carry its parts. The rules are those of
// 3GPP TS 23.038 (alphabets) and 23.040 (concatenation).
package sms

import (
	"unicode/utf16"

	"portolan/internal/fault"
)

// ErrTooLong says that a text needs more than the 255 parts that a header can count.
var ErrTooLong = fault.New(fault.Invalid, "sms.too_long")

// Encoding is how the characters of a part are written.
type Encoding string

const (
	GSM7   Encoding = "gsm7"   // the 7-bit default alphabet with its extension table
	UCS2   Encoding = "ucs2"   // UTF-16, which is what phones read there
	Latin1 Encoding = "latin1" // only received
	ASCII  Encoding = "ascii"  // only received
	Octets Encoding = "octets" // only received: data, not text
)

// Data coding octets of SMPP 3.4 as this package writes them.
const (
	CodingGSM7 byte = 0
	CodingUCS2 byte = 8
)

// Coding is the data coding octet of an encoding that is sent.
func (e Encoding) Coding() byte {
	if e == UCS2 {
		return CodingUCS2
	}
	return CodingGSM7
}

// EncodingOf reads a data coding octet: the values of SMPP 3.4 and, where their upper bits are set, the
// message classes and waiting indications of 3GPP TS 23.038.
func EncodingOf(dcs byte) Encoding {
	switch {
	case dcs&0xF0 == 0xF0: // data coding and message class
		if dcs&0x04 != 0 {
			return Octets
		}
		return GSM7
	case dcs&0xF0 == 0xE0: // message waiting, UCS2
		return UCS2
	case dcs&0xC0 == 0xC0:
		return GSM7
	case dcs >= 0x10: // general group with a class
		return [...]Encoding{GSM7, Octets, UCS2, GSM7}[dcs>>2&3]
	}
	switch dcs {
	case 1:
		return ASCII
	case 2, 4:
		return Octets
	case 3:
		return Latin1
	case 8:
		return UCS2
	}
	return GSM7
}

// room is how many units one message holds: alone, and as a part of several (a six-octet header).
func room(e Encoding) (single, part int) {
	if e == UCS2 {
		return 70, 67
	}
	return 160, 153
}

// Info is what a text costs on the air.
type Info struct {
	Encoding Encoding
	Units    int    // septets or UTF-16 units of the whole text
	Parts    int    // messages to pay for; an empty text is one
	Left     int    // units still free in the last part
	Costly   []rune // each once, in order: what forces UCS-2, or what takes two septets in GSM-7
}

// Count says how a text would be sent. Parts are packed as Split packs them, so a character that doesn't
// fit the end of a part moves to the next one whole.
func Count(text string) Info {
	in := Info{Encoding: GSM7}
	var foreign, double []rune
	for _, r := range text {
		switch septetOf(r).width {
		case 0:
			foreign = once(foreign, r)
		case 2:
			double = once(double, r)
		}
	}
	in.Costly = double
	if foreign != nil {
		in.Encoding, in.Costly = UCS2, foreign
	}
	single, part := room(in.Encoding)
	used := 0
	in.Parts = 1
	for _, r := range text {
		w := width(r, in.Encoding)
		in.Units += w
		if used+w > part {
			in.Parts++
			used = 0
		}
		used += w
	}
	if in.Units <= single {
		in.Parts, in.Left = 1, single-in.Units
		return in
	}
	in.Left = part - used
	return in
}

func once(rs []rune, r rune) []rune {
	for _, have := range rs {
		if have == r {
			return rs
		}
	}
	return append(rs, r)
}

func width(r rune, e Encoding) int {
	if e == UCS2 {
		return max(1, utf16.RuneLen(r))
	}
	return int(septetOf(r).width)
}

// Part is one message on the air: Header (empty when the text fits one message) stands before Body, and
// DCS says how Body is written.
type Part struct {
	Header []byte
	Body   []byte
	DCS    byte
}

// Payload is header and body in one piece, as a short message carries them.
func (p Part) Payload() []byte {
	return append(append(make([]byte, 0, len(p.Header)+len(p.Body)), p.Header...), p.Body...)
}

// Split cuts text into as many parts as Count says. No escape and no surrogate pair is ever cut. All parts
// carry ref, by which the phone finds those that belong together; parts sent again need the same one.
func Split(text string, ref byte) ([]Part, error) {
	in := Count(text)
	if in.Parts > 255 {
		return nil, ErrTooLong
	}
	dcs := in.Encoding.Coding()
	if in.Parts == 1 {
		return []Part{{Body: Encode(text, in.Encoding), DCS: dcs}}, nil
	}
	_, space := room(in.Encoding)
	parts := make([]Part, 0, in.Parts)
	start, used := 0, 0
	cut := func(end int) {
		n := Concat{Ref: uint16(ref), Total: in.Parts, Part: len(parts) + 1}
		parts = append(parts, Part{Header: n.header(), Body: Encode(text[start:end], in.Encoding), DCS: dcs})
		start, used = end, 0
	}
	for i, r := range text {
		w := width(r, in.Encoding)
		if used+w > space {
			cut(i)
		}
		used += w
	}
	cut(len(text))
	return parts, nil
}
