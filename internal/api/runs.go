package api

import (
	"bytes"
	"context"

	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/market"
)

// underWay is asked for instead of a state.
const underWay = "under_way"

// ListRuns lists runs, the latest first.
func (a *api) ListRuns(ctx context.Context, r ListRunsRequestObject) (ListRunsResponseObject, error) {
	p, limit := r.Params, limitOf(r.Params.Limit)
	f := journeys.RunFilter{Journey: p.Journey, Version: p.Version, Customer: p.Customer, Order: p.Order, After: p.After, Limit: limit + 1}
	if f.UnderWay = p.State == underWay; !f.UnderWay {
		f.State = journeys.State(p.State)
	}
	out := RunList{Data: []Run{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Journeys.Runs(tx, f)
		if len(all) > limit {
			all = all[:limit]
			out.Next = all[limit-1].ID
		}
		for _, one := range all {
			out.Data = append(out.Data, showRun(one))
		}
		return err
	})
	return ListRuns200JSONResponse(out), err
}

// GetRun returns a run with what it did and why.
func (a *api) GetRun(ctx context.Context, r GetRunRequestObject) (GetRunResponseObject, error) {
	out := RunDetail{Steps: []RunStep{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		run, steps, err := a.Journeys.RunOf(tx, r.ID)
		if err != nil {
			return err
		}
		out.Run = showRun(&run)
		for _, s := range steps {
			out.Steps = append(out.Steps, showStep(s))
		}
		j, err := a.Journeys.Known(tx, run.Journey)
		if err != nil {
			return err
		}
		if j.Version != run.Version {
			out.Live = j.Version
		}
		return nil
	})
	return GetRun200JSONResponse(out), err
}

func showRun(r *journeys.Run) Run {
	return Run{ID: r.ID, Journey: r.Journey, Version: r.Version, About: r.Key, Customer: r.Customer, Order: r.Order, Market: string(r.Market), Lang: r.Lang, State: RunState(r.State),
		Reason: r.Reason, Node: r.Node, Arm: RunArm(r.Arm), Way: r.Way, Sent: r.Sent, At: utc(r.At), StartedAt: utc(r.Started), DueAt: utc(r.Due), EndedAt: utc(r.Ended)}
}

func showStep(s journeys.Step) RunStep {
	return RunStep{At: utc(s.At), Node: s.Node, Outcome: RunStepOutcome(s.Outcome), Reason: s.Reason, Detail: s.Detail, Message: s.Message, Code: s.Code, Ticket: s.Ticket}
}

// ListRatings lists what buyers said, the latest first.
func (a *api) ListRatings(ctx context.Context, r ListRatingsRequestObject) (ListRatingsResponseObject, error) {
	p, limit := r.Params, limitOf(r.Params.Limit)
	f := journeys.RatingFilter{Market: market.Code(p.Market), Reviews: p.Of == "articles", Score: p.Score, Words: p.Words, Since: utc(p.Since), Before: p.After, Limit: limit + 1}
	out := RatingList{Data: []Rating{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Journeys.Ratings(tx, f)
		if len(all) > limit {
			all = all[:limit]
			out.Next = all[limit-1].ID
		}
		for _, x := range all {
			out.Data = append(out.Data, Rating{ID: x.ID, Order: x.Order, Customer: x.Customer, Market: string(x.Market), Lang: x.Lang, Question: x.Question, Score: x.Score,
				Comment: x.Comment, Channel: x.Channel, Run: x.Run, At: utc(x.At)})
		}
		return err
	})
	return ListRatings200JSONResponse(out), err
}

// GetRatingsCsv tells the same as a table.
func (a *api) GetRatingsCsv(ctx context.Context, r GetRatingsCsvRequestObject) (GetRatingsCsvResponseObject, error) {
	p := r.Params
	f := journeys.RatingFilter{Market: market.Code(p.Market), Reviews: p.Of == "articles", Score: p.Score, Words: p.Words, Since: utc(p.Since)}
	var table bytes.Buffer
	err := a.DB.Read(ctx, func(tx *db.Tx) error { return a.Journeys.WriteRatings(tx, &table, f) })
	return GetRatingsCsv200TextCsvResponse{Body: &table, ContentLength: int64(table.Len())}, err
}
