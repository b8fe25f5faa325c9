package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/journeys"
)

// Journeys keeps what is said to whom and when. Satisfied by journeys.Service.
type Journeys interface {
	Journeys(tx *db.Tx) ([]journeys.Journey, error)
	Version(tx *db.Tx, journey string, n int64) (journeys.Version, error)
	Versions(tx *db.Tx, journey string) ([]journeys.Version, error)
	Traffic(tx *db.Tx, journey string, version int64, since time.Time) (journeys.Traffic, error)
	Draft(tx *db.Tx, journey string) (journeys.Draft, bool, error)
	Drafts(tx *db.Tx) (map[string]journeys.Draft, error)
	BeginDraft(tx *db.Tx, journey, by string) (journeys.Draft, error)
	NewDraft(tx *db.Tx, d journeys.Definition, by string) (journeys.Draft, error)
	KeepDraft(tx *db.Tx, d journeys.Definition, rev int64, what, by string) (journeys.Draft, error)
	DropDraft(tx *db.Tx, journey string) error
	Lint(tx *db.Tx, d journeys.Definition) ([]journeys.Finding, error)
	Publish(tx *db.Tx, d journeys.Definition, over int64, by, note, trial string) (journeys.Version, error)
	SetState(tx *db.Tx, journey, state string) error
}

const week = 7 * 24 * time.Hour

// ListJourneys lists the journeys with who is under way.
func (a *api) ListJourneys(ctx context.Context, _ ListJourneysRequestObject) (ListJourneysResponseObject, error) {
	out := JourneyList{Data: []JourneySummary{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		drafts, err := a.Journeys.Drafts(tx)
		if err != nil {
			return err
		}
		for name := range drafts {
			if !slices.ContainsFunc(all, func(j journeys.Journey) bool { return j.Name == name }) {
				all = append(all, journeys.Journey{Name: name, State: "new"})
			}
		}
		slices.SortFunc(all, func(a, b journeys.Journey) int { return strings.Compare(a.Name, b.Name) })
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
	out = Journey{Name: name, State: "new", Versions: []JourneyVersionSummary{}}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(j journeys.Journey) bool { return j.Name == name })
		draft, there, err := a.Journeys.Draft(tx, name)
		if err != nil {
			return err
		}
		if at < 0 && !there {
			return journeys.ErrUnknownJourney
		}
		if there {
			out.Draft = JourneyDraft{Rev: draft.Rev, Over: draft.Over, By: draft.By, At: utc(draft.At), Definition: json.RawMessage(draft.Definition.JSON())}
		}
		if at < 0 {
			return nil
		}
		out.State, out.Version = all[at].State, all[at].Version
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
	var v journeys.Version
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) { v, err = a.Journeys.Version(tx, r.Name, r.Version); return err })
	return GetJourneyVersion200JSONResponse(showJourney(v)), err
}

func showJourney(v journeys.Version) JourneyVersion {
	return JourneyVersion{Version: v.N, By: v.By, Note: v.Note, At: utc(v.At), Definition: json.RawMessage(v.Definition.JSON())}
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
		all, err := a.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		_, there, err := a.Journeys.Draft(tx, r.Name)
		if err != nil {
			return err
		}
		if !there && !slices.ContainsFunc(all, func(j journeys.Journey) bool { return j.Name == r.Name }) {
			_, err := a.Journeys.NewDraft(tx, d, by(ctx))
			return err
		}
		if !there {
			if _, err := a.Journeys.BeginDraft(tx, r.Name, by(ctx)); err != nil {
				return err
			}
		}
		_, err = a.Journeys.KeepDraft(tx, d, r.Body.Rev, "imported:", by(ctx))
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
	var v journeys.Version
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		var d journeys.Definition
		if len(r.Body.Definition) > 0 {
			read, err := readJourney(r.Name, r.Body.Definition)
			if err != nil {
				return err
			}
			d = read
		} else {
			draft, there, err := a.Journeys.Draft(tx, r.Name)
			if err == nil && !there {
				err = journeys.ErrNoDraft
			}
			if err != nil {
				return err
			}
			d = draft.Definition
		}
		var err error
		v, err = a.Journeys.Publish(tx, d, r.Body.Over, by(ctx), r.Body.Note, "")
		return err
	})
	return PublishJourney201JSONResponse(showJourney(v)), err
}

// SetJourneyState opens, closes or stops a journey.
func (a *api) SetJourneyState(ctx context.Context, r SetJourneyStateRequestObject) (SetJourneyStateResponseObject, error) {
	if err := a.DB.Write(ctx, func(tx *db.Tx) error { return a.Journeys.SetState(tx, r.Name, string(r.Body.State)) }); err != nil {
		return nil, err
	}
	out, err := a.oneJourney(ctx, r.Name)
	return SetJourneyState200JSONResponse(out), err
}
