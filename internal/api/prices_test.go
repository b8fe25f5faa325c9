package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestPrices(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("prices:read", "prices:write")
		both := header{"Authorization": "Bearer " + text}
		text, _ = r.key("prices:read")
		readOnly := header{"Authorization": "Bearer " + text}
		const at = "/v1/products/linen-wrap-dress/prices"
		write(t, r.d, func(tx *db.Tx) error {
			return r.prices.SetUnitCost(tx, pricing.UnitCost{SKU: "LWD-NAV-M", Amount: money.Of(60_00, "CNY"), Source: "invoice 7", By: "Mei"})
		})
		german := func() api.PriceSheet {
			rec := r.call("GET", at+"?sku=LWD-NAV-M", readOnly, "")
			require.Equal(t, 200, rec.Code, rec.Body)
			require.Empty(t, rec.Header().Get("Access-Control-Allow-Origin"), "for programs with a key alone")
			list := decode[api.PriceSheetList](t, rec)
			require.Len(t, list.Data, 5)
			for _, s := range list.Data {
				if s.Market == "de" {
					return s
				}
			}
			t.Fatal("no sheet for Germany")
			return api.PriceSheet{}
		}
		before := german()
		require.Equal(t, "base", before.Steps[0].Key)
		require.Equal(t, money.Of(198_00, "CNY"), before.Steps[0].Amount)
		require.NotEmpty(t, before.Margin)
		require.Positive(t, before.Floor.Minor)
		require.Equal(t, money.Currency("EUR"), before.Price.Currency)
		require.Equal(t, decode[api.PriceSheetList](t, r.call("GET", at, readOnly, "")).Sku, "LWD-NAV-M")

		const change = `{"market": "de", "sku": "LWD-NAV-M", "kind": "fixed", "price": {"minor": 500, "currency": "EUR"}, "reason": "a try"`
		rec := r.call("POST", at, both, change+`, "dry_run": true}`)
		require.Equal(t, 200, rec.Code, rec.Body)
		tried := decode[api.PriceChangeResult](t, rec)
		require.Empty(t, tried.Change)
		require.Equal(t, before.Price, tried.Before.Price)
		require.EqualValues(t, 500, tried.After.Price.Minor)
		require.Contains(t, tried.After.Warnings, "below_cost")
		require.Equal(t, before, german(), "a dry run keeps nothing")

		require.Equal(t, 403, r.call("POST", at, readOnly, change+`}`).Code)
		rec = r.call("POST", at, both, change+`}`)
		require.Equal(t, 200, rec.Code, rec.Body)
		made := decode[api.PriceChangeResult](t, rec)
		require.Equal(t, tried.After, made.After, "as the dry run said")
		now := german()
		require.EqualValues(t, 500, now.Price.Minor)
		require.Equal(t, made.Change, now.Changes[0].ID)
		require.Equal(t, "API: test", now.Changes[0].By)

		undo := "/v1/price-changes/" + made.Change + "/undo"
		require.Equal(t, 403, r.call("POST", undo, readOnly, "").Code)
		rec = r.call("POST", undo, both, "")
		require.Equal(t, 200, rec.Code, rec.Body)
		require.True(t, decode[api.PriceChange](t, rec).Undone)
		require.Equal(t, before.Price, german().Price)
		require.Equal(t, 409, r.call("POST", undo, both, "").Code)

		for _, tt := range []struct {
			body, code, field string
			status            int
		}{
			{`{"market": "de", "sku": "LWD-NAV-M", "kind": "fixed", "price": {"minor": 500, "currency": "USD"}, "reason": "x"}`, "pricing.override_invalid", "/price", 422},
			{`{"market": "de", "sku": "LWD-NAV-M", "kind": "fixed", "reason": "x"}`, "pricing.override_invalid", "/price", 422},
			{`{"market": "de", "sku": "LWD-NAV-M", "kind": "fixed", "price": {"minor": 500, "currency": "EUR"}, "reason": "  "}`, "pricing.override_invalid", "/reason", 422},
			{`{"market": "de", "sku": "LWD-NAV-M", "kind": "factor", "factor": "much", "reason": "x"}`, "api.invalid_request", "/factor", 422},
			{`{"market": "de", "sku": "LWD-NAV-M", "kind": "factor", "factor": "-1", "reason": "x"}`, "pricing.override_invalid", "/factor", 422},
			{`{"market": "de", "sku": "LWD-NAV-M", "kind": "gift", "reason": "x"}`, "api.invalid_request", "/kind", 422},
			{`{"market": "mars", "sku": "LWD-NAV-M", "kind": "rules", "reason": "x"}`, "market.unknown", "", 404},
			{`{"market": "de", "sku": "NONE", "kind": "rules", "reason": "x"}`, "pricing.no_price", "", 404},
		} {
			rec := r.call("POST", at, both, tt.body)
			require.Equal(t, tt.status, rec.Code, "%s: %s", tt.body, rec.Body)
			p := decode[api.Problem](t, rec)
			require.Equal(t, tt.code, p.Code, tt.body)
			if tt.field != "" {
				require.Contains(t, p.Fields, tt.field, tt.body)
			}
		}
		require.Equal(t, 404, r.call("GET", at+"?sku=NONE", readOnly, "").Code)
		require.Equal(t, 404, r.call("GET", "/v1/products/none/prices", readOnly, "").Code)
		require.Equal(t, 401, r.call("GET", at, header{}, "").Code)
	})
}

func TestPayoutReport(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("prices:read", "prices:write")
		h := header{"Authorization": "Bearer " + text, "Content-Type": "text/csv"}
		text, _ = r.key("prices:read")
		write(t, r.d, func(tx *db.Tx) error {
			return r.prices.Keep(tx, "ord_1", money.Of(100_00, "USD"), pricing.LockedRate{Home: "EUR", Rate: money.MustRate("0.8"), Day: "2026-11-20", Source: "test"})
		})
		const head = "payout,ref,amount,currency,home_amount,home_currency,fee,day\n"
		rec := r.call("POST", "/v1/payouts?file=a.csv", h, head+"po_1,ord_1,40.00,USD,31.00,EUR,0.90,2026-11-20\npo_1,ord_9,1.00,USD,1.00,EUR,0,2026-11-20\n")
		require.Equal(t, 422, rec.Code, rec.Body)
		require.Equal(t, map[string]string{"/3/ref": "pricing.no_lock"}, decode[api.Problem](t, rec).Fields)
		require.Zero(t, r.count(`select count(*) from payout_lines`), "nothing half-imported")
		rec = r.call("POST", "/v1/payouts?file=a.csv", h, head+"po_1,ord_1,40.00,USD,31.00,EUR,0.90,2026-11-20\n")
		require.Equal(t, 202, rec.Code, rec.Body)
		require.EqualValues(t, 1, decode[api.PayoutReport](t, rec).Lines)
		require.Equal(t, 422, r.call("POST", "/v1/payouts?file=a.csv", h, "nonsense").Code)
		require.Equal(t, 422, r.call("POST", "/v1/payouts", h, head).Code)
		require.Equal(t, 403, r.call("POST", "/v1/payouts?file=a.csv", header{"Authorization": "Bearer " + text}, head).Code)
		require.Equal(t, 401, r.call("POST", "/v1/payouts?file=a.csv", header{}, head).Code)
	})
}
