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
	w, lang, ok := s.find(m.Template, f.reach.Channel, f.langs, m.Pins)
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
	for name := range m.targets() {
		if m.Text == "" {
			vars[name] = f.base + "/l/" + linkCode(f.token, name)
		}
	}
	if m.Text != "" && vars["text"] != "" {
		vars["text"] = shorten(vars["text"], f.base, f.token)
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
	l := letter{Lang: lang, Dir: "ltr", Brand: f.brand, Subject: t.subject, Open: s.block(lang, "open_mail")}
	if slices.Contains([]string{"ar", "he", "fa", "ur"}, lang) {
		l.Dir = "rtl"
	}
	paragraphs := paragraphsOf(body)
	for _, p := range paragraphs {
		l.add(p, vars["link"])
	}
	for _, b := range k.blocks {
		if way := s.block(lang, b+"_mail"); way != "" {
			answer := f.base + "/r/" + f.token
			paragraphs = append(paragraphs, way, answer)
			l.add(way, "")
			l.Pieces = append(l.Pieces, piece{Href: answer})
			t.link = true
		}
	}
	if k.class.asks() {
		t.leave = f.base + "/u/" + f.token
		l.Foot, l.Leave = s.block(lang, "leave_mail"), t.leave
		paragraphs = append(paragraphs, l.Foot, t.leave)
	}
	t.body = strings.Join(append(paragraphs, f.brand), "\n\n")
	t.link = t.link || vars["link"] != ""
	var html strings.Builder
	err = page.Execute(&html, l)
	t.html = html.String()
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

// letter is the HTML part of an e-mail. Everything is escaped; only our own links become links, and there are no
// pictures.
type letter struct {
	Lang, Dir, Brand, Subject string
	Pieces                    []piece
	Open                      string // on the button of the message's own link
	Foot, Leave               string // why the person hears from us, and how to end it
}

// piece is one paragraph: rows of a table, a link of ours, or lines of text.
type piece struct {
	Rows   []row
	Href   string
	Button bool
	Lines  []string
}

// row is a line of a bill; the last one is its total.
type row struct {
	Cells []string
	Total bool
}

func (l *letter) add(paragraph, link string) {
	lines := strings.Split(paragraph, "\n")
	switch {
	case link != "" && paragraph == link:
		l.Pieces = append(l.Pieces, piece{Href: link, Button: true})
	case strings.Contains(paragraph, "\t"):
		var p piece
		for i, line := range lines {
			p.Rows = append(p.Rows, row{strings.Split(line, "\t"), i == len(lines)-1 && i > 0})
		}
		l.Pieces = append(l.Pieces, p)
	default:
		l.Pieces = append(l.Pieces, piece{Lines: lines})
	}
}

// Far is the side where lines end.
func (l letter) Far() string {
	if l.Dir == "rtl" {
		return "left"
	}
	return "right"
}

// page is what mail programs of today and of twenty years ago can draw: tables, styles at each element, and colours
// that turn around where the reader wants it dark.
var page = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Lang}}" dir="{{.Dir}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>{{.Subject}}</title>
<style>:root{color-scheme:light dark}@media (prefers-color-scheme:dark){.b{background:#17181b!important}.c{background:#222428!important;color:#ececec!important}.m{color:#a9acb3!important}.r{border-color:#3a3d44!important}.k{color:#8ec1ff!important}.o{background:#ececec!important;color:#17181b!important}}</style></head>
<body class="b" style="margin:0;padding:0;background:#f6f4f0"><table role="presentation" dir="{{.Dir}}" class="b" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f6f4f0"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="c" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;background:#fff;color:#222;border-radius:12px;font:16px/1.55 -apple-system,'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif"><tr><td style="padding:28px">
<p style="margin:0 0 24px;font-weight:700;font-size:20px;letter-spacing:.02em">{{.Brand}}</p>
{{range .Pieces}}{{if .Rows}}<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 20px;border-collapse:collapse;font:inherit;color:inherit">{{range .Rows}}<tr>{{$t := .Total}}{{range $i, $c := .Cells}}<td class="r" {{if $i}}align="{{$.Far}}" {{end}}style="padding:8px 0;vertical-align:top;border-bottom:1px solid #e6e2da{{if $i}};white-space:nowrap{{end}}{{if $t}};border-bottom:0;font-weight:700{{end}}"><bdi>{{$c}}</bdi></td>{{end}}</tr>{{end}}</table>
{{else if .Button}}<p style="margin:4px 0 24px"><a class="o" href="{{.Href}}" style="display:inline-block;padding:12px 28px;border-radius:8px;background:#222;color:#fff;text-decoration:none;font-weight:600">{{$.Open}}</a></p>
<p class="m" style="margin:0 0 20px;font-size:13px;color:#6b6b6b;word-break:break-all"><bdi dir="ltr">{{.Href}}</bdi></p>
{{else if .Href}}<p style="margin:0 0 20px;word-break:break-all"><a class="k" href="{{.Href}}" dir="ltr" style="color:#0b5cab">{{.Href}}</a></p>
{{else}}<p style="margin:0 0 16px">{{range $i, $l := .Lines}}{{if $i}}<br>{{end}}{{$l}}{{end}}</p>
{{end}}{{end}}</td></tr></table>
{{if .Leave}}<p class="m" style="max-width:504px;margin:20px auto 0;font:13px/1.5 Arial,sans-serif;color:#6b6b6b;word-break:break-all">{{.Foot}}<br><a class="m" href="{{.Leave}}" dir="ltr" style="color:#6b6b6b">{{.Leave}}</a></p>
{{end}}</td></tr></table></body></html>
`))
