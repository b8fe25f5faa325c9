package app_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/payment/fakepsp"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// The promise of the shop: a shopper in Germany pays, and within three seconds the confirmation is on their phone,
// in German, with the number of the order.
func TestAGermanShopperIsToldWithinThreeSeconds(t *testing.T) {
	for name, url := range apptest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Open(t, url(t), db.Fast(apptest.Start, 1))
			v := s.Visitor()
			v.Quote(apptest.Anna)
			pressed := s.DB.Clock().Now()
			paid := v.Pay("de-de", "card", apptest.Card)
			text := s.Texts(apptest.Anna.Phone, 1)[0]
			took := s.DB.Clock().Now().Sub(pressed)
			t.Logf("from the button to the phone: %s", took.Round(100*time.Microsecond))
			require.Less(t, took, 3*time.Second)

			o := orderOf(t, s, strings.TrimPrefix(paid.To(), "/de-de/orders/"))
			require.Equal(t, order.Paid, o.State)
			require.Regexp(t, `^F-\d{8}-0001$`, o.Number)
			require.Regexp(t, `^Miana: danke Anna, Bestellung `+o.Number+` ist bezahlt: .+\. Lieferung .+\. Fragen\? Antwort INFO\.$`, text.Text)
			require.Equal(t, "4915112345600", strings.TrimPrefix(text.From, "+"))
			require.False(t, text.OneWay)

			done := v.Get(paid.To())
			require.Equal(t, http.StatusOK, done.Status)
			require.Contains(t, done.Text(), o.Number)

			m := delivered(t, s, o, messaging.SMS)
			require.Equal(t, text.Text, m.Body)
			require.Len(t, m.Attempts, 1)
			require.NotEmpty(t, m.Receipts, "the network's receipt is kept")
			require.Positive(t, m.Latency())
			require.Less(t, m.Latency(), 3*time.Second)
			require.Positive(t, m.Cost.Micros)

			mail := s.Mailed(apptest.Anna.Email, 1)[0]
			require.Equal(t, "Miana: Ihre Bestellung "+o.Number+" ist bezahlt", mail.Subject)
			require.Contains(t, mail.Text, "Gesamt")
			s.Until("the mail is noted", func() bool {
				all := written(t, s, o.ID)
				return len(all) == 2 && slices.ContainsFunc(all, func(m messaging.Record) bool { return m.Channel == messaging.Email && m.State == messaging.Sent })
			})
			s.Idle()
			require.Subset(t, topics(t, s, string(o.ID)), []string{"order.placed", "order.paid", "payment.captured", "messaging.sent", "messaging.delivered"})
		})
	}
}

func TestWebhooksAgainAndOutOfOrderChangeNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		s.TestPSP.Set(fakepsp.Knobs{Duplicates: 1, Reorder: 5 * time.Second})
		v := s.Visitor()
		id := v.Buy(apptest.Anna)
		delivered(t, s, orderOf(t, s, id), messaging.SMS)
		s.Pass(time.Minute)
		hooks := s.Hooks()
		require.GreaterOrEqual(t, len(hooks), 2, "each was sent twice")
		before := topics(t, s, id)
		for i := range hooks {
			h := hooks[len(hooks)-1-i]
			for _, tt := range []struct {
				name string
				body []byte
				ok   bool
			}{{"again", h.Body, true}, {"tampered", bytes.Replace(h.Body, []byte(`"amount":`), []byte(`"amount":1`), 1), false}} {
				r := v.Request(http.MethodPost, h.Path, "", bytes.NewReader(tt.body))
				r.Header = h.Header.Clone()
				require.Equal(t, tt.ok, v.Do(r).Status/100 == 2, tt.name)
			}
		}
		s.Pass(10 * time.Minute)
		require.Equal(t, before, topics(t, s, id))
		require.Len(t, written(t, s, order.ID(id)), 2, "one text and one mail")
		require.Len(t, s.Received(apptest.Anna.Phone), 1)
		require.Len(t, s.Mails.List(apptest.Anna.Email), 1)
		require.Len(t, orders(t, s), 1)
	})
}

