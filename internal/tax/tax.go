// Package tax keeps the books for tax authorities: a ledger of what was supplied where and what was taken back,
// the merchant's registrations, how near each country's threshold is, and the figures of each return.
//
// It works out no tax: the charges of an order, made by package landed, are taken as they are, to the minor
// unit. It files nothing and sends nothing to an authority.
//
// None of it is tax advice. What a return says of orders and refunds is exact; estimates are the counting
// towards thresholds (a shop doesn't know every exemption, nor sales made elsewhere), every projected day, the
// scheme of an order whose shop didn't say it (Entry.Doubt), and whatever stands on a row of low confidence.
package tax

import (
	"context"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/snapshot"
)

// The faults of the tax books. Those of kind fault.Invalid carry Fields.
var (
	// ErrNoSale is the fault of a refund of an order that the ledger doesn't have.
	ErrNoSale = fault.New(fault.NotFound, "tax.no_sale")
	// ErrRefund is the fault of a refund that can't be: no reference, another currency, more than is left.
	ErrRefund = fault.New(fault.Invalid, "tax.refund_invalid")
	// ErrReused is the fault of a reference of a refund that stands for another order or amount.
	ErrReused = fault.New(fault.Conflict, "tax.refund_reference_reused")
	// ErrRegistration is the fault of a registration that can't be: unknown word, malformed number, days in disorder, overlap.
	ErrRegistration = fault.New(fault.Invalid, "tax.registration_invalid")
	// ErrUnknownRegistration is the fault of a registration that isn't there.
	ErrUnknownRegistration = fault.New(fault.NotFound, "tax.unknown_registration")
	// ErrPeriod is the fault of a period that isn't 2026-11, 2026-Q4 or 2026, or isn't one the scheme files by.
	ErrPeriod = fault.New(fault.Invalid, "tax.period_invalid")
	// ErrUnknownScheme is the fault of a return under a scheme that there isn't.
	ErrUnknownScheme = fault.New(fault.NotFound, "tax.unknown_scheme")
)

// The entries of the ledger by what they do.
const (
	Sale         Kind = "sale"
	Refund       Kind = "refund"       // part of the money, or all of it, went back
	Cancellation Kind = "cancellation" // the order was taken back before anything left: there was no supply
)

// Kind is what an entry does.
type Kind string

// Schemes that aren't filed by the merchant.
const (
	Import      = "IMPORT"      // collected at checkout for the border; the carrier's declaration accounts for it
	Marketplace = "MARKETPLACE" // collected by the marketplace that sold, which accounts for it
	Untaxed     = "NONE"        // no tax was collected
	Unstated    = "UNSTATED"    // tax was collected, by another shop, without saying what for: a person has to look
)

// Entry is a supply or what takes one back. Amounts are in one currency; those of refunds and cancellations are
// below nothing. Net + Duty + Tax + Fees is what the buyer paid or got back.
type Entry struct {
	ID       string
	Kind     Kind
	Order    order.ID
	Of       string    // the sale that a refund takes back
	At       time.Time // UTC
	Day      string    // civil day in the authority's zone
	Original string    // the sale's Day; the same as Day for a sale
	Country  string    // whose tax; XI is Northern Ireland
	Region   string    // state or province
	ShipFrom string
	Currency money.Currency
	Net      money.Amount // goods and their delivery, without tax
	Duty     money.Amount
	Tax      money.Amount
	Fees     money.Amount
	Low      bool   // within the destination's low-value limit, or sold inside the country
	Doubt    string // why it should be looked at: no_rate (Low isn't certain), charges_missing; empty: not
	Reason   string // of a refund
	Test     bool   // paid with the test provider; never in a return or a threshold
	Parts    []Part // one per rate
}

// Part is one rate of tax on an entry. A consignment under two taxes (Canada) has two parts on one base.
type Part struct {
	Scheme string // IOSS, OSS, GB_VAT, VOEC, AU_GST … US_CA; or Import, Untaxed, Unstated
	Code   string // VAT, GST, SALES_TAX …
	Rate   money.Rate
	Rule   string // row of package landed
	Base   money.Amount
	Tax    money.Amount
}

