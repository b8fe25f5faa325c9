package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/messaging/infobip"
	"portolan/internal/messaging/telegram"
	"portolan/internal/messaging/twilio"
	"portolan/internal/messaging/vonage"
	"portolan/internal/messaging/webpush"
	"portolan/internal/messaging/whatsapp"
	"portolan/internal/settings"
	"portolan/internal/vault"
)

func channelRig(t *testing.T) *rig {
	r := lite(t)
	locks, err := vault.Read(vault.Fresh())
	require.NoError(t, err)
	r.messages.Accounts(settings.Watch(r.d), settings.Bump, locks, twilio.Provider, vonage.Provider, infobip.Provider, whatsapp.Provider, telegram.Provider, webpush.Provider)
	r.user(auth.Owner)
	r.user(auth.Viewer)
	r.open()
	return r
}

func TestChannels(t *testing.T) {
	r := channelRig(t)
	b := r.as(auth.Owner)
	has(t, b.page("/console/channels"), "There is no account yet.", "Twilio", "Telegram")
	const form = "/console/channels/new/twilio"
	has(t, b.page(form), "Account SID", "Twilio console, home page.")
	status, body := b.post(form, "do", "save", "id", "Our Twilio!", "channel", "sms", "kind", "10dlc", "sender", "+12125550100", "f.account_sid", "AC1", "f.auth_token", "hunter2", "countries", "us, ca")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	has(t, body, "Please use 2 to 40 small letters", "Please copy it again from there.", `value="us, ca"`, `value="Our Twilio!"`)
	require.NotContains(t, body, "hunter2", "a secret is never shown")

	fields := []string{"do", "save", "id", "twilio-us", "channel", "sms", "kind", "10dlc", "sender", "+12125550100", "f.account_sid", "AC0123456789abcdef0123456789abcdef", "f.auth_token", "hunter2",
		"countries", "us, ca", "class", "transactional", "price", "0.0075", "currency", "usd", "enabled", "1"}
	status, body = b.post(form, fields...)
	require.Equal(t, http.StatusOK, status, body)
	has(t, body, "The account is kept.", "/in/twilio/twilio-us", "In use", `value="US CA"`, `value="0.0075"`, "never shown")
	require.NotContains(t, body, "hunter2")
	status, body = b.post(form, fields...)
	require.Equal(t, http.StatusConflict, status)
	has(t, body, "There is an account of this name already.")

	_, body = b.post("/console/channels/twilio-us", "do", "save", "channel", "sms", "kind", "alpha", "sender", "MIANA", "f.account_sid", "AC0123456789abcdef0123456789abcdef", "enabled", "1")
	has(t, body, "The changes are kept.", `value="MIANA"`)
	_, body = b.post("/console/channels/twilio-us", "do", "off")
	has(t, body, "No message goes this way any more.", "Switched off", "Use this account")
	status, body = b.post("/console/channels/twilio-us", "do", "test", "to", "12")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	has(t, body, `value="12"`, `id="to-e"`)
	_, body = b.post("/console/channels/twilio-us", "do", "test", "to", "+12125551234")
	has(t, body, "The test is on its way.", "Last test,")
	require.NoError(t, r.d.Read(t.Context(), func(tx *db.Tx) error {
		a, err := r.messages.GetAccount(tx, "twilio-us")
		require.False(t, a.Enabled)
		require.Equal(t, []string{"auth_token"}, a.Set, "what was left empty is kept")
		return err
	}))

	viewer := r.as(auth.Viewer)
	require.NotContains(t, viewer.page("/console/channels/twilio-us"), "<input id=\"f.")
	status, _ = viewer.post("/console/channels/twilio-us", "do", "on")
	require.Equal(t, http.StatusForbidden, status)
	status, _ = b.get("/console/channels/none")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = b.get("/console/channels/new/pigeon")
	require.Equal(t, http.StatusNotFound, status)
}

func TestEveryProvidersFormInEveryLanguage(t *testing.T) {
	r := channelRig(t)
	b := r.as(auth.Owner)
	for _, lang := range []string{"de", "id", "ms", "ar", "en"} {
		b.post("/console/language", "lang", lang)
		for _, p := range r.messages.Providers() {
			body := b.page("/console/channels/new/" + p.Name)
			require.Equal(t, 1, strings.Count(body, "<h1"), p.Name)
			require.NotContains(t, body, "console.ch_", p.Name)
		}
		b.page("/console/channels")
	}
}
