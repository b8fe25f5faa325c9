package journeys

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
)

// confirmBy is after how long a confirmation goes by e-mail only: a text about yesterday's order alarms.
const confirmBy = 24 * time.Hour

// confirm tells the buyer at once that the money arrived: by SMS in their language, and by e-mail with every
// line. It is part of the purchase and needs no consent. Orders from other shops go the same way.
func (s *Service) confirm(tx *db.Tx, e order.PaidEvent) error {
	before, err := decisions(tx, `journey = 'confirm' and key = $1`, string(e.Order))
	if err != nil || len(before) > 0 {
		return err
	}
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return err
	}
	d := Decision{Journey: "confirm", Key: string(o.ID), Customer: o.Customer, Market: o.Market, Outcome: NotSent}
	if o.State == order.Cancelled {
		d.Reason = "cancelled"
		return note(tx, d)
	}
	m, _ := s.Markets.ByCode(o.Market)
	vars := s.orderVars(o, m)
	said := false
	text := func(key, to string, ch messaging.Channel, vars map[string]string) error {
		r, err := s.Messages.Send(tx, messaging.Message{Key: key + string(o.ID), Customer: o.Customer, To: to, Channel: ch, Market: o.Market,
			Country: o.Country, Region: o.Address.Region, Lang: o.Lang, Template: "confirm", Vars: vars, Order: string(o.ID), Cart: o.Cart, FactAt: e.FactAt})
		d := d
		d.Message, d.Outcome = r.ID, outcome(r)
		d.Reason, d.Detail = r.Gate.Why, string(ch)
		if err != nil {
			d.Reason, d.Outcome = "bad_input", NotSent
			if !isBadInput(err) {
				return err
			}
		}
		said = true
		return note(tx, d)
	}
	late := !e.FactAt.IsZero() && tx.Now().Sub(e.FactAt) > confirmBy
	switch {
	case o.Phone == "":
	case late:
		d.Reason, d.Detail = "too_late", "sms"
		if err := note(tx, d); err != nil {
			return err
		}
	case !address.CanText(o.Phone):
		d.Reason, d.Detail = "no_mobile", "sms"
		if err := note(tx, d); err != nil {
			return err
		}
	default:
		short := map[string]string{"name": vars["name"], "order": vars["order"], "items": vars["items"], "from": vars["from"], "to": vars["to"]}
		if err := text("confirm:", o.Phone, messaging.SMS, short); err != nil {
			return err
		}
	}
	if o.Email != "" {
		if err := text("confirm-mail:", strings.ToLower(o.Email), messaging.Email, vars); err != nil {
			return err
		}
	}
	if !said {
		d.Reason, d.Detail = "no_channel", ""
		return note(tx, d)
	}
	return nil
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

// orderVars are the words about an order for its messages.
func (s *Service) orderVars(o order.Order, m market.Market) map[string]string {
	l := cldr.For(o.Lang + "-" + string(o.Country))
	from, to := days(l, o)
	vars := map[string]string{
		"name": o.Address.GivenName, "order": o.Number, "items": items(o.Lines), "from": from, "to": to,
		"ship_to": strings.Join(address.Lines(o.Address, o.Lang), ", "), "lines": bill(o, l), "total": l.Money(o.Total),
	}
	if s.Pages.Order != nil {
		vars["link"] = s.Pages.Order(o, o.Lang)
	}
	return vars
}

// days writes the promised days as short as the language has them.
func days(l *cldr.Locale, o order.Order) (from, to string) {
	f, err := time.Parse(time.DateOnly, o.DeliverFrom)
	if err != nil {
		return "", ""
	}
	t, err := time.Parse(time.DateOnly, o.DeliverTo)
	if err != nil {
		t = f
	}
	return l.Date(f, cldr.Day), l.Date(t, cldr.Day)
}

// items names what was bought: "2 x Linen dress, Scarf".
func items(lines []order.Line) string {
	var all []string
	for _, l := range lines {
		if l.Quantity > 1 {
			all = append(all, fmt.Sprintf("%d x %s", l.Quantity, l.Title))
			continue
		}
		all = append(all, l.Title)
	}
	return strings.Join(all, ", ")
}

// bill is the order as rows of text and amount with a tab between: what was bought, then the landed cost line by
// line as the buyer saw it before paying.
func bill(o order.Order, l *cldr.Locale) string {
	p := i18n.For(o.Lang + "-" + string(o.Country))
	var b strings.Builder
	row := func(label string, a money.Amount) {
		fmt.Fprintf(&b, "%s\t%s\n", strings.ReplaceAll(label, "\t", " "), l.Money(a))
	}
	for _, x := range o.Lines {
		label := x.Title
		var options []string
		for _, v := range x.Options {
			options = append(options, v)
		}
		if slices.Sort(options); len(options) > 0 {
			label += " (" + strings.Join(options, ", ") + ")"
		}
		if x.Quantity > 1 {
			label = fmt.Sprintf("%d x %s", x.Quantity, label)
		}
		row(label, x.Total)
	}
	for _, c := range []struct {
		key string
		a   money.Amount
	}{
		{"goods", o.Goods}, {"discount", o.Discount.Neg()}, {"shipping", o.Shipping}, {"duty", o.Duty}, {"tax", o.Tax}, {"fees", o.Fees},
	} {
		if !c.a.IsZero() || c.key == "shipping" {
			row(p.T("journeys."+c.key), money.Of(c.a.Minor, o.Total.Currency))
		}
	}
	row(p.T("journeys.total"), o.Total)
	return strings.TrimSuffix(b.String(), "\n")
}
