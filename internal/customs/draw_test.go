package customs_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/customs"
	"portolan/internal/pdf"
)

var update = flag.Bool("update", false, "write the samples of docs/samples again")

// lane is a consignment to somewhere, with what pdftotext has to find besides what all papers say.
type lane struct {
	name    string
	to      customs.Party
	finds   []string
	eastern bool // needs the machine's font
}

func lanes() []lane {
	person := func(given, family, line, city, postcode, country, region, phone string) customs.Party {
		return customs.Party{Email: "buyer@mail.example", Address: address.Address{GivenName: given, FamilyName: family, Line1: line, City: city, Region: region, Postcode: postcode, Country: country, Phone: phone}}
	}
	with := func(p customs.Party, latin address.Latin) customs.Party { p.Address.Latin = &latin; return p }
	return []lane{
		{"de", person("Jana", "Vögel-Groß", "Torstraße 140", "Berlin", "10119", "DE", "", "+4915123456789"), []string{"Jana Vögel-Groß", "Torstraße 140", "GERMANY"}, false},
		{"pl", person("Małgorzata", "Świątek", "ul. Łąkowa 7", "Łódź", "90-001", "PL", "", "+48501234567"), []string{"Małgorzata Świątek", "ul. Łąkowa 7", "Łódź"}, false},
		{"gr", with(person("Ελένη", "Παπαδοπούλου", "Οδός Ερμού 12", "Αθήνα", "105 63", "GR", "", "+306912345678"), address.Latin{Name: "Eleni Papadopoulou", Line1: "Ermou 12", City: "Athina"}),
			[]string{"Eleni Papadopoulou", "Ελένη Παπαδοπούλου", "Οδός Ερμού 12"}, false},
		{"bg", with(person("Георги", "Иванов", "бул. Витоша 1", "София", "1000", "BG", "", "+359881234567"), address.Latin{Name: "Georgi Ivanov", Line1: "bul. Vitosha 1", City: "Sofia"}),
			[]string{"Georgi Ivanov", "Георги Иванов", "бул. Витоша 1"}, false},
		{"vn", person("Thị Hồng", "Nguyễn", "12 Đường Lê Lợi", "Quận 1", "700000", "VN", "SG", "+84912345678"), []string{"Thị Hồng Nguyễn", "12 Đường Lê Lợi"}, false},
		{"jp", with(person("花子", "山田", "銀座1-2-3", "中央区", "104-0061", "JP", "13", "+819012345678"), address.Latin{Name: "Hanako Yamada", Line1: "1-2-3 Ginza", City: "Chuo-ku"}),
			[]string{"Hanako Yamada", "Chuo-ku", "銀座1-2-3", "中央区"}, true},
		{"kr", with(person("민준", "김", "테헤란로 123", "강남구", "06133", "KR", "11", "+821012345678"), address.Latin{Name: "Minjun Kim", Line1: "123 Teheran-ro", City: "Gangnam-gu"}),
			[]string{"Minjun Kim", "테헤란로 123"}, true},
		{"cn", with(person("伟", "王", "南京西路100号", "上海市", "200040", "CN", "SH", "+8613812345678"), address.Latin{Name: "Wang Wei", Line1: "100 Nanjing Xi Lu", City: "Shanghai"}),
			[]string{"Wang Wei", "南京西路100号"}, true},
		{"sa", with(person("خالد", "الفيصل", "شارع الملك فهد 12", "الرياض", "12271", "SA", "", "+966501234567"), address.Latin{Name: "Khalid Al Faisal", Line1: "King Fahd Road 12", City: "Riyadh"}),
			[]string{"Khalid Al Faisal", "خالد الفيصل", "الملك", "King Fahd Road 12", "SAUDI ARABIA"}, false},
		{"ae", with(person("فاطمة", "الزهراء", "شارع الشيخ زايد", "دبي", "", "AE", "DU", "+971501234567"), address.Latin{Name: "Fatima Al Zahra", Line1: "Sheikh Zayed Road", City: "Dubai"}),
			[]string{"Fatima Al Zahra", "فاطمة الزهراء", "شارع الشيخ زايد", "UNITED ARAB EMIRATES"}, false},
		{"th", with(person("สมชาย", "ใจดี", "123 ถนนสุขุมวิท", "กรุงเทพมหานคร", "10110", "TH", "10", "+66812345678"), address.Latin{Name: "Somchai Jaidee", Line1: "123 Sukhumvit Road", City: "Bangkok"}),
			[]string{"Somchai Jaidee", "สมชาย ใจดี", "123 ถนนสุขุมวิท", "กรุงเทพมหานคร", "THAILAND"}, false},
		{"us", person("Dana", "O'Neil", "500 W 2nd St Apt 4", "Austin", "78701", "US", "TX", "+15125550143"), []string{"Dana O'Neil", "500 W 2nd St Apt 4", "Austin, TX 78701", "UNITED STATES"}, false},
		{"ca", person("Zoé", "Tremblay", "1200 Rue Sainte-Catherine O", "Montréal", "H3B 1K1", "CA", "QC", "+15145550144"), []string{"Zoé Tremblay", "Montréal", "H3B 1K1", "CANADA"}, false},
		{"au", person("Kylie", "Ward", "8 George St", "Sydney", "2000", "AU", "NSW", "+61412345678"), []string{"Kylie Ward", "8 George St", "AUSTRALIA"}, false},
		{"no", person("Åse", "Bjørnstad", "Storgata 5", "Tromsø", "9008", "NO", "", "+4791234567"), []string{"Åse Bjørnstad", "Tromsø", "NORWAY"}, false},
		{"ch", person("Rätus", "Caflisch", "Bahnhofstrasse 9", "Chur", "7000", "CH", "", "+41791234567"), []string{"Rätus Caflisch", "7000 Chur", "SWITZERLAND"}, false},
		{"fr", person("Éloïse", "L'Hôte", "3 rue de l'Église", "Besançon", "25000", "FR", "", "+33612345678"), []string{"Éloïse L'Hôte", "3 rue de l'Église", "FRANCE"}, false},
		{"se", person("Örjan", "Ångström", "Drottninggatan 1", "Malmö", "211 41", "SE", "", "+46701234567"), []string{"Örjan Ångström", "211 41", "SWEDEN"}, false},
		{"id", person("Siti", "Rahmawati", "Jl. Sudirman No. 1", "Jakarta Selatan", "12190", "ID", "JK", "+6281234567890"), []string{"Siti Rahmawati", "Jl. Sudirman No. 1", "INDONESIA"}, false},
		{"br", person("João", "Gonçalves", "Rua São José 10", "São Paulo", "01010-000", "BR", "SP", "+5511912345678"), []string{"João Gonçalves", "Rua São José 10", "01010-000", "BRAZIL"}, false},
	}
}

