package fulfilment

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/snapshot"
)

//go:embed schema
var files embed.FS

// Schema holds stock, reservations, locations and services.
var Schema = db.Schema{Owner: "fulfilment", Files: files}

// Version is the name under which changes of locations and services are counted.
const Version = "services"

// Service keeps stock and knows the ways to send it.
type Service struct {
	d       *db.DB
	bump    snapshot.Bump
	markets *market.Service
	changes atomic.Int64
	misled  atomic.Int64 // reservations that found less than there was a moment before
	levels  *snapshot.Of[levels]
	table   *snapshot.Of[table]
}

// New returns the stock and services kept in d.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump, markets *market.Service) *Service {
	s := &Service{d: d, bump: bump, markets: markets}
	s.levels = snapshot.New(d, s.second, s.loadLevels)
	s.table = snapshot.New(d, func() int64 { return versions.Version(Version) }, loadTable)
	return s
}

// Load brings levels and services into memory.
func (s *Service) Load(ctx context.Context) error {
	return errors.Join(s.levels.Load(ctx), s.table.Load(ctx))
}

// table is the locations and the services of each market.
type table struct {
	locations []Location
	byCode    map[string]Location
	services  map[market.Code][]DeliveryService
	carriers  map[string]Carrier
}

func loadTable(tx *db.Tx, _ *table) (*table, error) {
	t := &table{byCode: map[string]Location{}, services: map[market.Code][]DeliveryService{}}
	var err error
	if t.locations, err = db.All(tx, func(r db.Row) (l Location, err error) {
		return l, r.Scan(&l.Code, &l.Name, &l.Country, &l.Zone, &l.Cutoff)
	}, `select code, name, country, zone, cutoff_hour from stock_locations order by code`); err != nil {
		return nil, err
	}
	for _, l := range t.locations {
		t.byCode[l.Code] = l
	}
	if t.carriers, err = loadCarriers(tx); err != nil {
		return nil, err
	}
	services, err := db.All(tx, func(r db.Row) (v DeliveryService, err error) {
		var body string
		if err = r.Scan(&body); err != nil {
			return v, err
		}
		return v, json.Unmarshal([]byte(body), &v)
	}, `select body from delivery_services order by market, position, id`)
	for _, v := range services {
		t.services[v.Market] = append(t.services[v.Market], v)
	}
	return t, err
}

var wordForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,39}$`)

// SaveLocation keeps a new or changed location.
func (s *Service) SaveLocation(tx *db.Tx, l Location) error {
	_, err := time.LoadLocation(l.Zone)
	var c fault.Check
	c.That(wordForm.MatchString(l.Code), "code", "fulfilment.word_form")
	c.That(l.Name != "", "name", "fulfilment.needs_name")
	c.That(len(l.Country) == 2, "country", "fulfilment.country_form")
	c.That(err == nil && l.Zone != "" && l.Zone != "Local", "zone", "fulfilment.zone_unknown")
	c.That(l.Cutoff >= 0 && l.Cutoff <= 24, "cutoff", "fulfilment.hour_range")
	if err := c.Err("fulfilment.location_invalid"); err != nil {
		return err
	}
	if err := tx.Send(`insert into stock_locations (code, name, country, zone, cutoff_hour) values ($1, $2, $3, $4, $5)
		on conflict (code) do update set name = excluded.name, country = excluded.country, zone = excluded.zone, cutoff_hour = excluded.cutoff_hour`,
		l.Code, l.Name, l.Country, l.Zone, l.Cutoff); err != nil {
		return err
	}
	return s.bump(tx, Version)
}

// SaveService keeps a new or changed delivery service. Its amounts are in the market's currency.
func (s *Service) SaveService(tx *db.Tx, v DeliveryService) error {
	m, err := s.markets.Get(tx, v.Market)
	if err != nil {
		return err
	}
	known, err := db.All(tx, db.Scalar[string], `select code from stock_locations order by code`)
	if err != nil {
		return err
	}
	var c fault.Check
	c.That(wordForm.MatchString(v.Service), "service", "fulfilment.word_form")
	c.That(v.Carrier != "", "carrier", "fulfilment.needs_name")
	c.That(v.Channel == Courier || v.Channel == Postal, "channel", "fulfilment.channel_unknown")
	c.That(slices.Contains(known, v.Location), "location", "fulfilment.unknown_location")
	c.That(v.Country == "" || m.Serves(v.Country), "country", "fulfilment.country_not_served")
	c.That(v.Incoterm == "DDP" || v.Incoterm == "DAP", "incoterm", "fulfilment.incoterm_unknown")
	c.That(v.Base.Minor >= 0 && v.Base.Currency == m.Currency, "base", "fulfilment.price_form")
	c.That(v.PerKilo.Minor >= 0 && (v.PerKilo.IsZero() || v.PerKilo.Currency == m.Currency), "per_kilo", "fulfilment.price_form")
	c.That(v.FreeFrom.Minor >= 0 && (v.FreeFrom.IsZero() || v.FreeFrom.Currency == m.Currency), "free_from", "fulfilment.price_form")
	c.That(v.MaxGrams >= 0, "max_grams", "fulfilment.quantity_range")
	c.That(v.Handling >= 0 && v.Handling <= 30, "handling", "fulfilment.days_range")
	c.That(v.MinDays >= 0 && v.MinDays <= v.MaxDays && v.MaxDays <= 90, "max_days", "fulfilment.days_range")
	if err := c.Err("fulfilment.service_invalid"); err != nil {
		return err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s/%s/%s", v.Market, v.Location, v.Service)
	if v.Country != "" {
		id += "/" + string(v.Country)
	}
	if err := tx.Send(`insert into delivery_services (id, market, position, body) values ($1, $2, $3, $4)
		on conflict (id) do update set market = excluded.market, position = excluded.position, body = excluded.body`,
		id, v.Market, v.Position, string(body)); err != nil {
		return err
	}
	return s.bump(tx, Version)
}

// Locations returns the places goods are sent from; from memory.
func (s *Service) Locations() []Location { return slices.Clone(s.table.Get().locations) }

// Location finds a place goods are sent from; from memory.
func (s *Service) Location(code string) (Location, error) {
	l, ok := s.table.Get().byCode[code]
	if !ok {
		return l, fmt.Errorf("location %.40q: %w", code, ErrUnknownLocation)
	}
	return l, nil
}

// carrier is what is known about a carrier; from memory. Its name at least.
func (s *Service) carrier(name string) Carrier {
	if c, ok := s.table.Get().carriers[name]; ok {
		return c
	}
	return Carrier{Name: name}
}

// Locate chooses where a cart is sent from: the location of the market that has the most of its pieces, the first of
// those; from memory. All lines go together, so where none has everything something of the cart can't be had.
func (s *Service) Locate(m market.Code, lines []OptionLine) string {
	mk, ok := s.markets.ByCode(m)
	if !ok {
		return ""
	}
	need := map[string]int64{}
	for _, l := range lines {
		need[l.SKU] += l.Quantity
	}
	now := s.levels.Get()
	best, most := "", int64(-1)
	for _, location := range mk.ShipFrom {
		has := int64(0)
		for sku, n := range need {
			has += min(n, now.at(sku, location))
		}
		if has > most {
			best, most = location, has
		}
	}
	return best
}

// Together is how many pieces of each line are free where Locate has the lines sent from; from memory.
func (s *Service) Together(m market.Code, lines []OptionLine) []int64 {
	location, now := s.Locate(m, lines), s.levels.Get()
	free := make([]int64, len(lines))
	for i, l := range lines {
		free[i] = now.at(l.SKU, location)
	}
	return free
}
