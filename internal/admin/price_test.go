package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestPricePage(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := r.catalog.ImportCategories(tx, []catalog.Category{{Slug: "tops", Names: map[string]string{"en": "Tops"}}}); err != nil {
				return err
			}
			_, err := r.catalog.Import(tx, []catalog.Product{{Slug: "tee", Kind: "top", Category: "tops", TaxCategory: "standard", Origin: "CN", HS: "610910", CustomsDescription: "T-shirt",
				WeightGrams: 200, Base: money.Of(160_00, "CNY"), Texts: map[string]catalog.Text{"en": {Title: "Tee" + evil}},
				Options: []catalog.Option{{Name: "size", Values: []catalog.Value{{Code: "s"}}}}, Variants: []catalog.Variant{{SKU: "tee-s", Options: map[string]string{"size": "s"}}}}})
			return err
		})
		r.open()
		op, viewer := r.as(auth.Operator), r.as(auth.Viewer)
		const at = "/console/products/tee/prices"
		has(t, op.page(at), "There is no exchange rate for these currencies.")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := r.prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: "EUR", Rate: money.MustRate("0.125"), Day: "2026-11-24", Source: "bank" + evil}); err != nil {
				return err
			}
			_, err := r.prices.Publish(tx, "de")
			return err
		})
		body := op.page(at)
		has(t, body, "EUR\u00a019.95", "0.125", "Cost unknown", "Not enough data.", "Enter what a piece costs you.")
		require.NotContains(t, body, evil)
		require.NotContains(t, viewer.page(at), `name="do"`)
		status, _ := viewer.post(at, "sku", "tee-s", "do", "publish", "market", "de", "kind", "fixed", "value", "5", "reason", "x")
		require.Equal(t, http.StatusForbidden, status)

		status, body = op.post(at, "sku", "tee-s", "do", "cost", "cost", "80", "source", "invoice"+evil)
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The cost is kept.", "49.87%")
		require.NotContains(t, body, evil)

		body = op.page(at + "?market=de&kind=fixed&value=9,95&reason=clearance")
		has(t, body, "Nothing has changed yet.", "EUR\u00a09.95", "Sold at a loss", `value="clearance"`)
		has(t, op.page(at+"?market=de&kind=fixed&value=abc&reason=x"), "Please enter a price above zero")
		has(t, op.page(at+"?market=de&kind=sale&value=9.95&reason=x"), "after the price has stood for 30 days")
		status, _ = op.get(at + "?market=xx&kind=fixed&value=1&reason=x")
		require.Equal(t, http.StatusNotFound, status)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			rows, err := r.prices.History(tx, "de", "tee-s", 5)
			require.Len(t, rows, 1, "looking publishes nothing")
			return err
		})

		status, body = op.post(at, "sku", "tee-s", "do", "publish", "market", "de", "kind", "fixed", "value", "24,95", "reason", "autumn")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The price is published.", "EUR\u00a024.95", "autumn", "Mei")
		_, change, _ := strings.Cut(body, `name="change" value="`)
		change, _, _ = strings.Cut(change, `"`)
		require.NotEmpty(t, change)
		status, body = op.post(at, "sku", "tee-s", "do", "undo", "change", change)
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The change is undone.", "undone")
		status, _ = op.post(at, "sku", "tee-s", "do", "undo", "change", change)
		require.Equal(t, http.StatusConflict, status)
		status, _ = op.get("/console/products/none/prices")
		require.Equal(t, http.StatusNotFound, status)
		has(t, op.page("/console/products/tee"), `href="/console/products/tee/prices"`)
		status, _ = r.visit().get(at)
		require.Equal(t, http.StatusOK, status, "the log-in page")
	})
}
