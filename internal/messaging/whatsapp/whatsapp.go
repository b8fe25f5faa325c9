// Package whatsapp sends by the WhatsApp Business Cloud API: approved templates, and free words within a day of what
// the person wrote last.
//
// A template is approved at Meta under the name of our own text and has named parameters of the same names.
package whatsapp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/wire"
)

// Provider is the WhatsApp Cloud API.
var Provider = messaging.Provider{
	Name: "whatsapp", Title: "WhatsApp", Base: "https://graph.facebook.com/v23.0", Channels: channels, Kinds: kinds,
	Fields: []messaging.Field{
		{Name: "phone_id", Check: func(s string) bool { return strings.Trim(s, "0123456789") == "" }},
		{Name: "access_token", Secret: true},
		{Name: "app_secret", Secret: true},
		{Name: "verify_token", Made: func() string { return rand.Text() }},
		{Name: "languages", Optional: true, Check: func(s string) bool { _, err := readLanguages(s); return err == nil }},
	},
	Open: open,
}

var (
	channels = []messaging.Channel{messaging.WhatsApp}
	kinds    = []messaging.Kind{messaging.LongNumber}
)

// longestParameter is the longest text that fills a template.
const longestParameter = 1024

type line struct {
	messaging.ProviderAccount
	messaging.Tools
	api   *wire.Client
	langs map[string]string
}

func open(a messaging.ProviderAccount, t messaging.Tools) (messaging.Line, error) {
	langs, err := readLanguages(a.Values["languages"])
	return &line{a, t, wire.New(a.Base, 0), langs}, err
}

// readLanguages reads "en=en_US de=de": what Meta calls our languages where that differs.
func readLanguages(s string) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range strings.Fields(s) {
		ours, theirs, ok := strings.Cut(pair, "=")
		if !ok || ours == "" || theirs == "" {
			return nil, fmt.Errorf("%q is no pair of languages", pair)
		}
		m[ours] = theirs
	}
	return m, nil
}

// Capabilities implements messaging.Line.
func (l *line) Capabilities(market.Country) messaging.Capabilities {
	return messaging.Capabilities{Channels: channels, Kinds: kinds, TwoWay: true, Receipts: true, MaxRate: 80}
}

type (
	parameter struct {
		Type string `json:"type"`
		Name string `json:"parameter_name"`
		Text string `json:"text"`
	}
	component struct {
		Type       string      `json:"type"`
		Parameters []parameter `json:"parameters"`
	}
	language struct {
		Code string `json:"code"`
	}
	template struct {
		Name       string      `json:"name"`
		Language   language    `json:"language"`
		Components []component `json:"components,omitempty"`
	}
	words struct {
		Body    string `json:"body"`
		Preview bool   `json:"preview_url"`
	}
	request struct {
		Product   string    `json:"messaging_product"`
		Recipient string    `json:"recipient_type"`
		To        string    `json:"to"`
		Type      string    `json:"type"`
		Template  *template `json:"template,omitempty"`
		Text      *words    `json:"text,omitempty"`
		Data      string    `json:"biz_opaque_callback_data,omitempty"`
	}
)

// Send implements messaging.Carrier. What is said inside a conversation goes in free words while it is open, all else
// as a template.
func (l *line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	q := request{Product: "whatsapp", Recipient: "individual", To: strings.TrimPrefix(p.To, "+"), Data: p.Attempt}
	open := l.Now().Before(p.Open)
	switch {
	case p.Class == messaging.Reply && open:
		q.Type, q.Text = "text", &words{Body: p.Text}
	case p.Template == "" || p.Class == messaging.Reply:
		return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "131047", Err: errors.New("more than a day since the person wrote")}
	default:
		q.Type, q.Template = "template", &template{Name: p.Template, Language: language{l.code(p.Language)}}
		if len(p.Vars) > 0 {
			body := component{Type: "body"}
			for _, name := range slices.Sorted(maps.Keys(p.Vars)) {
				body.Parameters = append(body.Parameters, parameter{"text", name, oneLine(p.Vars[name])})
			}
			q.Template.Components = []component{body}
		}
	}
	body, err := json.Marshal(q)
	if err != nil {
		return messaging.Taken{}, err
	}
	a, err := l.api.Do(ctx, wire.Request{Method: "POST", Path: "/" + url.PathEscape(l.Values["phone_id"]) + "/messages", Body: body,
		Header: map[string]string{"Authorization": "Bearer " + l.Values["access_token"], "Content-Type": "application/json"}})
	if err != nil {
		return messaging.Taken{}, err
	}
	if !a.OK() {
		return messaging.Taken{}, refuse(a)
	}
	var answer struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil || len(answer.Messages) == 0 || answer.Messages[0].ID == "" {
		return messaging.Taken{}, fmt.Errorf("taken without an id: %s", wire.Clip(string(a.Body)))
	}
	return messaging.Taken{IDs: []string{answer.Messages[0].ID}, Parts: 1}, nil
}

func (l *line) code(lang string) string {
	if c := l.langs[lang]; c != "" {
		return c
	}
	return strings.ReplaceAll(lang, "-", "_")
}

// oneLine is a text as a parameter may be: without line breaks, tabs and runs of spaces.
func oneLine(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	return string(r[:min(len(r), longestParameter)])
}

