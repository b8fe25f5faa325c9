package landed

import (
	"regexp"
	"strconv"
	"strings"

	"portolan/internal/money"
)

// outcome is what became of a rate of an official table.
type outcome uint8

const (
	plain    outcome = iota // one percentage, or free
	compound                // amounts per kilogram, pair, piece … as well: to be reckoned where the quantity is known
	seasonal                // percentages by season: the highest is taken and the span is said
	inWords                 // nothing that can be reckoned: stays in review
)

// written is a rate as an official table writes it.
type writtenRate struct {
	outcome   outcome
	rate, low int64 // millionths
	specific
}

const decimalText = `(\d+(?:\.\d+)?)`

var (
	percentText  = regexp.MustCompile(`^` + decimalText + `%$`)
	seasonText   = regexp.MustCompile(`^(?:` + decimalText + `% ?\([^)]*\)(?:, ?|$))+$`)
	anyPercent   = regexp.MustCompile(decimalText + `%`)
	specificText = regexp.MustCompile(`^(\$?)` + decimalText + ` ?(¢|eur|gbp|€)?(?: ?/ ?(?:(\d[\d,]*) ?)?([a-z.]+)| (each))(?: ?/ ?net)?$`)
	boundText    = regexp.MustCompile(` (min|max) `)
)

// units are how official tables write what an amount is levied on: our name, and how many of it.
var units = map[string]struct {
	name string
	of   int64
}{
	"kg": {"kg", 1}, "tonne": {"kg", 1000}, "item": {"item", 1}, "items": {"item", 1}, "each": {"item", 1}, "no.": {"item", 1}, "pr.": {"pair", 1}, "prs.": {"pair", 1},
	"liter": {"litre", 1}, "hl": {"litre", 100}, "doz.": {"dozen", 1}, "gross": {"gross", 1}, "thousand": {"thousand", 1},
}

// readRate reads a rate such as Free, 16.5%, 1.5¢/kg + 2%, 8.0% MIN 0.30 EUR / item MAX 0.80 EUR / item. What it
// can't read whole is in words; a part of a rate is never taken for the rate.
func readRate(text string) writtenRate {
	s := strings.ToLower(strings.Join(strings.Fields(text), " "))
	if s == "free" {
		return writtenRate{}
	}
	if n, ok := percentOf(s); ok {
		return writtenRate{rate: n, low: n}
	}
	if seasonText.MatchString(s) {
		w := writtenRate{outcome: seasonal, low: 10 * million}
		for _, m := range anyPercent.FindAllString(s, -1) {
			n, ok := percentOf(m)
			if !ok {
				return writtenRate{outcome: inWords}
			}
			w.rate, w.low = max(w.rate, n), min(w.low, n)
		}
		return w
	}
	if w, ok := readBounds(s); ok {
		return w
	}
	w := writtenRate{outcome: compound}
	percents := 0
	for part := range strings.SplitSeq(s, "+") {
		part = strings.TrimSpace(part)
		if n, ok := percentOf(part); ok && percents == 0 {
			w.rate, w.low = n, n
			percents++
			continue
		}
		amount, ok := readSpecific(part)
		if !ok || w.any() {
			return writtenRate{outcome: inWords}
		}
		w.specific = amount
	}
	return w
}

// readBounds reads a percentage with a least and a most amount.
func readBounds(s string) (writtenRate, bool) {
	parts := boundText.Split(s, -1)
	n, ok := percentOf(parts[0])
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return writtenRate{}, false
	}
	w := writtenRate{outcome: compound, rate: n, low: n}
	for i, m := range boundText.FindAllStringSubmatch(s, -1) {
		a, ok := readSpecific(parts[i+1])
		if !ok || a.perUnit == 0 || w.any() && (w.unit != a.unit || w.currency != a.currency) {
			return writtenRate{}, false
		}
		w.unit, w.currency = a.unit, a.currency
		bound := &w.min
		if m[1] == "max" {
			bound = &w.max
		}
		if *bound != 0 {
			return writtenRate{}, false
		}
		*bound = a.perUnit
	}
	return w, true
}

func percentOf(s string) (int64, bool) {
	m := percentText.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, ok := scaled(m[1], 4)
	return n, ok && n <= 10*million
}

// readSpecific reads 1.5¢/kg, $2.12 each, 28.00 EUR / 100 kg / net.
func readSpecific(s string) (specific, bool) {
	m := specificText.FindStringSubmatch(s)
	if m == nil {
		return specific{}, false
	}
	dollars, number, sign, count, unit := m[1] != "", m[2], m[3], m[4], m[5]+m[6]
	digits := 6
	var cur money.Currency
	switch {
	case dollars && sign == "":
		cur = "USD"
	case !dollars && sign == "¢":
		cur, digits = "USD", 4
	case !dollars && (sign == "eur" || sign == "€"):
		cur = "EUR"
	case !dollars && sign == "gbp":
		cur = "GBP"
	default:
		return specific{}, false
	}
	u, ok := units[unit]
	n, fits := scaled(number, digits)
	of := u.of
	if count != "" {
		c, err := strconv.ParseInt(strings.ReplaceAll(count, ",", ""), 10, 32)
		if err != nil || c <= 0 {
			return specific{}, false
		}
		of *= c
	}
	if !ok || !fits || n%of != 0 {
		return specific{}, false
	}
	return specific{perUnit: n / of, currency: cur, unit: u.name}, true
}

// scaled is a decimal number times 10^digits.
func scaled(s string, digits int) (int64, bool) {
	r, err := money.ParseRate(s)
	if err != nil || r.Coef < 0 {
		return 0, false
	}
	for int(r.Scale) > digits && r.Coef%10 == 0 {
		r.Coef, r.Scale = r.Coef/10, r.Scale-1
	}
	if int(r.Scale) > digits || r.Coef > largest/1000 {
		return 0, false
	}
	for ; int(r.Scale) < digits; r.Scale++ {
		r.Coef *= 10
	}
	return r.Coef, true
}
