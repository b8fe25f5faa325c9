package landed

import (
	"sort"
	"strings"
)

// found is a rate of the tariff with what is doubtful about it.
type found struct {
	row       *row
	rate      int64
	low, high int64
	specific
	doubt string
}

// rateFor looks a line up in the tables of its destination.
func (c *calc) rateFor(l *line, measure string) found {
	t := c.p.duties[c.tables]
	if t == nil {
		t = &tariff{}
	}
	if measure == "SIMPLIFIED_IF_LOWER" { // at the importer's choice, up to the regime's cap
		measure = "MFN"
		if g := l.regime; !g.excluded.has(l.hs) && c.stays(g, g.dutyBasis, g.cap) {
			ordinary, simple := t.find(l.hs, "MFN", c.day), t.find(l.hs, "SIMPLIFIED", c.day)
			if simple != nil && (ordinary == nil || !ordinary.known || ordinary.rate > simple.rate) {
				measure = "SIMPLIFIED"
			}
		}
	}
	f := t.rate(l.hs, measure, c.day)
	if measure != "MFN" {
		return f
	}
	if d := t.find(l.hs, measure, c.day); d != nil && len(d.hs) >= 8 {
		return f
	}
	return c.national(l.hs, f)
}

// national is the rate of the imported national tariff: of the code's own line, or, where our own table is in
// doubt, of all lines below the code.
func (c *calc) national(hs string, ours found) found {
	f, exact, ok := c.p.tariff.rate(c.tables, hs, c.day)
	if ok && (exact || ours.doubt == "duty_rate_unknown" || ours.doubt != "" && f.doubt == "") {
		return f
	}
	return ours
}

func (t *tariff) find(hs, measure string, day int32) *dutyRow {
	for _, n := range t.depth {
		if len(hs) < n {
			continue
		}
		for _, d := range t.prefix[hs[:n]] {
			if d.measure == measure && d.on(day) {
				return d
			}
		}
	}
	return nil
}

// rate is the rate of a code. Where the table knows a band only, or nothing, the highest rate that may
// apply is taken and the doubt is said.
func (t *tariff) rate(hs, measure string, day int32) found {
	d := t.find(hs, measure, day)
	if len(hs) < 6 {
		if f, deeper := t.worst(hs, measure, day); deeper {
			f.doubt = "hs_code_too_short"
			if hs == "" {
				f.low, f.doubt = 0, "hs_code_unknown"
			}
			return f
		}
	}
	switch {
	case d == nil:
		f, _ := t.worst(hs[:min(len(hs), 2)], measure, day)
		if f.row == nil {
			f, _ = t.worst("", measure, day)
		}
		f.low, f.doubt = 0, "duty_rate_unknown"
		return f
	case d.known || d.any():
		f := found{row: &d.row, rate: d.rate, low: d.low, high: d.high, specific: d.specific}
		if d.low != d.high {
			f.doubt = "duty_rate_varies"
		}
		return f
	case d.high > 0:
		return found{row: &d.row, rate: d.high, low: d.low, high: d.high, doubt: "duty_rate_varies_below_hs6"}
	}
	f, _ := t.worst(hs[:min(len(hs), 2)], measure, day)
	return found{row: &d.row, rate: f.rate, high: f.high, doubt: "duty_rate_not_computable"}
}

// worst is the highest rate among the rows below a prefix, and whether there are any.
func (t *tariff) worst(prefix, measure string, day int32) (found, bool) {
	var f found
	any := false
	for _, d := range t.rows {
		if d.measure != measure || !d.on(day) || len(d.hs) <= len(prefix) && d.hs != prefix || !strings.HasPrefix(d.hs, prefix) {
			continue
		}
		any = any || len(d.hs) > len(prefix)
		low, high := d.low, d.high
		if f.row == nil {
			f = found{row: &d.row, low: low}
		}
		f.low = min(f.low, low)
		if high >= f.high {
			f.row, f.rate, f.high = &d.row, high, high
		}
	}
	return f, any
}

