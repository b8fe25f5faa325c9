package messaging_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// 1,000 messages wait for one person on two channels; STOP comes; nothing of them is sent, whenever it was due.
func TestThousandWaitAndStop(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const mail = "kate@example.org"
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.people.Upsert(tx, customer.Customer{Phone: kate, Email: mail, Country: "GB", Lang: "en"})
			return err
		})
		w.agree(kate, customer.SMS, false)
		w.agree(mail, customer.Mail, false)
		var waiting []string
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for n := range 1000 {
				m := cart(kate, "gb", "en")
				if n%2 == 1 {
					m = cart(mail, "gb", "en")
					m.Channel = messaging.Email
				}
				m.Key = fmt.Sprint("waiting ", n)
				m.Cart = m.Key
				r, err := w.messages.Send(tx, m)
				require.NoError(t, err)
				require.Contains(t, []messaging.State{messaging.Queued, messaging.Held}, r.State)
				waiting = append(waiting, r.ID)
			}
			return nil
		})
		got := w.hear(kate, "please stop texting me")
		require.NotEmpty(t, got.Answer)
		for range 5 {
			w.drain()
			d.Clock().Advance(10 * 24 * time.Hour)
		}
		require.Len(t, w.net.parcels(), 1, "the confirmation")
		require.Equal(t, got.Answer, w.net.parcels()[0].Text)
		require.Empty(t, w.mail.parcels())
		for _, id := range waiting {
			one := w.get(id)
			require.Equal(t, messaging.Dropped, one.State)
			require.Empty(t, one.Attempts)
		}
		require.Empty(t, w.hear(kate, "STOP").Answer, "one confirmation, then nothing")
		require.Empty(t, w.hear(kate, "do you have it in blue?").Answer)
		w.drain()
		require.Len(t, w.net.parcels(), 1)
		require.NotEmpty(t, w.hear(kate, "HELP").Answer, "what is asked for is answered")
	})
}

// Whatever is said around a stop word that is a plea: nothing promotional is sent afterwards, on any channel.
func TestNothingAfterAnyPlea(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		pleas := []string{"stop", "unsubscribe", "take me off your list", "abmelden", "bitte keine Werbung mehr", "désabonnez-moi", "no más mensajes",
			"退订", "取消訂閱", "配信停止", "수신거부", "إلغاء الاشتراك", "berhenti", "jangan hantar mesej lagi", "หยุดส่งข้อความ"}
		around := rapid.SampledFrom([]string{"", " ", "!", "...", "\n", "👍", "\"", " - ", "\u200b", "¡"})
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			text := around.Draw(rt, "before") + rapid.SampledFrom(pleas).Draw(rt, "plea") + around.Draw(rt, "after")
			if rapid.Bool().Draw(rt, "shouted") {
				text = strings.ToUpper(text)
			}
			phone, mail := fmt.Sprintf("+44740%07d", 100_000+n), fmt.Sprintf("p%d@example.org", n)
			dbtest.Write(t, d, func(tx *db.Tx) error {
				_, err := w.people.Upsert(tx, customer.Customer{Phone: phone, Email: mail, Country: "GB", Lang: "en"})
				return err
			})
			w.agree(phone, customer.SMS, false)
			w.agree(mail, customer.Mail, false)
			if got := w.hear(phone, text); got.Inbound.Intent != messaging.IntentStop {
				rt.Fatalf("%q is %s", text, got.Inbound.Intent)
			}
			for _, ch := range []messaging.Channel{messaging.SMS, messaging.Email} {
				m := cart(phone, "gb", "en")
				m.Else = []messaging.Reach{{Channel: messaging.Email, To: mail}}
				if ch == messaging.Email {
					m = cart(mail, "gb", "en")
					m.Channel = ch
				}
				m.Key = fmt.Sprint(n, ch)
				if r := w.send(m); r.State != messaging.Dropped {
					rt.Fatalf("%s after %q", r.State, text)
				}
			}
		})
		w.drain()
		for _, p := range w.net.parcels() {
			require.Equal(t, messaging.Reply, p.Class)
		}
		require.Empty(t, w.mail.parcels())
	})
}

// The confirmation of a STOP goes within five minutes or not at all.
func TestConfirmationInTime(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(kate, customer.SMS, false)
		require.NotEmpty(t, w.hear(kate, "stop").Answer)
		d.Clock().Advance(6 * time.Minute)
		w.drain()
		require.Empty(t, w.net.parcels())
	})
}

// Who writes CANCEL about an order is told where orders are cancelled, in the one confirmation.
func TestCancelMayMeanTheOrder(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.send(confirm(jane, "us", "en"))
		w.drain()
		require.Contains(t, w.hear(jane, "CANCEL").Answer, "Did you mean your order? Write to help@shop.example.")
		w.send(confirm(kate, "gb", "en"))
		w.drain()
		require.NotContains(t, w.hear(kate, "STOP").Answer, "your order?")
	})
}

