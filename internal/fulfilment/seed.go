package fulfilment

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
)

//go:embed data/services.json
var servicesJSON []byte

// SeedLocations are the demo merchant's: its own warehouse in Guangzhou and a hub in the Netherlands.
var SeedLocations = []Location{
	{Code: "can", Name: "Guangzhou", Country: "CN", Zone: "Asia/Shanghai", Cutoff: 17},
	{Code: "ams", Name: "EU hub Amsterdam", Country: "NL", Zone: "Europe/Amsterdam", Cutoff: 15},
}

// Seed keeps the demo merchant's locations and, for those of its markets that exist, their services. The carriers
// are invented, their prices and times plausible.
func (s *Service) Seed(tx *db.Tx) error {
	for _, l := range SeedLocations {
		if err := s.SaveLocation(tx, l); err != nil {
			return err
		}
	}
	var all []DeliveryService
	if err := json.Unmarshal(servicesJSON, &all); err != nil {
		return fmt.Errorf("services.json: %w", err)
	}
	known, err := s.markets.List(tx)
	if err != nil {
		return err
	}
	currency := map[market.Code]money.Currency{}
	for _, m := range known {
		currency[m.Code] = m.Currency
	}
	for i, v := range all {
		if currency[v.Market] != v.Base.Currency {
			continue
		}
		v.Position = int64(i)
		if err := s.SaveService(tx, v); err != nil {
			return fmt.Errorf("seed %s %s: %w", v.Market, v.Service, err)
		}
	}
	for _, c := range seedCarriers {
		if err := saveCarrier(tx, c); err != nil {
			return err
		}
	}
	return nil
}

// seedCarriers are what the invented carriers can do.
var seedCarriers = []Carrier{
	{Name: "Kite Line", URL: "https://kite-line.example/track?n={number}", Reschedule: "link", RescheduleTo: "https://kite-line.example/another-day?n={number}"},
	{Name: "Swift Air", URL: "https://swift-air.example/{number}", Reschedule: "phone", RescheduleTo: "+862055550123"},
	{Name: "Swift Road", URL: "https://swift-road.example/{number}"},
	{Name: "Kontor Paket"},
}
