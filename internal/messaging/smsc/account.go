package smsc

import (
	"maps"
	"slices"
	"sync"
	"time"

	"portolan/internal/messaging/smpp"
)

// deliveries that one line has not answered yet
const deliveryWindow = 100

// most senders whose account is remembered
const keepOwners = 10_000

// account is a client, however many lines it has. Receipts and replies wait here for a line that hears.
type account struct {
	server *Server
	name   string
	meter  meter

	mu    sync.Mutex
	bound int // connections
	lines []*line
	queue []*delivery // from head
	head  int
	turn  int
}

// delivery is one deliver_sm until the client took it.
type delivery struct {
	message *smpp.Message
	kind    deliveryKind
	tries   int
	taken   func(at time.Time) // may be nil
}

type deliveryKind uint8

const (
	forReceipt deliveryKind = iota
	forReply
)

func (s *Server) account(name string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[name]
	if a == nil {
		a = &account{server: s, name: name}
		s.accounts[name] = a
	}
	return a
}

// own notes who writes as a sender, so that replies find back.
func (s *Server) own(sender, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.owners[sender]; known || len(s.owners) < keepOwners {
		s.owners[sender] = account
	}
}

// owner is the account that replies to a sender go to.
func (s *Server) owner(sender string) (*account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[s.owners[sender]]; a != nil {
		return a, nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.accounts)) {
		return s.accounts[name], nil
	}
	return nil, ErrNobody
}

// enter counts a connection in, unless the account has as many as it may.
func (a *account) enter(most int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if most > 0 && a.bound >= most {
		return false
	}
	a.bound++
	return true
}

func (a *account) join(l *line) {
	if !l.hears {
		return
	}
	a.mu.Lock()
	a.lines = append(a.lines, l)
	a.mu.Unlock()
	a.pump(nil)
}

// leave puts what the line did not answer back in front.
func (a *account) leave(l *line) {
	a.mu.Lock()
	a.bound--
	a.lines = slices.DeleteFunc(a.lines, func(other *line) bool { return other == l })
	again := make([]*delivery, 0, len(l.open))
	for _, seq := range sortedKeys(l.open) {
		again = append(again, l.open[seq])
	}
	clear(l.open)
	a.queue, a.head = append(again, a.queue[a.head:]...), 0
	a.mu.Unlock()
	a.pump(nil)
}

func sortedKeys(m map[uint32]*delivery) []uint32 {
	keys := make([]uint32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// deliver sends a receipt or reply as soon as a line is free.
func (a *account) deliver(d *delivery) {
	a.mu.Lock()
	if len(a.queue)-a.head >= a.server.cfg.KeepQueue {
		a.server.dropped.Add(1)
		a.queue[a.head] = nil
		a.head++
	}
	if a.head > len(a.queue)/2 && a.head > 64 {
		n := copy(a.queue, a.queue[a.head:])
		clear(a.queue[n:])
		a.queue, a.head = a.queue[:n], 0
	}
	a.queue = append(a.queue, d)
	a.mu.Unlock()
	a.pump(nil)
}

// pump sends while something waits and a line has room. The lines take turns. reading is the line whose
// goroutine calls, if it is one.
func (a *account) pump(reading *line) {
	for {
		a.mu.Lock()
		var l *line
		if a.head < len(a.queue) {
			l = a.free()
		}
		if l == nil {
			a.mu.Unlock()
			return
		}
		d := a.queue[a.head]
		a.queue[a.head] = nil
		a.head++
		seq := l.next()
		l.open[seq] = d
		a.mu.Unlock()
		if d.kind == forReceipt {
			a.server.receipts.Add(1)
		} else {
			a.server.replies.Add(1)
		}
		p := smpp.PDU{Command: smpp.DeliverSM, Seq: seq, Body: d.message}
		if l == reading {
			l.conn.Answer(p)
		} else {
			l.conn.Send(p)
		}
		// If the line is down, leave finds the delivery in open.
	}
}

// garble sends a PDU whose body breaks off.
func (a *account) garble() {
	a.mu.Lock()
	if len(a.lines) == 0 {
		a.mu.Unlock()
		return
	}
	l := a.lines[a.turn%len(a.lines)]
	seq := l.next()
	a.mu.Unlock()
	l.conn.Send(smpp.PDU{Command: smpp.DeliverSM, Seq: seq, Body: smpp.Raw("broken off")})
}

func (a *account) free() *line {
	for i := range a.lines {
		l := a.lines[(a.turn+i)%len(a.lines)]
		if len(l.open) < deliveryWindow {
			a.turn = (a.turn + i + 1) % len(a.lines)
			return l
		}
	}
	return nil
}

// answered ends a delivery, or has it come again later.
func (a *account) answered(l *line, seq uint32, status smpp.Status) {
	a.mu.Lock()
	d := l.open[seq]
	delete(l.open, seq)
	a.mu.Unlock()
	s := a.server
	switch {
	case d == nil:
	case status == smpp.OK:
		if d.kind == forReceipt {
			s.receiptsTaken.Add(1)
		} else {
			s.repliesTaken.Add(1)
		}
		if d.taken != nil {
			d.taken(s.clock.Now())
		}
	case d.tries >= 10:
		s.dropped.Add(1)
	default:
		wait := s.cfg.RedeliverAfter << d.tries
		d.tries++
		s.schedule.add(s.clock.Now().Add(wait), func(time.Time) { a.deliver(d) })
	}
	a.pump(l)
}
