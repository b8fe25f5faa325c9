package app

import (
	"strings"

	"portolan/internal/customer"
	"portolan/internal/order"
)

// twin gives a customer of the past a second profile: the same phone, another mailbox, as when somebody orders once from
// work. The console suggests that they are one person.
func (h *history) twin() error {
	people, err := h.Customers.List(h.tx, customer.Query{Limit: 200})
	if err != nil {
		return err
	}
	for _, who := range people {
		if who.Phone == "" || who.Email == "" || who.GivenName == "" || who.Country != "DE" {
			continue
		}
		all, _, err := h.Orders.List(h.tx, order.Filter{Customers: []string{who.ID}}, order.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(all) == 0 || all[0].PaidAt.IsZero() {
			continue
		}
		other := who
		other.ID, other.Email = "", strings.SplitN(who.Email, "@", 2)[0]+"@werkstatt.example"
		if other, err = h.Customers.Upsert(h.tx, other); err != nil {
			return err
		}
		o := all[0]
		o.ID, o.Number, o.Cart, o.Payment, o.ExternalRef, o.State = "", "", "", "", "", order.Completed
		o.Customer, o.Email = other.ID, other.Email
		o.PlacedAt, o.PaidAt = o.PlacedAt.AddDate(0, 0, -41), o.PaidAt.AddDate(0, 0, -41)
		if o, _, err = h.Orders.Enter(h.tx, o); err != nil {
			return err
		}
		_, err = h.Tax.RecordSale(h.tx, o)
		return err
	}
	return nil
}
