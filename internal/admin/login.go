package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/web"
)

const cookieName = "portolan_session"

// cookieLife is how long a browser keeps the cookie; package auth ends sessions earlier.
const cookieLife = 30 * 24 * time.Hour

func cookie(r *http.Request) string {
	k, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return k.Value
}

func (c *console) setCookie(w http.ResponseWriter, token string) {
	k := &http.Cookie{Name: cookieName, Value: token, Path: "/console", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode, MaxAge: int(cookieLife.Seconds())}
	if token == "" {
		k.MaxAge = -1
	}
	http.SetCookie(w, k)
}

type loginView struct {
	Email, Name, Next, Wrong string
	Fields                   map[string]string
}

// fresh reports whether nobody has an account yet.
func (c *console) fresh(r *http.Request) (none bool, err error) {
	err = c.DB.Read(r.Context(), func(tx *db.Tx) error {
		some, err := c.Auth.HasUsers(tx)
		none = !some
		return err
	})
	return none, err
}

func (c *console) loginPage(w http.ResponseWriter, r *http.Request, p *page) error {
	none, err := c.fresh(r)
	if err != nil {
		return err
	}
	if none {
		http.Redirect(w, r, "/console/first", http.StatusSeeOther)
		return nil
	}
	v := loginView{Next: p.Q("next")}
	if c.Demo != nil {
		v.Email = c.Demo.Email
	}
	p.Title, p.Data = p.T("common.sign_in"), v
	return c.show(w, r, http.StatusOK, "login", p)
}

func (c *console) logIn(w http.ResponseWriter, r *http.Request, p *page) error {
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	v := loginView{Email: r.PostForm.Get("email"), Next: r.PostForm.Get("next")}
	token, u, err := c.Auth.LogIn(r.Context(), v.Email, r.PostForm.Get("password"))
	if errors.Is(err, auth.ErrWrong) || errors.Is(err, auth.ErrTooManyLogs) {
		v.Wrong = p.T("console.login_wrong")
		if errors.Is(err, auth.ErrTooManyLogs) {
			v.Wrong = p.T("console.login_too_often")
		}
		p.Title, p.Data = p.T("common.sign_in"), v
		return c.show(w, r, web.Status(err), "login", p)
	}
	if err != nil {
		return err
	}
	c.setCookie(w, token)
	if lang := r.PostForm.Get("lang"); lang != "" && lang != u.Lang && spoken(lang) {
		if err := c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Auth.SetLang(tx, u.ID, lang) }); err != nil {
			return err
		}
	}
	http.Redirect(w, r, local(v.Next), http.StatusSeeOther)
	return nil
}

func (c *console) firstPage(w http.ResponseWriter, r *http.Request, p *page) error {
	if none, err := c.fresh(r); err != nil || !none {
		http.Redirect(w, r, "/console/login", http.StatusSeeOther)
		return err
	}
	p.Title, p.Data = p.T("console.first_title"), loginView{}
	return c.show(w, r, http.StatusOK, "first", p)
}

// first makes the owner of a shop in which nobody has an account.
func (c *console) first(w http.ResponseWriter, r *http.Request, p *page) error {
	if none, err := c.fresh(r); err != nil {
		return err
	} else if !none {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	v := loginView{Email: r.PostForm.Get("email"), Name: r.PostForm.Get("name")}
	password := r.PostForm.Get("password")
	_, err := c.Auth.AddUser(r.Context(), v.Email, v.Name, password, auth.Owner)
	if f := fault.Of(err); err != nil && f.Kind == fault.Invalid {
		v.Fields = map[string]string{}
		for name := range f.Fields {
			v.Fields[name] = p.T("console.first_bad_" + name)
		}
		p.Title, p.Data = p.T("console.first_title"), v
		return c.show(w, r, http.StatusUnprocessableEntity, "first", p)
	}
	if err != nil {
		return err
	}
	token, u, err := c.Auth.LogIn(r.Context(), v.Email, password)
	if err != nil {
		return err
	}
	c.setCookie(w, token)
	if err := c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Auth.SetLang(tx, u.ID, p.Lang()) }); err != nil {
		return err
	}
	http.Redirect(w, r, "/console/?done=welcome", http.StatusSeeOther)
	return nil
}

func (c *console) logOut(w http.ResponseWriter, r *http.Request, _ *page) (string, error) {
	err := c.Auth.LogOut(r.Context(), cookie(r))
	c.setCookie(w, "")
	return "/console/login", err
}

func (c *console) setLanguage(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	lang := r.PostForm.Get("lang")
	if !spoken(lang) {
		return back(r), nil
	}
	return back(r), c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Auth.SetLang(tx, p.User.ID, lang) })
}

func spoken(lang string) bool {
	for _, l := range i18n.Languages() {
		if l == lang {
			return true
		}
	}
	return false
}

// clock is what the shop's clock says, alone.
func (c *console) clock(w http.ResponseWriter, r *http.Request, p *page) error {
	body, err := c.pages.Execute("today", "clock", p)
	if err != nil {
		return err
	}
	return web.HTML(w, r, http.StatusOK, body)
}

// leaps are how far the demo's clock can be moved.
var leaps = map[string]time.Duration{"10m": 10 * time.Minute, "2h": 2 * time.Hour, "1d": 24 * time.Hour}

func (c *console) advance(_ http.ResponseWriter, r *http.Request, _ *page) (string, error) {
	d, ok := leaps[r.PostForm.Get("by")]
	if c.Demo == nil || !ok {
		return "", auth.ErrDenied
	}
	c.DB.Clock().Advance(d)
	return done(back(r), "advanced"), nil
}

// local keeps a redirect inside the console.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/console/") || strings.Contains(path, `\`) {
		return "/console/"
	}
	return u.RequestURI()
}

// done is a page of the console with the notice of what was done.
func done(path, key string) string {
	u, err := url.Parse(path)
	if err != nil {
		return "/console/"
	}
	q := u.Query()
	q.Set("done", key)
	u.RawQuery = q.Encode()
	return u.String()
}
