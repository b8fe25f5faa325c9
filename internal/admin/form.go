package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/web"
)

// maxUpload is the largest file that the console takes, in bytes, and memoryUpload how much of it stays in memory.
const (
	maxUpload    = 20 << 20
	memoryUpload = 1 << 20
)

// refused is a form that wasn't accepted: what it was to do, what was typed, and what is wrong with it.
type refused struct {
	Do, Text string
	Fields   map[string]string
	Lines    []badLine
	values   url.Values
}

// badLine is a line of an uploaded file that can't be used.
type badLine struct {
	Line                int
	Column, Value, Text string
}

// Was is what was typed into a field of a form that was refused.
func (p *page) Was(do, name string) string {
	if p.Refused.Do != do {
		return ""
	}
	return cut(p.Refused.values.Get(name), 300)
}

// Kept is Was, or what the field holds before anybody types.
func (p *page) Kept(do, name, before string) string {
	if p.Refused.Do != do {
		return before
	}
	return p.Was(do, name)
}

// Wrong is what is wrong with a field of a form that was refused.
func (p *page) Wrong(do, name string) string {
	if p.Refused.Do != do {
		return ""
	}
	return p.Refused.Fields[name]
}

// filled serves the forms of a page: do does what is asked and names the page to go on with. Where it refuses, the
// page is drawn again with what was typed and the reason at the field. Files are read up to maxUpload.
func (c *console) filled(need auth.Role, name string, f fill, do func(r *http.Request, p *page) (to string, err error)) http.Handler {
	return c.knownUpTo(maxUpload, func(w http.ResponseWriter, r *http.Request, p *page) error {
		if !p.User.Role.May(need) {
			return auth.ErrDenied
		}
		if err := r.ParseMultipartForm(memoryUpload); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			if _, over := errors.AsType[*http.MaxBytesError](err); over {
				return err
			}
			return web.ErrBody
		}
		if r.MultipartForm != nil {
			defer r.MultipartForm.RemoveAll()
		}
		to, err := do(r, p)
		if err == nil {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return nil
		}
		switch fault.Of(err).Kind {
		case fault.Invalid, fault.Conflict, fault.NotFound, fault.Unavailable, fault.TooLarge:
		default:
			return err
		}
		status := web.Status(err)
		web.Log(r, status, err)
		p.Refused = refused{Do: r.PostForm.Get("do"), values: r.PostForm}
		p.Refused.Text, p.Refused.Fields = p.Fault(err)
		p.Refused.Lines = p.badLines(err)
		if err := c.DB.Read(r.Context(), func(tx *db.Tx) error {
			if err := c.furnish(tx, p); err != nil {
				return err
			}
			return f(tx, r, p)
		}); err != nil {
			return err
		}
		return c.show(w, r, status, name, p)
	})
}

// say writes a code as a sentence.
func (p *page) say(code string) string {
	if key := "faults." + code; p.Has(key) {
		return p.T(key)
	}
	return strings.ReplaceAll(code, "_", " ")
}

// number reads a whole number of a form; 0 for none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
