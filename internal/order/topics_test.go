package order_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/events"
	"portolan/internal/money"
	"portolan/internal/order"
)

var update = flag.Bool("update", false, "write the events as they are into testdata")

// What others listen to is a promise: fields are only added.
func TestTopics(t *testing.T) {
	at, eur := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), money.Of(50_00, "EUR")
	var got strings.Builder
	for _, e := range []events.Event{
		order.PlacedEvent{Order: "ord_1", Number: "F-20261124-0001", Source: "shop", Cart: "crt_1", Customer: "cus_1", Market: "de", Country: "DE", Lang: "de", Total: eur, Paid: true, At: at},
		order.PaidEvent{Order: "ord_1", Number: "F-20261124-0001", Source: "shop", Customer: "cus_1", Market: "de", Country: "DE", Lang: "de", Total: eur, FactAt: at},
		order.CancelledEvent{Order: "ord_1", Number: "F-20261124-0001", Customer: "cus_1", Market: "de", Lang: "de", Total: eur, Paid: true, Reason: "payment_expired", At: at},
		order.RefundAskedEvent{Refund: "ref_1", Order: "ord_1", Customer: "cus_1", Market: "de", Amount: eur, Reason: "damaged", By: "Mei", At: at},
		order.RefundedEvent{Refund: "ref_1", Order: "ord_1", Customer: "cus_1", Market: "de", Amount: eur, Reason: "damaged", At: at},
	} {
		body, err := json.MarshalIndent(e, "", "  ")
		require.NoError(t, err)
		got.WriteString(e.Topic() + " " + strings.Join(e.(events.About).Subjects(), " ") + "\n" + string(body) + "\n\n")
	}
	const file = "testdata/topics.txt"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
