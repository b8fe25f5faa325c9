// Package inbox keeps what other systems delivered, once per event, until it has been dealt with.
//
// A delivery is written before its sender is answered, so nothing that was acknowledged is lost; the same event
// again is recognised and changes nothing. Then a job hands it to whoever registered for its source. What refers
// to something that isn't here yet is parked and tried again for a day and a half; what can't be dealt with lies
// in sight of a person, who can have it tried again. Whether a delivery is genuine is decided before it gets here.
package inbox

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
)

//go:embed schema
var files embed.FS

// Schema holds the deliveries.
var Schema = db.Schema{Owner: "inbox", Files: files}

var (
	// ErrUnknown is the fault of an id that names no delivery.
	ErrUnknown = fault.New(fault.NotFound, "inbox.unknown")
	// ErrNotDead is the fault of trying again what isn't waiting for a person.
	ErrNotDead = fault.New(fault.Conflict, "inbox.not_dead")
	// ErrIgnored is returned by a handler for a delivery that nothing is to be done about.
	ErrIgnored = errors.New("inbox: nothing to do")
)

// State is how far a delivery has come:
//
//	new -> done | ignored | dead
//	  '-> parked -> done | ignored | dead -> (Replay) new
type State string

// The states.
const (
	Fresh   State = "new"
	Done    State = "done"
	Ignored State = "ignored" // kept, nothing to do
	Parked  State = "parked"  // tried again at DueAt
	Dead    State = "dead"    // waits for a person
)

// waits are the pauses between tries of what can't be dealt with yet.
var waits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// Delivery is one event as its sender stated it. Source names the way in, Account the sender on it, Event the
// sender's name for what happened; the three together are unique.
type Delivery struct {
	ID         string
	Source     string
	Account    string
	Event      string
	Topic      string // what kind of event the sender says it is; empty where that can't be read
	Body       []byte // as received
	State      State
	Attempts   int64
	Failure    string // what the last try said
	ReceivedAt time.Time
	DoneAt     time.Time
	DueAt      time.Time // when a parked one is tried next
}

// Inbox is the shelf of deliveries.
type Inbox struct {
	db       *db.DB
	queue    *jobs.Queue
	handlers map[string]func(tx *db.Tx, d Delivery) error
}

// New returns the inbox kept in d, whose deliveries are worked by q.
func New(d *db.DB, q *jobs.Queue) *Inbox {
	b := &Inbox{d, q, map[string]func(*db.Tx, Delivery) error{}}
	jobs.HandleOutside(q, b.work)
	jobs.Handle(q, b.forget)
	q.Every("inbox.forget", 24*time.Hour, forgetJob{})
	return b
}

// Handle registers what is done with the deliveries of a source: once each, together with noting that it was
// done. A fault of kind NotFound or Unavailable, and an error that is no fault, park the delivery; any other
// fault is final, ErrIgnored fine. Call it before the queue runs.
func (b *Inbox) Handle(source string, f func(tx *db.Tx, d Delivery) error) { b.handlers[source] = f }

// Take keeps a delivery and has it dealt with; false where its event is here already. Text that isn't UTF-8 or
// has a zero byte, which PostgreSQL doesn't take, is kept with these places marked.
func (b *Inbox) Take(tx *db.Tx, d Delivery) (fresh bool, err error) {
	d.ID = id.New("inb")
	n, err := tx.Exec(`insert into inbox_deliveries (id, source, account, event, topic, body, state, attempts, failure, received_at, done_at, due_at)
		values ($1, $2, $3, $4, $5, $6, 'new', 0, '', $7, null, null) on conflict (source, account, event) do nothing`,
		d.ID, d.Source, d.Account, legible(d.Event), legible(d.Topic), legible(string(d.Body)), tx.Now())
	if err != nil || n == 0 {
		return false, err
	}
	return true, b.queue.Add(tx, workJob{d.ID}, jobs.When{Subject: d.ID})
}

func legible(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// keep is how long a delivery stays after it was dealt with.
const keep = 90 * 24 * time.Hour

type forgetJob struct{}

// Job implements jobs.Args.
func (forgetJob) Job() string { return "inbox.forget" }

func (b *Inbox) forget(tx *db.Tx, _ forgetJob) error {
	_, err := b.Prune(tx, tx.Now().Add(-keep))
	return err
}

// workJob deals with one delivery.
type workJob struct {
	Delivery string `json:"delivery"`
}

// Job implements jobs.Args.
func (workJob) Job() string { return "inbox.work" }

func (b *Inbox) work(ctx context.Context, j workJob) error {
	err := b.db.Write(ctx, func(tx *db.Tx) error { return b.deal(tx, j.Delivery) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	return b.db.Write(ctx, func(tx *db.Tx) error { return b.shelve(tx, j.Delivery, err) })
}

// deal hands a delivery to its handler. The row is taken first, so that two workers don't do it twice.
func (b *Inbox) deal(tx *db.Tx, id string) error {
	d, err := get(tx, id, tx.ForUpdate())
	if err != nil || d.State != Fresh && d.State != Parked {
		return err
	}
	f := b.handlers[d.Source]
	if f == nil {
		return fmt.Errorf("inbox: nobody deals with %q", d.Source)
	}
	state := Done
	err = f(tx, d)
	if errors.Is(err, ErrIgnored) {
		state, err = Ignored, nil
	}
	if err != nil {
		return err
	}
	err = tx.Send(`update inbox_deliveries set state = $2, attempts = attempts + 1, failure = '', done_at = $3, due_at = null where id = $1`,
		id, string(state), tx.Now())
	return err
}

// shelve notes why a try failed, and when the next one is.
func (b *Inbox) shelve(tx *db.Tx, id string, why error) error {
	d, err := get(tx, id, tx.ForUpdate())
	if err != nil || d.State != Fresh && d.State != Parked {
		return err
	}
	state, due := Dead, time.Time{}
	kind := fault.Of(why).Kind
	if (kind == fault.NotFound || kind == fault.Unavailable || kind == fault.Internal) && int(d.Attempts) < len(waits) {
		state, due = Parked, tx.Now().Add(waits[d.Attempts])
	}
	if kind == fault.Internal {
		slog.Error("a delivery could not be dealt with", "delivery", id, "source", d.Source, "topic", d.Topic, "err", why)
	}
	text := legible(why.Error())
	if len(text) > 1000 {
		text = strings.ToValidUTF8(text[:1000], "")
	}
	if err := tx.Send(`update inbox_deliveries set state = $2, attempts = attempts + 1, failure = $3, due_at = $4 where id = $1`,
		id, string(state), text, due); err != nil {
		return err
	}
	if state == Dead {
		return nil
	}
	return b.queue.Add(tx, workJob{id}, jobs.When{At: due, Subject: id})
}

// Replay has a dead delivery tried again, with all its tries before it.
func (b *Inbox) Replay(tx *db.Tx, id string) error {
	n, err := tx.Exec(`update inbox_deliveries set state = 'new', attempts = 0, due_at = null where id = $1 and state = 'dead'`, id)
	if err != nil {
		return err
	}
	if n == 0 {
		if _, err := b.Get(tx, id); err != nil {
			return err
		}
		return ErrNotDead
	}
	return b.queue.Add(tx, workJob{id}, jobs.When{Subject: id})
}
