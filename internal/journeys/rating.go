package journeys

import (
	"strings"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/messaging"
)

// surveyQuestion is the question whose answers are 1 to 5.
const surveyQuestion = "csat"

// answered keeps an answer to a survey whose run still waits for it: a number is a rating and announced, words are a
// comment. What comes when the question is closed is for the inbox.
func (s *Service) answered(tx *db.Tx, e messaging.ReceivedEvent) error {
	if e.Order == "" || e.Intent == messaging.IntentStop {
		return nil
	}
	r, err := s.asking(tx, e.Order, e.Customer)
	if err != nil || r == nil {
		return err
	}
	comment := ""
	if e.Rating == 0 || strings.IndexFunc(e.Text, func(c rune) bool { return c > ' ' && (c < '0' || c > '9') }) >= 0 {
		comment = strings.TrimSpace(e.Text)
	}
	if e.Rating == 0 {
		return tx.Send(`insert into journey_ratings (id, order_id, customer, market, lang, question, score, comment, channel, run, at)
			values ($1, $2, $3, $4, $5, $6, null, $7, $8, $9, $10)
			on conflict (order_id, question) do update set comment = excluded.comment`,
			id.New("rat"), e.Order, e.Customer, string(e.Market), e.Lang, surveyQuestion, comment, "", r.ID, e.At)
	}
	err = tx.Send(`insert into journey_ratings (id, order_id, customer, market, lang, question, score, comment, channel, run, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict (order_id, question) do update set score = excluded.score, at = excluded.at`,
		id.New("rat"), e.Order, e.Customer, string(e.Market), e.Lang, surveyQuestion, e.Rating, comment, "", r.ID, e.At)
	if err != nil {
		return err
	}
	return s.bus.Publish(tx, RatedEvent{Order: e.Order, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Rating: e.Rating, Comment: comment, At: e.At})
}

// asking is the run that waits for a rating of an order; nil if none does.
func (s *Service) asking(tx *db.Tx, order, customer string) (*Run, error) {
	all, err := s.concerned(tx, Happening{Order: order})
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		d, err := s.definition(tx, r.Journey, r.Version)
		if err != nil {
			return nil, err
		}
		if n, ok := d.node(r.Node); ok && n.Do == DoWaitFor && n.Event == "rated" && r.Order == order && r.Sent > 0 {
			return r, nil
		}
	}
	return nil, nil
}