// What tax asks of the packages below it.
type (
	// Orders is satisfied by order.Service.
	Orders interface {
		Get(tx *db.Tx, id order.ID) (order.Order, error)
	}
	// Rates is satisfied by pricing.Service.
	Rates interface {
		Rate(tx *db.Tx, from, to money.Currency, day string) (pricing.Quotation, error)
	}
	// Places is satisfied by fulfilment.Service.
	Places interface {
		Location(code string) (fulfilment.Location, error)
	}
	// Bus is satisfied by events.Bus.
	Bus interface {
		Publish(tx *db.Tx, e events.Event) error
	}
)

// Parts are what the books are made of.
type Parts struct {
	DB     *db.DB
	Bus    Bus
	Orders Orders
	Rates  Rates
	Places Places
	Home   market.Country // where the merchant is established; empty: abroad from everywhere

	Versions snapshot.Versions // of the registrations in memory
	Bump     snapshot.Bump
}

// Service keeps the books.
type Service struct {
	Parts
	facts *facts
	past  sync.Map // rates of days long gone, money.Rate by question
	roll  *snapshot.Of[roll]
}

// New returns the books.
func New(p Parts) *Service {
	return &Service{Parts: p, facts: known(), roll: snapshot.New(p.DB, func() int64 { return p.Versions.Version(Version) }, loadRoll)}
}

// Load brings the registrations into memory.
func (s *Service) Load(ctx context.Context) error { return s.roll.Load(ctx) }

// Listen enters orders that were paid and cancelled on bus, and looks at the thresholds now and then.
func (s *Service) Listen(bus *events.Bus, q *jobs.Queue) {
	events.On(bus, "tax.sale", s.paid)
	events.On(bus, "tax.cancellation", s.cancelled)
	events.On(bus, "tax.refund", s.refunded)
	jobs.HandleOutside(q, s.watch)
	q.Every("tax.watch", watchEvery, watchJob{})
}

const watchEvery = 6 * time.Hour

type watchJob struct{}

// Job implements jobs.Args.
func (watchJob) Job() string { return "tax.watch" }

// watch counts while others write: a year of sales takes its time.
func (s *Service) watch(ctx context.Context, _ watchJob) error {
	var all []Status
	err := s.DB.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = s.Thresholds(tx, tx.Now())
		return err
	})
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := s.tell(tx, all)
		return err
	})
}

func (s *Service) paid(tx *db.Tx, e order.PaidEvent) error {
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return err
	}
	_, err = s.RecordSale(tx, o)
	return err
}

// cancelled takes back what was entered of an order. The news of its payment may come later; then it is entered
// here first.
func (s *Service) cancelled(tx *db.Tx, e order.CancelledEvent) error {
	if !e.Paid {
		return nil
	}
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return err
	}
	if _, err := s.RecordSale(tx, o); err != nil {
		return err
	}
	return s.recordCancellation(tx, o.ID, e.At, e.Reason)
}

// LevelEvent is announced when a threshold's level is reached the first time in a period.
type LevelEvent struct {
	Rule         string       `json:"rule"` // id of the threshold
	Jurisdiction string       `json:"jurisdiction"`
	Level        int          `json:"level"`  // 70, 90, 100 per cent
	Period       string       `json:"period"` // calendar year
	Counted      money.Amount `json:"counted"`
	Limit        money.Amount `json:"limit"`
	Do           string       `json:"do"` // what to do, a stable code
	At           time.Time    `json:"at"`
}

// Topic implements events.Event.
func (LevelEvent) Topic() string { return "tax.threshold_reached" }

// Subjects names what the event is about, for timelines.
func (e LevelEvent) Subjects() []string { return []string{e.Rule} }

// collected are an order's taxes of the checkout.
func collected(o *order.Order) (all []landed.Charge) {
	for _, c := range o.Charges {
		if c.Kind == landed.Tax && c.When == landed.AtCheckout {
			all = append(all, c)
		}
	}
	return all
}
