package connect_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/connect"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/inbox"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/twilio"
	"portolan/internal/messaging/wiretest"
	"portolan/internal/settings"
	"portolan/internal/vault"
)

// none are no markets.
type none struct{}

func (none) All() []market.Market { return nil }

func (none) ByCode(market.Code) (market.Market, bool)       { return market.Market{}, false }
func (none) ByCountry(market.Country) (market.Market, bool) { return market.Market{}, false }

// lane is a shop that sends by one account and hears what its provider tells.
type lane struct {
	*rig
	people   *customer.Service
	messages *messaging.Service
	server   *wiretest.Server
}

const (
	token = "12345"
	jane  = "+12125551234"
)

func eachLane(t *testing.T, f func(t *testing.T, l *lane)) {
	dbtest.Each(t, append(slices.Clone(schemas), messaging.Schema), func(t *testing.T, d *db.DB) {
		l := &lane{rig: &rig{t: t, d: d, queue: jobs.New(d)}, server: wiretest.New(t)}
		bus, watch := events.New(l.queue), settings.Watch(d)
		l.people = customer.New(bus)
		l.messages = messaging.New(d, l.queue, bus, l.people, none{}, messaging.Config{Brand: "Miana", BaseURL: "https://shop.example"})
		locks, err := vault.Read(vault.Fresh())
		require.NoError(t, err)
		l.messages.Accounts(watch, settings.Bump, locks, twilio.Provider)
		l.box = inbox.New(d, l.queue)
		l.hooks = connect.New(connect.Parts{DB: d, Payments: l.rig, Inbox: l.box, Versions: watch, Lines: l.messages})
		l.write(func(tx *db.Tx) error {
			return l.messages.AddAccount(tx, messaging.ProviderAccount{ID: "us", Provider: "twilio", Channel: messaging.SMS, Base: l.server.URL, Sender: "+12125550100",
				Kind: messaging.TenDLC, Enabled: true, Values: map[string]string{"account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token": token}})
		})
		n := 0
		l.server.Do(func(wiretest.Request) wiretest.Answer {
			n++
			return wiretest.Answer{Status: 201, Body: fmt.Sprintf(`{"sid":"SM%d","status":"queued","num_segments":"1"}`, n)}
		})
		f(t, l)
	})
}

func (l *lane) send(key string) messaging.Record {
	var r messaging.Record
	l.write(func(tx *db.Tx) (err error) {
		r, err = l.messages.Send(tx, messaging.Message{Key: key, To: jane, Channel: messaging.SMS, Country: "US", Lang: "en", Template: "confirm", Order: "ord_1",
			Vars: map[string]string{"name": "Jane", "order": "F-1", "items": "Dress", "from": "2 Dec", "to": "5 Dec"}})
		return err
	})
	l.drain()
	return r
}

func (l *lane) get(id string) (d messaging.Detail) {
	require.NoError(l.t, l.d.Read(l.t.Context(), func(tx *db.Tx) (err error) { d, err = l.messages.Inspect(tx, id); return err }))
	return d
}

// tell calls the webhook as Twilio does, signed with key, and works on what came.
func (l *lane) tell(key, path string, form url.Values) (int, string) {
	text := "https://shop.example" + path
	for _, k := range slices.Sorted(maps.Keys(form)) {
		text += k + form.Get(k)
	}
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(text))
	q := httptest.NewRequest("POST", "http://behind-a-proxy:8080"+path, strings.NewReader(form.Encode()))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	rec := httptest.NewRecorder()
	l.hooks.ServeHTTP(rec, q)
	l.drain()
	return rec.Code, rec.Body.String()
}

