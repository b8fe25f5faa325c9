package customs

import (
	"encoding/json"
)

// PreAdviceSchema is the version of the data's form.
const PreAdviceSchema = "portolan-pre-advice-1"

// Advice is what goes ahead of a parcel: the one object from which the data of posts (ITMATT) and of the Union's
// entry declaration are mapped. Its JSON Schema is data/pre-advice-1.schema.json.
type Advice struct {
	Schema    string        `json:"schema"`
	Version   int           `json:"version"`
	Shipment  string        `json:"shipment"`
	Order     string        `json:"order"`
	Date      string        `json:"date"`
	Parcels   []AdviceBox   `json:"parcels"`
	Service   string        `json:"service"`
	Sender    AdviceParty   `json:"sender"`
	Addressee AdviceParty   `json:"addressee"`
	Importer  AdviceParty   `json:"importer"`
	Category  Purpose       `json:"category"`
	Incoterm  string        `json:"incoterm"`
	Place     string        `json:"place"`
	Scheme    *Scheme       `json:"scheme,omitempty"`
	Currency  string        `json:"currency"`
	Lines     []AdviceLine  `json:"lines"`
	Freight   int64         `json:"freight_minor"`
	Insurance int64         `json:"insurance_minor"`
	Total     int64         `json:"total_minor"`
	Gross     int64         `json:"gross_weight_g"`
	Export    string        `json:"export_reference,omitempty"`
	RuleSet   string        `json:"rule_set"`
	Carrier   CarrierExtras `json:"carrier"`
}

// AdviceBox is a parcel of an Advice.
type AdviceBox struct {
	Tracking string `json:"tracking"` // S10 or air waybill
	Gross    int64  `json:"gross_weight_g"`
	Length   int64  `json:"length_mm,omitempty"`
	Width    int64  `json:"width_mm,omitempty"`
	Height   int64  `json:"height_mm,omitempty"`
}

// AdviceParty is a sender, addressee or importer of an Advice, in Latin letters.
type AdviceParty struct {
	Name     string     `json:"name"`
	Line1    string     `json:"line1"`
	Line2    string     `json:"line2,omitempty"`
	City     string     `json:"city,omitempty"`
	Region   string     `json:"region,omitempty"`
	Postcode string     `json:"postcode,omitempty"`
	Country  string     `json:"country"`
	Phone    string     `json:"phone,omitempty"`
	Email    string     `json:"email,omitempty"`
	IDs      []AdviceID `json:"tax_ids,omitempty"`
}

// AdviceID is a number an authority gave a party.
type AdviceID struct {
	Kind    string `json:"kind"`
	Country string `json:"country"`
	Number  string `json:"number"`
}

// AdviceLine is one kind of goods of an Advice.
type AdviceLine struct {
	Description string `json:"description"`
	HS          string `json:"hs"`
	Origin      string `json:"origin"`
	Quantity    int64  `json:"qty"`
	Unit        string `json:"unit"`
	NetGrams    int64  `json:"net_weight_g"`
	Value       int64  `json:"value_minor"`
	Duty        int64  `json:"duty_minor"`
	Tax         int64  `json:"tax_minor"`
}

// CarrierExtras are what carriers' interfaces ask besides.
type CarrierExtras struct {
	Contents    string `json:"contents_type"`
	Restriction string `json:"restriction_type"`
	NonDelivery string `json:"non_delivery_option"` // return or abandon
	Certify     bool   `json:"customs_certify"`
	Signer      string `json:"customs_signer"`
}

// PreAdvice is the data of a consignment. It is the one place where an IOSS number appears.
func PreAdvice(c *Consignment) Advice {
	a := Advice{
		Schema: PreAdviceSchema, Version: c.Version, Shipment: c.Shipment, Order: c.Order, Date: c.Date.Format("2006-01-02"), Service: c.Service,
		Sender: adviceParty(c.Sender), Addressee: adviceParty(c.Addressee), Importer: adviceParty(c.importer()), Category: c.Purpose,
		Incoterm: string(c.Incoterm), Place: c.Place, Currency: string(c.Currency), Freight: c.Freight.Minor, Insurance: c.Insurance.Minor,
		Total: c.Total.Minor, Gross: c.Gross, Export: c.Export, RuleSet: c.RuleSet, Parcels: []AdviceBox{}, Lines: []AdviceLine{},
		Carrier: CarrierExtras{Contents: "merchandise", Restriction: "none", NonDelivery: "return", Certify: c.Signer != "", Signer: c.Signer},
	}
	if c.Purpose == Returned {
		a.Carrier.Contents = "returned_goods"
	}
	if c.Comments != "" {
		a.Carrier.Restriction = "other"
	}
	if c.Abandon {
		a.Carrier.NonDelivery = "abandon"
	}
	if c.Scheme.Kind != "" {
		a.Scheme = &c.Scheme
	}
	for _, p := range c.Parcels {
		a.Parcels = append(a.Parcels, AdviceBox{p.Tracking, p.GrossGrams, p.Length, p.Width, p.Height})
	}
	for _, l := range c.Lines {
		a.Lines = append(a.Lines, AdviceLine{l.Description, l.HS, l.Origin, l.Quantity, unit(l), l.NetGrams, l.Value.Minor, l.Duty.Minor, l.Tax.Minor})
	}
	return a
}

func unit(l Line) string {
	if l.Unit == "" {
		return "pce"
	}
	return l.Unit
}

func adviceParty(p Party) AdviceParty {
	name, a := latinParty(p)
	out := AdviceParty{Name: name, Line1: a.Line1, Line2: a.Line2, City: a.City, Region: a.Region, Postcode: a.Postcode, Country: a.Country, Phone: a.Phone, Email: p.Email}
	for _, id := range p.IDs {
		out.IDs = append(out.IDs, AdviceID(id))
	}
	return out
}

// JSON writes the advice; the same data gives the same bytes.
func (a Advice) JSON() ([]byte, error) { return json.MarshalIndent(a, "", "  ") }

// Schema is the JSON Schema of an Advice.
func Schema() []byte {
	b, err := data.ReadFile("data/pre-advice-1.schema.json")
	if err != nil {
		panic(err)
	}
	return b
}
