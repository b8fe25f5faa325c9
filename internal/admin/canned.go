package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"portolan/internal/db"
	"portolan/internal/i18n"
	"portolan/internal/support"
)

type cannedView struct {
	Answers   []cannedAnswer
	Chosen    *cannedAnswer
	Lang      string
	Title     string
	Words     string
	Langs     []langTab
	Variables []string
}

// cannedAnswer is an answer written in advance in all its languages.
type cannedAnswer struct {
	ID    string
	Title string
	Has   []string
	Texts map[string]support.Canned
}

type langTab struct {
	Lang, Name, URL string
	Has, Current    bool
}

// canned shows the answers written in advance; with id and lang the form of one.
func (c *console) canned(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.cd_title")
	v := cannedView{Lang: p.Q("lang"), Variables: support.Variables}
	if !slices.Contains(i18n.Languages(), v.Lang) {
		v.Lang = p.Lang()
	}
	all, err := c.Support.CannedAnswers(tx)
	if err != nil {
		return err
	}
	for _, one := range all {
		if n := len(v.Answers); n == 0 || v.Answers[n-1].ID != one.ID {
			v.Answers = append(v.Answers, cannedAnswer{ID: one.ID, Texts: map[string]support.Canned{}})
		}
		last := &v.Answers[len(v.Answers)-1]
		last.Texts[one.Lang] = one
		last.Has = append(last.Has, one.Lang)
		if last.Title == "" || one.Lang == p.Lang() || one.Lang == "en" && last.Texts[p.Lang()].Title == "" {
			last.Title = one.Title
		}
	}
	slices.SortStableFunc(v.Answers, func(a, b cannedAnswer) int { return strings.Compare(a.Title, b.Title) })
	name := p.Q("id")
	for i := range v.Answers {
		if v.Answers[i].ID == name {
			v.Chosen = &v.Answers[i]
			v.Title, v.Words = v.Chosen.Texts[v.Lang].Title, v.Chosen.Texts[v.Lang].Words
		}
	}
	v.Title, v.Words = p.Kept("save", "title", v.Title), p.Kept("save", "words", v.Words)
	for _, l := range i18n.Languages() {
		tab := langTab{Lang: l, Name: i18n.For(l).SelfName(), URL: "/console/canned?lang=" + l, Current: l == v.Lang}
		if v.Chosen != nil {
			tab.URL += "&id=" + url.QueryEscape(v.Chosen.ID)
			tab.Has = v.Chosen.Texts[l].Words != ""
		}
		v.Langs = append(v.Langs, tab)
	}
	p.Data = v
	return nil
}

func (c *console) changeCanned(r *http.Request, p *page) (to string, err error) {
	form := r.PostForm
	answer := support.Canned{ID: cut(form.Get("id"), 60), Lang: form.Get("lang"), Title: form.Get("title"), Words: form.Get("words"), Who: p.User.Name}
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if form.Get("do") == "remove" {
			to = "/console/canned?done=cd_removed"
			return c.Support.RemoveCanned(tx, answer.ID, answer.Lang)
		}
		if !slices.Contains(i18n.Languages(), answer.Lang) {
			return support.ErrBadInput.With(map[string]string{"lang": "unknown"})
		}
		kept, err := c.Support.SaveCanned(tx, answer)
		to = "/console/canned?done=cd_saved&id=" + url.QueryEscape(kept.ID) + "&lang=" + kept.Lang
		return err
	})
	return to, err
}
