package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/support"
)

const listLong = 40

type customersView struct {
	People  []customer.Customer
	Markets []choice
	Older   string
	Newest  string
	Asked   bool
	Total   int64
}

func (c *console) customers(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_customers")
	q := customer.Query{Text: strings.TrimSpace(p.Q("q")), Market: market.Code(p.Q("market")), After: p.Q("after"), Limit: listLong}
	v := customersView{Markets: c.marketChoices(p), Asked: q.Text != "" || q.Market != ""}
	if v.People, err = c.Customers.List(tx, q); err != nil {
		return err
	}
	if len(v.People) == listLong {
		v.Older = p.With("after", v.People[listLong-1].ID)
	}
	if q.After != "" {
		v.Newest = p.With("after", "")
	}
	v.Total, err = c.Customers.Count(tx)
	p.Data = v
	return err
}

type customerView struct {
	customer.Customer
	Standing []standing
	Silent   []customer.Suppression
	Consents []customer.Consent
	More     bool // there are older ones
	Gaps     []customer.Gap
	Orders   []order.Order
	Messages []messaging.Record
	Timeline []moment
	Cut      bool     // there is more than the timeline shows
	Journeys []choice // to play with this customer

	Profiles []customer.Customer // of the person; one, or those that were joined
	Joined   []mergeNote
	Alike    []alike // who may be the same person
	names    map[string]string
}

// latestConsents is how many events of a ledger a page shows; evidence has all.
const latestConsents = 40

// standing is what a person may be sent on a channel, now.
type standing struct {
	Channel, To string
	customer.State
}

