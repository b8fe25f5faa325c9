package landed

import (
	"slices"

	"portolan/internal/fault"
	"portolan/internal/money"
)

// line is one line of the request while it is being worked out. price: minor units of the price currency;
// everything else is in the result's currency.
type line struct {
	key

	price      int64 // after discount, without tax
	gross      int64 // after discount, with tax if the request's prices have it
	taxed      int64 // goods with their tax, of prices that include it
	goods      int64
	discount   int64
	freight    int64
	value      int64
	duty       int64
	tax        int64
	raw        int64 // for sharing a rounded levy
	regime     *regime
	preference *preference
	rates      [2]*taxRow
	relieved   bool // no duty by a threshold
	sale       bool // taxed at sale
	exempt     bool // no consumption tax
	confidence Confidence
}

// key is what the order of lines goes by.
type key struct {
	in    *Line
	index int
	hs    string
	named string // description as customs compare it
}

func (l *line) rate() int64 {
	var sum int64
	for _, t := range l.rates {
		if t != nil {
			sum += t.rate
		}
	}
	return sum
}

// calc is the working out of one request.
type calc struct {
	p        *Pack
	r        *Request
	q        *Quote
	err      error
	day      int32
	at       place
	facts    *country
	tables   string // whose duty rows: EU, GB, US …
	channel  channelSet
	border   When
	seller   registration
	nexus    bool
	anyState bool
	inside   bool // no border between
	scheme   *scheme
	lines    []line
	keys     []key
	runs     []run

	price        money.Currency
	toResult     fraction
	goods        int64 // all lines, price currency
	shipping     int64 // net, price currency
	freight      int64 // shipping and insurance, result's currency
	taxedFreight int64 // the same with its tax, of prices that include it
	cif          int64 // price currency
	levies       []levy
	groups       []taxGroup
	proofs       []string
}

// Quote works out the landed cost of r. It returns ErrUnusable, ErrTooManyLines, ErrBeforeRules,
// ErrNoExchangeRate or ErrTooLarge, with the fields at fault, when r can't be answered.
func (p *Pack) Quote(r *Request) (Quote, error) {
	if err := r.check(); err != nil {
		return Quote{}, err
	}
	c := p.scratch.Get().(*calc)
	q := Quote{Pack: p.version, Confidence: High, Incoterm: r.Incoterm}
	if q.Incoterm == "" {
		q.Incoterm = DDP
	}
	c.begin(p, r, &q)
	c.work()
	err := c.err
	var local money.Currency
	if !c.inside && c.facts != nil && c.facts.currency != r.Currency {
		local = c.facts.currency
	}
	c.end()
	p.scratch.Put(c)
	if err == nil && local != "" {
		err = p.assess(r, &q, local)
	}
	if err != nil {
		return Quote{}, err
	}
	return q, nil
}

func (c *calc) begin(p *Pack, r *Request, q *Quote) {
	runs := c.runs
	lines, keys, levies, groups, proofs := c.lines[:0], c.keys[:0], c.levies[:0], c.groups[:0], c.proofs[:0]
	*c = calc{p: p, r: r, q: q, lines: lines, keys: keys, runs: runs, levies: levies, groups: groups, proofs: proofs}
	y, m, d := r.Date.Date()
	c.day = int32(y*10000 + int(m)*100 + d)
	c.border = AtCheckout
	if q.Incoterm == DAP {
		c.border = AtBorder
	}
	switch r.Channel {
	case Postal:
		c.channel = byPost
	case Freight:
		c.channel = byFreight
	default:
		c.channel = byCourier
	}
	if r.Flags.CrossBorderRetail {
		c.channel |= byCBEC
	}
	c.at = p.locate(&r.Destination)
	c.sellerIn(r.Registrations)
	c.price = r.priceCurrency()
}

// end lets go of what belongs to the request.
func (c *calc) end() {
	clear(c.lines)
	clear(c.keys)
	clear(c.levies)
	clear(c.groups)
	clear(c.proofs)
	c.r, c.q, c.err = nil, nil, nil
}

func (c *calc) failed() bool { return c.err != nil }

func (c *calc) fail(f *fault.Fault, field, code, remedy string) {
	if c.err == nil {
		c.err = refuse(f, field, code, remedy)
	}
}

// sum guards what comes out of wide arithmetic.
func (c *calc) sum(n int64, ok bool) int64 {
	if !ok {
		c.fail(ErrTooLarge, "lines", "out_of_range", "come to more than can be reckoned")
		return 0
	}
	return n
}

func (c *calc) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: c.r.Currency}
}

// fx is the rate from one currency to another; without one the request can't be answered.
func (c *calc) fx(from, to money.Currency) fraction {
	f, ok := c.r.exchange(from, to)
	if !ok {
		c.fail(ErrNoExchangeRate, "fx."+string(from), "required", "must lead from "+string(from)+" to "+string(to))
		return fraction{1, 1}
	}
	return f
}

