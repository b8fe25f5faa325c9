package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
)

// The numbers of the test provider's cards.
const (
	challengeCard = "4555000000000308"
	declinedCard  = "4555000000000407"
	hiddenPaid    = "4555000000000902"
	hiddenFailed  = "4555000000001009"
	lateCard      = "4555000000001108"
)

// stockOf is what is known about the stock of an article, place by place.
func stockOf(t *testing.T, s *apptest.Shop, sku string) (all []fulfilment.Stock) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		all, err = s.Stock.Stocks(tx, sku)
		return err
	})
	return all
}

func account(t *testing.T, s *apptest.Shop, id order.ID) (a payment.Account) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		a, err = s.Payments.OfOrder(tx, string(id))
		return err
	})
	return a
}

// An order by bank transfer stands before its money is there; nobody is told that it is paid until it is.
func TestBankTransfer(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		v := s.Visitor()
		v.Quote(apptest.Anna)
		done := v.Follow(v.Pay("de-de", "bank_transfer", ""))
		require.Equal(t, http.StatusOK, done.Status)
		o := orders(t, s)[0]
		require.Equal(t, "/de-de/orders/"+string(o.ID), strings.TrimPrefix(done.Path, s.URL))
		require.Equal(t, order.Placed, o.State)
		require.Contains(t, done.Text(), o.Number)
		attempt := account(t, s, o.ID).Attempts[0]
		require.Contains(t, done.Text(), attempt.Action.Bank.Reference, "where to send the money")
		require.NotContains(t, s.Visitor().Get("/de-de/orders/"+string(o.ID)).Text(), attempt.Action.Bank.Reference, "for the buyer's eyes")
		s.Pass(3 * time.Hour)
		require.Empty(t, s.Received(apptest.Anna.Phone))
		require.Empty(t, sentOf(t, s, "confirm"))
		require.Empty(t, sentOf(t, s, "cart"))

		require.NoError(t, s.TestPSP.Deposit(t.Context(), attempt.Ref, o.Total))
		require.Contains(t, s.Texts(apptest.Anna.Phone, 1)[0].Text, o.Number+" ist bezahlt")
		s.Mailed(apptest.Anna.Email, 1)
		require.Equal(t, order.Paid, orderOf(t, s, string(o.ID)).State)
		require.Len(t, orders(t, s), 1)
	})
}

// Half the money is no payment.
func TestTransferThatIsTooSmall(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		v := s.Visitor()
		v.Quote(apptest.Anna)
		v.Pay("de-de", "bank_transfer", "")
		o := orders(t, s)[0]
		half := o.Total
		half.Minor /= 2
		require.NoError(t, s.TestPSP.Deposit(t.Context(), account(t, s, o.ID).Attempts[0].Ref, half))
		s.Pass(time.Hour)
		require.Empty(t, s.Received(apptest.Anna.Phone))
		require.Equal(t, order.Placed, orderOf(t, s, string(o.ID)).State)
		require.NotEmpty(t, account(t, s, o.ID).Reviews, "a person looks at it")
	})
}

