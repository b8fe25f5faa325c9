// Package apptest opens the sample merchant's shop for tests of the whole: a database of its own, a network with
// phones, a mail server, and visitors who go through the shop's pages as people do.
package apptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/demo"
	"portolan/internal/id"
	"portolan/internal/journeys"
	"portolan/internal/messaging/mailsink"
	"portolan/internal/messaging/smsc"
	"portolan/internal/vault"
)

// Start is where the clocks of these tests begin: a Tuesday, 12:00 UTC. It is 7:00 in New York, 13:00 in Berlin,
// 12:00 in London, 19:00 in Jakarta and 20:00 in Kuala Lumpur.
var Start = dbtest.Start

// patience is how long a test waits for what has to come, in the world's time.
const patience = 20 * time.Second

// slowest is how long the network takes for a text and its receipt, in the world's time.
const slowest = 5 * time.Millisecond

// Shop is the sample merchant's shop, open on a port of this machine.
type Shop struct {
	*app.App
	T     *testing.T
	URL   string // scheme, host and port
	Net   *smsc.Server
	Mails *mailsink.Sink

	stop func()

	mu    sync.Mutex
	hooks []Hook
}

// Hook is a delivery that came to one of the shop's hooks.
type Hook struct {
	Path   string
	Header http.Header
	Body   []byte
}

// Hooks are the deliveries so far, oldest first.
func (s *Shop) Hooks() []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooks)
}

// listen notes what comes to the hooks.
func (s *Shop) listen(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/in/") {
			if b, err := io.ReadAll(io.LimitReader(r.Body, 64<<10)); err == nil {
				s.mu.Lock()
				s.hooks = append(s.hooks, Hook{r.URL.Path, r.Header.Clone(), b})
				s.mu.Unlock()
				r.Body = io.NopCloser(bytes.NewReader(b))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Each runs f on a shop on each kind of database, on a clock that stands at Start until moved.
func Each(t *testing.T, f func(t *testing.T, s *Shop)) {
	t.Helper()
	for name, url := range URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, Open(t, url(t), db.Manual(Start)))
		})
	}
}

// Lite opens a shop on SQLite, on a clock that stands at Start until moved.
func Lite(t *testing.T) *Shop {
	t.Helper()
	return Open(t, URLs(t)["sqlite"](t), db.Manual(Start))
}

// URLs names a filled database of each kind that can be had here; each call of a function makes another.
func URLs(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	all := map[string]func(t *testing.T) string{}
	for kind := range dbtest.URLs(t) {
		if kind == "sqlite" {
			all[kind] = file
		} else {
			all[kind] = copied
		}
	}
	return all
}

// fill makes the sample merchant's shop in the empty database at url.
func fill(url string) error {
	ctx := context.Background()
	d, err := db.Open(ctx, url, db.Manual(Start))
	if err != nil {
		return err
	}
	err = d.Migrate(ctx, app.Schemas...)
	if err == nil {
		err = app.SeedDemo(ctx, d)
	}
	return errors.Join(err, d.Close())
}

// filled is a filled SQLite database: the contents of its files by their names' ends.
var filled = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "portolan-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.db")
	if err := fill(path); err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + end)
		if err == nil {
			all[end] = b
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return all, nil
})

