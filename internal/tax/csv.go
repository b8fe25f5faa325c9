package tax

import (
	"encoding/csv"
	"io"
	"strconv"

	"portolan/internal/money"
)

// WriteCSV writes a return as a table with a header: its rows, its corrections with the period that each corrects,
// and the totals. Amounts are decimals in major units, rates per cent; UTF-8, lines end with LF.
func WriteCSV(w io.Writer, r Report) error {
	c := csv.NewWriter(w)
	c.Write([]string{"kind", "scheme", "period", "corrects", "country", "region", "tax", "rate_pct", "count", "currency", "net", "tax_amount",
		"return_currency", "return_net", "return_tax"})
	line := func(kind, corrects, country, region, code, rate, count string, o Sum, net, tax money.Amount) {
		in, converted := "", [2]string{}
		if r.Currency != "" {
			in, converted = string(r.Currency), [2]string{net.Decimal(), tax.Decimal()}
		}
		original := [3]string{string(o.Tax.Currency)}
		if o.Tax.Currency != "" {
			original[1], original[2] = o.Net.Decimal(), o.Tax.Decimal()
		}
		c.Write([]string{kind, r.Scheme.Code, string(r.Period), corrects, country, region, code, rate, count,
			original[0], original[1], original[2], in, converted[0], converted[1]})
	}
	for _, v := range r.Rows {
		line("supply", "", v.Country, v.Region, v.Code, v.Rate.PercentString(), strconv.FormatInt(v.Orders, 10), v.Original, v.Net, v.Tax)
	}
	corrected := money.Of(0, r.Currency)
	for _, v := range r.Corrections {
		line("correction", string(v.Period), v.Country, v.Region, v.Code, v.Rate.PercentString(), strconv.FormatInt(v.Refunds, 10), v.Original, v.Net, v.Tax)
		corrected = corrected.Add(v.Net)
	}
	for _, t := range r.Totals {
		c.Write([]string{"total_original", r.Scheme.Code, string(r.Period), "", "", "", "", "", "", string(t.Tax.Currency), t.Net.Decimal(), t.Tax.Decimal(), "", "", ""})
	}
	if r.Currency != "" {
		line("total", "", "", "", "", "", strconv.FormatInt(r.Orders, 10), Sum{}, r.Net.Add(corrected), r.Due)
	}
	c.Flush()
	return c.Error()
}
