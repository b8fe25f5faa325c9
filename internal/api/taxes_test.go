package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

// supply enters a paid order of another shop with tax collected under a scheme.
func (r *rig) supply(n int, country market.Country, scheme string, net int64, at time.Time) (o order.Order) {
	eur := func(minor int64) money.Amount { return money.Of(minor, "EUR") }
	write(r.t, r.d, func(tx *db.Tx) (err error) {
		o, _, err = r.orders.Place(tx, order.Order{Source: "elsewhere", ExternalRef: fmt.Sprint(n), Market: "de", Country: country, Lang: "en", Currency: "EUR", Location: "CN",
			Lines: []order.Line{{SKU: "S", Quantity: 2, UnitPrice: eur(net / 2), Total: eur(net)}}, Goods: eur(net), Tax: eur(net / 10), Total: eur(net + net/10), PaidAt: at, PlacedAt: at,
			Charges: []landed.Charge{{Line: -1, Kind: landed.Tax, Code: "VAT", Rate: money.MustRate("0.1"), Base: eur(net), Amount: eur(net / 10), When: landed.AtCheckout, Scheme: scheme}}})
		return err
	})
	require.NoError(r.t, r.queue.Drain(r.t.Context()))
	return o
}

func TestTaxes(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("taxes:read", "taxes:write", "orders:read", "orders:write")
		mine := header{"Authorization": "Bearer " + text}
		readOnly, _ := r.key("taxes:read")
		made := decode[api.TaxRegistration](t, r.call("POST", "/v1/taxes/registrations", mine, `{"word": "ioss", "number": "IM 276 000 0001", "valid_from": "2026-01-01"}`))
		require.Equal(t, "IM••••001", made.Number)
		require.Equal(t, "IOSS", made.Word)
		require.NotContains(t, r.call("GET", "/v1/taxes/registrations", mine, "").Body.String(), "0000001")
		o := r.supply(1, "DE", "IOSS", 100_00, time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC))
		r.supply(2, "FR", "IOSS", 50_00, time.Date(2026, 10, 6, 9, 0, 0, 0, time.UTC))

		all := decode[api.TaxReturnList](t, r.call("GET", "/v1/taxes/returns", mine, ""))
		require.NotEmpty(t, all.Data)
		const oct = "/v1/taxes/returns/IOSS/2026-10"
		v := decode[api.TaxReturn](t, r.call("GET", oct, mine, ""))
		require.Equal(t, api.TaxReturnState("ready"), v.State)
		require.Equal(t, money.Of(15_00, "EUR"), v.Due)
		require.Equal(t, "2026-11-30", v.Deadline)
		require.Len(t, v.Rows, 2)
		entries := decode[api.TaxEntryList](t, r.call("GET", oct+"/orders?limit=1", mine, ""))
		require.Len(t, entries.Data, 1)
		entries = decode[api.TaxEntryList](t, r.call("GET", oct+"/orders?limit=1&after="+entries.Next, mine, ""))
		require.Len(t, entries.Data, 1)
		require.Empty(t, entries.Next)
		rec := r.call("GET", oct+"/csv", mine, "")
		require.Equal(t, http.StatusOK, rec.Code)
		require.Contains(t, rec.Header().Get("Content-Type"), "text/csv")
		require.Contains(t, rec.Body.String(), "supply,IOSS,2026-10,,FR,,VAT,10,1,EUR,50.00,5.00")
		filed := decode[api.TaxReturn](t, r.call("POST", oct+"/filing", mine, `{"filed_on": "2026-11-24", "reference": "EE-1"}`))
		require.Equal(t, api.TaxReturnState("filed"), filed.State)

		refunds := "/v1/orders/" + string(o.ID) + "/refunds"
		keyed := header{"Authorization": "Bearer " + text, "Idempotency-Key": "k1"}
		var first api.Refund
		for range 2 {
			first = decode[api.Refund](t, r.call("POST", refunds, keyed, `{"pieces": [{"line": 0, "quantity": 1}], "reason": "torn"}`))
			require.Equal(t, money.Of(55_00, "EUR"), first.Amount)
		}
		require.NoError(t, r.queue.Drain(t.Context()))
		list := decode[api.RefundList](t, r.call("GET", refunds, mine, ""))
		require.Len(t, list.Data, 1)
		require.Equal(t, api.RefundState("made"), list.Data[0].State)
		v = decode[api.TaxReturn](t, r.call("GET", oct, mine, ""))
		require.Equal(t, api.TaxReturnState("corrected"), v.State)
		require.Equal(t, money.Of(15_00, "EUR"), v.Due)
		require.Equal(t, money.Of(-5_00, "EUR"), v.SinceFiled[0].Tax)
		near := decode[api.TaxThresholdList](t, r.call("GET", "/v1/taxes/thresholds", mine, ""))
		require.Greater(t, len(near.Data), 60)
		ended := decode[api.TaxRegistration](t, r.call("POST", "/v1/taxes/registrations/"+made.ID+"/end", mine, `{"last_day": "2026-12-31"}`))
		require.Equal(t, "2026-12-31", ended.ValidTo)

		for _, tt := range []struct {
			name, method, path, body string
			head                     header
			status                   int
			code, field              string
		}{
			{"no key", "GET", "/v1/taxes/thresholds", "", nil, 401, "auth.anonymous", ""},
			{"no scope", "POST", "/v1/taxes/registrations", `{"word": "IOSS", "number": "1", "valid_from": "2026-01-01"}`, header{"Authorization": "Bearer " + readOnly}, 403, "auth.scope_missing", ""},
			{"number's form", "POST", "/v1/taxes/registrations", `{"word": "GB_VAT", "number": "1", "valid_from": "2026-01-01"}`, mine, 422, "tax.registration_invalid", "/number"},
			{"unknown scheme", "GET", "/v1/taxes/returns/LOTTERY/2026-10", "", mine, 404, "tax.unknown_scheme", ""},
			{"period's form", "GET", "/v1/taxes/returns/IOSS/October", "", mine, 422, "api.invalid_request", "path.period"},
			{"filed already", "POST", oct + "/filing", `{"filed_on": "2026-11-24", "reference": "EE-1"}`, mine, 409, "tax.already_filed", ""},
			{"running", "POST", "/v1/taxes/returns/IOSS/2026-11/filing", `{"filed_on": "2026-11-24", "reference": "EE-1"}`, mine, 422, "tax.filing_invalid", "/filed_on"},
			{"unknown registration", "POST", "/v1/taxes/registrations/reg_none/end", `{"last_day": "2026-12-31"}`, mine, 404, "tax.unknown_registration", ""},
			{"more than left", "POST", refunds, `{"amount": {"minor": 1000000, "currency": "EUR"}, "reason": "x"}`, header{"Authorization": "Bearer " + text, "Idempotency-Key": "k2"}, 422, "order.refund_invalid", "/amount"},
			{"no key of idempotency", "POST", refunds, `{"reason": "x"}`, mine, 422, "api.invalid_request", "header.Idempotency-Key"},
			{"refund of nothing", "GET", "/v1/orders/ord_none/refunds", "", mine, 404, "order.unknown", ""},
		} {
			rec := r.call(tt.method, tt.path, tt.head, tt.body)
			require.Equal(t, tt.status, rec.Code, "%s: %s", tt.name, rec.Body)
			p := decode[api.Problem](t, rec)
			require.Equal(t, tt.code, p.Code, tt.name)
			if tt.field != "" {
				require.Contains(t, p.Fields, tt.field, "%s: %s", tt.name, rec.Body)
			}
		}
	})
}
