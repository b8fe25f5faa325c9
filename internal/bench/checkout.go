package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/app"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/drive"
	"portolan/internal/market"
	"portolan/internal/messaging/smsc"
)

// articles are the SKUs of the shop that may go to all its markets.
func articles(ctx context.Context, url string) (skus []string, err error) {
	return skus, with(ctx, url, func(a *app.App) error {
		for _, p := range a.Catalog.Snapshot().Products() {
			if barred(a, p) {
				continue
			}
			for _, v := range p.Variants {
				skus = append(skus, v.SKU)
			}
		}
		return nil
	})
}

func barred(a *app.App, p *catalog.Product) bool {
	return slices.ContainsFunc(a.Markets.All(), func(m market.Market) bool {
		all := a.Borders.Shown(p, string(m.Country()), m.Day(a.DB.Clock().Now()))
		return len(all) > 0 && all[0].Blocks
	})
}

func productPage(ctx context.Context, url string) (path string, err error) {
	return path, with(ctx, url, func(a *app.App) error {
		path = "/de-de/p/" + a.Catalog.Snapshot().Products()[0].Slug
		return nil
	})
}

// with opens the shop in this process, without working in it.
func with(ctx context.Context, url string, f func(*app.App) error) error {
	d, err := db.Open(ctx, url, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{TestPSP: true, PublicURL: "http://127.0.0.1"})
	if err != nil {
		return err
	}
	return f(a)
}

// buy lets c shoppers at a time buy one after the other; most limits how many each buys, 0 is any number.
func (b *bench) buy(ctx context.Context, s *drive.Server, c int, skus []string, everyPage bool, most int) (result, error) {
	crowd, err := drive.NewCrowd("b")
	if err != nil {
		return result{}, err
	}
	var mu sync.Mutex
	next := func() *drive.Shopper {
		mu.Lock()
		defer mu.Unlock()
		return b.shopper(crowd, skus)
	}
	if most > 0 {
		var r result
		for range most * c {
			one := next()
			one.At(s.Addr)
			if _, err := one.Buy(everyPage); err != nil {
				r.wrong, r.first = r.wrong+1, err
			}
		}
		return r, nil
	}
	return b.loop(ctx, s, c, func(int) (func() error, func(), error) {
		conn, err := drive.Dial(s.Addr)
		if err != nil {
			return nil, nil, err
		}
		return func() error {
			one := next()
			one.On(conn, s.Addr)
			_, err := one.Buy(everyPage)
			return err
		}, func() { conn.Close() }, nil
	})
}

// checkouts measures whole checkouts with tax, duty and test payment, the five markets in turn, and then looks
// whether every order is there and confirmed.
func (b *bench) checkouts(ctx context.Context, p place, s *drive.Server, skus []string) error {
	goal := "≥ 300/s"
	if p.name == "PostgreSQL" {
		goal = "≥ 150/s"
	}
	before, err := b.count(ctx, p, "orders")
	if err != nil {
		return err
	}
	done := 0
	type run struct {
		c         int
		everyPage bool
	}
	var runs []run
	for _, c := range b.clients {
		runs = append(runs, run{c, false})
	}
	for _, run := range append(runs, run{16, true}) {
		r, err := b.buy(ctx, s, run.c, skus, run.everyPage, 0)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("checkout by the forms, c = %d", run.c)
		if run.everyPage {
			what = fmt.Sprintf("checkout with every page, c = %d", run.c)
		}
		done += r.done
		figure := fmt.Sprintf("%.0f/s, p50 %s, p99 %s, %.2f ms CPU each", r.rate(), ms(quantile(r.times, 0.5)), ms(quantile(r.times, 0.99)),
			r.usage.with.Seconds()*1e3/float64(max(1, r.done)))
		if r.wrong > 0 {
			b.failed = true
			figure += fmt.Sprintf(", **%d failed**: %.200s", r.wrong, r.first)
		}
		b.add(what, p.name, figure, goal, "10.5/s (28-38 % \"database is locked\" on SQLite); 1.5/s", r.usage.others)
		if err := b.settled(ctx, p); err != nil {
			return err
		}
	}
	orders, err := b.count(ctx, p, "orders")
	if err != nil {
		return err
	}
	confirmed, err := b.count(ctx, p, "confirmed")
	if err != nil {
		return err
	}
	confirmations, err := b.count(ctx, p, "confirmations")
	if err != nil {
		return err
	}
	if orders-before != int64(done) || confirmed != orders || confirmations != orders {
		b.failed = true
	}
	b.add("paid orders in the database / shoppers who saw the confirmation page / confirmed by SMS", p.name,
		fmt.Sprintf("%d / %d / %d", orders-before, done, confirmed-before), "equal", "", "")
	_, peak := s.Memory()
	b.add("peak resident memory of serve", p.name, fmt.Sprintf("%.0f MB", float64(peak)/1e6), "≤ 150 MB", "0.7-1.1 GB", "")
	return nil
}

func (b *bench) count(ctx context.Context, p place, name string) (n int64, err error) {
	d, err := db.Open(ctx, p.url, nil)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return drive.Count(ctx, d, counts[name])
}

