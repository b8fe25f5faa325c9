package events

import (
	"encoding/json"
	"time"

	"portolan/internal/db"
)

// Entry is an event as the journal keeps it.
type Entry struct {
	ID    string
	Topic string
	At    time.Time
	Body  json.RawMessage
}

// Decode reads the body into the event it was.
func Decode[E Event](e Entry) (v E, err error) {
	err = json.Unmarshal(e.Body, &v)
	return
}

// Filter selects from the journal.
type Filter struct {
	Subject string // only events about this id
	Topic   string // only this topic
	Oldest  bool   // oldest first, as a timeline reads, instead of newest first
	After   string // the id of the last entry of the page before
	Limit   int    // 50 if 0
}

// Journal lists what was announced.
func (b *Bus) Journal(tx *db.Tx, f Filter) ([]Entry, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	order, beyond := "desc", "<"
	if f.Oldest {
		order, beyond = "asc", ">"
	}
	from, where := "events e", "$1 = ''"
	if f.Subject != "" {
		from, where = "event_subjects s join events e on e.id = s.event_id", "s.subject = $1"
	}
	return db.All(tx, func(r db.Row) (e Entry, err error) {
		var body string
		err = r.Scan(&e.ID, &e.Topic, db.Moment(&e.At), &body)
		e.Body = []byte(body)
		return
	}, `select e.id, e.topic, e.at, e.body from `+from+` where `+where+` and ($2 = '' or e.topic = $2)
		and ($3 = '' or (e.at, e.seq) `+beyond+` (select last.at, last.seq from events last where last.id = $3))
		order by e.at `+order+`, e.seq `+order+` limit $4`, f.Subject, f.Topic, f.After, f.Limit)
}

// Prune forgets what was announced before a moment, and returns how many events that were. Jobs of listeners
// are not touched.
func (b *Bus) Prune(tx *db.Tx, before time.Time) (int64, error) {
	if err := tx.Send(`delete from event_subjects where at < $1`, before); err != nil {
		return 0, err
	}
	return tx.Exec(`delete from events where at < $1`, before)
}