// What reached the handset, by the table of markets in the decisions.
func TestEachMarketIsToldByItsOwnRules(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		nour := apptest.Anna
		nour.Place, nour.Given, nour.Email, nour.Phone = "ar-de", "نور", "nour@example.org", "+4917604069055"
		for _, tt := range []struct {
			person apptest.Person
			kind   messaging.Kind
			from   string
			oneWay bool
			text   string // expression for the whole
		}{
			{apptest.Harper, messaging.TenDLC, "12125550100", false, `^Miana: thank you Harper, order F-\S+ is paid: .+ Questions\? Reply INFO\.$`},
			{apptest.Anna, messaging.LongNumber, "4915112345600", false, `^Miana: danke Anna, Bestellung F-\S+ ist bezahlt: .+ Fragen\? Antwort INFO\.$`},
			{nour, messaging.LongNumber, "4915112345600", false, `^Miana: شكرًا نور، تم دفع الطلب F-\S+: .+ أسئلة؟ أرسل INFO\.$`},
			{apptest.Imogen, messaging.LongNumber, "447700900100", false, `^Miana: thank you Imogen, order F-\S+ is paid: .+ Questions\? Reply INFO\.$`},
			{apptest.Ayu, messaging.Alpha, "MIANA", true, `^Miana: terima kasih Ayu, pesanan F-\S+ sudah dibayar: .+ Tanya\? ` + regexp.QuoteMeta(s.URL) + `/r/\w{12}$`},
			{apptest.Aisyah, messaging.Overwritten, "62003", true, `^RM0 \[Miana\] terima kasih Aisyah, pesanan F-\S+ telah dibayar: .+`},
		} {
			id := s.Visitor().Buy(tt.person)
			got := s.Texts(tt.person.Phone, 1)[0]
			require.Regexp(t, tt.text, got.Text)
			require.Equal(t, tt.from, strings.TrimPrefix(got.From, "+"), tt.person.Place)
			require.Equal(t, tt.oneWay, got.OneWay, tt.person.Place)
			m := delivered(t, s, orderOf(t, s, id), messaging.SMS)
			require.Equal(t, tt.kind, m.SenderKind, tt.person.Place)
			if tt.person.Country == "MY" {
				require.NotRegexp(t, `(?i)http|/r/|www|INFO`, got.Text, "no link, and nothing to answer to")
				require.LessOrEqual(t, got.Parts, 2)
			}
			mail := s.Mailed(tt.person.Email, 1)[0]
			require.Contains(t, mail.Text, s.URL+"/"+tt.person.Place+"/orders/"+id)
		}
	})
}

// What phones in Indonesia can't answer has a page to answer on.
func TestReplyPage(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		ayu := apptest.Ayu
		ayu.Consents = []string{"email"}
		s.Visitor().Buy(ayu)
		link := regexp.MustCompile(`/r/\w{12}$`).FindString(s.Texts(ayu.Phone, 1)[0].Text)
		v := s.Visitor()
		p := v.Get(link)
		require.Equal(t, http.StatusOK, p.Status)
		require.Contains(t, p.Body[:200], `<html lang="id"`)
		answer := func(text string) apptest.Page { return v.Post(link, map[string][]string{"text": {text}}) }

		require.Equal(t, http.StatusOK, answer("Bisa ganti ukuran <b>M</b>?").Status)
		open := inbox(t, s)
		require.Len(t, open, 1)
		require.Equal(t, "Bisa ganti ukuran <b>M</b>?", open[0].Text)
		require.Equal(t, "id", open[0].Lang)
		require.NotEmpty(t, open[0].Order)

		require.True(t, allowed(t, s, ayu.Email, "email"))
		require.Equal(t, http.StatusOK, answer("berhenti").Status)
		require.False(t, allowed(t, s, ayu.Email, "email"), "whoever stops here stops everywhere")
		require.Equal(t, http.StatusNotFound, v.Get("/r/xxxxxxxxxxxx").Status)
		s.Idle()
	})
}

