package connect_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"portolan/internal/beside"
	"portolan/internal/catalog"
	"portolan/internal/connect"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/demo"
	"portolan/internal/events"
	"portolan/internal/inbox"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/settings"
	"portolan/internal/web"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, inbox.Schema, market.Schema, customer.Schema, order.Schema}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

type rig struct {
	t       testing.TB
	d       *db.DB
	queue   *jobs.Queue
	box     *inbox.Inbox
	hooks   *connect.Hooks
	payment error // what the ledger says of a provider's webhook
	heard   int
}

// Webhook implements connect.Payments.
func (r *rig) Webhook(context.Context, string, map[string][]string, []byte) error {
	r.heard++
	return r.payment
}

// Variant implements beside.Articles: our catalogue knows none of the other shop's goods.
func (r *rig) Variant(string) (*catalog.Product, *catalog.Variant, error) {
	return nil, nil, catalog.ErrUnknownSKU
}

func newRig(t testing.TB, d *db.DB) *rig {
	r := &rig{t: t, d: d, queue: jobs.New(d)}
	watch, bus := settings.Watch(d), events.New(r.queue)
	markets := market.New(d, watch, settings.Bump)
	r.box = inbox.New(d, r.queue)
	other := beside.New(d, r.queue, beside.Parts{Bus: bus, Markets: markets, Articles: r, Customers: customer.New(bus), Orders: order.New(bus, order.Numbering{})})
	r.write(func(tx *db.Tx) error {
		for _, m := range demo.Markets() {
			if err := markets.Save(tx, m); err != nil {
				return err
			}
		}
		return connect.SetSource(tx, "atelier", connect.Secret{Key: secret})
	})
	require.NoError(t, markets.Load(t.Context()))
	r.hooks = connect.New(connect.Parts{DB: d, Payments: r, Inbox: r.box, Beside: other, Versions: watch})
	return r
}

func (r *rig) write(f func(tx *db.Tx) error) {
	r.t.Helper()
	require.NoError(r.t, r.d.Write(r.t.Context(), f))
}

func each(t *testing.T, f func(t *testing.T, r *rig)) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) { f(t, newRig(t, d)) })
}

// signed are the headers with which a shop proves its delivery.
func (r *rig) signed(key, event string, at time.Time, body string) http.Header {
	w, err := webhooks.NewWebhook(key)
	require.NoError(r.t, err)
	signature, err := w.Sign(event, at, []byte(body))
	require.NoError(r.t, err)
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("webhook-id", event)
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", signature)
	return h
}

func (r *rig) post(path string, h http.Header, body string) int {
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	req.Header = h
	rec := httptest.NewRecorder()
	r.hooks.ServeHTTP(rec, req)
	return rec.Code
}

func (r *rig) tell(event, body string) int {
	return r.post("/in/generic", r.signed(secret, event, r.d.Clock().Now(), body), body)
}

func (r *rig) drain() { require.NoError(r.t, r.queue.Drain(r.t.Context())) }

func (r *rig) deliveries() (all []inbox.Delivery) {
	require.NoError(r.t, r.d.Read(r.t.Context(), func(tx *db.Tx) (err error) {
		all, err = r.box.List(tx, inbox.Filter{})
		return err
	}))
	return all
}

func (r *rig) count(query string) (n int64) {
	require.NoError(r.t, r.d.Read(r.t.Context(), func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], query)
		return err
	}))
	return n
}

func created(ref string) string {
	return `{"type": "order.created", "data": {"external_ref": "` + ref + `", "country": "DE", "currency": "EUR", "their_own": 1,
		"contact": {"given_name": "Anna", "email": "anna@example.de"},
		"lines": [{"sku": "KL-7", "title": "Kleid", "quantity": 1, "unit_price": {"minor": 1000, "currency": "EUR"}}], "total": {"minor": 1000, "currency": "EUR"}}}`
}

func paid(ref string) string {
	return `{"type": "order.paid", "data": {"external_ref": "` + ref + `", "amount": {"minor": 1000, "currency": "EUR"}}}`
}

func cancelled(ref string) string {
	return `{"type": "order.cancelled", "data": {"external_ref": "` + ref + `", "reason": "customer"}}`
}

