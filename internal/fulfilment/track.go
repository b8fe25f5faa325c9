package fulfilment

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/order"
)

// ParcelState is a parcel of an order with how far it has come. Days are civil days in the market's zone.
type ParcelState struct {
	ID          ParcelID
	Shipment    ShipmentID
	Order       order.ID
	Number      string // the order's
	Customer    string
	Market      market.Code
	Country     market.Country // of destination
	Origin      market.Country
	Lang        string
	N, Of       int // the n-th of so many parcels of the order
	Tracking    string
	Carrier     Carrier // its name at least
	Service     string
	PlacedAt    time.Time
	HandedOver  bool
	PromiseFrom string // as the buyer was told at checkout; never overwritten
	PromiseTo   string
	Progress    // with From and To: what is expected now, from promise, carrier and delays, whichever spoke last
	Alerts      []Alert
}

// TrackingURL is where the carrier shows the parcel; empty where we don't know.
func (p ParcelState) TrackingURL() string { return p.Carrier.Page(p.Tracking) }

// InShipment is which parcel of its shipment it is, from 1.
func (p ParcelState) InShipment() int {
	_, n := p.ID.split()
	return n
}

// Late reports whether a parcel that hasn't come was promised for an earlier day, or is expected later than promised.
func (p ParcelState) Late(today string) bool {
	return !p.Ended() && p.PromiseTo != "" && (p.PromiseTo < today || p.PromiseTo < p.To)
}

// Carrier is what we know about who brings parcels.
type Carrier struct {
	Name         string `json:"name"`
	URL          string `json:"url,omitempty"`           // of its tracking page, with {number}
	Reschedule   string `json:"reschedule,omitempty"`    // how another day is agreed: api, link, phone; empty: not at all
	RescheduleTo string `json:"reschedule_to,omitempty"` // the link, with {number}, or the phone number
}

// Page is the tracking page of a parcel; empty where there is none.
func (c Carrier) Page(number string) string {
	if c.URL == "" || number == "" {
		return ""
	}
	return strings.ReplaceAll(c.URL, "{number}", url.QueryEscape(number))
}

// AnotherDay is where another day is agreed for a parcel, by the carrier's link or telephone number; empty where it is
// by neither.
func (c Carrier) AnotherDay(number string) string {
	switch c.Reschedule {
	case "link":
		return strings.ReplaceAll(c.RescheduleTo, "{number}", url.QueryEscape(number))
	case "phone":
		return c.RescheduleTo
	}
	return ""
}

// SaveCarrier keeps what is known about a carrier; its name is that of the delivery services.
func (s *Shipments) SaveCarrier(tx *db.Tx, c Carrier) error {
	u, err := url.Parse(strings.ReplaceAll(c.URL, "{number}", "1"))
	var k fault.Check
	k.That(c.Name != "" && len(c.Name) <= 100, "name", "fulfilment.needs_name")
	k.That(c.URL == "" || err == nil && u.Scheme == "https" && u.Host != "" && strings.Contains(c.URL, "{number}"), "url", "fulfilment.tracking_url")
	k.That(slices.Contains([]string{"", "api", "link", "phone"}, c.Reschedule), "reschedule", "fulfilment.reschedule_unknown")
	if err := k.Err("fulfilment.carrier_invalid"); err != nil {
		return err
	}
	if err := saveCarrier(tx, c); err != nil {
		return err
	}
	return s.stock.bump(tx, Version)
}

// Parcel returns a parcel with how far it has come, or ErrUnknownParcel.
func (s *Shipments) Parcel(tx *db.Tx, id ParcelID) (ParcelState, error) {
	shipment, _ := id.split()
	one, err := findShipment(tx, shipment, "")
	if errors.Is(err, ErrUnknownShipment) {
		return ParcelState{}, fmt.Errorf("parcel %.60q: %w", string(id), ErrUnknownParcel)
	}
	if err != nil {
		return ParcelState{}, err
	}
	all, err := s.ParcelsOf(tx, one.Order)
	if err != nil {
		return ParcelState{}, err
	}
	at := slices.IndexFunc(all, func(p ParcelState) bool { return p.ID == id })
	if at < 0 {
		return ParcelState{}, fmt.Errorf("parcel %.60q: %w", string(id), ErrUnknownParcel)
	}
	return all[at], nil
}

// ParcelsOf returns the parcels of an order with how far each has come; those of voided shipments are none.
func (s *Shipments) ParcelsOf(tx *db.Tx, id order.ID) ([]ParcelState, error) {
	all, _, err := s.parcels(tx, id)
	return all, err
}

