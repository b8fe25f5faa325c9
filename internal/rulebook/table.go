package rulebook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/landed"
)

// Plan is what a rule table would change in a pack.
type Plan struct {
	Changes []landed.Change
	Lacking int // rows of the pack that the table doesn't have; they stay as they are
}

// PlanTable reads a rule table (regimes.csv) and works out the changes by which p comes to say what it says: rows
// that p lacks begin on their own first day, rows that have got a last day end after it, and rows that say
// otherwise are ended and followed from the day effective. Sources are those of the rows. It returns
// ErrUnreadableTable of package landed with every bad row.
func PlanTable(p *landed.Pack, file, text, effective string) (Plan, error) {
	next, err := landed.ReadTables(map[string]string{file: text})
	if err != nil {
		return Plan{}, err
	}
	table := strings.TrimSuffix(file, ".csv")
	cells, head := rowsOf(next, table)
	var plan Plan
	for _, d := range landed.Diff(p, next) {
		if d.Table != table {
			continue
		}
		row := cells[d.Row]
		switch d.Kind {
		case "removed":
			plan.Lacking++
		case "added":
			plan.Changes = append(plan.Changes, landed.Change{Table: table, Add: newRow(row, head, nil), Effective: row["valid_from"], Source: row["source"]})
		case "ended":
			last, err := time.Parse(time.DateOnly, row["valid_to"])
			if err != nil {
				return Plan{}, fmt.Errorf("last day of %s: %w", d.Row, err)
			}
			plan.Changes = append(plan.Changes, landed.Change{Table: table, End: d.Row, Effective: last.AddDate(0, 0, 1).Format(time.DateOnly)})
		default:
			plan.Changes = append(plan.Changes, landed.Change{Table: table, End: d.Row, Effective: effective, Source: row["source"],
				Add: newRow(row, head, []string{"id"})})
		}
	}
	return plan, nil
}

// rowsOf is the rows of a table by id, each by column.
func rowsOf(p *landed.Pack, table string) (rows map[string]map[string]string, head []string) {
	text := p.Texts()[table+".csv"]
	rows = map[string]map[string]string{}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		cells := strings.Split(strings.TrimRight(line, "\r\n"), ",")
		if head == nil {
			head = cells
			continue
		}
		row := make(map[string]string, len(head))
		for i, name := range head {
			row[name] = cells[i]
		}
		rows[cells[0]] = row
	}
	return rows, head
}

// newRow is the cells of a row that a change gives; its source and its first day are the change's.
func newRow(row map[string]string, head, without []string) map[string]string {
	add := make(map[string]string, len(head))
	for _, name := range head {
		if name != "source" && name != "valid_from" && !slices.Contains(without, name) {
			add[name] = row[name]
		}
	}
	return add
}
