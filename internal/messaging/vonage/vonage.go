// Package vonage sends texts by the Vonage SMS API and reads its webhooks.
package vonage

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
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

// Provider is Vonage.
var Provider = messaging.Provider{
	Name: "vonage", Title: "Vonage", Base: "https://rest.nexmo.com", Channels: channels, Kinds: kinds,
	Fields: []messaging.Field{
		{Name: "api_key"},
		{Name: "api_secret", Secret: true},
		{Name: "signature_secret", Secret: true},
		{Name: "signature_method", OneOf: []string{"md5hash", "md5", "sha1", "sha256", "sha512"}},
	},
	Open: open,
}

var (
	channels = []messaging.Channel{messaging.SMS}
	kinds    = []messaging.Kind{messaging.LongNumber, messaging.TenDLC, messaging.ShortCode, messaging.Alpha}
)

// Bounds of ttl, how long Vonage keeps trying.
const (
	shortestTTL = 20 * time.Second
	longestTTL  = 7 * 24 * time.Hour
)

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
	return messaging.Capabilities{Channels: channels, Kinds: kinds, TwoWay: l.Kind.TwoWay(), Receipts: true, PriceInReply: true, IDsPerPart: true, ListsPrices: true, MaxRate: 30}
}

// Send implements messaging.Carrier. Each part has an answer of its own: once one was taken the others don't go
// again.
func (l *line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	form := url.Values{"from": {strings.TrimPrefix(p.Sender, "+")}, "to": {strings.TrimPrefix(p.To, "+")}, "text": {p.Text}, "client-ref": {p.Attempt}, "callback": {l.Hook},
		"status-report-req": {"1"}}
	form.Set("type", "text")
	if strings.ContainsFunc(p.Text, func(r rune) bool { return r > '~' }) {
		form.Set("type", "unicode")
	}
	if !p.NotAfter.IsZero() {
		left := p.NotAfter.Sub(l.Now())
		if left <= 0 {
			return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "too_late", Err: context.DeadlineExceeded}
		}
		form.Set("ttl", strconv.FormatInt(max(shortestTTL, min(left, longestTTL)).Milliseconds(), 10))
	}
	a, err := l.api.Do(ctx, l.call("POST", "/sms/json", form))
	if err != nil {
		return messaging.Taken{}, err
	}
	if !a.OK() {
		return messaging.Taken{}, a.Refuse("")
	}
	var answer struct {
		Messages []struct {
			ID     string `json:"message-id"`
			Status string `json:"status"`
			Price  string `json:"message-price"`
			Error  string `json:"error-text"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil || len(answer.Messages) == 0 {
		return messaging.Taken{}, fmt.Errorf("no answer in %s", wire.Clip(string(a.Body)))
	}
	var t messaging.Taken
	var no error
	for _, m := range answer.Messages {
		switch {
		case m.Status == "0" && m.ID != "":
			t.IDs = append(t.IDs, m.ID)
			if cost, err := messaging.ReadCost(m.Price, "EUR"); err == nil && m.Price != "" {
				t.Price = cost
			}
		case m.Status == "0":
			no = errors.New("taken without an id")
		case no == nil:
			no = refusal(m.Status, m.Error)
		}
	}
	t.Parts = int64(len(answer.Messages))
	if len(t.IDs) > 0 && no != nil {
		return t, fmt.Errorf("%d of %d parts were taken: %s", len(t.IDs), len(answer.Messages), no)
	}
	return t, no
}

func (l *line) call(method, path string, form url.Values) wire.Request {
	return wire.Request{Method: method, Path: path, User: l.Values["api_key"], Pass: l.Values["api_secret"],
		Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}, Body: []byte(form.Encode())}
}

// troubles are what the status of a part means for us; all others are final here.
var troubles = map[string]messaging.Trouble{
	"1": messaging.Again, "5": messaging.Again, "10": messaging.Again, "7": messaging.BadNumber, "33": messaging.BadNumber,
	"14": messaging.Setup, "15": messaging.Setup, "11": messaging.Setup, "29": messaging.Setup,
	"4": messaging.Account, "8": messaging.Account, "9": messaging.Account, "32": messaging.Account,
}

func refusal(status, text string) error {
	t, ok := troubles[status]
	if !ok {
		t = messaging.OtherRoute
	}
	return &messaging.Refusal{Trouble: t, Code: status, Err: errors.New(wire.Clip(text))}
}

// Prices implements messaging.PriceLister.
func (l *line) Prices(ctx context.Context, c market.Country) ([]messaging.ListedPrice, error) {
	q := l.call("GET", "/account/get-pricing/outbound/sms?country="+url.QueryEscape(string(c)), nil)
	a, err := l.api.Do(ctx, q)
	if err != nil {
		return nil, err
	}
	if !a.OK() {
		return nil, a.Refuse("")
	}
	var list struct {
		Currency string `json:"currency"`
		Default  string `json:"defaultPrice"`
		Networks []struct {
			Price    string `json:"price"`
			Currency string `json:"currency"`
			MCC      string `json:"mcc"`
			MNC      string `json:"mnc"`
		} `json:"networks"`
	}
	if err := json.Unmarshal(a.Body, &list); err != nil {
		return nil, err
	}
	var all []messaging.ListedPrice
	add := func(price, currency string, networks ...string) error {
		if price == "" {
			return nil
		}
		cost, err := messaging.ReadCost(price, money.Currency(strings.ToUpper(currency)))
		all = append(all, messaging.ListedPrice{Country: c, Networks: networks, Price: cost})
		return err
	}
	for _, n := range list.Networks {
		if err := add(n.Price, n.Currency, n.MCC+n.MNC); err != nil {
			return nil, err
		}
	}
	return all, add(list.Default, list.Currency)
}

// states are those of receipts that tell something.
var states = map[string]messaging.State{
	"accepted": messaging.Sent, "delivered": messaging.Delivered, "expired": messaging.Expired, "failed": messaging.Failed, "rejected": messaging.Failed,
}

// codes of receipts that say something about the number.
var codes = map[string]messaging.Trouble{"3": messaging.BadNumber, "9": messaging.BadNumber, "12": messaging.BadNumber, "4": messaging.OptedOut, "6": messaging.Content}

// Webhook implements messaging.Line: receipts and texts, by GET, form or JSON, signed.
func (l *line) Webhook(d messaging.Delivery) (messaging.Heard, error) {
	f := fields(d)
	if !Signed(l.Values["signature_method"], l.Values["signature_secret"], f) {
		return messaging.Heard{}, messaging.ErrForged
	}
	id, from := f["messageId"], f["msisdn"]
	if id == "" || from == "" {
		return messaging.Heard{}, fmt.Errorf("neither a receipt nor a text: %w", messaging.ErrGarbled)
	}
	if status, ok := f["status"]; ok && f["type"] == "" {
		state, known := states[status]
		if !known {
			return messaging.Heard{}, nil
		}
		st := &messaging.Status{Ref: id, Attempt: f["client-ref"], To: "+" + strings.TrimPrefix(from, "+"), State: state, Raw: wire.Clip(string(d.Body))}
		if st.At, _ = time.Parse("0601021504", f["scts"]); state == messaging.Failed {
			st.Code, st.Trouble = f["err-code"], codes[f["err-code"]]
		}
		if cost, err := messaging.ReadCost(f["price"], "EUR"); err == nil && f["price"] != "" {
			st.Price = cost
		}
		return messaging.Heard{Events: []messaging.Event{{Status: st}}}, nil
	}
	said := &messaging.Said{Ref: id, Channel: messaging.SMS, From: "+" + strings.TrimPrefix(from, "+"), To: f["to"], Text: f["text"]}
	if f["concat"] == "true" {
		ref, err1 := strconv.ParseUint(f["concat-ref"], 10, 16)
		part, err2 := strconv.ParseUint(f["concat-part"], 10, 8)
		total, err3 := strconv.ParseUint(f["concat-total"], 10, 8)
		if errors.Join(err1, err2, err3) != nil || part < 1 || part > total {
			return messaging.Heard{}, fmt.Errorf("part %s of %s: %w", f["concat-part"], f["concat-total"], messaging.ErrGarbled)
		}
		said.Thread, said.Part, said.Total = uint16(ref), int(part), int(total)
	}
	return messaging.Heard{Events: []messaging.Event{{Said: said}}}, nil
}

// fields are what a delivery says, however it is written.
func fields(d messaging.Delivery) map[string]string {
	f := map[string]string{}
	take := func(v map[string][]string) {
		for k, all := range v {
			if len(all) > 0 {
				f[k] = all[0]
			}
		}
	}
	kind := d.Get("Content-Type")
	switch {
	case d.Method == "GET":
		take(d.Query)
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		v, err := url.ParseQuery(string(d.Body))
		if err == nil {
			take(v)
		}
	default:
		var object map[string]any
		dec := json.NewDecoder(strings.NewReader(string(d.Body)))
		dec.UseNumber()
		if dec.Decode(&object) == nil {
			for k, v := range object {
				if v != nil {
					f[k] = fmt.Sprint(v)
				}
			}
		}
	}
	return f
}

// Signed reports whether Vonage signed fields with a secret: the digest named by method over &name=value of all in
// order of their names, & and = in values as _; "md5hash" appends the secret, the others are keyed with it.
func Signed(method, secret string, f map[string]string) bool {
	given, err := hex.DecodeString(strings.ToLower(f["sig"]))
	if err != nil || len(given) == 0 || secret == "" {
		return false
	}
	var names []string
	for k := range f {
		if k != "sig" {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	var text strings.Builder
	for _, k := range names {
		text.WriteString("&" + k + "=" + strings.NewReplacer("&", "_", "=", "_").Replace(f[k]))
	}
	if method == "" || method == "md5hash" {
		sum := md5.Sum([]byte(text.String() + secret))
		return hmac.Equal(sum[:], given)
	}
	make, ok := map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}[method]
	if !ok {
		return false
	}
	mac := hmac.New(make, []byte(secret))
	mac.Write([]byte(text.String()))
	return hmac.Equal(mac.Sum(nil), given)
}
