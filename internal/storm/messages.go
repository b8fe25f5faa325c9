package storm

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/app"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/drive"
)

//go:embed messages.sql
var messageChecksFile string

var messageChecks = drive.Queries(messageChecksFile)

// MessagesConfig is one storm of messages.
type MessagesConfig struct {
	Binary string  // a built Portolan
	URL    string  // an empty database
	Dir    string  // for files of the networks
	Orders int     // paid orders, each of which is to be confirmed by SMS
	Rate   int     // of them a second
	Kills  int     // of serve, at random moments
	Speed  float64 // of the clock that all processes share; it begins on a Tuesday at 18:40 UTC
	Until  time.Duration
	Seed   uint64
	Log    func(format string, args ...any)
}

// MessagesReport is what was counted.
type MessagesReport struct {
	Orders, Kills, Broken int
	Passed                time.Duration // on the clock
	Took                  time.Duration
	Delivered             int // confirmations that have arrived by their receipts
	OnPhones              int // and by the networks' own records
	Repeats               int // that came to a network again
	Marked                int // attempts marked as possible repeats
	Asked                 int // promotional messages
	PromosSent            int
	PromosByState         map[string]int
	Stops                 int // people who asked for silence
	SilentAsked           int // promotional messages asked for after that
	ByRoute               string
	Wrong                 []string
}

// String is the report in a few lines.
func (r MessagesReport) String() string {
	verdict := "nothing lost, nothing promotional twice, nothing after STOP, nothing in quiet hours"
	if len(r.Wrong) > 0 {
		verdict = "WRONG: " + strings.Join(r.Wrong, "; ")
	}
	return fmt.Sprintf(`%d orders, %d kills, %d requests that broke, %s on the clock in %s
  confirmations: %d on phones, %d (%.2f %%) with their receipt; %d came again (%.3f %%), %d attempts marked as possible repeats
  promotional: %d asked for, %d sent, by state %v; %d people asked for silence, and %d were to be written to after that
  attempts: %s
  %s`,
		r.Orders, r.Kills, r.Broken, r.Passed.Round(time.Minute), r.Took.Round(time.Second), r.OnPhones, r.Delivered, 100*float64(r.Delivered)/float64(max(1, r.Orders)),
		r.Repeats, 100*float64(r.Repeats)/float64(max(1, r.Orders)), r.Marked, r.Asked, r.PromosSent, r.PromosByState, r.Stops, r.SilentAsked, r.ByRoute, verdict)
}

// messageStorm is one under way.
type messageStorm struct {
	MessagesConfig
	addr, key     string
	start, began  time.Time // on the shared clock and in the world
	crowd         drive.Crowd
	random        *rand.Rand
	first, spare  *centre
	server        *drive.Server
	report        MessagesReport
	stops         map[string]time.Duration // when the owner of a phone writes STOP
	mu            sync.Mutex
	broken, asked int
}

// centre is a message centre in a process of its own.
type centre struct {
	server   *drive.Server
	addr     string
	snapshot string
}

// RunMessages raises a storm of messages and counts.
func RunMessages(ctx context.Context, c MessagesConfig) (MessagesReport, error) {
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	s := &messageStorm{MessagesConfig: c, random: rand.New(rand.NewPCG(c.Seed, 11)), report: MessagesReport{Orders: c.Orders, Kills: c.Kills, PromosByState: map[string]int{}},
		stops: map[string]time.Duration{}}
	began := time.Now()
	err := s.run(ctx)
	s.report.Took = time.Since(began)
	return s.report, err
}

func (s *messageStorm) wrong(format string, args ...any) {
	if len(s.report.Wrong) < 40 {
		s.report.Wrong = append(s.report.Wrong, fmt.Sprintf(format, args...))
	}
}

// now is the shared clock.
func (s *messageStorm) now() time.Time {
	return s.start.Add(time.Duration(float64(time.Since(s.began)) * s.Speed))
}

// slack is two seconds of the world on the shared clock: for what was decided and is on its way. An offer waits for a
// second at most, and the machine may be busy.
func (s *messageStorm) slack() time.Duration {
	return time.Duration(2 * s.Speed * float64(time.Second))
}

// promos is how many people get an offer: those of the crowd behind the buyers.
func (s *messageStorm) promos() int { return s.Orders / 5 }

