package journeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/messaging"
)

// ErrUnknownTrial is the fault of asking for a trial that isn't kept.
var ErrUnknownTrial = fault.New(fault.NotFound, "journeys.unknown_trial")

// States of trials.
const (
	TrialRunning = "running"
	TrialDone    = "done"
	TrialFailed  = "failed"
)

// TrialRun is a trial that runs or ran beside everything else.
type TrialRun struct {
	ID         string
	Journey    string
	Definition Definition
	Texts      messaging.Pins // the words that were in force
	Days       int64
	By         string
	State      string
	Share      float64 // done, 0 to 1
	Report     *Report // once it is done
	At         time.Time
	Ended      time.Time
}

// trialJob runs a trial.
type trialJob struct {
	Trial string `json:"trial"`
}

// Job implements jobs.Args.
func (trialJob) Job() string { return "journeys.trial" }

const (
	trialPatience = 30 * time.Minute
	trialsKept    = 30 * 24 * time.Hour
)

// BeginTrial has a trial of a definition run by the queue, and returns it as it begins. A definition that couldn't be
// published isn't tried: ErrBadDefinition.
func (s *Service) BeginTrial(tx *db.Tx, d Definition, days int64, by string) (TrialRun, error) {
	if days < 1 || days > MostTrialDays {
		return TrialRun{}, ErrTrialSpan
	}
	if err := s.Check(tx, d); err != nil {
		return TrialRun{}, err
	}
	texts, err := s.Messages.Pins(tx, d.Templates())
	if err != nil {
		return TrialRun{}, err
	}
	t := TrialRun{ID: id.New("trl"), Journey: d.Journey, Definition: d, Texts: texts, Days: days, By: by, State: TrialRunning, At: tx.Now()}
	if err := tx.Send(`delete from journey_trials where at < $1`, tx.Now().Add(-trialsKept)); err != nil {
		return t, err
	}
	err = tx.Send(`insert into journey_trials (id, journey, definition, texts, days, by_whom, state, share, report, at) values ($1, $2, $3, $4, $5, $6, $7, 0, '', $8)`,
		t.ID, t.Journey, string(d.JSON()), textsJSON(texts), days, by, t.State, t.At)
	if err != nil {
		return t, err
	}
	return t, s.queue.Add(tx, trialJob{t.ID}, jobs.When{Subject: t.ID})
}

const trialColumns = `id, journey, definition, texts, days, by_whom, state, share, report, at, ended_at`

func scanTrial(r db.Row) (t TrialRun, err error) {
	var definition, texts, report string
	var thousandths int64
	if err = r.Scan(&t.ID, &t.Journey, &definition, &texts, &t.Days, &t.By, &t.State, &thousandths, &report, &t.At, db.Null(&t.Ended)); err != nil {
		return t, err
	}
	t.Share, t.At, t.Ended = float64(thousandths)/1000, t.At.UTC(), t.Ended.UTC()
	if said, ok := ReadReport(report); ok {
		t.Report = &said
	}
	if texts != "" {
		if err = json.Unmarshal([]byte(texts), &t.Texts); err != nil {
			return t, err
		}
	}
	t.Definition, err = ReadDefinition([]byte(definition))
	return t, err
}

// TrialByID returns a trial or ErrUnknownTrial.
func (s *Service) TrialByID(tx *db.Tx, id string) (TrialRun, error) {
	t, err := db.One(tx, scanTrial, `select `+trialColumns+` from journey_trials where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownTrial
	}
	return t, err
}

// TrialOf returns the latest trial of exactly this definition in the words that are in force that ran to its end or still
// runs, or ErrUnknownTrial. Its report is what Publish wants to keep with the version.
func (s *Service) TrialOf(tx *db.Tx, d Definition) (TrialRun, error) {
	texts, err := s.Messages.Pins(tx, d.Templates())
	if err != nil {
		return TrialRun{}, err
	}
	t, err := db.One(tx, scanTrial, `select `+trialColumns+` from journey_trials where journey = $1 and definition = $2 and texts = $3 and state <> 'failed' order by at desc, id desc limit 1`,
		d.Journey, string(d.JSON()), textsJSON(texts))
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownTrial
	}
	return t, err
}

// tryOut is the job.
func (s *Service) tryOut(ctx context.Context, a trialJob) error {
	var t TrialRun
	var texts messaging.Pins
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if t, err = s.TrialByID(tx, a.Trial); err != nil {
			return err
		}
		texts, err = s.Messages.Pins(tx, t.Definition.Templates())
		return err
	})
	if errors.Is(err, ErrUnknownTrial) || err == nil && t.State != TrialRunning {
		return nil
	}
	if err != nil {
		return err
	}
	told := int64(0)
	report, err := s.Trial(ctx, t.Definition, t.Days, func(share float64) {
		if now := int64(share * 1000); now >= told+20 {
			told = now
			s.trialAt(ctx, a.Trial, now)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	state, body := TrialDone, ""
	if err != nil {
		slog.Error("a trial failed", "journey", t.Journey, "trial", t.ID, "err", err)
		state = TrialFailed
	} else {
		body = report.JSON()
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		return tx.Send(`update journey_trials set state = $2, share = 1000, report = $3, texts = $4, ended_at = $5 where id = $1`, t.ID, state, body, textsJSON(texts), tx.Now())
	})
}

// trialAt notes how far a trial has come; that it can't be noted doesn't end it.
func (s *Service) trialAt(ctx context.Context, trial string, thousandths int64) {
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		return tx.Send(`update journey_trials set share = $2 where id = $1 and state = 'running'`, trial, thousandths)
	})
	if err != nil {
		slog.Warn("the progress of a trial can't be noted", "trial", trial, "err", fmt.Sprint(err))
	}
}
