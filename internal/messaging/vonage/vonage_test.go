package vonage_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/vonage"
	"portolan/internal/messaging/wire"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { wire.Rest() })) }

var account = messaging.ProviderAccount{ID: "main", Sender: "+447700900100", Kind: messaging.LongNumber,
	Values: map[string]string{"api_key": "abcd", "api_secret": "s3cret", "signature_secret": "secret", "signature_method": "sha256"}}

var parcel = messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.SMS, To: "+447400123456", Sender: "+447700900100", Text: "Grüße & ☀", NotAfter: w.Now.Add(time.Hour)}

func TestRequest(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, vonage.Provider, account)
	s.Say(w.Answer{Status: 200, Body: `{"message-count":"2","messages":[{"to":"447400123456","message-id":"0A0000000123ABCD1","status":"0","remaining-balance":"3.14","message-price":"0.0333","network":"23410"},
		{"to":"447400123456","message-id":"0A0000000123ABCD2","status":"0","message-price":"0.0333"}]}`})
	got, err := l.Send(t.Context(), parcel)
	require.NoError(t, err)
	require.Equal(t, messaging.Taken{IDs: []string{"0A0000000123ABCD1", "0A0000000123ABCD2"}, Parts: 2, Price: messaging.Cost{Micros: 33300, Currency: "EUR"}}, got)
	q := s.Last(t)
	require.Equal(t, "POST /sms/json", q.Method+" "+q.URI)
	form, err := url.ParseQuery(q.Body)
	require.NoError(t, err)
	require.Equal(t, url.Values{"from": {"447700900100"}, "to": {"447400123456"}, "text": {parcel.Text}, "type": {"unicode"}, "client-ref": {"att_1"},
		"callback": {"https://shop.example/in/vonage/main"}, "status-report-req": {"1"}, "ttl": {"3600000"}}, form)
	require.True(t, strings.HasPrefix(q.Header.Get("Authorization"), "Basic "))
	require.NotContains(t, q.URI+q.Body, "s3cret")
}

func TestAnswers(t *testing.T) {
	s := w.New(t)
	rows := w.Refusals()
	for code, want := range map[string]messaging.Trouble{"1": messaging.Again, "5": messaging.Again, "7": messaging.BadNumber, "9": messaging.Account, "14": messaging.Setup,
		"15": messaging.Setup, "4": messaging.Account, "2": messaging.OtherRoute, "6": messaging.OtherRoute, "99": messaging.OtherRoute} {
		rows = append(rows, w.Row{Name: "status " + code, Answer: w.Answer{Status: 200, Body: `{"messages":[{"status":"` + code + `","error-text":"no"}]}`}, Trouble: want, Code: code})
	}
	rows = append(rows,
		w.Row{Name: "taken", Answer: w.Answer{Status: 200, Body: `{"messages":[{"status":"0","message-id":"1"}]}`}},
		w.Row{Name: "no id", Answer: w.Answer{Status: 200, Body: `{"messages":[{"status":"0"}]}`}, Trouble: w.Unknown},
		w.Row{Name: "one part of two", Answer: w.Answer{Status: 200, Body: `{"messages":[{"status":"0","message-id":"1"},{"status":"1"}]}`}, Trouble: w.Unknown},
	)
	s.Table(t, s.Open(t, vonage.Provider, account), parcel, rows)
}

// The vectors that Vonage's libraries are tested with.
func TestPublishedSignatures(t *testing.T) {
	f := map[string]string{"a": "1", "b": "2", "timestamp": "1461605396"}
	for method, sig := range map[string]string{
		"md5hash": "6af838ef94998832dbfc29020b564830", "md5": "c15c21ced558c93a226c305f58f902f2", "sha1": "3e19a4e6880fdc2c1426bfd0587c98b9532f0210",
		"sha256": "a321e824b9b816be7c3f28859a31749a098713d39f613c80d455bbaffae1cd24",
	} {
		g := maps.Clone(f)
		g["sig"] = sig
		require.True(t, vonage.Signed(method, "secret", g), method)
		g["sig"] = strings.ToUpper(sig)
		require.True(t, vonage.Signed(method, "secret", g), "%s in capitals", method)
		require.False(t, vonage.Signed(method, "Secret", g), method)
		require.False(t, vonage.Signed(method, "", g), method)
		g["a"] = "2"
		require.False(t, vonage.Signed(method, "secret", g), method)
	}
	require.False(t, vonage.Signed("md5hash", "secret", f), "unsigned")
	require.False(t, vonage.Signed("crc", "secret", map[string]string{"sig": "00"}), "unknown method")
}

