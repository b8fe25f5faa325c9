package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/address"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/sms"
	"portolan/internal/web"
)

// Texts are the words of messages. Satisfied by messaging.Service.
type Texts interface {
	Keys(tx *db.Tx) ([]messaging.TemplateKey, error)
	TemplateKey(tx *db.Tx, name string) (messaging.TemplateKey, error)
	AddKey(tx *db.Tx, k messaging.TemplateKey, by string) error
	Texts(tx *db.Tx, langs []string) (map[messaging.TextID]messaging.TextState, error)
	Text(tx *db.Tx, id messaging.TextID) (messaging.TextVersion, error)
	History(tx *db.Tx, id messaging.TextID) ([]messaging.TextVersion, error)
	CheckText(tx *db.Tx, id messaging.TextID, w messaging.Words) error
	Publish(tx *db.Tx, id messaging.TextID, w messaging.Words, e messaging.Edit) (messaging.TextVersion, error)
	Back(tx *db.Tx, id messaging.TextID, n int64, e messaging.Edit) (messaging.TextVersion, error)
	Draft(tx *db.Tx, id messaging.TextID) (messaging.Draft, bool, error)
	KeepDraft(tx *db.Tx, id messaging.TextID, w messaging.Words, by string) error
	DropDraft(tx *db.Tx, id messaging.TextID) error
	Look(tx *db.Tx, id messaging.TextID, w messaging.Words, m market.Code, vars map[string]string) (messaging.Look, error)
	Uses(tx *db.Tx, templates []string, pins messaging.Pins) ([]messaging.TextUse, error)
	TryText(tx *db.Tx, id messaging.TextID, w messaging.Words, m market.Code, to string) (messaging.Record, error)
}

func (c *console) textRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/templates", c.page("texts", c.textList))
	mux.Handle("POST /console/templates", c.filled(auth.Operator, "texts", c.textList, c.addTextKey))
	mux.Handle("GET /console/templates/{key}", c.page("text", c.text))
	mux.Handle("POST /console/templates/{key}", c.known(c.writeText))
	mux.Handle("GET /console/templates/{key}/letter", c.known(c.textLetter))
}

type textsView struct {
	Langs  []textColumn
	Groups []textGroup
}

// textGroup is a journey's texts; those of answers and the merchant's own stand together too.
type textGroup struct {
	Name string
	Rows []textRow
}

type textColumn struct {
	Lang, Name  string
	Have, Total int64
}

type textRow struct {
	messaging.TemplateKey
	Name  string
	About string // when it is sent
	Cells []textCell
}

type textCell struct{ Short, Mail messaging.TextState }

// textLangs are the languages that texts are kept in: those of the markets first, then those the program has.
func (c *console) textLangs() (all []string) {
	for _, m := range c.selling() {
		all = append(all, m.Languages...)
	}
	all = append(all, messaging.TextLanguages()...)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(l string) bool {
		defer func() { seen[l] = true }()
		return seen[l]
	})
}

func (p *page) keyName(k messaging.TemplateKey) string {
	if k.Own {
		return k.Title
	}
	return p.Word("tp_key", k.Key)
}

// keyAbout says when a built-in text is sent.
func (p *page) keyAbout(k messaging.TemplateKey) string {
	if k.Own {
		return ""
	}
	return p.Word("tp_about", k.Key)
}

