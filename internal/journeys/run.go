package journeys

import (
	"time"

	"portolan/internal/market"
)

// State is how far a run has come:
//
//	waiting <-> held -> done | exited | failed
type State string

// The states.
const (
	Waiting State = "waiting" // for a time or an event
	Holding State = "held"    // its message waits for an hour in which it may be sent
	Done    State = "done"    // came to its end
	Exited  State = "exited"  // ended before; see Reason
	Broken  State = "failed"  // can't go on: a person has to look
)

// Over reports whether nothing more will happen.
func (s State) Over() bool { return s == Done || s == Exited || s == Broken }

// Run is one customer's way through one version of a journey.
type Run struct {
	ID       string
	Journey  string
	Version  int64
	Key      string // what it is about: an order, a cart, a parcel's status
	Priority int64
	Customer string
	Market   market.Code
	Lang     string
	Order    string
	Cart     string
	Parcel   string
	Phone    string // as it was left with the cart, if it was
	Email    string
	Node     string
	State    State
	Reason   string // why it ended, or is held
	Arm      string // "control" and "treated" where a share is held out; else empty
	Way      string // names of the ways that lots have chosen
	Due      time.Time
	At       time.Time // the fact that began it
	Started  time.Time
	Ended    time.Time
	Sent     int64             // messages
	Event    Happening         // the last one that concerned it
	Faults   int64             // tries of its next step that failed
	Reward   string            // node whose reward the next message carries
	Visits   map[string]int64  // how often it has come to a node
	Vars     map[string]string // kept for its messages: ticket, code
	Had      []string          // nodes of its version that it passes without effect: it had them in the version it came from

	taken int64  // steps in the database
	fresh bool   // not yet in the database
	steps []Step // taken in this unit of work
}

// Control is the arm of those who get nothing.
const (
	Control = "control"
	Treated = "treated"
)

// Outcome is what came of a step.
type Outcome string

// The outcomes.
const (
	Sent     Outcome = "sent"
	Waits    Outcome = "waits"
	NotSent  Outcome = "not_sent"
	Withheld Outcome = "withheld" // would have been sent, to somebody of the control group
	Passed   Outcome = "passed"   // went on; Detail says which way
	Opened   Outcome = "opened"   // a ticket
	Ended    Outcome = "ended"
)

// Step is one thing that a run did, or didn't do, and why. Reason is a stable code, empty when something was sent:
// paid_meanwhile, payment_pending, ordered_item, cart_empty, sold_out, no_consent, suppressed, quiet_hours,
// recently_asked, once_per_cart, came_back, too_late, no_channel, cancelled …
type Step struct {
	ID       string
	Run      string
	Journey  string // "confirm", "cart", "optin"
	Version  int64
	Node     string
	Visit    int64
	Key      string // order, cart or parcel
	Customer string
	Market   market.Code
	Arm      string
	Outcome  Outcome
	Reason   string
	Detail   string
	Message  string
	Code     string // discount code issued
	Ticket   string
	At       time.Time
}

// Decision is a step as timelines show it.
type Decision = Step

// note adds a step.
func (v *view) note(n *Node, o Outcome, reason, detail string) *Step {
	r := v.run
	r.steps = append(r.steps, Step{Run: r.ID, Journey: r.Journey, Version: r.Version, Node: n.ID, Visit: r.Visits[n.ID], Key: r.Key, Customer: r.Customer,
		Market: r.Market, Arm: r.Arm, Outcome: o, Reason: reason, Detail: detail, At: v.now})
	return &r.steps[len(r.steps)-1]
}

// end ends the run.
func (v *view) end(s State, reason string) {
	v.run.State, v.run.Reason, v.run.Due, v.run.Ended = s, reason, time.Time{}, v.now
}
