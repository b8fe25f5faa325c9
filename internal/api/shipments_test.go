package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/api"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/papers"
	"portolan/internal/tax"
)

const iossNumber = "IM3720000224"

// desk enters what a merchant tells customs once: who sends, what the goods are, the numbers of parcels. One document
// that the Union asks for isn't among them, so that there is a warning.
func (r *rig) desk() {
	write(r.t, r.d, func(tx *db.Tx) error {
		p, err := r.papers.Profile(tx)
		if err != nil || p.Name != "" {
			return err
		}
		if err := r.papers.SetProfile(tx, papers.Profile{Name: "Guangzhou Miana Clothing Co., Ltd.", Signer: "Mei Chen", Email: "hello@miana.example", Evidence: []string{"FIBRE_LABEL", "PRODUCT_ID"},
			EORIs:   []papers.EORI{{Area: "EU", Number: "NL123456789"}},
			Address: address.Address{Line1: "Warehouse 3, 88 Sample Harbour Road", City: "Guangzhou", Region: "GD", Postcode: "510700", Country: "CN", Phone: "+862012345678"}}, "mei"); err != nil {
			return err
		}
		for _, p := range r.goods.Snapshot().Products() {
			g, err := r.papers.Goods(tx, p)
			if err != nil {
				return err
			}
			if err := r.papers.Approve(tx, g, "mei"); err != nil {
				return err
			}
		}
		if _, err := r.taxes.Register(tx, tax.Registration{Word: "IOSS", Number: iossNumber, ValidFrom: "2026-01-01"}); err != nil {
			return err
		}
		return r.ships.AddNumbers(tx, fulfilment.NumberRange{Prefix: "LZ", Country: "CN", Next: 1, Last: 99_999_999})
	})
}

// sell sells a piece to Berlin and returns its shipment.
func (r *rig) sell(sku string) (id fulfilment.ShipmentID) {
	r.desk()
	eur := func(minor int64) money.Amount { return money.Of(minor, "EUR") }
	o := order.Order{ID: order.ID("ord_" + strings.ToLower(sku)), Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Email: "jana@mail.example", Phone: "+4915123456789",
		Address: address.Address{GivenName: "Jana", FamilyName: "Vogel", Line1: "Torstraße 140", City: "Berlin", Postcode: "10119", Country: "DE"},
		Lines:   []order.Line{{SKU: sku, Title: "Wickelkleid", Quantity: 1, UnitPrice: eur(5000), Total: eur(5000), HS: "62044990", Origin: "CN", Weight: 320}},
		Goods:   eur(5000), Discount: eur(0), Shipping: eur(690), Duty: eur(300), Tax: eur(1138), Fees: eur(0), Total: eur(7128), RulePack: "2026-11-01.ab12cd",
		Charges:  []landed.Charge{{Line: -1, Kind: landed.Tax, Code: "VAT", Amount: eur(1138), When: landed.AtCheckout, Scheme: "IOSS", Rate: money.MustRate("0.19"), Base: eur(5990)}},
		Incoterm: "DDP", TaxIncluded: true, Service: "standard_ddp", Location: "can", Method: "card", PaidAt: r.d.Clock().Now()}
	write(r.t, r.d, func(tx *db.Tx) error {
		_, _, err := r.orders.Place(tx, o)
		return err
	})
	r.drain()
	require.NoError(r.t, r.d.Read(r.t.Context(), func(tx *db.Tx) error {
		all, err := r.ships.ByOrder(tx, o.ID)
		require.Len(r.t, all, 1)
		id = all[0].ID
		return err
	}))
	return id
}

