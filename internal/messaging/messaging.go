// Package messaging lies between "something happened to an order" and "the shopper read it, answered, or told
// us to stop": texts in the shopper's language, the send gate, routes and delivery, receipts, replies, cost.
//
// What is said and when is decided elsewhere (package journeys). Who agreed to what is kept by package customer.
// The networks themselves are adapters: messaging/operator for SMS, messaging/smtp for e-mail.
package messaging

import (
	"encoding/json"
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	ErrUnknown      = fault.New(fault.NotFound, "messaging.unknown")
	ErrBadMessage   = fault.New(fault.Invalid, "messaging.bad_message")
	ErrNoTemplate   = fault.New(fault.Internal, "messaging.no_template")
	ErrNoRoute      = fault.New(fault.Unavailable, "messaging.no_route")
	ErrBadToken     = fault.New(fault.NotFound, "messaging.bad_link")
	ErrOldToken     = fault.New(fault.Gone, "messaging.link_expired")
	ErrBadReply     = fault.New(fault.Invalid, "messaging.bad_reply")
	ErrUnreachable  = fault.New(fault.Conflict, "messaging.unreachable")
	ErrBadRuleTable = fault.New(fault.Internal, "messaging.bad_rule_table")
)

// Channel is a way to reach a person.
type Channel string

const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// Class says what law and decency ask of a message.
type Class string

const (
	Transactional Class = "transactional" // order and parcel: part of the purchase
	Survey        Class = "service"       // surveys and requests for a review
	Promotional   Class = "promotional"   // offers; cart recovery too
	Reply         Class = "reply"         // inside a conversation the shopper began; confirmations of STOP and START
)

// asks reports whether a class needs consent and keeps quiet hours.
func (c Class) asks() bool { return c == Promotional || c == Survey }

// State is how far a message has come. It only moves forward; a late failure is kept beside it.
type State string

const (
	Held      State = "held"   // waits for its hour
	Queued    State = "queued" // passed the gate
	Sent      State = "sent"   // a provider took it
	Delivered State = "delivered"
	Read      State = "read"
	Failed    State = "failed"  // refused by every route, or by the network
	Expired   State = "expired" // its hour did not come before it was too late, or the network gave up
	Dropped   State = "dropped" // the gate said no
	Unknown   State = "unknown" // the outcome of a message that must not be repeated
)

// rank orders states; a message never moves to a lower one, nor between two final ones of the same rank.
func (s State) rank() int {
	switch s {
	case Held:
		return 0
	case Queued:
		return 1
	case Sent, Unknown:
		return 2
	case Delivered, Failed, Expired, Dropped:
		return 3
	case Read:
		return 4
	}
	return -1
}

// follows reports whether a message in state s may become next.
func (s State) follows(next State) bool { return next.rank() > s.rank() }

// Reach is one address of a person.
type Reach struct {
	Channel Channel `json:"channel"`
	To      string  `json:"to"` // E.164 or e-mail address
}

// Message is something to say to one person. Vars fill the template; they are plain text, never markup.
// The zero NotAfter is no limit. Zone and Region, if known, are where the person is: "America/New_York", "NY".
// Else lists further addresses, tried in order when the gate asks for another channel.
type Message struct {
	Key      string            `json:"key"` // the same key is never sent twice
	Customer string            `json:"customer"`
	To       string            `json:"to"`
	Channel  Channel           `json:"channel"`
	Else     []Reach           `json:"else,omitempty"`
	Class    Class             `json:"class"` // must be the template's; empty takes it
	Market   market.Code       `json:"market"`
	Country  market.Country    `json:"country"` // empty: the number's country
	Region   string            `json:"region,omitempty"`
	Zone     string            `json:"zone,omitempty"`
	Lang     string            `json:"lang"`
	Template string            `json:"template"`
	Vars     map[string]string `json:"vars"`
	Text     string            `json:"text,omitempty"` // class reply only: what a person wrote, instead of a template
	Order    string            `json:"order,omitempty"`
	Cart     string            `json:"cart,omitempty"`
	Link     string            `json:"link,omitempty"`   // where the message's own link leads
	Links    map[string]string `json:"links,omitempty"`  // where further links lead, by the variable they stand for
	FactAt   time.Time         `json:"fact_at,omitzero"` // the fact that caused it, to measure from
	NotAfter time.Time         `json:"not_after,omitzero"`
	Guard    string            `json:"guard,omitempty"`   // name of a Guard asked again at each gate
	Instead  string            `json:"instead,omitempty"` // the message whose place it takes: that one failed, or nobody knows
	Via      string            `json:"via,omitempty"`     // name of the only route it may go by: for tests of an account
	Trial    *Words            `json:"trial,omitempty"`   // words instead of the template's, sent as a reply: for tests of a text
	Pins     Pins              `json:"pins,omitzero"`     // versions of its words that were taken in, with their corrections; nil: those in force
}

