package infobip_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/infobip"
	"portolan/internal/messaging/wire"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { wire.Rest() })) }

var account = messaging.ProviderAccount{ID: "main", Sender: "MIANA", Kind: messaging.Alpha, Values: map[string]string{"api_key": "k3y", "hook_user": "shop", "hook_password": "pw"}}

var parcel = messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.SMS, To: "+6281234567890", Sender: "MIANA", Text: "Halo", NotAfter: w.Now.Add(90 * time.Minute)}

func TestRequest(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, infobip.Provider, account)
	s.Say(w.Answer{Status: 200, Body: `{"bulkId":"b","messages":[{"messageId":"att_1","status":{"groupId":1,"groupName":"PENDING","id":26,"name":"PENDING_ACCEPTED"},"destination":"6281234567890","details":{"messageCount":2}}]}`})
	got, err := l.Send(t.Context(), parcel)
	require.NoError(t, err)
	require.Equal(t, messaging.Taken{IDs: []string{"att_1"}, Parts: 2}, got)
	q := s.Last(t)
	require.Equal(t, "POST /sms/3/messages", q.Method+" "+q.URI)
	require.Equal(t, "App k3y", q.Header.Get("Authorization"))
	require.JSONEq(t, `{"messages":[{"sender":"MIANA","destinations":[{"to":"6281234567890","messageId":"att_1"}],"content":{"text":"Halo"},
		"options":{"validityPeriod":{"amount":90,"timeUnit":"MINUTES"}},
		"webhooks":{"delivery":{"url":"https://shop.example/in/infobip/main","notify":true},"contentType":"application/json","callbackData":"att_1"}}]}`, q.Body)
}

func TestAnswers(t *testing.T) {
	s := w.New(t)
	one := func(group, name string) w.Answer {
		return w.Answer{Status: 200, Body: `{"messages":[{"messageId":"att_1","status":{"groupId":` + group + `,"name":"` + name + `"}}]}`}
	}
	rows := append(w.Refusals(),
		w.Row{Name: "accepted", Answer: one("0", "MESSAGE_ACCEPTED")},
		w.Row{Name: "pending", Answer: one("1", "PENDING_ENROUTE")},
		w.Row{Name: "delivered", Answer: one("3", "DELIVERED_TO_HANDSET")},
		w.Row{Name: "undeliverable", Answer: one("2", "UNDELIVERABLE_REJECTED_OPERATOR"), Trouble: messaging.OtherRoute},
		w.Row{Name: "expired", Answer: one("4", "EXPIRED_UNKNOWN"), Trouble: messaging.OtherRoute},
		w.Row{Name: "do not disturb", Answer: one("5", "REJECTED_DND"), Trouble: messaging.OptedOut, Code: "REJECTED_DND"},
		w.Row{Name: "no credit", Answer: one("5", "REJECTED_NOT_ENOUGH_CREDITS"), Trouble: messaging.Account},
		w.Row{Name: "sender", Answer: one("5", "REJECTED_SENDER"), Trouble: messaging.Setup},
		w.Row{Name: "flood", Answer: one("5", "REJECTED_FLOODING_FILTER"), Trouble: messaging.Again},
		w.Row{Name: "no such number", Answer: one("5", "REJECTED_DESTINATION"), Trouble: messaging.BadNumber},
		w.Row{Name: "old form of no", Answer: w.Answer{Status: 401, Body: `{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED","text":"Invalid login details"}}}`}, Trouble: messaging.Account, Code: "UNAUTHORIZED"},
		w.Row{Name: "new form of no", Answer: w.Answer{Status: 400, Body: `{"errorCode":"E400","description":"bad"}`}, Trouble: messaging.OtherRoute, Code: "E400"},
	)
	s.Table(t, s.Open(t, infobip.Provider, account), parcel, rows)
}

func delivery(body string) messaging.Delivery {
	return messaging.Delivery{Method: "POST", Body: []byte(body), Header: map[string][]string{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("shop:pw"))}}}
}

