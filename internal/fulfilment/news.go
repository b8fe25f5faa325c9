package fulfilment

import (
	"strconv"
	"time"

	"portolan/internal/market"
	"portolan/internal/order"
)

// ParcelFacts are what every announcement about a parcel says.
type ParcelFacts struct {
	Parcel      ParcelID       `json:"parcel"`
	Shipment    ShipmentID     `json:"shipment"`
	Order       order.ID       `json:"order"`
	Number      string         `json:"number"` // the order's, as the customer knows it
	Customer    string         `json:"customer"`
	Market      market.Code    `json:"market"`
	Country     market.Country `json:"country"` // of destination
	Lang        string         `json:"lang"`
	Tracking    string         `json:"tracking,omitempty"`
	Carrier     string         `json:"carrier,omitempty"`
	N           int            `json:"n"` // this is the n-th parcel of so many of the order
	Of          int            `json:"of"`
	Status      Status         `json:"status"`
	Stage       Stage          `json:"stage,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	Responsible string         `json:"responsible,omitempty"` // who is in charge of what comes next
	Action      string         `json:"action,omitempty"`      // what the buyer has to do; empty: nothing
	From        string         `json:"from,omitempty"`        // first and last civil day on which it is expected now
	To          string         `json:"to,omitempty"`
	Occurred    time.Time      `json:"occurred"` // when it happened
	At          time.Time      `json:"at"`       // when it was announced
}

// Subjects names what the event is about, for timelines.
func (f ParcelFacts) Subjects() []string {
	return []string{string(f.Parcel), string(f.Shipment), string(f.Order), f.Customer}
}

func (p ParcelState) facts(at time.Time) ParcelFacts {
	return ParcelFacts{Parcel: p.ID, Shipment: p.Shipment, Order: p.Order, Number: p.Number, Customer: p.Customer, Market: p.Market, Country: p.Country, Lang: p.Lang,
		Tracking: p.Tracking, Carrier: p.Carrier.Name, N: p.N, Of: p.Of, Status: p.Status, Stage: p.Stage, Reason: p.Reason, Responsible: p.Responsible, Action: p.Action,
		From: p.From, To: p.To, Occurred: p.LastAt, At: at}
}

// News is what a ParcelEvent tells.
type News string

// The kinds of news. A parcel has most of them once; deliveries may fail several times.
const (
	NewsShipped       News = "shipped"        // it was handed over, or its carrier saw it first
	NewsMoved         News = "moved"          // on its way, nothing a buyer waits for
	NewsCustoms       News = "customs"        // it came to customs
	NewsCustomsHeld   News = "customs_held"   // customs keep it and deal with it themselves
	NewsCustomsAction News = "customs_action" // customs keep it until somebody does what Action says
	NewsCustomsClear  News = "customs_cleared"
	NewsOut           News = "out_for_delivery" // or its window has changed
	NewsAttempt       News = "attempt_failed"
	NewsPickup        News = "available_for_pickup"
	NewsDelivered     News = "delivered"
	NewsException     News = "exception"
	NewsReturning     News = "returning"
	NewsReturned      News = "returned"
	NewsCorrected     News = "corrected" // what was announced was an error; Status is what is so
)

// ParcelEvent is announced when the present state of a parcel changes. What came late and changes nothing isn't
// announced, and of several steps heard at once only the last.
type ParcelEvent struct {
	ParcelFacts
	Kind        News      `json:"kind"`
	Cause       string    `json:"cause,omitempty"` // tells news of one kind apart: the reason, or attempt_2
	WindowStart time.Time `json:"window_start,omitzero"`
	WindowEnd   time.Time `json:"window_end,omitzero"`
	By          string    `json:"by,omitempty"`
}

// Topic implements events.Event.
func (ParcelEvent) Topic() string { return "parcel.moved" }

// Causes of delays.
const (
	LateRisk    = "late_risk"    // the last expected day is over
	CustomsHold = "customs_hold" // customs keep it for longer than is usual, or ask for something
	Exception   = "exception"    // something happened to it
)

// DelayEvent is announced when a parcel won't come as expected: once for each cause, and as long as that lasts again
// after five days at the earliest. From and To are the new range.
type DelayEvent struct {
	ParcelFacts
	Cause   string `json:"cause"`
	OldFrom string `json:"old_from,omitempty"`
	OldTo   string `json:"old_to,omitempty"`
	Times   int    `json:"times"` // how often this parcel was announced late for this cause; from 2 on it still waits
}

// Topic implements events.Event.
func (DelayEvent) Topic() string { return "parcel.delayed" }

// AllDeliveredEvent is announced when the last parcel of an order has come; again only after a correction said that it
// hadn't.
type AllDeliveredEvent struct {
	Order    order.ID       `json:"order"`
	Number   string         `json:"number"`
	Customer string         `json:"customer"`
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country"`
	Lang     string         `json:"lang"`
	Parcels  int            `json:"parcels"`
	Occurred time.Time      `json:"occurred"` // when the last one came
	At       time.Time      `json:"at"`
}

// Topic implements events.Event.
func (AllDeliveredEvent) Topic() string { return "order.delivered" }

// Subjects names what the event is about, for timelines.
func (e AllDeliveredEvent) Subjects() []string { return []string{string(e.Order), e.Customer} }

// news says what is to be told of a change; false: nothing.
func news(was, now Progress, corrected bool) (kind News, cause string, ok bool) {
	same := was.Status == now.Status && was.Stage == now.Stage && was.Reason == now.Reason && was.Action == now.Action &&
		was.WindowStart.Equal(now.WindowStart) && was.WindowEnd.Equal(now.WindowEnd) && (now.Status != AttemptFailed || was.Attempts == now.Attempts)
	switch {
	case same || was.Last == now.Last && !corrected:
		return "", "", false
	case corrected:
		return NewsCorrected, now.Last, true
	case now.Status == AtCustoms:
		return customsNews(was, now), now.Reason, true
	case now.Status == AttemptFailed:
		return NewsAttempt, "attempt_" + strconv.Itoa(now.Attempts), true
	case (now.Status == PickedUp || now.Status == InTransit) && was.ShippedAt.IsZero():
		return NewsShipped, "", true
	case now.Status == Pending || now.Status == InfoReceived || now.Status == PickedUp || now.Status == InTransit:
		return NewsMoved, now.Reason, true
	}
	return News(now.Status), now.Reason, true
}

func customsNews(was, now Progress) News {
	switch {
	case now.Reason == "released":
		return NewsCustomsClear
	case was.Status != AtCustoms:
		return NewsCustoms
	case now.Action != "":
		return NewsCustomsAction
	}
	return NewsCustomsHeld
}
