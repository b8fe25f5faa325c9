// Package geo guesses the country of an internet address from an embedded table, without asking anybody.
// The guess serves as a suggestion with a visible switch; it never decides a market, a price or a tax.
package geo

import (
	_ "embed"
	"net/netip"
	"sync"

	"github.com/oschwald/maxminddb-golang/v2"
)

//go:embed data/country.mmdb
var embedded []byte

var table = sync.OnceValue(func() *Table { return Read(embedded) })

// Table is a MaxMind DB with the key country_code. The nil Table knows no country.
type Table struct{ db *maxminddb.Reader }

// Read opens the bytes of a file without copying them. A file that is missing, broken or of another kind
// yields a table that knows nothing: visitors then get no suggestion, and that's all.
func Read(file []byte) *Table {
	db, err := maxminddb.OpenBytes(file)
	if err != nil {
		return nil
	}
	return &Table{db}
}

// Country is the ISO 3166-1 alpha-2 code of the country ip was given out to. Addresses that nobody was given
// have none, whatever the table says.
func (t *Table) Country(ip netip.Addr) (code string, ok bool) {
	ip = ip.Unmap().WithZone("")
	if t == nil || !public(ip) {
		return "", false
	}
	if err := t.db.Lookup(ip).DecodePath(&code, "country_code"); err != nil || !isCode(code) {
		return "", false
	}
	return code, true
}

func isCode(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z' && s != "ZZ"
}

// reserved lists what netip has no word for. Source: IANA special-purpose address registries.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
}

func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// Country looks ip up in the embedded table.
func Country(ip netip.Addr) (code string, ok bool) { return table().Country(ip) }
