package messaging_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/settings"
)

var withSettings = append(schemas[:len(schemas):len(schemas)], settings.Schema)

func newWriters(t *testing.T, d *db.DB) *world {
	w := newWorld(t, d)
	w.messages.Templates(settings.Watch(d), settings.Bump)
	return w
}

func (w *world) publish(id messaging.TextID, words messaging.Words, over int64) (v messaging.TextVersion) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		v, err = w.messages.Publish(tx, id, words, messaging.Edit{Over: over, By: "mei", Why: "nicer"})
		return err
	})
	return v
}

var confirmDE = messaging.TextID{Key: "confirm", Lang: "de", Channel: messaging.SMS}

func TestOwnTextsStandOverTheBuiltInOnes(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		there := newWriters(t, d) // another node
		text := func(key string) messaging.Record {
			m := confirm(anna, "de", "de")
			m.Key = key
			return there.send(m)
		}
		built := text("1")
		require.Equal(t, "de/0", built.TextVersion)
		v := w.publish(confirmDE, messaging.Words{Body: "Hallo {name|du}, {order} ist da bald.\r\n"}, 0)
		require.EqualValues(t, 1, v.N)
		own := text("2")
		require.Equal(t, "Lotus: Hallo Anna, F-20261124-0001 ist da bald. Fragen? Antwort INFO.", own.Body)
		require.Equal(t, "de/1", own.TextVersion)
		require.Equal(t, "de/1", w.get(own.ID).TextVersion, "it is kept")
		require.Equal(t, "de/0", w.get(built.ID).TextVersion)

		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := w.messages.Publish(tx, confirmDE, messaging.Words{Body: "x"}, messaging.Edit{By: "tom"})
			return err
		})
		require.ErrorIs(t, err, messaging.ErrTemplateMoved)

		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.messages.Back(tx, confirmDE, 0, messaging.Edit{Over: 1, By: "mei", Why: "undo"})
			return err
		})
		back := text("3")
		require.Equal(t, built.Body, back.Body)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.messages.Back(tx, confirmDE, 1, messaging.Edit{Over: 2, By: "mei", Why: "undo"})
			return err
		})
		require.Equal(t, own.Body, text("4").Body)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := w.messages.History(tx, confirmDE)
			require.Len(t, all, 4)
			require.Equal(t, []int64{3, 2, 1, 0}, []int64{all[0].N, all[1].N, all[2].N, all[3].N})
			return err
		})
	})
}

func TestAMissingTranslationOrValueNeverBlocksAnOrder(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		w.publish(confirmDE, messaging.Words{Body: "{name}: {order} {items}"}, 0)
		w.publish(messaging.TextID{Key: "confirm", Lang: "sv", Channel: messaging.SMS}, messaging.Words{Body: "hej {name}"}, 0)
		for lang, want := range map[string]string{
			"de": "Ihre Bestellung ist bezahlt. Wir machen sie fertig.", // the built-in text without variables
			"nl": "Ihre Bestellung ist bezahlt. Wir machen sie fertig.", // the market's language
			"sv": "your order is paid. We are getting it ready.",        // nobody wrote one: English
			"fr": "votre commande est payée. Nous la préparons.",
		} {
			m := confirm(anna, "de", lang)
			m.Vars = map[string]string{}
			r := w.send(m)
			require.Equal(t, messaging.Queued, r.State, "%s %+v", lang, r.Gate)
			require.Contains(t, r.Body, want)
			require.NotContains(t, r.Body, "{")
		}
	})
}

func TestMerchantsOwnKeys(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		k := messaging.TemplateKey{Key: "spring", Title: "Spring sale", Class: messaging.Promotional,
			Vars: []messaging.Variable{{Name: "name", Type: messaging.NameVar}, {Name: "pct", Type: messaging.NumberVar, Needed: true}, {Name: "link", Type: messaging.LinkVar}}}
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.messages.AddKey(tx, k, "mei") })
		w.agree(jane, "sms", false)
		m := messaging.Message{Key: "s1", To: jane, Channel: messaging.SMS, Market: "us", Lang: "en", Template: "spring", Link: "https://lotus.example/sale", Zone: "America/New_York", Region: "NY",
			Vars: map[string]string{"pct": "20"}}
		require.Equal(t, "no_text", w.send(m).Reason, "nobody wrote it yet")
		w.publish(messaging.TextID{Key: "spring", Lang: "en", Channel: messaging.SMS}, messaging.Words{Body: "{name|Hello}, {pct}% off today."}, 0)
		m.Key = "s2"
		r := w.send(m)
		require.True(t, strings.HasPrefix(r.Body, "Lotus: Hello, 20% off today. https://lotus.example/l/"), r.Body)
		require.True(t, strings.HasSuffix(r.Body, "Opt out: STOP"), r.Body)

		for _, bad := range []messaging.TemplateKey{
			k,
			{Key: "confirm", Title: "x", Class: messaging.Promotional},
			{Key: "Spring 2", Title: "x", Class: messaging.Promotional},
			{Key: "order_news", Title: "x", Class: messaging.Transactional},
			{Key: "x1", Title: "", Class: messaging.Promotional},
			{Key: "x2", Title: "x", Class: messaging.Promotional, Vars: []messaging.Variable{{Name: "a b", Type: "text"}}},
			{Key: "x3", Title: "x", Class: messaging.Promotional, Vars: []messaging.Variable{{Name: "url", Type: "link"}}},
			{Key: "x4", Title: "x", Class: messaging.Promotional, Vars: []messaging.Variable{{Name: "n", Type: "float"}}},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { return w.messages.AddKey(tx, bad, "mei") })
			require.Contains(t, []fault.Kind{fault.Invalid, fault.Conflict}, fault.Of(err).Kind, "%+v", bad)
		}
	})
}

