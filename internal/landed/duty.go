package landed

import (
	"cmp"

	"portolan/internal/money"
)

// levy is one measure on lines that stand together. Where only is set, fixed is the whole amount.
type levy struct {
	from, to    int // lines
	code, label string
	rate        int64
	row         *row
	value       int64
	fixed       int64
	only        bool
}

func (v *levy) raw() wide {
	if v.only {
		return times(v.fixed, million)
	}
	return times(v.value, v.rate).plus(times(v.fixed, million))
}

// duties works out what customs ask for, regime by regime and measure by measure.
func (c *calc) duties() {
	c.relieve()
	var told *regime
	for i := 0; i < len(c.lines) && !c.failed(); {
		j := i + 1
		for j < len(c.lines) && alike(&c.lines[i], &c.lines[j]) {
			j++
		}
		l := &c.lines[i]
		switch {
		case l.relieved:
			if told != l.regime {
				told = l.regime
				c.levied(nil, Duty, "RELIEF", "duty.relief", 0, 0, 0, &l.regime.row, c.border)
			}
		case l.sale && c.scheme != nil && c.scheme.dutyFree:
			if told != l.regime {
				told = l.regime
				c.levied(nil, Duty, "RELIEF", "duty.relief", 0, 0, 0, &c.scheme.row, c.border)
			}
		default:
			c.dutyOn(i, j)
		}
		if excise.has(l.hs) {
			c.review(Review{Line: l.index, Code: "excise_not_included"})
		}
		i = j
	}
	c.settle()
}

// excise are goods on which destinations levy special taxes that aren't modelled: alcohol, tobacco, sugar,
// perfume.
var excise = parseHS("17|2203-2208|24|3303")

// dutyOn levies the duties of the regime on the lines from i to j, which are more of the same goods.
func (c *calc) dutyOn(i, j int) {
	g := c.lines[i].regime
	if g == nil {
		if len(c.p.regimes[c.tables]) > 0 {
			c.tariffOn(i, j, "MFN")
		}
		return
	}
	switch g.mode {
	case "flat_per_item":
		l := &c.lines[i]
		if c.r.Flags.Business || l.preference != nil || g.excluded.has(l.hs) || !c.stays(g, g.dutyBasis, g.dutyLimit) {
			c.tariffOn(i, j, "MFN")
			return
		}
		if i > 0 && sameItem(&c.lines[i-1], l) && c.lines[i-1].preference == nil {
			return // the item is paid for
		}
		c.add(levy{from: i, to: j, code: "EU_FLAT", label: "duty.flat_per_item", row: &g.row, fixed: c.inCurrency(g.amount, g.currency), only: true})
	case "flat_advalorem":
		if g.cap > 0 && !c.stays(g, g.dutyBasis, g.cap) {
			c.aboveCap(g, i, j)
			return
		}
		c.flat(g, i, j, g.rate)
	case "tiered":
		switch {
		case !c.stays(g, g.dutyBasis, g.cap):
			c.aboveCap(g, i, j)
		case c.stays(g, g.dutyBasis, g.amount):
			c.flat(g, i, j, g.rate)
		default:
			c.flat(g, i, j, g.rate2)
		}
	case "two_band":
		if i == 0 {
			c.twoBands(g)
		}
	case "postal_advalorem_or_specific":
		value := c.valueOf(i, j)
		c.flat(g, i, j, g.rate2)
		c.review(Review{Line: c.lines[i].index, Code: "carrier_method_and_origin_rate_unknown", Rule: g.id, Ranged: true,
			Low: c.part(value, g.rate), High: c.part(value, g.rate2)})
	case "special_rates", "special_rates_mfn":
		switch {
		case !c.stays(g, g.dutyBasis, g.cap):
			c.review(Review{Line: -1, Code: "import_income_tax_not_included", Rule: g.id})
			c.tariffOn(i, j, "MFN")
		case g.mode == "special_rates_mfn" && g.groups.has(c.lines[i].hs) && !books.has(c.lines[i].hs):
			c.review(Review{Line: -1, Code: "import_income_tax_not_included", Rule: g.id})
			c.tariffOn(i, j, "MFN")
		default:
			c.tariffOn(i, j, g.measure)
		}
	case "cbec":
		if !c.stays(g, g.dutyBasis, g.dutyLimit) {
			c.review(Review{Line: -1, Code: "above_quota", Rule: g.id})
		}
		c.tariffOn(i, j, g.measure)
	case "postal_tax":
		if g.cap > 0 && !c.stays(g, "goods", g.cap) {
			c.review(Review{Line: -1, Code: "above_parcel_limit", Rule: g.id})
		}
	default:
		c.tariffOn(i, j, cmp.Or(g.measure, "MFN"))
	}
}

