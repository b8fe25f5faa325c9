package checkout_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
)

func TestPayByCard(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 2), checkout.Code("FIVE"))
		o := r.mustPay(c, "card", fakepsp.Success)
		require.Equal(t, checkout.PaidOutcome, o.State)
		got := r.order(o)
		require.Equal(t, "F-20261124-0001", got.Number)
		require.Equal(t, order.Paid, got.State)
		require.Equal(t, c.Quote.Total, got.Total)
		require.True(t, got.Test)
		require.Equal(t, "anna@example.de", got.Email)
		require.Equal(t, "+4915123456789", got.Phone)
		require.Equal(t, "Anna", got.Address.GivenName)
		require.Equal(t, "FIVE", got.Code)
		require.EqualValues(t, 2, r.held("dress"))
		again := r.mustPay(c, "card", fakepsp.Success)
		require.Equal(t, o.OrderID, again.OrderID, "a double click is one order")
		r.later(time.Minute)
		for topic, n := range map[string]int64{"order.placed": 1, "order.paid": 1, "payment.captured": 1, "payment.failed": 0} {
			require.Equal(t, n, r.announced(topic), topic)
		}
		_, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Add("dress", 1))
		require.ErrorIs(t, err, checkout.ErrOrdered)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			k, err := r.pay.OfOrder(tx, string(got.ID))
			require.Equal(t, "paid", k.Status.State)
			return err
		})
	})
}

func TestDeclined(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1), checkout.Code("FIVE"))
		for _, s := range []fakepsp.Scenario{fakepsp.Generic, fakepsp.Insufficient, fakepsp.ExpiredCard, fakepsp.StolenCard, fakepsp.Error} {
			o := r.mustPay(c, "card", s)
			require.Equal(t, checkout.DeclinedOutcome, o.State)
			require.Equal(t, string(s), o.Reason)
			require.Zero(t, r.held("dress"), "what was held is free again")
		}
		o := r.mustPay(c, "card", fakepsp.Success)
		require.Equal(t, checkout.PaidOutcome, o.State, "the code is good again")
		require.EqualValues(t, 1, r.announced("order.placed"))
		require.EqualValues(t, 5, r.announced("payment.failed"))
	})
}

func (r *rig) decide(o checkout.Outcome, choice string) {
	r.t.Helper()
	require.Equal(r.t, payment.GoTo, o.Action.Kind)
	req := httptest.NewRequest("POST", strings.TrimPrefix(o.Action.URL, "http://shop"), strings.NewReader(url.Values{"choice": {choice}}.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	r.psp.Handler().ServeHTTP(rec, req)
	require.Equal(r.t, 303, rec.Code)
	require.Equal(r.t, "http://shop/de-de/checkout/return", rec.Header().Get("Location"))
}

func TestChallengeAndRedirect(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		for _, method := range []string{"card", "paypal"} {
			c := r.ready(checkout.Add("dress", 1))
			o := r.mustPay(c, method, fakepsp.Challenge)
			require.Equal(t, checkout.ActionOutcome, o.State)
			reload := r.mustPay(c, method, fakepsp.Challenge)
			require.Equal(t, o.Action, reload.Action, "a reload leads to the same page")
			_, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Add("dress", 1))
			require.ErrorIs(t, err, checkout.ErrPaying)
			back, err := r.shop.Return(t.Context(), c.Token, map[string]string{"paid": "yes"})
			require.NoError(t, err)
			require.Equal(t, checkout.ActionOutcome, back.State, "what the browser says is not believed")
			r.decide(o, "pass")
			back, err = r.shop.Return(t.Context(), c.Token, nil)
			require.NoError(t, err)
			require.Equal(t, checkout.PaidOutcome, back.State)

			c = r.ready(checkout.Add("dress", 1))
			r.decide(r.mustPay(c, method, fakepsp.Challenge), "fail")
			back, err = r.shop.Return(t.Context(), c.Token, nil)
			require.NoError(t, err)
			require.Equal(t, checkout.DeclinedOutcome, back.State)

			c = r.ready(checkout.Add("dress", 1))
			r.decide(r.mustPay(c, method, fakepsp.Challenge), "pass")
			r.later(time.Second) // the webhook alone: the browser never came back
			require.Equal(t, checkout.PaidOutcome, r.outcome(c).State)

			c = r.ready(checkout.Add("dress", 1))
			r.mustPay(c, method, fakepsp.Challenge)
			require.NoError(t, r.shop.StopPaying(t.Context(), c.Token), "the shopper wants to pay otherwise")
			c, err = r.shop.Change(t.Context(), c.Token, 0, checkout.Add("scarf", 1), checkout.Choose("express_ddp"))
			require.NoError(t, err)
			require.Equal(t, checkout.PaidOutcome, r.mustPay(c, "card", fakepsp.Success).State)

			c = r.ready(checkout.Add("rare", 1))
			r.mustPay(c, method, fakepsp.Challenge)
			require.EqualValues(t, 1, r.held("rare"))
			r.later(16 * time.Minute) // walked away
			require.Equal(t, checkout.DeclinedOutcome, r.outcome(c).State)
			require.Equal(t, "expired", r.outcome(c).Reason)
			require.Zero(t, r.held("rare"))
		}
	})
}

