package money

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Rate is an exact decimal, Coef x 10^-Scale: a tax rate, a duty rate, an exchange rate, a factor. 19 % is
// Rate{19, 2}. Scale is at most 18. Rates are compared with Equal, stored and sent as text.
type Rate struct {
	Coef  int64
	Scale uint8
}

// One is the rate that changes nothing.
var One = Rate{1, 0}

// Percent returns n per cent: Percent(19) is 0.19.
func Percent(n int64) Rate { return Rate{n, 2} }

// ParseRate reads a plain decimal: "0.19", "-3", "16250.5". At most 18 digits; no exponent, no separators.
func ParseRate(s string) (Rate, error) {
	t, neg := strings.CutPrefix(s, "-")
	whole, frac, dot := strings.Cut(t, ".")
	bad := whole == "" || dot && frac == "" || len(whole)+len(frac) > 18
	for _, c := range whole + frac {
		bad = bad || c < '0' || c > '9'
	}
	if bad {
		return Rate{}, fmt.Errorf("%.40q is no decimal number of at most 18 digits: %w", s, ErrUnreadable)
	}
	n, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return Rate{}, fmt.Errorf("%.40q: %w", s, ErrUnreadable)
	}
	if neg {
		n = -n
	}
	return Rate{n, uint8(len(frac))}, nil
}

// MustRate is ParseRate for constants; it panics on what isn't a decimal.
func MustRate(s string) Rate {
	r, err := ParseRate(s)
	if err != nil {
		panic(err)
	}
	return r
}

// Cross returns a / b to 12 significant digits, rounded half away from zero: the rate from one currency to
// another through a third. b is not zero.
func Cross(a, b Rate) Rate {
	num := new(big.Rat).SetFrac64(a.Coef, pow10(a.Scale))
	num.Quo(num, new(big.Rat).SetFrac64(b.Coef, pow10(b.Scale)))
	f := new(big.Float).SetPrec(200).SetRat(num)
	text := f.Text('e', 11) // d.ddddddddddde±xx
	mant, exp, _ := strings.Cut(text, "e")
	e, _ := strconv.Atoi(exp)
	neg := strings.HasPrefix(mant, "-")
	d := strings.Replace(strings.TrimPrefix(mant, "-"), ".", "", 1)
	c, _ := strconv.ParseInt(d, 10, 64)
	scale := 11 - e
	for scale > 0 && c%10 == 0 {
		c, scale = c/10, scale-1
	}
	for ; scale < 0; scale++ {
		c *= 10
	}
	for ; scale > 18; scale-- {
		c /= 10
	}
	if neg {
		c = -c
	}
	return Rate{c, uint8(scale)}
}

// IsZero reports whether the rate is nought.
func (r Rate) IsZero() bool { return r.Coef == 0 }

// Equal compares values: 0.190 equals 0.19.
func (r Rate) Equal(o Rate) bool { return r.norm() == o.norm() }

// Add is exact.
func (r Rate) Add(o Rate) Rate {
	for r.Scale < o.Scale {
		r.Coef, r.Scale = r.Coef*10, r.Scale+1
	}
	for o.Scale < r.Scale {
		o.Coef, o.Scale = o.Coef*10, o.Scale+1
	}
	return Rate{r.Coef + o.Coef, r.Scale}
}

// String writes the rate without trailing zeros: "0.19".
func (r Rate) String() string { return r.norm().fixed() }

// PercentString writes the rate as per cent without the sign: 0.19 is "19".
func (r Rate) PercentString() string {
	if r.Scale >= 2 {
		return Rate{r.Coef, r.Scale - 2}.String()
	}
	return Rate{r.Coef * 100, r.Scale}.String()
}

// MarshalJSON writes the rate as a decimal text.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// UnmarshalJSON reads a decimal text.
func (r *Rate) UnmarshalJSON(b []byte) (err error) {
	var s string
	if err = json.Unmarshal(b, &s); err == nil {
		*r, err = ParseRate(s)
	}
	return err
}

func (r Rate) norm() Rate {
	for r.Scale > 0 && r.Coef%10 == 0 {
		r.Coef, r.Scale = r.Coef/10, r.Scale-1
	}
	return r
}

func (r Rate) fixed() string {
	s := strconv.FormatInt(r.Coef, 10)
	sign := ""
	if r.Coef < 0 {
		sign, s = "-", s[1:]
	}
	if r.Scale == 0 {
		return sign + s
	}
	if n := int(r.Scale) + 1 - len(s); n > 0 {
		s = strings.Repeat("0", n) + s
	}
	at := len(s) - int(r.Scale)
	return sign + s[:at] + "." + s[at:]
}

var tens = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

func pow10(n uint8) int64 { return tens[n] }
