// Package i18n gives every sentence the shop says in the reader's language. Numbers, money, dates and names
// come from package cldr, which a Printer carries; what merchants write themselves (titles, descriptions,
// message templates) is kept by the packages that own it.
//
// Sentences stand in locales/<language>/<area>.json, one flat object per file; the key of a sentence is
// area, dot, key in the file. An area may be spread over several files, <area>-<part>.json: each package adds
// its own faults-<package>.json. A text names its arguments in braces, {name}; {{ and }} stand for braces. A
// sentence that depends on a count is an object with one text per CLDR plural category of the language.
//
// It is a layer of its own and not go-i18n, after a trial with 2,000 sentences in five languages: go-i18n took
// 35 ms to load and kept 6.7 MB (here 5 ms and 0.4 MB per language, when it is first asked for), 340 ns for a
// plain sentence and 1.5 µs and 9 allocations for one with an argument (here 25 ns, 250 ns and 2), and it
// takes plural rules from another CLDR release than the rest of what we print.
package i18n

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"portolan/internal/cldr"
)

//go:embed locales
var files embed.FS

// Fallback is the language of sentences that are missing in the reader's.
const Fallback = "en"

// languages maps each language to its sentences, read when first asked for.
var languages = sync.OnceValue(func() map[string]func() *catalogue {
	dirs, err := files.ReadDir("locales")
	if err != nil {
		panic(err)
	}
	m := map[string]func() *catalogue{}
	for _, d := range dirs {
		m[d.Name()] = sync.OnceValue(func() *catalogue { return read(d.Name()) })
	}
	return m
})

// Languages lists the languages that have sentences, in alphabetical order.
func Languages() []string {
	var out []string
	for lang := range languages() {
		out = append(out, lang)
	}
	slices.Sort(out)
	return out
}

// catalogue holds the sentences of one language.
type catalogue struct {
	lang string
	said map[string]*sentence
}

// sentence is a text without a count, or one text per plural category in forms.
type sentence struct {
	text  text
	forms map[string]*text
}

// text is plain, or parts between arguments: parts[0] args[0] parts[1] … parts[n].
type text struct {
	plain string
	parts []string
	args  []string
}

func read(lang string) *catalogue {
	c := &catalogue{lang: lang, said: map[string]*sentence{}}
	dir := "locales/" + lang
	areas, err := files.ReadDir(dir)
	if err != nil {
		panic(err)
	}
	for _, a := range areas {
		raw, err := files.ReadFile(dir + "/" + a.Name())
		if err != nil {
			panic(err)
		}
		area, _, _ := strings.Cut(strings.TrimSuffix(a.Name(), ".json"), "-")
		if err := c.add(area, raw); err != nil {
			panic(fmt.Errorf("i18n: %s/%s: %w", dir, a.Name(), err))
		}
	}
	return c
}

// add reads the file of one area.
func (c *catalogue) add(area string, raw []byte) error {
	var entries map[string]any
	if err := json.Unmarshal(raw, &entries); err != nil {
		return err
	}
	for key, value := range entries {
		s := &sentence{}
		var err error
		switch v := value.(type) {
		case string:
			err = s.text.parse(v)
		case map[string]any:
			err = s.parseForms(v)
		default:
			err = errors.New("neither a text nor an object of plural forms")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		c.said[area+"."+key] = s
	}
	return nil
}

func (s *sentence) parseForms(forms map[string]any) error {
	s.forms = make(map[string]*text, len(forms))
	for category, value := range forms {
		words, ok := value.(string)
		if !ok {
			return fmt.Errorf("the form %q is no text", category)
		}
		t := &text{}
		if err := t.parse(words); err != nil {
			return fmt.Errorf("the form %q: %w", category, err)
		}
		s.forms[category] = t
	}
	if s.forms["other"] == nil {
		return errors.New("the form \"other\" is missing")
	}
	return nil
}

func (t *text) parse(words string) error {
	if strings.IndexByte(words, '{') < 0 && strings.IndexByte(words, '}') < 0 {
		t.plain = words
		return nil
	}
	var b strings.Builder
	for i := 0; i < len(words); i++ {
		switch ch := words[i]; {
		case (ch == '{' || ch == '}') && i+1 < len(words) && words[i+1] == ch:
			b.WriteByte(ch)
			i++
		case ch == '}':
			return fmt.Errorf("%q has a brace that closes nothing", words)
		case ch == '{':
			end := strings.IndexByte(words[i:], '}')
			if end < 2 || !isName(words[i+1:i+end]) {
				return fmt.Errorf("%q has a brace without the name of an argument", words)
			}
			t.parts = append(t.parts, b.String())
			t.args = append(t.args, words[i+1:i+end])
			b.Reset()
			i += end
		default:
			b.WriteByte(ch)
		}
	}
	if t.args == nil {
		t.plain = b.String()
		return nil
	}
	t.parts = append(t.parts, b.String())
	return nil
}

func isName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return true
}

