// Package money holds exact amounts and exact decimal rates. It knows no exchange rates and no prices.
package money

import (
	"fmt"
	"math/big"
	"math/bits"
	"strings"

	"portolan/internal/fault"
)

// ErrUnreadable is the fault of a decimal text that isn't an amount of its currency.
var ErrUnreadable = fault.New(fault.Invalid, "money.unreadable")

// Currency is an ISO 4217 code.
type Currency string

// digits lists the currencies whose minor unit isn't a hundredth (ISO 4217, list one, 2026).
var digits = map[Currency]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
	"UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
}

// Digits is the number of decimals of the currency's minor unit by ISO 4217. What a person is shown may
// have fewer; that is package cldr's business.
func (c Currency) Digits() int {
	if n, ok := digits[c]; ok {
		return n
	}
	return 2
}

// Valid reports whether c has the form of an ISO 4217 code: three capital letters.
func (c Currency) Valid() bool {
	return len(c) == 3 && strings.IndexFunc(string(c), func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// Amount is a whole number of a currency's smallest unit. The zero Amount belongs to no currency yet
// and takes the currency of the first amount added to it.
type Amount struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// Of returns minor units of c: Of(1999, "EUR") is EUR 19.99, Of(1999, "JPY") is JPY 1999.
func Of(minor int64, c Currency) Amount { return Amount{minor, c} }

// Parse reads a decimal text in major units: Parse("19.99", "EUR"). More decimals than the currency has
// are refused, never rounded away.
func Parse(s string, c Currency) (Amount, error) {
	r, err := ParseRate(s)
	if err != nil {
		return Amount{}, err
	}
	d := uint8(c.Digits())
	for r.Scale > d && r.Coef%10 == 0 {
		r.Coef, r.Scale = r.Coef/10, r.Scale-1
	}
	if r.Scale > d {
		return Amount{}, fmt.Errorf("%q has more than %d decimals: %w", s, d, ErrUnreadable)
	}
	for ; r.Scale < d; r.Scale++ {
		n := r.Coef * 10
		if n/10 != r.Coef {
			return Amount{}, fmt.Errorf("%q is too large: %w", s, ErrUnreadable)
		}
		r.Coef = n
	}
	return Amount{r.Coef, c}, nil
}

// Decimal writes the amount in major units with all decimals of its currency and no separators: "19.99".
func (a Amount) Decimal() string {
	return Rate{a.Minor, uint8(a.Currency.Digits())}.fixed()
}

// String is Decimal after the currency code, for logs and tests: "EUR 19.99".
func (a Amount) String() string { return string(a.Currency) + " " + a.Decimal() }

// IsZero reports whether there is nothing in a, whatever its currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// Add panics if the currencies differ: that is a bug here, never something a customer can cause.
func (a Amount) Add(b Amount) Amount {
	switch {
	case a == Amount{}:
		return b
	case b == Amount{}:
		return a
	case a.Currency != b.Currency:
		panic(fmt.Sprintf("money: %s + %s", a.Currency, b.Currency))
	}
	return Amount{a.Minor + b.Minor, a.Currency}
}

// Sub is Add of the negative.
func (a Amount) Sub(b Amount) Amount { return a.Add(b.Neg()) }

// Neg returns the amount owed the other way round.
func (a Amount) Neg() Amount { return Amount{-a.Minor, a.Currency} }

// Mul multiplies by a count. It panics on overflow; callers bound what a customer may ask for first.
func (a Amount) Mul(n int64) Amount {
	hi, lo := bits.Mul64(abs(a.Minor), abs(n))
	if hi != 0 || lo > 1<<63-1 {
		panic(fmt.Sprintf("money: %s x %d overflows", a, n))
	}
	return Amount{a.Minor * n, a.Currency}
}

// Times multiplies by a rate and rounds half away from zero, as tax offices do.
func (a Amount) Times(r Rate) Amount {
	return Amount{mulDiv(a.Minor, r.Coef, pow10(r.Scale)), a.Currency}
}

// Within returns the part of a gross amount that r added to it, the tax inside a price: a less the net,
// where net = a / (1 + r) rounded half away from zero.
func (a Amount) Within(r Rate) Amount {
	one := pow10(r.Scale)
	return Amount{a.Minor - mulDiv(a.Minor, one, one+r.Coef), a.Currency}
}

// Convert changes a into currency c at the product of rates (units of c per unit of a's currency),
// rounding once, half away from zero, to c's minor unit.
func (a Amount) Convert(c Currency, rates ...Rate) Amount {
	num, den := big.NewInt(a.Minor), big.NewInt(1)
	for _, r := range rates {
		num.Mul(num, big.NewInt(r.Coef))
		den.Mul(den, big.NewInt(pow10(r.Scale)))
	}
	if d := c.Digits() - a.Currency.Digits(); d >= 0 {
		num.Mul(num, big.NewInt(pow10(uint8(d))))
	} else {
		den.Mul(den, big.NewInt(pow10(uint8(-d))))
	}
	return Amount{quoRound(num, den), c}
}

// Share splits a in proportion to weights so that the parts add up to a exactly: each part is rounded down
// towards zero and the last part with a weight takes the remainder (rule data: landed cost, section 5).
func (a Amount) Share(weights ...int64) []Amount {
	var total int64
	last := -1
	for i, w := range weights {
		total += w
		if w != 0 {
			last = i
		}
	}
	parts := make([]Amount, len(weights))
	if last < 0 {
		return parts
	}
	left := a.Minor
	for i, w := range weights {
		n := new(big.Int).Mul(big.NewInt(a.Minor), big.NewInt(w))
		parts[i] = Amount{n.Quo(n, big.NewInt(total)).Int64(), a.Currency}
		left -= parts[i].Minor
	}
	parts[last].Minor += left
	return parts
}

// mulDiv is a x b / c, rounded half away from zero, exact in between. c is positive.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(abs(a), abs(b))
	lo, carry := bits.Add64(lo, uint64(c)/2, 0)
	hi += carry
	if hi >= uint64(c) {
		panic("money: overflow")
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	if (a < 0) != (b < 0) {
		return -int64(q)
	}
	return int64(q)
}

func quoRound(num, den *big.Int) int64 {
	neg := num.Sign() < 0
	num.Abs(num).Lsh(num, 1).Add(num, den)
	num.Quo(num, den.Lsh(den, 1))
	if !num.IsInt64() {
		panic("money: overflow")
	}
	if neg {
		return -num.Int64()
	}
	return num.Int64()
}

func abs(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}
