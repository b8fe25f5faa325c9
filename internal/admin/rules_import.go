package admin

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/rulebook"
	"portolan/internal/web"
)

// ruleRoutes are the pages of the rules.
func (c *console) ruleRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/rules", c.page("rules", c.rules))
	mux.Handle("GET /console/rules/row", c.page("rule", c.rule))
	mux.Handle("GET /console/rules/export", c.known(c.exportRules))
	mux.Handle("GET /console/rules/change", c.page("rule_change", c.changeRule))
	mux.Handle("POST /console/rules/change", c.known(c.publishRule))
	mux.Handle("GET /console/rules/history", c.page("rules_history", c.rulesHistory))
	mux.Handle("POST /console/rules/history/{id}/undo", c.act(auth.Operator, c.undoRule))
	mux.Handle("GET /console/rules/imports", c.page("rules_imports", c.ruleImports))
	mux.Handle("POST /console/rules/imports", c.knownUpTo(rulebook.MaxFile+web.MaxBody, c.uploadRules))
	mux.Handle("GET /console/rules/imports/{id}", c.page("rules_import", c.ruleImport))
	mux.Handle("POST /console/rules/imports/{id}/end", c.act(auth.Operator, c.endImport))
}

type importsView struct {
	Imports []rulebook.Import
	Wrong   string
	SkipBad bool
}

// ruleImports is what was imported, and the form for one more.
func (c *console) ruleImports(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.rl_imports")
	var v importsView
	v.Imports, err = c.Rules.Imports(tx)
	p.Data = &v
	return err
}

// uploadRules takes an official table and leaves the reading to a job.
func (c *console) uploadRules(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	var m rulebook.Import
	u, err := readUpload(r)
	if err == nil {
		u.Who = p.User.Email
		err = c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
			m, err = c.Rules.Receive(tx, u)
			return err
		})
	}
	if err == nil {
		http.Redirect(w, r, "/console/rules/imports/"+m.ID, http.StatusSeeOther)
		return nil
	}
	if fault.Of(err).Kind == fault.Internal {
		return err
	}
	status := web.Status(err)
	v := importsView{SkipBad: u.SkipBad}
	v.Wrong, _ = p.Fault(err)
	p.Title, p.Data = p.T("console.rl_imports"), &v
	err = c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		if err := c.furnish(tx, p); err != nil {
			return err
		}
		v.Imports, err = c.Rules.Imports(tx)
		return err
	})
	if err != nil {
		return err
	}
	return c.show(w, r, status, "rules_imports", p)
}

// readUpload reads the form of an upload piece by piece.
func readUpload(r *http.Request) (u rulebook.Upload, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return u, web.ErrBody
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, tooLarge(err)
		}
		body, err := io.ReadAll(io.LimitReader(part, rulebook.MaxFile+1))
		if err != nil {
			return u, tooLarge(err)
		}
		switch part.FormName() {
		case "file":
			u.File, u.Body = cut(path.Base(strings.ReplaceAll(part.FileName(), `\`, "/")), 100), body
		case "skip_bad":
			u.SkipBad = string(body) == "yes"
		}
	}
}

func tooLarge(err error) error {
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return rulebook.ErrTooLarge
	}
	return web.ErrBody
}

type importView struct {
	rulebook.Import
	Percent  int
	Problems []landed.Problem
	More     int
}

// problemsShown is how many bad rows a page lists.
const problemsShown = 200

// ruleImport is how far an import is, and what became of its rows.
func (c *console) ruleImport(tx *db.Tx, r *http.Request, p *page) error {
	m, err := c.Rules.FindImport(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	all, err := c.Rules.Imports(tx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == m.ID {
			m.Replaced = all[i].Replaced
		}
	}
	p.Title = m.File
	v := importView{Import: m, Problems: m.Problems[:min(len(m.Problems), problemsShown)]}
	v.More = max(len(m.Result.Refused)-len(v.Problems), 0)
	v.Percent = min(m.DoneRows*100/max(m.Bytes/60, 1), 95) // a row has some 60 bytes
	if m.State == rulebook.Waiting || m.State == rulebook.Reading {
		p.Live.Every = "1s"
	}
	p.Data = &v
	return nil
}

func (c *console) endImport(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	return "/console/rules/imports?done=import_ended", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := c.Rules.EndImport(tx, r.PathValue("id"), p.User.Email)
		return err
	})
}

// badColumns are sentences about what belongs into a column of an official table.
var badColumns = map[string]string{"cn8": "code", "hts": "code", "hs": "code", "general_rate": "rate", "eu_cet_duty": "rate", "gb_ukgt_duty": "rate",
	"valid_from": "day", "valid_to": "day", "source": "source", "confidence": "confidence", "description": "description"}

// BadRow is what is wrong with a row of a file, and what would do.
func (p *page) BadRow(b landed.Problem) string {
	switch column := badColumns[b.Column]; {
	case column != "" && (b.Code == "malformed" || b.Code == "required" || b.Code == "out_of_range" || b.Code == "unknown"):
		return p.T("console.rl_bad_" + column)
	default:
		return p.T("faults." + b.Code)
	}
}
