package messaging_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/settings"
	"portolan/internal/vault"
)

// bell is a provider of notices and of a chat.
type bell struct{ pigeon }

func (*bell) ServerKey() string             { return "key" }
func (*bell) StartLink(token string) string { return "https://t.me/lotus_bot?start=" + token }

// near is a world with accounts for browsers and for a chat, and a customer with a phone.
func near(t *testing.T, f func(t *testing.T, w *world, lena customer.Customer)) {
	dbtest.Each(t, append([]db.Schema{settings.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		locks, err := vault.Read(vault.Fresh())
		require.NoError(t, err)
		ring := messaging.Provider{Name: "bell", Title: "Bell", Channels: []messaging.Channel{messaging.Push, messaging.Telegram}, Kinds: []messaging.Kind{messaging.Browser, messaging.Bot},
			Base: "https://bell.example", NoSender: true,
			Open: func(a messaging.ProviderAccount, _ messaging.Tools) (messaging.Line, error) {
				return &bell{pigeon{a, w.net}}, nil
			}}
		w.messages.Accounts(settings.Watch(d), settings.Bump, locks, ring)
		require.Empty(t, w.messages.BrowserKey(), "there is no account yet")
		require.Empty(t, w.messages.ChatLink("cus_1", "de", d.Clock().Now()))
		dbtest.Write(t, d, w.people.Prepare)
		dbtest.Read(t, d, w.people.Remember)
		var lena customer.Customer
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			for _, a := range []messaging.ProviderAccount{{ID: "bell-push", Channel: messaging.Push, Kind: messaging.Browser}, {ID: "bell-chat", Channel: messaging.Telegram, Kind: messaging.Bot}} {
				a.Provider, a.Enabled = "bell", true
				require.NoError(t, w.messages.AddAccount(tx, a))
			}
			lena, err = w.people.Upsert(tx, customer.Customer{GivenName: "Lena", Phone: anna, Country: "DE", Lang: "de", Market: "de"})
			return err
		})
		f(t, w, lena)
	})
}

func (w *world) near(who, phone string) (all []messaging.Channel) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) error {
		reaches, err := w.messages.Near(tx, who, phone)
		for _, r := range reaches {
			all = append(all, r.Channel)
		}
		return err
	})
	return all
}

func (w *world) heard(channel messaging.Channel, provider, account, from, ref, text string) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		return w.messages.Hear(tx, provider, account, messaging.Event{Said: &messaging.Said{Ref: ref, Channel: channel, From: from, To: account, Text: text}})
	})
	w.drain()
}

func chrome(t *testing.T, name string) messaging.Subscription {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	return messaging.Subscription{Endpoint: "https://fcm.googleapis.com/fcm/send/" + name, P256DH: base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()),
		Auth: base64.RawURLEncoding.EncodeToString(make([]byte, 16))}
}

// A browser hears news of orders from the click to its taking back, to a STOP anywhere, or to its end.
func TestABrowserHearsNewsOfOrders(t *testing.T) {
	near(t, func(t *testing.T, w *world, lena customer.Customer) {
		require.Equal(t, "key", w.messages.BrowserKey())
		sub := chrome(t, "one")
		c := customer.Consent{Customer: lena.ID, Lang: "de", Market: "de", Page: "/orders", Source: "order page"}
		watch := func() {
			dbtest.Write(t, w.d, func(tx *db.Tx) error { return w.messages.Watch(tx, sub, c) })
		}
		watching := func(who string) (on bool) {
			dbtest.Read(t, w.d, func(tx *db.Tx) (err error) { on, err = w.messages.Watching(tx, sub.Endpoint, who); return err })
			return on
		}
		watch()
		require.True(t, watching(lena.ID))
		require.False(t, watching("cus_other"), "a browser tells nobody else")
		require.Equal(t, []messaging.Channel{messaging.Push}, w.near(lena.ID, lena.Phone))
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			all, err := w.people.Events(tx, lena.ID)
			require.Len(t, all, 1)
			require.Equal(t, []any{customer.Push, customer.OrderNews, customer.Grant, sub.Address()}, []any{all[0].Channel, all[0].Class, all[0].Action, all[0].Address})
			require.Contains(t, all[0].Text, "Lotus")
			require.Contains(t, all[0].Wording, "news.push/built-in-")
			return err
		})

		m := confirm(anna, "de", "de")
		m.Customer, m.Channel, m.To, m.Link = lena.ID, messaging.Push, sub.Address(), "https://lotus.example/o/1"
		m.Else = []messaging.Reach{{Channel: messaging.SMS, To: anna}}
		w.send(m)
		w.drain()
		got := w.net.parcels()
		require.Len(t, got, 1)
		require.False(t, strings.HasPrefix(got[0].Text, "Lotus:"), "the notice has the name above it")
		require.Contains(t, got[0].Link, "https://lotus.example/l/")

		offer := m
		offer.Key, offer.Template, offer.Vars, offer.Else, offer.Link = "offer", "again", nil, nil, ""
		require.Equal(t, messaging.Dropped, w.send(offer).State, "news of orders is no consent to offers")

		w.heard(messaging.SMS, "sim", "de", anna, "in1", "STOP")
		require.Empty(t, w.near(lena.ID, lena.Phone), "STOP by SMS is honoured in the browser")
		require.False(t, watching(lena.ID))
		watch()
		require.True(t, watching(lena.ID), "who presses again there hears again")

		dbtest.Write(t, w.d, func(tx *db.Tx) error {
			return w.messages.Unwatch(tx, sub.Endpoint, customer.Consent{Customer: "cus_other", Lang: "de"})
		})
		require.True(t, watching(lena.ID), "nobody takes another's back")
		dbtest.Write(t, w.d, func(tx *db.Tx) error { return w.messages.Unwatch(tx, sub.Endpoint, c) })
		require.False(t, watching(lena.ID))
		require.Empty(t, w.near(lena.ID, lena.Phone))

		watch()
		w.net.answer = func(_ int, p messaging.Parcel) error {
			if p.Channel == messaging.Push {
				return &messaging.Refusal{Trouble: messaging.BadNumber, Code: "410", Err: errors.New("gone")}
			}
			return nil
		}
		m.Key = "again"
		w.send(m)
		w.drain()
		require.Empty(t, w.near(lena.ID, lena.Phone), "a browser that is gone is forgotten")
		got = w.net.parcels()
		require.Equal(t, messaging.SMS, got[len(got)-1].Channel, "and the news goes by the next channel")
	})
}

