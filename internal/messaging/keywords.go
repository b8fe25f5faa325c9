package messaging

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"portolan/internal/market"
)

// vocabulary is the table of keywords by their normal form.
type vocabulary map[string][]keyword

type keyword struct {
	lang   string // "any" counts in every language
	intent Intent
	rating int
}

// add takes one row of keywords.csv.
func (v vocabulary) add(row map[string]string) error {
	k := keyword{lang: row["language"], intent: Intent(row["intent"])}
	if n, ok := strings.CutPrefix(row["intent"], "rating_"); ok && len(n) == 1 {
		k.intent, k.rating = IntentRating, int(n[0]-'0')
	}
	known := []Intent{IntentStop, IntentStart, IntentHelp, IntentReschedule, IntentAgent, IntentTrack, IntentYes, IntentNo, IntentRating}
	if k.lang == "" || row["words"] == "" || !slices.Contains(known, k.intent) {
		return fmt.Errorf("language %q, intent %q", row["language"], row["intent"])
	}
	for w := range strings.SplitSeq(row["words"], "|") {
		n := normal(w)
		if k.intent == IntentHelp && slices.Contains(infoWords, n) {
			k := k
			k.intent = IntentInfo
			v[n] = append(v[n], k)
			continue
		}
		if !slices.Contains(v[n], k) {
			v[n] = append(v[n], k)
		}
	}
	return nil
}

// infoWords are the help words that ask about the order rather than about the service.
var infoWords = normals("INFO|INFOS|INFORMACION|INFORMACAO|ข้อมูล|情報|정보|안내|معلومات")

// everyday words mean stop only alone and in their own language; weakest ones only in Chinese or from +86.
// (spec: replies, weak words)
var (
	everyday  = normals("FINE|FIN|HALT|ENDE|END|FIM|EINDE")
	chineseLC = normals("T|R|N")
	// alone mean stop in every language, but are too common inside a sentence ("cancel my order", "la spedizione è ferma").
	alone = normals("CANCEL|CANCELAR|CANCELLA|ANNULER|ANULAR|ANNULLA|ANNULEREN|BATAL|KELUAR|ALTO|SAIR|REMOVER|REMOVE|KÜNDIGEN|" +
		"WIDERRUF|WIDERRUFEN|BAJA|DETENER|FERMA|BASTA|NAO QUERO|TIDAK MAU|TAK NAK|TC|DUNG|HUY|TU CHOI|キャンセル|解除|取消|취소|거부|" +
		"ยกเลิก|ไม่รับ|中止|やめる|拒收|إلغاء|الغاء|قف|توقف|كفى|R|TD")
)

func normals(words string) (all []string) {
	for w := range strings.SplitSeq(words, "|") {
		all = append(all, normal(w))
	}
	return all
}

// normal brings a text into the form in which keywords are compared: NFKC, case folded, without accents and
// punctuation, Arabic letters that are written either way as one, digits of all scripts as 0-9, single spaces.
func normal(s string) string {
	s = norm.NFD.String(cases.Fold().String(norm.NFKC.String(s)))
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf), r == 'ـ':
			continue
		case unicode.Is(unicode.Nd, r):
			r = digit(r)
		case r == 'đ':
			r = 'd'
		case r == 'ة':
			r = 'ه'
		case r == 'ى':
			r = 'ي'
		case !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// digit is the decimal value of a digit of any script, as 0-9. Unicode keeps each script's ten in order.
