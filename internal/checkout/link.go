package checkout

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"portolan/internal/db"
	"portolan/internal/settings"
)

// secretKey is the setting that holds what links are signed with.
const secretKey = "checkout.link_secret"

// linkSecret returns the server's secret, which is made when it is first needed.
func linkSecret(tx *db.Tx) ([]byte, error) {
	var secret []byte
	found, err := settings.Get(tx, secretKey, &secret)
	if err != nil || found {
		return secret, err
	}
	secret = make([]byte, 32)
	rand.Read(secret)
	return secret, settings.Set(tx, secretKey, secret)
}

// sign makes the token of a link that opens a cart: its id and a proof that we made it.
func sign(secret []byte, cart string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("restore\n" + cart))
	return strings.TrimPrefix(cart, "crt_") + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}

// Link is the token of a link that opens a cart on any device. tx is one that may write, because the first link
// makes the secret.
func (s *Service) Link(tx *db.Tx, cart string) (string, error) {
	secret, err := linkSecret(tx)
	return sign(secret, cart), err
}

// Restore returns the cart that a signed link opens: the same cart, so in the same market and language. Its
// Token is the cookie's new value. A link that we didn't sign is ErrBadLink.
func (s *Service) Restore(tx *db.Tx, link string) (Cart, error) {
	short, _, _ := strings.Cut(link, ".")
	cart := "crt_" + short
	var secret []byte
	found, err := settings.Get(tx, secretKey, &secret)
	if err != nil {
		return Cart{}, err
	}
	if !found || !hmac.Equal([]byte(sign(secret, cart)), []byte(link)) {
		return Cart{}, ErrBadLink
	}
	return byID(tx, cart)
}
