package messaging

import (
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"portolan/internal/db"
	"portolan/internal/fault"
)

// ErrSubscriptionForm is the fault of a browser's permission that can't be used.
var ErrSubscriptionForm = fault.New(fault.Invalid, "messaging.subscription_form")

// chatForm is what Telegram calls a chat with one person.
var chatForm = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// pushPrefix begins the address of a browser.
const pushPrefix = "push:"

// Subscription is a browser's permission to be sent notices (W3C Push API). Keys are base64url as the browser
// gives them.
type Subscription struct {
	ID       string
	Endpoint string
	P256DH   string // public key, an uncompressed point of P-256
	Auth     string // 16 bytes
	Customer string
	Lang     string
}

// Address is the recipient of a push message: everything that is needed to reach the browser.
func (s Subscription) Address() string {
	return pushPrefix + s.P256DH + ":" + s.Auth + ":" + s.Endpoint
}

// ReadSubscription reads what Address wrote.
func ReadSubscription(address string) (s Subscription, ok bool) {
	text, ok := strings.CutPrefix(address, pushPrefix)
	parts := strings.SplitN(text, ":", 3)
	if !ok || len(parts) != 3 {
		return s, false
	}
	return Subscription{P256DH: parts[0], Auth: parts[1], Endpoint: parts[2]}, true
}

// Key decodes the browser's public key and secret.
func (s Subscription) Key() (*ecdh.PublicKey, []byte, error) {
	point, err := unpadded(s.P256DH)
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, nil, err
	}
	auth, err := unpadded(s.Auth)
	if err == nil && len(auth) != 16 {
		err = errors.New("the secret has not 16 bytes")
	}
	return key, auth, err
}

func unpadded(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// Subscribe keeps a browser's permission, once per endpoint, and returns the address to write to.
func (s *Service) Subscribe(tx *db.Tx, sub Subscription) (address string, err error) {
	var check fault.Check
	u, e := url.Parse(sub.Endpoint)
	check.That(e == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(sub.Endpoint) <= 1000, "endpoint", "messaging.subscription_form")
	_, _, e = sub.Key()
	check.That(e == nil, "keys", "messaging.subscription_form")
	if err := check.Err(ErrSubscriptionForm.Code); err != nil {
		return "", err
	}
	sub.P256DH, sub.Auth = strings.TrimRight(sub.P256DH, "="), strings.TrimRight(sub.Auth, "=")
	err = tx.Send(`insert into push_subscriptions (id, endpoint, p256dh, auth, customer, lang, created_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (endpoint) do update set p256dh = excluded.p256dh, auth = excluded.auth, customer = excluded.customer, lang = excluded.lang`,
		newID("psh"), sub.Endpoint, sub.P256DH, sub.Auth, sub.Customer, sub.Lang, tx.Now())
	return sub.Address(), err
}

// notice is a text as a notice shows it, which has the shop's name above it and opens a page when it is touched.
func (s *Service) notice(r Record) (text, link string) {
	text = strings.TrimPrefix(r.Body, s.cfg.Brand+": ")
	if all := linksIn(text); len(all) > 0 {
		link = all[len(all)-1]
		if before, whole := strings.CutSuffix(text, link); whole {
			text = strings.TrimRight(before, " :：")
		}
	}
	if r.Link != "" {
		link = s.cfg.base(r.Market) + "/l/" + linkCode(r.Token, "link")
	}
	if !strings.Contains(link, "://") {
		link = ""
	}
	return text, link
}

// Subscriptions lists the browsers of a person.
func (s *Service) Subscriptions(tx *db.Tx, customer string) ([]Subscription, error) {
	who, err := s.people.IDs(tx, customer)
	if err != nil {
		return nil, err
	}
	return db.All(tx, func(r db.Row) (x Subscription, err error) {
		err = r.Scan(&x.ID, &x.Endpoint, &x.P256DH, &x.Auth, &x.Customer, &x.Lang)
		return
	}, `select id, endpoint, p256dh, auth, customer, lang from push_subscriptions where customer in `+db.In(1, len(who))+` order by id`, db.Fill(who)...)
}

// unsubscribe forgets a browser that is gone.
func unsubscribe(tx *db.Tx, address string) error {
	sub, ok := ReadSubscription(address)
	if !ok {
		return nil
	}
	return tx.Send(`delete from push_subscriptions where endpoint = $1`, sub.Endpoint)
}
