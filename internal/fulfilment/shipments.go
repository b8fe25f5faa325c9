package fulfilment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/order"
)

// What shipments ask of others.
type (
	// Bus is satisfied by events.Bus.
	Bus interface {
		Publish(tx *db.Tx, e events.Event) error
		Enter(tx *db.Tx, at time.Time, e events.Event) error
	}
	// Orders is satisfied by order.Service.
	Orders interface {
		Get(tx *db.Tx, id order.ID) (order.Order, error)
		Fulfil(tx *db.Tx, id order.ID, whole bool) (order.Order, error)
		Unfulfil(tx *db.Tx, id order.ID) (order.Order, error)
		Complete(tx *db.Tx, id order.ID) (order.Order, error)
		Reopen(tx *db.Tx, id order.ID) (order.Order, error)
	}
)

// Shipments keeps what leaves for customers. It decides nothing about customs: whether a shipment may be labelled
// and handed over is asked of package papers, through which people and programs act.
type Shipments struct {
	stock  *Service
	bus    Bus
	orders Orders
}

// NewShipments returns the shipments of orders whose goods stock keeps.
func NewShipments(stock *Service, bus Bus, orders Orders) *Shipments {
	return &Shipments{stock, bus, orders}
}

// Listen makes the shipment of each order that is paid and voids that of one that is cancelled.
func (s *Shipments) Listen(bus *events.Bus) {
	events.On(bus, "fulfilment.shipment", func(tx *db.Tx, e order.PaidEvent) error {
		o, err := s.orders.Get(tx, e.Order)
		if err != nil {
			return err
		}
		_, _, err = s.Make(tx, o)
		return err
	})
	events.On(bus, "fulfilment.void", func(tx *db.Tx, e order.CancelledEvent) error {
		all, err := s.ByOrder(tx, e.Order)
		for _, one := range all {
			if one.Open() {
				if _, err := s.Void(tx, one.ID, "order_cancelled"); err != nil {
					return err
				}
			}
		}
		return err
	})
}

// Make makes the shipment of an order in the location it ships from, and reports whether it is new. An order that
// was cancelled or that leaves from nowhere of ours (another shop sends it) gets none.
func (s *Shipments) Make(tx *db.Tx, o order.Order) (Shipment, bool, error) {
	all, err := s.ByOrder(tx, o.ID)
	if err != nil {
		return Shipment{}, false, err
	}
	if len(all) > 0 {
		return all[0], false, nil
	}
	if _, err := s.stock.Location(o.Location); err != nil || o.State == order.Cancelled {
		return Shipment{}, false, nil
	}
	one := shipmentOf(o)
	one.ID, one.MadeAt, one.ChangedAt = ShipmentID(id.New("shp")), tx.Now(), tx.Now()
	if v, ok := s.stock.service(o.Market, o.Country, o.Location, o.Service); ok {
		one.Carrier, one.Channel = v.Carrier, v.Channel
	}
	fresh, err := insertShipment(tx, one)
	if err != nil || !fresh {
		return one, false, err
	}
	return one, true, s.bus.Publish(tx, ShipmentMadeEvent{facts(tx, one, "", "")})
}

// service finds a row of the delivery table; from memory.
func (s *Service) service(m market.Code, country market.Country, location, service string) (DeliveryService, bool) {
	all := s.table.Get().services[m]
	i := slices.IndexFunc(all, func(v DeliveryService) bool {
		return v.Service == service && v.Location == location && (v.Country == "" || v.Country == country)
	})
	if i < 0 {
		return DeliveryService{}, false
	}
	return all[i], true
}

// Get returns a shipment, or ErrUnknownShipment.
func (s *Shipments) Get(tx *db.Tx, id ShipmentID) (Shipment, error) { return findShipment(tx, id, "") }

// ByOrder returns the shipments of an order.
func (s *Shipments) ByOrder(tx *db.Tx, o order.ID) ([]Shipment, error) {
	return listShipments(tx, `order_id = $1 order by made_at, id`, string(o))
}

