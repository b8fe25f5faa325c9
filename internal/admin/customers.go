package admin

import (
	"net/http"
	"strings"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
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
	Talk     string // where the conversation is
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
	for _, reach := range []struct {
		channel customer.Channel
		to      string
	}{{customer.SMS, who.Phone}, {customer.Mail, who.Email}} {
		if reach.to == "" {
			continue
		}
		state, err := c.Customers.Allowed(tx, reach.to, reach.channel, customer.Promotional)
		if err != nil {
			return err
		}
		v.Standing = append(v.Standing, standing{string(reach.channel), reach.to, state})
		silent, err := c.Customers.Suppressed(tx, reach.to)
		if err != nil {
			return err
		}
		if silent.Address != "" {
			v.Silent = append(v.Silent, silent)
		}
		ledger, err := c.Customers.Ledger(tx, reach.to)
		if err != nil {
			return err
		}
		v.Gaps = append(v.Gaps, customer.Verify(ledger)...)
	}
	if v.Consents, err = c.Customers.Events(tx, who.ID); err != nil {
		return err
	}
	if n := len(v.Consents); n > latestConsents {
		v.Consents, v.More = v.Consents[n-latestConsents:], true
	}
	if v.Orders, _, err = c.Orders.List(tx, order.Filter{Customer: who.ID}, order.Page{Limit: 50}); err != nil {
		return err
	}
	v.Messages, err = c.Messages.List(tx, messaging.Filter{Customer: who.ID}, messaging.Page{Limit: 50})
	p.Data = v
	return err
}