func to(l lane) *customs.Consignment {
	c := sound()
	c.Addressee, c.Place = l.to, l.to.Address.City
	if l.to.Address.Latin != nil {
		c.Place = l.to.Address.Latin.City
	}
	c.Parcels[0].Packed = []int64{2, 3}
	c.Lines = append(c.Lines, customs.Line{SKU: "S7-38", Title: "Socks", Description: "Women's knitted socks, 80 % cotton, 20 % polyamide", Use: "apparel",
		HS: "611595", Origin: "TR", Quantity: 3, Unit: "pair", NetGrams: 150, Value: euro(2000), Duty: euro(300), Tax: euro(437)})
	c.Gross, c.Parcels[0].GrossGrams = 1050, 1050
	c.Total, c.Ledger, c.Duty, c.Tax = euro(12670), euro(12670), euro(600), euro(2537)
	c.Licences, c.Comments = []string{"REX GBREX12345"}, "No quarantine goods"
	if !customs.InUnion(l.to.Address.Country) {
		c.Scheme = customs.Scheme{}
	}
	return &c
}

// has reports whether a program is installed, and skips where it isn't: these programs read our papers back,
// but nothing of Portolan needs them.
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

func papers() map[string]struct {
	paper customs.Paper
	size  pdf.Size
} {
	type p = struct {
		paper customs.Paper
		size  pdf.Size
	}
	return map[string]p{"invoice": {customs.Invoice, pdf.A4}, "cn23": {customs.CN23, pdf.A4}, "packing-list": {customs.Packing, pdf.A4}, "cn22": {customs.CN22, pdf.Label}, "cn22-a4": {customs.CN22, pdf.A4}}
}

