package messaging_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/events"
	"portolan/internal/messaging"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What others may rely on: the names of topics and fields.
func TestEventsKeepTheirForm(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	cost := messaging.Cost{Micros: 73_100, Currency: "EUR"}
	var b strings.Builder
	for _, e := range []events.Event{
		messaging.SentEvent{Message: "msg_1", Customer: "cus_1", Order: "ord_1", Cart: "crt_1", Template: "confirm", Class: messaging.Transactional,
			Channel: messaging.SMS, Market: "de", Country: "DE", Parts: 1, Cost: cost, At: at},
		messaging.DeliveredEvent{Message: "msg_1", Customer: "cus_1", Order: "ord_1", Cart: "crt_1", Template: "confirm", Market: "de", At: at},
		messaging.EndedEvent{Message: "msg_1", Customer: "cus_1", Order: "ord_1", Cart: "crt_1", Template: "cart", Market: "de", State: messaging.Dropped, Reason: "opted_out", At: at},
		messaging.ReceivedEvent{Inbound: "inb_1", From: "+491", To: "+492", Text: "info", Intent: messaging.IntentInfo, Customer: "cus_1", Message: "msg_1",
			Order: "ord_1", Cart: "crt_1", Market: "de", Country: "DE", Lang: "de", At: at, Channel: messaging.SMS, Rating: 2, Asks: true},
	} {
		body, err := json.Marshal(e)
		require.NoError(t, err)
		b.WriteString(e.Topic() + " " + string(body) + "\n")
		require.Equal(t, []string{"cus_1", "ord_1", "crt_1", "msg_1"}, e.(events.About).Subjects())
	}
	const golden = "testdata/events.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}
