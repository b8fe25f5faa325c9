package evidence

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"
	"unicode"

	"portolan/internal/i18n"
	"portolan/internal/pdf"
)

// table writes one line per fact, in the order of time within each kind.
func (f File) table() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := func(kind string, at time.Time, address, channel, what, text, rules, detail, ref string) {
		when := ""
		if !at.IsZero() {
			when = at.UTC().Format(time.RFC3339Nano)
		}
		cells := []string{kind, when, address, channel, what, text, rules, detail, ref}
		for i, c := range cells {
			cells[i] = harmless(c)
		}
		w.Write(cells)
	}
	w.Write([]string{"kind", "at", "address", "channel", "what", "text", "rules", "detail", "reference"})
	for _, g := range f.Gaps {
		row("gap", time.Time{}, g.Address, "", g.What, "", "", fmt.Sprintf("event %d", g.Seq), "")
	}
	for _, c := range f.Consents {
		row("consent", c.At, c.Address, string(c.Channel), string(c.Action)+" "+string(c.Class), c.Text, c.Wording, joined("source", c.Source, "page", c.Page,
			"language", c.Lang, "market", string(c.Market), "ip", c.IPDigest, "proof", c.Proof), fmt.Sprintf("%d %s", c.Seq, c.Digest))
	}
	for _, s := range f.Silence {
		row("silence", s.At, s.Address, "", s.Action+" "+s.Reason, s.Note, "", s.Source, "")
	}
	for _, m := range f.Messages {
		row("message", m.At, m.To, m.Channel, m.State+" "+m.Class, strings.TrimSpace(m.Subject+"\n"+m.Text), "", joined("template", m.Template, "sender", m.Sender,
			"reason", m.Reason, "text_digest", m.TextDigest, "removed", m.RemovedWhy), m.ID)
		for _, d := range m.Decisions {
			var why []string
			for _, r := range d.Reasons {
				why = append(why, strings.TrimSpace(r.Code+" "+r.Detail))
			}
			row("gate", d.At, m.To, string(d.Channel), string(d.Verdict), strings.Join(why, "; "), d.Version, "", m.ID)
		}
		for _, a := range m.Attempts {
			row("attempt", a.At, m.To, m.Channel, a.Outcome, "", "", joined("route", a.Route, "provider", a.Provider, "code", a.Code), strings.Join(a.Refs, " "))
		}
		for _, r := range m.Receipts {
			row("receipt", r.At, m.To, m.Channel, r.State, "", "", r.Code, r.Ref)
		}
	}
	for _, h := range f.Heard {
		row("heard", h.At, h.From, h.Channel, h.Intent, h.Text, "", "", h.ID)
	}
	row("file", f.MadeAt, f.Subject.Address, "", "made by "+f.MadeBy, "", f.Rules, "", f.Digest)
	w.Flush()
	return b.Bytes(), w.Error()
}

// harmless keeps a spreadsheet from taking a person's text for a formula; numbers stay as they are.
func harmless(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) || strings.Trim(s, "+0123456789") == "" {
		return s
	}
	return "'" + s
}

func joined(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, pairs[i]+" "+pairs[i+1])
		}
	}
	return strings.Join(out, "; ")
}

const (
	margin     = 18.0
	column     = 210 - 2*margin
	foot       = 282.0
	mostPapers = 2000 // messages on one paper
)

// sheet is a paper being written from top to bottom.
type sheet struct {
	*pdf.Doc
	say *i18n.Printer
	y   float64
}

var (
	head  = pdf.Style{Size: 16, Bold: true}
	title = pdf.Style{Size: 11, Bold: true}
	body  = pdf.Style{Size: 9}
	bold  = pdf.Style{Size: 9, Bold: true}
	small = pdf.Style{Size: 7.5, Grey: 95}
)

func (p *sheet) room(mm float64) {
	if p.y+mm <= foot {
		return
	}
	p.AddPage()
	p.y = margin + 6
	p.Text(margin, 290, column, pdf.Style{Size: 7.5, Grey: 95, Align: pdf.Right}, "page", fmt.Sprint(p.Pages()))
}

// write adds a text in as many lines as it needs.
func (p *sheet) write(indent float64, st pdf.Style, s string) {
	lead := st.Size * 0.48
	for raw := range strings.SplitSeq(printable(s), "\n") {
		for _, alike := range apart(breakable(raw)) {
			for _, line := range p.Break(column-indent, st, "evidence", alike) {
				p.room(lead)
				p.Text(margin+indent, p.y, column-indent, st, "evidence", line)
				p.y += lead
			}
		}
	}
}

// apart puts on lines of their own what can't be drawn together: letters that are shaped, and those of fonts that
// only the machine has.
func apart(s string) (lines []string) {
	line := ""
	for w := range strings.FieldsSeq(s) {
		longer := strings.TrimSpace(line + " " + w)
		if _, _, missing := pdf.Missing(longer); missing && line != "" {
			lines = append(lines, line)
			longer = w
		}
		line = longer
	}
	return append(lines, line)
}

