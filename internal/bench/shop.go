package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/drive"
	"portolan/internal/messaging/smsc"
)

//go:embed counts.sql
var countsFile string

var counts = drive.Queries(countsFile)

// empty makes room at a place.
func (b *bench) empty(ctx context.Context, p place) error {
	if !strings.HasPrefix(p.url, "postgres") {
		path, _, _ := strings.Cut(p.url, "?")
		old, err := filepath.Glob(path + "*")
		for _, f := range old {
			os.Remove(f)
		}
		return err
	}
	d, err := db.Open(ctx, p.url, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Write(ctx, func(tx *db.Tx) error {
		if err := tx.Send(counts["empty"]); err != nil {
			return err
		}
		err := tx.Send(counts["public"])
		return err
	})
}

// network is a message centre in the bench's own process.
func network(ctx context.Context) (*smsc.Server, func(), error) {
	n := smsc.New(smsc.Config{Operators: demo.Operators(), KeepSubmits: 2_000_000, KeepTexts: 1})
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

// serve starts the program under test and waits until it answers a path.
func (b *bench) serve(ctx context.Context, p place, ready, smpp string) (*drive.Server, error) {
	addr, err := drive.Free()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--addr", addr, "--db", p.url, "--test-psp"}
	if smpp != "" {
		args = append(args, "--smpp", smpp)
	}
	return drive.Start(ctx, addr, ready, b.binary, args...)
}

// small measures what orders cost, with the sample merchant's own number of products.
func (b *bench) small(ctx context.Context, p place) error {
	if !b.wants("wire") && !b.wants("checkout") && !b.wants("start") && !b.wants("reprice") && !b.wants("quote") {
		return nil
	}
	if err := b.empty(ctx, p); err != nil {
		return err
	}
	if err := (drive.World{OnHand: 50_000_000}).Prepare(ctx, p.url); err != nil {
		return err
	}
	skus, err := articles(ctx, p.url)
	if err != nil {
		return err
	}
	if b.wants("start") {
		if err := b.start(ctx, p); err != nil {
			return err
		}
	}
	if b.wants("reprice") {
		if err := b.reprice(ctx, p); err != nil {
			return err
		}
	}
	if b.wants("quote") {
		if err := b.quotes(ctx, p); err != nil {
			return err
		}
	}
	n, end, err := network(ctx)
	if err != nil {
		return err
	}
	defer end()
	s, err := b.serve(ctx, p, "/readyz", n.Addr())
	if err != nil {
		return err
	}
	defer s.Kill()
	if b.wants("wire") {
		for _, x := range paces {
			if err := b.wire(ctx, p, s, n, skus, x); err != nil {
				return err
			}
		}
	}
	if b.wants("checkout") {
		if err := b.checkouts(ctx, p, s, skus); err != nil {
			return fmt.Errorf("%w\n%s", err, s.Log())
		}
	}
	if text := s.Log(); strings.Contains(strings.ToLower(text), "locked") {
		b.failed = true
		fmt.Fprintln(os.Stderr, "the server speaks of locks:\n"+text)
	}
	if os.Getenv("BENCH_LOG") != "" {
		fmt.Fprintln(os.Stderr, s.Log())
	}
	return s.Stop()
}

// shopper is the next of the crowd with an article.
func (b *bench) shopper(crowd drive.Crowd, skus []string) *drive.Shopper {
	b.used++
	return &drive.Shopper{Person: crowd.Person(b.used), SKU: skus[b.used%len(skus)], Look: 5 * time.Millisecond}
}

// start measures how long a process takes from its birth to its first product page.
func (b *bench) start(ctx context.Context, p place) error {
	page, err := productPage(ctx, p.url)
	if err != nil {
		return err
	}
	var all []time.Duration
	for range 9 {
		at := time.Now()
		s, err := b.serve(ctx, p, page, "")
		if err != nil {
			return err
		}
		all = append(all, time.Since(at))
		if err := s.Stop(); err != nil {
			return err
		}
	}
	b.add("start to the first product page, median of 9", p.name, ms(quantile(all, 0.5)), "≤ 150 ms", "2.3 s; 3.2 s", "")
	return nil
}

// memory measures everything in one process: shop, console, engine, message centre and mail server of the demo.
func (b *bench) memory(ctx context.Context) error {
	p := place{"SQLite", filepath.Join(b.dir, "demo.db")}
	if err := (drive.World{OnHand: 50_000_000}).Prepare(ctx, p.url); err != nil {
		return err
	}
	skus, err := articles(ctx, p.url)
	if err != nil {
		return err
	}
	addr, err := drive.Free()
	if err != nil {
		return err
	}
	s, err := drive.Start(ctx, addr, "/readyz", b.binary, "demo", "--quiet", "--addr", addr, "--db", p.url)
	if err != nil {
		return err
	}
	defer s.Kill()
	if r, err := b.buy(ctx, s, 1, skus, true, 1); err != nil || r.wrong > 0 {
		return fmt.Errorf("one order: %w %w", err, r.first)
	}
	time.Sleep(4 * time.Second)
	idle, _ := s.Memory()
	if _, err := b.buy(ctx, s, 16, skus, true, 0); err != nil {
		return err
	}
	if _, _, err := b.pages(ctx, s, 16, "", listing); err != nil {
		return err
	}
	_, peak := s.Memory()
	b.add("resident memory of the demo in one process, idle / peak under load", p.name, fmt.Sprintf("%.0f / %.0f MB", float64(idle)/1e6, float64(peak)/1e6),
		"≤ 60 / 150 MB", "288 MB; 0.7-1.1 GB", "")
	return s.Stop()
}
