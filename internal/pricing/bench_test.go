package pricing_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
	"portolan/internal/settings"
)

// many opens a SQLite shop with 1,000 products of two variants, priced in five markets.
func many(b *testing.B) (*db.DB, shop) {
	d, err := db.Open(b.Context(), filepath.Join(b.TempDir(), "shop.db"), nil)
	require.NoError(b, err)
	b.Cleanup(func() { d.Close() })
	require.NoError(b, d.Migrate(b.Context(), schemas...))
	s := open(b, d)
	require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error {
		day := tx.Now().Format("2006-01-02")
		for quote, rate := range ecb {
			if err := s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: quote, Rate: money.MustRate(rate), Day: day, Source: "ecb"}); err != nil {
				return err
			}
		}
		us, err := s.markets.Get(tx, "us")
		if err != nil {
			return err
		}
		for _, c := range []market.Code{"ca", "mx"} {
			us.Code, us.Countries = c, []market.Country{market.Country(fmt.Sprintf("X%c", c[0]-32))}
			if err := s.markets.Save(tx, us); err != nil {
				return err
			}
		}
		var all []catalog.Product
		for i := range 1000 {
			all = append(all, top(fmt.Sprintf("top-%d", i), 100_00))
		}
		_, err = s.goods.Import(tx, all)
		return err
	}))
	require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error {
		for _, m := range s.markets.All() {
			if _, err := s.prices.Publish(tx, m.Code); err != nil {
				return err
			}
		}
		return nil
	}))
	return d, s
}

func BenchmarkLoadPrices(b *testing.B) {
	d, s := many(b)
	w := settings.Watch(d)
	for b.Loop() {
		p := pricing.New(d, w, settings.Bump, s.markets, s.goods, vat{})
		if _, err := p.Price("de", "top-7-m"); err != nil {
			b.Fatal(err)
		}
	}
}

// The list of 24 with its prices, once it is known.
func BenchmarkListWithPrices(b *testing.B) {
	_, s := many(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range s.goods.List(catalog.Filter{Market: "de", Lang: "en"}, catalog.Page{}).Products {
			if _, _, ok := s.prices.From("de", p); !ok {
				b.Fatal(p.Slug)
			}
			_ = p.Text("en").Title
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	d, s := many(b)
	n := int64(0)
	for b.Loop() {
		n++
		require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error {
			m, err := s.markets.Get(tx, "us")
			if err != nil {
				return err
			}
			m.Rounding.Ending = 99 - n%2*4
			if err := s.markets.Save(tx, m); err != nil {
				return err
			}
			run, err := s.prices.Publish(tx, "us")
			if run.Published < 2000 {
				b.Fatal(run.Published)
			}
			return err
		}))
	}
}

// From a migrated database to the first list of 24 with prices: 1,000 products, 2,000 variants, 5 markets.
func BenchmarkStart(b *testing.B) {
	d, _ := many(b)
	for b.Loop() {
		w := settings.Watch(d)
		markets, goods := market.New(d, w, settings.Bump), catalog.New(d, w, settings.Bump)
		prices := pricing.New(d, w, settings.Bump, markets, goods, vat{})
		goods.With(prices, nil)
		for _, p := range goods.List(catalog.Filter{Market: "de", Lang: "en"}, catalog.Page{}).Products {
			if _, _, ok := prices.From("de", p); !ok {
				b.Fatal(p.Slug)
			}
			_ = p.Text("en").Title
		}
	}
}
