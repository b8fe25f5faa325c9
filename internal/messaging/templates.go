package messaging

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/snapshot"
)

var (
	// ErrUnknownTemplate is the fault of a template or version that there isn't.
	ErrUnknownTemplate = fault.New(fault.NotFound, "messaging.unknown_template")
	// ErrTemplateForm is the fault of words, or of a key, that can't be kept as they are, with their fields.
	ErrTemplateForm = fault.New(fault.Invalid, "messaging.template_form")
	// ErrTemplateMoved is the fault of words over a version that is no longer in force.
	ErrTemplateMoved = fault.New(fault.Conflict, "messaging.template_moved")
	// ErrTemplateTaken is the fault of a new key under a name in use.
	ErrTemplateTaken = fault.New(fault.Conflict, "messaging.template_taken")
)

// templatesKey names the version of all texts.
const templatesKey = "messaging.templates"

// TextID names one text: what it is for, its language, and whether it is an e-mail or short (SMS, which stands for
// every other channel).
type TextID struct {
	Key     string
	Lang    string
	Channel Channel
}

// TemplateKey is what a template is for.
type TemplateKey struct {
	Key   string
	Title string // of a merchant's own; empty for the built-in ones
	Class Class
	// Journey is whose message it is: confirm, cart, parcel, delay, survey, again or review. Answers and the
	// merchant's own have none.
	Journey string
	Own     bool // made by the merchant
	Vars    []Variable
}

// Variable is what a template may hold. Needed says that without it the text makes no sense.
type Variable struct {
	Name   string  `json:"name"`
	Type   VarType `json:"type"`
	Needed bool    `json:"needed,omitempty"`
}

// TextState says where one text comes from: "own", "builtin", or "missing", when another language stands in.
type TextState struct {
	TextID
	Source  string
	Version int64
	Draft   bool
}

// TextVersion is one row of a text's history. Version 0 is the built-in text. What isn't written anew corrects the
// version before it.
type TextVersion struct {
	TextID
	N       int64
	Builtin bool // the program's own words again
	Anew    bool // only journeys that are published from then on take them in; see Pins
	Words   Words
	Who     string
	Why     string
	At      time.Time
}

// Edit says of a new version of a text over which one it was written, who wrote it and why, and whether it corrects that
// one for everybody who is sent it, also on their way, or is written anew for journeys that are published from now on.
type Edit struct {
	Over int64 // the version that the writer saw; 0: none, or the built-in one
	By   string
	Why  string
	Anew bool
}

// Draft is what somebody is still writing.
type Draft struct {
	Words Words
	Who   string
	At    time.Time
}

// Templates makes texts that the merchant wrote stand over the built-in ones, on every node as soon as they are
// published. Call it before the queue runs.
func (s *Service) Templates(versions snapshot.Versions, bump snapshot.Bump) {
	s.bump = bump
	s.own = snapshot.New(s.db, func() int64 { return versions.Version(templatesKey) }, s.readOwn)
}

// texts are all texts as they are in force.
func (s *Service) texts() *texts {
	if s.own != nil {
		if t := s.own.Get(); t.keys != nil {
			return t
		}
	}
	return &s.rules.texts
}

// readOwn puts the merchant's keys and words over the built-in ones.
func (s *Service) readOwn(tx *db.Tx, _ *texts) (*texts, error) {
	built := &s.rules.texts
	t := &texts{keys: maps.Clone(built.keys), words: maps.Clone(built.words), blocks: built.blocks}
	keys, err := readKeys(tx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		t.keys[k.Key] = k.key()
	}
	all, err := readWordings(tx)
	if err != nil {
		return nil, err
	}
	t.wordings, t.built = map[string][]wording{}, built.words
	for _, v := range all {
		name := wordsName(v.Key, v.Lang, v.Channel)
		w, there := built.words[name]
		if !v.Builtin {
			w, there = built.inPlace(v), true
		}
		t.wordings[name] = append(t.wordings[name], wording{v.first, w, there})
		delete(t.words, name)
		if there {
			t.words[name] = w // the last one is in force
		}
	}
	t.index()
	return t, nil
}

// inPlace are a merchant's words with what of the built-in ones stays.
func (t *texts) inPlace(v textWording) words {
	w := v.Words.words()
	w.version = v.N
	if w.plain == "" {
		w.plain = t.words[wordsName(v.Key, v.Lang, v.Channel)].plain
	}
	if w.plain == "" {
		w.plain, w.plainLang = t.words[wordsName(v.Key, "en", v.Channel)].plain, "en"
	}
	return w
}

