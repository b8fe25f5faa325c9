package messaging

import (
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/market"
)

// What messaging asks of the packages below it.
type (
	// people is satisfied by customer.Service.
	people interface {
		Get(tx *db.Tx, id string) (customer.Customer, error)
		ByPhone(tx *db.Tx, e164 string) ([]customer.Customer, error)
		Allowed(tx *db.Tx, address string, ch customer.Channel, cl customer.Class) (customer.State, error)
		Suppressed(tx *db.Tx, address string) (customer.Suppression, error)
		Suppress(tx *db.Tx, address, reason, source string) error
		StopAll(tx *db.Tx, address, source string) (addresses []string, fresh bool, err error)
		Restore(tx *db.Tx, address, source string) (addresses []string, fresh bool, err error)
	}
	// markets is satisfied by market.Service.
	markets interface {
		ByCode(market.Code) (market.Market, bool)
		ByCountry(market.Country) (market.Market, bool)
	}
	announcer interface {
		Publish(tx *db.Tx, e events.Event) error
	}
)

// Config is what a merchant sets.
type Config struct {
	Brand   string  // stands first in every text
	BaseURL string  // public address of the shop without a slash at the end, for links in messages
	Routes  []Route // best first
	Mailbox string  // sender of e-mails
}

// Guard is asked at every gate for messages that carry its name, and says why not to send now, or nothing.
type Guard func(tx *db.Tx, r Record) (reason string, err error)

// OrderInfo fills the template info_reply for the order or cart that a reply is about; no variables means that
// there is nothing to tell.
type OrderInfo func(tx *db.Tx, about Record, lang string) (vars map[string]string, err error)

// Service writes to people and hears what they answer.
type Service struct {
	db      *db.DB
	queue   *jobs.Queue
	bus     announcer
	people  people
	markets markets
	cfg     Config
	guards  map[string]Guard
	info    OrderInfo
}

// Page is a part of a list: After is the ID of the last row of the page before, Limit is 1 to 200, 50 if zero.
type Page struct {
	After string
	Limit int
}

// Filter narrows the list of messages; zero fields do not.
type Filter struct {
	Market   market.Code
	State    State
	Class    Class
	Channel  Channel
	Template string
	Customer string
	Order    string
	Cart     string
	To       string
	Since    time.Time
	Until    time.Time
}

// Attempt is one try to hand a message to a provider.
type Attempt struct {
	ID         string
	Message    string
	N          int64
	Route      string
	Provider   string
	Sender     string
	Refs       []string // the provider's names for it, one per part
	Outcome    string   // "open", "taken", "refused", "unknown"
	Trouble    Trouble
	Code       string
	Detail     string
	Repeat     bool // may have arrived twice
	StartedAt  time.Time
	AnsweredAt time.Time
}

// Receipt is what the network said about a message or one of its parts.
type Receipt struct {
	ID       string
	Provider string
	Ref      string // the provider's name for the message or part
	State    State
	Code     string
	Raw      string
	At       time.Time // when the network says it happened; zero if it does not say
	Message  string    // empty while parked
	SeenAt   time.Time
}

// Detail is a message with everything that happened to it.
type Detail struct {
	Record
	Decisions []Decision
	Attempts  []Attempt
	Receipts  []Receipt
	Replies   []Inbound
}

// Intent is what an inbound text asks for.
type Intent string

const (
	IntentStop       Intent = "stop"
	IntentStart      Intent = "start"
	IntentInfo       Intent = "info" // tell me about my order
	IntentHelp       Intent = "help"
	IntentReschedule Intent = "reschedule"
	IntentAgent      Intent = "agent"
	IntentTrack      Intent = "track"
	IntentYes        Intent = "yes"
	IntentNo         Intent = "no"
	IntentRating     Intent = "rating"
	IntentOther      Intent = "other"
)

// Inbound is a text from a person. Provider and Ref tell it from others; the rest is filled in by Receive.
type Inbound struct {
	ID        string
	Provider  string
	Ref       string
	Channel   Channel
	From      string // E.164 or e-mail address
	To        string // our number
	Text      string
	Intent    Intent
	Customer  string
	Message   string // what it answers
	Order     string
	Cart      string
	Market    market.Code
	Country   market.Country
	Lang      string
	At        time.Time
	Open      bool // waits for a person
	HandledAt time.Time
	HandledBy string
}

// InboxFilter narrows the inbox; zero fields do not.
type InboxFilter struct {
	Open   bool // only what waits for a person
	Market market.Code
	From   string
}

// Totals are the counts and costs of one market and channel since a moment.
type Totals struct {
	Market    market.Code
	Channel   Channel
	Currency  string // of Cost; a market may have several rows
	Sent      int64
	Delivered int64
	Failed    int64
	Held      int64
	Dropped   int64
	Replied   int64
	Parts     int64
	Repeats   int64
	Cost      int64 // minor units
}
