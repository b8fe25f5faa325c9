package pricing

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/jobs"
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
type Service struct {
	db       *db.DB
	bump     snapshot.Bump
	queue    *jobs.Queue // nil: nobody settles payouts by itself
	get      Getter      // nil: nothing can be fetched
	markets  *market.Service
	products *catalog.Service
	taxes    TaxRates
	held     *snapshot.Of[board]
	rates    *snapshot.Of[rates]
}

// New returns the prices kept in d.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump, markets *market.Service, products *catalog.Service, taxes TaxRates) *Service {
	version := func() int64 { return versions.Version(Version) }
	return &Service{
		db: d, bump: bump, markets: markets, products: products, taxes: taxes,
		held: snapshot.New(d, version, func(tx *db.Tx, _ *board) (*board, error) { return loadBoard(tx, version()) }),
		rates: snapshot.New(d, func() int64 { return versions.Version(FXVersion) }, func(tx *db.Tx, _ *rates) (*rates, error) {
			r, err := loadRates(tx, tx.Now().AddDate(0, 0, -fxMemory).Format(time.DateOnly))
			if err != nil {
				return nil, err
			}
			desk, err := loadDesk(tx)
			r.home = desk.Home
			return r, err
		}),
	}
}

// Load brings prices and rates into memory.
func (s *Service) Load(ctx context.Context) error {
	return errors.Join(s.held.Load(ctx), s.rates.Load(ctx))
}

// Price is the published price of a variant in a market, or ErrNoPrice; from memory.
func (s *Service) Price(m market.Code, sku string) (Price, error) {
	p, ok := s.held.Get().price(m, sku)
	if !ok {
		return p, fmt.Errorf("%.40q in market %.20q: %w", sku, m, ErrNoPrice)
	}
	return p, nil
}

// Lowest is the lowest price of a product's variants in a market, in minor units; from memory.
func (s *Service) Lowest(m market.Code, p *catalog.Product) (minor int64, ok bool) {
	cheapest, _, ok := s.held.Get().span(m, p)
	return cheapest.minor, ok
}

// From is the price of a product's cheapest variant, and whether others cost more; from memory.
func (s *Service) From(m market.Code, p *catalog.Product) (from Price, differ, ok bool) {
	b := s.held.Get()
	cheapest, dearest, ok := b.span(m, p)
	if !ok {
		return Price{}, false, false
	}
	return b.whole(cheapest), dearest.minor > cheapest.minor, true
}

// Epoch grows when any price changes.
func (s *Service) Epoch() int64 { return s.held.Get().version }

// SetOverride fixes the price of a variant in a market by hand, in the market's currency; it holds at once and
// until ClearOverride, whatever rates do.
func (s *Service) SetOverride(tx *db.Tx, m market.Code, sku string, price money.Amount) error {
	return s.override(tx, m, sku, price)
}

// ClearOverride lets the next Publish make the price again.
func (s *Service) ClearOverride(tx *db.Tx, m market.Code, sku string) error {
	err := tx.Send(`delete from price_overrides where market = $1 and sku = $2`, m, sku)
	return err
}

// board is all prices in force.
type board struct {
	version int64
	markets map[market.Code]map[string]row
	runs    []Run
	forms   []form
}

// form is how the prices of a run are to be read.
type form struct {
	currency     money.Currency
	taxInclusive bool
}

// row is a price in force. It knows its SKU by being found under it.
type row struct {
	minor, was, lowest int64
	run                int32
	sku                string
}

func (b *board) price(m market.Code, sku string) (Price, bool) {
	r, ok := b.markets[m][sku]
	if !ok {
		return Price{}, false
	}
	return b.whole(r), true
}

func (b *board) whole(r row) Price {
	run, form := &b.runs[r.run], b.forms[r.run]
	p := Price{Amount: money.Of(r.minor, form.currency), TaxInclusive: form.taxInclusive, Rate: run.Rate, Day: run.Day, RowID: run.ID + "/" + r.sku}
	if r.was > 0 {
		p.Was, p.Lowest30 = money.Of(r.was, form.currency), money.Of(r.lowest, form.currency)
	}
	return p
}

// span finds the cheapest and the dearest variant of a product.
func (b *board) span(m market.Code, p *catalog.Product) (cheapest, dearest row, ok bool) {
	all := b.markets[m]
	for i := range p.Variants {
		r, found := all[p.Variants[i].SKU]
		if !found {
			continue
		}
		if !ok || r.minor < cheapest.minor {
			cheapest = r
		}
		if !ok || r.minor > dearest.minor {
			dearest = r
		}
		ok = true
	}
	return cheapest, dearest, ok
}
