package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/db"
)

// patience is how long a command may take, in the world's time.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// try runs a command that ends by itself.
func try(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var o, e bytes.Buffer
	status = run(ctx, args, &o, &e)
	require.NoError(t, ctx.Err(), "%v didn't end", args)
	return status, o.String(), e.String()
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		says   string
	}{
		{"", 2, "expected one of"}, {"dance", 2, "dance"}, {"serve --nonsense", 2, "--nonsense"}, {"migrate --db", 2, "--db"},
		{"demo --speed 0", 2, "--speed 0"}, {"demo --speed -5", 2, "--speed"}, {"demo --speed fast", 2, "--speed"}, {"demo --speed 1e9", 2, "between"}, {"demo --speed NaN", 2, "--speed"},
		{"landed-cost", 2, "<file>"}, {"user --password 0123456789ab", 2, "<email>"}, {"user a@example.org --role king --password 0123456789", 2, "--role"},
		{"serve --media /nowhere/at/all", 2, "--media"}, {"smsc --receipt-min soon", 2, "--receipt-min"},
		{"smsc --http 0.0.0.0:2776", 2, "only for this machine"}, {"smsc --plan /nowhere/at/all", 2, "--plan"},
	} {
		status, out, errs := try(t, strings.Fields(tt.args)...)
		require.Equal(t, tt.status, status, "%s: %s", tt.args, errs)
		require.Contains(t, errs, tt.says, tt.args)
		require.Contains(t, errs, "portolan:", tt.args)
		require.NotContains(t, out, "portolan:", "errors are no output")
	}
	status, out, _ := try(t, "version")
	require.Zero(t, status)
	require.Regexp(t, `^portolan \S+`, out)
	for _, help := range []string{"--help", "serve --help", "demo --help"} {
		status, out, errs := try(t, strings.Fields(help)...)
		require.Zero(t, status, help)
		require.Contains(t, out, "Usage: portolan")
		require.Empty(t, errs)
	}
}

// golden is the rule package's file of worked cases, kept beside the project.
func golden(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../shared/rules/golden_cases.json")
	if err != nil {
		t.Skip("the file of golden cases isn't beside the project: ", err)
	}
	return b
}

const scenario = `{"id": "one", "input": {"date": "2026-05-15", "ship_from": "CN", "destination": {"country": "DE"}, "currency": "EUR", "channel": "courier",
	"incoterm": "DDP", "seller_registrations": ["IOSS"], "shipping_net": "6.00", "prices_include_tax": false,
	"lines": [{"description": "T-shirt", "hs": "%s", "origin": "CN", "quantity": 1, "unit_price_net": "30.00"}]}}`

func TestLandedCost(t *testing.T) {
	t.Run("the golden file", func(t *testing.T) {
		status, out, errs := try(t, "landed-cost", write(t, "golden.json", string(golden(t))))
		answers := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, answers, 52)
		differ := 0
		for _, line := range answers {
			var a map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &a))
			for _, name := range []string{"id", "goods", "shipping", "duty", "tax", "fees", "total", "at_checkout_taxes", "at_border", "confidence"} {
				require.Contains(t, a, name, line)
			}
			if d, _ := a["differences"].([]any); len(d) > 0 {
				differ++
			}
		}
		t.Logf("%d of %d scenarios agree", len(answers)-differ, len(answers))
		require.Equal(t, differ > 0, status == 1, errs)
		require.Zero(t, differ)
		require.Zero(t, status)
	})
	t.Run("an expectation that is wrong", func(t *testing.T) {
		var file any
		require.NoError(t, json.Unmarshal(golden(t), &file))
		changed := ""
		change(file, &changed)
		require.NotEmpty(t, changed)
		b, err := json.Marshal(file)
		require.NoError(t, err)
		status, out, errs := try(t, "landed-cost", write(t, "changed.json", string(b)))
		require.Equal(t, 1, status)
		require.Contains(t, errs, "1 scenario")
		require.Equal(t, 52, strings.Count(out, "\n"), "all are answered")
		for line := range strings.Lines(out) {
			require.Equal(t, strings.Contains(line, `"id":"`+changed+`"`), strings.Contains(line, `"differences"`), line)
		}
		require.Contains(t, out, "987654.32", "what was expected is told")
	})
	status, out, errs := try(t, "landed-cost", write(t, "one.json", fmt.Sprintf(scenario, "6109100010")))
	require.Zero(t, status, errs)
	require.Contains(t, out, `"total":"`)
	for _, tt := range []struct {
		name, file, says string
	}{
		{"no JSON", "this is no JSON", "file"}, {"empty", "", ""}, {"half of it", `{"cases": [`, "file"}, {"a list of nothing", "[]", "no scenario"},
		{"a number", "7", ""}, {"without an input", `{"id": "x"}`, "input"}, {"nested without end", strings.Repeat("[", 100_000), ""},
		{"HS of three digits", fmt.Sprintf(scenario, "620"), "hs"}, {"HS of letters", fmt.Sprintf(scenario, "dress"), "hs"},
		{"a null byte", "\x00", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, _, errs := try(t, "landed-cost", write(t, "x.json", tt.file))
			require.Equal(t, 2, status, errs)
			require.Contains(t, errs, tt.says)
			require.Less(t, len(errs), 2000)
		})
	}
	status, _, errs = try(t, "landed-cost", filepath.Join(t.TempDir(), "none.json"))
	require.Equal(t, 2, status)
	require.Contains(t, errs, "none.json")
	status, _, errs = try(t, "landed-cost", t.TempDir())
	require.Equal(t, 2, status, errs)
}

