package app

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/demo"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// pastBags is how many bags with a way to write to their owner were left in a market in the past.
var pastBags = map[market.Code]int{"us": 700, "de": 460, "gb": 300, "my": 230, "id": 140}

// unasked is how many bags more were left, of 100, by shoppers who hadn't agreed to be written to.
const unasked = 25

// marketHome is the country that most of a market's orders of the past went to.
var marketHome = map[market.Code]string{"us": "US", "de": "DE", "gb": "GB", "my": "MY", "id": "ID"}

// leftBag is a bag that was left.
type leftBag struct {
	cart    string
	market  market.Code
	lang    string
	at      time.Time // of the message, or when it would have been sent
	control bool
	order   order.Order // that it became; else with the goods and figures it would have had
	who     demo.Person
	channel customer.Channel // on which its owner may be written to
	address string           // there
}

// bag makes an order of the past one that a left bag became, as often as assumed, with the bag's name, and reports whether
// it did.
func (h *history) bag(o *order.Order) bool {
	bags := pastBags[o.Market]
	if o.Source != order.Shop || bags == 0 || string(o.Country) != marketHome[o.Market] {
		return false
	}
	buyers := float64(bags) * ((100-heldOutOfShare)*boughtWritten + heldOutOfShare*boughtHeldOut) / 10_000
	orders := 0
	for _, l := range pastLanes {
		if l.source == order.Shop && l.market == o.Market {
			orders += l.orders
		}
	}
	if h.lots.Float64() >= buyers/float64(orders) {
		return false
	}
	b := h.leave(o.Market, o.Lang)
	b.control = h.lots.IntN((100-heldOutOfShare)*boughtWritten+heldOutOfShare*boughtHeldOut) < heldOutOfShare*boughtHeldOut
	m, _ := h.Markets.ByCode(o.Market)
	b.at = polite(o.PaidAt.Add(-time.Duration(20+h.lots.IntN(300))*time.Minute), m.Location())
	o.Cart = b.cart
	h.left = append(h.left, b)
	return true
}

// leave is the next bag that somebody leaves.
func (h *history) leave(m market.Code, lang string) leftBag {
	n := h.bags[m]
	if h.bags == nil {
		h.bags = map[market.Code]int{}
	}
	h.bags[m]++
	shop, _ := h.Markets.ByCode(m)
	locals := h.peopleOf(shop)
	b := leftBag{cart: fmt.Sprintf("crt_sample_%s_%04d", m, n), market: m, lang: lang, who: locals[n%len(locals)], channel: customer.Mail, address: fmt.Sprintf("%s-%04d@bags.example", m, n)}
	if number := address.Example(marketHome[m]); slices.Contains(shop.ConsentChannels, string(customer.SMS)) && len(number) > 4 {
		b.channel, b.address = customer.SMS, number[:len(number)-3]+fmt.Sprintf("%03d", n%1000)
	}
	return b
}

// polite is a moment, or one of the day before it, in hours in which offers may be written.
func polite(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	hour := local.Hour()
	if hour >= 10 && hour < 19 {
		return at
	}
	y, m, d := local.Date()
	if hour < 10 {
		d--
	}
	return time.Date(y, m, d, 10+local.Minute()*9/60, local.Second(), local.Minute(), 0, zone).UTC()
}

// wrote puts the bags that were left, and what was written about them, into the books.
func (h *history) wrote() error {
	if err := h.leaveMore(); err != nil {
		return err
	}
	var runs []journeys.PastRun
	var messages []messaging.Record
	texts := h.pastTexts()
	for _, b := range h.left {
		runs = append(runs, journeys.PastRun{Journey: "cart", Version: 1, Key: b.cart, Market: b.market, Lang: b.lang, Cart: b.cart, Node: "write", Control: b.control, At: b.at})
		if b.control {
			continue
		}
		r, err := texts(b)
		if err != nil {
			return err
		}
		messages = append(messages, r)
	}
	ids, err := h.Messages.Enter(h.tx, messages)
	if err != nil {
		return err
	}
	for i := range runs {
		if !runs[i].Control {
			runs[i].Message, ids = ids[0], ids[1:]
		}
	}
	if err := h.Journeys.Enter(h.tx, runs); err != nil {
		return err
	}
	return h.leaveUnasked()
}

