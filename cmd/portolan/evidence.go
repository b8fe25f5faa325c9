package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"portolan/internal/app"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/evidence"
	"portolan/internal/jobs"
	"portolan/internal/messaging"
)

type evidenceCommand struct {
	database
	Address string `arg:"" help:"An e-mail address, or a phone number with its country code."`
	Output  string `short:"o" required:"" help:"The file; its name says the form: .json, .csv or .pdf; - for JSON on standard output."`
	By      string `default:"command line" help:"Who asks; it is noted down."`
	Lang    string `default:"en" help:"Language of the headings on paper."`
}

// Run writes the evidence about an address to a file.
func (c *evidenceCommand) Run(ctx context.Context, out io.Writer) error {
	as := evidence.Format(strings.TrimPrefix(strings.ToLower(filepath.Ext(c.Output)), "."))
	if c.Output == "-" {
		as = evidence.JSON
	}
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	q := jobs.New(d)
	bus := events.New(q)
	people := customer.New(bus)
	s := evidence.New(q, people, messaging.New(d, q, bus, people, nil, messaging.Config{}))
	var f evidence.File
	if err := d.Write(ctx, func(tx *db.Tx) (err error) { f, err = s.Of(tx, c.Address, c.By, as); return err }); err != nil {
		return err
	}
	body, _, err := f.Render(as, c.Lang)
	if err != nil {
		return err
	}
	if c.Output == "-" {
		_, err = out.Write(body)
		return err
	}
	if err := os.WriteFile(c.Output, body, 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d consents, %d messages, %d texts, %d gaps\n", c.Output, len(f.Consents), len(f.Messages), len(f.Heard), len(f.Gaps))
	return err
}
