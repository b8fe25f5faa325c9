package messaging

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"portolan/internal/messaging/sms"
)

// form is how a text has to look for one address: who it comes from and what the country asks.
type form struct {
	reach  Reach
	law    Class   // what the country makes of the text's class
	twoWay bool    // the sender can be answered
	links  bool    // a link of ours may stand in it
	most   int64   // parts; 0 is no limit
	room   int64   // units of one part where the country leaves less than the alphabet; 0 is no limit
	policy *Policy // nil for e-mail and where no row is known
	langs  []string
	brand  string
	base   string // public address of the shop
	token  string
}

// text is a message in words.
type text struct {
	lang, subject, body, html string
	encoding                  string
	parts                     int64
	units                     int      // of the encoding
	out                       bool     // it says how to be left alone
	plain                     bool     // the variable-free text had to do
	missing                   bool     // there are no words for this channel
	version                   string   // whose words: "de/3"; "de/0" are the built-in ones
	open                      []string // variables without a value
	link                      bool     // it holds a web address
	leave                     string   // address of one-click unsubscribing
}

// render puts a message into words for one form. A class that must arrive falls back to its text without
// variables; others with an open variable are refused.
func (s *texts) render(m Message, f form) (t text, err error) {
	k, ok := s.keys[m.Template]
	if !ok {
		return t, fmt.Errorf("template %q: %w", m.Template, ErrNoTemplate)
	}
	if bad := k.checkVars(m.Vars); len(bad) > 0 {
		return t, ErrBadMessage.With(bad)
	}
	w, lang, ok := s.find(m.Template, f.reach.Channel, f.langs)
	if m.Trial != nil {
		w, lang, ok = m.Trial.words(), f.langs[0], true
	}
	if !ok && k.own {
		return text{missing: true}, nil
	}
	if !ok {
		return t, fmt.Errorf("template %s for %s: %w", m.Template, f.reach.Channel, ErrNoTemplate)
	}
	vars := tame(m.Vars, f.reach.Channel)
	if m.Link != "" {
		vars["link"] = f.base + "/l/" + f.token
	}
	defer func() { t.version = fmt.Sprintf("%s/%d", lang, w.version) }()
	if f.reach.Channel == Email {
		return s.mail(k, w, lang, vars, f)
	}
	if !f.links && !k.class.asks() {
		delete(vars, "link")
	}
	if f.policy != nil && f.policy.Phones == "none" { // a long row of digits may be taken for one
		delete(vars, "track")
	}
	return s.short(k, w, lang, vars, f)
}

// short makes an SMS: prefix or brand, the words, the blocks. Long lists of items are cut until it fits.
func (s *texts) short(k key, w words, lang string, vars map[string]string, f form) (t text, err error) {
	items := []rune(vars["items"])
	for {
		body, open := fill(w.full, vars)
		t = s.dress(k, lang, body, vars, f)
		t.open = open
		if !f.tooLong(t, max(f.most, 1)) || len(items) <= shortestItems {
			break
		}
		items = items[:max(shortestItems, len(items)*3/4)]
		vars["items"] = strings.TrimRight(string(items), " ,") + "..."
	}
	if len(t.open) == 0 && !f.tooLong(t, f.most) || w.plain == "" {
		return t, nil
	}
	t = s.dress(k, cmp.Or(w.plainLang, lang), w.plain, vars, f)
	t.plain = true
	return t, nil
}

// tooLong reports whether a text takes more than a number of parts, or more room than a country leaves in them.
func (f form) tooLong(t text, most int64) bool {
	return most > 0 && t.parts > most || f.room > 0 && t.encoding == string(sms.GSM7) && int64(t.units) > f.room*max(most, 1)
}

