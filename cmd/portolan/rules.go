package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/rulebook"
	"portolan/internal/settings"
)

type rulesCommand struct {
	List   rulesListCommand   `cmd:"" help:"List the tables of the rule pack, or the rows of one."`
	Show   rulesShowCommand   `cmd:"" help:"Show a row by the id that quotes name."`
	Check  rulesCheckCommand  `cmd:"" help:"Say what is wrong with a rule table or a folder of them, by row and column."`
	Diff   rulesDiffCommand   `cmd:"" help:"Say which rows differ between two packs."`
	Import rulesImportCommand `cmd:"" help:"Keep official tariff tables, or the changes of a rule table, in a shop."`
}

// shopRules is where a command finds the rules of a shop; those of the program where it isn't told.
type shopRules struct {
	DB string `help:"SQLite file or postgres://… of a shop: its rules, with what its operators changed and imported. Without it, the program's."`
}

// use opens the rules for one piece of work, which gets no service where no shop was named.
func (f shopRules) use(ctx context.Context, work func(p *landed.Pack, s *rulebook.Service, d *db.DB) error) error {
	if f.DB == "" {
		return work(landed.Default(), nil, nil)
	}
	d, err := db.Open(ctx, f.DB, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	s := rulebook.New(d, settings.Watch(d), settings.Bump)
	if err := s.Load(ctx); err != nil {
		return err
	}
	return work(s.Pack(), s, d)
}

// asJSON prints a value for programs.
func asJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

type rulesListCommand struct {
	shopRules
	Table string `arg:"" optional:"" help:"Name of a table, such as regimes; without it, the tables."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run prints the tables, or the rows of one with their days, sources and confidence.
func (c rulesListCommand) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(p *landed.Pack, _ *rulebook.Service, _ *db.DB) error { return c.list(out, p) })
}

func (c rulesListCommand) list(out io.Writer, p *landed.Pack) error {
	tables := p.Tables()
	if c.Table == "" {
		if c.JSON {
			return asJSON(out, map[string]any{"version": p.Version(), "tables": tables})
		}
		fmt.Fprintf(out, "rule pack %s\n\n", p.Version())
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, t := range tables {
			fmt.Fprintf(w, "%s\t%d rows\t%s\n", t.Name, t.Rows, t.About)
		}
		return w.Flush()
	}
	entries, ok := p.Entries(c.Table)
	if !ok {
		var names []string
		for _, t := range tables {
			names = append(names, t.Name)
		}
		return exit{2, fmt.Errorf("there is no table %q; the tables are %s", c.Table, strings.Join(names, ", "))}
	}
	if c.JSON {
		return asJSON(out, entries)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.ID, days(e), trust(e), strings.Join(e.Sources, " "), cells(e))
	}
	return w.Flush()
}

func days(e *landed.Entry) string {
	switch {
	case e.ValidFrom == "":
		return "always"
	case e.ValidTo == "":
		return "from " + e.ValidFrom
	}
	return e.ValidFrom + " to " + e.ValidTo
}

func trust(e *landed.Entry) string {
	if !e.Verified {
		return e.Confidence + ", unverified"
	}
	return cmp.Or(e.Confidence, "-")
}

func cells(e *landed.Entry) string {
	var all []string
	for _, c := range e.Cells {
		all = append(all, c.Column+"="+c.Value)
	}
	return strings.Join(all, " ")
}

type rulesShowCommand struct {
	shopRules
	At   string `help:"Version of a pack that was in force in the shop, as quotes and orders name it."`
	Row  string `arg:"" help:"Id of a row, such as eu:ioss:2026-07-01."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints one row, one cell to a line.
func (c rulesShowCommand) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(p *landed.Pack, s *rulebook.Service, d *db.DB) error {
		if c.At == "" || c.At == p.Version() {
			return c.show(out, p)
		}
		if s == nil {
			return exit{2, errors.New("--at needs the shop whose rules they were: --db")}
		}
		err := d.Read(ctx, func(tx *db.Tx) (err error) {
			p, err = s.At(tx, c.At)
			return err
		})
		if err != nil {
			return err
		}
		return c.show(out, p)
	})
}

