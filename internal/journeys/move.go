package journeys

import (
	"cmp"
	"slices"

	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/support"
)

// moves is the name under which timelines show what became of a wish for another day.
const moves = "move"

// move sees to a wish for another day of delivery by what the parcel's carrier can do: where it has a page or a telephone
// for that, the person is led to it by the order's own page; else somebody has to ask the carrier, and a ticket says so.
func (s *Service) move(tx *db.Tx, in messaging.Inbound) (m messaging.Move, err error) {
	if s.Parcels == nil || s.Tickets == nil || in.Order == "" || in.Customer == "" {
		return m, nil
	}
	o, err := s.Orders.Get(tx, order.ID(in.Order))
	if err != nil {
		if gone(err) {
			err = nil
		}
		return m, err
	}
	p, ok, err := s.movable(tx, o.ID)
	if err != nil || !ok {
		return m, err
	}
	step := Step{Journey: moves, Key: string(o.ID), Customer: in.Customer, Market: o.Market, Detail: p.Carrier.Name}
	vars := map[string]string{"order": o.Number, "name": o.Address.GivenName}
	page := ""
	if s.Pages.Order != nil {
		page = s.Pages.Order(o, in.Lang)
	}
	if by := p.Carrier.Reschedule; page != "" && p.Carrier.AnotherDay(p.Tracking) != "" {
		step.Outcome, step.Reason = Sent, "carrier_"+by
		return messaging.Move{Template: "move_choose", Vars: s.known("move_choose", vars), Link: page}, say(tx, step)
	}
	t, err := s.Tickets.Open(tx, support.Ticket{Key: "move:" + in.ID, Queue: "delivery", Customer: in.Customer, Order: in.Order, Parcel: string(p.Shipment), Market: o.Market,
		Lang: cmp.Or(in.Lang, o.Lang), Reason: support.ReasonReschedule, Source: support.FromKeyword, Priority: support.High})
	if err != nil {
		return m, err
	}
	vars["ticket"] = t.Number
	step.Outcome, step.Reason, step.Ticket = Opened, "carrier_"+cmp.Or(p.Carrier.Reschedule, "none"), t.Number
	return messaging.Move{Template: "move_asked", Vars: s.known("move_asked", vars), Open: true}, say(tx, step)
}

// known are the variables that a template has.
func (s *Service) known(template string, vars map[string]string) map[string]string {
	all := map[string]string{}
	for _, name := range s.Messages.Vars(template, messaging.Email) {
		if vars[name] != "" {
			all[name] = vars[name]
		}
	}
	return all
}

// movable is the parcel of an order that a wish for another day means: the one that is nearest to its buyer.
func (s *Service) movable(tx *db.Tx, o order.ID) (p fulfilment.ParcelState, ok bool, err error) {
	all, err := s.Parcels.ParcelsOf(tx, o)
	all = slices.DeleteFunc(all, func(p fulfilment.ParcelState) bool {
		return p.Ended() || !p.HandedOver || p.Status == fulfilment.Returning
	})
	if err != nil || len(all) == 0 {
		return p, false, err
	}
	return slices.MaxFunc(all, func(a, b fulfilment.ParcelState) int {
		return cmp.Compare(slices.Index(fulfilment.Statuses, a.Status), slices.Index(fulfilment.Statuses, b.Status))
	}), true, nil
}