// No path of the interface makes a label, or lets a shipment leave, while an error stands: with papers made before the
// error came up, without them, and in whatever order it is tried.
func TestNoLabelWithAnOpenError(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("shipments:read", "shipments:write")
		h := header{"Authorization": "Bearer " + text}
		at := "/v1/shipments/" + string(r.sell("LWD-NAV-M"))
		mark := decode[api.ShipmentDetail](t, r.call("GET", at, h, "")).Reasons[0].Mark
		require.Equal(t, 200, r.call("POST", at+"/accept", h, `{"mark": "`+mark+`", "by": "Mei Chen", "reason": "shown on the label"}`).Code)
		require.Equal(t, 200, r.call("POST", at+"/papers", h, `{}`).Code)
		write(t, r.d, func(tx *db.Tx) error {
			p, ok := r.goods.Snapshot().BySlug("linen-wrap-dress")
			require.True(t, ok)
			g, err := r.papers.Goods(tx, p)
			if err != nil {
				return err
			}
			g.Description = "Clothing"
			return r.papers.Approve(tx, g, "mei")
		})
		const nowhere = `select count(*) from paper_documents where kind in ('label', 'label_zpl')`
		for range 2 {
			for _, tt := range []struct{ path, body string }{
				{"/papers", `{"label": true}`}, {"/papers", `{"label": false}`}, {"/papers", `{}`}, {"/hand-over", ""}, {"/hand-over/undo", ""},
				{"/accept", `{"mark": "` + mark + `", "by": "Mei Chen", "reason": "let it go"}`},
			} {
				rec := r.call("POST", at+tt.path, h, tt.body)
				require.Contains(t, []int{409, 422}, rec.Code, "%s: %s", tt.path, rec.Body)
				r.drain()
				require.Zero(t, r.count(nowhere), tt.path)
			}
			st := decode[api.ShipmentDetail](t, r.call("GET", at, h, ""))
			require.False(t, st.CanLeave)
			require.EqualValues(t, "preparing", st.Shipment.State)
			require.Equal(t, "L02", st.Reasons[0].Code)
			require.False(t, st.Reasons[0].Accept)
			rec := r.call("POST", at+"/accept", h, `{"mark": "`+st.Reasons[0].Mark+`", "by": "Mei Chen", "reason": "an error can't be accepted"}`)
			require.Equal(t, 422, rec.Code)
			require.Equal(t, "papers.not_acceptable", decode[api.Problem](t, rec).Fields["/mark"])
			require.Equal(t, 404, r.call("GET", at+"/papers/label", h, "").Code)
		}
		rec := r.call("POST", at+"/papers", header{"Authorization": h["Authorization"], "Accept-Language": "de"}, `{"label": true}`)
		p := decode[api.Problem](t, rec)
		require.Equal(t, 409, rec.Code)
		require.Equal(t, "papers.open_errors", p.Code)
		require.Equal(t, "L02", p.Reasons[0].Code)
		require.Contains(t, p.Reasons[0].Reason, "clothing")
		require.Contains(t, p.Reasons[0].Reason, "Zoll", "in the caller's language")
	})
}

func TestPapersAsFiles(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("shipments:read", "shipments:write")
		h := header{"Authorization": "Bearer " + text}
		at := "/v1/shipments/" + string(r.sell("LWD-NAV-M"))
		mark := decode[api.ShipmentDetail](t, r.call("GET", at, h, "")).Reasons[0].Mark
		require.Equal(t, 404, r.call("GET", at+"/papers/commercial_invoice", h, "").Code)
		require.Equal(t, 404, r.call("GET", at+"/pre-advice", h, "").Code)
		require.Equal(t, 200, r.call("POST", at+"/accept", h, `{"mark": "`+mark+`", "by": "Mei Chen", "reason": "shown on the label"}`).Code)
		rec := r.call("POST", at+"/papers", h, `{"label": true}`)
		require.Equal(t, 200, rec.Code, rec.Body)
		st := decode[api.ShipmentDetail](t, rec)
		require.True(t, st.CanLeave)
		require.EqualValues(t, "ready", st.Shipment.State)
		for _, paper := range st.Papers {
			path, accept, kind, begins := at+"/papers/"+paper.Kind, "application/pdf", "application/pdf", "%PDF-"
			switch paper.Kind {
			case "pre_advice":
				path, accept, kind, begins = at+"/pre-advice", "application/json", "application/json", "{"
			case "label_zpl":
				path, accept, kind, begins = at+"/papers/label", "application/zpl", "application/zpl", "^XA"
			}
			rec := r.call("GET", path, header{"Authorization": h["Authorization"], "Accept": accept}, "")
			require.Equal(t, 200, rec.Code, paper.Kind)
			require.Equal(t, kind, rec.Header().Get("Content-Type"))
			require.True(t, strings.HasPrefix(rec.Body.String(), begins), paper.Kind)
			sum := sha256.Sum256(rec.Body.Bytes())
			require.Equal(t, paper.Sha256, hex.EncodeToString(sum[:]), paper.Kind)
			require.Equal(t, paper.Kind == "pre_advice", bytes.Contains(rec.Body.Bytes(), []byte(iossNumber)), "the IOSS number stands in the data alone")
		}
		write(t, r.d, func(tx *db.Tx) error {
			return r.papers.Printed(tx, []papers.Print{{Shipment: fulfilment.ShipmentID(st.Shipment.ID), Kind: "commercial_invoice", Version: 1}})
		})
		again := r.call("GET", at+"/papers/commercial_invoice", h, "")
		sum := sha256.Sum256(again.Body.Bytes())
		require.NotEqual(t, st.Papers[0].Sha256, hex.EncodeToString(sum[:]), "what was printed is a copy")
	})
}

