package messaging

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"portolan/internal/messaging/sms"
)

// texts holds every template: what it may contain by key, its words by key, channel and language.
type texts struct {
	keys   map[string]key
	words  map[string]words             // "confirm.de", "confirm.de.mail"
	blocks map[string]map[string]string // language, then block
	lists  map[string]map[string]string // "reasons.de", then code
	used   map[string][]string          // by key: variables of its short words in all languages

	wordings map[string][]wording // by name: what was written over the built-in words, oldest first
	built    map[string]words     // the built-in words
}

// key is what a template is for. Vars lists the variables it knows; true means that without it the text makes
// no sense.
type key struct {
	journey string // whose message it is; empty for answers
	class   Class
	blocks  []string // "stop?" is there only where the law counts the message as advertising
	vars    map[string]bool
	types   map[string]VarType // of variables that a merchant made
	order   []string           // the variables as they are listed
	own     bool               // made by the merchant
	place   int                // among the built-in ones
}

// words is one template: Full with variables, Plain without, for when those can't be filled.
// {name} is a variable, {name|you} one with what stands for it where it has no value, [ … ] a piece that is left
// out unless all its variables are there.
type words struct {
	full, plain string
	plainLang   string // where plain is in another language
	version     int64  // 0: the built-in ones
}

func readTexts(from fs.FS) (t texts, err error) {
	t = texts{keys: map[string]key{}, words: map[string]words{}, blocks: map[string]map[string]string{}, lists: map[string]map[string]string{}}
	b, err := fs.ReadFile(from, "templates/keys.csv")
	if err != nil {
		return t, err
	}
	err = readTable("keys.csv", string(b), func(row map[string]string) error {
		k := key{journey: row["journey"], class: Class(row["class"]), blocks: strings.Fields(row["blocks"]), vars: map[string]bool{}, place: len(t.keys)}
		for _, v := range strings.Fields(row["vars"]) {
			name, needed := strings.CutSuffix(v, "!")
			k.vars[name] = needed
			k.order = append(k.order, name)
		}
		t.keys[row["key"]] = k
		return nil
	})
	if err != nil {
		return t, err
	}
	names, err := fs.Glob(from, "templates/*.txt")
	if err != nil {
		return t, err
	}
	for _, name := range names {
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return t, err
		}
		if err := t.add(strings.TrimSuffix(path.Base(name), ".txt"), strings.TrimSpace(string(b))); err != nil {
			return t, err
		}
	}
	t.index()
	return t, nil
}

// index lists which variables each template's short words hold.
func (t *texts) index() {
	t.used = map[string][]string{}
	add := func(name, full string) {
		key, lang, _ := strings.Cut(name, ".")
		if strings.HasSuffix(lang, ".mail") {
			return
		}
		for _, v := range variables(full) {
			if !slices.Contains(t.used[key], v) {
				t.used[key] = append(t.used[key], v)
			}
		}
	}
	for name, w := range t.words {
		add(name, w.full)
	}
	for name, all := range t.wordings { // somebody may still be sent them
		add(name, t.built[name].full)
		for _, w := range all {
			add(name, w.full)
		}
	}
	for _, all := range t.used {
		slices.Sort(all)
	}
}

func (t *texts) add(name, body string) error {
	first, rest, _ := strings.Cut(name, ".")
	switch first {
	case "blocks":
		t.blocks[rest] = readList(body)
		return nil
	case "reasons", "actions":
		t.lists[name] = readList(body)
		return nil
	}
	k, ok := t.keys[first]
	if !ok {
		return fmt.Errorf("template %s: no such key: %w", name, ErrBadRuleTable)
	}
	w := words{}
	w.full, w.plain, _ = strings.Cut(body, "\n---\n")
	for _, v := range variables(w.full) {
		if _, ok := k.vars[v]; !ok {
			return fmt.Errorf("template %s: unknown variable {%s}: %w", name, v, ErrBadRuleTable)
		}
	}
	if len(variables(w.plain)) > 0 {
		return fmt.Errorf("template %s: a variable in the text without variables: %w", name, ErrBadRuleTable)
	}
	t.words[name] = w
	return nil
}

