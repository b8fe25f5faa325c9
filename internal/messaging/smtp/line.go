package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strconv"
	"time"
)

// line is a connection to the mail server, greeted, secured and logged in.
type line struct {
	conn   net.Conn
	client *smtp.Client
	cfg    Config
	batch  bool // takes the envelope in one go
	dead   bool // the server said that it hangs up
}

func dial(ctx context.Context, cfg Config) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, err
	}
	until, _ := ctx.Deadline()
	conn.SetDeadline(until)
	l := &line{conn: conn, cfg: cfg}
	if err := l.greet(); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

func (l *line) greet() (err error) {
	if l.client, err = smtp.NewClient(l.conn, l.cfg.Host); err != nil {
		return err
	}
	if err = l.client.Hello(l.cfg.Hello); err != nil {
		return err
	}
	if l.cfg.TLS {
		if err = l.client.StartTLS(&tls.Config{ServerName: l.cfg.Host, MinVersion: tls.VersionTLS12}); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if l.cfg.User != "" {
		if err = l.client.Auth(smtp.PlainAuth("", l.cfg.User, l.cfg.Password, l.cfg.Host)); err != nil {
			return fmt.Errorf("log in: %w", err)
		}
	}
	l.batch, _ = l.client.Extension("PIPELINING")
	return nil
}

// send hands over a mail. begun says that its text was on the way when something failed. What the server refuses is an
// answer, after which the line is as before.
func (l *line) send(until time.Time, from, to string, text []byte) (begun bool, err error) {
	l.conn.SetDeadline(until)
	w := l.client.Text.W
	steps := [3]struct {
		name string
		want int
	}{{"MAIL", 250}, {"RCPT", 25}, {"DATA", 354}}
	var no error
	for i, s := range steps {
		switch i {
		case 0:
			w.WriteString("MAIL FROM:<")
			w.WriteString(from)
			w.WriteString(">\r\n")
		case 1:
			w.WriteString("RCPT TO:<")
			w.WriteString(to)
			w.WriteString(">\r\n")
		default:
			w.WriteString("DATA\r\n")
		}
		if l.batch && i < len(steps)-1 {
			continue
		}
		if err := w.Flush(); err != nil {
			return false, err
		}
		first := i
		if l.batch {
			first = 0
		}
		for _, s = range steps[first : i+1] {
			err := l.hear(s.want)
			if e, said := errors.AsType[*textproto.Error](err); said {
				l.dead = l.dead || e.Code == 421
				if no == nil {
					no = answer{e, s.name}
				}
			} else if err != nil {
				return false, err
			} else if s.name == "DATA" && no != nil {
				l.dead = true // it waits for a text that has nobody to go to
			}
		}
		if no != nil {
			return false, l.reset(no)
		}
	}
	end := "\r\n.\r\n"
	if bytes.HasSuffix(text, []byte("\r\n")) {
		end = end[2:]
	}
	if _, err := w.Write(append(text, end...)); err != nil {
		return true, err
	}
	if err := w.Flush(); err != nil {
		return true, err
	}
	err = l.hear(250)
	if e, said := errors.AsType[*textproto.Error](err); said {
		l.dead = l.dead || e.Code == 421
		return true, answer{e, "text"}
	}
	return true, err
}

// longestReply is how many lines an answer of the server may have.
const longestReply = 100

// hear reads an answer of the server. One that doesn't begin with the figures wanted is a *textproto.Error.
func (l *line) hear(want int) error {
	r := l.client.Text.R
	var more []byte
	for range longestReply {
		b, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		b = bytes.TrimRight(b, "\r\n")
		code, last := 0, len(b) == 3 || len(b) > 3 && b[3] == ' '
		if len(b) >= 3 && (last || b[3] == '-') {
			code, err = strconv.Atoi(string(b[:3]))
		}
		if err != nil || code < 200 {
			return textproto.ProtocolError("a reply that is none: " + string(b[:min(len(b), 80)]))
		}
		if !last {
			more = append(append(more, b[4:]...), '\n')
			continue
		}
		if code == want || code/10 == want {
			return nil
		}
		return &textproto.Error{Code: code, Msg: string(append(more, b[min(4, len(b)):]...))}
	}
	return textproto.ProtocolError("a reply that doesn't end")
}

// reset makes the server forget the envelope that it refused.
func (l *line) reset(no error) error {
	if !l.dead && l.client.Reset() != nil {
		l.dead = true
	}
	return no
}

func (l *line) close() { l.conn.Close() }

// quit takes leave, without waiting long for an answer.
func (l *line) quit() {
	if !l.dead {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		until, _ := ctx.Deadline()
		l.conn.SetDeadline(until)
		l.client.Quit()
	}
	l.conn.Close()
}
