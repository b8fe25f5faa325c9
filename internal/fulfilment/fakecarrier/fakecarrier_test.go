package fakecarrier_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/fulfilment/fakecarrier"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/settings"
)

// Parcels handed over come by themselves: each step in its time, most in time, some late, some kept, some not at home;
// and the same seed has the same fates.
func TestParcelsComeByThemselves(t *testing.T) {
	dbtest.Each(t, []db.Schema{settings.Schema, jobs.Schema, events.Schema, market.Schema, order.Schema, fulfilment.Schema}, func(t *testing.T, d *db.DB) {
		w := settings.Watch(d)
		q := jobs.New(d)
		bus := events.New(q)
		markets := market.New(d, w, settings.Bump)
		stock := fulfilment.New(d, w, settings.Bump, markets)
		orders := order.New(bus, order.Numbering{})
		ships := fulfilment.NewShipments(stock, bus, orders)
		ships.Listen(bus)
		fakecarrier.New(fakecarrier.Parts{Queue: q, Bus: bus, Ships: ships, Markets: markets, Seed: 7})
		const n = 40
		dbtest.Write(t, d, func(tx *db.Tx) error {
			m := market.Market{Code: "de", Name: "Germany", State: market.Open, Languages: []string{"de"}, Countries: []market.Country{"DE"}, Currency: "EUR", Incoterm: "DDP", Factor: money.One,
				Zone: "Europe/Berlin", ShipFrom: []string{"can"}, Rounding: market.Rounding{Step: 1, Direction: market.Nearest}}
			if err := markets.Save(tx, m); err != nil {
				return err
			}
			if err := stock.Seed(tx); err != nil {
				return err
			}
			for range n {
				eur := money.Of(1000, "EUR")
				o := order.Order{Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Total: eur, PaidAt: tx.Now(), Service: "standard_ddp", Location: "can",
					Lines: []order.Line{{SKU: "tee", Quantity: 1, UnitPrice: eur, Total: eur, Weight: 100}}, DeliverFrom: "2026-12-04", DeliverTo: "2026-12-09"}
				if _, _, err := orders.Place(tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, markets.Load(t.Context()))
		require.NoError(t, stock.Load(t.Context()))
		require.NoError(t, q.Drain(t.Context()))
		dbtest.Write(t, d, func(tx *db.Tx) error {
			all, _, err := ships.List(tx, fulfilment.ShipmentFilter{}, fulfilment.ShipmentPage{})
			require.Len(t, all, n)
			for _, s := range all {
				if _, err := ships.Ready(tx, s.ID, s.Version, ""); err != nil {
					return err
				}
				if _, err := ships.HandOver(tx, s.ID, s.Version, ""); err != nil {
					return err
				}
			}
			return err
		})
		for range 6 * 60 { // two months, four hours at a time
			require.NoError(t, q.Drain(t.Context()))
			d.Clock().Advance(4 * time.Hour)
		}
		kinds, delivered, late := map[fulfilment.News]int{}, 0, 0
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, _, err := ships.List(tx, fulfilment.ShipmentFilter{}, fulfilment.ShipmentPage{})
			require.NoError(t, err)
			for _, s := range all {
				of, err := ships.ParcelsOf(tx, s.Order)
				require.NoError(t, err)
				p := of[0]
				require.True(t, p.Ended(), "%s is %s", p.Number, p.Status)
				if p.Status == fulfilment.Delivered {
					delivered++
					local := p.DeliveredAt.In(market.TimeZone("Europe/Berlin"))
					require.True(t, local.Hour() >= 8 && local.Hour() < 21, local)
					if local.Format(time.DateOnly) > p.PromiseTo {
						late++
					}
				}
			}
			entries, err := bus.Journal(tx, events.Filter{Topic: "parcel.moved", Limit: 200, Oldest: true})
			for len(entries) > 0 && err == nil {
				for _, e := range entries {
					one, err := events.Decode[fulfilment.ParcelEvent](e)
					require.NoError(t, err)
					kinds[one.Kind]++
				}
				entries, err = bus.Journal(tx, events.Filter{Topic: "parcel.moved", Limit: 200, Oldest: true, After: entries[len(entries)-1].ID})
			}
			return err
		})
		require.Equal(t, n, kinds[fulfilment.NewsShipped])
		require.Greater(t, kinds[fulfilment.NewsCustoms], n*9/10)
		require.Greater(t, delivered, n*9/10)
		require.True(t, late > 0 && late < n/3, late)
		require.Positive(t, kinds[fulfilment.NewsAttempt])
	})
}
