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
	"portolan/internal/messaging"
)

// A rehearsal says the same whether it remembers what it has read and answered or reads everything anew each time, and
// whether a message is planned before it is sent or not.
func TestRehearsalRemembers(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		begin := d.Clock().Now()
		phones := []string{"+447700900101", "+447700900102", "+447700900103", "+447700900104"}
		for i, phone := range phones {
			if i > 0 {
				w.agree(phone, customer.SMS, false)
			}
			m := cart(phone, "gb", "en")
			m.Key, m.Cart, m.Customer = fmt.Sprint("real:", i), fmt.Sprint("crt_real_", i), fmt.Sprint("cus_", i%3)
			w.send(m)
			d.Clock().Advance(15 * time.Hour)
		}
		w.hear(phones[3], "STOP")
		rapid.Check(t, func(rt *rapid.T) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				keen, dull := w.messages.Rehearse(messaging.Script{}), w.messages.Rehearse(messaging.Script{})
				at := begin
				for i := range rapid.IntRange(1, 25).Draw(rt, "messages") {
					at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "hours later")) * time.Hour)
					who := rapid.IntRange(0, len(phones)-1).Draw(rt, "who")
					m := cart(phones[who], "gb", "en")
					m.Key, m.Cart, m.Customer = fmt.Sprint("key:", i), fmt.Sprint("crt_", rapid.IntRange(0, 9).Draw(rt, "cart")), fmt.Sprint("cus_", who%3)
					for range rapid.IntRange(0, 2).Draw(rt, "planned before") {
						_, err := keen.Plan(tx, at, m)
						require.NoError(rt, err)
					}
					if rapid.Bool().Draw(rt, "other words") {
						m.Vars["code"] = "OTHER"
					}
					got, err := keen.Send(tx, at, m)
					require.NoError(rt, err)
					dull.Forget()
					want, err := dull.Send(tx, at, m)
					require.NoError(rt, err)
					require.Equal(rt, said(want), said(got))
				}
				return nil
			})
		})
	})
}

type answer struct {
	gate    messaging.Decision
	state   messaging.State
	body    string
	cost    messaging.Cost
	reasons string
}

func said(r messaging.Record) answer {
	return answer{r.Gate, r.State, r.Body, r.Cost, fmt.Sprint(r.Tried)}
}

// What a rehearsal sent months ago is forgotten: a year's fits into memory.
func TestRehearsalForgetsWhatIsLongAgo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		at := d.Clock().Now()
		h := w.messages.Rehearse(messaging.Script{Consent: func(string, customer.Channel, customer.Class, time.Time) customer.State {
			return customer.State{Granted: true, Confirmed: true}
		}})
		most := 0
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for i := range 400 {
				m := cart(fmt.Sprintf("+44770090%04d", i), "gb", "en")
				m.Key, m.Cart, m.Customer = fmt.Sprint("key:", i), fmt.Sprint("crt_", i), fmt.Sprint("cus_", i)
				r, err := h.Send(tx, at.AddDate(0, 0, i), m)
				require.NoError(t, err)
				require.Equal(t, messaging.Queued, r.State, r.Gate)
				most = max(most, h.Remembered())
			}
			return nil
		})
		require.Less(t, most, 100, "a month and a week, by address and by person")
	})
}
