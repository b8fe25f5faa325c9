package address

// needed names, per country, the fields carriers and customs can't do without besides given name, first line
// and city: s region, z postcode, p phone, and c- where there's no city. Countries that aren't listed need
// no more than those. Source: the carriers' and postal unions' address rules.
var needed = map[string]string{
	"AE": "sp-", "AR": "z", "AT": "z", "AU": "sz", "BE": "z", "BG": "z", "BR": "szp", "CA": "sz", "CH": "z", "CN": "szp", "CY": "z",
	"CZ": "z", "DE": "z", "DK": "z", "EE": "z", "ES": "sz", "FI": "z", "FR": "z", "GB": "z", "GG": "z", "GR": "z", "HK": "sp", "HR": "z",
	"HU": "z", "ID": "szp", "IE": "", "IL": "zp", "IM": "z", "IN": "szp", "IS": "z", "IT": "sz", "JE": "z", "JP": "sz-", "KR": "sz", "LT": "z",
	"LU": "z", "LV": "z", "MT": "z", "MX": "szp", "MY": "szp", "NL": "z", "NO": "z", "NZ": "z", "PH": "szp", "PL": "z", "PT": "z", "RO": "z",
	"SA": "zp", "SE": "z", "SG": "z-", "SI": "z", "SK": "z", "TH": "szp", "TR": "zp", "TW": "z", "UA": "z", "US": "sz", "VN": "sp", "ZA": "z",
}

func needs(country, field string) bool {
	has := func(mark byte) bool {
		for i := range len(needed[country]) {
			if needed[country][i] == mark {
				return true
			}
		}
		return false
	}
	switch field {
	case "given_name", "line1":
		return true
	case "city":
		return !has('-')
	case "region":
		return has('s')
	case "postcode":
		return has('z')
	case "phone":
		return has('p')
	}
	return false
}

// strict lists the countries where tax or the carrier's network hang on the postcode.
var strict = map[string]bool{"US": true, "DE": true, "GB": true}

// familyFirst lists the countries where the family name comes first.
var familyFirst = map[string]bool{"CN": true, "HK": true, "HU": true, "JP": true, "KR": true, "MO": true, "TW": true, "VN": true}

// labels names the fields that are called otherwise than usual in a country.
var labels = map[string]map[string]string{
	"line1":    {"DE": "line1_street", "AT": "line1_street", "CH": "line1_street", "NL": "line1_street", "ID": "line1_street", "MY": "line1_street"},
	"city":     {"GB": "city_town", "IE": "city_town", "JE": "city_town", "GG": "city_town", "IM": "city_town", "AU": "city_suburb", "HK": "city_district", "CN": "city", "TR": "city_district"},
	"district": {"ID": "district_kecamatan"},
	"postcode": {"US": "postcode_zip", "PH": "postcode_zip", "IN": "postcode_pin", "IE": "postcode_eircode"},
	"region": {
		"US": "region_state", "AU": "region_state", "BR": "region_state", "IN": "region_state", "MX": "region_state", "MY": "region_state", "VE": "region_state", "NG": "region_state",
		"CA": "region_province", "ID": "region_province", "CN": "region_province", "IT": "region_province", "ES": "region_province", "KR": "region_province", "TH": "region_province",
		"VN": "region_province", "PH": "region_province", "AR": "region_province", "TR": "region_province", "IE": "region_county", "TW": "region_county",
		"JP": "region_prefecture", "AE": "region_emirate", "HK": "region_area",
	},
}

func label(country, field string) string {
	if special := labels[field][country]; special != "" {
		return "address." + special
	}
	if field == "region" {
		return "address.region_region"
	}
	return "address." + field
}

// examples shows the form of a postcode; the places are real.
var examples = map[string]string{
	"AT": "1010", "AU": "2000", "BE": "1000", "BR": "01310-100", "CA": "M5H 2N2", "CH": "8001", "CN": "100000", "CZ": "110 00", "DE": "10115", "DK": "1050",
	"ES": "28001", "FI": "00100", "FR": "75001", "GB": "SW1A 1AA", "GR": "105 57", "HU": "1051", "ID": "12190", "IE": "D02 X285", "IN": "110001", "IT": "00184",
	"JP": "100-0001", "KR": "04524", "MX": "06000", "MY": "50450", "NL": "1012 JS", "NO": "0150", "NZ": "6011", "PL": "00-001", "PT": "1100-148", "RO": "010011",
	"SA": "12271", "SE": "111 29", "SG": "049178", "TH": "10200", "TR": "34110", "TW": "100", "US": "10001", "VN": "100000", "ZA": "8001",
}
