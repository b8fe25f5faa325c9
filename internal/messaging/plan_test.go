package messaging_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

// A plan says what the gate will do for everybody; sending does that, once for each, and can be stopped.
func TestPlanAndCampaign(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		const n = 230
		w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		dbtest.Write(t, w.d, func(tx *db.Tx) error {
			for i := range n {
				c, err := w.people.Upsert(tx, customer.Customer{GivenName: "Kate", Phone: fmt.Sprintf("+447400123%03d", i), Email: fmt.Sprintf("kate%d@example.org", i), Country: "GB", Market: "gb", Lang: "en"})
				if err != nil {
					return err
				}
				agree := func(address string, ch customer.Channel) error {
					_, err := w.people.Record(tx, customer.Consent{Address: address, Channel: ch, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Source: "test"})
					return err
				}
				switch {
				case i < 100:
					err = agree(c.Phone, customer.SMS)
				case i < 150:
					err = agree(c.Email, customer.Mail)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		ask := messaging.Campaign{Name: "Sale", Template: "cart", Market: "gb", Vars: map[string]string{"code": "AB12CD34E", "pct": "5"}, Link: "https://lotus.example/en-gb/sale"}
		var c messaging.Campaign
		start := func() {
			dbtest.Write(t, w.d, func(tx *db.Tx) (err error) { c, err = w.messages.StartPlan(tx, ask, "mei"); return err })
			w.drain()
			dbtest.Read(t, w.d, func(tx *db.Tx) (err error) { c, err = w.messages.CampaignOf(tx, c.ID); return err })
		}
		start()
		require.Equal(t, messaging.Planned, c.State)
		sum := c.Sum()
		require.Equal(t, int64(n), sum.People)
		require.Equal(t, int64(150), sum.Now)
		require.Equal(t, int64(50), sum.Switched)
		require.Equal(t, int64(80), sum.Blocked)
		require.Equal(t, int64(80), sum.Reasons["no_consent"])
		require.Equal(t, int64(100), sum.Parts)
		require.Equal(t, int64(100*34_800), sum.Costs["EUR"])
		require.Zero(t, w.number(`select count(*) from messages`), "a plan sends nothing")

		send := func(reached int64) error {
			return w.d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.messages.SendPlan(tx, c.ID, reached, "mei"); return err })
		}
		require.ErrorIs(t, send(149), messaging.ErrPlanMoved)
		require.NoError(t, send(150))
		require.ErrorIs(t, send(150), messaging.ErrPlanMoved)
		w.drain()
		require.Len(t, w.net.parcels(), 100)
		require.Len(t, w.mail.parcels(), 50)

		w.d.Clock().Advance(10 * time.Hour) // 22:00 in London: the same people have to wait, for the cap and the morning
		start()
		require.Equal(t, int64(150), c.Sum().Held)
		require.NoError(t, send(150))
		w.drain()
		require.Equal(t, int64(150), w.number(`select count(*) from messages where state = 'held'`))
		dbtest.Write(t, w.d, func(tx *db.Tx) error { _, err := w.messages.CancelPlan(tx, c.ID); return err })
		w.drain()
		require.Zero(t, w.number(`select count(*) from messages where state = 'held'`))
		w.d.Clock().Advance(48 * time.Hour)
		w.drain()
		require.Len(t, w.net.parcels(), 100, "nothing of a cancelled campaign is sent")
	})
}

func TestPlanForm(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		for field, c := range map[string]messaging.Campaign{
			"template":  {Name: "x", Template: "confirm"},
			"name":      {Template: "cart", Vars: map[string]string{"code": "A", "pct": "5"}, Link: "https://lotus.example/x"},
			"vars.code": {Name: "x", Template: "cart", Vars: map[string]string{"pct": "5"}, Link: "https://lotus.example/x"},
			"link":      {Name: "x", Template: "cart", Vars: map[string]string{"code": "A", "pct": "5"}, Link: "https://evil.example/x"},
			"days":      {Name: "x", Template: "cart", Vars: map[string]string{"code": "A", "pct": "5"}, Link: "https://lotus.example/x", Days: 99},
		} {
			err := w.d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.messages.StartPlan(tx, c, "mei"); return err })
			require.ErrorIs(t, err, messaging.ErrPlanForm)
			require.ErrorContains(t, err, field)
		}
	})
}
