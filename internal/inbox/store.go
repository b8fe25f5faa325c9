package inbox

import (
	"errors"
	"time"

	"portolan/internal/db"
)

const columns = `id, source, account, event, topic, body, state, attempts, failure, received_at, done_at, due_at`

func scan(r db.Row) (d Delivery, err error) {
	var body string
	err = r.Scan(&d.ID, &d.Source, &d.Account, &d.Event, &d.Topic, &body, &d.State, &d.Attempts, &d.Failure, &d.ReceivedAt, db.Null(&d.DoneAt), db.Null(&d.DueAt))
	d.Body, d.ReceivedAt = []byte(body), d.ReceivedAt.UTC()
	return d, err
}

func get(tx *db.Tx, id, suffix string) (Delivery, error) {
	d, err := db.One(tx, scan, `select `+columns+` from inbox_deliveries where id = $1`+suffix, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return d, err
}

// Get returns a delivery or ErrUnknown.
func (b *Inbox) Get(tx *db.Tx, id string) (Delivery, error) { return get(tx, id, "") }

// Seen reports whether an event is here already.
func (b *Inbox) Seen(tx *db.Tx, source, account, event string) (bool, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from inbox_deliveries where source = $1 and account = $2 and event = $3`, source, account, legible(event))
	return n > 0, err
}

// Filter narrows a list; empty fields don't.
type Filter struct {
	State  State
	Source string
	After  string // the id of the last delivery of the page before
	Limit  int    // 50 if 0
}

// List returns deliveries, newest first.
func (b *Inbox) List(tx *db.Tx, f Filter) ([]Delivery, error) {
	if f.Limit < 1 || f.Limit > 200 {
		f.Limit = 50
	}
	return db.All(tx, scan, `select `+columns+` from inbox_deliveries
		where ($1 = '' or state = $1) and ($2 = '' or source = $2)
			and ($3 = '' or (received_at, id) < (select last.received_at, last.id from inbox_deliveries last where last.id = $3))
		order by received_at desc, id desc limit $4`, string(f.State), f.Source, f.After, f.Limit)
}

// Counts says how many deliveries are in each state.
func (b *Inbox) Counts(tx *db.Tx) (map[State]int64, error) {
	type row struct {
		state State
		n     int64
	}
	rows, err := db.All(tx, func(r db.Row) (v row, err error) {
		err = r.Scan(&v.state, &v.n)
		return
	}, `select state, count(*) from inbox_deliveries group by state order by state`)
	all := map[State]int64{}
	for _, r := range rows {
		all[r.state] = r.n
	}
	return all, err
}

// Prune forgets what was dealt with before a moment and returns how many deliveries that were.
func (b *Inbox) Prune(tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(`delete from inbox_deliveries where done_at < $1`, before)
}
