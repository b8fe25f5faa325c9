package landed

// fees adds what a country charges for parcels. A fee whose collection isn't certain, or whose amount isn't
// known, is left out and said.
func (c *calc) fees() {
	c.feesOf(c.tables)
	if c.tables != c.at.tax {
		c.feesOf(c.at.tax)
	}
}

func (c *calc) feesOf(country string) {
	c.lapsed(country)
	for _, f := range c.p.fees[country] {
		if !f.on(c.day) || f.channels != 0 && f.channels&c.channel == 0 {
			continue
		}
		if f.seller != 0 && (c.seller&f.seller != 0) == f.notSeller || c.r.Flags.Business && f.unit == "item" {
			continue
		}
		if f.upTo > 0 && !c.within(c.goods, 1, 1, f.upTo, f.limitIn, false) || f.over > 0 && c.within(c.goods, 1, 1, f.over, f.limitIn, false) {
			continue
		}
		switch f.mode {
		case "flag":
			if !c.r.Flags.EUHandlingFee {
				continue
			}
		case "on":
			if c.r.Flags.NoNationalParcelFees && f.rate == 0 {
				continue
			}
		}
		c.fee(f)
	}
}

// lapsed says which fees of the US have ended without another row for the day: they are set anew every fiscal year.
func (c *calc) lapsed(country string) {
	if country != "US" {
		return
	}
	var last *fee
	for _, f := range c.p.fees[country] {
		if f.on(c.day) {
			return
		}
		if f.to != 0 && f.to < c.day {
			last = f
		}
	}
	if last != nil {
		c.review(Review{Line: -1, Code: "fee_not_included", Rule: last.id})
	}
}

func (c *calc) fee(f *fee) {
	rate, ok := c.r.exchange(f.currency, c.r.Currency)
	if !ok || f.mode == "open" {
		v := Review{Line: -1, Code: "fee_not_included", Rule: f.id}
		if ok && f.amount > 0 {
			v.Ranged, v.High = true, c.amount(c.sum(rate.of(f.amount)))
		}
		c.review(v)
		return
	}
	count := int64(1)
	if f.unit == "item" {
		count = c.items()
	}
	base, amount := int64(0), c.sum(rate.of(f.amount*count))
	if f.rate > 0 {
		for i := range c.lines {
			base += c.lines[i].value
		}
		amount = c.sum(times(base, f.rate).over(million, half))
		if f.min > 0 {
			amount = max(amount, c.sum(rate.of(f.min)))
		}
		if f.max > 0 {
			amount = min(amount, c.sum(rate.of(f.max)))
		}
	}
	c.use(&f.row, nil)
	c.levied(nil, Fee, f.code, f.label, f.rate, base, amount, &f.row, c.border)
}

// items counts the goods as the EU does: one tariff code, one description and one origin are one item.
func (c *calc) items() int64 {
	n := int64(0)
	for i := range c.lines {
		if i == 0 || !sameItem(&c.lines[i-1], &c.lines[i]) {
			n++
		}
	}
	return n
}
