package smsc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
	"portolan/internal/messaging/smsc"
)

// ledger matches receipts with answers as a store would: by key, exact first, then by another form of the
// number together with the phone; a receipt before its answer is parked.
type ledger struct {
	mu      sync.Mutex
	sent    map[string]string   // phone by normal id
	parked  map[string][]string // phones by normal id
	matched map[string]int      // receipts by normal id
}

func newLedger() *ledger {
	return &ledger{sent: map[string]string{}, parked: map[string][]string{}, matched: map[string]int{}}
}

func (l *ledger) accepted(id, phone string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := smpp.NormalID(id)
	l.sent[own] = phone
	for _, k := range smpp.IDKeys(id) {
		for slices.Contains(l.parked[k], phone) {
			i := slices.Index(l.parked[k], phone)
			l.parked[k] = slices.Delete(l.parked[k], i, i+1)
			l.matched[own]++
		}
	}
}

func (l *ledger) receipt(_ context.Context, r smpp.Receipt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range smpp.IDKeys(r.ID) {
		if l.sent[k] == r.Phone {
			l.matched[k]++
			return nil
		}
	}
	k := smpp.NormalID(r.ID)
	l.parked[k] = append(l.parked[k], r.Phone)
	return nil
}

func (l *ledger) count() (matched, receipts, parked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.matched {
		receipts += n
	}
	for _, p := range l.parked {
		parked += len(p)
	}
	return len(l.matched), receipts, parked
}

// spread calls f for 0 ≤ i < n from several goroutines.
func spread(n, goroutines int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(i)
			}
		})
	}
	wg.Wait()
}

func phone(i int) string { return fmt.Sprintf("49170%07d", i) }

// Receipts come early, twice, late, in other words, with their ids trimmed, in hex and in the other case; some are
// refused at first and come again. Each finds its submit.
func TestEveryReceiptIsMatched(t *testing.T) { matchReceipts(t, 10_000) }

// TestSoak is the same with as many submits as PORTOLAN_SOAK says; 500,000 is the long form.
func TestSoak(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("PORTOLAN_SOAK"))
	if err != nil {
		t.Skip("optional: it takes minutes; set PORTOLAN_SOAK to a number of submits")
	}
	matchReceipts(t, n)
	result(t, "our centre, misbehaving", "receipts matched by our client", n)
}

func matchReceipts(t *testing.T, n int) {
	s := start(t, smsc.Config{KeepSubmits: 1000, KeepTexts: 1, Seed: 7, Plan: smsc.Plan{
		ReceiptMax: 20 * time.Millisecond, Early: 0.3, Doubled: 0.2, Reordered: 0.3, Interim: 0.1, IDs: smsc.Mixed, Wording: smsc.AnyWords, NoTLV: true,
	}})
	l := newLedger()
	var refusals atomic.Int64
	c := connect(t, s, smpp.Handler{Receipt: func(ctx context.Context, r smpp.Receipt) error {
		if refusals.Add(1)%50 == 0 {
			return errors.New("the database is busy") // it has to come again
		}
		if !r.State.Final() {
			return nil
		}
		return l.receipt(ctx, r)
	}}, func(cfg *smpp.Config) { cfg.Handlers = 8 })
	spread(n, 100, func(i int) {
		ids, err := c.Submit(t.Context(), smpp.Submit{From: "4915112345", To: phone(i), Text: "Your order is on its way", Receipt: true})
		if err != nil || len(ids) != 1 {
			t.Error(i, ids, err)
			return
		}
		l.accepted(ids[0], phone(i))
	})
	require.Eventually(t, func() bool {
		matched, receipts, _ := l.count()
		return matched == n && receipts > n+n/10
	}, 60*time.Second, 20*time.Millisecond)
	matched, _, parked := l.count()
	require.Equal(t, n, matched)
	require.Zero(t, parked)
	require.Positive(t, c.Stats().Refused)
}

