package smpp

import (
	"encoding/binary"
	"fmt"

	"portolan/internal/fault"
)

var (
	// ErrBroken says that a PDU contradicts itself; its length was right, so the connection still reads.
	ErrBroken = fault.New(fault.Invalid, "smpp.broken_pdu")
	// ErrLength says that the announced length can't be; nothing that follows can be read.
	ErrLength = fault.New(fault.Invalid, "smpp.impossible_length")
	// ErrField says that a field we were to send doesn't fit its place in the PDU.
	ErrField = fault.New(fault.Invalid, "smpp.field_too_long")
)

const (
	headerLength = 16
	maxLength    = 1 << 20
	version      = 0x34
)

// Command names what a PDU asks; the answer to it has the top bit set.
type Command uint32

const (
	BindReceiver    Command = 0x01
	BindTransmitter Command = 0x02
	QuerySM         Command = 0x03
	SubmitSM        Command = 0x04
	DeliverSM       Command = 0x05
	Unbind          Command = 0x06
	CancelSM        Command = 0x08
	BindTransceiver Command = 0x09
	EnquireLink     Command = 0x15
	Alert           Command = 0x102 // alert_notification; the only request that wants no answer
	GenericNack     Command = 0x80000000
)

// Resp is the command of the answer.
func (c Command) Resp() Command { return c | 0x80000000 }

// IsResp reports whether c is an answer.
func (c Command) IsResp() bool { return c&0x80000000 != 0 }

// Status is how the far end answers (command_status); 0 is success.
type Status uint32

const (
	OK               Status = 0x00
	InvalidLength    Status = 0x02 // ESME_RINVCMDLEN
	InvalidCommand   Status = 0x03 // ESME_RINVCMDID
	NotBound         Status = 0x04 // ESME_RINVBNDSTS
	AlreadyBound     Status = 0x05 // ESME_RALYBND
	SystemError      Status = 0x08 // ESME_RSYSERR
	InvalidSource    Status = 0x0A // ESME_RINVSRCADR
	InvalidDest      Status = 0x0B // ESME_RINVDSTADR
	InvalidID        Status = 0x0C // ESME_RINVMSGID
	BindFailed       Status = 0x0D // ESME_RBINDFAIL
	InvalidPassword  Status = 0x0E // ESME_RINVPASWD
	InvalidSystemID  Status = 0x0F // ESME_RINVSYSID
	CancelFailed     Status = 0x11 // ESME_RCANCELFAIL
	QueueFull        Status = 0x14 // ESME_RMSGQFUL
	SubmitFailed     Status = 0x45 // ESME_RSUBMITFAIL
	Throttled        Status = 0x58 // ESME_RTHROTTLED
	TemporaryFailure Status = 0x64 // ESME_RX_T_APPN: the receiver asks for a redelivery
	QueryFailed      Status = 0x67 // ESME_RQUERYFAIL
)

// PDU is one packet. Body is *Login for a bind, *Message for submit_sm and deliver_sm, *Answer for the
// responses to these, *Question for query_sm and cancel_sm, *Outcome for query_sm_resp; commands without a body have
// none, unknown ones Raw.
type PDU struct {
	Command Command
	Status  Status
	Seq     uint32
	Body    Body
}

// Body is what follows the header.
type Body interface {
	write(*writer)
}

// Login is the body of a bind.
type Login struct {
	SystemID, Password, SystemType string
	Version, TON, NPI              byte
	Range                          string
	TLVs                           TLVs
}

// Answer is the body of a bind or message response: the far end's name, or the message's id. Both may be
// missing when the status isn't OK.
type Answer struct {
	ID   string
	TLVs TLVs
}

// Question is the body of query_sm, and with Service and To that of cancel_sm: which message, and who sent it.
type Question struct {
	Cancel   bool // cancel_sm
	Service  string
	ID       string
	From, To Address
}

// Outcome is the body of query_sm_resp.
type Outcome struct {
	ID    string
	Final string // when the state was reached, as SMPP writes times; "" before
	State byte
	Code  byte // the network's reason
	TLVs  TLVs
}

// Address is a phone or a sender: type of number, numbering plan, digits or letters.
type Address struct {
	TON, NPI byte
	Addr     string
}

// Message is the body of submit_sm and deliver_sm.
type Message struct {
	Service             string
	From, To            Address
	Class               byte // esm_class
	Protocol, Priority  byte
	Schedule, Validity  string
	Registered, Replace byte
	Coding, Template    byte // data_coding, sm_default_msg_id
	Short               []byte
	TLVs                TLVs
}