func digit(r rune) rune {
	for _, x := range unicode.Nd.R16 {
		if r >= rune(x.Lo) && r <= rune(x.Hi) {
			return '0' + (r-rune(x.Lo))%10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if r >= rune(x.Lo) && r <= rune(x.Hi) {
			return '0' + (r-rune(x.Lo))%10
		}
	}
	return r
}

// listener is the context a text is read in.
type listener struct {
	lang     string
	country  market.Country
	optedOut bool
	asked    bool // our last message asked for a rating
}

// meaning is what a text was understood to say.
type meaning struct {
	Intent
	rating int
	hint   bool // speaks of stopping, but perhaps of something else: say which word does it
	more   bool // says more than its keyword: a person should read it too
}

// longestPlea is how many words a sentence with a stop word in it may have to count as one.
const longestPlea = 4

// read understands a text: a stop word always wins, then the answer to a pending question, then an exact keyword in
// the conversation's language, English, or any other; then a plea to stop in free words, or a stop word inside a few.
// Everything else is for a person. (spec: replies)
func (l *lexicon) read(text string, in listener) meaning {
	n := normal(text)
	words := strings.Fields(n)
	if len(words) > 1 && len(words) == len([]rune(strings.Join(words, ""))) {
		n = strings.Join(words, "") // S.T.O.P
	}
	other := l.phrases().another(text)
	for _, k := range l.words[n] {
		if k.intent == IntentStop && stops(n, k.lang, in) && !other {
			return meaning{Intent: IntentStop}
		}
	}
	if rating := answered(text, words); in.asked && rating > 0 && !l.words.holdsStop(n) && !l.phrases().leaves(n) {
		return meaning{Intent: IntentRating, rating: rating, more: len(words) > 2 && !outOf.MatchString(figures(text))}
	}
	for _, lang := range []string{"any", in.lang, "en", ""} {
		for _, k := range l.words[n] {
			if lang != "" && k.lang != lang || k.intent == IntentStop {
				continue
			}
			if k.intent == IntentStart && n == "yes" && !in.optedOut {
				continue
			}
			return meaning{Intent: k.intent, rating: k.rating}
		}
	}
	if other {
		return meaning{Intent: IntentOther}
	}
	if l.phrases().misspelt[n] || l.nearly(n) {
		return meaning{Intent: IntentStop}
	}
	rest, kept := l.phrases().without(n)
	if l.phrases().leaves(rest) {
		return meaning{Intent: IntentStop, more: len(words) > 2*longestPlea}
	}
	stop := l.words.holdsStop(rest)
	if stop && !kept && short(words, n) {
		return meaning{Intent: IntentStop}
	}
	return meaning{Intent: IntentOther, hint: stop || kept && l.words.holdsStop(n)}
}

// answered is the rating that a text gives: "5", "4 stars", "3/5, came late" begin with it, "rating: 4" names it before,
// "4颗星", "four stars", "⭐⭐⭐⭐" and "★★★★☆" say it in their own ways; 0 for none.
func answered(text string, words []string) int {
	if len(words) == 0 {
		return starsIn(text)
	}
	if n := figure(words[0]); n > 0 {
		return n
	}
	if len(words) <= 2 {
		n := ratingWords()[words[0]]
		if n > 0 && (len(words) == 1 || slices.Contains(starWords, words[1])) {
			return n
		}
	}
	if len(words) == 2 && slices.Contains(ratingLabels, words[0]) {
		return max(figure(words[1]), ratingWords()[words[1]])
	}
	return 0
}

// figure is a digit from 1 to 5, also with what it counts where a script has no spaces: "4星".
func figure(word string) int {
	r := []rune(word)
	if len(r) == 0 || r[0] < '1' || r[0] > '5' || len(r) > 1 && !slices.Contains(starWords, string(r[1:])) {
		return 0
	}
	return int(r[0] - '0')
}

// starsIn counts the stars of a text that holds nothing else: one to five full ones. Empty ones only fill the row.
func starsIn(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune("⭐★✭✮🌟", r):
			n++
		case r != '☆' && !unicode.IsSpace(r) && !unicode.In(r, unicode.Mn, unicode.Cf):
			return 0
		}
	}
	if n > 5 {
		return 0
	}
	return n
}

// Words around a number that make it a rating, as normal writes them.
var (
	starWords    = normals("star|stars|Stern|Sterne|étoile|étoiles|estrella|estrellas|bintang|星|颗星|顆星|分|نجمة|نجوم|ดาว|point|points|Punkt|Punkte|puntos|poin|mata")
	ratingLabels = normals("rating|score|star|stars|Note|Bewertung|Sterne|avis|nota|nilai|skor|bintang|penilaian|评分|評分|تقييم|نجمة|คะแนน")
	ratingNames  = []string{
		"one|eins|un|une|uno|una|satu|一|واحد|واحدة|หนึ่ง", "two|zwei|deux|dos|dua|二|两|اثنان|نجمتان|نجمتين|สอง", "three|drei|trois|tres|tiga|三|ثلاثة|ثلاث|สาม",
		"four|vier|quatre|cuatro|empat|四|أربعة|أربع|สี่", "five|fünf|cinq|cinco|lima|五|خمسة|خمس|ห้า",
	}
	ratingWords = sync.OnceValue(func() map[string]int {
		all := map[string]int{}
		for i, names := range ratingNames {
			for _, w := range normals(names) {
				all[w] = i + 1
			}
		}
		for w, n := range maps.Clone(all) { // scripts without spaces
			if runsOn([]rune(w)[0]) {
				for _, counts := range starWords {
					all[w+counts] = n
				}
			}
		}
		return all
	})
)

