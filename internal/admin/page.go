package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/tax"
	"portolan/internal/web"
)

// page is what every template gets; what is particular to one stands in Data.
type page struct {
	*i18n.Printer
	Title     string
	Brand     string
	User      auth.User
	Path      string
	Menu      []group
	Languages []language
	Notice    string
	Undo      *undo
	Now       time.Time
	Speed     float64 // of the clock
	Demo      *Demo
	Live      live
	Refused   refused // what was entered and refused, where a page is drawn again for it
	Shop      string  // where the shop is
	Data      any

	zone  *time.Location
	query url.Values
	keep  string // what the live part has to be told again, as parameter "order"
}

type (
	group struct {
		Title string
		Items []item
	}
	item struct {
		ID, Title, URL string
		Count          int64
		Current        bool
	}
	language struct {
		Lang, Name string
		Current    bool
	}
	// undo is a button beside a notice that takes back what was done.
	undo struct{ Action, Name, Value string }
	// live is the part of a page that asks again every so often whether it has changed.
	live struct {
		URL   string
		Every string
		HTML  template.HTML
	}
)

// Can reports whether the person may act.
func (p *page) Can(role string) bool { return p.User.Role.May(auth.Role(role)) }

// Q is a parameter of the address, for forms that show what was asked.
func (p *page) Q(name string) string { return p.query.Get(name) }

// With is the address of the page with one parameter changed and the place in the list forgotten.
func (p *page) With(name, value string) string {
	q := url.Values{}
	for k, v := range p.query {
		if k != "after" && k != "done" && k != "part" && k != "v" {
			q[k] = v
		}
	}
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	if len(q) == 0 {
		return p.Path
	}
	return p.Path + "?" + q.Encode()
}

// fill draws one page from what the database says at one moment.
type fill func(tx *db.Tx, r *http.Request, p *page) error

// page serves a page to people who have logged in. Where the template has a part "live" and fill set Live.Every,
// that part is also served alone, and with 204 while it is as the browser has it.
func (c *console) page(name string, f fill) http.Handler {
	return c.known(func(w http.ResponseWriter, r *http.Request, p *page) error {
		err := c.DB.Read(r.Context(), func(tx *db.Tx) error {
			if err := c.furnish(tx, p); err != nil {
				return err
			}
			return f(tx, r, p)
		})
		if err != nil {
			return err
		}
		if p.Live.Every == "" {
			return c.show(w, r, http.StatusOK, name, p)
		}
		body, err := c.pages.Execute(name, "live", p)
		if err != nil {
			return err
		}
		counts, err := c.pages.Execute(name, "counts", p)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(append(bytes.Clone(body), counts...))
		version := base64.RawURLEncoding.EncodeToString(sum[:9])
		p.Live.HTML = template.HTML(body)
		q := r.URL.Query()
		asked := q.Get("v")
		part := q.Get("part") == "live"
		q.Set("part", "live")
		q.Set("v", version)
		if p.keep != "" {
			q.Set("order", p.keep)
		}
		q.Del("done")
		p.Live.URL = r.URL.Path + "?" + q.Encode()
		if !part {
			return c.show(w, r, http.StatusOK, name, p)
		}
		if asked == version {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		box, err := c.pages.Execute(name, "live-box", p)
		if err != nil {
			return err
		}
		return web.HTML(w, r, http.StatusOK, append(box, counts...))
	})
}

// furnish fills in what stands on every page: the menu with its counts.
func (c *console) furnish(tx *db.Tx, p *page) error {
	unread, err := c.Support.Unread(tx)
	if err != nil {
		return err
	}
	stats, err := c.Queue.Stats(tx)
	if err != nil {
		return err
	}
	reviews, err := c.Payments.Reviews(tx, false)
	if err != nil {
		return err
	}
	amiss, err := c.Prices.Amiss(tx)
	if err != nil {
		return err
	}
	at := func(id, url string, count int64) item {
		here := p.Path == url || url != "/console/" && strings.HasPrefix(p.Path, url+"/")
		return item{id, p.T("console.menu_" + id), url, count, here}
	}
	engine := []item{at("jobs", "/console/jobs", stats.GivenUp)}
	if p.User.Role.May(auth.Owner) {
		engine = append(engine, at("keys", "/console/keys", 0))
	}
	talk := []item{at("messages", "/console/messages", 0), at("inbox", "/console/inbox", unread), at("tickets", "/console/tickets", 0), at("templates", "/console/templates", 0), at("plans", "/console/plans", 0), at("senders", "/console/senders", 0), at("consents", "/console/consents", 0), at("evidence", "/console/evidence", 0), at("channels", "/console/channels", 0)}
	if c.Journeys != nil {
		talk = slices.Insert(talk, 0, at("journeys", "/console/journeys", 0), at("ratings", "/console/ratings", 0))
	}
	if c.Handsets != nil || c.Demo != nil {
		talk = append(talk, at("handsets", "/console/handsets", 0), at("mails", "/console/mails", 0))
	}
	shop := []item{at("orders", "/console/orders", 0), at("payments", "/console/payments", int64(len(reviews))),
		at("customers", "/console/customers", 0), at("products", "/console/products", 0), at("goods", "/console/goods", 0), at("prices", "/console/prices", 0), at("markets", "/console/markets", 0), at("rates", "/console/rates", amiss), at("rules", "/console/rules", int64(len(c.Rules.Aside())))}
	if c.Taxes != nil {
		waiting, err := c.Taxes.Waiting(tx)
		if err != nil {
			return err
		}
		shop = append(shop, at("taxes", "/console/taxes", waiting))
	}
	if c.Papers != nil {
		n, err := c.Shipments.Count(tx)
		if err != nil {
			return err
		}
		shop = slices.Insert(shop, 1, at("papers", "/console/papers", n[fulfilment.Preparing]))
	}
	p.Menu = []group{
		{"", []item{at("today", "/console/", 0)}},
		{p.T("console.group_shop"), shop},
		{p.T("console.group_talk"), talk},
		{p.T("console.group_engine"), engine},
	}
	return nil
}

func (c *console) newPage(r *http.Request, u auth.User) *page {
	lang := u.Lang
	if lang == "" {
		lang = i18n.Match(r.Header.Get("Accept-Language"), i18n.Languages())
	}
	p := &page{Printer: i18n.For(lang), Brand: c.Brand, User: u, Path: r.URL.Path, Now: c.DB.Clock().Now(), Speed: c.DB.Clock().Speed(), Demo: c.Demo, Shop: c.PublicURL + "/",
		zone: c.Zone, query: r.URL.Query()}
	for _, l := range i18n.Languages() {
		p.Languages = append(p.Languages, language{l, i18n.For(l).SelfName(), l == p.Lang()})
	}
	if key := "console.done_" + p.query.Get("done"); key != "console.done_" && p.Has(key) {
		p.Notice = p.T(key)
	}
	return p
}

type visited func(w http.ResponseWriter, r *http.Request, p *page) error

// open serves what people may see who haven't logged in.
func (c *console) open(h visited) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := c.newPage(r, auth.User{})
		r.Body = http.MaxBytesReader(w, r.Body, web.MaxBody)
		w.Header().Set("Cache-Control", "no-store")
		if err := h(w, r, p); err != nil {
			c.fail(w, r, p, err)
		}
	})
}