func (s *messageStorm) run(ctx context.Context) (err error) {
	if err := (drive.World{}).Prepare(ctx, s.URL); err != nil {
		return fmt.Errorf("prepare the shop: %w", err)
	}
	if s.crowd, err = drive.NewCrowd("messages"); err != nil {
		return err
	}
	if err := s.agree(ctx); err != nil {
		return fmt.Errorf("consents: %w", err)
	}
	s.start = time.Now().UTC().Truncate(24 * time.Hour).Add(18*time.Hour + 40*time.Minute)
	for s.start.Before(time.Now().Add(time.Hour)) || s.start.Weekday() != time.Tuesday {
		s.start = s.start.AddDate(0, 0, 1)
	}
	s.began = time.Now()
	span := time.Duration(s.Orders) * time.Second / time.Duration(s.Rate)
	s.decideStops(time.Duration(float64(span) * s.Speed))
	if s.first, err = s.network(ctx, "first", s.failing(), true); err != nil {
		return err
	}
	defer func() { s.first.server.Kill() }()
	if s.spare, err = s.network(ctx, "spare", s.sound(), false); err != nil {
		return err
	}
	defer func() { s.spare.server.Kill() }()
	if s.addr, err = drive.Free(); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	defer func() { s.server.Kill() }()
	if err := s.rage(ctx, span); err != nil {
		return err
	}
	return s.count(ctx)
}

