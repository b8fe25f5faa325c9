package jobs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryMigrationOfRiverHasItsStep(t *testing.T) {
	brought := map[int]bool{}
	for i, h := range history {
		brought[h.river] = true
		if i > 0 {
			require.Greater(t, h.step, history[i-1].step)
			require.Greater(t, h.river, history[i-1].river)
		}
	}
	for _, m := range riverMigrations() {
		require.True(t, brought[m.Version], "River's migration %d (%s) needs a line in history", m.Version, m.Name)
	}
}
