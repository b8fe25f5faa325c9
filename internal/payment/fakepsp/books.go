package fakepsp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/money"
	"portolan/internal/payment"
)

// The states of a payment.
const (
	waiting    = "requires_action"
	processing = "processing"
	captured   = "captured"
	failed     = "failed"
	cancelled  = "cancelled"
	expired    = "expired"
)

// pay is a payment in the provider's books.
type pay struct {
	ref, key, reference, token string
	method                     string
	scenario                   Scenario
	state, reason              string
	amount                     money.Amount
	received                   int64 // of a bank transfer
	lang, returnURL, baseURL   string
	created, changed           time.Time
}

func fresh(c payment.Charge) pay {
	return pay{ref: strings.ToLower(id.New("fp")), key: c.Attempt.Key, reference: c.Attempt.ID, token: rand.Text(), method: c.Attempt.Method,
		amount: c.Attempt.Amount, lang: c.Lang, returnURL: c.ReturnURL, baseURL: c.BaseURL}
}

// begin is what happens to a payment at once.
func (v *pay) begin() {
	switch v.scenario {
	case Challenge:
		v.state = waiting
	case "transfer", LateSuccess:
		v.state = processing
	case Generic, Insufficient, ExpiredCard, StolenCard, Error:
		v.state, v.reason = failed, string(v.scenario)
	case HiddenFailure:
		v.state, v.reason = failed, string(Error)
	default:
		v.state, v.received = captured, v.amount.Minor
	}
}

func (v pay) action() payment.Action {
	switch {
	case v.state == waiting:
		return payment.Action{Kind: payment.GoTo, URL: v.baseURL + "/fakepsp/pay/" + v.token}
	case v.state == processing && v.scenario == "transfer":
		return payment.Action{Kind: payment.SendMoney, URL: v.baseURL + "/fakepsp/pay/" + v.token, Bank: &payment.BankDetails{
			Holder: "Portolan Test Provider", Bank: "Bank of Nowhere", Account: "XX00 TEST 0000 0000 0000", Reference: strings.ToUpper(v.ref[len(v.ref)-10:])}}
	case v.state == processing:
		return payment.Action{Kind: payment.Wait}
	}
	return payment.Action{}
}

// statement is what the provider says about one of its objects, in its own words; it is the data of a webhook.
type statement struct {
	Event     string    `json:"event"`
	Account   string    `json:"account"`
	Object    string    `json:"object"` // payment, capture, refund
	Ref       string    `json:"id"`
	Payment   string    `json:"payment,omitempty"`
	Reference string    `json:"reference"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	At        time.Time `json:"at"`
}

// statements are what can be said about a payment as it stands. Their events have the same names whenever and
// however they are said.
func (v pay) statements() []statement {
	s := statement{Event: v.ref + "." + v.state, Account: account, Object: "payment", Ref: v.ref, Reference: v.reference, State: v.state,
		Reason: v.reason, Amount: v.amount.Minor, Currency: string(v.amount.Currency), At: v.changed}
	if v.received == 0 {
		return []statement{s}
	}
	s.Object, s.Payment, s.Amount = "capture", v.ref, v.received
	s.Ref, s.State, s.Event = "c"+v.ref, "ok", fmt.Sprintf("c%s.%d", v.ref, v.received)
	return []statement{s}
}

func (v pay) facts() (all []payment.Fact) {
	for _, s := range v.statements() {
		all = append(all, s.fact())
	}
	return all
}

// objects translates the provider's words into the ledger's.
var objects = map[string]payment.Object{"payment": payment.OfAttempt, "capture": payment.OfCapture, "refund": payment.OfRefund}

func (s statement) fact() payment.Fact {
	return payment.Fact{PSP: Name, Account: s.Account, Event: s.Event, Reference: s.Reference, Object: objects[s.Object], Ref: s.Ref,
		Parent: s.Payment, Kind: payment.Kind(s.State), Reason: s.Reason, Amount: money.Of(s.Amount, money.Currency(s.Currency)), OccurredAt: s.At}
}

const columns = `ref, key, reference, token, method, scenario, state, reason, amount, currency, received, lang, return_url, base_url, created_at, changed_at`

// insert enters a payment, or returns the one that has its key or reference.
func insert(tx *db.Tx, v pay) (pay, bool, error) {
	n, err := tx.Exec(`insert into fakepsp_payments (`+columns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) on conflict do nothing`,
		v.ref, v.key, v.reference, v.token, v.method, string(v.scenario), v.state, v.reason, v.amount.Minor, string(v.amount.Currency),
		v.received, v.lang, v.returnURL, v.baseURL, v.created, v.changed)
	if err != nil || n == 1 {
		return v, n == 1, err
	}
	v, err = find(tx, "reference", v.reference)
	return v, false, err
}

