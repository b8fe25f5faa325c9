package landed

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/money"
)

// record is one row of a table on its way into the pack. The first thing wrong with it stays in bad.
type record struct {
	table string
	apart []string // the columns that tell its rules apart
	line  int
	head  []string
	cells []string
	at    int // the next column
	bad   *Problem
}

// readTable reads a table whose first row names the columns. Cells hold neither commas nor quotes; lists
// inside a cell are separated by |. It tells every row that can't be read to blame and goes on.
func readTable(name, text string, columns, apart []string, take func(*record), blame func(Problem)) {
	r := record{table: name, apart: apart}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
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
		switch {
		case r.line == 1 && columns != nil && !slices.Equal(r.cells, columns):
			blame(Problem{name, 1, "", strings.Join(r.cells, ","), "other_columns", "has other columns than " + strings.Join(columns, ",")})
			return
		case r.line == 1:
			r.head = slices.Clone(r.cells)
			continue
		case len(r.cells) != len(r.head):
			blame(Problem{name, r.line, "", line, "wrong_number_of_columns", fmt.Sprintf("has %d columns, not %d", len(r.cells), len(r.head))})
			continue
		}
		if i := slices.IndexFunc(r.cells, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
			blame(Problem{name, r.line, r.head[i], r.cells[i], "not_utf8", "is not UTF-8 text; save the file as UTF-8"})
			continue
		}
		r.at, r.bad = 0, nil
		take(&r)
		if r.bad != nil {
			blame(*r.bad)
		}
	}
	if r.line == 0 {
		blame(Problem{Table: name, Code: "required", Remedy: "is empty; its first row names the columns"})
	}
}

func (r *record) fail(code, what string) {
	if r.bad == nil {
		i := max(r.at-1, 0)
		r.bad = &Problem{r.table, r.line, r.head[i], r.cells[i], code, what}
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
		r.fail("malformed", "is no decimal number")
		return 0
	}
	for int(rate.Scale) > digits && rate.Coef%10 == 0 {
		rate.Coef, rate.Scale = rate.Coef/10, rate.Scale-1
	}
	if int(rate.Scale) > digits {
		r.fail("malformed", "has too many decimals")
		return 0
	}
	for ; int(rate.Scale) < digits; rate.Scale++ {
		rate.Coef *= 10
	}
	return rate.Coef
}

// percent reads a percentage into millionths.
func (r *record) percent() int64 {
	n := r.decimal(4)
	if n > 10*million {
		r.fail("out_of_range", "is more than 1000 per cent")
	}
	return n
}

// country reads whose rule it is: a country, EU for the Union's, XI for Northern Ireland.
func (r *record) country() string {
	c := r.text()
	if c != "EU" && !isCountry(c) {
		r.fail("unknown_country", "is no country; write its ISO 3166 code, or EU")
	}
	return c
}

func (r *record) currency() money.Currency {
	c := money.Currency(r.text())
	if c != "" && !c.Valid() {
		r.fail("unknown_currency", "is no currency")
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
	r.fail("unknown", "is neither < nor <=")
	return false
}

func (r *record) seller() (reg registration, not bool) {
	s, not := strings.CutPrefix(r.text(), "!")
	if s == "" {
		return 0, false
	}
	if reg = registrations[s]; reg == 0 {
		r.fail("unknown", "is no known registration")
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
			r.fail("unknown", "is no channel")
		}
	}
	return set
}

func (r *record) countries() countrySet {
	s, not := strings.CutPrefix(r.text(), "!")
	if s != "" && s != "*" {
		for c := range strings.SplitSeq(s, "|") {
			if c != "EU" && !isCountry(c) {
				r.fail("unknown_country", "names a country that isn't one; write ISO 3166 codes separated by |")
			}
		}
	}
	return countrySet{codes: strings.ReplaceAll(s, "|", ""), not: not}
}

func (r *record) hs() hsSet {
	set := parseHS(r.text())
	for _, h := range set {
		if len(h[0]) < 2 || len(h[0]) != len(h[1]) || h[1] < h[0] || digitsOf(h[0]+h[1]) != h[0]+h[1] {
			r.fail("malformed", "is no list of HS codes like 24|2203-2208")
		}
	}
	return set
}

// dates reads valid_from, valid_to, source and confidence, the last four columns of every table.
func (r *record) dates(id string) row {
	w := row{id: id, validFrom: r.text(), validTo: r.text()}
	if w.from = day(w.validFrom); w.from == 0 {
		r.at--
		r.fail("malformed", "is no day like 2026-07-01")
	}
	if w.validTo != "" {
		if w.to = day(w.validTo); w.to < w.from {
			r.fail("out_of_range", "is no day after valid_from")
		}
	}
	w.trust(r)
	return w
}

