// Package fakepsp is a payment provider that lives in the same program: for demos, development and tests. It
// behaves like one that is somewhere else: it keeps its own books, in units of work of its own, answers calls,
// times out, shows pages of its own and tells what happened by signed webhooks that may come late, twice, in
// another order or never. It takes listed test numbers only, so that nobody types a real card into a demo.
package fakepsp

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/payment"
)

//go:embed schema
var files embed.FS

// Schema holds the provider's own books.
var Schema = db.Schema{Owner: "fakepsp", Files: files}

// Name is what the provider is called; its webhooks come to /in/fakepsp.
const Name = "fakepsp"

const account = "demo"

// Scenario is what happens to a payment.
type Scenario string

// The scenarios that a test number chooses.
const (
	Success       Scenario = "success"
	Frictionless  Scenario = "3ds_frictionless"
	Challenge     Scenario = "3ds_challenge"
	Generic       Scenario = "generic_decline"
	Insufficient  Scenario = "insufficient_funds"
	ExpiredCard   Scenario = "expired_card"
	StolenCard    Scenario = "stolen_card"
	Error         Scenario = "processing_error"
	HiddenSuccess Scenario = "timeout_success" // the answer is lost, the money isn't
	HiddenFailure Scenario = "timeout_failure" // the answer is lost, and there is no money
	LateSuccess   Scenario = "late_success"    // decided after Options.Late
)

// Card is a listed test number. Scenario is also the key of its label: "fakepsp." + Scenario.
type Card struct {
	Number   string // digits only
	Scenario Scenario
}

// Cards are the only numbers that are taken, in the order in which they are shown. They pass the Luhn check.
func Cards() []Card {
	return []Card{
		{"4555000000000100", Success},
		{"4555000000000209", Frictionless},
		{"4555000000000308", Challenge},
		{"4555000000000407", Generic},
		{"4555000000000506", Insufficient},
		{"4555000000000605", ExpiredCard},
		{"4555000000000704", StolenCard},
		{"4555000000000803", Error},
		{"4555000000000902", HiddenSuccess},
		{"4555000000001009", HiddenFailure},
		{"4555000000001108", LateSuccess},
	}
}

// flows are the methods the provider offers: those of the demo's markets.
var flows = map[string]payment.Flow{
	"card": payment.Inline, "paypal": payment.Redirect, "bank_redirect": payment.Redirect, "wallet": payment.Redirect,
	"apple_pay": payment.Redirect, "google_pay": payment.Redirect, "klarna": payment.Redirect, "wero": payment.Redirect,
	"pay_by_bank": payment.Redirect, "ideal": payment.Redirect, "fpx": payment.Redirect, "touchngo": payment.Redirect, "grabpay": payment.Redirect,
	"gopay": payment.Redirect, "ovo": payment.Redirect, "dana": payment.Redirect, "qris": payment.Redirect, "duitnow": payment.Redirect,
	"bank_transfer": payment.Bank, "virtual_account": payment.Bank, "sepa_transfer": payment.Bank,
}

// How long stock is kept for a payment under way, and how long the shopper has on the provider's page.
const (
	hold         = 15 * time.Minute
	holdRedirect = 20 * time.Minute
	pageOpen     = 15 * time.Minute
)

// Knobs disturb the webhooks. Shares are between 0 and 1; which events they hit follows from the events' names,
// so that a run can be repeated.
type Knobs struct {
	Delay          time.Duration // of every webhook, on the shop's clock
	Reorder        time.Duration // up to this much more, different for each
	Duplicates     float64       // share that is sent again later
	Lost           float64       // share that is never sent
	WrongSignature float64       // share that is signed wrongly, and never rightly
	LoseAnswers    float64       // share of starts whose answer is lost after the work was done
}

// Options are where and how the provider reaches the shop.
type Options struct {
	Secret  string        // whsec_ and base64 of 24 to 64 bytes; signs webhooks
	HookURL string        // where webhooks go; empty: Charge.BaseURL + "/in/fakepsp"
	Late    time.Duration // until a late success; 90 s if zero
	Client  *http.Client  // sends webhooks; one with a time-out of 5 s if nil
	// Post replaces sending by HTTP, where the shop is at hand. It returns the status.
	Post func(ctx context.Context, header http.Header, body []byte) (int, error)
}

// PSP is the provider.
type PSP struct {
	db    *db.DB
	queue *jobs.Queue
	opt   Options
	knobs atomic.Pointer[Knobs]
	wrong atomic.Int64
}

