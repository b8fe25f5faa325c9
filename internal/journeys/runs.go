package journeys

import (
	"fmt"
	"strings"

	"portolan/internal/db"
)

// RunFilter narrows runs; zero fields do not.
type RunFilter struct {
	Journey  string
	Version  int64
	State    State
	UnderWay bool   // not over, whatever the state
	Customer string // under any of their profiles
	Order    string
	After    string // ID of the last row of the page before
	Limit    int    // 1 to 200, 50 if zero
}

// Runs lists runs, the latest first.
func (s *Service) Runs(tx *db.Tx, f RunFilter) ([]*Run, error) {
	if f.Limit < 1 || f.Limit > 200 {
		f.Limit = 50
	}
	var where []string
	var args []any
	and := func(asked bool, condition string, values ...any) {
		if !asked {
			return
		}
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	and(f.Journey != "", "journey = ?", f.Journey)
	and(f.Version != 0, "version = ?", f.Version)
	and(f.State != "", "state = ?", string(f.State))
	and(f.UnderWay, "ended_at is null")
	who, err := s.personOf(tx, f.Customer)
	if err != nil {
		return nil, err
	}
	if first := len(args) + 1; len(who) > 0 {
		args = append(args, db.Fill(who)...)
		where = append(where, "customer <> '' and customer in "+db.In(first, len(who)))
	}
	and(f.Order != "", "order_id = ? and order_id <> ''", f.Order)
	and(f.After != "", "id < ?", f.After)
	query := `select ` + runColumns + ` from journey_runs`
	if len(where) > 0 {
		query += ` where ` + strings.Join(where, ` and `)
	}
	args = append(args, int64(f.Limit))
	return db.All(tx, scanRun, query+fmt.Sprintf(` order by id desc limit 0 + $%d`, len(args)), args...)
}
