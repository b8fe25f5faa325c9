package landed

import (
	"slices"
	"time"

	"portolan/internal/money"
)

// taxGroup is one rate of tax on all lines that it applies to.
type taxGroup struct {
	row      *taxRow
	sale     bool
	base     int64
	goods    int64 // tax found inside prices of goods that include it, at combined
	freight  int64 // net freight in the base
	combined int64 // the rates of a line together
	second   bool  // the second of two rates
	amount   int64
	placed   bool // every line has its part
}

// findTaxes gives every line the rates of the destination's consumption tax.
func (c *calc) findTaxes() {
	if c.at.tax == "US" {
		c.findSalesTax()
		return
	}
	if c.inside && c.at.tax == "MY" {
		return // sales tax is levied on makers and importers only
	}
	region := c.at.region
	if c.at.tax == "BR" && !slices.Contains(states, region) {
		region = ""
	}
	if region == "" && (c.at.tax == "CA" || c.at.tax == "BR") {
		region = c.p.dearest(c.at.tax, c.day)
		c.review(Review{Line: -1, Code: "region_unresolved"})
		c.q.Confidence = Low
	}
	for i := range c.lines {
		l := &c.lines[i]
		category := standardise(l.in.Category)
		if c.at.tax == "CN" {
			category = c.chinese(l)
		}
		if i > 0 && !c.p.priced(c.at.tax) && standardise(c.lines[i-1].in.Category) == category && c.at.tax != "CN" && c.at.tax != "VN" {
			l.rates = c.lines[i-1].rates
			continue
		}
		l.rates = c.taxRows(c.at.tax, region, category, l)
	}
	if len(c.lines) == 0 || c.lines[0].rates[0] != nil {
		if c.at.territory != nil && (c.at.region == "DROM" || c.at.region == "GF-YT") {
			c.review(Review{Line: -1, Code: "local_sales_tax_not_included", Rule: c.at.territory.id}) // octroi de mer
		}
		if c.at.territory != nil && c.lines[0].rates[0].region != c.at.region {
			c.review(Review{Line: -1, Code: "special_territory"})
			c.q.Confidence = Low
		}
		return
	}
	rows := c.p.taxesOf(c.at.tax)
	if len(rows) == 0 {
		c.review(Review{Line: -1, Code: "tax_rules_unknown"})
		c.q.Confidence = Low
		return
	}
	first := rows[0]
	for _, t := range rows {
		if t.from < first.from && t.category == "standard" {
			first = t
		}
	}
	c.fail(ErrBeforeRules, "date", "out_of_range", "must not be before "+first.validFrom+", the first rule for "+c.at.tax)
}

func standardise(category string) string {
	if category == "" || category == "general" {
		return "standard"
	}
	return category
}

// taxesOf is the rows of a country; Northern Ireland has the United Kingdom's.
func (p *Pack) taxesOf(country string) []*taxRow {
	if country == "XI" {
		return p.taxes["GB"]
	}
	return p.taxes[country]
}

// priced reports whether a country's rates depend on the price of the piece.
func (p *Pack) priced(country string) bool { return country == "IN" || country == "CA" }

// taxRows is the rate, or the two rates of a Canadian province, for a category.
func (c *calc) taxRows(country, region, category string, l *line) (best [2]*taxRow) {
	pick := func(category string) bool {
		rank := -1
		for _, t := range c.p.taxesOf(country) {
			if t.category != category || !t.on(c.day) || t.except.has(l.hs) || !c.priceFits(t, l) {
				continue
			}
			r := 0
			switch t.region {
			case "":
			case region:
				r = 2
			case "*":
				r = 1
			default:
				continue
			}
			switch {
			case r > rank:
				best, rank = [2]*taxRow{t}, r
			case r < rank:
			case t.code == best[0].code:
				if t.from > best[0].from {
					best[0] = t
				}
			default:
				best[1] = t
			}
		}
		return rank >= 0
	}
	if category != "standard" && pick(category) {
		return best
	}
	pick("standard")
	return best
}

func (c *calc) priceFits(t *taxRow, l *line) bool {
	if t.limit == 0 {
		return true
	}
	if l.in == nil {
		return !t.above
	}
	f := c.fx(c.price, t.currency)
	unit := l.in.UnitPrice.Minor*l.in.Quantity - l.in.Discount.Minor
	within := !times(t.limit*l.in.Quantity, f.den).less(times(unit, f.num))
	return within != t.above
}

// dearest is the region with the highest standard rate, for destinations whose region isn't known.
func (p *Pack) dearest(country string, day int32) string {
	region, top := "", int64(-1)
	sum := map[string]int64{}
	for _, t := range p.taxes[country] {
		if t.category == "standard" && t.on(day) {
			sum[t.region] += t.rate
			if sum[t.region] > top || sum[t.region] == top && t.region < region {
				region, top = t.region, sum[t.region]
			}
		}
	}
	return region
}