// parcels returns the parcels of an order, and how far each has come by its events alone.
func (s *Shipments) parcels(tx *db.Tx, id order.ID) ([]ParcelState, map[ParcelID]Progress, error) {
	o, err := s.orders.Get(tx, id)
	if err != nil {
		return nil, nil, err
	}
	ships, err := s.ByOrder(tx, id)
	if err != nil {
		return nil, nil, err
	}
	own, err := progressOf(tx, id)
	if err != nil {
		return nil, nil, err
	}
	alerts, err := alertsOf(tx, id)
	var all []ParcelState
	for _, one := range ships {
		if one.State == Voided {
			continue
		}
		for i := range one.Parcels {
			p := s.parcel(o, one, i)
			if known, ok := own[p.ID]; ok {
				p.Progress = known
			}
			p.Alerts = alerts[p.ID]
			p.expect()
			all = append(all, p)
		}
	}
	for i := range all {
		all[i].N, all[i].Of = i+1, len(all)
	}
	return all, own, err
}

// parcel is the i-th parcel of a shipment, of which nothing was heard.
func (s *Shipments) parcel(o order.Order, one Shipment, i int) ParcelState {
	from, _ := s.stock.Location(one.Location)
	return ParcelState{ID: parcelID(one.ID, i+1), Shipment: one.ID, Order: o.ID, Number: one.Number, Customer: o.Customer, Market: one.Market, Country: one.Country, Origin: from.Country,
		Lang: o.Lang, Tracking: one.Parcels[i].Tracking, Carrier: s.stock.carrier(one.Carrier), Service: one.Service, PlacedAt: o.PlacedAt, HandedOver: one.State == HandedOver,
		PromiseFrom: o.DeliverFrom, PromiseTo: o.DeliverTo, Progress: Progress{Status: Pending}}
}

// expect sets the range in which the parcel is expected: what was said last by the promise, the carrier or us.
func (p *ParcelState) expect() {
	from, to, at := p.PromiseFrom, p.PromiseTo, time.Time{}
	if p.Progress.To != "" {
		from, to, at = p.Progress.From, p.Progress.To, p.RangeAt
	}
	for _, a := range p.Alerts {
		if !a.LastAt.Before(at) {
			from, to, at = a.From, a.To, a.LastAt
		}
	}
	p.From, p.To, p.RangeAt = from, to, at
}

// Timeline lists everything heard about a parcel as it happened, with what was taken back, came late or is doubted.
func (s *Shipments) Timeline(tx *db.Tx, id ParcelID) ([]Scan, error) { return scansOf(tx, id) }

// Unsure lists events of all parcels that a person has to look at, oldest first.
func (s *Shipments) Unsure(tx *db.Tx, limit int) ([]Scan, error) { return unsureScans(tx, limit) }

// Heard says what became of an event.
type Heard struct {
	ID     string
	Parcel ParcelID
	Fresh  bool   // else it was known already
	Review string // why it counts for nothing
}

// mostScans is how many events may come at once.
const mostScans = 500

// Record takes in what was heard about parcels of a shipment, in any order and as often as it comes; source says from
// where and by who. The same event again changes nothing. ErrScan names what is wrong, and nothing is kept then.
//
// A parcel that moves leaves with its whole shipment: what is ready counts as handed over. ErrNotHandedOver, ErrVoided.
func (s *Shipments) Record(tx *db.Tx, id ShipmentID, source, by string, all []Scan) ([]Heard, error) {
	one, err := findShipment(tx, id, tx.ForUpdate())
	if err != nil {
		return nil, err
	}
	o, err := s.orders.Get(tx, one.Order)
	if err != nil {
		return nil, err
	}
	all, err = s.readScans(tx, one, o, source, by, all)
	if err != nil {
		return nil, err
	}
	one, first, err := s.leave(tx, one, all, by)
	if err != nil {
		return nil, err
	}
	heard, err := s.take(tx, one, append(first, all...))
	if err != nil {
		return nil, err
	}
	return heard[len(first):], nil
}

// readScans finds the parcels, checks the events and gives each its identity.
func (s *Shipments) readScans(tx *db.Tx, one Shipment, o order.Order, source, by string, in []Scan) ([]Scan, error) {
	var c fault.Check
	c.That(len(in) > 0 && len(in) <= mostScans, "events", "fulfilment.event_count")
	all := make([]Scan, 0, len(in))
	for i, e := range in[:min(len(in), mostScans)] {
		at := fmt.Sprintf("events.%d.", i)
		when, guessed, ok := s.moment(one, e)
		c.That(ok, at+"occurred_at", "fulfilment.time_form")
		e.Occurred, e.ZoneGuessed = when, guessed
		e = e.tidy()
		parcel, ok := one.parcel(e.Number)
		e.Parcel, e.Source, e.By, e.Received = parcel, source, by, tx.Now()
		c.That(ok || e.Number != "", at+"parcel", "fulfilment.parcel_needed")
		c.That(ok, at+"parcel", "fulfilment.parcel_unknown")
		e.check(&c, at)
		if e.Corrects != "" {
			e.Occurred = tx.Now()
			_, err := findScan(tx, parcel, e.Corrects)
			if err != nil && !errors.Is(err, ErrUnknownScan) {
				return nil, err
			}
			c.That(err == nil, at+"corrects", "fulfilment.corrects_unknown")
		}
		if e.Review = e.doubt(o.PlacedAt, tx.Now()); e.Review == "no_time" {
			e.Occurred = time.Time{}
		}
		e.ID = e.identity()
		if e.Occurred.IsZero() {
			e.Occurred = e.Received
		}
		all = append(all, e)
	}
	return all, c.Err(ErrScan.Code)
}

