package smsc_test

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/db"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
	"portolan/internal/messaging/smsc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a centre for the length of the test.
func start(t testing.TB, cfg smsc.Config) *smsc.Server {
	s := smsc.New(cfg)
	require.NoError(t, s.Listen())
	run(t, s.Serve)
	return s
}

func run(t testing.TB, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// connect keeps a client bound to s for the length of the test.
func connect(t testing.TB, s *smsc.Server, h smpp.Handler, change ...func(*smpp.Config)) *smpp.Client {
	cfg := smpp.Config{Name: "test", Addr: s.Addr(), SystemID: "shop", Password: "secret", BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	c := smpp.New(cfg, h)
	run(t, c.Run)
	require.NoError(t, c.WaitBound(short(t)))
	return c
}

func short(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t testing.TB, what func() bool, msg ...any) {
	t.Helper()
	require.Eventually(t, what, 30*time.Second, 2*time.Millisecond, msg...)
}

var soon = smsc.Plan{ReceiptMax: time.Microsecond}

func TestTextReceiptAndReply(t *testing.T) {
	clock := db.Manual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	s := start(t, smsc.Config{Clock: clock, Accounts: []smsc.Account{{SystemID: "shop", Password: "secret"}}, Operators: []smsc.Operator{
		{Name: "Mobil Nord", Country: "DE", Prefixes: []string{"49"}}, {Name: "Timur", Country: "MY", Prefixes: []string{"60"}, Overwrite: "66300"},
	}})
	receipts, replies := make(chan smpp.Receipt, 10), make(chan smpp.MO, 10)
	c := connect(t, s, smpp.Handler{
		Receipt: func(_ context.Context, r smpp.Receipt) error { receipts <- r; return nil },
		Inbound: func(_ context.Context, m smpp.MO) error { replies <- m; return nil },
	})
	events := s.Subscribe(short(t))

	long := strings.Repeat("Schöne Grüße {x} ", 20) + "€"
	ids, err := c.Submit(short(t), smpp.Submit{From: "+4915112345", To: "+4917000001", Text: long, Receipt: true})
	require.NoError(t, err)
	require.Len(t, ids, 3)
	require.Empty(t, s.Messages("+4917000001"), "it takes its time")
	clock.Advance(time.Second)
	for range ids {
		r := <-receipts
		require.Contains(t, ids, r.ID)
		require.Equal(t, smpp.Delivered, r.State)
		require.Equal(t, "4917000001", r.Phone)
		require.Equal(t, "4915112345", r.Sender)
		require.Equal(t, "000", r.Code)
		require.Equal(t, clock.Now().Truncate(time.Minute), r.Done)
	}
	e := <-events
	require.Equal(t, "4917000001", e.Phone)
	got := s.Messages("+4917000001")
	require.Equal(t, []smsc.Text{e.Text}, got)
	require.Equal(t, long, got[0].Text)
	require.Equal(t, 3, got[0].Parts)
	require.Equal(t, sms.GSM7, got[0].Encoding)
	require.Equal(t, smsc.OnPhone, got[0].State)
	require.False(t, got[0].OneWay)
	require.Equal(t, 1, s.Times("+4917000001", long))

	answer := strings.Repeat("Вітаю 😀 ", 12)
	written, err := s.Reply("+4917000001", "+4915112345", answer)
	require.NoError(t, err)
	require.Equal(t, 2, written.Parts)
	var pieces []sms.Piece
	for range 2 {
		m := <-replies
		require.Equal(t, "4917000001", m.From)
		require.Equal(t, "4915112345", m.To)
		pieces = append(pieces, m.Piece)
	}
	joined, whole := sms.Join(pieces)
	require.True(t, whole)
	require.Equal(t, answer, joined)
	eventually(t, func() bool { return s.Messages("4917000001")[1].State == smsc.Taken })

	_, err = c.Submit(short(t), smpp.Submit{From: "Kleid", To: "60123456", Text: "RM0 hi", Receipt: true})
	require.NoError(t, err)
	clock.Advance(time.Second)
	<-receipts
	eventually(t, func() bool { return len(s.Messages("60123456")) == 1 })
	m := s.Messages("60123456")[0]
	require.Equal(t, "66300", m.From, "the network put its own sender")
	require.True(t, m.OneWay)
	_, err = s.Reply("60123456", "66300", "STOP")
	require.ErrorIs(t, err, smsc.ErrOneWay)
	_, err = s.Reply("4917000001", "Kleid", "STOP")
	require.ErrorIs(t, err, smsc.ErrOneWay)
	_, err = s.Reply("12", "4915112345", "STOP")
	require.ErrorIs(t, err, smsc.ErrNumber)

	phones := s.Phones()
	require.Equal(t, "60123456", phones[0].Number)
	require.Equal(t, smsc.Phone{Number: "4917000001", Country: "DE", Operator: "Mobil Nord", Count: 2, Last: phones[1].Last}, phones[1])
	require.True(t, json.Valid(s.Snapshot()))
	require.Contains(t, string(s.Snapshot()), `"text":"RM0 hi","times":1`)
}

func TestPayload(t *testing.T) {
	s := start(t, smsc.Config{Plan: soon})
	c := connect(t, s, smpp.Handler{})
	text := strings.Repeat("漢字", 60)
	ids, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: "81900000001", Text: text, Long: smpp.Payload})
	require.NoError(t, err)
	require.Len(t, ids, 1)
	eventually(t, func() bool { return len(s.Messages("81900000001")) == 1 })
	require.Equal(t, text, s.Messages("81900000001")[0].Text)
	require.Equal(t, 2, s.Messages("81900000001")[0].Parts)
	require.Zero(t, s.Totals().Receipts, "none was asked for")
}

