package customs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/money"
)

// Severity says what a finding asks for.
type Severity string

// The severities.
const (
	Blocks  Severity = "E" // no label while it stands
	Accept  Severity = "W" // a named person has to accept it
	Advises Severity = "I"
)

// Finding is one thing the linter has to say.
type Finding struct {
	Line     int // index in Consignment.Lines; -1 when it is about the whole
	Code     string
	Severity Severity
	Field    string            // "lines.0.description"
	Key      string            // of the sentence: "customs.lint.l02_stop_word"
	Args     map[string]string // what the sentence names
	About    string            // article and description the line had, part of the mark
}

// Mark tells findings apart: two that say the same of the same goods have the same mark.
func (f Finding) Mark() string {
	text := f.Code + "|" + f.Key + "|" + f.Field + "|" + f.About
	for _, name := range slices.Sorted(maps.Keys(f.Args)) {
		text += "|" + name + "=" + f.Args[name]
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Options are what the linter can't see in a consignment.
type Options struct {
	Strict         bool // a vague term inside a longer description blocks
	MaxDescription int  // characters the carrier takes; 0 knows no limit
	NeedsPhone     bool // the service needs them of the addressee
	NeedsEmail     bool
	Nomenclature   Nomenclature // nil is Codes
	// GoodsInEuro is what the goods are worth in EUR at the customs' rate, for a consignment in another currency;
	// without it the limit of IOSS can't be checked, and a person is asked.
	GoodsInEuro money.Amount
}

// Lint looks a consignment through and returns what it finds, lines first and codes in order.
func Lint(c Consignment, o Options) []Finding {
	if o.Nomenclature == nil {
		o.Nomenclature = Codes
	}
	l := linter{c: &c, o: o, day: c.Date.Format("2006-01-02"), to: c.Addressee.Address.Country}
	for i := range c.Lines {
		l.at = i
		l.description(c.Lines[i])
		l.classification(c.Lines[i])
		l.weight(c.Lines[i])
		l.value(c.Lines[i])
		l.restrictions(c.Lines[i])
	}
	l.at = -1
	l.weights()
	l.totals()
	l.ioss()
	l.split()
	l.parties()
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(uint(a.Line), uint(b.Line)), strings.Compare(a.Code, b.Code))
	})
	return l.found
}

// Blocked reports whether any finding blocks.
func Blocked(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == Blocks })
}

type linter struct {
	c     *Consignment
	o     Options
	day   string
	to    string
	at    int
	found []Finding
}

// say notes a finding; args are names and values in turn.
func (l *linter) say(code string, s Severity, field, what string, args ...string) {
	if l.at >= 0 {
		field = "lines." + strconv.Itoa(l.at) + "." + field
	}
	f := Finding{Line: l.at, Code: code, Severity: s, Field: field, Key: "customs.lint." + strings.ToLower(code) + "_" + what}
	if l.at >= 0 {
		g := l.c.Lines[l.at]
		f.About = g.SKU + " " + g.Description + " " + g.HS
	}
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = args[i+1]
	}
	l.found = append(l.found, f)
}

func (l *linter) description(g Line) {
	text := strings.TrimSpace(g.Description)
	switch n := utf8.RuneCountInString(text); {
	case text == "":
		l.say("L01", Blocks, "description", "empty")
		return
	case !latin(text):
		l.say("L01", Blocks, "description", "not_latin")
		return
	case l.o.MaxDescription > 0 && n > l.o.MaxDescription:
		l.say("L01", Blocks, "description", "too_long", "limit", strconv.Itoa(l.o.MaxDescription), "length", strconv.Itoa(n))
	}
	rest := bare(text, g.Brand)
	if len(rest) == 0 {
		l.say("L05", Blocks, "description", "brand_or_model_only")
		return
	}
	is, inside := vague(rest, l.day)
	if is == "" {
		// a term may hold a word that is also a unit or a letter: "N/A"
		is, _ = vague(stems(text), l.day)
	}
	switch {
	case is != "" && InUnion(l.to):
		l.say("L02", Blocks, "description", "stop_word", "term", is)
	case is != "":
		l.say("L02", Accept, "description", "stop_word", "term", is)
	case inside != "" && l.o.Strict:
		l.say("L03", Blocks, "description", "stop_word_inside", "term", inside)
	case inside != "":
		l.say("L03", Accept, "description", "stop_word_inside", "term", inside)
	}
	if len(words(text)) < 3 {
		l.say("L04", Accept, "description", "few_words")
	}
	if textile(g.HS) && !slices.ContainsFunc(stems(text), func(w string) bool { return materials[w] }) {
		l.say("L06", Accept, "description", "no_material")
	}
	if heading := l.o.Nomenclature.Text(g.HS); heading != "" && !l.shares(heading, g) {
		l.say("L16", Accept, "hs", "disagrees", "heading", heading)
	}
}

