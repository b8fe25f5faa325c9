package landed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"portolan/internal/fault"
)

// ErrUnreadableTable is the fault of rule tables with rows that can't be read. Its text names table, row and
// column and what would do; its Fields are "regimes.csv.2.mode": "unknown_duty_mode". Problems lists them.
var ErrUnreadableTable = fault.New(fault.Invalid, "landed.unreadable_table")

// Problem is one thing that is wrong with a table: where, with which value, and what would do.
type Problem struct {
	Table  string `json:"table"`
	Row    int    `json:"row"` // 1 is the row of column names; 0 when it is the whole file
	Column string `json:"column,omitempty"`
	Value  string `json:"value,omitempty"`
	Code   string `json:"code"`
	Remedy string `json:"remedy"`
}

// String is one line that says where the problem is and what would do.
func (p Problem) String() string {
	switch {
	case p.Row == 0:
		return p.Table + ": " + p.Remedy
	case p.Column == "":
		return fmt.Sprintf("%s row %d %s", p.Table, p.Row, p.Remedy)
	}
	return fmt.Sprintf("%s row %d, %s: %.80q %s", p.Table, p.Row, p.Column, p.Value, p.Remedy)
}

func (p Problem) field() string {
	if p.Row == 0 {
		return p.Table
	}
	return strings.TrimSuffix(fmt.Sprintf("%s.%d.%s", p.Table, p.Row, p.Column), ".")
}

// spoilt is a fault with every problem that was found.
type spoilt struct {
	fault    *fault.Fault
	problems []Problem
}

func (s *spoilt) Error() string {
	var b strings.Builder
	b.WriteString(s.fault.Code)
	for i, p := range s.problems {
		if i == 5 {
			fmt.Fprintf(&b, "; and %d more", len(s.problems)-i)
			break
		}
		b.WriteString("; " + p.String())
	}
	return b.String()
}

func (s *spoilt) Unwrap() error { return s.fault }

func spoil(f *fault.Fault, problems []Problem) error {
	fields := map[string]string{}
	for _, p := range problems[:min(len(problems), 100)] {
		fields[p.field()] = p.Code
	}
	return &spoilt{f.With(fields), problems}
}

// Problems are the rows at fault in an error of tables, tariffs or changes, in order; nil for another error.
func Problems(err error) []Problem {
	if s, ok := errors.AsType[*spoilt](err); ok {
		return s.problems
	}
	return nil
}

// table is one of the pack's tables: how it is read, what it is about, and the columns that tell its rules
// apart, so that two rows that are the same in all of them must not hold on one day.
type table struct {
	name, about string
	apart       []string
	take        func(*Pack, *record)
}

// tablesInOrder are the tables of a pack in the order in which they are read and hashed.
var tablesInOrder = []table{
	{"countries.csv", "how a customs authority values goods and rounds", nil, (*Pack).takeCountry},
	{"regimes.csv", "how duty is worked out, and thresholds", []string{"country", "origins", "ship_from", "channels", "seller"}, (*Pack).takeRegime},
	{"schemes.csv", "tax at sale", []string{"scheme", "country", "registration", "channels"}, (*Pack).takeScheme},
	{"taxes.csv", "VAT, GST and other consumption tax", []string{"country", "region", "code", "category", "price_cmp", "price_limit", "except_hs"}, (*Pack).takeTax},
	{"us_states.csv", "sales tax of the states of the US", []string{"state"}, (*Pack).takeState},
	{"duties.csv", "rates of duty by HS code", []string{"importer", "hs", "measure"}, (*Pack).takeDuty},
	{"us_hts8.csv", "lines of the US tariff with their lists against China", []string{"hts8"}, (*Pack).takeHTS},
	{"us_layers.csv", "US duties on top", []string{"program", "code", "origin", "heading", "mechanic", "list", "hs"}, (*Pack).takeLayer},
	{"preferences.csv", "agreements under which proved origin is free", []string{"agreement", "importer", "origins"}, (*Pack).takePreference},
	{"fees.csv", "fees on parcels", []string{"country", "code", "unit", "channels", "seller", "over", "up_to"}, (*Pack).takeFee},
	{"territories.csv", "places outside a country's tax or customs area", nil, (*Pack).takeTerritory},
	{"goods.csv", "short names of goods", nil, (*Pack).takeGoods},
}

