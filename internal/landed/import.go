package landed

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"portolan/internal/fault"
)

// ErrUnreadableTariff is the fault of an official table with rows that can't be read; Problems lists them.
var ErrUnreadableTariff = fault.New(fault.Invalid, "landed.unreadable_tariff")

// Import is what became of the rows of an official table. Rates are counted one by one: a row of the table of
// the Union and the United Kingdom has two.
type Import struct {
	Table    string `json:"table"` // eu_gb_tariff_cn8, us_hts_general_rates, hs_codes
	Rows     int    `json:"rows"`
	Plain    int    `json:"plain"`    // one percentage, or free
	Compound int    `json:"compound"` // with amounts by quantity: reckoned where the quantity is known
	Seasonal int    `json:"seasonal"` // the highest of the year is taken, in review
	InWords  []int  `json:"in_words"` // lines of the file whose rate can't be reckoned: kept, in review
	Titles   int    `json:"titles"`   // of the nomenclature
	Refused  []int  `json:"refused"`  // lines of the file that aren't usable at all
}

// officialTable is a kind of file that can be imported.
type officialTable struct {
	name, code string
	rates      []struct{ column, importer string }
	digits     []int
}

var officialTables = []officialTable{
	{"eu_gb_tariff_cn8", "cn8", []struct{ column, importer string }{{"eu_cet_duty", "EU"}, {"gb_ukgt_duty", "GB"}}, []int{8, 10}},
	{"us_hts_general_rates", "hts", []struct{ column, importer string }{{"general_rate", "US"}}, []int{8, 10}},
	{"hs_codes", "hs", nil, []int{2, 4, 6}},
}

// importer reads one file.
type importer struct {
	official officialTable
	column   map[string]int
	tariff   *Tariff
	done     Import
	bad      []Problem
	editions map[string]uint16
	amounts  map[specific]uint16
	last     map[string]int // the last line of the file with a code
	row      []string
	line     int
}

// ReadTariff reads an official table of the Union and the United Kingdom (CN8), the United States (HTS) or the
// nomenclature (HS codes), told apart by their columns; name is what faults call the file. Where any row is
// refused it gives no tariff but ErrUnreadableTariff with every row at fault, and counts all the same. progress,
// unless nil, is told the number of rows after every thousand and at the end.
func ReadTariff(r io.Reader, name string, progress func(rows int)) (*Tariff, Import, error) {
	hash := sha256.New()
	in := csv.NewReader(io.TeeReader(r, hash))
	in.ReuseRecord = true
	im := &importer{editions: map[string]uint16{}, amounts: map[specific]uint16{}, last: map[string]int{}, tariff: &Tariff{lines: map[string][]nationalLine{}, hash: map[string]string{}}}
	head, err := in.Read()
	if err != nil || !im.recognise(head) {
		if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*csv.ParseError)) {
			return nil, im.done, fmt.Errorf("read %s: %w", name, err)
		}
		return nil, im.done, spoil(ErrUnreadableTariff, []Problem{{name, 1, "", strings.Join(head, ","), "unknown_table",
			"has none of the columns cn8, hts or hs with those of their table"}})
	}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		switch {
		case errors.As(err, &broken):
			im.bad = append(im.bad, unsplit(name, broken, len(cells), len(head)))
			im.done.Refused = append(im.done.Refused, broken.StartLine)
			continue
		case err != nil:
			return nil, im.done, fmt.Errorf("read %s: %w", name, err)
		}
		im.line, _ = in.FieldPos(0)
		im.row = cells
		im.done.Rows++
		if b := im.take(); b.Code != "" {
			b.Table, b.Row = name, im.line
			im.bad = append(im.bad, b)
			im.done.Refused = append(im.done.Refused, im.line)
		}
		if progress != nil && im.done.Rows%1000 == 0 {
			progress(im.done.Rows)
		}
	}
	if progress != nil && im.done.Rows%1000 != 0 {
		progress(im.done.Rows)
	}
	if len(im.bad) == 0 {
		im.bad = im.sort(name)
	}
	if len(im.bad) > 0 {
		return nil, im.done, spoil(ErrUnreadableTariff, im.bad)
	}
	im.tariff.hash[im.official.name] = shortHash(hash.Sum(nil))
	return im.tariff, im.done, nil
}

// unsplit is what is wrong with a row that can't be told apart into the columns of its table.
func unsplit(name string, broken *csv.ParseError, cells, columns int) Problem {
	if errors.Is(broken, csv.ErrFieldCount) {
		return Problem{name, broken.StartLine, "", fmt.Sprint(cells), "wrong_number_of_columns", fmt.Sprintf("has %d columns, not %d", cells, columns)}
	}
	return Problem{name, broken.StartLine, "", "", "malformed", "can't be split into cells: " + broken.Err.Error()}
}

