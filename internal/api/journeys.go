package api

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/journeys"
)

// Journeys keeps what is said to whom and when. Satisfied by journeys.Service.
type Journeys interface {
	Overview(tx *db.Tx) ([]journeys.Journey, map[string]journeys.Draft, error)
	Known(tx *db.Tx, journey string) (journeys.Journey, error)
	Said(tx *db.Tx, journey, which string) (journeys.Definition, error)
	Cast(tx *db.Tx, story *journeys.Story, name, which string, together bool) error
	Version(tx *db.Tx, journey string, n int64) (journeys.Version, error)
	Versions(tx *db.Tx, journey string) ([]journeys.Version, error)
	Traffic(tx *db.Tx, journey string, version int64, since time.Time) (journeys.Traffic, error)
	Draft(tx *db.Tx, journey string) (journeys.Draft, bool, error)
	PutDraft(tx *db.Tx, d journeys.Definition, rev int64, by string) (journeys.Draft, error)
	DropDraft(tx *db.Tx, journey string) error
	Lint(tx *db.Tx, d journeys.Definition) ([]journeys.Finding, error)
	Publish(tx *db.Tx, d journeys.Definition, over int64, by, note, trial string) (journeys.Version, error)
	SetState(tx *db.Tx, journey, state string) error
	Runs(tx *db.Tx, f journeys.RunFilter) ([]*journeys.Run, error)
	RunOf(tx *db.Tx, run string) (journeys.Run, []journeys.Step, error)
	Ratings(tx *db.Tx, f journeys.RatingFilter) ([]journeys.Rating, error)
	WriteRatings(tx *db.Tx, w io.Writer, f journeys.RatingFilter) error
	Effect(tx *db.Tx, journey string, q journeys.EffectQuery) (journeys.Effect, error)
	Tell(ctx context.Context, s journeys.Story) ([]journeys.Scene, error)
}

const week = 7 * 24 * time.Hour

// ListJourneys lists the journeys with who is under way.
func (a *api) ListJourneys(ctx context.Context, _ ListJourneysRequestObject) (ListJourneysResponseObject, error) {
	out := JourneyList{Data: []JourneySummary{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, drafts, err := a.Journeys.Overview(tx)
		if err != nil {
			return err
		}
		for _, j := range all {
			t, err := a.Journeys.Traffic(tx, j.Name, 0, tx.Now().Add(-week))
			if err != nil {
				return err
			}
			_, draft := drafts[j.Name]
			out.Data = append(out.Data, JourneySummary{Name: j.Name, State: JourneySummaryState(j.State), Version: j.Version, UnderWay: t.UnderWay, Sent: t.Sent, Draft: draft})
		}
		return nil
	})
	return ListJourneys200JSONResponse(out), err
}

// GetJourney returns a journey with its versions and its draft.
func (a *api) GetJourney(ctx context.Context, r GetJourneyRequestObject) (GetJourneyResponseObject, error) {
	out, err := a.oneJourney(ctx, r.Name)
	return GetJourney200JSONResponse(out), err
}

func (a *api) oneJourney(ctx context.Context, name string) (out Journey, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		j, err := a.Journeys.Known(tx, name)
		if err != nil {
			return err
		}
		out = Journey{Name: name, State: j.State, Version: j.Version, Versions: []JourneyVersionSummary{}}
		draft, there, err := a.Journeys.Draft(tx, name)
		if err != nil {
			return err
		}
		if there {
			out.Draft = JourneyDraft{Rev: draft.Rev, Over: draft.Over, By: draft.By, At: utc(draft.At), Definition: json.RawMessage(draft.Definition.JSON())}
		}
		versions, err := a.Journeys.Versions(tx, name)
		if err != nil {
			return err
		}
		t, err := a.Journeys.Traffic(tx, name, 0, tx.Now())
		for _, v := range versions {
			out.Versions = append(out.Versions, JourneyVersionSummary{Version: v.N, By: v.By, Note: v.Note, At: utc(v.At), UnderWay: t.Versions[v.N]})
		}
		return err
	})
	return out, err
}

// GetJourneyVersion returns what a version says.
func (a *api) GetJourneyVersion(ctx context.Context, r GetJourneyVersionRequestObject) (GetJourneyVersionResponseObject, error) {
	var out JourneyVersion
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		v, err := a.Journeys.Version(tx, r.Name, r.Version)
		if err != nil {
			return err
		}
		out, err = a.showJourney(tx, v)
		return err
	})
	return GetJourneyVersion200JSONResponse(out), err
}

