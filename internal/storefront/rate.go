package storefront

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// Ratings keeps what buyers say about what they bought. Satisfied by journeys.Service.
type Ratings interface {
	Review(tx *db.Tx, o order.Order, lang string, all []journeys.Review) error
	RatingsOf(tx *db.Tx, order string) ([]journeys.Rating, error)
}

// asksNumber are the templates whose answer is a number from 1 to 5.
var asksNumber = map[string]bool{"survey": true, "survey_once_more": true}

// rateView asks for stars, and for words if somebody has any.
type rateView struct {
	Title, Text, Action, Back string
	Problem                   string
	Items                     []rateItem
	Label, Button             string
}

// rateItem is what stars are given to. Stars is what was given before, or chosen and refused.
type rateItem struct {
	Name, Title, Options, Image string
	Stars                       int64
	Words                       string
	Ask                         string
	Scale                       []starView
}

type starView struct {
	N       int64
	Said    string
	Checked bool
}

// longestWords is how much somebody may write about one thing, in characters.
const longestWords = 1000

func (s *shop) scale(at place, chosen int64) (all []starView) {
	for n := int64(1); n <= 5; n++ {
		said := at.say.N("rate.stars", n)
		switch n {
		case 1:
			said += ", " + at.say.T("rate.worst")
		case 5:
			said += ", " + at.say.T("rate.best")
		}
		all = append(all, starView{n, said, n == chosen})
	}
	return all
}

// ratePage asks about a whole order: the link of a survey leads here where nobody can answer by text message.
func (s *shop) ratePage(w http.ResponseWriter, r *http.Request, at place, m messaging.Record, problem string) error {
	number := ""
	err := s.DB.Peek(r.Context(), func(tx *db.Tx) error {
		o, err := s.Orders.Get(tx, order.ID(m.Order))
		number = o.Number
		return err
	})
	if err != nil {
		return err
	}
	v := rateView{Title: at.say.T("rate.title"), Text: at.say.T("rate.text", "order", number), Action: "/r/" + r.PathValue("token"), Label: at.say.T("rate.words"), Button: at.say.T("rate.send")}
	stars, _ := strconv.ParseInt(r.FormValue("stars"), 10, 64)
	v.Items = []rateItem{{Name: "stars", Ask: at.say.T("rate.ask"), Stars: stars, Words: r.FormValue("text"), Scale: s.scale(at, stars)}}
	status := http.StatusOK
	if problem != "" {
		v.Problem, status = at.say.T(problem), http.StatusUnprocessableEntity
	}
	p := s.newPage(at, "/", v.Title)
	p.Focused, p.Data = true, v
	return s.show(w, r, status, "rate", p)
}

// rate takes the answer to a survey as if it had come from the phone: the number first, then the words.
func (s *shop) rate(w http.ResponseWriter, r *http.Request, at place, m messaging.Record) error {
	words := strings.TrimSpace(r.FormValue("text"))
	stars, err := strconv.Atoi(r.FormValue("stars"))
	given := err == nil && stars >= 1 && stars <= 5
	switch {
	case len([]rune(words)) > longestWords-2:
		return s.ratePage(w, r, at, m, "rate.too_long")
	case !given && words == "":
		return s.ratePage(w, r, at, m, "rate.choose")
	case given:
		words = strings.TrimSpace(fmt.Sprintf("%d\n%s", stars, words))
	}
	err = s.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := s.Replies.ReplyByPage(tx, r.PathValue("token"), words)
		return err
	})
	if err != nil {
		return err
	}
	return s.say(w, r, at, "rate.done")
}

// reviewPage asks about each article of an order, whoever bought it and however they liked it.
func (s *shop) reviewPage(w http.ResponseWriter, r *http.Request, at place) error {
	return s.review(w, r, at, "")
}

func (s *shop) review(w http.ResponseWriter, r *http.Request, at place, problem string) error {
	o, before, err := s.reviewed(r)
	if err != nil {
		return err
	}
	v := rateView{Title: at.say.T("rate.review_title"), Text: at.say.T("rate.review_text"), Action: at.prefix + "/orders/" + string(o.ID) + "/review",
		Back: at.prefix + "/orders/" + string(o.ID), Label: at.say.T("rate.review_words"), Button: at.say.T("rate.review_send")}
	seen := map[string]bool{}
	for i, l := range o.Lines {
		if seen[l.SKU] {
			continue
		}
		seen[l.SKU] = true
		it := rateItem{Name: "stars_" + strconv.Itoa(i), Title: l.Title, Options: s.optionWords(l.Options), Image: s.media.Path(l.Image), Stars: before[l.SKU].Score, Words: before[l.SKU].Comment,
			Ask: at.say.T("rate.review_ask", "item", l.Title)}
		if r.Method == http.MethodPost {
			it.Stars, _ = strconv.ParseInt(r.FormValue(it.Name), 10, 64)
			it.Words = r.FormValue("text_" + strconv.Itoa(i))
		}
		it.Scale = s.scale(at, it.Stars)
		v.Items = append(v.Items, it)
	}
	status := http.StatusOK
	if problem != "" {
		v.Problem, status = at.say.T(problem), http.StatusUnprocessableEntity
	}
	p := s.newPage(at, "/orders/"+string(o.ID), v.Title)
	p.Focused, p.Data = true, v
	return s.show(w, r, status, "rate", p)
}

// reviewed is the order of a request, and what was said about its articles before.
func (s *shop) reviewed(r *http.Request) (o order.Order, before map[string]journeys.Rating, err error) {
	before = map[string]journeys.Rating{}
	err = s.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		if o, err = s.Orders.Get(tx, order.ID(r.PathValue("id"))); err != nil || s.Ratings == nil {
			return err
		}
		all, err := s.Ratings.RatingsOf(tx, string(o.ID))
		for _, x := range all {
			if sku, ok := strings.CutPrefix(x.Question, journeys.ReviewOf); ok {
				before[sku] = x
			}
		}
		return err
	})
	return o, before, err
}

// saveReview keeps stars and words about each article; what was left empty stays as it was.
func (s *shop) saveReview(w http.ResponseWriter, r *http.Request, at place) error {
	o, _, err := s.reviewed(r)
	if err != nil {
		return err
	}
	var all []journeys.Review
	for i, l := range o.Lines {
		stars, _ := strconv.ParseInt(r.FormValue("stars_"+strconv.Itoa(i)), 10, 64)
		words := strings.TrimSpace(r.FormValue("text_" + strconv.Itoa(i)))
		switch {
		case len([]rune(words)) > longestWords:
			return s.review(w, r, at, "rate.too_long")
		case stars < 1 || stars > 5:
			if words != "" {
				return s.review(w, r, at, "rate.stars_too")
			}
			continue
		}
		all = append(all, journeys.Review{SKU: l.SKU, Stars: stars, Words: words})
	}
	if len(all) == 0 {
		return s.review(w, r, at, "rate.choose")
	}
	if err := s.DB.Write(r.Context(), func(tx *db.Tx) error { return s.Ratings.Review(tx, o, at.lang, all) }); err != nil {
		return err
	}
	return s.say(w, r, at, "rate.reviewed")
}
