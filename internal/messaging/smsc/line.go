package smsc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"portolan/internal/messaging/smpp"
)

// line is one connection of a client.
type line struct {
	server  *Server
	number  int // counted from the server's start
	conn    *smpp.Conn
	account *account
	terms   Account
	sends   bool // bound as transmitter or transceiver
	hears   bool // bound as receiver or transceiver
	submits int
	waiting atomic.Int32 // submits without their answer
	asked   atomic.Bool  // for a sign of life that hasn't come yet
	gone    atomic.Bool
	bound   atomic.Pointer[account] // account, once bound, for those who look on

	// under account.mu
	seq  uint32
	open map[uint32]*delivery // without an answer
}

func (l *line) serve() {
	defer l.leave()
	for {
		p, err := l.conn.Read()
		if errors.Is(err, smpp.ErrBroken) {
			l.server.broken.Add(1)
			l.conn.Answer(smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidLength, Seq: p.Seq})
			continue
		}
		if err != nil {
			if errors.Is(err, smpp.ErrLength) {
				l.server.broken.Add(1)
			}
			return
		}
		if !l.take(p) {
			return
		}
	}
}

// take handles one PDU and reports whether the line goes on.
func (l *line) take(p smpp.PDU) bool {
	switch p.Command {
	case smpp.BindTransceiver, smpp.BindTransmitter, smpp.BindReceiver:
		return l.bind(p)
	case smpp.SubmitSM:
		return l.submit(p)
	case smpp.QuerySM, smpp.CancelSM:
		l.inquire(p)
	case smpp.DeliverSM.Resp():
		if l.account != nil {
			l.account.answered(l, p.Seq, p.Status)
		}
	case smpp.GenericNack:
		if l.account != nil {
			l.account.answered(l, p.Seq, max(p.Status, smpp.TemporaryFailure))
		}
	case smpp.EnquireLink.Resp():
		l.asked.Store(false)
	case smpp.EnquireLink:
		l.conn.Answer(smpp.PDU{Command: smpp.EnquireLink.Resp(), Seq: p.Seq})
	case smpp.Unbind:
		l.conn.Send(smpp.PDU{Command: smpp.Unbind.Resp(), Seq: p.Seq})
		return false
	default:
		if !p.Command.IsResp() {
			l.conn.Answer(smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidCommand, Seq: p.Seq})
		}
	}
	return true
}

func (l *line) leave() {
	l.gone.Store(true)
	l.conn.Close()
	s := l.server
	s.mu.Lock()
	delete(s.lines, l)
	s.mu.Unlock()
	if l.account != nil {
		l.account.leave(l)
	}
}

func (l *line) bind(p smpp.PDU) bool {
	s, login := l.server, p.Body.(*smpp.Login)
	terms, known := s.terms(login.SystemID)
	plan := s.plan.Load()
	_, down := plan.outage(LinesDown, s.clock.Now())
	status := plan.RefuseBind
	switch {
	case l.account != nil:
		status = smpp.AlreadyBound
	case status != smpp.OK:
	case down:
		status = smpp.BindFailed
	case login.SystemID == "" || !known:
		status = smpp.InvalidSystemID
	case s.cfg.Accounts != nil && terms.Password != login.Password:
		status = smpp.InvalidPassword
	case !s.account(login.SystemID).enter(terms.Binds):
		status = smpp.BindFailed
	}
	if status != smpp.OK {
		l.conn.Send(smpp.PDU{Command: p.Command.Resp(), Status: status, Seq: p.Seq})
		return l.account != nil
	}
	s.binds.Add(1)
	l.sends = p.Command != smpp.BindReceiver
	l.hears = p.Command != smpp.BindTransmitter
	l.account, l.terms = s.account(login.SystemID), terms
	l.bound.Store(l.account)
	l.conn.Answer(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: &smpp.Answer{
		ID: "PORTOLAN", TLVs: smpp.TLVs{{Tag: smpp.TagInterfaceVersion, Value: []byte{0x34}}},
	}})
	l.account.join(l)
	l.probe(s.clock.Now())
	return true
}

// next numbers a PDU; the account is locked.
func (l *line) next() uint32 {
	l.seq = l.seq%0x7FFFFFFF + 1
	return l.seq
}

// probe asks for a sign of life again and again, and breaks the line when the last one wasn't given.
func (l *line) probe(at time.Time) {
	every := l.server.plan.Load().EnquireLink
	if every <= 0 {
		return
	}
	l.server.schedule.add(at.Add(every), func(at time.Time) {
		switch {
		case l.gone.Load():
			return
		case l.asked.Swap(true):
			l.server.disconnects.Add(1)
			l.conn.Close()
			return
		}
		l.account.mu.Lock()
		seq := l.next()
		l.account.mu.Unlock()
		l.conn.Send(smpp.PDU{Command: smpp.EnquireLink, Seq: seq})
		l.probe(at)
	})
}

// terms are an account's, and whether it may bind.
func (s *Server) terms(systemID string) (Account, bool) {
	for _, a := range s.cfg.Accounts {
		if a.SystemID == systemID {
			return a, true
		}
	}
	return Account{}, s.cfg.Accounts == nil
}