// key is k as texts are checked and dressed by it: offers end with the way out, and with the link where they have one.
func (k TemplateKey) key() key {
	out := key{class: k.Class, vars: map[string]bool{}, types: map[string]VarType{}, own: true}
	for _, v := range k.Vars {
		out.vars[v.Name], out.types[v.Name] = v.Needed, v.Type
		out.order = append(out.order, v.Name)
		if v.Type == LinkVar {
			out.blocks = append(out.blocks, "link")
		}
	}
	out.blocks = append(out.blocks, "stop")
	return out
}

// Keys lists all templates: the merchant's own first, then those of each journey in the order of a sale, then answers.
func (s *Service) Keys(tx *db.Tx) ([]TemplateKey, error) {
	all, err := readKeys(tx)
	if err != nil {
		return nil, err
	}
	return append(all, BuiltinKeys()...), nil
}

// BuiltinKeys lists the templates that the program has, in the order of a sale.
func BuiltinKeys() (all []TemplateKey) {
	keys := builtin().texts.keys
	for name, k := range keys {
		all = append(all, k.shown(name))
	}
	slices.SortFunc(all, func(a, b TemplateKey) int { return keys[a.Key].place - keys[b.Key].place })
	return all
}

func (k key) shown(name string) TemplateKey {
	t := TemplateKey{Key: name, Class: k.class, Journey: k.journey, Own: k.own}
	for _, v := range k.names() {
		t.Vars = append(t.Vars, Variable{v, k.typeOf(v), k.vars[v]})
	}
	return t
}

// TemplateKey returns one key or ErrUnknownTemplate.
func (s *Service) TemplateKey(tx *db.Tx, name string) (TemplateKey, error) {
	if k, ok := s.rules.texts.keys[name]; ok {
		return k.shown(name), nil
	}
	k, err := db.One(tx, scanKey, `select key, title, class, vars from message_keys where key = $1`, name)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownTemplate
	}
	return k, err
}

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9_]{1,38}$`)

// AddKey makes a template for offers or surveys: transactional ones belong to the program, which knows when to send
// them. A bad name, class or variable is ErrTemplateForm with its fields, a name in use ErrTemplateTaken.
func (s *Service) AddKey(tx *db.Tx, k TemplateKey, by string) error {
	bad := map[string]string{}
	if !keyForm.MatchString(k.Key) {
		bad["key"] = "messaging.key_form"
	}
	if k.Class != Promotional && k.Class != Survey {
		bad["class"] = "messaging.key_class"
	}
	if n := utf8.RuneCountInString(k.Title); n == 0 || n > longestKeyTitle || checkPiece(key{}, k.Title, longestKeyTitle, false) != "" {
		bad["title"] = "messaging.key_title"
	}
	seen := map[string]bool{}
	for _, v := range k.Vars {
		known := slices.Contains([]VarType{TextVar, NameVar, NumberVar, MoneyVar, DateVar, CodeVar, LinkVar}, v.Type)
		if !keyForm.MatchString(v.Name) || seen[v.Name] || !known || (v.Type == LinkVar) != (v.Name == "link") || v.Name == "lines" || len(seen) >= 20 {
			bad["vars"] = "messaging.key_vars"
		}
		seen[v.Name] = true
	}
	if len(bad) > 0 {
		return ErrTemplateForm.With(bad)
	}
	taken := ErrTemplateTaken.With(map[string]string{"key": "messaging.template_taken"})
	if _, ok := s.rules.texts.keys[k.Key]; ok {
		return taken
	}
	n, err := tx.Exec(`insert into message_keys (key, title, class, vars, made_by, made_at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
		k.Key, k.Title, string(k.Class), encode(k.Vars), by, tx.Now())
	if err == nil && n == 0 {
		return taken
	}
	if err != nil {
		return err
	}
	return s.bump(tx, templatesKey)
}

// TextLanguages are the languages that the built-in texts have.
func TextLanguages() []string {
	return slices.Sorted(maps.Keys(builtin().texts.blocks))
}

