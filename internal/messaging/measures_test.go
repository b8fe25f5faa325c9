package messaging_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

func (w *world) measures(f messaging.MeasureFilter) (m messaging.Measures) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { m, err = w.messages.Measures(tx, f); return err })
	return m
}

func (w *world) number(query string) (n int64) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { n, err = db.One(tx, db.Scalar[int64], query); return err })
	return n
}

// recounted asks for the measures and proves them from the messages, their attempts and the answers.
func (w *world) recounted() messaging.Measures {
	w.t.Helper()
	m := w.measures(messaging.MeasureFilter{})
	var again messaging.Measures
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { again, err = w.messages.Recount(tx); return err })
	require.Equal(w.t, again.Rows, m.Rows)
	require.Equal(w.t, again.Reasons, m.Reasons)
	require.Equal(w.t, again.Total, m.Total)
	for what, c := range map[string]struct {
		got   int64
		query string
	}{
		"sent":      {m.Total.Sent, `select count(distinct message) from message_attempts where outcome = 'taken'`},
		"delivered": {m.Total.Delivered, `select count(*) from messages where state in ('delivered', 'read')`},
		"ended":     {m.Total.Failed, `select count(*) from messages where state in ('failed', 'expired', 'unknown')`},
		"held":      {m.Total.Held, `select count(*) from messages where state = 'held'`},
		"dropped":   {m.Total.Dropped, `select count(*) from messages where state = 'dropped'`},
		"replied": {m.Total.Replied, `select count(*) from messages m where sent_at is not null and exists
			(select 1 from inbound_messages i where i.message = m.id and i.intent <> 'stop')`},
		"clicked":   {m.Total.Clicked, `select count(*) from messages where clicks > 0`},
		"converted": {m.Total.Converted, `select count(*) from message_conversions`},
		"receipts": {m.Total.Times.Seen, `select count(distinct message) from message_receipts r where state = 'delivered' and message <> '' and exists
			(select 1 from messages m where m.id = r.message and m.state = 'delivered')`},
	} {
		require.Equal(w.t, w.number(c.query), c.got, what)
	}
	return m
}

func TestMeasuresTellWhatBecameOfMessages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		require.Empty(t, w.measures(messaging.MeasureFilter{}).Rows)
		r := w.send(confirm(anna, "de", "de"))
		w.drain()
		d.Clock().Advance(1400 * time.Millisecond)
		say := func(state messaging.State) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				return w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: "abc1", State: state, Phone: anna[1:]})
			})
		}
		say(messaging.Delivered)
		say(messaging.Delivered)
		say(messaging.Failed)
		w.hear(anna, "Danke, kommt es bald?")
		w.hear(anna, "Und wann?")
		mail := confirm(anna, "de", "de")
		mail.Key, mail.Channel, mail.To = "mail", messaging.Email, "anna@mail.example"
		mail.Vars = map[string]string{"name": "Anna", "order": "F-1", "items": "Schal", "from": "2.", "to": "5.", "ship_to": "Anna", "lines": "Schal\t1", "total": "1 EUR"}
		w.send(mail)
		w.drain()
		m := w.recounted()
		require.Equal(t, r.Market, m.Rows[0].Market)
		sms := m.Rows[0]
		for _, row := range m.Rows {
			if row.Template == "confirm" && row.Channel == messaging.SMS {
				sms = row
			}
		}
		require.Equal(t, messaging.Kin{Market: "de", Class: messaging.Transactional, Channel: messaging.SMS, Template: "confirm", Provider: "sim", Route: "de"}, sms.Kin)
		require.Equal(t, []int64{1, 1, 1, 1, 0}, []int64{sms.Sent, sms.Heard, sms.Delivered, sms.Replied, sms.Failed})
		require.Equal(t, 1400*time.Millisecond, sms.Times.Mean())
		require.Equal(t, 1500*time.Millisecond, sms.Times.Within(.5), "the end of the class it fell into")
		require.Equal(t, []messaging.Cost{{Micros: 73_100, Currency: "EUR"}}, sms.Cost)
		require.Equal(t, m.Total.Sent-1, m.Total.Heard, "no mail server tells whether a letter arrived")
		require.Equal(t, []string{"sim", "smtp"}, m.Providers)
		require.Len(t, m.Hours, 1)
		require.Equal(t, int64(1), w.measures(messaging.MeasureFilter{Provider: "smtp"}).Total.Sent)
		require.Empty(t, w.measures(messaging.MeasureFilter{Market: "us"}).Rows)
		require.Empty(t, w.measures(messaging.MeasureFilter{Until: d.Clock().Now().Add(-2 * time.Hour)}).Rows)
		require.NoError(t, w.messages.Fold(t.Context()))
		require.NoError(t, w.messages.Fold(t.Context()))
		require.Zero(t, w.number(`select count(*) from message_moves`))
		require.Equal(t, m, w.measures(messaging.MeasureFilter{}))
	})
}

func TestAnOrderCountsForTheLastOfferThatLedToIt(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		d.Clock().Advance(12 * time.Hour)
		w.agree(kate, customer.SMS, false)
		r := w.send(cart(kate, "gb", "en"))
		buy := func(order, cart, who string) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				return w.messages.Bought(tx, messaging.Purchase{Order: order, Cart: cart, Customer: who, Total: money.Of(9685, "EUR")})
			})
		}
		buy("ord_0", "crt_"+kate, "")
		require.Zero(t, w.recounted().Total.Converted, "nothing was sent yet: %s %s", r.State, r.Reason)
		for range 30 {
			w.drain()
			if r = w.get(r.ID).Record; r.State != messaging.Held {
				break
			}
			d.Clock().Advance(time.Hour)
		}
		require.Equal(t, messaging.Sent, r.State, r.Reason)
		buy("ord_1", "crt_"+kate, "")
		buy("ord_1", "crt_"+kate, "")
		buy("ord_2", "crt_2", "cus_2")
		m := w.recounted()
		require.Equal(t, int64(1), m.Total.Converted)
		require.Equal(t, []money.Amount{money.Of(9685, "EUR")}, m.Total.Revenue)
		d.Clock().Advance(8 * 24 * time.Hour)
		buy("ord_3", "crt_1", "")
		require.Equal(t, int64(1), w.recounted().Total.Converted, "a week later it is no merit of the offer")
	})
}