// settled waits until every order is confirmed.
func (b *bench) settled(ctx context.Context, p place) error {
	d, err := db.Open(ctx, p.url, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	for began := time.Now(); ; {
		orders, err := drive.Count(ctx, d, counts["orders"])
		if err != nil {
			return err
		}
		confirmed, err := drive.Count(ctx, d, counts["confirmed"])
		if err != nil || orders == confirmed {
			return err
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("%d of %d orders aren't confirmed after a minute", orders-confirmed, orders)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// pace is so many orders a second for a while, and what is asked of them.
type pace struct {
	orders int
	over   time.Duration // zero: as long as any load
	goal   string
	first  bool // of a program that has just started
}

// paces are those at which the way from the money to the phone is measured. The first orders after the start, which find the
// database's connections unopened, are told apart from the others.
var paces = []pace{{20, time.Second, "all ≤ 3 s", true}, {20, 0, "p99 ≤ 50 ms", false}, {50, 0, "p99 ≤ 300 ms, all ≤ 3 s", false}, {100, 0, "p99 ≤ 300 ms", false}}

// delivery is how long the demo's network may take on average, from the gate's yes to the receipt that is kept.
const delivery = "average ≤ 1.2 s"

// wire measures from the payment fact to the moment the message centre has the text's first part, in the five languages of
// the shop, and from the gate's yes to the receipt.
func (b *bench) wire(ctx context.Context, p place, s *drive.Server, n *smsc.Server, skus []string, x pace) error {
	crowd, err := drive.NewCrowd("w")
	if err != nil {
		return err
	}
	since := time.Now().UTC()
	m := b.measure(s)
	var all sync.WaitGroup
	var mu sync.Mutex
	var first error
	tick := time.NewTicker(time.Second / time.Duration(x.orders))
	defer tick.Stop()
	for range int(cmp.Or(x.over, b.span).Seconds() * float64(x.orders)) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		one := b.shopper(crowd, skus)
		if one.Country == "DE" && b.used%2 == 0 {
			one.Place = "ar-de"
		}
		one.At(s.Addr)
		all.Go(func() {
			if _, err := one.Buy(false); err != nil {
				mu.Lock()
				first = err
				mu.Unlock()
			}
		})
	}
	all.Wait()
	u := m.stop()
	if first != nil {
		return first
	}
	if err := b.settled(ctx, p); err != nil {
		return err
	}
	if err := pause(ctx, 3*time.Second); err != nil { // the network's slowest receipt comes after 0.9 s
		return err
	}
	seen := map[string]time.Time{}
	for _, sub := range n.Submits() {
		if _, there := seen[sub.To]; !there {
			seen[sub.To] = sub.At
		}
	}
	rows, err := told(ctx, p, since)
	if err != nil {
		return err
	}
	var own, theirs, arrived []time.Duration
	var sum time.Duration
	langs := map[string]bool{}
	for _, r := range rows {
		own = append(own, r.wire.Sub(r.fact))
		at, there := seen[strings.TrimPrefix(r.to, "+")]
		if !there {
			return fmt.Errorf("the message centre never saw a text to %s", r.to)
		}
		theirs = append(theirs, at.Sub(r.fact))
		langs[r.lang] = true
		if !r.delivered.IsZero() {
			arrived = append(arrived, r.delivered.Sub(r.queued))
			sum += r.delivered.Sub(r.queued)
		}
	}
	what := fmt.Sprintf("%d orders/s", x.orders)
	if x.first {
		what = "the first orders after the start"
	}
	b.add(fmt.Sprintf("payment fact to submit_sm at the message centre, %s, %d languages, n = %d", what, len(langs), len(theirs)), p.name,
		fmt.Sprintf("p50 %s, p99 %s, longest %s (by our own record p99 %s)", ms(quantile(theirs, 0.5)), ms(quantile(theirs, 0.99)), ms(quantile(theirs, 1)), ms(quantile(own, 0.99))),
		x.goal, "", u.others)
	if x.first {
		return nil
	}
	b.add(fmt.Sprintf("gate's yes to the receipt that is kept, the demo's network (receipts after 150 to 900 ms), %s", what), p.name,
		fmt.Sprintf("average %s, p95 %s, %d of %d delivered", ms(sum/time.Duration(max(1, len(arrived)))), ms(quantile(arrived, 0.95)), len(arrived), len(rows)), delivery, "", u.others)
	return nil
}

// confirmation is one as the shop has it.
type confirmation struct {
	to, lang                      string
	fact, queued, wire, delivered time.Time
}

// told are the confirmations since a moment.
func told(ctx context.Context, p place, since time.Time) (rows []confirmation, err error) {
	d, err := db.Open(ctx, p.url, nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		rows, err = db.All(tx, func(r db.Row) (t confirmation, err error) {
			return t, r.Scan(&t.to, &t.lang, db.Moment(&t.fact), db.Moment(&t.queued), db.Moment(&t.wire), db.Null(&t.delivered))
		}, counts["wire"], since)
		return err
	})
	return rows, err
}