// Texts says of every key, in every language of langs and both kinds of channel, where its text comes from.
func (s *Service) Texts(tx *db.Tx, langs []string) (map[TextID]TextState, error) {
	keys, err := s.Keys(tx)
	if err != nil {
		return nil, err
	}
	all := map[TextID]TextState{}
	for _, k := range keys {
		for _, lang := range langs {
			for _, ch := range []Channel{SMS, Email} {
				id := TextID{k.Key, lang, ch}
				t := TextState{TextID: id, Source: "missing"}
				if _, ok := s.rules.texts.words[wordsName(k.Key, lang, ch)]; ok {
					t.Source = "builtin"
				}
				all[id] = t
			}
		}
	}
	own, err := inForce(tx)
	if err != nil {
		return nil, err
	}
	for _, v := range own {
		t, ok := all[v.TextID]
		if !ok {
			continue
		}
		if t.Version = v.N; !v.Builtin {
			t.Source = "own"
		}
		all[v.TextID] = t
	}
	drafts, err := db.All(tx, func(r db.Row) (id TextID, err error) {
		err = r.Scan(&id.Key, &id.Lang, (*string)(&id.Channel))
		return
	}, `select key, lang, channel from message_text_drafts`)
	for _, id := range drafts {
		if t, ok := all[id]; ok {
			t.Draft = true
			all[id] = t
		}
	}
	return all, err
}

// Text is the text in force: the merchant's, or the built-in one. Where a language has none its Words are empty.
func (s *Service) Text(tx *db.Tx, id TextID) (TextVersion, error) {
	all, err := s.History(tx, id)
	if err != nil {
		return TextVersion{TextID: id}, err
	}
	v := all[0]
	if v.Builtin {
		v.Words = all[len(all)-1].Words
	}
	return v, nil
}

// History is every version of a text, the one in force first and the built-in one, 0, last.
func (s *Service) History(tx *db.Tx, id TextID) ([]TextVersion, error) {
	if err := s.checkID(tx, id); err != nil {
		return nil, err
	}
	all, err := db.All(tx, scanText, `select `+textColumns+` from message_texts where key = $1 and lang = $2 and channel = $3 order by n desc`,
		id.Key, id.Lang, string(id.Channel))
	return append(all, TextVersion{TextID: id, Builtin: true, Words: s.rules.texts.words[wordsName(id.Key, id.Lang, id.Channel)].spread(id.Channel)}), err
}

var langForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func (s *Service) checkID(tx *db.Tx, id TextID) error {
	if !langForm.MatchString(id.Lang) || len(id.Lang) > 20 || id.Channel != SMS && id.Channel != Email {
		return fmt.Errorf("text %s %s %s: %w", id.Key, id.Lang, id.Channel, ErrUnknownTemplate)
	}
	_, err := s.TemplateKey(tx, id.Key)
	return err
}

// Publish puts words in force as the next version after e.Over; if that isn't the last one any more, it is
// ErrTemplateMoved. Words that can't be kept, or that need more than ten parts in a market, are ErrTemplateForm with their
// fields. A draft is done with.
func (s *Service) Publish(tx *db.Tx, id TextID, w Words, e Edit) (TextVersion, error) {
	w = w.tidy()
	if err := s.CheckText(tx, id, w); err != nil {
		return TextVersion{}, err
	}
	return s.append(tx, TextVersion{TextID: id, Words: w}, e)
}

// CheckText says whether words can be kept: ErrTemplateForm with the fields if not.
func (s *Service) CheckText(tx *db.Tx, id TextID, w Words) error {
	if err := s.checkID(tx, id); err != nil {
		return err
	}
	t, err := s.TemplateKey(tx, id.Key)
	if err != nil {
		return err
	}
	k := s.keyOf(t)
	bad := checkWords(k, id.Channel, w.tidy())
	if k.class == Transactional {
		for field, text := range map[string]string{"subject": w.Subject, "body": w.Body, "plain_subject": w.PlainSubject, "plain": w.Plain} {
			if code := checkOffer(text, s.cfg.BaseURL); code != "" && bad[field] == "" {
				bad[field] = "messaging." + code
			}
		}
	}
	if len(bad) == 0 && id.Channel == SMS {
		look, err := s.look(k, id, w.tidy(), "", nil)
		if err != nil {
			return err
		}
		if look.Parts > mostPublished {
			bad["body"] = "messaging.text_parts"
		}
	}
	if len(bad) > 0 {
		return ErrTemplateForm.With(bad)
	}
	return nil
}

func (s *Service) keyOf(t TemplateKey) key {
	if k, ok := s.rules.texts.keys[t.Key]; ok {
		return k
	}
	return t.key()
}

// Back puts an earlier version in force again, as a new one; 0 is the built-in text.
func (s *Service) Back(tx *db.Tx, id TextID, n int64, e Edit) (TextVersion, error) {
	all, err := s.History(tx, id)
	if err != nil {
		return TextVersion{}, err
	}
	i := slices.IndexFunc(all, func(v TextVersion) bool { return v.N == n })
	if i < 0 {
		return TextVersion{}, ErrUnknownTemplate
	}
	return s.append(tx, TextVersion{TextID: id, Builtin: all[i].Builtin, Words: all[i].Words}, e)
}

