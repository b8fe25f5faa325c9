package landed

import "strings"

// layersOn lays the additional US duties on the customs value: added to one another, never compounded.
func (c *calc) layersOn(i, j int, value, general int64, hts []*htsRow) {
	l := &c.lines[i]
	usmca := l.preference != nil && l.preference.aliases[0] == "CUSMA"
	if l.in.Origin == "" {
		c.review(Review{Line: l.index, Code: "origin_unknown"})
	}
	own := l.in.Origin
	if inEU(own) {
		own = "EU"
	}
	for _, a := range c.p.layers[""] {
		c.layerOn(a, i, j, value, general, usmca, hts)
	}
	if own != "" {
		for _, a := range c.p.layers[own] {
			c.layerOn(a, i, j, value, general, usmca, hts)
		}
	}
	if own == "CN" {
		c.chinaOn(i, j, value, hts)
	}
}

func (c *calc) layerOn(a *layer, i, j int, value, general int64, usmca bool, hts []*htsRow) {
	switch l, rate := &c.lines[i], a.rate; {
	case !a.on(c.day), (a.usmca || a.program == "S122_SURCHARGE") && usmca:
	case a.mechanic == "check":
		if a.hs.has(l.hs) {
			c.review(Review{Line: l.index, Code: a.check, Rule: a.id, Ranged: true, High: c.part(value, rate)})
		}
	default:
		if a.mechanic == "top_up_to_cap" {
			rate = max(0, rate-general)
		}
		if a.program == "S301_FORCED_LABOR" && len(hts) == 1 && hts[0].forcedOff {
			rate = 0
		}
		c.add(levy{from: i, to: j, code: a.code, label: a.label, row: &a.row, rate: rate, value: value})
	}
}

// chinaOn levies the list against China that the code stands in. Where lists disagree below the code, the
// highest is taken and the doubt is said.
func (c *calc) chinaOn(i, j int, value int64, hts []*htsRow) {
	l := &c.lines[i]
	var top *htsRow
	low, high, doubt := int64(-1), int64(0), ""
	for _, h := range hts {
		if top == nil || h.listRate > high {
			top, high = h, h.listRate
		}
		if low < 0 || h.listRate < low {
			low = h.listRate
		}
		switch h.doubt {
		case "ambiguous":
			doubt, low = "china_list_ambiguous", 0
		case "unlisted":
			doubt, low = "china_list_unknown", 0
		}
	}
	if top == nil || doubt == "china_list_unknown" && high == 0 {
		doubt, low, high = "china_list_unknown", 0, 0
		for _, a := range c.p.lists {
			if a.on(c.day) {
				high = max(high, a.rate)
			}
		}
	} else if low != high && doubt == "" {
		doubt = "china_list_ambiguous"
	}
	var by *layer
	for _, a := range c.p.lists {
		if a.on(c.day) && a.rate == high && (by == nil || top != nil && strings.HasPrefix(top.list, a.list)) {
			by = a
		}
	}
	if by != nil && high > 0 {
		c.add(levy{from: i, to: j, code: "S301_CHINA", label: "duty.s301_china", row: &by.row, rate: high, value: value})
	}
	if top != nil {
		c.use(&top.row, l)
	}
	if doubt != "" {
		c.review(Review{Line: l.index, Code: doubt, Ranged: true, Low: c.part(value, low), High: c.part(value, high)})
	}
}