// New returns the provider, whose webhooks are sent by q. It panics on a secret that is none.
func New(d *db.DB, q *jobs.Queue, o Options) *PSP {
	if _, err := signer(o.Secret); err != nil {
		panic(err)
	}
	if o.Late == 0 {
		o.Late = 90 * time.Second
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	p := &PSP{db: d, queue: q, opt: o}
	p.knobs.Store(&Knobs{})
	jobs.HandleOutside(q, p.deliver)
	jobs.Handle(q, p.decide)
	return p
}

// Set turns the knobs; it may be used at any time.
func (p *PSP) Set(k Knobs) { p.knobs.Store(&k) }

// Knobs returns how the knobs stand.
func (p *PSP) Knobs() Knobs { return *p.knobs.Load() }

// Name implements payment.PSP.
func (p *PSP) Name() string { return Name }

// Account implements payment.PSP.
func (p *PSP) Account() string { return account }

// Test implements payment.PSP: orders paid here are test orders.
func (p *PSP) Test() bool { return true }

// Methods implements payment.PSP.
func (p *PSP) Methods(m market.Market, a money.Amount) (all []payment.Method) {
	for _, name := range m.Methods {
		switch flow := flows[name]; flow {
		case payment.Inline:
			all = append(all, payment.Method{ID: name, Flow: flow, Hold: hold})
		case payment.Redirect:
			all = append(all, payment.Method{ID: name, Flow: flow, Hold: holdRedirect})
		case payment.Bank:
			all = append(all, payment.Method{ID: name, Flow: flow, Hold: hold, Delayed: true})
		}
	}
	return all
}

// Check implements payment.PSP.
func (p *PSP) Check(method, instrument string) error {
	if flows[method] != payment.Inline {
		return nil
	}
	if _, ok := scenarioOf(instrument); !ok {
		code := "not_a_test_number"
		if strings.TrimSpace(instrument) == "" {
			code = "required"
		}
		return payment.ErrInstrument.With(map[string]string{"card": code})
	}
	return nil
}

func scenarioOf(number string) (Scenario, bool) {
	number = strings.NewReplacer(" ", "", "-", "").Replace(number)
	for _, c := range Cards() {
		if c.Number == number {
			return c.Scenario, true
		}
	}
	return "", false
}

// ErrKeyReused is the fault of an idempotency key that comes back with another amount.
var ErrKeyReused = fault.New(fault.Invalid, "fakepsp.key_reused")

// Start implements payment.PSP.
func (p *PSP) Start(ctx context.Context, c payment.Charge) (payment.Answer, error) {
	v := fresh(c)
	flow, ok := flows[c.Attempt.Method]
	switch {
	case !ok || c.Attempt.Amount.Minor <= 0 || !c.Attempt.Amount.Currency.Valid():
		return payment.Answer{}, payment.ErrInstrument.With(map[string]string{"method": "not_offered"})
	case flow == payment.Redirect:
		v.scenario = Challenge
	case flow == payment.Bank:
		v.scenario = "transfer"
	default:
		if err := p.Check(c.Attempt.Method, c.Instrument); err != nil {
			return payment.Answer{}, err
		}
		v.scenario, _ = scenarioOf(c.Instrument)
	}
	v.begin()
	err := p.db.Write(ctx, func(tx *db.Tx) (err error) {
		v.created, v.changed = tx.Now(), tx.Now()
		old, isNew, err := insert(tx, v)
		if err != nil || !isNew {
			v = old
			return err
		}
		if err := p.follow(tx, v); err != nil {
			return err
		}
		return p.tell(tx, v, v.statements())
	})
	switch {
	case err != nil:
		return payment.Answer{}, fmt.Errorf("%w: %w", payment.ErrUnreachable, err)
	case v.amount != c.Attempt.Amount:
		return payment.Answer{}, ErrKeyReused
	case v.scenario == HiddenSuccess || v.scenario == HiddenFailure || share(v.ref+"answer", p.Knobs().LoseAnswers):
		return payment.Answer{}, fmt.Errorf("fakepsp: no answer in time: %w", payment.ErrUnreachable)
	}
	return payment.Answer{Ref: v.ref, Action: v.action(), Facts: v.facts()}, nil
}

// pageOpen is pageOpen in the time of the person who looks at the page, but no longer than the ledger waits.
func (p *PSP) pageOpen() time.Duration {
	return min(20*time.Hour, time.Duration(float64(pageOpen)*max(1, p.db.Clock().Speed())))
}

// follow plans what happens later without anybody's doing.
func (p *PSP) follow(tx *db.Tx, v pay) error {
	switch {
	case v.state == processing && v.scenario == LateSuccess:
		return p.queue.Add(tx, decideJob{v.ref, v.state}, jobs.When{At: tx.Now().Add(p.opt.Late)})
	case v.state == waiting:
		return p.queue.Add(tx, decideJob{v.ref, v.state}, jobs.When{At: tx.Now().Add(p.pageOpen())})
	}
	return nil
}

// Advance implements payment.PSP. What the browser carried is not read: the books decide.
func (p *PSP) Advance(ctx context.Context, a payment.Attempt, _ map[string]string) ([]payment.Fact, error) {
	answer, err := p.Fetch(ctx, a)
	return answer.Facts, err
}

// Fetch implements payment.PSP.
func (p *PSP) Fetch(ctx context.Context, a payment.Attempt) (answer payment.Answer, err error) {
	err = p.db.Read(ctx, func(tx *db.Tx) error {
		v, err := find(tx, "reference", a.ID)
		if err != nil {
			return err
		}
		refunds, err := refundsOf(tx, v)
		answer = payment.Answer{Ref: v.ref, Action: v.action(), Facts: append(v.facts(), refunds...)}
		return err
	})
	return answer, err
}

// Cancel implements payment.PSP. An attempt that was never started is entered as cancelled, so that its start
// comes too late.
func (p *PSP) Cancel(ctx context.Context, a payment.Attempt, _ string) (facts []payment.Fact, err error) {
	err = p.db.Write(ctx, func(tx *db.Tx) error {
		stone := fresh(payment.Charge{Attempt: a})
		stone.state, stone.created, stone.changed = cancelled, tx.Now(), tx.Now()
		v, isNew, err := insert(tx, stone)
		if err != nil {
			return err
		}
		if isNew {
			facts = v.facts()
			return nil
		}
		v, err = p.move(tx, v.ref, cancelled, "")
		facts = v.facts()
		return err
	})
	return facts, err
}

// Refund implements payment.PSP.
func (p *PSP) Refund(ctx context.Context, a payment.Attempt, amount money.Amount, key string) (facts []payment.Fact, err error) {
	err = p.db.Write(ctx, func(tx *db.Tx) error {
		v, err := find(tx, "reference", a.ID)
		if err != nil {
			return err
		}
		r, err := refund(tx, v, amount, key)
		if err != nil {
			return err
		}
		facts = []payment.Fact{r.fact()}
		return p.tell(tx, v, []statement{r})
	})
	return facts, err
}

// Deposit is money that arrives for a bank transfer under the reference the shopper was told: the exact amount,
// less or more.
func (p *PSP) Deposit(ctx context.Context, ref string, amount money.Amount) error {
	return p.db.Write(ctx, func(tx *db.Tx) error { return p.deposit(tx, ref, amount) })
}

func (p *PSP) deposit(tx *db.Tx, ref string, amount money.Amount) error {
	v, err := receive(tx, ref, amount)
	if err != nil {
		return err
	}
	return p.tell(tx, v, v.statements())
}

// move brings a payment from waiting or processing into another state, once.
func (p *PSP) move(tx *db.Tx, ref, to, reason string) (pay, error) {
	moved, err := change(tx, ref, to, reason)
	if err != nil {
		return pay{}, err
	}
	v, err := find(tx, "ref", ref)
	if err != nil || !moved {
		return v, err
	}
	if err := p.follow(tx, v); err != nil {
		return v, err
	}
	return v, p.tell(tx, v, v.statements())
}

type decideJob struct {
	Ref   string `json:"ref"`
	State string `json:"state"` // the one to be ended
}

// Job implements jobs.Args.
func (decideJob) Job() string { return "fakepsp.decide" }

// decide ends what the shopper left open, and lets late successes succeed.
func (p *PSP) decide(tx *db.Tx, j decideJob) error {
	v, err := find(tx, "ref", j.Ref)
	if errors.Is(err, payment.ErrNoPayment) {
		return nil
	}
	if err != nil || v.state != j.State {
		return err
	}
	switch {
	case v.state == waiting:
		_, err = p.move(tx, v.ref, expired, "")
	case v.state == processing && v.scenario == LateSuccess:
		_, err = p.move(tx, v.ref, captured, "")
	}
	return err
}
