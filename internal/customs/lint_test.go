package customs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/landed"
	"portolan/internal/money"
)

var day = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func euro(minor int64) money.Amount { return money.Of(minor, "EUR") }

// sound is a consignment the linter has nothing to say about but what it is told is held as evidence.
func sound() customs.Consignment {
	return customs.Consignment{
		Shipment: "shp_1", Order: "F-20261122-0007", Invoice: "INV-20261122-0007", Version: 1, Date: day, Way: customs.Courier, Service: "express_ddp", Purpose: customs.Sale,
		Sender: customs.Party{Name: "Example Atelier Ltd", Email: "post@shop.example", IDs: []customs.TaxID{{Kind: "EORI", Country: "GB", Number: "GB123456789000"}},
			Address: address.Address{GivenName: "Ann", FamilyName: "Baker", Line1: "12 Mill Lane", City: "Leeds", Postcode: "LS1 4AP", Country: "GB", Phone: "+441132345678"}},
		Addressee: customs.Party{Email: "jana@mail.example",
			Address: address.Address{GivenName: "Jana", FamilyName: "Vogel", Line1: "Torstraße 140", City: "Berlin", Postcode: "10119", Country: "DE", Phone: "+4915123456789"}},
		Incoterm: landed.DDP, Place: "Berlin", Currency: "EUR",
		Lines: []customs.Line{{
			SKU: "D1-M", Title: "Wrap dress", Brand: "Lunara", Description: "Women's woven dress, 100 % viscose", Category: "textiles", Use: "apparel",
			Materials: []catalog.Material{{Fibre: "viscose", Percent: 100}}, Evidence: []string{"FIBRE_LABEL", "EU_RESPONSIBLE_PERSON", "PRODUCT_ID", "FIBRE_ORIGIN_RN", "CA_TEXTILE_LABEL"},
			HS: "620444", Origin: "PT", Quantity: 2, NetGrams: 720, Value: euro(9980), Duty: euro(300), Tax: euro(2100)}},
		Freight: euro(690), Insurance: euro(0), Discount: euro(500), Total: euro(10670), Ledger: euro(10670), Duty: euro(300), Tax: euro(2100), Fees: euro(0), RuleSet: "2026-11-01.ab12cd",
		Scheme: customs.Scheme{Kind: "IOSS", Number: "IM2760000123", ValidFrom: day.AddDate(-1, 0, 0)}, Gross: 900,
		Parcels: []customs.Parcel{{Tracking: "RB123456785GB", GrossGrams: 900, Length: 350, Width: 250, Height: 60, Packed: []int64{2}}}, Signer: "A. Baker",
		Export: "26GB000000001", Comments: "", Licences: nil,
	}
}

// pounds writes the consignment's amounts in another currency.
func pounds(c *customs.Consignment) {
	c.Currency = "GBP"
	for _, a := range []*money.Amount{&c.Lines[0].Value, &c.Lines[0].Duty, &c.Lines[0].Tax, &c.Freight, &c.Insurance, &c.Discount, &c.Total, &c.Ledger, &c.Duty, &c.Tax, &c.Fees} {
		a.Currency = "GBP"
	}
}

func codes(found []customs.Finding) map[string]customs.Severity {
	m := map[string]customs.Severity{}
	for _, f := range found {
		if m[f.Code] == "" || f.Severity == customs.Blocks {
			m[f.Code] = f.Severity
		}
	}
	return m
}

func TestSoundConsignmentIsLeftAlone(t *testing.T) {
	require.Empty(t, customs.Lint(sound(), customs.Options{NeedsPhone: true, NeedsEmail: true}))
}

