// Package snapshot keeps an immutable value made from the database in memory and makes it anew when a
// version number changes. Readers take no lock and never wait for a newer value while they have an older one.
//
// It doesn't know where version numbers come from: package settings hands them out.
package snapshot

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/db"
)

// Versions says which version of a named thing is current, without waiting for anybody. Satisfied by
// settings.Watch.
type Versions interface{ Version(name string) int64 }

// Bump makes a new version of a named thing when the unit of work is committed. Satisfied by settings.Bump.
type Bump func(tx *db.Tx, name string) error

// patience bounds how long making a new value may hold up the one caller that noticed the change.
const patience = 10 * time.Second

// Of is a value made by load, as of a version.
type Of[T any] struct {
	d       *db.DB
	version func() int64
	load    func(tx *db.Tx, before *T) (*T, error)
	held    atomic.Pointer[held[T]]
	making  sync.Mutex
}

type held[T any] struct {
	value   *T
	version int64
}

// New returns a holder that has made nothing yet. load gets the value it replaces, nil the first time, and
// must leave it as it is.
func New[T any](d *db.DB, version func() int64, load func(tx *db.Tx, before *T) (*T, error)) *Of[T] {
	return &Of[T]{d: d, version: version, load: load}
}

// Get returns the current value. The caller that notices a new version makes the new value; others get the
// one before meanwhile. Where nothing can be made the answer is the value before, or an empty one.
func (o *Of[T]) Get() *T {
	h, v := o.held.Load(), o.version()
	switch {
	case h != nil && h.version == v:
		return h.value
	case h == nil:
		o.making.Lock()
	case !o.making.TryLock():
		return h.value
	}
	defer o.making.Unlock()
	if err := o.fill(context.Background(), v); err != nil {
		slog.Error("a snapshot could not be made anew", "error", err)
	}
	if h = o.held.Load(); h != nil {
		return h.value
	}
	return new(T)
}

// Load makes the value now unless it is there already: at start, so that a broken database is noticed.
func (o *Of[T]) Load(ctx context.Context) error {
	o.making.Lock()
	defer o.making.Unlock()
	return o.fill(ctx, o.version())
}

func (o *Of[T]) fill(ctx context.Context, v int64) error {
	h := o.held.Load()
	if h != nil && h.version == v {
		return nil
	}
	var before *T
	if h != nil {
		before = h.value
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.d.Aside(ctx, func(tx *db.Tx) error {
		value, err := o.load(tx, before)
		if err == nil {
			o.held.Store(&held[T]{value, v})
		}
		return err
	})
}
