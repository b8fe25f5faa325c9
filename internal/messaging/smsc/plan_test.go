package smsc_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
)

// Each fault alone, on 60 texts: how many are accepted, arrive, and have a receipt.
func TestPlan(t *testing.T) {
	const n = 60
	base := smsc.Plan{ReceiptMin: time.Millisecond, ReceiptMax: 2 * time.Millisecond}
	for name, c := range map[string]struct {
		change   func(p *smsc.Plan)
		accepted [2]int // least and most
		arrived  [2]int
		receipts [2]int
		state    smpp.State
	}{
		"nothing":    {func(p *smsc.Plan) {}, [2]int{n, n}, [2]int{n, n}, [2]int{n, n}, smpp.Delivered},
		"lost":       {func(p *smsc.Plan) { p.Lost = 0.5 }, [2]int{n, n}, [2]int{n, n}, [2]int{n / 4, 3 * n / 4}, smpp.Delivered},
		"doubled":    {func(p *smsc.Plan) { p.Doubled = 1 }, [2]int{n, n}, [2]int{n, n}, [2]int{2 * n, 2 * n}, smpp.Delivered},
		"failed":     {func(p *smsc.Plan) { p.Failed = 1 }, [2]int{n, n}, [2]int{0, 0}, [2]int{n, n}, smpp.Undeliverable},
		"early":      {func(p *smsc.Plan) { p.Early = 1 }, [2]int{n, n}, [2]int{n, n}, [2]int{n, n}, smpp.Delivered},
		"reordered":  {func(p *smsc.Plan) { p.Reordered = 1 }, [2]int{n, n}, [2]int{n, n}, [2]int{n, n}, smpp.Delivered},
		"text only":  {func(p *smsc.Plan) { p.NoTLV = true }, [2]int{n, n}, [2]int{n, n}, [2]int{n, n}, smpp.Delivered},
		"throttled":  {func(p *smsc.Plan) { p.Throttled = 0.5 }, [2]int{n / 4, 3 * n / 4}, [2]int{n / 4, 3 * n / 4}, [2]int{n / 4, 3 * n / 4}, smpp.Delivered},
		"rate":       {func(p *smsc.Plan) { p.Rate = 30 }, [2]int{30, 30}, [2]int{30, 30}, [2]int{30, 30}, smpp.Delivered},
		"refuse all": {func(p *smsc.Plan) { p.RefuseAll = smpp.SystemError }, [2]int{0, 0}, [2]int{0, 0}, [2]int{0, 0}, ""},
		"one number": {func(p *smsc.Plan) { p.Refuse = map[string]smpp.Status{phone(0): smpp.InvalidDest} },
			[2]int{n - 1, n - 1}, [2]int{n - 1, n - 1}, [2]int{n - 1, n - 1}, smpp.Delivered},
	} {
		t.Run(name, func(t *testing.T) {
			plan := base
			c.change(&plan)
			clock := db.Manual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
			s := start(t, smsc.Config{Clock: clock, Plan: plan, Seed: 3})
			var receipts, wrong atomic.Int64
			client := connect(t, s, smpp.Handler{Receipt: func(_ context.Context, r smpp.Receipt) error {
				receipts.Add(1)
				if r.State != c.state {
					wrong.Add(1)
				}
				return nil
			}}, func(cfg *smpp.Config) { cfg.RetryFor = -1 })
			var accepted atomic.Int64
			spread(n, 10, func(i int) {
				if _, err := client.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true}); err == nil {
					accepted.Add(1)
				}
			})
			clock.Advance(time.Minute)
			eventually(t, func() bool {
				total := s.Totals()
				return total.ReceiptsTaken == total.Receipts && int(receipts.Load()) >= c.receipts[0] &&
					total.ReceiptsLost+uint64(receipts.Load()) >= total.Accepted
			})
			arrived := 0
			for i := range n {
				arrived += len(s.Messages(phone(i)))
			}
			for what, got := range map[string][3]int{
				"accepted": {int(accepted.Load()), c.accepted[0], c.accepted[1]},
				"arrived":  {arrived, c.arrived[0], c.arrived[1]},
				"receipts": {int(receipts.Load()), c.receipts[0], c.receipts[1]},
			} {
				require.GreaterOrEqual(t, got[0], got[1], what)
				require.LessOrEqual(t, got[0], got[2], what)
			}
			require.Zero(t, wrong.Load())
			require.Len(t, s.Submits(), n, "each stands on record, refused or not")
		})
	}
}

