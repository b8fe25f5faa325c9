package smsc

import (
	"fmt"
	"strings"
	"time"

	"portolan/internal/messaging/smpp"
)

// journey is a text on its way to a phone.
type journey struct {
	fate
	entry    *entry
	id       string // as receipts write it
	account  *account
	operator *Operator
	plan     present
}

// travel lets a text arrive when its fate has it, or expire before.
func (s *Server) travel(j journey) {
	m, at := j.entry.message, j.entry.at
	leaves := smpp.When(m.Schedule, at)
	if leaves.IsZero() {
		leaves = at
	}
	arrives := leaves.Add(j.delay + j.off)
	if deadline := smpp.When(m.Validity, at); !deadline.IsZero() && arrives.After(deadline) {
		j.end, arrives = smpp.Expired, deadline
	}
	if m.Registered&0x10 != 0 && j.interim == "" {
		j.interim = smpp.Enroute
	}
	if j.early && !arrives.After(at) {
		s.report(j, at)
		s.arrive(j, at)
		return
	}
	if j.interim != "" {
		s.schedule.add(at.Add(arrives.Sub(at)/2), func(at time.Time) { s.report(j, at) })
	}
	s.schedule.add(arrives, func(at time.Time) { s.arrive(j, at) })
}

// report sends the receipt that precedes the last one, if there is to be one.
func (s *Server) report(j journey, at time.Time) {
	if j.interim == "" || j.entry.message.Registered&0x1F == 0 {
		return
	}
	r := j.receipt(j.interim, at)
	if j.interim == smpp.Enroute {
		r.Class = smpp.ClassInterim
	}
	s.hand(j, r, at, 0)
}

// arrive brings a text to its phone and sends the receipt as the plan has it.
func (s *Server) arrive(j journey, at time.Time) {
	state := s.record.end(j.entry, j.end, at)
	if state == smpp.Delivered {
		s.handsets.receive(j.entry, j.operator, at)
	}
	switch wanted := j.entry.message.Registered & 3; {
	case wanted == 0, wanted == 3, wanted == 2 && state == smpp.Delivered:
		return
	}
	if j.lost {
		s.receiptsLost.Add(1)
		return
	}
	if j.garbled {
		j.account.garble()
	}
	r := j.receipt(state, at)
	for _, after := range j.receipts {
		s.hand(j, r, at, after)
	}
}

// hand gives a receipt to the client, later if it is held back or receipts are down.
func (s *Server) hand(j journey, r *smpp.Message, at time.Time, after time.Duration) {
	if left, down := j.plan.outage(NoReceipts, at.Add(after)); down {
		after += left
	}
	d := &delivery{message: r, kind: forReceipt}
	if after <= 0 {
		j.account.deliver(d)
		return
	}
	s.schedule.add(at.Add(after), func(time.Time) { j.account.deliver(d) })
}

// receipt writes the deliver_sm of SMPP 3.4, appendix B.
func (j journey) receipt(state smpp.State, at time.Time) *smpp.Message {
	m := j.entry.message
	arrived, code := "001", "000"
	if state != smpp.Delivered && state != smpp.Accepted && state != smpp.Enroute {
		arrived, code = "000", "001"
	}
	if c, ok := j.plan.Codes[state]; ok {
		code = c
	}
	r := &smpp.Message{From: m.To, To: m.From, Class: smpp.ClassReceipt}
	if !j.plan.NoText {
		r.Short = j.plan.Wording.write(j.form, j.id, arrived, j.entry.at, at, state, code)
	}
	if !j.plan.NoTLV {
		r.TLVs = smpp.TLVs{
			{Tag: smpp.TagReceiptedID, Value: append([]byte(j.id), 0)},
			{Tag: smpp.TagState, Value: []byte{state.Code()}},
		}
	}
	return r
}

func (w Wording) write(form uint64, id, arrived string, sent, done time.Time, state smpp.State, code string) []byte {
	if w == AnyWords {
		w = [...]Wording{Plain, Capitals, Long}[form%3]
	}
	pattern, word := "id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:", state.Word()
	switch w {
	case Capitals:
		pattern = strings.ReplaceAll(strings.ToUpper(pattern), "%S", "%s")
	case Long:
		pattern = "id:%s sub:001 dlvrd:%s submit_date:%s done_date:%s status:%s error:%s text:"
		word = strings.ToUpper(string(state[:1])) + string(state[1:])
	}
	const minute = "0601021504"
	return fmt.Appendf(nil, pattern, id, arrived, sent.Format(minute), done.Format(minute), word, code)
}
