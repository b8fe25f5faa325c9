package order_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/order"
)

// What is brought along is in the book and in the journal as of then, and nobody hears of it.
func TestAPastThatIsBroughtAlong(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := jobs.New(d)
		bus := events.New(q)
		s, heard := order.New(bus, order.Numbering{}), 0
		events.On(bus, "test.heard", func(*db.Tx, order.PaidEvent) error { heard++; return nil })
		placed := dbtest.Start.AddDate(0, 0, -40)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			o := sample("c1")
			o.State, o.PlacedAt, o.PaidAt = order.Completed, placed, placed.Add(time.Hour)
			o, fresh, err := s.Enter(tx, o)
			require.NoError(t, err)
			require.True(t, fresh)
			r := order.Refund{Order: o.ID, Amount: eur(5_00), Reason: "too small", AskedAt: placed.AddDate(0, 0, 9), MadeAt: placed.AddDate(0, 0, 10), Ref: "r1"}
			for range 2 {
				_, _, err = s.EnterRefund(tx, r)
				require.NoError(t, err)
			}
			_, fresh, err = s.Enter(tx, o)
			require.False(t, fresh)
			require.NoError(t, err)
			unpaid := sample("c2")
			unpaid.State, unpaid.PlacedAt = order.Placed, placed.AddDate(0, 0, 20)
			_, _, err = s.Enter(tx, unpaid)
			return err
		})
		require.NoError(t, q.Drain(t.Context()))
		require.Zero(t, heard)
		type line struct {
			topic string
			at    time.Time
		}
		var journal []line
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := bus.Journal(tx, events.Filter{Oldest: true})
			for _, e := range all {
				journal = append(journal, line{e.Topic, e.At.UTC()})
			}
			paid, err2 := events.Decode[order.PaidEvent](all[1])
			require.NoError(t, err2)
			require.Equal(t, "F-20261015-0001", paid.Number)
			require.Equal(t, placed.Add(time.Hour), paid.FactAt)
			return err
		})
		require.Equal(t, []line{{"order.placed", placed}, {"order.paid", placed.Add(time.Hour)}, {"order.refunded", placed.AddDate(0, 0, 10)}, {"order.placed", placed.AddDate(0, 0, 20)}}, journal)
	})
}
