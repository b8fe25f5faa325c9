package landed

import (
	"slices"
	"strings"
)

// countrySet is a set of ISO codes, written one after the other; EU stands for its member states. An empty
// set holds everything.
type countrySet struct {
	codes string
	not   bool
}

func (s countrySet) any() bool { return s.codes == "" || s.codes == "*" }

func (s countrySet) has(code string) bool {
	if s.any() {
		return true
	}
	in := false
	for i := 0; i+2 <= len(s.codes) && !in; i += 2 {
		c := s.codes[i : i+2]
		in = c == code || c == "EU" && inEU(code)
	}
	return in != s.not
}

const members = "ATBEBGHRCYCZDKEEFIFRDEGRHUIEITLVLTLUMTNLPLPTROSKSIESSE"

// codeTable marks two-letter codes.
type codeTable [26 * 26]bool

func tableOf(codes string) *codeTable {
	var t codeTable
	for ; len(codes) >= 2; codes = codes[2:] {
		t[int(codes[0]-'A')*26+int(codes[1]-'A')] = true
	}
	return &t
}

func (t *codeTable) has(code string) bool {
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z' &&
		t[int(code[0]-'A')*26+int(code[1]-'A')]
}

var (
	inUnion = tableOf(members + "MC")
	known   = tableOf(isoCodes)
)

func inEU(code string) bool { return inUnion.has(code) }

func isCountry(code string) bool { return known.has(code) }

// isoCodes is ISO 3166-1 alpha-2 with XI (Northern Ireland) and XK (Kosovo), as customs use them.
const isoCodes = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ" +
	"DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISIT" +
	"JEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZ" +
	"NANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZ" +
	"TCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXIXKYEYTZAZMZW"

// place is a destination as the rules see it.
type place struct {
	tax       string // whose consumption tax: DE, GB, US …
	region    string
	customs   string // whose customs: EU, GB, US …
	vatArea   bool   // inside the area of the tax schemes
	territory *territory
}

// locate reads special territories, provinces and states out of country, region and postcode.
func (p *Pack) locate(d *Place) place {
	country, postcode := d.Country, d.Postcode
	region := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(d.Region)), country+"-")
	if postcode == "" && looksLikePostcode(country, region) {
		region, postcode = "", region
	}
	switch country {
	case "MC":
		country = "FR"
	case "LI":
		country = "CH"
	case "IM":
		country = "GB"
	case "PR":
		country, region = "US", "PR"
	}
	if country == "GB" && (region == "NIR" || hasPrefixFold(postcode, "BT")) {
		country = "XI"
	}
	for _, t := range p.territories {
		if t.matches(country, region, postcode) {
			at := place{tax: t.country, region: t.region, customs: "EU", vatArea: t.vat, territory: t}
			if !t.customs {
				at.customs = country
			}
			return at
		}
	}
	at := place{tax: country, region: region, customs: country, vatArea: true}
	switch {
	case inEU(country):
		at.customs = "EU"
	case country == "CA" && !slices.Contains(provinces, region):
		at.region = province(postcode)
	}
	return at
}

// provinces are Canada's, ISO 3166-2:CA.
var provinces = []string{"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"}

// states are Brazil's, ISO 3166-2:BR.
var states = []string{"AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO"}

// looksLikePostcode reports whether somebody wrote the postcode where the region belongs.
func looksLikePostcode(country, region string) bool {
	switch country {
	case "GB":
		return len(region) >= 5 && region[0] >= 'A' && region[0] <= 'Z' && strings.ContainsAny(region, "0123456789")
	case "CA":
		return len(region) >= 6 && len(digitsOf(region)) == 3
	}
	return len(digitsOf(region)) >= 4
}

func (t *territory) matches(country, region, postcode string) bool {
	if t.alias.codes != "" && t.alias.has(country) {
		return true
	}
	if t.country != country {
		return false
	}
	if slices.Contains(t.regions, region) {
		return true
	}
	code := digitsOf(postcode)
	for _, r := range t.postcodes {
		if len(code) == len(r[0]) && code >= r[0] && code <= r[1] {
			return true
		}
		if t.country == "PT" && len(code) == 7 && code[:4] >= r[0] && code[:4] <= r[1] {
			return true
		}
	}
	return false
}

