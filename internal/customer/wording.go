package customer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
)

// Wording is what stands beside a consent box in one language of one market, in one version. What is shown is what
// is recorded, so a version never changes.
type Wording struct {
	ID      string
	Market  market.Code
	Lang    string
	Channel Channel
	Class   Class
	Version int64 // from 1
	Text    string
	At      time.Time
	By      string
}

// Name is how consent events name the wording: "checkout.sms/3".
func (w Wording) Name() string { return fmt.Sprintf("checkout.%s/%d", w.Channel, w.Version) }

const longestWording = 1000

// PublishWording adds the next version of a wording; from now on it is shown. A text that says what the latest
// version says adds none.
func (s *Service) PublishWording(tx *db.Tx, w Wording) (Wording, error) {
	w.Text = strings.Join(strings.Fields(w.Text), " ")
	var check fault.Check
	check.That(w.Text != "" && len([]rune(w.Text)) <= longestWording, "text", "1_to_1000_characters")
	check.That(slices.Contains([]Channel{SMS, Mail, WhatsApp, Push}, w.Channel), "channel", "unknown")
	check.That(w.Class == Promotional || w.Class == Survey, "class", "unknown")
	check.That(w.Market != "", "market", "required")
	check.That(w.Lang != "", "lang", "required")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return w, err
	}
	last, _, err := s.CurrentWording(tx, w.Market, w.Lang, w.Channel, w.Class)
	if err != nil || last.Text == w.Text {
		return last, err
	}
	w.ID, w.Version, w.At = id.New("wrd"), last.Version+1, tx.Now()
	n, err := tx.Exec(`insert into consent_wordings (id, market, lang, channel, class, version, text, at, by_whom)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
		w.ID, string(w.Market), w.Lang, string(w.Channel), string(w.Class), w.Version, w.Text, w.At, w.By)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "customer.changed_meanwhile")
	}
	return w, err
}

const wordingColumns = `id, market, lang, channel, class, version, text, at, by_whom`

func scanWording(r db.Row) (w Wording, err error) {
	err = r.Scan(&w.ID, (*string)(&w.Market), &w.Lang, (*string)(&w.Channel), (*string)(&w.Class), &w.Version, &w.Text, &w.At, &w.By)
	w.At = w.At.UTC()
	return
}

// CurrentWording returns the latest version, or false where the merchant has published none.
func (s *Service) CurrentWording(tx *db.Tx, m market.Code, lang string, ch Channel, cl Class) (Wording, bool, error) {
	return s.wording(tx, `order by version desc limit 1`, m, lang, ch, cl)
}

// WordingNamed returns the version that a form was shown with, or false.
func (s *Service) WordingNamed(tx *db.Tx, m market.Code, lang string, ch Channel, cl Class, version int64) (Wording, bool, error) {
	return s.wording(tx, `and version = $5 limit 1`, m, lang, ch, cl, version)
}

func (s *Service) wording(tx *db.Tx, which string, m market.Code, lang string, ch Channel, cl Class, more ...any) (Wording, bool, error) {
	args := append([]any{string(m), lang, string(ch), string(cl)}, more...)
	w, err := db.One(tx, scanWording, `select `+wordingColumns+` from consent_wordings where market = $1 and lang = $2 and channel = $3 and class = $4 `+which, args...)
	if errors.Is(err, db.ErrNone) {
		return w, false, nil
	}
	return w, err == nil, err
}

// Wordings returns every version of a market's wordings, by language and channel, the latest first.
func (s *Service) Wordings(tx *db.Tx, m market.Code) ([]Wording, error) {
	return db.All(tx, scanWording, `select `+wordingColumns+` from consent_wordings where market = $1 order by lang, channel, class, version desc`, string(m))
}
