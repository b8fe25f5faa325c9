package papers_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/customs"
	"portolan/internal/i18n"
	"portolan/internal/papers"
)

// Whatever customs or the gate say has a sentence in every language.
func TestEverythingIsSaid(t *testing.T) {
	var keys []string
	lint, err := os.ReadFile("../customs/lint.go")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`l\.say\("(L\d\d)", \w+, [^,]+, "(\w+)"`).FindAllStringSubmatch(string(lint), -1) {
		keys = append(keys, "customs.lint."+strings.ToLower(m[1])+"_"+m[2])
	}
	require.Greater(t, len(keys), 30)
	for _, file := range []string{"../customs/gate.go", "gate.go", "make.go", "say.go"} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`stop\("(\w+)"|customs\.gate\.(\w+)`).FindAllStringSubmatch(string(b), -1) {
			keys = append(keys, "customs.gate."+m[1]+m[2])
		}
	}
	for _, r := range customs.Restrictions() {
		keys = append(keys, "customs.restriction."+r.Rule)
	}
	for _, p := range []customs.Paper{customs.CN22, customs.CN23, customs.Invoice, customs.Packing, customs.PreAdvicePaper, papers.Label, papers.LabelZPL} {
		keys = append(keys, "customs.paper_"+string(p))
	}
	for _, lang := range i18n.Languages() {
		for _, key := range keys {
			require.True(t, key == "customs.gate." || i18n.For(lang).Has(key), "%s: %s", lang, key)
		}
	}
	de := i18n.For("de")
	said := papers.Say(de, "customs.lint.l14_restricted", map[string]string{"rule": "mark", "country": "GB", "needs": "UKCA_OR_CE", "alternative": "customs.alternative.show_evidence"})
	require.Contains(t, said, "UKCA OR CE")
	require.Contains(t, said, "Vereinigte")
	require.Equal(t, "Es fehlt noch: Packliste.", papers.Say(de, "customs.gate.paper_missing", map[string]string{"paper": "packing_list", "version": "1"}))
}

func TestWhatCanNotBeDrawnIsNamed(t *testing.T) {
	one(t, func(s *shop) {
		s.ready()
		o := s.sale()
		o.Address.FamilyName = "Vogel \U00013000"
		id := s.sell(o)
		st := s.standing(id)
		require.Equal(t, "customs.gate.no_glyph", st.Reasons[0].Key)
		require.Contains(t, st.Reasons[0].Args["letter"], "U+13000")
		require.Equal(t, papers.RemedyAddress, st.Reasons[0].Remedy)
		require.ErrorIs(t, s.do(s.Make, id), papers.ErrOpen)

		o = s.sale()
		o.Address.Line1 = strings.Repeat("WIDE ", 18)
		id = s.sell(o)
		err := s.do(s.Make, id)
		refusal, ok := papers.RefusalOf(err)
		require.True(t, ok, err)
		require.Equal(t, "customs.gate.too_wide", refusal.Reasons[0].Key)
		require.Empty(t, s.standing(id).Sets)
	})
}

func TestWhatIsStrippedIsKeptAndShown(t *testing.T) {
	one(t, func(s *shop) {
		s.ready()
		o := s.sale()
		o.Address.GivenName = "Jana \U0001F98A\u202e\u0007"
		id := s.sell(o)
		require.NoError(t, s.do(s.Make, id))
		st := s.standing(id)
		require.Equal(t, o.Address.GivenName, st.Shipment.Address.GivenName, "the original is kept")
		said := ""
		for _, f := range st.Findings {
			if f.Code == "L15" {
				said = fmt.Sprint(f.Severity, f.Args["text"])
			}
		}
		require.Contains(t, said, "I"+o.Address.GivenName)
	})
}
