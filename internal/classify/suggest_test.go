package classify_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/classify"
	"portolan/internal/customs"
)

type labelled struct {
	classify.Goods
	hs string
}

func materials(t *testing.T, s string) (all []catalog.Material) {
	t.Helper()
	for _, part := range strings.Split(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		cut := strings.LastIndexByte(part, ' ')
		n, err := strconv.Atoi(part[cut+1:])
		require.NoError(t, err, part)
		all = append(all, catalog.Material{Fibre: part[:cut], Percent: n})
	}
	return all
}

func labelledGoods(t *testing.T, file string) (all []labelled) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	for _, row := range rows[1:] {
		all = append(all, labelled{classify.Goods{Title: row[0], Materials: materials(t, row[1]), Wearer: row[2], Make: row[3]}, row[4]})
	}
	return all
}

// score counts how often the right code is the first, and among the first three.
func score(t *testing.T, all []labelled) (top1, top3 float64) {
	t.Helper()
	for _, l := range all {
		require.True(t, customs.Codes.Knows(l.hs), "%s: %s is no code of HS 2022", l.Title, l.hs)
		got := classify.Suggest(l.Goods)
		place := -1
		var codes []string
		for i, c := range got {
			require.NotEmpty(t, c.Reasons, "%s: %s without a reason", l.Title, c.HS)
			codes = append(codes, c.HS+" "+strconv.FormatFloat(c.Confidence, 'f', 2, 64))
			if c.HS == l.hs && place < 0 {
				place = i
			}
		}
		if place == 0 {
			top1++
		} else {
			t.Logf("%q is %s, suggested %s", l.Title, l.hs, strings.Join(codes, ", "))
		}
		if place >= 0 && place < 3 {
			top3++
		}
	}
	n := float64(len(all))
	t.Logf("%d titles: first %.1f %%, among the first three %.1f %%", len(all), 100*top1/n, 100*top3/n)
	return top1 / n, top3 / n
}

func TestLabelledTitles(t *testing.T) {
	all := labelledGoods(t, "labelled.csv")
	require.GreaterOrEqual(t, len(all), 150)
	top1, top3 := score(t, all)
	require.GreaterOrEqual(t, top1, 0.90)
	require.GreaterOrEqual(t, top3, 0.96)
}

// Titles as marketplaces write them, most with nothing beside. They were written when the tables stood, and what they
// miss is left in, so that the figure says what to expect of titles nobody has seen.
func TestMarketTitles(t *testing.T) {
	top1, top3 := score(t, labelledGoods(t, "market.csv"))
	require.GreaterOrEqual(t, top1, 0.8)
	require.GreaterOrEqual(t, top3, 0.95)
}

// The sample merchant's own products: the code they are sold under is among the first.
func TestSampleProducts(t *testing.T) {
	b, err := os.ReadFile("../demo/data/products.json")
	require.NoError(t, err)
	var f struct {
		Products []struct {
			Kind, Wearer, Make, HS string
			Customs                string `json:"customs_description"`
			Materials              []catalog.Material
			Texts                  map[string]struct{ Title string }
		}
	}
	require.NoError(t, json.Unmarshal(b, &f))
	var all []labelled
	for _, p := range f.Products {
		all = append(all, labelled{classify.Goods{Title: p.Texts["en"].Title, Description: p.Customs, Kind: p.Kind, Materials: p.Materials,
			Wearer: p.Wearer, Make: p.Make}, p.HS[:6]})
	}
	require.GreaterOrEqual(t, len(all), 60)
	top1, top3 := score(t, all)
	require.GreaterOrEqual(t, top1, 0.95)
	require.GreaterOrEqual(t, top3, 0.98)
}
