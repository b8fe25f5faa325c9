// Package mailin listens for mail that comes in: what other servers send back, complaints, answers of people. It takes
// what is for an address of the shop, within limits of size, time and number, and says that it has once that is kept.
//
// What a mail means is found out by package messaging. It stands behind the merchant's own mail server, or a name of
// its own whose MX leads here; it filters nothing and forwards nothing.
package mailin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"portolan/internal/fault"
)

// Desk takes what comes in; satisfied by messaging.Service.
type Desk interface {
	TakesMail(to string) bool
	TakeMail(ctx context.Context, raw []byte, to ...string) (what string, err error)
}

// Limits of the intake.
const (
	Largest    = 1 << 20          // bytes of a mail
	MostLines  = 50               // connections at a time
	mostTo     = 10               // recipients of a mail
	patience   = 30 * time.Second // for each line that we wait for
	wholeVisit = 5 * time.Minute  // for everything on one connection
)

// Server is an intake. Make it with New.
type Server struct {
	desk   Desk
	server *smtp.Server
	l      net.Listener
	taken  atomic.Int64
	turned atomic.Int64
}

// New returns an intake that greets as domain and gives what comes to desk.
func New(desk Desk, domain string) *Server {
	s := &Server{desk: desk}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }))
	s.server.Domain, s.server.MaxMessageBytes, s.server.MaxRecipients = domain, Largest, mostTo
	s.server.ReadTimeout, s.server.WriteTimeout = patience, patience
	s.server.MaxLineLength, s.server.EnableSMTPUTF8 = 4000, true
	s.server.ErrorLog = quiet{}
	return s
}

// Counts says how many mails were taken and how many turned away since the start.
func (s *Server) Counts() (taken, turned int64) { return s.taken.Load(), s.turned.Load() }

// Listen opens the port: "127.0.0.1:0" picks a free one.
func (s *Server) Listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.l = &few{Listener: l, room: make(chan struct{}, MostLines)}
	return nil
}

// Addr is where the intake listens, after Listen.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Run takes mail until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer done()
		if s.server.Shutdown(grace) != nil {
			s.server.Close()
		}
	})
	defer stop()
	err := s.server.Serve(s.l)
	if errors.Is(err, smtp.ErrServerClosed) || ctx.Err() != nil {
		return nil
	}
	return err
}

// few lets no more than its room in at a time, and nobody stay for ever; who comes when it is full is turned away at
// once.
type few struct {
	net.Listener
	room chan struct{}
}

func (f *few) Accept() (net.Conn, error) {
	for {
		c, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case f.room <- struct{}{}:
			v := &visitor{Conn: c, room: f.room}
			v.out = time.AfterFunc(wholeVisit, func() { c.Close() })
			return v, nil
		default:
			c.Close()
		}
	}
}

type visitor struct {
	net.Conn
	room chan struct{}
	out  *time.Timer
	gone atomic.Bool
}

func (v *visitor) Close() error {
	if v.gone.CompareAndSwap(false, true) {
		v.out.Stop()
		<-v.room
	}
	return v.Conn.Close()
}

// session is one conversation with a mail server.
type session struct {
	s  *Server
	to []string
}

func (c *session) Reset()        { c.to = nil }
func (c *session) Logout() error { return nil }

func (c *session) Mail(string, *smtp.MailOptions) error { return nil }

var (
	errNobody = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody here of that name"}
	errNot    = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "this is about no mail of ours"}
	errLater  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not now, please try again"}
)

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !c.s.desk.TakesMail(to) {
		c.s.turned.Add(1)
		return errNobody
	}
	c.to = append(c.to, to)
	return nil
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = c.s.desk.TakeMail(context.Background(), raw, c.to...)
	switch {
	case err == nil:
		c.s.taken.Add(1)
		return nil
	case fault.Of(err).Kind == fault.Anonymous, fault.Of(err).Kind == fault.Invalid:
		c.s.turned.Add(1)
		return errNot
	}
	slog.Error("can't keep a mail that came in", "err", err)
	return errLater
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
