package sim

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"portolan/internal/app"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/fulfilment/fakecarrier"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/payment/fakepsp"
)

const (
	durability = "?synchronous=off&readers=0" // the program is killed, the machine isn't; and only one asks at a time
	baseURL    = "https://miana.example"
	mailbox    = "hello@miana.example"
	pulse      = time.Minute // how often the shop looks at what is due when nobody does anything
	grain      = 5 * pulse   // how often at most it does what comes back
	onHand     = 400         // pieces of each variant, made up every morning
)

// world is everything around the shop, and the shop that is open now.
type world struct {
	Config
	dice  dice
	ctx   context.Context
	clock *db.Clock
	path  string
	app   *app.App
	net   *network

	agenda agenda
	seq    int64
	end    time.Time

	journal  *journal // nil: nobody will kill this process
	then     time.Time
	caughtUp bool
	life     int

	people  int                // so far
	phones  map[string]*person // by phone number and by e-mail address
	carts   map[string]*visit
	orders  map[string]*visit // by number
	goods   map[string][]string
	report  *Report
	laws    *laws
	stumble error

	mu         sync.Mutex // of what the lines of the shop touch too
	generation int
	doomed     bool // the shop that is open was killed
	points     int64
	kills      []int64 // the points at which it will be, in order
	home, left string  // the file it began with, the one that the program which was killed had
}

// entry is something that will happen.
type entry struct {
	at  time.Time
	seq int64
	do  func() error
}

// agenda is a heap of what will happen, the next first.
type agenda []entry

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a agenda) Less(i, j int) bool {
	return cmp.Or(a[i].at.Compare(a[j].at), cmp.Compare(a[i].seq, a[j].seq)) < 0
}

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(entry)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = entry{}
	*a = (*a)[:last]
	return e
}

func newWorld(ctx context.Context, c Config, clock *db.Clock, path string) *world {
	w := &world{Config: c, dice: dice(c.Seed), ctx: ctx, clock: clock, path: path, end: c.Start.AddDate(0, 0, c.Days), phones: map[string]*person{}, carts: map[string]*visit{},
		orders: map[string]*visit{}, goods: map[string][]string{}, report: newReport(c), laws: newLaws(), kills: c.Kills, home: path}
	w.net = newNetwork(w)
	r := rand.New(rand.NewPCG(c.Seed, 4))
	for i := range c.Restarts {
		whole := w.end.Sub(c.Start)
		w.at(c.Start.Add(whole*time.Duration(i)/time.Duration(c.Restarts)+time.Duration(r.Int64N(int64(whole)/int64(c.Restarts)))), w.restart)
	}
	return w
}

// at puts something on the agenda.
func (w *world) at(t time.Time, do func() error) {
	w.seq++
	if now := w.now(); t.Before(now) {
		t = now
	}
	heap.Push(&w.agenda, entry{t, w.seq, do})
}

func (w *world) after(d time.Duration, do func() error) { w.at(w.now().Add(d), do) }

// open opens the shop on its file with everything around it.
func (w *world) open() error {
	d, err := db.Open(w.ctx, w.path+durability, w.clock)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.generation++
	w.doomed = false
	n := w.generation
	w.mu.Unlock()
	a, err := app.Open(w.ctx, d, app.Config{PublicURL: baseURL, TestPSP: true, MailFrom: mailbox, Hook: w.hook(n)})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	w.app = a
	k := w.Behaviour.Webhooks
	a.TestPSP.Set(fakepsp.Knobs{Duplicates: k.Doubled, Lost: k.Lost, WrongSignature: k.Wrong})
	var senders []messaging.SenderRecord
	if err := d.Read(w.ctx, func(tx *db.Tx) (err error) { senders, err = a.Messages.Senders(tx); return err }); err != nil {
		return err
	}
	a.Messages.Route(w.net.routes(senders, n)...)
	fakecarrier.New(fakecarrier.Parts{Queue: a.Queue, Bus: a.Bus, Ships: a.Shipments, Markets: a.Markets, Seed: w.Seed})
	jobs.Handle(a.Queue, func(tx *db.Tx, _ morning) error { return w.refresh(tx, a) })
	a.Queue.Every("sim.morning", 24*time.Hour, morning{})
	events.On(a.Bus, "sim.paid", func(tx *db.Tx, e order.PaidEvent) error {
		o, err := a.Orders.Get(tx, e.Order)
		if err == nil {
			tx.After(func() { w.heard(n, func() { w.heardPaid(paid{o.Cart, o.Number, o.ID}) }) })
		}
		return err
	})
	events.On(a.Bus, "sim.delivered", func(tx *db.Tx, e fulfilment.AllDeliveredEvent) error {
		tx.After(func() { w.heard(n, func() { w.heardDelivered(delivered{e.Number, e.Occurred}) }) })
		return nil
	})
	return nil
}

