package classify_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/catalog"
	"portolan/internal/classify"
)

// Source of the rules: note 2 and subheading note 2 to Section XI of the Harmonized System.
func TestChiefWeight(t *testing.T) {
	for _, c := range []struct {
		name, blend, stuff string
		share              int
		tied               bool
	}{
		{"one", "cotton 100", "cotton", 100, false},
		{"the heaviest", "cotton 60, polyester 40", "cotton", 60, false},
		{"man-made fibres count together", "cotton 40, polyester 35, viscose 25", "synthetic", 60, false},
		{"and then the heavier of them", "cotton 40, polyester 25, viscose 35", "artificial", 60, false},
		{"wool and fine hair count together", "wool 30, cashmere 25, cotton 45", "wool", 55, false},
		{"of a tie the last", "cotton 50, polyester 50", "synthetic", 50, true},
		{"whatever the order", "polyester 50, cotton 50", "synthetic", 50, true},
		{"silk stands first", "silk 50, wool 50", "wool", 50, true},
		{"linen behind cotton", "cotton 50, linen 50", "vegetable fibre", 50, true},
		{"what is no fibre isn't weighed", "cotton 40, leather 60", "cotton", 40, false},
		{"names of a shop", "recycled_polyester 55, organic_cotton 45", "synthetic", 55, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := classify.ChiefWeight(materials(t, c.blend))
			require.True(t, ok)
			require.Equal(t, c.stuff, got.Stuff)
			require.Equal(t, c.share, got.Share)
			require.Equal(t, c.tied, got.Tied)
		})
	}
	_, ok := classify.ChiefWeight(materials(t, "leather 100"))
	require.False(t, ok)
	_, ok = classify.ChiefWeight(nil)
	require.False(t, ok)
}

// The order in which a merchant lists the materials decides nothing, and what decided weighs as much as any group.
func TestChiefWeightLaws(t *testing.T) {
	fibres := []string{"cotton", "linen", "silk", "wool", "cashmere", "alpaca", "polyester", "polyamide", "viscose", "lyocell"}
	rapid.Check(t, func(t *rapid.T) {
		var all []catalog.Material
		for i := range rapid.IntRange(1, 5).Draw(t, "n") {
			all = append(all, catalog.Material{Fibre: fibres[(rapid.IntRange(0, 9).Draw(t, "fibre")+i)%10], Percent: rapid.IntRange(1, 50).Draw(t, "percent")})
		}
		a, _ := classify.ChiefWeight(all)
		b, _ := classify.ChiefWeight(rapid.Permutation(all).Draw(t, "other order"))
		if a.Stuff != b.Stuff || a.Share != b.Share || a.Tied != b.Tied {
			t.Fatalf("%v: %+v and %+v", all, a, b)
		}
		sum := 0
		for _, m := range a.Group {
			sum += m.Percent
		}
		if sum != a.Share {
			t.Fatalf("%v: the group weighs %d, not %d", all, sum, a.Share)
		}
	})
}

func TestHeaviest(t *testing.T) {
	for blend, stuff := range map[string]string{"leather 60, cotton 40": "leather", "cotton 30, polyester 30, leather 40": "synthetic", "glass 85, brass 15": "glass",
		"polyurethane 100": "plastic", "canvas 100": "textile", "sterling silver 100": "silver", "brass 100": "metal"} {
		c, ok := classify.Heaviest(materials(t, blend))
		require.True(t, ok, blend)
		require.Equal(t, stuff, c.Stuff, blend)
	}
	_, ok := classify.Heaviest(materials(t, "unobtainium 100"))
	require.False(t, ok)
}

// Source: note 9 to chapters 61 and 62.
func TestWhose(t *testing.T) {
	require.Equal(t, "men", classify.Whose(classify.LeftOverRight, "women"), "the closing decides")
	require.Equal(t, "women", classify.Whose(classify.RightOverLeft, "men"))
	require.Equal(t, "men", classify.Whose(classify.Unknown, "boys"))
	require.Equal(t, "women", classify.Whose(classify.Unknown, "unisex"), "what can't be told")
	require.Equal(t, "women", classify.Whose(classify.Unknown, ""))
	require.Equal(t, "babies", classify.Whose(classify.Unknown, "babies"))
	got := classify.Suggest(classify.Goods{Title: "Cotton shirt", Make: "woven", Materials: materials(t, "cotton 100"), Closing: classify.RightOverLeft})
	require.Equal(t, "620630", got[0].HS)
}

// Source: general rules 1, 3b and 3c; note 14 to Section XI.
func TestSet(t *testing.T) {
	for _, c := range []struct {
		name     string
		parts    []classify.Part
		hs, rule string
	}{
		{"nothing", nil, "", ""},
		{"three of one kind", []classify.Part{{"711719", 5}, {"711719", 5}, {"711719", 5}}, "711719", "1"},
		{"garments each for themselves", []classify.Part{{"610910", 10}, {"620342", 30}}, "", "note_14"},
		{"one gives the character", []classify.Part{{"420231", 40}, {"732620", 5}}, "420231", "3b"},
		{"none does: the last", []classify.Part{{"420330", 20}, {"420231", 20}}, "420330", "3c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hs, rule := classify.Set(c.parts)
			require.Equal(t, c.hs, hs)
			require.Equal(t, c.rule, rule)
		})
	}
	got := classify.Suggest(classify.Goods{Title: "Two piece set, linen top and skirt", Make: "woven", Wearer: "women", Materials: materials(t, "cotton 100")})
	require.Equal(t, "620422", got[0].HS)
}

// A reason names what it rests on, in the reader's language.
func TestReasons(t *testing.T) {
	got := classify.Suggest(classify.Goods{Title: "Slim dress", Make: "knitted", Materials: materials(t, "cotton 40, polyester 35, viscose 25")})
	require.Equal(t, "610443", got[0].HS)
	var keys []string
	for _, r := range got[0].Reasons {
		keys = append(keys, r.Key)
	}
	require.Equal(t, []string{"classify.kind_titled", "classify.knitted_said", "classify.chief_group"}, keys)
	require.Contains(t, got[0].Reasons[2].Spoken("de"), "Synthetik")
	require.Contains(t, got[0].Reasons[2].Spoken("en"), "60")
}
