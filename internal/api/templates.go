package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// Kinds of changes of words.
const (
	wordsCorrect TextChange = "correction"
	wordsAnew    TextChange = "new"
)

// ListTemplates lists what messages say.
func (a *api) ListTemplates(ctx context.Context, _ ListTemplatesRequestObject) (ListTemplatesResponseObject, error) {
	out := TemplateList{Data: []Template{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		keys, err := a.Messages.Keys(tx)
		if err != nil {
			return err
		}
		states, err := a.Messages.Texts(tx, a.textLangs())
		for i := range keys {
			out.Data = append(out.Data, a.showTemplate(&keys[i], states))
		}
		return err
	})
	return ListTemplates200JSONResponse(out), err
}

// AddTemplate adds a key of the merchant's own.
func (a *api) AddTemplate(ctx context.Context, r AddTemplateRequestObject) (AddTemplateResponseObject, error) {
	b := r.Body
	k := messaging.TemplateKey{Key: b.Key, Title: strings.TrimSpace(b.Title), Class: messaging.Class(b.Class)}
	for _, v := range b.Variables {
		k.Vars = append(k.Vars, messaging.Variable{Name: v.Name, Type: messaging.VarType(v.Type), Needed: v.Needed})
	}
	if err := a.DB.Write(ctx, func(tx *db.Tx) error { return a.Messages.AddKey(tx, k, by(ctx)) }); err != nil {
		return nil, err
	}
	out, err := a.template(ctx, b.Key)
	return AddTemplate201JSONResponse(out), err
}

// GetTemplate returns one key with its languages.
func (a *api) GetTemplate(ctx context.Context, r GetTemplateRequestObject) (GetTemplateResponseObject, error) {
	out, err := a.template(ctx, r.Key)
	return GetTemplate200JSONResponse(out), err
}

func (a *api) template(ctx context.Context, key string) (out Template, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		k, err := a.Messages.TemplateKey(tx, key)
		if err != nil {
			return err
		}
		states, err := a.Messages.Texts(tx, a.textLangs())
		out = a.showTemplate(&k, states)
		return err
	})
	return out, err
}

// GetText returns one text with its draft and versions.
func (a *api) GetText(ctx context.Context, r GetTextRequestObject) (GetTextResponseObject, error) {
	out, err := a.text(ctx, messaging.TextID{Key: r.Key, Lang: r.Lang, Channel: messaging.Channel(r.Channel)})
	return GetText200JSONResponse(out), err
}

func (a *api) text(ctx context.Context, id messaging.TextID) (out Text, err error) {
	out = Text{Key: id.Key, Lang: id.Lang, Channel: string(id.Channel), Versions: []TextVersion{}}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		now, err := a.Messages.Text(tx, id)
		if err != nil {
			return err
		}
		out.Now = showVersion(now)
		all, err := a.Messages.History(tx, id)
		if err != nil {
			return err
		}
		for _, v := range all {
			out.Versions = append(out.Versions, showVersion(v))
		}
		d, there, err := a.Messages.Draft(tx, id)
		if there {
			out.Draft = TextDraft{Words: showWords(d.Words), By: d.Who, At: utc(d.At)}
		}
		return err
	})
	return out, err
}

// PublishText puts words in force.
func (a *api) PublishText(ctx context.Context, r PublishTextRequestObject) (PublishTextResponseObject, error) {
	id, b := messaging.TextID{Key: r.Key, Lang: r.Lang, Channel: messaging.Channel(r.Channel)}, r.Body
	w := messaging.Words{Subject: b.Subject, Body: b.Body, PlainSubject: b.PlainSubject, Plain: b.Plain}
	var v messaging.TextVersion
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		v, err = a.Messages.Publish(tx, id, w, messaging.Edit{Over: b.Over, By: by(ctx), Why: b.Why, Anew: b.Kind == wordsAnew})
		return err
	})
	return PublishText201JSONResponse(showVersion(v)), err
}

// KeepDraft keeps words for later.
func (a *api) KeepDraft(ctx context.Context, r KeepDraftRequestObject) (KeepDraftResponseObject, error) {
	id := messaging.TextID{Key: r.Key, Lang: r.Lang, Channel: messaging.Channel(r.Channel)}
	if err := a.DB.Write(ctx, func(tx *db.Tx) error { return a.Messages.KeepDraft(tx, id, readWords(*r.Body), by(ctx)) }); err != nil {
		return nil, err
	}
	out, err := a.text(ctx, id)
	return KeepDraft200JSONResponse(out), err
}

// DropDraft forgets what was kept.
func (a *api) DropDraft(ctx context.Context, r DropDraftRequestObject) (DropDraftResponseObject, error) {
	id := messaging.TextID{Key: r.Key, Lang: r.Lang, Channel: messaging.Channel(r.Channel)}
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := a.Messages.TemplateKey(tx, id.Key); err != nil {
			return err
		}
		return a.Messages.DropDraft(tx, id)
	})
	return DropDraft204Response{}, err
}