func TestBind(t *testing.T) {
	s := start(t, smsc.Config{Accounts: []smsc.Account{{SystemID: "shop", Password: "secret"}}})
	for _, c := range []struct {
		id, password string
		want         smpp.Status
	}{{"shop", "wrong", smpp.InvalidPassword}, {"stranger", "", smpp.InvalidSystemID}, {"", "", smpp.InvalidSystemID}, {"shop", "secret", smpp.OK}} {
		conn := raw(t, s)
		conn.Send(smpp.PDU{Command: smpp.SubmitSM, Seq: 1, Body: &smpp.Message{}})
		require.Equal(t, smpp.NotBound, read(t, conn).Status, "before a bind")
		conn.Send(smpp.PDU{Command: smpp.BindTransceiver, Seq: 2, Body: &smpp.Login{SystemID: c.id, Password: c.password}})
		p := read(t, conn)
		require.Equal(t, smpp.BindTransceiver.Resp(), p.Command)
		require.Equal(t, c.want, p.Status)
		_, err := conn.Send(smpp.PDU{Command: smpp.EnquireLink, Seq: 3})
		if c.want == smpp.OK {
			require.NoError(t, err)
			require.Equal(t, uint32(3), read(t, conn).Seq)
			conn.Send(smpp.PDU{Command: smpp.BindTransceiver, Seq: 4, Body: &smpp.Login{SystemID: c.id, Password: c.password}})
			require.Equal(t, smpp.AlreadyBound, read(t, conn).Status)
			conn.Send(smpp.PDU{Command: 0x103, Seq: 5, Body: smpp.Raw("x")})
			require.Equal(t, smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidCommand, Seq: 5}, read(t, conn))
			conn.Send(smpp.PDU{Command: smpp.SubmitSM, Seq: 6, Body: smpp.Raw("no end")})
			require.Equal(t, smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidLength, Seq: 6}, read(t, conn), "a broken PDU")
			conn.Send(smpp.PDU{Command: smpp.SubmitSM, Seq: 7, Body: &smpp.Message{To: smpp.Address{Addr: "abc"}}})
			require.Equal(t, smpp.InvalidDest, read(t, conn).Status)
			conn.Send(smpp.PDU{Command: smpp.Unbind, Seq: 8})
			require.Equal(t, smpp.Unbind.Resp(), read(t, conn).Command)
		}
		_, err = conn.Read()
		require.Error(t, err, "the line is closed")
	}
	client := smpp.New(smpp.Config{Addr: s.Addr(), SystemID: "shop", Password: "wrong", BindWait: 10 * time.Millisecond}, smpp.Handler{})
	run(t, client.Run)
	eventually(t, func() bool { return client.Err() != nil })
	require.ErrorIs(t, client.Err(), smpp.ErrConfig)
	_, err := client.Submit(short(t), smpp.Submit{From: "a", To: "4917000001", Text: "x"})
	require.ErrorIs(t, err, smpp.ErrNotSent)
	require.NotErrorIs(t, err, smpp.ErrUnknown)
}

func raw(t testing.TB, s *smsc.Server) *smpp.Conn {
	c, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	conn := smpp.NewConn(c)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func read(t testing.TB, c *smpp.Conn) smpp.PDU {
	p, err := c.Read()
	require.NoError(t, err)
	return p
}

func TestPortInUse(t *testing.T) {
	s := start(t, smsc.Config{})
	require.Error(t, smsc.New(smsc.Config{Addr: s.Addr()}).Serve(context.Background()))
}

func TestMemoryIsBounded(t *testing.T) {
	s := start(t, smsc.Config{Plan: soon, KeepSubmits: 50, KeepPhones: 10, KeepTexts: 3})
	require.NoError(t, s.AddPhone(smsc.Phone{Number: "+4917000099", Name: "Mia", Country: "DE"}))
	require.ErrorIs(t, s.AddPhone(smsc.Phone{Number: "x"}), smsc.ErrNumber)
	c := connect(t, s, smpp.Handler{})
	ctx := short(t)
	send := func(to, text string) {
		_, err := c.Submit(ctx, smpp.Submit{From: "Shop", To: to, Text: text})
		require.NoError(t, err)
		eventually(t, func() bool { m := s.Messages(to); return len(m) > 0 && m[len(m)-1].Text == text })
	}
	for i := range 30 {
		send("49170000"+string(rune('0'+i/10))+string(rune('0'+i%10)), "hi")
	}
	for i := range 5 {
		send("4917000029", strings.Repeat("again", i+1))
	}
	require.Len(t, s.Phones(), 11, "ten, and the one that was added")
	require.Len(t, s.Messages("4917000029"), 3)
	require.Len(t, s.Submits(), 35)
	for i := range 40 {
		send("4917000029", strings.Repeat("x", i+1))
	}
	submits := s.Submits()
	require.Len(t, submits, 50)
	require.Equal(t, strings.Repeat("x", 40), submits[49].Text, "the last is the last")
	require.True(t, submits[0].At.Before(submits[49].At) || submits[0].At.Equal(submits[49].At))
}