// textile holds for chapters 42 and 50 to 67: leather goods, textiles, clothing, footwear, headgear.
func textile(hs string) bool {
	if len(hs) < 2 {
		return false
	}
	chapter := hs[:2]
	return chapter == "42" || "50" <= chapter && chapter <= "67"
}

// filler words tell nothing when they are shared.
var filler = set("of or other than the a an and for with not in to men women man woman boy girl baby unisex knitted woven article")

func (l *linter) shares(heading string, g Line) bool {
	ours := map[string]bool{}
	texts := []string{g.Description, g.Title, g.Use}
	for _, m := range g.Materials {
		texts = append(texts, m.Fibre)
	}
	for _, w := range stems(strings.Join(texts, " ")) {
		ours[w] = true
	}
	return slices.ContainsFunc(stems(heading), func(w string) bool { return !filler[w] && ours[w] })
}

// Disagrees reports whether what a product is called shares no word with what its code is for (L16 of the linter).
func Disagrees(p *catalog.Product) bool {
	heading := Codes.Text(p.HS)
	if heading == "" {
		return false
	}
	g := Line{Description: p.CustomsDescription, Title: p.Text("en").Title, Materials: p.Materials}
	return !(&linter{}).shares(heading, g)
}

func (l *linter) classification(g Line) {
	digits := strings.IndexFunc(g.HS, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
	switch {
	case g.HS == "":
		l.say("L07", Blocks, "hs", "missing")
	case !digits || len(g.HS) < 6:
		l.say("L07", Blocks, "hs", "short")
	case !l.o.Nomenclature.Knows(g.HS):
		l.say("L07", Blocks, "hs", "unknown", "near", strings.Join(l.o.Nomenclature.Near(g.HS), ", "))
	case l.to == "US" && len(g.HS) < 8:
		l.say("L07", Accept, "hs", "shallow", "digits", "8")
	}
	if !address.Known(g.Origin) {
		l.say("L08", Blocks, "origin", "no_country")
	}
}

func (l *linter) weight(g Line) {
	switch {
	case g.NetGrams <= 0:
		l.say("L09", Blocks, "net_weight", "no_weight")
	case g.Quantity > 0 && len(g.HS) > 2 && "61" <= g.HS[:2] && g.HS[:2] <= "64":
		if each := g.NetGrams / g.Quantity; each < 5 || each > 10_000 {
			l.say("L09", Accept, "net_weight", "unusual", "low", "5 g", "high", "10 kg")
		}
	}
}

func (l *linter) weights() {
	if net := l.c.NetGrams(); l.c.Gross <= 0 || net > l.c.Gross {
		l.say("L09", Blocks, "gross_weight", "net_over_gross", "net", strconv.FormatInt(net, 10), "gross", strconv.FormatInt(l.c.Gross, 10))
	}
}

func (l *linter) value(g Line) {
	if g.Value.Currency != l.c.Currency {
		l.say("L17", Accept, "value", "mixed_currency", "currency", string(g.Value.Currency))
	}
	if g.Value.Minor <= 0 || g.Quantity <= 0 {
		l.say("L17", Accept, "value", "zero")
	}
}

func (l *linter) totals() {
	sum := l.c.Goods().Minor + l.c.Freight.Minor + l.c.Insurance.Minor
	if sum != l.c.Total.Minor {
		l.say("L10", Blocks, "total", "differs_from_lines", "lines", money.Of(sum, l.c.Currency).String(), "total", l.c.Total.String())
	}
	if l.c.Total != l.c.Ledger {
		l.say("L10", Blocks, "total", "differs_from_order", "order", l.c.Ledger.String(), "total", l.c.Total.String())
	}
}

// iossLimit is the intrinsic value in euro cents up to which IOSS may be used. Source: low_value_schemes, IOSS.
const iossLimit = 150_00

func (l *linter) ioss() {
	s := l.c.Scheme
	if s.Kind != "IOSS" {
		return
	}
	if !InVATArea(l.c.Addressee.Address) {
		l.say("L11", Blocks, "scheme", "ioss_not_in_vat_area")
	}
	goods := l.c.Goods()
	if l.c.Currency != "EUR" {
		goods = l.o.GoodsInEuro
	}
	switch {
	case goods.Currency != "EUR":
		l.say("L11", Accept, "scheme", "ioss_limit_unchecked", "limit", "EUR 150.00", "goods", l.c.Goods().String())
	case goods.Minor > iossLimit:
		l.say("L11", Blocks, "scheme", "ioss_over_limit", "limit", "EUR 150.00", "goods", goods.String())
	}
	if s.Number == "" || l.c.Date.Before(s.ValidFrom) || !s.ValidTo.IsZero() && l.c.Date.After(s.ValidTo) {
		l.say("L11", Blocks, "scheme", "ioss_not_valid")
	}
	if s.Number == "" {
		return
	}
	for field, text := range printed(l.c) {
		if strings.Contains(strings.ToUpper(strings.ReplaceAll(text, " ", "")), strings.ToUpper(s.Number)) {
			l.say("L12", Blocks, field, "ioss_printed")
		}
	}
}

// printed yields what people typed and papers show, by field, in order.
func printed(c *Consignment) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		show := []struct{ field, text string }{
			{"comments", c.Comments}, {"licences", strings.Join(c.Licences, " ")}, {"origin_statement", c.Origin}, {"export_reference", c.Export},
			{"invoice", c.Invoice}, {"order", c.Order}, {"place", c.Place}, {"signer", c.Signer}, {"sender.name", c.Sender.Title()}, {"addressee.name", c.Addressee.Title()},
		}
		parties := map[string]Party{"sender": c.Sender, "addressee": c.Addressee, "importer": c.importer()}
		for _, name := range []string{"sender", "addressee", "importer"} {
			p := parties[name]
			a := p.Address
			show = append(show, struct{ field, text string }{name + ".address", strings.Join([]string{a.Line1, a.Line2, a.City}, "\n")})
			for _, id := range p.IDs {
				show = append(show, struct{ field, text string }{name + ".ids", id.Number})
			}
		}
		for i, g := range c.Lines {
			show = append(show, struct{ field, text string }{fmt.Sprintf("lines.%d.description", i), g.Description})
		}
		for i, p := range c.Parcels {
			show = append(show, struct{ field, text string }{fmt.Sprintf("parcels.%d.tracking", i), p.Tracking})
		}
		for _, s := range show {
			if !yield(s.field, s.text) {
				return
			}
		}
	}
}

