package landed

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"portolan/internal/money"
)

// written reads a table that people wrote, beside the project.
func written(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open("../../../shared/rules/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no rule tables beside the project: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, c := range cells {
			row[all[0][i]] = c
		}
		rows = append(rows, row)
	}
	return rows
}

func millionths(t *testing.T, percent string) int64 {
	t.Helper()
	r := record{table: "test", head: []string{"percent"}, cells: []string{percent}}
	n := r.percent()
	if r.bad != nil {
		t.Fatal(r.bad)
	}
	return n
}

func (w *row) says(t *testing.T, from map[string]string) {
	t.Helper()
	want := strings.TrimPrefix(from["confidence"], "unverified-")
	if w.validFrom != from["valid_from"] || w.validTo != from["valid_to"] || w.confidence.String() != want {
		t.Errorf("%s: %s to %s, %s; the table says %s to %s, %s", w.id, w.validFrom, w.validTo, w.confidence, from["valid_from"], from["valid_to"], want)
	}
	if w.source != strings.ReplaceAll(from["source"], ";", "|") {
		t.Errorf("%s: source %s, the table says %s", w.id, w.source, from["source"])
	}
}

// The pack says what the tables say that it was made from.
func TestPackAgreesWithTables(t *testing.T) {
	p := Default()
	t.Run("VAT", func(t *testing.T) {
		for _, r := range written(t, "vat_rates.csv") {
			if r["country"] == "US" || r["country"] == "CA" {
				continue
			}
			for region := range strings.SplitSeq(r["region"], "|") {
				place := r["country"]
				if region != "" {
					place += "-" + region
				}
				id := "vat:" + place + ":" + r["category"] + ":" + r["valid_from"]
				i := slices.IndexFunc(p.taxes[r["country"]], func(x *taxRow) bool { return x.id == id })
				if i < 0 {
					t.Errorf("no row %s", id)
					continue
				}
				x := p.taxes[r["country"]][i]
				if x.rate != millionths(t, r["rate_pct"]) {
					t.Errorf("%s: rate %d, the table says %s", id, x.rate, r["rate_pct"])
				}
				x.says(t, r)
			}
		}
	})
	t.Run("Canada", func(t *testing.T) {
		for _, r := range written(t, "ca_tax.csv") {
			var sum int64
			for _, x := range p.taxes["CA"] {
				if x.region == r["province"] && x.category == "standard" && x.validFrom == r["valid_from"] {
					sum += x.rate
				}
			}
			if sum != millionths(t, r["combined_pct"]) {
				t.Errorf("%s from %s: %d, the table says %s", r["province"], r["valid_from"], sum, r["combined_pct"])
			}
		}
	})
	t.Run("duty", func(t *testing.T) {
		for _, r := range written(t, "duty_rates.csv") {
			measure, codes := r["measure"], strings.Split(strings.ReplaceAll(r["hs"], ".", ""), "|")
			switch r["importer"] {
			case "MX":
				if measure == "SIMPLIFIED" {
					continue // a regime
				}
			case "IN":
				measure, codes = "PERSONAL", []string{"*"}
			}
			for _, hs := range codes {
				id := "duty:" + r["importer"] + ":" + hs + ":" + measure + ":" + r["valid_from"]
				rows := p.duties[r["importer"]].rows
				i := slices.IndexFunc(rows, func(x *dutyRow) bool { return x.id == id })
				if i < 0 {
					t.Errorf("no row %s", id)
					continue
				}
				x := rows[i]
				if r["ad_valorem_pct"] != "" && (!x.known || x.rate != millionths(t, r["ad_valorem_pct"])) || r["max_pct"] != "" && x.high != millionths(t, r["max_pct"]) {
					t.Errorf("%s: %d (%d to %d), the table says %s", id, x.rate, x.low, x.high, r["rate_text"])
				}
				x.says(t, r)
			}
		}
	})
	t.Run("US lines", func(t *testing.T) {
		for _, r := range written(t, "us_hts8_sample.csv") {
			rows := p.htsBelow(r["hts8"])
			if len(rows) != 1 {
				t.Errorf("%d rows for %s", len(rows), r["hts8"])
				continue
			}
			x := rows[0]
			if r["general_ad_valorem_pct"] != "" && x.rate != millionths(t, r["general_ad_valorem_pct"]) || x.list != r["china_301_list"] ||
				x.listRate != millionths(t, r["china_301_pct"]) || x.forcedOff != (r["s301_forced_labor_exempt_9903_05_86"] == "yes") {
				t.Errorf("%s: %+v, the table says %v", x.id, x, r)
			}
		}
	})
	t.Run("US layers", func(t *testing.T) {
		for _, r := range written(t, "us_additional_duties.csv") {
			if strings.HasPrefix(r["program"], "IEEPA") || r["mechanic"] == "pending" {
				continue // void, or not in force
			}
			id := "us:" + r["program"] + ":" + r["origin"] + ":" + r["valid_from"]
			if w, ok := p.rows[id]; ok {
				w.says(t, r)
			} else {
				t.Errorf("no row %s", id)
			}
		}
		for _, x := range p.layers["VN"] {
			if x.rate != 125_000 {
				t.Errorf("%s: %d", x.id, x.rate)
			}
		}
	})
	t.Run("states", func(t *testing.T) {
		for _, r := range written(t, "us_sales_tax.csv") {
			for _, x := range p.states[r["state"]] {
				if x.validFrom == r["valid_from"] && x.rate != millionths(t, r["state_base_rate_pct"]) {
					t.Errorf("%s: %d, the table says %s", x.id, x.rate, r["state_base_rate_pct"])
				}
			}
			if len(p.states[r["state"]]) == 0 {
				t.Errorf("no state %s", r["state"])
			}
		}
	})
	t.Run("regimes", func(t *testing.T) {
		for _, r := range written(t, "de_minimis.csv") {
			found := false
			for _, x := range p.regimes[r["country"]] {
				end := r["valid_to"]
				if r["country"] == "ID" && r["valid_from"] == "2020-01-30" {
					end = "2023-10-16" // its groups grew the day after
				}
				if x.validFrom != r["valid_from"] || x.validTo != end || x.source != strings.ReplaceAll(r["source"], ";", "|") {
					continue
				}
				limit := record{table: "test", head: []string{""}, cells: []string{r["duty_threshold"]}}
				n := limit.minor(money.Currency(r["duty_currency"]))
				found = found || n == x.dutyLimit || n == x.cap || n == x.amount
			}
			if !found {
				t.Errorf("no regime for %s %s %s from %s with limit %s", r["country"], r["origin_scope"], r["channel_scope"], r["valid_from"], r["duty_threshold"])
			}
		}
	})
}

