package landed

import "portolan/internal/money"

// assess works the border's charges out in the currency of the destination's customs, whose steps they are rounded to,
// and converts them once (rule data: landed cost, sections 1.3 and 5). It leaves q as it is where no rate leads there.
func (p *Pack) assess(r *Request, q *Quote, local money.Currency) error {
	there, ok := r.exchange(r.Currency, local)
	if !ok {
		return nil
	}
	back := there.inverse()
	inLocal := *r
	inLocal.Currency = local
	if r.CarrierFee.Minor > 0 {
		fee, ok := there.of(r.CarrierFee.Minor)
		if !ok {
			return nil
		}
		inLocal.CarrierFee = money.Amount{Minor: fee, Currency: local}
	}
	l, err := p.Quote(&inLocal)
	if err != nil {
		return err
	}
	if len(l.Charges) != len(q.Charges) || len(l.Lines) != len(q.Lines) {
		return nil
	}
	converted := func(a money.Amount) money.Amount {
		minor, ok := back.of(a.Minor)
		if !ok {
			err = refuse(ErrTooLarge, "lines", "out_of_range", "come to more than can be reckoned")
		}
		return money.Amount{Minor: minor, Currency: r.Currency}
	}
	for i := range q.Lines {
		q.Lines[i].Duty.Minor, q.Lines[i].Tax.Minor = 0, 0
	}
	for i := range q.Charges {
		h, theirs := &q.Charges[i], &l.Charges[i]
		if h.Code != "CARRIER" && h.Scheme == "" {
			h.Base, h.Amount = converted(theirs.Base), converted(theirs.Amount)
		}
		q.spread(h, &l)
	}
	q.add()
	return err
}

// spread gives a charge of duty or tax to its line, or to all in proportion to what they bear of it in another quote.
func (q *Quote) spread(h *Charge, by *Quote) {
	part := func(l *LineQuote) *money.Amount {
		if h.Kind == Tax {
			return &l.Tax
		}
		return &l.Duty
	}
	switch {
	case h.Kind == Fee:
	case h.Line >= 0:
		part(&q.Lines[h.Line]).Minor += h.Amount.Minor
	default:
		share(h.Amount.Minor, len(q.Lines), func(i int) int64 { return part(&by.Lines[i]).Minor }, func(i int, minor int64) { part(&q.Lines[i]).Minor += minor })
	}
}

// add sums the quote's figures up from its charges.
func (q *Quote) add() {
	sums := map[Kind]int64{}
	var now, later int64
	for i := range q.Charges {
		h := &q.Charges[i]
		sums[h.Kind] += h.Amount.Minor
		if h.When == AtBorder {
			later += h.Amount.Minor
		} else {
			now += h.Amount.Minor
		}
	}
	q.Duty.Minor, q.Tax.Minor, q.Fees.Minor = sums[Duty], sums[Tax], sums[Fee]
	q.AtCheckout.Minor, q.AtBorder.Minor = now, later
	q.Total.Minor = q.Goods.Minor + q.Shipping.Minor + q.Duty.Minor + q.Tax.Minor + q.Fees.Minor
}
