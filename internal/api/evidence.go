package api

import (
	"cmp"
	"net/http"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/evidence"
	"portolan/internal/web"
)

// Evidence is satisfied by evidence.Service.
type Evidence interface {
	Of(tx *db.Tx, address, by string, as evidence.Format) (evidence.File, error)
}

// getEvidence answers with a file, in the form that was asked for.
func (a *api) getEvidence(w http.ResponseWriter, r *http.Request) error {
	key, err := a.Auth.ByKey(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if !key.May("evidence:read") {
		return web.Explain(auth.ErrScope, "the key needs the scope evidence:read")
	}
	q := r.URL.Query()
	as := evidence.Format(cmp.Or(q.Get("format"), string(evidence.JSON)))
	var f evidence.File
	err = a.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		f, err = a.Evidence.Of(tx, q.Get("address"), keyName(key), as)
		return err
	})
	if err != nil {
		return err
	}
	body, kind, err := f.Render(as, cmp.Or(q.Get("lang"), "en"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.Name(as)+`"`)
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(body)
	return err
}
