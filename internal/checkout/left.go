package checkout

import (
	"crypto/rand"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
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
		if err := s.Bus.Publish(tx, c.left(secret)); err != nil {
			return err
		}
	}
	if len(gone) < watchBatch {
		return nil
	}
	return s.queue.Add(tx, watchJob{}, jobs.When{}) // there may be more
}

func (c *Cart) left(secret []byte) LeftEvent {
	return LeftEvent{Cart: c.ID, Token: sign(secret, c.ID), Customer: c.Customer, Market: c.Market, Country: c.Country, Lang: c.Lang, Email: c.Contact.Email,
		Phone: c.Contact.Phone, At: c.Activity}
}

// Enter puts a cart of the past whose shopper left, last seen at Activity, into the book and tells nobody: for a history
// that is brought along. The journal says when it was noticed that they had left, and of a cart with an Order when that was
// placed. ErrInvalid names what is missing: lines, contact, activity, ordered.
func (s *Service) Enter(tx *db.Tx, c Cart, ordered time.Time) error {
	c.LeftAt = c.Activity.Add(leftAfter)
	var check fault.Check
	check.That(len(c.Lines) > 0 && len(c.Lines) <= MaxLines, "lines", "required")
	check.That(c.Contact.Email != "" || c.Contact.Phone != "", "contact", "required")
	check.That(!c.Activity.IsZero() && !c.LeftAt.After(tx.Now()) && !c.CreatedAt.After(c.Activity), "activity", "unknown")
	check.That(c.Order == "" || !ordered.Before(c.LeftAt) && !ordered.After(tx.Now()), "ordered", "unknown")
	if err := check.Err(ErrInvalid.Code); err != nil {
		return err
	}
	secret, err := linkSecret(tx)
	if err != nil {
		return err
	}
	if c.State = Open; c.Order != "" {
		c.State = Ordered
	}
	if c.Token == "" {
		c.Token = strings.ToLower(rand.Text())
	}
	if err := insert(tx, c); err != nil {
		return err
	}
	last := c.Activity
	if c.Order != "" {
		last = ordered
	}
	if err := tx.Send(`update carts set activity_at = $2, left_at = $3, order_id = $4 where id = $1`, c.ID, last, c.LeftAt, orNull(string(c.Order))); err != nil {
		return err
	}
	if err := s.Bus.Enter(tx, c.LeftAt, c.left(secret)); err != nil || c.Order == "" {
		return err
	}
	return s.Bus.Enter(tx, ordered, RecoveredEvent{Cart: c.ID, Order: c.Order, Customer: c.Customer, Market: c.Market, LeftAt: c.LeftAt, At: ordered})
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
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
