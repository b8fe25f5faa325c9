package pricing

import (
	"context"
	"embed"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/snapshot"
)

//go:embed schema
var files embed.FS

// Schema holds rates, price rows and codes.
var Schema = db.Schema{Owner: "pricing", Files: files}

// Version is the name under which changes of prices are counted; FXVersion that of exchange rates.
const (
	Version   = "prices"
	FXVersion = "fx"
)

// Service makes and keeps prices, with a copy in memory.
type Service struct{}

// New returns the prices kept in d. base is the currency merchants price in.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump, markets *market.Service, products *catalog.Service, taxes TaxRates) *Service {
	panic("soon")
}

// Load brings prices and rates into memory.
func (s *Service) Load(ctx context.Context) error { panic("soon") }

// Price is the published price of a variant in a market, or ErrNoPrice; from memory.
func (s *Service) Price(m market.Code, sku string) (Price, error) { panic("soon") }

// Lowest is the lowest price of a product's variants in a market, in minor units; from memory.
func (s *Service) Lowest(m market.Code, p *catalog.Product) (minor int64, ok bool) { panic("soon") }

// From is the cheapest variant's price, and whether variants differ in price; from memory.
func (s *Service) From(m market.Code, p *catalog.Product) (from Price, differ, ok bool) {
	panic("soon")
}

// Epoch grows when any price changes.
func (s *Service) Epoch() int64 { panic("soon") }

// Publish makes the rows of a market anew from base prices, the latest rate and the market's rules.
func (s *Service) Publish(tx *db.Tx, m market.Code) (Run, error) { panic("soon") }

// SetRate keeps an exchange rate. Zero, negative and future ones are refused, and so is one more than 10 % away
// from the last unless somebody vouches for it (FX.By).
func (s *Service) SetRate(tx *db.Tx, r FX) error { panic("soon") }

// Rate is the latest rate on or before a civil day, direct, turned round or through a third currency.
func (s *Service) Rate(tx *db.Tx, from, to money.Currency, day string) (Quotation, error) {
	panic("soon")
}

// RateNow is Rate from memory, for pages and quotes.
func (s *Service) RateNow(from, to money.Currency, day string) (Quotation, error) { panic("soon") }

// Issue makes a code.
func (s *Service) Issue(tx *db.Tx, r CodeRule) (Code, error) { panic("soon") }

// Check tells what a code takes off a cart now, as a positive amount no larger than the goods, or why not.
func (s *Service) Check(tx *db.Tx, code string, use CodeUse) (money.Amount, error) { panic("soon") }

// Redeem is Check that uses the code up for an order; again for the same order it changes nothing.
func (s *Service) Redeem(tx *db.Tx, code string, use CodeUse, order string) (money.Amount, error) {
	panic("soon")
}

// Restore gives back the use of a code by an order that came to nothing.
func (s *Service) Restore(tx *db.Tx, code, order string) error { panic("soon") }

// Void withdraws a code.
func (s *Service) Void(tx *db.Tx, code string) error { panic("soon") }

// GetCode returns a code as it stands, or ErrCodeUnknown.
func (s *Service) GetCode(tx *db.Tx, code string) (Code, error) { panic("soon") }
