// Package sms knows how a text becomes short messages: which alphabet it needs, how many parts it fills and
// therefore costs, how it is cut, and how the pieces of an incoming text are put together again.
//
// It knows no network and no provider; packages smpp and smsc carry its parts. The rules are those of
// 3GPP TS 23.038 (alphabets) and 23.040 (concatenation).
package sms

import (
	"iter"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-text/typesetting/segmenter"

	"portolan/internal/fault"
)

// ErrTooLong says that a text needs more than the 255 parts that a header can count.
var ErrTooLong = fault.New(fault.Invalid, "sms.too_long")

// Encoding is how the characters of a part are written.
type Encoding string

const (
	GSM7   Encoding = "gsm7"   // the 7-bit default alphabet with its extension table
	UCS2   Encoding = "ucs2"   // UTF-16, which is what phones read there
	Latin1 Encoding = "latin1" // sent only by Way.Latin1
	ASCII  Encoding = "ascii"  // only received
	Octets Encoding = "octets" // only received: data, not text
)

// Data coding octets of SMPP 3.4 as this package writes them.
const (
	CodingGSM7   byte = 0
	CodingLatin1 byte = 3
	CodingUCS2   byte = 8
)

// Coding is the data coding octet of an encoding that is sent.
func (e Encoding) Coding() byte {
	switch e {
	case UCS2:
		return CodingUCS2
	case Latin1:
		return CodingLatin1
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

// Way is how a network wants texts cut. The zero Way is what nearly all networks take.
type Way struct {
	Wide   bool // parts carry a 16-bit reference, which costs one character of each
	Bare   bool // parts carry no header: their place is told beside them, in the sar_ fields of SMPP
	Latin1 bool // what Latin-1 can write goes in Latin-1 (data coding 3), the rest in UCS-2
}

// room is how many units one message holds: alone, and as a part of several. A message has 140 octets; the header
// of a part takes six or seven, also where the network writes it.
func (w Way) room(e Encoding) (single, part int) {
	left := 134
	if w.Wide {
		left = 133
	}
	switch e {
	case UCS2:
		return 70, left / 2
	case Latin1:
		return 140, left
	}
	return 160, left * 8 / 7
}

// Info is what a text costs on the air.
type Info struct {
	Encoding Encoding
	Units    int    // septets, UTF-16 units or Latin-1 octets of the whole text
	Parts    int    // messages to pay for; an empty text is one
	Left     int    // units still free in the last part
	Costly   []rune // each once, in order: what forces UCS-2, or what takes two septets in GSM-7
}

// Count says how a text would be sent. Parts are packed as Split packs them, so a character that doesn't
// fit the end of a part moves to the next one whole.
func Count(text string) Info { return Way{}.Count(text) }

// Count is the same for a network that wants texts cut in its own way.
func (w Way) Count(text string) Info {
	in, _ := w.measure(text)
	return in
}

// measure counts, and tells where each part ends.
func (w Way) measure(text string) (in Info, ends []int) {
	in.Encoding = GSM7
	if w.Latin1 {
		in.Encoding = Latin1
	}
	var foreign, double []rune
	for _, r := range text {
		switch width(r, in.Encoding) {
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
	for _, r := range text {
		in.Units += width(r, in.Encoding)
	}
	single, part := w.room(in.Encoding)
	if in.Units <= single {
		in.Parts, in.Left = 1, single-in.Units
		return in, []int{len(text)}
	}
	used := 0
	add := func(start, units int) {
		if used+units > part {
			ends = append(ends, start)
			used = 0
		}
		used += units
	}
	for start, cluster := range clusters(text, in.Encoding) {
		units := 0
		for _, r := range cluster {
			units += width(r, in.Encoding)
		}
		if units <= part {
			add(start, units)
			continue
		}
		for i, r := range cluster { // more marks on one letter than a message holds
			add(start+i, width(r, in.Encoding))
		}
	}
	ends = append(ends, len(text))
	in.Parts, in.Left = len(ends), part-used
	return in, ends
}

// clusters are the pieces of a text that a reader takes for one character, with their places. A letter and its
// marks, a flag of two letters and a family of joined faces stay in one part, so that a phone which shows the parts
// one by one never shows half of them. The alphabets of one octet a character have none.
func clusters(text string, e Encoding) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		if e != UCS2 {
			for i, r := range text {
				if !yield(i, string(r)) {
					return
				}
			}
			return
		}
		var s segmenter.Segmenter
		runes := []rune(text)
		s.Init(runes)
		start := 0
		for it := s.GraphemeIterator(); it.Next(); {
			end := start
			for range it.Grapheme().Text {
				_, n := utf8.DecodeRuneInString(text[end:])
				end += n
			}
			if !yield(start, text[start:end]) {
				return
			}
			start = end
		}
	}
}

func once(rs []rune, r rune) []rune {
	for _, have := range rs {
		if have == r {
			return rs
		}
	}
	return append(rs, r)
}

// width is how many units a character takes, 0 if the encoding lacks it.
func width(r rune, e Encoding) int {
	switch e {
	case UCS2:
		return max(1, utf16.RuneLen(r))
	case Latin1:
		if r < 0x80 || r >= 0xA0 && r <= 0xFF {
			return 1
		}
		return 0
	}
	return int(septetOf(r).width)
}

// Part is one message on the air: Header (empty when the text fits one message) stands before Body, and
// DCS says how Body is written.
type Part struct {
	Concat // its place; the zero value when the text fits one message
	Header []byte
	Body   []byte
	DCS    byte
}

// Payload is header and body in one piece, as a short message carries them.
func (p Part) Payload() []byte {
	return append(append(make([]byte, 0, len(p.Header)+len(p.Body)), p.Header...), p.Body...)
}

// Split cuts text into as many parts as Count says. No escape, no surrogate pair and no character with its marks is
// ever cut. All parts carry ref, by which the phone finds those that belong together; parts sent again need the same
// one.
func Split(text string, ref byte) ([]Part, error) { return Way{}.Split(text, uint16(ref)) }

// Split is the same for a network that wants texts cut in its own way. Without Wide the reference has 8 bits: of ref
// only the low ones are taken.
func (w Way) Split(text string, ref uint16) ([]Part, error) {
	in, ends := w.measure(text)
	if in.Parts > 255 {
		return nil, ErrTooLong
	}
	dcs := in.Encoding.Coding()
	if in.Parts == 1 {
		return []Part{{Body: Encode(text, in.Encoding), DCS: dcs}}, nil
	}
	if !w.Wide && !w.Bare {
		ref &= 0xFF
	}
	parts := make([]Part, in.Parts)
	start := 0
	for i, end := range ends {
		c := Concat{Ref: ref, Total: in.Parts, Part: i + 1}
		parts[i] = Part{Concat: c, Body: Encode(text[start:end], in.Encoding), DCS: dcs}
		if !w.Bare {
			parts[i].Header = c.header(w.Wide)
		}
		start = end
	}
	return parts, nil
}