// heard does what follows from news of a shop that is alive.
func (w *world) heard(generation int, f func()) {
	if !w.dead(generation) {
		f()
	}
}

// morning is a round: new exchange rates, and what was sold comes in again.
type morning struct{}

// Job implements jobs.Args.
func (morning) Job() string { return "sim.morning" }

func (w *world) refresh(tx *db.Tx, a *app.App) error {
	if err := demo.Refresh(tx, demo.Shop{Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock}); err != nil {
		return err
	}
	var all []fulfilment.Stock
	for _, p := range a.Catalog.Snapshot().Products() {
		for _, v := range p.Variants {
			for _, place := range []string{"ams", "can"} {
				all = append(all, fulfilment.Stock{SKU: v.SKU, Location: place, OnHand: onHand})
			}
		}
	}
	return a.Stock.SetStock(tx, all)
}

// hook takes the test provider's webhooks.
func (w *world) hook(generation int) func(context.Context, http.Header, []byte) (int, error) {
	return func(ctx context.Context, header http.Header, body []byte) (int, error) {
		w.point(generation)
		if w.dead(generation) {
			return 0, errGone
		}
		w.net.count("webhooks", 1)
		if err := w.app.Payments.Webhook(ctx, fakepsp.Name, header, body); err != nil {
			w.net.count("webhooks refused", 1)
			return http.StatusBadRequest, nil
		}
		return http.StatusNoContent, nil
	}
}

func (w *world) close() {
	if w.app != nil {
		w.app.DB.Close()
	}
}

// restart ends the program in order and opens it again.
func (w *world) restart() error {
	w.report.Restarts++
	if err := w.app.DB.Close(); err != nil {
		return err
	}
	return w.open()
}