func orderOf(t *testing.T, s *apptest.Shop, id string) (o order.Order) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		o, err = s.Orders.Get(tx, order.ID(id))
		return err
	})
	return o
}

func orders(t *testing.T, s *apptest.Shop) (all []order.Order) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		all, _, err = s.Orders.List(tx, order.Filter{}, order.Page{Limit: 200})
		return err
	})
	return all
}

// written are the messages about an order, oldest first.
func written(t *testing.T, s *apptest.Shop, id order.ID) (all []messaging.Record) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		all, err = s.Messages.ByOrder(tx, string(id))
		return err
	})
	return all
}

// delivered waits until the message about an order on a channel has arrived, and returns all about it.
func delivered(t *testing.T, s *apptest.Shop, o order.Order, ch messaging.Channel) (d messaging.Detail) {
	t.Helper()
	s.Until("delivered", func() bool {
		if s.DB.Clock().Speed() == 0 {
			s.DB.Clock().Advance(time.Second) // a receipt that came too soon is looked at again a moment later
		}
		for _, m := range written(t, s, o.ID) {
			if m.Channel == ch && m.State == messaging.Delivered {
				s.Read(func(tx *db.Tx) (err error) {
					d, err = s.Messages.Inspect(tx, m.ID)
					return err
				})
				return true
			}
		}
		return false
	})
	return d
}

func topics(t *testing.T, s *apptest.Shop, subject string) (all []string) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		journal, err := s.Bus.Journal(tx, events.Filter{Subject: subject, Oldest: true, Limit: 200})
		for _, e := range journal {
			all = append(all, e.Topic)
		}
		if err != nil {
			return err
		}
		news, err := s.Messages.News(tx, messaging.Filter{Order: subject})
		for _, e := range news {
			all = append(all, e.Topic())
		}
		return err
	})
	return all
}

func inbox(t *testing.T, s *apptest.Shop) (open []messaging.Inbound) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		open, err = s.Messages.Inbox(tx, messaging.InboxFilter{Open: true}, messaging.Page{})
		return err
	})
	return open
}

// A payment of which the provider tells five times, one after the other and five times at once, is confirmed once.
func TestAPaymentToldFiveTimes(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		s.TestPSP.Set(fakepsp.Knobs{Duplicates: 1, Reorder: 5 * time.Second})
		v := s.Visitor()
		v.Quote(apptest.Anna)
		require.True(t, strings.HasSuffix(v.Pay("de-de", "card", lateCard).To(), "waiting"))
		s.Pass(5 * time.Minute)
		s.Until("the order is paid", func() bool { s.Pass(time.Minute); return len(s.Received(apptest.Anna.Phone)) > 0 })
		hooks := s.Hooks()
		require.GreaterOrEqual(t, len(hooks), 2)
		var all sync.WaitGroup
		codes := make([]int, 5*len(hooks))
		for i, h := range hooks {
			for n := range 5 {
				all.Go(func() {
					r := v.Request(http.MethodPost, h.Path, "", bytes.NewReader(h.Body))
					r.Header = h.Header.Clone()
					codes[5*i+n] = s.Visitor().Do(r).Status
				})
			}
		}
		all.Wait()
		for _, c := range codes {
			require.Equal(t, 2, c/100)
		}
		s.Pass(30 * time.Minute)
		require.Len(t, orders(t, s), 1)
		require.Len(t, written(t, s, orders(t, s)[0].ID), 2, "one text and one mail")
		require.Len(t, s.Received(apptest.Anna.Phone), 1)
		require.Len(t, s.Mails.List(apptest.Anna.Email), 1)
	})
}
