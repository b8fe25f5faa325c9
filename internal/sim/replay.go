package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/journeys"
)

// Replayed is what a silent trial of one journey over the past days of a played shop took and found.
type Replayed struct {
	Journey  string
	Took     time.Duration
	Events   int64 // that concern it
	Entered  int64
	Messages int64 // that would have been sent
}

// Replay runs the days of an earlier play, whose file lies in c.Dir, silently through the journeys in force, or through
// those named. Nothing is written but what a shop writes when it opens.
func Replay(ctx context.Context, c Config, named ...string) (all []Replayed, err error) {
	c = c.begun()
	path := filepath.Join(c.Dir, "sim.db")
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	clock := db.Manual(c.Start.AddDate(0, 0, c.Days))
	defer id.Script(c.Seed+1<<48, clock.Now)()
	w := newWorld(ctx, c, clock, path)
	if err := w.open(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.app.DB.Close()) }()
	var inForce []journeys.Version
	err = w.app.DB.Read(ctx, func(tx *db.Tx) error {
		live, err := w.app.Journeys.Journeys(tx)
		for _, j := range live {
			v, err := w.app.Journeys.Version(tx, j.Name, j.Version)
			if err != nil {
				return err
			}
			inForce = append(inForce, v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range named {
		if !slices.ContainsFunc(inForce, func(v journeys.Version) bool { return v.Journey == name }) {
			return nil, fmt.Errorf("%s: %w", name, journeys.ErrUnknownJourney)
		}
	}
	world := db.Real()
	for _, v := range inForce {
		if len(named) > 0 && !slices.Contains(named, v.Journey) {
			continue
		}
		began := world.Now()
		r, err := w.app.Journeys.Trial(ctx, v.Definition, int64(c.Days), nil)
		if err != nil {
			return all, err
		}
		f := r.Tried.All()
		all = append(all, Replayed{v.Journey, world.Now().Sub(began), r.Events, f.Entered, f.Sent().Messages})
	}
	return all, nil
}