// Verdict is the gate's answer.
type Verdict string

const (
	Go           Verdict = "send"
	Hold         Verdict = "hold"
	OtherChannel Verdict = "other_channel"
	Drop         Verdict = "drop"
)

// Reason says why, as a stable code and what it was about: {"quiet_hours", "DE 20:00-09:00 Europe/Berlin"}.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

// Decision is the gate's answer with its reasons and the version of the rules that gave it.
type Decision struct {
	Verdict Verdict   `json:"verdict"`
	Why     string    `json:"why,omitempty"`  // code of the reason that decided; empty with Go
	Until   time.Time `json:"until,omitzero"` // with Hold: when to ask again
	Reasons []Reason  `json:"reasons"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	Channel Channel   `json:"channel"`
}

// Says reports whether code is among the reasons.
func (d Decision) Says(code string) bool {
	for _, r := range d.Reasons {
		if r.Code == code {
			return true
		}
	}
	return false
}

// Record is a message as it is kept, with what became of it.
type Record struct {
	Message
	ID          string
	State       State
	Reason      string // why it ended as it did: the first reason's code
	Sender      string
	SenderKind  Kind
	Subject     string // e-mail only
	Body        string
	HTML        string // e-mail only
	Encoding    string
	Parts       int64
	Cost        Cost     // parts x the route's price; zero until sent
	Token       string   // of the reply page and the unsubscribe link
	Clicks      int64    // of people on the message's own link
	Robots      int64    // robots and previews there
	Repeats     int64    // attempts marked as possible duplicates, without those that were refused
	Gate        Decision // the last one
	HeldUntil   time.Time
	CreatedAt   time.Time
	QueuedAt    time.Time
	WireAt      time.Time // just before it was given to the provider that took it
	SentAt      time.Time
	DeliveredAt time.Time
	LateFailure string // a failure reported after a success
	Provider    string // that took it, and the name of the route it went by; empty until then
	Route       string
	RepliedAt   time.Time    // first answer within 72 hours
	Orders      int64        // that it led to; see Service.Bought
	Revenue     money.Amount // of those
	TextVersion string       // language and version of the words: "de/3"; "de/0" are the built-in ones

	asked Message    // as it was handed to Send, before a channel was chosen
	due   time.Time  // when it is taken in hand next; see lane
	was   standing   // as it was read
	first Attempt    // of which the message's own row tells, as far as it is known: its moment, route and provider
	Tried []Decision // in a rehearsal: what the gate said of the addresses before this one

	then *then // in a rehearsal: the moment it is weighed at

	person []string // profiles of the customer's person, once they were looked up; the one that stands for all first
}

// Cost is a sum of money finer than a minor unit: a part costs fractions of a cent.
type Cost struct {
	Micros   int64          `json:"micros"` // millionths of the currency's major unit
	Currency money.Currency `json:"currency"`
}

// Times is the cost of n parts.
func (c Cost) Times(n int64) Cost { return Cost{c.Micros * n, c.Currency} }

// Amount is the cost in whole minor units, rounded half up.
func (c Cost) Amount() money.Amount {
	unit := int64(1_000_000)
	for range c.Currency.Digits() {
		unit /= 10
	}
	return money.Of((c.Micros+unit/2)/unit, c.Currency)
}

// ReadCost reads a decimal price of one part: ReadCost("0.0348", "EUR").
func ReadCost(s string, c money.Currency) (Cost, error) {
	r, err := money.ParseRate(s)
	if err != nil {
		return Cost{}, err
	}
	for ; r.Scale < 6; r.Scale++ {
		r.Coef *= 10
	}
	for ; r.Scale > 6; r.Scale-- {
		r.Coef /= 10
	}
	return Cost{r.Coef, c}, nil
}

// Latency is the time from the fact that caused the message to the wire; 0 if either is not known.
func (r Record) Latency() time.Duration {
	if r.FactAt.IsZero() || r.WireAt.IsZero() {
		return 0
	}
	return r.WireAt.Sub(r.FactAt)
}

// SentEvent is announced when a provider took a message.
type SentEvent struct {
	Message  string         `json:"message"`
	Customer string         `json:"customer"`
	Order    string         `json:"order,omitempty"`
	Cart     string         `json:"cart,omitempty"`
	Template string         `json:"template"`
	Class    Class          `json:"class"`
	Channel  Channel        `json:"channel"`
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country"`
	Parts    int64          `json:"parts"`
	Cost     Cost           `json:"cost"`
	At       time.Time      `json:"at"`
}

