package messaging_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/settings"
)

// eachGoverned is a world with a book of senders and limits; a US dollar is worth 0.90 euros.
func eachGoverned(t *testing.T, f func(t *testing.T, w *world)) {
	dbtest.Each(t, append([]db.Schema{settings.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.messages.Govern(settings.Watch(d), settings.Bump, func(from, to money.Currency, _ string) (money.Rate, bool) {
			return money.MustRate("0.90"), from == "USD" && to == "EUR"
		})
		f(t, w)
	})
}

func (w *world) keep(r messaging.SenderRecord) messaging.SenderRecord {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) { r, err = w.messages.KeepSender(tx, r, "mei"); return err })
	return r
}

func (w *world) limit(l messaging.Limits) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error { return w.messages.SetLimits(tx, l, "mei") })
}

func (w *world) spent(m string) (day, month string) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) error {
		all, err := w.messages.Spending(tx)
		day, month = all["de"].Day.String(), all["de"].Month.String()
		return err
	})
	return day, month
}

// A sender sends offers to GB from the moment its registration is written down, and no longer once it is taken away,
// also to those who wait.
func TestRegistrationAtTheGate(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		w.agree(kate, customer.SMS, false)
		require.Equal(t, messaging.Queued, w.send(confirm(kate, "gb", "en")).State, "what belongs to a purchase goes")
		r := w.send(cart(kate, "gb", "en"))
		require.Equal(t, messaging.Dropped, r.State)
		require.Equal(t, "sender_unregistered", r.Reason)

		gb := w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		again := cart(kate, "gb", "en")
		again.Key, again.Cart = "again", "crt_2"
		w.d.Clock().Advance(10 * time.Hour)
		r = w.send(again)
		require.Equal(t, messaging.Held, r.State, "%+v", r.Gate)
		gb.State = messaging.Rejected
		w.keep(gb)
		w.d.Clock().Advance(12 * time.Hour)
		w.drain()
		require.Equal(t, messaging.Dropped, w.get(r.ID).State)
		require.Equal(t, "sender_unregistered", w.get(r.ID).Reason)
		m := confirm(kate, "gb", "en")
		m.Key = "order 2"
		require.Equal(t, "sender_unregistered", w.send(m).Reason, "networks stop it whatever it says")
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			all, err := w.messages.SenderHistory(tx, gb.ID)
			require.Len(t, all, 2)
			require.Equal(t, messaging.Rejected, all[0].State)
			return err
		})
	})
}

// A sender that can't be answered gets links where one that can asks for an answer.
func TestSenderThatCannotBeAnswered(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		require.Contains(t, w.send(confirm(anna, "de", "de")).Body, "Antwort INFO")
		w.keep(messaging.SenderRecord{Country: "DE", Kind: messaging.LongNumber, Value: "+4915799900001", State: messaging.NotNeeded})
		m := confirm(anna, "de", "de")
		m.Key = "again"
		require.Contains(t, w.send(m).Body, "https://lotus.example/r/")
	})
}

func TestSenderForm(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		for field, r := range map[string]messaging.SenderRecord{
			"country":  {Country: "Germany", Kind: messaging.Alpha, Value: "LOTUS", State: messaging.Missing},
			"value":    {Country: "DE", Kind: messaging.Alpha, Value: "LOTUS FLOWERS LTD", State: messaging.Missing},
			"state":    {Country: "DE", Kind: messaging.Alpha, Value: "LOTUS", State: "perhaps"},
			"valid_to": {Country: "DE", Kind: messaging.Alpha, Value: "LOTUS", State: messaging.Missing, ValidFrom: "2026-11-24", ValidTo: "2026-11-23"},
			"links":    {Country: "DE", Kind: messaging.Alpha, Value: "LOTUS", State: messaging.Missing, Links: []string{"javascript:1"}},
			"phones":   {Country: "DE", Kind: messaging.Alpha, Value: "LOTUS", State: messaging.Missing, Phones: []string{"12"}},
		} {
			err := w.d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.messages.KeepSender(tx, r, "mei"); return err })
			require.ErrorIs(t, err, messaging.ErrSenderForm, field)
			require.ErrorContains(t, err, field)
		}
		r := messaging.SenderRecord{Country: "DE", Kind: messaging.Alpha, Value: "LOTUS", State: messaging.Missing}
		w.keep(r)
		err := w.d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.messages.KeepSender(tx, r, "mei"); return err })
		require.ErrorIs(t, err, messaging.ErrSenderTaken)
	})
}