// chinese is the category of a line under China's two ways in: cross-border retail, or personal parcels.
func (c *calc) chinese(l *line) string {
	switch {
	case c.inside:
		return standardise(l.in.Category)
	case c.channel&byCBEC != 0:
		return "cbec_import_vat"
	case c.channel&byFreight != 0:
		return standardise(l.in.Category)
	case postal13.has(l.hs):
		return "personal_postal_tax_13"
	case postal50.has(l.hs):
		return "personal_postal_tax_50"
	}
	return "personal_postal_tax_20"
}

// The groups of China's tax on personal parcels, by chapter; what is in none pays the middle rate.
var (
	postal13 = parseHS("01-21|30|49|71|8471|95")
	postal50 = parseHS("2203-2208|24")
)

// findSalesTax gives lines the state's rate where the seller has nexus. It is no import tax.
func (c *calc) findSalesTax() {
	if (c.anyState || c.r.Marketplace) && c.at.region == "" {
		c.review(Review{Line: -1, Code: "region_unresolved"})
		c.q.Confidence = Low
		return
	}
	if !c.nexus && !c.r.Marketplace {
		c.assume("no_sales_tax_nexus_in_destination_state")
		return
	}
	var state *stateRow
	for _, s := range c.p.states[c.at.region] {
		if s.on(c.day) {
			state = s
		}
	}
	if state == nil {
		c.review(Review{Line: -1, Code: "tax_rules_unknown"})
		c.q.Confidence = Low
		return
	}
	if state.rate > 0 || c.at.region == "AK" {
		c.review(Review{Line: -1, Code: "local_sales_tax_not_included", Rule: state.id})
	}
	for i := range c.lines {
		l := &c.lines[i]
		l.sale = true
		if !c.clothingExempt(state, l) {
			l.rates[0] = &state.taxRow
		}
	}
}

func (c *calc) clothingExempt(s *stateRow, l *line) bool {
	if l.in.Category != "clothing" && l.in.Category != "childrens_clothing" {
		return false
	}
	if s.clothing == "exempt_up_to" {
		return c.within(l.in.UnitPrice.Minor, 1, 1, s.exempt, "USD", false)
	}
	return s.clothing == "exempt"
}

// shippingTaxed reports whether freight belongs to the base of the tax on a line.
func (c *calc) freightTaxed(l *line) bool {
	switch {
	case c.at.tax == "US":
		for _, s := range c.p.states[c.at.region] {
			if &s.taxRow == l.rates[0] {
				return s.shipping
			}
		}
		return false
	case c.inside:
		return true
	case l.sale && c.scheme != nil:
		return c.scheme.freight
	case l.sale:
		return true
	}
	return c.facts.freightInTax && c.facts.value == "fob"
}

// base is what a line's consumption tax is reckoned on.
func (c *calc) base(l *line) int64 {
	base := l.value + l.duty
	if l.sale {
		base = l.goods
		if c.scheme != nil && c.scheme.duty && !c.r.Flags.IOSSVATBaseExcludesDuty {
			base += l.duty
		}
	}
	if c.freightTaxed(l) {
		base += l.freight
	}
	return base
}

// taxes levies the destination's consumption tax: at sale where the seller is registered, else at the
// border; rounded on the sum of each rate and shared over its lines.
func (c *calc) taxes() {
	if c.failed() {
		return
	}
	c.reverseCharge()
	for i := range c.lines {
		l := &c.lines[i]
		if l.sale && c.at.tax == "MY" && l.rates[0] != nil && l.rates[0].code == "SALES_TAX" {
			l.rates = c.taxRows("MY", "", "standard", l) // one rate on all goods of low value, without the exemptions of the other tax
		}
		if !l.sale && c.channel&byCBEC != 0 && c.tables == "CN" {
			l.sale = true // the platform settles it with the order
		}
		if l.exempt && !l.sale || l.rates[0] == nil {
			continue
		}
		base := c.base(l)
		for k, t := range l.rates {
			if t != nil {
				c.group(t, l, k, base)
				c.use(&t.row, l)
			}
		}
	}
	if !c.inside && c.at.tax == "MY" && c.anyAtBorder() {
		c.malaysia()
	}
	if !c.waivedTaxes() {
		for i := range c.groups {
			c.tax(&c.groups[i])
		}
	}
	if c.tables == "ID" && !c.inside {
		c.incomeTax()
	}
}

