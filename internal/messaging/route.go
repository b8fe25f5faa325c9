package messaging

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portolan/internal/market"
)

// Kind is what a phone shows as sender, which decides whether it can be answered.
type Kind string

const (
	TenDLC      Kind = "10dlc"       // registered ten-digit US number
	LongNumber  Kind = "long_number" // ordinary number
	ShortCode   Kind = "short_code"
	Alpha       Kind = "alpha"       // a name; one-way everywhere
	Overwritten Kind = "overwritten" // the operator puts a number of its own there; one-way
	Mailbox     Kind = "mailbox"     // an e-mail address
)

// TwoWay reports whether the person can answer.
func (k Kind) TwoWay() bool { return k != Alpha && k != Overwritten && k != Browser }

// Parcel is a message ready for a provider.
type Parcel struct {
	Message  string // our id
	Attempt  string // our name for this try; goes out as reference where the provider takes one
	Channel  Channel
	Class    Class
	To       string
	Sender   string
	Kind     Kind
	Brand    string
	Subject  string // e-mail only
	Text     string
	HTML     string // e-mail only
	Link     string // push only: what a notice opens, on a page of the shop; its text doesn't end with it
	Leave    string // address of one-click unsubscribing; e-mail outside transactional only
	Mark     string // e-mail only: stands in the Message-ID, so that answers and complaints find their message; empty: the attempt
	Return   string // e-mail only: where mail servers send it back to; empty: the sender
	Repeat   bool   // may arrive twice: an earlier attempt has no known outcome
	NotAfter time.Time
	Language string
	Template string            // key of the text, and what fills it: for providers that keep the words themselves
	Vars     map[string]string // never changed
	Open     time.Time         // until when the person may be written to in free words; for providers that ask for it
}

// Taken is a provider's answer. IDs has one id per part or one for all. A zero Price means the route's list price.
type Taken struct {
	IDs   []string
	Parts int64
	Price Cost
	Final bool // the provider sends no receipts: taken is all there is to know
}

// Carrier takes messages of one channel to their addresses. An error is a *Refusal if the message certainly did
// not leave; anything else leaves the outcome unknown.
type Carrier interface {
	Send(ctx context.Context, p Parcel) (Taken, error)
}

// Trouble is why a provider refused, and so what to do about it.
type Trouble string

const (
	Again      Trouble = "retry"       // busy: try later
	BadNumber  Trouble = "bad_number"  // no such address
	OptedOut   Trouble = "opted_out"   // the provider's own list says no
	Setup      Trouble = "config"      // sender or account not set up: next route
	Account    Trouble = "account"     // no credit: next route
	Content    Trouble = "content"     // filtered
	OtherRoute Trouble = "other_route" // final here, perhaps not elsewhere
	Complained Trouble = "complaint"   // in what a provider tells later: the person called it unwanted
)

// Refusal is an answer that says the message did not leave.
type Refusal struct {
	Trouble Trouble
	Code    string        // the provider's own
	After   time.Duration // with Again: how long to wait; 0 if it did not say
	Err     error
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("refused (%s) %s: %v", r.Trouble, r.Code, r.Err)
}

func (r *Refusal) Unwrap() error { return r.Err }

// Route is one way into a country for some classes. Of the routes that fit, the first listed is tried first.
type Route struct {
	Name      string // names the route in attempts: "sim-de"
	Provider  string // receipts and inbound messages come under this name
	Channel   Channel
	Countries []market.Country // empty: every country
	Classes   []Class          // empty: every class
	Sender    string
	Kind      Kind
	Price     Cost // per part; no currency: the price list's
	Carrier   Carrier
}

func (r Route) fits(ch Channel, c market.Country, cl Class) bool {
	return r.Channel == ch && (len(r.Countries) == 0 || has(r.Countries, c)) && (len(r.Classes) == 0 || has(r.Classes, cl))
}

func has[T comparable](all []T, x T) bool {
	for _, a := range all {
		if a == x {
			return true
		}
	}
	return false
}

// refusal reads an error of a carrier; ok is false when nobody knows whether the message left.
func refusal(err error) (r *Refusal, ok bool) {
	r, ok = errors.AsType[*Refusal](err)
	return
}