// split finds goods that only colour, size or number in their description makes several items of. Source: the
// Union's EUR 3 per item of tariff code, description and origin, from 2026-07-01.
func (l *linter) split() {
	if !InUnion(l.to) || l.day < "2026-07-01" {
		return
	}
	said := map[string]map[string]bool{}
	for i, g := range l.c.Lines {
		key := g.HS + "|" + g.Origin + "|" + strings.Join(bare(g.Description, g.Brand), " ")
		if said[key] == nil {
			said[key] = map[string]bool{}
		}
		text := strings.ToLower(strings.Join(strings.Fields(g.Description), " "))
		if len(said[key]) > 0 && !said[key][text] {
			l.at = i
			l.say("L13", Advises, "description", "splits_item", "extra", "EUR 3.00")
			l.at = -1
		}
		said[key][text] = true
	}
}

func (l *linter) parties() {
	l.party("sender", l.c.Sender)
	l.party("addressee", l.c.Addressee)
	if l.o.NeedsPhone && l.c.Addressee.Address.Phone == "" {
		l.say("L18", Blocks, "addressee.phone", "no_phone")
	}
	if l.o.NeedsEmail && l.c.Addressee.Email == "" {
		l.say("L18", Blocks, "addressee.email", "no_email")
	}
	for _, r := range Restrictions() {
		if r.Rule != identifier || r.Country != l.to || !holds(r.ValidFrom, r.ValidTo, l.day) {
			continue
		}
		if _, ok := l.c.importer().ID(r.Needs); !ok {
			l.say("L19", Blocks, "importer.ids", "no_identifier", "identifier", r.Needs)
		}
	}
}

// nobody lists what people type where a name belongs.
var nobody = set("private unknown customer consignee recipient none null test nobody anonymous name individual person na xxx address street")

func (l *linter) party(name string, p Party) {
	title, line := p.Title(), p.Address.Line1
	for _, part := range []struct{ field, text string }{{name + ".name", title}, {name + ".address", line}} {
		w := stems(part.text)
		empty := len(w) == 0 || strings.Join(w, "") == "na"
		if empty || !slices.ContainsFunc(w, func(s string) bool { return !nobody[s] }) {
			l.say("L15", Blocks, part.field, "placeholder", "text", part.text)
			continue
		}
		if _, changed := Printable(part.text); changed {
			l.say("L15", Advises, part.field, "cleaned", "text", part.text)
		}
	}
}

func (l *linter) restrictions(g Line) {
	for _, v := range Check(g.facts(l.c.Way), l.to, l.c.Date) {
		if v.Most >= g.Quantity {
			continue
		}
		s := Accept
		if v.Blocks {
			s = Blocks
		}
		l.say("L14", s, "category", "restricted", "rule", v.Rule, "needs", v.Needs, "alternative", v.Alternative, "country", l.to)
	}
}
