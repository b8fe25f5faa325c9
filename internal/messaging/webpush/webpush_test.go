package webpush_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/webpush"
	"portolan/internal/messaging/wire"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { wire.Rest() })) }

func bytesOf(t testing.TB, s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

// The example of RFC 8291, section 5.
func TestPublishedEncryption(t *testing.T) {
	theirs, err := ecdh.P256().NewPublicKey(bytesOf(t, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"))
	require.NoError(t, err)
	ours, err := ecdh.P256().NewPrivateKey(bytesOf(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	require.NoError(t, err)
	got, err := webpush.Encrypt(theirs, bytesOf(t, "BTBZMqHH6r4Tts7J_aSIgg"), ours, bytesOf(t, "DGv6ra1nlYgDCS1FRnbzlw"), []byte("When I grow up, I want to be a watermelon"))
	require.NoError(t, err)
	require.Equal(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
		base64.RawURLEncoding.EncodeToString(got))
	_, err = webpush.Encrypt(theirs, make([]byte, 16), ours, make([]byte, 16), make([]byte, 4000))
	require.Error(t, err, "more than a record holds")
}

func browser(t testing.TB, endpoint string) messaging.Subscription {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	return messaging.Subscription{Endpoint: endpoint, P256DH: base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), Auth: base64.RawURLEncoding.EncodeToString(make([]byte, 16))}
}

func account() messaging.ProviderAccount {
	return messaging.ProviderAccount{ID: "push", Sender: "mailto:shop@miana.example", Kind: messaging.Browser, Values: map[string]string{"private_key": webpush.NewKey()}}
}

func TestRequest(t *testing.T) {
	s := w.New(t)
	a := account()
	l := s.Open(t, webpush.Provider, a)
	s.Say(w.Answer{Status: 201})
	p := messaging.Parcel{Message: "msg_1", Attempt: "att_1", Class: messaging.Promotional, Text: "Your bag is waiting", To: browser(t, s.URL+"/wpush/abc").Address(), NotAfter: w.Now.Add(time.Hour)}
	got, err := l.Send(t.Context(), p)
	require.NoError(t, err)
	require.True(t, got.Final)
	q := s.Last(t)
	require.Equal(t, "POST /wpush/abc", q.Method+" "+q.URI)
	require.Equal(t, []string{"aes128gcm", "3600", "low"}, []string{q.Header.Get("Content-Encoding"), q.Header.Get("TTL"), q.Header.Get("Urgency")})
	require.NotContains(t, q.Body, "bag")

	public, err := webpush.PublicKey(a.Values["private_key"])
	require.NoError(t, err)
	text, ok := strings.CutPrefix(q.Header.Get("Authorization"), "vapid t=")
	require.True(t, ok)
	token, key, ok := strings.Cut(text, ", k=")
	require.True(t, ok)
	require.Equal(t, public, key)
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	sum, signature := sha256.Sum256([]byte(parts[0]+"."+parts[1])), bytesOf(t, parts[2])
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), bytesOf(t, key))
	require.NoError(t, err)
	require.True(t, ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])))
	var claims map[string]any
	require.NoError(t, json.Unmarshal(bytesOf(t, parts[1]), &claims))
	require.Equal(t, map[string]any{"aud": s.URL, "exp": float64(w.Now.Add(12 * time.Hour).Unix()), "sub": "mailto:shop@miana.example"}, claims)
}

func TestAnswers(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, webpush.Provider, account())
	p := messaging.Parcel{Text: "Hello", To: browser(t, s.URL+"/wpush/abc").Address()}
	s.Table(t, l, p, []w.Row{
		{Name: "taken", Answer: w.Answer{Status: 201}}, {Name: "taken too", Answer: w.Answer{Status: 202}},
		{Name: "gone", Answer: w.Answer{Status: 410}, Trouble: messaging.BadNumber, Code: "410"},
		{Name: "not found", Answer: w.Answer{Status: 404}, Trouble: messaging.BadNumber},
		{Name: "bad request", Answer: w.Answer{Status: 400}, Trouble: messaging.Setup},
		{Name: "key", Answer: w.Answer{Status: 403}, Trouble: messaging.Account},
		{Name: "large", Answer: w.Answer{Status: 413}, Trouble: messaging.OtherRoute},
		{Name: "slow down", Answer: w.Answer{Status: 429, Header: map[string]string{"Retry-After": "9"}}, Trouble: messaging.Again, After: 9 * time.Second},
		{Name: "broken", Answer: w.Answer{Status: 500}, Trouble: w.Unknown}, {Name: "hung up", Answer: w.Answer{Drop: true}, Trouble: w.Unknown},
	})
	n := len(s.Asked())
	for _, to := range []string{"http://10.0.0.1/x", "https://10.0.0.1/x", "https://push.services.mozilla.com.evil.example/x", "https://evilgoogleapis.com/x", "https://fcm.googleapis.com:22/x", "file:///etc/passwd", s.URL + "0/x"} {
		p.To = browser(t, to).Address()
		_, err := l.Send(t.Context(), p)
		w.Check(t, err, messaging.BadNumber, "endpoint", 0)
	}
	p.To = "push:bad:bad:" + s.URL + "/x"
	_, err := l.Send(t.Context(), p)
	w.Check(t, err, messaging.BadNumber, "keys", 0)
	require.Len(t, s.Asked(), n, "nobody but a push service is called")
	_, err = l.Webhook(messaging.Delivery{})
	require.ErrorIs(t, err, messaging.ErrForged)
}
