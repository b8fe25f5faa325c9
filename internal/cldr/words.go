package cldr

import (
	"strconv"
	"strings"
)

// CountryName is the name of an ISO 3166-1 alpha-2 country, or code itself if there's none.
func (l *Locale) CountryName(code string) string {
	return l.name("country.", strings.ToUpper(code), code)
}

// CurrencyName is the name of an ISO 4217 currency, or code itself if there's none.
func (l *Locale) CurrencyName(code string) string {
	return l.name("currency.", strings.ToUpper(code), code)
}

func (l *Locale) name(kind, key, otherwise string) string {
	if s, ok := l.names()[kind+key]; ok {
		return s
	}
	return otherwise
}

// LanguageName is the name of the language a BCP 47 tag stands for, with its country if it names one
// and has no name of its own: "Deutsch (Luxemburg)". It is tag itself where the language isn't known.
func (l *Locale) LanguageName(tag string) string {
	if s, ok := l.names()["language."+tag]; ok {
		return s
	}
	lang, region, cut := strings.Cut(tag, "-")
	name, ok := l.names()["language."+lang]
	if !ok {
		return tag
	}
	if !cut {
		return name
	}
	if i := strings.LastIndexByte(tag, '-'); len(tag)-i > 3 || i > len(lang) {
		if s, ok := l.names()["language."+tag[:i]]; ok {
			name = s
		}
		region = tag[i+1:]
	}
	return strings.NewReplacer("{0}", name, "{1}", l.CountryName(region)).Replace(l.naming)
}

// SelfName is what speakers of the locale's language call it, for a language chooser: "Deutsch".
func (l *Locale) SelfName() string { return l.LanguageName(l.lang) }

// List joins words into an enumeration: "S, M, and L".
func (l *Locale) List(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	case 2:
		return pair(l.list[0], words[0], words[1])
	}
	n := len(words)
	out := pair(l.list[3], words[n-2], words[n-1])
	for i := n - 3; i > 0; i-- {
		out = pair(l.list[2], words[i], out)
	}
	return pair(l.list[1], words[0], out)
}

func pair(pattern, a, b string) string {
	before, rest, _ := strings.Cut(pattern, "{0}")
	between, after, _ := strings.Cut(rest, "{1}")
	return before + a + between + b + after
}

// Plural is the CLDR category of a count: "one", "few", "other" …
func (l *Locale) Plural(n int64) string {
	u, _ := magnitude(n)
	for _, rule := range l.plurals {
		if rule.holds(u) {
			return rule.category
		}
	}
	return "other"
}

// PluralCategories lists the categories whole numbers can fall into, "other" last.
func (l *Locale) PluralCategories() []string {
	var out []string
	for _, rule := range l.plurals {
		if len(rule.any) > 0 {
			out = append(out, rule.category)
		}
	}
	return append(out, "other")
}

// pluralRule holds if any of its groups of relations holds in full.
type pluralRule struct {
	category string
	any      [][]relation
}

// relation says that the number, modulo mod unless that is 0, is in one of the ranges, or isn't.
type relation struct {
	mod    uint64
	not    bool
	ranges [][2]uint64
}

func (p pluralRule) holds(n uint64) bool {
	for _, all := range p.any {
		ok := true
		for _, r := range all {
			ok = ok && r.holds(n)
		}
		if ok {
			return true
		}
	}
	return false
}

func (r relation) holds(n uint64) bool {
	if r.mod > 0 {
		n %= r.mod
	}
	in := false
	for _, span := range r.ranges {
		in = in || n >= span[0] && n <= span[1]
	}
	return in != r.not
}

// parsePlural reads a rule of Unicode TS 35, part 3, section 5, for whole numbers: the operands of decimals
// and exponents (v, w, f, t, c, e) are nought, so relations on them are decided here.
func parsePlural(category, rule string) pluralRule {
	p := pluralRule{category: category}
	for group := range strings.SplitSeq(rule, " or ") {
		var all []relation
		possible := group != ""
		for cond := range strings.SplitSeq(group, " and ") {
			w := strings.Fields(cond)
			if len(w) < 3 {
				continue
			}
			r := relation{}
			if w[1] == "%" {
				r.mod, _ = strconv.ParseUint(w[2], 10, 64)
				w = append(w[:1], w[3:]...)
			}
			r.not = w[1] == "!="
			for span := range strings.SplitSeq(w[2], ",") {
				from, to, is := strings.Cut(span, "..")
				if !is {
					to = from
				}
				a, _ := strconv.ParseUint(from, 10, 64)
				b, _ := strconv.ParseUint(to, 10, 64)
				r.ranges = append(r.ranges, [2]uint64{a, b})
			}
			if w[0] == "n" || w[0] == "i" {
				all = append(all, r)
				continue
			}
			possible = possible && r.holds(0)
		}
		if possible {
			p.any = append(p.any, all)
		}
	}
	return p
}