// troubles are what Meta's codes mean for us; all others are final here.
var troubles = map[int]messaging.Trouble{
	4: messaging.Again, 80007: messaging.Again, 130429: messaging.Again, 131048: messaging.Again, 131056: messaging.Again, 131016: messaging.Again, 131057: messaging.Again,
	131050: messaging.OptedOut,
	132000: messaging.Setup, 132001: messaging.Setup, 132005: messaging.Setup, 132007: messaging.Setup, 132012: messaging.Setup, 132015: messaging.Setup,
	132016: messaging.Setup, 131008: messaging.Setup, 131009: messaging.Setup, 133010: messaging.Setup, 100: messaging.Setup,
	190: messaging.Account, 10: messaging.Account, 3: messaging.Account, 368: messaging.Account, 131031: messaging.Account, 131042: messaging.Account, 131005: messaging.Account,
	131049: messaging.Content, 130497: messaging.Content,
}

func refuse(a wire.Answer) error {
	var no struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(a.Body, &no) != nil || no.Error.Code == 0 {
		return a.Refuse("")
	}
	t, known := troubles[no.Error.Code]
	if no.Error.Code >= 200 && no.Error.Code < 300 {
		t, known = messaging.Account, true
	}
	if !known {
		return a.Refuse(strconv.Itoa(no.Error.Code))
	}
	return &messaging.Refusal{Trouble: t, Code: strconv.Itoa(no.Error.Code), After: a.After(), Err: errors.New(wire.Clip(no.Error.Message))}
}

var states = map[string]messaging.State{"sent": messaging.Sent, "delivered": messaging.Delivered, "read": messaging.Read, "failed": messaging.Failed}

// Webhook implements messaging.Line: the handshake by which Meta learns that the address is ours, then statuses and
// messages. Their order is not kept; that is settled where they are worked.
func (l *line) Webhook(d messaging.Delivery) (messaging.Heard, error) {
	if d.Method == "GET" {
		get := func(name string) string { return url.Values(d.Query).Get("hub." + name) }
		token := l.Values["verify_token"]
		if token == "" || get("mode") != "subscribe" || subtle.ConstantTimeCompare([]byte(get("verify_token")), []byte(token)) != 1 {
			return messaging.Heard{}, messaging.ErrForged
		}
		return messaging.Heard{Reply: wire.Clip(get("challenge"))}, nil
	}
	if !Signed(l.Values["app_secret"], d.Get("X-Hub-Signature-256"), d.Body) {
		return messaging.Heard{}, messaging.ErrForged
	}
	var body struct {
		Entry []struct {
			Changes []struct {
				Value value `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return messaging.Heard{}, fmt.Errorf("%w: %w", messaging.ErrGarbled, err)
	}
	var h messaging.Heard
	for _, e := range body.Entry {
		for _, c := range e.Changes {
			if id := c.Value.Meta.PhoneID; id == "" || id == l.Values["phone_id"] {
				h.Events = append(h.Events, c.Value.events()...)
			}
		}
	}
	return h, nil
}

type value struct {
	Meta struct {
		PhoneID string `json:"phone_number_id"`
		Number  string `json:"display_phone_number"`
	} `json:"metadata"`
	Statuses []struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		At     string `json:"timestamp"`
		To     string `json:"recipient_id"`
		Data   string `json:"biz_opaque_callback_data"`
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
	} `json:"statuses"`
	Messages []struct {
		ID   string `json:"id"`
		From string `json:"from"`
		At   string `json:"timestamp"`
		Type string `json:"type"`
		Text struct {
			Body string `json:"body"`
		} `json:"text"`
		Button struct {
			Text string `json:"text"`
		} `json:"button"`
		Interactive struct {
			Button struct {
				Title string `json:"title"`
			} `json:"button_reply"`
			List struct {
				Title string `json:"title"`
			} `json:"list_reply"`
		} `json:"interactive"`
	} `json:"messages"`
}

func (v value) events() (all []messaging.Event) {
	for _, s := range v.Statuses {
		state, ok := states[s.Status]
		if !ok || s.ID == "" {
			continue
		}
		st := &messaging.Status{Ref: s.ID, Attempt: s.Data, To: "+" + s.To, State: state, At: moment(s.At)}
		if len(s.Errors) > 0 {
			st.Code = strconv.Itoa(s.Errors[0].Code)
			if t := troubles[s.Errors[0].Code]; t == messaging.OptedOut {
				st.Trouble = t
			}
		}
		all = append(all, messaging.Event{Status: st})
	}
	for _, m := range v.Messages {
		text := m.Text.Body + m.Button.Text + m.Interactive.Button.Title + m.Interactive.List.Title
		if m.ID == "" || m.From == "" || text == "" {
			continue // a picture, a sound, a reaction: nothing that can be read
		}
		all = append(all, messaging.Event{Said: &messaging.Said{Ref: m.ID, Channel: messaging.WhatsApp, From: "+" + m.From, To: v.Meta.Number, Text: text, At: moment(m.At)}})
	}
	return all
}

func moment(seconds string) time.Time {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n <= 0 || n > 1<<33 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// Signed reports whether Meta signed a body: "sha256=" and the HMAC-SHA256 in hex, keyed with the app's secret.
func Signed(secret, signature string, body []byte) bool {
	text, ok := strings.CutPrefix(signature, "sha256=")
	given, err := hex.DecodeString(text)
	if !ok || err != nil || secret == "" {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), given)
}
