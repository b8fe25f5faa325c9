// Package mailsink is a mail server on loopback that delivers nothing: it keeps the last mails in memory, so that
// the demo can show what shoppers would have received.
package mailsink

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"portolan/internal/fault"
	"portolan/internal/id"
)

// ErrUnknown is returned for a mail that is not there any more, or never was.
var ErrUnknown = fault.New(fault.NotFound, "mailsink.unknown")

const (
	keep    = 500
	largest = 2 << 20
)

// Mail is one mail as it arrived. HTML is what the sender wrote and must not be shown outside a sandboxed frame.
type Mail struct {
	ID      string
	From    string
	To      []string
	Subject string
	Text    string
	HTML    string
	Leave   string // address of one-click unsubscribing, if any
	Message string // our message's ID, if it is ours
	At      time.Time
}

// Sink keeps mails. Make it with New.
type Sink struct {
	now func() time.Time

	mu      sync.Mutex
	mails   []Mail // oldest first
	changed chan struct{}
	server  *smtp.Server
	addr    net.Addr
}

// New returns an empty sink that dates mails by now.
func New(now func() time.Time) *Sink { return &Sink{now: now, changed: make(chan struct{})} }

// Listen opens the port: "127.0.0.1:0" picks a free one. Only loopback addresses are taken.
func (s *Sink) Listen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("a mail sink listens on loopback only, not on %q", host)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{sink: s}, nil }))
	server.Domain, server.MaxMessageBytes, server.MaxRecipients = "localhost", largest, 50
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.ErrorLog = quiet{}
	s.mu.Lock()
	s.addr, s.server = l.Addr(), server
	s.mu.Unlock()
	go server.Serve(l)
	return nil
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Port is where the sink listens, 0 before Listen.
func (s *Sink) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.addr.(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// Close stops listening and hangs up: mails in hand have a moment, and who keeps a line open for the next one
// doesn't hold up the end of the program.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	server := s.server
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if errors.Is(err, smtp.ErrServerClosed) {
		err = nil
	}
	return err
}

// List returns the mails to an address, newest first; to everybody if it is empty.
func (s *Sink) List(to string) []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Mail
	for _, m := range slices.Backward(s.mails) {
		if to == "" || slices.ContainsFunc(m.To, func(t string) bool { return strings.EqualFold(t, to) }) {
			out = append(out, m)
		}
	}
	return out
}

// Get returns one mail or ErrUnknown.
func (s *Sink) Get(id string) (Mail, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.mails {
		if m.ID == id {
			return m, nil
		}
	}
	return Mail{}, ErrUnknown
}

// Changed is closed when the next mail arrives.
func (s *Sink) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Sink) add(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.ID, m.At = id.New("eml"), s.now()
	s.mails = append(s.mails, m)
	s.mails = s.mails[max(0, len(s.mails)-keep):]
	close(s.changed)
	s.changed = make(chan struct{})
}

// session is one conversation with a sender.
type session struct {
	sink *Sink
	from string
	to   []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := Read(raw)
	m.From, m.To = s.from, slices.Clone(s.to)
	s.sink.add(m)
	return nil
}

// Read takes a mail apart. What cannot be read is kept as text.
func Read(raw []byte) (m Mail) {
	letter, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.Text = strings.ToValidUTF8(string(raw), "?")
		return m
	}
	words := mime.WordDecoder{}
	m.Subject, err = words.DecodeHeader(letter.Header.Get("Subject"))
	if err != nil {
		m.Subject = letter.Header.Get("Subject")
	}
	m.Leave = strings.Trim(letter.Header.Get("List-Unsubscribe"), "<>")
	m.Message = letter.Header.Get("X-Message")
	m.part(letter.Header.Get("Content-Type"), letter.Header.Get("Content-Transfer-Encoding"), letter.Body, 0)
	return m
}

const deepest = 5

func (m *Mail) part(kind, encoding string, body io.Reader, depth int) {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") && params["boundary"] != "" && depth < deepest {
		all := multipart.NewReader(body, params["boundary"])
		for {
			p, err := all.NextRawPart()
			if err != nil {
				return
			}
			m.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, _ := io.ReadAll(body)
	text := strings.ToValidUTF8(strings.ReplaceAll(string(b), "\r\n", "\n"), "?")
	switch {
	case media == "text/html" && m.HTML == "":
		m.HTML = text
	case media == "text/plain" && m.Text == "":
		m.Text = text
	}
}
