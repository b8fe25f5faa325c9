// Package twilio sends texts by Twilio Programmable Messaging and reads its webhooks.
package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/wire"
	"portolan/internal/money"
)

// Provider is Twilio.
var Provider = messaging.Provider{
	Name: "twilio", Title: "Twilio", Base: base, Channels: channels, Kinds: kinds,
	Fields: []messaging.Field{
		{Name: "account_sid", Check: func(s string) bool { return strings.HasPrefix(s, "AC") && len(s) == 34 }},
		{Name: "auth_token", Secret: true},
	},
	FreeSender: true,
	Open:       open,
}

const base = "https://api.twilio.com"

var (
	channels = []messaging.Channel{messaging.SMS}
	kinds    = []messaging.Kind{messaging.LongNumber, messaging.TenDLC, messaging.ShortCode, messaging.Alpha}
)

// pricing is where prices are listed; an account with an address of its own asks there.
const pricing = "https://pricing.twilio.com"

// longestValidity is the longest time Twilio keeps a message in its queue.
const longestValidity = 36000 * time.Second

type line struct {
	messaging.ProviderAccount
	messaging.Tools
	api    *wire.Client
	prices *wire.Client
}

func open(a messaging.ProviderAccount, t messaging.Tools) (messaging.Line, error) {
	at := pricing
	if a.Base != base {
		at = a.Base
	}
	return &line{a, t, wire.New(a.Base, 0), wire.New(at, 0)}, nil
}

// Capabilities implements messaging.Line.
func (l *line) Capabilities(market.Country) messaging.Capabilities {
	return messaging.Capabilities{Channels: channels, Kinds: kinds, TwoWay: l.Kind.TwoWay(), Receipts: true, CanQuery: true, ListsPrices: true}
}

// message is Twilio's view of a text, in answers to sending and asking.
type message struct {
	SID       string `json:"sid"`
	Status    string `json:"status"`
	Segments  string `json:"num_segments"`
	Price     string `json:"price"` // of all parts, negative; empty at first
	PriceUnit string `json:"price_unit"`
	ErrorCode int    `json:"error_code"`
	To        string `json:"to"`
}

// Send implements messaging.Carrier.
func (l *line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	form := url.Values{"To": {p.To}, "Body": {p.Text}, "StatusCallback": {l.Hook + "?attempt=" + url.QueryEscape(p.Attempt)}, "SmartEncoded": {"false"}}
	if strings.HasPrefix(p.Sender, "MG") && len(p.Sender) == 34 {
		form.Set("MessagingServiceSid", p.Sender)
	} else {
		form.Set("From", p.Sender)
	}
	if !p.NotAfter.IsZero() {
		left := p.NotAfter.Sub(l.Now())
		if left <= 0 {
			return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "too_late", Err: context.DeadlineExceeded}
		}
		form.Set("ValidityPeriod", strconv.FormatInt(int64(max(time.Second, min(left, longestValidity))/time.Second), 10))
	}
	a, err := l.api.Do(ctx, l.call("POST", "/Messages.json", form))
	if err != nil {
		return messaging.Taken{}, err
	}
	if !a.OK() {
		return messaging.Taken{}, refuse(a)
	}
	var m message
	if err := json.Unmarshal(a.Body, &m); err != nil || m.SID == "" {
		return messaging.Taken{}, fmt.Errorf("taken without an id: %s", wire.Clip(string(a.Body)))
	}
	if m.Status == "failed" || m.Status == "undelivered" {
		return messaging.Taken{}, refusal(m.ErrorCode, a, fmt.Errorf("%s with error %d", m.Status, m.ErrorCode))
	}
	t := messaging.Taken{IDs: []string{m.SID}, Price: m.price()}
	t.Parts, _ = strconv.ParseInt(m.Segments, 10, 64)
	return t, nil
}

func (l *line) call(method, path string, form url.Values) wire.Request {
	return wire.Request{Method: method, Path: "/2010-04-01/Accounts/" + url.PathEscape(l.Values["account_sid"]) + path, User: l.Values["account_sid"],
		Pass: l.Values["auth_token"], Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}, Body: []byte(form.Encode())}
}

// price of one part, once Twilio knows it.
func (m message) price() messaging.Cost {
	unit := money.Currency(strings.ToUpper(m.PriceUnit))
	all, err := messaging.ReadCost(strings.TrimPrefix(m.Price, "-"), unit)
	if m.Price == "" || err != nil || !unit.Valid() {
		return messaging.Cost{}
	}
	n, _ := strconv.ParseInt(m.Segments, 10, 64)
	all.Micros /= max(1, n)
	return all
}

