package landed

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table is what a person may want to know of one table of a pack.
type Table struct {
	Name    string   `json:"name"` // regimes
	About   string   `json:"about"`
	Columns []string `json:"columns"`
	Rows    int      `json:"rows"`
}

// Entry is one row of a table, as it is written.
type Entry struct {
	Table      string   `json:"table"`
	ID         string   `json:"id"`
	Cells      []Cell   `json:"cells"` // without id, dates, source and confidence; empty ones left out
	ValidFrom  string   `json:"valid_from,omitempty"`
	ValidTo    string   `json:"valid_to,omitempty"` // the last day it holds; empty while it holds
	Sources    []string `json:"sources,omitempty"`
	Confidence string   `json:"confidence,omitempty"` // high, medium, low
	Verified   bool     `json:"verified"`             // false where nobody has seen the source itself
}

// Cell is a column of a row with its value.
type Cell struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// Texts are the tables of the pack as they were read, by file name. ReadVersion makes the pack of them again.
func (p *Pack) Texts() map[string]string { return maps.Clone(p.texts) }

// Tables are the tables of the pack in their order. National tariffs aren't among them; Tariff has those.
func (p *Pack) Tables() []Table {
	var all []Table
	for _, t := range tablesInOrder {
		head, rows := grid(p.texts[t.name])
		all = append(all, Table{strings.TrimSuffix(t.name, ".csv"), t.about, head, len(rows)})
	}
	return all
}

// Entries are the rows of a table by its name (regimes), in their order. It is false for a table that a pack
// doesn't have.
func (p *Pack) Entries(name string) ([]Entry, bool) {
	name = strings.TrimSuffix(name, ".csv")
	text, ok := p.texts[name+".csv"]
	if !ok {
		return nil, false
	}
	head, rows := grid(text)
	all := make([]Entry, 0, len(rows))
	for _, cells := range rows {
		all = append(all, entry(name, head, cells))
	}
	return all, true
}

// Entry finds the row that charges and reviews name by an id.
func (p *Pack) Entry(id string) (Entry, bool) {
	for _, t := range tablesInOrder {
		text := p.texts[t.name]
		head, _, _ := strings.Cut(text, "\n")
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\r\n")
			if key, _, _ := strings.Cut(line, ","); rowID(t.name, key) == id && line != strings.TrimRight(head, "\r") {
				return entry(strings.TrimSuffix(t.name, ".csv"), strings.Split(strings.TrimRight(head, "\r"), ","), strings.Split(line, ",")), true
			}
		}
	}
	if n, ok := p.tariff.byID(id); ok {
		return n.entry(), true
	}
	return Entry{}, false
}

// rowID is the id of a row by its first cell.
func rowID(table, key string) string {
	switch table {
	case "countries.csv":
		return "customs:" + key
	case "goods.csv":
		return "goods:" + key
	}
	return key
}

func entry(table string, head, cells []string) Entry {
	e := Entry{Table: table, ID: rowID(table+".csv", cells[0]), Verified: true}
	for i, column := range head {
		value := cells[i]
		switch column {
		case "id":
		case "valid_from":
			e.ValidFrom = value
		case "valid_to":
			e.ValidTo = value
		case "source":
			e.Sources = strings.Split(value, "|")
		case "confidence":
			var doubted bool
			e.Confidence, doubted = strings.CutPrefix(value, "unverified-")
			e.Verified = !doubted && e.Verified
		default:
			if value != "" {
				e.Cells = append(e.Cells, Cell{column, value})
			}
		}
	}
	return e
}

// grid is a table as its columns and its rows.
func grid(text string) (head []string, rows [][]string) {
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		cells := strings.Split(strings.TrimRight(line, "\r\n"), ",")
		if head == nil {
			head = cells
			continue
		}
		rows = append(rows, cells)
	}
	return head, rows
}

// Difference is a row in which two packs differ.
type Difference struct {
	Table   string   `json:"table"`
	Row     string   `json:"row"`
	Kind    string   `json:"kind"` // added, removed, ended (by its valid_to alone), changed
	Columns []Column `json:"columns,omitempty"`
}