func TestHintAndTicket(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(kate, customer.SMS, false)
		got := w.hear(kate, "please don't stop the delivery, I am at home")
		require.Equal(t, messaging.IntentOther, got.Inbound.Intent)
		require.True(t, got.Inbound.Open)
		require.Contains(t, got.Answer, "reply just STOP")
		require.Empty(t, w.hear(kate, "and please don't stop it tomorrow").Answer, "once a day")
		got = w.hear(kate, "my parcel is late again, nobody answers the phone, and by the way stop texting me")
		require.Equal(t, messaging.IntentStop, got.Inbound.Intent)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			in, err := w.messages.GetInbound(tx, got.Inbound.ID)
			require.True(t, in.Open, "a person reads the rest")
			return err
		})
	})
}

// Order messages after STOP: by SMS where the market lets them, else by e-mail.
func TestOrderMessagesAfterStop(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := 0
		order := func(to, lang string) messaging.Record {
			n++
			m := confirm(to, map[string]market.Code{jane: "us", kate: "gb"}[to], lang)
			m.Key, m.Else = fmt.Sprint("after ", n), []messaging.Reach{{Channel: messaging.Email, To: "x@example.org"}}
			return w.send(m)
		}
		for _, to := range []string{jane, kate} {
			w.hear(to, "STOP")
		}
		require.Equal(t, messaging.Email, order(jane, "en").Channel, "US: off")
		require.Equal(t, messaging.SMS, order(kate, "en").Channel)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			require.NoError(t, w.people.SetMarketRules(tx, "us", customer.Rules{AfterStop: "send", KeepDays: 90}, "mei"))
			return w.people.SetMarketRules(tx, "gb", customer.Rules{AfterStop: "mute", KeepDays: 90}, "mei")
		})
		require.Equal(t, messaging.SMS, order(jane, "en").Channel)
		require.Equal(t, messaging.Email, order(kate, "en").Channel)
	})
}

// providerList is a provider's list that remembers what it was told.
type providerList struct {
	changes []messaging.OptOutChange
	told    []string
}

func (*providerList) Provider() string { return "sim" }

func (l *providerList) Changes(_ context.Context, since string) ([]messaging.OptOutChange, string, error) {
	if since != "" {
		return nil, since, nil
	}
	return l.changes, "1", nil
}

func (l *providerList) Block(_ context.Context, address string) error {
	l.told = append(l.told, "block "+address)
	return nil
}

func (l *providerList) Unblock(_ context.Context, address string) error {
	l.told = append(l.told, "unblock "+address)
	return nil
}

func TestProvidersLists(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		l := &providerList{changes: []messaging.OptOutChange{{Address: jane, Stopped: true, At: dbtest.Start.Add(time.Minute)}, {Address: anna, Stopped: true, At: dbtest.Start.Add(-time.Hour)}}}
		w.messages.OptOutLists(w.bus, l)
		silent := func(address string) (s customer.Suppression) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { s, err = w.people.Suppressed(tx, address); return err })
			return s
		}
		w.hear(anna, "stop")
		w.hear(anna, "start")
		w.drain()
		require.Contains(t, l.told, "unblock "+anna, "how things stand when the job runs")
		l.told = nil
		require.NoError(t, w.messages.Pull(t.Context(), "sim"))
		w.drain()
		require.Equal(t, "provider sim", silent(jane).Source)
		require.Empty(t, silent(anna).Reason, "she has said START since")
		require.Empty(t, l.told, "a provider isn't told what it told us")
		w.hear(kate, "stop")
		w.drain()
		require.Equal(t, []string{"block " + kate}, l.told)

		// A provider that has answered by itself isn't doubled.
		dbtest.Write(t, d, func(tx *db.Tx) error {
			got, err := w.messages.Receive(tx, messaging.Inbound{Provider: "sim", Ref: "1", Channel: messaging.SMS, From: budi, Text: "unsubs", OptOut: messaging.IntentStop})
			require.Equal(t, messaging.IntentStop, got.Inbound.Intent)
			require.Empty(t, got.Answer)
			return err
		})
		require.Equal(t, "stop", silent(budi).Reason)
	})
}

// Offers that waited for room on their route leave only if the gate still wants them: who said STOP meanwhile hears
// nothing more.
func TestStopWhileARouteHasNoRoom(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.messages.GateHolds(time.Millisecond)
		w.net.after = make(chan struct{})
		const people, room = 70, 64
		phone := func(n int) string { return fmt.Sprintf("+4474001234%02d", n) }
		for n := range people {
			w.agree(phone(n), customer.SMS, false)
		}
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for n := range people {
				m := cart(phone(n), "gb", "en")
				m.Key = fmt.Sprint("offer ", n)
				m.Cart = m.Key
				if _, err := w.messages.Send(tx, m); err != nil {
					return err
				}
			}
			return nil
		})
		done := make(chan error)
		go func() { done <- w.queue.Drain(context.Background()) }()
		require.Eventually(t, func() bool { return len(w.net.parcels()) == room }, 20*time.Second, time.Millisecond)
		stopped := map[string]bool{}
		for n := range people {
			stopped[phone(n)] = true
		}
		for _, p := range w.net.parcels() {
			delete(stopped, p.To)
		}
		require.Len(t, stopped, people-room)
		for to := range stopped {
			dbtest.Write(t, d, func(tx *db.Tx) error { _, _, err := w.people.StopAll(tx, to, "sms"); return err })
		}
		close(w.net.after)
		require.NoError(t, <-done)
		w.drain()
		require.Len(t, w.net.parcels(), room, "nobody who said STOP is written to")
	})
}
