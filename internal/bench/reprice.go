package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"portolan/internal/address"
	"portolan/internal/app"
	"portolan/internal/checkout"
	"portolan/internal/db"
)

// reprice measures what it costs to change a quantity in a cart of ten lines that goes to the United States, where
// there is duty and sales tax on each line: with and without writing it down.
func (b *bench) reprice(ctx context.Context, p place) error {
	const n = 500
	return with(ctx, p.url, func(a *app.App) error {
		var changes []checkout.Change
		var skus []string
		for i, product := range a.Catalog.Snapshot().Products() {
			if i == 10 {
				break
			}
			skus = append(skus, product.Variants[0].SKU)
			changes = append(changes, checkout.Add(product.Variants[0].SKU, 1))
		}
		to := address.Address{GivenName: "Harper", FamilyName: "Linfield", Line1: "418 Larkspur Row", City: "New York", Region: "NY", Postcode: "10014", Country: "US", Phone: "+12125550123"}
		changes = append(changes, checkout.SetContact(checkout.Contact{GivenName: "Harper", FamilyName: "Linfield", Email: "ten@example.com", Phone: "+12125550123"}), checkout.SetAddress(to))
		c, err := a.Checkout.Begin(ctx, checkout.Start{Market: "us", Lang: "en"}, changes...)
		if err != nil {
			return err
		}
		options := func() (all []checkout.Quote, err error) {
			return all, a.DB.Read(ctx, func(tx *db.Tx) (err error) {
				all, err = a.Checkout.Options(tx, c)
				return err
			})
		}
		all, err := options()
		if err != nil {
			return err
		}
		service := all[0].Option.Service
		if all[0].Duty.IsZero() || all[0].Tax.IsZero() {
			return fmt.Errorf("the cart has no duty or no tax: %+v", all[0].Charges)
		}
		change := func(i int) error {
			c, err = a.Checkout.Change(ctx, c.Token, c.Version, checkout.Set(skus[i%10], int64(1+i%5)), checkout.Choose(service))
			return err
		}
		for i := range 50 {
			if err := change(i); err != nil {
				return err
			}
		}
		cpu, at := used(), time.Now()
		for i := range n {
			if err := change(i); err != nil {
				return err
			}
		}
		b.add(fmt.Sprintf("re-price a cart of 10 lines with tax and duty and keep it, n = %d", n), p.name,
			fmt.Sprintf("%s CPU, %s", ms((used()-cpu)/n), ms(time.Since(at)/n)), "≤ 0.5 ms CPU", "16 ms; 131 ms", "")
		cpu, at = used(), time.Now()
		for range n {
			if _, err := options(); err != nil {
				return err
			}
		}
		b.add(fmt.Sprintf("the same for each of %d ways to deliver, without keeping it", len(all)), p.name,
			fmt.Sprintf("%s CPU, %s", ms((used()-cpu)/n), ms(time.Since(at)/n)), "", "", "")
		return nil
	})
}

// used is the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
