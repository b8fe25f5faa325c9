package messaging_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// Consent and channel of a recovery in the five markets, as decisions.md has them.
func TestConsentMatrix(t *testing.T) {
	const mailTo = "anna@example.org"
	type world_ = struct {
		m     market.Code
		phone string
	}
	de, gb, us, id, my := world_{"de", anna}, world_{"gb", kate}, world_{"us", jane}, world_{"id", budi}, world_{"my", siti}
	for _, tt := range []struct {
		name           string
		in             world_
		sms, email     bool // agreed
		confirmed      bool
		mailFirst      bool
		channel        messaging.Channel // empty: not sent
		state          messaging.State
		reason         string
		textHas        string
		textHasNot     string
		senderIsOneWay bool
	}{
		{name: "US without consent", in: us, reason: "no_consent"},
		{name: "US by SMS", in: us, sms: true, channel: messaging.SMS, state: messaging.Held, reason: "quiet_hours", textHas: "Opt out: STOP"},
		{name: "US by e-mail", in: us, email: true, channel: messaging.Email, state: messaging.Queued},
		{name: "DE without consent", in: de, reason: "no_consent"},
		{name: "DE asked, not confirmed", in: de, sms: true, email: true, reason: "consent_unconfirmed"},
		{name: "DE confirmed", in: de, sms: true, confirmed: true, channel: messaging.SMS, state: messaging.Queued, textHas: "Abmelden: STOP"},
		{name: "DE by e-mail, confirmed", in: de, email: true, confirmed: true, channel: messaging.Email, state: messaging.Queued},
		{name: "GB without consent", in: gb, reason: "no_consent"},
		{name: "GB by SMS", in: gb, sms: true, channel: messaging.SMS, state: messaging.Queued, textHas: "Opt out: STOP"},
		{name: "ID by SMS has a link to opt out", in: id, sms: true, channel: messaging.SMS, state: messaging.Queued, textHas: "Berhenti: https://lotus.example/u/", textHasNot: "STOP"},
		{name: "ID by e-mail first", in: id, sms: true, email: true, mailFirst: true, channel: messaging.Email, state: messaging.Queued},
		{name: "MY agreed to SMS only: no links there", in: my, sms: true, reason: "link_not_allowed"},
		{name: "MY agreed to both: e-mail", in: my, sms: true, email: true, channel: messaging.Email, state: messaging.Queued},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				d.Clock().Advance(-3 * time.Hour) // 09:00 UTC: day in Europe and Asia, night in America
				w := newWorld(t, d)
				double := tt.in.m == "de"
				for address, ch := range map[string]customer.Channel{tt.in.phone: customer.SMS, mailTo: customer.Mail} {
					if ch == customer.SMS && !tt.sms || ch == customer.Mail && !tt.email {
						continue
					}
					c := w.agree(address, ch, double)
					if tt.confirmed {
						dbtest.Write(t, d, func(tx *db.Tx) error { _, err := w.people.Confirm(tx, c.ConfirmToken(), ""); return err })
					}
				}
				lang := map[market.Code]string{"us": "en", "de": "de", "gb": "en", "id": "id", "my": "ms"}[tt.in.m]
				m := cart(tt.in.phone, tt.in.m, lang)
				m.Region = map[market.Code]string{"us": "NY", "id": "JK"}[tt.in.m]
				m.Else = []messaging.Reach{{Channel: messaging.Email, To: mailTo}}
				if tt.mailFirst {
					m.Else = []messaging.Reach{{Channel: messaging.SMS, To: m.To}}
					m.Channel, m.To = messaging.Email, mailTo
				}
				r := w.send(m)
				if tt.channel == "" {
					require.Equal(t, messaging.Dropped, r.State)
					require.Equal(t, tt.reason, r.Reason)
					return
				}
				require.Equal(t, tt.state, r.State, "%+v", r.Gate)
				require.Equal(t, tt.channel, r.Channel)
				require.Equal(t, tt.reason, r.Reason)
				require.Contains(t, r.Body, tt.textHas)
				require.Contains(t, r.Body, "https://lotus.example/l/"+r.LinkCode("link"))
				if tt.textHasNot != "" {
					require.NotContains(t, r.Body, tt.textHasNot)
				}
			})
		})
	}
}

