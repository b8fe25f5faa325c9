package api

import (
	"cmp"
	"context"
	"slices"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// ListPlans lists the latest plans.
func (a *api) ListPlans(ctx context.Context, _ ListPlansRequestObject) (ListPlansResponseObject, error) {
	out := PlanList{Data: []Plan{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Messages.Campaigns(tx)
		for i := range all {
			out.Data = append(out.Data, showPlan(&all[i]))
		}
		return err
	})
	return ListPlans200JSONResponse(out), err
}

// StartPlan begins to ask the gate about everybody.
func (a *api) StartPlan(ctx context.Context, r StartPlanRequestObject) (StartPlanResponseObject, error) {
	b := r.Body
	var people *messaging.People
	if len(b.People) > 0 {
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			people, err = a.Messages.ReadList(tx, market.Code(b.Market), b.People)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	c, err := a.plan(ctx, func(tx *db.Tx) (messaging.Campaign, error) {
		return a.Messages.StartPlan(tx, messaging.Campaign{Name: b.Name, Template: b.Template, Market: market.Code(b.Market), Vars: b.Vars, Link: b.Link, Days: b.Days, People: people}, by(ctx))
	})
	return StartPlan202JSONResponse(c), err
}

// GetPlan returns a plan as far as it is made, or sent.
func (a *api) GetPlan(ctx context.Context, r GetPlanRequestObject) (GetPlanResponseObject, error) {
	var out Plan
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		c, err := a.Messages.CampaignOf(tx, r.ID)
		if err != nil {
			return err
		}
		out = showPlan(&c)
		missing, err := a.Messages.Unlisted(tx, c.ID)
		for _, x := range missing {
			out.Unlisted = append(out.Unlisted, Unlisted{Line: x.Line, Code: x.Code, Said: x.Said})
		}
		return err
	})
	return GetPlan200JSONResponse(out), err
}

// SendPlan begins to send what was planned.
func (a *api) SendPlan(ctx context.Context, r SendPlanRequestObject) (SendPlanResponseObject, error) {
	c, err := a.plan(ctx, func(tx *db.Tx) (messaging.Campaign, error) {
		return a.Messages.SendPlan(tx, r.ID, r.Body.Reached, by(ctx))
	})
	return SendPlan202JSONResponse(c), err
}

// CancelPlan stops a plan, or what of it hasn't left.
func (a *api) CancelPlan(ctx context.Context, r CancelPlanRequestObject) (CancelPlanResponseObject, error) {
	c, err := a.plan(ctx, func(tx *db.Tx) (messaging.Campaign, error) { return a.Messages.CancelPlan(tx, r.ID) })
	return CancelPlan200JSONResponse(c), err
}

func (a *api) plan(ctx context.Context, change func(tx *db.Tx) (messaging.Campaign, error)) (out Plan, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		c, err := change(tx)
		out = showPlan(&c)
		return err
	})
	return out, err
}

func showPlan(c *messaging.Campaign) Plan {
	sum := c.Sum()
	out := Plan{ID: c.ID, Name: c.Name, Template: c.Template, Market: string(c.Market), Vars: c.Vars, Link: c.Link, Days: c.Days, State: PlanState(c.State), People: c.Total, Done: c.Done,
		Listed: c.Listed, Refused: c.Refused, Reached: sum.Reached(), Sum: showPlanRow(&sum), Countries: []PlanRow{}, By: c.Who, CreatedAt: utc(c.CreatedAt), PlannedAt: utc(c.PlannedAt), SentBy: c.SentBy,
		SentAt: utc(c.SentAt), EndedAt: utc(c.EndedAt)}
	if out.Vars == nil {
		out.Vars = map[string]string{}
	}
	for i := range c.Rows {
		out.Countries = append(out.Countries, showPlanRow(&c.Rows[i]))
	}
	return out
}

func showPlanRow(r *messaging.PlanRow) PlanRow {
	out := PlanRow{Country: string(r.Country), People: r.People, Now: r.Now, Held: r.Held, Blocked: r.Blocked, Switched: r.Switched, Parts: r.Parts, Cost: []Cost{},
		Channels: sortedReasons(r.Channels), Senders: sortedReasons(r.Senders), Reasons: sortedReasons(r.Reasons), First: utc(r.First), Last: utc(r.Last)}
	for _, c := range r.Cost() {
		out.Cost = append(out.Cost, Cost{Micros: c.Micros, Currency: string(c.Currency)})
	}
	return out
}

// sortedReasons are counts by code, the most first.
func sortedReasons[K ~string](all map[K]int64) []PlanReason {
	out := []PlanReason{}
	for code, n := range all {
		if n > 0 {
			out = append(out, PlanReason{Code: string(code), People: n})
		}
	}
	slices.SortFunc(out, func(x, y PlanReason) int { return cmp.Or(cmp.Compare(y.People, x.People), cmp.Compare(x.Code, y.Code)) })
	return out
}
