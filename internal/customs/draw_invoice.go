package customs

import (
	"fmt"
	"strconv"
	"strings"

	"portolan/internal/money"
	"portolan/internal/pdf"
)

func (s *sheet) invoice() {
	c, x, w := s.c, s.margin, s.inner()
	y := s.head(Invoice, c.Invoice)
	third := w / 3
	next := s.party(x, y+6, third-4, "Seller, exporter", "Vendeur, exportateur", "sender", c.Sender)
	next = max(next, s.party(x+third, y+6, third-4, "Buyer, consignee", "Acheteur, destinataire", "addressee", c.Addressee))
	if c.Importer != nil {
		next = max(next, s.party(x+2*third, y+6, third, "Importer of record", "Importateur", "importer", *c.Importer))
	} else {
		s.Text(x+2*third, y+6, third, caption, "importer", "Importer / Importateur")
		s.Text(x+2*third, y+10.4, third, body, "importer", "the buyer")
		s.track(x+2*third, y+14, third, 11)
	}
	y = max(next, y+34)
	s.Rule(x, y, x+w, y, 0.2, 150)
	q := w / 4
	s.cell(x, y+4, q, "Date", "", "date", c.Date.Format("2006-01-02"))
	s.cell(x+q, y+4, q, "Order", "Commande", "order", c.Order)
	s.cell(x+2*q, y+4, q, "Incoterms 2020", "", "incoterm", strings.TrimSpace(string(c.Incoterm)+" "+cleaned(c.Place)))
	s.cell(x+3*q, y+4, q, "Currency", "Monnaie", "currency", string(c.Currency))
	s.cell(x, y+13, q, "Reason for export", "Motif", "purpose", s.reason())
	s.cell(x+q, y+13, q, "Service", "", "service", c.Service)
	s.cell(x+2*q, y+13, q, "Packages", "Colis", "packages", strconv.Itoa(max(len(c.Parcels), 1)))
	s.cell(x+3*q, y+13, q, "Net, gross weight kg", "Poids net, brut", "gross_weight", kilos(c.NetGrams())+" / "+kilos(c.Gross))
	y += 20
	if c.Export != "" {
		s.cell(x, y+2, 2*q, "Export reference", "Référence d'exportation", "export_reference", c.Export)
	}
	if s.reference() != "" {
		s.cell(x+2*q, y+2, 2*q, "Tax registration", "Immatriculation fiscale", "scheme", s.reference())
	}
	if c.Export != "" || s.reference() != "" {
		y += 9
	}
	y = s.goods(Invoice, c.Invoice, y+1, 72, s.all(), []column{
		{"No", "N°", 0.04, false, func(i int, _ Line) string { return strconv.Itoa(i + 1) }},
		{"Description of goods", "Description, matière, usage", 0.36, false, func(_ int, l Line) string { return strings.TrimSpace(shown(l.Description) + "\n" + made(l)) }},
		{"HS code", "N° tarifaire", 0.11, false, func(_ int, l Line) string { return l.HS }},
		{"Origin", "Origine", 0.07, false, func(_ int, l Line) string { return l.Origin }},
		{"Quantity", "Quantité", 0.1, true, func(_ int, l Line) string { return strconv.FormatInt(l.Quantity, 10) + " " + unit(l) }},
		{"Net kg", "Poids net", 0.08, true, func(_ int, l Line) string { return kilos(l.NetGrams) }},
		{"Unit value", "Valeur unitaire", 0.12, true, func(_ int, l Line) string { return each(l) }},
		{"Value", "Valeur", 0.12, true, func(_ int, l Line) string { return l.Value.Decimal() }},
	})
	s.sums(y + 3)
}

func (s *sheet) reason() string {
	if s.c.Purpose == Returned {
		return "Returned goods"
	}
	return "Sale of goods"
}

// sums draws what the lines add up to, what was collected at the sale, the statements and the signature.
func (s *sheet) sums(y float64) {
	c, x, w := s.c, s.margin, s.inner()
	left := w * 0.55
	amount := func(y float64, label, field string, a money.Amount, st pdf.Style) {
		s.Text(x+left, y, w-left-32, st, field, label)
		s.Text(x+w-31, y, 30, right(st), field, a.Decimal())
	}
	from := y
	amount(y+4, "Goods / Marchandises", "goods", c.Goods(), body)
	amount(y+8.6, "Freight / Port", "freight", c.Freight, body)
	amount(y+13.2, "Insurance / Assurance", "insurance", c.Insurance, body)
	s.Fill(x+left-2, y+15.4, w-left+2, 7, 238)
	amount(y+20.2, "Total "+string(c.Currency), "total", c.Total, pdf.Style{Size: 10, Bold: true})
	y += 27
	s.Text(x+left, y, w-left, caption, "collected", "Collected from the buyer at the sale, not part of the total above")
	amount(y+4.2, "Duty / Droits", "duty", c.Duty, small)
	amount(y+8, "Tax / Taxes", "tax", c.Tax, small)
	amount(y+11.8, "Fees / Frais", "fees", c.Fees, small)
	s.Text(x+left, y+15.8, w-left, small, "rule_set", "by rules "+c.RuleSet+" of "+c.Date.Format("2006-01-02"))

	y = from
	if !c.Discount.IsZero() {
		y = s.Para(x, y+4, left-6, 3.6, small, "discount", "Values are what the buyer paid, after a discount of "+c.Discount.Decimal()+" "+string(c.Currency)+".") - 3.6
	}
	if c.Origin != "" {
		y = s.Para(x, y+5, left-6, 3.6, small, "origin_statement", cleaned(c.Origin)) - 3.6
	}
	if len(c.Licences) > 0 {
		y = s.Para(x, y+5, left-6, 3.6, small, "licences", "Licences, certificates: "+strings.Join(c.Licences, ", ")) - 3.6
	}
	y = max(y+6, from+22)
	s.Para(x, y, left-6, 3.6, small, "declaration", "I declare that the particulars given on this invoice are true and correct. / Je certifie l'exactitude des renseignements donnés sur cette facture.")
	s.sign(x, from+42, left-10)
}

