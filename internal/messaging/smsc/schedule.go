package smsc

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"portolan/internal/db"
)

// schedule does things at moments of a clock, in the order of the moments.
type schedule struct {
	mu    sync.Mutex
	queue dues
	count uint64
	doing bool // what was first in the queue a moment ago
	wake  chan struct{}
}

type due struct {
	at time.Time
	n  uint64 // keeps the order of equal moments
	do func(at time.Time)
}

func newSchedule() *schedule { return &schedule{wake: make(chan struct{}, 1)} }

// add has do called at a moment; it must not wait for anybody.
func (s *schedule) add(at time.Time, do func(at time.Time)) {
	s.mu.Lock()
	s.count++
	heap.Push(&s.queue, due{at, s.count, do})
	first := s.queue[0].n == s.count
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

func (s *schedule) run(ctx context.Context, clock *db.Clock) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		changed := clock.Changed()
		timer.Reset(s.advance(clock))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-changed:
		case <-timer.C:
		}
	}
}

// advance does what is due and returns how long the world takes until the next.
func (s *schedule) advance(clock *db.Clock) time.Duration {
	for {
		now := clock.Now()
		s.mu.Lock()
		s.doing = false
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return time.Hour
		}
		if next := s.queue[0].at; next.After(now) {
			s.mu.Unlock()
			return max(clock.Until(next), 0)
		}
		d := heap.Pop(&s.queue).(due)
		s.doing = true
		s.mu.Unlock()
		d.do(d.at)
	}
}

// busy reports whether something happens now or until a moment.
func (s *schedule) busy(until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doing || len(s.queue) > 0 && !s.queue[0].at.After(until)
}

type dues []due

func (q dues) Len() int { return len(q) }
func (q dues) Less(i, k int) bool {
	if q[i].at.Equal(q[k].at) {
		return q[i].n < q[k].n
	}
	return q[i].at.Before(q[k].at)
}
func (q dues) Swap(i, k int) { q[i], q[k] = q[k], q[i] }
func (q *dues) Push(x any)   { *q = append(*q, x.(due)) }
func (q *dues) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	(*q)[last] = due{}
	*q = (*q)[:last]
	return d
}
