// Package inbox keeps what other systems delivered, once per event, until it has been dealt with.
//
// A delivery is written before its sender is answered, so nothing that was acknowledged is lost; the same event
// again is recognised and changes nothing. Then a job hands it to whoever registered for its source. What refers
// to something that isn't here yet is parked and tried again for a day and a half; what can't be dealt with lies
// in sight of a person, who can have it tried again. Whether a delivery is genuine is decided before it gets here.
package inbox

import (
	"embed"

	"portolan/internal/db"
	"portolan/internal/jobs"
)

//go:embed schema
var files embed.FS

// Schema holds the deliveries.
var Schema = db.Schema{Owner: "inbox", Files: files}

// Inbox is the shelf of deliveries.
type Inbox struct {
	queue *jobs.Queue
}

// New returns an inbox whose deliveries are worked by q.
func New(q *jobs.Queue) *Inbox { return &Inbox{queue: q} }
