package journeys

import (
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
)

// Rating is what a customer said about an order: a number, words, or both.
type Rating struct {
	ID       string
	Order    string
	Customer string
	Market   market.Code
	Lang     string
	Question string // "csat": 1 to 5 for the whole order; "review:<sku>": for one article
	Score    int64  // 0: words only
	Comment  string
	Channel  string
	Run      string // whose question it answers; empty: nobody asked
	At       time.Time
}

const ratingColumns = `id, order_id, customer, market, lang, question, coalesce(score, 0), comment, channel, run, at`

func scanRating(r db.Row) (x Rating, err error) {
	err = r.Scan(&x.ID, &x.Order, &x.Customer, (*string)(&x.Market), &x.Lang, &x.Question, &x.Score, &x.Comment, &x.Channel, &x.Run, &x.At)
	x.At = x.At.UTC()
	return x, err
}

// RatingsOf returns what was said about an order, the whole before its articles.
func (s *Service) RatingsOf(tx *db.Tx, order string) ([]Rating, error) {
	return db.All(tx, scanRating, `select `+ratingColumns+` from journey_ratings where order_id = $1 order by question`, order)
}
