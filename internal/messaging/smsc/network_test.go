package smsc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
	"portolan/internal/messaging/smsc"
)

var morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// told collects receipts by phone, in the order of their coming.
type told struct {
	mu sync.Mutex
	by map[string][]smpp.Receipt
}

func (r *told) receipt(_ context.Context, got smpp.Receipt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string][]smpp.Receipt{}
	}
	r.by[got.Phone] = append(r.by[got.Phone], got)
	return nil
}

func (r *told) count() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.by {
		n += len(l)
	}
	return n
}

func (r *told) states(phone string) (out []smpp.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.by[phone] {
		out = append(out, one.State)
	}
	return out
}

// The same seed brings the same fate to each submit, on however many connections and in whatever order it comes.
func TestFateIsTheSeeds(t *testing.T) {
	const n = 400
	plan := smsc.Plan{Delay: &smsc.Delay{Shape: smsc.LogNormal, P50: time.Second, P95: 5 * time.Second}, Lost: 0.2, Doubled: 0.2,
		Reordered: 0.2, Failed: 0.1, Ends: map[smpp.State]float64{smpp.Rejected: 0.1, smpp.Expired: 0.1}, Interim: 0.3, Throttled: 0.2}
	run := func(seed uint64, connections, submitters int) string {
		clock := db.Manual(morning)
		s := start(t, smsc.Config{Clock: clock, Seed: seed, Plan: plan, KeepSubmits: 10 * n})
		var heard told
		c := connect(t, s, smpp.Handler{Receipt: heard.receipt}, func(cfg *smpp.Config) { cfg.RetryFor, cfg.Transceivers = 20*time.Second, connections })
		spread(n, submitters, func(i int) {
			if _, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true}); err != nil {
				t.Error(err)
			}
		})
		clock.Advance(24 * time.Hour)
		eventually(t, func() bool {
			total := s.Totals()
			return total.ReceiptsTaken == total.Receipts && total.Receipts > n/2 && heard.count() == int(total.Receipts) && done(s)
		})
		var lines []string
		for i := range n {
			throttled := 0
			var end smpp.State
			var took time.Duration
			for _, w := range s.Submits() {
				if w.To == phone(i) && w.Status == smpp.Throttled {
					throttled++
				} else if w.To == phone(i) {
					end, took = w.State, w.DoneAt.Sub(w.At)
				}
			}
			states := heard.states(phone(i))
			slices.Sort(states)
			lines = append(lines, fmt.Sprint(i, throttled, end, took, states))
		}
		return strings.Join(lines, "\n")
	}
	first := run(5, 1, 1)
	require.Equal(t, first, run(5, 3, 30))
	require.NotEqual(t, first, run(6, 1, 1))
	for _, word := range []string{"rejected", "expired", "undeliverable", "[]", "delivered delivered", "enroute", "accepted"} {
		require.Contains(t, first, word)
	}
}

func done(s *smsc.Server) bool {
	return !slices.ContainsFunc(s.Submits(), func(w smsc.Submit) bool { return w.Status == smpp.OK && w.State == "" })
}

// A phone that is off gets its text when it is on again, unless the text's time is over before.
func TestValidity(t *testing.T) {
	clock := db.Manual(morning)
	s := start(t, smsc.Config{Clock: clock, Plan: smsc.Plan{ReceiptMin: time.Second, Unreachable: 1, UnreachableFor: time.Hour,
		Codes: map[smpp.State]string{smpp.Expired: "027"}}})
	var heard told
	c := connect(t, s, smpp.Handler{Receipt: heard.receipt})
	for i, validity := range []time.Duration{0, 30 * time.Minute, 2 * time.Hour} {
		_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true, Validity: validity})
		require.NoError(t, err)
	}
	clock.Advance(30 * time.Minute)
	eventually(t, func() bool { return heard.count() == 1 })
	require.Equal(t, []smpp.State{smpp.Expired}, heard.states(phone(1)))
	require.Equal(t, "027", heard.by[phone(1)][0].Code)
	clock.Advance(31 * time.Minute)
	eventually(t, func() bool { return heard.count() == 3 })
	require.Equal(t, []smpp.State{smpp.Delivered}, heard.states(phone(0)))
	require.Equal(t, []smpp.State{smpp.Delivered}, heard.states(phone(2)))
	require.Empty(t, s.Messages(phone(1)))
	require.Len(t, s.Messages(phone(2)), 1)
}