func (c *console) customer(tx *db.Tx, r *http.Request, p *page) error {
	who, err := c.Customers.Get(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := customerView{Customer: who}
	if p.Title = who.Name(); p.Title == "" {
		p.Title = p.Reach(who.Email + who.Phone)
	}
	if err := c.onePerson(tx, p, &v); err != nil {
		return err
	}
	if err := c.mayWrite(tx, p, &v); err != nil {
		return err
	}
	if v.Consents, err = c.Customers.Events(tx, who.ID); err != nil {
		return err
	}
	if n := len(v.Consents); n > latestConsents {
		v.Consents, v.More = v.Consents[n-latestConsents:], true
	}
	ids, err := c.Customers.IDs(tx, who.ID)
	if err != nil {
		return err
	}
	if v.Orders, _, err = c.Orders.List(tx, order.Filter{Customers: ids}, order.Page{Limit: 50}); err != nil {
		return err
	}
	if v.Messages, err = c.Messages.List(tx, messaging.Filter{Customer: who.ID}, messaging.Page{Limit: 50}); err != nil {
		return err
	}
	if v.Timeline, err = c.life(tx, p, &v); err != nil {
		return err
	}
	if len(v.Timeline) > latestMoments {
		v.Timeline, v.Cut = v.Timeline[:latestMoments], true
	}
	if c.Journeys != nil {
		all, err := c.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		for _, j := range all {
			v.Journeys = append(v.Journeys, choice{j.Name, p.JourneyName(j.Name), j.Name == "cart"})
		}
	}
	p.Data = &v
	return nil
}

// mayWrite is what may be sent to each address of a person, and whether its ledger holds together.
func (c *console) mayWrite(tx *db.Tx, p *page, v *customerView) error {
	for _, one := range v.Profiles {
		for _, s := range p.reached(one) {
			if slices.ContainsFunc(v.Standing, func(x standing) bool { return x.To == s.To }) {
				continue
			}
			var err error
			if s.State, err = c.Customers.Allowed(tx, s.To, customer.Channel(s.Channel), customer.Promotional); err != nil {
				return err
			}
			v.Standing = append(v.Standing, s)
			silent, err := c.Customers.Suppressed(tx, s.To)
			if err != nil {
				return err
			}
			if silent.Address != "" {
				v.Silent = append(v.Silent, silent)
			}
			ledger, err := c.Customers.Ledger(tx, s.To)
			if err != nil {
				return err
			}
			v.Gaps = append(v.Gaps, customer.Verify(ledger)...)
		}
	}
	return nil
}

// latestMoments is how much of what happened to a customer the page tells.
const latestMoments = 100

// life is what happened to a customer over all their orders, the latest first: what they bought, every message with its
// receipt and answers, what journeys decided and why, what they said, and the tickets about them.
func (c *console) life(tx *db.Tx, p *page, v *customerView) (all []moment, err error) {
	for _, o := range v.Orders {
		all = append(all, v.under(o.Customer, p.bought(o)...)...)
	}
	channel := map[string]string{}
	for _, m := range v.Messages {
		channel[m.ID] = p.Word("channel", m.Channel)
		d, err := c.Messages.Inspect(tx, m.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, v.under(m.Customer, p.sent(d)...)...)
	}
	if c.Decisions != nil {
		steps, err := c.Decisions.DecisionsOf(tx, v.ID)
		if err != nil {
			return nil, err
		}
		told, err := c.decisions(tx, p, steps, channel)
		if err != nil {
			return nil, err
		}
		for i := range told {
			told[i].From = v.names[steps[i].Customer]
		}
		all = append(all, told...)
	}
	if c.Journeys != nil {
		ratings, err := c.Journeys.RatingsBy(tx, v.ID, 50)
		if err != nil {
			return nil, err
		}
		for _, x := range ratings {
			all = append(all, v.under(x.Customer, p.rated(x))...)
		}
	}
	tickets, err := c.Support.Tickets(tx, support.TicketFilter{Customer: v.ID}, support.Page{Limit: 50})
	if err != nil {
		return nil, err
	}
	for _, t := range tickets {
		all = append(all, v.under(t.Customer, p.ticketed(t)...)...)
	}
	joined, err := c.mergers(tx, p, v)
	if err != nil {
		return nil, err
	}
	all = append(all, joined...)
	slices.SortStableFunc(all, func(a, b moment) int { return a.At.Compare(b.At) })
	slices.Reverse(all)
	return all, nil
}

// bought is what happened to an order, as far as the order itself says.
func (p *page) bought(o order.Order) (all []moment) {
	say := func(at time.Time, tone, text string) {
		if !at.IsZero() {
			all = append(all, moment{At: at, Tone: tone, Kind: "order", Text: text, Detail: o.Number, URL: "/console/orders/" + string(o.ID)})
		}
	}
	if o.PaidAt.IsZero() || o.PaidAt.Sub(o.PlacedAt) > time.Minute {
		say(o.PlacedAt, "", p.T("console.event_order_placed", "total", o.Total))
	}
	say(o.PaidAt, "good", p.T("console.event_order_paid", "total", o.Total))
	say(o.CancelledAt, "bad", p.T("console.event_order_cancelled"))
	return all
}

// rated is what a customer said.
func (p *page) rated(x journeys.Rating) moment {
	at := moment{At: x.At, Kind: "ratings", Text: p.T("console.rt_said"), Quote: x.Comment, URL: "/console/orders/" + x.Order}
	if sku, ok := strings.CutPrefix(x.Question, journeys.ReviewOf); ok {
		at.Detail = sku
	}
	if x.Score > 0 {
		at.Text = p.T("console.rt_rated", "n", x.Score)
	}
	switch {
	case x.Score >= 4:
		at.Tone = "good"
	case x.Score > 0 && x.Score <= 2:
		at.Tone = "bad"
	}
	return at
}

func (p *page) ticketed(t support.Ticket) []moment {
	what := t.Title
	if what == "" {
		what = p.Word("ib_reason", t.Reason)
	}
	url := "/console/tickets/" + t.Number
	all := []moment{{At: t.OpenedAt, Tone: "warn", Kind: "tickets", Text: p.T("console.tk_event_opened", "number", t.Number), Detail: what, URL: url}}
	if !t.SolvedAt.IsZero() {
		all = append(all, moment{At: t.SolvedAt, Tone: "good", Kind: "tickets", Text: p.T("console.tk_event_solved", "number", t.Number), Detail: t.SolvedBy, URL: url})
	}
	return all
}
