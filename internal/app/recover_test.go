package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
)

// asks is p with the boxes ticked.
func asks(p apptest.Person, boxes ...string) apptest.Person {
	p.Consents = boxes
	return p
}

// cartOf is the cart of the person behind an e-mail address.
func cartOf(t *testing.T, s *apptest.Shop, email string) (id string) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		who, err := s.Customers.ByEmail(tx, email)
		if err != nil {
			return err
		}
		for _, d := range decidedAbout(t, s, who.ID) {
			if d.Journey == "cart" {
				id = d.Key
			}
		}
		return nil
	})
	return id
}

func decidedAbout(t *testing.T, s *apptest.Shop, who string) (all []journeys.Decision) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		all, err = s.Journeys.DecisionsOf(tx, who)
		return err
	})
	return all
}

// reason is what became of the recovery of a person's cart: "sent", or why not.
func reason(t *testing.T, s *apptest.Shop, email string) string {
	t.Helper()
	var all []journeys.Decision
	s.Read(func(tx *db.Tx) (err error) {
		all, err = s.Journeys.Decisions(tx, cartOf(t, s, email))
		return err
	})
	if len(all) == 0 {
		return "never left"
	}
	last := all[len(all)-1]
	if last.Reason != "" {
		return last.Reason
	}
	return string(last.Outcome)
}

var (
	ownLink  = regexp.MustCompile(`/l/\w{12}`)
	codeWord = regexp.MustCompile(`\b[A-Z0-9]{10}\b`)
	confirm  = regexp.MustCompile(`/\w\w-\w\w/confirm/\w+`)
)

// A cart that was left unpaid is asked about after two hours, in each market by the way that is allowed there.
func TestRecoveryInEachMarket(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		cases := []struct {
			person apptest.Person
			sms    string // expression for the text; empty: by e-mail
			mail   string // its subject
			bag    string
		}{
			{asks(apptest.Harper, "sms", "email"), `^Miana: Harper, your bag is waiting\. Code (\w{10}): 5% off, valid 24 h\. .*STOP`, "", "Your bag"},
			{asks(apptest.Anna, "sms"), `^Miana: Anna, Ihre Tasche wartet\. Code (\w{10}): 5% Rabatt, 24 Std\. .*STOP`, "", "Tasche"},
			{asks(apptest.Imogen, "sms"), `^Miana: Imogen, your bag is waiting\. Code (\w{10}): 5% off, valid 24 h\. .*STOP`, "", "Your bag"},
			{asks(apptest.Ayu, "email"), "", "Miana: Keranjang Anda menunggu", ""},
			{asks(apptest.Aisyah, "email"), "", "Miana: Troli anda menunggu", ""},
		}
		for _, tt := range cases {
			s.Visitor().Quote(tt.person)
		}
		// Germany asks twice: the box, then a link to press a button behind.
		v := s.Visitor()
		link := confirm.FindString(s.Texts(apptest.Anna.Phone, 1)[0].Text)
		require.Equal(t, http.StatusOK, v.Get(link).Status)
		require.False(t, allowed(t, s, apptest.Anna.Phone, customer.SMS), "looking at the page is no consent")
		require.Equal(t, http.StatusOK, v.Post(link, nil).Status)
		require.True(t, allowed(t, s, apptest.Anna.Phone, customer.SMS))

		s.Pass(11 * time.Minute)
		for _, tt := range cases {
			require.Contains(t, topics(t, s, cartOf(t, s, tt.person.Email)), "checkout.left", tt.person.Place)
		}
		s.Pass(108 * time.Minute)
		require.Empty(t, s.Received(apptest.Harper.Phone), "not before two hours")
		require.Empty(t, s.Mails.List(""))
		s.Pass(2 * time.Minute)
		for _, tt := range cases {
			var said string
			if tt.sms != "" {
				all := s.Texts(tt.person.Phone, 1+strings.Count(tt.person.Place, "de-de"))
				said = all[len(all)-1].Text
				require.Regexp(t, tt.sms, said)
				require.Empty(t, s.Mails.List(tt.person.Email), "by one way only")
			} else {
				mail := s.Mailed(tt.person.Email, 1)[0]
				said = mail.Text
				require.Equal(t, tt.mail, mail.Subject)
				require.Regexp(t, `/u/\w{12}`, mail.Leave, "one click ends it")
				require.Empty(t, s.Received(tt.person.Phone))
			}
			require.Equal(t, "sent", reason(t, s, tt.person.Email))
			comesBack(t, s, tt.person, ownLink.FindString(said), codeWord.FindString(said))
		}
	})
}

