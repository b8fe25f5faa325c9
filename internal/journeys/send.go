package journeys

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/pricing"
	"portolan/internal/support"
)

// guardName is the guard that the gate asks about every message of a journey.
const guardName = "journey"

// hands do what a step decides. The live ones write; those of a simulation only say what would be.
type hands interface {
	plan(v *view, m messaging.Message) (messaging.Record, error)
	send(v *view, m messaging.Message) (messaging.Record, error)
	code(v *view, r pricing.CodeRule) (string, error)
	void(v *view, code string) error
	ticket(v *view, n *Node) (number string, err error)
	tag(v *view, tag string) error
	call(v *view, n *Node) error
}

// send asks the gate and sends. What needs consent is planned first: an offer that has to wait waits here, so that
// everything is looked at anew at its hour and its code begins to live when it leaves.
func (v *view) send(d *Definition, n *Node, h hands) (next string, stay bool, err error) {
	r := v.run
	if at := n.Hours.next(v.now, v.zone()); at.After(v.now) {
		return v.hold(n, at, "courtesy_hours", "")
	}
	if n.Within > 0 && v.now.Sub(r.At) > n.Within.D() {
		return v.unsent(n, "too_late", "")
	}
	msg, why, err := v.message(d, n)
	if err != nil {
		return "", false, err
	}
	if why != "" {
		return v.unsent(n, why, string(msg.Channel))
	}
	reward, err := v.reward(d, n)
	if err != nil {
		return "", false, err
	}
	if reward != nil {
		why, err := v.unsellable(*reward)
		if err != nil {
			return "", false, err
		}
		if why != "" {
			return v.unsent(n, why, "")
		}
	}
	if asks(n.Class) {
		plan, err := h.plan(v, msg)
		if err != nil {
			return v.refused(n, err)
		}
		switch plan.Gate.Verdict {
		case messaging.Hold:
			return v.hold(n, plan.Gate.Until, plan.Gate.Why, whyNot(plan.Gate))
		case messaging.Go:
		default:
			return v.unsent(n, plan.Gate.Why, whyNot(plan.Gate))
		}
		if r.Arm == Control {
			r.Reward = ""
			v.note(n, Withheld, "control", string(plan.Channel))
			return n.Next, false, nil
		}
	}
	code := ""
	if reward != nil {
		if code, err = h.code(v, *reward); err != nil {
			return "", false, err
		}
		msg.Vars["code"] = code
	}
	sent, err := h.send(v, msg)
	if err != nil {
		return v.refused(n, err)
	}
	o := outcome(sent)
	if o == NotSent && code != "" {
		if err := h.void(v, code); err != nil {
			return "", false, err
		}
	}
	r.Reward = ""
	if o == NotSent {
		next, stay, err = v.unsent(n, sent.Gate.Why, whyNot(sent.Gate))
	} else {
		r.Sent++
		next = n.Next
		v.note(n, o, sent.Gate.Why, string(sent.Channel))
	}
	last := &r.steps[len(r.steps)-1]
	last.Message, last.Code = sent.ID, code
	return next, stay, err
}

// hold keeps the run where it is until a moment.
func (v *view) hold(n *Node, until time.Time, reason, detail string) (string, bool, error) {
	r := v.run
	if n.Within > 0 && until.After(r.At.Add(n.Within.D())) {
		return v.unsent(n, "too_late", strings.TrimSpace(reason+" "+detail))
	}
	if r.State != Holding || !r.Due.Equal(until) {
		v.note(n, Waits, reason, "until "+until.UTC().Format(time.RFC3339))
	}
	r.State, r.Reason, r.Due = Holding, reason, until.UTC()
	return "", true, nil
}

// unsent goes on without the message, the other way if there is one.
func (v *view) unsent(n *Node, reason, detail string) (string, bool, error) {
	v.note(n, NotSent, reason, detail)
	if n.Else != "" {
		return n.Else, false, nil
	}
	if n.Next == "" {
		v.end(Exited, reason)
		return "", true, nil
	}
	return n.Next, false, nil
}

// refused is for a message that can't be put together: the run goes on without it.
func (v *view) refused(n *Node, err error) (string, bool, error) {
	if !isBadInput(err) {
		return "", false, err
	}
	return v.unsent(n, "bad_input", err.Error())
}

func whyNot(d messaging.Decision) string {
	var all []string
	for _, r := range d.Reasons {
		all = append(all, strings.TrimSpace(r.Code+" "+r.Detail))
	}
	return strings.Join(all, "; ")
}

func outcome(r messaging.Record) Outcome {
	switch r.State {
	case messaging.Held:
		return Waits
	case messaging.Dropped, messaging.Expired, messaging.Failed:
		return NotSent
	}
	return Sent
}

