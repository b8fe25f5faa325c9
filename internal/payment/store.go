package payment

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/money"
)

//go:embed schema
var files embed.FS

// Schema holds intents, attempts, calls, facts and reviews.
var Schema = db.Schema{Owner: "payment", Files: files}

// call is something asked of a provider.
type call struct {
	Key, Attempt, Operation string
	Seq, Amount             int64
	Reason                  string
	SentAt                  time.Time
	Outcome                 Outcome
}

const intentColumns = `id, cart, order_id, customer, market, amount, currency, quote, test, created_at`

// openIntent makes or renews the intent of a cart, locks it and counts the attempt that is about to be made.
func openIntent(tx *db.Tx, in Intent) (intent string, seq int64, err error) {
	err = ErrCompleted
	_, none := db.One(tx, func(r db.Row) (_ struct{}, e error) {
		err = nil
		e = r.Scan(&intent, &seq)
		return
	}, `insert into payment_intents (id, cart, order_id, customer, market, amount, currency, quote, attempts, test, created_at)
		values ($1, $2, null, $3, $4, $5, $6, $7, 1, $8, $9)
		on conflict (cart) do update set customer = excluded.customer, amount = excluded.amount, currency = excluded.currency,
			quote = excluded.quote, attempts = payment_intents.attempts + 1, test = excluded.test
		where payment_intents.order_id is null
		returning id, attempts`,
		in.ID, in.Cart, in.Customer, string(in.Market), in.Amount.Minor, string(in.Amount.Currency), in.Quote, in.Test, in.CreatedAt)
	if none != nil && !errors.Is(none, db.ErrNone) {
		err = none
	}
	return intent, seq, err
}

func lockIntent(tx *db.Tx, id string) (Intent, error) {
	return intent(tx, `where id = $1`+tx.ForUpdate(), id)
}

func intent(tx *db.Tx, where string, args ...any) (Intent, error) {
	in, err := db.One(tx, scanIntent, `select `+intentColumns+` from payment_intents `+where, args...)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return in, err
}

func scanIntent(r db.Row) (in Intent, err error) {
	err = r.Scan(&in.ID, &in.Cart, db.Null(&in.Order), &in.Customer, &in.Market, &in.Amount.Minor, &in.Amount.Currency, &in.Quote, &in.Test, &in.CreatedAt)
	in.CreatedAt = in.CreatedAt.UTC()
	return
}

func setOrder(tx *db.Tx, intent, order string) error {
	err := tx.Send(`update payment_intents set order_id = $2 where id = $1`, intent, order)
	return err
}

func insertAttempt(tx *db.Tx, a Attempt) error {
	err := tx.Send(`insert into payment_attempts (id, intent, seq, psp, account, method, delayed, amount, currency, quote, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, a.Intent, a.Seq, a.PSP, a.Account, a.Method, a.Delayed, a.Amount.Minor, string(a.Amount.Currency), a.Quote, a.CreatedAt)
	return err
}

// attempts are read together with the call that started them.
const attempts = `select a.id, a.intent, a.seq, a.psp, a.account, a.method, a.delayed, a.amount, a.currency, a.quote, a.created_at,
	c.key, c.sent_at, c.outcome, c.ref, c.action, c.tries
	from payment_attempts a join payment_calls c on c.attempt = a.id and c.operation = 'start' `

func findAttempt(tx *db.Tx, id string) (Attempt, error) {
	a, err := db.One(tx, scanAttempt, attempts+`where a.id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("attempt %.60q: %w", id, ErrUnknown)
	}
	return a, err
}

func scanAttempt(r db.Row) (a Attempt, err error) {
	var action string
	err = r.Scan(&a.ID, &a.Intent, &a.Seq, &a.PSP, &a.Account, &a.Method, &a.Delayed, &a.Amount.Minor, &a.Amount.Currency, &a.Quote, &a.CreatedAt,
		&a.Key, &a.SentAt, &a.Outcome, &a.Ref, &action, &a.Tries)
	if err == nil {
		err = json.Unmarshal([]byte(action), &a.Action)
	}
	a.CreatedAt, a.SentAt = a.CreatedAt.UTC(), a.SentAt.UTC()
	return
}

