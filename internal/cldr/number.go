package cldr

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"portolan/internal/money"
)

// numberPattern is a CLDR number pattern such as "#,##,##0.00 ¤;-#,##,##0.00 ¤", taken apart.
type numberPattern struct {
	before, after       string // around the digits of what isn't negative
	negBefore, negAfter string
	first, more         int // digits in the group beside the decimal sign and in those before it
}

func parseNumber(p string) numberPattern {
	pos, neg, own := strings.Cut(p, ";")
	before, digits, after := cutDigits(pos)
	n := numberPattern{before: before, after: after, negBefore: "-" + before, negAfter: after}
	if own {
		n.negBefore, _, n.negAfter = cutDigits(neg)
	}
	whole, _, _ := strings.Cut(digits, ".")
	groups := strings.Split(whole, ",")
	if len(groups) > 1 {
		n.first = len(groups[len(groups)-1])
		n.more = n.first
	}
	if len(groups) > 2 {
		n.more = len(groups[len(groups)-2])
	}
	return n
}

func cutDigits(p string) (before, digits, after string) {
	from := strings.IndexAny(p, "#0")
	to := strings.LastIndexAny(p, "#0") + 1
	return p[:from], p[from:to], p[to:]
}

var shown = sync.OnceValue(func() map[money.Currency]int {
	raw, err := data.ReadFile("data/digits.txt")
	if err != nil {
		panic(err)
	}
	m := map[money.Currency]int{}
	for line := range strings.Lines(string(raw)) {
		code, n, _ := strings.Cut(strings.TrimSpace(line), "\t")
		m[money.Currency(code)] = int(n[0] - '0')
	}
	return m
})

// Digits is the number of decimals people are shown for c. It may be lower than c.Digits: rupiah have
// hundredths by ISO 4217, but nobody writes them.
func Digits(c money.Currency) int {
	if n, ok := shown()[c]; ok {
		return n
	}
	return min(2, c.Digits())
}

// Money writes an amount with its ISO 4217 code, never with a symbol that several countries share:
// "EUR 49.99" in English, "49,99 EUR" in German. Decimals that aren't shown are rounded half away from
// zero. The space beside the code is a no-break space; see Plain.
func (l *Locale) Money(a money.Amount) string {
	var buf [64]byte
	return string(l.AppendMoney(buf[:0], a))
}

// AppendMoney appends what Money writes to b.
func (l *Locale) AppendMoney(b []byte, a money.Amount) []byte {
	u, neg := magnitude(a.Minor)
	u, scale := roundTo(u, a.Currency.Digits(), Digits(a.Currency))
	return l.append(b, &l.money, string(a.Currency), u, scale, neg, l.moneyDecimal, l.moneyGroup)
}

// Number writes a whole number with the locale's grouping.
func (l *Locale) Number(n int64) string {
	var buf [48]byte
	u, neg := magnitude(n)
	return string(l.append(buf[:0], &l.number, "", u, 0, neg, l.decimal, l.group))
}

// Decimal writes a rate as a decimal number with all its decimals except trailing zeros.
func (l *Locale) Decimal(r money.Rate) string { return l.rate(&l.number, r) }

// Percent writes a rate per cent: 0.075 is "7.5%" in English and "7,5 %" in German.
func (l *Locale) Percent(r money.Rate) string {
	if r.Scale >= 2 {
		return l.rate(&l.percent, money.Rate{Coef: r.Coef, Scale: r.Scale - 2})
	}
	return l.rate(&l.percent, money.Rate{Coef: r.Coef * [2]int64{100, 10}[r.Scale], Scale: 0})
}

func (l *Locale) rate(p *numberPattern, r money.Rate) string {
	u, neg := magnitude(r.Coef)
	scale := int(r.Scale)
	for scale > 0 && u%10 == 0 {
		u, scale = u/10, scale-1
	}
	var buf [64]byte
	return string(l.append(buf[:0], p, "", u, scale, neg, l.decimal, l.group))
}

// append writes u x 10^-scale. Nought has no sign.
func (l *Locale) append(b []byte, p *numberPattern, code string, u uint64, scale int, neg bool, decimal, group string) []byte {
	before, after := p.before, p.after
	if neg && u != 0 {
		before, after = p.negBefore, p.negAfter
	}
	b = l.affix(b, before, code)
	var raw [40]byte
	digits := strconv.AppendUint(raw[:0], u, 10)
	for len(digits) <= scale {
		digits = append(digits, 0)
		copy(digits[1:], digits)
		digits[0] = '0'
	}
	whole := digits[:len(digits)-scale]
	grouped := p.first > 0 && len(whole) >= p.first+l.minGroup
	for i, d := range whole {
		if left := len(whole) - i; grouped && i > 0 && (left == p.first || left > p.first && (left-p.first)%p.more == 0) {
			b = append(b, group...)
		}
		b = l.digit(b, d)
	}
	if scale > 0 {
		b = append(b, decimal...)
		for _, d := range digits[len(whole):] {
			b = l.digit(b, d)
		}
	}
	return l.affix(b, after, code)
}

func (l *Locale) digit(b []byte, d byte) []byte {
	if l.zero == '0' {
		return append(b, d)
	}
	return utf8.AppendRune(b, l.zero+rune(d-'0'))
}

// affix writes the text around the digits, with signs and currency code put in.
func (l *Locale) affix(b []byte, s, code string) []byte {
	for _, r := range s {
		switch r {
		case '-':
			b = append(b, l.minus...)
		case '%':
			b = append(b, l.percentSign...)
		case '¤':
			b = append(b, code...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

func magnitude(n int64) (u uint64, neg bool) {
	if n < 0 {
		return -uint64(n), true
	}
	return uint64(n), false
}

// roundTo changes u from have decimals to want, half away from zero.
func roundTo(u uint64, have, want int) (uint64, int) {
	for ; have < want; have++ {
		u *= 10
	}
	if have == want {
		return u, want
	}
	unit := uint64(1)
	for ; have > want; have-- {
		unit *= 10
	}
	q, rest := u/unit, u%unit
	if rest*2 >= unit {
		q++
	}
	return q, want
}

// Plain replaces no-break and thin spaces by ordinary ones and drops direction marks, for places that have
// a narrow alphabet: text messages, file names.
func Plain(s string) string {
	return plain.Replace(s)
}

var plain = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "\u200e", "", "\u200f", "", "\u061c", "",
	"\u2066", "", "\u2067", "", "\u2068", "", "\u2069", "")
