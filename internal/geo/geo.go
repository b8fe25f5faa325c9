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

// Country is the ISO 3166-1 alpha-2 code of the country ip was given out to.
func (t *Table) Country(ip netip.Addr) (code string, ok bool) {
	if t == nil || !ip.IsValid() {
		return "", false
	}
	if err := t.db.Lookup(ip.Unmap()).DecodePath(&code, "country_code"); err != nil || len(code) != 2 {
		return "", false
	}
	return code, true
}

// Country looks ip up in the embedded table.
func Country(ip netip.Addr) (code string, ok bool) { return table().Country(ip) }