// TakeTextBack puts an earlier version in force again.
func (a *api) TakeTextBack(ctx context.Context, r TakeTextBackRequestObject) (TakeTextBackResponseObject, error) {
	id := messaging.TextID{Key: r.Key, Lang: r.Lang, Channel: messaging.Channel(r.Channel)}
	var v messaging.TextVersion
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if _, err = a.Messages.Back(tx, id, r.Body.Version, messaging.Edit{Over: r.Body.Over, By: by(ctx), Why: r.Body.Why, Anew: r.Body.Kind == wordsAnew}); err != nil {
			return err
		}
		v, err = a.Messages.Text(tx, id) // the program's own words aren't kept again
		return err
	})
	return TakeTextBack201JSONResponse(showVersion(v)), err
}

// LookAtText shows how words would reach shoppers.
func (a *api) LookAtText(ctx context.Context, r LookAtTextRequestObject) (LookAtTextResponseObject, error) {
	id, b := messaging.TextID{Key: r.Key, Lang: r.Lang, Channel: messaging.Channel(r.Channel)}, r.Body
	out := LookList{Data: []Look{}, Characters: []CostlyCharacter{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		w := readWords(b.Words)
		if w == (messaging.Words{}) {
			now, err := a.Messages.Text(tx, id)
			if err != nil {
				return err
			}
			w = now.Words
		}
		if err := a.Messages.CheckText(tx, id, w); err != nil {
			return err
		}
		codes := []market.Code{market.Code(b.Market)}
		if b.Market == "" {
			codes = a.marketCodes()
		} else if _, ok := a.Markets.ByCode(codes[0]); !ok {
			return ErrInvalid.With(map[string]string{"market": "unknown"})
		}
		for i, m := range codes {
			l, err := a.Messages.Look(tx, id, w, m, b.Vars)
			if err != nil {
				return err
			}
			if i == 0 && id.Channel == messaging.SMS {
				out.characters(l.Body)
			}
			out.Data = append(out.Data, showLook(&l))
		}
		return nil
	})
	return LookAtText200JSONResponse(out), err
}

func (l *LookList) characters(body string) {
	all, after := messaging.Savings(body)
	l.PartsAfter = after
	for _, s := range all {
		l.Characters = append(l.Characters, CostlyCharacter{Character: string(s.Char), Times: s.Times, Instead: s.Instead, Doubles: s.Doubles})
	}
}

// by is how a program is named in histories.
func by(ctx context.Context) string { return "API: " + callerOf(ctx).key.Name }

func (a *api) marketCodes() (all []market.Code) {
	for _, m := range a.Markets.All() {
		if m.State != market.Draft {
			all = append(all, m.Code)
		}
	}
	return all
}

// textLangs are the languages of the markets, and those the program has words in.
func (a *api) textLangs() (all []string) {
	all = messaging.TextLanguages()
	for _, m := range a.Markets.All() {
		for _, l := range m.Languages {
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	slices.Sort(all)
	return all
}

func (a *api) showTemplate(k *messaging.TemplateKey, states map[messaging.TextID]messaging.TextState) Template {
	out := Template{Key: k.Key, Title: k.Title, Class: string(k.Class), Own: k.Own, Variables: []TemplateVariable{}, Texts: []TextState{}}
	for _, v := range k.Vars {
		out.Variables = append(out.Variables, TemplateVariable{Name: v.Name, Type: string(v.Type), Needed: v.Needed})
	}
	for id, s := range states {
		if id.Key == k.Key {
			out.Texts = append(out.Texts, TextState{Lang: id.Lang, Channel: string(id.Channel), Source: s.Source, Version: s.Version, Draft: s.Draft})
		}
	}
	slices.SortFunc(out.Texts, func(a, b TextState) int {
		return cmp.Or(cmp.Compare(a.Lang, b.Lang), -cmp.Compare(a.Channel, b.Channel))
	})
	return out
}

func showVersion(v messaging.TextVersion) TextVersion {
	out := TextVersion{Version: v.N, Builtin: v.Builtin, Words: showWords(v.Words), By: v.Who, Why: v.Why, At: utc(v.At)}
	switch {
	case v.Anew:
		out.Kind = wordsAnew
	case v.N > 0:
		out.Kind = wordsCorrect
	}
	return out
}

func showWords(w messaging.Words) Words {
	return Words{Subject: w.Subject, Body: w.Body, PlainSubject: w.PlainSubject, Plain: w.Plain}
}

func readWords(w Words) messaging.Words {
	return messaging.Words{Subject: w.Subject, Body: w.Body, PlainSubject: w.PlainSubject, Plain: w.Plain}
}

func showLook(l *messaging.Look) Look {
	out := Look{Market: string(l.Market), Country: string(l.Country), Sender: l.Sender, SenderKind: string(l.SenderKind), Subject: l.Subject, Body: l.Body, Encoding: l.Encoding,
		Parts: l.Parts, Units: l.Units, Left: l.Left, Plain: l.Plain, Findings: []LookFinding{}}
	if l.Cost.Currency != "" {
		out.Cost = Cost{Micros: l.Cost.Micros, Currency: string(l.Cost.Currency)}
	}
	for _, f := range l.Findings {
		out.Findings = append(out.Findings, LookFinding{Verdict: string(f.Verdict), Code: f.Code, Detail: f.Detail})
	}
	return out
}
