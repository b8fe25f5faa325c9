package classify

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"

	"portolan/internal/catalog"
	"portolan/internal/customs"
)

// Heading is a step of the way from the chapter down to a code.
type Heading struct {
	Code  string `json:"code"`
	Label string `json:"label"` // our own short one, in English
	Title string `json:"title"` // the nomenclature's own, where it was imported
}

// Hit is a code that a search found.
type Hit struct {
	HS    string    `json:"hs"`
	Label string    `json:"label"` // in the language asked for
	Path  []Heading `json:"path"`  // chapter, heading, subheading
	Score float64   `json:"score"`
}

// Nomenclature is the list of codes with everything it is called: our own words for the goods a fashion merchant sells,
// and the official titles where there are any. It is safe for concurrent use.
type Nomenclature struct {
	titles Titles

	mu    sync.Mutex
	known int // titles when it was made
	made  *index
}

// NewNomenclature returns a nomenclature with titles, which may be nil and may grow.
func NewNomenclature(titles Titles) *Nomenclature { return &Nomenclature{titles: titles} }

// index finds codes by the stems of all languages.
type index struct {
	postings map[string]map[string]float64 // stem -> code -> weight
	known    []string                      // folded words, for slips
	stem     map[string][]string           // folded word -> its stems
	codes    []string
}

// Where a word stands says how much it weighs.
const (
	asKind  = 4.0
	asStuff = 1.6
	asTrait = 1.2
	asTitle = 1.0
	exactly = 1.5 // more for the word itself than for another with the same stem
	beside  = 0.4 // for a word that only tells one kind from others: the shirt of "shirt dress"
	slipped = 0.6 // for a word that is nearly the one asked for
)

func (n *Nomenclature) index() *index {
	count := 0
	if n.titles != nil && n.titles.Title("61") != "" {
		for range n.titles.Titles() {
			count++
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made == nil || n.known != count {
		n.made, n.known = n.build(count > 0), count
	}
	return n.made
}

func (n *Nomenclature) build(titled bool) *index {
	x, ix := words(), &index{postings: map[string]map[string]float64{}, stem: map[string][]string{}}
	for hs, rows := range x.rows {
		ix.codes = append(ix.codes, hs)
		for _, b := range rows {
			for _, k := range x.kinds {
				if k.branch == b.name || slices.ContainsFunc(open[k.branch], func(o struct {
					branch string
					p      float64
				}) bool {
					return o.branch == b.name
				}) {
					ix.add(hs, k.words, asKind)
				}
			}
			for _, s := range x.stuffs {
				switch {
				case b.stuff == "*" || !fits(b.stuff, s.name):
				case b.stuff == "textile":
					ix.add(hs, s.words, asStuff*beside) // a row for one fibre of them says it better
				case b.stuff != s.name:
					ix.add(hs, s.words, asStuff*0.8)
				default:
					ix.add(hs, s.words, asStuff)
				}
			}
			for _, t := range []string{b.make, b.wearer} {
				if t != "" {
					ix.add(hs, x.traits[t], asTrait)
				}
			}
		}
	}
	if titled {
		for code, title := range n.titles.Titles() {
			if len(code) == 6 && x.rows[code] == nil {
				ix.codes = append(ix.codes, code)
			}
			if len(code) == 6 {
				ix.add(code, map[string][]string{"en": {title}}, asTitle)
			}
		}
	}
	slices.Sort(ix.codes)
	ix.known = slices.Sorted(maps.Keys(ix.stem))
	return ix
}

func (ix *index) add(hs string, byLang map[string][]string, weight float64) {
	for lang, all := range byLang {
		for _, text := range all {
			all := catalog.Words(text)
			for i, w := range all {
				s := catalog.Stem(lang, w)
				if ix.postings[s] == nil {
					ix.postings[s] = map[string]float64{}
				}
				weight := weight
				if head := map[bool]int{true: len(all) - 1}[headLast[lang]]; i != head && weight == asKind && lang != "zh" {
					weight *= beside
				}
				ix.postings[s][hs] = max(ix.postings[s][hs], weight)
				if !slices.Contains(ix.stem[w], s) {
					ix.stem[w] = append(ix.stem[w], s)
				}
			}
		}
	}
}

// Search finds codes by words in any of the languages, misspelt ones too, or by the first digits of a code; at most n,
// the best first, labelled in lang.
func (n *Nomenclature) Search(query, lang string, most int) []Hit {
	ix := n.index()
	if len(query) > 400 {
		query = query[:400]
	}
	if digits, ok := asCode(query); ok {
		return n.under(ix, digits, lang, most)
	}
	asked := catalog.Words(query)
	if len(asked) > 20 {
		asked = asked[:20]
	}
	score, matched := map[string]float64{}, map[string]int{}
	for _, w := range asked {
		hits := ix.word(w)
		rare := math.Log(1 + float64(len(ix.codes))/float64(1+len(hits)))
		for hs, weight := range hits {
			score[hs] += weight * rare
			matched[hs]++
		}
	}
	var out []Hit
	for hs, s := range score {
		out = append(out, Hit{HS: hs, Score: s * float64(matched[hs]) / float64(len(asked))})
	}
	slices.SortFunc(out, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(math.Round(b.Score*1e6), math.Round(a.Score*1e6)), strings.Compare(a.HS, b.HS))
	})
	out = out[:min(most, len(out))]
	for i := range out {
		out[i].Label, out[i].Path = Label(out[i].HS, lang), n.Path(out[i].HS)
	}
	return out
}

