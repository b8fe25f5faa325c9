// Package smsc is an operator's message centre that exists only here: a real SMPP 3.4 server with phones
// behind it, which the demo uses as its network and the tests as their peer.
//
// It takes submits, brings texts to phones kept in memory, sends receipts and what the phones' owners write,
// and misbehaves as a Plan asks: late, lost, doubled and reordered receipts, throttling, refusals, lost
// answers and lines, outages at set times. With a Seed, each submit meets the same fate in every run, however the
// clients' goroutines race. It knows nothing of orders, and nothing survives its end.
package smsc

import (
	"context"
	"crypto/tls"
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

// Operator is a network for the numbers that begin with one of its prefixes (without +; the longest wins).
type Operator struct {
	Name      string   `json:"name"`
	Country   string   `json:"country"` // ISO 3166-1 alpha-2
	Prefixes  []string `json:"prefixes"`
	Overwrite string   `json:"overwrite,omitempty"` // what phones see instead of our sender, one-way; "" leaves it
	Plan      *Plan    `json:"plan,omitempty"`      // nil is the server's plan
}

// Account is a client that may bind.
type Account struct {
	SystemID string `json:"system_id"`
	Password string `json:"password"` // at most 8 octets, as SMPP 3.4 has it
	Binds    int    `json:"binds"`    // connections at a time; 0: any number
	Rate     int    `json:"rate"`     // submits taken in a second over all connections; the rest is throttled; 0: any number
	Window   int    `json:"window"`   // submits of a connection waiting for their answer, beyond which it is throttled; 0: any number
}

// Config describes a centre. The zero value listens on a free port of 127.0.0.1 and lets anybody in.
type Config struct {
	Addr           string      // host:port; 127.0.0.1:0 if empty
	Accounts       []Account   // nil takes everyone
	TLS            *tls.Config // nil is plain TCP
	Operators      []Operator
	Plan           Plan
	Inbound        []Inbound     // what phones write by themselves
	Clock          *db.Clock     // nil is the world's
	Seed           uint64        // makes a Plan's shares and delays repeatable; 0 is different each time
	FirstID        uint64        // of the messages; 0 goes on from the moment of the start, so that no id comes again
	Watch          func(Traffic) // sees every PDU; it must be quick
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
	Queries       uint64 `json:"queries"` // query_sm and cancel_sm
	Broken        uint64 `json:"broken"`  // PDUs that could not be read
}

// Server is one message centre.
type Server struct {
	cfg      Config
	clock    *db.Clock
	plan     atomic.Pointer[present]
	schedule *schedule
	handsets *handsets
	record   *record
	ids      atomic.Uint64
	fates    fates
	rates    map[*Operator]*meter // nil is the server's plan

	submitting atomic.Int32 // submits in hand

	mu       sync.Mutex
	listener net.Listener
	lines    map[*line]bool
	lineNo   int
	accounts map[string]*account
	owners   map[string]string  // which account last wrote as a sender
	stop     context.CancelFunc // of the present plan's outages

	binds, submits, accepted, throttled, refused, receipts, receiptsTaken, receiptsLost atomic.Uint64
	replies, repliesTaken, dropped, disconnects, queries, broken                        atomic.Uint64
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
		fates: fates{seed: cfg.Seed}, rates: map[*Operator]*meter{nil: {}},
		lines: map[*line]bool{}, accounts: map[string]*account{}, owners: map[string]string{},
	}
	for i := range cfg.Operators {
		s.rates[&cfg.Operators[i]] = &meter{}
	}
	s.ids.Store(cfg.FirstID - 1)
	if cfg.FirstID == 0 {
		s.ids.Store(uint64(cfg.Clock.Now().UnixMilli())<<20 | rand.Uint64N(1<<18))
	}
	s.SetPlan(cfg.Plan)
	for _, in := range cfg.Inbound {
		s.recite(in)
	}
	return s
}

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
	if s.cfg.TLS != nil {
		l = tls.NewListener(l, s.cfg.TLS)
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
		s.lineNo++
		l.number = s.lineNo
		s.lines[l] = true
		s.mu.Unlock()
		if s.cfg.Watch != nil {
			l.conn.Watch = l.watch
		}
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

// Now is the server's time.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Totals count.
func (s *Server) Totals() Totals {
	t := Totals{
		Binds: s.binds.Load(), Submits: s.submits.Load(), Accepted: s.accepted.Load(), Throttled: s.throttled.Load(),
		Refused: s.refused.Load(), Receipts: s.receipts.Load(), ReceiptsTaken: s.receiptsTaken.Load(),
		ReceiptsLost: s.receiptsLost.Load(), Replies: s.replies.Load(), RepliesTaken: s.repliesTaken.Load(),
		Dropped: s.dropped.Load(), Disconnects: s.disconnects.Load(), Queries: s.queries.Load(), Broken: s.broken.Load(),
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

// Line is one connection, for looking at.
type Line struct {
	Number  int    `json:"number"` // counted from the server's start
	Remote  string `json:"remote"`
	Account string `json:"account"` // "" before the bind
	Sends   bool   `json:"sends"`
	Hears   bool   `json:"hears"`
	Waiting int    `json:"waiting"` // submits without their answer
	Open    int    `json:"open"`    // receipts and replies without the client's answer
}

// Lines are the connections there are now, the oldest first.
func (s *Server) Lines() []Line {
	s.mu.Lock()
	lines := slices.Collect(maps.Keys(s.lines))
	s.mu.Unlock()
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		one := Line{Number: l.number, Remote: l.conn.Remote(), Waiting: int(l.waiting.Load())}
		if a := l.bound.Load(); a != nil {
			a.mu.Lock()
			one.Account, one.Sends, one.Hears, one.Open = a.name, l.sends, l.hears, len(l.open)
			a.mu.Unlock()
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Line) int { return a.Number - b.Number })
	return out
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
