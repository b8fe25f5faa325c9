package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"portolan/internal/app"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
	"portolan/internal/settings"
)

// fxCommand is what can be done with exchange rates.
type fxCommand struct {
	Import fxImportCommand `cmd:"" help:"Keep the rates of a file: the ECB's XML or CSV, or a CSV with day,base,quote,rate. All of it or nothing."`
	List   fxListCommand   `cmd:"" help:"Show the rates in force, or the history of one pair."`
	Set    fxSetCommand    `cmd:"" help:"Keep one rate by hand."`
}

// prices opens the shop's rates for one piece of work.
func (f database) prices(ctx context.Context, work func(tx *db.Tx, s *pricing.Service) error) error {
	d, err := f.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	w := settings.Watch(d)
	s := pricing.New(d, w, settings.Bump, market.New(d, w, settings.Bump), catalog.New(d, w, settings.Bump), nil)
	return d.Write(ctx, func(tx *db.Tx) error { return work(tx, s) })
}

type fxImportCommand struct {
	database
	File   string `arg:"" help:"The file; - for standard input."`
	By     string `help:"Who vouches for rates more than 10 % away from the ones before them."`
	Source string `help:"Where the rates come from; ecb or file if empty."`
}

// Run keeps a file of rates and says what became of it.
func (c *fxImportCommand) Run(ctx context.Context, out io.Writer) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return exit{2, err}
		}
		defer f.Close()
		in = f
	}
	rates, err := pricing.ReadRates(in, c.Source)
	if err != nil {
		return tell(err)
	}
	var sum pricing.ImportedRates
	err = c.prices(ctx, func(tx *db.Tx, s *pricing.Service) (err error) {
		sum, err = s.ImportRates(tx, rates, c.By)
		return err
	})
	if err != nil {
		return tell(err)
	}
	_, err = fmt.Fprintf(out, "%d rates of %d pairs from %s to %s; %d were new\n", sum.Read, sum.Pairs, sum.First, sum.Last, sum.Kept)
	return err
}

// tell adds what to do about the lines of a file.
func tell(err error) error {
	said := map[string]bool{}
	say := i18n.For("en")
	for _, f := range pricing.RateFaults(err) {
		if said[f.Code] {
			continue
		}
		said[f.Code] = true
		remedy := remedies[f.Code]
		if key := "faults." + f.Code; remedy == "" && say.Has(key) {
			remedy = say.T(key)
		}
		err = fmt.Errorf("%w\n  %s: %s", err, f.Code, remedy)
	}
	return err
}

// remedies say what to do about a file as a whole.
var remedies = map[string]string{
	"pricing.file_empty":      "the file has no rates: download it again",
	"pricing.file_unreadable": "the file breaks off or isn't XML or CSV: download it again",
	"pricing.file_not_utf8":   "save the file as UTF-8",
	"pricing.file_head":       "begin the file with day,base,quote,rate or with Date and currencies",
	"pricing.file_too_long":   "split the file by year",
	"pricing.columns_differ":  "give each line the columns of the first",
	"pricing.rate_twice":      "leave one rate for each pair and day",
	"pricing.rate_jump":       "more than 10 % away from the one before: check these rates, and name who did with --by",
}

type fxListCommand struct {
	database
	Base  string `arg:"" optional:"" help:"Show the history of a pair: its first currency …"`
	Quote string `arg:"" optional:"" help:"… and its second."`
	Limit int    `default:"60" help:"How many rates of a pair."`
}

// Run prints one rate per line, with its day, source and age.
func (c *fxListCommand) Run(ctx context.Context, out io.Writer) error {
	if (c.Base == "") != (c.Quote == "") {
		return exit{2, errors.New("name both currencies of the pair: portolan fx list EUR USD")}
	}
	var all []pricing.KeptRate
	err := c.prices(ctx, func(tx *db.Tx, s *pricing.Service) (err error) {
		if c.Base == "" {
			all, err = s.LatestRates(tx)
		} else {
			all, err = s.RateHistory(tx, money.Currency(c.Base), money.Currency(c.Quote), c.Limit)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "no rates are kept yet; portolan fx import FILE, or portolan fx set EUR USD 1.0845")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DAY\tBASE\tQUOTE\tRATE\tSOURCE\tVOUCHED BY\tAGE\t")
	for _, r := range all {
		mark := ""
		if r.Stale && c.Base == "" {
			mark = "too old to be used"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d d\t%s\n", r.Day, r.Base, r.Quote, r.Rate, r.Source, r.By, r.Age, mark)
	}
	return w.Flush()
}

type fxSetCommand struct {
	database
	Base   string `arg:"" help:"1 of this currency …"`
	Quote  string `arg:"" help:"… in this one …"`
	Rate   string `arg:"" help:"… is this much."`
	Day    string `help:"The civil day of the rate, today's in UTC if empty."`
	Source string `default:"manual" help:"Where the rate comes from."`
	By     string `help:"Who vouches for a rate more than 10 % away from the last."`
}

// Run keeps one rate.
func (c *fxSetCommand) Run(ctx context.Context, out io.Writer) error {
	rate, err := money.ParseRate(c.Rate)
	if err != nil {
		return exit{2, fmt.Errorf("rate %.40q: write a decimal such as 1.0845: %w", c.Rate, err)}
	}
	fx := pricing.FX{Base: money.Currency(c.Base), Quote: money.Currency(c.Quote), Rate: rate, Day: c.Day, Source: c.Source, By: c.By}
	err = c.prices(ctx, func(tx *db.Tx, s *pricing.Service) error {
		if fx.Day == "" {
			fx.Day = tx.Now().Format(time.DateOnly)
		}
		return s.SetRate(tx, fx)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "1 %s is %s %s on %s (%s)\n", fx.Base, fx.Rate, fx.Quote, fx.Day, fx.Source)
	return err
}
