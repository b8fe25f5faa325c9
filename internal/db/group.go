package db

import (
	"context"
	"errors"
	"fmt"
)

// group is the works that one commit makes durable. Where many wait to write to SQLite, each work is done inside
// a savepoint of a transaction that is handed from one to the next; the last one commits for all. So a flush of
// the disk is shared, and still nobody is told that their work is kept before it is.
type group struct {
	works int
	done  chan struct{} // closed at the commit
	err   error         // of the commit
}

// maxGroup bounds how long the first work of a group waits for the last.
const maxGroup = 96

// errGroup is the fault of works that were undone because SQLite gave up the transaction they shared.
var errGroup = errors.New("db: the transaction was given up")

// groupUnit is one work of a group. Its statements run to their end even when the caller has gone: an interrupted
// one would undo the works of others.
//
// The first work of a group has nobody before it: to undo it is to undo the transaction, and it needs no savepoint, for
// which SQLite would copy each page that the work changes.
type groupUnit struct {
	liteUnit
	l      *lite
	first  bool
	failed error // of a statement, which may have undone the transaction
}

// join waits for the writing connection and begins a work on it.
func (l *lite) join(ctx context.Context) (unit, error) {
	l.waiting.Add(1)
	select {
	case c := <-l.writers:
		l.waiting.Add(-1)
		u := &groupUnit{liteUnit: liteUnit{c, l.writers}, l: l}
		return u, u.begin()
	case <-ctx.Done():
		l.waiting.Add(-1)
		l.sweep()
		return nil, ctx.Err()
	}
}

func (u *groupUnit) begin() error {
	ctx := context.Background()
	if u.c.group == nil {
		if _, err := u.liteUnit.exec(ctx, "begin immediate", nil); err != nil {
			u.home <- u.c
			return err
		}
		u.c.group, u.first = &group{done: make(chan struct{})}, true
		return nil
	}
	if _, err := u.liteUnit.exec(ctx, "savepoint work", nil); err != nil {
		u.giveUp(err)
		return err
	}
	return nil
}

func (u *groupUnit) exec(ctx context.Context, query string, args []any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.liteUnit.exec(context.WithoutCancel(ctx), query, args)
	if err != nil {
		u.failed = err
	}
	return n, err
}

func (u *groupUnit) query(ctx context.Context, query string, args []any) (rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rs, err := u.liteUnit.query(context.WithoutCancel(ctx), query, args)
	if err != nil {
		u.failed = err
	}
	return rs, err
}

// commit ends the work and returns when it is durable.
func (u *groupUnit) commit(ctx context.Context) error {
	g := u.c.group
	switch {
	case u.first && u.failed != nil:
		err := fmt.Errorf("%w: %w", errGroup, u.failed)
		u.rollback()
		return err
	case !u.first:
		if _, err := u.liteUnit.exec(ctx, "release work", nil); err != nil {
			u.giveUp(err)
			return err
		}
	}
	g.works++
	u.pass(g)
	<-g.done
	return g.err
}

// rollback undoes the work and leaves those before it.
func (u *groupUnit) rollback() {
	ctx := context.Background()
	if u.first {
		u.end()
		return
	}
	_, err := u.liteUnit.exec(ctx, "rollback to work", nil)
	if err == nil {
		_, err = u.liteUnit.exec(ctx, "release work", nil)
	}
	if err != nil {
		u.giveUp(err)
		return
	}
	u.pass(u.c.group)
}

// pass hands the connection to the next who waits, or commits if nobody does.
func (u *groupUnit) pass(g *group) {
	if u.l.waiting.Load() == 0 || g.works >= maxGroup {
		u.end()
		return
	}
	u.home <- u.c
	u.l.sweep()
}

// sweep commits a group that nobody will: the one it was handed to has stopped waiting.
func (l *lite) sweep() {
	if l.waiting.Load() > 0 {
		return
	}
	select {
	case c := <-l.writers:
		u := &groupUnit{liteUnit: liteUnit{c, l.writers}, l: l}
		if c.group == nil {
			u.home <- c
			return
		}
		u.end()
	default:
	}
}

// end commits for everybody in the group.
func (u *groupUnit) end() {
	g := u.c.group
	u.c.group = nil
	ctx := context.Background()
	if g.works == 0 {
		u.liteUnit.exec(ctx, "rollback", nil)
	} else if _, g.err = u.liteUnit.exec(ctx, "commit", nil); g.err != nil {
		u.liteUnit.exec(ctx, "rollback", nil)
	}
	close(g.done)
	u.home <- u.c
}

// giveUp tells everybody in the group that SQLite has undone the transaction, as it does when the disk is full.
func (u *groupUnit) giveUp(cause error) {
	g := u.c.group
	u.c.group = nil
	u.liteUnit.exec(context.Background(), "rollback", nil)
	g.err = fmt.Errorf("%w: %w", errGroup, cause)
	close(g.done)
	u.home <- u.c
}
