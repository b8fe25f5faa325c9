// Command bench measures a built Portolan from outside and prints a table in Markdown: run it by scripts/bench,
// which builds the program and starts a PostgreSQL. Both run on the same machine as the load, so the load is made
// as cheaply as it can be, and how much of the machine others used meanwhile is told beside each figure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bench is one run.
type bench struct {
	binary   string
	dir      string // for SQLite files
	postgres string // URL of an empty database, whose tables may be dropped
	pgdir    string // its data directory, to read what its processes use
	span     time.Duration
	parts    []string
	on       []string
	clients  []int
	many     int // messages of one measurement
	rows     []row
	notes    []string // sentences below the table
	used     int      // shoppers so far
	failed   bool
}

// row is a line of the table.
type row struct{ what, where, figure, goal, peers, others string }

func main() {
	b := &bench{}
	var parts, on, counts string
	flag.StringVar(&b.binary, "portolan", "bin/portolan", "the program to measure")
	flag.StringVar(&b.postgres, "postgres", "", "URL of a PostgreSQL database that may be emptied; none: SQLite only")
	flag.StringVar(&b.pgdir, "pgdir", "", "its data directory")
	flag.DurationVar(&b.span, "span", 8*time.Second, "how long each load lasts")
	flag.StringVar(&parts, "parts", "wire,checkout,memory,start,list,html,reprice,quote,journeys", "what to measure")
	flag.StringVar(&on, "on", "sqlite,postgres", "the databases to measure on: sqlite, sqlite-normal, postgres")
	flag.StringVar(&counts, "c", "1,16,64", "how many shoppers buy at once, one measurement each")
	flag.IntVar(&b.many, "n", 20_000, "how many messages one measurement brings to their receipts")
	flag.Parse()
	b.parts, b.on = strings.Split(parts, ","), strings.Split(on, ",")
	for text := range strings.SplitSeq(counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "bench: -c %s: write numbers such as 1,16,64\n", counts)
			os.Exit(2)
		}
		b.clients = append(b.clients, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if b.failed {
		os.Exit(1)
	}
}

func (b *bench) wants(part string) bool { return slices.Contains(b.parts, part) }

func (b *bench) run(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "portolan-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	began := time.Now()
	machine := describe()
	var places []place
	if slices.Contains(b.on, "sqlite") {
		places = append(places, place{"SQLite", filepath.Join(b.dir, "bench.db")})
	}
	if slices.Contains(b.on, "sqlite-normal") {
		places = append(places, place{"SQLite, NORMAL", filepath.Join(b.dir, "bench.db?synchronous=normal")})
	}
	if b.postgres != "" && slices.Contains(b.on, "postgres") {
		places = append(places, place{"PostgreSQL", b.postgres})
	}
	for _, p := range places {
		if err := b.small(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	for _, p := range places {
		if !b.wants("journeys") {
			break
		}
		if err := b.journeys(ctx, p); err != nil {
			return fmt.Errorf("journeys on %s: %w", p.name, err)
		}
	}
	if b.wants("messages") {
		if err := b.messages(ctx, places); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
	}
	if b.wants("memory") {
		if err := b.memory(ctx); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	for _, p := range places {
		p.url = strings.Replace(p.url, "bench.db", "thousand.db", 1)
		if err := b.thousand(ctx, p); err != nil {
			return fmt.Errorf("%s with 1,000 products: %w", p.name, err)
		}
	}
	b.print(machine, time.Since(began))
	return nil
}

// place is a database to measure on.
type place struct{ name, url string }

func (b *bench) add(what, where, figure, goal, peers, others string) {
	r := row{what, where, figure, goal, peers, others}
	b.rows = append(b.rows, r)
	fmt.Fprintf(os.Stderr, "%-55s %-11s %s (others %s)\n", what, where, figure, others)
}

func (b *bench) print(machine string, took time.Duration) {
	fmt.Println(machine)
	fmt.Println()
	fmt.Println("| what | on | figure | goal | peers | others |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for _, r := range b.rows {
		fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", r.what, r.where, r.figure, r.goal, r.peers, r.others)
	}
	fmt.Printf("\nTook %s. *Others* is the share of the machine that neither Portolan nor its database nor the load used.\n", took.Round(time.Second))
	for _, note := range b.notes {
		fmt.Printf("\n%s\n", note)
	}
}
