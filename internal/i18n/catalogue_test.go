package i18n

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/cldr"
)

// TestCatalogues walks all areas: what is said in English is said in every language, with the same
// arguments and with all plural forms the language has, and nothing else is said.
func TestCatalogues(t *testing.T) {
	require.Equal(t, []string{"ar", "de", "en", "id", "ms"}, Languages())
	en := read(Fallback)
	keys := func(c *catalogue) (out []string) {
		for k := range c.said {
			out = append(out, k)
		}
		slices.Sort(out)
		return out
	}
	for _, lang := range Languages() {
		c := read(lang)
		unsaid := map[string][]string{}
		for _, key := range keys(en) {
			if area, name, _ := strings.Cut(key, "."); c.said[key] == nil {
				unsaid[area] = append(unsaid[area], name)
			}
		}
		for area, names := range unsaid {
			t.Errorf("%s: %d sentences of %s are not said: %s", lang, len(names), area, strings.Join(names, " "))
		}
		for _, key := range keys(c) {
			s, source := c.said[key], en.said[key]
			if source == nil {
				t.Errorf("%s: %s is not said in English", lang, key)
				continue
			}
			if (s.forms == nil) != (source.forms == nil) {
				t.Errorf("%s: %s has plural forms in one language only", lang, key)
				continue
			}
			for _, problem := range compare(cldr.For(lang), s, source) {
				t.Errorf("%s: %s %s", lang, key, problem)
			}
		}
	}
}

func compare(l *cldr.Locale, s, source *sentence) (problems []string) {
	want := arguments(source)
	if s.forms == nil {
		if got := arguments(s); !slices.Equal(got, want) {
			return []string{fmt.Sprintf("takes %q, English takes %q", got, want)}
		}
		return sound(&s.text)
	}
	for _, category := range l.PluralCategories() {
		if s.forms[category] == nil {
			problems = append(problems, "lacks the form for "+category)
		}
	}
	for category, text := range s.forms {
		if !slices.Contains(l.PluralCategories(), category) {
			problems = append(problems, "has a form "+category+" the language doesn't know")
		}
		for _, a := range text.args {
			if !slices.Contains(want, a) && a != "n" {
				problems = append(problems, "takes "+a+", which English doesn't")
			}
		}
		for _, a := range want {
			if a != "n" && !slices.Contains(text.args, a) {
				problems = append(problems, category+" loses "+a)
			}
		}
		problems = append(problems, sound(text)...)
	}
	return problems
}

func arguments(s *sentence) (out []string) {
	texts := []*text{&s.text}
	if s.forms != nil {
		texts = nil
		for _, f := range s.forms {
			texts = append(texts, f)
		}
	}
	for _, t := range texts {
		out = append(out, t.args...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sound refuses empty texts, spaces at the ends and characters that turn the direction of what follows.
func sound(t *text) (problems []string) {
	words := t.plain + strings.Join(t.parts, "x")
	if strings.TrimSpace(words) == "" {
		problems = append(problems, "says nothing")
	}
	if strings.ContainsAny(words, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
		problems = append(problems, "has a direction character; arguments are isolated without them")
	}
	return problems
}

// A key that stands twice in a file, or in two files of an area, would hide one of its texts.
func TestNoKeyTwice(t *testing.T) {
	for _, lang := range Languages() {
		seen := map[string]string{}
		areas, err := files.ReadDir("locales/" + lang)
		require.NoError(t, err)
		for _, f := range areas {
			raw, err := files.ReadFile("locales/" + lang + "/" + f.Name())
			require.NoError(t, err)
			area, _, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".json"), "-")
			d := json.NewDecoder(bytes.NewReader(raw))
			for depth, atKey := 0, false; ; {
				token, err := d.Token()
				if err != nil {
					break
				}
				switch v := token.(type) {
				case json.Delim:
					if v == '{' {
						depth++
					} else {
						depth--
					}
					atKey = depth == 1
				case string:
					if depth == 1 && atKey {
						key := area + "." + v
						require.Empty(t, seen[key], "%s: %s stands in %s and again in %s", lang, key, seen[key], f.Name())
						seen[key] = f.Name()
					}
					if depth == 1 {
						atKey = !atKey
					}
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	for words, want := range map[string]string{
		"a":        "a",
		"{{a}}":    "{a}",
		"x {a} y":  "x |a| y",
		"{a}{b_2}": "|a||b_2|",
		"{":        "error", "}": "error", "{}": "error", "{A}": "error", "{a b}": "error", "{a": "error", "a}": "error",
	} {
		got := "error"
		tx := &text{}
		if err := tx.parse(words); err == nil {
			got = tx.plain
			for i, a := range tx.args {
				got += tx.parts[i] + "|" + a + "|"
			}
			if tx.args != nil {
				got += tx.parts[len(tx.args)]
			}
		}
		require.Equal(t, want, got, words)
	}
}

func TestBrokenFile(t *testing.T) {
	for _, raw := range []string{`{`, `[]`, `{"a": 1}`, `{"a": {"one": "x"}}`, `{"a": "{"}`, `{"a": {"other": "{"}}`, `{"a": ["x"]}`} {
		c := &catalogue{said: map[string]*sentence{}}
		require.Error(t, c.add("test", []byte(raw)), raw)
	}
}

// Two thousand sentences are read fast enough for the first page after a start.
func BenchmarkRead2000(b *testing.B) {
	entries := map[string]string{}
	for i := range 2000 {
		entries[fmt.Sprint("key_of_some_length_", i)] = fmt.Sprintf("A sentence of common length, the {number}th, number %d", i)
	}
	raw, _ := json.Marshal(entries)
	b.ReportAllocs()
	for b.Loop() {
		c := &catalogue{said: map[string]*sentence{}}
		if err := c.add("test", raw); err != nil {
			b.Fatal(err)
		}
	}
}
