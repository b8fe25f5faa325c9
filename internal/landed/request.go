package landed

import (
	"fmt"
	"strconv"
	"strings"

	"portolan/internal/money"
)

// check refuses what can't be answered, naming each field at fault and what would do.
func (r *Request) check() error {
	if len(r.Lines) > MaxLines {
		return refuse(ErrTooManyLines, "lines", "out_of_range", fmt.Sprintf("must be 1 to %d, there are %d", MaxLines, len(r.Lines)))
	}
	var c complaints
	c.that(!r.Date.IsZero(), "date", "malformed", "must be a day like 2026-11-21")
	c.that(len(r.Lines) > 0, "lines", "required", "must be at least 1")
	c.that(r.Currency.Valid(), "currency", "unknown_currency", "must be an ISO 4217 code like EUR")
	c.that(isCountry(r.ShipFrom), "ship_from", "unknown_country", "must be an ISO 3166 code like CN")
	c.that(isCountry(r.Destination.Country), "destination.country", "unknown_country", "must be an ISO 3166 code like DE")
	switch r.Channel {
	case "", Courier, Postal, Freight:
	default:
		c.that(false, "channel", "unknown", "must be courier, postal or freight")
	}
	switch r.Incoterm {
	case "", DDP, DAP:
	default:
		c.that(false, "incoterm", "unknown", "must be DDP or DAP")
	}
	price := r.priceCurrency()
	c.that(price.Valid(), "lines.0.unit_price", "unknown_currency", "must have a currency like EUR")
	amount := func(a money.Amount, cur money.Currency, field string) {
		switch {
		case a == money.Amount{}:
		case a.Currency != cur:
			c.that(false, field, "other_currency", "must be in "+string(cur)+" like the prices")
		case a.Minor < 0:
			c.that(false, field, "negative", "must not be negative")
		case a.Minor > largest:
			c.that(false, field, "out_of_range", "is too large")
		}
	}
	amount(r.Shipping, price, "shipping")
	amount(r.Insurance, price, "insurance")
	amount(r.Discount, price, "discount")
	if r.CarrierFee != (money.Amount{}) && r.CarrierFee.Currency != r.Currency {
		c.that(false, "carrier_fee", "other_currency", "must be in "+string(r.Currency)+", the currency of the result")
	} else {
		amount(r.CarrierFee, r.Currency, "carrier_fee")
	}
	var total int64
	for i := range r.Lines {
		l := &r.Lines[i]
		if bad := l.problem(price); bad != "" {
			l.check(&c, i, price)
		}
		if l.Quantity > 0 && l.Quantity <= MaxQuantity && l.UnitPrice.Minor >= 0 && l.UnitPrice.Minor <= largest/l.Quantity {
			total += l.UnitPrice.Minor * l.Quantity
		}
		if total > largest {
			c.that(false, "lines", "out_of_range", "come to more than can be reckoned")
			total = largest
		}
	}
	for i := range r.FX {
		f := &r.FX[i]
		if !f.From.Valid() || !f.To.Valid() || f.Rate.Coef <= 0 {
			c.that(false, "fx."+string(f.From), "must_be_positive", "must be a positive rate between two currencies")
		}
	}
	return c.err(ErrUnusable)
}

func (r *Request) priceCurrency() money.Currency {
	if len(r.Lines) == 0 {
		return r.Currency
	}
	return r.Lines[0].UnitPrice.Currency
}

// problem is the quick look at a line; check says which field it is.
func (l *Line) problem(price money.Currency) string {
	switch {
	case l.Quantity < 1 || l.Quantity > MaxQuantity:
		return "quantity"
	case l.UnitPrice.Currency != price || l.UnitPrice.Minor < 0 || l.UnitPrice.Minor > largest/l.Quantity:
		return "unit_price"
	case l.Discount != (money.Amount{}) && (l.Discount.Currency != price || l.Discount.Minor < 0 || l.Discount.Minor > l.UnitPrice.Minor*l.Quantity):
		return "discount"
	case l.Origin != "" && !isCountry(l.Origin):
		return "origin"
	case !plausibleHS(l.HS):
		return "hs"
	case l.WeightGrams < 0 || l.WeightGrams > largest/MaxQuantity:
		return "weight_grams"
	case len(l.Description) > 500:
		return "description"
	}
	return ""
}

