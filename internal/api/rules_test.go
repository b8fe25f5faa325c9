package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/rulebook"
)

const germanVAT = `{"source": "bgbl-2027-1", "reason": "the rate rises", "changes": [{"table": "taxes", "end": "vat:DE:standard:2021-01-01", "add": {"rate_pct": "20"}, "effective": "2027-01-01"}]`

func TestRules(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("rules:read", "rules:write", "quotes:write")
		mine := header{"Authorization": "Bearer " + text}
		readOnly, _ := r.key("rules:read")
		call := func(method, path, body string, status int) string {
			t.Helper()
			rec := r.call(method, path, mine, body)
			require.Equal(t, status, rec.Code, "%s %s: %s", method, path, rec.Body)
			return rec.Body.String()
		}
		pack := decode[api.RulePack](t, r.call("GET", "/v1/rules", mine, ""))
		was := landed.Default().Version()
		require.Equal(t, was, pack.Version)
		require.NotEmpty(t, pack.Tables)
		first := decode[api.RuleRowList](t, r.call("GET", "/v1/rules/regimes?limit=2", mine, ""))
		require.Len(t, first.Data, 2)
		next := decode[api.RuleRowList](t, r.call("GET", "/v1/rules/regimes?limit=1000&after="+url.QueryEscape(first.Next), mine, ""))
		all, _ := landed.Default().Entries("regimes")
		require.Equal(t, len(all)-2, len(next.Data))
		require.Empty(t, next.Next)

		dry := decode[api.RuleChangeResult](t, r.call("POST", "/v1/rules/changes", mine, germanVAT+`, "dry_run": true}`))
		require.Equal(t, was, r.rules.Pack().Version(), "a dry run keeps nothing")
		require.Len(t, dry.Differences, 2)
		require.Len(t, dry.Effects, 4)
		done := decode[api.RuleChangeResult](t, r.call("POST", "/v1/rules/changes", mine, germanVAT+`}`))
		require.Equal(t, dry.After, done.After)
		require.Equal(t, done.After, r.rules.Pack().Version())
		row := decode[api.RuleRowDetail](t, r.call("GET", "/v1/rules/rows/vat:DE:standard:2021-01-01", mine, ""))
		require.Equal(t, "2026-12-31", row.Row.ValidTo)
		require.Len(t, row.Kin, 2)
		require.NotEmpty(t, row.Sources[0].Link)
		old := decode[api.RuleRowDetail](t, r.call("GET", "/v1/rules/rows/vat:DE:standard:2021-01-01?pack="+url.QueryEscape(was), mine, ""))
		require.Empty(t, old.Row.ValidTo)
		require.Contains(t, call("POST", "/v1/quotes", `{"date": "2027-01-02", "destination": {"country": "DE"}, "lines": [{"hs": "610910", "origin": "CN", "quantity": 1, "unit_price": {"minor": 4000, "currency": "EUR"}}]}`, 200), done.After)
		require.Contains(t, call("GET", "/v1/rules/changes", "", 200), "API: test")
		require.Contains(t, call("POST", "/v1/rules/changes/"+done.ID+"/undo", `{"reason": "no law"}`, 200), done.ID)
		require.Equal(t, was, r.rules.Pack().Version())

		for _, tt := range []struct {
			name, method, path, body string
			head                     header
			status                   int
			code, field, says        string
		}{
			{"no key", "GET", "/v1/rules", "", nil, 401, "auth.anonymous", "", ""},
			{"no scope", "POST", "/v1/rules/changes", germanVAT + `}`, header{"Authorization": "Bearer " + readOnly}, 403, "auth.scope_missing", "", ""},
			{"no scope for a file", "POST", "/v1/rules/imports?file=x", "a,b", header{"Authorization": "Bearer " + readOnly}, 403, "auth.scope_missing", "", ""},
			{"unknown table", "GET", "/v1/rules/prices", "", mine, 404, "rulebook.no_table", "", ""},
			{"unknown row", "GET", "/v1/rules/rows/none", "", mine, 404, "rulebook.no_row", "", ""},
			{"unknown version", "GET", "/v1/rules/rows/none?pack=2020", "", mine, 404, "rulebook.no_pack", "", ""},
			{"undone twice", "POST", "/v1/rules/changes/" + done.ID + "/undo", `{"reason": "again"}`, mine, 409, "rulebook.already_undone", "", ""},
			{"no reason", "POST", "/v1/rules/changes", strings.Replace(germanVAT, "the rate rises", "", 1) + `}`, mine, 422, "api.invalid_request", "/reason", ""},
			{"rate in words", "POST", "/v1/rules/changes", strings.Replace(germanVAT, `"20"`, `"many"`, 1) + `}`, mine, 422, "landed.unusable_change", "/changes/0/add/rate_pct", "malformed"},
			{"unknown mode", "POST", "/v1/rules/changes", `{"source": "x", "reason": "y", "changes": [{"table": "regimes", "add": {"country": "DE", "mode": "per_pound"}, "effective": "2027-01-01"}]}`, mine, 422, "landed.unusable_change", "/changes/0/add/mode", "unknown_duty_mode"},
			{"overlap", "POST", "/v1/rules/changes", `{"source": "x", "reason": "y", "changes": [{"table": "taxes", "add": {"country": "DE", "code": "VAT", "category": "standard", "rate_pct": "20"}, "effective": "2027-01-01"}]}`, mine, 422, "landed.unusable_change", "/changes/0/add/valid_from", "overlaps"},
			{"no file name", "POST", "/v1/rules/imports", "a,b", mine, 422, "api.invalid_request", "query.file", "required"},
			{"empty file", "POST", "/v1/rules/imports?file=x.csv", " ", mine, 422, "rulebook.file_empty", "", ""},
			{"huge file", "POST", "/v1/rules/imports?file=x.csv", strings.Repeat("x", rulebook.MaxFile+1), mine, 413, "rulebook.file_too_large", "", ""},
			{"unknown import", "DELETE", "/v1/rules/imports/imp_none", "", mine, 404, "rulebook.no_import", "", ""},
		} {
			rec := r.call(tt.method, tt.path, tt.head, tt.body)
			require.Equal(t, tt.status, rec.Code, "%s: %s", tt.name, rec.Body)
			p := decode[api.Problem](t, rec)
			require.Equal(t, tt.code, p.Code, tt.name)
			if tt.says != "" {
				require.Equal(t, tt.says, p.Fields[tt.field], "%s: %s", tt.name, rec.Body)
				require.NotEmpty(t, p.Help[tt.field], tt.name)
			} else if tt.field != "" {
				require.Contains(t, p.Fields, tt.field, tt.name)
			}
		}
		require.Equal(t, was, r.rules.Pack().Version())
	})
}

