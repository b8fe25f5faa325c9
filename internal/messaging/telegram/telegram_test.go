package telegram_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/telegram"
	"portolan/internal/messaging/wire"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { wire.Rest() })) }

var account = messaging.ProviderAccount{ID: "bot", Kind: messaging.Bot, Values: map[string]string{"bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "hook_secret": "hush"}}

var parcel = messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.Telegram, To: "42", Text: "Hello *you* <b>"}

func TestRequest(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, telegram.Provider, account)
	s.Say(w.Answer{Status: 200, Body: `{"ok":true,"result":{"message_id":7,"chat":{"id":42}}}`})
	got, err := l.Send(t.Context(), parcel)
	require.NoError(t, err)
	require.Equal(t, messaging.Taken{IDs: []string{"42.7"}, Parts: 1, Final: true}, got)
	require.Equal(t, "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", s.Last(t).URI)
	require.JSONEq(t, `{"chat_id":"42","text":"Hello *you* <b>"}`, s.Last(t).Body)

	gone := account
	gone.Base = "http://127.0.0.1:1"
	_, err = s.Open(t, telegram.Provider, gone).Send(t.Context(), parcel)
	w.Check(t, err, messaging.Again, "connect", 0)
	require.NotContains(t, err.Error(), "AAHdq", "the token stands in the address, and in no error")
}

func TestAnswers(t *testing.T) {
	s := w.New(t)
	no := func(code int, status, text string) w.Answer {
		return w.Answer{Status: code, Body: `{"ok":false,"error_code":` + status + `,"description":"` + text + `","parameters":{"retry_after":35}}`}
	}
	s.Table(t, s.Open(t, telegram.Provider, account), parcel, append(w.Refusals(),
		w.Row{Name: "blocked", Answer: no(403, "403", "Forbidden: bot was blocked by the user"), Trouble: messaging.OptedOut},
		w.Row{Name: "left", Answer: no(403, "403", "Forbidden: user is deactivated"), Trouble: messaging.BadNumber},
		w.Row{Name: "nobody", Answer: no(400, "400", "Bad Request: chat not found"), Trouble: messaging.BadNumber},
		w.Row{Name: "flood", Answer: no(429, "429", "Too Many Requests: retry after 35"), Trouble: messaging.Again, After: 35 * time.Second},
		w.Row{Name: "token", Answer: no(401, "401", "Unauthorized"), Trouble: messaging.Account},
		w.Row{Name: "other", Answer: no(400, "400", "Bad Request: message is too long"), Trouble: messaging.OtherRoute},
		w.Row{Name: "ok that is none", Answer: w.Answer{Status: 200, Body: `{"ok":false}`}, Trouble: w.Unknown},
	))
	long := parcel
	long.Text = strings.Repeat("x", 5000)
	_, err := s.Open(t, telegram.Provider, account).Send(t.Context(), long)
	w.Check(t, err, messaging.OtherRoute, "too_long", 0)
}

func delivery(body string) messaging.Delivery {
	return messaging.Delivery{Method: "POST", Body: []byte(body), Header: map[string][]string{"X-Telegram-Bot-Api-Secret-Token": {"hush"}}}
}

func TestWebhooks(t *testing.T) {
	l := w.New(t).Open(t, telegram.Provider, account)
	h, err := l.Webhook(delivery(`{"update_id":9,"message":{"message_id":1,"from":{"id":42},"chat":{"id":42,"type":"private"},"date":1795341660,"text":"/stop@shop_bot please"}}`))
	require.NoError(t, err)
	require.Equal(t, &messaging.Said{Ref: "9", Channel: messaging.Telegram, From: "42", To: "bot", Text: "/stop please", At: time.Unix(1795341660, 0).UTC()}, h.Events[0].Said)
	h, err = l.Webhook(delivery(`{"update_id":10,"my_chat_member":{"chat":{"id":42,"type":"private"},"date":1,"new_chat_member":{"status":"kicked"}}}`))
	require.NoError(t, err)
	require.Equal(t, messaging.IntentStop, h.Events[0].Said.OptOut)
	for _, none := range []string{`{"update_id":11}`, `{"update_id":12,"message":{"chat":{"id":-5,"type":"group"},"text":"x"}}`} {
		h, err = l.Webhook(delivery(none))
		require.NoError(t, err)
		require.Empty(t, h.Events)
	}
	_, err = l.Webhook(delivery(`{}`))
	require.ErrorIs(t, err, messaging.ErrGarbled)
	forged := delivery(`{"update_id":9}`)
	forged.Header["X-Telegram-Bot-Api-Secret-Token"] = []string{"hus"}
	_, err = l.Webhook(forged)
	require.ErrorIs(t, err, messaging.ErrForged)
}

func FuzzWebhook(f *testing.F) {
	f.Add(`{"update_id":9,"message":{"chat":{"id":42,"type":"private"},"date":-1,"text":"/"}}`)
	l, err := telegram.Provider.Open(account, w.Tools("telegram"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		h, err := l.Webhook(delivery(body))
		for _, e := range h.Events {
			require.NoError(t, err)
			name, _ := e.Write()
			require.NotEmpty(t, name)
		}
	})
}
