package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"portolan/internal/drive"
)

// quantile sorts all and returns the value below which the share q of them lies.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

func ms(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
}

// result of a closed loop.
type result struct {
	done  int
	wrong int
	first error // the first of what went wrong
	took  time.Duration
	times []time.Duration
	usage usage
}

func (r result) rate() float64 { return float64(r.done) / r.took.Seconds() }

// loop lets c workers do work one after the other for the span of the bench. Each gets its number and a way to say
// that it is at its nth.
func (b *bench) loop(ctx context.Context, s *drive.Server, c int, worker func(n int) (work func() error, end func(), err error)) (result, error) {
	var r result
	type one struct {
		work func() error
		end  func()
	}
	var workers []one
	for n := range c {
		work, end, err := worker(n)
		if err != nil {
			return r, err
		}
		defer end()
		workers = append(workers, one{work, end})
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	m := b.measure(s)
	began := time.Now()
	for _, w := range workers {
		all.Go(func() {
			times := make([]time.Duration, 0, 1<<14)
			wrong := 0
			var first error
			for at := time.Now(); at.Sub(began) < b.span && ctx.Err() == nil; {
				err := w.work()
				now := time.Now()
				if err != nil {
					if wrong++; first == nil {
						first = err
					}
				} else {
					times = append(times, now.Sub(at))
				}
				at = now
			}
			mu.Lock()
			defer mu.Unlock()
			r.times = append(r.times, times...)
			if r.wrong += wrong; r.first == nil {
				r.first = first
			}
		})
	}
	all.Wait()
	r.took, r.done, r.usage = time.Since(began), len(r.times), m.stop()
	return r, ctx.Err()
}

// pages asks for the same address again and again on c kept-alive connections. next changes the address from one
// request to the next where it isn't nil.
func (b *bench) pages(ctx context.Context, s *drive.Server, c int, header string, path func(worker, n int) string) (result, int, error) {
	length := 0
	r, err := b.loop(ctx, s, c, func(worker int) (func() error, func(), error) {
		conn, err := drive.Dial(s.Addr)
		if err != nil {
			return nil, nil, err
		}
		var request []byte
		said, n := "", 0
		return func() error {
			n++
			if p := path(worker, n); p != said {
				said = p
				request = []byte("GET " + p + " HTTP/1.1\r\nHost: " + s.Addr + "\r\n" + header + "\r\n")
			}
			a, err := conn.Do(request)
			if err != nil {
				conn.Close()
				if again, e := drive.Dial(s.Addr); e == nil {
					conn = again
				}
				return err
			}
			if a.Status != 200 {
				return fmt.Errorf("%s answered with %d: %.200s", said, a.Status, a.Body)
			}
			if worker == 0 {
				length = a.Length
			}
			return nil
		}, func() { conn.Close() }, nil
	})
	return r, length, err
}
