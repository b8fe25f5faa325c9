package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"portolan/internal/app"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/messaging/mailsink"
	"portolan/internal/messaging/smsc"
	"portolan/internal/vault"
)

// What to log in to the console with.
const (
	Email    = "mei@miana.example"
	Password = "guangzhou-2026"
)

// Shop is the sample merchant's shop with everything around it, open on a port of this machine.
type Shop struct {
	App     *app.App
	URL     string // scheme, host and port
	Network *smsc.Server
	Mails   *mailsink.Sink
	Close   func()
}

// OpenShop fills a new database in dir and opens the shop. With shoppers, the demo's people buy and
// write in it, its desk packs and its carrier brings.
func OpenShop(ctx context.Context, dir string, clock *db.Clock, shoppers bool) (*Shop, error) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var closers []func()
	var d *db.DB
	s := &Shop{Close: func() {
		cancel()
		for _, c := range closers {
			c()
		}
		all.Wait()
		if d != nil {
			d.Close()
		}
	}}
	fail := func(err error) (*Shop, error) {
		s.Close()
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	closers = append(closers, func() { l.Close() })
	s.URL = "http://" + l.Addr().String()
	d, err = db.Open(ctx, filepath.Join(dir, "shop.db"), clock)
	if err != nil {
		return fail(err)
	}
	s.Network = smsc.New(smsc.Config{Clock: d.Clock(), Operators: demo.Operators()})
	if err := s.Network.Listen(); err != nil {
		return fail(err)
	}
	s.Mails = mailsink.New(d.Clock().Now)
	if err := s.Mails.Listen("127.0.0.1:0"); err != nil {
		return fail(err)
	}
	closers = append(closers, func() { s.Mails.Close(context.WithoutCancel(ctx)) })
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return fail(err)
	}
	if err := app.SeedDemo(ctx, d); err != nil {
		return fail(err)
	}
	locks, err := vault.Read(vault.Fresh())
	if err != nil {
		return fail(err)
	}
	s.App, err = app.Open(ctx, d, app.Config{PublicURL: s.URL, TestPSP: true, Vault: locks, SMPP: s.Network.Addr(), SystemID: "portolan",
		SMTP: fmt.Sprintf("127.0.0.1:%d", s.Mails.Port()), MailFrom: "hello@miana.example", Handsets: s.Network, Mails: s.Mails,
		Email: Email, Secret: Password})
	if err != nil {
		return fail(err)
	}
	if shoppers {
		if err := s.App.KeepDemo(ctx); err != nil {
			return fail(err)
		}
	}
	if err := s.App.SeedHistory(ctx); err != nil {
		return fail(err)
	}
	if shoppers {
		if err := s.App.SeedTalks(ctx); err != nil {
			return fail(err)
		}
	}
	if _, err := s.App.Auth.AddUser(ctx, Email, "Mei", Password, auth.Owner); err != nil {
		return fail(err)
	}
	if err := s.App.Serve(ctx); err != nil {
		return fail(err)
	}
	if err := app.AddPhones(s.Network); err != nil {
		return fail(err)
	}
	server := &http.Server{Handler: s.App.HTTP, ReadHeaderTimeout: 5 * time.Second}
	closers = append(closers, func() { server.Close() })
	all.Go(func() { s.Network.Serve(ctx) })
	all.Go(func() { s.App.Run(ctx) })
	all.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			panic(err)
		}
	})
	if shoppers {
		all.Go(func() { app.Shoppers(ctx, s.App) })
	}
	return s, nil
}