// The line breaks again and again inside a batch. Each submit was confirmed, or is unknown, or may safely go
// again; and what the centre took is exactly the confirmed and some of the unknown.
func TestLineBreaks(t *testing.T) {
	const n = 3_000
	s := start(t, smsc.Config{KeepSubmits: 2 * n, Plan: smsc.Plan{ReceiptMax: time.Microsecond, DisconnectAfter: 70}})
	c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.BindWait = 5 * time.Second })
	ctx := short(t)
	outcome := make([]error, n)
	spread(n, 80, func(i int) {
		for {
			_, outcome[i] = c.Submit(ctx, smpp.Submit{From: "Shop", To: phone(i), Text: "hi"})
			if !errors.Is(outcome[i], smpp.ErrNotSent) {
				return
			}
		}
	})
	taken := map[string]int{}
	for _, w := range s.Submits() {
		taken[w.To]++
	}
	confirmed, unknown := 0, 0
	for i, err := range outcome {
		switch {
		case err == nil:
			confirmed++
			require.Equal(t, 1, taken[phone(i)], "confirmed exactly once")
		case errors.Is(err, smpp.ErrUnknown):
			unknown++
			require.LessOrEqual(t, taken[phone(i)], 1, "never tried again by itself")
		default:
			t.Fatal(i, err)
		}
	}
	require.Equal(t, n, confirmed+unknown)
	require.Positive(t, unknown)
	require.Greater(t, s.Totals().Disconnects, uint64(10))
	require.Equal(t, c.Stats().Unknown, uint64(unknown))
	require.Greater(t, c.Stats().Binds, uint64(10))
}

func TestThrottlingLosesNothing(t *testing.T) {
	const n = 1_000
	s := start(t, smsc.Config{KeepSubmits: 5 * n, Plan: smsc.Plan{ReceiptMax: time.Microsecond, Throttled: 0.2}})
	c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.RetryFor = 20 * time.Second })
	ctx := short(t)
	text := strings.Repeat("ж", 100) // two parts
	spread(n, 60, func(i int) {
		ids, err := c.Submit(ctx, smpp.Submit{From: "Shop", To: phone(i), Text: text})
		if err != nil || len(ids) != 2 || ids[0] == "" || ids[1] == "" {
			t.Error(i, ids, err)
		}
	})
	counts := s.Counts()
	require.Len(t, counts, n)
	for _, k := range counts {
		require.Equal(t, 1, k.Times, "each part accepted once: %s", k.To)
	}
	require.Equal(t, uint64(2*n), s.Totals().Accepted)
	require.Positive(t, s.Totals().Throttled)
	require.Equal(t, s.Totals().Throttled, c.Stats().Throttled)
}

// What may only leave now isn't kept back for a network that is busy or away.
func TestWithin(t *testing.T) {
	s := start(t, smsc.Config{Plan: smsc.Plan{Throttled: 1}})
	c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.RetryFor, cfg.BindWait = time.Minute, time.Minute })
	_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: "now", Within: time.Second}) // time for an answer, also where others are at work
	require.ErrorIs(t, err, smpp.ErrRetry)
	lost := smpp.New(smpp.Config{Name: "nobody", Addr: "127.0.0.1:1", BindWait: time.Minute}, smpp.Handler{})
	_, err = lost.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: "now", Within: 30 * time.Millisecond})
	require.ErrorIs(t, err, smpp.ErrNotSent)
}

func TestErrorClasses(t *testing.T) {
	refuse := map[string]smpp.Status{
		"4917000001": smpp.InvalidDest, "4917000002": smpp.InvalidSource, "4917000003": smpp.SubmitFailed,
		"4917000004": smpp.QueueFull, "4917000005": smpp.SystemError, "4917000006": smpp.Throttled, "4917000007": 0x400,
	}
	s := start(t, smsc.Config{Plan: smsc.Plan{Refuse: refuse}})
	c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.RetryFor = -1 })
	all := []error{smpp.ErrBadNumber, smpp.ErrConfig, smpp.ErrOtherRoute, smpp.ErrRetry, smpp.ErrUnknown, smpp.ErrNotSent, smpp.ErrField}
	for number, want := range map[string]error{
		"4917000001": smpp.ErrBadNumber, "4917000002": smpp.ErrConfig, "4917000003": smpp.ErrOtherRoute, "4917000004": smpp.ErrRetry,
		"4917000005": smpp.ErrRetry, "4917000006": smpp.ErrRetry, "4917000007": smpp.ErrOtherRoute, strings.Repeat("1", 30): smpp.ErrField,
	} {
		ids, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: number, Text: "hi"})
		require.Equal(t, []string{""}, ids)
		for _, class := range all {
			require.Equal(t, class == want, errors.Is(err, class), "%s: %v is %v", number, err, class)
		}
	}
	var r *smpp.Refusal
	_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: "4917000003", Text: "hi"})
	require.ErrorAs(t, err, &r)
	require.Equal(t, smpp.SubmitFailed, r.Status)
}