// Offers stop where the day's money ends, wait for the next, and what wasn't spent comes back. Orders go on.
func TestBudget(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		w.limit(messaging.Limits{Market: "de", Currency: "EUR", Day: 15, Month: 100})
		var all []messaging.Record
		for n := range 3 {
			to := fmt.Sprintf("+491511234567%d", n)
			w.agree(to, customer.SMS, true)
			dbtest.Write(t, w.d, func(tx *db.Tx) error {
				events, err := w.people.Ledger(tx, to)
				if err != nil {
					return err
				}
				_, err = w.people.Confirm(tx, events[0].ID, "")
				return err
			})
			all = append(all, w.send(cart(to, "de", "de")))
		}
		require.Equal(t, messaging.Queued, all[0].State, "%+v", all[0].Gate) // 0.0731 each
		require.Equal(t, messaging.Queued, all[1].State)
		require.Equal(t, messaging.Held, all[2].State)
		require.Equal(t, "budget", all[2].Reason)
		require.Equal(t, time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC), all[2].HeldUntil, "midnight in Berlin")
		day, month := w.spent("de")
		require.Equal(t, "EUR 0.15", day)
		require.Equal(t, "EUR 0.15", month)
		require.Equal(t, messaging.Queued, w.send(confirm(anna, "de", "de")).State)

		w.hear("+4915112345671", "STOP")
		w.drain()
		dbtest.Write(t, w.d, func(tx *db.Tx) error { return w.messages.SettleCosts(tx) })
		day, _ = w.spent("de")
		require.Equal(t, "EUR 0.07", day, "one was sent, one was stopped")

		w.d.Clock().Advance(11 * time.Hour) // midnight in Berlin is past, and quiet
		w.drain()
		require.Equal(t, "quiet_hours", w.get(all[2].ID).Reason)
		w.d.Clock().Advance(10 * time.Hour)
		w.drain()
		require.Equal(t, messaging.Sent, w.get(all[2].ID).State)
		day, month = w.spent("de")
		require.Equal(t, "EUR 0.07", day)
		require.Equal(t, "EUR 0.15", month)
	})
}

// Forty at once on money for ten: ten go, whoever meets whom.
func TestBudgetIsNeverOverdrawn(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		w.limit(messaging.Limits{Market: "gb", Currency: "EUR", Day: 35})
		w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		const n = 40
		for i := range n {
			w.agree(fmt.Sprintf("+4474001234%02d", i), customer.SMS, false)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		states := map[messaging.State]int{}
		for i := range n {
			all.Go(func() {
				m := cart(fmt.Sprintf("+4474001234%02d", i), "gb", "en")
				var r messaging.Record
				err := w.d.Write(t.Context(), func(tx *db.Tx) (err error) { r, err = w.messages.Send(tx, m); return err })
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				states[r.State]++
			})
		}
		all.Wait()
		require.Equal(t, map[messaging.State]int{messaging.Queued: 10, messaging.Held: 30}, states) // 0.0348 each
	})
}

// One person gets one offer a day, by whatever address, and one about a cart.
func TestCapsArePerPerson(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		w.agree(kate, customer.SMS, false)
		w.agree("kate@example.org", customer.Mail, false)
		m := cart(kate, "gb", "en")
		m.Customer = "cus_1"
		require.Equal(t, messaging.Queued, w.send(m).State)
		mail := cart("kate@example.org", "gb", "en")
		mail.Channel, mail.Customer = messaging.Email, "cus_1"
		r := w.send(mail)
		require.Equal(t, messaging.Held, r.State)
		require.Equal(t, "cap", r.Reason)
		mail.Key, mail.Cart = "about the same", m.Cart
		r = w.send(mail)
		require.Equal(t, messaging.Dropped, r.State)
		require.Equal(t, "cart_reminded", r.Reason)
	})
}

// Once a day each sender that needs one has its volume of 90 days counted: texts that left under its name, in its country.
func TestVolumes(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		gb := w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, MinVolume: 1000})
		de := w.keep(messaging.SenderRecord{Country: "DE", Kind: messaging.LongNumber, Value: "+4915799900001", State: messaging.Approved, MinVolume: 1000})
		free := w.keep(messaging.SenderRecord{Country: "US", Kind: messaging.TenDLC, Value: "+12025550101", State: messaging.Approved})
		for i := range 5 {
			m := confirm(fmt.Sprintf("+44770090012%d", i), "gb", "en")
			m.Key = fmt.Sprint("order ", i)
			w.send(m)
		}
		w.send(confirm(anna, "de", "de"))
		w.drain()
		count := func() (volumes []int64) {
			dbtest.Write(t, w.d, func(tx *db.Tx) error { return w.queue.AddKind(tx, "messaging.volumes", struct{}{}, jobs.When{}) })
			w.drain()
			dbtest.Read(t, w.d, func(tx *db.Tx) error {
				for _, id := range []string{gb.ID, de.ID, free.ID} {
					r, err := w.messages.Sender(tx, id)
					if err != nil {
						return err
					}
					volumes = append(volumes, r.Volume)
				}
				return nil
			})
			return volumes
		}
		require.Equal(t, []int64{5, 1, 0}, count())
		w.d.Clock().Advance(91 * 24 * time.Hour)
		require.Equal(t, []int64{0, 0, 0}, count())
	})
}
