package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/money"
)

// checks is when the state of an attempt is asked for again: each after the one before, the last repeated
// until lastCheck. Source: spec "Unknown outcome".
var checks = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour}

// lastCheck ends the asking about an attempt: a person looks at it then. Delayed methods have a week.
const (
	lastCheck        = 24 * time.Hour
	lastCheckDelayed = 8 * 24 * time.Hour
)

type (
	resolveJob struct{}
	fetchJob   struct {
		Attempt string `json:"attempt"`
	}
	unparkJob struct {
		PSP     string `json:"psp"`
		Account string `json:"account"`
		Event   string `json:"event"`
		Tries   int    `json:"tries"`
	}
	giveBackJob struct {
		Key string `json:"key"`
	}
)

// Job implements jobs.Args.
func (resolveJob) Job() string  { return "payment.resolve" }
func (fetchJob) Job() string    { return "payment.fetch" }
func (unparkJob) Job() string   { return "payment.unpark" }
func (giveBackJob) Job() string { return "payment.give_back" }

func (s *Service) register(q *jobs.Queue) {
	jobs.Handle(q, s.resolve)
	jobs.HandleOutside(q, s.fetch, jobs.Tries(3))
	jobs.Handle(q, s.unpark)
	jobs.HandleOutside(q, s.giveBack, jobs.Tries(20))
	q.Every("payment.resolve", max(2*time.Second, s.db.Clock().Grain()), resolveJob{})
}

// resolve sends somebody to ask about every attempt whose time has come. It is how calls that nobody ended,
// because the process died in the middle, come to an end.
func (s *Service) resolve(tx *db.Tx, _ resolveJob) error {
	all, err := due(tx, 500)
	if err != nil {
		return err
	}
	for _, a := range all {
		wait := checks[min(int(a.Tries), len(checks)-1)]
		if err := postpone(tx, a.Key, a.Tries+1, tx.Now().Add(wait)); err != nil {
			return err
		}
		if err := s.queue.Add(tx, fetchJob{a.ID}, jobs.When{Key: "fetch " + a.ID, Subject: a.Intent}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) fetch(ctx context.Context, j fetchJob) error { return s.Fetch(ctx, j.Attempt) }

// Fetch asks the provider what became of an attempt and records the answer. A start that the provider has never
// heard of is cancelled there, so that it can't succeed any more.
func (s *Service) Fetch(ctx context.Context, attempt string) error {
	var a Attempt
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = findAttempt(tx, attempt)
		return err
	})
	if err != nil {
		return err
	}
	p, err := s.psp(a.PSP)
	if err != nil {
		return err
	}
	answer, err := p.Fetch(ctx, a)
	if errors.Is(err, ErrNoPayment) {
		answer.Facts, err = s.cancel(ctx, p, a)
	}
	if err != nil {
		return s.stillUnknown(ctx, a, fmt.Errorf("fetch %s: %w", a.ID, err))
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		if a.Ref == "" && answer.Ref != "" { // the answer to its start was lost, and with it what the shopper has to do
			if _, err := s.open(tx, a.ID); err != nil {
				return err
			}
			if err := setAnswer(tx, a.Key, answer); err != nil {
				return err
			}
		}
		if err := s.Record(tx, FromFetch, answer.Facts...); err != nil {
			return err
		}
		return s.overdue(tx, a)
	})
}

func (s *Service) stillUnknown(ctx context.Context, a Attempt, cause error) error {
	err := s.db.Write(ctx, func(tx *db.Tx) error { return s.overdue(tx, a) })
	return errors.Join(cause, err)
}