// submit judges a submit_sm, puts it on record, answers it and lets the text travel.
func (l *line) submit(p smpp.PDU) bool {
	s, m := l.server, p.Body.(*smpp.Message)
	s.submitting.Add(1)
	defer s.submitting.Add(-1)
	number := strings.TrimPrefix(m.To.Addr, "+")
	operator := s.operator(number)
	plan, at := s.planFor(operator), s.clock.Now()
	s.submits.Add(1)
	if !l.sends {
		l.refuse(p, smpp.NotBound, at, 0)
		return true
	}
	f := s.fates.draw(plan.Plan, m)
	if status := l.judge(plan, operator, f, number, at); status != smpp.OK {
		l.refuse(p, status, at, f.answerAfter)
		return true
	}
	s.accepted.Add(1)
	j := journey{fate: f, account: l.account, operator: operator, plan: plan}
	var inAnswer string
	inAnswer, j.id = plan.IDs.write(s.ids.Add(1))
	j.entry = s.record.add(entry{at: at, id: inAnswer, account: l.account.name, message: m})
	s.own(m.From.Addr, l.account.name)
	l.submits++
	if plan.DisconnectAfter > 0 && l.submits >= plan.DisconnectAfter {
		s.disconnects.Add(1)
		s.travel(j)
		return false
	}
	if f.early {
		s.travel(j)
	}
	_, silent := plan.outage(Silent, at)
	if f.answerLost || silent {
		l.waiting.Add(1)
	} else {
		l.answer(smpp.PDU{Command: smpp.SubmitSM.Resp(), Seq: p.Seq, Body: &smpp.Answer{ID: inAnswer}}, at, f.answerAfter)
	}
	if !f.early {
		s.travel(j)
	}
	return true
}

func (l *line) judge(plan present, o *Operator, f fate, number string, at time.Time) smpp.Status {
	s := l.server
	_, refusing := plan.outage(Refusing, at)
	_, throttling := plan.outage(Throttling, at)
	switch {
	case plan.RefuseAll != smpp.OK:
		return plan.RefuseAll
	case refusing:
		return smpp.SystemError
	case throttling, l.terms.Window > 0 && int(l.waiting.Load()) >= l.terms.Window,
		l.account.meter.tooFast(l.terms.Rate, at), s.meterFor(o).tooFast(plan.Rate, at), f.throttled:
		return smpp.Throttled
	case plan.Refuse[number] != smpp.OK:
		return plan.Refuse[number]
	case !isNumber(number):
		return smpp.InvalidDest
	}
	return smpp.OK
}

func isNumber(number string) bool {
	return len(number) >= 5 && len(number) <= 15 && strings.Trim(number, "0123456789") == ""
}

func (l *line) refuse(p smpp.PDU, status smpp.Status, at time.Time, after time.Duration) {
	s := l.server
	if status == smpp.Throttled {
		s.throttled.Add(1)
	} else {
		s.refused.Add(1)
	}
	e := entry{at: at, message: p.Body.(*smpp.Message), status: status}
	if l.account != nil {
		e.account = l.account.name
	}
	s.record.add(e)
	l.answer(smpp.PDU{Command: smpp.SubmitSM.Resp(), Status: status, Seq: p.Seq}, at, after)
}

func (l *line) answer(p smpp.PDU, at time.Time, after time.Duration) {
	if after <= 0 {
		l.conn.Answer(p)
		return
	}
	l.waiting.Add(1)
	l.server.schedule.add(at.Add(after), func(time.Time) {
		l.waiting.Add(-1)
		l.conn.Send(p)
	})
}

// inquire answers query_sm and cancel_sm from the record.
func (l *line) inquire(p smpp.PDU) {
	s, q := l.server, p.Body.(*smpp.Question)
	s.queries.Add(1)
	answer := smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq}
	var name string
	if l.account != nil {
		name = l.account.name
	}
	e, known := s.record.find(name, q.ID)
	switch {
	case l.account == nil:
		answer.Status = smpp.NotBound
	case !known:
		answer.Status = smpp.InvalidID
	case q.Cancel:
		if !s.record.cancel(e) {
			answer.Status = smpp.CancelFailed
		}
	default:
		state, done := s.record.state(e)
		o := &smpp.Outcome{ID: q.ID, State: smpp.Enroute.Code()}
		if state != "" {
			o.State, o.Final = state.Code(), smpp.Moment(done)
		}
		answer.Body = o
	}
	l.conn.Answer(answer)
}

// write is the id as it stands in the answer and in the receipt.
func (f IDForm) write(n uint64) (inAnswer, inReceipt string) {
	if f == Mixed {
		f = [...]IDForm{Decimal, Hex, Padded, Upper}[n%4]
	}
	decimal := strconv.FormatUint(n, 10)
	switch f {
	case Hex:
		return strconv.FormatUint(n, 16), decimal
	case Padded:
		return fmt.Sprintf("%024d", n), decimal
	case Upper:
		hex := strconv.FormatUint(n, 16)
		return hex, strings.ToUpper(hex)
	}
	return decimal, decimal
}
