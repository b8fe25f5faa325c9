package papers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
	"portolan/internal/papers"
	"portolan/internal/tax"
)

// Whatever was sold, taken off, given back and packed apart: the invoice is the ledger to the minor unit, and the
// parcels hold each piece once.
func TestTheInvoiceIsTheLedger(t *testing.T) {
	one(t, func(s *shop) {
		s.ready()
		rapid.Check(t, func(t *rapid.T) {
			o := s.sale()
			o.Lines = nil
			sum := int64(0)
			for i := range rapid.IntRange(1, 6).Draw(t, "lines") {
				l := order.Line{SKU: []string{"dress-m", "socks-one"}[i%2], Quantity: rapid.Int64Range(1, 9).Draw(t, "quantity"), UnitPrice: eur(rapid.Int64Range(1, 9999).Draw(t, "price")), Weight: 100}
				l.Total = l.UnitPrice.Mul(l.Quantity)
				sum += l.Total.Minor
				o.Lines = append(o.Lines, l)
			}
			o.Goods, o.Discount = eur(sum), eur(rapid.Int64Range(0, sum-1).Draw(t, "discount"))
			o.Shipping, o.Duty, o.Tax = eur(rapid.Int64Range(0, 2000).Draw(t, "shipping")), eur(rapid.Int64Range(0, 900).Draw(t, "duty")), eur(rapid.Int64Range(0, 900).Draw(t, "tax"))
			o.Charges = nil
			o.Total = o.Goods.Sub(o.Discount).Add(o.Shipping).Add(o.Duty).Add(o.Tax)
			id := s.sell(o)
			for left := o.Total.Minor; left > 1 && rapid.Bool().Draw(t, "refund"); {
				n := rapid.Int64Range(1, left-1).Draw(t, "back")
				s.refund(o.ID, n)
				left -= n
			}
			s.split(id, rapid.Int64Range(0, 3).Draw(t, "parcels"))
			st := s.standing(id)
			var net, duty, vat int64
			s.read(func(tx *db.Tx) error {
				entries, err := tax.OfOrder(tx, o.ID)
				for _, e := range entries {
					net, duty, vat = net+e.Net.Minor, duty+e.Duty.Minor, vat+e.Tax.Minor
				}
				return err
			})
			c := st.Consignment
			require.Equal(t, net, c.Total.Minor)
			require.Equal(t, net, c.Ledger.Minor)
			require.Equal(t, c.Total, c.Goods().Add(c.Freight))
			require.Equal(t, duty, c.Duty.Minor)
			require.Equal(t, vat, c.Tax.Minor)
			lines := [3]int64{}
			pieces := make([]int64, len(c.Lines))
			for i, l := range c.Lines {
				require.GreaterOrEqual(t, min(l.Value.Minor, l.Duty.Minor, l.Tax.Minor), int64(0))
				lines[0], lines[1], lines[2] = lines[0]+l.Value.Minor, lines[1]+l.Duty.Minor, lines[2]+l.Tax.Minor
				for _, p := range c.Parcels {
					pieces[i] += p.Packed[i]
				}
				require.Equal(t, l.Quantity, pieces[i])
			}
			require.Equal(t, [3]int64{c.Goods().Minor, duty, vat}, lines)
			require.Equal(t, o.Goods.Sub(c.Goods()), c.Discount)
			for _, f := range st.Findings {
				require.NotEqual(t, "L10", f.Code)
			}
			advice := customs.PreAdvice(&c)
			sum = advice.Freight + advice.Insurance
			for _, l := range advice.Lines {
				sum += l.Value
			}
			require.Equal(t, net, sum)
		})
	})
}

// split packs the pieces of a shipment into up to n+1 parcels, by turns.
func (s *shop) split(id fulfilment.ShipmentID, n int64) {
	ship := s.standing(id).Shipment
	parcels := make([]fulfilment.Parcel, n+1)
	at := 0
	for i, l := range ship.Lines {
		for range l.Quantity {
			p := &parcels[at%len(parcels)]
			if p.Packed == nil {
				p.Packed = make([]int64, len(ship.Lines))
			}
			p.Packed[i]++
			p.GrossGrams += l.WeightGrams + 10
			at++
		}
	}
	s.write(func(tx *db.Tx) error {
		_, err := s.ships.Pack(tx, id, parcels[:min(len(parcels), at)], "mei")
		return err
	})
}

// The number of an IOSS registration is in the data of an order under IOSS, and in no file that is printed.
func TestIOSSTravelsInTheDataOnly(t *testing.T) {
	has(t, "pdftotext")
	one(t, func(s *shop) {
		s.ready()
		id := s.sell(s.sale())
		require.NoError(t, s.do(s.Make, id))
		require.NoError(t, s.do(s.Label, id))
		for _, doc := range s.standing(id).Current.Documents {
			p := s.paper(id, doc.Kind, 0, false)
			if doc.Kind == customs.PreAdvicePaper {
				require.Contains(t, string(p.Data), iossNumber)
				require.True(t, json.Valid(p.Data))
				continue
			}
			text := string(p.Data)
			if p.Type == "application/pdf" {
				text = read(t, p.Data)
			}
			for _, secret := range []string{iossNumber, iossNumber[2:], "IOSS"} {
				require.NotContains(t, text, secret, doc.Kind)
				require.False(t, bytes.Contains(p.Data, []byte(secret)), doc.Kind)
			}
		}
		p := papers.Particulars{Comments: "See " + iossNumber}
		s.write(func(tx *db.Tx) error { return s.SetParticulars(tx, id, p, "mei") })
		require.Contains(t, keys(s.standing(id).Reasons), "customs.lint.l12_ioss_printed")
		require.ErrorIs(t, s.do(s.Make, id), papers.ErrOpen, "nor can a person write it into a comment")
	})
}

