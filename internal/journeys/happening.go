package journeys

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/support"
)

// Happening is an event as journeys see it: what happened when, to whom, and what it is about.
type Happening struct {
	Event    string      `json:"event"`
	At       time.Time   `json:"at"`
	Customer string      `json:"customer,omitempty"`
	Market   market.Code `json:"market,omitempty"`
	Lang     string      `json:"lang,omitempty"`
	Order    string      `json:"order,omitempty"`
	Cart     string      `json:"cart,omitempty"`
	Parcel   string      `json:"parcel,omitempty"`
	Sub      string      `json:"sub,omitempty"`    // tells runs about the same subject apart: a parcel's status and its cause
	Rating   int64       `json:"rating,omitempty"` // event.rating
	Times    int64       `json:"times,omitempty"`  // event.times
	Text     string      `json:"text,omitempty"`   // event.text
	Reason   string      `json:"reason,omitempty"` // event.reason
	Phone    string      `json:"phone,omitempty"`  // where the person left it, if that isn't with the order or customer
	Email    string      `json:"email,omitempty"`

	person []string // profiles of the customer's person, once they were looked up
}

// subjects are what the happening is about, each as it is kept with runs.
func (h Happening) subjects() (all []string) {
	for _, s := range []struct {
		kind Subject
		id   string
	}{{AboutOrder, h.Order}, {AboutCart, h.Cart}, {AboutParcel, h.Parcel}, {AboutPerson, h.Customer}} {
		if s.id != "" {
			all = append(all, string(s.kind)+":"+s.id)
		}
	}
	for _, id := range h.person {
		if id != h.Customer {
			all = append(all, string(AboutPerson)+":"+id)
		}
	}
	return all
}

// speaksOf reports whether the happening is about the same order, cart, parcel or person as a run.
func (h Happening) speaksOf(r *Run, s Subject) bool {
	mine, theirs := r.subject(s), h.subject(s)
	return mine == theirs || s == AboutPerson && mine != "" && slices.Contains(h.person, mine)
}

// subject is what a run about s is about.
func (h Happening) subject(s Subject) string {
	switch s {
	case AboutOrder:
		return h.Order
	case AboutCart:
		return h.Cart
	case AboutParcel:
		return h.Parcel
	}
	return h.Customer
}

// EventKind is one kind of event that journeys know.
type EventKind struct {
	Name    string
	carries []Subject
}

// About reports whether events of the kind say which s they are about.
func (k EventKind) About(s Subject) bool { return slices.Contains(k.carries, s) }

// Events lists what can begin, resume or end a run.
func Events() []EventKind { return slices.Clone(kindList) }

var kindList = []EventKind{
	{"order.placed", []Subject{AboutOrder, AboutCart, AboutPerson}},
	{"order.paid", []Subject{AboutOrder, AboutCart, AboutPerson}},
	{"order.cancelled", []Subject{AboutOrder, AboutPerson}},
	{"order.refunded", []Subject{AboutOrder, AboutPerson}},
	{"order.delivered", []Subject{AboutOrder, AboutPerson}},
	{"checkout.left", []Subject{AboutCart, AboutPerson}},
	{"checkout.recovered", []Subject{AboutCart, AboutOrder, AboutPerson}},
	{"parcel.shipped", parcelSubjects},
	{"parcel.moved", parcelSubjects},
	{"parcel.customs", parcelSubjects},
	{"parcel.customs_held", parcelSubjects},
	{"parcel.customs_action", parcelSubjects},
	{"parcel.customs_cleared", parcelSubjects},
	{"parcel.out_for_delivery", parcelSubjects},
	{"parcel.attempt_failed", parcelSubjects},
	{"parcel.available_for_pickup", parcelSubjects},
	{"parcel.delivered", parcelSubjects},
	{"parcel.exception", parcelSubjects},
	{"parcel.returning", parcelSubjects},
	{"parcel.returned", parcelSubjects},
	{"parcel.corrected", parcelSubjects},
	{"parcel.delayed", parcelSubjects},
	{"replied", []Subject{AboutOrder, AboutCart, AboutPerson}},
	{"rated", []Subject{AboutOrder, AboutPerson}},
	{"person.stopped", []Subject{AboutPerson}},
	{"person.agreed", []Subject{AboutPerson}},
	{"person.erased", []Subject{AboutPerson}},
	{"ticket.opened", []Subject{AboutOrder, AboutPerson}},
	{"ticket.solved", []Subject{AboutOrder, AboutPerson}},
}

var parcelSubjects = []Subject{AboutParcel, AboutOrder, AboutPerson}

