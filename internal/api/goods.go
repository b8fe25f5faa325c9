package api

import (
	"cmp"
	"context"

	"portolan/internal/catalog"
	"portolan/internal/classify"
	"portolan/internal/db"
	"portolan/internal/i18n"
)

// Codes helps with the customs codes of goods and keeps what was decided. Satisfied by classify.Service.
type Codes interface {
	Search(query, lang string, most int) []classify.Hit
	Queue(tx *db.Tx, later bool) ([]classify.Entry, error)
	Decide(tx *db.Tx, slug string, d classify.Decision) (classify.Decision, error)
}

// SearchCodes finds customs codes by words.
func (a *api) SearchCodes(_ context.Context, r SearchCodesRequestObject) (SearchCodesResponseObject, error) {
	var out CodeHits
	out.Data = []CodeHit{}
	for _, h := range a.Codes.Search(r.Params.Q, cmp.Or(r.Params.Lang, "en"), cmp.Or(r.Params.Limit, 12)) {
		hit := CodeHit{Hs: h.HS, Label: h.Label, Path: []CodeStep{}}
		for _, step := range h.Path {
			hit.Path = append(hit.Path, CodeStep{Code: step.Code, Label: step.Label, Title: step.Title})
		}
		out.Data = append(out.Data, hit)
	}
	return SearchCodes200JSONResponse(out), nil
}

// SuggestCodes proposes customs codes for goods.
func (a *api) SuggestCodes(_ context.Context, r SuggestCodesRequestObject) (SuggestCodesResponseObject, error) {
	b := r.Body
	g := classify.Goods{Title: b.Title, Description: b.Description, Kind: b.Kind, Lang: b.Lang, Wearer: b.Wearer, Make: b.Make}
	for _, m := range b.Materials {
		g.Materials = append(g.Materials, catalog.Material{Fibre: m.Fibre, Percent: m.Percent})
	}
	return SuggestCodes200JSONResponse{Data: candidates(classify.Suggest(g), b.Lang)}, nil
}

func candidates(all []classify.Candidate, lang string) []CodeCandidate {
	say := i18n.For(cmp.Or(lang, "en"))
	out := []CodeCandidate{}
	for _, k := range all {
		c := CodeCandidate{Hs: k.HS, Label: classify.Label(k.HS, say.Lang()), Confidence: float32(k.Confidence), Reasons: []string{}}
		for _, r := range k.Reasons {
			c.Reasons = append(c.Reasons, say.T(r.Key, r.Spoken(say.Lang())...))
		}
		out = append(out, c)
	}
	return out
}

// ListCodeQueue lists products whose code somebody should look at.
func (a *api) ListCodeQueue(ctx context.Context, r ListCodeQueueRequestObject) (ListCodeQueueResponseObject, error) {
	var all []classify.Entry
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = a.Codes.Queue(tx, r.Params.Postponed)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out CodeQueue
	out.Data = []OpenCode{}
	for _, e := range all {
		v := OpenCode{Product: e.Product.Slug, Hs: e.Product.HS, Near: e.Near, Sold: e.Sold, Problems: []string{}, Candidates: candidates(e.Candidates, "en")}
		for _, p := range e.Problems {
			v.Problems = append(v.Problems, string(p))
		}
		if e.Question != nil {
			v.Brought = e.Question.HS
		}
		out.Data = append(out.Data, v)
	}
	return ListCodeQueue200JSONResponse(out), nil
}

// DecideCode gives a product its customs code.
func (a *api) DecideCode(ctx context.Context, r DecideCodeRequestObject) (DecideCodeResponseObject, error) {
	b := r.Body
	d := classify.Decision{How: classify.How(cmp.Or(string(b.How), string(classify.Chosen))), HS: b.Hs, EU: b.Eu, GB: b.Gb, US: b.Us, Reason: b.Reason,
		By: "API: " + callerOf(ctx).key.Name}
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		d, err = a.Codes.Decide(tx, r.Slug, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	return DecideCode200JSONResponse{ID: d.ID, Product: d.Slug, How: string(d.How), Hs: d.HS, Eu: d.EU, Gb: d.GB, Us: d.US, Reason: d.Reason, By: d.By, At: d.At.UTC(),
		Was: d.Was, Pack: d.Pack}, nil
}
