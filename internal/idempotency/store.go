package idempotency

import (
	"time"

	"portolan/internal/db"
)

// claim reports whether the key is the caller's. One that has outlived Life is taken over.
func claim(tx *db.Tx, scope, key, fingerprint string) (bool, error) {
	n, err := tx.Exec(`insert into idempotency_keys (scope, key, fingerprint, status, body, at) values ($1, $2, $3, 0, '', $4)
		on conflict (scope, key) do update set fingerprint = excluded.fingerprint, status = 0, body = '', at = excluded.at
		where idempotency_keys.at < $5`, scope, key, fingerprint, tx.Now(), tx.Now().Add(-Life))
	return n == 1, err
}

func find(tx *db.Tx, scope, key string) (a Answer, fingerprint string, err error) {
	type row struct {
		Answer
		fingerprint string
	}
	r, err := db.One(tx, func(r db.Row) (v row, err error) {
		var body string
		err = r.Scan(&v.Status, &body, &v.fingerprint)
		v.Body = []byte(body)
		return
	}, `select status, body, fingerprint from idempotency_keys where scope = $1 and key = $2`, scope, key)
	return r.Answer, r.fingerprint, err
}

func keep(tx *db.Tx, scope, key string, a Answer) error {
	err := tx.Send(`update idempotency_keys set status = $3, body = $4 where scope = $1 and key = $2`, scope, key, a.Status, string(a.Body))
	return err
}

// Prune forgets keys first used before a moment and returns how many there were.
func Prune(tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(`delete from idempotency_keys where at < $1`, before)
}
