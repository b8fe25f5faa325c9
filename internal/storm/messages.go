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
	"portolan/internal/messaging/smsc"
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

// onWire is how often a text came to the networks.
type onWire struct {
	times       int
	first, last time.Time
	known       bool
}

// submits are the whole texts that both networks took, by phone and text.
func (s *messageStorm) submits() (map[[2]string]*onWire, map[[2]string]int, error) {
	all, phones := map[[2]string]*onWire{}, map[[2]string]int{}
	for _, c := range []*centre{s.first, s.spare} {
		b, err := os.ReadFile(c.snapshot)
		if err != nil {
			return nil, nil, err
		}
		var end struct {
			Totals  smsc.Totals   `json:"totals"`
			Submits []smsc.Submit `json:"submits"`
		}
		if err := json.Unmarshal(b, &end); err != nil {
			return nil, nil, err
		}
		s.Log("%s: %+v", filepath.Base(c.snapshot), end.Totals)
		for _, x := range whole(end.Submits) {
			k := [2]string{x.To, x.Text}
			w := all[k]
			if w == nil {
				w = &onWire{first: x.At, last: x.At}
				all[k] = w
			}
			w.times++
			if x.At.Before(w.first) {
				w.first = x.At
			}
			if x.At.After(w.last) {
				w.last = x.At
			}
			if x.State == "delivered" {
				phones[k]++
			}
		}
	}
	return all, phones, nil
}

// whole joins the parts that a network took. Part by part: a phone gives up after ten minutes, which are a few seconds
// here.
func whole(parts []smsc.Submit) (all []smsc.Submit) {
	type thread struct {
		to, from   string
		ref, total int
	}
	open := map[thread]map[int]smsc.Submit{}
	for _, p := range parts {
		if p.Status != 0 {
			continue
		}
		k := thread{p.To, p.From, p.Ref, p.Total}
		if open[k] == nil {
			open[k] = map[int]smsc.Submit{}
		}
		open[k][p.Part] = p
		if len(open[k]) < p.Total {
			continue
		}
		text := open[k][1]
		for n := 2; n <= p.Total; n++ {
			text.Text += open[k][n].Text
			if open[k][n].State != "delivered" {
				text.State = open[k][n].State
			}
			if open[k][n].At.After(text.At) {
				text.At = open[k][n].At
			}
		}
		all = append(all, text)
		delete(open, k)
	}
	return all
}

// sent is a message as the store has it.
type sent struct {
	id, class, template, country, to, body, state, reason, order string
	repeats, tries, doubtful                                     int64
	wire, firstTry, lastTry                                      time.Time
}

func (s *messageStorm) count(ctx context.Context) error {
	d, err := db.Open(ctx, s.URL, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	shelf := checks["given up sqlite"]
	if d.Postgres() {
		shelf = checks["given up postgres"]
	}
	for name, query := range map[string]string{"jobs given up": shelf, "orders not confirmed once": messageChecks["orders not confirmed once"],
		"confirmations of nothing": messageChecks["confirmations of nothing"], "orders entered twice": messageChecks["orders entered twice"],
		"attempts left open": messageChecks["open attempts"]} {
		n, err := drive.Count(ctx, d, query)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n != 0 {
			s.wrong("%s: %d", name, n)
		}
	}
	// What a network took and the program could not note before it died has receipts that no message is known for.
	parked, err := drive.Count(ctx, d, messageChecks["parked receipts"])
	if err != nil {
		return err
	}
	unknown, err := drive.Count(ctx, d, messageChecks["unknown attempts"])
	if err != nil {
		return err
	}
	if parked > 2*unknown { // some come twice, in parts
		s.wrong("%d receipts without a message, and only %d attempts of unknown outcome", parked, unknown)
	}
	var all []sent
	stops := map[string]time.Time{}
	var routes []string
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		if all, err = db.All(tx, func(r db.Row) (m sent, err error) {
			err = r.Scan(&m.id, &m.class, &m.template, &m.country, &m.to, &m.body, &m.state, &m.reason, &m.repeats, &m.order, db.Null(&m.wire), &m.tries, &m.doubtful,
				db.Moment(&m.firstTry), db.Moment(&m.lastTry))
			return
		}, messageChecks["messages"]); err != nil {
			return err
		}
		if _, err = db.All(tx, func(r db.Row) (x struct{}, err error) {
			var from string
			var at time.Time
			err = r.Scan(&from, db.Moment(&at))
			stops[from] = at.UTC()
			return
		}, messageChecks["stops"]); err != nil {
			return err
		}
		routes, err = db.All(tx, func(r db.Row) (x string, err error) {
			var route, outcome string
			var n int64
			err = r.Scan(&route, &outcome, &n)
			return fmt.Sprintf("%s %s %d", route, outcome, n), err
		}, messageChecks["by route"])
		return err
	})
	if err != nil {
		return err
	}
	s.report.ByRoute, s.report.Stops = strings.Join(routes, ", "), len(stops)
	if len(stops) != len(s.stops) {
		s.wrong("%d people asked for silence, %d were heard", len(s.stops), len(stops))
	}
	wire, phones, err := s.submits()
	if err != nil {
		return err
	}
	for i := range all {
		s.judge(&all[i], wire, phones, stops)
	}
	for k, w := range wire {
		if !w.known {
			s.wrong("%q came to %s %d times, and the store knows nothing of it", k[1], k[0], w.times)
		}
	}
	r := &s.report
	if share := float64(r.Delivered) / float64(r.Orders); share < .98 {
		s.wrong("%.2f %% of the confirmations are delivered, fewer than 98 %%", 100*share)
	}
	// A share says something of many orders only. With few of them, what was on the wire when the program died counts.
	most := (r.Orders - 1) / 1000
	if r.Orders < 5000 {
		most = 2 * s.Kills
	}
	if r.Repeats > most {
		s.wrong("%d of %d confirmations came again, more than %d", r.Repeats, r.Orders, most)
	}
	return nil
}

