// Package idempotency remembers for a day what was answered to a request that carries a key, so that a caller who
// never saw the answer can ask again without doing the thing twice.
//
// It knows neither requests nor answers: a scope (whose keys these are), a key, a fingerprint of what was asked,
// and bytes.
package idempotency

import (
	"embed"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
)

//go:embed schema
var files embed.FS

// Schema holds keys and answers.
var Schema = db.Schema{Owner: "idempotency", Files: files}

// Life is how long an answer is remembered.
const Life = 24 * time.Hour

// The faults of keys.
var (
	// ErrReused is the fault of a key that comes back with another request.
	ErrReused = fault.New(fault.Conflict, "idempotency.key_reused")
	// ErrKey is the fault of a text that can't be a key.
	ErrKey = fault.New(fault.Invalid, "idempotency.key_form")
)

// Answer is what was answered.
type Answer struct {
	Status int
	Body   []byte
}

// Begin takes a key of a scope for the caller's work, or returns what was answered when it was used before, and
// true. The key is taken together with what the work does or not at all; a second caller at the same time waits
// for the first. The same key with another fingerprint is ErrReused. Who took a key says with Keep what was
// answered.
func Begin(tx *db.Tx, scope, key, fingerprint string) (a Answer, again bool, err error) {
	if !usable(key) {
		return a, false, ErrKey
	}
	fresh, err := claim(tx, scope, key, fingerprint)
	if err != nil || fresh {
		return a, false, err
	}
	a, before, err := find(tx, scope, key)
	if err == nil && before != fingerprint {
		return Answer{}, false, ErrReused
	}
	return a, true, err
}

// Keep remembers the answer to the request that took a key.
func Keep(tx *db.Tx, scope, key string, a Answer) error { return keep(tx, scope, key, a) }

func usable(key string) bool {
	if key == "" || len(key) > 128 {
		return false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return true
}

type pruneJob struct{}

// Job implements jobs.Args.
func (pruneJob) Job() string { return "idempotency.prune" }

// Work registers with q that what is older than Life is forgotten.
func Work(q *jobs.Queue) {
	jobs.Handle(q, func(tx *db.Tx, _ pruneJob) error {
		_, err := Prune(tx, tx.Now().Add(-Life))
		return err
	})
	q.Every("idempotency.prune", time.Hour, pruneJob{})
}
