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

// A text that goes its ordinary way is one row from beginning to end. As soon as there is more to tell of it, everything
// that was in the row stands where there may be many, and nothing of it is told twice.
func TestAnOrdinaryTextIsOneRow(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		r, err := w.messages.Accept(t.Context(), confirm(anna, "de", "de"))
		require.NoError(t, err)
		w.drain()
		rows := func() (n int64) {
			return w.number(`select (select count(*) from message_tries) + (select count(*) from message_names) + (select count(*) from message_reports)`)
		}
		one := w.get(r.ID)
		require.Equal(t, messaging.Sent, one.State)
		require.Len(t, one.Attempts, 1)
		require.Equal(t, "taken", one.Attempts[0].Outcome)
		require.Len(t, one.Attempts[0].Refs, 1)
		d.Clock().Advance(800 * time.Millisecond)
		rc := messaging.Receipt{Provider: "sim", Ref: one.Attempts[0].Refs[0], State: messaging.Delivered, Phone: anna[1:], Code: "000", Raw: "stat:DELIVRD", At: d.Clock().Now()}
		require.NoError(t, w.messages.TakeReceipt(t.Context(), rc))
		require.Zero(t, rows())
		before := w.get(r.ID)
		require.Equal(t, messaging.Delivered, before.State)
		require.Len(t, before.Receipts, 1)
		require.Equal(t, "stat:DELIVRD", before.Receipts[0].Raw)
		w.recounted()

		require.NoError(t, w.messages.TakeReceipt(t.Context(), rc), "the same again")
		again := w.get(r.ID)
		require.Equal(t, before.Attempts, again.Attempts)
		require.Equal(t, before.Receipts, again.Receipts)
		require.EqualValues(t, 3, rows())
		rc.State, rc.Code = messaging.Failed, "021"
		require.NoError(t, w.messages.TakeReceipt(t.Context(), rc))
		after := w.get(r.ID)
		require.Equal(t, messaging.Delivered, after.State)
		require.Equal(t, "failed 021", after.LateFailure)
		require.Len(t, after.Receipts, 2)
		require.Len(t, after.Attempts, 1)
		w.recounted()
	})
}

// Many messages that are asked for in one go have each an answer of their own, in their order.
func TestAcceptEach(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.agree(anna, customer.SMS, true)
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.people.Suppress(tx, kate, customer.ReasonBad, "test") })
		const orders = 150
		var all []messaging.Message
		for i := range orders {
			m := confirm(fmt.Sprintf("+49176%08d", 10000000+i), "de", "de")
			m.Key = fmt.Sprint("order-", i)
			all = append(all, m)
		}
		bad, silent, offer := confirm("nobody", "de", "de"), confirm(kate, "gb", "en"), cart(anna, "de", "de")
		bad.Key, silent.Key, offer.Key = "bad", "silent", "offer"
		all = append(all, bad, silent, offer, all[7])
		records, faults := w.messages.AcceptEach(t.Context(), all)
		for i := range orders {
			require.NoError(t, faults[i])
			require.Equal(t, messaging.Queued, records[i].State)
			require.Equal(t, all[i].To, records[i].To)
		}
		require.ErrorIs(t, faults[orders], messaging.ErrBadMessage)
		require.Equal(t, messaging.Dropped, records[orders+1].State)
		require.NoError(t, faults[orders+2])
		require.Equal(t, messaging.Promotional, records[orders+2].Class)
		require.Equal(t, records[7].ID, records[orders+3].ID)
		w.drain()
		require.EqualValues(t, orders, w.number(`select count(*) from messages where state = 'sent' and class = 'transactional'`))
	})
}
