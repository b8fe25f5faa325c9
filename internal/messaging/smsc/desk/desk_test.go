package desk_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
	"portolan/internal/messaging/smsc/desk"
)

func TestDesk(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := smsc.New(smsc.Config{Plan: smsc.Plan{ReceiptMax: time.Microsecond}})
	require.NoError(t, s.Listen())
	replies := make(chan string, 10)
	c := smpp.New(smpp.Config{Addr: s.Addr(), SystemID: "shop"}, smpp.Handler{Inbound: func(_ context.Context, m smpp.MO) error { replies <- m.Text; return nil }})
	ended := make(chan error, 2)
	go func() { ended <- s.Serve(ctx) }()
	go func() { ended <- c.Run(ctx) }()
	web := httptest.NewServer(desk.New(s))
	t.Cleanup(func() { web.Close(); cancel(); <-ended; <-ended })
	get := func(path string) string { return ask(t, "GET", web.URL+path, "", nil, http.StatusOK) }

	require.NoError(t, c.WaitBound(ctx))
	_, err := c.Submit(ctx, smpp.Submit{From: "4915112345", To: "4917000001", Text: "Größe <M> 😀"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(s.Messages("4917000001")) == 1 }, 10*time.Second, time.Millisecond)
	page := get("/")
	for _, says := range []string{"4917000001", "Größe &lt;M&gt; 😀", "shop", "sends hears"} {
		require.Contains(t, page, says)
	}
	require.Contains(t, get("/?phone=4917000001"), `value="4915112345"`, "the answer goes to who wrote")
	var status struct {
		Totals smsc.Totals
		Plan   map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(get("/status")), &status))
	require.Equal(t, uint64(1), status.Totals.Accepted)
	require.Equal(t, "1µs", status.Plan["receipt_max"])
	require.True(t, json.Valid([]byte(get("/snapshot"))))

	form := func(path string, want int, pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return ask(t, "POST", web.URL+path, v.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, want)
	}
	form("/write", http.StatusSeeOther, "from", "+4917000001", "to", "4915112345", "text", "STOP", "long", "sar")
	require.Equal(t, "STOP", <-replies)
	require.Contains(t, form("/write", http.StatusUnprocessableEntity, "from", "+4917000001", "to", "Shop", "text", "kept text"), "kept text")
	form("/plan", http.StatusSeeOther, "plan", `{"refuse_all": "0x45"}`)
	require.Equal(t, smpp.SubmitFailed, s.Plan().RefuseAll)
	wrong := form("/plan", http.StatusUnprocessableEntity, "plan", `{"lost": 2}`)
	require.Contains(t, wrong, "plan.lost: not_a_share")
	require.Contains(t, wrong, `{&#34;lost&#34;: 2}`, "what was typed is kept")
	require.Contains(t, ask(t, "PUT", web.URL+"/plan", `{"lost": 2}`, nil, http.StatusBadRequest), `"plan.lost":"not_a_share"`)
	require.Contains(t, ask(t, "PUT", web.URL+"/plan", `{"lost": 0.5}`, nil, http.StatusOK), `"lost":0.5`)
	form("/disconnect", http.StatusSeeOther)

	ask(t, "POST", web.URL+"/disconnect", "", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden)
	r, _ := http.NewRequest("GET", web.URL+"/", nil)
	r.Host = "attacker.example"
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, http.StatusMisdirectedRequest, answer.StatusCode)
}

func TestLocal(t *testing.T) {
	for host, want := range map[string]bool{"127.0.0.1:80": true, "localhost:1": true, "[::1]:80": true, "::1": true, "127.9.9.9": true,
		":80": false, "0.0.0.0:80": false, "192.168.1.1:80": false, "localhost.example:80": false, "": false} {
		require.Equal(t, want, desk.Local(host), host)
	}
}

func ask(t *testing.T, method, url, body string, h http.Header, want int) string {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	if h != nil {
		r.Header = h
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, want, answer.StatusCode, string(b))
	return string(b)
}
