package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/turkish"
	"golang.org/x/text/unicode/norm"
)

// stemmers reduce a folded word of a language to what its forms share. A language without one keeps its words.
var stemmers = map[string]func(string) string{
	"ar": semitic,
	"da": snowball(danish.Stem),
	"de": snowball(german.Stem),
	"en": snowball(english.Stem),
	"es": snowball(spanish.Stem),
	"fi": snowball(finnish.Stem),
	"fr": snowball(french.Stem),
	"hu": snowball(hungarian.Stem),
	"id": malayic,
	"it": snowball(italian.Stem),
	"ms": malayic,
	"nb": snowball(norwegian.Stem),
	"nl": snowball(dutch.Stem),
	"pt": snowball(portuguese.Stem),
	"ro": snowball(romanian.Stem),
	"sv": snowball(swedish.Stem),
	"tr": snowball(turkish.Stem),
}

func snowball(stem func(*snowballstem.Env) bool) func(string) string {
	return func(word string) string {
		env := snowballstem.NewEnv(word)
		stem(env)
		return env.Current()
	}
}

// malayic takes particles, possessives and the commonest affixes off an Indonesian or Malay word, never leaving
// fewer than four letters. It works by form alone and knows no roots, so it joins a few words too many.
func malayic(word string) string {
	word = trimSuffix(word, "lah", "kah", "tah", "pun")
	word = trimSuffix(word, "nya", "ku", "mu")
	word = trimPrefix(word, "meng", "meny", "men", "mem", "me", "peng", "peny", "pen", "pem", "ber", "ter", "per", "di")
	return trimSuffix(word, "kan", "an")
}

// semitic takes the article, the joined conjunctions and the commonest endings off an Arabic word after making
// its alefs, yas and ta marbutas alike (a light stemmer; Snowball's takes the first letter off words like فستان,
// dress, and finds them no more with their article). Broken plurals stay apart.
func semitic(word string) string {
	word = strings.NewReplacer("ى", "ي", "ة", "ه").Replace(word)
	word = trimPrefix(word, "وال", "بال", "كال", "فال", "ال", "لل")
	return trimSuffix(word, "ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
}

// leastRoot is how many bytes must be left: four Latin letters, two Arabic ones.
const leastRoot = 4

func trimSuffix(word string, all ...string) string {
	for _, s := range all {
		if strings.HasSuffix(word, s) && len(word)-len(s) >= leastRoot {
			return word[:len(word)-len(s)]
		}
	}
	return word
}

func trimPrefix(word string, all ...string) string {
	for _, s := range all {
		if strings.HasPrefix(word, s) && len(word)-len(s) >= leastRoot {
			return word[len(s):]
		}
	}
	return word
}

// stemmer returns the stemmer of a language, with or without script.
func stemmer(lang string) func(string) string {
	plain, _, _ := strings.Cut(lang, "-")
	if s := stemmers[plain]; s != nil {
		return s
	}
	return func(word string) string { return word }
}

// fold makes writings of one word alike: compatibility forms and width (NFKC), case, accents and the marks of
// Arabic and Hebrew vowels.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = norm.NFD.String(strings.ToLower(norm.NFKC.String(s)))
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Thai, r):
		case r == 'ß':
			b.WriteString("ss")
		case r == 'ـ': // tatweel only stretches a word
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unspaced are the scripts written without spaces between words; they are cut into pairs of characters.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// splitWords calls yield with each folded word of a text.
func splitWords(text string, yield func(word string)) {
	text = fold(text)
	start, pairs := -1, false
	flush := func(end int) {
		if start >= 0 {
			if w := text[start:end]; pairs {
				bigrams(w, yield)
			} else {
				yield(w)
			}
		}
		start = -1
	}
	for i, r := range text {
		switch own := r >= 0x0E00 && unicode.In(r, unspaced...); {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r):
			flush(i)
		case start >= 0 && own != pairs:
			flush(i)
			start, pairs = i, own
		case start < 0:
			start, pairs = i, own
		}
	}
	flush(len(text))
}

func bigrams(w string, yield func(string)) {
	rs := []rune(w)
	if len(rs) == 1 {
		yield(w)
	}
	for i := 0; i+1 < len(rs); i++ {
		yield(string(rs[i : i+2]))
	}
}

// near is how many edits apart a word may be from what was typed: none below four letters, one below eight.
func near(letters int) int {
	switch {
	case letters < 4:
		return 0
	case letters < 8:
		return 1
	}
	return 2
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between a and b, giving up
// above most.
func distance(a, b []rune, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		if slices.Min(row) > most {
			return most + 1
		}
		before, last = last, row
	}
	return last[len(b)]
}
