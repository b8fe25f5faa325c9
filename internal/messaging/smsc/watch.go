package smsc

import (
	"fmt"
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