// troubles are what Twilio's error codes mean for us; all others are final here.
var troubles = map[int]messaging.Trouble{
	20429: messaging.Again, 30001: messaging.Again, 14107: messaging.Again, 30003: messaging.Again,
	21211: messaging.BadNumber, 21614: messaging.BadNumber, 30005: messaging.BadNumber, 30006: messaging.BadNumber,
	21610: messaging.OptedOut,
	30034: messaging.Setup, 30040: messaging.Setup, 30018: messaging.Setup, 21606: messaging.Setup, 21659: messaging.Setup, 21408: messaging.Setup,
	21603: messaging.Setup, 21701: messaging.Setup, 21703: messaging.Setup,
	20003: messaging.Account, 20005: messaging.Account, 30002: messaging.Account, 30010: messaging.Account,
	30007: messaging.Content,
}

func refuse(a wire.Answer) error {
	var no struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(a.Body, &no) != nil || no.Code == 0 {
		return a.Refuse("")
	}
	return refusal(no.Code, a, errors.New(wire.Clip(no.Message)))
}

func refusal(code int, a wire.Answer, err error) error {
	t, known := troubles[code]
	if !known && a.Status >= 400 {
		return a.Refuse(strconv.Itoa(code))
	}
	if !known {
		t = messaging.OtherRoute
	}
	return &messaging.Refusal{Trouble: t, Code: strconv.Itoa(code), After: a.After(), Err: err}
}

// states are those of Twilio that tell something.
var states = map[string]messaging.State{
	"sent": messaging.Sent, "delivered": messaging.Delivered, "read": messaging.Read, "undelivered": messaging.Failed, "failed": messaging.Failed,
	"canceled": messaging.Failed,
}

// Query implements messaging.Inquirer. Twilio has no name of ours to ask by.
func (l *line) Query(ctx context.Context, _ string, refs []string) ([]messaging.Event, error) {
	if len(refs) == 0 {
		return nil, errors.ErrUnsupported
	}
	var all []messaging.Event
	for _, ref := range refs {
		a, err := l.api.Do(ctx, l.call("GET", "/Messages/"+url.PathEscape(ref)+".json", nil))
		if err != nil {
			return nil, err
		}
		if a.Status == http.StatusNotFound {
			continue
		}
		var m message
		if !a.OK() {
			return nil, refuse(a)
		}
		if err := json.Unmarshal(a.Body, &m); err != nil {
			return nil, err
		}
		if state, ok := states[m.Status]; ok {
			st := status(m.SID, m.To, state, m.ErrorCode)
			st.Price = m.price()
			all = append(all, messaging.Event{Status: st})
		}
	}
	return all, nil
}

func status(sid, to string, state messaging.State, code int) *messaging.Status {
	s := &messaging.Status{Ref: sid, To: to, State: state}
	if state == messaging.Failed && code != 0 {
		s.Trouble, s.Code = troubles[code], strconv.Itoa(code)
	}
	return s
}

// Prices implements messaging.PriceLister.
func (l *line) Prices(ctx context.Context, c market.Country) ([]messaging.ListedPrice, error) {
	q := l.call("GET", "", nil)
	q.Path = "/v1/Messaging/Countries/" + url.PathEscape(string(c))
	a, err := l.prices.Do(ctx, q)
	if err != nil {
		return nil, err
	}
	if !a.OK() {
		return nil, refuse(a)
	}
	var list struct {
		Unit   string `json:"price_unit"`
		Prices []struct {
			MCC    string `json:"mcc"`
			MNC    string `json:"mnc"`
			Prices []struct {
				Type    string `json:"number_type"`
				Current string `json:"current_price"`
			} `json:"prices"`
		} `json:"outbound_sms_prices"`
	}
	if err := json.Unmarshal(a.Body, &list); err != nil {
		return nil, err
	}
	var all []messaging.ListedPrice
	for _, n := range list.Prices {
		for _, p := range n.Prices {
			cost, err := messaging.ReadCost(p.Current, money.Currency(strings.ToUpper(list.Unit)))
			if err != nil {
				return nil, fmt.Errorf("price %q: %w", p.Current, err)
			}
			x := messaging.ListedPrice{Country: c, Price: cost}
			if n.MCC != "" {
				x.Networks = []string{n.MCC + n.MNC}
			}
			if p.Type == "shortcode" {
				x.Kind = messaging.ShortCode
			}
			all = append(all, x)
		}
	}
	return all, nil
}

