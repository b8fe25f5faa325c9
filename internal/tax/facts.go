package tax

import (
	"embed"
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/market"
	"portolan/internal/money"
)

//go:embed data/*.csv
var tables embed.FS

// Scheme is how tax collected at sale is declared to one authority.
type Scheme struct {
	Code         string         // IOSS, OSS, GB_VAT … US_CA
	Area         string         // EU, or the country
	Registration string         // in the words of package landed
	Currency     money.Currency // of the return
	Periods      []PeriodKind   // that it may be filed by, the usual one first
	PeriodEnd    bool           // amounts are converted at the rate of the period's last day, else of the day of supply
	Apart        bool           // corrections name the period they correct, else they reduce the period of the refund
	Zone         *time.Location // whose midnight ends a day
	Source       string
	Confidence   string

	limit  money.Amount
	below  bool
	item   bool
	number *regexp.Regexp
}

// Threshold is a rule of when a seller has to register.
type Threshold struct {
	ID           string
	Jurisdiction string         // EU, GB … CA-QC, US-TX
	Label        string         // stable code of its name
	Limit        money.Amount   // zero where the first sale counts, or none
	Currency     money.Currency // that it is counted in
	Transactions int64          // limit of sales; 0: none
	Logic        string         // amount, or, and, first_sale, none
	Period       string         // rolling_12, year …: see data/README.md
	Counts       string         // what counts: see data/README.md
	Seller       string         // any, foreign, resident, union
	Do           string         // what to do, a stable code
	Registration string         // what to register for, in the words of package landed
	ValidFrom    string
	ValidTo      string
	Source       string
	Confidence   string
}

// Place is the country, or the country and region, of the jurisdiction.
func (t *Threshold) place() (country, region string) {
	country, region, _ = strings.Cut(t.Jurisdiction, "-")
	return country, region
}

func (t *Threshold) on(day string) bool {
	return t.ValidFrom <= day && (t.ValidTo == "" || day <= t.ValidTo)
}

type facts struct {
	schemes    []Scheme
	thresholds []Threshold
	zones      map[string]*time.Location
}

var known = sync.OnceValue(func() *facts {
	f := &facts{zones: map[string]*time.Location{}}
	for _, r := range rows("zones.csv") {
		f.zones[r["place"]] = market.TimeZone(r["zone"])
	}
	for _, r := range rows("schemes.csv") {
		s := Scheme{Code: r["code"], Area: r["area"], Registration: r["registration"], Currency: money.Currency(r["currency"]),
			PeriodEnd: r["fx"] == "period_end", Apart: r["correction"] == "apart", Zone: market.TimeZone(r["zone"]),
			Source: r["source"], Confidence: r["confidence"], below: r["cmp"] == "<", item: r["unit"] == "item",
			number: regexp.MustCompile(`^(` + atLeast.ReplaceAllString(r["number"], "{$1,$2}") + `)$`)}
		for k := range strings.SplitSeq(r["periods"], "|") {
			s.Periods = append(s.Periods, PeriodKind(k))
		}
		if r["limit"] != "" {
			s.limit = must(money.Parse(r["limit"], money.Currency(r["limit_currency"])))
		}
		f.schemes = append(f.schemes, s)
	}
	for _, r := range rows("thresholds.csv") {
		t := Threshold{ID: r["id"], Jurisdiction: r["jurisdiction"], Label: r["label"], Currency: money.Currency(r["currency"]), Logic: r["logic"],
			Period: r["period"], Counts: r["counts"], Seller: r["seller"], Do: r["do"], Registration: r["registration"],
			ValidFrom: r["valid_from"], ValidTo: r["valid_to"], Source: r["source"], Confidence: r["confidence"]}
		if r["limit"] != "" {
			t.Limit = must(money.Parse(r["limit"], t.Currency))
		}
		if r["transactions"] != "" {
			t.Transactions = must(money.Parse(r["transactions"], "JPY")).Minor
		}
		f.thresholds = append(f.thresholds, t)
		if code, state := t.Registration, strings.TrimPrefix(t.Jurisdiction, "US-"); state != t.Jurisdiction && code != "" && f.scheme(code).Code == "" {
			f.schemes = append(f.schemes, Scheme{Code: code, Area: t.Jurisdiction, Registration: code, Currency: "USD",
				Periods: []PeriodKind{Month, Quarter, Year}, Zone: f.zone("US", state), Source: t.Source, Confidence: t.Confidence,
				number: regexp.MustCompile(`^[A-Za-z0-9 ./-]{2,30}$`)})
		}
	}
	return f
})

var atLeast = regexp.MustCompile(`\{(\d+)\|(\d+)\}`)

// rows reads an embedded table by the names of its columns.
func rows(name string) (all []map[string]string) {
	file := must(tables.Open("data/" + name))
	defer file.Close()
	lines := must(csv.NewReader(file).ReadAll())
	for _, l := range lines[1:] {
		r := map[string]string{}
		for i, column := range lines[0] {
			r[column] = l[i]
		}
		all = append(all, r)
	}
	return all
}

// must is for what stands in the program itself.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Errorf("tables of package tax: %w", err))
	}
	return v
}

// scheme finds a scheme by its code; the zero Scheme where there is none.
func (f *facts) scheme(code string) Scheme {
	i := slices.IndexFunc(f.schemes, func(s Scheme) bool { return s.Code == code })
	if i < 0 {
		return Scheme{}
	}
	return f.schemes[i]
}

// of is the scheme for goods that come into a country from abroad.
func (f *facts) of(country string) Scheme {
	area := country
	if member(country) {
		area = "EU"
	}
	i := slices.IndexFunc(f.schemes, func(s Scheme) bool { return s.Area == area })
	if i < 0 {
		return Scheme{}
	}
	return f.schemes[i]
}

// zone is where the day of a place ends.
func (f *facts) zone(country, region string) *time.Location {
	if z := f.zones[country+"-"+region]; z != nil {
		return z
	}
	if z := f.zones[country]; z != nil {
		return z
	}
	if s := f.of(country); s.Zone != nil {
		return s.Zone
	}
	return time.UTC
}

const members = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE XI"

// member reports whether a country belongs to the Union for goods; Northern Ireland does.
func member(country string) bool { return len(country) == 2 && strings.Contains(members, country) }

// Schemes are all schemes that a return can be made for.
func Schemes() []Scheme { return slices.Clone(known().schemes) }

// Rules are the thresholds that are watched, with those that have ended.
func Rules() []Threshold { return slices.Clone(known().thresholds) }