func TestQueryAndCancel(t *testing.T) {
	clock := db.Manual(morning)
	s := start(t, smsc.Config{Clock: clock, Plan: smsc.Plan{ReceiptMin: time.Minute}})
	var heard told
	c := connect(t, s, smpp.Handler{Receipt: heard.receipt})
	var ids []string
	for i := range 2 {
		id, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true})
		require.NoError(t, err)
		ids = append(ids, id...)
	}
	p, err := c.Query(short(t), ids[0], "Shop")
	require.NoError(t, err)
	require.Equal(t, smpp.Progress{State: smpp.Enroute, Code: "0"}, p)
	require.NoError(t, c.Cancel(short(t), ids[1], "Shop", phone(1)))
	clock.Advance(time.Minute)
	eventually(t, func() bool { return heard.count() == 2 })
	p, err = c.Query(short(t), ids[0], "Shop")
	require.NoError(t, err)
	require.Equal(t, smpp.Progress{State: smpp.Delivered, Code: "0", Done: clock.Now()}, p)
	require.Equal(t, []smpp.State{smpp.Deleted}, heard.states(phone(1)))
	require.Empty(t, s.Messages(phone(1)))

	var r *smpp.Refusal
	require.ErrorAs(t, c.Cancel(short(t), ids[0], "Shop", phone(0)), &r)
	require.Equal(t, smpp.CancelFailed, r.Status)
	_, err = c.Query(short(t), "nobody's", "Shop")
	require.ErrorAs(t, err, &r)
	require.Equal(t, smpp.InvalidID, r.Status)
	require.Equal(t, uint64(5), s.Totals().Queries)
}

// Each kind of outage, an hour after the start for ten minutes, and again a day later.
func TestOutages(t *testing.T) {
	for kind, c := range map[smsc.OutageKind]struct {
		err      error
		receipts int // before the end of the outage
	}{
		smsc.Refusing: {smpp.ErrRetry, 0}, smsc.Throttling: {smpp.ErrRetry, 0}, smsc.Silent: {smpp.ErrUnknown, 1}, smsc.NoReceipts: {nil, 0}, smsc.LinesDown: {smpp.ErrNotSent, 0},
	} {
		t.Run(string(kind), func(t *testing.T) {
			clock := db.Manual(morning)
			s := start(t, smsc.Config{Clock: clock, Plan: smsc.Plan{ReceiptMin: time.Second, Outages: []smsc.Outage{
				{Kind: kind, After: time.Hour, For: 10 * time.Minute, Every: 24 * time.Hour}}}})
			var heard told
			client := connect(t, s, smpp.Handler{Receipt: heard.receipt}, func(cfg *smpp.Config) {
				cfg.RetryFor, cfg.AnswerIn, cfg.BindWait = -1, 300*time.Millisecond, 200*time.Millisecond
			})
			send := func(i int) error {
				_, err := client.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true})
				return err
			}
			require.NoError(t, send(0))
			clock.Advance(time.Minute)
			eventually(t, func() bool { return heard.count() == 1 && s.Totals().ReceiptsTaken == 1 })
			clock.Advance(time.Hour - time.Minute)
			if kind == smsc.LinesDown {
				eventually(t, func() bool { return !client.Bound() })
			}
			err := send(1)
			if c.err == nil {
				require.NoError(t, err)
			}
			require.ErrorIs(t, err, c.err)
			clock.Advance(5 * time.Minute)
			eventually(t, func() bool { return heard.count() == 1+c.receipts })
			clock.Advance(6 * time.Minute)
			require.NoError(t, client.WaitBound(short(t)))
			require.NoError(t, send(2))
			clock.Advance(time.Minute)
			eventually(t, func() bool { return heard.count() >= 2 })
			clock.Advance(24*time.Hour - 12*time.Minute)
			if kind == smsc.LinesDown {
				eventually(t, func() bool { return s.Totals().Disconnects == 2 })
				return
			}
			require.ErrorIs(t, send(3), c.err)
		})
	}
}

