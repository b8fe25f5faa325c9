package storefront

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/web"
)

// choiceCookie remembers the market and language a visitor chose: "/de-de".
const choiceCookie = "portolan_choice"

// remembered is how long a choice is kept.
const remembered = 180 * 24 * time.Hour

type chooseView struct{ Places []placeView }

type placeView struct {
	Country, Currency string
	Languages         []placeLanguage
}

type placeLanguage struct{ URL, Lang, Dir, Name string }

// choose is the page at the bare host. Only the cookie of a choice made before sends a visitor on, never an
// address or a language, so that a crawler and a traveller see what everybody sees.
func (s *shop) choose(w http.ResponseWriter, r *http.Request) error {
	from := r.URL.Query().Get("from")
	if c, err := r.Cookie(choiceCookie); err == nil && from == "" {
		if _, ok := s.place(strings.TrimPrefix(c.Value, "/")); ok {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, c.Value+"/", http.StatusFound)
			return nil
		}
	}
	at := s.nowhere(r)
	path := "/"
	if place, rest, _ := strings.Cut(strings.TrimPrefix(from, "/"), "/"); place != "" {
		if here, ok := s.place(place); ok {
			at.say, at.lang = i18n.For(here.market.Locale(here.lang)), here.lang
			path = local("/"+rest, "/")
		}
	}
	var v chooseView
	for _, m := range s.Markets.All() {
		if m.State != market.Open {
			continue
		}
		p := placeView{Country: at.say.CountryName(string(m.Country())), Currency: string(m.Currency)}
		for _, l := range m.Languages {
			say := i18n.For(m.Locale(l))
			p.Languages = append(p.Languages, placeLanguage{m.Prefix(l) + path, l, say.Dir(), say.SelfName()})
		}
		v.Places = append(v.Places, p)
	}
	p := s.newPage(at, "/", at.say.T("shop.choose"))
	p.Data = v
	p.Canonical = s.absolute("/")
	p.Alternates = s.alternates("/", nil)
	body, err := s.pages.Execute("choose", "layout", p)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept-Language, Cookie")
	return web.HTML(w, r, http.StatusOK, body)
}

// chosen keeps the choice and shows the same page of the other market, or the category where it isn't sold.
func (s *shop) chosen(w http.ResponseWriter, r *http.Request) error {
	to := local(r.FormValue("to"), "/")
	name, _, _ := strings.Cut(strings.TrimPrefix(to, "/"), "/")
	at, ok := s.place(name)
	if !ok {
		return web.ErrNoPage
	}
	http.SetCookie(w, &http.Cookie{Name: choiceCookie, Value: at.prefix, Path: "/", MaxAge: int(remembered.Seconds()), HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

type visitorView struct {
	Count      int64         `json:"count"`
	CountText  string        `json:"count_text"`
	Suggestion template.HTML `json:"suggestion,omitempty"`
}

// visitor answers what a page can't say to everybody alike: how much is in the bag, and a market that fits the
// visitor better than the one the page is for. It is one line in the visitor's language and never more.
func (s *shop) visitor(w http.ResponseWriter, r *http.Request) error {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Query().Get("at"), "/"), "/")
	at, ok := s.place(name)
	if !ok {
		return web.ErrNoPage
	}
	v := visitorView{Count: s.bagCount(r, at)}
	v.CountText = at.say.Number(v.Count)
	if _, err := r.Cookie(choiceCookie); err != nil {
		v.Suggestion = s.suggest(r, at, "/"+rest)
	}
	w.Header().Set("Cache-Control", "private, no-store")
	return web.JSON(w, http.StatusOK, v)
}

func (s *shop) suggest(r *http.Request, at place, path string) template.HTML {
	if s.Country == nil {
		return ""
	}
	code, ok := s.Country(web.IP(r, s.Proxy).String())
	if !ok {
		return ""
	}
	m, ok := s.Markets.ByCountry(market.Country(code))
	if !ok || m.Code == at.market.Code || m.State != market.Open {
		return ""
	}
	lang := i18n.Match(r.Header.Get("Accept-Language"), m.Languages)
	say := i18n.For(m.Locale(lang))
	body, err := s.pages.Execute("choose", "suggestion", map[string]any{
		"Text": say.T("shop.suggest", "country", say.CountryName(code)), "Go": say.T("shop.suggest_go", "country", say.CountryName(code)),
		"Stay": say.T("shop.suggest_stay"), "Lang": lang, "Dir": say.Dir(), "To": m.Prefix(lang) + path, "Here": at.prefix + path,
	})
	if err != nil {
		return ""
	}
	return template.HTML(body)
}

// query keeps a redirect's arguments tidy.
func query(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return withQuery(path, q)
}