func TestWordsThatAreRefused(t *testing.T) {
	mail := messaging.TextID{Key: "confirm", Lang: "de", Channel: messaging.Email}
	tests := map[string]struct {
		id    messaging.TextID
		words messaging.Words
		field string
		code  string
	}{
		"empty":                     {confirmDE, messaging.Words{Body: " \r\n"}, "body", "text_empty"},
		"11 parts":                  {confirmDE, messaging.Words{Body: strings.Repeat("ж", 700)}, "body", "text_parts"},
		"300 kB":                    {confirmDE, messaging.Words{Body: strings.Repeat("a", 300_000)}, "body", "text_too_long"},
		"300 kB mail":               {mail, messaging.Words{Subject: "x", Body: strings.Repeat("a", 300_000)}, "body", "text_too_long"},
		"unknown variable":          {confirmDE, messaging.Words{Body: "{nmae}"}, "body", "text_variable"},
		"space in a variable":       {confirmDE, messaging.Words{Body: "{ name }"}, "body", "text_variable"},
		"open brace":                {confirmDE, messaging.Words{Body: "{name"}, "body", "text_braces"},
		"closed brace":              {confirmDE, messaging.Words{Body: "name}"}, "body", "text_braces"},
		"brace in a brace":          {confirmDE, messaging.Words{Body: "{na{me}"}, "body", "text_braces"},
		"open bracket":              {confirmDE, messaging.Words{Body: "[ {name}"}, "body", "text_braces"},
		"bracket in a bracket":      {confirmDE, messaging.Words{Body: "[a[{name}]]"}, "body", "text_braces"},
		"bracket without variable":  {confirmDE, messaging.Words{Body: "[SALE] {name}"}, "body", "text_braces"},
		"bracket across":            {confirmDE, messaging.Words{Body: "[{na]me}"}, "body", "text_braces"},
		"bell":                      {confirmDE, messaging.Words{Body: "a\x07b"}, "body", "text_control"},
		"null":                      {confirmDE, messaging.Words{Body: "a\x00b"}, "body", "text_control"},
		"not UTF-8":                 {confirmDE, messaging.Words{Body: "a\xffb"}, "body", "text_control"},
		"override":                  {confirmDE, messaging.Words{Body: "pay \u202e321"}, "body", "text_turned"},
		"isolate":                   {confirmDE, messaging.Words{Body: "pay \u2067321"}, "body", "text_turned"},
		"variable in the plain one": {confirmDE, messaging.Words{Body: "x", Plain: "{name}"}, "plain", "text_plain_variable"},
		"needed with instead":       {confirmDE, messaging.Words{Body: "{order|yours}"}, "body", "text_instead"},
		"link as instead":           {confirmDE, messaging.Words{Body: "{name|www.x.example}"}, "body", "text_instead"},
		"word for money":            {confirmDE, messaging.Words{Body: "{total|much}"}, "body", "text_instead"},
		"subject of an SMS":         {confirmDE, messaging.Words{Subject: "x", Body: "x"}, "subject", "text_no_subject"},
		"mail without subject":      {mail, messaging.Words{Body: "x"}, "subject", "text_empty"},
		"subject of two lines":      {mail, messaging.Words{Subject: "x\nBcc: y", Body: "x"}, "subject", "text_control"},
	}
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := w.messages.Publish(tx, tt.id, tt.words, messaging.Edit{By: "mei"})
					return err
				})
				require.ErrorIs(t, err, messaging.ErrTemplateForm)
				require.Equal(t, "messaging."+tt.code, fault.Of(err).Fields[tt.field])
			})
		}
		for _, id := range []messaging.TextID{{Key: "nothing", Lang: "de", Channel: messaging.SMS}, {Key: "confirm", Lang: "de'", Channel: messaging.SMS}, {Key: "confirm", Lang: "de", Channel: "fax"}} {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := w.messages.Publish(tx, id, messaging.Words{Body: "x"}, messaging.Edit{By: "mei"})
				return err
			})
			require.ErrorIs(t, err, messaging.ErrUnknownTemplate)
		}
	})
}