// readList reads lines of "code = words".
func readList(body string) map[string]string {
	all := map[string]string{}
	for line := range strings.SplitSeq(body, "\n") {
		k, v, _ := strings.Cut(line, " = ")
		all[k] = v
	}
	return all
}

// ReasonWord is why a parcel is late or held, as it stands in a text: "customs_hold" in German is "der Zoll prüft
// noch". A code that nobody has words for is a problem on the way, a language without words gets English.
func ReasonWord(lang, code string) string {
	return wordIn("reasons", lang, cmp.Or(reasonAs[code], code), "exception")
}

// reasonAs are reasons of events that read like others.
var reasonAs = map[string]string{"held": "customs_hold", "documents": "document_needed", "duty": "duty_to_pay"}

// ActionWord is who has to do what about a late parcel, as a sentence: "pay_duty", "carrier", "none". What nobody has
// words for is left out.
func ActionWord(lang, code string) string { return wordIn("actions", lang, code, "") }

// ReasonCodes lists the codes that ReasonWord has words for.
func ReasonCodes() []string { return slices.Sorted(maps.Keys(builtin().texts.lists["reasons.en"])) }

func wordIn(list, lang, code, other string) string {
	base, _, _ := strings.Cut(lang, "-")
	words := builtin().texts.lists[list+"."+base]
	if words == nil {
		words = builtin().texts.lists[list+".en"]
	}
	return cmp.Or(words[code], words[other])
}

// find returns the words of a key in the first language that has them: those in force, or those that pins took in.
func (t *texts) find(key string, ch Channel, langs []string, pins Pins) (w words, lang string, ok bool) {
	for _, l := range slices.Concat(langs, []string{"en"}) {
		if w, ok := t.pinned(TextID{key, l, ch}, pins); ok {
			return w, l, true
		}
	}
	return w, "", false
}

// wordsName is where words stand in texts. There are two kinds: e-mail, and the short ones of all other channels.
func wordsName(key, lang string, ch Channel) string {
	if ch == Email {
		return key + "." + lang + ".mail"
	}
	return key + "." + lang
}

// block returns a standing piece of text in a language, English if it has none.
func (t *texts) block(lang, name string) string {
	if b := t.blocks[lang][name]; b != "" {
		return b
	}
	return t.blocks["en"][name]
}

// variables lists the names in braces.
func variables(s string) (names []string) {
	for {
		_, after, ok := strings.Cut(s, "{")
		if !ok {
			return names
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return names
		}
		name, _, _ = strings.Cut(name, "|")
		names, s = append(names, name), rest
	}
}