// The link on an order's page opens a chat that is the customer's: nobody makes one up, and /stop there silences them everywhere.
func TestAChatBeginsOnThePageOfAnOrder(t *testing.T) {
	near(t, func(t *testing.T, w *world, lena customer.Customer) {
		link := w.messages.ChatLink(lena.ID, "de", w.d.Clock().Now())
		token, ok := strings.CutPrefix(link, "https://t.me/lotus_bot?start=")
		require.True(t, ok, link)
		require.Regexp(t, `^[A-Za-z0-9_-]{1,64}$`, token)

		other := "zz" + token[2:]
		for i, text := range []string{"/start", "/start " + token[:len(token)-1], "/start " + other, "/start a-b-c-d", "/start ---", "/start " + strings.Replace(token, "-de-", "-en-", 1)} {
			w.heard(messaging.Telegram, "bell", "bell-chat", "42", "no"+string(rune('a'+i)), text)
		}
		require.Empty(t, w.near(lena.ID, ""))

		w.heard(messaging.Telegram, "bell", "bell-chat", "42", "yes", "/start "+token)
		require.Equal(t, []messaging.Channel{messaging.Telegram}, w.near(lena.ID, ""))
		got := w.net.parcels()
		require.Contains(t, got[len(got)-1].Text, "Lotus", "the chat says what will come")
		require.Equal(t, "42", got[len(got)-1].To)
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			all, err := w.people.Ledger(tx, "42")
			require.Len(t, all, 1)
			require.Equal(t, []any{lena.ID, customer.Telegram, customer.OrderNews, customer.Grant}, []any{all[0].Customer, all[0].Channel, all[0].Class, all[0].Action})
			require.Contains(t, all[0].Text, "Telegram")
			return err
		})

		w.heard(messaging.Telegram, "bell", "bell-chat", "42", "stop", "/stop")
		require.Empty(t, w.near(lena.ID, ""))
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			silent, err := w.people.Suppressed(tx, anna)
			require.Equal(t, customer.ReasonStop, silent.Reason, "the phone is silent too")
			return err
		})

		w.heard(messaging.Telegram, "bell", "bell-chat", "42", "yes2", "/start "+token)
		require.Len(t, w.near(lena.ID, ""), 1)
		w.net.answer = func(int, messaging.Parcel) error {
			return &messaging.Refusal{Trouble: messaging.OptedOut, Code: "403", Err: errors.New("bot was blocked by the user")}
		}
		m := confirm(anna, "de", "de")
		m.Customer, m.Channel, m.To, m.Country = lena.ID, messaging.Telegram, "42", market.Country("DE")
		w.send(m)
		w.drain()
		require.Empty(t, w.near(lena.ID, ""), "who blocks the bot is gone")

		w.net.answer = nil
		w.d.Clock().Advance(8 * 24 * time.Hour)
		w.heard(messaging.Telegram, "bell", "bell-chat", "43", "late", "/start "+token)
		require.Empty(t, w.near(lena.ID, ""), "an old link opens nothing")
	})
}