// Bits of Message.Class.
const (
	ClassReceipt byte = 0x04 // a delivery receipt
	ClassInterim byte = 0x20 // an intermediate notification, in the form of a receipt
	ClassHeader  byte = 0x40 // a user data header stands before the text
	classType    byte = 0x3C
)

// Raw is a body that this package doesn't read.
type Raw []byte

// Tag names an optional field.
type Tag uint16

const (
	TagInterfaceVersion Tag = 0x0210
	TagSARRef           Tag = 0x020C
	TagSARTotal         Tag = 0x020E
	TagSARPart          Tag = 0x020F
	TagReceiptedID      Tag = 0x001E
	TagNetworkError     Tag = 0x0423
	TagPayload          Tag = 0x0424
	TagState            Tag = 0x0427
)

// TLV is one optional field.
type TLV struct {
	Tag   Tag
	Value []byte
}

// TLVs are the optional fields in their order.
type TLVs []TLV

// Get returns the first field with a tag.
func (t TLVs) Get(tag Tag) ([]byte, bool) {
	for i := range t {
		if t[i].Tag == tag {
			return t[i].Value, true
		}
	}
	return nil, false
}

// Append encodes p at the end of dst. It fails with ErrField, and returns dst as it was, when a field is
// too long for its place or holds a zero octet.
func Append(dst []byte, p PDU) ([]byte, error) {
	w := writer{b: dst, start: len(dst)}
	w.b = append(w.b, 0, 0, 0, 0)
	w.uint32(uint32(p.Command))
	w.uint32(uint32(p.Status))
	w.uint32(p.Seq)
	if p.Body != nil {
		p.Body.write(&w)
	}
	if n := len(w.b) - w.start; n > maxLength {
		w.fail("command_length", n)
	}
	if w.err != nil {
		return dst, w.err
	}
	binary.BigEndian.PutUint32(w.b[w.start:], uint32(len(w.b)-w.start))
	return w.b, nil
}

func (l *Login) write(w *writer) {
	w.cstring("system_id", l.SystemID, 16)
	w.cstring("password", l.Password, 9)
	w.cstring("system_type", l.SystemType, 13)
	w.bytes(l.Version, l.TON, l.NPI)
	w.cstring("address_range", l.Range, 41)
	w.tlvs(l.TLVs)
}

func (a *Answer) write(w *writer) {
	w.cstring("message_id", a.ID, 65)
	w.tlvs(a.TLVs)
}

func (m *Message) write(w *writer) {
	w.cstring("service_type", m.Service, 6)
	w.address("source_addr", m.From)
	w.address("destination_addr", m.To)
	w.bytes(m.Class, m.Protocol, m.Priority)
	w.cstring("schedule_delivery_time", m.Schedule, 17)
	w.cstring("validity_period", m.Validity, 17)
	w.bytes(m.Registered, m.Replace, m.Coding, m.Template)
	if len(m.Short) > 254 {
		w.fail("short_message", len(m.Short))
		return
	}
	w.bytes(byte(len(m.Short)))
	w.bytes(m.Short...)
	w.tlvs(m.TLVs)
}

func (q *Question) write(w *writer) {
	if q.Cancel {
		w.cstring("service_type", q.Service, 6)
	}
	w.cstring("message_id", q.ID, 65)
	w.address("source_addr", q.From)
	if q.Cancel {
		w.address("destination_addr", q.To)
	}
}

func (o *Outcome) write(w *writer) {
	w.cstring("message_id", o.ID, 65)
	w.cstring("final_date", o.Final, 17)
	w.bytes(o.State, o.Code)
	w.tlvs(o.TLVs)
}

func (r Raw) write(w *writer) { w.bytes(r...) }

type writer struct {
	b     []byte
	start int
	err   error
}

func (w *writer) fail(field string, n int) {
	if w.err == nil {
		w.err = fmt.Errorf("%s has %d octets: %w", field, n, ErrField)
	}
}

func (w *writer) uint32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) bytes(v ...byte) { w.b = append(w.b, v...) }

// cstring writes s and its closing zero; size counts the zero, as the specification does.
func (w *writer) cstring(field, s string, size int) {
	if len(s) >= size {
		w.fail(field, len(s))
		return
	}
	for i := range len(s) {
		if s[i] == 0 {
			w.fail(field, len(s))
			return
		}
	}
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) address(field string, a Address) {
	w.bytes(a.TON, a.NPI)
	w.cstring(field, a.Addr, 21)
}

func (w *writer) tlvs(ts TLVs) {
	for _, t := range ts {
		if len(t.Value) > 0xFFFF {
			w.fail("tlv", len(t.Value))
			return
		}
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(t.Tag))
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(t.Value)))
		w.b = append(w.b, t.Value...)
	}
}

