package checkout_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/payment/fakepsp"
)

// BenchmarkReprice is what one look at a cart of ten lines costs: prices, discount, duty and tax.
func BenchmarkReprice(b *testing.B) {
	t := &testing.T{}
	d := open(b)
	r := newRig(t, d)
	var changes []checkout.Change
	for i := range 10 {
		r.price[fmt.Sprint("sku", i)] = int64(1000 + i)
		changes = append(changes, checkout.Add(fmt.Sprint("sku", i), int64(i+1)))
	}
	c, err := r.shop.Begin(b.Context(), checkout.Start{Market: "de", Lang: "de"}, append(changes,
		checkout.SetContact(checkout.Contact{Email: "anna@example.de"}), checkout.SetAddress(anna), checkout.Choose("express_ddp"))...)
	require.NoError(b, err)
	err = d.Read(b.Context(), func(tx *db.Tx) error {
		for b.Loop() {
			if _, err := r.shop.Options(tx, c); err != nil { // two ways of delivery: two quotes
				return err
			}
		}
		return nil
	})
	require.NoError(b, err)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/2, "µs/quote")
}

// BenchmarkCheckout is whole checkouts, from an empty cart to the paid order, by 64 shoppers at once, with the
// provider's webhooks.
func BenchmarkCheckout(b *testing.B) {
	d := open(b)
	r := newRig(&testing.T{}, d)
	r.home(b, "8.2")
	require.NoError(b, d.Write(b.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(`insert into shelf_stock (sku, free) values ('dress', 1000000)`)
		return err
	}))
	ctx, stop := context.WithCancel(b.Context())
	var work sync.WaitGroup
	work.Go(func() { r.queue.Run(ctx) })
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := r.buy(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checkouts/s")
	stop()
	work.Wait()
}

// buy is a checkout in the writes that a storefront makes of it.
func (r *rig) buy(ctx context.Context) error {
	c, err := r.shop.Begin(ctx, checkout.Start{Market: "de", Lang: "de"}, checkout.Add("dress", 1))
	if err != nil {
		return err
	}
	c, err = r.shop.Change(ctx, c.Token, c.Version, checkout.SetContact(checkout.Contact{Email: c.Token + "@example.de"}), checkout.SetAddress(anna))
	if err != nil {
		return err
	}
	c, err = r.shop.Change(ctx, c.Token, c.Version, checkout.Choose("express_ddp"))
	if err != nil {
		return err
	}
	o, err := r.shop.Pay(ctx, checkout.PayRequest{Token: c.Token, Version: c.Version, Method: "card", Instrument: fakepsp.Cards()[0].Number})
	if err == nil && o.State != checkout.PaidOutcome {
		err = fmt.Errorf("paid by card: %s %s", o.State, o.Reason)
	}
	return err
}

func open(b *testing.B) *db.DB {
	b.Helper()
	d, err := db.Open(b.Context(), filepath.Join(b.TempDir(), "shop.db"), db.Fast(dbtest.Start, 1))
	require.NoError(b, err)
	b.Cleanup(func() { d.Close() })
	require.NoError(b, d.Migrate(b.Context(), schemas...))
	return d
}
