package messaging

import (
	"fmt"
	"slices"
	"strings"
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
	// alone mean stop in every language, but are too common inside a sentence ("cancel my order").
	alone = normals("CANCEL|CANCELAR|CANCELLA|ANNULER|ANULAR|ANNULLA|ANNULEREN|BATAL|KELUAR|ALTO|SAIR|REMOVER|KÜNDIGEN|" +
		"WIDERRUF|WIDERRUFEN|TC|DUNG|HUY|キャンセル|取消|취소|거부|ยกเลิก|解除|中止|إلغاء|الغاء|قف|R|TD")
)

func normals(words string) (all []string) {
	for w := range strings.SplitSeq(words, "|") {
		all = append(all, normal(w))
	}
	return all
}

// normal brings a text into the form in which keywords are compared: NFKC, case folded, without accents and
// punctuation, digits of all scripts as 0-9, single spaces.
func normal(s string) string {
	s = norm.NFD.String(cases.Fold().String(norm.NFKC.String(s)))
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
			continue
		case unicode.Is(unicode.Nd, r):
			r = digit(r)
		case r == 'đ':
			r = 'd'
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
}

// longestPlea is how many words a sentence with a stop word in it may have to count as one.
const longestPlea = 4

// intent reads a text: a stop word always wins, then an exact keyword in the conversation's language, English,
// or any other; then a stop word inside a few words. Everything else is for a person. A rating is 1 to 5.
func (v vocabulary) intent(text string, l listener) (Intent, int) {
	n := normal(text)
	words := strings.Fields(n)
	if len(words) > 1 && len(words) == len([]rune(strings.Join(words, ""))) {
		n = strings.Join(words, "") // S.T.O.P
	}
	for _, k := range v[n] {
		if k.intent == IntentStop && v.stops(n, k.lang, l) {
			return IntentStop, 0
		}
	}
	for _, lang := range []string{"any", l.lang, "en", ""} {
		for _, k := range v[n] {
			if lang != "" && k.lang != lang || k.intent == IntentStop {
				continue
			}
			if k.intent == IntentStart && n == "yes" && !l.optedOut {
				continue
			}
			return k.intent, k.rating
		}
	}
	if v.pleads(n, words) {
		return IntentStop, 0
	}
	return IntentOther, 0
}

// stops reports whether a stop word of a language counts when it is the whole text.
func (v vocabulary) stops(word, lang string, l listener) bool {
	switch {
	case lang == "en" && (l.country == "US" || l.country == "CA"):
		return true
	case slices.Contains(chineseLC, word):
		return l.lang == "zh" || l.country == "CN"
	case slices.Contains(everyday, word):
		return lang == l.lang
	}
	return true
}

// pleads reports whether a few words hold a stop word that is not an everyday one: "please stop texting me".
// Scripts written without spaces count characters instead.
func (v vocabulary) pleads(n string, words []string) bool {
	strong := func(w string) bool {
		if slices.Contains(everyday, w) || slices.Contains(chineseLC, w) || slices.Contains(alone, w) {
			return false
		}
		return slices.ContainsFunc(v[w], func(k keyword) bool { return k.intent == IntentStop })
	}
	if len(words) > longestPlea {
		return false
	}
	for i := range words {
		for j := i + 1; j <= len(words); j++ {
			if strong(strings.Join(words[i:j], " ")) {
				return true
			}
		}
	}
	runes := []rune(n)
	if len(runes) > 12 || len(runes) == 0 || !unicode.In(runes[0], unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai) {
		return false
	}
	for i := range runes {
		for j := i + 2; j <= len(runes); j++ {
			if strong(string(runes[i:j])) {
				return true
			}
		}
	}
	return false
}