// attemptOf finds what a fact is about: by our own reference, or by the provider's names.
func attemptOf(tx *db.Tx, f Fact) (string, error) {
	if f.Reference != "" {
		attempt, err := db.One(tx, db.Scalar[string], `select id from payment_attempts where id = $1 and psp = $2 and account = $3`,
			f.Reference, f.PSP, f.Account)
		if !errors.Is(err, db.ErrNone) {
			return attempt, err
		}
	}
	return db.One(tx, db.Scalar[string], `select a.id from payment_calls c join payment_attempts a on a.id = c.attempt
		where c.ref <> '' and c.ref in ($1, $2) and a.psp = $3 and a.account = $4
		order by a.id limit 1`, f.Ref, f.Parent, f.PSP, f.Account)
}

func insertCall(tx *db.Tx, c call, check time.Time) error {
	err := tx.Send(`insert into payment_calls (key, attempt, operation, seq, amount, reason, sent_at, outcome, ref, action, tries, check_at)
		values ($1, $2, $3, $4, $5, $6, $7, '', '', '{}', 0, $8) on conflict do nothing`,
		c.Key, c.Attempt, c.Operation, c.Seq, c.Amount, c.Reason, c.SentAt, check)
	return err
}

// endCall notes the answer to a start.
func endCall(tx *db.Tx, a Attempt, check time.Time) error {
	action, err := json.Marshal(a.Action)
	if err != nil {
		return err
	}
	err = tx.Send(`update payment_calls set outcome = $2, ref = $3, action = $4, ended_at = $5, check_at = $6 where key = $1`,
		a.Key, string(a.Outcome), a.Ref, string(action), tx.Now(), check)
	return err
}

func setOutcome(tx *db.Tx, key string, o Outcome) error {
	err := tx.Send(`update payment_calls set outcome = $2, ended_at = $3 where key = $1`, key, string(o), tx.Now())
	return err
}

// setAnswer notes the provider's name for an attempt whose start wasn't answered, and what the shopper has to do.
func setAnswer(tx *db.Tx, key string, answer Answer) error {
	action, err := json.Marshal(answer.Action)
	if err != nil {
		return err
	}
	err = tx.Send(`update payment_calls set outcome = 'ok', ref = $2, action = $3 where key = $1`, key, answer.Ref, string(action))
	return err
}

// stopChecking notes that everything about the start of an attempt is known.
func stopChecking(tx *db.Tx, attempt string) error {
	err := tx.Send(`update payment_calls set check_at = null, outcome = case when outcome = 'refused' then outcome else 'ok' end
		where attempt = $1 and operation = 'start' and (check_at is not null or outcome in ('', 'unknown'))`, attempt)
	return err
}

// due returns the attempts whose state is to be asked for.
func due(tx *db.Tx, limit int) ([]Attempt, error) {
	return db.All(tx, scanAttempt, attempts+`where c.check_at <= $1 order by c.check_at, c.key limit 0 + $2`, tx.Now(), int64(limit))
}

func postpone(tx *db.Tx, key string, tries int64, at time.Time) error {
	err := tx.Send(`update payment_calls set tries = $2, check_at = $3 where key = $1`, key, tries, at)
	return err
}

func findCall(tx *db.Tx, key string) (c call, err error) {
	c, err = db.One(tx, func(r db.Row) (c call, err error) {
		err = r.Scan(&c.Key, &c.Attempt, &c.Operation, &c.Seq, &c.Amount, &c.Reason, &c.SentAt, &c.Outcome)
		return
	}, `select key, attempt, operation, seq, amount, reason, sent_at, outcome from payment_calls where key = $1`, key)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return c, err
}

// underWay is how much of an intent is being given back by calls that aren't answered.
func underWay(tx *db.Tx, intent string) (int64, error) {
	return db.One(tx, db.Scalar[int64], `select cast(coalesce(sum(c.amount), 0) as bigint) from payment_calls c
		join payment_attempts a on a.id = c.attempt where a.intent = $1 and c.operation = 'refund' and c.outcome in ('', 'unknown')`, intent)
}