// dress adds what stands before and after the words of an SMS.
func (s *texts) dress(k key, lang, body string, vars map[string]string, f form) (t text) {
	head := f.brand + ": "
	if p := f.policy; p != nil && p.prefixes(f.law) {
		prefix := strings.ReplaceAll(p.Prefix, "{brand}", f.brand)
		if strings.Contains(p.Prefix, "{brand}") {
			head = prefix + " "
		} else {
			head = prefix + " " + head
		}
	}
	pieces := []string{head + strings.TrimSpace(body)}
	for _, b := range k.blocks {
		name, where := strings.CutSuffix(b, "?")
		if where && f.law == Survey {
			continue
		}
		if b == "link" {
			pieces = append(pieces, vars["link"])
			continue
		}
		if !f.twoWay {
			name += "_link"
			if !f.links && !k.class.asks() { // what asks has to have a way out, or go by another channel
				continue
			}
		}
		piece, _ := fill(s.block(lang, name), map[string]string{"reply": f.base + "/r/" + f.token, "leave": f.base + "/u/" + f.token})
		pieces = append(pieces, piece)
		t.out = t.out || strings.HasPrefix(name, "stop") && piece != "" && (f.twoWay || f.links)
	}
	t.lang = lang
	t.body = strings.Join(slices.DeleteFunc(pieces, func(p string) bool { return p == "" }), " ")
	in := sms.Count(t.body)
	t.parts, t.encoding, t.units = int64(in.Parts), string(in.Encoding), in.Units
	if f.reach.Channel != SMS {
		t.parts, t.encoding = 1, "utf-8"
	}
	t.link = looksLikeLink(t.body)
	return t
}

// mail makes an e-mail: subject, text and the same text as HTML.
func (s *texts) mail(k key, w words, lang string, vars map[string]string, f form) (t text, err error) {
	filled, open := fill(w.full, vars)
	if len(open) > 0 && w.plain != "" {
		filled, t.plain, open = w.plain, true, nil
	}
	head, body, _ := strings.Cut(filled, "\n\n")
	t.lang, t.open, t.parts, t.encoding = lang, open, 1, "utf-8"
	t.subject = f.brand + ": " + strings.TrimPrefix(strings.Join(strings.Fields(head), " "), "Subject: ")
	paragraphs, ours := paragraphsOf(body), map[string]bool{vars["link"]: true}
	for _, b := range k.blocks {
		if way := s.block(lang, b+"_mail"); way != "" {
			answer := f.base + "/r/" + f.token
			paragraphs, ours[answer] = append(paragraphs, way, answer), true
		}
	}
	if k.class.asks() {
		t.leave = f.base + "/u/" + f.token
		paragraphs = append(paragraphs, s.block(lang, "leave_mail"), t.leave)
	}
	t.body = strings.Join(append(paragraphs, f.brand), "\n\n")
	t.link, ours[t.leave] = len(ours) > 1 || vars["link"] != "", true
	t.html, err = layout(lang, f.brand, t.subject, paragraphs, ours)
	return t, err
}

func paragraphsOf(body string) (all []string) {
	for p := range strings.SplitSeq(body, "\n\n") {
		if p = strings.Trim(p, "\n "); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// piece is one paragraph of an e-mail: rows of a table, a link of ours, or lines of text.
type piece struct {
	Rows  [][]string
	Href  string
	Lines []string
}

var page = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Lang}}" dir="{{.Dir}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Subject}}</title></head>
<body style="margin:0;background:#f6f4f0;font:16px/1.5 sans-serif;color:#222"><div style="max-width:34em;margin:0 auto;padding:24px;background:#fff">
<p style="font-weight:700;font-size:20px;margin:0 0 16px">{{.Brand}}</p>
{{range .Pieces}}{{if .Rows}}<table style="width:100%;border-collapse:collapse">{{range .Rows}}<tr>{{range $i, $c := .}}<td style="padding:4px 0;border-bottom:1px solid #eee{{if $i}};text-align:end{{end}}">{{$c}}</td>{{end}}</tr>{{end}}</table>
{{else if .Href}}<p><a href="{{.Href}}" style="color:#0b5cab">{{.Href}}</a></p>
{{else}}<p>{{range $i, $l := .Lines}}{{if $i}}<br>{{end}}{{$l}}{{end}}</p>
{{end}}{{end}}</div></body></html>
`))

// layout makes the HTML part. Everything is escaped; only our own links become links.
func layout(lang, brand, subject string, paragraphs []string, ours map[string]bool) (string, error) {
	delete(ours, "")
	var pieces []piece
	for _, p := range paragraphs {
		lines := strings.Split(p, "\n")
		var x piece
		switch {
		case ours[p]:
			x.Href = p
		case strings.Contains(p, "\t"):
			for _, l := range lines {
				x.Rows = append(x.Rows, strings.Split(l, "\t"))
			}
		default:
			x.Lines = lines
		}
		pieces = append(pieces, x)
	}
	dir := "ltr"
	if slices.Contains([]string{"ar", "he", "fa", "ur"}, lang) {
		dir = "rtl"
	}
	var b strings.Builder
	err := page.Execute(&b, map[string]any{"Lang": lang, "Dir": dir, "Brand": brand, "Subject": subject, "Pieces": pieces})
	return b.String(), err
}
