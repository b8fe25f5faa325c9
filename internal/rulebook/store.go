package rulebook

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"portolan/internal/db"
	"portolan/internal/landed"
)

func bookSeq(tx *db.Tx) (int64, error) {
	return db.One(tx, db.Scalar[int64], `select seq from rule_book where id = 1`)
}

// turn is held by whoever changes the rules until the work is committed; it is the number of the change.
func turn(tx *db.Tx) (int64, error) {
	return db.One(tx, db.Scalar[int64], `update rule_book set seq = seq + 1 where id = 1 returning seq`)
}

func insertAmendment(tx *db.Tx, a Amendment) error {
	changes, err := json.Marshal(a.Changes)
	if err != nil {
		return err
	}
	return tx.Send(`insert into rule_changes (seq, id, at, who, source, reason, changes, undoes, pack) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		a.seq, a.ID, a.At, a.Who, a.Source, a.Reason, string(changes), a.Undoes, a.Pack)
}

func findAmendments(tx *db.Tx) ([]Amendment, error) {
	return db.All(tx, func(r db.Row) (a Amendment, err error) {
		var changes string
		if err = r.Scan(&a.seq, &a.ID, db.Moment(&a.At), &a.Who, &a.Source, &a.Reason, &changes, &a.Undoes, &a.Pack); err != nil {
			return a, err
		}
		return a, json.Unmarshal([]byte(changes), &a.Changes)
	}, `select seq, id, at, who, source, reason, changes, undoes, pack from rule_changes order by seq`)
}

const importColumns = `id, seq, table_name, file, who, at, skip_bad, state, done_rows, bytes, result, problems, ended_by, ended_at`

func scanImport(r db.Row) (m Import, err error) {
	var result, problems string
	err = r.Scan(&m.ID, &m.seq, &m.Table, &m.File, &m.Who, db.Moment(&m.At), &m.SkipBad, &m.State, &m.DoneRows, &m.Bytes, &result, &problems, &m.EndedBy, db.Moment(&m.EndedAt))
	if err != nil {
		return m, err
	}
	return m, errors.Join(json.Unmarshal([]byte(result), &m.Result), json.Unmarshal([]byte(problems), &m.Problems))
}

// importsInForce is the latest import of each table, the oldest first.
func importsInForce(tx *db.Tx) ([]Import, error) {
	all, err := db.All(tx, scanImport, `select `+importColumns+` from rule_imports where state = $1 order by seq`, InForce)
	return latest(all), err
}

func importFile(tx *db.Tx, id string) ([]byte, error) {
	packed, err := db.One(tx, db.Scalar[[]byte], `select body from rule_import_files where import = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("file of import %s: %w", id, err)
	}
	return packed, nil
}

func insertImport(tx *db.Tx, m Import, packed []byte) error {
	result, err := json.Marshal(m.Result)
	if err != nil {
		return err
	}
	problems, err := json.Marshal(m.Problems)
	if err != nil {
		return err
	}
	err = tx.Send(`insert into rule_imports (id, seq, table_name, file, who, at, skip_bad, state, done_rows, bytes, result, problems)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (id) do update set seq = excluded.seq, table_name = excluded.table_name, state = excluded.state, done_rows = excluded.done_rows,
			result = excluded.result, problems = excluded.problems`,
		m.ID, m.seq, m.Table, m.File, m.Who, m.At, m.SkipBad, m.State, m.DoneRows, m.Bytes, string(result), string(problems))
	if err != nil || packed == nil {
		return err
	}
	return tx.Send(`insert into rule_import_files (import, body) values ($1, $2) on conflict (import) do update set body = excluded.body`, m.ID, packed)
}

// keep records a pack with everything that is needed to have it again.
func keep(tx *db.Tx, p *landed.Pack, imports []Import) error {
	known, err := db.One(tx, db.Scalar[int64], `select count(*) from rule_packs where version = $1`, p.Version())
	if err != nil || known > 0 {
		return err
	}
	tables := map[string]string{}
	for name, text := range p.Texts() {
		sum := sha256.Sum256([]byte(text))
		hash := hex.EncodeToString(sum[:])
		tables[name] = hash
		n, err := db.One(tx, db.Scalar[int64], `select count(*) from rule_tables where hash = $1`, hash)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := tx.Send(`insert into rule_tables (hash, body) values ($1, $2) on conflict do nothing`, hash, pack([]byte(text))); err != nil {
			return err
		}
	}
	ids := make([]string, 0, len(imports))
	for i := range imports {
		ids = append(ids, imports[i].ID)
	}
	names, err := json.Marshal(tables)
	if err != nil {
		return err
	}
	carried, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return tx.Send(`insert into rule_packs (version, since, tables, imports) values ($1, $2, $3, $4) on conflict do nothing`,
		p.Version(), tx.Now(), string(names), string(carried))
}

// kept is what keep recorded of a version.
func kept(tx *db.Tx, version string) (texts map[string]string, imports []string, err error) {
	type pair struct{ tables, imports string }
	row, err := db.One(tx, func(r db.Row) (p pair, err error) { return p, r.Scan(&p.tables, &p.imports) },
		`select tables, imports from rule_packs where version = $1`, version)
	if errors.Is(err, db.ErrNone) {
		return nil, nil, fmt.Errorf("%.60q: %w", version, ErrNoPack)
	}
	var hashes map[string]string
	if err = errors.Join(err, json.Unmarshal([]byte(row.tables), &hashes), json.Unmarshal([]byte(row.imports), &imports)); err != nil {
		return nil, nil, err
	}
	texts = make(map[string]string, len(hashes))
	for name, hash := range hashes {
		packed, err := db.One(tx, db.Scalar[[]byte], `select body from rule_tables where hash = $1`, hash)
		if err != nil {
			return nil, nil, fmt.Errorf("%s of %s: %w", name, version, err)
		}
		text, err := unpack(packed)
		if err != nil {
			return nil, nil, fmt.Errorf("%s of %s: %w", name, version, err)
		}
		texts[name] = string(text)
	}
	return texts, imports, nil
}

// pack makes a text small; unpack is its inverse.
func pack(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

func scanEdition(r db.Row) (e Edition, err error) {
	var since time.Time
	err = r.Scan(&e.Version, db.Moment(&since))
	e.Since = since
	return e, err
}