// agree gives everybody who gets an offer their consent, and makes the key to the API.
func (s *messageStorm) agree(ctx context.Context) error {
	d, err := db.Open(ctx, s.URL, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if _, s.key, err = a.Auth.AddKey(tx, "storm", "storm", []string{"messages:write", "orders:write"}); err != nil {
			return err
		}
		for n := range s.promos() {
			p := s.crowd.Person(s.Orders + n)
			_, err := a.Customers.Record(tx, customer.Consent{Address: p.Phone, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Import,
				Text: "Yes, by SMS", Wording: "storm/1", Source: "storm", Proof: "form of the storm"})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// decideStops picks who asks for silence, and when: a third of those who get an offer and some of the buyers, in the
// countries where a sender can be answered.
func (s *messageStorm) decideStops(span time.Duration) {
	for n := range s.Orders + s.promos() {
		p := s.crowd.Person(n)
		reply := p.Country == "DE" || p.Country == "GB" || p.Country == "US" && n >= s.Orders // a US buyer's confirmation would go by e-mail after STOP
		if reply && (n >= s.Orders && s.random.IntN(3) == 0 || s.random.IntN(40) == 0) {
			s.stops[p.Phone] = span/4 + time.Duration(s.random.Int64N(int64(span*3/4))) // by then somebody listens
		}
	}
}

// failing is a network that fails in every way that leaves no doubt, and breaks its lines now and then, which leaves some.
func (s *messageStorm) failing() map[string]any {
	refuse := map[string]string{}
	for n := range s.Orders {
		if s.random.IntN(12) == 0 {
			refuse[strings.TrimPrefix(s.crowd.Person(n).Phone, "+")] = "0x45"
		}
	}
	return map[string]any{
		"delay": map[string]any{"shape": "lognormal", "p50": "5s", "p95": "3m", "max": "12m"},
		"early": .05, "doubled": .1, "reordered": .02, "lost": .006, "interim": .05, "failed": .002, "garbled": .002, "ids": "mixed", "wording": "mixed",
		"throttled": .03, "refuse": refuse, "codes": map[string]string{"undeliverable": "069"},
		"outages": []map[string]string{{"kind": "refuse", "after": "25m", "for": "9m", "every": "74m"}, {"kind": "lines", "after": "40m", "for": "2m", "every": "3h"},
			{"kind": "throttle", "after": "55m", "for": "4m", "every": "2h"}, {"kind": "receipts", "after": "35m", "for": "25m", "every": "4h"}},
	}
}

// sound is a network that takes everything; its receipts come late, twice or never too.
func (s *messageStorm) sound() map[string]any {
	return map[string]any{"delay": map[string]any{"shape": "lognormal", "p50": "5s", "p95": "3m", "max": "12m"},
		"early": .05, "doubled": .1, "reordered": .02, "lost": .006, "failed": .002, "ids": "mixed", "wording": "mixed"}
}

var senders = map[string]string{"DE": "4915112345600", "GB": "447700900100", "US": "12125550100"}

// words for STOP, as people write it.
var words = []string{"STOP", "Stop!", "please stop texting me", "unsubscribe", "STOPP", "Bitte keine Werbung mehr"}

func (s *messageStorm) network(ctx context.Context, name string, plan map[string]any, inbound bool) (*centre, error) {
	file := map[string]any{"seed": s.Seed + 1, "plan": plan, "operators": []map[string]any{
		{"name": "US", "country": "US", "prefixes": []string{"1"}}, {"name": "DE", "country": "DE", "prefixes": []string{"49"}},
		{"name": "GB", "country": "GB", "prefixes": []string{"44"}}, {"name": "ID", "country": "ID", "prefixes": []string{"62"}},
		{"name": "MY", "country": "MY", "prefixes": []string{"60"}, "overwrite": "62003"}}}
	if inbound {
		var letters []map[string]string
		for n := range s.Orders + s.promos() {
			p := s.crowd.Person(n)
			if at, ok := s.stops[p.Phone]; ok {
				text := words[n%2]
				if p.Country == "DE" {
					text = words[[]int{0, 1, 4, 5}[n/5%4]]
				} else if n%3 > 0 {
					text = words[n/5%4]
				}
				letters = append(letters, map[string]string{"from": strings.TrimPrefix(p.Phone, "+"), "to": senders[p.Country], "text": text, "after": at.String()})
			}
		}
		file["inbound"] = letters
	}
	body, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.Dir, name+".json")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		return nil, err
	}
	c := &centre{snapshot: filepath.Join(s.Dir, name+"-end.json")}
	if c.addr, err = drive.Free(); err != nil {
		return nil, err
	}
	page, err := drive.Free()
	if err != nil {
		return nil, err
	}
	c.server, err = drive.Start(ctx, page, "/status", s.Binary, "smsc", "--addr", c.addr, "--plan", path, "--http", page, "--snapshot", c.snapshot, "--keep", "200000",
		"--test-clock", s.clock())
	return c, err
}

func (s *messageStorm) clock() string {
	return fmt.Sprintf("%s,%g,%s", s.start.Format(time.RFC3339Nano), s.Speed, s.began.UTC().Format(time.RFC3339Nano))
}

func (s *messageStorm) serve(ctx context.Context) (err error) {
	s.server, err = drive.Start(ctx, s.addr, "/readyz", s.Binary, "serve", "--addr", s.addr, "--db", s.URL, "--smpp", s.first.addr, "--smpp-spare", s.spare.addr,
		"--test-clock", s.clock())
	return err
}

// rage asks for everything at its moment, kills in between, and waits until nothing is under way.
func (s *messageStorm) rage(ctx context.Context, span time.Duration) error {
	var all sync.WaitGroup
	room := make(chan struct{}, 64)
	began := time.Now()
	var kills []time.Duration
	for range s.Kills {
		kills = append(kills, span/10+time.Duration(s.random.Int64N(int64(span*8/10))))
	}
	slices.Sort(kills)
	lost := make(chan error, 2*s.Orders+2)
	ask := func(what func() error) {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			if err := what(); err != nil {
				lost <- err
			}
		})
	}
	for n := range s.Orders {
		at := time.Duration(n) * span / time.Duration(s.Orders)
		for len(kills) > 0 && kills[0] <= at {
			kills = kills[1:]
			s.server.Kill()
			if text := s.server.Log(); strings.Contains(text, "panic") {
				s.wrong("the server said before it was killed: %.600s", text)
			}
			dead := time.Now()
			if err := s.serve(ctx); err != nil {
				return err
			}
			s.Log("killed at %s, back after %s", at.Round(time.Millisecond), time.Since(dead).Round(time.Millisecond))
		}
		if err := pause(ctx, at-time.Since(began)); err != nil {
			return err
		}
		ask(func() error { return s.order(n) })
		if n%5 == 0 && n/5 < s.promos() {
			ask(func() error { return s.offer(n/5, "offer") })
		}
	}
	all.Wait()
	s.Log("everything was asked for after %s; it is %s", time.Since(began).Round(time.Second), s.now().Format("Mon 15:04"))
	for silent := range s.promos() { // who asked for silence is to be written to once more
		if _, ok := s.stops[s.crowd.Person(s.Orders+silent).Phone]; ok {
			ask(func() error { return s.offer(silent, "again") })
		}
	}
	all.Wait()
	close(lost)
	for err := range lost {
		s.wrong("a request was never taken: %v", err)
	}
	s.report.Broken, s.report.Asked = s.broken, s.asked
	return s.quiet(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// currencies of the markets.
var currencies = map[string]string{"DE": "EUR", "US": "USD", "GB": "GBP", "ID": "IDR", "MY": "MYR"}

// order enters a paid order as another shop would, again and again until it is taken.
func (s *messageStorm) order(n int) error {
	p := s.crowd.Person(n)
	money := fmt.Sprintf(`{"minor":500000,"currency":"%s"}`, currencies[p.Country])
	lang, _, _ := strings.Cut(p.Place, "-")
	return s.post("/v1/orders", fmt.Sprintf("Idempotency-Key: order-%d\r\n", n), fmt.Sprintf(`{"source":"atelier","external_ref":"%d","country":"%s","lang":"%s","currency":"%s",
		"contact":{"given_name":"%s","family_name":"%s","email":"","phone":"%s"},
		"lines":[{"sku":"KL-7-M","title":"Dress","quantity":1,"unit_price":%s}],"total":%s,"tax_included":true,"paid":true}`,
		n, p.Country, lang, currencies[p.Country], p.Given, p.Family, p.Phone, money, money), 201)
}

// offer asks for a promotional message.
func (s *messageStorm) offer(n int, key string) error {
	p := s.crowd.Person(s.Orders + n)
	lang, _, _ := strings.Cut(p.Place, "-")
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	return s.post("/v1/messages", "", fmt.Sprintf(`{"key":"%s-%d","to":"%s","channel":"sms","market":"%s","country":"%s","lang":"%s","template":"cart",
		"link":"http://%s/back/x","vars":{"name":"%s","code":"%s%d","pct":"5"}}`, key, n, p.Phone, strings.ToLower(p.Country), p.Country, lang, s.addr, p.Given,
		strings.ToUpper(key[:1]), 100_000+n), 202)
}

func (s *messageStorm) post(path, header, body string, good int) error {
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%sContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		path, s.addr, s.key, header, len(body), body)
	for began := time.Now(); ; {
		a, err := once(s.addr, request)
		if err == nil && a.Status == good {
			return nil
		}
		if err == nil && a.Status < 500 && a.Status != 409 && a.Status != 429 {
			return fmt.Errorf("%s: %d %.300s", path, a.Status, a.Body)
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("%s: %w (%d)", path, ErrTooLong, a.Status)
		}
		s.mu.Lock()
		s.broken++
		s.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
	}
}

