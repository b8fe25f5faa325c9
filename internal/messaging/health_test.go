package messaging_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// Two ways into Germany: the one that delivers less, or breaks, comes second, and comes back when it works again.
func TestTheBetterRouteGoesFirst(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		other := &network{}
		w.messages.Route(messaging.Route{Name: "de2", Provider: "other", Channel: messaging.SMS, Countries: []market.Country{"DE"},
			Kind: messaging.LongNumber, Sender: "+4915799900002", Carrier: other, Price: messaging.Cost{Micros: 80_000, Currency: "EUR"}})
		n := 0
		send := func() messaging.Detail {
			n++
			m := confirm(fmt.Sprintf("+491761234%04d", n), "de", "de")
			r := w.send(m)
			w.drain()
			return w.get(r.ID)
		}
		report := func(one messaging.Detail, state messaging.State) {
			at := one.Attempts[len(one.Attempts)-1]
			dbtest.Write(t, d, func(tx *db.Tx) error {
				return w.messages.Receipt(tx, messaging.Receipt{Provider: at.Provider, Ref: at.Refs[0], State: state, Code: "000"})
			})
		}
		one := send()
		require.Equal(t, "de", one.Attempts[0].Route, "the cheaper of two that nothing is known of")
		for range 6 {
			if one := send(); one.Attempts[0].Route == "de" {
				report(one, messaging.Failed)
			} else {
				report(one, messaging.Delivered)
			}
		}
		one = send()
		require.Equal(t, "de2", one.Attempts[0].Route, "%+v", w.messages.Healths())
		report(one, messaging.Delivered)

		down := true
		other.answer = func(int, messaging.Parcel) error {
			if down {
				return &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "8", Err: errors.New("system error")}
			}
			return nil
		}
		for range 5 {
			one = send()
			require.Equal(t, messaging.Sent, one.State)
			require.Len(t, one.Attempts, 2, "the first refuses, the second takes it")
		}
		took := len(other.parcels())
		one = send()
		require.Equal(t, "de", one.Attempts[0].Route, "the first is broken: nobody waits for it")
		require.Len(t, other.parcels(), took)
		d.Clock().Advance(31 * time.Second)
		one = send()
		require.Len(t, one.Attempts, 2, "one is let through to see")
		require.Equal(t, "de2", one.Attempts[0].Route)
		require.Equal(t, "de", send().Attempts[0].Route)
		down = false
		d.Clock().Advance(31 * time.Second)
		require.Equal(t, "de2", send().Attempts[0].Route)
		require.Equal(t, "de2", send().Attempts[0].Route)
		for _, h := range w.messages.Healths() {
			if h.Route == "de" {
				require.Less(t, h.Rate, 0.95)
			}
			require.Zero(t, h.OpenUntil)
		}
	})
}
