package smpp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"portolan/internal/messaging/smpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Vectors written out field by field from the tables of SMPP 3.4, chapter 4.
var vectors = []struct {
	name string
	pdu  smpp.PDU
	hex  string
}{
	{"enquire_link", smpp.PDU{Command: smpp.EnquireLink, Seq: 7}, "00000010 00000015 00000000 00000007"},
	{"enquire_link_resp", smpp.PDU{Command: smpp.EnquireLink.Resp(), Seq: 7}, "00000010 80000015 00000000 00000007"},
	{"unbind", smpp.PDU{Command: smpp.Unbind, Seq: 1}, "00000010 00000006 00000000 00000001"},
	{"generic_nack", smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidCommand, Seq: 9}, "00000010 80000000 00000003 00000009"},
	{"bind_transceiver", smpp.PDU{Command: smpp.BindTransceiver, Seq: 1, Body: &smpp.Login{
		SystemID: "SMPP3TEST", Password: "secret08", SystemType: "SUBMIT1", Version: 0x34, TON: 1, NPI: 1,
	}}, "0000002f 00000009 00000000 00000001" +
		"534d50503354455354 00 7365637265743038 00 5355424d495431 00 34 01 01 00"},
	{"bind_receiver", smpp.PDU{Command: smpp.BindReceiver, Seq: 2, Body: &smpp.Login{SystemID: "a", Version: 0x34}},
		"00000018 00000001 00000000 00000002 61 00 00 00 34 00 00 00"},
	{"bind_transceiver_resp", smpp.PDU{Command: smpp.BindTransceiver.Resp(), Seq: 1, Body: &smpp.Answer{
		ID: "SMSC", TLVs: smpp.TLVs{{Tag: smpp.TagInterfaceVersion, Value: []byte{0x34}}},
	}}, "0000001a 80000009 00000000 00000001 534d5343 00 0210 0001 34"},
	{"submit_sm", smpp.PDU{Command: smpp.SubmitSM, Seq: 3, Body: &smpp.Message{
		From: smpp.Address{TON: 5, Addr: "Shop"}, To: smpp.Address{TON: 1, NPI: 1, Addr: "491512345"},
		Validity: "000000040000000R", Registered: 1, Short: []byte("Hi\x00"),
	}}, "00000041 00000004 00000000 00000003" +
		"00 05 00 53686f70 00 01 01 343931353132333435 00 00 00 00 00" +
		"30303030303030343030303030303052 00 01 00 00 00 03 486900"},
	{"submit_sm, part of a longer text", smpp.PDU{Command: smpp.SubmitSM, Seq: 4, Body: &smpp.Message{
		From: smpp.Address{TON: 1, NPI: 1, Addr: "49"}, To: smpp.Address{TON: 1, NPI: 1, Addr: "44"},
		Class: smpp.ClassHeader, Coding: 8, Short: []byte{5, 0, 3, 0xAA, 2, 1, 0x04, 0x31},
	}}, "0000002d 00000004 00000000 00000004" +
		"00 01 01 3439 00 01 01 3434 00 40 00 00 00 00 00 00 08 00 08 050003aa0201 0431"},
	{"submit_sm with message_payload", smpp.PDU{Command: smpp.SubmitSM, Seq: 5, Body: &smpp.Message{
		To: smpp.Address{Addr: "44"}, TLVs: smpp.TLVs{{Tag: smpp.TagPayload, Value: []byte("abc")}},
	}}, "0000002a 00000004 00000000 00000005 00 00 00 00 00 00 3434 00 00 00 00 00 00 00 00 00 00 00 0424 0003 616263"},
	{"submit_sm_resp", smpp.PDU{Command: smpp.SubmitSM.Resp(), Seq: 3, Body: &smpp.Answer{ID: "1f"}},
		"00000013 80000004 00000000 00000003 3166 00"},
	{"submit_sm_resp, throttled", smpp.PDU{Command: smpp.SubmitSM.Resp(), Status: smpp.Throttled, Seq: 3, Body: &smpp.Answer{}},
		"00000011 80000004 00000058 00000003 00"},
	{"query_sm", smpp.PDU{Command: smpp.QuerySM, Seq: 4, Body: &smpp.Question{ID: "1f", From: smpp.Address{TON: 1, NPI: 1, Addr: "49"}}},
		"00000018 00000003 00000000 00000004 3166 00 01 01 3439 00"},
	{"query_sm_resp", smpp.PDU{Command: smpp.QuerySM.Resp(), Seq: 4, Body: &smpp.Outcome{ID: "1f", Final: "261121140500000+", State: 2}},
		"00000026 80000003 00000000 00000004 3166 00 323631313231313430353030303030 2b 00 02 00"},
	{"cancel_sm", smpp.PDU{Command: smpp.CancelSM, Seq: 5, Body: &smpp.Question{Cancel: true, ID: "1f",
		From: smpp.Address{TON: 1, NPI: 1, Addr: "49"}, To: smpp.Address{TON: 1, NPI: 1, Addr: "44"}}},
		"0000001e 00000008 00000000 00000005 00 3166 00 01 01 3439 00 01 01 3434 00"},
	{"cancel_sm_resp", smpp.PDU{Command: smpp.CancelSM.Resp(), Seq: 5}, "00000010 80000008 00000000 00000005"},
	{"deliver_sm, receipt", smpp.PDU{Command: smpp.DeliverSM, Seq: 8, Body: &smpp.Message{
		From: smpp.Address{Addr: "44"}, To: smpp.Address{Addr: "49"}, Class: smpp.ClassReceipt, TLVs: smpp.TLVs{
			{Tag: smpp.TagReceiptedID, Value: []byte("1f\x00")}, {Tag: smpp.TagState, Value: []byte{2}},
		},
	}}, "00000031 00000005 00000000 00000008 00 00 00 3434 00 00 00 3439 00 04 00 00 00 00 00 00 00 00 00 001e 0003 316600 0427 0001 02"},
}