func (c *console) textList(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_templates")
	keys, err := c.texts().Keys(tx)
	if err != nil {
		return err
	}
	langs := c.textLangs()
	states, err := c.texts().Texts(tx, langs)
	if err != nil {
		return err
	}
	v := textsView{}
	for _, l := range langs {
		v.Langs = append(v.Langs, textColumn{Lang: l, Name: i18n.For(p.Lang()).LanguageName(l), Total: int64(2 * len(keys))})
	}
	for _, k := range keys {
		row := textRow{TemplateKey: k, Name: p.keyName(k), About: p.keyAbout(k)}
		for i, l := range langs {
			cell := textCell{states[messaging.TextID{Key: k.Key, Lang: l, Channel: messaging.SMS}], states[messaging.TextID{Key: k.Key, Lang: l, Channel: messaging.Email}]}
			for _, s := range []messaging.TextState{cell.Short, cell.Mail} {
				if s.Source != "missing" {
					v.Langs[i].Have++
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		name := p.Word("tp_journey", cmp.Or(k.Journey, "answers"))
		if k.Own {
			name = p.T("console.tp_own_texts")
		}
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Name != name {
			v.Groups = append(v.Groups, textGroup{Name: name})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Rows = append(g.Rows, row)
	}
	p.Data = v
	return nil
}

func (c *console) addTextKey(r *http.Request, p *page) (string, error) {
	k := messaging.TemplateKey{Key: strings.TrimSpace(r.PostForm.Get("key")), Title: strings.TrimSpace(r.PostForm.Get("title")), Class: messaging.Class(r.PostForm.Get("class"))}
	for line := range strings.Lines(r.PostForm.Get("vars")) {
		name, kind, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "" {
			k.Vars = append(k.Vars, messaging.Variable{Name: strings.TrimSpace(name), Type: messaging.VarType(strings.TrimSpace(kind))})
		}
	}
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.texts().AddKey(tx, k, p.User.Email) })
	return "/console/templates/" + k.Key + "?lang=" + c.textLangs()[0], err
}

func (c *console) texts() Texts { return c.Messages }

type textView struct {
	messaging.TextID
	Name     string
	About    string
	Template messaging.TemplateKey
	Langs    []choice
	Channels []choice
	Markets  []choice
	Market   market.Code
	Words    messaging.Words
	Dir      string
	Vars     []textVar
	Over     int64
	Source   string
	Draft    *messaging.Draft
	Wrong    map[string]string
	Main     *lookRow
	Letter   string // address of the e-mail's picture
	Looks    []lookRow
	Savings  []savingRow
	After    int // parts once everything is replaced
	Script   bool
	Diff     []diffPiece
	History  []messaging.TextVersion
	Users    textUsers
	Anew     bool // chosen in the form
}

// textVar is a variable with what it holds and a sample.
type textVar struct {
	messaging.Variable
	About, Sample string
}

type lookRow struct {
	messaging.Look
	Name string
}

type savingRow struct {
	messaging.Saving
	Text string
	Here bool // it stands in the words, not in a sample or the sender's prefix
}

// askedText reads which text a page is about.
func (c *console) askedText(r *http.Request) messaging.TextID {
	id := messaging.TextID{Key: r.PathValue("key"), Lang: r.FormValue("lang"), Channel: messaging.Channel(r.FormValue("channel"))}
	if id.Lang == "" {
		id.Lang = c.textLangs()[0]
	}
	if id.Channel != messaging.Email {
		id.Channel = messaging.SMS
	}
	return id
}

func typedWords(q url.Values) messaging.Words {
	return messaging.Words{Subject: q.Get("subject"), Body: q.Get("body"), PlainSubject: q.Get("plain_subject"), Plain: q.Get("plain")}
}

func (c *console) text(tx *db.Tx, r *http.Request, p *page) error {
	id := c.askedText(r)
	k, err := c.texts().TemplateKey(tx, id.Key)
	if err != nil {
		return err
	}
	now, err := c.texts().Text(tx, id)
	if err != nil {
		return err
	}
	v := textView{TextID: id, Template: k, Name: p.keyName(k), About: p.keyAbout(k), Words: now.Words, Over: now.N, Dir: p.DirOf(id.Lang), Wrong: map[string]string{}, Source: "own"}
	p.Title = v.Name
	switch {
	case now.Words == messaging.Words{}:
		v.Source = "missing"
	case now.Builtin:
		v.Source = "builtin"
	}
	draft, there, err := c.texts().Draft(tx, id)
	if err != nil {
		return err
	}
	if there {
		v.Draft, v.Words = &draft, draft.Words
	}
	if r.Method == http.MethodPost {
		v.Words = typedWords(r.Form)
		if n, err := strconv.ParseInt(r.Form.Get("over"), 10, 64); err == nil && p.Refused.Text == "" {
			v.Over = n
		}
	}
	samples := messaging.Samples(id.Lang)
	for _, x := range k.Vars {
		row := textVar{Variable: x, Sample: cut(strings.Join(strings.Fields(samples[x.Name]), " "), 40)}
		if !k.Own {
			row.About = p.Word("tp_var", x.Name)
		}
		v.Vars = append(v.Vars, row)
	}
	for _, l := range c.textLangs() {
		v.Langs = append(v.Langs, choice{l, p.LanguageName(l), l == id.Lang})
	}
	for _, ch := range []messaging.Channel{messaging.SMS, messaging.Email} {
		v.Channels = append(v.Channels, choice{string(ch), p.Word("channel", ch), ch == id.Channel})
	}
	v.Diff = differ(now.Words.Body, v.Words.Body)
	if now.Words.Subject != v.Words.Subject {
		v.Diff = append(append(differ(now.Words.Subject, v.Words.Subject), diffPiece{Text: "\n"}), v.Diff...)
	}
	if now.Words.Plain != v.Words.Plain {
		v.Diff = append(append(v.Diff, diffPiece{Text: "\n—\n"}), differ(now.Words.Plain, v.Words.Plain)...)
	}
	if v.History, err = c.texts().History(tx, id); err != nil {
		return err
	}
	v.Anew = r.FormValue("kind") == "new"
	if v.Users, err = c.textUsers(tx, p, id, v.History); err != nil {
		return err
	}
	if err := c.lookAtText(tx, r, p, &v); err != nil {
		return err
	}
	if done := p.query.Get("done"); (done == "text_published" || done == "text_anew") && now.N > 0 {
		q := url.Values{"lang": {id.Lang}, "channel": {string(id.Channel)}, "do": {"back"}, "over": {strconv.FormatInt(now.N, 10)}}
		p.Undo = &undo{"/console/templates/" + id.Key + "?" + q.Encode(), "n", strconv.FormatInt(now.N-1, 10)}
	}
	p.Data = v
	return nil
}

// lookAtText draws the text for every market, and for the one that is asked for on a phone.
func (c *console) lookAtText(tx *db.Tx, r *http.Request, p *page, v *textView) error {
	v.Market = market.Code(r.FormValue("market"))
	for _, m := range c.selling() {
		if v.Market == "" && m.Speaks(v.Lang) {
			v.Market = m.Code
		}
	}
	if _, ok := c.Markets.ByCode(v.Market); !ok {
		v.Market = ""
	}
	for _, m := range c.selling() {
		if v.Market == "" {
			v.Market = m.Code
		}
		v.Markets = append(v.Markets, choice{string(m.Code), p.CountryName(string(m.Country())), m.Code == v.Market})
	}
	if strings.TrimSpace(v.Words.Body) == "" && r.Method == http.MethodGet {
		return nil
	}
	if err := c.texts().CheckText(tx, v.TextID, v.Words); err != nil {
		if fault.Of(err).Kind != fault.Invalid {
			return err
		}
		_, v.Wrong = p.Fault(err)
		return nil
	}
	for _, m := range c.selling() {
		l, err := c.texts().Look(tx, v.TextID, v.Words, m.Code, nil)
		if err != nil {
			return err
		}
		row := lookRow{l, p.CountryName(string(m.Country()))}
		v.Looks = append(v.Looks, row)
		if m.Code == v.Market {
			v.Main = &row
		}
	}
	if v.Main == nil {
		return nil
	}
	if v.Channel == messaging.Email {
		q := url.Values{"lang": {v.Lang}, "channel": {"email"}, "market": {string(v.Market)}, "subject": {v.Words.Subject}, "body": {v.Words.Body}}
		v.Letter = "/console/templates/" + v.Key + "/letter?" + q.Encode()
		return nil
	}
	all, after := messaging.Savings(v.Main.Body)
	v.After, v.Script = after, len(all) == 0 && v.Main.Encoding == string(sms.UCS2)
	for _, s := range all {
		here := !strings.ContainsRune("[]{}|", s.Char) && strings.ContainsRune(v.Words.Body+v.Words.Plain, s.Char)
		v.Savings = append(v.Savings, savingRow{s, string(s.Char), here && s.Instead != ""})
	}
	return nil
}

// writeText serves the editor's form: look, put a variable in, replace a character, keep a draft, publish, go back,
// send a test.
func (c *console) writeText(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	draw := func(status int) error {
		err := c.DB.Read(r.Context(), func(tx *db.Tx) error {
			if err := c.furnish(tx, p); err != nil {
				return err
			}
			return c.text(tx, r, p)
		})
		if err != nil {
			return err
		}
		return c.show(w, r, status, "text", p)
	}
	if name := r.Form.Get("insert"); name != "" {
		r.Form.Set("body", strings.TrimRight(r.Form.Get("body"), " \n\r")+" {"+name+"}")
		return draw(http.StatusOK)
	}
	if char := []rune(r.Form.Get("replace")); len(char) == 1 {
		for _, field := range []string{"body", "plain"} {
			r.Form.Set(field, replaceCostly(r.Form.Get(field), char[0]))
		}
		return draw(http.StatusOK)
	}
	do := r.Form.Get("do")
	if do == "" || do == "look" {
		return draw(http.StatusOK)
	}
	id := c.askedText(r)
	over, _ := strconv.ParseInt(r.Form.Get("over"), 10, 64)
	words := typedWords(r.Form)
	edit := messaging.Edit{Over: over, By: p.User.Email, Why: strings.TrimSpace(r.Form.Get("why")), Anew: r.Form.Get("kind") == "new"}
	done := map[string]string{"publish": "text_published", "back": "text_published", "draft": "text_kept", "drop": "text_dropped", "test": "text_tested"}[do]
	if do == "publish" && edit.Anew {
		done = "text_anew"
	}
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		switch do {
		case "publish":
			_, err = c.texts().Publish(tx, id, words, edit)
		case "back":
			n, bad := strconv.ParseInt(r.Form.Get("n"), 10, 64)
			if bad != nil {
				return messaging.ErrUnknownTemplate
			}
			_, err = c.texts().Back(tx, id, n, edit)
		case "draft":
			err = c.texts().KeepDraft(tx, id, words, p.User.Email)
		case "drop":
			err = c.texts().DropDraft(tx, id)
		case "test":
			err = c.tryText(tx, r, p, id, words)
		default:
			return messaging.ErrUnknownTemplate
		}
		return err
	})
	if err == nil {
		q := url.Values{"lang": {id.Lang}, "channel": {string(id.Channel)}, "market": {r.Form.Get("market")}, "done": {done}}
		if do == "test" {
			if err := c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.texts().KeepDraft(tx, id, words, p.User.Email) }); err != nil {
				return err
			}
		}
		http.Redirect(w, r, "/console/templates/"+id.Key+"?"+q.Encode(), http.StatusSeeOther)
		return nil
	}
	switch fault.Of(err).Kind {
	case fault.Invalid, fault.Conflict:
	default:
		return err
	}
	status := web.Status(err)
	web.Log(r, status, err)
	p.Refused = refused{Do: do, values: r.Form}
	p.Refused.Text, p.Refused.Fields = p.Fault(err)
	return draw(status)
}

