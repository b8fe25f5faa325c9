package storm

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db/dbtest"
)

var (
	confirmations = flag.Int("storm.messages", 360, "orders in the storm of messages")
	rate          = flag.Int("storm.rate", 18, "of them a second")
	deaths        = flag.Int("storm.deaths", 1, "times the server is killed in it")
	until         = flag.Duration("storm.until", 50*time.Minute, "how long it lasts at least, on its clock")
	speed         = flag.Float64("storm.speed", 120, "of its clock")
)

// Every paid order is confirmed, however networks fail and the program dies; no offer comes twice, after STOP or at
// night. scripts/storm runs it in its full form.
func TestMessagesStorm(t *testing.T) {
	binary := build(t)
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			if *confirmations < 1000 {
				t.Parallel()
			}
			r, err := RunMessages(t.Context(), MessagesConfig{Binary: binary, URL: url(t), Dir: t.TempDir(), Orders: *confirmations, Rate: *rate, Kills: *deaths,
				Speed: *speed, Until: *until, Seed: *seed, Log: t.Logf})
			require.NoError(t, err)
			t.Log(r)
			require.Empty(t, r.Wrong)
			require.Positive(t, r.Broken, "nobody noticed that the server died")
			require.Positive(t, r.PromosSent)
			require.Positive(t, r.Stops)
			require.Positive(t, r.PromosByState["held"]+r.PromosByState["dropped"])
		})
	}
}
