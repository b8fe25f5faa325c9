package landed_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"portolan/internal/landed"
	"portolan/internal/money"
)

var codes = []string{
	"6109100010", "6206100000", "6403999600", "8517130000", "6110113000", "6204420000", "8518300000", "6404110000", "6214300000", "4202320000",
}

func cart(country string, cur money.Currency) *landed.Request {
	r := &landed.Request{
		Date: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), ShipFrom: "CN", Destination: landed.Place{Country: country},
		Currency: cur, Shipping: money.Of(1290, cur),
		FX: []landed.FX{{From: "EUR", To: "USD", Rate: money.MustRate("1.1612")}, {From: "EUR", To: "IDR", Rate: money.MustRate("19140")},
			{From: "EUR", To: "MYR", Rate: money.MustRate("4.82")}, {From: "EUR", To: "GBP", Rate: money.MustRate("0.8711")}},
	}
	for i, hs := range codes {
		r.Lines = append(r.Lines, landed.Line{
			Key: fmt.Sprint(i), Description: fmt.Sprintf("goods %d", i), HS: hs, Origin: "CN", Quantity: int64(i%3 + 1),
			UnitPrice: money.Of(int64(1999+100*i), cur), Category: "clothing", WeightGrams: 300,
		})
	}
	return r
}

// BenchmarkQuote10Lines is the goal of 15 microseconds for a cart of ten lines.
func BenchmarkQuote10Lines(b *testing.B) {
	for _, m := range []struct {
		country string
		cur     money.Currency
	}{{"DE", "EUR"}, {"US", "USD"}, {"GB", "GBP"}, {"ID", "IDR"}, {"MY", "MYR"}} {
		b.Run(m.country, func(b *testing.B) {
			p, r := landed.Default(), cart(m.country, m.cur)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Quote(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHeapOfAMillionQuotes reports how much larger the heap is after quotes of a cart of ten lines than
// before them: run it with -benchtime 1000000x.
func BenchmarkHeapOfAMillionQuotes(b *testing.B) {
	p, r := landed.Default(), cart("US", "USD")
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	quotes := func(n int) {
		for range n {
			if _, err := p.Quote(r); err != nil {
				b.Fatal(err)
			}
		}
	}
	quotes(1000)
	before := heap()
	b.ResetTimer()
	quotes(b.N)
	b.StopTimer()
	b.ReportMetric(float64(int64(heap())-int64(before)), "heap-bytes-grown")
}

// BenchmarkQuoteNationalLines is a cart of ten lines with the official tables in the pack.
func BenchmarkQuoteNationalLines(b *testing.B) {
	p, r := landed.Default().WithTariff(official(b, "eu_gb_tariff_cn8")), cart("DE", "EUR")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Quote(r); err != nil {
			b.Fatal(err)
		}
	}
}