// comesBack opens the link of a recovery message in another browser, uses the code and pays.
func comesBack(t *testing.T, s *apptest.Shop, p apptest.Person, link, code string) {
	t.Helper()
	require.NotEmpty(t, link)
	require.NotEmpty(t, code)
	at := "/" + p.Place
	v := s.Visitor()
	bag := v.Follow(v.Get(link))
	require.Equal(t, http.StatusOK, bag.Status)
	require.True(t, strings.HasPrefix(bag.Path, at+"/cart"), "in the market and language it was left in: %s", bag.Path)
	require.Contains(t, bag.Body, p.SKU, "the same bag")

	stranger := s.Visitor()
	stranger.Add(p.Place, p.SKU, "1")
	foreign := stranger.Post(at+"/cart/code", url.Values{"code": {code}})
	require.GreaterOrEqual(t, foreign.Status, 400, "it belongs to the cart")

	with := v.Follow(v.Post(at+"/cart/code", url.Values{"code": {strings.ToLower(code)}}))
	require.Equal(t, http.StatusOK, with.Status)
	require.Contains(t, with.Text(), code)
	before := v.Get(at + "/cart")
	require.Contains(t, before.Text(), code)
	pay := v.ToPayment(p.Place)
	require.Contains(t, pay.Text(), code)
	done := v.Pay(p.Place, "card", apptest.Card)
	require.Equal(t, http.StatusSeeOther, done.Status, done.Text())
	o := orderOf(t, s, strings.TrimPrefix(done.To(), at+"/orders/"))
	require.Equal(t, code, o.Code)
	require.Positive(t, o.Discount.Minor)
	require.InDelta(t, 0.05, float64(o.Discount.Minor)/float64(o.Goods.Minor), 0.01)
	s.Until("it is told that the cart came back", func() bool {
		for _, topic := range topics(t, s, string(o.ID)) {
			if topic == "checkout.recovered" {
				return true
			}
		}
		return false
	})
}

func TestRecoveryCodeEndsAfterADay(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		s.Visitor().Quote(asks(apptest.Imogen, "sms"))
		s.Pass(2*time.Hour + time.Minute)
		said := s.Texts(apptest.Imogen.Phone, 1)[0].Text
		s.Pass(24*time.Hour + time.Minute)
		v := s.Visitor()
		require.Equal(t, http.StatusOK, v.Follow(v.Get(ownLink.FindString(said))).Status, "the bag is still there")
		p := v.Post("/en-gb/cart/code", url.Values{"code": {codeWord.FindString(said)}})
		require.Equal(t, http.StatusConflict, p.Status)
		require.Contains(t, p.Text(), "no longer valid")
	})
}

