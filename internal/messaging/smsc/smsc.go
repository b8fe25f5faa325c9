// Package smsc is an operator's message centre that exists only here: a real SMPP 3.4 server with phones
// behind it, which the demo uses as its network and the tests as their peer.
//
// It takes submits, brings texts to phones kept in memory, sends receipts and what the phones' owners write,
// and misbehaves as a Plan asks: late, lost, doubled and reordered receipts, throttling, refusals, lost
// answers and lines. It knows nothing of orders, and nothing survives its end.
package smsc

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging/smpp"
)

var (
	// ErrOneWay: nobody can write to a sender made of letters, or to one that the network put in place.
	ErrOneWay = fault.New(fault.Invalid, "smsc.sender_takes_no_replies")
	// ErrNumber: phones have numbers of 5 to 15 digits.
	ErrNumber = fault.New(fault.Invalid, "smsc.bad_number")
	// ErrNobody: no client was ever bound that could take a reply.
	ErrNobody = fault.New(fault.Unavailable, "smsc.nobody_listens")
)

// IDForm is how the centre writes a message's id in its answer and in the receipt. Real centres differ, and
// many differ from themselves.
type IDForm string

const (
	Decimal IDForm = ""       // the same decimal number in both
	Hex     IDForm = "hex"    // hexadecimal in the answer, decimal in the receipt
	Padded  IDForm = "padded" // leading zeros in the answer, none in the receipt
	Upper   IDForm = "upper"  // hexadecimal, small letters in the answer, capitals in the receipt
	Mixed   IDForm = "mixed"  // each of these in turn
)

// Plan says how the network behaves. Shares are probabilities from 0 to 1; durations pass on the server's
// clock. The zero Plan delivers everything, with receipts after 150 to 900 ms.
type Plan struct {
	ReceiptMin time.Duration `json:"receipt_min"` // until a text arrives and its receipt leaves
	ReceiptMax time.Duration `json:"receipt_max"`
	Early      float64       `json:"early"`     // receipts sent before the submit's own answer
	Lost       float64       `json:"lost"`      // receipts never sent, though the text arrives
	Doubled    float64       `json:"doubled"`   // receipts sent twice
	Reordered  float64       `json:"reordered"` // receipts held back for up to ten times ReceiptMax
	Failed     float64       `json:"failed"`    // texts that don't arrive; the receipt says undeliverable
	NoTLV      bool          `json:"no_tlv"`    // receipts tell everything in their text only
	IDs        IDForm        `json:"ids"`

	Throttled  float64                `json:"throttled"`   // submits answered with 0x58
	Rate       int                    `json:"rate"`        // submits taken in a second; the rest is throttled; 0: any number
	Refuse     map[string]smpp.Status `json:"refuse"`      // numbers (without +) that are refused, and how
	RefuseAll  smpp.Status            `json:"refuse_all"`  // an outage that answers
	RefuseBind smpp.Status            `json:"refuse_bind"` // an outage that doesn't let anybody in

	AnswerDelay     time.Duration `json:"answer_delay"`
	AnswerLost      float64       `json:"answer_lost"`      // submits taken and never answered
	DisconnectAfter int           `json:"disconnect_after"` // each line breaks at its nth submit, taken but not answered
}

// Operator is a network for the numbers that begin with one of its prefixes (without +; the longest wins).
type Operator struct {
	Name      string   `json:"name"`
	Country   string   `json:"country"` // ISO 3166-1 alpha-2
	Prefixes  []string `json:"prefixes"`
	Overwrite string   `json:"overwrite"` // what phones see instead of our sender, one-way; "" leaves it
	Plan      *Plan    `json:"plan"`      // nil is the server's plan
}

// Config describes a centre. The zero value listens on a free port of 127.0.0.1 and lets anybody in.
type Config struct {
	Addr           string            // host:port; 127.0.0.1:0 if empty
	Accounts       map[string]string // password by system id; nil takes everyone
	Operators      []Operator
	Plan           Plan
	Clock          *db.Clock     // nil is the world's
	Seed           uint64        // makes the shares of a Plan repeatable; 0 is different each time
	RedeliverAfter time.Duration // when a receipt or reply was not taken: 1 s, doubling, ten times

	KeepSubmits int // on record: 10,000
	KeepPhones  int // in memory, besides those made by AddPhone: 2,000
	KeepTexts   int // per phone: 100
	KeepQueue   int // receipts and replies per client while it isn't bound or doesn't answer: 100,000
}

// Totals count since the server was made.
type Totals struct {
	Binds         uint64 `json:"binds"`
	Bound         int    `json:"bound"`   // lines that hear, now
	Submits       uint64 `json:"submits"` // parts received
	Accepted      uint64 `json:"accepted"`
	Throttled     uint64 `json:"throttled"`
	Refused       uint64 `json:"refused"`
	Receipts      uint64 `json:"receipts"` // sent, repetitions included
	ReceiptsTaken uint64 `json:"receipts_taken"`
	ReceiptsLost  uint64 `json:"receipts_lost"` // by plan
	Replies       uint64 `json:"replies"`       // parts sent
	RepliesTaken  uint64 `json:"replies_taken"`
	Dropped       uint64 `json:"dropped"` // receipts and replies given up
	Disconnects   uint64 `json:"disconnects"`
	Broken        uint64 `json:"broken"` // PDUs that could not be read
}

