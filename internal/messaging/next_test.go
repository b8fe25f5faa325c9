package messaging_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

func (w *world) report(ref string, s messaging.State) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		return w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: ref, State: s, Code: "1"})
	})
}

// What must arrive goes by its next channel when no receipt comes in time, or the network says that it failed; once,
// whatever comes later. Offers go by one channel only.
func TestTheNextChannel(t *testing.T) {
	const mail = "anna@example.org"
	for name, c := range map[string]struct {
		offer  bool
		early  messaging.State // said before the time is over; empty: nothing
		late   messaging.State
		mails  int
		state  messaging.State
		waited time.Duration
	}{
		"silence":                  {waited: 121 * time.Second, mails: 1, state: messaging.Sent},
		"silence, not long enough": {waited: 119 * time.Second, state: messaging.Sent},
		"arrived":                  {early: messaging.Delivered, waited: time.Hour, state: messaging.Delivered},
		"failed":                   {early: messaging.Failed, mails: 1, state: messaging.Failed},
		"arrived too late":         {waited: 3 * time.Minute, late: messaging.Delivered, mails: 1, state: messaging.Delivered},
		"failed too late":          {waited: 3 * time.Minute, late: messaging.Failed, mails: 1, state: messaging.Failed},
		"an offer":                 {offer: true, waited: time.Hour, state: messaging.Sent},
		"an offer that failed":     {offer: true, early: messaging.Failed, waited: time.Hour, state: messaging.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				m := confirm(kate, "gb", "en")
				if c.offer {
					w.agree(kate, customer.SMS, false)
					w.agree(mail, customer.Mail, false)
					m = cart(kate, "gb", "en")
				}
				m.Else = []messaging.Reach{{Channel: messaging.WhatsApp, To: kate}, {Channel: messaging.Email, To: mail}}
				r := w.send(m)
				w.drain()
				if c.early != "" {
					w.report("abc1", c.early)
				}
				d.Clock().Advance(c.waited)
				w.drain()
				if c.late != "" {
					w.report("abc1", c.late)
				}
				d.Clock().Advance(time.Hour)
				if c.waited < 2*time.Minute && c.early == "" {
					w.report("abc1", messaging.Delivered)
					c.state = messaging.Delivered
				}
				w.drain()
				require.Equal(t, c.state, w.get(r.ID).State)
				require.Len(t, w.net.parcels(), 1)
				require.Len(t, w.mail.parcels(), c.mails, "there is no way to WhatsApp, so it is passed over")
				for _, p := range w.mail.parcels() {
					require.Equal(t, mail, p.To)
					require.Equal(t, r.ID, w.get(p.Message).Instead)
				}
			})
		})
	}
}