// What an account may: how many binds, how many submits a second, how many without an answer.
func TestAccounts(t *testing.T) {
	clock := db.Manual(morning)
	s := start(t, smsc.Config{Clock: clock, Accounts: []smsc.Account{{SystemID: "slow", Password: "a", Rate: 5, Binds: 1}, {SystemID: "narrow", Password: "b", Window: 2}},
		Plan: smsc.Plan{AnswerDelay: time.Second}})
	as := func(id, password string) *smpp.Client {
		return connect(t, s, smpp.Handler{}, func(cfg *smpp.Config) { cfg.SystemID, cfg.Password, cfg.RetryFor = id, password, -1 })
	}
	slow, narrow := as("slow", "a"), as("narrow", "b")
	for name, c := range map[string]*smpp.Client{"slow": slow, "narrow": narrow} {
		var taken, refused sync.WaitGroup
		most := map[string]int{"slow": 5, "narrow": 2}[name]
		taken.Add(most)
		refused.Add(7 - most)
		before := s.Totals()
		for i := range 7 {
			go func() {
				_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: name})
				if err == nil {
					taken.Done()
				} else if errors.Is(err, smpp.ErrRetry) {
					refused.Done()
				}
			}()
		}
		eventually(t, func() bool { return s.Totals().Submits == before.Submits+7 })
		clock.Advance(time.Second)
		taken.Wait()
		refused.Wait()
	}
	second := smpp.New(smpp.Config{Addr: s.Addr(), SystemID: "slow", Password: "a"}, smpp.Handler{})
	run(t, second.Run)
	eventually(t, func() bool { return second.Err() != nil })
	require.ErrorIs(t, second.Err(), smpp.ErrConfig, "one bind is all it may have")
	lines := s.Lines()
	require.Len(t, lines, 2)
	require.Equal(t, "slow", lines[0].Account)
	require.True(t, lines[0].Sends && lines[0].Hears)
}

// Texts that phones write by themselves arrive whole, whatever way their parts take.
func TestInbound(t *testing.T) {
	clock := db.Manual(morning)
	text := strings.Repeat("Вітаю 👨‍👩‍👧‍👦 ", 20)
	var script []smsc.Inbound
	for i, long := range []smpp.Long{smpp.Header, smpp.Header16, smpp.SAR, smpp.Payload} {
		script = append(script, smsc.Inbound{From: fmt.Sprintf("4917{n}00000%d", i), To: "4915112345", Text: "{n}" + text, After: time.Minute,
			Every: time.Second, Times: 5, Long: long, Shuffled: true, Doubled: true})
	}
	s := start(t, smsc.Config{Clock: clock, Inbound: script})
	var mu sync.Mutex
	joiner, whole, parts := sms.NewJoiner(100), map[string]string{}, 0
	connect(t, s, smpp.Handler{Inbound: func(_ context.Context, m smpp.MO) error {
		mu.Lock()
		defer mu.Unlock()
		parts++
		if text, ok := joiner.Add(m.From, m.To, m.Piece, morning); ok {
			whole[m.From] = text
		}
		return nil
	}})
	for range 70 {
		clock.Advance(time.Second)
	}
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return parts >= 3*2*5*sms.Count("1"+text).Parts+2*5 })
	require.Len(t, whole, 20)
	for from, got := range whole {
		require.Equal(t, from[4:5]+text, got)
	}
}

