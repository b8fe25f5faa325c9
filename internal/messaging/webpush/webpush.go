// Package webpush sends notices to browsers: RFC 8030, encrypted by RFC 8291 and signed for by RFC 8292 (VAPID).
package webpush

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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
)

// Provider is web push. The sender is an address at which push services may reach the shop: "mailto:…" or https.
var Provider = messaging.Provider{
	Name: "webpush", Title: "Web push", Base: services, Channels: channels, Kinds: kinds,
	Fields: []messaging.Field{
		{Name: "private_key", Secret: true, Check: func(s string) bool { _, err := readKey(s); return err == nil }, Made: NewKey},
	},
	FreeSender: true,
	Open:       open,
}

var (
	channels = []messaging.Channel{messaging.Push}
	kinds    = []messaging.Kind{messaging.Browser}
)

// services stands for the push services of the browsers, which name their own addresses.
const services = "https://push.services.mozilla.com"

// hosts are where the browsers' push services are. A browser names its own address; we call no other.
var hosts = []string{"googleapis.com", "push.services.mozilla.com", "notify.windows.com", "push.apple.com"}

// Bounds of what push services take.
const (
	longestBody = 3993 // bytes of plain text in one record of 4096
	longestTTL  = 28 * 24 * time.Hour
	tokenFor    = 12 * time.Hour // RFC 8292: at most 24 hours
)

type line struct {
	messaging.ProviderAccount
	messaging.Tools
	api *wire.Client
	key *ecdsa.PrivateKey
}

func open(a messaging.ProviderAccount, t messaging.Tools) (messaging.Line, error) {
	key, err := readKey(a.Values["private_key"])
	return &line{a, t, wire.New(a.Base, 0), key}, err
}

// NewKey makes a private key, as raw bytes in base64url.
func NewKey() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	raw, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func readKey(s string) (*ecdsa.PrivateKey, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("the key is not base64url")
	}
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
}

// PublicKey is what the shop's pages give to browsers as applicationServerKey.
func PublicKey(private string) (string, error) {
	key, err := readKey(private)
	if err != nil {
		return "", err
	}
	point, err := key.PublicKey.Bytes()
	return base64.RawURLEncoding.EncodeToString(point), err
}

// ServerKey implements messaging.BrowserLine.
func (l *line) ServerKey() string {
	key, err := PublicKey(l.Values["private_key"])
	if err != nil {
		return ""
	}
	return key
}

// Capabilities implements messaging.Line.
func (l *line) Capabilities(market.Country) messaging.Capabilities {
	return messaging.Capabilities{Channels: channels, Kinds: kinds}
}

// notice is what the service worker shows.
type notice struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Tag   string `json:"tag"`
	Lang  string `json:"lang,omitempty"`
	Link  string `json:"link,omitempty"` // what it opens
}

// Send implements messaging.Carrier. A browser that is gone is BadNumber.
func (l *line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	no := func(t messaging.Trouble, code string, err error) (messaging.Taken, error) {
		return messaging.Taken{}, &messaging.Refusal{Trouble: t, Code: code, Err: err}
	}
	sub, ok := messaging.ReadSubscription(p.To)
	at, err := url.Parse(sub.Endpoint)
	if !ok || err != nil || !l.known(at) {
		return no(messaging.BadNumber, "endpoint", errors.New("no address of a push service"))
	}
	body, err := json.Marshal(notice{l.Brand, p.Text, p.Message, p.Language, p.Link})
	if err != nil {
		return messaging.Taken{}, err
	}
	sealed, err := seal(sub, body)
	if err != nil {
		return no(messaging.BadNumber, "keys", err)
	}
	token, err := l.token(at)
	if err != nil {
		return messaging.Taken{}, err
	}
	ttl := longestTTL
	if !p.NotAfter.IsZero() {
		if ttl = min(p.NotAfter.Sub(l.Now()), longestTTL); ttl <= 0 {
			return no(messaging.OtherRoute, "too_late", context.DeadlineExceeded)
		}
	}
	urgency := "normal"
	if p.Class == messaging.Promotional || p.Class == messaging.Survey {
		urgency = "low"
	}
	a, err := l.api.Do(ctx, wire.Request{Method: "POST", Path: sub.Endpoint, Body: sealed, Header: map[string]string{"Content-Type": "application/octet-stream",
		"Content-Encoding": "aes128gcm", "TTL": strconv.FormatInt(int64(ttl/time.Second), 10), "Urgency": urgency, "Authorization": token}})
	if err != nil {
		return messaging.Taken{}, err
	}
	switch a.Status {
	case http.StatusNotFound, http.StatusGone:
		return no(messaging.BadNumber, strconv.Itoa(a.Status), errors.New("the browser is gone"))
	case http.StatusBadRequest:
		return no(messaging.Setup, "400", errors.New(wire.Clip(string(a.Body))))
	}
	if !a.OK() {
		return messaging.Taken{}, a.Refuse("")
	}
	return messaging.Taken{IDs: []string{p.Attempt}, Parts: 1, Final: true}, nil
}

// known reports whether an address is that of a push service, or one the account itself names.
func (l *line) known(u *url.URL) bool {
	if base, err := url.Parse(l.Base); err == nil && l.Base != services && u.Host == base.Host && u.Scheme == base.Scheme {
		return true
	}
	host := u.Hostname()
	return u.Scheme == "https" && u.Port() == "" && slices.ContainsFunc(hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) })
}

// token is the proof that we are who the browser let in (RFC 8292).
func (l *line) token(at *url.URL) (string, error) {
	claims, err := json.Marshal(struct {
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
		Subject  string `json:"sub"`
	}{at.Scheme + "://" + at.Host, l.Now().Add(tokenFor).Unix(), l.Sender})
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + enc.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, l.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	point, err := l.key.PublicKey.Bytes()
	if err != nil {
		return "", err
	}
	return "vapid t=" + text + "." + enc.EncodeToString(signature) + ", k=" + enc.EncodeToString(point), nil
}

// seal encrypts a body for a browser with keys made for this one message.
func seal(sub messaging.Subscription, body []byte) ([]byte, error) {
	theirs, auth, err := sub.Key()
	if err != nil {
		return nil, err
	}
	ours, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	return Encrypt(theirs, auth, ours, salt, body)
}

// Encrypt makes one record of aes128gcm (RFC 8188) with the keys of RFC 8291: theirs and auth are the browser's, ours
// and salt are of this message alone.
func Encrypt(theirs *ecdh.PublicKey, auth []byte, ours *ecdh.PrivateKey, salt, body []byte) ([]byte, error) {
	if len(body) > longestBody {
		return nil, fmt.Errorf("%d bytes, at most %d", len(body), longestBody)
	}
	shared, err := ours.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	mine := ours.PublicKey().Bytes()
	info := slices.Concat([]byte("WebPush: info\x00"), theirs.Bytes(), mine)
	secret, err := hkdf.Key(sha256.New, shared, auth, string(info), 32)
	if err != nil {
		return nil, err
	}
	key, err1 := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, err2 := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: nonce\x00", 12)
	block, err3 := aes.NewCipher(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(salt)
	b.Write(binary.BigEndian.AppendUint32(nil, 4096))
	b.WriteByte(byte(len(mine)))
	b.Write(mine)
	return box.Seal(b.Bytes(), nonce, append(slices.Clone(body), 2), nil), nil
}

// Webhook implements messaging.Line. Push services tell nothing.
func (l *line) Webhook(messaging.Delivery) (messaging.Heard, error) {
	return messaging.Heard{}, messaging.ErrForged
}
