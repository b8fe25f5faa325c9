package messaging

import (
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/market"
)

// sheet reads one of the shared tables of rules, as rows by country.
func sheet(t *testing.T, name string) map[string]map[string]string {
	t.Helper()
	f, err := os.Open("../../../shared/data/messaging/" + name)
	if err != nil {
		t.Skip("optional: the shared tables are not here: ", err)
	}
	defer f.Close()
	read := csv.NewReader(f)
	read.FieldsPerRecord = -1 // some sources hold a comma without quotes
	lines, err := read.ReadAll()
	require.NoError(t, err)
	all := map[string]map[string]string{}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			if i < len(line) {
				row[column] = line[i]
			}
		}
		all[row["country"]] = row
	}
	return all
}

// lawRow is what a row of the shared tables forbids, read apart from the program's own reading.
type lawRow struct {
	from, to int
	blocked  string
	late     map[string]int
	early    map[string]int
}

func minutes(t *testing.T, s string) int {
	h, m, ok := strings.Cut(s, ":")
	hh, err := strconv.Atoi(h)
	require.True(t, ok && err == nil, s)
	mm, err := strconv.Atoi(m)
	require.NoError(t, err, s)
	return hh*60 + mm
}

func lawOf(t *testing.T, code string, rules, extra map[string]map[string]string) lawRow {
	r, x := rules[code], extra[code]
	l := lawRow{from: minutes(t, r["quiet_from"]), to: minutes(t, r["quiet_to"]), late: map[string]int{}, early: map[string]int{}}
	if x != nil {
		l.blocked = x["blocked_days"]
		for into, s := range map[*map[string]int]string{&l.late: x["late_start"], &l.early: x["early_stop"]} {
			if day, at, ok := strings.Cut(s, " "); ok {
				(*into)[day] = minutes(t, at)
			}
		}
	}
	switch code { // what the README says beside the table
	case "US-NJ":
		l.from = 20 * 60
	case "US-RI":
		l.late, l.early = map[string]int{"sat": 600, "sun": 600}, map[string]int{"sat": 1020, "sun": 1020}
	}
	return l
}

func (l lawRow) quiet(c market.Country, at time.Time) bool {
	m, day := at.Hour()*60+at.Minute(), strings.ToLower(at.Format("Mon"))
	night := m >= l.from || m < l.to
	if l.from < l.to {
		night = m >= l.from && m < l.to
	}
	_, holiday := market.Holiday(c, at.Format("2006-01-02"))
	late, hasLate := l.late[day]
	early, hasEarly := l.early[day]
	return night || strings.Contains(l.blocked, day) || holiday && strings.Contains(l.blocked, "holidays") || hasLate && m < late || hasEarly && m >= early
}

// weeks are the beginnings of weeks to look at: an ordinary one, one of holidays, and those in which a zone changes
// its clocks.
func weeks(zones []string) []time.Time {
	all := []time.Time{time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 21, 0, 0, 0, 0, time.UTC)}
	for _, z := range zones {
		loc := zoneOf(z)
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2027; at = at.Add(24 * time.Hour) {
			_, a := at.In(loc).Zone()
			_, b := at.Add(24 * time.Hour).In(loc).Zone()
			if start := at.AddDate(0, 0, -3); a != b && !slices.ContainsFunc(all, func(w time.Time) bool { return w.Equal(start) }) {
				all = append(all, start)
			}
		}
	}
	return all
}

