// Package customs knows what a parcel needs to cross a border: how its goods are described, whether they may
// go there, which papers it travels with, what those say, and what still keeps it from leaving.
//
// It works on values: a Consignment in; findings, papers and reasons out. It reads no database and no clock,
// works out no duty (package landed), keeps no shipments (package fulfilment) and sends nothing to a carrier.
//
// It gives no customs advice. What can't be proved without the authorities stays unproved: that an office, a
// post or a carrier accepts these papers; that the list of vague terms is the official one of the day (the
// table holds what public lists agree on; load the current list before going live); the attribute names of
// ITMATT and of the entry summary declaration; the value up to which a CN22 does.
package customs

import (
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/money"
)

// The faults of making papers.
var (
	// ErrNotSendable is the fault of an order whose state allows no papers: cancelled, or not paid.
	ErrNotSendable = fault.New(fault.Conflict, "customs.order_not_sendable")
	// ErrUnbalanced is the fault of a quote whose goods differ from the order's.
	ErrUnbalanced = fault.New(fault.Conflict, "customs.quote_differs_from_order")
	// ErrNoSuchPaper is the fault of a kind of paper we don't draw.
	ErrNoSuchPaper = fault.New(fault.Invalid, "customs.no_such_paper")
)

// Way is how a consignment travels.
type Way string

// The ways.
const (
	SmallPacket Way = "small_packet" // post, letter mail up to 2 kg
	PostParcel  Way = "post_parcel"
	Courier     Way = "courier"
	Freight     Way = "freight"
)

// Postal reports whether a post carries it.
func (w Way) Postal() bool { return w == SmallPacket || w == PostParcel }

// Purpose is why goods cross the border. A sale is a sale: nothing turns it into a gift or a sample.
type Purpose string

// The purposes.
const (
	Sale     Purpose = "sale"
	Returned Purpose = "returned_goods"
)

// Party is a sender, an addressee or an importer.
type Party struct {
	Name    string // of the company; empty: the person's name of the address
	Address address.Address
	Email   string
	IDs     []TaxID
}

// Title is the party's name as it is known.
func (p Party) Title() string {
	for _, s := range []string{p.Name, p.Address.Company} {
		if s != "" {
			return s
		}
	}
	return p.Address.Name()
}

// ID returns the number of a kind and whether the party has it.
func (p Party) ID(kind string) (string, bool) {
	for _, id := range p.IDs {
		if id.Kind == kind && id.Number != "" {
			return id.Number, true
		}
	}
	return "", false
}

// TaxID is a number an authority gave.
type TaxID struct {
	Kind    string // EORI, VAT, VOEC, GST, PCCC, EZ_WAY, CPF …
	Country string // that issued it
	Number  string
}

// Scheme is the arrangement under which destination tax was collected at the sale. It travels in the data; an
// IOSS number is printed nowhere.
type Scheme struct {
	Kind      string    `json:"kind,omitempty"` // IOSS, VOEC, GB_VAT, AU_GST …
	Number    string    `json:"number,omitempty"`
	ValidFrom time.Time `json:"-"`
	ValidTo   time.Time `json:"-"` // zero while it holds
}

// Line is one kind of goods of a consignment. Amounts are for the whole line.
type Line struct {
	SKU         string
	Title       string // as the shop calls it; never printed
	Brand       string
	Description string // for customs, in English
	Category    string // product category: "toys", "cosmetics", "textiles" …
	Use         string
	Materials   []catalog.Material
	Traits      []string // what matters to restrictions: battery, radio, perfume, cites …
	Evidence    []string // marks and documents held, as Verdict.Needs names them
	HS          string   // 6 to 10 digits, no dots
	Origin      string   // ISO 3166-1 alpha-2
	Quantity    int64
	Unit        string       // "pce", "pair"; empty is pce
	NetGrams    int64        // of the whole line
	Value       money.Amount // what the buyer paid, net of destination tax, after discounts
	Duty        money.Amount
	Tax         money.Amount
}

