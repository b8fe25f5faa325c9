package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/smpp"
)

func TestSMSCFile(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	require.NoError(t, os.WriteFile(good, []byte(`{"accounts": [{"system_id": "shop", "password": "secret"}], "plan": {"receipt_min": "1ms"}}`), 0o600))
	require.NoError(t, os.WriteFile(bad, []byte(`{"plan": {"erly": 1, "receipt_min": "soon"}}`), 0o600))
	status, out, errs := try(t, "smsc", "--plan", good, "--check")
	require.Zero(t, status, errs)
	require.Contains(t, out, "can be used: 1 accounts")
	status, _, errs = try(t, "smsc", "--plan", bad, "--check")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `plan.erly: There is no such name here`)
	require.Contains(t, errs, `plan.receipt_min: Please write a duration`)

	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"smsc", "--plan", good, "--addr", "127.0.0.1:0", "--http", "127.0.0.1:0", "--print"}, w, io.Discard)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	next := func(begins string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), begins); ok {
				return rest
			}
		}
		t.Fatal(begins, "didn't come")
		return ""
	}
	smppAddr, page := next("SMSC simulator at "), next("Status page at ")
	answer, err := http.Get(page)
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)

	client := smpp.New(smpp.Config{Addr: smppAddr, SystemID: "shop", Password: "secret"}, smpp.Handler{})
	sending, leave := context.WithTimeout(ctx, 20*time.Second)
	gone := make(chan error, 1)
	go func() { gone <- client.Run(sending) }()
	_, err = client.Submit(sending, smpp.Submit{From: "Shop", To: "4917000001", Text: "Grüße", Receipt: true})
	require.NoError(t, err)
	leave()
	<-gone
	stop()
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Zero(t, <-ended)
	for _, says := range []string{`shop#1 <- bind_transceiver seq=1 system_id="shop"`, `<- submit_sm seq=2 from="Shop" to="4917000001"`, `text="Grüße"`, `-> submit_sm_resp`} {
		require.Contains(t, string(all), says)
	}
	require.NotContains(t, string(all), "secret")
}
