package smsc

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"portolan/internal/messaging/smpp"
)

// Traffic is one PDU on a line.
type Traffic struct {
	At      time.Time
	Account string // "" before the bind
	Line    int    // counted from the server's start
	Sent    bool   // by the server
	PDU     smpp.PDU
}

// String is a line for reading along.
func (t Traffic) String() string {
	way := "<-"
	if t.Sent {
		way = "->"
	}
	return fmt.Sprintf("%s %s#%d %s %s", t.At.UTC().Format("15:04:05.000000"), t.Account, t.Line, way, t.PDU)
}

func (l *line) watch(sent bool, p smpp.PDU) {
	t := Traffic{At: l.server.clock.Now(), Line: l.number, Sent: sent, PDU: p}
	if login, ok := p.Body.(*smpp.Login); ok {
		t.Account = login.SystemID
	}
	if a := l.bound.Load(); a != nil {
		t.Account = a.name
	}
	l.server.cfg.Watch(t)
}

// Rests reports whether nothing is on its way: no submit is in hand, within the time given no answer, receipt or reply leaves
// and no text arrives, and clients have taken what there was for them, as far as they are there to take it.
func (s *Server) Rests(within time.Duration) bool {
	if s.submitting.Load() > 0 || s.schedule.busy(s.clock.Now().Add(within)) {
		return false
	}
	s.mu.Lock()
	accounts := slices.Collect(maps.Values(s.accounts))
	s.mu.Unlock()
	return !slices.ContainsFunc(accounts, (*account).busy)
}

// busy reports whether a line owes an answer, or could take what waits.
func (a *account) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.lines) > 0 && a.head < len(a.queue) || slices.ContainsFunc(a.lines, func(l *line) bool { return len(l.open) > 0 })
}