func TestEachCodeHasAHitAndANearMiss(t *testing.T) {
	type change = func(*customs.Consignment, *customs.Options)
	describe := func(s string) change {
		return func(c *customs.Consignment, _ *customs.Options) { c.Lines[0].Description = s }
	}
	line := func(f func(*customs.Line)) change {
		return func(c *customs.Consignment, _ *customs.Options) { f(&c.Lines[0]) }
	}
	whole := func(f func(*customs.Consignment)) change {
		return func(c *customs.Consignment, _ *customs.Options) { f(c) }
	}
	to := func(country string) change {
		return func(c *customs.Consignment, _ *customs.Options) {
			c.Addressee.Address.Country, c.Scheme = country, customs.Scheme{}
		}
	}
	both := func(a, b change) change {
		return func(c *customs.Consignment, o *customs.Options) { a(c, o); b(c, o) }
	}
	goods := func(minor int64) change {
		return whole(func(c *customs.Consignment) {
			c.Lines[0].Value, c.Total, c.Ledger = euro(minor), euro(minor+690), euro(minor+690)
		})
	}
	twin := func(description string) change {
		return whole(func(c *customs.Consignment) {
			l := c.Lines[0]
			l.Description, l.Value = description, euro(1000)
			c.Lines = append(c.Lines, l)
			c.Total, c.Ledger, c.Gross = euro(11670), euro(11670), 1500
		})
	}
	limit := func(n int) change { return func(_ *customs.Consignment, o *customs.Options) { o.MaxDescription = n } }
	for _, c := range []struct {
		code, name string
		severity   customs.Severity
		hit, miss  change
	}{
		{"L01", "empty", "E", describe("  "), describe("Men's knitted cotton dress")},
		{"L01", "script", "E", describe("Платье женское вискоза"), describe("Robe tissée pour femme, viscose dress")},
		{"L01", "length", "E", limit(33), limit(34)},
		{"L02", "alone", "E", describe("Lunara Clothing black XL"), describe("Clothing of woven viscose: dress")},
		{"L02", "elsewhere", "W", both(to("US"), describe("Clothing")), describe("Women's viscose dress")},
		{"L03", "inside", "W", describe("General goods: viscose dress"), describe("Generous woven viscose dress")},
		{"L03", "strict", "E", both(func(_ *customs.Consignment, o *customs.Options) { o.Strict = true }, describe("General goods: viscose dress")), nil},
		{"L04", "two words", "W", describe("Viscose dress"), describe("Woven viscose dress")},
		{"L05", "brand", "E", describe("Lunara 4711 blue"), describe("Lunara 4711 viscose dress")},
		{"L06", "material", "W", describe("Women's woven dress"), describe("Women's woven dress, viscose")},
		{"L07", "missing", "E", line(func(l *customs.Line) { l.HS = "" }), line(func(l *customs.Line) { l.HS = "62044400" })},
		{"L07", "short", "E", line(func(l *customs.Line) { l.HS = "6204" }), nil},
		{"L07", "unknown", "E", line(func(l *customs.Line) { l.HS = "620499" }), nil},
		{"L07", "shallow", "W", to("US"), both(to("US"), line(func(l *customs.Line) { l.HS = "62044440" }))},
		{"L08", "origin", "E", line(func(l *customs.Line) { l.Origin = "ZZ" }), line(func(l *customs.Line) { l.Origin = "VN" })},
		{"L09", "net over gross", "E", whole(func(c *customs.Consignment) { c.Gross = 719 }), whole(func(c *customs.Consignment) { c.Gross = 720 })},
		{"L09", "nothing", "E", line(func(l *customs.Line) { l.NetGrams = 0 }), line(func(l *customs.Line) { l.NetGrams = 10 })},
		{"L09", "unit", "W", line(func(l *customs.Line) { l.NetGrams = 9 }), line(func(l *customs.Line) { l.NetGrams = 10 })},
		{"L10", "lines", "E", line(func(l *customs.Line) { l.Value = euro(9979) }), nil},
		{"L10", "order", "E", whole(func(c *customs.Consignment) { c.Ledger = euro(10671) }), goods(9981)},
		{"L11", "limit", "E", goods(15001), goods(15000)},
		{"L11", "limit in pounds", "E", func(c *customs.Consignment, o *customs.Options) { pounds(c); o.GoodsInEuro = euro(15001) }, func(c *customs.Consignment, o *customs.Options) { pounds(c); o.GoodsInEuro = euro(15000) }},
		{"L11", "limit unchecked", "W", whole(pounds), nil},
		{"L12", "printed though not valid", "E", whole(func(c *customs.Consignment) {
			c.Comments, c.Scheme.ValidTo = "IM2760000123", day.AddDate(0, 0, -1)
		}), nil},
		{"L11", "place", "E", whole(func(c *customs.Consignment) { c.Addressee.Address.Postcode = "27498" }), whole(func(c *customs.Consignment) { c.Addressee.Address.Postcode = "27499" })},
		{"L11", "validity", "E", whole(func(c *customs.Consignment) { c.Scheme.ValidTo = day.AddDate(0, 0, -1) }), whole(func(c *customs.Consignment) { c.Scheme.ValidTo = day })},
		{"L12", "printed", "E", whole(func(c *customs.Consignment) { c.Comments = "our number im 276 0000 123" }), whole(func(c *customs.Consignment) { c.Comments = "IM2760000124" })},
		{"L13", "colours", "I", twin("Women's woven dress, navy, 100 % viscose"), twin("Women's woven dress, 100 % viscose")},
		{"L14", "banned", "E", line(func(l *customs.Line) { l.Traits = []string{"counterfeit"} }), line(func(l *customs.Line) { l.Traits = []string{"gum"} })},
		{"L14", "evidence", "W", line(func(l *customs.Line) { l.Traits = []string{"battery"} }), line(func(l *customs.Line) {
			l.Traits, l.Evidence = []string{"battery"}, append(l.Evidence, "UN38.3", "BATTERY_MARKS")
		})},
		{"L15", "nobody", "E", whole(func(c *customs.Consignment) { c.Addressee.Name = "N/A" }), whole(func(c *customs.Consignment) { c.Addressee.Name = "Nadia A." })},
		{"L15", "private person", "E", whole(func(c *customs.Consignment) { c.Addressee.Name = "Private Person" }), whole(func(c *customs.Consignment) { c.Addressee.Name = "Private Garden Berlin" })},
		{"L15", "emoji", "I", whole(func(c *customs.Consignment) { c.Addressee.Name = "Jana 🌸\u202e Vogel" }), whole(func(c *customs.Consignment) { c.Addressee.Name = "Jana  Vogel" })},
		{"L16", "heading", "W", line(func(l *customs.Line) { l.HS = "420221" }), line(func(l *customs.Line) { l.HS, l.Description = "420221", "Women's leather shoulder bag with zip" })},
		{"L17", "currency", "W", line(func(l *customs.Line) { l.Value.Currency = "USD" }), nil},
		{"L17", "zero", "W", goods(0), goods(1)},
		{"L18", "phone", "E", func(c *customs.Consignment, o *customs.Options) { o.NeedsPhone, c.Addressee.Address.Phone = true, "" }, whole(func(c *customs.Consignment) { c.Addressee.Address.Phone = "" })},
		{"L18", "e-mail", "E", func(c *customs.Consignment, o *customs.Options) { o.NeedsEmail, c.Addressee.Email = true, "" }, whole(func(c *customs.Consignment) { c.Addressee.Email = "" })},
		{"L19", "Korea", "E", to("KR"), both(to("KR"), whole(func(c *customs.Consignment) {
			c.Addressee.IDs = []customs.TaxID{{Kind: "PCCC", Country: "KR", Number: "P123456789012"}}
		}))},
	} {
		t.Run(c.code+" "+c.name, func(t *testing.T) {
			hit, o := sound(), customs.Options{}
			c.hit(&hit, &o)
			require.Equal(t, c.severity, codes(customs.Lint(hit, o))[c.code])
			if c.miss != nil {
				miss, o := sound(), customs.Options{}
				c.miss(&miss, &o)
				require.NotContains(t, codes(customs.Lint(miss, o)), c.code)
			}
		})
	}
}