const goodFile = `{
	"seed": 7, "first_id": 100,
	"accounts": [{"system_id": "shop", "password": "secret", "binds": 4, "rate": 1000, "window": 200}],
	"operators": [{"name": "Nord", "country": "DE", "prefixes": ["49"], "plan": {"failed": 0.02, "outages": [{"kind": "refuse", "after": "1h", "for": "5m"}]}}],
	"plan": {"delay": {"shape": "lognormal", "p50": "400ms", "p95": "3s", "max": "1m"}, "ends": {"expired": 0.01}, "codes": {"expired": "027"},
		"refuse": {"4917000001": "0x0B", "4917000002": 69}, "ids": "mixed", "wording": "mixed", "interim": 0.1, "unreachable": 0.01, "unreachable_for": "10m"},
	"inbound": [{"from": "4917000{n}00", "to": "4915112345", "text": "STOP {n}", "after": "2s", "every": "1s", "times": 10, "long": "sar"}],
	"phones": [{"number": "+4917000001", "name": "Mia", "country": "DE"}]
}`

func TestFile(t *testing.T) {
	f, err := smsc.ReadFile(strings.NewReader(goodFile))
	require.NoError(t, err)
	require.Equal(t, smsc.Delay{Shape: smsc.LogNormal, P50: 400 * time.Millisecond, P95: 3 * time.Second, Max: time.Minute}, *f.Plan.Delay)
	require.Equal(t, map[string]smpp.Status{"4917000001": smpp.InvalidDest, "4917000002": smpp.SubmitFailed}, f.Plan.Refuse)
	require.Equal(t, smsc.Outage{Kind: smsc.Refusing, After: time.Hour, For: 5 * time.Minute}, f.Operators[0].Plan.Outages[0])
	again, err := smsc.ReadPlan(f.Plan.JSON())
	require.NoError(t, err)
	require.Equal(t, f.Plan, again, "what is written can be read")
	s := start(t, f.Config())
	require.Equal(t, f.Plan, s.Plan())
	require.True(t, json.Valid(s.Snapshot()))
	c := connect(t, s, smpp.Handler{})
	ids, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: "4917000009", Text: "hi"})
	require.NoError(t, err)
	require.Equal(t, []string{"100"}, ids, "ids count from the first")
}

// Every wrong place is named.
func TestBadFiles(t *testing.T) {
	for file, want := range map[string]map[string]string{
		`{"sede": 1}`: {"sede": "unknown_name"},
		`{"plan": {"erly": 1, "lost": 1.5, "receipt_min": 150, "delay": {"shape": "bell"}}}`: {
			"plan.erly": "unknown_name", "plan.receipt_min": "not_a_duration"},
		`{"plan": {"lost": 1.5, "ids": "octal", "wording": "rude", "no_tlv": true, "no_text": true, "failed": 0.6, "ends": {"expired": 0.6, "lost": 0.1}}}`: {
			"plan.lost": "not_a_share", "plan.ids": "not_in_the_list", "plan.wording": "not_in_the_list", "plan.no_text": "says_nothing",
			"plan.ends": "shares_above_1", "plan.ends.lost": "not_in_the_list"},
		`{"plan": {"delay": {"shape": "lognormal", "p95": "1s"}, "outages": [{"kind": "flood", "for": "1m", "every": "30s"}], "refuse": {"49170000": "soon"}}}`: {
			"plan.refuse.49170000": "not_a_status"},
		`{"plan": {"delay": {"shape": "lognormal", "p95": "1s"}, "outages": [{"kind": "flood", "for": "1m", "every": "30s"}]}}`: {
			"plan.delay.p50": "not_above_0", "plan.outages[0].kind": "not_in_the_list", "plan.outages[0].every": "below_the_least"},
		`{"accounts": [{"system_id": "a"}, {"system_id": "a", "password": "far too long"}, {"system_id": ""}]}`: {
			"accounts[1].system_id": "named_twice", "accounts[1].password": "at_most_8_octets", "accounts[2].system_id": "1_to_15_octets"},
		`{"operators": [{"name": "X", "prefixes": ["+49"], "plan": {"outages": [{"kind": "lines", "for": "1m"}]}}, {"prefixes": []}]}`: {
			"operators[0].prefixes[0]": "digits_only", "operators[0].plan.outages[0].kind": "not_for_one_operator",
			"operators[1].name": "missing_name", "operators[1].prefixes": "missing_prefix"},
		`{"inbound": [{"from": "x", "to": "Shop", "times": 2, "long": "fax"}], "phones": [{"number": "1"}]}`: {
			"inbound[0].from": "no_phone_number", "inbound[0].to": "digits_only", "inbound[0].every": "not_above_0", "inbound[0].long": "not_in_the_list",
			"phones[0].number": "no_phone_number"},
		`{"accounts": {}, "plan": [], "seed": "x", "first_id": -1}`: {"accounts": "not_a_list", "plan": "not_an_object", "seed": "not_a_plain_number", "first_id": "not_a_plain_number"},
	} {
		_, err := smsc.ReadFile(strings.NewReader(file))
		require.ErrorIs(t, err, smsc.ErrFile, file)
		require.Equal(t, want, fault.Of(err).Fields, file)
	}
	for _, file := range []string{"", "{", "{} {}"} {
		_, err := smsc.ReadFile(strings.NewReader(file))
		require.ErrorIs(t, err, smsc.ErrFile, file)
	}
}

