package jobs

import (
	"encoding/json"
	"time"

	"portolan/internal/db"
)

func (e *riverEngine) cancel(tx *db.Tx, subject string) (int64, error) {
	return tx.Exec(`delete from river_job where id in (
		select id from river_job where metadata->>'subject' = $1 and state in `+alive+` for update skip locked)`, subject)
}

const riverColumns = `id, args, metadata, attempt, priority, cast(state as text)`

func scanRiver(r db.Row) (j Job, err error) {
	var body, about, state string
	var rank int
	if err = r.Scan(&j.ID, &body, &about, &j.Tries, &rank, &state); err != nil {
		return
	}
	j.Priority = ranked(rank)
	var w work
	var m meta
	if err = json.Unmarshal([]byte(body), &w); err != nil {
		return
	}
	if err = json.Unmarshal([]byte(about), &m); err != nil {
		return
	}
	j.Kind, j.Args, j.Key, j.Subject, j.Failure = w.Job, []byte(w.Args), m.Key, m.Subject, m.Failure
	j.CreatedAt, j.DueAt = time.UnixMicro(m.Created).UTC(), time.UnixMicro(m.Due).UTC()
	if m.Last != 0 {
		j.LastAt = time.UnixMicro(m.Last).UTC()
	}
	switch state {
	case "running":
		j.State = Running
	case "discarded", "cancelled":
		j.State = GivenUp
	default:
		j.State = Waiting
	}
	return
}

func (e *riverEngine) list(tx *db.Tx, p Page, givenUp bool) ([]Job, error) {
	which := alive
	if givenUp {
		which = shelved
	}
	return db.All(tx, scanRiver, `select `+riverColumns+` from river_job where state in `+which+`
		and ($1 = 0 or id < $1) and ($2 = '' or args->>'job' = $2) and ($3 = '' or metadata->>'subject' = $3) order by id desc limit $4`,
		p.Before, p.Kind, p.Subject, p.limit())
}

const shelved = `('discarded', 'cancelled')`

func (e *riverEngine) get(tx *db.Tx, id int64) (Job, error) {
	return db.One(tx, scanRiver, `select `+riverColumns+` from river_job where id = $1 and state <> 'completed'`, id)
}

func (e *riverEngine) retry(tx *db.Tx, id int64) (bool, error) {
	queues, err := db.All(tx, db.Scalar[string], `update river_job set state = 'available', attempt = 0, finalized_at = null, scheduled_at = now(),
		metadata = metadata || jsonb_build_object('due', cast($2 as bigint)) where id = $1 and state in `+shelved+`
		and not exists (select 1 from river_job other where other.unique_key = river_job.unique_key and other.state in `+alive+`)
		returning queue`, id, tx.Now().UnixMicro())
	tx.After(func() { e.tell(queues...) })
	return len(queues) == 1, err
}

func (e *riverEngine) discard(tx *db.Tx, id int64) (int64, error) {
	return tx.Exec(`delete from river_job where id = $1 and state in `+shelved, id)
}

func (e *riverEngine) prune(tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(`delete from river_job where state in `+shelved+` and cast(metadata->>'last' as bigint) < $1`, before.UnixMicro())
}

func (e *riverEngine) stats(tx *db.Tx) (Stats, error) {
	s, err := db.One(tx, func(r db.Row) (s Stats, err error) {
		var oldest int64
		if err = r.Scan(&s.Due, &s.Later, db.Null(&oldest)); err == nil && oldest != 0 {
			s.Oldest = time.UnixMicro(oldest).UTC()
		}
		return
	}, `select count(*) filter (where due <= $1), count(*) filter (where due > $1), min(due) filter (where due <= $1)
		from (select cast(metadata->>'due' as bigint) as due from river_job where state in `+alive+`) waiting`, tx.Now().UnixMicro())
	if err != nil {
		return s, err
	}
	return s, s.countShelf(tx, `select args->>'job', count(*) from river_job where state in `+shelved+` group by args->>'job'`)
}

func (e *riverEngine) quiet(tx *db.Tx) (bool, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from river_job where state in ('available', 'running')
		or state in ('scheduled', 'retryable') and cast(metadata->>'due' as bigint) <= $1`, tx.Now().UnixMicro())
	return n == 0, err
}
