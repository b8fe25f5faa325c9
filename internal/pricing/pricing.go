// Package pricing makes the prices shoppers see out of base prices, exchange rates and each market's rules,
// publishes them as rows, and keeps discount codes.
//
// A page reads published rows only; nothing is converted or rounded when somebody pays. Duty and the tax of a
// destination are computed by package landed.
package pricing

import (
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrNoPrice is the fault of a SKU that has no published price in a market.
	ErrNoPrice = fault.New(fault.NotFound, "pricing.no_price")
	// ErrNoRate is the fault of two currencies between which no rate is known on a day.
	ErrNoRate = fault.New(fault.Conflict, "pricing.no_rate")
	// ErrStaleRate is the fault of a latest rate that is more than seven days older than the day asked for.
	ErrStaleRate = fault.New(fault.Conflict, "pricing.rate_stale")
	// ErrRateJump is the fault of a rate more than 10 % away from the last one that nobody has vouched for.
	ErrRateJump = fault.New(fault.Conflict, "pricing.rate_jump")
	// ErrCodeUnknown is the fault of a code that doesn't exist, and of one for another market, person or cart:
	// a guesser can't tell them apart.
	ErrCodeUnknown = fault.New(fault.NotFound, "pricing.code_unknown")
	// ErrCodeEarly is the fault of a code before its first moment.
	ErrCodeEarly = fault.New(fault.Conflict, "pricing.code_early")
	// ErrCodeExpired is the fault of a code after its last moment, or withdrawn.
	ErrCodeExpired = fault.New(fault.Conflict, "pricing.code_expired")
	// ErrCodeUsed is the fault of a code redeemed as often as it may be.
	ErrCodeUsed = fault.New(fault.Conflict, "pricing.code_used")
	// ErrCodeMinimum is the fault of a cart below the code's minimum; Fields["minimum"] is the decimal amount.
	ErrCodeMinimum = fault.New(fault.Conflict, "pricing.code_minimum")
	// ErrCodeFloor is the fault of a code that would sell goods below the margin that their market asks for.
	ErrCodeFloor = fault.New(fault.Conflict, "pricing.code_floor")
	// ErrCodeTaken is the fault of a code of one's own wording that exists already.
	ErrCodeTaken = fault.New(fault.Conflict, "pricing.code_taken")
)

// Price is what one piece of a variant costs in a market.
type Price struct {
	Amount       money.Amount // what is shown and charged
	TaxInclusive bool         // whether Amount contains the market's tax
	Was          money.Amount // the crossed-out price, zero where nothing is crossed out
	Lowest30     money.Amount // lowest price of the 30 days before the reduction began; zero without one
	Rate         money.Rate   // from the base currency to the market's, that the price was made with
	Day          string       // the civil day of that rate
	RowID        string       // names the published row
}

// TaxRates tells the rate of the tax inside shown prices. Satisfied by an adapter over package landed.
type TaxRates interface {
	// TaxRate is the rate for a tax category on a civil day; false where none is known. region may be empty.
	TaxRate(country market.Country, region, category, day string) (money.Rate, bool)
}

// FX is one exchange rate: on Day, 1 Base is Rate Quote.
type FX struct {
	Base, Quote money.Currency
	Rate        money.Rate
	Day         string // civil day
	Source      string // "ecb", "manual", …
	By          string // who vouches for a rate that jumped; empty for nobody
	SetBy       string // who entered it; empty where a file or a source did
	Reason      string // why, of a rate that a person entered
}

// Quotation is the rate found for a day.
type Quotation struct {
	Rate   money.Rate // units of the currency asked for per unit of the one given; 12 digits where it goes through a third
	Day    string     // the day of the rate, the older of two where it goes through a third currency
	Source string
}

// CodeKind says what a code takes off.
type CodeKind string

const (
	PercentOff CodeKind = "percent" // a share of the goods
	AmountOff  CodeKind = "amount"  // a fixed amount per market, never converted
)

// CodeRule says what a code to be issued is worth and to whom.
type CodeRule struct {
	Code      string // own wording (A-Z, 0-9, 4 to 32 characters); empty makes an unguessable one
	Prefix    string // begins an unguessable one: "BACK"
	Kind      CodeKind
	Percent   money.Rate                   // 0.05 is 5 %
	Amounts   map[market.Code]money.Amount // for AmountOff: a market without an amount doesn't know the code
	Minimums  map[market.Code]money.Amount // least value of the goods
	Market    market.Code                  // empty: any
	Customer  string                       // empty: anybody
	Cart      string                       // empty: any
	Campaign  string
	ValidFrom time.Time // zero: now
	ValidTo   time.Time // zero: for ever
	MaxUses   int64     // 0 is 1
}

// Code is an issued discount code.
type Code struct {
	CodeRule
	State     CodeState
	Uses      int64
	CreatedAt time.Time
}

// CodeState says whether a code lives.
type CodeState string

const (
	CodeOpen CodeState = "open"
	CodeVoid CodeState = "void"
)

// CodeUse is the cart a code is tried on.
type CodeUse struct {
	Market   market.Code
	Cart     string
	Customer string
	Person   []string     // all profiles of the customer, where there are several
	Subtotal money.Amount // the goods as shown, before shipping, duty and this discount
	Goods    []Piece      // what Subtotal is the sum of; none: nothing is known of their margin
}

// Piece is a line of the goods that a code is tried on.
type Piece struct {
	SKU         string
	TaxCategory string
	Quantity    int64
	Total       money.Amount
}

// Run is one publishing of a market's prices.
type Run struct {
	ID        string
	Market    market.Code
	Rate      money.Rate
	Day       string // of the rate
	At        time.Time
	Published int    // rows made
	Kept      int    // rows left because their target moved by no more than 3 %
	Skipped   []Skip // variants that got no row, by SKU
}

// Skip says why a variant has no new price; an older row stays in force.
type Skip struct{ SKU, Reason string }
