package smpp_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
)

func TestParseReceipt(t *testing.T) {
	done := time.Date(2026, 11, 21, 14, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		want smpp.Receipt
	}{
		{"id:0123456789 sub:001 dlvrd:001 submit date:2611211404 done date:2611211405 stat:DELIVRD err:000 text:Hello",
			smpp.Receipt{ID: "0123456789", State: smpp.Delivered, Code: "000", Sent: done.Add(-time.Minute), Done: done}},
		{"ID:AbC SUB:001 DLVRD:000 SUBMIT DATE:261121140400 DONE DATE:261121140500 STAT:undeliv ERR:0x0b TEXT:",
			smpp.Receipt{ID: "AbC", State: smpp.Undeliverable, Code: "0x0b", Sent: done.Add(-time.Minute), Done: done}},
		{"stat:EXPIRED id:7", smpp.Receipt{ID: "7", State: smpp.Expired}},
		{"id:7 done date:20261121140500 stat:FAILED err: text:id:8 stat:DELIVRD", smpp.Receipt{ID: "7", State: smpp.Undeliverable, Done: done}},
		{"id:7 stat:REJECTD err:12 Text:", smpp.Receipt{ID: "7", State: smpp.Rejected, Code: "12"}},
		{"id:7 stat:DELIVERED", smpp.Receipt{ID: "7", State: smpp.Delivered}},
		{"id: stat:ACCEPTD", smpp.Receipt{State: smpp.Accepted}},
		{"id: 9 stat: DELETED", smpp.Receipt{ID: "9", State: smpp.Deleted}},
		{"id:9\nstat:ENROUTE\ndone date:9999999999", smpp.Receipt{ID: "9", State: smpp.Enroute}},
		{"id:a_b@c stat:UNKNOWN", smpp.Receipt{ID: "a_b@c", State: smpp.UnknownState}},
		{"id:9;sub:001;dlvrd:001;submit_date:2611211404;done_date:2611211405;status:Delivered;error:0;text:", smpp.Receipt{ID: "9", State: smpp.Delivered, Code: "0", Sent: done.Add(-time.Minute), Done: done}},
		{"message_id=\"9f\", state=2, donedate=20261121140500", smpp.Receipt{ID: "9f", State: smpp.Delivered, Done: done}},
		{"msgid:9|stat:NOT_DELIVERED|err:-1", smpp.Receipt{ID: "9", State: smpp.Undeliverable, Code: "-1"}},
		{"id:9 stat:BUFFERD", smpp.Receipt{ID: "9", State: smpp.Enroute}}, {"id:9 stat:DLVRD", smpp.Receipt{ID: "9", State: smpp.Delivered}},
		{"id:9 stat:UNDELIVERABLE", smpp.Receipt{ID: "9", State: smpp.Undeliverable}}, {"id:9 stat:rejected", smpp.Receipt{ID: "9", State: smpp.Rejected}},
		{"id:9 stat:5", smpp.Receipt{ID: "9", State: smpp.Undeliverable}}, {"id:9 stat:9", smpp.Receipt{ID: "9", State: smpp.UnknownState}},
		{"hello", smpp.Receipt{State: smpp.UnknownState}},
		{"", smpp.Receipt{State: smpp.UnknownState}},
		{"fluid:7 understat:x", smpp.Receipt{State: smpp.UnknownState}},
	} {
		require.Equal(t, c.want, smpp.ParseReceipt([]byte(c.text)), c.text)
	}
}

