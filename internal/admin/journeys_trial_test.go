package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// The page before publishing says what a draft would have done with what happened: who, when, what, at what cost, and who
// gets nothing for which reason, beside what is live.
func TestTrialPage(t *testing.T) {
	for _, silent := range []bool{false, true} {
		dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
			r := newRig(t, d)
			r.withJourneys()
			if silent {
				dbtest.Write(t, d, func(tx *db.Tx) error { return r.people.Suppress(tx, "+4915123456789", customer.ReasonBad, "test") })
			}
			r.sample()
			r.open()
			r.user(auth.Operator)
			b := r.as(auth.Operator)
			const at = "/console/journeys/confirm"
			_, body := b.post(at, "do", "begin")
			b.post(at+"?draft=1&part=settings", "do", "save", "rev", rev(t, body), "priority", "7")
			_, body = b.post(at+"/publish", "do", "try", "rev", rev(t, b.page(at+"/publish")), "days", "30")
			has(t, body, "It runs")
			d.Clock().Advance(time.Minute)
			r.drain()
			body = b.page(at + "/publish")
			has(t, body, "The last 30 days through this draft", "All markets")
			if silent {
				has(t, body, "Who waits, who gets nothing, and why", ">Not sent</span></th>")
				return
			}
			has(t, body, `<svg role="img" aria-label="When messages would have left; `, "What would have been sent", "Order paid", "SMS")
			require.NotContains(t, body, "%!")
		})
	}
}
