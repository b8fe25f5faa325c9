package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"portolan/internal/app"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/vault"
)

// database is where a command finds the shop's data.
type database struct {
	DB string `default:"portolan.db" help:"SQLite file, or postgres://… for several nodes."`
}

func (f database) open(ctx context.Context, clock *db.Clock) (*db.DB, error) {
	return db.Open(ctx, f.DB, clock)
}

// keys lock up credentials of providers. They lie outside the database, and every node needs the same.
type keys struct {
	Key     string `env:"PORTOLAN_KEY" help:"Key to lock up credentials with, 32 bytes in base64; better given as PORTOLAN_KEY. Of several, separated by commas, the first locks and all open."`
	KeyFile string `name:"key-file" env:"PORTOLAN_KEY_FILE" help:"File with the key. Beside a SQLite file one is made where there is none."`
}

// vault is what the keys open, for a shop in the database of the name given.
func (k keys) vault(database string) (*vault.Vault, error) {
	switch {
	case k.Key != "":
		return vault.Read(k.Key)
	case k.KeyFile != "":
		return vault.File(k.KeyFile, false)
	case strings.Contains(database, "://"):
		return nil, nil
	}
	return vault.File(database+".key", true)
}

// listen is where a command answers requests.
type listen struct {
	Addr      string `default:"127.0.0.1:8080" help:"Address to listen on."`
	PublicURL string `name:"public-url" help:"Scheme and host under which people reach the shop; http:// and the address if empty."`
}

// open takes the port at once, so that a port in use is told before anything else happens.
func (f *listen) open() (net.Listener, error) {
	l, err := net.Listen("tcp", f.Addr)
	if err != nil {
		return nil, fmt.Errorf("can't listen on %s: %w; choose another with --addr", f.Addr, err)
	}
	if f.PublicURL == "" {
		f.PublicURL = "http://" + l.Addr().String()
	}
	f.PublicURL = strings.TrimSuffix(f.PublicURL, "/")
	return l, nil
}

type serveCommand struct {
	database
	listen
	Proxy    bool   `help:"Trust X-Forwarded-For of the proxy in front."`
	TestPSP  bool   `name:"test-psp" help:"Take payments by the built-in test provider. Never for a live shop."`
	Media    string `help:"Directory of the shop's pictures." type:"existingdir"`
	SMPP     string `name:"smpp" help:"host:port of the message centre for SMS."`
	Spare    string `name:"smpp-spare" help:"host:port of a second message centre, for what the first doesn't take."`
	SystemID string `name:"smpp-system-id" default:"portolan" help:"Name to bind with."`
	Password string `name:"smpp-password" help:"Password to bind with."`
	Binds    int    `name:"smpp-binds" default:"1" help:"Connections to the message centre at a time."`
	TLS      bool   `name:"smpp-tls" help:"Speak with the message centre over TLS; its certificate must name it."`
	Long     string `name:"smpp-long" enum:"header,header16,sar,payload" default:"header" help:"How texts of several parts travel: ${enum}."`
	SMTP     string `name:"smtp" help:"host:port of the mail server."`
	MailFrom string `name:"mail-from" default:"shop@localhost" help:"Sender of the shop's mails."`
	Bounce   string `name:"bounce-domain" env:"PORTOLAN_BOUNCE_DOMAIN" help:"Domain to which mail servers send back what they could not deliver; each mail has an address of its own there. Empty: to the sender."`
	MailIn   string `name:"mail-in" help:"Address to listen on for mail that comes in: what comes back, complaints, answers. Empty: it doesn't."`

	NextChannel time.Duration `name:"next-channel-after" default:"2m" help:"How long a message that must arrive waits for its receipt before it goes by the next channel."`
	keys
	testClock
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, out io.Writer) error {
	l, err := c.listen.open()
	if err != nil {
		return err
	}
	clock, err := c.testClock.clock()
	if err != nil {
		l.Close()
		return err
	}
	d, err := c.database.open(ctx, clock)
	if err != nil {
		l.Close()
		return err
	}
	defer d.Close()
	var media fs.FS
	if c.Media != "" {
		root, err := os.OpenRoot(c.Media)
		if err != nil {
			return err
		}
		defer root.Close()
		media = root.FS()
	}
	locks, err := c.keys.vault(c.DB)
	if err != nil {
		l.Close()
		return err
	}
	a, err := app.Open(ctx, d, app.Config{PublicURL: c.PublicURL, Proxy: c.Proxy, TestPSP: c.TestPSP, Media: media, Vault: locks,
		SMPP: c.SMPP, Spare: c.Spare, SystemID: c.SystemID, Password: c.Password, Binds: c.Binds, Long: c.Long, TLS: c.TLS, SMTP: c.SMTP, MailFrom: c.MailFrom,
		BounceDomain: c.Bounce, MailIn: c.MailIn, ReceiptWithin: c.NextChannel})
	if err != nil {
		l.Close()
		return err
	}
	if err := a.Serve(ctx); err != nil {
		l.Close()
		return err
	}
	fmt.Fprintf(out, "Portolan is open at %s\n", c.PublicURL)
	return serve(ctx, l, a)
}

// serve answers requests and works on jobs until ctx ends or either fails. What was begun is finished.
func serve(ctx context.Context, l net.Listener, a *app.App) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := &http.Server{Handler: a.HTTP, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug)}
	var all sync.WaitGroup
	all.Go(func() { cancel(a.Run(ctx)) })
	all.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cancel(err)
		}
	})
	// What loading the shop needed goes back to the machine once, when the shop is open.
	tidy := time.AfterFunc(2*time.Second, debug.FreeOSMemory)
	defer tidy.Stop()
	<-ctx.Done()
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	err := server.Shutdown(grace)
	all.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // somebody held a line open; they have been cut off
	}
	return err
}

type migrateCommand struct{ database }

// Run brings the tables up to date.
func (c *migrateCommand) Run(ctx context.Context, out io.Writer) error {
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "the database is up to date")
	return err
}

type userCommand struct {
	database
	Email    string `arg:"" help:"E-mail address to log in with."`
	Name     string `default:"Owner" help:"How the console calls the person."`
	Role     string `default:"owner" enum:"owner,operator,viewer" help:"owner, operator or viewer."`
	Password string `required:"" env:"PORTOLAN_USER_PASSWORD" help:"At least ten characters; better given as PORTOLAN_USER_PASSWORD than on the command line."`
}

// Run adds a person to the console.
func (c *userCommand) Run(ctx context.Context, out io.Writer) error {
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	u, err := auth.New(d).AddUser(ctx, c.Email, c.Name, c.Password, auth.Role(c.Role))
	if err != nil {
		return fmt.Errorf("add %s: %w", c.Email, err)
	}
	_, err = fmt.Fprintf(out, "%s may log in as %s\n", u.Email, u.Role)
	return err
}
