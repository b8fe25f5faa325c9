package landed

import (
	"fmt"
	"slices"
	"strings"

	"portolan/internal/fault"
	"portolan/internal/money"
)

// ErrUnreadableTable is the fault of a rule table with a row that can't be read; its text names table, row
// and column.
var ErrUnreadableTable = fault.New(fault.Invalid, "landed.unreadable_table")

// record is one row of a table on its way into the pack. The first thing wrong with it stays in err.
type record struct {
	table string
	line  int
	head  []string
	cells []string
	at    int // the next column
	err   error
}

// readTable reads a table whose first row names the columns. Cells hold neither commas nor quotes; lists
// inside a cell are separated by |.
func readTable(name, text string, take func(*record)) error {
	r := record{table: name}
	for line := range strings.Lines(text) {
		r.line++
		line = strings.TrimRight(line, "\r\n")
		r.cells = r.cells[:0]
		for {
			cell, rest, more := strings.Cut(line, ",")
			r.cells = append(r.cells, cell)
			if !more {
				break
			}
			line = rest
		}
		if r.line == 1 {
			r.head = slices.Clone(r.cells)
			continue
		}
		if len(r.cells) != len(r.head) {
			return fmt.Errorf("%s row %d has %d columns, not %d: %w", name, r.line, len(r.cells), len(r.head), ErrUnreadableTable)
		}
		r.at = 0
		take(&r)
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

func (r *record) fail(what string) {
	if r.err == nil {
		col := r.head[max(r.at-1, 0)]
		r.err = fmt.Errorf("%s row %d, %s: %q %s: %w", r.table, r.line, col, r.cells[max(r.at-1, 0)], what, ErrUnreadableTable)
	}
}

func (r *record) text() string {
	r.at++
	return r.cells[r.at-1]
}

func (r *record) yes() bool { return r.text() == "yes" }

// decimal reads a number times 10^digits; an empty cell is zero.
func (r *record) decimal(digits int) int64 {
	s := r.text()
	if s == "" {
		return 0
	}
	rate, err := money.ParseRate(s)
	if err != nil || rate.Coef < 0 {
		r.fail("is no decimal number")
		return 0
	}
	for int(rate.Scale) > digits && rate.Coef%10 == 0 {
		rate.Coef, rate.Scale = rate.Coef/10, rate.Scale-1
	}
	if int(rate.Scale) > digits {
		r.fail("has too many decimals")
		return 0
	}
	for ; int(rate.Scale) < digits; rate.Scale++ {
		rate.Coef *= 10
	}
	return rate.Coef
}

// percent reads a percentage into millionths.
func (r *record) percent() int64 { return r.decimal(4) }

func (r *record) currency() money.Currency {
	c := money.Currency(r.text())
	if c != "" && !c.Valid() {
		r.fail("is no currency")
	}
	return c
}

func (r *record) minor(c money.Currency) int64 { return r.decimal(c.Digits()) }

func (r *record) way() way {
	switch r.text() {
	case "up":
		return up
	case "down":
		return down
	}
	return half
}

func (r *record) below() bool {
	switch r.text() {
	case "<":
		return true
	case "<=", "":
		return false
	}
	r.fail("is neither < nor <=")
	return false
}

func (r *record) seller() (reg registration, not bool) {
	s, not := strings.CutPrefix(r.text(), "!")
	if s == "" {
		return 0, false
	}
	if reg = registrations[s]; reg == 0 {
		r.fail("is no known registration")
	}
	return reg, not
}

func (r *record) channels() channelSet {
	var set channelSet
	for s := range strings.SplitSeq(r.text(), "|") {
		switch s {
		case "":
		case "courier":
			set |= byCourier
		case "postal":
			set |= byPost
		case "freight":
			set |= byFreight
		case "cbec":
			set |= byCBEC
		default:
			r.fail("is no channel")
		}
	}
	return set
}

func (r *record) countries() countrySet {
	s, not := strings.CutPrefix(r.text(), "!")
	return countrySet{codes: strings.ReplaceAll(s, "|", ""), not: not}
}

func (r *record) hs() hsSet { return parseHS(r.text()) }

// dates reads valid_from, valid_to, source and confidence, the last four columns of every table.
func (r *record) dates(id string) row {
	w := row{id: id, validFrom: r.text(), validTo: r.text()}
	if w.from = day(w.validFrom); w.from == 0 {
		r.at--
		r.fail("is no day like 2026-07-01")
	}
	if w.validTo != "" {
		if w.to = day(w.validTo); w.to < w.from {
			r.fail("is no day after valid_from")
		}
	}
	w.trust(r)
	return w
}

func (w *row) trust(r *record) {
	w.source = r.text()
	switch strings.TrimPrefix(r.text(), "unverified-") {
	case "high":
		w.confidence = High
	case "medium":
		w.confidence = Medium
	case "low":
		w.confidence = Low
	default:
		r.fail("is none of high, medium and low")
	}
}

func (p *Pack) note(r *record, w *row) {
	if _, ok := p.rows[w.id]; ok {
		r.at = 1
		r.fail("stands twice")
	}
	p.rows[w.id] = w
}

// day reads 2026-07-01 as 20260701, or 0.
func day(s string) int32 {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0
	}
	var n int32
	for i := range 10 {
		switch c := s[i]; {
		case i == 4 || i == 7:
		case c < '0' || c > '9':
			return 0
		default:
			n = n*10 + int32(c-'0')
		}
	}
	return n
}

func (p *Pack) takeCountry(r *record) {
	code := r.text()
	c := &country{value: r.text(), freightInTax: r.yes(), currency: r.currency()}
	c.dutyStep, c.dutyWay = r.minor(c.currency), r.way()
	c.taxStep, c.taxWay = r.minor(c.currency), r.way()
	c.valueStep, c.baseStep = r.minor(c.currency), r.minor(c.currency)
	r.text()
	c.row = row{id: "customs:" + code, validFrom: "1900-01-01", from: 19000101}
	c.trust(r)
	p.countries[code] = c
	p.note(r, &c.row)
}

var modes = []string{
	"relief_then_tariff", "tariff", "flat_per_item", "flat_advalorem", "two_band", "tiered", "tax_amount_waiver",
	"special_rates", "special_rates_mfn", "cbec", "postal_tax", "duty_free_if_vat_at_sale", "free", "as_EU",
	"postal_advalorem_or_specific",
}

// measures are the rows of the tariff that a regime reads; empty is the ordinary tariff, MFN.
var measures = []string{"", "SIMPLIFIED", "SIMPLIFIED_IF_LOWER", "PERSONAL", "CONSIGNMENT", "CBEC"}

func (p *Pack) takeRegime(r *record) {
	id := r.text()
	g := &regime{country: r.text(), origins: r.countries(), shipFrom: r.countries(), channels: r.channels()}
	g.seller, g.notSeller = r.seller()
	if g.mode = r.text(); !slices.Contains(modes, g.mode) {
		r.fail("is no known duty mode")
	}
	if g.measure = r.text(); !slices.Contains(measures, g.measure) {
		r.fail("is no known measure")
	}
	g.currency = r.currency()
	g.dutyLimit, g.taxLimit, g.below = r.minor(g.currency), r.minor(g.currency), r.below()
	g.dutyBasis, g.taxBasis, g.cap = r.text(), r.text(), r.minor(g.currency)
	g.rate, g.rate2, g.amount = r.percent(), r.percent(), r.minor(g.currency)
	g.excluded, g.groups, g.coversTax = r.hs(), r.hs(), r.yes()
	g.row = r.dates(id)
	p.regimes[g.country] = append(p.regimes[g.country], g)
	p.note(r, &g.row)
}

func (p *Pack) takeScheme(r *record) {
	id := r.text()
	s := &scheme{name: r.text()}
	country := r.text()
	s.seller, _ = r.seller()
	s.currency = r.currency()
	s.limit, s.below, s.unit, s.channels = r.minor(s.currency), r.below(), r.text(), r.channels()
	s.freight, s.duty, s.dutyFree, s.deemed, s.mandatory = r.yes(), r.text() == "flag", r.yes(), r.yes(), r.yes()
	s.excluded, s.code = r.hs(), r.text()
	s.row = r.dates(id)
	p.schemes[country] = append(p.schemes[country], s)
	p.note(r, &s.row)
}

func (p *Pack) takeTax(r *record) {
	id := r.text()
	country := r.text()
	t := &taxRow{region: r.text(), code: r.text(), category: r.text(), rate: r.percent()}
	t.label = "tax." + strings.ToLower(t.code)
	t.above = r.text() == ">"
	limit := r.at
	r.at++
	t.currency = r.currency()
	next := r.at
	r.at = limit
	t.limit = r.minor(t.currency)
	r.at = next
	t.except = r.hs()
	t.row = r.dates(id)
	p.taxes[country] = append(p.taxes[country], t)
	p.note(r, &t.row)
}

func (p *Pack) takeState(r *record) {
	id := r.text()
	state := r.text()
	s := &stateRow{}
	s.region, s.code, s.label, s.rate = state, "SALES_TAX", "tax.sales_tax", r.percent()
	s.shipping, s.clothing, s.exempt = r.text() == "taxable", r.text(), r.minor("USD")
	s.row = r.dates(id)
	p.states[state] = append(p.states[state], s)
	p.note(r, &s.row)
}

func (p *Pack) takeDuty(r *record) {
	id := r.text()
	importer := r.text()
	d := &dutyRow{hs: r.text(), measure: r.text()}
	d.known = r.cells[r.at] != ""
	d.rate = r.percent()
	d.perUnit, d.currency, d.unit = r.decimal(6), r.currency(), r.text()
	d.min, d.max = r.decimal(6), r.decimal(6)
	banded := r.cells[r.at+1] != ""
	d.low, d.high = r.percent(), r.percent()
	if !banded {
		d.low, d.high = d.rate, d.rate
	}
	d.row = r.dates(id)
	t := p.duties[importer]
	if t == nil {
		t = &tariff{prefix: map[string][]*dutyRow{}}
		p.duties[importer] = t
	}
	t.rows = append(t.rows, d)
	for _, prefix := range chapters(d.hs) {
		t.prefix[prefix] = append(t.prefix[prefix], d)
		if !slices.Contains(t.depth, len(prefix)) {
			t.depth = append(t.depth, len(prefix))
		}
	}
	p.note(r, &d.row)
}

// chapters spells out a range of chapters such as 25-97; * is the empty prefix, which every code has.
func chapters(hs string) []string {
	lo, hi, isRange := strings.Cut(hs, "-")
	switch {
	case hs == "*":
		return []string{""}
	case !isRange:
		return []string{hs}
	}
	var all []string
	for n := 0; n < 100; n++ {
		if c := fmt.Sprintf("%02d", n); c >= lo && c <= hi {
			all = append(all, c)
		}
	}
	return all
}

func (p *Pack) takeHTS(r *record) {
	id := r.text()
	h := &htsRow{code: r.text()}
	h.known = r.cells[r.at] != ""
	h.rate = r.percent()
	h.perUnit, h.currency, h.unit = r.decimal(6), "USD", r.text()
	h.list, h.listRate, h.doubt, h.forcedOff = r.text(), r.percent(), r.text(), r.yes()
	h.row = r.dates(id)
	p.hts = append(p.hts, h)
	p.note(r, &h.row)
}

func (p *Pack) takeLayer(r *record) {
	id := r.text()
	l := &layer{program: r.text(), code: r.text(), origin: r.countries()}
	r.text()
	l.mechanic, l.rate, l.hs, l.list, l.usmca = r.text(), r.percent(), r.hs(), r.text(), r.yes()
	l.row = r.dates(id)
	l.label, l.check = "duty."+strings.ToLower(l.code), "may_fall_under_"+strings.ToLower(l.program)
	switch {
	case l.mechanic == "suspended":
	case l.mechanic == "list":
		p.lists = append(p.lists, l)
	case l.origin.any():
		p.layers[""] = append(p.layers[""], l)
	default:
		for code := l.origin.codes; len(code) >= 2; code = code[2:] {
			p.layers[code[:2]] = append(p.layers[code[:2]], l)
		}
	}
	p.note(r, &l.row)
}

func (p *Pack) takePreference(r *record) {
	id := r.text()
	f := &preference{}
	name := r.text()
	f.aliases = append(strings.Split(r.text(), "|"), agreement(name))
	f.importer, f.origins, f.rate = r.text(), r.countries(), r.percent()
	f.row = r.dates(id)
	p.preferences = append(p.preferences, f)
	p.note(r, &f.row)
}

func (p *Pack) takeFee(r *record) {
	id := r.text()
	country := r.text()
	f := &fee{code: r.text()}
	f.label = "fee." + strings.ToLower(f.code)
	amount := r.at
	r.at++
	f.currency = r.currency()
	next := r.at
	r.at = amount
	f.amount = r.minor(f.currency)
	r.at = next
	f.rate, f.unit, f.min, f.max = r.percent(), r.text(), r.minor(f.currency), r.minor(f.currency)
	f.channels = r.channels()
	f.seller, f.notSeller = r.seller()
	f.over, f.upTo = r.decimal(2), r.decimal(2)
	f.limitIn, f.mode = r.currency(), r.text()
	f.row = r.dates(id)
	p.fees[country] = append(p.fees[country], f)
	p.note(r, &f.row)
}

func (p *Pack) takeTerritory(r *record) {
	id := r.text()
	t := &territory{country: r.text(), region: r.text(), alias: r.countries()}
	for s := range strings.SplitSeq(r.text(), "|") {
		lo, hi, ok := strings.Cut(s, "-")
		if !ok {
			hi = lo
		}
		t.postcodes = append(t.postcodes, [2]string{lo, hi})
	}
	t.vat, t.customs = r.yes(), r.yes()
	t.row = row{id: id, validFrom: "2021-01-01", from: 20210101}
	t.trust(r)
	p.territories = append(p.territories, t)
	p.note(r, &t.row)
}

func (p *Pack) takeGoods(r *record) {
	code := r.text()
	if p.goods[code] != "" {
		r.fail("stands twice")
	}
	p.goods[code] = r.text()
}
