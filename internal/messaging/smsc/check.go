package smsc

import (
	"fmt"
	"slices"
	"strings"

	"portolan/internal/fault"
	"portolan/internal/messaging/smpp"
)

func (f File) check(c *fault.Check) {
	seen := map[string]bool{}
	for i, a := range f.Accounts {
		at := fmt.Sprintf("accounts[%d].", i)
		c.That(a.SystemID != "" && len(a.SystemID) <= 15, at+"system_id", "1_to_15_octets")
		c.That(!seen[a.SystemID], at+"system_id", "named_twice")
		c.That(len(a.Password) <= 8, at+"password", "at_most_8_octets")
		c.That(a.Binds >= 0, at+"binds", "negative")
		c.That(a.Rate >= 0, at+"rate", "negative")
		c.That(a.Window >= 0, at+"window", "negative")
		seen[a.SystemID] = true
	}
	prefixes := map[string]bool{}
	for i, o := range f.Operators {
		at := fmt.Sprintf("operators[%d].", i)
		c.That(o.Name != "", at+"name", "missing_name")
		c.That(len(o.Prefixes) > 0, at+"prefixes", "missing_prefix")
		for k, p := range o.Prefixes {
			place := fmt.Sprintf("%sprefixes[%d]", at, k)
			c.That(p != "" && digits(p), place, "digits_only")
			c.That(!prefixes[p], place, "named_twice")
			prefixes[p] = true
		}
		if o.Plan != nil {
			o.Plan.check(c, at+"plan", true)
		}
	}
	f.Plan.check(c, "plan", false)
	for i, in := range f.Inbound {
		at := fmt.Sprintf("inbound[%d].", i)
		c.That(isNumber(number(strings.ReplaceAll(in.From, "{n}", "1"))), at+"from", "no_phone_number")
		c.That(in.To != "" && digits(number(in.To)), at+"to", "digits_only")
		c.That(in.Times >= 0, at+"times", "negative")
		c.That(in.Times < 2 || in.Every > 0, at+"every", "not_above_0")
		c.That(slices.Contains([]smpp.Long{"", smpp.Header, smpp.Header16, smpp.SAR, smpp.Payload}, in.Long), at+"long", "not_in_the_list")
	}
	for i, p := range f.Phones {
		c.That(isNumber(number(p.Number)), fmt.Sprintf("phones[%d].number", i), "no_phone_number")
	}
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

var (
	statesThatEnd = []smpp.State{smpp.Expired, smpp.Deleted, smpp.Undeliverable, smpp.UnknownState, smpp.Rejected}
	allStates     = append([]smpp.State{smpp.Enroute, smpp.Delivered, smpp.Accepted}, statesThatEnd...)
	idForms       = []IDForm{Decimal, Hex, Padded, Upper, Mixed}
	wordings      = []Wording{Plain, Capitals, Long, AnyWords}
	shapes        = []Shape{Uniform, Exponential, LogNormal}
	outages       = []OutageKind{LinesDown, Refusing, Throttling, Silent, NoReceipts}
)

// check notes what is wrong with a plan; an operator's can't break lines, which belong to nobody's numbers.
func (p *Plan) check(c *fault.Check, at string, operator bool) {
	for name, share := range map[string]float64{
		"early": p.Early, "lost": p.Lost, "doubled": p.Doubled, "reordered": p.Reordered, "interim": p.Interim, "failed": p.Failed,
		"unreachable": p.Unreachable, "throttled": p.Throttled, "answer_lost": p.AnswerLost, "garbled": p.Garbled,
	} {
		c.That(share >= 0 && share <= 1, at+"."+name, "not_a_share")
	}
	sum := p.Failed
	for state, share := range p.Ends {
		c.That(slices.Contains(statesThatEnd, state), at+".ends."+string(state), "not_in_the_list")
		c.That(share >= 0 && share <= 1, at+".ends."+string(state), "not_a_share")
		sum += share
	}
	c.That(sum <= 1, at+".ends", "shares_above_1")
	for state := range p.Codes {
		c.That(slices.Contains(allStates, state), at+".codes."+string(state), "not_in_the_list")
	}
	c.That(p.ReceiptMax == 0 || p.ReceiptMin <= p.ReceiptMax, at+".receipt_max", "below_the_least")
	p.Delay.check(c, at+".delay")
	c.That(slices.Contains(idForms, p.IDs), at+".ids", "not_in_the_list")
	c.That(slices.Contains(wordings, p.Wording), at+".wording", "not_in_the_list")
	c.That(!p.NoTLV || !p.NoText, at+".no_text", "says_nothing")
	c.That(p.Rate >= 0, at+".rate", "negative")
	c.That(p.DisconnectAfter >= 0, at+".disconnect_after", "negative")
	for n := range p.Refuse {
		c.That(isNumber(n), at+".refuse."+n, "no_phone_number")
	}
	c.That(!operator || p.EnquireLink == 0, at+".enquire_link", "not_for_one_operator")
	c.That(!operator || p.RefuseBind == smpp.OK, at+".refuse_bind", "not_for_one_operator")
	for i, o := range p.Outages {
		place := fmt.Sprintf("%s.outages[%d].", at, i)
		c.That(slices.Contains(outages, o.Kind), place+"kind", "not_in_the_list")
		c.That(!operator || o.Kind != LinesDown, place+"kind", "not_for_one_operator")
		c.That(o.For > 0, place+"for", "not_above_0")
		c.That(o.Every == 0 || o.Every >= o.For, place+"every", "below_the_least")
	}
}

func (d *Delay) check(c *fault.Check, at string) {
	if d == nil {
		return
	}
	c.That(slices.Contains(shapes, d.Shape), at+".shape", "not_in_the_list")
	c.That(d.Max == 0 || d.Min <= d.Max, at+".max", "below_the_least")
	switch d.Shape {
	case Exponential:
		c.That(d.Mean > 0, at+".mean", "not_above_0")
	case LogNormal:
		c.That(d.P50 > 0, at+".p50", "not_above_0")
		c.That(d.P95 >= d.P50, at+".p95", "below_the_least")
	case Uniform:
		c.That(d.Mean == 0, at+".mean", "not_for_this_shape")
		c.That(d.P50 == 0 && d.P95 == 0, at+".p50", "not_for_this_shape")
	}
}
