package cldr

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Style says how much of a date is written.
type Style uint8

const (
	Short   Style = iota // "11/28/26"
	Medium               // "Nov 28, 2026"
	Long                 // "November 28, 2026"
	Full                 // "Saturday, November 28, 2026"
	Day                  // "Nov 28"
	Weekday              // "Sat, Nov 28"
	Month                // "November 2026"
	styles
)

// token is a field of a date pattern with its width ('M', 3), or literal text (field 0).
type token struct {
	field byte
	width int
	text  string
}

func parseDate(p string) []token {
	var out []token
	text := func(s string) {
		if n := len(out); n > 0 && out[n-1].field == 0 {
			out[n-1].text += s
			return
		}
		out = append(out, token{text: s})
	}
	for i := 0; i < len(p); {
		c := p[i]
		if c == '\'' {
			end := strings.IndexByte(p[i+1:], '\'')
			if end == 0 {
				text("'")
			} else {
				text(p[i+1 : i+1+end])
			}
			i += end + 2
			continue
		}
		if c < 'A' || c > 'z' || c > 'Z' && c < 'a' {
			_, n := utf8.DecodeRuneInString(p[i:])
			text(p[i : i+n])
			i += n
			continue
		}
		n := 1
		for i+n < len(p) && p[i+n] == c {
			n++
		}
		out = append(out, token{field: c, width: n})
		i += n
	}
	return out
}

// Date writes the day of t in t's own zone: give it the market's.
func (l *Locale) Date(t time.Time, s Style) string {
	var buf [64]byte
	return string(l.appendDate(buf[:0], l.date[min(s, styles-1)], t, t))
}

// Time writes the time of day of t in t's own zone, without seconds.
func (l *Locale) Time(t time.Time) string {
	var buf [32]byte
	return string(l.appendDate(buf[:0], l.clock[0], t, t))
}

// TimeSeconds is Time with seconds.
func (l *Locale) TimeSeconds(t time.Time) string {
	var buf [32]byte
	return string(l.appendDate(buf[:0], l.clock[1], t, t))
}

// DateTime writes day and time of day: "Nov 28, 2026, 2:05 PM".
func (l *Locale) DateTime(t time.Time, s Style) string {
	s = min(s, styles-1)
	var buf [96]byte
	b := buf[:0]
	for _, part := range parseDate(l.join[s]) {
		for at := 0; at < len(part.text); {
			switch rest := part.text[at:]; {
			case strings.HasPrefix(rest, "{1}"):
				b = l.appendDate(b, l.date[s], t, t)
				at += 3
			case strings.HasPrefix(rest, "{0}"):
				b = l.appendDate(b, l.clock[0], t, t)
				at += 3
			default:
				b = append(b, rest[0])
				at++
			}
		}
	}
	return string(b)
}

// DateRange writes the days from one to another, both in their own zones, without repeating what they
// share: "Nov 28 – Dec 3". The year is written only where the two differ in it.
func (l *Locale) DateRange(from, to time.Time) string {
	fy, fm, fd := from.Date()
	ty, tm, td := to.Date()
	var buf [96]byte
	switch {
	case fy != ty:
		return string(l.appendDate(buf[:0], l.ranges[2], from, to))
	case fm != tm:
		return string(l.appendDate(buf[:0], l.ranges[1], from, to))
	case fd != td:
		return string(l.appendDate(buf[:0], l.ranges[0], from, to))
	}
	return l.Date(from, Day)
}

// appendDate writes t; from the first field that comes a second time on, it writes then.
func (l *Locale) appendDate(b []byte, p []token, t, then time.Time) []byte {
	var seen [128]bool
	for _, k := range p {
		if k.field == 0 {
			b = append(b, k.text...)
			continue
		}
		kind := k.field
		switch kind {
		case 'L':
			kind = 'M'
		case 'c':
			kind = 'E'
		}
		if seen[kind] {
			t = then
			seen = [128]bool{}
		}
		seen[kind] = true
		b = l.field(b, k, t)
	}
	return b
}

func (l *Locale) field(b []byte, k token, t time.Time) []byte {
	switch k.field {
	case 'y':
		if k.width == 2 {
			return l.digits(b, t.Year()%100, 2)
		}
		return l.digits(b, t.Year(), 1)
	case 'M', 'L':
		if k.width < 3 {
			return l.digits(b, int(t.Month()), k.width)
		}
		names := &l.months
		if k.field == 'L' {
			names = &l.monthsOwn
		}
		return append(b, names[k.width-3][t.Month()-1]...)
	case 'd':
		return l.digits(b, t.Day(), k.width)
	case 'E', 'c':
		names := &l.days
		if k.field == 'c' {
			names = &l.daysOwn
		}
		if k.width < 4 {
			return append(b, names[0][t.Weekday()]...)
		}
		return append(b, names[1][t.Weekday()]...)
	case 'H':
		return l.digits(b, t.Hour(), k.width)
	case 'h':
		return l.digits(b, (t.Hour()+11)%12+1, k.width)
	case 'm':
		return l.digits(b, t.Minute(), k.width)
	case 's':
		return l.digits(b, t.Second(), k.width)
	case 'a':
		return append(b, l.ampm[t.Hour()/12]...)
	case 'B':
		return append(b, l.hours[t.Hour()]...)
	case 'G':
		return append(b, l.era...)
	}
	panic("cldr: date field " + string(k.field))
}

func (l *Locale) digits(b []byte, n, width int) []byte {
	var raw [20]byte
	d := strconv.AppendInt(raw[:0], int64(n), 10)
	for i := len(d); i < width; i++ {
		b = l.digit(b, '0')
	}
	for _, c := range d {
		b = l.digit(b, c)
	}
	return b
}
