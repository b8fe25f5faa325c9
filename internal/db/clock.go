package db

import (
	"sync"
	"time"
)

// Clock is the one source of time. It runs with the world, faster than it, or only when told.
type Clock struct {
	mu      sync.Mutex
	virtual time.Time // what the clock said at the moment real
	real    time.Time
	speed   float64
	step    time.Duration
	changed chan struct{}
}

// Real runs with the world.
func Real() *Clock { return Fast(time.Now(), 1) }

// Fast starts at a moment and runs speed times as fast as the world.
func Fast(start time.Time, speed float64) *Clock {
	return &Clock{virtual: start.UTC(), real: time.Now(), speed: speed, changed: make(chan struct{})}
}

// Going said start at the moment since of the world's and runs speed times as fast as the world: so several processes
// have one clock.
func Going(start, since time.Time, speed float64) *Clock {
	return Fast(start.Add(time.Duration(float64(time.Since(since))*speed)), speed)
}

// Manual stands still at a moment until Advance moves it: for tests.
func Manual(start time.Time) *Clock { return Fast(start, 0) }

// Stepped is Manual for those who move it about every step.
func Stepped(start time.Time, step time.Duration) *Clock {
	c := Manual(start)
	c.step = step
	return c
}

// Grain is the shortest while after which it makes sense to look again at what is due: a quarter of a second of the
// world's, so that a fast clock doesn't turn a round into a busy loop, or the step of a clock that is moved by hand.
func (c *Clock) Grain() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.step, time.Duration(c.speed*float64(250*time.Millisecond)))
}

// Now is the time in UTC, to the microsecond that both databases keep.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Truncate(time.Microsecond)
}

func (c *Clock) now() time.Time {
	return c.virtual.Add(time.Duration(float64(time.Since(c.real)) * c.speed))
}

// Advance moves the clock forward at once and wakes everybody who waits on Changed.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.virtual, c.real = c.now().Add(d), time.Now()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Changed is closed at the next Advance.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Speed is how many seconds of this clock pass in one of the world's; 0 for a manual clock.
func (c *Clock) Speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed
}

// Until is how long the world takes until this clock says t: not positive if it already does, and very long
// on a manual clock.
func (c *Clock) Until(t time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := t.Sub(c.now())
	switch {
	case d <= 0:
		return d
	case c.speed == 0:
		return 1 << 62
	}
	return time.Duration(float64(d)/c.speed) + 1
}

// Wait returns when the clock says t or done is closed, and reports whether it was the clock.
func (c *Clock) Wait(done <-chan struct{}, t time.Time) bool {
	for {
		changed, left := c.Changed(), c.Until(t)
		if left <= 0 {
			return true
		}
		timer := time.NewTimer(left)
		select {
		case <-done:
			timer.Stop()
			return false
		case <-changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}
