package storefront_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// The page of an order offers news in the browser and in a chat where there are accounts for it and the market writes that
// way; what a browser says is kept with the words that stood there, and taken back on the same page.
func TestNewsOfAnOrder(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		v := s.Visitor()
		page := "/de-de/orders/" + v.Buy(apptest.Anna)
		require.NotContains(t, v.Get(page).Body, "data-news", "there is no account")

		s.Write(func(tx *db.Tx) error {
			for _, a := range []messaging.ProviderAccount{
				{ID: "notices", Provider: "webpush", Channel: messaging.Push, Kind: messaging.Browser, Sender: "mailto:shop@miana.example", Enabled: true},
				{ID: "bot", Provider: "telegram", Channel: messaging.Telegram, Kind: messaging.Bot, Enabled: true, Values: map[string]string{"bot_token": "1:x", "bot_name": "miana_bot"}},
			} {
				require.NoError(t, s.Messages.AddAccount(tx, a))
			}
			return nil
		})
		require.NotContains(t, v.Get(page).Body, "data-news", "the market doesn't write that way")
		s.Write(func(tx *db.Tx) error {
			m, _ := s.Markets.ByCode("de")
			m.ConsentChannels = append(slices.Clone(m.ConsentChannels), "push", "telegram")
			return s.Markets.Save(tx, m)
		})
		got := v.Get(page)
		require.Contains(t, got.Body, `data-device="`+s.Messages.BrowserKey()+`"`)
		require.Contains(t, got.Body, `https://t.me/miana_bot?start=`)
		require.Contains(t, got.Header.Get("Content-Security-Policy"), "script-src 'self'", "a worker of the shop's own is allowed by that")
		v.Add("de-de", apptest.Anna.SKU, "1")
		details := v.Get("/de-de/checkout/details").Body
		require.Contains(t, details, "consent_email")
		require.NotContains(t, details, "consent_push", "the checkout asks for no browser")

		key, err := ecdh.P256().GenerateKey(rand.Reader)
		require.NoError(t, err)
		form := url.Values{"do": {"on"}, "endpoint": {"https://fcm.googleapis.com/fcm/send/abc"}, "p256dh": {base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes())},
			"auth": {base64.RawURLEncoding.EncodeToString(make([]byte, 16))}}
		post := func(pairs ...string) apptest.Page { return v.Post(page+"/news", with(form, pairs...)) }
		for name, bad := range map[string][]string{"plain": {"endpoint", "http://fcm.googleapis.com/x"}, "long": {"endpoint", "https://fcm.googleapis.com/" + strings.Repeat("x", 1000)},
			"none": {"endpoint", ""}, "key": {"p256dh", "AAAA"}, "secret": {"auth", "AAAA"}, "script": {"endpoint", "javascript:alert(1)"}} {
			require.Equal(t, 422, post(bad...).Status, name)
		}
		require.Equal(t, 404, v.Post("/de-de/orders/ord_none/news", form).Status)
		require.JSONEq(t, `{"on":false}`, post("do", "ask").Body)
		require.JSONEq(t, `{"on":true}`, post().Body)
		require.JSONEq(t, `{"on":true}`, post().Body, "twice is once")
		require.JSONEq(t, `{"on":true}`, post("do", "ask").Body)
		require.JSONEq(t, `{"on":false}`, post("do", "off").Body)
		require.JSONEq(t, `{"on":false}`, post("do", "ask").Body)

		s.Read(func(tx *db.Tx) error {
			o, err := s.Orders.Get(tx, order.ID(strings.TrimPrefix(page, "/de-de/orders/")))
			require.NoError(t, err)
			all, err := s.Customers.Events(tx, o.Customer)
			all = slices.DeleteFunc(all, func(c customer.Consent) bool { return c.Channel != customer.Push })
			require.GreaterOrEqual(t, len(all), 2)
			require.Equal(t, []any{customer.Grant, customer.OrderNews, "de"}, []any{all[0].Action, all[0].Class, all[0].Lang})
			require.Contains(t, got.Body, all[0].Text, "what was recorded is what stood there")
			require.NotEmpty(t, all[0].IPDigest)
			require.Equal(t, customer.Revoke, all[len(all)-1].Action)
			return err
		})
	})
}

// The worker stands at one plain address, and browsers ask each time whether there is a newer one.
func TestTheWorkerIsServed(t *testing.T) {
	v := apptest.Lite(t).Visitor()
	got := v.Get("/notices.js")
	require.Equal(t, 200, got.Status)
	require.Equal(t, []string{"text/javascript; charset=utf-8", "no-cache"}, []string{got.Header.Get("Content-Type"), got.Header.Get("Cache-Control")})
	require.Contains(t, got.Body, "showNotification")
	again := v.Request("GET", "/notices.js", "", nil)
	again.Header.Set("If-None-Match", got.Header.Get("Etag"))
	require.Equal(t, 304, v.Do(again).Status)
}
