package app_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/app/apptest"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/id"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/pricing"
)

var races = flag.Int("races", 240, "payments around a reminder on each database")

// reminded is a bag whose reminder is due, and when its shopper pays.
type reminded struct {
	cart, token, phone string
	due, pay           time.Time
	done               time.Time // the shop has answered the payment
	order              order.ID
}

// bags copies one bag that was left unpaid for many shoppers who agreed to offers, each left a moment after the one before.
func bags(s *apptest.Shop, n int, pace time.Duration) (all []*reminded) {
	s.T.Helper()
	p := apptest.Imogen
	c, err := s.Checkout.Begin(s.T.Context(), checkout.Start{Market: "gb", Lang: "en"}, checkout.Add(p.SKU, 1),
		checkout.SetContact(checkout.Contact{GivenName: p.Given, FamilyName: p.Family, Email: p.Email, Phone: p.Phone}),
		checkout.SetAddress(address.Address{GivenName: p.Given, FamilyName: p.Family, Line1: p.Line1, City: p.City, Postcode: p.Postcode, Country: p.Country, Phone: p.Phone}))
	require.NoError(s.T, err)
	s.Read(func(tx *db.Tx) error {
		ways, err := s.Checkout.Options(tx, c)
		require.NotEmpty(s.T, ways)
		c.Service = ways[0].Option.Service
		return err
	})
	c, err = s.Checkout.Change(s.T.Context(), c.Token, 0, checkout.Choose(c.Service))
	require.NoError(s.T, err)
	require.NotNil(s.T, c.Quote)
	left := s.DB.Clock().Now()
	for batch := range slices.Chunk(make([]struct{}, n), 200) {
		s.Write(func(tx *db.Tx) error {
			var rows [][]any
			body, err := db.One(tx, db.Scalar[string], `select body from carts where id = $1`, c.ID)
			if err != nil {
				return err
			}
			for range batch {
				i := len(all)
				r := &reminded{cart: id.New("crt"), token: id.New("tok"), phone: fmt.Sprintf("+4474%08d", i), due: left.Add(time.Duration(i)*pace + 2*time.Hour)}
				email := fmt.Sprintf("race%d@example.org", i)
				who, err := s.Customers.Upsert(tx, customer.Customer{GivenName: p.Given, FamilyName: p.Family, Email: email, Phone: r.phone, Country: "GB", Lang: "en", Market: "gb"})
				if err != nil {
					return err
				}
				_, err = s.Customers.Record(tx, customer.Consent{Customer: who.ID, Address: r.phone, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Grant, Text: "Offers",
					Wording: "1", Lang: "en", Market: "gb"})
				if err != nil {
					return err
				}
				own := strings.NewReplacer(p.Phone, r.phone, p.Email, email).Replace(body)
				rows = append(rows, []any{r.cart, r.token, "gb", "GB", "en", "GBP", "open", int64(1), who.ID, "", true, own, left, r.due.Add(-2 * time.Hour)})
				all = append(all, r)
			}
			return db.InsertEach(tx, `insert into carts (id, token, market, country, lang, currency, state, version, customer, attempt, watched, body, created_at, activity_at) values`, "", rows)
		})
	}
	return all
}

