package messaging

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/messaging/sms"
)

// Whatever is written and whatever fills it, no variable is left in a text, and its parts are those that are sent.
func TestNoVariableIsEverLeft(t *testing.T) {
	r := builtin()
	piece := rapid.SampledFrom([]string{"{name}", "{name|you}", "{order}", "[", "]", "{", "}", "{items}", "{x}", "|", "a", "ü", "ж", "’", "€", " ", "\n", "สวัสดี", "مرحبا", "😀", "{from|soon}", "[ {to}]"})
	value := rapid.SampledFrom([]string{"", "Anna", "{name}", "{x", "}", "[a]", "{order|z}", "\u202e{", "www.x.example", "😀", strings.Repeat("{order}", 50)})
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		w := Words{Body: strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(t, "body"), ""), Plain: rapid.SampledFrom([]string{"", "paid", "{", "bezahlt ü"}).Draw(t, "plain")}.tidy()
		k := r.texts.keys["confirm"]
		if len(checkWords(k, SMS, w)) > 0 {
			return
		}
		kept++
		vars := map[string]string{}
		for name := range k.vars {
			vars[name] = value.Draw(t, name)
		}
		p := r.of("DE", "")[0]
		got, err := r.texts.render(Message{Template: "confirm", Vars: vars, Trial: &w},
			form{reach: Reach{SMS, "+1"}, twoWay: true, links: true, policy: &p, langs: []string{"de"}, brand: "Lotus", base: "https://lo.my", token: "abcdefghijkl"})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(got.body, "{}") {
			t.Fatalf("%q of %q", got.body, w.Body)
		}
		parts, err := sms.Split(got.body, 1)
		if err != nil || int64(len(parts)) != got.parts {
			t.Fatalf("%d parts counted, %d sent", got.parts, len(parts))
		}
		if len(got.open) > 0 && w.Plain != "" {
			t.Fatalf("open %v though there is a plain text", got.open)
		}
	})
	require.NotZero(t, kept)
}

func TestWordsSpreadAndJoin(t *testing.T) {
	r := builtin()
	for name, w := range r.texts.words {
		ch := SMS
		if strings.HasSuffix(name, ".mail") {
			ch = Email
		}
		spread := w.spread(ch)
		first, _, _ := strings.Cut(name, ".")
		require.Empty(t, checkWords(r.texts.keys[first], ch, spread), name)
		again := spread.words()
		require.Equal(t, []string{w.full, w.plain}, []string{again.full, again.plain}, name)
	}
}

// Whatever is typed and whatever fills it: nothing breaks, and no variable is left open.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"[{name}, ]Ihre Bestellung {order} ist bezahlt.", "{name|you}[ {to}", "{{order}}", "{order", "[[ {from} ]]", "\\{order\\}", "{order|{name}}", "สวัสดี {order}", "\u202e{order}"} {
		f.Add(s, "bezahlt", "Anna", "F-1", false)
		f.Add(s, "", "{order}", "[{name}]", true)
	}
	r := builtin()
	k := r.texts.keys["confirm"]
	f.Fuzz(func(t *testing.T, body, plain, name, order string, mail bool) {
		ch, w := SMS, Words{Body: body, Plain: plain}
		if mail {
			ch, w.Subject, w.PlainSubject = Email, "{order} "+name, "Order"
		}
		if w = w.tidy(); len(checkWords(k, ch, w)) > 0 {
			return
		}
		one := &texts{keys: map[string]key{"confirm": k}, blocks: r.texts.blocks}
		m := Message{Template: "confirm", Channel: ch, Lang: "de", Vars: map[string]string{"name": name, "order": order, "items": body}, Trial: &w}
		got, err := one.render(m, form{reach: Reach{Channel: ch}, twoWay: true, links: true, langs: []string{"de"}, brand: "Miana", base: "https://miana.example", token: "k3v9tq2mxw7a"})
		if err != nil && !errors.Is(err, ErrNoTemplate) {
			t.Fatal(err)
		}
		if len(got.open) > 0 && w.Plain != "" || strings.ContainsAny(got.body, "{}") && !mail {
			t.Fatalf("%q with %q leaves %v open: %q", body, name, got.open, got.body)
		}
	})
}
