package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNone is returned by One when no row matches. Packages turn it into their own not-found fault.
var ErrNone = errors.New("db: no row")

// Tx is a unit of work: the caller's context, the moment it began and its view of the data. Functions that
// take a *Tx join the caller's work; functions that take a context begin their own.
type Tx struct {
	ctx   context.Context
	unit  unit
	db    *DB
	now   time.Time
	last  []func(*Tx) error
	after []func()
}

// Context is the context the work began with.
func (t *Tx) Context() context.Context { return t.ctx }

// Now is the same for everything done in this unit of work, in UTC to the microsecond.
func (t *Tx) Now() time.Time { return t.now }

// Last runs f as one of the last statements before commit: for what everybody contends for, such as a
// gapless number, so that it is held briefly. An error undoes the whole work.
func (t *Tx) Last(f func(*Tx) error) { t.last = append(t.last, f) }

// After runs f once the work is committed; never if it isn't.
func (t *Tx) After(f func()) { t.after = append(t.after, f) }

// Pick chooses between two spellings where the databases have no common one. Each use is counted by
// internal/arch_test.go.
func (t *Tx) Pick(sqlite, postgres string) string {
	if t.db.Postgres() {
		return postgres
	}
	return sqlite
}

// Of reports whether this is a unit of work on d.
func (t *Tx) Of(d *DB) bool { return t.db == d }

// ForUpdate ends a select that locks the row it is about to change. SQLite has one writer and needs no lock.
func (t *Tx) ForUpdate() string { return t.Pick("", " for update") }

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	return t.unit.exec(t.ctx, query, normal(args))
}

// Send is Exec for a statement of which nobody asks how many rows it changed. PostgreSQL gets it together with the
// next one or with the commit; its fault may then be theirs.
func (t *Tx) Send(query string, args ...any) error {
	if u, ok := t.unit.(*postgresUnit); ok {
		return u.send(t.ctx, query, normal(args))
	}
	_, err := t.Exec(query, args...)
	return err
}

// Row is a result row. Scan into Null for what may be null and into Moment for computed moments.
type Row interface{ Scan(dest ...any) error }

// One returns the first row of a query, or ErrNone.
func One[T any](t *Tx, scan func(Row) (T, error), query string, args ...any) (v T, err error) {
	rs, err := t.unit.query(t.ctx, query, normal(args))
	if err != nil {
		return v, err
	}
	defer rs.Close()
	if !rs.Next() {
		if err := rs.Err(); err != nil {
			return v, err
		}
		return v, ErrNone
	}
	if v, err = scan(rs); err != nil {
		return v, err
	}
	return v, errors.Join(rs.Close(), rs.Err())
}

// All returns every row of a query.
func All[T any](t *Tx, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rs, err := t.unit.query(t.ctx, query, normal(args))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var all []T
	for rs.Next() {
		v, err := scan(rs)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rs.Err()
}

// Scalar scans a row of one column: db.One(tx, db.Scalar[int64], "select count(*) …").
func Scalar[T any](r Row) (v T, err error) {
	err = r.Scan(&v)
	return
}

// Null scans a column that may be null into p and leaves the zero value for null.
func Null[T any](p *T) sql.Scanner { return null[T]{p} }

type null[T any] struct{ p *T }

func (n null[T]) Scan(src any) error {
	var v sql.Null[T]
	if at, ok := any(n.p).(*time.Time); ok {
		return moment{at}.Scan(src)
	}
	if err := v.Scan(src); err != nil {
		return err
	}
	*n.p = v.V
	return nil
}

// Moment scans a computed moment such as max(at), null as the zero moment. SQLite hands those out as text.
func Moment(p *time.Time) sql.Scanner { return moment{p} }

type moment struct{ p *time.Time }

func (m moment) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*m.p = time.Time{}
	case time.Time:
		*m.p = v.UTC()
	case string:
		*m.p, err = time.Parse("2006-01-02 15:04:05.999999999-07:00", v)
		*m.p = m.p.UTC()
	default:
		err = fmt.Errorf("db: %T is no moment", src)
	}
	return err
}