// Topic implements events.Event.
func (SentEvent) Topic() string { return "messaging.sent" }

// Unkept implements events.Unkept: the message itself says it.
func (SentEvent) Unkept() {}

// Subjects names what the event is about, for timelines.
func (e SentEvent) Subjects() []string { return subjects(e.Customer, e.Order, e.Cart, e.Message) }

// DeliveredEvent is announced when the network says that a message is on the phone.
type DeliveredEvent struct {
	Message  string      `json:"message"`
	Customer string      `json:"customer"`
	Order    string      `json:"order,omitempty"`
	Cart     string      `json:"cart,omitempty"`
	Template string      `json:"template"`
	Market   market.Code `json:"market"`
	At       time.Time   `json:"at"`
}

// Topic implements events.Event.
func (DeliveredEvent) Topic() string { return "messaging.delivered" }

// Unkept implements events.Unkept: the message itself says it.
func (DeliveredEvent) Unkept() {}

// Subjects names what the event is about, for timelines.
func (e DeliveredEvent) Subjects() []string { return subjects(e.Customer, e.Order, e.Cart, e.Message) }

// EndedEvent is announced when a message ends without having reached anybody: dropped, failed, expired or
// unknown.
type EndedEvent struct {
	Message  string      `json:"message"`
	Customer string      `json:"customer"`
	Order    string      `json:"order,omitempty"`
	Cart     string      `json:"cart,omitempty"`
	Template string      `json:"template"`
	Market   market.Code `json:"market"`
	State    State       `json:"state"`
	Reason   string      `json:"reason"`
	At       time.Time   `json:"at"`
	Next     string      `json:"next,omitempty"` // the message that says the same by another channel
}

// Topic implements events.Event.
func (EndedEvent) Topic() string { return "messaging.ended" }

// Subjects names what the event is about, for timelines.
func (e EndedEvent) Subjects() []string { return subjects(e.Customer, e.Order, e.Cart, e.Message) }

// ReceivedEvent is announced for every message from a person, by phone or reply page.
type ReceivedEvent struct {
	Inbound  string         `json:"inbound"`
	From     string         `json:"from"`
	To       string         `json:"to"`
	Text     string         `json:"text"`
	Intent   Intent         `json:"intent"`
	Customer string         `json:"customer"`
	Message  string         `json:"message"` // what it answers, if anything
	Order    string         `json:"order,omitempty"`
	Cart     string         `json:"cart,omitempty"`
	Market   market.Code    `json:"market"`
	Country  market.Country `json:"country"`
	Lang     string         `json:"lang"`
	At       time.Time      `json:"at"`
	Rating   int64          `json:"rating,omitempty"` // 1 to 5 with IntentRating
	Channel  Channel        `json:"channel"`
	Asks     bool           `json:"asks,omitempty"` // a person has to read it
}

// Topic implements events.Event.
func (ReceivedEvent) Topic() string { return "messaging.received" }

// Subjects names what the event is about, for timelines.
func (e ReceivedEvent) Subjects() []string { return subjects(e.Customer, e.Order, e.Cart, e.Message) }

func subjects(ids ...string) (out []string) {
	for _, id := range ids {
		if id != "" {
			out = append(out, id)
		}
	}
	return out
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