func (l *Line) check(c *complaints, i int, price money.Currency) {
	at := "lines." + strconv.Itoa(i) + "."
	c.that(l.Quantity >= 1 && l.Quantity <= MaxQuantity, at+"quantity", "out_of_range", "must be 1 to "+strconv.Itoa(MaxQuantity))
	c.that(l.UnitPrice.Currency == price, at+"unit_price", "other_currency", "must be in "+string(price)+" like the first line")
	c.that(l.UnitPrice.Minor >= 0, at+"unit_price", "negative", "must not be negative")
	c.that(l.UnitPrice.Minor <= largest/max(l.Quantity, 1), at+"unit_price", "out_of_range", "is too large")
	c.that(l.Discount == money.Amount{} || l.Discount.Currency == price, at+"discount", "other_currency", "must be in "+string(price)+" like the prices")
	c.that(l.Discount.Minor >= 0, at+"discount", "negative", "must not be negative")
	if l.Quantity >= 1 && l.UnitPrice.Minor >= 0 && l.UnitPrice.Minor <= largest/l.Quantity {
		c.that(l.Discount.Minor <= l.UnitPrice.Minor*l.Quantity, at+"discount", "out_of_range", "must not be more than the line")
	}
	c.that(l.Origin == "" || isCountry(l.Origin), at+"origin", "unknown_country", "must be an ISO 3166 code like CN")
	c.that(plausibleHS(l.HS), at+"hs", "malformed", "must have 4 to 12 digits of an HS code")
	c.that(l.WeightGrams >= 0 && l.WeightGrams <= largest/MaxQuantity, at+"weight_grams", "out_of_range", "must not be negative or too large")
	c.that(len(l.Description) <= 500, at+"description", "too_long", "must be at most 500 bytes")
}

// plausibleHS accepts an empty code (unknown) and 4 to 12 digits of a chapter that exists, dots and blanks
// between them allowed.
func plausibleHS(s string) bool {
	if s == "" {
		return true
	}
	n, chapter := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if n < 2 {
				chapter = chapter*10 + int(c-'0')
			}
			n++
		case (c == '.' || c == ' ') && i > 0:
		default:
			return false
		}
	}
	return n >= 4 && n <= 12 && chapter >= 1 && chapter <= 99 && chapter != 77
}

// sellerIn reads the schemes and the states of the US that the seller is registered in.
func (c *calc) sellerIn(names []string) {
	c.seller, c.nexus = 0, false
	for _, n := range names {
		if bit, ok := registrations[n]; ok {
			c.seller |= bit
			continue
		}
		name := strings.ToUpper(strings.ReplaceAll(n, "-", "_"))
		if bit, ok := registrations[name]; ok {
			c.seller |= bit
			continue
		}
		if state, ok := strings.CutPrefix(name, "US_"); ok && c.at.tax == "US" {
			state, _, _ = strings.Cut(state, "_")
			c.nexus = c.nexus || state == c.at.region || state == "ALL"
			c.anyState = true
		}
	}
}

// exchange finds the exact rate between two currencies: given, inverted, or through one other currency.
func (r *Request) exchange(from, to money.Currency) (fraction, bool) {
	if from == to {
		return fraction{1, 1}, true
	}
	if f, ok := r.direct(from, to); ok {
		return f, true
	}
	for i := range r.FX {
		via := r.FX[i].To
		if via == from {
			via = r.FX[i].From
		}
		if via == to || via == from {
			continue
		}
		a, ok1 := r.direct(from, via)
		b, ok2 := r.direct(via, to)
		if ok1 && ok2 {
			if f, ok := a.times(b); ok {
				return f, true
			}
		}
	}
	return fraction{}, false
}

func (r *Request) direct(from, to money.Currency) (fraction, bool) {
	for i := range r.FX {
		switch f := &r.FX[i]; {
		case f.From == from && f.To == to:
			return f.fraction()
		case f.From == to && f.To == from:
			g, ok := f.fraction()
			return g.inverse(), ok
		}
	}
	return fraction{}, false
}

// fraction is the rate between minor units.
func (f *FX) fraction() (fraction, bool) {
	num, den := f.Rate.Coef, int64(1)
	for range f.Rate.Scale {
		den *= 10
	}
	for num%10 == 0 && den >= 10 {
		num, den = num/10, den/10
	}
	for d := f.To.Digits() - f.From.Digits(); d != 0; {
		side := &num
		if d < 0 {
			side = &den
			d++
		} else {
			d--
		}
		if *side > (1<<61)/10 {
			return fraction{}, false
		}
		*side *= 10
	}
	for num%10 == 0 && den%10 == 0 {
		num, den = num/10, den/10
	}
	return fraction{num, den}, true
}
