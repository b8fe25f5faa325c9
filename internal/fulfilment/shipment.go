package fulfilment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/order"
)

// The faults of shipments.
var (
	// ErrUnknownShipment is the fault of an id or a number under which nothing is sent.
	ErrUnknownShipment = fault.New(fault.NotFound, "fulfilment.unknown_shipment")
	// ErrShipment is the fault of a shipment that can't be like this; Fields say what is wrong.
	ErrShipment = fault.New(fault.Invalid, "fulfilment.shipment_invalid")
	// ErrGone is the fault of changing or voiding what was handed over.
	ErrGone = fault.New(fault.Conflict, "fulfilment.already_handed_over")
	// ErrVoided is the fault of changing or sending what was voided.
	ErrVoided = fault.New(fault.Conflict, "fulfilment.shipment_voided")
	// ErrOutdated is the fault of acting on a version of a shipment that isn't the present one.
	ErrOutdated = fault.New(fault.Conflict, "fulfilment.shipment_changed")
	// ErrNotReady is the fault of handing over what has no label yet.
	ErrNotReady = fault.New(fault.Conflict, "fulfilment.shipment_not_ready")
	// ErrCantTakeBack is the fault of taking back what wasn't handed over, or what others have acted on since.
	ErrCantTakeBack = fault.New(fault.Conflict, "fulfilment.cannot_take_back")
	// ErrNoNumbers is the fault of a range of item numbers that is used up, or isn't there.
	ErrNoNumbers = fault.New(fault.Conflict, "fulfilment.no_item_numbers")
)

// ShipmentID names a shipment.
type ShipmentID string

// ShipmentState is how far a shipment has come in our hands; what happens on its way is told by parcel events.
//
//	preparing <-> ready <-> handed_over
//	    '----------'---> voided
//
// What keeps a shipment from leaving is no state: package papers derives it.
type ShipmentState string

// The states. A ready shipment has its label; any change makes it preparing again.
const (
	Preparing  ShipmentState = "preparing"
	Ready      ShipmentState = "ready"
	HandedOver ShipmentState = "handed_over"
	Voided     ShipmentState = "voided"
)

// Shipment is what of an order leaves from one location.
type Shipment struct {
	ID           ShipmentID
	Order        order.ID
	Number       string // the order's, as the customer knows it
	Market       market.Code
	Country      market.Country // of destination
	Location     string
	State        ShipmentState
	Version      int64 // grows with each change of lines, parcels, address or service
	Service      string
	Carrier      string
	Channel      Channel
	Address      address.Address // as it was when the shipment was made, or as it was corrected
	Email        string
	Lines        []ShipmentLine
	Parcels      []Parcel
	MadeAt       time.Time
	ChangedAt    time.Time
	HandedOverAt time.Time
	HandedOverBy string
	VoidReason   string
}

// ShipmentLine is a quantity of one article; Line is its place among the order's lines.
type ShipmentLine struct {
	Line        int    `json:"line"`
	SKU         string `json:"sku"`
	Title       string `json:"title"`
	Quantity    int64  `json:"quantity"`
	WeightGrams int64  `json:"weight_grams"` // of one piece
}

// Parcel is one box of a shipment.
type Parcel struct {
	Tracking   string  // S10 or air waybill number; empty until it has one
	GrossGrams int64   // with packing
	Weighed    bool    // else GrossGrams is an estimate
	Length     int64   // millimetres; 0: not measured
	Width      int64   //
	Height     int64   //
	Packed     []int64 // pieces by line of the shipment
}

// packing is what a box and its filling weigh where nobody has weighed the parcel, in grams.
const packing = 60

const (
	maxParcels = 99
	maxGrams   = 1_000_000
	maxSide    = 5_000 // millimetres
)

// Gross is the weight of all parcels in grams.
func (s Shipment) Gross() (grams int64) {
	for _, p := range s.Parcels {
		grams += p.GrossGrams
	}
	return grams
}

// Open reports whether the shipment is still in our hands.
func (s Shipment) Open() bool { return s.State == Preparing || s.State == Ready }

