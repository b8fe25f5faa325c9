package fulfilment

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"portolan/internal/address"
	"portolan/internal/fault"
	"portolan/internal/market"
)

// The faults of tracking.
var (
	// ErrScan is the fault of events that can't be like this; Fields say what is wrong: events.0.status.
	ErrScan = fault.New(fault.Invalid, "fulfilment.events_invalid")
	// ErrUnknownParcel is the fault of an id under which no parcel is on its way.
	ErrUnknownParcel = fault.New(fault.NotFound, "fulfilment.unknown_parcel")
	// ErrUnknownScan is the fault of taking back an event that isn't there.
	ErrUnknownScan = fault.New(fault.NotFound, "fulfilment.unknown_event")
	// ErrNotHandedOver is the fault of a parcel that moves before its shipment has a label.
	ErrNotHandedOver = fault.New(fault.Conflict, "fulfilment.not_handed_over")
)

// ParcelID names a parcel for good: its shipment and its place there, counted from 1.
type ParcelID string

func parcelID(s ShipmentID, number int) ParcelID { return ParcelID(fmt.Sprintf("%s.%d", s, number)) }

// split is the shipment of a parcel and its place there; 0 where the id is none of ours.
func (p ParcelID) split() (s ShipmentID, number int) {
	at := strings.LastIndexByte(string(p), '.')
	if at < 0 {
		return "", 0
	}
	if _, err := fmt.Sscanf(string(p[at+1:]), "%d", &number); err != nil || number < 1 || number > maxParcels {
		return "", 0
	}
	return ShipmentID(p[:at]), number
}

// Status is what is happening to a parcel.
type Status string

// The statuses. Pending is that of a parcel of which nothing was heard.
const (
	Pending        Status = "pending"
	InfoReceived   Status = "info_received"
	PickedUp       Status = "picked_up"
	InTransit      Status = "in_transit"
	AtCustoms      Status = "customs"
	OutForDelivery Status = "out_for_delivery"
	AtPickup       Status = "available_for_pickup"
	AttemptFailed  Status = "attempt_failed"
	Delivered      Status = "delivered"
	Exceptional    Status = "exception"
	Returning      Status = "returning"
	Returned       Status = "returned"
)

// Statuses lists what an event may say, in the order of a parcel's way.
var Statuses = []Status{InfoReceived, PickedUp, InTransit, AtCustoms, OutForDelivery, AttemptFailed, AtPickup, Delivered, Exceptional, Returning, Returned}

// Stage is where on its way a parcel is; empty where nobody said.
type Stage string

// Stages lists them in the order of a parcel's way.
var Stages = []Stage{Origin, Export, Linehaul, Import, Destination, LastMile}

// The stages.
const (
	Origin      Stage = "origin"
	Export      Stage = "export"
	Linehaul    Stage = "linehaul"
	Import      Stage = "import"
	Destination Stage = "destination"
	LastMile    Stage = "last_mile"
)

// The words an event may use besides, each may be missing. Reason says why, Responsible who is in charge of what comes
// next, Action what the buyer has to do.
var (
	Reasons      = []string{"presented", "held", "documents", "duty", "released", "inspected", "address", "nobody_home", "refused", "no_access", "weather", "capacity", "misrouted", "lost", "damaged", "security", "neighbour", "safe_place", "not_collected"}
	Responsibles = []string{"carrier", "merchant", "consignee", "customs", "weather", "unknown"}
	Actions      = []string{"none", "pay_duty", "supply_document", "fix_address", "collect", "reschedule", "contact_carrier"}
)

// Scan is one thing heard about a parcel, from a carrier, a program or a person. It is never changed: who errs adds
// another that takes it back.
type Scan struct {
	ID       string   // made from the rest; see identity
	Parcel   ParcelID // found by Number
	Number   string   // the parcel's tracking number, or its place in the shipment ("2"); may be empty where there is one
	Received time.Time
	Review   string // why it counts for nothing until a person has looked: no_time, future, before_order, unmapped
	By       string // who entered it
	Source   string // "carrier:kite", "api", "desk", "import"

	Occurred    time.Time // when it happened, whenever it was heard
	When        string    // the same as it was written, where Occurred is zero: RFC 3339, or without a zone
	ZoneGuessed bool      // the time came without a zone
	Status      Status    // empty: the carrier's code is one nobody has mapped
	Stage       Stage
	Reason      string
	Responsible string
	Action      string
	Place       string         // as the carrier names it: "Köln"
	Country     market.Country // of the place
	WindowStart time.Time      // of the delivery on the day
	WindowEnd   time.Time
	From, To    string // civil days on which it is expected now
	Ref         string // the sender's own id of the event
	Code        string // as the carrier sent it
	Text        string
	Body        string
	Corrects    string // ID of the event that this one takes back
}

// furthest is how far in the future an event may lie and still be believed.
const furthest = 24 * time.Hour

var fold = cases.Fold()

// plain is text without what senders vary: case, width and spaces.
func plain(s string) string {
	return strings.Join(strings.Fields(fold.String(norm.NFKC.String(s))), " ")
}

