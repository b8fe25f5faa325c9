package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/rulebook"
	"portolan/internal/web"
)

// RuleBook keeps the rules of duty and tax. Satisfied by rulebook.Service.
type RuleBook interface {
	Pack() *landed.Pack
	Aside() []rulebook.Aside
	At(tx *db.Tx, version string) (*landed.Pack, error)
	Amendments(tx *db.Tx) ([]rulebook.Amendment, error)
	Preview(d rulebook.Draft) (before, after *landed.Pack, err error)
	Publish(tx *db.Tx, d rulebook.Draft) (rulebook.Amendment, error)
	Undo(tx *db.Tx, amendment, who, reason string) (rulebook.Amendment, error)
	Receive(tx *db.Tx, u rulebook.Upload) (rulebook.Import, error)
	Imports(tx *db.Tx) ([]rulebook.Import, error)
	FindImport(tx *db.Tx, id string) (rulebook.Import, error)
	EndImport(tx *db.Tx, id, who string) (rulebook.Import, error)
}

// ShowRules says which rules are in force.
func (a *api) ShowRules(ctx context.Context, _ ShowRulesRequestObject) (ShowRulesResponseObject, error) {
	p := a.Book.Pack()
	out := RulePack{Version: p.Version(), Tables: p.Tables(), Official: []rulebook.Import{}, SetAside: []rulebook.Amendment{}}
	for _, one := range a.Book.Aside() {
		out.SetAside = append(out.SetAside, one.Amendment)
	}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Book.Imports(tx)
		for i := range all {
			if all[i].State == rulebook.InForce && !all[i].Replaced {
				out.Official = append(out.Official, showImport(all[i]))
			}
		}
		return err
	})
	return ShowRules200JSONResponse(out), err
}

// ListRuleRows lists the rows of a table in their order.
func (a *api) ListRuleRows(_ context.Context, r ListRuleRowsRequestObject) (ListRuleRowsResponseObject, error) {
	p := a.Book.Pack()
	all, ok := p.Entries(r.Table)
	if !ok {
		return nil, fmt.Errorf("table %.40q: %w", r.Table, rulebook.ErrNoTable)
	}
	if r.Params.After != "" {
		i := slices.IndexFunc(all, func(e landed.Entry) bool { return e.ID == r.Params.After })
		all = all[i+1:]
	}
	out := RuleRowList{Version: p.Version(), Data: []landed.Entry{}}
	limit := cmp.Or(r.Params.Limit, 200)
	if len(all) > limit {
		all = all[:limit]
		out.Next = all[limit-1].ID
	}
	out.Data = append(out.Data, all...)
	return ListRuleRows200JSONResponse(out), nil
}

// GetRuleRow returns a row by the id that a charge names, as the version of its quote had it.
func (a *api) GetRuleRow(ctx context.Context, r GetRuleRowRequestObject) (GetRuleRowResponseObject, error) {
	p := a.Book.Pack()
	if v := r.Params.Pack; v != "" && v != p.Version() {
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			p, err = a.Book.At(tx, v)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	e, ok := p.Entry(r.ID)
	if !ok {
		return nil, fmt.Errorf("row %.80q: %w", r.ID, rulebook.ErrNoRow)
	}
	out := RuleRowDetail{Version: p.Version(), Row: e, Kin: p.Kin(e.ID), Sources: []landed.Source{}}
	if out.Kin == nil {
		out.Kin = []landed.Entry{e}
	}
	for _, key := range e.Sources {
		if key != "" && key != "unverified" {
			out.Sources = append(out.Sources, landed.SourceOf(key))
		}
	}
	return GetRuleRow200JSONResponse(out), nil
}

// ListRuleChanges lists what people changed.
func (a *api) ListRuleChanges(ctx context.Context, _ ListRuleChangesRequestObject) (ListRuleChangesResponseObject, error) {
	out := RuleChangeList{Data: []rulebook.Amendment{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Book.Amendments(tx)
		out.Data = append(out.Data, all...)
		return err
	})
	return ListRuleChanges200JSONResponse(out), err
}

// ChangeRules puts changes in force, or says what they would do.
func (a *api) ChangeRules(ctx context.Context, r ChangeRulesRequestObject) (ChangeRulesResponseObject, error) {
	d := rulebook.Draft{Who: keyName(callerOf(ctx).key), Source: r.Body.Source, Reason: r.Body.Reason, Changes: r.Body.Changes}
	before, after, err := a.Book.Preview(d)
	if err != nil {
		return nil, err
	}
	on := after.Version()
	out := RuleChangeResult{DryRun: r.Body.DryRun, Before: before.Version(), After: on, Differences: landed.Diff(before, after), Effects: []RuleEffect{}}
	if day, err := time.Parse(time.DateOnly, d.Changes[0].Effective); err == nil {
		for _, e := range rulebook.Effects(before, after, d.Changes, day) {
			if e.Changed() {
				out.Effects = append(out.Effects, RuleEffect{Country: e.Country, Cart: RuleEffectCart(e.Cart), Registered: e.Registered, Before: e.Before.Total, After: e.After.Total})
			}
		}
	}
	if r.Body.DryRun {
		return ChangeRules200JSONResponse(out), nil
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		made, err := a.Book.Publish(tx, d)
		out.ID, out.After = made.ID, made.Pack
		return err
	})
	return ChangeRules200JSONResponse(out), err
}