func TestHeldUntilMorning(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		d.Clock().Advance(9 * time.Hour) // 22:00 in Berlin
		w := newWorld(t, d)
		w.agree(kate, customer.SMS, false)
		m := cart(kate, "gb", "en")
		m.NotAfter = d.Clock().Now().Add(48 * time.Hour)
		r := w.send(m)
		require.Equal(t, messaging.Held, r.State)
		require.Equal(t, time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), r.HeldUntil)
		d.Clock().Advance(11 * time.Hour)
		w.drain()
		require.Empty(t, w.net.parcels())
		d.Clock().Advance(2 * time.Hour)
		w.drain()
		require.Len(t, w.net.parcels(), 1)
		require.Equal(t, messaging.Sent, w.get(r.ID).State)
		require.GreaterOrEqual(t, len(w.get(r.ID).Decisions), 2)

		second := cart(kate, "gb", "en")
		second.Key, second.Cart = "another", "crt_2"
		r = w.send(second)
		require.Equal(t, messaging.Held, r.State)
		require.Equal(t, "cap", r.Reason)
	})
}

func TestStopWhileMessagesWait(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.people.Upsert(tx, customer.Customer{Phone: kate, Email: "kate@example.org", Country: "GB", Lang: "en"})
			return err
		})
		w.agree(kate, customer.SMS, false)
		w.agree("kate@example.org", customer.Mail, false)
		first := w.send(cart(kate, "gb", "en"))
		mail := cart("kate@example.org", "gb", "en")
		mail.Channel = messaging.Email
		second := w.send(mail)
		w.send(confirm(kate, "gb", "en"))
		got := w.hear(kate, "Stop!")
		require.Equal(t, messaging.IntentStop, got.Inbound.Intent)
		require.Equal(t, "Lotus: you will get no more offers from us. Reply START to change that.", got.Answer)
		require.Empty(t, w.hear(kate, "STOP").Answer, "one confirmation")
		w.drain()
		for _, r := range []messaging.Record{first, second} {
			require.Equal(t, messaging.Dropped, w.get(r.ID).State)
			require.Equal(t, "opted_out", w.get(r.ID).Reason)
		}
		require.Len(t, w.net.parcels(), 2, "the order's message and the confirmation of STOP")
		require.Empty(t, w.mail.parcels())

		again := cart(kate, "gb", "en")
		again.Key, again.Cart = "later", "crt_2"
		require.Equal(t, messaging.Dropped, w.send(again).State)

		back := w.hear(kate, "yes")
		require.Equal(t, messaging.IntentStart, back.Inbound.Intent)
		require.Contains(t, back.Answer, "welcome back")
		again.Key = "after start"
		require.Equal(t, messaging.Queued, w.send(again).State)
	})
}

func TestReplies(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.messages.Info(func(_ *db.Tx, about messaging.Record, lang string) (map[string]string, error) {
			if about.Order != "ord_1" {
				return nil, nil
			}
			return map[string]string{"order": "F-1", "state": "bezahlt", "from": "2. Dez.", "to": "5. Dez.", "link": "https://lotus.example/o/1"}, nil
		})
		require.Equal(t, "Lotus: Nachrichten zu Ihren Bestellungen. Hilfe: help@shop.example. Abmelden: STOP", w.hear(anna, "Info").Answer, "nothing to tell about")
		r := w.send(confirm(anna, "de", "de"))
		w.drain()
		got := w.hear(anna, "INFO")
		require.Equal(t, "Lotus: Bestellung F-1: bezahlt. Erwartet 2. Dez.-5. Dez. https://lotus.example/o/1", got.Answer)
		require.Equal(t, r.ID, got.Inbound.Message)
		require.Equal(t, "ord_1", got.Inbound.Order)
		require.False(t, w.hear(anna, "INFO").Fresh, "the network delivered it twice")
		d.Clock().Advance(2 * time.Minute)
		require.True(t, w.hear(anna, "INFO").Fresh)

		open := w.hear(anna, "Kann ich das Kleid in Blau haben?")
		require.True(t, open.Inbound.Open)
		require.Equal(t, "Lotus: danke für Ihre Nachricht. Wir antworten Ihnen bald.", open.Answer)
		require.Empty(t, w.hear(anna, "Hallo?").Answer, "thanked once a day")
		dbtest.Read(t, d, func(tx *db.Tx) error {
			asked, err := w.messages.Inbox(tx, messaging.InboxFilter{Open: true}, messaging.Page{})
			require.NoError(t, err)
			require.Len(t, asked, 2)
			turns, err := w.messages.Turns(tx, []string{anna, kate}, time.Time{}, 100)
			require.NoError(t, err)
			require.Greater(t, len(turns), 6)
			last, err := w.messages.Turns(tx, []string{anna}, turns[len(turns)-1].At, 2)
			require.Len(t, last, 2)
			require.True(t, last[1].At.Before(turns[len(turns)-1].At))
			return err
		})
	})
}

