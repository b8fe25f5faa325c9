package landed

import (
	"slices"

	"portolan/internal/money"
)

// openBorder finds whose customs rules apply and, line by line, which regime.
func (c *calc) openBorder() {
	customs := c.at.customs
	rows := c.p.regimes[customs]
	if len(rows) > 0 && rows[0].mode == "as_EU" && rows[0].on(c.day) {
		c.use(&rows[0].row, nil)
		customs, rows = "EU", c.p.regimes["EU"]
		c.assume("goods_at_risk_of_entering_the_eu")
	}
	c.tables = customs
	c.facts = c.p.countries[customs]
	if c.facts == nil {
		c.facts = &country{value: "cif", freightInTax: true}
	}
	if c.r.Marketplace {
		for _, s := range c.p.schemes[customs] {
			if s.deemed && s.on(c.day) {
				c.seller |= s.seller
			}
		}
	}
	if !c.at.vatArea {
		c.seller &^= registrations["IOSS"]
	}
	if c.r.Flags.Business {
		c.seller &^= registrations["BR_REMESSA"] // Remessa Conforme is for persons
	}
	c.leaveSchemes()
	for i := range c.lines {
		l := &c.lines[i]
		l.value = c.customsValue(l)
	}
	if len(rows) == 0 {
		code := "destination_without_rules"
		if c.at.territory != nil {
			code = "special_territory"
			c.use(&c.at.territory.row, nil)
		}
		c.q.Confidence = Low
		c.review(Review{Line: -1, Code: code})
		return
	}
	c.findPreferences()
	for i := range c.lines {
		l := &c.lines[i]
		if i > 0 && c.lines[i-1].in.Origin == l.in.Origin && c.lines[i-1].regime != nil {
			l.regime = c.lines[i-1].regime
			continue
		}
		if l.regime = c.regimeOf(rows, l.in.Origin); l.regime != nil {
			c.use(&l.regime.row, nil)
			continue
		}
		first := rows[0].from
		for _, g := range rows {
			first = min(first, g.from)
		}
		if c.day < first {
			c.fail(ErrBeforeRules, "date", "out_of_range", "must not be before "+earliest(rows)+", the first rule for "+customs)
			return
		}
		if slices.ContainsFunc(rows, func(g *regime) bool { return g.on(c.day) }) {
			c.assume("no_relief_on_this_channel")
			continue
		}
		c.q.Confidence = Low
		c.review(Review{Line: -1, Code: "no_rules_on_this_day"})
	}
	if c.lines[0].regime != nil {
		c.q.Regime = c.lines[0].regime.id
	}
}

// leaveSchemes drops the registrations that can't be used for this consignment, since it holds goods which a
// scheme for whole consignments excludes: such a consignment is declared as if the seller had none (Directive
// 2006/112/EC, Article 369l for the Union's).
func (c *calc) leaveSchemes() {
	for _, s := range c.p.schemes[c.tables] {
		if s.unit != "consignment" || s.seller == 0 || !s.on(c.day) {
			continue
		}
		for i := range c.lines {
			if s.excluded.has(c.lines[i].hs) {
				c.seller &^= s.seller
			}
		}
	}
}

func earliest(rows []*regime) string {
	first := rows[0]
	for _, g := range rows {
		if g.from < first.from {
			first = g
		}
	}
	return first.validFrom
}

// regimeOf is the most specific row for the day: by origin first, then channel, then seller.
func (c *calc) regimeOf(rows []*regime, origin string) *regime {
	var best *regime
	top := -1
	for _, g := range rows {
		if !g.on(c.day) || !g.origins.any() && !g.origins.has(origin) || !g.shipFrom.any() && !g.shipFrom.has(c.r.ShipFrom) {
			continue
		}
		if g.channels != 0 && g.channels&c.channel == 0 || g.seller != 0 && (c.seller&g.seller != 0) == g.notSeller {
			continue
		}
		score := 0
		if !g.origins.any() || !g.shipFrom.any() {
			score += 4
		}
		if g.channels != 0 {
			score += 2
		}
		if g.seller != 0 {
			score++
		}
		if score > top {
			best, top = g, score
		}
	}
	return best
}

// customsValue is the value that duty is reckoned on. Goods for a person's own use are valued at 60 % of
// their retail price in Japan.
func (c *calc) customsValue(l *line) int64 {
	switch {
	case c.facts.value == "fob":
		return l.goods
	case c.facts.value == "own_use" && !c.r.Flags.Business:
		return c.sum(times(l.goods, 6).over(10, half))
	}
	return l.goods + l.freight
}