// Webhook implements messaging.Line.
func (l *line) Webhook(d messaging.Delivery) (messaging.Heard, error) {
	form := url.Values{}
	isForm := strings.HasPrefix(d.Get("Content-Type"), "application/x-www-form-urlencoded")
	if isForm {
		var err error
		if form, err = url.ParseQuery(string(d.Body)); err != nil {
			return messaging.Heard{}, messaging.ErrForged
		}
	}
	if !Signed(l.Values["auth_token"], d.Get("X-Twilio-Signature"), d.URL, form, d.Body) {
		return messaging.Heard{}, messaging.ErrForged
	}
	if !isForm {
		form = fields(d)
	}
	attempt := ""
	if v := d.Query["attempt"]; len(v) > 0 {
		attempt = v[0]
	}
	if s := form.Get("MessageStatus"); s != "" && s != "received" {
		state, ok := states[s]
		sid := form.Get("MessageSid")
		if !ok || sid == "" {
			return messaging.Heard{}, nil
		}
		code, _ := strconv.Atoi(form.Get("ErrorCode"))
		st := status(sid, form.Get("To"), state, code)
		st.Attempt, st.Raw = attempt, wire.Clip(string(d.Body))
		return messaging.Heard{Events: []messaging.Event{{Status: st}}}, nil
	}
	sid, from := form.Get("MessageSid"), form.Get("From")
	if sid == "" || from == "" {
		return messaging.Heard{}, fmt.Errorf("neither a status nor a text: %w", messaging.ErrGarbled)
	}
	said := &messaging.Said{Ref: sid, Channel: messaging.SMS, From: from, To: form.Get("To"), Text: form.Get("Body"),
		OptOut: optOuts[form.Get("OptOutType")]}
	return messaging.Heard{Events: []messaging.Event{{Said: said}}, Reply: "<Response/>", Type: "text/xml; charset=utf-8"}, nil
}

// optOuts are words that Twilio has understood and answered itself.
var optOuts = map[string]messaging.Intent{"STOP": messaging.IntentStop, "START": messaging.IntentStart, "HELP": messaging.IntentHelp}

// fields are those of a delivery that is no form: of its query, or of a JSON object.
func fields(d messaging.Delivery) url.Values {
	form := url.Values(d.Query)
	var object map[string]any
	if strings.HasPrefix(d.Get("Content-Type"), "application/json") && json.Unmarshal(d.Body, &object) == nil {
		form = url.Values{}
		for k, v := range object {
			form.Set(k, fmt.Sprint(v))
		}
	}
	return form
}

// Signed reports whether Twilio signed a request to address with a token: base64 of HMAC-SHA1 over the address
// and the form's fields in order of their names. A body that is no form stands in the address by its digest.
// Twilio signs some addresses with the port and some without; either will do.
func Signed(token, signature, address string, form url.Values, body []byte) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	u, err2 := url.Parse(address)
	if err != nil || err2 != nil || len(given) != sha1.Size || token == "" {
		return false
	}
	var tail strings.Builder
	if digest := u.Query().Get("bodySHA256"); digest != "" {
		sum := sha256.Sum256(body)
		if !hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(digest))) {
			return false
		}
	} else {
		if len(form) == 0 && len(body) > 0 {
			return false // nothing vouches for the body
		}
		names := make([]string, 0, len(form))
		for name := range form {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			values := slices.Clone(form[name])
			slices.Sort(values)
			for _, v := range slices.Compact(values) {
				tail.WriteString(name + v)
			}
		}
	}
	ok := false
	for _, a := range spellings(address, u) {
		mac := hmac.New(sha1.New, []byte(token))
		mac.Write([]byte(a + tail.String()))
		ok = hmac.Equal(mac.Sum(nil), given) || ok
	}
	return ok
}

// spellings are the address with its port and without.
func spellings(address string, u *url.URL) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return []string{address}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if port := u.Port(); port != "" {
		return []string{address, scheme + "://" + strings.TrimSuffix(host, ":"+port) + tail}
	}
	port := map[string]string{"https": ":443", "http": ":80"}[scheme]
	return []string{address, scheme + "://" + host + port + tail}
}