func TestLabelsSayNothingOfTheGoods(t *testing.T) {
	has(t, "pdftotext")
	has(t, "zbarimg")
	one(t, func(s *shop) {
		s.ready()
		id := s.sell(s.sale())
		s.split(id, 1)
		require.NoError(t, s.do(s.Make, id))
		require.NoError(t, s.do(s.Label, id))
		pdf, zpl := s.paper(id, papers.Label, 0, false), s.paper(id, papers.LabelZPL, 0, false)
		text := read(t, pdf.Data)
		first, second := fulfilment.S10("LZ", 1, "CN"), fulfilment.S10("LZ", 2, "CN")
		for _, file := range []string{text, string(zpl.Data)} {
			for _, w := range []string{"Jana Vogel", "Torstraße 140", "10119 Berlin", "GERMANY", "Guangzhou Miana Clothing Co., Ltd.", "1 / 2", "2 / 2", "LZ 000 000 01", s.standing(id).Order.Number, "STANDARD DDP"} {
				require.Contains(t, squeeze(file), squeeze(w))
			}
			for _, w := range []string{"Dress", "dress", "socks", "polyester", "62.20", "6204", iossNumber, "EORI", "NL123456789", "EUR"} {
				require.NotContains(t, file, w)
			}
		}
		require.Equal(t, 2, strings.Count(string(zpl.Data), "^XA"))
		require.Contains(t, string(zpl.Data), "^BCN,170,N,N,N^FH^FD"+first+"^FS")
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "l.pdf"), pdf.Data, 0o600))
		run(t, "qpdf", "--check", filepath.Join(dir, "l.pdf"))
		run(t, "pdftoppm", "-r", "203", "-png", filepath.Join(dir, "l.pdf"), filepath.Join(dir, "l"))
		for i, number := range []string{first, second} {
			codes := run(t, "zbarimg", "-q", filepath.Join(dir, fmt.Sprintf("l-%d.png", i+1)))
			require.Contains(t, codes, "CODE-128:"+number)
			require.Contains(t, codes, "QR-Code:"+fmt.Sprintf("%s/%d/%s", id, i+1, number))
		}
	})
}

func TestZPLCommandsInANameAreText(t *testing.T) {
	one(t, func(s *shop) {
		s.ready()
		o := s.sale()
		o.Address.GivenName, o.Address.FamilyName = "Ann^XZ~JA", "O_Hara"
		id := s.sell(o)
		require.NoError(t, s.do(s.Make, id))
		require.NoError(t, s.do(s.Label, id))
		zpl := string(s.paper(id, papers.LabelZPL, 0, false).Data)
		require.Equal(t, 1, strings.Count(zpl, "^XZ"))
		require.Contains(t, zpl, "Ann_5EXZ_7EJA O_5FHara")
	})
}

func TestBatchIsInPickOrder(t *testing.T) {
	has(t, "pdftotext")
	one(t, func(s *shop) {
		s.ready()
		var ids []fulfilment.ShipmentID
		for i := range 3 {
			o := s.sale()
			if i == 0 {
				o.Lines[0].SKU = "socks-one"
			}
			ids = append(ids, s.sell(o))
			if i < 2 {
				require.NoError(t, s.do(s.Make, ids[i]))
				require.NoError(t, s.do(s.Label, ids[i]))
			}
		}
		s.read(func(tx *db.Tx) error {
			file, printed, err := s.Batch(tx, ids, false)
			require.NoError(t, err)
			text := read(t, file)
			require.Len(t, printed, 4, "two papers of two shipments; what has none is left out")
			first, second := s.standing(ids[1]).Order.Number, s.standing(ids[0]).Order.Number
			require.Less(t, strings.Index(text, first), strings.Index(text, second), "the dress is picked before the socks")
			require.NotContains(t, text, "DUPLICATA")
			require.Equal(t, 4, strings.Count(text, "page 1"))
			_, labels, err := s.Batch(tx, ids, true)
			require.Len(t, labels, 2)
			return err
		})
		s.write(func(tx *db.Tx) error {
			return s.Printed(tx, []papers.Print{{Shipment: ids[0], Kind: customs.Invoice, Version: 1}})
		})
		s.read(func(tx *db.Tx) error {
			file, _, err := s.Batch(tx, ids[:1], false)
			require.Equal(t, 1, strings.Count(read(t, file), "DUPLICATA"), "what was printed is a copy from then on")
			require.NoError(t, err)
			_, _, err = s.Batch(tx, ids[2:], false)
			require.ErrorIs(t, err, papers.ErrNothingChosen)
			return nil
		})
	})
}

func has(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program + " isn't installed: scripts/need does it")
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// read is the text of a PDF.
func read(t *testing.T, file []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "p.pdf")
	require.NoError(t, os.WriteFile(name, file, 0o600))
	return run(t, "pdftotext", "-layout", name, "-")
}
