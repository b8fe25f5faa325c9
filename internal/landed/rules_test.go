package landed_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/money"
)

func germanVAT(rate string) landed.Change {
	return landed.Change{Table: "taxes", End: standardVAT("DE"), Add: map[string]string{"rate_pct": rate}, Effective: "2026-12-01",
		Source: "bgbl-2026", Reason: "rate changed by law", Who: "ana@example.org"}
}

func standardVAT(country string) string {
	_, id, _ := landed.Default().ConsumptionTax(country, "", "", one(country, "", "", "", money.Of(0, "EUR")).Date)
	return id
}

// A changed pack quotes by its new row from the day it takes effect, and the pack it came from stays as it was.
func TestPackWithChanges(t *testing.T) {
	before := landed.Default()
	version := before.Version()
	after, err := before.With([]landed.Change{germanVAT("21")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := before.With([]landed.Change{germanVAT("21")})
	if err != nil || again.Version() != after.Version() || after.Version() == version || before.Version() != version {
		t.Errorf("versions %s, %s and %s (%v)", version, after.Version(), again.Version(), err)
	}
	for _, tt := range []struct {
		p   *landed.Pack
		day string
		tax int64
	}{{before, "2026-12-01", 19_00}, {after, "2026-11-30", 19_00}, {after, "2026-12-01", 21_00}} {
		q, err := tt.p.Quote(one("DE", "", "610910", "DE", money.Of(100_00, "EUR"), from("FR"), on(tt.day)))
		if err != nil || q.Tax.Minor != tt.tax || q.Pack != tt.p.Version() {
			t.Errorf("%s: %v by %s (%v), want %d", tt.day, q.Tax, q.Pack, err, tt.tax)
		}
	}
	diff := landed.Diff(before, after)
	if len(diff) != 2 || diff[0].Kind != "ended" || diff[0].Row != standardVAT("DE") || diff[0].Columns[0].After != "2026-11-30" || diff[1].Kind != "added" {
		t.Errorf("%+v", diff)
	}
	if none := landed.Diff(after, again); len(none) != 0 {
		t.Errorf("%+v", none)
	}
	e, ok := after.Entry(diff[1].Row)
	if !ok || e.ValidFrom != "2026-12-01" || e.Sources[0] != "bgbl-2026" || e.Confidence != "medium" || !e.Verified {
		t.Errorf("%+v", e)
	}
}

// A change that can't be applied is refused by field, with a code and what would do; no pack comes of it.
func TestUnusableChanges(t *testing.T) {
	with := func(f func(*landed.Change)) landed.Change {
		c := germanVAT("21")
		f(&c)
		return c
	}
	for _, tt := range []struct {
		name        string
		c           landed.Change
		field, code string
		say         string
	}{
		{"unknown table", with(func(c *landed.Change) { c.Table = "prices" }), "changes.0.table", "unknown", "must be one of countries.csv"},
		{"no source", with(func(c *landed.Change) { c.Source = " " }), "changes.0.source", "required", "must name where the rule is written"},
		{"no reason", with(func(c *landed.Change) { c.Reason = "" }), "changes.0.reason", "required", "must say why"},
		{"nobody", with(func(c *landed.Change) { c.Who = "" }), "changes.0.who", "required", "must name the person"},
		{"no day", with(func(c *landed.Change) { c.Effective = "2026-02-30" }), "changes.0.effective", "malformed", "must be a day like"},
		{"nothing", with(func(c *landed.Change) { c.End, c.Add = "", nil }), "changes.0.add", "required", "must be a row to add"},
		{"unknown row", with(func(c *landed.Change) { c.End = "vat:DE" }), "changes.0.end", "unknown", "must be the id of a row"},
		{"before the row began", with(func(c *landed.Change) { c.Effective = "1990-01-01" }), "changes.0.effective", "out_of_range", "must be after"},
		{"ended already", landed.Change{Table: "regimes", End: "eu:relief:2021-07-01", Effective: "2026-12-01", Source: "x", Reason: "x", Who: "x"}, "changes.0.end", "out_of_range", "has ended on 2026-06-30"},
		{"unknown column", with(func(c *landed.Change) { c.Add["rate"] = "1" }), "changes.0.add.rate", "unknown", "must be a column of taxes"},
		{"a comma", with(func(c *landed.Change) { c.Add["rate_pct"] = "19,5" }), "changes.0.add.rate_pct", "malformed", "must have neither comma"},
		{"no number", with(func(c *landed.Change) { c.Add["rate_pct"] = "much" }), "changes.0.add.rate_pct", "malformed", "is no decimal number"},
		{"rate out of range", with(func(c *landed.Change) { c.Add["rate_pct"] = "1001" }), "changes.0.add.rate_pct", "out_of_range", "is more than 1000 per cent"},
		{"unknown country", with(func(c *landed.Change) { c.Add["country"] = "XX" }), "changes.0.add.country", "unknown_country", "is no country"},
		{"overlap", with(func(c *landed.Change) {
			c.End, c.Add = "", map[string]string{"country": "DE", "code": "VAT", "category": "standard", "rate_pct": "21"}
		}), "changes.0.add.valid_from", "overlaps", "overlaps " + standardVAT("DE")},
		{"unknown mode", landed.Change{Table: "regimes", End: "gb:relief:2021-01-01", Add: map[string]string{"mode": "mercy"}, Effective: "2026-12-01", Source: "x", Reason: "x", Who: "x"},
			"changes.0.add.mode", "unknown_duty_mode", "is no known duty mode"},
		{"another table's id", landed.Change{Table: "regimes", End: "gb:relief:2021-01-01", Add: map[string]string{"id": standardVAT("DE")}, Effective: "2026-12-01", Source: "x", Reason: "x", Who: "x"},
			"taxes.csv.id", "stands_twice", "stands twice"},
		{"a table without days", landed.Change{Table: "territories", Add: map[string]string{"country": "ES"}, Effective: "2026-12-01", Source: "x", Reason: "x", Who: "x"},
			"changes.0.table", "out_of_range", "must be a table whose rows have days"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := landed.Default().With([]landed.Change{tt.c})
			if !errors.Is(err, landed.ErrUnusableChange) || p != nil {
				t.Fatalf("%v", err)
			}
			if got := fault.Of(err).Fields[tt.field]; got != tt.code || !strings.Contains(err.Error(), tt.field+": ") || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("%q of %v; want %s: %s %s", got, err, tt.field, tt.code, tt.say)
			}
		})
	}
}