// joints are what German puts between the words of a compound.
var joints = []string{"", "s", "n", "en", "er", "e"}

// compound takes a word apart that is put together of two known ones (Leinenkleid): what both stand with counts most,
// then what the second does, which says what the thing is.
func (ix *index) compound(w string, found map[string]float64) {
	runes := []rune(w)
	for at := 3; at+4 <= len(runes); at++ {
		tail := ix.exact(string(runes[at:]))
		if len(tail) == 0 {
			continue
		}
		for _, joint := range joints {
			head, ok := strings.CutSuffix(string(runes[:at]), joint)
			made := ix.exact(head)
			if !ok || len(head) < 3 || len(made) == 0 {
				continue
			}
			for hs, weight := range tail {
				found[hs] = max(found[hs], 0.6*weight)
				if other, both := made[hs]; both {
					found[hs] = max(found[hs], weight+other)
				}
			}
			return
		}
	}
}

// exact is the codes a word stands with as it is written or bent.
func (ix *index) exact(w string) map[string]float64 {
	found := map[string]float64{}
	stems := slices.Clone(ix.stem[w])
	for _, lang := range Languages {
		stems = append(stems, catalog.Stem(lang, w))
	}
	for _, s := range stems {
		for hs, weight := range ix.postings[s] {
			found[hs] = max(found[hs], weight)
		}
	}
	return found
}

// word is the codes a word stands with: itself, its stems in every language, what begins with it, or what it may have
// been meant to be.
func (ix *index) word(w string) map[string]float64 {
	found := map[string]float64{}
	take := func(stem string, times float64) {
		for hs, weight := range ix.postings[stem] {
			found[hs] = max(found[hs], weight*times)
		}
	}
	for _, s := range ix.stem[w] {
		take(s, exactly)
	}
	for _, lang := range Languages {
		take(catalog.Stem(lang, w), 1)
	}
	if len(found) > 0 {
		return found
	}
	best := 3
	for _, known := range ix.known {
		if strings.HasPrefix(known, w) && len(w) >= 3 {
			for _, s := range ix.stem[known] {
				take(s, 0.9)
			}
			continue
		}
		slips, ok := catalog.Misspelt(w, known)
		if !ok || slips > best {
			continue
		}
		best = slips
		for _, s := range ix.stem[known] {
			take(s, slipped/float64(max(1, slips)))
		}
	}
	if len(found) == 0 {
		ix.compound(w, found)
	}
	return found
}

// asCode reads the first digits of a code, with or without dots.
func asCode(s string) (string, bool) {
	var b strings.Builder
	for _, r := range strings.TrimSpace(s) {
		switch {
		case unicode.IsDigit(r) && r < 0x80:
			b.WriteRune(r)
		case r == '.' || r == ' ':
		default:
			return "", false
		}
	}
	return b.String(), b.Len() >= 2
}

func (n *Nomenclature) under(ix *index, digits, lang string, most int) (out []Hit) {
	if len(digits) > 6 {
		digits = digits[:6]
	}
	codes := ix.codes
	if len(digits) >= 4 {
		codes = slices.Concat(codes, customs.Codes.Near(digits))
		slices.Sort(codes)
		codes = slices.Compact(codes)
	}
	for _, hs := range codes {
		if len(out) < most && strings.HasPrefix(hs, digits) {
			out = append(out, Hit{HS: hs, Label: Label(hs, lang), Path: n.Path(hs), Score: 1})
		}
	}
	return out
}