// leaveMore leaves the bags that nobody bought, and puts all of them into the book.
func (h *history) leaveMore() error {
	count := map[market.Code]int{}
	for _, b := range h.left {
		count[b.market]++
		if err := h.enterBag(b, true); err != nil {
			return err
		}
	}
	for l, m := range h.homes() {
		for ; count[l.market] < pastBags[l.market]; count[l.market]++ {
			at := h.someTime()
			b := h.leave(l.market, m.Language())
			b.at, b.control = polite(at, m.Location()), h.lots.IntN(100) < heldOutOfShare
			h.left = append(h.left, b)
			if err := h.fill(l, b, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// someTime is any minute of the history but its last four days, in which bags may still become orders.
func (h *history) someTime() time.Time {
	return h.tx.Now().Add(-4*24*time.Hour - time.Duration(h.lots.Int64N(int64(historyDays-4)*24*60))*time.Minute)
}

// leaveUnasked leaves bags of shoppers who may not be written to.
func (h *history) leaveUnasked() error {
	for l, m := range h.homes() {
		for range pastBags[l.market] * unasked / 100 {
			b := h.leave(l.market, m.Language())
			b.at = h.someTime()
			if err := h.fill(l, b, false); err != nil {
				return err
			}
			if n := h.bags[l.market]; m.DoubleOptIn && n%2 == 0 { // asked for the second step, which they didn't take
				if err := h.consent(m, b, customer.Ask, b.seen().Add(-5*time.Minute)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// homes are the lanes of each market's own country.
func (h *history) homes() iter.Seq2[past, market.Market] {
	return func(yield func(past, market.Market) bool) {
		seen := map[market.Code]bool{}
		for _, l := range pastLanes {
			m, ok := h.Markets.ByCode(l.market)
			if !ok || l.country != marketHome[l.market] || seen[l.market] {
				continue
			}
			if seen[l.market] = true; !yield(l, m) {
				return
			}
		}
	}
}

// fill puts goods into a bag that nobody bought, and the bag into the book.
func (h *history) fill(l past, b leftBag, agreed bool) (err error) {
	other := *h // whose lots leave those of the orders as they are
	other.r = h.goods
	if b.order, err = other.purchase(l, h.bags[l.market], b.seen()); err != nil {
		return err
	}
	return h.enterBag(b, agreed)
}

// seen is when a bag's owner was last about: two hours before they were written to.
func (b leftBag) seen() time.Time { return b.at.Add(-2 * time.Hour) }

// enterBag puts a bag into the book, with its owner's consent from some days before where they gave one.
func (h *history) enterBag(b leftBag, agreed bool) error {
	o := b.order
	m, _ := h.Markets.ByCode(b.market)
	if agreed {
		if err := h.agreeThen(m, b); err != nil {
			return err
		}
	}
	c := checkout.Cart{ID: b.cart, Market: b.market, Country: market.Country(marketHome[b.market]), Lang: b.lang, Currency: m.Currency, Address: o.Address, Order: o.ID,
		Contact: checkout.Contact{GivenName: b.who.FirstName, FamilyName: b.who.LastName}, CreatedAt: b.seen().Add(-9 * time.Minute), Activity: b.seen()}
	if b.channel == customer.SMS {
		c.Contact.Phone = b.address
	} else {
		c.Contact.Email = b.address
	}
	for _, l := range o.Lines {
		c.Lines = append(c.Lines, checkout.Line{SKU: l.SKU, Quantity: l.Quantity, Seen: l.UnitPrice})
	}
	c.Quote = &checkout.Quote{ID: "sample", At: c.Activity, Expires: c.Activity, Lines: o.Lines, Included: o.TaxIncluded, Goods: o.Goods, Discount: o.Discount, Shipping: o.Shipping,
		Duty: o.Duty, Tax: o.Tax, Fees: o.Fees, Total: o.Total, Pack: o.RulePack, Incoterm: o.Incoterm}
	return h.Checkout.Enter(h.tx, c, o.PlacedAt)
}

// agreeThen writes down that a bag's owner agreed to offers at the checkout, in two steps where the market asks for that.
func (h *history) agreeThen(m market.Market, b leftBag) error {
	at := b.seen().Add(-5 * time.Minute)
	if !m.DoubleOptIn {
		return h.consent(m, b, customer.Grant, at)
	}
	if err := h.consent(m, b, customer.Ask, at); err != nil {
		return err
	}
	return h.consent(m, b, customer.Confirm, at.Add(20*time.Minute))
}

func (h *history) consent(m market.Market, b leftBag, action customer.Action, at time.Time) error {
	for _, box := range boxes(m, b.lang, b.who) {
		if box.Channel != b.channel {
			continue
		}
		c := customer.Consent{Address: b.address, Channel: box.Channel, Class: box.Class, Action: action, Text: box.Text, Wording: box.Wording, Lang: b.lang, Market: m.Code,
			Page: m.Prefix(b.lang) + "/checkout/details", Source: "sample", At: at}
		if _, err := h.Customers.Enter(h.tx, c); err != nil {
			return err
		}
	}
	return nil
}

// pastTexts writes the message about a bag as it would have been, by the gate, once for each market and name.
func (h *history) pastTexts() func(b leftBag) (messaging.Record, error) {
	agreed := func(string, customer.Channel, customer.Class, time.Time) customer.State {
		return customer.State{Granted: true, Confirmed: true, Wording: "sample"}
	}
	gate := h.Messages.Rehearse(messaging.Script{Invented: true, Consent: agreed, Silent: func(string, time.Time) string { return "" }})
	known := map[string]messaging.Record{}
	return func(b leftBag) (messaging.Record, error) {
		country := market.Country(marketHome[b.market])
		key := string(b.market) + b.who.FirstName
		r, ok := known[key]
		if !ok {
			var err error
			m := messaging.Message{Key: "sample:" + key, To: b.address, Channel: messaging.Channel(b.channel), Market: b.market, Country: country, Lang: b.lang, Template: "cart",
				Vars: map[string]string{"name": b.who.FirstName, "code": "RECOVER5XX", "pct": "5"}, Link: h.cfg.PublicURL + "/back/sample", FactAt: b.at}
			if r, err = gate.Plan(h.tx, b.at, m); err != nil {
				return r, err
			}
			known[key] = r
		}
		r.Key, r.Cart, r.FactAt, r.To, r.Reason = "sample:"+b.cart, b.cart, b.seen(), b.address, ""
		r.State, r.CreatedAt, r.QueuedAt, r.WireAt, r.SentAt = messaging.Sent, b.at, b.at, b.at, b.at.Add(300*time.Millisecond)
		if took := time.Duration(900+h.lots.IntN(4000)) * time.Millisecond; r.Channel == messaging.SMS {
			r.State, r.DeliveredAt = messaging.Delivered, b.at.Add(took)
		}
		return r, nil
	}
}
