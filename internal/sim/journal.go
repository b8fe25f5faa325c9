package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// journal is what the world has seen of the shop, in a file of its own beside the shop's: what came of each thing that was
// asked, what came to the network, which orders were paid and came. The world around a shop that was killed lives on: what
// plays it next reads the journal, and everything people did comes to pass again without the shop being asked. What was
// asked last and has no answer yet is then asked again, as people do.
type journal struct {
	mu   sync.Mutex
	file *os.File
	past []note
	left []note // of the past, to be read yet
}

// note is an entry of the journal. Exactly one of the pointers is set, or none where something was asked.
type note struct {
	At        time.Time       `json:"at"`
	Life      int             `json:"life,omitempty"` // a process began
	Sent      *wire           `json:"sent,omitempty"`
	Paid      *paid           `json:"paid,omitempty"`
	Delivered *delivered      `json:"delivered,omitempty"`
	Answer    json.RawMessage `json:"answer,omitempty"`
	Kind      fault.Kind      `json:"kind,omitempty"`
	Fault     string          `json:"fault,omitempty"` // code; empty: it went well
}

// wire is what the journal keeps of a message.
type wire struct {
	messaging.Parcel
	Provider string
}

type paid struct {
	Cart, Number string
	ID           order.ID
}

type delivered struct {
	Number string
	At     time.Time
}

// openJournal opens a journal, which is made if it isn't there, and says whose life this process has.
func openJournal(path string, start time.Time) (*journal, int, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	j, life := &journal{file: f}, 1
	b, err := io.ReadAll(bufio.NewReader(f))
	if err != nil {
		return nil, 0, err
	}
	whole := bytes.LastIndexByte(b, '\n') + 1 // a line may have been cut off
	for line := range bytes.Lines(b[:whole]) {
		var n note
		if err := json.Unmarshal(line, &n); err != nil {
			return nil, 0, err
		}
		if n.Life > 0 {
			life = n.Life + 1
			continue
		}
		j.past = append(j.past, n)
	}
	j.left = j.past
	if err := f.Truncate(int64(whole)); err != nil {
		return nil, 0, err
	}
	if _, err := f.Seek(int64(whole), io.SeekStart); err != nil {
		return nil, 0, err
	}
	return j, life, j.write(note{At: start, Life: life})
}

func (j *journal) write(n note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.file.Write(append(b, '\n'))
	return err
}

// reading reports whether the past is played again.
func (j *journal) reading() bool { return j != nil && len(j.left) > 0 }

// last is the moment of the last entry, or start.
func (j *journal) last(start time.Time) time.Time {
	if len(j.past) == 0 {
		return start
	}
	return j.past[len(j.past)-1].At
}

// now is the time in the world: that of the past while it is played again.
func (w *world) now() time.Time {
	if w.journal.reading() {
		return w.then
	}
	return w.clock.Now()
}

// ask has the shop do something, and keeps what it answered in into, which must be all that the world learns from it. While
// the past is played again the shop isn't asked.
func (w *world) ask(into any, do func() error) error {
	j := w.journal
	if j == nil {
		return do()
	}
	for j.reading() {
		n := j.left[0]
		j.left = j.left[1:]
		switch {
		case n.Sent != nil:
			w.net.took(n.Sent.Parcel, n.Sent.Provider, n.At, false)
		case n.Paid != nil:
			w.paid(n.Paid.ID, n.Paid.Cart, n.Paid.Number)
		case n.Delivered != nil:
			w.delivered(n.Delivered.Number, n.Delivered.At)
		default:
			if n.Fault != "" {
				return &fault.Fault{Kind: n.Kind, Code: n.Fault}
			}
			if into != nil {
				return json.Unmarshal(n.Answer, into)
			}
			return nil
		}
	}
	if err := w.missed(); err != nil {
		return err
	}
	err := do()
	n := note{At: w.clock.Now()}
	if f := fault.Of(err); err != nil {
		if f.Kind == fault.Internal {
			return err
		}
		n.Kind, n.Fault = f.Kind, f.Code
	} else if into != nil {
		var bad error
		if n.Answer, bad = json.Marshal(into); bad != nil {
			return bad
		}
	}
	return errors.Join(err, j.write(n))
}

// missed tells the world once of what the shop kept in the moment in which it was killed, so that nobody heard of it.
func (w *world) missed() error {
	if w.caughtUp || len(w.journal.past) == 0 {
		w.caughtUp = true
		return nil
	}
	w.caughtUp = true
	var all []paid
	var came []delivered
	err := w.app.DB.Read(w.ctx, func(tx *db.Tx) (err error) {
		all, err = db.All(tx, func(r db.Row) (p paid, err error) { return p, r.Scan((*string)(&p.ID), &p.Cart, &p.Number) }, checks["paid"])
		if err == nil {
			came, err = db.All(tx, func(r db.Row) (d delivered, err error) { return d, r.Scan(&d.Number, &d.At) }, checks["delivered"])
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range all {
		if w.orders[p.Number] == nil {
			w.heardPaid(p)
		}
	}
	for _, d := range came {
		if v := w.orders[d.Number]; v != nil && v.arrived.IsZero() {
			w.heardDelivered(d)
		}
	}
	return nil
}

func (w *world) heardPaid(p paid) {
	w.keep(note{At: w.clock.Now(), Paid: &p})
	w.paid(p.ID, p.Cart, p.Number)
}

func (w *world) heardDelivered(d delivered) {
	w.keep(note{At: w.clock.Now(), Delivered: &d})
	w.delivered(d.Number, d.At)
}

// keep writes an entry, if there is a journal.
func (w *world) keep(n note) {
	if w.journal == nil {
		return
	}
	if err := w.journal.write(n); err != nil {
		w.stumble = err
	}
}
