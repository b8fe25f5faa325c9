package events

import (
	"encoding/json"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
)

// Span selects a part of the journal.
type Span struct {
	Topics []string // none: nothing
	From   time.Time
	Until  time.Time // exclusive
}

// Replay reads a span of the journal in the order in which it was written. It is for one goroutine.
type Replay struct {
	span    Span
	streams []*stream
}

// stream is one topic's part of a replay.
type stream struct {
	topic string
	next  []numbered
	last  numbered
	ended bool
}

type numbered struct {
	Entry
	seq int64
}

// Replay begins to read a span.
func (b *Bus) Replay(s Span) *Replay {
	r := &Replay{span: s}
	for _, t := range s.Topics {
		r.streams = append(r.streams, &stream{topic: t, last: numbered{Entry: Entry{At: s.From}, seq: -1}})
	}
	return r
}

// replayPage is how many entries of a topic are read at a time.
const replayPage = 500

// Read returns the next entries, at most limit, which may come from several units of work; none at the end.
func (r *Replay) Read(tx *db.Tx, limit int) (all []Entry, err error) {
	for len(all) < limit {
		var first *stream
		for _, s := range r.streams {
			if len(s.next) == 0 && !s.ended {
				if err := s.read(tx, r.span.Until); err != nil {
					return nil, err
				}
			}
			if len(s.next) > 0 && (first == nil || s.next[0].before(first.next[0])) {
				first = s
			}
		}
		if first == nil {
			return all, nil
		}
		all = append(all, first.next[0].Entry)
		first.next = first.next[1:]
	}
	return all, nil
}

func (n numbered) before(o numbered) bool {
	if !n.At.Equal(o.At) {
		return n.At.Before(o.At)
	}
	return n.seq < o.seq
}

func (s *stream) read(tx *db.Tx, until time.Time) (err error) {
	s.next, err = db.All(tx, func(r db.Row) (e numbered, err error) {
		var body string
		err = r.Scan(&e.ID, &e.Topic, db.Moment(&e.At), &body, &e.seq)
		e.At, e.Body = e.At.UTC(), []byte(body)
		return
	}, `select id, topic, at, body, seq from events where topic = $1 and (at, seq, id) > ($2, $3, $4) and at < $5 order by at, seq, id limit 0 + $6`,
		s.topic, s.last.At, s.last.seq, s.last.ID, until, replayPage)
	if err != nil {
		return err
	}
	s.ended = len(s.next) < replayPage
	if len(s.next) > 0 {
		s.last = s.next[len(s.next)-1]
	}
	return nil
}

// Count says how many entries a span has.
func (b *Bus) Count(tx *db.Tx, s Span) (int64, error) {
	if len(s.Topics) == 0 {
		return 0, nil
	}
	args := append([]any{s.From, s.Until}, db.Fill(s.Topics)...)
	return db.One(tx, db.Scalar[int64], `select count(*) from events where at >= $1 and at < $2 and topic in `+db.In(3, len(s.Topics)), args...)
}

// Enter notes in the journal what happened at a moment of the past and tells nobody: for a history that is brought
// along.
func (b *Bus) Enter(tx *db.Tx, at time.Time, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Topic(), err)
	}
	key, seq := id.New("evt"), b.seq.Add(1)
	if err := tx.Send(`insert into events (id, topic, body, at, seq) values ($1, $2, $3, $4, $5)`, key, e.Topic(), string(body), at, seq); err != nil {
		return err
	}
	a, ok := e.(About)
	if !ok {
		return nil
	}
	var subjects [][]any
	for _, s := range a.Subjects() {
		if s != "" {
			subjects = append(subjects, []any{s, at, seq, key})
		}
	}
	return db.InsertEach(tx, `insert into event_subjects (subject, at, seq, event_id) values`, `on conflict do nothing`, subjects)
}