func (p *sheet) section(key string, n int) {
	p.y += 4
	p.room(14)
	p.write(0, title, fmt.Sprintf("%s (%d)", p.say.T("evidence."+key), n))
	p.Rule(margin, p.y-2.5, 210-margin, p.y-2.5, 0.2, 160)
	p.y += 2
	if n == 0 {
		p.write(0, small, p.say.T("evidence.none"))
	}
}

// printable replaces what no font has, such as emoji, by its number, so that nothing is left out unseen.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == ' ':
			b.WriteRune(r)
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r):
		default:
			if _, _, missing := pdf.Missing(string(r)); missing {
				fmt.Fprintf(&b, "[U+%04X]", r)
				continue
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// breakable lets words that no line holds be broken: long addresses, and scripts that are written without spaces.
func breakable(s string) string {
	var words []string
	for _, w := range strings.Fields(s) {
		most := 88
		if strings.ContainsFunc(w, func(r rune) bool {
			return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
		}) {
			most = 50
		}
		for r := []rune(w); len(r) > 0; {
			n := min(most, len(r))
			words, r = append(words, string(r[:n])), r[n:]
		}
	}
	return strings.Join(words, " ")
}

func (f File) paper(lang string) ([]byte, error) {
	if len(f.Messages)+len(f.Consents) > mostPapers {
		return nil, ErrTooLong
	}
	p := &sheet{Doc: pdf.New(pdf.A4, "Evidence "+f.Subject.Address, f.MadeAt), say: i18n.For(lang), y: foot}
	t := func(key string, args ...any) string { return p.say.T("evidence."+key, args...) }
	at := func(when time.Time) string { return when.UTC().Format("2006-01-02 15:04:05 UTC") }
	p.room(20)
	p.write(0, head, t("title"))
	p.y += 3
	about := f.Subject.Address
	if about == "" {
		about = f.Subject.From.Format(time.DateOnly) + " – " + f.Subject.Until.Format(time.DateOnly) + " " + string(f.Subject.Market)
	}
	p.write(0, title, about)
	p.write(0, body, t("made", "at", at(f.MadeAt), "by", f.MadeBy, "rules", f.Rules))
	p.y += 2
	if len(f.Gaps) == 0 {
		p.write(0, bold, t("whole"))
	}
	for _, g := range f.Gaps {
		p.write(0, bold, t("gap_"+g.What, "address", g.Address, "number", fmt.Sprint(g.Seq)))
	}
	p.section("consents", len(f.Consents))
	for _, c := range f.Consents {
		p.room(14)
		p.write(0, bold, fmt.Sprintf("%s  %s · %s · %s · %s", at(c.At), p.say.T("evidence.action_"+string(c.Action)), c.Address, c.Channel, c.Class))
		if c.Text != "" {
			p.write(4, body, c.Text)
		}
		p.write(4, small, joined("wording", c.Wording, "source", c.Source, "page", c.Page, "language", c.Lang, "market", string(c.Market), "ip", c.IPDigest, "proof", c.Proof))
		p.write(4, small, fmt.Sprintf("%d · %s", c.Seq, c.Digest))
		p.y += 1.5
	}
	p.section("silence", len(f.Silence))
	for _, s := range f.Silence {
		p.write(0, body, fmt.Sprintf("%s  %s · %s · %s · %s", at(s.At), s.Address, t("silence_"+s.Action), s.Reason, s.Source))
		if s.Note != "" {
			p.write(4, body, s.Note)
		}
	}
	p.section("messages", len(f.Messages))
	for _, m := range f.Messages {
		p.room(18)
		p.write(0, bold, fmt.Sprintf("%s  %s · %s · %s · %s", at(m.At), m.To, m.Class, m.Channel, m.State))
		switch {
		case m.RemovedWhy != "":
			p.write(4, small, t("removed", "at", at(m.TextRemoved), "digest", m.TextDigest))
		default:
			p.write(4, body, strings.TrimSpace(m.Subject+"\n"+m.Text))
		}
		p.write(4, small, joined("template", m.Template, "sender", m.Sender, "reason", m.Reason, "id", m.ID))
		for _, d := range m.Decisions {
			var why []string
			for _, r := range d.Reasons {
				why = append(why, strings.TrimSpace(r.Code+" "+r.Detail))
			}
			p.write(4, small, fmt.Sprintf("%s %s · %s · %s: %s", t("gate"), at(d.At), d.Version, d.Verdict, strings.Join(why, "; ")))
		}
		for _, a := range m.Attempts {
			p.write(4, small, fmt.Sprintf("%s %s · %s %s %s", t("attempt"), at(a.At), a.Provider, a.Outcome, strings.Join(a.Refs, " ")))
		}
		for _, r := range m.Receipts {
			p.write(4, small, fmt.Sprintf("%s %s · %s %s %s", t("receipt"), at(r.At), r.State, r.Code, r.Ref))
		}
		p.y += 1.5
	}
	p.section("heard", len(f.Heard))
	for _, h := range f.Heard {
		p.room(10)
		p.write(0, bold, fmt.Sprintf("%s  %s · %s · %s", at(h.At), h.From, h.Channel, h.Intent))
		p.write(4, body, h.Text)
	}
	p.y += 4
	p.write(0, small, t("digest", "digest", f.Digest))
	return p.Bytes()
}
