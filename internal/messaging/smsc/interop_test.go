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
	"sync/atomic"
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

// abroad are texts that go wrong where octets, units and characters are taken for one another.
var abroad = []string{
	"Привет 😀", strings.Repeat("П", 67) + "😀", strings.Repeat("Заказ 👨‍👩‍👧‍👦 в пути ", 20), strings.Repeat("訂單已發貨 📦", 40),
	strings.Repeat("طلبك في الطريق 🚚 ", 20), strings.Repeat("😀", 200), strings.Repeat("คำสั่งซื้อ ", 30), "🇩🇪", strings.Repeat("ę", 71),
}

// Net::SMPP is a client of our centre.
func TestPerlClient(t *testing.T) {
	clock := db.Manual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	s := start(t, smsc.Config{Clock: clock, Accounts: []smsc.Account{{SystemID: "perl", Password: "secret"}}})
	host, port, _ := strings.Cut(s.Addr(), ":")
	answer := strings.Repeat("ответ 😀 ", 30)
	args := []string{"testdata/esme.pl", host, port, strconv.Itoa(sms.Count(answer).Parts)}
	for _, text := range abroad {
		args = append(args, hex.EncodeToString(sms.Encode(text, sms.UCS2)))
	}
	line := perl(t, args...)
	require.Equal(t, "BOUND 0 PORTOLAN", line())
	ids := map[string]bool{}
	for says := line(); says != "SENT"; says = line() {
		var id string
		var status int
		_, err := fmt.Sscanf(says, "ID %s %d", &id, &status)
		require.NoError(t, err)
		require.Zero(t, status)
		ids[id] = true
	}
	sent := len(ids)
	clock.Advance(time.Second)
	for range sent {
		var id, word string
		var state int
		_, err := fmt.Sscanf(line(), "RECEIPT %s %d %s", &id, &state, &word)
		require.NoError(t, err)
		require.True(t, ids[id], id)
		delete(ids, id)
		require.Equal(t, 2, state)
		require.Equal(t, "DELIVRD", word)
	}
	for i, text := range abroad {
		require.Equal(t, text, s.Messages(phone(i))[0].Text)
	}
	result(t, "Net::SMPP, client of our centre", "long texts, compared on the phone", len(abroad))
	result(t, "Net::SMPP, client of our centre", "receipts matched by Net::SMPP", sent)

	_, err := s.Reply(phone(0), "4915112345", answer)
	require.NoError(t, err)
	var pieces []sms.Piece
	for range sms.Count(answer).Parts {
		var from, text string
		var class, coding int
		_, err := fmt.Sscanf(line(), "REPLY %s %d %d %s", &from, &class, &coding, &text)
		require.NoError(t, err)
		require.Equal(t, phone(0), from)
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
	result(t, "Net::SMPP, client of our centre", "long replies from phones", 1)
}

// Our client is bound to a centre made of Net::SMPP, which sends back what it gets.
func TestPerlCentre(t *testing.T) {
	n := 1000
	if v, err := strconv.Atoi(os.Getenv("PORTOLAN_INTEROP")); err == nil {
		n = v
	}
	line := perl(t, "testdata/smsc.pl")
	var port int
	_, err := fmt.Sscanf(line(), "PORT %d", &port)
	require.NoError(t, err)

	l, replies := newLedger(), make(chan smpp.MO, 1000)
	c := smpp.New(smpp.Config{Addr: fmt.Sprintf("127.0.0.1:%d", port), SystemID: "portolan", Password: "geheim"}, smpp.Handler{
		Receipt: l.receipt, Inbound: func(_ context.Context, m smpp.MO) error { replies <- m; return nil },
	})
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.NoError(t, c.WaitBound(short(t)))
	require.Equal(t, "BIND portolan geheim 52", line())

	var parts atomic.Int64
	submit := func(i int, m smpp.Submit) {
		m.To, m.Receipt, m.Validity = phone(i), true, 4*time.Hour
		ids, err := c.Submit(ctx, m)
		if err != nil {
			t.Error(i, ids, err)
			return
		}
		parts.Add(int64(len(ids)))
		for _, id := range ids {
			l.accepted(id, phone(i))
		}
	}
	submit(0, smpp.Submit{From: "Kleid", Text: "Привет 😀"})
	require.Equal(t, "FIRST 5 0 0 8 1 000000040000000R 041f044004380432043504420020d83dde00", line())
	back, joiner := map[string]string{}, sms.NewJoiner(100)
	for i, long := range []smpp.Long{smpp.Header, smpp.Header16} {
		for k, text := range abroad {
			submit(100*(i+1)+k, smpp.Submit{From: "4915112345", Text: text, Long: long})
		}
	}
	for len(back) < 2*len(abroad) {
		m := <-replies
		if text, whole := joiner.Add(m.From, m.To, m.Piece, time.Time{}); whole {
			back[m.From] = text
		}
	}
	for k, text := range abroad {
		require.Equal(t, text, back[phone(100+k)])
		require.Equal(t, text, back[phone(200+k)])
	}
	echoed := int(parts.Load()) - 1
	spread(n-1, 50, func(i int) { submit(1000+i, smpp.Submit{From: "Kleid", Text: "Your order has been confirmed"}) })
	all := int(parts.Load())
	patience := 30*time.Second + time.Duration(n)*time.Millisecond
	require.Eventually(t, func() bool { matched, _, _ := l.count(); return matched == all }, patience, 10*time.Millisecond)
	_, receipts, parked := l.count()
	require.Equal(t, all, receipts)
	require.Zero(t, parked)
	require.Eventually(t, func() bool { return c.Stats().Receipts == uint64(all) }, patience, time.Millisecond)
	leave()
	require.NoError(t, <-ended)
	var taken int
	_, err = fmt.Sscanf(line(), "TAKEN %d", &taken)
	require.NoError(t, err)
	require.Equal(t, all+echoed, taken, "acknowledged before unbinding")
	result(t, "Net::SMPP, centre of our client", "long texts there and back", 2*len(abroad))
	result(t, "Net::SMPP, centre of our client", "receipts matched by our client", all)
}