// Unclear reports whether a text is an answer in numbers that is none from 1 to 5: "10", "0", "4 or 5", "3 4". A number
// followed by words, by the whole it is out of ("4/5", "4 of 5") or by itself ("5 5") is clear.
func Unclear(text string) bool {
	var numbers []string
	n := ""
	words := 0
	text = figures(text)
	for _, r := range text + " " {
		switch d := digit(r); {
		case d >= '0' && d <= '9':
			n += string(d)
			continue
		case unicode.IsLetter(r):
			words++
		}
		if n != "" {
			numbers, n = append(numbers, strings.TrimLeft(n, "0")), ""
		}
	}
	if len(numbers) == 0 || words > longestUnclear {
		return false
	}
	good := func(n string) bool { return len(n) == 1 && n[0] >= '1' && n[0] <= '5' }
	switch {
	case len(numbers) == 1:
		return !good(numbers[0])
	case len(numbers) == 2 && numbers[1] == "5" && good(numbers[0]) && outOf.MatchString(text):
		return false
	}
	return !good(numbers[0]) || slices.ContainsFunc(numbers, func(n string) bool { return n != numbers[0] })
}

// figures is a text in small letters with the digits of all scripts as 0-9.
func figures(text string) string {
	return strings.Map(digit, norm.NFKC.String(strings.ToLower(text)))
}

// longestUnclear is how many letters may stand around numbers that are the whole answer: "4 oder 5". In longer sentences
// other numbers speak of other things.
const longestUnclear = 8

// outOf is a number of so many: "4/5", "4 of 5", "4 von 5".
var outOf = regexp.MustCompile(`^\D*\d\s*(/|of|out of|von|sur|de|dari|daripada|من)\s*5\D*$`)

// stops reports whether a stop word of a language counts when it is the whole text.
func stops(word, lang string, in listener) bool {
	switch {
	case lang == "en" && (in.country == "US" || in.country == "CA"):
		return true
	case slices.Contains(chineseLC, word):
		return in.lang == "zh" || in.country == "CN"
	case slices.Contains(everyday, word):
		return lang == in.lang
	}
	return true
}

// short reports whether a text is no longer than a plea: few words, or few letters in a script written without
// spaces.
func short(words []string, n string) bool {
	if r := []rune(n); len(r) > 0 && runsOn(r[0]) {
		return len(r) <= 12
	}
	return len(words) <= longestPlea
}

// runsOn reports whether a letter's script is written without spaces, or with spaces that people leave out.
func runsOn(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// holdsStop reports whether a text holds a stop word that is not an everyday one.
func (v vocabulary) holdsStop(n string) bool {
	strong := func(w string) bool {
		if slices.Contains(everyday, w) || slices.Contains(chineseLC, w) || slices.Contains(alone, w) {
			return false
		}
		return slices.ContainsFunc(v[w], func(k keyword) bool { return k.intent == IntentStop })
	}
	words := strings.Fields(n)
	for i := range words {
		for j := i + 1; j <= min(len(words), i+3); j++ {
			if strong(strings.Join(words[i:j], " ")) {
				return true
			}
		}
		runes := []rune(words[i])
		for a := range runes {
			if !runsOn(runes[a]) {
				continue
			}
			for b := a + 2; b <= min(len(runes), a+14); b++ {
				if strong(string(runes[a:b])) {
					return true
				}
			}
		}
	}
	return false
}

// shortestMisspelt is how long a stop word has to be for a slip of one letter to be forgiven.
const shortestMisspelt = 8

// nearly reports whether a text is one slip of the finger away from a long stop word, and from no other keyword.
func (l *lexicon) nearly(n string) bool {
	if len(n) < shortestMisspelt-1 || len(n) > 20 || strings.ContainsFunc(n, func(r rune) bool { return r > 'z' || r == ' ' }) {
		return false
	}
	stop := false
	for w, all := range l.words {
		if len(w) < shortestMisspelt-1 || !oneSlip(w, n) {
			continue
		}
		for _, k := range all {
			if k.intent != IntentStop {
				return false
			}
			stop = stop || len(w) >= shortestMisspelt
		}
	}
	return stop
}

// oneSlip reports whether two words differ by one letter left out, added, changed, or swapped with its neighbour.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(b) == len(a)+1 {
		return a[i:] == b[i+1:]
	}
	if len(a) != len(b) || i == len(a) {
		return false
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
