package db

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
	u := &postgresUnit{conn: conn}
	if how != "" {
		u.ahead = append(make([]statement, 0, 8), statement{query: how})
	}
	return u, nil
}

// postgresUnit sends what nobody waits for, the beginning of the transaction first of all, together with the next
// statement in one trip to the server: where the work is small it is the trips that cost.
type postgresUnit struct {
	conn  *pgxpool.Conn
	ahead []statement // to be sent with the next one
	begun bool
	spent bool // something of a trip failed, perhaps before the transaction had begun: nothing more may be done
}

type statement struct {
	query string
	args  []any
}

// mostAhead bounds what waits to be sent.
const mostAhead = 64

func (u *postgresUnit) send(ctx context.Context, query string, args []any) error {
	if len(u.ahead) < mostAhead {
		u.ahead = append(u.ahead, statement{query, args})
		return nil
	}
	_, err := u.exec(ctx, query, args)
	return err
}

func (u *postgresUnit) exec(ctx context.Context, query string, args []any) (int64, error) {
	if u.spent {
		return 0, errUndone
	}
	if len(u.ahead) == 0 {
		tag, err := u.conn.Exec(ctx, query, args...)
		return tag.RowsAffected(), err
	}
	trip, err := u.trip(ctx, query, args)
	if err != nil {
		return 0, err
	}
	tag, err := trip.Exec()
	if closing := trip.Close(); err == nil {
		err = closing
	}
	u.spent = err != nil
	return tag.RowsAffected(), err
}

func (u *postgresUnit) query(ctx context.Context, query string, args []any) (rows, error) {
	if u.spent {
		return nil, errUndone
	}
	if len(u.ahead) == 0 {
		rs, err := u.conn.Query(ctx, query, args...)
		return pgRows{rs, nil}, err
	}
	trip, err := u.trip(ctx, query, args)
	if err != nil {
		return nil, err
	}
	rs, err := trip.Query()
	if err != nil {
		u.spent = true
		trip.Close() // says the same
		return nil, err
	}
	return pgRows{rs, trip}, nil
}

// trip sends what waits and one statement more, whose result is the next in what it returns.
func (u *postgresUnit) trip(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	var all pgx.Batch
	for _, s := range u.ahead {
		all.Queue(s.query, s.args...)
	}
	all.Queue(query, args...)
	n := len(u.ahead)
	clear(u.ahead)
	u.ahead, u.begun = u.ahead[:0], true
	trip := u.conn.SendBatch(ctx, &all)
	for range n {
		if _, err := trip.Exec(); err != nil {
			u.spent = true
			trip.Close() // says the same
			return nil, err
		}
	}
	return trip, nil
}

func (u *postgresUnit) commit(ctx context.Context) error {
	if !u.spent && !u.begun && len(u.ahead) <= 1 { // nothing was said after the beginning
		u.conn.Release()
		return nil
	}
	var tag pgconn.CommandTag
	err := errUndone
	switch {
	case u.spent:
	case len(u.ahead) == 0:
		tag, err = u.conn.Exec(ctx, "commit", pgx.QueryExecModeSimpleProtocol)
	default:
		var trip pgx.BatchResults
		if trip, err = u.trip(ctx, "commit", nil); err == nil {
			tag, err = trip.Exec()
			if closing := trip.Close(); err == nil {
				err = closing
			}
		}
	}
	if err != nil {
		u.rollback()
		return err
	}
	u.conn.Release()
	if tag.String() == "ROLLBACK" {
		return errUndone
	}
	return nil
}

func (u *postgresUnit) rollback() {
	defer u.conn.Release() // which drops a connection that isn't in order
	if u.begun {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		u.conn.Exec(ctx, "rollback", pgx.QueryExecModeSimpleProtocol)
	}
}

// errUndone is the fault of a work that PostgreSQL undid where it was asked to keep it.
var errUndone = errors.New("db: the transaction had failed and was undone")

type pgRows struct {
	pgx.Rows
	trip pgx.BatchResults // that the rows came with
}

func (r pgRows) Close() error {
	r.Rows.Close()
	if r.trip != nil {
		return r.trip.Close()
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
