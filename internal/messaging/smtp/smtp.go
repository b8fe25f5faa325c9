// Package smtp hands e-mails to a mail server. It is messaging's carrier for that channel.
package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wneessen/go-mail"
	mailsmtp "github.com/wneessen/go-mail/smtp"

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
}

// Carrier sends over connections that it keeps open.
type Carrier struct {
	client *mail.Client
	cfg    Config
	idle   chan *mailsmtp.Client
}

// New returns a carrier that doesn't connect before the first mail.
func New(cfg Config) (*Carrier, error) {
	if cfg.Lines == 0 {
		cfg.Lines = 4
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	options := []mail.Option{mail.WithPort(cfg.Port), mail.WithTimeout(cfg.Timeout), mail.WithTLSPolicy(mail.NoTLS)}
	if cfg.TLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if cfg.Hello != "" {
		options = append(options, mail.WithHELO(cfg.Hello))
	}
	if cfg.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(cfg.User), mail.WithPassword(cfg.Password))
	}
	c, err := mail.NewClient(cfg.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail server %s: %w", cfg.Host, err)
	}
	return &Carrier{c, cfg, make(chan *mailsmtp.Client, cfg.Lines)}, nil
}

// Send implements messaging.Carrier. A refusal of the address is BadNumber, a server that can't be reached Again;
// a line that breaks after the text was begun leaves the outcome unknown.
func (c *Carrier) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	m, err := c.letter(p)
	if err != nil {
		return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.BadNumber, Code: "letter", Err: err}
	}
	line, err := c.line(ctx)
	if err != nil {
		return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.Again, Code: "connect", Err: err}
	}
	if err := c.client.SendWithSMTPClient(line, m); err != nil {
		c.client.CloseWithSMTPClient(line)
		return messaging.Taken{}, sort(err)
	}
	select {
	case c.idle <- line:
	default:
		c.client.CloseWithSMTPClient(line)
	}
	return messaging.Taken{Parts: 1, Final: true}, nil
}

// line is an open connection: an idle one if it still lives.
func (c *Carrier) line(ctx context.Context) (*mailsmtp.Client, error) {
	for {
		select {
		case l := <-c.idle:
			if l.Noop() == nil {
				return l, nil
			}
			c.client.CloseWithSMTPClient(l)
		default:
			return c.client.DialToSMTPClientWithContext(ctx)
		}
	}
}

// Close ends the idle connections.
func (c *Carrier) Close() {
	for {
		select {
		case l := <-c.idle:
			c.client.CloseWithSMTPClient(l)
		default:
			return
		}
	}
}

// letter is the mail with its plain and HTML parts. Every header value is encoded by the library.
func (c *Carrier) letter(p messaging.Parcel) (*mail.Msg, error) {
	m := mail.NewMsg()
	if err := m.FromFormat(p.Brand, p.Sender); err != nil {
		return nil, err
	}
	if err := m.To(p.To); err != nil {
		return nil, err
	}
	if c.cfg.ReplyTo != "" {
		if err := m.ReplyTo(c.cfg.ReplyTo); err != nil {
			return nil, err
		}
	}
	m.Subject(p.Subject)
	m.SetDate()
	_, host, _ := cutLast(p.Sender)
	m.SetMessageIDWithValue(p.Attempt + "@" + host)
	m.SetGenHeader("X-Message", p.Message)
	if p.Language != "" {
		m.SetGenHeader("Content-Language", p.Language)
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	if p.Leave != "" {
		m.SetGenHeaderPreformatted("List-Unsubscribe", "<"+p.Leave+">")
		m.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	m.SetBodyString(mail.TypeTextPlain, p.Text)
	if p.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, p.HTML)
	}
	return m, nil
}

func cutLast(address string) (local, host string, ok bool) {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[:i], address[i+1:], true
		}
	}
	return address, "localhost", false
}

// sort tells a refusal from an outcome that nobody knows.
func sort(err error) error {
	var sent *mail.SendError
	if !errors.As(err, &sent) {
		return err
	}
	code := fmt.Sprint(sent.ErrorCode())
	no := func(t messaging.Trouble) error { return &messaging.Refusal{Trouble: t, Code: code, Err: err} }
	var network net.Error
	switch {
	case sent.Reason == mail.ErrSMTPRcptTo && !sent.IsTemp():
		return no(messaging.BadNumber)
	case sent.Reason == mail.ErrSMTPMailFrom && !sent.IsTemp():
		return no(messaging.Setup)
	case sent.Reason == mail.ErrSMTPRcptTo, sent.Reason == mail.ErrSMTPMailFrom, sent.Reason == mail.ErrConnCheck, sent.IsTemp():
		return no(messaging.Again)
	case errors.As(err, &network) || sent.ErrorCode() == 0:
		return err
	}
	return no(messaging.OtherRoute)
}
