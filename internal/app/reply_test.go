package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/messaging"
)

// allowed reports whether offers may go to an address, as far as its owner's word goes.
func allowed(t *testing.T, s *apptest.Shop, address string, ch customer.Channel) (ok bool) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		state, err := s.Customers.Allowed(tx, address, ch, customer.Promotional)
		if err != nil {
			return err
		}
		silent, err := s.Customers.Suppressed(tx, address)
		ok = state.Granted && !state.Revoked && silent.Address == ""
		return err
	})
	return ok
}

// reply lets the owner of a phone answer the last text, and waits until the shop has dealt with it.
func reply(t *testing.T, s *apptest.Shop, phone, text string) {
	t.Helper()
	all := s.Received(phone)
	before := heard(t, s)
	_, err := s.Net.Reply(phone, all[len(all)-1].From, text)
	require.NoError(t, err)
	s.Until("the shop heard "+text, func() bool { return heard(t, s) > before })
	s.Idle()
}

func heard(t *testing.T, s *apptest.Shop) (n int) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		all, err := s.Messages.Inbox(tx, messaging.InboxFilter{}, messaging.Page{Limit: 200})
		n = len(all)
		return err
	})
	return n
}

func TestRepliesFromTheHandset(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		imogen := apptest.Imogen
		imogen.Consents = []string{"sms", "email"}
		number := orderOf(t, s, s.Visitor().Buy(imogen)).Number
		s.Texts(imogen.Phone, 1)
		require.True(t, allowed(t, s, imogen.Phone, customer.SMS))
		require.True(t, allowed(t, s, imogen.Email, customer.Mail))

		reply(t, s, imogen.Phone, " info ")
		require.Contains(t, s.Texts(imogen.Phone, 2)[1].Text, "Miana: order "+number+": paid, ")

		reply(t, s, imogen.Phone, "Stop!")
		require.Equal(t, "Miana: you will get no more offers from us. Reply START to change that.", s.Texts(imogen.Phone, 3)[2].Text)
		require.False(t, allowed(t, s, imogen.Phone, customer.SMS))
		require.False(t, allowed(t, s, imogen.Email, customer.Mail), "on every channel at once")
		reply(t, s, imogen.Phone, "STOP")
		s.Pass(time.Minute)
		require.Len(t, s.Received(imogen.Phone), 3, "said once")

		reply(t, s, imogen.Phone, "START")
		require.Contains(t, s.Texts(imogen.Phone, 4)[3].Text, "welcome back")
		require.True(t, allowed(t, s, imogen.Phone, customer.SMS))
		require.True(t, allowed(t, s, imogen.Email, customer.Mail))

		long := "Could you please send it to my sister <script>alert(1)</script>? " + strings.Repeat("She lives next door. ", 10)
		reply(t, s, imogen.Phone, long)
		require.Contains(t, s.Texts(imogen.Phone, 5)[4].Text, "thank you for your message")
		open := inbox(t, s)
		require.Len(t, open, 1)
		require.Equal(t, long, open[0].Text, "whole, whatever is in it")
		require.NotEmpty(t, open[0].Order)
	})
}

func TestInfoInTheLanguageOfTheConversation(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		nour := apptest.Anna
		nour.Place, nour.Given, nour.Email, nour.Phone = "ar-de", "Nour", "nour@example.org", "+4917604069055"
		for _, tt := range []struct {
			person apptest.Person
			text   string
		}{
			{apptest.Anna, "Miana: Bestellung %: bezahlt, "}, {nour, "Miana: الطلب %: "}, {apptest.Harper, "Miana: order %: paid, "},
		} {
			number := orderOf(t, s, s.Visitor().Buy(tt.person)).Number
			s.Texts(tt.person.Phone, 1)
			reply(t, s, tt.person.Phone, "INFO")
			got := s.Texts(tt.person.Phone, 2)[1]
			require.True(t, strings.HasPrefix(got.Text, strings.Replace(tt.text, "%", number, 1)), got.Text)
			require.Contains(t, got.Text, s.URL+"/"+tt.person.Place+"/orders/")
		}
	})
}

// Whoever asks for silence in a language of the markets has it at once, with one confirmation in that language.
func TestStopInEveryLanguage(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		place := func(p apptest.Person, place, phone string) apptest.Person {
			p.Place, p.Phone, p.Email = place, phone, strings.TrimPrefix(phone, "+")+"@example.org"
			return p
		}
		for i, tt := range []struct {
			person apptest.Person
			says   string
			answer string
		}{
			{place(apptest.Anna, "de-de", "+4917604069101"), "STOPP", "keine Angebote"},
			{place(apptest.Anna, "de-de", "+4917604069102"), "abmelden", "keine Angebote"},
			{place(apptest.Anna, "de-de", "+4917604069103"), "Bitte stoppen. Stop!", "keine Angebote"},
			{place(apptest.Anna, "ar-de", "+4917604069104"), "إيقاف", "لن تصلك"},
			{place(apptest.Harper, "en-us", "+12125550105"), "unsubscribe", "no more offers"},
			{place(apptest.Harper, "en-us", "+12125550106"), "End", "no more offers"},
			{place(apptest.Imogen, "en-gb", "+447700900107"), "S.T.O.P", "no more offers"},
		} {
			s.Visitor().Buy(tt.person)
			s.Texts(tt.person.Phone, 1)
			reply(t, s, tt.person.Phone, tt.says)
			require.Contains(t, s.Texts(tt.person.Phone, 2)[1].Text, tt.answer, tt.says)
			require.True(t, silent(t, s, tt.person.Phone) && silent(t, s, tt.person.Email), "%d %s", i, tt.says)
		}
		// Phones in Malaysia and Indonesia can't write to the sender; the word may come by another way.
		for _, tt := range []struct {
			person apptest.Person
			says   string
		}{{apptest.Aisyah, "BERHENTI"}, {apptest.Ayu, "berhenti"}} {
			s.Visitor().Buy(tt.person)
			s.Texts(tt.person.Phone, 1)
			s.Write(func(tx *db.Tx) error {
				r, err := s.Messages.Receive(tx, messaging.Inbound{Provider: "test", Channel: messaging.SMS, From: tt.person.Phone, To: "62003", Text: tt.says})
				require.Equal(t, messaging.IntentStop, r.Inbound.Intent)
				return err
			})
			require.True(t, silent(t, s, tt.person.Phone) && silent(t, s, tt.person.Email), tt.says)
		}
		s.Idle()
	})
}

func silent(t *testing.T, s *apptest.Shop, address string) (ok bool) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		x, err := s.Customers.Suppressed(tx, address)
		ok = x.Reason == "stop"
		return err
	})
	return ok
}
