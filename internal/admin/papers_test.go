package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fulfilment"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/papers"
)

// desk is a shop with a paid order that goes from Guangzhou to Berlin.
func desk(t *testing.T, d *db.DB) (*rig, *papers.Service, *fulfilment.Shipments, fulfilment.ShipmentID) {
	r := newRig(t, d)
	ships := fulfilment.NewShipments(r.stock, r.bus, r.orders)
	all := papers.New(papers.Parts{Orders: r.orders, Shipments: ships, Places: r.stock, Products: r.catalog, Rates: r.prices, Registrations: r.taxes})
	r.parts.Papers, r.parts.Shipments = all, ships
	eur := func(n int64) money.Amount { return money.Of(n, "EUR") }
	var id fulfilment.ShipmentID
	dbtest.Write(t, d, func(tx *db.Tx) error {
		for _, l := range fulfilment.SeedLocations {
			if err := r.stock.SaveLocation(tx, l); err != nil {
				return err
			}
		}
		if err := r.catalog.ImportCategories(tx, []catalog.Category{{Slug: "all", Names: map[string]string{"en": "All"}}}); err != nil {
			return err
		}
		_, err := r.catalog.Import(tx, []catalog.Product{{Slug: "wrap", Kind: "dress", Category: "all", TaxCategory: "clothing", Origin: "CN", HS: "62044300", WeightGrams: 300, Base: eur(1000),
			CustomsDescription: "Clothing", Texts: map[string]catalog.Text{"en": {Lang: "en", Title: "Wrap"}}, Variants: []catalog.Variant{{SKU: "wrap-m"}}}})
		if err != nil {
			return err
		}
		return ships.AddNumbers(tx, fulfilment.NumberRange{Prefix: "LV", Country: "CN", Next: 1, Last: 9})
	})
	require.NoError(t, r.catalog.Load(t.Context()))
	require.NoError(t, r.stock.Load(t.Context()))
	dbtest.Write(t, d, func(tx *db.Tx) error {
		o, _, err := r.orders.Place(tx, order.Order{ID: "ord_wrap", Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Email: "j@mail.example", Phone: "+4915123456789", PaidAt: tx.Now(),
			Address: address.Address{GivenName: "Jana", FamilyName: "Vogel", Line1: "Torstraße 140", City: "Berlin", Postcode: "10119", Country: "DE"},
			Lines:   []order.Line{{SKU: "wrap-m", Title: "Wrap", Quantity: 1, UnitPrice: eur(4000), Total: eur(4000), Weight: 300}},
			Goods:   eur(4000), Shipping: eur(500), Total: eur(4500), Incoterm: "DDP", Service: "standard", Location: "can", Method: "card"})
		if err != nil {
			return err
		}
		one, _, err := ships.Make(tx, o)
		id = one.ID
		return err
	})
	return r, all, ships, id
}

// From a description nobody approved to the hand-over and back, by the console alone; and no button makes a label before
// its time.
func TestPapersThroughTheConsole(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r, keep, _, id := desk(t, d)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		r.open()
		op := r.as(auth.Operator)
		at := "/console/papers/" + string(id)
		state := func() papers.Standing {
			var st papers.Standing
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { st, err = keep.Standing(tx, id); return err })
			return st
		}
		status, body := op.get("/console/papers")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, "tells customs nothing")
		require.Contains(t, body, "/console/products/wrap/customs")
		require.Contains(t, body, "/console/papers/profile")

		for _, do := range []string{"label", "hand_over", "make"} {
			status, _ = op.post(at, "do", do)
			require.Equal(t, http.StatusConflict, status, do)
			op.post("/console/papers", "do", do, "s", string(id))
			require.False(t, state().Labelled, "nor many at once: %s", do)
		}
		status, body = op.post("/console/papers/profile", "do", "profile", "name", "Miana", "country", "CN", "signer", "", "address.line1", "Road 1", "address.city", "Guangzhou", "address.region", "GD", "address.postcode", "510700", "address.phone", "+862055550188")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		require.Contains(t, body, `value="Miana"`)
		status, _ = op.post("/console/papers/profile", "do", "profile", "name", "Miana", "country", "CN", "signer", "Mei", "address.line1", "Road 1", "address.city", "Guangzhou", "address.region", "GD", "address.postcode", "510700", "address.phone", "+862055550188")
		require.Equal(t, http.StatusOK, status)
		status, _ = op.post("/console/products/wrap/customs", "do", "approve", "description", "Women's woven dress, 100 % polyester", "unit", "pce")
		require.Equal(t, http.StatusOK, status)

		status, _ = op.post(at, "do", "make")
		require.Equal(t, http.StatusOK, status)
		for _, why := range state().Reasons {
			status, _ = op.post(at, "do", "accept", "mark", why.Mark, "reason", "")
			require.Equal(t, http.StatusUnprocessableEntity, status)
			status, _ = op.post(at, "do", "accept", "mark", why.Mark, "reason", "held by the supplier")
			require.Equal(t, http.StatusOK, status, why.Key)
		}
		status, body = op.get(at)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, "held by the supplier")
		status, _ = op.post(at, "do", "label")
		require.Equal(t, http.StatusOK, status)
		status, body = op.get(at + "/label")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body[:8], "%PDF")
		status, body = op.post("/console/papers/print", "do", "print_papers", "s", string(id))
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body[:8], "%PDF")
		require.EqualValues(t, 1, state().Current.Documents[0].Prints)
		status, _ = op.post(at, "do", "hand_over")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, fulfilment.HandedOver, state().Shipment.State)
		_, body = op.get(at + "?done=pp_handed_over")
		require.Contains(t, body, `value="take_back"`)
		status, _ = op.post(at, "do", "take_back")
		require.Equal(t, http.StatusOK, status)

		status, body = op.post(at, "do", "pack", "parcels", "1", "parcels[0].gross_grams", "12x", "parcels[0].packed[0]", "1")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		require.Contains(t, body, "12x")
		status, _ = op.post(at, "do", "address", "address.line1", "Torstraße 141")
		require.Equal(t, http.StatusOK, status)
		require.False(t, state().Labelled, "a new address makes papers and label void")
		viewer := r.as(auth.Viewer)
		status, _ = viewer.post(at, "do", "make")
		require.Equal(t, http.StatusForbidden, status)
		status, _ = op.get("/console/orders/ord_wrap")
		require.Equal(t, http.StatusOK, status)
	})
}
