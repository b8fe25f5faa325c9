package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/app"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
)

// sold puts the sample merchant into a file and sells a piece of a product that somebody has described for customs, and
// one of a product that nobody has.
func sold(t *testing.T, base string) (described, not fulfilment.ShipmentID) {
	d, err := db.Open(t.Context(), base, nil)
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Migrate(t.Context(), app.Schemas...))
	require.NoError(t, app.SeedDemo(t.Context(), d))
	a, err := app.Open(t.Context(), d, app.Config{})
	require.NoError(t, err)
	sell := func(p *catalog.Product, id order.ID) (ship fulfilment.ShipmentID) {
		eur := func(minor int64) money.Amount { return money.Of(minor, "EUR") }
		o := order.Order{ID: id, Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Email: "jana@mail.example", Phone: "+4915123456789",
			Address: address.Address{GivenName: "Jana", FamilyName: "Vogel", Line1: "Torstraße 140", City: "Berlin", Postcode: "10119", Country: "DE"},
			Lines:   []order.Line{{SKU: p.Variants[0].SKU, Title: "Kleid", Quantity: 1, UnitPrice: eur(5000), Total: eur(5000), HS: p.HS, Origin: string(p.Origin), Weight: p.WeightGrams}},
			Goods:   eur(5000), Discount: eur(0), Shipping: eur(690), Duty: eur(300), Tax: eur(1138), Fees: eur(0), Total: eur(7128), RulePack: "2026-11-01.ab12cd",
			Charges: []landed.Charge{{Line: -1, Kind: landed.Tax, Code: "VAT", Amount: eur(1138), When: landed.AtCheckout, Rate: money.MustRate("0.19"), Base: eur(5990)}},
			Service: "standard_ddp", Incoterm: "DDP", TaxIncluded: true, Location: "can", Method: "card", PaidAt: d.Clock().Now()}
		require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
			if _, _, err := a.Orders.Place(tx, o); err != nil {
				return err
			}
			s, _, err := a.Shipments.Make(tx, o)
			ship = s.ID
			return err
		}))
		return ship
	}
	var open *catalog.Product
	require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
		all, err := a.Papers.Unapproved(tx)
		require.NotEmpty(t, all)
		open = all[0]
		return err
	}))
	for _, p := range a.Catalog.Snapshot().Products() {
		if p.Slug != open.Slug && p.Kind == "dress" {
			return sell(p, "ord_a"), sell(open, "ord_b")
		}
	}
	t.Fatal("no dress")
	return "", ""
}

func TestPapers(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "shop.db")
	described, not := sold(t, base)
	file := filepath.Join(dir, "paper")
	call := func(id fulfilment.ShipmentID, args ...string) (int, string, string) {
		return try(t, append([]string{"papers", string(id), "--db=" + base, "-o", file}, args...)...)
	}
	status, _, errs := call(described, "--kind=invoice")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "papers.no_such_paper", "nothing is made unless it is asked for")
	for _, kind := range []string{"invoice", "label", "zpl", "packing-list", "pre-advice"} {
		status, _, errs = call(not, "--kind="+kind, "--make")
		require.Equal(t, 1, status, kind)
		require.Contains(t, errs, "papers.open_errors")
		require.Contains(t, errs, "Nobody has approved")
	}
	require.NoFileExists(t, file)
	for _, tt := range []struct{ kind, begins string }{{"invoice", "%PDF-"}, {"label", "%PDF-"}, {"zpl", "^XA"}, {"packing-list", "%PDF-"}, {"pre-advice", "{"}} {
		status, out, errs := call(described, "--kind="+tt.kind, "--make", "--by=Mei")
		require.Zero(t, status, errs)
		require.Contains(t, out, "version 1")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), tt.begins), tt.kind)
	}
	status, out, _ := try(t, "papers", string(described), "--kind=zpl", "--db="+base)
	require.Zero(t, status)
	require.True(t, strings.HasPrefix(out, "^XA"))
	status, _, errs = call("shp_none")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "fulfilment.unknown_shipment")
	status, _, errs = call(described, "--kind=passport")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "--kind")
}
