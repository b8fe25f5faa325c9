package api

import (
	"encoding/json"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is read without asking the document is what the document allows, and means the same.
func TestMessagesReadPlainlyAreAsTheDocumentSays(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	require.NoError(t, err)
	schema := doc.Components.Schemas["NewMessage"].Value
	plain := 0
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.SampledFrom([]string{"", "de", "sms", "email", "+4917612345678", "DE", "a\"b\\", "ü\n", "\u2028", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}), rapid.String())
		body := map[string]any{"key": word.Draw(t, "key"), "to": word.Draw(t, "to"), "channel": rapid.SampledFrom([]string{"sms", "email", "fax", ""}).Draw(t, "channel"),
			"market": rapid.SampledFrom([]string{"de", "us", "M", "d-e", ""}).Draw(t, "market"), "template": word.Draw(t, "template")}
		for name, draw := range map[string]func() any{
			"lang":  func() any { return word.Draw(t, "lang") },
			"order": func() any { return word.Draw(t, "order") },
			"vars":  func() any { return rapid.MapOf(word, word).Draw(t, "vars") },
			"other": func() any { return word.Draw(t, "other") },
			"link":  func() any { return rapid.SampledFrom([]any{"https://miana.example", 7, nil, true}).Draw(t, "link") },
		} {
			if rapid.IntRange(0, 3).Draw(t, "has "+name) == 0 {
				body[name] = draw()
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "drops") == 0 {
			delete(body, rapid.SampledFrom([]string{"key", "to", "channel", "market", "template"}).Draw(t, "dropped"))
		}
		text, err := json.Marshal(body)
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "spaced") {
			text, err = json.MarshalIndent(body, "", "  ")
			require.NoError(t, err)
		}
		if cut := rapid.IntRange(0, 30).Draw(t, "cut"); cut == 0 {
			text = text[:rapid.IntRange(0, len(text)).Draw(t, "at")]
		}
		m, ok := readMessage(text)
		if !ok {
			return
		}
		plain++
		var v any
		require.NoError(t, json.Unmarshal(text, &v))
		require.NoError(t, schema.VisitJSON(v, openapi3.VisitAsRequest(), openapi3.MultiErrors()))
		var want NewMessage
		require.NoError(t, json.Unmarshal(text, &want))
		require.Equal(t, want, m)
	})
	require.NotZero(t, plain)
	for _, text := range []string{`{"key":"a","key":"b","to":"x","channel":"sms","market":"de","template":"t"}`, `{"key":"a","to":"x","channel":"sms","market":"de","template":"t"} x`,
		`{"key":"a","to":"x","channel":"sms","market":"de","template":"t",}`, "{\"key\":\"a\nb\",\"to\":\"x\",\"channel\":\"sms\",\"market\":\"de\",\"template\":\"t\"}", ``, `[]`, `{}`} {
		_, ok := readMessage([]byte(text))
		require.False(t, ok, text)
	}
	m, ok := readMessage([]byte(`{"key":"a","to":"x","channel":"sms","market":"de","template":"t","vars":{}}`))
	require.True(t, ok)
	require.Equal(t, "a", m.Key)
}