func (c rulesShowCommand) show(out io.Writer, p *landed.Pack) error {
	e, ok := p.Entry(c.Row)
	if !ok {
		return exit{2, fmt.Errorf("there is no row %q; portolan rules list TABLE names them", c.Row)}
	}
	if c.JSON {
		return asJSON(out, e)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "row\t%s\ntable\t%s\nholds\t%s\nconfidence\t%s\nsources\t%s\n", e.ID, e.Table, days(&e), trust(&e), strings.Join(e.Sources, " "))
	for _, cell := range e.Cells {
		fmt.Fprintf(w, "%s\t%s\n", cell.Column, cell.Value)
	}
	return w.Flush()
}

type rulesCheckCommand struct {
	Path string `arg:"" help:"A rule table such as regimes.csv, a folder of them, or an official tariff table."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints what is wrong, one line to a problem, and ends with status 2 where anything is.
func (c rulesCheckCommand) Run(out io.Writer) error {
	text, err := examine(c.Path)
	problems := landed.Problems(err)
	if err != nil && problems == nil {
		return exit{2, err}
	}
	switch {
	case c.JSON:
		if problems == nil {
			problems = []landed.Problem{}
		}
		if err := asJSON(out, problems); err != nil {
			return err
		}
	case len(problems) == 0:
		fmt.Fprintln(out, text)
	default:
		for _, p := range problems {
			fmt.Fprintln(out, p)
		}
	}
	if len(problems) > 0 {
		return exit{2, fmt.Errorf("%s: %d problems, nothing of it can be used", c.Path, len(problems))}
	}
	return nil
}

// examine reads a table, a folder of tables or an official table, and says what it found.
func examine(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() && !slices.Contains(landed.TableNames(), filepath.Base(path)) {
		_, done, err := readOfficial(path, nil)
		return fmt.Sprintf("%s: %d rows, nothing wrong", done.Table, done.Rows), err
	}
	p, err := pack(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("nothing wrong; with the program's other tables it makes rule pack %s", p.Version()), nil
}

// pack is the pack inside the program, one with a table of its own, or one from a folder of tables.
func pack(path string) (*landed.Pack, error) {
	if path == "embedded" {
		return landed.Default(), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, exit{2, err}
	}
	if info.IsDir() {
		return landed.ReadPack(os.DirFS(path))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return landed.ReadTables(map[string]string{filepath.Base(path): string(b)})
}

type rulesDiffCommand struct {
	shopRules
	A    string `arg:"" help:"The word embedded for the program's, shop for those of --db, a version that was in force there, a rule table or a folder of tables."`
	B    string `arg:"" help:"What to compare with it."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints every row that B has otherwise than A.
func (c rulesDiffCommand) Run(ctx context.Context, out io.Writer) error {
	return c.use(ctx, func(_ *landed.Pack, s *rulebook.Service, d *db.DB) error {
		var both [2]*landed.Pack
		for i, name := range []string{c.A, c.B} {
			p, err := packOf(ctx, name, s, d)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			both[i] = p
		}
		return c.diff(out, both[0], both[1])
	})
}

// packOf is a pack of a shop, or one that pack finds.
func packOf(ctx context.Context, name string, s *rulebook.Service, d *db.DB) (p *landed.Pack, err error) {
	if name == "shop" && s == nil {
		return nil, exit{2, errors.New("name the shop with --db")}
	}
	if name == "shop" {
		return s.Pack(), nil
	}
	if _, missing := os.Stat(name); missing == nil || s == nil || !strings.Contains(name, "+") {
		return pack(name)
	}
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = s.At(tx, name)
		return err
	})
	return p, err
}

func (c rulesDiffCommand) diff(out io.Writer, a, b *landed.Pack) error {
	all := landed.Diff(a, b)
	if c.JSON {
		if all == nil {
			all = []landed.Difference{}
		}
		return asJSON(out, map[string]any{"a": a.Version(), "b": b.Version(), "differences": all})
	}
	fmt.Fprintf(out, "%s against %s: %d rows differ\n", a.Version(), b.Version(), len(all))
	for _, d := range all {
		fmt.Fprintf(out, "%s %s in %s\n", d.Kind, d.Row, d.Table)
		for _, cell := range d.Columns {
			fmt.Fprintf(out, "  %s: %s -> %s\n", cell.Column, cmp.Or(cell.Before, "-"), cmp.Or(cell.After, "-"))
		}
	}
	return nil
}

func readOfficial(path string, progress func(int)) (*landed.Tariff, landed.Import, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, landed.Import{}, exit{2, err}
	}
	defer f.Close()
	return landed.ReadTariff(f, filepath.Base(path), progress)
}
