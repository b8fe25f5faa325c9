package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"portolan/internal/db"
	"portolan/internal/inbox"
	"portolan/internal/messaging"
)

// Lines are the accounts with message providers. Satisfied by messaging.Service.
type Lines interface {
	Providers() []messaging.Provider
	Hook(provider, account, path string, d messaging.Delivery) (messaging.Heard, error)
	Hear(tx *db.Tx, provider, account string, e messaging.Event) error
}

var _ Lines = (*messaging.Service)(nil)

// lines mounts the webhooks of message providers: one address per account, for whatever the provider tells.
func (h *Hooks) lines() {
	if h.Lines == nil {
		return
	}
	for _, p := range h.Lines.Providers() {
		h.Inbox.Handle(p.Name, func(tx *db.Tx, d inbox.Delivery) error {
			e, err := messaging.ReadEvent(d.Body)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrStatement, err)
			}
			return h.Lines.Hear(tx, p.Name, d.Account, e)
		})
		for _, method := range []string{"GET", "POST"} {
			h.mux.Handle(method+" /in/"+p.Name+"/{account}", h.tallied(p.Name, h.line(p.Name)))
		}
	}
}

// longestEvent is the longest name under which an event is kept as it is.
const longestEvent = 200

// line keeps what a provider tells, each event once, before the provider is answered.
func (h *Hooks) line(provider string) hook {
	return func(w http.ResponseWriter, r *http.Request, body []byte) (string, error) {
		account := r.PathValue("account")
		heard, err := h.Lines.Hook(provider, account, r.URL.RequestURI(), messaging.Delivery{Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body})
		if err != nil {
			return "", err
		}
		fresh := 0
		err = h.DB.Write(r.Context(), func(tx *db.Tx) error {
			fresh = 0
			for _, e := range heard.Events {
				name, text := e.Write()
				if len(name) > longestEvent {
					sum := sha256.Sum256([]byte(name))
					name = hex.EncodeToString(sum[:])
				}
				taken, err := h.Inbox.Take(tx, inbox.Delivery{Source: provider, Account: account, Event: name, Topic: e.Topic(), Body: text})
				if err != nil {
					return err
				}
				if taken {
					fresh++
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if heard.Type != "" {
			w.Header().Set("Content-Type", heard.Type)
		}
		w.Write([]byte(heard.Reply))
		switch {
		case fresh > 0:
			return "taken", nil
		case len(heard.Events) > 0:
			return "again", nil
		}
		return "nothing", nil
	}
}
