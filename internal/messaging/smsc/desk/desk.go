// Package desk is the simulator's page: what is bound and what came, the plan to change while it runs, a pen to write
// from a phone. It has no log-in and is for the machine it runs on: it answers to no other name than localhost and the
// loopback addresses, and takes no form from another site.
package desk

import (
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"portolan/internal/fault"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/smsc"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
	"cut": func(s string, n int) string {
		if r := []rune(s); len(r) > n {
			return string(r[:n]) + "…"
		}
		return s
	},
}).Parse(source))

// Handler serves the page and its data:
//
//	GET  /                the page; ?phone=N shows one phone's texts
//	GET  /status          JSON: totals, lines, plan
//	GET  /snapshot        JSON: everything
//	PUT  /plan            JSON: a new plan; 400 with the wrong places as JSON
//	POST /plan, /write, /disconnect   the page's forms
type Handler struct {
	server *smsc.Server
	mux    *http.ServeMux
}

// New returns the page of a simulator.
func New(s *smsc.Server) http.Handler {
	h := &Handler{server: s, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { h.show(w, r, http.StatusOK, view{}) })
	h.mux.HandleFunc("GET /status", h.status)
	h.mux.HandleFunc("GET /snapshot", func(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, json.RawMessage(s.Snapshot())) })
	h.mux.HandleFunc("PUT /plan", h.putPlan)
	h.mux.HandleFunc("POST /plan", h.setPlan)
	h.mux.HandleFunc("POST /write", h.write)
	h.mux.HandleFunc("POST /disconnect", func(w http.ResponseWriter, r *http.Request) {
		s.Disconnect()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(h)
}

// ServeHTTP refuses names that are not this machine's, so that no page elsewhere can reach in by a name of its own.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !Local(r.Host) {
		http.Error(w, "This page is only for the machine it runs on: use 127.0.0.1 or localhost.", http.StatusMisdirectedRequest)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	h.mux.ServeHTTP(w, r)
}

// Local reports whether a host, with or without port, is this machine and can't be reached from another.
func Local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (h *Handler) status(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, struct {
		At     time.Time   `json:"at"`
		Addr   string      `json:"addr"`
		Totals smsc.Totals `json:"totals"`
		Lines  []smsc.Line `json:"lines"`
		Plan   smsc.Plan   `json:"plan"`
	}{h.server.Now(), h.server.Addr(), h.server.Totals(), h.server.Lines(), h.server.Plan()})
}

func (h *Handler) putPlan(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var p smsc.Plan
	if err == nil {
		p, err = smsc.ReadPlan(b)
	}
	if err != nil {
		send(w, http.StatusBadRequest, struct {
			Error  string            `json:"error"`
			Places map[string]string `json:"places,omitempty"`
		}{err.Error(), fault.Of(err).Fields})
		return
	}
	h.server.SetPlan(p)
	send(w, http.StatusOK, h.server.Plan())
}

type view struct {
	Addr   string
	Now    time.Time
	Totals smsc.Totals
	Lines  []smsc.Line
	Phones []smsc.Phone
	Last   []smsc.Submit

	Phone string
	Texts []smsc.Text

	Plan      string
	PlanError error
	Pen       smsc.Letter
	PenError  error
}

// most lines of a table on the page
const most = 30

func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, v view) {
	s := h.server
	v.Addr, v.Now, v.Totals, v.Lines, v.Last, v.Phone = s.Addr(), s.Now(), s.Totals(), s.Lines(), s.Latest(most), r.URL.Query().Get("phone")
	v.Phones = s.Phones()
	v.Phones = v.Phones[:min(most, len(v.Phones))]
	if v.PlanError == nil {
		v.Plan = string(s.Plan().JSON())
	}
	if v.Phone != "" {
		v.Texts = s.Messages(v.Phone)
		if v.PenError == nil {
			v.Pen.From = v.Phone
			for _, t := range v.Texts {
				if t.Direction == smsc.Received && !t.OneWay {
					v.Pen.To = t.From
				}
			}
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	page.Execute(w, v)
}

func (h *Handler) setPlan(w http.ResponseWriter, r *http.Request) {
	text := r.PostFormValue("plan")
	p, err := smsc.ReadPlan([]byte(text))
	if err != nil {
		h.show(w, r, http.StatusUnprocessableEntity, view{Plan: text, PlanError: err})
		return
	}
	h.server.SetPlan(p)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request) {
	l := smsc.Letter{From: r.PostFormValue("from"), To: r.PostFormValue("to"), Text: r.PostFormValue("text"),
		Long: smpp.Long(r.PostFormValue("long")), Shuffled: r.PostFormValue("shuffled") != "", Doubled: r.PostFormValue("doubled") != ""}
	err := error(nil)
	if strings.TrimSpace(l.Text) == "" {
		err = errors.New("write something")
	} else {
		_, err = h.server.Write(l)
	}
	if err != nil {
		h.show(w, r, http.StatusUnprocessableEntity, view{Pen: l, PenError: err})
		return
	}
	http.Redirect(w, r, "/?phone="+strings.TrimPrefix(l.From, "+"), http.StatusSeeOther)
}