// moment is when an event happened. A time without a zone is one of the place's country, as far as we know that one's.
func (s *Shipments) moment(one Shipment, e Scan) (at time.Time, guessed, ok bool) {
	if e.When == "" {
		return e.Occurred, false, true
	}
	if at, err := time.Parse(time.RFC3339Nano, e.When); err == nil {
		return at, false, true
	}
	zone := time.UTC
	from, _ := s.stock.Location(one.Location)
	if m, ok := s.stock.markets.ByCode(one.Market); ok && (e.Country == "" || e.Country == one.Country) {
		zone = m.Location()
	} else if e.Country == from.Country {
		zone = market.TimeZone(from.Zone)
	}
	for _, form := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(form, e.When, zone); err == nil {
			return at, true, true
		}
	}
	return time.Time{}, false, false
}

// parcel finds a parcel by its tracking number or its place; without either, the only one.
func (s Shipment) parcel(number string) (ParcelID, bool) {
	if number == "" {
		return parcelID(s.ID, 1), len(s.Parcels) == 1
	}
	for i, p := range s.Parcels {
		if p.Tracking == number || fmt.Sprint(i+1) == number {
			return parcelID(s.ID, i+1), true
		}
	}
	return "", false
}

// leave hands a ready shipment over whose parcels move, and returns what that says of them.
func (s *Shipments) leave(tx *db.Tx, one Shipment, all []Scan, by string) (Shipment, []Scan, error) {
	moves := slices.DeleteFunc(slices.Clone(all), func(e Scan) bool {
		return e.Review != "" || e.Corrects != "" || e.Status == InfoReceived
	})
	switch {
	case one.State == Voided:
		return one, nil, fmt.Errorf("%s: %w", one.ID, ErrVoided)
	case one.State == HandedOver || len(moves) == 0:
		return one, nil, nil
	case one.State != Ready:
		return one, nil, fmt.Errorf("%s is %s: %w", one.ID, one.State, ErrNotHandedOver)
	}
	first := slices.MinFunc(moves, func(a, b Scan) int { return a.Occurred.Compare(b.Occurred) }).Occurred
	if first.After(tx.Now()) {
		first = tx.Now()
	}
	return s.gone(tx, one, first, by)
}

// take keeps events and announces what they change.
func (s *Shipments) take(tx *db.Tx, one Shipment, in []Scan) ([]Heard, error) {
	announced, err := lockDeliveries(tx, one.Order)
	if err != nil {
		return nil, err
	}
	heard := make([]Heard, 0, len(in))
	corrected := map[ParcelID]bool{} // the parcels that something was heard of, and whether it was a correction
	for _, e := range in {
		fresh, err := insertScan(tx, one.ID, e)
		if err != nil {
			return nil, err
		}
		heard = append(heard, Heard{e.ID, e.Parcel, fresh, e.Review})
		if fresh && e.Review == "" {
			corrected[e.Parcel] = corrected[e.Parcel] || e.Corrects != ""
		}
	}
	if len(corrected) == 0 {
		return heard, nil
	}
	all, own, err := s.parcels(tx, one.Order)
	if err != nil {
		return nil, err
	}
	for i := range all {
		correction, moved := corrected[all[i].ID]
		if !moved {
			continue
		}
		if err := s.advance(tx, &all[i], own[all[i].ID], correction, in[0].By); err != nil {
			return nil, err
		}
	}
	return heard, s.arrive(tx, all, announced)
}

