package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Input that can't be answered is refused whole, with the field, the kind of fault and what would do.
func TestBadInput(t *testing.T) {
	const good = `{"date": "2026-11-22", "ship_from": "CN", "destination": {"country": "DE"}, "currency": "EUR", "seller_registrations": ["IOSS"],
		"lines": [{"description": "cotton T-shirt", "hs": "6109100010", "origin": "CN", "quantity": 3, "unit_price_net": "30.00"}]}`
	status, _, errs := try(t, "landed-cost", write(t, "good.json", good))
	require.Zero(t, status, errs)
	for _, tt := range []struct{ name, change, into, field, remedy string }{
		{"negative quantity", `"quantity": 3`, `"quantity": -1`, "lines.0.quantity", "must be 1 to 1000000"},
		{"zero quantity", `"quantity": 3`, `"quantity": 0`, "lines.0.quantity", "must be 1 to 1000000"},
		{"huge quantity", `"quantity": 3`, `"quantity": 1180591620717411303424`, "lines.0.quantity", "must be 1 to 1000000"},
		{"quantity in words", `"quantity": 3`, `"quantity": "three"`, "lines.0.quantity", "must be 1 to 1000000"},
		{"unknown country", `"DE"`, `"ZZ"`, "destination.country", "must be an ISO 3166 code like DE"},
		{"unknown origin", `"origin": "CN"`, `"origin": "China"`, "lines.0.origin", "must be an ISO 3166 code like CN"},
		{"HS of three digits", `"6109100010"`, `"610"`, "lines.0.hs", "must have 4 to 12 digits"},
		{"HS with a letter", `"6109100010"`, `"61O9100010"`, "lines.0.hs", "must have 4 to 12 digits"},
		{"negative price", `"30.00"`, `"-30.00"`, "lines.0.unit_price_net", "must not be negative"},
		{"a third decimal", `"30.00"`, `"30.001"`, "lines.0.unit_price_net", "at most 2 decimals"},
		{"an endless price", `"30.00"`, `"9999999999999999999999"`, "lines.0.unit_price_net", "must be a decimal of EUR"},
		{"prices in a currency without a rate", `"currency": "EUR"`, `"currency": "EUR", "price_currency": "USD"`, "fx.USD", "must lead from USD to EUR"},
		{"no currency", `"currency": "EUR"`, `"currency": "euros"`, "currency", "must be an ISO 4217 code like EUR"},
		{"a day before the first rule", `2026-11-22`, `1999-01-01`, "date", "must not be before"},
		{"no day", `2026-11-22`, `22.11.2026`, "date", "must be a day like 2026-11-21"},
		{"no lines", `{"description"`, `], "was": [{"description"`, "lines", "must be at least 1"},
		{"Latin-1", "cotton", "gef\xfcttert", "file", "must be UTF-8"},
		{"half a file", `"30.00"}]}`, `"30.`, "file", "unexpected end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.change, tt.into, 1)
			require.NotEqual(t, good, bad)
			status, out, errs := try(t, "landed-cost", write(t, "bad.json", bad))
			require.Equal(t, 2, status, errs)
			require.NotContains(t, out, `"total"`, "nothing is answered")
			require.Contains(t, errs, tt.field+": ")
			require.Contains(t, errs, tt.remedy)
		})
	}
	t.Run("10,000 lines", func(t *testing.T) {
		var in map[string]any
		require.NoError(t, json.Unmarshal([]byte(good), &in))
		line := in["lines"].([]any)[0]
		var many []any
		for range 10_000 {
			many = append(many, line)
		}
		in["lines"] = many
		b, err := json.Marshal(in)
		require.NoError(t, err)
		status, _, errs := try(t, "landed-cost", write(t, "many.json", string(b)))
		require.Equal(t, 2, status)
		require.Contains(t, errs, "lines: must be 1 to 1000, there are 10000")
	})
}