// identity is what tells an event from others: the sender's own id of it, else what it says. A raw code outweighs
// our reading of it, so that a better reading is no second event.
func (e Scan) identity() string {
	parts := []string{string(e.Parcel), e.Corrects}
	switch {
	case e.Ref != "":
		parts = append(parts, "ref", e.Source, e.Ref)
	case e.Corrects != "":
		parts = append(parts, plain(e.Text)) // whenever it is said
	default:
		said := e.Code
		if said == "" {
			said = strings.Join([]string{string(e.Status), string(e.Stage), e.Reason, e.Action, stamp(e.WindowStart), stamp(e.WindowEnd), e.From, e.To}, " ")
		}
		parts = append(parts, "said", said, stamp(e.Occurred), plain(e.Place), plain(e.Text))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "pev_" + hex.EncodeToString(sum[:16])
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// tidy fills what follows from the rest.
func (e Scan) tidy() Scan {
	e.Number = strings.ToUpper(strings.Join(strings.Fields(e.Number), ""))
	e.Occurred = e.Occurred.UTC().Truncate(time.Microsecond)
	e.WindowStart, e.WindowEnd = e.WindowStart.UTC().Truncate(time.Microsecond), e.WindowEnd.UTC().Truncate(time.Microsecond)
	if e.Action == "none" {
		e.Action = ""
	}
	if e.Stage == "" {
		e.Stage = stageOf[e.Status]
	}
	if e.Responsible == "" {
		e.Responsible = responsible(e.Reason, e.Action)
	}
	return e
}

// stageOf is where a parcel is by what happens to it, where that is certain.
var stageOf = map[Status]Stage{InfoReceived: Origin, PickedUp: Origin, AtCustoms: Import, OutForDelivery: LastMile, AttemptFailed: LastMile, AtPickup: LastMile, Delivered: LastMile}

// responsible is who is in charge, where the event doesn't say.
func responsible(reason, action string) string {
	switch {
	case action == "contact_carrier":
		return "carrier"
	case action != "":
		return "consignee"
	case reason == "presented", reason == "held", reason == "inspected":
		return "customs"
	case reason == "weather":
		return "weather"
	case reason == "lost", reason == "damaged", reason == "misrouted", reason == "capacity":
		return "carrier"
	}
	return ""
}

// check says what is wrong with an event; at is how its fields begin.
func (e Scan) check(c *fault.Check, at string) {
	if e.Corrects != "" {
		c.That(e.Status == "", at+"corrects", "fulfilment.correction_alone")
	} else {
		c.That(slices.Contains(Statuses, e.Status) || e.Status == "" && e.Code != "", at+"status", "fulfilment.status_unknown")
	}
	c.That(e.Stage == "" || slices.Contains(Stages, e.Stage), at+"stage", "fulfilment.stage_unknown")
	c.That(e.Reason == "" || slices.Contains(Reasons, e.Reason), at+"reason", "fulfilment.reason_unknown")
	c.That(e.Responsible == "" || slices.Contains(Responsibles, e.Responsible), at+"responsible", "fulfilment.responsible_unknown")
	c.That(e.Action == "" || slices.Contains(Actions, e.Action), at+"action_required", "fulfilment.action_unknown")
	c.That(e.Country == "" || address.Known(string(e.Country)), at+"country", "fulfilment.country_form")
	c.That(e.WindowEnd.IsZero() || !e.WindowStart.IsZero() && !e.WindowEnd.Before(e.WindowStart), at+"window_end", "fulfilment.window_order")
	c.That((e.From == "") == (e.To == "") && e.From <= e.To, at+"expected_to", "fulfilment.range_order")
	for _, day := range []struct{ name, day string }{{"expected_from", e.From}, {"expected_to", e.To}} {
		_, err := time.Parse(time.DateOnly, day.day)
		c.That(day.day == "" || err == nil, at+day.name, "fulfilment.day_form")
	}
	for _, text := range []struct {
		name, text string
		most       int
	}{{"place", e.Place, 200}, {"ref", e.Ref, 200}, {"code", e.Code, 200}, {"text", e.Text, 2000}, {"raw", e.Body, 16_000}} {
		c.That(len(text.text) <= text.most, at+text.name, "too_long")
		c.That(!strings.ContainsRune(text.text, 0), at+text.name, "malformed")
	}
}

// doubt says why an event of a shipment whose order was placed at a moment isn't believed; empty: it is.
func (e Scan) doubt(placed, now time.Time) string {
	switch {
	case e.Corrects != "":
		return ""
	case e.Occurred.IsZero():
		return "no_time"
	case e.Occurred.After(now.Add(furthest)):
		return "future"
	case e.Occurred.Before(placed.Truncate(time.Minute)):
		return "before_order"
	case e.Status == "":
		return "unmapped"
	}
	return ""
}

// rank orders events of one moment, as feeds that know minutes only have them.
func (e Scan) rank() int {
	return slices.Index(Stages, e.Stage)*len(Statuses) + slices.Index(Statuses, e.Status)
}
