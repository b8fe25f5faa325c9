package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/i18n"
	"portolan/internal/pricing"
)

// payoutsCommand is what can be done with reports of payouts.
type payoutsCommand struct {
	Import payoutsImportCommand `cmd:"" help:"Settle the orders of a report: a CSV with payout,ref,amount,currency,home_amount,home_currency,fee,day. A file that can't be right is refused whole; the same file again changes nothing."`
}

type payoutsImportCommand struct {
	database
	File string `arg:"" help:"The file; - for standard input."`
	By   string `default:"portolan payouts import" help:"Who imports it."`
}

// Run takes a report in, settles it and says how far it has come.
func (c *payoutsImportCommand) Run(ctx context.Context, out io.Writer) error {
	in, name := io.Reader(os.Stdin), "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return exit{2, err}
		}
		defer f.Close()
		in, name = f, filepath.Base(c.File)
	}
	lines, err := pricing.ReadPayouts(in)
	if err != nil {
		return err
	}
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return err
	}
	var file pricing.PayoutFile
	err = d.Write(ctx, func(tx *db.Tx) error {
		file, err = a.Prices.TakePayouts(tx, name, lines, a.Checkout, c.By)
		return err
	})
	if err != nil {
		return err
	}
	for left := file.Lines; left > 0; {
		if err := d.Write(ctx, func(tx *db.Tx) (err error) {
			left, err = a.Prices.WorkPayouts(tx, file.ID)
			return err
		}); err != nil {
			return err
		}
		fmt.Fprintf(out, "%d of %d lines\n", file.Lines-left, file.Lines)
	}
	return d.Read(ctx, func(tx *db.Tx) error { return c.report(tx, a.Prices, file.ID, out) })
}

func (c *payoutsImportCommand) report(tx *db.Tx, s *pricing.Service, id string, out io.Writer) error {
	f, err := s.PayoutFile(tx, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d settled, %d known before, %d refused\n", f.Fresh, f.Known(), f.Refused)
	refused, err := s.RefusedLines(tx, id)
	for _, l := range refused {
		fmt.Fprintf(out, "  line %d, %s %s: %s\n", l.Line, l.Payout, l.Ref, i18n.For("en").T("faults."+l.Fault))
	}
	return err
}
