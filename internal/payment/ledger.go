package payment

import (
	"cmp"
	"time"

	"portolan/internal/money"
)

// Object is what a fact is about.
type Object string

// The objects a provider makes statements about.
const (
	OfAttempt Object = "attempt"
	OfCapture Object = "capture"
	OfRefund  Object = "refund"
	OfDispute Object = "dispute" // one round of one dispute
)

// Kind is what a fact says about its object.
type Kind string

// The kinds. Which of them an object can have, and which outranks which, stands in ranks.
const (
	Created        Kind = "created"
	RequiresAction Kind = "requires_action"
	Processing     Kind = "processing"
	Failed         Kind = "failed"
	CancelledKind  Kind = "cancelled"
	Expired        Kind = "expired"
	Authorised     Kind = "authorised"
	Captured       Kind = "captured"
	Pending        Kind = "pending"
	Succeeded      Kind = "ok"
	Reversed       Kind = "reversed"
	Inquiry        Kind = "inquiry"
	Notified       Kind = "notified"
	Opened         Kind = "opened" // the money is out
	Won            Kind = "won"
	Lost           Kind = "lost"
)

// ranks orders what can be said about an object: each object keeps its highest. A refund can succeed and bounce
// afterwards; a failure never takes away an authorisation.
var ranks = map[Object]map[Kind]int{
	OfAttempt: {Created: 1, RequiresAction: 2, Processing: 3, Failed: 4, CancelledKind: 4, Expired: 4, Authorised: 5, Captured: 6},
	OfCapture: {Pending: 1, Succeeded: 2, Failed: 3},
	OfRefund:  {Pending: 1, Succeeded: 2, Failed: 3, Reversed: 3},
	OfDispute: {Inquiry: 1, Notified: 2, Opened: 3, Won: 4, Lost: 4},
}

// Source is how a fact reached us.
type Source string

// The sources. Only what a provider signed or answered is a fact; a browser's return leads to a Fetch.
const (
	FromCall    Source = "call"
	FromWebhook Source = "webhook"
	FromFetch   Source = "fetch"
	FromReturn  Source = "return"
	FromStaff   Source = "manual"
	FromFile    Source = "file"
)

// Fact is a provider's statement about one of its objects. It is never changed.
type Fact struct {
	PSP        string
	Account    string
	Event      string // the provider's name for the statement; the same however often and by whatever way it comes
	Reference  string // our attempt's id as the provider repeats it; may be empty
	Object     Object
	Ref        string // the provider's name for the object
	Parent     string // and for the attempt that a capture or refund belongs to
	Kind       Kind
	Reason     string // why it failed: generic, insufficient_funds, expired_card, stolen_card, processing_error …
	Amount     money.Amount
	OccurredAt time.Time // by the provider's clock
	ReceivedAt time.Time // by ours
	Source     Source
	Raw        string // as received, cut to 16 KiB

	Intent, Attempt string // ours; empty while parked
}

// Status is what a set of facts adds up to. It is derived and never stored.
type Status struct {
	State         string // disputed, lost, refunded, partly_refunded, paid, partly_captured, or the best attempt's Kind; "" without facts
	Authorised    money.Amount
	Captured      money.Amount
	Refunded      money.Amount
	RefundPending money.Amount
	Disputed      money.Amount // of rounds that aren't decided
	Lost          money.Amount
	Net           money.Amount
	Foreign       bool      // there is money in another currency, which isn't counted
	MoneyAt       time.Time // when the first fact about authorised or captured money was received
}

type object struct {
	of  Object
	ref string
}

// outranks says whether b says more about its object than a. Facts of one rank are told apart by what they
// say, so that their order of arrival never matters.
func outranks(a, b Fact) bool {
	return cmp.Or(
		cmp.Compare(ranks[b.Object][b.Kind], ranks[a.Object][a.Kind]),
		cmp.Compare(b.Kind, a.Kind),
		cmp.Compare(b.Amount.Minor, a.Amount.Minor),
		cmp.Compare(b.Amount.Currency, a.Amount.Currency),
		cmp.Compare(b.Event, a.Event),
	) > 0
}

