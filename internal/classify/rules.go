package classify

import (
	"cmp"
	"slices"
	"strings"

	"portolan/internal/catalog"
)

// Chief is the material that goods of several count as.
type Chief struct {
	Stuff string // as in the table of stuffs: "cotton", "synthetic", "leather"
	Share int    // per cent, of the group where one decided
	Group []catalog.Material
	Tied  bool // another weighs as much; the one that stands last in the nomenclature was taken
}

// order is how the fibres stand in Section XI, by which a tie is broken: the last one wins.
var order = []string{"silk", "wool", "cashmere", "fine hair", "cotton", "vegetable fibre", "synthetic", "artificial"}

// group is the fibres that count together before they are weighed against others: those of one chapter, and chapters
// 54 and 55 as one. Source: note 2 to Section XI; subheading note 2 for made-up goods.
func group(stuff string) string {
	switch stuff {
	case "wool", "cashmere", "fine hair":
		return "wool"
	case "synthetic", "artificial":
		return "man-made"
	}
	return stuff
}

func fibre(stuff string) bool { return slices.Contains(order, stuff) || stuff == "textile" }

// ChiefWeight finds the textile material of a blend that it is classified as, as if it were all of that: fibres of one
// chapter of Section XI count together, man-made fibres too; the heaviest group wins, and in it the heaviest fibre;
// of equal ones that which stands last in the nomenclature. What is no fibre isn't weighed. ok is false where no
// material is a fibre that is known. Source: note 2 and subheading note 2 to Section XI.
func ChiefWeight(materials []catalog.Material) (c Chief, ok bool) {
	sums, parts, single := map[string]int{}, map[string][]catalog.Material{}, map[string]int{}
	for _, m := range materials {
		s := StuffOf(m.Fibre)
		if !slices.Contains(order, s) {
			continue
		}
		sums[group(s)] += m.Percent
		single[s] += m.Percent
		parts[group(s)] = append(parts[group(s)], m)
	}
	best := ""
	for _, s := range order {
		g := group(s)
		if single[s] == 0 || g == best {
			continue
		}
		if best != "" && sums[g] == sums[best] {
			c.Tied = true
		}
		if best == "" || sums[g] >= sums[best] {
			if best != "" && sums[g] > sums[best] {
				c.Tied = false
			}
			best = g
		}
	}
	if best == "" {
		return c, false
	}
	for _, s := range order {
		if group(s) == best && single[s] > 0 && single[s] >= single[c.Stuff] {
			c.Stuff = s
		}
	}
	c.Share, c.Group = sums[best], parts[best]
	return c, true
}

// Heaviest is the material goods that aren't of textile alone count as: all fibres together against each other stuff.
// Of equal ones the first stated wins.
func Heaviest(materials []catalog.Material) (c Chief, ok bool) {
	textile, rest := 0, map[string]int{}
	var named []string
	for _, m := range materials {
		s := StuffOf(m.Fibre)
		switch {
		case s == "":
		case fibre(s):
			textile += m.Percent
		default:
			if rest[s] == 0 {
				named = append(named, s)
			}
			rest[s] += m.Percent
		}
	}
	for _, s := range named {
		if rest[s] > c.Share {
			c.Stuff, c.Share = s, rest[s]
		}
	}
	if textile >= c.Share && textile > 0 {
		if c, ok = ChiefWeight(materials); ok {
			return c, true
		}
		return Chief{Stuff: "textile", Share: textile}, true
	}
	return c, c.Stuff != ""
}

// StuffOf is what a material counts as, by its name in any of the languages; empty where nobody knows it.
func StuffOf(name string) string {
	name = strings.Join(catalog.Words(strings.ReplaceAll(name, "_", " ")), " ")
	best, length := "", 0
	for _, s := range words().stuffs {
		if s.name == name {
			return s.name
		}
		for _, all := range s.words {
			for _, w := range all {
				w = strings.Join(catalog.Words(w), " ")
				if w == name {
					return s.name
				}
				if len(w) > length && strings.Contains(" "+name+" ", " "+w+" ") {
					best, length = s.name, len(w)
				}
			}
		}
	}
	return best
}

// Whose says for whom a garment counts: by how it closes at the front, else by whom it is made for; what can't be told
// counts as women's. Source: note 9 to chapter 61 and note 9 to chapter 62 (note 8 before 2007).
func Whose(closing Closing, wearer string) string {
	switch closing {
	case LeftOverRight:
		return "men"
	case RightOverLeft:
		return "women"
	}
	switch wearer {
	case "men", "boys":
		return "men"
	case "babies":
		return "babies"
	}
	return "women"
}

// Part is one thing of a set, with what it is worth in any one currency's smallest unit.
type Part struct {
	HS    string
	Value int64
}

// Set says what things sold as one set count as, and by which rule: garments each for themselves (note 14 to Section
// XI; hs is empty then), anything else as the part that gives it its character, taken to be the one worth more than
// all others together (general rule 3b), and where there is none as the last in the nomenclature (3c).
func Set(parts []Part) (hs, rule string) {
	if len(parts) == 0 {
		return "", ""
	}
	var total int64
	best := slices.MaxFunc(parts, func(a, b Part) int { return cmp.Compare(a.Value, b.Value) })
	last := parts[0]
	garments := true
	for _, p := range parts {
		total += p.Value
		garments = garments && (strings.HasPrefix(p.HS, "61") || strings.HasPrefix(p.HS, "62"))
		if p.HS > last.HS {
			last = p
		}
	}
	same := !slices.ContainsFunc(parts, func(p Part) bool { return p.HS != parts[0].HS })
	switch {
	case same:
		return parts[0].HS, "1"
	case garments:
		return "", "note_14"
	case best.Value > total-best.Value:
		return best.HS, "3b"
	}
	return last.HS, "3c"
}