// A folder of tables with anything wrong in it becomes no pack; every row at fault is named.
func TestFoldersAtFault(t *testing.T) {
	table := func(name string) string {
		text, err := os.ReadFile("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	regimes := table("regimes.csv")
	head, _, _ := strings.Cut(regimes, "\n")
	for _, tt := range []struct {
		name, file, text string
		field, code      string
	}{
		{"overlapping days", "regimes.csv", strings.Replace(regimes, "2024-07-05,2025-12-31,th-2026", "2024-07-05,,th-2026", 1), "regimes.csv.31.valid_from", "overlaps"},
		{"unknown mode", "regimes.csv", strings.Replace(regimes, "flat_per_item", "per_pound", 1), "regimes.csv.3.mode", "unknown_duty_mode"},
		{"Latin-1", "regimes.csv", strings.Replace(regimes, "eu-guidance-2026-10-05", "Z\xf6lle", 1), "regimes.csv.3.source", "not_utf8"},
		{"unknown country", "regimes.csv", strings.Replace(regimes, "gb:relief:2021-01-01,GB", "gb:relief:2021-01-01,UK", 1), "regimes.csv.8.country", "unknown_country"},
		{"other columns", "regimes.csv", strings.ReplaceAll(regimes, ",", ";"), "regimes.csv.1", "other_columns"},
		{"a cell too few", "regimes.csv", head + "\nx,EU\n", "regimes.csv.2", "wrong_number_of_columns"},
		{"nothing", "regimes.csv", "", "regimes.csv", "required"},
		{"no source", "taxes.csv", strings.Replace(table("taxes.csv"), "vatnode|node-sales-tax,high", ",high", 1), "taxes.csv.2.source", "required"},
		{"no such day", "taxes.csv", strings.Replace(table("taxes.csv"), "1984-01-01,,", "1984-02-30,,", 1), "taxes.csv.2.valid_from", "malformed"},
		{"no such table", "prices.csv", "id\n", "prices.csv", "unknown_table"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := landed.ReadPack(fstest.MapFS{tt.file: {Data: []byte(tt.text)}})
			if !errors.Is(err, landed.ErrUnreadableTable) || p != nil || len(landed.Problems(err)) == 0 {
				t.Fatal(err)
			}
			if fields := fault.Of(err).Fields; fields[tt.field] != tt.code {
				t.Errorf("%v, want %s: %s", fields, tt.field, tt.code)
			}
		})
	}
	p, err := landed.ReadPack(fstest.MapFS{"regimes.csv": {Data: []byte("\ufeff" + strings.ReplaceAll(regimes, "\n", "\r\n"))}})
	if err != nil {
		t.Fatal("a file as spreadsheets save it: ", err)
	}
	if diff := landed.Diff(landed.Default(), p); len(diff) != 0 {
		t.Errorf("%+v", diff)
	}
}

// Every row can be listed and found by the id that quotes name.
func TestEntries(t *testing.T) {
	p, n := landed.Default(), 0
	for _, table := range p.Tables() {
		entries, ok := p.Entries(table.Name)
		if !ok || len(entries) != table.Rows || table.About == "" {
			t.Errorf("%+v: %d entries", table, len(entries))
		}
		for _, e := range entries {
			n++
			row, known := p.Rule(e.ID)
			if known && (row.ValidFrom != e.ValidFrom && e.ValidFrom != "" || row.ValidTo != e.ValidTo || row.Confidence.String() != e.Confidence) || !known && table.Name != "goods" {
				t.Errorf("%+v, %+v", e, row)
			}
		}
	}
	if _, ok := p.Entries("prices"); ok || n < 1500 {
		t.Errorf("%d entries", n)
	}
	e, ok := p.Entry("gb:relief:2021-01-01")
	if !ok || e.Table != "regimes" || e.Cells[0] != (landed.Cell{Column: "country", Value: "GB"}) {
		t.Errorf("%+v", e)
	}
}

// official reads tables that stand beside the project.
func official(t testing.TB, names ...string) *landed.Tariff {
	t.Helper()
	var all *landed.Tariff
	for _, name := range names {
		f, err := os.Open(rules + name + ".csv")
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("no official tables beside the project: ", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		one, done, err := landed.ReadTariff(f, name+".csv", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d rows, %d plain, %d compound, %d seasonal, %d in words, %d titles", done.Table, done.Rows, done.Plain, done.Compound, done.Seasonal, len(done.InWords), done.Titles)
		all = all.And(one)
	}
	return all
}

// With the official tables a full national code has one rate; what depends on an unknown weight stays in review.
func TestNationalLines(t *testing.T) {
	p := landed.Default().WithTariff(official(t, "eu_gb_tariff_cn8", "us_hts_general_rates", "hs_codes"))
	if p.Version() == landed.Default().Version() || !strings.HasPrefix(p.Version(), landed.Default().Version()) {
		t.Error(p.Version())
	}
	if title := p.Tariff().Title("0101.21"); !strings.Contains(title, "orses") {
		t.Errorf("title %q", title)
	}
	heavy := func(r *landed.Request) { r.Lines[0].WeightGrams = 2000 }
	for _, tt := range []struct {
		name   string
		r      *landed.Request
		duty   int64
		rule   string
		before string // the doubt without the tables
		doubt  string // and with them
	}{
		{"a shoe of the Union", one("DE", "", "64039111", "CN", money.Of(200_00, "EUR")), 16_00, "tariff:EU:64039111:2021-01-01", "duty_rate_varies_below_hs6", ""},
		{"goods our table doesn't hold", one("DE", "", "0101299000", "CN", money.Of(200_00, "EUR")), 23_00, "tariff:EU:01012990:2021-01-01", "duty_rate_unknown", ""},
		{"six digits, all lines alike", one("GB", "", "010130", "CN", money.Of(200_00, "GBP")), 12_00, "tariff:GB:01013000:2021-01-01", "duty_rate_unknown", ""},
		{"the US, eight digits", one("US", "", "0902.10.10", "JP", money.Of(200_00, "USD"), on("2026-05-01")), 12_80, "tariff:US:09021010:2026-01-01", "duty_rate_unknown", ""},
		{"the US, ten digits, by weight unknown", one("US", "", "0901.90.20.00", "BR", money.Of(200_00, "USD"), on("2026-05-01")), 0, "", "duty_rate_unknown", "duty_needs_weight"},
		{"the US, ten digits, by weight", one("US", "", "0901.90.20.00", "BR", money.Of(200_00, "USD"), on("2026-05-01"), heavy), 3, "tariff:US:0901902000:2026-01-01", "duty_rate_unknown", ""},
		{"before the table", one("US", "", "0902.10.10", "JP", money.Of(200_00, "USD"), on("2025-12-31")), 0, "", "duty_rate_unknown", "duty_rate_unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doubts := func(p *landed.Pack) (landed.Quote, string) {
				q, err := p.Quote(tt.r)
				if err != nil {
					t.Fatal(err)
				}
				var codes []string
				for _, v := range q.Reviews {
					if strings.HasPrefix(v.Code, "duty_") || strings.HasPrefix(v.Code, "hs_") {
						codes = append(codes, v.Code)
					}
				}
				return q, strings.Join(codes, " ")
			}
			if _, doubt := doubts(landed.Default()); doubt != tt.before {
				t.Errorf("without the tables: %q, want %q", doubt, tt.before)
			}
			q, doubt := doubts(p)
			if doubt != tt.doubt {
				t.Errorf("%q, want %q (%+v)", doubt, tt.doubt, q.Reviews)
			}
			for _, h := range q.Charges {
				if tt.rule == "" || h.Code != "MFN" {
					continue
				}
				if h.Amount.Minor != tt.duty || h.Rule != tt.rule || h.Source == "" {
					t.Errorf("%+v, want %d by %s", h, tt.duty, tt.rule)
				}
				row, ok := p.Rule(h.Rule)
				if e, found := p.Entry(h.Rule); !ok || !found || row.ValidFrom != h.ValidFrom || e.ID != h.Rule {
					t.Errorf("no row %s", h.Rule)
				}
			}
		})
	}
}

// Official tables change no golden figure: they say the same more precisely.
func TestGoldenCasesWithNationalLines(t *testing.T) {
	p := landed.Default().WithTariff(official(t, "eu_gb_tariff_cn8", "us_hts_general_rates", "hs_codes"))
	text, err := os.ReadFile(rules + "golden_cases.json")
	if err != nil {
		t.Skip("no golden cases beside the project: ", err)
	}
	var out bytes.Buffer
	if bad, err := p.RunFile(bytes.NewReader(text), &out); bad != 0 || err != nil {
		t.Errorf("%d scenarios differ (%v)", bad, err)
	}
}

// An official table with a row at fault gives nothing at all; the row, its column and what would do are named.
func TestOfficialTablesAtFault(t *testing.T) {
	const us = "hts,general_rate,valid_from,valid_to,source,confidence\n0902.10.10,6.4%,2026-01-01,,us-hts,high\n"
	for _, tt := range []struct{ name, text, field, code string }{
		{"columns of another table", "a,b\n1,2\n", "t.csv.1", "unknown_table"},
		{"nothing", "", "t.csv.1", "unknown_table"},
		{"seven digits", us + "0902.10.1,6.4%,2026-01-01,,us-hts,high\n", "t.csv.3.hts", "malformed"},
		{"no rate", us + "0902.10.20,,2026-01-01,,us-hts,high\n", "t.csv.3.general_rate", "required"},
		{"no day", us + "0902.10.20,1%,2026,,us-hts,high\n", "t.csv.3.valid_from", "malformed"},
		{"no source", us + "0902.10.20,1%,2026-01-01,,,high\n", "t.csv.3.source", "required"},
		{"a cell too few", us + "0902.10.20,1%\n", "t.csv.3", "wrong_number_of_columns"},
		{"Latin-1", us + "0902.10.20,1.5\xa2/kg,2026-01-01,,us-hts,high\n", "t.csv.3.general_rate", "not_utf8"},
		{"twice", us + "0902.10.10,1%,2026-03-01,,us-hts,high\n", "t.csv.3.hts", "overlaps"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tariff, done, err := landed.ReadTariff(strings.NewReader(tt.text), "t.csv", nil)
			if !errors.Is(err, landed.ErrUnreadableTariff) || tariff != nil {
				t.Fatal(err)
			}
			if fields := fault.Of(err).Fields; fields[tt.field] != tt.code {
				t.Errorf("%v, want %s: %s (%+v)", fields, tt.field, tt.code, done)
			}
			if done.Table != "" && len(done.Refused) != 1 {
				t.Errorf("refused %v", done.Refused)
			}
		})
	}
}

func BenchmarkReadTariff(b *testing.B) {
	text, err := os.ReadFile(rules + "eu_gb_tariff_cn8.csv")
	if err != nil {
		b.Skip("no official tables beside the project: ", err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := landed.ReadTariff(bytes.NewReader(text), "eu_gb_tariff_cn8.csv", nil); err != nil {
			b.Fatal(err)
		}
	}
}
