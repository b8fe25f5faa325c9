package fulfilment_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/fulfilment"
)

func bench(b *testing.B) (*db.DB, *fulfilment.Service) {
	d, err := db.Open(b.Context(), filepath.Join(b.TempDir(), "shop.db"), nil)
	require.NoError(b, err)
	b.Cleanup(func() { d.Close() })
	require.NoError(b, d.Migrate(b.Context(), schemas...))
	s := open(b, d)
	require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error {
		var all []fulfilment.Stock
		for i := range 3000 {
			for _, location := range []string{"can", "ams"} {
				all = append(all, fulfilment.Stock{SKU: fmt.Sprintf("sku-%d", i), Location: location, OnHand: 1_000_000})
			}
		}
		return s.SetStock(tx, all)
	}))
	return d, s
}

func BenchmarkOptions(b *testing.B) {
	_, s := bench(b)
	var lines []fulfilment.OptionLine
	for i := range 10 {
		lines = append(lines, fulfilment.OptionLine{SKU: fmt.Sprintf("sku-%d", i), Quantity: 2, WeightGrams: 300})
	}
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Options(fulfilment.OptionsRequest{Market: "de", At: at, Lines: lines}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInStock(b *testing.B) {
	_, s := bench(b)
	for b.Loop() {
		if !s.InStock("de", "sku-77") {
			b.Fatal("gone")
		}
	}
}

// Reserving and allocating two lines, each in its own commit (SQLite, synchronous full).
func BenchmarkReserveAndAllocate(b *testing.B) {
	d, s := bench(b)
	n := 0
	for b.Loop() {
		n++
		ref := fmt.Sprint("chk_", n)
		wants := []fulfilment.Want{{SKU: "sku-1", Location: "can", Quantity: 1}, {SKU: "sku-2", Location: "can", Quantity: 1}}
		require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error { return s.Reserve(tx, ref, wants, tx.Now().Add(time.Minute)) }))
		require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error { return s.Allocate(tx, ref) }))
	}
}

func BenchmarkLoadLevels(b *testing.B) {
	d, _ := bench(b)
	for b.Loop() {
		s := fulfilment.New(d, still{}, nil, nil)
		require.NoError(b, s.Load(b.Context()))
	}
}

type still struct{}

func (still) Version(string) int64 { return 0 }