func TestCardsThatTakeTheirTime(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		person := func(name, phone string) apptest.Person {
			p := apptest.Imogen
			p.Given, p.Email, p.Phone = name, name+"@example.org", phone
			return p
		}
		at := "/en-gb/checkout/"

		t.Log("an answer that was lost, and the webhook with it, though the money was taken")
		s.TestPSP.Set(fakepsp.Knobs{Lost: 1})
		hidden := person("Hidden", "+447700900401")
		v := s.Visitor()
		v.Quote(hidden)
		p := v.Pay("en-gb", "card", hiddenPaid)
		require.Equal(t, at+"waiting", p.To())
		require.Equal(t, http.StatusOK, v.Get(p.To()).Status)
		p = v.Pay("en-gb", "card", apptest.Card)
		require.Equal(t, at+"waiting", p.To(), "not paid a second time meanwhile")
		s.Pass(time.Minute)
		require.Contains(t, v.Follow(v.Get(at+"waiting")).Path, "/en-gb/orders/")
		s.Texts(hidden.Phone, 1)

		t.Log("an answer that was lost, and no money")
		failed := person("Failed", "+447700900402")
		v = s.Visitor()
		v.Quote(failed)
		v.Pay("en-gb", "card", hiddenFailed)
		s.Pass(2 * time.Minute)
		p = v.Follow(v.Get(at + "waiting"))
		require.True(t, strings.HasSuffix(p.Path, at+"payment"), p.Path)
		require.Contains(t, v.Pay("en-gb", "card", apptest.Card).To(), "/en-gb/orders/", "and may pay again")
		s.Texts(failed.Phone, 1)

		s.TestPSP.Set(fakepsp.Knobs{})
		t.Log("a bank that asks who is there")
		asked := person("Asked", "+447700900403")
		v = s.Visitor()
		v.Quote(asked)
		bank := v.Pay("en-gb", "card", challengeCard)
		require.Contains(t, bank.To(), "/fakepsp/pay/")
		require.Equal(t, http.StatusOK, v.Get(bank.To()).Status)
		require.Contains(t, v.Follow(v.Post(bank.To(), url.Values{"choice": {"pass"}})).Path, "/en-gb/orders/")
		s.Texts(asked.Phone, 1)

		t.Log("a bank that was told no")
		refused := person("Refused", "+447700900404")
		v = s.Visitor()
		v.Quote(refused)
		bank = v.Pay("en-gb", "card", challengeCard)
		p = v.Follow(v.Post(bank.To(), url.Values{"choice": {"fail"}}))
		require.True(t, strings.HasSuffix(p.Path, at+"payment"), p.Path)

		t.Log("a bank that thinks about it")
		late := person("Late", "+447700900405")
		v = s.Visitor()
		v.Quote(late)
		v.Pay("en-gb", "card", lateCard)
		s.Pass(time.Minute)
		require.Empty(t, s.Received(late.Phone))
		s.Pass(5 * time.Minute)
		s.Texts(late.Phone, 1)
		require.Contains(t, v.Follow(v.Get(at+"waiting")).Path, "/en-gb/orders/")

		s.Pass(time.Hour)
		require.Len(t, orders(t, s), 4)
		require.Len(t, sentOf(t, s, "confirm"), 8, "a text and a mail for each, once")
		require.Empty(t, s.Received(refused.Phone))
	})
}

func TestADeclinedCardLeavesNothingBehind(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		before := stockOf(t, s, apptest.Anna.SKU)
		v := s.Visitor()
		v.Quote(apptest.Anna)
		p := v.Follow(v.Pay("de-de", "card", declinedCard))
		require.Contains(t, p.Path, "/de-de/checkout/payment")
		require.Contains(t, p.Text(), "abgelehnt")
		s.Pass(time.Minute)
		require.Empty(t, orders(t, s))
		require.Equal(t, before, stockOf(t, s, apptest.Anna.SKU))
		require.Empty(t, s.Received(apptest.Anna.Phone))
		require.Contains(t, v.Pay("de-de", "card", apptest.Card).To(), "/de-de/orders/")
	})
}

// The last piece is gone between the bag and the button.
func TestSoldOutBeforePaying(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		last := apptest.Anna
		last.SKU = "MI1001-TEA-L" // none in Guangzhou
		s.Write(func(tx *db.Tx) error {
			return s.Stock.SetStock(tx, []fulfilment.Stock{{SKU: last.SKU, Location: "ams", OnHand: 1}, {SKU: last.SKU, Location: "can"}})
		})
		s.DB.Clock().Advance(2 * time.Second)
		first, second := s.Visitor(), s.Visitor()
		first.Quote(last)
		other := last
		other.Given, other.Email, other.Phone = "Jule", "jule@example.org", "+4917604069022"
		second.Quote(other)
		require.Contains(t, first.Pay("de-de", "card", apptest.Card).To(), "/de-de/orders/")
		s.Texts(last.Phone, 1)
		before := stockOf(t, s, last.SKU)

		p := second.Pay("de-de", "card", apptest.Card)
		require.Equal(t, http.StatusConflict, p.Status)
		require.Contains(t, p.Text(), "ausverkauft")
		require.Contains(t, p.Body, `lang="de"`)
		s.Pass(20 * time.Minute)
		require.Len(t, orders(t, s), 1)
		require.Equal(t, before, stockOf(t, s, last.SKU))
		require.Empty(t, s.Received(other.Phone))
		require.Empty(t, s.Mails.List(other.Email))
		s.Read(func(tx *db.Tx) error {
			c, err := s.Checkout.Get(tx, second.Cookie("portolan_cart"))
			if err == nil {
				require.Equal(t, "open", string(c.State))
				require.Empty(t, c.Attempt)
			}
			return err
		})
	})
}
