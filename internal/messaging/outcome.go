package messaging

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
)

// askAfter is how long after an attempt without an answer its provider is asked, again and again, what became of it.
// What must arrive goes again after resendAfter unless one of the answers before that says that it was taken. What must
// not come twice goes again only where the provider says sureAfter or later that it never had it.
var askAfter = []time.Duration{5 * time.Second, 25 * time.Second, sureAfter, time.Hour, 6 * time.Hour, 24 * time.Hour}

// sureAfter is how long after an attempt a provider that has no record of it is believed. The record may be written a while
// after the request was taken.
const sureAfter = 5 * time.Minute

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

// doubt has the provider of an attempt without an answer asked about it, where it can be asked. What must arrive goes again
// after patience; an offer waits until the provider can be sure, or ends here where nobody can be asked.
func (s *Service) doubt(tx *db.Tx, r Record, at Attempt, patience time.Duration) error {
	asked := s.inquirer(at.Route) != nil
	if asked {
		if err := s.queue.Add(tx, askOutcome{at.ID, 0}, jobs.When{At: tx.Now().Add(askAfter[0]), Subject: at.Message, Priority: jobs.Urgent}); err != nil {
			return err
		}
	}
	switch {
	case !r.Class.asks():
		r.due = tx.Now().Add(patience)
	case asked:
		r.due = tx.Now().Add(sureAfter + resendAfter)
	default:
		r.State, r.Reason = Unknown, "outcome_unknown"
		return s.end(tx, r)
	}
	return save(tx, r)
}

// inquire asks a provider about an attempt and takes over what it says. A provider that can't be reached is asked again at
// the next time.
func (s *Service) inquire(ctx context.Context, a askOutcome) error {
	var at Attempt
	var refs []string
	var began time.Time
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		began = tx.Now()
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
	never := errors.Is(err, ErrNever)
	if err != nil && !never {
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
		if never && began.Sub(at.AnsweredAt) >= sureAfter {
			return s.denied(tx, at)
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

// denied notes that an attempt without an answer never came to its provider. If no other may have arrived, the message goes
// again now, without a mark; one that was given up meanwhile has failed.
func (s *Service) denied(tx *db.Tx, at Attempt) error {
	r, err := take(tx, at.Message)
	if err != nil {
		return err
	}
	past, err := attempts(tx, r.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(past, func(a Attempt) bool { return a.ID == at.ID && a.Outcome == "unknown" })
	if i < 0 {
		return nil // it had its answer meanwhile
	}
	past[i].Outcome, past[i].Trouble, past[i].Detail, past[i].AnsweredAt = "refused", Again, ErrNever.Error(), tx.Now()
	if err := saveAttempt(tx, past[i]); err != nil || unanswered(past) > 0 {
		return err
	}
	switch r.State {
	case Queued:
		r.due = tx.Now()
		return save(tx, r)
	case Unknown:
		r.State, r.Reason = Failed, "refused_by_every_route"
		return s.end(tx, r)
	}
	return nil
}
