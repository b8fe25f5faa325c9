package smpp

import (
	"fmt"
	"strings"

	"portolan/internal/messaging/sms"
)

var commandNames = map[Command]string{
	BindReceiver: "bind_receiver", BindTransmitter: "bind_transmitter", BindTransceiver: "bind_transceiver", QuerySM: "query_sm",
	SubmitSM: "submit_sm", DeliverSM: "deliver_sm", Unbind: "unbind", CancelSM: "cancel_sm", EnquireLink: "enquire_link",
	Alert: "alert_notification", GenericNack: "generic_nack",
}

// String is the command's name in SMPP, or its number.
func (c Command) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	if name, ok := commandNames[c&^0x80000000]; ok && c.IsResp() {
		return name + "_resp"
	}
	return fmt.Sprintf("%#x", uint32(c))
}

// String is one line for logs. It leaves passwords out.
func (p PDU) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seq=%d", p.Command, p.Seq)
	if p.Status != OK {
		fmt.Fprintf(&b, " status=%#x", uint32(p.Status))
	}
	switch body := p.Body.(type) {
	case *Login:
		fmt.Fprintf(&b, " system_id=%q version=%#x", body.SystemID, body.Version)
	case *Answer:
		fmt.Fprintf(&b, " id=%q", body.ID)
	case *Question:
		fmt.Fprintf(&b, " id=%q", body.ID)
	case *Outcome:
		fmt.Fprintf(&b, " id=%q state=%d final=%q", body.ID, body.State, body.Final)
	case *Message:
		piece := body.Piece()
		fmt.Fprintf(&b, " from=%q to=%q class=%#x coding=%d", body.From.Addr, body.To.Addr, body.Class, body.Coding)
		if body.Registered != 0 {
			fmt.Fprintf(&b, " registered=%#x", body.Registered)
		}
		if body.Validity != "" {
			fmt.Fprintf(&b, " validity=%s", body.Validity)
		}
		if !piece.Alone() {
			fmt.Fprintf(&b, " ref=%d part=%d/%d", piece.Ref, piece.Part, piece.Total)
		}
		for _, t := range body.TLVs {
			if t.Tag != TagPayload {
				fmt.Fprintf(&b, " %#04x=%q", uint16(t.Tag), t.Value)
			}
		}
		fmt.Fprintf(&b, " text=%q", sms.Decode(piece.DCS, piece.Body))
	case Raw:
		fmt.Fprintf(&b, " %d octets", len(body))
	}
	return b.String()
}
