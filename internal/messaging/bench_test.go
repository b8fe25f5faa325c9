package messaging_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/operator"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
)

// BenchmarkPipeline brings b.N texts from the call that asks for them over a real line to the simulator and
// waits until the receipt of each is kept. "accepted/s" is the rate at which they were asked for and committed.
func BenchmarkPipeline(b *testing.B) {
	for _, callers := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) { pipeline(b, filepath.Join(b.TempDir(), "bench.db"), callers) })
	}
}

var benchVars = map[string]string{"name": "Anna", "order": "F-20261124-0001", "items": "1 x Wickelkleid Meridian", "from": "30.11.", "to": "03.12.", "total": "96,85 EUR"}

func pipeline(b *testing.B, url string, callers int) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	d, err := db.Open(ctx, url, db.Real())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(ctx, schemas...); err != nil {
		b.Fatal(err)
	}
	network := smsc.New(smsc.Config{Plan: smsc.Plan{ReceiptMin: 200 * time.Millisecond, ReceiptMax: 200 * time.Millisecond}})
	if err := network.Listen(); err != nil {
		b.Fatal(err)
	}
	q := jobs.New(d)
	bus := events.New(q)
	people := customer.New(bus)
	m := messaging.New(d, q, bus, people, five(), messaging.Config{Brand: "Faro", BaseURL: "https://faro.example"})
	line := operator.New(d, "smpp", smpp.Config{Addr: network.Addr(), SystemID: "bench"}, m)
	m.Route(messaging.Route{Name: "smpp-de", Provider: "smpp", Channel: messaging.SMS, Countries: []market.Country{"DE"}, Sender: "+4915112345600",
		Kind: messaging.LongNumber, Carrier: line})
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{network.Serve, q.Run, line.Run} {
		parts.Go(func() { run(ctx) })
	}
	if err := line.Client().WaitBound(ctx); err != nil {
		b.Fatal(err)
	}
	before := used(b)
	b.ResetTimer()
	begun := time.Now()
	var next atomic.Int64
	var asking sync.WaitGroup
	for range callers {
		asking.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				_, err := m.Accept(ctx, messaging.Message{Key: fmt.Sprint("bench-", i), To: fmt.Sprintf("+49176%08d", 10000000+i), Channel: messaging.SMS, Market: "de",
					Country: "DE", Lang: "de", Template: "confirm", Vars: benchVars})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	asking.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "accepted/s")
	for network.Totals().ReceiptsTaken < uint64(b.N) { // which are answered once they are kept
		if time.Sleep(5 * time.Millisecond); time.Since(begun) > 5*time.Minute {
			b.Fatalf("%d of %d receipts were taken", network.Totals().ReceiptsTaken, b.N)
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "delivered/s")
	b.ReportMetric(float64((used(b)-before).Microseconds())/float64(b.N), "cpu-µs/message")
	b.StopTimer()
	err = d.Read(ctx, func(tx *db.Tx) error {
		delivered, err := db.One(tx, db.Scalar[int64], `select count(*) from message_receipts`)
		if err == nil && delivered != int64(b.N) {
			err = fmt.Errorf("%d of %d receipts were kept", delivered, b.N)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	cancel()
	parts.Wait()
}
