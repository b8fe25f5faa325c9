// Package landed works out what an order costs at the buyer's door: the goods and their delivery, and the
// duty, the tax and the fees of the country they go to, on one day, by a dated pack of rules that it carries
// with it. Every figure names the row, the day and the source it came from, and what isn't certain is said.
//
// It reads no database and no clock, knows no exchange rates but those it is given, doesn't know whether a
// merchant ought to register anywhere (package tax) or whether goods may be sent at all (package customs),
// and its figures are estimates, not tax advice.
package landed

import (
	"fmt"
	"time"

	"portolan/internal/fault"
	"portolan/internal/money"
)

// The faults of a request that can't be answered. Each carries Fields, such as "lines.3.quantity":
// "out_of_range"; the text of the error says what would do, such as "must be 1 to 1000000".
var (
	// ErrUnusable is the fault of a request with unusable values.
	ErrUnusable = fault.New(fault.Invalid, "landed.unusable_request")
	// ErrTooManyLines is the fault of a request with more than MaxLines lines.
	ErrTooManyLines = fault.New(fault.Invalid, "landed.too_many_lines")
	// ErrBeforeRules is the fault of a date before the first rule of the destination.
	ErrBeforeRules = fault.New(fault.Invalid, "landed.date_before_rules")
	// ErrNoExchangeRate is the fault of a threshold or a result in a currency that FX doesn't lead to.
	ErrNoExchangeRate = fault.New(fault.Invalid, "landed.no_exchange_rate")
	// ErrTooLarge is the fault of amounts that leave the range of exact arithmetic.
	ErrTooLarge = fault.New(fault.Invalid, "landed.amount_too_large")
)

// The limits of one request.
const (
	MaxLines    = 1000
	MaxQuantity = 1_000_000
)

// Channel is how a parcel travels; customs treat each differently.
type Channel string

// The channels. An empty channel is Courier.
const (
	Courier Channel = "courier"
	Postal  Channel = "postal"
	Freight Channel = "freight"
)

// Incoterm says who settles what the border asks for. It never changes what is owed.
type Incoterm string

// The incoterms. An empty incoterm is DDP.
const (
	DDP Incoterm = "DDP" // the seller; the checkout collects it
	DAP Incoterm = "DAP" // the buyer, on delivery
)

// Place is a destination. Region is a state or province (ISO 3166-2 without the country: "ON", "CA", "MG"),
// or a special territory; where it is empty it is read from the postcode if that is possible.
type Place struct {
	Country  string `json:"country"`
	Region   string `json:"region"`
	Postcode string `json:"postcode,omitempty"`
}

// Line is one kind of goods in the cart.
type Line struct {
	Key         string       // the caller's name for the line; comes back in the quote
	Description string       // as declared to customs; part of the EU's "item"
	HS          string       // 4 to 12 digits, dots allowed; empty when unknown
	Origin      string       // country of origin, ISO 3166-1 alpha-2; empty when unknown
	Quantity    int64        // 1 to MaxQuantity
	UnitPrice   money.Amount // per piece, in the one price currency of the request
	Discount    money.Amount // off the whole line, not negative
	Category    string       // tax category: standard, clothing, childrens_clothing, books, food …; empty is standard
	WeightGrams int64        // of the whole line; 0 when unknown
	// PreferenceProof names the agreement under which proof of origin is held: "EU-UK TCA", "CUSMA", "ChAFTA".
	PreferenceProof string
}

// FX is an exchange rate: one unit of From is Rate units of To.
type FX struct {
	From, To money.Currency
	Rate     money.Rate
}

// Flags are the merchant's readings of rules that are open, and facts about the sale.
type Flags struct {
	EUHandlingFee           bool // charge the Union handling fee (its start isn't confirmed)
	IOSSVATBaseExcludesDuty bool // leave the flat duty out of the base of IOSS VAT
	Business                bool // the buyer is a business: no distance sale
	CrossBorderRetail       bool // China: declared under cross-border e-commerce retail import (CBEC)
	NoNationalParcelFees    bool // leave national parcel fees (FR, RO …) out
	FreightByWeight         bool // share freight over the lines by weight, not by value
	OriginProof             []string
}

// Request is one consignment: everything sold in one order to one person on one day. Splitting it into
// parcels changes nothing, so that no threshold can be slipped under.
type Request struct {
	Date             time.Time // a civil day; expected arrival for duty, payment for tax at sale
	ShipFrom         string    // country the goods leave from
	Destination      Place
	Currency         money.Currency // of the result
	Lines            []Line
	Shipping         money.Amount // what the buyer pays for transport
	Insurance        money.Amount // where charged beside Shipping
	Discount         money.Amount // off the whole order's goods, not negative
	CarrierFee       money.Amount // the carrier's fee for clearance, in the result's currency
	Registrations    []string     // IOSS, GB_VAT, VOEC, AU_GST, NZ_GST, SG_OVR, MY_LVG, CH_VAT, CL_VAT, REMESSA_CONFORME, US_CA …
	Channel          Channel
	Incoterm         Incoterm
	PricesIncludeTax bool // prices, shipping and discounts contain the destination's consumption tax
	Marketplace      bool // sold through a marketplace, which is the deemed supplier
	FX               []FX
	Flags            Flags
}

