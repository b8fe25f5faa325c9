// Package events lets a package announce what happened without knowing who listens.
//
// An event is written in the announcer's unit of work together with one job per listener. That makes the queue
// the outbox: an event that was committed reaches every listener, each with its own retries, and a listener
// that fails holds up no other. What was announced stays in a journal from which timelines are drawn.
package events

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/jobs"
)

//go:embed schema
var files embed.FS

// Schema holds the journal of everything announced.
var Schema = db.Schema{Owner: "events", Files: files}

// Event is a fact, named in the past tense. Topic reads package.what_happened and, like the names of the
// fields, never changes once released; fields are only added.
type Event interface{ Topic() string }

// About is an event that says whom it concerns: the ids of an order, a customer, a checkout. The journal can
// be read by each of them.
type About interface{ Subjects() []string }

// Bus connects announcers and listeners.
type Bus struct {
	queue     *jobs.Queue
	listeners map[string][]string
	seq       atomic.Int64
}

// New returns a bus that delivers through q.
func New(q *jobs.Queue) *Bus { return &Bus{queue: q, listeners: map[string][]string{}} }

// On delivers every E to f, once, in a unit of work of its own. The name tells listeners of the same event
// apart and never changes once released. Listen before the first announcement: nobody hears of earlier ones.
func On[E Event](b *Bus, name string, f func(tx *db.Tx, e E) error, options ...jobs.Option) {
	var zero E
	kind := zero.Topic() + ">" + name
	b.queue.Register(kind, func(tx *db.Tx, body []byte) error {
		var e E
		if err := json.Unmarshal(body, &e); err != nil {
			return jobs.Permanent(fmt.Errorf("event %s: %w", zero.Topic(), err))
		}
		return f(tx, e)
	}, options...)
	b.listeners[zero.Topic()] = append(b.listeners[zero.Topic()], kind)
}

// Publish announces e as part of tx.
func (b *Bus) Publish(tx *db.Tx, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Topic(), err)
	}
	if _, ok := e.(Unkept); ok {
		return b.queue.AddEach(tx, b.listeners[e.Topic()], json.RawMessage(body), jobs.When{})
	}
	key, seq := id.New("evt"), b.seq.Add(1)
	err = tx.Send(`insert into events (id, topic, body, at, seq) values ($1, $2, $3, $4, $5)`, key, e.Topic(), string(body), tx.Now(), seq)
	if err != nil {
		return err
	}
	if a, ok := e.(About); ok {
		if err := about(tx, a, seq, key); err != nil {
			return err
		}
	}
	return b.queue.AddEach(tx, b.listeners[e.Topic()], json.RawMessage(body), jobs.When{})
}

// Unkept is an event of which there are so many that the journal doesn't keep them, because what they tell is kept by its
// announcer anyway. It reaches its listeners like any other.
type Unkept interface{ Unkept() }

// PublishEach announces events as part of tx, by few statements.
func (b *Bus) PublishEach(tx *db.Tx, all []Event) error {
	rows, subjects := make([][]any, 0, len(all)), make([][]any, 0, 3*len(all))
	now := tx.Now()
	for _, e := range all {
		_, unkept := e.(Unkept)
		if unkept && len(b.listeners[e.Topic()]) == 0 {
			continue
		}
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("event %s: %w", e.Topic(), err)
		}
		if !unkept {
			key, seq := id.New("evt"), b.seq.Add(1)
			rows = append(rows, []any{key, e.Topic(), string(body), now, seq})
			if a, ok := e.(About); ok {
				for _, subject := range a.Subjects() {
					if subject != "" {
						subjects = append(subjects, []any{subject, now, seq, key})
					}
				}
			}
		}
		if err := b.queue.AddEach(tx, b.listeners[e.Topic()], json.RawMessage(body), jobs.When{}); err != nil {
			return err
		}
	}
	if err := db.InsertEach(tx, `insert into events (id, topic, body, at, seq) values`, "", rows); err != nil {
		return err
	}
	return db.InsertEach(tx, `insert into event_subjects (subject, at, seq, event_id) values`, `on conflict do nothing`, subjects)
}

// mostSubjects is how many subjects of an event are noted at a time.
const mostSubjects = 8

// noteSubjects has the statement for each number of subjects, so that it is one statement whatever the number.
var noteSubjects = func() (all [mostSubjects + 1]string) {
	text := `insert into event_subjects (subject, at, seq, event_id) values `
	for n := 1; n <= mostSubjects; n++ {
		if n > 1 {
			text += ", "
		}
		text += fmt.Sprintf("($%d, $1, $2, $3)", n+3)
		all[n] = text + " on conflict do nothing"
	}
	return all
}()

// about notes whose event it is.
func about(tx *db.Tx, a About, seq int64, key string) error {
	for group := range slices.Chunk(a.Subjects(), mostSubjects) {
		args := []any{tx.Now(), seq, key}
		for _, subject := range group {
			if subject != "" {
				args = append(args, subject)
			}
		}
		if len(args) == 3 {
			continue
		}
		if err := tx.Send(noteSubjects[len(args)-3], args...); err != nil {
			return err
		}
	}
	return nil
}