func sign(f map[string]string) map[string]string {
	g := maps.Clone(f)
	text := ""
	for _, k := range slices.Sorted(maps.Keys(f)) {
		text += "&" + k + "=" + strings.NewReplacer("&", "_", "=", "_").Replace(f[k])
	}
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(text))
	g["sig"] = hex.EncodeToString(mac.Sum(nil))
	return g
}

// written is a delivery in each of the forms in which Vonage makes it.
func written(f map[string]string) map[string]messaging.Delivery {
	v := url.Values{}
	for k, x := range f {
		v.Set(k, x)
	}
	body, _ := json.Marshal(f)
	return map[string]messaging.Delivery{
		"query": {Method: "GET", Query: v},
		"form":  {Method: "POST", Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(v.Encode())},
		"json":  {Method: "POST", Header: map[string][]string{"Content-Type": {"application/json"}}, Body: body},
	}
}

func TestWebhooks(t *testing.T) {
	l := w.New(t).Open(t, vonage.Provider, account)
	receipt := map[string]string{"msisdn": "447400123456", "to": "447700900100", "network-code": "23410", "messageId": "0A1", "price": "0.0333", "status": "delivered", "scts": "2611221001",
		"err-code": "0", "client-ref": "att_1", "timestamp": "1"}
	for form, d := range written(sign(receipt)) {
		h, err := l.Webhook(d)
		require.NoError(t, err, form)
		st := h.Events[0].Status
		require.Equal(t, []any{"0A1", "att_1", "+447400123456", messaging.Delivered, int64(33300)}, []any{st.Ref, st.Attempt, st.To, st.State, st.Price.Micros}, form)
		require.Equal(t, time.Date(2026, 11, 22, 10, 1, 0, 0, time.UTC), st.At)
	}
	for form, d := range written(receipt) {
		_, err := l.Webhook(d)
		require.ErrorIs(t, err, messaging.ErrForged, form)
	}
	for status, want := range map[string]messaging.State{"accepted": messaging.Sent, "expired": messaging.Expired, "failed": messaging.Failed, "rejected": messaging.Failed, "buffered": "", "unknown": ""} {
		bad := maps.Clone(receipt)
		bad["status"], bad["err-code"] = status, "9"
		h, err := l.Webhook(written(sign(bad))["json"])
		require.NoError(t, err)
		if want == "" {
			require.Empty(t, h.Events, status)
			continue
		}
		require.Equal(t, want, h.Events[0].Status.State)
		if want == messaging.Failed {
			require.Equal(t, messaging.BadNumber, h.Events[0].Status.Trouble)
		}
	}
	part := map[string]string{"msisdn": "447400123456", "to": "447700900100", "messageId": "0B2", "text": "half a = word &", "type": "text", "keyword": "HALF",
		"concat": "true", "concat-ref": "7", "concat-total": "2", "concat-part": "1"}
	for form, d := range written(sign(part)) {
		h, err := l.Webhook(d)
		require.NoError(t, err, form)
		require.Equal(t, &messaging.Said{Ref: "0B2", Channel: messaging.SMS, From: "+447400123456", To: "447700900100", Text: "half a = word &", Thread: 7, Part: 1, Total: 2}, h.Events[0].Said)
	}
	part["concat-part"] = "3"
	_, err := l.Webhook(written(sign(part))["form"])
	require.ErrorIs(t, err, messaging.ErrGarbled)
}

func TestPrices(t *testing.T) {
	s := w.New(t)
	s.Say(w.Answer{Status: 200, Body: `{"countryCode":"GB","currency":"EUR","defaultPrice":"0.04","networks":[{"type":"mobile","price":"0.0333","currency":"EUR","mcc":"234","mnc":"10"}]}`})
	all, err := s.Open(t, vonage.Provider, account).(messaging.PriceLister).Prices(t.Context(), "GB")
	require.NoError(t, err)
	require.Equal(t, "[{GB [23410]  {33300 EUR}} {GB []  {40000 EUR}}]", fmt.Sprint(all))
	require.Equal(t, "/account/get-pricing/outbound/sms?country=GB", s.Last(t).URI)
}

func FuzzWebhook(f *testing.F) {
	f.Add("messageId", "0A1", "msisdn", "44", "status", "failed")
	f.Add("messageId", "0A1", "msisdn", "44", "concat-part", "9")
	l, err := vonage.Provider.Open(account, w.Tools("vonage"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		for _, x := range written(sign(map[string]string{a: b, c: d, e: g, "concat": "true", "concat-total": "2", "concat-ref": "1"})) {
			h, err := l.Webhook(x)
			for _, e := range h.Events {
				require.NoError(t, err)
				name, body := e.Write()
				require.NotEmpty(t, name)
				_, err := messaging.ReadEvent(body)
				require.NoError(t, err)
			}
		}
		l.Webhook(messaging.Delivery{Method: "POST", Body: []byte(a)})
	})
}