// Shoppers who pay at any millisecond around the reminder of their bag get it before they paid or never, and at most once; a
// code is open for whom it was sent to and for nobody else. With -races 5000 on two databases these are 10,000 payments.
func TestPayingAroundTheReminder(t *testing.T) {
	for name, url := range apptest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			s := apptest.Open(t, url(t), db.Fast(apptest.Start, 1))
			s.Write(func(tx *db.Tx) error {
				return s.Stock.SetStock(tx, []fulfilment.Stock{{SKU: apptest.Imogen.SKU, Location: "ams", OnHand: 1_000_000}, {SKU: apptest.Imogen.SKU, Location: "can", OnHand: 1_000_000}})
			})
			pace := 50 * time.Millisecond
			all := bags(s, *races, pace)
			last := all[len(all)-1].due
			s.DB.Clock().Advance(11*time.Minute + time.Duration(*races)*pace)
			left := func() (n int64) {
				s.Read(func(tx *db.Tx) (err error) {
					n, err = db.One(tx, db.Scalar[int64], `select count(*) from journey_runs where journey = 'cart' and state = 'waiting'`)
					return err
				})
				return n
			}
			for deadline := 0; left() < int64(*races); deadline++ {
				require.Less(t, deadline, 6000, "%d of %d bags wait for their reminder", left(), *races)
				<-time.After(50 * time.Millisecond)
			}
			dice := rand.New(rand.NewPCG(7, 2026))
			for _, r := range all {
				r.pay = r.due.Add(time.Duration(dice.IntN(2000)-1000) * time.Millisecond)
			}
			turns := slices.SortedFunc(slices.Values(all), func(a, b *reminded) int { return cmp.Compare(a.pay.UnixNano(), b.pay.UnixNano()) })
			s.DB.Clock().Advance(all[0].due.Add(-2 * time.Second).Sub(s.DB.Clock().Now()))
			next := make(chan *reminded)
			var payers sync.WaitGroup
			for range 12 {
				payers.Go(func() {
					for r := range next {
						out, err := s.Checkout.Pay(t.Context(), checkout.PayRequest{Token: r.token, Method: "card", Instrument: fakepsp.Cards()[0].Number,
							ReturnURL: s.URL + "/checkout/return", BaseURL: s.URL})
						r.done = s.DB.Clock().Now()
						if err != nil || out.State != checkout.PaidOutcome {
							t.Errorf("%s: %v %v", r.cart, out.State, err)
						}
						r.order = out.OrderID
					}
				})
			}
			for _, r := range turns {
				s.DB.Clock().Wait(t.Context().Done(), r.pay)
				next <- r
			}
			close(next)
			payers.Wait()
			s.DB.Clock().Wait(t.Context().Done(), last.Add(2*time.Second))
			for tries := 0; ; tries++ { // so many webhooks take their time
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				err := s.Queue.Idle(ctx)
				cancel()
				if err == nil {
					break
				}
				require.Less(t, tries, 30, "%v", err)
			}
			settled(t, s, all)
		})
	}
}

// settled looks at what became of each bag.
func settled(t *testing.T, s *apptest.Shop, all []*reminded) {
	t.Helper()
	codes := map[string]int{} // that are open, by bag
	s.Read(func(tx *db.Tx) error {
		issued, err := s.Prices.Codes(tx, "recover", 20_000)
		for _, c := range issued {
			if c.State == pricing.CodeOpen {
				codes[c.Cart]++
			}
		}
		return err
	})
	got := map[string]int{}
	var closest time.Duration
	for _, r := range all {
		require.NotEmpty(t, r.order)
		s.Read(func(tx *db.Tx) error {
			msgs, err := s.Messages.List(tx, messaging.Filter{Cart: r.cart, Template: "cart"}, messaging.Page{})
			require.NoError(t, err)
			sent := 0
			for _, m := range msgs {
				d, err := s.Messages.Inspect(tx, m.ID)
				require.NoError(t, err)
				for _, a := range d.Attempts {
					sent++
					ahead := r.done.Sub(a.StartedAt)
					require.Positive(t, ahead, "%s was reminded after it had been paid", r.cart)
					if closest == 0 || ahead < closest {
						closest = ahead
					}
				}
			}
			require.LessOrEqual(t, sent, 1, r.cart)
			require.Equal(t, sent, codes[r.cart], "codes of %s", r.cart)
			if sent == 1 {
				got["sent"]++
				return nil
			}
			steps, err := s.Journeys.Decisions(tx, r.cart)
			require.NotEmpty(t, steps)
			why := steps[len(steps)-1].Reason
			require.NotEmpty(t, why, "%+v", steps)
			got[why]++
			return err
		})
		on := 0
		for _, x := range s.Received(r.phone) {
			if strings.Contains(x.Text, "your bag is waiting") {
				on++
			}
		}
		require.LessOrEqual(t, on, 1)
	}
	t.Logf("%d payments around the reminder: %v; the closest was handed over %s before its payment was answered", len(all), got, closest)
	require.Greater(t, got["sent"], len(all)/50, "some were sent: %v", got)
	require.Less(t, got["sent"], len(all)*49/50, "some weren't: %v", got)
}
