package journeys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
)

// What comes with the program could be published as it is, and reads the same after it was written.
func TestShippedDefinitions(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		require.Len(t, journeys.Shipped(), 7)
		for _, one := range journeys.Shipped() {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				require.NoError(t, w.journeys.Check(tx, one), one.Journey)
				return nil
			})
			again, err := journeys.ReadDefinition(one.JSON())
			require.NoError(t, err)
			require.Equal(t, one, again)
		}
	})
}

// The definitions of a release become versions once, and what a merchant published stays in force.
func TestPrepare(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		mine := journeys.Shipped()[0]
		mine.Window = 3600e9
		dbtest.Write(t, d, func(tx *db.Tx) error {
			v, err := w.journeys.Publish(tx, mine, 1, "mei", "shorter", "")
			require.Equal(t, int64(2), v.N)
			return err
		})
		dbtest.Write(t, d, w.journeys.Prepare)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := w.journeys.Journeys(tx)
			require.NoError(t, err)
			require.Len(t, all, 7)
			for _, j := range all {
				want := int64(1)
				if j.Name == mine.Journey {
					want = 2
				}
				require.Equal(t, want, j.Version, j.Name)
			}
			return nil
		})
		err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.journeys.Publish(tx, mine, 1, "ada", "", ""); return err })
		require.ErrorIs(t, err, journeys.ErrOutdated)
	})
}
