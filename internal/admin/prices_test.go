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
	"portolan/internal/i18n"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestPricesPages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		r.open()
		op, viewer := r.as(auth.Operator), r.as(auth.Viewer)
		has(t, op.page("/console/prices"), "There are no products with variants yet")
		has(t, op.page("/console/prices/rivals"), "No prices of other shops are kept")
		has(t, op.page("/console/prices/rules"), "Nobody has changed the rules yet")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := r.catalog.ImportCategories(tx, []catalog.Category{{Slug: "tops", Names: map[string]string{"en": "Tops"}}}); err != nil {
				return err
			}
			_, err := r.catalog.Import(tx, []catalog.Product{{Slug: "tee", Kind: "top", Category: "tops", TaxCategory: "standard", Origin: "CN", HS: "610910", CustomsDescription: "T-shirt",
				WeightGrams: 200, Base: money.Of(160_00, "CNY"), Texts: map[string]catalog.Text{"en": {Title: "Tee" + evil}},
				Options: []catalog.Option{{Name: "size", Values: []catalog.Value{{Code: "s"}}}}, Variants: []catalog.Variant{{SKU: "tee-s", Options: map[string]string{"size": "s"}}}}})
			if err != nil {
				return err
			}
			if err := r.prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: "EUR", Rate: money.MustRate("0.125"), Day: "2026-11-24", Source: "bank"}); err != nil {
				return err
			}
			return r.prices.SetUnitCost(tx, pricing.UnitCost{SKU: "tee-s", Amount: money.Of(136_00, "CNY"), Source: "invoice"})
		})
		require.NoError(t, r.catalog.Load(t.Context()))
		dbtest.Write(t, d, func(tx *db.Tx) error { _, err := r.prices.Publish(tx, "de"); return err })
		require.NoError(t, r.prices.Load(t.Context()))
		body := op.page("/console/prices")
		has(t, body, "EUR\u00a019.95", "leaves 14.78%")
		require.NotContains(t, body, evil)
		require.NotContains(t, body, "below its floor")

		// What selling costs and should leave.
		const price = "/console/products/tee/prices"
		status, body := op.post(price, "do", "terms", "sku", "tee-s", "market", "de", "delivery", "1,00", "fee", "2.9", "least", "25", "target", "30%")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The terms are kept.", `value="1.00"`, `value="2.9"`, `value="25"`, "Below cost and least margin")
		status, _ = op.post(price, "do", "terms", "sku", "tee-s", "market", "de", "least", "250")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		status, _ = viewer.post(price, "do", "terms", "market", "de")
		require.Equal(t, http.StatusForbidden, status)
		has(t, op.page("/console/prices"), "1 product below its floor", "floor EUR")
		has(t, op.page("/console/prices?only=low&sort=margin"), "EUR\u00a019.95")
		has(t, op.page("/console/prices?only=sale"), "No product is like this")

		// The rules of a market: look, publish, undo.
		const rules = "/console/prices/rules"
		look := rules + "?market=de&factor=1,5&step=1.00&ending=0.90&direction=nearest&reason=costs"
		has(t, op.page(look), "Nothing has changed yet.", "EUR\u00a029.90", `name="do" value="publish"`)
		require.NotContains(t, viewer.page(look), `value="publish"`)
		has(t, op.page(rules+"?market=de&factor=x&step=1&ending=2&direction=up&reason="), `aria-invalid="true"`, `value="x"`)
		status, body = op.post(rules, "do", "publish", "market", "de", "factor", "1.5", "step", "1", "ending", "0.9", "direction", "nearest", "reason", "")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "Please say why")
		status, body = op.post(rules, "do", "publish", "market", "de", "factor", "1.5", "step", "1", "ending", "0.9", "direction", "nearest", "reason", "costs"+evil)
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The new prices are published.", "1 price", "costs&lt;script&gt;")
		_, bulk, _ := strings.Cut(body, `name="bulk" value="`)
		bulk, _, _ = strings.Cut(bulk, `"`)
		status, body = op.post(rules, "do", "undo", "market", "de", "bulk", bulk)
		require.Equal(t, http.StatusOK, status)
		has(t, body, "the prices before it hold again", "undone")
		status, _ = op.post(rules, "do", "undo", "market", "de", "bulk", bulk)
		require.Equal(t, http.StatusConflict, status)
		has(t, op.page("/console/prices"), "EUR\u00a019.95")

		// Other shops' prices.
		const rivals = "/console/prices/rivals"
		status, body = op.sendFile(rivals, "r.csv", "sku,market,competitor,price,currency,day\ntee-s,de,Nord,x,EUR,2026-11-20\ntee-s,xx,Nord,1,EUR,2026-11-20\n", "do", "rivals")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "nothing of it was kept", "<code>price</code>", "<code>xx</code>")
		status, body = op.sendFile(rivals, "r.csv", "sku,market,competitor,price,currency,day\ntee-s,de,Nord"+evil+",17.50,EUR,2026-11-20\ntee-s,de,Old,9.00,EUR,2026-01-02\n", "do", "rivals")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The prices of the file are kept.", "EUR\u00a017.50", "4 days old", "too old to count", "ours is higher")
		require.NotContains(t, body, evil)
		for _, lang := range i18n.Languages() {
			op.post("/console/language", "lang", lang)
			for _, at := range []string{"/console/prices", rules, rivals, price, look} {
				op.page(at)
			}
		}
	})
}
