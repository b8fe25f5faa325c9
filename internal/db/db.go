// Package db gives the rest of Portolan one way to talk to SQLite and to PostgreSQL.
//
// There is one SQL text for both: $1 placeholders and the subset listed in docs/sql.md; the few places that
// can't be spelled once use Tx.Pick. There are two verbs, Read and Write. Everything done inside one Write
// happens together or not at all, and nothing outside the database may be done inside it: use Tx.After.
package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"portolan/internal/fault"
)

// ErrUnusable is the fault of a database that can't be opened: a file that is none, a server that refuses.
var ErrUnusable = fault.New(fault.Unavailable, "db.unusable")

// DB is an open database with the clock that its units of work read.
type DB struct {
	engine engine
	clock  *Clock
	breaks atomic.Pointer[func(kept bool) error]
}

// engine is what the two databases do differently.
type engine interface {
	writer(ctx context.Context) (unit, error)
	reader(ctx context.Context) (unit, error)
	peeker(ctx context.Context) (unit, error) // a reader without a transaction
	aside(ctx context.Context) (unit, error)  // a reader that never waits for writers and readers
	migrate(ctx context.Context, all []Schema, print string) error
	close() error
}

// unit is one open transaction.
type unit interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	query(ctx context.Context, query string, args []any) (rows, error)
	commit(ctx context.Context) error
	rollback()
}

type rows interface {
	Next() bool
	Scan(dest ...any) error
	Close() error
	Err() error
}

// Open opens postgres://… or a SQLite file, which is made if it isn't there. A nil clock is the real one.
func Open(ctx context.Context, url string, clock *Clock) (*DB, error) {
	if clock == nil {
		clock = Real()
	}
	var e engine
	var err error
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		e, err = openPostgres(ctx, url)
	} else {
		e, err = openSQLite(ctx, url)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w: %w", err, ErrUnusable)
	}
	return &DB{engine: e, clock: clock}, nil
}

// Clock is what every unit of work takes its time from.
func (d *DB) Clock() *Clock { return d.clock }

// Close waits for nobody; end what uses the database first.
func (d *DB) Close() error { return d.engine.close() }

// Postgres reports which database this is. Only package jobs, which has two engines, has a reason to ask.
func (d *DB) Postgres() bool { _, ok := d.engine.(*postgres); return ok }

// Read runs f on one consistent view of the data. f can't change anything.
func (d *DB) Read(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, d.engine.reader, f)
}

// Peek is Read for one query, which sees one view of the data without a transaction around it. A second query
// panics.
func (d *DB) Peek(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, func(ctx context.Context) (unit, error) {
		u, err := d.engine.peeker(ctx)
		return &single{unit: u}, err
	}, f)
}

// single is a unit of one query.
type single struct {
	unit
	used bool
}

func (u *single) exec(context.Context, string, []any) (int64, error) {
	panic("db: Peek only reads")
}

func (u *single) query(ctx context.Context, query string, args []any) (rows, error) {
	if u.used {
		panic("db: Peek is for one query; use Read")
	}
	u.used = true
	return u.unit.query(ctx, query, args)
}

// Aside is Read for what fills the memory that all units of work share, and is done by the first of them that
// misses something. It has connections of its own: on those that the works hold it would wait for works that wait
// for it. It is the one that may be begun in the middle of another, on a context of its own.
func (d *DB) Aside(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, d.engine.aside, f)
}

// Write runs f and keeps what it did if it returns nil. PostgreSQL may ask to run f again when two writers
// met, so f must do nothing outside the database and may not build on what an earlier run of it left behind.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	for try := 1; ; try++ {
		err := d.run(ctx, d.writer, f)
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || try == 10 || pg.Code != "40001" && pg.Code != "40P01" {
			return err
		}
	}
}

type inside struct{}

func (d *DB) run(ctx context.Context, begin func(context.Context) (unit, error), f func(*Tx) error) (err error) {
	if ctx.Value(inside{}) == d.engine {
		panic("db: a unit of work was begun inside another; pass the *Tx down instead")
	}
	u, err := begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	ended := false
	defer func() {
		if !ended {
			u.rollback()
		}
	}()
	tx := &Tx{ctx: context.WithValue(ctx, inside{}, d.engine), unit: u, db: d, now: d.clock.Now()}
	if err := f(tx); err != nil {
		return err
	}
	for _, g := range tx.last {
		if err := g(tx); err != nil {
			return err
		}
	}
	ended = true
	if err := u.commit(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, g := range tx.after {
		g()
	}
	return nil
}

// Break lets a test end the program at any commit of a Write: f is asked before each, with false, and after each, with true.
// An error is what the caller gets; before the commit it undoes the work, after it what was to follow isn't done. nil ends it.
func (d *DB) Break(f func(kept bool) error) {
	if f == nil {
		d.breaks.Store(nil)
		return
	}
	d.breaks.Store(&f)
}

// writer is the engine's, which breaks where a test wants it to.
func (d *DB) writer(ctx context.Context) (unit, error) {
	u, err := d.engine.writer(ctx)
	if f := d.breaks.Load(); f != nil && err == nil {
		u = breaking{u, *f}
	}
	return u, err
}

type breaking struct {
	unit
	f func(kept bool) error
}

func (b breaking) commit(ctx context.Context) error {
	if err := b.f(false); err != nil {
		b.rollback()
		return err
	}
	if err := b.unit.commit(ctx); err != nil {
		return err
	}
	return b.f(true)
}

// normal makes arguments alike for both databases: moments in UTC to the microsecond, the zero moment as null.
func normal(args []any) []any {
	for i, a := range args {
		if at, ok := a.(time.Time); ok {
			if at.IsZero() {
				args[i] = nil
			} else {
				args[i] = at.UTC().Truncate(time.Microsecond)
			}
		}
	}
	return args
}