// Every row of the shared table, every half hour of a week, clock changes and holidays among them, and people whose
// state and zone nobody knows: the gate lets an offer out exactly where the row lets it.
func TestNoOfferInAQuietHour(t *testing.T) {
	rules, extra := sheet(t, "sender_rules.csv"), sheet(t, "sender_rules_extra.csv")
	require.Len(t, rules, 59)
	off := holidays(func(c market.Country, day string) bool { _, ok := market.Holiday(c, day); return ok })
	var states []string
	for code := range rules {
		if strings.HasPrefix(code, "US-") {
			states = append(states, code)
		}
	}
	asked, sent := 0, 0
	look := func(name string, c market.Country, region string, laws []lawRow) {
		zones := address.ZonesOf(string(c), region)
		require.NotEmpty(t, zones, name)
		a := application{version: "t", class: Promotional, law: Promotional, reach: Reach{SMS, "+1"}, country: c, routed: true, kind: LongNumber, rules: builtin(), holidays: off,
			policies: builtin().of(c, region), zones: zonesOf(zones), brand: "Lotus", consent: customer.State{Granted: true}, text: text{parts: 1, out: true}}
		require.NotEmpty(t, a.policies, name)
		p := a.policies[0]
		a.text.body = strings.TrimSpace(strings.ReplaceAll(p.Prefix, "{brand}", "Lotus") + " Lotus hello")
		a.record = &SenderRecord{Here: true, State: Approved}
		held, free := 0, 0
		for _, start := range weeks(zones) {
			for step := range 2 * 168 {
				a.now = start.Add(time.Duration(step) * 30 * time.Minute)
				quiet := false
				for _, l := range laws {
					for _, z := range a.zones {
						quiet = quiet || l.quiet(c, a.now.In(z))
					}
				}
				d := decide(a)
				asked++
				if quiet {
					held++
					require.Equal(t, Hold, d.Verdict, "%s %s: %+v", name, a.now, d.Reasons)
					again := a
					again.now = d.Until
					require.NotEqual(t, Hold, decide(again).Verdict, "%s held from %s until %s", name, a.now, d.Until)
				} else {
					free++
					require.Equal(t, Go, d.Verdict, "%s %s: %+v", name, a.now, d.Reasons)
				}
			}
		}
		require.NotZero(t, held, name)
		require.NotZero(t, free, "%s: never", name)
		sent += free
	}
	for code := range rules {
		country, region, _ := strings.Cut(code, "-")
		if region != "" {
			look(code, market.Country(country), region, []lawRow{lawOf(t, code, rules, extra)})
			continue
		}
		laws := []lawRow{lawOf(t, code, rules, extra)}
		if code == "US" { // the state is unknown: all of them hold
			for _, s := range states {
				laws = append(laws, lawOf(t, s, rules, extra))
			}
		}
		look(code, market.Country(country), "", laws)
	}
	look("US-NY", "US", "NY", []lawRow{lawOf(t, "US", rules, extra)})
	look("US and a state that is none", "US", "Bavaria", func() (all []lawRow) {
		for _, s := range append(states, "US") {
			all = append(all, lawOf(t, s, rules, extra))
		}
		return all
	}())
	t.Logf("%d moments asked, %d free", asked, sent)
}

// The program's own table says what the shared ones say, column by column.
func TestPolicyIsTheSharedTable(t *testing.T) {
	rules, extra := sheet(t, "sender_rules.csv"), sheet(t, "sender_rules_extra.csv")
	for code, r := range rules {
		p, ok := builtin().policies[code]
		require.True(t, ok, code)
		first := strings.FieldsFunc(r["alphanumeric_sender"], func(c rune) bool { return strings.ContainsRune(" ,:(", c) })[0]
		if p.Region == "" {
			require.Equal(t, first, p.Sender, code)
		}
		if strings.HasPrefix(r["preregistration"], "required") && !strings.Contains(r["preregistration"], "domestic") {
			require.Contains(t, []string{"required", "required_domestic"}, p.Registration, code)
		}
		x := extra[code]
		if x == nil {
			x = map[string]string{}
		}
		links := AnyLink
		switch u := x["url_policy"]; {
		case strings.HasPrefix(u, "none without"):
			links = LocalLink
		case u == "none":
			links = NoLink
		case strings.HasPrefix(u, "allow-listed"), strings.HasPrefix(u, "registered"):
			links = ListedLink
		case strings.Contains(u, "shorteners"):
			links = NoShorteners
		case u == "branded only":
			links = OwnDomain
		}
		require.Equal(t, links, p.Links, code)
		phones := map[string]string{"": "any", "none": "none", "allow-listed": "listed"}[x["phone_in_body"]]
		require.Equal(t, phones, p.Phones, code)
		require.Equal(t, x["promo_from_abroad"] != "no", p.Abroad, code)
		require.Equal(t, strings.HasPrefix(x["brand_in_body"], "yes"), p.Brand, code)
		most, _, _ := strings.Cut(x["parts"], " ")
		n, _ := strconv.ParseInt(most, 10, 64)
		require.Equal(t, n, p.MaxParts, code)
		prefix, promo := strings.CutSuffix(x["body_prefix"], " for promotional")
		prefix = strings.TrimSpace(strings.NewReplacer("[Brand]", "[{brand}]", "signature", "{brand}").Replace(prefix))
		require.Equal(t, prefix, p.Prefix, code)
		if prefix != "" {
			require.Equal(t, map[bool]string{true: "promotional", false: "all"}[promo], p.PrefixFor, code)
		}
	}
}
