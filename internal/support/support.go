// Package support is where what people write waits for a person: one conversation for each of them over all channels,
// tickets for matters that have to be settled, and answers written in advance.
//
// It sends nothing by itself: answers go the way of every message, through package messaging and its gate. What is
// understood without a person (STOP, INFO …) is answered there; here it only stands in the conversation.
package support

import (
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

var (
	ErrUnknown  = fault.New(fault.NotFound, "support.unknown")
	ErrBadInput = fault.New(fault.Invalid, "support.bad_input")
	// ErrMoved is the fault of an answer to a conversation in which something was said meanwhile.
	ErrMoved = fault.New(fault.Conflict, "support.moved")
	// ErrChanged is the fault of a change of a ticket that somebody else changed meanwhile.
	ErrChanged = fault.New(fault.Conflict, "support.changed")
	// ErrNoWay is the fault of an answer to somebody for whom no address is known.
	ErrNoWay = fault.New(fault.Conflict, "support.no_way")
	// ErrNotFilled is the fault of an answer written in advance whose variables have no value here.
	ErrNotFilled = fault.New(fault.Conflict, "support.not_filled")
)

// State is how far a ticket has come. An answer makes it Pending; what the person writes opens it again.
type State string

const (
	Open    State = "open"    // we have to do something
	Pending State = "pending" // we wait for the person, or somebody else
	Solved  State = "solved"
)

// States are all of them, in order.
var States = []State{Open, Pending, Solved}

// Source says who or what opened a ticket.
type Source string

const (
	FromRating   Source = "rating"   // a rating of 1 or 2
	FromKeyword  Source = "keyword"  // RESCHEDULE, AGENT …
	FromText     Source = "text"     // words that only a person understands
	FromJourney  Source = "journey"  // a journey of messages
	FromOperator Source = "operator" // somebody at the console
	FromShopper  Source = "shopper"  // a form
	FromProgram  Source = "api"
)

// Priority orders tickets: the smallest first.
type Priority int64

const (
	Urgent Priority = 1 // safety, law
	High   Priority = 2 // a bad rating, customs wait for something
	Normal Priority = 3
	Low    Priority = 4
)

// Priorities are all of them, in order, by their names.
var Priorities = []Priority{Urgent, High, Normal, Low}

// String is the stable name of p.
func (p Priority) String() string {
	return map[Priority]string{Urgent: "urgent", High: "high", Normal: "normal", Low: "low"}[p]
}

// PriorityOf reads the name of a priority; 0 for none.
func PriorityOf(name string) Priority {
	for _, p := range Priorities {
		if p.String() == name {
			return p
		}
	}
	return 0
}

// Queues are the heaps that tickets lie on: everything else; parcels on their way; customs; money; returns.
var Queues = []string{"care", "delivery", "customs", "payments", "returns"}

// Reasons for which the package itself opens tickets. Others may be any stable code.
const (
	ReasonRating     = "rating"
	ReasonReschedule = "reschedule"
	ReasonAgent      = "agent"
	ReasonUnclear    = "unclear"
	ReasonStopAndSo  = "stop_and_more" // asked for silence, and said something else too
	ReasonAsked      = "asked"         // opened by hand
)

// Ticket is one matter to be settled.
type Ticket struct {
	ID         string
	Number     string // as people read it out: T-7K4Q
	Key        string // the same key opens one ticket
	Talk       string // the conversation it belongs to; Open finds it by Customer
	Customer   string
	Order      string
	Cart       string
	Parcel     string // shipment
	Market     market.Code
	Lang       string
	Title      string // what it is about, in the words of who opened it; empty: the reason says it
	Reason     string
	Source     Source
	Priority   Priority
	Queue      string
	State      State
	Assignee   string // user who looks after it
	OpenedBy   string // name of a person, a journey, an API key
	OpenedAt   time.Time
	ChangedAt  time.Time
	AnsweredAt time.Time // our first answer
	SolvedAt   time.Time
	SolvedBy   string
	Version    int64 // grows with every change
}

// Talk is the conversation with one person. Version grows with everything that is said.
type Talk struct {
	ID       string
	Customer string
	Market   market.Code
	Country  market.Country
	Lang     string
	Channel  messaging.Channel // where they wrote last
	Address  string
	Order    string // what was spoken of last
	Cart     string
	LastAt   time.Time
	LastText string // beginning of what was said last
	LastOurs bool
	Unread   int64
	WaitsAt  time.Time // since when they wait for us; zero: they don't
	Assignee string
	Tickets  int64 // not solved
	Version  int64
}

// Mark is something done about a conversation or a ticket besides what was said. What is a stable code: note, opened,
// assigned, state, priority, queue, title, solved, reopened; Detail goes with it.
type Mark struct {
	ID     string
	Talk   string
	Ticket string
	At     time.Time
	Who    string // the name of a person; empty: the program
	What   string
	Detail string
}

// TicketOpenedEvent is announced when a ticket is opened.
type TicketOpenedEvent struct {
	Ticket   string      `json:"ticket"`
	Number   string      `json:"number"`
	Customer string      `json:"customer"`
	Order    string      `json:"order,omitempty"`
	Cart     string      `json:"cart,omitempty"`
	Parcel   string      `json:"parcel,omitempty"`
	Market   market.Code `json:"market"`
	Lang     string      `json:"lang"`
	Reason   string      `json:"reason"`
	Source   Source      `json:"source"`
	Priority string      `json:"priority"`
	Queue    string      `json:"queue"`
	At       time.Time   `json:"at"`
}

// Topic implements events.Event.
func (TicketOpenedEvent) Topic() string { return "support.ticket_opened" }

// Subjects names what the event is about, for timelines.
func (e TicketOpenedEvent) Subjects() []string {
	return []string{e.Customer, e.Order, e.Cart, e.Ticket}
}

// TicketSolvedEvent is announced when a ticket is solved.
type TicketSolvedEvent struct {
	Ticket   string      `json:"ticket"`
	Number   string      `json:"number"`
	Customer string      `json:"customer"`
	Order    string      `json:"order,omitempty"`
	Cart     string      `json:"cart,omitempty"`
	Market   market.Code `json:"market"`
	Reason   string      `json:"reason"`
	By       string      `json:"by"`
	At       time.Time   `json:"at"`
}

// Topic implements events.Event.
func (TicketSolvedEvent) Topic() string { return "support.ticket_solved" }

// Subjects names what the event is about, for timelines.
func (e TicketSolvedEvent) Subjects() []string {
	return []string{e.Customer, e.Order, e.Cart, e.Ticket}
}
