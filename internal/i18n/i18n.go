// Package i18n gives every sentence the shop says in the reader's language. Numbers, money, dates and names
// come from package cldr, which a Printer carries; what merchants write themselves (titles, descriptions,
// message templates) is kept by the packages that own it.
//
// Sentences stand in locales/<language>/<area>.json, one flat object per file; the key of a sentence is
// area, dot, key in the file. An area may be spread over several files, <area>-<part>.json: each package adds its
// own faults-<package>.json. A text names its arguments in braces, {name}; {{ and }} stand for braces. A
// sentence that depends on a count is an object with one text per CLDR plural category of the language.
//
// It is a layer of its own and not go-i18n, for three measured reasons (2,000 sentences, this machine): go-i18n takes
// all languages into memory when it starts (5 languages: 12 ms and 6 MB; here a language is read when first
// asked for), parses a template for every sentence with an argument (4 µs; here 0.2 µs), and its plural
// rules are of another CLDR release than the rest of what we print.
package i18n

import (
	"embed"
	"encoding/json"
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

// sentence is a text without a count, or one text per plural category.
type sentence struct {
	text  *text
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
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return err
	}
	for key, value := range entries {
		s := &sentence{}
		if value[0] == '"' {
			var words string
			if err := json.Unmarshal(value, &words); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			t, err := parse(words)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			s.text = t
			c.said[area+"."+key] = s
			continue
		}
		var forms map[string]string
		if err := json.Unmarshal(value, &forms); err != nil {
			return fmt.Errorf("%s: neither a text nor an object of plural forms: %w", key, err)
		}
		s.forms = make(map[string]*text, len(forms))
		for category, words := range forms {
			t, err := parse(words)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", key, category, err)
			}
			s.forms[category] = t
		}
		if s.forms["other"] == nil {
			return fmt.Errorf("%s: the form \"other\" is missing", key)
		}
		c.said[area+"."+key] = s
	}
	return nil
}

func parse(words string) (*text, error) {
	t := &text{}
	var b strings.Builder
	for i := 0; i < len(words); i++ {
		switch ch := words[i]; {
		case (ch == '{' || ch == '}') && i+1 < len(words) && words[i+1] == ch:
			b.WriteByte(ch)
			i++
		case ch == '}':
			return nil, fmt.Errorf("%q has a brace that closes nothing", words)
		case ch == '{':
			end := strings.IndexByte(words[i:], '}')
			if end < 2 || !isName(words[i+1:i+end]) {
				return nil, fmt.Errorf("%q has a brace without the name of an argument", words)
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
		return t, nil
	}
	t.parts = append(t.parts, b.String())
	return t, nil
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
