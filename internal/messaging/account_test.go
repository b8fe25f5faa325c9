package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/settings"
	"portolan/internal/vault"
)

// pigeon is a provider that keeps what it is given.
type pigeon struct {
	messaging.ProviderAccount
	net *network
}

func (p *pigeon) Send(ctx context.Context, x messaging.Parcel) (messaging.Taken, error) {
	return p.net.Send(ctx, x)
}
func (*pigeon) Capabilities(market.Country) (c messaging.Capabilities) { return c }
func (*pigeon) Webhook(messaging.Delivery) (messaging.Heard, error) {
	return messaging.Heard{}, messaging.ErrForged
}

func pigeons(net *network, opened *[]messaging.ProviderAccount) messaging.Provider {
	return messaging.Provider{Name: "pigeon", Title: "Pigeon", Channels: []messaging.Channel{messaging.SMS}, Kinds: []messaging.Kind{messaging.LongNumber, messaging.Alpha},
		Base: "https://pigeon.example",
		Fields: []messaging.Field{{Name: "loft"}, {Name: "key", Secret: true}, {Name: "speed", Optional: true, OneOf: []string{"slow", "fast"}},
			{Name: "hook", Secret: true, Made: func() string { return "made up" }}},
		Open: func(a messaging.ProviderAccount, _ messaging.Tools) (messaging.Line, error) {
			*opened = append(*opened, a)
			return &pigeon{a, net}, nil
		}}
}

func loft(id string) messaging.ProviderAccount {
	return messaging.ProviderAccount{ID: id, Provider: "pigeon", Channel: messaging.SMS, Sender: "+33612345678", Kind: messaging.LongNumber,
		Countries: []market.Country{"FR"}, Enabled: true, Price: messaging.Cost{Micros: 41_500, Currency: "EUR"}, Values: map[string]string{"loft": "roof", "key": "hunter2"}}
}

func eachLoft(t *testing.T, f func(t *testing.T, w *world, opened *[]messaging.ProviderAccount)) {
	dbtest.Each(t, append([]db.Schema{settings.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		locks, err := vault.Read(vault.Fresh())
		require.NoError(t, err)
		opened := &[]messaging.ProviderAccount{}
		w.messages.Accounts(settings.Watch(d), settings.Bump, locks, pigeons(w.net, opened))
		f(t, w, opened)
	})
}

func (w *world) do(f func(tx *db.Tx) error) error { return w.d.Write(w.t.Context(), f) }

func TestAnAccountIsAWayOut(t *testing.T) {
	eachLoft(t, func(t *testing.T, w *world, opened *[]messaging.ProviderAccount) {
		luc := messaging.Message{Key: "a", To: "+33612345699", Channel: messaging.SMS, Lang: "en", Template: "help"}
		require.Equal(t, messaging.Dropped, w.send(luc).State, "there is no way to France yet")
		require.NoError(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("paris")) }))
		luc.Key = "b"
		r := w.send(luc)
		require.Equal(t, messaging.Queued, r.State)
		w.drain()
		one := w.get(r.ID)
		require.Equal(t, messaging.Sent, one.State)
		require.Equal(t, "paris", one.Attempts[0].Route)
		require.Equal(t, messaging.Cost{Micros: 41_500 * one.Parts, Currency: "EUR"}, one.Cost)
		require.Equal(t, "hunter2", (*opened)[len(*opened)-1].Values["key"])
		require.Equal(t, "https://pigeon.example", (*opened)[len(*opened)-1].Base)

		n := len(*opened)
		require.NoError(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("lyon")) }))
		luc.Key = "c"
		w.send(luc)
		w.drain()
		require.Len(t, *opened, n+1, "an account that did not change keeps its line")

		require.NoError(t, w.do(func(tx *db.Tx) error {
			return errors.Join(w.messages.EnableAccount(tx, "paris", false), w.messages.EnableAccount(tx, "lyon", false))
		}))
		luc.Key = "d"
		require.Equal(t, messaging.Dropped, w.send(luc).State)

		var test messaging.Record
		require.NoError(t, w.do(func(tx *db.Tx) (err error) {
			test, err = w.messages.TestAccount(tx, "paris", "+33612345699", "Hello from the console", "en")
			return err
		}))
		w.drain()
		require.Equal(t, messaging.Sent, w.get(test.ID).State, "a test goes by an account that is not in use")
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			a, err := w.messages.GetAccount(tx, "paris")
			require.Equal(t, test.ID, a.Tested)
			all, err2 := w.messages.Standings(tx)
			require.Equal(t, int64(2), all["paris"].Answers, "the other text went by lyon")
			require.Zero(t, all["paris"].Failures)
			return errors.Join(err, err2)
		})
	})
}