// known serves people who have logged in and sends everybody else to do so.
func (c *console) known(h visited) http.Handler { return c.knownUpTo(web.MaxBody, h) }

// knownUpTo is known for forms that hand in a file, with the most bytes that are read.
func (c *console) knownUpTo(most int64, h visited) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := c.Auth.Session(r.Context(), cookie(r))
		if errors.Is(err, auth.ErrAnonymous) {
			c.sendToLogin(w, r)
			return
		}
		p := c.newPage(r, u)
		r.Body = http.MaxBytesReader(w, r.Body, most)
		if err == nil {
			err = h(w, r, p)
		}
		if err != nil {
			c.fail(w, r, p, err)
		}
	})
}

func (c *console) sendToLogin(w http.ResponseWriter, r *http.Request) {
	to := "/console/login"
	if r.Method == http.MethodGet && r.URL.Path != "/console/" && r.Header.Get("HX-Request") == "" {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", "/console/login")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// act serves a form: f does what it says and names the page to go on with.
func (c *console) act(need auth.Role, f func(w http.ResponseWriter, r *http.Request, p *page) (to string, err error)) http.Handler {
	return c.known(func(w http.ResponseWriter, r *http.Request, p *page) error {
		if !p.User.Role.May(need) {
			return auth.ErrDenied
		}
		if err := r.ParseForm(); err != nil {
			return web.ErrBody
		}
		to, err := f(w, r, p)
		if err != nil {
			return err
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	})
}

func (c *console) show(w http.ResponseWriter, r *http.Request, status int, name string, p *page) error {
	body, err := c.pages.Execute(name, "layout", p)
	if err != nil {
		return err
	}
	return web.HTML(w, r, status, body)
}

type wrong struct {
	Text, Back string
	Fields     []pairOf
}

// fail draws what went wrong as a page.
func (c *console) fail(w http.ResponseWriter, r *http.Request, p *page, err error) {
	status := web.Status(err)
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		status = http.StatusRequestEntityTooLarge
	}
	web.Log(r, status, err)
	title := "error_title"
	switch status {
	case http.StatusNotFound:
		title = "error_not_found_title"
	case http.StatusForbidden:
		title = "error_denied_title"
	}
	p.Title = p.T("common." + title)
	view := wrong{Back: back(r)}
	var fields map[string]string
	view.Text, fields = p.Fault(err)
	for name, text := range fields {
		view.Fields = append(view.Fields, pairOf{name, text})
	}
	p.Data = view
	if p.User.ID != "" {
		if e := c.DB.Read(r.Context(), func(tx *db.Tx) error { return c.furnish(tx, p) }); e != nil {
			web.Log(r, http.StatusInternalServerError, e)
		}
	}
	if e := c.show(w, r, status, "wrong", p); e != nil {
		web.Fail(w, r, e)
	}
}

// back is the page of the console that a form stood on.
func back(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host || !strings.HasPrefix(u.Path, "/console/") || u.Path == r.URL.Path {
		return "/console/"
	}
	return u.RequestURI()
}

var errNoPage = fault.New(fault.NotFound, "console.no_page")

func (c *console) noPage(*db.Tx, *http.Request, *page) error { return errNoPage }

// funcs are what templates may call besides the methods of page.
func funcs(a *web.Assets) template.FuncMap {
	return template.FuncMap{
		"asset": a.Path,
		"pair":  func(a, b any) pairOf { return pairOf{a, b} },
		"list":  func(all ...string) []string { return all },
		"args":  func(all ...any) []any { return all },
		"add":   func(a, b int) int { return a + b },
		"mask":  tax.Mask,
		"int64": func(n int) int64 { return int64(n) },
		"scope": func(s string) string { return strings.ReplaceAll(s, ":", "_") },
	}
}

type pairOf struct{ A, B any }