// The plan can change while the centre runs, and an operator may have its own.
func TestOperatorsAndOutage(t *testing.T) {
	s := start(t, smsc.Config{Plan: soon, Operators: []smsc.Operator{
		{Name: "Sea", Country: "DE", Prefixes: []string{"49"}},
		{Name: "Sky", Country: "DE", Prefixes: []string{"49176"}, Plan: &smsc.Plan{RefuseAll: smpp.SubmitFailed}},
	}})
	c := connect(t, s, smpp.Handler{})
	_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: "4917000001", Text: "hi"})
	require.NoError(t, err)
	_, err = c.Submit(short(t), smpp.Submit{From: "Shop", To: "4917600001", Text: "hi"})
	require.ErrorIs(t, err, smpp.ErrOtherRoute, "the longest prefix wins")

	s.SetPlan(smsc.Plan{RefuseBind: smpp.BindFailed})
	s.Disconnect()
	eventually(t, func() bool { return c.Err() != nil && !c.Bound() })
	s.SetPlan(soon)
	require.NoError(t, c.WaitBound(short(t)))
	_, err = c.Submit(short(t), smpp.Submit{From: "Shop", To: "4917000001", Text: "again"})
	require.NoError(t, err)
	require.Equal(t, 1, s.Totals().Bound)
}

// A client may send on one line and hear on another; several lines that hear take turns.
func TestSeveralBinds(t *testing.T) {
	s := start(t, smsc.Config{Plan: soon})
	var lines []*smpp.Conn
	for i, command := range []smpp.Command{smpp.BindTransmitter, smpp.BindReceiver, smpp.BindReceiver} {
		conn := raw(t, s)
		conn.Send(smpp.PDU{Command: command, Seq: 1, Body: &smpp.Login{SystemID: "shop"}})
		require.Equal(t, smpp.PDU{Command: command.Resp(), Seq: 1, Body: read(t, conn).Body}.Command, command.Resp(), i)
		lines = append(lines, conn)
	}
	message := &smpp.Message{From: smpp.Address{Addr: "4915112345"}, To: smpp.Address{Addr: phone(1)}, Registered: 1, Short: []byte("hi")}
	lines[1].Send(smpp.PDU{Command: smpp.SubmitSM, Seq: 2, Body: message})
	require.Equal(t, smpp.NotBound, read(t, lines[1]).Status, "a receiver doesn't send")
	for i := range 2 {
		lines[0].Send(smpp.PDU{Command: smpp.SubmitSM, Seq: uint32(2 + i), Body: message})
		require.Equal(t, smpp.OK, read(t, lines[0]).Status)
	}
	for _, l := range lines[1:] {
		p := read(t, l)
		require.Equal(t, smpp.DeliverSM, p.Command)
		l.Send(smpp.PDU{Command: smpp.DeliverSM.Resp(), Seq: p.Seq, Body: &smpp.Answer{}})
	}
	eventually(t, func() bool { return s.Totals().ReceiptsTaken == 2 })
}

// What one phone writes is heard in its order, however many handlers there are.
func TestRepliesKeepTheirOrder(t *testing.T) {
	s := start(t, smsc.Config{})
	heard := make(chan string, 1000)
	connect(t, s, smpp.Handler{Inbound: func(_ context.Context, m smpp.MO) error { heard <- m.From + " " + m.Text; return nil }})
	const n = 100
	for i := range n {
		for p := range 5 {
			_, err := s.Reply(phone(p), "4915112345", fmt.Sprint(i))
			require.NoError(t, err)
		}
	}
	next := map[string]int{}
	for range 5 * n {
		from, text, _ := strings.Cut(<-heard, " ")
		require.Equal(t, fmt.Sprint(next[from]), text, from)
		next[from]++
	}
}

func TestSubscribersComeAndGo(t *testing.T) {
	s := start(t, smsc.Config{})
	c := connect(t, s, smpp.Handler{})
	require.True(t, c.Bound())
	ctx, leave := context.WithCancel(context.Background())
	slow, gone := s.Subscribe(short(t)), s.Subscribe(ctx)
	leave()
	for range gone {
	}
	for range 300 { // more than a reader who doesn't read can be told
		_, err := s.Reply(phone(1), "4915112345", "hi")
		require.NoError(t, err)
	}
	require.Equal(t, smsc.Written, (<-slow).Text.Direction)
}
