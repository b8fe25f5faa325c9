package messaging_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

// A process dies when a network has taken its messages and before it could note their names: the receipts tell, and what
// has arrived doesn't go again. Where a receipt could be about either of two, both go again.
func TestReceiptsTellWhatADeadProcessDidNotNote(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		dead := newWorld(t, d)
		dead.agree(kate, customer.SMS, false)
		gone, inHand := make(chan struct{}), make(chan struct{}, 4)
		dead.net.answer = func(int, messaging.Parcel) error { inHand <- struct{}{}; return nil }
		dead.net.after = gone
		var process sync.WaitGroup
		ctx, kill := context.WithCancel(t.Context())
		process.Go(func() { dead.queue.Run(ctx) })
		defer process.Wait()
		defer close(gone)
		defer kill()
		order := dead.send(confirm(anna, "de", "de"))
		offer := dead.send(cart(kate, "gb", "en"))
		<-inHand
		<-inHand
		const twice = "+4915112345699"
		first, second := confirm(twice, "de", "de"), confirm(twice, "de", "de")
		first.Key, second.Key = "first", "second"
		one, two := dead.send(first), dead.send(second)
		<-inHand
		<-inHand

		w := newWorld(t, d)
		d.Clock().Advance(15 * time.Second) // beyond laneGrace, within the time that receipts are waited for
		w.do(func(tx *db.Tx) error {
			return tx.Send(`update messages set due_at = $1 where state = 'queued'`, tx.Now()) // the leases have run out
		})
		w.drain()
		require.Empty(t, w.net.parcels(), "nothing goes again at once")
		told := func(ref, phone string) {
			require.NoError(t, w.do(func(tx *db.Tx) error {
				return w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: ref, State: messaging.Delivered, Phone: phone[1:]})
			}))
		}
		told("9001", anna)
		told("9002", kate)
		told("9003", twice)
		for range 4 {
			d.Clock().Advance(20 * time.Second)
			w.drain()
		}
		a := w.get(order.ID)
		require.Equal(t, messaging.Delivered, a.State)
		require.Len(t, a.Attempts, 1)
		require.Zero(t, a.Repeats)
		require.Equal(t, messaging.Delivered, w.get(offer.ID).State, "of an offer too it is known then")
		for _, r := range []messaging.Record{one, two} {
			x := w.get(r.ID)
			require.Equal(t, messaging.Sent, x.State)
			require.Equal(t, int64(1), x.Repeats, "nobody knows which of the two has arrived")
		}
		require.Len(t, w.net.parcels(), 2)
		kill()
	})
}
