package messaging_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// Messages that are accepted together have each their own fate: a key is sent once however often it is asked for at the
// same time, what the gate stops stays, what is wrong is refused, and nobody notices the others. What was accepted while
// the lane had room is handed over by the end, once.
func TestAcceptTogether(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(anna, customer.SMS, true)
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.people.Suppress(tx, kate, customer.ReasonBad, "test") })
		ctx, end := context.WithCancel(t.Context())
		var process, asking sync.WaitGroup
		process.Go(func() { w.queue.Run(ctx) })
		const keys, times = 60, 3
		var mu sync.Mutex
		ids := map[string]map[string]bool{} // by key
		ask := func(key string, m messaging.Message, state messaging.State) {
			asking.Go(func() {
				m.Key = key
				r, err := w.messages.Accept(t.Context(), m)
				if err != nil || state != "" && r.State != state {
					t.Errorf("%s: %s, %v, %+v", key, r.State, err, r.Gate)
				}
				mu.Lock()
				defer mu.Unlock()
				if ids[key] == nil {
					ids[key] = map[string]bool{}
				}
				ids[key][r.ID] = true
			})
		}
		for i := range keys * times {
			ask(fmt.Sprint("order-", i%keys), confirm(fmt.Sprintf("+49176%08d", 10000000+i%keys), "de", "de"), "")
		}
		ask("silenced", confirm(kate, "gb", "en"), messaging.Dropped)
		ask("offer", cart(anna, "de", "de"), "")
		asking.Go(func() {
			_, err := w.messages.Accept(t.Context(), messaging.Message{Key: "bad", To: "nobody", Channel: messaging.SMS})
			if err == nil {
				t.Error("a message to nobody was accepted")
			}
		})
		asking.Wait()
		end()
		process.Wait()
		w.drain() // what found no room
		require.Len(t, ids, keys+2)
		for key, all := range ids {
			require.Len(t, all, 1, key)
		}
		taken := map[string]int{}
		for _, p := range w.net.parcels() {
			require.False(t, p.Repeat)
			taken[p.Message]++
		}
		for i := range keys {
			for id := range ids[fmt.Sprint("order-", i)] {
				one := w.get(id)
				require.Equal(t, messaging.Sent, one.State)
				require.Equal(t, 1, taken[id])
				require.Len(t, one.Attempts, 1)
				require.Equal(t, "taken", one.Attempts[0].Outcome)
				require.Len(t, one.Attempts[0].Refs, 1)
			}
		}
		require.Len(t, w.net.parcels(), keys, "the offer waits or goes by its own rules, later")
	})
}

// A message that was accepted with its attempt and whose process dies is one whose outcome nobody knows.
func TestCrashAfterAcceptance(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		dead := newWorld(t, d)
		gone, inHand := make(chan struct{}), make(chan struct{}, 1)
		dead.net.after = gone
		dead.net.answer = func(int, messaging.Parcel) error {
			inHand <- struct{}{}
			return nil
		}
		var process sync.WaitGroup
		ctx, kill := context.WithCancel(t.Context())
		process.Go(func() { dead.queue.Run(ctx) })
		defer process.Wait()
		defer close(gone)
		defer kill()
		order, err := dead.messages.Accept(t.Context(), confirm(anna, "de", "de"))
		require.NoError(t, err)
		<-inHand
		require.Len(t, dead.get(order.ID).Attempts, 1)

		w := newWorld(t, d)
		d.Clock().Advance(2 * time.Minute)
		w.drain()
		d.Clock().Advance(31 * time.Second) // a receipt may come before that
		w.drain()
		one := w.get(order.ID)
		require.Equal(t, messaging.Sent, one.State)
		require.Equal(t, int64(1), one.Repeats)
		require.Equal(t, "unknown", one.Attempts[0].Outcome)
	})
}

// Where no queue runs, as in a process that only answers requests, acceptance promises nothing about attempts.
func TestAcceptWithoutAQueue(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		r, err := w.messages.Accept(t.Context(), confirm(anna, "de", "de"))
		require.NoError(t, err)
		require.Equal(t, messaging.Queued, r.State)
		require.Empty(t, w.get(r.ID).Attempts)
		w.drain()
		require.Equal(t, messaging.Sent, w.get(r.ID).State)
	})
}

// What the gate looks up of some messages only, it looks up of those that are asked for together too: the same text to
// the same phone in Saudi Arabia.
func TestAcceptAsksTheWholeGate(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.messages.Route(messaging.Route{Name: "sa", Provider: "sim", Channel: messaging.SMS, Countries: []market.Country{"SA"}, Kind: messaging.LongNumber, Sender: "+966500000001", Carrier: w.net})
		m := messaging.Message{Key: "answer", To: "+966501234567", Channel: messaging.SMS, Market: "gb", Lang: "en", Text: "Your parcel waits at the counter."}
		first, err := w.messages.Accept(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, messaging.Queued, first.State, "%+v", first.Gate)
		m.Key += "-again"
		again, err := w.messages.Accept(t.Context(), m)
		require.NoError(t, err)
		require.True(t, again.Gate.Says("repeated_text"), "%q, %+v", again.Body, again.Gate)
	})
}