// change makes one expected total of a file wrong and says of which scenario.
func change(v any, changed *string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			change(e, changed)
		}
	case map[string]any:
		if want, ok := v["expected"].(map[string]any); ok && *changed == "" && want["total"] != nil {
			want["total"], *changed = "987654.32", v["id"].(string)
		}
		for _, e := range v {
			change(e, changed)
		}
	}
}

// taken is a port that somebody else listens on.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestDatabasesThatCannotBeUsed(t *testing.T) {
	notes := write(t, "notes.txt", strings.Repeat("Buy linen. Call the printer.\n", 300))
	before, err := os.ReadFile(notes)
	require.NoError(t, err)
	for _, tt := range []struct{ name, args, says string }{
		{"a text file", "serve --addr 127.0.0.1:0 --db " + notes, "notes.txt"},
		{"a text file to migrate", "migrate --db " + notes, "notes.txt"},
		{"a text file for the demo", "demo --addr 127.0.0.1:0 --db " + notes, "notes.txt"},
		{"a directory", "serve --addr 127.0.0.1:0 --db " + t.TempDir(), "is a directory"},
		{"a folder that isn't there", "migrate --db " + filepath.Join(t.TempDir(), "no", "shop.db"), "no"},
		{"a server that isn't there", "migrate --db postgres://nobody@127.0.0.1:1/nothing?connect_timeout=2", "127.0.0.1"},
		{"an address that is none", "migrate --db postgres://%zz", "open database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, errs := try(t, strings.Fields(tt.args)...)
			require.Equal(t, 1, status)
			require.Contains(t, errs, tt.says)
			require.NotContains(t, errs, "panic")
			require.Empty(t, out)
		})
	}
	after, err := os.ReadFile(notes)
	require.NoError(t, err)
	require.Equal(t, before, after, "left as it was")
	beside, err := os.ReadDir(filepath.Dir(notes))
	require.NoError(t, err)
	require.Len(t, beside, 1)
}

func TestAPortInUseIsToldBeforeAnythingElse(t *testing.T) {
	at, file := taken(t), filepath.Join(t.TempDir(), "shop.db")
	for _, command := range []string{"serve", "demo"} {
		status, out, errs := try(t, command, "--addr", at, "--db", file)
		require.Equal(t, 1, status)
		require.Contains(t, errs, at)
		require.Contains(t, errs, "--addr", "and the way out")
		require.Empty(t, out)
		require.NoFileExists(t, file)
	}
	status, _, errs := try(t, "smsc", "--addr", at)
	require.Equal(t, 1, status)
	require.Contains(t, errs, at)
	status, _, errs = try(t, "serve", "--addr", "nowhere", "--db", file)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "nowhere")
	require.NoFileExists(t, file)
}

