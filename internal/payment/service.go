package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
)

// What payment asks of the packages below it.
type (
	// Bus is satisfied by events.Bus.
	Bus interface {
		Publish(tx *db.Tx, e events.Event) error
	}
	// Queue is satisfied by jobs.Queue.
	Queue interface {
		Add(tx *db.Tx, a jobs.Args, w jobs.When) error
	}
)

// Case is everything known about one intent when new facts about it arrive.
type Case struct {
	Intent   Intent
	Attempt  Attempt // the one the new facts are about
	Progress Progress
	Status   Status
	Fresh    []Fact // those that are new, oldest first

	ended bool // it was just noted that nothing has to be asked any more
}

// Service is the ledger and the only one who calls providers.
type Service struct {
	db      *db.DB
	bus     Bus
	queue   Queue
	psps    map[string]PSP
	order   []PSP
	onFacts func(tx *db.Tx, c Case) error
}

// New returns a ledger over the providers given, best first, whose work of finding out is done by q.
func New(d *db.DB, q *jobs.Queue, bus Bus, psps ...PSP) *Service {
	s := &Service{db: d, bus: bus, queue: q, psps: map[string]PSP{}, order: psps}
	for _, p := range psps {
		s.psps[p.Name()] = p
	}
	s.register(q)
	return s
}

// OnFacts registers what is done, in the unit of work that stores them, when facts are new. There is one such
// function, because there is one way to complete a checkout.
func (s *Service) OnFacts(f func(tx *db.Tx, c Case) error) { s.onFacts = f }

// Methods are the ways to pay an amount in a market, in the market's order; of two providers the better one's.
func (s *Service) Methods(m market.Market, a money.Amount) []Method {
	offered := map[string]Method{}
	for _, p := range s.order {
		for _, o := range p.Methods(m, a) {
			if _, ok := offered[o.ID]; !ok {
				o.PSP, o.Test = p.Name(), p.Test()
				offered[o.ID] = o
			}
		}
	}
	var all []Method
	for _, name := range m.Methods {
		if o, ok := offered[name]; ok {
			all = append(all, o)
		}
	}
	return all
}

// Method is one of Methods, or ErrUnknownMethod.
func (s *Service) Method(m market.Market, a money.Amount, method string) (Method, error) {
	for _, o := range s.Methods(m, a) {
		if o.ID == method {
			return o, nil
		}
	}
	return Method{}, ErrUnknownMethod.With(map[string]string{"method": "not_offered"})
}

// Check says what is wrong with what a shopper typed as a means of payment, as far as that can be told.
func (s *Service) Check(m Method, instrument string) error {
	p, err := s.psp(m.PSP)
	if err != nil {
		return err
	}
	return p.Check(m.ID, instrument)
}

func (s *Service) psp(name string) (PSP, error) {
	if p := s.psps[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%.40q: %w", name, ErrUnknownPSP)
}

// Begin is what a checkout wants to be paid.
type Begin struct {
	Cart     string
	Customer string
	Market   market.Code
	Amount   money.Amount
	Quote    string
	Method   Method
}

// OrderID is the id of the order that an intent makes, so that what is held for it can be named before it is
// there.
func OrderID(intent string) string {
	if len(intent) < 4 {
		return intent
	}
	return "ord" + intent[3:]
}

// patience is how long a call may be in flight before its outcome is asked for, in the world's time: providers
// don't answer sooner because our clock runs fast.
const patience = 10 * time.Second

// world is a time of the world on the shop's clock.
func (s *Service) world(d time.Duration) time.Duration {
	return time.Duration(float64(d) * max(1, s.db.Clock().Speed()))
}

// Begin notes that a payment is about to be started. It is the last word before the provider is called, and
// the first that a crash leaves behind. An intent with an order is ErrCompleted.
func (s *Service) Begin(tx *db.Tx, b Begin) (Attempt, error) {
	p, err := s.psp(b.Method.PSP)
	if err != nil {
		return Attempt{}, err
	}
	in, seq, err := openIntent(tx, Intent{ID: id.New("pay"), Cart: b.Cart, Customer: b.Customer, Market: b.Market,
		Amount: b.Amount, Quote: b.Quote, Test: p.Test(), CreatedAt: tx.Now()})
	if err != nil {
		return Attempt{}, fmt.Errorf("begin payment of %s: %w", b.Cart, err)
	}
	a := Attempt{ID: fmt.Sprintf("%s_%d", in, seq), Intent: in, Seq: seq, PSP: p.Name(), Account: p.Account(),
		Method: b.Method.ID, Delayed: b.Method.Delayed, Amount: b.Amount, Quote: b.Quote, CreatedAt: tx.Now(),
		Key: key(in, "start", seq), SentAt: tx.Now()}
	if err := insertAttempt(tx, a); err != nil {
		return a, err
	}
	return a, insertCall(tx, call{Key: a.Key, Attempt: a.ID, Operation: "start", Seq: seq, Amount: a.Amount.Minor, SentAt: tx.Now()},
		tx.Now().Add(s.world(patience)))
}

// key is the idempotency key of a call: the same for the same payment, operation and sequence.
func key(intent, operation string, seq int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%d", intent, operation, seq))
	return hex.EncodeToString(sum[:16])
}

// Start asks the provider to begin an attempt that Begin noted, and keeps the answer. The attempt that comes
// back has its outcome; an outcome that is unknown is no error.
func (s *Service) Start(ctx context.Context, c Charge) (Attempt, error) {
	p, err := s.psp(c.Attempt.PSP)
	if err != nil {
		return c.Attempt, err
	}
	answer, failure := p.Start(ctx, c)
	a := c.Attempt
	a.Ref, a.Action, a.Outcome = answer.Ref, answer.Action, OK
	var facts []Fact
	switch {
	case failure == nil:
		facts = answer.Facts
	case fault.Of(failure).Kind == fault.Invalid:
		a.Outcome = Refused
		facts = []Fact{s.refusal(a, failure)}
	default:
		a.Outcome = Unclear
		slog.WarnContext(ctx, "outcome of a payment is unknown", "attempt", a.ID, "err", failure)
	}
	// The shopper may have hung up: what the provider said is kept all the same.
	err = s.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		return s.answered(tx, a, facts)
	})
	if err != nil {
		return a, fmt.Errorf("keep the answer to %s: %w", a.ID, err)
	}
	return a, nil
}