func (s *Service) append(tx *db.Tx, v TextVersion, e Edit) (TextVersion, error) {
	before, err := s.History(tx, v.TextID)
	if err != nil {
		return v, err
	}
	if before[0].N != e.Over {
		return v, ErrTemplateMoved
	}
	v.N, v.Anew, v.Who, v.Why, v.At = e.Over+1, e.Anew, e.By, clipRunes(e.Why, 300), tx.Now()
	if v.Builtin {
		v.Words = Words{}
	}
	n, err := tx.Exec(`insert into message_texts (id, `+textColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
		newID("txt"), v.Key, v.Lang, string(v.Channel), v.N, v.Builtin, v.Anew, encode(v.Words), v.Who, v.Why, v.At)
	if err == nil && n == 0 {
		err = ErrTemplateMoved
	}
	if err != nil {
		return v, err
	}
	if err := s.DropDraft(tx, v.TextID); err != nil {
		return v, err
	}
	return v, s.bump(tx, templatesKey)
}

func clipRunes(s string, most int) string {
	if r := []rune(strings.ToValidUTF8(s, "")); len(r) > most {
		return string(r[:most])
	}
	return strings.ToValidUTF8(s, "")
}

// Draft is what is being written of a text; false if nothing is.
func (s *Service) Draft(tx *db.Tx, id TextID) (d Draft, there bool, err error) {
	d, err = db.One(tx, func(r db.Row) (d Draft, err error) {
		var body string
		if err = r.Scan(&body, &d.Who, &d.At); err == nil {
			err = json.Unmarshal([]byte(body), &d.Words)
		}
		return
	}, `select words, who, at from message_text_drafts where key = $1 and lang = $2 and channel = $3`, id.Key, id.Lang, string(id.Channel))
	if errors.Is(err, db.ErrNone) {
		return d, false, nil
	}
	return d, err == nil, err
}

// KeepDraft keeps words for later. They may be wrong still, but not longer than a text can be.
func (s *Service) KeepDraft(tx *db.Tx, id TextID, w Words, by string) error {
	if err := s.checkID(tx, id); err != nil {
		return err
	}
	w = w.tidy()
	for field, text := range map[string]string{"subject": w.Subject, "body": w.Body, "plain_subject": w.PlainSubject, "plain": w.Plain} {
		if len(text) > 4*longestMail || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return ErrTemplateForm.With(map[string]string{field: "messaging.text_too_long"})
		}
	}
	return tx.Send(`insert into message_text_drafts (key, lang, channel, words, who, at) values ($1, $2, $3, $4, $5, $6)
		on conflict (key, lang, channel) do update set words = excluded.words, who = excluded.who, at = excluded.at`,
		id.Key, id.Lang, string(id.Channel), encode(w), by, tx.Now())
}

// DropDraft forgets what was being written.
func (s *Service) DropDraft(tx *db.Tx, id TextID) error {
	return tx.Send(`delete from message_text_drafts where key = $1 and lang = $2 and channel = $3`, id.Key, id.Lang, string(id.Channel))
}

const textColumns = `key, lang, channel, n, builtin, anew, words, who, why, at`

func scanText(r db.Row) (v TextVersion, err error) {
	var body string
	if err = r.Scan(&v.Key, &v.Lang, (*string)(&v.Channel), &v.N, &v.Builtin, &v.Anew, &body, &v.Who, &v.Why, &v.At); err == nil {
		err = json.Unmarshal([]byte(body), &v.Words)
	}
	v.At = v.At.UTC()
	return v, err
}

func scanKey(r db.Row) (k TemplateKey, err error) {
	var vars string
	if err = r.Scan(&k.Key, &k.Title, (*string)(&k.Class), &vars); err == nil {
		err = json.Unmarshal([]byte(vars), &k.Vars)
	}
	k.Own = true
	return k, err
}

func readKeys(tx *db.Tx) ([]TemplateKey, error) {
	return db.All(tx, scanKey, `select key, title, class, vars from message_keys order by key`)
}

func inForce(tx *db.Tx) ([]TextVersion, error) {
	return db.All(tx, scanText, `select `+textColumns+` from message_texts t
		where n = (select max(n) from message_texts o where o.key = t.key and o.lang = t.lang and o.channel = t.channel) order by key, lang, channel`)
}