func TestLateSuccess(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		o := r.mustPay(c, "card", fakepsp.LateSuccess)
		require.Equal(t, checkout.PendingOutcome, o.State)
		require.Equal(t, payment.Wait, o.Action.Kind)
		r.later(2 * time.Minute)
		require.Equal(t, checkout.PaidOutcome, r.outcome(c).State)
	})
}

func TestTransfer(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		buy := func() (checkout.Outcome, payment.Attempt) {
			o := r.mustPay(r.ready(checkout.Add("dress", 1)), "bank_transfer", "")
			require.Equal(t, checkout.PendingOutcome, o.State)
			require.Equal(t, payment.SendMoney, o.Action.Kind)
			require.Equal(t, order.Placed, r.order(o).State, "the order is placed at confirmation")
			var a payment.Attempt
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { a, err = r.pay.Last(tx, o.Cart.ID); return err })
			return o, a
		}
		o, a := buy()
		require.EqualValues(t, 1, r.announced("order.placed"))
		require.Zero(t, r.announced("order.paid"))
		r.later(48 * time.Hour)
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, a.Amount))
		r.later(time.Second)
		require.Equal(t, order.Paid, r.order(o).State)
		require.Empty(t, r.reviews())

		o, a = buy()
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, eur(10_00)))
		r.later(time.Second)
		require.Equal(t, order.Placed, r.order(o).State)
		require.Equal(t, []string{payment.ReasonWrongAmount}, r.reviews())
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, a.Amount.Sub(eur(10_00))))
		r.later(time.Second)
		require.Equal(t, order.Paid, r.order(o).State, "the rest came")

		o, a = buy()
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, a.Amount.Add(eur(1))))
		r.later(time.Second)
		require.Equal(t, order.Placed, r.order(o).State)
		require.Len(t, r.reviews(), 2)

		o, a = buy()
		other := a.Amount
		other.Currency = "USD"
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, other))
		r.later(time.Second)
		require.Equal(t, order.Placed, r.order(o).State)
		require.Len(t, r.reviews(), 3)
	})
}

// hook sends a webhook of the provider's about a payment, whatever its books say.
func (r *rig) hook(o checkout.Outcome, event, object, state string, minor int64, currency string) error {
	body, err := json.Marshal(map[string]any{"type": "x", "data": map[string]any{"event": event, "account": "demo", "object": object, "id": "x" + event,
		"payment": "x", "reference": o.Attempt, "state": state, "amount": minor, "currency": currency, "at": r.d.Clock().Now()}})
	require.NoError(r.t, err)
	h, err := r.psp.Sign(event, r.d.Clock().Now(), body)
	require.NoError(r.t, err)
	return r.pay.Webhook(r.t.Context(), "fakepsp", h, body)
}

