package landed

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/money"
)

// Tariff is lines of national tariffs and the international nomenclature, read from official tables. A nil
// Tariff has no line. It is never changed and is safe for concurrent use.
type Tariff struct {
	lines    map[string][]nationalLine // by importer, EU, GB or US; by code and first day
	amounts  []specific                // of compound rates
	editions []row                     // days, source and confidence that many lines share
	titles   []title                   // by code
	hash     map[string]string         // of each table it was read from
}

// nationalLine is one line, small because there are tens of thousands.
type nationalLine struct {
	code      uint64 // ten digits, zeros at the end
	rate, low uint32 // millionths
	amount    uint16 // into amounts, from 1
	edition   uint16
	digits    uint8
	outcome   outcome
}

type title struct{ code, text string }

// Len is how many lines of national tariffs there are.
func (t *Tariff) Len() int {
	n := 0
	if t != nil {
		for _, lines := range t.lines {
			n += len(lines)
		}
	}
	return n
}

// Importers are whose lines there are: EU, GB, US.
func (t *Tariff) Importers() []string {
	if t == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.lines))
}

// Title is what the nomenclature calls a code of two, four or six digits; empty for one that it doesn't hold.
func (t *Tariff) Title(hs string) string {
	if t == nil {
		return ""
	}
	code := plainHS(hs)
	i, ok := slices.BinarySearchFunc(t.titles, code, func(n title, code string) int { return strings.Compare(n.code, code) })
	if !ok {
		return ""
	}
	return t.titles[i].text
}

// Titles are the codes of the nomenclature with what it calls them, in order.
func (t *Tariff) Titles() iter.Seq2[string, string] {
	return func(yield func(code, text string) bool) {
		if t == nil {
			return
		}
		for _, n := range t.titles {
			if !yield(n.code, n.text) {
				return
			}
		}
	}
}

// And is t with the tables of u; where both have lines of one importer, or titles, those of u stand.
func (t *Tariff) And(u *Tariff) *Tariff {
	if t == nil || u == nil {
		return cmp.Or(t, u)
	}
	both := &Tariff{
		lines: maps.Clone(t.lines), hash: maps.Clone(t.hash), titles: t.titles,
		amounts: slices.Concat(t.amounts, u.amounts), editions: slices.Concat(t.editions, u.editions),
	}
	maps.Copy(both.hash, u.hash)
	if len(u.titles) > 0 {
		both.titles = u.titles
	}
	for importer, lines := range u.lines {
		moved := slices.Clone(lines)
		for i := range moved {
			moved[i].edition += uint16(len(t.editions))
			if moved[i].amount > 0 {
				moved[i].amount += uint16(len(t.amounts))
			}
		}
		both.lines[importer] = moved
	}
	return both
}

func (t *Tariff) version() string {
	if t == nil {
		return ""
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t.hash)) {
		all = append(all, t.hash[name])
	}
	return strings.Join(all, ".")
}

// WithTariff is p with the lines of national tariffs: goods with a full national code are then reckoned at the
// rate of their line. p stays as it is. A nil tariff takes them away.
func (p *Pack) WithTariff(t *Tariff) *Pack {
	q := &Pack{
		version: p.version, countries: p.countries, regimes: p.regimes, schemes: p.schemes, taxes: p.taxes, states: p.states, duties: p.duties,
		hts: p.hts, layers: p.layers, lists: p.lists, preferences: p.preferences, fees: p.fees, territories: p.territories, goods: p.goods,
		rows: p.rows, texts: p.texts, tariff: t,
	}
	q.scratch.New = func() any { return new(calc) }
	q.version, _, _ = strings.Cut(p.version, ".")
	if v := t.version(); v != "" {
		q.version += "." + v
	}
	return q
}

// Tariff is the national lines that the pack carries, or nil.
func (p *Pack) Tariff() *Tariff { return p.tariff }

// padded is a code of at most ten digits as a number of ten.
func padded(hs string) (code uint64, ok bool) {
	if len(hs) == 0 || len(hs) > 10 || digitsOf(hs) != hs {
		return 0, false
	}
	n, err := strconv.ParseUint(hs+"0000000000"[len(hs):], 10, 64)
	return n, err == nil
}

// below is the lines whose code begins with a prefix.
func (t *Tariff) below(importer, prefix string) []nationalLine {
	if t == nil {
		return nil
	}
	lines := t.lines[importer]
	from, ok := padded(prefix)
	if !ok {
		return nil
	}
	to := from + 1
	for range 10 - len(prefix) {
		to += (to - from) * 9
	}
	byCode := func(n nationalLine, code uint64) int { return cmp.Compare(n.code, code) }
	i, _ := slices.BinarySearchFunc(lines, from, byCode)
	j, _ := slices.BinarySearchFunc(lines, to, byCode)
	return lines[i:j]
}

