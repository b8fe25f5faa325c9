package storm

import (
	"flag"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db/dbtest"
)

var (
	checkouts = flag.Int("storm.checkouts", 40, "checkouts in the storm")
	kills     = flag.Int("storm.kills", 2, "times the server is killed")
	late      = flag.Bool("storm.late", false, "with payments that succeed a minute and a half later")
	seed      = flag.Uint64("storm.seed", 1, "of moments and means of payment")
)

// Whoever paid has an order, a number, a parcel's worth of stock and a confirmation, once each, however often the
// program dies in the middle. scripts/storm runs it in its full form.
func TestStorm(t *testing.T) {
	binary := build(t)
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), Config{Binary: binary, URL: url(t), Checkouts: *checkouts, Kills: *kills, Late: *late, Seed: *seed, Log: t.Logf})
			require.NoError(t, err)
			t.Log(r)
			require.Empty(t, r.Wrong)
			require.Positive(t, r.Broken, "nobody noticed that the server died")
			require.Positive(t, r.Paid)
		})
	}
}

func build(t *testing.T) string {
	binary := filepath.Join(t.TempDir(), "portolan")
	build := exec.Command("go", "build", "-o", binary, "portolan/cmd/portolan")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}