// refusal is the fact that a provider didn't take a request at all.
func (s *Service) refusal(a Attempt, failure error) Fact {
	return Fact{PSP: a.PSP, Account: a.Account, Event: "refused:" + a.Key, Reference: a.ID, Object: OfAttempt, Ref: "refused:" + a.ID,
		Kind: Failed, Reason: "refused", Amount: a.Amount, OccurredAt: a.SentAt, Raw: failure.Error()}
}

func (s *Service) answered(tx *db.Tx, a Attempt, facts []Fact) error {
	final := false
	for _, f := range facts {
		final = final || Progress{Kind: f.Kind}.Final() || f.Kind == Succeeded
	}
	check := time.Time{}
	switch {
	case a.Outcome == Unclear:
		check = tx.Now().Add(checks[0])
	case a.Outcome == OK && !final:
		check = tx.Now().Add(checks[1])
	}
	// the intent first: whoever settles it locks in the same order
	in, err := lockIntent(tx, a.Intent)
	if err != nil {
		return err
	}
	if err := endCall(tx, a, check); err != nil {
		return err
	}
	return s.record(tx, &Case{Intent: in, Attempt: a, ended: check.IsZero()}, FromCall, facts, true)
}

// Record keeps facts and hands those that are new on, in the caller's unit of work. Facts about nothing we
// know are parked and tried again later.
func (s *Service) Record(tx *db.Tx, from Source, facts ...Fact) error {
	byAttempt := map[string][]Fact{}
	var order []string
	for _, f := range facts {
		known, err := seen(tx, f)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		attempt, err := attemptOf(tx, f)
		if errors.Is(err, db.ErrNone) {
			if err := s.park(tx, from, f); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if byAttempt[attempt] == nil {
			order = append(order, attempt)
		}
		byAttempt[attempt] = append(byAttempt[attempt], f)
	}
	for _, attempt := range order {
		k, err := s.open(tx, attempt)
		if err != nil {
			return err
		}
		if err := s.record(tx, k, from, byAttempt[attempt], false); err != nil {
			return err
		}
	}
	return nil
}

// open locks an intent and returns what is known about it and one of its attempts.
func (s *Service) open(tx *db.Tx, attempt string) (*Case, error) {
	a, err := findAttempt(tx, attempt)
	if err != nil {
		return nil, err
	}
	in, err := lockIntent(tx, a.Intent)
	return &Case{Intent: in, Attempt: a}, err
}

// record stores facts about one attempt, whose intent is locked, and settles the case if any of them is new,
// or if anyway is set.
func (s *Service) record(tx *db.Tx, k *Case, from Source, facts []Fact, anyway bool) error {
	for _, f := range facts {
		f.Intent, f.Attempt, f.Source, f.ReceivedAt = k.Intent.ID, k.Attempt.ID, from, tx.Now()
		fresh, err := insertFact(tx, f)
		if err != nil {
			return err
		}
		if fresh {
			k.Fresh = append(k.Fresh, f)
		}
	}
	if len(k.Fresh) == 0 && !anyway {
		return nil
	}
	return s.settle(tx, k)
}

func (s *Service) settle(tx *db.Tx, k *Case) error {
	all, err := factsOf(tx, k.Intent.ID)
	if err != nil {
		return err
	}
	k.Status, k.Progress = Derive(k.Intent.Amount, all), ProgressOf(k.Attempt.ID, all)
	if k.Progress.Final() && !k.ended {
		if err := stopChecking(tx, k.Attempt.ID); err != nil {
			return err
		}
	}
	if err := s.announce(tx, k); err != nil {
		return err
	}
	if s.onFacts == nil {
		return nil
	}
	return s.onFacts(tx, *k)
}

func (s *Service) announce(tx *db.Tx, k *Case) error {
	for _, f := range k.Fresh {
		var e events.Event
		switch {
		case f.Money():
			e = CapturedEvent{k.Intent.ID, k.Intent.Cart, k.Attempt.ID, k.Intent.Customer, k.Intent.Market, k.Attempt.Method, f.Amount, f.ReceivedAt}
		case f.Object == OfAttempt && Progress{Kind: f.Kind}.Dead() && k.Progress.Dead():
			e = FailedEvent{k.Intent.ID, k.Intent.Cart, k.Attempt.ID, k.Intent.Customer, k.Intent.Market, k.Attempt.Method, f.Reason, f.Amount, f.ReceivedAt}
		case f.Object == OfRefund && f.Kind == Succeeded:
			e = ReturnedEvent{k.Intent.ID, k.Intent.Cart, k.Intent.Order, k.Intent.Customer, k.Intent.Market, f.Reason, f.Amount, f.ReceivedAt, f.PSP + ":" + f.Ref}
		default:
			continue
		}
		if err := s.bus.Publish(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// Completed notes the order that an intent has made.
func (s *Service) Completed(tx *db.Tx, intent, order string) error {
	return setOrder(tx, intent, order)
}

// Reopen hands an intent's case to OnFacts again as it stands: for staff, after a cause of trouble is gone.
func (s *Service) Reopen(ctx context.Context, attempt string) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		k, err := s.open(tx, attempt)
		if err != nil {
			return err
		}
		return s.settle(tx, k)
	})
}

// Webhook takes a request that a provider sent to us: verified, read and recorded. What was had already costs
// no write. ErrUnknownPSP, ErrSignature, ErrWebhook.
func (s *Service) Webhook(ctx context.Context, psp string, header map[string][]string, body []byte) error {
	p, err := s.psp(psp)
	if err != nil {
		return err
	}
	facts, err := p.ParseWebhook(header, body, s.db.Clock().Now())
	if err != nil {
		return err
	}
	return s.learn(ctx, FromWebhook, facts)
}

// learn records facts that came without a unit of work; facts that are known cost a read.
func (s *Service) learn(ctx context.Context, from Source, facts []Fact) error {
	news := facts[:0:0]
	read := s.db.Read
	if len(facts) == 1 {
		read = s.db.Peek
	}
	err := read(ctx, func(tx *db.Tx) error {
		for _, f := range facts {
			known, err := seen(tx, f)
			if err != nil {
				return err
			}
			if !known {
				news = append(news, f)
			}
		}
		return nil
	})
	if err != nil || len(news) == 0 {
		return err
	}
	return s.db.Write(ctx, func(tx *db.Tx) error { return s.Record(tx, from, news...) })
}

// Returned is told that the shopper's browser came back from the provider's page.
func (s *Service) Returned(ctx context.Context, attempt string, params map[string]string) error {
	return s.ask(ctx, attempt, FromReturn, func(p PSP, a Attempt) ([]Fact, error) { return p.Advance(ctx, a, params) })
}

// Cancel ends an attempt for the shopper, who wants to pay otherwise. If the money was faster, that is recorded
// instead.
func (s *Service) Cancel(ctx context.Context, attempt string) error {
	return s.ask(ctx, attempt, FromCall, func(p PSP, a Attempt) ([]Fact, error) { return s.cancel(ctx, p, a) })
}

func (s *Service) ask(ctx context.Context, attempt string, from Source, f func(PSP, Attempt) ([]Fact, error)) error {
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
	facts, err := f(p, a)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", a.PSP, a.ID, err)
	}
	return s.learn(ctx, from, facts)
}

// OrderOf is the order that a payment made, by our name for the attempt or the provider's, as reports of payouts
// have it; "" where there is none.
func (s *Service) OrderOf(tx *db.Tx, ref string) (string, error) {
	order, err := orderOf(tx, ref)
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return order, err
}
