package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

// supply enters a paid order sent from China with tax collected at sale.
func (r *rig) supply(n int, country market.Country, currency money.Currency, scheme string, net int64, at time.Time) {
	of := func(minor int64) money.Amount { return money.Of(minor, currency) }
	o := order.Order{ID: order.ID(fmt.Sprintf("ord_t%03d", n)), Source: "elsewhere", ExternalRef: fmt.Sprint(n), Market: "de", Country: country, Lang: "en", Currency: currency, Location: "CN",
		Lines: []order.Line{{SKU: "S", Quantity: 100, UnitPrice: of(net / 100), Total: of(net)}}, Goods: of(net), Tax: of(net / 10), Total: of(net + net/10), PaidAt: at, PlacedAt: at,
		Charges: []landed.Charge{{Line: -1, Kind: landed.Tax, Code: "VAT", Rate: money.MustRate("0.1"), Base: of(net), Amount: of(net / 10), When: landed.AtCheckout, Scheme: scheme}}}
	dbtest.Write(r.t, r.d, func(tx *db.Tx) error {
		placed, _, err := r.orders.Place(tx, o)
		if err != nil {
			return err
		}
		_, err = r.taxes.RecordSale(tx, placed)
		return err
	})
}

func TestTaxPages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Owner)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		r.open()
		op, owner, viewer := r.as(auth.Operator), r.as(auth.Owner), r.as(auth.Viewer)
		has(t, op.page("/console/taxes"), "No return is waiting", "Nothing is counted here yet", "thresholds where nothing was sold")
		has(t, op.page("/console/taxes/returns"), "No returns yet")
		const regs = "/console/taxes/registrations"
		has(t, op.page(regs+"?word=IOSS"), "No registration is noted yet", `value="IOSS" selected`, "IM2760000001")
		require.NotContains(t, viewer.page(regs), `name="number"`)
		status, _ := viewer.post(regs, "do", "save", "word", "IOSS", "number", "IM2760000009", "valid_from", "2026-01-01")
		require.Equal(t, http.StatusForbidden, status)

		status, body := op.post(regs, "do", "look", "word", "IOSS", "number", "123<b>", "valid_from", "2026-01-01", "note", "kept")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "form that this authority uses", `value="123&lt;b&gt;"`, `value="kept"`, `aria-invalid="true"`)
		status, body = op.post(regs, "do", "look", "word", "IOSS", "number", "IM2760000009", "valid_from", "2026-12-01")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "tax of orders to European Union with goods worth up to EUR\u00a0150", "before it is saved")
		require.NotContains(t, op.page(regs), "0009", "looking keeps nothing")
		status, body = op.post(regs, "do", "save", "word", "IOSS", "number", "IM2760000009", "valid_from", "2026-01-01")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The registration is noted.", "Undo", "IM••••009")
		require.NotContains(t, body, "IM2760000009")
		_, id, _ := strings.Cut(body, `name="forget" value="`)
		id, _, _ = strings.Cut(id, `"`)
		require.NotContains(t, op.page(regs+"?show="+id), "IM2760000009")
		has(t, owner.page(regs+"?show="+id), "IM2760000009")
		_, body = op.post(regs, "forget", id)
		has(t, body, "as if it had never been noted", "No registration is noted yet")
		op.post(regs, "do", "save", "word", "IOSS", "number", "IM2760000009", "valid_from", "2026-09-01")

		r.supply(1, "DE", "EUR", "IOSS", 1000_00, time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC))
		r.supply(2, "FR", "EUR", "IOSS", 500_00, time.Date(2026, 10, 9, 9, 0, 0, 0, time.UTC))
		for n := range 30 {
			r.supply(10+n, "MY", "MYR", "NONE", 13_000_00, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).AddDate(0, 0, -3*n))
		}
		dbtest.Write(t, d, func(tx *db.Tx) error { _, err := r.taxes.Watch(tx); return err })
		body = op.page("/console/taxes")
		has(t, body, "Nov 30, 2026", "EUR\u00a0150.00", "Malaysia", "70% reached", "Register with the authority")
		has(t, op.page("/console/"), "tax matters wait")
		has(t, op.page("/console/taxes?area=EU"), "European Union")
		require.NotContains(t, op.page("/console/taxes?area=EU"), "Malaysia")
		const my = "/console/taxes/thresholds/threshold:MY:low_value_goods:2024-01-01"
		body = op.page(my)
		has(t, body, "<svg", "MYR\u00a0390,000", "I have registered", "word=MY_LVG", "polyline", "F-2026")
		has(t, op.page("/console/taxes"), ">new<")
		_, body = op.post(my)
		has(t, body, "won&#39;t be shown again")
		require.NotContains(t, body, ">new<")
		status, _ = op.get("/console/taxes/thresholds/none")
		require.Equal(t, http.StatusNotFound, status)
		for _, rule := range []string{"EU:union_distance_sales:2021-07-01", "GB:from_abroad:2021-01-01", "KR:electronic_services:2015-07-01", "US-NY:nexus:2019-06-24", "SG:global_turnover:2020-01-01"} {
			viewer.page("/console/taxes/thresholds/threshold:" + rule)
		}

		has(t, op.page("/console/taxes/returns"), "ready to file", "period running", "IOSS")
		const oct = "/console/taxes/returns/IOSS/2026-10"
		body = op.page(oct)
		has(t, body, "Germany", "France", "EUR\u00a0150.00", "2006/112/EC", "Mark as filed", "IM••••009")
		has(t, op.page(oct+"/orders?country=FR&only=supplies"), "F-2026")
		require.Equal(t, 1, strings.Count(op.page(oct+"/orders?country=FR&only=supplies"), `scope="row"`))
		status, body = viewer.get(oct + "/return.csv")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "supply,IOSS,2026-10,,DE,,VAT,10,1,EUR,1000.00,100.00,EUR,1000.00,100.00")
		_, body = viewer.get(oct + "/orders.csv")
		require.Equal(t, 3, strings.Count(body, "\n"))
		status, body = op.post(oct, "do", "file", "filed_on", "2026-10-30", "reference", "EE-77")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "filed after its period", `value="EE-77"`)
		status, _ = viewer.post(oct, "do", "file", "filed_on", "2026-11-24", "reference", "EE-77")
		require.Equal(t, http.StatusForbidden, status)
		status, body = op.post(oct, "do", "file", "filed_on", "2026-11-24", "reference", "EE-77")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The figures stay as they are now.", "reference EE-77", "Nothing has changed.")
		r.supply(3, "DE", "EUR", "IOSS", 100_00, time.Date(2026, 10, 20, 9, 0, 0, 0, time.UTC))
		body = op.page(oct)
		has(t, body, "filed, changed since", "EUR\u00a0150.00", "1 change touches this period")
		has(t, op.page(oct+"/orders?only=since"), "F-2026")
		has(t, op.page("/console/taxes/returns/IOSS/2026-11"), "1 late sale", "EUR\u00a010.00")
		status, _ = op.post(oct, "do", "file", "filed_on", "2026-11-24", "reference", "twice")
		require.Equal(t, http.StatusConflict, status)
		_, filing, _ := strings.Cut(op.page(oct), `name="filing" value="`)
		filing, _, _ = strings.Cut(filing, `"`)
		status, _ = op.post(oct, "do", "undo", "filing", filing, "reason", "")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		_, body = op.post(oct, "do", "undo", "filing", filing, "reason", "wrong <b>")
		has(t, body, "The filing is taken back.", "EUR\u00a0160.00", "wrong &lt;b&gt;")
		status, _ = op.get("/console/taxes/returns/LOTTERY/2026-10")
		require.Equal(t, http.StatusNotFound, status)
		for _, lang := range []string{"de", "id", "ms", "ar"} {
			op.post("/console/language", "lang", lang)
			for _, page := range []string{"/console/taxes", my, regs, "/console/taxes/returns", oct, oct + "/orders"} {
				op.page(page)
			}
		}
	})
}