// stays reports whether the consignment stays within a limit of its regime, on the basis that the row names.
func (c *calc) stays(g *regime, basis string, limit int64) bool {
	switch {
	case basis == "cif", basis == "own_use" && c.r.Flags.Business:
		return c.within(c.cif, 1, 1, limit, g.currency, g.below)
	case basis == "own_use":
		return c.within(c.goods, 6, 10, limit, g.currency, g.below)
	}
	return c.within(c.goods, 1, 1, limit, g.currency, g.below)
}

// relieve marks the lines that thresholds free from duty or from tax at the border.
func (c *calc) relieve() {
	var last *regime
	var duty, tax bool
	for i := range c.lines {
		l := &c.lines[i]
		g := l.regime
		if g == nil {
			continue
		}
		if g != last {
			last, duty, tax = g, false, false
			switch g.mode {
			case "tax_amount_waiver", "cbec", "postal_tax", "duty_free_if_vat_at_sale":
			case "free":
				duty, tax = true, true
			default:
				tax = g.taxLimit > 0 && c.stays(g, g.taxBasis, g.taxLimit)
				duty = reliefModes[g.mode] && g.dutyLimit > 0 && c.stays(g, g.dutyBasis, g.dutyLimit)
			}
		}
		if g.excluded.has(l.hs) {
			continue
		}
		l.relieved, l.exempt = duty, tax
		if g.mode == "duty_free_if_vat_at_sale" {
			l.relieved = l.sale
		}
	}
}

// reliefModes are those whose duty limit frees from duty.
var reliefModes = map[string]bool{
	"relief_then_tariff": true, "special_rates": true, "special_rates_mfn": true, "tiered": true, "flat_advalorem": true,
}

// chooseScheme finds the scheme under which the seller taxes at sale, and the lines that it covers.
func (c *calc) chooseScheme() {
	if c.r.Flags.Business || !c.at.vatArea {
		return
	}
	for _, s := range c.p.schemes[c.tables] {
		if !s.on(c.day) || s.channels != 0 && s.channels&c.channel == 0 {
			continue
		}
		if s.seller == 0 && !c.r.Marketplace || s.seller != 0 && s.seller&c.seller == 0 && !s.mandatory {
			continue
		}
		covered := 0
		for i := range c.lines {
			l := &c.lines[i]
			if !s.excluded.has(l.hs) && c.covers(s, l) {
				l.sale = true
				covered++
			}
		}
		if s.unit == "consignment" && covered < len(c.lines) {
			for i := range c.lines {
				c.lines[i].sale = false
			}
			continue
		}
		if covered > 0 && s.seller != 0 && s.seller&c.seller == 0 {
			for i := range c.lines {
				c.lines[i].sale = false
			}
			c.review(Review{Line: -1, Code: "registration_required", Rule: s.id})
			continue
		}
		if covered > 0 {
			c.scheme = s
			c.use(&s.row, nil)
			return
		}
	}
}

func (c *calc) covers(s *scheme, l *line) bool {
	switch s.unit {
	case "item":
		return c.within(l.price, 1, l.in.Quantity, s.limit, s.currency, s.below)
	case "item_cif":
		f := c.fx(c.r.Currency, s.currency)
		return !times(s.limit*l.in.Quantity, f.den).less(times(l.goods+l.freight, f.num))
	case "any":
		return true
	}
	return c.within(c.goods, 1, 1, s.limit, s.currency, s.below)
}

// findPreferences marks the lines whose origin is proved under an agreement with the importer.
func (c *calc) findPreferences() {
	for _, name := range c.r.Flags.OriginProof {
		c.proofs = append(c.proofs, agreement(name))
	}
	for i := range c.lines {
		l := &c.lines[i]
		if l.in.PreferenceProof != "" {
			l.preference = c.p.preferenceFor(c.tables, l.in.Origin, agreement(l.in.PreferenceProof), c.day)
		}
		for k := 0; k < len(c.proofs) && l.preference == nil; k++ {
			l.preference = c.p.preferenceFor(c.tables, l.in.Origin, c.proofs[k], c.day)
		}
		if l.preference == nil && l.in.PreferenceProof != "" {
			c.review(Review{Line: l.index, Code: "proof_of_origin_not_applicable"})
		}
	}
}

func (p *Pack) preferenceFor(importer, origin, name string, day int32) *preference {
	for _, f := range p.preferences {
		if f.importer != importer || !f.on(day) || origin == "" || !f.origins.has(origin) {
			continue
		}
		for _, a := range f.aliases {
			if a == name {
				return f
			}
		}
	}
	return nil
}

// inCurrency converts an amount of a rule row into the result's currency, rounded half up.
func (c *calc) inCurrency(minor int64, from money.Currency) int64 {
	return c.sum(c.fx(from, c.r.Currency).of(minor))
}