func TestDraftsAreInForceNowhere(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return w.messages.KeepDraft(tx, confirmDE, messaging.Words{Body: "{half"}, "mei")
		})
		require.Equal(t, "de/0", w.send(confirm(anna, "de", "de")).TextVersion)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := w.messages.Texts(tx, []string{"de", "sv"})
			require.NoError(t, err)
			require.Equal(t, messaging.TextState{TextID: confirmDE, Source: "builtin", Draft: true}, all[confirmDE])
			require.Equal(t, "missing", all[messaging.TextID{Key: "confirm", Lang: "sv", Channel: messaging.SMS}].Source)
			draft, there, err := w.messages.Draft(tx, confirmDE)
			require.True(t, there)
			require.Equal(t, "{half", draft.Words.Body)
			return err
		})
		w.publish(confirmDE, messaging.Words{Body: "whole"}, 0)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			_, there, err := w.messages.Draft(tx, confirmDE)
			require.False(t, there, "published is no draft any more")
			return err
		})
	})
}

func TestALookSaysWhatTheGateWillSay(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		look := func(id messaging.TextID, words messaging.Words, m string) (l messaging.Look, codes []string) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				l, err = w.messages.Look(tx, id, words, market.Code(m), nil)
				return err
			})
			for _, f := range l.Findings {
				codes = append(codes, f.Code)
			}
			return l, codes
		}
		l, _ := look(confirmDE, messaging.Words{Body: "danke {name}, {order} ist bezahlt"}, "de")
		require.Equal(t, "Lotus: danke Anna, M-10482 ist bezahlt Fragen? Antwort INFO.", l.Body)
		require.EqualValues(t, 1, l.Parts)
		require.Equal(t, "+4915799900001", l.Sender)
		require.EqualValues(t, 73_100, l.Cost.Micros)
		cart := messaging.TextID{Key: "cart", Lang: "ms", Channel: messaging.SMS}
		_, codes := look(cart, messaging.Words{Body: "{name}, {code} {pct}%"}, "my")
		require.Contains(t, codes, "link_not_allowed")
		require.Contains(t, codes, "no_way_out")
		_, codes = look(confirmDE, messaging.Words{Body: "danke {name}, https://x.example"}, "my")
		require.Contains(t, codes, "link_not_allowed")
		_, codes = look(messaging.TextID{Key: "cart", Lang: "en", Channel: messaging.SMS}, messaging.Words{Body: strings.Repeat("long and dear ", 40)}, "gb")
		require.Contains(t, codes, "too_dear")
		mail, _ := look(messaging.TextID{Key: "cart", Lang: "ar", Channel: messaging.Email}, messaging.Words{Subject: "س {name}", Body: "مرحبا"}, "us")
		require.Contains(t, mail.HTML, `dir="rtl"`)
		require.Equal(t, "Lotus: س ليلى", mail.Subject)
	})
}

func TestSavings(t *testing.T) {
	all, after := messaging.Savings(strings.Repeat("a", 140) + " it’s “new”")
	require.Equal(t, 1, after)
	require.Equal(t, []messaging.Saving{{Char: '’', Times: 1, Instead: "'"}, {Char: '“', Times: 1, Instead: `"`}, {Char: '”', Times: 1, Instead: `"`}}, all)
	all, _ = messaging.Savings("5 € [x]")
	require.Equal(t, []messaging.Saving{{'€', 1, "EUR", true}, {'[', 1, "(", true}, {']', 1, ")", true}}, all)
	all, _ = messaging.Savings("ขอบคุณ ’")
	require.Empty(t, all, "the script needs it anyway")
}

func TestATestIsSentToWhoeverAsked(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			r, err := w.messages.TryText(tx, messaging.TextID{Key: "cart", Lang: "th", Channel: messaging.SMS}, messaging.Words{Body: "สวัสดี {name} {code}"}, "us", jane)
			require.Equal(t, messaging.Queued, r.State, "%+v", r.Gate)
			require.Contains(t, r.Body, "สวัสดี นภา AB12CD34E")
			return err
		})
		w.drain()
		require.Len(t, w.net.parcels(), 1)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := w.messages.History(tx, messaging.TextID{Key: "cart", Lang: "th", Channel: messaging.SMS})
			require.Len(t, all, 1, "nothing is published")
			return err
		})
	})
}