// A table that can't be read is refused by table, row and column.
func TestUnreadableTables(t *testing.T) {
	for _, tt := range []struct{ name, from, to, say string }{
		{"regimes.csv", "relief_then_tariff", "grace_and_favour", `regimes.csv row 2, mode: "grace_and_favour" is no known duty mode`},
		{"regimes.csv", ",2021-07-01,", ",1.7.2021,", `"1.7.2021" is no day like 2026-07-01`},
		{"regimes.csv", ",EUR,", ",euro,", `"euro" is no currency`},
		{"taxes.csv", "vat:BE:standard:1996-01-01", "vat:AT:standard:1984-01-01", "stands twice"},
		{"taxes.csv", ",20,", ",zwanzig,", `"zwanzig" is no decimal number`},
		{"duties.csv", ",high\n", ",certain\n", "is none of high, medium and low"},
		{"fees.csv", "eu-handling-fee|skat,medium", "eu-handling-fee", "columns, not 19"},
		{"schemes.csv", "GB_VAT", "GB_MWST", `"GB_MWST" is no known registration`},
	} {
		texts := embedded()
		texts[tt.name] = strings.Replace(texts[tt.name], tt.from, tt.to, 1)
		_, err := load(texts)
		if !errors.Is(err, ErrUnreadableTable) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s with %s: %v", tt.name, tt.to, err)
		}
	}
}

// Rules of one kind for one case don't hold at the same time, so that a day picks one of them.
func TestRowsDoNotOverlap(t *testing.T) {
	p := Default()
	overlap := func(a, b *row) bool {
		return (b.to == 0 || a.from <= b.to) && (a.to == 0 || b.from <= a.to)
	}
	for country, rows := range p.taxes {
		for i, a := range rows {
			for _, b := range rows[:i] {
				same := a.region == b.region && a.code == b.code && a.category == b.category && a.limit == b.limit && a.above == b.above
				if same && len(a.except)+len(b.except) == 0 && overlap(&a.row, &b.row) {
					t.Errorf("%s: %s and %s", country, a.id, b.id)
				}
			}
		}
	}
	for importer, tariff := range p.duties {
		for i, a := range tariff.rows {
			for _, b := range tariff.rows[:i] {
				if a.hs == b.hs && a.measure == b.measure && overlap(&a.row, &b.row) {
					t.Errorf("%s: %s and %s", importer, a.id, b.id)
				}
			}
		}
	}
}

func TestConsumptionTax(t *testing.T) {
	on := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ country, region, category, percent string }{
		{"DE", "", "general", "19"}, {"DE", "", "books", "7"}, {"GB", "", "childrens_clothing", "0"}, {"GB", "NIR", "books", "0"}, {"ES", "IC", "", "7"},
		{"FI", "", "standard", "25.5"}, {"CA", "QC", "standard", "14.975"}, {"CA", "ON", "books", "5"}, {"MY", "", "clothing", "10"}, {"ID", "", "clothing", "11"},
		{"VN", "", "clothing", "8"}, {"MC", "", "", "20"}, {"HK", "", "", "0"}, {"SE", "", "food", "6"},
	} {
		rate, rule, ok := Default().ConsumptionTax(tt.country, tt.region, tt.category, on)
		if !ok || rate.PercentString() != tt.percent || rule == "" {
			t.Errorf("%s %s %s: %s %% by %s, want %s", tt.country, tt.region, tt.category, rate.PercentString(), rule, tt.percent)
		}
	}
	if _, _, ok := Default().ConsumptionTax("US", "CA", "", on); ok {
		t.Error("prices in the US aren't shown with tax")
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := load(embedded()); err != nil {
			b.Fatal(err)
		}
	}
}
