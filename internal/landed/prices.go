package landed

import (
	"slices"
	"strings"
)

// lay puts the lines into an order that doesn't depend on the caller's, so that neither does any remainder.
func (c *calc) lay() {
	in := c.r.Lines
	c.keys = slices.Grow(c.keys, len(in))[:len(in)]
	for i := range in {
		l := &in[i]
		c.keys[i] = key{in: l, index: i, hs: plainHS(l.HS), named: plainText(l.Description)}
	}
	slices.SortFunc(c.keys, compareKeys)
	c.lines = slices.Grow(c.lines, len(in))[:len(in)]
	for i := range c.keys {
		c.lines[i] = line{key: c.keys[i], confidence: High}
	}
}

func compareKeys(a, b key) int {
	if n := strings.Compare(a.hs, b.hs); n != 0 {
		return n
	}
	if n := strings.Compare(a.in.Origin, b.in.Origin); n != 0 {
		return n
	}
	if n := strings.Compare(a.named, b.named); n != 0 {
		return n
	}
	if n := strings.Compare(a.in.Category, b.in.Category); n != 0 {
		return n
	}
	if n := strings.Compare(a.in.PreferenceProof, b.in.PreferenceProof); n != 0 {
		return n
	}
	for _, n := range [...]int64{
		a.in.UnitPrice.Minor - b.in.UnitPrice.Minor, a.in.Quantity - b.in.Quantity,
		a.in.Discount.Minor - b.in.Discount.Minor, a.in.WeightGrams - b.in.WeightGrams,
	} {
		if n != 0 {
			return int(max(min(n, 1), -1))
		}
	}
	return 0
}

// alike reports whether customs see two lines as more of the same goods.
func alike(a, b *line) bool {
	return a.hs == b.hs && a.in.Origin == b.in.Origin && a.named == b.named && a.regime == b.regime &&
		a.preference == b.preference && a.relieved == b.relieved && a.sale == b.sale
}

func plainHS(s string) string {
	if strings.IndexByte(s, '.') < 0 && strings.IndexByte(s, ' ') < 0 {
		return s
	}
	return digitsOf(s)
}

