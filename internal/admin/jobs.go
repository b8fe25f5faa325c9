package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/jobs"
	"portolan/internal/web"
)

type jobsView struct {
	Stats   jobs.Stats
	Shelf   []jobRow
	Waiting []jobRow
	Older   string
	Newest  string
}

type jobRow struct {
	jobs.Job
	Body string // the arguments, laid out for people
}

// jobs is what failed for good and waits for a decision, and what waits for its hour.
func (c *console) jobs(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_jobs")
	before, _ := strconv.ParseInt(p.Q("after"), 10, 64)
	v := jobsView{}
	if v.Stats, err = c.Queue.Stats(tx); err != nil {
		return err
	}
	shelf, err := c.Queue.Shelf(tx, jobs.Page{Before: before, Limit: listLong})
	if err != nil {
		return err
	}
	v.Shelf = rows(shelf)
	if len(shelf) == listLong {
		v.Older = p.With("after", strconv.FormatInt(shelf[listLong-1].ID, 10))
	}
	if before > 0 {
		v.Newest = p.With("after", "")
	} else {
		waiting, err := c.Queue.Waiting(tx, jobs.Page{Limit: 30})
		if err != nil {
			return err
		}
		slices.SortStableFunc(waiting, func(a, b jobs.Job) int { return a.DueAt.Compare(b.DueAt) })
		v.Waiting = rows(waiting)
	}
	p.Data = v
	return nil
}

func rows(all []jobs.Job) (out []jobRow) {
	for _, j := range all {
		var b bytes.Buffer
		if json.Indent(&b, j.Args, "", "  ") != nil {
			b.Reset()
			b.Write(j.Args)
		}
		out = append(out, jobRow{j, b.String()})
	}
	return out
}

func jobID(r *http.Request) int64 {
	n, _ := strconv.ParseInt(r.PathValue("id"), 10, 64) // 0 is no job
	return n
}

func (c *console) retryJob(_ http.ResponseWriter, r *http.Request, _ *page) (string, error) {
	return "/console/jobs?done=retried", c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Queue.Retry(tx, jobID(r)) })
}

func (c *console) discardJob(_ http.ResponseWriter, r *http.Request, _ *page) (string, error) {
	return "/console/jobs?done=discarded", c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Queue.Discard(tx, jobID(r)) })
}

type keysView struct {
	Keys   []auth.Key
	Scopes []string
	Secret string // of the key just made, shown this once
	Made   auth.Key
	Name   string
	Wrong  map[string]string
}

func (c *console) keys(tx *db.Tx, _ *http.Request, p *page) (err error) {
	if !p.User.Role.May(auth.Owner) {
		return auth.ErrDenied
	}
	v := keysView{Scopes: auth.Scopes}
	p.Title = p.T("console.menu_keys")
	v.Keys, err = c.Auth.Keys(tx)
	p.Data = v
	return err
}

// addKey makes a key and shows its secret in the answer itself: it is kept nowhere, so there is nothing to
// redirect to.
func (c *console) addKey(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Owner) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	v := keysView{Scopes: auth.Scopes, Name: cut(r.PostForm.Get("name"), 100)}
	status := http.StatusOK
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		v.Made, v.Secret, err = c.Auth.AddKey(tx, v.Name, p.User.ID, r.PostForm["scope"])
		return err
	})
	if web.Status(err) == http.StatusUnprocessableEntity {
		v.Wrong, status = map[string]string{}, http.StatusUnprocessableEntity
		if v.Name == "" {
			v.Wrong["name"] = p.T("console.key_needs_name")
		}
		if len(r.PostForm["scope"]) == 0 {
			v.Wrong["scopes"] = p.T("console.key_needs_scope")
		}
	} else if err != nil {
		return err
	}
	err = c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		if err := c.furnish(tx, p); err != nil {
			return err
		}
		v.Keys, err = c.Auth.Keys(tx)
		return err
	})
	if err != nil {
		return err
	}
	p.Title, p.Data = p.T("console.menu_keys"), v
	w.Header().Set("Cache-Control", "no-store")
	return c.show(w, r, status, "keys", p)
}

func (c *console) revokeKey(_ http.ResponseWriter, r *http.Request, _ *page) (string, error) {
	return "/console/keys?done=revoked", c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Auth.RevokeKey(tx, r.PathValue("id")) })
}