// message puts a node's message together. why says that nobody can be reached by it.
func (v *view) message(d *Definition, n *Node) (m messaging.Message, why string, err error) {
	r := v.run
	o, err := v.order()
	if err != nil {
		return m, "", err
	}
	c, err := v.cart()
	if err != nil {
		return m, "", err
	}
	shop, known := v.s.Markets.ByCode(r.Market)
	if !known && r.Market != "" && asks(n.Class) {
		return m, "market_closed", nil
	}
	reaches, why, err := v.reaches(n, shop)
	if err != nil || why != "" {
		return messaging.Message{Channel: first(n.Channels)}, why, err
	}
	m = messaging.Message{
		Key: fmt.Sprintf("%s:%s:%d", r.ID, n.ID, r.Visits[n.ID]), Customer: r.Customer, Channel: reaches[0].Channel, To: reaches[0].To, Market: r.Market, Lang: r.Lang,
		Template: n.Template, Class: n.Class, Order: r.Order, Cart: cmp.Or(r.Cart, o.Cart), FactAt: v.factAt(n),
	}
	taken, err := v.books.words(r.Journey, r.Version)
	if err != nil {
		return m, "", err
	}
	m.Pins = taken[n.Template]
	if asks(n.Class) {
		m.Guard = guardName
	}
	if !n.Only {
		m.Else = reaches[1:]
	}
	switch {
	case o.ID != "":
		m.Country, m.Region, m.Lang = o.Country, o.Address.Region, cmp.Or(o.Lang, m.Lang)
	case c.ID != "":
		m.Country, m.Region, m.Lang = c.Country, c.Address.Region, cmp.Or(c.Lang, m.Lang)
	}
	if n.Within > 0 {
		m.NotAfter = r.At.Add(n.Within.D())
	}
	vars, err := v.vars(n, shop)
	if err != nil {
		return m, "", err
	}
	if m.Link, err = v.link(n, shop); err != nil {
		return m, "", err
	}
	m.Vars = map[string]string{}
	widest := m.Channel
	if slices.ContainsFunc(m.Else, func(r messaging.Reach) bool { return r.Channel == messaging.Email }) {
		widest = messaging.Email
	}
	for _, name := range v.s.Messages.Vars(n.Template, widest) {
		if value := vars[name]; value != "" {
			m.Vars[name] = value
		}
	}
	return m, "", nil
}

// factAt is the fact that latency is measured from: only the first message of a run follows its fact at once.
func (v *view) factAt(n *Node) time.Time {
	if n.Class == messaging.Transactional && v.run.Event.Event != "" {
		return v.run.Event.At
	}
	return time.Time{}
}