func tableNamed(name string) table {
	for _, t := range tablesInOrder {
		if t.name == name {
			return t
		}
	}
	return table{}
}

// embedded is the tables inside the program, by name.
func embedded() map[string]string {
	texts := map[string]string{}
	for _, t := range tablesInOrder {
		b, err := tables.ReadFile("data/" + t.name)
		if err != nil {
			panic(err)
		}
		texts[t.name] = string(b)
	}
	return texts
}

// ReadPack reads a pack from a folder of tables. Tables that the folder lacks are those inside the program.
// A folder with anything wrong in it gives no pack but ErrUnreadableTable with every row at fault.
func ReadPack(folder fs.FS) (*Pack, error) {
	files, err := fs.Glob(folder, "*.csv")
	if err != nil {
		return nil, fmt.Errorf("list rule tables: %w", err)
	}
	texts := make(map[string]string, len(files))
	for _, name := range files {
		b, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read rule table: %w", err)
		}
		texts[name] = string(b)
	}
	return ReadTables(texts)
}

// ReadTables is ReadPack of tables by their names (regimes.csv).
func ReadTables(given map[string]string) (*Pack, error) {
	texts := embedded()
	var bad []Problem
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if tableNamed(name).name == "" {
			bad = append(bad, Problem{Table: name, Code: "unknown_table", Remedy: "is no table of a rule pack; the tables are " + strings.Join(TableNames(), ", ")})
			continue
		}
		texts[name] = given[name]
	}
	if len(given) == 0 {
		bad = append(bad, Problem{Table: "folder", Code: "required", Remedy: "holds no table of a rule pack; the tables are " + strings.Join(TableNames(), ", ")})
	}
	if len(bad) > 0 {
		return nil, spoil(ErrUnreadableTable, bad)
	}
	return load(texts)
}

// ReadVersion makes a pack of a version again from its Texts, without the official tables that it carried. It is
// refused with ErrUnreadableTable where the tables aren't those of the version, or this program can't read them.
func ReadVersion(version string, texts map[string]string) (*Pack, error) {
	p, err := load(texts)
	if err != nil {
		return nil, err
	}
	version, _, _ = strings.Cut(version, ".")
	edition, hash, _ := strings.Cut(version, "+")
	if _, made, _ := strings.Cut(p.version, "+"); made != hash {
		return nil, spoil(ErrUnreadableTable, []Problem{{Table: "version", Value: version, Code: "other_version", Remedy: "isn't made of these tables"}})
	}
	p.version = edition + "+" + hash
	return p, nil
}

// TableNames are the files that make up a pack.
func TableNames() []string {
	var all []string
	for _, t := range tablesInOrder {
		all = append(all, t.name)
	}
	return all
}

func load(texts map[string]string) (*Pack, error) {
	p := &Pack{
		countries: map[string]*country{}, regimes: map[string][]*regime{}, schemes: map[string][]*scheme{},
		taxes: map[string][]*taxRow{}, states: map[string][]*stateRow{}, duties: map[string]*tariff{},
		fees: map[string][]*fee{}, layers: map[string][]*layer{}, goods: map[string]string{}, rows: make(map[string]*row, 2048),
		cases: make(map[string][]*row, 2048), texts: texts,
	}
	p.scratch.New = func() any { return new(calc) }
	hash := sha256.New()
	var bad []Problem
	for _, t := range tablesInOrder {
		text := texts[t.name]
		hash.Write([]byte(text))
		readTable(t.name, text, columnsOf(t.name), t.apart, func(r *record) { t.take(p, r) }, func(b Problem) { bad = append(bad, b) })
	}
	if len(bad) > 0 {
		return nil, spoil(ErrUnreadableTable, bad)
	}
	p.cases = nil
	slices.SortFunc(p.hts, func(a, b *htsRow) int { return strings.Compare(a.code, b.code) })
	for _, t := range p.duties {
		slices.Sort(t.depth)
		slices.Reverse(t.depth)
	}
	p.version = asOf + "+" + hex.EncodeToString(hash.Sum(nil)[:4])
	return p, nil
}

// columnsOf is the columns that a table has to have, in order: those of the table inside the program.
func columnsOf(name string) []string {
	b, err := tables.ReadFile("data/" + name)
	if err != nil {
		panic(err)
	}
	head, _, _ := strings.Cut(string(b), "\n")
	return strings.Split(strings.TrimSpace(head), ",")
}
