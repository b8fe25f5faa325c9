// Package payment keeps what payment providers said: which amounts were authorised, captured, given back. It
// asks providers to do things, notes each call before it is made, and finds out what became of calls whose
// outcome is unknown.
//
// It decides nothing about carts and orders. Facts are handed, in the unit of work that stores them, to the
// one function that was registered with OnFacts; package checkout completes orders there. How a provider
// speaks is the business of its adapter, a folder inside this one.
package payment

import (
	"context"
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

// The faults of paying.
var (
	ErrUnknown       = fault.New(fault.NotFound, "payment.unknown")
	ErrUnknownPSP    = fault.New(fault.NotFound, "payment.unknown_provider")
	ErrUnknownMethod = fault.New(fault.Invalid, "payment.method_not_offered")
	// ErrInstrument says that what the shopper typed can't be a means of payment; it carries Fields.
	ErrInstrument = fault.New(fault.Invalid, "payment.instrument")
	// ErrSignature says that a webhook wasn't signed by the provider, or too long ago, or for the future.
	ErrSignature = fault.New(fault.Anonymous, "payment.webhook_signature")
	ErrWebhook   = fault.New(fault.Invalid, "payment.unreadable_webhook")
	// ErrNotRefundable says that more was to be given back than is there.
	ErrNotRefundable = fault.New(fault.Invalid, "payment.not_refundable")
	ErrCompleted     = fault.New(fault.Conflict, "payment.already_completed")
	// ErrNoPayment is what an adapter's Fetch returns when the provider has never heard of the attempt.
	ErrNoPayment = fault.New(fault.NotFound, "payment.not_at_provider")
	// ErrUnreachable is what an adapter returns when it can't tell what became of a call.
	ErrUnreachable = fault.New(fault.Unavailable, "payment.provider_unreachable")
)

// Flow is how a shopper pays.
type Flow string

// The flows.
const (
	Inline   Flow = "inline"   // fields on our page, perhaps a challenge on the provider's
	Redirect Flow = "redirect" // on the provider's page
	Bank     Flow = "bank"     // the shopper sends money; it arrives in days
)

// Method is a way to pay offered in a market.
type Method struct {
	ID      string // card, paypal, bank_transfer …
	PSP     string
	Flow    Flow
	Delayed bool          // the order is placed at confirmation and paid later
	Hold    time.Duration // how long stock is kept while the payment is under way
	Test    bool
}

// Intent is what we want to be paid for one cart. Amount is that of the latest attempt.
type Intent struct {
	ID        string
	Cart      string
	Order     string // order.ID once the checkout is completed
	Customer  string
	Market    market.Code
	Amount    money.Amount
	Quote     string // the quote the amount was taken from
	Test      bool
	CreatedAt time.Time
}

// Attempt is one try to pay an intent with one provider and method.
type Attempt struct {
	ID        string // the reference under which the provider knows it
	Intent    string
	Seq       int64
	PSP       string
	Account   string
	Method    string
	Delayed   bool
	Amount    money.Amount
	Quote     string
	CreatedAt time.Time

	Key     string // idempotency key of its start
	SentAt  time.Time
	Outcome Outcome // of the start
	Ref     string  // the provider's name for it, once known
	Action  Action  // what the provider asked the shopper to do
	Tries   int64   // how often its state was asked for
}

// Outcome is what is known about a call.
type Outcome string

// The outcomes. InFlight is also what a crash in the middle of a call leaves behind.
const (
	InFlight Outcome = ""
	OK       Outcome = "ok"
	Refused  Outcome = "refused"
	Unclear  Outcome = "unknown"
)

// ActionKind is what a shopper has to do next.
type ActionKind string

// The actions.
const (
	NoAction  ActionKind = ""
	GoTo      ActionKind = "redirect"      // open URL
	Wait      ActionKind = "wait"          // nothing; the provider is still working
	SendMoney ActionKind = "bank_transfer" // by the details in Bank
)

// maxRaw is how much of what a provider sent is kept with a fact, in bytes.
const maxRaw = 16 << 10

// Action is what a shopper has to do next, in the words of spec "Adapter shape".
type Action struct {
	Kind ActionKind   `json:"kind,omitempty"`
	URL  string       `json:"url,omitempty"`
	Bank *BankDetails `json:"bank,omitempty"`
}

// BankDetails are where to send money.
type BankDetails struct {
	Holder    string `json:"holder"`
	Bank      string `json:"bank"`
	Account   string `json:"account"` // IBAN or national number
	Reference string `json:"reference"`
}

// Charge is what an adapter is asked to start. The provider must give the same answer to the same Key.
type Charge struct {
	Attempt    Attempt
	Market     market.Code
	Country    market.Country
	Lang       string
	Instrument string // what the shopper typed: a listed test number; never stored by us
	ReturnURL  string // where the provider sends the shopper's browser back to
	BaseURL    string // our own address as the shopper sees it
	Customer   string
	IP         string
}

// Answer is what a provider said to a Charge, or says about an attempt.
type Answer struct {
	Ref    string
	Action Action
	Facts  []Fact
}

// PSP is a payment service provider as its adapter shows it. Its methods call out and are never used inside a
// unit of work. An error that isn't of kind fault.Invalid leaves the outcome unknown.
type PSP interface {
	Name() string
	Account() string
	Test() bool
	// Methods are those of m's methods that the provider offers for the amount, in m's order.
	Methods(m market.Market, a money.Amount) []Method
	// Check says what is wrong with an instrument as far as that can be told without a call: ErrInstrument.
	Check(method, instrument string) error
	Start(ctx context.Context, c Charge) (Answer, error)
	// Advance is told that the shopper's browser came back. What the browser carried proves nothing.
	Advance(ctx context.Context, a Attempt, params map[string]string) ([]Fact, error)
	// Fetch asks what became of an attempt, known by its Ref, its Key or its ID; ErrNoPayment if of nothing. Its
	// answer has the action that the shopper still has to take, as Start's has: that one may have been lost.
	Fetch(ctx context.Context, a Attempt) (Answer, error)
	// Cancel ends an attempt. One that the provider has never heard of must not succeed after it.
	Cancel(ctx context.Context, a Attempt, key string) ([]Fact, error)
	Refund(ctx context.Context, a Attempt, amount money.Amount, key string) ([]Fact, error)
	// ParseWebhook verifies a request and reads its facts: ErrSignature, ErrWebhook.
	ParseWebhook(header map[string][]string, body []byte, now time.Time) ([]Fact, error)
}
