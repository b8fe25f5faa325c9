package classify_test

import (
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/catalog"
	"portolan/internal/classify"
	"portolan/internal/customs"
	"portolan/internal/landed"
)

// official is the nomenclature as published, where it is at hand.
func official(t *testing.T) classify.Titles {
	t.Helper()
	f, err := os.Open("../../../shared/rules/hs_codes.csv")
	if err != nil {
		t.Skip("the official nomenclature isn't beside the project: ", err)
	}
	defer f.Close()
	tariff, _, err := landed.ReadTariff(f, "hs_codes.csv", nil)
	require.NoError(t, err)
	return tariff
}

func TestSearch(t *testing.T) {
	n := classify.NewNomenclature(nil)
	for _, c := range []struct{ query, lang, want string }{
		{"cotton t-shirt", "en", "610910"}, {"coton tshrit", "en", "610910"}, {"knitted cotton dress", "en", "610442"}, {"woven cotton dress", "en", "620442"},
		{"Baumwollhose", "de", ""}, {"kleid gestrickt baumwolle", "de", "610442"}, {"handtasche leder", "de", "420221"}, {"tas tangan kulit", "id", "420221"},
		{"syal sutra", "id", "621410"}, {"beg galas nilon", "ms", "420292"}, {"حقيبة يد جلد", "ar", "420221"}, {"نظارات شمسية", "ar", "900410"}, {"太阳镜", "zh", "900410"},
		{"真丝 围巾", "zh", "621410"}, {"sunglases", "en", "900410"}, {"sungl", "en", "900410"}, {"6109", "en", "610910"}, {"6109.90", "en", "610990"},
		{"leather wallet", "en", "420231"}, {"cashmere sweater", "en", "611012"}, {"wool overcoat men", "en", "620120"}, {"umbrella folding", "en", "660191"},
	} {
		hits := n.Search(c.query, c.lang, 10)
		if c.want == "" {
			continue
		}
		require.NotEmpty(t, hits, c.query)
		require.Equal(t, c.want, hits[0].HS, "%s: %+v", c.query, hits[:min(3, len(hits))])
		require.NotEmpty(t, hits[0].Label)
		require.Len(t, hits[0].Path, 3)
		require.Equal(t, c.want[:2], hits[0].Path[0].Code)
	}
	require.Empty(t, n.Search("", "en", 10))
	require.Empty(t, n.Search("   ", "en", 10))
	require.LessOrEqual(t, len(n.Search("cotton", "en", 3)), 3)
	require.Contains(t, classify.Label("610442", "de"), "Baumwolle")
	require.Contains(t, classify.Label("610442", "ar"), "قطن")
}

// With the official titles goods are found that we have no words for.
func TestSearchOfficialTitles(t *testing.T) {
	n := classify.NewNomenclature(official(t))
	hits := n.Search("horses pure-bred", "en", 5)
	require.NotEmpty(t, hits)
	require.Equal(t, "010121", hits[0].HS)
	require.NotEmpty(t, hits[0].Path[1].Title)
	require.Equal(t, "610910", n.Search("cotton t-shirt", "en", 5)[0].HS, "our own words still come first")
	require.Greater(t, len(n.Below("", "en")), 90, "chapters")
	require.Len(t, n.Below("6109", "en"), 2)
}

type none struct{}

func (none) Title(string) string               { return "" }
func (none) Titles() iter.Seq2[string, string] { return func(func(string, string) bool) {} }

func TestTitlesThatAreNotThere(t *testing.T) {
	require.NotEmpty(t, classify.NewNomenclature(none{}).Search("dress", "en", 5))
}

// Nothing a stranger types breaks a search or a suggestion, and what is suggested is a code.
func TestAnyText(t *testing.T) {
	n := classify.NewNomenclature(nil)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(women|men|baby|knit|cotton|leather|set|dress|belt|上衣|kleid| |,){0,12}`)).Draw(t, "text")
		n.Search(text, "en", 5)
		sum := 0.0
		for _, c := range classify.Suggest(classify.Goods{Title: text, Materials: []catalog.Material{{Fibre: text, Percent: 100}}}) {
			if !customs.Codes.Knows(c.HS) || len(c.Reasons) == 0 || strings.TrimSpace(c.Reasons[0].Key) == "" {
				t.Fatalf("%q: %+v", text, c)
			}
			sum += c.Confidence
		}
		if sum > 1.01 {
			t.Fatalf("%q: the candidates are %.3f sure together", text, sum)
		}
	})
}

// German writes words together.
func TestCompounds(t *testing.T) {
	n := classify.NewNomenclature(nil)
	for query, heading := range map[string]string{"Leinenkleid": "6[12]04", "Wollschal": "6(117|214)", "Baumwollhemd": "6[12]05", "Seidenbluse": "6[12]06"} {
		hits := n.Search(query, "de", 3)
		require.NotEmpty(t, hits, query)
		require.Regexp(t, "^"+heading, hits[0].HS, query)
	}
	require.Empty(t, n.Search("Quantenflux", "de", 3))
}
