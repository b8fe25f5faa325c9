package db

import (
	"context"
	"strings"

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

var (
	writing = pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	reading = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
)

func (p *postgres) writer(ctx context.Context) (unit, error) { return begin(ctx, p.pool, writing) }
func (p *postgres) reader(ctx context.Context) (unit, error) { return begin(ctx, p.pool, reading) }
func (p *postgres) aside(ctx context.Context) (unit, error)  { return begin(ctx, p.spare, reading) }

func begin(ctx context.Context, pool *pgxpool.Pool, opts pgx.TxOptions) (unit, error) {
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &postgresUnit{tx}, nil
}

type postgresUnit struct{ tx pgx.Tx }

func (u *postgresUnit) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := u.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (u *postgresUnit) query(ctx context.Context, query string, args []any) (rows, error) {
	rs, err := u.tx.Query(ctx, query, args...)
	return pgRows{rs}, err
}

func (u *postgresUnit) commit(ctx context.Context) error { return u.tx.Commit(ctx) }

func (u *postgresUnit) rollback() { u.tx.Rollback(context.Background()) }

type pgRows struct{ pgx.Rows }

func (r pgRows) Close() error { r.Rows.Close(); return nil }

// Pool hands out the native pool, or nil on SQLite: for package jobs.
func (d *DB) Pool() *pgxpool.Pool {
	if p, ok := d.engine.(*postgres); ok {
		return p.pool
	}
	return nil
}