func find(tx *db.Tx, column, value string) (pay, error) {
	v, err := db.One(tx, func(r db.Row) (v pay, err error) {
		err = r.Scan(&v.ref, &v.key, &v.reference, &v.token, &v.method, (*string)(&v.scenario), &v.state, &v.reason, &v.amount.Minor,
			(*string)(&v.amount.Currency), &v.received, &v.lang, &v.returnURL, &v.baseURL, &v.created, &v.changed)
		v.created, v.changed = v.created.UTC(), v.changed.UTC()
		return
	}, `select `+columns+` from fakepsp_payments where `+column+` = $1`, value)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("fakepsp: %s %.60q: %w", column, value, payment.ErrNoPayment)
	}
	return v, err
}

func change(tx *db.Tx, ref, to, reason string) (bool, error) {
	n, err := tx.Exec(`update fakepsp_payments set state = $2, reason = $3, changed_at = $4,
		received = case when $2 = 'captured' then amount else received end
		where ref = $1 and state in ('requires_action', 'processing') and state <> $2 and received = 0`, ref, to, reason, tx.Now())
	return n == 1, err
}

// receive enters money that arrived for a transfer.
func receive(tx *db.Tx, ref string, a money.Amount) (pay, error) {
	if a.Minor <= 0 {
		return pay{}, payment.ErrInstrument.With(map[string]string{"amount": "must_be_positive"})
	}
	n, err := tx.Exec(`update fakepsp_payments set state = 'captured', received = received + $2, currency = $3, changed_at = $4
		where ref = $1 and scenario = 'transfer' and state in ('processing', 'captured')`, ref, a.Minor, string(a.Currency), tx.Now())
	if err == nil && n == 0 {
		err = payment.ErrNoPayment
	}
	if err != nil {
		return pay{}, err
	}
	return find(tx, "ref", ref)
}

var errOverRefund = fault.New(fault.Invalid, "fakepsp.more_than_captured")

func refund(tx *db.Tx, v pay, a money.Amount, key string) (statement, error) {
	given, err := refundedOf(tx, v.ref)
	if err != nil {
		return statement{}, err
	}
	for _, s := range given {
		if s.Event == "r"+key {
			return s.of(v), nil
		}
		v.received -= s.Amount
	}
	if a.Minor <= 0 || a.Minor > v.received || a.Currency != v.amount.Currency {
		return statement{}, errOverRefund
	}
	s := statement{Event: "r" + key, Ref: "r" + key, Amount: a.Minor, At: tx.Now()}
	err = tx.Send(`insert into fakepsp_refunds (ref, key, payment, amount, created_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		s.Ref, key, v.ref, a.Minor, tx.Now())
	return s.of(v), err
}

// of completes what is said about a refund of v.
func (s statement) of(v pay) statement {
	s.Account, s.Object, s.Payment, s.Reference, s.State, s.Currency = account, "refund", v.ref, v.reference, "ok", string(v.amount.Currency)
	return s
}

func refundedOf(tx *db.Tx, ref string) ([]statement, error) {
	return db.All(tx, func(r db.Row) (s statement, err error) {
		err = r.Scan(&s.Ref, &s.Amount, &s.At)
		s.Event, s.At = s.Ref, s.At.UTC()
		return
	}, `select ref, amount, created_at from fakepsp_refunds where payment = $1 order by created_at, ref`, ref)
}

func refundsOf(tx *db.Tx, v pay) (facts []payment.Fact, err error) {
	all, err := refundedOf(tx, v.ref)
	for _, s := range all {
		facts = append(facts, s.of(v).fact())
	}
	return facts, err
}

// share says whether the thing of that name is among a share of all things: always the same answer.
func share(name string, of float64) bool {
	if of <= 0 {
		return false
	}
	return spread(name) < of
}

// spread is a number from 0 to 1 that follows from a name.
func spread(name string) float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	x := h.Sum64() // the low bits of FNV of similar names are mixed well only after this
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
