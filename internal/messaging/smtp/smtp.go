// Package smtp hands e-mails to a mail server. It is messaging's carrier for that channel.
package smtp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/db"
	"portolan/internal/messaging"
)

// Config says where the mail server is. Without User there is no login; without TLS the line is plain, which is
// for a server on the same machine only.
type Config struct {
	Host     string
	Port     int
	User     string
	Password string
	TLS      bool   // STARTTLS is demanded
	Hello    string // name we greet with; the machine's if empty
	ReplyTo  string
	Lines    int // connections kept open: 4
	Timeout  time.Duration
	Now      func() time.Time // dates the mails; the world's time if nil
}

// Carrier sends over connections that it keeps open, and has a mail's envelope answered in one trip where the server
// can (RFC 2920).
type Carrier struct {
	cfg    Config
	idle   chan *line
	closed atomic.Bool
}

// New returns a carrier that doesn't connect before the first mail.
func New(cfg Config) (*Carrier, error) {
	if cfg.Host == "" || cfg.Port < 1 || cfg.Port > 65535 {
		return nil, fmt.Errorf("mail server %s:%d: no such address", cfg.Host, cfg.Port)
	}
	if cfg.Lines == 0 {
		cfg.Lines = 4
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Hello == "" {
		cfg.Hello, _ = os.Hostname()
		cfg.Hello = cmp.Or(cfg.Hello, "localhost")
	}
	if cfg.Now == nil {
		cfg.Now = db.Real().Now
	}
	return &Carrier{cfg: cfg, idle: make(chan *line, cfg.Lines)}, nil
}

// buffers are where letters are written, one after the other.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// Room implements messaging.Roomy.
func (c *Carrier) Room() int { return c.cfg.Lines }

// Send implements messaging.Carrier. A refusal of the address is BadNumber, a server that can't be reached Again;
// a line that breaks after the text was begun leaves the outcome unknown.
func (c *Carrier) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	no := func(t messaging.Trouble, code string, err error) (messaging.Taken, error) {
		return messaging.Taken{}, &messaging.Refusal{Trouble: t, Code: code, Err: err}
	}
	room := buffers.Get().(*[]byte)
	defer buffers.Put(room)
	text, err := c.letter((*room)[:0], p, c.cfg.Now())
	*room = text
	if err != nil {
		return no(messaging.BadNumber, "letter", err)
	}
	if strings.ContainsAny(p.Sender+p.To+p.Return, "\r\n<> ") {
		return no(messaging.BadNumber, "letter", errors.New("an address with spaces or brackets"))
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	until, _ := ctx.Deadline()
	for {
		l, used, err := c.line(ctx)
		if err != nil {
			return no(messaging.Again, "connect", err)
		}
		begun, err := l.send(until, cmp.Or(p.Return, p.Sender), p.To, text)
		_, answered := errors.AsType[answer](err)
		if err != nil && !answered {
			l.close()
			if begun {
				return messaging.Taken{}, fmt.Errorf("the line broke within the mail: %w", err)
			}
			if used && ctx.Err() == nil {
				continue // the server had hung up meanwhile; nothing of this mail has left
			}
			return no(messaging.Again, "line", err)
		}
		c.back(l)
		if err != nil {
			return messaging.Taken{}, refusal(err)
		}
		return messaging.Taken{Parts: 1, Final: true}, nil
	}
}

// line is an open connection, and whether it was used before.
func (c *Carrier) line(ctx context.Context) (l *line, used bool, err error) {
	select {
	case l = <-c.idle:
		return l, true, nil
	default:
	}
	l, err = dial(ctx, c.cfg)
	return l, false, err
}

// back keeps a line for the next mail, if there is room.
func (c *Carrier) back(l *line) {
	if !l.dead && !c.closed.Load() {
		select {
		case c.idle <- l:
			if c.closed.Load() {
				c.Close()
			}
			return
		default:
		}
	}
	l.quit()
}

// Close ends the idle connections, and the others when their mail is through.
func (c *Carrier) Close() {
	c.closed.Store(true)
	for {
		select {
		case l := <-c.idle:
			l.quit()
		default:
			return
		}
	}
}

func cutLast(address string) (local, host string, ok bool) {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[:i], address[i+1:], true
		}
	}
	return address, "localhost", false
}

// answer is what the server said, and to which part of the envelope.
type answer struct {
	said *textproto.Error
	to   string // MAIL, RCPT, DATA or the text
}

func (a answer) Error() string { return a.to + ": " + a.said.Error() }

// refusal reads an answer that says no.
func refusal(err error) error {
	a, _ := errors.AsType[answer](err)
	t := messaging.OtherRoute
	switch {
	case a.said.Code == 421 || a.said.Code/100 == 4:
		t = messaging.Again
	case a.said.Code == 530 || a.said.Code == 535:
		t = messaging.Account
	case a.to == "RCPT":
		t = messaging.BadNumber
	case a.to == "MAIL":
		t = messaging.Setup
	}
	return &messaging.Refusal{Trouble: t, Code: strconv.Itoa(a.said.Code), Err: err}
}
