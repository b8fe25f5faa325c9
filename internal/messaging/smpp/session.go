package smpp

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"sync"
	"time"

	"portolan/internal/messaging/sms"
)

var (
	errSilent   = errors.New("the far end stopped answering")
	errUnbound  = errors.New("the far end unbound")
	errStopping = errors.New("stopping")
)

const (
	// backlog is how many receipts wait for a handler before the network is asked to come again.
	backlog = 4096
	// lanes is how many phones' replies are handled at a time; a phone always takes the same lane.
	lanes = 16
)

var seed = maphash.MakeSeed()

// session is the life of one connection.
type session struct {
	client *Client
	role   Command // the bind
	conn   *Conn
	slots  chan struct{} // one per submit without an answer
	inbox  chan news     // receipts, for any handler
	lanes  [lanes]chan news
	done   chan struct{} // closed by fail

	mu       sync.Mutex
	seq      uint32
	calls    map[uint32]*call
	lateones int // calls whose caller has gone
	err      error
	inHand   int           // deliver_sm without our answer
	stopping bool          // no more submits and deliveries
	idle     chan struct{} // closed when stopping and nothing is open
}

// call is a request that waits for its answer.
type call struct {
	answered chan answer // holds one
	seq      uint32
	end      uint64 // where its PDU ends in the stream; 0 until sent
	submit   bool   // occupies a slot
	late     bool   // nobody waits any more
	key      string // the submitter's name for the text
	part     int
}

// news is what a handler is for: a deliver_sm, or an answer that came too late.
type news struct {
	pdu     PDU
	receipt bool
	late    *call
}

type answer struct {
	pdu PDU
	err error
}

func newSession(c *Client, role Command, nc net.Conn) *session {
	s := &session{
		client: c, role: role, conn: NewConn(nc), slots: make(chan struct{}, c.cfg.Window), inbox: make(chan news, backlog),
		done: make(chan struct{}), calls: map[uint32]*call{},
	}
	for i := range s.lanes {
		s.lanes[i] = make(chan news, backlog/lanes)
	}
	return s
}

func (s *session) sends() bool { return s.role != BindReceiver }
func (s *session) hears() bool { return s.role != BindTransmitter }

// bind asks to be let in. The caller closes the connection if it takes too long.
func (s *session) bind() error {
	cfg := s.client.cfg
	s.seq = 1
	_, err := s.conn.Send(PDU{Command: s.role, Seq: s.seq, Body: &Login{
		SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, Version: version, Range: cfg.Range,
	}})
	if err != nil {
		return err
	}
	for {
		p, err := s.conn.Read()
		switch {
		case err != nil && !errors.Is(err, ErrBroken):
			return fmt.Errorf("bind: %w", err)
		case p.Seq != s.seq || (p.Command != s.role.Resp() && p.Command != GenericNack):
			continue
		case p.Status != OK || p.Command == GenericNack:
			return fmt.Errorf("bind: %w", &Refusal{Status: p.Status})
		}
		return nil
	}
}

// serve reads until the connection fails or ctx ends, and leaves nothing behind.
func (s *session) serve(ctx context.Context) error {
	var all sync.WaitGroup
	working := context.WithoutCancel(ctx)
	for range s.client.cfg.Handlers {
		all.Go(func() { s.handle(working, s.inbox) })
	}
	for _, lane := range s.lanes {
		all.Go(func() { s.handle(working, lane) })
	}
	all.Go(s.watch)
	all.Go(func() { s.part(ctx) })
	s.fail(s.read())
	close(s.inbox)
	for _, lane := range s.lanes {
		close(lane)
	}
	all.Wait()
	return s.err
}

