package drive

import (
	"context"
	"strings"

	"portolan/internal/db"
)

// Queries cuts an SQL file into its statements by the lines "-- name: …" above them. What the benchmark and the
// storm ask of a database goes across the tables of many packages, which no package of Portolan itself may do.
func Queries(file string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(file, "-- name: ") {
		name, query, ok := strings.Cut(part, "\n")
		if ok {
			all[strings.TrimSpace(name)] = strings.TrimSuffix(strings.TrimSpace(query), ";")
		}
	}
	return all
}

// Count runs a statement whose answer is one number.
func Count(ctx context.Context, d *db.DB, query string, args ...any) (n int64, err error) {
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], query, args...)
		return err
	})
	return n, err
}
