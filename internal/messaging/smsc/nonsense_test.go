package smsc_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
)

// Whatever a client sends after its bind, the centre lives on and serves others.
func FuzzCentre(f *testing.F) {
	s := smsc.New(smsc.Config{Plan: soon, KeepSubmits: 10, KeepPhones: 10, KeepQueue: 10})
	require.NoError(f, s.Listen())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(ctx) })
	f.Cleanup(func() { cancel(); wg.Wait() })
	var whole []byte
	for _, p := range []smpp.PDU{
		{Command: smpp.SubmitSM, Seq: 2, Body: &smpp.Message{To: smpp.Address{Addr: "4917000001"}, Registered: 0x11, Class: smpp.ClassHeader, Short: []byte{5, 0, 3, 1, 2, 1, 'h', 'i'}}},
		{Command: smpp.DeliverSM.Resp(), Seq: 1, Body: &smpp.Answer{}},
		{Command: smpp.QuerySM, Seq: 3, Body: &smpp.Question{ID: "1"}},
		{Command: smpp.CancelSM, Seq: 4, Body: &smpp.Question{Cancel: true, ID: "1"}},
		{Command: smpp.BindReceiver, Seq: 5, Body: &smpp.Login{SystemID: "again"}},
		{Command: smpp.EnquireLink.Resp(), Seq: 6}, {Command: smpp.GenericNack, Seq: 7}, {Command: smpp.Unbind, Seq: 8},
	} {
		one, err := smpp.Append(nil, p)
		require.NoError(f, err)
		f.Add(one)
		f.Add(one[:len(one)-1])
		whole = append(whole, one...)
	}
	f.Add(whole)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		conn := smpp.NewConn(c)
		defer conn.Close()
		conn.Send(smpp.PDU{Command: smpp.BindTransceiver, Seq: 1, Body: &smpp.Login{SystemID: "fuzz"}})
		p, err := conn.Read()
		require.NoError(t, err)
		require.Equal(t, smpp.OK, p.Status)
		c.Write(b)
		c.(*net.TCPConn).CloseWrite()
		for err == nil {
			_, err = conn.Read()
		}
	})
}