func (a *api) showJourney(tx *db.Tx, v journeys.Version) (JourneyVersion, error) {
	out := JourneyVersion{Version: v.N, By: v.By, Note: v.Note, At: utc(v.At), Texts: []JourneyText{}, Definition: json.RawMessage(v.Definition.JSON())}
	uses, err := a.Messages.Uses(tx, v.Definition.Templates(), v.Texts)
	for _, u := range uses {
		out.Texts = append(out.Texts, JourneyText{Key: u.Key, Lang: u.Lang, Channel: string(u.Channel), Taken: u.Taken, Sent: u.Sent, Newest: u.Newest})
	}
	return out, err
}

// readJourney reads a definition of the journey that the address names.
func readJourney(name string, body json.RawMessage) (journeys.Definition, error) {
	d, err := journeys.ReadDefinition(body)
	if f := fault.Of(err); err != nil && f.Kind == fault.Invalid {
		fields := map[string]string{}
		for at, code := range f.Fields { // programs know no lines
			_, path, ok := strings.Cut(at, ", ")
			if !ok {
				path = "definition"
			}
			fields[path] = code
		}
		return d, f.With(fields)
	}
	if err == nil && d.Journey != name {
		err = journeys.ErrBadDefinition.With(map[string]string{"journey": "journeys.name_differs"})
	}
	return d, err
}

// PutJourneyDraft keeps a definition as the draft.
func (a *api) PutJourneyDraft(ctx context.Context, r PutJourneyDraftRequestObject) (PutJourneyDraftResponseObject, error) {
	d, err := readJourney(r.Name, r.Body.Definition)
	if err != nil {
		return nil, err
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := a.Journeys.PutDraft(tx, d, r.Body.Rev, by(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := a.oneJourney(ctx, r.Name)
	return PutJourneyDraft200JSONResponse(out), err
}

// DropJourneyDraft forgets the draft.
func (a *api) DropJourneyDraft(ctx context.Context, r DropJourneyDraftRequestObject) (DropJourneyDraftResponseObject, error) {
	return DropJourneyDraft204Response{}, a.DB.Write(ctx, func(tx *db.Tx) error { return a.Journeys.DropDraft(tx, r.Name) })
}

// CheckJourney says what would keep a definition from being published.
func (a *api) CheckJourney(ctx context.Context, r CheckJourneyRequestObject) (CheckJourneyResponseObject, error) {
	d, err := readJourney(r.Name, r.Body.Definition)
	if err != nil {
		return nil, err
	}
	out := JourneyFindings{Publishable: true, Findings: []JourneyFinding{}}
	p := i18n.For(i18n.Fallback)
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Journeys.Lint(tx, d)
		for _, f := range all {
			out.Publishable = out.Publishable && f.Severity != journeys.Refused
			one := JourneyFinding{Severity: JourneyFindingSeverity(f.Severity), Field: f.Where, Code: f.Code, Detail: f.Detail}
			if p.Has("faults." + f.Code) {
				one.Text = p.T("faults." + f.Code)
			}
			out.Findings = append(out.Findings, one)
		}
		return err
	})
	return CheckJourney200JSONResponse(out), err
}

// PublishJourney puts a definition in force, or the draft.
func (a *api) PublishJourney(ctx context.Context, r PublishJourneyRequestObject) (PublishJourneyResponseObject, error) {
	var out JourneyVersion
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		var d journeys.Definition
		if len(r.Body.Definition) > 0 {
			read, err := readJourney(r.Name, r.Body.Definition)
			if err != nil {
				return err
			}
			d = read
		} else {
			said, err := a.Journeys.Said(tx, r.Name, "draft")
			if err != nil {
				return err
			}
			d = said
		}
		v, err := a.Journeys.Publish(tx, d, r.Body.Over, by(ctx), r.Body.Note, "")
		if err != nil {
			return err
		}
		out, err = a.showJourney(tx, v)
		return err
	})
	return PublishJourney201JSONResponse(out), err
}

// SetJourneyState opens, closes or stops a journey.
func (a *api) SetJourneyState(ctx context.Context, r SetJourneyStateRequestObject) (SetJourneyStateResponseObject, error) {
	if err := a.DB.Write(ctx, func(tx *db.Tx) error { return a.Journeys.SetState(tx, r.Name, string(r.Body.State)) }); err != nil {
		return nil, err
	}
	out, err := a.oneJourney(ctx, r.Name)
	return SetJourneyState200JSONResponse(out), err
}
