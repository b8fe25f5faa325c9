package twilio_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"portolan/internal/messaging"
	"portolan/internal/messaging/twilio"
	"portolan/internal/messaging/wire"
	w "portolan/internal/messaging/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { wire.Rest() })) }

const sid = "AC0123456789abcdef0123456789abcdef"

var account = messaging.ProviderAccount{ID: "main", Sender: "+12125550100", Kind: messaging.TenDLC,
	Values: map[string]string{"account_sid": sid, "auth_token": "12345"}}

var parcel = messaging.Parcel{Message: "msg_1", Attempt: "att_1", Channel: messaging.SMS, To: "+14158675309", Sender: "+12125550100",
	Text: "Miana: your order is on its way, ç & ü", NotAfter: w.Now.Add(time.Hour)}

const taken = `{"sid":"SM1","status":"queued","num_segments":"2","price":null,"price_unit":"USD","error_code":null}`

func TestRequest(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, twilio.Provider, account)
	s.Say(w.Answer{Status: 201, Body: taken})
	got, err := l.Send(t.Context(), parcel)
	require.NoError(t, err)
	require.Equal(t, messaging.Taken{IDs: []string{"SM1"}, Parts: 2}, got)
	q := s.Last(t)
	require.Equal(t, "POST /2010-04-01/Accounts/"+sid+"/Messages.json", q.Method+" "+q.URI)
	require.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte(sid+":12345")), q.Header.Get("Authorization"))
	form, err := url.ParseQuery(q.Body)
	require.NoError(t, err)
	require.Equal(t, url.Values{"To": {"+14158675309"}, "From": {"+12125550100"}, "Body": {parcel.Text}, "ValidityPeriod": {"3600"}, "SmartEncoded": {"false"},
		"StatusCallback": {"https://shop.example/in/twilio/main?attempt=att_1"}}, form)

	pool := parcel
	pool.Sender = "MG0123456789abcdef0123456789abcdef"
	_, err = l.Send(t.Context(), pool)
	require.NoError(t, err)
	form, _ = url.ParseQuery(s.Last(t).Body)
	require.Equal(t, pool.Sender, form.Get("MessagingServiceSid"))
	require.Empty(t, form.Get("From"))

	s.Say(w.Answer{Status: 201, Body: `{"sid":"SM2","status":"sent","num_segments":"2","price":"-0.01500","price_unit":"usd"}`})
	got, err = l.Send(t.Context(), parcel)
	require.NoError(t, err)
	require.Equal(t, messaging.Cost{Micros: 7500, Currency: "USD"}, got.Price, "of one part")
}

func TestAnswers(t *testing.T) {
	s := w.New(t)
	code := func(status, code int) w.Answer {
		return w.Answer{Status: status, Body: fmt.Sprintf(`{"code":%d,"message":"no","status":%d}`, code, status)}
	}
	rows := append(w.Refusals(),
		w.Row{Name: "taken", Answer: w.Answer{Status: 201, Body: taken}},
		w.Row{Name: "too many", Answer: w.Answer{Status: 429, Header: map[string]string{"Retry-After": "3"}, Body: `{"code":20429}`}, Trouble: messaging.Again, Code: "20429", After: 3 * time.Second},
		w.Row{Name: "no number", Answer: code(400, 21211), Trouble: messaging.BadNumber, Code: "21211"},
		w.Row{Name: "no mobile", Answer: code(400, 21614), Trouble: messaging.BadNumber, Code: "21614"},
		w.Row{Name: "unreachable", Answer: code(400, 30003), Trouble: messaging.Again, Code: "30003"},
		w.Row{Name: "unknown phone", Answer: code(400, 30005), Trouble: messaging.BadNumber, Code: "30005"},
		w.Row{Name: "landline", Answer: code(400, 30006), Trouble: messaging.BadNumber, Code: "30006"},
		w.Row{Name: "opted out", Answer: code(400, 21610), Trouble: messaging.OptedOut, Code: "21610"},
		w.Row{Name: "not registered", Answer: code(400, 30034), Trouble: messaging.Setup, Code: "30034"},
		w.Row{Name: "40", Answer: code(400, 30040), Trouble: messaging.Setup, Code: "30040"},
		w.Row{Name: "18", Answer: code(400, 30018), Trouble: messaging.Setup, Code: "30018"},
		w.Row{Name: "filtered", Answer: code(400, 30007), Trouble: messaging.Content, Code: "30007"},
		w.Row{Name: "login", Answer: code(401, 20003), Trouble: messaging.Account, Code: "20003"},
		w.Row{Name: "any other", Answer: code(400, 21617), Trouble: messaging.OtherRoute, Code: "21617"},
		w.Row{Name: "broken", Answer: code(500, 20500), Trouble: w.Unknown},
		w.Row{Name: "failed at once", Answer: w.Answer{Status: 201, Body: `{"sid":"SM1","status":"failed","error_code":30007}`}, Trouble: messaging.Content, Code: "30007"},
		w.Row{Name: "no id", Answer: w.Answer{Status: 201, Body: `{"status":"queued"}`}, Trouble: w.Unknown},
	)
	s.Table(t, s.Open(t, twilio.Provider, account), parcel, rows)

	gone := account
	gone.Base = "http://127.0.0.1:1"
	_, err := s.Open(t, twilio.Provider, gone).Send(t.Context(), parcel)
	w.Check(t, err, messaging.Again, "connect", 0)
	late := parcel
	late.NotAfter = w.Now
	_, err = s.Open(t, twilio.Provider, account).Send(t.Context(), late)
	w.Check(t, err, messaging.OtherRoute, "too_late", 0)
}