func TestWebhooks(t *testing.T) {
	l := w.New(t).Open(t, infobip.Provider, account)
	h, err := l.Webhook(delivery(`{"results":[
		{"bulkId":"b","messageId":"att_1","to":"6281234567890","doneAt":"2026-11-22T10:01:00.000+0000","messageCount":2,"callbackData":"att_1","price":{"pricePerMessage":0.03,"currency":"EUR"},"status":{"groupId":3,"id":5,"name":"DELIVERED_TO_HANDSET"},"error":{"groupId":0,"name":"NO_ERROR","permanent":false}},
		{"messageId":"att_2","to":"6281234567890","status":{"groupId":3,"id":2,"name":"DELIVERED_TO_OPERATOR"}},
		{"messageId":"att_3","to":"6281234567890","status":{"groupId":2,"id":9,"name":"UNDELIVERABLE_NOT_DELIVERED"},"error":{"groupId":1,"name":"EC_UNKNOWN_SUBSCRIBER","permanent":true}},
		{"messageId":"att_4","to":"6281234567890","status":{"groupId":4,"id":15,"name":"EXPIRED_EXPIRED"},"error":{"groupId":1,"name":"EC_ABSENT_SUBSCRIBER","permanent":false}},
		{"messageId":"att_5","status":{"groupId":1,"name":"PENDING_ENROUTE"}}]}`))
	require.NoError(t, err)
	require.Len(t, h.Events, 3, "what is on its way is no news")
	require.Equal(t, &messaging.Status{Ref: "att_1", Attempt: "att_1", To: "+6281234567890", State: messaging.Delivered, Price: messaging.Cost{Micros: 15000, Currency: "EUR"},
		At: time.Date(2026, 11, 22, 10, 1, 0, 0, time.UTC)}, normal(h.Events[0].Status))
	require.Equal(t, messaging.BadNumber, h.Events[1].Status.Trouble)
	require.Equal(t, "EC_UNKNOWN_SUBSCRIBER", h.Events[1].Status.Code)
	require.Equal(t, messaging.Expired, h.Events[2].Status.State)
	require.Empty(t, h.Events[2].Status.Trouble, "a phone that is off is no bad number")

	h, err = l.Webhook(delivery(`{"results":[{"messageId":"in1","from":"6281234567890","to":"62855","text":"berhenti","cleanText":"","keyword":"BERHENTI"}],"messageCount":1}`))
	require.NoError(t, err)
	require.Equal(t, &messaging.Said{Ref: "in1", Channel: messaging.SMS, From: "+6281234567890", To: "62855", Text: "berhenti"}, h.Events[0].Said)

	for _, auth := range []string{"", "Basic", "Basic c2hvcDpwdzI=", "Bearer x"} {
		d := delivery(`{"results":[]}`)
		d.Header["Authorization"] = []string{auth}
		_, err := l.Webhook(d)
		require.ErrorIs(t, err, messaging.ErrForged, auth)
	}
	_, err = l.Webhook(delivery(`{`))
	require.ErrorIs(t, err, messaging.ErrGarbled)
}

func normal(s *messaging.Status) *messaging.Status { s.At = s.At.UTC(); return s }

func TestQuery(t *testing.T) {
	s := w.New(t)
	s.Say(w.Answer{Status: 200, Body: `{"results":[{"messageId":"att_1","destination":"6281234567890","status":{"groupId":1,"name":"PENDING_ENROUTE"}},{"messageId":"other","status":{"groupId":3,"name":"X"}}]}`})
	q := s.Open(t, infobip.Provider, account).(messaging.Inquirer)
	all, err := q.Query(t.Context(), "att_1", nil)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, messaging.Sent, all[0].Status.State, "it did arrive there")
	require.Equal(t, "/sms/3/logs?messageId=att_1", s.Last(t).URI)
	s.Say(w.Answer{Status: 200, Body: `{"results":[]}`})
	all, err = q.Query(t.Context(), "att_1", nil)
	require.ErrorIs(t, err, messaging.ErrNever)
	require.Empty(t, all)
}

func FuzzWebhook(f *testing.F) {
	f.Add(`{"results":[{"messageId":"att_1","status":{"groupId":3},"price":{"pricePerMessage":1e300,"currency":"EUR"}}]}`)
	f.Add(`{"results":[{"messageId":"a","from":"1","text":"x"}]}`)
	l, err := infobip.Provider.Open(account, w.Tools("infobip"))
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
