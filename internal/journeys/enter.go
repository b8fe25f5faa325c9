package journeys

import (
	"cmp"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/market"
)

// PastRun is a run of the past that came to its message.
type PastRun struct {
	Journey  string
	Version  int64
	Key      string
	Customer string
	Market   market.Code
	Lang     string
	Order    string
	Cart     string
	Node     string // that sent, or would have
	Way      string
	Message  string
	Code     string
	Control  bool // held out: nothing was sent
	At       time.Time
}

// Enter puts runs of the past into the books and tells nobody: for a history that is brought along.
func (s *Service) Enter(tx *db.Tx, all []PastRun) error {
	runs, steps := make([][]any, 0, len(all)), make([][]any, 0, len(all))
	for _, p := range all {
		run, outcome, arm, sent, reason := id.New("run"), Sent, Treated, int64(1), ""
		if p.Control {
			outcome, arm, sent, reason = Withheld, Control, 0, "control"
		}
		runs = append(runs, []any{run, p.Journey, p.Version, p.Key, int64(0), p.Customer, string(p.Market), cmp.Or(p.Lang, "en"), p.Order, p.Cart, "", "", string(Done), "",
			arm, p.Way, time.Time{}, p.At, p.At, p.At, sent, int64(1), "{}"})
		steps = append(steps, []any{id.New("jst"), run, int64(0), p.Journey, p.Version, p.Node, int64(1), p.Key, p.Customer, string(p.Market), arm, string(outcome), reason, "",
			p.Message, p.Code, "", p.At})
	}
	if err := db.InsertEach(tx, `insert into journey_runs (`+runColumns+`) values`, "", runs); err != nil {
		return err
	}
	return addSteps(tx, steps)
}

// Recall tells the journeys named, and no others, of what happened in the past as if it were then: waits count from that
// moment, and whose time has passed meanwhile goes on at once, or not at all where it would be too late. It is for what
// was imported and shall not begin at nothing. Nothing may be sent before the first wait of these journeys.
func (s *Service) Recall(tx *db.Tx, h Happening, journeys ...string) error {
	g := s.stage(tx)
	g.now, g.only = h.at(g.now), journeys
	return g.happened(h)
}

// EnterRating puts a rating of the past into the books and the journal and tells nobody.
func (s *Service) EnterRating(tx *db.Tx, r Rating) error {
	a := answer{Order: r.Order, Customer: r.Customer, Market: r.Market, Lang: r.Lang, Question: cmp.Or(r.Question, surveyQuestion), Score: r.Score, Comment: r.Comment, Channel: r.Channel, Run: r.Run}
	if err := a.keep(tx, r.At); err != nil || a.Question != surveyQuestion {
		return err
	}
	return s.bus.Enter(tx, r.At, RatedEvent{Order: r.Order, Customer: r.Customer, Market: r.Market, Lang: r.Lang, Rating: r.Score, Comment: r.Comment, Channel: r.Channel, At: r.At})
}