func TestPagesOfOneWayMarkets(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(budi, customer.SMS, false)
		r := w.send(confirm(budi, "id", "id"))
		w.drain()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.messages.ByReplyToken(tx, "nonsense")
			require.ErrorIs(t, err, messaging.ErrBadToken)
			about, err := w.messages.ByReplyToken(tx, r.Token)
			require.NoError(t, err)
			require.Equal(t, r.ID, about.ID)
			_, err = w.messages.ReplyByPage(tx, r.Token, "")
			require.ErrorIs(t, err, messaging.ErrBadReply)
			got, err := w.messages.ReplyByPage(tx, r.Token, "Bisa tukar ukuran?")
			require.NoError(t, err)
			require.True(t, got.Inbound.Open)
			require.Equal(t, "Lotus: terima kasih atas pesan Anda. Tim kami akan membalas.", got.Answer)
			_, _, err = w.messages.Follow(tx, r.LinkCode("link"), true)
			require.ErrorIs(t, err, messaging.ErrBadToken, "this message has no link of its own")
			return nil
		})
		c := cart(budi, "id", "id")
		c.Region = "JK"
		offer := w.send(c)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			to, about, err := w.messages.Follow(tx, offer.LinkCode("link"), true)
			require.NoError(t, err)
			require.Equal(t, c.Link, to)
			require.Equal(t, offer.ID, about.ID)
			_, err = w.messages.Leave(tx, offer.Token)
			require.NoError(t, err)
			_, err = w.messages.Leave(tx, offer.Token)
			require.NoError(t, err, "one click, again")
			return nil
		})
		one := w.get(offer.ID)
		require.Equal(t, int64(1), one.Clicks)
		require.Equal(t, messaging.Dropped, one.State)
		d.Clock().Advance(91 * 24 * time.Hour)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.messages.ByReplyToken(tx, r.Token)
			require.ErrorIs(t, err, messaging.ErrOldToken)
			_, err = w.messages.Leave(tx, r.Token)
			return err
		})
	})
}

func TestGuardIsAskedAtTheLastMoment(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		reason := ""
		w.messages.Guard("recover", func(*db.Tx, messaging.Record) (string, error) { return reason, nil })
		w.agree(kate, customer.SMS, false)
		m := cart(kate, "gb", "en")
		m.Guard = "recover"
		r := w.send(m)
		require.Equal(t, messaging.Queued, r.State)
		reason = "paid_meanwhile"
		w.drain()
		require.Empty(t, w.net.parcels())
		one := w.get(r.ID)
		require.Equal(t, messaging.Dropped, one.State)
		require.Equal(t, "guard", one.Reason)
		require.Contains(t, one.Gate.Reasons, messaging.Reason{Code: "guard", Detail: "paid_meanwhile"})
	})
}

// Where a question about an order counts as advertising, it is one of the four offers of thirty days.
func TestQuestionsThatAdvertiseCountAsOffers(t *testing.T) {
	for _, to := range []struct {
		market  market.Code
		country market.Country
		verdict messaging.State
	}{{"gb", "GB", messaging.Held}, {"us", "US", messaging.Sent}} {
		dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
			w := newWorld(t, d)
			w.agree("kate@example.org", customer.Mail, false)
			var first time.Time
			for i := range 4 {
				r := w.send(messaging.Message{Key: fmt.Sprint("survey ", i), Market: to.market, Country: to.country, Lang: "en", Channel: messaging.Email, To: "kate@example.org",
					Class: messaging.Survey, Template: "survey", Order: fmt.Sprint("ord_", i), Vars: map[string]string{"order": "F-1"}})
				w.drain()
				require.Equal(t, messaging.Sent, w.get(r.ID).State, "%+v", r.Gate)
				if i == 0 {
					first = d.Clock().Now()
				}
				d.Clock().Advance(49 * time.Hour)
			}
			m := cart("kate@example.org", to.market, "en")
			m.Country, m.Channel = to.country, messaging.Email
			r := w.send(m)
			w.drain()
			require.Equal(t, to.verdict, w.get(r.ID).State, "%s: %+v", to.country, r.Gate)
			if to.verdict == messaging.Held {
				require.Equal(t, "cap", r.Reason)
				require.Equal(t, first.Add(30*24*time.Hour), r.HeldUntil)
			}
		})
	}
}
