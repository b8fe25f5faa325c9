package journeys

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/cldr"
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

// onSolved tells of a solved ticket. Whoever wished for another day was promised word of it: they get it once the ticket
// is solved, if a new day was heard of since they asked. Else whoever solved it has written, or nothing has changed.
func (s *Service) onSolved(tx *db.Tx, e support.TicketSolvedEvent) error {
	if err := heard(s, s.solved)(tx, e); err != nil {
		return err
	}
	if e.Reason != support.ReasonReschedule || s.Parcels == nil || e.Order == "" {
		return nil
	}
	asked, err := db.One(tx, scanStep, `select `+stepColumns+` from journey_steps where key = $1 and journey = $2 and ticket = $3 order by at limit 1`, e.Order, moves, e.Number)
	if errors.Is(err, db.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	o, err := s.Orders.Get(tx, order.ID(e.Order))
	if err != nil {
		return err
	}
	p, ok, err := s.movable(tx, o.ID)
	if err != nil {
		return err
	}
	step := Step{Journey: moves, Key: e.Order, Customer: e.Customer, Market: o.Market, Outcome: NotSent, Reason: "no_new_day", Ticket: e.Number}
	if !ok || p.From == "" || !p.RangeAt.After(asked.At) {
		return say(tx, step)
	}
	msg := messaging.Message{Key: "moved:" + e.Ticket, Customer: e.Customer, Market: o.Market, Country: o.Country, Region: o.Address.Region, Lang: o.Lang, Template: "moved", Order: e.Order,
		Vars: s.known("moved", s.movedVars(o, p))}
	switch {
	case address.CanText(o.Phone):
		msg.Channel, msg.To = messaging.SMS, o.Phone
	case o.Email != "":
		msg.Channel, msg.To = messaging.Email, strings.ToLower(o.Email)
	default:
		step.Reason = "no_channel"
		return say(tx, step)
	}
	sent, err := s.Messages.Send(tx, msg)
	if err != nil && !isBadInput(err) {
		return err
	}
	if step.Reason = "bad_input"; err == nil {
		step.Outcome, step.Reason, step.Detail, step.Message = outcome(sent), sent.Gate.Why, string(sent.Channel), sent.ID
	}
	return say(tx, step)
}

// movedVars are the words about a new day of delivery.
func (s *Service) movedVars(o order.Order, p fulfilment.ParcelState) map[string]string {
	l := cldr.For(o.Lang + "-" + string(o.Country))
	from, to := span(l, p.From, cmp.Or(p.To, p.From))
	if to != from {
		from += "-" + to
	}
	vars := map[string]string{"order": o.Number, "name": o.Address.GivenName, "from": from}
	if m, ok := s.Markets.ByCode(o.Market); ok && p.WindowStart.In(m.Location()).Format(time.DateOnly) == p.From && !p.WindowEnd.IsZero() {
		vars["t1"], vars["t2"] = p.WindowStart.In(m.Location()).Format("15:04"), p.WindowEnd.In(m.Location()).Format("15:04")
	}
	return vars
}
