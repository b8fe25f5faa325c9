// Package journeys decides what a person hears from the shop, and when. Each file is one journey.
//
// How it is said, and whether it may be, is package messaging's business. What was decided, and why something
// was not sent, is kept for timelines.
package journeys

import (
	"embed"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
)

//go:embed schema
var files embed.FS

// Schema holds what was decided and the runs that wait.
var Schema = db.Schema{Owner: "journeys", Files: files}

// Decision is what a journey decided about one person and key, and why.
type Decision struct {
	ID       string
	Journey  string // "confirm", "recover"
	Key      string // order or cart
	Customer string
	Market   market.Code
	Outcome  string // "sent", "waits", "not_sent"
	Reason   string // stable code: "paid_meanwhile", "no_consent" …
	Detail   string
	Message  string
	Code     string // discount code issued
	At       time.Time
}
