package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestRates(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("prices:read", "prices:write")
		both := header{"Authorization": "Bearer " + text}
		text, _ = r.key("prices:read")
		readOnly := header{"Authorization": "Bearer " + text}
		const rates = `{"source": "our bank", "rates": [{"base": "AUD", "quote": "NZD", "rate": "1.08", "day": "2026-11-19"}, {"base": "AUD", "quote": "NZD", "rate": "1.09", "day": "2026-11-20"}]}`
		require.Equal(t, 401, r.call("POST", "/v1/rates", header{}, rates).Code)
		require.Equal(t, 403, r.call("POST", "/v1/rates", readOnly, rates).Code)
		rec := r.call("POST", "/v1/rates", both, rates)
		require.Equal(t, 200, rec.Code, rec.Body)
		require.JSONEq(t, `{"read": 2, "kept": 2}`, rec.Body.String())
		require.JSONEq(t, `{"read": 2, "kept": 0}`, r.call("POST", "/v1/rates", both, rates).Body.String())
		rec = r.call("GET", "/v1/rates?base=AUD&quote=NZD&limit=1", readOnly, "")
		require.Equal(t, 200, rec.Code, rec.Body)
		require.Contains(t, rec.Body.String(), `"rate":"1.09"`)
		require.NotContains(t, rec.Body.String(), `"rate":"1.08"`)
		require.Contains(t, r.call("GET", "/v1/rates", readOnly, "").Body.String(), `"quote":"NZD"`)
		require.Equal(t, 422, r.call("GET", "/v1/rates?base=AUD", readOnly, "").Code)
		for body, place := range map[string]string{
			`{"rates": [{"base": "AUD", "quote": "NZD", "rate": "x", "day": "2026-11-21"}]}`:    "/rates/0/rate",
			`{"rates": [{"base": "AUD", "quote": "NZD", "rate": "1.2", "day": "yesterday"}]}`:   "/rates/0/day",
			`{"rates": [{"base": "AUD", "quote": "AUD", "rate": "1.2", "day": "2026-11-21"}]}`:  "/rates/0/quote",
			`{"rates": [{"base": "AUD", "quote": "NZD", "rate": "2.09", "day": "2026-11-21"}]}`: "pricing.rate_jump",
			`{"rates": [{"base": "AUD", "quote": "NZD", "rate": "1.09", "day": "2199-01-01"}]}`: "pricing.day_future",
		} {
			rec := r.call("POST", "/v1/rates", both, body)
			require.Equal(t, 422, rec.Code, body)
			require.Contains(t, rec.Body.String(), place)
		}
		dbtest.Write(t, r.d, func(tx *db.Tx) error {
			if err := r.prices.SetDesk(tx, pricing.Desk{Home: "NZD", Days: 10}, "Mei"); err != nil {
				return err
			}
			return r.prices.Keep(tx, "ord_1", money.Of(100_00, "AUD"), pricing.LockedRate{Home: "NZD", Rate: money.MustRate("1.08"), Day: "2026-11-19", Source: "our bank"})
		})
		rec = r.call("GET", "/v1/exposures", readOnly, "")
		require.Equal(t, 200, rec.Code, rec.Body)
		require.JSONEq(t, `{"data": [{"currency": "AUD", "orders": 1, "amount": {"minor": 10000, "currency": "AUD"}, "worth_locked": {"minor": 10800, "currency": "NZD"},
			"worth_now": {"minor": 10900, "currency": "NZD"}, "gain": {"minor": 100, "currency": "NZD"}, "share_to_lock": "0", "advice": "few_rates"}]}`, rec.Body.String())
	})
}