// plainText drops case and doubled blanks, so that colours spelt alike stay one item.
func plainText(s string) string {
	plain := len(s) == 0 || s[0] != ' ' && s[len(s)-1] != ' '
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '\'' ||
			s[i] == ' ' && s[i-1] != ' '
	}
	if plain {
		return s
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// net takes discounts and contained tax off the prices and converts them, all lines of the same goods at
// once, so that writing one line as two changes nothing; then it shares the freight.
func (c *calc) net() {
	c.toResult = c.fx(c.price, c.r.Currency)
	if c.failed() {
		return
	}
	var before int64
	for i := range c.lines {
		l := &c.lines[i]
		l.gross = l.in.UnitPrice.Minor*l.in.Quantity - l.in.Discount.Minor
		before += l.gross
	}
	if off := c.r.Discount.Minor; off > 0 {
		if off > before {
			c.fail(ErrUnusable, "discount", "out_of_range", "must not be more than the goods")
			return
		}
		c.spread(off, byGross, func(l *line, part int64) { l.raw = part })
		for i := range c.lines {
			l := &c.lines[i]
			l.gross, l.raw = l.gross-l.raw, 0
		}
		c.mend()
	}
	for from := 0; from < len(c.lines); {
		to := c.run(from)
		lines := c.lines[from:to]
		var full, gross int64
		for i := range lines {
			l := &lines[i]
			full += l.in.UnitPrice.Minor * l.in.Quantity
			gross += l.gross
		}
		price := gross
		if c.r.PricesIncludeTax {
			price, full = c.without(gross, &lines[0]), c.without(full, &lines[0])
			shareOver(c.convert(gross), lines, byGross, func(l *line, part int64) { l.taxed = part })
		}
		c.goods += price
		goods := c.convert(price)
		shareOver(price, lines, byGross, func(l *line, part int64) { l.price = part })
		shareOver(goods, lines, byGross, func(l *line, part int64) { l.goods = part })
		shareOver(c.convert(full)-goods, lines, byGross, func(l *line, part int64) { l.discount = part })
		from = to
	}
	c.shareFreight()
	all := c.freight
	for i := range c.lines {
		if all += c.lines[i].goods; all > 10*largest {
			c.sum(0, false)
			return
		}
	}
}

// run is the end of the lines of the same goods that begin at from.
func (c *calc) run(from int) int {
	a := &c.lines[from]
	to := from + 1
	for to < len(c.lines) {
		b := &c.lines[to]
		if !sameItem(a, b) || a.in.Category != b.in.Category || a.in.PreferenceProof != b.in.PreferenceProof || a.rates != b.rates {
			break
		}
		to++
	}
	return to
}

func byGross(l *line) int64 { return l.gross }

// spread shares an amount over all lines: first over goods, then over the lines of the same goods.
func (c *calc) spread(total int64, weight func(*line) int64, give func(*line, int64)) {
	c.spreadRuns(0, len(c.lines), total, weight, func(lines []line, part int64) { shareOver(part, lines, weight, give) })
}

func (c *calc) spreadRuns(from, end int, total int64, weight func(*line) int64, give func([]line, int64)) {
	c.runs = c.runs[:0]
	for from < end {
		to := min(c.run(from), end)
		var sum int64
		for i := from; i < to; i++ {
			sum += weight(&c.lines[i])
		}
		c.runs = append(c.runs, run{from, to, sum})
		from = to
	}
	share(total, len(c.runs), func(i int) int64 { return c.runs[i].weight }, func(i int, part int64) {
		give(c.lines[c.runs[i].from:c.runs[i].to], part)
	})
}

// run is lines of the same goods.
type run struct {
	from, to int
	weight   int64
}

func shareOver(total int64, lines []line, weight func(*line) int64, give func(*line, int64)) {
	if len(lines) == 1 {
		give(&lines[0], total)
		return
	}
	share(total, len(lines), func(i int) int64 { return weight(&lines[i]) }, func(i int, part int64) { give(&lines[i], part) })
}

// mend keeps a shared discount from taking a line below nothing: what it lacks comes off the others.
func (c *calc) mend() {
	var owed int64
	for i := range c.lines {
		if l := &c.lines[i]; l.gross < 0 {
			owed -= l.gross
			l.gross = 0
		}
	}
	for i := range c.lines {
		l := &c.lines[i]
		take := min(owed, l.gross)
		l.gross -= take
		owed -= take
	}
}

// without takes the tax that a line's prices contain off an amount.
func (c *calc) without(gross int64, l *line) int64 { return c.off(gross, l.rate(), l) }

// freightWithout does so for freight, which some places leave untaxed beside the goods.
func (c *calc) freightWithout(gross int64, l *line) int64 {
	if c.at.tax == "MY" || c.at.tax == "US" && !c.freightTaxed(l) {
		return gross
	}
	return c.off(gross, l.rate(), l)
}

// off is net = gross / (1 + r), or gross x (1 - r) where the tax is part of its own base.
func (c *calc) off(gross, r int64, l *line) int64 {
	if r == 0 {
		return gross
	}
	if l.rates[0].code == "ICMS" {
		return c.sum(times(gross, million-r).over(million, half))
	}
	return c.sum(times(gross, million).over(million+r, half))
}

func (c *calc) convert(minor int64) int64 {
	if c.toResult.num == c.toResult.den {
		return minor
	}
	return c.sum(c.toResult.of(minor))
}

// shareFreight spreads shipping and insurance over the lines by value. Freight whose price includes tax
// follows the goods: each rate's part is taken out at that rate.
func (c *calc) shareFreight() {
	paid := c.r.Shipping.Minor + c.r.Insurance.Minor
	c.taxedFreight = c.convert(paid)
	weight := byGross
	if c.r.Flags.FreightByWeight {
		weight = func(l *line) int64 { return l.in.WeightGrams }
	}
	var all int64
	for i := range c.lines {
		all += weight(&c.lines[i])
	}
	if all == 0 {
		weight = func(l *line) int64 { return l.in.Quantity }
	}
	same := true
	for i := range c.lines {
		same = same && c.lines[i].rate() == c.lines[0].rate()
	}
	switch {
	case !c.r.PricesIncludeTax:
		c.shipping = paid
	case same:
		c.shipping = c.freightWithout(paid, &c.lines[0])
	default:
		c.spreadRuns(0, len(c.lines), paid, weight, func(lines []line, part int64) {
			net := c.freightWithout(part, &lines[0])
			c.shipping += net
			freight := c.convert(net)
			c.freight += freight
			shareOver(freight, lines, weight, func(l *line, part int64) { l.freight = part })
		})
		c.cif = c.goods + c.shipping
		return
	}
	c.freight = c.convert(c.shipping)
	c.spread(c.freight, weight, func(l *line, part int64) { l.freight = part })
	c.cif = c.goods + c.shipping
}