// read dispatches PDUs. It never waits for anybody.
func (s *session) read() error {
	for {
		p, err := s.conn.Read()
		if errors.Is(err, ErrBroken) {
			s.client.broken.Add(1)
			slog.Warn("broken PDU", "provider", s.client.cfg.Name, "seq", p.Seq, "err", err)
			if p.Command.IsResp() {
				s.settle(p.Seq, answer{err: fmt.Errorf("%w: %w", ErrUnknown, err)})
				continue
			}
			s.send(PDU{Command: GenericNack, Status: InvalidLength, Seq: p.Seq})
			continue
		}
		if err != nil {
			if errors.Is(err, ErrLength) {
				s.client.broken.Add(1)
			}
			return err
		}
		switch p.Command {
		case DeliverSM:
			if !s.enter(p) {
				s.send(PDU{Command: DeliverSM.Resp(), Status: QueueFull, Seq: p.Seq, Body: &Answer{}})
			}
		case EnquireLink:
			s.send(PDU{Command: EnquireLink.Resp(), Seq: p.Seq})
		case Unbind:
			s.send(PDU{Command: Unbind.Resp(), Seq: p.Seq})
			return errUnbound
		case Alert:
		case GenericNack, SubmitSM.Resp(), QuerySM.Resp(), CancelSM.Resp(), EnquireLink.Resp(), Unbind.Resp():
			s.settle(p.Seq, answer{pdu: p})
		default:
			if !p.Command.IsResp() {
				s.send(PDU{Command: GenericNack, Status: InvalidCommand, Seq: p.Seq})
			}
		}
	}
}

