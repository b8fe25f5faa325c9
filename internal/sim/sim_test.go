package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/sim"
)

const killed = "PORTOLAN_SIM_TASK"

// TestMain makes the test binary a process that plays until it is killed, if it is given a task.
func TestMain(m *testing.M) {
	text := os.Getenv(killed)
	if text == "" {
		os.Exit(m.Run())
	}
	slog.SetLogLoggerLevel(slog.LevelError + 4)
	var task sim.Task
	err := json.Unmarshal([]byte(text), &task)
	if err == nil {
		err = sim.Play(context.Background(), task)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A process that is killed without warning, and followed by another on its file, keeps every promise too.
func TestSigkill(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	calm, hit, difference, err := sim.Sigkill(t.Context(), sim.Config{Days: 1, Seed: 5, Behaviour: usual(t, 300), Dir: t.TempDir()}, 3, func(task sim.Task) *exec.Cmd {
		text, err := json.Marshal(task)
		require.NoError(t, err)
		p := exec.Command(self)
		p.Env = append(os.Environ(), killed+"="+string(text))
		return p
	})
	require.NoError(t, err)
	require.Equal(t, 1, calm.Lives)
	require.Greater(t, hit.Lives, 1)
	require.Empty(t, difference)
	for _, l := range hit.Laws {
		require.Zero(t, l.Broken, "%s: %s", l.Name, l.First)
	}
}

func play(t *testing.T, c sim.Config) *sim.Report {
	t.Helper()
	r, err := sim.Run(t.Context(), c)
	require.NoError(t, err)
	for _, l := range r.Laws {
		require.Zero(t, l.Broken, "%s: %s", l.Name, l.First)
	}
	return r
}

func usual(t *testing.T, visits int) sim.Behaviour {
	t.Helper()
	before := slog.SetLogLoggerLevel(slog.LevelError + 4) // faults are part of the play
	t.Cleanup(func() { slog.SetLogLoggerLevel(before) })
	b, err := sim.ReadBehaviour(nil)
	require.NoError(t, err)
	b.VisitsPerDay = visits
	return b
}

// Three days as they are, with a restart in them.
func TestThreeDays(t *testing.T) {
	if testing.Short() {
		t.Skip("plays three days")
	}
	r := play(t, sim.Config{Days: 3, Seed: 7, Restarts: 1, Behaviour: usual(t, 8000)})
	require.Greater(t, r.Funnels["us"].Paid, int64(150))
	require.Equal(t, 1, r.Restarts)
}

// Three weeks of a smaller shop, so that parcels arrive and people rate, with more faults; twice, with the same outcome.
func TestWholeWay(t *testing.T) {
	b := usual(t, 120)
	b.Rates, b.Ratings = .6, [5]float64{1, 1, 1, 1, 1}
	b.Webhooks.Doubled = .5
	c := sim.Config{Days: 18, Seed: 11, Restarts: 3, Behaviour: b}
	r := play(t, c)
	rated := int64(0)
	for _, f := range r.Funnels {
		rated += f.Rated
	}
	require.Positive(t, rated)
	checked := map[string]int64{}
	for _, l := range r.Laws {
		checked[l.Name] = l.Checked
	}
	for name, n := range checked {
		require.Positive(t, n, "nothing to look at for: %s", name)
	}
	var out strings.Builder
	r.Print(&out)
	require.Contains(t, out.String(), "assumed, not measured")
}

func TestSameSeedSameOutcome(t *testing.T) {
	c := sim.Config{Days: 1, Seed: 3, Behaviour: usual(t, 800), Lines: true}
	first := play(t, c)
	again := play(t, c)
	require.Empty(t, sim.Difference(first.Outcome, again.Outcome, 5))
	require.Equal(t, first.Digest, again.Digest)
	c.Seed = 4
	require.NotEqual(t, first.Digest, play(t, c).Digest)
}

// A day in which the program is killed again and again ends like one in which it wasn't.
func TestKills(t *testing.T) {
	_, hit, difference, err := sim.Storm(t.Context(), sim.Config{Days: 2, Seed: 5, Behaviour: usual(t, 400)}, 6)
	require.NoError(t, err)
	require.Equal(t, 6, hit.Kills)
	require.Empty(t, difference)
	require.Empty(t, hit.Broken())
}

func TestBehaviourFile(t *testing.T) {
	b, err := sim.ReadBehaviour(strings.NewReader(`{"visits_per_day": 10, "recovered": 0.5}`))
	require.NoError(t, err)
	require.Equal(t, 10, b.VisitsPerDay)
	require.Equal(t, .156, b.Rates, "what isn't said stays")
	for _, bad := range []string{`{"recoverd": 1}`, `{"recovered": 2}`, `{"visits_per_day": 0}`, `nonsense`} {
		_, err := sim.ReadBehaviour(strings.NewReader(bad))
		require.ErrorIs(t, err, sim.ErrBehaviour, bad)
	}
}

// What was played can be replayed silently, and would have been written as it was.
func TestReplay(t *testing.T) {
	c := sim.Config{Days: 2, Seed: 7, Behaviour: usual(t, 400), Dir: t.TempDir()}
	played := play(t, c)
	all, err := sim.Replay(t.Context(), c)
	require.NoError(t, err)
	require.Len(t, all, 7)
	for _, r := range all {
		if r.Journey == "confirm" {
			require.EqualValues(t, played.Funnels["us"].Paid+played.Funnels["de"].Paid+played.Funnels["gb"].Paid+played.Funnels["id"].Paid+played.Funnels["my"].Paid, r.Entered)
			require.GreaterOrEqual(t, r.Messages, r.Entered)
		}
	}
	_, err = sim.Replay(t.Context(), sim.Config{Days: 2, Dir: t.TempDir()})
	require.ErrorIs(t, err, os.ErrNotExist)
}