// htsFor is the lines of the US tariff that a code may mean: one, or all below its first six digits.
func (p *Pack) htsFor(hs string, day int32) []*htsRow {
	if len(hs) < 4 {
		return nil
	}
	if len(hs) >= 8 {
		if rows := p.htsBelow(hs[:8]); len(rows) == 1 && rows[0].on(day) {
			return rows
		}
		hs = hs[:6]
	}
	rows := p.htsBelow(hs)
	for len(rows) > 0 && !rows[0].on(day) {
		rows = rows[1:]
	}
	return rows
}

func (p *Pack) htsBelow(prefix string) []*htsRow {
	i := sort.Search(len(p.hts), func(i int) bool { return p.hts[i].code >= prefix })
	j := i
	for j < len(p.hts) && strings.HasPrefix(p.hts[j].code, prefix) {
		j++
	}
	return p.hts[i:j]
}

// usRate is the general rate of the lines that a code may mean; the highest where they differ.
func (c *calc) usRate(hs string, rows []*htsRow) found {
	if len(rows) == 0 {
		t := c.p.duties["US"]
		if t == nil {
			t = &tariff{}
		}
		return c.national(hs, t.rate(hs, "MFN", c.day))
	}
	f := found{row: &rows[0].row, rate: rows[0].rate, low: rows[0].rate, high: rows[0].rate, specific: rows[0].specific}
	plain := rows[0].known
	for _, h := range rows[1:] {
		plain = plain && h.known
		f.low = min(f.low, h.rate)
		if h.rate > f.high {
			f.row, f.rate, f.high, f.specific = &h.row, h.rate, h.rate, h.specific
		}
	}
	switch {
	case len(rows) > 1 && f.low != f.high:
		f.doubt = "duty_rate_varies_below_hs6"
	case !plain && !f.any():
		f.doubt = "duty_rate_not_computable"
	}
	if len(rows) == 1 && len(hs) >= 8 && rows[0].code == hs[:8] {
		return f
	}
	return c.national(hs, f)
}

// byQuantity adds what is levied per piece, pair or kilogram. Without the weight it can't be known, and that
// is said.
func (c *calc) byQuantity(v *levy, f *found) {
	var pieces, grams int64
	weighed := true
	for k := v.from; k < v.to; k++ {
		l := c.lines[k].in
		pieces += l.Quantity
		grams += l.WeightGrams
		weighed = weighed && l.WeightGrams > 0
	}
	count, per := pieces, int64(1)
	switch f.unit {
	case "kg":
		count, per = grams, 1000
	case "gross":
		per = 144
	case "dozen":
		per = 12
	case "thousand":
		per = 1000
	case "item", "pair":
	default:
		weighed = false
	}
	if !weighed && (f.unit == "kg" || f.unit == "litre") {
		c.review(Review{Line: c.lines[v.from].index, Code: "duty_needs_" + needs(f.unit), Rule: f.row.id})
		c.q.Confidence = Low
		return
	}
	rate := c.fx(f.currency, c.r.Currency)
	amount := func(perUnit int64) int64 {
		digits := int64(million)
		for range f.currency.Digits() {
			digits /= 10
		}
		// perUnit is in millionths of a major unit: 10^6 / 10^digits of them make a minor unit.
		if count > largest/max(perUnit, 1) || rate.den > (1<<62)/(digits*per) {
			return c.sum(0, false)
		}
		return c.sum(times(perUnit*count, rate.num).over(rate.den*digits*per, half))
	}
	if f.min > 0 || f.max > 0 {
		v.fixed, v.only = c.sum(times(v.value, v.rate).over(million, half)), true
		if f.min > 0 {
			v.fixed = max(v.fixed, amount(f.min))
		}
		if f.max > 0 {
			v.fixed = min(v.fixed, amount(f.max))
		}
		return
	}
	v.fixed = amount(f.perUnit)
}

func needs(unit string) string {
	if unit == "kg" {
		return "weight"
	}
	return "volume"
}