// A line that gives no sign of life breaks; our client gives them.
func TestSignsOfLife(t *testing.T) {
	clock := db.Manual(morning)
	s := start(t, smsc.Config{Clock: clock, Plan: smsc.Plan{EnquireLink: 30 * time.Second}})
	c := connect(t, s, smpp.Handler{})
	dumb := raw(t, s)
	dumb.Send(smpp.PDU{Command: smpp.BindTransceiver, Seq: 1, Body: &smpp.Login{SystemID: "dumb"}})
	require.Equal(t, smpp.OK, read(t, dumb).Status)
	eventually(t, func() bool { return s.Totals().Bound == 2 })
	clock.Advance(31 * time.Second)
	require.Equal(t, smpp.EnquireLink, read(t, dumb).Command)
	for range 2 { // the first answer comes after the question for a sign of life, the second question after the sign
		c.Query(short(t), "x", "y")
	}
	clock.Advance(30 * time.Second)
	_, err := dumb.Read()
	require.Error(t, err)
	eventually(t, func() bool { return s.Totals().Bound == 1 && s.Totals().Disconnects == 1 })
	require.Equal(t, uint64(1), c.Stats().Binds)
}

// PDUs that can't be read between the receipts cost none of them, and not the line.
func TestGarbled(t *testing.T) {
	const n = 200
	s := start(t, smsc.Config{Seed: 1, Plan: smsc.Plan{ReceiptMax: time.Millisecond, Garbled: 0.5}})
	var heard told
	c := connect(t, s, smpp.Handler{Receipt: heard.receipt})
	spread(n, 20, func(i int) {
		if _, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(i), Text: "hi", Receipt: true}); err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() bool { return heard.count() == n })
	eventually(t, func() bool { return c.Stats().Broken > n/4 })
	require.Equal(t, uint64(1), c.Stats().Binds)
}

// A network rests when every text is on its phone and every receipt is taken, and not before.
func TestRests(t *testing.T) {
	clock := db.Manual(morning)
	s := start(t, smsc.Config{Clock: clock, Plan: smsc.Plan{ReceiptMin: time.Second, ReceiptMax: time.Second}})
	held, begun := make(chan struct{}), make(chan struct{})
	c := connect(t, s, smpp.Handler{Receipt: func(context.Context, smpp.Receipt) error {
		close(begun)
		<-held
		return nil
	}})
	eventually(t, func() bool { return s.Rests(time.Hour) })
	_, err := c.Submit(short(t), smpp.Submit{From: "Shop", To: phone(1), Text: "hi", Receipt: true})
	require.NoError(t, err)
	eventually(t, func() bool { return s.Rests(time.Second - 1) })
	require.False(t, s.Rests(time.Second), "its text arrives then")
	clock.Advance(time.Second)
	<-begun
	require.False(t, s.Rests(0), "the client hasn't taken the receipt")
	close(held)
	eventually(t, func() bool { return s.Rests(time.Hour) })
}
