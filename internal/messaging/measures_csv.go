package messaging

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteMeasures writes measures as a table in CSV (RFC 4180), one line for each market, template, class, channel and route. Sums
// of money in several currencies stand in one field with a space between.
func WriteMeasures(w io.Writer, m Measures) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	out.Write([]string{"market", "template", "class", "channel", "provider", "route", "sent", "parts", "with_receipts", "delivered", "failed", "held", "dropped", "replied", "clicked",
		"orders", "cost", "cost_currency", "revenue", "revenue_currency", "receipt_mean_s", "receipt_p50_s", "receipt_p95_s"})
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	seconds := func(t Times, d time.Duration) string {
		if t.Seen == 0 {
			return ""
		}
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
	}
	for _, r := range m.Rows {
		var cost, costIn, won, wonIn []string
		for _, k := range r.Cost {
			cost, costIn = append(cost, strconv.FormatFloat(float64(k.Micros)/1e6, 'f', 6, 64)), append(costIn, string(k.Currency))
		}
		for _, a := range r.Revenue {
			won, wonIn = append(won, a.Decimal()), append(wonIn, string(a.Currency))
		}
		out.Write([]string{string(r.Market), r.Template, string(r.Class), string(r.Channel), r.Provider, r.Route, n(r.Sent), n(r.Parts), n(r.Heard), n(r.Delivered), n(r.Failed), n(r.Held),
			n(r.Dropped), n(r.Replied), n(r.Clicked), n(r.Converted), strings.Join(cost, " "), strings.Join(costIn, " "), strings.Join(won, " "), strings.Join(wonIn, " "),
			seconds(r.Times, r.Times.Mean()), seconds(r.Times, r.Times.Within(.5)), seconds(r.Times, r.Times.Within(.95))})
	}
	out.Flush()
	return out.Error()
}