// The published vector of Standard Webhooks 1.0.0.
func TestVector(t *testing.T) {
	const id, at, body, signature = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	dbtest.EachClock(t, schemas, func() *db.Clock { return db.Manual(time.Unix(at, 0)) }, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		head := func(id, at, signature string) http.Header {
			return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {signature}}
		}
		moment := strconv.Itoa(at)
		for name, h := range map[string]http.Header{
			"id": head("msg_p5jXN8AQM9LWM0D4loKWxJel", moment, signature), "moment": head(id, strconv.Itoa(at+1), signature),
			"signature": head(id, moment, strings.Replace(signature, "g0hM", "h0hM", 1)), "version": head(id, moment, strings.Replace(signature, "v1", "v2", 1)),
			"none": {}, "no id": head("", moment, signature), "no moment": head(id, "", signature), "no signature": head(id, moment, ""),
		} {
			require.Equal(t, 401, r.post("/in/generic", h, body), name)
		}
		require.Equal(t, 401, r.post("/in/generic", head(id, moment, signature), `{"test": 2432232315}`))
		require.Empty(t, r.deliveries(), "what isn't proved isn't stored")
		require.EqualValues(t, 9, r.hooks.Counts()[connect.Count{Source: "generic", Answer: "refused"}])
		require.Equal(t, 200, r.post("/in/generic", head(id, moment, "v1,AAAA "+signature), body), "a list of signatures, as while a secret is changed")
		r.drain()
		require.Equal(t, inbox.Ignored, r.deliveries()[0].State)
	})
}

func TestTime(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		now := r.d.Clock().Now()
		for _, tt := range []struct {
			off    time.Duration
			status int
		}{{-300 * time.Second, 200}, {-301 * time.Second, 401}, {300 * time.Second, 200}, {301 * time.Second, 401}, {24 * time.Hour, 401}} {
			body, event := created("1"), "evt_"+tt.off.String()
			require.Equal(t, tt.status, r.post("/in/generic", r.signed(secret, event, now.Add(tt.off), body), body), "%s", tt.off)
		}
	})
}

func TestBadInput(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		now := r.d.Clock().Now()
		big := `{"type": "` + strings.Repeat("x", web.MaxBody) + `"}`
		for _, tt := range []struct {
			name, path, event, body string
			status                  int
			state                   inbox.State // none: not stored
		}{
			{"too large", "/in/generic", "e1", big, 413, ""},
			{"unknown account", "/in/generic/nobody", "e2", created("1"), 404, ""},
			{"unknown source", "/in/nobody", "e3", created("1"), 404, ""},
			{"broken JSON", "/in/generic", "e4", `{"type": "order.cre`, 200, inbox.Dead},
			{"unknown type", "/in/generic", "e5", `{"type": "order.sung", "data": {}}`, 200, inbox.Ignored},
			{"data of another shape", "/in/generic", "e6", `{"type": "order.paid", "data": [1]}`, 200, inbox.Dead},
			{"no data", "/in/generic", "e7", `{"type": "order.created"}`, 200, inbox.Dead},
			{"currency that isn't the market's", "/in/generic", "e8", strings.ReplaceAll(created("1"), "EUR", "USD"), 200, inbox.Dead},
			{"quantity 0", "/in/generic", "e9", strings.Replace(created("1"), `"quantity": 1`, `"quantity": 0`, 1), 200, inbox.Dead},
			{"quantity 10^9", "/in/generic", "e10", strings.Replace(created("1"), `"quantity": 1`, `"quantity": 1000000000`, 1), 200, inbox.Dead},
			{"text with a zero byte", "/in/generic", "e11", strings.Replace(created("1"), `Kleid`, `a\u0000b`, 1), 200, inbox.Dead},
			{"malformed phone", "/in/generic", "e12", strings.Replace(created("1"), `"email"`, `"phone": "12", "email"`, 1), 200, inbox.Dead},
			{"payment of an order that isn't here", "/in/generic", "e13", paid("nope"), 200, inbox.Parked},
			{"its account", "/in/generic/atelier", "e14", `{"type": "x"}`, 200, inbox.Ignored},
		} {
			t.Run(tt.name, func(t *testing.T) {
				before := len(r.deliveries())
				require.Equal(t, tt.status, r.post(tt.path, r.signed(secret, tt.event, now, tt.body), tt.body))
				r.drain()
				all := r.deliveries()
				if tt.state == "" {
					require.Len(t, all, before)
					return
				}
				require.Len(t, all, before+1)
				for _, d := range all {
					if d.Event == tt.event {
						require.Equal(t, tt.state, d.State, d.Failure)
						require.Equal(t, "atelier", d.Account)
					}
				}
			})
		}
		require.Zero(t, r.count(`select count(*) from orders`), "nothing half-written")
		require.Zero(t, r.count(`select count(*) from customers`))
	})
}