func (w *row) trust(r *record) {
	if w.source = r.text(); w.source == "" {
		r.fail("required", "must name where the rule is written")
	}
	switch strings.TrimPrefix(r.text(), "unverified-") {
	case "high":
		w.confidence = High
	case "medium":
		w.confidence = Medium
	case "low":
		w.confidence = Low
	default:
		r.fail("unknown", "is none of high, medium and low")
	}
}

// note files a row under its id. No two rows may have one id, nor hold on one day for the same case: the same
// in every column that tells rules of that table apart.
func (p *Pack) note(r *record, w *row) {
	if r.bad != nil {
		return
	}
	if _, ok := p.rows[w.id]; ok || w.id == "" {
		r.at = 1
		r.fail("stands_twice", "stands twice")
		return
	}
	p.rows[w.id] = w
	if r.apart == nil {
		return
	}
	var b strings.Builder
	b.WriteString(r.table)
	for _, column := range r.apart {
		b.WriteString("," + r.cells[slices.Index(r.head, column)])
	}
	for _, other := range p.cases[b.String()] {
		if (w.to == 0 || other.from <= w.to) && (other.to == 0 || w.from <= other.to) {
			r.at = 1 + slices.Index(r.head, "valid_from")
			r.fail("overlaps", "overlaps "+other.id+", which holds "+other.span()+"; end that row first")
		}
	}
	p.cases[b.String()] = append(p.cases[b.String()], w)
}

func (w *row) span() string {
	if w.validTo == "" {
		return "from " + w.validFrom
	}
	return "from " + w.validFrom + " to " + w.validTo
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
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return 0
	}
	return n
}

func (p *Pack) takeCountry(r *record) {
	code := r.country()
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
	g := &regime{country: r.country(), origins: r.countries(), shipFrom: r.countries(), channels: r.channels()}
	g.seller, g.notSeller = r.seller()
	if g.mode = r.text(); !slices.Contains(modes, g.mode) {
		r.fail("unknown_duty_mode", "is no known duty mode")
	}
	if g.measure = r.text(); !slices.Contains(measures, g.measure) {
		r.fail("unknown", "is no known measure")
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

// schemeUnits are what the limit of a scheme is tested on. A consignment with goods that the scheme excludes is
// out of it whole; consignment_goods leaves out those goods alone.
var schemeUnits = []string{"consignment", "consignment_goods", "item", "item_cif", "any"}

func (p *Pack) takeScheme(r *record) {
	id := r.text()
	s := &scheme{name: r.text()}
	country := r.country()
	s.word = r.cells[r.at]
	s.seller, _ = r.seller()
	s.currency = r.currency()
	s.limit, s.below, s.unit = r.minor(s.currency), r.below(), r.text()
	if !slices.Contains(schemeUnits, s.unit) {
		r.fail("unknown", "is none of "+strings.Join(schemeUnits, ", "))
	}
	s.channels = r.channels()
	s.freight, s.duty, s.dutyFree, s.deemed, s.mandatory = r.yes(), r.text() == "flag", r.yes(), r.yes(), r.yes()
	s.excluded, s.code = r.hs(), r.text()
	s.row = r.dates(id)
	p.schemes[country] = append(p.schemes[country], s)
	p.note(r, &s.row)
}

func (p *Pack) takeTax(r *record) {
	id := r.text()
	country := r.country()
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
	s := &stateRow{word: "US_" + state}
	s.region, s.code, s.label, s.rate = state, "SALES_TAX", "tax.sales_tax", r.percent()
	s.shipping, s.clothing, s.exempt = r.text() == "taxable", r.text(), r.minor("USD")
	s.row = r.dates(id)
	p.states[state] = append(p.states[state], s)
	p.note(r, &s.row)
}

func (p *Pack) takeDuty(r *record) {
	id := r.text()
	importer := r.country()
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
	f.importer, f.origins, f.rate = r.country(), r.countries(), r.percent()
	f.row = r.dates(id)
	p.preferences = append(p.preferences, f)
	p.note(r, &f.row)
}

func (p *Pack) takeFee(r *record) {
	id := r.text()
	country := r.country()
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
	t := &territory{country: r.country(), regions: strings.Split(r.text(), "|"), alias: countrySet{codes: strings.ReplaceAll(r.text(), "|", "")}}
	t.region = t.regions[0]
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
		r.fail("stands_twice", "stands twice")
	}
	p.goods[code] = r.text()
}
