package customs

import (
	"strconv"
	"strings"

	"portolan/internal/pdf"
)

// category draws the boxes that say why goods travel; a sale is ticked for what it is.
func (s *sheet) category(x, y, w float64, columns int, size float64) {
	st := pdf.Style{Size: size}
	boxes := []struct {
		en, fr string
		on     bool
	}{
		{"Sale of goods", "Vente de marchandises", s.c.Purpose != Returned}, {"Gift", "Cadeau", false}, {"Commercial sample", "Échantillon", false},
		{"Documents", "", false}, {"Returned goods", "Retour de marchandise", s.c.Purpose == Returned}, {"Other", "Autre", false},
	}
	side := size * 0.33
	for i, b := range boxes {
		wide := w / float64(columns)
		bx, by := x+float64(i%columns)*wide, y+float64(i/columns)*(side+2)
		s.Tick(bx, by, side, b.on)
		label := b.en
		if b.fr != "" {
			label += " / " + b.fr
		}
		s.Text(bx+side+1, by+side-0.3, wide-side-2, st, "category", label)
	}
}

func (s *sheet) cn22() {
	s.AddPage()
	c := s.c
	x, y, w := s.margin, s.margin, pdf.Label.W-8
	high := pdf.Label.H - 8
	s.Box(x, y, w, high, 0.5, 0)
	s.Text(x+2, y+6, w-24, pdf.Style{Size: 11, Bold: true}, "title", "CUSTOMS DECLARATION")
	s.Text(x+2, y+10, w-24, pdf.Style{Size: 7.5, Grey: 60}, "title", "Déclaration en douane")
	s.Text(x+2, y+13.4, w-24, caption, "title", "May be opened officially / Peut être ouvert d'office · "+s.edition())
	s.Text(x+w-24, y+9, 22, pdf.Style{Size: 18, Bold: true, Align: pdf.Right}, "title", "CN 22")
	s.Rule(x, y+15.5, x+w, y+15.5, 0.3, 0)
	s.compact(x+2, y+18.5, w/2-3, "From / De", "sender", c.Sender)
	s.compact(x+w/2+1, y+18.5, w/2-3, "To / À", "addressee", c.Addressee)
	s.Rule(x+w/2, y+15.5, x+w/2, y+45, 0.2, 90)
	y += 45
	s.Rule(x, y, x+w, y, 0.3, 0)
	s.category(x+2, y+2, w-3, 2, 6)
	y += 14
	s.Rule(x, y, x+w, y, 0.3, 0)
	columns := []struct {
		en, fr string
		at, w  float64
	}{{"Quantity, description", "Quantité, description", 2, 38}, {"HS", "N° tarifaire", 41, 16}, {"Origin", "Origine", 58, 9}, {"Net kg", "Poids", 68, 9}, {"Value " + string(c.Currency), "Valeur", 77, 13.5}}
	for i, col := range columns {
		st, fr := pdf.Style{Size: 5.6, Bold: true}, pdf.Style{Size: 5.4, Grey: 95}
		if i > 2 {
			st, fr = right(st), right(fr)
		}
		s.Text(x+col.at, y+3, col.w, st, "table", col.en)
		s.Text(x+col.at, y+5.4, col.w, fr, "table", col.fr)
	}
	y += 7
	bottom := s.margin + high - 46
	for i, l := range c.Lines {
		field := "lines." + strconv.Itoa(i)
		text := pdf.Style{Size: 6.8}
		lines := s.Break(columns[0].w, text, field+".description", strconv.FormatInt(l.Quantity, 10)+" "+unit(l)+" "+shown(l.Description))
		high := float64(len(lines))*2.9 + 0.8
		if y+high > bottom {
			s.TooMany("lines", len(c.Lines))
			return
		}
		for j, line := range lines {
			s.Text(x+2, y+2.8+2.9*float64(j), columns[0].w, text, field+".description", line)
		}
		s.Text(x+41, y+2.8, 16, text, field+".hs", l.HS)
		s.Text(x+58, y+2.8, 9, text, field+".origin", l.Origin)
		s.Text(x+68, y+2.8, 9, right(text), field+".net_weight", kilos(l.NetGrams))
		s.Text(x+77, y+2.8, 13.5, right(text), field+".value", l.Value.Decimal())
		y += high
		s.Rule(x+2, y, x+w-2, y, 0.1, 170)
	}
	y = bottom + 1
	s.Rule(x, y, x+w, y, 0.3, 0)
	bold := pdf.Style{Size: 7, Bold: true}
	s.Text(x+2, y+4, 50, bold, "total", "Total")
	s.Text(x+60, y+4, 17, right(bold), "gross_weight", kilos(c.Gross)+" kg")
	s.Text(x+77, y+4, 13.5, right(bold), "goods", c.Goods().Decimal())
	s.Text(x+2, y+7.4, w-4, caption, "freight", "Postage / Port "+c.Freight.Decimal()+" "+string(c.Currency)+notEmpty(" · ", s.reference())+notEmpty(" · ", c.Comments))
	s.Rule(x, y+9, x+w, y+9, 0.3, 0)
	s.Para(x+2, y+12, w-4, 2.5, pdf.Style{Size: 5.4, Grey: 60}, "declaration", "I certify that the particulars given in this declaration are correct and that this item does not contain any dangerous article or articles prohibited by legislation or by postal or customs regulations.")
	s.Text(x+2, y+22.5, w-4, pdf.Style{Size: 7}, "signature", c.Date.Format("2006-01-02")+"   "+cleaned(c.Signer))
	s.Rule(x+2, y+23.5, x+w-2, y+23.5, 0.2, 90)
	s.Text(x+2, y+26, w-4, caption, "signature", "Date and sender's signature / Date et signature de l'expéditeur")
	s.track(x+10, y+28, w-20, 12)
}

