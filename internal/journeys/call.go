package journeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
)

// Call posts a body to another system and fails unless that took it. id is the same however often it is tried.
type Call func(ctx context.Context, url, id string, body []byte) error

// callJob tells another system that a run came to a step.
type callJob struct {
	Run   string `json:"run"`
	Node  string `json:"node"`
	Visit int64  `json:"visit"`
	URL   string `json:"url"`
}

// Job implements jobs.Args.
func (callJob) Job() string { return "journeys.call" }

// Called is what another system is told.
type Called struct {
	Journey  string    `json:"journey"`
	Version  int64     `json:"version"`
	Step     string    `json:"step"`
	Run      string    `json:"run"`
	Customer string    `json:"customer,omitempty"`
	Order    string    `json:"order,omitempty"`
	Cart     string    `json:"cart,omitempty"`
	Parcel   string    `json:"parcel,omitempty"`
	Market   string    `json:"market"`
	Event    string    `json:"event"`
	At       time.Time `json:"at"` // of the event
}

var errNobodyCalls = errors.New("journeys: this program calls no other systems")

// callOut does what a step has noted: at least once, with the same id each time.
func (s *Service) callOut(ctx context.Context, a callJob) error {
	if s.Call == nil {
		return jobs.Permanent(errNobodyCalls)
	}
	var r *Run
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		r, err = oneRun(tx, `select `+runColumns+` from journey_runs where id = $1`, a.Run)
		return err
	})
	if err != nil || r == nil {
		return err
	}
	body, err := json.Marshal(Called{r.Journey, r.Version, a.Node, r.ID, r.Customer, r.Order, r.Cart, r.Parcel, string(r.Market), r.Event.Event, r.Event.At})
	if err != nil {
		return err
	}
	return s.Call(ctx, a.URL, fmt.Sprintf("%s-%s-%d", a.Run, a.Node, a.Visit), body)
}