func octets(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		want := octets(t, v.hex)
		got, err := smpp.Append(nil, v.pdu)
		require.NoError(t, err, v.name)
		require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(got), v.name)
		back, err := smpp.Decode(want)
		require.NoError(t, err, v.name)
		require.Equal(t, v.pdu, back, v.name)
	}
}

func TestDecodeTolerates(t *testing.T) {
	p, err := smpp.Decode(octets(t, "00000010 80000004 00000058 00000003"))
	require.NoError(t, err, "a refusal without a body")
	require.Equal(t, &smpp.Answer{}, p.Body)
	p, err = smpp.Decode(octets(t, "00000012 00000015 00000000 00000003 0000"))
	require.NoError(t, err, "octets after an enquire_link")
	require.Nil(t, p.Body)
	p, err = smpp.Decode(octets(t, "00000012 00000103 00000000 00000003 0102"))
	require.NoError(t, err)
	require.Equal(t, smpp.Raw{1, 2}, p.Body, "a command we don't read")
}

func TestDecodeRefuses(t *testing.T) {
	for name, h := range map[string]string{
		"short": "0000000f 00000015 00000000 000000", "empty": "", "longer than it says": "00000010 00000015 00000000 00000001 00",
		"shorter than it says": "00000011 00000015 00000000 00000001",
	} {
		_, err := smpp.Decode(octets(t, h))
		require.ErrorIs(t, err, smpp.ErrLength, name)
	}
	for name, h := range map[string]string{
		"id without end":       "00000012 80000004 00000000 00000003 3166",
		"text beyond the end":  "00000023 00000004 00000000 00000005 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 61",
		"field beyond the end": "0000002a 00000004 00000000 00000005 00 00 00 00 00 00 3434 00 00 00 00 00 00 00 00 00 00 00 0424 0004 616263",
		"half a field header":  "00000014 80000004 00000000 00000003 00 0424 00",
		"service type of six":  "00000017 00000004 00000000 00000003 616161616161 00",
		"nothing":              "00000010 00000009 00000000 00000003",
	} {
		p, err := smpp.Decode(octets(t, h))
		require.ErrorIs(t, err, smpp.ErrBroken, name)
		require.NotZero(t, p.Seq, "so that the sender can be told")
		require.Nil(t, p.Body)
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, b := range map[string]smpp.Body{
		"system_id":   &smpp.Login{SystemID: strings.Repeat("a", 16)},
		"password":    &smpp.Login{Password: strings.Repeat("a", 9)},
		"address":     &smpp.Message{To: smpp.Address{Addr: strings.Repeat("1", 21)}},
		"zero inside": &smpp.Message{To: smpp.Address{Addr: "1\x002"}},
		"text":        &smpp.Message{Short: make([]byte, 255)},
		"tlv":         &smpp.Message{TLVs: smpp.TLVs{{Tag: 1, Value: make([]byte, 0x10000)}}},
		"too long":    smpp.Raw(make([]byte, 1<<20)),
	} {
		before := []byte("kept")
		got, err := smpp.Append(before, smpp.PDU{Command: smpp.SubmitSM, Body: b})
		require.ErrorIs(t, err, smpp.ErrField, name)
		require.Equal(t, before, got)
	}
}

var text = rapid.StringOfN(rapid.RuneFrom([]rune("abc019+ :é")), 0, 4, 5)

var anyTLVs = rapid.Custom(func(t *rapid.T) smpp.TLVs {
	var out smpp.TLVs
	for range rapid.IntRange(0, 3).Draw(t, "n") {
		v := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")
		if len(v) == 0 {
			v = nil
		}
		out = append(out, smpp.TLV{Tag: smpp.Tag(rapid.Uint16().Draw(t, "tag")), Value: v})
	}
	return out
})

var anyAddress = rapid.Custom(func(t *rapid.T) smpp.Address {
	return smpp.Address{TON: rapid.Byte().Draw(t, "ton"), NPI: rapid.Byte().Draw(t, "npi"), Addr: text.Draw(t, "addr")}
})

var anyPDU = rapid.Custom(func(t *rapid.T) smpp.PDU {
	p := smpp.PDU{Status: smpp.Status(rapid.Uint32().Draw(t, "status")), Seq: rapid.Uint32().Draw(t, "seq")}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 4:
		p.Command = smpp.QuerySM.Resp()
		p.Body = &smpp.Outcome{ID: text.Draw(t, "id"), Final: text.Draw(t, "final"), State: rapid.Byte().Draw(t, "state"), Code: rapid.Byte().Draw(t, "code"), TLVs: anyTLVs.Draw(t, "tlvs")}
	case 5:
		q := &smpp.Question{ID: text.Draw(t, "id"), From: anyAddress.Draw(t, "from")}
		p.Command, p.Body = smpp.QuerySM, q
		if rapid.Bool().Draw(t, "cancel") {
			p.Command, q.Cancel = smpp.CancelSM, true
			q.Service, q.To = text.Draw(t, "service"), anyAddress.Draw(t, "to")
		}
	case 0:
		p.Command = rapid.SampledFrom([]smpp.Command{smpp.EnquireLink, smpp.Unbind, smpp.GenericNack, smpp.Unbind.Resp()}).Draw(t, "command")
	case 1:
		p.Command = rapid.SampledFrom([]smpp.Command{smpp.BindReceiver, smpp.BindTransmitter, smpp.BindTransceiver}).Draw(t, "command")
		p.Body = &smpp.Login{SystemID: text.Draw(t, "id"), Password: text.Draw(t, "pw"), SystemType: text.Draw(t, "type"),
			Version: rapid.Byte().Draw(t, "v"), Range: text.Draw(t, "range"), TLVs: anyTLVs.Draw(t, "tlvs")}
	case 2:
		p.Command = rapid.SampledFrom([]smpp.Command{smpp.SubmitSM.Resp(), smpp.DeliverSM.Resp(), smpp.BindTransceiver.Resp()}).Draw(t, "command")
		p.Body = &smpp.Answer{ID: text.Draw(t, "id"), TLVs: anyTLVs.Draw(t, "tlvs")}
	case 3:
		p.Command = rapid.SampledFrom([]smpp.Command{smpp.SubmitSM, smpp.DeliverSM}).Draw(t, "command")
		m := &smpp.Message{Service: text.Draw(t, "service"), From: anyAddress.Draw(t, "from"), To: anyAddress.Draw(t, "to"),
			Class: rapid.Byte().Draw(t, "class"), Validity: text.Draw(t, "validity"), Registered: rapid.Byte().Draw(t, "registered"),
			Coding: rapid.Byte().Draw(t, "coding"), TLVs: anyTLVs.Draw(t, "tlvs")}
		m.Short = rapid.SliceOfN(rapid.Byte(), 0, 254).Draw(t, "short")
		if len(m.Short) == 0 {
			m.Short = nil
		}
		p.Body = m
	}
	return p
})

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPDU.Draw(t, "pdu")
		b, err := smpp.Append(nil, p)
		require.NoError(t, err)
		got, err := smpp.Decode(b)
		require.NoError(t, err)
		require.Equal(t, p, got)
	})
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		f.Add(octets(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p, err := smpp.Decode(frame)
		if err != nil {
			if !errors.Is(err, smpp.ErrBroken) && !errors.Is(err, smpp.ErrLength) {
				t.Fatal(err)
			}
			return
		}
		if m, ok := p.Body.(*smpp.Message); ok {
			m.Piece()
		}
		again, err := smpp.Append(nil, p)
		if err != nil {
			t.Fatal("can't write what was read:", err)
		}
		q, err := smpp.Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		third, _ := smpp.Append(nil, q)
		if !bytes.Equal(again, third) {
			t.Fatalf("%x != %x", again, third)
		}
	})
}

