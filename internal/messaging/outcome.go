package messaging

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
)

// askAfter is how long after an attempt without an answer its provider is asked, again and again, what became of it.
// What must arrive goes again after resendAfter unless one of the answers before that says that it was taken; what must
// not come twice is only asked about, so that its state becomes true.
var askAfter = []time.Duration{5 * time.Second, 25 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// askOutcome asks what became of an attempt, for the nth time.
type askOutcome struct {
	Attempt string `json:"attempt"`
	N       int    `json:"n"`
}

// Job implements jobs.Args.
func (askOutcome) Job() string { return "messaging.ask_outcome" }

// inquirer is the provider of a route, where it can be asked what became of a message.
func (s *Service) inquirer(route string) Inquirer {
	for _, r := range s.routes(route) {
		if q, ok := r.Carrier.(Inquirer); ok {
			return q
		}
	}
	return nil
}

// askAbout has the provider of an attempt without an answer asked about it. It is false where the provider can't be asked.
func (s *Service) askAbout(tx *db.Tx, at Attempt) (bool, error) {
	if s.inquirer(at.Route) == nil {
		return false, nil
	}
	return true, s.queue.Add(tx, askOutcome{at.ID, 0}, jobs.When{At: tx.Now().Add(askAfter[0]), Subject: at.Message, Priority: jobs.Urgent})
}

// inquire asks a provider about an attempt and takes over what it says. A provider that can't be reached is asked again at
// the next time.
func (s *Service) inquire(ctx context.Context, a askOutcome) error {
	var at Attempt
	var refs []string
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if at, err = attemptByID(tx, a.Attempt); err != nil {
			return err
		}
		refs, err = db.All(tx, db.Scalar[string], `select given from message_names where attempt = $1 order by part`, at.ID)
		return err
	})
	if errors.Is(err, ErrUnknown) {
		return nil // its words were taken away with everything about it
	}
	if err != nil {
		return err
	}
	q := s.inquirer(at.Route)
	if q == nil || at.Outcome != "unknown" {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, laneTimeout)
	defer cancel()
	told, err := q.Query(patience, at.ID, refs)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slog.Debug("a provider can't be asked what became of a message", "route", at.Route, "attempt", at.ID, "err", err)
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for _, e := range told {
			if e.Status == nil {
				continue
			}
			st := *e.Status
			if st.Attempt == "" {
				st.Attempt = at.ID
			}
			if err := s.told(tx, at.Provider, st); err != nil {
				return err
			}
		}
		now, err := attemptByID(tx, at.ID)
		if err != nil || now.Outcome != "unknown" || a.N+1 >= len(askAfter) {
			return err
		}
		a.N++
		next := at.AnsweredAt.Add(askAfter[a.N])
		if next.Before(tx.Now()) {
			next = tx.Now().Add(askAfter[0])
		}
		return s.queue.Add(tx, a, jobs.When{At: next, Subject: at.Message})
	})
}