func TestShipmentsRefused(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("shipments:read", "shipments:write")
		both := header{"Authorization": "Bearer " + text}
		text, _ = r.key("shipments:read")
		readOnly := header{"Authorization": "Bearer " + text}
		id := string(r.sell("LWD-NAV-M"))
		at := "/v1/shipments/" + id
		for _, tt := range []struct {
			name, method, path, body string
			head                     header
			status                   int
			code                     string
		}{
			{"nobody", "GET", "/v1/shipments", "", header{}, 401, "auth.anonymous"},
			{"reader makes", "POST", at + "/papers", "{}", readOnly, 403, "auth.scope_missing"},
			{"reader hands over", "POST", at + "/hand-over", "", readOnly, 403, "auth.scope_missing"},
			{"reader accepts", "POST", at + "/accept", `{"mark": "x", "by": "x", "reason": "x"}`, readOnly, 403, "auth.scope_missing"},
			{"unknown", "GET", "/v1/shipments/shp_none", "", both, 404, "fulfilment.unknown_shipment"},
			{"unknown, paper", "GET", "/v1/shipments/shp_none/papers/cn22", "", both, 404, "fulfilment.unknown_shipment"},
			{"state", "GET", "/v1/shipments?state=lost", "", both, 422, "api.invalid_request"},
			{"after", "GET", "/v1/shipments?after=%27x", "", both, 422, "api.invalid_request"},
			{"kind", "GET", at + "/papers/passport", "", both, 422, "api.invalid_request"},
			{"no body", "POST", at + "/papers", "", both, 422, "web.unreadable_body"},
			{"no name", "POST", at + "/accept", `{"mark": "x", "by": "  ", "reason": "x"}`, both, 422, "papers.acceptance_invalid"},
			{"no such mark", "POST", at + "/accept", `{"mark": "x", "by": "Mei", "reason": "x"}`, both, 422, "papers.acceptance_invalid"},
			{"no label", "POST", at + "/hand-over", "", both, 409, "papers.cannot_leave"},
			{"not handed over", "POST", at + "/hand-over/undo", "", both, 409, "fulfilment.cannot_take_back"},
		} {
			rec := r.call(tt.method, tt.path, tt.head, tt.body)
			require.Equal(t, tt.status, rec.Code, "%s: %s", tt.name, rec.Body)
			require.Equal(t, tt.code, decode[api.Problem](t, rec).Code, tt.name)
		}
		for query, n := range map[string]int{"": 1, "?state=preparing": 1, "?state=ready": 0, "?order=ord_lwd-nav-m": 1, "?order=ord_lwd-nav-m&state=voided": 0, "?order=ord_none": 0} {
			require.Len(t, decode[api.ShipmentList](t, r.call("GET", "/v1/shipments"+query, readOnly, "")).Data, n, query)
		}
	})
}