// Goods with a full national code need no review once the official table is imported, at the checkout too.
func TestAnOfficialTableSettlesADoubt(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		write(t, r.d, func(tx *db.Tx) error {
			_, err := r.goods.Import(tx, []catalog.Product{{Slug: "oak-boots", Kind: "shoes", Category: "dresses", TaxCategory: "clothing", Origin: "CN", HS: "64039116",
				CustomsDescription: "leather ankle boots", WeightGrams: 900, Base: money.Of(2400_00, "CNY"), Texts: map[string]catalog.Text{"en": {Lang: "en", Title: "Boots"}},
				Options: []catalog.Option{{Name: "color", Values: []catalog.Value{{Code: "oak"}}}}, Variants: []catalog.Variant{{SKU: "BOOTS", Options: map[string]string{"color": "oak"}}}}})
			if err != nil {
				return err
			}
			return r.stock.SetStock(tx, []fulfilment.Stock{{SKU: "BOOTS", Location: "can", OnHand: 5}})
		})
		write(t, r.d, func(tx *db.Tx) error { _, err := r.prices.Publish(tx, "de"); return err })
		quote := func() api.DoorQuote {
			rec := r.call("POST", "/v1/carts", nil, `{"market": "de", "lines": [{"sku": "BOOTS", "quantity": 1}]}`)
			require.Equal(t, http.StatusCreated, rec.Code, "%s", rec.Body)
			at := "/v1/carts/" + decode[api.Cart](t, rec).Token
			require.Equal(t, 200, r.call("PUT", at+"/contact", nil, `{"given_name": "Anna", "family_name": "Schmidt", "email": "anna@example.de", "phone": "+4915123456789"}`).Code)
			rec = r.call("PUT", at+"/address", nil, `{"given_name": "Anna", "family_name": "Schmidt", "line1": "Torstraße 1", "city": "Berlin", "postcode": "10119", "country": "DE"}`)
			require.Equal(t, 200, rec.Code, "%s", rec.Body)
			rec = r.call("GET", at+"/delivery-options", nil, "")
			require.Equal(t, 200, rec.Code, "%s", rec.Body)
			return decode[api.DeliveryOptions](t, rec).Data[0]
		}
		before := quote()
		require.False(t, before.Final)

		text, _ := r.key("rules:read", "rules:write")
		rec := r.call("POST", "/v1/rules/imports?file=tariff.csv", header{"Authorization": "Bearer " + text, "Content-Type": "text/csv"},
			"cn8,eu_cet_duty,gb_ukgt_duty,valid_from,valid_to,source,confidence\n64039116,8.0%,8.0%,2021-01-01,,ukgt,high\n")
		require.Equal(t, http.StatusAccepted, rec.Code, "%s", rec.Body)
		at := rec.Header().Get("Location")
		r.drain()
		done := decode[rulebook.Import](t, r.call("GET", at, header{"Authorization": "Bearer " + text}, ""))
		require.Equal(t, rulebook.InForce, done.State)

		after := quote()
		require.True(t, after.Final, "%+v", after)
		require.NotEqual(t, before.RulePack, after.RulePack)
		named := false
		for _, c := range after.Charges {
			named = named || c.Rule == "tariff:EU:64039116:2021-01-01"
		}
		require.True(t, named, "the duty names the line: %+v", after.Charges)
		require.Equal(t, 200, r.call("DELETE", at, header{"Authorization": "Bearer " + text}, "").Code)
		require.False(t, quote().Final)
	})
}