func TestPeopleFollowLinksAndRobotsDo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		d.Clock().Advance(12 * time.Hour)
		w.agree(kate, customer.SMS, false)
		r := w.send(cart(kate, "gb", "en"))
		for range 30 {
			w.drain()
			if r = w.get(r.ID).Record; r.State != messaging.Held {
				break
			}
			d.Clock().Advance(time.Hour)
		}
		follow := func(person bool) (to string) {
			dbtest.Write(t, d, func(tx *db.Tx) (err error) {
				to, _, err = w.messages.Follow(tx, r.LinkCode("link"), person)
				return err
			})
			return to
		}
		require.Equal(t, r.Link, follow(true), "at the very moment it is sent")
		d.Clock().Advance(time.Second)
		follow(false)
		require.Zero(t, w.recounted().Total.Clicked)
		follow(true)
		follow(true)
		got := w.get(r.ID)
		require.Equal(t, []int64{2, 2}, []int64{got.Clicks, got.Robots}, got.State)
		require.Equal(t, int64(1), w.recounted().Total.Clicked, "persons, not clicks")
	})
}

// TestCountsEqualARecount does whatever can happen to messages in any order and counts again from the messages.
func TestCountsEqualARecount(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.net.answer = func(n int, p messaging.Parcel) error {
			switch n % 11 {
			case 7:
				return &messaging.Refusal{Trouble: messaging.BadNumber, Code: "11", Err: fmt.Errorf("no such number")}
			case 9:
				return fmt.Errorf("the line broke")
			}
			return nil
		}
		people := map[string]market.Code{anna: "de", budi: "id", siti: "my", jane: "us", kate: "gb"}
		who := []string{anna, budi, siti, jane, kate}
		for _, p := range who {
			w.agree(p, customer.SMS, false)
		}
		var sent []messaging.Record
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			person := rapid.SampledFrom(who).Draw(rt, "person")
			one := messaging.Record{}
			if len(sent) > 0 {
				one = sent[rapid.IntRange(max(0, len(sent)-12), len(sent)-1).Draw(rt, "message")]
			}
			n++
			switch rapid.SampledFrom([]string{"send", "send", "offer", "wait", "receipt", "receipt", "receipt", "reply", "click", "buy", "fold"}).Draw(rt, "step") {
			case "send":
				m := confirm(person, people[person], "en")
				m.Key = fmt.Sprint("c", n)
				sent = append(sent, w.send(m))
				w.drain()
			case "offer":
				m := cart(person, people[person], "en")
				m.Key, m.Cart, m.Customer = fmt.Sprint("o", n), fmt.Sprint("crt_", n), "cus_"+person
				sent = append(sent, w.send(m))
				w.drain()
			case "wait":
				d.Clock().Advance(time.Duration(rapid.IntRange(1, 100_000).Draw(rt, "seconds")) * time.Second)
				w.drain()
			case "receipt":
				if one.ID == "" {
					return
				}
				at := w.get(one.ID).Attempts
				ref := fmt.Sprintf("%08X", 0xabc0+n+40) // perhaps of a message to come
				if len(at) > 0 && len(at[len(at)-1].Refs) > 0 {
					ref = at[len(at)-1].Refs[0]
				}
				state := rapid.SampledFrom([]messaging.State{messaging.Delivered, messaging.Delivered, messaging.Failed, messaging.Expired}).Draw(rt, "state")
				rc := messaging.Receipt{Provider: "sim", Ref: ref, State: state, Code: "034"}
				if rapid.Bool().Draw(rt, "together") {
					require.NoError(t, w.messages.TakeReceipt(t.Context(), rc))
				} else {
					dbtest.Write(t, d, func(tx *db.Tx) error { return w.messages.Receipt(tx, rc) })
				}
			case "reply":
				w.hear(person, fmt.Sprint("hello ", n))
				w.drain()
			case "click":
				if one.Link != "" {
					dbtest.Write(t, d, func(tx *db.Tx) error {
						_, _, err := w.messages.Follow(tx, one.LinkCode("link"), true)
						if err == messaging.ErrOldToken {
							err = nil
						}
						return err
					})
				}
			case "buy":
				dbtest.Write(t, d, func(tx *db.Tx) error {
					return w.messages.Bought(tx, messaging.Purchase{Order: fmt.Sprint("ord_", n%40), Cart: one.Cart, Customer: one.Customer, Total: money.Of(int64(n), "EUR")})
				})
			case "fold":
				require.NoError(t, w.messages.Fold(t.Context()))
			}
			var counted, again messaging.Measures
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				if counted, err = w.messages.Measures(tx, messaging.MeasureFilter{}); err == nil {
					again, err = w.messages.Recount(tx)
				}
				return err
			})
			require.Equal(t, again.Rows, counted.Rows)
			require.Equal(t, again.Reasons, counted.Reasons)
		})
		require.NotZero(t, w.measures(messaging.MeasureFilter{}).Total.Sent)
	})
}