// overdue hands an attempt that has been open too long to a person. It is never marked failed.
func (s *Service) overdue(tx *db.Tx, a Attempt) error {
	limit := lastCheck
	if a.Delayed {
		limit = lastCheckDelayed
	}
	if tx.Now().Sub(a.CreatedAt) < limit {
		return nil
	}
	k, err := s.open(tx, a.ID)
	if err != nil {
		return err
	}
	all, err := factsOf(tx, a.Intent)
	if err != nil || ProgressOf(a.ID, all).Final() {
		return err
	}
	if err := postpone(tx, a.Key, a.Tries, time.Time{}); err != nil {
		return err
	}
	reason := ReasonUnresolved
	if a.Delayed {
		reason = ReasonOverdue
	}
	return s.Review(tx, k.Intent, reason, a.Amount, "")
}

// cancel notes and makes the call that ends an attempt.
func (s *Service) cancel(ctx context.Context, p PSP, a Attempt) ([]Fact, error) {
	c := call{Key: key(a.Intent, "cancel", a.Seq), Attempt: a.ID, Operation: "cancel", Seq: a.Seq, Amount: a.Amount.Minor}
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		c.SentAt = tx.Now()
		return insertCall(tx, c, time.Time{})
	})
	if err != nil {
		return nil, err
	}
	facts, err := p.Cancel(ctx, a, c.Key)
	outcome := OK
	if err != nil {
		outcome = Unclear
	}
	return facts, errors.Join(err, s.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return setOutcome(tx, c.Key, outcome) }))
}

// parking is when a fact about something unknown is looked at again; after the last a person does.
var parking = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

func (s *Service) park(tx *db.Tx, from Source, f Fact) error {
	f.Source, f.ReceivedAt, f.Intent, f.Attempt = from, tx.Now(), "", ""
	fresh, err := insertFact(tx, f)
	if err != nil || !fresh {
		return err
	}
	return s.queue.Add(tx, unparkJob{f.PSP, f.Account, f.Event, 0}, jobs.When{At: tx.Now().Add(parking[0])})
}

