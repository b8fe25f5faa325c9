package messaging

import (
	"sync"
	"time"
)

// gather makes batches of what many bring at the same time, each of whom waits until it is kept. Every unit of work has
// a price of its own, so a batch waits a moment for as many as came the last time: those were answered just now, and
// most come again at once.
type gather[T any] struct {
	patience time.Duration

	mu     sync.Mutex
	wait   []T
	busy   bool
	last   int  // how many the last batch had
	again  bool // it was answered just now
	want   int
	enough chan struct{}
}

func newGather[T any](patience time.Duration) *gather[T] {
	return &gather[T]{patience: patience, enough: make(chan struct{}, 1)}
}

// add reports whether the caller has to see to it that somebody takes batches until there are none.
func (g *gather[T]) add(v T) (lead bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wait = append(g.wait, v)
	if len(g.wait) == g.want {
		select {
		case g.enough <- struct{}{}:
		default:
		}
	}
	lead, g.busy = !g.busy, true
	return lead
}

// next is the next batch, or none when nothing waits; then whoever adds leads again.
func (g *gather[T]) next() []T {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.wait) == 0 {
		g.wait, g.busy, g.again = nil, false, false
		return nil
	}
	g.want = g.last
	if g.again {
		g.want += len(g.wait)
	}
	if g.want = min(g.want, laneBatch); len(g.wait) < g.want {
		select {
		case <-g.enough: // of an earlier batch
		default:
		}
		g.mu.Unlock()
		timer := time.NewTimer(g.patience)
		select {
		case <-g.enough:
		case <-timer.C:
		}
		timer.Stop()
		g.mu.Lock()
	}
	n := min(len(g.wait), laneBatch)
	batch := g.wait[:n:n]
	g.wait, g.last, g.again, g.want = g.wait[n:], n, true, 0
	return batch
}
