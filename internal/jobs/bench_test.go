package jobs_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/jobs"
)

// engines runs a benchmark on each database that can be had.
func engines(b *testing.B, f func(b *testing.B, d *db.DB)) {
	b.Run("sqlite", func(b *testing.B) { f(b, opened(b, filepath.Join(b.TempDir(), "bench.db"))) })
	b.Run("postgres", func(b *testing.B) {
		server := os.Getenv("PORTOLAN_TEST_PG")
		if server == "" {
			b.Skip("PORTOLAN_TEST_PG names no server")
		}
		admin, err := pgxpool.New(b.Context(), server)
		check(b, err)
		name := id.New("bench")
		_, err = admin.Exec(b.Context(), "create database "+name)
		check(b, err)
		b.Cleanup(func() {
			_, err := admin.Exec(context.Background(), "drop database "+name+" with (force)")
			check(b, err)
			admin.Close()
		})
		u, err := url.Parse(server)
		check(b, err)
		u.Path = "/" + name
		q := u.Query()
		q.Set("pool_max_conns", "12")
		u.RawQuery = q.Encode()
		f(b, opened(b, u.String()))
	})
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func opened(b *testing.B, url string) *db.DB {
	d, err := db.Open(b.Context(), url, nil)
	check(b, err)
	b.Cleanup(func() { d.Close() })
	check(b, d.Migrate(b.Context(), schemas...))
	return d
}

func work(b *testing.B, q *jobs.Queue) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { q.Run(ctx) })
	b.Cleanup(func() { cancel(); done.Wait() })
}

// spread reports how long it took from commit to start.
type spread struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *spread) add(d time.Duration) {
	s.mu.Lock()
	s.all = append(s.all, d)
	s.mu.Unlock()
}

func (s *spread) report(b *testing.B, what string) {
	slices.Sort(s.all)
	at := func(q float64) float64 {
		return float64(s.all[min(len(s.all)-1, int(q*float64(len(s.all))))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), what+"-p50-ms")
	b.ReportMetric(at(0.99), what+"-p99-ms")
}

// BenchmarkCommitToStart measures from the commit to the first line of the handler, one job at a time.
func BenchmarkCommitToStart(b *testing.B) {
	engines(b, func(b *testing.B, d *db.DB) {
		q := jobs.New(d)
		started := make(chan time.Time)
		jobs.Handle(q, func(tx *db.Tx, m Mark) error { started <- time.Now(); return nil })
		jobs.HandleOutside(q, func(context.Context, Call) error { started <- time.Now(); return nil })
		work(b, q)
		for name, a := range map[string]jobs.Args{"inside": Mark{1, "m"}, "outside": Call{1}} {
			b.Run(name, func(b *testing.B) {
				var s spread
				for b.Loop() {
					time.Sleep(10 * time.Millisecond) // orders do not come back to back
					var committed time.Time
					check(b, d.Write(context.Background(), func(tx *db.Tx) error {
						tx.After(func() { committed = time.Now() })
						return q.Add(tx, a, jobs.When{})
					}))
					s.add((<-started).Sub(committed))
				}
				s.report(b, "start")
			})
		}
	})
}

// BenchmarkWorked measures how many jobs per second are done of a full queue.
func BenchmarkWorked(b *testing.B) {
	engines(b, func(b *testing.B, d *db.DB) {
		for name, a := range map[string]jobs.Args{"inside": Mark{1, "m"}, "outside": Call{1}} {
			b.Run(name, func(b *testing.B) {
				const total = 5000
				var took time.Duration
				for b.Loop() {
					q := jobs.New(d)
					var left sync.WaitGroup
					left.Add(total)
					jobs.Handle(q, func(tx *db.Tx, m Mark) error { tx.After(left.Done); return nil })
					jobs.HandleOutside(q, func(context.Context, Call) error { left.Done(); return nil }, jobs.Slots(16))
					check(b, d.Write(context.Background(), func(tx *db.Tx) error {
						for range total {
							if err := q.Add(tx, a, jobs.When{}); err != nil {
								return err
							}
						}
						return nil
					}))
					ctx, cancel := context.WithCancel(context.Background())
					began := time.Now()
					var running sync.WaitGroup
					running.Go(func() { q.Run(ctx) })
					left.Wait()
					took += time.Since(began)
					cancel()
					running.Wait()
				}
				b.ReportMetric(float64(total*b.N)/took.Seconds(), "jobs/s")
			})
		}
	})
}

// BenchmarkBusyShop commits 300 units of work a second, as checkouts would, from 16 clients. Each adds four
// jobs that write a row, one call and one job for two hours later.
func BenchmarkBusyShop(b *testing.B) {
	engines(b, func(b *testing.B, d *db.DB) {
		q := jobs.New(d)
		var inside, outside, commits spread
		q.Register("bench.inside", func(tx *db.Tx, args []byte) error {
			inside.add(time.Since(unstamp(args)))
			_, err := tx.Exec(`insert into mark_order (place, name) values (1, 'x')`)
			return err
		})
		q.RegisterOutside("bench.outside", func(_ context.Context, args []byte) error {
			outside.add(time.Since(unstamp(args)))
			time.Sleep(2 * time.Millisecond)
			return nil
		}, jobs.Slots(16))
		work(b, q)
		began := time.Now()
		units := 0
		var clients sync.WaitGroup
		tick := make(chan struct{}, 1000)
		for range 16 {
			clients.Go(func() {
				for range tick {
					at := time.Now()
					if err := d.Write(context.Background(), func(tx *db.Tx) error {
						err := q.AddEach(tx, []string{"bench.inside", "bench.inside", "bench.inside", "bench.inside"}, time.Now(), jobs.When{})
						if err == nil {
							err = q.AddKind(tx, "bench.outside", time.Now(), jobs.When{})
						}
						if err == nil {
							err = q.AddKind(tx, "bench.inside", time.Now(), jobs.When{At: tx.Now().Add(2 * time.Hour)})
						}
						return err
					}); err != nil {
						b.Error(err)
					}
					commits.add(time.Since(at))
				}
			})
		}
		pace := time.NewTicker(time.Second / 300)
		defer pace.Stop()
		for b.Loop() {
			<-pace.C
			tick <- struct{}{}
			units++
		}
		close(tick)
		clients.Wait()
		check(b, q.Idle(context.Background()))
		b.ReportMetric(float64(units)/time.Since(began).Seconds(), "units/s")
		commits.report(b, "commit")
		inside.report(b, "inside")
		outside.report(b, "outside")
	})
}

func unstamp(args []byte) (at time.Time) {
	at.UnmarshalJSON(args)
	return at
}