// Decode reads one whole PDU, as long as its header says. What it returns keeps nothing of frame. When the
// body is broken the header's fields are still returned beside ErrBroken, so that the sender can be told.
func Decode(frame []byte) (PDU, error) {
	if len(frame) < headerLength || len(frame) > maxLength || int(binary.BigEndian.Uint32(frame)) != len(frame) {
		return PDU{}, ErrLength
	}
	p := PDU{
		Command: Command(binary.BigEndian.Uint32(frame[4:])),
		Status:  Status(binary.BigEndian.Uint32(frame[8:])),
		Seq:     binary.BigEndian.Uint32(frame[12:]),
	}
	r := reader{b: frame[headerLength:]}
	switch p.Command {
	case EnquireLink, EnquireLink.Resp(), Unbind, Unbind.Resp(), CancelSM.Resp(), GenericNack:
		return p, nil // some append octets to these; they mean nothing
	case BindReceiver, BindTransmitter, BindTransceiver:
		p.Body = r.login()
	case BindReceiver.Resp(), BindTransmitter.Resp(), BindTransceiver.Resp():
		p.Body = r.answer(16)
	case SubmitSM.Resp(), DeliverSM.Resp():
		p.Body = r.answer(65)
	case SubmitSM, DeliverSM:
		p.Body = r.message()
	case QuerySM:
		p.Body = &Question{ID: r.cstring(65), From: r.address()}
	case CancelSM:
		p.Body = &Question{Cancel: true, Service: r.cstring(6), ID: r.cstring(65), From: r.address(), To: r.address()}
	case QuerySM.Resp():
		p.Body = r.outcome()
	default:
		p.Body = Raw(append([]byte(nil), r.b...))
		return p, nil
	}
	if r.broken {
		p.Body = nil
		return p, fmt.Errorf("command %#x: %w", uint32(p.Command), ErrBroken)
	}
	return p, nil
}

type reader struct {
	b      []byte
	broken bool
}

func (r *reader) login() *Login {
	l := &Login{SystemID: r.cstring(16), Password: r.cstring(9), SystemType: r.cstring(13)}
	l.Version, l.TON, l.NPI = r.byte(), r.byte(), r.byte()
	l.Range = r.cstring(41)
	l.TLVs = r.tlvs()
	return l
}

// answer may be empty: a refusal often comes without a body, and deliver_sm_resp without its unused id.
func (r *reader) answer(size int) *Answer {
	if len(r.b) == 0 {
		return &Answer{}
	}
	return &Answer{ID: r.cstring(size), TLVs: r.tlvs()}
}

// outcome may be empty like an answer.
func (r *reader) outcome() *Outcome {
	if len(r.b) == 0 {
		return &Outcome{}
	}
	return &Outcome{ID: r.cstring(65), Final: r.cstring(17), State: r.byte(), Code: r.byte(), TLVs: r.tlvs()}
}

func (r *reader) message() *Message {
	m := &Message{Service: r.cstring(6)}
	m.From, m.To = r.address(), r.address()
	m.Class, m.Protocol, m.Priority = r.byte(), r.byte(), r.byte()
	m.Schedule, m.Validity = r.cstring(17), r.cstring(17)
	m.Registered, m.Replace, m.Coding, m.Template = r.byte(), r.byte(), r.byte(), r.byte()
	m.Short = r.take(int(r.byte()))
	m.TLVs = r.tlvs()
	return m
}

func (r *reader) address() Address {
	return Address{TON: r.byte(), NPI: r.byte(), Addr: r.cstring(21)}
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.broken = true
		return 0
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b
}

func (r *reader) cstring(size int) string {
	for i := range min(size, len(r.b)) {
		if r.b[i] == 0 {
			s := string(r.b[:i])
			r.b = r.b[i+1:]
			return s
		}
	}
	r.broken, r.b = true, nil
	return ""
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.broken, r.b = true, nil
		return nil
	}
	if n == 0 {
		return nil
	}
	v := append([]byte(nil), r.b[:n]...)
	r.b = r.b[n:]
	return v
}

func (r *reader) tlvs() (ts TLVs) {
	for len(r.b) > 0 {
		if len(r.b) < 4 {
			r.broken = true
			return nil
		}
		tag, n := binary.BigEndian.Uint16(r.b), int(binary.BigEndian.Uint16(r.b[2:]))
		r.b = r.b[4:]
		ts = append(ts, TLV{Tag(tag), r.take(n)})
	}
	return ts
}