// reverseCharge lets a business in Britain account for the tax on goods of low value itself.
func (c *calc) reverseCharge() {
	if !c.r.Flags.Business || c.tables != "GB" || c.inside {
		return
	}
	for _, s := range c.p.schemes["GB"] {
		if s.on(c.day) && c.within(c.goods, 1, 1, s.limit, s.currency, s.below) {
			c.assume("buyer_accounts_for_tax")
			for i := range c.lines {
				c.lines[i].exempt = true
			}
			return
		}
	}
}

func (c *calc) anyAtBorder() bool {
	for i := range c.lines {
		if l := &c.lines[i]; !l.sale && !l.exempt {
			return true
		}
	}
	return false
}

// malaysia says that above the low-value limit sales tax is 0, 5 or 10 % by tariff code; the highest is taken.
func (c *calc) malaysia() {
	for i := range c.groups {
		if g := &c.groups[i]; !g.sale {
			c.review(Review{Line: -1, Code: "sales_tax_by_tariff_code", Rule: g.row.id, Ranged: true, High: c.part(g.base, g.row.rate)})
		}
	}
}

func (c *calc) group(t *taxRow, l *line, k int, base int64) {
	var g *taxGroup
	for i := range c.groups {
		if c.groups[i].row == t && c.groups[i].sale == l.sale {
			g = &c.groups[i]
		}
	}
	if g == nil {
		c.groups = append(c.groups, taxGroup{row: t, sale: l.sale})
		g = &c.groups[len(c.groups)-1]
	}
	g.base += base
	g.goods += l.taxed - l.goods
	if c.freightTaxed(l) {
		g.freight += l.freight
	}
	g.second = k == 1
	g.combined = l.rate()
}

// contained is the tax that a group's prices include. Its own freight is a share of the net, unless all
// freight is in the group.
func (c *calc) contained(g *taxGroup) int64 {
	freight := c.sum(times(g.freight, g.combined).over(million, half))
	if g.freight == c.freight {
		freight = max(0, c.taxedFreight-c.freight)
	}
	all := g.goods + freight
	if g.combined == g.row.rate || all <= 0 {
		return all
	}
	other := c.sum(times(all, g.combined-g.row.rate).over(g.combined, half))
	if g.second {
		return c.sum(times(all, g.row.rate).over(g.combined, half))
	}
	return all - other
}

// waivedTaxes lets a tax at the border go that is too small to be asked for.
func (c *calc) waivedTaxes() bool {
	g := c.lines[0].regime
	if c.inside || g == nil || g.mode != "tax_amount_waiver" && g.mode != "postal_tax" {
		return false
	}
	var all wide
	var rate int64
	var first *taxGroup
	for i := range c.groups {
		t := &c.groups[i]
		if t.sale {
			return false
		}
		all = all.plus(times(t.base, t.row.rate))
		if t.row.rate > rate {
			first, rate = t, t.row.rate
		}
	}
	if first == nil || !c.waived(g, all, rate, g.taxLimit) {
		return false
	}
	c.levied(nil, Tax, first.row.code, "tax.waived", 0, first.base, 0, &g.row, c.border)
	return true
}

func (c *calc) tax(g *taxGroup) {
	t := g.row
	when := c.border
	if g.sale {
		when = AtCheckout
	}
	stepped := !g.sale && c.facts != nil && c.facts.taxStep > 0 && c.facts.currency == c.r.Currency
	if stepped {
		c.use(&c.facts.row, nil)
	}
	switch {
	case g.sale && c.r.PricesIncludeTax:
		g.amount = c.contained(g) + c.sum(times(c.dutyIn(g), t.rate).over(million, half))
	case t.code == "ICMS":
		g.amount, g.placed = c.byLine(g, million-t.rate), true
	case t.code == "JCT" && stepped:
		c.japan(g)
		return
	case stepped:
		g.amount = c.sum(times(g.base, t.rate).steps(million, c.facts.taxStep, c.facts.taxWay))
	case c.at.union() || c.at.tax == "GB":
		g.amount = c.sum(times(g.base, t.rate).over(million, half))
	default:
		g.amount, g.placed = c.byLine(g, million), true
	}
	c.levied(nil, Tax, t.code, t.label, t.rate, g.base, g.amount, &t.row, when)
	if g.sale {
		c.q.Charges[len(c.q.Charges)-1].Scheme = c.account(t)
	}
	c.shareTax(g)
}

// account is under what the seller accounts for a tax taken at sale.
func (c *calc) account(t *taxRow) string {
	switch {
	case c.r.Marketplace || c.scheme != nil && c.scheme.seller == 0:
		return ByMarketplace
	case c.at.tax == "US":
		for _, s := range c.p.states[t.region] {
			if &s.taxRow == t {
				return s.word
			}
		}
	case c.scheme != nil:
		return c.scheme.word
	case !c.inside:
		return ""
	case c.at.union() && unionSeller(c.r.ShipFrom) && home(c.r.ShipFrom) != c.at.tax:
		return UnionSale
	}
	return Domestic
}