// drawn makes every paper of every lane, or skips the lane where its font is missing.
func drawn(t *testing.T, each func(t *testing.T, l lane, name string, c *customs.Consignment, file string)) {
	for _, l := range lanes() {
		for name, p := range papers() {
			t.Run(l.name+"-"+name, func(t *testing.T) {
				b, err := customs.Draw(to(l), p.paper, p.size, false)
				if err != nil && l.eastern && strings.Contains(err.Error(), pdf.ErrNoFont.Code) {
					t.Skip(err.Error() + "; scripts/need installs it")
				}
				require.NoError(t, err)
				file := filepath.Join(t.TempDir(), name+".pdf")
				require.NoError(t, os.WriteFile(file, b, 0o600))
				each(t, l, name, to(l), file)
			})
		}
	}
}

// Each paper of each lane is sound PDF, says each field, shows names in the addressee's own script as they were written,
// and never the number of an IOSS registration.
func TestEachPaperOfEachLane(t *testing.T) {
	has(t, "qpdf")
	has(t, "pdftotext")
	require.GreaterOrEqual(t, len(lanes()), 20)
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	drawn(t, func(t *testing.T, l lane, name string, c *customs.Consignment, file string) {
		require.Contains(t, run(t, "qpdf", "--check", file), "No syntax or stream encoding errors")
		plain := run(t, "pdftotext", "-layout", file, "-")
		text := squeeze(strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "").Replace(plain))
		for _, id := range []string{"2760000123", "IOSS"} {
			require.NotContains(t, plain, id)
		}
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.False(t, bytes.Contains(raw, []byte("2760000123")))
		want := append([]string{"Example Atelier Ltd", "12 Mill Lane", "LS1 4AP", "UNITED KINGDOM"}, l.finds...)
		// a long description is broken into lines, so it is looked for by its words
		want = append(want, "viscose", "socks", "polyamide")
		if name != "packing-list" {
			want = append(want, "99.80", "20.00", "620444", "611595", "PT", "TR", "0.720", "0.150", "3 pair", "2026-11-22", "A. Baker")
		}
		switch name {
		case "invoice":
			want = append(want, c.Invoice, c.Order, "DDP", "EUR", "126.70", "6.90", "49.90", "6.6667", "25.37", "GB123456789000", "100 % viscose", "1.050", "Sale of goods", c.RuleSet, c.Export, "5.00", "REX GBREX12345", "RB123456785GB", c.Addressee.Address.Phone, c.Addressee.Email)
		case "cn23":
			want = append(want, c.Invoice, "119.80", "1.050", "0.870", "6.90", "Gift", "Returned goods", "No quarantine goods", "REX GBREX12345", "Return to sender", c.Addressee.Email, c.Addressee.Address.Phone, "GB123456789000", c.Export)
		case "packing-list":
			want = append(want, "1 of 1", "35 x 25 x 6", "1.050", "0.870", "3 pair", "RB123456785GB", c.Order, "D1-M")
		default:
			want = append(want, "119.80", "1.050 kg", "CN 22")
		}
		for _, w := range want {
			require.Contains(t, text, squeeze(w), w)
		}
		if name == "packing-list" {
			require.NotContains(t, text, "99.80", "no prices on a packing list")
		}
	})
}

