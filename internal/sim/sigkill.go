package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"portolan/internal/db"
)

// Task is what a process of its own plays, until it is killed or has come to the end.
type Task struct {
	Config        // with a journal
	Result string // where the end is written
}

// Ended is how a task ended.
type Ended struct {
	Outcome []string
	Wire    map[string]int // messages that came to the network without a mark, by what they say to whom
	Marked  int            // those that were marked as repeats
	Points  int            // entries of the journal
	Lives   int            // processes that played it
	Laws    []Law
	Away    map[string]int64 // shoppers turned away, by fault
}

// Play plays a task from where the process before it was killed.
func Play(ctx context.Context, t Task) error {
	r, err := Run(ctx, t.Config)
	if err != nil {
		return err
	}
	b, err := json.Marshal(Ended{Outcome: r.Outcome, Wire: r.Wire, Marked: r.Repeats, Lives: r.Lives, Laws: r.Laws, Away: r.refused})
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.Result+".part", b, 0o600); err != nil {
		return err
	}
	return os.Rename(t.Result+".part", t.Result)
}

// Sigkill plays a simulation undisturbed, and again in processes that are killed at random moments and followed by another
// on the same file. It returns how both ended and how the outcome with kills differs: nothing, unless a promise is broken.
// begin makes a process that calls Play.
func Sigkill(ctx context.Context, c Config, kills int, begin func(Task) *exec.Cmd) (calm, hit Ended, difference []string, err error) {
	c.Kills, c.Restarts = nil, 0
	c = c.alike()
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", "portolan-kill-"); err != nil {
			return calm, hit, nil, err
		}
		defer os.RemoveAll(c.Dir)
	}
	task := func(name string) (t Task, err error) {
		t = Task{Config: c}
		t.Dir = filepath.Join(c.Dir, name)
		t.Journal, t.Result = filepath.Join(t.Dir, "journal"), filepath.Join(t.Dir, "result")
		return t, os.Mkdir(t.Dir, 0o700)
	}
	quiet, err := task("calm")
	if err != nil {
		return calm, hit, nil, err
	}
	if err := Play(ctx, quiet); err != nil {
		return calm, hit, nil, err
	}
	if calm, err = quiet.ended(); err != nil {
		return calm, hit, nil, err
	}
	t, err := task("killed")
	if err != nil {
		return calm, hit, nil, err
	}
	r := rand.New(rand.NewPCG(c.Seed, 6))
	points := make([]int, kills)
	for i := range points {
		points[i] = 2 + r.IntN(max(1, calm.Points-2))
	}
	slices.Sort(points)
	for i := 0; ; i++ {
		p := begin(t)
		var said bytes.Buffer
		p.Stdout, p.Stderr = &said, &said
		if err := p.Start(); err != nil {
			return calm, hit, nil, err
		}
		over := make(chan error, 1)
		go func() { over <- p.Wait() }()
		killed := false
		if i < len(points) {
			if killed, err = t.kill(ctx, p, points[i], time.Duration(r.Int64N(int64(4*time.Millisecond))), over); err != nil {
				return calm, hit, nil, err
			}
		}
		if killed {
			<-over
			continue
		}
		if err := <-over; err != nil {
			return calm, hit, nil, fmt.Errorf("%w: %s", err, said.String())
		}
		break
	}
	if hit, err = t.ended(); err != nil {
		return calm, hit, nil, err
	}
	difference = Difference(hit.Outcome, calm.Outcome, 20)
	for what, n := range hit.Wire {
		if n > calm.Wire[what] {
			difference = append(difference, fmt.Sprintf("on the network %d instead of %d without a mark: %s", n, calm.Wire[what], what))
		}
	}
	slices.Sort(difference)
	return calm, hit, difference, nil
}

// kill waits until the journal has so many entries and a little longer, and kills the process. It is false if that has ended
// before.
func (t Task) kill(ctx context.Context, p *exec.Cmd, entries int, later time.Duration, over chan error) (bool, error) {
	world, began := db.Real(), time.Time{}
	for {
		n, err := lines(t.Journal)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		wait := time.Millisecond
		if n >= entries {
			if began.IsZero() {
				began = world.Now()
			}
			if wait = later - world.Now().Sub(began); wait <= 0 {
				return true, p.Process.Kill()
			}
		}
		select {
		case <-ctx.Done():
			return true, errors.Join(ctx.Err(), p.Process.Kill())
		case err := <-over:
			over <- err
			return false, nil
		case <-time.After(wait):
		}
	}
}

func lines(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, b := 0, make([]byte, 1<<16)
	for {
		k, err := f.Read(b)
		n += bytes.Count(b[:k], []byte{'\n'})
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (t Task) ended() (e Ended, err error) {
	b, err := os.ReadFile(t.Result)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, err
	}
	e.Points, err = lines(t.Journal)
	return e, err
}
