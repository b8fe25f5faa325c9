// Package settings keeps what a merchant may change while the shop runs, and tells caches when what they hold
// has changed.
//
// A setting is a JSON value under a key; its meaning belongs to the package that asks for it. A version is a
// number under a name that only grows: whoever changes the catalogue bumps "catalog" in the same unit of work,
// and whoever caches the catalogue compares the number, which costs no lock and no query.
package settings

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"portolan/internal/db"
)

//go:embed schema
var files embed.FS

// Schema holds settings and versions.
var Schema = db.Schema{Owner: "settings", Files: files}

// Get reads the setting under key into value, a pointer. It reports whether there is one; if not, value keeps
// the default that was in it.
func Get(tx *db.Tx, key string, value any) (bool, error) {
	text, err := db.One(tx, db.Scalar[string], `select value from settings where key = $1`, key)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), value)
	}
	if err != nil {
		return false, fmt.Errorf("setting %s: %w", key, err)
	}
	return true, nil
}

// Set keeps value, anything that JSON can spell, under key and bumps the version of that name.
func Set(tx *db.Tx, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	err = tx.Send(`insert into settings (key, value, at) values ($1, $2, $3)
		on conflict (key) do update set value = excluded.value, at = excluded.at`, key, string(text), tx.Now())
	if err != nil {
		return err
	}
	return Bump(tx, key)
}

// Unset forgets the setting under key, so that its default holds again.
func Unset(tx *db.Tx, key string) error {
	n, err := tx.Exec(`delete from settings where key = $1`, key)
	if err != nil || n == 0 {
		return err
	}
	return Bump(tx, key)
}
