package smsc_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/sms"
	"portolan/internal/messaging/smsc"
)

// result adds a line to the table of scripts/interop.
func result(t *testing.T, peer, what string, n int) {
	t.Helper()
	name := os.Getenv("PORTOLAN_INTEROP_TABLE")
	if name == "" || t.Failed() {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer f.Close()
	fmt.Fprintf(f, "%s\t%s\t%d\tequal\n", peer, what, n)
}

const kannelConf = `
group = core
admin-port = %[2]d
admin-interface = 127.0.0.1
admin-password = x
admin-allow-ip = 127.0.0.1
smsbox-port = %[3]d
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = 4

group = smsc
smsc = smpp
smsc-id = simulator
host = 127.0.0.1
port = %[1]d
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
max-pending-submits = 50
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1
enquire-link-interval = 5
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[3]d
sendsms-port = %[4]d
sendsms-interface = 127.0.0.1
log-level = 4

group = sendsms-user
username = u
password = p
concatenation = true
max-messages = 20

group = sms-service
keyword = default
get-url = "http://127.0.0.1:%[5]d/mo?from=%%p&to=%%P&coding=%%c&text=%%b"
max-messages = 0
`

// kannel starts the gateway of another maker as a client of s. What its callbacks bring is in heard.
type kannel struct {
	t       *testing.T
	sendsms string
	back    string // where it calls back

	mu    sync.Mutex
	heard []url.Values
}

func startKannel(t *testing.T, s *smsc.Server) *kannel {
	for _, name := range []string{"bearerbox", "smsbox"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("optional: Kannel isn't installed; scripts/interop installs it")
		}
	}
	k := &kannel{t: t}
	callbacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		v := r.URL.Query()
		v.Set("path", r.URL.Path)
		k.heard = append(k.heard, v)
	}))
	t.Cleanup(callbacks.Close)
	k.back = callbacks.URL
	_, back, _ := net.SplitHostPort(callbacks.Listener.Addr().String())
	_, centre, _ := net.SplitHostPort(s.Addr())
	ports := []any{centre, free(t), free(t), free(t), back}
	for i := range ports {
		ports[i], _ = strconv.Atoi(fmt.Sprint(ports[i]))
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "kannel.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, kannelConf, ports...), 0o600))
	for _, box := range []string{"bearerbox", "smsbox"} {
		cmd := exec.Command(box, "-v", "4", conf)
		cmd.Dir = dir
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		if box == "bearerbox" {
			reachable(t, ports[2])
		}
	}
	k.sendsms = fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms?username=u&password=p", ports[3])
	eventually(t, func() bool { // it listens before it answers
		answer, err := http.Get(k.sendsms)
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	}, "Kannel answers")
	eventually(t, func() bool { return s.Totals().Bound == 1 }, "Kannel binds")
	return k
}

func free(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func reachable(t *testing.T, port any) {
	eventually(t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// send submits a text by HTTP, asking for every receipt.
func (k *kannel) send(to, text string, n int) {
	k.t.Helper()
	v := url.Values{"from": {"+4915112345"}, "to": {to}, "text": {text}, "charset": {"UTF-8"}, "coding": {"0"}, "dlr-mask": {"31"},
		"dlr-url": {fmt.Sprintf("%s/dlr?n=%d&state=%%d", k.back, n)}}
	if sms.Count(text).Encoding == sms.UCS2 {
		v.Set("coding", "2")
	}
	answer, err := http.Get(k.sendsms + "&" + v.Encode())
	require.NoError(k.t, err)
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	require.Equal(k.t, http.StatusAccepted, answer.StatusCode, string(b))
}

func (k *kannel) calls(path string) (out []url.Values) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, v := range k.heard {
		if v.Get("path") == path {
			out = append(out, v)
		}
	}
	return out
}

// Kannel, a gateway of another maker, is a client of our centre: its long texts arrive on the phones octet by octet, each
// has its receipts, and what phones write reaches it.
func TestKannelClient(t *testing.T) {
	s := start(t, smsc.Config{Seed: 1, Accounts: []smsc.Account{{SystemID: "kannel", Password: "secret"}},
		Plan: smsc.Plan{ReceiptMin: 5 * time.Millisecond, ReceiptMax: 50 * time.Millisecond}})
	k := startKannel(t, s)
	texts := []string{
		"Your order has shipped.", "[€] {x} ~ ^ | \\ ÄÖÜß éèà @£$", strings.Repeat("Größe M [x] 19,99 € ", 30),
		"Ваш заказ 😀 отправлен", strings.Repeat("Привет 👨‍👩‍👧‍👦 ", 25), strings.Repeat("訂單已發貨 📦", 40), strings.Repeat("طلبك في الطريق 🚚 ", 20), strings.Repeat("😀", 200),
	}
	const each = 25
	for i := range each * len(texts) {
		k.send("+"+phone(i), texts[i%len(texts)], i)
	}
	eventually(t, func() bool { return arrived(s, each*len(texts)) == each*len(texts) }, "texts arrive")
	for i := range each * len(texts) {
		got := s.Messages(phone(i))
		require.Len(t, got, 1)
		require.Equal(t, hex.EncodeToString([]byte(texts[i%len(texts)])), hex.EncodeToString([]byte(got[0].Text)), texts[i%len(texts)])
	}
	result(t, "Kannel, client of our centre", "long texts, compared on the phone", each*len(texts))
	delivered := func() map[string]bool {
		seen := map[string]bool{}
		for _, v := range k.calls("/dlr") {
			if v.Get("state") == "1" {
				seen[v.Get("n")] = true
			}
		}
		return seen
	}
	eventually(t, func() bool { return len(delivered()) == each*len(texts) }, "each has its receipt")
	result(t, "Kannel, client of our centre", "receipts matched by Kannel", each*len(texts))

	for i, text := range texts {
		_, err := s.Write(smsc.Letter{From: phone(i), To: "4915112345", Text: text})
		require.NoError(t, err)
	}
	eventually(t, func() bool { return len(k.calls("/mo")) >= len(texts) })
	require.Len(t, k.calls("/mo"), len(texts))
	for i, text := range texts {
		found := 0
		for _, v := range k.calls("/mo") {
			if strings.TrimPrefix(v.Get("from"), "+") != phone(i) {
				continue
			}
			found++
			want := []byte(text)
			if v.Get("coding") == "2" {
				want = sms.Encode(text, sms.UCS2)
			}
			require.Equal(t, hex.EncodeToString(want), hex.EncodeToString([]byte(v.Get("text"))), text)
		}
		require.Equal(t, 1, found, text)
	}
	result(t, "Kannel, client of our centre", "long replies from phones", len(texts))
}

func arrived(s *smsc.Server, n int) (found int) {
	for i := range n {
		found += len(s.Messages(phone(i)))
	}
	return found
}
