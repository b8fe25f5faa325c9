// Package storm kills a running Portolan in the middle of many checkouts, again and again, and then counts: money,
// orders, numbers, stock, confirmations in the store and on the wire.
//
// It is a test and a command's worth of code; no other package uses it.
package storm

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/drive"
	"portolan/internal/messaging/smsc"
)

//go:embed checks.sql
var checksFile string

var checks = drive.Queries(checksFile)

// Config is one storm.
type Config struct {
	Binary    string // a built Portolan
	URL       string // an empty database
	Checkouts int
	Kills     int
	Late      bool   // payments that succeed a minute and a half later, too
	Seed      uint64 // of the moments and the means of payment
	Log       func(format string, args ...any)
}

// Report is what was counted.
type Report struct {
	Checkouts, Kills    int
	InPayment           []int // shoppers whose payment was under way at each kill
	Confirmed           int   // shoppers who saw the confirmation page
	SoldOut             int
	Broken              int // connections that broke under shoppers
	Orders, Paid        int64
	Captured, GivenBack int64 // payments in the provider's books
	OnWire              int   // confirmations that reached the network
	Repeats, Unexpected int   // confirmations that reached it again, marked and not marked as such
	Marked              int64 // repeats by our own record
	Took                time.Duration
	Wrong               []string // what should not be
}

// String is the report in a few lines.
func (r Report) String() string {
	verdict := "nothing lost, nothing twice"
	if len(r.Wrong) > 0 {
		verdict = "WRONG: " + strings.Join(r.Wrong, "; ")
	}
	return fmt.Sprintf(`%d checkouts, %d kills with %v payments under way, %d connections broken, %s
  shoppers: %d saw their confirmation page, %d found it sold out
  orders: %d, paid %d; the provider captured %d and gave back %d
  confirmations on the wire: %d for %d paid orders; %d repeats, of which %d not marked (%d marked in the store)
  %s`,
		r.Checkouts, r.Kills, r.InPayment, r.Broken, r.Took.Round(100*time.Millisecond), r.Confirmed, r.SoldOut,
		r.Orders, r.Paid, r.Captured, r.GivenBack, r.OnWire, r.Paid, r.Repeats, r.Unexpected, r.Marked, verdict)
}

// cards are the means of payment, in turn: success, challenge, answers that are lost, declines.
var cards = []string{"4555000000000100", "4555000000000308", "4555000000000902", "4555000000000100", "4555000000001009", "4555000000000100",
	"4555000000000209", "4555000000000506", "4555000000000308", "4555000000000100"}

// lateCard succeeds a minute and a half after it was used.
const lateCard = "4555000000001108"

// storm is one under way.
type storm struct {
	Config
	addr    string
	network *smsc.Server
	server  *drive.Server
	random  *rand.Rand
	paying  atomic.Int64
	report  Report
}

// Run raises a storm and counts. The error is of what kept it from being raised; what went wrong in it is in
// Report.Wrong.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	s := &storm{Config: c, random: rand.New(rand.NewPCG(c.Seed, 9)), report: Report{Checkouts: c.Checkouts, Kills: c.Kills}}
	began := time.Now()
	err := s.run(ctx)
	s.report.Took = time.Since(began)
	return s.report, err
}

