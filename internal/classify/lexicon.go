package classify

import (
	"embed"
	"encoding/csv"
	"slices"
	"strings"
	"sync"

	"portolan/internal/catalog"
)

//go:embed data/*.csv
var data embed.FS

// kind is a sort of goods with what it is called.
type kind struct {
	name   string
	branch string // of the nomenclature; "any …" where the word leaves several open
	make   string // how its fabric is made as a rule; empty where it varies
	words  map[string][]string
}

// stuff is a material. Its chapter is that of Section XI whose fibres it counts with; 0 for what is no fibre.
type stuff struct {
	name    string
	chapter string
	words   map[string][]string
}

// branch is one row of the nomenclature: the code of goods of a make, for wearers, of a stuff. The first row that fits
// is the one.
type branch struct{ name, make, wearer, stuff, hs string }

// lexicon is everything the tables say.
type lexicon struct {
	kinds    []kind
	stuffs   []stuff
	traits   map[string]map[string][]string // "knitted" and "women" -> language -> words
	branches map[string][]branch
	headings map[string]string
	rows     map[string][]branch // by code

	phrases map[string]map[string][]phrase // language -> first stem -> phrases, longest first
	suffix  map[string]phrase              // German words that end others
}

// phrase is a word or several with what they say.
type phrase struct {
	stems []string
	text  string
	what  byte // kind, stuff or trait
	kind  int
	stuff string
	trait string
}

const (
	aKind  = 'k'
	aStuff = 's'
	aTrait = 't'
)

var words = sync.OnceValue(func() *lexicon {
	x := &lexicon{traits: map[string]map[string][]string{}, branches: map[string][]branch{}, headings: map[string]string{}, rows: map[string][]branch{},
		phrases: map[string]map[string][]phrase{}, suffix: map[string]phrase{}}
	for _, r := range table("kinds", ';') {
		x.kinds = append(x.kinds, kind{r[0], r[1], r[2], byLanguage(r[3:])})
	}
	for _, r := range table("stuffs", ';') {
		x.stuffs = append(x.stuffs, stuff{r[0], r[1], byLanguage(r[2:])})
	}
	for _, r := range table("words", ';') {
		x.traits[r[0]] = byLanguage(r[1:])
	}
	for _, r := range table("branches", ',') {
		b := branch{r[0], r[1], r[2], r[3], r[4]}
		x.branches[b.name] = append(x.branches[b.name], b)
		x.rows[b.hs] = append(x.rows[b.hs], b)
	}
	for _, r := range table("headings", ';') {
		x.headings[r[0]] = r[1]
	}
	x.collect()
	return x
})

// table reads an embedded table without its head; one that can't be read is a mistake of ours.
func table(name string, comma rune) [][]string {
	f, err := data.Open("data/" + name + ".csv")
	if err != nil {
		panic(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = comma
	rows, err := r.ReadAll()
	if err != nil {
		panic(name + ": " + err.Error())
	}
	return rows[1:]
}

func byLanguage(cells []string) map[string][]string {
	m := map[string][]string{}
	for i, lang := range Languages {
		m[lang] = strings.Split(cells[i], "|")
	}
	return m
}

func (x *lexicon) collect() {
	for _, lang := range Languages {
		x.phrases[lang] = map[string][]phrase{}
	}
	for i, k := range x.kinds {
		x.add(k.words, phrase{what: aKind, kind: i})
	}
	for _, s := range x.stuffs {
		x.add(s.words, phrase{what: aStuff, stuff: s.name})
	}
	for name, t := range x.traits {
		x.add(t, phrase{what: aTrait, trait: name})
	}
	for _, first := range x.phrases {
		for _, all := range first {
			slices.SortStableFunc(all, func(a, b phrase) int { return len(b.stems) - len(a.stems) })
		}
	}
}

func (x *lexicon) add(byLang map[string][]string, p phrase) {
	for lang, all := range byLang {
		for _, text := range all {
			p.text = text
			if lang == "zh" {
				p.stems = []string{strings.ToLower(text)}
				x.phrases[lang][""] = append(x.phrases[lang][""], p)
				continue
			}
			p.stems = stems(lang, text)
			x.phrases[lang][p.stems[0]] = append(x.phrases[lang][p.stems[0]], p)
			if w := catalog.Words(text); lang == "de" && len(w) == 1 && len(w[0]) >= 4 {
				if old, ok := x.suffix[w[0]]; !ok || old.what != aKind {
					x.suffix[w[0]] = p
				}
			}
		}
	}
}

func stems(lang, text string) (all []string) {
	for _, w := range catalog.Words(text) {
		all = append(all, catalog.Stem(lang, w))
	}
	return all
}

// noun writes a German noun as such; the tables have all words small.
func noun(w, lang string) string {
	if lang != "de" {
		return w
	}
	r := []rune(w)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

// called is what a branch is called in a language, by the first kind that is in it.
func (x *lexicon) called(branch, lang string) string {
	for _, k := range x.kinds {
		if k.branch == branch {
			return noun(first(k.words, lang), lang)
		}
	}
	return branch
}

func first(words map[string][]string, lang string) string {
	if all := words[lang]; len(all) > 0 && all[0] != "" {
		return all[0]
	}
	return words["en"][0]
}

// stuffCalled is what a material is called in a language.
func (x *lexicon) stuffCalled(name, lang string) string {
	for _, s := range x.stuffs {
		if s.name == name {
			return noun(first(s.words, lang), lang)
		}
	}
	return name
}
