package support

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"portolan/internal/db"
	"portolan/internal/market"
)

const (
	longestWord = 24  // octets of a word that count
	mostWords   = 200 // of one text
	mostTerms   = 8   // of one search
	// common is how many conversations a word may be found in before it is asked of each conversation, the latest
	// first, instead of listing those it is found in.
	common = 2000
)

// index makes a conversation be found by the words of texts.
func index(tx *db.Tx, talk string, texts ...string) error {
	seen := map[string]bool{}
	var rows [][]any
	for _, text := range texts {
		for _, w := range wordsOf(text) {
			if !seen[w] && len(seen) < mostWords {
				seen[w] = true
				rows = append(rows, []any{hex.EncodeToString([]byte(w)), talk})
			}
		}
	}
	return db.InsertEach(tx, `insert into talk_words (word, talk) values`, `on conflict do nothing`, rows)
}

// wordsOf cuts a text into words without case and accents. Scripts written without spaces give each letter and each
// pair of neighbours; numbers with many digits are found by their end too.
func wordsOf(text string) (all []string) {
	add := func(w string) {
		for len(w) > longestWord {
			_, size := lastRune(w)
			w = w[:len(w)-size]
		}
		all = append(all, w)
	}
	for _, w := range fields(text) {
		r := []rune(w)
		if !runsOn(r[0]) {
			add(w)
			if digits(w) && len(w) >= 6 {
				add(backwards(w))
			}
			continue
		}
		for i := range r {
			add(string(r[i]))
			if i+1 < len(r) {
				add(string(r[i : i+2]))
			}
		}
	}
	return all
}

func lastRune(s string) (rune, int) {
	r := []rune(s)
	last := r[len(r)-1]
	return last, len(string(last))
}

// fields are the words of a text; letters of scripts written without spaces stand apart from others.
func fields(text string) (all []string) {
	text = norm.NFD.String(cases.Fold().String(norm.NFKC.String(strings.ToValidUTF8(text, ""))))
	var word []rune
	flush := func() {
		if len(word) > 0 {
			all = append(all, norm.NFC.String(string(word)))
			word = nil
		}
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			continue
		case !unicode.IsLetter(r) && !unicode.IsNumber(r):
			flush()
			continue
		case len(word) > 0 && runsOn(r) != runsOn(word[len(word)-1]):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return all
}

func runsOn(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer)
}

func digits(w string) bool { return strings.Trim(w, "0123456789") == "" }

// backwards is a number from its end, apart from words by a mark that no word has.
func backwards(w string) string {
	b := []byte(w)
	slices.Reverse(b)
	return "<" + string(b)
}

// term is what a conversation must have: a word that begins as one of these.
type term []string

// termsOf reads what somebody searches for. Telephone numbers are found as people write them, with or without the
// country's.
func termsOf(search string) (all []term) {
	if d := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -/().+", r) {
			return -1
		}
		return r
	}, norm.NFKC.String(search)); len(d) >= 4 && digits(d) {
		d = strings.TrimLeft(d, "0")
		if len(d) > longestWord-1 {
			d = d[:longestWord-1]
		}
		all = append(all, term{d, backwards(d)})
		if parts := fields(search); len(parts) == 1 && parts[0] != d {
			all[0] = append(all[0], parts[0])
		}
		return all
	}
	for _, w := range fields(search) {
		r := []rune(w)
		if !runsOn(r[0]) || len(r) == 1 {
			all = append(all, term{cutWord(w)})
			continue
		}
		for i := range len(r) - 1 {
			all = append(all, term{string(r[i : i+2])})
		}
	}
	return all[:min(len(all), mostTerms)]
}

func cutWord(w string) string {
	for len(w) > longestWord {
		_, size := lastRune(w)
		w = w[:len(w)-size]
	}
	return w
}

// Shows are the parts of the inbox.
const (
	ShowOpen       = "open"
	ShowWaiting    = "waiting" // for us
	ShowMine       = "mine"
	ShowUnassigned = "unassigned"
	ShowAll        = "all"
)

// Filter narrows the list of conversations; zero fields do not.
type Filter struct {
	Show   string // one of the Shows; "" is all
	User   string // with ShowMine: whose
	Market market.Code
	Lang   string
	Search string // words, a name, a number, an order
}

// Talks returns conversations, that with the latest word first. The name of a row is its ID.
func (s *Service) Talks(tx *db.Tx, f Filter, p Page) ([]Talk, error) {
	where := `($1 = '' or market = $1) and ($2 = '' or lang = $2) and ($3 = '' or assignee = $3)
		and ($4 = '' or (last_at, id) < (select a.last_at, a.id from talks a where a.id = $4))`
	args := []any{string(f.Market), f.Lang, "", p.After, p.limit()}
	switch f.Show {
	case ShowOpen:
		where += ` and tickets > 0`
	case ShowWaiting:
		where += ` and tickets > 0 and waits_at is not null`
	case ShowMine:
		where += ` and tickets > 0`
		args[2] = f.User
		if f.User == "" {
			return nil, nil
		}
	case ShowUnassigned:
		where += ` and tickets > 0 and assignee = ''`
	}
	terms := termsOf(f.Search)
	for _, t := range terms {
		var like []string
		for _, w := range t {
			args = append(args, hex.EncodeToString([]byte(w)), hex.EncodeToString([]byte(w))+"g")
			like = append(like, fmt.Sprintf("word >= $%d and word < $%d", len(args)-1, len(args)))
		}
		n, err := s.spread(tx, t)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, nil
		}
		if n < common {
			where += ` and id in (select talk from talk_words where ` + strings.Join(like, " or ") + `)`
		} else {
			where += ` and exists (select 1 from talk_words where talk = talks.id and (` + strings.Join(like, " or ") + `))`
		}
	}
	if len(terms) == 0 && strings.TrimSpace(f.Search) != "" {
		return nil, nil
	}
	return db.All(tx, scanTalk, `select `+talkColumns+` from talks where `+where+` order by last_at desc, id desc limit $5`, args...)
}

// spread is how many conversations have a word, or common if they are more.
func (s *Service) spread(tx *db.Tx, t term) (n int64, err error) {
	for _, w := range t {
		x := hex.EncodeToString([]byte(w))
		one, err := db.One(tx, db.Scalar[int64], `select count(*) from (select 1 from talk_words where word >= $1 and word < $2 limit 0 + $3) few`, x, x+"g", common)
		if err != nil {
			return 0, err
		}
		n += one
	}
	return n, nil
}

// Counts are the numbers beside the parts of the inbox.
type Counts struct{ Open, Waiting, Mine, Unassigned int64 }

// Counts counts the conversations with tickets that aren't solved, for a user.
func (s *Service) Counts(tx *db.Tx, user string) (Counts, error) {
	return db.One(tx, func(r db.Row) (c Counts, err error) {
		err = r.Scan(&c.Open, &c.Waiting, &c.Mine, &c.Unassigned)
		return
	}, `select count(*), count(*) filter (where waits_at is not null), count(*) filter (where assignee = $1 and assignee <> ''),
		count(*) filter (where assignee = '') from talks where tickets > 0`, user)
}

// Unread counts the conversations with something that nobody has read.
func (s *Service) Unread(tx *db.Tx) (int64, error) {
	return db.One(tx, db.Scalar[int64], `select count(*) from talks where unread > 0`)
}

// Waiting counts the conversations in which somebody waits for us.
func (s *Service) Waiting(tx *db.Tx) (int64, error) {
	return db.One(tx, db.Scalar[int64], `select count(*) from talks where tickets > 0 and waits_at is not null`)
}