// ByTracking returns the shipment of a parcel's number, or ErrUnknownShipment.
func (s *Shipments) ByTracking(tx *db.Tx, number string) (Shipment, error) {
	one, err := db.One(tx, db.Scalar[string], `select shipment from shipment_parcels where tracking = $1`, number)
	if errors.Is(err, db.ErrNone) {
		return Shipment{}, fmt.Errorf("parcel %.40q: %w", number, ErrUnknownShipment)
	}
	if err != nil {
		return Shipment{}, err
	}
	return s.Get(tx, ShipmentID(one))
}

// ShipmentFilter narrows a list; empty fields don't.
type ShipmentFilter struct {
	States []ShipmentState
	Market market.Code
	Oldest bool // oldest first, as they are worked off
}

// ShipmentPage is a place in a list. The zero page is its beginning, 50 long.
type ShipmentPage struct {
	After string // Next of the page before
	Limit int    // at most 200
}

// List returns shipments, newest first unless asked otherwise, and where the next page begins; "" at the end.
func (s *Shipments) List(tx *db.Tx, f ShipmentFilter, p ShipmentPage) (all []Shipment, next string, err error) {
	return pageOfShipments(tx, f, p)
}

// Count counts shipments by state.
func (s *Shipments) Count(tx *db.Tx) (map[ShipmentState]int64, error) { return countShipments(tx) }

// Pack says which pieces lie in which parcels, what those weigh and measure. Papers and label are void with it.
func (s *Shipments) Pack(tx *db.Tx, id ShipmentID, parcels []Parcel, by string) (Shipment, error) {
	parcels = tidyNumbers(parcels)
	return s.change(tx, id, "parcels", by, func(one *Shipment) error {
		if err := one.packed(parcels); err != nil {
			return err
		}
		for i, p := range parcels {
			if other, err := s.ByTracking(tx, p.Tracking); err == nil && other.ID != one.ID {
				return ErrShipment.With(map[string]string{fmt.Sprintf("parcels[%d].tracking", i): "fulfilment.tracking_taken"})
			} else if err != nil && !errors.Is(err, ErrUnknownShipment) {
				return err
			}
			if slices.ContainsFunc(parcels[:i], func(q Parcel) bool { return q.Tracking != "" && q.Tracking == p.Tracking }) {
				return ErrShipment.With(map[string]string{fmt.Sprintf("parcels[%d].tracking", i): "fulfilment.tracking_taken"})
			}
		}
		one.Parcels = parcels
		return nil
	})
}

// Readdress corrects where a shipment goes; its country stays, since duty and tax were paid for it.
func (s *Shipments) Readdress(tx *db.Tx, id ShipmentID, to address.Address, by string) (Shipment, error) {
	to = address.Tidy(to)
	return s.change(tx, id, "address", by, func(one *Shipment) error {
		if to.Country != one.Address.Country {
			return ErrShipment.With(map[string]string{"address.country": "fulfilment.country_stays"})
		}
		one.Address = to
		return address.Check(to)
	})
}

// SetService sends a shipment by another service of its market and location.
func (s *Shipments) SetService(tx *db.Tx, id ShipmentID, service, by string) (Shipment, error) {
	return s.change(tx, id, "service", by, func(one *Shipment) error {
		v, ok := s.stock.service(one.Market, one.Country, one.Location, service)
		if !ok {
			return ErrShipment.With(map[string]string{"service": "fulfilment.service_unknown"})
		}
		one.Service, one.Carrier, one.Channel = v.Service, v.Carrier, v.Channel
		return nil
	})
}

// change alters a shipment that is still in our hands. What was ready has to be made ready again.
func (s *Shipments) change(tx *db.Tx, id ShipmentID, what, by string, f func(*Shipment) error) (Shipment, error) {
	one, err := s.hold(tx, id, 0)
	if err != nil {
		return one, err
	}
	if err := f(&one); err != nil {
		return one, fmt.Errorf("change %s: %w", id, err)
	}
	one.Version++
	one.State, one.ChangedAt = Preparing, tx.Now()
	if err := saveShipment(tx, one); err != nil {
		return one, err
	}
	return one, s.bus.Publish(tx, ShipmentChangedEvent{facts(tx, one, what, by)})
}