// Column is a cell in which two rows differ.
type Column struct {
	Column string `json:"column"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Diff is what b says otherwise than a, by table and row: nothing for packs of one version.
func Diff(a, b *Pack) []Difference {
	var all []Difference
	for _, t := range tablesInOrder {
		if a.texts[t.name] == b.texts[t.name] {
			continue
		}
		head, was := grid(a.texts[t.name])
		_, is := grid(b.texts[t.name])
		name := strings.TrimSuffix(t.name, ".csv")
		before := make(map[string][]string, len(was))
		for _, cells := range was {
			before[cells[0]] = cells
		}
		after := make(map[string]bool, len(is))
		for _, cells := range is {
			after[cells[0]] = true
			old, ok := before[cells[0]]
			switch {
			case !ok:
				all = append(all, Difference{Table: name, Row: rowID(t.name, cells[0]), Kind: "added", Columns: columns(head, nil, cells)})
			case !slices.Equal(old, cells):
				all = append(all, changed(name, rowID(t.name, cells[0]), columns(head, old, cells)))
			}
		}
		for _, cells := range was {
			if !after[cells[0]] {
				all = append(all, Difference{Table: name, Row: rowID(t.name, cells[0]), Kind: "removed", Columns: columns(head, cells, nil)})
			}
		}
	}
	if x, y := a.tariff.version(), b.tariff.version(); x != y {
		all = append(all, Difference{Table: "tariff", Row: "tariff", Kind: "changed", Columns: []Column{
			{"version", x, y}, {"lines", fmt.Sprint(a.tariff.Len()), fmt.Sprint(b.tariff.Len())}}})
	}
	return all
}

func changed(table, id string, cells []Column) Difference {
	d := Difference{Table: table, Row: id, Kind: "changed", Columns: cells}
	if len(cells) == 1 && cells[0].Column == "valid_to" && cells[0].Before == "" {
		d.Kind = "ended"
	}
	return d
}

func columns(head, before, after []string) []Column {
	var all []Column
	for i, name := range head {
		c := Column{Column: name}
		if before != nil {
			c.Before = before[i]
		}
		if after != nil {
			c.After = after[i]
		}
		if c.Before != c.After {
			all = append(all, c)
		}
	}
	return all
}

// Kin are the rows for the same case as a row, itself among them, in the order of their days: what held before it
// and what will after it.
func (p *Pack) Kin(id string) []Entry {
	for _, t := range tablesInOrder {
		head, rows := grid(p.texts[t.name])
		i := slices.IndexFunc(rows, func(cells []string) bool { return rowID(t.name, cells[0]) == id })
		if i < 0 {
			continue
		}
		name := strings.TrimSuffix(t.name, ".csv")
		if t.apart == nil {
			return []Entry{entry(name, head, rows[i])}
		}
		var all []Entry
		for _, cells := range rows {
			if !slices.ContainsFunc(t.apart, func(c string) bool { k := slices.Index(head, c); return cells[k] != rows[i][k] }) {
				all = append(all, entry(name, head, cells))
			}
		}
		slices.SortStableFunc(all, func(a, b Entry) int { return strings.Compare(a.ValidFrom, b.ValidFrom) })
		return all
	}
	return nil
}

// Dated reports whether the rows of a table have days, so that people can change them.
func Dated(table string) bool {
	return slices.Contains(columnsOrNone(table), "valid_to")
}

// ColumnsOf are the columns of a table by its name (regimes), in their order; nil for a table that a pack doesn't have.
func ColumnsOf(table string) []string { return columnsOrNone(table) }

func columnsOrNone(table string) []string {
	if tableNamed(table+".csv").name == "" {
		return nil
	}
	return columnsOf(table + ".csv")
}

// Modes are the ways of working out duty that a regime may name.
func Modes() []string { return slices.Clone(modes) }

// Measures are the rows of the tariff that a regime may read; empty is the ordinary tariff.
func Measures() []string { return slices.Clone(measures) }

// RegistrationNames are the registrations of sellers that rows may name, sorted.
func RegistrationNames() []string { return slices.Sorted(maps.Keys(registrations)) }
