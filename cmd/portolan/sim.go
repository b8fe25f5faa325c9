package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"

	"portolan/internal/sim"
)

// simCommand plays a quarter of the sample merchant's business on a clock of its own.
type simCommand struct {
	Days      int    `default:"92" help:"How many days."`
	Seed      uint64 `default:"7" help:"What happens follows from it: the same seed, the same outcome."`
	Behaviour string `type:"existingfile" help:"JSON file with other assumptions than the usual ones; docs/simulation.md lists them."`
	Restarts  int    `default:"3" help:"How often the program ends and is opened again."`
	Kills     int    `default:"0" help:"How often it is killed in the middle of its work. Nobody is held out then, so that the outcome can be compared with the run without kills, which is played first."`
	Quiet     bool   `help:"Don't tell of each day."`
	Dir       string `type:"existingdir" help:"Where the database is made, and stays; usually it is removed."`
	Profile   string `hidden:"" help:"Write a profile of the processor's time to this file, and one of the memory beside it."`
}

// Run plays, prints and fails where a promise was broken.
func (c *simCommand) Run(ctx context.Context, out io.Writer) error {
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
