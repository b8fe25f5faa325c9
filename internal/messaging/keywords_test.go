package messaging

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"portolan/internal/market"
)

// Every word of the shared table, in three spellings, means what its row says in its own language.
func TestKeywordTable(t *testing.T) {
	f, err := os.Open("../../../shared/data/messaging/keywords.csv")
	if err != nil {
		t.Skip("the shared keyword table is not here: ", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	words, v := 0, builtin().words
	for _, row := range rows[1:] {
		lang, intent := row[0], row[1]
		for _, w := range strings.Split(row[2], "|") {
			words++
			for _, spelling := range []string{w, strings.ToLower(w) + "!", "  \"" + title(w) + "\" . "} {
				l := listener{lang: lang, optedOut: true}
				if lang == "any" {
					l.lang = "de"
				}
				got, rating := v.intent(spelling, l)
				name := string(got)
				if got == IntentRating {
					name = "rating_" + string(rune('0'+rating))
				}
				if got == IntentInfo {
					name = "help"
				}
				if lang == "en" && intent == "yes" && strings.EqualFold(w, "YES") {
					require.Equal(t, IntentStart, got, "opted out, YES starts again")
					got, _ = v.intent(spelling, listener{lang: lang})
					name = string(got)
				}
				require.Equal(t, intent, name, "%s %q", lang, spelling)
			}
		}
	}
	require.Equal(t, 592, words)
}

func title(s string) string {
	r := []rune(strings.ToLower(s))
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

func TestIntent(t *testing.T) {
	for _, tt := range []struct {
		text, lang string
		country    market.Country
		optedOut   bool
		want       Intent
	}{
		{"Stop.", "de", "DE", false, IntentStop},
		{"S T O P", "de", "DE", false, IntentStop},
		{"ＳＴＯＰ", "en", "GB", false, IntentStop},
		{"please stop texting me", "en", "GB", false, IntentStop},
		{"bitte abmelden", "de", "DE", false, IntentStop},
		{"don't stop", "en", "GB", false, IntentStop},
		{"i did not ask you to stop the parcel, where is it", "en", "GB", false, IntentOther},
		{"cancel my order", "en", "GB", false, IntentOther},
		{"CANCEL", "en", "US", false, IntentStop},
		{"END", "de", "DE", false, IntentOther},
		{"END", "es", "US", false, IntentStop},
		{"fine", "en", "GB", false, IntentOther},
		{"fine", "it", "IT", false, IntentStop},
		{"T", "id", "ID", false, IntentNo},
		{"T", "zh", "CN", false, IntentStop},
		{"R", "en", "CN", false, IntentStop},
		{"n", "de", "DE", false, IntentNo},
		{"yes", "en", "US", false, IntentYes},
		{"YES", "en", "US", true, IntentStart},
		{"info", "de", "DE", false, IntentInfo},
		{"Hilfe!", "de", "DE", false, IntentHelp},
		{"barang keluar kapan", "id", "ID", false, IntentOther},
		{"๕", "th", "TH", false, IntentRating},
		{"我要退订", "zh", "CN", false, IntentStop},
		{"إِيقَاف", "ar", "AE", false, IntentStop},
		{"wann kommt mein Paket?", "de", "DE", false, IntentOther},
		{"", "de", "DE", false, IntentOther},
		{"👍", "de", "DE", false, IntentOther},
	} {
		got, _ := builtin().words.intent(tt.text, listener{tt.lang, tt.country, tt.optedOut})
		require.Equal(t, tt.want, got, "%q in %s", tt.text, tt.lang)
	}
}

func FuzzIntent(f *testing.F) {
	f.Add("Stop!", "de")
	f.Add("٣", "ar")
	f.Fuzz(func(t *testing.T, text, lang string) {
		got, rating := builtin().words.intent(text, listener{lang: lang})
		if got == "" || rating < 0 || rating > 5 {
			t.Fatal(got, rating)
		}
	})
}
