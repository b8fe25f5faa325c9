package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/rulebook"
)

type rulesImportCommand struct {
	shopRules
	Files     []string `arg:"" name:"file" help:"Official tables (eu_gb_tariff_cn8.csv, us_hts_general_rates.csv, hs_codes.csv), or rule tables such as regimes.csv."`
	Check     bool     `help:"Read and count only; nothing is kept."`
	SkipBad   bool     `name:"skip-bad-rows" help:"Keep an official table without the rows that are refused, instead of refusing the file."`
	By        string   `env:"USER" help:"Who answers for it; the user of this machine if empty."`
	Source    string   `help:"Where the changes of a rule table are written: keys of the source list, separated by |."`
	Reason    string   `help:"Why a rule table is changed."`
	Effective string   `help:"First day of rows of a rule table that replace others; tomorrow if empty."`
	Yes       bool     `help:"Don't ask before the changes of a rule table are kept."`
	JSON      bool     `name:"json" help:"Print JSON."`
}

// Run reads every file first and keeps them only when none is at fault.
func (c rulesImportCommand) Run(ctx context.Context, out io.Writer) error {
	if !c.Check && c.DB == "" {
		return exit{2, errors.New("name the shop with --db, or only try the files with --check")}
	}
	if c.Effective == "" {
		c.Effective = db.Real().Now().AddDate(0, 0, 1).Format(time.DateOnly)
	}
	var official []rulebook.Upload
	tables := map[string]string{}
	var wrong []string
	for _, path := range c.Files {
		body, err := readWhole(path)
		if err != nil {
			return exit{2, err}
		}
		name := filepath.Base(path)
		if slices.Contains(landed.TableNames(), name) {
			tables[name] = string(body)
			continue
		}
		u := rulebook.Upload{File: name, Who: cmp.Or(c.By, "command line"), SkipBad: c.SkipBad, Body: body}
		bad, err := c.try(out, u)
		if err != nil {
			return exit{2, err}
		}
		if bad {
			wrong = append(wrong, name)
		}
		official = append(official, u)
	}
	if len(wrong) > 0 {
		return exit{2, fmt.Errorf("%s: refused, nothing of it is taken; correct the rows, or leave them out with --skip-bad-rows", strings.Join(wrong, ", "))}
	}
	return c.use(ctx, func(p *landed.Pack, s *rulebook.Service, d *db.DB) error {
		draft, err := c.plan(out, p, tables)
		if err != nil || c.Check {
			return err
		}
		for _, u := range official {
			m, err := s.Import(ctx, u, nil)
			if err != nil {
				return fmt.Errorf("%s: %w", u.File, err)
			}
			if !c.JSON {
				fmt.Fprintf(out, "%s is in force as import %s; the rules are now %s\n", m.Table, m.ID, s.Pack().Version())
			}
		}
		if len(draft.Changes) == 0 {
			return nil
		}
		var a rulebook.Amendment
		err = d.Write(ctx, func(tx *db.Tx) (err error) {
			a, err = s.Publish(tx, draft)
			return err
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%d changes are in force as %s; the rules are now %s\n", len(a.Changes), a.ID, a.Pack)
		return err
	})
}

// readWhole reads a file that isn't too large to be a table.
func readWhole(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, rulebook.MaxFile+1))
	if err == nil && len(body) > rulebook.MaxFile {
		err = fmt.Errorf("%s is larger than %d MB: %w", path, rulebook.MaxFile>>20, rulebook.ErrTooLarge)
	}
	return body, err
}

// try reads an official table and prints what would become of its rows.
func (c rulesImportCommand) try(out io.Writer, u rulebook.Upload) (bad bool, err error) {
	live := terminal(out)
	done, err := rulebook.Check(u, func(rows int) {
		switch {
		case c.JSON:
		case live:
			fmt.Fprintf(out, "\r%s: %d rows", u.File, rows)
		default:
			fmt.Fprintf(out, "%d rows\n", rows)
		}
	})
	if live && !c.JSON {
		fmt.Fprintln(out)
	}
	problems := landed.Problems(err)
	if err != nil && problems == nil {
		return false, err
	}
	if c.JSON {
		return len(problems) > 0, asJSON(out, map[string]any{"import": done, "problems": problems})
	}
	fmt.Fprintf(out, "%s\n  taken: %d rates, %d titles\n  compound, reckoned where the quantity is known: %d\n  by season, highest taken: %d\n  in words, left to people: %d rows%s\n  refused: %d rows%s\n",
		cmp.Or(done.Table, u.File), done.Plain, done.Titles, done.Compound, done.Seasonal, len(done.InWords), rowNumbers(done.InWords), len(done.Refused), rowNumbers(done.Refused))
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	return len(problems) > 0, nil
}