// fill puts vars into a template and returns the names it had no value for. Values are never looked into.
func fill(s string, vars map[string]string) (out string, open []string) {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{[")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		end := strings.IndexByte(s[i:], map[byte]byte{'{': '}', '[': ']'}[s[i]])
		if end < 0 {
			b.WriteString(s[i:])
			break
		}
		inner := s[i+1 : i+end]
		if s[i] == '[' {
			if piece, missing := fill(inner, vars); len(missing) == 0 {
				b.WriteString(piece)
			}
		} else if name, instead, _ := strings.Cut(inner, "|"); vars[name] != "" || instead != "" {
			v := cmp.Or(vars[name], instead)
			if name == "from" && v == vars["to"] {
				s = s[:i+end+1] + untilTo.ReplaceAllString(s[i+end+1:], "")
			}
			if strings.HasPrefix(s[i+end+1:], ".") { // a date may end with its own full stop
				v = strings.TrimSuffix(v, ".")
			}
			b.WriteString(v)
		} else {
			open = append(open, name)
		}
		s = s[i+end+1:]
	}
	return b.String(), open
}

// untilTo is what stands between the first day of a range and the last: of one day only the first is written.
var untilTo = regexp.MustCompile(`^[^{}\[\]\n]{0,12}\{to\}`)

const (
	longestVar     = 20_000 // bytes; more is refused
	longestInSMS   = 300    // characters; more is cut
	longestName    = 30
	shortestItems  = 12
	replyTextLimit = 1000
)

// checkVars says which variables a template does not know or that are too long to be meant.
func (k key) checkVars(vars map[string]string) map[string]string {
	bad := map[string]string{}
	for name, v := range vars {
		if _, ok := k.vars[name]; !ok {
			bad["vars."+name] = "unknown_variable"
		} else if len(v) > longestVar {
			bad["vars."+name] = "too_long"
		}
	}
	return bad
}

// ourWords are variables that the program fills: nobody's name is spelt otherwise than they spell it.
var ourWords = []string{"from", "to", "until", "country", "reason"}

var tamer = strings.NewReplacer("{", "(", "}", ")", "[", "(", "]", ")")

// tame returns vars as they may stand in a text of a channel: no control characters, no braces that look like
// variables, in an SMS no line breaks, no typographic signs that would treble its price, and no web addresses
// that a shopper smuggled into a name.
func tame(vars map[string]string, ch Channel) map[string]string {
	out := make(map[string]string, len(vars)+1)
	maps.Copy(out, vars)
	for name, v := range out {
		v = tamer.Replace(norm.NFC.String(strings.ToValidUTF8(v, "")))
		v = strings.Map(func(r rune) rune {
			switch {
			case ch == Email && name == "lines" && (r == '\n' || r == '\t'):
				return r
			case unicode.IsSpace(r):
				return ' '
			case unicode.IsControl(r):
				return -1
			}
			return r
		}, v)
		if ch != Email || name != "lines" {
			v = strings.Join(strings.Fields(v), " ")
		}
		v = strings.TrimSpace(v)
		if name != "link" && name != "text" && looksLikeLink(v) {
			v = ""
		}
		limit := longestInSMS
		switch {
		case ch == Email || name == "link":
			limit = longestVar
		case name == "text":
			limit = replyTextLimit
		case name == "name":
			limit = longestName
		}
		if r := []rune(v); len(r) > limit {
			v = string(r[:limit])
		}
		if ch == SMS && name != "link" {
			v = plainSigns(v)
		}
		if ch == SMS && slices.Contains(ourWords, name) { // one letter of "août" would make the text twice as dear
			v = sms.Transliterate(v)
		}
		out[name] = v
	}
	return out
}

// plainSigns replaces typographic signs, but no letters, by what GSM-7 has.
func plainSigns(s string) string {
	var b strings.Builder
	for _, r := range s {
		if p, ok := sms.Plain(r); ok && !unicode.IsLetter(r) {
			b.WriteString(p)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// looksLikeLink reports whether a phone would make a text clickable, or an operator take it for a link.
func looksLikeLink(s string) bool {
	low := strings.ToLower(s)
	if strings.Contains(low, "://") || strings.Contains(low, "www.") {
		return true
	}
	for word := range strings.FieldsSeq(low) {
		host, _, _ := strings.Cut(strings.Trim(word, ".,;:!?()\"'"), "/")
		labels := strings.Split(host, ".")
		if len(labels) < 2 || strings.Contains(host, "@") {
			continue
		}
		tld := labels[len(labels)-1]
		letters := strings.IndexFunc(tld, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
		named := strings.IndexFunc(labels[len(labels)-2], unicode.IsLetter) >= 0
		if letters && named && len(tld) >= 2 {
			return true
		}
	}
	return false
}

// looksLikePhone reports whether a text holds a telephone number: nine digits or more in one piece that begin
// with + or 0. Order numbers begin otherwise.
func looksLikePhone(s string) bool {
	n, phone := 0, false
	for _, r := range s {
		switch {
		case r == '+' && n == 0, r == '0' && n == 0:
			phone = true
			fallthrough
		case unicode.IsDigit(r):
			if n++; n >= 9 && phone {
				return true
			}
		case n > 0 && (r == ' ' || r == '-' || r == '(' || r == ')'):
		default:
			n, phone = 0, false
		}
	}
	return false
}

// langsOf is the order in which a message looks for its words.
func langsOf(lang string, market []string) []string {
	base, _, _ := strings.Cut(lang, "-")
	return slices.Compact(append([]string{lang, base}, market...))
}

// ClassOf is the class of a template; false for one that isn't there.
func (s *Service) ClassOf(template string) (Class, bool) {
	k, ok := s.texts().keys[template]
	return k.class, ok
}

// Vars names the variables that the words of a template hold, in any language; an e-mail may hold all that its template
// knows.
func (s *Service) Vars(template string, ch Channel) []string {
	t := s.texts()
	k, ok := t.keys[template]
	if !ok || ch == Email {
		return k.order
	}
	return t.used[template]
}