// An answer that doesn't come in time leaves the outcome unknown; when it comes after all, Late tells.
func TestLateAnswer(t *testing.T) {
	s := start(t, smsc.Config{Plan: smsc.Plan{ReceiptMax: time.Microsecond, AnswerDelay: 300 * time.Millisecond}})
	late := make(chan string, 1)
	c := connect(t, s, smpp.Handler{Late: func(_ context.Context, key string, part int, id string) { late <- fmt.Sprint(key, part, id) }},
		func(cfg *smpp.Config) { cfg.AnswerIn = 20 * time.Millisecond })
	ids, err := c.Submit(short(t), smpp.Submit{Key: "msg_1 ", From: "Shop", To: phone(1), Text: "hi"})
	require.ErrorIs(t, err, smpp.ErrUnknown)
	require.Equal(t, []string{""}, ids)
	require.Equal(t, "msg_1 1"+s.Submits()[0].ID, strings.Replace(<-late, " 1 ", " 1", 1))
}

// A centre that takes everything and answers nothing costs the window, and then the line.
func TestSilentCentre(t *testing.T) {
	s := start(t, smsc.Config{Plan: smsc.Plan{AnswerLost: 1}})
	c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.AnswerIn, cfg.Window = 10*time.Millisecond, 5 })
	spread(20, 5, func(i int) {
		_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi"})
		if !errors.Is(err, smpp.ErrUnknown) && !errors.Is(err, smpp.ErrNotSent) {
			t.Error(err)
		}
	})
	eventually(t, func() bool { return c.Stats().Binds > 1 }, "it binds anew")
}

func TestWindow(t *testing.T) {
	const window = 7
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	most := make(chan int, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c := smpp.NewConn(nc)
		defer c.Close()
		var waiting []smpp.PDU
		high := 0
		for n := 0; ; {
			p, err := c.Read()
			if err != nil {
				most <- high
				return
			}
			if p.Command != smpp.SubmitSM {
				c.Send(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: &smpp.Answer{ID: "x"}})
				continue
			}
			waiting = append(waiting, p)
			n++
			high = max(high, len(waiting))
			if len(waiting) < window {
				continue
			}
			for _, p := range waiting {
				c.Send(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: &smpp.Answer{ID: fmt.Sprint(n)}})
			}
			waiting = waiting[:0]
		}
	})
	client := smpp.New(smpp.Config{Addr: l.Addr().String(), SystemID: "shop", Window: window}, smpp.Handler{})
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { client.Run(ctx) })
	spread(70*window, 30, func(i int) {
		if _, err := client.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi"}); err != nil {
			t.Error(err)
		}
	})
	cancel()
	l.Close()
	wg.Wait()
	require.Equal(t, window, <-most)
}

// What was accepted of a long text isn't sent again.
func TestRestOfALongText(t *testing.T) {
	s := start(t, smsc.Config{Plan: soon})
	c := connect(t, s, smpp.Handler{})
	text := strings.Repeat("a", 400)
	ids, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: text, Ref: 9, Accepted: []string{"11", "", "13"}})
	require.NoError(t, err)
	require.Equal(t, "11", ids[0])
	require.Equal(t, "13", ids[2])
	w := s.Submits()
	require.Len(t, w, 1)
	require.Equal(t, 2, w[0].Part)
	require.Equal(t, 3, w[0].Total)
	require.Equal(t, 9, w[0].Ref)
	require.Equal(t, w[0].ID, ids[1])
	_, err = c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: text, Accepted: []string{"11"}})
	require.ErrorIs(t, err, smpp.ErrField)
}

