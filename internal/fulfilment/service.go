package fulfilment

import (
	"context"
	"embed"
	"time"

	"portolan/internal/db"
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
type Service struct{}

// New returns the stock and services kept in d.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump, markets *market.Service) *Service {
	panic("soon")
}

// Load brings levels and services into memory.
func (s *Service) Load(ctx context.Context) error { panic("soon") }

// Options lists the ways to send lines, the market's first choice first, or ErrNoService; from memory. The
// location is Locate's.
func (s *Service) Options(r OptionsRequest) ([]Option, error) { panic("soon") }

// Locate chooses where a cart is sent from: the first location of the market that has all lines, else the last
// one of the market's list; from memory.
func (s *Service) Locate(m market.Code, lines []OptionLine) string { panic("soon") }

// Reserve holds all wants for ref until a moment, or nothing: ErrSoldOut names what is short. A second Reserve
// of the same ref replaces the first.
func (s *Service) Reserve(tx *db.Tx, ref string, wants []Want, until time.Time) error { panic("soon") }

// Allocate keeps what ref holds for an order. A reservation that has run out is taken again if the stock is
// still there, else ErrSoldOut. Again it changes nothing.
func (s *Service) Allocate(tx *db.Tx, ref string) error { panic("soon") }

// Release gives back what ref holds, reserved or allocated; nothing held is fine.
func (s *Service) Release(tx *db.Tx, ref string) error { panic("soon") }

// Ship takes what is allocated to ref out of the stock.
func (s *Service) Ship(tx *db.Tx, ref string) error { panic("soon") }

// Expire gives back up to limit reservations whose time is over and returns how many.
func (s *Service) Expire(tx *db.Tx, limit int) (int, error) { panic("soon") }

// Available is how many pieces of each SKU may be promised: in the one of the locations that has most, since a
// cart ships from one place.
func (s *Service) Available(tx *db.Tx, skus, locations []string) (map[string]int64, error) {
	panic("soon")
}

// Level is how much there is for a market; from memory, at most about a second old.
func (s *Service) Level(m market.Code, sku string) Level { panic("soon") }

// InStock reports whether one piece can be sent to a market; from memory.
func (s *Service) InStock(m market.Code, sku string) bool { panic("soon") }

// Epoch grows when something sells out or comes back.
func (s *Service) Epoch() int64 { panic("soon") }

// SetStock keeps what was counted at a location: OnHand and Safety; what is held stays held.
func (s *Service) SetStock(tx *db.Tx, all []Stock) error { panic("soon") }

// Stocks returns what lies of a variant at every location.
func (s *Service) Stocks(tx *db.Tx, sku string) ([]Stock, error) { panic("soon") }

// SaveLocation keeps a new or changed location.
func (s *Service) SaveLocation(tx *db.Tx, l Location) error { panic("soon") }

// SaveService keeps a new or changed delivery service.
func (s *Service) SaveService(tx *db.Tx, v DeliveryService) error { panic("soon") }

// Locations returns the places goods are sent from; from memory.
func (s *Service) Locations() []Location { panic("soon") }

// Seed fills locations and services with the demo merchant's.
func (s *Service) Seed(tx *db.Tx) error { panic("soon") }
