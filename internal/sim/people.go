package sim

import (
	"fmt"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/payment/fakepsp"
)

// place is where people of a market live. Their numbers begin like mobile numbers there; nothing of it leaves this
// process.
type place struct {
	line1, city, region, postcode, zone, mobile string
	first                                       int // of the numbers
}

var places = map[string][]place{
	"us": {
		{"350 5th Ave", "New York", "NY", "10118", "America/New_York", "+1917", 2_000_000}, {"1200 Wilshire Blvd", "Los Angeles", "CA", "90017", "America/Los_Angeles", "+1213", 2_000_000},
		{"233 S Wacker Dr", "Chicago", "IL", "60606", "America/Chicago", "+1312", 2_000_000}, {"600 Congress Ave", "Austin", "TX", "78701", "America/Chicago", "+1512", 2_000_000},
	},
	"de": {{"Torstraße 12", "Berlin", "", "10119", "Europe/Berlin", "+491512", 2_000_000}, {"Marienplatz 8", "München", "", "80331", "Europe/Berlin", "+491512", 5_000_000}},
	"gb": {{"10 Baker Street", "London", "", "NW1 6XE", "Europe/London", "+447400", 200_000}, {"5 Deansgate", "Manchester", "", "M3 2BA", "Europe/London", "+447400", 500_000}},
	"id": {{"Jl. Sudirman 5", "Jakarta Selatan", "DKI Jakarta", "12190", "Asia/Jakarta", "+62812", 20_000_000}},
	"my": {{"Jalan Ampang 8", "Kuala Lumpur", "Kuala Lumpur", "50450", "Asia/Kuala_Lumpur", "+6012", 2_000_000}},
}

var codes = []string{"us", "de", "gb", "id", "my"}

// zones are those of the places, read once.
var zones = func() map[string]*time.Location {
	all := map[string]*time.Location{}
	for _, some := range places {
		for _, p := range some {
			loc, err := time.LoadLocation(p.zone)
			if err != nil {
				loc = time.UTC
			}
			all[p.zone] = loc
		}
	}
	return all
}()

// person is somebody who came to pay at least once.
type person struct {
	n      int
	market string
	*place
	loc     *time.Location
	lang    string
	phone   string
	email   string
	consent bool
	agreed  time.Time // when consent counts from: at once, or at the second step
	stopped time.Time
	visits  []*visit
	asked   []time.Time // promotional and service messages that came, over all addresses
	offered []time.Time // those that are promotional here
}

// visit is a bag, from its first piece on.
type visit struct {
	*person
	n       int // of the person's
	token   string
	cart    string
	why     string // "", "repurchase", "again"
	code    string // that a message brought
	left    time.Time
	went    bool // has left the payment page without paying
	back    bool // comes back by themselves
	by      string
	id      order.ID
	number  string
	tried   time.Time // to pay, last by themselves
	paidAt  time.Time
	arrived time.Time

	confirmations []came
	reminders     map[string]bool
	surveys       int
}

// came is a message that came, perhaps more than once.
type came struct {
	channel messaging.Channel
	message string // the shop's id
	times   int
}

func (v *visit) name() string { return fmt.Sprintf("%s-%d/%d", v.market, v.person.n, v.n) }

// visitors puts a day's visits on the agenda; those who only look are counted.
func (w *world) visitors(day int) {
	b := w.Behaviour
	from := w.Start.AddDate(0, 0, day)
	week := 0.0
	for _, x := range b.Weekdays {
		week += x
	}
	for _, code := range codes {
		m, f := b.Markets[code], w.report.funnel(code)
		n := int(float64(b.VisitsPerDay)*m.Share*b.Weekdays[from.Weekday()]*7/week + .5)
		f.Visits += int64(n)
		for i := range n {
			if !w.dice.yes(m.Cart, "cart", code, day, i) {
				continue
			}
			where := &places[code][int(w.dice.draw("place", code, day, i)*float64(len(places[code])))]
			loc := zones[where.zone]
			hour := w.dice.pick(b.Hours[:], "hour", code, day, i)
			y, mo, d := from.Date()
			at := time.Date(y, mo, d, hour, 0, int(w.dice.draw("second", code, day, i)*3600), 0, loc)
			if at.Before(from) {
				at = at.Add(24 * time.Hour)
			}
			at = at.Add(time.Duration(i) * time.Microsecond)
			w.people++
			p := &person{n: w.people, market: code, place: where, loc: loc, phone: fmt.Sprintf("%s%d", where.mobile, where.first+w.people),
				email: fmt.Sprintf("shopper-%d@example.com", w.people), consent: w.dice.yes(m.Consent, "consent", code, day, i)}
			w.at(at, func() error { return w.fill(p, "") })
		}
	}
}

