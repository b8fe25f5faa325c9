package classify

import (
	"slices"
	"strings"
	"unicode"

	"portolan/internal/catalog"
)

// reading is what a text says about goods.
type reading struct {
	lang    string
	kinds   []heard // best first
	stuffs  []heard // in the order of the text
	makes   []heard
	wearers []heard
	upper   string // stuff of a shoe's upper, where the text names it
	leather bool   // the outer sole is said to be of leather
	set     bool
	printed bool
	thick   bool // of tights
	medical bool // of hosiery
	covered int  // words that mean something
}

// heard is a phrase with the words it was found by.
type heard struct {
	phrase
	said    string
	at      int // place in the text
	segment int
}

// heads says on which side of a phrase its main word stands: "leather belt", but "ikat pinggang kulit".
var headLast = map[string]bool{"en": true, "de": true, "zh": true}

// pauses end the part of a title that names the goods.
var pauses = map[string][]string{
	"en": {"with", "in", "for", "of", "from", "by", "featuring", "made", "without", "plus"},
	"de": {"mit", "aus", "für", "in", "und", "von", "ohne", "im"},
	"id": {"dengan", "untuk", "dari", "berbahan", "bahan", "tanpa"},
	"ms": {"dengan", "untuk", "daripada", "bagi", "diperbuat", "tanpa"},
	"ar": {"مع", "من", "بدون"},
}

// hear reads a text in the language that explains most of it; lang says where to begin.
func hear(text, lang string) reading {
	var best reading
	for _, l := range Languages {
		r := words().hear(text, l)
		if l == lang && r.covered > 0 {
			r.covered++
		}
		if r.covered > best.covered || best.lang == "" {
			best = r
		}
	}
	return best
}

func (x *lexicon) hear(text, lang string) reading {
	r := reading{lang: lang}
	if lang == "zh" {
		x.hearSigns(&r, text)
	} else {
		for n, segment := range segments(text, lang) {
			x.hearSegment(&r, segment, n)
		}
	}
	r.sort()
	folded := " " + strings.Join(catalog.Words(text), " ") + " "
	has := func(all ...string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(folded, " "+s+" ") })
	}
	r.set = has("set", "two piece", "3 piece", "2 piece", "three piece", "pack of")
	r.printed = has("printed", "print", "bedruckt", "motif", "cetak")
	r.thick = has("opaque", "thermal", "fleece lined", "blickdicht", "thermo")
	r.medical = has("compression", "varicose", "kompression")
	r.leather = has("leather sole", "leather outsole", "sole of leather", "ledersohle")
	return r
}

// segments cuts a text where a new thought begins, each into folded words.
func segments(text, lang string) (all [][]string) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;:()|–—/·\n.،؛", r) })
	for _, part := range parts {
		var now []string
		for _, w := range catalog.Words(part) {
			if slices.Contains(pauses[lang], w) {
				if len(now) > 0 {
					all = append(all, now)
				}
				now = nil
				continue
			}
			now = append(now, w)
		}
		if len(now) > 0 {
			all = append(all, now)
		}
	}
	return all
}

func (x *lexicon) hearSegment(r *reading, w []string, segment int) {
	stem := make([]string, len(w))
	for i := range w {
		stem[i] = catalog.Stem(r.lang, w[i])
	}
	for i := 0; i < len(w); i++ {
		found := 0
		for _, what := range []byte{aKind, aStuff, aTrait} {
			if p, ok := x.at(r.lang, stem[i:], what); ok {
				r.note(heard{p, strings.Join(w[i:i+len(p.stems)], " "), segment*100 + i, segment})
				if what == aStuff {
					r.overShoe(p, w, i)
				}
				found = max(found, len(p.stems))
			}
		}
		if found == 0 && r.lang == "de" {
			found = x.compound(r, w[i], segment*100+i, segment)
		}
		r.covered += found
	}
}

// overShoe notes what a shoe's upper is said to be of: "leather upper", "upper of leather".
func (r *reading) overShoe(p phrase, w []string, i int) {
	after := i + len(p.stems)
	switch {
	case after < len(w) && (w[after] == "upper" || w[after] == "uppers"):
		r.upper = p.stuff
	case r.upper == "" && i > 0 && (w[i-1] == "upper" || w[i-1] == "obermaterial"):
		r.upper = p.stuff
	}
}

// at is the longest phrase of a sort that begins here.
func (x *lexicon) at(lang string, stem []string, what byte) (phrase, bool) {
	for _, p := range x.phrases[lang][stem[0]] {
		if p.what == what && len(p.stems) <= len(stem) && slices.Equal(p.stems, stem[:len(p.stems)]) {
			return p, true
		}
	}
	return phrase{}, false
}

// compound takes a German word apart: "Baumwollhose" is trousers of cotton.
func (x *lexicon) compound(r *reading, w string, at, segment int) int {
	for cut := 1; cut <= len(w)-3; cut++ {
		p, ok := x.suffix[w[cut:]]
		if !ok || p.what != aKind {
			continue
		}
		r.note(heard{p, w, at, segment})
		head := w[:cut]
		for known, q := range x.suffix {
			if q.what != aKind && len(head) >= 4 && (strings.HasPrefix(known, head) || strings.HasPrefix(head, known) || strings.HasPrefix(head, strings.TrimSuffix(known, "e"))) {
				r.note(heard{q, w, at, segment})
				break
			}
		}
		return 1
	}
	return 0
}

// hearSigns finds Chinese words, the longest first, each sign once for a sort of meaning.
func (x *lexicon) hearSigns(r *reading, text string) {
	if !strings.ContainsFunc(text, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
		return
	}
	text = strings.ToLower(text)
	for _, what := range []byte{aKind, aStuff, aTrait} {
		all := slices.Clone(x.phrases["zh"][""])
		slices.SortStableFunc(all, func(a, b phrase) int { return len(b.stems[0]) - len(a.stems[0]) })
		rest := text
		for _, p := range all {
			if p.what != what {
				continue
			}
			if i := strings.LastIndex(rest, p.stems[0]); i >= 0 {
				r.note(heard{p, p.text, i, 0})
				r.covered += 2
				rest = rest[:i] + strings.Repeat("\x00", len(p.stems[0])) + rest[i+len(p.stems[0]):]
			}
		}
	}
}

func (r *reading) note(h heard) {
	switch {
	case h.what == aKind:
		r.kinds = append(r.kinds, h)
	case h.what == aStuff:
		r.stuffs = append(r.stuffs, h)
	case h.trait == "knitted" || h.trait == "woven":
		r.makes = append(r.makes, h)
	default:
		r.wearers = append(r.wearers, h)
	}
}

// sort puts the kind that names the goods first: that of the first part of the text that has one, and in it the last
// or the first by the language; words that leave several kinds open stand back.
func (r *reading) sort() {
	vague := func(h heard) int {
		if strings.HasPrefix(words().kinds[h.kind].branch, "any ") {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(r.kinds, func(a, b heard) int {
		if v := vague(a) - vague(b); v != 0 {
			return v
		}
		if a.segment != b.segment {
			return a.segment - b.segment
		}
		end := func(h heard) int { return h.at + len(h.stems) }
		if headLast[r.lang] {
			if end(a) != end(b) {
				return end(b) - end(a)
			}
			return a.at - b.at // of two that end together the longer
		}
		if a.at != b.at {
			return a.at - b.at
		}
		return len(b.stems) - len(a.stems)
	})
	for _, all := range []*[]heard{&r.stuffs, &r.makes, &r.wearers} {
		slices.SortStableFunc(*all, func(a, b heard) int { return a.at - b.at })
	}
}
