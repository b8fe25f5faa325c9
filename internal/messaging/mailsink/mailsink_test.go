package mailsink_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging"
	"portolan/internal/messaging/mailsink"
	"portolan/internal/messaging/smtp"
)

func open(t *testing.T) (*mailsink.Sink, *smtp.Carrier) {
	t.Helper()
	s := mailsink.New(func() time.Time { return time.Unix(1, 0).UTC() })
	require.NoError(t, s.Listen("127.0.0.1:0"))
	t.Cleanup(func() { s.Close(t.Context()) })
	c, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: s.Port(), Hello: "localhost"})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return s, c
}

func parcel() messaging.Parcel {
	return messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.Email, To: "anna@example.org", Sender: "shop@lotus.example",
		Brand: "Lotus", Subject: "Ihre Bestellung — شكرا\r\nBcc: x@example.org", Text: "Größe M\n\nDanke", HTML: "<p>Größe M</p>"}
}

func TestMailArrives(t *testing.T) {
	s, c := open(t)
	p := parcel()
	_, err := c.Send(t.Context(), p)
	require.NoError(t, err)
	p.Class, p.Leave = messaging.Promotional, "https://lotus.example/u/abcdefghijkl"
	changed := s.Changed()
	_, err = c.Send(t.Context(), p)
	require.NoError(t, err)
	<-changed
	all := s.List("ANNA@example.org")
	require.Len(t, all, 2)
	require.Empty(t, s.List("else@example.org"))
	got, err := s.Get(all[1].ID)
	require.NoError(t, err)
	require.Equal(t, []string{"anna@example.org"}, got.To, "a header in the subject adds no recipient")
	require.True(t, strings.HasPrefix(got.Subject, "Ihre Bestellung — شكرا"), got.Subject)
	require.Equal(t, "Größe M\n\nDanke", strings.TrimSpace(got.Text))
	require.Equal(t, "<p>Größe M</p>", strings.TrimSpace(got.HTML))
	require.Equal(t, "msg_1", got.Message)
	require.Empty(t, got.Leave)
	require.Equal(t, p.Leave, all[0].Leave)
	_, err = s.Get("eml_none")
	require.ErrorIs(t, err, mailsink.ErrUnknown)
}

func TestNobodyListens(t *testing.T) {
	c, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: 1, Hello: "localhost"})
	require.NoError(t, err)
	_, err = c.Send(t.Context(), parcel())
	no, ok := errors.AsType[*messaging.Refusal](err)
	require.True(t, ok, err)
	require.Equal(t, messaging.Again, no.Trouble)
}

func TestOnlyLoopback(t *testing.T) {
	require.Error(t, mailsink.New(time.Now).Listen("0.0.0.0:0"))
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Subject: x\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nhi\r\n--a--\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) { mailsink.Read(raw) })
}

func TestClosingDoesNotWaitForALineThatIsKeptOpen(t *testing.T) {
	s := mailsink.New(time.Now)
	require.NoError(t, s.Listen("127.0.0.1:0"))
	line, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port()))
	require.NoError(t, err)
	defer line.Close()
	_, err = bufio.NewReader(line).ReadString('\n')
	require.NoError(t, err, "greeted, so the server knows of the line")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.Close(ctx))
	require.NoError(t, ctx.Err())
}