// fill puts pieces into a new bag. Most go on to the payment page.
func (w *world) fill(p *person, why string) error {
	m, ok := w.app.Markets.ByCode(market.Code(p.market))
	if !ok {
		return market.ErrUnknown
	}
	p.lang = m.Language()
	v := &visit{person: p, n: len(p.visits), why: why}
	p.visits = append(p.visits, v)
	goods := w.goods[p.market]
	var changes []checkout.Change
	for i := range 1 + w.dice.pick(w.Behaviour.Pieces, "pieces", v.name()) {
		changes = append(changes, checkout.Add(goods[int(w.dice.draw("piece", v.name(), i)*float64(len(goods)))], 1))
	}
	var bag struct{ Token, ID string }
	err := w.ask(&bag, func() error {
		c, err := w.app.Checkout.Begin(w.ctx, checkout.Start{Market: m.Code, Lang: p.lang}, changes...)
		bag.Token, bag.ID = c.Token, c.ID
		return err
	})
	if err != nil {
		return w.leaves(v, err)
	}
	v.token, v.cart = bag.Token, bag.ID
	w.report.funnel(p.market).Carts++
	if why == "" && !w.dice.yes(w.Behaviour.Markets[p.market].Payment, "payment page", v.name()) {
		return nil
	}
	w.after(w.dice.between([2]float64{1, 6}, time.Minute, "typing", v.name()), func() error { return w.details(v) })
	return nil
}

// details is the address, the boxes and the way of delivery.
func (w *world) details(v *visit) error {
	p := v.person
	m, _ := w.app.Markets.ByCode(market.Code(p.market))
	w.phones[p.phone], w.phones[p.email], w.carts[v.cart] = p, p, v
	const given = "Sam"
	to := address.Address{GivenName: given, FamilyName: "Sample", Line1: p.line1, City: p.city, Region: p.region, Postcode: p.postcode, Country: string(m.Country()), Phone: p.phone}
	say := i18n.For(m.Locale(p.lang))
	var boxes []checkout.Consent
	for _, ch := range m.ConsentChannels {
		text := say.T("checkout.consent_"+ch, "brand", "Miana")
		if m.DoubleOptIn {
			text += say.T("checkout.consent_double")
		}
		boxes = append(boxes, checkout.Consent{Channel: customer.Channel(ch), Class: customer.Promotional, Granted: p.consent, Text: text, Wording: "checkout." + ch + "/sim"})
	}
	err := w.ask(nil, func() error {
		_, err := w.app.Checkout.Change(w.ctx, v.token, 0, checkout.SetContact(checkout.Contact{GivenName: given, FamilyName: "Sample", Email: p.email, Phone: p.phone}),
			checkout.SetAddress(to), checkout.SetConsents(boxes, m.Prefix(p.lang)+"/checkout/details", ""))
		return err
	})
	if err != nil {
		return w.leaves(v, err)
	}
	if p.consent && p.agreed.IsZero() && p.stopped.IsZero() && !m.DoubleOptIn {
		p.agreed = w.now()
	}
	if err := w.deliver(v); err != nil {
		return w.leaves(v, err)
	}
	w.report.funnel(p.market).Checkouts++
	w.after(w.dice.between([2]float64{1, 4}, time.Minute, "paying", v.name()), func() error {
		if v.why == "" && w.dice.yes(w.Behaviour.Markets[p.market].Abandoned, "abandons", v.name()) {
			return w.abandon(v)
		}
		v.by = "direct"
		return w.pays(v)
	})
	return nil
}

