package papers

import (
	"fmt"
	"strings"

	"portolan/internal/customs"
	"portolan/internal/pdf"
)

// A label shows where a parcel goes, where it comes from, its number as CODE-128, and a QR code for the drop-off desk.
// No price, no scheme number and no contents stand on it: those are for customs alone.

// labelPDF draws a label of 10 x 15 cm for each parcel.
func labelPDF(c *customs.Consignment) ([]byte, error) {
	d := pdf.New(pdf.Label, "Label "+c.Order, c.Date)
	drawLabels(d, c)
	return d.Bytes()
}

func drawLabels(d *pdf.Doc, c *customs.Consignment) {
	from, _ := customs.Written(c.Sender)
	to, own := customs.Written(c.Addressee)
	for i, p := range c.Parcels {
		d.AddPage()
		const x, w = 5.0, 90.0
		small, fine := pdf.Style{Size: 7.5, Grey: 40}, pdf.Style{Size: 6.5, Grey: 90}
		d.Text(x, 8.5, w, fine, "sender", "From / Expéditeur")
		y := 12.5
		for _, line := range from {
			d.Text(x, y, w-30, small, "sender", line)
			y += 3.6
		}
		d.Text(x, 8.5, w, pdf.Style{Size: 11, Bold: true, Align: pdf.Right}, "service", strings.ToUpper(strings.ReplaceAll(c.Service, "_", " ")))
		d.Text(x, 13, w, right(small), "parcel", fmt.Sprintf("%d / %d", i+1, len(c.Parcels)))
		d.Text(x, 17, w, right(small), "weight", kilograms(p.GrossGrams))
		y = max(y, 34)
		d.Rule(x, y, x+w, y, 0.5, 0)
		y += 6
		d.Text(x, y, w, fine, "addressee", "To / Destinataire")
		y += 6.5
		for n, line := range to {
			st := pdf.Style{Size: 13}
			if n == 0 || n == len(to)-1 {
				st.Bold = true
			}
			d.Text(x, y, w, st, "addressee", line)
			y += 5.8
		}
		for _, line := range own {
			d.Text(x, y, w, pdf.Style{Size: 10, Grey: 30}, "addressee", line)
			y += 4.8
		}
		if c.Addressee.Address.Phone != "" {
			d.Text(x, y, w, small, "addressee.phone", c.Addressee.Address.Phone)
		}
		d.Rule(x, 96, x+w, 96, 0.5, 0)
		d.Text(x, 101, w, fine, "order", "Order / Commande "+c.Order)
		d.Barcode(x, 103, w, 21, "tracking", p.Tracking)
		d.Text(x, 128.5, w, pdf.Style{Size: 12, Bold: true, Align: pdf.Center}, "tracking", spaced(p.Tracking))
		d.QR(x+w-17, 130, 17, "drop_off", DropOff(c, i))
		d.Text(x, 142, w-20, fine, "drop_off", "Drop-off code / Code de dépôt")
	}
}

func right(st pdf.Style) pdf.Style { st.Align = pdf.Right; return st }

// DropOff is what the QR code of a parcel says, counted from 0.
func DropOff(c *customs.Consignment, parcel int) string {
	return fmt.Sprintf("%s/%d/%s", c.Shipment, parcel+1, c.Parcels[parcel].Tracking)
}

func kilograms(grams int64) string { return fmt.Sprintf("%d.%03d kg", grams/1000, grams%1000) }

// spaced writes a postal item number in groups, as people read it.
func spaced(s string) string {
	if len(s) != 13 {
		return s
	}
	return s[:2] + " " + s[2:5] + " " + s[5:8] + " " + s[8:11] + " " + s[11:]
}

// labelZPL writes the labels for printers that speak ZPL II, at 8 dots a millimetre. Printers draw Latin letters
// only, so the lines in another script stand on the PDF alone.
func labelZPL(c *customs.Consignment) string {
	var b strings.Builder
	from, _ := customs.Written(c.Sender)
	to, _ := customs.Written(c.Addressee)
	for i, p := range c.Parcels {
		b.WriteString("^XA\n^CI28\n^PW800\n^LL1200\n^LH0,0\n")
		text := func(x, y, size int, s string) {
			fmt.Fprintf(&b, "^FO%d,%d^A0N,%d,%d^FH^FD%s^FS\n", x, y, size, size, zplText(s))
		}
		text(40, 48, 20, "From / Expéditeur")
		y := 76
		for _, line := range from {
			text(40, y, 24, line)
			y += 28
		}
		text(560, 48, 30, strings.ToUpper(strings.ReplaceAll(c.Service, "_", " ")))
		text(560, 88, 24, fmt.Sprintf("%d / %d", i+1, len(c.Parcels)))
		text(560, 116, 24, kilograms(p.GrossGrams))
		b.WriteString("^FO40,272^GB720,4,4^FS\n")
		text(40, 292, 20, "To / Destinataire")
		y = 324
		for _, line := range to {
			size := 42
			if len([]rune(line)) > 32 {
				size = 30
			}
			text(40, y, size, line)
			y += 48
		}
		if c.Addressee.Address.Phone != "" {
			text(40, y, 24, c.Addressee.Address.Phone)
		}
		b.WriteString("^FO40,768^GB720,4,4^FS\n")
		text(40, 784, 22, "Order / Commande "+c.Order)
		fmt.Fprintf(&b, "^FO100,820^BY3,3,170^BCN,170,N,N,N^FH^FD%s^FS\n", zplText(p.Tracking))
		text(240, 1004, 36, spaced(p.Tracking))
		fmt.Fprintf(&b, "^FO600,1036^BQN,2,4^FH^FDMA,%s^FS\n", zplText(DropOff(c, i)))
		text(40, 1140, 20, "Drop-off code / Code de dépôt")
		b.WriteString("^XZ\n")
	}
	return b.String()
}

// zplText writes what would be read as a command as its code: ^, ~ and the sign that begins codes.
func zplText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '^', '~', '_':
			fmt.Fprintf(&b, "_%02X", r)
		case '\n', '\r':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