// Receipts and replies that come while nobody is bound wait for the next bind.
func TestReceiptsWaitForABind(t *testing.T) {
	s := start(t, smsc.Config{Plan: smsc.Plan{ReceiptMin: 50 * time.Millisecond, ReceiptMax: 60 * time.Millisecond}})
	first := smpp.New(smpp.Config{Addr: s.Addr(), SystemID: "shop", BindWait: 50 * time.Millisecond}, smpp.Handler{})
	ctx, leave := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { first.Run(ctx) })
	_, err := first.Submit(short(t), smpp.Submit{From: "4915112345", To: phone(1), Text: "hi", Receipt: true})
	require.NoError(t, err)
	leave()
	wg.Wait()
	require.False(t, first.Bound())
	_, err = first.Submit(short(t), smpp.Submit{From: "4915112345", To: phone(1), Text: "hi"})
	require.ErrorIs(t, err, smpp.ErrNotSent)

	_, err = s.Reply(phone(1), "4915112345", "STOP")
	require.NoError(t, err)
	eventually(t, func() bool { return len(s.Messages(phone(1))) == 2 })
	heard := make(chan string, 2)
	connect(t, s, smpp.Handler{
		Receipt: func(_ context.Context, r smpp.Receipt) error { heard <- string(r.State); return nil },
		Inbound: func(_ context.Context, m smpp.MO) error { heard <- m.Text; return nil },
	})
	got := []string{<-heard, <-heard}
	slices.Sort(got)
	require.Equal(t, []string{"STOP", "delivered"}, got)
}

func TestHandlerPanicIsARefusal(t *testing.T) {
	s := start(t, smsc.Config{RedeliverAfter: time.Millisecond})
	var times atomic.Int32
	c := connect(t, s, smpp.Handler{Inbound: func(context.Context, smpp.MO) error {
		if times.Add(1) == 1 {
			panic("unexpected")
		}
		return nil
	}})
	_, err := s.Reply(phone(1), "4915112345", "hello")
	require.NoError(t, err)
	eventually(t, func() bool { return s.Totals().RepliesTaken == 1 })
	require.Equal(t, int32(2), times.Load())
	require.Equal(t, uint64(1), c.Stats().Refused)
}

// A peer that sends nonsense is told so, or left; the client lives on.
func TestNonsenseFromTheFarEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	answers := make(chan smpp.PDU, 10)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			c := smpp.NewConn(nc)
			p, _ := c.Read()
			c.Send(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: &smpp.Answer{}})
			if n == 0 {
				c.Send(smpp.PDU{Command: smpp.SubmitSM.Resp(), Seq: 99, Body: &smpp.Answer{ID: "nobody asked"}})
				c.Send(smpp.PDU{Command: smpp.DeliverSM, Seq: 5, Body: smpp.Raw("no end")})
				c.Send(smpp.PDU{Command: 0x103, Seq: 6, Body: smpp.Raw("x")})
				c.Send(smpp.PDU{Command: smpp.EnquireLink, Seq: 7})
				for range 3 {
					p, _ := c.Read()
					answers <- p
				}
				nc.Write([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			}
			for {
				p, err := c.Read()
				if err != nil {
					break
				}
				body := smpp.Body(&smpp.Answer{})
				if p.Command == smpp.Unbind {
					body = nil
				}
				c.Send(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: body})
			}
			c.Close()
		}
	})
	client := smpp.New(smpp.Config{Addr: l.Addr().String(), SystemID: "shop", BackoffMin: time.Millisecond}, smpp.Handler{})
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { client.Run(ctx) })
	require.Equal(t, smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidLength, Seq: 5}, <-answers)
	require.Equal(t, smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidCommand, Seq: 6}, <-answers)
	require.Equal(t, smpp.PDU{Command: smpp.EnquireLink.Resp(), Seq: 7}, <-answers)
	eventually(t, func() bool { return client.Stats().Binds == 2 && client.Bound() })
	_, err = client.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: "hi"})
	require.ErrorIs(t, err, smpp.ErrUnknown, "accepted without an id")
	require.Equal(t, uint64(2), client.Stats().Broken)
	cancel()
	l.Close()
	wg.Wait()
}

