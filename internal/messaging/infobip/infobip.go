// Package infobip sends texts by the Infobip SMS API v3 and reads its webhooks.
package infobip

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/wire"
	"portolan/internal/money"
)

// Provider is Infobip. Every account has an address of its own, and its webhooks prove themselves by a name and a
// password that we make up.
var Provider = messaging.Provider{
	Name: "infobip", Title: "Infobip", NeedsBase: true, Channels: channels, Kinds: kinds,
	Fields: []messaging.Field{
		{Name: "api_key", Secret: true},
		{Name: "hook_user", Check: func(s string) bool { return !strings.Contains(s, ":") }},
		{Name: "hook_password", Secret: true, Made: func() string { return rand.Text() }},
	},
	Open: open,
}

var (
	channels = []messaging.Channel{messaging.SMS}
	kinds    = []messaging.Kind{messaging.Alpha, messaging.LongNumber, messaging.TenDLC, messaging.ShortCode}
)

// mostEvents is how many reports one webhook brings.
const mostEvents = 1000

// longestValidity is the longest that Infobip keeps trying.
const longestValidity = 48 * time.Hour

type line struct {
	messaging.ProviderAccount
	messaging.Tools
	api *wire.Client
}

func open(a messaging.ProviderAccount, t messaging.Tools) (messaging.Line, error) {
	return &line{a, t, wire.New(a.Base, 0)}, nil
}

// Capabilities implements messaging.Line.
func (l *line) Capabilities(market.Country) messaging.Capabilities {
	return messaging.Capabilities{Channels: channels, Kinds: kinds, TwoWay: l.Kind.TwoWay(), Receipts: true, CanQuery: true}
}

type (
	destination struct {
		To string `json:"to"`
		ID string `json:"messageId"`
	}
	validity struct {
		Amount int64  `json:"amount"`
		Unit   string `json:"timeUnit"`
	}
	options struct {
		Validity validity `json:"validityPeriod"`
	}
	text struct {
		Text string `json:"text"`
	}
	delivery struct {
		URL    string `json:"url"`
		Notify bool   `json:"notify"`
	}
	webhooks struct {
		Delivery delivery `json:"delivery"`
		Type     string   `json:"contentType"`
		Data     string   `json:"callbackData"`
	}
	message struct {
		Sender       string        `json:"sender"`
		Destinations []destination `json:"destinations"`
		Content      text          `json:"content"`
		Options      *options      `json:"options,omitempty"`
		Webhooks     webhooks      `json:"webhooks"`
	}
	request struct {
		Messages []message `json:"messages"`
	}
	status struct {
		Group int    `json:"groupId"`
		ID    int    `json:"id"`
		Name  string `json:"name"`
	}
)

