package checkout_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/pricing"
)

func TestBadInputNamesTheField(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ctx := t.Context()
		c, err := r.shop.Begin(ctx, checkout.Start{Market: "de"}, checkout.Add("dress", 1))
		require.NoError(t, err)
		bad := func(change func(*address.Address)) address.Address {
			a := anna
			change(&a)
			return a
		}
		for _, tt := range []struct {
			name   string
			change checkout.Change
			field  string
			code   string
		}{
			{"unknown SKU", checkout.Add("no-such", 1), "sku", "unknown"},
			{"path as SKU", checkout.Add("../../etc/passwd", 1), "sku", "unknown"},
			{"none", checkout.Add("dress", 0), "quantity", "at_least_1"},
			{"less than none", checkout.Add("dress", -1), "quantity", "at_least_1"},
			{"a thousand million", checkout.Add("dress", 1e9), "quantity", "at_most_99"},
			{"one too many", checkout.Add("dress", 99), "quantity", "at_most_99"},
			{"set to none", checkout.Set("dress", 0), "quantity", "at_least_1"},
			{"set what isn't there", checkout.Set("scarf", 1), "sku", "not_in_cart"},
			{"no contact", checkout.SetContact(checkout.Contact{}), "email", "email_or_phone_needed"},
			{"no e-mail address", checkout.SetContact(checkout.Contact{Email: "anna at home"}), "email", "no_address"},
			{"no phone number", checkout.SetContact(checkout.Contact{Phone: "12"}), "phone", "phone_form"},
			{"letters as phone number", checkout.SetContact(checkout.Contact{Phone: "<script>"}), "phone", "phone_form"},
			{"long name", checkout.SetContact(checkout.Contact{Email: "a@example.de", GivenName: strings.Repeat("x", 101)}), "given_name", "too_long"},
			{"no postcode", checkout.SetAddress(bad(func(a *address.Address) { a.Postcode = "" })), "address.postcode", "required"},
			{"unknown country", checkout.SetAddress(bad(func(a *address.Address) { a.Country = "ZZ" })), "address.country", "country_unknown"},
			{"other country", checkout.SetAddress(bad(func(a *address.Address) { a.Country = "GB" })), "address.country", "not_delivered_to"},
			{"nothing is known", checkout.Choose("express_ddp"), "contact", "required"},
			{"consent without words", checkout.SetConsents([]checkout.Consent{{Channel: customer.SMS, Class: customer.Promotional, Granted: true}}, "", ""), "consent.sms", "wording"},
			{"unknown market", checkout.Move("xx", "de"), "market", "unknown"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				_, err := r.shop.Change(ctx, c.Token, c.Version, tt.change)
				f := fault.Of(err)
				require.Equal(t, fault.Invalid, f.Kind, err)
				require.Equal(t, tt.code, f.Fields[tt.field], f.Fields)
			})
		}
		var now checkout.Cart
		dbtest.Read(t, d, func(tx *db.Tx) (err error) { now, err = r.shop.Get(tx, c.Token); return err })
		require.Equal(t, c, now, "nothing half-written")
		for _, tt := range []struct {
			start checkout.Start
			want  error
		}{{checkout.Start{Market: "xx"}, checkout.ErrInvalid}, {checkout.Start{Market: "fr"}, checkout.ErrClosed}} {
			_, err := r.shop.Begin(ctx, tt.start)
			require.ErrorIs(t, err, tt.want)
		}
		_, err = r.shop.Change(ctx, "no-such-token", 0, checkout.Add("dress", 1))
		require.ErrorIs(t, err, checkout.ErrUnknown)
		_, err = r.shop.Pay(ctx, checkout.PayRequest{Token: c.Token, Method: "card"})
		require.ErrorIs(t, err, checkout.ErrIncomplete)
		require.Equal(t, map[string]string{"contact": "required", "address": "required", "service": "required"}, fault.Of(err).Fields)
		c = r.ready(checkout.Add("dress", 1))
		_, err = r.shop.Change(ctx, c.Token, c.Version, checkout.Choose("teleport"))
		require.Equal(t, "not_offered", fault.Of(err).Fields["service"])
		for _, tt := range []struct{ method, number, field string }{{"teleport", "", "method"}, {"card", "", "card"}, {"card", "4111111111111111", "card"}} {
			_, err = r.shop.Pay(ctx, checkout.PayRequest{Token: c.Token, Method: tt.method, Instrument: tt.number})
			require.NotEmpty(t, fault.Of(err).Fields[tt.field], err)
		}
		require.Zero(t, r.held("dress"))
		require.Zero(t, r.count(`select count(*) from payment_intents`))
	})
}

// Two tabs add, remove and fill in at the same time: nothing is lost.
func TestTabs(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		for i := range 20 {
			r.price[fmt.Sprint("sku", i)] = 100
		}
		c, err := r.shop.Begin(t.Context(), checkout.Start{Market: "de"}, checkout.Add("dress", 1))
		require.NoError(t, err)
		stale := c.Version
		_, err = r.shop.Change(t.Context(), c.Token, stale, checkout.Set("dress", 3))
		require.NoError(t, err)
		now, err := r.shop.Change(t.Context(), c.Token, stale, checkout.Add("scarf", 1))
		require.NoError(t, err, "adding takes nothing away")
		require.Len(t, now.Lines, 2)
		_, err = r.shop.Change(t.Context(), c.Token, stale, checkout.Set("dress", 1))
		require.ErrorIs(t, err, checkout.ErrCartChanged)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if _, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Add(fmt.Sprint("sku", i), 1)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		dbtest.Read(t, d, func(tx *db.Tx) error {
			now, err = r.shop.Get(tx, c.Token)
			require.Len(t, now.Lines, 22)
			require.EqualValues(t, 24, now.Count())
			return err
		})
	})
}

