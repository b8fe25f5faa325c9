package fulfilment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
)

// The journal says of a parcel of the past what became known when, in the words in which it would have been announced.
func TestAParcelOfThePast(t *testing.T) {
	eachShipping(t, func(r *ships) {
		placed := r.in(-20 * 24 * time.Hour)
		left := placed.Add(5 * time.Hour)
		day := func(n int) time.Time { return left.AddDate(0, 0, n) }
		scans := []fulfilment.Scan{{Status: fulfilment.InTransit, Occurred: day(1)}, {Status: fulfilment.AtCustoms, Occurred: day(3)}, {Status: fulfilment.AtCustoms, Reason: "released", Occurred: day(4)},
			{Status: fulfilment.OutForDelivery, Occurred: day(6)}, {Status: fulfilment.Delivered, Occurred: day(6).Add(4 * time.Hour)}}
		o := r.sell()
		o.ID, o.Source, o.Cart, o.State, o.PlacedAt, o.PaidAt = "ord_past_"+order.ID(r.Name()), order.Shop, "", order.Completed, placed, placed
		require.NoError(r, r.write(func(tx *db.Tx) error {
			o, _, err := r.orders.Enter(tx, o)
			if err != nil {
				return err
			}
			p, err := r.Shipments.Enter(tx, o, left, "desk", "LV460000005CN", scans)
			require.Equal(r, fulfilment.Delivered, p.Status)
			return err
		}))
		r.settle()
		type line struct {
			kind fulfilment.News
			at   time.Time
		}
		var journal []line
		for _, e := range told[fulfilment.ParcelEvent](r) {
			require.Equal(r, e.At, e.Occurred)
			require.Equal(r, o.ID, e.Order)
			journal = append(journal, line{e.Kind, e.At.UTC()})
		}
		require.Equal(r, []line{{fulfilment.NewsShipped, left}, {fulfilment.NewsMoved, day(1)}, {fulfilment.NewsCustoms, day(3)}, {fulfilment.NewsCustomsClear, day(4)},
			{fulfilment.NewsOut, day(6)}, {fulfilment.NewsDelivered, day(6).Add(4 * time.Hour)}}, journal)
		require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
			all, err := r.bus.Journal(tx, events.Filter{Topic: "order.delivered"})
			require.Len(r, all, 1)
			require.Equal(r, day(6).Add(4*time.Hour), all[0].At.UTC())
			return err
		}))
	})
}