// Events come late, twice and in any order; the end is the same.
func TestDisorder(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		random := rand.New(rand.NewPCG(1, 2))
		var all []int
		const orders = 15
		for i := range 3 * orders {
			all = append(all, i)
			if i%5 == 0 {
				all = append(all, i)
			}
		}
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for n, i := range all {
			ref := fmt.Sprint(i / 3)
			body := []string{created(ref), paid(ref), cancelled(ref)}[i%3]
			if i%3 == 2 && i/3%2 == 0 {
				body = `{"type": "order.sung"}`
			}
			require.Equal(t, 200, r.tell(fmt.Sprintf("evt_%d", i), body))
			if n%7 == 0 {
				r.drain()
			}
		}
		for range 8 {
			r.drain()
			r.d.Clock().Advance(11 * time.Minute)
		}
		require.EqualValues(t, orders, r.count(`select count(*) from orders`))
		require.EqualValues(t, 3*orders, r.count(`select count(*) from inbox_deliveries`))
		require.EqualValues(t, 7, r.count(`select count(*) from orders where state = 'cancelled'`))
		require.EqualValues(t, 8, r.count(`select count(*) from orders where state = 'paid'`))
		require.Zero(t, r.count(`select count(*) from inbox_deliveries where state in ('new', 'parked')`))
		late := r.count(`select count(*) from inbox_deliveries where state = 'dead'`)
		require.Equal(t, late, r.count(`select count(*) from orders where state = 'cancelled' and paid_at is null`),
			"only a payment that came after the cancellation waits for a person")
	})
}

func TestADeadLetterCanBeReplayed(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		require.Equal(t, 200, r.tell("evt_1", paid("7")))
		for range 8 {
			r.drain()
			r.d.Clock().Advance(24 * time.Hour)
		}
		dead := r.deliveries()[0]
		require.Equal(t, inbox.Dead, dead.State)
		require.Contains(t, dead.Failure, "order.unknown")
		require.Equal(t, 200, r.tell("evt_0", created("7")))
		r.drain()
		r.write(func(tx *db.Tx) error { return r.box.Replay(tx, dead.ID) })
		r.drain()
		require.EqualValues(t, 1, r.count(`select count(*) from orders where state = 'paid'`))
		require.Equal(t, 200, r.tell("evt_1", paid("7")))
		require.EqualValues(t, 1, r.hooks.Counts()[connect.Count{Source: "generic", Answer: "again"}])
	})
}

func TestSecretsChange(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var fresh string
		r.write(func(tx *db.Tx) (err error) {
			fresh, err = connect.AddSource(tx, "atelier")
			return err
		})
		send := func(key, event string) int {
			return r.post("/in/generic", r.signed(key, event, r.d.Clock().Now(), created("1")), created("1"))
		}
		require.Equal(t, 200, send(fresh, "a"))
		require.Equal(t, 200, send(secret, "b"), "the old one is good for a week")
		r.d.Clock().Advance(7*24*time.Hour + time.Second)
		require.Equal(t, 401, send(secret, "c"))
		require.Equal(t, 200, send(fresh, "d"))
		other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another shop's own secret"))
		r.write(func(tx *db.Tx) error { return connect.SetSource(tx, "other", connect.Secret{Key: other}) })
		require.Equal(t, 200, send(other, "a"), "another shop's event of the same name is another event")
		h := r.signed(other, "x", r.d.Clock().Now(), created("1"))
		require.Equal(t, 401, r.post("/in/generic/atelier", h, created("1")), "nobody speaks for another")
		r.write(func(tx *db.Tx) error { return connect.SetSource(tx, "other") })
		require.Equal(t, 401, send(other, "y"))
		require.Error(t, r.d.Write(t.Context(), func(tx *db.Tx) error { _, err := connect.AddSource(tx, "shop"); return err }))
		require.Error(t, r.d.Write(t.Context(), func(tx *db.Tx) error { return connect.SetSource(tx, "x", connect.Secret{Key: "short"}) }))
	})
}

func TestPaymentProvider(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		require.Equal(t, 200, r.post("/in/fakepsp", nil, `{}`))
		require.Equal(t, 200, r.post("/in/fakepsp", nil, `{}`))
		r.payment = payment.ErrSignature
		require.Equal(t, 401, r.post("/in/fakepsp", nil, `{}`))
		r.payment = payment.ErrUnknownPSP
		require.Equal(t, 404, r.post("/in/fakepsp", nil, `{}`))
		require.Equal(t, 4, r.heard)
		require.Equal(t, 413, r.post("/in/fakepsp", nil, strings.Repeat("x", web.MaxBody+1)))
		require.Equal(t, 4, r.heard, "what is too large isn't looked at")
		require.EqualValues(t, 2, r.hooks.Counts()[connect.Count{Source: "fakepsp", Answer: "taken"}])
		require.EqualValues(t, 2, r.hooks.Counts()[connect.Count{Source: "fakepsp", Answer: "refused"}])
		require.EqualValues(t, 1, r.hooks.Counts()[connect.Count{Source: "fakepsp", Answer: "too_large"}])
	})
}