func TestEveryStopTermAloneIsRefusedInTheUnion(t *testing.T) {
	require.Greater(t, len(customs.StopTerms()), 110)
	for _, term := range customs.StopTerms() {
		for _, text := range []string{term.Term, strings.ToUpper(term.Term), "Lunara " + term.Term + " navy 42"} {
			c := sound()
			c.Lines[0].Description = text
			require.Equal(t, customs.Blocks, codes(customs.Lint(c, customs.Options{}))["L02"], text)
			c.Date = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
			require.NotContains(t, codes(customs.Lint(c, customs.Options{})), "L02", "before the first day")
		}
	}
}

func TestSeedTermsOfTheSpecification(t *testing.T) {
	b, err := os.ReadFile("../../../shared/spec/documents.md")
	if err != nil {
		t.Skip("the specification isn't beside the project: ", err)
	}
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "> accessories") {
			continue
		}
		line = regexp.MustCompile(` \([^)]*\)`).ReplaceAllString(line[2:], "")
		for term := range strings.SplitSeq(strings.TrimSpace(line), ", ") {
			c := sound()
			c.Lines[0].Description = term
			require.Equal(t, customs.Blocks, codes(customs.Lint(c, customs.Options{}))["L02"], term)
		}
	}
}

func TestGoodFashionDescriptionsPass(t *testing.T) {
	kinds := map[string]string{"dress": "620444", "blouse": "620640", "jacket": "620433", "trousers": "620463", "skirt": "620453", "coat": "620240", "sweater": "611030", "T-shirt": "610990", "cardigan": "611030", "jumpsuit": "620444", "leggings": "611596", "shorts": "620463"}
	n := 0
	for kind, hs := range kinds {
		for _, whose := range []string{"women", "men", "girls", "boys", "babies"} {
			for _, fibres := range [][]catalog.Material{{{Fibre: "viscose", Percent: 100}}, {{Fibre: "elastane", Percent: 5}, {Fibre: "cotton", Percent: 95}}, {{Fibre: "wool"}}, {{Fibre: "polyester", Percent: 60}, {Fibre: "linen", Percent: 40}}} {
				c := sound()
				c.Lines[0].Description, c.Lines[0].HS = customs.Describe(customs.Article{Kind: kind, For: whose, Make: "woven", Materials: fibres}), hs
				for _, f := range customs.Lint(c, customs.Options{Strict: true}) {
					require.NotEqual(t, customs.Blocks, f.Severity, "%s: %+v", c.Lines[0].Description, f)
				}
				n++
			}
		}
	}
	require.GreaterOrEqual(t, n, 200)
}