// Printer speaks one language in one country's way. Its embedded Locale writes money, dates and names. It
// is safe for concurrent use and never changes.
type Printer struct {
	*cldr.Locale
	tag    string
	said   *catalogue
	pseudo pseudo
}

// For returns the printer for a BCP 47 tag: "de-AT" speaks German with Austrian numbers. Where we don't
// speak the language it is English, in the customs of the tag's country as far as English has them. The
// pseudo-locales en-XA (long) and ar-XB (mirrored) show layout faults in tests.
func For(tag string) *Printer {
	switch tag {
	case "en-XA":
		return &Printer{cldr.For("en-US"), tag, languages()["en"](), long}
	case "ar-XB":
		return &Printer{cldr.For("ar"), tag, languages()["en"](), mirrored}
	}
	lang, rest, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	open, ok := languages()[lang]
	if !ok {
		tag = Fallback
		if region := rest[strings.LastIndexByte(rest, '-')+1:]; len(region) == 2 {
			tag += "-" + strings.ToUpper(region)
		}
		open = languages()[Fallback]
	}
	return &Printer{cldr.For(tag), tag, open(), none}
}

// Tag is the BCP 47 tag that was asked for, for HTML's lang attribute: "de-LI" although its dates are
// written as in "de-DE".
func (p *Printer) Tag() string { return p.tag }

// Speaks reports whether there are sentences in the language of a BCP 47 tag.
func Speaks(tag string) bool {
	lang, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	_, ok := languages()[lang]
	return ok
}

// Has reports whether key can be said in the printer's own language.
func (p *Printer) Has(key string) bool { return p.said.said[key] != nil }

// in is the text of the sentence for a count in l's language.
func (s *sentence) in(l *cldr.Locale, n int64) *text {
	if s.forms == nil {
		return &s.text
	}
	if t := s.forms[l.Plural(n)]; t != nil {
		return t
	}
	return s.forms["other"]
}

// find looks a sentence up in the reader's language, then in English. A miss is counted.
func (p *Printer) find(key string) (*sentence, *cldr.Locale) {
	if s := p.said.said[key]; s != nil {
		return s, p.Locale
	}
	miss(p.said.lang, key)
	if s := languages()[Fallback]().said[key]; s != nil {
		return s, cldr.For("en")
	}
	return nil, p.Locale
}

var (
	missCount atomic.Int64
	missMu    sync.Mutex
	missed    = map[string]int64{}
)

// missKept bounds what Missing remembers, since keys may be made from what visitors send.
const missKept = 1000

func miss(lang, key string) {
	missCount.Add(1)
	missMu.Lock()
	defer missMu.Unlock()
	name := lang + " " + key
	if _, known := missed[name]; known || len(missed) < missKept {
		missed[name]++
	}
}

// Misses counts how often a sentence or an argument was missing since the program started.
func Misses() int64 { return missCount.Load() }

// Missing lists what was missing, "de checkout.title", with how often it was asked for. At most 1,000 are
// kept.
func Missing() map[string]int64 {
	missMu.Lock()
	defer missMu.Unlock()
	out := make(map[string]int64, len(missed))
	for k, n := range missed {
		out[k] = n
	}
	return out
}
