package api_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/connect"
	"portolan/internal/db"
)

// hook sends what another shop would sign.
func (r *rig) hook(event, body string) int {
	w, err := webhooks.NewWebhook(hookSecret)
	require.NoError(r.t, err)
	now := r.d.Clock().Now()
	signature, err := w.Sign(event, now, []byte(body))
	require.NoError(r.t, err)
	req := httptest.NewRequest("POST", "/in/generic", strings.NewReader(body))
	req.Header = http.Header{"Webhook-Id": {event}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature}}
	rec := httptest.NewRecorder()
	r.http.ServeHTTP(rec, req)
	return rec.Code
}

// remindAll publishes the reminder of carts without the share of people who are held out.
func (r *rig) remindAll() {
	write(r.t, r.d, func(tx *db.Tx) error {
		v, err := r.journeys.Version(tx, "cart", 1)
		require.NoError(r.t, err)
		d := v.Definition.Clone()
		require.NoError(r.t, d.Remove("share"))
		_, err = r.journeys.Publish(tx, d, v.N, "test", "", "")
		return err
	})
}

const left = `{"type": "checkout.left", "data": {"external_ref": "c1", "country": "GB", "contact": {"given_name": "Ann", "email": "ann@example.com"},
	"lines": [{"sku": "LWD-NAV-M", "quantity": 1}, {"sku": "THEIRS", "quantity": 1}],
	"consents": [{"channel": "email", "class": "promotional", "granted": true, "text": "Send me offers by e-mail.", "wording": "atelier/1"}]}}`

// Who left another shop's checkout is reminded as if it had been ours, never when they have bought meanwhile.
func TestLeftElsewhere(t *testing.T) {
	for name, bought := range map[string]bool{"stays away": false, "buys there meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				write(t, r.d, func(tx *db.Tx) error { return connect.SetSource(tx, "atelier", connect.Secret{Key: hookSecret}) })
				r.remindAll()
				text, _ := r.key("messages:read")
				require.Equal(t, 200, r.hook("evt_1", left))
				require.Equal(t, 200, r.hook("evt_1", left))
				r.drain()
				require.EqualValues(t, 1, r.count(`select count(*) from carts`))
				require.EqualValues(t, 1, r.count(`select count(*) from events where topic = 'checkout.left'`))
				r.d.Clock().Advance(time.Hour)
				if bought {
					require.Equal(t, 200, r.hook("evt_2", `{"type": "order.created", "data": {"external_ref": "o1", "country": "GB", "currency": "GBP", "paid": true,
						"contact": {"email": "ann@example.com"}, "lines": [{"sku": "LWD-NAV-M", "quantity": 1, "unit_price": {"minor": 4800, "currency": "GBP"}}],
						"total": {"minor": 4800, "currency": "GBP"}}}`))
				}
				r.d.Clock().Advance(time.Hour)
				r.drain()
				list := decode[api.MessageList](t, r.call("GET", "/v1/messages?template=cart", header{"Authorization": "Bearer " + text}, ""))
				if bought {
					require.Empty(t, list.Data)
					return
				}
				require.Len(t, list.Data, 1, "messages")
				require.Equal(t, "ann@example.com", list.Data[0].To)
				require.Equal(t, "sent", string(list.Data[0].State))
			})
		})
	}
}
