package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/customer"
	"portolan/internal/db"
)

var leave = regexp.MustCompile(`/u/\w{12}`)

// From the box to the page of choices in Germany: the merchant's words are shown and recorded, the second step is
// asked for in the shopper's language, nothing promotional comes before it, the link grows old, and the link in a
// message leads to what may be changed.
func TestConsentFromBoxToChoices(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		const words = "Ja, Miana darf mir Angebote mailen."
		var shown customer.Wording
		s.Write(func(tx *db.Tx) (err error) {
			for _, text := range []string{"Alt.", words} {
				if shown, err = s.Customers.PublishWording(tx, customer.Wording{Market: "de", Lang: "de", Channel: customer.Mail, Class: customer.Promotional, Text: text, By: "mei"}); err != nil {
					return err
				}
			}
			return nil
		})
		v, anna := s.Visitor(), asks(apptest.Anna, "email")
		v.Quote(anna)
		page := v.Get("/de-de/checkout/details").Body
		require.Contains(t, page, words)
		require.Contains(t, page, shown.Name())
		state := func() (st customer.State) {
			s.Read(func(tx *db.Tx) (err error) {
				st, err = s.Customers.Allowed(tx, anna.Email, customer.Mail, customer.Promotional)
				return err
			})
			return st
		}
		ledger := func() (all []customer.Consent) {
			s.Read(func(tx *db.Tx) (err error) { all, err = s.Customers.Ledger(tx, anna.Email); return err })
			return all
		}
		require.True(t, state().Pending)
		asked := ledger()[0]
		require.Equal(t, words+" Zur Bestätigung schicken wir Ihnen eine Nachricht.", asked.Text)
		require.Equal(t, []string{shown.Name(), "de", "de", "/de-de/checkout/details", "checkout"}, []string{asked.Wording, asked.Lang, string(asked.Market), asked.Page, asked.Source})
		require.Len(t, asked.IPDigest, 32)
		mail := s.Mailed(anna.Email, 1)[0]
		link := confirm.FindString(mail.Text)
		require.Contains(t, mail.Text, "bestätigen")
		s.Pass(3 * time.Hour)
		require.Len(t, s.Mails.List(anna.Email), 1, "nothing promotional, and no reminder")
		seen := v.Get(link)
		require.Contains(t, seen.Text(), words, "what is confirmed can be read")
		require.Equal(t, http.StatusOK, v.Post(link, nil).Status)
		require.True(t, state().Granted && state().Confirmed)

		// A message with a link, as the gate lets out.
		s.Visitor().Quote(asks(apptest.Imogen, "email"))
		s.Pass(3 * time.Hour)
		offer := s.Mailed(apptest.Imogen.Email, 1)[0]
		path := leave.FindString(offer.Leave)
		page = v.Get(path).Body
		require.Contains(t, page, "What may Miana send you?")
		require.NotContains(t, page, apptest.Imogen.Email, "whoever got the link forwarded doesn't learn the address")
		require.Contains(t, page, `name="email.promotional" value="1" checked`)
		require.Equal(t, http.StatusOK, v.Post(path, url.Values{"choose": {"1"}, "email.service": {"1"}}).Status)
		require.False(t, allowed(t, s, apptest.Imogen.Email, customer.Mail))
		v.Post(path, url.Values{"choose": {"1"}, "email.promotional": {"1"}})
		require.True(t, allowed(t, s, apptest.Imogen.Email, customer.Mail))
		v.Post(path, url.Values{"List-Unsubscribe": {"One-Click"}})
		require.False(t, allowed(t, s, apptest.Imogen.Email, customer.Mail))
		require.Contains(t, v.Get(path).Text(), "What may Miana send you?", "and may be changed again")

		// Another person's link is never followed, and grows too old.
		s.Visitor().Quote(asks(apptest.Anna, "sms"))
		late := confirm.FindString(s.Texts(apptest.Anna.Phone, 1)[0].Text)
		s.Pass(15 * 24 * time.Hour)
		require.Equal(t, http.StatusGone, v.Get(late).Status)
		require.Equal(t, http.StatusGone, v.Post(late, nil).Status)
		require.False(t, allowed(t, s, apptest.Anna.Phone, customer.SMS))
	})
}
