// Command portolan is the shop, the console, the API and the engine behind them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"portolan/internal/fault"
	"portolan/internal/i18n"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(75) // a shop beside others on a small machine: less memory for a little more work
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// exit is an error that asks for a status of its own.
type exit struct {
	status int
	err    error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

// commands is what can be asked for; each one is a struct of its own with a Run method.
type commands struct {
	Demo       demoCommand     `cmd:"" help:"Run the sample merchant on a fresh database: shop, console, phones."`
	Serve      serveCommand    `cmd:"" help:"Run the shop, the console, the API and the engine behind them."`
	Migrate    migrateCommand  `cmd:"" help:"Bring the database up to date and end."`
	User       userCommand     `cmd:"" help:"Add a person to the console."`
	LandedCost landedCommand   `cmd:"" name:"landed-cost" help:"Work out landed costs of the scenarios in a file."`
	FX         fxCommand       `cmd:"" name:"fx" help:"Import, show and set exchange rates."`
	Bounces    bouncesCommand  `cmd:"" help:"Take in mail that came back, from a mailbox file."`
	Payouts    payoutsCommand  `cmd:"" help:"Import reports of what payment providers paid out."`
	Rules      rulesCommand    `cmd:"" help:"List, check, compare and import the rules of duty and tax."`
	HS         hsCommand       `cmd:"" name:"hs" help:"Find the code of goods in the Harmonized System."`
	Papers     papersCommand   `cmd:"" help:"Write a paper of a shipment to a file: invoice, CN22, CN23, packing list, pre-advice, label."`
	Evidence   evidenceCommand `cmd:"" help:"Put together what proves how somebody was written to."`
	Sim        simCommand      `cmd:"" help:"Play a quarter of the sample merchant on a fast clock, and check every promise."`
	SMSC       smscCommand     `cmd:"" name:"smsc" help:"Run the SMSC simulator on its own."`
	Version    versionCommand  `cmd:"" help:"Print the version."`
}

// run is main without the process: tests call it with their own arguments and surroundings. It returns the
// status to exit with: 0, 1 for a failure, 2 for arguments or input that can't be used.
func run(ctx context.Context, args []string, out, errs io.Writer) (status int) {
	var c commands
	code := -1
	parser, err := kong.New(&c, kong.Name("portolan"), kong.Description("Cross-border commerce: sell like a local shop in every market, deliver without a surprise, keep the customer."),
		kong.Writers(out, errs), kong.Exit(func(n int) { code = n }), kong.DefaultEnvars("PORTOLAN"), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(errs, "portolan:", err)
		return 1
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // help was asked for and shown
	}
	if err != nil {
		fmt.Fprintln(errs, "portolan:", err)
		return 2
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.BindTo(out, (*io.Writer)(nil))
	err = k.Run()
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return 0
	}
	fmt.Fprintln(errs, "portolan:", err)
	explain(errs, err)
	if e, ok := errors.AsType[exit](err); ok {
		return e.status
	}
	if fault.Of(err).Kind == fault.Invalid {
		return 2
	}
	return 1
}

// explain says in a sentence what is wrong with the input, and with which field of it.
func explain(errs io.Writer, err error) {
	f := fault.Of(err)
	if say := i18n.For("en"); f.Kind != fault.Internal && say.Has("faults."+f.Code) {
		text, fields := say.Fault(err)
		fmt.Fprintln(errs, " ", text)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			fmt.Fprintf(errs, "  %s: %s\n", name, fields[name])
		}
	}
}

type versionCommand struct{}

// Run prints what this binary was built from.
func (versionCommand) Run(out io.Writer) error {
	version, revision := "development", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				revision = " " + s.Value[:12]
			}
		}
	}
	_, err := fmt.Fprintf(out, "portolan %s%s\n", version, revision)
	return err
}
