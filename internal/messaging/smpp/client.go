// Package smpp speaks SMPP 3.4 with an operator's message centre: a codec, and a client that keeps its binds
// alive, submits texts and hands on receipts and replies.
//
// It keeps nothing. What was submitted, which receipt belongs to which message and what to do after an
// unknown outcome is decided by package messaging; how a text is cut is decided by package sms.
package smpp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/messaging/sms"
)

// Config says where the message centre is and how it wants to be treated. Zero values take the defaults
// given. All durations are the world's, whatever the shop's clock says: they concern a network.
type Config struct {
	Name       string // for logs
	Addr       string // host:port
	SystemID   string
	Password   string
	SystemType string
	Range      string // address_range of the bind: the numbers whose texts we want; mostly empty

	// Connections at a time. Transceivers do both; where the network wants sending and hearing apart, set the other
	// two. All zero is one transceiver. Several share the work.
	Transceivers, Transmitters, Receivers int

	Long   Long // how texts of several parts go
	Latin1 bool // the network wants Latin-1 (data coding 3) instead of GSM-7

	Window      int           // submits without an answer at a time, on each connection: 50
	EnquireLink time.Duration // between signs of life: 30 s
	AnswerIn    time.Duration // after which a submit is ErrUnknown and an enquire_link a dead line: 10 s
	BindWait    time.Duration // how long a submit waits for a bind before it is ErrNotSent: 2 s
	RetryFor    time.Duration // how long a throttled part is tried again before ErrRetry: 5 s; negative: not at all
	BackoffMin  time.Duration // before the first new bind: 100 ms, doubling, with jitter
	BackoffMax  time.Duration // 30 s
	Handlers    int           // receipts handled at a time: 64

	TLS *tls.Config // nil is plain TCP; an empty ServerName is Addr's host

	// Dial opens the connection instead, for tunnels and tests.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

// Long is how a text of several parts is put on the wire.
type Long string

const (
	Header   Long = "header"   // a user data header with an 8-bit reference before each part; so is ""
	Header16 Long = "header16" // the same with 16 bits: one character less in each part
	SAR      Long = "sar"      // the sar_ fields beside each part; the network writes the header
	Payload  Long = "payload"  // whole, as message_payload; the network cuts it
)

// Handler takes what comes from the network. A deliver_sm is acknowledged after the function returned nil;
// after an error, or if the connection broke meanwhile, the network delivers it again. So both functions
// see things more than once. Receipts are handled many at a time and in any order; what one phone writes is
// handled in the order of its coming.
type Handler struct {
	Receipt func(ctx context.Context, r Receipt) error
	Inbound func(ctx context.Context, m MO) error

	// Late, if set, hears that a part whose Submit returned ErrUnknown was accepted after all: the text's
	// Key, the part from 1, and its id. It comes once or never.
	Late func(ctx context.Context, key string, part int, id string)
}

// MO is one part of a text that a phone wrote.
type MO struct {
	From, To string    // as the network writes them, mostly digits without +
	Text     string    // of this part alone
	Piece    sms.Piece // the same as octets, with its place in a longer text; join with sms.Join
	Sequence uint32    // of the PDU, for logs
}

// Stats counts what a client did since it was made.
type Stats struct {
	Bound     bool
	Lines     int    // connections bound
	Binds     uint64 // successful ones
	Submitted uint64 // parts written
	Accepted  uint64 // parts accepted
	Throttled uint64 // answers that asked to go slower: throttled, queue full
	Unknown   uint64 // parts without an answer
	Receipts  uint64
	Inbound   uint64
	Refused   uint64 // receipts and replies that the handler did not take
	Broken    uint64 // PDUs that could not be read
}

// Client is one account with a message centre, on one connection or several. Make it with New, keep Run running,
// call Submit from anywhere.
type Client struct {
	cfg     Config
	handler Handler
	pace    pacer
	refs    atomic.Uint32

	mu       sync.Mutex
	sessions []*session // bound
	turn     int
	changed  chan struct{} // closed when sessions changes
	lastErr  error

	binds, submitted, accepted, throttled, unknown, receipts, inbound, refused, broken atomic.Uint64
}

// New returns a client that doesn't connect before Run.
func New(cfg Config, h Handler) *Client {
	if cfg.Transceivers+cfg.Transmitters+cfg.Receivers == 0 {
		cfg.Transceivers = 1
	}
	cfg.Window = or(cfg.Window, 50)
	cfg.EnquireLink = or(cfg.EnquireLink, 30*time.Second)
	cfg.AnswerIn = or(cfg.AnswerIn, 10*time.Second)
	cfg.BindWait = or(cfg.BindWait, 2*time.Second)
	cfg.RetryFor = or(cfg.RetryFor, 5*time.Second)
	cfg.BackoffMin = or(cfg.BackoffMin, 100*time.Millisecond)
	cfg.BackoffMax = or(cfg.BackoffMax, 30*time.Second)
	cfg.Handlers = or(cfg.Handlers, 64)
	if cfg.Name == "" {
		cfg.Name = cfg.Addr
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			if cfg.TLS != nil {
				return (&tls.Dialer{Config: cfg.TLS}).DialContext(ctx, "tcp", addr)
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	c := &Client{cfg: cfg, handler: h, changed: make(chan struct{})}
	c.refs.Store(rand.Uint32())
	return c
}

// Room is how many parts can be without an answer at once, over all connections that send.
func (c *Client) Room() int { return c.cfg.Window * max(1, c.cfg.Transceivers+c.cfg.Transmitters) }

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Run keeps the client bound until ctx ends: it connects, binds, serves, and does so again with growing
// pauses when a line breaks or a bind is refused. At the end it waits for answers to what was submitted
// and for handlers at work, and unbinds. It returns nil; why there is no bind now, Err tells.
func (c *Client) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for role, n := range map[Command]int{BindTransceiver: c.cfg.Transceivers, BindTransmitter: c.cfg.Transmitters, BindReceiver: c.cfg.Receivers} {
		for range n {
			all.Go(func() { c.keep(ctx, role) })
		}
	}
	all.Wait()
	return nil
}

// keep keeps one connection bound.
func (c *Client) keep(ctx context.Context, role Command) {
	for pause := c.cfg.BackoffMin; ; {
		bound, err := c.connect(ctx, role)
		if ctx.Err() != nil {
			return
		}
		if bound {
			pause = c.cfg.BackoffMin
		}
		c.mu.Lock()
		c.lastErr = err
		c.mu.Unlock()
		wait := pause/2 + rand.N(pause)
		slog.WarnContext(ctx, "no SMPP bind", "provider", c.cfg.Name, "again_in", wait, "err", err)
		if !sleep(ctx, wait) {
			return
		}
		pause = min(2*pause, c.cfg.BackoffMax)
	}
}

// connect serves one connection and reports whether it was bound.
func (c *Client) connect(ctx context.Context, role Command) (bound bool, err error) {
	dialing, cancel := context.WithTimeout(ctx, c.cfg.AnswerIn)
	defer cancel()
	nc, err := c.cfg.Dial(dialing, c.cfg.Addr)
	if err != nil {
		return false, err
	}
	s := newSession(c, role, nc)
	stop := context.AfterFunc(dialing, func() { nc.Close() })
	err = s.bind()
	if !stop() && err == nil {
		err = dialing.Err()
	}
	if err != nil {
		nc.Close()
		return false, err
	}
	c.binds.Add(1)
	c.join(s)
	return true, s.serve(ctx)
}

func (c *Client) join(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = append(c.sessions, s)
	c.lastErr = nil
	c.tellChanged()
}

// leave takes a session out of the turn; it may already be.
func (c *Client) leave(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.sessions, s); i >= 0 {
		c.sessions = slices.Delete(c.sessions, i, i+1)
		c.tellChanged()
	}
}

func (c *Client) tellChanged() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// pick returns the session whose turn it is to send, one with room in its window if there is one, and another if there
// is one; nil if there is none.
func (c *Client) pick() (s, other *session, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	for i := range c.sessions {
		next := c.sessions[(c.turn+i)%len(c.sessions)]
		switch {
		case !next.sends():
		case s == nil:
			s = next
		case len(s.slots) == cap(s.slots) && len(next.slots) < cap(next.slots):
			s, other = next, s
		case other == nil:
			other = next
		}
	}
	return s, other, c.changed
}

// Bound reports whether at this moment there is a bind to send on and one to hear on, as far as Config asks for them.
func (c *Client) Bound() bool {
	bound, _ := c.bound()
	return bound
}

func (c *Client) bound() (bool, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sends := c.cfg.Transceivers+c.cfg.Transmitters == 0
	hears := c.cfg.Transceivers+c.cfg.Receivers == 0
	for _, s := range c.sessions {
		sends, hears = sends || s.sends(), hears || s.hears()
	}
	return sends && hears, c.changed
}

// WaitBound returns nil as soon as there is a bind, or ctx's error.
func (c *Client) WaitBound(ctx context.Context) error {
	for {
		bound, changed := c.bound()
		if bound {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Err is why the last connection ended or could not be bound; nil while bound. A refused bind is a
// *Refusal.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastErr
}

// Stats counts.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	lines := len(c.sessions)
	c.mu.Unlock()
	return Stats{
		Bound: c.Bound(), Lines: lines, Binds: c.binds.Load(), Submitted: c.submitted.Load(), Accepted: c.accepted.Load(),
		Throttled: c.throttled.Load(), Unknown: c.unknown.Load(), Receipts: c.receipts.Load(),
		Inbound: c.inbound.Load(), Refused: c.refused.Load(), Broken: c.broken.Load(),
	}
}

// sleep waits in the world's time and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// pacer keeps a distance between submits while the far end throttles: it grows with each refusal and
// shrinks with each acceptance, and is nothing as long as nobody complained.
type pacer struct {
	gap  atomic.Int64 // nanoseconds
	turn sync.Mutex
}

const (
	firstGap = time.Millisecond
	maxGap   = 100 * time.Millisecond
	noGap    = 20 * time.Microsecond
)

// wait holds a submit back as long as the distance asks. It reports false if ctx ended first.
func (p *pacer) wait(ctx context.Context) bool {
	if p.gap.Load() == 0 {
		return true
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	g := p.gap.Load()
	return g == 0 || sleep(ctx, time.Duration(g))
}

// complained widens the distance by a sixth only, because up to a whole window is refused for one and the
// same haste.
func (p *pacer) complained() {
	g := time.Duration(p.gap.Load())
	p.gap.Store(int64(min(max(firstGap, g+g/6), maxGap)))
}

func (p *pacer) accepted() {
	g := time.Duration(p.gap.Load())
	if g == 0 {
		return
	}
	if g -= g / 8; g < noGap {
		g = 0
	}
	p.gap.Store(int64(g))
}