func countCalls(tx *db.Tx, attempt, operation string) (int64, error) {
	return db.One(tx, db.Scalar[int64], `select count(*) from payment_calls where attempt = $1 and operation = $2`, attempt, operation)
}

const factColumns = `psp, account, event, intent, attempt, reference, object, ref, parent, kind, reason, amount, currency, source, occurred_at, received_at, raw`

func seen(tx *db.Tx, f Fact) (bool, error) {
	_, err := db.One(tx, db.Scalar[int64], `select 1 from payment_facts where psp = $1 and account = $2 and event = $3`, f.PSP, f.Account, f.Event)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

// insertFact reports false where the provider's event is known.
func insertFact(tx *db.Tx, f Fact) (bool, error) {
	if len(f.Raw) > maxRaw {
		f.Raw = f.Raw[:maxRaw]
	}
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	n, err := tx.Exec(`insert into payment_facts (id, `+factColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) on conflict do nothing`,
		id.New("fct"), f.PSP, f.Account, f.Event, orNull(f.Intent), orNull(f.Attempt), f.Reference, string(f.Object), f.Ref, f.Parent,
		string(f.Kind), f.Reason, f.Amount.Minor, string(f.Amount.Currency), string(f.Source), f.OccurredAt, f.ReceivedAt, f.Raw)
	return n == 1, err
}

func factsOf(tx *db.Tx, intent string) ([]Fact, error) {
	return db.All(tx, scanFact, `select `+factColumns+` from payment_facts where intent = $1 order by received_at, id`, intent)
}

func parkedFact(tx *db.Tx, psp, account, event string) (Fact, error) {
	return db.One(tx, scanFact, `select `+factColumns+` from payment_facts where psp = $1 and account = $2 and event = $3 and intent is null`,
		psp, account, event)
}

func adopt(tx *db.Tx, f Fact, intent, attempt string) error {
	err := tx.Send(`update payment_facts set intent = $4, attempt = $5 where psp = $1 and account = $2 and event = $3`,
		f.PSP, f.Account, f.Event, intent, attempt)
	return err
}

func scanFact(r db.Row) (f Fact, err error) {
	var money money.Amount
	err = r.Scan(&f.PSP, &f.Account, &f.Event, db.Null(&f.Intent), db.Null(&f.Attempt), &f.Reference, &f.Object, &f.Ref, &f.Parent,
		&f.Kind, &f.Reason, &money.Minor, &money.Currency, &f.Source, &f.OccurredAt, &f.ReceivedAt, &f.Raw)
	f.Amount, f.OccurredAt, f.ReceivedAt = money, f.OccurredAt.UTC(), f.ReceivedAt.UTC()
	return
}

const reviewColumns = `id, intent, cart, order_id, reason, amount, currency, opened_at, closed_at, closed_by, note`

func insertReview(tx *db.Tx, r Review) (bool, error) {
	n, err := tx.Exec(`insert into payment_reviews (`+reviewColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, null, '', $9) on conflict do nothing`,
		r.ID, r.Intent, r.Cart, r.Order, r.Reason, r.Amount.Minor, string(r.Amount.Currency), r.OpenedAt, r.Note)
	return n == 1, err
}

func scanReview(r db.Row) (v Review, err error) {
	err = r.Scan(&v.ID, &v.Intent, &v.Cart, &v.Order, &v.Reason, &v.Amount.Minor, &v.Amount.Currency, &v.OpenedAt, db.Null(&v.ClosedAt), &v.ClosedBy, &v.Note)
	v.OpenedAt = v.OpenedAt.UTC()
	return
}

// orderOf finds the order of an attempt by our name for it or the provider's.
func orderOf(tx *db.Tx, ref string) (string, error) {
	order, err := db.One(tx, db.Scalar[string], `select coalesce(i.order_id, '') from payment_attempts a join payment_intents i on i.id = a.intent where a.id = $1`, ref)
	if !errors.Is(err, db.ErrNone) || ref == "" {
		return order, err
	}
	return db.One(tx, db.Scalar[string], `select coalesce(i.order_id, '') from payment_calls c join payment_attempts a on a.id = c.attempt
		join payment_intents i on i.id = a.intent where c.ref = $1 and c.ref <> '' order by c.sent_at desc limit 1`, ref)
}