func TestWrongMoney(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		for i, wrong := range []struct {
			off      int64
			currency string
		}{{-1, "EUR"}, {1, "EUR"}, {0, "USD"}} {
			c := r.ready(checkout.Add("dress", 1))
			o := r.mustPay(c, "card", fakepsp.Challenge)
			require.NoError(t, r.hook(o, fmt.Sprint("w", i), "capture", "ok", c.Quote.Total.Minor+wrong.off, wrong.currency))
			o = r.outcome(c)
			require.Equal(t, checkout.ReviewOutcome, o.State)
			require.Empty(t, o.OrderID)
			require.Len(t, r.reviews(), i+1)
			dbtest.Read(t, d, func(tx *db.Tx) error {
				a, err := r.pay.Last(tx, c.ID)
				require.NoError(t, err)
				k, err := r.pay.Account(tx, a.Intent)
				require.NotZero(t, k.Facts, "the fact is kept")
				return err
			})
			require.ErrorIs(t, func() error { _, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Add("dress", 1)); return err }(), checkout.ErrPaying)
		}
		require.Zero(t, r.announced("order.placed"))
		require.EqualValues(t, 3, r.announced("payment.review_opened"))
	})
}

// The stock is gone when the money comes: no order, the money goes back, a person sees it.
func TestPaidButGone(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.stock("rare", 1)
		first := r.ready(checkout.Add("rare", 1))
		o := r.mustPay(first, "card", fakepsp.Challenge)
		dbtest.Write(t, d, func(tx *db.Tx) error { return r.Release(tx, payment.OrderID(intentOf(o))) }) // its time ran out
		second := r.ready(checkout.Add("rare", 1))
		require.Equal(t, checkout.PaidOutcome, r.mustPay(second, "card", fakepsp.Success).State)
		r.decide(o, "pass")
		r.later(time.Second)
		o = r.outcome(first)
		require.Equal(t, checkout.ReviewOutcome, o.State)
		require.Equal(t, payment.ReasonSoldOut, o.Reason)
		require.Empty(t, o.OrderID)
		require.Equal(t, []string{payment.ReasonSoldOut}, r.reviews())
		dbtest.Read(t, d, func(tx *db.Tx) error {
			a, err := r.pay.Last(tx, first.ID)
			require.NoError(t, err)
			k, err := r.pay.Account(tx, a.Intent)
			require.Equal(t, "refunded", k.Status.State)
			return err
		})
		require.EqualValues(t, 1, r.announced("order.placed"))
		require.EqualValues(t, 1, r.announced("payment.returned"))
		_, err := r.payBy(first, "card", fakepsp.Success)
		require.ErrorIs(t, err, checkout.ErrSoldOut)
		require.Equal(t, "0", fault.Of(err).Fields["rare"])
	})
}

func TestCancelledOrderGivesEverythingBack(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		paid := r.mustPay(r.ready(checkout.Add("dress", 1), checkout.Code("FIVE")), "card", fakepsp.Success)
		owed := r.mustPay(r.ready(checkout.Add("dress", 1)), "bank_transfer", "")
		for _, o := range []checkout.Outcome{paid, owed} {
			dbtest.Write(t, d, func(tx *db.Tx) error { _, err := r.orders.Cancel(tx, o.OrderID, "shopper"); return err })
		}
		r.later(time.Second)
		require.Zero(t, r.held("dress"))
		require.EqualValues(t, 1, r.announced("payment.returned"))
		dbtest.Read(t, d, func(tx *db.Tx) error {
			k, err := r.pay.OfOrder(tx, string(paid.OrderID))
			require.Equal(t, "refunded", k.Status.State)
			return err
		})
		again := r.ready(checkout.Add("dress", 1), checkout.Code("FIVE"))
		require.NotZero(t, again.Quote.Off.Minor, "the code is good again")

		var a payment.Attempt
		dbtest.Read(t, d, func(tx *db.Tx) (err error) { a, err = r.pay.Last(tx, owed.Cart.ID); return err })
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, a.Amount))
		r.later(time.Second)
		require.Equal(t, []string{payment.ReasonCancelled}, r.reviews(), "money for a cancelled order goes back")
		require.EqualValues(t, 2, r.announced("payment.returned"))
	})
}