var books = parseHS("49")

func (c *calc) aboveCap(g *regime, i, j int) {
	c.review(Review{Line: -1, Code: "above_simplified_procedure", Rule: g.id})
	for k := i; k < j; k++ {
		c.lines[k].exempt = false
	}
	c.tariffOn(i, j, cmp.Or(g.measure, "MFN"))
}

// sameItem is the EU's reading of an item: one tariff code, one description, one origin.
func sameItem(a, b *line) bool {
	return a.hs == b.hs && a.named == b.named && a.in.Origin == b.in.Origin
}

func (c *calc) valueOf(i, j int) int64 {
	var sum int64
	for k := i; k < j; k++ {
		sum += c.lines[k].value
	}
	return sum
}

func (c *calc) part(value, rate int64) money.Amount {
	return c.amount(c.sum(times(value, rate).over(million, half)))
}

// flat levies one rate that stands for the tariff, and for the tax too where the row says so.
func (c *calc) flat(g *regime, i, j int, rate int64) {
	for k := i; k < j; k++ {
		l := &c.lines[k]
		l.exempt = l.exempt || g.coversTax
		if g.dutyBasis == "goods" {
			l.value = l.goods
		}
	}
	c.add(levy{from: i, to: j, code: "FLAT_RATE", label: "duty.flat_rate", row: &g.row, rate: rate, value: c.valueOf(i, j)})
}

// twoBands is Brazil's formula: one rate up to a limit, above it a higher one less a fixed deduction, so that
// duty doesn't jump at the limit.
func (c *calc) twoBands(g *regime) {
	n := len(c.lines)
	value := c.valueOf(0, n)
	v := levy{to: n, code: "II", label: "duty.import_tax", row: &g.row, value: value}
	switch {
	case c.stays(g, g.dutyBasis, g.dutyLimit):
		v.rate = g.rate
	case c.stays(g, g.dutyBasis, g.cap):
		v.rate, v.only = g.rate2, true
		full := c.sum(times(value, g.rate2).over(million, half))
		v.fixed = max(0, full-c.inCurrency(g.amount, g.currency))
	default:
		v.rate = g.rate2
		c.review(Review{Line: -1, Code: "above_simplified_procedure", Rule: g.id})
	}
	c.add(v)
}

func (c *calc) add(v levy) {
	c.levies = append(c.levies, v)
	for k := v.from; k < v.to; k++ {
		c.use(v.row, &c.lines[k])
	}
}

