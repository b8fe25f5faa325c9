package admin

import (
	"errors"
	"net/http"
	"strings"

	"portolan/internal/address"
	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/payment"
)

var orderStates = []string{string(order.Placed), string(order.Paid), string(order.PartlyFulfilled), string(order.Fulfilled), string(order.Completed), string(order.Cancelled)}

type ordersView struct {
	Orders  []order.Order
	Names   map[string]string
	States  []choice
	Markets []choice
	Older   string
	Newest  string
	Asked   bool // something was searched or filtered
}

func (c *console) orders(tx *db.Tx, r *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_orders")
	v := ordersView{States: p.Choices("state", "order", orderStates), Markets: c.marketChoices(p)}
	search := strings.TrimSpace(p.Q("q"))
	f := order.Filter{State: order.State(p.Q("state")), Market: market.Code(p.Q("market")), Search: search}
	v.Asked = search != "" || f.State != "" || f.Market != ""
	var next string
	if isName(search) {
		v.Orders, err = c.ordersByName(tx, search, f)
	} else {
		v.Orders, next, err = c.Orders.List(tx, f, order.Page{After: p.Q("after"), Limit: 40})
	}
	if err != nil {
		return err
	}
	if next != "" {
		v.Older = p.With("after", next)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	}
	if v.Names, err = c.names(tx, v.Orders); err != nil {
		return err
	}
	p.Data = v
	if p.Q("after") == "" {
		p.Live.Every = "5s"
	}
	return nil
}

// isName tells a person's name from a number and an address.
func isName(s string) bool { return s != "" && !strings.ContainsAny(s, "@0123456789") }

// ordersByName finds the orders of the people of that name, the latest people first.
func (c *console) ordersByName(tx *db.Tx, name string, f order.Filter) (all []order.Order, err error) {
	people, err := c.Customers.List(tx, customer.Query{Text: name, Limit: 20})
	if err != nil {
		return nil, err
	}
	f.Search = ""
	for _, person := range people {
		if f.Customers, err = c.Customers.IDs(tx, person.ID); err != nil {
			return nil, err
		}
		found, _, err := c.Orders.List(tx, f, order.Page{Limit: 10})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c *console) marketChoices(p *page) []choice {
	all := []choice{{"", p.T("console.any_market"), p.Q("market") == ""}}
	for _, m := range c.Markets.All() {
		all = append(all, choice{string(m.Code), p.CountryName(string(m.Country())), p.Q("market") == string(m.Code)})
	}
	return all
}

type orderView struct {
	order.Order
	Name     string
	Place    market.Market
	Lines    []string // the address
	Goods    []orderLine
	From     string // the name of the place it ships from
	Payment  *payment.Account
	Refunds  []order.Refund
	MayGive  bool // there is money to give back
	Messages []messaging.Record
	Timeline []moment
	Papers   []leavingRow
}

type orderLine struct {
	order.Line
	Picture, Choice string
}

func (c *console) order(tx *db.Tx, r *http.Request, p *page) error {
	o, err := c.Orders.Get(tx, order.ID(r.PathValue("id")))
	if errors.Is(err, order.ErrUnknown) {
		o, err = c.Orders.ByNumber(tx, r.PathValue("id"))
	}
	if err != nil {
		return err
	}
	v := orderView{Order: o, Name: o.Address.Name(), Lines: address.Lines(o.Address, p.Lang())}
	p.Title, p.Live.Every = p.T("console.order_title", "number", o.Number), "3s"
	v.Place, _ = c.Markets.ByCode(o.Market)
	for _, l := range o.Lines {
		v.Goods = append(v.Goods, orderLine{l, c.picture(l), options(l.Options)})
	}
	v.From = o.Location
	for _, l := range c.Stock.Locations() {
		if l.Code == o.Location {
			v.From = l.Name
		}
	}
	account, err := c.Payments.OfOrder(tx, string(o.ID))
	if err == nil {
		v.Payment = &account
	} else if !errors.Is(err, payment.ErrUnknown) {
		return err
	}
	if v.Refunds, err = c.Orders.Refunds(tx, o.ID); err != nil {
		return err
	}
	v.MayGive = c.Refunds != nil && !o.PaidAt.IsZero() && o.State != order.Cancelled && o.Left(v.Refunds).Minor > 0
	if v.Messages, err = c.messagesOf(tx, o); err != nil {
		return err
	}
	if v.Papers, err = c.papersOf(tx, p, o.ID); err != nil {
		return err
	}
	v.Timeline, err = c.timeline(tx, p, o, v.Payment, v.Messages)
	p.Data = v
	return err
}

// messagesOf are the messages about an order and about the bag it was made from, oldest first.
func (c *console) messagesOf(tx *db.Tx, o order.Order) ([]messaging.Record, error) {
	all, err := c.Messages.ByOrder(tx, string(o.ID))
	if err != nil || o.Cart == "" {
		return all, err
	}
	before, err := c.Messages.List(tx, messaging.Filter{Cart: o.Cart}, messaging.Page{Limit: 50})
	for _, r := range before {
		if r.Order != string(o.ID) {
			all = append(all, r)
		}
	}
	return all, err
}

func (c *console) picture(l order.Line) string {
	switch {
	case l.Image != "" && strings.HasPrefix(l.Image, "/"):
		return l.Image
	case l.Image != "":
		return c.Media + l.Image
	}
	if product, variant, ok := c.Catalog.Snapshot().BySKU(l.SKU); ok {
		if im, _, ok := product.Image(variant.Options["color"]); ok {
			return c.Media + im.File
		}
	}
	return ""
}

func options(o map[string]string) string {
	var all []string
	for _, name := range []string{"color", "size"} {
		if o[name] != "" {
			all = append(all, o[name])
		}
	}
	for name, value := range o {
		if name != "color" && name != "size" {
			all = append(all, value)
		}
	}
	return strings.Join(all, ", ")
}

type reviewsView struct {
	Open, Closed []payment.Review
}

// reviews is money that a person has to look at.
func (c *console) reviews(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_payments")
	v := reviewsView{}
	if v.Open, err = c.Payments.Reviews(tx, false); err != nil {
		return err
	}
	v.Closed, err = c.Payments.Reviews(tx, true)
	v.Closed = v.Closed[:min(len(v.Closed), 20)]
	p.Data = v
	return err
}

func (c *console) closeReview(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	if !p.User.Role.May(auth.Operator) {
		return "", auth.ErrDenied
	}
	return "/console/payments?done=review", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		return c.Payments.CloseReview(tx, r.PathValue("id"), p.User.Name, cut(strings.TrimSpace(r.PostForm.Get("note")), 500))
	})
}

// cut shortens a text to so many characters.
func cut(s string, most int) string {
	if all := []rune(s); len(all) > most {
		return string(all[:most])
	}
	return s
}