// A first attempt succeeds after it was given up, and so does the second: one order, one payment goes back.
func TestPaidTwice(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		old := r.mustPay(c, "card", fakepsp.Generic)
		paid := r.mustPay(c, "card", fakepsp.Success)
		require.Equal(t, checkout.PaidOutcome, paid.State)
		require.NoError(t, r.hook(checkout.Outcome{Attempt: old.Attempt}, "late", "capture", "ok", c.Quote.Total.Minor, "EUR"))
		require.Equal(t, []string{payment.ReasonTwice}, r.reviews())
		require.EqualValues(t, 1, r.announced("order.placed"))
		require.EqualValues(t, 1, r.count(`select count(*) from payment_calls where operation = 'refund'`))

		c = r.ready(checkout.Add("dress", 1))
		old = r.mustPay(c, "card", fakepsp.Generic)
		require.NoError(t, r.hook(old, "late2", "capture", "ok", c.Quote.Total.Minor, "EUR"))
		require.Equal(t, checkout.PaidOutcome, r.outcome(c).State, "a success after a failure is a success")

		c = r.ready(checkout.Add("dress", 1))
		old = r.mustPay(c, "card", fakepsp.Generic)
		_, err := r.shop.Change(t.Context(), c.Token, 0, checkout.Add("scarf", 1), checkout.Choose("express_ddp"))
		require.NoError(t, err)
		require.NoError(t, r.hook(old, "late3", "capture", "ok", c.Quote.Total.Minor, "EUR"))
		o := r.outcome(c)
		require.Empty(t, o.OrderID, "that money was for another cart")
		require.Contains(t, r.reviews(), payment.ReasonOutdated)
	})
}

func TestUnknownOutcomes(t *testing.T) {
	const n = 100
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.psp.Set(fakepsp.Knobs{Lost: 1})
		var carts []checkout.Cart
		for i := range n {
			c := r.ready(checkout.Add("dress", 1))
			o := r.mustPay(c, "card", fakepsp.HiddenSuccess)
			require.Equal(t, checkout.UnknownOutcome, o.State)
			if i%10 == 0 {
				again := r.mustPay(c, "card", fakepsp.Success)
				require.Equal(t, checkout.UnknownOutcome, again.State, "no second try while one is unknown")
			}
			carts = append(carts, c)
		}
		failed := r.ready(checkout.Add("dress", 1))
		r.mustPay(failed, "card", fakepsp.HiddenFailure)
		r.later(3 * time.Second)
		for _, c := range carts {
			require.Equal(t, checkout.PaidOutcome, r.outcome(c).State)
		}
		require.Equal(t, checkout.DeclinedOutcome, r.outcome(failed).State)
		require.EqualValues(t, n, r.count(`select count(*) from orders where paid_at is not null`))
		require.EqualValues(t, n, r.count(`select count(*) from fakepsp_payments where state = 'captured'`), "no second charge")
		require.EqualValues(t, n, r.announced("order.paid"))
	})
}

// Browser, webhook, resolver and staff come at once: each cart makes one order, without a gap in the numbers.
func TestCompletionRace(t *testing.T) {
	const n = 200
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.psp.Set(fakepsp.Knobs{Lost: 1})
		var carts []checkout.Cart
		var asked []checkout.Outcome
		for range n {
			c := r.ready(checkout.Add("dress", 1))
			carts, asked = append(carts, c), append(asked, r.mustPay(c, "card", fakepsp.Challenge))
		}
		work := make(chan int)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for i := range work {
					c, o := carts[i], asked[i]
					r.decide(o, "pass")
					var racers sync.WaitGroup
					for _, f := range []func() error{
						func() error { _, err := r.shop.Return(t.Context(), c.Token, nil); return err },
						func() error { return r.pay.Fetch(t.Context(), o.Attempt) },
						func() error { return r.shop.Complete(t.Context(), o.Attempt) },
						func() error {
							_, err := r.payBy(c, "card", fakepsp.Success)
							return err
						},
					} {
						racers.Go(func() {
							if err := f(); err != nil {
								t.Error(err)
							}
						})
					}
					racers.Wait()
				}
			})
		}
		for i := range n {
			work <- i
		}
		close(work)
		all.Wait()
		for _, c := range carts {
			require.Equal(t, checkout.PaidOutcome, r.outcome(c).State)
		}
		require.EqualValues(t, n, r.count(`select count(*) from orders`))
		require.EqualValues(t, n, r.count(`select last from order_numbers`))
		require.EqualValues(t, n, r.count(`select count(distinct number) from orders`))
		require.EqualValues(t, n, r.announced("order.placed"))
		require.EqualValues(t, n, r.announced("order.paid"))
		require.EqualValues(t, n, r.held("dress"))
		require.EqualValues(t, n, r.count(`select count(*) from fakepsp_payments`))
	})
}