func TestCodes(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		before := c.Quote.Total
		c, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Code(" five "), checkout.Choose("express_ddp"))
		require.NoError(t, err)
		require.Equal(t, eur(3_00), c.Quote.Off)
		require.Less(t, c.Quote.Total.Minor, before.Minor)
		for range 9 {
			_, err = r.shop.Change(t.Context(), c.Token, 0, checkout.Code("GUESS"))
			require.ErrorIs(t, err, pricing.ErrCodeUnknown)
		}
		_, err = r.shop.Change(t.Context(), c.Token, 0, checkout.Code("FIVE"))
		require.ErrorIs(t, err, checkout.ErrTooManyTries)
		d.Clock().Advance(time.Hour)
		c, err = r.shop.Change(t.Context(), c.Token, 0, checkout.Code("FIVE"), checkout.Choose("express_ddp"))
		require.NoError(t, err)

		other := r.ready(checkout.Add("scarf", 1), checkout.Code("FIVE"))
		require.Equal(t, checkout.PaidOutcome, r.mustPay(other, "card", "success").State)
		_, err = r.payBy(c, "card", "success")
		require.ErrorIs(t, err, checkout.ErrQuoteChanged, "the code was used up meanwhile")
		require.Equal(t, "pricing.code_used", fault.Of(err).Fields["code"])
		o := r.mustPay(c, "card", "success")
		require.Equal(t, checkout.PaidOutcome, o.State)
		require.Equal(t, before, r.order(o).Total)
	})
}

func TestConsents(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		require.Empty(t, c.Consents, "nothing is ticked by itself")
		box := checkout.Consent{Channel: customer.SMS, Class: customer.Promotional, Granted: true, Text: "Ja, SMS", Wording: "checkout.sms/1"}
		for range 2 {
			_, err := r.shop.Change(t.Context(), c.Token, 0, checkout.SetConsents([]checkout.Consent{box}, "/de-de/checkout/contact", "digest"))
			require.NoError(t, err)
		}
		box.Granted = false
		_, err := r.shop.Change(t.Context(), c.Token, 0, checkout.SetConsents([]checkout.Consent{box}, "/de-de/checkout/contact", "digest"))
		require.NoError(t, err)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := customer.New(nil).Ledger(tx, "+4915123456789")
			require.Len(t, all, 2)
			require.Equal(t, customer.Ask, all[0].Action, "Germany asks twice")
			require.Equal(t, "Ja, SMS", all[0].Text)
			require.Equal(t, c.Customer, all[0].Customer)
			require.Equal(t, customer.Revoke, all[1].Action)
			return err
		})
	})
}

func TestQuote(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 2), checkout.Add("scarf", 1))
		q := c.Quote
		require.Equal(t, eur(132_30), q.Shown)
		require.Equal(t, q.Total, q.Goods.Sub(q.Discount).Add(q.Shipping).Add(q.Duty).Add(q.Tax).Add(q.Fees))
		require.NotZero(t, q.Tax.Minor)
		require.NotEmpty(t, q.Charges)
		require.Equal(t, checkout.StepPay, c.Next())
		t.Log(q.Goods, q.Shipping, q.Duty, q.Tax, q.Fees, q.Total, q.Pack)

		d.Clock().Advance(31 * time.Minute)
		again, diff, err := r.shop.Requote(t.Context(), c.Token)
		require.NoError(t, err)
		require.Empty(t, diff, "nothing moved: nobody is told")
		require.Equal(t, q.ID, again.Quote.ID)
		require.True(t, again.Quote.Expires.After(d.Clock().Now()))

		r.price["dress"] += 1_00
		d.Clock().Advance(31 * time.Minute)
		o, err := r.payBy(c, "card", "success")
		require.ErrorIs(t, err, checkout.ErrQuoteChanged)
		require.Equal(t, "134.30", fault.Of(err).Fields["price"])
		require.Equal(t, checkout.OpenOutcome, o.State)
		require.NotEqual(t, q.ID, o.Cart.Quote.ID)
		require.Zero(t, r.count(`select count(*) from payment_intents`), "nobody was asked for money")
		paid := r.mustPay(c, "card", "success")
		require.Equal(t, o.Cart.Quote.Total, r.order(paid).Total)

		c = r.ready(checkout.Add("dress", 1))
		c, err = r.shop.Change(t.Context(), c.Token, c.Version, checkout.Set("dress", 2))
		require.NoError(t, err)
		require.Equal(t, checkout.StepDeliver, c.Next(), "the quote isn't for this cart")
		_, err = r.payBy(c, "card", "success")
		require.ErrorIs(t, err, checkout.ErrQuoteChanged)
		_, err = r.shop.Pay(t.Context(), checkout.PayRequest{Token: c.Token, Version: c.Version, Method: "card", Instrument: "4555000000000100"})
		require.ErrorIs(t, err, checkout.ErrCartChanged, "that page is old")

		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := r.shop.Options(tx, c)
			require.Len(t, all, 2)
			require.NotEqual(t, all[0].Total, all[1].Total)
			require.Equal(t, "DAP", all[1].Incoterm)
			b, err2 := r.shop.Basket(tx, c)
			require.NoError(t, err2)
			require.Equal(t, eur(121_80), b.Goods)
			return err
		})
	})
}

func TestMoveToAnotherMarket(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		c, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Move("us", "de"))
		require.NoError(t, err)
		require.EqualValues(t, "USD", c.Currency)
		require.Equal(t, "en", c.Lang)
		require.Nil(t, c.Quote)
		require.Len(t, c.Lines, 1)
		require.Empty(t, c.Address.Line1)
	})
}