func TestSecretsStaySecret(t *testing.T) {
	eachLoft(t, func(t *testing.T, w *world, opened *[]messaging.ProviderAccount) {
		require.NoError(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("paris")) }))
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			rows, err := db.All(tx, func(r db.Row) (s string, err error) {
				var plain, locked string
				err = r.Scan(&plain, &locked)
				return plain + locked, err
			}, `select plain, locked from message_accounts`)
			require.NotContains(t, rows[0], "hunter2")
			a, err2 := w.messages.GetAccount(tx, "paris")
			require.NotContains(t, fmt.Sprintf("%+v", a), "hunter2")
			require.Equal(t, []string{"hook", "key"}, a.Set)
			require.Equal(t, "roof", a.Values["loft"])
			require.Empty(t, a.Broken)
			return errors.Join(err, err2)
		})
		change := loft("paris")
		change.Values = map[string]string{"loft": "cellar", "speed": "fast"}
		require.NoError(t, w.do(func(tx *db.Tx) error { return w.messages.ChangeAccount(tx, change) }))
		_, err := w.messages.Line("paris")
		require.NoError(t, err)
		last := (*opened)[len(*opened)-1]
		require.Equal(t, map[string]string{"loft": "cellar", "speed": "fast", "key": "hunter2", "hook": "made up"}, last.Values, "what is left empty stays")

		other, err := vault.Read(vault.Fresh())
		require.NoError(t, err)
		w.messages.Accounts(settings.Watch(w.d), settings.Bump, other, pigeons(w.net, opened))
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			a, err := w.messages.GetAccount(tx, "paris")
			require.Equal(t, "vault.locked", a.Broken)
			return err
		})
		_, err = w.messages.Line("paris")
		require.ErrorIs(t, err, vault.ErrLocked)
		w.messages.Accounts(settings.Watch(w.d), settings.Bump, nil, pigeons(w.net, opened))
		require.ErrorIs(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("lyon")) }), vault.ErrNoKey)
	})
}

func TestAccountsThatCanNotBe(t *testing.T) {
	eachLoft(t, func(t *testing.T, w *world, _ *[]messaging.ProviderAccount) {
		require.NoError(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("paris")) }))
		require.ErrorIs(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("paris")) }), messaging.ErrAccountTaken)
		require.ErrorIs(t, w.do(func(tx *db.Tx) error { return w.messages.ChangeAccount(tx, loft("nice")) }), messaging.ErrUnknownAccount)
		require.ErrorIs(t, w.do(func(tx *db.Tx) error { return w.messages.EnableAccount(tx, "nice", true) }), messaging.ErrUnknownAccount)
		for field, bend := range map[string]func(a *messaging.ProviderAccount){
			"id":        func(a *messaging.ProviderAccount) { a.ID = "Paris!" },
			"provider":  func(a *messaging.ProviderAccount) { a.Provider = "owl" },
			"channel":   func(a *messaging.ProviderAccount) { a.Channel = messaging.WhatsApp },
			"kind":      func(a *messaging.ProviderAccount) { a.Kind = messaging.ShortCode },
			"base":      func(a *messaging.ProviderAccount) { a.Base = "http://pigeon.example" },
			"countries": func(a *messaging.ProviderAccount) { a.Countries = []market.Country{"fr"} },
			"classes":   func(a *messaging.ProviderAccount) { a.Classes = []messaging.Class{"gossip"} },
			"sender":    func(a *messaging.ProviderAccount) { a.Sender = "12" },
			"currency":  func(a *messaging.ProviderAccount) { a.Price.Currency = "" },
			"price":     func(a *messaging.ProviderAccount) { a.Price.Micros = -1 },
			"loft":      func(a *messaging.ProviderAccount) { delete(a.Values, "loft") },
			"key":       func(a *messaging.ProviderAccount) { a.Values["key"] = " " },
			"speed":     func(a *messaging.ProviderAccount) { a.Values["speed"] = "warp" },
			"wings":     func(a *messaging.ProviderAccount) { a.Values["wings"] = "2" },
		} {
			a := loft("lille")
			bend(&a)
			err := w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, a) })
			require.ErrorIs(t, err, messaging.ErrAccountForm, field)
			require.Contains(t, fault.Of(err).Fields, field)
			require.Len(t, fault.Of(err).Fields, 1, "%s: %v", field, err)
		}
		_, err := w.messages.Hook("pigeon", "nice", "/in/pigeon/nice", messaging.Delivery{})
		require.ErrorIs(t, err, messaging.ErrUnknownAccount)
		_, err = w.messages.Hook("owl", "paris", "/in/owl/paris", messaging.Delivery{})
		require.ErrorIs(t, err, messaging.ErrUnknownAccount)
	})
}

func TestStandingTellsWhatFailed(t *testing.T) {
	eachLoft(t, func(t *testing.T, w *world, _ *[]messaging.ProviderAccount) {
		require.NoError(t, w.do(func(tx *db.Tx) error { return w.messages.AddAccount(tx, loft("paris")) }))
		answers := []error{nil, &messaging.Refusal{Trouble: messaging.Account, Code: "402", Err: errors.New("no credit")}, errors.New("lost"), &messaging.Refusal{Trouble: messaging.BadNumber, Code: "1", Err: errors.New("nobody")}}
		w.net.answer = func(n int, _ messaging.Parcel) error { return answers[(n-1)%len(answers)] }
		for i := range 3 {
			w.send(messaging.Message{Key: fmt.Sprint(i), To: "+33612345699", Channel: messaging.SMS, Lang: "en", Template: "help"})
			if err := w.queue.Drain(t.Context()); err != nil {
				t.Log(err)
			}
		}
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			all, err := w.messages.Standings(tx)
			h := all["paris"]
			require.Equal(t, int64(2), h.InARow)
			require.Equal(t, int64(2), h.Failures)
			require.False(t, h.LastOK.IsZero())
			require.Equal(t, "lost", h.Detail)
			return err
		})
	})
}
