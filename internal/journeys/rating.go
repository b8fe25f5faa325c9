package journeys

import (
	"cmp"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// surveyQuestion is the question whose answers are 1 to 5.
const surveyQuestion = "csat"

// onceMore is the template that asks for one number after an answer that isn't one, and askedAgain the variable of a run
// that has used it.
const (
	onceMore   = "survey_once_more"
	askedAgain = "asked_again"
)

// answered keeps an answer to a survey whose run still waits for it: a number is a rating and announced, words are a
// comment, numbers that answer nothing are asked about once more and then end the question. What comes when it is closed
// is for the inbox.
func (s *Service) answered(tx *db.Tx, e messaging.ReceivedEvent) error {
	if e.Order == "" || e.Intent != messaging.IntentRating && e.Intent != messaging.IntentUnclear && e.Intent != messaging.IntentOther {
		return nil
	}
	r, err := s.asking(tx, e.Order, e.Customer)
	if err != nil || r == nil || r.Order != e.Order {
		return err
	}
	comment := strings.TrimSpace(e.Text)
	if e.Rating > 0 && strings.IndexFunc(e.Text, func(c rune) bool { return c > ' ' && (c < '0' || c > '9') }) < 0 {
		comment = ""
	}
	if e.Rating > 0 {
		comment = strings.TrimSpace(strings.TrimLeft(comment, "0123456789 .,;:/\n"))
	}
	a := answer{Order: e.Order, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Question: surveyQuestion, Score: e.Rating, Comment: comment, Channel: string(e.Channel), Run: r.ID}
	if err := a.keep(tx, tx.Now()); err != nil {
		return err
	}
	switch {
	case e.Rating > 0:
		return s.bus.Publish(tx, RatedEvent{Order: e.Order, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Rating: e.Rating, Comment: comment, Channel: a.Channel, At: e.At})
	case !messaging.Unclear(e.Text):
		return nil
	case r.Vars[askedAgain] != "":
		return s.unanswered(tx, r)
	}
	return s.askOnceMore(tx, r, e)
}

// answer is what somebody said to a question about an order.
type answer struct {
	Order, Customer string
	Market          market.Code
	Lang, Question  string
	Score           int64 // 0: none
	Comment         string
	Channel, Run    string
}

// keep keeps an answer. A later number takes the place of the one before; words are added to those before.
func (a answer) keep(tx *db.Tx, at time.Time) error {
	var score any
	if a.Score > 0 {
		score = a.Score
	}
	return tx.Send(`insert into journey_ratings (id, order_id, customer, market, lang, question, score, comment, channel, run, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict (order_id, question) do update set score = coalesce(excluded.score, journey_ratings.score), channel = excluded.channel, at = excluded.at,
			comment = case when excluded.comment = '' or excluded.comment = journey_ratings.comment then journey_ratings.comment
				when journey_ratings.comment = '' then excluded.comment else journey_ratings.comment || $12 || excluded.comment end`,
		id.New("rat"), a.Order, a.Customer, string(a.Market), a.Lang, a.Question, score, a.Comment, a.Channel, a.Run, at, "\n")
}

// askOnceMore asks for one number.
func (s *Service) askOnceMore(tx *db.Tx, r *Run, e messaging.ReceivedEvent) error {
	d, err := s.definition(tx, r.Journey, r.Version)
	if err != nil {
		return err
	}
	n, ok := d.node(r.Node)
	if !ok {
		return nil
	}
	r.Vars[askedAgain] = "1"
	v := s.stage(tx).view(r)
	sent, err := s.Messages.Send(tx, messaging.Message{Key: r.ID + ":" + onceMore, Customer: r.Customer, To: e.From, Channel: e.Channel, Market: e.Market, Country: e.Country, Lang: e.Lang,
		Template: onceMore, Order: r.Order})
	if err != nil && !isBadInput(err) {
		return err
	}
	if err != nil {
		v.note(n, NotSent, "bad_input", "")
	} else {
		v.note(n, outcome(sent), cmp.Or(sent.Gate.Why, "unclear_answer"), string(sent.Channel)).Message = sent.ID
	}
	return s.save(tx, r)
}

// unanswered ends a question that was answered by unclear numbers twice: the run goes on as if nothing had come.
func (s *Service) unanswered(tx *db.Tx, r *Run) error {
	d, err := s.definition(tx, r.Journey, r.Version)
	if err != nil {
		return err
	}
	n, ok := d.node(r.Node)
	if !ok {
		return nil
	}
	v := s.stage(tx).view(r)
	v.note(n, Passed, "unclear_answer", "")
	r.Node = n.Else
	if err := v.advance(d, live{s}, true); err != nil {
		return err
	}
	return s.save(tx, r)
}

// pending tells messaging which question is open with a person.
func (s *Service) pending(tx *db.Tx, about messaging.Record, customer string) (q messaging.Question, err error) {
	r, err := s.asking(tx, about.Order, cmp.Or(about.Customer, customer))
	if err != nil || r == nil {
		return q, err
	}
	return messaging.Question{Order: r.Order, Again: r.Vars[askedAgain] != ""}, nil
}

// asking is the run that waits for a rating of an order, or of another one of the same person; nil if none does.
func (s *Service) asking(tx *db.Tx, order, customer string) (*Run, error) {
	all, err := s.concerned(tx, Happening{Order: order, Customer: customer})
	if err != nil {
		return nil, err
	}
	var other *Run
	for _, r := range all {
		d, err := s.definition(tx, r.Journey, r.Version)
		if err != nil {
			return nil, err
		}
		if n, ok := d.node(r.Node); !ok || n.Do != DoWaitFor || n.Event != "rated" || r.Sent == 0 {
			continue
		}
		if r.Order == order {
			return r, nil
		}
		if other == nil || r.At.After(other.At) {
			other = r
		}
	}
	return other, nil
}
