package admin

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
)

// wordsRow is one text that a journey sends.
type wordsRow struct {
	messaging.TextUse
	Name, Where   string // "Survey", "German · SMS"
	URL           string
	Before, After string // names of its versions
	Old, New      []diffPiece
	Dir           string
}

// wording is what a version, or with nil pins what would be one now, says by which words.
type wording struct {
	d    *journeys.Definition
	pins messaging.Pins
}

// wordingOf finds a version, or the draft, with its words.
func (c *console) wordingOf(tx *db.Tx, name, which string) (wording, error) {
	if n, err := strconv.ParseInt(which, 10, 64); err == nil {
		v, err := c.Journeys.Version(tx, name, n)
		return wording{&v.Definition, v.Texts}, err
	}
	d, err := c.Journeys.Said(tx, name, which)
	return wording{&d, nil}, err
}

// takenIn lists the merchant's words that a journey sends.
func (c *console) takenIn(tx *db.Tx, p *page, s wording, names map[string]string) (rows []wordsRow, err error) {
	all, err := c.texts().Uses(tx, s.d.Templates(), s.pins)
	for _, u := range all {
		row := p.wordsRow(u, names)
		row.After = p.textVersion(u.Sent, false)
		rows = append(rows, row)
	}
	return rows, err
}

// changedWords lists the texts that both send, and of which b sends other words than a.
func (c *console) changedWords(tx *db.Tx, p *page, a, b wording, names map[string]string) (rows []wordsRow, err error) {
	both := slices.DeleteFunc(b.d.Templates(), func(t string) bool { return !slices.Contains(a.d.Templates(), t) })
	before, err := c.texts().Uses(tx, both, a.pins)
	if err != nil {
		return nil, err
	}
	after, err := c.texts().Uses(tx, both, b.pins)
	if err != nil {
		return nil, err
	}
	for i, u := range after { // both list the same texts in the same order
		if was := before[i].Sent; was != u.Sent {
			row, err := c.wordsBeside(tx, p, u, was, u.Sent, names)
			if err != nil {
				return nil, err
			}
			if row.Old != nil || row.New != nil {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// waitingWords lists the texts of which newer words wait for the journey's next publishing.
func (c *console) waitingWords(tx *db.Tx, p *page, s wording, names map[string]string) ([]wordsRow, error) {
	return c.changedWords(tx, p, s, wording{s.d, nil}, names)
}

// wordsBeside is a text with two of its versions beside each other; without them if they say the same.
func (c *console) wordsBeside(tx *db.Tx, p *page, u messaging.TextUse, a, b int64, names map[string]string) (wordsRow, error) {
	row := p.wordsRow(u, names)
	history, err := c.texts().History(tx, u.TextID)
	if err != nil {
		return row, err
	}
	before, beforeBuilt := wordsAt(history, a)
	after, afterBuilt := wordsAt(history, b)
	row.Before, row.After, row.Dir = p.textVersion(a, beforeBuilt), p.textVersion(b, afterBuilt), p.DirOf(u.Lang)
	for _, piece := range differ(whole(before), whole(after)) {
		if piece.Kind != "+" {
			row.Old = append(row.Old, piece)
		}
		if piece.Kind != "-" {
			row.New = append(row.New, piece)
		}
	}
	return row, nil
}

// wordsAt are the words of a version; of the program's own also where one went back to them.
func wordsAt(history []messaging.TextVersion, n int64) (w messaging.Words, builtin bool) {
	last := len(history) - 1
	i := slices.IndexFunc(history, func(v messaging.TextVersion) bool { return v.N == n })
	if i < 0 || history[i].Builtin {
		return history[last].Words, true
	}
	return history[i].Words, false
}

func whole(w messaging.Words) string {
	all := strings.TrimSpace(w.Subject + "\n" + w.Body)
	if w.Plain != "" {
		all += "\n—\n" + strings.TrimSpace(w.PlainSubject+"\n"+w.Plain)
	}
	return all
}

func (p *page) wordsRow(u messaging.TextUse, names map[string]string) wordsRow {
	return wordsRow{TextUse: u, Name: cmp.Or(names[u.Key], u.Key), Where: p.LanguageName(u.Lang) + " · " + p.Word("channel", u.Channel), URL: textURL(u.TextID)}
}

func textURL(id messaging.TextID) string {
	return "/console/templates/" + url.PathEscape(id.Key) + "?" + url.Values{"lang": {id.Lang}, "channel": {string(id.Channel)}}.Encode()
}

// textVersion is the name of a version of a text.
func (p *page) textVersion(n int64, builtin bool) string {
	if n == 0 || builtin {
		return p.T("console.tw_own")
	}
	return p.T("console.tp_version", "n", n)
}

// WordsUsed says by which words a message was written: "German · Version 3". Nothing for one that a person wrote.
func (p *page) WordsUsed(m messaging.Record) string {
	lang, number, ok := strings.Cut(m.TextVersion, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || m.Text != "" || m.Trial != nil {
		return ""
	}
	return p.LanguageName(lang) + " · " + p.textVersion(n, false)
}

// WordsURL is the page of the words that a message was written by.
func (p *page) WordsURL(m messaging.Record) string {
	lang, _, _ := strings.Cut(m.TextVersion, "/")
	ch := messaging.SMS
	if m.Channel == messaging.Email {
		ch = messaging.Email
	}
	return textURL(messaging.TextID{Key: m.Template, Lang: lang, Channel: ch})
}

// textUsers says which journeys send a text, and to how many people.
type textUsers struct {
	Rows    []textUserRow
	Reached int64 // people on their way whom a correction reaches
	Missed  int64 // those who are sent older words
	Waits   bool  // a journey that people enter sends older words
	Unsent  bool  // nobody is sent the newest ones yet
}

type textUserRow struct {
	journeys.TextUser
	Title, URL, Sends string
	Move              string // where people are taken to another version
	Older             bool
}

func (c *console) textUsers(tx *db.Tx, p *page, id messaging.TextID, history []messaging.TextVersion) (out textUsers, err error) {
	if c.Journeys == nil {
		return out, nil
	}
	all, err := c.Journeys.TextUsers(tx, id)
	out.Unsent = len(all) > 0
	for _, u := range all {
		_, builtin := wordsAt(history, u.Sent)
		at, version := "/console/journeys/"+url.PathEscape(u.Journey), strconv.FormatInt(u.Version, 10)
		row := textUserRow{TextUser: u, Title: p.JourneyName(u.Journey), Sends: p.textVersion(u.Sent, builtin), Older: u.Sent != history[0].N,
			URL: at + "?v=" + version, Move: at + "/move?from=" + version}
		if row.Older {
			out.Missed += u.UnderWay
			out.Waits = out.Waits || u.Live
		} else {
			out.Reached, out.Unsent = out.Reached+u.UnderWay, false
		}
		out.Rows = append(out.Rows, row)
	}
	return out, err
}
