package customs

import (
	"embed"
	"encoding/csv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed data
var data embed.FS

// StopTerm is a term that tells customs nothing: too vague for the description of goods in the Union's entry
// declarations (data element 18 05 000 000). Source: Delegated Regulation 2015/2446, Annex B; terms as public
// lists agree on them.
type StopTerm struct {
	Term      string
	AloneOnly bool // vague only where nothing else is said: "shoes", not "leather shoes"
	ValidFrom string
	ValidTo   string // last day, empty while it holds
	Source    string

	words []string
}

// StopTerms is the table of vague terms, sorted.
var StopTerms = sync.OnceValue(func() []StopTerm {
	var terms []StopTerm
	for _, r := range table("data/stop_words.csv", 5) {
		terms = append(terms, StopTerm{r[0], r[1] == "yes", r[2], r[3], r[4], stems(r[0])})
	}
	return terms
})

// table reads an embedded table without its head; one that can't be read is a mistake of ours.
func table(name string, columns int) [][]string {
	f, err := data.Open(name)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = columns
	rows, err := r.ReadAll()
	if err != nil {
		panic(err)
	}
	return rows[1:]
}

func holds(from, to, day string) bool {
	return (from == "" || from <= day) && (to == "" || day <= to)
}

// words splits a text at everything that is no letter and no digit, in lower case; an apostrophe belongs to
// its word.
func words(s string) []string {
	s = strings.NewReplacer("’", "'", "'s", "").Replace(strings.ToLower(norm.NFC.String(s)))
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' })
}

// stem takes the plural off an English word, the same way for both sides of a comparison.
func stem(w string) string {
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 4 && (strings.HasSuffix(w, "ses") || strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes")):
		return w[:len(w)-2]
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss"):
		return w[:len(w)-1]
	}
	return w
}

func stems(s string) []string {
	w := words(s)
	for i := range w {
		w[i] = stem(w[i])
	}
	return w
}

// colours and sizes say which piece it is, not what it is.
var variants = set(`
	black white grey gray silver gold golden navy blue teal turquoise aqua cyan green olive khaki mint lime yellow mustard orange coral rust red
	burgundy bordeaux crimson pink rose fuchsia magenta purple violet lilac lavender brown tan camel beige cream ivory sand charcoal multicolour
	multicolor multicoloured colour color dark light bright size
	xxs xs s m l xl xxl xxxl xxxxl small medium large extra one us uk eu`)

var units = set("g kg mg lb oz ml cl l ltr litre mm cm m inch in pc pcs pce piece set pack pair x no nr")

// materials are fibres and stuffs of fashion and household goods.
var materials = set(`
	cotton linen flax hemp jute ramie silk wool merino cashmere mohair alpaca angora camelhair down feather
	viscose rayon modal lyocell tencel cupro acetate triacetate polyester polyamide nylon elastane spandex lycra acrylic polypropylene polyurethane
	leather suede nubuck fur shearling sheepskin cowhide lambskin rubber eva plastic synthetic pvc latex neoprene canvas denim
	straw paper wood cork bamboo metal steel aluminium brass gold silver glass ceramic porcelain stone textile`)

func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[stem(w)] = true
	}
	return m
}

func numeric(w string) bool {
	return strings.ContainsFunc(w, unicode.IsDigit)
}

// bare is what is left of a description without brand, sizes, colours, numbers and units.
func bare(description, brand string) []string {
	rest := cut(stems(description), stems(brand))
	out := rest[:0:0]
	for _, w := range rest {
		if !variants[w] && !units[w] && !numeric(w) {
			out = append(out, w)
		}
	}
	return out
}

// cut takes every run of words equal to phrase out of w.
func cut(w, phrase []string) []string {
	if len(phrase) == 0 {
		return w
	}
	var out []string
	for i := 0; i < len(w); {
		if at(w[i:], phrase) {
			i += len(phrase)
			continue
		}
		out = append(out, w[i])
		i++
	}
	return out
}

func at(w, phrase []string) bool {
	if len(w) < len(phrase) {
		return false
	}
	for i, p := range phrase {
		if w[i] != p {
			return false
		}
	}
	return true
}

// vague finds a stop term valid on day: the one that w is, or the first that stands inside it.
func vague(w []string, day string) (is, inside string) {
	for _, t := range StopTerms() {
		if !holds(t.ValidFrom, t.ValidTo, day) || len(t.words) == 0 {
			continue
		}
		if len(w) == len(t.words) && at(w, t.words) {
			return t.Term, ""
		}
		if t.AloneOnly || inside != "" {
			continue
		}
		for i := range w {
			if at(w[i:], t.words) {
				inside = t.Term
				break
			}
		}
	}
	return "", inside
}

// Printable takes out of a text what papers can't show: control characters, marks that turn the direction of
// writing, emoji. It reports whether anything went.
func Printable(s string) (clean string, changed bool) {
	clean = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.So, r) && r > 0x2190,
			unicode.Is(unicode.Variation_Selector, r), r >= 0x1F3FB && r <= 0x1F3FF, r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, norm.NFC.String(s))
	clean = strings.Join(strings.Fields(clean), " ")
	return clean, clean != strings.Join(strings.Fields(norm.NFC.String(s)), " ")
}

// latin reports whether every letter is a Latin one, as customs read it.
func latin(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			return false
		}
	}
	return true
}
