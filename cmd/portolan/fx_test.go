package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFX(t *testing.T) {
	dir := t.TempDir()
	base := "--db=" + filepath.Join(dir, "shop.db")
	file := func(text string) string {
		name := filepath.Join(dir, "rates.csv")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	call := func(args ...string) (status int, out, errs string) {
		var o, e bytes.Buffer
		status = run(t.Context(), append([]string{"fx"}, append(args, base)...), &o, &e)
		return status, o.String(), e.String()
	}
	status, out, _ := call("list")
	require.Zero(t, status)
	require.Contains(t, out, "no rates are kept yet")

	status, _, errs := call("import", file("day,base,quote,rate\n2026-01-02,USD,AED,3.6725\n2026-01-05,US,AED,x\n"))
	require.Equal(t, 2, status)
	require.Contains(t, errs, `line 3, base "US": pricing.currency_form; line 3, rate "x": pricing.rate_positive`)
	require.Contains(t, errs, "Please enter a rate above zero.")

	jump := file("Date,USD,\n2026-01-05,1.40,\n2026-01-02,1.20,\n")
	status, _, errs = call("import", jump)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "name who did with --by")
	status, out, errs = call("import", jump, "--by=Mei")
	require.Zero(t, status, errs)
	require.Equal(t, "2 rates of 1 pairs from 2026-01-02 to 2026-01-05; 2 were new\n", out)

	status, out, errs = call("set", "EUR", "USD", "1.3845", "--day=2026-01-06", "--source=a bank")
	require.Zero(t, status, errs)
	require.Equal(t, "1 EUR is 1.3845 USD on 2026-01-06 (a bank)\n", out)
	status, _, _ = call("set", "EUR", "USD", "one")
	require.Equal(t, 2, status)
	status, _, errs = call("set", "EUR", "USD", "9", "--day=2026-01-07")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "more than 10 % away")
	status, out, _ = call("list", "EUR", "USD")
	require.Zero(t, status)
	require.Contains(t, out, "2026-01-05  EUR   USD    1.4     ecb     Mei")
	status, out, _ = call("list")
	require.Zero(t, status)
	require.Contains(t, out, "too old to be used")
	status, _, _ = call("list", "EUR")
	require.Equal(t, 2, status)
	status, _, _ = call("import", filepath.Join(dir, "none.csv"))
	require.Equal(t, 2, status)
}