func (s *sheet) sign(x, y, w float64) {
	s.Rule(x, y, x+w, y, 0.2, 90)
	s.Text(x, y+3.4, w, caption, "signature", "Date and signature / Date et signature")
	s.Text(x, y-1.4, w, body, "signature", s.c.Date.Format("2006-01-02")+"   "+cleaned(s.c.Signer))
}

func cleaned(text string) string {
	text, _ = Printable(text)
	return text
}

func (s *sheet) packing() {
	c, x, w := s.c, s.margin, s.inner()
	parcels := c.Parcels
	if len(parcels) == 0 {
		whole := Parcel{GrossGrams: c.Gross}
		for _, l := range c.Lines {
			whole.Packed = append(whole.Packed, l.Quantity)
		}
		parcels = []Parcel{whole}
	}
	for n, p := range parcels {
		mark := fmt.Sprintf("%d / %d", n+1, len(parcels))
		y := s.head(Packing, mark)
		half := w / 2
		next := s.party(x, y+6, half-6, "Sender", "Expéditeur", "sender", c.Sender)
		next = max(next, s.party(x+half, y+6, half, "Addressee", "Destinataire", "addressee", c.Addressee))
		y = next + 1
		s.Rule(x, y, x+w, y, 0.2, 150)
		var lines []int
		net := int64(0)
		for i, pieces := range p.Packed {
			if pieces > 0 && i < len(c.Lines) {
				lines = append(lines, i)
				net += c.Lines[i].NetGrams * pieces / max(c.Lines[i].Quantity, 1)
			}
		}
		q := w / 4
		s.cell(x, y+4, q, "Order", "Commande", "order", c.Order)
		s.cell(x+q, y+4, q, "Date", "", "date", c.Date.Format("2006-01-02"))
		s.cell(x+2*q, y+4, q, "Parcel", "Colis", "parcel", fmt.Sprintf("%d of %d", n+1, len(parcels)))
		s.cell(x+3*q, y+4, q, "Service", "", "service", c.Service)
		s.cell(x, y+13, q, "Net weight kg", "Poids net", "net_weight", kilos(net))
		s.cell(x+q, y+13, q, "Gross weight kg", "Poids brut", "gross_weight", kilos(p.GrossGrams))
		s.cell(x+2*q, y+13, q, "Dimensions cm", "", "dimensions", dimensions(p))
		s.cell(x+3*q, y+13, q, "Tracking number", "N° de suivi", "tracking", p.Tracking)
		y = s.goods(Packing, mark, y+20, 26, lines, []column{
			{"No", "N°", 0.06, false, func(i int, _ Line) string { return strconv.Itoa(i + 1) }},
			{"Article", "", 0.17, false, func(_ int, l Line) string { return l.SKU }},
			{"Description of goods", "Description", 0.47, false, func(_ int, l Line) string { return shown(l.Description) }},
			{"Quantity", "Quantité", 0.15, true, func(i int, l Line) string { return strconv.FormatInt(p.Packed[i], 10) + " " + unit(l) }},
			{"Net kg", "Poids net", 0.15, true, func(i int, l Line) string { return kilos(l.NetGrams * p.Packed[i] / max(l.Quantity, 1)) }},
		})
		if p.Tracking != "" {
			s.Barcode(x+w-70, y+6, 70, 13, "tracking", p.Tracking)
			s.Text(x+w-70, y+22.6, 70, pdf.Style{Size: 8, Align: pdf.Center}, "tracking", p.Tracking)
		}
	}
}

func dimensions(p Parcel) string {
	if p.Length == 0 {
		return ""
	}
	cm := func(mm int64) string {
		return strings.TrimSuffix(fmt.Sprintf("%d.%d", mm/10, mm%10), ".0")
	}
	return cm(p.Length) + " x " + cm(p.Width) + " x " + cm(p.Height)
}