// Parcel is one box of a consignment.
type Parcel struct {
	Tracking   string // S10 or air waybill number
	GrossGrams int64
	Length     int64 // millimetres
	Width      int64
	Height     int64
	Packed     []int64 // pieces by line
}

// Consignment is everything sold in one order to one person that travels together, with the figures of the
// order. All amounts are in Currency.
type Consignment struct {
	Shipment  string
	Order     string // number the customer knows
	Invoice   string
	Version   int       // of the papers; 1 when first made
	Date      time.Time // the civil day of the papers
	Way       Way
	Service   string
	Purpose   Purpose
	Sender    Party
	Addressee Party
	Importer  *Party // where the addressee isn't the importer
	Incoterm  landed.Incoterm
	Place     string // named place of the incoterm
	Currency  money.Currency
	Lines     []Line
	Freight   money.Amount
	Insurance money.Amount
	Discount  money.Amount // already taken off the lines; shown, never subtracted again
	Total     money.Amount // lines, freight and insurance
	Ledger    money.Amount // the same by the order book: goods less discount plus shipping
	Duty      money.Amount
	Tax       money.Amount
	Fees      money.Amount
	RuleSet   string // version of the rules duty and tax come from
	Scheme    Scheme
	Gross     int64 // grams, with packing
	Parcels   []Parcel
	Licences  []string // numbers of licences and certificates
	Comments  string   // quarantine and other restrictions
	Origin    string   // preference or origin statement
	Export    string   // reference of the export; of the outbound S10 or MRN for a return
	Abandon   bool     // undeliverable: give up instead of send back
	Signer    string

	// PostalLimit is 300 SDR in Currency; zero when nobody said, and then a CN23 is made.
	PostalLimit money.Amount
}

// Goods adds up the lines.
func (c *Consignment) Goods() money.Amount {
	sum := money.Of(0, c.Currency)
	for _, l := range c.Lines {
		if l.Value.Currency == c.Currency {
			sum.Minor += l.Value.Minor
		}
	}
	return sum
}

// NetGrams adds up the net weights.
func (c *Consignment) NetGrams() (grams int64) {
	for _, l := range c.Lines {
		grams += l.NetGrams
	}
	return grams
}

func (c *Consignment) importer() Party {
	if c.Importer != nil {
		return *c.Importer
	}
	return c.Addressee
}

const union = " AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK "

// InUnion reports whether a country belongs to the Union; Northern Ireland (XI) counts for goods.
func InUnion(country string) bool {
	return len(country) == 2 && (country == "XI" || strings.Contains(union, " "+country+" "))
}

// outside lists, by member state, the beginnings of postcodes outside the VAT area. v: only that; c: outside
// the customs area too. Source: the territories of landed cost, section 2.
var outside = map[string]map[string]byte{
	"ES": {"35": 'v', "38": 'v', "51": 'c', "52": 'c'},
	"FR": {"971": 'v', "972": 'v', "973": 'v', "974": 'v', "976": 'v'},
	"GR": {"63086": 'v', "63087": 'v'},
	"FI": {"22": 'v'},
	"IT": {"23041": 'v', "22061": 'v'},
	"DE": {"27498": 'c', "78266": 'c'},
}

func apart(a address.Address) byte {
	code := strings.ReplaceAll(a.Postcode, " ", "")
	for prefix, kind := range outside[a.Country] {
		if strings.HasPrefix(code, prefix) {
			return kind
		}
	}
	return 0
}

// InVATArea reports whether an address lies in the Union's VAT area, where IOSS may be used.
func InVATArea(a address.Address) bool {
	return InUnion(a.Country) && apart(a) == 0
}

// SameArea reports whether goods go from a to b with no customs and no VAT border between them, so that they
// need no papers.
func SameArea(a, b address.Address) bool {
	if InUnion(a.Country) && InUnion(b.Country) {
		return apart(a) == 0 && apart(b) == 0
	}
	return a.Country != "" && a.Country == b.Country
}
