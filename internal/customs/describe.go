package customs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"portolan/internal/catalog"
)

// Article is what a good description is made of.
type Article struct {
	Kind      string // "dress", "ankle boots"
	For       string // women, men, girls, boys, babies; empty for everybody
	Make      string // woven, knitted; empty where it makes no difference
	Materials []catalog.Material
	Upper     bool // the materials are those of a shoe's upper
}

// Describe proposes what to declare: "Women's woven dress, 100 % viscose". A person approves it once for all
// variants; colour and size don't belong in it, since the Union counts items by their description. An article
// without a kind gets no proposal.
func Describe(a Article) string {
	kind := strings.ToLower(strings.TrimSpace(a.Kind))
	if kind == "" {
		return ""
	}
	var parts []string
	switch whose := strings.ToLower(a.For); {
	case whose == "":
	case strings.HasSuffix(whose, "s"):
		parts = append(parts, whose+"'")
	default:
		parts = append(parts, whose+"'s")
	}
	if a.Make != "" {
		parts = append(parts, strings.ToLower(a.Make))
	}
	text := strings.Join(append(parts, kind), " ")
	text = strings.ToUpper(text[:1]) + text[1:]
	made := slices.Clone(a.Materials)
	slices.SortStableFunc(made, func(x, y catalog.Material) int { return cmp.Compare(y.Percent, x.Percent) })
	for i, m := range made {
		switch {
		case m.Fibre == "":
			continue
		case i == 0 && a.Upper:
			text += ", upper of "
		default:
			text += ", "
		}
		if m.Percent > 0 {
			text += fmt.Sprintf("%d %% ", m.Percent)
		}
		text += strings.ToLower(m.Fibre)
	}
	return text
}