// enter hands a deliver_sm to the handlers, unless there is no room or we are about to leave.
func (s *session) enter(p PDU) bool {
	m := p.Body.(*Message)
	n, line := news{pdu: p, receipt: m.isReceipt()}, s.inbox
	if !n.receipt {
		line = s.lanes[maphash.String(seed, m.From.Addr)%lanes]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	select {
	case line <- n:
		s.inHand++
		return true
	default:
		return false
	}
}

// send is for answers; if the line is down, read will notice.
func (s *session) send(p PDU) { _, _ = s.conn.Send(p) }

// request sends p with a fresh number and has c wait for the answer. The error is ErrNotSent or ErrField.
func (s *session) request(p PDU, c *call) error {
	c.answered = make(chan answer, 1)
	s.mu.Lock()
	if s.err != nil || (c.submit && s.stopping) {
		err := errors.Join(s.err, errStopping)
		s.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	s.seq = s.seq%0x7FFFFFFF + 1
	p.Seq, c.seq = s.seq, s.seq
	s.calls[c.seq] = c
	s.mu.Unlock()

	end, err := s.conn.Send(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		c.end = end
		return nil
	}
	delete(s.calls, c.seq)
	s.checkIdle()
	if errors.Is(err, ErrField) {
		return err
	}
	go s.fail(err) // the line is down; the reader may learn of it later
	return fmt.Errorf("%w: %w", ErrNotSent, err)
}

// settle hands an answer to whoever waits for it. An answer that nobody asked for is ignored.
func (s *session) settle(seq uint32, a answer) {
	s.mu.Lock()
	c := s.calls[seq]
	delete(s.calls, seq)
	late := c != nil && c.late && c.submit
	if late {
		s.lateones--
	}
	s.checkIdle()
	s.mu.Unlock()
	if c == nil {
		return
	}
	if c.submit {
		<-s.slots
	}
	if late && s.client.handler.Late != nil && a.err == nil {
		select {
		case s.inbox <- news{pdu: a.pdu, late: c}:
		default:
		}
	}
	c.answered <- a
}

// abandon marks a call that nobody waits for any more. Its place in the window stays taken, for the far end
// still counts it; if the whole window is lost that way, the line is given up. It reports false if the call
// was answered at the same moment.
func (s *session) abandon(c *call) bool {
	s.mu.Lock()
	if s.calls[c.seq] != c {
		s.mu.Unlock()
		return false
	}
	c.late = true
	if c.submit {
		s.lateones++
	}
	lost := s.lateones >= cap(s.slots)
	s.mu.Unlock()
	if lost {
		s.fail(errSilent)
	}
	return true
}

func (s *session) checkIdle() {
	if s.idle != nil && len(s.calls) == 0 && s.inHand == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// fail ends the session: the connection is closed, and every call learns whether its PDU may have left.
func (s *session) fail(err error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	s.mu.Unlock()

	s.client.leave(s)
	close(s.done)
	s.conn.Close()
	written := s.conn.Written()
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq, c := range s.calls {
		// A call without an end is just being sent: Send either fails, or has queued it and its octets
		// were counted or not when the connection closed; not knowing which, it is taken as written.
		outcome := ErrUnknown
		if c.end > written {
			outcome = ErrNotSent
		}
		delete(s.calls, seq)
		c.answered <- answer{err: fmt.Errorf("%w: %w", outcome, err)}
	}
	s.checkIdle()
}

// watch asks for signs of life.
func (s *session) watch() {
	every := time.NewTicker(s.client.cfg.EnquireLink)
	defer every.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-every.C:
		}
		c := &call{}
		if s.request(PDU{Command: EnquireLink}, c) != nil {
			return
		}
		patience := time.NewTimer(s.client.cfg.AnswerIn)
		select {
		case <-s.done:
		case <-c.answered:
		case <-patience.C:
			s.fail(errSilent)
		}
		patience.Stop()
	}
}

// part takes leave when ctx ends: nothing new, the last answers of both sides, unbind. It gives up after
// AnswerIn.
func (s *session) part(ctx context.Context) {
	select {
	case <-s.done:
		return
	case <-ctx.Done():
	}
	s.client.leave(s)
	patience := time.NewTimer(s.client.cfg.AnswerIn)
	defer patience.Stop()
	idle := make(chan struct{})
	s.mu.Lock()
	s.stopping, s.idle = true, idle
	s.checkIdle()
	s.mu.Unlock()
	select {
	case <-idle:
	case <-s.done:
		return
	case <-patience.C:
		s.fail(errStopping)
		return
	}
	c := &call{}
	if s.request(PDU{Command: Unbind}, c) == nil {
		select {
		case <-c.answered:
		case <-s.done:
		case <-patience.C:
		}
	}
	s.fail(errStopping)
}

// handle gives receipts and replies to the handler and answers the network when it is done.
func (s *session) handle(ctx context.Context, line <-chan news) {
	for n := range line {
		if n.late != nil {
			s.tellLate(ctx, n)
			continue
		}
		p := n.pdu
		select {
		case <-s.done:
			continue // can't be acknowledged any more; the network will deliver it again
		default:
		}
		status := OK
		if err := s.take(ctx, n); err != nil {
			s.client.refused.Add(1)
			status = TemporaryFailure
			slog.WarnContext(ctx, "delivery not taken", "provider", s.client.cfg.Name, "seq", p.Seq, "err", err)
		}
		s.send(PDU{Command: DeliverSM.Resp(), Status: status, Seq: p.Seq, Body: &Answer{}})
		s.mu.Lock()
		s.inHand--
		s.checkIdle()
		s.mu.Unlock()
	}
}

func (s *session) tellLate(ctx context.Context, n news) {
	if a, ok := n.pdu.Body.(*Answer); ok && n.pdu.Command == SubmitSM.Resp() && n.pdu.Status == OK && a.ID != "" {
		s.client.handler.Late(ctx, n.late.key, n.late.part, a.ID)
	}
}

func (s *session) take(ctx context.Context, n news) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	m := n.pdu.Body.(*Message)
	if n.receipt {
		s.client.receipts.Add(1)
		if s.client.handler.Receipt == nil {
			return nil
		}
		r := m.receipt()
		r.Sequence = n.pdu.Seq
		return s.client.handler.Receipt(ctx, r)
	}
	s.client.inbound.Add(1)
	if s.client.handler.Inbound == nil {
		return nil
	}
	mo := m.inbound()
	mo.Sequence = n.pdu.Seq
	return s.client.handler.Inbound(ctx, mo)
}

func (m *Message) inbound() MO {
	piece := m.Piece()
	return MO{From: m.From.Addr, To: m.To.Addr, Text: sms.Decode(piece.DCS, piece.Body), Piece: piece}
}

// Piece is the message's text with its place in a longer one, whichever way the sender told it: a user data
// header or the sar_ fields; in short_message or message_payload.
func (m *Message) Piece() sms.Piece {
	p := sms.Piece{DCS: m.Coding, Body: m.text(), Concat: m.segments()}
	if m.Class&ClassHeader != 0 {
		p.Concat, p.Body = sms.Header(p.Body)
	}
	return p
}

// segments reads the sar_ fields, the other way to number parts.
func (m *Message) segments() sms.Concat {
	ref, ok1 := m.TLVs.Get(TagSARRef)
	total, ok2 := m.TLVs.Get(TagSARTotal)
	part, ok3 := m.TLVs.Get(TagSARPart)
	if !ok1 || !ok2 || !ok3 || len(ref) != 2 || len(total) != 1 || len(part) != 1 || part[0] < 1 || part[0] > total[0] {
		return sms.Concat{}
	}
	return sms.Concat{Ref: uint16(ref[0])<<8 | uint16(ref[1]), Total: int(total[0]), Part: int(part[0])}
}
