package sms

import (
	"slices"
	"time"
)

// Concat says which piece of a longer text a part is. The zero value is a text of its own.
type Concat struct {
	Ref   uint16 // the sender's number for the text
	Total int    // parts of the text
	Part  int    // 1 is the first
}

// Alone reports whether the part is a whole text.
func (c Concat) Alone() bool { return c.Total <= 1 }

// header is the user data header: element 0 of 3 octets with an 8-bit reference, or element 8 of 4 with one of 16.
func (c Concat) header(wide bool) []byte {
	if wide {
		return []byte{6, 8, 4, byte(c.Ref >> 8), byte(c.Ref), byte(c.Total), byte(c.Part)}
	}
	return []byte{5, 0, 3, byte(c.Ref), byte(c.Total), byte(c.Part)}
}

// Header takes the user data header off a payload whose indicator is set and reads the concatenation
// element in it (8-bit or 16-bit reference, 3GPP TS 23.040). A header that makes no sense is left in the
// text rather than lost with it; one without a usable element makes the part a text of its own.
func Header(payload []byte) (c Concat, body []byte) {
	if len(payload) == 0 || int(payload[0])+1 > len(payload) {
		return Concat{}, payload
	}
	h, body := payload[1:1+int(payload[0])], payload[1+int(payload[0]):]
	for len(h) >= 2 && int(h[1])+2 <= len(h) {
		element, value := h[0], h[2:2+int(h[1])]
		h = h[2+len(value):]
		switch {
		case element == 0x00 && len(value) == 3:
			c = Concat{uint16(value[0]), int(value[1]), int(value[2])}
		case element == 0x08 && len(value) == 4:
			c = Concat{uint16(value[0])<<8 | uint16(value[1]), int(value[2]), int(value[3])}
		}
	}
	if c.Part < 1 || c.Part > c.Total {
		c = Concat{}
	}
	return c, body
}

// Piece is a received part: its place, how it is written and what it says.
type Piece struct {
	Concat
	DCS  byte
	Body []byte
}

// Join puts the pieces of one text together, in whatever order and however often they came. It reports
// false while some are missing. Bodies are joined before they are read, so that a character which the
// sender cut in two is whole again.
func Join(pieces []Piece) (text string, complete bool) {
	if len(pieces) == 0 {
		return "", false
	}
	if pieces[0].Alone() {
		return Decode(pieces[0].DCS, pieces[0].Body), true
	}
	in := make([]*Piece, pieces[0].Total)
	found := 0
	for i := range pieces {
		if n := pieces[i].Part; n >= 1 && n <= len(in) && in[n-1] == nil {
			in[n-1] = &pieces[i]
			found++
		}
	}
	if found < len(in) {
		return "", false
	}
	var body []byte
	for i, p := range in {
		if i > 0 && p.DCS != in[i-1].DCS {
			text += Decode(in[i-1].DCS, body)
			body = nil
		}
		body = append(body, p.Body...)
	}
	return text + Decode(in[len(in)-1].DCS, body), true
}

// Patience is how long the parts of one text wait for each other.
const Patience = 10 * time.Minute

// Joiner collects pieces in memory until their texts are whole. It belongs to one goroutine, or to callers
// who lock around it; those who must not lose a piece keep pieces in a database and call Join themselves.
type Joiner struct {
	limit int
	open  map[thread]*pile
	order []thread
}

type thread struct {
	from, to string
	ref      uint16
	total    int
}

type pile struct {
	since  time.Time
	pieces []Piece
}

// NewJoiner returns a joiner that holds at most limit unfinished texts and gives up the oldest beyond.
func NewJoiner(limit int) *Joiner {
	return &Joiner{limit: max(1, limit), open: map[thread]*pile{}}
}

// Add takes a piece that came at a moment and returns the whole text if this was the missing one. Texts
// that waited longer than Patience for their other parts are given up.
func (j *Joiner) Add(from, to string, p Piece, at time.Time) (text string, complete bool) {
	if p.Alone() {
		return Join([]Piece{p})
	}
	k := thread{from, to, p.Ref, p.Total}
	h := j.open[k]
	if h != nil && at.Sub(h.since) > Patience {
		j.forget(k)
		h = nil
	}
	if h == nil {
		j.makeRoom(at)
		h = &pile{since: at}
		j.open[k] = h
		j.order = append(j.order, k)
	}
	if slices.ContainsFunc(h.pieces, func(have Piece) bool { return have.Part == p.Part }) {
		return "", false
	}
	h.pieces = append(h.pieces, p)
	if len(h.pieces) < p.Total {
		return "", false
	}
	j.forget(k)
	return Join(h.pieces)
}

// Open is how many texts wait for parts.
func (j *Joiner) Open() int { return len(j.open) }

func (j *Joiner) makeRoom(at time.Time) {
	for len(j.order) > 0 {
		oldest := j.order[0]
		if len(j.order) < j.limit && at.Sub(j.open[oldest].since) <= Patience {
			return
		}
		j.forget(oldest)
	}
}

func (j *Joiner) forget(k thread) {
	delete(j.open, k)
	if i := slices.Index(j.order, k); i >= 0 {
		j.order = slices.Delete(j.order, i, i+1)
	}
}
