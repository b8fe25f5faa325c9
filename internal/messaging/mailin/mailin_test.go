package mailin_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/mailin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type desk struct {
	mu  sync.Mutex
	got []string
	err error
}

func (d *desk) TakesMail(to string) bool { return strings.HasSuffix(to, "@bounce.lotus.example") }

func (d *desk) TakeMail(_ context.Context, raw []byte, to ...string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, fmt.Sprint(to, len(raw)))
	return "failed", d.err
}

func open(t *testing.T) (*desk, *mailin.Server) {
	d := &desk{}
	s := mailin.New(d, "bounce.lotus.example")
	require.NoError(t, s.Listen("127.0.0.1:0"))
	ctx, cancel := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); over.Wait() })
	return d, s
}

func TestMailComesIn(t *testing.T) {
	d, s := open(t)
	const to = "b-1-2@bounce.lotus.example"
	text := []byte("From: MAILER-DAEMON@mx.example\r\n\r\nno such user\r\n")
	require.NoError(t, smtp.SendMail(s.Addr(), nil, "", []string{to}, text))
	require.Equal(t, []string{fmt.Sprint([]string{to}, len(text))}, d.got)
	require.ErrorContains(t, smtp.SendMail(s.Addr(), nil, "", []string{"someone@else.example"}, text), "nobody here of that name")
	for _, c := range []struct {
		err  error
		says string
	}{{messaging.ErrNotOurs, "5.7.0"}, {messaging.ErrGarbled, "5.7.0"}, {errors.New("the disk is full"), "4.3.0"}} {
		d.err = c.err
		require.ErrorContains(t, smtp.SendMail(s.Addr(), nil, "", []string{to}, text), c.says)
	}
	taken, turned := s.Counts()
	require.Equal(t, int64(1), taken)
	require.Equal(t, int64(3), turned)
}

func TestAMailThatIsTooLarge(t *testing.T) {
	d, s := open(t)
	err := smtp.SendMail(s.Addr(), nil, "", []string{"b-1-2@bounce.lotus.example"}, []byte("Subject: x\r\n\r\n"+strings.Repeat("many words\r\n", mailin.Largest/12+1000)))
	require.Error(t, err)
	require.Empty(t, d.got)
}

func TestNoMoreThanThereIsRoomFor(t *testing.T) {
	_, s := open(t)
	var all []net.Conn
	for range mailin.MostLines {
		c, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		all = append(all, c)
		_, err = bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
	}
	over, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	_, err = bufio.NewReader(over).ReadString('\n')
	require.ErrorIs(t, err, io.EOF, "who comes when it is full is turned away at once")
	over.Close()
	for _, c := range all {
		fmt.Fprint(c, "QUIT\r\n")
		io.Copy(io.Discard, c)
		c.Close()
	}
	require.NoError(t, smtp.SendMail(s.Addr(), nil, "", []string{"b-1-2@bounce.lotus.example"}, []byte("Subject: x\r\n\r\n")))
}
