// The other side of these tests is Net::SMPP, an SMPP implementation of another maker in Perl. To run them:
//
//	apt-get install libnet-smpp-perl
//
// PORTOLAN_INTEROP is the number of texts that our client submits to it; 500000 is the long form.
package smsc_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
	"portolan/internal/messaging/smsc"
)

// perl runs a script of testdata and returns its lines.
func perl(t *testing.T, args ...string) func() string {
	t.Helper()
	if err := exec.Command("perl", "-MNet::SMPP", "-e1").Run(); err != nil {
		t.Skip("Perl's Net::SMPP isn't installed: apt-get install libnet-smpp-perl")
	}
	cmd := exec.CommandContext(t.Context(), "perl", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	return func() string {
		t.Helper()
		require.True(t, lines.Scan(), "the script ended early")
		return lines.Text()
	}
}

func TestPerlClient(t *testing.T) {
	clock := db.Manual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	s := start(t, smsc.Config{Clock: clock, Accounts: []smsc.Account{{SystemID: "perl", Password: "secret"}}})
	host, port, _ := strings.Cut(s.Addr(), ":")
	line := perl(t, "testdata/esme.pl", host, port)
	require.Equal(t, "BOUND 0 PORTOLAN", line())
	ids := map[string]bool{}
	for range 2 {
		var id string
		var status int
		_, err := fmt.Sscanf(line(), "ID %s %d", &id, &status)
		require.NoError(t, err)
		require.Zero(t, status)
		ids[id] = true
	}
	clock.Advance(time.Second)
	for range 2 {
		var id, word string
		var state int
		_, err := fmt.Sscanf(line(), "RECEIPT %s %d %s", &id, &state, &word)
		require.NoError(t, err)
		require.True(t, ids[id], id)
		delete(ids, id)
		require.Equal(t, 2, state)
		require.Equal(t, "DELIVRD", word)
	}
	require.Equal(t, strings.Repeat("П", 67)+"😀", s.Messages("4917000001")[0].Text)

	answer := strings.Repeat("б", 71)
	_, err := s.Reply("4917000001", "4915112345", answer)
	require.NoError(t, err)
	var pieces []sms.Piece
	for range 2 {
		var class, coding int
		var text string
		_, err := fmt.Sscanf(line(), "REPLY %d %d %s", &class, &coding, &text)
		require.NoError(t, err)
		require.Equal(t, 0x40, class)
		b, err := hex.DecodeString(text)
		require.NoError(t, err)
		at, body := sms.Header(b)
		pieces = append(pieces, sms.Piece{Concat: at, DCS: byte(coding), Body: body})
	}
	got, whole := sms.Join(pieces)
	require.True(t, whole)
	require.Equal(t, answer, got)
	require.Equal(t, "ALIVE 0", line())
	require.Equal(t, "DONE", line())
}

func TestPerlCentre(t *testing.T) {
	n := 1000
	if v, err := strconv.Atoi(os.Getenv("PORTOLAN_INTEROP")); err == nil {
		n = v
	}
	line := perl(t, "testdata/smsc.pl")
	var port int
	_, err := fmt.Sscanf(line(), "PORT %d", &port)
	require.NoError(t, err)

	l, replies := newLedger(), make(chan smpp.MO, 1)
	c := smpp.New(smpp.Config{Addr: fmt.Sprintf("127.0.0.1:%d", port), SystemID: "portolan", Password: "geheim"}, smpp.Handler{
		Receipt: l.receipt, Inbound: func(_ context.Context, m smpp.MO) error { replies <- m; return nil },
	})
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.NoError(t, c.WaitBound(short(t)))
	require.Equal(t, "BIND portolan geheim 52", line())

	submit := func(i int, text string) {
		ids, err := c.Submit(ctx, smpp.Submit{From: "Kleid", To: phone(i), Text: text, Receipt: true, Validity: 4 * time.Hour})
		if err != nil || len(ids) != 1 {
			t.Error(i, ids, err)
			return
		}
		l.accepted(ids[0], phone(i))
	}
	submit(0, "Привет 😀")
	require.Equal(t, "FIRST 5 0 0 8 1 000000040000000R 041f044004380432043504420020d83dde00", line())
	m := <-replies
	require.Equal(t, "Привет 😀", m.Text)
	require.Equal(t, phone(0), m.From)
	spread(n-1, 50, func(i int) { submit(i+1, "Your order has been confirmed") })
	eventually(t, func() bool { matched, _, _ := l.count(); return matched == n })
	_, receipts, parked := l.count()
	require.Equal(t, n, receipts)
	require.Zero(t, parked)
	eventually(t, func() bool { return c.Stats().Receipts == uint64(n) })
	leave()
	require.NoError(t, <-ended)
	var taken int
	_, err = fmt.Sscanf(line(), "TAKEN %d", &taken)
	require.NoError(t, err)
	require.Equal(t, n+1, taken, "acknowledged before unbinding")
}
