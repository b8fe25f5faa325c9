package smsc_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
)

const benchText = "Your order 10234 has been confirmed. We ship it from our hub in Germany within two days. Reply INFO for help, STOP to opt out. Thanks!"

// BenchmarkLoopback submits over TCP to a peer that only decodes and answers: the codec and the client.
// Goal: 50,000/s at window 50, p99 well below 5 ms.
func BenchmarkLoopback(b *testing.B) {
	for _, submitters := range []int{1, 8, 50} {
		b.Run(strconv.Itoa(submitters), func(b *testing.B) { loopback(b, submitters) })
	}
}

func loopback(b *testing.B, submitters int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c := smpp.NewConn(nc)
		defer c.Close()
		for {
			p, err := c.Read()
			if err != nil {
				return
			}
			var body smpp.Body
			if p.Command != smpp.Unbind && p.Command != smpp.EnquireLink {
				body = &smpp.Answer{ID: "1234567890"}
			}
			c.Answer(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: body})
		}
	})
	c := smpp.New(smpp.Config{Addr: l.Addr().String(), SystemID: "shop"}, smpp.Handler{})
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { c.Run(ctx) })
	require.NoError(b, c.WaitBound(ctx))
	measure(b, c, submitters)
	cancel()
	l.Close()
	wg.Wait()
}

// BenchmarkSimulator submits to the simulator, with phones, records and receipts.
func BenchmarkSimulator(b *testing.B) {
	s := start(b, smsc.Config{Plan: smsc.Plan{ReceiptMin: 200 * time.Millisecond, ReceiptMax: 200 * time.Millisecond}})
	c := connect(b, s, smpp.Handler{Receipt: func(context.Context, smpp.Receipt) error { return nil }})
	measure(b, c, 50)
	for s.Totals().ReceiptsTaken < uint64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
}

func measure(b *testing.B, c *smpp.Client, submitters int) {
	took := make([]time.Duration, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	spread(b.N, submitters, func(i int) {
		at := time.Now()
		if _, err := c.Submit(context.Background(), smpp.Submit{From: "4915112345", To: "4917000001", Text: benchText, Receipt: true}); err != nil {
			b.Error(err)
		}
		took[i] = time.Since(at)
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
}

func BenchmarkCodec(b *testing.B) {
	m := &smpp.Message{From: smpp.Address{TON: 1, NPI: 1, Addr: "4915112345"}, To: smpp.Address{TON: 1, NPI: 1, Addr: "4917000001"}, Short: []byte(benchText)}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = smpp.Append(buf[:0], smpp.PDU{Command: smpp.SubmitSM, Seq: 1, Body: m})
		if _, err := smpp.Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