func digitsOf(s string) string {
	clean := true
	for i := range len(s) {
		clean = clean && s[i] >= '0' && s[i] <= '9'
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// province reads a Canadian province from the first letter of the postcode.
func province(postcode string) string {
	if postcode == "" {
		return ""
	}
	switch postcode[0] &^ 0x20 {
	case 'A':
		return "NL"
	case 'B':
		return "NS"
	case 'C':
		return "PE"
	case 'E':
		return "NB"
	case 'G', 'H', 'J':
		return "QC"
	case 'K', 'L', 'M', 'N', 'P':
		return "ON"
	case 'R':
		return "MB"
	case 'S':
		return "SK"
	case 'T':
		return "AB"
	case 'V':
		return "BC"
	case 'Y':
		return "YT"
	}
	return ""
}

// free reports whether goods sent from one country are in free circulation at the place: no border lies
// between.
func (at place) free(from string) bool {
	if at.territory != nil && !(at.territory.vat && at.territory.customs) {
		return false
	}
	from = home(from)
	switch {
	case from == at.tax:
		return true
	case inEU(from):
		return at.customs == "EU" || at.tax == "XI"
	case from == "XI":
		return at.tax == "GB" || at.customs == "EU"
	case from == "GB":
		return at.tax == "XI"
	}
	return false
}

// home is the country whose tax a place without one of its own falls under.
func home(country string) string {
	switch country {
	case "MC":
		return "FR"
	case "LI":
		return "CH"
	case "IM":
		return "GB"
	case "PR":
		return "US"
	}
	return country
}

// union reports whether goods for the place count as sold within the Union; those for Northern Ireland do.
func (at place) union() bool { return inEU(at.tax) || at.tax == "XI" }

func unionSeller(from string) bool { return inEU(from) || from == "XI" }

// dutyFree reports whether goods reach the place without crossing a customs border, though a tax border lies
// between: from the Union to its territories outside the VAT area.
func (at place) dutyFree(from string) bool {
	return at.territory != nil && at.territory.customs && inEU(from)
}

// hsSet is a set of chapters and headings, each an inclusive range of prefixes of one length.
type hsSet [][2]string

func parseHS(s string) hsSet {
	if s == "" {
		return nil
	}
	var set hsSet
	for part := range strings.SplitSeq(s, "|") {
		lo, hi, ok := strings.Cut(part, "-")
		if !ok {
			hi = lo
		}
		set = append(set, [2]string{lo, hi})
	}
	return set
}

func (s hsSet) has(hs string) bool {
	for _, r := range s {
		if n := len(r[0]); len(hs) >= n && hs[:n] >= r[0] && hs[:n] <= r[1] {
			return true
		}
	}
	return false
}

type channelSet uint8

const (
	byCourier channelSet = 1 << iota
	byPost
	byFreight
	byCBEC
)

// registration is a set of tax schemes that the seller is in.
type registration uint16

// registrations are the codes by which the tables and requests name them, with the names in use elsewhere.
var registrations = map[string]registration{
	"IOSS": 1, "GB_VAT": 2, "UK_VAT": 2, "NO_VOEC": 4, "VOEC": 4, "CH_VAT": 8, "AU_GST": 16, "NZ_GST": 32,
	"SG_OVR": 64, "SG_GST": 64, "MY_LVG": 128, "CL_VAT": 256, "BR_REMESSA": 512, "REMESSA_CONFORME": 512,
}

// KnowsRegistration reports whether a word names a registration: one that quotes go by, a state of the US, or one
// that changes nothing at a border (OSS, those of Canada).
func KnowsRegistration(word string) bool {
	word = strings.ToUpper(strings.ReplaceAll(word, "-", "_"))
	state, isState := strings.CutPrefix(word, "US_")
	state, _, _ = strings.Cut(state, "_")
	return registrations[word] != 0 || word == UnionSale || strings.HasPrefix(word, "CA_") || isState && (state == "ALL" || len(state) == 2)
}

// agreement spells the name of a trade agreement in capital letters and digits only.
func agreement(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}
