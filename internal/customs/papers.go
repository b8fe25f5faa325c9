package customs

// Paper is a kind of document.
type Paper string

// The papers we draw, and the data that goes ahead of the parcel.
const (
	CN22           Paper = "cn22"
	CN23           Paper = "cn23"
	Invoice        Paper = "commercial_invoice"
	Packing        Paper = "packing_list"
	PreAdvicePaper Paper = "pre_advice"
)

// Papers lists what a consignment needs on its way: nothing inside one customs and VAT area.
func Papers(c *Consignment) []Paper {
	if SameArea(c.Sender.Address, c.Addressee.Address) {
		return nil
	}
	var needs []Paper
	switch {
	case c.Way == SmallPacket && c.PostalLimit.Currency == c.Currency && c.Goods().Minor <= c.PostalLimit.Minor && len(c.Parcels) <= 1:
		needs = []Paper{CN22}
	case c.Way.Postal():
		needs = []Paper{CN23, Invoice}
	default:
		needs = []Paper{Invoice, Packing}
	}
	if len(c.Parcels) > 1 && c.Way.Postal() {
		needs = append(needs, Packing)
	}
	return append(needs, PreAdvicePaper)
}
