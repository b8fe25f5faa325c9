package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/drive"
	"portolan/internal/journeys"
)

const (
	waits     = 100_000
	gapWaits  = 2_000            // that become due while nobody runs
	idleSpan  = 20 * time.Second // of looking at a server that only waits
	dueMinute = 60
)

// pausing waits, tags the person and ends: what the engine itself costs, without a message.
const pausing = `{"journey": "bench", "about": "person", "priority": 10, "trigger": {"events": ["person.agreed"]}, "nodes": [
	{"id": "pause", "do": "wait", "for": "2h", "next": "tag"}, {"id": "tag", "do": "tag", "tag": "waited", "next": "over"}, {"id": "over", "do": "exit", "reason": "waited"}]}`

// journeys measures runs that wait: what they cost while nothing is due, how late those start that became due while the
// program was down, and how long it takes to work off all of them when they become due within one minute.
func (b *bench) journeys(ctx context.Context, p place) error {
	if err := b.empty(ctx, p); err != nil {
		return err
	}
	if err := (drive.World{}).Prepare(ctx, p.url); err != nil {
		return err
	}
	d, err := db.Open(ctx, p.url, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := publish(ctx, d); err != nil {
		return err
	}
	wait := func(group string, due time.Time, n int) error {
		return d.Write(ctx, func(tx *db.Tx) error { return tx.Send(counts["waiting runs"], group, due, n, tx.Now().Add(-time.Hour)) })
	}
	now := time.Now()
	if err := wait("gap", now.Add(-30*time.Minute), gapWaits); err != nil {
		return err
	}
	if err := wait("later", now.Add(3*time.Hour), waits-gapWaits); err != nil {
		return err
	}
	if err := d.Write(ctx, func(tx *db.Tx) error { return tx.Send(counts["waiting subjects"]) }); err != nil {
		return err
	}
	s, err := b.serve(ctx, p, "/readyz", "")
	if err != nil {
		return err
	}
	ready := time.Now()
	defer func() { s.Kill() }()
	time.Sleep(4 * time.Second)
	steps, err := stepsOf(ctx, d)
	if err != nil {
		return err
	}
	var late []time.Duration
	for _, x := range steps {
		late = append(late, max(0, x.at.Sub(ready)))
	}
	b.failed = b.failed || len(steps) != gapWaits
	b.add(fmt.Sprintf("%d steps that became due while it was down: done after it is ready, p99", gapWaits), p.name, fmt.Sprintf("%s (%d done)", ms(quantile(late, .99)), len(steps)), "≤ 1 s", "", "")
	m := b.measure(s)
	time.Sleep(idleSpan)
	u := m.stop()
	memory, _ := s.Memory()
	b.add("100,000 waiting runs, nothing due", p.name, fmt.Sprintf("%.2f %% of a core, %.0f MB", 100*u.with.Seconds()/u.took.Seconds(), float64(memory)/1e6), "< 2 % of a core", "", u.others)

	from := time.Now().Add(15 * time.Second).Truncate(time.Second)
	dues := map[string]time.Time{}
	for i := range dueMinute {
		group := fmt.Sprintf("g%02d", i)
		dues[group] = from.Add(time.Duration(i) * time.Second)
		if err := wait(group, dues[group], waits/dueMinute); err != nil {
			return err
		}
	}
	m = b.measure(s)
	for left := int64(1); left > 0; {
		if time.Since(from) > 5*time.Minute {
			b.failed = true
			break
		}
		time.Sleep(time.Second)
		if left, err = drive.Count(ctx, d, counts["runs that wait"], from.Add(time.Hour)); err != nil {
			return err
		}
	}
	u = m.stop()
	if steps, err = stepsOf(ctx, d); err != nil {
		return err
	}
	early, last := 0, from
	late = nil
	for _, x := range steps {
		group, _, _ := strings.Cut(x.key, "_")
		due, ok := dues[group]
		if !ok {
			continue
		}
		if x.at.Before(due) {
			early++
		}
		late = append(late, x.at.Sub(due))
		last = later(last, x.at)
	}
	b.failed = b.failed || early > 0
	b.add("100,000 waits due within a minute", p.name, fmt.Sprintf("last done %.1f s after the first was due, %d early, %s late (p99), %d µs CPU each", last.Sub(from).Seconds(), early,
		ms(quantile(late, .99)), u.with.Microseconds()/waits), "≤ 60 s after the minute, none early", "", u.others)
	return s.Stop()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func publish(ctx context.Context, d *db.DB) error {
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return err
	}
	def, err := journeys.ReadDefinition(json.RawMessage(pausing))
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		_, err := a.Journeys.Publish(tx, def, 0, "bench", "", "")
		return err
	})
}

// ended is the end of a run.
type ended struct {
	key string
	at  time.Time
}

func stepsOf(ctx context.Context, d *db.DB) (all []ended, err error) {
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = db.All(tx, func(r db.Row) (x ended, err error) {
			err = r.Scan(&x.key, &x.at)
			x.at = x.at.UTC()
			return
		}, counts["steps of runs"])
		return err
	})
	slices.SortFunc(all, func(a, b ended) int { return a.at.Compare(b.at) })
	return all, err
}
