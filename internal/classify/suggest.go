package classify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// most is how many candidates a suggestion has.
const most = 5

// option is one answer to a question about goods: how likely it is, and why.
type option struct {
	value string
	p     float64
	why   []Reason
}

func because(key string, args ...string) []Reason {
	r := Reason{Key: "classify." + key, Args: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args[args[i]] = args[i+1]
	}
	return []Reason{r}
}

// asked is goods with what their texts say.
type asked struct {
	Goods
	x           *lexicon
	title, text reading
}

// Suggest proposes up to five codes, the likeliest first, each with the reasons that lead to it. Goods it knows no word
// of have none; search the nomenclature then.
func Suggest(g Goods) []Candidate {
	a := asked{Goods: g, x: words(), title: hear(g.Title, g.Lang)}
	a.text = hear(g.Description, "")
	found := map[string]*Candidate{}
	for _, b := range a.kinds() {
		for _, m := range a.makes(b.value) {
			for _, w := range a.wearers(b.value, m.value) {
				name := b.value
				if w.value == "babies" && a.x.garment(name) {
					name = "baby garment"
				}
				for _, s := range a.stuffs(name) {
					row, ok := a.x.row(name, m.value, w.value, s.value)
					if !ok {
						continue
					}
					p := b.p * m.p * w.p * s.p
					c := found[row.hs]
					if c == nil {
						c = &Candidate{HS: row.hs}
						found[row.hs] = c
					}
					if c.Confidence == 0 || p > c.Confidence/2 {
						c.Reasons = slices.Concat(b.why, reasonsIf(row.make != "", m.why), reasonsIf(row.wearer != "" || w.value == "babies", w.why), reasonsIf(row.stuff != "*", s.why))
					}
					c.Confidence += p
				}
			}
		}
	}
	all := slices.SortedFunc(maps.Values(found), func(a, b *Candidate) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), strings.Compare(a.HS, b.HS))
	})
	var out []Candidate
	for _, c := range all[:min(most, len(all))] {
		if c.Confidence >= 0.01 {
			c.Confidence = float64(int(c.Confidence*1000+0.5)) / 1000
			out = append(out, *c)
		}
	}
	return out
}

func reasonsIf(ok bool, all []Reason) []Reason {
	if ok {
		return all
	}
	return nil
}

// row is the first row of a branch that fits.
func (x *lexicon) row(name, make, wearer, stuff string) (branch, bool) {
	if wearer == "babies" || wearer == "" {
		wearer = "women"
	}
	for _, b := range x.branches[name] {
		if (b.make == "" || b.make == make) && (b.wearer == "" || b.wearer == wearer) && fits(b.stuff, stuff) {
			return b, true
		}
	}
	return branch{}, false
}

func fits(row, stuff string) bool {
	switch row {
	case "*", stuff:
		return true
	case "textile":
		return fibre(stuff)
	case "man-made", "wool":
		return group(stuff) == row
	case "plastic":
		return stuff == "rubber"
	}
	return false
}

// garment reports whether a branch is clothing of chapters 61 and 62.
func (x *lexicon) garment(name string) bool {
	return slices.ContainsFunc(x.branches[name], func(b branch) bool {
		return b.make != "" && (strings.HasPrefix(b.hs, "61") || strings.HasPrefix(b.hs, "62"))
	})
}

// open are the branches a vague word leaves, with how likely each is.
var open = map[string][]struct {
	branch string
	p      float64
}{
	"any jacket":  {{"jacket", 0.6}, {"coat", 0.4}},
	"any bag":     {{"handbag", 0.6}, {"travel bag", 0.3}, {"wallet", 0.1}},
	"any sneaker": {{"shoes", 0.6}, {"sports shoes", 0.4}},
}

// kinds are the branches the goods may belong to: by what the title calls them, what the description says, and where
// the merchant has filed them.
func (a *asked) kinds() []option {
	weight, why := map[string]float64{}, map[string][]Reason{}
	hear := func(h heard, w float64, key string) {
		k := a.x.kinds[h.kind]
		weight[k.branch] += w
		if why[k.branch] == nil {
			why[k.branch] = because(key, "word", h.said, "kind", k.branch)
		}
	}
	for i, h := range a.text.kinds {
		if i == 0 {
			hear(h, 1.3, "kind_described")
		} else if h.segment == a.text.kinds[0].segment {
			hear(h, 0.05, "kind_described")
		}
	}
	for i, h := range a.title.kinds {
		if i == 0 {
			hear(h, 1, "kind_titled")
		} else if h.segment == a.title.kinds[0].segment {
			hear(h, 0.08, "kind_titled")
		}
	}
	filed := 0.1
	if len(weight) == 0 {
		filed = 1
	}
	if r := words().hear(a.Kind, "en"); len(r.kinds) > 0 {
		hear(r.kinds[0], filed, "kind_filed")
	}
	a.ensemble(weight, why)
	total := 0.15 * min(1, float64(len(weight)))
	for _, w := range weight {
		total += w
	}
	var out []option
	for _, b := range slices.Sorted(maps.Keys(weight)) {
		p := weight[b] / total
		parts := open[b]
		if parts == nil {
			out = append(out, a.narrow(b, p, why[b])...)
			continue
		}
		for _, o := range parts {
			out = append(out, a.narrow(o.branch, p*o.p, slices.Concat(why[b], because("kind_open", "kind", o.branch)))...)
		}
	}
	return out
}