// Confidence is how far a rule row can be trusted. A quote is as good as its worst row.
type Confidence uint8

// The grades, worst first.
const (
	Low Confidence = iota
	Medium
	High
)

// String is low, medium or high.
func (c Confidence) String() string { return [...]string{"low", "medium", "high"}[c] }

// MarshalText writes the grade as String does.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Confidence) UnmarshalText(text []byte) error {
	for g := Low; g <= High; g++ {
		if g.String() == string(text) {
			*c = g
			return nil
		}
	}
	return fmt.Errorf("confidence %.20q: %w", text, ErrUnusable)
}

// Kind is what a charge is.
type Kind string

// The kinds of charges.
const (
	Duty Kind = "duty"
	Tax  Kind = "tax"
	Fee  Kind = "fee"
)

// When says where a charge is collected.
type When string

// Where money is collected.
const (
	AtCheckout When = "checkout"
	AtBorder   When = "border"
)

// Charge is one measure on one line, or on the whole consignment.
type Charge struct {
	Line      int          `json:"line"` // index in Request.Lines; -1 when it is for the whole consignment
	Kind      Kind         `json:"kind"`
	Code      string       `json:"code"`  // MFN, S301_CHINA, EU_FLAT, VAT, GST, PPH22 …
	Label     string       `json:"label"` // translation key
	Rate      money.Rate   `json:"rate"`  // zero for specific amounts
	Base      money.Amount `json:"base"`
	Amount    money.Amount `json:"amount"`
	Rule      string       `json:"rule"` // id of the row in the pack
	Source    string       `json:"source"`
	ValidFrom string       `json:"valid_from"` // 2026-07-01
	When      When         `json:"when"`
	// Scheme is under what the seller collects a tax at sale: a registration (IOSS, GB_VAT, NO_VOEC, US_CA …), or
	// Domestic, UnionSale or ByMarketplace. It is empty for what the border asks for.
	Scheme string `json:"scheme,omitempty"`
}

// How a seller collects tax at sale without a registration for goods from abroad.
const (
	Domestic      = "DOMESTIC"    // no border between: the tax of a sale inside the country
	UnionSale     = "OSS"         // from one member state of the Union to a consumer in another
	ByMarketplace = "MARKETPLACE" // the marketplace accounts for it
)

// LineQuote is one line of the request after allocation. The parts of all lines add up to the quote's figures.
type LineQuote struct {
	Key          string       `json:"key,omitempty"`
	Goods        money.Amount `json:"goods"`    // net of tax and of Discount
	Discount     money.Amount `json:"discount"` // what was taken off, net of tax
	Freight      money.Amount `json:"freight"`  // its share of shipping and insurance
	CustomsValue money.Amount `json:"customs_value"`
	Duty         money.Amount `json:"duty"`
	Tax          money.Amount `json:"tax"`
	Confidence   Confidence   `json:"confidence"`
}

// Review says why a person should look before anything is promised. Low and High are what the doubtful
// charge may be at least and at most, where that is known (Ranged).
type Review struct {
	Line   int          `json:"line"` // -1 when it concerns the whole consignment
	Code   string       `json:"code"`
	Rule   string       `json:"rule,omitempty"`
	Ranged bool         `json:"ranged"`
	Low    money.Amount `json:"low"`
	High   money.Amount `json:"high"`
}

// Quote is what the order costs at the door. All amounts are in the request's Currency.
type Quote struct {
	Goods       money.Amount `json:"goods"` // net of the destination's tax, after discounts
	Shipping    money.Amount `json:"shipping"`
	Duty        money.Amount `json:"duty"`
	Tax         money.Amount `json:"tax"`
	Fees        money.Amount `json:"fees"`
	Total       money.Amount `json:"total"`       // Goods + Shipping + Duty + Tax + Fees
	AtCheckout  money.Amount `json:"at_checkout"` // of Duty, Tax and Fees, what the checkout collects
	AtBorder    money.Amount `json:"at_border"`   // and what the buyer pays on delivery
	Lines       []LineQuote  `json:"lines"`
	Charges     []Charge     `json:"charges"`
	Regime      string       `json:"regime"` // row that chose how duty is worked out; empty for domestic sales
	Confidence  Confidence   `json:"confidence"`
	Assumptions []string     `json:"assumptions"`
	Reviews     []Review     `json:"needs_review"`
	Pack        string       `json:"pack"`
	Incoterm    Incoterm     `json:"incoterm"`
}

// NeedsReview reports whether a person should look at the quote before it is promised.
func (q *Quote) NeedsReview() bool { return len(q.Reviews) > 0 }

// Final reports whether a buyer may be told that there is nothing more to pay: the seller settles the
// border, every row used is of high or medium confidence and nothing needs review.
func (q *Quote) Final() bool {
	return q.Incoterm == DDP && q.Confidence >= Medium && !q.NeedsReview() && q.AtBorder.IsZero()
}
