package messaging

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"portolan/internal/db"
)

const (
	receiptWithin = 120 * time.Second // how long what must arrive waits for word that it has, before the next channel (messaging.md, channels)
	nextWithin    = 24 * time.Hour    // later than this after it was written a message goes nowhere else: old news alarms
)

// rest are the addresses after the one that r went to.
func (r Record) rest() []Reach {
	at := Reach{r.Channel, r.To}
	if at == (Reach{r.asked.Channel, r.asked.To}) {
		return r.asked.Else
	}
	for i, x := range r.asked.Else {
		if x == at {
			return r.asked.Else[i+1:]
		}
	}
	return nil
}

// goesOn reports whether a message may go to another address if this one fails: what is asked for goes to one alone.
func (r Record) goesOn() bool {
	return r.Class == Transactional && r.Via == "" && len(r.rest()) > 0
}

// awaited is until when a message that was just taken waits for a receipt; zero: there is none to come, or nowhere else
// to go.
func (s *Service) awaited(r Record, t Taken, now time.Time) time.Time {
	if t.Final || !r.goesOn() {
		return time.Time{}
	}
	return now.Add(cmp.Or(s.cfg.ReceiptWithin, receiptWithin))
}

// overdue lets what has waited too long for its receipt go by the next channel.
func (s *Service) overdue(tx *db.Tx, message string) error {
	r, err := take(tx, message)
	if err != nil || r.State != Sent || r.due.IsZero() || r.due.After(tx.Now()) {
		return err
	}
	r.due = time.Time{}
	if err := save(tx, r); err != nil {
		return err
	}
	_, err = s.next(tx, r)
	return err
}

// next sends what r says to the first of its other addresses that there is a way to, once. The id is of the message that
// goes there; empty: none does.
func (s *Service) next(tx *db.Tx, r Record) (id string, err error) {
	if !r.goesOn() || tx.Now().Sub(r.CreatedAt) > nextWithin || !r.NotAfter.IsZero() && tx.Now().After(r.NotAfter) {
		return "", nil
	}
	m := r.asked
	m.Key, m.Instead, m.Else = "next:"+r.ID, r.ID, r.rest()
	for found := false; !found; {
		if len(m.Else) == 0 {
			return "", nil
		}
		m.Channel, m.To, m.Else = m.Else[0].Channel, m.Else[0].To, m.Else[1:]
		_, found = s.route(m.Channel, countryOf(m), m.Class, "", nil, false)
	}
	instead, err := s.Send(tx, m)
	if errors.Is(err, ErrBadMessage) {
		slog.Warn("a message can't go by its next channel", "message", r.ID, "channel", m.Channel, "err", err)
		return "", nil
	}
	if err != nil || has([]State{Dropped, Failed, Expired}, instead.State) {
		return "", err
	}
	return instead.ID, nil
}
