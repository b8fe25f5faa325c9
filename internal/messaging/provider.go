package messaging

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
)

var (
	// ErrForged is the fault of a webhook that its provider did not make: nothing in it is believed.
	ErrForged = fault.New(fault.Anonymous, "messaging.forged")
	// ErrGarbled is the fault of a webhook that is genuine and can't be read.
	ErrGarbled = fault.New(fault.Invalid, "messaging.garbled")
)

// Channels beside SMS and e-mail.
const (
	WhatsApp Channel = "whatsapp" // addresses are E.164
	Telegram Channel = "telegram" // addresses are the number of the chat with the bot
	Push     Channel = "push"     // addresses are what Subscription.Address writes
)

// Sender kinds beside those of phones and mailboxes.
const (
	Bot     Kind = "bot"     // a name people have begun to talk with
	Browser Kind = "browser" // a notice on a screen; one-way
)

// Provider is an adapter to one company's or one protocol's way of sending. Each is a folder of its own below
// this package and one line where the program is put together.
type Provider struct {
	Name     string    // in addresses, receipts and accounts: "twilio"
	Title    string    // as it writes itself: "Twilio"
	Base     string    // its public address; an account may name another. Empty: there is none for all
	Channels []Channel // what an account can be for
	Kinds    []Kind    // what an account's sender can be, the usual one first
	Fields   []Field   // what an account has to say besides

	NeedsBase  bool // every account has an address of its own
	NoSender   bool // the account itself says who sends
	FreeSender bool // a sender may be a name of the provider's own, such as that of a pool of numbers

	Open func(a ProviderAccount, t Tools) (Line, error)
}

// field returns the provider's field of a name.
func (p Provider) field(name string) (Field, bool) {
	for _, f := range p.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Field is one thing an account has to say to its provider. Its label and where to find it are texts of the
// console: channels.twilio_token and channels.twilio_token_hint.
type Field struct {
	Name     string
	Secret   bool // kept locked up and never shown again
	Optional bool
	OneOf    []string // the answers there are; empty: any
	Check    func(string) bool
	Made     func() (secret string) // for a secret that we make up ourselves where none is given
}

// Tools are what lines work with.
type Tools struct {
	Now   func() time.Time
	Hook  string                        // public address of the account's webhook
	Keys  func(purpose string) [][]byte // keys of our own: the first to sign with, any to check; none without a vault
	Brand string
}

// Capabilities say what a line can do in a country.
type Capabilities struct {
	Channels     []Channel
	Kinds        []Kind
	TwoWay       bool // people can answer
	Receipts     bool // the provider tells what became of a message
	PriceInReply bool
	IDsPerPart   bool // one id for each part of a text instead of one for all
	CanQuery     bool // it is an Inquirer
	ListsPrices  bool // it is a PriceLister
	MaxRate      int  // messages a second that it states for every account; 0: none stated, or set per account
}

// Line is an account with a provider, ready to send and to hear. Its methods may be called at once from many
// places.
type Line interface {
	Carrier
	Capabilities(c market.Country) Capabilities
	// Webhook reads what the provider says. It verifies before it believes: what the provider has not made is
	// ErrForged, what is genuine and can't be read ErrGarbled.
	Webhook(d Delivery) (Heard, error)
}

// ErrNever is what an Inquirer answers about an attempt that its provider would know of, and doesn't.
var ErrNever = errors.New("messaging: the provider never had it")

// Inquirer is a Line that can be asked what became of a message: by the provider's ids, or by our name for the
// attempt where no answer came. No event means that the provider can't say.
type Inquirer interface {
	Query(ctx context.Context, attempt string, refs []string) ([]Event, error)
}

// PriceLister is a Line that knows what a part costs by network before it is sent.
type PriceLister interface {
	Prices(ctx context.Context, c market.Country) ([]ListedPrice, error)
}

// ListedPrice is what a provider asks for one part to a network of a country.
type ListedPrice struct {
	Country  market.Country
	Networks []string // MCC and MNC together: "310260"; none: all the others
	Kind     Kind     // none: every sender
	Price    Cost
}

// Delivery is a request to a webhook, as it came.
type Delivery struct {
	Method string
	URL    string              // as the provider called it: our configured public address, path and query
	Query  map[string][]string // of URL
	Header map[string][]string // canonical names
	Body   []byte
}

// Get is the first value of a header, by its canonical name.
func (d Delivery) Get(header string) string {
	if v := d.Header[header]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Heard is what a webhook said, and the words its provider wants to hear back: none are an empty answer.
type Heard struct {
	Events []Event
	Reply  string
	Type   string // of Reply; text/plain if empty
}

// Event is one thing a provider tells: what became of a message, or what a person wrote. One of the two is set.
type Event struct {
	Status *Status `json:"status,omitempty"`
	Said   *Said   `json:"said,omitempty"`
}

// Status is what became of a message.
type Status struct {
	Ref     string    `json:"ref,omitempty"`     // the provider's id
	Attempt string    `json:"attempt,omitempty"` // our name for the attempt, where the provider gives it back
	To      string    `json:"to,omitempty"`
	State   State     `json:"state"`
	Trouble Trouble   `json:"trouble,omitempty"` // with a failure: why, so that an address is left alone for good
	Code    string    `json:"code,omitempty"`
	Price   Cost      `json:"price,omitzero"` // of one part
	At      time.Time `json:"at,omitzero"`
	Raw     string    `json:"raw,omitempty"` // as the provider wrote it
}

// Said is a text from a person. Parts of a longer one carry their place.
type Said struct {
	Ref     string    `json:"ref"` // the provider's id; unique with the account
	Channel Channel   `json:"channel"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Text    string    `json:"text"`
	Thread  uint16    `json:"thread,omitempty"` // number of the longer text this is a part of
	Part    int       `json:"part,omitempty"`   // from 1
	Total   int       `json:"total,omitempty"`
	OptOut  Intent    `json:"opt_out,omitempty"` // as Inbound.OptOut
	At      time.Time `json:"at,omitzero"`
	Attempt string    `json:"attempt,omitempty"` // what it answers, where the provider says
}

// name is the one under which an event is kept once: its provider's id and what it says of it.
func (e Event) name() string {
	switch {
	case e.Status != nil && e.Status.Ref != "":
		return "status:" + e.Status.Ref + ":" + string(e.Status.State)
	case e.Status != nil:
		return "attempt:" + e.Status.Attempt + ":" + string(e.Status.State)
	case e.Said != nil:
		return "said:" + e.Said.Ref
	}
	return ""
}

// Topic says what kind of event it is: "status delivered", "said".
func (e Event) Topic() string {
	if e.Status != nil {
		return "status " + string(e.Status.State)
	}
	return "said"
}

// Write returns the event as it is kept, under its name.
func (e Event) Write() (name string, body []byte) { return e.name(), []byte(encode(e)) }

// ReadEvent reads what Write wrote.
func ReadEvent(body []byte) (e Event, err error) {
	err = json.Unmarshal(body, &e)
	return e, err
}