// tariffOn levies the ordinary tariff, or the preference where origin is proved, and what is laid on top.
func (c *calc) tariffOn(i, j int, measure string) {
	l := &c.lines[i]
	value := c.valueOf(i, j)
	code, label := "MFN", "duty.mfn"
	var f found
	var hts []*htsRow
	switch {
	case l.preference != nil:
		f = found{row: &l.preference.row, rate: l.preference.rate}
		code, label = "PREFERENCE", "duty.preference"
		if c.tables == "US" {
			hts = c.p.htsFor(l.hs, c.day)
		}
	case c.tables == "US":
		hts = c.p.htsFor(l.hs, c.day)
		f = c.usRate(l.hs, hts)
	default:
		f = c.rateFor(l, measure)
	}
	switch {
	case f.row == nil:
		c.q.Confidence, l.confidence = Low, Low
		c.review(Review{Line: l.index, Code: f.doubt})
	default:
		v := levy{from: i, to: j, code: code, label: label, row: f.row, rate: f.rate, value: value}
		if f.any() {
			c.byQuantity(&v, &f)
		}
		c.add(v)
		if f.doubt != "" {
			c.review(Review{Line: l.index, Code: f.doubt, Rule: f.row.id, Ranged: f.high > f.low, Low: c.part(value, f.low), High: c.part(value, f.high)})
		}
	}
	if c.tables == "US" {
		c.layersOn(i, j, value, f.rate, hts)
	}
}

// settle rounds the levies, each by itself or together as the country does, and shares them over the lines.
func (c *calc) settle() {
	if c.failed() || len(c.levies) == 0 {
		return
	}
	stepped := c.facts.dutyStep > 0 && c.facts.currency == c.r.Currency
	if stepped && c.facts.valueStep > 0 {
		c.stepValues()
	}
	if !stepped {
		for i := range c.levies {
			v := &c.levies[i]
			c.place(v, c.sum(v.raw().over(million, half)))
		}
		return
	}
	c.use(&c.facts.row, nil)
	var all wide
	for i := range c.levies {
		all = all.plus(c.levies[i].raw())
	}
	total := c.sum(all.steps(million, c.facts.dutyStep, c.facts.dutyWay))
	g := c.lines[0].regime
	if g != nil && g.mode == "tax_amount_waiver" && c.waived(g, all, 0, g.dutyLimit) {
		total = 0
	}
	share(total, len(c.levies), func(i int) int64 {
		n, _ := c.levies[i].raw().over(million, half)
		return n
	}, func(i int, part int64) { c.place(&c.levies[i], part) })
}

// stepValues cuts the customs value of all goods at one rate down to full steps, as Japan does.
func (c *calc) stepValues() {
	for i := range c.levies {
		v := &c.levies[i]
		if v.only {
			continue
		}
		var sum int64
		first := true
		for k := range c.levies {
			if w := &c.levies[k]; w.row == v.row {
				first = first && k >= i
				sum += w.value
			}
		}
		if !first {
			continue
		}
		left := sum - sum%c.facts.valueStep
		for k := range c.levies {
			if w := &c.levies[k]; w.row == v.row {
				take := min(left, w.value)
				w.value, left = take, left-take
				share(take, w.to-w.from, func(i int) int64 { return c.lines[w.from+i].value },
					func(i int, part int64) { c.lines[w.from+i].value = part })
			}
		}
	}
}

// waived reports whether an amount is so small that customs don't ask for it. The limit stands for a base
// rounded to the minor unit, so half a unit of base more is still within.
func (c *calc) waived(g *regime, raw wide, rate, limit int64) bool {
	f := c.fx(g.currency, c.r.Currency)
	most := c.sum(f.of(limit))
	return !times(most, 2*million).plus(wide{0, uint64(rate)}).less(raw.plus(raw))
}

// place shares an amount over the lines of a levy by value and writes the charges.
func (c *calc) place(v *levy, amount int64) {
	if v.to == len(c.lines) && v.from == 0 && v.code == "II" {
		c.levied(nil, Duty, v.code, v.label, v.rate, v.value, amount, v.row, c.border)
	}
	give := func(l *line, part int64) {
		l.duty += part
		if v.code != "II" {
			c.levied(l, Duty, v.code, v.label, v.rate, l.value, part, v.row, c.border)
		}
	}
	if v.to-v.from == 1 {
		give(&c.lines[v.from], amount)
		return
	}
	c.spreadRuns(v.from, v.to, amount, byValue, func(lines []line, part int64) { shareOver(part, lines, byValue, give) })
}

func byValue(l *line) int64 { return l.value }
