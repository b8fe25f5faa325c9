package db

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres is a pool of native connections. Writers run at READ COMMITTED and guard what they change with
// conditions and row locks; readers see one moment.
type postgres struct{ pool, spare *pgxpool.Pool }

func openPostgres(ctx context.Context, url string) (*postgres, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if !strings.Contains(url, "pool_max_conns") {
		cfg.MaxConns = max(cfg.MaxConns, 16)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	cfg = cfg.Copy()
	cfg.MinConns, cfg.MaxConns = 0, 4
	spare, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &postgres{pool, spare}, nil
}

func (p *postgres) close() error {
	p.pool.Close()
	p.spare.Close()
	return nil
}

const (
	writing = "begin isolation level read committed"
	reading = "begin isolation level repeatable read read only"
)

func (p *postgres) writer(ctx context.Context) (unit, error) { return begin(ctx, p.pool, writing) }
func (p *postgres) reader(ctx context.Context) (unit, error) { return begin(ctx, p.pool, reading) }
func (p *postgres) peeker(ctx context.Context) (unit, error) { return begin(ctx, p.pool, "") }
func (p *postgres) aside(ctx context.Context) (unit, error)  { return begin(ctx, p.spare, reading) }

func begin(ctx context.Context, pool *pgxpool.Pool, how string) (unit, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &postgresUnit{conn: conn, begin: how}, nil
}

// postgresUnit begins its transaction together with the first statement, in one trip to the server: where the
// work is small it is the trips that cost.
type postgresUnit struct {
	conn  *pgxpool.Conn
	begin string // what is still to be said before the first statement
	begun bool
	spent bool // the first statement failed, perhaps before the transaction had begun: nothing more may be done
}

func (u *postgresUnit) exec(ctx context.Context, query string, args []any) (int64, error) {
	if u.spent {
		return 0, errUndone
	}
	if u.begin == "" {
		tag, err := u.conn.Exec(ctx, query, args...)
		return tag.RowsAffected(), err
	}
	both := u.first(ctx, query, args)
	if _, err := both.Exec(); err != nil {
		u.spent = true
		return 0, errors.Join(err, both.Close())
	}
	tag, err := both.Exec()
	if closing := both.Close(); err == nil {
		err = closing
	}
	u.spent = err != nil
	return tag.RowsAffected(), err
}

func (u *postgresUnit) query(ctx context.Context, query string, args []any) (rows, error) {
	if u.spent {
		return nil, errUndone
	}
	if u.begin == "" {
		rs, err := u.conn.Query(ctx, query, args...)
		return pgRows{rs, nil}, err
	}
	both := u.first(ctx, query, args)
	if _, err := both.Exec(); err != nil {
		u.spent = true
		return nil, errors.Join(err, both.Close())
	}
	rs, err := both.Query()
	if err != nil {
		u.spent = true
		both.Close() // says the same
		return nil, err
	}
	return pgRows{rs, both}, nil
}

func (u *postgresUnit) first(ctx context.Context, query string, args []any) pgx.BatchResults {
	var both pgx.Batch
	both.Queue(u.begin)
	both.Queue(query, args...)
	u.begin, u.begun = "", true
	return u.conn.SendBatch(ctx, &both)
}

// errUndone is the fault of a work that PostgreSQL undid where it was asked to keep it.
var errUndone = errors.New("db: the transaction had failed and was undone")

func (u *postgresUnit) commit(ctx context.Context) error {
	if u.spent {
		u.rollback()
		return errUndone
	}
	defer u.conn.Release()
	if !u.begun {
		return nil
	}
	tag, err := u.conn.Exec(ctx, "commit", pgx.QueryExecModeSimpleProtocol)
	if err == nil && tag.String() == "ROLLBACK" {
		err = errUndone
	}
	return err
}

func (u *postgresUnit) rollback() {
	defer u.conn.Release() // which drops a connection that isn't in order
	if u.begun {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		u.conn.Exec(ctx, "rollback", pgx.QueryExecModeSimpleProtocol)
	}
}

type pgRows struct {
	pgx.Rows
	both pgx.BatchResults // that the rows came with
}

func (r pgRows) Close() error {
	r.Rows.Close()
	if r.both != nil {
		return r.both.Close()
	}
	return nil
}

// Pool hands out the native pool, or nil on SQLite: for package jobs.
func (d *DB) Pool() *pgxpool.Pool {
	if p, ok := d.engine.(*postgres); ok {
		return p.pool
	}
	return nil
}
