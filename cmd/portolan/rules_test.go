package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRules(t *testing.T) {
	table, err := os.ReadFile("../../internal/landed/data/regimes.csv")
	require.NoError(t, err)
	folder := func(text string) string {
		return filepath.Dir(write(t, "regimes.csv", text))
	}
	same := folder(string(table))
	raised := folder(strings.Replace(string(table), "GBP,135,", "GBP,136,", 1))
	spoilt := folder(strings.Replace(string(table), "flat_per_item", "per_pound", 1))
	tariff := write(t, "us.csv", "hts,general_rate,valid_from,valid_to,source,confidence\n0902.10.10,6.4%,2026-01-01,,us-hts,high\n0902.10.20,1¢/kg,2026-01-01,,us-hts,high\n")
	broken := write(t, "us.csv", "hts,general_rate,valid_from,valid_to,source,confidence\n0902,6.4%,2026-01-01,,us-hts,high\n")
	empty, huge := write(t, "none.csv", " \n"), write(t, "huge.csv", "")
	require.NoError(t, os.Truncate(huge, 32<<20+1))
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"list"}, 0, "thresholds"},
		{[]string{"list", "regimes"}, 0, "2026-07-01 to 2028-06-30"},
		{[]string{"list", "regimes", "--json"}, 0, `"id": "gb:relief:2021-01-01"`},
		{[]string{"list", "prices"}, 2, "there is no table"},
		{[]string{"show", "gb:relief:2021-01-01"}, 0, "135"},
		{[]string{"show", "gb"}, 2, "there is no row"},
		{[]string{"check", same}, 0, "nothing wrong"},
		{[]string{"check", filepath.Join(same, "regimes.csv")}, 0, "nothing wrong"},
		{[]string{"check", spoilt}, 2, `regimes.csv row 3, mode: "per_pound" is no known duty mode`},
		{[]string{"check", spoilt, "--json"}, 2, `"code": "unknown_duty_mode"`},
		{[]string{"check", "/nowhere"}, 2, "no such file"},
		{[]string{"diff", "embedded", same}, 0, "0 rows differ"},
		{[]string{"diff", "embedded", raised}, 0, "duty_limit: 135 -> 136"},
		{[]string{"diff", "embedded", spoilt}, 2, "unreadable_table"},
		{[]string{"import", tariff, "--check"}, 0, "taken: 1 rates"},
		{[]string{"import", broken, "--check"}, 2, `us.csv row 2, hts: "0902" is no code of 8 or 10 digits`},
		{[]string{"import", tariff}, 2, "--check"},
		{[]string{"import", empty, "--check"}, 2, "The file is empty"},
		{[]string{"import", huge, "--check"}, 2, "larger than 32 MB"},
		{[]string{"import", "/nowhere.csv", "--check"}, 2, "no such file"},
	} {
		status, out, errs := try(t, append([]string{"rules"}, tt.args...)...)
		require.Equal(t, tt.status, status, "%v: %s%s", tt.args, out, errs)
		require.Contains(t, out+errs, tt.says, "%v", tt.args)
	}
}

// What is imported and changed on the command line is the shop's, and can be looked up by its version.
func TestRulesOfAShop(t *testing.T) {
	shop := filepath.Join(t.TempDir(), "shop.db")
	us := "hts,general_rate,valid_from,valid_to,source,confidence\n"
	tariff := write(t, "us.csv", us+"0902.10.10,6.4%,2026-01-01,,us-hts,high\n")
	broken := write(t, "us.csv", us+"0902.10.10,6.4%,2026-01-01,,us-hts,high\n0902,6.4%,2026-01-01,,us-hts,high\n")
	b, err := os.ReadFile("../../internal/landed/data/taxes.csv")
	require.NoError(t, err)
	table := string(b)
	german := "vat:DE:standard:2021-01-01,DE,,VAT,standard,19,,,,,2021-01-01,"
	require.Contains(t, table, german)
	replaced := write(t, "taxes.csv", strings.Replace(table, german, strings.Replace(german, ",19,", ",20,", 1), 1))
	overlap := write(t, "taxes.csv", table+"vat:DE:twice,DE,,VAT,standard,20,,,,,2026-01-01,,vatnode,high\n")
	latin := write(t, "taxes.csv", table+"vat:DE:latin,DE,,VAT,caf\xe9,20,,,,,2026-01-01,,vatnode,high\n")
	narrow := write(t, "taxes.csv", table+"vat:DE:narrow,DE\n")
	twice := write(t, "taxes.csv", table+strings.Replace(german, ",standard,", ",yachts,", 1)+",vatnode,high\n")
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"import", broken, tariff}, 2, `us.csv row 3, hts: "0902" is no code`},
		{[]string{"list"}, 0, "rule pack 20"},
		{[]string{"import", tariff, "--by", "mei"}, 0, "us_hts_general_rates is in force"},
		{[]string{"show", "tariff:US:09021010:2026-01-01"}, 0, "6.4"},
		{[]string{"import", broken, "--skip-bad-rows"}, 0, "refused: 1 rows (3)"},
		{[]string{"import", replaced, "--check"}, 0, "taxes: replace vat:DE:standard:2021-01-01 from 2027-01-01"},
		{[]string{"import", replaced}, 2, "--source"},
		{[]string{"import", replaced, "--source", "bgbl-2026", "--reason", "raised"}, 2, "--yes"},
		{[]string{"import", overlap, "--check"}, 2, "overlaps vat:DE:standard:2021-01-01"},
		{[]string{"import", latin, "--check"}, 2, "is not UTF-8"},
		{[]string{"import", narrow, "--check"}, 2, "has 2 columns, not 14"},
		{[]string{"import", twice, "--check"}, 2, "stands twice"},
		{[]string{"diff", "embedded", "shop"}, 0, "1 rows differ"},
		{[]string{"import", replaced, "--source", "bgbl-2026", "--reason", "raised", "--by", "mei", "--yes"}, 0, "1 changes are in force"},
		{[]string{"diff", "embedded", "shop"}, 0, "rate_pct:"},
		{[]string{"show", "vat:DE:standard:2021-01-01"}, 0, "2021-01-01 to 2026-12-31"},
		{[]string{"show", "vat:DE:standard:2021-01-01", "--at", "2026-11-21+00000000"}, 1, "never in force"},
	} {
		args := append(append([]string{"rules"}, tt.args...), "--db", shop)
		if slices.Contains(tt.args, replaced) {
			args = append(args, "--effective", "2027-01-01")
		}
		status, out, errs := try(t, args...)
		require.Equal(t, tt.status, status, "%v: %s%s", tt.args, out, errs)
		require.Contains(t, out+errs, tt.says, "%v", tt.args)
	}
}
