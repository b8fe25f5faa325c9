// Package fulfilment knows where goods lie, how many may be promised, and how and when they reach a shopper.
//
// Stock is held for a checkout (Reserve), kept for an order (Allocate) and never promised twice. It computes no
// duty: an Option says under which terms it travels, package landed what that costs.
package fulfilment

import (
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrSoldOut is the fault of stock that isn't there; Fields names each SKU with what is left, in digits.
	ErrSoldOut = fault.New(fault.Conflict, "fulfilment.sold_out")
	// ErrUnknownLocation is the fault of a location code that names none.
	ErrUnknownLocation = fault.New(fault.NotFound, "fulfilment.unknown_location")
	// ErrUnknownReservation is the fault of a reference under which nothing was ever held.
	ErrUnknownReservation = fault.New(fault.NotFound, "fulfilment.unknown_reservation")
	// ErrAllocated is the fault of a new reservation under a reference that an order has already.
	ErrAllocated = fault.New(fault.Conflict, "fulfilment.already_allocated")
	// ErrNotAllocated is the fault of shipping what no order keeps.
	ErrNotAllocated = fault.New(fault.Conflict, "fulfilment.not_allocated")
	// ErrNoService is the fault of a destination nothing is sent to.
	ErrNoService = fault.New(fault.Conflict, "fulfilment.no_service")
)

// Location is a place that goods are sent from.
type Location struct {
	Code    string
	Name    string
	Country market.Country
	Zone    string // IANA
	Cutoff  int    // hour of the day there until which an order leaves the same working day
}

// Stock is what lies of a variant at a location. What may be promised is OnHand - Safety - Reserved - Allocated.
type Stock struct {
	SKU, Location string
	OnHand        int64
	Safety        int64
	Reserved      int64 // held for checkouts
	Allocated     int64 // kept for orders that haven't left
}

// Free is how many pieces may be promised; never negative.
func (s Stock) Free() int64 { return max(0, s.OnHand-s.Safety-s.Reserved-s.Allocated) }

// Want is a quantity of a variant at a location.
type Want struct {
	SKU      string
	Location string
	Quantity int64 // 1 to 9,999
}

// Level is how much there is of a variant for one market, for pages: it may be a second old.
type Level struct {
	Free int64 // in the location that has most
	Low  bool  // 5 or fewer
}

// Channel is the way a parcel enters a country, which decides some duties.
type Channel string

const (
	Courier Channel = "courier"
	Postal  Channel = "postal"
)

// OptionsRequest asks how lines can reach a place.
type OptionsRequest struct {
	Market   market.Code
	Country  market.Country
	Region   string
	Lines    []OptionLine
	Subtotal money.Amount // the goods as shown, for services that are free from a value; zero: none is
	At       time.Time
}

// OptionLine is one line to send.
type OptionLine struct {
	SKU         string
	Quantity    int64
	WeightGrams int64 // of one piece
}

// Option is one way to send a cart, with its price and its promise.
type Option struct {
	Service      string         `json:"service"` // "express_ddp"; the key of its name is "service." + Service
	Carrier      string         `json:"carrier"`
	Location     string         `json:"location"` // code
	From         market.Country `json:"from"`     // where it is sent from
	Channel      Channel        `json:"channel"`
	Price        money.Amount   `json:"price"` // in the market's currency, with tax where the market shows prices with tax
	TaxInclusive bool           `json:"tax_inclusive"`
	Incoterm     string         `json:"incoterm"` // DDP: nothing more to pay on delivery; DAP: duty and tax are
	FromDay      string         `json:"from_day"` // first and last civil day of the promise, in the market
	ToDay        string         `json:"to_day"`
	MinDays      int            `json:"min_days"` // the same as days from the day of asking
	MaxDays      int            `json:"max_days"`
	WeightGrams  int64          `json:"weight_grams"`
}

// DeliveryService is a row of the delivery table. Market, Location and Service name it.
type DeliveryService struct {
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country,omitempty"` // empty: every country of the market
	Service  string         `json:"service"`
	Carrier  string         `json:"carrier"`
	Channel  Channel        `json:"channel"`
	Location string         `json:"location"`
	Incoterm string         `json:"incoterm"`
	Base     money.Amount   `json:"base"`      // for the first kilogram
	PerKilo  money.Amount   `json:"per_kilo"`  // for each further one begun
	FreeFrom money.Amount   `json:"free_from"` // free from this value of goods; zero: never
	MaxGrams int64          `json:"max_grams"` // 0: no limit
	Handling int            `json:"handling"`  // working days at the location before it leaves
	MinDays  int            `json:"min_days"`  // transit, in working days of the destination
	MaxDays  int            `json:"max_days"`
	Position int64          `json:"position"`
}
