package messaging

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/jobs"
)

// OptOutList is a provider's own list of the numbers it no longer delivers to. An adapter offers it where its
// provider has one; what a provider says about a single text comes with Inbound.OptOut.
type OptOutList interface {
	// Provider is the name that routes carry too.
	Provider() string
	// Changes returns what changed on the list since a cursor, empty at first, oldest first, and the cursor to go
	// on with. Changes may be told twice.
	Changes(ctx context.Context, since string) (changes []OptOutChange, next string, err error)
	// Block and Unblock tell the provider what a person told us. Telling it twice is fine.
	Block(ctx context.Context, address string) error
	Unblock(ctx context.Context, address string) error
}

// OptOutChange is one line of a provider's list. Address is E.164 or an e-mail address.
type OptOutChange struct {
	Address string
	Stopped bool // false: the person wants messages again
	At      time.Time
}

// pullEvery is how often providers' lists are read: our own choice, well inside the law's ten business days.
const pullEvery = 15 * time.Minute

// OptOutLists keeps our list and providers' lists the same, in both directions. Call it once, before the queue runs.
func (s *Service) OptOutLists(bus *events.Bus, lists ...OptOutList) {
	jobs.HandleOutside(s.queue, s.pull)
	jobs.HandleOutside(s.queue, s.push)
	events.On(bus, "messaging.opt_outs", s.tell)
	s.lists = append(s.lists, lists...)
	for _, l := range lists {
		s.queue.Every("messaging.optouts "+l.Provider(), pullEvery, pullOptOuts{l.Provider()})
	}
}

// pullOptOuts reads a provider's list.
type pullOptOuts struct {
	Provider string `json:"provider"`
}

// Job implements jobs.Args.
func (pullOptOuts) Job() string { return "messaging.pull_opt_outs" }

// pushOptOut tells a provider about one address.
type pushOptOut struct {
	Provider string `json:"provider"`
	Address  string `json:"address"`
}

// Job implements jobs.Args.
func (pushOptOut) Job() string { return "messaging.push_opt_out" }

func (s *Service) list(provider string) OptOutList {
	for _, l := range s.lists {
		if l.Provider() == provider {
			return l
		}
	}
	return nil
}

// pull takes over a provider's changes, each in its own unit of work: a crash repeats some, which changes nothing.
func (s *Service) pull(ctx context.Context, a pullOptOuts) error {
	l := s.list(a.Provider)
	if l == nil {
		return jobs.Permanent(fmt.Errorf("no opt-out list of %s", a.Provider))
	}
	var cursor string
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		cursor, err = db.One(tx, db.Scalar[string], `select cursor from opt_out_cursors where provider = $1`, a.Provider)
		if errors.Is(err, db.ErrNone) {
			err = nil
		}
		return err
	})
	if err != nil {
		return err
	}
	changes, next, err := l.Changes(ctx, cursor)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := s.db.Write(ctx, func(tx *db.Tx) error { return s.OptOutChanged(tx, a.Provider, c) }); err != nil {
			return err
		}
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		return tx.Send(`insert into opt_out_cursors (provider, cursor, at) values ($1, $2, $3)
			on conflict (provider) do update set cursor = excluded.cursor, at = excluded.at`, a.Provider, next, tx.Now())
	})
}

// OptOutChanged takes over one change of a provider's list, read or pushed to us: a stop silences the person on every
// channel at once, as if they had written to us. A change that is older than what the person said since is history.
func (s *Service) OptOutChanged(tx *db.Tx, provider string, c OptOutChange) error {
	if err := lockAddress(tx, c.Address); err != nil {
		return err
	}
	last, err := s.people.LastChange(tx, c.Address)
	if err != nil || !c.At.IsZero() && c.At.Before(last) {
		return err
	}
	if c.Stopped {
		_, err := s.stop(tx, c.Address, sourceOf(provider))
		return err
	}
	_, _, err = s.people.Restore(tx, c.Address, sourceOf(provider))
	return err
}

func sourceOf(provider string) string { return "provider " + provider }

// tell passes on to providers what a person told us. Listens to customer.consent_changed.
func (s *Service) tell(tx *db.Tx, e customer.ConsentEvent) error {
	if e.Channel != customer.Every || e.Action != customer.Revoke && e.Action != customer.Restore {
		return nil
	}
	for _, l := range s.lists {
		if err := s.queue.Add(tx, pushOptOut{l.Provider(), e.Address}, jobs.When{Subject: e.Address}); err != nil {
			return err
		}
	}
	return nil
}

// push tells a provider how things stand with an address now, whatever happened since the job was added. Nobody
// holds the address meanwhile: a change in between adds a job of its own.
func (s *Service) push(ctx context.Context, a pushOptOut) error {
	l := s.list(a.Provider)
	if l == nil {
		return nil
	}
	var silent customer.Suppression
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		silent, err = s.people.Suppressed(tx, a.Address)
		return err
	})
	if err != nil || silent.Source == sourceOf(a.Provider) {
		return err
	}
	if silent.Reason == customer.ReasonStop {
		return l.Block(ctx, a.Address)
	}
	return l.Unblock(ctx, a.Address)
}