func TestStates(t *testing.T) {
	for i, s := range []smpp.State{smpp.Enroute, smpp.Delivered, smpp.Expired, smpp.Deleted, smpp.Undeliverable, smpp.Accepted, smpp.UnknownState, smpp.Rejected} {
		require.Equal(t, byte(i+1), s.Code())
		require.Equal(t, s, smpp.ParseReceipt([]byte("stat:"+s.Word())).State)
	}
	require.True(t, smpp.Undeliverable.Final())
	require.False(t, smpp.Accepted.Final())
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"123", "123", true}, {"000123", "123", true}, {"1F", "001f", true}, {"1f", "31", true}, {"31", "1F", true},
		{"550e8400-E29B", "550E8400-e29b", true}, {"0", "000", true}, {" 12", "12", true},
		{"123", "124", false}, {"abc", "abd", false}, {"", "", false}, {"", "0", false},
		{"0x1F", "31", true}, {"0x1F", "1f", true}, {"\"31\"", "1F", true}, {"0xZZ", "zz", false},
		{"18446744073709551615", "FFFFFFFFFFFFFFFF", true},
		{"184467440737095516159", "184467440737095516159", true}, // beyond 64 bits only itself
	} {
		require.Equal(t, c.same, smpp.SameID(c.a, c.b), "%s %s", c.a, c.b)
		require.Equal(t, c.same, smpp.SameID(c.b, c.a), "%s %s", c.b, c.a)
	}
	require.Equal(t, []string{"10", "a", "16"}, smpp.IDKeys("0010"), "the id itself first")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		forms := []string{strconv.FormatUint(n, 10), strconv.FormatUint(n, 16), strings.ToUpper(strconv.FormatUint(n, 16)),
			fmt.Sprintf("%025d", n), fmt.Sprintf("%020X", n)}
		a, b := rapid.SampledFrom(forms).Draw(t, "a"), rapid.SampledFrom(forms).Draw(t, "b")
		require.True(t, smpp.SameID(a, b))
		for _, k := range smpp.IDKeys(a) {
			require.Contains(t, smpp.IDKeys(k), smpp.NormalID(a), "symmetric")
		}
	})
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte("id:0123456789 sub:001 dlvrd:001 submit date:2611211404 done date:2611211405 stat:DELIVRD err:000 text:Hello"))
	f.Add([]byte("id:\xff stat:\x00 err: Text:"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := smpp.ParseReceipt(text)
		if r.State == "" || strings.ContainsAny(r.ID, " \n") {
			t.Fatalf("%q: %+v", text, r)
		}
		smpp.IDKeys(r.ID)
	})
}

// The three ways in which a part tells its place, and the two in which it carries its text.
func TestPiece(t *testing.T) {
	header := []byte{5, 0, 3, 7, 2, 1}
	sar := smpp.TLVs{{Tag: smpp.TagSARRef, Value: []byte{1, 2}}, {Tag: smpp.TagSARTotal, Value: []byte{3}}, {Tag: smpp.TagSARPart, Value: []byte{2}}}
	for name, c := range map[string]struct {
		m    smpp.Message
		want sms.Concat
		body string
	}{
		"alone":             {smpp.Message{Short: []byte("hi")}, sms.Concat{}, "hi"},
		"header":            {smpp.Message{Class: smpp.ClassHeader, Short: append(header, "hi"...)}, sms.Concat{Ref: 7, Total: 2, Part: 1}, "hi"},
		"header in payload": {smpp.Message{Class: smpp.ClassHeader, TLVs: smpp.TLVs{{Tag: smpp.TagPayload, Value: append(header, "hi"...)}}}, sms.Concat{Ref: 7, Total: 2, Part: 1}, "hi"},
		"sar fields":        {smpp.Message{Short: []byte("hi"), TLVs: sar}, sms.Concat{Ref: 0x102, Total: 3, Part: 2}, "hi"},
		"half sar fields":   {smpp.Message{Short: []byte("hi"), TLVs: sar[:2]}, sms.Concat{}, "hi"},
		"part 2 of 1":       {smpp.Message{Short: []byte("hi"), TLVs: smpp.TLVs{sar[0], {Tag: smpp.TagSARTotal, Value: []byte{1}}, sar[2]}}, sms.Concat{}, "hi"},
	} {
		p := c.m.Piece()
		require.Equal(t, c.want, p.Concat, name)
		require.Equal(t, c.body, string(p.Body), name)
	}
}
