package db

import (
	"strconv"
	"strings"
	"sync"
)

// shapes are how many rows one statement of InsertEach has, largest first: few, so that few are prepared.
var shapes = [...]int{64, 16, 4, 1}

var bulks sync.Map // shape to text

type shape struct {
	head, tail  string
	width, rows int
}

// InsertEach inserts rows of the same number of values by as few statements as a handful of prepared ones allow.
// head is "insert into t (a, b) values", tail what follows the rows, such as "on conflict do nothing", or empty.
func InsertEach(t *Tx, head, tail string, rows [][]any) error {
	return inserts(head, tail, rows, t.Send)
}

// InsertNew is InsertEach with a tail that leaves out what is there already, and returns how many rows went in.
func InsertNew(t *Tx, head, tail string, rows [][]any) (fresh int64, err error) {
	err = inserts(head, tail, rows, func(query string, args ...any) error {
		n, err := t.Exec(query, args...)
		fresh += n
		return err
	})
	return fresh, err
}

func inserts(head, tail string, rows [][]any, do func(string, ...any) error) error {
	for _, n := range shapes {
		for len(rows) >= n {
			args := make([]any, 0, n*len(rows[0]))
			for _, r := range rows[:n] {
				args = append(args, r...)
			}
			if err := do(bulk(shape{head, tail, len(rows[0]), n}), args...); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

// UpdateEach changes rows of a table, each by values of its own, by few statements, and returns how many were changed. head is
// "update t set a = v.a", columns are those of the values, in order, by the names and kinds that they have in t, and where
// says which row of t a row v of values is for. PostgreSQL locks rows in the order of the values.
func UpdateEach(t *Tx, head, table, columns, where string, rows [][]any) (changed int64, err error) {
	for _, n := range shapes {
		for len(rows) >= n {
			width := len(rows[0])
			args := make([]any, 0, n*width)
			for _, r := range rows[:n] {
				args = append(args, r...)
			}
			k, err := t.Exec(changes(shape{head, where, width, n}, table, columns), args...)
			if err != nil {
				return changed, err
			}
			changed, rows = changed+k, rows[n:]
		}
	}
	return changed, nil
}

// changes takes the kinds of the values from a select of no rows.
func changes(s shape, table, columns string) string {
	if text, ok := bulks.Load(s); ok {
		return text.(string)
	}
	var b strings.Builder
	b.WriteString(s.head + " from (select " + columns + " from " + table + " where 1 = 0")
	for i := range s.rows * s.width {
		if i%s.width == 0 {
			b.WriteString(" union all select ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(") v where " + s.tail)
	bulks.Store(s, b.String())
	return b.String()
}

func bulk(s shape) string {
	if text, ok := bulks.Load(s); ok {
		return text.(string)
	}
	var b strings.Builder
	b.WriteString(s.head)
	for i := range s.rows * s.width {
		switch {
		case i == 0:
			b.WriteString(" (")
		case i%s.width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(") " + s.tail)
	bulks.Store(s, b.String())
	return b.String()
}

// In lists parameters $first, $first+1 … for "in (…)", n of them rounded up to a power of two, and Fill makes the
// values: few texts, so that few statements are prepared.
func In(first, n int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i := range room(n) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i))
	}
	b.WriteByte(')')
	return b.String()
}

// Fill is the values for In, the last one repeated. There must be at least one.
func Fill[T any](values []T) []any {
	out := make([]any, room(len(values)))
	for i := range out {
		out[i] = values[min(i, len(values)-1)]
	}
	return out
}

func room(n int) int {
	r := 1
	for r < n {
		r *= 2
	}
	return r
}