// Derive adds up facts about one intent over amount. Neither their order nor repetitions matter.
func Derive(amount money.Amount, facts []Fact) Status {
	none := money.Of(0, amount.Currency)
	s := Status{Authorised: none, Captured: none, Refunded: none, RefundPending: none, Disputed: none, Lost: none}
	top := map[object]Fact{}
	captures := map[string]bool{} // attempts that have capture objects
	for _, f := range facts {
		if ranks[f.Object][f.Kind] == 0 {
			continue
		}
		if f.Money() && (s.MoneyAt.IsZero() || f.ReceivedAt.Before(s.MoneyAt)) {
			s.MoneyAt = f.ReceivedAt
		}
		o := object{f.Object, f.Ref}
		if old, ok := top[o]; !ok || outranks(old, f) {
			top[o] = f
		}
		if f.Object == OfCapture {
			captures[f.Parent] = true
		}
	}
	var best Fact
	for o, f := range top {
		if f.Amount.Currency != amount.Currency && f.countsMoney() {
			s.Foreign = true
			continue
		}
		s.count(o, f, captures)
		if o.of == OfAttempt && (best.Event == "" || outranks(best, f)) {
			best = f
		}
	}
	if s.Authorised.Minor < s.Captured.Minor {
		s.Authorised = s.Captured
	}
	s.Net = s.Captured.Sub(s.Refunded).Sub(s.Lost)
	s.State = s.state(amount, best.Kind)
	return s
}

func (s *Status) count(o object, f Fact, captures map[string]bool) {
	add := func(to *money.Amount) { *to = money.Of(to.Minor+f.Amount.Minor, to.Currency) }
	switch o.of {
	case OfAttempt:
		if f.Kind == Authorised || f.Kind == Captured {
			add(&s.Authorised)
		}
		if f.Kind == Captured && !captures[f.Ref] {
			add(&s.Captured)
		}
	case OfCapture:
		if f.Kind == Succeeded {
			add(&s.Captured)
		}
	case OfRefund:
		switch f.Kind {
		case Pending:
			add(&s.RefundPending)
		case Succeeded:
			add(&s.Refunded)
		}
	case OfDispute:
		switch f.Kind {
		case Opened:
			add(&s.Disputed)
			add(&s.Lost)
		case Lost:
			add(&s.Lost)
		}
	}
}

func (s *Status) state(amount money.Amount, best Kind) string {
	switch {
	case s.Disputed.Minor > 0:
		return "disputed"
	case s.Lost.Minor > 0 && s.Net.Minor <= 0:
		return "lost"
	case s.Refunded.Minor > 0 && s.Net.Minor <= 0:
		return "refunded"
	case s.Refunded.Minor > 0 || s.Lost.Minor > 0:
		return "partly_refunded"
	case s.Captured.Minor > 0 && s.Captured.Minor >= amount.Minor:
		return "paid"
	case s.Captured.Minor > 0:
		return "partly_captured"
	}
	return string(best)
}

// Money says whether the fact is that money was promised or taken.
func (f Fact) Money() bool {
	return f.Object == OfAttempt && (f.Kind == Authorised || f.Kind == Captured) || f.Object == OfCapture && f.Kind == Succeeded
}

// countsMoney says whether the fact's amount moves a figure of Status.
func (f Fact) countsMoney() bool {
	return f.Money() || f.Object == OfRefund && (f.Kind == Pending || f.Kind == Succeeded) || f.Object == OfDispute && (f.Kind == Opened || f.Kind == Lost)
}

// Progress is how far one attempt has come.
type Progress struct {
	Kind   Kind   // the highest fact about it; Captured also when only a capture of it is known; "" without facts
	Reason string // of a failure
	Money  money.Amount
}

// Final reports whether nothing more will happen to the attempt by itself.
func (p Progress) Final() bool {
	switch p.Kind {
	case Failed, CancelledKind, Expired, Authorised, Captured:
		return true
	}
	return false
}

// Dead reports whether the attempt ended without money.
func (p Progress) Dead() bool {
	return p.Kind == Failed || p.Kind == CancelledKind || p.Kind == Expired
}

// Paid reports whether money was promised or taken.
func (p Progress) Paid() bool { return p.Kind == Authorised || p.Kind == Captured }

// ProgressOf derives how far an attempt has come from the facts of its intent.
func ProgressOf(attempt string, facts []Fact) (p Progress) {
	var top Fact
	for _, f := range facts {
		if f.Attempt != attempt {
			continue
		}
		if f.Object == OfCapture && f.Kind == Succeeded {
			f.Object, f.Kind = OfAttempt, Captured
		}
		if f.Object == OfAttempt && ranks[OfAttempt][f.Kind] > 0 && (top.Event == "" || outranks(top, f)) {
			top = f
		}
	}
	return Progress{top.Kind, top.Reason, top.Amount}
}
