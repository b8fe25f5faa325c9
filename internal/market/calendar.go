package market

import (
	_ "embed"
	"strings"
	"sync"
	"time"
)

//go:embed data/holidays.csv
var holidaysCSV string

var holidays = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(holidaysCSV) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) == 4 && f[0] != "country" {
			all[f[0]+f[1]] = f[2]
		}
	}
	return all
})

// Holiday reports whether a civil day ("2026-12-25") is a public holiday on which parcels rest in a country,
// and its name in English. The table is our own, for CN, US, DE, GB, NL, ID and MY in 2026 and 2027, for FR and
// ZA, whose rules keep offers off them, until 2030: national days only (England's for GB, Kuala Lumpur's for MY), no weekend days that are worked instead; its last
// column says how sure each day is. Other countries and years have no holidays here.
func Holiday(c Country, day string) (name string, ok bool) {
	name, ok = holidays()[string(c)+day]
	return
}

// Workday reports whether a civil day is Monday to Friday and no public holiday in a country.
func Workday(c Country, day string) bool {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil || at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		return false
	}
	_, rest := Holiday(c, day)
	return !rest
}

// NextWorkday is the first working day in a country on or after a civil day.
func NextWorkday(c Country, day string) string {
	for !Workday(c, day) {
		next := AddDays(day, 1)
		if next == day {
			return day
		}
		day = next
	}
	return day
}

// AddWorkdays counts n working days of a country on from a civil day: the next one is 1.
func AddWorkdays(c Country, day string, n int) string {
	for range n {
		day = NextWorkday(c, AddDays(day, 1))
	}
	return day
}

// AddDays moves a civil day by n days; what is no day stays as it is.
func AddDays(day string, n int) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return at.AddDate(0, 0, n).Format(time.DateOnly)
}

// DaysBetween counts the civil days from a to b; 0 where either is no day.
func DaysBetween(a, b string) int {
	from, err1 := time.Parse(time.DateOnly, a)
	to, err2 := time.Parse(time.DateOnly, b)
	if err1 != nil || err2 != nil {
		return 0
	}
	return int(to.Sub(from) / (24 * time.Hour))
}

var zones sync.Map // IANA name -> *time.Location

// TimeZone returns a time zone by its IANA name, read once; an unknown one, which Save refuses, is UTC.
func TimeZone(name string) *time.Location {
	z, ok := KnownZone(name)
	if !ok {
		return time.UTC
	}
	return z
}

// KnownZone returns a time zone by its IANA name, read once; false for a name that nobody knows.
func KnownZone(name string) (*time.Location, bool) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), true
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	zones.Store(name, z)
	return z, true
}