// point is a moment at which the program may be killed: what its file holds then is kept, and everything it does
// afterwards counts for nothing.
func (w *world) point(generation int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if generation != w.generation || w.doomed {
		return
	}
	w.points++
	if len(w.kills) == 0 || w.points < w.kills[0] {
		return
	}
	w.kills = w.kills[1:]
	next := fmt.Sprintf("%s.%d", w.home, w.generation)
	err := w.app.DB.Write(context.Background(), func(*db.Tx) error { // nobody else writes meanwhile
		for _, end := range []string{"", "-wal"} {
			b, err := os.ReadFile(w.path + end)
			if err == nil {
				err = os.WriteFile(next+end, b, 0o600)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.stumble = err
		return
	}
	w.doomed, w.left, w.path = true, w.path, next
	w.report.Kills++
}

// dead reports whether a shop was killed.
func (w *world) dead(generation int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.doomed || generation != w.generation
}

// revive opens the shop again if it was killed.
func (w *world) revive() error {
	if w.stumble != nil {
		return w.stumble
	}
	if !w.dead(w.generation) {
		return nil
	}
	if err := w.app.DB.Close(); err != nil {
		return err
	}
	if w.left != "" {
		os.Remove(w.left)
		os.Remove(w.left + "-wal")
	}
	return w.open()
}

// play lets the days pass.
func (w *world) play() error {
	if err := w.stock(); err != nil {
		return err
	}
	for day := range w.Days {
		at := w.Start.AddDate(0, 0, day)
		w.at(at, func() error { w.visitors(day); w.net.forget(at.AddDate(0, 0, -2)); w.report.day(w, day); return nil })
	}
	next := w.now()
	for w.now().Before(w.end) {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if len(w.agenda) > 0 && !w.agenda[0].at.After(next) && !w.agenda[0].at.After(w.end) {
			e := heap.Pop(&w.agenda).(entry)
			w.advance(e.at)
			w.point(w.generation)
			if err := w.revive(); err != nil {
				return err
			}
			if err := e.do(); err != nil {
				return fmt.Errorf("at %s: %w", w.now().Format(time.RFC3339), err)
			}
			if err := w.settle(); err != nil {
				return err
			}
			continue
		}
		w.advance(next)
		next = next.Add(pulse)
		if err := w.receipts(); err != nil {
			return err
		}
		if err := w.settle(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) advance(to time.Time) {
	if w.journal.reading() {
		if to.After(w.then) {
			w.then = to
		}
		return
	}
	if d := to.Sub(w.clock.Now()); d > 0 {
		w.clock.Advance(d)
	}
}

// settle lets the shop do what is due, and people read what it wrote.
func (w *world) settle() error {
	for {
		err := w.ask(nil, func() error { return w.app.Queue.Rush(w.ctx) })
		if err != nil && !w.dead(w.generation) {
			return err
		}
		if w.stumble != nil {
			return w.stumble
		}
		w.point(w.generation)
		if !w.dead(w.generation) {
			break
		}
		if err := w.revive(); err != nil {
			return err
		}
	}
	for _, s := range w.net.take() {
		w.arrives(s)
	}
	return nil
}

// receipts hands in what the networks say, many to a unit of work.
func (w *world) receipts() error {
	all := w.net.receipts(w.now())
	if len(all) == 0 {
		return nil
	}
	w.net.count("receipts", int64(len(all)))
	return w.ask(nil, func() error {
		return w.app.DB.Write(w.ctx, func(tx *db.Tx) error {
			for _, rc := range all {
				if err := w.app.Messages.Receipt(tx, rc); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// stock lists what each market can buy.
func (w *world) stock() error {
	return w.ask(&w.goods, func() error { w.list(); return nil })
}

func (w *world) list() {
	for _, m := range w.app.Markets.All() {
		for _, p := range w.app.Catalog.List(catalog.Filter{Market: m.Code, Lang: m.Language()}, catalog.Page{Number: 1, Size: 1000}).Products {
			for _, v := range p.Variants {
				if _, err := w.app.Checkout.Shelf.Article(m, m.Country(), m.Language(), v.SKU); err == nil && !w.forbidden(m, v.SKU) {
					w.goods[string(m.Code)] = append(w.goods[string(m.Code)], v.SKU)
				}
			}
		}
		slices.Sort(w.goods[string(m.Code)])
	}
}

// forbidden reports whether something stands against sending an article into a market.
func (w *world) forbidden(m market.Market, sku string) bool {
	return len(w.app.Borders.Article(sku, string(m.Country()), w.clock.Now().Format(time.DateOnly), 1)) > 0
}

// holdNobodyOut publishes the journeys without the shares that get nothing.
func (w *world) holdNobodyOut() error {
	return w.app.DB.Write(w.ctx, func(tx *db.Tx) error {
		all, err := w.app.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		for _, j := range all {
			v, err := w.app.Journeys.Version(tx, j.Name, j.Version)
			if err != nil {
				return err
			}
			d := v.Definition
			past := map[string]string{}
			d.Nodes = slices.DeleteFunc(slices.Clone(d.Nodes), func(n journeys.Node) bool {
				out := n.Do == journeys.DoSplit && n.Out > 0 && len(n.Ways) == 0
				if out {
					past[n.ID] = n.Next
				}
				return out
			})
			for i, n := range d.Nodes {
				d.Nodes[i].Next, d.Nodes[i].Else = cmp.Or(past[n.Next], n.Next), cmp.Or(past[n.Else], n.Else)
			}
			if len(past) == 0 {
				continue
			}
			if _, err := w.app.Journeys.Publish(tx, d, j.Version, "sim", "nobody is held out", ""); err != nil {
				return err
			}
		}
		return nil
	})
}
