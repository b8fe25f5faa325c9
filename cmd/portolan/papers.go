package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"portolan/internal/app"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/papers"
)

// papersCommand writes a paper of a shipment to a file, and makes the papers where it is told to. What keeps a shipment
// on the console keeps it here.
type papersCommand struct {
	database
	Shipment string `arg:"" help:"Id of the shipment: shp_…"`
	Kind     string `enum:"invoice,cn22,cn23,packing-list,pre-advice,label,zpl" default:"invoice" help:"Which paper: ${enum}."`
	Out      string `short:"o" default:"-" help:"The file; - for standard output."`
	Make     bool   `help:"Make the papers, and the label where that is asked for, if they aren't made yet."`
	By       string `default:"portolan papers" help:"Who makes them."`
}

var paperKinds = map[string]customs.Paper{"invoice": customs.Invoice, "cn22": customs.CN22, "cn23": customs.CN23, "packing-list": customs.Packing,
	"pre-advice": customs.PreAdvicePaper, "label": papers.Label, "zpl": papers.LabelZPL}

// Run writes the paper.
func (c *papersCommand) Run(ctx context.Context, out io.Writer) error {
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return err
	}
	id, kind := fulfilment.ShipmentID(c.Shipment), paperKinds[c.Kind]
	var p papers.Paper
	err = d.Write(ctx, func(tx *db.Tx) (err error) {
		if c.Make {
			if err := c.make(tx, a.Papers, id, kind); err != nil {
				return err
			}
		}
		p, err = a.Papers.File(tx, id, kind, 0)
		return err
	})
	if err != nil {
		return kept(err)
	}
	if c.Out == "-" {
		_, err = out.Write(p.Data)
		return err
	}
	if err := os.WriteFile(c.Out, p.Data, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s, version %d\n", c.Out, p.Version)
	return err
}

func (c *papersCommand) make(tx *db.Tx, s *papers.Service, id fulfilment.ShipmentID, kind customs.Paper) error {
	st, err := s.Make(tx, id, c.By)
	if err != nil || kind != papers.Label && kind != papers.LabelZPL || st.Labelled {
		return err
	}
	_, err = s.Label(tx, id, c.By)
	return err
}

// kept adds to a refusal what keeps the shipment, a sentence to a line.
func kept(err error) error {
	no, ok := papers.RefusalOf(err)
	if !ok {
		return err
	}
	say := i18n.For("en")
	for _, r := range no.Reasons {
		err = fmt.Errorf("%w\n  %s %s", err, cmp.Or(r.Code, "-"), plain(papers.Say(say, r.Key, r.Args)))
	}
	return err
}
