package address

import (
	"slices"
	"strconv"
	"strings"
)

// zips maps each US state to the first three digits of its ZIP codes. Source: US Postal Service, L002
// three-digit prefixes; the ranges include prefixes not in use.
var zips = map[string]string{
	"AL": "350-369", "AK": "995-999", "AZ": "850-865", "AR": "716-729 755", "CA": "900-961", "CO": "800-816", "CT": "060-069", "DE": "197-199", "DC": "200-205 569",
	"FL": "320-339 341-349", "GA": "300-319 398-399", "HI": "967-968", "ID": "832-838", "IL": "600-629", "IN": "460-479", "IA": "500-528", "KS": "660-679", "KY": "400-427",
	"LA": "700-714", "ME": "039-049", "MD": "206-219", "MA": "010-027 055", "MI": "480-499", "MN": "550-567", "MS": "386-397", "MO": "630-658", "MT": "590-599",
	"NE": "680-693", "NV": "889-898", "NH": "030-038", "NJ": "070-089", "NM": "870-884", "NY": "005 063 100-149", "NC": "270-289", "ND": "580-588", "OH": "430-459",
	"OK": "730-732 734-749", "OR": "970-979", "PA": "150-196", "RI": "028-029", "SC": "290-299", "SD": "570-577", "TN": "370-385", "TX": "733 750-799 885", "UT": "840-847",
	"VT": "050-059", "VA": "201 220-246", "WA": "980-994", "WV": "247-268", "WI": "530-549", "WY": "820-831 834", "PR": "006-009", "VI": "008", "GU": "969", "MP": "969",
	"AS": "967", "AA": "340", "AE": "090-099", "AP": "962-966",
}

// myPostcodes maps each Malaysian state to the first two digits of its postcodes. Source: Pos Malaysia. Some
// places near a border take the neighbour's, so they fill in a form and refuse nothing.
var myPostcodes = map[string]string{
	"09": "01-02", "02": "05-09", "07": "10-14", "03": "15-18", "11": "20-24", "06": "25-28 39 49 69", "08": "30-36", "10": "40-48 63-64 68",
	"14": "50-60", "16": "62", "05": "70-73", "04": "75-78", "01": "79-86", "15": "87", "12": "88-91", "13": "93-98",
}

// RegionOf is the region a postcode lies in, for countries where the postcode tells: US and MY. Otherwise
// and where several regions share it, "".
func RegionOf(country, postcode string) string {
	table, width := zips, 3
	switch country {
	case "US":
	case "MY":
		table, width = myPostcodes, 2
	default:
		return ""
	}
	if len(postcode) < 5 {
		return ""
	}
	found := ""
	for region, ranges := range table {
		if !inRanges(ranges, postcode[:width]) {
			continue
		}
		if found != "" {
			return ""
		}
		found = region
	}
	return found
}

func zipIn(state, zip string) bool {
	ranges, ok := zips[state]
	return !ok || len(zip) < 3 || inRanges(ranges, zip[:3])
}

func inRanges(ranges, prefix string) bool {
	n, err := strconv.Atoi(prefix)
	if err != nil {
		return false
	}
	for span := range strings.FieldsSeq(ranges) {
		from, to, is := strings.Cut(span, "-")
		if !is {
			to = from
		}
		a, _ := strconv.Atoi(from)
		b, _ := strconv.Atoi(to)
		if n >= a && n <= b {
			return true
		}
	}
	return false
}

// Zones of regions where a country has several. Source: IANA tz database and, for the states that are split,
// 49 CFR 71.
var regionZones = map[string]string{
	"US": `AL America/Chicago|AK America/Anchorage America/Adak|AZ America/Phoenix America/Denver|AR America/Chicago|CA America/Los_Angeles|CO America/Denver|
CT America/New_York|DE America/New_York|DC America/New_York|FL America/New_York America/Chicago|GA America/New_York|HI Pacific/Honolulu|ID America/Denver America/Los_Angeles|
IL America/Chicago|IN America/New_York America/Chicago|IA America/Chicago|KS America/Chicago America/Denver|KY America/New_York America/Chicago|LA America/Chicago|
ME America/New_York|MD America/New_York|MA America/New_York|MI America/New_York America/Chicago|MN America/Chicago|MS America/Chicago|MO America/Chicago|MT America/Denver|
NE America/Chicago America/Denver|NV America/Los_Angeles America/Denver|NH America/New_York|NJ America/New_York|NM America/Denver|NY America/New_York|NC America/New_York|
ND America/Chicago America/Denver|OH America/New_York|OK America/Chicago|OR America/Los_Angeles America/Denver|PA America/New_York|RI America/New_York|SC America/New_York|
SD America/Chicago America/Denver|TN America/New_York America/Chicago|TX America/Chicago America/Denver|UT America/Denver|VT America/New_York|VA America/New_York|
WA America/Los_Angeles|WV America/New_York|WI America/Chicago|WY America/Denver|PR America/Puerto_Rico|VI America/Puerto_Rico|GU Pacific/Guam|MP Pacific/Guam|AS Pacific/Pago_Pago`,
	"ID": `AC Asia/Jakarta|BB Asia/Jakarta|BE Asia/Jakarta|BT Asia/Jakarta|JA Asia/Jakarta|JB Asia/Jakarta|JI Asia/Jakarta|JK Asia/Jakarta|JT Asia/Jakarta|KR Asia/Jakarta|
LA Asia/Jakarta|RI Asia/Jakarta|SB Asia/Jakarta|SS Asia/Jakarta|SU Asia/Jakarta|YO Asia/Jakarta|KB Asia/Pontianak|KT Asia/Pontianak|
BA Asia/Makassar|GO Asia/Makassar|KI Asia/Makassar|KS Asia/Makassar|KU Asia/Makassar|NB Asia/Makassar|NT Asia/Makassar|SA Asia/Makassar|SG Asia/Makassar|SN Asia/Makassar|
SR Asia/Makassar|ST Asia/Makassar|MA Asia/Jayapura|MU Asia/Jayapura|PA Asia/Jayapura|PB Asia/Jayapura|PD Asia/Jayapura|PE Asia/Jayapura|PS Asia/Jayapura|PT Asia/Jayapura`,
	"MY": `12 Asia/Kuching|13 Asia/Kuching|15 Asia/Kuching`,
}

// usZones stands for the whole country: one zone per rule of the clock.
var usZones = []string{
	"America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage", "America/Adak", "Pacific/Honolulu",
}

// HasRegion reports whether a country has a region of that code, for the countries whose regions we know by their
// zones (US, ID, and the Malaysian states on Borneo).
func HasRegion(country, region string) bool {
	if region == "" {
		return false
	}
	for line := range strings.SplitSeq(regionZones[country], "|") {
		if code, _, _ := strings.Cut(strings.TrimSpace(line), " "); code == region {
			return true
		}
	}
	return false
}

// ZonesOf lists the IANA time zones a region of a country has, or all of the country's where the region is
// "" or doesn't tell. It is nil for countries we don't know.
func ZonesOf(country, region string) []string {
	for line := range strings.SplitSeq(regionZones[country], "|") {
		code, zones, _ := strings.Cut(strings.TrimSpace(line), " ")
		if code == region && region != "" {
			return strings.Fields(zones)
		}
	}
	if country == "US" {
		return slices.Clone(usZones)
	}
	c := countryOf(country)
	switch {
	case c == nil:
		return nil
	case country == "MY" && region != "":
		return []string{"Asia/Kuala_Lumpur"}
	}
	return slices.Clone(c.zones)
}
