package operator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/operator"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
)

type germany struct{}

func (germany) ByCode(market.Code) (market.Market, bool) {
	return market.Market{Code: "de", Countries: []market.Country{"DE"}, Languages: []string{"de"}}, true
}

func (g germany) All() []market.Market { m, _ := g.ByCode("de"); return []market.Market{m} }

func (g germany) ByCountry(market.Country) (market.Market, bool) { return g.ByCode("de") }

// From Send to the phone and back, over a real line to a simulated message centre.
func TestThereAndBack(t *testing.T) {
	dbtest.EachClock(t, []db.Schema{jobs.Schema, events.Schema, customer.Schema, messaging.Schema}, db.Real, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		centre := smsc.New(smsc.Config{Seed: 1, Plan: smsc.Plan{ReceiptMin: time.Millisecond, ReceiptMax: 5 * time.Millisecond, IDs: smsc.Mixed, Early: 0.3, Doubled: 0.3}})
		require.NoError(t, centre.Listen())
		q := jobs.New(d)
		bus := events.New(q)
		m := messaging.New(d, q, bus, customer.New(bus), germany{}, messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example"})
		line := operator.New(d, "sim", smpp.Config{Addr: centre.Addr(), SystemID: "shop", Password: "x"}, m)
		m.Route(messaging.Route{Name: "sim", Provider: "sim", Channel: messaging.SMS, Sender: "+4915799900001", Kind: messaging.LongNumber, Carrier: line})
		ended := make(chan error, 3)
		go func() { ended <- centre.Serve(ctx) }()
		go func() { ended <- line.Run(ctx) }()
		go func() { ended <- q.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			for range 3 {
				<-ended
			}
		})
		require.NoError(t, line.Client().WaitBound(ctx))

		const n = 30
		ids := make([]string, n)
		for i := range n {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				r, err := m.Send(tx, messaging.Message{Key: fmt.Sprint("k", i), To: fmt.Sprintf("+4915112345%03d", i), Channel: messaging.SMS, Market: "de",
					Lang: "de", Template: "confirm", FactAt: tx.Now(), Vars: map[string]string{"order": fmt.Sprint("F-", i), "items": strings.Repeat("Größe M ж ", 1+i%9)}})
				ids[i] = r.ID
				return err
			})
		}
		require.Eventually(t, func() bool {
			delivered := 0
			dbtest.Read(t, d, func(tx *db.Tx) error {
				list, err := m.List(tx, messaging.Filter{State: messaging.Delivered}, messaging.Page{Limit: 200})
				delivered = len(list)
				return err
			})
			return delivered == n
		}, 20*time.Second, 20*time.Millisecond, "every receipt finds its message")
		dbtest.Read(t, d, func(tx *db.Tx) error {
			took, err := m.Latencies(tx, time.Time{}.Add(time.Hour))
			require.NoError(t, err)
			require.Len(t, took, n)
			for _, id := range ids {
				one, err := m.Inspect(tx, id)
				require.NoError(t, err)
				require.Len(t, one.Attempts, 1)
				require.Len(t, one.Attempts[0].Refs, int(one.Parts))
			}
			return nil
		})

		_, err := centre.Reply("4915112345000", "4915799900001", strings.Repeat("wo bleibt meine Bestellung? ", 12))
		require.NoError(t, err)
		_, err = centre.Reply("4915112345001", "4915799900001", "STOP")
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			var in []messaging.Inbound
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				in, err = m.Inbox(tx, messaging.InboxFilter{}, messaging.Page{})
				return err
			})
			if len(in) != 2 {
				return false
			}
			for _, x := range in {
				if x.From == "+4915112345000" {
					require.True(t, x.Open)
					require.Equal(t, strings.Repeat("wo bleibt meine Bestellung? ", 12), x.Text)
					require.Equal(t, ids[0], x.Message)
				} else {
					require.Equal(t, messaging.IntentStop, x.Intent)
				}
			}
			return centre.Times("4915112345001", "Lotus: Sie erhalten keine Angebote mehr von uns. Mit START ändern Sie das.") == 1
		}, 20*time.Second, 20*time.Millisecond, "the reply arrives whole, STOP is confirmed")
	})
}
