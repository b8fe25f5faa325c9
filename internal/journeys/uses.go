package journeys

import (
	"cmp"
	"slices"

	"portolan/internal/db"
	"portolan/internal/messaging"
)

// TextUser is a version of a journey that sends a text.
type TextUser struct {
	Journey  string
	Version  int64
	Live     bool  // people enter it
	UnderWay int64 // people on their way in it
	Sent     int64 // the version of the text that they are sent
}

// TextUsers lists the versions of journeys that send a text to somebody: those that people enter, and those that people are
// under way in.
func (s *Service) TextUsers(tx *db.Tx, id messaging.TextID) (all []TextUser, err error) {
	history, err := s.Messages.History(tx, id)
	if err != nil {
		return nil, err
	}
	all, err = db.All(tx, func(r db.Row) (u TextUser, err error) { return u, r.Scan(&u.Journey, &u.Version, &u.UnderWay) },
		`select journey, version, count(*) from journey_runs where ended_at is null group by journey, version`)
	if err != nil {
		return nil, err
	}
	open, err := s.Journeys(tx)
	if err != nil {
		return nil, err
	}
	for _, j := range open {
		i := slices.IndexFunc(all, func(u TextUser) bool { return u.Journey == j.Name && u.Version == j.Version })
		switch {
		case j.State != Live:
		case i >= 0:
			all[i].Live = true
		default:
			all = append(all, TextUser{Journey: j.Name, Version: j.Version, Live: true})
		}
	}
	var senders []TextUser
	for _, u := range all {
		e, err := s.edition(tx, u.Journey, u.Version)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(e.d.Templates(), id.Key) {
			continue
		}
		u.Sent = history[0].N
		if pins := e.words[id.Key]; pins != nil {
			u.Sent = messaging.Corrected(history, pins[id])
		}
		senders = append(senders, u)
	}
	slices.SortFunc(senders, func(a, b TextUser) int {
		return cmp.Or(cmp.Compare(a.Journey, b.Journey), cmp.Compare(b.Version, a.Version))
	})
	return senders, nil
}