// shipmentOf is the shipment of a whole order in one parcel of estimated weight.
func shipmentOf(o order.Order) Shipment {
	s := Shipment{Order: o.ID, Number: o.Number, Market: o.Market, Country: o.Country, Location: o.Location, State: Preparing, Version: 1,
		Service: o.Service, Channel: Courier, Address: o.Address, Email: o.Email}
	if s.Address.Phone == "" {
		s.Address.Phone = o.Phone
	}
	p := Parcel{GrossGrams: packing}
	for i, l := range o.Lines {
		s.Lines = append(s.Lines, ShipmentLine{i, l.SKU, l.Title, l.Quantity, l.Weight})
		p.Packed = append(p.Packed, l.Quantity)
		p.GrossGrams += l.Weight * l.Quantity
	}
	s.Parcels = []Parcel{p}
	return s
}

// packed says what is wrong with parcels for a shipment: all pieces have to be in them, once.
func (s Shipment) packed(parcels []Parcel) error {
	var c fault.Check
	c.That(len(parcels) >= 1 && len(parcels) <= maxParcels, "parcels", "fulfilment.parcel_count")
	pieces := make([]int64, len(s.Lines))
	for i, p := range parcels {
		at := fmt.Sprintf("parcels[%d].", i)
		c.That(p.GrossGrams > 0 && p.GrossGrams <= maxGrams, at+"gross_grams", "fulfilment.weight_range")
		for _, side := range []struct {
			name string
			mm   int64
		}{{"length_mm", p.Length}, {"width_mm", p.Width}, {"height_mm", p.Height}} {
			c.That(side.mm >= 0 && side.mm <= maxSide, at+side.name, "fulfilment.side_range")
		}
		c.That(p.Tracking == "" || trackingForm.MatchString(p.Tracking), at+"tracking", "fulfilment.tracking_form")
		c.That(!looksS10(p.Tracking) || ValidS10(p.Tracking), at+"tracking", "fulfilment.tracking_digit")
		c.That(len(p.Packed) == len(s.Lines), at+"packed", "fulfilment.packed_lines")
		inside := int64(0)
		for k, n := range p.Packed {
			c.That(n >= 0, at+"packed", "fulfilment.quantity_range")
			inside += n
			if k < len(pieces) {
				pieces[k] += n
			}
		}
		c.That(inside > 0, at+"packed", "fulfilment.parcel_empty")
	}
	for i, l := range s.Lines {
		c.That(pieces[i] == l.Quantity, "parcels", "fulfilment.packed_differs")
	}
	return c.Err(ErrShipment.Code)
}

var (
	trackingForm = regexp.MustCompile(`^[A-Z0-9]{6,35}$`)
	s10Form      = regexp.MustCompile(`^[A-Z]{2}[0-9]{9}[A-Z]{2}$`)
)

func looksS10(s string) bool { return s10Form.MatchString(s) }

// S10 writes a postal item number: two letters of the service, eight digits, their check digit, the country of
// the post. Source: UPU standard S10.
func S10(prefix string, serial int64, country string) string {
	digits := fmt.Sprintf("%08d", serial)
	return prefix + digits + s10Digit(digits) + country
}

// ValidS10 reports whether s is a postal item number whose check digit fits.
func ValidS10(s string) bool {
	return looksS10(s) && s10Digit(s[2:10]) == s[10:11]
}

func s10Digit(digits string) string {
	sum := 0
	for i, weight := range []int{8, 6, 4, 2, 3, 5, 9, 7} {
		sum += weight * int(digits[i]-'0')
	}
	switch d := 11 - sum%11; d {
	case 10:
		return "0"
	case 11:
		return "5"
	default:
		return string(rune('0' + d))
	}
}

// NumberRange is a range of postal item numbers that a post gave the merchant.
type NumberRange struct {
	Prefix  string // two letters: the service
	Country string // of the post
	Next    int64  // the next that is free
	Last    int64
}

// Left is how many numbers are left.
func (r NumberRange) Left() int64 { return max(0, r.Last-r.Next+1) }

func (r NumberRange) check() error {
	var c fault.Check
	c.That(len(r.Prefix) == 2 && strings.Trim(r.Prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "", "prefix", "fulfilment.number_prefix")
	c.That(address.Known(r.Country), "country", "fulfilment.country_form")
	c.That(r.Next >= 0 && r.Next <= r.Last && r.Last <= 99_999_999, "next", "fulfilment.number_range")
	return c.Err(ErrShipment.Code)
}

// tidyNumbers writes tracking numbers as carriers do.
func tidyNumbers(parcels []Parcel) []Parcel {
	out := slices.Clone(parcels)
	for i := range out {
		out[i].Tracking = strings.ToUpper(strings.Join(strings.Fields(out[i].Tracking), ""))
	}
	return out
}
