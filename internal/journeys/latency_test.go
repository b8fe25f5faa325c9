package journeys_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/operator"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// The packages below are what the interfaces say.
var (
	_ journeys.Orders    = (*order.Service)(nil)
	_ journeys.Carts     = (*checkout.Service)(nil)
	_ journeys.Codes     = (*pricing.Service)(nil)
	_ journeys.Stock     = (*fulfilment.Service)(nil)
	_ journeys.Articles  = (*catalog.Service)(nil)
	_ journeys.Customers = (*customer.Service)(nil)
	_ journeys.Markets   = (*market.Service)(nil)
	_ journeys.Messages  = (*messaging.Service)(nil)
)

// From the commit of an order's payment to submit_sm at 20 orders a second, through events, jobs, journey, gate
// and a real line to a simulated message centre. The goal is 50 ms at p99 on a quiet machine (run with -v to see
// the figure); here only what a busy one can promise is demanded.
func TestPaidToWire(t *testing.T) {
	const orders = 60
	dbtest.EachClock(t, schemas, db.Real, func(t *testing.T, d *db.DB) {
		took := paidToWire(t, d, orders)
		t.Logf("payment to wire: p50 %s, p99 %s", took[len(took)/2], took[len(took)*99/100])
		require.Less(t, took[len(took)*99/100], time.Second)
	})
}

func paidToWire(t *testing.T, d *db.DB, n int) []time.Duration {
	ctx, cancel := context.WithCancel(t.Context())
	centre := smsc.New(smsc.Config{Seed: 1})
	require.NoError(t, centre.Listen())
	q := jobs.New(d)
	bus := events.New(q)
	people := customer.New(bus)
	markets := shops{"de": {Code: "de", Countries: []market.Country{"DE"}, Languages: []string{"de"}}}
	m := messaging.New(d, q, bus, people, markets, messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example"})
	line := operator.New(d, "sim", smpp.Config{Addr: centre.Addr(), SystemID: "shop"}, m)
	m.Route(messaging.Route{Name: "sim", Provider: "sim", Channel: messaging.SMS, Sender: "+4915799900001", Kind: messaging.LongNumber, Carrier: line})
	orders := book{}
	for i := range n {
		o := paid("de")
		o.ID, o.Email, o.Phone = order.ID(fmt.Sprint("ord_", i)), "", fmt.Sprintf("+49151123%05d", i)
		orders[o.ID] = o
	}
	journeys.New(d, bus, q, journeys.Needs{Orders: orders, Carts: shelf{}, Codes: &codes{}, Stock: stock{}, Articles: titles{}, Customers: people, Markets: markets, Messages: m})
	ended := make(chan error, 3)
	go func() { ended <- centre.Serve(ctx) }()
	go func() { ended <- line.Run(ctx) }()
	go func() { ended <- q.Run(ctx) }()
	require.NoError(t, line.Client().WaitBound(ctx))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		o := orders[order.ID(fmt.Sprint("ord_", i))]
		require.NoError(t, d.Write(ctx, func(tx *db.Tx) error { return bus.Publish(tx, event(o, tx.Now())) }))
	}
	require.NoError(t, q.Idle(ctx))
	var took []time.Duration
	require.NoError(t, d.Read(ctx, func(tx *db.Tx) (err error) { took, err = m.Latencies(tx, time.Time{}.Add(time.Hour)); return err }))
	slices.Sort(took)
	require.Len(t, took, n)
	cancel()
	for range 3 {
		<-ended
	}
	return took
}
