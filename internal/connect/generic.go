package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"portolan/internal/beside"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/inbox"
	"portolan/internal/money"
	"portolan/internal/order"
)

// generic is the way in for any shop that can sign: Standard Webhooks 1.0.0 with a secret per shop.
const generic = "generic"

// ErrStatement is the fault of a signed delivery that can't be read.
var ErrStatement = fault.New(fault.Invalid, "connect.unreadable_statement")

func verifier(secret string) (*webhooks.Webhook, error) {
	w, err := webhooks.NewWebhook(secret)
	if err == nil && len(secret) < 24 {
		err = errors.New("the secret is too short")
	}
	return w, err
}

// generic takes a delivery of another shop. Which shop it is, its signature says; a path that names one holds it
// to that.
func (h *Hooks) generic(_ http.ResponseWriter, r *http.Request, body []byte) (string, error) {
	all := *h.sources.Get()
	named := r.PathValue("account")
	if _, known := all[named]; named != "" && !known {
		return "", ErrUnknownSource
	}
	event := r.Header.Get(webhooks.HeaderWebhookID)
	if event == "" || len(event) > 200 || strings.ContainsFunc(event, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("event id: %w", ErrSignature)
	}
	account, err := h.signer(all, named, r.Header, body)
	if err != nil {
		return "", err
	}
	in := inbox.Delivery{Source: generic, Account: account, Event: event, Topic: topic(body), Body: body}
	fresh := false
	err = h.DB.Read(r.Context(), func(tx *db.Tx) error {
		seen, err := h.Inbox.Seen(tx, generic, account, event)
		fresh = !seen
		return err
	})
	if err != nil || !fresh {
		return "again", err
	}
	err = h.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		fresh, err = h.Inbox.Take(tx, in)
		return err
	})
	if !fresh {
		return "again", err
	}
	return "taken", err
}

// signer finds the shop whose signature this is. Every secret that is good is tried; the comparison of each takes
// the same time whether it fits or not.
func (h *Hooks) signer(all Sources, named string, header http.Header, body []byte) (string, error) {
	now := h.DB.Clock().Now()
	sent, err := strconv.ParseInt(header.Get(webhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil {
		return "", fmt.Errorf("time: %w", ErrSignature)
	}
	allowed := time.Duration(float64(tolerance) * max(1, h.DB.Clock().Speed()))
	if off := now.Sub(time.Unix(sent, 0)); off > allowed || off < -allowed {
		return "", fmt.Errorf("sent %s from now: %w", off, ErrSignature)
	}
	for name, secrets := range all {
		if named != "" && name != named {
			continue
		}
		for _, s := range secrets {
			if !s.Until.IsZero() && s.Until.Before(now) {
				continue
			}
			w, err := verifier(s.Key)
			if err == nil && w.VerifyIgnoringTimestamp(body, header) == nil {
				return name, nil
			}
		}
	}
	return "", ErrSignature
}

// statement is a delivery's body. Fields we don't know are let be: other shops have more to say than we ask.
type statement struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

func topic(body []byte) string {
	var s statement
	if json.Unmarshal(body, &s) != nil || len(s.Type) > 64 {
		return ""
	}
	return s.Type
}

// deal acts on a delivery of another shop. The shop that signed is the source, whatever the body says.
func (h *Hooks) deal(tx *db.Tx, d inbox.Delivery) error {
	var s statement
	if err := json.Unmarshal(d.Body, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	switch s.Type {
	case "order.created":
		o, err := read[beside.Order](s.Data)
		if err != nil {
			return err
		}
		o.Source = d.Account
		_, _, err = h.Beside.Place(tx, o)
		return final(err)
	case "order.paid":
		p, err := read[paid](s.Data)
		if err != nil {
			return err
		}
		_, err = h.Beside.Paid(tx, d.Account, p.ExternalRef, p.Amount, p.PaidAt)
		return err
	case "order.cancelled":
		c, err := read[cancelled](s.Data)
		if err != nil {
			return err
		}
		_, err = h.Beside.Cancel(tx, d.Account, c.ExternalRef, c.Reason)
		return err
	case "checkout.left":
		l, err := read[beside.Left](s.Data)
		if err != nil {
			return err
		}
		l.Source = d.Account
		return h.Beside.ShopperLeft(tx, l)
	}
	return inbox.ErrIgnored
}

type paid struct {
	ExternalRef string       `json:"external_ref"`
	Amount      money.Amount `json:"amount"`
	PaidAt      time.Time    `json:"paid_at"`
}

type cancelled struct {
	ExternalRef string `json:"external_ref"`
	Reason      string `json:"reason"`
}

func read[T any](data json.RawMessage) (v T, err error) {
	if err = json.Unmarshal(data, &v); err != nil {
		err = fmt.Errorf("%w: %w", ErrStatement, err)
	}
	return v, err
}

// final makes what an order can't be placed for a matter for a person at once: only a statement about an order
// that isn't here can be cured by waiting.
func final(err error) error {
	if err != nil && fault.Of(err).Kind == fault.NotFound && !errors.Is(err, order.ErrUnknown) {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	return err
}