var (
	uppers = []string{"top", "t-shirt", "blouse", "shirt", "jersey", "jacket"}
	lowers = []string{"skirt", "trousers"}
)

// ensemble sees a set of an upper and a lower garment, which counts as one where both are of one fabric; else each
// counts for itself. Source: note 3b to chapters 61 and 62, note 14 to Section XI.
func (a *asked) ensemble(weight map[string]float64, why map[string][]Reason) {
	if !a.title.set && !a.text.set && len(a.Set) == 0 {
		return
	}
	has := func(all []string) bool {
		return slices.ContainsFunc(all, func(b string) bool { return weight[b] > 0 })
	}
	if !has(uppers) || !has(lowers) {
		return
	}
	weight["ensemble"] += 3
	why["ensemble"] = append(because("set_ensemble", "kind", "ensemble"), why["ensemble"]...)
}

// narrow takes a branch that the words split further.
func (a *asked) narrow(b string, p float64, why []Reason) []option {
	said := func(to, key string) []option { return []option{{to, p, slices.Concat(why, because(key))}} }
	either := func(to, key string, share float64) []option {
		return []option{{b, p * (1 - share), why}, {to, p * share, slices.Concat(why, because(key))}}
	}
	switch {
	case b == "tights" && (a.title.medical || a.text.medical):
		return said("compression hosiery", "compression")
	case b == "tights" && (a.title.thick || a.text.thick):
		return said("thick tights", "thick")
	case b == "tights":
		return either("thick tights", "thick_maybe", 0.3)
	case b == "bed linen" && (a.title.printed || a.text.printed):
		return said("printed bed linen", "printed")
	case b == "bed linen":
		return either("printed bed linen", "printed_maybe", 0.3)
	case (b == "shoes" || b == "boots") && (a.title.leather || a.text.leather):
		return said("leather-soled "+b, "leather_sole")
	}
	return []option{{b, p, why}}
}

// woven is how likely a branch is woven where nothing says so.
var woven = map[string]float64{
	"dress": 0.7, "skirt": 0.75, "trousers": 0.75, "coat": 0.9, "jacket": 0.85, "shirt": 0.9, "blouse": 0.9, "top": 0.35, "t-shirt": 0.03, "jersey": 0.03,
	"suit": 0.9, "ensemble": 0.5, "pyjamas": 0.5, "robe": 0.5, "overall garment": 0.6, "waistcoat": 0.8, "tracksuit": 0.15, "swimwear": 0.1, "baby garment": 0.2,
	"scarf": 0.65, "tie": 0.93, "gloves": 0.2, "belt": 0.7, "clothing accessory": 0.5, "briefs": 0.1, "slip": 0.5, "handkerchief": 0.95, "bed linen": 0.9,
	"printed bed linen": 0.9, "curtain": 0.9, "table linen": 0.95, "cushion cover": 0.8, "tights": 0,
}

// makes are how the fabric may be made: as stated, as a word says, as the kind always is, as it mostly is.
func (a *asked) makes(b string) []option {
	if !slices.ContainsFunc(a.x.branches[b], func(r branch) bool { return r.make != "" }) {
		return []option{{"", 1, nil}}
	}
	two := func(is string, p float64, why []Reason) []option {
		other := "woven"
		if is == other {
			other = "knitted"
		}
		out := []option{{is, p, why}}
		if p < 0.99 {
			out = append(out, option{other, 1 - p, because(other + "_maybe")})
		}
		return out
	}
	if a.Make == "knitted" || a.Make == "woven" {
		return two(a.Make, 0.99, because(a.Make+"_said"))
	}
	for _, r := range []reading{a.text, a.title} {
		if len(r.makes) > 0 {
			is := r.makes[0].trait
			return two(is, 0.95, because(is+"_word", "word", r.makes[0].said))
		}
	}
	for _, r := range []reading{a.title, a.text} {
		for _, h := range r.kinds {
			if k := a.x.kinds[h.kind]; k.branch == b && k.make != "" {
				return two(k.make, 0.95, because(k.make+"_kind", "word", h.said))
			}
		}
	}
	if p := woven[b]; p < 0.5 {
		return two("knitted", 1-p, because("knitted_usual"))
	}
	return two("woven", woven[b], because("woven_usual"))
}

