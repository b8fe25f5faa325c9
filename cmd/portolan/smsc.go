package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"portolan/internal/fault"
	"portolan/internal/messaging/smsc"
	"portolan/internal/messaging/smsc/desk"
)

type smscCommand struct {
	Addr     string        `default:"127.0.0.1:2775" help:"Address to listen on for SMPP."`
	Plan     string        `type:"existingfile" help:"Network file: accounts, operators, faults, phones that write (docs/smsc.md)."`
	Check    bool          `help:"Only read the network file, and say whether it can be used."`
	Seed     uint64        `help:"Makes shares and delays the same in every run; wins over the file's."`
	HTTP     string        `name:"http" placeholder:"HOST:PORT" help:"Address of the status page; only a loopback one."`
	Print    bool          `help:"Print every PDU."`
	Snapshot string        `help:"File to which counts and submits are written when it ends."`
	Min      time.Duration `name:"receipt-min" default:"150ms" help:"Shortest time to a delivery receipt, where the file says nothing."`
	Max      time.Duration `name:"receipt-max" default:"900ms" help:"Longest time to a delivery receipt, where the file says nothing."`
	Keep     int           `default:"100000" help:"Submits kept on record."`
	testClock
}

var errNotLocal = fault.New(fault.Invalid, "smsc.page_not_local")

// Run is a network for trying things out: it delivers to phones that exist nowhere.
func (c *smscCommand) Run(ctx context.Context, out io.Writer) error {
	file, err := networkFile(c.Plan)
	if err != nil {
		return err
	}
	if c.Check {
		_, err := fmt.Fprintf(out, "%s can be used: %d accounts, %d operators, %d letters\n", c.Plan, len(file.Accounts), len(file.Operators), len(file.Inbound))
		return err
	}
	if c.HTTP != "" && !desk.Local(c.HTTP) {
		return fmt.Errorf("--http %s: %w", c.HTTP, errNotLocal)
	}
	cfg := file.Config()
	if cfg.Clock, err = c.clock(); err != nil {
		return err
	}
	cfg.Addr, cfg.KeepSubmits = c.Addr, c.Keep
	if c.Seed != 0 {
		cfg.Seed = c.Seed
	}
	if p := &cfg.Plan; p.ReceiptMin == 0 && p.ReceiptMax == 0 && p.Delay == nil {
		p.ReceiptMin, p.ReceiptMax = c.Min, c.Max
	}
	if c.Print {
		p := &printer{out: bufio.NewWriterSize(out, 64<<10)}
		cfg.Watch = p.print
		defer p.flush()
	}
	s := smsc.New(cfg)
	for _, p := range file.Phones {
		if err := s.AddPhone(p); err != nil {
			return err
		}
	}
	if err := s.Listen(); err != nil {
		return err
	}
	fmt.Fprintf(out, "SMSC simulator at %s\n", s.Addr())
	if c.HTTP != "" {
		stop, err := serveDesk(c.HTTP, s, out)
		if err != nil {
			return err
		}
		defer stop()
	}
	err = s.Serve(ctx)
	if c.Snapshot != "" {
		if e := os.WriteFile(c.Snapshot, s.Snapshot(), 0o600); e != nil {
			return e
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// networkFile reads a network file; none is an empty one.
func networkFile(name string) (smsc.File, error) {
	if name == "" {
		return smsc.File{}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return smsc.File{}, err
	}
	defer f.Close()
	file, err := smsc.ReadFile(f)
	if err != nil {
		return file, fmt.Errorf("%s: %w", name, err)
	}
	return file, nil
}

// serveDesk starts the status page; the function returned ends it.
func serveDesk(addr string, s *smsc.Server, out io.Writer) (stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	web := &http.Server{Handler: desk.New(s), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(l) }()
	fmt.Fprintf(out, "Status page at http://%s/\n", l.Addr())
	return func() {
		web.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(out, "status page:", err)
		}
	}, nil
}

// printer writes PDUs one by one, and what it has written at the latest half a second later.
type printer struct {
	mu    sync.Mutex
	out   *bufio.Writer
	timer *time.Timer
}

func (p *printer) print(t smsc.Traffic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, t)
	if p.timer == nil {
		p.timer = time.AfterFunc(500*time.Millisecond, p.flush)
	}
}

func (p *printer) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Flush()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
