package payment_test

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
	"portolan/internal/payment"
)

var update = flag.Bool("update", false, "write the events as they are into testdata")

// What others listen to is a promise: fields are only added.
func TestTopics(t *testing.T) {
	at, eur := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), money.Of(50_00, "EUR")
	var got strings.Builder
	for _, e := range []events.Event{
		payment.CapturedEvent{Intent: "pay_1", Checkout: "crt_1", Attempt: "pay_1_1", Customer: "cus_1", Market: "de", Method: "card", Amount: eur, FactAt: at},
		payment.FailedEvent{Intent: "pay_1", Checkout: "crt_1", Attempt: "pay_1_1", Customer: "cus_1", Market: "de", Method: "card", Reason: "expired_card", Amount: eur, FactAt: at},
		payment.ReviewedEvent{Review: "rev_1", Intent: "pay_1", Checkout: "crt_1", Order: "ord_1", Customer: "cus_1", Market: "de", Reason: "sold_out", Amount: eur, At: at},
		payment.ReturnedEvent{Intent: "pay_1", Checkout: "crt_1", Order: "ord_1", Customer: "cus_1", Market: "de", Reason: "sold_out", Amount: eur, At: at, Ref: "fakepsp:r1"},
		payment.RefundRefusedEvent{Intent: "pay_1", Order: "ord_1", Customer: "cus_1", Market: "de", Reason: "fakepsp.more_than_captured", Amount: eur, At: at},
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
