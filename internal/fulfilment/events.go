package fulfilment

import (
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/order"
)

// ShipmentFacts are what every announcement about a shipment says.
type ShipmentFacts struct {
	Shipment ShipmentID    `json:"shipment"`
	Order    order.ID      `json:"order"`
	Number   string        `json:"number"`
	Market   market.Code   `json:"market"`
	Location string        `json:"location"`
	State    ShipmentState `json:"state"`
	Version  int64         `json:"version"`
	Tracking []string      `json:"tracking,omitempty"`
	Reason   string        `json:"reason,omitempty"` // what was changed, or why it was voided
	By       string        `json:"by,omitempty"`
	At       time.Time     `json:"at"`
}

// Subjects names what the event is about, for timelines.
func (f ShipmentFacts) Subjects() []string { return []string{string(f.Shipment), string(f.Order)} }

func facts(tx *db.Tx, one Shipment, reason, by string) ShipmentFacts {
	f := ShipmentFacts{Shipment: one.ID, Order: one.Order, Number: one.Number, Market: one.Market, Location: one.Location,
		State: one.State, Version: one.Version, Reason: reason, By: by, At: tx.Now()}
	for _, p := range one.Parcels {
		if p.Tracking != "" {
			f.Tracking = append(f.Tracking, p.Tracking)
		}
	}
	return f
}

// ShipmentMadeEvent is announced when the shipment of a paid order is made.
type ShipmentMadeEvent struct{ ShipmentFacts }

// Topic implements events.Event.
func (ShipmentMadeEvent) Topic() string { return "fulfilment.shipment_made" }

// ShipmentChangedEvent is announced when address, parcels or service of a shipment changed.
type ShipmentChangedEvent struct{ ShipmentFacts }

// Topic implements events.Event.
func (ShipmentChangedEvent) Topic() string { return "fulfilment.shipment_changed" }

// ShipmentReadyEvent is announced when a shipment has its label.
type ShipmentReadyEvent struct{ ShipmentFacts }

// Topic implements events.Event.
func (ShipmentReadyEvent) Topic() string { return "fulfilment.shipment_ready" }

// HandedOverEvent is announced when a shipment was given to its carrier.
type HandedOverEvent struct{ ShipmentFacts }

// Topic implements events.Event.
func (HandedOverEvent) Topic() string { return "fulfilment.handed_over" }

// TakenBackEvent is announced when a hand-over was undone.
type TakenBackEvent struct{ ShipmentFacts }

// Topic implements events.Event.
func (TakenBackEvent) Topic() string { return "fulfilment.taken_back" }

// ShipmentVoidedEvent is announced when a shipment was given up.
type ShipmentVoidedEvent struct{ ShipmentFacts }

// Topic implements events.Event.
func (ShipmentVoidedEvent) Topic() string { return "fulfilment.shipment_voided" }
