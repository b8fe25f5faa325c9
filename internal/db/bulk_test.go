package db_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// Any number of rows goes in whole, and any number is found again.
func TestInsertEach(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		for _, n := range []int{0, 1, 3, 4, 63, 64, 65, 150} {
			var rows [][]any
			var ids []string
			for i := range n {
				ids = append(ids, fmt.Sprintf("%d-%d", n, i))
				rows = append(rows, []any{ids[i], int64(i), true})
			}
			dbtest.Write(t, d, func(tx *db.Tx) error {
				if err := db.InsertEach(tx, `insert into things (id, n, ok) values`, `on conflict do nothing`, rows); err != nil {
					return err
				}
				return db.InsertEach(tx, `insert into things (id, n, ok) values`, `on conflict do nothing`, rows)
			})
			if n == 0 {
				continue
			}
			dbtest.Read(t, d, func(tx *db.Tx) error {
				got, err := db.All(tx, db.Scalar[int64], `select n from things where ok = $1 and id in `+db.In(2, n)+` order by n`, append([]any{true}, db.Fill(ids)...)...)
				require.NoError(t, err)
				require.Len(t, got, n)
				require.EqualValues(t, n-1, got[n-1])
				return nil
			})
		}
	})
}

// Rows are changed each by values of its own, and those that aren't there aren't counted.
func TestUpdateEach(t *testing.T) {
	dbtest.Each(t, []db.Schema{things}, func(t *testing.T, d *db.DB) {
		for _, n := range []int{0, 1, 3, 4, 63, 64, 65, 150} {
			var rows, values [][]any
			for i := range n {
				id := fmt.Sprintf("%d-%d", n, i)
				rows = append(rows, []any{id, int64(i), true})
				values = append(values, []any{id, int64(10 * i), i%2 == 0, dbtest.Start})
			}
			values = append(values, []any{"nobody", int64(1), true, nil})
			dbtest.Write(t, d, func(tx *db.Tx) error {
				if err := db.InsertEach(tx, `insert into things (id, n, ok) values`, "", rows); err != nil {
					return err
				}
				changed, err := db.UpdateEach(tx, `update things set n = v.n, ok = v.ok, at = v.at`, "things", "id, n, ok, at", "things.id = v.id", values)
				require.EqualValues(t, n, changed)
				if err != nil {
					return err
				}
				for i := range n {
					got, err := db.One(tx, scan, `select id, n, ok, at, body from things where id = $1`, rows[i][0])
					require.NoError(t, err)
					require.EqualValues(t, 10*i, got.n)
					require.Equal(t, i%2 == 0, got.ok)
					require.Equal(t, dbtest.Start, got.at)
				}
				return nil
			})
		}
	})
}
