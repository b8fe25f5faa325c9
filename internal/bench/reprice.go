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

// reprice measures what it costs to change a quantity in a cart of ten lines that goes to the United Kingdom and is
// worth so much that there is duty on each line and import VAT: with and without writing it down.
func (b *bench) reprice(ctx context.Context, p place) error {
	const n, phone = 500, "+447700900112"
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
		to := address.Address{GivenName: "Imogen", FamilyName: "Ashby", Line1: "14 Thimble Yard", City: "London", Postcode: "E8 3PN", Country: "GB", Phone: phone}
		changes = append(changes, checkout.SetContact(checkout.Contact{GivenName: "Imogen", FamilyName: "Ashby", Email: "ten@example.com", Phone: phone}), checkout.SetAddress(to))
		c, err := a.Checkout.Begin(ctx, checkout.Start{Market: "gb", Lang: "en"}, changes...)
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
			return fmt.Errorf("the cart has duty of %s and tax of %s", all[0].Duty, all[0].Tax)
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