var kinds = func() map[string]EventKind {
	all := map[string]EventKind{}
	for _, k := range kindList {
		all[k.Name] = k
	}
	return all
}()

// listen tells the engine of every event it knows. The names of the listeners stay, or what is waiting in their name
// would be lost.
func (s *Service) listen(bus *events.Bus) {
	events.On(bus, "journeys.confirm", s.onPaid)
	events.On(bus, "journeys.placed", heard(s, s.placed))
	events.On(bus, "journeys.cancelled", heard(s, s.cancelled))
	events.On(bus, "journeys.refunded", heard(s, s.wasRefunded))
	events.On(bus, "journeys.recover", heard(s, s.left))
	events.On(bus, "journeys.recovered", heard(s, s.recovered))
	events.On(bus, "journeys.consent", heard(s, s.consented))
	events.On(bus, "journeys.erased", s.onErased)
	events.On(bus, "journeys.merged", s.onMerged)
	events.On(bus, "journeys.replied", s.onReceived)
	events.On(bus, "journeys.rated", heard(s, s.wasRated))
	events.On(bus, "journeys.parcel", heard(s, s.moved))
	events.On(bus, "journeys.delayed", heard(s, s.delayed))
	events.On(bus, "journeys.arrived", heard(s, s.arrived))
	events.On(bus, "journeys.ticket_opened", heard(s, s.opened))
	events.On(bus, "journeys.ticket_solved", s.onSolved)
	events.On(bus, "journeys.recover_ended", s.onEnded)
}

// heard passes on what an event of another package means to journeys, if it means anything.
func heard[E events.Event](s *Service, means func(*db.Tx, E) (Happening, error)) func(*db.Tx, E) error {
	return func(tx *db.Tx, e E) error {
		h, err := means(tx, e)
		if err != nil || h.Event == "" {
			return err
		}
		return s.Happened(tx, h)
	}
}

// meaning reads an entry of the journal as what it means to journeys. One without Event means nothing.
type meaning func(tx *db.Tx, e events.Entry) (Happening, error)

// meanings are those of every topic that the engine listens to.
func (s *Service) meanings() map[string]meaning {
	all := map[string]meaning{}
	means(all, s.placed)
	means(all, s.paid)
	means(all, s.cancelled)
	means(all, s.wasRefunded)
	means(all, s.left)
	means(all, s.recovered)
	means(all, s.consented)
	means(all, s.replied)
	means(all, s.wasRated)
	means(all, s.moved)
	means(all, s.delayed)
	means(all, s.arrived)
	means(all, s.opened)
	means(all, s.solved)
	return all
}

func means[E events.Event](all map[string]meaning, f func(*db.Tx, E) (Happening, error)) {
	var zero E
	all[zero.Topic()] = func(tx *db.Tx, entry events.Entry) (Happening, error) {
		e, err := events.Decode[E](entry)
		if err != nil {
			return Happening{}, err
		}
		return f(tx, e)
	}
}

func (s *Service) placed(_ *db.Tx, e order.PlacedEvent) (h Happening, err error) {
	if e.Paid {
		return h, nil // order.paid says more
	}
	return Happening{Event: "order.placed", At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: string(e.Order), Cart: e.Cart}, nil
}

func (s *Service) onPaid(tx *db.Tx, e order.PaidEvent) error {
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return err
	}
	if err := s.Messages.Bought(tx, messaging.Purchase{Order: string(o.ID), Cart: o.Cart, Customer: o.Customer, Total: o.Total}); err != nil {
		return err
	}
	return s.Happened(tx, paidOf(e, o))
}

func (s *Service) paid(tx *db.Tx, e order.PaidEvent) (Happening, error) {
	o, err := s.Orders.Get(tx, e.Order)
	return paidOf(e, o), err
}

func paidOf(e order.PaidEvent, o order.Order) Happening {
	return Happening{Event: "order.paid", At: e.FactAt, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: string(e.Order), Cart: o.Cart}
}

func (s *Service) cancelled(_ *db.Tx, e order.CancelledEvent) (Happening, error) {
	return Happening{Event: "order.cancelled", At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: string(e.Order), Reason: e.Reason}, nil
}

// wasRefunded tells of money given back; event.reason is "full" when nothing of the order is left.
func (s *Service) wasRefunded(tx *db.Tx, e order.RefundedEvent) (h Happening, err error) {
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return h, err
	}
	all, err := s.Orders.Refunds(tx, e.Order)
	if err != nil {
		return h, err
	}
	back := int64(0)
	for _, r := range all {
		back += r.Amount.Minor
	}
	h = Happening{Event: "order.refunded", Customer: o.Customer, Market: o.Market, Lang: o.Lang, Order: string(o.ID), Reason: "part"}
	if back >= o.Total.Minor {
		h.Reason = "full"
	}
	return h, nil
}