// ErrTooLong: what was asked for was not taken within a minute.
var ErrTooLong = fmt.Errorf("not taken within a minute")

func once(addr string, request []byte) (drive.Answer, error) {
	c, err := drive.Dial(addr)
	if err != nil {
		return drive.Answer{}, err
	}
	defer c.Close()
	a, err := c.Do(request)
	a.Body = slices.Clone(a.Body)
	return a, err
}

// quiet waits until what must be quick has left, the hour has come that the storm is to see, and no receipt comes any
// more.
func (s *messageStorm) quiet(ctx context.Context) error {
	d, err := db.Open(ctx, s.URL, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	n := func(name string, args ...any) int64 {
		if err == nil {
			var v int64
			v, err = drive.Count(ctx, d, messageChecks[name], args...)
			return v
		}
		return 0
	}
	end := s.start.Add(s.Until)
	last, since := int64(-1), time.Now()
	for began := time.Now(); ; {
		left, way := n("waiting")+n("due", s.now()), n("on their way")
		if err != nil {
			return err
		}
		if way != last {
			last, since = way, time.Now()
		}
		if left == 0 && n("paid") == int64(s.Orders) && s.now().After(end) && time.Since(since) > time.Duration(float64(time.Hour)/s.Speed) {
			break
		}
		if time.Since(began) > patience && s.now().After(end.Add(time.Duration(float64(patience)*s.Speed))) {
			s.wrong("not quiet: %d wait, %d of %d orders are paid", left, n("paid"), s.Orders)
			break
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
	s.report.Passed = s.now().Sub(s.start)
	for _, p := range []*drive.Server{s.server, s.first.server, s.spare.server} {
		if err := p.Stop(); err != nil {
			s.wrong("a process didn't end in order: %v: %.400s", err, p.Log())
		}
	}
	return nil
}
