package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/drive"
	"portolan/internal/messaging/smsc"
)

// batch is how many messages a request brings where it brings several.
const batch = 100

// offered is a text of one part, as Kannel gets it and as the shop makes it of its template.
const offered = "Miana: danke Anna, Bestellung F-20261124-0001 ist bezahlt: Wickelkleid Meridian. Lieferung 30.11.-03.12. Fragen? Antwort INFO."

// course is how one measurement went.
type course struct {
	accepted, handled time.Duration // until the last was accepted, until the last receipt was kept or called back
	times             []time.Duration
	wrong             int64
	usage             usage
	many              int // messages
}

func (c course) String() string {
	many := float64(c.many)
	s := fmt.Sprintf("%.0f/s accepted (p99 %s), %.0f/s until every receipt, %d µs CPU each", many/c.accepted.Seconds(), ms(quantile(c.times, 0.99)), many/c.handled.Seconds(),
		c.usage.with.Microseconds()/int64(c.many))
	if c.wrong > 0 {
		s += fmt.Sprintf(", **%d failed**", c.wrong)
	}
	return s
}

// peer is Kannel as it is set up beside ours.
type peer struct {
	name, short string
	verbose     string // the level from which it writes to its log: 0 is everything, 4 hardly anything
	note        string
}

// peers are both of which figures go about: the second writes its debugging messages, as Kannel does unless it is told not to.
var peers = []peer{
	{"Kannel", "Kannel", "4", "*Kannel* is the one set up for speed: no message about its work is written (`-v 4`), texts are kept in a file, receipts in memory."},
	{"Kannel, log level 0 (debug, as the specification measured it)", "Kannel that logs as in the specification", "0",
		"*Kannel, log level 0* is the same program, configuration and work, started without `-v 4`, so that its debugging messages go to its log, here a file."},
}

// messages measures texts from the HTTP request that asks for one to the receipt that is kept: ours with the whole gate
// in the way, and Kannel where it is installed, one after the other, before the same message centre whose receipts come
// after 200 ms.
func (b *bench) messages(ctx context.Context, places []place) error {
	beside := peers
	if _, err := exec.LookPath("bearerbox"); err != nil {
		fmt.Fprintln(os.Stderr, "Kannel isn't installed (Debian: kannel); only ours is measured")
		beside = nil
	}
	for _, p := range beside {
		b.notes = append(b.notes, p.note)
	}
	for _, c := range b.clients {
		what := fmt.Sprintf("%d SMS over HTTP and SMPP, c = %d", b.many, c)
		theirs := make([]course, len(beside))
		for i, p := range beside {
			var err error
			if theirs[i], err = b.kannelMessages(ctx, p, c); err != nil {
				return err
			}
			b.add(what, p.name, theirs[i].String(), "", "", theirs[i].usage.others)
		}
		for _, p := range places {
			ours, err := b.ourMessages(ctx, p, c, 1)
			if err != nil {
				return err
			}
			b.failed = b.failed || ours.wrong > 0
			b.add(what, p.name, ours.String(), "≥ 4 × Kannel until every receipt at c ≥ 16", ratios(ours, beside, theirs), ours.usage.others)
			if !b.wants("batches") {
				continue
			}
			if ours, err = b.ourMessages(ctx, p, c, batch); err != nil {
				return err
			}
			b.failed = b.failed || ours.wrong > 0
			b.add(fmt.Sprintf("the same, %d in a request", batch), p.name, ours.String(), "", "", ours.usage.others)
		}
	}
	return nil
}

// ratios is how many times faster than each peer of the same run ours was.
func ratios(ours course, peers []peer, theirs []course) string {
	var handled, accepted []string
	for i, p := range peers {
		handled = append(handled, fmt.Sprintf("**%.1f ×** %s", theirs[i].handled.Seconds()/ours.handled.Seconds(), p.short))
		accepted = append(accepted, fmt.Sprintf("%.1f ×", theirs[i].accepted.Seconds()/ours.accepted.Seconds()))
	}
	if len(peers) == 0 {
		return ""
	}
	return strings.Join(handled, ", ") + " (accepted " + strings.Join(accepted, ", ") + ")"
}