func (im *importer) recognise(head []string) bool {
	im.column = map[string]int{}
	for i, name := range head {
		im.column[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, o := range officialTables {
		want := []string{o.code, "valid_from", "valid_to", "source", "confidence"}
		for _, r := range o.rates {
			want = append(want, r.column)
		}
		if o.rates == nil {
			want = append(want, "description")
		}
		if !slices.ContainsFunc(want, func(c string) bool { _, ok := im.column[c]; return !ok }) {
			im.official, im.done.Table = o, o.name
			return true
		}
	}
	return false
}

func (im *importer) cell(column string) string { return im.row[im.column[column]] }

// take reads one row; a problem without code is none.
func (im *importer) take() Problem {
	for name, i := range im.column {
		if !utf8.ValidString(im.row[i]) {
			return Problem{Column: name, Value: im.row[i], Code: "not_utf8", Remedy: "is not UTF-8 text; save the file as UTF-8"}
		}
	}
	o := &im.official
	code := strings.ReplaceAll(strings.ReplaceAll(im.cell(o.code), ".", ""), " ", "")
	if !slices.Contains(o.digits, len(code)) || digitsOf(code) != code || !plausibleHS((code + "0000")[:max(len(code), 4)]) {
		return Problem{Column: o.code, Value: im.cell(o.code), Code: "malformed", Remedy: "is no code of " + counts(o.digits) + " digits"}
	}
	im.last[strings.Clone(code)] = im.line
	edition, bad := im.edition()
	if bad.Code != "" {
		return bad
	}
	if o.rates == nil {
		text := strings.TrimSpace(im.cell("description"))
		if text == "" {
			return Problem{Column: "description", Code: "required", Remedy: "must say what goods these are"}
		}
		im.tariff.titles = append(im.tariff.titles, title{strings.Clone(code), strings.Clone(text)})
		im.done.Titles++
		return Problem{}
	}
	lines := make([]nationalLine, len(o.rates))
	words := false
	for i, r := range o.rates {
		text := im.cell(r.column)
		if strings.TrimSpace(text) == "" {
			return Problem{Column: r.column, Code: "required", Remedy: "must be a rate such as Free, 12.5% or 1.5¢/kg + 2%"}
		}
		w := readRate(text)
		n, _ := padded(code)
		lines[i] = nationalLine{code: n, digits: uint8(len(code)), rate: uint32(w.rate), low: uint32(w.low), outcome: w.outcome, edition: edition}
		switch w.outcome {
		case plain:
			im.done.Plain++
		case compound:
			im.done.Compound++
			lines[i].amount = im.amount(w.specific)
		case seasonal:
			im.done.Seasonal++
		default:
			words = true
		}
	}
	for i, r := range o.rates {
		im.tariff.lines[r.importer] = append(im.tariff.lines[r.importer], lines[i])
	}
	if words {
		im.done.InWords = append(im.done.InWords, im.line)
	}
	return Problem{}
}

func counts(digits []int) string {
	var all []string
	for _, n := range digits {
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, " or ")
}

func (im *importer) amount(s specific) uint16 {
	if i, ok := im.amounts[s]; ok {
		return i
	}
	im.tariff.amounts = append(im.tariff.amounts, s)
	im.amounts[s] = uint16(len(im.tariff.amounts))
	return im.amounts[s]
}

// edition reads days, source and confidence, which many rows share.
func (im *importer) edition() (uint16, Problem) {
	cells := []string{im.cell("valid_from"), im.cell("valid_to"), strings.ReplaceAll(im.cell("source"), ";", "|"), im.cell("confidence")}
	key := strings.Join(cells, "\x00")
	if i, ok := im.editions[key]; ok {
		return i, Problem{}
	}
	r := record{head: []string{"valid_from", "valid_to", "source", "confidence"}, cells: cells}
	w := r.dates("")
	if r.bad != nil {
		return 0, *r.bad
	}
	if len(im.editions) >= 1<<15 {
		return 0, Problem{Column: "source", Value: w.source, Code: "out_of_range", Remedy: "is one of too many combinations of days and sources"}
	}
	w.validFrom, w.validTo, w.source = strings.Clone(w.validFrom), strings.Clone(w.validTo), strings.Clone(w.source)
	im.editions[key] = uint16(len(im.tariff.editions))
	im.tariff.editions = append(im.tariff.editions, w)
	return im.editions[key], Problem{}
}

// sort puts lines and titles in order and finds those that stand twice on one day.
func (im *importer) sort(name string) []Problem {
	var bad []Problem
	t := im.tariff
	twice := func(code string) {
		bad = append(bad, Problem{name, im.last[code], im.official.code, code, "overlaps", "stands twice for the same days; end the older row"})
		im.done.Refused = append(im.done.Refused, im.last[code])
	}
	slices.SortFunc(t.titles, func(a, b title) int { return strings.Compare(a.code, b.code) })
	for i := 1; i < len(t.titles); i++ {
		if t.titles[i].code == t.titles[i-1].code {
			twice(t.titles[i].code)
		}
	}
	for _, importer := range t.Importers() { // Britain's codes are the Union's
		lines := t.lines[importer]
		slices.SortStableFunc(lines, func(a, b nationalLine) int {
			return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.digits, b.digits), cmp.Compare(t.editions[a.edition].from, t.editions[b.edition].from))
		})
		t.lines[importer] = slices.Clip(lines)
		for i := 1; i < len(lines); i++ {
			a, b := &lines[i-1], &lines[i]
			if end := t.editions[a.edition].to; importer != "GB" && a.code == b.code && a.digits == b.digits && (end == 0 || end >= t.editions[b.edition].from) {
				twice(b.text())
			}
		}
	}
	return bad
}