func TestNothingIsSentWhere(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		other := func(p apptest.Person, name, phone, sku string, boxes ...string) apptest.Person {
			p.Given, p.Email, p.Phone, p.SKU, p.Consents = name, strings.ToLower(name)+"@example.org", phone, sku, boxes
			return p
		}
		// Somebody in Britain has had a text, so that phones there know whom to write to.
		stopped := other(apptest.Imogen, "Stopped", "+447700900301", "MI1001-NVY-S", "sms", "email")
		s.Visitor().Buy(stopped)
		s.Texts(stopped.Phone, 1)
		stopped.SKU = "MI1001-KAP-M"

		paid := other(apptest.Imogen, "Paid", "+447700900302", "MI1001-NVY-S", "sms")
		pending := other(apptest.Harper, "Pending", "+12125550130", "MI1001-NVY-S", "sms")
		plain := other(apptest.Imogen, "Plain", "+447700900303", "MI1001-NVY-S")
		quiet := other(apptest.Harper, "Quiet", "+12125550131", "MI1001-NVY-S")
		unconfirmed := other(apptest.Anna, "Unconfirmed", "+4917604069201", "MI1001-NVY-S", "sms", "email")
		noMail := other(apptest.Ayu, "Nomail", "+6281155501201", "MI1001-NVY-S")
		soldOut := other(apptest.Imogen, "Soldout", "+447700900304", "MI1001-TEA-XL", "sms")

		buyer, waiter := s.Visitor(), s.Visitor()
		buyer.Quote(paid)
		waiter.Quote(pending)
		for _, p := range []apptest.Person{stopped, plain, quiet, unconfirmed, noMail, soldOut} {
			s.Visitor().Quote(p)
		}
		s.Pass(30 * time.Minute)
		reply(t, s, stopped.Phone, "stop")
		s.Pass(85 * time.Minute)
		require.Equal(t, http.StatusSeeOther, buyer.Pay("en-gb", "card", apptest.Card).Status)
		under := waiter.Pay("en-us", "paypal", "")
		require.Contains(t, under.To(), "/fakepsp/pay/")
		s.Write(func(tx *db.Tx) error {
			return s.Stock.SetStock(tx, []fulfilment.Stock{{SKU: soldOut.SKU, Location: "can"}, {SKU: soldOut.SKU, Location: "ams"}})
		})
		s.Pass(6 * time.Minute)

		for _, tt := range []struct {
			person apptest.Person
			reason string
		}{
			{paid, "came_back|paid_meanwhile"}, {pending, "came_back|payment_pending"}, {stopped, "suppressed|consent_revoked|opted_out"}, {plain, "no_consent"},
			{quiet, "no_consent"}, {unconfirmed, "consent_unconfirmed"}, {noMail, "no_consent"}, {soldOut, "sold_out"},
		} {
			require.Regexp(t, "^("+tt.reason+")$", reason(t, s, tt.person.Email), tt.person.Given)
		}
		s.Pass(3 * time.Hour)
		for _, m := range sentOf(t, s, "cart") {
			t.Errorf("%s was asked about a bag: %s", m.To, m.Body)
		}
	})
}

// sentOf are the messages of a template that left or may leave.
func sentOf(t *testing.T, s *apptest.Shop, template string) (all []messaging.Record) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		found, err := s.Messages.List(tx, messaging.Filter{Template: template}, messaging.Page{Limit: 200})
		for _, m := range found {
			if m.State != messaging.Dropped && m.State != messaging.Expired {
				all = append(all, m)
			}
		}
		return err
	})
	return all
}

func TestOneRecoveryPerCart(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		v := s.Visitor()
		v.Quote(asks(apptest.Imogen, "sms"))
		s.Pass(2*time.Hour + time.Minute)
		s.Texts(apptest.Imogen.Phone, 1)
		s.Pass(20 * time.Hour) // 10:01 in London
		require.Equal(t, http.StatusOK, v.Get("/en-gb/checkout/payment").Status)
		s.Pass(4 * time.Hour)
		require.Len(t, sentOf(t, s, "cart"), 1)
		require.Len(t, s.Received(apptest.Imogen.Phone), 1)
	})
}

// In New York nobody is woken between nine in the evening and eight in the morning.
func TestRecoveryWaitsForTheMorning(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		s.DB.Clock().Advance(13 * time.Hour) // 20:00 in New York
		s.Visitor().Quote(asks(apptest.Harper, "sms"))
		s.Pass(11*time.Hour + 59*time.Minute)
		require.Empty(t, s.Received(apptest.Harper.Phone), "7:59")
		require.Equal(t, "quiet_hours", reason(t, s, apptest.Harper.Email))
		s.Pass(2 * time.Minute)
		said := s.Texts(apptest.Harper.Phone, 1)[0].Text
		s.Pass(23 * time.Hour)
		v := s.Visitor()
		v.Get(ownLink.FindString(said))
		v.Follow(v.Get(ownLink.FindString(said)))
		require.Equal(t, http.StatusSeeOther, v.Post("/en-us/cart/code", url.Values{"code": {codeWord.FindString(said)}}).Status,
			"the day of the code began with the message")
	})
}