// The example of Twilio's documentation and the vectors its libraries are tested with.
func TestPublishedSignatures(t *testing.T) {
	form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}}
	const at = "https://mycompany.com/myapp.php?foo=1&bar=2"
	const ported = "https://mycompany.com:443/myapp.php?foo=1&bar=2"
	const body = `{"property": "value", "boolean": true}`
	const digest = "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
	for name, c := range map[string]struct {
		token, signature, address string
		form                      url.Values
		body                      string
		want                      bool
	}{
		"plain":                       {"12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", at, form, "", true},
		"signed with the port":        {"12345", "kvajT1Ptam85bY51eRf/AJRuM3w=", ported, form, "", true},
		"signed with, called without": {"12345", "kvajT1Ptam85bY51eRf/AJRuM3w=", at, form, "", true},
		"signed without, called with": {"12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", ported, form, "", true},
		"digest":                      {"12345", "a9nBmqA0ju/hNViExpshrM61xv4=", at + "&" + digest, nil, body, true},
		"digest alone":                {"12345", "y77kIzt2vzLz71DgmJGsen2scGs=", "https://mycompany.com/myapp.php?" + digest, nil, body, true},
		"another body":                {"12345", "a9nBmqA0ju/hNViExpshrM61xv4=", at + "&" + digest, nil, body + " ", false},
		"another token":               {"54321", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", at, form, "", false},
		"no token":                    {"", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", at, form, "", false},
		"another address":             {"12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", at + "3", form, "", false},
		"a field more":                {"12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", at, url.Values{"Z": {"1"}}, "", false},
		"no signature":                {"12345", "", at, form, "", false},
		"no base64":                   {"12345", "!", at, form, "", false},
		"a body nothing vouches for":  {"12345", sign("12345", at, nil), at, nil, body, false},
	} {
		require.Equal(t, c.want, twilio.Signed(c.token, c.signature, c.address, c.form, []byte(c.body)), name)
	}
}

func sign(token, address string, form url.Values) string {
	text := address
	for _, k := range slices.Sorted(maps.Keys(form)) {
		text += k + form.Get(k)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func delivery(query string, form url.Values) messaging.Delivery {
	address := "https://shop.example/in/twilio/main" + query
	u, _ := url.Parse(address)
	return messaging.Delivery{Method: "POST", URL: address, Query: u.Query(), Body: []byte(form.Encode()),
		Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {sign("12345", address, form)}}}
}

func TestWebhooks(t *testing.T) {
	l := w.New(t).Open(t, twilio.Provider, account)
	for status, want := range map[string]messaging.State{"queued": "", "sending": "", "accepted": "", "sent": messaging.Sent, "delivered": messaging.Delivered,
		"undelivered": messaging.Failed, "failed": messaging.Failed, "news": ""} {
		h, err := l.Webhook(delivery("?attempt=att_1", url.Values{"MessageSid": {"SM1"}, "MessageStatus": {status}, "To": {"+14158675309"}, "ErrorCode": {"30006"}}))
		require.NoError(t, err, status)
		if want == "" {
			require.Empty(t, h.Events, status)
			continue
		}
		require.Len(t, h.Events, 1, status)
		st := h.Events[0].Status
		require.Equal(t, []any{"SM1", "att_1", "+14158675309", want}, []any{st.Ref, st.Attempt, st.To, st.State})
		if want == messaging.Failed {
			require.Equal(t, messaging.BadNumber, st.Trouble)
			require.Equal(t, "30006", st.Code)
		}
	}
	h, err := l.Webhook(delivery("", url.Values{"MessageSid": {"SM9"}, "SmsStatus": {"received"}, "From": {"+14158675309"}, "To": {"+12125550100"}, "Body": {"Stop & go"}, "OptOutType": {"STOP"}}))
	require.NoError(t, err)
	require.Equal(t, "<Response/>", h.Reply, "anything else would be sent to the phone")
	require.Equal(t, &messaging.Said{Ref: "SM9", Channel: messaging.SMS, From: "+14158675309", To: "+12125550100", Text: "Stop & go", OptOut: messaging.IntentStop}, h.Events[0].Said)

	forged := delivery("", url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"delivered"}})
	forged.Body = append(forged.Body, "&x=1"...)
	_, err = l.Webhook(forged)
	require.ErrorIs(t, err, messaging.ErrForged)
	_, err = l.Webhook(delivery("", url.Values{"What": {"?"}}))
	require.ErrorIs(t, err, messaging.ErrGarbled)
}