// Server is one message centre.
type Server struct {
	cfg      Config
	clock    *db.Clock
	plan     atomic.Pointer[Plan]
	schedule *schedule
	handsets *handsets
	record   *record
	ids      atomic.Uint64

	mu       sync.Mutex
	random   *rand.Rand
	listener net.Listener
	lines    map[*line]bool
	accounts map[string]*account
	owners   map[string]string // which account last wrote as a sender
	second   int64             // of the clock, for Plan.Rate
	inSecond int

	binds, submits, accepted, throttled, refused, receipts, receiptsTaken, receiptsLost atomic.Uint64
	replies, repliesTaken, dropped, disconnects, broken                                 atomic.Uint64
}

// New returns a server that is not listening yet.
func New(cfg Config) *Server {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Clock == nil {
		cfg.Clock = db.Real()
	}
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	if cfg.RedeliverAfter == 0 {
		cfg.RedeliverAfter = time.Second
	}
	for n, otherwise := range map[*int]int{&cfg.KeepSubmits: 10_000, &cfg.KeepPhones: 2_000, &cfg.KeepTexts: 100, &cfg.KeepQueue: 100_000} {
		if *n <= 0 {
			*n = otherwise
		}
	}
	s := &Server{
		cfg: cfg, clock: cfg.Clock, schedule: newSchedule(), handsets: newHandsets(cfg), record: &record{limit: cfg.KeepSubmits},
		random: rand.New(rand.NewPCG(cfg.Seed, 1)), lines: map[*line]bool{}, accounts: map[string]*account{}, owners: map[string]string{},
	}
	// Ids go on from the moment of the start, so that those of an earlier run don't come again.
	s.ids.Store(uint64(cfg.Clock.Now().UnixMilli())<<20 | rand.Uint64N(1<<18))
	s.SetPlan(cfg.Plan)
	return s
}

// SetPlan changes how the network behaves from now on.
func (s *Server) SetPlan(p Plan) {
	p.Refuse = maps.Clone(p.Refuse)
	s.plan.Store(&p)
}

// Plan is how the network behaves now.
func (s *Server) Plan() Plan { return *s.plan.Load() }

// Listen takes the address. Serve does it too; call Listen first to learn Addr or that the port is in use.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return err
	}
	s.listener = l
	return nil
}

// Addr is where the server listens, host:port; "" before Listen.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Serve takes clients and lets time pass until ctx ends; then it closes every line. A server serves once.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { s.schedule.run(ctx, s.clock) })
	stop := context.AfterFunc(ctx, func() {
		s.listener.Close()
		s.Disconnect()
	})
	defer stop()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		l := &line{server: s, conn: smpp.NewConn(c), open: map[uint32]*delivery{}}
		s.mu.Lock()
		s.lines[l] = true
		s.mu.Unlock()
		if ctx.Err() != nil {
			c.Close()
		}
		all.Go(l.serve)
	}
}

// Disconnect breaks every line, as when a cable is pulled. Clients may come back at once.
func (s *Server) Disconnect() {
	s.mu.Lock()
	lines := slices.Collect(maps.Keys(s.lines))
	s.mu.Unlock()
	for _, l := range lines {
		l.conn.Close()
	}
}

// Totals count.
func (s *Server) Totals() Totals {
	t := Totals{
		Binds: s.binds.Load(), Submits: s.submits.Load(), Accepted: s.accepted.Load(), Throttled: s.throttled.Load(),
		Refused: s.refused.Load(), Receipts: s.receipts.Load(), ReceiptsTaken: s.receiptsTaken.Load(),
		ReceiptsLost: s.receiptsLost.Load(), Replies: s.replies.Load(), RepliesTaken: s.repliesTaken.Load(),
		Dropped: s.dropped.Load(), Disconnects: s.disconnects.Load(), Broken: s.broken.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		a.mu.Lock()
		t.Bound += len(a.lines)
		a.mu.Unlock()
	}
	return t
}

// operator is the network of a number, or nil.
func (s *Server) operator(number string) (found *Operator) {
	longest := -1
	for i := range s.cfg.Operators {
		for _, p := range s.cfg.Operators[i].Prefixes {
			if len(p) > longest && strings.HasPrefix(number, p) {
				longest, found = len(p), &s.cfg.Operators[i]
			}
		}
	}
	return found
}

func (s *Server) planFor(o *Operator) *Plan {
	if o != nil && o.Plan != nil {
		return o.Plan
	}
	return s.plan.Load()
}

// chance is true with a probability.
func (s *Server) chance(share float64) bool {
	if share <= 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Float64() < share
}

func (s *Server) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return low + time.Duration(s.random.Int64N(int64(high-low)+1))
}

// tooFast counts a submit against a rate.
func (s *Server) tooFast(rate int, at time.Time) bool {
	if rate <= 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec := at.Unix(); sec != s.second {
		s.second, s.inSecond = sec, 0
	}
	s.inSecond++
	return s.inSecond > rate
}