// wearers are for whom the goods may be.
func (a *asked) wearers(b, make string) []option {
	who, key, word := a.Wearer, "wearer_said", ""
	for _, r := range []reading{a.text, a.title} {
		if who == "" && len(r.wearers) > 0 {
			who, key, word = r.wearers[0].trait, "wearer_word", r.wearers[0].said
		}
	}
	if who == "babies" {
		return []option{{"babies", 0.98, because("babies", "word", word)}}
	}
	if !slices.ContainsFunc(a.x.branches[b], func(r branch) bool { return r.wearer != "" }) {
		return []option{{"", 1, nil}}
	}
	if a.Closing != Unknown {
		is := Whose(a.Closing, who)
		return []option{{is, 0.99, because("closing_"+string(a.Closing), "who", is)}}
	}
	if who != "" {
		is := Whose(Unknown, who)
		if who == "unisex" {
			return []option{{is, 0.97, because("wearer_unisex")}}
		}
		return []option{{is, 0.98, because(key, "who", who, "word", word)}}
	}
	if b == "blouse" {
		return []option{{"women", 0.98, because("wearer_blouse")}}
	}
	p := 0.65
	switch b {
	case "briefs", "robe", "pyjamas", "shirt", "suit", "jacket":
		p = 0.55
	case "top", "jersey", "t-shirt", "overall garment", "swimwear":
		p = 0.85
	}
	return []option{{"women", p, because("wearer_unknown")}, {"men", 1 - p, because("wearer_men")}}
}

// guesses are how likely materials are where nobody says: of clothing, of bags and shoes, of jewellery.
var (
	clothGuess   = map[string]float64{"cotton": 0.36, "synthetic": 0.36, "artificial": 0.12, "wool": 0.07, "vegetable fibre": 0.05, "silk": 0.04}
	leatherGuess = map[string]float64{"plastic": 0.45, "leather": 0.33, "textile": 0.22}
	jewelGuess   = map[string]float64{"metal": 0.75, "glass": 0.15, "silver": 0.1}
)

// stuffs are what the goods may be of.
func (a *asked) stuffs(b string) []option {
	rows := a.x.branches[b]
	if !slices.ContainsFunc(rows, func(r branch) bool { return r.stuff != "*" }) {
		return []option{{"", 1, nil}}
	}
	shoe := strings.HasPrefix(rows[0].hs, "64")
	if up := cmp.Or(a.text.upper, a.title.upper); shoe && up != "" {
		return []option{{up, 0.97, because("upper", "stuff", up)}}
	}
	if len(a.Materials) > 0 {
		if out := a.weighed(b, shoe); out != nil {
			return out
		}
	}
	for _, r := range []reading{a.title, a.text} {
		if len(r.stuffs) > 0 {
			s := r.stuffs[0]
			out := []option{{s.stuff, 0.92, because("stuff_word", "word", s.said, "stuff", s.stuff)}}
			if len(r.stuffs) > 1 && r.stuffs[1].stuff != s.stuff {
				out = append(out, option{r.stuffs[1].stuff, 0.06, because("stuff_word", "word", r.stuffs[1].said, "stuff", r.stuffs[1].stuff)})
			}
			return out
		}
	}
	guess := clothGuess
	switch {
	case strings.HasPrefix(rows[0].hs, "71"):
		guess = jewelGuess
	case shoe, strings.HasPrefix(rows[0].hs, "4202"), b == "belt", b == "phone case":
		guess = leatherGuess
	}
	var out []option
	for _, s := range slices.Sorted(maps.Keys(guess)) {
		out = append(out, option{s, guess[s], because("stuff_unknown", "stuff", s)})
	}
	return out
}

// weighed is the material that counts of those stated.
func (a *asked) weighed(b string, shoe bool) []option {
	all := a.Materials
	if shoe && len(all) > 1 { // the rubber is the sole; what is above it counts
		all = slices.Clone(all)
		for i, m := range all {
			if StuffOf(m.Fibre) == "rubber" {
				all = slices.Delete(all, i, i+1)
				break
			}
		}
	}
	c, ok := Heaviest(all)
	if !ok {
		return nil
	}
	share := strconv.Itoa(c.Share)
	key := "chief"
	switch {
	case shoe:
		key = "upper_stated"
	case strings.HasPrefix(a.x.branches[b][0].hs, "4202"):
		key = "surface"
	case c.Tied:
		key = "chief_tied"
	case len(c.Group) > 1:
		key = "chief_group"
	case len(all) == 1:
		key = "only"
	}
	out := []option{{c.Stuff, 0.98, because(key, "stuff", c.Stuff, "share", share)}}
	if t, ok := ChiefWeight(all); ok && t.Stuff != c.Stuff {
		out[0].p = 0.9
		out = append(out, option{t.Stuff, 0.08, because("chief", "stuff", t.Stuff, "share", strconv.Itoa(t.Share))})
	}
	return out
}
