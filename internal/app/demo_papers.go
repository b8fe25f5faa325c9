package app

import (
	"context"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/papers"
)

// desk is who packs in the demo.
const desk = "Mei"

// demoProfile is what customs learn about the sample merchant; names and numbers are made up.
var demoProfile = papers.Profile{
	Name: "Guangzhou Miana Clothing Co., Ltd. (fictional)", Signer: "Mei Lin", Email: "customs@miana.example",
	Address:  address.Address{Line1: "Warehouse 3, No. 88 Sample Harbour Road", City: "Guangzhou", Region: "GD", Postcode: "510700", Country: "CN", Phone: "+862055550188"},
	Places:   map[string]address.Address{"ams": {Line1: "Voorbeeldkade 12", City: "Amsterdam", Postcode: "1014 AB", Country: "NL", Phone: "+31205550188"}},
	EORIs:    []papers.EORI{{Area: "EU", Number: "NL004711880"}, {Area: "GB", Number: "GB385204711000"}},
	Evidence: []string{"FIBRE_LABEL", "FIBRE_ORIGIN_RN", "EU_RESPONSIBLE_PERSON", "PRODUCT_ID", "PACKAGING_EPR"},
}

// undescribed is how many products of the sample merchant still wait for a person to read their description.
const undescribed = 4

// seedPapers enters what the sample merchant's people have told customs by hand: the profile, a range of item numbers,
// and most descriptions.
func (a *App) seedPapers(ctx context.Context) error {
	for _, load := range []func(context.Context) error{a.Catalog.Load, a.Stock.Load} {
		if err := load(ctx); err != nil {
			return err
		}
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := a.Papers.SetProfile(tx, demoProfile, desk); err != nil {
			return err
		}
		if err := a.Shipments.AddNumbers(tx, fulfilment.NumberRange{Prefix: "LV", Country: "CN", Next: 47110001, Last: 47119999}); err != nil {
			return err
		}
		all := a.Catalog.Snapshot().Products()
		for i, p := range all {
			if i%(len(all)/undescribed) == 1 {
				continue
			}
			if err := a.approve(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *App) approve(tx *db.Tx, p *catalog.Product) error {
	g, err := a.Papers.Goods(tx, p)
	if err != nil {
		return err
	}
	return a.Papers.Approve(tx, g, desk)
}

// atTheDesk works off some of the demo's first shipments, so that there is one of each: kept, with papers, labelled,
// handed over.
func atTheDesk(ctx context.Context, a *App) error {
	var ships []fulfilment.Shipment
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		ships, _, err = a.Shipments.List(tx, fulfilment.ShipmentFilter{States: []fulfilment.ShipmentState{fulfilment.Preparing}, Oldest: true}, fulfilment.ShipmentPage{})
		return err
	})
	if err != nil {
		return err
	}
	steps := []func(*db.Tx, fulfilment.ShipmentID, string) (papers.Standing, error){a.Papers.Make, a.Papers.Label, a.Papers.HandOver}
	done := 0
	for _, ship := range ships {
		for _, step := range steps[:min(3, done)] {
			err := a.DB.Write(ctx, func(tx *db.Tx) error { _, err := step(tx, ship.ID, desk); return err })
			if _, refused := papers.RefusalOf(err); refused || fault.Of(err).Kind == fault.Conflict {
				break
			}
			if err != nil {
				return err
			}
		}
		done = (done + 1) % 4
	}
	return nil
}
