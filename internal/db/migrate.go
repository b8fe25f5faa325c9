package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Schema is the history of one package's tables: schema/001_what.sql, 002_…, oldest first, each a goose
// migration ("-- +goose Up"). A step that can't be spelled once for both databases is a pair,
// 003_what.sqlite.sql and 003_what.postgres.sql.
type Schema struct {
	Owner string
	Files fs.FS
}

// Migrate brings every schema up to date. Several nodes may call it at once. Where the stored fingerprint says
// that nothing is new it costs one query.
func (d *DB) Migrate(ctx context.Context, all ...Schema) error {
	print, err := fingerprint(all)
	if err != nil {
		return err
	}
	if d.storedFingerprint(ctx) == print {
		return nil
	}
	return d.engine.migrate(ctx, all, print)
}

func (d *DB) storedFingerprint(ctx context.Context) (print string) {
	d.Read(ctx, func(tx *Tx) (err error) { // no table yet is no fingerprint
		print, err = One(tx, Scalar[string], `select hash from schema_fingerprint where id = 1`)
		return err
	})
	return print
}

func fingerprint(all []Schema) (string, error) {
	h := sha256.New()
	for _, s := range all {
		names, err := fs.Glob(s.Files, "schema/*.sql")
		if err != nil {
			return "", err
		}
		for _, name := range names {
			body, err := fs.ReadFile(s.Files, name)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%s/%s %d\n%s", s.Owner, name, len(body), body)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// steps picks the files meant for one dialect, under the names goose counts by.
func (s Schema) steps(dialect string) (fs.FS, error) {
	names, err := fs.Glob(s.Files, "schema/*.sql")
	if err != nil {
		return nil, err
	}
	out := fstest.MapFS{}
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".sql")
		step, only, split := strings.Cut(base, ".")
		if split && only != dialect {
			continue
		}
		body, err := fs.ReadFile(s.Files, name)
		if err != nil {
			return nil, err
		}
		out[step+".sql"] = &fstest.MapFile{Data: body}
	}
	return out, nil
}

// up is called by one node at a time.
func up(ctx context.Context, to *sql.DB, dialect string, kind database.Dialect, all []Schema, print string) error {
	for _, s := range all {
		files, err := s.steps(dialect)
		if err != nil {
			return err
		}
		store, err := database.NewStore(kind, "schema_"+s.Owner)
		if err != nil {
			return err
		}
		p, err := goose.NewProvider("", to, files, goose.WithStore(store))
		if err != nil {
			return fmt.Errorf("schema of %s: %w", s.Owner, err)
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("schema of %s: %w", s.Owner, err)
		}
	}
	if _, err := to.ExecContext(ctx, `create table if not exists schema_fingerprint (id integer primary key, hash text not null)`); err != nil {
		return err
	}
	_, err := to.ExecContext(ctx, `insert into schema_fingerprint (id, hash) values (1, $1) on conflict (id) do update set hash = excluded.hash`, print)
	return err
}

func (l *lite) migrate(ctx context.Context, all []Schema, print string) error {
	unlock, err := lockFile(l.path + ".migrating")
	if err != nil {
		return err
	}
	defer unlock()
	to, err := sql.Open("sqlite", l.dsn("immediate"))
	if err != nil {
		return err
	}
	to.SetMaxOpenConns(1)
	return errors.Join(up(ctx, to, "sqlite", database.DialectSQLite3, all, print), to.Close())
}

// advisory is the key under which nodes take turns at migrating one PostgreSQL database.
const advisory = 7_262_020_701

func (p *postgres) migrate(ctx context.Context, all []Schema, print string) error {
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	if _, err := c.Exec(ctx, `select pg_advisory_lock($1)`, advisory); err != nil {
		return err
	}
	defer c.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, advisory)
	to := stdlib.OpenDBFromPool(p.pool)
	return errors.Join(up(ctx, to, "postgres", database.DialectPostgres, all, print), to.Close())
}
