package smsc

import (
	"context"
	"maps"
	"sync"
	"time"

	"portolan/internal/messaging/smpp"
)

// IDForm is how the centre writes a message's id in its answer and in the receipt. Real centres differ, and
// many differ from themselves.
type IDForm string

const (
	Decimal IDForm = ""       // the same decimal number in both
	Hex     IDForm = "hex"    // hexadecimal in the answer, decimal in the receipt
	Padded  IDForm = "padded" // leading zeros in the answer, none in the receipt
	Upper   IDForm = "upper"  // hexadecimal, small letters in the answer, capitals in the receipt
	Mixed   IDForm = "mixed"  // each of these in turn
)

// Wording is how the centre spells the text of a receipt.
type Wording string

const (
	Plain    Wording = ""         // as SMPP 3.4, appendix B
	Capitals Wording = "capitals" // ID:… STAT:DELIVRD
	Long     Wording = "long"     // id:… submit_date:… stat:Delivered
	AnyWords Wording = "mixed"    // each of these in turn
)

// Plan says how the network behaves. Shares are probabilities from 0 to 1; durations pass on the server's
// clock. The zero Plan delivers everything, with receipts after 150 to 900 ms.
type Plan struct {
	ReceiptMin time.Duration `json:"receipt_min"` // until a text arrives and its receipt leaves
	ReceiptMax time.Duration `json:"receipt_max"`
	Delay      *Delay        `json:"delay"` // instead of the two above

	Early          float64                `json:"early"`           // receipts sent before the submit's own answer
	Lost           float64                `json:"lost"`            // receipts never sent, though the text arrives
	Doubled        float64                `json:"doubled"`         // receipts sent twice
	Reordered      float64                `json:"reordered"`       // receipts held back for up to ten times the delay
	Interim        float64                `json:"interim"`         // receipts that another precedes: accepted, or on the way
	Failed         float64                `json:"failed"`          // texts that don't arrive; the receipt says undeliverable
	Ends           map[smpp.State]float64 `json:"ends"`            // the same with another state: expired, deleted, rejected, unknown
	Codes          map[smpp.State]string  `json:"codes"`           // the network's reason in receipts of a state, "000" or "001" if not given
	Unreachable    float64                `json:"unreachable"`     // phones that are off
	UnreachableFor time.Duration          `json:"unreachable_for"` // how long: 1 min. A text whose validity ends before expires
	NoTLV          bool                   `json:"no_tlv"`          // receipts tell everything in their text only
	NoText         bool                   `json:"no_text"`         // receipts tell everything in their fields only
	Wording        Wording                `json:"wording"`
	IDs            IDForm                 `json:"ids"`

	Throttled  float64                `json:"throttled"`   // submits answered with 0x58
	Rate       int                    `json:"rate"`        // submits taken in a second; the rest is throttled; 0: any number
	Refuse     map[string]smpp.Status `json:"refuse"`      // numbers (without +) that are refused, and how
	RefuseAll  smpp.Status            `json:"refuse_all"`  // an outage that answers
	RefuseBind smpp.Status            `json:"refuse_bind"` // an outage that doesn't let anybody in

	AnswerDelay     time.Duration `json:"answer_delay"`
	AnswerJitter    time.Duration `json:"answer_jitter"`    // at most this much longer, so that answers overtake each other
	AnswerLost      float64       `json:"answer_lost"`      // submits taken and never answered
	DisconnectAfter int           `json:"disconnect_after"` // each line breaks at its nth submit, taken but not answered

	Garbled     float64       `json:"garbled"`      // receipts before which a PDU comes that can't be read
	EnquireLink time.Duration `json:"enquire_link"` // how often lines are asked for a sign of life; one that gives none by the next time breaks; 0: never

	Outages []Outage `json:"outages"`
}

// Outage is a time in which the network fails. It begins After the plan came into force, lasts For, and comes again
// Every so often.
type Outage struct {
	Kind  OutageKind    `json:"kind"`
	After time.Duration `json:"after"`
	For   time.Duration `json:"for"`
	Every time.Duration `json:"every"` // 0: once
}

// OutageKind is what fails.
type OutageKind string

const (
	LinesDown  OutageKind = "lines"    // all lines break and nobody is let in; only in the server's plan
	Refusing   OutageKind = "refuse"   // submits are answered with 0x08, system error
	Throttling OutageKind = "throttle" // submits are answered with 0x58
	Silent     OutageKind = "silent"   // submits are taken and never answered
	NoReceipts OutageKind = "receipts" // texts arrive; their receipts wait for the end of it
)

// within reports whether the outage is on, age after the plan came into force, and how long it lasts from there.
func (o Outage) within(age time.Duration) (left time.Duration, on bool) {
	age -= o.After
	if age < 0 || (o.Every <= 0 && age >= o.For) {
		return 0, false
	}
	if o.Every > 0 {
		age %= o.Every
	}
	return o.For - age, age < o.For
}

// present is a plan in force.
type present struct {
	*Plan
	since time.Time
}

func (p present) outage(kind OutageKind, at time.Time) (left time.Duration, on bool) {
	for _, o := range p.Outages {
		if o.Kind != kind {
			continue
		}
		if l, now := o.within(at.Sub(p.since)); now {
			left, on = max(left, l), true
		}
	}
	return left, on
}

// SetPlan changes how the network behaves from now on. Operators keep plans of their own.
func (s *Server) SetPlan(p Plan) {
	p.Refuse, p.Ends, p.Codes = maps.Clone(p.Refuse), maps.Clone(p.Ends), maps.Clone(p.Codes)
	ctx, stop := context.WithCancel(context.Background())
	s.mu.Lock()
	if s.stop != nil {
		s.stop()
	}
	s.stop = stop
	s.mu.Unlock()
	now := present{&p, s.clock.Now()}
	s.plan.Store(&now)
	for _, o := range p.Outages {
		if o.Kind == LinesDown {
			s.breakLines(ctx, o, now.since.Add(o.After))
		}
	}
}

// breakLines breaks all lines at the beginning of an outage, unless the plan has changed by then.
func (s *Server) breakLines(ctx context.Context, o Outage, at time.Time) {
	s.schedule.add(at, func(at time.Time) {
		if ctx.Err() != nil {
			return
		}
		s.disconnects.Add(1)
		s.Disconnect()
		if o.Every > 0 {
			s.breakLines(ctx, o, at.Add(o.Every))
		}
	})
}

// Plan is how the network behaves now.
func (s *Server) Plan() Plan { return *s.plan.Load().Plan }

func (s *Server) planFor(o *Operator) present {
	p := *s.plan.Load()
	if o != nil && o.Plan != nil {
		p.Plan = o.Plan
	}
	return p
}

// meterFor counts against the rate of the plan that holds for an operator.
func (s *Server) meterFor(o *Operator) *meter {
	if o == nil || o.Plan == nil {
		return s.rates[nil]
	}
	return s.rates[o]
}

// meter counts submits in a second.
type meter struct {
	mu     sync.Mutex
	second int64
	n      int
}

func (m *meter) tooFast(rate int, at time.Time) bool {
	if rate <= 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if sec := at.Unix(); sec != m.second {
		m.second, m.n = sec, 0
	}
	m.n++
	return m.n > rate
}
