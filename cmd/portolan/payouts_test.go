package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestPayouts(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "shop.db")
	d, err := db.Open(t.Context(), base, nil)
	require.NoError(t, err)
	a, err := app.Open(t.Context(), d, app.Config{})
	require.NoError(t, err)
	require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
		return a.Prices.Keep(tx, "ord_1", money.Of(100_00, "USD"), pricing.LockedRate{Home: "EUR", Rate: money.MustRate("0.8"), Day: "2026-11-20", Source: "ecb"})
	}))
	require.NoError(t, d.Close())
	call := func(text string) (status int, out, errs string) {
		var o, e bytes.Buffer
		name := filepath.Join(dir, "payouts.csv")
		require.NoError(t, os.WriteFile(name, []byte("payout,ref,amount,currency,home_amount,home_currency,fee,day\n"+text), 0o600))
		status = run(t.Context(), []string{"payouts", "import", name, "--db=" + base}, &o, &e)
		return status, o.String(), e.String()
	}
	status, _, errs := call("po_1,ord_9,40.00,USD,31.00,EUR,0.90,2026-11-20\n")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `line 2, ref: No order with a locked rate has this name.`)
	status, out, errs := call("po_1,ord_1,40.00,USD,31.00,EUR,0.90,2026-11-20\n")
	require.Zero(t, status, errs)
	require.Equal(t, "1 of 1 lines\n1 settled, 0 known before, 0 refused\n", out)
	status, out, _ = call("po_1,ord_1,40.00,USD,31.00,EUR,0.90,2026-11-20\n")
	require.Zero(t, status)
	require.True(t, strings.HasSuffix(out, "0 settled, 1 known before, 0 refused\n"), out)
}
