package messaging

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// lexicon is everything that replies are understood by.
type lexicon struct {
	words   vocabulary
	phrases func() *phrases // learned when the first text is read: there are thousands of forms
}

// learn reads the rows of phrases.csv when it is first asked for them.
func learn(rows []map[string]string) func() *phrases {
	return sync.OnceValue(func() *phrases {
		p := &phrases{leave: turns{spaced: map[string]bool{}}, keep: turns{spaced: map[string]bool{}}, misspelt: map[string]bool{}, accented: map[string]bool{}}
		for _, row := range rows {
			p.add(row)
		}
		return p
	})
}

// checkPhrases says what is wrong with a row.
func checkPhrases(row map[string]string) error {
	if row["language"] == "" || row["phrases"] == "" {
		return fmt.Errorf("language %q", row["language"])
	}
	if !has([]string{"leave", "keep", "misspelt", "accented"}, row["kind"]) {
		return fmt.Errorf("kind %q", row["kind"])
	}
	return nil
}

// phrases are the turns of speech of phrases.csv in their normal form. They are our own collection, to be reviewed by
// native speakers before a shop relies on a language; what they miss goes to a person.
type phrases struct {
	leave    turns           // ask for silence wherever they stand: "take me off your list"
	keep     turns           // hold a stop word and don't ask for silence: "don't stop", "non-stop"
	misspelt map[string]bool // ask for silence as the whole text: "stpo"
	accented map[string]bool // lose their meaning with their accents: "đúng" is yes, "dừng" is stop
}

// turns are phrases to be found in a text: in words, or, for scripts written without spaces, in letters.
type turns struct {
	spaced  map[string]bool
	longest int // words of the longest of spaced
	runOn   []string
}

func (t *turns) add(n string) {
	if strings.ContainsFunc(n, runsOn) {
		t.runOn = append(t.runOn, strings.ReplaceAll(n, " ", ""))
		return
	}
	t.spaced[n] = true
	t.longest = max(t.longest, strings.Count(n, " ")+1)
}

// find returns the words of a text that are one of the phrases, from i to before j, the longest first.
func (t *turns) find(words []string) (i, j int, ok bool) {
	for i := range words {
		for j := min(len(words), i+t.longest); j > i; j-- {
			if t.spaced[strings.Join(words[i:j], " ")] {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// add takes one row. A phrase is words; a word may be several with / between them, and _ stands for a space in them:
// "don't/do_not text me" is two phrases.
func (p *phrases) add(row map[string]string) {
	for form := range strings.SplitSeq(row["phrases"], "|") {
		for _, s := range expand(form) {
			n := normal(s)
			switch row["kind"] {
			case "leave":
				p.leave.add(n)
			case "keep":
				p.keep.add(n)
			case "misspelt":
				p.misspelt[n] = true
			case "accented":
				p.accented[withAccents(s)] = true
			}
		}
	}
}

// expand lists the phrases that a form with alternatives stands for.
func expand(form string) []string {
	all := []string{""}
	for word := range strings.FieldsSeq(form) {
		var next []string
		for alternative := range strings.SplitSeq(word, "/") {
			for _, so := range all {
				next = append(next, strings.TrimSpace(so+" "+strings.ReplaceAll(alternative, "_", " ")))
			}
		}
		all = next
	}
	return all
}

// tight is a text without the spaces between letters of scripts that are written without.
func tight(n string) string {
	var b strings.Builder
	var last rune
	for _, w := range strings.Fields(n) {
		r := []rune(w)
		if last != 0 && !(runsOn(last) && runsOn(r[0])) {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		last = r[len(r)-1]
	}
	return b.String()
}

// without blanks what holds a stop word and doesn't ask for silence, and reports whether there was any.
func (p *phrases) without(n string) (rest string, any bool) {
	n = tight(n)
	for _, k := range p.keep.runOn {
		if strings.Contains(n, k) {
			n, any = strings.ReplaceAll(n, k, " | "), true
		}
	}
	words := strings.Fields(n)
	for {
		i, j, ok := p.keep.find(words)
		if !ok {
			return strings.Join(words, " "), any
		}
		words, any = slices.Replace(words, i, j, "|"), true
	}
}

// leaves reports whether a text asks for silence in so many words.
func (p *phrases) leaves(n string) bool {
	if _, _, ok := p.leave.find(strings.Fields(n)); ok {
		return true
	}
	if !strings.ContainsFunc(n, runsOn) {
		return false
	}
	joined := strings.ReplaceAll(n, " ", "")
	return slices.ContainsFunc(p.leave.runOn, func(l string) bool { return strings.Contains(joined, l) })
}

// another reports whether a text is a word that only looks like a stop word once its accents are gone.
func (p *phrases) another(text string) bool { return p.accented[withAccents(text)] }

func withAccents(s string) string {
	return strings.Trim(norm.NFC.String(cases.Fold().String(norm.NFKC.String(s))), " .!?,\"'()")
}
