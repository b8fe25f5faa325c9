package smsc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"portolan/internal/messaging/smpp"
)

// line is one connection of a client.
type line struct {
	server  *Server
	conn    *smpp.Conn
	account *account
	sends   bool // bound as transmitter or transceiver
	hears   bool // bound as receiver or transceiver
	submits int

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
	case smpp.DeliverSM.Resp():
		if l.account != nil {
			l.account.answered(l, p.Seq, p.Status)
		}
	case smpp.GenericNack:
		if l.account != nil {
			l.account.answered(l, p.Seq, max(p.Status, smpp.TemporaryFailure))
		}
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
	password, known := s.cfg.Accounts[login.SystemID]
	status := s.plan.Load().RefuseBind
	switch {
	case l.account != nil:
		status = smpp.AlreadyBound
	case status != smpp.OK:
	case login.SystemID == "" || (s.cfg.Accounts != nil && !known):
		status = smpp.InvalidSystemID
	case known && password != login.Password:
		status = smpp.InvalidPassword
	}
	if status != smpp.OK {
		l.conn.Send(smpp.PDU{Command: p.Command.Resp(), Status: status, Seq: p.Seq})
		return l.account != nil
	}
	s.binds.Add(1)
	l.sends = p.Command != smpp.BindReceiver
	l.hears = p.Command != smpp.BindTransmitter
	l.account = s.account(login.SystemID)
	l.conn.Answer(smpp.PDU{Command: p.Command.Resp(), Seq: p.Seq, Body: &smpp.Answer{
		ID: "PORTOLAN", TLVs: smpp.TLVs{{Tag: smpp.TagInterfaceVersion, Value: []byte{0x34}}},
	}})
	l.account.join(l)
	return true
}

// submit judges a submit_sm, puts it on record, answers it and lets the text travel.
func (l *line) submit(p smpp.PDU) bool {
	s, m := l.server, p.Body.(*smpp.Message)
	number := strings.TrimPrefix(m.To.Addr, "+")
	operator := s.operator(number)
	plan, at := s.planFor(operator), s.clock.Now()
	s.submits.Add(1)
	status := l.judge(plan, number, at)
	if status != smpp.OK {
		l.refuse(plan, p, status, at)
		return true
	}
	s.accepted.Add(1)
	n := s.ids.Add(1)
	inAnswer, inReceipt := plan.IDs.write(n)
	entry := s.record.add(entry{at: at, id: inAnswer, account: l.account.name, message: m})
	s.own(m.From.Addr, l.account.name)
	l.submits++
	if plan.DisconnectAfter > 0 && l.submits >= plan.DisconnectAfter {
		s.disconnects.Add(1)
		s.travel(entry, inReceipt, l.account, operator, plan)
		return false
	}
	early := s.chance(plan.Early)
	if early {
		s.arrive(entry, inReceipt, l.account, operator, plan, at)
	}
	l.answer(plan, smpp.PDU{Command: smpp.SubmitSM.Resp(), Seq: p.Seq, Body: &smpp.Answer{ID: inAnswer}}, at)
	if !early {
		s.travel(entry, inReceipt, l.account, operator, plan)
	}
	return true
}

func (l *line) judge(plan *Plan, number string, at time.Time) smpp.Status {
	s := l.server
	switch {
	case !l.sends:
		return smpp.NotBound
	case plan.RefuseAll != smpp.OK:
		return plan.RefuseAll
	case s.tooFast(plan.Rate, at) || s.chance(plan.Throttled):
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

func (l *line) refuse(plan *Plan, p smpp.PDU, status smpp.Status, at time.Time) {
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
	l.answer(plan, smpp.PDU{Command: smpp.SubmitSM.Resp(), Status: status, Seq: p.Seq}, at)
}

func (l *line) answer(plan *Plan, p smpp.PDU, at time.Time) {
	switch {
	case l.server.chance(plan.AnswerLost):
	case plan.AnswerDelay > 0:
		l.server.schedule.add(at.Add(plan.AnswerDelay), func(time.Time) { l.conn.Send(p) })
	default:
		l.conn.Answer(p)
	}
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

// travel lets a text arrive after the network's delay.
func (s *Server) travel(e *entry, id string, a *account, o *Operator, plan *Plan) {
	low, high := plan.delay()
	s.schedule.add(e.at.Add(s.between(low, high)), func(at time.Time) { s.arrive(e, id, a, o, plan, at) })
}

func (p *Plan) delay() (low, high time.Duration) {
	if p.ReceiptMin == 0 && p.ReceiptMax == 0 {
		return 150 * time.Millisecond, 900 * time.Millisecond
	}
	return p.ReceiptMin, max(p.ReceiptMin, p.ReceiptMax)
}

// arrive brings a text to its phone and sends the receipt as the plan has it.
func (s *Server) arrive(e *entry, id string, a *account, o *Operator, plan *Plan, at time.Time) {
	state := smpp.Delivered
	if s.chance(plan.Failed) {
		state = smpp.Undeliverable
	}
	s.record.done(e, state, at)
	if state == smpp.Delivered {
		s.handsets.receive(e, o, at)
	}
	wanted := e.message.Registered & 3
	if wanted == 0 || wanted == 3 || (wanted == 2 && state == smpp.Delivered) {
		return
	}
	if s.chance(plan.Lost) {
		s.receiptsLost.Add(1)
		return
	}
	r := receipt(e, id, state, at, plan.NoTLV)
	times := 1
	if s.chance(plan.Doubled) {
		times = 2
	}
	for range times {
		if s.chance(plan.Reordered) {
			_, high := plan.delay()
			s.schedule.add(at.Add(s.between(0, 10*high)), func(time.Time) { a.deliver(&delivery{message: r, kind: forReceipt}) })
			continue
		}
		a.deliver(&delivery{message: r, kind: forReceipt})
	}
}

// receipt writes the deliver_sm of SMPP 3.4, appendix B.
func receipt(e *entry, id string, state smpp.State, at time.Time, noTLV bool) *smpp.Message {
	m := e.message
	arrived, code := "001", "000"
	if state != smpp.Delivered {
		arrived, code = "000", "001"
	}
	r := &smpp.Message{From: m.To, To: m.From, Class: smpp.ClassReceipt}
	r.Short = fmt.Appendf(nil, "id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:",
		id, arrived, e.at.Format("0601021504"), at.Format("0601021504"), state.Word(), code)
	if !noTLV {
		r.TLVs = smpp.TLVs{
			{Tag: smpp.TagReceiptedID, Value: append([]byte(id), 0)},
			{Tag: smpp.TagState, Value: []byte{state.Code()}},
		}
	}
	return r
}
