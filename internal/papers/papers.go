// Package papers keeps the papers that shipments travel with, and is the one door through which a shipment is
// labelled and handed over: it asks package customs what a consignment needs and what is wrong with it, and refuses
// until nothing is.
//
// A paper is never changed. Papers are made together from one snapshot of a shipment's data, under a version; a
// correction is a new version, and the one before is void. The file is drawn again from its snapshot, to the same
// hash.
//
// It knows no rule of customs (package customs does), draws nothing itself but labels, keeps no shipments (package
// fulfilment) and sends nothing to a carrier.
package papers

import (
	"embed"
	"errors"
	"fmt"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/tax"
)

//go:embed schema
var files embed.FS

// Schema holds papers, acceptances and what customs are told about products.
var Schema = db.Schema{Owner: "papers", Files: files}

// The faults of papers.
var (
	// ErrCannotLeave is the fault of labelling or handing over what something still keeps; Refusal has the reasons.
	ErrCannotLeave = fault.New(fault.Conflict, "papers.cannot_leave")
	// ErrOpen is the fault of making papers for a consignment with errors; Refusal has them.
	ErrOpen = fault.New(fault.Conflict, "papers.open_errors")
	// ErrNoPaper is the fault of a paper that wasn't made, or isn't needed.
	ErrNoPaper = fault.New(fault.NotFound, "papers.no_such_paper")
	// ErrDrawnOtherwise is the fault of a paper that this edition of the program draws otherwise than when it was
	// made: its hash wouldn't be the one that was kept.
	ErrDrawnOtherwise = fault.New(fault.Conflict, "papers.drawn_otherwise")
	// ErrProfile is the fault of a customs profile that can't be like this.
	ErrProfile = fault.New(fault.Invalid, "papers.profile_invalid")
	// ErrGoods is the fault of customs facts of a product that can't be like this.
	ErrGoods = fault.New(fault.Invalid, "papers.goods_invalid")
	// ErrParticulars is the fault of a shipment's particulars that can't be like this.
	ErrParticulars = fault.New(fault.Invalid, "papers.particulars_invalid")
	// ErrAcceptance is the fault of accepting what isn't a warning of the shipment, or without a reason.
	ErrAcceptance = fault.New(fault.Invalid, "papers.acceptance_invalid")
	// ErrMeanwhile is the fault of two people who say something of the same product at once.
	ErrMeanwhile = fault.New(fault.Conflict, "papers.changed_meanwhile")
	// ErrNothingChosen is the fault of printing nothing.
	ErrNothingChosen = fault.New(fault.Invalid, "papers.nothing_chosen")
)

// Refusal is an error that says what keeps a shipment; it wraps ErrCannotLeave or ErrOpen.
type Refusal struct {
	Fault    *fault.Fault
	Shipment fulfilment.ShipmentID
	Reasons  []Reason
}

// Error implements error.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("%s: %s:", r.Shipment, r.Fault.Code)
	for _, why := range r.Reasons {
		text += " " + why.Key
	}
	return text
}

// Unwrap makes errors.Is find the fault.
func (r *Refusal) Unwrap() error { return r.Fault }

// RefusalOf finds the refusal in err's chain.
func RefusalOf(err error) (*Refusal, bool) {
	r, ok := errors.AsType[*Refusal](err)
	return r, ok
}

// What papers ask of the packages below.
type (
	// Orders is satisfied by order.Service.
	Orders interface {
		Get(tx *db.Tx, id order.ID) (order.Order, error)
	}
	// Shipments is satisfied by fulfilment.Shipments.
	Shipments interface {
		Get(tx *db.Tx, id fulfilment.ShipmentID) (fulfilment.Shipment, error)
		ByOrder(tx *db.Tx, o order.ID) ([]fulfilment.Shipment, error)
		List(tx *db.Tx, f fulfilment.ShipmentFilter, p fulfilment.ShipmentPage) ([]fulfilment.Shipment, string, error)
		Number(tx *db.Tx, id fulfilment.ShipmentID) (fulfilment.Shipment, error)
		Ready(tx *db.Tx, id fulfilment.ShipmentID, version int64, by string) (fulfilment.Shipment, error)
		HandOver(tx *db.Tx, id fulfilment.ShipmentID, version int64, by string) (fulfilment.Shipment, error)
		TakeBack(tx *db.Tx, id fulfilment.ShipmentID, by string) (fulfilment.Shipment, error)
	}
	// Places is satisfied by fulfilment.Service.
	Places interface {
		Location(code string) (fulfilment.Location, error)
		Locations() []fulfilment.Location
	}
	// Products is satisfied by catalog.Service.
	Products interface {
		Snapshot() *catalog.Snapshot
	}
	// Rates is satisfied by pricing.Service.
	Rates interface {
		Rate(tx *db.Tx, from, to money.Currency, day string) (pricing.Quotation, error)
	}
	// Registrations is satisfied by tax.Service.
	Registrations interface {
		Registrations(tx *db.Tx) ([]tax.Registration, error)
	}
)

// Parts are what papers are made of.
type Parts struct {
	Orders        Orders
	Shipments     Shipments
	Places        Places
	Products      Products
	Rates         Rates
	Registrations Registrations
	Zone          *time.Location       // whose midnight dates papers; UTC if nil
	Codes         customs.Nomenclature // nil is customs.Codes
}

// Service keeps papers.
type Service struct{ Parts }

// New returns the papers of a shop.
func New(p Parts) *Service {
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	return &Service{p}
}

// today is the civil day that papers made now bear.
func (s *Service) today(tx *db.Tx) time.Time {
	now := tx.Now().In(s.Zone)
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
}