func (s *storm) run(ctx context.Context) error {
	goods, err := drive.World{}.Scarce(ctx, s.URL, max(4, s.Checkouts/20), s.Checkouts)
	if err != nil {
		return fmt.Errorf("prepare the shop: %w", err)
	}
	network := smsc.New(smsc.Config{Operators: demo.Operators(), KeepSubmits: 100_000})
	if err := network.Listen(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go network.Serve(ctx)
	s.network = network
	if s.addr, err = drive.Free(); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { s.server.Kill() }()

	shoppers, err := s.shoppers(goods)
	if err != nil {
		return err
	}
	type end struct {
		order string
		err   error
		*drive.Shopper
	}
	ends := make(chan end, len(shoppers))
	var all sync.WaitGroup
	// They come in waves, one for each kill and one for the quiet after it, so that there is always a crowd paying
	// when the server dies; those it hit go on among the next.
	waves := s.Kills + 1
	for n := range waves {
		for _, one := range shoppers[len(shoppers)*n/waves : len(shoppers)*(n+1)/waves] {
			all.Go(func() {
				order, err := one.Buy(true)
				ends <- end{order, err, one}
			})
		}
		if n == s.Kills {
			break
		}
		if err := s.kill(ctx, len(shoppers)/waves); err != nil {
			return fmt.Errorf("kill %d: %w", n+1, err)
		}
	}
	all.Wait()
	close(ends)
	seen := map[string]bool{}
	for e := range ends {
		s.report.Broken += e.Failures
		switch {
		case e.err == nil:
			s.report.Confirmed++
			seen[e.order] = true
		case errors.Is(e.err, drive.ErrSoldOut):
			s.report.SoldOut++
		default:
			s.wrong("a shopper with card %s ended with: %v", e.Card, e.err)
		}
	}
	s.Log("the shoppers are done; waiting for quiet")
	d, err := db.Open(ctx, s.URL, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := s.quiet(ctx, d); err != nil {
		return err
	}
	if err := s.server.Stop(); err != nil {
		s.wrong("the server didn't end in order: %v", err)
	}
	return s.count(ctx, d, seen)
}

func (s *storm) wrong(format string, args ...any) {
	s.report.Wrong = append(s.report.Wrong, fmt.Sprintf(format, args...))
}

func (s *storm) start(ctx context.Context) (err error) {
	s.server, err = drive.Start(ctx, s.addr, "/readyz", s.Binary, "serve", "--addr", s.addr, "--db", s.URL, "--test-psp", "--smpp", s.network.Addr())
	return err
}

func (s *storm) shoppers(goods []string) (all []*drive.Shopper, err error) {
	crowd, err := drive.NewCrowd("storm")
	if err != nil {
		return nil, err
	}
	for i := range s.Checkouts {
		// Markets, goods and cards take turns of different lengths, so that each meets each.
		card := cards[(i/5)%len(cards)]
		if s.Late && i%17 == 0 {
			card = lateCard
		}
		one := &drive.Shopper{Person: crowd.Person(i), SKU: goods[(i/5)%len(goods)], Card: card, Patience: 4 * time.Minute, Look: 200 * time.Millisecond, Paying: &s.paying}
		one.At(s.addr)
		all = append(all, one)
	}
	return all, nil
}

// kill ends the server while some of a wave's shoppers are paying, and starts it anew.
func (s *storm) kill(ctx context.Context, wave int) error {
	least := 1 + s.random.Int64N(int64(max(1, min(8, wave/4))))
	for began := time.Now(); s.paying.Load() < least && time.Since(began) < 5*time.Second; {
		time.Sleep(50 * time.Microsecond)
	}
	// At once, or a little later, when those payments are answered and what follows from them is under way.
	most := []time.Duration{10 * time.Millisecond, 120 * time.Millisecond}[s.random.IntN(2)]
	time.Sleep(time.Duration(s.random.Int64N(int64(most))))
	s.report.InPayment = append(s.report.InPayment, int(s.paying.Load()))
	s.server.Kill()
	if text := s.server.Log(); strings.Contains(text, "panic") || strings.Contains(strings.ToLower(text), "locked") {
		s.wrong("the server said before it was killed: %.600s", text)
	}
	dead := time.Now()
	err := s.start(ctx)
	s.Log("killed with %d payments under way, back after %s", s.report.InPayment[len(s.report.InPayment)-1], time.Since(dead).Round(time.Millisecond))
	return err
}

// patience is how long it may take until everything is found out and told.
const patience = 3 * time.Minute

// quiet waits until nothing is under way.
func (s *storm) quiet(ctx context.Context, d *db.DB) error {
	for began := time.Now(); ; {
		busy := int64(0)
		// In the order in which one becomes the next, so that nothing slips by between two looks.
		for _, name := range []string{"unsettled", "carts still being paid", "paid orders without one confirmation", "waiting"} {
			n, err := drive.Count(ctx, d, checks[name])
			if err != nil {
				return err
			}
			busy += n
		}
		if busy == 0 {
			return nil
		}
		if time.Since(began) > patience {
			s.wrong("not quiet after %s", patience)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// never are the counts that have to be zero.
var never = []string{"money without an order", "paid orders without money", "carts with two orders", "shoppers with two orders",
	"orders whose cart says otherwise", "carts still being paid", "paid orders without one confirmation", "confirmations not on the wire",
	"confirmations of nothing", "numbers without an order", "orders without a number", "stock oversold", "stock still held",
	"allocations without an order", "orders without an allocation", "levels that differ from their allocations"}

func (s *storm) count(ctx context.Context, d *db.DB, seen map[string]bool) error {
	get := func(name string) (n int64, err error) { return drive.Count(ctx, d, checks[name]) }
	shelf := "given up sqlite"
	if d.Postgres() {
		shelf = "given up postgres"
	}
	for _, name := range append([]string{shelf}, never...) {
		n, err := get(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n != 0 {
			s.wrong("%s: %d", name, n)
		}
	}
	r := &s.report
	for name, to := range map[string]*int64{"orders": &r.Orders, "paid": &r.Paid, "captured": &r.Captured, "given back": &r.GivenBack} {
		n, err := get(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*to = n
	}
	if len(seen) != r.Confirmed || int64(r.Confirmed) != r.Paid {
		s.wrong("%d shoppers saw %d confirmation pages, and %d orders are paid", r.Confirmed, len(seen), r.Paid)
	}
	if r.Confirmed+r.SoldOut != r.Checkouts {
		s.wrong("%d of %d shoppers ended otherwise", r.Checkouts-r.Confirmed-r.SoldOut, r.Checkouts)
	}
	if err := s.numbers(ctx, d); err != nil {
		return err
	}
	return s.wire(ctx, d)
}

// numbers looks for gaps in each day's numbers.
func (s *storm) numbers(ctx context.Context, d *db.DB) error {
	var all []string
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = db.All(tx, db.Scalar[string], checks["numbers"])
		return err
	})
	last := map[string]int{}
	for _, number := range all {
		at := strings.LastIndexByte(number, '-')
		n, err := strconv.Atoi(number[at+1:])
		if err != nil || n != last[number[:at]]+1 {
			s.wrong("after number %d comes %s", last[number[:at]], number)
		}
		last[number[:at]] = n
	}
	return err
}

// wire compares what the store says was sent with what the network has received.
func (s *storm) wire(ctx context.Context, d *db.DB) error {
	type message struct {
		to, text string
		repeats  int64
	}
	var all []message
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = db.All(tx, func(r db.Row) (m message, err error) { return m, r.Scan(&m.to, &m.text, &m.repeats) }, checks["confirmations"])
		return err
	})
	if err != nil {
		return err
	}
	times := map[string]int{}
	for _, c := range s.network.Counts() {
		times[c.To] += c.Times
	}
	r := &s.report
	for _, m := range all {
		n := times[strings.TrimPrefix(m.to, "+")]
		r.Marked += m.repeats
		if n == 0 {
			s.wrong("the confirmation to %s never reached the network", m.to)
			continue
		}
		r.OnWire++
		r.Repeats += n - 1
		r.Unexpected += max(0, n-1-int(m.repeats))
	}
	if r.Unexpected > 0 {
		s.wrong("%d confirmations were sent again without being marked", r.Unexpected)
	}
	return nil
}
