package customs

import (
	"slices"
	"strings"
	"sync"

	"portolan/internal/catalog"
)

// Products finds what is sold. Satisfied by catalog.Service.
type Products interface {
	Snapshot() *catalog.Snapshot
}

// Screen says what stands between the articles of the catalogue and a country. It remembers its answers while the
// catalogue stays as it is, so that asking it for every line of every quote costs next to nothing.
type Screen struct {
	products Products

	mu      sync.RWMutex
	version int64
	said    map[screened][]Verdict
}

// screened is a question: the product's id, where to, and the civil day there.
type screened struct{ product, country, day string }

// screenRoom is how many answers are remembered, about 10 MB.
const screenRoom = 100_000

// NewScreen returns a screen for the articles of a catalogue.
func NewScreen(products Products) *Screen { return &Screen{products: products} }

// Article says what somebody who buys pieces of an article has to know: what forbids it, and what they have to do.
// What is the merchant's to do isn't in it; Product tells that. country is ISO 3166-1, or XI for Northern Ireland; day
// is its civil day, 2006-01-02. An article nobody knows has no verdicts. The list is shared: leave it as it is.
func (s *Screen) Article(sku, country, day string, pieces int64) []Verdict {
	snap := s.products.Snapshot()
	p, _, ok := snap.BySKU(sku)
	if !ok {
		return nil
	}
	all := s.buyer(snap.Version(), p, country, day)
	if !slices.ContainsFunc(all, func(v Verdict) bool { return v.Most >= pieces }) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(v Verdict) bool { return v.Most >= pieces })
}

// Shown is Article for one piece of a product, whichever.
func (s *Screen) Shown(p *catalog.Product, country, day string) []Verdict {
	if len(p.Variants) == 0 {
		return nil
	}
	return s.Article(p.Variants[0].SKU, country, day, 1)
}

// Product is everything Check says about a product, for its merchant.
func (s *Screen) Product(p *catalog.Product, country, day string) []Verdict {
	return check(GoodsOf(p), country, day)
}

// Border is whose rules about goods hold at an address: those of its country, and of XI for Northern Ireland.
func Border(country, postcode string) string {
	if country == "GB" && strings.HasPrefix(strings.ToUpper(postcode), "BT") {
		return "XI"
	}
	return country
}

func (s *Screen) buyer(version int64, p *catalog.Product, country, day string) []Verdict {
	q := screened{p.ID, country, day}
	s.mu.RLock()
	all, ok := s.said[q]
	ok = ok && s.version == version
	s.mu.RUnlock()
	if ok {
		return all
	}
	all = slices.DeleteFunc(check(GoodsOf(p), country, day), func(v Verdict) bool { return !v.Blocks && !v.Buyer })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != version || s.said == nil || len(s.said) >= screenRoom {
		s.version, s.said = version, map[screened][]Verdict{}
	}
	s.said[q] = all
	return all
}