// UndoRuleChange takes a change back by a further one.
func (a *api) UndoRuleChange(ctx context.Context, r UndoRuleChangeRequestObject) (UndoRuleChangeResponseObject, error) {
	var made rulebook.Amendment
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		made, err = a.Book.Undo(tx, r.ID, keyName(callerOf(ctx).key), r.Body.Reason)
		return err
	})
	return UndoRuleChange200JSONResponse(made), err
}

// ListRuleImports lists official tables that were handed in.
func (a *api) ListRuleImports(ctx context.Context, _ ListRuleImportsRequestObject) (ListRuleImportsResponseObject, error) {
	out := RuleImportList{Data: []rulebook.Import{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Book.Imports(tx)
		for _, m := range all {
			out.Data = append(out.Data, showImport(m))
		}
		return err
	})
	return ListRuleImports200JSONResponse(out), err
}

// GetRuleImport says how far an import is.
func (a *api) GetRuleImport(ctx context.Context, r GetRuleImportRequestObject) (GetRuleImportResponseObject, error) {
	var m rulebook.Import
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		m, err = a.Book.FindImport(tx, r.ID)
		return err
	})
	return GetRuleImport200JSONResponse(showImport(m)), err
}

// EndRuleImport takes an import out of force.
func (a *api) EndRuleImport(ctx context.Context, r EndRuleImportRequestObject) (EndRuleImportResponseObject, error) {
	var m rulebook.Import
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		m, err = a.Book.EndImport(tx, r.ID, keyName(callerOf(ctx).key))
		return err
	})
	return EndRuleImport200JSONResponse(showImport(m)), err
}

// showImport is an import with lists for programs, empty rather than null.
func showImport(m rulebook.Import) rulebook.Import {
	if m.Problems == nil {
		m.Problems = []landed.Problem{}
	}
	if m.Result.InWords == nil {
		m.Result.InWords = []int{}
	}
	if m.Result.Refused == nil {
		m.Result.Refused = []int{}
	}
	return m
}

// importRules takes an official table, which is larger than the bodies of other operations and no JSON.
func (a *api) importRules(w http.ResponseWriter, r *http.Request) error {
	key, err := a.Auth.ByKey(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if !key.May("rules:write") {
		return web.Explain(auth.ErrScope, "the key needs the scope rules:write")
	}
	q := r.URL.Query()
	u := rulebook.Upload{File: q.Get("file"), Who: keyName(key), SkipBad: q.Get("skip_bad_rows") == "true"}
	if u.File == "" || len(u.File) > 100 {
		return ErrInvalid.With(map[string]string{"query.file": "required"})
	}
	u.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, rulebook.MaxFile))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return rulebook.ErrTooLarge
	}
	if err != nil {
		return web.ErrBody
	}
	var m rulebook.Import
	err = a.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		m, err = a.Book.Receive(tx, u)
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/v1/rules/imports/"+m.ID)
	w.WriteHeader(http.StatusAccepted)
	return json.NewEncoder(w).Encode(showImport(m))
}

// keyName is how a program is named as the one who changed something.
func keyName(k auth.Key) string { return "API: " + cmp.Or(k.Name, k.ID) }
