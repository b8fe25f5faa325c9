package messaging_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

// slow is a provider that answers nobody until its gate opens.
type slow struct {
	asked atomic.Int64
	gate  chan struct{}
}

func (s *slow) Room() int { return 2 * messaging.MostInHand }

func (s *slow) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	s.asked.Add(1)
	<-s.gate
	return messaging.Taken{IDs: []string{p.Attempt}, Parts: 1}, nil
}

// What found every place taken goes as soon as there are places again, without another message that wakes anybody.
func TestWhatWaitsForAPlaceGoesWhenThereIsOne(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		net := &slow{gate: make(chan struct{})}
		w.messages.Route(messaging.Route{Name: "slow", Provider: "slow", Channel: messaging.SMS, Kind: messaging.LongNumber, Sender: "+4915799900003", Carrier: net})
		ctx, stop := context.WithCancel(t.Context())
		var process sync.WaitGroup
		process.Go(func() { w.queue.Run(ctx) })
		defer process.Wait()
		defer stop()
		const n = messaging.MostInHand + 100
		for first := 0; first < n; first += 300 {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				for i := first; i < min(first+300, n); i++ {
					m := confirm(fmt.Sprintf("+44740%07d", 200_000+i), "gb", "en")
					m.Via = "slow"
					if _, err := w.messages.Send(tx, m); err != nil {
						return err
					}
				}
				return nil
			})
		}
		asked := func(k int64) func() bool { return func() bool { return net.asked.Load() >= k } }
		require.Eventually(t, asked(messaging.MostInHand), 20*time.Second, time.Millisecond)
		close(net.gate)
		require.Eventually(t, asked(n), 20*time.Second, time.Millisecond)
	})
}