// hold locks a shipment that is still in our hands; a version other than 0 has to be its present one.
func (s *Shipments) hold(tx *db.Tx, id ShipmentID, version int64) (Shipment, error) {
	one, err := findShipment(tx, id, tx.ForUpdate())
	switch {
	case err != nil:
		return one, err
	case one.State == HandedOver:
		return one, fmt.Errorf("%s: %w", id, ErrGone)
	case one.State == Voided:
		return one, fmt.Errorf("%s: %w", id, ErrVoided)
	case version != 0 && version != one.Version:
		return one, fmt.Errorf("%s is at version %d, not %d: %w", id, one.Version, version, ErrOutdated)
	}
	return one, nil
}

// Number gives parcels without a number the next ones of a range; a parcel that has one keeps it, and nothing
// else changes. ErrNoNumbers.
func (s *Shipments) Number(tx *db.Tx, id ShipmentID) (Shipment, error) {
	one, err := s.hold(tx, id, 0)
	if err != nil {
		return one, err
	}
	missing := slices.ContainsFunc(one.Parcels, func(p Parcel) bool { return p.Tracking == "" })
	if !missing {
		return one, nil
	}
	for i := range one.Parcels {
		if one.Parcels[i].Tracking == "" {
			if one.Parcels[i].Tracking, err = nextNumber(tx); err != nil {
				return one, err
			}
		}
	}
	return one, saveShipment(tx, one)
}

// Ready says that a version of a shipment has its label.
func (s *Shipments) Ready(tx *db.Tx, id ShipmentID, version int64, by string) (Shipment, error) {
	one, err := s.hold(tx, id, version)
	if err != nil || one.State == Ready {
		return one, err
	}
	one.State, one.ChangedAt = Ready, tx.Now()
	if err := saveShipment(tx, one); err != nil {
		return one, err
	}
	return one, s.bus.Publish(tx, ShipmentReadyEvent{facts(tx, one, "", by)})
}

// HandOver says that a ready shipment was given to its carrier: the goods leave the stock, its parcels are on their way,
// and the order is fulfilled, or in part where more is to leave.
func (s *Shipments) HandOver(tx *db.Tx, id ShipmentID, version int64, by string) (Shipment, error) {
	one, err := s.hold(tx, id, version)
	if err != nil {
		return one, err
	}
	if one.State != Ready {
		return one, fmt.Errorf("hand over %s: %w", id, ErrNotReady)
	}
	one, scans, err := s.gone(tx, one, tx.Now(), by)
	if err != nil {
		return one, err
	}
	_, err = s.take(tx, one, scans)
	return one, err
}

// gone hands a ready shipment over and returns what that says of its parcels; at is when they left.
func (s *Shipments) gone(tx *db.Tx, one Shipment, at time.Time, by string) (Shipment, []Scan, error) {
	if err := s.stock.Ship(tx, string(one.Order)); err != nil && !errors.Is(err, ErrUnknownReservation) {
		return one, nil, err
	}
	one.State, one.HandedOverAt, one.HandedOverBy, one.ChangedAt = HandedOver, tx.Now(), by, tx.Now()
	if err := saveShipment(tx, one); err != nil {
		return one, nil, err
	}
	all, err := s.ByOrder(tx, one.Order)
	if err != nil {
		return one, nil, err
	}
	whole := !slices.ContainsFunc(all, Shipment.Open)
	if _, err := s.orders.Fulfil(tx, one.Order, whole); err != nil {
		return one, nil, fmt.Errorf("hand over %s: %w", one.ID, err)
	}
	var scans []Scan
	for i := range one.Parcels {
		e := Scan{Parcel: parcelID(one.ID, i+1), Status: PickedUp, Occurred: at, Received: tx.Now(), Source: desk, By: by}.tidy()
		before, err := scansOf(tx, e.Parcel)
		if err != nil {
			return one, nil, err
		}
		e.Ref = fmt.Sprintf("%s %d", handOverRef, len(before)) // once after each time it was taken back
		e.ID = e.identity()
		scans = append(scans, e)
	}
	return one, scans, s.bus.Publish(tx, HandedOverEvent{facts(tx, one, "", by)})
}

