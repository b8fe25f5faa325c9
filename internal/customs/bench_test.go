package customs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/customs"
	"portolan/internal/pdf"
)

// BenchmarkInvoices draws 1,000 invoices to the lanes in turn, in every script: an operation may take 60 s on two cores
// (specification of documents, "done when").
func BenchmarkInvoices(b *testing.B) {
	all := lanes()
	b.ReportAllocs()
	for b.Loop() {
		for i := range 1000 {
			file, err := customs.Draw(to(all[i%len(all)]), customs.Invoice, pdf.A4, false)
			if err != nil || len(file) == 0 {
				require.NoError(b, err)
			}
		}
	}
}