func first(all []messaging.Channel) messaging.Channel {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// reaches lists the person's addresses in the order in which the node wants them.
func (v *view) reaches(n *Node, shop market.Market) (all []messaging.Reach, why string, err error) {
	r := v.run
	o, err := v.order()
	if err != nil {
		return nil, "", err
	}
	p, err := v.person()
	if err != nil {
		return nil, "", err
	}
	phone, email := cmp.Or(r.Phone, o.Phone, p.Phone), strings.ToLower(cmp.Or(r.Email, o.Email, p.Email))
	want := n.Channels
	switch {
	case len(want) > 0:
	case n.Class == messaging.Transactional:
		want = []messaging.Channel{messaging.SMS, messaging.Email} // no consent is asked for these
	default:
		want = channels(shop)
	}
	var near []messaging.Reach
	if slices.ContainsFunc(want, beside) {
		if near, err = v.s.Messages.Near(v.tx, r.Customer, phone); err != nil {
			return nil, "", err
		}
	}
	for _, ch := range want {
		switch {
		case beside(ch):
			for _, x := range near {
				if x.Channel == ch {
					all = append(all, x)
				}
			}
		case ch == messaging.SMS && phone != "" && !address.CanText(phone):
			why = "no_mobile"
		case ch == messaging.SMS && phone != "":
			all = append(all, messaging.Reach{Channel: ch, To: phone})
		case ch == messaging.Email && email != "":
			all = append(all, messaging.Reach{Channel: ch, To: email})
		}
	}
	if len(all) == 0 {
		return nil, cmp.Or(why, "no_channel"), nil
	}
	return all, "", nil
}

// channels are those a market asks consent for, in its order. Where it names neither SMS nor e-mail both come last:
// chats and browsers are only of those who opened them.
func channels(m market.Market) (all []messaging.Channel) {
	reaching := false
	for _, c := range m.ConsentChannels {
		ch := messaging.Channel(c)
		phoned := ch == messaging.SMS || ch == messaging.Email
		if phoned || beside(ch) {
			all = append(all, ch)
		}
		reaching = reaching || phoned
	}
	if !reaching {
		all = append(all, messaging.SMS, messaging.Email)
	}
	return all
}

// beside are channels that only people have who asked for them.
func beside(ch messaging.Channel) bool {
	return ch == messaging.WhatsApp || ch == messaging.Telegram || ch == messaging.Push
}

// reward is the rule of the code that the message will carry; nil for none. A market without an amount gets none, and
// no message that promises one.
func (v *view) reward(d *Definition, n *Node) (*pricing.CodeRule, error) {
	r := v.run
	at, ok := d.node(r.Reward)
	if r.Reward == "" || !ok || at.Reward == nil {
		return nil, nil
	}
	rule, ok := at.Reward.rule(r.Market, cmp.Or(at.Reward.Campaign, r.Journey), v.now)
	if !ok {
		return nil, fmt.Errorf("journey %s has no amount for market %s: %w", r.Journey, r.Market, ErrBadRule)
	}
	if r.Cart != "" {
		rule.Cart = r.Cart
	} else {
		rule.Customer = r.Customer
	}
	return &rule, nil
}

// rule is the rule of the codes that a reward gives in a market; false where it has no amount for it.
func (w *Reward) rule(m market.Code, campaign string, now time.Time) (pricing.CodeRule, bool) {
	rule := pricing.CodeRule{Market: m, Campaign: campaign, ValidTo: now.Add(w.Life.D()), MaxUses: 1, Minimums: w.Minimums}
	if w.Percent > 0 {
		rule.Kind, rule.Percent = pricing.PercentOff, percent(w.Percent)
		return rule, true
	}
	_, ok := w.Amounts[m]
	rule.Kind, rule.Amounts = pricing.AmountOff, w.Amounts
	return rule, ok
}

// unsellable says why a code for a bag would not be taken for what is in it: nobody is promised what the checkout refuses.
func (v *view) unsellable(r pricing.CodeRule) (why string, err error) {
	c, err := v.cart()
	if err != nil || r.Cart == "" || c.Quote == nil {
		return "", err
	}
	use := pricing.CodeUse{Market: c.Market, Cart: c.ID, Customer: c.Customer, Subtotal: money.Of(0, c.Currency)}
	for _, l := range c.Quote.Lines {
		p, _, err := v.s.Articles.Variant(l.SKU)
		if err != nil {
			continue
		}
		use.Goods = append(use.Goods, pricing.Piece{SKU: l.SKU, TaxCategory: p.TaxCategory, Quantity: l.Quantity, Total: l.Total})
		use.Subtotal.Minor += l.Total.Minor
	}
	switch err := v.s.Codes.Room(v.tx, r, use); fault.Of(err).Code {
	case pricing.ErrCodeFloor.Code:
		return "margin_floor", nil
	case pricing.ErrCodeMinimum.Code:
		return "below_minimum", nil
	default:
		if fault.Of(err).Kind == fault.Internal {
			return "", err
		}
	}
	return "", nil
}

// live are the hands of a run that is real.
type live struct{ s *Service }

func (l live) plan(v *view, m messaging.Message) (messaging.Record, error) {
	if needsCode(l.s.Messages.Vars(m.Template, messaging.Email)) {
		m.Vars["code"] = "XXXXXXXXXX"
	}
	m.Guard = ""
	return l.s.Messages.Plan(v.tx, m)
}

func needsCode(vars []string) bool { return slices.Contains(vars, "code") }

func (l live) send(v *view, m messaging.Message) (messaging.Record, error) {
	return l.s.Messages.Send(v.tx, m)
}

func (l live) code(v *view, r pricing.CodeRule) (string, error) {
	c, err := l.s.Codes.Issue(v.tx, r)
	return c.Code, err
}

func (l live) void(v *view, code string) error { return l.s.Codes.Void(v.tx, code) }

func (l live) ticket(v *view, n *Node) (string, error) {
	if l.s.Tickets == nil {
		return "", nil
	}
	r := v.run
	t := support.Ticket{Key: fmt.Sprintf("%s:%s:%d", r.ID, n.ID, r.Visits[n.ID]), Queue: n.Queue, Title: n.Title, Customer: r.Customer, Order: r.Order, Cart: r.Cart,
		Parcel: r.Parcel, Market: r.Market, Lang: r.Lang, Reason: cmp.Or(n.Reason, "journey"), Source: support.FromJourney, OpenedBy: r.Journey}
	if n.Urgent {
		t.Priority = support.High
	}
	t, err := l.s.Tickets.Open(v.tx, t)
	return t.Number, err
}

func (l live) tag(v *view, tag string) error { return addTag(v.tx, v.run.Customer, tag) }

func (l live) call(v *view, n *Node) error {
	return l.s.queue.Add(v.tx, callJob{Run: v.run.ID, Node: n.ID, Visit: v.run.Visits[n.ID], URL: n.URL}, when(v.run.ID))
}
