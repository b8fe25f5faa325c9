package landed

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/fault"
)

// ErrUnusableChange is the fault of changes that can't be applied to a pack. Its Fields are such as
// "changes.0.add.rate_pct": "out_of_range"; its text says what would do.
var ErrUnusableChange = fault.New(fault.Invalid, "landed.unusable_change")

// Change is one amendment of a pack by a person: a row that ends, a row that begins, or one row in place of
// another. Rows are never rewritten, since quotes name them.
type Change struct {
	Table string `json:"table"` // regimes, taxes, duties …
	// End is the id of the row whose last day is the one before Effective.
	End string `json:"end,omitempty"`
	// Add is the new row, by column. Columns that it leaves out are empty, or with End those of the row that
	// ends. Without id it gets one; valid_from is Effective, source is Source, confidence is medium unless given.
	Add       map[string]string `json:"add,omitempty"`
	Effective string            `json:"effective"` // the first day, 2026-12-01
	Source    string            `json:"source"`    // where it is written
	Reason    string            `json:"reason"`
	Who       string            `json:"who"` // the person who answers for it
}

// With is p with changes, applied in their order. p stays as it is. It returns ErrUnusableChange, and no pack,
// where one of them can't be applied: an unknown table, row or column, no source, reason or person, a value out
// of range, or a row that would hold on the same days as another of its kind.
func (p *Pack) With(changes []Change) (*Pack, error) {
	if len(changes) == 0 {
		return p, nil
	}
	var c complaints
	drafts := map[string]*draft{}
	for i := range changes {
		at := "changes." + strconv.Itoa(i) + "."
		h := &changes[i]
		h.check(&c, at)
		name := strings.TrimSuffix(h.Table, ".csv") + ".csv"
		text, ok := p.texts[name]
		c.that(ok, at+"table", "unknown", "must be one of "+strings.Join(TableNames(), ", "))
		if !ok {
			continue
		}
		d := drafts[name]
		if d == nil {
			d = &draft{changeOf: map[int]string{}}
			d.head, d.rows = grid(text)
			drafts[name] = d
		}
		d.apply(h, at, &c)
	}
	if err := c.err(ErrUnusableChange); err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(p.texts))
	for name, text := range p.texts {
		if d := drafts[name]; d != nil {
			text = d.text()
		}
		texts[name] = text
	}
	next, err := load(texts)
	if err == nil {
		return next.WithTariff(p.tariff), nil
	}
	problems := Problems(err)
	for i := range problems {
		b := &problems[i]
		at := b.Table + "."
		if d := drafts[b.Table]; d != nil && d.changeOf[b.Row] != "" {
			at = d.changeOf[b.Row]
		}
		c.that(false, at+b.Column, b.Code, fmt.Sprintf("%.80q %s", b.Value, b.Remedy))
	}
	return nil, c.err(ErrUnusableChange)
}

func (h *Change) check(c *complaints, at string) {
	c.that(h.End != "" || len(h.Add) > 0, at+"add", "required", "must be a row to add, or end one")
	c.that(day(h.Effective) != 0, at+"effective", "malformed", "must be a day like 2026-12-01")
	c.that(strings.TrimSpace(h.Source) != "", at+"source", "required", "must name where the rule is written")
	c.that(strings.TrimSpace(h.Reason) != "", at+"reason", "required", "must say why")
	c.that(strings.TrimSpace(h.Who) != "", at+"who", "required", "must name the person who answers for it")
	c.that(!strings.ContainsAny(h.Source, ",\"\r\n"), at+"source", "malformed", "must have neither comma nor quote; separate keys by |")
}

// draft is a table that changes are being made to.
type draft struct {
	head     []string
	rows     [][]string
	changeOf map[int]string // the change behind a row, by its number in the file
}

func (d *draft) column(name string) int { return slices.Index(d.head, name) }

func (d *draft) apply(h *Change, at string, c *complaints) {
	if d.column("valid_to") < 0 {
		c.that(false, at+"table", "out_of_range", "must be a table whose rows have days; "+h.Table+" belongs to a release")
		return
	}
	added := make([]string, len(d.head))
	if h.End != "" {
		i := slices.IndexFunc(d.rows, func(cells []string) bool { return cells[0] == h.End })
		c.that(i >= 0, at+"end", "unknown", "must be the id of a row of "+h.Table)
		if i < 0 {
			return
		}
		row := slices.Clone(d.rows[i])
		from, to := row[d.column("valid_from")], row[d.column("valid_to")]
		first, err := time.Parse(time.DateOnly, h.Effective)
		c.that(err != nil || h.Effective > from, at+"effective", "out_of_range", "must be after "+from+", the first day of the row that ends")
		c.that(to == "" || h.Effective <= to, at+"end", "out_of_range", "has ended on "+to)
		if err != nil {
			return
		}
		copy(added, row)
		row[d.column("valid_to")] = first.AddDate(0, 0, -1).Format(time.DateOnly)
		d.rows[i] = row
		d.changeOf[i+2] = at + "end."
		added[d.column("valid_to")] = to
	}
	if len(h.Add) == 0 {
		return
	}
	added[0], added[d.column("confidence")] = "", "medium"
	for name, value := range h.Add {
		i := d.column(name)
		c.that(i >= 0, at+"add."+name, "unknown", "must be a column of "+h.Table+": "+strings.Join(d.head, ", "))
		c.that(!strings.ContainsAny(value, ",\"\r\n"), at+"add."+name, "malformed", "must have neither comma nor quote; separate values by |")
		c.that(name != "valid_from" || value == h.Effective, at+"add.valid_from", "out_of_range", "must be the day it takes effect, or left out")
		c.that(name != "source", at+"add.source", "out_of_range", "must be left out; give the change's source")
		if i >= 0 {
			added[i] = value
		}
	}
	added[d.column("valid_from")], added[d.column("source")] = h.Effective, h.Source
	if added[0] == "" {
		added[0] = d.newID(h, added)
	}
	d.rows = append(d.rows, added)
	d.changeOf[len(d.rows)+1] = at + "add."
}

// newID names a row by what tells it apart and its first day.
func (d *draft) newID(h *Change, cells []string) string {
	name := strings.TrimSuffix(h.Table, ".csv")
	parts := []string{name}
	for _, column := range tableNamed(name + ".csv").apart {
		if v := cells[d.column(column)]; v != "" {
			parts = append(parts, v)
		}
	}
	id := strings.Join(append(parts, h.Effective), ":")
	for n := 2; slices.ContainsFunc(d.rows, func(cells []string) bool { return cells[0] == id }); n++ {
		id = strings.Join(append(parts, h.Effective, strconv.Itoa(n)), ":")
	}
	return id
}

func (d *draft) text() string {
	var b strings.Builder
	b.WriteString(strings.Join(d.head, ",") + "\n")
	for _, cells := range d.rows {
		b.WriteString(strings.Join(cells, ",") + "\n")
	}
	return b.String()
}
