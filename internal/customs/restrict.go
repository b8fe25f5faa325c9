package customs

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Restriction is one rule about what may go where. Codes and names of marks are facts; words for people are
// translation keys.
type Restriction struct {
	Key       string   // "EU.electronics.ce"; the sentence is customs.restriction.<rule>
	Country   string   // ISO 3166-1, EU for the Union, XI, or * for all
	Goods     []string // categories and traits it is about; "all" for everything
	Rule      string   // mark, label, document, registration, notice, licence, prohibition, sanctions, transport, quantity, limit, identifier, data
	Needs     string   // the mark, document or number that lifts it; empty when nothing does
	Severity  string   // block, or warn
	ValidFrom string
	ValidTo   string
	Source    string
	Most      int64 // pieces that may go without; 0 where the rule counts none
}

// identifier is the rule type of numbers importers must have; the linter asks for them (L19).
const identifier = "identifier"

// Restrictions is the table inside the program.
var Restrictions = sync.OnceValue(func() []Restriction {
	var all []Restriction
	for _, r := range table("data/restrictions.csv", 10) {
		most, _ := strconv.ParseInt(r[9], 10, 64)
		all = append(all, Restriction{r[0], r[1], strings.Split(r[2], "|"), r[3], r[4], r[5], r[6], r[7], r[8], most})
	}
	return all
})

// Goods are the facts of a product that restrictions turn on.
type Goods struct {
	Category string
	Traits   []string // battery, radio, perfume, aerosol, cites, counterfeit, child …
	Evidence []string // marks and documents held, as Restriction.Needs names them
	ByAir    bool     // transport rules ask only of goods that fly
}

func (g Line) facts(w Way) Goods {
	return Goods{Category: g.Category, Traits: g.Traits, Evidence: g.Evidence, ByAir: w != Freight}
}

// Verdict is what one restriction says about one product.
type Verdict struct {
	Key         string
	Blocks      bool   // it can't be sold there; otherwise somebody has to look
	Rule        string // type of the rule
	Needs       string // what would lift it
	Reason      string // translation key
	Alternative string // translation key of what the buyer or merchant can do instead
	Source      string
	Buyer       bool   // the buyer has to do something; otherwise it is the merchant's
	Instead     string // translation key of what the buyer can do instead; empty where it is none of theirs
	Most        int64  // pieces that may go without; 0: not even one
}

// Check says what stands between goods and a country on a day, blocking verdicts first. Prohibitions and
// sanctions block; a mark or a document without evidence is a warning (somebody has to show it or accept its
// absence by name); with the evidence it is nothing.
func Check(g Goods, country string, day time.Time) []Verdict {
	return check(g, country, day.Format(time.DateOnly))
}

func check(g Goods, country, on string) []Verdict {
	var out []Verdict
	for _, r := range Restrictions() {
		if !r.covers(country) || !holds(r.ValidFrom, r.ValidTo, on) || !r.concerns(g) || r.Rule == identifier {
			continue
		}
		if r.Needs != "" && slices.Contains(g.Evidence, r.Needs) {
			continue
		}
		v := Verdict{
			Key: r.Key, Blocks: r.Severity == "block", Rule: r.Rule, Needs: r.Needs, Source: r.Source, Most: r.Most,
			Reason: "customs.restriction." + r.Rule, Alternative: "customs.alternative." + alternative(r), Buyer: r.Most > 0,
		}
		switch {
		case v.Blocks:
			v.Instead = "customs.alternative.choose_other_goods"
		case v.Buyer:
			v.Instead = v.Alternative
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b Verdict) int {
		switch {
		case a.Blocks == b.Blocks:
			return 0
		case a.Blocks:
			return -1
		}
		return 1
	})
	return out
}

func (r Restriction) covers(country string) bool {
	return r.Country == "*" || r.Country == country || r.Country == "EU" && InUnion(country)
}

func (r Restriction) concerns(g Goods) bool {
	if r.Rule == "transport" && !g.ByAir {
		return false
	}
	return slices.ContainsFunc(r.Goods, func(what string) bool {
		return what == "all" || what == g.Category || slices.Contains(g.Traits, what)
	})
}

// alternative is what can be done instead, by the kind of rule.
func alternative(r Restriction) string {
	switch r.Rule {
	case "transport":
		return "send_by_road"
	case "prohibition", "sanctions":
		if r.Needs != "" {
			return "show_permit"
		}
		return "choose_other_goods"
	case "quantity", "limit":
		return "order_less"
	case "data":
		return "add_identifier"
	}
	return "show_evidence"
}