// dutyIn is the duty inside the base of a group taxed at sale.
func (c *calc) dutyIn(g *taxGroup) int64 {
	if c.scheme == nil || !c.scheme.duty || c.r.Flags.IOSSVATBaseExcludesDuty {
		return 0
	}
	var sum int64
	for i := range c.lines {
		if l := &c.lines[i]; l.sale && (l.rates[0] == g.row || l.rates[1] == g.row) {
			sum += l.duty
		}
	}
	return sum
}

// japan levies consumption tax in its two parts: 78 in 100 national, and 22/78 of that local, the base cut
// to thousands and each part to hundreds.
func (c *calc) japan(g *taxGroup) {
	step := c.facts.taxStep
	g.base -= g.base % max(c.facts.baseStep, 1)
	national := c.sum(times(g.base, g.row.rate*78).steps(million*100, step, c.facts.taxWay))
	local := c.sum(times(national, 22).steps(78, step, c.facts.taxWay))
	g.amount = national + local
	c.levied(nil, Tax, "JCT_NATIONAL", "tax.jct_national", g.row.rate*78/100, g.base, national, &g.row.row, c.border)
	c.levied(nil, Tax, "JCT_LOCAL", "tax.jct_local", g.row.rate*22/100, g.base, local, &g.row.row, c.border)
	c.shareTax(g)
}

// byLine rounds a group's tax line by line, which is the rule but for the Union and Britain (rule data: landed cost,
// section 5), and gives each line its own. Lines of the same goods count as one, so that writing two for one changes
// nothing.
func (c *calc) byLine(g *taxGroup, of int64) (amount int64) {
	weight := func(l *line) int64 {
		if l.sale != g.sale || l.exempt && !l.sale || l.rates[0] != g.row && l.rates[1] != g.row {
			return 0
		}
		return c.base(l)
	}
	for from := 0; from < len(c.lines); {
		to := c.run(from)
		var base int64
		for i := from; i < to; i++ {
			base += weight(&c.lines[i])
		}
		part := c.sum(times(base, g.row.rate).over(of, half))
		shareOver(part, c.lines[from:to], weight, func(l *line, part int64) { l.tax += part })
		amount += part
		from = to
	}
	return amount
}

func (c *calc) shareTax(g *taxGroup) {
	if g.placed {
		return
	}
	weight := func(i int) int64 {
		l := &c.lines[i]
		if l.sale != g.sale || l.exempt && !l.sale || l.rates[0] != g.row && l.rates[1] != g.row {
			return 0
		}
		return c.base(l)
	}
	share(g.amount, len(c.lines), weight, func(i int, part int64) { c.lines[i].tax += part })
}

// incomeTax is Indonesia's PPh 22 on the groups of consignment goods that the regime names.
func (c *calc) incomeTax() {
	g := c.lines[0].regime
	if g == nil || g.mode != "special_rates" || g.rate == 0 || c.lines[0].relieved || !c.stays(g, g.dutyBasis, g.cap) {
		return
	}
	var base int64
	weight := func(i int) int64 {
		if l := &c.lines[i]; g.groups.has(l.hs) {
			return l.value + l.duty
		}
		return 0
	}
	for i := range c.lines {
		base += weight(i)
	}
	if base == 0 {
		return
	}
	step, how := int64(1), half
	if c.facts.currency == c.r.Currency {
		step, how = c.facts.taxStep, c.facts.taxWay
	}
	amount := c.sum(times(base, g.rate).steps(million, step, how))
	c.levied(nil, Tax, "PPH22", "tax.pph22", g.rate, base, amount, &g.row, c.border)
	share(amount, len(c.lines), weight, func(i int, part int64) { c.lines[i].tax += part })
}

// ConsumptionTax is the rate that sellers to consumers in that place add to goods of the category on that
// day, and the row it stands in; in Canada it is the sum of a province's two taxes. It is false where
// prices aren't shown with tax (US, BR) or no row is known.
func (p *Pack) ConsumptionTax(country, region, category string, on time.Time) (rate money.Rate, rule string, ok bool) {
	if country == "US" || country == "BR" {
		return money.Rate{}, "", false
	}
	y, m, d := on.Date()
	c := calc{p: p, day: int32(y*10000 + int(m)*100 + d), at: p.locate(&Place{Country: country, Region: region})}
	l := line{}
	rows := c.taxRows(c.at.tax, c.at.region, standardise(category), &l)
	if rows[0] == nil {
		return money.Rate{}, "", false
	}
	l.rates = rows
	return money.Rate{Coef: l.rate(), Scale: 6}, rows[0].id, true
}
