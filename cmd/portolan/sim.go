package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/pprof"
	"text/tabwriter"
	"time"

	"portolan/internal/sim"
)

// simCommand plays a quarter of the sample merchant's business on a clock of its own.
type simCommand struct {
	Days      int      `default:"92" help:"How many days."`
	Seed      uint64   `default:"7" help:"What happens follows from it: the same seed, the same outcome."`
	Behaviour string   `type:"existingfile" help:"JSON file with other assumptions than the usual ones; docs/simulation.md lists them."`
	Restarts  int      `default:"3" help:"How often the program ends and is opened again."`
	Kills     int      `default:"0" help:"How often it is killed in the middle of its work. Nobody is held out then, so that the outcome can be compared with the run without kills, which is played first."`
	Kill9     int      `name:"kill9" default:"0" help:"How often a process that plays it is killed without warning, at a random moment, and followed by another on its file. Nobody is held out then either."`
	Task      string   `hidden:"" help:"What a process of --kill9 plays."`
	Replay    bool     `help:"Play nothing: run the days of an earlier play, whose database lies in --dir, silently through each journey, and say how long that takes."`
	Journey   []string `help:"With --replay: only through this journey, for instance cart."`
	Quiet     bool     `help:"Don't tell of each day."`
	Dir       string   `help:"Where the database is made, and stays; usually it is removed. A directory that isn't there is made."`
	Profile   string   `hidden:"" help:"Write a profile of the processor's time to this file, and one of the memory beside it."`
}

// mostHeap is from how many bytes on the collector works harder, so that a quarter fits into 300 MB with SQLite's memory and
// the program itself.
const mostHeap = 180 << 20

// rarely is how much the heap grows between two collections, in percent, as far as mostHeap allows: a quarter is done sooner.
const rarely = 200

// Run plays, prints and fails where a promise was broken.
func (c *simCommand) Run(ctx context.Context, out io.Writer) error {
	if c.Task != "" {
		var t sim.Task
		if err := json.Unmarshal([]byte(c.Task), &t); err != nil {
			return err
		}
		slog.SetLogLoggerLevel(slog.LevelError + 4)
		return sim.Play(ctx, t)
	}
	if err := c.settle(); err != nil {
		return err
	}
	cfg := sim.Config{Days: c.Days, Seed: c.Seed, Restarts: c.Restarts, Dir: c.Dir}
	var assumed io.Reader
	if c.Behaviour != "" {
		f, err := os.Open(c.Behaviour)
		if err != nil {
			return err
		}
		defer f.Close()
		assumed = f
	}
	var err error
	if cfg.Behaviour, err = sim.ReadBehaviour(assumed); err != nil {
		return err
	}
	if !c.Quiet {
		cfg.Log = func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(mostHeap))
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(rarely))
	}
	before := slog.SetLogLoggerLevel(slog.LevelError + 4) // faults are part of the play
	defer slog.SetLogLoggerLevel(before)
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		defer func() {
			if f, err := os.Create(c.Profile + ".heap"); err == nil {
				pprof.WriteHeapProfile(f)
				f.Close()
			}
		}()
	}
	if c.Replay {
		return c.replay(ctx, cfg, out)
	}
	if c.Kill9 > 0 {
		return c.kill9(ctx, cfg, out)
	}
	var r *sim.Report
	if c.Kills > 0 {
		_, hit, difference, err := sim.Storm(ctx, cfg, c.Kills)
		if err != nil {
			return err
		}
		hit.Print(out)
		for _, d := range difference {
			fmt.Fprintln(out, d)
		}
		if len(difference) > 0 {
			return exit{1, fmt.Errorf("the outcome with %d kills isn't the one without", hit.Kills)}
		}
		fmt.Fprintf(out, "with %d kills the store ends as it does without\n", hit.Kills)
		r = hit
	} else {
		if r, err = sim.Run(ctx, cfg); err != nil {
			return err
		}
		r.Print(out)
	}
	if broken := r.Broken(); len(broken) > 0 {
		return exit{1, fmt.Errorf("%d promises were broken, first: %s: %s", len(broken), broken[0].Name, broken[0].First)}
	}
	return nil
}

// settle sees to --days and --dir before anything is played.
func (c *simCommand) settle() error {
	switch {
	case c.Days < 1:
		return exit{2, fmt.Errorf("--days %d: a play takes at least one day", c.Days)}
	case c.Replay && c.Dir == "":
		return exit{2, errors.New("--replay needs --dir, the directory in which an earlier play left its database")}
	case c.Kills > 0 && c.Dir != "":
		return exit{2, errors.New("--kills plays twice, each time on a file of its own: leave --dir out")}
	case c.Dir == "":
		return nil
	case c.Replay:
		if _, err := os.Stat(c.Dir); err != nil {
			return exit{2, fmt.Errorf("--dir: an earlier play left nothing to run again: %w; name the directory in which portolan sim --dir left its database", err)}
		}
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return exit{2, fmt.Errorf("--dir: the directory can't be made: %w; name one that is there and may be written to, or a free name in such a one", err)}
	}
	return nil
}

// kill9 plays in processes that are killed.
func (c *simCommand) kill9(ctx context.Context, cfg sim.Config, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	calm, hit, difference, err := sim.Sigkill(ctx, cfg, c.Kill9, func(t sim.Task) *exec.Cmd {
		text, _ := json.Marshal(t) // numbers and names
		return exec.Command(self, "sim", "--task", string(text))
	})
	if err != nil {
		return err
	}
	messages := 0
	for _, n := range hit.Wire {
		messages += n
	}
	fmt.Fprintf(out, "%d days, seed %d: %d of %d processes were killed; %d messages on the network, and %d marked as repeats (undisturbed %d); %d lines of the outcome\n", cfg.Days, cfg.Seed,
		hit.Lives-1, hit.Lives, messages, hit.Marked, calm.Marked, len(hit.Outcome))
	if len(hit.Away) > 0 {
		fmt.Fprintln(out, "shoppers turned away:", hit.Away)
	}
	for _, d := range difference {
		fmt.Fprintln(out, d)
	}
	for _, l := range hit.Laws {
		if l.Broken > 0 {
			difference = append(difference, l.Name)
			fmt.Fprintf(out, "%s: BROKEN %d times, first: %s\n", l.Name, l.Broken, l.First)
		}
	}
	if len(difference) > 0 {
		return exit{1, fmt.Errorf("the outcome with %d processes killed isn't the one without", hit.Lives-1)}
	}
	fmt.Fprintln(out, "the store ends as it does undisturbed, and so does what came to the network")
	return nil
}

func (c *simCommand) replay(ctx context.Context, cfg sim.Config, out io.Writer) error {
	all, err := sim.Replay(ctx, cfg, c.Journey...)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "journey\tevents\tentered\twould have been sent\ttook\t")
	sum := time.Duration(0)
	for _, r := range all {
		sum += r.Took
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t\n", r.Journey, r.Events, r.Entered, r.Messages, r.Took.Round(10*time.Millisecond))
	}
	fmt.Fprintf(w, "all\t\t\t\t%s\t\n", sum.Round(10*time.Millisecond))
	return w.Flush()
}
