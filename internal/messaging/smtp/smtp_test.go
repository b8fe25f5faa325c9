package smtp_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/smtp"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a mail server of few words: say answers each command, "" hangs up.
type server struct {
	l     net.Listener
	mu    sync.Mutex
	lines []string
	say   func(command string) string
	all   sync.WaitGroup
}

func serve(t testing.TB, pipelining bool) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{l: l}
	s.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.all.Go(func() { s.talk(c, pipelining) })
		}
	})
	t.Cleanup(func() { l.Close(); s.all.Wait() })
	return s
}

func (s *server) talk(c net.Conn, pipelining bool) {
	defer c.Close()
	r, out := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	fmt.Fprint(out, "220 ready\r\n")
	text := false
	for {
		if r.Buffered() == 0 && out.Flush() != nil {
			return
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		word := strings.ToUpper(string(line[:min(4, len(line))]))
		if text {
			if string(line) != ".\r\n" {
				continue
			}
			text, word = false, "TEXT"
		} else if s.say != nil {
			s.mu.Lock()
			s.lines = append(s.lines, strings.TrimSpace(string(line)))
			s.mu.Unlock()
		}
		if s.say != nil {
			if a := s.say(word); a == "hang up" {
				return
			} else if a != "" {
				fmt.Fprint(out, a+"\r\n")
				continue
			}
		}
		switch word {
		case "EHLO":
			if pipelining {
				fmt.Fprint(out, "250-sink\r\n250 PIPELINING\r\n")
			} else {
				fmt.Fprint(out, "250 sink\r\n")
			}
		case "DATA":
			text = true
			fmt.Fprint(out, "354 go on\r\n")
		case "QUIT":
			fmt.Fprint(out, "221 bye\r\n")
			out.Flush()
			return
		default:
			fmt.Fprint(out, "250 ok\r\n")
		}
	}
}

func (s *server) carrier(t testing.TB, lines int) *smtp.Carrier {
	c, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: s.l.Addr().(*net.TCPAddr).Port, Hello: "localhost", Lines: lines})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var parcel = messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.Email, To: "anna@example.de", Sender: "shop@miana.example", Brand: "Miana", Subject: "Danke für die Bestellung",
	Text: "Hallo Anna,\n.\nalles ist unterwegs.", HTML: "<p>Hallo Anna, alles ist unterwegs.</p>", Language: "de"}

func TestAnswers(t *testing.T) {
	for _, pipelining := range []bool{true, false} {
		for name, c := range map[string]struct {
			word, answer string
			want         messaging.Trouble
		}{
			"taken":              {"", "", ""},
			"no such mailbox":    {"RCPT", "550 5.1.1 no such user", messaging.BadNumber},
			"full for now":       {"RCPT", "452 4.2.2 later", messaging.Again},
			"sender unwanted":    {"MAIL", "550 5.7.1 not you", messaging.Setup},
			"log in first":       {"MAIL", "530 5.7.0 who are you", messaging.Account},
			"no text now":        {"DATA", "451 later", messaging.Again},
			"no text":            {"DATA", "554 no", messaging.OtherRoute},
			"looks like spam":    {"TEXT", "554 5.7.1 spam", messaging.OtherRoute},
			"text later":         {"TEXT", "451 4.7.1 greylisted", messaging.Again},
			"hung up early":      {"MAIL", "hang up", messaging.Again},
			"hung up in the end": {"TEXT", "hang up", w.Unknown},
		} {
			t.Run(fmt.Sprintf("%s pipelining %v", name, pipelining), func(t *testing.T) {
				s := serve(t, pipelining)
				s.say = func(word string) string {
					if word == c.word {
						return c.answer
					}
					return ""
				}
				_, err := s.carrier(t, 2).Send(t.Context(), parcel)
				w.Check(t, err, c.want, "", 0)
			})
		}
	}
}

func TestALineIsUsedAgain(t *testing.T) {
	s := serve(t, true)
	s.say = func(string) string { return "" }
	c := s.carrier(t, 2)
	for range 3 {
		_, err := c.Send(t.Context(), parcel)
		require.NoError(t, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, "EHLO localhost, MAIL FROM:<shop@miana.example>, RCPT TO:<anna@example.de>, DATA, MAIL FROM:<shop@miana.example>, RCPT TO:<anna@example.de>, DATA, MAIL FROM:<shop@miana.example>, RCPT TO:<anna@example.de>, DATA",
		strings.Join(s.lines, ", "))
}

func TestAnAddressIsNoCommand(t *testing.T) {
	s := serve(t, true)
	p := parcel
	p.To = "anna@example.de>\r\nRCPT TO:<all@example.de"
	_, err := s.carrier(t, 1).Send(t.Context(), p)
	w.Check(t, err, messaging.BadNumber, "", 0)
}

// BenchmarkMails sends mails to a sink on loopback over 20 connections: go test -run xxx -bench Mails ./internal/messaging/smtp
func BenchmarkMails(b *testing.B) {
	s := serve(b, true)
	c := s.carrier(b, 20)
	p := parcel
	p.HTML = strings.Repeat("<p>Hallo Anna, alles ist unterwegs und kommt bald an.</p>\n", 60)
	b.SetParallelism(10)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Send(b.Context(), p); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