// Whole streams of PDUs cross a connection in pieces of any size; a length that can't be ends the reading.
func TestConn(t *testing.T) {
	a, b := net.Pipe()
	from, to := smpp.NewConn(a), smpp.NewConn(b)
	defer to.Close()
	big := smpp.PDU{Command: smpp.SubmitSM, Seq: 2, Body: &smpp.Message{TLVs: smpp.TLVs{{Tag: smpp.TagPayload, Value: bytes.Repeat([]byte("x"), 60_000)}}}}
	done := make(chan error, 1)
	go func() {
		_, err := from.Send(smpp.PDU{Command: smpp.EnquireLink, Seq: 1})
		end, err2 := from.Send(big)
		_, err3 := from.Send(smpp.PDU{Command: smpp.SubmitSM, Body: &smpp.Message{Short: make([]byte, 300)}})
		if !errors.Is(err3, smpp.ErrField) || end != from.Written() {
			err = errors.Join(err, err3, errors.New("written"))
		}
		a.Write(octets(t, "00100001 00000015 00000000 00000001"))
		done <- errors.Join(err, err2)
	}()
	p, err := to.Read()
	require.NoError(t, err)
	require.Equal(t, uint32(1), p.Seq)
	p, err = to.Read()
	require.NoError(t, err)
	require.Equal(t, big, p)
	_, err = to.Read()
	require.ErrorIs(t, err, smpp.ErrLength, "a PDU of more than 1 MiB")
	require.NoError(t, <-done)
	from.Close()
	_, err = from.Send(smpp.PDU{Command: smpp.EnquireLink})
	require.ErrorIs(t, err, net.ErrClosed)
}
