package checkout_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/events"
)

var update = flag.Bool("update", false, "write the events as they are into testdata")

// What others listen to is a promise: fields are only added.
func TestTopics(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var got strings.Builder
	for _, e := range []events.Event{
		checkout.LeftEvent{Cart: "crt_1", Token: "1.x", Customer: "cus_1", Market: "de", Country: "DE", Lang: "de", Email: "a@example.de", Phone: "+491511234567", At: at},
		checkout.RecoveredEvent{Cart: "crt_1", Order: "ord_1", Customer: "cus_1", Market: "de", LeftAt: at, At: at},
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