// rate is the rate of a code of at least six digits: of its own line where it has eight or more, else of all
// lines below it, the highest where they differ.
func (t *Tariff) rate(importer, hs string, day int32) (f found, exact, ok bool) {
	if t == nil || len(hs) < 6 {
		return found{}, false, false
	}
	if len(hs) >= 8 {
		var own *nationalLine
		for _, prefix := range []string{hs[:min(len(hs), 10)], hs[:8]} {
			for i, lines := 0, t.below(importer, prefix); i < len(lines) && own == nil; i++ {
				if n := &lines[i]; int(n.digits) <= len(hs) && t.editions[n.edition].on(day) {
					own = n
				}
			}
		}
		if own != nil {
			return t.found(importer, own), true, true
		}
	}
	var top *nationalLine
	low, doubt := uint32(10*million), outcome(0)
	for i, lines := 0, t.below(importer, hs[:min(len(hs), 8)]); i < len(lines); i++ {
		n := &lines[i]
		if !t.editions[n.edition].on(day) {
			continue
		}
		low, doubt = min(low, n.low), max(doubt, n.outcome)
		if top == nil || n.rate > top.rate {
			top = n
		}
	}
	switch {
	case top == nil:
		return found{}, false, false
	case doubt != plain:
		return found{}, false, false
	}
	f = t.found(importer, top)
	f.low = int64(low)
	if f.low != f.rate {
		f.doubt = "duty_rate_varies_below_hs6"
	}
	return f, false, true
}

func (t *Tariff) found(importer string, n *nationalLine) found {
	f := found{row: t.row(importer, n), rate: int64(n.rate), low: int64(n.low), high: int64(n.rate)}
	switch n.outcome {
	case compound:
		f.specific = t.amounts[n.amount-1]
	case seasonal:
		f.doubt = "duty_rate_varies"
	case inWords:
		f.doubt = "duty_rate_not_computable"
	}
	return f
}

func (n *nationalLine) text() string { return fmt.Sprintf("%010d", n.code)[:n.digits] }

// row is the line as a row of rules, such as tariff:EU:64039996:2021-01-01.
func (t *Tariff) row(importer string, n *nationalLine) *row {
	w := t.editions[n.edition]
	w.id = "tariff:" + importer + ":" + n.text() + ":" + w.validFrom
	return &w
}

// national is a line with its surroundings, for people.
type national struct {
	importer string
	line     *nationalLine
	of       *Tariff
}

func (t *Tariff) byID(id string) (national, bool) {
	parts := strings.SplitN(id, ":", 4)
	if t == nil || len(parts) != 4 || parts[0] != "tariff" {
		return national{}, false
	}
	for i, lines := 0, t.below(parts[1], parts[2]); i < len(lines); i++ {
		if n := &lines[i]; n.text() == parts[2] && t.editions[n.edition].validFrom == parts[3] {
			return national{parts[1], n, t}, true
		}
	}
	return national{}, false
}

func (n national) entry() Entry {
	w := n.of.row(n.importer, n.line)
	e := Entry{Table: "tariff", ID: w.id, ValidFrom: w.validFrom, ValidTo: w.validTo, Sources: strings.Split(w.source, "|"),
		Confidence: w.confidence.String(), Verified: true, Cells: []Cell{{"importer", n.importer}, {"code", n.line.text()}, {"kind", n.line.outcome.String()}}}
	percent := func(millionths uint32) string { return money.Rate{Coef: int64(millionths), Scale: 6}.PercentString() }
	switch n.line.outcome {
	case inWords:
		return e
	case seasonal:
		e.Cells = append(e.Cells, Cell{"low_pct", percent(n.line.low)})
	case compound:
		a := n.of.amounts[n.line.amount-1]
		per := func(column string, millionths int64) {
			if millionths > 0 {
				e.Cells = append(e.Cells, Cell{column, money.Rate{Coef: millionths, Scale: 6}.String() + " " + string(a.currency) + "/" + a.unit})
			}
		}
		per("specific", a.perUnit)
		per("specific_min", a.min)
		per("specific_max", a.max)
	}
	e.Cells = append(e.Cells, Cell{"ad_valorem_pct", percent(n.line.rate)})
	return e
}

// String is plain, compound, seasonal or in_words.
func (o outcome) String() string { return [...]string{"plain", "compound", "seasonal", "in_words"}[o] }

func shortHash(sum []byte) string { return hex.EncodeToString(sum[:4]) }