// A line on which nothing comes back is found by enquire_link and bound anew.
func TestDeadLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				c := smpp.NewConn(nc)
				defer c.Close()
				p, _ := c.Read()
				c.Send(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: &smpp.Answer{}})
				for err == nil {
					_, err = c.Read()
				}
			})
		}
	})
	client := smpp.New(smpp.Config{Addr: l.Addr().String(), SystemID: "shop", BackoffMin: time.Millisecond,
		EnquireLink: 5 * time.Millisecond, AnswerIn: 20 * time.Millisecond}, smpp.Handler{})
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { client.Run(ctx) })
	eventually(t, func() bool { return client.Stats().Binds >= 3 })
	cancel()
	l.Close()
	wg.Wait()
}

// Several connections of one account share the work and the receipts; when one of them is lost, the others go on.
func TestSeveralConnections(t *testing.T) {
	const n = 2_000
	s := start(t, smsc.Config{KeepSubmits: n, Plan: soon})
	l := newLedger()
	c := connect(t, s, smpp.Handler{Receipt: l.receipt}, func(cfg *smpp.Config) { cfg.Transceivers, cfg.Transmitters, cfg.Receivers = 2, 1, 1 })
	eventually(t, func() bool { return c.Stats().Lines == 4 })
	require.Equal(t, 3, s.Totals().Bound, "three of them hear")
	spread(n, 60, func(i int) {
		ids, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true})
		if err != nil {
			t.Error(err)
			return
		}
		l.accepted(ids[0], phone(i))
	})
	eventually(t, func() bool { matched, _, _ := l.count(); return matched == n })
}

// The ways of sending a long text all bring it to the phone as it was written.
func TestLongTexts(t *testing.T) {
	for _, long := range []smpp.Long{smpp.Header, smpp.Header16, smpp.SAR, smpp.Payload} {
		for _, latin1 := range []bool{false, true} {
			s := start(t, smsc.Config{Plan: soon})
			c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.Long, cfg.Latin1 = long, latin1 })
			for i, text := range []string{"short [x]", strings.Repeat("Grüße {x} ", 40), strings.Repeat("Привет 👨‍👩‍👧‍👦 ", 30)} {
				ids, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: text, Ref: 0x1234})
				require.NoError(t, err)
				require.Equal(t, len(ids) == 1, i == 0 || long == smpp.Payload)
				eventually(t, func() bool { return len(s.Messages(phone(i))) == 1 })
				got := s.Messages(phone(i))[0]
				require.Equal(t, text, got.Text, "%s %d", long, i)
				require.Equal(t, latin1 && i < 2, got.Encoding == sms.Latin1)
				if long == smpp.Header16 || long == smpp.SAR {
					require.Equal(t, i > 0, s.Submits()[len(s.Submits())-1].Ref == 0x1234)
				}
			}
		}
	}
}

// Over TLS, and only to the centre that the certificate names.
func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	s := start(t, smsc.Config{Plan: soon, TLS: &tls.Config{Certificates: web.TLS.Certificates}})
	c := connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.TLS = &tls.Config{RootCAs: roots} })
	_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: "hi"})
	require.NoError(t, err)
	for name, trust := range map[string]*tls.Config{"unknown": {}, "another name": {RootCAs: roots, ServerName: "smsc.example.net"}, "plain": nil} {
		stranger := smpp.New(smpp.Config{Addr: s.Addr(), SystemID: "shop", TLS: trust, AnswerIn: time.Second}, smpp.Handler{})
		run(t, stranger.Run)
		eventually(t, func() bool { return stranger.Err() != nil }, name)
		require.False(t, stranger.Bound(), name)
	}
}
