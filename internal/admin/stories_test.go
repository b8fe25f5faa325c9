package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
)

// What would happen is told for every journey, in every language, as somebody would ask it.
func TestWhatIf(t *testing.T) {
	r := newRig(t, dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start), schemas))
	r.withJourneys()
	o := r.sample()
	took := len(r.carrier.took)
	r.open()
	r.user(auth.Viewer)
	b := r.as(auth.Viewer)
	for _, lang := range []string{"ar", "de", "id", "ms", "en"} {
		b.post("/console/language", "lang", lang)
		for _, j := range journeys.Shipped() {
			b.page("/console/journeys/" + j.Journey + "/what-if")
			b.page("/console/journeys/" + j.Journey + "/effect?version=1&margin=40")
		}
	}
	const at = "/console/journeys/cart/what-if?market=de&lang=de&start=2026-11-24T14:00"
	body := b.page(at + "&sms=1&email=1&e0=checkout.left")
	has(t, body, "Tue, Nov 24", "4:00", "Sent because the payment page was left unpaid", "Tasche wartet", "1 text message")
	body = b.page(at + "&sms=1&e0=checkout.left&e1=order.paid&a1=20&u1=m")
	has(t, body, "2:20", "Not sent", "because: The order was paid meanwhile", "Nothing would be sent")
	has(t, b.page(at+"&e0=checkout.left"), "because: Never agreed to offers")
	has(t, b.page(at+"&sms=1&e0=checkout.left&e1=person.stopped&a1=1,5&u1=h"), "3:30", "Asked to stop")
	has(t, b.page(at+"&sms=1&out=1&e0=checkout.left"), "Held out, to measure the effect")
	has(t, b.page(at+"&sms=1&e0=checkout.left&a0=soon"), "Please write a number")
	has(t, b.page(at+"&sms=1&e0=checkout.left&a0=900&u0=d"), `role="alert"`)
	has(t, b.page("/console/journeys/survey/what-if?market=de&lang=de&sms=1&email=1&start=2026-11-02T10:00&all=1&e0=order.paid&e1=order.delivered&a1=7&u1=d&e2=rated:1&a2=206&u2=h"),
		"Rates 1 of 5", "because they gave a rating (the rating is less than 3)", "Order confirmation")

	body = b.page("/console/what-if?journey=cart&customer=" + o.Customer)
	has(t, body, "Played as", "Anna")
	require.NotContains(t, body, evil)
	has(t, b.page("/console/customers/"+o.Customer), "Play it with this person")
	status, _ := b.get("/console/journeys/none/what-if")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = b.get("/console/journeys/cart/what-if?customer=cus_none")
	require.Equal(t, http.StatusNotFound, status)
	r.drain()
	require.Len(t, r.carrier.took, took, "nothing is sent")
	require.True(t, strings.Contains(b.page("/console/journeys/confirm/effect"), "Nobody counts yet"))
}