// plan prints what rule tables would change, and asks for what a change has to say.
func (c rulesImportCommand) plan(out io.Writer, p *landed.Pack, tables map[string]string) (rulebook.Draft, error) {
	d := rulebook.Draft{Who: cmp.Or(c.By, "command line"), Source: c.Source, Reason: c.Reason}
	if len(tables) == 0 {
		return d, nil
	}
	lacking := 0
	for _, name := range landed.TableNames() {
		text, ok := tables[name]
		if !ok {
			continue
		}
		plan, err := rulebook.PlanTable(p, name, text, c.Effective)
		if problems := landed.Problems(err); problems != nil {
			for _, one := range problems {
				fmt.Fprintln(out, one)
			}
			return d, exit{2, fmt.Errorf("%s: %d problems, nothing of it is taken", name, len(problems))}
		}
		if err != nil {
			return d, exit{2, err}
		}
		d.Changes = append(d.Changes, plan.Changes...)
		lacking += plan.Lacking
	}
	for i := range d.Changes {
		fmt.Fprintln(out, describe(&d.Changes[i]))
	}
	fmt.Fprintf(out, "%d changes; %d rows of the pack that the tables lack stay as they are\n", len(d.Changes), lacking)
	if len(d.Changes) == 0 || c.Check && (c.Source == "" || c.Reason == "") {
		return rulebook.Draft{}, nil
	}
	if err := c.ask(out, &d); err != nil {
		return d, err
	}
	for i := range d.Changes {
		d.Changes[i].Who, d.Changes[i].Reason = d.Who, d.Reason
		d.Changes[i].Source = cmp.Or(d.Changes[i].Source, d.Source)
	}
	next, err := p.With(d.Changes)
	if err != nil {
		return d, exit{2, err}
	}
	_, err = fmt.Fprintf(out, "%s becomes %s\n", p.Version(), next.Version())
	return d, err
}

// ask gets source, reason and consent from whoever sits at the terminal.
func (c rulesImportCommand) ask(out io.Writer, d *rulebook.Draft) error {
	in := bufio.NewReader(os.Stdin)
	seen := terminal(os.Stdin)
	answer := func(question string) string {
		if !seen {
			return ""
		}
		fmt.Fprint(out, question+": ")
		text, _ := in.ReadString('\n')
		return strings.TrimSpace(text)
	}
	d.Source = cmp.Or(d.Source, answer("Where is it written (source)"))
	d.Reason = cmp.Or(d.Reason, answer("Why is it changed (reason)"))
	if d.Source == "" || d.Reason == "" {
		return exit{2, errors.New("say where the changes are written with --source, and why they are made with --reason")}
	}
	if c.Check || c.Yes {
		return nil
	}
	if a := answer("Put these changes in force? Type yes"); a != "yes" {
		return exit{2, errors.New("nothing was kept; say yes, or give --yes")}
	}
	return nil
}

func describe(c *landed.Change) string {
	switch {
	case len(c.Add) == 0:
		return fmt.Sprintf("%s: end %s before %s", c.Table, c.End, c.Effective)
	case c.End == "":
		return fmt.Sprintf("%s: add %s from %s: %s", c.Table, c.Add["id"], c.Effective, said(c.Add))
	}
	return fmt.Sprintf("%s: replace %s from %s: %s", c.Table, c.End, c.Effective, said(c.Add))
}

func said(row map[string]string) string {
	var all []string
	for column, value := range row {
		if value != "" && column != "id" {
			all = append(all, column+"="+value)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// terminal reports whether a person reads or writes at the other end.
func terminal(v any) bool {
	f, ok := v.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func rowNumbers(rows []int) string {
	switch {
	case len(rows) == 0:
		return ""
	case len(rows) > 20:
		return " (" + strings.Trim(fmt.Sprint(rows[:20]), "[]") + " …)"
	}
	return " (" + strings.Trim(fmt.Sprint(rows), "[]") + ")"
}
