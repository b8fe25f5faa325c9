package whatsapp_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/whatsapp"
	"portolan/internal/messaging/wire"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { wire.Rest() })) }

var account = messaging.ProviderAccount{ID: "main", Sender: "+447700900100", Kind: messaging.LongNumber,
	Values: map[string]string{"phone_id": "1055", "access_token": "tok", "app_secret": "app", "verify_token": "open sesame", "languages": "en=en_US"}}

var parcel = messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.WhatsApp, Class: messaging.Transactional, To: "+6281234567890", Text: "…", Language: "en", Template: "confirm",
	Vars: map[string]string{"order": "F-1", "name": "Budi\n the  Great"}}

const taken = `{"messaging_product":"whatsapp","contacts":[{"input":"62","wa_id":"62"}],"messages":[{"id":"wamid.HBgL"}]}`

func TestRequests(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, whatsapp.Provider, account)
	s.Say(w.Answer{Status: 200, Body: taken})
	got, err := l.Send(t.Context(), parcel)
	require.NoError(t, err)
	require.Equal(t, messaging.Taken{IDs: []string{"wamid.HBgL"}, Parts: 1}, got)
	q := s.Last(t)
	require.Equal(t, "POST /1055/messages", q.Method+" "+q.URI)
	require.Equal(t, "Bearer tok", q.Header.Get("Authorization"))
	require.JSONEq(t, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"6281234567890","type":"template","biz_opaque_callback_data":"att_1",
		"template":{"name":"confirm","language":{"code":"en_US"},"components":[{"type":"body","parameters":[
		{"type":"text","parameter_name":"name","text":"Budi the Great"},{"type":"text","parameter_name":"order","text":"F-1"}]}]}}`, q.Body)

	free := parcel
	free.Class, free.Template, free.Text, free.Open = messaging.Reply, "answer", "We look into it.", w.Now.Add(time.Second)
	_, err = l.Send(t.Context(), free)
	require.NoError(t, err)
	require.JSONEq(t, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"6281234567890","type":"text","biz_opaque_callback_data":"att_1",
		"text":{"body":"We look into it.","preview_url":false}}`, s.Last(t).Body)
	n := len(s.Asked())
	free.Open = w.Now
	_, err = l.Send(t.Context(), free)
	w.Check(t, err, messaging.OtherRoute, "131047", 0)
	require.Len(t, s.Asked(), n, "it isn't even tried")
}

func TestAnswers(t *testing.T) {
	s := w.New(t)
	rows := append(w.Refusals(), w.Row{Name: "taken", Answer: w.Answer{Status: 200, Body: taken}},
		w.Row{Name: "no id", Answer: w.Answer{Status: 200, Body: `{"messages":[{}]}`}, Trouble: w.Unknown})
	for code, want := range map[int]messaging.Trouble{130429: messaging.Again, 131056: messaging.Again, 4: messaging.Again, 131050: messaging.OptedOut, 132001: messaging.Setup,
		132015: messaging.Setup, 190: messaging.Account, 200: messaging.Account, 131042: messaging.Account, 131049: messaging.Content, 131026: messaging.OtherRoute, 131047: messaging.OtherRoute} {
		rows = append(rows, w.Row{Name: fmt.Sprint(code), Answer: w.Answer{Status: 400, Body: fmt.Sprintf(`{"error":{"message":"(#%d) no","type":"OAuthException","code":%[1]d}}`, code)}, Trouble: want, Code: fmt.Sprint(code)})
	}
	s.Table(t, s.Open(t, whatsapp.Provider, account), parcel, rows)
}

func delivery(body string) messaging.Delivery {
	mac := hmac.New(sha256.New, []byte("app"))
	mac.Write([]byte(body))
	return messaging.Delivery{Method: "POST", Body: []byte(body), Header: map[string][]string{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}}
}

func TestHandshake(t *testing.T) {
	l := w.New(t).Open(t, whatsapp.Provider, account)
	ask := func(mode, token string) (messaging.Heard, error) {
		return l.Webhook(messaging.Delivery{Method: "GET", Query: map[string][]string{"hub.mode": {mode}, "hub.verify_token": {token}, "hub.challenge": {"1158201444"}}})
	}
	h, err := ask("subscribe", "open sesame")
	require.NoError(t, err)
	require.Equal(t, "1158201444", h.Reply)
	_, err = ask("subscribe", "open says me")
	require.ErrorIs(t, err, messaging.ErrForged)
	_, err = ask("", "open sesame")
	require.ErrorIs(t, err, messaging.ErrForged)
}

func TestWebhooks(t *testing.T) {
	l := w.New(t).Open(t, whatsapp.Provider, account)
	body := `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"447700900100","phone_number_id":"1055"},
		"statuses":[{"id":"wamid.1","status":"read","timestamp":"1795341660","recipient_id":"6281234567890","biz_opaque_callback_data":"att_1"},
			{"id":"wamid.2","status":"failed","timestamp":"1795341660","recipient_id":"6281234567890","errors":[{"code":131050,"title":"no marketing"}]},{"id":"wamid.3","status":"warned"}],
		"messages":[{"from":"6281234567890","id":"wamid.4","timestamp":"1795341660","type":"text","text":{"body":"Stop"}},{"from":"6281234567890","id":"wamid.5","type":"image","image":{}},
			{"from":"6281234567890","id":"wamid.6","type":"button","button":{"text":"Yes"}}]}},
		{"value":{"metadata":{"phone_number_id":"2"},"statuses":[{"id":"wamid.9","status":"read"}]}}]}]}`
	h, err := l.Webhook(delivery(body))
	require.NoError(t, err)
	require.Len(t, h.Events, 4)
	require.Equal(t, []any{"wamid.1", "att_1", messaging.Read}, []any{h.Events[0].Status.Ref, h.Events[0].Status.Attempt, h.Events[0].Status.State})
	require.Equal(t, []any{"wamid.2", messaging.Failed, messaging.OptedOut, "131050"}, []any{h.Events[1].Status.Ref, h.Events[1].Status.State, h.Events[1].Status.Trouble, h.Events[1].Status.Code})
	require.Equal(t, []any{"wamid.4", messaging.WhatsApp, "+6281234567890", "Stop"}, []any{h.Events[2].Said.Ref, h.Events[2].Said.Channel, h.Events[2].Said.From, h.Events[2].Said.Text})
	require.Equal(t, "Yes", h.Events[3].Said.Text)

	forged := delivery(body)
	forged.Body = []byte(body + " ")
	_, err = l.Webhook(forged)
	require.ErrorIs(t, err, messaging.ErrForged)
	_, err = l.Webhook(messaging.Delivery{Method: "POST", Body: []byte(body)})
	require.ErrorIs(t, err, messaging.ErrForged)
	_, err = l.Webhook(delivery("{"))
	require.ErrorIs(t, err, messaging.ErrGarbled)
}

func FuzzWebhook(f *testing.F) {
	f.Add(`{"entry":[{"changes":[{"value":{"statuses":[{"id":"wamid.1","status":"read","timestamp":"9999999999999"}]}}]}]}`)
	f.Add(`{"entry":[{"changes":[{"value":{"messages":[{"id":"1","from":"2","text":{"body":"x"}}]}}]}]}`)
	l, err := whatsapp.Provider.Open(account, w.Tools("whatsapp"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		h, err := l.Webhook(delivery(body))
		for _, e := range h.Events {
			require.NoError(t, err)
			name, text := e.Write()
			require.NotEmpty(t, name)
			_, err := messaging.ReadEvent(text)
			require.NoError(t, err)
		}
	})
}