// deliver chooses how the parcel comes.
func (w *world) deliver(v *visit) error {
	return w.ask(nil, func() error { return w.chooseService(v) })
}

func (w *world) chooseService(v *visit) error {
	var options []checkout.Quote
	err := w.app.DB.Read(w.ctx, func(tx *db.Tx) error {
		c, err := w.app.Checkout.Get(tx, v.token)
		if err == nil {
			options, err = w.app.Checkout.Options(tx, c)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(options) == 0 {
		return fulfilment.ErrNoService
	}
	_, err = w.app.Checkout.Change(w.ctx, v.token, 0, checkout.Choose(options[int(w.dice.draw("service", v.name())*float64(len(options)))].Option.Service))
	return err
}

// abandon leaves the payment page.
func (w *world) abandon(v *visit) error {
	v.left, v.went = w.now(), true
	w.report.funnel(v.market).Abandoned++
	if v.back = w.dice.yes(w.Behaviour.ComesBack, "comes back", v.name()); v.back {
		w.after(w.dice.between([2]float64{20, 40 * 60}, time.Minute, "back after", v.name()), func() error { v.by = "direct"; return w.comeBack(v) })
	}
	return nil
}

// comeBack opens the bag again and pays, with the code of a message if there is one.
func (w *world) comeBack(v *visit) error {
	if !v.paidAt.IsZero() {
		return nil
	}
	if v.code != "" && w.dice.yes(w.Behaviour.UsesCode, "uses code", v.name()) {
		err := w.ask(nil, func() error { _, err := w.app.Checkout.Change(w.ctx, v.token, 0, checkout.Code(v.code)); return err })
		if err != nil {
			if fault.Of(err).Kind == fault.Internal {
				return err
			}
			w.net.count("codes refused", 1)
		}
	}
	if err := w.deliver(v); err != nil {
		return w.leaves(v, err)
	}
	return w.pays(v)
}

// card is the means of payment, which decides what the test provider says.
func (w *world) card(v *visit) string {
	want := fakepsp.Success
	b, x := w.Behaviour, w.dice.draw("card", v.name())
	switch {
	case x < b.Declined:
		want = fakepsp.Insufficient
	case x < b.Declined+b.LostAnswer:
		want = fakepsp.HiddenSuccess
	case x < b.Declined+b.LostAnswer+b.LateSuccess:
		want = fakepsp.LateSuccess
	}
	for _, c := range fakepsp.Cards() {
		if c.Scenario == want {
			return c.Number
		}
	}
	return ""
}

// pays is a shopper who goes to pay. From then on the desk's time for the order counts, so that it is the same day's work
// although the shop was killed meanwhile.
func (w *world) pays(v *visit) error {
	v.tried = w.now()
	return w.pay(v)
}

func (w *world) pay(v *visit) error {
	if !v.paidAt.IsZero() {
		return nil
	}
	number := w.card(v)
	do := func(number string) (state checkout.OutcomeState, err error) {
		err = w.ask(&state, func() error {
			o, err := w.app.Checkout.Pay(w.ctx, checkout.PayRequest{Token: v.token, Method: "card", Instrument: number, ReturnURL: baseURL + "/return", BaseURL: baseURL})
			state = o.State
			return err
		})
		return state, err
	}
	state, err := do(number)
	if f := fault.Of(err).Code; err != nil && (f == checkout.ErrQuoteChanged.Code || f == checkout.ErrCartChanged.Code) {
		if err := w.deliver(v); err != nil {
			return w.leaves(v, err)
		}
		state, err = do(number)
	}
	underWay, err := w.underWay(v, state, err)
	if err != nil {
		return w.leaves(v, err)
	}
	if underWay {
		return nil
	}
	w.report.outcomes[string(state)]++
	if state == checkout.DeclinedOutcome {
		if w.dice.yes(.5, "another card", v.name()) {
			state, err := do(fakepsp.Cards()[0].Number)
			_, err = w.underWay(v, state, err)
			return err
		}
		if !v.went {
			return w.abandon(v)
		}
	}
	return nil
}

// underWay reports whether the shop said that a payment is under way, where processes are killed. It may have been killed in the
// middle of it, and will soon know that it was in vain: who doesn't know whether they paid comes back then.
func (w *world) underWay(v *visit, state checkout.OutcomeState, err error) (bool, error) {
	if w.journal == nil {
		return false, err
	}
	paying := err != nil && fault.Of(err).Code == checkout.ErrPaying.Code
	if paying {
		err = nil
	}
	if err == nil && (paying || state != checkout.PaidOutcome && state != checkout.DeclinedOutcome) {
		w.after(10*time.Minute, func() error { return w.pay(v) })
	}
	return paying, err
}

// leaves is for what keeps a shopper from going on. What is the shop's own fault is an error.
func (w *world) leaves(v *visit, err error) error {
	f := fault.Of(err)
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return fmt.Errorf("shopper %s: %w", v.name(), err)
	}
	w.report.refused[f.Code]++
	return nil
}

// paid is the shop's news of an order.
func (w *world) paid(id order.ID, cart, number string) {
	v := w.carts[cart]
	if v == nil || v.id == id {
		return
	}
	if v.id != "" {
		w.laws.broken("orders", "two orders of one bag: "+number)
	}
	v.id, v.number, v.paidAt = id, number, w.now()
	w.orders[number] = v
	f := w.report.funnel(v.market)
	f.Paid++
	switch {
	case v.by == "recovered":
		f.Recovered++
	case v.why == "again":
		f.Again++
	case v.why != "":
		f.Repurchased++
		f.Without++
	default:
		f.Without++
	}
	w.at(v.tried.Add(w.dice.between(w.Behaviour.Desk, time.Hour, "desk", v.name())), func() error { return w.handOver(v) })
	if len(v.visits) == 1 && w.dice.yes(w.Behaviour.Repurchase, "buys again", v.name()) {
		w.after(w.dice.between([2]float64{15, 60}, 24*time.Hour, "again after", v.name()), func() error { return w.fill(v.person, "repurchase") })
	}
}

// handOver is what the desk does: label and carrier.
func (w *world) handOver(v *visit) error {
	return w.ask(nil, func() error { return w.atTheDesk(v) })
}

func (w *world) atTheDesk(v *visit) error {
	return w.app.DB.Write(w.ctx, func(tx *db.Tx) error {
		all, err := w.app.Shipments.ByOrder(tx, v.id)
		if err != nil {
			return err
		}
		for _, one := range all {
			if !one.Open() {
				continue
			}
			if one, err = w.app.Shipments.Number(tx, one.ID); err != nil {
				return err
			}
			if one, err = w.app.Shipments.Ready(tx, one.ID, one.Version, "desk"); err != nil {
				return err
			}
			if _, err = w.app.Shipments.HandOver(tx, one.ID, one.Version, "desk"); err != nil {
				return err
			}
		}
		return nil
	})
}

// delivered is the shop's news that all of an order has come.
func (w *world) delivered(number string, at time.Time) {
	if v := w.orders[number]; v != nil {
		v.arrived = at
		w.report.funnel(v.market).Delivered++
	}
}

// arrives is a message on a phone or in a mailbox: laws look at it, and people may answer.
func (w *world) arrives(s sent) {
	p := w.phones[s.To]
	if p == nil {
		w.laws.broken("known people", "nobody has the address of a message "+s.Template)
		return
	}
	w.report.messages[[3]string{p.market, s.Template, string(s.Channel)}]++
	v := p.visits[len(p.visits)-1]
	if about := w.orders[s.Vars["order"]]; about != nil {
		v = about
	}
	if w.journal != nil && !s.Repeat {
		w.report.Wire[fmt.Sprintf("%s to %s by %s about %s", s.Template, s.To, s.Channel, v.name())]++
	}
	w.laws.wire(w, p, v, s)
	switch s.Template {
	case "optin":
		if p.agreed.IsZero() && p.stopped.IsZero() && w.dice.yes(w.Behaviour.Markets[p.market].Confirms, "confirms", p.n) {
			token := s.Vars["link"][strings.LastIndex(s.Vars["link"], "/")+1:]
			w.after(w.dice.between([2]float64{1, 600}, time.Minute, "confirms after", p.n, s.Channel), func() error { return w.confirm(p, token) })
		}
	case "confirm":
		if s.Channel == messaging.SMS && s.Kind.TwoWay() && w.dice.yes(w.Behaviour.Asks, "asks", v.name()) {
			w.after(w.dice.between([2]float64{5, 300}, time.Minute, "asks after", v.name()), func() error { return w.reply(p, s, "INFO") })
		}
	case "cart":
		v.code = s.Vars["code"]
		if !v.back && w.dice.yes(w.Behaviour.Recovered, "recovered", v.name()) && len(v.reminders) == 1 {
			w.after(w.dice.between([2]float64{10, 20 * 60}, time.Minute, "recovered after", v.name()), func() error { v.by = "recovered"; return w.comeBack(v) })
		}
		w.offended(p, s)
	case "again":
		if len(p.visits) == 1 && !w.dice.yes(w.Behaviour.Repurchase, "buys again", v.name()) && w.dice.yes(w.Behaviour.Again, "tempted", v.name()) {
			w.after(w.dice.between([2]float64{1, 240}, time.Hour, "tempted after", v.name()), func() error { return w.fill(p, "again") })
		}
		w.offended(p, s)
	case "survey", "review":
		if s.Template == "survey" && v.surveys == 1 && w.dice.yes(w.Behaviour.Rates, "rates", v.name()) {
			number := 1 + w.dice.pick(w.Behaviour.Ratings[:], "rating", v.name())
			text := fmt.Sprint(number)
			if w.dice.yes(w.Behaviour.Comments, "comments", v.name()) {
				text = "It was all right, thank you"
			}
			w.after(w.dice.between([2]float64{2, 2000}, time.Minute, "rates after", v.name()), func() error { return w.reply(p, s, text) })
		}
		w.offended(p, s)
	}
}

// offended lets some ask for silence.
func (w *world) offended(p *person, s sent) {
	if !w.dice.yes(w.Behaviour.Leaves, "stop", p.n, s.Template) {
		return
	}
	w.after(w.dice.between([2]float64{1, 90}, time.Minute, "stop after", p.n, s.Template), func() error { return w.reply(p, s, "STOP") })
}

// reply is an answer: by text where the sender can be answered, else on the page that the message links to.
func (w *world) reply(p *person, s sent, text string) error {
	f, now := w.report.funnel(p.market), w.now()
	var rated bool
	err := w.ask(&rated, func() error {
		return w.app.DB.Write(w.ctx, func(tx *db.Tx) (err error) {
			var r messaging.Reaction
			switch {
			case s.Channel == messaging.SMS && s.Kind.TwoWay():
				r, err = w.app.Messages.Receive(tx, messaging.Inbound{Provider: s.provider, Ref: s.Message + " " + text, Channel: messaging.SMS, From: p.phone, To: s.Sender, Text: text})
			default:
				m, err2 := w.app.Messages.Get(tx, s.Message)
				if err2 != nil {
					return err2
				}
				if text == "STOP" {
					_, err = w.app.Messages.Leave(tx, m.Token)
				} else {
					r, err = w.app.Messages.ReplyByPage(tx, m.Token, text)
				}
			}
			rated = r.Inbound.Rating > 0
			return err
		})
	})
	switch {
	case err != nil && fault.Of(err).Kind != fault.Internal:
		w.net.count("answers refused: "+fault.Of(err).Code, 1)
		return nil
	case err != nil:
		return err
	case text == "STOP":
		if p.stopped.IsZero() && s.Channel == messaging.SMS && s.Kind.TwoWay() {
			p.stopped = now
		}
		f.Stopped++
	case rated:
		f.Rated++
	}
	return nil
}

// confirm is the second step of a double opt-in.
func (w *world) confirm(p *person, token string) error {
	err := w.ask(nil, func() error {
		return w.app.DB.Write(w.ctx, func(tx *db.Tx) error { _, err := w.app.Customers.Confirm(tx, token, ""); return err })
	})
	switch {
	case err == nil && p.agreed.IsZero():
		p.agreed = w.now()
	case err != nil && fault.Of(err).Kind == fault.Internal:
		return err
	}
	return nil
}