func notEmpty(before, text string) string {
	if text = cleaned(text); text == "" {
		return ""
	}
	return before + text
}

func (s *sheet) compact(x, y, w float64, label, field string, p Party) {
	s.Text(x, y, w, caption, field, label)
	y += 3.3
	for i, line := range latinLines(p) {
		s.Text(x, y, w, pdf.Style{Size: 7, Bold: i == 0}, field, line)
		y += 2.95
	}
	for _, line := range ownLines(p) {
		s.Text(x, y, w, pdf.Style{Size: 6.4, Grey: 40}, field, line)
		y += 2.8
	}
	if p.Address.Phone != "" {
		s.Text(x, y, w, pdf.Style{Size: 6, Grey: 60}, field+".phone", p.Address.Phone)
	}
}

func (s *sheet) cn23() {
	c, x, w := s.c, s.margin, s.inner()
	y := s.head(CN23, "CN 23")
	s.Text(x, y+4, w, caption, "title", "May be opened officially / Peut être ouvert d'office")
	half := w / 2
	next := s.party(x, y+9, half-6, "From: sender", "De: expéditeur", "sender", c.Sender)
	next = max(next, s.party(x+half, y+9, half, "To: addressee", "À: destinataire", "addressee", c.Addressee))
	if c.Importer != nil {
		next = s.party(x+half, next+3, half, "Importer", "Importateur", "importer", *c.Importer)
	}
	s.track(x+half, next+1, half-10, 12)
	q := half / 2
	s.cell(x, next+3, q, "Order", "Commande", "order", c.Order)
	s.cell(x+q, next+3, q, "Invoice", "Facture", "invoice", c.Invoice)
	s.cell(x, next+12, half-4, "Importer's, exporter's reference", "Référence", "export_reference", strings.Trim(s.reference()+" · "+c.Export, " ·"))
	y = next + 19
	s.Rule(x, y, x+w, y, 0.2, 150)
	y = s.goods(CN23, "CN 23", y+2, 82, s.all(), []column{
		{"Detailed description of contents", "Description détaillée du contenu", 0.4, false, func(_ int, l Line) string { return shown(l.Description) }},
		{"Quantity", "Quantité", 0.12, true, func(_ int, l Line) string { return strconv.FormatInt(l.Quantity, 10) + " " + unit(l) }},
		{"Net kg", "Poids net", 0.1, true, func(_ int, l Line) string { return kilos(l.NetGrams) }},
		{"Value " + string(c.Currency), "Valeur", 0.14, true, func(_ int, l Line) string { return l.Value.Decimal() }},
		{"", "", 0.02, false, func(int, Line) string { return "" }},
		{"HS tariff number", "N° tarifaire du SH", 0.13, false, func(_ int, l Line) string { return l.HS }},
		{"Origin", "Origine", 0.09, false, func(_ int, l Line) string { return l.Origin }},
	})
	y += 2
	q = w / 4
	s.cell(x, y+3, q, "Total gross weight kg", "Poids brut", "gross_weight", kilos(c.Gross))
	s.cell(x+q, y+3, q, "Total net weight kg", "Poids net", "net_weight", kilos(c.NetGrams()))
	s.cell(x+2*q, y+3, q, "Total value", "Valeur totale", "goods", c.Goods().Decimal()+" "+string(c.Currency))
	s.cell(x+3*q, y+3, q, "Postage and charges", "Frais de port", "freight", c.Freight.Decimal()+" "+string(c.Currency))
	y += 10
	s.Rule(x, y, x+w, y, 0.2, 150)
	s.Text(x, y+4, w, caption, "category", "Category of item / Catégorie de l'envoi")
	s.category(x, y+6, w, 3, 7.5)
	y += 16
	s.Rule(x, y, x+w, y, 0.2, 150)
	s.cell(x, y+4, half, "Comments: quarantine, restrictions", "Observations", "comments", cleaned(c.Comments))
	s.cell(x+half, y+4, half, "Licences, certificates, invoice", "Licences, certificats, facture", "licences", strings.Join(append(append([]string{}, c.Licences...), c.Invoice), ", "))
	undeliverable := "Return to sender / Retour à l'expéditeur"
	if c.Abandon {
		undeliverable = "Treat as abandoned / Traiter comme abandonné"
	}
	s.cell(x, y+13, half, "If undeliverable", "En cas de non-livraison", "non_delivery", undeliverable)
	y += 20
	s.Rule(x, y, x+w, y, 0.2, 150)
	s.Para(x, y+4.5, half-6, 3.4, small, "declaration", "I certify that the particulars given in this customs declaration are correct and that this item does not contain any dangerous article or articles prohibited by legislation or by postal or customs regulations.")
	s.sign(x+half, y+16, half)
}