func TestAsked(t *testing.T) {
	s := w.New(t)
	l := s.Open(t, twilio.Provider, account)
	s.Do(func(q w.Request) w.Answer {
		switch q.URI {
		case "/2010-04-01/Accounts/" + sid + "/Messages/SM1.json":
			return w.Answer{Status: 200, Body: `{"sid":"SM1","status":"undelivered","error_code":30006,"to":"+14158675309"}`}
		case "/v1/Messaging/Countries/US":
			return w.Answer{Status: 200, Body: `{"price_unit":"usd","outbound_sms_prices":[{"carrier":"a","mcc":"310","mnc":"070","prices":[
				{"number_type":"local","base_price":"0.0079","current_price":"0.0075"},{"number_type":"shortcode","current_price":"0.01"}]}]}`}
		}
		return w.Answer{Status: 404, Body: `{"code":20404}`}
	})
	all, err := l.(messaging.Inquirer).Query(t.Context(), "att_1", []string{"SM1", "SM2"})
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, messaging.Failed, all[0].Status.State)
	_, err = l.(messaging.Inquirer).Query(t.Context(), "att_1", nil)
	require.Error(t, err, "it can't be asked by our name")
	prices, err := l.(messaging.PriceLister).Prices(t.Context(), "US")
	require.NoError(t, err)
	require.Equal(t, []messaging.ListedPrice{{Country: "US", Networks: []string{"310070"}, Price: messaging.Cost{Micros: 7500, Currency: "USD"}},
		{Country: "US", Networks: []string{"310070"}, Kind: messaging.ShortCode, Price: messaging.Cost{Micros: 10000, Currency: "USD"}}}, prices)
}

func FuzzWebhook(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "MessageSid=SM1&MessageStatus=delivered&ErrorCode=30006", "attempt=a")
	f.Add("application/x-www-form-urlencoded", "MessageSid=SM1&From=%2B1&Body=STOP", "")
	f.Add("application/json", `{"MessageSid":"SM1","MessageStatus":"failed"}`, "bodySHA256=00")
	l, err := twilio.Provider.Open(account, w.Tools("twilio"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind, body, query string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			form = nil
		}
		address := "https://shop.example/in/twilio/main?" + query
		values, _ := url.ParseQuery(query)
		h, err := l.Webhook(messaging.Delivery{Method: "POST", URL: address, Query: values, Body: []byte(body),
			Header: map[string][]string{"Content-Type": {kind}, "X-Twilio-Signature": {sign("12345", address, form)}}})
		for _, e := range h.Events {
			require.NoError(t, err)
			name, text := e.Write()
			require.NotEmpty(t, name)
			back, err := messaging.ReadEvent(text)
			require.NoError(t, err)
			again, _ := back.Write()
			require.NotEmpty(t, again)
		}
	})
}