// judge compares a message with what came of it at the networks.
func (s *messageStorm) judge(m *sent, wire map[[2]string]*onWire, phones map[[2]string]int, stops map[string]time.Time) {
	k := [2]string{strings.TrimPrefix(m.to, "+"), m.body}
	w := wire[k]
	if w == nil {
		w = &onWire{}
	}
	w.known = true
	r := &s.report
	if m.template == "confirm" {
		r.Marked += int(m.repeats)
		r.Repeats += max(0, w.times-1)
		if w.times == 0 {
			s.wrong("the confirmation %s to %s (%s %s) never came to a network", m.id, m.to, m.state, m.reason)
		}
		if w.times-1 > int(m.repeats) {
			s.wrong("the confirmation %s to %s came %d times, marked %d times", m.id, m.to, w.times, m.repeats)
		}
		if m.repeats > max(0, m.doubtful-1) { // an outcome that was unknown then may be known by now
			s.wrong("the confirmation %s was repeated %d times with %d attempts that weren't refused", m.id, m.repeats, m.doubtful)
		}
		if m.state == "delivered" || m.state == "read" {
			r.Delivered++
		}
		if phones[k] > 0 {
			r.OnPhones++
		}
		return
	}
	if m.class == "reply" && w.times > 1+int(m.repeats) {
		s.wrong("the answer %s to %s came %d times", m.id, m.to, w.times)
	}
	if m.class != "promotional" {
		return
	}
	r.PromosByState[m.state]++
	if w.times > 1 {
		s.wrong("the offer %s to %s came %d times", m.id, m.to, w.times)
	}
	if w.times > 0 {
		r.PromosSent++
	}
	if w.times > 0 && (m.state == "held" || m.state == "queued" || m.state == "dropped") {
		s.wrong("the offer %s to %s came to a network and is %s in the store", m.id, m.to, m.state)
	}
	if w.times == 0 && (m.state == "sent" || m.state == "delivered") {
		s.wrong("the offer %s to %s never came to a network and is %s", m.id, m.to, m.state)
	}
	if at, silent := stops[m.to]; silent {
		r.SilentAsked++
		if !m.lastTry.IsZero() && m.lastTry.After(at.Add(s.slack())) || w.times > 0 && w.last.After(at.Add(s.slack())) {
			s.wrong("the offer %s to %s was on its way at %s, on the wire at %s, and STOP came at %s", m.id, m.to, m.lastTry.Format(time.TimeOnly), w.last.Format(time.TimeOnly), at.Format(time.TimeOnly))
		}
	}
	for _, at := range []time.Time{m.firstTry, m.lastTry} {
		if why := quietAt(m.country, at); !at.IsZero() && why != "" {
			s.wrong("an attempt for the offer %s to %s in quiet hours: %s", m.id, m.to, why)
		}
	}
	if w.times > 0 {
		// What was allowed a moment ago may come to the network two seconds of the world later.
		for _, at := range []time.Time{w.first, w.last} {
			if why := quietAt(m.country, at); why != "" && quietAt(m.country, at.Add(-s.slack())) != "" {
				s.wrong("the offer %s to %s came in quiet hours: %s", m.id, m.to, why)
			}
		}
	}
}

// awake are the hours in which offers may come, as this storm understands the rules of the countries: written down a
// second time on purpose.
var awake = map[string]struct {
	from, to int
	sunday   bool
	zones    []string
}{
	"DE": {9, 20, true, []string{"Europe/Berlin"}}, "GB": {9, 20, true, []string{"Europe/London"}}, "US": {8, 21, true, []string{"America/New_York"}},
	"ID": {8, 21, true, []string{"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}}, "MY": {8, 20, true, []string{"Asia/Kuala_Lumpur"}},
}

// quietAt says why a moment is quiet in a country, or nothing.
func quietAt(country string, at time.Time) string {
	a, ok := awake[country]
	if !ok {
		return "nobody knows the hours of " + country
	}
	for _, name := range a.zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return err.Error()
		}
		if t := at.In(zone); t.Hour() < a.from || t.Hour() >= a.to || t.Weekday() == time.Sunday && !a.sunday {
			return t.Format("Mon 15:04:05 ") + name
		}
	}
	return ""
}
