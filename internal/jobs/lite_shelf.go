package jobs

import (
	"time"

	"portolan/internal/db"
)

func (e *lite) cancel(tx *db.Tx, subject string) (int64, error) {
	return tx.Exec(`delete from jobs where subject = $1 and not given_up`, subject)
}

const liteColumns = `id, kind, args, coalesce(key, ''), coalesce(subject, ''), tries, failure, priority, created_at, last_at, run_at, given_up`

func scanLite(r db.Row) (j Job, err error) {
	var args string
	var givenUp bool
	var rank int
	err = r.Scan(&j.ID, &j.Kind, &args, &j.Key, &j.Subject, &j.Tries, &j.Failure, &rank, db.Moment(&j.CreatedAt), db.Moment(&j.LastAt), db.Moment(&j.DueAt), &givenUp)
	j.Args, j.Priority, j.State = []byte(args), ranked(rank), Waiting
	if givenUp {
		j.State = GivenUp
	}
	return
}

func (e *lite) list(tx *db.Tx, p Page, givenUp bool) ([]Job, error) {
	which := "not given_up"
	if givenUp {
		which = "given_up"
	}
	return db.All(tx, scanLite, `select `+liteColumns+` from jobs where `+which+`
		and ($1 = 0 or id < $1) and ($2 = '' or kind = $2) and ($3 = '' or subject = $3) order by id desc limit $4`,
		p.Before, p.Kind, p.Subject, p.limit())
}

func (e *lite) get(tx *db.Tx, id int64) (Job, error) {
	return db.One(tx, scanLite, `select `+liteColumns+` from jobs where id = $1`, id)
}

func (e *lite) retry(tx *db.Tx, id int64) (bool, error) {
	n, err := tx.Exec(`update jobs set given_up = false, tries = 0, run_at = $2 where id = $1 and given_up
		and not exists (select 1 from jobs other where other.key = jobs.key and not other.given_up)`, id, tx.Now())
	tx.After(func() {
		e.clerk.nudge()
		for _, l := range e.lanes {
			l.alarm.nudge()
		}
	})
	return n == 1, err
}

func (e *lite) discard(tx *db.Tx, id int64) (int64, error) {
	return tx.Exec(`delete from jobs where id = $1 and given_up`, id)
}

func (e *lite) prune(tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(`delete from jobs where given_up and last_at < $1`, before)
}

func (e *lite) stats(tx *db.Tx) (Stats, error) {
	s, err := db.One(tx, func(r db.Row) (s Stats, err error) {
		err = r.Scan(&s.Due, &s.Later, db.Moment(&s.Oldest))
		return
	}, `select count(*) filter (where run_at <= $1), count(*) filter (where run_at > $1), min(run_at) filter (where run_at <= $1)
		from jobs where not given_up`, tx.Now())
	if err != nil {
		return s, err
	}
	return s, s.countShelf(tx, `select kind, count(*) from jobs where given_up group by kind`)
}

func (s *Stats) countShelf(tx *db.Tx, query string) error {
	type row struct {
		kind string
		n    int64
	}
	rows, err := db.All(tx, func(r db.Row) (w row, err error) {
		err = r.Scan(&w.kind, &w.n)
		return
	}, query)
	s.Shelf = map[string]int64{}
	for _, w := range rows {
		s.Shelf[w.kind] = w.n
		s.GivenUp += w.n
	}
	return err
}

func (e *lite) quiet(tx *db.Tx) (bool, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from jobs where run_at <= $1 and not given_up`, tx.Now())
	return n == 0, err
}
