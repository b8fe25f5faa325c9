package journeys_test

import (
	"encoding/json"
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
)

// pausing waits, tags the person and ends: what the engine itself does, without a message.
const pausing = `{"journey": "pausing", "about": "person", "priority": 10, "trigger": {"events": ["person.agreed"]}, "nodes": [
	{"id": "pause", "do": "wait", "for": "2h", "next": "tag"}, {"id": "tag", "do": "tag", "tag": "waited", "next": "over"}, {"id": "over", "do": "exit", "reason": "waited"}]}`

var dueNow = flag.Int("due", 2000, "runs that became due while the program was down")

// fill puts n runs of pausing into the books that are due at a moment.
func (w *world) fill(group string, due time.Time, n int) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		if err := tx.Send(`insert into journey_runs (id, journey, version, key, priority, customer, market, lang, order_id, cart, parcel, node, state, reason, arm, way, due_at, fact_at, started_at,
			ended_at, sent, steps, body)
			with recursive n(i) as (select 1 union all select i + 1 from n where i < 0 + $3)
			select 'run_' || $1 || '_' || i, 'pausing', 1, $1 || '_' || i, 10, 'cus_' || $1 || '_' || i, 'gb', 'en', '', '', '', 'pause', 'waiting', '', '', '', $2, $4, $4, null, 0, 1, '{}' from n`,
			group, due, int64(n), tx.Now().Add(-time.Hour)); err != nil {
			return err
		}
		return tx.Send(`insert into journey_subjects (subject, run) select 'person:' || customer, id from journey_runs where journey = 'pausing' and key like $1`, group+"\\_%")
	})
}

// What became due while the program was down begins within a second of its start, with 100,000 others waiting. The figure
// is of a quiet machine (run with -v); here only what a busy one can promise is demanded.
func TestDueStepsBeginAfterAGap(t *testing.T) {
	dbtest.EachClock(t, schemas, db.Real, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		def, err := journeys.ReadDefinition(json.RawMessage(pausing))
		require.NoError(t, err)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.journeys.Publish(tx, def, 0, "test", "", "")
			return err
		})
		now := d.Clock().Now()
		due := *dueNow
		w.fill("gap", now.Add(-time.Hour), due)
		w.fill("later", now.Add(time.Hour), max(1, 100_000-due))
		began := d.Clock().Now()
		w.drain()
		var late []time.Duration
		took := d.Clock().Now().Sub(began)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := db.All(tx, func(r db.Row) (at time.Time, err error) { return at, r.Scan(&at) }, `select at from journey_steps where journey = 'pausing' and node = 'over'`)
			for _, at := range all {
				late = append(late, at.Sub(began))
			}
			return err
		})
		require.Len(t, late, due)
		slices.Sort(late)
		t.Logf("of %d that were due, half began within %s, p99 %s, all %s", due, late[due/2], late[due*99/100], took)
		require.Less(t, late[due*99/100], max(10*time.Second, time.Duration(due)*2*time.Millisecond))
	})
}