// Path is the way down to a code: its chapter, its heading and itself.
func (n *Nomenclature) Path(hs string) (all []Heading) {
	for _, depth := range []int{2, 4, 6} {
		if len(hs) < depth {
			break
		}
		h := Heading{Code: hs[:depth], Label: words().headings[hs[:depth]]}
		if depth == 6 {
			h.Label = Label(hs[:6], "en")
		}
		if n.titles != nil {
			h.Title = n.titles.Title(h.Code)
		}
		all = append(all, h)
	}
	return all
}

// Below are the headings of a chapter, the subheadings of a heading, or all chapters of an empty code.
func (n *Nomenclature) Below(code, lang string) (all []Heading) {
	depth := len(code) + 2
	seen := map[string]bool{}
	for _, hs := range n.index().codes {
		if depth > 6 || !strings.HasPrefix(hs, code) || seen[hs[:depth]] {
			continue
		}
		seen[hs[:depth]] = true
		path := n.Path(hs)
		h := path[depth/2-1]
		if depth == 6 {
			h.Label = Label(hs, lang)
		}
		all = append(all, h)
	}
	return all
}

// Label is our own short name of a code in one of the languages: "dress · knitted · cotton · women"; in English the rule
// pack's where our tables have none, and empty where nobody has one.
func Label(hs, lang string) string {
	x := words()
	if len(hs) < 6 || len(x.rows[hs[:6]]) == 0 {
		return customs.Codes.Text(hs)
	}
	if !slices.Contains(Languages, lang) {
		lang = "en"
	}
	rows := x.rows[hs[:6]]
	var names []string
	for _, b := range rows {
		if name := x.called(b.name, lang); !slices.Contains(names, name) && len(names) < 3 {
			names = append(names, name)
		}
	}
	parts := []string{strings.Join(names, ", ")}
	b := rows[0]
	if b.make != "" {
		parts = append(parts, first(x.traits[b.make], lang))
	}
	var stuffs []string
	for _, r := range rows {
		if name := x.stuffName(r.stuff, lang); r.name == b.name && r.stuff != "*" && !slices.Contains(stuffs, name) {
			stuffs = append(stuffs, name)
		}
	}
	if len(stuffs) > 0 {
		parts = append(parts, strings.Join(stuffs, ", "))
	}
	if b.wearer != "" {
		parts = append(parts, noun(first(x.traits[b.wearer], lang), lang))
	}
	return strings.Join(parts, " · ")
}

// manMade is what synthetic and artificial fibres are called together.
var manMade = map[string]string{"en": "man-made fibres", "de": "Chemiefasern", "id": "serat buatan", "ms": "gentian buatan", "ar": "ألياف صناعية", "zh": "化学纤维"}

// fibres are the names of groups of fibres, which go by their best-known ones in the table.
var fibreNames = map[string]map[string]string{
	"synthetic":       {"en": "synthetic fibres", "de": "Synthetik", "id": "serat sintetis", "ms": "gentian sintetik", "ar": "ألياف تركيبية", "zh": "合成纤维"},
	"artificial":      {"en": "artificial fibres", "de": "künstliche Fasern", "id": "serat artifisial", "ms": "gentian tiruan", "ar": "ألياف اصطناعية", "zh": "人造纤维"},
	"vegetable fibre": {"en": "plant fibres", "de": "Pflanzenfasern", "id": "serat nabati", "ms": "gentian tumbuhan", "ar": "ألياف نباتية", "zh": "植物纤维"},
	"fine hair":       {"en": "fine animal hair", "de": "feine Tierhaare", "id": "bulu hewan halus", "ms": "bulu haiwan halus", "ar": "شعر ناعم", "zh": "动物细毛"},
	"other":           {"en": "other materials", "de": "andere Stoffe", "id": "bahan lain", "ms": "bahan lain", "ar": "مواد أخرى", "zh": "其他材料"},
	"man-made":        manMade,
}

func (x *lexicon) stuffName(name, lang string) string {
	if n := fibreNames[name][lang]; n != "" {
		return n
	}
	return x.stuffCalled(name, lang)
}

// Spoken are a reason's arguments in a language, as pairs of name and value.
func (r Reason) Spoken(lang string) (args []any) {
	x := words()
	for _, name := range slices.Sorted(maps.Keys(r.Args)) {
		v := r.Args[name]
		switch name {
		case "kind":
			v = x.called(v, lang)
		case "stuff":
			v = x.stuffName(v, lang)
		case "who":
			v = noun(first(x.traits[v], lang), lang)
		}
		args = append(args, name, v)
	}
	return args
}