// advance derives a parcel's state anew, keeps it and announces the change and, where there is one, the delay.
func (s *Shipments) advance(tx *db.Tx, p *ParcelState, was Progress, corrected bool, by string) error {
	scans, err := scansOf(tx, p.ID)
	if err != nil {
		return err
	}
	rules, err := s.DelayRules(tx)
	if err != nil {
		return err
	}
	if was.Status == "" {
		was.Status = Pending
	}
	before, now := p.To, progress(scans)
	p.Progress = now
	p.expect()
	if kind, cause, ok := news(was, now, corrected); ok {
		if err := s.bus.Publish(tx, ParcelEvent{ParcelFacts: p.facts(tx.Now()), Kind: kind, Cause: cause, WindowStart: now.WindowStart, WindowEnd: now.WindowEnd, By: by}); err != nil {
			return err
		}
	}
	if err := saveProgress(tx, *p, now, time.Time{}); err != nil {
		return err
	}
	next, err := s.look(tx, p, rules, before)
	if err != nil {
		return err
	}
	return saveProgress(tx, *p, now, next)
}

// arrive completes an order whose last parcel has come, and reopens one of which that turned out an error.
func (s *Shipments) arrive(tx *db.Tx, all []ParcelState, announced bool) error {
	last, whole := time.Time{}, true
	for _, p := range all {
		whole = whole && p.Status == Delivered
		if p.DeliveredAt.After(last) {
			last = p.DeliveredAt
		}
	}
	if len(all) == 0 || whole == announced {
		return nil
	}
	p := all[0]
	if !whole {
		if err := markDelivered(tx, p.Order, time.Time{}); err != nil {
			return err
		}
		_, err := s.orders.Reopen(tx, p.Order)
		return err
	}
	if err := markDelivered(tx, p.Order, last); err != nil {
		return err
	}
	if _, err := s.orders.Complete(tx, p.Order); err != nil {
		return err
	}
	return s.bus.Publish(tx, p.arrived(len(all), last, tx.Now()))
}

func (p ParcelState) arrived(parcels int, last, at time.Time) AllDeliveredEvent {
	return AllDeliveredEvent{Order: p.Order, Number: p.Number, Customer: p.Customer, Market: p.Market, Country: p.Country, Lang: p.Lang, Parcels: parcels, Occurred: last, At: at}
}

// Enter brings along the shipment of an order of the past, handed over at a moment in one parcel, with what was heard of
// it since, oldest first. The journal says when what became known; nobody is told. What is heard from now on is news.
func (s *Shipments) Enter(tx *db.Tx, o order.Order, at time.Time, by, tracking string, in []Scan) (ParcelState, error) {
	one := shipmentOf(o)
	one.ID, one.MadeAt, one.ChangedAt, one.State, one.HandedOverAt, one.HandedOverBy = ShipmentID(id.New("shp")), o.PlacedAt, at, HandedOver, at, by
	one.Parcels[0].Tracking = tracking
	if v, ok := s.stock.service(o.Market, o.Country, o.Location, o.Service); ok {
		one.Carrier, one.Channel = v.Carrier, v.Channel
	}
	p := ParcelState{}
	if fresh, err := insertShipment(tx, one); err != nil || !fresh {
		return p, err
	}
	in = append([]Scan{{Status: PickedUp, Occurred: at, By: by, Ref: handOverRef + " 0"}}, in...)
	for i := range in {
		in[i] = in[i].tidy()
		in[i].Parcel, in[i].Received = parcelID(one.ID, 1), in[i].Occurred
		if in[i].Source == "" {
			in[i].Source = desk
		}
		in[i].ID = in[i].identity()
		if _, err := insertScan(tx, one.ID, in[i]); err != nil {
			return p, err
		}
	}
	p = s.parcel(o, one, 0)
	p.N, p.Of = 1, 1
	if err := s.journal(tx, p, in, by); err != nil {
		return p, err
	}
	p.Progress = progress(in)
	own := p.Progress
	p.expect()
	if p.Status != Delivered {
		return p, saveProgress(tx, p, own, tx.Now())
	}
	if _, err := lockDeliveries(tx, o.ID); err != nil {
		return p, err
	}
	if err := markDelivered(tx, o.ID, p.DeliveredAt); err != nil {
		return p, err
	}
	return p, saveProgress(tx, p, own, time.Time{})
}

// journal enters what each event of an order's only parcel said when it came, and that it was delivered.
func (s *Shipments) journal(tx *db.Tx, p ParcelState, in []Scan, by string) error {
	for i := range in {
		was, at := p.Progress, in[i].Occurred
		p.Progress = progress(in[:i+1])
		now := p.Progress
		p.expect()
		if kind, cause, ok := news(was, now, false); ok {
			e := ParcelEvent{ParcelFacts: p.facts(at), Kind: kind, Cause: cause, WindowStart: now.WindowStart, WindowEnd: now.WindowEnd, By: by}
			if err := s.bus.Enter(tx, at, e); err != nil {
				return err
			}
		}
		p.Progress = now
	}
	if p.Status != Delivered {
		return nil
	}
	return s.bus.Enter(tx, p.DeliveredAt, p.arrived(1, p.DeliveredAt, p.DeliveredAt))
}