const (
	desk        = "desk" // the source of what our own people say
	handOverRef = "hand_over"
)

// TakeBack undoes a hand-over as long as nothing else has come of it.
func (s *Shipments) TakeBack(tx *db.Tx, id ShipmentID, by string) (Shipment, error) {
	one, err := findShipment(tx, id, tx.ForUpdate())
	if err != nil {
		return one, err
	}
	if one.State != HandedOver {
		return one, fmt.Errorf("take back %s, which is %s: %w", id, one.State, ErrCantTakeBack)
	}
	scans, err := s.unsaid(tx, one, by)
	if err != nil {
		return one, err
	}
	if _, err := s.orders.Unfulfil(tx, one.Order); err != nil {
		if fault.Of(err).Kind == fault.Conflict {
			err = fmt.Errorf("take back %s: %w", id, ErrCantTakeBack)
		}
		return one, err
	}
	if err := s.stock.Unship(tx, string(one.Order)); err != nil && !errors.Is(err, ErrUnknownReservation) {
		return one, err
	}
	one.State, one.HandedOverAt, one.HandedOverBy, one.ChangedAt = Ready, time.Time{}, "", tx.Now()
	if err := saveShipment(tx, one); err != nil {
		return one, err
	}
	if err := s.bus.Publish(tx, TakenBackEvent{facts(tx, one, "", by)}); err != nil || len(scans) == 0 {
		return one, err
	}
	_, err = s.take(tx, one, scans)
	return one, err
}

// unsaid takes back what the hand-over said of the parcels. ErrCantTakeBack where anybody else has seen one move.
func (s *Shipments) unsaid(tx *db.Tx, one Shipment, by string) (scans []Scan, err error) {
	for i := range one.Parcels {
		all, err := scansOf(tx, parcelID(one.ID, i+1))
		if err != nil {
			return nil, err
		}
		for _, e := range counted(all) {
			switch {
			case strings.HasPrefix(e.Ref, handOverRef+" ") && e.Source == desk:
				undo := Scan{Parcel: e.Parcel, Corrects: e.ID, Occurred: tx.Now(), Received: tx.Now(), Source: desk, By: by}
				undo.ID = undo.identity()
				scans = append(scans, undo)
			case e.Status != InfoReceived:
				return nil, fmt.Errorf("take back %s, of which parcel %s is %s: %w", one.ID, e.Parcel, e.Status, ErrCantTakeBack)
			}
		}
	}
	return scans, nil
}

// Void ends a shipment that won't leave.
func (s *Shipments) Void(tx *db.Tx, id ShipmentID, reason string) (Shipment, error) {
	one, err := s.hold(tx, id, 0)
	if errors.Is(err, ErrVoided) {
		return one, nil
	}
	if err != nil {
		return one, err
	}
	one.State, one.VoidReason, one.ChangedAt = Voided, reason, tx.Now()
	if err := saveShipment(tx, one); err != nil {
		return one, err
	}
	return one, s.bus.Publish(tx, ShipmentVoidedEvent{facts(tx, one, reason, "")})
}

// AddNumbers keeps a range of item numbers, or replaces the one with its prefix and country.
func (s *Shipments) AddNumbers(tx *db.Tx, r NumberRange) error {
	if err := r.check(); err != nil {
		return err
	}
	return tx.Send(`insert into item_numbers (prefix, country, next, last) values ($1, $2, $3, $4)
		on conflict (prefix, country) do update set next = excluded.next, last = excluded.last`, r.Prefix, r.Country, r.Next, r.Last)
}

// Numbers lists the ranges of item numbers.
func (s *Shipments) Numbers(tx *db.Tx) ([]NumberRange, error) {
	return db.All(tx, func(r db.Row) (n NumberRange, err error) {
		return n, r.Scan(&n.Prefix, &n.Country, &n.Next, &n.Last)
	}, `select prefix, country, next, last from item_numbers order by prefix, country`)
}
