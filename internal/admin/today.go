package admin

import (
	"net/http"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
)

type todayView struct {
	Needs   []need
	Orders  int64
	Paid    int64
	Sent    int64
	Texts   int64 // of those sent, by SMS: mail servers give no receipts
	Arrived int64
	Replied int64
	Open    int64
	Left    int64
	Carts   bool
	Markets []marketDay
	Costs   []messaging.Cost
	Recent  []order.Order
	Names   map[string]string
}

// need is something that waits for a person.
type need struct {
	Kind, Text, Hint, URL string
	Count                 int64
}

type marketDay struct {
	Market                          market.Market
	Orders, Paid                    int64
	Total                           money.Amount
	Sent, Texts, Delivered, Replied int64
}

// today is how things stand, what needs a person first.
func (c *console) today(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title, p.Live.Every = p.T("console.menu_today"), "3s"
	since := midnight(p.Now, c.Zone)
	v := todayView{}
	for _, g := range p.Menu {
		for _, i := range g.Items {
			if i.Count > 0 {
				v.Needs = append(v.Needs, need{i.ID, p.N("console.need_"+i.ID, i.Count), p.T("console.need_" + i.ID + "_hint"), i.URL, i.Count})
			}
		}
	}
	takings, err := c.Orders.Takings(tx, since)
	if err != nil {
		return err
	}
	totals, err := c.Messages.Stats(tx, since)
	if err != nil {
		return err
	}
	costs := map[money.Currency]int{}
	for _, m := range c.Markets.All() {
		day := marketDay{Market: m, Total: money.Of(0, m.Currency)}
		for _, t := range takings {
			if t.Market == m.Code && t.Total.Currency == m.Currency {
				day.Orders, day.Paid, day.Total = t.Placed, t.Paid, t.Total
			}
		}
		for _, t := range totals {
			if t.Market == m.Code {
				day.Sent, day.Delivered, day.Replied = day.Sent+t.Sent, day.Delivered+t.Delivered, day.Replied+t.Replied
				if t.Channel == messaging.SMS {
					day.Texts += t.Sent
				}
			}
		}
		if m.State == market.Draft && day.Orders == 0 {
			continue
		}
		v.Markets = append(v.Markets, day)
		v.Orders, v.Paid = v.Orders+day.Orders, v.Paid+day.Paid
	}
	for _, t := range totals {
		v.Sent, v.Arrived, v.Replied = v.Sent+t.Sent, v.Arrived+t.Delivered, v.Replied+t.Replied
		if t.Channel == messaging.SMS {
			v.Texts += t.Sent
		}
		if t.Cost.Micros == 0 {
			continue
		}
		i, ok := costs[t.Cost.Currency]
		if !ok {
			i = len(v.Costs)
			costs[t.Cost.Currency] = i
			v.Costs = append(v.Costs, messaging.Cost{Currency: t.Cost.Currency})
		}
		v.Costs[i].Micros += t.Cost.Micros
	}
	if c.Carts != nil {
		v.Carts = true
		if v.Open, v.Left, err = c.Carts.Unfinished(tx, since); err != nil {
			return err
		}
	}
	if v.Recent, _, err = c.Orders.List(tx, order.Filter{}, order.Page{Limit: 8}); err != nil {
		return err
	}
	v.Names, err = c.names(tx, v.Recent)
	p.Data = v
	return err
}

func midnight(now time.Time, zone *time.Location) time.Time {
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// names are the names on the orders' parcels, by order.
func (c *console) names(tx *db.Tx, orders []order.Order) (map[string]string, error) {
	ids := make([]string, 0, len(orders))
	for _, o := range orders {
		ids = append(ids, o.Customer)
	}
	people, err := c.Customers.ByIDs(tx, ids)
	all := map[string]string{}
	for _, o := range orders {
		name := o.Address.Name()
		if name == "" {
			name = people[o.Customer].Name()
		}
		if name == "" {
			name = o.Email + o.Phone
		}
		all[string(o.ID)] = name
	}
	return all, err
}
