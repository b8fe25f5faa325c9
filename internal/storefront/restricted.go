package storefront

import (
	"errors"

	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customs"
)

// Borders says what a buyer has to know about a product's way into a country. Satisfied by customs.Screen.
type Borders interface {
	Shown(p *catalog.Product, country, day string) []customs.Verdict
}

// barred says that a product may not go to the market's likely country, and why; nothing where it may. everywhere
// tells that none of the market's countries takes it.
func (s *shop) barred(at place, p *catalog.Product) (note string, everywhere bool) {
	if s.Borders == nil {
		return "", false
	}
	day := at.market.Day(s.DB.Clock().Now())
	everywhere = true
	for i, c := range at.market.Countries {
		all := s.Borders.Shown(p, string(c), day)
		blocked := len(all) > 0 && all[0].Blocks
		if blocked && i == 0 {
			note = at.say.T("shop.not_sold_text", "country", at.say.CountryName(string(c))) + " " + s.verdict(at, all[0], string(c))
		}
		everywhere = everywhere && blocked
	}
	return note, everywhere
}

// verdict is the reason of a restriction and what the shopper can do instead.
func (s *shop) verdict(at place, v customs.Verdict, country string) string {
	return at.say.T(v.Reason, "country", at.say.CountryName(country)) + " " + at.say.T(v.Instead)
}

// stuck reports whether a bag can't be delivered as it is, so that its page has to be looked at again.
func stuck(err error) bool {
	return errors.Is(err, checkout.ErrSoldOut) || errors.Is(err, checkout.ErrRestricted)
}
