package payment

import (
	"errors"
	"fmt"

	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/money"
)

// Why money lies on the shelf of reviews.
const (
	ReasonSoldOut     = "sold_out"        // paid, but the stock was gone: given back by itself
	ReasonCodeUsed    = "code_used"       // paid with a discount code that was used up meanwhile: given back by itself
	ReasonWrongAmount = "wrong_amount"    // another amount or currency than asked for
	ReasonTwice       = "paid_twice"      // a second attempt of one intent was paid: given back by itself
	ReasonCancelled   = "order_cancelled" // money came for an order that is cancelled: given back by itself
	ReasonOutdated    = "outdated_quote"  // paid for a cart that has changed: given back by itself
	ReasonUnresolved  = "unresolved"      // nobody knows what became of it after a day
	ReasonOverdue     = "overdue"         // a transfer never came
	ReasonUnmatched   = "unmatched"       // a provider speaks of a payment that isn't ours

	ReasonRefundRefused = "refund_refused" // the provider won't give money back
)

// Review is money that a person has to look at. There is one per intent and reason.
type Review struct {
	ID       string
	Intent   string
	Cart     string
	Order    string
	Reason   string
	Amount   money.Amount
	OpenedAt time.Time
	ClosedAt time.Time
	ClosedBy string
	Note     string
}

// ErrUnknownReview is the fault of a review that isn't there or is closed.
var ErrUnknownReview = fault.New(fault.NotFound, "payment.unknown_review")

// Review puts an intent on the shelf and announces it. The same intent for the same reason is put there once.
func (s *Service) Review(tx *db.Tx, in Intent, reason string, a money.Amount, note string) error {
	r := Review{ID: id.New("rev"), Intent: in.ID, Cart: in.Cart, Order: in.Order, Reason: reason, Amount: a, OpenedAt: tx.Now(), Note: note}
	fresh, err := insertReview(tx, r)
	if err != nil || !fresh {
		return err
	}
	return s.bus.Publish(tx, ReviewedEvent{r.ID, r.Intent, r.Cart, r.Order, in.Customer, in.Market, reason, a, r.OpenedAt})
}

// Reviews lists what is on the shelf, oldest first; with closed, what was there, latest first. At most 200.
func (s *Service) Reviews(tx *db.Tx, closed bool) ([]Review, error) {
	if closed {
		return db.All(tx, scanReview, `select `+reviewColumns+` from payment_reviews where closed_at is not null order by closed_at desc, id desc limit 200`)
	}
	return db.All(tx, scanReview, `select `+reviewColumns+` from payment_reviews where closed_at is null order by opened_at, id limit 200`)
}

// CloseReview takes a review off the shelf.
func (s *Service) CloseReview(tx *db.Tx, review, by, note string) error {
	n, err := tx.Exec(`update payment_reviews set closed_at = $2, closed_by = $3, note = case when $4 = '' then note else $4 end
		where id = $1 and closed_at is null`, review, tx.Now(), by, note)
	if err == nil && n == 0 {
		err = fmt.Errorf("%.60q: %w", review, ErrUnknownReview)
	}
	return err
}

// Account is all that is known about one intent, for people.
type Account struct {
	Intent   Intent
	Attempts []Attempt // in order
	Facts    []Fact    // as they arrived
	Status   Status
	Reviews  []Review
}

// Account returns what is known about an intent, or ErrUnknown.
func (s *Service) Account(tx *db.Tx, id string) (Account, error) {
	in, err := intent(tx, `where id = $1`, id)
	return account(tx, in, err)
}

// OfOrder returns what is known about the payment of an order; ErrUnknown for orders that were paid elsewhere.
func (s *Service) OfOrder(tx *db.Tx, order string) (Account, error) {
	in, err := intent(tx, `where order_id = $1`, order)
	return account(tx, in, err)
}

func account(tx *db.Tx, in Intent, err error) (Account, error) {
	k := Account{Intent: in}
	if err != nil {
		return k, err
	}
	if k.Attempts, err = db.All(tx, scanAttempt, attempts+`where a.intent = $1 order by a.seq`, in.ID); err != nil {
		return k, err
	}
	if k.Facts, err = factsOf(tx, in.ID); err != nil {
		return k, err
	}
	k.Status = Derive(in.Amount, k.Facts)
	k.Reviews, err = db.All(tx, scanReview, `select `+reviewColumns+` from payment_reviews where intent = $1 order by opened_at, id`, in.ID)
	return k, err
}

// State is one attempt and how far it has come, for a page that waits. ErrUnknown.
func (s *Service) State(tx *db.Tx, attempt string) (Attempt, Progress, error) {
	a, err := findAttempt(tx, attempt)
	if err != nil {
		return a, Progress{}, err
	}
	all, err := factsOf(tx, a.Intent)
	return a, ProgressOf(attempt, all), err
}

// Last is the latest attempt to pay a cart, or ErrUnknown.
func (s *Service) Last(tx *db.Tx, cart string) (Attempt, error) {
	a, err := db.One(tx, scanAttempt, attempts+`where a.intent in (select id from payment_intents where cart = $1) order by a.seq desc limit 1`, cart)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return a, err
}
