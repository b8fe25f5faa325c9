package catalog

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
)

const (
	maxQuery      = 200 // characters
	maxQueryWords = 12
	fewHits       = 3 // below that, misspelt words are looked for
)

// Where a word stands says how much it weighs.
const (
	inTitle       = 8
	inKind        = 4 // kind, category, collections, colours
	inDescription = 1 // description, material
)

// index finds products by the stems of one language.
type index struct {
	postings map[string][]posting
	spelling map[string]spelt // folded words as written -> their stem
	stem     func(string) string
}

type posting struct {
	at     int32
	weight int32
}

type spelt struct {
	stem  string
	count int
}

// exact finds a product by SKU or GTIN.
func (s *Snapshot) exact(query string) (*Product, bool) {
	if r, ok := s.bySKU[query]; ok {
		return r.product, true
	}
	query = strings.ToUpper(strings.ReplaceAll(query, " ", ""))
	if r, ok := s.bySKU[query]; ok {
		return r.product, true
	}
	if !strings.ContainsAny(query, "0123456789") {
		return nil, false
	}
	for _, p := range s.products {
		for _, v := range p.Variants {
			if v.GTIN != "" && v.GTIN == query || strings.EqualFold(v.SKU, query) {
				return p, true
			}
		}
	}
	return nil, false
}

// search scores the products that have every word of the query, in lang; misspelt words are corrected where
// fewer than three products would be found, and the corrected query is returned. Where no product has all the
// words those that have most of them are found.
func (s *Snapshot) search(lang, query string) (map[int32]float64, string) {
	if s.words == nil {
		return nil, ""
	}
	ix := s.index(lang)
	var typed []string
	splitWords(query, func(w string) {
		if len(typed) < maxQueryWords {
			typed = append(typed, w)
		}
	})
	if len(typed) == 0 {
		return nil, ""
	}
	found := ix.all(typed, len(s.products))
	if len(found) < fewHits {
		if better, ok := ix.correct(typed); ok {
			if more := ix.all(better, len(s.products)); len(more) > len(found) {
				return more, strings.Join(better, " ")
			}
		}
	}
	if len(found) == 0 && len(typed) > 1 {
		found = ix.most(typed, len(s.products))
	}
	return found, ""
}

// all scores products that have every word.
func (x *index) all(typed []string, docs int) map[int32]float64 {
	var found map[int32]float64
	for i, w := range typed {
		list := x.postings[x.stem(w)]
		rare := math.Log(1 + float64(docs)/float64(len(list)+1))
		next := map[int32]float64{}
		for _, p := range list {
			if before, ok := found[p.at]; ok || i == 0 {
				next[p.at] = before + rare*float64(p.weight)
			}
		}
		found = next
	}
	return found
}

// most scores products that have as many words as any product has.
func (x *index) most(typed []string, docs int) map[int32]float64 {
	found, has := map[int32]float64{}, map[int32]int{}
	best := 0
	for _, w := range slices.Compact(slices.Sorted(slices.Values(typed))) {
		list := x.postings[x.stem(w)]
		rare := math.Log(1 + float64(docs)/float64(len(list)+1))
		for _, p := range list {
			found[p.at] += rare * float64(p.weight)
			has[p.at]++
			best = max(best, has[p.at])
		}
	}
	maps.DeleteFunc(found, func(at int32, _ float64) bool { return has[at] < best })
	return found
}

// correct replaces words the language's products don't have by the nearest they have.
func (x *index) correct(typed []string) ([]string, bool) {
	better, changed := slices.Clone(typed), false
	for i, w := range typed {
		if len(x.postings[x.stem(w)]) > 0 {
			continue
		}
		if n, ok := x.nearest(w); ok {
			better[i], changed = n, true
		}
	}
	return better, changed
}

func (x *index) nearest(w string) (string, bool) {
	letters := []rune(w)
	most := near(len(letters))
	if most == 0 {
		return "", false
	}
	best, bestAt, count := "", most+1, 0
	for known, sp := range x.spelling {
		d := distance(letters, []rune(known), min(most, bestAt))
		if d > most || cmp.Or(cmp.Compare(bestAt, d), cmp.Compare(sp.count, count), strings.Compare(best, known)) <= 0 {
			continue
		}
		best, bestAt, count = known, d, sp.count
	}
	return best, best != ""
}

// index returns the search index of a language, made when it is first asked for.
func (s *Snapshot) index(lang string) *index {
	w := s.words.in(lang)
	if w == silence {
		return &index{stem: stemmer(lang)}
	}
	return s.words.search(lang, func() *index { return s.build(lang, w) })
}

// search returns the index of a language that build made, which runs once.
func (l *library) search(lang string, build func() *index) *index {
	made, _ := l.indexes.LoadOrStore(lang, sync.OnceValue(build))
	return made.(func() *index)()
}

func (s *Snapshot) build(lang string, w *words) *index {
	x := &index{postings: map[string][]posting{}, spelling: map[string]spelt{}, stem: stemmer(lang)}
	for i, p := range s.products {
		weights := map[string]int32{}
		add := func(text string, weight int32) {
			splitWords(text, func(word string) {
				sp, ok := x.spelling[word]
				if !ok {
					word = strings.Clone(word)
					sp.stem = x.stem(word)
				}
				sp.count++
				x.spelling[word] = sp
				weights[sp.stem] = max(weights[sp.stem], weight)
			})
		}
		t := w.texts[i]
		add(t.Title, inTitle)
		add(p.Kind, inKind)
		for slug := p.Category; slug != ""; {
			c, ok := s.Category(slug)
			if !ok {
				break
			}
			add(c.Name(lang), inKind)
			slug = c.Parent
		}
		for _, name := range w.labels[i].Values {
			add(name, inKind)
		}
		add(t.Description, inDescription)
		add(t.Material, inDescription)
		for stem, weight := range weights {
			x.postings[stem] = append(x.postings[stem], posting{int32(i), weight})
		}
	}
	return x
}
