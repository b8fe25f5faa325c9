package customs

import (
	"slices"
	"strings"

	"portolan/internal/catalog"
)

// kinds says which goods, in the words of the restrictions, the codes of the nomenclature under a prefix are. All
// prefixes that fit count.
var kinds = []struct{ prefix, words string }{
	{"01", "animal"}, {"02", "food animal_food animal"}, {"0203", "pork"}, {"03", "food animal_food"}, {"04", "food animal_food"}, {"06", "plant"},
	{"07", "food plant"}, {"08", "food plant"}, {"09", "food plant"}, {"10", "food plant"}, {"12", "plant"}, {"16", "food animal_food"}, {"17", "food"},
	{"170410", "chewing_gum"}, {"18", "food"}, {"19", "food"}, {"20", "food"}, {"21", "food"}, {"22", "food"}, {"2203", "alcohol"}, {"2204", "alcohol"},
	{"2205", "alcohol"}, {"2206", "alcohol"}, {"2208", "alcohol"}, {"2404", "e_cigarettes"}, {"30", "medicine"}, {"3303", "cosmetics perfume"},
	{"3304", "cosmetics"}, {"330430", "nail_polish"}, {"3305", "cosmetics"}, {"3306", "cosmetics"}, {"3307", "cosmetics"}, {"3401", "cosmetics"},
	{"42", "accessories"}, {"44", "wood"}, {"5", "textiles"}, {"60", "textiles"}, {"61", "textiles clothing"}, {"6116", "accessories"}, {"6117", "accessories"},
	{"62", "textiles clothing"}, {"6213", "accessories"}, {"6214", "accessories"}, {"6215", "accessories"}, {"6216", "accessories"}, {"6217", "accessories"},
	{"63", "textiles"}, {"64", "footwear"}, {"65", "accessories"}, {"66", "accessories"}, {"7113", "jewellery accessories"}, {"7114", "jewellery"},
	{"7116", "jewellery accessories"}, {"7117", "jewellery accessories"}, {"85", "electronics"}, {"8506", "battery"}, {"8507", "battery"},
	{"854340", "e_cigarettes"}, {"8806", "drones electronics"}, {"9004", "accessories"}, {"91", "accessories"}, {"9503", "toys"},
}

// Kinds says which goods a code of the nomenclature stands for, in the words of the restrictions, sorted: clothing is
// "clothing" and "textiles". A code that is empty or of other goods has none.
func Kinds(hs string) (all []string) {
	for _, k := range kinds {
		if strings.HasPrefix(hs, k.prefix) {
			all = append(all, strings.Fields(k.words)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// GoodsOf are the facts of a product of the catalogue: what its code and those it is made for tell, and what the
// merchant said besides.
func GoodsOf(p *catalog.Product) Goods {
	g := Goods{Traits: append(Kinds(p.HS), p.Traits...), Evidence: p.Evidence, ByAir: true}
	switch p.Wearer {
	case "girls", "boys", "babies":
		g.Traits = append(g.Traits, "child")
	}
	return g
}

// Traits are the words a merchant may say about goods besides their code: those that some restriction asks for and
// no code of the nomenclature tells, sorted.
func Traits() (all []string) {
	told := map[string]bool{"all": true, "child": true}
	for _, k := range kinds {
		for _, w := range strings.Fields(k.words) {
			told[w] = w != "battery"
		}
	}
	for _, r := range Restrictions() {
		for _, w := range r.Goods {
			if !told[w] {
				all = append(all, w)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Marks are the marks and documents that a restriction asks for, sorted.
func Marks() (all []string) {
	for _, r := range Restrictions() {
		if r.Needs != "" && r.Rule != identifier {
			all = append(all, r.Needs)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