// centre is the far end, the same for both.
func centre(ctx context.Context) (*smsc.Server, func(), error) {
	n := smsc.New(smsc.Config{Plan: smsc.Plan{ReceiptMin: 200 * time.Millisecond, ReceiptMax: 200 * time.Millisecond}, KeepSubmits: 1, KeepPhones: 1, KeepTexts: 1})
	if err := n.Listen(); err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		n.Serve(ctx)
		close(done)
	}()
	return n, func() { stop(); <-done }, nil
}

// offer sends all requests over c kept-alive connections.
func offer(addr string, c, many int, request func(n int64) []byte, good int) (course, error) {
	k := course{many: many}
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	var failure error
	began := time.Now()
	for range c {
		all.Go(func() {
			conn, err := drive.Dial(addr)
			if err != nil {
				mu.Lock()
				failure = err
				mu.Unlock()
				return
			}
			defer func() { conn.Close() }()
			times := make([]time.Duration, 0, many/c+1)
			wrong := int64(0)
			for n := next.Add(1); n <= int64(many); n = next.Add(1) {
				at := time.Now()
				a, err := conn.Do(request(n))
				times = append(times, time.Since(at))
				if err == nil && a.Status == good {
					continue
				}
				wrong++
				if err != nil {
					conn.Close()
					if conn, err = drive.Dial(addr); err != nil {
						break
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			k.times, k.wrong = append(k.times, times...), k.wrong+wrong
		})
	}
	all.Wait()
	k.accepted = time.Since(began)
	return k, failure
}

// ourMessages brings messages to their receipts, as many in a request as said.
func (b *bench) ourMessages(ctx context.Context, p place, c, each int) (course, error) {
	if err := b.empty(ctx, p); err != nil {
		return course{}, err
	}
	if err := (drive.World{}).Prepare(ctx, p.url); err != nil {
		return course{}, err
	}
	var key string
	err := with(ctx, p.url, func(a *app.App) error {
		return a.DB.Write(ctx, func(tx *db.Tx) (err error) {
			_, key, err = a.Auth.AddKey(tx, "bench", "bench", []string{"messages:write"})
			return err
		})
	})
	if err != nil {
		return course{}, err
	}
	n, end, err := centre(ctx)
	if err != nil {
		return course{}, err
	}
	defer end()
	s, err := b.serve(ctx, p, "/readyz", n.Addr())
	if err != nil {
		return course{}, err
	}
	defer s.Kill()
	for n.Totals().Bound == 0 {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return course{}, err
		}
	}
	d, err := db.Open(ctx, p.url, nil)
	if err != nil {
		return course{}, err
	}
	defer d.Close()
	m := b.measure(s)
	began := time.Now()
	one := func(i int64) string {
		return fmt.Sprintf(`{"key":"b%d","to":"+49176%08d","channel":"sms","market":"de","lang":"de","template":"confirm","vars":{"name":"Anna","order":"F-20261124-0001","items":"Wickelkleid Meridian","from":"30.11.","to":"03.12."}}`, i, 10_000_000+i)
	}
	k, err := offer(s.Addr, c, b.many/each, func(i int64) []byte {
		path, body := "/v1/messages", ""
		if each == 1 {
			body = one(i)
		} else {
			path = "/v1/messages/batch"
			all := make([]string, each)
			for j := range all {
				all[j] = one(i*int64(each) + int64(j))
			}
			body = `{"messages":[` + strings.Join(all, ",") + `]}`
		}
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, s.Addr, key, len(body), body)
	}, http.StatusAccepted)
	if err != nil {
		return k, err
	}
	k.many *= each
	want := int64(k.many) - k.wrong*int64(each)
	for n.Totals().ReceiptsTaken < uint64(want) { // a receipt is answered once it is kept
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return k, err
		}
		if time.Since(began) > 5*time.Minute {
			return k, fmt.Errorf("%d of %d receipts were taken after five minutes\n%s", n.Totals().ReceiptsTaken, want, s.Log())
		}
	}
	k.handled, k.usage = time.Since(began), m.stop()
	err = d.Peek(ctx, func(tx *db.Tx) error {
		kept, err := db.One(tx, db.Scalar[int64], counts["receipts"])
		if err == nil && kept != want {
			err = fmt.Errorf("%d of %d receipts were kept", kept, want)
		}
		return err
	})
	if err != nil {
		return k, err
	}
	return k, s.Stop()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// kannelConf is what the specification of the comparison says; receipts are kept in memory, messages in a file.
const kannelConf = `group = core
admin-port = %[2]d
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = %[3]d
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = file
store-location = %[5]s/store
dlr-storage = internal
sms-outgoing-queue-limit = 1000000
log-level = 3

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = %[1]d
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
max-pending-submits = 50

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[3]d
sendsms-port = %[4]d
sendsms-interface = 127.0.0.1
log-level = 3

group = sendsms-user
username = u
password = p
concatenation = true
max-messages = 20
`

func (b *bench) kannelMessages(ctx context.Context, p peer, c int) (course, error) {
	n, end, err := centre(ctx)
	if err != nil {
		return course{}, err
	}
	defer end()
	var back atomic.Int64
	callbacks := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { back.Add(1) }))
	defer callbacks.Close()
	dir, err := os.MkdirTemp(b.dir, "kannel-")
	if err != nil {
		return course{}, err
	}
	defer os.RemoveAll(dir)
	ports := make([]any, 0, 5)
	_, port, _ := strings.Cut(n.Addr(), ":")
	var number int
	fmt.Sscan(port, &number)
	ports = append(ports, number)
	for range 3 {
		free, err := drive.Free()
		if err != nil {
			return course{}, err
		}
		_, port, _ = strings.Cut(free, ":")
		fmt.Sscan(port, &number)
		ports = append(ports, number)
	}
	conf := filepath.Join(dir, "kannel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, kannelConf, append(ports, dir)...), 0o600); err != nil {
		return course{}, err
	}
	var boxes []int
	for _, box := range []string{"bearerbox", "smsbox"} {
		log, err := os.Create(filepath.Join(dir, box+".log"))
		if err != nil {
			return course{}, err
		}
		defer log.Close()
		cmd := exec.CommandContext(ctx, box, "-v", p.verbose, conf)
		cmd.Dir, cmd.Stderr = dir, log
		if err := cmd.Start(); err != nil {
			return course{}, err
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
		boxes = append(boxes, cmd.Process.Pid)
		if err := pause(ctx, time.Second); err != nil {
			return course{}, err
		}
	}
	addr := fmt.Sprintf("127.0.0.1:%d", ports[3])
	for answers := false; !answers || n.Totals().Bound == 0; {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return course{}, err
		}
		a, err := http.Get("http://" + addr + "/cgi-bin/sendsms?username=u&password=p")
		if answers = err == nil; answers {
			io.Copy(io.Discard, a.Body)
			a.Body.Close()
		}
	}
	m := b.measureOther(boxes...)
	began := time.Now()
	tail := "&from=%2B4915112345600&dlr-mask=3&dlr-url=" + url.QueryEscape(callbacks.URL+"/dlr?state=%d") + "&text=" + url.QueryEscape(offered)
	k, err := offer(addr, c, b.many, func(i int64) []byte {
		return fmt.Appendf(nil, "GET /cgi-bin/sendsms?username=u&password=p&to=%%2B49176%08d%s HTTP/1.1\r\nHost: %s\r\n\r\n", 10_000_000+i, tail, addr)
	}, http.StatusAccepted)
	if err != nil {
		return k, err
	}
	for back.Load() < int64(b.many)-k.wrong {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return k, err
		}
		if time.Since(began) > 5*time.Minute {
			return k, fmt.Errorf("after five minutes Kannel has called back %d of %d receipts", back.Load(), b.many)
		}
	}
	k.handled, k.usage = time.Since(began), m.stop()
	return k, nil
}