// tryText sends a text to the person who asks: to their own mailbox, or to the number they give as theirs.
func (c *console) tryText(tx *db.Tx, r *http.Request, p *page, id messaging.TextID, w messaging.Words) error {
	m, _ := c.Markets.ByCode(market.Code(r.Form.Get("market")))
	to := p.User.Email
	if id.Channel == messaging.SMS {
		country := ""
		if m.Code != "" {
			country = string(m.Country())
		}
		number, err := address.Phone(r.Form.Get("number"), country)
		if err != nil {
			return messaging.ErrTemplateForm.With(map[string]string{"number": "no_phone_number"})
		}
		to = number
	}
	_, err := c.texts().TryText(tx, id, w, m.Code, to)
	return err
}

// textLetter draws an e-mail as it is typed, in a frame where it can do nothing.
func (c *console) textLetter(w http.ResponseWriter, r *http.Request, _ *page) error {
	var l messaging.Look
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		l, err = c.texts().Look(tx, c.askedText(r), typedWords(r.URL.Query()), market.Code(r.FormValue("market")), nil)
		return err
	})
	if err != nil {
		return err
	}
	return letter(w, r, l.HTML)
}

// replaceCostly writes a character in its cheaper form, outside of variables.
func replaceCostly(s string, char rune) string {
	all, _ := messaging.Savings(string(char))
	if len(all) != 1 || strings.ContainsRune("[]{}|", char) {
		return s
	}
	return strings.ReplaceAll(s, string(char), all[0].Instead)
}
