package main

import (
	"os"
	"path/filepath"
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
	} {
		status, out, errs := try(t, append([]string{"rules"}, tt.args...)...)
		require.Equal(t, tt.status, status, "%v: %s%s", tt.args, out, errs)
		require.Contains(t, out+errs, tt.says, "%v", tt.args)
	}
}
