package i18n

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/fault"
	"portolan/internal/money"
)

// T says the sentence key. Arguments come as name, value pairs: T("checkout.total", "amount", total). Money
// and dates are written by the locale, whole numbers with its digits and grouping, rates per cent, all else
// as fmt does. In right-to-left languages arguments are isolated. What is missing in the language is said in
// English, and what is missing there by the words of the key: a reader never sees a key or a placeholder.
func (p *Printer) T(key string, args ...any) string {
	s, l := p.find(key)
	if s == nil {
		return p.pseudo.of(humanise(key))
	}
	t := &s.text
	if s.forms != nil {
		t = s.forms["other"]
	}
	if t.args == nil {
		return p.pseudo.of(t.plain)
	}
	return p.fill(l, key, t, args)
}

// N says the sentence key in the plural form for n; its text may use {n} besides the arguments.
func (p *Printer) N(key string, n int64, args ...any) string {
	s, l := p.find(key)
	if s == nil {
		return p.Number(n) + " " + humanise(key)
	}
	t := s.in(l, n)
	if t.args == nil {
		return p.pseudo.of(t.plain)
	}
	return p.fill(l, key, t, append(args[:len(args):len(args)], "n", n))
}

func (p *Printer) fill(l *cldr.Locale, key string, t *text, args []any) string {
	isolate := l.Dir() == "rtl"
	b := make([]byte, 0, 96)
	for i, name := range t.args {
		b = append(b, p.pseudo.of(t.parts[i])...)
		value, ok := arg(args, name)
		if !ok {
			miss(p.said.lang, key+" {"+name+"}")
			continue
		}
		if isolate {
			b = append(b, fsi...)
		}
		start := len(b)
		b = p.appendValue(b, value)
		if isolate {
			// What holds isolated parts was put together in this language: they don't count for the direction of the whole,
			// which would be taken for left to right if it began with one and held nothing else.
			if bytes.Contains(b[start:], []byte(pdi)) {
				copy(b[start-len(rli):start], rli)
			}
			b = append(b, pdi...)
		}
	}
	return string(append(b, p.pseudo.of(t.parts[len(t.args)])...))
}

func arg(args []any, name string) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}

func (p *Printer) appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return append(b, v...)
	case int:
		return append(b, p.Number(int64(v))...)
	case int64:
		return append(b, p.Number(v)...)
	case money.Amount:
		return p.AppendMoney(b, v)
	case money.Rate:
		return append(b, p.Percent(v)...)
	case time.Time:
		return append(b, p.Date(v, cldr.Medium)...)
	}
	return fmt.Append(b, value)
}

// humanise makes words of the last part of a key: "order.already_paid" is "Already paid".
func humanise(key string) string {
	words := strings.ReplaceAll(key[strings.LastIndexByte(key, '.')+1:], "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// Fault says what went wrong, and per field of an Invalid fault what is wrong with it. The sentences are
// those of the area faults, under the fault's code and the field's code; a code without a sentence is said
// by its kind. The fields of other kinds hold figures, such as what is left in stock, and are not said.
func (p *Printer) Fault(err error) (summary string, fields map[string]string) {
	f := fault.Of(err)
	summary = p.code(f.Code, f.Kind)
	if f.Kind != fault.Invalid || len(f.Fields) == 0 {
		return summary, nil
	}
	fields = make(map[string]string, len(f.Fields))
	for name, code := range f.Fields {
		fields[name] = p.code(code, fault.Invalid)
	}
	return summary, fields
}

func (p *Printer) code(code string, k fault.Kind) string {
	key := "faults." + code
	if !p.Has(key) && languages()[Fallback]().said[key] == nil {
		miss(p.said.lang, key)
		key = "common.fault_" + kinds[k]
	}
	return p.T(key)
}

// kinds names the sentence for a fault of which no more is known.
var kinds = [...]string{
	fault.Internal: "internal", fault.Invalid: "invalid", fault.NotFound: "not_found", fault.Gone: "gone", fault.Conflict: "conflict", fault.Anonymous: "anonymous",
	fault.Denied: "denied", fault.TooLarge: "too_large", fault.Unsupported: "unsupported", fault.Limited: "limited", fault.Unavailable: "unavailable",
}

// fsi, rli and pdi isolate by the first strong character, from right to left, and end that.
const fsi, rli, pdi = "\u2068", "\u2067", "\u2069"

// Isolate keeps an order number, a price or a phone number readable inside text of the other direction: it
// puts Unicode's first-strong isolate around s.
func Isolate(s string) string { return fsi + s + pdi }

// pseudo is a language that nobody speaks, made of English to show layout faults.
type pseudo uint8

const (
	none pseudo = iota
	long
	mirrored
)

func (k pseudo) of(s string) string {
	if k == none || strings.TrimSpace(s) == "" {
		return s
	}
	if k == mirrored {
		return "\u202e" + s + "\u202c"
	}
	return accents.Replace(s) + " " + strings.Repeat("·~", (len(s)*2/5+2)/2)
}

var accents = strings.NewReplacer("a", "å", "c", "ç", "e", "é", "i", "î", "n", "ñ", "o", "ö", "u", "ü", "y", "ý",
	"A", "Å", "C", "Ç", "E", "É", "I", "Î", "N", "Ñ", "O", "Ö", "U", "Ü", "Y", "Ý")