func (s *Service) unpark(tx *db.Tx, j unparkJob) error {
	f, err := parkedFact(tx, j.PSP, j.Account, j.Event)
	if errors.Is(err, db.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	attempt, err := attemptOf(tx, f)
	if errors.Is(err, db.ErrNone) {
		j.Tries++
		if j.Tries < len(parking) {
			return s.queue.Add(tx, j, jobs.When{At: tx.Now().Add(parking[j.Tries])})
		}
		return s.Review(tx, Intent{ID: f.Event, Amount: f.Amount}, ReasonUnmatched, f.Amount, f.PSP+" "+f.Ref)
	}
	if err != nil {
		return err
	}
	k, err := s.open(tx, attempt)
	if err != nil {
		return err
	}
	if err := adopt(tx, f, k.Intent.ID, attempt); err != nil {
		return err
	}
	k.Fresh = []Fact{f}
	return s.settle(tx, k)
}

// Refund gives part of an intent's money back, or all that is left when amount is zero. More than was taken and
// not yet given back is ErrNotRefundable, before any call. The reason is kept with the call.
func (s *Service) Refund(tx *db.Tx, intent string, amount money.Amount, reason string) error {
	in, err := lockIntent(tx, intent)
	if err != nil {
		return err
	}
	return s.refund(tx, in, amount, reason)
}

// RefundRest gives back whatever of an intent's money is left; nothing left is fine.
func (s *Service) RefundRest(tx *db.Tx, intent, reason string) error {
	err := s.Refund(tx, intent, money.Amount{}, reason)
	if errors.Is(err, ErrNotRefundable) {
		return nil
	}
	return err
}

func (s *Service) refund(tx *db.Tx, in Intent, amount money.Amount, reason string) error {
	all, err := factsOf(tx, in.ID)
	if err != nil {
		return err
	}
	st := Derive(in.Amount, all)
	open, err := underWay(tx, in.ID)
	if err != nil {
		return err
	}
	left := money.Of(st.Net.Minor-st.RefundPending.Minor-open, in.Amount.Currency)
	if amount.IsZero() {
		amount = left
	}
	var c fault.Check
	c.That(amount.Currency == left.Currency, "currency", "other_currency")
	c.That(amount.Minor > 0, "amount", "must_be_positive")
	c.That(amount.Minor <= left.Minor, "amount", "more_than_"+left.Decimal())
	if err := c.Err(ErrNotRefundable.Code); err != nil {
		return fmt.Errorf("refund %s of %s: %w", amount, in.ID, err)
	}
	for _, f := range all {
		if p := ProgressOf(f.Attempt, all); p.Paid() && f.Money() {
			return s.callBack(tx, in, f.Attempt, "refund", amount, reason)
		}
	}
	return ErrNotRefundable
}

// GiveBack lets an attempt's money go: it is refunded if it was taken and released if it was only promised. It
// is done once per attempt, however often it is asked for.
func (s *Service) GiveBack(tx *db.Tx, k Case, reason string) error {
	operation := "void"
	if k.Progress.Kind == Captured {
		operation = "refund"
	}
	done, err := countCalls(tx, k.Attempt.ID, operation)
	if err != nil || done > 0 {
		return err
	}
	return s.callBack(tx, k.Intent, k.Attempt.ID, operation, k.Progress.Money, reason)
}

func (s *Service) callBack(tx *db.Tx, in Intent, attempt, operation string, amount money.Amount, reason string) error {
	n, err := countCalls(tx, attempt, operation)
	if err != nil {
		return err
	}
	c := call{Key: key(attempt, operation, n+1), Attempt: attempt, Operation: operation, Seq: n + 1, Amount: amount.Minor, Reason: reason, SentAt: tx.Now()}
	if err := insertCall(tx, c, time.Time{}); err != nil {
		return err
	}
	return s.queue.Add(tx, giveBackJob{c.Key}, jobs.When{Subject: in.ID, Priority: jobs.Urgent})
}

func (s *Service) giveBack(ctx context.Context, j giveBackJob) error {
	var c call
	var a Attempt
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if c, err = findCall(tx, j.Key); err == nil {
			a, err = findAttempt(tx, c.Attempt)
		}
		return err
	})
	if err != nil || c.Outcome == OK || c.Outcome == Refused {
		return err
	}
	p, err := s.psp(a.PSP)
	if err != nil {
		return err
	}
	var facts []Fact
	if c.Operation == "refund" {
		facts, err = p.Refund(ctx, a, money.Of(c.Amount, a.Amount.Currency), c.Key)
	} else {
		facts, err = p.Cancel(ctx, a, c.Key)
	}
	if err != nil && c.Operation == "refund" && fault.Of(err).Kind == fault.Invalid {
		return s.refundRefused(ctx, c, a, err)
	}
	if err != nil {
		note := s.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return setOutcome(tx, c.Key, Unclear) })
		return errors.Join(fmt.Errorf("give back %s: %w", c.Key, err), note)
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := s.open(tx, a.ID); err != nil {
			return err
		}
		if err := setOutcome(tx, c.Key, OK); err != nil {
			return err
		}
		for i := range facts {
			if facts[i].Object == OfRefund && facts[i].Reason == "" {
				facts[i].Reason = c.Reason
			}
		}
		return s.Record(tx, FromCall, facts...)
	})
}

// refundRefused ends a refund that the provider won't make: its money is no longer spoken for, and a person is told.
func (s *Service) refundRefused(ctx context.Context, c call, a Attempt, cause error) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		k, err := s.open(tx, a.ID)
		if err != nil {
			return err
		}
		if err := setOutcome(tx, c.Key, Refused); err != nil {
			return err
		}
		amount := money.Of(c.Amount, a.Amount.Currency)
		if err := s.Review(tx, k.Intent, ReasonRefundRefused, amount, cause.Error()); err != nil {
			return err
		}
		return s.bus.Publish(tx, RefundRefusedEvent{k.Intent.ID, k.Intent.Order, k.Intent.Customer, k.Intent.Market, fault.Of(cause).Code, amount, tx.Now()})
	})
}
