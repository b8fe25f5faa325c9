package checkout

import (
	"time"

	"portolan/internal/db"
)

const (
	// leftAfter is how long a shopper isn't seen before it is told that they left.
	leftAfter  = 10 * time.Minute
	watchEvery = 15 * time.Second
	watchBatch = 200
)

type watchJob struct{}

// Job implements jobs.Args.
func (watchJob) Job() string { return "checkout.watch" }

// watch tells of the carts whose shoppers have left. It looks for them by an index of the moments they were last
// seen, so that being seen costs no job.
func (s *Service) watch(tx *db.Tx, _ watchJob) error {
	gone, err := db.All(tx, scan, `select `+columns+` from carts
		where watched and left_at is null and state = 'open' and activity_at <= $1 order by activity_at, id limit 0 + $2`,
		tx.Now().Add(-leftAfter), int64(watchBatch))
	if err != nil || len(gone) == 0 {
		return err
	}
	secret, err := linkSecret(tx)
	if err != nil {
		return err
	}
	for _, c := range gone {
		n, err := tx.Exec(`update carts set left_at = $2 where id = $1 and left_at is null and state = 'open' and activity_at = $3`, c.ID, tx.Now(), c.Activity)
		if err != nil {
			return err
		}
		if n == 0 {
			continue // came back this moment
		}
		err = s.Bus.Publish(tx, LeftEvent{Cart: c.ID, Token: sign(secret, c.ID), Customer: c.Customer, Market: c.Market, Country: c.Country,
			Lang: c.Lang, Email: c.Contact.Email, Phone: c.Contact.Phone, At: c.Activity})
		if err != nil {
			return err
		}
	}
	return nil
}

// Unfinished counts the carts in which a shopper was seen since a moment and that are not paid, and those of them
// whose shoppers have left.
func (s *Service) Unfinished(tx *db.Tx, since time.Time) (open, left int64, err error) {
	type counts struct{ open, left int64 }
	c, err := db.One(tx, func(r db.Row) (c counts, err error) {
		err = r.Scan(&c.open, &c.left)
		return
	}, `select count(*), count(left_at) from carts where state <> 'ordered' and activity_at >= $1`, since)
	return c.open, c.left, err
}
