package fulfilment

import (
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
)

// expire is the job that gives back reservations whose time is over.
type expire struct{}

// Job implements jobs.Args.
func (expire) Job() string { return "fulfilment.expire" }

const (
	expireEvery = 5 * time.Minute
	expireBatch = 500
)

// Work registers what this package does on its own: reservations are given back within five minutes of their end.
func (s *Service) Work(q *jobs.Queue) {
	jobs.Handle(q, func(tx *db.Tx, a expire) error {
		n, err := s.Expire(tx, expireBatch)
		if err != nil || n < expireBatch {
			return err
		}
		return q.Add(tx, a, jobs.When{})
	})
	q.Every("fulfilment.expire", expireEvery, expire{})
}