func file(t *testing.T) string {
	t.Helper()
	all, err := filled()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shop.db")
	for end, b := range all {
		if err := os.WriteFile(path+end, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// model is a filled PostgreSQL database that others are copied from.
var model = struct {
	sync.Mutex
	name string
}{}

// copied is a copy of model. PostgreSQL copies while nobody else is in the model, so one at a time.
func copied(t *testing.T) string {
	t.Helper()
	model.Lock()
	defer model.Unlock()
	server := os.Getenv("PORTOLAN_TEST_PG")
	if model.name == "" {
		name := id.New("test")
		if err := onServer(server, "create database "+name); err != nil {
			t.Fatal(err)
		}
		if err := fill(at(server, name)); err != nil {
			t.Fatal(errors.Join(err, onServer(server, "drop database "+name+" with (force)")))
		}
		model.name = name
	}
	name := id.New("test")
	if err := onServer(server, "create database "+name+" template "+model.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := onServer(server, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	return at(server, name)
}

// at is the address of a database of a server.
func at(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	q.Set("pool_max_conns", "8")
	u.Path, u.RawQuery = "/"+name, q.Encode()
	return u.String()
}

func onServer(server, sql string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

// Main runs a package's tests, removes what they shared, and sees to it that nothing they started still runs.
func Main(m *testing.M) {
	code := m.Run()
	if model.name != "" {
		if err := onServer(os.Getenv("PORTOLAN_TEST_PG"), "drop database "+model.name+" with (force)"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "something is left running:", err)
		code = 1
	}
	os.Exit(code)
}

// Open opens the shop in a filled database with everything around it, and closes it with the test.
func Open(t *testing.T, url string, clock *db.Clock) *Shop {
	t.Helper()
	d, err := db.Open(t.Context(), url, clock)
	if err != nil {
		t.Fatal(err)
	}
	s := &Shop{T: t, Net: smsc.New(smsc.Config{Operators: demo.Operators(), Plan: smsc.Plan{ReceiptMin: time.Millisecond, ReceiptMax: slowest}}),
		Mails: mailsink.New(d.Clock().Now)}
	if err := errors.Join(s.Net.Listen(), s.Mails.Listen("127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var network sync.WaitGroup
	network.Go(func() { s.Net.Serve(ctx) })
	s.stop = func() {}
	t.Cleanup(func() {
		s.Stop()
		cancel()
		network.Wait()
		if err := s.Mails.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	s.start(d)
	return s
}

// Beside opens another node of the same shop: the same database, network and mail server.
func (s *Shop) Beside(url string) *Shop {
	s.T.Helper()
	d, err := db.Open(s.T.Context(), url, s.DB.Clock())
	if err != nil {
		s.T.Fatal(err)
	}
	other := &Shop{T: s.T, Net: s.Net, Mails: s.Mails, stop: func() {}}
	s.T.Cleanup(func() {
		other.Stop()
		if err := d.Close(); err != nil {
			s.T.Error(err)
		}
	})
	other.start(d)
	return other
}

// start opens the shop on d and works its jobs until Stop.
func (s *Shop) start(d *db.DB) {
	s.T.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.T.Fatal(err)
	}
	s.URL = "http://" + l.Addr().String()
	locks, err := vault.Read(vault.Fresh())
	if err != nil {
		s.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.App, err = app.Open(ctx, d, app.Config{PublicURL: s.URL, TestPSP: true, Vault: locks, SMPP: s.Net.Addr(), SystemID: "portolan",
		SMTP: fmt.Sprintf("127.0.0.1:%d", s.Mails.Port()), MailFrom: "hello@miana.example", Handsets: s.Net, Mails: s.Mails})
	if err == nil {
		err = s.Serve(ctx)
	}
	if err != nil {
		s.T.Fatal(errors.Join(err, l.Close()))
	}
	s.everybody()
	server := &http.Server{Handler: s.listen(s.HTTP), ReadHeaderTimeout: patience}
	var all sync.WaitGroup
	a := s.App
	all.Go(func() {
		if err := a.Run(ctx); err != nil {
			s.T.Error(err)
		}
	})
	all.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.T.Error(err)
		}
	})
	s.stop = func() {
		cancel()
		server.Close()
		all.Wait()
		s.stop = func() {}
	}
	bound, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := a.SMPP.Client().WaitBound(bound); err != nil {
		s.T.Fatal(err)
	}
}

// Stop ends the program, as a signal would. What is around it goes on.
func (s *Shop) Stop() { s.stop() }

// Restart ends the program and opens it again on the database file at url.
func (s *Shop) Restart(url string, clock *db.Clock) {
	s.T.Helper()
	s.Stop()
	if err := s.DB.Close(); err != nil {
		s.T.Fatal(err)
	}
	d, err := db.Open(s.T.Context(), url, clock)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() {
		s.Stop()
		d.Close()
	})
	s.start(d)
}

// Idle waits until nothing is due and nothing is in hand, here and in the network: texts that were sent are on their phones,
// and their receipts are kept.
func (s *Shop) Idle() {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for rested := false; ; {
		if err := s.Queue.Idle(ctx); err != nil {
			s.T.Fatal("jobs don't come to rest: ", err)
		}
		if rests := s.Net.Rests(slowest); rested && rests {
			return // and nothing came from there since the jobs came to rest
		} else if rested = rests; rests {
			continue
		}
		select {
		case <-ctx.Done():
			s.T.Fatal("the network doesn't come to rest")
		case <-time.After(time.Millisecond):
		}
	}
}

// Pass moves the clock in steps of at most a quarter of an hour, each worked to its end.
func (s *Shop) Pass(d time.Duration) {
	s.T.Helper()
	for d > 0 {
		step := min(d, 15*time.Minute)
		s.DB.Clock().Advance(step)
		s.Idle()
		d -= step
	}
}

// Until waits until f is true, and ends the test where it never is.
func (s *Shop) Until(what string, f func() bool) {
	s.T.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			s.T.Fatal("never came: ", what)
		case <-tick.C:
		}
	}
}

// Received are the texts that have come to a phone, oldest first.
func (s *Shop) Received(phone string) (all []smsc.Text) {
	for _, t := range s.Net.Messages(phone) {
		if t.Direction == smsc.Received {
			all = append(all, t)
		}
	}
	return all
}

// Texts waits until n texts have come to a phone, and returns them.
func (s *Shop) Texts(phone string, n int) []smsc.Text {
	s.T.Helper()
	s.Until(fmt.Sprintf("%d texts on %s", n, phone), func() bool { return len(s.Received(phone)) >= n })
	return s.Received(phone)
}

// Mailed waits until n mails have come to an address, and returns them, oldest first.
func (s *Shop) Mailed(to string, n int) []mailsink.Mail {
	s.T.Helper()
	s.Until(fmt.Sprintf("%d mails to %s", n, to), func() bool { return len(s.Mails.List(to)) >= n })
	all := s.Mails.List(to)
	slices.Reverse(all)
	return all
}

// Write is a unit of work that ends the test on error.
func (s *Shop) Write(f func(*db.Tx) error) { s.T.Helper(); dbtest.Write(s.T, s.DB, f) }

// Read is a look into the database that ends the test on error.
func (s *Shop) Read(f func(*db.Tx) error) { s.T.Helper(); dbtest.Read(s.T, s.DB, f) }

// everybody publishes the journeys without the shares of people who are held out, so that who hears of what is certain.
func (s *Shop) everybody() {
	s.T.Helper()
	s.Write(func(tx *db.Tx) error {
		all, err := s.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		for _, j := range all {
			v, err := s.Journeys.Version(tx, j.Name, j.Version)
			if err != nil {
				return err
			}
			d, changed := withoutHoldout(v.Definition)
			if v.By != "" || !changed {
				continue
			}
			if _, err := s.Journeys.Publish(tx, d, j.Version, "test", "nobody is held out", ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func withoutHoldout(d journeys.Definition) (journeys.Definition, bool) {
	d = d.Clone()
	before := len(d.Nodes)
	for _, n := range slices.Clone(d.Nodes) {
		if n.Do == journeys.DoSplit && n.Out > 0 && len(n.Ways) == 0 && d.Remove(n.ID) != nil {
			return d, false
		}
	}
	return d, len(d.Nodes) < before
}
