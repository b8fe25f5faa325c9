package api_test

import (
	"net/http/httptest"
	"testing"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// BenchmarkProducts is a list that is in the cache, as nearly all are.
func BenchmarkProducts(b *testing.B) {
	r := benchRig(b)
	req := httptest.NewRequest("GET", "/v1/products?market=de&lang=de&limit=24", nil)
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		r.http.ServeHTTP(rec, req)
		if rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}

// BenchmarkCart is a request that goes the whole way: checked against the document, written, shown.
func BenchmarkCart(b *testing.B) {
	r := benchRig(b)
	b.ReportAllocs()
	for b.Loop() {
		if rec := r.call("POST", "/v1/carts", nil, cart); rec.Code != 201 {
			b.Fatal(rec.Body)
		}
	}
}

func benchRig(b *testing.B) *rig {
	d, err := db.Open(b.Context(), b.TempDir()+"/shop.db", db.Manual(dbtest.Start))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	if err := d.Migrate(b.Context(), schemas...); err != nil {
		b.Fatal(err)
	}
	return newRig(b, d)
}
