// Package cldr writes numbers, money, dates, lists and names as readers of a language and country expect
// them, by the Unicode CLDR (release 48.2). Its tables are generated (gen/gen.mjs), embedded, and read per
// locale when that locale is first asked for.
//
// Calendars are Gregorian everywhere. Translated sentences are package i18n's business; rounding rules of
// tax offices are package landed's.
package cldr

import (
	"embed"
	"slices"
	"strings"
	"sync"
)

//go:generate node gen/gen.mjs ../..

//go:embed data/*.txt
var data embed.FS

// Locale knows the customs of one language in one country. It is safe for concurrent use and never changes.
type Locale struct {
	tag, lang string
	rtl       bool
	zero      rune

	decimal, group           string
	moneyDecimal, moneyGroup string
	minus, percentSign       string
	minGroup                 int
	number, percent, money   numberPattern

	date      [styles][]token
	clock     [2][]token // without and with seconds
	join      [styles]string
	ranges    [3][]token // within a month, a year, across years
	months    [2][]string
	monthsOwn [2][]string // where no day stands beside the month
	days      [2][]string
	daysOwn   [2][]string
	ampm      []string
	hours     []string
	era       string

	list    [4]string // of two, start, middle, end
	plurals []pluralRule
	naming  string
	names   func() map[string]string // "country.DE", "language.de", "currency.EUR"
}

// Tag is the BCP 47 tag of the locale's own table: "de-AT".
func (l *Locale) Tag() string { return l.tag }

// Lang is the language alone: "de", "zh".
func (l *Locale) Lang() string { return l.lang }

// Dir is "rtl" for scripts that run from right to left, otherwise "ltr": the value of HTML's dir attribute.
func (l *Locale) Dir() string {
	if l.rtl {
		return "rtl"
	}
	return "ltr"
}

var tags = sync.OnceValue(func() []string {
	files, err := data.ReadDir("data")
	if err != nil {
		panic(err)
	}
	var out []string
	for _, f := range files {
		if tag := strings.TrimSuffix(f.Name(), ".txt"); tag != "digits" {
			out = append(out, tag)
		}
	}
	return out
})

// Tags lists the locales that have a table, in alphabetical order.
func Tags() []string { return slices.Clone(tags()) }

// homes names the table for a language without a country, and for countries that don't have their own:
// English outside North America is written the British way.
var homes = map[string]string{
	"ar": "ar", "cs": "cs-CZ", "da": "da-DK", "de": "de-DE", "el": "el-GR", "en": "en-US", "es": "es-ES", "fi": "fi-FI",
	"fr": "fr-FR", "he": "he-IL", "hi": "hi-IN", "hu": "hu-HU", "id": "id-ID", "it": "it-IT", "ja": "ja-JP", "ko": "ko-KR",
	"ms": "ms-MY", "nb": "nb-NO", "nl": "nl-NL", "no": "nb-NO", "pl": "pl-PL", "pt": "pt-BR", "ro": "ro-RO", "sv": "sv-SE",
	"th": "th-TH", "tr": "tr-TR", "vi": "vi-VN", "zh": "zh-CN", "zh-hant": "zh-TW", "zh-hans": "zh-CN", "zh-mo": "zh-HK",
	"zh-hant-hk": "zh-HK", "zh-hant-mo": "zh-HK", "iw": "he-IL", "in": "id-ID",
	"es-ar": "es-MX", "es-cl": "es-MX", "es-co": "es-MX", "es-pe": "es-MX",
	"en-pr": "en-US", "en-ph": "en-US", "en-gu": "en-US",
}

var tables = sync.OnceValue(func() map[string]func() *Locale {
	m := make(map[string]func() *Locale, len(tags()))
	for _, tag := range tags() {
		open := sync.OnceValue(func() *Locale { return load(tag) })
		m[tag], m[strings.ToLower(tag)] = open, open
	}
	return m
})

// For finds the best table for a BCP 47 tag: the exact one, else that of the language, else American
// English. It never fails and never returns nil.
func For(tag string) *Locale {
	if l, ok := tables()[tag]; ok {
		return l()
	}
	low := strings.ToLower(strings.ReplaceAll(tag, "_", "-"))
	low, _, _ = strings.Cut(low, "-u-")
	for at := low; ; {
		if l, ok := tables()[at]; ok {
			return l()
		}
		if at == "en" && low != "en" {
			return tables()["en-gb"]()
		}
		if home, ok := homes[at]; ok {
			return tables()[strings.ToLower(home)]()
		}
		cut := strings.LastIndexByte(at, '-')
		if cut < 0 {
			return tables()["en-us"]()
		}
		at = at[:cut]
	}
}

// Has reports whether tag's language has a table, so that For would not answer in another language.
func Has(tag string) bool {
	lang, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	_, ok := homes[lang]
	return ok
}

// lines reads a table into m, its base first. The values are parts of the embedded text.
func lines(tag string, m map[string]string) {
	raw, err := data.ReadFile("data/" + tag + ".txt")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if key == "base" {
			lines(value, m)
			continue
		}
		m[key] = value
	}
}

func load(tag string) *Locale {
	m := make(map[string]string, 900)
	lines(tag, m)
	parts := func(key string) []string { return strings.Split(m[key], "|") }
	l := &Locale{
		tag: tag, lang: m["lang"], rtl: m["dir"] == "rtl",
		zero:    []rune(m["zero"])[0],
		decimal: m["decimal"], group: m["group"], moneyDecimal: m["money.decimal"], moneyGroup: m["money.group"],
		minus: m["minus"], percentSign: m["percentsign"], minGroup: int(m["mingroup"][0] - '0'),
		number: parseNumber(m["number"]), percent: parseNumber(m["percent"]), money: parseNumber(m["money"]),
		date: [styles][]token{
			parseDate(m["date.short"]), parseDate(m["date.medium"]), parseDate(m["date.long"]), parseDate(m["date.full"]),
			parseDate(m["date.day"]), parseDate(m["date.weekday"]), parseDate(m["date.month"]),
		},
		clock:  [2][]token{parseDate(m["time.short"]), parseDate(m["time.medium"])},
		join:   [styles]string{m["join.short"], m["join.medium"], m["join.long"], m["join.full"], m["join.medium"], m["join.medium"], m["join.medium"]},
		ranges: [3][]token{parseDate(m["range.d"]), parseDate(m["range.M"]), parseDate(m["range.y"])},
		months: [2][]string{parts("months.short"), parts("months.long")}, monthsOwn: [2][]string{parts("months.alone.short"), parts("months.alone.long")},
		days: [2][]string{parts("days.short"), parts("days.long")}, daysOwn: [2][]string{parts("days.alone.short"), parts("days.alone.long")},
		ampm: parts("ampm"), hours: parts("hours"), era: m["era"],
		list:   [4]string{m["list.2"], m["list.start"], m["list.middle"], m["list.end"]},
		naming: m["names"],
	}
	for _, category := range []string{"zero", "one", "two", "few", "many"} {
		if rule, ok := m["plural."+category]; ok {
			l.plurals = append(l.plurals, parsePlural(category, rule))
		}
	}
	l.names = sync.OnceValue(func() map[string]string {
		all := make(map[string]string, 900)
		lines(tag, all)
		return all
	})
	return l
}