// A double click in four tabs at once: one attempt, one charge, one order.
func TestDoubleClicks(t *testing.T) {
	const n = 30
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		for range n {
			c := r.ready(checkout.Add("dress", 1))
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					if _, err := r.payBy(c, "card", fakepsp.Success); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			require.Equal(t, checkout.PaidOutcome, r.outcome(c).State)
		}
		require.EqualValues(t, n, r.count(`select count(*) from orders`))
		require.EqualValues(t, n, r.count(`select count(*) from fakepsp_payments`))
	})
}

func TestNeverOversold(t *testing.T) {
	const stock, buyers = 10, 40
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.stock("rare", stock)
		var carts []checkout.Cart
		for range buyers {
			carts = append(carts, r.ready(checkout.Add("rare", 1)))
		}
		var all sync.WaitGroup
		for i, c := range carts {
			all.Go(func() {
				s := []fakepsp.Scenario{fakepsp.Success, fakepsp.HiddenSuccess}[i%2]
				if _, err := r.payBy(c, "card", s); err != nil && !errors.Is(err, checkout.ErrSoldOut) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for range 5 {
			r.later(3 * time.Second)
		}
		require.EqualValues(t, stock, r.count(`select count(*) from orders`))
		require.EqualValues(t, stock, r.held("rare"))
		require.Zero(t, r.count(`select free from shelf_stock where sku = 'rare'`))
		require.EqualValues(t, stock, r.count(`select count(*) from fakepsp_payments`))
	})
}

func TestLeftAndRestored(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		_, err := r.shop.Begin(t.Context(), checkout.Start{Market: "de"}, checkout.Add("dress", 1)) // nobody knows who
		require.NoError(t, err)
		paid := r.ready(checkout.Add("dress", 1))
		r.mustPay(paid, "card", fakepsp.Success)
		r.later(8 * time.Minute)
		now := c
		dbtest.Read(t, d, func(tx *db.Tx) (err error) { now, err = r.shop.Get(tx, c.Token); return err })
		require.NoError(t, r.shop.Touch(t.Context(), now))
		r.later(8 * time.Minute)
		require.Zero(t, r.announced("checkout.left"), "seen eight minutes ago")
		r.later(3 * time.Minute)
		require.EqualValues(t, 1, r.announced("checkout.left"))
		r.later(time.Hour)
		require.EqualValues(t, 1, r.announced("checkout.left"), "told once")
		var e checkout.LeftEvent
		dbtest.Read(t, d, func(tx *db.Tx) error {
			body, err := db.One(tx, db.Scalar[string], `select body from events where topic = 'checkout.left'`)
			require.NoError(t, json.Unmarshal([]byte(body), &e))
			require.Equal(t, c.ID, e.Cart)
			require.Equal(t, "+4915123456789", e.Phone)
			require.Equal(t, dbtest.Start.Add(8*time.Minute), e.At)
			back, err2 := r.shop.Restore(tx, e.Token)
			require.NoError(t, err2)
			require.Equal(t, c.Token, back.Token)
			require.Equal(t, c.Market, back.Market)
			require.Equal(t, c.Lang, back.Lang)
			for _, forged := range []string{"", "x", e.Token + "x", "a" + e.Token, strings.Split(e.Token, ".")[0] + "."} {
				_, bad := r.shop.Restore(tx, forged)
				require.ErrorIs(t, bad, checkout.ErrBadLink)
			}
			return err
		})
		require.Equal(t, checkout.PaidOutcome, r.mustPay(c, "card", fakepsp.Success).State)
		require.EqualValues(t, 1, r.announced("checkout.recovered"))
	})
}

// intentOf is the intent of an outcome's attempt.
func intentOf(o checkout.Outcome) string { return o.Attempt[:strings.LastIndex(o.Attempt, "_")] }