func status(sid, state string, more ...string) url.Values {
	v := url.Values{"MessageSid": {sid}, "MessageStatus": {state}, "To": {jane}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func TestStatusesMoveAMessageOn(t *testing.T) {
	eachLane(t, func(t *testing.T, l *lane) {
		r := l.send("a")
		got := l.get(r.ID)
		require.Equal(t, messaging.Sent, got.State)
		require.Equal(t, []string{"SM1"}, got.Attempts[0].Refs)
		path := "/in/twilio/us?attempt=" + got.Attempts[0].ID

		for range 2 {
			code, body := l.tell(token, path, status("SM1", "delivered"))
			require.Equal(t, 200, code)
			require.Empty(t, body)
		}
		require.Equal(t, messaging.Delivered, l.get(r.ID).State)
		require.Len(t, l.get(r.ID).Receipts, 1, "the same news twice is kept once")
		code, _ := l.tell(token, path, status("SM1", "sent"))
		require.Equal(t, 200, code)
		require.Equal(t, messaging.Delivered, l.get(r.ID).State, "older news changes nothing")
		require.Equal(t, int64(2), l.hooks.Counts()[connect.Count{Source: "twilio", Answer: "taken"}])
		require.Equal(t, int64(1), l.hooks.Counts()[connect.Count{Source: "twilio", Answer: "again"}])
	})
}

func TestForgedNewsIsOnlyCounted(t *testing.T) {
	eachLane(t, func(t *testing.T, l *lane) {
		r := l.send("a")
		code, body := l.tell("54321", "/in/twilio/us", status("SM1", "delivered"))
		require.Equal(t, 401, code)
		require.NotContains(t, body, token)
		code, _ = l.tell(token, "/in/twilio/uk", status("SM1", "delivered"))
		require.Equal(t, 404, code)
		require.Equal(t, messaging.Sent, l.get(r.ID).State)
		require.Empty(t, l.deliveries(), "nothing is kept")
		require.Equal(t, int64(2), l.hooks.Counts()[connect.Count{Source: "twilio", Answer: "refused"}])
	})
}

func TestNewsFasterThanTheAnswer(t *testing.T) {
	eachLane(t, func(t *testing.T, l *lane) {
		code, _ := l.tell(token, "/in/twilio/us", status("SM1", "delivered"))
		require.Equal(t, 200, code, "what is not known yet is kept")
		r := l.send("a")
		l.d.Clock().Advance(time.Minute)
		l.drain()
		require.Equal(t, messaging.Delivered, l.get(r.ID).State)
	})
}

// An answer that got lost is made good by the first news that names the attempt: the message doesn't go again.
func TestNewsOfALostAnswer(t *testing.T) {
	eachLane(t, func(t *testing.T, l *lane) {
		l.server.Say(wiretest.Answer{Drop: true})
		r := l.send("a")
		got := l.get(r.ID)
		require.Equal(t, "unknown", got.Attempts[0].Outcome)
		require.Equal(t, messaging.Queued, got.State)
		l.tell(token, "/in/twilio/us?attempt="+got.Attempts[0].ID, status("SM7", "sent"))
		require.Equal(t, messaging.Sent, l.get(r.ID).State)
		l.tell(token, "/in/twilio/us?attempt="+got.Attempts[0].ID, status("SM7", "delivered"))
		l.d.Clock().Advance(time.Hour)
		l.drain()
		require.Len(t, l.server.Asked(), 1, "it did not go again")
		require.Equal(t, messaging.Delivered, l.get(r.ID).State)
	})
}

func TestTheProvidersOptOuts(t *testing.T) {
	eachLane(t, func(t *testing.T, l *lane) {
		reason := func() (s customer.Suppression) {
			require.NoError(t, l.d.Read(t.Context(), func(tx *db.Tx) (err error) { s, err = l.people.Suppressed(tx, jane); return err }))
			return s
		}
		l.server.Say(wiretest.Answer{Status: 400, Body: `{"code":21610,"message":"unsubscribed"}`})
		r := l.send("a")
		require.Equal(t, messaging.Failed, l.get(r.ID).State)
		require.Equal(t, "stop", reason().Reason)
	})
	eachLane(t, func(t *testing.T, l *lane) {
		r := l.send("a")
		l.tell(token, "/in/twilio/us", status("SM1", "undelivered", "ErrorCode", "30005"))
		require.Equal(t, messaging.Failed, l.get(r.ID).State)
		require.NoError(t, l.d.Read(t.Context(), func(tx *db.Tx) error {
			s, err := l.people.Suppressed(tx, jane)
			require.Equal(t, "bad_address", s.Reason)
			return err
		}))
	})
}

func TestTextsFromPeople(t *testing.T) {
	eachLane(t, func(t *testing.T, l *lane) {
		r := l.send("a")
		in := url.Values{"MessageSid": {"SM8"}, "SmsStatus": {"received"}, "From": {jane}, "To": {"+12125550100"}, "Body": {"Stop, please"}, "OptOutType": {"STOP"}}
		for range 2 {
			code, body := l.tell(token, "/in/twilio/us", in)
			require.Equal(t, 200, code)
			require.Equal(t, "<Response/>", body)
		}
		got := l.get(r.ID)
		require.Len(t, got.Replies, 1)
		require.Equal(t, messaging.IntentStop, got.Replies[0].Intent)
	})
}
