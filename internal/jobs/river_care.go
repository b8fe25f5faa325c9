package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"portolan/internal/db"
)

// promoteAll makes jobs available when our clock says that they are due, until ctx ends. Every node does it;
// each job is promoted once.
func (e *riverEngine) promoteAll(ctx context.Context) {
	for {
		changed := e.q.db.Clock().Changed()
		next, err := e.promote(ctx)
		wait := min(look, e.q.db.Clock().Until(next))
		if err != nil {
			if ctx.Err() == nil {
				slog.Error("can't promote jobs that are due", "err", err)
			}
			wait = time.Second
		}
		if !pause(ctx, wait, changed, e.q.alarm.wake) {
			return
		}
	}
}

// promote makes everything available that is due and returns when the next job is.
func (e *riverEngine) promote(ctx context.Context) (next time.Time, err error) {
	err = e.q.db.Write(ctx, func(tx *db.Tx) error {
		e.q.alarm.next.Store(never)
		due, err := db.One(tx, scanMicro, `select min(cast(metadata->>'due' as bigint)) from river_job where state in ('scheduled', 'retryable')`)
		next = due
		if next.IsZero() {
			next = tx.Now().Add(time.Hour)
		}
		if err != nil || next.After(tx.Now()) {
			return err
		}
		queues, err := db.All(tx, db.Scalar[string], `update river_job set state = 'available', scheduled_at = now() where id in (
			select id from river_job where state in ('scheduled', 'retryable') and cast(metadata->>'due' as bigint) <= $1
			order by cast(metadata->>'due' as bigint) limit 1000 for update skip locked) returning queue`, tx.Now().UnixMicro())
		slices.Sort(queues)
		queues = slices.Compact(queues)
		tx.After(func() { e.tell(queues...) })
		if len(queues) == 0 { // somebody else has them in hand
			next = tx.Now().Add(time.Second)
		}
		return err
	})
	if err == nil {
		e.q.alarm.next.Store(next.UnixMicro())
	}
	return next, err
}

func scanMicro(r db.Row) (time.Time, error) {
	var us int64
	if err := r.Scan(db.Null(&us)); err != nil || us == 0 {
		return time.Time{}, err
	}
	return time.UnixMicro(us).UTC(), nil
}

// straighten moves jobs that wait where nobody looks, because their kind has changed sides, to where anything
// is done.
func (e *riverEngine) straighten(ctx context.Context) error {
	known := []string{databaseQueue}
	for name := range e.q.kinds {
		known = append(known, e.queueOf(name))
	}
	return e.q.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.Send(`update river_job set queue = $1 where id in (select id from river_job
			where state in ('available', 'scheduled', 'retryable') and queue <> all(cast($2 as text[])) for update skip locked)`, databaseQueue, known)
		return err
	})
}

// beat is how often a node says that it is alive, in the world's time. One that was silent five times as long
// is taken for dead; what it had in hand is then done by others.
const beat = 2 * time.Second

func (e *riverEngine) careForNodes(ctx context.Context) {
	for {
		if err := errors.Join(e.sayAlive(ctx), e.rescue(ctx)); err != nil && ctx.Err() == nil {
			slog.Error("can't look after the nodes that work jobs", "err", err)
		}
		if !pause(ctx, beat, nil, nil) {
			return
		}
	}
}

func (e *riverEngine) sayAlive(ctx context.Context) error {
	return e.q.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.Send(`insert into job_nodes (id, seen_at) values ($1, now()) on conflict (id) do update set seen_at = now()`, e.node)
		return err
	})
}

func (e *riverEngine) leave(ctx context.Context) error {
	return e.q.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.Send(`delete from job_nodes where id = $1`, e.node)
		return err
	})
}

// rescue hands out again what dead nodes had in hand.
func (e *riverEngine) rescue(ctx context.Context) error {
	return e.q.db.Write(ctx, func(tx *db.Tx) error {
		queues, err := db.All(tx, db.Scalar[string], `update river_job set scheduled_at = now(),
			state = case when attempt < max_attempts then cast('available' as river_job_state) else 'discarded' end,
			finalized_at = case when attempt < max_attempts then null else now() end,
			metadata = metadata || jsonb_build_object('last', cast($1 as bigint), 'failure', 'the node that worked on it died')
			where id in (select id from river_job where state = 'running'
				and not exists (select 1 from job_nodes where job_nodes.id = attempted_by[cardinality(attempted_by)] and seen_at > now() - interval '10 seconds')
				for update skip locked) returning queue`, tx.Now().UnixMicro())
		if err != nil || len(queues) == 0 {
			return err
		}
		slog.Warn("handing out what a dead node had in hand", "jobs", len(queues))
		tx.After(func() { e.tell(queues...) })
		err = tx.Send(`delete from job_nodes where seen_at < now() - interval '1 hour'`)
		return err
	})
}

// workMany is workOne: River has no batches.
func (e *riverEngine) workMany(ctx context.Context) (bool, error) { return e.workOne(ctx) }

// workOne does the first job that is due without River, and reports whether there was one.
func (e *riverEngine) workOne(ctx context.Context) (bool, error) {
	if _, err := e.promote(ctx); err != nil {
		return false, err
	}
	var h hand
	var most int
	err := e.q.db.Write(ctx, func(tx *db.Tx) (err error) {
		h, err = db.One(tx, func(r db.Row) (h hand, err error) {
			var body string
			var w work
			if err = r.Scan(&h.id, &body, &h.try, &most); err == nil {
				err = json.Unmarshal([]byte(body), &w)
			}
			h.kind, h.args = w.Job, []byte(w.Args)
			return
		}, `update river_job set state = 'running', attempt = attempt + 1, attempted_at = now(), attempted_by = array_append(attempted_by, $1)
			where id = (select id from river_job where state = 'available' and scheduled_at <= now()
				order by priority, scheduled_at, id limit 1 for update skip locked)
			returning id, args, attempt, max_attempts`, e.node)
		return err
	})
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err = e.do(ctx, h); err == nil {
		e.q.worked.Add(1)
		return true, nil
	}
	if errors.Is(err, errTaken) {
		return true, nil
	}
	v := e.q.judge(h, most, err)
	return true, e.q.db.Write(ctx, func(tx *db.Tx) error {
		state := "retryable"
		if v.giveUp {
			state = "discarded"
		}
		err := tx.Send(`update river_job set state = cast($2 as river_job_state), scheduled_at = $3,
			finalized_at = case when $2 = 'discarded' then now() else null end,
			metadata = metadata || jsonb_build_object('due', cast($4 as bigint), 'last', cast($5 as bigint), 'failure', cast($6 as text)) where id = $1`,
			h.id, state, e.world(v.due), v.due.UnixMicro(), tx.Now().UnixMicro(), v.failure)
		return err
	})
}