func TestDescribe(t *testing.T) {
	viscose := []catalog.Material{{Fibre: "Viscose", Percent: 100}}
	for _, c := range []struct {
		a    customs.Article
		want string
	}{
		{customs.Article{Kind: "Dress", For: "women", Make: "woven", Materials: viscose}, "Women's woven dress, 100 % viscose"},
		{customs.Article{Kind: "leggings", For: "girls", Make: "knitted", Materials: []catalog.Material{{Fibre: "elastane", Percent: 5}, {Fibre: "cotton", Percent: 95}}}, "Girls' knitted leggings, 95 % cotton, 5 % elastane"},
		{customs.Article{Kind: "ankle boots", For: "women", Materials: []catalog.Material{{Fibre: "leather"}}, Upper: true}, "Women's ankle boots, upper of leather"},
		{customs.Article{For: "women", Materials: viscose}, ""},
	} {
		require.Equal(t, c.want, customs.Describe(c.a))
	}
}

func TestRestrictions(t *testing.T) {
	at := func(s string) time.Time { d, _ := time.Parse("2006-01-02", s); return d }
	for _, c := range []struct {
		name    string
		goods   customs.Goods
		country string
		day     string
		key     string
		blocks  bool
		silent  bool
	}{
		{"sanctions", customs.Goods{Category: "textiles"}, "RU", "2026-11-22", "RU.all.sanctions", true, false},
		{"before them", customs.Goods{Category: "textiles"}, "RU", "2022-02-23", "RU.all.sanctions", true, true},
		{"mark missing", customs.Goods{Category: "electronics"}, "FR", "2026-11-22", "EU.electronics.ce", false, false},
		{"mark held", customs.Goods{Category: "electronics", Evidence: []string{"CE"}}, "FR", "2026-11-22", "EU.electronics.ce", false, true},
		{"chewing gum", customs.Goods{Category: "chewing_gum"}, "SG", "2026-11-22", "SG.chewing_gum.prohibition", true, false},
		{"elsewhere", customs.Goods{Category: "chewing_gum"}, "MY", "2026-11-22", "SG.chewing_gum.prohibition", true, true},
		{"python leather", customs.Goods{Category: "footwear", Traits: []string{"cites"}}, "JP", "2026-11-22", "all.cites.cites", true, false},
		{"with permit", customs.Goods{Category: "footwear", Traits: []string{"cites"}, Evidence: []string{"CITES"}}, "JP", "2026-11-22", "all.cites.cites", true, true},
		{"perfume by air", customs.Goods{Category: "perfume", ByAir: true}, "NO", "2026-11-22", "all.perfume.lq", false, false},
		{"perfume by road", customs.Goods{Category: "perfume"}, "NO", "2026-11-22", "all.perfume.lq", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := false
			for _, v := range customs.Check(c.goods, c.country, at(c.day)) {
				if v.Key == c.key {
					found = true
					require.Equal(t, c.blocks, v.Blocks)
					require.NotEmpty(t, v.Reason)
					require.NotEmpty(t, v.Alternative)
				}
			}
			require.Equal(t, !c.silent, found)
		})
	}
	seen := map[string]bool{}
	for _, r := range customs.Restrictions() {
		require.False(t, seen[r.Key], r.Key)
		seen[r.Key] = true
		require.Contains(t, []string{"block", "warn"}, r.Severity, r.Key)
	}
}