func (s *Service) left(_ *db.Tx, e checkout.LeftEvent) (Happening, error) {
	return Happening{Event: "checkout.left", At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Cart: e.Cart,
		Phone: e.Phone, Email: strings.ToLower(e.Email)}, nil
}

func (s *Service) recovered(_ *db.Tx, e checkout.RecoveredEvent) (Happening, error) {
	return Happening{Event: "checkout.recovered", At: e.At, Customer: e.Customer, Market: e.Market, Cart: e.Cart, Order: string(e.Order)}, nil
}

// consented tells of a person who withdrew or gave consent.
func (s *Service) consented(_ *db.Tx, e customer.ConsentEvent) (h Happening, err error) {
	if e.Customer == "" {
		return h, nil
	}
	h = Happening{At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Reason: string(e.Channel)}
	switch e.Action {
	case customer.Revoke:
		h.Event = "person.stopped"
	case customer.Grant, customer.Confirm:
		h.Event = "person.agreed"
	}
	return h, nil
}

// onReceived tells of an answer. One that rates an order whose survey still waits for it is a rating.
func (s *Service) onReceived(tx *db.Tx, e messaging.ReceivedEvent) error {
	if err := heard(s, s.replied)(tx, e); err != nil {
		return err
	}
	return s.answered(tx, e)
}

func (s *Service) replied(_ *db.Tx, e messaging.ReceivedEvent) (Happening, error) {
	return Happening{Event: "replied", At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: e.Order, Cart: e.Cart, Text: e.Text, Reason: string(e.Intent),
		Rating: e.Rating}, nil
}

func (s *Service) moved(_ *db.Tx, e fulfilment.ParcelEvent) (Happening, error) {
	h := ofParcel(e.ParcelFacts)
	h.Event, h.Sub, h.Reason = "parcel."+string(e.Kind), e.Cause, e.Reason
	return h, nil
}

func (s *Service) delayed(_ *db.Tx, e fulfilment.DelayEvent) (Happening, error) {
	h := ofParcel(e.ParcelFacts)
	h.Event, h.Sub, h.Reason, h.Times, h.At = "parcel.delayed", fmt.Sprintf("%s:%d", e.Cause, e.Times), cmp.Or(e.Reason, e.Cause), int64(e.Times), e.At
	return h, nil
}

func (s *Service) arrived(_ *db.Tx, e fulfilment.AllDeliveredEvent) (Happening, error) {
	return Happening{Event: "order.delivered", At: e.Occurred, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: string(e.Order)}, nil
}

func (s *Service) opened(_ *db.Tx, e support.TicketOpenedEvent) (Happening, error) {
	return Happening{Event: "ticket.opened", At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: e.Order, Cart: e.Cart, Reason: e.Reason}, nil
}

func (s *Service) solved(_ *db.Tx, e support.TicketSolvedEvent) (Happening, error) {
	return Happening{Event: "ticket.solved", At: e.At, Customer: e.Customer, Market: e.Market, Order: e.Order, Cart: e.Cart, Reason: e.Reason}, nil
}

func ofParcel(f fulfilment.ParcelFacts) Happening {
	return Happening{At: f.Occurred, Customer: f.Customer, Market: f.Market, Lang: f.Lang, Order: string(f.Order), Parcel: string(f.Parcel)}
}

func (s *Service) wasRated(_ *db.Tx, e RatedEvent) (Happening, error) {
	return Happening{Event: "rated", At: e.At, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: e.Order, Rating: e.Rating, Text: e.Comment}, nil
}

// RatedEvent is announced when a customer answered a survey with a number.
type RatedEvent struct {
	Order    string      `json:"order"`
	Customer string      `json:"customer"`
	Market   market.Code `json:"market"`
	Lang     string      `json:"lang"`
	Rating   int64       `json:"rating"` // 1 to 5
	Comment  string      `json:"comment,omitempty"`
	Channel  string      `json:"channel"`
	At       time.Time   `json:"at"`
}

// Topic implements events.Event.
func (RatedEvent) Topic() string { return "journeys.rated" }

// Subjects names what the event is about, for timelines.
func (e RatedEvent) Subjects() []string { return []string{e.Order, e.Customer} }

// at is when something happened, now where nobody said.
func (h Happening) at(now time.Time) time.Time {
	if h.At.IsZero() || h.At.After(now) {
		return now
	}
	return cmp.Or(h.At, now)
}
