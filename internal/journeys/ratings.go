package journeys

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/order"
)

// ReviewOf is what the question of an article's review begins with; its SKU follows.
const ReviewOf = "review:"

// Review is what a buyer says about one article. Nothing of it is published here.
type Review struct {
	SKU   string
	Stars int64 // 1 to 5
	Words string
}

// Review keeps what the buyer of an order says about its articles, whatever it is. Said again, it takes the place of what
// was said before; articles that aren't in the order are left out.
func (s *Service) Review(tx *db.Tx, o order.Order, lang string, all []Review) error {
	for _, x := range all {
		if !slices.ContainsFunc(o.Lines, func(l order.Line) bool { return l.SKU == x.SKU }) || x.Stars < 1 || x.Stars > 5 {
			continue
		}
		err := tx.Send(`insert into journey_ratings (id, order_id, customer, market, lang, question, score, comment, channel, run, at) values ($1, $2, $3, $4, $5, $6, $7, $8, 'page', '', $9)
			on conflict (order_id, question) do update set score = excluded.score, comment = excluded.comment, lang = excluded.lang, at = excluded.at`,
			id.New("rat"), string(o.ID), o.Customer, string(o.Market), lang, ReviewOf+x.SKU, x.Stars, x.Words, tx.Now())
		if err != nil {
			return err
		}
	}
	return nil
}

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

// Score is how often a market's customers gave a number to a question.
type Score struct {
	Market market.Code
	Score  int64
	Times  int64
}

// RatingFilter narrows ratings; zero fields do not.
type RatingFilter struct {
	Market  market.Code
	Reviews bool      // of articles instead of whole orders
	Score   int64     // this number only
	Words   bool      // with words only
	Since   time.Time // from then on
	Before  string    // ID of the last row of the page before
	Limit   int       // 1 to 200, 50 if zero
}

const ratingsWhere = `at >= $1 and ($2 = '' or market = $2) and (question like 'review:%') = $3 and ($4 = 0 or score = $4) and (not $5 or comment <> '')`

func (f RatingFilter) args() []any {
	if f.Since.IsZero() {
		f.Since = time.Unix(0, 0) // the zero moment is null in the database
	}
	return []any{f.Since.UTC(), string(f.Market), f.Reviews, f.Score, f.Words}
}

// Ratings returns what was said, the latest first.
func (s *Service) Ratings(tx *db.Tx, f RatingFilter) ([]Rating, error) {
	if f.Limit < 1 || f.Limit > 200 {
		f.Limit = 50
	}
	return db.All(tx, scanRating, `select `+ratingColumns+` from journey_ratings where `+ratingsWhere+`
		and ($6 = '' or (at, id) < ((select b.at from journey_ratings b where b.id = $6), $6)) order by at desc, id desc limit $7`, append(f.args(), f.Before, int64(f.Limit))...)
}

// Scores counts the numbers of each market; words without a number are left out.
func (s *Service) Scores(tx *db.Tx, f RatingFilter) ([]Score, error) {
	return db.All(tx, func(r db.Row) (x Score, err error) { return x, r.Scan((*string)(&x.Market), &x.Score, &x.Times) },
		`select market, score, count(*) from journey_ratings where `+ratingsWhere+` and score is not null group by market, score order by market, score`, f.args()...)
}

// Week is what customers said in the seven days from a moment on.
type Week struct {
	Since time.Time
	Times int64
	Sum   int64 // of the numbers
}

// Average is the mean number; 0 without one.
func (w Week) Average() float64 { return float64(w.Sum) / float64(max(1, w.Times)) }

// Trend counts the numbers of so many weeks up to now, the oldest first.
func (s *Service) Trend(tx *db.Tx, f RatingFilter, weeks int) ([]Week, error) {
	const week = 7 * 24 * time.Hour
	all := make([]Week, weeks)
	for i := range all {
		all[i].Since = tx.Now().Add(-week * time.Duration(weeks-i))
	}
	f.Since = all[0].Since
	type one struct {
		at    time.Time
		score int64
	}
	rows, err := db.All(tx, func(r db.Row) (x one, err error) { return x, r.Scan(&x.at, &x.score) },
		`select at, score from journey_ratings where `+ratingsWhere+` and score is not null`, f.args()...)
	for _, x := range rows {
		if i := int(x.at.Sub(f.Since) / week); i < weeks {
			all[i].Times++
			all[i].Sum += x.score
		}
	}
	return all, err
}

// mostRatings bounds a file.
const mostRatings = 50_000

// WriteRatings writes what was said as a table, the latest first, at most 50,000 lines.
func (s *Service) WriteRatings(tx *db.Tx, w io.Writer, f RatingFilter) error {
	out := csv.NewWriter(w)
	out.Write([]string{"at", "order", "market", "language", "question", "score", "comment", "channel"})
	f.Limit = 200
	for n := 0; n < mostRatings; n += f.Limit {
		all, err := s.Ratings(tx, f)
		if err != nil {
			return err
		}
		for _, x := range all {
			score := ""
			if x.Score > 0 {
				score = strconv.FormatInt(x.Score, 10)
			}
			out.Write([]string{x.At.Format(time.RFC3339), x.Order, string(x.Market), x.Lang, x.Question, score, harmless(x.Comment), x.Channel})
		}
		if len(all) < f.Limit {
			break
		}
		f.Before = all[len(all)-1].ID
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking a person's words for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