// Send implements messaging.Carrier. The message's id is ours, so that it can be asked for when no answer came.
func (l *line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	m := message{Sender: strings.TrimPrefix(p.Sender, "+"), Destinations: []destination{{strings.TrimPrefix(p.To, "+"), p.Attempt}}, Content: text{p.Text},
		Webhooks: webhooks{delivery{l.Hook, true}, "application/json", p.Attempt}}
	if !p.NotAfter.IsZero() {
		left := p.NotAfter.Sub(l.Now())
		if left <= 0 {
			return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "too_late", Err: context.DeadlineExceeded}
		}
		m.Options = &options{validity{int64(max(time.Minute, min(left, longestValidity)) / time.Minute), "MINUTES"}}
	}
	body, err := json.Marshal(request{[]message{m}})
	if err != nil {
		return messaging.Taken{}, err
	}
	a, err := l.api.Do(ctx, l.call("POST", "/sms/3/messages", body))
	if err != nil {
		return messaging.Taken{}, err
	}
	if !a.OK() {
		return messaging.Taken{}, a.Refuse(code(a.Body))
	}
	var answer struct {
		Messages []struct {
			ID      string `json:"messageId"`
			Status  status `json:"status"`
			Details struct {
				Count int64 `json:"messageCount"`
			} `json:"details"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil || len(answer.Messages) != 1 || answer.Messages[0].ID == "" {
		return messaging.Taken{}, fmt.Errorf("taken without an id: %s", wire.Clip(string(a.Body)))
	}
	one := answer.Messages[0]
	if one.Status.Group == 2 || one.Status.Group == 5 || one.Status.Group == 4 {
		return messaging.Taken{}, &messaging.Refusal{Trouble: trouble(one.Status, false), Code: one.Status.Name, Err: errors.New("refused at once")}
	}
	return messaging.Taken{IDs: []string{one.ID}, Parts: one.Details.Count}, nil
}

func (l *line) call(method, path string, body []byte) wire.Request {
	return wire.Request{Method: method, Path: path, Body: body, Header: map[string]string{"Authorization": "App " + l.Values["api_key"],
		"Content-Type": "application/json", "Accept": "application/json"}}
}

// code is Infobip's own in a refusal, in either of its forms.
func code(body []byte) string {
	var no struct {
		Code  string `json:"errorCode"`
		Error struct {
			Service struct {
				ID string `json:"messageId"`
			} `json:"serviceException"`
		} `json:"requestError"`
	}
	if json.Unmarshal(body, &no) != nil {
		return ""
	}
	return wire.Clip(no.Code + no.Error.Service.ID)
}

// trouble reads a final status that is no success. Infobip's own "permanent" says that trying this number again is no
// use.
func trouble(s status, permanent bool) messaging.Trouble {
	switch {
	case s.Name == "REJECTED_DND":
		return messaging.OptedOut
	case strings.Contains(s.Name, "CREDITS"), strings.Contains(s.Name, "PREPAID"):
		return messaging.Account
	case strings.Contains(s.Name, "SENDER"), strings.Contains(s.Name, "SOURCE"), strings.Contains(s.Name, "NOT_REGISTERED"):
		return messaging.Setup
	case strings.Contains(s.Name, "FLOODING"), s.Name == "REJECTED_SYSTEM_ERROR":
		return messaging.Again
	case s.Name == "REJECTED_DESTINATION", s.Name == "REJECTED_PREFIX_MISSING", permanent:
		return messaging.BadNumber
	}
	return messaging.OtherRoute
}

// report is what became of a message, in webhooks and logs.
type report struct {
	ID    string `json:"messageId"`
	To    string `json:"to"`
	Dest  string `json:"destination"`
	Done  string `json:"doneAt"`
	Data  string `json:"callbackData"`
	Count int64  `json:"messageCount"`
	Price *struct {
		Each     json.Number `json:"pricePerMessage"`
		Currency string      `json:"currency"`
	} `json:"price"`
	Status *status `json:"status"`
	Error  struct {
		Group     int    `json:"groupId"`
		Name      string `json:"name"`
		Permanent bool   `json:"permanent"`
	} `json:"error"`

	From string `json:"from"` // of texts
	Text string `json:"text"`
}

// event is what a report says, nothing for one that says only that the message is on its way.
func (r report) event() (messaging.Event, bool) {
	state, final := map[int]messaging.State{2: messaging.Failed, 3: messaging.Delivered, 4: messaging.Expired, 5: messaging.Failed}[r.Status.Group]
	if r.ID == "" || !final || r.Status.Name == "DELIVERED_TO_OPERATOR" {
		return messaging.Event{}, false
	}
	st := &messaging.Status{Ref: r.ID, Attempt: r.Data, To: plus(r.To + r.Dest), State: state}
	st.At, _ = time.Parse("2006-01-02T15:04:05.000-0700", r.Done)
	if state == messaging.Failed {
		st.Code = r.Status.Name
		if r.Error.Group != 0 {
			st.Code = r.Error.Name
		}
		if t := trouble(*r.Status, r.Error.Permanent && r.Error.Group == 1); t == messaging.BadNumber || t == messaging.OptedOut {
			st.Trouble = t
		}
	}
	if r.Price != nil {
		if cost, err := messaging.ReadCost(r.Price.Each.String(), money.Currency(r.Price.Currency)); err == nil && cost.Currency.Valid() {
			cost.Micros /= max(1, r.Count)
			st.Price = cost
		}
	}
	return messaging.Event{Status: st}, true
}

func plus(number string) string {
	if len(number) < 8 || strings.Trim(number, "0123456789") != "" {
		return number
	}
	return "+" + number
}

// Query implements messaging.Inquirer. Infobip knows a message by the name of our attempt.
func (l *line) Query(ctx context.Context, attempt string, refs []string) ([]messaging.Event, error) {
	if len(refs) == 0 {
		refs = []string{attempt}
	}
	var all []messaging.Event
	known := false
	for _, ref := range refs {
		a, err := l.api.Do(ctx, l.call("GET", "/sms/3/logs?messageId="+url.QueryEscape(ref), nil))
		if err != nil {
			return nil, err
		}
		if !a.OK() {
			return nil, a.Refuse(code(a.Body))
		}
		var list struct {
			Results []report `json:"results"`
		}
		if err := json.Unmarshal(a.Body, &list); err != nil {
			return nil, err
		}
		for _, r := range list.Results {
			if r.Status == nil || r.ID != ref {
				continue
			}
			r.Data, known = attempt, true
			e, final := r.event()
			if !final {
				e = messaging.Event{Status: &messaging.Status{Ref: r.ID, Attempt: attempt, To: plus(r.To + r.Dest), State: messaging.Sent}}
			}
			all = append(all, e)
		}
	}
	if !known {
		return nil, messaging.ErrNever
	}
	return all, nil
}

// Webhook implements messaging.Line.
func (l *line) Webhook(d messaging.Delivery) (messaging.Heard, error) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(l.Values["hook_user"]+":"+l.Values["hook_password"]))
	if l.Values["hook_password"] == "" || subtle.ConstantTimeCompare([]byte(d.Get("Authorization")), []byte(want)) != 1 {
		return messaging.Heard{}, messaging.ErrForged
	}
	var body struct {
		Results []report `json:"results"`
	}
	if err := json.Unmarshal(d.Body, &body); err != nil || len(body.Results) > mostEvents {
		return messaging.Heard{}, fmt.Errorf("%d results: %w", len(body.Results), messaging.ErrGarbled)
	}
	var h messaging.Heard
	for _, r := range body.Results {
		switch {
		case r.Status != nil:
			if e, ok := r.event(); ok {
				h.Events = append(h.Events, e)
			}
		case r.From != "" && r.ID != "":
			h.Events = append(h.Events, messaging.Event{Said: &messaging.Said{Ref: r.ID, Channel: messaging.SMS, From: plus(r.From), To: plus(r.To), Text: r.Text}})
		}
	}
	return h, nil
}