func (c *calc) work() {
	c.lay()
	c.inside = c.at.free(c.r.ShipFrom)
	c.findTaxes()
	c.net()
	if c.failed() {
		return
	}
	if c.inside {
		c.q.Assumptions = append(c.q.Assumptions, "goods_in_free_circulation", "seller_accounts_for_tax_at_destination")
		for i := range c.lines {
			c.lines[i].sale = true
		}
	} else {
		c.openBorder()
		if c.failed() {
			return
		}
		if c.at.dutyFree(c.r.ShipFrom) {
			c.assume("goods_in_free_circulation")
			c.q.Regime = ""
		} else {
			c.chooseScheme()
			c.duties()
		}
	}
	c.taxes()
	if !c.inside {
		c.fees()
	}
	if c.r.CarrierFee.Minor > 0 {
		c.charge(Charge{Line: -1, Kind: Fee, Code: "CARRIER", Label: "fee.carrier", Amount: c.r.CarrierFee, When: c.border, Source: "request"})
	}
	if !c.failed() {
		c.total()
	}
}

// within reports whether an amount of the price currency, times mul / div, stays within a limit.
func (c *calc) within(minor, mul, div, limit int64, in money.Currency, below bool) bool {
	f := c.fx(c.price, in)
	if minor > (1<<62)/mul || limit > (1<<62)/div {
		return false
	}
	left, right := times(minor*mul, f.num), times(limit*div, f.den)
	if below {
		return left.less(right)
	}
	return !right.less(left)
}

// use notes that a row had a part in the quote, which is as good as its worst row.
func (c *calc) use(w *row, l *line) {
	c.q.Confidence = min(c.q.Confidence, w.confidence)
	index := -1
	if l != nil {
		l.confidence = min(l.confidence, w.confidence)
		index = l.index
	}
	if w.confidence == Low {
		c.review(Review{Line: index, Code: "low_confidence_rule", Rule: w.id})
	}
}

func (c *calc) review(v Review) {
	for i := range c.q.Reviews {
		o := &c.q.Reviews[i]
		if o.Line == v.Line && o.Code == v.Code && o.Rule == v.Rule {
			return
		}
	}
	if v.Low.Currency == "" {
		v.Low, v.High = c.amount(v.Low.Minor), c.amount(v.High.Minor)
	}
	c.q.Reviews = append(c.q.Reviews, v)
}

func (c *calc) assume(code string) {
	if !slices.Contains(c.q.Assumptions, code) {
		c.q.Assumptions = append(c.q.Assumptions, code)
	}
}

func (c *calc) charge(h Charge) {
	if c.q.Charges == nil {
		per := 1
		if c.tables == "US" {
			per = 3 // general rate, list against China, forced labour
		}
		c.q.Charges = make([]Charge, 0, per*len(c.lines)+3)
	}
	c.q.Charges = append(c.q.Charges, h)
}

// levied is a charge by the book.
func (c *calc) levied(l *line, k Kind, code, label string, rate, base, amount int64, w *row, when When) {
	h := Charge{
		Line: -1, Kind: k, Code: code, Label: label, Rate: money.Rate{Coef: rate, Scale: 6},
		Base: c.amount(base), Amount: c.amount(amount), Rule: w.id, Source: w.source, ValidFrom: w.validFrom, When: when,
	}
	if l != nil {
		h.Line = l.index
	}
	c.charge(h)
}

func (c *calc) total() {
	q := c.q
	var goods, duty, tax, fee, now, later int64
	q.Lines = make([]LineQuote, len(c.lines))
	for i := range c.lines {
		l := &c.lines[i]
		goods += l.goods
		q.Lines[l.index] = LineQuote{
			Key: l.in.Key, Goods: c.amount(l.goods), Discount: c.amount(l.discount), Freight: c.amount(l.freight),
			CustomsValue: c.amount(l.value), Duty: c.amount(l.duty), Tax: c.amount(l.tax), Confidence: l.confidence,
		}
	}
	for i := range q.Charges {
		h := &q.Charges[i]
		switch h.Kind {
		case Duty:
			duty += h.Amount.Minor
		case Tax:
			tax += h.Amount.Minor
		case Fee:
			fee += h.Amount.Minor
		}
		if h.When == AtBorder {
			later += h.Amount.Minor
		} else {
			now += h.Amount.Minor
		}
	}
	q.Goods, q.Shipping = c.amount(goods), c.amount(c.freight)
	q.Duty, q.Tax, q.Fees = c.amount(duty), c.amount(tax), c.amount(fee)
	q.Total = c.amount(goods + c.freight + duty + tax + fee)
	q.AtCheckout, q.AtBorder = c.amount(now), c.amount(later)
}