func TestBarcodesReadBack(t *testing.T) {
	has(t, "zbarimg")
	has(t, "pdftoppm")
	for _, l := range lanes() {
		for name, p := range papers() {
			if l.eastern || l.name != "de" && name != "invoice" {
				continue // the code is the same on each paper of a lane
			}
			b, err := customs.Draw(to(l), p.paper, p.size, false)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "p")
			require.NoError(t, os.WriteFile(file+".pdf", b, 0o600))
			run(t, "pdftoppm", "-r", "150", "-gray", "-f", "1", "-l", "1", "-png", "-singlefile", file+".pdf", file)
			require.Contains(t, run(t, "zbarimg", "-q", "-Sdisable", "-Scode128.enable", "-Sy-density=4", file+".png"), "CODE-128:RB123456785GB", l.name+" "+name)
		}
	}
}

func TestSameDataSameBytes(t *testing.T) {
	for name, p := range papers() {
		a, err := customs.Draw(to(lanes()[2]), p.paper, p.size, false)
		require.NoError(t, err)
		for range 3 {
			b, err := customs.Draw(to(lanes()[2]), p.paper, p.size, false)
			require.NoError(t, err)
			require.True(t, bytes.Equal(a, b), name)
		}
		again, err := customs.Draw(to(lanes()[2]), p.paper, p.size, true)
		require.NoError(t, err)
		require.False(t, bytes.Equal(a, again), "a copy says so")
	}
}

func TestManyLinesTakeMorePages(t *testing.T) {
	c := to(lanes()[0])
	for len(c.Lines) < 90 {
		c.Lines = append(c.Lines, c.Lines[0])
		c.Parcels[0].Packed = append(c.Parcels[0].Packed, 2)
	}
	for _, p := range []customs.Paper{customs.Invoice, customs.CN23, customs.Packing} {
		b, err := customs.Draw(c, p, pdf.A4, false)
		require.NoError(t, err)
		require.Greater(t, bytes.Count(b, []byte("/Type /Page\n")), 2, p)
	}
	_, err := customs.Draw(c, customs.CN22, pdf.Label, false)
	require.ErrorIs(t, err, pdf.ErrTooWide, "nothing is left out silently")
}

func TestWhatCanNotBeDrawnIsNamed(t *testing.T) {
	c := to(lanes()[0])
	c.Addressee.Address.FamilyName = "ꙮ\U00013000"
	c.Addressee.Address.Latin = &address.Latin{Name: "J. Vogel", Line1: "Torstr. 140", City: "Berlin"}
	_, err := customs.Draw(c, customs.Invoice, pdf.A4, false)
	require.ErrorIs(t, err, pdf.ErrNoGlyph)
	require.ErrorContains(t, err, "addressee: '")
	require.ErrorContains(t, err, "U+")
	_, err = customs.Draw(c, customs.PreAdvicePaper, pdf.A4, false)
	require.ErrorIs(t, err, customs.ErrNoSuchPaper)
}

func TestSamples(t *testing.T) {
	if !*update {
		t.Skip("optional: writes docs/samples with -update")
	}
	for _, l := range lanes() {
		for name, p := range papers() {
			if name == "cn22-a4" || !strings.Contains("de us sa th", l.name) {
				continue
			}
			b, err := customs.Draw(to(l), p.paper, p.size, false)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join("../../docs/samples", name+"-"+l.name+".pdf"), b, 0o644))
		}
	}
	b, err := customs.PreAdvice(to(lanes()[0])).JSON()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("../../docs/samples/pre-advice-de.json", append(b, '\n'), 0o644))
	t.Log("wrote samples of " + strconv.Itoa(len(lanes())) + " lanes")
}

func BenchmarkInvoice(b *testing.B) {
	c := to(lanes()[1])
	for b.Loop() {
		if _, err := customs.Draw(c, customs.Invoice, pdf.A4, false); err != nil {
			b.Fatal(err)
		}
	}
}
