// Package sim plays a quarter of the sample merchant's business through the real program on a clock that is moved by hand:
// visitors fill bags and pay or leave, parcels travel, messages pass the gate and reach phones that answer, while networks
// fail, webhooks come twice and the program is restarted and killed. Every promise is a law that is checked on the way and
// at the end, against what the network saw and against the store.
//
// How people behave is assumed (Behaviour), so what journeys gain here follows from the assumptions. What is simulated is
// the world, not the program: carts, payments, orders, parcels, journeys, consent and the gate are the ones that sell.
// Pages, the SMPP line and customs papers are left out; their own tests and storms cover them.
package sim

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/id"
)

// Config is one simulation.
type Config struct {
	Days      int
	Seed      uint64
	Start     time.Time // zero: 2026-09-01 in UTC, so that a quarter has the ends of summer time and Black Friday
	Behaviour Behaviour
	Restarts  int                              // the program is ended and opened again
	Kills     []int64                          // at these points it is left as it is, and opened again on what its file held that moment
	Everybody bool                             // nobody is held out
	Lines     bool                             // the report has the lines of the outcome
	Dir       string                           // of the database; empty: one that is removed afterwards
	Journal   string                           // of what the world has seen, for the process that follows this one on its file if it is killed; empty: none
	Log       func(format string, args ...any) `json:"-"` // nil: silence
}

// Run plays a simulation. The error is of what kept it from being played; laws that were broken are in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	c = c.begun()
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "portolan-sim-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		c.Dir = dir
	}
	var j *journal
	life, at := 1, c.Start
	if c.Journal != "" {
		var err error
		if j, life, err = openJournal(c.Journal, c.Start); err != nil {
			return nil, err
		}
		defer j.file.Close()
		at = j.last(c.Start)
	}
	clock := db.Stepped(at, grain)
	defer id.Script(c.Seed+uint64(life-1)<<32, clock.Now)() // another life gives other names
	w := newWorld(ctx, c, clock, filepath.Join(c.Dir, "sim.db"))
	w.journal, w.then, w.life, w.report.Lives = j, c.Start, life, life
	world := db.Real()
	began := world.Now()
	if err := w.prepare(); err != nil {
		return nil, fmt.Errorf("prepare the shop: %w", err)
	}
	defer w.close()
	w.report.Prepared = world.Now().Sub(began)
	began = world.Now()
	if err := w.play(); err != nil {
		return nil, err
	}
	w.report.Took, w.report.Points = world.Now().Sub(began), w.points
	began = world.Now()
	if err := w.count(); err != nil {
		return nil, err
	}
	w.report.Counted = world.Now().Sub(began)
	return w.report, nil
}

// begun is c with what it leaves open: it begins on the first of September 2026.
func (c Config) begun() Config {
	if c.Start.IsZero() {
		c.Start = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	return c
}

// Storm plays a simulation without a kill, and again with kills at random points of its work. Nobody is held out, because
// lots are drawn by identifiers, of which work that was lost has used some. It returns both reports and how the outcome
// with kills differs from the one without: nothing, unless a promise is broken.
func Storm(ctx context.Context, c Config, kills int) (calm, hit *Report, difference []string, err error) {
	c.Kills = nil
	c = c.alike()
	if calm, err = Run(ctx, c); err != nil {
		return nil, nil, nil, err
	}
	r := rand.New(rand.NewPCG(c.Seed, 5))
	points := map[int64]bool{}
	for len(points) < min(kills, int(calm.Points)/2) {
		points[1+r.Int64N(calm.Points)] = true
	}
	c.Kills = slices.Sorted(maps.Keys(points))
	if hit, err = Run(ctx, c); err != nil {
		return calm, nil, nil, err
	}
	return calm, hit, Difference(hit.Outcome, calm.Outcome, 20), nil
}

// alike is a simulation of which two plays end alike although they make other identifiers, by which lots are drawn: nobody is
// held out, and both lines of texts have the same faults, for which of them is asked first depends on what a process has seen.
// All providers can be asked what they took: by one that can't, an offer that was in hand would be unknown for ever.
func (c Config) alike() Config {
	c.Everybody, c.Lines = true, true
	c.Behaviour.Network = maps.Clone(c.Behaviour.Network)
	for name, f := range c.Behaviour.Network {
		f.Asked = true
		c.Behaviour.Network[name] = f
	}
	c.Behaviour.Network["sim-b"] = c.Behaviour.Network["sim-a"]
	return c
}

// prepare fills an empty database with the sample merchant's shop, and opens it.
func (w *world) prepare() error {
	if w.life > 1 {
		return w.open()
	}
	d, err := db.Open(w.ctx, w.path+durability, w.clock)
	if err != nil {
		return err
	}
	if err := d.Migrate(w.ctx, app.Schemas...); err != nil {
		return err
	}
	if err := app.SeedDemo(w.ctx, d); err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	if err := w.open(); err != nil {
		return err
	}
	if err := w.app.DB.Write(w.ctx, func(tx *db.Tx) error {
		return w.app.Shipments.AddNumbers(tx, fulfilment.NumberRange{Prefix: "LX", Country: "CN", Next: 1, Last: 99_999_999}) // the demo's are for a few weeks
	}); err != nil {
		return err
	}
	if w.Everybody {
		return w.holdNobodyOut()
	}
	return nil
}