func TestMigrateAndUser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	for range 2 {
		status, out, errs := try(t, "migrate", "--db", file)
		require.Zero(t, status, errs)
		require.Contains(t, out, "up to date")
	}
	for _, tt := range []struct {
		args   string
		status int
		says   string
	}{
		{"mei@example.org --password short", 2, "at least 10 characters"}, {"mei@example.org", 2, "--password"}, {"nobody --password 0123456789ab", 2, "email:"},
		{"mei@example.org --password 0123456789ab", 0, "may log in as owner"}, {"mei@example.org --password 0123456789ab", 1, "mei@example.org"},
		{"wen@example.org --role viewer --password 0123456789ab", 0, "may log in as viewer"},
	} {
		status, out, errs := try(t, append([]string{"user", "--db", file}, strings.Fields(tt.args)...)...)
		require.Equal(t, tt.status, status, "%s: %s", tt.args, errs)
		require.Contains(t, strings.ToLower(out+errs), tt.says, tt.args)
		require.NotContains(t, out+errs, "0123456789ab", "a password is not repeated")
	}
	d, err := db.Open(t.Context(), file, nil)
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
		n, err := db.One(tx, db.Scalar[int64], `select count(*) from users`)
		require.EqualValues(t, 2, n)
		return err
	}))
}

// told is output that another goroutine waits for.
type told struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *told) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *told) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// begin starts a command that goes on until it is told to end, and waits until it says where it is to be found.
// end tells it and returns its status.
func begin(t *testing.T, args ...string) (url string, out *told, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &told{}
	var errs told
	status := make(chan int, 1)
	go func() { status <- run(ctx, args, out, &errs) }()
	deadline := time.After(patience)
	for {
		if _, rest, ok := strings.Cut(out.String(), "http://"); ok {
			at, _, _ := strings.Cut(strings.Fields(rest)[0], "/")
			url = "http://" + at
			break
		}
		select {
		case s := <-status:
			t.Fatalf("%v ended with %d: %s", args, s, errs.String())
		case <-deadline:
			cancel()
			t.Fatalf("%v never opened: %s", args, errs.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return url, out, sync.OnceValue(func() int {
		cancel()
		select {
		case s := <-status:
			if s != 0 {
				t.Error(errs.String())
			}
			return s
		case <-time.After(patience):
			t.Fatalf("%v doesn't end", args)
			return -1
		}
	})
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

// The demo opens, lets its shoppers buy, and ends within seconds of being told, leaving nothing behind.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	url, out, end := begin(t, "demo", "--addr", "127.0.0.1:0", "--speed", "60")
	defer end()
	for _, says := range []string{url + "/de-de/", url + "/console", demoEmail, demoPassword, "4555 0000 0000 0100"} {
		require.Contains(t, out.String(), says)
	}
	for path, says := range map[string]string{"/de-de/": "Miana", "/console/login": demoEmail, "/healthz": "ok", "/readyz": "ready", "/metrics": "portolan_smpp_submitted_total", "/": "Deutschland"} {
		status, body := get(t, url+path)
		require.Equal(t, http.StatusOK, status, path)
		if path != "/" {
			require.Contains(t, body, says, path)
		}
	}
	deadline := time.After(patience)
	for bought := false; !bought; {
		_, metrics := get(t, url+"/metrics")
		bought = strings.Contains(metrics, "portolan_smpp_accepted_total") && !strings.Contains(metrics, "portolan_smpp_accepted_total 0\n")
		select {
		case <-deadline:
			t.Fatal("nobody bought anything")
		case <-time.After(20 * time.Millisecond):
		}
	}
	began := db.Real()
	then := began.Now()
	require.Zero(t, end())
	require.Less(t, began.Now().Sub(then), 5*time.Second)
	var left []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			left = append(left, path)
		}
		return err
	}))
	require.Empty(t, left)
}

// A demo that is kept in a file is there again the next time; a second program on its port is told so.
func TestDemoThatIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "demo.db")
	for range 2 {
		url, _, end := begin(t, "demo", "--quiet", "--addr", "127.0.0.1:0", "--db", file)
		status, _ := get(t, url+"/en-us/p/meridian-wrap-dress")
		require.Equal(t, http.StatusOK, status)
		again, _, errs := try(t, "demo", "--addr", strings.TrimPrefix(url, "http://"), "--db", file)
		require.Equal(t, 1, again)
		require.Contains(t, errs, "--addr")
		require.Zero(t, end())
	}
}

func TestServe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	url, _, end := begin(t, "serve", "--addr", "127.0.0.1:0", "--db", file)
	for path, want := range map[string]int{"/": http.StatusOK, "/healthz": http.StatusOK, "/readyz": http.StatusOK, "/de-de/": http.StatusNotFound, "/fakepsp/pay/x": http.StatusNotFound} {
		status, _ := get(t, url+path)
		require.Equal(t, want, status, path)
	}
	require.Zero(t, end())
	_, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second)
	require.Error(t, err, "the port is free again")
}
