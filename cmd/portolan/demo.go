package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"portolan/internal/app"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/messaging/mailsink"
	"portolan/internal/messaging/smsc"
)

// What to log in to the demo's console with. It listens on this machine only.
const (
	demoEmail    = "mei@miana.example"
	demoPassword = "guangzhou-2026"
)

type demoCommand struct {
	listen
	DB    string  `help:"Keep the demo in this SQLite file or PostgreSQL database; empty: it is gone afterwards."`
	Speed float64 `default:"60" help:"How fast the shop's clock runs: 60 makes an hour a minute, 1 is real time."`
	Quiet bool    `help:"No shoppers of the demo's own."`

	Network string `type:"existingfile" help:"Network file for the message centre (docs/smsc.md); without it everything is delivered."`
}

// Run opens the sample merchant's shop with everything around it: its database, a network with phones, a mail
// server, a payment provider.
func (c *demoCommand) Run(ctx context.Context, out io.Writer) error {
	if !(c.Speed >= 0.1 && c.Speed <= 100_000) { // NaN is neither
		return exit{2, fmt.Errorf("--speed %v: choose a number between 0.1 and 100000", c.Speed)}
	}
	l, err := c.listen.open()
	if err != nil {
		return err
	}
	defer l.Close()
	url := c.DB
	if url == "" {
		dir, err := os.MkdirTemp("", "portolan-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		url = filepath.Join(dir, "demo.db")
	}
	d, err := db.Open(ctx, url, db.Fast(time.Now(), c.Speed))
	if err != nil {
		return err
	}
	defer d.Close()
	network, err := c.network(d.Clock())
	if err != nil {
		return err
	}
	if err := network.Listen(); err != nil {
		return err
	}
	mails := mailsink.New(d.Clock().Now)
	if err := mails.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	defer mails.Close(context.WithoutCancel(ctx))
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	if err := app.SeedDemo(ctx, d); err != nil {
		return fmt.Errorf("fill the demo: %w", err)
	}
	locks, err := keys{}.vault(url)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, d, app.Config{PublicURL: c.PublicURL, TestPSP: true, Vault: locks, SMPP: network.Addr(), SystemID: "portolan",
		SMTP: fmt.Sprintf("127.0.0.1:%d", mails.Port()), MailFrom: "hello@miana.example", Handsets: network, Mails: mails,
		Email: demoEmail, Secret: demoPassword})
	if err != nil {
		return err
	}
	if err := a.KeepDemo(ctx); err != nil {
		return err
	}
	if err := a.SeedHistory(ctx); err != nil {
		return err
	}
	if err := a.SeedTalks(ctx); err != nil {
		return err
	}
	if _, err := a.Auth.AddUser(ctx, demoEmail, "Mei", demoPassword, auth.Owner); err != nil && !errors.Is(err, auth.ErrEmailTaken) {
		return err
	}
	if err := a.Serve(ctx); err != nil {
		return err
	}
	if err := app.AddPhones(network); err != nil {
		return err
	}
	var others sync.WaitGroup
	defer others.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	others.Go(func() { network.Serve(ctx) })
	if !c.Quiet {
		others.Go(func() { app.Shoppers(ctx, a) })
	}
	fmt.Fprintf(out, `Miana sells from Guangzhou to five countries. Open

  the shop       %[1]s/de-de/    (and /en-us/ /en-gb/ /id-id/ /ms-my/ /ar-de/)
  the console    %[1]s/console   %[2]s / %[3]s
  the phones     %[1]s/console/handsets
  the API        %[1]s/v1/docs

Pay with the test card 4555 0000 0000 0100 and watch the phone. %[4]s Ctrl-C ends the demo.
`, c.PublicURL, demoEmail, demoPassword, pace(c.Speed))
	return serve(ctx, l, a)
}

// pace says how fast the clock runs.
func pace(speed float64) string {
	if speed == 1 {
		return "The shop's clock is yours."
	}
	return fmt.Sprintf("The shop's clock runs %v times as fast as yours (--speed 1: as yours).", speed)
}

// network is the demo's message centre: everything is delivered, unless a network file says otherwise. Its accounts
// don't matter here.
func (c *demoCommand) network(clock *db.Clock) (*smsc.Server, error) {
	file, err := networkFile(c.Network)
	if err != nil {
		return nil, err
	}
	cfg := file.Config()
	cfg.Clock, cfg.Accounts = clock, nil
	if cfg.Operators == nil {
		cfg.Operators = demo.Operators()
	}
	network := smsc.New(cfg)
	for _, p := range file.Phones {
		if err := network.AddPhone(p); err != nil {
			return nil, err
		}
	}
	return network, nil
}
